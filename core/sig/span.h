/*
 * span.h: what plugins measure, into the calling thread's tree.
 *
 * Owns the way from a caller's registers to a node. Called under the guard; safe wherever a sample is.
 */
#ifndef ASSAY_CORE_SIG_SPAN_H
#define ASSAY_CORE_SIG_SPAN_H

#include "state.h"

/*
 * Adds one span or so many of a count, `n`, to `metric` at the frame `frame` (a struct assay_spool_frame): below the
 * calling function's call path, or below the node for what has none. 0, or -ENOSPC.
 */
int assay_span_add(struct assay_thread *thread, uint32_t metric, assay_ref frame, uint64_t n, bool with_path);

/* Where that went last which has no path; NULL: it has to be looked for. */
static inline struct assay_recent *assay_span_recent(struct assay_thread *thread, uint32_t metric, assay_ref frame)
{
	return &thread->recent[(frame ^ frame >> 6 ^ metric * 11) % ASSAY_RECENT];
}

static inline struct assay_spool_value *assay_span_found(const struct assay_recent *recent, uint32_t metric, assay_ref frame)
{
	return recent->frame == frame && recent->metric == metric ? recent->value : NULL;
}

/* Where that goes which has no path: NULL, no room. */
struct assay_spool_value *assay_span_short(struct assay_thread *thread, uint32_t metric, assay_ref frame);

/* The node of the calling function's call path; 0: no room. */
assay_ref assay_span_path(struct assay_thread *thread);

#endif
