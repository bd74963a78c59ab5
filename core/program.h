/*
 * program.h: whether a program about to be executed can have the library preloaded.
 *
 * Owns the look at the file. Used before an exec, also in a vfork child: system calls only, nothing allocated.
 */
#ifndef ASSAY_CORE_PROGRAM_H
#define ASSAY_CORE_PROGRAM_H

#include <stdbool.h>

/*
 * False for what another loader starts: a program for another C library (it ends when it is given ours) or of another
 * class or machine (its loader complains). True for all else, scripts and what cannot be read included.
 */
bool assay_program_takes_preload(const char *path);

/* The same for a program that is looked for in PATH, and for one that is open. */
bool assay_program_found_takes_preload(const char *file);
bool assay_program_open_takes_preload(int fd);

#endif
