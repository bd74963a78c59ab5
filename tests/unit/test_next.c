/* test_next.c: the functions behind those that the library interposes are those that the loader would find. */
#include "core/next.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* All that the C library has of them, and two with several versions. */
static void as_the_loader(void **state)
{
	static const char *const names[] = {
#define ROW(name) #name,
#include "waits_names.h" /* made of waits.tab */
		"memcpy", "pthread_cond_wait", "realpath", "fnmatch", "strlen", "time", "nobody has this",
	};
	int found = 0;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		void *wanted = dlsym(RTLD_NEXT, names[i]), *got = assay_next_find(names[i]);

		if (got != wanted)
			fail_msg("%s: %p, not %p", names[i], got, wanted);
		found += got != NULL;
	}
	assert_true(found > 150);
}

/* What dlerror() was to say stays, as it would not with dlsym. */
static void leaves_errors(void **state)
{
	const char *said;

	(void)state;
	assert_null(dlopen("/nonexistent/library.so", RTLD_NOW));
	assert_non_null(assay_next_find("pthread_mutex_lock"));
	said = dlerror();
	assert_non_null(said);
	assert_non_null(strstr(said, "nonexistent"));
}

static void kept(void **state)
{
	void *_Atomic cache = NULL;
	void *first = assay_next(&cache, "read");

	(void)state;
	assert_non_null(first);
	assert_ptr_equal(cache, first);
	cache = state;
	assert_ptr_equal(assay_next(&cache, "read"), state);
}

static int in_object(struct dl_phdr_info *info, size_t size, void *found)
{
	const ElfW(Dyn) *dynamic = NULL;
	void *at;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			dynamic = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	assert_null(assay_next_find_in(info->dlpi_addr, dynamic, "nobody has this"));
	at = assay_next_find_in(info->dlpi_addr, dynamic, "pthread_cond_wait");
	if (at)
		*(void **)found = at;
	return 0;
}

/* Each object has its own tables; the C library has it in two versions. */
static void in_one_object(void **state)
{
	void *found = NULL;

	(void)state;
	dl_iterate_phdr(in_object, &found);
	assert_non_null(found);
	assert_ptr_equal(found, dlsym(RTLD_NEXT, "pthread_cond_wait"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_loader),
		cmocka_unit_test(leaves_errors),
		cmocka_unit_test(kept),
		cmocka_unit_test(in_one_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
