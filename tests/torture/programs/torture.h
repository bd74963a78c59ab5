/*
 * torture.h: what the programs of the torture matrix share. Each does one thing that could go wrong under a profiler,
 * says what came of it on standard output, the same each time, and burns CPU time in hot(), which the profile must show.
 */
#ifndef ASSAY_TESTS_TORTURE_H
#define ASSAY_TESTS_TORTURE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "burn.h"

/* hot(ms): the planted function. A program burns PLANTED ms in all, if the runner is told nothing else. */
enum { PLANTED = 160 };

HOT(hot)

/* What the program itself relies on: status 99, and the runner knows that the test is at fault or the program harmed. */
#define NEED(what) need((what), #what, __LINE__)

__attribute__((unused)) static void need(int good, const char *what, int line)
{
	if (good)
		return;
	printf("line %d: %s: %s\n", line, what, strerror(errno));
	fflush(stdout);
	_exit(99);
}

/* How a child ended, as one number. */
__attribute__((unused)) static int ended(pid_t pid)
{
	int status;

	NEED(waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Installs a handler. */
__attribute__((unused)) static void on(int signal, void (*handler)(int), int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = handler;
	action.sa_flags = flags;
	sigemptyset(&action.sa_mask);
	NEED(sigaction(signal, &action, NULL) == 0);
}

#endif
