/* test_plugins.c: which plugins are found, what is wrong with one, and what --plugins= makes of them. */
#include "viewer/plugins.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "profile/environment.h"

/* Their names begin with u_, for the machine may have plugins of its own. */
static const char source[] = "#include <assay/plugin.h>\n"
	"#include <stddef.h>\n"
	"#define PLUGIN_(name) ASSAY_PLUGIN(name)\n"
	"#define PLUGIN(name) PLUGIN_(name)\n"
	"static const char *probe(const struct assay_host *h) { return h || !NO ? NULL : \"not on this machine\"; }\n"
	"static const struct assay_plugin_option options[] = { { \"greet\", \"off\", \"a word\" },\n"
	"	{ \"great\", \"off\", \"another\" }, { NULL, NULL, NULL } };\n"
	"PLUGIN(NAME) = { .abi = ASSAY_PLUGIN_ABI + NEWER, .size = SIZE, .name = \"u\", .summary = \"made from \" __FILE__,\n"
	"	.flags = FLAGS, .options = options, .probe = probe };\n";

static char folder[128];

/* A shell command in the test's folder. */
__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
{
	char command[2048], whole[2400];
	va_list args;

	va_start(args, format);
	assert_true(vsnprintf(command, sizeof command, format, args) < (int)sizeof command);
	va_end(args);
	snprintf(whole, sizeof whole, "cd '%s' && { %s; } >&2", folder, command);
	if (system(whole) != 0)
		fail_msg("%s", whole);
}

/* FOLDER/u_NAME.so, with the flags behind those that hold otherwise. */
static void make_plugin(const char *where, const char *name, const char *flags)
{
	shell("${CC:-cc} -shared -fPIC -I\"$top_srcdir/include\" -DNAME=u_%s -DNO=0 -DNEWER=0 -DFLAGS=0 "
	      "-DSIZE='sizeof(struct assay_plugin)' %s -o '%s/u_%s.so' source.c", name, flags, where, name);
}

/* The folders are searched once, and from here: some by paths that are relative. */
static void search(void)
{
	struct assay_plugin_found *found;
	char before[4096], path[400];
	size_t count;

	snprintf(path, sizeof path, "/nowhere::%s/first:first/../second place:on,demand", folder);
	setenv(ASSAY_ENV_PLUGIN_PATH, path, 1);
	assert_non_null(getcwd(before, sizeof before));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(assay_plugins_find(&found, &count), 0);
	assert_int_equal(chdir(before), 0);
	unsetenv(ASSAY_ENV_PLUGIN_PATH);
}

static int setup(void **state)
{
	FILE *out;

	(void)state;
	snprintf(folder, sizeof folder, "%s", fixture_folder());
	out = fopen(fixture_path("source.c"), "w");
	assert_non_null(out);
	assert_true(fputs(source, out) >= 0);
	assert_int_equal(fclose(out), 0);
	shell("mkdir first 'second place' on,demand");
	make_plugin("first", "named", "");
	make_plugin("first", "usual", "-UFLAGS -DFLAGS=ASSAY_PLUGIN_AUTO");
	make_plugin("first", "usual_elsewhere", "-UFLAGS -DFLAGS=ASSAY_PLUGIN_AUTO -UNO -DNO=1");
	make_plugin("first", "demanded", "-UFLAGS -DFLAGS='ASSAY_PLUGIN_AUTO | ASSAY_PLUGIN_ON_DEMAND'");
	make_plugin("first", "newer", "-UNEWER -DNEWER=1 -UFLAGS -DFLAGS=ASSAY_PLUGIN_AUTO");
	make_plugin("first", "smaller", "-USIZE -DSIZE=8");
	make_plugin("first", "larger", "-USIZE -DSIZE='sizeof(struct assay_plugin) + 8'");
	make_plugin("second place", "second", "");
	make_plugin("on,demand", "comma", "-UFLAGS -DFLAGS=ASSAY_PLUGIN_ON_DEMAND");
	shell("cp first/u_named.so 'second place'; cp first/u_named.so first/u_renamed.so; echo text >first/u_text.so; "
	      "touch first/.so first/u_not first/u_so; ln -s u_named.so.1 first/u_dangling.so; mkdir first/u_folder.so");
	search();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_end();
	return 0;
}

static const struct assay_plugin_found *found_of(const struct assay_plugin_found *found, size_t count, const char *name)
{
	const struct assay_plugin_found *one = NULL;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(found[i].name, name) != 0)
			continue;
		assert_null(one); /* but once */
		one = &found[i];
	}
	return one;
}

/* ---- finding ---- */

static void what_is_found(void **state)
{
	static const char *const good[] = { "u_named", "u_usual", "u_usual_elsewhere", "u_demanded", "u_larger", "u_second",
		"u_comma" };
	static const char *const none[] = { "", "u_not", "u_so", "u_dangling" };
	struct assay_plugin_found *found;
	size_t count;

	(void)state;
	assert_int_equal(assay_plugins_find(&found, &count), 0);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		const struct assay_plugin_found *f = found_of(found, count, good[i]);

		if (!f || !f->is)
			fail_msg("%s: %s", good[i], f ? f->why : "not found");
		assert_null(f->why);
		assert_int_equal(f->path[0], '/');
	}
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		assert_null(found_of(found, count, none[i]));
	for (size_t i = 1; i < count; i++)
		assert_true(strcmp(found[i - 1].name, found[i].name) < 0);
	/* of one that is in two folders, the first; and each by the path that it really has */
	assert_part(found_of(found, count, "u_named")->path, "/first/u_named.so");
	assert_part(found_of(found, count, "u_second")->path, "/second place/u_second.so");
	assert_no_part(found_of(found, count, "u_second")->path, "..");
}

static void what_is_wrong(void **state)
{
	static const struct { const char *name, *why; } wrong[] = {
		{ "u_newer", "it was built for another version of Assay" },
		{ "u_smaller", "it was built for another version of Assay" },
		{ "u_renamed", "it is no plugin: it does not export assay_plugin_NAME" },
		{ "u_text", "file too short" },
		{ "u_folder", "cannot read file data: Is a directory" },
	};
	struct assay_plugin_found *found;
	size_t count;

	(void)state;
	assert_int_equal(assay_plugins_find(&found, &count), 0);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		const struct assay_plugin_found *f = found_of(found, count, wrong[i].name);

		assert_non_null(f);
		assert_null(f->is);
		assert_string_equal(f->why, wrong[i].why);
	}
}

/* ---- choosing ---- */

/*
 * What a list chooses: `words` with PATH where the path of one on demand stands, and the last parts of the paths to
 * preload, each followed by a space. Of the machine's own plugins nothing is shown.
 */
static void assert_chosen(const char *wanted_list, const char *wanted_words, const char *wanted_paths)
{
	char **paths, *words, *said, shown[1024] = "", preloaded[1024] = "", *save = NULL;
	int error;

	fixture_catch();
	error = assay_plugins_choose(wanted_list, &words, &paths);
	said = fixture_caught();
	if (error)
		fail_msg("%s: %d: %s", wanted_list, error, said);
	for (char *w = words ? strtok_r(words, ",", &save) : NULL; w; w = strtok_r(NULL, ",", &save)) {
		char *colon = strchr(w, ':'), *at = memchr(w, '@', colon ? (size_t)(colon - w) : strlen(w));

		if (strncmp(w, "u_", 2) != 0)
			continue;
		if (at)
			*at = 0;
		strcat(strcat(shown, *shown ? "," : ""), w);
		if (at)
			strcat(strcat(shown, "@"), colon ? colon : "");
	}
	for (char **p = paths; *p; p++) {
		const char *last = strrchr(*p, '/');

		assert_non_null(last);
		if (strncmp(last, "/u_", 3) == 0)
			strcat(strcat(preloaded, last + 1), " ");
	}
	assert_string_equal(shown, wanted_words);
	assert_string_equal(preloaded, wanted_paths);
	free(words);
	free(paths);
	free(said);
}

static void assert_refused(const char *wanted_list, const char *wanted)
{
	char **paths, *words, *said;
	int error;

	fixture_catch();
	error = assay_plugins_choose(wanted_list, &words, &paths);
	said = fixture_caught();
	if (error != -EINVAL)
		fail_msg("%s: %d: %s", wanted_list, error, said);
	assert_string_equal(said, wanted);
	assert_null(words);
	assert_null(paths);
	free(said);
}

static void none_at_all(void **state)
{
	char **paths, *words;

	(void)state;
	assert_int_equal(assay_plugins_choose("none", &words, &paths), 0);
	assert_null(words);
	assert_null(paths[0]);
	free(paths);
	assert_int_equal(assay_plugins_choose("", &words, &paths), 0);
	assert_null(words);
	assert_null(paths[0]);
	free(paths);
}

static void by_name(void **state)
{
	(void)state;
	assert_chosen("u_named", "u_named", "u_named.so ");
	assert_chosen("u_second,u_named", "u_second,u_named", "u_second.so u_named.so ");
	assert_chosen("u_named:greet=on:threshold=1ms,u_larger", "u_named:greet=on:threshold=1ms,u_larger",
		"u_named.so u_larger.so ");
	assert_chosen("u_named:greet=", "u_named:greet=", "u_named.so ");
	assert_chosen("u_named:greet=a=b@c", "u_named:greet=a=b@c", "u_named.so ");
	assert_chosen(",u_named,,", "u_named", "u_named.so ");
	/* named, it is asked for in the process, whatever it says of this machine */
	assert_chosen("u_usual_elsewhere", "u_usual_elsewhere", "u_usual_elsewhere.so ");
}

static void the_usual_ones(void **state)
{
	(void)state;
	assert_chosen("auto", "u_demanded@,u_usual", "u_usual.so ");
	assert_chosen("auto,u_named", "u_demanded@,u_usual,u_named", "u_usual.so u_named.so ");
	assert_chosen("u_named,auto", "u_named,u_demanded@,u_usual", "u_named.so u_usual.so ");
}

/* Named twice, or by auto and by name: it is there once, and has the options that were given. */
static void options_of_one_that_is_there(void **state)
{
	(void)state;
	assert_chosen("auto,u_usual:greet=on", "u_demanded@,u_usual:greet=on", "u_usual.so ");
	assert_chosen("u_usual:greet=on,auto", "u_usual:greet=on,u_demanded@", "u_usual.so ");
	assert_chosen("auto,u_demanded:greet=on", "u_demanded@:greet=on,u_usual", "u_usual.so ");
	assert_chosen("u_named:greet=a,u_named:great=b,u_named", "u_named:great=b", "u_named.so ");
}

/* What a list is made of may not be in a path that it tells. */
static void a_path_with_a_comma(void **state)
{
	char **paths, *words;

	(void)state;
	assert_int_equal(assay_plugins_choose("u_comma:greet=on", &words, &paths), 0);
	assert_part(words, "u_comma@/");
	assert_part(words, "/on%2cdemand/u_comma.so:greet=on");
	assert_null(paths[0]);
	free(words);
	free(paths);
}

static void those_that_cannot_be_used(void **state)
{
	char **paths, *words, *said;

	(void)state;
	assert_chosen("u_newer,u_named", "u_newer,u_named", "u_named.so ");
	fixture_catch();
	assert_int_equal(assay_plugins_choose("u_newer:greet=on", &words, &paths), 0);
	said = fixture_caught();
	assert_string_equal(words, "u_newer");
	assert_null(paths[0]);
	assert_part(said, "assay: plugin u_newer is left out: /");
	assert_part(said, "/first/u_newer.so: it was built for another version of Assay\n");
	assert_int_equal(strcspn(said, "\n"), strlen(said) - 1);
	free(words);
	free(paths);
	free(said);
}

static void refused(void **state)
{
	static char wanted[6000];

	(void)state;
	assert_refused("u_namde", "assay: run: there is no plugin 'u_namde' (did you mean 'u_named'?)\n");
	assert_refused("u_named,elephantine", "assay: run: there is no plugin 'elephantine' ('assay plugins' lists them)\n");
	assert_refused(":greet=on", "assay: run: there is no plugin '' ('assay plugins' lists them)\n");
	assert_refused("u_name", "assay: run: there is no plugin 'u_name' (did you mean 'u_named'?)\n");
	assert_refused("u_named:gret=on", "assay: run: plugin u_named has no option 'gret' (did you mean 'greet'?)\n");
	assert_refused("u_named:thresold=1ms",
		"assay: run: plugin u_named has no option 'thresold' (did you mean 'threshold'?)\n");
	assert_refused("u_named:x=1", "assay: run: plugin u_named has no option 'x' ('assay plugins' lists them)\n");
	assert_refused("u_named:greet", "assay: run: plugin u_named: option greet wants a value: greet=VALUE\n");
	assert_refused("u_named:greet=on:great", "assay: run: plugin u_named: option great wants a value: great=VALUE\n");
	assert_refused("u_named:=on", "assay: run: plugin u_named has no option '' ('assay plugins' lists them)\n");
	assert_refused("none,u_named", "assay: run: --plugins=none stands alone\n");
	assert_refused("auto:greet=on",
		"assay: run: --plugins=auto takes no options; a plugin's own do: auto,NAME:OPTION=VALUE\n");
	snprintf(wanted, sizeof wanted, "u_named:greet=%05000d", 0);
	assert_refused(wanted,
		"assay: run: --plugins: too many, or too long: 16 plugins and 4095 characters at most\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_found),
		cmocka_unit_test(what_is_wrong),
		cmocka_unit_test(none_at_all),
		cmocka_unit_test(by_name),
		cmocka_unit_test(the_usual_ones),
		cmocka_unit_test(options_of_one_that_is_there),
		cmocka_unit_test(a_path_with_a_comma),
		cmocka_unit_test(those_that_cannot_be_used),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
