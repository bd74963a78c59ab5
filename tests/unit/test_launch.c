/* test_launch.c: which programs can be run under Assay, found as a shell finds them; and how they are started. */
#include "viewer/launch.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "viewer/cmd.h"

static char folder[128], before[4096];
static char *search; /* PATH as it was */

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "%s", fixture_folder());
	search = strdup(getenv("PATH"));
	return getcwd(before, sizeof before) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	setenv("PATH", search, 1);
	free(search);
	unsetenv("ASSAY_LIBRARY");
	unsetenv("LD_PRELOAD");
	if (chdir(before) < 0)
		return -1;
	fixture_end();
	return 0;
}

static const char *in_folder(const char *name)
{
	static char path[2][300];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
	return path[turn];
}

static void put(const char *name, const void *bytes, size_t size, mode_t mode)
{
	int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void put_text(const char *name, const char *text, mode_t mode)
{
	put(name, text, strlen(text), mode);
}

/* The check's answer; where it is no, `words` are in its one line, and no path is given. */
static void assert_check(const char *name, int status, const char *words)
{
	char *path, *said;
	int got;

	fixture_catch();
	got = assay_launch_check(name, &path);
	said = fixture_caught();
	if (got != status)
		fail_msg("%s: %d, not %d: %s", name, got, status, said);
	if (status == ASSAY_EXIT_OK) {
		assert_string_equal(said, "");
		assert_non_null(path);
		free(path);
	} else {
		assert_null(path);
		assert_part(said, words);
		assert_int_equal(strcspn(said, "\n"), strlen(said) - 1);
	}
	free(said);
}

static void assert_found(const char *name, const char *wanted)
{
	char *path;

	assert_int_equal(assay_launch_check(name, &path), ASSAY_EXIT_OK);
	assert_string_equal(path, wanted);
	free(path);
}

/* ---- finding ---- */

static void along_the_path(void **state)
{
	char list[700];

	(void)state;
	mkdir(in_folder("a"), 0700);
	mkdir(in_folder("b"), 0700);
	mkdir(in_folder("a/tool"), 0700); /* a folder of that name is passed by */
	put_text("a/plain", "#!/bin/sh\n", 0600);
	put_text("b/plain", "#!/bin/sh\n", 0700);
	put_text("b/tool", "#!/bin/sh\n", 0700);
	put_text("b/blocked", "#!/bin/sh\n", 0600);
	snprintf(list, sizeof list, "/nowhere:%s/a:%s/b", folder, folder);
	setenv("PATH", list, 1);
	assert_found("plain", in_folder("b/plain"));
	assert_found("tool", in_folder("b/tool"));
	assert_check("blocked", ASSAY_EXIT_NOT_EXECUTABLE, "Permission denied");
	assert_check("none", ASSAY_EXIT_NOT_FOUND, "none: no such program");
	assert_check("", ASSAY_EXIT_NOT_FOUND, "no such program");
	/* a name with a slash is not looked for */
	assert_int_equal(chdir(folder), 0);
	assert_found("b/tool", "b/tool");
	assert_check("./tool", ASSAY_EXIT_NOT_FOUND, "./tool: no such program");
	assert_check("b/tool/x", ASSAY_EXIT_NOT_FOUND, "no such program");
	assert_check(in_folder("b"), ASSAY_EXIT_NOT_EXECUTABLE, "Is a directory");
}

/* An empty part of PATH is the current folder: first, last, in the middle, and all there is. */
static void empty_parts_of_the_path(void **state)
{
	static const char *const lists[] = { "", ":/nowhere", "/nowhere:", "/nowhere::/nowhere", ":" };

	(void)state;
	put_text("tool", "#!/bin/sh\n", 0700);
	assert_int_equal(chdir(folder), 0);
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		setenv("PATH", lists[i], 1);
		assert_found("tool", "./tool");
	}
	setenv("PATH", "/nowhere", 1);
	assert_check("tool", ASSAY_EXIT_NOT_FOUND, "no such program");
	unsetenv("PATH");
	assert_check("tool", ASSAY_EXIT_NOT_FOUND, "no such program");
	assert_found("sh", access("/usr/bin/sh", X_OK) == 0 ? "/usr/bin/sh" : "/bin/sh");
}

/* ---- checking ---- */

#if defined __x86_64__
#define HERE EM_X86_64
#elif defined __aarch64__
#define HERE EM_AARCH64
#else
#define HERE EM_NONE
#endif

/* The smallest program there can be: a header, and the interpreter's name or none. */
struct tiny {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	char interpreter[64];
};

static struct tiny tiny(const char *interpreter)
{
	struct tiny t = { .header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = HERE, .e_version = EV_CURRENT, .e_ehsize = sizeof(Elf64_Ehdr),
		.e_phoff = offsetof(struct tiny, segment), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1 } };

	t.segment.p_type = interpreter ? PT_INTERP : PT_LOAD;
	if (interpreter) {
		t.segment.p_offset = offsetof(struct tiny, interpreter);
		t.segment.p_filesz = strlen(interpreter) + 1;
		strcpy(t.interpreter, interpreter);
	}
	return t;
}

static void programs(void **state)
{
	struct tiny t = tiny("/lib64/ld-linux-x86-64.so.2");

	(void)state;
	put("dynamic", &t, sizeof t, 0700);
	assert_check(in_folder("dynamic"), ASSAY_EXIT_OK, NULL);
	t.header.e_ident[EI_CLASS] = ELFCLASS32;
	put("small", &t, sizeof t, 0700);
	assert_check(in_folder("small"), ASSAY_EXIT_NOT_EXECUTABLE, "32-bit");
	t.header.e_ident[EI_CLASS] = ELFCLASS64;
	t.header.e_machine = EM_S390;
	put("other", &t, sizeof t, 0700);
	assert_check(in_folder("other"), ASSAY_EXIT_NOT_EXECUTABLE, "another kind of processor");
	t = tiny("/lib/ld-musl-x86_64.so.1");
	put("musl", &t, sizeof t, 0700);
	assert_check(in_folder("musl"), ASSAY_EXIT_NOT_EXECUTABLE, "musl");
	t = tiny(NULL);
	put("static", &t, sizeof t, 0700);
	assert_check(in_folder("static"), ASSAY_EXIT_NOT_EXECUTABLE, "statically linked");
	t.header.e_phnum = 0;
	put("static", &t, sizeof t, 0700);
	assert_check(in_folder("static"), ASSAY_EXIT_NOT_EXECUTABLE, "statically linked");
	/* damaged headers are not believed, and not followed out of the file */
	t = tiny("/lib64/ld-linux-x86-64.so.2");
	t.header.e_phoff = UINT64_MAX - 8;
	t.header.e_phnum = 0xffff;
	put("damaged", &t, sizeof t, 0700);
	assert_check(in_folder("damaged"), ASSAY_EXIT_NOT_EXECUTABLE, "statically linked");
	t = tiny("/lib64/ld-linux-x86-64.so.2");
	t.segment.p_filesz = UINT64_MAX;
	put("damaged", &t, sizeof t, 0700);
	assert_check(in_folder("damaged"), ASSAY_EXIT_OK, NULL);
	/* what is no whole header the kernel will refuse, or a shell will run */
	put("stub", &t, 20, 0700);
	assert_check(in_folder("stub"), ASSAY_EXIT_OK, NULL);
	put("empty", "", 0, 0700);
	assert_check(in_folder("empty"), ASSAY_EXIT_OK, NULL);
}

static void programs_that_run_as_another_user(void **state)
{
	struct tiny t = tiny("/lib64/ld-linux-x86-64.so.2");

	(void)state;
	put("setuid", &t, sizeof t, 0700);
	/* one's own setuid program changes nothing */
	assert_int_equal(chmod(in_folder("setuid"), 04755), 0);
	assert_check(in_folder("setuid"), ASSAY_EXIT_OK, NULL);
	if (geteuid() != 0) {
		print_message("# not tried: a file of another user needs root\n");
		skip();
	}
	assert_int_equal(chown(in_folder("setuid"), 1, 0), 0);
	assert_int_equal(chmod(in_folder("setuid"), 04755), 0);
	assert_check(in_folder("setuid"), ASSAY_EXIT_NOT_EXECUTABLE, "setuid");
	assert_int_equal(chown(in_folder("setuid"), 0, 1), 0);
	assert_int_equal(chmod(in_folder("setuid"), 02755), 0);
	assert_check(in_folder("setuid"), ASSAY_EXIT_NOT_EXECUTABLE, "setgid");
	assert_int_equal(chmod(in_folder("setuid"), 02745), 0); /* without group execution it is a locking mark */
	assert_check(in_folder("setuid"), ASSAY_EXIT_OK, NULL);
}

/* What runs is the interpreter: through as many scripts as the kernel follows, and a script of no interpreter. */
static void scripts(void **state)
{
	struct tiny t = tiny(NULL);
	char text[512];

	(void)state;
	put("static", &t, sizeof t, 0700);
	put_text("sh", "#!/bin/sh\nexit 0\n", 0700);
	assert_check(in_folder("sh"), ASSAY_EXIT_OK, NULL);
	put_text("spaces", "#!  /bin/sh   -e\nexit 0\n", 0700);
	assert_check(in_folder("spaces"), ASSAY_EXIT_OK, NULL);
	put_text("env", "#!/usr/bin/env sh\n", 0700);
	assert_check(in_folder("env"), ASSAY_EXIT_OK, NULL);
	put_text("bare", "exit 0\n", 0700);
	assert_check(in_folder("bare"), ASSAY_EXIT_OK, NULL);
	put_text("nothing", "#!", 0700);
	assert_check(in_folder("nothing"), ASSAY_EXIT_OK, NULL);
	put_text("blank", "#!   \n", 0700);
	assert_check(in_folder("blank"), ASSAY_EXIT_OK, NULL);
	put_text("gone", "#!/nowhere/sh\n", 0700);
	assert_check(in_folder("gone"), ASSAY_EXIT_OK, NULL);
	snprintf(text, sizeof text, "#!%s/static -x\n", folder);
	put_text("by_static", text, 0700);
	assert_check(in_folder("by_static"), ASSAY_EXIT_NOT_EXECUTABLE, "statically linked");
	snprintf(text, sizeof text, "#!%s/by_static", folder); /* the line need not end */
	put_text("by_script", text, 0700);
	assert_check(in_folder("by_script"), ASSAY_EXIT_NOT_EXECUTABLE, "statically linked");
	/* one that is its own interpreter ends all the same */
	snprintf(text, sizeof text, "#!%s/own\n", folder);
	put_text("own", text, 0700);
	assert_check(in_folder("own"), ASSAY_EXIT_OK, NULL);
}

/* ---- the library ---- */

static void the_library(void **state)
{
	char path[4096], wanted[4096];

	(void)state;
	put_text("lib.so", "x", 0600);
	assert_int_equal(symlink("lib.so", in_folder("link.so")), 0);
	setenv("ASSAY_LIBRARY", in_folder("link.so"), 1);
	assert_int_equal(assay_launch_library(path, sizeof path), 0);
	assert_non_null(realpath(in_folder("lib.so"), wanted));
	assert_string_equal(path, wanted);
	assert_int_equal(assay_launch_library(path, strlen(wanted)), -ENAMETOOLONG);
	assert_int_equal(assay_launch_library(path, strlen(wanted) + 1), 0);
	setenv("ASSAY_LIBRARY", "/nowhere/lib.so", 1);
	assert_int_equal(assay_launch_library(path, sizeof path), -ENOENT);
}

/* ---- starting ---- */

/* Exit status of a program started so, or the negative errno. */
static int run(const char *path, char **argv, const sigset_t *mask)
{
	const struct assay_launch launch = { .path = path, .argv = argv, .library = "libm.so.6", .run = "/tmp/the run",
		.rate = 77, .clock = "perf", .unwinder = "own", .timeline = 5, .limit = 6000000000, .mask = mask };
	pid_t pid = assay_launch_start(&launch);
	int status;

	if (pid < 0)
		return pid;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void started_with_its_environment(void **state)
{
	static const char script[] = "[ \"$ASSAY_RUN\" = '/tmp/the run' ] && [ $ASSAY_RATE = 77 ] && [ $ASSAY_CLOCK = perf ] && "
		"[ $ASSAY_UNWINDER = own ] && [ $ASSAY_TIMELINE = 5 ] && [ $ASSAY_LIMIT = 6000000000 ] && "
		"[ $ASSAY_PRELOAD = libm.so.6 ] && [ $LD_PRELOAD = $0 ] && [ \"$1\" = 'a b' ] && exit 42";
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)script, (char *)"libm.so.6", (char *)"a b", NULL };
	sigset_t mask;

	(void)state;
	sigemptyset(&mask);
	assert_int_equal(run("/bin/sh", argv, &mask), 42);
	/* the user's own preload comes after */
	setenv("LD_PRELOAD", "libdl.so.2", 1);
	argv[3] = (char *)"libm.so.6:libdl.so.2";
	assert_int_equal(run("/bin/sh", argv, &mask), 42);
	/* and this process's own environment is as it was */
	assert_string_equal(getenv("LD_PRELOAD"), "libdl.so.2");
	assert_null(getenv("ASSAY_RUN"));
}

static void started_with_its_signal_mask(void **state)
{
	char *argv[] = { (char *)"grep", (char *)"-q", (char *)"^SigBlk:[[:space:]]*0000000000000200$",
		(char *)"/proc/self/status", NULL };
	sigset_t mask;

	(void)state;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	assert_int_equal(run("/bin/grep", argv, &mask), 0);
	sigemptyset(&mask);
	assert_int_equal(run("/bin/grep", argv, &mask), 1);
}

static void what_cannot_be_executed(void **state)
{
	char *argv[] = { (char *)"x", (char *)"5", NULL };
	sigset_t mask;

	(void)state;
	sigemptyset(&mask);
	assert_int_equal(run("/nowhere/x", argv, &mask), -ENOENT);
	put_text("plain", "exit 1\n", 0600);
	assert_int_equal(run(in_folder("plain"), argv, &mask), -EACCES);
	/* a script without #!: by the shell, with its arguments */
	put_text("bare", "exit $(($1 + 1))\n", 0700);
	assert_int_equal(run(in_folder("bare"), argv, &mask), 6);
	/* no zombie is left of those that failed */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(along_the_path),
		TEST(empty_parts_of_the_path),
		TEST(programs),
		TEST(programs_that_run_as_another_user),
		TEST(scripts),
		TEST(the_library),
		TEST(started_with_its_environment),
		TEST(started_with_its_signal_mask),
		TEST(what_cannot_be_executed),
	};

	return cmocka_run_group_tests_name("launch", tests, NULL, NULL);
}
