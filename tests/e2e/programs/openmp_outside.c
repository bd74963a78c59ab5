/* A taskloop outside regions, all of which the calling thread computes itself. Prints its CPU time, in ns. */
#include <stdio.h>
#include <time.h>

static double out[16];

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

__attribute__((noinline)) static void compute(int i)
{
	double x = 1;

	for (long k = 0; k < 5000000; k++)
		x = x * 1.0000001 + 1e-9;
	out[i] = x;
}

int main(void)
{
	long begun = now();

#pragma omp taskloop grainsize(1)
	for (int i = 0; i < 16; i++)
		compute(i);
	printf("%ld\n", now() - begun);
	return out[3] < 1;
}
