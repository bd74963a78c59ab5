/*
 * core_process.h: what the core's start-up does, for tests of modules that run inside a measured process: a process
 * state with a spool in a new folder, and a thread in it. No signal handler, no clock, no interposed function.
 */
#ifndef ASSAY_TESTS_CORE_PROCESS_H
#define ASSAY_TESTS_CORE_PROCESS_H

#include "core/sig/state.h"

/* A new folder, and a spool of at most `limit` bytes in it. */
void core_process_begin(uint64_t limit);
/* The same in a folder that exists. Returns assay_spool_create's result. */
int core_process_begin_in(const char *folder, uint64_t limit);
/* Ends either: unmaps the spool and removes its file (and the folder, if it was new). */
void core_process_end(void);

/* A thread of that process with a record and an empty arena: one, made anew by each call. Its stack is the caller's. */
struct assay_thread *core_process_thread(void);

#endif
