/* test_term.c: width, colour and character set, from the environment. */
#include "viewer/term.h"

#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static int pipes[2];

static struct assay_term detect(enum assay_term_colour colour, int width)
{
	struct assay_term term;

	assay_term_detect(&term, pipes[1], colour, width);
	return term;
}

static int set_up(void **state)
{
	(void)state;
	unsetenv("COLUMNS");
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	setlocale(LC_CTYPE, "C");
	return pipe(pipes);
}

static int tear_down(void **state)
{
	(void)state;
	close(pipes[0]);
	close(pipes[1]);
	return 0;
}

static void no_terminal_is_100_wide(void **state)
{
	(void)state;
	assert_int_equal(detect(ASSAY_COLOUR_AUTO, 0).width, 100);
}

static void columns_and_option(void **state)
{
	(void)state;
	setenv("COLUMNS", "72", 1);
	assert_int_equal(detect(ASSAY_COLOUR_AUTO, 0).width, 72);
	assert_int_equal(detect(ASSAY_COLOUR_AUTO, 132).width, 132);
	setenv("COLUMNS", "7", 1);
	assert_int_equal(detect(ASSAY_COLOUR_AUTO, 0).width, ASSAY_TERM_WIDTH_MIN);
	setenv("COLUMNS", "wide", 1);
	assert_int_equal(detect(ASSAY_COLOUR_AUTO, 0).width, 100);
	setenv("COLUMNS", "99999999999", 1);
	assert_int_equal(detect(ASSAY_COLOUR_AUTO, 0).width, 100);
}

static void colour(void **state)
{
	struct assay_term term = detect(ASSAY_COLOUR_AUTO, 0);

	(void)state;
	assert_false(term.colour); /* a pipe is no terminal */
	assert_string_equal(assay_term_style(&term, ASSAY_STYLE_HOT), "");
	setenv("NO_COLOR", "1", 1);
	term = detect(ASSAY_COLOUR_ALWAYS, 0);
	assert_true(term.colour);
	assert_int_equal(assay_term_style(&term, ASSAY_STYLE_HOT)[0], '\033');
	assert_false(detect(ASSAY_COLOUR_NEVER, 0).colour);
}

static void a_terminal_has_colour_unless(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct assay_term term;

	(void)state;
	if (master < 0 || grantpt(master) || unlockpt(master))
		skip();
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (slave < 0)
		skip();
	assay_term_detect(&term, slave, ASSAY_COLOUR_AUTO, 0);
	assert_true(term.colour);
	setenv("NO_COLOR", "", 1); /* empty counts as not set */
	assay_term_detect(&term, slave, ASSAY_COLOUR_AUTO, 0);
	assert_true(term.colour);
	setenv("NO_COLOR", "0", 1);
	assay_term_detect(&term, slave, ASSAY_COLOUR_AUTO, 0);
	assert_false(term.colour);
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	assay_term_detect(&term, slave, ASSAY_COLOUR_AUTO, 0);
	assert_false(term.colour);
	close(slave);
	close(master);
}

static void signs_follow_the_locale(void **state)
{
	struct assay_term term = detect(ASSAY_COLOUR_AUTO, 0);

	(void)state;
	assert_false(term.utf8);
	for (int i = 0; i < ASSAY_SIGNS; i++) {
		for (const char *c = assay_term_sign(&term, i); *c; c++)
			assert_in_range(*c, 0x20, 0x7e);
	}
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	term = detect(ASSAY_COLOUR_AUTO, 0);
	assert_true(term.utf8);
	assert_string_equal(assay_term_sign(&term, ASSAY_SIGN_PLUS_MINUS), "±");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_terminal_is_100_wide, set_up, tear_down),
		cmocka_unit_test_setup_teardown(columns_and_option, set_up, tear_down),
		cmocka_unit_test_setup_teardown(colour, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_terminal_has_colour_unless, set_up, tear_down),
		cmocka_unit_test_setup_teardown(signs_follow_the_locale, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
