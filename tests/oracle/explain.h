/*
 * explain.h: why a walk of ours differs from libunwind's, or is not complete. Each reason that lets it pass has a rule
 * that is checked on the sample itself; what no rule explains is a fault.
 */
#ifndef ASSAY_TESTS_EXPLAIN_H
#define ASSAY_TESTS_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "judge.h"
#include "oracle.h"

struct explain_sample {
	const struct oracle_sample *s;
	const struct oracle_details *d;
	const struct oracle_frame *own, *lib;
	const void *stack;
	uint64_t judge[JUDGE_FRAMES]; /* libdw's walk */
	size_t judge_count;
	int judge_whole;
};

/* A short text, the same for all samples of a kind. *fault: whether ours is, or may be, wrong. */
const char *explain(struct explain_sample *sample, bool *fault);

/* The same for a walk of which only the ends are known, and which says that it is complete. NULL: all is well. */
const char *explain_outermost(const struct oracle_sample *sample, bool *fault);

#endif
