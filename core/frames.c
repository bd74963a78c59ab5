/*
 * An open-addressed table of numbers, by a hash of the words (FNV-1a, Fowler, Noll and Vo). An entry is filled before
 * its number is put into the table; of two threads that bring the same words at once, one wastes an entry.
 */
#include "frames.h"

#include <string.h>

#include "places.h"
#include "sig/arena.h"

enum { FRAMES = 8192, SLOTS = 2 * FRAMES, TEXT = 512 * 1024 };

struct frame {
	uint32_t kind, name; /* offsets in text */
	uintptr_t address;   /* whose symbol belongs to the name, or 0 */
	_Atomic assay_ref ref;
};
static struct frame frames[FRAMES + 1] ASSAY_COLD; /* number 0 is none */
static _Atomic uint32_t slots[SLOTS] ASSAY_COLD;
static char text[TEXT] ASSAY_COLD;
static _Atomic uint32_t frames_used, text_used;

static bool has_module(uintptr_t address)
{
	uint64_t in_module;
	uint32_t module;

	assay_places_find(address, &module, &in_module);
	return module >= ASSAY_PLACES;
}

static uint32_t hash(uint32_t h, const char *word)
{
	do
		h = (h ^ (uint8_t)*word) * 16777619u;
	while (*word++);
	return h;
}

static bool is(uint32_t number, const char *kind, const char *name, uintptr_t address)
{
	return frames[number].address == address && strcmp(text + frames[number].kind, kind) == 0 && strcmp(text + frames[number].name, name) == 0;
}

static assay_ref publish(const struct frame *f)
{
	struct assay_spool_frame *record = assay_arena_alloc_common(sizeof *record);

	if (!record)
		return 0;
	if (f->address)
		assay_places_find(f->address, &record->module, &record->address);
	record->kind = assay_arena_string(text + f->kind, strlen(text + f->kind));
	record->name = assay_arena_string(text + f->name, strlen(text + f->name));
	return record->kind && record->name ? assay_ref_of(record) : 0;
}

static uint32_t make(const char *kind, const char *name, uintptr_t address)
{
	size_t kind_size = strlen(kind) + 1, name_size = strlen(name) + 1;
	uint32_t at = atomic_load(&text_used), number;

	do {
		if (kind_size + name_size > TEXT - at)
			return 0;
	} while (!atomic_compare_exchange_weak(&text_used, &at, at + (uint32_t)(kind_size + name_size)));
	number = atomic_fetch_add(&frames_used, 1) + 1;
	if (number > FRAMES) {
		atomic_fetch_sub(&frames_used, 1);
		return 0;
	}
	frames[number].kind = at;
	frames[number].name = at + (uint32_t)kind_size;
	frames[number].address = address;
	memcpy(text + frames[number].kind, kind, kind_size);
	memcpy(text + frames[number].name, name, name_size);
	atomic_store(&frames[number].ref, publish(&frames[number]));
	return number;
}

uint32_t assay_frames_number(const char *kind, const char *name, uintptr_t address)
{
	uint32_t at = hash(hash(2166136261u, kind), name) ^ (uint32_t)((uint64_t)address * 0x9e3779b97f4a7c15u >> 32), made = 0;

	if (address && !has_module(address))
		return 0;
	for (uint32_t i = 0; i < SLOTS; i++) {
		_Atomic uint32_t *slot = &slots[(at + i) % SLOTS];
		uint32_t number = atomic_load_explicit(slot, memory_order_acquire);

		if (!number) {
			made = made ? made : make(kind, name, address);
			if (!made || atomic_compare_exchange_strong(slot, &number, made))
				return made;
		}
		if (is(number, kind, name, address))
			return number;
	}
	return 0;
}

assay_ref assay_frames_ref(uint32_t number)
{
	return number && number <= FRAMES ? atomic_load_explicit(&frames[number].ref, memory_order_acquire) : 0;
}

void assay_frames_rewrite(void)
{
	uint32_t n = atomic_load(&frames_used);

	for (uint32_t i = 1; i <= n && i <= FRAMES; i++)
		atomic_store(&frames[i].ref, frames[i].name ? publish(&frames[i]) : 0);
}
