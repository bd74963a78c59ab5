/* test_spool.c: the process's spool file: its name, its header, and what happens where there can be none. */
#include "core/spool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/sig/arena.h"
#include "core_process.h"
#include "profile/spool_reader.h"

enum { MB = 1 << 20 };

static char folder[64];

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/assay-test-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(folder); /* fails if a test leaves a file behind */
}

static void a_new_spool(void **state)
{
	struct assay_spool spool;
	const struct assay_spool_header *h;
	const char *why = NULL;
	char name[128];
	struct stat st;

	(void)state;
	umask(0);
	assert_int_equal(core_process_begin_in(folder, 8 * MB), 0);
	snprintf(name, sizeof name, "%s/%ld-0.spool", folder, (long)getpid());
	assert_string_equal(assay_process.path, name);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 8 * MB);
	assert_true(st.st_blocks * 512 < 4 * MB); /* most of it is a hole */
	assert_int_equal(assay_process.limit, 8 * MB);
	/* the reader takes it as it is: a live process's */
	assert_int_equal(assay_spool_open(name, &spool, &why), 0);
	h = spool.header;
	assert_int_equal(h->pid, getpid());
	assert_int_equal(h->ppid, getppid());
	assert_int_equal(h->uid, getuid());
	assert_int_equal(h->rate_hz, 200);
	assert_int_equal(h->limit, 8 * MB);
	assert_int_equal(h->state, ASSAY_STATE_RUNNING);
	assert_int_equal(h->end_ns, 0);
	assert_true(h->start_ns > 0 && h->start_ns <= assay_now_ns());
	assert_false(spool.cut_off);
	assay_spool_close(&spool);
	core_process_end();
}

/* Images of one process, and processes that got the pid of another: each its own file. */
static void names_that_are_taken(void **state)
{
	char name[128];

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(core_process_begin_in(folder, MB), 0);
		snprintf(name, sizeof name, "%s/%ld-%d.spool", folder, (long)getpid(), i);
		assert_string_equal(assay_process.path, name);
		munmap(assay_process.base, assay_process.limit);
	}
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "%s/%ld-%d.spool", folder, (long)getpid(), i);
		assert_int_equal(unlink(name), 0);
	}
	/* a link that somebody has put there is not followed */
	snprintf(name, sizeof name, "%s/%ld-0.spool", folder, (long)getpid());
	assert_int_equal(symlink("/tmp/assay-not-there", name), 0);
	assert_int_equal(core_process_begin_in(folder, MB), 0);
	assert_string_not_equal(assay_process.path, name);
	assert_int_equal(access("/tmp/assay-not-there", F_OK), -1);
	core_process_end();
	unlink(name);
}

static void where_there_can_be_none(void **state)
{
	static char deep[5000];

	(void)state;
	assert_int_equal(core_process_begin_in("/nowhere/at/all", MB), -ENOENT);
	memset(deep, 'x', sizeof deep - 1);
	assert_int_equal(core_process_begin_in(deep, MB), -ENAMETOOLONG);
	assert_true(core_process_begin_in("/proc/self", MB) < 0);
}

static void limits_of_the_program(void **state)
{
	struct rlimit files, space, low;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &files), 0);
	low = (struct rlimit){ 1024, files.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	assert_int_equal(core_process_begin_in(folder, 8 * MB), -EFBIG);
	assert_int_equal(access(assay_process.path, F_OK), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &files), 0);
	/* little address space is left to the program */
	assert_int_equal(getrlimit(RLIMIT_AS, &space), 0);
	low = (struct rlimit){ 1024ull * MB, space.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_AS, &low), 0);
	assert_int_equal(core_process_begin_in(folder, 256 * MB), 0);
	assert_true(assay_process.limit <= 16 * MB && assay_process.limit >= MB);
	core_process_end();
	assert_int_equal(setrlimit(RLIMIT_AS, &space), 0);
}

/* Before mlockall: what is in use stays, and what is not is given up for good. */
static void frozen(void **state)
{
	struct assay_thread *thread;
	struct assay_spool spool;
	const char *why;
	uint64_t used;
	size_t n = 0;
	void *p;

	(void)state;
	assert_int_equal(core_process_begin_in(folder, 64 * MB), 0);
	thread = core_process_thread();
	for (int i = 0; i < 40000; i++)
		memset(assay_arena_alloc(&thread->arena, 64), 1, 64);
	used = atomic_load(&assay_process.header->next);
	assert_true(used > 2 * MB);
	assay_spool_freeze();
	assert_true(assay_process.limit >= used && assay_process.limit < used + 64 * 1024);
	while ((p = assay_arena_alloc(&thread->arena, 64)))
		memset(p, 2, 64), n++;
	assert_true(n < 2048);
	assert_true(atomic_load(&assay_process.header->next) <= assay_process.limit);
	assert_int_equal(assay_spool_open(assay_process.path, &spool, &why), 0);
	assert_false(spool.cut_off);
	assay_spool_close(&spool);
	core_process_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_spool, setup, teardown),
		cmocka_unit_test_setup_teardown(names_that_are_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(where_there_can_be_none, setup, teardown),
		cmocka_unit_test_setup_teardown(limits_of_the_program, setup, teardown),
		cmocka_unit_test_setup_teardown(frozen, setup, teardown),
	};

	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
