/*
 * state.h: what the handler side knows of the process and of each thread.
 *
 * Owns the structures only. The core fills them outside handlers (start.c, threads.c); handlers
 * read the process's and own their thread's. All of it is private memory: the spool holds only what
 * the digest needs.
 */
#ifndef ASSAY_CORE_SIG_STATE_H
#define ASSAY_CORE_SIG_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "guard.h"
#include "profile/spool.h"

enum { ASSAY_FRAMES_MAX = 512 };

/*
 * For large tables, of which a process that ends at once touches little or nothing: they are laid behind the
 * small variables, so that these share a page or two. (The library is linked with --sort-section=name.)
 */
#define ASSAY_COLD __attribute__((section(".bss.zcold")))

/* For code that few samples run: laid apart, so that what all run takes few lines of the caches, which are cold. */
#define ASSAY_RARE __attribute__((cold, noinline))

/* One frame of a walk. */
struct assay_frame_ref {
	uint64_t address; /* as in struct assay_spool_node */
	uint32_t module;
	uint32_t index; /* the module's index in the private table, for the walk's own use */
};

/* The state of a walk at one frame, and the packed row by which it went on (row.h). */
struct assay_walk_step {
	uint64_t sp, fp, pc, row;
	uint32_t path;    /* how long thread->path is with this frame: regions lie between frames */
	uint32_t regions; /* how many of thread->regions are in it, or passed over */
};

/*
 * What a region is: where, by address and module as in struct assay_spool_node; the metric to which its time goes; and
 * whether it is a function that says itself when it begins and ends, which samples have in their paths anyway. Two words, to
 * be handed over and compared.
 */
struct assay_region_is {
	uint64_t address, packed;
};

static inline struct assay_region_is assay_region_is(uint64_t address, uint32_t module, uint32_t metric, bool function)
{
	return (struct assay_region_is){ address, module | (uint64_t)(metric & 0xffff) << 32 | (uint64_t)function << 48 };
}

static inline uint32_t assay_region_module(struct assay_region_is is)
{
	return (uint32_t)is.packed;
}

static inline uint32_t assay_region_metric(struct assay_region_is is)
{
	return is.packed >> 32 & 0xffff;
}

static inline bool assay_region_is_function(struct assay_region_is is)
{
	return is.packed >> 48;
}

/*
 * A region that the thread is in: opened by the function whose stack frame holds `sp`. Below ASSAY_NO_STACK: by none; the
 * number says whose else it is.
 */
#define ASSAY_NO_STACK 4096u
struct assay_region {
	uintptr_t sp;
	uint64_t key; /* by which its end finds it: the number of its plugin's frame, or the function's address */
	struct assay_region_is is;
	assay_ref node, outer; /* among the regions' own nodes, for its exact time; and the one around it */
	struct assay_spool_value *value; /* the node's, for the metric; NULL: not looked for */
};
enum { ASSAY_REGIONS_MAX = ASSAY_OPENS };

/* Where the calls of a function that is not measured are counted. */
struct assay_unmeasured {
	uint64_t function; /* 0: none */
	struct assay_spool_value *value;
};
enum { ASSAY_UNMEASURED = 32 };

/* A wait that the thread is in (wait.c). */
struct assay_wait {
	bool active;
	bool spins;      /* CPU time in it is waiting: samples have its frame in their paths */
	bool docked;     /* in a library's own code: samples go to its node, without a path */
	uint32_t metric;
	uintptr_t sp;    /* in the stack frame of the function that waits */
	uint64_t begin_ns;
	assay_ref frame; /* struct assay_spool_frame, 0 = not known yet */
	assay_ref path;  /* the node of the call path, 0 = not looked for yet */
	struct assay_spool_value *value; /* where its time goes, if that is known; else NULL */
	assay_ref node, after; /* when docked: until thread->dock_until, and from then on */
};

/* What the thread does in functions that the one at `sp` calls lies below `node`. */
struct assay_adopted {
	uintptr_t sp;
	assay_ref node;
	uint32_t id;             /* another one each time */
	uint64_t since_ns;       /* the wait stands still since, if there is one */
	struct assay_wait wait;
};
enum { ASSAY_ADOPTED_MAX = 40 };

/* Bump allocation in a chunk of the spool. */
struct assay_arena {
	uint64_t next, end; /* byte offsets in the spool */
	uint32_t chunk;     /* size of the last chunk, doubled up to a limit */
};

/* Memory a walk works in, so that a handler's own stack use stays small. */
struct assay_walk_memory;

/* Values of what has no path, that were put to last: a search in the tree would cost several times as much. */
enum { ASSAY_RECENT = 64 };
struct assay_recent {
	assay_ref frame;
	uint32_t metric;
	struct assay_spool_value *value;
};

struct assay_thread {
	struct assay_spool_thread *record;
	struct assay_arena arena;
	_Atomic uint32_t state; /* enum assay_thread_state */
	uint32_t slot;          /* its place in the pool (thread.c) */
	uint32_t next_free;
	pid_t tid;

	/* clock */
	int timer;    /* kernel's timer id, -1 = none */
	uint64_t timer_ns; /* for which it was armed last */
	int event;    /* perf event's descriptor, -1 = none */
	uint64_t event_id; /* the kernel's number for it */
	bool armed;
	uint64_t deadline_ns; /* on the thread's CPU clock */
	uint64_t asked_ns;    /* CPU time after the last sample at which the clock was to fire */
	uint64_t distance_ns; /* ... of which it was armed for last */
	uint64_t random;
	uint64_t last_cpu_ns; /* CPU clock at the last sample */
	_Atomic bool in_handler; /* its handler is at work */
	bool missed;          /* a sample was due while Assay's own code ran */
	bool catches_up;      /* ... and is taken now */

	/* the stack that it was given: walks read it directly */
	uintptr_t stack_low, stack_high;

	/* start (wrap_thread.c) */
	void *(*routine)(void *);
	int (*routine11)(void *); /* by thrd_create */
	void *argument;
	size_t stack_size;
	bool hides;       /* its maker's, whose signal mask it begins with */
	uint64_t born_ns; /* when it was asked for */

	uint32_t timeline_left;

	_Atomic bool settling;  /* its totals are being brought up to date (thread.c) */
	int64_t core_wait_ns;   /* the part of its run-queue delay that is in the totals */

	/* the last path, root first, to find the common part of the next one quickly */
	uint32_t path_length;
	assay_ref path[ASSAY_FRAMES_MAX + ASSAY_REGIONS_MAX + 3];
	assay_ref path_base; /* the node that it begins below */

	/* the regions that it is in, outermost first; and the highest stack frame of which some came or went since the
	 * last walk: what is further out is as it was */
	uint32_t region_count, regions_over; /* over: opened where there was no room for more */
	uintptr_t regions_changed;
	assay_ref region_root;            /* the node around them all */
	uint64_t regions_generation;      /* of the modules, for which functions are where regions[] has them */
	struct assay_spool_opens *opens;  /* in the spool; NULL: there was no region yet */
	struct assay_region regions[ASSAY_REGIONS_MAX];
	struct assay_unmeasured unmeasured[ASSAY_UNMEASURED];

	struct assay_recent recent[ASSAY_RECENT]; /* by metric and frame (span.c) */
	bool has_recent; /* else all are 0 */

	/* what it waits for, how long it has waited in all, and the places that it works for */
	struct assay_wait wait;
	uint64_t waited_ns;
	_Atomic uint64_t dock_until; /* CLOCK_MONOTONIC, by whoever knows when */
	uint32_t adopted_count, adopted_over, adoptions;
	/* the place that it worked for last, the node that leads there from its own tree, and what it docked at last */
	struct {
		assay_ref place, node, frame, docked, frame_after, after;
	} last_place;
	struct assay_adopted adopted[ASSAY_ADOPTED_MAX];
	/* what goes on at places, outermost first */
	uint32_t at_count;
	struct {
		assay_ref node;
		uint32_t metric;
		uint64_t begin_ns;
	} at[ASSAY_ADOPTED_MAX];

	/*
	 * A walk: its frames, innermost first, without those that it shares with the last one; its own states at
	 * those frames, from the array's end down, so that what a walk uses lies together; and the states that are
	 * kept for the next one, root first, while thread->path has their nodes. fresh_whole: how many frames of its own
	 * a walk had that was whole.
	 */
	uint32_t shared, fresh_whole, steps_count, steps_generation;
	uint32_t steps_adoption; /* under which of the adoptions they were made */
	struct assay_frame_ref frames[ASSAY_FRAMES_MAX];
	struct assay_walk_step fresh[ASSAY_FRAMES_MAX];
	struct assay_walk_step steps[ASSAY_FRAMES_MAX];
	uint64_t walk_memory[1280];
};

enum assay_thread_state {
	ASSAY_SLOT_FREE = 0,
	ASSAY_SLOT_STARTING = 1,
	ASSAY_SLOT_LIVE = 2,
};

struct assay_process {
	_Atomic bool on;   /* samples are taken */
	bool sampled;      /* there was a sample */
	bool active;       /* this process is part of a run (wrappers follow what it starts) */
	bool sealed;       /* not any more, and no system call may be made to say so: see wrap_seccomp.c */
	pid_t pid;
	uint8_t *base;     /* the spool's mapping */
	uint64_t limit;    /* its size */
	struct assay_spool_header *header;
	uint32_t clock;    /* enum assay_spool_clock */
	uint32_t rate_hz;
	uint64_t period_ns;
	uint64_t tick_ns;  /* of the kernel, on which CPU timers expire */
	uint32_t timeline; /* entries a thread may keep, 0 = no time line */
	bool libunwind;
	int signal;        /* the sampling signal */
	bool reserve_by_file; /* the kernel cannot populate mappings: reserve through the file */
	char path[4096];   /* of the spool */
};

extern struct assay_process assay_process;

/* A walk's own state at frame `n`, innermost first. */
static inline struct assay_walk_step *assay_fresh_step(struct assay_thread *thread, uint32_t n)
{
	return &thread->fresh[ASSAY_FRAMES_MAX - 1 - n];
}

/* Memory behind a reference. No check: only for references that this process wrote itself. */
static inline void *assay_at(assay_ref ref)
{
	return assay_process.base + (uint64_t)ref * ASSAY_SPOOL_SLOT;
}

/* The reference to memory in the spool. */
static inline assay_ref assay_ref_of(const void *p)
{
	return (assay_ref)((uint64_t)((const uint8_t *)p - assay_process.base) / ASSAY_SPOOL_SLOT);
}

/* CLOCK_MONOTONIC and the calling thread's CPU clock, ns. Safe in handlers. */
uint64_t assay_now_ns(void);
uint64_t assay_thread_cpu_ns(void);

#endif
