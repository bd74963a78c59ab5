/* test_clock.c: the sampling clocks: whom they signal, at which distances, and that they end. */
#include "core/sig/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core_process.h"

#define MS UINT64_C(1000000)
#define BURN_AT_MOST (UINT64_C(20000) * MS) /* CPU time after which a signal that did not come will not */

static struct assay_thread *thread;
static volatile sig_atomic_t signals, foreign;
static bool rearm;

static void on_signal(int signal, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)signal;
	(void)context;
	if (assay_clock_is_ours(thread, info)) {
		signals++;
		if (rearm)
			assay_clock_next(thread, assay_thread_cpu_ns());
	} else {
		foreign++;
	}
	errno = saved;
}

static int setup(void **state)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

	(void)state;
	core_process_begin(1 << 20);
	thread = core_process_thread();
	assay_process.signal = SIGRTMAX - 7;
	assay_process.period_ns = 5 * MS;
	signals = foreign = 0;
	rearm = true;
	return sigaction(assay_process.signal, &action, NULL);
}

static int teardown(void **state)
{
	(void)state;
	assay_clock_stop(thread);
	core_process_end();
	return 0;
}

/* Computes until `wanted` signals have come in all. */
static void burn(int wanted)
{
	uint64_t begin = assay_thread_cpu_ns();

	while (signals < wanted && assay_thread_cpu_ns() - begin < BURN_AT_MOST)
		;
	assert_true(signals >= wanted);
}

static void clocks_go_on(void **state)
{
	uint64_t now = assay_now_ns(), cpu = assay_thread_cpu_ns();

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t next = assay_now_ns();

		assert_true(next >= now);
		now = next;
	}
	assert_true(assay_thread_cpu_ns() > cpu);
}

static void samples_come_and_end(void **state)
{
	uint64_t begin;
	int before;

	(void)state;
	thread->last_cpu_ns = begin = assay_thread_cpu_ns();
	assert_int_equal(assay_clock_start(thread), 0);
	assert_true(thread->armed);
	burn(20);
	/* a deadline never comes early: 20 of them are at least 20 halves of a period apart */
	assert_true(assay_thread_cpu_ns() - begin >= 20 * assay_process.period_ns / 2);
	assay_clock_stop(thread);
	assert_false(thread->armed);
	before = signals;
	begin = assay_thread_cpu_ns();
	while (assay_thread_cpu_ns() - begin < 100 * MS)
		;
	assert_int_equal(signals, before);
	assert_int_equal(foreign, 0);
	assay_clock_next(thread, assay_thread_cpu_ns()); /* of a clock that ended: nothing */
	assay_clock_stop(thread);
}

/* Without re-arming there is one signal and no more: each deadline is set by the sample before. */
static void one_signal_a_deadline(void **state)
{
	uint64_t begin;

	(void)state;
	rearm = false;
	thread->last_cpu_ns = assay_thread_cpu_ns();
	assert_int_equal(assay_clock_start(thread), 0);
	burn(1);
	begin = assay_thread_cpu_ns();
	while (assay_thread_cpu_ns() - begin < 100 * MS)
		;
	assert_int_equal(signals, 1);
}

/* Distances: half to one and a half periods, one in the mean, and no two threads in step. */
static void jitter(void **state)
{
	enum { DRAWS = 20000 };
	uint64_t least = UINT64_MAX, most = 0, first[4], period = 1000 * MS, before;
	double sum = 0;

	(void)state;
	assay_process.period_ns = period; /* long: no signal comes meanwhile */
	thread->last_cpu_ns = assay_thread_cpu_ns();
	assert_int_equal(assay_clock_start(thread), 0);
	for (int i = 0; i < DRAWS; i++) {
		before = thread->deadline_ns;
		assay_clock_next(thread, thread->last_cpu_ns);
		least = thread->deadline_ns - before < least ? thread->deadline_ns - before : least;
		most = thread->deadline_ns - before > most ? thread->deadline_ns - before : most;
		sum += (double)(thread->deadline_ns - before);
	}
	assert_true(least >= period / 2 && least < period * 51 / 100);
	assert_true(most < period * 3 / 2 && most > period * 149 / 100);
	/* the mean of 20000 such distances lies within 0.29 / sqrt(20000) = 0.2 % of one period, times five */
	assert_true(sum / DRAWS > (double)period * 0.99 && sum / DRAWS < (double)period * 1.01);
	assay_clock_stop(thread);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(assay_clock_start(thread), 0);
		first[i] = thread->deadline_ns;
		for (int k = 0; k < i; k++)
			assert_true(first[i] != first[k]);
		assay_clock_stop(thread);
		thread->tid = getpid();
	}
}

/* A thread whose signals came late does not get all of them at once. */
static void what_was_missed_is_skipped(void **state)
{
	uint64_t period = 1000 * MS, cpu;

	(void)state;
	assay_process.period_ns = period;
	thread->last_cpu_ns = assay_thread_cpu_ns();
	assert_int_equal(assay_clock_start(thread), 0);
	cpu = thread->last_cpu_ns + 100 * period;
	assay_clock_next(thread, cpu);
	assert_true(thread->deadline_ns == cpu + period / 8);
	assay_clock_next(thread, cpu);
	assert_true(thread->deadline_ns >= cpu + period / 8 + period / 2);
}

static void whose_signal_it_is(void **state)
{
	siginfo_t info = { .si_code = SI_TIMER };

	(void)state;
	assay_process.clock = ASSAY_CLOCK_CPU;
	info.si_value.sival_int = ASSAY_CLOCK_MAGIC;
	assert_true(assay_clock_is_ours(thread, &info));
	assert_true(assay_clock_is_ours(NULL, &info));
	info.si_value.sival_int = 5;
	assert_false(assay_clock_is_ours(thread, &info));
	memset(&info, 0, sizeof info);
	info.si_code = SI_USER;
	assert_false(assay_clock_is_ours(thread, &info));
	info.si_code = SI_QUEUE;
	info.si_value.sival_int = ASSAY_CLOCK_MAGIC; /* anybody may send that */
	assert_false(assay_clock_is_ours(thread, &info));
	memset(&info, 0, sizeof info);
	info.si_code = POLL_IN;
	info.si_fd = 9;
	assert_false(assay_clock_is_ours(thread, &info));
	assay_process.clock = ASSAY_CLOCK_PERF;
	thread->event = 9;
	assert_true(assay_clock_is_ours(thread, &info));
	thread->event = 8;
	assert_false(assay_clock_is_ours(thread, &info));
	thread->event = -1;
	assay_process.clock = ASSAY_CLOCK_CPU;
	raise(assay_process.signal);
	assert_int_equal(foreign, 1);
	assert_int_equal(signals, 0);
}

static void by_perf_events(void **state)
{
	uint64_t begin;
	int before, fd;

	(void)state;
	assay_process.clock = ASSAY_CLOCK_PERF;
	thread->last_cpu_ns = assay_thread_cpu_ns();
	if (assay_clock_start(thread) < 0) {
		print_message("# not tried: the kernel does not allow perf_event_open here\n");
		skip();
	}
	burn(20);
	/* high up, where programs do not count on numbers, and closed by exec */
	assert_true(thread->event > 64);
	fd = thread->event;
	assay_clock_pause(thread);
	before = signals;
	begin = assay_thread_cpu_ns();
	while (assay_thread_cpu_ns() - begin < 100 * MS)
		;
	assert_int_equal(signals, before);
	assay_clock_resume(thread);
	burn(before + 5);
	assay_clock_stop(thread);
	assert_int_equal(close(fd), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(clocks_go_on),
		TEST(samples_come_and_end),
		TEST(one_signal_a_deadline),
		TEST(jitter),
		TEST(what_was_missed_is_skipped),
		TEST(whose_signal_it_is),
		TEST(by_perf_events),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
