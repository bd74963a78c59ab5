/* test_run_file.c: the run's directory and its file. */
#include "viewer/run_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

static char folder[128];

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "%s", fixture_folder());
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unsetenv("ASSAY_SPOOL_DIR");
	fixture_end();
	return 0;
}

static void what_was_put_is_got(void **state)
{
	struct assay_run_file file;
	const char *at;

	(void)state;
	assert_int_equal(assay_run_file_put(folder, "command", "a=b 'c d'\n"), 0);
	assert_int_equal(assay_run_file_put_number(folder, "rate_hz", 200), 0);
	assert_int_equal(assay_run_file_put_number(folder, "least", INT64_MIN), 0);
	assert_int_equal(assay_run_file_put(folder, "empty", ""), 0);
	assert_int_equal(assay_run_file_put(folder, "arg", "one"), 0);
	assert_int_equal(assay_run_file_put(folder, "rate_hz", "300"), 0);
	assert_int_equal(assay_run_file_put(folder, "arg", ""), 0);
	assert_int_equal(assay_run_file_put(folder, "arg", "three"), 0);
	assert_int_equal(assay_run_file_open(folder, &file), 0);
	assert_string_equal(assay_run_file_get(&file, "command"), "a=b 'c d'\n");
	assert_string_equal(assay_run_file_get(&file, "empty"), "");
	assert_null(assay_run_file_get(&file, "rate"));
	assert_null(assay_run_file_get(&file, "rate_hz=300"));
	assert_null(assay_run_file_get(&file, "b 'c d'"));
	/* the last counts */
	assert_int_equal(assay_run_file_number(&file, "rate_hz", 1), 300);
	assert_int_equal(assay_run_file_number(&file, "least", 0), INT64_MIN);
	assert_int_equal(assay_run_file_number(&file, "none", -3), -3);
	assert_int_equal(assay_run_file_number(&file, "empty", -3), -3);
	/* but for lists */
	at = assay_run_file_next(&file, "arg", NULL);
	assert_string_equal(at, "one");
	at = assay_run_file_next(&file, "arg", at);
	assert_string_equal(at, "");
	at = assay_run_file_next(&file, "arg", at);
	assert_string_equal(at, "three");
	assert_null(assay_run_file_next(&file, "arg", at));
	assay_run_file_close(&file);
}

/* Foreign, cut off, or in the middle of being written. */
static void files_as_they_may_be(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *value; /* of "key" */
	} files[] = {
		{ "", 0, NULL },
		{ "\0\0\0", 3, NULL },
		{ "key=1", 5, "1" },        /* not ended */
		{ "key=1\0key", 9, "1" },   /* cut off in a key */
		{ "key", 3, NULL },
		{ "key=", 4, "" },
		{ "xkey=2\0key=1\0", 13, "1" },
		{ "=3\0key=1", 8, "1" },
	};
	struct assay_run_file file;
	char path[256];

	(void)state;
	snprintf(path, sizeof path, "%s/run", folder);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		FILE *out = fopen(path, "w");
		const char *value;

		fwrite(files[i].bytes, 1, files[i].size, out);
		fclose(out);
		assert_int_equal(assay_run_file_open(folder, &file), 0);
		value = assay_run_file_get(&file, "key");
		if (!files[i].value)
			assert_null(value);
		else
			assert_string_equal(value, files[i].value);
		assay_run_file_close(&file);
	}
	unlink(path);
	assert_int_equal(assay_run_file_open(folder, &file), -ENOENT);
	assert_null(assay_run_file_get(&file, "key"));
	assay_run_file_close(&file);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(assay_run_file_open(folder, &file), -EINVAL);
	rmdir(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(assay_run_file_open(folder, &file), -ELOOP);
	assert_int_equal(assay_run_file_put(folder, "key", "1"), -ELOOP);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(20);
	assert_int_equal(assay_run_file_open(folder, &file), -EINVAL);
	alarm(0);
	assert_int_equal(assay_run_file_put("/nowhere/at/all", "key", "1"), -ENOENT);
}

static void directories_are_made_and_removed(void **state)
{
	char *dir, *other, path[256], **list, prefix[160];
	struct stat st;

	(void)state;
	assert_int_equal(assay_run_dir_make(folder, &dir), 0);
	assert_int_equal(assay_run_dir_make(folder, &other), 0);
	assert_string_not_equal(dir, other);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(prefix, sizeof prefix, "%s/assay-run-%ld-", folder, (long)getuid());
	assert_memory_equal(dir, prefix, strlen(prefix));
	/* both are listed, in a list that ends */
	setenv("ASSAY_SPOOL_DIR", folder, 1);
	assert_string_equal(assay_run_dir_parent(), folder);
	list = assay_run_dir_list();
	assert_true((strcmp(list[0], dir) == 0 && strcmp(list[1], other) == 0) ||
		    (strcmp(list[0], other) == 0 && strcmp(list[1], dir) == 0));
	assert_null(list[2]);
	free(list[0]);
	free(list[1]);
	free(list);
	/* what Assay made goes, and with it the directory */
	assert_int_equal(assay_run_file_put(dir, "a", "b"), 0);
	snprintf(path, sizeof path, "%s/12-0.spool", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(path, sizeof path, "%s/libassay.so", dir);
	assert_int_equal(symlink("/nowhere", path), 0);
	assay_run_dir_remove(dir);
	assert_int_equal(access(dir, F_OK), -1);
	/* what it did not make stays */
	snprintf(path, sizeof path, "%s/mine.txt", other);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assay_run_dir_remove(other);
	assert_int_equal(access(path, F_OK), 0);
	assay_run_dir_remove("/nowhere/at/all");
	free(dir);
	free(other);
	assert_int_equal(assay_run_dir_make("/nowhere/at/all", &dir), -ENOENT);
}

/* Relative parents become absolute: the program may change its folder before it starts others. */
static void a_relative_parent(void **state)
{
	char *dir, before[4096];

	(void)state;
	assert_non_null(getcwd(before, sizeof before));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(assay_run_dir_make(".", &dir), 0);
	assert_int_equal(chdir(before), 0);
	assert_int_equal(dir[0], '/');
	assert_int_equal(access(dir, W_OK), 0);
	assay_run_dir_remove(dir);
	free(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_put_is_got, setup, teardown),
		cmocka_unit_test_setup_teardown(files_as_they_may_be, setup, teardown),
		cmocka_unit_test_setup_teardown(directories_are_made_and_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_relative_parent, setup, teardown),
	};

	return cmocka_run_group_tests_name("run_file", tests, NULL, NULL);
}
