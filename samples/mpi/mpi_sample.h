/* mpi_sample.h: what the samples of this folder share besides ../sample.h: which rank this is, and what it measured of itself. */
#ifndef MPI_SAMPLE_H
#define MPI_SAMPLE_H

#include "../sample.h"

#include <mpi.h>

static int rank, ranks;

static inline struct sample mpi_sample_begin(int *argc, char ***argv, const char *name)
{
	MPI_Init(argc, argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	return sample_arguments(*argc, *argv, name);
}

/* As truth_say, with the rank in the thread's place. */
static inline void mpi_truth_say(const struct sample *s, const char *what, const struct truth *truth)
{
	char name[32];

	snprintf(name, sizeof name, "rank%d", rank);
	truth_say(s, name, what, truth);
}

/* Ends MPI. The answer is what all ranks' parts make by exclusive or; rank 0 prints it. */
static inline int mpi_sample_end(const char *name, uint64_t part, bool right)
{
	unsigned long long mine = part, all = 0;

	MPI_Reduce(&mine, &all, 1, MPI_UNSIGNED_LONG_LONG, MPI_BXOR, 0, MPI_COMM_WORLD);
	if (rank == 0)
		printf("%s: %016llx\n", name, all);
	MPI_Finalize();
	return sample_status(name, right);
}

#endif
