/*
 * LLVM's libomp and its relatives find a tool by the function ompt_start_tool, and call it back from then on. What they
 * tell late: that a worker has left the barrier at a region's end is told when the next region begins, so that the end of
 * that wait is put down by the thread that opened the region, when that is over for it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ompt.h"

#ifdef HAVE_OMP_TOOLS_H

#include <dlfcn.h>
#include <omp-tools.h>
#include <stdlib.h>

#include "callers.h"
#include "region.h"
#include "runtime.h"

enum { RUNTIMES = 8, TASKS = 32, TARGETS = 4 };

#define self assay_openmp_self

/* Runtimes that have been given our callbacks, or will be when the plugin starts. */
static ompt_set_callback_t _Atomic set_callback[RUNTIMES];
static _Atomic uint32_t runtimes;

/* Tasks that the thread is in, and the target regions. */
static _Thread_local struct {
	uint32_t task_count, targets;
	struct {
		const ompt_data_t *task;
		struct assay_openmp_away away;
	} tasks[TASKS];
	uint64_t target_began[TARGETS];
} own __attribute__((tls_model("initial-exec")));

/* ---- regions ---- */

/*
 * The caller of a region that runs in the calling thread alone, by the program's own call, is the function that called the
 * runtime; the runtime's frame has gone by then. Where its stack ends is where the return address to it lies, a few words
 * above the runtime's frame. NULL: not found.
 */
static const void *below_caller(const void *runtime_frame, const void *caller)
{
	const void *const *at = runtime_frame;

	for (int i = 0; at && i < 64; i++)
		if (at[i] == caller)
			return &at[i];
	return NULL;
}

static void parallel_begin(ompt_data_t *task, const ompt_frame_t *frame, ompt_data_t *parallel, unsigned threads, int flags,
	const void *caller)
{
	const struct assay_host *host = assay_openmp_host();
	const void *sp = NULL;

	(void)task;
	(void)threads;
	parallel->ptr = NULL;
	/* the teams of a league run regions of their own; and some regions are the runtime's, and nobody's call */
	if (!host || !(flags & ompt_parallel_team) || !caller)
		return;
	if (flags & ompt_parallel_invoker_program && frame)
		sp = below_caller(frame->enter_frame.ptr, caller);
	parallel->ptr = assay_openmp_region_open(host, caller, sp);
}

static void parallel_end(ompt_data_t *parallel, ompt_data_t *task, int flags, const void *caller)
{
	const struct assay_host *host = assay_openmp_host();

	(void)task;
	(void)flags;
	(void)caller;
	if (host && parallel && parallel->ptr)
		assay_openmp_region_close(host, parallel->ptr);
}

/* Whether the thread does its part in functions of the program's that called the runtime, and not the runtime them. */
static bool in_caller(const struct assay_openmp_team *team, unsigned index)
{
	return index == 0 && team->sp;
}

/* The end is told late to workers, and without the region: see sync_region_wait. */
static void implicit_task(ompt_scope_endpoint_t endpoint, ompt_data_t *parallel, ompt_data_t *task, unsigned threads,
	unsigned index, int flags)
{
	const struct assay_host *host = assay_openmp_host();
	struct assay_openmp_team *team = parallel ? parallel->ptr : NULL;
	(void)task;
	if (!host || flags & ompt_task_initial)
		return;
	if (endpoint == ompt_scope_begin && team)
		assay_openmp_member_begin(host, team, index, threads, in_caller(team, index) ? NULL : ASSAY_OPENMP_BELOW_CALLER(),
			NULL);
	else if (endpoint == ompt_scope_end && !self.docked && self.waits)
		assay_openmp_wait_end(host);
}

/* Whether the barrier is that at the end of the thread's region. Older runtimes call every barrier `implicit` that the
 * program did not write; those of loops come with an address in the region. */
static bool is_end(ompt_sync_region_t kind, const struct assay_openmp_team *team, const void *caller)
{
	return kind == ompt_sync_region_barrier_implicit_parallel ||
	       (kind == ompt_sync_region_barrier_implicit && (!caller || caller == team->caller));
}

/* Tasks that it does meanwhile are below the barrier's function. */
static void end_part(const struct assay_host *host, struct assay_openmp_member *m, const void *sp)
{
	if (m->opens)
		assay_openmp_master_end(host, m, true);
	else
		assay_openmp_member_end(host, m);
	m->sp = sp;
}

static const char *words_for(ompt_sync_region_t kind)
{
	switch (kind) {
	case ompt_sync_region_taskwait:
		return "omp taskwait";
	case ompt_sync_region_taskgroup:
		return "omp taskgroup";
	case ompt_sync_region_reduction:
		return "omp reduction";
	default:
		return "omp barrier";
	}
}

static void sync_region_wait(ompt_sync_region_t kind, ompt_scope_endpoint_t endpoint, ompt_data_t *parallel,
	ompt_data_t *task, const void *caller)
{
	const struct assay_host *host = assay_openmp_host();
	struct assay_openmp_member *m = self.member;

	(void)task;
	if (!host || self.docked)
		return;
	if (endpoint == ompt_scope_end)
		assay_openmp_wait_end(host);
	else if (!m || !parallel || m->team != parallel->ptr || !is_end(kind, m->team, caller))
		assay_openmp_wait_begin(host, assay_openmp_call(host, words_for(kind), caller), ASSAY_OPENMP_BELOW_CALLER());
	else
		end_part(host, m, ASSAY_OPENMP_BELOW_CALLER());
}

/* ---- tasks ---- */

/* Explicit tasks are known by this from now on: implicit ones are not created. */
static void task_create(ompt_data_t *creator, const ompt_frame_t *frame, ompt_data_t *task, int flags, int dependences,
	const void *caller)
{
	(void)creator;
	(void)frame;
	(void)flags;
	(void)dependences;
	(void)caller;
	task->ptr = &own;
}

static bool is_explicit(const ompt_data_t *task)
{
	return task && task->ptr;
}

static void begin_task(const struct assay_host *host, const ompt_data_t *task)
{
	if (own.task_count == TASKS) { /* nested deeper than anybody means it: counted, but no wait stands still */
		if (self.member)
			host->add_at(assay_openmp.tasks, self.member->team->block.place, 1);
		return;
	}
	own.tasks[own.task_count].task = task;
	assay_openmp_task_begin(host, &own.tasks[own.task_count++].away, NULL);
}

/*
 * A thread goes from one task to the next. One that is put off, or waits, stays on the list of those that the thread is in;
 * an untied one is left (and gone on with later, by any thread) for what lies below it, without a word that it ends.
 */
static void task_schedule(ompt_data_t *prior, ompt_task_status_t status, ompt_data_t *next)
{
	const struct assay_host *host = assay_openmp_host();
	const ompt_data_t *top = own.task_count ? own.tasks[own.task_count - 1].task : NULL;
	const ompt_data_t *below = own.task_count > 1 ? own.tasks[own.task_count - 2].task : NULL;
	bool ends = status == ompt_task_complete || status == ompt_task_cancel || status == ompt_task_detach;
	bool goes = status == ompt_task_switch || status == ompt_task_yield;

	if (!host || prior == next)
		return;
	if (top && top == prior && (ends || (goes && (below ? next == below : !is_explicit(next)))))
		assay_openmp_task_end(host, &own.tasks[--own.task_count].away);
	else if (goes && is_explicit(next))
		begin_task(host, next);
}

/* ---- critical sections and locks ---- */

static const char *words_of(ompt_mutex_t kind)
{
	return kind == ompt_mutex_critical ? "omp critical" : kind == ompt_mutex_atomic ? "omp atomic" :
		kind == ompt_mutex_ordered ? "omp ordered" : "omp lock";
}

static uint32_t frame_of(const struct assay_host *host, ompt_mutex_t kind, ompt_wait_id_t id, const void *caller)
{
	return kind == ompt_mutex_atomic || kind == ompt_mutex_ordered ? assay_openmp_call(host, words_of(kind), caller) :
		assay_openmp_object(host, words_of(kind), (const void *)(uintptr_t)id, caller);
}

static void mutex_acquire(ompt_mutex_t kind, unsigned hint, unsigned how, ompt_wait_id_t id, const void *caller)
{
	const struct assay_host *host = assay_openmp_host();

	(void)hint;
	(void)how;
	if (host && kind != ompt_mutex_test_lock && kind != ompt_mutex_test_nest_lock) /* these do not wait */
		assay_openmp_wait_begin(host, frame_of(host, kind, id, caller), ASSAY_OPENMP_BELOW_CALLER());
}

static void mutex_acquired(ompt_mutex_t kind, ompt_wait_id_t id, const void *caller)
{
	const struct assay_host *host = assay_openmp_host();

	if (!host)
		return;
	assay_openmp_wait_end(host);
	if (kind != ompt_mutex_atomic && kind != ompt_mutex_ordered)
		assay_openmp_hold(host, NULL, (const void *)(uintptr_t)id, frame_of(host, kind, id, caller), false);
}

static void mutex_released(ompt_mutex_t kind, ompt_wait_id_t id, const void *caller)
{
	const struct assay_host *host = assay_openmp_host();

	(void)kind;
	(void)caller;
	if (host)
		assay_openmp_release(host, (const void *)(uintptr_t)id, host->now());
}

/* A lock that the thread has already: no `acquired` follows. */
static void nest_lock(ompt_scope_endpoint_t endpoint, ompt_wait_id_t id, const void *caller)
{
	const struct assay_host *host = assay_openmp_host();

	(void)endpoint;
	(void)id;
	(void)caller;
	if (host)
		assay_openmp_wait_end(host);
}

/* ---- devices, threads ---- */

static void target(ompt_target_t kind, ompt_scope_endpoint_t endpoint, int device, ompt_data_t *task, ompt_id_t id,
	const void *caller)
{
	const struct assay_host *host = assay_openmp_host();

	(void)kind;
	(void)device;
	(void)task;
	(void)id;
	if (endpoint == ompt_scope_begin && own.targets++ < TARGETS)
		own.target_began[own.targets - 1] = host ? host->now() : 0;
	else if (endpoint == ompt_scope_end && own.targets && own.targets-- <= TARGETS && host && own.target_began[own.targets])
		host->span(assay_openmp.target, assay_openmp_call(host, "omp target", caller),
			host->now() - own.target_began[own.targets]);
}

static void thread_end(ompt_data_t *thread)
{
	const struct assay_host *host = assay_openmp_host();

	(void)thread;
	if (host)
		assay_openmp_undock(host);
}

/* ---- beginning ---- */

static void give_callbacks(ompt_set_callback_t set)
{
	static const struct {
		ompt_callbacks_t event;
		ompt_callback_t call;
	} calls[] = {
		{ ompt_callback_parallel_begin, (ompt_callback_t)parallel_begin },
		{ ompt_callback_parallel_end, (ompt_callback_t)parallel_end },
		{ ompt_callback_implicit_task, (ompt_callback_t)implicit_task },
		{ ompt_callback_sync_region_wait, (ompt_callback_t)sync_region_wait },
		{ ompt_callback_task_create, (ompt_callback_t)task_create },
		{ ompt_callback_task_schedule, (ompt_callback_t)task_schedule },
		{ ompt_callback_mutex_acquire, (ompt_callback_t)mutex_acquire },
		{ ompt_callback_mutex_acquired, (ompt_callback_t)mutex_acquired },
		{ ompt_callback_mutex_released, (ompt_callback_t)mutex_released },
		{ ompt_callback_nest_lock, (ompt_callback_t)nest_lock },
		{ ompt_callback_target, (ompt_callback_t)target },
		{ ompt_callback_thread_end, (ompt_callback_t)thread_end },
	};

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		set(calls[i].event, calls[i].call); /* what the runtime does not do, it does not tell */
}

void assay_openmp_ompt_start(void)
{
	for (uint32_t i = 0; i < atomic_load(&runtimes) && i < RUNTIMES; i++)
		if (atomic_load(&set_callback[i]))
			give_callbacks(atomic_load(&set_callback[i]));
}

static int initialize(ompt_function_lookup_t look_up, int device, ompt_data_t *data)
{
	ompt_set_callback_t set = (ompt_set_callback_t)look_up("ompt_set_callback");
	uint32_t at;

	(void)device;
	(void)data;
	if (!set)
		return 0;
	if (assay_openmp_host()) {
		give_callbacks(set);
		return 1;
	}
	at = atomic_fetch_add(&runtimes, 1);
	if (at < RUNTIMES)
		atomic_store(&set_callback[at], set);
	return at < RUNTIMES;
}

static void finalize(ompt_data_t *data)
{
	(void)data;
}

/* The user's own tool comes first. Sanitizers have one too, which keeps them from seeing races where there are none. */
static bool user_has_a_tool(void)
{
	const char *libraries = getenv("OMP_TOOL_LIBRARIES"), *tool = getenv("OMP_TOOL");

	return (libraries && *libraries) || (tool && *tool == 'd') || assay_openmp_is_defined("__tsan_init");
}

/* Whether the plugin has been started, or may yet be. */
static bool is_part_of_run(void)
{
	assay_demand_fn *demand;

	if (assay_openmp_host())
		return true;
	demand = (assay_demand_fn *)dlsym(RTLD_DEFAULT, "assay_demand");
	return demand && demand("openmp", "ompt_start_tool") == ASSAY_DEMAND_LATER;
}

ompt_start_tool_result_t *ompt_start_tool(unsigned version, const char *runtime);

ASSAY_OPENMP_EXPORT ompt_start_tool_result_t *ompt_start_tool(unsigned version, const char *runtime)
{
	static ompt_start_tool_result_t result = { initialize, finalize, { 0 } };
	ompt_start_tool_result_t *(*next)(unsigned, const char *), *other = NULL;

	/* a tool that is linked or preloaded behind this one, or the runtime's own, which finds none */
	next = (ompt_start_tool_result_t * (*)(unsigned, const char *)) dlsym(RTLD_NEXT, "ompt_start_tool");
	if (next)
		other = next(version, runtime);
	dlerror();
	if (other || user_has_a_tool() || !is_part_of_run())
		return other;
	return &result;
}

bool assay_openmp_ompt_is_used(void)
{
	return !user_has_a_tool();
}

#else

bool assay_openmp_ompt_is_used(void)
{
	return false;
}

void assay_openmp_ompt_start(void)
{
}

#endif
