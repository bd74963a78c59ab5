/*
 * handler.h: the sampling signal's handler.
 *
 * Owns what happens when a thread's clock expires: weigh, walk, insert, re-arm. Signals of the same
 * number that others send get what the program asked for them.
 */
#ifndef ASSAY_CORE_SIG_HANDLER_H
#define ASSAY_CORE_SIG_HANDLER_H

#include <signal.h>

#include "state.h"
#include "unwind.h"

/* The handler, installed with SA_SIGINFO | SA_RESTART and an empty mask. */
void assay_handler(int signal, siginfo_t *info, void *context);

/* What the program believes to be its disposition of the sampling signal (core/wrap_signal.c keeps it). */
extern struct sigaction assay_handler_programs_action;

/* The unwinder in use. Set once at start-up. */
extern assay_unwind_fn *assay_handler_unwind;

/* Counts a loss in the thread's record, or in the header where there is none. */
void assay_handler_drop(struct assay_thread *thread, enum assay_spool_drop why);

/*
 * After a long stretch under the guard (fork): if a sample was due in it, it is taken now, so that its time does not go to
 * whatever the program does next. The thread itself, outside handlers and the guard.
 */
void assay_handler_catch_up(void);

#endif
