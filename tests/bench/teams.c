/*
 * teams: what it costs to open an empty parallel region: prints ns for one, the best of many short rounds, for in some of
 * them each thread has a core for itself even on a crowded machine.
 */
#include <omp.h>
#include <stdio.h>

enum { ROUNDS = 500, REGIONS = 200 };

int main(void)
{
	double best = 1e18;

	for (int r = 0; r < ROUNDS; r++) {
		double begin = omp_get_wtime(), took;

		for (int i = 0; i < REGIONS; i++) {
#pragma omp parallel
			__asm__ volatile("");
		}
		took = (omp_get_wtime() - begin) * 1e9 / REGIONS;
		best = took < best ? took : best;
	}
	printf("%.1f\n", best);
	return 0;
}
