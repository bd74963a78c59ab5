/* test_frames.c: words and their numbers, from one thread and many, in a forked child's spool, and when room runs out. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core_process.h"

/* The module itself: each test begins with an empty table. */
#include "core/frames.c"

static int setup(void **state)
{
	(void)state;
	memset(frames, 0, sizeof frames);
	memset((void *)slots, 0, sizeof slots);
	frames_used = text_used = 0;
	core_process_begin(8 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	core_process_end();
	return 0;
}

static void assert_string_at(assay_ref ref, const char *wanted)
{
	const struct assay_spool_string *s = assay_at(ref);

	assert_int_not_equal(ref, 0);
	assert_int_equal(s->length, strlen(wanted));
	assert_memory_equal(s->bytes, wanted, s->length);
}

/* The frame is in the spool there is now. */
static void assert_words(uint32_t number, const char *kind, const char *name)
{
	const struct assay_spool_frame *f = assay_at(assay_frames_ref(number));

	assert_int_not_equal(assay_frames_ref(number), 0);
	assert_string_at(f->kind, kind);
	assert_string_at(f->name, name);
}

static void equal_words_equal_numbers(void **state)
{
	uint32_t a = assay_frames_number("nap", "usleep", 0), b = assay_frames_number("nap", "nanosleep", 0);
	char kind[] = "nap", name[] = "usleep";

	(void)state;
	assert_int_not_equal(a, 0);
	assert_int_not_equal(b, 0);
	assert_int_not_equal(a, b);
	assert_int_equal(assay_frames_number(kind, name, 0), a);
	name[0] = 'x'; /* both were copied */
	assert_int_equal(assay_frames_number("nap", "usleep", 0), a);
	assert_words(a, "nap", "usleep");
	assert_words(b, "nap", "nanosleep");
}

static void what_makes_a_frame(void **state)
{
	static const char *const words[][2] = { { "ab", "c" }, { "a", "bc" }, { "abc", "" }, { "", "abc" }, { "", "" },
		{ "c", "ab" }, { "ab", "C" }, { "ab", "c " } };
	enum { COUNT = sizeof words / sizeof words[0] };
	uint32_t numbers[COUNT];

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		numbers[i] = assay_frames_number(words[i][0], words[i][1], 0);
		assert_int_not_equal(numbers[i], 0);
		for (int k = 0; k < i; k++)
			assert_int_not_equal(numbers[i], numbers[k]);
	}
	for (int i = 0; i < COUNT; i++)
		assert_words(numbers[i], words[i][0], words[i][1]);
}

static void numbers_that_are_none(void **state)
{
	(void)state;
	assert_int_equal(assay_frames_ref(0), 0);
	assert_int_equal(assay_frames_ref(1), 0);
	assert_int_equal(assay_frames_ref(FRAMES), 0);
	assert_int_equal(assay_frames_ref(FRAMES + 1), 0);
	assert_int_equal(assay_frames_ref(UINT32_MAX), 0);
}

static uint32_t numbered(unsigned i)
{
	char name[16];

	snprintf(name, sizeof name, "n%u", i);
	return assay_frames_number("many", name, 0);
}

/* All there is room for; the rest is none, ever, and costs the others nothing. */
static void as_many_as_there_are(void **state)
{
	static bool seen[FRAMES + 1];

	(void)state;
	memset(seen, 0, sizeof seen);
	for (unsigned i = 0; i < FRAMES; i++) {
		uint32_t number = numbered(i);

		assert_in_range(number, 1, FRAMES);
		assert_false(seen[number]);
		seen[number] = true;
	}
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(numbered(FRAMES + i), 0);
	for (unsigned i = 0; i < FRAMES; i++) {
		char name[16];

		snprintf(name, sizeof name, "n%u", i);
		assert_words(numbered(i), "many", name);
	}
}

static void long_names(void **state)
{
	char *name = malloc(TEXT + 1), *half = malloc(TEXT / 2 + 1);
	uint32_t number;

	(void)state;
	assert_non_null(name);
	assert_non_null(half);
	memset(name, 'x', TEXT);
	name[TEXT] = 0;
	assert_int_equal(assay_frames_number("long", name, 0), 0);
	assert_int_equal(assay_frames_number(name, "", 0), 0);
	memset(half, 'y', TEXT / 2);
	half[TEXT / 2] = 0;
	number = assay_frames_number("long", half, 0);
	assert_words(number, "long", half);
	half[0] = 'z'; /* of two such, the second has no room */
	assert_int_equal(assay_frames_number("long", half, 0), 0);
	assert_int_not_equal(assay_frames_number("short", "s", 0), 0);
	free(name);
	free(half);
}

/* A forked child has the numbers, and the words in a spool of its own. */
static void in_another_spool(void **state)
{
	uint32_t a = assay_frames_number("nap", "usleep", 0), b = assay_frames_number("nap", "nanosleep", 0);

	(void)state;
	core_process_end();
	core_process_begin(8 << 20);
	/* so that what was right in the old spool would not be right in this one */
	assay_arena_string("something else", 14);
	assay_frames_rewrite();
	assert_words(a, "nap", "usleep");
	assert_words(b, "nap", "nanosleep");
	assert_int_equal(assay_frames_number("nap", "usleep", 0), a);
	assert_words(assay_frames_number("nap", "third", 0), "nap", "third");
}

/* The number is there, and the frame is not: what is recorded with it is lost, and counted. */
static void no_room_in_the_spool(void **state)
{
	char bytes[4096] = { 0 };
	uint32_t number;

	(void)state;
	while (assay_arena_string(bytes, sizeof bytes))
		;
	while (assay_arena_string(bytes, 1))
		;
	number = assay_frames_number("nap", "usleep", 0);
	assert_int_equal(assay_frames_ref(number), 0);
	assert_int_equal(assay_frames_number("nap", "usleep", 0), number);
}

/* ---- many threads ---- */

enum { THREADS = 8, NAMES = 2000 };
static uint32_t got[THREADS][NAMES];
static pthread_barrier_t begin;

/* All of them, each thread from another one on, so that some meet at the same. */
static void *ask_for_all(void *argument)
{
	unsigned thread = (unsigned)(uintptr_t)argument;

	pthread_barrier_wait(&begin);
	for (unsigned i = 0; i < NAMES; i++) {
		unsigned name = (i + thread / 2 * (NAMES / THREADS)) % NAMES;

		got[thread][name] = numbered(name);
	}
	return NULL;
}

static void from_many_threads(void **state)
{
	pthread_t threads[THREADS];
	static bool seen[FRAMES + 1];

	(void)state;
	memset(seen, 0, sizeof seen);
	assert_int_equal(pthread_barrier_init(&begin, NULL, THREADS), 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_for_all, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&begin);
	for (unsigned name = 0; name < NAMES; name++) {
		char text_of[16];

		snprintf(text_of, sizeof text_of, "n%u", name);
		assert_words(got[0][name], "many", text_of);
		assert_false(seen[got[0][name]]);
		seen[got[0][name]] = true;
		for (int i = 1; i < THREADS; i++)
			assert_int_equal(got[i][name], got[0][name]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(equal_words_equal_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(what_makes_a_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_that_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(as_many_as_there_are, setup, teardown),
		cmocka_unit_test_setup_teardown(long_names, setup, teardown),
		cmocka_unit_test_setup_teardown(in_another_spool, setup, teardown),
		cmocka_unit_test_setup_teardown(no_room_in_the_spool, setup, teardown),
		cmocka_unit_test_setup_teardown(from_many_threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
