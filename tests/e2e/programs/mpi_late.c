/*
 * mpi_late.c: a program without MPI that loads, for itself, an object that came with MPI. Built twice: with -DOBJECT
 * -shared as that object.
 */
#ifdef OBJECT
#include <mpi.h>
#include <stddef.h>

int work(void);
int work(void)
{
	int rank, sum;

	MPI_Init(NULL, NULL);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	for (int i = 0; i < 10; i++)
		MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	MPI_Finalize();
	return rank ? 0 : sum;
}
#else
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	void *object = dlopen(argv[argc - 1], RTLD_NOW | RTLD_LOCAL);
	int (*work)(void) = object ? (int (*)(void))dlsym(object, "work") : NULL;
	int sum;

	if (!work)
		return 1;
	sum = work();
	if (sum)
		printf("sum %d\n", sum);
	return 0;
}
#endif
