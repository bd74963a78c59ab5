/*
 * thread.h: the measured threads of this process.
 *
 * Owns the thread records in the spool, and a thread's beginning and end. Called from start.c and the wrappers, never from a handler. Lock-free.
 */
#ifndef ASSAY_CORE_THREAD_H
#define ASSAY_CORE_THREAD_H

#include "sig/state.h"

enum assay_threads_kind {
	ASSAY_THREADS_FIRST,   /* the process's first thread, at start-up */
	ASSAY_THREADS_STARTED, /* started by another */
	ASSAY_THREADS_FORKED,  /* goes on in a forked child; its stack is as it was */
};

/*
 * The calling thread begins under `thread`: record, clock. `routine` is its start routine (NULL but
 * for a started thread), `stack_size` the size of the stack it was given. Under the guard.
 */
void assay_threads_begin(struct assay_thread *thread, void *routine, size_t stack_size, enum assay_threads_kind kind);

/* The calling thread ends: its totals go into its record, the slot back to the pool. Under the guard. */
void assay_threads_end(void);

/* The process ends, or is about to exec: totals of all live threads as of now. They stay live. Under the guard. */
void assay_threads_settle(void);

/* In a forked child: the calling thread is all there is. Returns its slot, or NULL if it had none. */
struct assay_thread *assay_threads_after_fork(void);

/*
 * Ends the clocks of all threads, when sampling has been switched off, and waits for the handlers that were at work: each
 * ends by itself. Any thread, under the guard.
 */
void assay_threads_stop_clocks(void);

#endif
