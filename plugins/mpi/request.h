/*
 * request.h: operations that go on after the call that started them, until another call finds them complete.
 *
 * Owns a table of them by request, of fixed size and without locks. A library gives the same handle to several requests
 * that are complete at once (Open MPI's empty request, MPICH's for messages that were sent directly), so a handle may be
 * there several times, and the one is as good as the other. What does not fit is not followed, which is counted.
 */
#ifndef ASSAY_PLUGINS_MPI_REQUEST_H
#define ASSAY_PLUGINS_MPI_REQUEST_H

#include "comm.h"

struct assay_mpi_request {
	uint64_t began_ns;  /* when the call that started it returned; 0: persistent, and not started */
	const struct assay_mpi_comm *comm;
	uint64_t sent, received; /* bytes; of what is known at the start */
	int to, from;            /* ranks in comm, or ASSAY_MPI_ALL, ASSAY_MPI_FILES (call.h) */
	uint32_t frame;          /* of the call that started it */
	bool by_status;          /* what it receives is in the status at its end */
	bool persistent;
};

/* One more. False: there is no room. */
bool assay_mpi_request_add(uint64_t key, const struct assay_mpi_request *request);

/* A copy of it; false: it is not known. */
bool assay_mpi_request_find(uint64_t key, struct assay_mpi_request *request);

/* It is complete: *request is a copy of it. A persistent one stays, as not started. False: not known, or not started. */
bool assay_mpi_request_end(uint64_t key, struct assay_mpi_request *request);

/* A persistent one is started: *request is a copy of it. False: not known. */
bool assay_mpi_request_start(uint64_t key, uint64_t now, struct assay_mpi_request *request);

/* The handle is gone. */
void assay_mpi_request_forget(uint64_t key);

#endif
