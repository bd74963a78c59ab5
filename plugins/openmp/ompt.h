/*
 * ompt.h: runtimes that tell of themselves, by OpenMP's tools interface: LLVM's and its relatives.
 *
 * Owns the callbacks that they make. Without the interface's header (omp-tools.h) at build time none of it is there, and
 * gcc's programs on such a runtime are measured by their calls as on their own.
 */
#ifndef ASSAY_OPENMP_OMPT_H
#define ASSAY_OPENMP_OMPT_H

#include "openmp.h"

#ifdef HAVE_OMP_TOOLS_H
#define ASSAY_OPENMP_WITHOUT ""
#else
#define ASSAY_OPENMP_WITHOUT " (gcc's runtime only: built without omp-tools.h)"
#endif

/* Whether a runtime that can tell of itself tells, or will tell, this plugin. */
bool assay_openmp_ompt_is_used(void);

/* The plugin has been started: runtimes that asked before are answered now. */
void assay_openmp_ompt_start(void);

#endif
