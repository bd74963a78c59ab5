#include "real.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>

void *assay_real_find(const char *name, void *_Atomic *cache)
{
	void *real = atomic_load_explicit(cache, memory_order_relaxed);

	if (!real) {
		real = dlsym(RTLD_NEXT, name);
		atomic_store_explicit(cache, real, memory_order_relaxed);
	}
	return real;
}
