/* view_processes.c: every process image of the run: what it was, what it used, how it ended. */
#include "view.h"

#include "text.h"

#include <math.h>
#include <string.h>

static const struct assay_column columns[] = {
	{.key = "process", .kind = ASSAY_CELL_COUNT},
	{.key = "parent", .kind = ASSAY_CELL_COUNT},
	{.key = "pid", .title = "pid", .kind = ASSAY_CELL_TEXT},
	{.key = "host", .kind = ASSAY_CELL_TEXT},
	{.key = "name", .title = "program", .kind = ASSAY_CELL_TEXT, .least = 10},
	{.key = "start_s", .title = "start", .kind = ASSAY_CELL_SECONDS, .leave = 5},
	{.key = "wall_s", .title = "ran", .kind = ASSAY_CELL_SECONDS},
	{.key = "cpu_s", .title = "CPU", .kind = ASSAY_CELL_SECONDS},
	{.key = "cpu_percent", .title = "%", .kind = ASSAY_CELL_PERCENT},
	{.key = "core_wait_s", .title = "core wait", .kind = ASSAY_CELL_SECONDS, .leave = 6},
	{.key = "located_wait_s", .title = "waits", .kind = ASSAY_CELL_SECONDS, .leave = 7},
	{.key = "wait_s", .title = "other wait", .kind = ASSAY_CELL_SECONDS, .leave = 8},
	{.key = "threads", .title = "threads", .kind = ASSAY_CELL_COUNT, .leave = 4},
	{.key = "samples", .kind = ASSAY_CELL_COUNT},
	{.key = "ended", .kind = ASSAY_CELL_TEXT},
	{.key = "status", .kind = ASSAY_CELL_COUNT},
	{.title = "ended", .kind = ASSAY_CELL_TEXT, .leave = 3},
	{.key = "command", .title = "command", .kind = ASSAY_CELL_TEXT, .least = 16, .leave = 2},
	{.key = "note", .title = "note", .kind = ASSAY_CELL_TEXT, .least = 16, .leave = 1},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static const char *ending(const struct assay_view_context *c, const struct assay_process_row *p)
{
	const char *ended = p->ended ? p->ended : "unseen";

	if (strcmp(ended, "exec") == 0)
		return "by exec";
	if (strcmp(ended, "unseen") == 0)
		return "not seen";
	return isnan(p->status) ? ended : assay_pool_print(c->pool, "%s %.0f", ended, p->status);
}

static int make(const struct assay_view_context *c, struct assay_table **table, size_t *total)
{
	struct assay_process_row *processes;
	double min = assay_view_min(c, 0);
	int rc = assay_query_processes(c->query, &processes, total);
	size_t limit = assay_view_limit(c, -1, *total);

	*table = assay_table_new(c->pool, columns, COLUMNS);
	for (size_t i = 0; i < *total && (*table)->row_count < limit; i++) {
		const struct assay_process_row *p = &processes[i];
		double percent = c->account.cpu > 0 ? 100 * p->cpu / c->account.cpu : 0;
		struct assay_cell cells[] = {
			ASSAY_NUMBER(p->id),
			p->parent ? ASSAY_NUMBER(p->parent) : ASSAY_NOTHING,
			ASSAY_TEXT(assay_pool_print(c->pool, "%lld", (long long)p->pid)),
			ASSAY_TEXT(p->host),
			ASSAY_TEXT(p->name),
			ASSAY_NUMBER(p->start),
			ASSAY_NUMBER(p->wall),
			ASSAY_NUMBER(p->cpu),
			ASSAY_NUMBER(percent),
			ASSAY_NUMBER(p->core_wait),
			ASSAY_NUMBER(p->located_wait),
			ASSAY_NUMBER(p->wait),
			ASSAY_NUMBER(p->threads),
			ASSAY_NUMBER(p->samples),
			ASSAY_TEXT(p->ended),
			ASSAY_NUMBER(p->status),
			ASSAY_TEXT(ending(c, p)),
			ASSAY_TEXT(p->command),
			ASSAY_TEXT(p->note),
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
	assay_view_title(c, "Processes");
	assay_view_say(c, "  ", "One row for each program that a process ran; %% is its share of the CPU time.");
	assay_table_print(table, &c->term, c->out);
	assay_view_left_out(c, table->row_count, total, "see --min and --limit");
	return 0;
}

static int json(const struct assay_view_context *c, json_t *document)
{
	struct assay_table *table;
	size_t total;
	int rc = make(c, &table, &total);

	return rc ? rc : assay_view_put(document, assay_view_processes.name, assay_table_json(table));
}

const struct assay_view assay_view_processes = {
	.name = "processes",
	.print = print,
	.json = json,
};
