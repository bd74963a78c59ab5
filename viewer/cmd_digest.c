#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "digest.h"
#include "run_file.h"

enum { OPTION_FORCE = 256, OPTION_KEEP };

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "keep-spools", no_argument, NULL, OPTION_KEEP },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Without DIR: what earlier runs left behind. */
static int list_runs(void)
{
	char **dirs = assay_run_dir_list();
	int n = 0;

	for (; dirs && dirs[n]; n++) {
		struct assay_run_file run;
		const char *command = NULL;

		if (assay_run_file_open(dirs[n], &run) == 0)
			command = assay_run_file_get(&run, "command");
		printf("%s  %s\n", dirs[n], command ? command : "(no run file)");
		assay_run_file_close(&run);
		free(dirs[n]);
	}
	free(dirs);
	if (!n)
		printf("No run is left to digest in %s.\n", assay_run_dir_parent());
	else
		printf("Make a profile of one with: assay digest DIR [-o FILE]\n");
	return ASSAY_EXIT_OK;
}

/* Whether the run still goes on: its launcher lives and has not seen the end. */
static bool goes_on(const char *dir)
{
	struct assay_run_file run;
	long long launcher = 0;

	if (assay_run_file_open(dir, &run) == 0 && !assay_run_file_get(&run, "end_ns"))
		launcher = assay_run_file_number(&run, "launcher_pid", 0);
	assay_run_file_close(&run);
	return launcher > 0 && kill((pid_t)launcher, 0) == 0;
}

static int run(int argc, char **argv)
{
	struct assay_digest_options o = { 0 };
	bool keep = false;
	char *written;
	int c, result;

	while ((c = assay_getopt(&assay_cmd_digest, argc, argv, "o:h", options)) != -1) {
		switch (c) {
		case 'o': o.output = optarg; break;
		case OPTION_FORCE: o.force = true; break;
		case OPTION_KEEP: keep = true; break;
		case 'h': assay_cmd_help(&assay_cmd_digest); return ASSAY_EXIT_OK;
		default: return ASSAY_EXIT_USAGE;
		}
	}
	if (optind == argc)
		return list_runs();
	if (optind + 1 < argc) {
		assay_error("digest: one run directory at a time; '%s' is one too many", argv[optind + 1]);
		return ASSAY_EXIT_USAGE;
	}
	o.dir = argv[optind];
	if (!keep && goes_on(o.dir)) {
		assay_error("digest: %s: the run still goes on; --keep-spools makes a profile of what there is so far", o.dir);
		return ASSAY_EXIT_FAILURE;
	}
	result = assay_digest(&o, &written);
	if (result < 0)
		return ASSAY_EXIT_FAILURE;
	if (result == ASSAY_DIGEST_PARTLY)
		fprintf(stderr, "assay: %s is kept, for not all of it could be read\n", o.dir);
	else if (!keep)
		assay_run_dir_remove(o.dir);
	fprintf(stderr, "assay: wrote %s\n", written);
	free(written);
	return ASSAY_EXIT_OK;
}

const struct assay_cmd assay_cmd_digest = {
	.name = "digest",
	.summary = "make the profile of a run whose launcher did not live to make it",
	.usage = "[-o FILE] [--force] [--keep-spools] [DIR]",
	.help = "Reads the spools in the run directory DIR, writes the profile and removes DIR. Without DIR, lists\n"
		"the runs of yours that were left behind.\n"
		"\n"
		"  -o, --output FILE  write the profile to FILE (default: where the run was to write it)\n"
		"      --force        replace FILE if it exists\n"
		"      --keep-spools  leave DIR as it is\n"
		"  -h, --help         this help\n"
		"\n"
		"Examples:\n"
		"  assay digest\n"
		"  assay digest /dev/shm/assay-run-1000-Ab3dEf -o rescued.assay\n",
	.run = run,
};
