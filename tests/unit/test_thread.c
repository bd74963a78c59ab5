/* test_thread.c: threads' records: begun, ended, settled, shared by many, and kept apart by a fork. */
#include "core/thread.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/sig/arena.h"
#include "core/sig/cct.h"
#include "core/sig/clock.h"
#include "core/sig/slots.h"
#include "core_process.h"
#include "profile/spool_reader.h"

#define MS UINT64_C(1000000)

/* Start routines are noted, not called: addresses that belong to no module. */
#define ROUTINE(n) ((void *)(uintptr_t)(0x1000 + 16 * (uintptr_t)(n)))

static int begin(void **state)
{
	(void)state;
	core_process_begin(8 << 20);
	assay_process.period_ns = 1000000000; /* seldom enough that no signal comes */
	assay_process.signal = SIGRTMAX - 7;
	signal(assay_process.signal, SIG_IGN);
	/* as in a new process: pools refer to a spool that is gone */
	assay_threads_after_fork();
	assay_tls.thread = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	if (assay_tls.thread)
		assay_clock_stop(assay_tls.thread);
	assay_tls.thread = NULL;
	core_process_end();
	return 0;
}

static size_t records(void)
{
	struct assay_spool spool;
	const char *why;
	assay_ref *refs;
	size_t n;

	assert_int_equal(assay_spool_open(assay_process.path, &spool, &why), 0);
	n = assay_spool_list(&spool, spool.header->threads, sizeof(struct assay_spool_thread), &refs);
	free(refs);
	assay_spool_close(&spool);
	return n;
}

/* A slot for a thread that starts now, as its maker prepares it. */
static struct assay_thread *prepared(void)
{
	struct assay_thread *thread = assay_slots_take();

	assert_non_null(thread);
	thread->born_ns = assay_now_ns();
	return thread;
}

static void burn(uint64_t ns)
{
	uint64_t until = assay_thread_cpu_ns() + ns;

	while (assay_thread_cpu_ns() < until)
		;
}

static void the_first_thread(void **state)
{
	struct assay_thread *thread = prepared();
	struct assay_spool_thread *r;
	uint64_t wall, cpu, waited;

	(void)state;
	assay_process.header->startup_cpu_ns = assay_thread_cpu_ns();
	assay_threads_begin(thread, NULL, 0, ASSAY_THREADS_FIRST);
	assert_ptr_equal(assay_tls.thread, thread);
	r = thread->record;
	assert_int_equal(r->flags, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	assert_int_equal(r->tid, getpid());
	assert_int_equal(r->entry, 0);
	assert_int_equal(r->threads, 1);
	assert_true(thread->armed);
	assert_true(thread->stack_low < (uintptr_t)&thread && (uintptr_t)&thread < thread->stack_high);
	assert_int_equal(thread->last_cpu_ns, assay_process.header->startup_cpu_ns);
	burn(5 * MS);
	/* settled twice: each part of its life counts once, and it is live all the while */
	assay_threads_settle();
	wall = r->wall_ns;
	cpu = r->cpu_ns;
	waited = r->core_wait_ns;
	assert_int_equal(wall, r->live_start_ns - r->live_born_ns);
	assert_int_equal(cpu, r->live_start_cpu_ns);
	assert_true(cpu >= 5 * MS);
	burn(3 * MS);
	assay_threads_settle();
	assert_true(r->wall_ns > wall && r->cpu_ns >= cpu + 3 * MS);
	assert_int_equal(r->wall_ns, r->live_start_ns - r->live_born_ns);
	assert_int_equal(r->cpu_ns, r->live_start_cpu_ns);
	assert_int_equal(r->last_ns, r->live_start_ns);
	assert_true(r->flags & ASSAY_THREAD_LIVE);
	assert_int_equal(r->core_wait_wall_ns, r->wall_ns);
	assert_true(r->core_wait_ns >= waited); /* of the process so far: more than this test's part of it */
	assert_true(*r->name);
}

struct job {
	struct assay_thread *thread;
	void *routine;
	uint64_t burn;
	pthread_barrier_t *together;
	struct assay_spool_thread *record;
	bool tree; /* it gets a sample */
};

static void *run(void *p)
{
	struct job *job = p;
	pthread_attr_t attributes;
	size_t size;

	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstacksize(&attributes, &size);
	pthread_attr_destroy(&attributes);
	prctl(PR_SET_NAME, "worker");
	assay_threads_begin(job->thread, job->routine, size, ASSAY_THREADS_STARTED);
	job->record = job->thread->record;
	if (job->together)
		pthread_barrier_wait(job->together);
	if (!job->record)
		return NULL;
	assert_ptr_equal(assay_tls.thread, job->thread);
	if (job->tree) {
		job->thread->frames[0] = (struct assay_frame_ref){ .address = 5 };
		assay_cct_add(job->thread, assay_cct_path(job->thread, 1, true), 0, 7);
	}
	burn(job->burn);
	assay_threads_end();
	return NULL;
}

static void run_thread(struct job *job)
{
	pthread_t id;

	job->thread = prepared();
	assert_int_equal(pthread_create(&id, NULL, run, job), 0);
	pthread_join(id, NULL);
}

static void a_started_thread(void **state)
{
	struct job job = { .routine = ROUTINE(1), .burn = 6 * MS };
	struct assay_thread *slot;
	struct assay_spool_thread *r;
	uint64_t before = assay_now_ns();

	(void)state;
	run_thread(&job);
	r = job.record;
	assert_int_equal(r->flags, 0);
	assert_int_equal(r->threads, 1);
	assert_int_equal(r->entry, (uintptr_t)ROUTINE(1));
	assert_int_equal(r->entry_module, ASSAY_PLACE_ABSOLUTE);
	assert_true(r->first_ns >= before && r->last_ns <= assay_now_ns());
	assert_int_equal(r->wall_ns, r->last_ns - r->first_ns);
	assert_true(r->cpu_ns >= 6 * MS && r->cpu_ns <= r->wall_ns);
	assert_string_equal(r->name, "worker");
	assert_int_equal(r->core_wait_wall_ns, r->wall_ns);
	/* its slot is free again */
	slot = assay_slots_take();
	assert_ptr_equal(slot, job.thread);
	assert_null(slot->record);
	assay_slots_give_back(slot);
}

/* Threads at once have their own records, whatever they run. */
static void threads_at_once(void **state)
{
	enum { MANY = 40 };
	pthread_barrier_t together;
	struct job jobs[MANY];
	pthread_t ids[MANY];

	(void)state;
	pthread_barrier_init(&together, NULL, MANY);
	for (int i = 0; i < MANY; i++) {
		jobs[i] = (struct job){ .thread = prepared(), .routine = ROUTINE(1), .together = &together };
		assert_int_equal(pthread_create(&ids[i], NULL, run, &jobs[i]), 0);
	}
	for (int i = 0; i < MANY; i++)
		pthread_join(ids[i], NULL);
	for (int i = 0; i < MANY; i++)
		for (int k = 0; k < i; k++)
			assert_ptr_not_equal(jobs[i].record, jobs[k].record);
	assert_int_equal(records(), MANY);
	pthread_barrier_destroy(&together);
}

/* One after the other and without a sample: one record, whose sums are those of all of them. */
static void short_threads_share_a_record(void **state)
{
	struct job job = { .routine = ROUTINE(1) };
	struct assay_spool_thread *r = NULL;
	uint64_t wall = 0;

	(void)state;
	for (int i = 0; i < 500; i++) {
		run_thread(&job);
		assert_true(!r || r == job.record);
		r = job.record;
		assert_true(r->wall_ns > wall);
		wall = r->wall_ns;
	}
	assert_int_equal(r->threads, 500);
	assert_int_equal(records(), 1);
	assert_true(r->wall_ns <= r->last_ns - r->first_ns);
	/* of threads this short the wait for a core is not read: it would take longer than they did */
	assert_true(r->core_wait_wall_ns <= r->wall_ns);
}

/* With samples each has its own, until there are so many that they share: memory has a bound. */
static void threads_with_samples_share_in_the_end(void **state)
{
	struct job job = { .routine = ROUTINE(1), .tree = true };

	(void)state;
	for (int i = 0; i < 600; i++)
		run_thread(&job);
	assert_in_range(records(), 100, 300);
}

/* The same for several start routines by turns, whichever they are. */
static void routines_by_turns(void **state)
{
	struct job job = { 0 };

	(void)state;
	for (int i = 0; i < 3000; i++) {
		job.routine = ROUTINE(i % 100);
		run_thread(&job);
	}
	/* a record for each routine, and some to spare: not one for each thread */
	if (records() > 300)
		fail_msg("3000 threads of 100 start routines, one after the other, took %zu records", records());
}

static void a_full_spool(void **state)
{
	struct job job = { .routine = ROUTINE(1) };

	(void)state;
	while (assay_arena_alloc_common(16))
		;
	assert_int_equal(assay_process.header->unseen_threads, 0);
	run_thread(&job);
	assert_null(job.record);
	assert_int_equal(assay_process.header->unseen_threads, 1);
	/* and the slot is not lost */
	assert_int_equal(assay_slots_take()->slot, job.thread->slot);
}

/* In a forked child there is one thread: the others' slots are free, its own is as it was. */
static void after_a_fork(void **state)
{
	struct assay_thread *thread = prepared(), *other = prepared();
	uint32_t slots = assay_slots_count(), seen = 0;
	struct assay_thread *next;
	int status;
	pid_t pid;

	(void)state;
	assay_threads_begin(thread, NULL, 0, ASSAY_THREADS_FIRST);
	pid = fork();
	if (pid == 0) {
		if (assay_threads_after_fork() != thread)
			_exit(1);
		while ((next = assay_slots_take()) && next->slot < slots) {
			if (next == thread)
				_exit(2);
			seen += 1;
			if (seen > slots)
				_exit(3);
		}
		_exit(seen == slots - 1 ? 0 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assay_slots_give_back(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_thread),
		TEST(a_started_thread),
		TEST(threads_at_once),
		TEST(short_threads_share_a_record),
		TEST(threads_with_samples_share_in_the_end),
		TEST(routines_by_turns),
		TEST(a_full_spool),
		TEST(after_a_fork),
	};

	return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
