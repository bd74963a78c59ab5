/*
 * yields.c: a known number of calls of sched_yield, in threads, forked children and a chain of executed programs, and
 * what each finds in its environment. yields THREADS TIMES CHILDREN LINKS: THREADS threads, and the first one, yield TIMES
 * times each; then CHILDREN children do the same; then the program executes itself, with one link less.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static long times;

static void *yield(void *wrong)
{
	for (long i = 0; i < times; i++) {
		errno = 77;
		if (sched_yield() != 0 || errno != 77)
			++*(long *)wrong;
	}
	return NULL;
}

static void all(const char *who, int count)
{
	pthread_t thread[64];
	long wrong[65] = { 0 }, sum = 0;

	for (int i = 0; i < count; i++)
		pthread_create(&thread[i], NULL, yield, &wrong[i]);
	yield(&wrong[64]);
	for (int i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < 65; i++)
		sum += wrong[i];
	printf("%s: %d threads, %ld wrong\n", who, count, sum);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int threads, children, links;
	char text[16];

	if (argc != 5)
		return 2;
	threads = atoi(argv[1]);
	times = atol(argv[2]);
	children = atoi(argv[3]);
	links = atoi(argv[4]);
	/* whatever their order; the user's own are the same without Assay */
	for (char **e = environ; *e; e++)
		if (strncmp(*e, "ASSAY_", 6) == 0 && strncmp(*e, "ASSAY_PLUGIN_PATH=", 18) != 0)
			printf("in the environment: %s\n", *e);
	if (getenv("LD_PRELOAD"))
		printf("in the environment: LD_PRELOAD=%s\n", getenv("LD_PRELOAD"));
	all("itself", threads);
	for (int i = 0; i < children; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			all("child", threads);
			exit(i);
		}
		waitpid(pid, &status, 0);
		printf("child ended with %d\n", WEXITSTATUS(status));
		fflush(stdout);
	}
	if (!links)
		return 3;
	snprintf(text, sizeof text, "%d", links - 1);
	argv[4] = text;
	execv(argv[0], argv);
	return 1;
}
