/* test_view.c: the views of the first screen, and threads, processes and modules: their lines and their JSON. */
#include "viewer/view.h"

#include "fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fixture_look look;

/* The text of one view, ASCII, at this width, of the fixture changed by `sql`. */
static const char *show(const struct assay_view *view, int width, bool brief, const char *sql)
{
	fixture_close(&look);
	fixture_open(&look, fixture_make("work.assay", sql), width, false);
	look.c.options.brief = brief;
	return fixture_print(&look, view);
}

static double number(json_t *row, const char *key)
{
	json_t *value = json_object_get(row, key);

	if (!json_is_number(value))
		fail_msg("no number %s", key);
	return json_number_value(value);
}

static void near(double value, double wanted)
{
	if (!(fabs(value - wanted) < 1e-3))
		fail_msg("%g is not %g", value, wanted);
}

static json_t *row_of(json_t *rows, const char *key, const char *name)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *text = json_string_value(json_object_get(row, key));

		if (text && strcmp(text, name) == 0)
			return row;
	}
	fail_msg("no row with %s %s", key, name);
	return NULL;
}

static void the_run(void **state)
{
	const char *text = show(&assay_view_run, 200, true, NULL);

	(void)state;
	assert_line(text, "./work 10");
	assert_line(text, "Ran 1.50 s, on lab7 (Abacus 9, 4 cores).");
	assert_part(text, "Measured by 198 samples: 200 for each second of CPU time that a thread uses");
	assert_part(text, "Assay's own cost: 3.00 ms, 0.3 %");
	assert_no_part(text, "ended");
	assert_no_part(text, "killed");
}

static void how_it_ended(void **state)
{
	(void)state;
	assert_line(show(&assay_view_run, 100, true, "UPDATE run SET value = 3 WHERE key = 'exit_status'"),
		"It ended with exit status 3.");
	assert_line(show(&assay_view_run, 100, true, "INSERT INTO run VALUES ('exit_signal', 9)"),
		"It was killed by signal 9 (Killed).");
}

static void a_run_of_which_little_is_known(void **state)
{
	const char *text = show(&assay_view_run, 100, true, "DELETE FROM run");

	(void)state;
	assert_line(text, "(the command is not known)");
	assert_line(text, "Ran.");
	assert_part(text, "Measured by 198 samples.");
}

static void the_account(void **state)
{
	const char *text = show(&assay_view_account, 60, true, NULL);
	json_t *document, *account;

	(void)state;
	/* 56 columns: half of them, a tenth, four tenths. */
	assert_line(text, "  ############################======::::::::::::::::::::::");
	assert_line(text, "  # computing (CPU)          1.00 s   50.0 %");
	assert_line(text, "  = waiting for a core       200 ms   10.0 %");
	assert_line(text, "  : waiting, not located     800 ms   40.0 %");
	assert_no_part(text, "remainder");
	assert_part(text, "2 threads lived 2.00 thread-seconds: 50 % computing,");
	assert_line(text, "  On average it kept 0.7 of the machine's 4 cores busy.");
	document = fixture_json(&look, &assay_view_account);
	account = json_object_get(document, "account");
	near(number(account, "wall_s"), 2);
	near(number(account, "cpu_s"), 1);
	near(number(account, "cpu_percent"), 50);
	near(number(account, "core_wait_s"), 0.2);
	near(number(account, "unlocated_wait_percent"), 40);
	near(number(account, "remainder_s"), 0);
	json_decref(document);
}

static void a_remainder_is_shown_as_it_is(void **state)
{
	(void)state;
	assert_line(show(&assay_view_account, 80, true, "UPDATE thread SET wait_ns = wait_ns - 50000000 WHERE id = 1"),
		"  ? remainder               50.0 ms    2.5 %");
	assert_line(show(&assay_view_account, 80, true, "UPDATE thread SET wait_ns = wait_ns + 50000000 WHERE id = 1"),
		"  ? remainder              -50.0 ms   -2.5 %");
}

static void functions(void **state)
{
	const char *text = show(&assay_view_functions, 80, true, NULL);

	(void)state;
	assert_line(text, "  excl. %   +-     time  incl. %  function                         defined in");
	assert_line(text, "     50.0  6.9   500 ms     50.0  fill                             src/work.c:18");
	assert_line(text, "     30.0  6.3   300 ms     40.0  fib                              src/work.c:10");
	assert_line(text, "      2.0  2.3  20.0 ms      2.0  libx.so+0x1000                   libx.so");
	assert_line(text, "      1.0       10.0 ms      1.0  [start-up: exec and dynamic l..");
	assert_no_part(text, " main ");
	assert_line(text, "  7 of 8 shown; --functions shows all");
	text = show(&assay_view_functions, 200, false, NULL);
	assert_line(text, "      5.0  3.2  50.0 ms      7.0  ns::Grid<double>::step(int)          src/work.c:28");
	assert_line(text, "      0.0           0 s     99.0  main                                 src/work.c:38");
	text = show(&assay_view_functions, 60, true, NULL);
	assert_line(text, "     50.0  6.9     50.0  fill                  src/work.c:18");
	assert_line(text, "      5.0  3.2      7.0  ns::Grid<..>::step    src/work.c:28");
}

static void functions_as_json(void **state)
{
	json_t *document, *rows, *row;

	(void)state;
	show(&assay_view_functions, 60, true, NULL);
	document = fixture_json(&look, &assay_view_functions);
	rows = json_object_get(document, "functions");
	assert_int_equal(json_array_size(rows), 8);
	row = json_array_get(rows, 0);
	assert_string_equal(json_string_value(json_object_get(row, "function")), "fill");
	near(number(row, "exclusive_percent"), 50);
	near(number(row, "exclusive_error"), 6.8949);
	near(number(row, "exclusive_s"), 0.5);
	assert_int_equal(number(row, "samples"), 100);
	assert_string_equal(json_string_value(json_object_get(row, "file")), "/home/ada/work/src/work.c");
	row = row_of(rows, "function", "fib");
	near(number(row, "exclusive_percent"), 30);
	near(number(row, "exclusive_error"), 6.3415);
	near(number(row, "inclusive_percent"), 40);
	row = row_of(rows, "function", "memcpy");
	near(number(row, "exclusive_error"), 2.3124);
	row = row_of(rows, "function", "[start-up: exec and dynamic loader]");
	assert_true(json_is_null(json_object_get(row, "exclusive_error")));
	assert_int_equal(number(row, "samples"), 0);
	json_decref(document);
}

static void min_and_limit(void **state)
{
	const char *text;

	(void)state;
	show(&assay_view_functions, 80, false, NULL);
	look.c.options.limit = 2;
	text = fixture_print(&look, &assay_view_functions);
	assert_part(text, "fib");
	assert_no_part(text, "add");
	assert_line(text, "  2 of 8 shown; see --min and --limit");
	look.c.options.limit = 0;
	look.c.options.min = 10;
	text = fixture_print(&look, &assay_view_functions);
	assert_part(text, "add");
	assert_part(text, "main"); /* by its inclusive time */
	assert_no_part(text, "memcpy");
}

static void lines(void **state)
{
	const char *text = show(&assay_view_lines, 80, true, NULL);
	json_t *document, *row;

	(void)state;
	assert_line(text, "     %   +-     time  line           source");
	assert_line(text, "  50.0  6.9   500 ms  src/work.c:20  memset(p, 0, n);");
	assert_line(text, "  30.0  6.3   300 ms  src/work.c:12  return add(fib(n - 1), fib(n - 2));");
	assert_line(text, "   5.0  3.2  50.0 ms  src/work.c:30");
	assert_part(text, "  5.0 % of the CPU time is in code without line information, most of it in");
	document = fixture_json(&look, &assay_view_lines);
	row = json_array_get(json_object_get(document, "lines"), 1);
	assert_int_equal(number(row, "line"), 12);
	near(number(row, "inclusive_percent"), 40);
	assert_string_equal(json_string_value(json_object_get(row, "function")), "fib");
	assert_string_equal(json_string_value(json_object_get(row, "text")), "\treturn add(fib(n - 1), fib(n - 2));");
	json_decref(document);
}

static void lines_of_one_function(void **state)
{
	const char *text;

	(void)state;
	show(&assay_view_lines, 80, false,
		"UPDATE node SET function = 6, line = 12 WHERE id = 8; UPDATE source SET text = '  ' || text");
	look.c.options.lines_of = "fill";
	text = fixture_print(&look, &assay_view_lines);
	/* In the order of the source, the indentation that they have in common gone. */
	assert_part(text,
		"src/work.c:12  return add(fib(n - 1), fib(n - 2));\n  50.0  6.9   500 ms  src/work.c:20  memset");
	assert_no_part(text, "src/work.c:5 ");
}

static void no_lines_says_what_to_do(void **state)
{
	const char *text = show(&assay_view_lines, 200, true,
		"UPDATE node SET file = NULL, line = NULL; UPDATE module SET symbols = 'functions' WHERE id = 1");

	(void)state;
	assert_part(text, "None: work has no debug information, so only its functions are known.");
	assert_part(text, "-g");
	assert_part(text, "-dbgsym");
}

static void trust(void **state)
{
	const char *text = show(&assay_view_trust, 1000, true, NULL);

	(void)state;
	assert_part(text, "With 198 samples, a share of 50 % is known to +-6.9.");
	assert_part(text, "2.0 % of the CPU time is in code of libx.so whose functions have no names (file is gone)");
	assert_no_part(text, "kernel");
	assert_no_part(text, "dropped");
	assert_no_part(text, "work ");
	assert_part(show(&assay_view_trust, 1000, false, NULL), "No sample was lost");
}

static void trust_tells_losses(void **state)
{
	const char *text = show(&assay_view_trust, 1000, true,
		"INSERT INTO loss VALUES (1, 1, 'dropped', 'busy', 4), (1, 2, 'dropped', 'busy', 2), (1, 1, "
		"'truncated', 'no rule', 20),"
		" (1, NULL, 'failed', 'threads without a record', 3);"
		"UPDATE run SET value = 1250000000 WHERE key = 'kernel_cpu_ns';"
		"UPDATE thread SET unread_ns = 100000000, unsampled_ns = 30000000 WHERE id = 1;"
		"UPDATE process SET ended = 'unseen', note = 'the disk was full'");
	json_t *document, *t;

	(void)state;
	assert_part(text, "6 samples were dropped (3.0 % of all; busy)");
	assert_part(text, "20 samples have an incomplete call path (10.1 % of all; no rule)");
	assert_part(text, "Could not be followed, and is missing here: 3 (threads without a record).");
	assert_part(text, "The kernel counted 250 ms of CPU time more for the run than its threads' accounts have "
			  "(20.0 % of its 1.25 s)");
	assert_part(text, "100 ms of the waiting (5.0 % of all thread-seconds) is of threads too short");
	assert_part(text, "30.0 ms of CPU time (3.0 %) was used after a thread's last sample");
	assert_part(text, "Process 100 (work): the disk was full.");
	assert_part(text, "The end of 1 process was not seen");
	document = fixture_json(&look, &assay_view_trust);
	t = json_object_get(document, "trust");
	near(number(t, "unseen_cpu_s"), 0.25);
	near(number(row_of(json_object_get(t, "losses"), "kind", "dropped"), "count"), 6);
	near(number(row_of(json_object_get(t, "unnamed"), "module", "libx.so"), "unnamed_percent"), 2);
	json_decref(document);
}

static void no_samples(void **state)
{
	static const char none[] =
		"DELETE FROM value WHERE count > 0; UPDATE thread SET samples = 0, sampled_ns = 0, cpu_ns = startup_ns;"
		"DELETE FROM total WHERE node > 2; UPDATE total SET exclusive_count = 0, exclusive_sumsq = 0, "
		"inclusive = 10000000,"
		" inclusive_count = 0, inclusive_sumsq = 0";

	(void)state;
	assert_part(show(&assay_view_trust, 1000, true, none),
		"There are no samples: the program used too little CPU time.");
	assert_line(show(&assay_view_functions, 100, true, none),
		"    100.0  10.0 ms    100.0  [start-up: exec and dynamic loader]");
	assert_no_part(show(&assay_view_next, 100, true, none), "--callers");
	assert_part(show(&assay_view_next, 100, true, none), "--threads");
}

static void next_steps_fit_the_profile(void **state)
{
	const char *text;

	(void)state;
	show(&assay_view_next, 80, true, NULL);
	look.c.options.file = "my work.assay";
	text = fixture_print(&look, &assay_view_next);
	assert_line(text, "  assay report 'my work.assay' --lines=fill    its hot lines");
	assert_line(text, "  assay report 'my work.assay' --callers=fill  who calls it");
	/* A name that its last part says, and no file where it need not be named. */
	text = show(&assay_view_next, 80, true, "UPDATE total SET exclusive = 9000000000 WHERE node = 8");
	assert_line(text, "  assay report --lines=step    its hot lines");
	/* Unless another function ends like it. */
	text = show(&assay_view_next, 80, true,
		"UPDATE total SET exclusive = 9000000000 WHERE node = 8; UPDATE function SET name = 'other::step()' "
		"WHERE id = 9");
	assert_line(text, "  assay report --lines=ns::Grid::step    its hot lines");
}

/* A region of two threads, of which one works thrice as long; in it a wait for a lock, which another function holds. */
static const char team_and_lock[] =
	"INSERT INTO metric VALUES (2, 'w', 'ns', 'wait', 'counted', ''), (3, 'b', 'ns', 'blame', 'counted', ''),"
	" (4, 't', 'ns', 'team time', 'counted', ''), (5, 'k', 'ns', 'team work', 'counted', ''),"
	" (6, 'l', 'ns', 'team longest', 'counted', '');"
	"UPDATE function SET name = 'solve (work.c:20)' WHERE id = 7; UPDATE function SET name = 'queue_lock' WHERE id = 8;"
	"UPDATE node SET kind = 'omp parallel' WHERE id = 8; UPDATE node SET kind = 'mutex' WHERE id IN (9, 10);"
	"UPDATE node SET function = 8, parent = 7 WHERE id = 10;"
	"UPDATE thread SET located_ns = 300000000, wait_ns = wait_ns - 300000000, spin_ns = 100000000 WHERE id = 1;"
	"INSERT INTO value VALUES (8, 1, 4, 2, 1000000000, 0), (8, 1, 5, 2, 900000000, 0), (8, 2, 5, 2, 300000000, 0),"
	" (8, 1, 6, 2, 900000000, 0), (9, 2, 2, 5, 400000000, 0), (10, 1, 3, 4, 350000000, 0);"
	"INSERT INTO total SELECT node, metric, sum(sum), sum(count), 0, sum(sum), sum(count), 0 FROM value WHERE metric > 1"
	" GROUP BY node, metric;";

static void located_waits(void **state)
{
	const char *text = show(&assay_view_account, 80, true, team_and_lock);
	json_t *document, *account, *row;

	(void)state;
	assert_line(text, "  # computing (CPU)          900 ms   45.0 %");
	assert_line(text, "  % waiting, spinning        100 ms    5.0 %");
	assert_line(text, "  . waiting, located         300 ms   15.0 %");
	assert_line(text, "  : waiting, not located     500 ms   25.0 %");
	document = fixture_json(&look, &assay_view_account);
	account = json_object_get(document, "account");
	near(number(account, "cpu_s"), 1);
	near(number(account, "computing_s"), 0.9);
	near(number(account, "spin_s"), 0.1);
	near(number(account, "located_wait_s"), 0.3);
	json_decref(document);
	text = show(&assay_view_waits, 100, true, team_and_lock);
	assert_line(text, "  waited     %  times     each  for a  which       in");
	assert_line(text, "  400 ms  20.0      5  80.0 ms  mutex  queue_lock  solve (work.c:20), in main");
	assert_part(text, "400 ms in 5 times. By kind: mutex 400 ms.");
	assert_line(text, "  held up  times  by a   which       thread  held in        others wait most in");
	assert_line(text, "   350 ms      4  mutex  queue_lock  work    fill, in main  solve (work.c:20), in main");
	document = fixture_json(&look, &assay_view_waits);
	row = row_of(json_object_get(json_object_get(document, "waits"), "waits"), "what", "queue_lock");
	near(number(row, "waited_s"), 0.4);
	json_decref(document);
	assert_string_equal(show(&assay_view_waits, 80, true, NULL), "");
}

static void parallel_regions(void **state)
{
	const char *text = show(&assay_view_teams, 110, true, team_and_lock);
	char sql[sizeof team_and_lock + 100];
	json_t *document, *teams, *row;

	(void)state;
	assert_line(text, "  Outside parallel regions: 500 ms of 1.50 s (33 %).");
	assert_part(text, "One thread alone would take about 1.70 s.");
	assert_part(text, "is at most 3.4 times as");
	assert_part(text, "3.0 times as fast as it is now");
	assert_line(text, "    time  times  threads  imbalance %  would save  waited  region");
	assert_line(text, "  1.00 s      2        2         50.0      300 ms  400 ms  solve (work.c:20)");
	document = fixture_json(&look, &assay_view_teams);
	teams = json_object_get(document, "parallel");
	near(number(teams, "outside_s"), 0.5);
	near(number(teams, "amdahl_ceiling"), 3.4);
	near(number(teams, "ceiling_now"), 3);
	row = row_of(json_object_get(teams, "regions"), "region", "solve (work.c:20)");
	near(number(row, "imbalance_percent"), 50);
	near(number(row, "team"), 2);
	json_decref(document);
	/* one in it, opened by another thread of the team, is no reason not to */
	snprintf(sql, sizeof sql, "%s INSERT INTO value VALUES (9, 2, 4, 1, 100, 0);", team_and_lock);
	assert_part(show(&assay_view_teams, 110, true, sql), "Outside parallel regions: 500 ms");
	/* opened by two threads of one process: what is outside of both is not known */
	snprintf(sql, sizeof sql, "%s INSERT INTO value VALUES (8, 2, 4, 1, 100, 0);", team_and_lock);
	text = show(&assay_view_teams, 110, true, sql);
	assert_part(text, "Several threads open parallel regions");
	assert_string_equal(show(&assay_view_teams, 80, true, NULL), "");
}

static void threads(void **state)
{
	const char *text = show(&assay_view_threads, 100, false, NULL);
	json_t *document, *row;

	(void)state;
	assert_line(text, "  tid  program  thread   lived     CPU     %  core wait  waits  other wait  samples  starts in");
	assert_line(text, "  100  work     work    1.50 s  900 ms  90.0     150 ms    0 s      450 ms      178  main");
	assert_line(text, "  101  work     helper  500 ms  100 ms  10.0    50.0 ms    0 s      350 ms       20  fill");
	document = fixture_json(&look, &assay_view_threads);
	row = row_of(json_object_get(document, "threads"), "name", "helper");
	near(number(row, "cpu_s"), 0.1);
	near(number(row, "core_wait_s"), 0.05);
	near(number(row, "wait_s"), 0.35);
	assert_int_equal(number(row, "threads"), 1);
	json_decref(document);
	assert_part(
		show(&assay_view_threads, 100, false, "UPDATE thread SET threads = 20000 WHERE id = 2"), " 20,000 ");
}

static void processes(void **state)
{
	const char *text = show(&assay_view_processes, 100, false,
		"INSERT INTO process VALUES (2, 1, 102, 'lab7', NULL, NULL, NULL, 'sh', '/bin/sh', 'sh -c true', 500000000, "
		"1000000, 0, 'signal', 15, NULL)");
	json_t *document, *row;

	(void)state;
	assert_part(text, "  100  work     ");
	assert_part(text, "exit 0");
	assert_part(text, "signal 15");
	assert_part(text, "sh -c true");
	document = fixture_json(&look, &assay_view_processes);
	row = row_of(json_object_get(document, "processes"), "name", "sh");
	assert_int_equal(number(row, "parent"), 1);
	assert_int_equal(number(row, "status"), 15);
	near(number(row, "start_s"), 0.5);
	json_decref(document);
}

static void modules(void **state)
{
	const char *text = show(&assay_view_modules, 100, false, NULL);
	json_t *document, *row;

	(void)state;
	assert_part(text, "     95.0  3.2   950 ms     99.0  work       functions and lines");
	assert_part(text, "      2.0  2.3  20.0 ms      2.0  libx.so    nothing              file is gone");
	document = fixture_json(&look, &assay_view_modules);
	row = row_of(json_object_get(document, "modules"), "module", "libc.so.6");
	assert_string_equal(json_string_value(json_object_get(row, "symbols")), "exports");
	assert_string_equal(json_string_value(json_object_get(row, "path")), "/lib/libc.so.6");
	json_decref(document);
}

/* Escapes in whatever a program can choose, in every view: none comes through, in text or in JSON. */
static void foreign_text_is_inert(void **state)
{
	static const char sql[] =
		"UPDATE run SET value = value || char(27) || '[2J' WHERE typeof(value) = 'text';"
		"UPDATE process SET name = char(27) || 'c', command = 'a' || char(10) || char(155), note = char(7);"
		"UPDATE module SET name = name || char(27), path = char(27), note = char(8), build_id = char(27), "
		"symbols = 'none';"
		"UPDATE file SET path = path || char(13, 27); UPDATE source SET text = text || char(27, 10);"
		"UPDATE function SET name = name || char(27, 7, 127, 133) || x'ff'; UPDATE thread SET name = char(27) "
		"|| ']0;x';"
		"INSERT INTO loss VALUES (1, 1, 'dropped', char(27), 50)";
	static const struct assay_view *const views[] = {&assay_view_run, &assay_view_account, &assay_view_functions,
		&assay_view_lines, &assay_view_tree, &assay_view_threads, &assay_view_processes, &assay_view_modules,
		&assay_view_trust, &assay_view_next};

	(void)state;
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		json_t *document;
		char *dumped;

		for (const char *c = show(views[i], 300, false, sql); *c; c++)
			assert_true(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
		document = fixture_json(&look, views[i]);
		dumped = json_dumps(document, JSON_ENSURE_ASCII);
		assert_non_null(dumped);
		for (const char *c = dumped; *c; c++)
			assert_in_range(*c, 0x20, 0x7f);
		free(dumped);
		json_decref(document);
	}
}

/* No line is longer than the terminal is wide, commands to copy aside. */
static void lines_keep_to_the_width(void **state)
{
	static const struct assay_view *const views[] = {&assay_view_run, &assay_view_account, &assay_view_functions,
		&assay_view_lines, &assay_view_tree, &assay_view_threads, &assay_view_processes, &assay_view_modules,
		&assay_view_trust};
	static const int widths[] = {60, 80, 200};
	static const char long_names[] =
		"UPDATE run SET value = printf('%0200d', 7) WHERE key = 'command';"
		"UPDATE function SET name = 'very_long_' || replace(printf('%0200d', 7), '0', 'n') || name WHERE id > "
		"3;"
		"UPDATE module SET note = replace(printf('%060d', 7), '0', 'why ') WHERE id = 2;"
		"UPDATE file SET path = '/very' || replace(printf('%050d', 7), '0', '/long') || path;"
		"UPDATE process SET command = replace(printf('%0100d', 7), '0', 'x '), note = 'n'";

	(void)state;
	for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++) {
		for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
			char *text = strdup(show(views[i], widths[w], true, long_names)), *rest = text, *line;

			while ((line = strsep(&rest, "\n"))) {
				if (strlen(line) > (size_t)widths[w])
					fail_msg("%s at width %d: %s", views[i]->name, widths[w], line);
			}
			free(text);
		}
	}
}

static int set_up(void **state)
{
	(void)state;
	fixture_open(&look, fixture_make("work.assay", NULL), 80, false);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_close(&look);
	fixture_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_run),
		cmocka_unit_test(how_it_ended),
		cmocka_unit_test(a_run_of_which_little_is_known),
		cmocka_unit_test(the_account),
		cmocka_unit_test(a_remainder_is_shown_as_it_is),
		cmocka_unit_test(functions),
		cmocka_unit_test(functions_as_json),
		cmocka_unit_test(min_and_limit),
		cmocka_unit_test(lines),
		cmocka_unit_test(lines_of_one_function),
		cmocka_unit_test(no_lines_says_what_to_do),
		cmocka_unit_test(trust),
		cmocka_unit_test(trust_tells_losses),
		cmocka_unit_test(no_samples),
		cmocka_unit_test(next_steps_fit_the_profile),
		cmocka_unit_test(located_waits),
		cmocka_unit_test(parallel_regions),
		cmocka_unit_test(threads),
		cmocka_unit_test(processes),
		cmocka_unit_test(modules),
		cmocka_unit_test(foreign_text_is_inert),
		cmocka_unit_test(lines_keep_to_the_width),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
