/* test_module.c: which module holds an address: as the loader has it, through loads and unloads, in spools that end. */
#include "core/sig/module.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/sig/arena.h"
#include "core_process.h"
#include "profile/spool_reader.h"

extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

static int note(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	assert_true(assay_module_add(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, info->dlpi_name, NULL) >= 0);
	return 0;
}

static const struct assay_spool_module *record(int index)
{
	return assay_at(assay_module_at(index)->ref);
}

static const char *path_of(int index)
{
	return ((const struct assay_spool_string *)assay_at(record(index)->path))->bytes;
}

static int begin(void **state)
{
	(void)state;
	core_process_begin(8 << 20);
	dl_iterate_phdr(note, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	core_process_end();
	return 0;
}

static int compare(struct dl_phdr_info *info, size_t size, void *context)
{
	int *n = context;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + p->p_vaddr;
		int index;

		if (p->p_type != PT_LOAD || !p->p_memsz)
			continue;
#ifdef __aarch64__
		/* code is what is looked for; where pages may have 64 kB, glibc's look-up knows of the program's that alone */
		if (!(p->p_flags & PF_X))
			continue;
#endif
		index = assay_module_find(at);
		assert_true(index >= 0);
		assert_int_equal(assay_module_find(at + p->p_memsz - 1), index);
		assert_int_equal(assay_module_at(index)->bias, info->dlpi_addr);
		assert_int_equal(record(index)->bias, info->dlpi_addr);
		assert_true(record(index)->start <= at && record(index)->end >= at + p->p_memsz);
		if (*info->dlpi_name)
			assert_string_equal(path_of(index), info->dlpi_name);
		else
			assert_int_equal(record(index)->path, 0); /* the program: the header has its path */
		(*n)++;
	}
	return 0;
}

/* Every loaded segment, first byte and last: with the loader's help, and without it (older C libraries). */
static void all_that_is_loaded(void **state)
{
	int n = 0, vdso;

	(void)state;
	for (int by_loader = 0; by_loader < 2; by_loader++) {
		assay_module_find_object = by_loader ? _dl_find_object : NULL;
		dl_iterate_phdr(compare, &n);
		assert_true(n >= 3 * (by_loader + 1)); /* program, loader and C library */
		assert_int_equal(assay_module_find(0), -1);
		assert_int_equal(assay_module_find(1), -1);
		assert_int_equal(assay_module_find(UINTPTR_MAX), -1);
		assert_int_equal(assay_module_find((uintptr_t)&n), -1);            /* the stack */
		assert_int_equal(assay_module_find((uintptr_t)assay_process.base), -1);
		vdso = assay_module_find(getauxval(AT_SYSINFO_EHDR));
		if (getauxval(AT_SYSINFO_EHDR)) {
			assert_true(vdso >= 0);
			assert_true(assay_module_at(vdso)->vdso);
			assert_int_equal(record(vdso)->flags, 1);
		}
	}
	/* the same again adds nothing */
	n = assay_module_count();
	dl_iterate_phdr(note, NULL);
	assert_int_equal(assay_module_count(), n);
}

static void build_ids(void **state)
{
	const struct assay_spool_module *m = record(assay_module_find((uintptr_t)build_ids));
	char command[300], wanted[200] = "", hex[2 * ASSAY_BUILD_ID_MAX + 1] = "";
	FILE *in;

	(void)state;
	for (uint32_t i = 0; i < m->build_id_length; i++)
		sprintf(hex + 2 * i, "%02x", m->build_id[i]);
	/* (what /proc says is valgrind or qemu, where those run the test) */
	snprintf(command, sizeof command, "LC_ALL=C readelf -n '%s' | sed -n 's/.*Build ID: //p'",
		 (const char *)getauxval(AT_EXECFN));
	in = popen(command, "r");
	assert_non_null(in);
	if (fgets(wanted, sizeof wanted, in))
		wanted[strcspn(wanted, "\n")] = 0;
	pclose(in);
	assert_string_equal(hex, wanted);
}

/* A small library of the C library's own package that nothing here has loaded. */
static void *load(void)
{
	void *library = dlopen("libBrokenLocale.so.1", RTLD_NOW | RTLD_LOCAL);

	return library ? library : dlopen("libanl.so.1", RTLD_NOW | RTLD_LOCAL);
}

static uintptr_t some_address(void *library)
{
	struct link_map *map;

	assert_int_equal(dlinfo(library, RTLD_DI_LINKMAP, &map), 0);
	return (uintptr_t)map->l_ld; /* its dynamic section */
}

static void loaded_and_unloaded(void **state)
{
	void *library = load();
	uint32_t generation;
	uintptr_t address;
	int index, again, n;

	(void)state;
	assay_module_find_object = _dl_find_object;
	if (!assay_module_find_object) {
		print_message("# not tried: this C library has no _dl_find_object\n");
		skip();
	}
	assert_non_null(library);
	/* nobody said that it was loaded: the look-up itself adds it */
	n = assay_module_count();
	address = some_address(library);
	index = assay_module_find(address);
	assert_int_equal(index, n);
	assert_int_equal(assay_module_find(address + 8), index);
	assert_non_null(strstr(path_of(index), "/lib"));
	assert_int_equal(record(index)->unload_ns, 0);
	assert_true(record(index)->load_ns >= record(0)->load_ns);
	assert_true(assay_module_at(index)->header > 0);
	generation = assay_module_generation();
	dlclose(library);
	assay_module_gone(index);
	assert_int_not_equal(assay_module_generation(), generation);
	assert_true(record(index)->unload_ns >= record(index)->load_ns);
	assert_int_equal(assay_module_find(address), -1);
	/* it comes back: the same row of the history if it is where it was, else another */
	library = load();
	again = assay_module_find(some_address(library));
	assert_true(again >= 0);
	if (some_address(library) == address) {
		assert_int_equal(again, index);
		assert_int_equal(record(index)->unload_ns, 0);
	} else {
		assert_int_equal(again, n + 1);
	}
	dlclose(library);
	assay_module_gone(again);
}

/* A forked child's own spool gets all that is loaded, and nothing of what was. */
static void written_anew(void **state)
{
	struct assay_spool spool;
	assay_ref *refs;
	const char *why;
	int live = 0;

	(void)state;
	core_process_end();
	core_process_begin(8 << 20);
	assay_module_rewrite();
	for (int i = 0; i < assay_module_count(); i++)
		if (assay_module_at(i)->state == ASSAY_MODULE_LIVE) {
			live++;
			assert_non_null(path_of(i));
			assert_int_equal(record(i)->bias, assay_module_at(i)->bias);
		} else {
			assert_int_equal(assay_module_at(i)->ref, 0);
		}
	assert_int_equal(assay_spool_open(assay_process.path, &spool, &why), 0);
	assert_int_equal(assay_spool_list(&spool, spool.header->modules, sizeof(struct assay_spool_module), &refs), live);
	free(refs);
	assay_spool_close(&spool);
}

/* More modules than the table has room for, and than the spool has: what is known stays right. */
static void no_more_room(void **state)
{
	static ElfW(Phdr) headers[ASSAY_MODULES_MAX + 10];
	int index, own = assay_module_find((uintptr_t)no_more_room), added = 0;

	(void)state;
	assay_module_find_object = NULL;
	core_process_end();
	core_process_begin(64 << 10);
	assay_module_rewrite();
	for (int i = 0; i < ASSAY_MODULES_MAX + 10; i++) {
		headers[i] = (ElfW(Phdr)){ .p_type = PT_LOAD, .p_memsz = 4096 };
		index = assay_module_add(0x100000000000 + (uintptr_t)i * 0x10000, &headers[i], 1, "/fake.so", NULL);
		if (index < 0)
			continue;
		added++;
		assert_int_equal(assay_module_find(0x100000000000 + (uintptr_t)i * 0x10000 + 4095), index);
		assert_int_equal(assay_module_find(0x100000000000 + (uintptr_t)i * 0x10000 + 4096), -1);
	}
	assert_true(added > ASSAY_MODULES_MAX / 2 && added < ASSAY_MODULES_MAX);
	assert_int_equal(assay_module_count(), ASSAY_MODULES_MAX);
	assert_int_equal(assay_module_at(ASSAY_MODULES_MAX - 1)->ref, 0); /* the spool was full before that */
	assert_int_equal(assay_module_find((uintptr_t)no_more_room), own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_is_loaded),
		cmocka_unit_test(build_ids),
		cmocka_unit_test(loaded_and_unloaded),
		cmocka_unit_test(written_anew),
		cmocka_unit_test(no_more_room),
	};

	return cmocka_run_group_tests_name("module", tests, begin, end);
}
