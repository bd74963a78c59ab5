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
 * fills the header but for what the caller knows. 0, or a negative errno: nothing is mapped.
 */
int assay_spool_create(const char *run, uint64_t limit);

/* Forgets the mapping (of the parent, in a forked child). */
void assay_spool_unmap(void);

#endif
