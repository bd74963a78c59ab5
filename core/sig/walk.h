/*
 * walk.h: the state of a walk, between unwind.c, which walks by tables, and walk_bare.c, which gets out of code that has
 * none. Owns the state's layout and how memory is read. Handlers only.
 */
#ifndef ASSAY_CORE_SIG_WALK_H
#define ASSAY_CORE_SIG_WALK_H

#include "cfi.h"
#include "state.h"

enum { ASSAY_WALK_PAGE = 4096 };

struct assay_walk_memory {
	struct assay_cfi_row row;
	struct assay_cfi_memory cfi;
	uintptr_t page; /* address that `copy` holds, 0 = none */
	uint8_t copy[ASSAY_WALK_PAGE];
};
_Static_assert(sizeof(struct assay_walk_memory) <= sizeof(((struct assay_thread *)0)->walk_memory), "walk memory");

struct assay_walk {
	struct assay_walk_memory *memory;
	uintptr_t low, high; /* the part of the stack that may be read directly */
	uintptr_t stack_low, stack_high;
	uint64_t reg[ASSAY_CFI_REGISTERS];
	uint64_t pc;
	uint32_t known;      /* registers whose value is right at this frame */
	bool full;           /* follow all registers */
	bool exact;          /* the pc is where the thread is, not a return address */
	unsigned moves;      /* to other stacks */
};

/* A word that is not in the part of the stack that may be read directly: 0, or -EFAULT. unwind.c. */
ASSAY_RARE int assay_walk_read_foreign(struct assay_walk *w, uintptr_t address, uint64_t *value);

/* A word of the stack or of other memory, which need not be there: 0, or -EFAULT. An assay_cfi_read_fn. */
static inline int assay_walk_read(void *context, uintptr_t address, uint64_t *value)
{
	struct assay_walk *w = context;

	if (address >= w->low && address <= w->high - sizeof *value && w->high) {
		memcpy(value, (const void *)address, sizeof *value);
		return 0;
	}
	return assay_walk_read_foreign(w, address, value);
}

/* Pointer authentication (aarch64) keeps a signature in an address's unused bits. */
static inline uint64_t assay_walk_without_signature(uint64_t address)
{
#ifdef __aarch64__
	register uint64_t x30 __asm__("x30") = address;

	__asm__("hint #7" : "+r"(x30)); /* xpaclri: a no-op where there is no such thing */
	return x30;
#else
	return address;
#endif
}

/*
 * Steps out of code without unwind tables, where no table is found for it: 1 = stepped, 0 = this was the outermost frame,
 * negative = -(enum assay_spool_walk). walk_bare.c.
 */

/* By its frame pointer, if it is one; or out of a stub, which has nothing of its own on the stack. */
ASSAY_RARE int assay_walk_step_frame_pointer(struct assay_walk *w);

/* A call through a null or wild pointer, caught at its first instruction. */
ASSAY_RARE int assay_walk_step_wild(struct assay_walk *w);

/* Whether an address is behind a call. True where that cannot be told. */
ASSAY_RARE bool assay_walk_is_behind_call(struct assay_walk *w, uint64_t address);

#ifdef __aarch64__
/* From a signal handler's return, and from a linkage table's entry: false where the thread is in no such thing. */
ASSAY_RARE bool assay_walk_step_signal(struct assay_walk *w, uintptr_t pc, const struct assay_module *m);
ASSAY_RARE bool assay_walk_step_linkage(struct assay_walk *w, const struct assay_module *m);
#endif

#endif
