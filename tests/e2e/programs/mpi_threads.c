/* mpi_threads.c: four threads of each rank talk to their counterparts at once, each by a communicator of its own and by one tag. */
#include <mpi.h>
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 4, ROUNDS = 500 };

static int rank, size;
static MPI_Comm comms[THREADS];
static long sums[THREADS];

static void *talk(void *argument)
{
	int thread = *(int *)argument, out, in, flag;
	MPI_Request request[2];

	for (int i = 0; i < ROUNDS; i++) {
		out = rank * 1000 + i;
		MPI_Irecv(&in, 1, MPI_INT, (rank + size - 1) % size, 1, comms[thread], &request[0]);
		MPI_Isend(&out, 1, MPI_INT, (rank + 1) % size, 1, comms[thread], &request[1]);
		if (i % 2)
			MPI_Waitall(2, request, MPI_STATUSES_IGNORE);
		else
			for (flag = 0; !flag;)
				MPI_Testall(2, request, &flag, MPI_STATUSES_IGNORE);
		sums[thread] += in;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int numbers[THREADS], provided;
	pthread_t threads[THREADS];

	MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
	if (provided < MPI_THREAD_MULTIPLE)
		MPI_Abort(MPI_COMM_WORLD, 77);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		MPI_Comm_dup(MPI_COMM_WORLD, &comms[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, talk, &numbers[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 1; i < THREADS; i++)
		sums[0] += sums[i];
	MPI_Reduce(rank ? sums : MPI_IN_PLACE, sums, 1, MPI_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
	if (rank == 0)
		printf("%ld\n", sums[0]);
	MPI_Finalize();
	return 0;
}
