/* test_arena.c: memory in the spool: what it promises of its blocks, and what it does when there is no more. */
#include "core/sig/arena.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core_process.h"

enum { MB = 1 << 20 };

struct block {
	uint8_t *at;
	size_t size;
	uint8_t mark;
};

/* A block is where and what it should be, and takes a mark that later blocks must not touch. */
static struct block mark_block(void *at, size_t size, uint8_t mark)
{
	uint8_t *bytes = at;
	uint64_t offset = (uint64_t)(bytes - assay_process.base);

	assert_int_equal(offset % ASSAY_SPOOL_SLOT, 0);
	assert_true(offset >= sizeof(struct assay_spool_header));
	assert_true(offset / ASSAY_SPOOL_SLOT >= ASSAY_PLACES);
	assert_true(offset + size <= atomic_load(&assay_process.header->next));
	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			fail_msg("byte %zu of a new block is not zero", i);
	memset(bytes, mark, size);
	return (struct block){ bytes, size, mark };
}

static void check_blocks(const struct block *blocks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < blocks[i].size; k++)
			if (blocks[i].at[k] != blocks[i].mark)
				fail_msg("block %zu of %zu was overwritten at byte %zu", i, count, k);
}

/* Allocates in turn from the thread's and the common arena until both say no; how many blocks it got. */
static size_t fill_up(struct assay_thread *thread, struct block *blocks, size_t room)
{
	static const size_t sizes[] = { 32, 48, 1, 264, 100, 4096, 16, 6000 };
	size_t count = 0, refused = 0;

	for (size_t i = 0; refused < 16 && count < room; i++) {
		size_t size = sizes[i / 2 % 8];
		void *at = i % 2 ? assay_arena_alloc_common(size) : assay_arena_alloc(&thread->arena, size);

		if (at) {
			blocks[count] = mark_block(at, size, (uint8_t)(count % 255 + 1));
			count++;
			refused = 0;
		} else {
			refused++;
		}
	}
	assert_int_equal(refused, 16);
	return count;
}

static struct block blocks[200000];

static void blocks_are_aligned_zeroed_and_apart(void **state)
{
	struct assay_thread *thread;
	size_t n = 0;

	(void)state;
	core_process_begin(16 * MB);
	thread = core_process_thread();
	for (size_t size = 1; size < 3000; size += 7, n++)
		blocks[n] = mark_block(assay_arena_alloc(&thread->arena, size), size, (uint8_t)(n % 255 + 1));
	/* larger than any chunk */
	blocks[n] = mark_block(assay_arena_alloc(&thread->arena, 300000), 300000, 77);
	n++;
	blocks[n] = mark_block(assay_arena_alloc_common(300000), 300000, 78);
	n++;
	check_blocks(blocks, n);
	assert_true(atomic_load(&assay_process.header->next) > 600000);
	core_process_end();
}

static void chunks_grow_with_use(void **state)
{
	struct assay_thread *thread;
	uint64_t first;

	(void)state;
	core_process_begin(16 * MB);
	thread = core_process_thread();
	first = atomic_load(&assay_process.header->next);
	assert_non_null(assay_arena_alloc(&thread->arena, 32));
	/* a thread with one node takes little */
	assert_true(atomic_load(&assay_process.header->next) - first <= 4096);
	for (int i = 0; i < 20000; i++)
		assert_non_null(assay_arena_alloc(&thread->arena, 32));
	assert_int_equal(thread->arena.chunk, 64 * 1024);
	/* and a large one wastes at most its last chunk */
	assert_true(atomic_load(&assay_process.header->next) - first <= 20001 * 32 + 64 * 1024 + 4096);
	core_process_end();
}

static void the_limit_is_kept_and_nothing_is_lost(void **state)
{
	struct assay_thread *thread;
	size_t n, bytes = 0;

	(void)state;
	core_process_begin(MB);
	thread = core_process_thread();
	n = fill_up(thread, blocks, sizeof blocks / sizeof *blocks);
	for (size_t i = 0; i < n; i++)
		bytes += blocks[i].size;
	check_blocks(blocks, n);
	assert_true(atomic_load(&assay_process.header->next) <= MB);
	assert_true(bytes > MB / 2);
	assert_int_equal(assay_arena_string("x", 1), 0);
	core_process_end();
}

static void strings(void **state)
{
	struct assay_spool_string *s;
	assay_ref ref;

	(void)state;
	core_process_begin(MB);
	ref = assay_arena_string("a\0b", 3);
	assert_int_not_equal(ref, 0);
	s = assay_at(ref);
	assert_int_equal(s->length, 3);
	assert_memory_equal(s->bytes, "a\0b", 4);
	assert_int_equal(assay_ref_of(s), ref);
	ref = assay_arena_string("", 0);
	assert_int_equal(((struct assay_spool_string *)assay_at(ref))->length, 0);
	core_process_end();
}

enum { WORKERS = 4, EACH = 5000 };

struct worker {
	pthread_barrier_t *start;
	uint8_t mark;
	struct block blocks[EACH];
};

static void *allocate(void *p)
{
	struct worker *w = p;

	pthread_barrier_wait(w->start);
	for (int i = 0; i < EACH; i++) {
		size_t size = 16 + (size_t)(i * 37 % 300);
		uint8_t *at = assay_arena_alloc_common(size);

		if (!at)
			return (void *)1;
		w->blocks[i] = (struct block){ at, size, w->mark };
		memset(at, w->mark, size);
	}
	return NULL;
}

static void the_common_arena_serves_threads_at_once(void **state)
{
	struct worker *workers = calloc(WORKERS, sizeof *workers);
	pthread_barrier_t start;
	pthread_t ids[WORKERS];
	void *failed;

	(void)state;
	core_process_begin(64 * MB);
	pthread_barrier_init(&start, NULL, WORKERS);
	for (int i = 0; i < WORKERS; i++) {
		workers[i].start = &start;
		workers[i].mark = (uint8_t)(i + 1);
		assert_int_equal(pthread_create(&ids[i], NULL, allocate, &workers[i]), 0);
	}
	for (int i = 0; i < WORKERS; i++) {
		assert_int_equal(pthread_join(ids[i], &failed), 0);
		assert_null(failed);
	}
	for (int i = 0; i < WORKERS; i++)
		check_blocks(workers[i].blocks, EACH);
	pthread_barrier_destroy(&start);
	free(workers);
	core_process_end();
}

/* What is handed out is there: blocks of the file, not a hole that a full disk turns into SIGBUS. */
static void memory_is_reserved_in_the_file(void **state)
{
	struct assay_thread *thread;
	struct stat st;

	for (int by_file = 0; by_file < 2; by_file++) {
		core_process_begin(8 * MB);
		assay_process.reserve_by_file = by_file;
		thread = core_process_thread();
		for (int i = 0; i < 1000; i++)
			assert_non_null(assay_arena_alloc(&thread->arena, 256));
		if (by_file) {
			assert_int_equal(stat(assay_process.path, &st), 0);
			assert_true((uint64_t)st.st_blocks * 512 >= atomic_load(&assay_process.header->next));
		}
		assert_int_equal(fill_up(thread, blocks, sizeof blocks / sizeof *blocks) > 1000, true);
		core_process_end();
	}
	(void)state;
}

/* Beyond RLIMIT_FSIZE the kernel sends SIGXFSZ, of which the program would die. */
static void the_file_size_limit_is_kept(void **state)
{
	struct rlimit before, low;
	struct assay_thread *thread;
	size_t n;

	(void)state;
	core_process_begin(8 * MB);
	thread = core_process_thread();
	assay_process.reserve_by_file = true;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	low = (struct rlimit){ 256 * 1024, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	n = fill_up(thread, blocks, sizeof blocks / sizeof *blocks);
	check_blocks(blocks, n);
	assert_int_equal(assay_arena_reserve(4 * MB, 4096, -1), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	core_process_end();
	/* a spool made under such a limit is no larger than that */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	core_process_begin(8 * MB);
	assert_true(assay_process.limit <= 256 * 1024);
	n = fill_up(core_process_thread(), blocks, sizeof blocks / sizeof *blocks);
	check_blocks(blocks, n);
	core_process_end();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

static void a_full_file_system_is_no_sigbus(void **state)
{
	char folder[] = "/tmp/assay-full-XXXXXX";
	struct assay_thread *thread;
	size_t n;

	(void)state;
	/* a mount that nobody else sees, and that goes with this process */
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0) {
		print_message("# not tried: a full file system needs root, for a small tmpfs: %s\n", strerror(errno));
		skip();
	}
	assert_non_null(mkdtemp(folder));
	assert_int_equal(mount("assay", folder, "tmpfs", 0, "size=512k"), 0);
	for (int by_file = 0; by_file < 2; by_file++) {
		assert_int_equal(core_process_begin_in(folder, 8 * MB), 0);
		assay_process.reserve_by_file = by_file;
		thread = core_process_thread();
		n = fill_up(thread, blocks, sizeof blocks / sizeof *blocks);
		assert_true(n > 50);
		check_blocks(blocks, n);
		assert_int_equal(assay_arena_reserve(4 * MB, 64 * 1024, -1), -ENOSPC);
		core_process_end();
	}
	/* with no room even for the beginning: an error, and no file left behind */
	{
		char filler[64];
		static char zeros[4096];
		FILE *out;

		snprintf(filler, sizeof filler, "%s/filler", folder);
		out = fopen(filler, "w");
		assert_non_null(out);
		setbuf(out, NULL);
		while (fwrite(zeros, sizeof zeros, 1, out) == 1)
			;
		assert_int_equal(core_process_begin_in(folder, 8 * MB), -ENOSPC);
		assert_int_equal(access(assay_process.path, F_OK), -1);
		fclose(out);
		unlink(filler);
	}
	assert_int_equal(umount(folder), 0);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_aligned_zeroed_and_apart),
		cmocka_unit_test(chunks_grow_with_use),
		cmocka_unit_test(the_limit_is_kept_and_nothing_is_lost),
		cmocka_unit_test(strings),
		cmocka_unit_test(the_common_arena_serves_threads_at_once),
		cmocka_unit_test(memory_is_reserved_in_the_file),
		cmocka_unit_test(the_file_size_limit_is_kept),
		cmocka_unit_test(a_full_file_system_is_no_sigbus),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
