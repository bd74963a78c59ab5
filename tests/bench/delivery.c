/*
 * delivery: what it costs to be interrupted at all: a timer's signal and a handler that does nothing.
 *
 *   delivery cpu|perf RATE SECONDS
 *       Reads the thread's CPU time again and again, with a clock of the kind that Assay uses at RATE, and takes what
 *       passes between the last reading before a signal and one after it, less what two readings take. The CPU clock's
 *       signals come with the kernel's tick, which would have been there without them: there the median of the
 *       interruptions without a signal is taken off too. Prints lower quartile, median and upper quartile in us, and
 *       how many signals there were.
 *   delivery burn SECONDS
 *       Computing and nothing else.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { GAPS_MAX = 1 << 20, STEPS = 1000 };
/* Between two readings of the thread's CPU clock (a system call) there is less than this, if there is no interruption. */
static const double interruption_us = 1.5;

struct gaps {
	double us[GAPS_MAX];
	int count;
};
static struct gaps with_signal, without;

static volatile sig_atomic_t signals;
static volatile uint64_t sink;
static int event = -1;
static timer_t timer;

static double now_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

static void note(struct gaps *gaps, double us)
{
	if (gaps->count < GAPS_MAX)
		gaps->us[gaps->count++] = us;
}

static int open_clock(const char *kind, long rate)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof attr, .disabled = 1,
		.config = PERF_COUNT_SW_CPU_CLOCK, .exclude_kernel = 1, .exclude_hv = 1, .wakeup_events = 1 };
	struct f_owner_ex owner = { F_OWNER_TID, (pid_t)syscall(SYS_gettid) };
	struct sigevent how = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF };

	if (strcmp(kind, "cpu") == 0) {
		how.sigev_notify_thread_id = owner.pid;
		return timer_create(CLOCK_THREAD_CPUTIME_ID, &how, &timer);
	}
	attr.sample_period = 1000000000u / (unsigned long)rate;
	event = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0 || fcntl(event, F_SETSIG, SIGPROF) < 0 || fcntl(event, F_SETOWN_EX, &owner) < 0 ||
	    fcntl(event, F_SETFL, O_ASYNC) < 0)
		return -1;
	return 0;
}

/* At `rate`, or 0: stops it. */
static void set_clock(long rate)
{
	struct itimerspec when = { { 0, rate ? 1000000000 / rate : 0 }, { 0, rate ? 1000000000 / rate : 0 } };

	if (event >= 0)
		ioctl(event, rate ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
	else
		timer_settime(timer, 0, &when, NULL);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double quantile(struct gaps *gaps, double part)
{
	qsort(gaps->us, (size_t)gaps->count, sizeof gaps->us[0], ascending);
	return gaps->count ? gaps->us[(int)(part * (gaps->count - 1))] : 0;
}

static int measure(long rate, double seconds)
{
	double last, t = 0, step, tick, begin = now_us(CLOCK_THREAD_CPUTIME_ID), end = begin + seconds * 1e6;
	sig_atomic_t seen = 0;

	for (int i = 0; i < STEPS; i++)
		t = now_us(CLOCK_THREAD_CPUTIME_ID);
	step = (t - begin) / STEPS;
	set_clock(rate);
	for (last = now_us(CLOCK_THREAD_CPUTIME_ID); last < end; last = t) {
		t = now_us(CLOCK_THREAD_CPUTIME_ID);
		if (signals != seen) {
			/* it may have come after this reading, and before the look at `signals` */
			t = now_us(CLOCK_THREAD_CPUTIME_ID);
			note(&with_signal, t - last - 2 * step);
		}
		else if (t - last > interruption_us)
			note(&without, t - last - step);
		seen = signals;
	}
	set_clock(0);
	if (!with_signal.count)
		return 1;
	tick = event < 0 ? quantile(&without, 0.5) : 0;
	printf("%.2f %.2f %.2f %d\n", quantile(&with_signal, 0.25) - tick, quantile(&with_signal, 0.5) - tick,
	       quantile(&with_signal, 0.75) - tick, with_signal.count);
	return 0;
}

static void burn(double seconds)
{
	double end = now_us(CLOCK_THREAD_CPUTIME_ID) + seconds * 1e6;
	uint64_t x = 88172645463325252u;

	while (now_us(CLOCK_THREAD_CPUTIME_ID) < end) {
		for (int i = 0; i < 1000000; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
		}
		sink = x;
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	if (argc > 2 && strcmp(argv[1], "burn") == 0) {
		burn(atof(argv[2]));
		return 0;
	}
	if (argc < 4 || (strcmp(argv[1], "cpu") != 0 && strcmp(argv[1], "perf") != 0) || atol(argv[2]) < 1) {
		fprintf(stderr, "usage: delivery cpu|perf RATE SECONDS | delivery burn SECONDS\n");
		return 2;
	}
	sigaction(SIGPROF, &action, NULL);
	if (open_clock(argv[1], atol(argv[2])) < 0) {
		fprintf(stderr, "delivery: no %s clock: %s\n", argv[1], strerror(errno));
		return 1;
	}
	return measure(atol(argv[2]), atof(argv[3]));
}
