/*
 * chain: the sum of what all ranks have. In the slow form it goes from rank to rank, each adds its own and hands it on: a
 * rank cannot go on before all those below it have. The improved form is the reduction that MPI has for it, which takes
 * as many steps as the number of ranks has binary digits.
 */
#include "mpi_sample.h"

enum { ROUNDS = 40, UNITS = 2 /* that it takes to add */, VALUES = 64 };

static struct truth waited;

FUNCTION void add_to(double *sum, const double *mine)
{
	for (int i = 0; i < VALUES; i++)
		sum[i] += mine[i];
	work((uint64_t)mine[0], UNITS); /* what an expensive sum costs */
}

FUNCTION void sum_by_chain(double *sum, const double *mine)
{
	uint64_t begin = truth_now();

	if (rank > 0) {
		MPI_Recv(sum, VALUES, MPI_DOUBLE, rank - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		truth_add(&waited, begin);
	}
	add_to(sum, mine);
	if (rank < ranks - 1)
		MPI_Send(sum, VALUES, MPI_DOUBLE, rank + 1, 0, MPI_COMM_WORLD);
	MPI_Bcast(sum, VALUES, MPI_DOUBLE, ranks - 1, MPI_COMM_WORLD);
}

static void add_for_mpi(void *in, void *inout, int *n, MPI_Datatype *datatype)
{
	(void)n, (void)datatype;
	add_to(inout, in);
}

FUNCTION void sum_by_reduction(double *sum, const double *mine, MPI_Datatype vector, MPI_Op operation)
{
	memcpy(sum, mine, VALUES * sizeof *sum);
	MPI_Allreduce(MPI_IN_PLACE, sum, 1, vector, operation, MPI_COMM_WORLD);
}

int main(int argc, char **argv)
{
	struct sample sample = mpi_sample_begin(&argc, &argv, "chain");
	int rounds = sample_times(&sample, ROUNDS);
	double mine[VALUES], sum[VALUES], total = 0;
	MPI_Datatype vector;
	MPI_Op operation;

	MPI_Type_contiguous(VALUES, MPI_DOUBLE, &vector);
	MPI_Type_commit(&vector);
	MPI_Op_create(add_for_mpi, 1, &operation);
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < VALUES; i++) {
			mine[i] = rank * VALUES + i + round; /* whole numbers: their sum is exact in any order */
			sum[i] = 0;
		}
		if (sample.improved)
			sum_by_reduction(sum, mine, vector, operation);
		else
			sum_by_chain(sum, mine);
		total += sum[round % VALUES];
	}
	MPI_Op_free(&operation);
	MPI_Type_free(&vector);
	mpi_truth_say(&sample, "MPI_Recv", &waited);
	return mpi_sample_end("chain", rank == 0 ? (uint64_t)total : 0, true);
}
