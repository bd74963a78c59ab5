/*
 * open_libunwind.h: opening libunwind, in a run that asks for it.
 *
 * Owns nothing but the opening; the walk is in sig/unwind_libunwind.c.
 */
#ifndef ASSAY_CORE_OPEN_LIBUNWIND_H
#define ASSAY_CORE_OPEN_LIBUNWIND_H

/* Opens libunwind and fills assay_libunwind. 0, or -ENOSYS: it is not there. Start-up only. */
int assay_libunwind_open(void);

#endif
