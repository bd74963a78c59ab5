/*
 * killed: four threads begin to wait, for a lock, a condition, data and time, and the process kills itself. Just before it
 * says how long each of them had waited by then: thread, kind of wait, object, ns.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "burn.h"

static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER, condition_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition_never = PTHREAD_COND_INITIALIZER;
static int ends[2];

HOT(burn)

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void wait_for_lock(void)
{
	pthread_mutex_lock(&held_lock);
}

static void wait_for_condition(void)
{
	pthread_mutex_lock(&condition_lock);
	pthread_cond_wait(&condition_never, &condition_lock);
}

static void wait_for_data(void)
{
	char c;

	if (read(ends[0], &c, 1) < 0)
		exit(1);
}

static void wait_for_time(void)
{
	sleep(1000);
}

static struct waiter {
	const char *what, *object;
	void (*wait)(void);
	pthread_t thread;
	_Atomic int tid;
	_Atomic uint64_t began;
} waiters[] = {
	{ .what = "mutex", .object = "held_lock", .wait = wait_for_lock },
	{ .what = "condition", .object = "condition_never", .wait = wait_for_condition },
	{ .what = "read", .object = "pipe", .wait = wait_for_data },
	{ .what = "sleep", .object = "sleep", .wait = wait_for_time },
};
enum { WAITERS = sizeof(waiters) / sizeof(waiters[0]) };

static void *begin(void *argument)
{
	struct waiter *w = argument;

	w->tid = (int)syscall(SYS_gettid);
	w->began = now();
	w->wait();
	return NULL;
}

static int waits(const struct waiter *w)
{
	char path[64], line[512], *state = NULL;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", w->tid);
	in = fopen(path, "r");
	if (in && fgets(line, sizeof(line), in))
		state = strrchr(line, ')');
	if (in)
		fclose(in);
	return state && state[2] == 'S';
}

int main(void)
{
	uint64_t end;

	if (pipe(ends) != 0)
		return 1;
	pthread_mutex_lock(&held_lock);
	for (int i = 0; i < WAITERS; i++) {
		if (pthread_create(&waiters[i].thread, NULL, begin, &waiters[i]) != 0)
			return 1;
	}
	for (int i = 0; i < WAITERS; i++) {
		while (!waiters[i].began || !waits(&waiters[i]))
			burn(1);
	}
	burn(300);
	end = now();
	for (int i = 0; i < WAITERS; i++)
		printf("%d %s %s %llu\n", waiters[i].tid, waiters[i].what, waiters[i].object,
		       (unsigned long long)(end - waiters[i].began));
	fflush(stdout);
	kill(getpid(), SIGKILL);
	return 1;
}
