/* view_lines.c: source lines by the time spent on them, with their text; and those of one function in order. */
#include "view.h"

#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const double notable = 1; /* percent */

enum {
	BRIEF_ROWS = 8,
	TEXT_LEAST = 20,
};

static const struct assay_column columns[] = {
	{.key = "exclusive_percent", .title = "%", .kind = ASSAY_CELL_PERCENT},
	{.key = "exclusive_error", .title = "", .kind = ASSAY_CELL_ERROR},
	{.key = "exclusive_s", .title = "time", .kind = ASSAY_CELL_SECONDS, .leave = 3},
	{.key = "inclusive_percent", .kind = ASSAY_CELL_PERCENT},
	{.key = "inclusive_error", .kind = ASSAY_CELL_ERROR},
	{.key = "inclusive_s", .kind = ASSAY_CELL_SECONDS},
	{.key = "samples", .kind = ASSAY_CELL_COUNT},
	{.key = "file", .kind = ASSAY_CELL_PATH},
	{.key = "line", .kind = ASSAY_CELL_COUNT},
	{.key = "function", .kind = ASSAY_CELL_NAME},
	{.title = "line", .kind = ASSAY_CELL_PATH, .least = 16},
	{.key = "text", .title = "source", .kind = ASSAY_CELL_TEXT, .least = TEXT_LEAST, .leave = 1},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static const char *skip_blanks(const char *text)
{
	return text ? text + strspn(text, " \t") : NULL;
}

static void add_row(const struct assay_view_context *c, struct assay_table *table, const struct assay_model_line *line,
	const char *text)
{
	const struct assay_model_file *file = &c->model->files[line->file];
	struct assay_share exclusive = assay_view_share(c, &line->exclusive);
	struct assay_share inclusive = assay_view_share(c, &line->inclusive);
	struct assay_cell cells[] = {
		ASSAY_NUMBER(exclusive.percent),
		assay_view_error_cell(&exclusive),
		ASSAY_NUMBER(line->exclusive.sum / 1e9),
		ASSAY_NUMBER(inclusive.percent),
		assay_view_error_cell(&inclusive),
		ASSAY_NUMBER(line->inclusive.sum / 1e9),
		ASSAY_NUMBER(line->exclusive.count),
		ASSAY_TEXT(file->path),
		ASSAY_NUMBER(line->line),
		ASSAY_TEXT(c->model->functions[line->function].name),
		ASSAY_PLACE(file->shown, line->line),
		ASSAY_TEXT(text),
	};

	assay_table_add(table, cells);
}

static const char *source(const struct assay_view_context *c, const struct assay_model_line *line)
{
	return assay_query_source(c->query, c->model->files[line->file].id, line->line);
}

/* The module that most of the time is in, of those without lines. NULL when all have them. */
static const struct assay_model_module *hottest_without_lines(const struct assay_view_context *c)
{
	size_t count;
	struct assay_model_module **modules = assay_model_modules(c->model, &count);

	for (size_t i = 0; i < count; i++) {
		if (modules[i] != &c->model->modules[0] && modules[i]->exclusive.sum > 0 &&
			strcmp(modules[i]->symbols, "lines") != 0)
			return modules[i];
	}
	return NULL;
}

static void explain_none(const struct assay_view_context *c)
{
	const struct assay_model_module *m = hottest_without_lines(c);
	const char *note = "";

	if (!m) {
		assay_view_say(c, "  ", "No source line was sampled.");
		return;
	}
	if (m->note)
		note = assay_pool_print(c->pool, " (%s)", assay_view_text(c, m->note));
	assay_view_say(c, "  ",
		"None: %s has no debug information%s, so only its functions are known. For lines, compile with -g (it "
		"does not slow the program), or install the debug symbols of the package that it comes from (on Debian "
		"PACKAGE-dbgsym).",
		assay_view_text(c, m->name), note);
}

/* What the list cannot show, where that is worth knowing. */
static void say_what_has_no_lines(
	const struct assay_view_context *c, const struct assay_model_line *lines, size_t count)
{
	const struct assay_model_module *m = hottest_without_lines(c);
	double without = c->model->all.sum;

	for (size_t i = 0; i < count; i++)
		without -= lines[i].exclusive.sum;
	without = c->model->all.sum > 0 ? 100 * without / c->model->all.sum : 0;
	if (m && count > 0 && without >= notable)
		assay_view_say(c, "  ", "%s %% of the CPU time is in code without line information, most of it in %s.",
			assay_text_percent(c->pool, without), assay_view_text(c, m->name));
}

static int by_place(const void *a, const void *b)
{
	const struct assay_model_line *l = a, *m = b;

	if (l->file != m->file)
		return l->file < m->file ? -1 : 1;
	return (l->line > m->line) - (l->line < m->line);
}

static size_t cut_below_min(const struct assay_view_context *c, const struct assay_model_line *lines, size_t count,
	double min)
{
	while (count > 0 && assay_view_share(c, &lines[count - 1].exclusive).percent < min)
		count--;
	return count;
}

/* Lines of one function, in the order of the source, with what indentation they have in common taken away. */
static void print_annotated(const struct assay_view_context *c, struct assay_model_line *lines, size_t count)
{
	struct assay_table *table = assay_table_new(c->pool, columns, COLUMNS);
	size_t common = SIZE_MAX;
	const char **texts = assay_pool_alloc(c->pool, count + 1, sizeof(*texts));

	qsort(lines, count, sizeof(*lines), by_place);
	for (size_t i = 0; i < count; i++) {
		size_t blanks;

		texts[i] = assay_view_text(c, source(c, &lines[i]));
		blanks = strspn(texts[i], " ");
		if (texts[i][blanks] && blanks < common)
			common = blanks;
	}
	for (size_t i = 0; i < count; i++)
		add_row(c, table, &lines[i], strlen(texts[i]) > common ? texts[i] + common : "");
	assay_table_print(table, &c->term, c->out);
}

static int print_of_function(const struct assay_view_context *c)
{
	struct assay_model_line *lines;
	size_t total, count;
	const char *name;
	bool *chosen;
	int rc = assay_view_pick(c, c->options.lines_of, &chosen, &name);

	if (rc)
		return rc;
	lines = assay_model_lines(c->model, chosen, &total);
	assay_view_title(c, "Lines of %s", assay_text_fit_name(c->pool, &c->term, assay_view_text(c, name),
		c->term.width - 9));
	count = assay_view_limit(c, -1, cut_below_min(c, lines, total, assay_view_min(c, 0)));
	if (count == 0)
		explain_none(c);
	print_annotated(c, lines, count);
	assay_view_left_out(c, count, total, "see --min and --limit");
	return 0;
}

static void add_hottest(const struct assay_view_context *c, struct assay_table *table,
	const struct assay_model_line *lines, size_t count, bool whole_text)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = source(c, &lines[i]);

		add_row(c, table, &lines[i], whole_text ? text : skip_blanks(text));
	}
}

static int print(const struct assay_view_context *c)
{
	struct assay_table *table = assay_table_new(c->pool, columns, COLUMNS);
	struct assay_model_line *lines;
	size_t total, count;

	if (c->options.lines_of)
		return print_of_function(c);
	lines = assay_model_lines(c->model, NULL, &total);
	count = assay_view_limit(c, c->options.brief ? BRIEF_ROWS : -1,
		cut_below_min(c, lines, total, assay_view_min(c, 0)));
	assay_view_title(c, c->options.brief ? "Hottest source lines" : "Source lines, hottest first");
	if (count == 0)
		explain_none(c);
	add_hottest(c, table, lines, count, false);
	assay_table_print(table, &c->term, c->out);
	assay_view_left_out(c, count, total, c->options.brief ? "--lines shows all" : "see --min and --limit");
	say_what_has_no_lines(c, lines, total);
	return 0;
}

static int json(const struct assay_view_context *c, json_t *document)
{
	struct assay_table *table = assay_table_new(c->pool, columns, COLUMNS);
	struct assay_model_line *lines;
	bool *chosen = NULL;
	const char *name;
	size_t count;
	int rc = c->options.lines_of ? assay_view_pick(c, c->options.lines_of, &chosen, &name) : 0;

	if (rc)
		return rc;
	lines = assay_model_lines(c->model, chosen, &count);
	count = assay_view_limit(c, -1, cut_below_min(c, lines, count, assay_view_min(c, 0)));
	add_hottest(c, table, lines, count, true);
	return assay_view_put(document, assay_view_lines.name, assay_table_json(table));
}

const struct assay_view assay_view_lines = {
	.name = "lines",
	.print = print,
	.json = json,
};
