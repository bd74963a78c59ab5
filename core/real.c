#include "real.h"

#include "next.h"

void *assay_real_find(const char *name, void *_Atomic *cache)
{
	return assay_next(cache, name);
}
