#include "region.h"

#include "cct.h"

/* Stacks grow down: of two functions on one stack, the inner one has the lower stack pointer. */
static void note_change(struct assay_thread *thread, const struct assay_region *r)
{
	if (!r->function && r->sp > thread->regions_changed)
		thread->regions_changed = r->sp;
}

/* Closes the innermost region. */
static int close_one(struct assay_thread *thread, uint64_t now)
{
	struct assay_region *r = &thread->regions[--thread->region_count];
	uint64_t took = now > r->begin_ns ? now - r->begin_ns : 0;

	note_change(thread, r);
	if (thread->region_count)
		r[-1].inner_ns += took;
	return r->node ? assay_cct_add(thread, r->node, r->metric, took > r->inner_ns ? took - r->inner_ns : 0) : -ENOSPC;
}

/* Whether a function at stack pointer `sp` can only run once that at `inner` has returned: where both are on one stack. */
static bool is_inside(const struct assay_thread *thread, uintptr_t inner, uintptr_t sp)
{
	return inner < sp && inner >= thread->stack_low && sp < thread->stack_high;
}

/* Those whose functions have returned, for one further out calls. */
static int close_left(struct assay_thread *thread, uintptr_t sp, uint64_t now, uint64_t *faults)
{
	int error = 0;

	while (thread->region_count && is_inside(thread, thread->regions[thread->region_count - 1].sp, sp)) {
		error = close_one(thread, now) < 0 ? -ENOSPC : error;
		faults[ASSAY_REGION_NEVER_CLOSED]++;
	}
	return error;
}

/* Its node among the regions: 0, or -ENOSPC. */
static int place(struct assay_thread *thread, struct assay_region *r)
{
	assay_ref outer = r > thread->regions ? r[-1].node :
		assay_cct_below(thread, 0, ASSAY_PLACE_SPECIAL, ASSAY_SPECIAL_REGIONS);

	r->node = outer && (r->address || r->module != ASSAY_PLACE_FRAME) ?
		  assay_cct_below(thread, outer, r->module, r->address) : 0;
	return r->node ? 0 : -ENOSPC;
}

int assay_region_open(struct assay_thread *thread, const struct assay_region *region, uint64_t *faults)
{
	int error = close_left(thread, region->sp, region->begin_ns, faults), placed;
	struct assay_region *r = &thread->regions[thread->region_count];

	if (thread->region_count == ASSAY_REGIONS_MAX) {
		thread->regions_over++;
		faults[ASSAY_REGION_TOO_MANY]++;
		return error;
	}
	*r = *region;
	placed = place(thread, r);
	note_change(thread, r);
	atomic_signal_fence(memory_order_seq_cst);
	thread->region_count++;
	return placed < 0 ? placed : error;
}

/*
 * The innermost region with that key which its function may close: a function that is inside cannot. None such: the call
 * is the last thing that the function does, whose stack frame is gone already.
 */
static uint32_t find_open(const struct assay_thread *thread, uintptr_t sp, uint64_t key)
{
	uint32_t any = 0;

	for (uint32_t at = thread->region_count; at; at--) {
		if (thread->regions[at - 1].key != key)
			continue;
		if (!is_inside(thread, thread->regions[at - 1].sp, sp))
			return at;
		any = any ? any : at;
	}
	return any;
}

int assay_region_close(struct assay_thread *thread, uintptr_t sp, uint64_t key, uint64_t now, uint64_t *faults)
{
	uint32_t at = find_open(thread, sp, key);
	int error = 0;

	if (thread->regions_over) {
		thread->regions_over--;
		return 0;
	}
	if (!at) {
		faults[ASSAY_REGION_NOT_OPEN]++;
		return close_left(thread, sp, now, faults);
	}
	for (; thread->region_count > at; faults[ASSAY_REGION_NEVER_CLOSED]++)
		error = close_one(thread, now) < 0 ? -ENOSPC : error;
	return close_one(thread, now) < 0 ? -ENOSPC : error;
}

void assay_region_close_all(struct assay_thread *thread, uint64_t now, bool left)
{
	if (left && thread->region_count)
		atomic_fetch_add(&thread->record->region_faults[ASSAY_REGION_NEVER_CLOSED], thread->region_count);
	while (thread->region_count)
		close_one(thread, now);
}

void assay_region_again(struct assay_thread *thread, uint32_t at, uint32_t module, uint64_t address, uint64_t now)
{
	struct assay_region *r = &thread->regions[at];

	r->module = module;
	r->address = address;
	r->begin_ns = now;
	r->inner_ns = 0;
	place(thread, r);
}
