/* query.c: see query.h. */
#include "query.h"

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profile/spool.h"

enum {
	PROFILE_VERSION = 3,          /* user_version of viewer/schema.sql that we read */
	APPLICATION_ID = 0x41535359,  /* 'ASSY' */
	/* of the header of a SQLite file: https://www.sqlite.org/fileformat.html, section 1.3 */
	HEADER_SIZE = 100,
	HEADER_PAGE_SIZE = 16,
	HEADER_PAGES = 28,
	HEADER_USER_VERSION = 60,
	HEADER_APPLICATION_ID = 68,
};

struct assay_query {
	const char *path;
	const char *error;
	sqlite3 *db;
	sqlite3_stmt *source;
	assay_pool *pool;
};

__attribute__((format(printf, 3, 4))) static int fail(assay_query *q, int code, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	q->error = assay_pool_print(q->pool, "%s %s", q->path, text);
	return code;
}

/* After SQLite has failed. */
static int fail_sqlite(assay_query *q, int result)
{
	const char *message = q->db ? sqlite3_errmsg(q->db) : sqlite3_errstr(result);

	switch (result & 0xff) {
	case SQLITE_NOMEM:
		return fail(q, -ENOMEM, "cannot be read: out of memory");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return fail(q, -EBADMSG, "is damaged: %s", message);
	case SQLITE_ERROR: /* a table or column that is not there, or sums beyond 64 bits */
		return fail(q, -EBADMSG, "does not hold what a profile must: %s", message);
	default:
		return fail(q, -EIO, "cannot be read: %s", message);
	}
}

static uint32_t big_endian(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* What the first bytes say. SQLite would say "file is not a database" to all of these. */
static int check_header(assay_query *q, const unsigned char *header, ssize_t length, off_t size)
{
	static const char magic[16] = "SQLite format 3";
	int64_t page, pages;
	int version;

	if (length == 0)
		return fail(q, -EINVAL, "is empty, not a profile");
	if (length >= 8 && memcmp(header, ASSAY_SPOOL_MAGIC, 8) == 0)
		return fail(q, -EINVAL,
			"is a spool, one process's raw measurements: 'assay digest' on its folder makes a profile");
	if (memcmp(header, magic, (size_t)(length < 16 ? length : 16)) != 0)
		return fail(q, -EINVAL, "is not an Assay profile");
	if (length < HEADER_SIZE)
		return fail(q, -EBADMSG, "is cut short: it holds only %lld bytes", (long long)size);
	if (big_endian(header + HEADER_APPLICATION_ID) != APPLICATION_ID)
		return fail(q, -EINVAL, "is a SQLite database, but not an Assay profile");
	version = (int)big_endian(header + HEADER_USER_VERSION);
	if (version != PROFILE_VERSION)
		return fail(q, -EPROTO, "is a profile of format %d, made by %s Assay; this one reads format %d",
			version, version > PROFILE_VERSION ? "a newer" : "an older", PROFILE_VERSION);
	page = header[HEADER_PAGE_SIZE] << 8 | header[HEADER_PAGE_SIZE + 1];
	page = page == 1 ? 65536 : page;
	pages = big_endian(header + HEADER_PAGES);
	if (page * pages > size)
		return fail(q, -EBADMSG, "is cut short: %lld of its %lld bytes are there", (long long)size,
			(long long)(page * pages));
	return 0;
}

static int check_file(assay_query *q)
{
	unsigned char header[HEADER_SIZE];
	struct stat status;
	ssize_t length;
	int fd = open(q->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

	if (fd < 0 || fstat(fd, &status) != 0) {
		rc = fail(q, -errno, "cannot be opened: %s", strerror(errno));
	} else if (S_ISDIR(status.st_mode)) {
		rc = fail(q, -EISDIR, "is a folder, not a profile ('assay digest' makes a profile of a run's folder)");
	} else if (!S_ISREG(status.st_mode)) {
		rc = fail(q, -EINVAL, "is not a plain file");
	} else {
		length = pread(fd, header, sizeof(header), 0);
		rc = length < 0 ? fail(q, -errno, "cannot be read: %s", strerror(errno))
				: check_header(q, header, length, status.st_size);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

/* "file:PATH?immutable=1": no lock, no journal, nothing beside the file. */
static const char *uri_of(assay_pool *pool, const char *path)
{
	static const char hex[] = "0123456789abcdef";
	char *uri = assay_pool_alloc(pool, strlen(path) + 16, 3), *end;

	end = stpcpy(uri, path[0] == '/' ? "file://" : "file:");
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (strchr("?#%", c) || c < 0x20 || c >= 0x7f) {
			*end++ = '%';
			*end++ = hex[c >> 4];
			*end++ = hex[c & 15];
		} else {
			*end++ = (char)c;
		}
	}
	strcpy(end, "?immutable=1");
	return uri;
}

int assay_query_open(const char *path, assay_query **query)
{
	assay_pool *pool = assay_pool_open();
	assay_query *q = assay_pool_alloc(pool, 1, sizeof(*q));
	int rc, result;

	*query = q;
	q->pool = pool;
	q->path = assay_pool_copy(pool, path);
	q->error = "";
	rc = check_file(q);
	if (rc)
		return rc;
	result = sqlite3_open_v2(uri_of(pool, path), &q->db,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	if (result != SQLITE_OK)
		return fail_sqlite(q, result);
	sqlite3_extended_result_codes(q->db, 1);
	/* A foreign schema may hold expressions of its maker's: they may not do anything. */
	sqlite3_db_config(q->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(q->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return 0;
}

void assay_query_close(assay_query *query)
{
	if (!query)
		return;
	sqlite3_finalize(query->source);
	sqlite3_close(query->db);
	assay_pool_close(query->pool);
}

const char *assay_query_error(const assay_query *query)
{
	return query->error;
}

assay_pool *assay_query_pool(assay_query *query)
{
	return query->pool;
}

int assay_query_each(assay_query *query, const char *sql, int64_t number, assay_query_row_fn *row, void *context)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(query->db, sql, -1, &statement, NULL), rc = 0;

	if (result == SQLITE_OK && number >= 0)
		result = sqlite3_bind_int64(statement, 1, number);
	if (result == SQLITE_OK) {
		while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
			rc = row(context, statement);
			if (rc)
				break;
		}
	}
	if (!rc && result != SQLITE_DONE)
		rc = fail_sqlite(query, result);
	sqlite3_finalize(statement);
	return rc;
}

const char *assay_query_text(assay_query *query, sqlite3_stmt *row, int column)
{
	return assay_pool_copy(query->pool, (const char *)sqlite3_column_text(row, column));
}

static double seconds(sqlite3_stmt *row, int column)
{
	return sqlite3_column_double(row, column);
}

/* Rows gathered into one array. */
struct gather {
	assay_query *query;
	char *rows;
	size_t size, count, room;
};

static void *next_row(struct gather *g)
{
	if (g->count == g->room) {
		char *larger;

		g->room = g->room ? 2 * g->room : 32;
		larger = assay_pool_alloc(g->query->pool, g->room, g->size);
		if (g->count)
			memcpy(larger, g->rows, g->count * g->size);
		g->rows = larger;
	}
	return g->rows + g->count++ * g->size;
}

static int gather_of(assay_query *q, const char *sql, int64_t number, size_t size, assay_query_row_fn *row, void *rows,
	size_t *count)
{
	struct gather g = {.query = q, .size = size};
	int rc = assay_query_each(q, sql, number, row, &g);

	memcpy(rows, &g.rows, sizeof(g.rows));
	*count = rc ? 0 : g.count;
	return rc;
}

static int gather(assay_query *q, const char *sql, size_t size, assay_query_row_fn *row, void *rows, size_t *count)
{
	return gather_of(q, sql, -1, size, row, rows, count);
}

static int read_run(void *context, sqlite3_stmt *row)
{
	struct gather *g = context;
	struct assay_run_value *value = next_row(g);
	int type = sqlite3_column_type(row, 1);

	value->key = assay_query_text(g->query, row, 0);
	if (!value->key)
		value->key = "";
	value->number = NAN;
	value->integer = type == SQLITE_INTEGER;
	if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
		value->number = sqlite3_column_double(row, 1);
	else
		value->text = assay_query_text(g->query, row, 1);
	return 0;
}

int assay_query_run(assay_query *query, const struct assay_run_value **values, size_t *count)
{
	return gather(query, "SELECT key, value FROM run ORDER BY key", sizeof(**values), read_run, values, count);
}

static const struct assay_run_value *find_value(const struct assay_run_value *values, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(values[i].key, key) == 0)
			return &values[i];
	}
	return NULL;
}

const char *assay_run_text(const struct assay_run_value *values, size_t count, const char *key)
{
	const struct assay_run_value *value = find_value(values, count, key);

	return value && value->text && *value->text ? value->text : NULL;
}

/* A writer may have kept a number as text: it counts as a number all the same. */
double assay_run_number(const struct assay_run_value *values, size_t count, const char *key)
{
	const struct assay_run_value *value = find_value(values, count, key);
	double number;
	char *end;

	if (!value || !value->text)
		return value ? value->number : NAN;
	number = strtod(value->text, &end);
	return end != value->text && *end == '\0' ? number : NAN;
}

static int read_account(void *context, sqlite3_stmt *row)
{
	struct assay_account *a = context;

	a->wall = seconds(row, 0);
	a->cpu = seconds(row, 1);
	a->core_wait = seconds(row, 2);
	a->located_wait = seconds(row, 3);
	a->unlocated_wait = seconds(row, 4);
	a->remainder = seconds(row, 5);
	a->core_wait_unread = seconds(row, 6);
	a->sampled = seconds(row, 7);
	a->startup = seconds(row, 8);
	a->unsampled = seconds(row, 9);
	a->assay = seconds(row, 10);
	a->samples = sqlite3_column_int64(row, 11);
	a->threads = sqlite3_column_int64(row, 12);
	a->processes = sqlite3_column_int64(row, 13);
	a->programs = sqlite3_column_int64(row, 14);
	a->spin = seconds(row, 15);
	a->instrument = seconds(row, 16);
	return 0;
}

int assay_query_account(assay_query *query, struct assay_account *account)
{
	memset(account, 0, sizeof(*account));
	return assay_query_each(query,
		"SELECT wall_s, cpu_s, core_wait_s, located_wait_s, unlocated_wait_s, remainder_s, core_wait_unread_s,"
		" sampled_s, startup_s, unsampled_s, assay_s, samples, threads,"
		" (SELECT count(DISTINCT host || ' ' || pid) FROM process), (SELECT count(DISTINCT name) FROM process), spin_s, instrument_s"
		" FROM account",
		-1, read_account, account);
}

static int read_thread(void *context, sqlite3_stmt *row)
{
	struct gather *g = context;
	struct assay_thread_row *thread = next_row(g);

	thread->id = sqlite3_column_int64(row, 0);
	thread->pid = sqlite3_column_int64(row, 1);
	thread->program = assay_query_text(g->query, row, 2);
	thread->tid = sqlite3_column_int64(row, 3);
	thread->name = assay_query_text(g->query, row, 4);
	thread->entry = assay_query_text(g->query, row, 5);
	thread->threads = sqlite3_column_int64(row, 6);
	thread->start = seconds(row, 7);
	thread->wall = seconds(row, 8);
	thread->cpu = seconds(row, 9);
	thread->core_wait = seconds(row, 10);
	thread->wait = seconds(row, 11);
	thread->samples = sqlite3_column_int64(row, 12);
	thread->assay = seconds(row, 13);
	thread->located_wait = seconds(row, 14);
	thread->spin = seconds(row, 15);
	return 0;
}

int assay_query_threads(assay_query *query, struct assay_thread_row **rows, size_t *count)
{
	return gather(query,
		"SELECT thread, pid, program, tid, name, entry, threads, start_s, wall_s, cpu_s, core_wait_s, wait_s,"
		" samples, assay_s, located_wait_s, spin_s FROM threads",
		sizeof(**rows), read_thread, rows, count);
}

static int read_process(void *context, sqlite3_stmt *row)
{
	struct gather *g = context;
	struct assay_process_row *process = next_row(g);

	process->id = sqlite3_column_int64(row, 0);
	process->parent = sqlite3_column_int64(row, 1);
	process->pid = sqlite3_column_int64(row, 2);
	process->host = assay_query_text(g->query, row, 3);
	process->name = assay_query_text(g->query, row, 4);
	process->command = assay_query_text(g->query, row, 5);
	process->start = seconds(row, 6);
	process->wall = seconds(row, 7);
	process->cpu = seconds(row, 8);
	process->core_wait = seconds(row, 9);
	process->wait = seconds(row, 10);
	process->threads = sqlite3_column_int64(row, 11);
	process->samples = sqlite3_column_int64(row, 12);
	process->ended = assay_query_text(g->query, row, 13);
	process->status = sqlite3_column_type(row, 14) == SQLITE_NULL ? NAN : seconds(row, 14);
	process->note = assay_query_text(g->query, row, 15);
	process->located_wait = seconds(row, 16);
	return 0;
}

int assay_query_processes(assay_query *query, struct assay_process_row **rows, size_t *count)
{
	return gather(query,
		"SELECT process, parent, pid, host, name, command, start_s, wall_s, cpu_s, core_wait_s, wait_s, "
		"threads,"
		" samples, ended, status, note, located_wait_s FROM processes",
		sizeof(**rows), read_process, rows, count);
}

static int read_loss(void *context, sqlite3_stmt *row)
{
	struct gather *g = context;
	struct assay_loss_row *loss = next_row(g);

	loss->kind = assay_query_text(g->query, row, 0);
	loss->reason = assay_query_text(g->query, row, 1);
	loss->count = sqlite3_column_int64(row, 2);
	loss->processes = sqlite3_column_int64(row, 3);
	return 0;
}

int assay_query_losses(assay_query *query, struct assay_loss_row **rows, size_t *count)
{
	return gather(query,
		"SELECT kind, reason, sum(count), count(DISTINCT process) FROM loss WHERE count > 0"
		" GROUP BY kind, reason ORDER BY kind, 3 DESC",
		sizeof(**rows), read_loss, rows, count);
}

static int read_metric(void *context, sqlite3_stmt *row)
{
	struct gather *g = context;
	struct assay_metric_row *metric = next_row(g);

	metric->id = sqlite3_column_int64(row, 0);
	metric->name = assay_query_text(g->query, row, 1);
	metric->unit = assay_query_text(g->query, row, 2);
	metric->kind = assay_query_text(g->query, row, 3);
	metric->help = assay_query_text(g->query, row, 4);
	return 0;
}

int assay_query_metrics(assay_query *query, struct assay_metric_row **rows, size_t *count)
{
	return gather(query, "SELECT id, name, unit, kind, help FROM metric WHERE name <> 'cpu' ORDER BY id",
		sizeof(**rows), read_metric, rows, count);
}

static int read_measured(void *context, sqlite3_stmt *row)
{
	struct gather *g = context;
	struct assay_measured_row *measured = next_row(g);

	measured->node = sqlite3_column_int64(row, 0);
	measured->times = sqlite3_column_int64(row, 1);
	measured->amount = sqlite3_column_double(row, 2);
	measured->kind = assay_query_text(g->query, row, 3);
	measured->name = assay_query_text(g->query, row, 4);
	measured->inclusive = sqlite3_column_double(row, 5);
	return 0;
}

int assay_query_measured(assay_query *query, int64_t metric, struct assay_measured_row **rows, size_t *count)
{
	return gather_of(query,
		"SELECT t.node, t.exclusive_count, t.exclusive, n.kind, f.name, t.inclusive FROM total t"
		" JOIN node n ON n.id = t.node JOIN function f ON f.id = n.function"
		" WHERE t.metric = ?1 AND (t.exclusive_count > 0 OR t.exclusive > 0)",
		metric, sizeof(**rows), read_measured, rows, count);
}

static int read_value(void *context, sqlite3_stmt *row)
{
	struct gather *g = context;
	struct assay_value_row *value = next_row(g);

	value->node = sqlite3_column_int64(row, 0);
	value->thread = sqlite3_column_int64(row, 1);
	value->process = sqlite3_column_int64(row, 2);
	value->times = sqlite3_column_int64(row, 3);
	value->amount = sqlite3_column_double(row, 4);
	return 0;
}

int assay_query_values(assay_query *query, const char *kind, struct assay_value_row **rows, size_t *count)
{
	char *sql = sqlite3_mprintf("SELECT v.node, v.thread, t.process, sum(v.count), total(v.sum) FROM value v"
		" JOIN metric k ON k.id = v.metric JOIN thread t ON t.id = v.thread WHERE k.kind = %Q"
		" GROUP BY v.node, v.thread ORDER BY v.node, v.thread", kind);
	int rc = sql ? gather(query, sql, sizeof(**rows), read_value, rows, count) : -ENOMEM;

	sqlite3_free(sql);
	return rc;
}

static int read_plugin(void *context, sqlite3_stmt *row)
{
	struct gather *g = context;
	struct assay_plugin_row *plugin = next_row(g);

	plugin->name = assay_query_text(g->query, row, 0);
	plugin->why = assay_query_text(g->query, row, 1);
	plugin->processes = sqlite3_column_int64(row, 2);
	plugin->all = sqlite3_column_int64(row, 3);
	return 0;
}

int assay_query_plugins_left_out(assay_query *query, struct assay_plugin_row **rows, size_t *count)
{
	return gather(query,
		"SELECT name, left_out, count(*), (SELECT count(*) FROM plugin q WHERE q.name = p.name) FROM plugin p"
		" WHERE left_out IS NOT NULL GROUP BY name, left_out ORDER BY name, 3 DESC",
		sizeof(**rows), read_plugin, rows, count);
}

const char *assay_query_source(assay_query *query, int64_t file, int64_t line)
{
	const char *text = NULL;

	if (!query->source && sqlite3_prepare_v2(query->db, "SELECT text FROM source WHERE file = ?1 AND line = ?2", -1,
				      &query->source, NULL) != SQLITE_OK)
		return NULL;
	sqlite3_bind_int64(query->source, 1, file);
	sqlite3_bind_int64(query->source, 2, line);
	if (sqlite3_step(query->source) == SQLITE_ROW)
		text = assay_query_text(query, query->source, 0);
	sqlite3_reset(query->source);
	return text;
}
