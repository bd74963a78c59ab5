/*
 * view_account.c: the account of thread-seconds, as a bar and in words. For each thread its wall time is
 * CPU time + waiting for a core + waiting for something else; the profile's remainder is shown as it is.
 */
#include "view.h"

#include "text.h"

#include <math.h>
#include <string.h>

enum {
	BAR_WIDTH_MAX = 76,
	MARGIN = 2,
	PARTS = 6,
};

struct part {
	const char *label, *key;
	double seconds;
	enum assay_sign sign;
	enum assay_style style;
	bool always; /* shown even when it is nothing */
};

static void parts_of(const struct assay_account *a, struct part parts[PARTS])
{
	const struct part all[PARTS] = {
		{"computing (CPU)", "computing", a->cpu - a->spin, ASSAY_SIGN_BAR_CPU, ASSAY_STYLE_CPU, true},
		{"waiting, spinning", "spin", a->spin, ASSAY_SIGN_BAR_SPIN, ASSAY_STYLE_WAIT, false},
		{"waiting for a core", "core_wait", a->core_wait, ASSAY_SIGN_BAR_CORE_WAIT, ASSAY_STYLE_CORE_WAIT,
			true},
		{"waiting, located", "located_wait", a->located_wait, ASSAY_SIGN_BAR_WAIT, ASSAY_STYLE_WAIT, false},
		{"waiting, not located", "unlocated_wait", a->unlocated_wait, ASSAY_SIGN_BAR_UNKNOWN, ASSAY_STYLE_WAIT,
			true},
		{"remainder", "remainder", a->remainder, ASSAY_SIGN_BAR_REST, ASSAY_STYLE_WARNING, false},
	};

	for (int i = 0; i < PARTS; i++)
		parts[i] = all[i];
}

static double percent_of(const struct assay_view_context *c, double seconds)
{
	return c->account.wall > 0 ? 100 * seconds / c->account.wall : 0;
}

static void print_bar(const struct assay_view_context *c, const struct part parts[PARTS])
{
	int width = c->term.width - 2 * MARGIN, drawn = 0;
	double sum = 0, all = 0;

	if (width > BAR_WIDTH_MAX)
		width = BAR_WIDTH_MAX;
	for (int i = 0; i < PARTS; i++)
		all += fmax(parts[i].seconds, 0);
	if (!(all > 0) || !isfinite(all))
		return;
	fprintf(c->out, "%*s", MARGIN, "");
	for (int i = 0; i < PARTS; i++) {
		int end;

		sum += fmax(parts[i].seconds, 0);
		end = (int)lround(width * sum / all);
		if (end == drawn)
			continue;
		fputs(assay_term_style(&c->term, parts[i].style), c->out);
		for (; drawn < end; drawn++)
			fputs(assay_term_sign(&c->term, parts[i].sign), c->out);
		fputs(assay_term_style(&c->term, ASSAY_STYLE_NONE), c->out);
	}
	fputc('\n', c->out);
}

static void print_legend(const struct assay_view_context *c, const struct part parts[PARTS])
{
	for (int i = 0; i < PARTS; i++) {
		const struct part *part = &parts[i];
		const char *seconds = assay_text_seconds(c->pool, &c->term, part->seconds);
		int blanks = 10 - assay_text_width(seconds);

		/* Clocks that are read one after the other differ by microseconds: below 0.05 % it is nothing. */
		if (!part->always && fabs(percent_of(c, part->seconds)) < 0.05)
			continue;
		fprintf(c->out, "%*s%s%s%s %-21s%*s%s %6s %%\n", MARGIN, "", assay_term_style(&c->term, part->style),
			assay_term_sign(&c->term, part->sign), assay_term_style(&c->term, ASSAY_STYLE_NONE),
			part->label, blanks > 0 ? blanks : 0, "", seconds,
			assay_text_percent(c->pool, percent_of(c, part->seconds)));
	}
}

static void print_words(const struct assay_view_context *c)
{
	const struct assay_account *a = &c->account;
	double wall = assay_run_number(c->run, c->run_count, "wall_ns") / 1e9;
	double cpus = assay_run_number(c->run, c->run_count, "cpus");
	const char *located = "", *spinning = "", *of = "", *lived;

	lived = assay_text_seconds(c->pool, &c->term, a->wall);
	if (a->wall >= 1)
		lived = assay_pool_print(c->pool, "%.*s thread-seconds", (int)strcspn(lived, " "), lived);
	else if (a->threads > 1)
		lived = assay_pool_print(c->pool, "%s in all", lived);
	if (a->located_wait > 0)
		located = assay_pool_print(c->pool, "%.0f %% waiting for what is named below, ",
			percent_of(c, a->located_wait));
	if (a->spin > 0)
		spinning = assay_pool_print(c->pool, "%.0f %% waiting in a loop that keeps a core busy, ",
			percent_of(c, a->spin));
	assay_view_say(c, "  ",
		"%s lived %s: %.0f %% computing, %s%.0f %% ready but waiting for a core, %s%.0f %% waiting where Assay "
		"cannot say for what.",
		assay_text_plural(c->pool, a->threads, "thread", NULL), lived, percent_of(c, a->cpu - a->spin), spinning,
		percent_of(c, a->core_wait), located, percent_of(c, a->unlocated_wait));
	if (!(wall > 0) || !(a->cpu > 0))
		return;
	if (cpus >= 1 && cpus < 1e9)
		of = assay_pool_print(c->pool, " of the machine's %.0f", cpus);
	assay_view_say(
		c, "  ", "On average it kept %.*f%s cores busy.", a->cpu / wall >= 9.95 ? 0 : 1, a->cpu / wall, of);
}

static int print(const struct assay_view_context *c)
{
	struct part parts[PARTS];

	parts_of(&c->account, parts);
	assay_view_title(c, "Where the threads' time went");
	print_bar(c, parts);
	print_legend(c, parts);
	print_words(c);
	return 0;
}

static int json(const struct assay_view_context *c, json_t *document)
{
	const struct assay_account *a = &c->account;
	json_t *account = json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}",
		"wall_s", assay_json_number(a->wall),
		"cpu_s", assay_json_number(a->cpu),
		"cpu_percent", assay_json_number(percent_of(c, a->cpu)),
		"threads", (json_int_t)a->threads,
		"processes", (json_int_t)a->processes,
		"samples", (json_int_t)a->samples,
		"core_wait_unread_s", assay_json_number(a->core_wait_unread),
		"sampled_s", assay_json_number(a->sampled),
		"startup_s", assay_json_number(a->startup),
		"unsampled_s", assay_json_number(a->unsampled),
		"assay_s", assay_json_number(a->assay));
	struct part parts[PARTS];
	int rc = assay_view_put(document, assay_view_account.name, account);

	parts_of(a, parts);
	for (int i = 0; rc == 0 && i < PARTS; i++) {
		rc = assay_view_put(account, assay_pool_print(c->pool, "%s_s", parts[i].key),
			assay_json_number(parts[i].seconds));
		if (rc == 0)
			rc = assay_view_put(account, assay_pool_print(c->pool, "%s_percent", parts[i].key),
				assay_json_number(percent_of(c, parts[i].seconds)));
	}
	return rc;
}

const struct assay_view assay_view_account = {
	.name = "account",
	.print = print,
	.json = json,
};
