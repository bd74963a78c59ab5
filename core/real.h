/*
 * real.h: the functions behind those that Assay interposes.
 *
 * ASSAY_REAL(name) is a pointer to the next definition of `name` (the C library's, or another
 * preload's), looked up at its first use. Not for handlers.
 */
#ifndef ASSAY_CORE_REAL_H
#define ASSAY_CORE_REAL_H

/* Looks `name` up behind this library; aborts nothing: NULL when there is none. */
void *assay_real_find(const char *name, void *_Atomic *cache);

#define ASSAY_REAL(name)                                                                   \
	({                                                                                 \
		static void *_Atomic cache_;                                               \
		__typeof__(&name) real_ = (__typeof__(&name))assay_real_find(#name, &cache_); \
		real_;                                                                     \
	})

/* Exported from the library: an interposed function. */
#define ASSAY_EXPORT __attribute__((visibility("default")))

#endif
