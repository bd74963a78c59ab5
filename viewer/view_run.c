/* view_run.c: what was run, when and where, how it ended, and how it was measured. */
#include "view.h"

#include "text.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

static const char *text_of(const struct assay_view_context *c, const char *key)
{
	const char *text = assay_run_text(c->run, c->run_count, key);

	return text ? assay_view_text(c, text) : NULL;
}

static double number_of(const struct assay_view_context *c, const char *key)
{
	return assay_run_number(c->run, c->run_count, key);
}

static const char *when(const struct assay_view_context *c)
{
	double ns = number_of(c, "start_realtime_ns");
	char text[64];
	struct tm local;
	time_t start;

	if (!(ns > 0 && ns < 9e18))
		return NULL;
	start = (time_t)(ns / 1e9);
	if (!localtime_r(&start, &local) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &local))
		return NULL;
	return assay_pool_copy(c->pool, text);
}

/* Without the marks of its trade, which only take room. */
static const char *plain_model(const struct assay_view_context *c, const char *model)
{
	static const char *const marks[] = {"(R)", "(TM)", "(r)", "(tm)"};
	char *plain = assay_pool_copy(c->pool, model), *mark;

	for (size_t i = 0; plain && i < sizeof(marks) / sizeof(marks[0]); i++) {
		while ((mark = strstr(plain, marks[i])))
			memmove(mark, mark + strlen(marks[i]), strlen(mark + strlen(marks[i])) + 1);
	}
	return plain;
}

/* "lab7 (Intel Xeon, 8 cores)", with as much of it as is known. */
static const char *machine(const struct assay_view_context *c)
{
	const char *host = text_of(c, "host"), *model = plain_model(c, text_of(c, "cpu_model"));
	double cpus = number_of(c, "cpus");
	const char *cores = cpus >= 1 && cpus < 1e9 ? assay_text_plural(c->pool, (int64_t)cpus, "core", NULL) : NULL;
	const char *inside = model ? model : cores;

	if (model && cores)
		inside = assay_pool_print(c->pool, "%s, %s", model, cores);
	if (!host || !inside)
		return host ? host : inside;
	return assay_pool_print(c->pool, "%s (%s)", host, inside);
}

static void print_machine(const struct assay_view_context *c)
{
	const char *day = when(c), *place = machine(c);
	double wall = number_of(c, "wall_ns");
	const char *ran = isnan(wall) ? "Ran" : assay_pool_print(c->pool, "Ran %s",
		assay_text_duration(c->pool, &c->term, wall / 1e9));

	assay_view_say(c, "", "%s%s%s%s%s.", ran, day ? ", started " : "", day ? day : "", place ? ", on " : "",
		place ? place : "");
}

static void print_ending(const struct assay_view_context *c)
{
	double status = number_of(c, "exit_status"), number = number_of(c, "exit_signal");
	const char *style = assay_term_style(&c->term, ASSAY_STYLE_WARNING);
	const char *normal = assay_term_style(&c->term, ASSAY_STYLE_NONE);

	if (number >= 1 && number < 1000)
		fprintf(c->out, "%sIt was killed by signal %.0f (%s).%s\n", style, number, strsignal((int)number),
			normal);
	else if (status != 0 && !isnan(status))
		fprintf(c->out, "%sIt ended with exit status %.0f.%s\n", style, status, normal);
}

static void print_method(const struct assay_view_context *c)
{
	double rate = number_of(c, "rate_hz");
	const char *clock = assay_run_text(c->run, c->run_count, "clock");
	const char *by = "";
	const char *cost;

	if (clock)
		by = strcmp(clock, "perf") == 0 ? ", timed by perf_event" : ", timed by POSIX CPU timers";
	cost = assay_pool_print(
		c->pool, "Assay's own cost: %s", assay_text_seconds(c->pool, &c->term, c->account.assay));
	if (c->account.cpu > 0)
		cost = assay_pool_print(c->pool, "%s, %s %% of the CPU time", cost,
			assay_text_percent(c->pool, 100 * c->account.assay / c->account.cpu));
	if (rate >= 1 && rate < 1e9)
		assay_view_say(c, "", "Measured by %s: %s for each second of CPU time that a thread uses%s. %s.",
			assay_text_plural(c->pool, c->account.samples, "sample", NULL),
			assay_text_count(c->pool, (int64_t)rate), by, cost);
	else
		assay_view_say(c, "", "Measured by %s. %s.",
			assay_text_plural(c->pool, c->account.samples, "sample", NULL), cost);
}

/* On one line: a script given on the command line may have several. */
static const char *command_of(const struct assay_view_context *c)
{
	char *command = assay_pool_copy(c->pool, assay_run_text(c->run, c->run_count, "command"));

	if (!command)
		return "(the command is not known)";
	for (char *at = command; (at = strpbrk(at, "\n\t")); at++)
		*at = ' ';
	return assay_view_text(c, command);
}

static int print(const struct assay_view_context *c)
{

	fprintf(c->out, "%s%s%s\n", assay_term_style(&c->term, ASSAY_STYLE_TITLE),
		assay_text_cut(c->pool, &c->term, command_of(c), c->term.width),
		assay_term_style(&c->term, ASSAY_STYLE_NONE));
	print_machine(c);
	print_ending(c);
	print_method(c);
	return 0;
}

static int json(const struct assay_view_context *c, json_t *document)
{
	json_t *run = json_object();

	for (size_t i = 0; run && i < c->run_count; i++) {
		const struct assay_run_value *value = &c->run[i];
		json_t *number = value->integer && fabs(value->number) < 9e18
			? json_integer((json_int_t)value->number) : assay_json_number(value->number);

		if (value->text) {
			json_decref(number);
			number = assay_json_text(c->pool, value->text);
		}
		if (json_object_set_new_nocheck(run, assay_text_utf8(c->pool, value->key), number) != 0) {
			json_decref(run);
			return -ENOMEM;
		}
	}
	return assay_view_put(document, assay_view_run.name, run);
}

const struct assay_view assay_view_run = {
	.name = "run",
	.print = print,
	.json = json,
};
