/*
 * target_profile.c: the input is a profile, a SQLite file. It is opened as `assay report` does it, and every view is shown
 * as text and as JSON, into nothing.
 */
#include "input.h"

#include "viewer/query.h"
#include "viewer/view.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static const struct assay_view *const views[] = { &assay_view_run, &assay_view_account, &assay_view_functions,
	&assay_view_lines, &assay_view_tree, &assay_view_callers, &assay_view_threads, &assay_view_processes,
	&assay_view_modules, &assay_view_metrics, &assay_view_trust, &assay_view_next };

static char *path;
static int file = -1;
static FILE *nowhere;

static void end(void)
{
	unlink(path);
}

static void set_up(void)
{
	path = input_scratch();
	file = path ? mkostemp(path, O_CLOEXEC) : -1;
	nowhere = fopen("/dev/null", "w");
	if (file < 0 || !nowhere)
		abort();
	atexit(end);
}

static void write_file(const uint8_t *data, size_t size)
{
	if (ftruncate(file, 0) < 0 || pwrite(file, data, size, 0) != (ssize_t)size)
		abort();
}

static int discard(const char *text, size_t size, void *context)
{
	(void)text, (void)size, (void)context;
	return 0;
}

static void show(struct assay_view_context *c)
{
	json_t *document = json_object();
	size_t count;
	struct assay_model_function **hottest = assay_model_functions(c->model, false, &count);

	/* --callers and --lines want a function's name: as our own suggestions have it, or any of the profile's */
	c->options.callers = count ? assay_view_pattern(c, hottest[0])
			   : c->model->function_count > 1 ? c->model->functions[1].name
							  : "main";
	for (size_t i = 0; i < sizeof views / sizeof *views; i++)
		views[i]->print(c);
	c->options.lines_of = c->options.callers;
	c->options.brief = !c->options.brief;
	c->term.width = 200;
	c->term.colour = true;
	c->term.utf8 = !c->term.utf8;
	for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
		views[i]->print(c);
		views[i]->json(c, document);
	}
	json_dump_callback(document, discard, NULL, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12));
	json_decref(document);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	return input_mutate(data, size, max, seed, 255);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct assay_view_context c = { .options.min = NAN };
	assay_query *query;

	if (file < 0)
		set_up();
	write_file(data, size);
	c.out = nowhere;
	c.term = (struct assay_term){ .width = 80, .utf8 = true };
	c.options.whole = size % 2;
	if (assay_query_open(path, &query) == 0 && assay_view_prepare(&c, query) == 0)
		show(&c);
	assay_query_close(query);
	return 0;
}
