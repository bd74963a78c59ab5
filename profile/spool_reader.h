/*
 * spool_reader.h: a spool, read with nothing in it believed.
 *
 * Owns the mapping of one file. Every reference is checked against the file's size and followed at
 * most once, so a spool that is truncated, still being written, or made by an enemy yields what is
 * sound of it and no more. Never writes.
 */
#ifndef ASSAY_PROFILE_SPOOL_READER_H
#define ASSAY_PROFILE_SPOOL_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "spool.h"

struct assay_spool {
	const uint8_t *base;
	uint64_t size;     /* bytes that may be read */
	uint64_t mapped;   /* bytes at base */
	bool copied;       /* base is malloc'ed: a small spool is read, so that a run of very many needs no mapping each */
	const struct assay_spool_header *header;
	uint8_t *visited;  /* a bit a slot, for one walk at a time */
	bool cut_off;      /* the file ends before what was written to it */
};

/*
 * Opens a spool. 0, or a negative errno (-ENOMEM; -EINVAL: no spool, or one of another version; -ENODATA: its
 * process was killed before it had written the header, so there is nothing to read), with
 * *why in words (static). To be closed with assay_spool_close.
 */
int assay_spool_open(const char *path, struct assay_spool *spool, const char **why);
void assay_spool_close(struct assay_spool *spool);

/* The same on bytes in memory, which stay the caller's. */
int assay_spool_open_memory(const uint8_t *bytes, uint64_t size, struct assay_spool *spool, const char **why);

/* A string record's bytes (not ended by a NUL that may be relied on), or NULL. */
const char *assay_spool_string(const struct assay_spool *spool, assay_ref ref, size_t *length);

/* The record behind a reference, or NULL when it is not wholly inside the file. */
const struct assay_spool_thread *assay_spool_thread(const struct assay_spool *spool, assay_ref ref);
const struct assay_spool_module *assay_spool_module(const struct assay_spool *spool, assay_ref ref);
const struct assay_spool_metric *assay_spool_metric(const struct assay_spool *spool, assay_ref ref);
const struct assay_spool_frame *assay_spool_frame(const struct assay_spool *spool, assay_ref ref);
const struct assay_spool_plugin *assay_spool_plugin(const struct assay_spool *spool, assay_ref ref);
const struct assay_spool_opens *assay_spool_opens(const struct assay_spool *spool, assay_ref ref); /* count: not checked */
const struct assay_spool_value *assay_spool_value(const struct assay_spool *spool, assay_ref ref);
const struct assay_spool_timeline *assay_spool_timeline(const struct assay_spool *spool, assay_ref ref);

/*
 * References of a list of records that begin with `next`, in the file's order (newest first), into a
 * malloc'ed array. `size` is that of one record. Returns how many; *refs is NULL when none or no memory.
 */
size_t assay_spool_list(struct assay_spool *spool, assay_ref first, size_t size, assay_ref **refs);

/* One node of a tree as it is met: its parent has been met before it. */
struct assay_spool_visit {
	assay_ref ref;
	size_t parent; /* index of the visit of its parent; its own for the root */
	const struct assay_spool_node *node;
};

/*
 * All sound nodes of the tree at `root`, parents before children, into a malloc'ed array. Returns how
 * many; *visits is NULL when none or no memory.
 */
size_t assay_spool_tree(struct assay_spool *spool, assay_ref root, struct assay_spool_visit **visits);

#endif
