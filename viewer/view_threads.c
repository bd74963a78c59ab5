/* view_threads.c: the account of every thread. */
#include "view.h"

#include "text.h"

static const struct assay_column columns[] = {
	{.key = "thread", .kind = ASSAY_CELL_COUNT},
	{.key = "pid", .kind = ASSAY_CELL_TEXT},
	{.key = "tid", .title = "tid", .kind = ASSAY_CELL_TEXT, .leave = 5},
	{.key = "program", .title = "program", .kind = ASSAY_CELL_TEXT, .least = 8, .leave = 4},
	{.key = "name", .title = "thread", .kind = ASSAY_CELL_TEXT, .least = 8},
	{.key = "threads", .kind = ASSAY_CELL_COUNT},
	{.title = "threads", .kind = ASSAY_CELL_COUNT, .leave = 3},
	{.key = "start_s", .kind = ASSAY_CELL_SECONDS},
	{.key = "wall_s", .title = "lived", .kind = ASSAY_CELL_SECONDS},
	{.key = "cpu_s", .title = "CPU", .kind = ASSAY_CELL_SECONDS},
	{.key = "cpu_percent", .title = "%", .kind = ASSAY_CELL_PERCENT, .leave = 2},
	{.key = "core_wait_s", .title = "core wait", .kind = ASSAY_CELL_SECONDS},
	{.key = "spin_s", .kind = ASSAY_CELL_SECONDS},
	{.key = "located_wait_s", .title = "waits", .kind = ASSAY_CELL_SECONDS},
	{.key = "wait_s", .title = "other wait", .kind = ASSAY_CELL_SECONDS},
	{.key = "samples", .title = "samples", .kind = ASSAY_CELL_COUNT, .leave = 6},
	{.key = "assay_s", .kind = ASSAY_CELL_SECONDS},
	{.key = "entry", .title = "starts in", .kind = ASSAY_CELL_NAME, .least = 12, .leave = 7},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

/* As text, for a number that is a name takes no thousands separators. */
static const char *id_text(const struct assay_view_context *c, int64_t id)
{
	return assay_pool_print(c->pool, "%lld", (long long)id);
}

static int make(const struct assay_view_context *c, struct assay_table **table, size_t *total)
{
	struct assay_thread_row *threads;
	double min = assay_view_min(c, 0);
	int rc = assay_query_threads(c->query, &threads, total);
	size_t limit = assay_view_limit(c, -1, *total);

	*table = assay_table_new(c->pool, columns, COLUMNS);
	for (size_t i = 0; i < *total && (*table)->row_count < limit; i++) {
		const struct assay_thread_row *t = &threads[i];
		double percent = c->account.cpu > 0 ? 100 * t->cpu / c->account.cpu : 0;
		struct assay_cell cells[] = {
			ASSAY_NUMBER(t->id),
			ASSAY_TEXT(id_text(c, t->pid)),
			ASSAY_TEXT(id_text(c, t->tid)),
			ASSAY_TEXT(t->program),
			ASSAY_TEXT(t->name),
			ASSAY_NUMBER(t->threads),
			t->threads == 1 ? ASSAY_NOTHING : ASSAY_NUMBER(t->threads),
			ASSAY_NUMBER(t->start),
			ASSAY_NUMBER(t->wall),
			ASSAY_NUMBER(t->cpu),
			ASSAY_NUMBER(percent),
			ASSAY_NUMBER(t->core_wait),
			ASSAY_NUMBER(t->spin),
			ASSAY_NUMBER(t->located_wait),
			ASSAY_NUMBER(t->wait),
			ASSAY_NUMBER(t->samples),
			ASSAY_NUMBER(t->assay),
			ASSAY_TEXT(t->entry),
		};

		if (percent >= min)
			assay_table_add(*table, cells);
	}
	return rc;
}

static int print(const struct assay_view_context *c)
{
	struct assay_table *table;
	size_t total;
	int rc = make(c, &table, &total);

	if (rc)
		return rc;
	assay_view_title(c, "Threads");
	assay_view_say(c, "  ",
		"For each: lived = CPU + waiting for a core + waits that are located (--waits) + other waiting; %% is its share of the CPU "
		"time.");
	assay_table_print(table, &c->term, c->out);
	assay_view_left_out(c, table->row_count, total, "see --min and --limit");
	return 0;
}

static int json(const struct assay_view_context *c, json_t *document)
{
	struct assay_table *table;
	size_t total;
	int rc = make(c, &table, &total);

	return rc ? rc : assay_view_put(document, assay_view_threads.name, assay_table_json(table));
}

const struct assay_view assay_view_threads = {
	.name = "threads",
	.print = print,
	.json = json,
};
