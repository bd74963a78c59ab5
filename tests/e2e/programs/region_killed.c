/*
 * region_killed: a parallel region of two threads that never ends. Thread 1 works a little and waits at a barrier; thread
 * 0 works for longer and kills the process. Just before it says, ns: how long the region has been open, how long thread
 * 1 has waited, and the CPU time that thread 0 has used in the region.
 */
#include <omp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "burn.h"

HOT(in_region)

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

__attribute__((noinline)) static void opens_region(void)
{
	static _Atomic uint64_t waits_since;
	uint64_t begin = now(CLOCK_MONOTONIC), cpu = now(CLOCK_THREAD_CPUTIME_ID);

#pragma omp parallel num_threads(2)
	{
		if (omp_get_thread_num() == 0) {
			while (!waits_since)
				in_region(1);
			in_region(300);
			printf("%llu %llu %llu\n", (unsigned long long)(now(CLOCK_MONOTONIC) - begin),
			       (unsigned long long)(now(CLOCK_MONOTONIC) - waits_since),
			       (unsigned long long)(now(CLOCK_THREAD_CPUTIME_ID) - cpu));
			fflush(stdout);
			kill(getpid(), SIGKILL);
		}
		in_region(20);
		waits_since = now(CLOCK_MONOTONIC);
#pragma omp barrier
	}
}

int main(void)
{
	opens_region();
	return 1;
}
