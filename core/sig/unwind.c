/*
 * Assay's own unwinder, for x86-64 and aarch64.
 *
 * A walk tries the fast way first: for each pc a 64-bit row out of one process-wide cache that says
 * where the CFA is (stack or frame pointer plus an offset) and where frame pointer and return address
 * were saved. That is enough for nearly all code. A row that needs more (an expression, another register, a signal frame) is evaluated in
 * full; and where that needs a register which the fast way did not follow, the walk starts again and
 * follows all of them.
 *
 * The cache takes no lock: an entry is two words, the second being the row and the first the key
 * xor the row (Hyatt and Mann's lockless hashing, ICGA Journal 25/1, 2002), so an entry torn by two
 * writers does not match any key.
 */
#include "unwind.h"

#if ASSAY_UNWIND_HAVE_OWN

#include <sys/uio.h>
#include <ucontext.h>

#include "cfi.h"
#include "sys.h"

enum { PAGE = 4096, RED_ZONE = 128 };

struct assay_walk_memory {
	struct assay_cfi_row row;
	struct assay_cfi_memory cfi;
	uintptr_t page; /* address that `copy` holds, 0 = none */
	uint8_t copy[PAGE];
};
_Static_assert(sizeof(struct assay_walk_memory) <= sizeof(((struct assay_thread *)0)->walk_memory), "walk memory");

struct walk {
	struct assay_walk_memory *memory;
	uintptr_t low, high; /* the part of the stack that may be read directly */
	uintptr_t stack_low, stack_high;
	uint64_t reg[ASSAY_CFI_REGISTERS];
	uint64_t pc;
	uint32_t known;      /* registers whose value is right at this frame */
	bool full;           /* follow all registers */
	bool exact;          /* the pc is where the thread is, not a return address */
};

/* ---- memory ---- */

static void set_window(struct walk *w)
{
	uintptr_t sp = w->reg[ASSAY_CFI_SP];

	w->low = w->high = 0;
	if (sp >= w->stack_low && sp < w->stack_high) {
		w->low = sp - w->stack_low > RED_ZONE ? sp - RED_ZONE : w->stack_low;
		w->high = w->stack_high;
	}
}

/* Memory that is not this thread's own stack (alternate stacks, coroutines): by copies of whole pages. */
static int read_foreign(struct walk *w, uintptr_t address, uint64_t *value)
{
	struct assay_walk_memory *m = w->memory;
	uintptr_t page = address & ~(uintptr_t)(PAGE - 1);

	if (address % sizeof *value != 0 || !page)
		return -EFAULT;
	if (m->page != page) {
		struct iovec local = { m->copy, PAGE }, remote = { (void *)page, PAGE };

		m->page = 0;
		if (assay_sys_copy(assay_process.pid, &local, &remote) != PAGE)
			return -EFAULT;
		m->page = page;
	}
	memcpy(value, m->copy + (address - page), sizeof *value);
	return 0;
}

static int read_word(void *context, uintptr_t address, uint64_t *value)
{
	struct walk *w = context;

	if (address >= w->low && address <= w->high - sizeof *value && w->high) {
		memcpy(value, (const void *)address, sizeof *value);
		return 0;
	}
	return read_foreign(w, address, value);
}

/*
 * After a signal frame: back on the stack that the signal interrupted. Its stack pointer is what the frame's memory
 * says, so unless it lies in the window already it must show that there is memory: the program may have moved it, or
 * it is where the stack overflowed. From there up to the stack's end all is mapped.
 */
static void move_window(struct walk *w)
{
	uintptr_t sp = w->reg[ASSAY_CFI_SP] & ~(uintptr_t)7;
	uint64_t word;

	if (w->high && sp >= w->low && sp < w->high)
		return;
	w->low = w->high = 0;
	if (sp >= w->stack_low && sp < w->stack_high && read_foreign(w, sp, &word) == 0) {
		w->low = sp;
		w->high = w->stack_high;
	}
}

/* ---- the cache of rows ---- */

enum { CACHE_BITS = 12, GRANULE_BITS = 6, GRANULE = 1 << GRANULE_BITS };
enum { ROW_VALID = 1, ROW_FP_BASE = 2, ROW_FP_SAVED = 4, ROW_OTHERS = 8, ROW_COMPLEX = 16, ROW_RA_SAVED = 32 };

/*
 * A row holds for a range of code, so that a leaf's pc, which is new in nearly every sample, is found too:
 * an entry stands for a granule of code and says for which part of it its row holds. A packed row, from bit
 * 0 on: 6 flags, 12 bits of the module's index + 1, the CFA's offset in words (16 bits, signed), where the
 * frame pointer is saved below the CFA in words (14 bits), first and last byte of the granule for which it
 * holds (6 each). The return address: on x86-64 the word below the CFA; on aarch64, by flag, the word above
 * the frame pointer's (or in its place, where that one was not saved), or still in its register.
 */
enum { AT_MODULE = 6, AT_CFA = 18, AT_SAVED = 34, AT_FIRST = 48, AT_LAST = 54 };
_Static_assert(ASSAY_MODULES_MAX < 1 << 12, "a module's index fits a row");

struct cache_entry {
	_Atomic uint64_t check, row;
};
static struct cache_entry cache[1 << CACHE_BITS] ASSAY_COLD;

static struct cache_entry *cache_slot(uintptr_t pc)
{
	return &cache[((pc >> GRANULE_BITS) * 0x9e3779b97f4a7c15u) >> (64 - CACHE_BITS)];
}

static uint64_t cache_key(uintptr_t pc)
{
	return (pc & ~(uintptr_t)(GRANULE - 1)) ^ (uint64_t)assay_module_generation() << 48;
}

static uint64_t cache_get(uintptr_t pc)
{
	struct cache_entry *e = cache_slot(pc);
	uint64_t row = atomic_load_explicit(&e->row, memory_order_relaxed);
	uint64_t check = atomic_load_explicit(&e->check, memory_order_relaxed);
	uintptr_t at = pc & (GRANULE - 1);

	if ((check ^ row) != cache_key(pc) || at < (row >> AT_FIRST & (GRANULE - 1)) ||
	    at > (row >> AT_LAST & (GRANULE - 1)))
		return 0;
	return row;
}

/* `packed` is without its range, which is that of `row` cut to the granule. */
static void cache_put(uintptr_t pc, uint64_t packed, const struct assay_cfi_row *row)
{
	struct cache_entry *e = cache_slot(pc);
	uintptr_t begin = pc & ~(uintptr_t)(GRANULE - 1);
	uint64_t first = row->low > begin ? row->low - begin : 0;
	uint64_t last = row->high - begin < GRANULE ? row->high - begin - 1 : GRANULE - 1;

	packed |= first << AT_FIRST | last << AT_LAST;
	atomic_store_explicit(&e->row, packed, memory_order_relaxed);
	atomic_store_explicit(&e->check, cache_key(pc) ^ packed, memory_order_relaxed);
}

static int row_module(uint64_t row)
{
	return (int)(row >> AT_MODULE & 0xfff) - 1;
}

static int64_t row_cfa(uint64_t row)
{
	return (int64_t)(int16_t)(row >> AT_CFA & 0xffff) * 8;
}

static uint64_t row_saved(uint64_t row)
{
	return (row >> AT_SAVED & 0x3fff) * 8;
}

static bool fits(int64_t offset, int64_t low, int64_t high)
{
	return offset % 8 == 0 && offset / 8 >= low && offset / 8 <= high;
}

/* What a packed row says of saved registers, or ROW_COMPLEX. */
static uint64_t pack_saved(const struct assay_cfi_rule *fp, const struct assay_cfi_rule *ra)
{
	int64_t at = fp->value;
	uint64_t flags = fp->kind == ASSAY_CFI_OFFSET ? ROW_FP_SAVED : 0;

	if (fp->kind != ASSAY_CFI_OFFSET && fp->kind != ASSAY_CFI_SAME)
		return ROW_COMPLEX;
#ifdef __aarch64__
	if (ra->kind == ASSAY_CFI_OFFSET) {
		if (flags && ra->value != fp->value + 8)
			return ROW_COMPLEX;
		if (!flags)
			at = ra->value;
		flags |= ROW_RA_SAVED;
	} else if (ra->kind != ASSAY_CFI_SAME || flags) {
		return ROW_COMPLEX;
	}
#else
	if (ra->kind != ASSAY_CFI_OFFSET || ra->value != -8)
		return ROW_COMPLEX;
#endif
	if (!flags)
		return 0;
	return fits(at, -0x3fff, -1) ? flags | (uint64_t)(-at / 8) << AT_SAVED : ROW_COMPLEX;
}

static uint64_t pack(const struct assay_cfi_row *row, int module)
{
	uint64_t packed = ROW_VALID | (uint64_t)(module + 1) << AT_MODULE, saved;

	for (int i = 0; i < ASSAY_CFI_REGISTERS; i++)
		if (i != ASSAY_CFI_FP && i != ASSAY_CFI_SP && i != ASSAY_CFI_RA &&
		    row->rules[i].kind != ASSAY_CFI_SAME)
			packed |= ROW_OTHERS;
	saved = pack_saved(&row->rules[ASSAY_CFI_FP], &row->rules[ASSAY_CFI_RA]);
	if (saved == ROW_COMPLEX || row->signal || row->cfa.kind != ASSAY_CFI_REGISTER ||
	    (row->cfa_register != ASSAY_CFI_SP && row->cfa_register != ASSAY_CFI_FP) ||
	    !fits(row->cfa.value, INT16_MIN, INT16_MAX) || row->rules[ASSAY_CFI_SP].kind != ASSAY_CFI_SAME)
		return packed | ROW_COMPLEX;
	packed |= saved | ((uint64_t)(row->cfa.value / 8) & 0xffff) << AT_CFA;
	return row->cfa_register == ASSAY_CFI_FP ? packed | ROW_FP_BASE : packed;
}

/* ---- steps: 1 = stepped, 0 = this was the outermost frame, negative = -(enum assay_spool_walk) ---- */

/* Pointer authentication (aarch64) keeps a signature in an address's unused bits. */
static uint64_t without_signature(uint64_t address)
{
#ifdef __aarch64__
	register uint64_t x30 __asm__("x30") = address;

	__asm__("hint #7" : "+r"(x30)); /* xpaclri: a no-op where there is no such thing */
	return x30;
#else
	return address;
#endif
}

/* Where the return address is after a step by a packed row. */
static int return_address(struct walk *w, uint64_t row, uint64_t cfa)
{
#ifdef __aarch64__
	if (row & ROW_RA_SAVED &&
	    read_word(w, cfa - row_saved(row) + (row & ROW_FP_SAVED ? 8 : 0), &w->reg[ASSAY_CFI_RA]) < 0)
		return -ASSAY_WALK_BAD_READ;
	if (!(row & ROW_RA_SAVED) && !w->exact) /* only a leaf's is still in its register */
		return -ASSAY_WALK_NO_ASCENT;
#else
	(void)row;
	if (read_word(w, cfa - 8, &w->reg[ASSAY_CFI_RA]) < 0)
		return -ASSAY_WALK_BAD_READ;
#endif
	w->pc = without_signature(w->reg[ASSAY_CFI_RA]);
	return 1;
}

static int step_fast(struct walk *w, uint64_t row)
{
	uint64_t cfa = w->reg[row & ROW_FP_BASE ? ASSAY_CFI_FP : ASSAY_CFI_SP] + (uint64_t)row_cfa(row);
	int stepped;

	/* an interrupted leaf may have nothing on the stack */
	if (cfa < w->reg[ASSAY_CFI_SP] + !w->exact)
		return -ASSAY_WALK_NO_ASCENT;
	stepped = return_address(w, row, cfa);
	if (stepped < 0)
		return stepped;
	if (row & ROW_FP_SAVED && read_word(w, cfa - row_saved(row), &w->reg[ASSAY_CFI_FP]) < 0)
		return -ASSAY_WALK_BAD_READ;
	if (row & ROW_OTHERS)
		w->known &= 1u << ASSAY_CFI_FP | 1u << ASSAY_CFI_SP | 1u << ASSAY_CFI_RA;
	w->reg[ASSAY_CFI_SP] = cfa;
	w->exact = false;
	return 1;
}

static int apply(struct walk *w, const struct assay_module *m, const struct assay_cfi_rule *rule, uint64_t cfa,
		 uint64_t *value)
{
	int error;

	switch (rule->kind) {
	case ASSAY_CFI_OFFSET:
		return read_word(w, cfa + (uint64_t)rule->value, value);
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
		error = assay_cfi_evaluate(m, (uintptr_t)rule->value, w->reg, w->known, &cfa, read_word, w, value);
		if (error < 0 || rule->kind == ASSAY_CFI_VAL_EXPRESSION)
			return error;
		return read_word(w, *value, value);
	default:
		return -EINVAL;
	}
}

static int as_walk_end(int error)
{
	return error == -EFAULT ? -ASSAY_WALK_BAD_READ : -ASSAY_WALK_BAD_RULE;
}

/* The CFA, or an error: -ENODATA when it needs a register that is not known. */
static int find_cfa(struct walk *w, const struct assay_module *m, const struct assay_cfi_row *row, uint64_t *cfa)
{
	if (row->cfa.kind == ASSAY_CFI_VAL_EXPRESSION)
		return assay_cfi_evaluate(m, (uintptr_t)row->cfa.value, w->reg, w->known, NULL, read_word, w, cfa);
	if (row->cfa.kind != ASSAY_CFI_REGISTER)
		return -EINVAL;
	*cfa = w->reg[row->cfa_register] + (uint64_t)row->cfa.value;
	return w->known >> row->cfa_register & 1 ? 0 : -ENODATA;
}

/* One step by the full row. Sets *again when it needs registers that were not followed. */
static int step_full(struct walk *w, const struct assay_module *m, const struct assay_cfi_row *row, bool *again)
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
	/* an interrupted leaf may keep its return address in a register (vfork does): then the CFA is rsp itself */
	if (!row->signal && next[ASSAY_CFI_SP] < w->reg[ASSAY_CFI_SP] + !w->exact)
		return -ASSAY_WALK_NO_ASCENT;
	memcpy(w->reg, next, sizeof next);
	w->pc = without_signature(next[ASSAY_CFI_RA]);
	w->known = known;
	w->exact = row->signal;
	if (row->signal)
		move_window(w);
	return 1;
}

/* Code without unwind tables: its frame pointer, if it is one. */
static int step_frame_pointer(struct walk *w)
{
	uint64_t bp = w->reg[ASSAY_CFI_FP], sp = w->reg[ASSAY_CFI_SP], next, pc;

	if (!(w->known >> ASSAY_CFI_FP & 1) || bp < sp || bp % 8 != 0 || bp - sp > 1 << 20)
		return -ASSAY_WALK_NO_RULE;
	if (read_word(w, bp, &next) < 0 || read_word(w, bp + 8, &pc) < 0)
		return -ASSAY_WALK_NO_RULE;
	pc = without_signature(pc);
	if (pc && assay_module_find(pc - 1) < 0 && next <= bp)
		return -ASSAY_WALK_NO_RULE;
	w->reg[ASSAY_CFI_SP] = bp + 16;
	w->reg[ASSAY_CFI_FP] = next;
	w->reg[ASSAY_CFI_RA] = w->pc = pc;
	w->known = 1u << ASSAY_CFI_FP | 1u << ASSAY_CFI_SP | 1u << ASSAY_CFI_RA;
	w->exact = false;
	return 1;
}

/* A call through a null or wild pointer, caught at its first instruction. */
static int step_wild(struct walk *w)
{
	uint64_t pc = 0;

#ifdef __aarch64__
	pc = without_signature(w->reg[ASSAY_CFI_RA]);
#else
	if (read_word(w, w->reg[ASSAY_CFI_SP], &pc) < 0)
		return -ASSAY_WALK_NO_RULE;
	w->reg[ASSAY_CFI_SP] += 8;
#endif
	if (assay_module_find(pc - 1) < 0)
		return -ASSAY_WALK_NO_RULE;
	w->reg[ASSAY_CFI_RA] = w->pc = pc;
	w->exact = false;
	return 1;
}

#ifdef __aarch64__
/*
 * A signal handler returns to the vdso's __kernel_rt_sigreturn (mov x8, #139; svc #0), whose tables tell
 * only the frame record and not the interrupted registers. Those are in the kernel's frame: a siginfo_t and
 * a ucontext_t at the stack pointer (Linux, arch/arm64/kernel/signal.c, struct rt_sigframe).
 */
static bool step_signal(struct walk *w, uintptr_t pc, const struct assay_module *m)
{
	uintptr_t registers = w->reg[ASSAY_CFI_SP] + sizeof(siginfo_t) + offsetof(ucontext_t, uc_mcontext) +
			      offsetof(mcontext_t, regs);
	uint64_t next[ASSAY_CFI_REGISTERS], next_pc;

	if (!m->vdso || memcmp((const void *)((pc + 3) & ~(uintptr_t)3), "\x68\x11\x80\xd2\x01\x00\x00\xd4", 8) != 0)
		return false;
	for (unsigned i = 0; i < 32; i++)
		if (read_word(w, registers + 8 * i, &next[i]) < 0)
			return false;
	if (read_word(w, registers + 8 * 32, &next_pc) < 0)
		return false;
	memcpy(w->reg, next, sizeof next);
	w->pc = next_pc;
	w->known = UINT32_MAX;
	w->exact = true;
	move_window(w);
	return true;
}
#endif

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

/* Notes the frame at the current pc and steps to its caller. */
static int visit(struct walk *w, struct assay_frame_ref *frame, bool *again)
{
	uintptr_t pc = w->pc - (w->exact ? 0 : 1);
	uint64_t row = w->full ? 0 : cache_get(pc);
	int module = row ? row_module(row) : assay_module_find(pc), error;

	set_frame(frame, module, pc);
	if (row && !(row & ROW_COMPLEX))
		return step_fast(w, row);
	if (module < 0)
		return w->exact && pc < PAGE ? step_wild(w) : step_frame_pointer(w);
#ifdef __aarch64__
	if (step_signal(w, pc, assay_module_at(module)))
		return 1;
#endif
	error = assay_cfi_find(assay_module_at(module), pc, &w->memory->cfi, &w->memory->row);
	if (error == -ENOENT)
		return step_frame_pointer(w);
	if (error < 0)
		return -ASSAY_WALK_BAD_RULE;
	if (!w->full) {
		row = pack(&w->memory->row, module);
		cache_put(pc, row, &w->memory->row);
		if (!(row & ROW_COMPLEX))
			return step_fast(w, row);
	}
	return step_full(w, assay_module_at(module), &w->memory->row, again);
}

static void take_registers(struct walk *w, const ucontext_t *context)
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

static void begin(struct walk *w, const struct assay_thread *thread, const ucontext_t *context)
{
	take_registers(w, context);
	w->memory = (struct assay_walk_memory *)thread->walk_memory;
	w->memory->page = 0;
	w->stack_low = thread->stack_low;
	w->stack_high = thread->stack_high;
	set_window(w);
}

uint32_t assay_unwind_own(struct assay_thread *thread, void *context, enum assay_spool_walk *end)
{
	struct walk w = { .full = false };
	uint32_t n = 0;

	begin(&w, thread, context);
	for (;;) {
		bool again = false;
		int stepped = visit(&w, &thread->frames[n], &again);

		if (again) {
			w.full = true;
			begin(&w, thread, context);
			n = 0;
			continue;
		}
		n++;
		*end = (enum assay_spool_walk)(stepped < 0 ? -stepped : ASSAY_WALK_COMPLETE);
		if (stepped <= 0 || !w.pc)
			return n;
		if (n == ASSAY_FRAMES_MAX) {
			*end = ASSAY_WALK_TOO_DEEP;
			return n;
		}
	}
}

#endif
