/*
 * region.h: the regions that a thread is in.
 *
 * Owns the stack of open regions, and their exact time. A sample's path has them where they are (cct.c). Called under
 * the guard, not in handlers.
 */
#ifndef ASSAY_CORE_SIG_REGION_H
#define ASSAY_CORE_SIG_REGION_H

#include "state.h"

/*
 * Opens a region, of which all is given but its node; and closes the one with that key, for the function
 * whose stack pointer was `sp`, at `now` (CLOCK_MONOTONIC, ns). faults[] (by enum assay_region_fault) get what was
 * wrong: it is counted, never guessed at. 0, or -ENOSPC: no room in the spool.
 */
int assay_region_open(struct assay_thread *thread, const struct assay_region *region, uint64_t *faults);
int assay_region_close(struct assay_thread *thread, uintptr_t sp, uint64_t key, uint64_t now, uint64_t *faults);

/* The thread, or the process, ends: so do its regions. `left`: their functions have returned, so they count as left open. */
void assay_region_close_all(struct assay_thread *thread, uint64_t now, bool left);

/* In a forked child: open region `at` goes on in the new spool, where it is at another place. From the outermost on. */
void assay_region_again(struct assay_thread *thread, uint32_t at, uint32_t module, uint64_t address, uint64_t now);

#endif
