/*
 * openmp.h: what the files of this plugin share.
 *
 * Owns the host's pointer, the numbers of metrics and frames, and what each thread knows of itself. Nothing here allocates,
 * locks or makes a system call. Everything works, and does nothing of its own, while `host` is NULL.
 */
#ifndef ASSAY_OPENMP_H
#define ASSAY_OPENMP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "assay/plugin.h"

/* For other objects to see: an interposed function. */
#define ASSAY_OPENMP_EXPORT __attribute__((visibility("default")))

/* Where the call of the function that this stands in returns to. */
#define ASSAY_OPENMP_CALLER() __builtin_return_address(0)

/* An address in the stack frame of the function that this stands in. */
#define ASSAY_OPENMP_FRAME() __builtin_frame_address(0)

/*
 * The highest address that the functions have for themselves which the caller of this one calls: what that caller calls,
 * now and later, lies there or below, and it itself above.
 */
#define ASSAY_OPENMP_BELOW_CALLER() ((const void *)((char *)__builtin_dwarf_cfa() - sizeof(void *)))

/* Set by start, before main, `host` last; not changed after. */
struct assay_openmp {
	const struct assay_host *_Atomic host; /* NULL: not measured, not yet, or no longer */
	const struct assay_host *given;        /* the same, and it stays: for what has begun */
	uint32_t waits, region, work, longest, critical, tasks, target; /* numbers of the metrics */
};
extern struct assay_openmp assay_openmp;

static inline const struct assay_host *assay_openmp_host(void)
{
	return atomic_load_explicit(&assay_openmp.host, memory_order_acquire);
}

/* Frames whose words are known beforehand. Each is made when it is first wanted: most processes have no OpenMP. */
enum assay_openmp_frame {
	ASSAY_OPENMP_END,      /* the barrier at a region's end */
	ASSAY_OPENMP_IDLE,     /* of a worker: nothing to do, outside regions */
	ASSAY_OPENMP_UNNAMED,  /* the critical section without a name */
	ASSAY_OPENMP_FRAMES
};
uint32_t assay_openmp_frame(const struct assay_host *host, enum assay_openmp_frame frame);

struct assay_openmp_runtime;

/* A lock or critical section that the thread holds, to know for how long. */
struct assay_openmp_held {
	uintptr_t object;
	struct assay_openmp_runtime *runtime; /* that it is to be given back to; NULL: not known */
	uint64_t since_ns;
	uint32_t frame, depth; /* of a lock that nests: how often the thread has it */
};
enum { ASSAY_OPENMP_HELD = 8 };

/* What a task took the thread away from, to go on with when it is over: a wait, a dock, or neither. */
struct assay_openmp_away {
	const void *sp;                   /* of the wait */
	struct assay_openmp_member *dock; /* at whose end it was docked */
	const void *adopted;              /* by which the region's place was adopted, or NULL */
};

/*
 * The functions that call the program's (a region's part, a task) lie in a section of their own. A function of the program's
 * may end by jumping to one of ours, which then seems to be called from there.
 */
#define ASSAY_OPENMP_CALLS __attribute__((section("assay_openmp_calls"), noinline))
extern const char assay_openmp_calls_begin[] __asm__("__start_assay_openmp_calls") __attribute__((visibility("hidden")));
extern const char assay_openmp_calls_end[] __asm__("__stop_assay_openmp_calls") __attribute__((visibility("hidden")));

static inline bool assay_openmp_is_ours(const void *caller)
{
	return (const char *)caller - assay_openmp_calls_begin >= 0 && (const char *)caller < assay_openmp_calls_end;
}

struct assay_openmp_member;
struct assay_openmp_team;

/* What a thread knows of itself. */
struct assay_openmp_self {
	struct assay_openmp_member *member; /* the innermost region that it works in, or NULL */
	struct assay_openmp_member *docked; /* it is in no region, but at the end of this one, or idle after it; or NULL */
	void (*function)(void *);           /* of the program's, that ours called last and that has not returned; */
	struct assay_openmp_runtime *runtime; /* ... and by whose order */
	struct assay_openmp_runtime *last;  /* that it called */
	const void *waits;                  /* this plugin has told the host of a wait that it is in: the sp given then */
	struct assay_openmp_team *spare;    /* of the last region that it opened: the next one's */
	struct assay_openmp_team *started;  /* the innermost region opened by a GOMP_parallel_start */
	uint32_t unstarted;                 /* ... for how many more there was no team */
	uint32_t held_count;
	struct assay_openmp_held held[ASSAY_OPENMP_HELD];
};
extern _Thread_local struct assay_openmp_self assay_openmp_self __attribute__((tls_model("initial-exec")));

/*
 * The thread begins to wait, in a function with its stack frame at `sp`, and goes on. Begin: whether the host knows of it,
 * and so whether the end is to be told.
 */
bool assay_openmp_wait_begin(const struct assay_host *host, uint32_t frame, const void *sp);
void assay_openmp_wait_end(const struct assay_host *host);

/*
 * The thread has got, or gives back, a critical section or a lock, which is at `object`; `again`: it may have had it
 * already, and then has it once more. The time in between goes to the metric `critical`, up to `now`. One that it does not
 * hold (got by another thread, or before measuring began) is passed over.
 */
void assay_openmp_hold(const struct assay_host *host, struct assay_openmp_runtime *runtime, const void *object,
	uint32_t frame, bool again);
void assay_openmp_release(const struct assay_host *host, const void *object, uint64_t now);

/* The runtime of what is held at `object`, or NULL. */
struct assay_openmp_runtime *assay_openmp_held_by(const void *object);

#endif
