/* test_ranges.c: ranges that end in any order and any thread, and names as other tools' markers have them; a host that notes. */
#include "plugins/regions/ranges.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/regions/names.h"

struct regions_metrics regions_metric = { .regions = 1, .ranges = 4 };
const struct assay_host *_Atomic regions_host_now;

/* ---- a host ---- */

static _Atomic uint64_t clock_ns, spans, total_ns, lost, not_open;
static uint32_t last_frame;

static uint64_t now(void)
{
	return clock_ns;
}

static void span(uint32_t metric, uint32_t frame, uint64_t ns)
{
	assert_int_equal(metric, regions_metric.ranges);
	lost += !frame;
	spans += frame != 0;
	total_ns += frame ? ns : 0;
	last_frame = frame;
}

static void close_region(uint32_t frame, uint32_t metric, const void *sp)
{
	assert_int_equal(frame, 0);
	assert_int_equal(metric, regions_metric.regions);
	assert_ptr_equal(sp, REGIONS_NEVER);
	not_open++;
}

static const struct assay_host host = { .now = now, .span = span, .close = close_region };

static int setup(void **state)
{
	(void)state;
	regions_ranges_forget();
	clock_ns = spans = total_ns = lost = not_open = 0;
	return 0;
}

/* ---- */

static void overlapping(void **state)
{
	(void)state;
	regions_range_start(&host, 7, 1, 11);
	clock_ns = 100;
	regions_range_start(&host, 7, 2, 12);
	clock_ns = 300;
	regions_range_end(&host, 7, 1);
	assert_int_equal(last_frame, 11);
	assert_int_equal(total_ns, 300);
	clock_ns = 1000;
	regions_range_end(&host, 7, 2);
	assert_int_equal(last_frame, 12);
	assert_int_equal(total_ns, 300 + 900);
	assert_int_equal(spans, 2);
	assert_int_equal(not_open, 0);
}

static void not_open_ones(void **state)
{
	(void)state;
	regions_range_start(&host, 7, 1, 11);
	regions_range_end(&host, 8, 1);
	regions_range_end(&host, 7, 2);
	assert_int_equal(not_open, 2);
	regions_range_end(&host, 7, 1);
	regions_range_end(&host, 7, 1);
	assert_int_equal(not_open, 3);
	assert_int_equal(spans, 1);
}

/* One that has no number of its own may be open several times. */
static void alike(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		regions_range_start(&host, 7, 0, 11);
	clock_ns = 10;
	for (int i = 0; i < 5; i++)
		regions_range_end(&host, 7, 0);
	assert_int_equal(spans, 5);
	assert_int_equal(total_ns, 50);
	assert_int_equal(not_open, 0);
}

/* More than there is room for: what has none is counted as lost, and what has it is kept. */
static void too_many(void **state)
{
	enum { MANY = 20000 };

	(void)state;
	for (uint64_t i = 0; i < MANY; i++)
		regions_range_start(&host, 7, i, 11);
	assert_true(lost > MANY / 2 && lost < MANY - 1000);
	for (uint64_t i = 0; i < MANY; i++)
		regions_range_end(&host, 7, i);
	assert_int_equal(spans + lost, MANY);
	assert_int_equal(not_open, lost);
}

static void at_the_end(void **state)
{
	(void)state;
	regions_range_start(&host, 7, 1, 11);
	regions_range_start(&host, 7, 2, 11);
	clock_ns = 50;
	regions_ranges_stop(&host);
	assert_int_equal(spans, 2);
	assert_int_equal(total_ns, 100);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 20000 };

static void *ends_its_own(void *p)
{
	uint64_t key = (uintptr_t)p;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		regions_range_start(&host, key, i, 11);
		regions_range_start(&host, key, i + ROUNDS, 12);
		regions_range_end(&host, key, i);
		regions_range_end(&host, key, i + ROUNDS);
	}
	return NULL;
}

static void in_threads(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ends_its_own, (void *)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(spans, 2 * THREADS * ROUNDS);
	assert_int_equal(not_open + lost, 0);
}

/* ---- names ---- */

static void wide_names(void **state)
{
	struct regions_name name;
	wchar_t many[2 * REGIONS_NAME_MAX + 1];

	(void)state;
	assert_string_equal(regions_narrow(&name, L"plain"), "plain");
	assert_string_equal(regions_narrow(&name, L"\u00e9 \u20ac \U0001f600"), "\u00e9 \u20ac \U0001f600");
	assert_string_equal(regions_narrow(&name, L""), "");
	assert_null(regions_narrow(&name, NULL));
	assert_string_equal(regions_narrow(&name, (const wchar_t[]){ 0xd800, 0x7fffffff, 'x', 0 }), "\ufffd\ufffdx");
	for (size_t i = 0; i < 2 * REGIONS_NAME_MAX; i++)
		many[i] = 0x20ac;
	many[2 * REGIONS_NAME_MAX] = 0;
	assert_true(strlen(regions_narrow(&name, many)) <= REGIONS_NAME_MAX);
	assert_int_equal(strlen(name.text) % 3, 0); /* no half of one */
}

static void joined_names(void **state)
{
	struct regions_name name;
	char many[2 * REGIONS_NAME_MAX + 1];

	(void)state;
	assert_string_equal(regions_join(&name, "domain", "name"), "domain: name");
	assert_string_equal(regions_join(&name, NULL, "name"), "name");
	assert_string_equal(regions_join(&name, "", "name"), "name");
	memset(many, 'x', sizeof many - 1);
	many[sizeof many - 1] = 0;
	assert_int_equal(strlen(regions_join(&name, many, many)), REGIONS_NAME_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(overlapping, setup),
		cmocka_unit_test_setup(not_open_ones, setup),
		cmocka_unit_test_setup(alike, setup),
		cmocka_unit_test_setup(too_many, setup),
		cmocka_unit_test_setup(at_the_end, setup),
		cmocka_unit_test_setup(in_threads, setup),
		cmocka_unit_test(wide_names),
		cmocka_unit_test(joined_names),
	};

	return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
