#include "clock.h"
#include "sys.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

int (*assay_clock_read)(clockid_t, struct timespec *);

uint64_t assay_now_ns(void)
{
	struct timespec t;

	if (!assay_clock_read || assay_clock_read(CLOCK_MONOTONIC, &t) != 0)
		syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t assay_thread_cpu_ns(void)
{
	struct timespec t;

	syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Uniform in half to one and a half periods: xorshift64 (Marsaglia 2003), one state a thread. */
static uint64_t jittered(struct assay_thread *thread)
{
	uint64_t x = thread->random, period = assay_process.period_ns;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	thread->random = x;
	return period / 2 + x % period;
}

static struct timespec as_timespec(uint64_t ns)
{
	return (struct timespec){ (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
}

static uint64_t as_ns(struct timespec t)
{
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/*
 * Arms the timer, and says what the thread's CPU clock is, or 0: the kernel did not say. The timer has an interval
 * that does not pass in a lifetime: so one that has expired is armed again, and the kernel tells with the new
 * setting how long the old one would still have taken. That saves the system call to read the clock.
 */
#define INTERVAL_NS 1000000000000000000u

static uint64_t arm_timer(struct assay_thread *thread, uint64_t deadline)
{
	struct itimerspec when = { as_timespec(INTERVAL_NS), as_timespec(deadline) }, before = { 0 };
	uint64_t was = thread->timer_ns, left;

	thread->timer_ns = deadline;
	if (syscall(SYS_timer_settime, thread->timer, TIMER_ABSTIME, &when, &before) < 0)
		return 0;
	left = as_ns(before.it_value);
	if (left <= 1) /* it was not armed, or has expired a moment ago */
		return 0;
	return (left > INTERVAL_NS / 2 ? was + INTERVAL_NS : was) - left;
}

/* What arm_timer said, or the clock itself: where it said nothing, and once in a process, to see that it is right. */
static uint64_t checked(uint64_t cpu)
{
	static _Atomic int right; /* 1: yes, -1: no, 0: not known */
	int known = atomic_load_explicit(&right, memory_order_relaxed);
	uint64_t read;

	if (cpu && known > 0)
		return cpu;
	read = assay_thread_cpu_ns();
	if (cpu && !known)
		atomic_store_explicit(&right, cpu <= read && read - cpu < 1000000 ? 1 : -1, memory_order_relaxed);
	return read;
}

/* On the thread's CPU clock by the kernel's encoding, so that another thread may ask too. */
static int start_timer(struct assay_thread *thread)
{
	clockid_t clock = (clockid_t)((~(unsigned)thread->tid << 3) | 6);
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = assay_process.signal };
	int id;

	event.sigev_value.sival_int = ASSAY_CLOCK_MAGIC;
	event.sigev_notify_thread_id = thread->tid;
	if (syscall(SYS_timer_create, clock, &event, &id) < 0)
		return -errno;
	thread->timer = id;
	thread->timer_ns = 0;
	return 0;
}

/* ---- which descriptors are ours ---- */

enum { DESCRIPTORS = 65536 };

static _Atomic uint64_t owned[DESCRIPTORS / 64] ASSAY_COLD;
static _Atomic unsigned owned_count;

bool assay_clock_owns(int fd)
{
	return atomic_load_explicit(&owned_count, memory_order_relaxed) && fd >= 0 && fd < DESCRIPTORS &&
	       atomic_load_explicit(&owned[fd / 64], memory_order_relaxed) >> (fd % 64) & 1;
}

unsigned assay_clock_next_owned(unsigned from)
{
	if (atomic_load_explicit(&owned_count, memory_order_relaxed))
		for (unsigned fd = from; fd < DESCRIPTORS; fd++)
			if (assay_clock_owns((int)fd))
				return fd;
	return ~0u;
}

static void own(int fd)
{
	if (!(atomic_fetch_or(&owned[fd / 64], 1ull << (fd % 64)) >> (fd % 64) & 1))
		atomic_fetch_add(&owned_count, 1);
}

static void disown(int fd)
{
	if (atomic_fetch_and(&owned[fd / 64], ~(1ull << (fd % 64))) >> (fd % 64) & 1)
		atomic_fetch_sub(&owned_count, 1);
}

/*
 * A descriptor high up, where programs do not count on numbers. A program with few keeps them all: then none.
 * The system call itself in what follows: our own close keeps these from being closed.
 */
static int move_up(int fd)
{
	struct rlimit limit;
	int up = -1;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 64)
		up = fcntl(fd, F_DUPFD_CLOEXEC,
			   (int)((limit.rlim_cur > DESCRIPTORS ? DESCRIPTORS : limit.rlim_cur) / 4 * 3));
	syscall(SYS_close, fd);
	if (up >= DESCRIPTORS) {
		syscall(SYS_close, up);
		up = -1;
	}
	return up < 0 ? -EMFILE : up;
}

/*
 * User mode only. An event that fires in the kernel sends its signal there and then, and cuts a poll, select
 * or nanosleep short that was about to sleep (measured: 3 in 100 at 5000 Hz). An expiry in the kernel is
 * dropped, and the event fires again a period later: see assay_clock_weight. POSIX timers do not have this
 * choice to make: the kernel handles them on the way back to user mode.
 */
static int open_event(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof attr,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = assay_process.period_ns,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.wakeup_events = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int start_event(struct assay_thread *thread)
{
	struct f_owner_ex owner = { F_OWNER_TID, thread->tid };
	int fd = open_event(), error;

	if (fd < 0)
		return fd;
	fd = move_up(fd);
	if (fd < 0)
		return fd;
	if (assay_sys_ioctl(fd, PERF_EVENT_IOC_ID, (uintptr_t)&thread->event_id) < 0 ||
	    fcntl(fd, F_SETSIG, assay_process.signal) < 0 || fcntl(fd, F_SETOWN_EX, &owner) < 0 ||
	    fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) < 0) {
		error = -errno;
		syscall(SYS_close, fd);
		return error;
	}
	own(fd);
	thread->event = fd;
	return 0;
}

/* Closes the event, if the number is still its own: the program may have closed it and opened another. */
static void end_event(struct assay_thread *thread)
{
	int fd = thread->event;
	uint64_t id;

	if (assay_sys_ioctl(fd, PERF_EVENT_IOC_ID, (uintptr_t)&id) == 0 && id == thread->event_id) {
		assay_sys_ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
		syscall(SYS_close, fd);
	}
	disown(fd);
	thread->event = -1;
}

void assay_clock_replace_event(struct assay_thread *thread)
{
	end_event(thread);
	if (start_timer(thread) == 0)
		arm_timer(thread, thread->deadline_ns);
}

int assay_clock_start(struct assay_thread *thread)
{
	int error;

	thread->timer = thread->event = -1;
	thread->random = ((uint64_t)thread->tid << 32 ^ assay_now_ns()) * 0x9e3779b97f4a7c15u | 1;
	error = assay_process.clock == ASSAY_CLOCK_PERF ? start_event(thread) : -ENOSYS;
	if (error < 0) /* also where no descriptor is left for an event */
		error = start_timer(thread);
	if (error < 0)
		return error;
	thread->armed = true;
	thread->asked_ns = 0;
	thread->deadline_ns = thread->last_cpu_ns;
	assay_clock_next(thread, thread->last_cpu_ns);
	return 0;
}

/*
 * Deadlines follow each other at jittered distances on the thread's own clock, so the mean rate holds
 * even where the kernel delivers late; a thread that is behind by more than a period skips ahead.
 */
static bool skip_ahead(struct assay_thread *thread, uint64_t cpu_ns)
{
	uint64_t least = cpu_ns + assay_process.period_ns / 8;

	if (thread->deadline_ns >= least)
		return false;
	thread->deadline_ns = least;
	return true;
}

static void arm_event(struct assay_thread *thread, uint64_t distance)
{
	thread->asked_ns += distance;
	thread->distance_ns = distance;
	assay_sys_ioctl(thread->event, PERF_EVENT_IOC_PERIOD, (uintptr_t)&distance);
	assay_sys_ioctl(thread->event, PERF_EVENT_IOC_REFRESH, 1);
}

void assay_clock_next(struct assay_thread *thread, uint64_t cpu_ns)
{
	if (!thread->armed)
		return;
	thread->deadline_ns += jittered(thread);
	skip_ahead(thread, cpu_ns);
	if (thread->event >= 0)
		arm_event(thread, thread->deadline_ns - cpu_ns);
	else
		arm_timer(thread, thread->deadline_ns);
}

uint64_t assay_clock_begin(struct assay_thread *thread)
{
	uint64_t cpu, distance;
	bool near;

	if (!thread->armed || thread->event >= 0)
		return assay_thread_cpu_ns();
	distance = jittered(thread);
	thread->deadline_ns += distance;
	/* one that has passed already, for this sample came a tick late, would expire at once, and then again */
	near = distance < assay_process.tick_ns + assay_process.tick_ns / 8;
	cpu = near ? assay_thread_cpu_ns() : checked(arm_timer(thread, thread->deadline_ns));
	if (skip_ahead(thread, cpu) || near)
		arm_timer(thread, thread->deadline_ns);
	return cpu;
}

void assay_clock_end(struct assay_thread *thread, uint64_t cpu_ns)
{
	if (thread->event >= 0)
		assay_clock_next(thread, cpu_ns);
}

uint64_t assay_clock_weight(struct assay_thread *thread, uint64_t passed_ns)
{
	uint64_t asked = thread->asked_ns, late = passed_ns > asked ? passed_ns - asked : 0;

	thread->asked_ns = 0;
	/* half a period is the handler's own time and delivery */
	if (thread->event < 0 || late < assay_process.period_ns / 2)
		return passed_ns;
	return passed_ns - (late - late % thread->distance_ns);
}

void assay_clock_defer(struct assay_thread *thread)
{
	uint64_t cpu = assay_thread_cpu_ns();

	thread->deadline_ns = cpu + 1000000;
	assay_clock_next(thread, cpu);
}

void assay_clock_stop(struct assay_thread *thread)
{
	thread->armed = false;
	if (thread->timer >= 0)
		syscall(SYS_timer_delete, thread->timer);
	if (thread->event >= 0)
		end_event(thread);
	thread->timer = -1;
}

/*
 * A POSIX timer does not outlive exec, and the kernel drops its pending signal too. A perf event's
 * signal that is pending at exec would kill the next program: disable, then let it come.
 */
void assay_clock_pause(struct assay_thread *thread)
{
	sigset_t ours, before;

	if (thread->event < 0)
		return;
	assay_sys_ioctl(thread->event, PERF_EVENT_IOC_DISABLE, 0);
	sigemptyset(&ours);
	sigaddset(&ours, assay_process.signal);
	/* the system call itself: our own wrapper of pthread_sigmask hides the signal */
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &ours, &before, _NSIG / 8);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, _NSIG / 8);
}

void assay_clock_resume(struct assay_thread *thread)
{
	if (thread->event >= 0)
		assay_clock_next(thread, assay_thread_cpu_ns());
}

bool assay_clock_is_ours(const struct assay_thread *thread, const void *siginfo)
{
	const siginfo_t *info = siginfo;

	if (info->si_code == SI_TIMER)
		return info->si_value.sival_int == ASSAY_CLOCK_MAGIC;
	return assay_process.clock == ASSAY_CLOCK_PERF && info->si_code > 0 &&
	       (!thread || thread->event < 0 || info->si_fd == thread->event);
}
