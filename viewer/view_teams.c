/*
 * view_teams.c: code that teams of threads run together: how long, how many of them, how evenly, and what is left outside.
 * Goes by the kinds of metrics 'team time', 'team work' and 'team longest', whoever measured them. docs/FORMAT.md has the
 * formulas.
 */
#include "view.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measured.h"
#include "text.h"

enum { BRIEF_ROWS = 5, ROWS = 20 };

/* A region, by its node. */
struct region {
	int node;          /* in the model */
	bool inner;        /* it lies in another */
	double wall, work, longest, waited; /* ns; all threads' together, but for wall and longest, which are once a time */
	int64_t times, shares; /* shares: how often a thread took part */
	int64_t threads;   /* different ones */
};

/* One process that has regions. */
struct process {
	int64_t id, opener; /* opener: the one thread that opens its regions; -1: there are several */
	double wall, inside, work; /* s */
};

struct teams {
	struct region *regions;
	size_t count;
	struct process *processes;
	size_t process_count;
	size_t *by_node;   /* regions by the model's nodes, from 1 on; 0: the node is none */
	double run, serial, work; /* s: the processes' wall time, of it outside regions, and work inside them */
	bool known;        /* serial is: one thread opened the regions of each process */
};

/* ---- reading ---- */

static struct region *region_of(struct teams *t, int node)
{
	return node >= 0 && t->by_node[node] ? &t->regions[t->by_node[node] - 1] : NULL;
}

/* The innermost region that a node lies in, itself left out, or NULL. */
static struct region *around(const struct assay_view_context *c, struct teams *t, int node)
{
	for (int at = node < 0 ? -1 : c->model->nodes[node].parent; at >= 0; at = c->model->nodes[at].parent)
		if (t->by_node[at])
			return &t->regions[t->by_node[at] - 1];
	return NULL;
}

static struct process *process_of(struct teams *t, int64_t id)
{
	for (size_t i = 0; i < t->process_count; i++)
		if (t->processes[i].id == id)
			return &t->processes[i];
	t->processes[t->process_count] = (struct process){ .id = id };
	return &t->processes[t->process_count++];
}

static void add_time(const struct assay_view_context *c, struct teams *t, const struct assay_value_row *v)
{
	int node = assay_model_node(c->model, v->node);
	struct region *r = region_of(t, node);

	if (node < 0)
		return;
	if (!r) {
		r = &t->regions[t->count++];
		*r = (struct region){ .node = node };
		t->by_node[node] = t->count;
	}
	r->wall += v->amount;
	r->times += v->times;
}

/* A region that lies in no other: the rest of the process's time is outside. An inner one's opener is in its work. */
static void add_to_process(struct teams *t, const struct region *r, const struct assay_value_row *v)
{
	struct process *p = process_of(t, v->process);

	if (r->inner) {
		p->work -= v->amount / 1e9;
		return;
	}
	p->inside += v->amount / 1e9;
	p->opener = !p->opener || p->opener == v->thread ? v->thread : -1;
}

static int read_times(const struct assay_view_context *c, struct teams *t)
{
	struct assay_value_row *values;
	size_t count;
	int rc = assay_query_values(c->query, "team time", &values, &count);

	t->regions = assay_pool_alloc(c->pool, count + 1, sizeof *t->regions);
	t->processes = assay_pool_alloc(c->pool, count + 1, sizeof *t->processes);
	t->by_node = assay_pool_alloc(c->pool, c->model->node_count + 1, sizeof *t->by_node);
	for (size_t i = 0; i < count && !rc; i++)
		add_time(c, t, &values[i]);
	for (size_t i = 0; i < t->count; i++)
		t->regions[i].inner = around(c, t, t->regions[i].node) != NULL;
	for (size_t i = 0; i < count && !rc; i++) {
		struct region *r = region_of(t, assay_model_node(c->model, values[i].node));

		if (r)
			add_to_process(t, r, &values[i]);
	}
	return rc;
}

static int read_work(const struct assay_view_context *c, struct teams *t)
{
	struct assay_value_row *values;
	size_t count;
	int rc = assay_query_values(c->query, "team work", &values, &count);

	for (size_t i = 0; i < count && !rc; i++) {
		struct region *r = region_of(t, assay_model_node(c->model, values[i].node));

		if (!r)
			continue;
		r->work += values[i].amount;
		r->shares += values[i].times;
		r->threads++; /* a value a node and thread */
		process_of(t, values[i].process)->work += values[i].amount / 1e9;
	}
	rc = rc ? rc : assay_query_values(c->query, "team longest", &values, &count);
	for (size_t i = 0; i < count && !rc; i++) {
		struct region *r = region_of(t, assay_model_node(c->model, values[i].node));

		if (r)
			r->longest += values[i].amount;
	}
	return rc;
}

static int read_waits(const struct assay_view_context *c, struct teams *t)
{
	struct assay_measured waits;
	int rc = assay_measured_kind(c, "wait", &waits);

	for (size_t i = 0; i < waits.count && !rc; i++) {
		struct region *r = around(c, t, waits.rows[i].node);

		if (r)
			r->waited += waits.rows[i].amount;
	}
	return rc;
}

static int find_serial(const struct assay_view_context *c, struct teams *t)
{
	struct assay_process_row *rows;
	size_t count;
	int rc = assay_query_processes(c->query, &rows, &count);

	t->known = t->process_count > 0;
	for (size_t i = 0; i < count && !rc; i++)
		for (size_t k = 0; k < t->process_count; k++)
			if (t->processes[k].id == rows[i].id)
				t->processes[k].wall = rows[i].wall;
	for (size_t i = 0; i < t->process_count; i++) {
		const struct process *p = &t->processes[i];

		t->known &= p->opener >= 0 && p->wall >= p->inside;
		t->run += p->wall;
		t->serial += p->wall - p->inside;
		t->work += p->work;
	}
	return rc;
}

static int by_wall(const void *a, const void *b)
{
	const struct region *x = a, *y = b;

	if (x->wall != y->wall)
		return x->wall > y->wall ? -1 : 1;
	return x->node - y->node;
}

static int read_teams(const struct assay_view_context *c, struct teams *t)
{
	int rc;

	*t = (struct teams){ 0 };
	rc = read_times(c, t);
	rc = rc ? rc : read_work(c, t);
	rc = rc ? rc : read_waits(c, t);
	rc = rc ? rc : find_serial(c, t);
	if (t->count)
		qsort(t->regions, t->count, sizeof *t->regions, by_wall);
	return rc;
}

/* ---- showing ---- */

static const struct assay_column columns[] = {
	{ .key = "time_s", .title = "time", .kind = ASSAY_CELL_SECONDS },
	{ .key = "times", .title = "times", .kind = ASSAY_CELL_COUNT },
	{ .key = "threads", .kind = ASSAY_CELL_COUNT },
	{ .key = "team", .kind = ASSAY_CELL_COUNT },
	{ .title = "threads", .kind = ASSAY_CELL_COUNT, .leave = 3 },
	{ .key = "work_s", .kind = ASSAY_CELL_SECONDS },
	{ .key = "longest_s", .kind = ASSAY_CELL_SECONDS },
	{ .key = "imbalance_percent", .title = "imbalance %", .kind = ASSAY_CELL_PERCENT },
	{ .key = "saving_s", .title = "would save", .kind = ASSAY_CELL_SECONDS },
	{ .key = "waited_s", .title = "waited", .kind = ASSAY_CELL_SECONDS, .leave = 2 },
	{ .key = "nested", .kind = ASSAY_CELL_YES },
	{ .key = "region", .title = "region", .kind = ASSAY_CELL_TEXT, .least = 16 },
	{ .key = "called_by", .title = "called by", .kind = ASSAY_CELL_TEXT, .least = 12, .leave = 4 },
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

/*
 * The function that calls the one that the region is in: the region's name has that one. Runtimes that tell of themselves
 * (OMPT) have frames of their own between them and the region: those of the library that is nearest to it, if not the program's.
 */
static const char *caller(const struct assay_view_context *c, int node)
{
	const struct assay_model *m = c->model;
	int at = m->nodes[node].parent, runtime = at < 0 ? 0 : m->functions[m->nodes[at].function].module, n = 0;
	bool is_runtime = runtime && strstr(m->modules[runtime].name, "omp");

	for (; at >= 0; at = m->nodes[at].parent) {
		const struct assay_model_function *f = &m->functions[m->nodes[at].function];

		if (m->nodes[at].kind != ASSAY_NODE_NATIVE || (is_runtime && f->module == runtime))
			continue;
		is_runtime = false;
		if (n++)
			return f->name;
	}
	return NULL;
}

static struct assay_table *make(const struct assay_view_context *c, const struct teams *t)
{
	struct assay_table *table = assay_table_new(c->pool, columns, COLUMNS);
	size_t limit = assay_view_limit(c, c->options.brief ? BRIEF_ROWS : ROWS, t->count);

	for (size_t i = 0; i < t->count && table->row_count < limit; i++) {
		const struct region *r = &t->regions[i];
		double team = r->times ? (double)r->shares / (double)r->times : 0, mean = team > 0 ? r->work / team : 0;
		struct assay_cell cells[] = {
			ASSAY_NUMBER(r->wall / 1e9),
			ASSAY_NUMBER(r->times),
			ASSAY_NUMBER(r->threads),
			ASSAY_NUMBER(team),
			ASSAY_NUMBER(round(team)),
			ASSAY_NUMBER(r->work / 1e9),
			ASSAY_NUMBER(r->longest / 1e9),
			mean > 0 ? ASSAY_NUMBER(100 * (r->longest / mean - 1)) : ASSAY_NOTHING,
			mean > 0 ? ASSAY_NUMBER((r->longest - mean) / 1e9) : ASSAY_NOTHING,
			ASSAY_NUMBER(r->waited / 1e9),
			ASSAY_NUMBER(r->inner),
			ASSAY_TEXT(c->model->functions[c->model->nodes[r->node].function].name),
			ASSAY_TEXT(caller(c, r->node)),
		};

		assay_table_add(table, cells);
	}
	return table;
}

/* As Amdahl's law has it: of the time that one thread would need, what is outside regions cannot be shared. */
static double amdahl(const struct teams *t)
{
	return t->known && t->serial > 0 && t->work >= 0 ? (t->serial + t->work) / t->serial : NAN;
}

static void say_serial(const struct assay_view_context *c, const struct teams *t)
{
	double ceiling = amdahl(t);

	if (!t->known || !(t->run > 0)) {
		assay_view_say(c, "  ", "Several threads open parallel regions: what is outside of them all is not told.");
		return;
	}
	assay_view_say(c, "  ", "Outside parallel regions: %s of %s (%.0f %%).",
		assay_text_seconds(c->pool, &c->term, t->serial), assay_text_seconds(c->pool, &c->term, t->run),
		100 * t->serial / t->run);
	if (ceiling >= 1 && t->serial >= t->run / 100) /* below that it is not what limits anybody */
		assay_view_say(c, "  ",
			"One thread alone would take about %s. However many cores there are, the program is at most %.*f "
			"times as fast as that (Amdahl's law), and %.*f times as fast as it is now.",
			assay_text_seconds(c->pool, &c->term, t->serial + t->work), ceiling < 10 ? 1 : 0, ceiling,
			t->run / t->serial < 10 ? 1 : 0, t->run / t->serial);
}

static int print(const struct assay_view_context *c)
{
	struct assay_table *table;
	struct teams t;
	int rc = read_teams(c, &t);

	if (rc || !t.count)
		return rc;
	table = make(c, &t);
	assay_view_title(c, "Parallel regions");
	say_serial(c, &t);
	assay_view_say(c, "  ",
		"imbalance: how much longer the busiest thread worked than the mean of its team; would save: what an even "
		"share of the work would save at most; waited: all threads' waits inside.");
	assay_table_print(table, &c->term, c->out);
	assay_view_left_out(c, table->row_count, t.count, "--parallel shows more");
	return 0;
}

static int json(const struct assay_view_context *c, json_t *document)
{
	struct teams t;
	int rc = read_teams(c, &t);
	json_t *all;

	if (rc)
		return rc;
	all = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "run_s", assay_json_number(t.run), "outside_s",
		assay_json_number(t.known ? t.serial : NAN), "work_s", assay_json_number(t.work), "amdahl_ceiling",
		assay_json_number(amdahl(&t)), "ceiling_now",
		assay_json_number(t.known && t.serial > 0 ? t.run / t.serial : NAN), "regions", assay_table_json(make(c, &t)));
	return all ? assay_view_put(document, assay_view_teams.name, all) : -ENOMEM;
}

const struct assay_view assay_view_teams = {
	.name = "parallel",
	.print = print,
	.json = json,
};
