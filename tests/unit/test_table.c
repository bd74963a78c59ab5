/* test_table.c: how a table fits itself to a width, and what it is as JSON. */
#include "viewer/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct assay_column columns[] = {
	{.key = "percent", .title = "%", .kind = ASSAY_CELL_PERCENT},
	{.key = "error", .title = "", .kind = ASSAY_CELL_ERROR},
	{.key = "time", .title = "time", .kind = ASSAY_CELL_SECONDS, .leave = 2},
	{.key = "name", .title = "function", .kind = ASSAY_CELL_NAME, .least = 10},
	{.key = "inner", .kind = ASSAY_CELL_COUNT},
	{.title = "place", .kind = ASSAY_CELL_PATH, .least = 8, .leave = 1},
	{.key = "empty", .title = "never filled", .kind = ASSAY_CELL_TEXT},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static assay_pool *pool;
static char *text;
static size_t size;

static struct assay_table *make(void)
{
	struct assay_table *table = assay_table_new(pool, columns, COLUMNS);
	const struct assay_cell first[] = {ASSAY_NUMBER(62.54), ASSAY_NUMBER(1.2), ASSAY_NUMBER(6.254),
		ASSAY_TEXT("sort<int>(int*)"), ASSAY_NUMBER(7), ASSAY_PLACE("src/sort.cpp", 12), ASSAY_NOTHING};
	const struct assay_cell second[] = {ASSAY_NUMBER(1), ASSAY_NOTHING, ASSAY_NUMBER(0.1),
		ASSAY_TEXT("main\033[2J\xff"), ASSAY_NOTHING, ASSAY_TEXT("libx.so"), ASSAY_NOTHING};

	assay_table_add(table, first);
	assay_table_add(table, second);
	return table;
}

static const char *print(int width)
{
	const struct assay_term term = {.width = width};
	FILE *out;

	free(text);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	assay_table_print(make(), &term, out);
	fclose(out);
	return text;
}

static void everything_where_there_is_room(void **state)
{
	(void)state;
	assert_string_equal(print(80),
		"     %   +-    time  function         place\n"
		"  62.5  1.2  6.25 s  sort<int>(int*)  src/sort.cpp:12\n"
		"   1.0       100 ms  main?[2J?        libx.so\n");
}

static void columns_shrink_then_leave(void **state)
{
	(void)state;
	assert_string_equal(print(47),
		"     %   +-    time  function      place\n"
		"  62.5  1.2  6.25 s  sort<..>(..)  sort.cpp:12\n"
		"   1.0       100 ms  main?[2J?     libx.so\n");
	for (int width = 28; width < 60; width++) {
		print(width);
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			assert_true(strlen(line) <= (size_t)width);
	}
	/* The time leaves first, then the place. */
	assert_null(strstr(print(36), "6.25 s"));
	assert_non_null(strstr(print(36), ".cpp:12"));
	assert_null(strstr(print(28), ".cpp"));
	assert_non_null(strstr(print(28), "62.5"));
}

static void no_rows_no_heading(void **state)
{
	const struct assay_term term = {.width = 80};
	FILE *out;

	(void)state;
	free(text);
	out = open_memstream(&text, &size);
	assay_table_print(assay_table_new(pool, columns, COLUMNS), &term, out);
	fclose(out);
	assert_string_equal(text, "");
}

static void json_has_all_and_whole(void **state)
{
	json_t *rows = assay_table_json(make()), *row;

	(void)state;
	assert_int_equal(json_array_size(rows), 2);
	row = json_array_get(rows, 0);
	assert_int_equal(json_object_size(row), 6);
	assert_true(json_real_value(json_object_get(row, "percent")) == 62.54);
	assert_string_equal(json_string_value(json_object_get(row, "name")), "sort<int>(int*)");
	assert_int_equal(json_integer_value(json_object_get(row, "inner")), 7);
	assert_true(json_is_null(json_object_get(row, "empty")));
	row = json_array_get(rows, 1);
	assert_true(json_is_null(json_object_get(row, "error")));
	assert_string_equal(json_string_value(json_object_get(row, "name")), "main\033[2J\xef\xbf\xbd");
	json_decref(rows);
}

static void json_numbers_that_are_none(void **state)
{
	json_t *infinite = assay_json_number(INFINITY), *none = assay_json_text(pool, NULL);

	(void)state;
	assert_true(json_is_null(infinite));
	assert_true(json_is_null(none));
}

static int set_up(void **state)
{
	(void)state;
	pool = assay_pool_open();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assay_pool_close(pool);
	free(text);
	text = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everything_where_there_is_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(columns_shrink_then_leave, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_rows_no_heading, set_up, tear_down),
		cmocka_unit_test_setup_teardown(json_has_all_and_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(json_numbers_that_are_none, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
