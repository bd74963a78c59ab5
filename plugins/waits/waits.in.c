/*
 * The functions that the plugin `waits` interposes: a part of this template for each class of them, the functions
 * themselves in waits.tab. build-aux/interpose.awk makes interposed.c of the two.
 *
 * Each does what the function behind it does, to the last errno: it calls it with the same arguments, once. A lock is
 * tried first, for one that is free is no wait: where the try function answers anything but "busy", that is what the
 * function itself would have answered. Around what may wait there are a begin and an end, which leave errno alone.
 */
#undef _FORTIFY_SOURCE /* we are what its inline functions call */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS

#include <aio.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "core/next.h"
#include "waits.h"

#define EXPORT __attribute__((visibility("default")))
#define HOST() atomic_load_explicit(&assay_waits_host, memory_order_acquire)
#define LIKELY(yes) __builtin_expect(!!(yes), 1)
#define SLOW __attribute__((noinline)) /* so that what all calls pass through saves no registers */

/* Where the program calls, and its stack pointer then. */
#define SITE ((const char *)__builtin_return_address(0) - 1)
#define SP __builtin_dwarf_cfa()

static bool is_contended(void)
{
	return atomic_load_explicit(&assay_waits_contended, memory_order_relaxed);
}

/*
 * Whether a mutex that the thread has stays locked when it is unlocked once: it was locked before already. All that are
 * asked about here are mutexes, of one layout with those of C11.
 */
static bool is_locked_again(const struct __pthread_mutex_s *m)
{
	enum { TYPE = 3, RECURSIVE = PTHREAD_MUTEX_RECURSIVE_NP };

	return (__atomic_load_n(&m->__kind, __ATOMIC_RELAXED) & TYPE) == RECURSIVE && m->__count > 1;
}

/*
 * What is known of a mutex that the thread has, and is to let go, if others wait for it or have; else NULL. (That somebody
 * waits cannot be told from the mutex: where a thread has been woken and another is quicker, it does not show.)
 *
 * A mutex's layout is part of the C library's binary interface, for programs have it in their initialisers.
 */
static SLOW struct assay_waits_lock *missed(const struct __pthread_mutex_s *m)
{
	struct assay_waits_lock *lock = assay_waits_lock_find(m);

	if (LIKELY(!lock || assay_waits_lock_is_quiet(lock)))
		return NULL;
	return is_locked_again(m) ? NULL : lock;
}

/*
 * A mutex that is left alone: one whose priority ceiling changes the thread's priority, for to try it would do so twice;
 * and where there is only one thread, for nobody else can have it, and the C library does without atomic operations.
 */
static bool may_be_tried(const struct __pthread_mutex_s *m)
{
	enum { PROTECTS = 64, SHARED = 128 /* with other processes */ };
	int kind = __atomic_load_n(&m->__kind, __ATOMIC_RELAXED);

	return !(kind & PROTECTS) && (!__libc_single_threaded || kind & SHARED);
}

/* The mutex that this thread has got without waiting is one that others wait for: from now on on its account. */
static SLOW void note_taken(const void *address)
{
	const struct assay_host *host = HOST();
	struct assay_waits_lock *lock = host ? assay_waits_lock_find(address) : NULL;

	if (lock && !assay_waits_lock_is_quiet(lock) && !is_locked_again(address))
		assay_waits_lock_taken(lock, host->now());
}

/* The same, at the end of a function: it has nothing to keep then. */
static SLOW int note_taken_as(const void *address, int result)
{
	note_taken(address);
	return result;
}

static void put_down(const struct assay_host *host, struct assay_waits_lock *lock, const void *address, uint64_t ns,
		     const void *site)
{
	host->span(assay_waits_held, assay_waits_lock_frame(host, lock, address, WAIT_MUTEX, site, false), ns);
}

/* Where a condition variable's wait lets its mutex go. */
static SLOW void lets_go(const struct assay_host *host, const void *address, const void *site)
{
	struct assay_waits_lock *lock = missed(address);
	uint64_t ns = lock ? assay_waits_lock_blame(lock, host->now()) : 0;

	if (ns)
		put_down(host, lock, address, ns, site);
}

/* Descriptor `fd` is about to be closed; -1: there is none. */
static void forget(int fd)
{
	if (fd >= 0)
		assay_waits_forget((unsigned)fd, (unsigned)fd);
}

/* Of a stream, or -1: not every one has a descriptor. */
static int fd_of(FILE *stream)
{
	int saved = errno, fd = fileno(stream);

	errno = saved;
	return fd;
}

static int fd_of_folder(DIR *folder)
{
	int saved = errno, fd;

	__asm__("" : "+r"(folder)); /* the C library's header says that it is never NULL; the function looks */
	fd = folder ? dirfd(folder) : -1;
	errno = saved;
	return fd;
}

static bool is_time(const struct timespec *t)
{
	return t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

static bool is_clock(clockid_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
}

@@for *
/* @LINE@ */
@!CALLED@@RETURN@ @NAME@(@PARAMETERS@);
@?CALLED@@RETURN@ @CALLED@@NAME@(@PARAMETERS@, const void *site, const void *sp);
@@end

@@# ---- locks: tried first ----
@@# kind=  of wait; lock= what is waited for; try= the function that tries, and its answer is `busy`
@@# if=    whether it may be tried; else it is left alone
@@# mutex= where letting it go is looked at too, so that getting it matters: its struct
@@for LOCK
static void *_Atomic next_@NAME@;

static SLOW @RETURN@ wait_in_@NAME@(@PARAMETERS@, const void *site, const void *sp)
{
	__typeof__(&@NAME@) real = (__typeof__(&@NAME@))assay_next(&next_@NAME@, "@NAME@");
	const struct assay_host *host = HOST();
	struct assay_waits_call w;
	@RETURN@ result;

	if (!host || !assay_waits_begin_lock(&w, host, WAIT_@KIND@, (const void *)@LOCK@, site, sp))
		return real(@ARGUMENTS@);
	ASSAY_WAITS_UNWINDS();
	result = real(@ARGUMENTS@);
	assay_waits_end_lock(&w, result == 0 || result == EOWNERDEAD);
	return result;
}

EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	static void *_Atomic next_try;
	@RETURN@ result;

@?IF@	if (!LIKELY(HOST() && (@IF@)))
@!IF@	if (!LIKELY(HOST()))
		return ((__typeof__(&@NAME@))assay_next(&next_@NAME@, "@NAME@"))(@ARGUMENTS@);
	result = ((__typeof__(&@TRY@))assay_next(&next_try, "@TRY@"))(@LOCK@);
	if (!LIKELY(result != @BUSY@))
		return wait_in_@NAME@(@ARGUMENTS@, SITE, SP);
@?MUTEX@	if (!LIKELY(!is_contended()))
@?MUTEX@		return note_taken_as(@LOCK@, result);
	return result;
}
@@end

@@# ---- the program tries itself ----
@@for TRY
EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	static void *_Atomic next;
	@RETURN@ result = ((__typeof__(&@NAME@))assay_next(&next, "@NAME@"))(@ARGUMENTS@);

	if (is_contended() && result == 0)
		note_taken(@LOCK@);
	return result;
}
@@end

@@# ---- a mutex is let go ----
@@for UNLOCK
static void *_Atomic next_@NAME@;

static SLOW @RETURN@ missed_by_@NAME@(@PARAMETERS@, struct assay_waits_lock *lock, const void *site)
{
	__typeof__(&@NAME@) real = (__typeof__(&@NAME@))assay_next(&next_@NAME@, "@NAME@");
	const struct assay_host *host = HOST();
	uint64_t ns = host ? assay_waits_lock_blame(lock, host->now()) : 0;
	@RETURN@ result = real(@ARGUMENTS@);

	if (ns)
		put_down(host, lock, @LOCK@, ns, site);
	return result;
}

EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	struct assay_waits_lock *lock = is_contended() ? missed((const struct __pthread_mutex_s *)@LOCK@) : NULL;

	if (!LIKELY(!lock))
		return missed_by_@NAME@(@ARGUMENTS@, lock, SITE);
	return ((__typeof__(&@NAME@))assay_next(&next_@NAME@, "@NAME@"))(@ARGUMENTS@);
}
@@end

@@# ---- locks are made, and end ----
@@for MAKE
EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	static void *_Atomic next;

	if (HOST())
		assay_waits_lock_made((const void *)@LOCK@, SITE);
	return ((__typeof__(&@NAME@))assay_next(&next, "@NAME@"))(@ARGUMENTS@);
}
@@end
@@for END
EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	static void *_Atomic next;

	if (HOST())
		assay_waits_lock_made((const void *)@LOCK@, NULL);
@!VOID@	return ((__typeof__(&@NAME@))assay_next(&next, "@NAME@"))(@ARGUMENTS@);
@?VOID@	((__typeof__(&@NAME@))assay_next(&next, "@NAME@"))(@ARGUMENTS@);
}
@@end

@@# ---- semaphores: tried first, but for what must come before: a cancellation that is due ----
@@for SEMAPHORE
EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	static void *_Atomic next, *_Atomic next_try;
	__typeof__(&@NAME@) real = (__typeof__(&@NAME@))assay_next(&next, "@NAME@");
	const struct assay_host *host = HOST();
	int saved = errno, result;
	struct assay_waits_call w;

@?IF@	if (!host || !(@IF@))
@!IF@	if (!host)
		return real(@ARGUMENTS@);
	pthread_testcancel();
	if (LIKELY(((__typeof__(&sem_trywait))assay_next(&next_try, "sem_trywait"))(sem) == 0))
		return 0;
	errno = saved;
	if (!assay_waits_begin_object(&w, host, WAIT_SEMAPHORE, sem, ASSAY_WAITS_LONG, SITE, SP))
		return real(@ARGUMENTS@);
	ASSAY_WAITS_UNWINDS();
	result = real(@ARGUMENTS@);
	assay_waits_end(&w);
	return result;
}
@@end

@@# ---- condition variables: a mutex is let go, and got again ----
@@for CONDITION
EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	static void *_Atomic next;
	__typeof__(&@NAME@) real = (__typeof__(&@NAME@))assay_next(&next, "@NAME@");
	const struct assay_host *host = HOST();
	struct assay_waits_call w;
	@RETURN@ result;

	if (!host)
		return real(@ARGUMENTS@);
	if (is_contended())
		lets_go(host, mutex, SITE);
	if (!assay_waits_begin_object(&w, host, WAIT_CONDITION, cond, ASSAY_WAITS_LONG, SITE, SP))
		return real(@ARGUMENTS@);
	ASSAY_WAITS_UNWINDS();
	result = real(@ARGUMENTS@);
	assay_waits_end(&w);
	if (is_contended())
		note_taken(mutex);
	return result;
}
@@end

@@# ---- what waits for something at an address ----
@@for OBJECT
EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	static void *_Atomic next;
	__typeof__(&@NAME@) real = (__typeof__(&@NAME@))assay_next(&next, "@NAME@");
	const struct assay_host *host = HOST();
	struct assay_waits_call w;
	@RETURN@ result;

	if (!host || !assay_waits_begin_object(&w, host, WAIT_@KIND@, @OBJECT@, ASSAY_WAITS_@LASTS:SHORT@, SITE, SP))
		return real(@ARGUMENTS@);
	ASSAY_WAITS_UNWINDS();
	result = real(@ARGUMENTS@);
	assay_waits_end(&w);
	return result;
}
@@end

@@# ---- what waits for nothing that has a name ----
@@# if=    whether it waits at all
@@# lasts= LONG or SHORT, until it is known better
@@# closes= a descriptor, or -1
@@for WAIT
EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	static void *_Atomic next;
	static _Atomic uint32_t frame;
	__typeof__(&@NAME@) real = (__typeof__(&@NAME@))assay_next(&next, "@NAME@");
	const struct assay_host *host = HOST();
	struct assay_waits_call w;
	@RETURN@ result;

@?CLOSES@	if (host)
@?CLOSES@		forget(@CLOSES@);
	if (!host ||
@?IF@	    !(@IF@) ||
	    !assay_waits_begin(&w, host, WAIT_@KIND@, "@NAME@", &frame, ASSAY_WAITS_@LASTS:LONG@, SITE, SP))
		return real(@ARGUMENTS@);
	ASSAY_WAITS_UNWINDS();
	result = real(@ARGUMENTS@);
	assay_waits_end(&w);
	return result;
}
@@end

@@# ---- the same for what the core interposes already: it calls these in place of the function behind (called= their
@@# names' beginning), with the place in the program and its stack pointer ----
@@for BEHIND
__attribute__((visibility("hidden"))) @RETURN@ @CALLED@@NAME@(@PARAMETERS@, const void *site, const void *sp)
{
	static void *_Atomic next;
	static _Atomic uint32_t frame;
	__typeof__(&@NAME@) real = (__typeof__(&@NAME@))assay_next(&next, "@NAME@");
	const struct assay_host *host = HOST();
	struct assay_waits_call w;
	@RETURN@ result;

	if (!host ||
	    !assay_waits_begin(&w, host, WAIT_@KIND@, "@NAME@", &frame, ASSAY_WAITS_LONG, site, sp))
		return real(@ARGUMENTS@);
	ASSAY_WAITS_UNWINDS();
	result = real(@ARGUMENTS@);
	assay_waits_end(&w);
	return result;
}
@@end

@@# ---- what waits for a descriptor ----
@@# fd=    which one
@@# makes= the result is a descriptor
@@for FILE
EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	static void *_Atomic next;
	static _Atomic uint32_t frame;
	__typeof__(&@NAME@) real = (__typeof__(&@NAME@))assay_next(&next, "@NAME@");
	const struct assay_host *host = HOST();
	struct assay_waits_call w;
	@RETURN@ result;

	if (!host ||
@?IF@	    !(@IF@) ||
	    !assay_waits_begin_fd(&w, host, WAIT_@KIND@, @FD:fd@, "@NAME@", &frame, ASSAY_WAITS_@LASTS:SHORT@, SITE, SP))
		return real(@ARGUMENTS@);
	ASSAY_WAITS_UNWINDS();
	result = real(@ARGUMENTS@);
	assay_waits_end(&w);
@?MAKES@	if (result >= 0)
@?MAKES@		assay_waits_forget((unsigned)result, (unsigned)result);
	return result;
}
@@end

@@# ---- open and its kin ----
@@# mode=  the argument that it has if the flags say so
@@for OPEN
EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	static void *_Atomic next;
	static _Atomic uint32_t frame;
	__typeof__(&@NAME@) real = (__typeof__(&@NAME@))assay_next(&next, "@NAME@");
	const struct assay_host *host = HOST();
	struct assay_waits_call w;
	@RETURN@ result;
@?MODE@	@MODE@ mode = 0;
@?MODE@	va_list list;

@?MODE@	if (__OPEN_NEEDS_MODE(flags)) {
@?MODE@		va_start(list, flags);
@?MODE@		mode = va_arg(list, @MODE@);
@?MODE@		va_end(list);
@?MODE@	}
	if (!host ||
	    !assay_waits_begin(&w, host, WAIT_OPEN, "@NAME@", &frame, ASSAY_WAITS_SHORT, SITE, SP)) {
@?MODE@		result = real(@ARGUMENTS@, mode);
@!MODE@		result = real(@ARGUMENTS@);
		if (result >= 0)
			assay_waits_forget((unsigned)result, (unsigned)result);
		return result;
	}
	ASSAY_WAITS_UNWINDS();
@?MODE@	result = real(@ARGUMENTS@, mode);
@!MODE@	result = real(@ARGUMENTS@);
	assay_waits_end_open(&w, result);
	return result;
}
@@end

@@# ---- what makes descriptors, without a wait ----
@@# two=   where it puts two of them
@@for DESCRIPTOR
EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	static void *_Atomic next;
	@RETURN@ result = ((__typeof__(&@NAME@))assay_next(&next, "@NAME@"))(@ARGUMENTS@);

@!TWO@	if (result >= 0)
@!TWO@		assay_waits_forget((unsigned)result, (unsigned)result);
@?TWO@	if (result == 0) {
@?TWO@		assay_waits_forget((unsigned)@TWO@[0], (unsigned)@TWO@[0]);
@?TWO@		assay_waits_forget((unsigned)@TWO@[1], (unsigned)@TWO@[1]);
@?TWO@	}
	return result;
}
@@end

@@# ---- what closes one ----
@@# fd=    which one, or -1
@@for CLOSE
EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	static void *_Atomic next;

	if (HOST())
		forget(@FD@);
	return ((__typeof__(&@NAME@))assay_next(&next, "@NAME@"))(@ARGUMENTS@);
}
@@end

@@# ---- fcntl: any argument is as large as a pointer, or smaller ----
@@for FCNTL
EXPORT @RETURN@ @NAME@(@PARAMETERS@)
{
	static void *_Atomic next;
	static _Atomic uint32_t frame;
	__typeof__(&@NAME@) real = (__typeof__(&@NAME@))assay_next(&next, "@NAME@");
	const struct assay_host *host = HOST();
	struct assay_waits_call w;
	void *argument;
	va_list list;
	int result;

	va_start(list, command);
	argument = va_arg(list, void *);
	va_end(list);
	if (!host || (command != F_SETLKW && command != F_OFD_SETLKW) ||
	    !assay_waits_begin_fd(&w, host, WAIT_FILE_LOCK, fd, "@NAME@", &frame, ASSAY_WAITS_SHORT, SITE, SP)) {
		result = real(fd, command, argument);
		if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) && result >= 0)
			assay_waits_forget((unsigned)result, (unsigned)result);
		return result;
	}
	ASSAY_WAITS_UNWINDS();
	result = real(fd, command, argument);
	assay_waits_end(&w);
	return result;
}
@@end

/* ---- futex, which has no function but syscall(): the core calls this for those that wait ---- */

__attribute__((visibility("hidden"))) long assay_waits_futex(long (*real)(long, ...), long number, unsigned long address,
							    unsigned long operation, unsigned long value,
							    unsigned long timeout, unsigned long address2,
							    unsigned long value3, const void *site, const void *sp);

long assay_waits_futex(long (*real)(long, ...), long number, unsigned long address, unsigned long operation,
		       unsigned long value, unsigned long timeout, unsigned long address2, unsigned long value3,
		       const void *site, const void *sp)
{
	const struct assay_host *host = HOST();
	struct assay_waits_call w;
	long result;

	if (!host || !assay_waits_begin_object(&w, host, WAIT_FUTEX, (const void *)address, ASSAY_WAITS_SHORT, site, sp))
		return real(number, address, operation, value, timeout, address2, value3);
	ASSAY_WAITS_UNWINDS();
	result = real(number, address, operation, value, timeout, address2, value3);
	assay_waits_end(&w);
	return result;
}
