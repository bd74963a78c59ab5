/*
 * view_metrics.c: what plugins measured. A table a metric: how much, how often, at what, called from where. Knows no
 * metric by name: what it says of one is what the profile says.
 */
#include "view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { BRIEF_ROWS = 5, CALLERS = 2 };

struct row {
	double amount, inclusive;     /* inclusive: 0 inside itself, where it is counted already */
	int64_t times;
	const char *kind, *name;      /* of the frame */
	int callers[CALLERS];         /* functions or frames around it, the nearest first; -1 = none */
	bool no_path;
};

struct metric {
	const struct assay_metric_row *is;
	bool time;
	double amount;
	int64_t times;
	bool nested; /* some lie in others */
	struct row *rows;
	size_t count;
};

/* ---- reading ---- */

static int node_by_id(const struct assay_model *model, int64_t id)
{
	size_t low = 0, high = model->node_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (model->nodes[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < model->node_count && model->nodes[low].id == id ? (int)low : -1;
}

/* What is around a frame, but for the program's root; and whether that is not known. */
static void find_callers(const struct assay_model *model, int node, struct row *row)
{
	int n = 0;

	for (int i = 0; i < CALLERS; i++)
		row->callers[i] = -1;
	for (int at = node < 0 ? -1 : model->nodes[node].parent; at >= 0 && n < CALLERS; at = model->nodes[at].parent) {
		if (model->nodes[at].kind == ASSAY_NODE_SPECIAL)
			row->no_path = !n && strncmp(model->functions[model->nodes[at].function].name, "[short", 6) == 0;
		else if (model->nodes[at].kind != ASSAY_NODE_PROGRAM)
			row->callers[n++] = model->nodes[at].function;
	}
}

/* Whether a node lies in one that stands for the same: a recursion. */
static bool lies_in_itself(const struct assay_model *model, int node)
{
	for (int at = node < 0 ? -1 : model->nodes[node].parent; at >= 0; at = model->nodes[at].parent)
		if (model->nodes[at].function == model->nodes[node].function)
			return true;
	return false;
}

static int compare_place(const struct row *a, const struct row *b)
{
	int order = strcmp(a->kind ? a->kind : "", b->kind ? b->kind : "");

	order = order ? order : strcmp(a->name ? a->name : "", b->name ? b->name : "");
	order = order ? order : a->no_path - b->no_path;
	for (int i = 0; i < CALLERS && !order; i++)
		order = a->callers[i] - b->callers[i];
	return order;
}

static int by_place(const void *a, const void *b)
{
	return compare_place(a, b);
}

static int by_amount(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->amount != y->amount)
		return x->amount > y->amount ? -1 : 1;
	return compare_place(x, y);
}

/* Rows of one metric that would look alike become one. */
static size_t join(struct row *rows, size_t count)
{
	size_t n = 0;

	if (count)
		qsort(rows, count, sizeof *rows, by_place);
	for (size_t i = 0; i < count; i++) {
		if (n && compare_place(&rows[n - 1], &rows[i]) == 0) {
			rows[n - 1].amount += rows[i].amount;
			rows[n - 1].inclusive += rows[i].inclusive;
			rows[n - 1].times += rows[i].times;
		} else {
			rows[n++] = rows[i];
		}
	}
	if (n)
		qsort(rows, n, sizeof *rows, by_amount);
	return n;
}

static int read_metric(const struct assay_view_context *c, const struct assay_metric_row *is, struct metric *m)
{
	struct assay_measured_row *measured;
	size_t count;
	int rc = assay_query_measured(c->query, is->id, &measured, &count);

	*m = (struct metric){ .is = is, .time = is->unit && strcmp(is->unit, "ns") == 0 };
	m->rows = assay_pool_alloc(c->pool, count + 1, sizeof *m->rows);
	for (size_t i = 0; i < count; i++) {
		int node = node_by_id(c->model, measured[i].node);

		m->rows[i] = (struct row){ .amount = measured[i].amount, .times = measured[i].times,
			.kind = measured[i].kind, .name = measured[i].name };
		if (!lies_in_itself(c->model, node))
			m->rows[i].inclusive = measured[i].inclusive;
		m->nested |= measured[i].inclusive > measured[i].amount;
		find_callers(c->model, node, &m->rows[i]);
		m->amount += measured[i].amount;
		m->times += measured[i].times;
	}
	m->count = join(m->rows, count);
	return rc;
}

static int read_all(const struct assay_view_context *c, struct metric **metrics, size_t *count)
{
	struct assay_metric_row *rows;
	int rc = assay_query_metrics(c->query, &rows, count);

	*metrics = assay_pool_alloc(c->pool, *count + 1, sizeof **metrics);
	for (size_t i = 0; i < *count && !rc; i++)
		rc = read_metric(c, &rows[i], &(*metrics)[i]);
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

static const char *where(const struct assay_view_context *c, const struct metric *m, const struct row *row)
{
	const struct assay_model_function *f = c->model->functions;

	if (row->callers[0] < 0)
		return row->no_path && m->time && !m->nested ? "(short ones: no call path taken)" : NULL;
	if (row->callers[1] < 0)
		return f[row->callers[0]].name;
	return assay_pool_print(c->pool, "%s, in %s", f[row->callers[0]].name, f[row->callers[1]].name);
}

static struct assay_table *make(const struct assay_view_context *c, const struct metric *m)
{
	struct assay_table *table = assay_table_new(c->pool, m->time ? time_columns : count_columns, COLUMNS);
	size_t limit = assay_view_limit(c, c->options.brief ? BRIEF_ROWS : -1, m->count);
	double unit = m->time ? 1e9 : 1;

	for (size_t i = 0; i < m->count && table->row_count < limit; i++) {
		const struct row *row = &m->rows[i];
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
static const char *in_all(const struct assay_view_context *c, const struct metric *m)
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
	struct metric *metrics;
	size_t count;
	int rc = read_all(c, &metrics, &count);

	for (size_t i = 0; i < count && !rc; i++) {
		const struct metric *m = &metrics[i];
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
	struct metric *metrics;
	size_t count = 0;
	int rc = all ? read_all(c, &metrics, &count) : -ENOMEM;

	for (size_t i = 0; !rc && i < count; i++) {
		const struct metric *m = &metrics[i];
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
