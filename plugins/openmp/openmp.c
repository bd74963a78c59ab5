/*
 * openmp: parallel regions of OpenMP, what their threads wait for, and how evenly they work. For gcc's runtime it
 * interposes the functions by which compiled code calls it (gomp.c); LLVM's and its relatives tell of themselves (ompt.c).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "openmp.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#include "callers.h"
#include "ompt.h"
#include "region.h"
#include "runtime.h"
#include "team.h"

struct assay_openmp assay_openmp;
_Thread_local struct assay_openmp_self assay_openmp_self;

#define self assay_openmp_self

/* ---- frames, waits, holds ---- */

uint32_t assay_openmp_frame(const struct assay_host *host, enum assay_openmp_frame frame)
{
	static struct {
		const char *kind, *name;
		_Atomic uint32_t number;
	} frames[ASSAY_OPENMP_FRAMES] = {
		[ASSAY_OPENMP_END] = { .kind = "omp barrier", .name = "end of parallel region" },
		[ASSAY_OPENMP_IDLE] = { .kind = "omp idle", .name = "outside parallel regions" },
		[ASSAY_OPENMP_UNNAMED] = { .kind = "omp critical", .name = "unnamed" },
	};
	uint32_t number = atomic_load_explicit(&frames[frame].number, memory_order_relaxed);

	if (!number) {
		number = host->frame(frames[frame].kind, frames[frame].name);
		atomic_store_explicit(&frames[frame].number, number, memory_order_relaxed);
	}
	return number;
}

bool assay_openmp_wait_begin(const struct assay_host *host, uint32_t frame, const void *sp)
{
	if (self.waits || self.docked || !host->wait_begin(assay_openmp.waits, frame, sp, ASSAY_PLUGIN_WAIT_SPINS))
		return false;
	self.waits = sp;
	return true;
}

void assay_openmp_wait_end(const struct assay_host *host)
{
	if (!self.waits)
		return;
	self.waits = NULL;
	host->wait_end(0);
}

static void drop_held(uint32_t at)
{
	self.held_count--;
	for (; at < self.held_count; at++)
		self.held[at] = self.held[at + 1];
}

struct assay_openmp_runtime *assay_openmp_held_by(const void *object)
{
	for (uint32_t i = self.held_count; i--;)
		if (self.held[i].object == (uintptr_t)object)
			return self.held[i].runtime;
	return NULL;
}

void assay_openmp_hold(const struct assay_host *host, struct assay_openmp_runtime *runtime, const void *object,
	uint32_t frame, bool again)
{
	for (uint32_t i = self.held_count; i--;) {
		if (self.held[i].object != (uintptr_t)object)
			continue;
		if (again) {
			self.held[i].depth++;
			return;
		}
		drop_held(i); /* another thread gave it back */
	}
	if (self.held_count == ASSAY_OPENMP_HELD)
		drop_held(0); /* some were never given back: the oldest was one */
	self.held[self.held_count++] = (struct assay_openmp_held){ (uintptr_t)object, runtime, host->now(), frame, 1 };
}

void assay_openmp_release(const struct assay_host *host, const void *object, uint64_t now)
{
	for (uint32_t i = self.held_count; i--;) {
		struct assay_openmp_held held = self.held[i];

		if (held.object != (uintptr_t)object)
			continue;
		if (--self.held[i].depth)
			return;
		drop_held(i);
		host->span(assay_openmp.critical, held.frame, now > held.since_ns ? now - held.since_ns : 0);
		return;
	}
}

/* ---- hooks ---- */

/* LLVM's runtime is put before gcc's by preloading it, which is for whoever starts the program. */
static int check_runtime(const struct assay_host *host)
{
	const char *runtime = host->option("runtime");

	if (!runtime || strcmp(runtime, "own") == 0)
		return 0;
	if (strcmp(runtime, "llvm") != 0) {
		host->say("openmp: runtime= is own or llvm");
		return -EINVAL;
	}
	if (!assay_openmp_runtime_is_llvm())
		host->say("openmp: runtime=llvm: LLVM's runtime (libomp.so.5) is not preloaded, so the program runs on its own");
	return 0;
}

static int start(const struct assay_host *host)
{
	int error = check_runtime(host);

	if (error)
		return error;
	assay_openmp.waits = host->metric("omp_waits");
	assay_openmp.region = host->metric("omp_region");
	assay_openmp.work = host->metric("omp_work");
	assay_openmp.longest = host->metric("omp_longest");
	assay_openmp.critical = host->metric("critical");
	assay_openmp.tasks = host->metric("tasks");
	assay_openmp.target = host->metric("omp_target");
	assay_openmp.given = host;
	atomic_store_explicit(&assay_openmp.host, host, memory_order_release);
	assay_openmp_ompt_start();
	return 0;
}

static void stop(void)
{
	atomic_store_explicit(&assay_openmp.host, NULL, memory_order_release);
}

static void thread_stop(void)
{
	const struct assay_host *host = assay_openmp_host();

	if (host)
		assay_openmp_undock(host);
	assay_openmp_team_give_spare();
}

/* LLVM's runtime, where it is to carry programs that gcc has built: it has the functions that they call. */
ASSAY_OPENMP_EXPORT assay_plugin_preload_fn assay_preload_openmp;

const char *assay_preload_openmp(const char *options)
{
	static char path[4096];
	struct link_map *map;
	void *library;

	if (!strstr(options, "runtime=llvm"))
		return NULL;
	library = dlopen("libomp.so.5", RTLD_LAZY | RTLD_LOCAL);
	if (!library || dlinfo(library, RTLD_DI_LINKMAP, &map) != 0 || strlen(map->l_name) >= sizeof path)
		return NULL;
	return strcpy(path, map->l_name);
}

/* ---- what it says of itself ---- */

static const struct assay_plugin_option options[] = {
	{ "runtime", "own",
		"llvm: a program built by gcc runs on LLVM's OpenMP runtime (libomp.so.5) instead of its own" },
	{ NULL, NULL, NULL },
};

static const struct assay_plugin_metric metrics[] = {
	{ "omp_waits", "ns", ASSAY_PLUGIN_WAIT,
		"time in which threads of OpenMP waited: at barriers, for locks, critical sections, their turn or tasks, and with "
		"nothing to do outside parallel regions. Spinning counts as waiting; tasks done meanwhile do not" },
	{ "omp_region", "ns", ASSAY_PLUGIN_TEAM_TIME, "wall time of parallel regions, from fork to join" },
	{ "omp_work", "ns", ASSAY_PLUGIN_TEAM_WORK,
		"time in which each thread of a parallel region worked: from its begin to its end in the region, without its waits" },
	{ "omp_longest", "ns", ASSAY_PLUGIN_TEAM_LONGEST,
		"the work of the thread that worked longest, for each time that a parallel region ran" },
	{ "critical", "ns", ASSAY_PLUGIN_EXACT_TIME,
		"time in critical sections and between taking and giving back OpenMP's locks, without the wait for them" },
	{ "tasks", "count", ASSAY_PLUGIN_COUNT, "explicit tasks that were run" },
	{ "omp_target", "ns", ASSAY_PLUGIN_EXACT_TIME, "time in target regions, as the host thread sees them" },
	{ NULL, NULL, 0, NULL },
};

ASSAY_PLUGIN(openmp) = {
	.abi = ASSAY_PLUGIN_ABI,
	.size = sizeof(struct assay_plugin),
	.name = "openmp",
	.summary = "parallel regions of OpenMP, their waits and their balance" ASSAY_OPENMP_WITHOUT,
	.flags = ASSAY_PLUGIN_AUTO,
	.options = options,
	.metrics = metrics,
	.start = start,
	.stop = stop,
	.thread_stop = thread_stop,
	.after_fork = assay_openmp_after_fork,
};
