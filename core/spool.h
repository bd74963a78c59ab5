/*
 * spool.h: this process's spool file.
 *
 * Owns making and mapping it. Called at start-up and in a forked child, when no other thread of ours
 * runs; uses system calls only. Never keeps a descriptor open.
 */
#ifndef ASSAY_CORE_SPOOL_H
#define ASSAY_CORE_SPOOL_H

#include "sig/state.h"

/*
 * Makes a new spool for this process in the run's directory `run`, of at most `limit` bytes, maps it and
 * fills the header but for what the caller knows. The mapping of before (a forked child's parent's) is left
 * to the caller to unmap. 0, or a negative errno: nothing new is mapped.
 */
int assay_spool_create(const char *run, uint64_t limit);

/*
 * Gives up the part of the mapping that may not be needed: before mlockall, which would fill and count all
 * of it. Under the guard.
 */
void assay_spool_freeze(void);

/* The name of this process's spool in the run's directory, or "": it has none. Any thread, and vfork children. */
const char *assay_spool_name(void);

#endif
