/*
 * What a region has taken until it ends is in the spool from its begin on (struct assay_spool_open), so that one which
 * never ends counts too. A pair is short, so a place keeps what the last region had that was open there: mostly it is the
 * same one, and neither its node nor its value need be looked for.
 */
#include "region.h"

#include "arena.h"
#include "cct.h"
#include "module.h"

static void fault(struct assay_thread *thread, enum assay_region_fault what)
{
	_Atomic uint64_t *count = &thread->record->region_faults[what];

	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* A region of no function's is outermost in samples. */
static bool floats(const struct assay_region *r)
{
	return r->sp < ASSAY_NO_STACK;
}

/* Stacks grow down: of two functions on one stack, the inner one has the lower stack pointer. */
static void note_change(struct assay_thread *thread, const struct assay_region *r)
{
	if (assay_region_is_function(r->is))
		return;
	if (floats(r))
		thread->regions_changed = UINTPTR_MAX;
	else if (r->sp > thread->regions_changed)
		thread->regions_changed = r->sp;
}

/* Whether a function at stack pointer `sp` can only run once that at `inner` has returned: where both are on one stack. */
static bool is_inside(const struct assay_thread *thread, uintptr_t inner, uintptr_t sp)
{
	return inner < sp && inner >= thread->stack_low && sp < thread->stack_high;
}

/* The thread's first region, or a forked child's: where open ones are kept. False: no room. */
static bool attach(struct assay_thread *thread)
{
	assay_ref ref = atomic_load_explicit(&thread->record->open, memory_order_relaxed);
	struct assay_spool_opens *opens = ref ? assay_at(ref) : assay_arena_alloc(&thread->arena, sizeof *opens);

	if (!opens)
		return false;
	thread->region_root = assay_cct_below(thread, 0, ASSAY_PLACE_SPECIAL, ASSAY_SPECIAL_REGIONS);
	for (uint32_t i = 0; i < ASSAY_REGIONS_MAX; i++)
		thread->regions[i].outer = 0; /* of another thread's tree */
	for (uint32_t i = 0; i < ASSAY_UNMEASURED; i++)
		thread->unmeasured[i].function = 0;
	thread->opens = opens;
	if (!ref)
		atomic_store_explicit(&thread->record->open, assay_ref_of(opens), memory_order_release);
	return true;
}

static void publish_count(struct assay_thread *thread)
{
	atomic_store_explicit(&thread->opens->count, thread->region_count, memory_order_release);
}

/* The node of the innermost of so many regions, or that for what is in none. */
static assay_ref node_in(const struct assay_thread *thread, uint32_t count)
{
	return count ? thread->regions[count - 1].node : thread->region_root;
}

/* Looks for the node of the region at place `at`, among the regions. */
ASSAY_RARE static void look_for_node(struct assay_thread *thread, uint32_t at)
{
	struct assay_region *r = &thread->regions[at];

	r->outer = node_in(thread, at);
	r->value = NULL;
	r->node = r->outer && (r->is.address || assay_region_module(r->is) != ASSAY_PLACE_FRAME) ?
		assay_cct_below(thread, r->outer, assay_region_module(r->is), r->is.address) : 0;
}

ASSAY_RARE static struct assay_spool_value *look_for_value(struct assay_thread *thread, struct assay_region *r)
{
	r->value = r->node ? assay_cct_value(thread, r->node, assay_region_metric(r->is)) : NULL;
	return r->value;
}

static int add(struct assay_thread *thread, struct assay_region *r, uint64_t ns)
{
	struct assay_spool_value *value = r->value;

	if (__builtin_expect(!value, 0) && !(value = look_for_value(thread, r)))
		return -ENOSPC;
	assay_cct_put(value, ns);
	return 0;
}

/* What a region had to itself until `end`, where the one inside it began, or now. */
static uint64_t own_time(const struct assay_spool_open *open, uint64_t end)
{
	uint64_t took = end > open->begin_ns ? end - open->begin_ns : 0;

	return took > open->inner_ns ? took - open->inner_ns : 0;
}

/* Closes the innermost region. */
static int close_one(struct assay_thread *thread, uint64_t now)
{
	uint32_t at = --thread->region_count;
	struct assay_spool_open *open = &thread->opens->regions[at];

	publish_count(thread);
	note_change(thread, &thread->regions[at]);
	if (at)
		open[-1].inner_ns += now > open->begin_ns ? now - open->begin_ns : 0;
	return add(thread, &thread->regions[at], own_time(open, now));
}

/*
 * Closes a region inside which others go on: they lie in the one around it from now on. What they had until now stays
 * where it was, with a count of 0: they count once, where they end.
 */
ASSAY_RARE static int close_around(struct assay_thread *thread, uint32_t at, uint64_t now)
{
	struct assay_spool_open *open = thread->opens->regions;
	uint32_t count = thread->region_count;
	uint64_t begun = open[at].begin_ns;
	int error = add(thread, &thread->regions[at], own_time(&open[at], open[at + 1].begin_ns));

	for (uint32_t i = at + 1; i < count; i++) {
		struct assay_region *r = &thread->regions[i];
		uint32_t metric = assay_region_metric(r->is);
		struct assay_spool_value *value = r->node ? assay_cct_value(thread, r->node, metric) : NULL;

		if (value)
			assay_cct_put_part(value, own_time(&open[i], i + 1 < count ? open[i + 1].begin_ns : now));
		else
			error = -ENOSPC;
	}
	note_change(thread, &thread->regions[at]);
	/* for a moment they are missing in the spool: a process that is killed now loses no more than their last part */
	thread->region_count = at;
	publish_count(thread);
	if (at)
		open[at - 1].inner_ns += now > begun ? now - begun : 0;
	for (uint32_t i = at; i + 1 < count; i++) {
		thread->regions[i] = thread->regions[i + 1];
		look_for_node(thread, i);
		open[i] = (struct assay_spool_open){ .node = thread->regions[i].node,
			.metric = assay_region_metric(thread->regions[i].is), .begin_ns = now };
		note_change(thread, &thread->regions[i]);
	}
	thread->region_count = count - 1;
	publish_count(thread);
	return error;
}

static int close_at(struct assay_thread *thread, uint32_t at, uint64_t now)
{
	return at + 1 == thread->region_count ? close_one(thread, now) : close_around(thread, at, now);
}

/* Those whose functions have returned, for one further out calls. */
ASSAY_RARE static int close_left(struct assay_thread *thread, uintptr_t sp, uint64_t now)
{
	int error = 0;

	for (uint32_t at = thread->region_count; at--;) {
		if (floats(&thread->regions[at]))
			continue;
		if (!is_inside(thread, thread->regions[at].sp, sp))
			break;
		error = close_at(thread, at, now) < 0 ? -ENOSPC : error;
		fault(thread, ASSAY_REGION_NEVER_CLOSED);
	}
	return error;
}

/* From here on it is open. */
static void begin(struct assay_thread *thread, struct assay_region *r, struct assay_spool_open *open, uintptr_t sp,
		  uint64_t now)
{
	r->sp = sp;
	open->begin_ns = now;
	open->inner_ns = 0;
	note_change(thread, r);
	atomic_signal_fence(memory_order_seq_cst);
	thread->region_count++;
	publish_count(thread);
}

/* Libraries have come or gone: other functions may be where some were. */
ASSAY_RARE static void forget_functions(struct assay_thread *thread)
{
	for (uint32_t i = thread->region_count; i < ASSAY_REGIONS_MAX; i++)
		thread->regions[i].outer = 0;
	for (uint32_t i = 0; i < ASSAY_UNMEASURED; i++)
		thread->unmeasured[i].function = 0;
	thread->regions_generation = assay_module_generation();
}

/* Whether the function of the innermost region has returned, or may have: one of no function's may have others below it. */
static bool may_be_left(const struct assay_thread *thread, uint32_t count, uintptr_t sp)
{
	return count && thread->regions[count - 1].sp < sp && sp >= ASSAY_NO_STACK;
}

bool assay_region_open_again(struct assay_thread *thread, uintptr_t sp, uint64_t key, uint32_t metric, bool function,
			     uint64_t now)
{
	uint32_t at = thread->region_count;
	struct assay_region *r = &thread->regions[at];

	if (__builtin_expect(thread->regions_generation != assay_module_generation(), 0))
		forget_functions(thread);
	if (__builtin_expect(!thread->opens || at == ASSAY_REGIONS_MAX || r->key != key || !r->outer ||
			     r->outer != node_in(thread, at) ||
			     r->is.packed >> 32 != assay_region_is(0, 0, metric, function).packed >> 32 ||
			     may_be_left(thread, at, sp), 0))
		return false;
	begin(thread, r, &thread->opens->regions[at], sp, now);
	return true;
}

int assay_region_open(struct assay_thread *thread, uintptr_t sp, uint64_t key, struct assay_region_is is, uint64_t now)
{
	uint32_t at = thread->region_count;
	struct assay_region *r;
	int error = 0;

	if (may_be_left(thread, at, sp)) {
		error = close_left(thread, sp, now);
		at = thread->region_count;
	}
	if (at == ASSAY_REGIONS_MAX || (!thread->opens && !attach(thread))) {
		thread->regions_over++;
		if (at == ASSAY_REGIONS_MAX)
			fault(thread, ASSAY_REGION_TOO_MANY);
		return at == ASSAY_REGIONS_MAX ? error : -ENOSPC;
	}
	r = &thread->regions[at];
	r->key = key;
	r->is = is;
	look_for_node(thread, at);
	thread->opens->regions[at].node = r->node;
	thread->opens->regions[at].metric = assay_region_metric(is);
	begin(thread, r, &thread->opens->regions[at], sp, now);
	return r->node ? error : -ENOSPC;
}

/*
 * The place of the innermost region with that key which its function may close, from 1 on: a function that is inside
 * cannot. None such: the call is the last thing that the function does, whose stack frame is gone already. (Where that is
 * said to be possible, an inner call of a recursion cannot be told from the outer one, and is more likely: the innermost.)
 */
ASSAY_RARE static uint32_t find_open(const struct assay_thread *thread, uintptr_t sp, uint64_t key)
{
	uint32_t any = 0;

	if (!key) { /* whatever was opened last for that number */
		for (any = thread->region_count; any && thread->regions[any - 1].sp != sp; any--)
			;
		return any;
	}
	for (uint32_t at = thread->region_count; at; at--) {
		if (thread->regions[at - 1].key != key)
			continue;
		if (!is_inside(thread, thread->regions[at - 1].sp, sp))
			return at;
		any = any ? any : at;
	}
	return any;
}

ASSAY_RARE static int close_not_innermost(struct assay_thread *thread, uintptr_t sp, uint64_t key, uint64_t now)
{
	uint32_t at = find_open(thread, sp, key);
	int error = 0;

	if (thread->regions_over) {
		thread->regions_over--;
		return 0;
	}
	if (!at) {
		fault(thread, ASSAY_REGION_NOT_OPEN);
		return sp < ASSAY_NO_STACK ? 0 : close_left(thread, sp, now);
	}
	/* what lies inside a function's region must have ended; what is of no function's goes on */
	for (uint32_t i = thread->region_count; i > at && !floats(&thread->regions[at - 1]); i--) {
		if (floats(&thread->regions[i - 1]))
			continue;
		error = close_at(thread, i - 1, now) < 0 ? -ENOSPC : error;
		fault(thread, ASSAY_REGION_NEVER_CLOSED);
	}
	return close_at(thread, at - 1, now) < 0 ? -ENOSPC : error;
}

int assay_region_close(struct assay_thread *thread, uintptr_t sp, uint64_t key, uint64_t now)
{
	bool last = sp & 1 && sp >= ASSAY_NO_STACK;

	if (__builtin_expect(thread->region_count && !thread->regions_over, 1)) {
		const struct assay_region *top = &thread->regions[thread->region_count - 1];

		if (__builtin_expect(top->key == key && (last || top->sp >= sp || !is_inside(thread, top->sp, sp)), 1))
			return close_one(thread, now);
	}
	return close_not_innermost(thread, sp - last, key, now);
}

/* Of what is not measured any more there may be a call that has been: its stack frame is this one, or has been left. */
bool assay_region_is_innermost(const struct assay_thread *thread, uintptr_t sp, uint64_t key)
{
	const struct assay_region *top = &thread->regions[thread->region_count ? thread->region_count - 1 : 0];

	return thread->region_count && top->key == key && top->sp <= sp;
}

bool assay_region_was_tiny(const struct assay_thread *thread, uint64_t key, uint64_t now, uint64_t often, uint64_t tiny_ns)
{
	const struct assay_region *r = &thread->regions[thread->region_count];
	uint64_t count = thread->region_count < ASSAY_REGIONS_MAX && r->key == key && r->value ? r->value->count : 0;

	return count && !(count & (often - 1)) && r->value->sum < count * tiny_ns &&
	       now - thread->opens->regions[thread->region_count].begin_ns < tiny_ns;
}

static struct assay_unmeasured *unmeasured_at(struct assay_thread *thread, uint64_t function)
{
	return &thread->unmeasured[(function >> 4) % ASSAY_UNMEASURED];
}

bool assay_region_count(struct assay_thread *thread, uint64_t function)
{
	struct assay_unmeasured *at = unmeasured_at(thread, function);

	if (__builtin_expect(at->function != function || !thread->opens, 0))
		return false;
	assay_cct_put(at->value, 1);
	return true;
}

int assay_region_unmeasured(struct assay_thread *thread, uint64_t function, struct assay_region_is is)
{
	struct assay_unmeasured *at = unmeasured_at(thread, function);
	assay_ref node = thread->opens || attach(thread) ?
		assay_cct_below(thread, thread->region_root, assay_region_module(is), is.address) : 0;

	at->function = 0;
	at->value = node ? assay_cct_value(thread, node, assay_region_metric(is)) : NULL;
	if (!at->value)
		return -ENOSPC;
	at->function = function;
	assay_cct_put(at->value, 1);
	return 0;
}

int assay_region_add(struct assay_thread *thread, uint32_t metric, assay_ref frame, uint64_t n)
{
	assay_ref node = thread->opens || attach(thread) ? node_in(thread, thread->region_count) : 0;

	node = node ? assay_cct_below(thread, node, ASSAY_PLACE_FRAME, frame) : 0;
	return node ? assay_cct_add(thread, node, metric, n) : -ENOSPC;
}

void assay_region_close_all(struct assay_thread *thread, uint64_t now)
{
	for (; thread->region_count; fault(thread, ASSAY_REGION_NEVER_CLOSED))
		close_one(thread, now);
	thread->opens = NULL;
}

void assay_region_again(struct assay_thread *thread, uint32_t at, uint32_t module, uint64_t address, uint64_t now)
{
	struct assay_region *r = &thread->regions[at];

	if (!thread->opens && !attach(thread)) {
		thread->region_count = 0;
		return;
	}
	r->is = assay_region_is(address, module, assay_region_metric(r->is), assay_region_is_function(r->is));
	look_for_node(thread, at);
	thread->opens->regions[at] = (struct assay_spool_open){ .node = r->node, .metric = assay_region_metric(r->is),
		.begin_ns = now };
	if (at + 1 == thread->region_count)
		publish_count(thread);
}
