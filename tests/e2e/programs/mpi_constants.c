/*
 * mpi_constants.c: the constants that the plugin takes a library to have, in words. Built with -DOURS from the plugin's, else
 * from an mpi.h: both print the same.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#ifdef OURS
#include "library.h"
#else
#include <mpi.h>
#endif

int main(int argc, char **argv)
{
	unsigned char status[64];
	const char *bytes;
	(void)argc, (void)argv;
	memset(status, 0, sizeof status);
#ifdef OURS
	const struct assay_mpi_abi *a = strcmp(argv[1], "openmpi") == 0 ? &assay_mpi_openmpi : &assay_mpi_mpich;

	assay_mpi_library.abi = a;
	bytes = fread(status, 1, a->status_size, stdin) == a->status_size ? "" : "short ";
	printf("handle %zu status %zu source %zu tag %zu\n", a->handle_size, a->status_size, a->source_at, a->tag_at);
	printf("nobody %d any %d root %d undefined %d cart %d graph %d\n", a->proc_null, a->any_source, a->root, a->undefined,
		a->cart, a->dist_graph);
	printf("in place %lx ignore %lx %lx\n", (long)a->in_place, (long)a->status_ignore, (long)a->status_ignore);
	printf("%sbytes %llu from %d\n", bytes, (unsigned long long)assay_mpi_status_bytes(status), assay_mpi_status_source(status));
#else
	MPI_Status s;

	bytes = "";
	if (argc > 1) { /* a status, to be read by the other */
		MPI_Init(NULL, NULL);
		memset(&s, 0, sizeof s);
		s.MPI_SOURCE = 11;
		MPI_Status_set_elements_x(&s, MPI_CHAR, 5000000000);
		MPI_Finalize();
		return fwrite(&s, 1, sizeof s, stdout) != sizeof s;
	}
	printf("handle %zu status %zu source %zu tag %zu\n", sizeof(MPI_Comm), sizeof s, offsetof(MPI_Status, MPI_SOURCE),
		offsetof(MPI_Status, MPI_TAG));
	printf("nobody %d any %d root %d undefined %d cart %d graph %d\n", MPI_PROC_NULL, MPI_ANY_SOURCE, MPI_ROOT, MPI_UNDEFINED,
		MPI_CART, MPI_DIST_GRAPH);
	printf("in place %lx ignore %lx %lx\n", (long)MPI_IN_PLACE, (long)MPI_STATUS_IGNORE, (long)MPI_STATUSES_IGNORE);
	printf("%sbytes 5000000000 from 11\n", bytes);
#endif
	return 0;
}
