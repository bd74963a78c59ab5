/*
 * map.h: a hash map from 128-bit keys to 32-bit numbers, for the digest.
 *
 * Owns its table. Keys are never removed. Numbers are what the caller makes of them (indices).
 */
#ifndef ASSAY_VIEWER_MAP_H
#define ASSAY_VIEWER_MAP_H

#include <stddef.h>
#include <stdint.h>

struct assay_map_entry {
	uint64_t a, b;
	uint32_t number; /* 0 = empty slot */
};

/* All zeros is an empty map. */
struct assay_map {
	struct assay_map_entry *entries;
	size_t room, count;
	struct assay_map_entry *offered; /* the new one of the last call, or NULL */
};

/*
 * Where the number for (a, b) stands: to be read, and set if it is 0 (new). Valid until the next call.
 * NULL: not enough memory.
 */
uint32_t *assay_map_at(struct assay_map *map, uint64_t a, uint64_t b);

void assay_map_free(struct assay_map *map);

/* A hash of bytes, for keys made of text (FNV-1a, 64 bits). */
uint64_t assay_map_hash(const void *bytes, size_t length);

#endif
