/* cmd.c: what the subcommands share: errors in one line, help, options, and the nearest name. */
#include "cmd.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ERROR_MAX = 2048, /* longer messages are cut: a path may be long, a message is not */
	WORD_MAX_LENGTH = 63,
	SHORT_OPTIONS_MAX = 64,
};

/*
 * Names and paths come from other people's files: an escape sequence in one of them must not reach
 * the terminal, nor a newline break the promise of one line. C1 controls in UTF-8 are 0xC2 0x80..0x9F.
 */
static void make_inert(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
		else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			c[0] = c[1] = '?';
	}
}

__attribute__((format(printf, 2, 0))) static void print_error(const char *name, const char *format, va_list args)
{
	char text[ERROR_MAX];
	int saved = errno;

	vsnprintf(text, sizeof(text), format, args);
	make_inert(text);
	fflush(stdout);
	fprintf(stderr, "assay%s%s: %s\n", name ? " " : "", name ? name : "", text);
	errno = saved;
}

void assay_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_error(NULL, format, args);
	va_end(args);
}

__attribute__((format(printf, 2, 3))) static void usage_error(const struct assay_cmd *cmd, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_error(cmd->name, format, args);
	va_end(args);
}

void assay_cmd_help(const struct assay_cmd *cmd)
{
	printf("Usage: assay %s %s\n\n%s\n\n%s", cmd->name, cmd->usage, cmd->summary, cmd->help);
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edit distance in which swapping two neighbours counts once, for that is how people mistype. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t n = strnlen(a, WORD_MAX_LENGTH), m = strnlen(b, WORD_MAX_LENGTH);
	size_t row[3][WORD_MAX_LENGTH + 1];
	size_t *before = row[0], *last = row[1], *now = row[2];

	for (size_t j = 0; j <= m; j++)
		last[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *spare = before;

		now[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]) ? 0 : 1;

			now[j] = min_size(last[j - 1] + same, min_size(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = min_size(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[m];
}

const char *assay_suggest(const char *word, const char *const *names)
{
	size_t length = strlen(word), best_distance = length / 3 + 1;
	const char *best = NULL;

	if (length < 2)
		return NULL;
	for (const char *const *name = names; *name; name++) {
		size_t distance = edit_distance(word, *name);

		/* What was begun and not finished is near, however much is missing. */
		if (strncmp(word, *name, length) == 0)
			distance = 0;
		if (distance > length / 3 + 1 || distance >= length)
			continue;
		if (distance < best_distance || !best) {
			best = *name;
			best_distance = distance;
		}
	}
	return best;
}

/* argv[optind - 1] names a long option that is unknown or stands for several. */
static void report_long_option(const struct assay_cmd *cmd, const char *word, const struct option *long_options)
{
	const char *names[SHORT_OPTIONS_MAX];
	char given[WORD_MAX_LENGTH + 1], candidates[256] = "";
	size_t count = 0, begun = 0, used = 0, length = strcspn(word, "=");
	const char *near;

	snprintf(given, sizeof(given), "%.*s", (int)min_size(length, WORD_MAX_LENGTH), word);
	for (const struct option *o = long_options; o->name && count < SHORT_OPTIONS_MAX - 1; o++) {
		names[count++] = o->name;
		if (length == 0 || strncmp(o->name, given, length) != 0)
			continue;
		begun++;
		if (used < sizeof(candidates))
			used += (size_t)snprintf(candidates + used, sizeof(candidates) - used, "%s--%s",
				used ? ", " : "", o->name);
	}
	names[count] = NULL;
	if (begun > 1) {
		usage_error(cmd, "--%s could be any of %s", given, candidates);
		return;
	}
	near = assay_suggest(given, names);
	if (near)
		usage_error(cmd, "unknown option --%s (did you mean --%s?)", given, near);
	else
		usage_error(cmd, "unknown option --%s (see 'assay %s --help')", given, cmd->name);
}

/* The long option that `word` ("--name" or "--name=value") stands for, if it stands for just one. */
static const struct option *long_option_of(const char *word, const struct option *long_options)
{
	const struct option *found = NULL;
	size_t length;

	if (!word || strncmp(word, "--", 2) != 0)
		return NULL;
	word += 2;
	length = strcspn(word, "=");
	for (const struct option *o = long_options; o->name; o++) {
		if (length == 0 || strncmp(o->name, word, length) != 0)
			continue;
		if (strlen(o->name) == length)
			return o;
		if (found)
			return NULL;
		found = o;
	}
	return found;
}

/* getopt_long returned '?'. Its optopt is 0 for a long option that it could not place. */
static void report_unknown(const struct assay_cmd *cmd, const char *word, const struct option *long_options)
{
	const struct option *option = long_option_of(word, long_options);

	if (optopt == 0) {
		report_long_option(cmd, word + 2, long_options);
		return;
	}
	if (option && option->has_arg == no_argument && option->val == optopt && strchr(word, '=')) {
		usage_error(cmd, "--%s takes no value", option->name);
		return;
	}
	usage_error(cmd, "unknown option -%c (see 'assay %s --help')", optopt, cmd->name);
}

static void report_missing(const struct assay_cmd *cmd, const char *word, const struct option *long_options)
{
	const struct option *option = long_option_of(word, long_options);

	if (option && option->val == optopt)
		usage_error(cmd, "--%s needs a value (see 'assay %s --help')", option->name, cmd->name);
	else
		usage_error(cmd, "-%c needs a value (see 'assay %s --help')", optopt, cmd->name);
}

int assay_getopt(const struct assay_cmd *cmd, int argc, char **argv, const char *short_options,
	const struct option *long_options)
{
	/* ':' first (after an ordering sign) makes getopt tell a missing value from an unknown option. */
	bool ordered = *short_options == '+' || *short_options == '-';
	char options[SHORT_OPTIONS_MAX + 2];
	int found;

	snprintf(
		options, sizeof(options), "%.*s:%s", ordered ? 1 : 0, short_options, short_options + (ordered ? 1 : 0));
	opterr = 0;
	found = getopt_long(argc, argv, options, long_options, NULL);
	if (found == '?') {
		report_unknown(cmd, argv[optind - 1], long_options);
	} else if (found == ':') {
		report_missing(cmd, argv[optind - 1], long_options);
		found = '?';
	}
	return found;
}
