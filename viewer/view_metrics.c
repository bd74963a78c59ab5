/*
 * view_metrics.c: what plugins measured. A table a metric: how much, how often, at what, called from where. Knows no
 * metric by name: what it says of one is what the profile says.
 */
#include "view.h"

#include <errno.h>
#include <string.h>

#include "measured.h"
#include "text.h"

enum { BRIEF_ROWS = 5 };

/* Metrics of these kinds have views of their own. */
static bool is_shown_elsewhere(const struct assay_metric_row *metric)
{
	static const char *const kinds[] = { "wait", "blame", "team time", "team work", "team longest" };

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (metric->kind && strcmp(metric->kind, kinds[i]) == 0)
			return true;
	return false;
}

static int read_all(const struct assay_view_context *c, struct assay_measured **metrics, size_t *count)
{
	struct assay_metric_row *rows;
	size_t all, n = 0;
	int rc = assay_query_metrics(c->query, &rows, &all);

	*metrics = assay_pool_alloc(c->pool, all + 1, sizeof **metrics);
	for (size_t i = 0; i < all && !rc; i++) {
		if (is_shown_elsewhere(&rows[i]))
			continue;
		rc = assay_measured_read(c, &rows[i], &(*metrics)[n]);
		assay_measured_join(&(*metrics)[n++], true);
	}
	*count = n;
	return rc;
}

/* ---- showing ---- */

static const struct assay_column time_columns[] = {
	{ .key = "amount_s", .title = "time", .kind = ASSAY_CELL_SECONDS },
	{ .key = "times", .title = "times", .kind = ASSAY_CELL_COUNT },
	{ .key = "inclusive_s", .title = "with those inside", .kind = ASSAY_CELL_SECONDS, .leave = 3 },
	{ .key = "mean_s", .title = "each", .kind = ASSAY_CELL_SECONDS, .leave = 2 },
	{ .key = "kind", .kind = ASSAY_CELL_TEXT },
	{ .key = "what", .title = "what", .kind = ASSAY_CELL_TEXT, .least = 12 },
	{ .key = "where", .title = "in", .kind = ASSAY_CELL_TEXT, .least = 16, .leave = 1 },
};

static const struct assay_column count_columns[] = {
	{ .key = "amount", .title = "amount", .kind = ASSAY_CELL_COUNT },
	{ .key = "times", .title = "times", .kind = ASSAY_CELL_COUNT },
	{ .key = "inclusive", .kind = ASSAY_CELL_COUNT },
	{ .key = "mean", .kind = ASSAY_CELL_COUNT },
	{ .key = "kind", .kind = ASSAY_CELL_TEXT },
	{ .key = "what", .title = "what", .kind = ASSAY_CELL_TEXT, .least = 12 },
	{ .key = "where", .title = "in", .kind = ASSAY_CELL_TEXT, .least = 16, .leave = 1 },
};

enum { COLUMNS = sizeof time_columns / sizeof time_columns[0] };
_Static_assert(sizeof time_columns == sizeof count_columns, "the same cells");

static const char *where(const struct assay_view_context *c, const struct assay_measured *m, const struct assay_measured_at *row)
{
	if (row->callers[0] < 0)
		return row->no_path && m->time && !m->nested ? "(short ones: no call path taken)" : NULL;
	return assay_measured_where(c, row);
}

static struct assay_table *make(const struct assay_view_context *c, const struct assay_measured *m)
{
	struct assay_table *table = assay_table_new(c->pool, m->time ? time_columns : count_columns, COLUMNS);
	size_t limit = assay_view_limit(c, c->options.brief ? BRIEF_ROWS : -1, m->count);
	double unit = m->time ? 1e9 : 1;

	for (size_t i = 0; i < m->count && table->row_count < limit; i++) {
		const struct assay_measured_at *row = &m->rows[i];
		struct assay_cell cells[] = {
			ASSAY_NUMBER(row->amount / unit),
			ASSAY_NUMBER(row->times),
			m->nested && row->inclusive > 0 ? ASSAY_NUMBER(row->inclusive / unit) : ASSAY_NOTHING,
			ASSAY_NUMBER(row->times ? row->amount / unit / (double)row->times : NAN),
			ASSAY_TEXT(row->kind),
			ASSAY_TEXT(row->name),
			ASSAY_TEXT(where(c, m, row)),
		};

		assay_table_add(table, cells);
	}
	return table;
}

/* "281 ms in 3,500 times", "3", "12,288 bytes in 3 times". */
static const char *in_all(const struct assay_view_context *c, const struct assay_measured *m)
{
	const char *times = assay_text_plural(c->pool, m->times, "time", NULL);
	const char *amount = assay_text_count(c->pool, m->amount < 9e18 ? (int64_t)m->amount : INT64_MAX);

	if (m->time)
		amount = assay_text_seconds(c->pool, &c->term, m->amount / 1e9);
	else if (m->is->unit && strcmp(m->is->unit, "count") != 0)
		amount = assay_pool_print(c->pool, "%s %s", amount, assay_view_text(c, m->is->unit));
	else if (m->amount >= (double)m->times && m->amount <= (double)m->times)
		return amount;
	return assay_pool_print(c->pool, "%s in %s", amount, times);
}

static int print(const struct assay_view_context *c)
{
	struct assay_measured *metrics;
	size_t count;
	int rc = read_all(c, &metrics, &count);

	for (size_t i = 0; i < count && !rc; i++) {
		const struct assay_measured *m = &metrics[i];
		struct assay_table *table;

		if (!m->count)
			continue;
		table = make(c, m);
		assay_view_title(c, "%s: %s", assay_view_text(c, m->is->name), in_all(c, m));
		if (m->is->help && *m->is->help)
			assay_view_say(c, "  ", "Measured by a plugin: %s.", assay_view_text(c, m->is->help));
		assay_table_print(table, &c->term, c->out);
		assay_view_left_out(c, table->row_count, m->count, "--metrics shows all");
	}
	return rc;
}

static int json(const struct assay_view_context *c, json_t *document)
{
	json_t *all = json_array();
	struct assay_measured *metrics;
	size_t count = 0;
	int rc = all ? read_all(c, &metrics, &count) : -ENOMEM;

	for (size_t i = 0; !rc && i < count; i++) {
		const struct assay_measured *m = &metrics[i];
		json_t *one = json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:o}",
			"metric", assay_json_text(c->pool, m->is->name), "unit", assay_json_text(c->pool, m->is->unit),
			"kind", assay_json_text(c->pool, m->is->kind), "help", assay_json_text(c->pool, m->is->help),
			"amount", assay_json_number(m->amount / (m->time ? 1e9 : 1)), "times", (json_int_t)m->times,
			"rows", assay_table_json(make(c, m)));

		if (!one || json_array_append_new(all, one) != 0)
			rc = -ENOMEM;
	}
	if (rc) {
		json_decref(all);
		return rc;
	}
	return assay_view_put(document, assay_view_metrics.name, all);
}

const struct assay_view assay_view_metrics = {
	.name = "metrics",
	.print = print,
	.json = json,
};
