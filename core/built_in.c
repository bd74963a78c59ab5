/*
 * The plugins that are part of this library: those that interpose what most programs call, for a preloaded object of
 * their own would cost each process some 0.1 ms. The assay command reads this list.
 */
#include "real.h"

#include <stddef.h>

ASSAY_EXPORT extern const char *const assay_plugins_built_in[];
const char *const assay_plugins_built_in[] = {
#ifdef ENABLE_MPI
	"mpi",
#endif
	"openmp",
	"waits",
	NULL,
};
