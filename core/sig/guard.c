#include "guard.h"

#include "wait.h"

bool assay_guard_take_over(uintptr_t sp)
{
	struct assay_thread *thread = assay_tls.thread;
	uintptr_t had = assay_tls.inside;

	if (!thread || had == ASSAY_GUARD_KEPT || sp <= had || had < thread->stack_low || had >= thread->stack_high ||
	    sp >= thread->stack_high)
		return false;
	/* it may have been at anything: what a next walk would build on is dropped */
	thread->path_length = thread->steps_count = thread->fresh_whole = 0;
	if (thread->record && thread->wait.active)
		assay_wait_forget(thread);
	return true;
}
