/*
 * Asks by weak references whether there is an OpenMP runtime, and does without: as libraries do that are linked to none and
 * make use of one that is there.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

extern void GOMP_parallel(void (*fn)(void *), void *data, unsigned threads, unsigned flags) __attribute__((weak));
extern void GOMP_critical_start(void) __attribute__((weak));
extern void GOMP_critical_end(void) __attribute__((weak));
extern bool GOMP_barrier_cancel(void) __attribute__((weak));
extern void GOMP_task(void (*fn)(void *), void *data, void (*copy)(void *, void *), long size, long align, bool if_clause,
	unsigned flags, void **depend, int priority, void *detach) __attribute__((weak));
extern void GOMP_taskloop(void (*fn)(void *), void *data, void (*copy)(void *, void *), long size, long align, unsigned flags,
	unsigned long tasks, int priority, long start, long end, long step) __attribute__((weak));
extern void omp_set_lock(void *lock) __attribute__((weak));
extern int omp_test_lock(void *lock) __attribute__((weak));
extern void omp_unset_lock(void *lock) __attribute__((weak));

struct arguments {
	long start, end;
	int *count;
};
static int copies;

static void part(void *data)
{
	++*(int *)data;
}

static void task(void *data)
{
	struct arguments *a = data;

	if (GOMP_critical_start)
		GOMP_critical_start();
	for (long i = a->start; i < a->end; i++)
		++*a->count;
	if (GOMP_critical_end)
		GOMP_critical_end();
}

static void copy(void *to, void *from)
{
	copies++;
	memcpy(to, from, sizeof(struct arguments));
}

int main(void)
{
	int parts = 0, count = 0, got = 1;
	struct arguments plain = { 0, 5, &count }, loop = { 0, 0, &count };
	long lock = 0;

	if (GOMP_parallel)
		GOMP_parallel(part, &parts, 4, 0);
	else
		part(&parts);
	if (GOMP_task) {
		GOMP_task(task, &plain, copy, sizeof plain, 8, true, 0, NULL, 0, NULL);
	} else {
		copies++;
		task(&plain);
	}
	if (GOMP_taskloop) {
		GOMP_taskloop(task, &loop, NULL, sizeof loop, 8, 1 << 8, 0, 0, 2, 12, 1);
	} else {
		loop.start = 2;
		loop.end = 12;
		task(&loop);
	}
	if (omp_set_lock && omp_unset_lock) {
		omp_set_lock(&lock);
		omp_unset_lock(&lock);
	}
	if (omp_test_lock)
		got = omp_test_lock(&lock);
	if (GOMP_barrier_cancel && GOMP_barrier_cancel())
		got = 0;
	printf("%d part, %d iterations, %d copied, %d\n", parts, count, copies, got);
	return 0;
}
