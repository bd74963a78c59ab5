/*
 * clock.h: the per-thread sampling clocks.
 *
 * Owns a thread's timer or perf event: making, arming, re-arming with jitter, and ending it. Each
 * expiry is one signal to the thread that burnt the CPU time, never to one that waits. System calls
 * only; safe in handlers.
 */
#ifndef ASSAY_CORE_SIG_CLOCK_H
#define ASSAY_CORE_SIG_CLOCK_H

#include <time.h>

#include "state.h"

/* The value that our timers' signals carry: tells them from a signal of the same number sent by others. */
#define ASSAY_CLOCK_MAGIC 0x41535359

/* The kernel's clock_gettime, or NULL: by system call. Set once at start-up. */
extern int (*assay_clock_read)(clockid_t, struct timespec *);

/* Makes and arms the calling thread's clock. 0, or a negative errno: the thread is not sampled. */
int assay_clock_start(struct assay_thread *thread);

/*
 * Whether a descriptor is one of our events', and the first such at or above a number (~0u: none). Any thread,
 * handlers included.
 */
bool assay_clock_owns(int fd);
unsigned assay_clock_next_owned(unsigned from);

/* The program is about to take the descriptor of a thread's event: a timer takes its place. Any thread. */
void assay_clock_replace_event(struct assay_thread *thread);

/* Puts the next sample off by a millisecond or more. The thread itself, outside the handler. */
void assay_clock_defer(struct assay_thread *thread);

/* Arms it for the next sample; `cpu_ns` is the thread's CPU clock now. The thread itself. */
void assay_clock_next(struct assay_thread *thread, uint64_t cpu_ns);

/*
 * The same about a sample: begin returns the thread's CPU clock, end gets it. A timer is armed by the first, at
 * once with reading the clock; an event by the second, so that there is time between samples for the program.
 * Handlers.
 */
uint64_t assay_clock_begin(struct assay_thread *thread);
void assay_clock_end(struct assay_thread *thread, uint64_t cpu_ns);

/*
 * What a sample stands for, of the `passed_ns` of CPU time since the thread's last one. All of it, but for
 * expiries of a perf event that the kernel dropped because the thread was not in user mode: nothing is known
 * of where it was then. Handlers, under the guard; before assay_clock_end.
 */
uint64_t assay_clock_weight(struct assay_thread *thread, uint64_t passed_ns);

/* Ends a thread's clock. Any thread, but its own handler must not be at work. */
void assay_clock_stop(struct assay_thread *thread);

/* Stops a clock without ending it (before exec), and starts it again (exec failed). */
void assay_clock_pause(struct assay_thread *thread);
void assay_clock_resume(struct assay_thread *thread);

/* Whether a signal's information says that one of our clocks sent it. */
bool assay_clock_is_ours(const struct assay_thread *thread, const void *siginfo);

#endif
