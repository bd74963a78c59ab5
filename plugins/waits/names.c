/*
 * How many names there may be. The host has room for some thousands, and a program may lock as many objects, or open as
 * many files: each sort of names has a budget, and when it is spent, only what has got a name before has one.
 */
#include "waits.h"

enum { NAMES_WINDOW = 8 };

static _Atomic uint32_t *slots(struct assay_waits_names *names, uint64_t key)
{
	return &names->known[(key * 0x9e3779b97f4a7c15u >> 40) % (ASSAY_WAITS_NAMES_KNOWN - NAMES_WINDOW + 1)];
}

/* What is kept of a key; never 0. */
static uint32_t print_of(uint64_t key)
{
	return (uint32_t)(key * 0xd6e8feb86659fd93u >> 32) | 1;
}

bool assay_waits_names_allow(struct assay_waits_names *names, uint64_t key)
{
	_Atomic uint32_t *slot = slots(names, key);
	uint32_t print = print_of(key);

	if (atomic_load_explicit(&names->used, memory_order_relaxed) < ASSAY_WAITS_NAMES_MAX)
		return true;
	for (int i = 0; i < NAMES_WINDOW; i++)
		if (atomic_load_explicit(&slot[i], memory_order_relaxed) == print)
			return true;
	return false;
}

static void remember(struct assay_waits_names *names, uint64_t key)
{
	_Atomic uint32_t *slot = slots(names, key);
	uint32_t print = print_of(key);

	for (int i = 0; i < NAMES_WINDOW; i++) {
		uint32_t there = 0;

		if (atomic_compare_exchange_strong(&slot[i], &there, print) || there == print)
			return;
	}
	/* no room: one of those before is asked for no more, once the budget is spent */
	atomic_store_explicit(&slot[print / 2 % NAMES_WINDOW], print, memory_order_relaxed);
}

void assay_waits_names_note(struct assay_waits_names *names, uint64_t key, uint32_t frame)
{
	if (!frame)
		return;
	remember(names, key);
	/* numbers only grow: one that is higher than all before is new */
	if (frame > atomic_load_explicit(&names->newest, memory_order_relaxed)) {
		atomic_store_explicit(&names->newest, frame, memory_order_relaxed);
		atomic_fetch_add_explicit(&names->used, 1, memory_order_relaxed);
	}
}
