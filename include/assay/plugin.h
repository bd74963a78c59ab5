/*
 * plugin.h: the contract between Assay and its plugins. docs/PLUGINS.md leads from the template (plugins/null) to a
 * plugin that works.
 *
 * A plugin is one shared object, NAME.so, that is preloaded into every process of a run that asks for it. It exports
 * one `const struct assay_plugin assay_plugin_NAME`, links to nothing of Assay's, and may interpose functions by
 * defining them. When Assay measures a process it hands the plugin a `struct assay_host` of functions; until then, and
 * in processes that are not measured, what the plugin interposes must do what the function behind it does and no more.
 *
 * Rules. A plugin never changes what the program does: results, errno, signals, descriptors, output. What it does in a
 * hook or wrapper of its own, it does quickly: no event may allocate, lock, or make a system call but to read a clock.
 * It may be called from any thread, before main and after exit, and in the child of a fork.
 */
#ifndef ASSAY_PLUGIN_H
#define ASSAY_PLUGIN_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A thread that is docked (see `dock`). It stays, whatever becomes of the thread. */
typedef struct assay_plugin_dock assay_plugin_dock;

/* Changes when a plugin built before would not work. What is added at the end of a structure shows in its size. */
#define ASSAY_PLUGIN_ABI 1u

/* What a metric's numbers are; how they add up and are shown. */
enum assay_plugin_kind {
	ASSAY_PLUGIN_EXACT_TIME = 1, /* ns, measured from begin to end */
	ASSAY_PLUGIN_COUNT = 2,
	ASSAY_PLUGIN_BYTES = 3,
	/*
	 * Time in which the thread did not get on, ns: from `wait_begin` to `wait_end`. It is part of the account of every
	 * thread's time, so nothing else may say the same wait again.
	 */
	ASSAY_PLUGIN_WAIT = 5,
	/* Time in which others waited for what this call path held, ns: who is to blame for their waits. */
	ASSAY_PLUGIN_BLAME = 6,
	/*
	 * Of code that a team of threads runs together (a parallel region of OpenMP), at the frame that stands for it: how
	 * long it took, put down by the thread that opened it; how long each thread worked, its waits taken off; and how long
	 * the one worked that worked longest, once each time: from these comes the load imbalance.
	 */
	ASSAY_PLUGIN_TEAM_TIME = 7,
	ASSAY_PLUGIN_TEAM_WORK = 8,
	ASSAY_PLUGIN_TEAM_LONGEST = 9,
};

#define ASSAY_PLUGIN_MORE 0x80000000u
#define ASSAY_PLUGIN_UNWOUND 0x80000000u /* in wait_end's `frame` */

enum assay_plugin_wait {
	/* It will take long if it is not over at once: its call path is looked for now, when there is time, and not when
	 * it has ended. One that never ends (a thread that waits as the program exits or is killed) is then known in full. */
	ASSAY_PLUGIN_WAIT_LONG = 1,
	/* CPU time in it is waiting too (a lock or a barrier that spins): samples lie below its frame. Without this flag
	 * CPU time in it is the kernel's work for the call, and counts as computing. */
	ASSAY_PLUGIN_WAIT_SPINS = 2,
};

struct assay_plugin_metric {
	const char *name; /* a word, lower case: 'naps'. Unique among the plugins of a run; NULL ends the list */
	const char *unit; /* "ns", "count", "bytes", or a word of its own */
	uint32_t kind;    /* enum assay_plugin_kind */
	const char *help; /* a sentence for the reader of a report: what is counted, where it starts and ends */
};

/* --plugins=PLUGIN:NAME=VALUE. Every plugin has `threshold` besides: see `span`. */
struct assay_plugin_option {
	const char *name;     /* NULL ends the list */
	const char *standard; /* what holds when it is not given */
	const char *help;
};

/*
 * What the core does for a plugin. All of it may be called by any thread from the plugin's `start` to its `stop`, and
 * in the child of a fork; none of it in a signal handler of the plugin's own. errno is left as it was.
 */
struct assay_host {
	uint32_t abi, size;

	/* CLOCK_MONOTONIC in ns, by the quickest means there is. */
	uint64_t (*now)(void);

	/*
	 * Whether this thread is measured now, and the plugin not called from within Assay itself: else a wrapper calls
	 * the function behind it, and records nothing. If true, `leave` must follow in the same thread. In between no
	 * sample is taken (it comes late, with its weight), so nothing that blocks belongs there.
	 */
	bool (*enter)(void);
	void (*leave)(void);

	/* An option's value as given or its standard one; NULL: the plugin has no such option. In probe and start only. */
	const char *(*option)(const char *name);
	/* The same for a length of time with ns, us, ms or s behind it, in ns; UINT64_MAX: it is not one. */
	uint64_t (*option_ns)(const char *name);

	/* The number of one of the plugin's own metrics; UINT32_MAX: it has none of that name. In start only. */
	uint32_t (*metric)(const char *name);

	/*
	 * A frame for the calling-context tree: `kind` is a word that says what it is ("wait", "region"; not "program",
	 * "native", "inlined" or "special", which are Assay's), `name` is shown.
	 * Equal words give the same number, in any thread. Both are copied. 0: no more room, and what is recorded with it
	 * counts as lost. Costs some 100 ns: keep the number where there are few.
	 */
	uint32_t (*frame)(const char *kind, const char *name);

	/*
	 * Something took `ns`: it is added, with a count of 1, to `metric` at `frame` below the call path of the caller.
	 * The path is only looked for where that costs less than it tells: from 20 us on, or what --plugins=NAME:threshold=
	 * says. Shorter ones add up below a node of their own, exact but without a path.
	 * Takes the guard itself: call it outside `enter` and `leave`. A few 10 ns, or 1 to 3 us with the path.
	 */
	void (*span)(uint32_t metric, uint32_t frame, uint64_t ns);

	/*
	 * The program opens or closes a region, whose function has its stack frame at `sp`: an address in it, the same for
	 * both (`__builtin_frame_address(0)` in that function, or as the function's stack pointer is, `__builtin_dwarf_cfa()`
	 * in the one that it calls). While it is open, samples have the frame above the function that opened it. What it took,
	 * without the regions inside it, goes to `metric` where it lies among the other regions. Regions left open by a return,
	 * a jump or an exception are closed as soon as that is seen; what was wrong is counted and reported. A pair takes some
	 * 60 ns.
	 *
	 * With `sp` NULL, or a number below 4096, it is no function's: samples have it outside all functions, any may close it,
	 * and it may end before what was opened inside it. `close` with `frame` 0 then closes the innermost one of that number. To `close`, `sp` as an odd address (one more) says that the call may be the last thing
	 * that the function does, so that this is its caller's stack pointer.
	 */
	void (*open)(uint32_t frame, uint32_t metric, const void *sp);
	void (*close)(uint32_t frame, uint32_t metric, const void *sp);

	/*
	 * The same for a function of the program's that says itself when it begins and ends (-finstrument-functions). It is
	 * known by its address, lies among the regions, and samples do not need it: they have it in their paths. What is
	 * returned: in how many regions and functions it lies, itself among them, 0 if it is not recorded; and whether it is
	 * one that `tiny` tells.
	 */
	uint32_t (*enter_function)(const void *function, uint32_t metric, const void *sp);
	bool (*leave_function)(const void *function, uint32_t metric, const void *sp);

	/* `n` more of a count or of bytes: to `metric` at `frame`, without a call path. The same, some 10 ns. */
	void (*add)(uint32_t metric, uint32_t frame, uint64_t n);

	/* One line on standard error, "assay: TEXT". For what the user must know; once, if ever. */
	void (*say)(const char *text);

	/*
	 * `frame` for something that is at an address of the program or of a library: a variable (a lock), or code (of a call: the
	 * return address - 1; the line is shown). The report has the symbol behind `prefix`: "queue_lock", "made in
	 * table_new (table.c:40)". 0 also if no module has that address (heap, stack). The caller keeps the number; some 200 ns.
	 */
	uint32_t (*frame_at)(const char *kind, const char *prefix, const void *address);

	/*
	 * The calling thread begins to wait for what `frame` says, in a function that has its stack frame at `sp` (as for
	 * `open`), and ends it. False: not measured now, or the thread waits already and this is a part of that; nothing is
	 * recorded then, and wait_end not called. `metric` is of kind ASSAY_PLUGIN_WAIT; `flags` of enum assay_plugin_wait.
	 * The guard is not held in between. Below the threshold a wait has no path, unless it was said to be LONG. `frame` of
	 * wait_end, if not 0, takes the place of the one at the begin, which may then be 0. What it took is returned, ns. Where
	 * the function is left by a jump or by cancellation, wait_end may not be called: the wait is not recorded then. Who is
	 * called while the stack is unwound may end it with ASSAY_PLUGIN_UNWOUND in `frame`: if its path is not known from the
	 * begin, it has none, for now it would lead into what unwinds.
	 * Some 50 ns the pair, and 1 us with the path.
	 */
	bool (*wait_begin)(uint32_t metric, uint32_t frame, const void *sp, uint32_t flags);
	uint64_t (*wait_end)(uint32_t frame);

	/* How long this thread has waited so far, ns: of what has ended. For differences. */
	uint64_t (*waited)(void);

	/*
	 * Places in the tree that threads share. `here` is the call path of the caller, with `frame` below: a place, which any
	 * thread of the process may name from then on; 0: there is none. Some 100 ns to 1 us: the path is looked for.
	 *
	 * `adopt`: what this thread does in functions that the one with its stack frame at `sp` calls is below `place`, in
	 * samples, spans and waits alike, as if it had been called there; `unadopt` ends it, by the same `sp`. May be
	 * nested. A wait that the thread is in stands still meanwhile (it runs a task at a barrier). False: as wait_begin, and
	 * then without unadopt.
	 */
	uint32_t (*here)(uint32_t frame);
	bool (*adopt)(uint32_t place, const void *sp);
	void (*unadopt)(const void *sp);

	/*
	 * `n` more of `metric`, once, put down for this thread at `place`. With ASSAY_PLUGIN_MORE in `metric` it belongs to what
	 * was put down there before, and does not count as once more.
	 */
	void (*add_at)(uint32_t metric, uint32_t place, uint64_t n);

	/*
	 * What takes from begin_at to end_at, in ns, in the same way. One that is not over when the process ends counts up to
	 * then. May be nested; end_at ends the innermost.
	 */
	void (*begin_at)(uint32_t metric, uint32_t place);
	void (*end_at)(void);

	/*
	 * This thread's part of what was done at `place` is over and it waits, in a library's own code, until it is given more:
	 * with `frame` below `place` until the time that `dock_over` is told (by any thread, once; CLOCK_MONOTONIC, ns), with
	 * `frame_after` below the thread's own root from then on. Samples meanwhile are part of that: no path.
	 * NULL: not measured. `undock` ends it, and returns when (0: it is not docked). In between the thread may not wait or adopt.
	 */
	assay_plugin_dock *(*dock)(uint32_t metric, uint32_t frame, uint32_t place, uint32_t frame_after);
	void (*dock_over)(assay_plugin_dock *dock, uint64_t when);
	uint64_t (*undock)(void);

	/* As `add`, but in the innermost region (or counted function) that this thread is in. Some 20 ns. */
	void (*add_in_region)(uint32_t metric, uint32_t frame, uint64_t n);

	/*
	 * A function is tiny if it was called `often` times (made a power of two) from one place, by one thread, and its calls
	 * take less than `ns`. 0 times: none is. In start only.
	 */
	void (*tiny)(uint64_t often, uint64_t ns);

	/*
	 * In place of enter_function and leave_function, of a function that is not measured any more: one more is added to
	 * `metric` at the function, without what it lies in. To leave is to ask whether it was entered when it was measured
	 * still. A few ns, for no clock is read.
	 */
	void (*count_function)(const void *function, uint32_t metric);
	void (*leave_if_entered)(const void *function, uint32_t metric, const void *sp);

	/*
	 * This process is number `rank` of the `ranks` that are one parallel program (MPI), which `job` names: equal in all of
	 * them, and in no others of that time; NULL: not known. Said once; a forked child is none of them.
	 */
	void (*rank)(uint32_t rank, uint32_t ranks, const char *job);

	/* As wait_begin, for a wait that has begun at the time `since` (of `now`), before its frame was looked for. */
	bool (*wait_begun)(uint32_t metric, uint32_t frame, const void *sp, uint32_t flags, uint64_t since);
};

enum assay_plugin_flags {
	ASSAY_PLUGIN_AUTO = 1, /* part of --plugins=auto, the default: cheap enough and of use to everybody whom it applies to */
	/*
	 * Interposes nothing, and so is not preloaded: it is loaded and started in a process that calls its functions, which
	 * it finds by `assay_demand`. A preloaded object costs each process some 0.1 ms, used or not.
	 */
	ASSAY_PLUGIN_ON_DEMAND = 2,
};

/* A hook that is NULL is not called. */
struct assay_plugin {
	uint32_t abi;  /* ASSAY_PLUGIN_ABI */
	uint32_t size; /* sizeof(struct assay_plugin) */
	const char *name;
	const char *summary; /* one line: what it measures */
	uint32_t flags;      /* enum assay_plugin_flags */
	const struct assay_plugin_option *options; /* or NULL */
	const struct assay_plugin_metric *metrics; /* or NULL */

	/*
	 * Whether there is anything for it here: NULL, or a few words why not ("no OpenMP in this program"). Called in the
	 * process to be measured, before main, and by `assay plugins`, where `host` is NULL. Without side effects.
	 */
	const char *(*probe)(const struct assay_host *host);

	/* Before main; the host stays valid for good. 0, or a negative errno: it is left out, and the report says so. */
	int (*start)(const struct assay_host *host);

	/* The process ends, or measuring does: nothing more is recorded. Other threads may still run. */
	void (*stop)(void);

	/* In a thread, before its start routine; and at its end. Not for the first thread. */
	void (*thread_start)(void);
	void (*thread_stop)(void);

	/* In the child of a fork, which is measured as a process of its own. Its one thread goes on as it was. */
	void (*after_fork)(void);
};

/*
 * What libassay.so exports: the function `name` of a plugin that is loaded on demand, which is loaded and started if that
 * has not been done. NULL: it is not part of this run, or has no such function. Look it up by dlsym(RTLD_DEFAULT,
 * "assay_demand"): it is not there without Assay. Any thread, not in signal handlers; may take milliseconds, once. Never
 * waits for another thread.
 */
typedef void *assay_demand_fn(const char *plugin, const char *name);
#define ASSAY_DEMAND_LATER ((void *)-1) /* not known yet, for plugins are not chosen before main, or one is being loaded: ask again */

/*
 * A plugin may export `assay_preload_NAME` besides: by its options as they are given ("runtime=llvm:threshold=1us", or ""),
 * the path of another library that must be preloaded behind it, or NULL. It is called by `assay run`, and the text stays.
 */
typedef const char *assay_plugin_preload_fn(const char *options);

/* Defines the plugin's one export: ASSAY_PLUGIN(naps) = { ... }; */
#define ASSAY_PLUGIN(plugin) __attribute__((visibility("default"))) const struct assay_plugin assay_plugin_##plugin

#ifdef __cplusplus
}
#endif

#endif
