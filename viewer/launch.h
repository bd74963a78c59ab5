/*
 * launch.h: whether and how a program can be run under Assay.
 *
 * Owns the checks before anything is started, and the start itself. Never changes the program's
 * surroundings beyond the variables of profile/environment.h and LD_PRELOAD.
 */
#ifndef ASSAY_VIEWER_LAUNCH_H
#define ASSAY_VIEWER_LAUNCH_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Finds `name` as a shell would and checks that the library can be preloaded into it. Stores its path in
 * *path (malloc'ed). ASSAY_EXIT_OK, or after an error message the exit status of convention.
 */
int assay_launch_check(const char *name, char **path);

/*
 * Stores the absolute path of the preload library that belongs to this command: the one that ASSAY_LIBRARY
 * names, that of the build tree, or the installed one. 0, or a negative errno, without a message.
 */
int assay_launch_library(char *path, size_t size);

struct assay_launch {
	const char *path;    /* of the program */
	char **argv;
	const char *library; /* as it is to stand in LD_PRELOAD, the plugins behind it: no space */
	const char *plugins; /* what the library is to know of them, or NULL */
	const char *run;     /* the run directory */
	long rate;
	const char *clock, *unwinder;
	long timeline;
	long long limit;
	const sigset_t *mask; /* the signal mask that the program starts with */
};

/* Starts the program. Its pid, or a negative errno: exec failed. */
pid_t assay_launch_start(const struct assay_launch *launch);

#endif
