/*
 * view_trust.c: how far the figures can be trusted: the sampling error in one example, Assay's own cost, and
 * whatever was lost, with what that means. What is nothing is not mentioned.
 */
#include "view.h"

#include "text.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Below these shares (percent) a loss changes nothing that a reader would do. */
static const double notable = 1, notable_samples = 0.1;

enum {
	MODULES_SHOWN = 3,
	NOTES_SHOWN = 3,
};

static const char *const bullet = "  - ";

/* What the kernel counted for the run and no thread's account has. NAN when that is not known. */
static double unseen_cpu(const struct assay_view_context *c)
{
	return assay_run_number(c->run, c->run_count, "kernel_cpu_ns") / 1e9 - c->account.cpu;
}

static const char *percent_of_samples(const struct assay_view_context *c, int64_t count)
{
	double all = (double)c->account.samples;

	return assay_text_error(c->pool, all > 0 ? 100 * (double)count / all : 100);
}

static void say_error(const struct assay_view_context *c)
{
	const struct assay_weight *all = &c->model->all;
	struct assay_weight half = {
		.sum = all->sum / 2, .sumsq = all->sumsq / 2, .count = all->count / 2 + all->count % 2};
	const char *sign = assay_term_sign(&c->term, ASSAY_SIGN_PLUS_MINUS);

	if (all->count == 0) {
		assay_view_say(c, bullet,
			"There are no samples: the program used too little CPU time. What is shown was counted, not "
			"sampled.");
		return;
	}
	assay_view_say(c, bullet,
		"%s is the sampling error: the true share lies within it 95 times of 100. With %s, a share of 50 %% is "
		"known to %s%s.",
		sign, assay_text_plural(c->pool, all->count, "sample", NULL), sign,
		assay_text_error(c->pool, assay_view_share(c, &half).error));
}

static bool sampled_by_perf(const struct assay_view_context *c)
{
	const char *clock = assay_run_text(c->run, c->run_count, "clock");

	return clock && strcmp(clock, "perf") == 0;
}

static void say_clock(const struct assay_view_context *c)
{
	if (sampled_by_perf(c))
		assay_view_say(c, bullet,
			"Samples were taken in user mode only (--clock=perf): CPU time in the kernel is counted as not "
			"sampled. --clock=cpu shows which calls it was spent in.");
}

/* Of so many samples about as many as their share of the time. */
static void say_instrumentation(const struct assay_view_context *c)
{
	const struct assay_weight *all = &c->model->all;
	double share = c->account.sampled > 0 ? c->account.instrument / c->account.sampled : 0;
	struct assay_weight weight = { .sum = c->account.instrument * 1e9, .sumsq = all->sumsq * share,
		.count = (int64_t)((double)all->count * share + 0.5) };

	if (c->account.instrument <= 0 || (c->options.brief && 100 * share < notable))
		return;
	assay_view_say(c, bullet,
		"%s %% (%s%s) of the CPU time was in code of Assay's that the program called: regions, counted functions, what "
		"plugins interpose. It is part of the figures of their callers.",
		assay_text_percent(c->pool, assay_view_share(c, &weight).percent), assay_term_sign(&c->term, ASSAY_SIGN_PLUS_MINUS),
		assay_text_error(c->pool, assay_view_share(c, &weight).error));
}

static void say_losses(const struct assay_view_context *c, const struct assay_loss_row *losses, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct assay_loss_row *loss = &losses[i];
		const char *kind = loss->kind ? loss->kind : "", *reason = assay_view_text(c, loss->reason);

		if (c->options.brief && strcmp(kind, "failed") != 0 && strcmp(kind, "regions") != 0 && c->account.samples > 0 &&
			100 * (double)loss->count / (double)c->account.samples < notable_samples)
			continue;
		if (strcmp(kind, "dropped") == 0)
			assay_view_say(c, bullet,
				"%s dropped (%s %% of all; %s): their time is charged to the next sample of the same "
				"thread.",
				assay_text_plural(c->pool, loss->count, "sample was", "samples were"),
				percent_of_samples(c, loss->count), reason);
		else if (strcmp(kind, "truncated") == 0)
			assay_view_say(c, bullet,
				"%s an incomplete call path (%s %% of all; %s): exclusive times are right, inclusive "
				"ones of the missing callers are too small.",
				assay_text_plural(c->pool, loss->count, "sample has", "samples have"),
				percent_of_samples(c, loss->count), reason);
		else if (strcmp(kind, "regions") == 0)
			assay_view_say(c, bullet, "%s not opened and closed in pairs: %s.",
				assay_text_plural(c->pool, loss->count, "region was", "regions were"), reason);
		else
			assay_view_say(c, bullet, "Could not be followed, and is missing here: %s (%s).",
				assay_text_count(c->pool, loss->count), reason);
	}
}

static int say_plugins(const struct assay_view_context *c)
{
	struct assay_plugin_row *rows;
	size_t count;
	int rc = assay_query_plugins_left_out(c->query, &rows, &count);

	for (size_t i = 0; i < count; i++) {
		const char *in = rows[i].all == 1 ? "" : rows[i].processes == rows[i].all ? " in all processes" :
			assay_pool_print(c->pool, " in %s of %s processes", assay_text_count(c->pool, rows[i].processes),
				assay_text_count(c->pool, rows[i].all));

		assay_view_say(c, bullet, "Plugin %s was left out%s: %s.", assay_view_text(c, rows[i].name), in,
			assay_view_text(c, rows[i].why));
	}
	return rc;
}

/* Exclusive time of a module's functions that have no name. */
static double unnamed(const struct assay_view_context *c, const struct assay_model_module *module)
{
	struct assay_weight weight = {.sum = 0};

	for (size_t i = 0; i < c->model->function_count; i++) {
		const struct assay_model_function *f = &c->model->functions[i];

		if (&c->model->modules[f->module] == module && !f->named && !f->special && f->module)
			assay_weight_add(&weight, &f->exclusive);
	}
	return assay_view_share(c, &weight).percent;
}

static void say_modules(const struct assay_view_context *c)
{
	size_t count, said = 0;
	struct assay_model_module **modules = assay_model_modules(c->model, &count);

	for (size_t i = 0; i < count && said < MODULES_SHOWN; i++) {
		const struct assay_model_module *m = modules[i];
		const char *why = m->note ? assay_view_text(c, m->note) : "it has no full symbol table";
		double percent = unnamed(c, m);

		if (percent < notable)
			continue;
		said++;
		assay_view_say(c, bullet,
			"%s %% of the CPU time is in code of %s whose functions have no names (%s): they are shown by "
			"address. Its debug symbols, or a build with -g, would name them.",
			assay_text_percent(c->pool, percent), assay_view_text(c, m->name), why);
	}
}

static void say_account(const struct assay_view_context *c)
{
	const struct assay_account *a = &c->account;
	double unseen = unseen_cpu(c);

	if (a->cpu > 0 && fabs(a->unsampled) / a->cpu * 100 >= notable)
		assay_view_say(c, bullet,
			"%s of CPU time (%s %%) was used after a thread's last sample%s: it is counted, but not known "
			"where.",
			assay_text_seconds(c->pool, &c->term, a->unsampled),
			assay_text_percent(c->pool, 100 * a->unsampled / a->cpu),
			sampled_by_perf(c) ? " or in the kernel" : "");
	if (a->wall > 0 && a->core_wait_unread / a->wall * 100 >= notable)
		assay_view_say(c, bullet,
			"%s of the waiting (%s %% of all thread-seconds) is of threads too short to tell waiting for a "
			"core from other waiting.",
			assay_text_seconds(c->pool, &c->term, a->core_wait_unread),
			assay_text_percent(c->pool, 100 * a->core_wait_unread / a->wall));
	if (!isfinite(unseen) || fabs(unseen) < 0.005 || fabs(unseen) * 100 < notable * (a->cpu + unseen))
		return;
	if (unseen > 0)
		assay_view_say(c, bullet,
			"The kernel counted %s of CPU time more for the run than its threads' accounts have (%s %% of "
			"its %s): it was used where Assay does not look, in processes that cannot be preloaded (static "
			"or setuid ones), in threads that were not started by pthread_create, or while processes began "
			"and ended.",
			assay_text_seconds(c->pool, &c->term, unseen),
			assay_text_percent(c->pool, 100 * unseen / (a->cpu + unseen)),
			assay_text_seconds(c->pool, &c->term, a->cpu + unseen));
	else
		assay_view_say(c, bullet,
			"The accounts have %s of CPU time more than the kernel counted for the run (%s): processes "
			"that outlived it, or that nobody waited for, are not in the kernel's count.",
			assay_text_seconds(c->pool, &c->term, -unseen),
			assay_text_seconds(c->pool, &c->term, a->cpu + unseen));
}

static int say_processes(const struct assay_view_context *c)
{
	struct assay_process_row *processes;
	size_t count, said = 0;
	int64_t unseen = 0;
	int rc = assay_query_processes(c->query, &processes, &count);

	for (size_t i = 0; i < count; i++) {
		const struct assay_process_row *p = &processes[i];

		unseen += p->ended && strcmp(p->ended, "unseen") == 0;
		if (p->note && *p->note && said++ < NOTES_SHOWN)
			assay_view_say(c, bullet, "Process %lld (%s): %s.", (long long)p->pid,
				assay_view_text(c, p->name), assay_view_text(c, p->note));
	}
	if (said > NOTES_SHOWN)
		assay_view_say(c, bullet, "%s like this: --processes shows them.",
			assay_text_plural(c->pool, (int64_t)(said - NOTES_SHOWN), "more note", NULL));
	if (unseen)
		assay_view_say(c, bullet,
			"The end of %s was not seen (killed, or still running): what was measured until then is here.",
			assay_text_plural(c->pool, unseen, "process", "processes"));
	return rc;
}

static int print(const struct assay_view_context *c)
{
	struct assay_loss_row *losses;
	size_t count;
	int rc = assay_query_losses(c->query, &losses, &count);

	if (rc)
		return rc;
	assay_view_title(c, "How far to trust this");
	say_error(c);
	say_clock(c);
	/* The first screen has it at its top. */
	if (!c->options.brief && c->account.cpu > 0)
		assay_view_say(c, bullet, "Assay itself used %s %% of the CPU time (%s), which is part of the figures.",
			assay_text_error(c->pool, 100 * c->account.assay / c->account.cpu),
			assay_text_seconds(c->pool, &c->term, c->account.assay));
	say_instrumentation(c);
	say_losses(c, losses, count);
	say_modules(c);
	say_account(c);
	rc = say_processes(c);
	if (!rc)
		rc = say_plugins(c);
	if (!c->options.brief && count == 0)
		assay_view_say(c, bullet, "No sample was lost, and every call path is complete.");
	return rc;
}

static json_t *losses_json(const struct assay_view_context *c, const struct assay_loss_row *losses, size_t count)
{
	static const struct assay_column columns[] = {
		{.key = "kind", .kind = ASSAY_CELL_TEXT},
		{.key = "reason", .kind = ASSAY_CELL_TEXT},
		{.key = "count", .kind = ASSAY_CELL_COUNT},
		{.key = "processes", .kind = ASSAY_CELL_COUNT},
	};
	struct assay_table *table = assay_table_new(c->pool, columns, sizeof(columns) / sizeof(columns[0]));

	for (size_t i = 0; i < count; i++) {
		struct assay_cell cells[] = {ASSAY_TEXT(losses[i].kind), ASSAY_TEXT(losses[i].reason),
			ASSAY_NUMBER(losses[i].count), ASSAY_NUMBER(losses[i].processes)};

		assay_table_add(table, cells);
	}
	return assay_table_json(table);
}

static json_t *unnamed_json(const struct assay_view_context *c)
{
	static const struct assay_column columns[] = {
		{.key = "module", .kind = ASSAY_CELL_TEXT},
		{.key = "path", .kind = ASSAY_CELL_PATH},
		{.key = "unnamed_percent", .kind = ASSAY_CELL_PERCENT},
		{.key = "note", .kind = ASSAY_CELL_TEXT},
	};
	struct assay_table *table = assay_table_new(c->pool, columns, sizeof(columns) / sizeof(columns[0]));
	size_t count;
	struct assay_model_module **modules = assay_model_modules(c->model, &count);

	for (size_t i = 0; i < count; i++) {
		double percent = unnamed(c, modules[i]);
		struct assay_cell cells[] = {ASSAY_TEXT(modules[i]->name), ASSAY_TEXT(modules[i]->path),
			ASSAY_NUMBER(percent), ASSAY_TEXT(modules[i]->note)};

		if (percent > 0)
			assay_table_add(table, cells);
	}
	return assay_table_json(table);
}

static int json(const struct assay_view_context *c, json_t *document)
{
	struct assay_loss_row *losses;
	size_t count;
	int rc = assay_query_losses(c->query, &losses, &count);
	double cpu = c->account.cpu;

	if (rc)
		return rc;
	return assay_view_put(document, assay_view_trust.name,
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			"assay_s", assay_json_number(c->account.assay),
			"instrument_s", assay_json_number(c->account.instrument),
			"assay_percent", assay_json_number(cpu > 0 ? 100 * c->account.assay / cpu : NAN),
			"unsampled_percent", assay_json_number(cpu > 0 ? 100 * c->account.unsampled / cpu : NAN),
			"unseen_cpu_s", assay_json_number(unseen_cpu(c)),
			"losses", losses_json(c, losses, count),
			"unnamed", unnamed_json(c)));
}

const struct assay_view assay_view_trust = {
	.name = "trust",
	.print = print,
	.json = json,
};
