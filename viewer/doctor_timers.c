/* doctor_timers.c: do the timers that take samples work here, and how often do they fire at most? */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	ASKED_HZ = 10000,        /* more than any kernel's tick delivers */
	BURN_NS = 120 * 1000000, /* CPU time that each trial takes */
};

static volatile sig_atomic_t fired;

static void count_signal(int signal_number)
{
	(void)signal_number;
	fired++;
}

static int64_t cpu_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * (int64_t)1000000000 + now.tv_nsec;
}

/* Uses up BURN_NS of this thread's CPU time. Returns signals per second of it. */
static double burn(void)
{
	int64_t start = cpu_now(), now;

	fired = 0;
	do {
		for (unsigned int i = 0; i < 100000; i++)
			__asm__ volatile("" : : "r"(i));
		now = cpu_now();
	} while (now - start < BURN_NS);
	return (double)fired * 1e9 / (double)(now - start);
}

/* Counts our signal while a trial runs, then puts back what was there. */
static int trial_begin(struct sigaction *before)
{
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = SA_RESTART };

	return sigaction(SIGRTMIN, &action, before) < 0 ? -errno : 0;
}

static void trial_end(const struct sigaction *before)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	/* Ignoring discards a signal that is still pending. */
	sigaction(SIGRTMIN, &ignore, NULL);
	sigaction(SIGRTMIN, before, NULL);
}

/* Signals per second of CPU time from a timer on this thread's CPU clock, or a negative errno. */
static int try_cpu_timer(double *per_second)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	struct itimerspec every = { .it_interval = { 0, 1000000000 / ASKED_HZ }, .it_value = { 0, 1000000000 / ASKED_HZ } };
	struct sigaction before;
	timer_t timer;
	int error = trial_begin(&before);

	if (error < 0)
		return error;
	if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) < 0) {
		error = -errno;
		goto out;
	}
	if (timer_settime(timer, 0, &every, NULL) == 0)
		*per_second = burn();
	else
		error = -errno;
	timer_delete(timer);
out:
	trial_end(&before);
	return error;
}

void assay_check_cpu_timer(struct assay_finding *finding)
{
	double per_second = 0;
	int error = try_cpu_timer(&per_second);

	if (error < 0) {
		assay_finding_set(finding, ASSAY_MARK_NO, "the kernel refuses timers on a thread's CPU time: %s",
			strerror(-error));
		assay_finding_advise(finding, "try 'assay run --clock=perf'; in a container or sandbox, allow timer_create");
	} else if (per_second < 1) {
		assay_finding_set(finding, ASSAY_MARK_NO, "a timer on this thread's CPU time was set and never fired");
		assay_finding_advise(finding, "try 'assay run --clock=perf'; this kernel or sandbox does not serve CPU timers");
	} else if (per_second > ASKED_HZ / 2) {
		assay_finding_set(finding, ASSAY_MARK_OK, "fire %.0f times a second when asked for %d (--clock=cpu, the default)",
			per_second, ASKED_HZ);
	} else {
		assay_finding_set(finding, ASSAY_MARK_OK,
			"fire at most about %.0f times a second, the kernel's tick, whatever is asked (--clock=cpu, the default; "
			"each sample is weighted by the CPU time that it stands for, so results stay right)",
			per_second);
		assay_finding_advise(finding, "for more samples a second than that: assay run --clock=perf --rate=1000");
	}
}

static int perf_paranoid(void)
{
	FILE *file = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
	int level = -100;

	if (file) {
		if (fscanf(file, "%d", &level) != 1)
			level = -100;
		fclose(file);
	}
	return level;
}

static int perf_open(uint32_t type, uint64_t config, uint64_t period)
{
	struct perf_event_attr attr = {
		.type = type,
		.size = sizeof(attr),
		.config = config,
		.sample_period = period,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.wakeup_events = 1,
	};
	long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, (unsigned long)PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

/* What stands in the way of perf_event_open, for the errors that it is known to give. */
static void explain_perf(struct assay_finding *finding, const char *what, int error)
{
	int level = perf_paranoid();

	if ((error == -EACCES || error == -EPERM) && level > 2) {
		assay_finding_set(finding, ASSAY_MARK_NOTE, "%s: only root may (kernel.perf_event_paranoid is %d)", what, level);
		assay_finding_advise(finding, "as root: sysctl kernel.perf_event_paranoid=2");
	} else if (error == -EACCES || error == -EPERM) {
		assay_finding_set(finding, ASSAY_MARK_NOTE, "%s: forbidden here, though kernel.perf_event_paranoid is %d", what,
			level);
		assay_finding_advise(finding, "in a container, allow perf_event_open (podman or docker run --cap-add=PERFMON "
					      "--security-opt seccomp=unconfined)");
	} else if (error == -ENOSYS) {
		assay_finding_set(finding, ASSAY_MARK_NOTE, "%s: this kernel is built without perf_event_open", what);
	} else {
		assay_finding_set(finding, ASSAY_MARK_NOTE, "%s: %s", what, strerror(-error));
	}
}

/* As try_cpu_timer, from the software event cpu-clock. */
static int try_perf_clock(double *per_second)
{
	struct f_owner_ex owner = { .type = F_OWNER_TID, .pid = (pid_t)syscall(SYS_gettid) };
	struct sigaction before;
	int fd, error = trial_begin(&before);

	if (error < 0)
		return error;
	fd = perf_open(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, 1000000000 / ASKED_HZ);
	if (fd < 0) {
		error = fd;
		goto out;
	}
	if (fcntl(fd, F_SETOWN_EX, &owner) < 0 || fcntl(fd, F_SETSIG, SIGRTMIN) < 0 ||
		fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) < 0 || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
		error = -errno;
	else
		*per_second = burn();
	close(fd);
out:
	trial_end(&before);
	return error;
}

void assay_check_perf_clock(struct assay_finding *finding)
{
	double per_second = 0;
	int error = try_perf_clock(&per_second);

	if (error < 0)
		explain_perf(finding, "--clock=perf cannot be used (the default clock does not need it)", error);
	else if (per_second < 1)
		assay_finding_set(finding, ASSAY_MARK_NOTE, "perf_event_open grants a cpu-clock that never fires: --clock=perf "
							    "cannot be used (the default clock does not need it)");
	else
		assay_finding_set(finding, ASSAY_MARK_OK, "fires %.0f times a second when asked for %d (--clock=perf)",
			per_second, ASKED_HZ);
}

void assay_check_counters(struct assay_finding *finding)
{
	int fd = perf_open(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 0);
	uint64_t cycles = 0;

	if (fd == -ENOENT || fd == -EOPNOTSUPP || fd == -ENODEV || fd == -EINVAL) {
		assay_finding_set(finding, ASSAY_MARK_NOTE, "the kernel offers none: most virtual machines hide the processor's "
							    "counters (this version of Assay does not read any)");
		return;
	}
	if (fd < 0) {
		explain_perf(finding, "cannot be read (this version of Assay does not read any)", fd);
		return;
	}
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	burn();
	if (read(fd, &cycles, sizeof(cycles)) == (ssize_t)sizeof(cycles) && cycles > 0)
		assay_finding_set(finding, ASSAY_MARK_OK, "counted %.1f million cycles in %d ms of CPU time (this version of "
							  "Assay does not read any)",
			(double)cycles / 1e6, BURN_NS / 1000000);
	else
		assay_finding_set(finding, ASSAY_MARK_NOTE, "opened, but they count nothing: another user may hold them, or the "
							    "virtual machine hides them (this version of Assay does not read any)");
	close(fd);
}
