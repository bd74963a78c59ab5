#include "span.h"

#include <ucontext.h>

#include "cct.h"
#include "handler.h"
#include "unwind.h"

/*
 * The registers that calls preserve, and where they are: all that a walk from a call needs. The rules for this very
 * instruction apply to them.
 */
__attribute__((always_inline)) static inline void capture(ucontext_t *context)
{
#if defined __x86_64__
	greg_t *r = context->uc_mcontext.gregs;

	__asm__ volatile("movq %%rbx, %c[bx](%[r])\n\tmovq %%rbp, %c[bp](%[r])\n\tmovq %%rsp, %c[sp](%[r])\n\t"
			 "movq %%r12, %c[r12](%[r])\n\tmovq %%r13, %c[r13](%[r])\n\tmovq %%r14, %c[r14](%[r])\n\t"
			 "movq %%r15, %c[r15](%[r])\n\tleaq 1f(%%rip), %%rax\n1:\tmovq %%rax, %c[ip](%[r])"
			 :
			 : [r] "r"(r), [bx] "i"(REG_RBX * 8), [bp] "i"(REG_RBP * 8), [sp] "i"(REG_RSP * 8),
			   [r12] "i"(REG_R12 * 8), [r13] "i"(REG_R13 * 8), [r14] "i"(REG_R14 * 8),
			   [r15] "i"(REG_R15 * 8), [ip] "i"(REG_RIP * 8)
			 : "rax", "memory");
#elif defined __aarch64__
	uint64_t *r = (uint64_t *)context->uc_mcontext.regs;

	__asm__ volatile("stp x19, x20, [%[r], #152]\n\tstp x21, x22, [%[r], #168]\n\tstp x23, x24, [%[r], #184]\n\t"
			 "stp x25, x26, [%[r], #200]\n\tstp x27, x28, [%[r], #216]\n\tstp x29, x30, [%[r], #232]\n\t"
			 "mov x9, sp\n\tadr x10, .\n\tstp x9, x10, [%[r], #248]"
			 :
			 : [r] "r"(r)
			 : "x9", "x10", "memory");
#else
	(void)context;
#endif
}

assay_ref assay_span_path(struct assay_thread *thread)
{
	enum assay_spool_walk end;
	ucontext_t context;
	uint32_t count;
	assay_ref node;

	capture(&context);
	count = assay_handler_unwind(thread, &context, &end);
	node = assay_cct_path(thread, count, end == ASSAY_WALK_COMPLETE);
	if (node)
		assay_unwind_keep(thread);
	return node;
}

struct assay_spool_value *assay_span_short(struct assay_thread *thread, uint32_t metric, assay_ref frame)
{
	struct assay_recent *recent = assay_span_recent(thread, metric, frame);
	struct assay_spool_value *value = assay_span_found(recent, metric, frame);
	assay_ref node;

	if (value)
		return value;
	node = assay_cct_below(thread, 0, ASSAY_PLACE_SPECIAL, ASSAY_SPECIAL_SHORT);
	if (node && frame)
		node = assay_cct_below(thread, node, ASSAY_PLACE_FRAME, frame);
	thread->has_recent = true;
	*recent = (struct assay_recent){ frame, metric, node ? assay_cct_value(thread, node, metric) : NULL };
	return recent->value;
}

int assay_span_add(struct assay_thread *thread, uint32_t metric, assay_ref frame, uint64_t n, bool with_path)
{
	struct assay_spool_value *value;
	assay_ref node;

	if (!with_path) {
		value = assay_span_short(thread, metric, frame);
		if (value)
			assay_cct_put(value, n);
		return value ? 0 : -ENOSPC;
	}
	node = assay_span_path(thread);
	if (node)
		node = assay_cct_below(thread, node, ASSAY_PLACE_FRAME, frame);
	return node ? assay_cct_add(thread, node, metric, n) : -ENOSPC;
}
