#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "digest.h"
#include "launch.h"
#include "plugins.h"
#include "profile/environment.h"
#include "quote.h"
#include "run_file.h"

enum { OPTION_FORCE = 256, OPTION_CLOCK, OPTION_SPOOL_DIR, OPTION_TIMELINE, OPTION_UNWINDER, OPTION_LIMIT,
	OPTION_NO_REPORT, OPTION_KEEP, OPTION_PLUGINS };
enum { TIMELINE_DEFAULT = 100000 };

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "rate", required_argument, NULL, 'r' },
	{ "clock", required_argument, NULL, OPTION_CLOCK },
	{ "spool-dir", required_argument, NULL, OPTION_SPOOL_DIR },
	{ "timeline", optional_argument, NULL, OPTION_TIMELINE },
	{ "unwinder", required_argument, NULL, OPTION_UNWINDER },
	{ "limit", required_argument, NULL, OPTION_LIMIT },
	{ "plugins", required_argument, NULL, OPTION_PLUGINS },
	{ "no-report", no_argument, NULL, OPTION_NO_REPORT },
	{ "keep-spools", no_argument, NULL, OPTION_KEEP },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct run {
	const char *output; /* as given, or NULL */
	const char *spool_dir, *plugins;
	bool force, report, keep, quiet;
	struct assay_launch launch;
	char *program;
	char *profile; /* where the profile is to go: absolute */
	char *dir;
	char **plugin_paths;
	uint64_t started;
};

/* ---- options ---- */

static bool whole_number(const char *text, long long low, long long high, long long *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	return !errno && end != text && !*end && *value >= low && *value <= high;
}

/* A size with K, M or G behind it, in bytes. */
static bool size(const char *text, long long low, long long high, long long *value)
{
	static const char units[] = "KMG";
	size_t n = strlen(text);
	const char *unit = n ? strchr(units, text[n - 1]) : NULL;
	char *digits = strdup(text);
	bool good;

	if (!digits)
		return false;
	if (unit)
		digits[n - 1] = 0;
	good = whole_number(digits, 1, high, value);
	free(digits);
	if (good && unit)
		*value <<= 10 * (unit - units + 1);
	return good && *value >= low && *value <= high;
}

static bool one_of(const char *option, const char *value, const char *const *names, const char **to)
{
	const char *near = assay_suggest(value, names);

	for (size_t i = 0; names[i]; i++)
		if (strcmp(names[i], value) == 0) {
			*to = names[i];
			return true;
		}
	if (near)
		assay_error("run: %s=%s is not known (did you mean %s?)", option, value, near);
	else
		assay_error("run: %s=%s is not known: it is %s or %s", option, value, names[0], names[1]);
	return false;
}

static bool take_option(struct run *r, int c)
{
	static const char *const clocks[] = { "cpu", "perf", NULL }, *const unwinders[] = { "own", "libunwind", NULL };
	long long n;

	switch (c) {
	case 'o': r->output = optarg; return true;
	case OPTION_FORCE: r->force = true; return true;
	case OPTION_SPOOL_DIR: r->spool_dir = optarg; return true;
	case OPTION_PLUGINS: r->plugins = optarg; return true;
	case OPTION_NO_REPORT: r->report = false; return true;
	case OPTION_KEEP: r->keep = true; return true;
	case 'q': r->quiet = true; r->report = false; return true;
	case OPTION_CLOCK: return one_of("--clock", optarg, clocks, &r->launch.clock);
	case OPTION_UNWINDER: return one_of("--unwinder", optarg, unwinders, &r->launch.unwinder);
	case 'r':
		if (!whole_number(optarg, 1, ASSAY_RATE_MAX, &n)) {
			assay_error("run: --rate=%s: samples per second, 1 to %d", optarg, ASSAY_RATE_MAX);
			return false;
		}
		r->launch.rate = (long)n;
		return true;
	case OPTION_TIMELINE:
		n = TIMELINE_DEFAULT;
		if (optarg && !whole_number(optarg, 1, 1 << 30, &n)) {
			assay_error("run: --timeline=%s: entries kept per thread, at least 1", optarg);
			return false;
		}
		r->launch.timeline = (long)n;
		return true;
	case OPTION_LIMIT:
		if (!size(optarg, ASSAY_LIMIT_MIN, 60ll << 30, &n)) {
			assay_error("run: --limit=%s: a size from 1M to 60G", optarg);
			return false;
		}
		r->launch.limit = n;
		return true;
	default:
		return false;
	}
}

/* ---- checks before anything runs ---- */

/* Whether this user may open the event that --clock=perf samples by. */
static int check_perf(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof attr,
		.config = PERF_COUNT_SW_CPU_CLOCK, .sample_period = 5000000, .disabled = 1, .exclude_kernel = 1,
		.exclude_hv = 1 };
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0) {
		assay_error("run: --clock=perf: the kernel refuses perf_event_open: %s (assay doctor says more); "
			    "--clock=cpu always works", strerror(errno));
		return ASSAY_EXIT_FAILURE;
	}
	close(fd);
	return ASSAY_EXIT_OK;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* Where the profile goes, and whether it can. */
static int choose_profile(struct run *r)
{
	char cwd[PATH_MAX], *name = NULL, *folder, *slash;
	int status = ASSAY_EXIT_OK;
	struct stat st;

	if (!r->output && asprintf(&name, "%s.assay", last_part(r->launch.argv[0])) < 0)
		return ASSAY_EXIT_FAILURE;
	if (!name)
		name = strdup(r->output);
	if (!name)
		return ASSAY_EXIT_FAILURE;
	if (name[0] != '/') {
		char *absolute = NULL;

		if (!getcwd(cwd, sizeof cwd) || asprintf(&absolute, "%s/%s", cwd, name) < 0) {
			assay_error("run: the current folder: %s", strerror(errno));
			free(name);
			return ASSAY_EXIT_FAILURE;
		}
		free(name);
		name = absolute;
	}
	folder = strdup(name);
	slash = folder ? strrchr(folder, '/') : NULL;
	if (slash)
		slash[slash == folder] = 0;
	if (folder && access(folder, W_OK | X_OK) < 0) {
		assay_error("run: the profile cannot be written to %s: %s (-o FILE names another place)", folder,
			strerror(errno));
		status = ASSAY_EXIT_FAILURE;
	} else if (r->output && stat(name, &st) == 0 && S_ISDIR(st.st_mode)) {
		assay_error("run: %s is a folder; -o names the file to write", r->output);
		status = ASSAY_EXIT_FAILURE;
	} else if (r->output && !r->force && access(name, F_OK) == 0) {
		assay_error("run: %s exists already (--force replaces it)", r->output);
		status = ASSAY_EXIT_FAILURE;
	}
	free(folder);
	r->profile = name;
	return status;
}

/* LD_PRELOAD cannot hold a path with a colon or a space: such a one gets a link, NAME, in the run directory. Malloc'ed. */
static char *preloadable(const struct run *r, const char *path, const char *name)
{
	char *link = NULL;

	if (!strpbrk(path, ": \t\n"))
		return strdup(path);
	if (asprintf(&link, "%s/%s", r->dir, name) < 0)
		return NULL;
	if (symlink(path, link) < 0) {
		assay_error("run: %s: its path has a colon or a space, and a link to it could not be made", path);
		free(link);
		return NULL;
	}
	return link;
}

/* The library and the plugins, as they are to stand in LD_PRELOAD. */
static int place_library(struct run *r)
{
	char found[PATH_MAX], *list;
	int error = assay_launch_library(found, sizeof found);

	if (error) {
		assay_error("run: the library libassay.so is not there: %s (install Assay again, or let %s name it)",
			strerror(-error), ASSAY_ENV_LIBRARY);
		return ASSAY_EXIT_FAILURE;
	}
	list = preloadable(r, found, "libassay.so");
	for (char **path = r->plugin_paths; list && path && *path; path++) {
		char *one = preloadable(r, *path, last_part(*path)), *longer = NULL;

		if (!one || asprintf(&longer, "%s:%s", list, one) < 0)
			longer = NULL;
		free(one);
		free(list);
		list = longer;
	}
	r->launch.library = list;
	return list ? ASSAY_EXIT_OK : ASSAY_EXIT_FAILURE;
}

/* ---- the run file ---- */

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void put_cpu_model(const char *dir)
{
	FILE *in = fopen("/proc/cpuinfo", "re");
	char line[256];

	while (in && fgets(line, sizeof line, in)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || !colon)
			continue;
		line[strcspn(line, "\n")] = 0;
		assay_run_file_put(dir, "cpu_model", colon + 2);
		break;
	}
	if (in)
		fclose(in);
}

static int describe(struct run *r)
{
	struct utsname system;
	char cwd[PATH_MAX], *command;
	size_t words = 0;
	int error = assay_run_file_put(r->dir, "assay_version", PACKAGE_VERSION);

	while (r->launch.argv[words])
		words++;
	command = assay_quote_words((const char *const *)r->launch.argv, words);
	uname(&system);
	assay_run_file_put(r->dir, "command", command ? command : "");
	assay_run_file_put(r->dir, "argv0", r->launch.argv[0]);
	if (getcwd(cwd, sizeof cwd))
		assay_run_file_put(r->dir, "cwd", cwd);
	assay_run_file_put(r->dir, "host", system.nodename);
	assay_run_file_put(r->dir, "machine", system.machine);
	assay_run_file_put(r->dir, "kernel", system.release);
	put_cpu_model(r->dir);
	assay_run_file_put_number(r->dir, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
	assay_run_file_put(r->dir, "library", r->launch.library);
	assay_run_file_put(r->dir, "output", r->profile);
	assay_run_file_put_number(r->dir, "output_numbered", !r->output);
	assay_run_file_put_number(r->dir, "rate_hz", r->launch.rate);
	assay_run_file_put(r->dir, "clock", r->launch.clock);
	assay_run_file_put(r->dir, "unwinder", r->launch.unwinder);
	if (r->launch.plugins)
		assay_run_file_put(r->dir, "plugins", r->launch.plugins);
	assay_run_file_put_number(r->dir, "launcher_pid", getpid());
	assay_run_file_put_number(r->dir, "start_realtime_ns", (int64_t)now(CLOCK_REALTIME));
	r->started = now(CLOCK_MONOTONIC);
	error = error ? error : assay_run_file_put_number(r->dir, "start_ns", (int64_t)r->started);
	free(command);
	return error;
}

/* ---- running ---- */

static volatile pid_t child;

/*
 * A signal sent to the launcher is meant for the program. Not passed on is what it has got by itself: what the
 * kernel sends (keys, a hang-up) and what a process of our own group sends go to the whole group. (The rule is
 * sudo's. A signal that another process sends to the whole group still arrives twice: it looks like one to us.)
 */
static void pass_on(int signal, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)context;
	if (child > 0 && info->si_code <= 0 && (info->si_pid == 0 || getpgid(info->si_pid) != getpgrp()))
		kill(child, signal);
	errno = saved;
}

static const int passed_on[] = { SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGQUIT };

static void set_signals(bool running)
{
	struct sigaction action = { .sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigaction none = { .sa_handler = SIG_IGN };

	for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
		sigaction(passed_on[i], running ? &action : &none, NULL);
}

/* Waits for the program's end; while it is stopped, so is the launcher, as the shell expects of a job. */
static int wait_for(pid_t pid, struct rusage *usage)
{
	int status;

	for (;;) {
		if (wait4(pid, &status, WUNTRACED, usage) < 0) {
			if (errno != EINTR)
				return -1;
		} else if (WIFSTOPPED(status)) {
			raise(SIGSTOP);
			kill(pid, SIGCONT);
		} else {
			return status;
		}
	}
}

static int64_t time_of(const struct timeval *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_usec * 1000;
}

static int start_and_wait(struct run *r, int *status)
{
	struct rusage usage = { 0 };
	sigset_t sent, before;
	pid_t pid;

	/* a signal between fork and the note of the pid would have nobody to go to */
	sigfillset(&sent);
	sigprocmask(SIG_BLOCK, &sent, &before);
	r->launch.mask = &before;
	pid = assay_launch_start(&r->launch);
	if (pid < 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		assay_error("%s: cannot be executed: %s", r->launch.argv[0], strerror(-pid));
		return ASSAY_EXIT_NOT_EXECUTABLE;
	}
	child = pid;
	set_signals(true);
	sigprocmask(SIG_SETMASK, &before, NULL);
	assay_run_file_put_number(r->dir, "root_pid", pid);
	*status = wait_for(pid, &usage);
	assay_run_file_put_number(r->dir, "kernel_cpu_ns", time_of(&usage.ru_utime) + time_of(&usage.ru_stime));
	assay_run_file_put_number(r->dir, "wait_status", *status);
	assay_run_file_put_number(r->dir, "end_ns", (int64_t)now(CLOCK_MONOTONIC));
	set_signals(false);
	child = 0;
	return ASSAY_EXIT_OK;
}

/* The report goes to standard error: the program's standard output is its own. */
static void show(const char *profile)
{
	char *argv[] = { (char *)"report", (char *)profile, NULL };

	fflush(stdout);
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return;
	optind = 0;
	assay_cmd_report.run(2, argv);
	fflush(stdout);
}

static void digest(struct run *r)
{
	struct assay_digest_options o = { .dir = r->dir, .force = r->force };
	char *written = NULL;
	int result = assay_digest(&o, &written);

	if (result < 0) {
		assay_error("what was measured is kept: assay digest %s -o FILE", r->dir);
		return;
	}
	if (r->keep || result == ASSAY_DIGEST_PARTLY)
		fprintf(stderr, "assay: the spools are kept in %s\n", r->dir);
	else
		assay_run_dir_remove(r->dir);
	if (r->report)
		show(written);
	else if (!r->quiet)
		fprintf(stderr, "assay: wrote %s\n", written);
	free(written);
}

/* Ends as the program ended. */
static int end_like(int status)
{
	struct rlimit none = { 0, 0 };

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &none); /* one core dump is enough */
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

static int prepare(struct run *r)
{
	int status = assay_launch_check(r->launch.argv[0], &r->program), error;
	char *plugins = NULL;

	if (status == ASSAY_EXIT_OK && strcmp(r->launch.clock, "perf") == 0)
		status = check_perf();
	if (status == ASSAY_EXIT_OK && (error = assay_plugins_choose(r->plugins, &plugins, &r->plugin_paths)) < 0)
		status = error == -EINVAL ? ASSAY_EXIT_USAGE : ASSAY_EXIT_FAILURE;
	r->launch.plugins = plugins;
	if (status == ASSAY_EXIT_OK)
		status = choose_profile(r);
	if (status != ASSAY_EXIT_OK)
		return status;
	r->launch.path = r->program;
	error = assay_run_dir_make(r->spool_dir, &r->dir);
	if (error) {
		assay_error("run: no directory for the spools can be made in %s: %s (--spool-dir=DIR names another)",
			r->spool_dir ? r->spool_dir : assay_run_dir_parent(), strerror(-error));
		return ASSAY_EXIT_FAILURE;
	}
	r->launch.run = r->dir;
	status = place_library(r);
	if (status == ASSAY_EXIT_OK && (error = describe(r)) != 0) {
		assay_error("run: %s: %s", r->dir, strerror(-error));
		status = ASSAY_EXIT_FAILURE;
	}
	return status;
}

static void release(struct run *r)
{
	free(r->program);
	free(r->profile);
	free(r->dir);
	free((char *)r->launch.library);
	free((char *)r->launch.plugins);
	free(r->plugin_paths);
}

static int run(int argc, char **argv)
{
	struct run r = { .report = true, .plugins = "auto", .launch = { .rate = ASSAY_RATE_DEFAULT, .clock = "cpu",
		.unwinder = ASSAY_UNWINDER_DEFAULT, .limit = ASSAY_LIMIT_DEFAULT } };
	int c, status, ended;

	while ((c = assay_getopt(&assay_cmd_run, argc, argv, "+o:r:qh", options)) != -1) {
		if (c == 'h') {
			assay_cmd_help(&assay_cmd_run);
			return ASSAY_EXIT_OK;
		}
		if (!take_option(&r, c))
			return ASSAY_EXIT_USAGE;
	}
	if (optind == argc) {
		assay_error("run: which program? (assay run PROGRAM [ARGUMENT...])");
		return ASSAY_EXIT_USAGE;
	}
	r.launch.argv = argv + optind;
	status = prepare(&r);
	if (status == ASSAY_EXIT_OK)
		status = start_and_wait(&r, &ended);
	if (status != ASSAY_EXIT_OK) {
		if (r.dir)
			assay_run_dir_remove(r.dir);
	} else {
		digest(&r);
	}
	release(&r);
	return status == ASSAY_EXIT_OK ? end_like(ended) : status;
}

const struct assay_cmd assay_cmd_run = {
	.name = "run",
	.summary = "run a program and say where its time went",
	.usage = "[OPTION...] PROGRAM [ARGUMENT...]",
	.help = "Runs PROGRAM as it is, measures it and everything it starts, and when it ends prints a report on standard\n"
		"error and leaves a profile. Output and exit status are the program's own.\n"
		"\n"
		"  -o, --output FILE     write the profile to FILE (default: PROGRAM.assay in the current folder, numbered)\n"
		"      --force           replace FILE if it exists\n"
		"  -r, --rate HZ         samples per second of each thread's CPU time, 1 to 10000 (default 200)\n"
		"      --clock cpu|perf  sample by POSIX CPU timers (default) or by perf_event_open\n"
		"      --plugins LIST    auto (default), none, or names: NAME[:OPTION=VALUE...],... ('assay plugins' lists them)\n"
		"      --timeline[=N]    keep the order of samples too, up to N a thread (default 100000)\n"
		"      --unwinder own|libunwind  who walks the stacks (default own)\n"
		"      --spool-dir DIR   measure into a directory made in DIR (default: memory, else a local disk)\n"
		"      --limit SIZE      bytes that one process may fill while measuring (default 256M)\n"
		"      --keep-spools     do not remove what was measured once the profile is made\n"
		"      --no-report       only write the profile\n"
		"  -q, --quiet           the same, and say nothing of it\n"
		"  -h, --help            this help\n"
		"\n"
		"Examples:\n"
		"  assay run ./solve input.dat\n"
		"  assay run -o before.assay --rate=1000 python3 script.py\n"
		"  assay run make -j2\n",
	.run = run,
};
