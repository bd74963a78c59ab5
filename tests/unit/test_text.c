/* test_text.c: foreign text made inert, names and paths shortened, figures as people read them. */
#include "viewer/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct assay_term utf8 = {.width = 80, .utf8 = true}, ascii = {.width = 80};
static assay_pool *pool;

static void inert_takes_the_teeth_out(void **state)
{
	(void)state;
	assert_string_equal(assay_text_inert(pool, &ascii, "a\033[31mb\r\nc\x7f"), "a?[31mb??c?");
	assert_string_equal(assay_text_inert(pool, &utf8, "a\033]0;x\007"), "a\xef\xbf\xbd]0;x\xef\xbf\xbd");
	/* U+009B is an escape sequence in one character; U+202E turns the direction of writing. */
	assert_string_equal(assay_text_inert(pool, &utf8,
				    "\xc2\x9b"
				    "1m\xe2\x80\xae"),
		"\xef\xbf\xbd"
		"1m\xef\xbf\xbd");
	/* Not UTF-8: a lone byte, an overlong slash, half a character, a surrogate, beyond U+10FFFF. */
	assert_string_equal(assay_text_inert(pool, &utf8, "\xff"), "\xef\xbf\xbd");
	assert_string_equal(
		assay_text_inert(pool, &ascii, "\xc0\xaf|\xe2\x82|\xed\xa0\x80|\xf4\x90\x80\x80"), "??|??|???|????");
	assert_string_equal(assay_text_inert(pool, &utf8, "µ…"), "µ…");
	assert_string_equal(assay_text_inert(pool, &ascii, "µm"), "?m");
	assert_string_equal(assay_text_inert(pool, &ascii, "\tx\ty"), "        x       y");
	assert_string_equal(assay_text_inert(pool, &ascii, NULL), "");
}

static void json_text_is_valid(void **state)
{
	(void)state;
	assert_string_equal(assay_text_utf8(pool, "a\xff\033µ"), "a\xef\xbf\xbd\033µ");
	assert_string_equal(assay_text_utf8(pool, NULL), "");
}

static void cutting(void **state)
{
	(void)state;
	assert_string_equal(assay_text_cut(pool, &utf8, "abcdef", 6), "abcdef");
	assert_string_equal(assay_text_cut(pool, &utf8, "abcdef", 4), "abc…");
	assert_string_equal(assay_text_cut(pool, &ascii, "abcdef", 4), "ab..");
	assert_string_equal(assay_text_cut(pool, &utf8, "µµµµ", 3), "µµ…");
	assert_string_equal(assay_text_cut(pool, &ascii, "abcdef", 1), "a");
}

static const char *fit(const char *name, int width)
{
	const char *text = assay_text_fit_name(pool, &utf8, name, width);

	assert_true(assay_text_width(text) <= width);
	return text;
}

static void names_lose_what_says_least(void **state)
{
	const char *exchange =
		"sim::Boundary<sim::Periodic<double>, (anonymous namespace)::Wall>::exchange(sim::Comm&)";

	(void)state;
	assert_string_equal(fit(exchange, 200), exchange);
	assert_string_equal(fit(exchange, 45), "sim::Boundary<…>::exchange(sim::Comm&)");
	assert_string_equal(fit(exchange, 36), "sim::Boundary<…>::exchange(…)");
	assert_string_equal(fit(exchange, 27), "sim::Boundary<…>::exchange");
	assert_string_equal(fit(exchange, 25), "…::Boundary<…>::exchange");
	assert_string_equal(fit(exchange, 12), "…::exchange");
	assert_string_equal(fit("quite_a_long_name_of_c", 13), "quit…ame_of_c");
}

static void brackets_that_are_names_stay(void **state)
{
	(void)state;
	assert_string_equal(fit("Matrix<double>::operator<(Matrix<double> const&) const", 50),
		"Matrix<…>::operator<(Matrix<…> const&) const");
	assert_string_equal(fit("ns::operator<<(std::ostream&, int)", 22), "ns::operator<<(…)");
	assert_string_equal(fit("Pointer<int>::operator->() const", 31), "Pointer<…>::operator->() const");
	assert_string_equal(fit("(anonymous namespace)::walk(Node*, int, int)", 32), "(anonymous namespace)::walk(…)");
	assert_string_equal(fit("Call::operator()(int, double, char)", 24), "Call::operator()(…)");
	/* Unbalanced, from a broken profile. */
	assert_string_equal(fit("a<b<c<d", 7), "a<b<c<d");
	assert_true(assay_text_width(fit("a<b<c<ddddddd(((((", 9)) <= 9);
}

static void paths_keep_their_end(void **state)
{
	(void)state;
	assert_string_equal(assay_text_fit_path(pool, &utf8, "src/grid/stencil.cpp:20", 30), "src/grid/stencil.cpp:20");
	assert_string_equal(assay_text_fit_path(pool, &utf8, "src/grid/stencil.cpp:20", 22), "…/grid/stencil.cpp:20");
	assert_string_equal(assay_text_fit_path(pool, &ascii, "/usr/src/grid/stencil.cpp:20", 17), "../stencil.cpp:20");
	assert_int_equal(assay_text_width(assay_text_fit_path(pool, &utf8, "a/very_long_file_name.cpp:20", 12)), 12);
}

static void figures(void **state)
{
	(void)state;
	assert_string_equal(assay_text_seconds(pool, &utf8, 12.44), "12.4 s");
	assert_string_equal(assay_text_seconds(pool, &utf8, 9.999), "10.0 s");
	assert_string_equal(assay_text_seconds(pool, &utf8, 1.0), "1.00 s");
	assert_string_equal(assay_text_seconds(pool, &utf8, 0.9996), "1.00 s");
	assert_string_equal(assay_text_seconds(pool, &utf8, 0.0031), "3.10 ms");
	assert_string_equal(assay_text_seconds(pool, &utf8, 0.00025), "250 µs");
	assert_string_equal(assay_text_seconds(pool, &ascii, 0.00025), "250 us");
	assert_string_equal(assay_text_seconds(pool, &utf8, 0), "0 s");
	assert_string_equal(assay_text_seconds(pool, &utf8, -0.5), "-500 ms");
	assert_string_equal(assay_text_seconds(pool, &utf8, 12345.6), "12,346 s");
	assert_string_equal(assay_text_duration(pool, &utf8, 75.2), "75.2 s");
	assert_string_equal(assay_text_duration(pool, &utf8, 125), "2 min 5 s");
	assert_string_equal(assay_text_duration(pool, &utf8, 3600 + 180), "1 h 3 min");
	assert_string_equal(assay_text_percent(pool, 12.34), "12.3");
	assert_string_equal(assay_text_percent(pool, -0.01), "0.0");
	assert_string_equal(assay_text_error(pool, 0.04), "<0.1");
	assert_string_equal(assay_text_count(pool, 1234567), "1,234,567");
	assert_string_equal(assay_text_count(pool, -123456), "-123,456");
	assert_string_equal(assay_text_count(pool, INT64_MIN), "-9,223,372,036,854,775,808");
	assert_string_equal(assay_text_plural(pool, 1, "thread", NULL), "1 thread");
	assert_string_equal(assay_text_plural(pool, 2000, "process", "processes"), "2,000 processes");
	/* Absurd, but no crash and no endless line. */
	assert_true(strlen(assay_text_seconds(pool, &utf8, 1e300)) < 16);
	assert_true(strlen(assay_text_duration(pool, &utf8, 1e300)) < 16);
}

static void quoting_for_a_shell(void **state)
{
	(void)state;
	assert_string_equal(assay_text_quote(pool, "work.assay"), "work.assay");
	assert_string_equal(assay_text_quote(pool, "my file"), "'my file'");
	assert_string_equal(assay_text_quote(pool, "it's"), "'it'\\''s'");
	assert_string_equal(assay_text_quote(pool, ""), "''");
}

static int open_pool(void **state)
{
	(void)state;
	pool = assay_pool_open();
	return 0;
}

static int close_pool(void **state)
{
	(void)state;
	assay_pool_close(pool);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inert_takes_the_teeth_out),
		cmocka_unit_test(json_text_is_valid),
		cmocka_unit_test(cutting),
		cmocka_unit_test(names_lose_what_says_least),
		cmocka_unit_test(brackets_that_are_names_stay),
		cmocka_unit_test(paths_keep_their_end),
		cmocka_unit_test(figures),
		cmocka_unit_test(quoting_for_a_shell),
	};

	return cmocka_run_group_tests(tests, open_pool, close_pool);
}
