/*
 * view_waits.c: what threads waited for, where, and who held up whom. Goes by the kinds of metrics 'wait' and 'blame',
 * whoever measured them.
 */
#include "view.h"

#include <errno.h>
#include <string.h>

#include "measured.h"
#include "text.h"

enum { BRIEF_ROWS = 5, ROWS = 20 };

static const struct assay_column kind_columns[] = {
	{ .key = "waited_s", .title = "waited", .kind = ASSAY_CELL_SECONDS },
	{ .key = "percent", .title = "%", .kind = ASSAY_CELL_PERCENT },
	{ .key = "times", .title = "times", .kind = ASSAY_CELL_COUNT },
	{ .key = "mean_s", .title = "each", .kind = ASSAY_CELL_SECONDS, .leave = 1 },
	{ .key = "kind", .title = "for a", .kind = ASSAY_CELL_TEXT, .least = 8 },
	{ .key = "what", .title = "which", .kind = ASSAY_CELL_TEXT, .least = 12 },
	{ .key = "where", .title = "in", .kind = ASSAY_CELL_TEXT, .least = 16, .leave = 2 },
};
enum { COLUMNS = sizeof kind_columns / sizeof kind_columns[0] };

/* By what is waited for, and where. */
static struct assay_table *waits_table(const struct assay_view_context *c, const struct assay_measured *m)
{
	struct assay_table *table = assay_table_new(c->pool, kind_columns, COLUMNS);
	size_t limit = assay_view_limit(c, c->options.brief ? BRIEF_ROWS : ROWS, m->count);

	for (size_t i = 0; i < m->count && table->row_count < limit; i++) {
		const struct assay_measured_at *row = &m->rows[i];
		struct assay_cell cells[] = {
			ASSAY_NUMBER(row->amount / 1e9),
			ASSAY_NUMBER(c->account.wall > 0 ? row->amount / 1e7 / c->account.wall : NAN),
			ASSAY_NUMBER(row->times),
			ASSAY_NUMBER(row->times ? row->amount / 1e9 / (double)row->times : NAN),
			ASSAY_TEXT(row->kind),
			ASSAY_TEXT(row->name),
			ASSAY_TEXT(row->no_path ? "(short ones: no call path taken)" : assay_measured_where(c, row)),
		};

		assay_table_add(table, cells);
	}
	return table;
}

/* ---- by kind ---- */

struct kind {
	const char *name;
	double amount;
	int64_t times;
};

/* The sums of each kind of wait, the largest first; how many. */
static size_t sum_kinds(const struct assay_view_context *c, const struct assay_measured *m, struct kind **kinds)
{
	size_t n = 0;

	*kinds = assay_pool_alloc(c->pool, m->count + 1, sizeof **kinds);
	for (size_t i = 0; i < m->count; i++) {
		const char *name = m->rows[i].kind ? m->rows[i].kind : "";
		size_t k = 0;

		while (k < n && strcmp((*kinds)[k].name, name) != 0)
			k++;
		if (k == n)
			(*kinds)[n++] = (struct kind){ .name = name };
		(*kinds)[k].amount += m->rows[i].amount;
		(*kinds)[k].times += m->rows[i].times;
		for (; k && (*kinds)[k].amount > (*kinds)[k - 1].amount; k--) {
			struct kind swapped = (*kinds)[k];

			(*kinds)[k] = (*kinds)[k - 1];
			(*kinds)[k - 1] = swapped;
		}
	}
	return n;
}

/* "mutex 2.10 s, join 1.00 s and 3 kinds more". */
static const char *name_kinds(const struct assay_view_context *c, const struct assay_measured *m)
{
	enum { NAMED = 5 };
	const char *text = "";
	struct kind *kinds;
	size_t n = sum_kinds(c, m, &kinds);

	for (size_t i = 0; i < n && i < NAMED; i++)
		text = assay_pool_print(c->pool, "%s%s%s %s", text, i ? ", " : "", assay_view_text(c, kinds[i].name),
			assay_text_seconds(c->pool, &c->term, kinds[i].amount / 1e9));
	return n > NAMED ? assay_pool_print(c->pool, "%s and %zu kinds more", text, n - NAMED) : text;
}

static json_t *kinds_json(const struct assay_view_context *c, const struct assay_measured *m)
{
	json_t *all = json_array();
	struct kind *kinds;
	size_t n = sum_kinds(c, m, &kinds);

	for (size_t i = 0; all && i < n; i++)
		json_array_append_new(all, json_pack("{s:o, s:o, s:I}", "kind", assay_json_text(c->pool, kinds[i].name),
			"waited_s", assay_json_number(kinds[i].amount / 1e9), "times", (json_int_t)kinds[i].times));
	return all;
}

/* ---- who held up whom ---- */

/* The threads, and how much others waited for what each held. */
struct threads {
	struct assay_thread_row *rows;
	struct assay_value_row *values;
	size_t count, value_count;
};

static const struct assay_column blame_columns[] = {
	{ .key = "held_up_s", .title = "held up", .kind = ASSAY_CELL_SECONDS },
	{ .key = "percent", .kind = ASSAY_CELL_PERCENT },
	{ .key = "times", .title = "times", .kind = ASSAY_CELL_COUNT },
	{ .key = "kind", .title = "by a", .kind = ASSAY_CELL_TEXT, .least = 8 },
	{ .key = "what", .title = "which", .kind = ASSAY_CELL_TEXT, .least = 12 },
	{ .key = "held_by", .title = "thread", .kind = ASSAY_CELL_TEXT, .least = 6, .leave = 2 },
	{ .key = "held_in", .title = "held in", .kind = ASSAY_CELL_TEXT, .least = 16 },
	{ .key = "waited_in", .title = "others wait most in", .kind = ASSAY_CELL_TEXT, .least = 12, .leave = 1 },
};
enum { BLAME_COLUMNS = sizeof blame_columns / sizeof blame_columns[0] };

static bool is_for(const struct assay_measured_at *a, const struct assay_measured_at *b)
{
	return a->kind && b->kind && a->name && b->name && strcmp(a->kind, b->kind) == 0 && strcmp(a->name, b->name) == 0;
}

/* The thread that did most of it: its name, or number. */
static const char *most_by(const struct assay_view_context *c, const struct threads *t, int node)
{
	const struct assay_value_row *most = NULL;

	for (size_t i = 0; node >= 0 && i < t->value_count; i++)
		if (t->values[i].node == c->model->nodes[node].id && (!most || t->values[i].amount > most->amount))
			most = &t->values[i];
	for (size_t i = 0; most && i < t->count; i++)
		if (t->rows[i].id == most->thread)
			return t->rows[i].name && *t->rows[i].name ? t->rows[i].name :
				assay_pool_print(c->pool, "%lld", (long long)t->rows[i].tid);
	return NULL;
}

static struct assay_table *blame_table(const struct assay_view_context *c, const struct assay_measured *blame,
				       const struct assay_measured *waits, const struct threads *threads)
{
	struct assay_table *table = assay_table_new(c->pool, blame_columns, BLAME_COLUMNS);
	size_t limit = assay_view_limit(c, c->options.brief ? BRIEF_ROWS : ROWS, blame->count);

	for (size_t i = 0; i < blame->count && table->row_count < limit; i++) {
		const struct assay_measured_at *row = &blame->rows[i];
		const char *waiting = NULL;

		for (size_t k = 0; k < waits->count && !waiting; k++) /* the most first */
			if (is_for(&waits->rows[k], row) && !waits->rows[k].no_path)
				waiting = assay_measured_where(c, &waits->rows[k]);
		struct assay_cell cells[] = {
			ASSAY_NUMBER(row->amount / 1e9),
			ASSAY_NUMBER(c->account.wall > 0 ? row->amount / 1e7 / c->account.wall : NAN),
			ASSAY_NUMBER(row->times),
			ASSAY_TEXT(row->kind),
			ASSAY_TEXT(row->name),
			ASSAY_TEXT(most_by(c, threads, row->node)),
			ASSAY_TEXT(row->no_path ? "(short ones: no call path taken)" : assay_measured_where(c, row)),
			ASSAY_TEXT(waiting),
		};

		assay_table_add(table, cells);
	}
	return table;
}

/* ---- the view ---- */

static int read_both(const struct assay_view_context *c, struct assay_measured *waits, struct assay_measured *blame,
		     struct threads *threads)
{
	int rc = assay_measured_kind(c, "wait", waits);

	rc = rc ? rc : assay_measured_kind(c, "blame", blame);
	rc = rc ? rc : assay_query_threads(c->query, &threads->rows, &threads->count);
	rc = rc ? rc : assay_query_values(c->query, "blame", &threads->values, &threads->value_count);
	assay_measured_join(waits, true);
	assay_measured_join(blame, true);
	return rc;
}

static int print(const struct assay_view_context *c)
{
	struct assay_measured waits, blame;
	struct threads threads;
	struct assay_table *table;
	int rc = read_both(c, &waits, &blame, &threads);

	if (rc || !waits.count)
		return rc;
	table = waits_table(c, &waits);
	assay_view_title(c, "What the threads waited for");
	assay_view_say(c, "  ",
		"Measured, from asking to having, all threads together: %s in %s. By kind: %s. %% is of the threads' time.",
		assay_text_seconds(c->pool, &c->term, waits.amount / 1e9), assay_text_plural(c->pool, waits.times, "time", NULL),
		name_kinds(c, &waits));
	assay_table_print(table, &c->term, c->out);
	assay_view_left_out(c, table->row_count, waits.count, "--waits shows more");
	if (!blame.count)
		return 0;
	table = blame_table(c, &blame, &waits, &threads);
	assay_view_title(c, "Who held them up");
	assay_view_say(c, "  ", "How long others waited for what a function held when it let it go; all who waited added up.");
	assay_table_print(table, &c->term, c->out);
	assay_view_left_out(c, table->row_count, blame.count, "--waits shows more");
	return 0;
}

static int json(const struct assay_view_context *c, json_t *document)
{
	struct assay_measured waits, blame;
	struct threads threads;
	int rc = read_both(c, &waits, &blame, &threads);
	json_t *both;

	if (rc)
		return rc;
	both = json_pack("{s:o, s:I, s:o, s:o, s:o}", "waited_s", assay_json_number(waits.amount / 1e9), "times",
		(json_int_t)waits.times, "kinds", kinds_json(c, &waits), "waits", assay_table_json(waits_table(c, &waits)), "held_up",
		assay_table_json(blame_table(c, &blame, &waits, &threads)));
	return both ? assay_view_put(document, assay_view_waits.name, both) : -ENOMEM;
}

const struct assay_view assay_view_waits = {
	.name = "waits",
	.print = print,
	.json = json,
};
