#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "callers.h"

#include <dlfcn.h>

#include "core/next.h"

/*
 * Open addressing. An entry is filled once: its key first, by whoever gets it, then the frame. Who sees a key without a
 * frame asks the host as well, and gets the same number. Where all places for an address are taken, the host is asked
 * each time. What is at an address when it is first seen counts until a library is unloaded, which another one may take the
 * place of.
 */
enum { PROBES = 8 };

static struct {
	_Atomic uintptr_t key;
	_Atomic uint64_t frame; /* and above it, how often libraries had been unloaded */
} entries[ASSAY_OPENMP_CALLERS];

static unsigned place_of(uintptr_t key)
{
	return (unsigned)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) % ASSAY_OPENMP_CALLERS;
}

/* The entry of an address, or NULL: there is no room for it. */
static _Atomic uint64_t *entry_of(uintptr_t key)
{
	unsigned at = place_of(key);

	for (unsigned i = 0; i < PROBES; i++, at = (at + 1) % ASSAY_OPENMP_CALLERS) {
		uintptr_t found = atomic_load_explicit(&entries[at].key, memory_order_relaxed);

		if (!found && atomic_compare_exchange_strong(&entries[at].key, &found, key))
			found = key;
		if (found == key)
			return &entries[at].frame;
	}
	return NULL;
}

static uint32_t look_up(const struct assay_host *host, const char *kind, uintptr_t address)
{
	uint64_t closes = atomic_load_explicit(&assay_next_closes, memory_order_relaxed);
	_Atomic uint64_t *entry = entry_of(address);
	uint64_t known = entry ? atomic_load_explicit(entry, memory_order_relaxed) : 0;
	uint32_t frame;

	if ((uint32_t)known && known >> 32 == closes)
		return (uint32_t)known;
	frame = host->frame_at(kind, "", (const void *)address);
	if (entry)
		atomic_store_explicit(entry, closes << 32 | frame, memory_order_relaxed);
	return frame;
}

uint32_t assay_openmp_call(const struct assay_host *host, const char *kind, const void *caller)
{
	if (assay_openmp_is_ours(caller)) /* the function of the program's that jumped here, if not its line */
		return assay_openmp_self.function ? look_up(host, kind, (uintptr_t)assay_openmp_self.function) : 0;
	return caller ? look_up(host, kind, (uintptr_t)caller - 1) : 0;
}

uint32_t assay_openmp_object(const struct assay_host *host, const char *kind, const void *object, const void *caller)
{
	struct dl_find_object found;

	/* the many locks that a program may have on its heap must not fill the table */
	if (object && _dl_find_object((void *)(uintptr_t)object, &found) == 0) {
		uint32_t frame = look_up(host, kind, (uintptr_t)object);

		if (frame)
			return frame;
	}
	return assay_openmp_call(host, kind, caller);
}

void assay_openmp_callers_forget(void)
{
	for (unsigned i = 0; i < ASSAY_OPENMP_CALLERS; i++) {
		atomic_store(&entries[i].frame, 0);
		atomic_store(&entries[i].key, 0);
	}
}
