/*
 * Records are pooled by start routine once there are many, so that a program that starts threads for
 * ever needs bounded memory: a record whose thread ended without a sample is used again at once, one
 * with a tree only when the process has RECORDS_OWN of them already.
 *
 * Pooled records are stacks with a tag against the ABA problem (Treiber 1986).
 */
#include "thread.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sig/arena.h"
#include "sig/clock.h"
#include "sig/region.h"
#include "sig/slots.h"
#include "sig/sys.h"
#include "sig/unwind.h"
#include "sig/wait.h"
#include "ticks.h"

enum {
	BUCKETS = 1024,      /* start routines */
	PROBES = 32,
	RECORDS_OWN = 256,   /* from this many on, records with a tree are pooled too */
	ABOVE_FRAME = 2048,  /* bytes above a thread's first frame that are surely its stack (glibc's TCB) */
};
/* Threads shorter than this do not have their run-queue delay read: it takes longer than they did. */
#define SHORT_NS 2000000u

struct bucket {
	_Atomic uint64_t key;  /* of a start routine, 0 = free */
	_Atomic uint64_t head; /* tag << 32 | reference */
};
static struct bucket pool[BUCKETS] ASSAY_COLD;
static bool pool_used;
static _Atomic uint32_t records_made;

/* A record has one writer at a time (its thread, or whoever settles it): a reader sees the old or the new value. */
static uint64_t get(_Atomic uint64_t *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

static void set(_Atomic uint64_t *value, uint64_t to)
{
	atomic_store_explicit(value, to, memory_order_relaxed);
}

static void add(_Atomic uint64_t *value, uint64_t n)
{
	set(value, get(value) + n);
}

/* ---- records ---- */

/* The pool of one start routine: claimed for good at its first thread. NULL: there are too many routines. */
static struct bucket *bucket_of(uint32_t module, uint64_t entry)
{
	uint64_t key = (entry ^ (uint64_t)module << 40) * 0x9e3779b97f4a7c15u | 1;

	pool_used = true;
	for (uint32_t i = 0; i < PROBES; i++) {
		struct bucket *bucket = &pool[((key >> 32) + i) % BUCKETS];
		uint64_t none = 0;

		if (atomic_load_explicit(&bucket->key, memory_order_relaxed) == key ||
		    atomic_compare_exchange_strong(&bucket->key, &none, key) || none == key)
			return bucket;
	}
	return NULL;
}

static struct assay_spool_thread *pooled_record(uint32_t module, uint64_t entry)
{
	struct bucket *bucket = bucket_of(module, entry);
	uint64_t head = bucket ? atomic_load(&bucket->head) : 0;
	struct assay_spool_thread *record;

	do {
		if (!(uint32_t)head)
			return NULL;
		record = assay_at((uint32_t)head);
	} while (!atomic_compare_exchange_weak(&bucket->head, &head, ((head >> 32) + 1) << 32 | record->pool_next));
	return record->entry == entry && record->entry_module == module ? record : NULL;
}

static void pool_record(struct assay_spool_thread *record)
{
	struct bucket *bucket = bucket_of(record->entry_module, record->entry);
	uint64_t head = bucket ? atomic_load(&bucket->head) : 0;

	do {
		if (!bucket)
			return;
		record->pool_next = (uint32_t)head;
	} while (!atomic_compare_exchange_weak(&bucket->head, &head, ((head >> 32) + 1) << 32 | assay_ref_of(record)));
}

static struct assay_spool_thread *take_record(void *routine, uint64_t now)
{
	_Atomic assay_ref *list = &assay_process.header->threads;
	struct assay_frame_ref entry = { 0 };
	struct assay_spool_thread *record;

	if (routine) {
		assay_unwind_frame(&entry, (uintptr_t)routine);
		record = pooled_record(entry.module, entry.address);
		if (record)
			return record;
	}
	record = assay_arena_alloc_common(sizeof *record);
	if (!record)
		return NULL;
	record->entry_module = entry.module;
	record->entry = entry.address;
	record->first_ns = now;
	record->next = atomic_load(list);
	while (!atomic_compare_exchange_weak(list, &record->next, assay_ref_of(record)))
		;
	atomic_fetch_add(&records_made, 1);
	return record;
}

/* ---- begin ---- */

static void find_stack(struct assay_thread *thread, size_t stack_size, enum assay_threads_kind kind)
{
	extern void *__libc_stack_end; /* the loader's: where the first thread's stack began */
	struct rlimit limit;

	if (kind == ASSAY_THREADS_FIRST) {
		thread->stack_high = (uintptr_t)__libc_stack_end;
		if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur > 1u << 30)
			limit.rlim_cur = 1u << 30;
		thread->stack_low = thread->stack_high - limit.rlim_cur;
	} else if (kind == ASSAY_THREADS_STARTED) {
		thread->stack_high = (uintptr_t)__builtin_frame_address(0) + ABOVE_FRAME;
		/* its lower end lies higher by what the thread's own variables take above its first frame: not known here */
		thread->stack_low = thread->stack_high - stack_size + stack_size / 8;
	}
}

void assay_threads_begin(struct assay_thread *thread, void *routine, size_t stack_size, enum assay_threads_kind kind)
{
	struct assay_spool_thread *record;
	bool first = kind != ASSAY_THREADS_STARTED;
	uint64_t now = kind == ASSAY_THREADS_STARTED ? thread->born_ns : assay_now_ns();

	if (kind == ASSAY_THREADS_FORKED)
		now = assay_process.header->fork_ns;
	thread->tid = first ? assay_process.pid : (pid_t)syscall(SYS_gettid);
	thread->timer = thread->event = -1;
	thread->armed = false;
	thread->path_length = thread->shared = thread->fresh_whole = thread->steps_count = 0;
	if (kind != ASSAY_THREADS_FORKED)
		thread->region_count = thread->regions_over = 0;
	thread->regions_changed = 0;
	thread->wait.active = false;
	thread->waited_ns = 0;
	thread->adopted_count = thread->adopted_over = thread->at_count = 0;
	thread->path_base = 0;
	memset(&thread->last_place, 0, sizeof thread->last_place);
	if (thread->has_recent)
		memset(thread->recent, 0, sizeof thread->recent);
	thread->has_recent = false;
	thread->opens = NULL;
	thread->last_cpu_ns = first ? assay_process.header->startup_cpu_ns : 0;
	thread->timeline_left = assay_process.timeline;
	find_stack(thread, stack_size, kind);
	record = take_record(routine, now);
	thread->record = record;
	thread->arena = (struct assay_arena){ 0 };
	if (!record) {
		atomic_fetch_add(&assay_process.header->unseen_threads, 1);
		assay_slots_give_back(thread);
		return;
	}
	record->tid = thread->tid;
	thread->core_wait_ns = 0;
	record->live_born_ns = now;
	set(&record->live_start_ns, now);
	set(&record->live_start_cpu_ns, 0);
	set(&record->live_seen_ns, now);
	set(&record->live_wait_ns, 0);
	set(&record->live_at_ns, 0);
	set(&record->live_seen_cpu_ns, thread->last_cpu_ns);
	atomic_store_explicit(&record->threads, atomic_load_explicit(&record->threads, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	atomic_store_explicit(&record->flags, ASSAY_THREAD_LIVE | (first ? ASSAY_THREAD_MAIN : 0),
			      memory_order_relaxed);
	assay_tls.thread = thread;
	atomic_store_explicit(&thread->state, ASSAY_SLOT_LIVE, memory_order_release);
	if (assay_clock_start(thread) < 0)
		atomic_fetch_add(&assay_process.header->unseen_threads, 1);
}

/* ---- end ---- */

/* Reads /proc/self/task/TID/NAME. Bytes read, ended by a NUL; 0: not readable. */
static size_t read_proc(pid_t tid, const char *name, char *buffer, size_t size)
{
	char path[64] = "/proc/self/task/", *p = path + 16, digits[12];
	int n = 0, fd;
	ssize_t got;

	do {
		digits[n++] = (char)('0' + tid % 10);
		tid /= 10;
	} while (tid);
	while (n)
		*p++ = digits[--n];
	strcpy(p, name);
	fd = assay_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	got = assay_sys_read(fd, buffer, size - 1);
	assay_sys_close(fd);
	buffer[got > 0 ? got : 0] = 0;
	return got > 0 ? (size_t)got : 0;
}

/* Run-queue delay of a thread, ns, by schedstat's second number; -1: not readable. */
static int64_t read_core_wait(pid_t tid)
{
	char buffer[96], *end;

	if (!read_proc(tid, "/schedstat", buffer, sizeof buffer))
		return -1;
	strtoull(buffer, &end, 10);
	return *end == ' ' ? (int64_t)strtoull(end, NULL, 10) : -1;
}

static void read_name(struct assay_thread *thread, bool self)
{
	char buffer[32];
	size_t n;

	if (self) {
		prctl(PR_GET_NAME, thread->record->name);
		return;
	}
	n = read_proc(thread->tid, "/comm", buffer, sizeof buffer);
	if (n > sizeof thread->record->name - 1)
		n = sizeof thread->record->name - 1;
	if (n && buffer[n - 1] == '\n')
		n--;
	memcpy(thread->record->name, buffer, n);
}

/* CPU clock of a thread of this process: the kernel's encoding of per-thread clocks by tid. */
static uint64_t cpu_of(pid_t tid, uint64_t fallback)
{
	struct timespec t;
	clockid_t clock = (clockid_t)((~(unsigned)tid << 3) | 6);

	if (clock_gettime(clock, &t) < 0)
		return fallback;
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/*
 * Adds the thread's life up to now to its record's totals and lets its live part begin anew, so that a later
 * call adds what has come since. With thread->settling taken: the thread that ends and the one that exits may
 * come here for one thread at the same time.
 */
static void settle(struct assay_thread *thread, uint64_t cpu, bool self)
{
	struct assay_spool_thread *r = thread->record;
	uint64_t start = get(&r->live_start_ns), start_cpu = get(&r->live_start_cpu_ns), now = assay_now_ns();
	int64_t waited;

	if (now > start) {
		add(&r->wall_ns, now - start);
		set(&r->live_start_ns, now);
	}
	if (cpu > start_cpu) {
		add(&r->cpu_ns, cpu - start_cpu);
		set(&r->live_start_cpu_ns, cpu);
	}
	set(&r->last_ns, now);
	if (now - r->live_born_ns < SHORT_NS)
		return;
	waited = read_core_wait(thread->tid);
	if (waited >= thread->core_wait_ns) {
		add(&r->core_wait_ns, (uint64_t)(waited - thread->core_wait_ns));
		add(&r->core_wait_wall_ns, now - start);
		thread->core_wait_ns = waited;
	}
	read_name(thread, self);
}

void assay_threads_end(void)
{
	struct assay_thread *thread = assay_tls.thread;
	struct assay_spool_thread *record;
	uint64_t begun;

	if (!thread)
		return;
	begun = assay_now_ns();
	assay_region_close_all(thread, assay_ticks_ns());
	if (assay_wait_undock(thread, assay_ticks_ns()) < 0)
		add(&thread->record->dropped[ASSAY_DROP_EVENT], 1);
	assay_wait_forget(thread);
	assay_clock_stop(thread);
	/* whoever settles this thread because the process ends does so in a moment, or ends it */
	while (atomic_exchange(&thread->settling, true))
		sched_yield();
	record = thread->record;
	settle(thread, assay_thread_cpu_ns(), true);
	atomic_store_explicit(&record->flags, atomic_load(&record->flags) & ~(uint32_t)ASSAY_THREAD_LIVE,
			      memory_order_relaxed);
	add(&record->self_ns, get(&record->last_ns) - begun);
	assay_tls.thread = NULL;
	thread->record = NULL;
	atomic_store(&thread->state, ASSAY_SLOT_STARTING);
	atomic_store(&thread->settling, false);
	if (record->entry && (!atomic_load(&record->root) || atomic_load(&records_made) > RECORDS_OWN))
		pool_record(record);
	assay_slots_give_back(thread);
}

void assay_threads_settle(void)
{
	uint32_t count = assay_slots_count();

	for (uint32_t i = 0; i < count; i++) {
		struct assay_thread *thread = assay_slots_at(i);

		if (!thread || atomic_load(&thread->state) != ASSAY_SLOT_LIVE || atomic_exchange(&thread->settling, true))
			continue;
		/* it may have ended, and another begun, between the look and the lock */
		if (atomic_load(&thread->state) == ASSAY_SLOT_LIVE && thread->record)
			settle(thread, cpu_of(thread->tid, get(&thread->record->live_seen_cpu_ns)),
			       thread == assay_tls.thread);
		atomic_store(&thread->settling, false);
	}
}

void assay_threads_stop_clocks(void)
{
	uint32_t count = assay_slots_count();

	for (uint32_t i = 0; i < count; i++) {
		struct assay_thread *thread = assay_slots_at(i);

		if (!thread || atomic_load(&thread->state) != ASSAY_SLOT_LIVE)
			continue;
		while (thread != assay_tls.thread && atomic_load(&thread->in_handler))
			sched_yield();
		assay_clock_stop(thread);
	}
}

struct assay_thread *assay_threads_after_fork(void)
{
	struct assay_thread *self = assay_tls.thread;
	uint32_t count = assay_slots_count();

	atomic_store(&records_made, 0);
	if (pool_used)
		memset(pool, 0, sizeof pool);
	pool_used = false;
	for (uint32_t i = 0; i < count; i++) {
		struct assay_thread *thread = assay_slots_at(i);

		if (!thread)
			continue;
		/* timers are not inherited; the descriptors of perf events are */
		if (atomic_load(&thread->state) == ASSAY_SLOT_LIVE && thread->event >= 0)
			assay_clock_stop(thread);
		atomic_store(&thread->settling, false);
		atomic_store(&thread->in_handler, false);
	}
	assay_slots_after_fork(self);
	return self;
}
