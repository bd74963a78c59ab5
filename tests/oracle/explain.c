#include "explain.h"

#include <string.h>

#include "profile/spool.h"

/* ---- the code around return addresses ---- */

static size_t length_of_operand(const uint8_t *modrm)
{
	unsigned mod = *modrm >> 6, rm = *modrm & 7;
	size_t n = 1;

	if (mod != 3 && rm == 4)
		n += 1 + (mod == 0 && (modrm[1] & 7) == 5 ? 4 : 0);
	if (mod == 1)
		n += 1;
	else if (mod == 2 || (mod == 0 && rm == 5))
		n += 4;
	return n;
}

/* Whether `code`, of `size` bytes, is one call instruction: e8 and a distance, or ff /2, with prefixes. */
static bool is_call(const uint8_t *code, size_t size)
{
	while (size && (*code == 0x3e || *code == 0x66 || *code == 0x67 || (*code & 0xf0) == 0x40)) {
		code++;
		size--;
	}
	if (size == 5 && *code == 0xe8)
		return true;
	return size >= 2 && *code == 0xff && (code[1] >> 3 & 7) == 2 && 1 + length_of_operand(code + 1) == size;
}

static bool behind_a_call(uint64_t address)
{
	uint8_t code[12] = { 0 };

	for (size_t size = 2; size <= 9; size++)
		if (judge_code(address - size, code, size) == size && is_call(code, size))
			return true;
	return false;
}

static bool in_a_file(uint64_t pc)
{
	uint8_t byte;

	return judge_code(pc, &byte, 1) == 1;
}

/*
 * Whether the frames can be a chain of calls, whatever the unwind tables say: each caller's address is that of a call
 * instruction, but for what a handler returns to, and for where a signal came in between. Code that is in no file
 * cannot be looked at.
 */
static bool are_calls(const struct oracle_frame *frames, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		uint64_t back = frames[i].pc + 1;

		if (judge_is_signal_return(frames[i - 1].pc) || judge_is_signal_return(frames[i].pc) || !in_a_file(frames[i].pc))
			continue;
		if (!behind_a_call(back))
			return false;
	}
	return true;
}

/* ---- ends ---- */

/* glibc's __start_context: nothing before it, and mov %rbx, %rsp first. */
static bool is_context_start(uint64_t pc)
{
	uint8_t code[3];

	return judge_code(pc, code, sizeof code) == sizeof code && memcmp(code, "\x48\x89\xdc", sizeof code) == 0 &&
	       judge_has_table(pc) && !judge_has_table(pc - 1);
}

/*
 * The outermost functions are those that nothing calls: the entry points of the program and of the loader, what the
 * kernel begins threads with, and what makecontext lays at the bottom of a context's stack.
 */
static bool is_outermost(uint64_t pc)
{
	static const char *const known[] = { "_start", "clone", "clone3", "__clone", "__clone3", "__start_context" };
	const char *name = judge_function(pc);

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	/* without the C library's debug symbols, by what makes them the last */
	return judge_is_entry(pc) || judge_has_no_caller(pc) || is_context_start(pc);
}

/* Code that leaves one stack for another, where for some instructions the tables describe neither. */
static bool changes_stacks(uint64_t pc)
{
	static const char *const known[] = { "swapcontext", "setcontext", "longjmp", "__longjmp", "siglongjmp", "__longjmp_cancel",
		"____longjmp_chk" };
	const char *name = judge_function(pc);

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return false;
}

const char *explain_outermost(const struct oracle_sample *s, bool *fault)
{
	*fault = false;
	if (s->own_end != ASSAY_WALK_COMPLETE || is_outermost(s->outermost))
		return NULL;
	*fault = true;
	return "FAULT: complete, but not at an outermost function";
}

/* ---- comparisons ---- */

static size_t common(const struct explain_sample *x, const struct oracle_frame *b, size_t n)
{
	size_t i = 0;

	while (i < n && i < x->s->own_count && x->own[i].pc == b[i].pc)
		i++;
	return i;
}

static size_t common_with_judge(const struct explain_sample *x)
{
	size_t i = 0;

	while (i < x->judge_count && i < x->s->own_count && x->own[i].pc == x->judge[i])
		i++;
	return i;
}

/*
 * The bottom of a context is __start_context's first byte: it was never called, and is no return address (libunwind
 * and libdw take it for one, and name the byte before it).
 */
static bool at_start_of_context(const struct explain_sample *x)
{
	size_t n = x->s->own_count;

	return n > 1 && x->s->lib_count == n && common(x, x->lib, x->s->lib_count) == n - 1 &&
	       is_context_start(x->own[n - 1].pc) && x->lib[n - 1].pc == x->own[n - 1].pc - 1;
}

static const char *explain_complete(struct explain_sample *x, bool *fault)
{
	size_t n = x->s->own_count, with_judge = common_with_judge(x);

	*fault = false;
	if (at_start_of_context(x))
		return "context: its bottom, which is no call";
	if (with_judge == n && x->judge_count == n && x->judge_whole)
		return x->s->same ? "agree: all three" : "judged: libdw agrees with ours, and not with libunwind's";
	/*
	 * libdw had a copy of 64 kB of one stack. Where it stopped and the rest of ours is a chain of calls up to an
	 * outermost function, ours is right.
	 */
	if (is_outermost(x->own[n - 1].pc) && are_calls(x->own, n)) {
		if (x->s->same)
			return with_judge == x->judge_count ? "agree: libunwind, and libdw as far as it comes" : "libdw-differs: ours and libunwind's agree, and are a chain of calls";
		if (with_judge == x->judge_count)
			return "judged-partly: libdw agrees as far as it comes, and the rest is a chain of calls";
		if (!are_calls(x->lib, x->s->lib_count) || !is_outermost(x->lib[x->s->lib_count - 1].pc))
			return "calls: ours is a chain of calls, libunwind's is not";
	}
	*fault = true;
	return "FAULT: complete, and nobody agrees";
}

/*
 * An exception has found its handler: libgcc's uw_install_context_1 writes the registers of the frame to go to over
 * those that _Unwind_RaiseException (_Unwind_Resume, _Unwind_ForcedUnwind) saved, and last the return address over its
 * own, while the stack pointer is the old one until the function returns. What there was is gone, so no unwinder can
 * tell. Such functions are those whose tables save the registers that __builtin_eh_return passes (0 and 1).
 */
static bool is_rewinding(const struct explain_sample *x)
{
	for (size_t i = 0; i < x->s->own_count && i < 4; i++)
		if (judge_is_eh_return(x->own[i].pc))
			return true;
	return false;
}

static const char *explain_cut(struct explain_sample *x, bool *fault)
{
	const struct oracle_sample *s = x->s;
	size_t n = s->own_count, with_lib = common(x, x->lib, s->lib_count);
	uint64_t last = x->own[n - 1].pc;

	*fault = false;
	if (s->own_end == ASSAY_WALK_TOO_DEEP && s->same && s->lib_end == ASSAY_WALK_TOO_DEEP)
		return "too-deep: for both";
	/* libunwind's continues, and that can be so: then ours should have */
	if (s->lib_count > n && s->lib_end == ASSAY_WALK_COMPLETE && with_lib == n && are_calls(x->lib, s->lib_count) &&
	    is_outermost(x->lib[s->lib_count - 1].pc)) {
		*fault = true;
		return "FAULT: cut short, and libunwind's is whole";
	}
	if (x->judge_whole && x->judge_count > n && common_with_judge(x) == n && is_outermost(x->judge[x->judge_count - 1])) {
		*fault = true;
		return "FAULT: cut short, and libdw's is whole";
	}
	if (is_rewinding(x))
		return "rewinding: an exception has overwritten the way back";
	if (changes_stacks(s->pc))
		return "switching: interrupted while it changed stacks";
	if (s->own_end == ASSAY_WALK_NO_RULE && !judge_has_table(last))
		return in_a_file(last) ? "no-table: cut short at code without a table in a file" : "no-file: cut short at code in no file";
	/* tables that are wrong for an instruction or two, as gcc's at the end of a function that aligned its stack */
	if (x->s->same && x->judge_count <= n && common_with_judge(x) == x->judge_count)
		return "nobody: cut short, and libunwind and libdw get no further";
	*fault = true;
	return "FAULT: cut short for no known reason";
}

const char *explain(struct explain_sample *x, bool *fault)
{
	x->judge_count = judge_walk(x->d, x->stack, x->judge, &x->judge_whole);
	return x->s->own_end == ASSAY_WALK_COMPLETE ? explain_complete(x, fault) : explain_cut(x, fault);
}
