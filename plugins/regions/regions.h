/*
 * regions.h: what the ways of marking a program share: assay/region.h, its Fortran module, and other tools' markers.
 *
 * Owns the plugin's host and its metrics.
 */
#ifndef ASSAY_PLUGINS_REGIONS_H
#define ASSAY_PLUGINS_REGIONS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <assay/plugin.h>

#include <stdatomic.h>
#include <stddef.h>

#define EXPORT __attribute__((visibility("default")))

enum { REGIONS_NAME_MAX = 256 }; /* bytes of a name that has to be copied; what is longer is cut off */

/* The numbers of the plugin's metrics, set before the host is. */
struct regions_metrics {
	uint32_t regions, counters, messages;
};
extern struct regions_metrics regions_metric;

/* NULL: nothing is to be recorded. */
extern const struct assay_host *_Atomic regions_host_now;

static inline const struct assay_host *regions_host(void)
{
	return atomic_load_explicit(&regions_host_now, memory_order_acquire);
}

#endif
