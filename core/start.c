/*
 * start.c: the process's beginning, forks and end.
 *
 * The constructor runs before the program's (the library is linked initfirst). What fails here
 * switches Assay off, says so once on standard error, and leaves the program to run as it would.
 */
#include <errno.h>
#include <fcntl.h>
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "open_libunwind.h"
#include "modules.h"
#include "plugins.h"
#include "profile/environment.h"
#include "real.h"
#include "sig/arena.h"
#include "sig/clock.h"
#include "sig/handler.h"
#include "sig/module.h"
#include "sig/slots.h"
#include "spool.h"
#include "thread.h"
#include "ticks.h"
#include "vdso.h"
#include "wrap.h"

/* glibc 2.35 and later; NULL on older ones */
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

extern int __libc_start_main(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
			     void (*)(void), void *);

static const char *run_dir;
static const char *invoked; /* the path that was executed, where the kernel put it */
static const char *command; /* arguments, each with its NUL, where the kernel put them */
static size_t command_length;
static uint64_t limit;
static bool said;

void assay_process_off(const char *why, int error)
{
	struct iovec text[] = {
		{ (char *)"assay: not measuring ", 21 },
		{ (char *)invoked, strlen(invoked) },
		{ (char *)": ", 2 },
		{ (char *)why, strlen(why) },
		{ (char *)": ", error < 0 ? 2u : 0u },
		{ (char *)"", 0 },
		{ (char *)"\n", 1 },
	};

	atomic_store(&assay_process.on, false);
	if (error == -ENOENT) { /* the run is over and its directory gone: nobody waits for this any more */
		assay_process.active = false;
		return;
	}
	if (error < 0) {
		text[5].iov_base = (char *)strerrordesc_np(-error);
		text[5].iov_len = text[5].iov_base ? strlen(text[5].iov_base) : 0;
	}
	if (assay_process.header && !assay_process.header->note)
		assay_process.header->note = assay_arena_string(why, strlen(why));
	if (!said)
		syscall(SYS_writev, 2, text, sizeof text / sizeof text[0]);
	said = true;
}

static uint64_t number(const char *name, uint64_t standard, uint64_t low, uint64_t high)
{
	const char *text = assay_environment_get(name);
	uint64_t value = text ? strtoull(text, NULL, 10) : standard;

	return value < low ? low : value > high ? high : value;
}

static bool is(const char *name, const char *value)
{
	const char *text = assay_environment_get(name);

	return text && strcmp(text, value) == 0;
}

/* How long a tick of the kernel is: what its coarse clocks go by. */
static uint64_t tick(void)
{
	struct timespec t;

	return clock_getres(CLOCK_MONOTONIC_COARSE, &t) == 0 ? (uint64_t)t.tv_nsec : 0;
}

static int take_options(void)
{
	struct assay_process *p = &assay_process;

	run_dir = assay_environment_get(ASSAY_ENV_RUN);
	if (strlen(run_dir) > sizeof p->path - 64)
		return -ENAMETOOLONG;
	p->rate_hz = (uint32_t)number(ASSAY_ENV_RATE, ASSAY_RATE_DEFAULT, 1, ASSAY_RATE_MAX);
	p->period_ns = 1000000000u / p->rate_hz;
	p->tick_ns = tick();
	p->timeline = (uint32_t)number(ASSAY_ENV_TIMELINE, 0, 0, 1u << 30);
	p->clock = is(ASSAY_ENV_CLOCK, "perf") ? ASSAY_CLOCK_PERF : ASSAY_CLOCK_CPU;
	p->libunwind = is(ASSAY_ENV_UNWINDER, "libunwind") || !ASSAY_UNWIND_HAVE_OWN;
	limit = number(ASSAY_ENV_LIMIT, ASSAY_LIMIT_DEFAULT, ASSAY_LIMIT_MIN, 60ull << 30) & ~(uint64_t)4095;
	return 0;
}

/*
 * Between all constructors and main: the first moment at which a library can be opened without harm.
 * (Our own constructor runs before the C library's, which dlopen would then run with the wrong arguments.)
 */
ASSAY_EXPORT int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
				   void (*fini)(void), void (*loader_fini)(void), void *stack_end)
{
	if (assay_process.libunwind && assay_process.active && assay_guard_enter()) {
		int error = assay_libunwind_open();

		if (error < 0)
			assay_process_off("libunwind could not be opened", error);
		else
			assay_handler_unwind = assay_unwind_libunwind;
		assay_guard_leave();
	}
	if (assay_process.active)
		assay_plugins_start();
	return ASSAY_REAL(__libc_start_main)(main, argc, argv, init, fini, loader_fini, stack_end);
}

/* The walk until main begins: ours, or where there is none of ours, none. */
static void choose_unwinder(void)
{
#if ASSAY_UNWIND_HAVE_OWN
	assay_handler_unwind = assay_unwind_own;
#else
	assay_handler_unwind = assay_unwind_none;
#endif
}

static void find_program(int argc, char **argv)
{
	const char *path = (const char *)getauxval(AT_EXECFN);

	invoked = path ? path : "";
	if (argc > 0) {
		/* the kernel lays the arguments out one after the other */
		command = argv[0];
		command_length = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0]);
		if (command_length > 64 * 1024)
			command_length = 64 * 1024;
	}
}

/* `from`: as ASSAY_FROM says, or NULL. */
static void describe(const char *from)
{
	struct assay_spool_header *h = assay_process.header;
	struct assay_spool_metric *metric = assay_arena_alloc_common(sizeof *metric);
	static const char name[] = "cpu", unit[] = "ns", obtained[] = "sampled",
		help[] = "CPU time of the thread, sampled: each sample weighs the CPU time since the thread's last one";

	h->invoked = assay_arena_string(invoked, strlen(invoked));
	if (from)
		h->from = assay_arena_string(from, strlen(from));
	if (command)
		h->command = assay_arena_string(command, command_length);
	if (!metric)
		return;
	metric->kind = ASSAY_METRIC_SAMPLED_TIME;
	metric->name = assay_arena_string(name, sizeof name - 1);
	metric->unit = assay_arena_string(unit, sizeof unit - 1);
	metric->obtained = assay_arena_string(obtained, sizeof obtained - 1);
	metric->help = assay_arena_string(help, sizeof help - 1);
	atomic_store(&h->metrics, assay_ref_of(metric));
}

bool assay_process_is_own(void)
{
	return !assay_process.sealed && assay_process.header && (pid_t)syscall(SYS_getpid) == assay_process.pid;
}

static uint64_t process_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void assay_process_leave(bool exec, int status)
{
	struct assay_spool_header *h = assay_process.header;
	uint64_t end;

	if (!atomic_load(&assay_process.on))
		return;
	if (exec && assay_tls.thread)
		assay_clock_pause(assay_tls.thread);
	assay_threads_settle();
	if (assay_process.sampled)
		assay_module_note_program();
	/* first: CPU time from here on is the next image's, and so must the wall time be */
	end = assay_now_ns();
	if (exec) {
		h->exec_cpu_ns = assay_thread_cpu_ns();
		h->exec_core_wait_ns = assay_tls.thread ? (uint64_t)assay_tls.thread->core_wait_ns : 0;
	}
	h->status = status & 0xff;
	atomic_store(&h->cpu_ns, process_cpu());
	atomic_store(&h->end_ns, end);
	atomic_store(&h->state, exec ? ASSAY_STATE_EXECED : ASSAY_STATE_EXITED);
}

void assay_process_return(void)
{
	if (!atomic_load(&assay_process.on))
		return;
	atomic_store(&assay_process.header->state, ASSAY_STATE_RUNNING);
	atomic_store(&assay_process.header->end_ns, 0);
	if (assay_tls.thread)
		assay_clock_resume(assay_tls.thread);
}

void assay_process_seal(const char *why)
{
	assay_threads_settle();
	atomic_store(&assay_process.on, false);
	assay_threads_stop_clocks();
	assay_process.header->note = assay_arena_string(why, strlen(why));
	assay_process.active = false;
	assay_process.sealed = true;
}

/* ---- fork ---- */

static __thread bool guarded __attribute__((tls_model("initial-exec")));
/* A child counts from when it was asked for: its CPU clock runs before it gets here. */
static __thread uint64_t fork_begun __attribute__((tls_model("initial-exec")));

static void before_fork(void)
{
	guarded = assay_guard_enter();
	if (guarded)
		assay_tls.inside = ASSAY_GUARD_KEPT;
	fork_begun = assay_now_ns();
}

static void after_fork_parent(void)
{
	if (guarded) {
		assay_guard_leave();
		assay_handler_catch_up();
	}
}

static void after_fork_child(void)
{
	assay_wrap_process_forked();
	assay_process_forked();
	if (guarded)
		assay_guard_leave();
	assay_plugins_after_fork();
}

/* A child that cannot have a spool. The parent's is shared memory: of many such children one speaks. */
static void give_up_after_fork(struct assay_spool_header *parents, int error)
{
	assay_tls.thread = NULL;
	said |= atomic_exchange(&parents->spoke, 1);
	assay_process_off("no spool for a forked process", error);
}

void assay_process_forked(void)
{
	struct assay_spool_header *parents = assay_process.header;
	uint64_t parents_limit = assay_process.limit;
	char from[64] = { ASSAY_FROM_CHILD, ':' };
	struct assay_thread *thread;
	int error;

	if (!parents || assay_process.sealed)
		return;
	atomic_store(&assay_process.on, false);
	assay_process.sampled = false;
	strncpy(from + 2, assay_spool_name(), sizeof from - 3);
	assay_process.pid = (pid_t)syscall(SYS_getpid);
	thread = assay_threads_after_fork();
	error = assay_spool_create(run_dir, limit);
	if (error < 0) {
		give_up_after_fork(parents, error);
		assay_process.base = NULL;
		assay_process.header = NULL;
	}
	munmap(parents, parents_limit);
	if (error < 0)
		return;
	if (fork_begun)
		assay_process.header->start_ns = fork_begun;
	assay_process.header->fork_ns = assay_process.header->start_ns;
	describe(from);
	assay_module_rewrite();
	assay_plugins_rewrite();
	if (!thread) {
		thread = assay_slots_take();
		if (thread)
			thread->region_count = 0;
	}
	if (thread)
		assay_threads_begin(thread, NULL, 0, ASSAY_THREADS_FORKED);
	if (thread && thread->record)
		assay_plugins_reopen(thread);
	atomic_store(&assay_process.on, true);
}

/* ---- start and end ---- */

/* Registered before anything of the program's, so called after all of it, destructors included. */
static void at_exit(int status, void *context)
{
	(void)context;
	if (!assay_process_is_own())
		return;
	assay_plugins_stop();
	if (assay_guard_enter()) {
		assay_process_leave(false, status);
		assay_guard_leave();
	}
}

static int start(int argc, char **argv)
{
	struct assay_thread *thread;
	uint64_t begun = assay_now_ns();
	int error = take_options();

	if (error < 0)
		return error;
	assay_process.pid = (pid_t)syscall(SYS_getpid);
	assay_clock_read = assay_vdso_clock();
	assay_ticks_start();
	find_program(argc, argv);
	assay_module_find_object = _dl_find_object;
	choose_unwinder();
	error = assay_spool_create(run_dir, limit);
	if (error < 0)
		return error;
	describe(assay_environment_get(ASSAY_ENV_FROM));
	assay_modules_list();
	error = assay_wrap_signal_start();
	if (error < 0)
		return error;
	on_exit(at_exit, NULL);
	pthread_atfork(before_fork, after_fork_parent, after_fork_child);
	thread = assay_slots_take();
	if (!thread)
		return -ENOMEM;
	atomic_store(&assay_process.on, true);
	assay_guard_enter();
	/* all before this is start-up: exec, the loader, and our own part, which counts as our cost */
	assay_process.header->startup_cpu_ns = assay_thread_cpu_ns();
	assay_threads_begin(thread, NULL, 0, ASSAY_THREADS_FIRST);
	if (thread->record)
		atomic_store(&thread->record->self_ns, assay_now_ns() - begun);
	assay_guard_leave();
	return 0;
}

__attribute__((constructor)) static void on_load(int argc, char **argv, char **envp)
{
	int saved = errno, error;

	assay_wrap_environment_start();
	if (!envp || !assay_environment_take(envp))
		return;
	assay_process.active = true;
	error = start(argc, argv);
	if (error < 0)
		assay_process_off("it could not be set up", error);
	errno = saved;
}

