/*
 * cct.h: the calling-context tree of a thread, in the spool.
 *
 * Owns node look-up and insertion. The owning thread alone writes its tree, from its handler or
 * under its guard; readers see whole nodes (spool.h). Safe in handlers.
 */
#ifndef ASSAY_CORE_SIG_CCT_H
#define ASSAY_CORE_SIG_CCT_H

#include "state.h"

/*
 * The node for the walk in thread->frames[0 .. count), innermost first, below the first thread->shared nodes of
 * the last path, made where it is new.
 * `complete` false puts it below the node for paths whose outer part is missing. Reference 0: full.
 */
assay_ref assay_cct_path(struct assay_thread *thread, uint32_t count, bool complete);

/* The node for one more frame below `parent` (0: the root), made where it is new. Reference 0: full. */
assay_ref assay_cct_below(struct assay_thread *thread, assay_ref parent, uint32_t module, uint64_t address);

/* A node's value for a metric, made where it is new. NULL: full. */
struct assay_spool_value *assay_cct_value(struct assay_thread *thread, assay_ref node, uint32_t metric);

/* Adds `n` to it, as part of one time. The writer is alone: a plain add, atomic only so that a reader never sees half. */
static inline void assay_cct_put_part(struct assay_spool_value *value, uint64_t n)
{
	atomic_store_explicit(&value->sum, atomic_load_explicit(&value->sum, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* The same, as one more time. */
static inline void assay_cct_put(struct assay_spool_value *value, uint64_t n)
{
	double x = (double)(int64_t)n; /* the signed conversion is one instruction */

	if (n < value->min)
		value->min = n;
	if (n > value->max)
		value->max = n;
	value->sum_of_squares += x * x;
	atomic_store_explicit(&value->count, atomic_load_explicit(&value->count, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	assay_cct_put_part(value, n);
}

/* Adds one sample of weight `weight` to a node's value for `metric`. 0, or -ENOSPC. */
int assay_cct_add(struct assay_thread *thread, assay_ref node, uint32_t metric, uint64_t weight);

#endif
