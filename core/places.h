/*
 * places.h: where functions are, for those that say themselves when they begin and end.
 *
 * Owns a cache of look-ups. Lock-free; any thread; not for handlers, which look up in sig/module.h.
 */
#ifndef ASSAY_CORE_PLACES_H
#define ASSAY_CORE_PLACES_H

#include <stdint.h>

/* Module and address of a run-time address, as in struct assay_spool_node. */
void assay_places_find(uint64_t function, uint32_t *module, uint64_t *address);

#endif
