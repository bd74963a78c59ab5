/*
 * The account: which images belong to one process and which started which, how each ended, and every
 * thread's wall = CPU + waiting for a core + waiting. docs/FORMAT.md says what is exact and what is not.
 */
#include <stdlib.h>
#include <string.h>

#include "digest_model.h"
#include "profile/environment.h"

static bool execed(const struct d_image *im)
{
	return im->header->state == ASSAY_STATE_EXECED;
}

/* Whether nothing is known of it but that it was there: no sample, and nothing from a plugin. */
static bool is_blank(const struct assay_digest *d, const struct d_image *im)
{
	for (size_t i = 0; i < im->threads; i++) {
		const struct d_thread *t = &d->threads.at[im->first_thread + i];

		const struct assay_spool_opens *opens = assay_spool_opens(&im->spool, t->record->open);

		if (t->record->samples || (opens && opens->count))
			return false;
		for (size_t k = 0; k < t->visit_count; k++)
			if (t->visits[k].node->values)
				return false;
	}
	return true;
}

/* The image that `im` says it comes from by `relation`, or 0. It must have begun earlier. */
static assay_id origin(struct assay_digest *d, struct assay_map *names, assay_id id, char relation)
{
	const char *from = assay_digest_string(d, d->images.at[id - 1].from);
	uint32_t *number;

	if (from[0] != relation || from[1] != ':')
		return 0;
	number = assay_map_at(names, assay_map_hash(from + 2, strlen(from + 2)), 0);
	return number && *number < id ? *number : 0;
}

/*
 * `id` is what exec made of the image `before`. Its process goes on, so wall time, CPU clock and run-queue delay
 * go on where the image before left off. An image that only lived to exec, and of which there is nothing to show, is no
 * more than the beginning of the program it became: with its own start-up, which was before measuring began.
 */
static void follow_exec(struct assay_digest *d, assay_id before, assay_id id)
{
	struct d_image *im = &d->images.at[before - 1], *next = &d->images.at[id - 1];

	if (!execed(im) || im->after)
		return;
	im->after = id;
	next->parent = before;
	im->folded = im->threads <= 1 && is_blank(d, im);
	if (im->folded) {
		uint64_t startup = im->header->startup_cpu_ns;

		next->start = im->start;
		if (im->start == im->header->start_ns && startup > im->cpu_before && startup - im->cpu_before < im->start)
			next->start -= startup - im->cpu_before;
		next->parent = im->parent;
		next->cpu_before = im->cpu_before;
		next->core_wait_before = im->core_wait_before;
	} else {
		next->start = im->header->end_ns;
		next->cpu_before = im->header->exec_cpu_ns;
		/* of the process until then, however many images that was: 0 where it was not read */
		next->core_wait_before =
			im->header->exec_core_wait_ns ? im->header->exec_core_wait_ns : im->core_wait_before;
	}
}

/*
 * Which image started which, and which are one process. They say so themselves, by the names of their spools;
 * where they do not (a program that cleared its environment by hand), the parent's pid must do.
 */
static void find_origins(struct assay_digest *d)
{
	struct assay_map names = { 0 }, pids = { 0 };

	for (assay_id id = 1; id <= d->images.count && !d->no_memory; id++) {
		struct d_image *im = &d->images.at[id - 1];
		const char *slash = strrchr(im->file, '/'), *name = slash ? slash + 1 : im->file;
		uint32_t *mine, *parent = assay_map_at(&pids, (uint32_t)im->header->ppid, 0);
		assay_id before = origin(d, &names, id, ASSAY_FROM_EXEC);

		if (before)
			follow_exec(d, before, id);
		if (!im->parent)
			im->parent = origin(d, &names, id, ASSAY_FROM_CHILD);
		if (!im->parent && parent && !*assay_digest_string(d, im->from))
			im->parent = *parent;
		mine = assay_map_at(&names, assay_map_hash(name, strlen(name)), 0);
		if (mine)
			*mine = id;
		mine = assay_map_at(&pids, (uint32_t)im->header->pid, 0);
		if (mine)
			*mine = id;
		d->no_memory |= !mine;
	}
	assay_map_free(&names);
	assay_map_free(&pids);
}

/* A folded image's children belong to what it became. */
static assay_id shown(const struct assay_digest *d, assay_id id)
{
	while (id && d->images.at[id - 1].folded)
		id = d->images.at[id - 1].after;
	return id;
}

static uint64_t last_sign_of_life(const struct assay_digest *d, const struct d_image *im)
{
	uint64_t last = im->start;

	for (size_t i = 0; i < im->threads; i++) {
		const struct assay_spool_thread *r = d->threads.at[im->first_thread + i].record;

		if (r->last_ns > last)
			last = r->last_ns;
		if (r->live_seen_ns > last)
			last = r->live_seen_ns;
	}
	return last;
}

static void find_end(struct assay_digest *d, struct d_image *im)
{
	int64_t status = assay_run_file_number(&d->run, "wait_status", -1);
	uint64_t end = (uint64_t)assay_run_file_number(&d->run, "end_ns", 0), seen = last_sign_of_life(d, im);

	im->root = im->header->pid == assay_run_file_number(&d->run, "root_pid", -1);
	im->ended = "unseen";
	im->end = im->header->end_ns;
	if (im->header->state == ASSAY_STATE_EXITED) {
		im->ended = "exit";
		im->status = im->header->status;
		im->has_status = true;
	} else if (execed(im)) {
		im->ended = "exec";
	} else if (im->root && status >= 0) { /* it left no word, but the launcher saw its end */
		im->ended = status & 0x7f ? "signal" : "exit";
		im->status = status & 0x7f ? status & 0x7f : (status >> 8) & 0xff;
		im->has_status = true;
		im->end = end;
	} else {
		im->end = im->root && end ? end : seen;
	}
	if (im->end < seen)
		im->end = seen;
}

static int64_t at_least_zero(int64_t x)
{
	return x > 0 ? x : 0;
}

/*
 * A time out of a spool. No clock has come further than this (nine years); what a damaged spool says beyond it is cut, so
 * that a sum of a few times cannot overflow.
 */
static int64_t ns(uint64_t time)
{
	return (int64_t)(time < 1ull << 58 ? time : 1ull << 58);
}

static int metric_kind(const struct assay_digest *d, const struct d_image *im, uint32_t metric)
{
	for (size_t i = 0; i < im->metric_count; i++)
		for (size_t k = 0; im->metrics[i].spool == metric && k < d->metrics.count; k++)
			if (d->metrics.at[k].id == im->metrics[i].profile)
				return d->metrics.at[k].kind;
	return -1;
}

/* The wait that a thread was in when its image ended. */
static void open_wait(const struct assay_digest *d, struct d_thread *t)
{
	const struct d_image *im = &d->images.at[t->image - 1];
	const struct assay_spool_thread *r = t->record;
	uint64_t since = r->live_wait_ns, until = r->live_wait_until;

	if (!(r->flags & ASSAY_THREAD_LIVE) || !since || since >= im->end || im->end - since > 1ull << 58 ||
	    metric_kind(d, im, r->live_wait_metric) != ASSAY_METRIC_WAIT)
		return;
	t->open_wait = im->end - since;
	if (until >= since && until < im->end)
		t->open_wait_after = im->end - until;
}

/* What waits took in all: exact, the CPU time in them included. */
static int64_t waited(const struct assay_digest *d, const struct d_thread *t)
{
	const struct d_image *im = &d->images.at[t->image - 1];
	int64_t sum = ns(t->open_wait);

	for (size_t i = 0; i < t->visit_count; i++) {
		const struct assay_spool_value *v;
		int bound = 64; /* a list that bites its tail ends */

		for (assay_ref ref = t->visits[i].node->values; (v = assay_spool_value(&im->spool, ref)) && bound--; ref = v->next)
			if (v->metric && metric_kind(d, im, v->metric) == ASSAY_METRIC_WAIT && sum < 1ll << 59)
				sum += ns(v->sum);
	}
	return sum;
}

/*
 * The part of a thread's waiting of which it is known for what. A wait is timed from asking to having, so it may have CPU
 * time in it (which samples show), and at its end waiting for a core. What is more than the thread waited without a core
 * and without waiting for one can only be that.
 */
static void locate(const struct assay_digest *d, struct d_thread *t)
{
	const struct assay_spool_thread *r = t->record;
	int64_t located;

	open_wait(d, t);
	located = at_least_zero(waited(d, t) - ns(r->wait_cpu_ns));
	t->located = located < t->wait ? located : t->wait;
	t->wait -= t->located;
	t->spin = ns(r->spin_ns) < t->cpu ? ns(r->spin_ns) : t->cpu;
}

static void thread_account(struct assay_digest *d, struct d_thread *t)
{
	const struct d_image *im = &d->images.at[t->image - 1];
	const struct assay_spool_thread *r = t->record;
	bool first = r->flags & ASSAY_THREAD_MAIN;
	int64_t before = first ? ns(im->cpu_before) : 0;

	t->wall = ns(r->wall_ns);
	t->cpu = ns(r->cpu_ns);
	t->start = ns(r->first_ns);
	if (r->flags & ASSAY_THREAD_LIVE) {
		/* its end was not seen, or it went on after the last look */
		if (im->header->state == ASSAY_STATE_RUNNING)
			t->wall += at_least_zero(ns(im->end) - ns(r->live_start_ns));
		t->cpu += at_least_zero(ns(r->live_seen_cpu_ns) - ns(r->live_start_cpu_ns));
	}
	if (first) {
		t->startup = at_least_zero(ns(im->header->startup_cpu_ns) - before);
		t->cpu = at_least_zero(t->cpu - before);
		/* measuring began after exec and the loader: they are the process's time too */
		if (im->start == im->header->start_ns && im->header->startup_cpu_ns > (uint64_t)before)
			t->start -= t->startup;
		else
			t->start = ns(im->start);
		t->wall += at_least_zero(ns(r->first_ns) - t->start);
	}
	t->core_wait = at_least_zero(ns(r->core_wait_ns) - (first ? ns(im->core_wait_before) : 0));
	if (t->core_wait > at_least_zero(t->wall - t->cpu))
		t->core_wait = at_least_zero(t->wall - t->cpu);
	t->wait = at_least_zero(t->wall - t->cpu - t->core_wait);
	locate(d, t);
	t->unread = at_least_zero(t->wall - ns(r->core_wait_wall_ns));
	if (r->core_wait_wall_ns == 0 || t->unread > t->wait)
		t->unread = t->wait;
	if (first && r->core_wait_wall_ns)
		t->unread = 0;
	t->sampled = ns(r->weight_ns);
	t->unsampled = t->cpu - t->startup - t->sampled;
}

void assay_digest_account(struct assay_digest *d)
{
	find_origins(d);
	for (assay_id i = 1; i <= d->images.count; i++) {
		struct d_image *im = &d->images.at[i - 1];

		im->parent = shown(d, im->parent);
		if (im->parent == i)
			im->parent = 0;
		find_end(d, im);
	}
	for (size_t i = 0; i < d->threads.count; i++)
		thread_account(d, &d->threads.at[i]);
	for (size_t i = 0; i < d->images.count; i++) {
		struct d_image *im = &d->images.at[i];

		/* the start that its first thread's start-up time implies */
		for (size_t k = 0; k < im->threads; k++)
			if (d->threads.at[im->first_thread + k].start < (int64_t)im->start)
				im->start = (uint64_t)d->threads.at[im->first_thread + k].start;
	}
}
