/*
 * Stacks grow down. A function that waits calls nothing of the program's but signal handlers, so whoever begins to wait
 * further out, or at the same place, shows that the wait before was left by a jump.
 */
#include "wait.h"

#include "cct.h"
#include "span.h"
#include "unwind.h"

static void set(_Atomic uint64_t *value, uint64_t to)
{
	atomic_store_explicit(value, to, memory_order_relaxed);
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
	set(counter, atomic_load_explicit(counter, memory_order_relaxed) + n);
}

static bool on_own_stack(const struct assay_thread *thread, uintptr_t sp)
{
	return sp >= thread->stack_low && sp < thread->stack_high;
}

/* Whether the function at `inner` has returned when one runs at `sp`. */
static bool is_left(const struct assay_thread *thread, uintptr_t inner, uintptr_t sp)
{
	return sp >= inner && on_own_stack(thread, inner) && on_own_stack(thread, sp);
}

/* Samples' paths change from this stack frame on inwards. */
static void note_change(struct assay_thread *thread, const struct assay_wait *wait)
{
	if (wait->spins && wait->sp > thread->regions_changed)
		thread->regions_changed = wait->sp;
}

/* What a reader of the spool sees of a wait, if it never ends. */
static void publish(struct assay_thread *thread, const struct assay_wait *wait)
{
	struct assay_spool_thread *record = thread->record;

	atomic_store_explicit(&record->live_wait_metric, wait->metric, memory_order_relaxed);
	atomic_store_explicit(&record->live_wait_frame, wait->docked ? 0 : wait->frame, memory_order_relaxed);
	atomic_store_explicit(&record->live_wait_node, wait->docked ? wait->node : wait->path, memory_order_relaxed);
	atomic_store_explicit(&record->live_wait_after, wait->after, memory_order_relaxed);
	set(&record->live_wait_until, 0);
	atomic_store_explicit(&record->live_wait_ns, wait->begin_ns, memory_order_release);
}

static void start(struct assay_thread *thread, const struct assay_wait *wait)
{
	thread->wait = *wait;
	note_change(thread, wait);
	atomic_signal_fence(memory_order_seq_cst);
	thread->wait.active = true;
	publish(thread, wait);
}

void assay_wait_forget(struct assay_thread *thread)
{
	note_change(thread, &thread->wait);
	thread->wait.active = false;
	set(&thread->record->live_wait_ns, 0);
}

bool assay_wait_begin(struct assay_thread *thread, const struct assay_wait *wait, bool with_path)
{
	struct assay_wait w = *wait;
	assay_ref node;

	if (thread->wait.active) {
		if (thread->wait.docked || !is_left(thread, thread->wait.sp, w.sp))
			return false;
		assay_wait_forget(thread);
	}
	if (with_path)
		w.path = assay_span_path(thread);
	/* made now, while there is time, and not when the thread has what it waited for */
	node = w.path && w.frame ? assay_cct_below(thread, w.path, ASSAY_PLACE_FRAME, w.frame) : 0;
	w.value = node ? assay_cct_value(thread, node, w.metric) : NULL;
	start(thread, &w);
	return true;
}

int assay_wait_end(struct assay_thread *thread, assay_ref frame, uint64_t now, uint64_t threshold_ns, uint64_t *took)
{
	struct assay_wait w = thread->wait;
	struct assay_spool_value *value;
	assay_ref node;

	*took = 0;
	if (!w.active || w.docked)
		return -ENOENT;
	assay_wait_forget(thread);
	*took = now > w.begin_ns ? now - w.begin_ns : 0;
	thread->waited_ns += *took;
	if (w.value && (!frame || frame == w.frame)) {
		assay_cct_put(w.value, *took);
		return 0;
	}
	if (!w.path && *took >= threshold_ns)
		w.path = assay_span_path(thread);
	frame = frame ? frame : w.frame;
	if (!w.path) {
		value = assay_span_short(thread, w.metric, frame);
		if (value)
			assay_cct_put(value, *took);
		return value ? 0 : -ENOSPC;
	}
	node = w.path;
	if (frame)
		node = assay_cct_below(thread, node, ASSAY_PLACE_FRAME, frame);
	return node ? assay_cct_add(thread, node, w.metric, *took) : -ENOSPC;
}

/* ---- places ---- */

/* A thread is told of one place several times before it is told of another. */
static assay_ref link_to(struct assay_thread *thread, assay_ref place)
{
	if (place == thread->last_place.place)
		return thread->last_place.node;
	thread->last_place.place = place;
	thread->last_place.node = assay_cct_below(thread, 0, ASSAY_PLACE_LINK, place);
	thread->last_place.docked = 0;
	if (!thread->last_place.node)
		thread->last_place.place = 0;
	return thread->last_place.node;
}

/* The innermost adoption ends; the wait that stood still goes on. */
static void unadopt_one(struct assay_thread *thread, uint64_t now)
{
	struct assay_adopted *a = &thread->adopted[--thread->adopted_count];

	if (thread->wait.active)
		assay_wait_forget(thread);
	if (!a->wait.active)
		return;
	a->wait.begin_ns += now > a->since_ns ? now - a->since_ns : 0;
	start(thread, &a->wait);
}

int assay_wait_adopt(struct assay_thread *thread, assay_ref place, uintptr_t sp, uint64_t now)
{
	struct assay_adopted *a;
	assay_ref node;

	while (thread->adopted_count && is_left(thread, thread->adopted[thread->adopted_count - 1].sp, sp))
		unadopt_one(thread, now);
	if (thread->adopted_count == ASSAY_ADOPTED_MAX) { /* nested deeper than anybody means it */
		thread->adopted_over++;
		return 0;
	}
	node = link_to(thread, place);
	if (!node)
		return -ENOSPC;
	if (thread->wait.active && thread->wait.docked)
		assay_wait_undock(thread, now);
	else if (thread->wait.active && is_left(thread, thread->wait.sp, sp))
		assay_wait_forget(thread);
	a = &thread->adopted[thread->adopted_count];
	*a = (struct assay_adopted){ sp, node, ++thread->adoptions, now, thread->wait };
	if (thread->wait.active)
		assay_wait_forget(thread);
	atomic_signal_fence(memory_order_seq_cst);
	thread->adopted_count++;
	return 0;
}

void assay_wait_unadopt(struct assay_thread *thread, uintptr_t sp, uint64_t now)
{
	if (thread->adopted_over) {
		thread->adopted_over--;
		return;
	}
	for (uint32_t at = thread->adopted_count; at; at--) {
		if (thread->adopted[at - 1].sp != sp)
			continue;
		while (thread->adopted_count >= at)
			unadopt_one(thread, now);
		return;
	}
}

int assay_wait_add_at(struct assay_thread *thread, uint32_t metric, assay_ref place, uint64_t n, bool more)
{
	assay_ref node = link_to(thread, place);
	struct assay_spool_value *value = node ? assay_cct_value(thread, node, metric) : NULL;

	if (!value)
		return -ENOSPC;
	if (more)
		assay_cct_put_part(value, n);
	else
		assay_cct_put(value, n);
	return 0;
}

int assay_wait_begin_at(struct assay_thread *thread, uint32_t metric, assay_ref place, uint64_t now)
{
	uint32_t at = thread->at_count++;
	assay_ref node = at < ASSAY_ADOPTED_MAX ? link_to(thread, place) : 0;

	if (at >= ASSAY_ADOPTED_MAX) /* nested deeper than anybody means it */
		return 0;
	thread->at[at].node = node;
	thread->at[at].metric = metric;
	thread->at[at].begin_ns = now;
	if (!at) {
		atomic_store_explicit(&thread->record->live_at_node, node, memory_order_relaxed);
		atomic_store_explicit(&thread->record->live_at_metric, metric, memory_order_relaxed);
		atomic_store_explicit(&thread->record->live_at_ns, now, memory_order_release);
	}
	return node ? 0 : -ENOSPC;
}

int assay_wait_end_at(struct assay_thread *thread, uint64_t now)
{
	uint32_t at = thread->at_count ? --thread->at_count : ASSAY_ADOPTED_MAX;

	if (at >= ASSAY_ADOPTED_MAX)
		return 0;
	if (!at)
		set(&thread->record->live_at_ns, 0);
	if (!thread->at[at].node)
		return 0; /* said at its begin */
	return assay_cct_add(thread, thread->at[at].node, thread->at[at].metric,
		now > thread->at[at].begin_ns ? now - thread->at[at].begin_ns : 0);
}

/* ---- docked threads ---- */

int assay_wait_dock(struct assay_thread *thread, const struct assay_wait *wait, assay_ref place, assay_ref frame_after)
{
	__typeof__(thread->last_place) *last = &thread->last_place;
	struct assay_wait w = *wait;

	w.docked = w.spins = true;
	w.node = link_to(thread, place);
	if (w.node && (!last->docked || last->frame != w.frame))
		last->docked = assay_cct_below(thread, w.node, ASSAY_PLACE_FRAME, w.frame);
	if (!last->after || last->frame_after != frame_after)
		last->after = assay_cct_below(thread, 0, ASSAY_PLACE_FRAME, frame_after);
	last->frame = w.frame;
	last->frame_after = frame_after;
	if (!w.node || !last->docked || !last->after)
		return -ENOSPC;
	w.node = last->docked;
	w.after = last->after;
	set(&thread->dock_until, 0);
	start(thread, &w);
	return 0;
}

/* When the first part was over; a time before it began was meant for another wait. */
static uint64_t until(const struct assay_thread *thread, uint64_t now)
{
	uint64_t t = atomic_load_explicit(&thread->dock_until, memory_order_relaxed);

	return t >= thread->wait.begin_ns && t < now ? t : now;
}

int assay_wait_undock(struct assay_thread *thread, uint64_t now)
{
	struct assay_wait w = thread->wait;
	uint64_t middle = until(thread, now);
	int error = 0;

	if (!w.active || !w.docked)
		return 0;
	assay_wait_forget(thread);
	if (now < w.begin_ns)
		now = middle = w.begin_ns;
	thread->waited_ns += now - w.begin_ns;
	error = assay_cct_add(thread, w.node, w.metric, middle - w.begin_ns);
	if (middle < now && assay_cct_add(thread, w.after, w.metric, now - middle) < 0)
		error = -ENOSPC;
	return error;
}

void assay_wait_dock_over(struct assay_thread *thread, uint64_t when)
{
	struct assay_spool_thread *record = thread->record;

	set(&thread->dock_until, when);
	/* for who reads the spool of a process that was killed */
	if (record && atomic_load(&thread->state) == ASSAY_SLOT_LIVE)
		set(&record->live_wait_until, when);
}

/* ---- samples ---- */

void assay_wait_sampled(struct assay_thread *thread, uintptr_t sp, uint64_t weight)
{
	struct assay_wait *w = &thread->wait;

	if (!w->active)
		return;
	if (!w->docked && is_left(thread, w->sp, sp) && sp != w->sp) {
		assay_wait_forget(thread);
		return;
	}
	add(&thread->record->wait_cpu_ns, weight);
	if (w->spins)
		add(&thread->record->spin_ns, weight);
}

assay_ref assay_wait_docked_at(const struct assay_thread *thread, uint64_t now)
{
	const struct assay_wait *w = &thread->wait;

	if (!w->active || !w->docked)
		return 0;
	return until(thread, now) < now ? w->after : w->node;
}
