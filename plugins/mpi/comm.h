/*
 * comm.h: communicators and windows: who is in them, by which rank, and what they are called.
 *
 * Owns a table of them by handle, of fixed size and without locks; what does not fit counts as "a communicator" of
 * unknown members. All that is asked of the library is local: no message is ever sent for it. Never called before MPI is
 * initialised.
 */
#ifndef ASSAY_PLUGINS_MPI_COMM_H
#define ASSAY_PLUGINS_MPI_COMM_H

#include <stdint.h>

#include "assay/plugin.h"
#include "library.h"

enum { ASSAY_MPI_NOBODY = -1 }; /* in place of a rank in MPI_COMM_WORLD: not one of it, or not known */

struct assay_mpi_comm {
	_Atomic uint64_t key; /* of the table */
	int rank, size;       /* this process's, among its members */
	int peers;            /* those it talks to: the other side's, of an intercommunicator; else its members */
	int indegree, outdegree; /* neighbours, of one with a topology */
	uint32_t label;       /* the frame of its name; 0: not worth saying (MPI_COMM_WORLD, or there is none) */
	const int *world;     /* the peers' ranks in MPI_COMM_WORLD; NULL: the same */
	bool inter;
	bool unknown;         /* world is NULL because they are not known */
	char name[112];
	char ranks[40];       /* " (4 ranks)" */
};

/* Of those functions that have none. */
extern const struct assay_mpi_comm assay_mpi_comm_none;

/* The slow half of `assay_mpi_comm_find`. */
const struct assay_mpi_comm *assay_mpi_comm_look(const struct assay_host *host, uint64_t key);

enum { ASSAY_MPI_COMMS = 1024, ASSAY_MPI_COMMS_NEAR = 8 };
extern struct assay_mpi_comm assay_mpi_comms[ASSAY_MPI_COMMS];

#define ASSAY_MPI_WINDOW (1ull << 63) /* in a key: it is a window's handle, not a communicator's */

static inline unsigned assay_mpi_comm_slot(uint64_t key)
{
	return (unsigned)(key * 0x9e3779b97f4a7c15ull >> 54);
}
_Static_assert(ASSAY_MPI_COMMS == 1 << 10, "as many as there are slots");

/* What is known of a communicator, or with ASSAY_MPI_WINDOW of a window. Never NULL. */
static inline const struct assay_mpi_comm *assay_mpi_comm_find(const struct assay_host *host, uint64_t key)
{
	const struct assay_mpi_comm *comm = &assay_mpi_comms[assay_mpi_comm_slot(key)];

	return __builtin_expect(atomic_load_explicit(&comm->key, memory_order_acquire) == key, 1) ? comm :
		assay_mpi_comm_look(host, key);
}

/* A communicator was made from `parent` by a function of this name. */
void assay_mpi_comm_made(const struct assay_host *host, uint64_t key, const char *function,
			 const struct assay_mpi_comm *parent);

/* It is gone, or is called something else now. */
void assay_mpi_comm_gone(uint64_t key);

/* A peer's rank in MPI_COMM_WORLD. */
static inline int assay_mpi_comm_world_rank(const struct assay_mpi_comm *comm, int peer)
{
	if (peer < 0 || peer >= comm->peers || comm->unknown)
		return ASSAY_MPI_NOBODY;
	return comm->world ? comm->world[peer] : peer;
}

/* This process's place in MPI_COMM_WORLD. False: there is none (sessions only). */
bool assay_mpi_comm_self(int *rank, int *size);

#endif
