/*
 * A range lies in one of a few places that its key leads to. Whoever has set a place's state to BUSY owns it: nobody waits,
 * and a range for which all its places are taken is counted as lost.
 */
#include "ranges.h"

enum { PLACES = 4096, NEAR = 32 };
enum state { FREE, BUSY, TAKEN };

static struct range {
	_Atomic uint32_t state;
	uint32_t frame;
	_Atomic uint64_t key[2];
	uint64_t begin_ns;
} ranges[PLACES];

static struct range *place(const uint64_t *key, unsigned i)
{
	uint64_t hash = (key[0] ^ key[1] * 0xbf58476d1ce4e5b9u) * 0x9e3779b97f4a7c15u;

	return &ranges[((hash >> 40) + i) % PLACES];
}

static bool has_key(struct range *r, uint64_t key, uint64_t id)
{
	return atomic_load_explicit(&r->key[0], memory_order_relaxed) == key &&
	       atomic_load_explicit(&r->key[1], memory_order_relaxed) == id;
}

static bool take(struct range *r, uint32_t from)
{
	return atomic_load_explicit(&r->state, memory_order_relaxed) == from &&
	       atomic_compare_exchange_strong(&r->state, &from, BUSY);
}

void regions_range_start(const struct assay_host *h, uint64_t key, uint64_t id, uint32_t frame)
{
	const uint64_t both[2] = { key, id };

	for (unsigned i = 0; i < NEAR; i++) {
		struct range *r = place(both, i);

		if (!take(r, FREE))
			continue;
		r->frame = frame;
		atomic_store_explicit(&r->key[0], key, memory_order_relaxed);
		atomic_store_explicit(&r->key[1], id, memory_order_relaxed);
		r->begin_ns = h->now();
		atomic_store_explicit(&r->state, TAKEN, memory_order_release);
		return;
	}
	h->span(regions_metric.ranges, 0, 0); /* of no frame: counted as lost */
}

void regions_range_end(const struct assay_host *h, uint64_t key, uint64_t id)
{
	const uint64_t both[2] = { key, id };
	uint64_t now = h->now();

	for (unsigned i = 0; i < NEAR; i++) {
		struct range *r = place(both, i);
		uint64_t begin;
		uint32_t frame;

		if (!has_key(r, key, id) || !take(r, TAKEN))
			continue;
		if (!has_key(r, key, id)) { /* another one by now */
			atomic_store_explicit(&r->state, TAKEN, memory_order_release);
			continue;
		}
		begin = r->begin_ns;
		frame = r->frame;
		atomic_store_explicit(&r->state, FREE, memory_order_release);
		h->span(regions_metric.ranges, frame, now > begin ? now - begin : 0);
		return;
	}
	h->close(0, regions_metric.regions, REGIONS_NEVER); /* says that it was not open */
}

void regions_ranges_stop(const struct assay_host *h)
{
	for (unsigned i = 0; i < PLACES; i++)
		if (take(&ranges[i], TAKEN))
			h->span(regions_metric.ranges, ranges[i].frame, h->now() - ranges[i].begin_ns);
}

void regions_ranges_forget(void)
{
	for (unsigned i = 0; i < PLACES; i++)
		atomic_store_explicit(&ranges[i].state, FREE, memory_order_relaxed);
}
