/*
 * callers.h: the frames of addresses.
 *
 * Owns a table, without locks, from an address (of a call, or of a lock) to the number of the frame that stands for it: a
 * frame costs some 200 ns to look for, a look into the table a few.
 */
#ifndef ASSAY_OPENMP_CALLERS_H
#define ASSAY_OPENMP_CALLERS_H

#include "openmp.h"

/* `kind` and the line of the call that returns to `caller`. 0: there is none. */
uint32_t assay_openmp_call(const struct assay_host *host, const char *kind, const void *caller);

/* `kind` and the variable at `object`; that has none (it is on the heap or a stack): the line of the call. */
uint32_t assay_openmp_object(const struct assay_host *host, const char *kind, const void *object, const void *caller);

/* For tests: how many addresses the table has room for, and forgetting all. */
enum { ASSAY_OPENMP_CALLERS = 4096 };
void assay_openmp_callers_forget(void);

#endif
