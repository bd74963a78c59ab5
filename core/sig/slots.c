/* Free slots are a stack with a tag against the ABA problem (Treiber 1986). */
#include "slots.h"

#include <sys/mman.h>

enum { BATCH = 16, BATCHES = 4096 };

static struct assay_thread *_Atomic batches[BATCHES] ASSAY_COLD;
static _Atomic uint32_t used;
static _Atomic uint64_t free_slots; /* tag << 32 | slot + 1 */

uint32_t assay_slots_count(void)
{
	uint32_t n = atomic_load_explicit(&used, memory_order_acquire);

	return n < BATCH * BATCHES ? n : BATCH * BATCHES;
}

struct assay_thread *assay_slots_at(uint32_t slot)
{
	struct assay_thread *batch = atomic_load_explicit(&batches[slot / BATCH], memory_order_acquire);

	return batch ? &batch[slot % BATCH] : NULL;
}

static struct assay_thread *new_slot(void)
{
	uint32_t slot = atomic_fetch_add(&used, 1), b = slot / BATCH;
	size_t size = sizeof(struct assay_thread) * BATCH;
	struct assay_thread *batch, *none = NULL;

	if (b >= BATCHES) {
		atomic_fetch_sub(&used, 1);
		return NULL;
	}
	if (!atomic_load(&batches[b])) {
		batch = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (batch == MAP_FAILED)
			return NULL;
		if (!atomic_compare_exchange_strong(&batches[b], &none, batch))
			munmap(batch, size);
	}
	batch = assay_slots_at(slot);
	batch->slot = slot;
	return batch;
}

struct assay_thread *assay_slots_take(void)
{
	uint64_t head = atomic_load(&free_slots);
	struct assay_thread *thread;

	do {
		if (!(uint32_t)head) {
			thread = new_slot();
			break;
		}
		thread = assay_slots_at((uint32_t)head - 1);
	} while (!atomic_compare_exchange_weak(&free_slots, &head, ((head >> 32) + 1) << 32 | thread->next_free));
	if (thread)
		atomic_store_explicit(&thread->state, ASSAY_SLOT_STARTING, memory_order_relaxed);
	return thread;
}

void assay_slots_give_back(struct assay_thread *thread)
{
	uint64_t head = atomic_load(&free_slots);

	atomic_store(&thread->state, ASSAY_SLOT_FREE);
	do {
		thread->next_free = (uint32_t)head;
	} while (!atomic_compare_exchange_weak(&free_slots, &head, ((head >> 32) + 1) << 32 | (thread->slot + 1)));
}

void assay_slots_after_fork(struct assay_thread *self)
{
	uint32_t n = assay_slots_count();

	atomic_store(&free_slots, 0);
	for (uint32_t i = 0; i < n; i++) {
		struct assay_thread *thread = assay_slots_at(i);

		if (!thread || thread == self)
			continue;
		thread->slot = i; /* one that was being made at the fork may not know it yet */
		assay_slots_give_back(thread);
	}
}
