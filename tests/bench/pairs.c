/*
 * pairs: what it costs to mark a piece of a program: ns for a begin and an end, the best of 20 rounds.
 *
 *   without flags          a region of assay/region.h
 *   -DFUNCTIONS            a function that the compiler instruments (-finstrument-functions, -pg), for tools that want that
 */
#include <stdio.h>
#include <time.h>

#ifndef FUNCTIONS
#include <assay/region.h>
#endif

enum { ROUNDS = 20, PAIRS = 100000 };

#define PLAIN __attribute__((no_instrument_function))

PLAIN static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#ifdef FUNCTIONS
__attribute__((noinline)) static void pair(void)
{
	__asm__ volatile("");
}
#else
PLAIN static inline void pair(void)
{
	assay_region_begin("pair");
	assay_region_end("pair");
}
#endif

PLAIN int main(void)
{
	double best = 1e18;

	for (int r = 0; r < ROUNDS; r++) {
		double begin = now(), took;

		for (int i = 0; i < PAIRS; i++)
			pair();
		took = (now() - begin) / PAIRS;
		best = took < best ? took : best;
	}
	printf("%.1f\n", best);
	return 0;
}
