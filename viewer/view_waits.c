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

/* ---- who held up whom ---- */

static const struct assay_column blame_columns[] = {
	{ .key = "held_up_s", .title = "held up", .kind = ASSAY_CELL_SECONDS },
	{ .key = "percent", .kind = ASSAY_CELL_PERCENT },
	{ .key = "times", .title = "times", .kind = ASSAY_CELL_COUNT },
	{ .key = "kind", .title = "by a", .kind = ASSAY_CELL_TEXT, .least = 8 },
	{ .key = "what", .title = "which", .kind = ASSAY_CELL_TEXT, .least = 12 },
	{ .key = "held_in", .title = "held in", .kind = ASSAY_CELL_TEXT, .least = 16 },
	{ .key = "waited_in", .title = "most waiting in", .kind = ASSAY_CELL_TEXT, .least = 12, .leave = 1 },
};
enum { BLAME_COLUMNS = sizeof blame_columns / sizeof blame_columns[0] };

static bool is_for(const struct assay_measured_at *a, const struct assay_measured_at *b)
{
	return a->kind && b->kind && a->name && b->name && strcmp(a->kind, b->kind) == 0 && strcmp(a->name, b->name) == 0;
}

static struct assay_table *blame_table(const struct assay_view_context *c, const struct assay_measured *blame,
				       const struct assay_measured *waits)
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
			ASSAY_TEXT(row->no_path ? "(short ones: no call path taken)" : assay_measured_where(c, row)),
			ASSAY_TEXT(waiting),
		};

		assay_table_add(table, cells);
	}
	return table;
}

/* ---- the view ---- */

static int read_both(const struct assay_view_context *c, struct assay_measured *waits, struct assay_measured *blame)
{
	int rc = assay_measured_kind(c, "wait", waits);

	rc = rc ? rc : assay_measured_kind(c, "blame", blame);
	assay_measured_join(waits, true);
	assay_measured_join(blame, true);
	return rc;
}

static int print(const struct assay_view_context *c)
{
	struct assay_measured waits, blame;
	struct assay_table *table;
	int rc = read_both(c, &waits, &blame);

	if (rc || !waits.count)
		return rc;
	table = waits_table(c, &waits);
	assay_view_title(c, "What the threads waited for");
	assay_view_say(c, "  ",
		"Measured, from asking to having: %s in %s, all threads together; %% is of the threads' time.",
		assay_text_seconds(c->pool, &c->term, waits.amount / 1e9), assay_text_plural(c->pool, waits.times, "time", NULL));
	assay_table_print(table, &c->term, c->out);
	assay_view_left_out(c, table->row_count, waits.count, "--waits shows more");
	if (!blame.count)
		return 0;
	table = blame_table(c, &blame, &waits);
	assay_view_title(c, "Who held them up");
	assay_view_say(c, "  ", "How long others waited for what a function held when it let it go; all who waited added up.");
	assay_table_print(table, &c->term, c->out);
	assay_view_left_out(c, table->row_count, blame.count, "--waits shows more");
	return 0;
}

static int json(const struct assay_view_context *c, json_t *document)
{
	struct assay_measured waits, blame;
	int rc = read_both(c, &waits, &blame);
	json_t *both;

	if (rc)
		return rc;
	both = json_pack("{s:o, s:I, s:o, s:o}", "waited_s", assay_json_number(waits.amount / 1e9), "times",
		(json_int_t)waits.times, "waits", assay_table_json(waits_table(c, &waits)), "held_up",
		assay_table_json(blame_table(c, &blame, &waits)));
	return both ? assay_view_put(document, assay_view_waits.name, both) : -ENOMEM;
}

const struct assay_view assay_view_waits = {
	.name = "waits",
	.print = print,
	.json = json,
};
