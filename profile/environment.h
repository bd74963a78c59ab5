/*
 * environment.h: the environment variables between the launcher (`assay run`) and the preloaded
 * library. Both sides take the names from here; nobody spells them out.
 *
 * The library removes these, and its own entry in LD_PRELOAD, from the program's environment
 * before the program's code runs, and gives them to every program that it executes.
 */
#ifndef ASSAY_PROFILE_ENVIRONMENT_H
#define ASSAY_PROFILE_ENVIRONMENT_H

/* Absolute path of the run's directory. Its presence switches measuring on. */
#define ASSAY_ENV_RUN "ASSAY_RUN"
/* The library's own entry in LD_PRELOAD, and its plugins' behind it, exactly as they stand there. */
#define ASSAY_ENV_PRELOAD "ASSAY_PRELOAD"
/* Samples per second of a thread's CPU time, 1 to ASSAY_RATE_MAX. */
#define ASSAY_ENV_RATE "ASSAY_RATE"
/* "cpu": POSIX per-thread CPU timers; "perf": perf_event_open, software cpu-clock. */
#define ASSAY_ENV_CLOCK "ASSAY_CLOCK"
/* "own" or "libunwind". */
#define ASSAY_ENV_UNWINDER "ASSAY_UNWINDER"
/* Time-line entries kept per thread, 0 = no time line. */
#define ASSAY_ENV_TIMELINE "ASSAY_TIMELINE"
/*
 * The run's plugins: NAME[@PATH][:OPTION=VALUE...],... A path: of one that is loaded on demand, with : , @ and % in it as
 * % and two hexadecimal digits. Not set: none.
 */
#define ASSAY_ENV_PLUGINS "ASSAY_PLUGINS"
#define ASSAY_PLUGINS_MAX 16        /* so many at most */
#define ASSAY_PLUGINS_TEXT_MAX 4096 /* bytes, with the NUL */
/* Bytes that one process's spool may take. */
#define ASSAY_ENV_LIMIT "ASSAY_LIMIT"

/*
 * Which process image this one comes from, by the name of its spool: "e:NAME", it was exec'ed by that one, in the
 * same process; "c:NAME", that one started it. Made anew for each program executed.
 */
#define ASSAY_ENV_FROM "ASSAY_FROM"
#define ASSAY_FROM_EXEC 'e'
#define ASSAY_FROM_CHILD 'c'

/* For users, read by the launcher only. */
#define ASSAY_ENV_SPOOL_DIR "ASSAY_SPOOL_DIR" /* where run directories are made */
#define ASSAY_ENV_LIBRARY "ASSAY_LIBRARY"     /* the library to preload, in place of the installed one */

#define ASSAY_ENV_PLUGIN_PATH "ASSAY_PLUGIN_PATH" /* folders with plugins, before the installed ones */

#if defined __x86_64__ || defined __aarch64__
#define ASSAY_UNWINDER_DEFAULT "own"
#else
#define ASSAY_UNWINDER_DEFAULT "libunwind"
#endif
#define ASSAY_RATE_DEFAULT 200
#define ASSAY_RATE_MAX 10000
#define ASSAY_LIMIT_DEFAULT (256u << 20)
#define ASSAY_LIMIT_MIN (1u << 20)

/* The file in the run directory that the launcher writes: "key=value" records, each ended by a NUL. */
#define ASSAY_RUN_FILE "run"

#endif
