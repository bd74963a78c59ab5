/*
 * parcels: rank 0 hands out numbers, and the others give back what they make of them. The slow form sends each number by
 * itself; the improved form packs a thousand into a message. The bytes are the same, and so is the answer.
 */
#include "mpi_sample.h"

enum { NUMBERS = 60000, PACK = 1000 };

static struct truth sent;

FUNCTION void hand_out(const double *numbers, int n, int pack)
{
	for (int to = 1; to < ranks; to++)
		for (int i = 0; i < n; i += pack) {
			uint64_t begin = truth_now();

			MPI_Send(numbers + i, n - i < pack ? n - i : pack, MPI_DOUBLE, to, 0, MPI_COMM_WORLD);
			truth_add(&sent, begin);
		}
}

FUNCTION double take_in(double *numbers, int n, int pack)
{
	double sum = 0;

	for (int i = 0; i < n; i += pack)
		MPI_Recv(numbers + i, n - i < pack ? n - i : pack, MPI_DOUBLE, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	for (int i = 0; i < n; i++)
		sum += numbers[i];
	return sum;
}

int main(int argc, char **argv)
{
	struct sample sample = mpi_sample_begin(&argc, &argv, "parcels");
	int n = sample_times(&sample, NUMBERS), pack = sample.improved ? PACK : 1;
	double *numbers = calloc((size_t)n, sizeof *numbers), sum = 0;

	for (int i = 0; rank == 0 && numbers && i < n; i++)
		numbers[i] = i;
	if (!numbers)
		MPI_Abort(MPI_COMM_WORLD, 1);
	else if (rank == 0)
		hand_out(numbers, n, pack);
	else
		sum = take_in(numbers, n, pack);
	free(numbers);
	mpi_truth_say(&sample, "MPI_Send", &sent);
	return mpi_sample_end("parcels", (uint64_t)sum * (uint64_t)rank, true);
}
