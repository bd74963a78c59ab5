/*
 * arena.h: memory in the spool.
 *
 * Owns the growth of the spool file. Room is reserved before it is used, so a full disk or limit is
 * a NULL here and never a SIGBUS. Never gives memory back. Lock-free; safe in handlers.
 */
#ifndef ASSAY_CORE_SIG_ARENA_H
#define ASSAY_CORE_SIG_ARENA_H

#include "state.h"

/*
 * `size` bytes (rounded up to slots) of zeroed spool memory from the calling thread's own arena, or
 * NULL: the spool is full.
 */
void *assay_arena_alloc(struct assay_arena *arena, size_t size);

/* The same from the process's common arena (threads, modules, strings): any thread at any time. */
void *assay_arena_alloc_common(size_t size);

/* A string record; reference 0 when full. */
assay_ref assay_arena_string(const char *bytes, size_t length);

/*
 * Makes bytes [offset, offset + size) of the mapped spool usable. 0, or a negative errno. `fd` is
 * the spool's file where it is open already (start-up), else -1.
 */
int assay_arena_reserve(uint64_t offset, uint64_t size, int fd);

/* After the mapping was replaced (start, fork): the common arena starts at `offset`, up to `end`. */
void assay_arena_reset(uint64_t offset, uint64_t end);

#endif
