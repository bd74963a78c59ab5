/*
 * Assay's own unwinder, for x86-64 and aarch64.
 *
 * A walk tries the fast way first: for each pc a packed row (row.h). A row that needs more (an expression,
 * another register, a signal frame) is evaluated in full; and where that needs a register which the fast way
 * did not follow, the walk starts again and follows all of them.
 *
 * Two samples of a thread mostly share the outer part of their paths. Each thread keeps the states of its last
 * walk, root first, as far as they came from packed rows. Where a walk arrives at one of them, what is left is
 * checked instead of looked up: the rows are run again over the stack as it is now, and if that gives the same
 * states, the rest of the path is that of the last walk.
 */
#include "unwind.h"

#if ASSAY_UNWIND_HAVE_OWN

#include <sys/uio.h>
#include <ucontext.h>

#include "row.h"
#include "sys.h"
#include "walk.h"

enum { RED_ZONE = 128 };

/* Stacks may be left for others (coroutines, split stacks) that lie below; so often that a circle is not meant. */
enum { MOVES_MAX = 32 };

/* ---- memory ---- */

static void set_window(struct assay_walk *w)
{
	uintptr_t sp = w->reg[ASSAY_CFI_SP];

	w->low = w->high = 0;
	if (sp >= w->stack_low && sp < w->stack_high) {
		w->low = sp - w->stack_low > RED_ZONE ? sp - RED_ZONE : w->stack_low;
		w->high = w->stack_high;
	}
}

/* Memory that is not this thread's own stack (alternate stacks, coroutines): by copies of whole pages. */
int assay_walk_read_foreign(struct assay_walk *w, uintptr_t address, uint64_t *value)
{
	struct assay_walk_memory *m = w->memory;
	uintptr_t page = address & ~(uintptr_t)(ASSAY_WALK_PAGE - 1);

	if (address % sizeof *value != 0 || !page)
		return -EFAULT;
	if (m->page != page) {
		struct iovec local = { m->copy, ASSAY_WALK_PAGE }, remote = { (void *)page, ASSAY_WALK_PAGE };

		m->page = 0;
		if (assay_sys_copy(assay_process.pid, &local, &remote) != ASSAY_WALK_PAGE)
			return -EFAULT;
		m->page = page;
	}
	memcpy(value, m->copy + (address - page), sizeof *value);
	/* a stack is mapped from what was used of it up to its end */
	if (address >= w->stack_low && address < w->stack_high && (!w->high || address < w->low)) {
		w->low = address;
		w->high = w->stack_high;
	}
	return 0;
}

/* ---- steps: 1 = stepped, 0 = this was the outermost frame, negative = -(enum assay_spool_walk) ---- */

/* Where the return address is after a step by a packed row. */
static int return_address(struct assay_walk *w, uint64_t row, uint64_t cfa)
{
#ifdef __aarch64__
	if (row & ASSAY_ROW_RA_SAVED &&
	    assay_walk_read(w, cfa - assay_row_saved(row) + (row & ASSAY_ROW_FP_SAVED ? 8 : 0), &w->reg[ASSAY_CFI_RA]) < 0)
		return -ASSAY_WALK_BAD_READ;
	if (!(row & ASSAY_ROW_RA_SAVED) && !w->exact) /* only a leaf's is still in its register */
		return -ASSAY_WALK_NO_ASCENT;
#else
	(void)row;
	if (assay_walk_read(w, cfa - 8, &w->reg[ASSAY_CFI_RA]) < 0)
		return -ASSAY_WALK_BAD_READ;
#endif
	w->pc = assay_walk_without_signature(w->reg[ASSAY_CFI_RA]);
	return 1;
}

/*
 * Whether the caller's stack pointer may be `next`: above this frame's, or on another stack. An interrupted leaf may
 * have nothing on the stack, and keep its return address in a register (vfork does).
 */
static bool may_follow(struct assay_walk *w, uint64_t next)
{
	uint64_t sp = w->reg[ASSAY_CFI_SP];

	if (next >= sp + !w->exact)
		return true;
	return (next < w->low || next >= w->high || sp < w->low || sp >= w->high) && ++w->moves <= MOVES_MAX;
}

static int step_fast(struct assay_walk *w, uint64_t row)
{
	uint64_t fp = w->reg[ASSAY_CFI_FP], cfa;
	int stepped;

	switch (assay_row_kind(row)) {
	case ASSAY_ROW_BY_SP:
		cfa = w->reg[ASSAY_CFI_SP] + (uint64_t)assay_row_offset(row);
		break;
	case ASSAY_ROW_BY_FP:
		cfa = fp + (uint64_t)assay_row_offset(row);
		break;
	case ASSAY_ROW_REALIGNED:
		if (assay_walk_read(w, fp + (uint64_t)assay_row_offset(row), &cfa) < 0 ||
		    assay_walk_read(w, fp, &w->reg[ASSAY_CFI_FP]) < 0)
			return -ASSAY_WALK_BAD_READ;
		break;
	default:
		return 0;
	}
	if (assay_row_kind(row) != ASSAY_ROW_BY_SP && !(w->known >> ASSAY_CFI_FP & 1))
		return -ASSAY_WALK_BAD_RULE;
	if (!may_follow(w, cfa))
		return -ASSAY_WALK_NO_ASCENT;
	stepped = return_address(w, row, cfa);
	if (stepped < 0)
		return stepped;
	if (row & ASSAY_ROW_FP_SAVED && assay_walk_read(w, cfa - assay_row_saved(row), &w->reg[ASSAY_CFI_FP]) < 0)
		return -ASSAY_WALK_BAD_READ;
	if (row & ASSAY_ROW_OTHERS)
		w->known &= 1u << ASSAY_CFI_FP | 1u << ASSAY_CFI_SP | 1u << ASSAY_CFI_RA;
	w->reg[ASSAY_CFI_SP] = cfa;
	w->exact = false;
	return 1;
}

static int apply(struct assay_walk *w, const struct assay_module *m, const struct assay_cfi_rule *rule, uint64_t cfa,
		 uint64_t *value)
{
	int error;

	switch (rule->kind) {
	case ASSAY_CFI_OFFSET:
		return assay_walk_read(w, cfa + (uint64_t)rule->value, value);
	case ASSAY_CFI_VAL_OFFSET:
		*value = cfa + (uint64_t)rule->value;
		return 0;
	case ASSAY_CFI_REGISTER:
		if (rule->value < 0 || rule->value >= ASSAY_CFI_REGISTERS)
			return -EINVAL;
		*value = w->reg[rule->value];
		return w->known >> rule->value & 1 ? 0 : -ENODATA;
	case ASSAY_CFI_EXPRESSION:
	case ASSAY_CFI_VAL_EXPRESSION:
		error = assay_cfi_evaluate(m, (uintptr_t)rule->value, w->reg, w->known, &cfa, assay_walk_read, w, value);
		if (error < 0 || rule->kind == ASSAY_CFI_VAL_EXPRESSION)
			return error;
		return assay_walk_read(w, *value, value);
	default:
		return -EINVAL;
	}
}

static int as_walk_end(int error)
{
	return error == -EFAULT ? -ASSAY_WALK_BAD_READ : -ASSAY_WALK_BAD_RULE;
}

/* The CFA, or an error: -ENODATA when it needs a register that is not known. */
static int find_cfa(struct assay_walk *w, const struct assay_module *m, const struct assay_cfi_row *row, uint64_t *cfa)
{
	if (row->cfa.kind == ASSAY_CFI_VAL_EXPRESSION)
		return assay_cfi_evaluate(m, (uintptr_t)row->cfa.value, w->reg, w->known, NULL, assay_walk_read, w, cfa);
	if (row->cfa.kind != ASSAY_CFI_REGISTER)
		return -EINVAL;
	*cfa = w->reg[row->cfa_register] + (uint64_t)row->cfa.value;
	return w->known >> row->cfa_register & 1 ? 0 : -ENODATA;
}

/* One step by the full row. Sets *again when it needs registers that were not followed. */
ASSAY_RARE static int step_full(struct assay_walk *w, const struct assay_module *m, const struct assay_cfi_row *row, bool *again)
{
	uint64_t cfa, next[ASSAY_CFI_REGISTERS];
	uint32_t known = 0;
	int error = find_cfa(w, m, row, &cfa);

	if (error == -ENODATA && !w->full) {
		*again = true;
		return 1;
	}
	if (error < 0)
		return as_walk_end(error);
	if (row->rules[ASSAY_CFI_RA].kind == ASSAY_CFI_UNDEFINED)
		return 0;
	for (int i = 0; i < ASSAY_CFI_REGISTERS; i++) {
		const struct assay_cfi_rule *rule = &row->rules[i];

		next[i] = w->reg[i];
		if (i == ASSAY_CFI_SP && rule->kind == ASSAY_CFI_SAME) {
			next[i] = cfa;
			known |= 1u << i;
		} else if (rule->kind == ASSAY_CFI_SAME) {
			known |= w->known & 1u << i;
		} else if (rule->kind != ASSAY_CFI_UNDEFINED) {
			error = apply(w, m, rule, cfa, &next[i]);
			if (error == 0)
				known |= 1u << i;
			else if (i == ASSAY_CFI_RA || i == ASSAY_CFI_SP || i == ASSAY_CFI_FP)
				return as_walk_end(error);
		}
	}
#ifdef __aarch64__
	/*
	 * A return address above the CFA: glibc's _dl_runtime_resolve. Its tables take the stack as the linkage table's first
	 * entry left it for the caller's, but that entry pushed two words (glibc, sysdeps/aarch64/dl-trampoline.S).
	 */
	if (row->rules[ASSAY_CFI_RA].kind == ASSAY_CFI_OFFSET && row->rules[ASSAY_CFI_RA].value == 8)
		next[ASSAY_CFI_SP] += 16;
#endif
	if (!row->signal && !may_follow(w, next[ASSAY_CFI_SP]))
		return -ASSAY_WALK_NO_ASCENT;
	memcpy(w->reg, next, sizeof next);
	w->pc = assay_walk_without_signature(next[ASSAY_CFI_RA]);
	w->known = known;
	w->exact = row->signal;
	return 1;
}

static void set_frame(struct assay_frame_ref *frame, int module, uintptr_t pc)
{
	frame->module = ASSAY_PLACE_ABSOLUTE;
	frame->address = pc;
	frame->index = (uint32_t)module;
	if (module >= 0 && assay_module_at(module)->ref) {
		frame->module = assay_module_at(module)->ref;
		frame->address = pc - assay_module_at(module)->bias;
	}
}

void assay_unwind_frame(struct assay_frame_ref *frame, uintptr_t address)
{
	set_frame(frame, assay_module_find(address), address);
}

/*
 * Code without a table. A return address that is the first byte of a function, and before it no function, is not of a
 * call: makecontext laid it there, for the outermost function to return to.
 */
ASSAY_RARE static int step_without_rules(struct assay_walk *w, int module, struct assay_frame_ref *frame)
{
	struct assay_cfi_row *rules = &w->memory->row;

#ifdef __aarch64__
	if (assay_walk_step_linkage(w, assay_module_at(module)))
		return 1;
#endif
	if (w->exact || assay_cfi_find(assay_module_at(module), w->pc, &w->memory->cfi, rules) < 0 || rules->low != w->pc)
		return assay_walk_step_frame_pointer(w);
	set_frame(frame, module, w->pc);
	return 0;
}

/* The step where the cache has no row that is enough. */
ASSAY_RARE static int step_by_tables(struct assay_walk *w, struct assay_frame_ref *frame, struct assay_walk_step *step,
				     bool *again)
{
	uintptr_t pc = w->pc - (w->exact ? 0 : 1);
	const struct assay_module *m;
	int module = assay_module_find(pc), error;
	uint64_t row;

	set_frame(frame, module, pc);
	if (module < 0)
		return w->exact && pc < ASSAY_WALK_PAGE ? assay_walk_step_wild(w) : assay_walk_step_frame_pointer(w);
	m = assay_module_at(module);
#ifdef __aarch64__
	if (assay_walk_step_signal(w, pc, m))
		return 1;
#endif
	error = assay_cfi_find(m, pc, &w->memory->cfi, &w->memory->row);
	if (error == -ENOENT)
		return step_without_rules(w, module, frame);
	if (error < 0)
		return -ASSAY_WALK_BAD_RULE;
	row = assay_row_put(pc, &w->memory->row, module);
	if (assay_row_kind(row) == ASSAY_ROW_COMPLEX || (w->full && row & ASSAY_ROW_OTHERS))
		return step_full(w, m, &w->memory->row, again);
	step->row = w->exact ? ASSAY_ROW_NONE : row;
	return step_fast(w, row);
}

/*
 * Notes the frame at the current pc and steps to its caller. `step` gets the state, and the row if a packed one was
 * enough, else ASSAY_ROW_NONE.
 */
static int visit(struct assay_walk *w, struct assay_frame_ref *frame, struct assay_walk_step *step, bool *again)
{
	uintptr_t pc = w->pc - (w->exact ? 0 : 1);
	uint64_t row = assay_row_get(pc);

	*step = (struct assay_walk_step){ w->reg[ASSAY_CFI_SP], w->reg[ASSAY_CFI_FP], w->pc, ASSAY_ROW_NONE, 0, 0 };
	if (!row || assay_row_kind(row) == ASSAY_ROW_COMPLEX || (w->full && row & ASSAY_ROW_OTHERS))
		return step_by_tables(w, frame, step, again);
	set_frame(frame, assay_row_module(row), pc);
	step->row = w->exact ? ASSAY_ROW_NONE : row;
	return step_fast(w, row);
}

static void take_registers(struct assay_walk *w, const ucontext_t *context)
{
#ifdef __aarch64__
	for (int i = 0; i < 31; i++)
		w->reg[i] = context->uc_mcontext.regs[i];
	w->reg[ASSAY_CFI_SP] = context->uc_mcontext.sp;
	w->pc = context->uc_mcontext.pc;
#else
	/* ucontext's register for each DWARF number */
	static const uint8_t order[ASSAY_CFI_REGISTERS] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
		REG_RBP, REG_RSP, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP };

	for (int i = 0; i < ASSAY_CFI_REGISTERS; i++)
		w->reg[i] = (uint64_t)context->uc_mcontext.gregs[order[i]];
	w->pc = w->reg[ASSAY_CFI_RA];
#endif
	w->known = (uint32_t)((1ull << ASSAY_CFI_REGISTERS) - 1);
	w->exact = true;
}

static void begin(struct assay_walk *w, const struct assay_thread *thread, const ucontext_t *context)
{
	take_registers(w, context);
	w->memory = (struct assay_walk_memory *)thread->walk_memory;
	w->memory->page = 0;
	w->moves = 0;
	w->stack_low = thread->stack_low;
	w->stack_high = thread->stack_high;
	set_window(w);
}

/* ---- what is shared with the last walk ---- */

static bool is_at(const struct assay_walk *w, const struct assay_walk_step *step)
{
	return w->reg[ASSAY_CFI_SP] == step->sp && w->reg[ASSAY_CFI_FP] == step->fp && w->pc == step->pc;
}

/*
 * How many of the last walk's frames, from the root on, are what follows from here; 0: another look-up is needed.
 * `*candidates` are those at or above the walk's place; `room` is for so many frames.
 */
static uint32_t share(struct assay_walk *w, const struct assay_thread *thread, uint32_t *candidates, uint32_t room)
{
	const struct assay_walk_step *steps = thread->steps;
	uint32_t top, i;
	struct assay_walk before;

	if (w->exact)
		return 0;
	while (*candidates && steps[*candidates - 1].sp < w->reg[ASSAY_CFI_SP])
		--*candidates;
	top = *candidates;
	if (!top || top > room || !is_at(w, &steps[top - 1]))
		return 0;
	before = *w;
	for (i = top; i--;) {
		int stepped = step_fast(w, steps[i].row);

		if (i ? stepped != 1 || !is_at(w, &steps[i - 1]) : stepped < 0 || (stepped && w->pc))
			break;
	}
	if (i == UINT32_MAX)
		return top;
	*candidates = i;
	*w = before;
	return 0;
}

/* Paths begin elsewhere while the thread works for another place. */
static uint32_t adoption(const struct assay_thread *thread)
{
	return thread->adopted_count ? thread->adopted[thread->adopted_count - 1].id : 0;
}

/* How many steps of the last walk may be shared: those of the stack frames in which no region came or went since. */
static uint32_t steps_that_hold(const struct assay_thread *thread)
{
	uint32_t n = thread->steps_generation == assay_module_generation() && thread->steps_adoption == adoption(thread) ?
		thread->steps_count : 0;

	while (n && thread->steps[n - 1].sp <= thread->regions_changed)
		n--;
	return n;
}

static enum assay_spool_walk walk(struct assay_walk *w, struct assay_thread *thread, void *context, uint32_t *fresh)
{
	uint32_t of_last = steps_that_hold(thread), candidates = of_last, n = 0;

	/* a handler of the program's that jumps out of ours must not leave steps that are not those of the path */
	thread->steps_count = thread->fresh_whole = 0;
	thread->steps_generation = assay_module_generation();
	thread->steps_adoption = adoption(thread);
	atomic_signal_fence(memory_order_seq_cst);

	for (;;) {
		bool again = false;
		int stepped = visit(w, &thread->frames[n], assay_fresh_step(thread, n), &again);

		if (again) {
			w->full = true;
			begin(w, thread, context);
			candidates = of_last;
			n = 0;
			continue;
		}
		*fresh = ++n;
		if (stepped < 0) {
			/* what no call leads to is no frame, but what else lay on the stack */
			if (n > 1 && thread->frames[n - 1].module == ASSAY_PLACE_ABSOLUTE && !w->exact &&
			    !assay_walk_is_behind_call(w, w->pc))
				*fresh = n - 1;
			return (enum assay_spool_walk)-stepped;
		}
		if (!stepped || (!w->pc && n > 1))
			return ASSAY_WALK_COMPLETE;
		if (!w->pc) /* interrupted while it changed stacks */
			return ASSAY_WALK_NO_RULE;
		if (n == ASSAY_FRAMES_MAX)
			return ASSAY_WALK_TOO_DEEP;
		if (candidates) {
			thread->shared = share(w, thread, &candidates, ASSAY_FRAMES_MAX - n);
			if (thread->shared)
				return ASSAY_WALK_COMPLETE;
		}
	}
}

uint32_t assay_unwind_own(struct assay_thread *thread, void *context, enum assay_spool_walk *end)
{
	struct assay_walk w = { .full = false };
	uint32_t fresh = 0;

	thread->shared = 0;
	begin(&w, thread, context);
	*end = walk(&w, thread, context, &fresh);
	if (*end == ASSAY_WALK_COMPLETE)
		thread->fresh_whole = fresh;
	return fresh;
}

/* Root first, as far as all further out came from packed rows. */
void assay_unwind_keep(struct assay_thread *thread)
{
	uint32_t n = thread->shared, fresh = thread->fresh_whole;

	for (; fresh && n < ASSAY_FRAMES_MAX && assay_fresh_step(thread, fresh - 1)->row != ASSAY_ROW_NONE; fresh--)
		thread->steps[n++] = *assay_fresh_step(thread, fresh - 1);
	atomic_signal_fence(memory_order_seq_cst);
	thread->regions_changed = 0;
	thread->steps_count = thread->fresh_whole ? n : 0;
}

uint32_t assay_unwind_whole(struct assay_thread *thread, uint32_t fresh)
{
	for (uint32_t i = 0; i < thread->shared; i++) {
		const struct assay_walk_step *step = &thread->steps[thread->shared - 1 - i];

		set_frame(&thread->frames[fresh + i], assay_row_module(step->row), step->pc - 1);
	}
	return fresh + thread->shared;
}

#endif
