/*
 * library.h: the MPI library that the process uses: which it is, its functions, what is peculiar to it.
 *
 * Owns how a function behind ours is found. The library may be linked, or have come with something that the program loaded
 * later and for itself (mpi4py): then it is found by the caller's module. There is one in a process; the first that is
 * seen.
 */
#ifndef ASSAY_PLUGINS_MPI_LIBRARY_H
#define ASSAY_PLUGINS_MPI_LIBRARY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "types.h"

/* What a call is shown as; in call.c, a word for each. */
enum assay_mpi_kind {
	ASSAY_MPI_OTHER, /* what is not recorded for itself */
	ASSAY_MPI_SEND,
	ASSAY_MPI_RECEIVE,
	ASSAY_MPI_EXCHANGE,
	ASSAY_MPI_PROBE,
	ASSAY_MPI_START,
	ASSAY_MPI_PREPARE,
	ASSAY_MPI_WAIT,
	ASSAY_MPI_TEST,
	ASSAY_MPI_BARRIER,
	ASSAY_MPI_COLLECTIVE,
	ASSAY_MPI_ONE_SIDED,
	ASSAY_MPI_SYNC,
	ASSAY_MPI_FILE,
	ASSAY_MPI_MANAGE,
	ASSAY_MPI_INIT,
	ASSAY_MPI_ABORT,
	ASSAY_MPI_KINDS,
};

/* Of which a process without MPI touches nothing: laid behind the small variables (see core). */
#define ASSAY_MPI_COLD __attribute__((section(".bss.zcold")))
#define ASSAY_MPI_COLD_DATA __attribute__((section(".data.zcold")))

/* An interposed function. One for MPI_X and one for PMPI_X. */
struct assay_mpi_function {
	void *_Atomic behind; /* the function that ours stands before; NULL: not looked for yet */
	enum assay_mpi_kind kind;
	char name[44]; /* not a pointer: there are hundreds, and each would be written to in every process */
};

/* A binary interface. */
struct assay_mpi_abi {
	const char *name;
	size_t handle_size, status_size;
	size_t source_at, tag_at; /* in a status */
	int proc_null, any_source, root, undefined;
	int cart, dist_graph;     /* what MPI_Topo_test says */
	uintptr_t in_place, status_ignore;
};
extern const struct assay_mpi_abi assay_mpi_openmpi, assay_mpi_mpich;

struct assay_mpi_library {
	const struct assay_mpi_abi *abi; /* NULL: none that is known */
	uintptr_t comm_world, comm_null, request_null;
	int (*initialized)(int *flag), (*finalized)(int *flag);
	int (*comm_rank)(MPI_Comm comm, int *rank), (*comm_size)(MPI_Comm comm, int *size);
	int (*comm_test_inter)(MPI_Comm comm, int *flag), (*comm_remote_size)(MPI_Comm comm, int *size);
	int (*comm_group)(MPI_Comm comm, void *group), (*comm_remote_group)(MPI_Comm comm, void *group);
	int (*comm_get_name)(MPI_Comm comm, char *name, int *length);
	int (*group_size)(MPI_Group group, int *size), (*group_free)(void *group);
	int (*group_translate)(MPI_Group from, int n, const int *ranks, MPI_Group to, int *result);
	int (*win_get_group)(MPI_Win win, void *group);
	int (*topo_test)(MPI_Comm comm, int *kind);
	int (*cartdim_get)(MPI_Comm comm, int *dimensions);
	int (*graph_count)(MPI_Comm comm, int rank, int *neighbours);
	int (*dist_graph_count)(MPI_Comm comm, int *in, int *out, int *weighted);
	int (*type_size)(MPI_Datatype datatype, MPI_Count *size);
};

/* Valid from the first call of an MPI function on, and not changed after that; `abi` is set last. */
extern struct assay_mpi_library assay_mpi_library;

/* Whether calls are recorded: MPI is initialised, not finalised, and one that is known. */
extern _Atomic bool assay_mpi_ready;

/* It is, from now on. If the process is measured, the host is told which rank it is. */
void assay_mpi_initialised(void);

/* The slow half of `assay_mpi_behind`. Leaves errno alone. */
void *assay_mpi_find(struct assay_mpi_function *function, const void *caller);

/*
 * The function behind, for a call that comes from `caller`. Never NULL: where a library has none, one that only returns
 * an error (a program that asks whether there is one finds ours).
 */
static inline void *assay_mpi_behind(struct assay_mpi_function *function, const void *caller)
{
	void *behind = atomic_load_explicit(&function->behind, memory_order_relaxed);

	return __builtin_expect(behind != NULL, 1) ? behind : assay_mpi_find(function, caller);
}

/* Whether code is of the library's parts for Fortran, which call the functions for C: then it is no place of the program's. */
bool assay_mpi_is_fortran(const void *code);

/* ---- what there are pointers to ---- */

/* As much of a word as is the handle. */
static inline uint64_t assay_mpi_handle(uintptr_t word)
{
	return assay_mpi_library.abi->handle_size == 4 ? (uint32_t)word : word;
}

/* The i-th of an array of handles. */
static inline uint64_t assay_mpi_handle_at(const void *handles, size_t i)
{
	uint64_t all;
	uint32_t half;

	if (assay_mpi_library.abi->handle_size == 4) {
		memcpy(&half, (const char *)handles + 4 * i, 4);
		return half;
	}
	memcpy(&all, (const char *)handles + 8 * i, 8);
	return all;
}

static inline int assay_mpi_status_source(const void *status)
{
	int source;

	memcpy(&source, (const char *)status + assay_mpi_library.abi->source_at, sizeof source);
	return source;
}

/* Bytes that were received. */
uint64_t assay_mpi_status_bytes(const void *status);

#endif
