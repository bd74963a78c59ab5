/*
 * ticks.h: time for events, by the quickest clock there is.
 *
 * Owns the calibration of the processor's time-stamp counter against CLOCK_MONOTONIC. Any thread; not for handlers,
 * which read the clock.
 */
#ifndef ASSAY_CORE_TICKS_H
#define ASSAY_CORE_TICKS_H

#include <stdatomic.h>
#include <stdint.h>

#ifdef __x86_64__
#include <x86intrin.h>
#endif

/* The process begins: from here on the counter is timed. Nothing where it may not be used. */
void assay_ticks_start(void);

/* ns = start_ns + (ticks - start) * rate / ASSAY_TICKS_ONE; rate 0: not known, or never to be. */
#define ASSAY_TICKS_ONE 4294967296.0
extern struct assay_ticks {
	uint64_t start, start_ns;
	_Atomic uint64_t rate;
} assay_ticks;

uint64_t assay_ticks_slow_ns(void);

/* The counter. */
static inline uint64_t assay_ticks_read(void)
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

/*
 * CLOCK_MONOTONIC, ns: by the counter where that runs at one rate whatever the processor does, and has been timed for a
 * millisecond; else by the clock. Between two readings the error is at most 1 in 10,000 and 0.1 us.
 */
static inline uint64_t assay_ticks_ns(void)
{
#ifdef __SIZEOF_INT128__
	uint64_t rate = atomic_load_explicit(&assay_ticks.rate, memory_order_relaxed);

	if (__builtin_expect(rate != 0, 1))
		return assay_ticks.start_ns +
		       (uint64_t)((unsigned __int128)(assay_ticks_read() - assay_ticks.start) * rate >> 32);
#endif
	return assay_ticks_slow_ns();
}

#endif
