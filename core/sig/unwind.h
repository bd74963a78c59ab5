/*
 * unwind.h: the walk up an interrupted thread's stack. All that the handler knows of unwinding.
 *
 * Owns the two unwinders behind one type: Assay's own (x86-64, aarch64), and libunwind where it was asked for
 * or where the own one does not exist. Never reads outside the thread's stack or checked memory.
 */
#ifndef ASSAY_CORE_SIG_UNWIND_H
#define ASSAY_CORE_SIG_UNWIND_H

#include "state.h"

/*
 * Walks from the interrupted context (a ucontext_t) and fills thread->frames, innermost first, with
 * module and address of each frame (a caller's address is that of its call). Returns how many (at
 * least 1); *end tells how the walk ended. thread->shared says how many frames from the root on come
 * behind them that are those of the walk before, for which assay_unwind_keep was called: thread->path has
 * their nodes. Handlers only, under the guard.
 */
typedef uint32_t assay_unwind_fn(struct assay_thread *thread, void *context, enum assay_spool_walk *end);

assay_unwind_fn assay_unwind_own;
assay_unwind_fn assay_unwind_libunwind;
assay_unwind_fn assay_unwind_none; /* the interrupted address alone */

/* Once thread->path is that of the last walk: the next one may share it. */
void assay_unwind_keep(struct assay_thread *thread);

/* After a walk by assay_unwind_own: adds the shared frames to its `fresh` ones. How many there are then. For tests. */
uint32_t assay_unwind_whole(struct assay_thread *thread, uint32_t fresh);

/* Whether this architecture has an unwinder of our own. */
#if defined __x86_64__ || defined __aarch64__
#define ASSAY_UNWIND_HAVE_OWN 1
#else
#define ASSAY_UNWIND_HAVE_OWN 0
#endif

/* libunwind's entry points, opened by core/open_libunwind.c before the first sample. */
struct assay_libunwind {
	int (*init_local2)(void *cursor, void *context, int flag);
	int (*step)(void *cursor);
	int (*get_reg)(void *cursor, int reg, uintptr_t *value);
	int (*is_signal_frame)(void *cursor);
	uintptr_t start, end; /* where it lies: its own signal masks are left as they are */
};
extern struct assay_libunwind assay_libunwind;

/* Fills a frame's module and address from a run-time address. */
void assay_unwind_frame(struct assay_frame_ref *frame, uintptr_t address);

#endif
