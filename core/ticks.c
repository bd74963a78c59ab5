/*
 * The counter is said to be invariant by CPUID, leaf 80000007H, bit 8 of EDX (Intel 64 and IA-32 Architectures Software
 * Developer's Manual, volume 3, 18.17.1; AMD64 Architecture Programmer's Manual, volume 3, E.4.7). On aarch64 the
 * virtual counter always is, and says its own rate.
 */
#include "ticks.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "sig/state.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

/* Long enough for 1 in 10,000: the two clocks are read within some 50 ns of each other, and never more than BOTH_NS. */
enum { TIMED_NS = 1000000, BOTH_NS = 1000 };

struct assay_ticks assay_ticks;
static bool usable;

/* Reads both clocks at once, or nearly: false, if the thread was interrupted in between. */
static bool read_both(uint64_t *ns, uint64_t *at)
{
	uint64_t before = assay_now_ns(), after;

	*at = assay_ticks_read();
	after = assay_now_ns();
	*ns = before + (after - before) / 2;
	return after - before < BOTH_NS;
}

void assay_ticks_start(void)
{
#if defined __x86_64__
	unsigned a, b, c, d = 0;

	usable = __get_cpuid(0x80000007, &a, &b, &c, &d) && d & 1u << 8;
#elif defined __aarch64__
	usable = true;
#endif
	for (int tries = 0; !read_both(&assay_ticks.start_ns, &assay_ticks.start) && usable; tries++)
		usable = tries < 3;
}

/* From the process's start to now; nothing, if that is too short. */
static void calibrate(void)
{
	uint64_t ns, at;

	if (!read_both(&ns, &at) || ns - assay_ticks.start_ns < TIMED_NS || at <= assay_ticks.start)
		return;
	atomic_store_explicit(&assay_ticks.rate, (uint64_t)((double)(ns - assay_ticks.start_ns) /
		(double)(at - assay_ticks.start) * ASSAY_TICKS_ONE), memory_order_relaxed);
}

uint64_t assay_ticks_slow_ns(void)
{
	if (usable)
		calibrate();
	return assay_now_ns();
}
