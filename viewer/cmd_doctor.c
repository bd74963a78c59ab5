/* cmd_doctor.c: `assay doctor`: what works on this machine, what does not, why, and what to do. */
#include "cmd.h"
#include "doctor.h"
#include "pool.h"
#include "term.h"
#include "text.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { INDENT = 26 }; /* of the text: mark and name come before it */

static const char *const mark_names[] = {
	[ASSAY_MARK_OK] = "ok",
	[ASSAY_MARK_NOTE] = "note",
	[ASSAY_MARK_NO] = "no",
};

static const enum assay_style mark_styles[] = {
	[ASSAY_MARK_OK] = ASSAY_STYLE_TITLE,
	[ASSAY_MARK_NOTE] = ASSAY_STYLE_DIM,
	[ASSAY_MARK_NO] = ASSAY_STYLE_WARNING,
};

/* Prints words, of which the first stands in column INDENT already, in lines of `width` columns. */
static void print_wrapped(char *text, int width)
{
	char *save, *word = strtok_r(text, " ", &save);
	int column = INDENT;

	for (; word; word = strtok_r(NULL, " ", &save)) {
		int length = assay_text_width(word);

		if (column > INDENT && column + 1 + length > width) {
			printf("\n%*s", INDENT, "");
			column = INDENT;
		}
		column += printf("%s", column > INDENT ? " " : "") + length;
		fputs(word, stdout);
	}
	putchar('\n');
}

static void print_finding(assay_pool *pool, const struct assay_term *term, const char *name,
	const struct assay_finding *finding)
{
	const char *text = assay_text_inert(pool, term, finding->text);

	printf("%s%-5s%s %-*s", assay_term_style(term, mark_styles[finding->mark]), mark_names[finding->mark],
		assay_term_style(term, ASSAY_STYLE_NONE), INDENT - 6, name);
	print_wrapped(assay_pool_copy(pool, text), term->width);
	if (finding->remedy[0]) {
		text = assay_text_inert(pool, term, finding->remedy);
		printf("%*s", INDENT, "");
		print_wrapped(assay_pool_print(pool, "To do: %s", text), term->width);
	}
}

/* Paths may hold anything; JSON holds UTF-8. */
static json_t *finding_to_json(assay_pool *pool, const char *name, const struct assay_finding *finding)
{
	return json_pack("{s:s, s:s, s:s, s:s?}", "name", name, "mark", mark_names[finding->mark], "text",
		assay_text_utf8(pool, finding->text), "remedy",
		finding->remedy[0] ? assay_text_utf8(pool, finding->remedy) : NULL);
}

static int print_json(const struct assay_finding *findings, int works)
{
	json_t *checks = json_array(), *root = NULL;
	assay_pool *pool = assay_pool_open();
	int error = checks ? 0 : -1;

	for (size_t i = 0; i < assay_doctor_checks_count && !error; i++)
		error = json_array_append_new(checks, finding_to_json(pool, assay_doctor_checks[i].name, &findings[i]));
	if (!error)
		root = json_pack("{s:s, s:b, s:O}", "assay", PACKAGE_VERSION, "works", works, "checks", checks);
	if (!root || json_dumpf(root, stdout, JSON_INDENT(2)) < 0)
		error = -1;
	else
		putchar('\n');
	json_decref(root);
	json_decref(checks);
	assay_pool_close(pool);
	if (error)
		assay_error("cannot write JSON");
	return error;
}

static void print_text(const struct assay_finding *findings, int works)
{
	assay_pool *pool = assay_pool_open();
	struct assay_term term;

	assay_term_detect(&term, STDOUT_FILENO, ASSAY_COLOUR_AUTO, 0);
	for (size_t i = 0; i < assay_doctor_checks_count; i++)
		print_finding(pool, &term, assay_doctor_checks[i].name, &findings[i]);
	printf("\n%s\n", works ? "Assay can measure programs on this machine." :
				 "Assay cannot measure programs on this machine yet: see what is marked 'no'.");
	assay_pool_close(pool);
}

static int run_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct assay_finding findings[ASSAY_CHECKS_MAX];
	int option, json = 0, works = 1;

	while ((option = assay_getopt(&assay_cmd_doctor, argc, argv, "h", options)) != -1) {
		switch (option) {
		case 'j':
			json = 1;
			break;
		case 'h':
			assay_cmd_help(&assay_cmd_doctor);
			return ASSAY_EXIT_OK;
		default:
			return ASSAY_EXIT_USAGE;
		}
	}
	if (optind < argc) {
		assay_error("doctor takes no arguments ('%s')", argv[optind]);
		return ASSAY_EXIT_USAGE;
	}
	for (size_t i = 0; i < assay_doctor_checks_count; i++) {
		assay_doctor_checks[i].look(&findings[i]);
		works = works && findings[i].mark != ASSAY_MARK_NO;
	}
	if (!json)
		print_text(findings, works);
	else if (print_json(findings, works) < 0)
		return ASSAY_EXIT_FAILURE;
	return works ? ASSAY_EXIT_OK : ASSAY_EXIT_FAILURE;
}

const struct assay_cmd assay_cmd_doctor = {
	.name = "doctor",
	.summary = "Say what works on this machine, what does not, why, and what to do",
	.usage = "[--json]",
	.help = "Every line is a check that has just been tried out, with one of three marks:\n"
		"  ok    works\n"
		"  note  does not, or less well, but programs are measured without it\n"
		"  no    does not, and nothing can be measured without it\n"
		"Below it stands what to do, if there is anything to do. It takes under a second and changes\n"
		"nothing. The exit status is 0 if programs can be measured here, else 1.\n"
		"\n"
		"Options:\n"
		"      --json  the same for programs, as JSON\n"
		"  -h, --help  this text\n"
		"\n"
		"Examples:\n"
		"  assay doctor\n"
		"  assay doctor --json | jq '.checks[] | select(.mark != \"ok\")'\n",
	.run = run_doctor,
};
