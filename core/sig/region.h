/*
 * region.h: the regions that a thread is in.
 *
 * Owns the stack of open regions, and their exact time. A sample's path has them where they are (cct.c). Called under
 * the guard, not in handlers. What is wrong is counted in the thread's record (enum assay_region_fault), never guessed
 * at. -ENOSPC: no room in the spool.
 */
#ifndef ASSAY_CORE_SIG_REGION_H
#define ASSAY_CORE_SIG_REGION_H

#include "state.h"

/*
 * Opens a region, and closes the one with that key, for the function whose stack pointer was `sp`, at `now`
 * (CLOCK_MONOTONIC, ns). `sp` below ASSAY_NO_STACK: it is no function's, but the thread's: it may be closed anywhere,
 * and may end before what was opened inside it; key 0 closes the innermost of that `sp`. To close: with the lowest bit
 * set if the call may be the last thing that the function does, and the stack pointer its caller's. 0, or -ENOSPC.
 */
int assay_region_open(struct assay_thread *thread, uintptr_t sp, uint64_t key, struct assay_region_is is, uint64_t now);
int assay_region_close(struct assay_thread *thread, uintptr_t sp, uint64_t key, uint64_t now);

/*
 * Opens a region of which no more is given than it takes, if the last one that was open in the same place was the same.
 * False: it was not, and assay_region_open must do it.
 */
bool assay_region_open_again(struct assay_thread *thread, uintptr_t sp, uint64_t key, uint32_t metric, bool function,
			     uint64_t now);

/* Adds `n` to `metric` at the frame `frame` (a struct assay_spool_frame) in the innermost region. 0, or -ENOSPC. */
int assay_region_add(struct assay_thread *thread, uint32_t metric, assay_ref frame, uint64_t n);

/* Whether the innermost region has that key, and the function at `sp` may close it. */
bool assay_region_is_innermost(const struct assay_thread *thread, uintptr_t sp, uint64_t key);

/*
 * Of the region with that key, which was just closed, at `now`: whether it is always short (below `tiny_ns`, in the mean
 * and this time) and was there `often` times at its place, or a multiple. `often`: a power of two.
 */
bool assay_region_was_tiny(const struct assay_thread *thread, uint64_t key, uint64_t now, uint64_t often,
			   uint64_t tiny_ns);

/* Does the same as the next where the function is known. False: it is not, and nothing is done. Needs no guard. */
bool assay_region_count(struct assay_thread *thread, uint64_t function);

/* One call of a function that is not measured: adds 1 to its metric at the function, in no region. 0, or -ENOSPC. */
int assay_region_unmeasured(struct assay_thread *thread, uint64_t function, struct assay_region_is is);

/* The thread ends: its functions have returned, so its regions count as left open. */
void assay_region_close_all(struct assay_thread *thread, uint64_t now);

/*
 * In a forked child, with thread->opens NULL at first: open region `at` goes on in the new spool, where it is at another
 * place. From the outermost on.
 */
void assay_region_again(struct assay_thread *thread, uint32_t at, uint32_t module, uint64_t address, uint64_t now);

#endif
