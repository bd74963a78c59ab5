/* view_modules.c: executables and libraries by the time spent in them, and what is known of their code. */
#include "view.h"

#include <string.h>

static const struct assay_column columns[] = {
	{.key = "exclusive_percent", .title = "excl. %", .kind = ASSAY_CELL_PERCENT},
	{.key = "exclusive_error", .title = "", .kind = ASSAY_CELL_ERROR},
	{.key = "exclusive_s", .title = "time", .kind = ASSAY_CELL_SECONDS, .leave = 2},
	{.key = "inclusive_percent", .title = "incl. %", .kind = ASSAY_CELL_PERCENT},
	{.key = "inclusive_error", .kind = ASSAY_CELL_ERROR},
	{.key = "inclusive_s", .kind = ASSAY_CELL_SECONDS},
	{.key = "samples", .kind = ASSAY_CELL_COUNT},
	{.key = "module", .title = "module", .kind = ASSAY_CELL_TEXT, .least = 16},
	{.key = "symbols", .kind = ASSAY_CELL_TEXT},
	{.title = "known of it", .kind = ASSAY_CELL_TEXT, .least = 16, .leave = 1},
	{.key = "note", .title = "why not more", .kind = ASSAY_CELL_TEXT, .least = 16, .leave = 3},
	{.key = "build_id", .kind = ASSAY_CELL_TEXT},
	{.key = "path", .title = "path", .kind = ASSAY_CELL_PATH, .least = 16, .leave = 4},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static const char *in_words(const char *symbols)
{
	static const char *const words[][2] = {
		{"lines", "functions and lines"},
		{"functions", "functions"},
		{"exports", "exported functions"},
		{"none", "nothing"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i][0], symbols) == 0)
			return words[i][1];
	}
	return symbols;
}

static struct assay_table *make(const struct assay_view_context *c, size_t *total)
{
	struct assay_table *table = assay_table_new(c->pool, columns, COLUMNS);
	struct assay_model_module **modules = assay_model_modules(c->model, total);
	size_t limit = assay_view_limit(c, -1, *total);
	double min = assay_view_min(c, 0);

	for (size_t i = 0; i < *total && table->row_count < limit; i++) {
		const struct assay_model_module *m = modules[i];
		struct assay_share exclusive = assay_view_share(c, &m->exclusive);
		struct assay_share inclusive = assay_view_share(c, &m->inclusive);
		bool none = m == &c->model->modules[0];
		struct assay_cell cells[] = {
			ASSAY_NUMBER(exclusive.percent),
			assay_view_error_cell(&exclusive),
			ASSAY_NUMBER(m->exclusive.sum / 1e9),
			ASSAY_NUMBER(inclusive.percent),
			assay_view_error_cell(&inclusive),
			ASSAY_NUMBER(m->inclusive.sum / 1e9),
			ASSAY_NUMBER(m->exclusive.count),
			ASSAY_TEXT(m->name),
			none ? ASSAY_NOTHING : ASSAY_TEXT(m->symbols),
			none ? ASSAY_NOTHING : ASSAY_TEXT(in_words(m->symbols)),
			ASSAY_TEXT(m->note),
			ASSAY_TEXT(m->build_id),
			ASSAY_TEXT(m->path),
		};

		if (exclusive.percent >= min)
			assay_table_add(table, cells);
	}
	return table;
}

static int print(const struct assay_view_context *c)
{
	size_t total;
	struct assay_table *table = make(c, &total);

	assay_view_title(c, "Modules: executables and libraries");
	assay_table_print(table, &c->term, c->out);
	assay_view_left_out(c, table->row_count, total, "see --min and --limit");
	return 0;
}

static int json(const struct assay_view_context *c, json_t *document)
{
	size_t total;

	return assay_view_put(document, assay_view_modules.name, assay_table_json(make(c, &total)));
}

const struct assay_view assay_view_modules = {
	.name = "modules",
	.print = print,
	.json = json,
};
