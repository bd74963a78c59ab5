/*
 * spool_builder.h: spools of known content, made record by record from the structs of profile/spool.h, for tests of
 * what reads them. Pointers to records stay good until the builder is freed.
 */
#ifndef ASSAY_TESTS_SPOOL_BUILDER_H
#define ASSAY_TESTS_SPOOL_BUILDER_H

#include <stddef.h>

#include "profile/spool.h"

struct spool_builder {
	uint8_t *bytes;
	size_t used;
	struct assay_spool_header *header;
};

/* A header of a process that started at `start_ns` and lives on. */
void builder_begin(struct spool_builder *b, int pid, uint64_t start_ns);
void builder_end(struct spool_builder *b);
/* Writes it to a file, holes and all. */
void builder_save(const struct spool_builder *b, const char *path);

/* `size` zeroed bytes. */
assay_ref builder_alloc(struct spool_builder *b, size_t size);
void *builder_at(const struct spool_builder *b, assay_ref ref);

assay_ref builder_string(struct spool_builder *b, const char *text);
assay_ref builder_bytes(struct spool_builder *b, const char *bytes, size_t length);

/* Each new record comes first in its list. */
assay_ref builder_metric(struct spool_builder *b, uint32_t id, const char *name);
assay_ref builder_module(struct spool_builder *b, const char *path, uint64_t start, uint64_t size, uint64_t bias);
assay_ref builder_thread(struct spool_builder *b, int tid, uint32_t flags);

/* A node below `parent`, or (a thread's reference) its root if it has none. */
assay_ref builder_root(struct spool_builder *b, assay_ref thread);
assay_ref builder_node(struct spool_builder *b, assay_ref parent, uint32_t module, uint64_t address);
/* `count` samples of `weight` ns each: adds them to the node, and to the thread's sums. */
void builder_samples(struct spool_builder *b, assay_ref thread, assay_ref node, uint64_t count, uint64_t weight);

#endif
