/*
 * null: the template for plugins. It measures next to nothing, but has one of everything: an option, metrics, hooks and
 * an interposed function, sched_yield(), of which it counts the calls of each thread and measures how long they took.
 *
 * docs/PLUGINS.md goes through it line by line. Built by itself:
 *
 *   cc -shared -fPIC -O2 $(pkg-config --cflags assay) -o null.so null.c
 *   ASSAY_PLUGIN_PATH=. assay run --plugins=null ./program
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <assay/plugin.h>

#include <dlfcn.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

/* All that the plugin knows. Set by start, before main, and not changed after; NULL: nothing is to be recorded. */
static const struct assay_host *_Atomic host;
static uint32_t yields, threads;             /* numbers of the metrics */
static uint32_t frame_yield, frame_thread;   /* numbers of the frames */

/* ---- the interposed function ---- */

/* The function behind ours: the C library's, or that of another preloaded library. Looked up once. */
static int behind(void)
{
	static int (*_Atomic real)(void);
	int (*now)(void) = atomic_load_explicit(&real, memory_order_relaxed);

	if (!now) {
		now = (int (*)(void))dlsym(RTLD_NEXT, "sched_yield");
		atomic_store_explicit(&real, now, memory_order_relaxed);
	}
	return now();
}

__attribute__((visibility("default"))) int sched_yield(void)
{
	const struct assay_host *h = atomic_load_explicit(&host, memory_order_acquire);
	uint64_t begin;
	int result;

	if (!h)
		return behind();
	begin = h->now();
	result = behind();
	h->span(yields, frame_yield, h->now() - begin); /* leaves errno as it is */
	return result;
}

/* ---- hooks ---- */

/* With no host it is `assay plugins` that asks, and there is no program yet. */
static const char *probe(const struct assay_host *h)
{
	(void)h;
	return NULL; /* there is no program that it is not for */
}

static int start(const struct assay_host *h)
{
	const char *greet = h->option("greet");

	yields = h->metric("yields");
	threads = h->metric("threads");
	frame_yield = h->frame("call", "sched_yield");
	frame_thread = h->frame("event", "thread started");
	if (greet && strcmp(greet, "on") == 0)
		h->say("null: the template of a plugin is at work");
	atomic_store_explicit(&host, h, memory_order_release);
	return 0;
}

static void stop(void)
{
	atomic_store_explicit(&host, NULL, memory_order_release);
}

static void thread_start(void)
{
	const struct assay_host *h = atomic_load_explicit(&host, memory_order_acquire);

	if (h)
		h->add(threads, frame_thread, 1);
}

/* ---- what it says of itself ---- */

static const struct assay_plugin_option options[] = {
	{ "greet", "off", "on: says on standard error that it is there" },
	{ NULL, NULL, NULL },
};

static const struct assay_plugin_metric metrics[] = {
	{ "yields", "ns", ASSAY_PLUGIN_EXACT_TIME, "time in calls of sched_yield, from call to return" },
	{ "threads", "count", ASSAY_PLUGIN_COUNT, "threads that were started" },
	{ NULL, NULL, 0, NULL },
};

ASSAY_PLUGIN(null) = {
	.abi = ASSAY_PLUGIN_ABI,
	.size = sizeof(struct assay_plugin),
	.name = "null",
	.summary = "the template: calls of sched_yield, and threads started",
	.options = options,
	.metrics = metrics,
	.probe = probe,
	.start = start,
	.stop = stop,
	.thread_start = thread_start,
};
