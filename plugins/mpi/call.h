/*
 * call.h: what the interposed functions (mpi.in.c) say of a call: that it begins and ends, and what went through it.
 *
 * Owns the frames of calls, by where the program calls. A call that is made within another (a library that calls itself, a
 * tool behind us, an operation or error handler of the program's) is a part of that one, and nothing is recorded for it.
 */
#ifndef ASSAY_PLUGINS_MPI_CALL_H
#define ASSAY_PLUGINS_MPI_CALL_H

#include "comm.h"

/* In place of a rank: of no single one's; a file's. */
enum { ASSAY_MPI_ALL = -1000001, ASSAY_MPI_FILES = -1000002 };

/*
 * The call of a function for Fortran that this thread is in: where the program calls it, and its stack pointer there (0:
 * none). What the library's function for Fortran calls within as much stack as it may need is that call.
 */
enum { ASSAY_MPI_FORTRAN_STACK = 16384 };
extern _Thread_local const void *assay_mpi_fortran_site;
extern _Thread_local uintptr_t assay_mpi_fortran_sp;

/* Where the program calls, and on which communicator. */
struct assay_mpi_site {
	_Atomic uint64_t key;
	_Atomic uint32_t frame;
	_Atomic bool lasts; /* the last wait here was long: the next is likely to be */
};

/* A call, from its begin to its end. On the stack of the interposed function. */
struct assay_mpi_call {
	const struct assay_host *host;
	struct assay_mpi_site *site;
	const struct assay_mpi_comm *comm;
	uint64_t took; /* ns, after the end */
	bool waits;
};

/* Set by the plugin (mpi.c). The host last, NULL: not measured. */
extern const struct assay_host *_Atomic assay_mpi_host;
extern uint64_t assay_mpi_threshold_ns;
struct assay_mpi_metrics {
	uint32_t calls, sent, received, written, read, to, from, flight, hidden, lost;
};
extern struct assay_mpi_metrics assay_mpi_metric;

/* How many processes there are in MPI_COMM_WORLD; 0: there is none. */
extern int assay_mpi_world_size;

/* MPI_Pcontrol(0): nothing is recorded until the program says otherwise. */
extern _Atomic bool assay_mpi_paused;

/*
 * A call begins, on a communicator or window (0: it has none); `site` is its address in the program, `sp` the program's
 * stack pointer there. False: nothing is to be recorded of it, and the function behind to be called, no more. errno stays
 * as it was.
 */
bool assay_mpi_begin(struct assay_mpi_call *c, const struct assay_mpi_function *function, MPI_Comm comm, MPI_Win win,
		     const void *site, const void *sp);

/* The same for those that come before MPI is ready. */
bool assay_mpi_begin_early(struct assay_mpi_call *c, const struct assay_mpi_function *function, const void *site,
			   const void *sp);

/* It has ended. What went through it is said after this. */
void assay_mpi_end(struct assay_mpi_call *c);

/* Bytes handed to the rank `to` of the call's communicator, or got from one. */
void assay_mpi_sent(const struct assay_mpi_call *c, int to, uint64_t bytes);
void assay_mpi_received(const struct assay_mpi_call *c, int from, uint64_t bytes);

/* The same by the status of a message. */
void assay_mpi_received_by_status(const struct assay_mpi_call *c, const void *status);

/* ---- operations that go on ---- */

struct assay_mpi_start {
	uint64_t sent, received;
	int to, from;
	bool by_status, persistent;
};

/* The call has started an operation, or prepared a persistent one. */
void assay_mpi_started(const struct assay_mpi_call *c, uint64_t request, const struct assay_mpi_start *start);

/* The call has found a message, which will be received by its handle; the call receives one that was found. */
void assay_mpi_found(const struct assay_mpi_call *c, const void *message);
void assay_mpi_take_message(struct assay_mpi_call *c, uint64_t message);

/* The call has started a persistent one. */
void assay_mpi_restarted(const struct assay_mpi_call *c, uint64_t request);

/* The call has found it complete; status NULL: it has none. */
void assay_mpi_completed(const struct assay_mpi_call *c, uint64_t request, const void *status);

/*
 * The requests of a call that has `n` of them: copied, for the call overwrites them. Where the program wants no statuses
 * (*statuses is what it gave) and there are some that tell what was received, *statuses becomes an array of ours.
 */
struct assay_mpi_requests {
	const uint64_t *keys; /* NULL: too many, or no memory: they are not followed */
	int n;
};
void assay_mpi_take(struct assay_mpi_requests *r, const void *requests, int n, void **statuses);

/* The i-th of the requests is complete, with the j-th of the statuses. */
void assay_mpi_completed_of(const struct assay_mpi_call *c, const struct assay_mpi_requests *r, int i, const void *statuses,
			    int j);

/* Some of them were in error: complete is what is now null. What was received is not known. */
void assay_mpi_completed_some(const struct assay_mpi_call *c, const struct assay_mpi_requests *r, const void *requests);

/* The thread ends. */
void assay_mpi_call_thread_stop(void);

#endif
