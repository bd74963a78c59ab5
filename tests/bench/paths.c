/*
 * paths: threads that compute along 27 call paths, for a given time or a given amount of work.
 *
 *   paths THREADS seconds S | paths THREADS cpu S | paths THREADS work N
 *
 * "cpu": until each thread has used S seconds of CPU time, so that a busy machine makes it longer, not less.
 *
 * Prints each thread's own CPU clock at its end ("TID NS"), which a profile must agree with.
 * Compiled with frame pointers, so that perf record -g sees the same call paths as Assay.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 256, DEPTH = 3, TABLE = 512 };

struct job {
	pthread_t thread;
	long tid;
	uint64_t cpu_ns, state;
	uint32_t table[TABLE];
};

static struct job jobs[THREADS_MAX];
static double end_at; /* 0: by work */
static clockid_t clock_used = CLOCK_MONOTONIC;
static long work;

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

__attribute__((noinline)) static void mix(struct job *job)
{
	uint64_t x = job->state;

	for (int i = 0; i < 400; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	job->state = x;
}

__attribute__((noinline)) static void scatter(struct job *job)
{
	uint32_t x = (uint32_t)job->state;

	for (int i = 0; i < 300; i++) {
		x = x * 1664525u + 1013904223u;
		job->table[x >> 23] += x;
	}
	job->state += x;
}

static void descend(struct job *job, int depth);

/* The three ways down differ, so that no compiler makes one of them. */
__attribute__((noinline)) static void left(struct job *job, int depth)
{
	descend(job, depth - 1);
	job->state ^= 1;
}

__attribute__((noinline)) static void middle(struct job *job, int depth)
{
	job->state += 3;
	descend(job, depth - 1);
	job->state ^= 2;
}

__attribute__((noinline)) static void right(struct job *job, int depth)
{
	job->state ^= (uint64_t)depth;
	descend(job, depth - 1);
	job->state += 7;
}

__attribute__((noinline)) static void descend(struct job *job, int depth)
{
	if (depth == 0) {
		mix(job);
		scatter(job);
	} else {
		left(job, depth);
		middle(job, depth);
		right(job, depth);
	}
}

static void *run(void *p)
{
	struct job *job = p;
	struct timespec t;

	job->tid = syscall(SYS_gettid);
	job->state = 88172645463325252u + (uint64_t)(job - jobs);
	for (long done = 0; end_at > 0 ? now(clock_used) < end_at : done < work; done++)
		descend(job, DEPTH);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	job->cpu_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc == 4 ? atoi(argv[1]) : 0;

	if (threads < 1 || threads > THREADS_MAX) {
		fprintf(stderr, "usage: paths THREADS seconds S | paths THREADS cpu S | paths THREADS work N\n");
		return 2;
	}
	if (strcmp(argv[2], "seconds") == 0) {
		end_at = now(CLOCK_MONOTONIC) + atof(argv[3]);
	} else if (strcmp(argv[2], "cpu") == 0) {
		end_at = atof(argv[3]);
		clock_used = CLOCK_THREAD_CPUTIME_ID;
	} else {
		work = atol(argv[3]);
	}
	for (int i = 0; i < threads; i++)
		if (pthread_create(&jobs[i].thread, NULL, run, &jobs[i]) != 0)
			return 1;
	for (int i = 0; i < threads; i++) {
		pthread_join(jobs[i].thread, NULL);
		printf("%ld %llu\n", jobs[i].tid, (unsigned long long)jobs[i].cpu_ns);
	}
	return 0;
}
