/*
 * regions: what a program says of itself by include/assay/region.h (here), by its Fortran module (fortran.c), and by
 * what it has for other tools: nvtx.c, itt.c, likwid.c. Counts nothing and keeps next to nothing: it hands on.
 */
#include <dlfcn.h>

#include "ranges.h"

void assay_region_enter(unsigned *site, const char *name, const void *frame);
void assay_region_leave(unsigned *site, const char *name, const void *frame);
void assay_region_count(unsigned *site, const char *name, unsigned long n);
void assay_region_message(unsigned *site, const char *text, unsigned long n);

const struct assay_host *_Atomic regions_host_now;
struct regions_metrics regions_metric;

/* The frame's number, which the site keeps. 0: none. */
static uint32_t number_of(const struct assay_host *h, unsigned *site, const char *kind, const char *name)
{
	uint32_t number = site ? __atomic_load_n(site, __ATOMIC_RELAXED) : 0;

	if (!number && name) {
		number = h->frame(kind, name);
		if (site)
			__atomic_store_n(site, number, __ATOMIC_RELAXED);
	}
	return number;
}

EXPORT void assay_region_enter(unsigned *site, const char *name, const void *frame)
{
	const struct assay_host *h = regions_host();

	if (h)
		h->open(number_of(h, site, "region", name), regions_metric.regions, frame);
}

EXPORT void assay_region_leave(unsigned *site, const char *name, const void *frame)
{
	const struct assay_host *h = regions_host();

	if (h)
		h->close(number_of(h, site, "region", name), regions_metric.regions, frame);
}

EXPORT void assay_region_count(unsigned *site, const char *name, unsigned long n)
{
	const struct assay_host *h = regions_host();

	if (h)
		h->add(regions_metric.counters, number_of(h, site, "counter", name), n);
}

EXPORT void assay_region_message(unsigned *site, const char *text, unsigned long n)
{
	const struct assay_host *h = regions_host();

	if (h)
		h->add_in_region(regions_metric.messages, number_of(h, site, "message", text), n);
}

bool regions_wake(void)
{
	assay_demand_fn *demand = (assay_demand_fn *)(uintptr_t)dlsym(RTLD_DEFAULT, "assay_demand");

	if (!demand)
		(void)dlerror();
	return demand && demand("regions", "assay_region_enter"); /* which may be later */
}

static int start(const struct assay_host *h)
{
	regions_metric = (struct regions_metrics){ h->metric("regions"), h->metric("counters"), h->metric("messages"),
		h->metric("ranges") };
	atomic_store_explicit(&regions_host_now, h, memory_order_release);
	return 0;
}

static void stop(void)
{
	const struct assay_host *h = regions_host();

	if (h)
		regions_ranges_stop(h);
	atomic_store_explicit(&regions_host_now, NULL, memory_order_release);
}

static const struct assay_plugin_metric metrics[] = {
	{ "regions", "ns", ASSAY_PLUGIN_EXACT_TIME,
		"wall time in the regions that the program marks, from begin to end, without the regions inside them" },
	{ "counters", "count", ASSAY_PLUGIN_COUNT, "what the program counts itself" },
	{ "messages", "count", ASSAY_PLUGIN_COUNT, "what the program says, how often, and in which region" },
	{ "ranges", "ns", ASSAY_PLUGIN_EXACT_TIME,
		"wall time in ranges that may overlap and end in another thread, from start to end; where they end" },
	{ NULL, NULL, 0, NULL },
};

ASSAY_PLUGIN(regions) = {
	.abi = ASSAY_PLUGIN_ABI,
	.size = sizeof(struct assay_plugin),
	.name = "regions",
	.summary = "time and count of the regions that a program marks, with assay/region.h, NVTX, ITT or LIKWID",
	.flags = ASSAY_PLUGIN_AUTO | ASSAY_PLUGIN_ON_DEMAND,
	.metrics = metrics,
	.start = start,
	.stop = stop,
	.after_fork = regions_ranges_forget,
};
