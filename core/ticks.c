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
#include <x86intrin.h>
#endif

/* Long enough for 1 in 10,000: the two clocks are read within some 50 ns of each other, and never more than BOTH_NS. */
enum { TIMED_NS = 1000000, BOTH_NS = 1000 };

static bool usable;
static uint64_t start_ticks, start_ns;
static _Atomic double ns_per_tick; /* 0: not known yet */

static uint64_t ticks(void)
{
#if defined __x86_64__
	return __rdtsc();
#elif defined __aarch64__
	uint64_t n;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(n));
	return n;
#else
	return 0;
#endif
}

/* Reads both clocks at once, or nearly: false, if the thread was interrupted in between. */
static bool read_both(uint64_t *ns, uint64_t *at)
{
	uint64_t before = assay_now_ns(), after;

	*at = ticks();
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
	for (int tries = 0; !read_both(&start_ns, &start_ticks) && usable; tries++)
		usable = tries < 3;
}

/* From the process's start to now; nothing, if that is too short. */
static double calibrate(void)
{
	uint64_t ns, at;
	double rate;

	if (!read_both(&ns, &at) || ns - start_ns < TIMED_NS || at <= start_ticks)
		return 0;
	rate = (double)(ns - start_ns) / (double)(at - start_ticks);
	atomic_store_explicit(&ns_per_tick, rate, memory_order_relaxed);
	return rate;
}

uint64_t assay_ticks_ns(void)
{
	double rate = atomic_load_explicit(&ns_per_tick, memory_order_relaxed);

	if (!usable || (rate <= 0 && (rate = calibrate()) <= 0))
		return assay_now_ns();
	return start_ns + (uint64_t)((double)(ticks() - start_ticks) * rate);
}
