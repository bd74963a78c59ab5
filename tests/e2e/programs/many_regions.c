/*
 * many_regions.c: for a part of its time does nothing but open and close regions, for the other works. Prints on the file
 * that the argument names the CPU time of both, ns, and how many regions it opened.
 */
#include <assay/region.h>

#include <stdio.h>
#include <time.h>

#include "burn.h"

HOT(work)

static long cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000l + t.tv_nsec;
}

__attribute__((noinline)) static long regions(long ns)
{
	long end = cpu() + ns, count = 0;

	do {
		for (int i = 0; i < 10000; i++, count++) {
			assay_region_begin("pair");
			assay_region_end("pair");
		}
	} while (cpu() < end);
	return count;
}

int main(int argc, char **argv)
{
	long begin = cpu(), middle, end, count = 0;

	if (argc > 2) /* as many as it takes for so long */
		count = regions(500000000);
	middle = cpu();
	work(500);
	end = cpu();
	if (argc > 1) {
		FILE *out = fopen(argv[1], "w");

		if (out) {
			fprintf(out, "%ld %ld %ld\n", middle - begin, end - middle, count);
			fclose(out);
		}
	}
	return 0;
}
