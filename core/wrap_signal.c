/*
 * Interposed: what would let a program block, catch, wait for or reset the sampling signal along with
 * all others. The program sees what it set; the signal keeps reaching Assay's handler.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "real.h"
#include "sig/handler.h"
#include "wrap.h"

/* The C library's own, for our own signal: no other preload need know of it. */
extern int __sigaction(int, const struct sigaction *, struct sigaction *);

/* Signals whose handler's mask, as the program gave it, has the sampling signal in it. */
static _Atomic uint64_t masked;

static bool hidden_signal(void)
{
	return assay_process.signal != 0;
}

static bool has(const sigset_t *set)
{
	return sigismember(set, assay_process.signal) == 1;
}

/* A copy of `set` without the sampling signal. */
static const sigset_t *without(const sigset_t *set, sigset_t *copy)
{
	if (!set || !hidden_signal() || !has(set))
		return set;
	*copy = *set;
	sigdelset(copy, assay_process.signal);
	return copy;
}

/* libunwind guards its locks by blocking all signals: it must get what it asks for. */
static bool from_libunwind(const void *caller)
{
	uintptr_t at = (uintptr_t)caller;

	return assay_process.libunwind && at >= assay_libunwind.start && at < assay_libunwind.end;
}

static int set_mask(int how, const sigset_t *set, sigset_t *old, int (*real)(int, const sigset_t *, sigset_t *))
{
	sigset_t copy;
	bool hid = assay_tls.hides, in_set = set && hidden_signal() && has(set);
	int result = real(how, without(set, &copy), old);

	if (result != 0)
		return result;
	if (old && hid)
		sigaddset(old, assay_process.signal);
	if (set && (how == SIG_SETMASK || in_set))
		assay_tls.hides = in_set && how != SIG_UNBLOCK;
	return 0;
}

ASSAY_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	if (!hidden_signal() || from_libunwind(__builtin_return_address(0)))
		return ASSAY_REAL(pthread_sigmask)(how, set, old);
	return set_mask(how, set, old, ASSAY_REAL(pthread_sigmask));
}

ASSAY_EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	if (!hidden_signal() || from_libunwind(__builtin_return_address(0)))
		return ASSAY_REAL(sigprocmask)(how, set, old);
	return set_mask(how, set, old, ASSAY_REAL(sigprocmask));
}

/* The program's action for the sampling signal, as it would read it back from the C library and the kernel. */
static void keep(const struct sigaction *action)
{
	assay_handler_programs_action = *action;
	sigdelset(&assay_handler_programs_action.sa_mask, SIGKILL);
	sigdelset(&assay_handler_programs_action.sa_mask, SIGSTOP);
#ifdef __x86_64__
	assay_handler_programs_action.sa_flags |= 0x04000000; /* SA_RESTORER */
#endif
}

ASSAY_EXPORT int sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
	struct sigaction copy;
	uint64_t bit = signal > 0 && signal <= 64 ? 1ull << (signal - 1) : 0, before;
	int result;

	if (!hidden_signal())
		return ASSAY_REAL(sigaction)(signal, action, old);
	if (signal == assay_process.signal) {
		copy = assay_handler_programs_action;
		if (action)
			keep(action);
		if (old)
			*old = copy;
		return 0;
	}
	before = atomic_load(&masked);
	if (action) {
		copy = *action;
		sigdelset(&copy.sa_mask, assay_process.signal);
		if (assay_wrap_small_stacks && copy.sa_flags & SA_ONSTACK)
			sigaddset(&copy.sa_mask, assay_process.signal);
	}
	result = ASSAY_REAL(sigaction)(signal, action ? &copy : NULL, old);
	if (result != 0)
		return result;
	if (old)
		sigdelset(&old->sa_mask, assay_process.signal);
	if (old && before & bit)
		sigaddset(&old->sa_mask, assay_process.signal);
	if (action && has(&action->sa_mask))
		atomic_fetch_or(&masked, bit);
	else if (action)
		atomic_fetch_and(&masked, ~bit);
	return 0;
}

ASSAY_EXPORT __sighandler_t signal(int number, __sighandler_t handler)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;

	if (!hidden_signal() || number != assay_process.signal)
		return ASSAY_REAL(signal)(number, handler);
	sigaddset(&action.sa_mask, number);
	sigaction(number, &action, &old);
	return old.sa_handler;
}

ASSAY_EXPORT int sigwait(const sigset_t *set, int *number)
{
	sigset_t copy;

	return ASSAY_WAITING(sigwait, without(set, &copy), number);
}

ASSAY_EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
	sigset_t copy;

	return ASSAY_WAITING(sigwaitinfo, without(set, &copy), info);
}

ASSAY_EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
	sigset_t copy;

	return ASSAY_WAITING(sigtimedwait, without(set, &copy), info, timeout);
}

ASSAY_EXPORT int signalfd(int fd, const sigset_t *set, int flags)
{
	sigset_t copy;

	return ASSAY_REAL(signalfd)(fd, without(set, &copy), flags);
}

/* A real-time signal that nothing here uses: from near the top down, where programs seldom reach. */
static int choose(void)
{
	struct sigaction now;

	for (int s = SIGRTMAX - 7; s > SIGRTMIN; s--)
		if (__sigaction(s, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
			return s;
	return 0;
}

int assay_wrap_signal_start(void)
{
	struct sigaction action = { .sa_sigaction = assay_handler, .sa_flags = SA_SIGINFO | SA_RESTART };
	sigset_t ours, before;
	int s = choose();

	if (!s)
		return -EBUSY;
	/* nothing of the program's may interrupt the handler: a jump out of it would leave the guard taken for good */
	sigfillset(&action.sa_mask);
	/* but for faults: at the very end of a stack our handler may be what overflows it, and the program handles that */
	sigdelset(&action.sa_mask, SIGSEGV);
	sigdelset(&action.sa_mask, SIGBUS);
	if (__sigaction(s, &action, NULL) < 0)
		return -errno;
	sigemptyset(&ours);
	sigaddset(&ours, s);
	sigemptyset(&before);
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &ours, &before, 8);
	assay_tls.hides = sigismember(&before, s) == 1;
	assay_handler_programs_action.sa_handler = SIG_DFL;
	assay_process.signal = s;
	return 0;
}
