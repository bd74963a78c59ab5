/*
 * spool.h: the spool's record layouts, the one place where core and viewer meet.
 *
 * A spool is one file per process image, written by the preload library through a shared mapping
 * and read by the digest. Everything in it is reached by references from the header; there is
 * nothing to scan. A reference counts 16-byte slots from the start of the file (so 32 bits reach
 * 64 GiB); 0 means none. Every record starts on a slot.
 *
 * Publication: a record is filled first and then linked by a release store of the reference that
 * leads to it, so a reader at any moment (the process alive, or killed at any instruction) sees
 * only whole records. Counters and sums may be one update apart from each other; nothing else may.
 *
 * Byte order and field sizes are those of the writing machine, which `byte_order` tells.
 * docs/FORMAT.md describes the same in prose. Bump ASSAY_SPOOL_VERSION when a layout changes.
 *
 * This header owns layouts only: no code that allocates, nothing of core or viewer.
 */
#ifndef ASSAY_PROFILE_SPOOL_H
#define ASSAY_PROFILE_SPOOL_H

#include <stdatomic.h>
#include <stdint.h>

#define ASSAY_SPOOL_MAGIC "ASSAYSPL"
#define ASSAY_SPOOL_VERSION 4u
#define ASSAY_SPOOL_BYTE_ORDER 0x01020304u
#define ASSAY_SPOOL_SLOT 16u
#define ASSAY_SPOOL_SUFFIX ".spool"

/* A reference: slots from the start of the file. 0 = none. */
typedef uint32_t assay_ref;

/* How the image ended, as far as it could tell itself. */
enum assay_spool_state {
	ASSAY_STATE_RUNNING = 0, /* no end was seen: still running, or killed */
	ASSAY_STATE_EXITED = 1,  /* exit, _exit, quick_exit or return from main; `status` is valid */
	ASSAY_STATE_EXECED = 2,  /* replaced by exec; the next image of this pid follows on */
};

enum assay_spool_clock {
	ASSAY_CLOCK_CPU = 0,  /* POSIX per-thread CPU timer */
	ASSAY_CLOCK_PERF = 1, /* perf_event_open, software cpu-clock */
};

/* Why a sample was lost. Counted per thread; an entry without a thread is counted in the header. */
enum assay_spool_drop {
	ASSAY_DROP_BUSY = 0,    /* the signal came while Assay's own code ran in this thread */
	ASSAY_DROP_FULL = 1,    /* no room in the spool (limit reached, or the disk is full) */
	ASSAY_DROP_UNREADY = 2, /* the thread has no record (not started by pthread_create) */
	ASSAY_DROP_EVENT = 3,   /* no sample, but what a plugin recorded, for which there was no room */
	ASSAY_DROPS = 4,
};

/* How the walk up a sample's stack ended. Only the first is a whole call path. */
enum assay_spool_walk {
	ASSAY_WALK_COMPLETE = 0, /* the outermost frame was reached */
	ASSAY_WALK_NO_RULE = 1,  /* code without unwind tables and without a usable frame pointer */
	ASSAY_WALK_BAD_READ = 2, /* a stack or table read outside the memory it belongs to */
	ASSAY_WALK_NO_ASCENT = 3, /* the next frame was not above the last */
	ASSAY_WALK_TOO_DEEP = 4, /* deeper than the limit; the outer part is missing */
	ASSAY_WALK_BAD_RULE = 5, /* an unwind rule that is malformed or not supported */
	ASSAY_WALKS = 8,
};

/* What was wrong with regions. Each is put right as soon as it is seen. */
enum assay_region_fault {
	ASSAY_REGION_NEVER_CLOSED, /* its function had returned, or an outer one was closed: closed then */
	ASSAY_REGION_NOT_OPEN,     /* closed, but not open in this thread: nothing happened */
	ASSAY_REGION_TOO_MANY,     /* opened inside so many others that it was not recorded */
	ASSAY_REGION_OPEN_AT_END,  /* open when the process ended, or was killed: found by the digest, never counted here */
	ASSAY_REGION_FAULTS = 4,
};

struct assay_spool_header {
	char magic[8];
	uint32_t version;
	uint32_t byte_order;
	uint32_t header_size;
	uint32_t slot_size;
	uint64_t limit;            /* bytes this file may grow to; its apparent size */
	_Atomic uint64_t next;     /* bytes handed out so far; everything reachable lies below */
	int32_t pid, ppid;
	uint32_t uid;
	uint32_t clock;            /* enum assay_spool_clock */
	uint32_t rate_hz;
	_Atomic uint32_t state;    /* enum assay_spool_state */
	int32_t status;            /* exit status, when EXITED */
	uint32_t unwinder;         /* 0 own, 1 libunwind */
	int64_t start_realtime_ns; /* CLOCK_REALTIME when measuring began here */
	uint64_t start_ns;         /* CLOCK_MONOTONIC at the same moment */
	_Atomic uint64_t end_ns;   /* CLOCK_MONOTONIC at the end, 0 = not seen */
	uint64_t startup_cpu_ns;   /* CPU time the first thread had used before measuring began (exec, loader) */
	_Atomic uint64_t cpu_ns;   /* CLOCK_PROCESS_CPUTIME_ID at the end, 0 = not seen */
	uint64_t exec_cpu_ns;      /* when EXECED: CPU clock and run-queue delay of the thread that did it, which */
	uint64_t exec_core_wait_ns; /* go on in the first thread of the next image; 0 = not read */
	uint64_t fork_ns;          /* for a forked child: CLOCK_MONOTONIC just after fork; 0 for an exec'ed image */
	_Atomic assay_ref threads; /* list of struct assay_spool_thread, newest first */
	_Atomic assay_ref modules; /* list of struct assay_spool_module, newest first */
	_Atomic assay_ref metrics; /* list of struct assay_spool_metric, newest first */
	_Atomic assay_ref plugins; /* list of struct assay_spool_plugin, newest first */
	assay_ref exe;             /* string: path of the executable, links resolved; 0 before the first sample */
	assay_ref invoked;         /* string: the path that was executed: a link to it, or a script */
	assay_ref command;         /* string: arguments, each ended by a NUL */
	assay_ref from;            /* string: the image that it comes from, as ASSAY_FROM says; 0 = not known */
	assay_ref note;            /* string: why Assay stopped measuring here, or 0 */
	_Atomic uint64_t dropped[ASSAY_DROPS]; /* losses that belong to no thread record */
	_Atomic uint64_t unseen_threads;       /* threads met that could not be followed */
	_Atomic uint32_t spoke;    /* writer's own: a forked child has said that it is not measured */
	_Atomic uint32_t ranks;    /* of the parallel program that it is part of; 0 = none */
	uint32_t rank;             /* which of them it is */
	assay_ref job;             /* string: what names that program, or 0 */
};

struct assay_spool_string {
	uint32_t length; /* bytes that follow, without a closing NUL (one is stored all the same) */
	char bytes[];
};

enum assay_spool_thread_flags {
	ASSAY_THREAD_MAIN = 1,  /* the process's first thread (or the one that forked) */
	ASSAY_THREAD_LIVE = 2,  /* a thread is running under this record now */
};

/*
 * One thread, or (threads > 1) several threads with the same start routine that ran one after the
 * other and share a record, so that a program that starts threads for ever needs bounded memory.
 * The *_ns totals are of threads that have ended; for a live one see live_*.
 */
struct assay_spool_thread {
	assay_ref next;
	assay_ref pool_next;        /* writer's own; readers ignore it */
	_Atomic assay_ref root;     /* root node of this record's tree, 0 = no samples */
	_Atomic assay_ref timeline; /* newest chunk first, 0 = none */
	_Atomic uint32_t flags;
	_Atomic uint32_t threads;   /* how many threads this record has served */
	int32_t tid;                /* of the last of them */
	assay_ref entry_module;     /* start routine: module (0 = address is absolute) and address in it */
	uint64_t entry;
	_Atomic uint64_t wall_ns, cpu_ns;
	_Atomic uint64_t core_wait_ns;      /* run-queue delay, of the threads for which it was read */
	_Atomic uint64_t core_wait_wall_ns; /* wall time of the threads for which it was read */
	uint64_t first_ns;                  /* CLOCK_MONOTONIC when the first of them started */
	_Atomic uint64_t last_ns;           /* ... when the last one ended */
	uint64_t live_born_ns;              /* ... when the live one started */
	/* The live thread's part that is not in the totals above begins here: */
	_Atomic uint64_t live_start_ns;     /* CLOCK_MONOTONIC, */
	_Atomic uint64_t live_start_cpu_ns; /* its CPU clock, */
	_Atomic uint64_t live_seen_ns;      /* and both as of its last sample */
	_Atomic uint64_t live_seen_cpu_ns;
	/* The wait that the live thread is in: it is in no value yet, and ends at the image's end if nothing else is seen. */
	_Atomic uint64_t live_wait_ns;    /* CLOCK_MONOTONIC when it began, 0 = none */
	_Atomic uint64_t live_wait_until; /* when the first of two waits was over, 0 = it goes on */
	_Atomic assay_ref live_wait_node; /* the node to which its time will go, 0 = not known yet */
	_Atomic assay_ref live_wait_after; /* ... from live_wait_until on */
	_Atomic assay_ref live_wait_frame; /* a struct assay_spool_frame: what it waits for, below that node; 0 = nothing more */
	_Atomic uint32_t live_wait_metric;
	/* In the same way, the outermost of what goes on at a place. */
	_Atomic uint32_t live_at_metric;
	_Atomic assay_ref live_at_node;
	_Atomic uint64_t live_at_ns;
	_Atomic uint64_t samples;
	_Atomic uint64_t weight_ns;         /* CPU time that the samples stand for */
	_Atomic uint64_t self_ns;           /* time spent in Assay's handler and wrappers */
	_Atomic uint64_t wait_cpu_ns;       /* of weight_ns: in waits, which are in values of metrics of kind WAIT */
	_Atomic uint64_t spin_ns;           /* of wait_cpu_ns: in waits that spin */
	_Atomic uint64_t dropped[ASSAY_DROPS];
	_Atomic uint64_t walks[ASSAY_WALKS]; /* how the samples' walks ended */
	_Atomic uint64_t region_faults[ASSAY_REGION_FAULTS]; /* regions that were not opened and closed in pairs */
	char name[16];
	_Atomic uint64_t busy_ns;  /* part of weight_ns: of samples that were due while Assay's own code ran for the program */
	_Atomic assay_ref open;    /* struct assay_spool_opens of the live thread, 0 = it has been in no region */
};

/* A region that a thread is in. What it took so far, without those inside it, is not yet in its node's value. */
struct assay_spool_open {
	assay_ref node;
	uint32_t metric;
	uint64_t begin_ns; /* CLOCK_MONOTONIC */
	uint64_t inner_ns; /* of that, in regions inside it that have ended */
};

/* Outermost first: each lies in the one before. */
#define ASSAY_OPENS 128
struct assay_spool_opens {
	_Atomic uint32_t count;
	uint32_t reserved;
	struct assay_spool_open regions[ASSAY_OPENS];
};

/* Values of node.module below this are kinds of node, not references (the header lies there). */
enum assay_spool_place {
	ASSAY_PLACE_ABSOLUTE = 0, /* address belongs to no known module (generated code) */
	ASSAY_PLACE_SPECIAL = 1,  /* address is an enum assay_spool_special */
	ASSAY_PLACE_FRAME = 2,    /* address is a reference to a struct assay_spool_frame */
	ASSAY_PLACE_LINK = 3,     /* address is a reference to a node, of this thread or another: what is below lies there */
	ASSAY_PLACES = 16,        /* first value that is a reference to a module */
};

enum assay_spool_special {
	ASSAY_SPECIAL_ROOT = 0,      /* the root of a thread's tree */
	ASSAY_SPECIAL_TRUNCATED = 1, /* parent of paths whose outer part is missing */
	ASSAY_SPECIAL_SHORT = 2,     /* parent of what plugins recorded without a call path */
	ASSAY_SPECIAL_REGIONS = 3,   /* parent of regions by how they lie in each other, with their exact time */
};

/*
 * A node of the calling-context tree. Children of a node form a binary search tree by
 * (hash of module and address), linked by left and right: see core/sig/cct.c.
 * For a caller, address is that of the call (return address - 1), so that it names the right line.
 */
struct assay_spool_node {
	uint64_t address; /* module-relative (ELF virtual address), or as `module` says */
	uint32_t module;  /* reference to struct assay_spool_module, or enum assay_spool_place */
	assay_ref parent;
	_Atomic assay_ref child; /* root of the search tree of its children */
	_Atomic assay_ref left, right;
	_Atomic assay_ref values;
};

/* Exclusive value of a node for one metric. */
struct assay_spool_value {
	uint32_t metric;
	assay_ref next;
	_Atomic uint64_t count;
	_Atomic uint64_t sum;
	uint64_t min, max;
	double sum_of_squares;
};

#define ASSAY_BUILD_ID_MAX 32

struct assay_spool_module {
	assay_ref next;
	assay_ref path;      /* string; 0 for the program itself: the header's `exe`, else `invoked` */
	uint64_t bias;       /* run-time address minus ELF virtual address */
	uint64_t start, end; /* run-time addresses it occupies */
	uint64_t load_ns;    /* CLOCK_MONOTONIC when it was first seen */
	_Atomic uint64_t unload_ns; /* ... when it was seen gone, 0 = still there */
	uint32_t build_id_length;
	uint32_t flags;      /* 1 = vdso */
	uint8_t build_id[ASSAY_BUILD_ID_MAX];
};

/*
 * A frame of a plugin's: what it stands for ("wait"), and its name. With an address, the symbol there (variable, or
 * function and line) is put behind the name.
 */
struct assay_spool_frame {
	assay_ref kind, name; /* strings */
	uint32_t module;      /* reference to a struct assay_spool_module; 0 = there is no address */
	uint32_t reserved;
	uint64_t address;     /* module-relative */
};

/* A plugin that was to be part of this image. */
struct assay_spool_plugin {
	assay_ref next;
	assay_ref name, summary; /* strings; summary may be 0 */
	assay_ref left_out;      /* string: why it did not start, or 0 */
};

enum assay_spool_metric_kind {
	ASSAY_METRIC_SAMPLED_TIME = 0,
	ASSAY_METRIC_EXACT_TIME = 1,
	ASSAY_METRIC_COUNT = 2,
	ASSAY_METRIC_BYTES = 3,
	ASSAY_METRIC_LEVEL = 4,
	ASSAY_METRIC_WAIT = 5,         /* exact time in which the thread waited: part of the account */
	ASSAY_METRIC_BLAME = 6,        /* exact time in which others waited for this */
	ASSAY_METRIC_TEAM_TIME = 7,    /* exact time of what a team does together, by the thread that opened it */
	ASSAY_METRIC_TEAM_WORK = 8,    /* ... in which each thread of the team worked */
	ASSAY_METRIC_TEAM_LONGEST = 9, /* ... in which the one did that worked longest, once each time */
};

struct assay_spool_metric {
	assay_ref next;
	uint32_t id;
	uint32_t kind;     /* enum assay_spool_metric_kind */
	assay_ref name, unit, obtained, help; /* strings */
};

struct assay_spool_timeline_entry {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	assay_ref node;
	uint32_t weight_us;
};

struct assay_spool_timeline {
	assay_ref next;          /* the chunk before this one */
	uint32_t capacity;
	_Atomic uint32_t count;
	uint32_t reserved;
	struct assay_spool_timeline_entry entries[];
};

_Static_assert(sizeof(struct assay_spool_header) <= ASSAY_PLACES * ASSAY_SPOOL_SLOT, "no record lies below slot 16");
_Static_assert(sizeof(struct assay_spool_node) == 32, "node size");
_Static_assert(sizeof(struct assay_spool_value) == 48, "value size");

#endif
