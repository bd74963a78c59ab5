/*
 * The last stage: the profile. It is written under another name in the same folder and takes its own
 * only when it is whole, so a reader never sees half of one. (Longer than other files: a function a table.)
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "digest_model.h"

extern const char assay_schema_sql[];

struct writer {
	struct assay_digest *d;
	sqlite3 *db;
	sqlite3_stmt *statement;
	int column;
	int error; /* SQLite's, sticky */
	uint32_t *file_row; /* text id -> row in table file */
	uint32_t files;
};

static void begin(struct writer *w, const char *sql)
{
	if (w->error == SQLITE_OK)
		w->error = sqlite3_prepare_v2(w->db, sql, -1, &w->statement, NULL);
	w->column = 0;
}

static void number(struct writer *w, int64_t value)
{
	if (w->error == SQLITE_OK)
		w->error = sqlite3_bind_int64(w->statement, ++w->column, value);
}

static void real(struct writer *w, double value)
{
	if (w->error == SQLITE_OK)
		w->error = sqlite3_bind_double(w->statement, ++w->column, value);
}

static void nothing(struct writer *w)
{
	w->column++; /* unbound parameters are NULL */
}

/* 0 is NULL: for references by id. */
static void reference(struct writer *w, int64_t id)
{
	if (id)
		number(w, id);
	else
		nothing(w);
}

/* NULL is NULL. The text must live until the row is written. */
static void text(struct writer *w, const char *value)
{
	if (!value)
		nothing(w);
	else if (w->error == SQLITE_OK)
		w->error = sqlite3_bind_text(w->statement, ++w->column, value, -1, SQLITE_STATIC);
}

static void row(struct writer *w)
{
	if (w->error != SQLITE_OK)
		return;
	w->error = sqlite3_step(w->statement);
	if (w->error == SQLITE_DONE)
		w->error = sqlite3_reset(w->statement);
	sqlite3_clear_bindings(w->statement);
	w->column = 0;
}

static void end(struct writer *w)
{
	sqlite3_finalize(w->statement);
	w->statement = NULL;
}

static const char *string(const struct writer *w, assay_id id)
{
	return id ? assay_digest_string(w->d, id) : NULL;
}

/* Files get their rows in the order in which they are met. */
static uint32_t file_row(struct writer *w, assay_id file)
{
	if (file && !w->file_row[file])
		w->file_row[file] = ++w->files;
	return file ? w->file_row[file] : 0;
}

/* ---- tables ---- */

static void pair(struct writer *w, const char *key, const char *value)
{
	if (!value)
		return;
	text(w, key);
	text(w, value);
	row(w);
}

static void pair_number(struct writer *w, const char *key, int64_t value)
{
	text(w, key);
	number(w, value);
	row(w);
}

static int64_t sum_of_rows(const struct assay_digest *d, bool threads)
{
	int64_t n = 0;

	for (size_t i = 0; i < d->images.count; i++)
		n += !threads && !d->images.at[i].folded;
	for (size_t i = 0; threads && i < d->threads.count; i++)
		if (!d->images.at[d->threads.at[i].image - 1].folded)
			n += d->threads.at[i].record->threads;
	return n;
}

static void write_run(struct writer *w)
{
	static const char *const texts[] = { "command", "argv0", "cwd", "host", "machine", "kernel", "cpu_model", "clock",
		"unwinder" };
	static const char *const numbers[] = { "cpus", "start_realtime_ns", "rate_hz", "kernel_cpu_ns" };
	const struct assay_run_file *run = &w->d->run;
	int64_t start = assay_run_file_number(run, "start_ns", 0), finish = assay_run_file_number(run, "end_ns", 0);
	int64_t status = assay_run_file_number(run, "wait_status", -1), wall = finish - start;

	begin(w, "INSERT INTO run (key, value) VALUES (?, ?)");
	pair(w, "assay_version", PACKAGE_VERSION);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		pair(w, texts[i], assay_run_file_get(run, texts[i]));
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (assay_run_file_get(run, numbers[i]))
			pair_number(w, numbers[i], assay_run_file_number(run, numbers[i], 0));
	if (!finish) { /* the launcher did not live to see the end */
		pair_number(w, "recovered", 1);
		for (size_t i = 0; i < w->d->images.count; i++)
			if ((int64_t)w->d->images.at[i].end - start > wall)
				wall = (int64_t)w->d->images.at[i].end - start;
	}
	pair_number(w, "wall_ns", wall > 0 ? wall : 0);
	if (status >= 0 && status & 0x7f)
		pair_number(w, "exit_signal", status & 0x7f);
	else if (status >= 0)
		pair_number(w, "exit_status", status >> 8 & 0xff);
	pair_number(w, "processes", sum_of_rows(w->d, false));
	pair_number(w, "threads", sum_of_rows(w->d, true));
	pair_number(w, "spool_bytes", (int64_t)w->d->spool_bytes);
	if (w->d->unreadable)
		pair_number(w, "unreadable_spools", (int64_t)w->d->unreadable);
	end(w);
}

static void write_metrics(struct writer *w)
{
	static const char *const kinds[] = { "sampled time", "exact time", "count", "bytes", "level", "wait", "blame",
		"team time", "team work", "team longest" };

	begin(w, "INSERT INTO metric (id, name, unit, kind, obtained, help) VALUES (?, ?, ?, ?, ?, ?)");
	for (size_t i = 0; i < w->d->metrics.count; i++) {
		const struct d_metric *m = &w->d->metrics.at[i];

		number(w, m->id);
		text(w, string(w, m->name));
		text(w, string(w, m->unit));
		text(w, kinds[(size_t)m->kind < sizeof kinds / sizeof kinds[0] ? m->kind : 0]);
		text(w, string(w, m->obtained));
		text(w, string(w, m->help));
		row(w);
	}
	if (!w->d->metrics.count) { /* no spool told: the account has CPU time all the same */
		number(w, 0);
		text(w, "cpu");
		text(w, "ns");
		text(w, kinds[0]);
		text(w, "sampled");
		text(w, "CPU time");
		row(w);
	}
	end(w);
}

static int64_t since_start(const struct writer *w, uint64_t time)
{
	return (int64_t)(time - w->d->run_start);
}

static void write_rank(struct writer *w, const struct d_image *im)
{
	const char *job = string(w, im->job);
	uint32_t ranks = im->ranks;

	if (ranks)
		number(w, im->rank);
	else
		nothing(w);
	reference(w, ranks);
	text(w, ranks && job && *job ? job : NULL);
}

static void write_process(struct writer *w, struct d_image *im)
{
	const char *host = assay_run_file_get(&w->d->run, "host"), *note = string(w, im->note);

	number(w, im->row);
	reference(w, im->parent ? w->d->images.at[im->parent - 1].row : 0);
	number(w, im->header->pid);
	text(w, host ? host : "");
	write_rank(w, im);
	text(w, string(w, im->name));
	text(w, string(w, im->exe));
	text(w, string(w, im->command));
	number(w, since_start(w, im->start));
	number(w, im->end > im->start ? (int64_t)(im->end - im->start) : 0);
	reference(w, (int64_t)im->header->cpu_ns);
	text(w, im->ended);
	if (im->has_status)
		number(w, im->status);
	else
		nothing(w);
	text(w, note && *note ? note : NULL);
	row(w);
}

static void write_processes(struct writer *w)
{
	uint32_t rows = 0;

	for (size_t i = 0; i < w->d->images.count; i++)
		if (!w->d->images.at[i].folded)
			w->d->images.at[i].row = ++rows;
	begin(w, "INSERT INTO process (id, parent, pid, host, rank, ranks, job, name, exe, command, start_ns, wall_ns, cpu_ns, "
		 "ended, status, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	/* parents first, for the sake of the foreign key: images are in the order of their start */
	for (size_t i = 0; i < w->d->images.count; i++)
		if (!w->d->images.at[i].folded)
			write_process(w, &w->d->images.at[i]);
	end(w);
}

static void write_modules(struct writer *w)
{
	static const char *const symbols[] = { "lines", "functions", "exports", "none" };
	char hex[2 * ASSAY_BUILD_ID_MAX + 1];

	begin(w, "INSERT INTO module (id, path, name, build_id, symbols, note) VALUES (?, ?, ?, ?, ?, ?)");
	for (size_t i = 0; i < w->d->modules.count; i++) {
		const struct d_module *m = &w->d->modules.at[i];

		hex[0] = 0;
		for (size_t k = 0; k < m->build_id_length; k++)
			sprintf(hex + 2 * k, "%02x", m->build_id[k]);
		number(w, (int64_t)i + 1);
		text(w, string(w, m->path));
		text(w, m->name);
		text(w, hex);
		text(w, m->used ? symbols[m->symbols] : "unused");
		text(w, m->note);
		row(w);
	}
	end(w);
	begin(w, "INSERT INTO load (process, module, start, end, bias, loaded_ns, unloaded_ns) VALUES (?, ?, ?, ?, ?, ?, ?)");
	for (size_t i = 0; i < w->d->loads.count; i++) {
		const struct d_load *l = &w->d->loads.at[i];
		const struct d_image *im = &w->d->images.at[l->image - 1];

		/* where the modules of a process lay matters only where code of it was seen */
		if (im->folded || !im->threads || !w->d->modules.at[l->module - 1].used)
			continue;
		number(w, im->row);
		number(w, l->module);
		number(w, (int64_t)l->start);
		number(w, (int64_t)l->end);
		number(w, (int64_t)l->bias);
		number(w, since_start(w, l->loaded_ns));
		if (l->unloaded_ns)
			number(w, since_start(w, l->unloaded_ns));
		row(w);
	}
	end(w);
}

static void write_functions(struct writer *w)
{
	begin(w, "INSERT INTO function (id, name, linkage, module, file, line, named) VALUES (?, ?, ?, ?, ?, ?, ?)");
	for (size_t i = 0; i < w->d->functions.count; i++) {
		const struct d_function *f = &w->d->functions.at[i];

		number(w, (int64_t)i + 1);
		text(w, string(w, f->name));
		text(w, string(w, f->linkage));
		reference(w, f->module);
		reference(w, file_row(w, f->file));
		reference(w, f->line);
		number(w, f->named);
		row(w);
	}
	end(w);
}

static void write_threads(struct writer *w)
{
	begin(w, "INSERT INTO thread (id, process, tid, name, main, entry, threads, start_ns, wall_ns, cpu_ns, "
		 "core_wait_ns, located_ns, wait_ns, spin_ns, unread_ns, sampled_ns, startup_ns, unsampled_ns, samples, "
		 "self_ns, instrument_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	for (size_t i = 0; i < w->d->threads.count; i++) {
		const struct d_thread *t = &w->d->threads.at[i];
		const struct d_image *im = &w->d->images.at[t->image - 1];
		char name[sizeof t->record->name + 1] = "";

		if (im->folded)
			continue;
		memcpy(name, t->record->name, sizeof t->record->name);
		number(w, (int64_t)i + 1);
		number(w, im->row);
		number(w, t->record->tid);
		text(w, name);
		number(w, t->record->flags & ASSAY_THREAD_MAIN ? 1 : 0);
		reference(w, t->entry_function);
		number(w, t->record->threads);
		number(w, since_start(w, (uint64_t)t->start));
		number(w, t->wall);
		number(w, t->cpu);
		number(w, t->core_wait);
		number(w, t->located);
		number(w, t->wait);
		number(w, t->spin);
		number(w, t->unread);
		number(w, t->sampled);
		number(w, t->startup);
		number(w, t->unsampled);
		number(w, (int64_t)t->record->samples);
		number(w, (int64_t)t->record->self_ns);
		number(w, t->sampled < 0 || t->instrumented > (uint64_t)t->sampled ? t->sampled : (int64_t)t->instrumented);
		row(w);
	}
	end(w);
}

static void write_loss(struct writer *w, const struct d_image *im, size_t thread, const char *kind, const char *reason,
		       uint64_t count)
{
	if (!count || !reason)
		return;
	number(w, im->row);
	reference(w, (int64_t)thread);
	text(w, kind);
	text(w, reason);
	number(w, (int64_t)count);
	row(w);
}

/* The time of a sample that came at a bad moment goes to the next one; of the others it is not known where. */
static const char *drop_kind(int why)
{
	return why == ASSAY_DROP_BUSY ? "dropped" : "failed";
}

static void write_losses(struct writer *w)
{
	static const char *const dropped[ASSAY_DROPS] = { "the signal came while Assay itself was at work",
		"samples for which there was no room: see assay run --limit", "samples in threads not known to Assay",
		"what plugins recorded and there was no room for: see assay run --limit" };
	static const char *const faults[ASSAY_REGION_FAULTS] = { "left open by their function, and closed when it was seen",
		"closed where they were not open", "opened inside too many others, and not recorded",
		"still open when the process ended: their time up to then is here" };
	static const char *const truncated[ASSAY_WALKS] = { NULL, "code without unwind tables or frame pointer",
		"a stack or unwind table could not be read", "the stack did not ascend",
		"deeper than Assay follows", "unwind rules that are malformed or not supported", NULL, NULL };

	begin(w, "INSERT INTO loss (process, thread, kind, reason, count) VALUES (?, ?, ?, ?, ?)");
	for (size_t i = 0; i < w->d->threads.count; i++) {
		const struct d_thread *t = &w->d->threads.at[i];
		const struct d_image *im = &w->d->images.at[t->image - 1];

		for (int k = 0; k < ASSAY_DROPS && !im->folded; k++)
			write_loss(w, im, i + 1, drop_kind(k), dropped[k], t->record->dropped[k]);
		for (int k = 0; k < ASSAY_WALKS && !im->folded; k++)
			write_loss(w, im, i + 1, "truncated", truncated[k], t->record->walks[k]);
		for (int k = 0; k < ASSAY_REGION_FAULTS && !im->folded; k++)
			write_loss(w, im, i + 1, "regions", faults[k],
				k == ASSAY_REGION_OPEN_AT_END ? t->open : t->record->region_faults[k]);
	}
	for (size_t i = 0; i < w->d->images.count; i++) {
		const struct d_image *im = &w->d->images.at[i];

		for (int k = 0; k < ASSAY_DROPS && !im->folded; k++)
			write_loss(w, im, 0, drop_kind(k), dropped[k], im->header->dropped[k]);
		if (!im->folded)
			write_loss(w, im, 0, "failed", "threads that could not be followed", im->header->unseen_threads);
	}
	end(w);
}

static void write_nodes(struct writer *w)
{
	static const char *const kinds[] = { "program", "native", "inlined", "special" };
	size_t count = w->d->nodes.count;
	assay_id *order = calloc(count + 1, sizeof *order);

	if (!order) {
		w->error = SQLITE_NOMEM;
		return;
	}
	for (size_t i = 0; i < count; i++)
		order[w->d->nodes.at[i].row] = (assay_id)i + 1;
	begin(w, "INSERT INTO node (id, parent, last, kind, function, file, line, outer_function, outer_line, "
		 "outer_module) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	for (size_t i = 1; i <= count; i++) {
		const struct d_node *n = &w->d->nodes.at[order[i] - 1];

		number(w, n->row);
		reference(w, n->parent ? w->d->nodes.at[n->parent - 1].row : 0);
		number(w, n->last);
		text(w, n->kind == D_FRAME ? string(w, n->label) : kinds[n->kind]);
		number(w, n->function);
		reference(w, file_row(w, n->file));
		reference(w, n->line);
		number(w, n->outer_function);
		number(w, n->outer_line);
		number(w, n->outer_module);
		row(w);
	}
	end(w);
	begin(w, "INSERT INTO total VALUES (?, 0, ?, ?, ?, ?, ?, ?)");
	for (size_t i = 1; i <= count; i++) {
		const struct d_node *n = &w->d->nodes.at[order[i] - 1];

		if (!n->inclusive && !n->inclusive_count)
			continue;
		number(w, n->row);
		number(w, (int64_t)n->exclusive);
		number(w, (int64_t)n->exclusive_count);
		real(w, n->exclusive_sumsq);
		number(w, (int64_t)n->inclusive);
		number(w, (int64_t)n->inclusive_count);
		real(w, n->inclusive_sumsq);
		row(w);
	}
	end(w);
	free(order);
}

/* No writer of ours counts so far, and SQLite's integers have a sign. */
static int64_t clamped(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

struct sum {
	uint64_t exclusive, exclusive_count, inclusive, inclusive_count;
};

/* A plugin's metric: sums over threads, and what lies below added to what is above. */
static void write_totals_of(struct writer *w, uint32_t metric, struct sum *sums)
{
	size_t count = w->d->nodes.count;

	memset(sums, 0, count * sizeof *sums);
	for (size_t i = 0; i < w->d->values.count; i++) {
		const struct d_value *v = &w->d->values.at[i];

		if (v->metric != metric)
			continue;
		sums[v->node - 1].exclusive += v->sum;
		sums[v->node - 1].exclusive_count += v->count;
		sums[v->node - 1].inclusive += v->sum;
		sums[v->node - 1].inclusive_count += v->count;
	}
	for (size_t i = count; i-- > 0;) { /* children come after their parents */
		assay_id parent = w->d->nodes.at[i].parent;

		if (parent) {
			sums[parent - 1].inclusive += sums[i].inclusive;
			sums[parent - 1].inclusive_count += sums[i].inclusive_count;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (!sums[i].inclusive_count && !sums[i].inclusive)
			continue;
		number(w, w->d->nodes.at[i].row);
		number(w, metric);
		number(w, clamped(sums[i].exclusive));
		number(w, clamped(sums[i].exclusive_count));
		number(w, clamped(sums[i].inclusive));
		number(w, clamped(sums[i].inclusive_count));
		row(w);
	}
}

static void write_totals(struct writer *w)
{
	struct sum *sums = calloc(w->d->nodes.count + 1, sizeof *sums);

	if (!sums) {
		w->error = SQLITE_NOMEM;
		return;
	}
	begin(w, "INSERT INTO total VALUES (?, ?, ?, ?, 0, ?, ?, 0)");
	for (size_t i = 0; i < w->d->metrics.count; i++)
		if (w->d->metrics.at[i].id)
			write_totals_of(w, w->d->metrics.at[i].id, sums);
	end(w);
	free(sums);
}

static void write_plugins(struct writer *w)
{
	begin(w, "INSERT INTO plugin (process, name, summary, left_out) VALUES (?, ?, ?, ?)");
	for (size_t i = 0; i < w->d->images.count; i++) {
		const struct d_image *im = &w->d->images.at[i];

		for (size_t k = 0; k < im->plugins && !im->folded; k++) {
			const struct d_plugin *p = &w->d->plugins.at[im->first_plugin + k];
			const char *left_out = string(w, p->left_out);

			number(w, im->row);
			text(w, string(w, p->name));
			text(w, string(w, p->summary));
			text(w, left_out && *left_out ? left_out : NULL);
			row(w);
		}
	}
	end(w);
}

static const struct assay_digest *sort_digest;

static int by_key(const void *a, const void *b)
{
	const struct d_value *x = a, *y = b;
	uint32_t m = sort_digest->nodes.at[x->node - 1].row, n = sort_digest->nodes.at[y->node - 1].row;

	if (m != n)
		return m < n ? -1 : 1;
	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	return x->metric < y->metric ? -1 : x->metric > y->metric;
}

static void write_values(struct writer *w)
{
	sort_digest = w->d;
	if (w->d->values.count)
		qsort(w->d->values.at, w->d->values.count, sizeof *w->d->values.at, by_key);
	begin(w, "INSERT INTO value (node, thread, metric, count, sum, sumsq) VALUES (?, ?, ?, ?, ?, ?)");
	for (size_t i = 0; i < w->d->values.count; i++) {
		const struct d_value *v = &w->d->values.at[i];

		number(w, w->d->nodes.at[v->node - 1].row);
		number(w, v->thread);
		number(w, v->metric);
		number(w, clamped(v->count));
		number(w, clamped(v->sum));
		real(w, v->sumsq);
		row(w);
	}
	end(w);
}

static void write_thread_timeline(struct writer *w, size_t thread)
{
	struct d_thread *t = &w->d->threads.at[thread];
	struct assay_spool *spool = &w->d->images.at[t->image - 1].spool;
	struct assay_map visit = { 0 };
	const struct assay_spool_timeline *chunk;
	assay_ref *refs;
	size_t n = assay_spool_list(spool, t->record->timeline, sizeof *chunk, &refs);

	for (size_t i = 0; i < t->visit_count && n; i++) {
		uint32_t *number_ = assay_map_at(&visit, t->visits[i].ref, 0);

		if (number_)
			*number_ = t->leaf[i];
	}
	for (size_t i = n; i-- > 0 && w->error == SQLITE_OK;) {
		chunk = assay_spool_timeline(spool, refs[i]);
		for (uint32_t k = 0; chunk && k < chunk->count && k < chunk->capacity; k++) {
			uint32_t *node = assay_map_at(&visit, chunk->entries[k].node, 0);

			if (!node || !*node)
				continue;
			number(w, (int64_t)thread + 1);
			number(w, since_start(w, chunk->entries[k].time_ns));
			number(w, w->d->nodes.at[*node - 1].row);
			number(w, (int64_t)chunk->entries[k].weight_us * 1000);
			row(w);
		}
	}
	free(refs);
	assay_map_free(&visit);
}

static void write_timeline(struct writer *w)
{
	begin(w, "INSERT INTO timeline (thread, time_ns, node, weight_ns) VALUES (?, ?, ?, ?)");
	for (size_t i = 0; i < w->d->threads.count; i++)
		if (w->d->threads.at[i].record->timeline && !w->d->images.at[w->d->threads.at[i].image - 1].folded)
			write_thread_timeline(w, i);
	end(w);
}

/* ---- source text ---- */

static int by_line(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return x < y ? -1 : x > y;
}

/* The wanted lines of one file, as they are now. */
static void write_source_file(struct writer *w, assay_id file, const int *lines, size_t count)
{
	FILE *in = fopen(assay_digest_string(w->d, file), "re");
	struct stat st;
	char *line = NULL;
	size_t size = 0, next = 0;
	ssize_t n;

	if (!in)
		return;
	if (fstat(fileno(in), &st) < 0 || !S_ISREG(st.st_mode))
		goto out;
	for (int at = 1; next < count && (n = getline(&line, &size, in)) >= 0; at++) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			line[--n] = 0;
		if (n > 400)
			line[400] = 0;
		while (next < count && lines[next] < at)
			next++;
		if (next == count || lines[next] != at)
			continue;
		number(w, file_row(w, file));
		number(w, at);
		text(w, line);
		row(w);
		while (next < count && lines[next] == at)
			next++;
	}
out:
	free(line);
	fclose(in);
}

static int by_file_line(const void *a, const void *b)
{
	const struct d_node *x = *(const struct d_node *const *)a, *y = *(const struct d_node *const *)b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return by_line(&x->line, &y->line);
}

static void write_sources(struct writer *w)
{
	size_t count = 0, first = 0;
	const struct d_node **nodes = malloc((w->d->nodes.count + 1) * sizeof *nodes);
	int *lines = malloc((w->d->nodes.count + 1) * sizeof *lines);

	for (size_t i = 0; nodes && lines && i < w->d->nodes.count; i++)
		if (w->d->nodes.at[i].file && w->d->nodes.at[i].line > 0)
			nodes[count++] = &w->d->nodes.at[i];
	if (count)
		qsort(nodes, count, sizeof *nodes, by_file_line);
	begin(w, "INSERT OR IGNORE INTO source (file, line, text) VALUES (?, ?, ?)");
	while (first < count) {
		size_t n = 0;

		for (; first + n < count && nodes[first + n]->file == nodes[first]->file; n++)
			lines[n] = nodes[first + n]->line;
		write_source_file(w, nodes[first]->file, lines, n);
		first += n;
	}
	end(w);
	free(nodes);
	free(lines);
}

static void write_files(struct writer *w)
{
	begin(w, "INSERT INTO file (id, path) VALUES (?, ?)");
	for (assay_id i = 1; i <= w->d->texts.count; i++) {
		if (!w->file_row[i])
			continue;
		number(w, w->file_row[i]);
		text(w, assay_digest_string(w->d, i));
		row(w);
	}
	end(w);
}

/*
 * Fills the empty file `path`; errors name `output`, which it is to become. Small pages: each of the many small tables
 * fills one at least, which is most of a small profile.
 */
static int fill(struct writer *w, const char *path, const char *output)
{
	w->error = sqlite3_open_v2(path, &w->db, SQLITE_OPEN_READWRITE, NULL);
	if (w->error == SQLITE_OK)
		w->error = sqlite3_exec(w->db, "PRAGMA page_size = 1024; PRAGMA journal_mode = OFF; "
					       "PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN",
			NULL, NULL, NULL);
	if (w->error == SQLITE_OK)
		w->error = sqlite3_exec(w->db, assay_schema_sql, NULL, NULL, NULL);
	write_run(w);
	write_metrics(w);
	write_processes(w);
	write_modules(w);
	write_functions(w);
	write_threads(w);
	write_losses(w);
	write_nodes(w);
	write_totals(w);
	write_values(w);
	write_plugins(w);
	write_timeline(w);
	write_sources(w);
	write_files(w);
	if (w->error == SQLITE_OK)
		w->error = sqlite3_exec(w->db, "COMMIT", NULL, NULL, NULL);
	if (w->error != SQLITE_OK)
		assay_error("%s could not be written: %s", output, sqlite3_errmsg(w->db));
	sqlite3_close(w->db);
	return w->error == SQLITE_OK ? 0 : -EIO;
}

/* ---- the file's name ---- */

/* Moves without replacing; -EEXIST when the name is taken. */
static int move_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (link(from, to) < 0) /* a file system without that kind of rename */
		return -errno;
	unlink(from);
	return 0;
}

/* "x.assay" -> "x.2.assay", as malloc'ed text. */
static char *numbered_name(const char *path, int n)
{
	size_t length = strlen(path), suffix = strlen(".assay");
	char *name = NULL;

	if (n <= 1)
		return strdup(path);
	if (length > suffix && strcmp(path + length - suffix, ".assay") == 0)
		length -= suffix;
	return asprintf(&name, "%.*s.%d.assay", (int)length, path, n) < 0 ? NULL : name;
}

static int take_name(const char *from, const char *output, bool force, bool numbered, char **written)
{
	int error = -EEXIST;

	if (force) {
		*written = strdup(output);
		return rename(from, output) < 0 ? -errno : 0;
	}
	for (int n = 1; error == -EEXIST && n < (numbered ? 10000 : 2); n++) {
		free(*written);
		*written = numbered_name(output, n);
		error = *written ? move_new(from, *written) : -ENOMEM;
	}
	return error;
}

int assay_digest_write(struct assay_digest *d, const char *output, bool force, bool numbered, char **written)
{
	struct writer w = { .d = d };
	char *temporary = NULL, *folder = strdup(output);
	int error = -ENOMEM, fd = -1;

	w.file_row = calloc(d->texts.count + 1, sizeof *w.file_row);
	if (!folder || !w.file_row || asprintf(&temporary, "%s/.assay-XXXXXX", dirname(folder)) < 0)
		goto out;
	fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
	if (fd < 0) {
		error = -errno;
		assay_error("%s: %s", output, strerror(-error));
		goto out;
	}
	close(fd);
	error = fill(&w, temporary, output);
	if (!error) {
		error = take_name(temporary, output, force, numbered, written);
		if (error)
			assay_error("%s: %s%s", output, strerror(-error), error == -EEXIST ? " (--force replaces it)" : "");
	}
	if (error) {
		unlink(temporary);
		free(*written);
		*written = NULL;
	}
out:
	free(w.file_row);
	free(folder);
	free(temporary);
	return error;
}
