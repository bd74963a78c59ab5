#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "call.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "request.h"

/* Sites: a key lies in one of SITES_NEAR slots from its hash on; where there is no room, calls go by the function's name. */
enum { SITES = 4096, SITES_NEAR = 8 };
/* Each rank has a frame of its own up to so many; in a larger job neighbours share one. */
enum { PEERS = 1024 };

static const char *const words[ASSAY_MPI_KINDS] = {
	[ASSAY_MPI_OTHER] = "mpi",
	[ASSAY_MPI_SEND] = "mpi send",
	[ASSAY_MPI_RECEIVE] = "mpi receive",
	[ASSAY_MPI_EXCHANGE] = "mpi exchange",
	[ASSAY_MPI_PROBE] = "mpi probe",
	[ASSAY_MPI_START] = "mpi start",
	[ASSAY_MPI_PREPARE] = "mpi prepare",
	[ASSAY_MPI_WAIT] = "mpi wait",
	[ASSAY_MPI_TEST] = "mpi test",
	[ASSAY_MPI_BARRIER] = "mpi barrier",
	[ASSAY_MPI_COLLECTIVE] = "mpi collective",
	[ASSAY_MPI_ONE_SIDED] = "mpi one-sided",
	[ASSAY_MPI_SYNC] = "mpi synchronise",
	[ASSAY_MPI_FILE] = "mpi file",
	[ASSAY_MPI_MANAGE] = "mpi manage",
	[ASSAY_MPI_INIT] = "mpi begin and end",
	[ASSAY_MPI_ABORT] = "mpi abort",
};

const struct assay_host *_Atomic assay_mpi_host;
uint64_t assay_mpi_threshold_ns;
struct assay_mpi_metrics assay_mpi_metric;
_Atomic bool assay_mpi_paused;

static struct assay_mpi_site sites[SITES] ASSAY_MPI_COLD;
static _Atomic uint32_t frames_to[PEERS] ASSAY_MPI_COLD, frames_from[PEERS] ASSAY_MPI_COLD;
int assay_mpi_world_size;

/*
 * The stack pointer of the outermost call that this thread is in, 0: none. Where it was left by a jump or an exception
 * (an error handler of the program's), the next call is not further in.
 */
static _Thread_local uintptr_t inside;
static _Thread_local struct {
	void *memory;
	size_t size;
} scratch;

_Thread_local const void *assay_mpi_fortran_site;
_Thread_local uintptr_t assay_mpi_fortran_sp;

/* ---- frames ---- */

static uint32_t make_frame(const struct assay_host *h, const struct assay_mpi_function *f, const struct assay_mpi_comm *comm,
	const void *at)
{
	const char *name = f->name + (*f->name == 'P');
	char text[256];
	uint32_t frame = 0;
	bool fortran = assay_mpi_is_fortran(at);

	if (comm->label)
		snprintf(text, sizeof text, "%s on %s%s%s", name, comm->name, comm->ranks, fortran ? "" : ", in ");
	else
		snprintf(text, sizeof text, "%s%s", name, fortran ? "" : ", in ");
	if (!fortran)
		frame = h->frame_at(words[f->kind], text, at);
	if (!frame) {
		text[strlen(text) - (fortran ? 0 : 5)] = 0; /* the code is nobody's */
		frame = h->frame(words[f->kind], text);
	}
	return frame;
}

static struct assay_mpi_site *site_of(const struct assay_host *h, const struct assay_mpi_function *f,
	const struct assay_mpi_comm *comm, const void *at)
{
	static struct assay_mpi_site others[ASSAY_MPI_KINDS];
	uint64_t key = ((uintptr_t)at ^ (uint64_t)comm->label << 48 ^ (uintptr_t)f << 20) * 0x9e3779b97f4a7c15ull | 1;
	struct assay_mpi_site *site = NULL;
	uint64_t is = 0;

	for (unsigned i = 0; i < SITES_NEAR; i++) {
		site = &sites[((key >> 52) + i) % SITES];
		is = atomic_load_explicit(&site->key, memory_order_relaxed);
		if (is == key || (!is && (atomic_compare_exchange_strong(&site->key, &is, key) || is == key)))
			break;
		site = NULL;
	}
	if (site && __builtin_expect(is == key && atomic_load_explicit(&site->frame, memory_order_relaxed), 1))
		return site;
	if (!site) { /* too many of them */
		site = &others[f->kind];
		if (!atomic_load_explicit(&site->frame, memory_order_relaxed))
			atomic_store_explicit(&site->frame, h->frame(words[f->kind], "elsewhere"), memory_order_relaxed);
		return site;
	}
	atomic_store_explicit(&site->frame, make_frame(h, f, comm, at), memory_order_relaxed);
	return site;
}

/* Of a rank in MPI_COMM_WORLD. */
static uint32_t peer_frame(const struct assay_host *h, _Atomic uint32_t *frames, int rank)
{
	int together = (assay_mpi_world_size + PEERS - 1) / PEERS;
	_Atomic uint32_t *frame;
	uint32_t number;
	char name[64];

	if (rank < 0 || !together || rank / together >= PEERS)
		return h->frame("mpi rank", "a process of another MPI_COMM_WORLD, or of one that is not known");
	frame = &frames[rank / together];
	number = atomic_load_explicit(frame, memory_order_relaxed);
	if (number)
		return number;
	if (together == 1)
		snprintf(name, sizeof name, "rank %d", rank);
	else
		snprintf(name, sizeof name, "ranks %d to %d", rank / together * together, rank / together * together + together - 1);
	number = h->frame("mpi rank", name);
	atomic_store_explicit(frame, number, memory_order_relaxed);
	return number;
}

/* ---- a call ---- */

static bool begin(struct assay_mpi_call *c, const struct assay_host *h, const struct assay_mpi_function *f, MPI_Comm comm,
	MPI_Win win, const void *site, const void *sp)
{
	if (inside && (uintptr_t)sp < inside)
		return false;
	if (assay_mpi_fortran_sp - (uintptr_t)sp < ASSAY_MPI_FORTRAN_STACK)
		site = assay_mpi_fortran_site;
	c->host = h;
	c->comm = comm ? assay_mpi_comm_find(h, assay_mpi_handle(comm)) :
		win ? assay_mpi_comm_find(h, assay_mpi_handle(win) | ASSAY_MPI_WINDOW) : &assay_mpi_comm_none;
	c->site = site_of(h, f, c->comm, site);
	c->took = 0;
	inside = (uintptr_t)sp;
	c->waits = h->wait_begin(assay_mpi_metric.calls, atomic_load_explicit(&c->site->frame, memory_order_relaxed), sp,
		ASSAY_PLUGIN_WAIT_SPINS | (atomic_load_explicit(&c->site->lasts, memory_order_relaxed) ? ASSAY_PLUGIN_WAIT_LONG : 0));
	return true;
}

bool assay_mpi_begin(struct assay_mpi_call *c, const struct assay_mpi_function *function, MPI_Comm comm, MPI_Win win,
	const void *site, const void *sp)
{
	const struct assay_host *h = atomic_load_explicit(&assay_mpi_host, memory_order_acquire);

	if (!h || !atomic_load_explicit(&assay_mpi_ready, memory_order_acquire) ||
		atomic_load_explicit(&assay_mpi_paused, memory_order_relaxed))
		return false;
	return begin(c, h, function, comm, win, site, sp);
}

bool assay_mpi_begin_early(struct assay_mpi_call *c, const struct assay_mpi_function *function, const void *site, const void *sp)
{
	const struct assay_host *h = atomic_load_explicit(&assay_mpi_host, memory_order_acquire);

	return h && assay_mpi_library.abi && begin(c, h, function, 0, 0, site, sp);
}

void assay_mpi_end(struct assay_mpi_call *c)
{
	bool lasts;

	inside = 0;
	if (!c->waits)
		return;
	c->took = c->host->wait_end(0);
	lasts = c->took >= assay_mpi_threshold_ns;
	if (lasts != atomic_load_explicit(&c->site->lasts, memory_order_relaxed))
		atomic_store_explicit(&c->site->lasts, lasts, memory_order_relaxed);
}

/* ---- what went through it ---- */

static void moved(const struct assay_host *h, const struct assay_mpi_comm *comm, uint32_t frame, int peer, uint64_t bytes,
	bool sent)
{
	const struct assay_mpi_metrics *m = &assay_mpi_metric;
	_Atomic uint32_t *frames = sent ? frames_to : frames_from;

	if (peer == ASSAY_MPI_FILES) {
		h->add(sent ? m->written : m->read, frame, bytes);
		return;
	}
	if (peer == assay_mpi_library.abi->proc_null)
		return;
	if (peer == ASSAY_MPI_ALL) {
		if (bytes)
			h->add(sent ? m->sent : m->received, frame, bytes);
		return;
	}
	h->add(sent ? m->sent : m->received, frame, bytes);
	h->add(sent ? m->to : m->from, peer_frame(h, frames, assay_mpi_comm_world_rank(comm, peer)), bytes);
}

void assay_mpi_sent(const struct assay_mpi_call *c, int to, uint64_t bytes)
{
	moved(c->host, c->comm, atomic_load_explicit(&c->site->frame, memory_order_relaxed), to, bytes, true);
}

void assay_mpi_received(const struct assay_mpi_call *c, int from, uint64_t bytes)
{
	moved(c->host, c->comm, atomic_load_explicit(&c->site->frame, memory_order_relaxed), from, bytes, false);
}

void assay_mpi_received_by_status(const struct assay_mpi_call *c, const void *status)
{
	assay_mpi_received(c, assay_mpi_status_source(status), assay_mpi_status_bytes(status));
}

/* ---- operations that go on ---- */

static void count_moved(const struct assay_host *h, const struct assay_mpi_request *r)
{
	if (r->sent || r->to != ASSAY_MPI_ALL)
		moved(h, r->comm, r->frame, r->to, r->sent, true);
	if (!r->by_status && (r->received || r->from != ASSAY_MPI_ALL))
		moved(h, r->comm, r->frame, r->from, r->received, false);
}

void assay_mpi_started(const struct assay_mpi_call *c, uint64_t request, const struct assay_mpi_start *start)
{
	struct assay_mpi_request r = {
		.began_ns = start->persistent ? 0 : c->host->now(),
		.comm = c->comm,
		.sent = start->sent,
		.received = start->received,
		.to = start->to,
		.from = start->from,
		.frame = atomic_load_explicit(&c->site->frame, memory_order_relaxed),
		.by_status = start->by_status,
		.persistent = start->persistent,
	};

	if (!start->persistent)
		count_moved(c->host, &r);
	if (request != assay_mpi_handle(assay_mpi_library.request_null) && !assay_mpi_request_add(request, &r))
		c->host->add(assay_mpi_metric.lost, r.frame, 1);
}

/* Of a message that was found, which is received later by a call that does not say where: kept among the requests. */
#define MESSAGE (1ull << 62)

void assay_mpi_found(const struct assay_mpi_call *c, const void *message)
{
	struct assay_mpi_request r = { .comm = c->comm };

	assay_mpi_request_add(assay_mpi_handle_at(message, 0) | MESSAGE, &r);
}

void assay_mpi_take_message(struct assay_mpi_call *c, uint64_t message)
{
	struct assay_mpi_request r;

	if (assay_mpi_request_find(message | MESSAGE, &r)) {
		assay_mpi_request_forget(message | MESSAGE);
		c->comm = r.comm;
	}
}

void assay_mpi_restarted(const struct assay_mpi_call *c, uint64_t request)
{
	struct assay_mpi_request r;

	if (assay_mpi_request_start(request, c->host->now(), &r))
		count_moved(c->host, &r);
}

void assay_mpi_completed(const struct assay_mpi_call *c, uint64_t request, const void *status)
{
	const struct assay_host *h = c->host;
	struct assay_mpi_request r;
	uint64_t now, flight, waited;

	if (!assay_mpi_request_end(request, &r))
		return;
	now = h->now();
	flight = now > r.began_ns ? now - r.began_ns : 0;
	waited = c->took < flight ? c->took : flight;
	h->add(assay_mpi_metric.flight, r.frame, flight);
	h->add(assay_mpi_metric.hidden, r.frame, flight - waited);
	if (r.by_status && status && r.from == ASSAY_MPI_FILES)
		moved(h, r.comm, r.frame, ASSAY_MPI_FILES, assay_mpi_status_bytes(status), false);
	else if (r.by_status && status)
		moved(h, r.comm, r.frame, assay_mpi_status_source(status), assay_mpi_status_bytes(status), false);
}

/* Memory of the thread's, for one call at a time; NULL: there is none. */
static void *scratch_of(size_t size)
{
	int saved = errno;
	size_t more = size < 16384 ? 16384 : size * 2;
	void *memory;

	if (scratch.size >= size)
		return scratch.memory;
	memory = mmap(NULL, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	errno = saved;
	if (memory == MAP_FAILED)
		return NULL;
	if (scratch.memory)
		munmap(scratch.memory, scratch.size);
	scratch.memory = memory;
	scratch.size = more;
	errno = saved;
	return memory;
}

void assay_mpi_call_thread_stop(void)
{
	if (scratch.memory)
		munmap(scratch.memory, scratch.size);
	scratch.memory = NULL;
	scratch.size = 0;
}

void assay_mpi_take(struct assay_mpi_requests *r, const void *requests, int n, void **statuses)
{
	size_t status_size = assay_mpi_library.abi->status_size;
	bool wanted = (uintptr_t)*statuses != assay_mpi_library.abi->status_ignore, by_status = false;
	uint64_t *keys = n > 0 ? scratch_of((size_t)n * (sizeof *keys + status_size)) : NULL;
	struct assay_mpi_request request;

	r->keys = keys;
	r->n = keys ? n : 0;
	for (int i = 0; i < r->n; i++) {
		keys[i] = assay_mpi_handle_at(requests, (size_t)i);
		if (!wanted && !by_status && assay_mpi_request_find(keys[i], &request))
			by_status = request.by_status;
	}
	if (by_status)
		*statuses = keys + n;
}

void assay_mpi_completed_some(const struct assay_mpi_call *c, const struct assay_mpi_requests *r, const void *requests)
{
	uint64_t null = assay_mpi_handle(assay_mpi_library.request_null);

	for (int i = 0; i < r->n; i++)
		if (r->keys[i] != null && assay_mpi_handle_at(requests, (size_t)i) == null)
			assay_mpi_completed(c, r->keys[i], NULL);
}

void assay_mpi_completed_of(const struct assay_mpi_call *c, const struct assay_mpi_requests *r, int i, const void *statuses,
	int j)
{
	const struct assay_mpi_abi *abi = assay_mpi_library.abi;

	if (i < 0 || i >= r->n)
		return;
	assay_mpi_completed(c, r->keys[i], (uintptr_t)statuses == abi->status_ignore ? NULL :
		(const char *)statuses + abi->status_size * (size_t)j);
}
