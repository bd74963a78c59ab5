/*
 * waits.h: between the parts of the plugin `waits`.
 *
 * waits.c     the plugin, and a wait's begin and end
 * locks.c     what is known of each lock: its name, who waits, whom to blame
 * files.c     the names of descriptors
 * names.c     how many names there may be
 * waits.in.c  the interposed functions, with waits.tab; interposed.c is made of the two
 *
 * Owns what threads share of it, in tables of fixed size without locks: full or contended means a common name ("other
 * locks"), or a figure less. In a process that is not measured, assay_waits_host is NULL and nothing else is touched.
 */
#ifndef ASSAY_PLUGINS_WAITS_H
#define ASSAY_PLUGINS_WAITS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "assay/plugin.h"

/* Large tables, of which a process that ends at once touches nothing: laid behind the small variables (see core). */
#define ASSAY_WAITS_COLD __attribute__((section(".bss.zcold")))

/* The kinds of frames. Those of descriptors come first: files.c has a name for each. */
enum assay_waits_kind {
	WAIT_READ,
	WAIT_WRITE,
	WAIT_RECEIVE,
	WAIT_SEND,
	WAIT_ACCEPT,
	WAIT_CONNECT,
	WAIT_FILE_LOCK,
	WAIT_SYNC,
	WAIT_MESSAGE,
	WAIT_OF_DESCRIPTORS, /* how many these are */
	WAIT_OPEN = WAIT_OF_DESCRIPTORS,
	WAIT_MUTEX,
	WAIT_RWLOCK,
	WAIT_SPIN,
	WAIT_CONDITION,
	WAIT_BARRIER,
	WAIT_SEMAPHORE,
	WAIT_JOIN,
	WAIT_SLEEP,
	WAIT_POLL,
	WAIT_CHILD,
	WAIT_SIGNAL,
	WAIT_FUTEX,
	WAIT_NAME,
};

struct assay_waits_lock;

/* A call that waits, from its begin to its end. On the stack of the interposed function. */
struct assay_waits_call {
	const struct assay_host *host;
	struct assay_waits_lock *lock; /* among whose waiters it is counted, or NULL */
	_Atomic uint8_t *site;         /* what to expect of the next wait at this place of the program */
	uint64_t began_ns;             /* only where an unnamed descriptor may have to be named at the end */
	uint32_t frame;                /* for the end; 0: as at the begin */
	int fd;                        /* of which it has no name yet; -1: not to be named */
	enum assay_waits_kind kind;
};

/* ---- waits.c ---- */

/* NULL: not measured. Set last by the plugin's start. */
extern const struct assay_host *_Atomic assay_waits_host;
extern uint64_t assay_waits_threshold_ns;
extern uint32_t assay_waits_metric, assay_waits_held; /* numbers of the metrics */

/* The word for a kind. */
const char *assay_waits_word(enum assay_waits_kind kind);

/* What may be expected of a call, where it is not known how long the last one from that place was. */
enum assay_waits_expect { ASSAY_WAITS_SHORT = 1, ASSAY_WAITS_LONG = 2 };

/*
 * The call named `function` begins to wait; *frame is where the number of its frame is kept. `site` is the address of
 * the call, `sp` the caller's stack pointer. False: nothing is recorded, and `assay_waits_end` not called. errno is
 * left as it was, by these and all that follow.
 */
bool assay_waits_begin(struct assay_waits_call *w, const struct assay_host *host, enum assay_waits_kind kind,
		       const char *function, _Atomic uint32_t *frame, enum assay_waits_expect expected, const void *site,
		       const void *sp);

/* The same for one that waits for `fd`, whose name makes the frame where it is known or the wait lasts. */
bool assay_waits_begin_fd(struct assay_waits_call *w, const struct assay_host *host, enum assay_waits_kind kind, int fd,
			  const char *function, _Atomic uint32_t *frame, enum assay_waits_expect expected,
			  const void *site, const void *sp);

/* The same for a condition variable, barrier, semaphore or futex at `object`. */
bool assay_waits_begin_object(struct assay_waits_call *w, const struct assay_host *host, enum assay_waits_kind kind,
			      const void *object, enum assay_waits_expect expected, const void *site, const void *sp);

/* The same for a lock that is held by another thread: this one is among its waiters until the end. */
bool assay_waits_begin_lock(struct assay_waits_call *w, const struct assay_host *host, enum assay_waits_kind kind,
			    const void *lock, const void *site, const void *sp);

void assay_waits_end(struct assay_waits_call *w);

/* The end of assay_waits_begin_lock: the thread has the lock, or it was refused. */
void assay_waits_end_lock(struct assay_waits_call *w, bool has_it);

/* The end for a call that made a descriptor, or -1. */
void assay_waits_end_open(struct assay_waits_call *w, int fd);

/*
 * Functions that may be left by cancellation while they wait have this at the place of the call: what unwinds the stack
 * then ends the wait in passing. A personality routine of our own, for what compilers make of cleanups needs libgcc_s,
 * which would be one library more in every process.
 */
#define ASSAY_WAITS_UNWINDS() __asm__ volatile(".cfi_personality 0x1b, assay_waits_unwound")
int assay_waits_unwound(int version, int actions, uint64_t exception_class, void *exception, void *context);

/* ---- names.c ---- */

/* Names of a sort: a budget for new ones, and which ones have been given. */
enum { ASSAY_WAITS_NAMES_MAX = 1024, ASSAY_WAITS_NAMES_KNOWN = 4096 };
struct assay_waits_names {
	_Atomic uint32_t used, newest;
	_Atomic uint32_t known[ASSAY_WAITS_NAMES_KNOWN];
};

/* Whether the host may be asked for the frame of what `key` stands for: it has given it before, or the budget is not spent. */
bool assay_waits_names_allow(struct assay_waits_names *names, uint64_t key);

/* The host has given this frame for it, or 0. */
void assay_waits_names_note(struct assay_waits_names *names, uint64_t key, uint32_t frame);

/* ---- locks.c ---- */

/* Whether any lock has been contended so far: until then there is nothing to look up. */
extern _Atomic bool assay_waits_contended;

/* What is known of the lock, or of another object that is waited for, at `address`; NULL: nothing. */
struct assay_waits_lock *assay_waits_lock_find(const void *address);

/* The same, made if there is none; NULL: there is no room. `site`: who asks first. */
struct assay_waits_lock *assay_waits_lock_get(const struct assay_host *host, const void *address);

/*
 * Its frame, of a kind; `site` is where the program waits for it, or lets it go (`waits` false). One that has neither a
 * symbol nor a known maker may be another one each time, at the same address: it has the name of the place that waits for it,
 * and who lets it go has the last of these.
 */
uint32_t assay_waits_lock_frame(const struct assay_host *host, struct assay_waits_lock *lock, const void *address,
				enum assay_waits_kind kind, const void *site, bool waits);

/* Whether its last wait was long. */
bool assay_waits_lock_lasts(const struct assay_waits_lock *lock);
void assay_waits_lock_lasted(struct assay_waits_lock *lock, bool lasted);

/* A thread begins and ends to wait for it, at the host's time `now`. */
void assay_waits_lock_wait(struct assay_waits_lock *lock, uint64_t now);
void assay_waits_lock_done(struct assay_waits_lock *lock, uint64_t now);

/* Whether nobody waits for it, nor has since it was taken or let go the last time: there is nothing to put down. */
bool assay_waits_lock_is_quiet(const struct assay_waits_lock *lock);

/* The calling thread has got it: what others wait from now on is on its account. */
void assay_waits_lock_taken(struct assay_waits_lock *lock, uint64_t now);

/*
 * The thread that has it is about to let it go: how long others have waited since it got it, all together, ns. From
 * then on that is on nobody's account.
 */
uint64_t assay_waits_lock_blame(struct assay_waits_lock *lock, uint64_t now);

/* The lock at `address` is made here, or gone (`site` NULL). */
void assay_waits_lock_made(const void *address, const void *site);

/* In a forked child: nobody waits. */
void assay_waits_locks_forked(void);

/* ---- files.c ---- */

/* The frame for a descriptor of which the name is known, or 0. */
uint32_t assay_waits_file_known(enum assay_waits_kind kind, int fd);

/* The same; it is looked up, by one or two system calls, if it is not known. 0: it has none. */
uint32_t assay_waits_file_name(const struct assay_host *host, enum assay_waits_kind kind, int fd);

/* These descriptors are closed, or become something else. Called by the core too. */
void assay_waits_forget(unsigned first, unsigned last);

/*
 * From here on a filter may forbid the system calls that names need; if `sealed`, it is as after the plugin's stop (in
 * seccomp's strict mode not even the clock may be read). Called by the core.
 */
void assay_waits_locked_in(bool sealed);

#endif
