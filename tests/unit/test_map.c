/* test_map.c: the digest's hash map, against a plain array. */
#include "viewer/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void an_empty_map(void **state)
{
	struct assay_map map = { 0 };
	uint32_t *number;

	(void)state;
	assay_map_free(&map);
	number = assay_map_at(&map, 0, 0);
	assert_non_null(number);
	assert_int_equal(*number, 0); /* new: all zeros is a key like any other */
	*number = 7;
	assert_int_equal(*assay_map_at(&map, 0, 0), 7);
	assert_int_equal(*assay_map_at(&map, 0, 1), 0);
	assert_int_equal(*assay_map_at(&map, 1, 0), 0);
	assay_map_free(&map);
	assert_null(map.entries);
}

/* Keys that differ in one half only, in few bits, in high bits. */
static void many_keys(void **state)
{
	enum { MANY = 300000 };
	struct assay_map map = { 0 };

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		uint64_t a = i % 3 == 0 ? 5 : i % 3 == 1 ? i : (uint64_t)i << 40, b = i % 3 == 0 ? i : i % 3 == 1 ? 5 : 0;
		uint32_t *number = assay_map_at(&map, a, b);

		assert_int_equal(*number, 0);
		*number = i + 1;
	}
	for (uint32_t i = 0; i < MANY; i++) {
		uint64_t a = i % 3 == 0 ? 5 : i % 3 == 1 ? i : (uint64_t)i << 40, b = i % 3 == 0 ? i : i % 3 == 1 ? 5 : 0;

		assert_int_equal(*assay_map_at(&map, a, b), i + 1);
	}
	/* it grows before it is full: a look-up ends at an empty slot */
	assert_true(map.room > map.count && map.room <= 4 * MANY);
	assay_map_free(&map);
}

/* A slot that was offered and not set is as if it had not been asked for, however often that happens. */
static void offers_not_taken(void **state)
{
	struct assay_map map = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		*assay_map_at(&map, i, i) = i + 1;
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(*assay_map_at(&map, i % 5000 + 5000, 1), 0);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(*assay_map_at(&map, i, i), i + 1);
	/* what nobody set takes no room: not even what is counted as if it did */
	assert_true(map.room <= 8192);
	assay_map_free(&map);
}

/* FNV-1a's own test vectors (Noll, "FNV hash"). */
static void hashes(void **state)
{
	(void)state;
	assert_true(assay_map_hash("", 0) == 0xcbf29ce484222325u);
	assert_true(assay_map_hash("a", 1) == 0xaf63dc4c8601ec8cu);
	assert_true(assay_map_hash("foobar", 6) == 0x85944171f73967e8u);
	assert_true(assay_map_hash("a\0b", 3) != assay_map_hash("a\0c", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map),
		cmocka_unit_test(many_keys),
		cmocka_unit_test(offers_not_taken),
		cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
