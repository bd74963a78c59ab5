/*
 * Children of a node are a binary search tree ordered by a hash of (module, address). Hashed keys
 * arrive in random order whatever the program does, so the tree is balanced in expectation: a node
 * with 300 children is found in about 11 steps, with no table to grow and nothing to rehash. It is
 * all in the spool: a fork, a crash or a live reader finds it whole.
 */
#include "cct.h"

#include "arena.h"

static uint64_t key_of(uint32_t module, uint64_t address)
{
	uint64_t x = address ^ (uint64_t)module << 40;

	/* the finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection, so keys are unique per address */
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static bool node_is(const struct assay_spool_node *node, uint32_t module, uint64_t address)
{
	return node->address == address && node->module == module;
}

static assay_ref child_of(struct assay_thread *thread, assay_ref parent, uint32_t module, uint64_t address)
{
	_Atomic assay_ref *link = &((struct assay_spool_node *)assay_at(parent))->child;
	uint64_t key = key_of(module, address);
	struct assay_spool_node *node;
	assay_ref ref;

	while ((ref = atomic_load_explicit(link, memory_order_relaxed))) {
		node = assay_at(ref);
		if (node_is(node, module, address))
			return ref;
		link = key < key_of(node->module, node->address) ? &node->left : &node->right;
	}
	node = assay_arena_alloc(&thread->arena, sizeof *node);
	if (!node)
		return 0;
	node->module = module;
	node->address = address;
	node->parent = parent;
	ref = assay_ref_of(node);
	atomic_store_explicit(link, ref, memory_order_release);
	return ref;
}

static assay_ref root_of(struct assay_thread *thread)
{
	assay_ref root = atomic_load_explicit(&thread->record->root, memory_order_relaxed);
	struct assay_spool_node *node;

	if (root)
		return root;
	node = assay_arena_alloc(&thread->arena, sizeof *node);
	if (!node)
		return 0;
	node->module = ASSAY_PLACE_SPECIAL;
	node->address = ASSAY_SPECIAL_ROOT;
	root = assay_ref_of(node);
	atomic_store_explicit(&thread->record->root, root, memory_order_release);
	return root;
}

assay_ref assay_cct_below(struct assay_thread *thread, assay_ref parent, uint32_t module, uint64_t address)
{
	parent = parent ? parent : root_of(thread);
	return parent ? child_of(thread, parent, module, address) : 0;
}

/* Goes on by one frame: the last path's node where that is the same, so that it needs no search. */
static assay_ref step(struct assay_thread *thread, assay_ref node, uint32_t *known, uint32_t *length, uint32_t module,
		      uint64_t address)
{
	if (*length < *known && node_is(assay_at(thread->path[*length]), module, address))
		return thread->path[(*length)++];
	*known = 0;
	if (*length == sizeof thread->path / sizeof thread->path[0])
		return 0;
	node = child_of(thread, node, module, address);
	if (node)
		thread->path[(*length)++] = node;
	return node;
}

/* Regions belong to frames of the thread's own stack; of those on others (coroutines) only their time is known. */
static bool on_own_stack(const struct assay_thread *thread, uintptr_t sp)
{
	return sp >= thread->stack_low && sp < thread->stack_high;
}

/* Of a walk: the innermost stack pointer that lies on the thread's own stack; 0: it has none. */
static uintptr_t innermost(struct assay_thread *thread, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (on_own_stack(thread, assay_fresh_step(thread, i)->sp))
			return assay_fresh_step(thread, i)->sp;
	for (uint32_t i = thread->shared; i--;)
		if (on_own_stack(thread, thread->steps[i].sp))
			return thread->steps[i].sp;
	return 0;
}

/* The place that the thread works for in the functions of a walk, or NULL. */
static const struct assay_adopted *adopted(struct assay_thread *thread, uint32_t count)
{
	uintptr_t sp = thread->adopted_count ? innermost(thread, count) : 0;

	for (uint32_t i = thread->adopted_count; sp && i--;)
		if (thread->adopted[i].sp >= sp && on_own_stack(thread, thread->adopted[i].sp))
			return &thread->adopted[i];
	return NULL;
}

/* The wait that the thread is in, as the innermost of its regions: for samples while it spins. */
static uint32_t regions_and_wait(struct assay_thread *thread, struct assay_region *wait)
{
	const struct assay_wait *w = &thread->wait;

	if (!w->active || !w->spins || w->docked || !w->frame)
		return thread->region_count;
	*wait = (struct assay_region){ .sp = w->sp, .is.address = w->frame };
	return thread->region_count + 1;
}

assay_ref assay_cct_path(struct assay_thread *thread, uint32_t count, bool complete)
{
	const struct assay_adopted *place = adopted(thread, count);
	const struct assay_walk_step *shared = thread->shared ? &thread->steps[thread->shared - 1] : NULL;
	uint32_t known = thread->path_length, length = shared ? shared->path : 0, region = shared ? shared->regions : 0;
	struct assay_region wait;
	uint32_t regions = regions_and_wait(thread, &wait);
	assay_ref base = place ? place->node : root_of(thread), node = length ? thread->path[length - 1] : base;
	bool outside = place && !length; /* of what is done there */

	/* a handler of the program's that jumps out of ours must not leave half of one path and half of another */
	thread->path_length = 0;
	if (thread->path_base != base)
		known = 0;
	thread->path_base = base;
	atomic_signal_fence(memory_order_seq_cst);
	for (uint32_t i = 0; node && !shared && !place && i < thread->region_count; i++) /* those of no function's */
		if (thread->regions[i].sp < ASSAY_NO_STACK && !assay_region_is_function(thread->regions[i].is))
			node = step(thread, node, &known, &length, ASSAY_PLACE_FRAME, thread->regions[i].is.address);
	for (; place && region < thread->region_count &&
	       (thread->regions[region].sp < ASSAY_NO_STACK || thread->regions[region].sp > place->sp); region++)
		;
	if (node && !complete && !place)
		node = step(thread, node, &known, &length, ASSAY_PLACE_SPECIAL, ASSAY_SPECIAL_TRUNCATED);
	for (uint32_t i = count; node && i--;) {
		const struct assay_frame_ref *frame = &thread->frames[i];
		struct assay_walk_step *at = assay_fresh_step(thread, i);

		if (outside && (!on_own_stack(thread, at->sp) || at->sp > place->sp)) {
			at->path = 0;
			at->regions = region;
			continue;
		}
		outside = false;
		/* a region encloses the function that opened it */
		for (; node && region < regions && on_own_stack(thread, at->sp); region++) {
			const struct assay_region *r = region < thread->region_count ? &thread->regions[region] : &wait;

			if (assay_region_is_function(r->is) || !on_own_stack(thread, r->sp))
				continue;
			if (r->sp < at->sp)
				break;
			node = step(thread, node, &known, &length, ASSAY_PLACE_FRAME, r->is.address);
		}
		if (node)
			node = step(thread, node, &known, &length, frame->module, frame->address);
		at->path = length;
		at->regions = region;
	}
	atomic_signal_fence(memory_order_seq_cst);
	thread->path_length = length;
	return node;
}

struct assay_spool_value *assay_cct_value(struct assay_thread *thread, assay_ref ref, uint32_t metric)
{
	struct assay_spool_node *node = assay_at(ref);
	struct assay_spool_value *value;

	for (assay_ref at = atomic_load_explicit(&node->values, memory_order_relaxed); at; at = value->next) {
		value = assay_at(at);
		if (value->metric == metric)
			return value;
	}
	value = assay_arena_alloc(&thread->arena, sizeof *value);
	if (!value)
		return NULL;
	value->metric = metric;
	value->next = atomic_load_explicit(&node->values, memory_order_relaxed);
	value->min = UINT64_MAX;
	atomic_store_explicit(&node->values, assay_ref_of(value), memory_order_release);
	return value;
}

int assay_cct_add(struct assay_thread *thread, assay_ref node, uint32_t metric, uint64_t weight)
{
	struct assay_spool_value *value = assay_cct_value(thread, node, metric);

	if (!value)
		return -ENOSPC;
	assay_cct_put(value, weight);
	return 0;
}
