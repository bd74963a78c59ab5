/* cmd_plugins.c: `assay plugins`: which there are, what each measures, and whether it is for this machine. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "plugins.h"

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void print(const struct assay_plugin_found *f)
{
	const struct assay_plugin_option *o = f->is ? f->is->options : NULL;
	const struct assay_plugin_metric *m = f->is ? f->is->metrics : NULL;
	const char *why = f->is && f->is->probe ? f->is->probe(NULL) : NULL;

	if (!f->is) {
		printf("%s: cannot be used: %s\n  %s\n", f->name, f->why ? f->why : "no reason is known", f->path);
		return;
	}
	printf("%s: %s\n", f->name, f->is->summary);
	if (why)
		printf("  does not apply here: %s\n", why);
	else
		printf("  applies here%s\n", f->is->flags & ASSAY_PLUGIN_AUTO ? "; part of --plugins=auto" : ", if it is named");
	for (; m && m->name; m++)
		printf("  measures  %s (%s): %s\n", m->name, m->unit, m->help);
	for (; o && o->name; o++)
		printf("  option    %s (%s): %s\n", o->name, o->standard, o->help);
	printf("  file      %s\n", f->path);
}

static int run(int argc, char **argv)
{
	struct assay_plugin_found *found;
	size_t count;
	int c;

	while ((c = assay_getopt(&assay_cmd_plugins, argc, argv, "h", options)) != -1) {
		if (c != 'h')
			return ASSAY_EXIT_USAGE;
		assay_cmd_help(&assay_cmd_plugins);
		return ASSAY_EXIT_OK;
	}
	if (optind < argc) {
		assay_error("plugins: takes no argument");
		return ASSAY_EXIT_USAGE;
	}
	if (assay_plugins_find(&found, &count) < 0) {
		assay_error("plugins: %s", strerror(ENOMEM));
		return ASSAY_EXIT_FAILURE;
	}
	for (size_t i = 0; i < count; i++) {
		if (i)
			putchar('\n');
		print(&found[i]);
	}
	if (!count)
		puts("There are no plugins.");
	return ASSAY_EXIT_OK;
}

const struct assay_cmd assay_cmd_plugins = {
	.name = "plugins",
	.summary = "the plugins that there are, and what each measures",
	.usage = "[OPTION...]",
	.help = "Lists every plugin with what it measures, its options, and whether it is for this machine. Plugins are looked\n"
		"for in the folders of ASSAY_PLUGIN_PATH, separated by colons, and in that of this command.\n"
		"\n"
		"  -h, --help            this help\n"
		"\n"
		"Examples:\n"
		"  assay plugins\n"
		"  assay run --plugins=none ./program              sampling alone\n"
		"  assay run --plugins=auto,null:greet=on ./program\n",
	.run = run,
};
