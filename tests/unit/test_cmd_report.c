/* test_cmd_report.c: the command: its options, its errors and exit statuses, and that it leaves no trace. */
#include "viewer/cmd.h"

#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS_MAX = 8 };

static char *text;

/* Runs "assay report" with these words (split at blanks) in the fixture's folder. */
static int report(const char *arguments)
{
	char *line = strdup(arguments), *rest = line, *word, *argv[WORDS_MAX + 2] = {NULL};
	char program[] = "report";
	int argc = 1, status;

	argv[0] = program;
	while ((word = strsep(&rest, " ")) && argc <= WORDS_MAX) {
		if (*word)
			argv[argc++] = word;
	}
	free(text);
	fixture_catch();
	status = assay_cmd_report.run(argc, argv);
	text = fixture_caught();
	free(line);
	return status;
}

static void first_screen(void **state)
{
	const char *at;

	(void)state;
	assert_int_equal(report("work.assay"), ASSAY_EXIT_OK);
	assert_line(text, "./work 10");
	at = strstr(text, "Where the threads' time went");
	assert_non_null(at);
	at = strstr(at, "Hottest functions");
	assert_non_null(at);
	at = strstr(at, "Hottest source lines");
	assert_non_null(at);
	at = strstr(at, "How far to trust this");
	assert_non_null(at);
	at = strstr(at, "Where to look next");
	assert_non_null(at);
	assert_part(at, "assay report work.assay --lines=fill");
	assert_no_part(text, "Call tree");
	assert_no_part(text, "\033");
}

static void chosen_views_only(void **state)
{
	(void)state;
	assert_int_equal(report("work.assay --threads --tree=2"), ASSAY_EXIT_OK);
	assert_part(text, "Threads");
	assert_part(text, "Call tree");
	assert_no_part(text, "Hottest");
	assert_no_part(text, "Modules");
}

static void everything(void **state)
{
	(void)state;
	assert_int_equal(report("--all work.assay"), ASSAY_EXIT_OK);
	assert_part(text, "All functions");
	assert_part(text, "Source lines, hottest first");
	assert_part(text, "Call tree");
	assert_part(text, "Threads");
	assert_part(text, "Processes");
	assert_part(text, "Modules");
	assert_part(text, "No sample was lost");
	assert_no_part(text, "left out");
}

static void colour_on_demand(void **state)
{
	(void)state;
	assert_int_equal(report("work.assay --color=always"), ASSAY_EXIT_OK);
	assert_part(text, "\033[1m./work 10\033[0m");
	assert_int_equal(report("work.assay --color=mauve"), ASSAY_EXIT_USAGE);
}

static void json_document(void **state)
{
	static const char *const keys[] = {
		"run", "account", "functions", "lines", "tree", "threads", "processes", "modules", "trust", "next"};
	json_t *document;

	(void)state;
	assert_int_equal(report("work.assay --json --all"), ASSAY_EXIT_OK);
	document = json_loads(text, 0, NULL);
	assert_non_null(document);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_non_null(json_object_get(document, keys[i]));
	assert_int_equal(json_integer_value(json_object_get(document, "format")), 1);
	json_decref(document);
	assert_int_equal(report("work.assay --json --threads"), ASSAY_EXIT_OK);
	document = json_loads(text, 0, NULL);
	assert_int_equal(json_object_size(document), 3);
	assert_int_equal(json_array_size(json_object_get(document, "threads")), 2);
	json_decref(document);
}

static void without_a_name_the_newest(void **state)
{
	const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	(void)state;
	fixture_make("older.assay", "UPDATE run SET value = './older' WHERE key = 'command'");
	assert_int_equal(utimensat(AT_FDCWD, fixture_path("older.assay"), long_ago, 0), 0);
	assert_int_equal(report(""), ASSAY_EXIT_OK);
	assert_line(text, "work.assay is the newest profile in this folder.");
	assert_line(text, "./work 10");
	assert_line(text, "  assay report --tree          the whole call tree");
	unlink(fixture_path("older.assay"));
}

static void no_profile_here(void **state)
{
	(void)state;
	assert_int_equal(mkdir(fixture_path("nothing"), 0700), 0);
	assert_int_equal(chdir(fixture_path("nothing")), 0);
	assert_int_equal(report(""), ASSAY_EXIT_FAILURE);
	assert_part(text, "assay: there is no profile (*.assay) in this folder");
	assert_int_equal(chdir(fixture_folder()), 0);
	rmdir(fixture_path("nothing"));
}

static void mistakes(void **state)
{
	(void)state;
	assert_int_equal(report("missing.assay"), ASSAY_EXIT_FAILURE);
	assert_string_equal(text, "assay: missing.assay cannot be opened: No such file or directory\n");
	assert_int_equal(report("work.assay --tres"), ASSAY_EXIT_USAGE);
	assert_string_equal(text, "assay report: unknown option --tres (did you mean --tree?)\n");
	assert_int_equal(report("work.assay --callers=fil1"), ASSAY_EXIT_FAILURE);
	assert_part(text, "near it: 'fill'");
	assert_int_equal(report("work.assay other.assay"), ASSAY_EXIT_USAGE);
	assert_int_equal(report("work.assay --min=half"), ASSAY_EXIT_USAGE);
	assert_int_equal(report("work.assay --min=101"), ASSAY_EXIT_USAGE);
	assert_int_equal(report("work.assay --limit=0"), ASSAY_EXIT_USAGE);
	assert_int_equal(report("work.assay --limit=99999999999999999999"), ASSAY_EXIT_USAGE);
	assert_int_equal(report("work.assay --width=3"), ASSAY_EXIT_USAGE);
	assert_int_equal(report("work.assay --tree=deep"), ASSAY_EXIT_USAGE);
	assert_int_equal(report("--help"), ASSAY_EXIT_OK);
	assert_part(text, "Usage: assay report [FILE]");
	assert_part(text, "Examples:");
}

static size_t count_files(void)
{
	struct dirent *entry;
	DIR *folder = opendir(".");
	size_t count = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder)))
		count++;
	closedir(folder);
	return count;
}

/* From a folder and a file that may only be read, and even one left in write-ahead mode: nothing is written. */
static void leaves_no_trace(void **state)
{
	const char *path = fixture_make("kept.assay", "PRAGMA journal_mode = WAL");
	struct stat before, after;
	size_t files;

	(void)state;
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(stat(path, &before), 0);
	files = count_files();
	assert_int_equal(chmod(fixture_folder(), 0555), 0);
	assert_int_equal(report("kept.assay --all"), ASSAY_EXIT_OK);
	assert_int_equal(chmod(fixture_folder(), 0755), 0);
	assert_int_equal(count_files(), files);
	assert_int_equal(stat("kept.assay", &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_true(before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
	assert_int_equal(unlink("kept.assay"), 0);
}

static int set_up(void **state)
{
	(void)state;
	unsetenv("COLUMNS");
	fixture_make("work.assay", NULL);
	return chdir(fixture_folder());
}

static int tear_down(void **state)
{
	(void)state;
	free(text);
	if (chdir("/") != 0)
		return -1;
	fixture_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_screen),
		cmocka_unit_test(chosen_views_only),
		cmocka_unit_test(everything),
		cmocka_unit_test(colour_on_demand),
		cmocka_unit_test(json_document),
		cmocka_unit_test(without_a_name_the_newest),
		cmocka_unit_test(no_profile_here),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
