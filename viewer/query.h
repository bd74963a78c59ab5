/*
 * query.h: a profile, opened for reading, and the small questions put to it: what was run, the account of
 * thread-seconds, threads, processes, losses, source text. (The calling-context tree is model.h's.)
 *
 * Owns the SQLite connection. Never writes: not to the profile and not beside it, so a profile in a folder
 * that may only be read is as good as any. A profile is foreign: NULLs, absurd values, broken references and
 * broken pages give odd figures or an error, never a crash.
 *
 * Functions return 0 or a negative errno-style code; assay_query_error then says why, in words.
 * All strings and rows live until the profile is closed. Times are seconds unless a name ends in _ns.
 */
#ifndef ASSAY_VIEWER_QUERY_H
#define ASSAY_VIEWER_QUERY_H

#include "pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct assay_query assay_query;
struct sqlite3;

/*
 * Always sets *query (to be closed with assay_query_close, errors included).
 * -ENOENT and the like: cannot be read; -EINVAL: not a profile; -EPROTO: another version of the format;
 * -EBADMSG: damaged.
 */
int assay_query_open(const char *path, assay_query **query);
void assay_query_close(assay_query *query);
/* Why the last call failed, beginning with the profile's name. */
const char *assay_query_error(const assay_query *query);
/* For what is to live as long as the profile is open. */
assay_pool *assay_query_pool(assay_query *query);

/*
 * Runs one SELECT and calls `row` for each row; a negative code from it ends the query. `number`, if not
 * negative, is bound to ?1. For model.c and the functions below.
 */
struct sqlite3_stmt;
typedef int assay_query_row_fn(void *context, struct sqlite3_stmt *row);
int assay_query_each(assay_query *query, const char *sql, int64_t number, assay_query_row_fn *row, void *context);
/* Column as a string in the pool, NULL for NULL. */
const char *assay_query_text(assay_query *query, struct sqlite3_stmt *row, int column);

/* A value of table run. `text` is NULL where it is a number, and the other way round. */
struct assay_run_value {
	const char *key;
	const char *text;
	double number; /* NAN where it is text */
	bool integer;
};
int assay_query_run(assay_query *query, const struct assay_run_value **values, size_t *count);
/* Of values already read: NULL, or NAN, where it is not there. */
const char *assay_run_text(const struct assay_run_value *values, size_t count, const char *key);
double assay_run_number(const struct assay_run_value *values, size_t count, const char *key);

/* As view `account`, and the number of processes. */
struct assay_account {
	double wall, cpu, core_wait, located_wait, unlocated_wait, remainder;
	double spin; /* the part of cpu that was spent waiting */
	double core_wait_unread;
	double sampled, startup, unsampled, assay;
	double instrument; /* the part of sampled in code of Assay's that the program called */
	int64_t samples, threads, processes, programs;
};
int assay_query_account(assay_query *query, struct assay_account *account);

struct assay_thread_row {
	int64_t id, pid, tid, threads, samples;
	const char *program, *name, *entry;
	double start, wall, cpu, spin, core_wait, located_wait, wait, assay;
};
/* By CPU time, the most first. */
int assay_query_threads(assay_query *query, struct assay_thread_row **rows, size_t *count);

struct assay_process_row {
	int64_t id, parent, pid, threads, samples; /* parent: 0 = none */
	const char *host, *name, *command, *ended, *note;
	double start, wall, cpu, core_wait, located_wait, wait;
	double status; /* NAN = not known */
};
/* By CPU time, the most first. */
int assay_query_processes(assay_query *query, struct assay_process_row **rows, size_t *count);

/* Losses of all threads, added up by kind and reason. */
struct assay_loss_row {
	const char *kind, *reason;
	int64_t count, processes;
};
int assay_query_losses(assay_query *query, struct assay_loss_row **rows, size_t *count);

/* Metrics other than CPU time. */
struct assay_metric_row {
	int64_t id;
	const char *name, *unit, *kind, *help;
};
int assay_query_metrics(assay_query *query, struct assay_metric_row **rows, size_t *count);

/* Where a metric has a value: the node, and what it stands for. */
struct assay_measured_row {
	int64_t node, times;
	double amount, inclusive; /* in the metric's unit; with all that lies below */
	const char *kind, *name;
};
int assay_query_measured(assay_query *query, int64_t metric, struct assay_measured_row **rows, size_t *count);

/* The values of the metrics of one kind, a row a node and thread. */
struct assay_value_row {
	int64_t node, thread, process, times;
	double amount;
};
int assay_query_values(assay_query *query, const char *kind, struct assay_value_row **rows, size_t *count);

/* Plugins that were left out, by name and reason, and in how many processes of all that were to have them. */
struct assay_plugin_row {
	const char *name, *why;
	int64_t processes, all;
};
int assay_query_plugins_left_out(assay_query *query, struct assay_plugin_row **rows, size_t *count);

/* The text of a source line, NULL where the profile has none. */
const char *assay_query_source(assay_query *query, int64_t file, int64_t line);

#endif
