/* main.c: the `assay` command: finds the subcommand and turns what it returns into an exit status. */
#include "cmd.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

static const struct assay_cmd *const commands[] = {
	&assay_cmd_run,
	&assay_cmd_report,
	&assay_cmd_digest,
	&assay_cmd_doctor,
	&assay_cmd_plugins,
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static const char examples[] =
	"Examples:\n"
	"  assay run ./program arg ...   measure a program; the result is shown and kept in program.assay\n"
	"  assay report program.assay    show it again\n"
	"  assay report --tree           the newest profile in this folder, as a call tree\n"
	"  assay doctor                  what works on this machine, and what to do about the rest\n";

static const struct assay_cmd *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

static void list_commands(FILE *out)
{
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
}

static void print_help(void)
{
	printf("Usage: assay COMMAND ...\n\n"
	       "Assay says where a program's time goes. It needs no change to the program.\n\n"
	       "Commands:\n");
	list_commands(stdout);
	printf("\n%s\n"
	       "'assay help COMMAND' explains one command; 'assay --version' names this version.\n",
		examples);
}

static int unknown_command(const char *name)
{
	const char *names[COMMANDS + 1];
	const char *near;

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i]->name;
	names[COMMANDS] = NULL;
	near = assay_suggest(name, names);
	if (near)
		assay_error("unknown command '%s' (did you mean '%s'?)", name, near);
	else
		assay_error(
			"unknown command '%s' (see 'assay --help'; to measure a program: assay run %s)", name, name);
	return ASSAY_EXIT_USAGE;
}

static int help_command(int argc, char **argv)
{
	const struct assay_cmd *cmd;

	if (argc < 3) {
		print_help();
		return ASSAY_EXIT_OK;
	}
	cmd = find_command(argv[2]);
	if (!cmd)
		return unknown_command(argv[2]);
	assay_cmd_help(cmd);
	return ASSAY_EXIT_OK;
}

static int run_command(int argc, char **argv)
{
	const struct assay_cmd *cmd;

	if (argc < 2) {
		fprintf(stderr, "Usage: assay COMMAND ...   ('assay --help' says more)\n");
		list_commands(stderr);
		return ASSAY_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help();
		return ASSAY_EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("assay %s\n", PACKAGE_VERSION);
		return ASSAY_EXIT_OK;
	}
	if (strcmp(argv[1], "help") == 0)
		return help_command(argc, argv);
	cmd = find_command(argv[1]);
	if (!cmd && argv[1][0] == '-') {
		assay_error("unknown option %s (see 'assay --help')", argv[1]);
		return ASSAY_EXIT_USAGE;
	}
	return cmd ? cmd->run(argc - 1, argv + 1) : unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
	int status;

	/* Characters as the user's terminal has them; numbers as everybody's scripts expect them. */
	setlocale(LC_CTYPE, "");
	status = run_command(argc, argv);
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	/* A reader that has seen enough (a pager, head) is no error worth words. */
	if (errno != EPIPE)
		assay_error("cannot write the output: %s", errno ? strerror(errno) : "some of it was refused");
	return status ? status : ASSAY_EXIT_FAILURE;
}
