/*
 * ranges.h: ranges that may overlap, and end in another thread than they began in.
 *
 * Owns those that are open, by a key and a number that whoever starts one chooses. They are no regions: samples do not
 * have them.
 */
#ifndef ASSAY_PLUGINS_REGIONS_RANGES_H
#define ASSAY_PLUGINS_REGIONS_RANGES_H

#include "regions.h"

void regions_range_start(const struct assay_host *h, uint64_t key, uint64_t id, uint32_t frame);

/* What it took goes to the call path of the one that ends it. One that is not open is reported as such a region. */
void regions_range_end(const struct assay_host *h, uint64_t key, uint64_t id);

/* The process ends: what is open counts until now. */
void regions_ranges_stop(const struct assay_host *h);

/* In a forked child: what is open goes on in its parent. */
void regions_ranges_forget(void);

#endif
