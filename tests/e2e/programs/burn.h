/*
 * burn.h: functions that take CPU time and nothing else, for programs with a known answer. Each takes its line's
 * number into its code: of equal functions the compiler would make one.
 */
#ifndef ASSAY_TESTS_BURN_H
#define ASSAY_TESTS_BURN_H

#include <time.h>

#define BURN_STEPS 20000

static __thread volatile unsigned long long burn_sink; /* a thread's own: ThreadSanitizer looks */

/* CPU time of this thread, in milliseconds. */
static inline long burn_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Defines void NAME(int ms), which burns that much CPU time in its own code, and steps enough to check the clock rarely. */
#define HOT(name)                                                              \
	__attribute__((noinline)) static void name(int ms)                     \
	{                                                                      \
		long end = burn_clock() + ms;                                  \
		unsigned long long x = 88172645463325252ull + __LINE__ + (unsigned)ms; \
                                                                               \
		do {                                                           \
			for (int i = 0; i < BURN_STEPS; i++)                   \
				x ^= x << 13, x ^= x >> 7, x ^= x << 17;       \
			burn_sink = x;                                         \
		} while (burn_clock() < end);                                  \
	}

/* Defines void NAME(int rounds), which takes as much CPU time for each round. */
#define HOT_ROUNDS(name)                                                       \
	__attribute__((noinline)) static void name(int rounds)                 \
	{                                                                      \
		unsigned long long x = 88172645463325252ull + __LINE__ + (unsigned)rounds; \
                                                                               \
		for (int r = 0; r < rounds; r++) {                             \
			for (int i = 0; i < BURN_STEPS; i++)                   \
				x ^= x << 13, x ^= x >> 7, x ^= x << 17;       \
			burn_sink = x;                                         \
		}                                                              \
	}

#endif
