/* test_spool_reader.c: what the reader makes of a sound spool, of parts of one, and of lies. */
#include "profile/spool_reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "spool_builder.h"

/* Two threads, two modules, a tree of eight nodes, a time line of two chunks. */
static void small_spool(struct spool_builder *b)
{
	assay_ref program, library, first, second, root, main_, work;
	struct assay_spool_timeline *chunk;

	builder_begin(b, 1234, 5000000000);
	b->header->exe = builder_string(b, "/bin/work");
	b->header->command = builder_bytes(b, "work\0-x", 8);
	builder_metric(b, 0, "cpu");
	program = builder_module(b, "/bin/work", 0x400000, 0x1000, 0);
	library = builder_module(b, "/lib/libx.so", 0x7f0000000000, 0x2000, 0x7f0000000000);
	first = builder_thread(b, 1234, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	second = builder_thread(b, 1235, 0);
	root = builder_root(b, first);
	main_ = builder_node(b, root, program, 0x400100);
	work = builder_node(b, main_, library, 0x10);
	builder_samples(b, first, work, 3, 1000);
	builder_samples(b, first, builder_node(b, main_, library, 0x20), 1, 500);
	builder_samples(b, first, builder_node(b, main_, library, 0x30), 1, 500);
	builder_samples(b, first, builder_node(b, builder_node(b, root, ASSAY_PLACE_SPECIAL, ASSAY_SPECIAL_TRUNCATED),
		ASSAY_PLACE_ABSOLUTE, 0xdead), 1, 7);
	builder_samples(b, second, builder_node(b, builder_root(b, second), library, 0x10), 2, 100);
	for (int i = 0; i < 2; i++) {
		struct assay_spool_thread *t = builder_at(b, first);
		assay_ref ref = builder_alloc(b, sizeof *chunk + 2 * sizeof chunk->entries[0]);

		chunk = builder_at(b, ref);
		chunk->next = t->timeline;
		chunk->capacity = 2;
		chunk->count = (uint32_t)(2 - i);
		chunk->entries[0].node = work;
		t->timeline = ref;
	}
}

/* Reads all that there is, as the digest does. The sum of what it finds; the nodes are counted. */
static uint64_t read_all(struct assay_spool *spool, size_t *nodes)
{
	static const size_t sizes[] = { sizeof(struct assay_spool_metric), sizeof(struct assay_spool_module) };
	const assay_ref lists[] = { spool->header->metrics, spool->header->modules };
	uint64_t sum = 0;
	assay_ref *refs;
	size_t n, length;

	*nodes = 0;
	sum += (uintptr_t)assay_spool_string(spool, spool->header->note, &length) & 0;
	for (int i = 0; i < 2; i++) {
		n = assay_spool_list(spool, lists[i], sizes[i], &refs);
		for (size_t k = 0; k < n; k++) {
			const struct assay_spool_module *m = assay_spool_module(spool, refs[k]);
			const char *text = m ? assay_spool_string(spool, m->path, &length) : NULL;

			for (size_t c = 0; text && c < length; c++)
				sum += (uint64_t)(text[c] & 0);
		}
		free(refs);
	}
	n = assay_spool_list(spool, spool->header->threads, sizeof(struct assay_spool_thread), &refs);
	for (size_t i = 0; i < n; i++) {
		const struct assay_spool_thread *t = assay_spool_thread(spool, refs[i]);
		const struct assay_spool_timeline *chunk;
		struct assay_spool_visit *visits;
		size_t found = assay_spool_tree(spool, t->root, &visits), chunks;
		assay_ref *times;

		for (size_t k = 0; k < found; k++) {
			const struct assay_spool_value *v = assay_spool_value(spool, visits[k].node->values);

			assert_true(visits[k].parent < k || k == 0);
			sum += v ? v->sum : 0;
		}
		*nodes += found;
		free(visits);
		chunks = assay_spool_list(spool, t->timeline, sizeof *chunk, &times);
		for (size_t k = 0; k < chunks; k++) {
			chunk = assay_spool_timeline(spool, times[k]);
			for (uint32_t e = 0; chunk && e < chunk->capacity; e++)
				sum += chunk->entries[e].node & 0;
		}
		free(times);
	}
	free(refs);
	return sum;
}

static void a_sound_spool(void **state)
{
	struct spool_builder b;
	struct assay_spool spool;
	struct assay_spool_visit *visits;
	assay_ref *refs;
	const char *why, *text;
	size_t n, length;

	(void)state;
	small_spool(&b);
	assert_int_equal(assay_spool_open_memory(b.bytes, b.used, &spool, &why), 0);
	assert_int_equal(read_all(&spool, &n), 3 * 1000 + 500 + 500 + 7 + 2 * 100);
	assert_int_equal(n, 9);
	text = assay_spool_string(&spool, spool.header->command, &length);
	assert_int_equal(length, 8);
	assert_memory_equal(text, "work\0-x", 8);
	assert_null(assay_spool_string(&spool, 0, &length));
	n = assay_spool_list(&spool, spool.header->threads, sizeof(struct assay_spool_thread), &refs);
	assert_int_equal(n, 2);
	assert_int_equal(assay_spool_thread(&spool, refs[0])->tid, 1235); /* newest first */
	n = assay_spool_tree(&spool, assay_spool_thread(&spool, refs[1])->root, &visits);
	assert_int_equal(n, 7);
	for (size_t i = 1; i < n; i++)
		assert_int_equal(visits[visits[i].parent].ref, visits[i].node->parent);
	free(visits);
	free(refs);
	n = assay_spool_list(&spool, spool.header->modules, sizeof(struct assay_spool_module), &refs);
	assert_int_equal(n, 2);
	text = assay_spool_string(&spool, assay_spool_module(&spool, refs[1])->path, &length);
	assert_int_equal(length, 9);
	assert_memory_equal(text, "/bin/work", 9);
	free(refs);
	assert_int_equal(assay_spool_list(&spool, 0, 4, &refs), 0);
	assert_null(refs);
	free(spool.visited);
	builder_end(&b);
}

/* References that name kinds of place, and records that stick out of what is in use. */
static void what_is_refused(void **state)
{
	struct spool_builder b;
	struct assay_spool spool;
	const char *why;
	assay_ref last;
	size_t length;

	(void)state;
	small_spool(&b);
	last = builder_alloc(&b, 16);
	((struct assay_spool_string *)builder_at(&b, last))->length = 12;
	assert_int_equal(assay_spool_open_memory(b.bytes, b.used, &spool, &why), 0);
	for (assay_ref ref = 0; ref < ASSAY_PLACES; ref++)
		assert_null(assay_spool_module(&spool, ref));
	assert_non_null(assay_spool_module(&spool, ASSAY_PLACES));
	assert_non_null(assay_spool_string(&spool, last, &length));
	((struct assay_spool_string *)builder_at(&b, last))->length = 13;
	assert_null(assay_spool_string(&spool, last, &length));
	((struct assay_spool_string *)builder_at(&b, last))->length = UINT32_MAX;
	assert_null(assay_spool_string(&spool, last, &length));
	assert_null(assay_spool_thread(&spool, last));
	assert_null(assay_spool_thread(&spool, last + 1));
	assert_null(assay_spool_thread(&spool, UINT32_MAX));
	assert_non_null(assay_spool_timeline(&spool, last));
	((struct assay_spool_timeline *)builder_at(&b, last))->capacity = UINT32_MAX;
	assert_null(assay_spool_timeline(&spool, last));
	free(spool.visited);
	builder_end(&b);
}

/* A copy of exactly so many bytes on the heap, where a sanitizer sees what is read beyond. */
static size_t try_bytes(const uint8_t *bytes, size_t size, size_t *nodes)
{
	uint8_t *copy = aligned_alloc(16, (size + 15) / 16 * 16 + (size == 0 ? 16 : 0));
	struct assay_spool spool;
	const char *why = NULL;
	uint64_t sum = 0;

	*nodes = 0;
	memcpy(copy, bytes, size);
	if (assay_spool_open_memory(copy, size, &spool, &why) == 0) {
		sum = read_all(&spool, nodes);
		free(spool.visited);
	} else {
		assert_non_null(why);
	}
	free(copy);
	return sum;
}

/* What is there of a spool that was cut off is read: never more than the whole, and growing with the length. */
static void cut_off_at_every_length(void **state)
{
	struct spool_builder b;
	size_t all, nodes, most = 0;

	(void)state;
	small_spool(&b);
	try_bytes(b.bytes, b.used, &all);
	for (size_t n = 0; n <= b.used; n++) {
		try_bytes(b.bytes, n, &nodes);
		assert_true(nodes <= all);
		most = nodes > most ? nodes : most;
		if (n < sizeof(struct assay_spool_header))
			assert_int_equal(nodes, 0);
	}
	assert_int_equal(most, all);
	builder_end(&b);
}

/* Every word of a small spool in turn: nothing is read that is not there, and nothing for ever. */
static void every_word_a_lie(void **state)
{
	static const uint32_t lies[] = { 0, 1, 15, 16, 17, 0x7fffffff, 0x80000000, 0xffffffff, 0x0fffffff };
	struct spool_builder b;
	size_t all, nodes;

	(void)state;
	small_spool(&b);
	try_bytes(b.bytes, b.used, &all);
	for (size_t at = 0; at < b.used; at += 4) {
		uint32_t before, self = (uint32_t)(at / ASSAY_SPOOL_SLOT);
		const uint32_t other[] = { self, self - 1, self + 1, (uint32_t)(b.used / ASSAY_SPOOL_SLOT - 1) };

		memcpy(&before, b.bytes + at, 4);
		for (size_t i = 0; i < sizeof lies / sizeof *lies + 4; i++) {
			const uint32_t *lie = i < sizeof lies / sizeof *lies ? &lies[i] : &other[i - sizeof lies / sizeof *lies];

			memcpy(b.bytes + at, lie, 4);
			try_bytes(b.bytes, b.used, &nodes);
			/* a slot is visited at most once in each of two trees */
			assert_true(nodes <= 2 * b.used / ASSAY_SPOOL_SLOT);
		}
		memcpy(b.bytes + at, &before, 4);
	}
	builder_end(&b);
}

static void random_lies(void **state)
{
	struct spool_builder b;
	uint64_t random_state = 88172645463325252;
	size_t nodes, size;
	uint8_t *copy;

	(void)state;
	small_spool(&b);
	size = b.used;
	copy = malloc(size);
	for (int i = 0; i < 50000; i++) {
		memcpy(copy, b.bytes, size);
		for (int k = 0; k < 1 + i % 8; k++) {
			random_state ^= random_state << 13;
			random_state ^= random_state >> 7;
			random_state ^= random_state << 17;
			/* references mostly: a slot that exists */
			if (i % 2)
				memcpy(copy + random_state % (size / 4) * 4, &(uint32_t){ (uint32_t)(random_state >> 40) %
					(uint32_t)(size / 16) }, 4);
			else
				copy[random_state % size] = (uint8_t)(random_state >> 32);
		}
		try_bytes(copy, size, &nodes);
		assert_true(nodes <= 2 * size / ASSAY_SPOOL_SLOT);
	}
	free(copy);
	builder_end(&b);
}

/* ---- files ---- */

static char folder[64];

static const char *file(const char *name)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/assay-test-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static void refused(const char *path, int error, const char *words)
{
	struct assay_spool spool;
	const char *why = NULL;

	assert_int_equal(assay_spool_open(path, &spool, &why), error);
	assert_null(spool.base);
	assert_string_equal(why, words);
	unlink(path);
}

static void put(const char *path, const struct spool_builder *b)
{
	builder_save(b, path);
}

static void older_newer_and_foreign_files(void **state)
{
	struct spool_builder b;
	struct assay_spool_header sound;
	FILE *out;

	(void)state;
	small_spool(&b);
	sound = *b.header;
	b.header->version = ASSAY_SPOOL_VERSION + 1;
	put(file("a"), &b);
	refused(file("a"), -EINVAL, "a spool of a newer Assay");
	b.header->version = ASSAY_SPOOL_VERSION - 1;
	put(file("a"), &b);
	refused(file("a"), -EINVAL, "a spool of an older Assay");
	*b.header = sound;
	b.header->byte_order = 0x04030201;
	b.header->version = 0x01000000;
	put(file("a"), &b);
	refused(file("a"), -EINVAL, "a spool of a machine with the other byte order");
	*b.header = sound;
	b.header->header_size += 8;
	put(file("a"), &b);
	refused(file("a"), -EINVAL, "a spool with a damaged header");
	*b.header = sound;
	b.header->slot_size = 8;
	put(file("a"), &b);
	refused(file("a"), -EINVAL, "a spool with a damaged header");
	*b.header = sound;
	memset(b.header->magic, 0, 8); /* made, and not finished */
	put(file("a"), &b);
	refused(file("a"), -ENODATA, "was not begun");
	out = fopen(file("a"), "w");
	fputs("hello", out);
	fclose(out);
	refused(file("a"), -EINVAL, "not a spool");
	out = fopen(file("a"), "w");
	fclose(out);
	refused(file("a"), -ENODATA, "was not begun");
	refused(file("none"), -ENOENT, "not readable");
	assert_int_equal(symlink("/etc/passwd", file("a")), 0);
	refused(file("a"), -ELOOP, "not readable");
	assert_int_equal(mkdir(file("d"), 0700), 0);
	{
		struct assay_spool spool;
		const char *why;

		assert_int_equal(assay_spool_open(file("d"), &spool, &why), -EINVAL);
		assert_string_equal(why, "not a spool");
		rmdir(file("d"));
	}
	builder_end(&b);
}

/* A file that is mostly a hole, as spools are: what is in use is mapped, and no more. */
static void a_file_as_the_library_leaves_it(void **state)
{
	struct spool_builder b;
	struct assay_spool spool;
	const char *why;
	size_t nodes;

	(void)state;
	small_spool(&b);
	put(file("a"), &b);
	assert_int_equal(assay_spool_open(file("a"), &spool, &why), 0);
	assert_int_equal(spool.size, b.used);
	assert_int_equal(read_all(&spool, &nodes), 4207);
	assay_spool_close(&spool);
	assert_null(spool.base);
	/* cut off: the file's end counts, not what the header says */
	assert_int_equal(truncate(file("a"), 512), 0);
	assert_int_equal(assay_spool_open(file("a"), &spool, &why), 0);
	assert_int_equal(spool.size, 512);
	read_all(&spool, &nodes);
	assay_spool_close(&spool);
	/* a header that claims to be in use beyond its file, or hardly at all */
	b.header->next = 1ull << 60;
	put(file("a"), &b);
	assert_int_equal(assay_spool_open(file("a"), &spool, &why), 0);
	assert_int_equal(read_all(&spool, &nodes), 4207);
	assay_spool_close(&spool);
	b.header->next = 1;
	put(file("a"), &b);
	assert_int_equal(assay_spool_open(file("a"), &spool, &why), 0);
	assert_int_equal(read_all(&spool, &nodes), 0);
	assay_spool_close(&spool);
	/* a program's umask may have taken the owner's right to read */
	b.header->next = b.used;
	put(file("a"), &b);
	assert_int_equal(chmod(file("a"), 0), 0);
	assert_int_equal(assay_spool_open(file("a"), &spool, &why), 0);
	assay_spool_close(&spool);
	unlink(file("a"));
	builder_end(&b);
}

/* Somebody's fifo with a spool's name: opening it must not wait for a writer. */
static void a_fifo_is_not_waited_for(void **state)
{
	struct assay_spool spool;
	const char *why = NULL;

	(void)state;
	assert_int_equal(mkfifo(file("f"), 0600), 0);
	alarm(20); /* ends the test, not a time that is measured */
	assert_int_equal(assay_spool_open(file("f"), &spool, &why), -EINVAL);
	alarm(0);
	assert_string_equal(why, "not a spool");
	unlink(file("f"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_spool),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(cut_off_at_every_length),
		cmocka_unit_test(every_word_a_lie),
		cmocka_unit_test(random_lies),
		cmocka_unit_test(older_newer_and_foreign_files),
		cmocka_unit_test(a_file_as_the_library_leaves_it),
		cmocka_unit_test(a_fifo_is_not_waited_for),
	};

	return cmocka_run_group_tests_name("spool_reader", tests, make_folder, remove_folder);
}
