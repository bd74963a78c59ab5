/*
 * slots.h: the pool of struct assay_thread.
 *
 * Owns their memory, which is never given back and never moves, so a handler may look through all of
 * them. Lock-free; safe in handlers but for the first use of a new batch, which maps memory.
 */
#ifndef ASSAY_CORE_SIG_SLOTS_H
#define ASSAY_CORE_SIG_SLOTS_H

#include "state.h"

/* A free slot in state STARTING, or NULL: too many threads, or no memory. Any thread. */
struct assay_thread *assay_slots_take(void);

/* Gives a slot back. Any thread. */
void assay_slots_give_back(struct assay_thread *thread);

/* Slots are numbered from 0 up to this; one may be NULL. */
uint32_t assay_slots_count(void);
struct assay_thread *assay_slots_at(uint32_t slot);

/* In a forked child: all are free but `self` (which may be NULL). */
void assay_slots_after_fork(struct assay_thread *self);

#endif
