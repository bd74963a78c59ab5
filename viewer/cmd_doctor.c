/* cmd_doctor.c: `assay doctor`: what works on this machine, what does not, why, and what to do. */
#include "cmd.h"
#include "doctor.h"
#include "term.h"

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
static void print_wrapped(const char *text, int width)
{
	int column = INDENT;

	while (*text) {
		int length = (int)strcspn(text, " ");

		if (column > INDENT && column + 1 + length > width) {
			printf("\n%*s", INDENT, "");
			column = INDENT;
		} else if (column > INDENT) {
			putchar(' ');
			column++;
		}
		/* Paths and what the loader said come from outside: no control character reaches the terminal. */
		for (int i = 0; i < length; i++)
			putchar((unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i]);
		column += length;
		text += length;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static void print_finding(const char *name, const struct assay_finding *finding, const struct assay_term *term)
{
	char advice[ASSAY_FINDING_MAX + 8];

	printf("%s%-5s%s %-*s", assay_term_style(term, mark_styles[finding->mark]), mark_names[finding->mark],
		assay_term_style(term, ASSAY_STYLE_NONE), INDENT - 6, name);
	print_wrapped(finding->text, term->width);
	if (finding->remedy[0]) {
		printf("%*s", INDENT, "");
		snprintf(advice, sizeof(advice), "To do: %s", finding->remedy);
		print_wrapped(advice, term->width);
	}
}

static json_t *finding_to_json(const char *name, const struct assay_finding *finding)
{
	/* %o of NULL makes the whole object NULL, which is reported as want of memory. */
	json_t *text = json_stringn_nocheck(finding->text, strlen(finding->text));
	json_t *remedy = finding->remedy[0] ? json_stringn_nocheck(finding->remedy, strlen(finding->remedy)) : json_null();

	return json_pack("{s:s, s:s, s:o, s:o}", "name", name, "mark", mark_names[finding->mark], "text", text, "remedy",
		remedy);
}

static int print_json(const struct assay_finding *findings, int works)
{
	json_t *checks = json_array(), *root = NULL;
	int error = checks ? 0 : -1;

	for (size_t i = 0; i < assay_doctor_checks_count && !error; i++)
		error = json_array_append_new(checks, finding_to_json(assay_doctor_checks[i].name, &findings[i]));
	if (!error)
		root = json_pack("{s:s, s:b, s:O}", "assay", PACKAGE_VERSION, "works", works, "checks", checks);
	if (!root || json_dumpf(root, stdout, JSON_INDENT(2)) < 0)
		error = -1;
	else
		putchar('\n');
	json_decref(root);
	json_decref(checks);
	if (error)
		assay_error("cannot write JSON");
	return error;
}

static void print_text(const struct assay_finding *findings, int works)
{
	struct assay_term term;

	assay_term_detect(&term, STDOUT_FILENO, ASSAY_COLOUR_AUTO, 0);
	for (size_t i = 0; i < assay_doctor_checks_count; i++)
		print_finding(assay_doctor_checks[i].name, &findings[i], &term);
	printf("\n%s\n", works ? "Assay can measure programs on this machine." :
				 "Assay cannot measure programs on this machine yet: see what is marked 'no'.");
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
