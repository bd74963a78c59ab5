/* test_calltree.c: the call tree and the callers of a function, and which function a name means. */
#include "viewer/calltree.h"

#include "fixture.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fixture_look look;

static void reopen(const char *sql, int width, bool utf8)
{
	fixture_close(&look);
	fixture_open(&look, fixture_make("work.assay", sql), width, utf8);
}

static void tree(void **state)
{
	const char *text;

	(void)state;
	reopen(NULL, 80, true);
	text = fixture_print(&look, &assay_view_tree);
	assert_part(text,
		"  incl. %    ±  excl. %  function\n"
		"    100.0           0.0  work\n"
		"     99.0  1.9      0.0  ├─ main\n"
		"     50.0  6.9     50.0  │  ├─ fill\n"
		"     40.0  6.8     30.0  │  ├─ fib (recursive, 2 deep)\n"
		"     10.0  4.3     10.0  │  │  └─ add [inlined]\n"
		"      7.0  3.7      5.0  │  ├─ ns::Grid<double>::step(int)\n"
		"      2.0  2.3      2.0  │  │  └─ libx.so+0x1000\n"
		"      2.0  2.3      2.0  │  └─ memcpy\n"
		"      1.0           1.0  └─ [start-up: exec and dynamic loader]\n");
}

static void tree_in_ascii(void **state)
{
	const char *text;

	(void)state;
	reopen(NULL, 80, false);
	text = fixture_print(&look, &assay_view_tree);
	assert_line(text, "     50.0  6.9     50.0  |  |- fill");
	assert_line(text, "     10.0  4.3     10.0  |  |  `- add [inlined]");
	assert_line(text, "      1.0           1.0  `- [start-up: exec and dynamic loader]");
}

static void tree_pruned(void **state)
{
	const char *text;

	(void)state;
	reopen(NULL, 80, false);
	look.c.options.min = 8;
	text = fixture_print(&look, &assay_view_tree);
	assert_part(text, "add");
	assert_no_part(text, "step");
	assert_no_part(text, "start-up");
	assert_line(text, "  Calls below 8.0 % are left out (--min=PERCENT).");
	look.c.options.min = 0;
	look.c.options.depth = 2;
	text = fixture_print(&look, &assay_view_tree);
	assert_part(text, "main");
	assert_no_part(text, "fill");
}

/* Calls of one function from two lines are one call. */
static void tree_merges_lines(void **state)
{
	const char *text;

	(void)state;
	reopen("UPDATE node SET function = 6, line = 21 WHERE id = 10", 80, false);
	text = fixture_print(&look, &assay_view_tree);
	assert_line(text, "     52.0  6.9     52.0  |  |- fill");
}

/* A chain of `count` nodes, each the only callee of the one before, below fill. */
static char *chain_sql(int count)
{
	char *sql = NULL;
	size_t size;
	FILE *out = open_memstream(&sql, &size);

	fputs("PRAGMA foreign_keys = OFF; DELETE FROM node WHERE id > 7; DELETE FROM total WHERE node > 7;", out);
	for (int i = 0; i < count; i++) {
		fprintf(out, "INSERT INTO function VALUES (%d, 'link_%d', NULL, 1, 1, 1, 1);", 100 + i, i);
		fprintf(out, "INSERT INTO node VALUES (%d, %d, %d, 'native', %d, 1, 1, 1, 1, 0);", 8 + i, 7 + i,
			7 + count, 100 + i);
		fprintf(out, "INSERT INTO total VALUES (%d, 1, %d, 100, 25e14, 500000000, 100, 25e14);", 8 + i,
			i == count - 1 ? 500000000 : 0);
	}
	fputs("UPDATE total SET exclusive = 0, exclusive_count = 0 WHERE node = 7", out);
	fclose(out);
	return sql;
}

static void chains_share_lines(void **state)
{
	char *sql = chain_sql(5);
	const char *text;

	(void)state;
	reopen(sql, 60, false);
	free(sql);
	text = fixture_print(&look, &assay_view_tree);
	/* The figures: of the first inclusive, of the last exclusive. */
	assert_part(text,
		"     54.9  15.1     54.9  |  |- fill > link_0 > link_1 >\n"
		"                          |  |  link_2 > link_3 > link_4\n");
}

static void long_chains_lose_their_middle(void **state)
{
	char *sql = chain_sql(2000);
	const char *text;
	json_t *document, *rows;

	(void)state;
	reopen(sql, 80, false);
	free(sql);
	text = fixture_print(&look, &assay_view_tree);
	assert_part(text, "fill > link_0 >");
	assert_part(text, "(1989 more)");
	assert_part(text, "link_1999\n");
	assert_no_part(text, "link_1000");
	document = fixture_json(&look, &assay_view_tree);
	rows = json_object_get(document, "tree");
	assert_int_equal(json_array_size(rows), 2000 + 6);
	json_decref(document);
}

static void tree_as_json(void **state)
{
	json_t *document, *rows, *row;
	size_t i;

	(void)state;
	reopen(NULL, 40, false);
	document = fixture_json(&look, &assay_view_tree);
	rows = json_object_get(document, "tree");
	assert_int_equal(json_array_size(rows), 9);
	json_array_foreach(rows, i, row) {
		const char *name = json_string_value(json_object_get(row, "function"));

		if (i == 0)
			assert_true(json_is_null(json_object_get(row, "parent")));
		if (strcmp(name, "fib") != 0)
			continue;
		assert_int_equal(json_integer_value(json_object_get(row, "depth")), 2);
		assert_int_equal(json_integer_value(json_object_get(row, "recursion")), 1);
		assert_true(fabs(json_real_value(json_object_get(row, "inclusive_s")) - 0.4) < 1e-9);
		assert_true(fabs(json_real_value(json_object_get(row, "exclusive_s")) - 0.3) < 1e-9);
	}
	json_decref(document);
}

static void callers(void **state)
{
	const char *text;

	(void)state;
	reopen(NULL, 80, true);
	look.c.options.callers = "add";
	text = fixture_print(&look, &assay_view_callers);
	assert_line(text, "Callers of add");
	assert_part(text,
		"  % of all    ±  function, below it its callers\n"
		"      10.0  4.3  add [inlined]\n"
		"      10.0  4.3  └─ fib (recursive, 2 deep) ‹ main ‹ work\n");
}

/* memcpy called by main and, more, by fill: its time splits by who called. */
static void callers_split_the_time(void **state)
{
	const char *text;
	json_t *document;

	(void)state;
	reopen("UPDATE node SET function = 9 WHERE id IN (9, 6)", 80, false);
	look.c.options.callers = "memcpy";
	text = fixture_print(&look, &assay_view_callers);
	assert_part(text,
		"      14.0  4.9  memcpy\n"
		"      10.0  4.3  |- fib (recursive, 2 deep) < main < work\n"
		"       2.0  2.3  |- ns::Grid<double>::step(int) < main < work\n"
		"       2.0  2.3  `- main < work\n");
	document = fixture_json(&look, &assay_view_callers);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(document, "callers"), "function")), "memcpy");
	json_decref(document);
}

/* A recursive function: its inclusive time counts once, and it is not its own caller. */
static void callers_of_a_recursive_function(void **state)
{
	const char *text;

	(void)state;
	reopen(NULL, 80, false);
	look.c.options.callers = "fib";
	text = fixture_print(&look, &assay_view_callers);
	assert_part(text, "It and what it calls: 40.0 % of the CPU time (400 ms)");
	assert_part(text,
		"      40.0  6.8  fib\n"
		"      40.0  6.8  `- main < work\n");
}

static const char *picked(const char *pattern)
{
	const char *name;
	bool *chosen;

	assert_int_equal(assay_view_pick(&look.c, pattern, &chosen, &name), 0);
	return name;
}

static void names_are_understood(void **state)
{
	static const char sql[] = "UPDATE function SET name = 'void ns::fill<int>(int*, int)' WHERE id = 6;"
				  "UPDATE function SET name = 'ns::fibre' WHERE id = 5;"
				  "UPDATE function SET name = '(anonymous namespace)::walk(int)' WHERE id = 9";

	(void)state;
	reopen(sql, 80, false);
	assert_string_equal(picked("fib"), "fib"); /* a whole name, though ns::fibre has it as a part */
	assert_string_equal(picked("step"), "ns::Grid<double>::step(int)");
	assert_string_equal(picked("ns::Grid::step"), "ns::Grid<double>::step(int)");
	assert_string_equal(picked("_ZN2ns4GridIdE4stepEi"), "ns::Grid<double>::step(int)");
	assert_string_equal(picked("ns::fill"), "void ns::fill<int>(int*, int)");
	assert_string_equal(picked("walk"), "(anonymous namespace)::walk(int)");
	assert_string_equal(picked("0x1000"), "libx.so+0x1000");
	assert_string_equal(picked("LIBX"), "libx.so+0x1000");
}

static void refuses(const char *pattern, const char *words)
{
	const char *name;
	bool *chosen;
	char *text;
	int rc;

	fixture_catch();
	rc = assay_view_pick(&look.c, pattern, &chosen, &name);
	text = fixture_caught();
	assert_int_equal(rc, -ECANCELED);
	assert_part(text, words);
	free(text);
}

static void names_that_mean_none_or_several(void **state)
{
	(void)state;
	reopen("UPDATE function SET name = 'ns::fill_all' WHERE id = 9; UPDATE function SET name = 'ns::fill_one' "
	       "WHERE id = 6",
		80, false);
	refuses("fill", "assay: several functions match 'fill'; name one of them:\n  ns::fill_one\n  ns::fill_all\n");
	refuses("mian", "assay: no function of the profile is named 'mian' (near it: 'main')\n");
	refuses("quicksort", "assay: no function of the profile is named 'quicksort' (--functions lists them)\n");
	refuses("", "no function");
	/* A program is not a function. */
	refuses("work", "no function of the profile is named 'work'");
}

static int set_up(void **state)
{
	(void)state;
	fixture_open(&look, fixture_make("work.assay", NULL), 80, false);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_close(&look);
	fixture_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree),
		cmocka_unit_test(tree_in_ascii),
		cmocka_unit_test(tree_pruned),
		cmocka_unit_test(tree_merges_lines),
		cmocka_unit_test(chains_share_lines),
		cmocka_unit_test(long_chains_lose_their_middle),
		cmocka_unit_test(tree_as_json),
		cmocka_unit_test(callers),
		cmocka_unit_test(callers_split_the_time),
		cmocka_unit_test(callers_of_a_recursive_function),
		cmocka_unit_test(names_are_understood),
		cmocka_unit_test(names_that_mean_none_or_several),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
