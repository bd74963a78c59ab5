/*
 * likwid.c: programs that mark themselves by LIKWID's marker API. core/wrap_marker.c has the two functions, which are called
 * in place of LIKWID's, and hands them on. Regions may overlap, and end in any function.
 */
#include "regions.h"

void assay_likwid_start(const char *name);
void assay_likwid_stop(const char *name);

EXPORT void assay_likwid_start(const char *name)
{
	const struct assay_host *h = regions_host();

	if (h && name)
		h->open(h->frame("region", name), regions_metric.regions, (const void *)REGIONS_LIKWID);
}

EXPORT void assay_likwid_stop(const char *name)
{
	const struct assay_host *h = regions_host();

	if (h && name)
		h->close(h->frame("region", name), regions_metric.regions, (const void *)REGIONS_LIKWID);
}
