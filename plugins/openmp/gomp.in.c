/*
 * The functions of libgomp that compiled code calls (gomp.tab). Where there is no host, or the runtime tells of itself by
 * OMPT, each does what the one behind it does and no more.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdarg.h>
#include <string.h>

#include "callers.h"
#include "region.h"
#include "runtime.h"
#include "task.h"

_Static_assert(sizeof(long) == sizeof(uint64_t), "a task's bounds are words");

/* The bits of GOMP_task's and GOMP_taskloop's flags that say what is there (gcc's include/gomp-constants.h). */
enum { TASK_FLAG_UP = 1 << 8, TASK_FLAG_NOGROUP = 1 << 11, TASK_FLAG_DETACH = 1 << 13 };

enum {
@@for *
	F_@NAME@,
@@end
	FUNCTIONS
};
_Static_assert((int)FUNCTIONS <= (int)ASSAY_OPENMP_FUNCTIONS, "each has a place in every runtime");

const char *const assay_openmp_names[] = {
@@for *
	"@NAME@",
@@end
};
const unsigned assay_openmp_names_count = FUNCTIONS;

@@for *
@RETURN@ @NAME@(@PARAMETERS@);
@@end

#define RUNTIME(name) assay_openmp_runtime(ASSAY_OPENMP_CALLER(), #name)
#define RUNTIME_FOR(fn, name) assay_openmp_runtime((const void *)(fn), #name)
#define BEHIND(name) ((__typeof__(&name))assay_openmp_function(runtime, F_##name, #name))
#define EXPORT ASSAY_OPENMP_EXPORT

/*
 * What is measured is done in functions of their own, so that an exported one ends in a jump where nothing is: a runtime
 * that tells of itself looks at where it was called from. What they are told of the call:
 */
#define MEASURED __attribute__((noinline))
#define HOST() (assay_openmp.given)
#define CALL struct assay_openmp_runtime *runtime, const void *caller

/* NULL: nothing is to be recorded of a call into that runtime. */
static inline const struct assay_host *host_for(const struct assay_openmp_runtime *runtime)
{
	return runtime->ompt ? NULL : assay_openmp_host();
}

/* ---- regions ---- */

/* What each thread of a team calls in place of the program's function. */
ASSAY_OPENMP_CALLS static void part(void *p)
{
	const struct assay_openmp_block *b = p;
	const struct assay_host *host = b->host;
	uint32_t index = (uint32_t)b->runtime->thread_num(), threads = index ? 0 : (uint32_t)b->runtime->num_threads();
	struct assay_openmp_runtime *runtime = assay_openmp_self.runtime;
	void (*function)(void *) = assay_openmp_self.function;
	struct assay_openmp_member own, *m = NULL;

	assay_openmp_self.function = b->fn;
	assay_openmp_self.runtime = b->runtime;
	if (b->team)
		m = assay_openmp_member_begin(host, b->team, index, threads, ASSAY_OPENMP_FRAME(), &own);
	else
		assay_openmp_undock(host);
	b->fn(b->data);
	assay_openmp_self.function = function;
	assay_openmp_self.runtime = runtime;
	if (m && index)
		assay_openmp_member_end(host, m);
	else if (m)
		assay_openmp_master_end(host, m, threads > 1);
}

static void set(struct assay_openmp_block *block, struct assay_openmp_team *team, void *first, void (*fn)(void *), void *data,
	const struct assay_host *host, struct assay_openmp_runtime *runtime)
{
	block->team = team;
	block->first = first;
	block->fn = fn;
	block->data = data;
	block->host = host;
	block->runtime = runtime;
}

@@for PARALLEL
static MEASURED @RETURN@ measured_@NAME@(CALL, @PARAMETERS@)
{
	const struct assay_host *host = HOST();
	struct assay_openmp_team *team = assay_openmp_region_open(host, caller, NULL);
	struct assay_openmp_block own, *block = team ? &team->block : &own;
@!VOID@	@RETURN@ result;

	set(block, team, @FIRST:NULL@, fn, data, host, runtime);
	fn = part;
	data = block;
@?VOID@	BEHIND(@NAME@)(@ARGUMENTS@);
@!VOID@	result = BEHIND(@NAME@)(@ARGUMENTS@);
	if (team)
		assay_openmp_region_close(host, team);
@!VOID@	return result;
}

EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	struct assay_openmp_runtime *runtime = RUNTIME_FOR(fn, @NAME@);
	const struct assay_host *host = host_for(runtime);

@?VOID@	if (!host)
@?VOID@		BEHIND(@NAME@)(@ARGUMENTS@);
@?VOID@	else
@?VOID@		measured_@NAME@(runtime, ASSAY_OPENMP_CALLER(), @ARGUMENTS@);
@!VOID@	return host ? measured_@NAME@(runtime, ASSAY_OPENMP_CALLER(), @ARGUMENTS@) : BEHIND(@NAME@)(@ARGUMENTS@);
}

@@end
/*
 * The call returns, so what the threads get lies in the team. The caller runs the program's function itself, and so its
 * part begins here; what it calls from now on is part of the region.
 */
static struct assay_openmp_team *begin(const struct assay_host *host, struct assay_openmp_runtime *runtime,
	void (*fn)(void *), void *data, const void *caller, const void *sp)
{
	struct assay_openmp_team *team;

	/* those that are inside one that could not be had are not either: ends are told in the order of the starts */
	team = assay_openmp_self.unstarted ? NULL : assay_openmp_region_open(host, caller, sp);
	if (!team) {
		assay_openmp_self.unstarted++;
		return NULL;
	}
	set(&team->block, team, NULL, fn, data, host, runtime);
	team->outer = assay_openmp_self.started;
	assay_openmp_self.started = team;
	return team;
}

@@for START
static MEASURED void measured_@NAME@(CALL, const void *sp, @PARAMETERS@)
{
	const struct assay_host *host = HOST();
	struct assay_openmp_team *team = begin(host, runtime, fn, data, caller, sp);

	if (team) {
		fn = part;
		data = &team->block;
	}
	BEHIND(@NAME@)(@ARGUMENTS@);
	if (team)
		assay_openmp_member_begin(host, team, 0, (uint32_t)runtime->num_threads(), NULL, NULL);
}

EXPORT void @NAME@(@PARAMETERS@)
{
	struct assay_openmp_runtime *runtime = RUNTIME_FOR(fn, @NAME@);
	const struct assay_host *host = host_for(runtime);

	if (!host)
		BEHIND(@NAME@)(@ARGUMENTS@);
	else
		measured_@NAME@(runtime, ASSAY_OPENMP_CALLER(), ASSAY_OPENMP_BELOW_CALLER(), @ARGUMENTS@);
}

@@end
@@for END
EXPORT void @NAME@(void)
{
	struct assay_openmp_team *team = assay_openmp_self.unstarted ? NULL : assay_openmp_self.started;
	struct assay_openmp_runtime *runtime = team ? team->block.runtime : RUNTIME(@NAME@);

	if (assay_openmp_self.unstarted)
		assay_openmp_self.unstarted--;
	if (team && team->master)
		assay_openmp_master_end(team->block.host, team->master, atomic_load(&team->threads) > 1);
	BEHIND(@NAME@)();
	if (team) {
		assay_openmp_self.started = team->outer;
		assay_openmp_region_close(team->block.host, team);
	}
}

@@end
/* ---- waits ---- */

@@for WAIT
@?NONE@static MEASURED @RETURN@ measured_@NAME@(CALL)
@!NONE@static MEASURED @RETURN@ measured_@NAME@(CALL, @PARAMETERS@)
{
	const struct assay_host *host = HOST();
	bool waits = assay_openmp_wait_begin(host, assay_openmp_call(host, @KIND@, caller), ASSAY_OPENMP_FRAME());
@!VOID@	@RETURN@ result;

@?VOID@	BEHIND(@NAME@)(@ARGUMENTS@);
@!VOID@	result = BEHIND(@NAME@)(@ARGUMENTS@);
	if (waits)
		assay_openmp_wait_end(host);
@!VOID@	return result;
}

EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	struct assay_openmp_runtime *runtime = RUNTIME(@NAME@);
	const struct assay_host *host = host_for(runtime);

@?VOID@	if (!host)
@?VOID@		BEHIND(@NAME@)(@ARGUMENTS@);
@?VOID@	else
@?VOID@		measured_@NAME@(runtime, ASSAY_OPENMP_CALLER()@COMMA_ARGUMENTS@);
@!VOID@	return host ? measured_@NAME@(runtime, ASSAY_OPENMP_CALLER()@COMMA_ARGUMENTS@) : BEHIND(@NAME@)(@ARGUMENTS@);
}

@@end
/*
 * How many there are is known to the runtime alone: as many as loops that depend on each other. So it is handed on what
 * lies there, for up to 21, and looks at no more than there are.
 */
@@for DOACROSS
EXPORT void @NAME@(@PARAMETERS@)
{
	struct assay_openmp_runtime *runtime = RUNTIME(@NAME@);
	const struct assay_host *host = host_for(runtime);
	bool waits = host && assay_openmp_wait_begin(host, assay_openmp_call(host, "omp ordered", ASSAY_OPENMP_CALLER()),
		ASSAY_OPENMP_FRAME());
	@TYPE@ more[20];
	va_list list;

	va_start(list, first);
	for (unsigned i = 0; i < sizeof more / sizeof more[0]; i++)
		more[i] = va_arg(list, @TYPE@);
	va_end(list);
	BEHIND(@NAME@)(first, more[0], more[1], more[2], more[3], more[4], more[5], more[6], more[7], more[8], more[9],
		more[10], more[11], more[12], more[13], more[14], more[15], more[16], more[17], more[18], more[19]);
	if (waits)
		assay_openmp_wait_end(host);
}

@@end
/* ---- critical sections and locks ---- */

@@for CRITICAL
static MEASURED void measured_@NAME@(CALL, void **name)
{
	const struct assay_host *host = HOST();
	uint32_t frame = name ? assay_openmp_object(host, "omp critical", name, caller) :
		assay_openmp_frame(host, ASSAY_OPENMP_UNNAMED);
	bool waits = assay_openmp_wait_begin(host, frame, ASSAY_OPENMP_FRAME());

	BEHIND(@NAME@)(@ARGUMENTS@);
	if (waits)
		assay_openmp_wait_end(host);
	assay_openmp_hold(host, runtime, name, frame, false);
}

EXPORT void @NAME@(@PARAMETERS@)
{
	struct assay_openmp_runtime *runtime = RUNTIME(@NAME@);
	const struct assay_host *host = host_for(runtime);

	if (!host)
		BEHIND(@NAME@)(@ARGUMENTS@);
	else
@?NONE@		measured_@NAME@(runtime, ASSAY_OPENMP_CALLER(), NULL);
@!NONE@		measured_@NAME@(runtime, ASSAY_OPENMP_CALLER(), @ARGUMENTS@);
}

@@end
/* Whether it can be had at once is tried first: most can. */
@@for LOCK
static MEASURED void measured_@NAME@(CALL, void *lock)
{
	const struct assay_host *host = HOST();
	uint32_t frame = assay_openmp_object(host, "omp lock", lock, caller);
	bool waits;

	if (!BEHIND(@TEST@)(lock)) {
		waits = assay_openmp_wait_begin(host, frame, ASSAY_OPENMP_FRAME());
		BEHIND(@NAME@)(lock);
		if (waits)
			assay_openmp_wait_end(host);
	}
	assay_openmp_hold(host, runtime, lock, frame, @AGAIN@);
}

EXPORT void @NAME@(void *lock)
{
	struct assay_openmp_runtime *runtime = RUNTIME(@NAME@);
	const struct assay_host *host = host_for(runtime);

	if (!host)
		BEHIND(@NAME@)(lock);
	else
		measured_@NAME@(runtime, ASSAY_OPENMP_CALLER(), lock);
}

@@end
@@for TEST
static MEASURED int measured_@NAME@(CALL, void *lock)
{
	const struct assay_host *host = HOST();
	int got = BEHIND(@NAME@)(lock);

	if (got)
		assay_openmp_hold(host, runtime, lock, assay_openmp_object(host, "omp lock", lock, caller), @AGAIN@);
	return got;
}

EXPORT int @NAME@(void *lock)
{
	struct assay_openmp_runtime *runtime = RUNTIME(@NAME@);
	const struct assay_host *host = host_for(runtime);

	return host ? measured_@NAME@(runtime, ASSAY_OPENMP_CALLER(), lock) : BEHIND(@NAME@)(lock);
}

@@end
/* How long it was held ends here; that is put down when others have it. */
@@for RELEASE
EXPORT void @NAME@(@PARAMETERS@)
{
@?NONE@	const void *object = NULL;
@!NONE@	const void *object = @ARGUMENTS@;
	struct assay_openmp_runtime *holder = assay_openmp_held_by(object), *runtime = holder ? holder : RUNTIME(@NAME@);
	const struct assay_host *host = host_for(runtime);
	uint64_t now = host ? host->now() : 0;

	BEHIND(@NAME@)(@ARGUMENTS@);
	if (host)
		assay_openmp_release(host, object, now);
}

@@end
/* ---- tasks ---- */

/* Memory of a layout on the caller's stack. */
#define TAKE(layout) \
	((void *)(((uintptr_t)__builtin_alloca((layout).size + (layout).align) + (layout).align - 1) & ~((layout).align - 1)))

/* What the threads are to run, and with what: in place of fn, data, copy, arg_size and arg_align. */
#define REPLACE(layout, copied)                                                                                     \
	do {                                                                                                        \
		void *memory = TAKE(layout);                                                                        \
		assay_openmp_task_fill(memory, &(layout), copied, runtime, fn, data, copy, (size_t)arg_size);                \
		fn = assay_openmp_task_run;                                                                         \
		data = memory;                                                                                      \
		copy = copy ? assay_openmp_task_copy : NULL;                                                        \
		arg_size = (long)(layout).size;                                                                     \
		arg_align = (long)(layout).align;                                                                   \
	} while (0)

@@for TASK
static MEASURED void measured_@NAME@(struct assay_openmp_runtime *runtime, const struct assay_openmp_task_layout layout,
	@PARAMETERS@)
{
	REPLACE(layout, flags & TASK_FLAG_DETACH ? ASSAY_OPENMP_TASK_DETACH : ASSAY_OPENMP_TASK_PLAIN);
	BEHIND(@NAME@)(@ARGUMENTS@);
}

EXPORT void @NAME@(@PARAMETERS@)
{
	struct assay_openmp_runtime *runtime = RUNTIME_FOR(fn, @NAME@);
	struct assay_openmp_task_layout layout;

	if (host_for(runtime) && assay_openmp_task_layout(arg_size, arg_align, &layout))
		measured_@NAME@(runtime, layout, @ARGUMENTS@);
	else
		BEHIND(@NAME@)(@ARGUMENTS@);
}

@@end
/*
 * It ends when its tasks do; that it makes them first is counted as waiting as well. Outside regions the thread does all of
 * them itself, in the same call, and waits for nobody.
 */
@@for TASKLOOP
static MEASURED void measured_@NAME@(CALL, @PARAMETERS@)
{
	const struct assay_host *host = HOST();
	struct assay_openmp_task_layout layout;
	bool waits = !(flags & TASK_FLAG_NOGROUP) && assay_openmp_self.member;

	if (assay_openmp_task_layout(arg_size, arg_align, &layout))
		REPLACE(layout, ASSAY_OPENMP_TASK_LOOP);
	if (waits)
		waits = assay_openmp_wait_begin(host, assay_openmp_call(host, "omp taskgroup", caller), ASSAY_OPENMP_FRAME());
	BEHIND(@NAME@)(@ARGUMENTS@);
	if (waits)
		assay_openmp_wait_end(host);
}

EXPORT void @NAME@(@PARAMETERS@)
{
	struct assay_openmp_runtime *runtime = RUNTIME_FOR(fn, @NAME@);
	const struct assay_host *host = host_for(runtime);

	if (!host)
		BEHIND(@NAME@)(@ARGUMENTS@);
	else
		measured_@NAME@(runtime, ASSAY_OPENMP_CALLER(), @ARGUMENTS@);
}

@@end
/* ---- where there is no runtime ---- */

/*
 * A program may ask by a weak reference whether there is one, and is told of ours. So each does what it means for a single
 * thread. Those of a class take the first of its parameters and leave the rest.
 */
static unsigned serial_parallel(void (*fn)(void *), void *data)
{
	fn(data);
	return 1;
}

/* False, or NULL: not cancelled; this thread is the one to do it. */
static void *serial_nothing(void)
{
	return NULL;
}

static int serial_success(void)
{
	return 1;
}

/* `bounds`: of a taskloop, for the first two words of its arguments; else NULL. */
static void run(void (*fn)(void *), void *data, void (*copy)(void *, void *), long arg_size, long arg_align,
	const uint64_t *bounds)
{
	struct assay_openmp_task_layout layout;

	if (copy && assay_openmp_task_layout(arg_size, arg_align, &layout)) {
		void *memory = TAKE(layout);

		copy(memory, data);
		data = memory;
	}
	if (bounds)
		memcpy(data, bounds, 2 * sizeof *bounds);
	fn(data);
}

static void serial_task(void (*fn)(void *), void *data, void (*copy)(void *, void *), long arg_size, long arg_align)
{
	run(fn, data, copy, arg_size, arg_align, NULL);
}

@@for TASKLOOP
static void serial_@NAME@(@PARAMETERS@)
{
	const uint64_t bounds[] = { (uint64_t)start, (uint64_t)end };

	(void)num_tasks;
	(void)priority;
	(void)step;
	if (flags & TASK_FLAG_UP ? start < end : start > end)
		run(fn, data, copy, arg_size, arg_align, bounds);
}

@@end
void *const assay_openmp_serial[] = {
@@for PARALLEL
	[F_@NAME@] = serial_parallel,
@@end
@@for START END WAIT DOACROSS CRITICAL LOCK RELEASE
	[F_@NAME@] = serial_nothing,
@@end
@@for TEST
	[F_@NAME@] = serial_success,
@@end
@@for TASK
	[F_@NAME@] = serial_task,
@@end
@@for TASKLOOP
	[F_@NAME@] = serial_@NAME@,
@@end
};
