/*
 * guard.h: the per-thread guard, and the thread-locals it lives in.
 *
 * Every entrance into Assay from outside (signal handler, wrapper, callback) takes the guard on its
 * first line and leaves it on its last. An entrance that finds it taken has come from Assay's own
 * code in this thread: it counts a drop, or does without, and returns. Nothing waits here.
 *
 * Who has it may never come back: a handler of the program's that interrupted Assay's code may jump away, or the thread
 * be cancelled. So the guard is a place in the stack frame of whoever has it, and one who comes from further out, where
 * that frame has been left, takes it over.
 *
 * The guard orders code within one thread against a signal in that thread, so compiler fences
 * suffice.
 */
#ifndef ASSAY_CORE_SIG_GUARD_H
#define ASSAY_CORE_SIG_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct assay_thread;

struct assay_tls {
	struct assay_thread *thread; /* NULL: this thread is not measured */
	volatile uintptr_t inside;   /* the guard: 0, or the stack pointer at the call of the function that has it */
	bool hides;                  /* the program believes that it has blocked the sampling signal */
};

extern __thread struct assay_tls assay_tls __attribute__((tls_model("initial-exec")));

/* Of a guard that is kept beyond the function that took it (over a fork): nobody takes it over. */
#define ASSAY_GUARD_KEPT UINTPTR_MAX

/* Whether a function with its stack pointer at `sp` shows that who has the guard has been left; and makes it fit for it. */
bool assay_guard_take_over(uintptr_t sp);

/*
 * Takes the guard; false when it is taken already. Any thread, handlers included, which say where they came from: the
 * stack pointer of what they interrupted. A function that takes the guard for another, which keeps it, must be inlined in
 * that, or be called by it directly.
 */
__attribute__((always_inline)) static inline bool assay_guard_enter_from(uintptr_t interrupted)
{
	uintptr_t here = (uintptr_t)__builtin_dwarf_cfa();

	if (assay_tls.inside && !assay_guard_take_over(interrupted ? interrupted : here))
		return false;
	assay_tls.inside = here;
	atomic_signal_fence(memory_order_seq_cst);
	return true;
}

__attribute__((always_inline)) static inline bool assay_guard_enter(void)
{
	return assay_guard_enter_from(0);
}

/* Leaves a guard that assay_guard_enter returned true for. */
static inline void assay_guard_leave(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	assay_tls.inside = 0;
}

#endif
