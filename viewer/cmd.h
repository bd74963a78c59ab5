/*
 * cmd.h: the subcommands of `assay`. One cmd_NAME.c each, ending in one const struct assay_cmd.
 *
 * A command returns the exit status of the process: 0, or one of the ASSAY_EXIT_ values, or (run
 * only) that of the program it ran. Errors go through assay_error, one line each.
 */
#ifndef ASSAY_VIEWER_CMD_H
#define ASSAY_VIEWER_CMD_H

enum assay_exit {
	ASSAY_EXIT_OK = 0,
	ASSAY_EXIT_FAILURE = 1,       /* it could not be done: unreadable profile, no space, ... */
	ASSAY_EXIT_USAGE = 2,         /* unknown option or subcommand, missing argument */
	ASSAY_EXIT_NOT_EXECUTABLE = 126,
	ASSAY_EXIT_NOT_FOUND = 127,
};

struct assay_cmd {
	const char *name;
	const char *summary; /* one line for `assay --help` */
	const char *usage;   /* what follows "assay NAME" */
	const char *help;    /* options and examples, for `assay NAME --help` */
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name */
};

extern const struct assay_cmd assay_cmd_run;
extern const struct assay_cmd assay_cmd_report;
extern const struct assay_cmd assay_cmd_digest;
extern const struct assay_cmd assay_cmd_doctor;
extern const struct assay_cmd assay_cmd_plugins;

/* Prints "assay: MESSAGE" and a newline to standard error; control characters are made inert. */
void assay_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints "Usage: assay NAME USAGE", the summary and the help to standard output. */
void assay_cmd_help(const struct assay_cmd *cmd);

struct option;
/*
 * getopt_long for a subcommand, with our errors: an unknown option is reported in one line with the
 * nearest known one ("assay report: unknown option --tre (did you mean --tree?)"), an option without
 * its argument likewise. Returns as getopt_long does; '?' after such a report: return ASSAY_EXIT_USAGE.
 * short_options as for getopt ("+" first to stop at the first operand).
 */
int assay_getopt(const struct assay_cmd *cmd, int argc, char **argv, const char *short_options,
                 const struct option *long_options);

/*
 * The name in the NULL-ended list that is nearest to `word` (edit distance), or NULL when none is near
 * enough to be meant.
 */
const char *assay_suggest(const char *word, const char *const *names);

#endif
