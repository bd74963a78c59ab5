/* test_cmd.c: errors in one line, unknown options with the nearest known one, help. */
#include "viewer/cmd.h"

#include "fixture.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int never(int argc, char **argv)
{
	(void)argc, (void)argv;
	return ASSAY_EXIT_FAILURE;
}

static const struct assay_cmd cmd = {
	.name = "show",
	.summary = "Show things",
	.usage = "[FILE]",
	.help = "  --tree  a tree\n",
	.run = never,
};

static const struct option options[] = {
	{"tree", optional_argument, NULL, 't'},
	{"threads", no_argument, NULL, 'T'},
	{"limit", required_argument, NULL, 'l'},
	{NULL, 0, NULL, 0},
};

/* Parses one command line; what it said is in said[], what getopt returned last but for -1 is returned. */
static char said[512];

static int parse(const char *short_options, const char *first, const char *second)
{
	char *argv[] = {strdup("show"), first ? strdup(first) : NULL, second ? strdup(second) : NULL, NULL};
	int argc = first ? second ? 3 : 2 : 1, option, last = 0;
	char *text;

	optind = 0;
	fixture_catch();
	while ((option = assay_getopt(&cmd, argc, argv, short_options, options)) != -1) {
		last = option;
		if (option == '?')
			break;
	}
	text = fixture_caught();
	snprintf(said, sizeof(said), "%s", text);
	free(text);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return last;
}

static void known_options(void **state)
{
	(void)state;
	assert_int_equal(parse("l:", "--tree=3", NULL), 't');
	assert_int_equal(parse("l:", "-l", "7"), 'l');
	assert_int_equal(parse("l:", "--thr", NULL), 'T');
	assert_string_equal(said, "");
}

static void unknown_options(void **state)
{
	(void)state;
	assert_int_equal(parse("l:", "--trea=3", NULL), '?');
	assert_string_equal(said, "assay show: unknown option --trea (did you mean --tree?)\n");
	assert_int_equal(parse("l:", "--colour", NULL), '?');
	assert_string_equal(said, "assay show: unknown option --colour (see 'assay show --help')\n");
	assert_int_equal(parse("l:", "-q", NULL), '?');
	assert_string_equal(said, "assay show: unknown option -q (see 'assay show --help')\n");
	assert_int_equal(parse("l:", "--limit=3", "-q"), '?');
	assert_string_equal(said, "assay show: unknown option -q (see 'assay show --help')\n");
	assert_int_equal(parse("l:", "--t", NULL), '?');
	assert_string_equal(said, "assay show: --t could be any of --tree, --threads\n");
	assert_int_equal(parse("l:", "--threads=3", NULL), '?');
	assert_string_equal(said, "assay show: --threads takes no value\n");
}

static void missing_values(void **state)
{
	(void)state;
	assert_int_equal(parse("l:", "--limit", NULL), '?');
	assert_string_equal(said, "assay show: --limit needs a value (see 'assay show --help')\n");
	assert_int_equal(parse("l:", "-l", NULL), '?');
	assert_string_equal(said, "assay show: -l needs a value (see 'assay show --help')\n");
}

static void plus_stops_at_the_first_operand(void **state)
{
	(void)state;
	assert_int_equal(parse("+l:", "program", "--nonsense"), 0);
	assert_string_equal(said, "");
	assert_int_equal(parse("l:", "program", "--nonsense"), '?');
}

static void suggestions(void **state)
{
	static const char *const names[] = {"run", "report", "digest", "doctor", NULL};

	(void)state;
	assert_string_equal(assay_suggest("reprot", names), "report");
	assert_string_equal(assay_suggest("rep", names), "report");
	assert_string_equal(assay_suggest("digset", names), "digest");
	assert_string_equal(assay_suggest("RUN", names), "run");
	assert_string_equal(assay_suggest("docter", names), "doctor");
	assert_null(assay_suggest("ls", names));
	assert_null(assay_suggest("x", names));
	assert_null(assay_suggest("", names));
	assert_null(assay_suggest("firefox", names));
}

static void errors_are_one_inert_line(void **state)
{
	char *text;

	(void)state;
	fixture_catch();
	assay_error("cannot open %s", "a\nb\033[1m\xc2\x9b" "c");
	text = fixture_caught();
	assert_string_equal(text, "assay: cannot open a?b?[1m??c\n");
	free(text);
}

static void help(void **state)
{
	char *text;

	(void)state;
	fixture_catch();
	assay_cmd_help(&cmd);
	text = fixture_caught();
	assert_string_equal(text, "Usage: assay show [FILE]\n\nShow things\n\n  --tree  a tree\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_options),
		cmocka_unit_test(unknown_options),
		cmocka_unit_test(missing_values),
		cmocka_unit_test(plus_stops_at_the_first_operand),
		cmocka_unit_test(suggestions),
		cmocka_unit_test(errors_are_one_inert_line),
		cmocka_unit_test(help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
