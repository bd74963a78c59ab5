/*
 * The plugin, and a wait's begin and end. Part of libassay.so, of which it uses nothing: a preloaded object of its own
 * would cost each process of a run 0.1 ms.
 */
#include "waits.h"

#include <errno.h>
#include <string.h>
#include <sys/single_threaded.h>

const struct assay_host *_Atomic assay_waits_host;
uint64_t assay_waits_threshold_ns;
uint32_t assay_waits_metric, assay_waits_held;

/* The wait that the calling thread is in. What is left by a jump stays here until the next one begins, or the thread ends. */
static __thread struct {
	bool on;
	struct assay_waits_lock *lock;
} waiting __attribute__((tls_model("initial-exec")));

enum { SITES = 2048 };
static _Atomic uint8_t sites[SITES] ASSAY_WAITS_COLD; /* enum assay_waits_expect, by a hash of the place; 0: not known */

const char *assay_waits_word(enum assay_waits_kind kind)
{
	switch (kind) { /* not a table: that would be relocated in every process */
	case WAIT_READ: return "read";
	case WAIT_WRITE: return "write";
	case WAIT_RECEIVE: return "receive";
	case WAIT_SEND: return "send";
	case WAIT_ACCEPT: return "accept";
	case WAIT_CONNECT: return "connect";
	case WAIT_FILE_LOCK: return "file lock";
	case WAIT_SYNC: return "sync";
	case WAIT_MESSAGE: return "message queue";
	case WAIT_OPEN: return "open";
	case WAIT_MUTEX: return "mutex";
	case WAIT_RWLOCK: return "rwlock";
	case WAIT_SPIN: return "spin lock";
	case WAIT_CONDITION: return "condition";
	case WAIT_BARRIER: return "barrier";
	case WAIT_SEMAPHORE: return "semaphore";
	case WAIT_JOIN: return "join";
	case WAIT_SLEEP: return "sleep";
	case WAIT_POLL: return "poll";
	case WAIT_CHILD: return "child process";
	case WAIT_SIGNAL: return "signal";
	case WAIT_FUTEX: return "futex";
	case WAIT_NAME: return "name look-up";
	}
	return "wait";
}

static bool spins(enum assay_waits_kind kind)
{
	return kind == WAIT_MUTEX || kind == WAIT_RWLOCK || kind == WAIT_SPIN || kind == WAIT_BARRIER;
}

static _Atomic uint8_t *site_of(const void *address)
{
	return &sites[((uint64_t)(uintptr_t)address * 0x9e3779b97f4a7c15u >> 32) % SITES];
}

/*
 * A place that is not known yet may wait until the process ends, and nobody would know where: so the first time it is
 * looked at, where there are other threads to end the process. (In the many short processes of one thread it would cost
 * more than it tells.)
 */
static bool lasts(struct assay_waits_call *w, enum assay_waits_expect expected, const void *address)
{
	uint8_t last;

	w->site = site_of(address);
	last = atomic_load_explicit(w->site, memory_order_relaxed);
	if (!last)
		return expected == ASSAY_WAITS_LONG || !__libc_single_threaded;
	return last == ASSAY_WAITS_LONG;
}

static uint32_t frame_of(const struct assay_host *host, enum assay_waits_kind kind, const char *function,
			 _Atomic uint32_t *kept)
{
	uint32_t frame = atomic_load_explicit(kept, memory_order_relaxed);

	if (!frame) {
		frame = host->frame(assay_waits_word(kind), function);
		atomic_store_explicit(kept, frame, memory_order_relaxed);
	}
	return frame;
}

/* Takes a wait that was left by a jump off its lock's waiters. */
static void forget_left(const struct assay_host *host)
{
	if (waiting.on && waiting.lock)
		assay_waits_lock_done(waiting.lock, host->now());
	waiting.on = false;
}

static bool begin(struct assay_waits_call *w, const struct assay_host *host, uint32_t frame, bool is_long,
		  enum assay_waits_kind kind, const void *sp, uint64_t since)
{
	uint32_t flags = (is_long ? ASSAY_PLUGIN_WAIT_LONG : 0) | (spins(kind) ? ASSAY_PLUGIN_WAIT_SPINS : 0);

	w->host = host;
	w->kind = kind;
	w->frame = 0;
	if (since ? !host->wait_begun(assay_waits_metric, frame, sp, flags, since) :
		    !host->wait_begin(assay_waits_metric, frame, sp, flags))
		return false;
	forget_left(host);
	waiting.lock = w->lock;
	atomic_signal_fence(memory_order_seq_cst);
	waiting.on = true;
	return true;
}

bool assay_waits_begin(struct assay_waits_call *w, const struct assay_host *host, enum assay_waits_kind kind,
		       const char *function, _Atomic uint32_t *frame, enum assay_waits_expect expected, const void *site,
		       const void *sp)
{
	w->lock = NULL;
	w->fd = -1;
	w->began_ns = kind == WAIT_OPEN ? host->now() : 0;
	return begin(w, host, frame_of(host, kind, function, frame), lasts(w, expected, site), kind, sp, 0);
}

bool assay_waits_begin_fd(struct assay_waits_call *w, const struct assay_host *host, enum assay_waits_kind kind, int fd,
			  const char *function, _Atomic uint32_t *frame, enum assay_waits_expect expected,
			  const void *site, const void *sp)
{
	bool is_long = lasts(w, expected, site);
	uint32_t known = is_long ? assay_waits_file_name(host, kind, fd) : assay_waits_file_known(kind, fd);

	w->lock = NULL;
	w->fd = known || is_long ? -1 : fd;
	w->began_ns = w->fd >= 0 ? host->now() : 0;
	return begin(w, host, known ? known : frame_of(host, kind, function, frame), is_long, kind, sp, 0);
}

static uint32_t object_frame(const struct assay_host *host, struct assay_waits_lock *lock, const void *object,
			     enum assay_waits_kind kind, const void *site)
{
	return lock ? assay_waits_lock_frame(host, lock, object, kind, site, true) :
		      host->frame(assay_waits_word(kind), "other locks");
}

bool assay_waits_begin_object(struct assay_waits_call *w, const struct assay_host *host, enum assay_waits_kind kind,
			      const void *object, enum assay_waits_expect expected, const void *site, const void *sp)
{
	uint64_t since = host->now(); /* it has begun: that its name is looked for is a part of it */
	struct assay_waits_lock *lock = assay_waits_lock_get(host, object);

	w->lock = NULL;
	w->fd = -1;
	return begin(w, host, object_frame(host, lock, object, kind, site), lasts(w, expected, site), kind, sp, since);
}

bool assay_waits_begin_lock(struct assay_waits_call *w, const struct assay_host *host, enum assay_waits_kind kind,
			    const void *object, const void *site, const void *sp)
{
	uint64_t since = host->now();

	w->lock = assay_waits_lock_get(host, object);
	w->fd = -1;
	w->site = NULL;
	if (!begin(w, host, object_frame(host, w->lock, object, kind, site), w->lock && assay_waits_lock_lasts(w->lock),
		   kind, sp, since))
		return false;
	if (w->lock)
		assay_waits_lock_wait(w->lock, host->now());
	return true;
}

static void end(struct assay_waits_call *w)
{
	uint64_t took;

	waiting.on = false;
	atomic_signal_fence(memory_order_seq_cst);
	took = w->host->wait_end(w->frame);
	if (w->site)
		atomic_store_explicit(w->site, took >= assay_waits_threshold_ns ? ASSAY_WAITS_LONG : ASSAY_WAITS_SHORT,
				      memory_order_relaxed);
	else if (w->lock)
		assay_waits_lock_lasted(w->lock, took >= assay_waits_threshold_ns);
}

void assay_waits_end(struct assay_waits_call *w)
{
	if (w->fd >= 0 && w->host->now() - w->began_ns >= assay_waits_threshold_ns)
		w->frame = assay_waits_file_name(w->host, w->kind, w->fd);
	end(w);
}

void assay_waits_end_lock(struct assay_waits_call *w, bool has_it)
{
	uint64_t now = w->lock ? w->host->now() : 0;

	if (w->lock) {
		assay_waits_lock_done(w->lock, now);
		if (has_it)
			assay_waits_lock_taken(w->lock, now);
	}
	end(w);
}

void assay_waits_end_open(struct assay_waits_call *w, int fd)
{
	if (fd >= 0)
		assay_waits_forget((unsigned)fd, (unsigned)fd);
	w->fd = fd;
	assay_waits_end(w);
}

int assay_waits_unwound(int version, int actions, uint64_t exception_class, void *exception, void *context)
{
	enum { CLEANUP_PHASE = 2, CONTINUE_UNWIND = 8 }; /* of the C++ ABI for exceptions */
	const struct assay_host *host = atomic_load_explicit(&assay_waits_host, memory_order_acquire);

	(void)version, (void)exception_class, (void)exception, (void)context;
	if (!(actions & CLEANUP_PHASE) || !host || !waiting.on)
		return CONTINUE_UNWIND;
	forget_left(host);
	host->wait_end(ASSAY_PLUGIN_UNWOUND);
	return CONTINUE_UNWIND;
}

/* ---- the plugin ---- */

static int start(const struct assay_host *host)
{
	if (host->size < sizeof *host)
		return -ENOTSUP;
	assay_waits_threshold_ns = host->option_ns("threshold");
	assay_waits_metric = host->metric("waits");
	assay_waits_held = host->metric("held");
	atomic_store_explicit(&assay_waits_host, host, memory_order_release);
	return 0;
}

static void stop(void)
{
	atomic_store_explicit(&assay_waits_host, NULL, memory_order_release);
}

static void thread_stop(void)
{
	const struct assay_host *host = atomic_load_explicit(&assay_waits_host, memory_order_acquire);

	if (host)
		forget_left(host);
}

static const struct assay_plugin_metric metrics[] = {
	{ "waits", "ns", ASSAY_PLUGIN_WAIT,
	  "wall time in calls that block: locks, sleeps, polls, reads and writes, other processes" },
	{ "held", "ns", ASSAY_PLUGIN_BLAME,
	  "time that other threads waited for a mutex while this call path held it, put down where it let it go" },
	{ NULL, NULL, 0, NULL },
};

ASSAY_PLUGIN(waits) = {
	.abi = ASSAY_PLUGIN_ABI,
	.size = sizeof(struct assay_plugin),
	.name = "waits",
	.summary = "where threads wait, for what, and who held what they waited for",
	.flags = ASSAY_PLUGIN_AUTO,
	.metrics = metrics,
	.start = start,
	.stop = stop,
	.thread_stop = thread_stop,
	.after_fork = assay_waits_locks_forked,
};
