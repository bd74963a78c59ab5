/*
 * Out of code that has no unwind tables: frame pointers, stubs and linkage tables, calls of nothing, and on aarch64 the
 * return of a signal handler.
 */
#include "walk.h"

#include "unwind.h"

#if ASSAY_UNWIND_HAVE_OWN

#include <stddef.h>
#include <ucontext.h>

#ifndef __aarch64__
/* 8 bytes of code at any address. Copied, for code need not be readable. */
ASSAY_RARE static int read_code(struct assay_walk *w, uintptr_t address, uint64_t *code)
{
	unsigned shift = 8 * (unsigned)(address % 8);
	uint64_t low, high = 0;

	if (assay_walk_read_foreign(w, address & ~(uintptr_t)7, &low) < 0)
		return -EFAULT;
	if (shift && assay_walk_read_foreign(w, (address & ~(uintptr_t)7) + 8, &high) < 0)
		high = 0; /* the last bytes of a mapping */
	*code = shift ? low >> shift | high << (64 - shift) : low;
	return 0;
}

/* Whether an address is behind a call: e8 and a distance, or ff /2. */
bool assay_walk_is_behind_call(struct assay_walk *w, uint64_t address)
{
	uint64_t code;

	if (address < 8 || read_code(w, address - 8, &code) < 0)
		return false;
	if ((code >> 24 & 0xff) == 0xe8)
		return true;
	for (unsigned shift = 8; shift <= 48; shift += 8)
		if ((code >> shift & 0x38ff) == 0x10ff)
			return true;
	return false;
}

/* Whether the thread is in one of a few instructions that only lead on. */
ASSAY_RARE static bool is_stub(struct assay_walk *w)
{
	static const struct {
		uint32_t mask, code; /* the first byte is the lowest */
	} known[] = {
		{ 0xffffffff, 0xfa1e0ff3 }, /* endbr64 */
		{ 0xffff, 0x25ff },         /* jmp *there */
		{ 0xffffff, 0x25fff2 },     /* bnd jmp *there */
		{ 0xffff, 0x35ff },         /* push there: a linkage table's first entry */
		{ 0xff, 0x68 },             /* push $index */
		{ 0xff, 0xe9 },             /* jmp there: to the first entry */
		{ 0xffffff, 0x158d4c },     /* lea there, %r10 */
		{ 0xfeff, 0xba49 },         /* mov $there, %r10 or %r11 */
		{ 0xffffff, 0xe3ff49 },     /* jmp *%r11 */
		{ 0xffffff, 0xe3ff41 },
	};
	uint64_t code;

	if (!w->exact || read_code(w, w->pc, &code) < 0)
		return false;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (((uint32_t)code & known[i].mask) == known[i].code)
			return true;
	return false;
}

/*
 * Stubs without a table: those of linkage tables as some linkers make them (lld), closures, and trampolines on the
 * stack. They have nothing of their own there but what a lazy table pushes for the resolver: two words at most.
 */
ASSAY_RARE static int step_stub(struct assay_walk *w)
{
	uint64_t pc;
	int module;

	for (uint64_t sp = w->reg[ASSAY_CFI_SP], end = sp + 24; sp < end; sp += 8) {
		if (assay_walk_read(w, sp, &pc) < 0)
			break;
		module = assay_module_find(pc - 1);
		if (module < 0 || !assay_walk_is_behind_call(w, pc) ||
		    assay_cfi_find(assay_module_at(module), pc - 1, &w->memory->cfi, &w->memory->row) < 0)
			continue;
		w->reg[ASSAY_CFI_SP] = sp + 8;
		w->reg[ASSAY_CFI_RA] = w->pc = pc;
		w->exact = false;
		return 1;
	}
	return -ASSAY_WALK_NO_RULE;
}
#else
bool assay_walk_is_behind_call(struct assay_walk *w, uint64_t address)
{
	(void)w;
	return address != 0;
}
#endif

#ifdef __aarch64__
enum { ADDRESS_BITS = 52 }; /* of user space, with the largest pages and virtual addresses (Linux, arm64/memory.rst) */
#else
enum { ADDRESS_BITS = 47 };
#endif

/* Code without unwind tables: its frame pointer, if it is one. */
int assay_walk_step_frame_pointer(struct assay_walk *w)
{
	uint64_t bp = w->reg[ASSAY_CFI_FP], sp = w->reg[ASSAY_CFI_SP], next, pc;

#ifndef __aarch64__
	if (is_stub(w) && step_stub(w) > 0)
		return 1;
#endif
	if (!(w->known >> ASSAY_CFI_FP & 1) || bp < sp || bp % 8 != 0 || bp - sp > 1 << 20)
		return -ASSAY_WALK_NO_RULE;
	if (assay_walk_read(w, bp, &next) < 0 || assay_walk_read(w, bp + 8, &pc) < 0)
		return -ASSAY_WALK_NO_RULE;
	pc = assay_walk_without_signature(pc);
	if (pc && assay_module_find(pc - 1) < 0 && (next <= bp || pc >> ADDRESS_BITS))
		return -ASSAY_WALK_NO_RULE;
	w->reg[ASSAY_CFI_SP] = bp + 16;
	w->reg[ASSAY_CFI_FP] = next;
	w->reg[ASSAY_CFI_RA] = w->pc = pc;
	w->known = 1u << ASSAY_CFI_FP | 1u << ASSAY_CFI_SP | 1u << ASSAY_CFI_RA;
	w->exact = false;
	return 1;
}

/* A call through a null or wild pointer, caught at its first instruction. */
int assay_walk_step_wild(struct assay_walk *w)
{
	uint64_t pc = 0;

#ifdef __aarch64__
	pc = assay_walk_without_signature(w->reg[ASSAY_CFI_RA]);
#else
	if (assay_walk_read(w, w->reg[ASSAY_CFI_SP], &pc) < 0)
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
bool assay_walk_step_signal(struct assay_walk *w, uintptr_t pc, const struct assay_module *m)
{
	uintptr_t registers = w->reg[ASSAY_CFI_SP] + sizeof(siginfo_t) + offsetof(ucontext_t, uc_mcontext) +
			      offsetof(mcontext_t, regs);
	uintptr_t code = (pc + 3) & ~(uintptr_t)3;
	uint64_t next[ASSAY_CFI_REGISTERS], next_pc;

	if (!m->vdso || code < m->start + 4 || code > m->end - 8)
		return false;
	if (memcmp((const void *)code, "\x68\x11\x80\xd2\x01\x00\x00\xd4", 8) != 0 &&
	    (!w->exact || memcmp((const void *)(code - 4), "\x68\x11\x80\xd2\x01\x00\x00\xd4", 8) != 0))
		return false;
	for (unsigned i = 0; i < 32; i++)
		if (assay_walk_read(w, registers + 8 * i, &next[i]) < 0)
			return false;
	if (assay_walk_read(w, registers + 8 * 32, &next_pc) < 0)
		return false;
	memcpy(w->reg, next, sizeof next);
	w->pc = next_pc;
	w->known = UINT32_MAX;
	w->exact = true;
	return true;
}
#endif

#ifdef __aarch64__
enum {
	PLT_PUSH = 0xa9bf7bf0,   /* stp x16, x30, [sp, #-16]!: the first entry's, which leads to the resolver */
	PLT_BRANCH = 0xd61f0220, /* br x17 */
};

/* Of the instructions that lead to the branch: adrp x16; ldr x17, [x16, #n]; add x16, x16, #n; bti c; autia1716. */
static bool leads_to_branch(uint32_t code)
{
	return (code & 0x9f00001f) == 0x90000010 || (code & 0xffc003ff) == 0xf9400211 ||
	       (code & 0xffc003ff) == 0x91000210 || code == 0xd503245f || code == 0xd503219f;
}

/* Whether all from `low` to `high` is in one segment of code. Between segments a module may have none. */
static bool is_code(const struct assay_module *m, uintptr_t low, uintptr_t high)
{
	for (int i = 0; i < m->headers_count; i++) {
		uintptr_t start = m->bias + m->headers[i].p_vaddr;

		if (m->headers[i].p_type == PT_LOAD && m->headers[i].p_flags & PF_X && low >= start &&
		    high <= start + m->headers[i].p_filesz)
			return true;
	}
	return false;
}

/*
 * The entries of a linkage table have no rules. A thread that is there has its return address in x30 still. (The code
 * is what linkers write: ELF for the Arm 64-bit Architecture, and GNU ld, bfd/elfnn-aarch64.c.)
 */
bool assay_walk_step_linkage(struct assay_walk *w, const struct assay_module *m)
{
	const uint32_t *code = (const void *)w->pc, *before = code;

	if (!w->exact || w->pc % 4 != 0 || !is_code(m, w->pc - 16, w->pc + 20))
		return false;
	for (int i = 0; *code != (uint32_t)PLT_BRANCH; i++, code++)
		if (i == 4 || !(leads_to_branch(*code) || (i == 0 && *code == (uint32_t)PLT_PUSH)))
			return false;
	for (int i = 0; i < 3 && leads_to_branch(before[-1]); i++)
		before--;
	if (before[-1] == (uint32_t)PLT_PUSH)
		w->reg[ASSAY_CFI_SP] += 16;
	w->pc = assay_walk_without_signature(w->reg[ASSAY_CFI_RA]);
	w->exact = false;
	return true;
}
#endif

#endif
