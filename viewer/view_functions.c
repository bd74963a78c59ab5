/* view_functions.c: functions by the time spent in them. */
#include "view.h"

#include <errno.h>
#include <math.h>

enum { BRIEF_ROWS = 10 };

static const struct assay_column columns[] = {
	{.key = "exclusive_percent", .title = "excl. %", .kind = ASSAY_CELL_PERCENT},
	{.key = "exclusive_error", .title = "", .kind = ASSAY_CELL_ERROR},
	{.key = "exclusive_s", .title = "time", .kind = ASSAY_CELL_SECONDS, .leave = 3},
	{.key = "inclusive_percent", .title = "incl. %", .kind = ASSAY_CELL_PERCENT},
	{.key = "inclusive_error", .kind = ASSAY_CELL_ERROR},
	{.key = "inclusive_s", .kind = ASSAY_CELL_SECONDS},
	{.key = "samples", .kind = ASSAY_CELL_COUNT},
	{.key = "function", .title = "function", .kind = ASSAY_CELL_NAME, .least = 18},
	{.key = "module", .kind = ASSAY_CELL_TEXT},
	{.key = "file", .kind = ASSAY_CELL_PATH},
	{.key = "line", .kind = ASSAY_CELL_COUNT},
	{.title = "defined in", .kind = ASSAY_CELL_PATH, .least = 12, .leave = 2},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static void add_row(const struct assay_view_context *c, struct assay_table *table, const struct assay_model_function *f)
{
	const struct assay_model *m = c->model;
	struct assay_share exclusive = assay_view_share(c, &f->exclusive);
	struct assay_share inclusive = assay_view_share(c, &f->inclusive);
	bool has_line = f->file && f->line > 0;
	struct assay_cell cells[] = {
		ASSAY_NUMBER(exclusive.percent),
		assay_view_error_cell(&exclusive),
		ASSAY_NUMBER(f->exclusive.sum / 1e9),
		ASSAY_NUMBER(inclusive.percent),
		assay_view_error_cell(&inclusive),
		ASSAY_NUMBER(f->inclusive.sum / 1e9),
		ASSAY_NUMBER(f->exclusive.count),
		ASSAY_TEXT(f->name),
		f->module ? ASSAY_TEXT(m->modules[f->module].name) : ASSAY_NOTHING,
		f->file ? ASSAY_TEXT(m->files[f->file].path) : ASSAY_NOTHING,
		has_line ? ASSAY_NUMBER(f->line) : ASSAY_NOTHING,
		f->file ? ASSAY_PLACE(m->files[f->file].shown, f->line)
			: f->module ? ASSAY_TEXT(m->modules[f->module].name) : ASSAY_NOTHING,
	};

	assay_table_add(table, cells);
}

/* The rows to show; *total is set to how many there are. */
static struct assay_table *make(const struct assay_view_context *c, int64_t usual, size_t *total)
{
	struct assay_table *table = assay_table_new(c->pool, columns, COLUMNS);
	double min = assay_view_min(c, 0);
	size_t limit;
	struct assay_model_function **functions = assay_model_functions(c->model, false, total);

	limit = assay_view_limit(c, usual, *total);
	for (size_t i = 0; i < *total && table->row_count < limit; i++) {
		const struct assay_model_function *f = functions[i];

		/* On the first screen, those that only call others are for the tree. */
		if (c->options.brief && usual >= 0 && f->exclusive.sum <= 0)
			break;
		if (assay_view_share(c, &f->exclusive).percent >= min ||
			(min > 0 && assay_view_share(c, &f->inclusive).percent >= min))
			add_row(c, table, f);
	}
	return table;
}

static int print(const struct assay_view_context *c)
{
	size_t total;
	struct assay_table *table = make(c, c->options.brief ? BRIEF_ROWS : -1, &total);

	assay_view_title(c, "%s functions", c->options.brief ? "Hottest" : "All");
	if (table->row_count == 0) {
		assay_view_say(c, "  ", "No function used CPU time.");
		return 0;
	}
	assay_view_say(c, "  ",
		"Shares of the CPU time: excl. (exclusive) in the function itself, incl. (inclusive) with all that it "
		"calls.");
	assay_table_print(table, &c->term, c->out);
	assay_view_left_out(
		c, table->row_count, total, c->options.brief ? "--functions shows all" : "see --min and --limit");
	return 0;
}

static int json(const struct assay_view_context *c, json_t *document)
{
	size_t total;

	return assay_view_put(document, assay_view_functions.name, assay_table_json(make(c, -1, &total)));
}

const struct assay_view assay_view_functions = {
	.name = "functions",
	.print = print,
	.json = json,
};
