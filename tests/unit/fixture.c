/* fixture.c: see fixture.h. */
#include "fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char path[256];
static int saved_out = -1, saved_err = -1;
static FILE *caught;

const char *fixture_folder(void)
{
	if (!*folder) {
		strcpy(folder, "/tmp/assay-test-XXXXXX");
		assert_non_null(mkdtemp(folder));
	}
	return folder;
}

const char *fixture_path(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", fixture_folder(), name);
	return path;
}

void fixture_sql(const char *file, const char *sql)
{
	char *message = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static char *read_schema(void)
{
	const char *top = getenv("top_srcdir");
	char name[1024], *text;
	FILE *file;
	long size;

	snprintf(name, sizeof(name), "%s/viewer/schema.sql", top ? top : ".");
	file = fopen(name, "r");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	text = calloc(1, (size_t)size + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)size, file), size);
	fclose(file);
	return text;
}

static const char rows[] =
	"INSERT INTO run VALUES ('command', './work 10'), ('argv0', './work'), ('cwd', '/home/ada/work'),"
	" ('host', 'lab7'), ('cpu_model', 'Abacus(R) 9'), ('cpus', 4), ('wall_ns', 1500000000),"
	" ('exit_status', 0), ('rate_hz', 200), ('clock', 'cpu'), ('kernel_cpu_ns', 1004000000);"

	"INSERT INTO metric VALUES (1, 'cpu', 'ns', 'sampled time', 'sampled', 'CPU time');"

	"INSERT INTO process VALUES (1, NULL, 100, 'lab7', NULL, NULL, NULL, 'work', '/home/ada/work/work', './work 10', 0,"
	" 1500000000, 1000000000, 'exit', 0, NULL);"

	"INSERT INTO module VALUES (1, '/home/ada/work/work', 'work', 'aa', 'lines', NULL),"
	" (2, '/opt/libx.so', 'libx.so', 'bb', 'none', 'file is gone'),"
	" (3, '/lib/libc.so.6', 'libc.so.6', 'cc', 'exports', NULL);"

	"INSERT INTO file VALUES (1, '/home/ada/work/src/work.c');"

	"INSERT INTO source VALUES (1, 5, char(9, 9) || 'return a + b;'),"
	" (1, 12, char(9) || 'return add(fib(n - 1), fib(n - 2));'),"
	" (1, 20, char(9) || 'memset(p, 0, n);');"

	/* id, name, linkage, module, file, line, named */
	"INSERT INTO function VALUES (1, 'work', NULL, NULL, NULL, NULL, 1),"
	" (2, '[start-up: exec and dynamic loader]', NULL, NULL, NULL, NULL, 1),"
	" (3, 'main', NULL, 1, 1, 38, 1),"
	" (4, 'fib', NULL, 1, 1, 10, 1),"
	" (5, 'add', NULL, 1, 1, 4, 1),"
	" (6, 'fill', NULL, 1, 1, 18, 1),"
	" (7, 'ns::Grid<double>::step(int)', '_ZN2ns4GridIdE4stepEi', 1, 1, 28, 1),"
	" (8, 'libx.so+0x1000', NULL, 2, NULL, NULL, 0),"
	" (9, 'memcpy', NULL, 3, NULL, NULL, 1);"

	/* ..., start, wall, cpu, core_wait, wait, unread, sampled, startup, unsampled, samples, self, instrument */
	"INSERT INTO thread VALUES (1, 1, 100, 'work', 1, 3, 1,"
	" 0, 1500000000, 900000000, 150000000, 0, 450000000, 0, 0, 890000000, 10000000, 0, 178, 2000000, 30000000),"
	" (2, 1, 101, 'helper', 0, 6, 1,"
	" 0, 500000000, 100000000, 50000000, 0, 350000000, 0, 0, 100000000, 0, 0, 20, 1000000, 0);"

	/* id, parent, last, kind, function, file, line, outer_function, outer_line, outer_module */
	"INSERT INTO node VALUES (1, NULL, 10, 'program', 1, NULL, NULL, 1, 1, 1),"
	" (2, 1, 2, 'special', 2, NULL, NULL, 1, 1, 0),"
	" (3, 1, 10, 'native', 3, 1, 40, 1, 1, 1),"
	" (4, 3, 6, 'native', 4, 1, 12, 1, 1, 0),"
	" (5, 4, 6, 'native', 4, 1, 12, 0, 0, 0),"
	" (6, 5, 6, 'inlined', 5, 1, 5, 1, 1, 0),"
	" (7, 3, 7, 'native', 6, 1, 20, 1, 1, 0),"
	" (8, 3, 9, 'native', 7, 1, 30, 1, 1, 0),"
	" (9, 8, 9, 'native', 8, NULL, NULL, 1, 1, 1),"
	" (10, 3, 10, 'native', 9, NULL, NULL, 1, 1, 1);"

	/* node, thread, metric, count, sum, sumsq */
	"INSERT INTO value VALUES (2, 1, 1, 0, 10000000, 0),"
	" (4, 1, 1, 20, 100000000, 20 * 25e12),"
	" (5, 1, 1, 40, 200000000, 40 * 25e12),"
	" (6, 1, 1, 20, 100000000, 20 * 25e12),"
	" (7, 1, 1, 80, 400000000, 80 * 25e12),"
	" (7, 2, 1, 20, 100000000, 20 * 25e12),"
	" (8, 1, 1, 10, 50000000, 10 * 25e12),"
	" (9, 1, 1, 4, 20000000, 4 * 25e12),"
	" (10, 1, 1, 4, 20000000, 4 * 25e12);"

	"INSERT INTO total SELECT n.id, 1,"
	" (SELECT coalesce(sum(sum), 0) FROM value WHERE node = n.id),"
	" (SELECT coalesce(sum(count), 0) FROM value WHERE node = n.id),"
	" (SELECT coalesce(sum(sumsq), 0) FROM value WHERE node = n.id),"
	" (SELECT coalesce(sum(sum), 0) FROM value WHERE node BETWEEN n.id AND n.last),"
	" (SELECT coalesce(sum(count), 0) FROM value WHERE node BETWEEN n.id AND n.last),"
	" (SELECT coalesce(sum(sumsq), 0) FROM value WHERE node BETWEEN n.id AND n.last) FROM node n;";

const char *fixture_make(const char *name, const char *sql)
{
	char *schema = read_schema();
	const char *file = fixture_path(name);

	unlink(file);
	fixture_sql(file, schema);
	fixture_sql(file, rows);
	if (sql)
		fixture_sql(file, sql);
	free(schema);
	return file;
}

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status, (void)type, (void)ftw;
	return remove(name);
}

void fixture_end(void)
{
	if (*folder)
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	*folder = '\0';
}

void fixture_open(struct fixture_look *look, const char *file, int width, bool utf8)
{
	assay_query *query;

	memset(look, 0, sizeof(*look));
	assert_int_equal(assay_query_open(file, &query), 0);
	look->c.term = (struct assay_term){.width = width, .utf8 = utf8};
	look->c.options.min = NAN;
	if (assay_view_prepare(&look->c, query) != 0)
		fail_msg("%s", assay_query_error(query));
}

const char *fixture_print(struct fixture_look *look, const struct assay_view *view)
{
	free(look->text);
	look->c.out = open_memstream(&look->text, &look->size);
	assert_non_null(look->c.out);
	assert_int_equal(view->print(&look->c), 0);
	fclose(look->c.out);
	return look->text;
}

json_t *fixture_json(struct fixture_look *look, const struct assay_view *view)
{
	json_t *document = json_object();

	assert_int_equal(view->json(&look->c, document), 0);
	return document;
}

void fixture_close(struct fixture_look *look)
{
	free(look->text);
	assay_query_close(look->c.query);
}

void fixture_catch(void)
{
	fflush(stdout);
	fflush(stderr);
	caught = tmpfile();
	assert_non_null(caught);
	saved_out = dup(STDOUT_FILENO);
	saved_err = dup(STDERR_FILENO);
	dup2(fileno(caught), STDOUT_FILENO);
	dup2(fileno(caught), STDERR_FILENO);
}

char *fixture_caught(void)
{
	char *text;
	long size;

	fflush(stdout);
	fflush(stderr);
	dup2(saved_out, STDOUT_FILENO);
	dup2(saved_err, STDERR_FILENO);
	close(saved_out);
	close(saved_err);
	size = lseek(fileno(caught), 0, SEEK_END);
	rewind(caught);
	text = calloc(1, (size_t)size + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)size, caught), size);
	fclose(caught);
	return text;
}

void assert_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at++) {
		if ((at == text || at[-1] == '\n') && (at[length] == '\n' || at[length] == '\0'))
			return;
	}
	fail_msg("no line '%s' in:\n%s", line, text);
}

void assert_part(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

void assert_no_part(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in:\n%s", part, text);
}
