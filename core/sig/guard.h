/*
 * guard.h: the per-thread guard, and the thread-locals it lives in.
 *
 * Every entrance into Assay from outside (signal handler, wrapper, callback) takes the guard on its
 * first line and leaves it on its last. An entrance that finds it taken has come from Assay's own
 * code in this thread: it counts a drop, or does without, and returns. Nothing waits here.
 *
 * The guard orders code within one thread against a signal in that thread, so compiler fences
 * suffice.
 */
#ifndef ASSAY_CORE_SIG_GUARD_H
#define ASSAY_CORE_SIG_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>

struct assay_thread;

struct assay_tls {
	struct assay_thread *thread; /* NULL: this thread is not measured */
	volatile int inside;         /* the guard */
	bool hides;                  /* the program believes that it has blocked the sampling signal */
};

extern __thread struct assay_tls assay_tls __attribute__((tls_model("initial-exec")));

/* Takes the guard; false when it is taken already. Any thread, handlers included. */
static inline bool assay_guard_enter(void)
{
	if (assay_tls.inside)
		return false;
	assay_tls.inside = 1;
	atomic_signal_fence(memory_order_seq_cst);
	return true;
}

/* Leaves a guard that assay_guard_enter returned true for. */
static inline void assay_guard_leave(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	assay_tls.inside = 0;
}

#endif
