/*
 * An entry is three words, and the first is the function's address xor the others, so one torn by two writers answers
 * for none (as in sig/row.c).
 */
#include "places.h"

#include <stdatomic.h>

#include "sig/module.h"
#include "sig/unwind.h"

enum { BITS = 10 };

static struct {
	_Atomic uint64_t check, address, module; /* module: with the generation of modules above it */
} cache[1 << BITS] ASSAY_COLD;

void assay_places_find(uint64_t function, uint32_t *module, uint64_t *address)
{
	uint64_t at = function * 0x9e3779b97f4a7c15u >> (64 - BITS), generation = assay_module_generation();
	uint64_t in_module = atomic_load_explicit(&cache[at].address, memory_order_relaxed);
	uint64_t which = atomic_load_explicit(&cache[at].module, memory_order_relaxed);
	struct assay_frame_ref frame;

	if ((atomic_load_explicit(&cache[at].check, memory_order_relaxed) ^ in_module ^ which) != function ||
	    which >> 32 != (uint32_t)generation || !which) {
		assay_unwind_frame(&frame, function);
		in_module = frame.address;
		which = frame.module | generation << 32;
		atomic_store_explicit(&cache[at].address, in_module, memory_order_relaxed);
		atomic_store_explicit(&cache[at].module, which, memory_order_relaxed);
		atomic_store_explicit(&cache[at].check, function ^ in_module ^ which, memory_order_relaxed);
	}
	*address = in_module;
	*module = (uint32_t)which;
}
