#include "handler.h"

#include <sys/syscall.h>
#include <ucontext.h>

#include "arena.h"
#include "cct.h"
#include "clock.h"
#include "module.h"
#include "wait.h"

__thread struct assay_tls assay_tls __attribute__((tls_model("initial-exec")));
struct assay_process assay_process;
struct sigaction assay_handler_programs_action;
assay_unwind_fn *assay_handler_unwind;

enum { METRIC_CPU = 0, TIMELINE_CHUNK = 4096 };
enum { LONG_NS = 20000 };

/* For counters with one writer: a reader sees the old or the new value. */
static void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

void assay_handler_drop(struct assay_thread *thread, enum assay_spool_drop why)
{
	if (thread && thread->record)
		add(&thread->record->dropped[why], 1);
	else
		atomic_fetch_add(&assay_process.header->dropped[why], 1);
}

static void note_time(struct assay_thread *thread, assay_ref node, uint64_t now, uint64_t weight)
{
	assay_ref ref = atomic_load_explicit(&thread->record->timeline, memory_order_relaxed);
	struct assay_spool_timeline *chunk = ref ? assay_at(ref) : NULL;
	uint32_t count = chunk ? atomic_load_explicit(&chunk->count, memory_order_relaxed) : 0;

	if (!thread->timeline_left)
		return;
	if (!chunk || count == chunk->capacity) {
		struct assay_spool_timeline *fresh = assay_arena_alloc(&thread->arena, TIMELINE_CHUNK);

		if (!fresh)
			return;
		fresh->next = ref;
		fresh->capacity = (TIMELINE_CHUNK - sizeof *fresh) / sizeof fresh->entries[0];
		atomic_store_explicit(&thread->record->timeline, assay_ref_of(fresh), memory_order_release);
		chunk = fresh;
		count = 0;
	}
	chunk->entries[count] = (struct assay_spool_timeline_entry){ now, node, (uint32_t)(weight / 1000) };
	atomic_store_explicit(&chunk->count, count + 1, memory_order_release);
	thread->timeline_left--;
}

static assay_ref path(struct assay_thread *thread, void *context, uint64_t weight, enum assay_spool_walk *end)
{
	uint32_t count = assay_handler_unwind(thread, context, end);
	assay_ref node;

	assay_wait_sampled(thread, assay_fresh_step(thread, 0)->sp, weight);
	node = assay_cct_path(thread, count, *end == ASSAY_WALK_COMPLETE);
	if (node)
		assay_unwind_keep(thread);
	return node;
}

static void sample(struct assay_thread *thread, void *context)
{
	uint64_t begin = assay_now_ns(), cpu = assay_clock_begin(thread), took;
	uint64_t weight = assay_clock_weight(thread, cpu - thread->last_cpu_ns);
	struct assay_spool_thread *record = thread->record;
	enum assay_spool_walk end = ASSAY_WALK_COMPLETE;
	assay_ref node;

	/* not in the first: it would take half as long again */
	if (!assay_process.header->exe && atomic_load_explicit(&record->samples, memory_order_relaxed))
		assay_module_note_program();
	node = assay_wait_docked_at(thread, begin);
	if (node)
		assay_wait_sampled(thread, 0, weight);
	else
		node = path(thread, context, weight, &end);
	thread->last_cpu_ns = cpu;
	if (node && assay_cct_add(thread, node, METRIC_CPU, weight) == 0) {
		assay_process.sampled = true;
		add(&record->samples, 1);
		add(&record->weight_ns, weight);
		if (thread->catches_up)
			add(&record->busy_ns, weight);
		add(&record->walks[end], 1);
		if (assay_process.timeline)
			note_time(thread, node, begin, weight);
	} else {
		assay_handler_drop(thread, ASSAY_DROP_FULL);
	}
	atomic_store_explicit(&record->live_seen_ns, begin, memory_order_relaxed);
	atomic_store_explicit(&record->live_seen_cpu_ns, cpu, memory_order_relaxed);
	thread->catches_up = false;
	assay_clock_end(thread, cpu);
	took = assay_now_ns() - begin;
	if (took > LONG_NS) /* perhaps without a core for most of it */
		took = assay_thread_cpu_ns() - cpu;
	add(&record->self_ns, took);
}

/* A signal of our number that is not ours: as if Assay were not here. */
ASSAY_RARE static void forward(int signal, siginfo_t *info, void *context)
{
	struct sigaction *action = &assay_handler_programs_action;

	if (action->sa_handler == SIG_IGN)
		return;
	if (action->sa_handler != SIG_DFL) {
		if (action->sa_flags & SA_SIGINFO)
			action->sa_sigaction(signal, info, context);
		else
			action->sa_handler(signal);
		return;
	}
	/* the default for real-time signals is to die of them; the mask goes with the handler's return */
	struct sigaction standard = { .sa_handler = SIG_DFL };

	syscall(SYS_rt_sigaction, signal, &(struct { void *handler; unsigned long flags; void *restorer;
		uint64_t mask; }){ (void *)standard.sa_handler, 0, NULL, 0 }, NULL, 8);
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal);
}

static uintptr_t stack_pointer(const ucontext_t *context)
{
#if defined __x86_64__
	return (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined __aarch64__
	return context->uc_mcontext.sp;
#else
	(void)context;
	return 1; /* nobody has been left */
#endif
}

void assay_handler(int signal, siginfo_t *info, void *context)
{
	int saved = errno;
	struct assay_thread *thread = assay_tls.thread;

	if (!assay_clock_is_ours(thread, info)) {
		forward(signal, info, context);
		errno = saved;
		return;
	}
	/* said before `on` is looked at: whoever switches it off waits for who was faster */
	if (thread)
		atomic_store(&thread->in_handler, true);
	if (atomic_load(&assay_process.on)) {
		if (!thread) {
			assay_handler_drop(NULL, ASSAY_DROP_UNREADY);
		} else if (assay_guard_enter_from(stack_pointer(context))) {
			sample(thread, context);
			assay_guard_leave();
		} else {
			assay_handler_drop(thread, ASSAY_DROP_BUSY);
			thread->missed = true;
			assay_clock_end(thread, assay_clock_begin(thread));
		}
	}
	if (thread)
		atomic_store_explicit(&thread->in_handler, false, memory_order_release);
	errno = saved;
}

void assay_handler_catch_up(void)
{
	struct assay_thread *thread = assay_tls.thread;
	siginfo_t info = { .si_signo = assay_process.signal, .si_code = SI_TIMER };
	int saved = errno;

	if (!thread || !thread->missed || !atomic_load(&assay_process.on))
		return;
	thread->missed = false;
	thread->catches_up = true;
	info.si_value.sival_int = ASSAY_CLOCK_MAGIC;
	syscall(SYS_rt_tgsigqueueinfo, assay_process.pid, thread->tid, assay_process.signal, &info);
	errno = saved;
}
