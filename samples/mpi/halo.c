/*
 * halo: each rank works on its part of a field, and exchanges the edges with both neighbours after each step.
 *
 * In the slow form rank 1 has three times as much to do as each of the others, which wait for it: directly if they are
 * its neighbours, the rest a step later. The improved form deals the same work out evenly.
 */
#include "mpi_sample.h"

enum { STEPS = 60, UNITS = 12 /* of work a step and rank, in the mean */, SLOW_RANK = 1, SLOW_TIMES = 3, EDGE = 500 };

static struct truth waited, computed;

/* Which of the step's units are this rank's: from *first up to *end. */
static void share(bool improved, int *first, int *end)
{
	int all = UNITS * ranks, shares = ranks - 1 + SLOW_TIMES, before = rank + (rank > SLOW_RANK ? SLOW_TIMES - 1 : 0);
	int mine = rank == SLOW_RANK ? SLOW_TIMES : 1;

	if (improved || ranks == 1) {
		*first = UNITS * rank;
		*end = UNITS * (rank + 1);
		return;
	}
	*first = all * before / shares;
	*end = all * (before + mine) / shares;
}

FUNCTION uint64_t compute(int step, int first, int end)
{
	uint64_t begin = truth_now(), result = 0;

	for (int unit = first; unit < end; unit++)
		result ^= work((uint64_t)step * 100003 + (uint64_t)unit, 1);
	truth_add(&computed, begin);
	return result;
}

/* False: what a neighbour sent was not of this step. */
FUNCTION bool exchange(int step)
{
	static double to_left[EDGE], to_right[EDGE], of_left[EDGE], of_right[EDGE];
	int left = (rank + ranks - 1) % ranks, right = (rank + 1) % ranks;
	MPI_Request requests[4];
	uint64_t begin;

	to_left[0] = to_right[EDGE - 1] = step;
	MPI_Irecv(of_left, EDGE, MPI_DOUBLE, left, 1, MPI_COMM_WORLD, &requests[0]);
	MPI_Irecv(of_right, EDGE, MPI_DOUBLE, right, 2, MPI_COMM_WORLD, &requests[1]);
	MPI_Isend(to_right, EDGE, MPI_DOUBLE, right, 1, MPI_COMM_WORLD, &requests[2]);
	MPI_Isend(to_left, EDGE, MPI_DOUBLE, left, 2, MPI_COMM_WORLD, &requests[3]);
	begin = truth_now();
	MPI_Waitall(4, requests, MPI_STATUSES_IGNORE);
	truth_add(&waited, begin);
	return of_left[EDGE - 1] == step && of_right[0] == step;
}

int main(int argc, char **argv)
{
	struct sample sample = mpi_sample_begin(&argc, &argv, "halo");
	int steps = sample_times(&sample, STEPS), first, end;
	uint64_t result = 0;
	bool right = true;

	share(sample.improved, &first, &end);
	for (int step = 0; step < steps; step++) {
		result ^= compute(step, first, end);
		right &= exchange(step);
	}
	mpi_truth_say(&sample, "compute", &computed);
	mpi_truth_say(&sample, "MPI_Waitall", &waited);
	return mpi_sample_end("halo", result, right);
}
