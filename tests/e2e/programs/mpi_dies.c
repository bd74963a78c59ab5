/*
 * mpi_dies.c: a job of two that does 100 collective calls, and then does not end as it should.
 *
 *   kill      the last rank is killed, while the others wait for it
 *   abort     the last rank calls MPI_Abort
 *   open      no rank calls MPI_Finalize
 *   twice     all call it twice
 *   never     MPI is never initialised
 */
#include <mpi.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	int rank, size, sum;

	if (strcmp(how, "never") == 0)
		return 3;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	for (int i = 0; i < 100; i++)
		MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	if (rank == size - 1 && strcmp(how, "kill") == 0)
		raise(SIGKILL);
	if (rank == size - 1 && strcmp(how, "abort") == 0)
		MPI_Abort(MPI_COMM_WORLD, 7);
	if (strcmp(how, "open") == 0)
		_Exit(5);
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_Finalize();
	if (strcmp(how, "twice") == 0)
		MPI_Finalize();
	return 0;
}
