/*
 * functions: calls and time of the functions of programs built with -finstrument-functions, by call path. The library has
 * what the compiler calls (core/wrap_function.c); this hands it on.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <assay/plugin.h>

#include <stdatomic.h>
#include <stddef.h>

#define EXPORT __attribute__((visibility("default")))

void assay_function_enter(const void *function, const void *sp);
void assay_function_leave(const void *function, const void *sp);

static const struct assay_host *_Atomic host;
static uint32_t calls; /* the metric */

EXPORT void assay_function_enter(const void *function, const void *sp)
{
	const struct assay_host *h = atomic_load_explicit(&host, memory_order_acquire);

	if (h)
		h->enter_function(function, calls, sp);
}

EXPORT void assay_function_leave(const void *function, const void *sp)
{
	const struct assay_host *h = atomic_load_explicit(&host, memory_order_acquire);

	if (h)
		h->leave_function(function, calls, sp);
}

static int start(const struct assay_host *h)
{
	calls = h->metric("calls");
	atomic_store_explicit(&host, h, memory_order_release);
	return 0;
}

static void stop(void)
{
	atomic_store_explicit(&host, NULL, memory_order_release);
}

static const struct assay_plugin_metric metrics[] = {
	{ "calls", "ns", ASSAY_PLUGIN_EXACT_TIME,
		"wall time in functions built with -finstrument-functions, without those that they call; times: calls" },
	{ NULL, NULL, 0, NULL },
};

ASSAY_PLUGIN(functions) = {
	.abi = ASSAY_PLUGIN_ABI,
	.size = sizeof(struct assay_plugin),
	.name = "functions",
	.summary = "every call of programs built with -finstrument-functions",
	.flags = ASSAY_PLUGIN_ON_DEMAND,
	.metrics = metrics,
	.start = start,
	.stop = stop,
};
