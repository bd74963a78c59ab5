/*
 * The walk by libunwind: what `--unwinder=libunwind` takes, the only one where there is none of our
 * own, and the oracle of the tests. libunwind asks the loader through dl_iterate_phdr, which takes
 * the loader's lock; under the guard core/wrap_loader.c answers it from our own table instead.
 */
#include "unwind.h"

#ifdef HAVE_LIBUNWIND
#define UNW_LOCAL_ONLY
#include <libunwind.h>
#endif

struct assay_libunwind assay_libunwind;

#if !ASSAY_UNWIND_HAVE_OWN
#include <ucontext.h>

#include "module.h"

void assay_unwind_frame(struct assay_frame_ref *frame, uintptr_t address)
{
	int module = assay_module_find(address);

	frame->module = ASSAY_PLACE_ABSOLUTE;
	frame->address = address;
	if (module >= 0 && assay_module_at(module)->ref) {
		frame->module = assay_module_at(module)->ref;
		frame->address = address - assay_module_at(module)->bias;
	}
}

uint32_t assay_unwind_none(struct assay_thread *thread, void *context, enum assay_spool_walk *end)
{
#if defined __aarch64__
	assay_unwind_frame(&thread->frames[0], ((ucontext_t *)context)->uc_mcontext.pc);
#else
	(void)context;
	assay_unwind_frame(&thread->frames[0], 0);
#endif
	*end = ASSAY_WALK_NO_RULE;
	return 1;
}
#endif

#ifdef HAVE_LIBUNWIND

uint32_t assay_unwind_libunwind(struct assay_thread *thread, void *context, enum assay_spool_walk *end)
{
	/* libunwind's cursor is larger than a handler's stack should hold */
	unw_cursor_t *cursor = (unw_cursor_t *)thread->walk_memory;
	bool exact = true;
	uint32_t n = 0;
	int stepped;

	_Static_assert(sizeof *cursor <= sizeof thread->walk_memory, "walk memory");
	thread->shared = thread->fresh_whole = thread->steps_count = 0;
	*end = ASSAY_WALK_COMPLETE;
	if (assay_libunwind.init_local2(cursor, context, UNW_INIT_SIGNAL_FRAME) < 0) {
		*end = ASSAY_WALK_BAD_RULE;
		assay_unwind_frame(&thread->frames[0], 0);
		return 1;
	}
	do {
		uintptr_t pc = 0, sp = 0;

		if (assay_libunwind.get_reg(cursor, UNW_REG_IP, &pc) < 0 || (!pc && n))
			break;
		assay_unwind_frame(&thread->frames[n], pc - (exact ? 0 : 1));
		assay_libunwind.get_reg(cursor, UNW_REG_SP, &sp);
		assay_fresh_step(thread, n++)->sp = sp;
		if (n == ASSAY_FRAMES_MAX) {
			*end = ASSAY_WALK_TOO_DEEP;
			return n;
		}
		stepped = assay_libunwind.step(cursor);
		/* says "signal frame" of the frame that a signal interrupted, not of the one that returns from it */
		exact = stepped > 0 && assay_libunwind.is_signal_frame(cursor) > 0;
		if (stepped < 0)
			*end = ASSAY_WALK_NO_RULE;
	} while (stepped > 0);
	return n ? n : 1;
}

#else /* assay_libunwind_open fails, so nothing comes here */

uint32_t assay_unwind_libunwind(struct assay_thread *thread, void *context, enum assay_spool_walk *end)
{
	(void)context;
	*end = ASSAY_WALK_NO_RULE;
	assay_unwind_frame(&thread->frames[0], 0);
	return 1;
}

#endif
