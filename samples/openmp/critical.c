/*
 * critical: adds up what 2000 items are worth. An item is 4 units of work: 1 to get it ready, 3 to find its worth.
 *
 * In the slow form the 3 are inside a critical section, where one thread can be at a time, along with the addition that
 * needs it. In the improved form every thread adds up for itself, and OpenMP adds up the sums: a reduction.
 */
#include "../sample.h"

#include <omp.h>

enum { ITEMS = 2000, READY_UNITS = 1, WORTH_UNITS = 3, THREADS_MAX = 1024 };

static struct truth worked[THREADS_MAX]; /* in the loop, the waits below taken in */
static struct truth waited[THREADS_MAX]; /* to get into the critical section */
static struct truth inside[THREADS_MAX]; /* it */
static struct truth looped;

FUNCTION uint64_t ready(int item)
{
	return work((uint64_t)item, READY_UNITS);
}

FUNCTION uint64_t worth(uint64_t item)
{
	return work(item, WORTH_UNITS);
}

FUNCTION uint64_t add_up_critical(int items)
{
	uint64_t total = 0;

#pragma omp parallel
	{
		int me = omp_get_thread_num();
		uint64_t begin = truth_now();

#pragma omp for schedule(static) nowait
		for (int i = 0; i < items; i++) {
			uint64_t item = ready(i), outside = truth_now();

#pragma omp critical(total)
			{
				uint64_t entered = outside + truth_add(&waited[me], outside);

				total += worth(item);
				truth_add(&inside[me], entered);
			}
		}
		truth_add(&worked[me], begin);
	}
	return total;
}

FUNCTION uint64_t add_up_reduction(int items)
{
	uint64_t total = 0;

#pragma omp parallel
	{
		uint64_t begin = truth_now();

#pragma omp for schedule(static) reduction(+ : total) nowait
		for (int i = 0; i < items; i++)
			total += worth(ready(i));
		truth_add(&worked[omp_get_thread_num()], begin);
	}
	return total;
}

int main(int argc, char **argv)
{
	struct sample s = sample_arguments(argc, argv, "critical");
	int items = sample_times(&s, ITEMS), threads = omp_get_max_threads();
	uint64_t begin, total;

	threads = threads < THREADS_MAX ? threads : THREADS_MAX;
	omp_set_num_threads(threads);
	begin = truth_now();
	total = s.improved ? add_up_reduction(items) : add_up_critical(items);
	truth_add(&looped, begin);
	printf("%d items, worth %016llx\n", items, (unsigned long long)total);
	for (int t = 0; t < threads; t++) {
		char name[24];

		snprintf(name, sizeof(name), "thread-%d", t);
		truth_say(&s, name, "in-loop", &worked[t]);
		truth_say(&s, name, "waited", &waited[t]);
		truth_say(&s, name, "inside", &inside[t]);
	}
	truth_say(&s, "team", "loop", &looped);
	return sample_status("critical", true);
}
