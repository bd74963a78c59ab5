/*
 * processes: starts and ends processes in every way there is. `processes WAY`; what is started runs `processes leaf`.
 * hot_parent, hot_child and hot_leaf say where a process's time went.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "burn.h"

enum { SHORT = 60, LONG = 150 }; /* ms of CPU time */

extern char **environ;

HOT(hot_parent)
HOT(hot_child)
HOT(hot_leaf)

static char self[4096];

/* Passes on how the child ended, so that the run's own status tells. */
static int ended(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 99;
	return WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int way_fork(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		hot_child(LONG);
		_exit(3);
	}
	hot_parent(SHORT);
	return ended(pid);
}

static int way_vfork(void)
{
	char *argv[] = { self, (char *)"leaf", NULL };
	pid_t pid;

	hot_parent(SHORT);
	pid = vfork();
	if (pid == 0) {
		execve(self, argv, environ);
		_exit(98);
	}
	return ended(pid);
}

static int way_vfork_exit(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(3);
	hot_parent(LONG);
	return ended(pid);
}

static int way_spawn(void)
{
	char *argv[] = { self, (char *)"leaf", NULL };
	pid_t pid;

	if (posix_spawn(&pid, self, NULL, NULL, argv, environ))
		return 98;
	hot_parent(SHORT);
	return ended(pid);
}

static int way_system(void)
{
	char command[5000];
	int status;

	snprintf(command, sizeof command, "'%s' leaf; exit $?", self);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int way_popen(void)
{
	char command[5000], line[100];
	FILE *f;
	int status;

	snprintf(command, sizeof command, "'%s' leaf; exit $?", self);
	f = popen(command, "r");
	while (f && fgets(line, sizeof line, f))
		fputs(line, stdout);
	status = f ? pclose(f) : 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int way_chain(void)
{
	hot_parent(LONG);
	execl(self, self, "chain2", (char *)NULL);
	return 98;
}

static int way_chain2(void)
{
	char *argv[] = { self, (char *)"leaf", NULL };

	hot_child(LONG);
	execv(self, argv);
	return 98;
}

static int way_empty(void)
{
	char *argv[] = { self, (char *)"leaf", NULL }, *none[] = { NULL };

	execve(self, argv, none);
	return 98;
}

static int way_no_exec(void)
{
	char *argv[] = { self, NULL };

	hot_parent(SHORT);
	if (execve("/nonexistent/program", argv, environ) != -1)
		return 98;
	hot_child(LONG);
	return 3;
}

/* The grandchild is nobody's child when it ends; a pipe says when that is. */
static int way_double(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (pipe(ends))
		return 98;
	pid = fork();
	if (pid == 0) {
		if (fork() == 0) {
			close(ends[0]);
			hot_leaf(LONG);
			_exit(0);
		}
		hot_child(SHORT);
		_exit(0);
	}
	close(ends[1]);
	ended(pid);
	return read(ends[0], &byte, 1) == 0 ? 3 : 99;
}

static void *burn_for_ever(void *unused)
{
	for (;;)
		hot_parent(LONG);
	return unused;
}

static void *exit_from_here(void *unused)
{
	hot_child(LONG);
	exit(3);
	return unused;
}

static int way_threads_fork(void)
{
	pthread_t thread[2];
	pid_t pid;

	for (int i = 0; i < 2; i++)
		if (pthread_create(&thread[i], NULL, burn_for_ever, NULL))
			return 98;
	hot_parent(SHORT);
	pid = fork();
	if (pid == 0) {
		hot_child(LONG);
		exit(3);
	}
	return ended(pid);
}

static int way_thread_exit(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, exit_from_here, NULL))
		return 98;
	for (;;)
		pause();
}

static void *outlive(void *unused)
{
	hot_child(LONG);
	return unused;
}

static int way_main_leaves(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, outlive, NULL))
		return 98;
	hot_parent(SHORT);
	pthread_exit(NULL);
}

static int way_exit(void) { hot_parent(LONG); exit(3); }
static int way_underscore_exit(void) { hot_parent(LONG); _exit(3); }
static int way_quick_exit(void) { hot_parent(LONG); quick_exit(3); }
static int way_system_call(void) { hot_parent(LONG); syscall(SYS_exit_group, 3); return 98; }
static int way_return(void) { hot_parent(LONG); return 3; }
static int way_abort(void) { hot_parent(LONG); abort(); }
static int way_kill(void) { hot_parent(LONG); kill(getpid(), SIGKILL); return 98; }
static int way_fault(void) { hot_parent(LONG); *(volatile int *)8 = 1; return 98; }
static int way_term(void) { hot_parent(LONG); raise(SIGTERM); return 98; }
static int way_leaf(void) { hot_leaf(LONG); return 3; }

static int way_kill_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		hot_child(LONG);
		kill(getpid(), SIGKILL);
	}
	return ended(pid);
}

static const struct {
	const char *name;
	int (*go)(void);
} ways[] = {
	{ "fork", way_fork }, { "vfork", way_vfork }, { "vfork_exit", way_vfork_exit }, { "spawn", way_spawn },
	{ "system", way_system }, { "popen", way_popen }, { "chain", way_chain }, { "chain2", way_chain2 },
	{ "empty", way_empty }, { "no_exec", way_no_exec }, { "double", way_double },
	{ "threads_fork", way_threads_fork }, { "thread_exit", way_thread_exit }, { "main_leaves", way_main_leaves },
	{ "exit", way_exit }, { "_exit", way_underscore_exit }, { "quick_exit", way_quick_exit },
	{ "system_call", way_system_call }, { "return", way_return }, { "abort", way_abort }, { "kill", way_kill },
	{ "fault", way_fault }, { "term", way_term }, { "leaf", way_leaf }, { "kill_child", way_kill_child },
};

int main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	self[n > 0 ? n : 0] = 0;
	for (size_t i = 0; argc == 2 && i < sizeof ways / sizeof *ways; i++)
		if (strcmp(argv[1], ways[i].name) == 0)
			return ways[i].go();
	return 97;
}
