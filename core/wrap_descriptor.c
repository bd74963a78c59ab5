/*
 * Interposed: what closes or replaces descriptors. With --clock=perf each thread has one of Assay's, which a program
 * that closes all it can see, or puts its own over them, must neither close nor find in its way: to the program it is
 * not open. (A program that makes the system calls itself closes it all the same; sampling then ends for that thread,
 * and assay_clock_stop sees that the number is not ours any more.)
 */
#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "real.h"
#include "sig/clock.h"
#include "sig/slots.h"
#include "wrap.h"

static void forget(unsigned first, unsigned last)
{
	if (assay_waits_forget)
		assay_waits_forget(first, last);
}

ASSAY_EXPORT int close(int fd)
{
	if (assay_clock_owns(fd)) {
		errno = EBADF;
		return -1;
	}
	forget((unsigned)fd, (unsigned)fd);
	return ASSAY_REAL(close)(fd);
}

ASSAY_EXPORT int close_range(unsigned first, unsigned last, int flags)
{
	unsigned ours, asked = first;

	forget(first, last);
	while ((ours = assay_clock_next_owned(first)) <= last && ours != ~0u) {
		if (ours > first && ASSAY_REAL(close_range)(first, ours - 1, flags) != 0)
			return -1;
		first = ours + 1;
	}
	return first > last && first != asked ? 0 : ASSAY_REAL(close_range)(first, last, flags);
}

ASSAY_EXPORT void closefrom(int lowest)
{
	unsigned first = lowest < 0 ? 0 : (unsigned)lowest;

	forget(first, ~0u);
	if (assay_clock_next_owned(first) == ~0u || close_range(first, ~0u, 0) != 0)
		ASSAY_REAL(closefrom)(lowest);
}

/* The program wants a number that is ours: its thread goes on by the other clock. */
static void make_way(int fd)
{
	uint32_t n = assay_slots_count();

	if (!assay_clock_owns(fd) || !assay_process_is_own())
		return;
	for (uint32_t i = 0; i < n; i++) {
		struct assay_thread *thread = assay_slots_at(i);

		if (thread && atomic_load(&thread->state) == ASSAY_SLOT_LIVE && thread->event == fd)
			assay_clock_replace_event(thread);
	}
}

ASSAY_EXPORT int dup2(int from, int to)
{
	make_way(to);
	forget((unsigned)to, (unsigned)to);
	return ASSAY_REAL(dup2)(from, to);
}

ASSAY_EXPORT int dup3(int from, int to, int flags)
{
	make_way(to);
	forget((unsigned)to, (unsigned)to);
	return ASSAY_REAL(dup3)(from, to, flags);
}
