/* cmd_report.c: `assay report`: opens a profile and shows the chosen views of it, as text or as JSON. */
#include "cmd.h"
#include "view.h"

#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the order in which they are shown. */
enum {
	SHOW_RUN,
	SHOW_ACCOUNT,
	SHOW_FUNCTIONS,
	SHOW_LINES,
	SHOW_TEAMS,
	SHOW_WAITS,
	SHOW_METRICS,
	SHOW_TREE,
	SHOW_CALLERS,
	SHOW_THREADS,
	SHOW_PROCESSES,
	SHOW_MODULES,
	SHOW_TRUST,
	SHOW_NEXT,
	VIEWS,
};

static const struct assay_view *const views[VIEWS] = {
	[SHOW_RUN] = &assay_view_run,
	[SHOW_ACCOUNT] = &assay_view_account,
	[SHOW_FUNCTIONS] = &assay_view_functions,
	[SHOW_LINES] = &assay_view_lines,
	[SHOW_TEAMS] = &assay_view_teams,
	[SHOW_WAITS] = &assay_view_waits,
	[SHOW_METRICS] = &assay_view_metrics,
	[SHOW_TREE] = &assay_view_tree,
	[SHOW_CALLERS] = &assay_view_callers,
	[SHOW_THREADS] = &assay_view_threads,
	[SHOW_PROCESSES] = &assay_view_processes,
	[SHOW_MODULES] = &assay_view_modules,
	[SHOW_TRUST] = &assay_view_trust,
	[SHOW_NEXT] = &assay_view_next,
};

enum {
	OPTION_HELP = 'h',
	/* A view's option is OPTION_VIEW plus its place above. */
	OPTION_VIEW = 256,
	OPTION_ALL = OPTION_VIEW + VIEWS,
	OPTION_JSON,
	OPTION_MIN,
	OPTION_LIMIT,
	OPTION_WIDTH,
	OPTION_COLOUR,
};

static const struct option options[] = {
	{"account", no_argument, NULL, OPTION_VIEW + SHOW_ACCOUNT},
	{"all", no_argument, NULL, OPTION_ALL},
	{"callers", required_argument, NULL, OPTION_VIEW + SHOW_CALLERS},
	{"color", required_argument, NULL, OPTION_COLOUR},
	{"functions", no_argument, NULL, OPTION_VIEW + SHOW_FUNCTIONS},
	{"help", no_argument, NULL, OPTION_HELP},
	{"json", no_argument, NULL, OPTION_JSON},
	{"limit", required_argument, NULL, OPTION_LIMIT},
	{"lines", optional_argument, NULL, OPTION_VIEW + SHOW_LINES},
	{"losses", no_argument, NULL, OPTION_VIEW + SHOW_TRUST},
	{"metrics", no_argument, NULL, OPTION_VIEW + SHOW_METRICS},
	{"min", required_argument, NULL, OPTION_MIN},
	{"modules", no_argument, NULL, OPTION_VIEW + SHOW_MODULES},
	{"parallel", no_argument, NULL, OPTION_VIEW + SHOW_TEAMS},
	{"processes", no_argument, NULL, OPTION_VIEW + SHOW_PROCESSES},
	{"threads", no_argument, NULL, OPTION_VIEW + SHOW_THREADS},
	{"tree", optional_argument, NULL, OPTION_VIEW + SHOW_TREE},
	{"waits", no_argument, NULL, OPTION_VIEW + SHOW_WAITS},
	{"width", required_argument, NULL, OPTION_WIDTH},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"FILE is a profile that 'assay run' or 'assay digest' made; without it, the newest\n"
	"*.assay of the current folder. Without a view, the first screen is shown: the account\n"
	"of the threads' time, the hottest functions and lines, and how far to trust them.\n"
	"\n"
	"Views:\n"
	"  --account       where the threads' time went: computing, waiting for a core, waiting\n"
	"  --functions     all functions, by the time spent in them\n"
	"  --lines[=FN]    all source lines; with FN, those of one function in order\n"
	"  --parallel      parallel regions: load imbalance, and what is outside of them\n"
	"  --waits         what threads waited for, where, and who held them up\n"
	"  --metrics       what else plugins measured, a table a metric\n"
	"  --tree[=DEPTH]  the call tree, down to DEPTH levels\n"
	"  --callers=FN    who calls FN, with its time split by call path; part of a name will do\n"
	"  --threads       every thread: CPU time, waiting for a core, other waiting\n"
	"  --processes     every process\n"
	"  --modules       executables and libraries\n"
	"  --losses        samples lost, and all else that limits trust\n"
	"  --all           everything\n"
	"\n"
	"How:\n"
	"  --json          the tables of the chosen views as one JSON document, nothing shortened\n"
	"  --min=PERCENT   leave out what has less of the CPU time (tree and callers: 1)\n"
	"  --limit=N       show at most N rows of a table\n"
	"  --width=N       columns, in place of the terminal's\n"
	"  --color=WHEN    auto (on a terminal, unless NO_COLOR is set), always or never\n"
	"  --help          this text\n"
	"\n"
	"Examples:\n"
	"  assay report                                the newest profile here\n"
	"  assay report matmul.assay --tree --min=5    its call tree, without what is below 5 %\n"
	"  assay report matmul.assay --callers=malloc  who spends time in malloc\n"
	"  assay report matmul.assay --json | jq '.functions[0]'\n";

struct request {
	struct assay_view_options view;
	bool chosen[VIEWS];
	bool json;
	enum assay_term_colour colour;
	int width;
	const char *file;
	bool newest; /* the file was not named */
};

static int usage_error(const char *option, const char *value, const char *wants)
{
	assay_error("--%s=%s: %s", option, value, wants);
	return ASSAY_EXIT_USAGE;
}

static bool whole_number(const char *text, long least, long most, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *number >= least && *number <= most;
}

static int take_view(struct request *r, int view, const char *value)
{
	long depth;

	r->chosen[view] = true;
	if (view == SHOW_CALLERS)
		r->view.callers = value;
	if (view == SHOW_LINES)
		r->view.lines_of = value;
	if (view == SHOW_TREE && value) {
		if (!whole_number(value, 1, 1000000, &depth))
			return usage_error("tree", value, "DEPTH is a number from 1 on");
		r->view.depth = (int)depth;
	}
	return 0;
}

static int take_colour(struct request *r, const char *value)
{
	static const char *const names[] = {"auto", "always", "never"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(value, names[i]) == 0) {
			r->colour = (enum assay_term_colour)i;
			return 0;
		}
	}
	return usage_error("color", value, "it is auto, always or never");
}

static int take_min(struct request *r, const char *value)
{
	char *end;

	r->view.min = strtod(value, &end);
	if (end == value || (*end && strcmp(end, "%") != 0) || !(r->view.min >= 0 && r->view.min <= 100))
		return usage_error("min", value, "PERCENT is a number from 0 to 100");
	return 0;
}

static int take_option(struct request *r, int option, const char *value)
{
	long number;

	switch (option) {
	case OPTION_ALL:
		r->view.whole = true;
		for (int i = 0; i < VIEWS; i++)
			r->chosen[i] |= i != SHOW_CALLERS;
		return 0;
	case OPTION_JSON:
		r->json = true;
		return 0;
	case OPTION_MIN:
		return take_min(r, value);
	case OPTION_LIMIT:
		if (!whole_number(value, 1, 1000000000, &number))
			return usage_error("limit", value, "N is a number from 1 on");
		r->view.limit = number;
		return 0;
	case OPTION_WIDTH:
		if (!whole_number(value, ASSAY_TERM_WIDTH_MIN, ASSAY_TERM_WIDTH_MAX, &number))
			return usage_error("width", value, "N is a number from 40 to 10000");
		r->width = (int)number;
		return 0;
	case OPTION_COLOUR:
		return take_colour(r, value);
	case '?':
		return ASSAY_EXIT_USAGE;
	default:
		return take_view(r, option - OPTION_VIEW, value);
	}
}

/* -1: go on. Otherwise the exit status. */
static int parse(struct request *r, int argc, char **argv)
{
	int option, status;

	optind = 0; /* getopt starts anew: `assay run` may have used it before */
	while ((option = assay_getopt(&assay_cmd_report, argc, argv, "h", options)) != -1) {
		if (option == OPTION_HELP) {
			assay_cmd_help(&assay_cmd_report);
			return ASSAY_EXIT_OK;
		}
		status = take_option(r, option, optarg);
		if (status)
			return status;
	}
	if (argc - optind > 1) {
		assay_error("one profile at a time, please: what is %s?", argv[optind + 1]);
		return ASSAY_EXIT_USAGE;
	}
	r->file = argv[optind];
	if (r->view.whole && isnan(r->view.min))
		r->view.min = 0;
	for (int i = 0; i < VIEWS; i++) {
		if (r->chosen[i])
			return -1;
	}
	r->view.brief = true;
	r->chosen[SHOW_RUN] = r->chosen[SHOW_ACCOUNT] = r->chosen[SHOW_FUNCTIONS] = r->chosen[SHOW_LINES] = true;
	r->chosen[SHOW_TEAMS] = r->chosen[SHOW_WAITS] = r->chosen[SHOW_METRICS] = r->chosen[SHOW_TRUST] = r->chosen[SHOW_NEXT] = true;
	return -1;
}

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* The newest *.assay of the current folder, malloc'ed, or NULL. */
static char *newest_profile(void)
{
	static const char suffix[] = ".assay";
	struct timespec newest = {0};
	struct dirent *entry;
	char *name = NULL;
	DIR *folder = opendir(".");

	while (folder && (entry = readdir(folder))) {
		size_t length = strlen(entry->d_name);
		struct stat status;
		char *copy;

		if (length < sizeof(suffix) || strcmp(entry->d_name + length - strlen(suffix), suffix) != 0)
			continue;
		if (stat(entry->d_name, &status) != 0 || !S_ISREG(status.st_mode))
			continue;
		if (name && !is_newer(&status.st_mtim, &newest))
			continue;
		copy = strdup(entry->d_name);
		if (!copy)
			continue;
		free(name);
		name = copy;
		newest = status.st_mtim;
	}
	if (folder)
		closedir(folder);
	return name;
}

/* As a user here would type it: without the current folder. */
static const char *short_path(assay_pool *pool, const char *path)
{
	char folder[PATH_MAX];
	size_t length;

	if (path[0] != '/' || !getcwd(folder, sizeof(folder)))
		return path;
	length = strlen(folder);
	if (length > 1 && strncmp(path, folder, length) == 0 && path[length] == '/')
		return assay_pool_copy(pool, path + length + 1);
	return path;
}

static int show_text(const struct request *r, const struct assay_view_context *c)
{
	int rc = 0;

	if (r->newest)
		fprintf(c->out, "%s%s is the newest profile in this folder.%s\n\n",
			assay_term_style(&c->term, ASSAY_STYLE_DIM), assay_view_text(c, r->file),
			assay_term_style(&c->term, ASSAY_STYLE_NONE));
	for (int i = 0; i < VIEWS && rc == 0; i++) {
		if (r->chosen[i])
			rc = views[i]->print(c);
	}
	return rc;
}

static int write_json(const char *text, size_t size, void *out)
{
	return fwrite(text, 1, size, out) == size ? 0 : -1;
}

static int show_json(const struct request *r, const struct assay_view_context *c)
{
	json_t *document = json_pack("{s:i, s:o}", "format", 1, "profile", assay_json_text(c->pool, r->file));
	int rc = document ? 0 : -ENOMEM;

	for (int i = 0; i < VIEWS && rc == 0; i++) {
		if (r->chosen[i])
			rc = views[i]->json(c, document);
	}
	/* Only ASCII, for a terminal would obey some characters beyond it. A failed write is main's to report. */
	if (rc == 0 && json_dump_callback(document, write_json, c->out,
			       JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12)) == 0)
		fputc('\n', c->out);
	json_decref(document);
	return rc;
}

static int show(struct request *r)
{
	struct assay_view_context c = {.out = stdout, .options = r->view};
	assay_query *query;
	int rc = assay_query_open(r->file, &query);

	assay_term_detect(&c.term, STDOUT_FILENO, r->colour, r->width);
	c.options.file = r->newest ? NULL : short_path(assay_query_pool(query), r->file);
	if (rc == 0)
		rc = assay_view_prepare(&c, query);
	if (rc == 0)
		rc = r->json ? show_json(r, &c) : show_text(r, &c);
	if (rc == -ENOMEM)
		assay_error("out of memory");
	else if (rc && rc != -ECANCELED)
		assay_error("%s", assay_query_error(query));
	assay_query_close(query);
	return rc ? ASSAY_EXIT_FAILURE : ASSAY_EXIT_OK;
}

static int run(int argc, char **argv)
{
	struct request request = {.view = {.min = NAN}};
	char *found = NULL;
	int status = parse(&request, argc, argv);

	if (status >= 0)
		return status;
	if (!request.file) {
		found = newest_profile();
		request.file = found;
		request.newest = true;
	}
	if (!request.file) {
		assay_error(
			"there is no profile (*.assay) in this folder: name one, or make one with 'assay run PROGRAM'");
		return ASSAY_EXIT_FAILURE;
	}
	status = show(&request);
	free(found);
	return status;
}

const struct assay_cmd assay_cmd_report = {
	.name = "report",
	.summary = "Show where the time of a measured program went",
	.usage = "[FILE] [VIEW ...] [OPTION ...]",
	.help = help,
	.run = run,
};
