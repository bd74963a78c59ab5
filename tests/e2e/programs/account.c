/*
 * account: threads whose waits are known. At its end each thread prints what the kernel says of it: its name, CPU time,
 * run-queue delay, and the wall time since it began, ns.
 *
 *   account relay    main works 1 part and then blocks on a pipe until a worker has done 4 parts
 *   account crowded  two threads do the same work on one core, at the same time
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "burn.h"

#define PART 1200 /* rounds */

HOT_ROUNDS(work_main)
HOT_ROUNDS(work_worker)

static int ends[2];
static pthread_barrier_t together;
static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;

static unsigned long long wall_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + (unsigned long long)t.tv_nsec;
}

static void tell(const char *name, unsigned long long began)
{
	unsigned long long cpu, delay, wall;
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%ld/schedstat", syscall(SYS_gettid));
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu %llu", &cpu, &delay) != 2)
		cpu = delay = 0;
	if (f)
		fclose(f);
	wall = wall_clock() - began;
	pthread_mutex_lock(&printing);
	printf("%s %llu %llu %llu\n", name, cpu, delay, wall);
	pthread_mutex_unlock(&printing);
}

static void *worker(void *unused)
{
	unsigned long long began = wall_clock();

	(void)unused;
	prctl(PR_SET_NAME, "worker");
	work_worker(4 * PART);
	tell("worker", began);
	return write(ends[1], "", 1) == 1 ? NULL : unused;
}

static void *burner(void *name)
{
	unsigned long long began = wall_clock();

	prctl(PR_SET_NAME, name);
	pthread_barrier_wait(&together);
	work_worker(3 * PART);
	tell(name, began);
	return NULL;
}

static int relay(void)
{
	unsigned long long began = wall_clock();
	pthread_t thread;
	char byte;

	if (pipe(ends) || pthread_create(&thread, NULL, worker, NULL))
		return 1;
	work_main(PART);
	if (read(ends[0], &byte, 1) != 1)
		return 1;
	pthread_join(thread, NULL);
	tell("account", began);
	return 0;
}

static int crowded(void)
{
	pthread_t a, b;
	cpu_set_t all, one;

	if (sched_getaffinity(0, sizeof all, &all))
		return 1;
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &one);
	pthread_barrier_init(&together, NULL, 2);
	if (sched_setaffinity(0, sizeof one, &one) || pthread_create(&a, NULL, burner, "left") ||
	    pthread_create(&b, NULL, burner, "right"))
		return 1;
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "relay") == 0)
		return relay();
	if (argc == 2 && strcmp(argv[1], "crowded") == 0)
		return crowded();
	return 2;
}
