/*
 * ticks.h: time for events, by the quickest clock there is.
 *
 * Owns the calibration of the processor's time-stamp counter against CLOCK_MONOTONIC. Any thread; not for handlers,
 * which read the clock.
 */
#ifndef ASSAY_CORE_TICKS_H
#define ASSAY_CORE_TICKS_H

#include <stdint.h>

/* The process begins: from here on the counter is timed. Nothing where it may not be used. */
void assay_ticks_start(void);

/*
 * CLOCK_MONOTONIC, ns: by the counter where that runs at one rate whatever the processor does, and has been timed for a
 * millisecond; else by the clock. Between two readings the error is at most 1 in 10,000 and 0.1 us.
 */
uint64_t assay_ticks_ns(void);

#endif
