/* measured.c: see measured.h */
#include "measured.h"

#include <stdlib.h>
#include <string.h>

/* What is around a frame, but for the program's root; and whether that is not known. */
static void find_callers(const struct assay_model *model, int node, struct assay_measured_at *row)
{
	int n = 0;

	for (int i = 0; i < ASSAY_CALLERS; i++)
		row->callers[i] = -1;
	for (int at = node < 0 ? -1 : model->nodes[node].parent; at >= 0 && n < ASSAY_CALLERS; at = model->nodes[at].parent) {
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

/* Whether callers tell rows apart: for qsort, which hands nothing on. */
static bool by_callers;

static int compare_place(const struct assay_measured_at *a, const struct assay_measured_at *b)
{
	int order = strcmp(a->kind ? a->kind : "", b->kind ? b->kind : "");

	order = order ? order : strcmp(a->name ? a->name : "", b->name ? b->name : "");
	if (!by_callers)
		return order;
	order = order ? order : a->no_path - b->no_path;
	for (int i = 0; i < ASSAY_CALLERS && !order; i++)
		order = a->callers[i] - b->callers[i];
	return order;
}

static int by_place(const void *a, const void *b)
{
	return compare_place(a, b);
}

static int by_amount(const void *a, const void *b)
{
	const struct assay_measured_at *x = a, *y = b;

	if (x->amount != y->amount)
		return x->amount > y->amount ? -1 : 1;
	return compare_place(x, y);
}

void assay_measured_join(struct assay_measured *m, bool callers)
{
	struct assay_measured_at *rows = m->rows;
	size_t n = 0;

	by_callers = callers;
	if (m->count)
		qsort(rows, m->count, sizeof *rows, by_place);
	for (size_t i = 0; i < m->count; i++) {
		if (n && compare_place(&rows[n - 1], &rows[i]) == 0) {
			rows[n - 1].amount += rows[i].amount;
			rows[n - 1].inclusive += rows[i].inclusive;
			rows[n - 1].times += rows[i].times;
			if (rows[i].largest > rows[n - 1].largest) {
				rows[n - 1].largest = rows[i].largest;
				rows[n - 1].node = rows[i].node;
			}
		} else {
			rows[n++] = rows[i];
		}
	}
	if (n)
		qsort(rows, n, sizeof *rows, by_amount);
	m->count = n;
}

int assay_measured_read(const struct assay_view_context *c, const struct assay_metric_row *is, struct assay_measured *m)
{
	struct assay_measured_row *measured;
	int rc = assay_query_measured(c->query, is->id, &measured, &m->count);

	*m = (struct assay_measured){ .is = is, .time = is->unit && strcmp(is->unit, "ns") == 0, .count = m->count };
	m->rows = assay_pool_alloc(c->pool, m->count + 1, sizeof *m->rows);
	for (size_t i = 0; i < m->count; i++) {
		int node = assay_model_node(c->model, measured[i].node);

		m->rows[i] = (struct assay_measured_at){ .amount = measured[i].amount, .times = measured[i].times,
			.kind = measured[i].kind, .name = measured[i].name, .node = node, .largest = measured[i].amount };
		if (!lies_in_itself(c->model, node))
			m->rows[i].inclusive = measured[i].inclusive;
		m->nested |= measured[i].inclusive > measured[i].amount;
		find_callers(c->model, node, &m->rows[i]);
		m->amount += measured[i].amount;
		m->times += measured[i].times;
	}
	return rc;
}

static int read_of_kind(const struct assay_view_context *c, const struct assay_metric_row *is, struct assay_measured *m)
{
	struct assay_measured one;
	struct assay_measured_at *rows;
	int rc = assay_measured_read(c, is, &one);

	if (!m->count) {
		*m = one;
		return rc;
	}
	rows = assay_pool_alloc(c->pool, m->count + one.count + 1, sizeof *rows);
	memcpy(rows, m->rows, m->count * sizeof *rows);
	memcpy(rows + m->count, one.rows, one.count * sizeof *rows);
	m->rows = rows;
	m->count += one.count;
	m->amount += one.amount;
	m->times += one.times;
	return rc;
}

int assay_measured_kind(const struct assay_view_context *c, const char *kind, struct assay_measured *m)
{
	struct assay_metric_row *metrics;
	size_t count;
	int rc = assay_query_metrics(c->query, &metrics, &count);

	*m = (struct assay_measured){ 0 };
	for (size_t i = 0; i < count && !rc; i++)
		if (metrics[i].kind && strcmp(metrics[i].kind, kind) == 0)
			rc = read_of_kind(c, &metrics[i], m);
	return rc;
}

const char *assay_measured_where(const struct assay_view_context *c, const struct assay_measured_at *row)
{
	const struct assay_model_function *f = c->model->functions;

	if (row->callers[0] < 0)
		return NULL;
	if (row->callers[1] < 0)
		return f[row->callers[0]].name;
	return assay_pool_print(c->pool, "%s, in %s", f[row->callers[0]].name, f[row->callers[1]].name);
}
