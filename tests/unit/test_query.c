/* test_query.c: opening profiles and what is none; the account; and the model against the SQL views. */
#include "viewer/query.h"

#include "fixture.h"
#include "viewer/model.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void write_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

/* Opening fails with this code, and says so with these words. */
static void refuses(const char *path, int code, const char *words)
{
	assay_query *query;

	assert_int_equal(assay_query_open(path, &query), code);
	assert_part(assay_query_error(query), words);
	assert_part(assay_query_error(query), path);
	assay_query_close(query);
}

static void what_is_no_profile(void **state)
{
	const char *path;

	(void)state;
	refuses(fixture_path("missing.assay"), -ENOENT, "No such file");
	refuses(fixture_folder(), -EISDIR, "is a folder");
	path = fixture_path("empty.assay");
	write_file(path, "", 0);
	refuses(path, -EINVAL, "is empty");
	write_file(path, "#!/bin/sh\n", 10);
	refuses(path, -EINVAL, "is not an Assay profile");
	write_file(path, "ASSAYSPL and more", 17);
	refuses(path, -EINVAL, "is a spool");
	write_file(path, "SQLite format 3", 16);
	refuses(path, -EBADMSG, "is cut short");
	unlink(path);
	fixture_sql(path, "CREATE TABLE stamps (id)");
	refuses(path, -EINVAL, "is a SQLite database, but not an Assay profile");
}

static void other_versions(void **state)
{
	(void)state;
	refuses(fixture_make("new.assay", "PRAGMA user_version = 7"), -EPROTO,
		"format 7, made by a newer Assay; this one reads format 3");
	refuses(fixture_make("old.assay", "PRAGMA user_version = 0"), -EPROTO, "format 0, made by an older Assay");
}

static void cut_short(void **state)
{
	const char *path = fixture_make("short.assay", NULL);
	struct stat status;

	(void)state;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(truncate(path, status.st_size / 2), 0);
	refuses(path, -EBADMSG, "is cut short");
}

static void strange_names(void **state)
{
	const char *path = fixture_make("50% of #1?mode=rw \033.assay", NULL);
	struct assay_account account;
	assay_query *query;

	(void)state;
	assert_int_equal(assay_query_open(path, &query), 0);
	assert_int_equal(assay_query_account(query, &account), 0);
	assay_query_close(query);
}

static void missing_table(void **state)
{
	const char *path = fixture_make("bare.assay", "DROP TABLE loss");
	struct assay_loss_row *losses;
	assay_query *query;
	size_t count;

	(void)state;
	assert_int_equal(assay_query_open(path, &query), 0);
	assert_int_equal(assay_query_losses(query, &losses, &count), -EBADMSG);
	assert_part(assay_query_error(query), "does not hold what a profile must: no such table");
	assert_int_equal(count, 0);
	assay_query_close(query);
}

/* Every page in turn is overwritten: an error or odd figures, but no crash, and nothing is written. */
static void broken_pages(void **state)
{
	const char *path = fixture_make("broken.assay", NULL);
	unsigned char noise[4096];
	struct stat status;
	int fd = open(path, O_RDWR);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (unsigned char)(i * 167 + (i >> 3));
	for (off_t at = 0; at < status.st_size; at += (off_t)sizeof(noise)) {
		off_t start = at ? at : 100; /* the header stays */
		unsigned char kept[sizeof(noise)];
		ssize_t length = pread(fd, kept, sizeof(kept), start);
		struct assay_model *model;
		assay_query *query;

		assert_true(length > 0);
		assert_int_equal(pwrite(fd, noise, (size_t)length, start), length);
		assert_int_equal(assay_query_open(path, &query), 0);
		if (assay_model_read(query, &model) != 0)
			assert_part(assay_query_error(query), path);
		assay_query_close(query);
		assert_int_equal(pwrite(fd, kept, (size_t)length, start), length);
	}
	close(fd);
}

static void the_account(void **state)
{
	struct assay_account a;
	assay_query *query;

	(void)state;
	assert_int_equal(assay_query_open(fixture_make("work.assay", NULL), &query), 0);
	assert_int_equal(assay_query_account(query, &a), 0);
	assert_true(fabs(a.wall - 2.0) < 1e-9);
	assert_true(fabs(a.cpu - 1.0) < 1e-9);
	assert_true(fabs(a.core_wait - 0.2) < 1e-9);
	assert_true(fabs(a.unlocated_wait - 0.8) < 1e-9);
	assert_true(fabs(a.remainder) < 1e-9);
	assert_true(fabs(a.assay - 0.003) < 1e-9);
	assert_int_equal(a.samples, 198);
	assert_int_equal(a.threads, 2);
	assert_int_equal(a.processes, 1);
	assay_query_close(query);
}

static void run_values(void **state)
{
	const struct assay_run_value *run;
	assay_query *query;
	size_t count;

	(void)state;
	assert_int_equal(
		assay_query_open(fixture_make("work.assay", "UPDATE run SET value = '4' WHERE key = 'cpus'"), &query),
		0);
	assert_int_equal(assay_query_run(query, &run, &count), 0);
	assert_string_equal(assay_run_text(run, count, "host"), "lab7");
	assert_null(assay_run_text(run, count, "kernel"));
	assert_true(assay_run_number(run, count, "wall_ns") == 1.5e9);
	assert_true(assay_run_number(run, count, "cpus") == 4);
	assert_true(isnan(assay_run_number(run, count, "host")));
	assert_true(isnan(assay_run_number(run, count, "kernel")));
	assay_query_close(query);
}

/* What the SQL views say for a name, to compare with the model. */
struct expected {
	const struct assay_model *model;
	size_t compared;
};

static int compare_function(void *context, sqlite3_stmt *row)
{
	struct expected *e = context;
	const struct assay_model_function *f = &e->model->functions[sqlite3_column_int64(row, 0)];

	assert_string_equal(f->name, (const char *)sqlite3_column_text(row, 1));
	assert_true(fabs(f->exclusive.sum / 1e9 - sqlite3_column_double(row, 2)) < 1e-9);
	assert_true(fabs(f->inclusive.sum / 1e9 - sqlite3_column_double(row, 3)) < 1e-9);
	assert_int_equal(f->exclusive.count, sqlite3_column_int64(row, 4));
	assert_true(fabs(f->exclusive.sumsq - sqlite3_column_double(row, 5)) < 1);
	assert_true(fabs(f->inclusive.sumsq - sqlite3_column_double(row, 6)) < 1);
	e->compared++;
	return 0;
}

static int compare_module(void *context, sqlite3_stmt *row)
{
	struct expected *e = context;

	for (size_t i = 0; i < e->model->module_count; i++) {
		const struct assay_model_module *m = &e->model->modules[i];

		if (strcmp(m->name, (const char *)sqlite3_column_text(row, 0)) != 0)
			continue;
		assert_true(fabs(m->exclusive.sum / 1e9 - sqlite3_column_double(row, 1)) < 1e-9);
		assert_true(fabs(m->inclusive.sum / 1e9 - sqlite3_column_double(row, 2)) < 1e-9);
		e->compared++;
	}
	return 0;
}

static int compare_line(void *context, sqlite3_stmt *row)
{
	struct expected *e = context;
	size_t count;
	struct assay_model_line *lines = assay_model_lines(e->model, NULL, &count);

	for (size_t i = 0; i < count; i++) {
		if (lines[i].line != sqlite3_column_int64(row, 0) || lines[i].function != sqlite3_column_int(row, 1))
			continue;
		assert_true(fabs(lines[i].exclusive.sum / 1e9 - sqlite3_column_double(row, 2)) < 1e-9);
		assert_true(fabs(lines[i].inclusive.sum / 1e9 - sqlite3_column_double(row, 3)) < 1e-9);
		e->compared++;
	}
	return 0;
}

static void model_and_sql_views_agree(void **state)
{
	struct expected e = {0};
	struct assay_model *model;
	assay_query *query;

	(void)state;
	assert_int_equal(assay_query_open(fixture_make("work.assay", NULL), &query), 0);
	assert_int_equal(assay_model_read(query, &model), 0);
	e.model = model;
	assert_int_equal(assay_query_each(query,
				 "SELECT function, name, exclusive_s, inclusive_s, samples, exclusive_sumsq, "
				 "inclusive_sumsq FROM hot_functions",
				 -1, compare_function, &e),
		0);
	assert_int_equal(e.compared, 8);
	assert_int_equal(assay_query_each(query, "SELECT module, exclusive_s, inclusive_s FROM hot_modules", -1,
		compare_module, &e), 0);
	assert_int_equal(e.compared, 8 + 4);
	assert_int_equal(
		assay_query_each(query,
			"SELECT line, function_id, exclusive_s, inclusive_s FROM hot_lines WHERE exclusive_s > 0", -1,
			compare_line, &e),
		0);
	assert_int_equal(e.compared, 8 + 4 + 4);
	assay_query_close(query);
}

static void recursion_counts_once(void **state)
{
	struct assay_model *model;
	assay_query *query;

	(void)state;
	assert_int_equal(assay_query_open(fixture_make("work.assay", NULL), &query), 0);
	assert_int_equal(assay_model_read(query, &model), 0);
	assert_string_equal(model->functions[4].name, "fib");
	assert_true(model->functions[4].recursive);
	assert_true(model->functions[4].exclusive.sum == 300e6);
	assert_true(model->functions[4].inclusive.sum == 400e6);
	assert_true(model->all.sum == 1e9);
	assert_int_equal(model->all.count, 198);
	assay_query_close(query);
}

static void paths_are_shown_plainly(void **state)
{
	static const char *const paths[][2] = {
		{"/home/ada/work/build/../src/./a.c", "src/a.c"},
		{"/home/ada/../eve/x.c", "/home/eve/x.c"},
		{"/../x.c", "/../x.c"},
		{"/a/../../x.c", "/../x.c"},
		{"src/../../x.c", "src/../../x.c"},
		{"a/b/c/../../x.c", "a/x.c"},
		{"/usr/.hidden/..x/x.c", "/usr/.hidden/..x/x.c"},
		{"/home/ada/workshop/x.c", "/home/ada/workshop/x.c"},
		{"/home/ada/work/x/..", "/home/ada/work"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct assay_model *model;
		assay_query *query;
		char sql[128];

		snprintf(sql, sizeof(sql), "UPDATE file SET path = '%s'", paths[i][0]);
		assert_int_equal(assay_query_open(fixture_make("paths.assay", sql), &query), 0);
		assert_int_equal(assay_model_read(query, &model), 0);
		assert_string_equal(model->files[1].path, paths[i][0]);
		assert_string_equal(model->files[1].shown, paths[i][1]);
		assay_query_close(query);
	}
}

/* Broken references, circles, NULLs and absurd figures. */
static void a_hostile_profile(void **state)
{
	static const char sql[] =
		"PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA writable_schema = ON;"
		"UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '') WHERE type = 'table' AND name IN"
		" ('node', 'function', 'module', 'thread', 'process');"
		"PRAGMA writable_schema = RESET;"
		"UPDATE node SET parent = 9 WHERE id = 3; UPDATE node SET parent = 4 WHERE id = 4;"
		"UPDATE node SET function = 999, file = -5, line = -9223372036854775807 WHERE id = 7;"
		"UPDATE node SET kind = NULL, function = NULL, last = NULL WHERE id = 8;"
		"UPDATE function SET name = NULL, module = 77, file = 88 WHERE id = 9; UPDATE module SET name = NULL, "
		"path = NULL;"
		"UPDATE total SET exclusive = 9e999, inclusive = -1 WHERE node = 10;"
		"UPDATE total SET exclusive_count = 9223372036854775807 WHERE node = 9;"
		"INSERT INTO total VALUES (4711, 1, 1, 1, 1, 1, 1, 1);"
		"UPDATE thread SET name = NULL, wall_ns = 4000000000000000000 WHERE id = 1; UPDATE process SET name = "
		"NULL, command = NULL";
	static const struct assay_view *const views[] = {&assay_view_run, &assay_view_account, &assay_view_functions,
		&assay_view_lines, &assay_view_tree, &assay_view_threads, &assay_view_processes, &assay_view_modules,
		&assay_view_trust, &assay_view_next};
	struct fixture_look look;

	(void)state;
	fixture_open(&look, fixture_make("hostile.assay", sql), 80, true);
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		fixture_print(&look, views[i]);
		json_decref(fixture_json(&look, views[i]));
	}
	fixture_close(&look);
}

static void sums_beyond_64_bits(void **state)
{
	struct assay_account account;
	assay_query *query;

	(void)state;
	assert_int_equal(
		assay_query_open(fixture_make("huge.assay", "UPDATE thread SET wall_ns = 9223372036854775807"), &query),
		0);
	assert_int_equal(assay_query_account(query, &account), -EBADMSG);
	assert_part(assay_query_error(query), "integer overflow");
	assay_query_close(query);
}

static int tear_down(void **state)
{
	(void)state;
	fixture_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_profile),
		cmocka_unit_test(other_versions),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(strange_names),
		cmocka_unit_test(missing_table),
		cmocka_unit_test(broken_pages),
		cmocka_unit_test(the_account),
		cmocka_unit_test(run_values),
		cmocka_unit_test(model_and_sql_views_agree),
		cmocka_unit_test(recursion_counts_once),
		cmocka_unit_test(paths_are_shown_plainly),
		cmocka_unit_test(a_hostile_profile),
		cmocka_unit_test(sums_beyond_64_bits),
	};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}
