/*
 * wait.h: what a thread waits for, and the places that it works for.
 *
 * Owns a thread's present wait and its adoptions. Called under the guard; the first and the last of these in handlers too.
 */
#ifndef ASSAY_CORE_SIG_WAIT_H
#define ASSAY_CORE_SIG_WAIT_H

#include "state.h"

/*
 * The thread begins to wait, in a function whose stack frame is at `sp`. `frame` (a struct assay_spool_frame) may be 0;
 * with_path: the caller's call path is looked for now. False: it waits already, and this is a part of that.
 */
bool assay_wait_begin(struct assay_thread *thread, const struct assay_wait *wait, bool with_path);

/*
 * It ends, now (CLOCK_MONOTONIC, ns). A wait of threshold_ns or more gets its call path. `frame`, if not 0, takes the
 * place of that at the begin. *took is how long it was. 0; -ENOSPC: no room; -ENOENT: it was not waiting.
 */
int assay_wait_end(struct assay_thread *thread, assay_ref frame, uint64_t now, uint64_t threshold_ns, uint64_t *took);

/* It waits no more, and nothing is recorded: the function that waited has been left by a jump. Handlers too. */
void assay_wait_forget(struct assay_thread *thread);

/* What the thread does is part of what is at `place` from here on, a node of any thread's. 0, or -ENOSPC. */
int assay_wait_adopt(struct assay_thread *thread, assay_ref place, uintptr_t sp, uint64_t now);
void assay_wait_unadopt(struct assay_thread *thread, uintptr_t sp, uint64_t now);

/* Adds to a metric at a place, once, or `more` of what was added before. 0, or -ENOSPC. */
int assay_wait_add_at(struct assay_thread *thread, uint32_t metric, assay_ref place, uint64_t n, bool more);

/* The same for what takes from begin to end, innermost first. 0, or -ENOSPC. */
int assay_wait_begin_at(struct assay_thread *thread, uint32_t metric, assay_ref place, uint64_t now);
int assay_wait_end_at(struct assay_thread *thread, uint64_t now);

/* The wait of a thread that has nothing to do: `wait` with metric, frame, begin; below `place`, and then its own root. */
int assay_wait_dock(struct assay_thread *thread, const struct assay_wait *wait, assay_ref place, assay_ref frame_after);
int assay_wait_undock(struct assay_thread *thread, uint64_t now);

/* The first part was over at `when`. Any thread, of any. */
void assay_wait_dock_over(struct assay_thread *thread, uint64_t when);

/*
 * A sample of `weight` ns was taken, with the interrupted code's stack pointer at `sp`: puts it to the wait that the thread
 * is in. Before the path is made: a wait that was left by a jump is forgotten. Handlers.
 */
void assay_wait_sampled(struct assay_thread *thread, uintptr_t sp, uint64_t weight);

/* The node of a thread that is docked. Handlers. */
assay_ref assay_wait_docked_at(const struct assay_thread *thread, uint64_t now);

#endif
