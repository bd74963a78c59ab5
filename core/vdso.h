/*
 * vdso.h: the kernel's own clock_gettime, in the page that it maps into every process.
 *
 * Owns the look-up only. The C library's function of that name may be another's by the time we call it: sanitizers and
 * programs that fake the time interpose it.
 */
#ifndef ASSAY_CORE_VDSO_H
#define ASSAY_CORE_VDSO_H

#include <time.h>

/* The function, or NULL: there is no vdso, or it has none. Start-up only. */
int (*assay_vdso_clock(void))(clockid_t, struct timespec *);

#endif
