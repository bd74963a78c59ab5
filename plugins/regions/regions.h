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
	uint32_t regions, counters, messages, ranges;
};
extern struct regions_metrics regions_metric;

/* Whose regions of no function's are whose: see `open` of the host. */
#define REGIONS_LIKWID ((uintptr_t)1)
#define REGIONS_NVTX ((uintptr_t)2)
#define REGIONS_ITT ((uintptr_t)3)           /* and from there on its domains, */
#define REGIONS_NVTX_DOMAIN ((uintptr_t)2000) /* and NVTX's: 1000 of each */
#define REGIONS_NEVER ((const void *)4095)   /* nobody's: to close one of it is to close what is not open */

/* NULL: nothing is to be recorded. */
extern const struct assay_host *_Atomic regions_host_now;

/* Another tool's markers found this library on their own: the plugin is started. False: it is not part of the run. */
bool regions_wake(void);

static inline const struct assay_host *regions_host(void)
{
	return atomic_load_explicit(&regions_host_now, memory_order_acquire);
}

#endif
