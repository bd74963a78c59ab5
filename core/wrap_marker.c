/*
 * Interposed: what programs call that mark themselves by LIKWID's marker API and are linked with its library. Handed to the
 * plugin `regions`, where the run has it, and always to LIKWID.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#include "assay/plugin.h"
#include "real.h"
#include "wrap.h"

typedef void marker_call(const char *name);

int likwid_markerStartRegion(const char *name);
int likwid_markerStopRegion(const char *name);
assay_demand_fn assay_demand;

static void nobody(const char *name)
{
	(void)name;
}

static _Atomic(marker_call *) start, stop;

static marker_call *find(_Atomic(marker_call *) *call, const char *name)
{
	marker_call *found = atomic_load_explicit(call, memory_order_relaxed);

	if (found)
		return found;
	found = (marker_call *)assay_demand("regions", name);
	if (found == (marker_call *)ASSAY_DEMAND_LATER)
		return nobody;
	found = found ? found : nobody;
	atomic_store_explicit(call, found, memory_order_relaxed);
	return found;
}

/* LIKWID's own time for a region counts in it neither way: it is read once more begun, and before it ends. */
ASSAY_EXPORT int likwid_markerStartRegion(const char *name)
{
	int (*real)(const char *) = ASSAY_REAL(likwid_markerStartRegion);
	int result = real ? real(name) : -EFAULT; /* as where it has not been initialised */

	find(&start, "assay_likwid_start")(name);
	return result;
}

ASSAY_EXPORT int likwid_markerStopRegion(const char *name)
{
	int (*real)(const char *) = ASSAY_REAL(likwid_markerStopRegion);

	find(&stop, "assay_likwid_stop")(name);
	return real ? real(name) : -EFAULT;
}
