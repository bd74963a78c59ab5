#include "request.h"

/*
 * An entry is filled by who has made its key BUSY, and published with the key; who ends it makes it BUSY again. So no two
 * threads touch what is in it at once. A key lies in one of NEAR slots from its hash on.
 */
enum { SLOTS = 8192, NEAR = 32 };
#define BUSY UINT64_MAX

static _Atomic uint64_t used[SLOTS] ASSAY_MPI_COLD; /* 0: free */
static struct assay_mpi_request entries[SLOTS] ASSAY_MPI_COLD;

static unsigned slot_of(uint64_t key)
{
	return (unsigned)(key * 0x9e3779b97f4a7c15ull >> 51);
}
_Static_assert(SLOTS == 1 << 13, "as many as there are slots");

/* Makes a slot with this key (0: a free one) BUSY, and tells which; SLOTS: there is none. */
static unsigned take(uint64_t near, uint64_t key)
{
	for (unsigned i = 0; i < NEAR; i++) {
		unsigned at = (slot_of(near) + i) % SLOTS;
		uint64_t is = atomic_load_explicit(&used[at], memory_order_relaxed);

		if (is == key && atomic_compare_exchange_strong_explicit(&used[at], &is, BUSY, memory_order_acquire,
			memory_order_relaxed))
			return at;
	}
	return SLOTS;
}

static void put_back(unsigned at, uint64_t key)
{
	atomic_store_explicit(&used[at], key, memory_order_release);
}

bool assay_mpi_request_add(uint64_t key, const struct assay_mpi_request *request)
{
	unsigned at = take(key, 0);

	if (at == SLOTS)
		return false;
	entries[at] = *request;
	put_back(at, key);
	return true;
}

bool assay_mpi_request_find(uint64_t key, struct assay_mpi_request *request)
{
	unsigned at = key ? take(key, key) : SLOTS;

	if (at == SLOTS)
		return false;
	*request = entries[at];
	put_back(at, key);
	return true;
}

bool assay_mpi_request_end(uint64_t key, struct assay_mpi_request *request)
{
	unsigned at = key ? take(key, key) : SLOTS;

	if (at == SLOTS)
		return false;
	*request = entries[at];
	entries[at].began_ns = 0;
	put_back(at, request->persistent ? key : 0);
	return request->began_ns != 0;
}

bool assay_mpi_request_start(uint64_t key, uint64_t now, struct assay_mpi_request *request)
{
	unsigned at = key ? take(key, key) : SLOTS;

	if (at == SLOTS)
		return false;
	entries[at].began_ns = now;
	*request = entries[at];
	put_back(at, key);
	return true;
}

void assay_mpi_request_forget(uint64_t key)
{
	unsigned at = key ? take(key, key) : SLOTS;

	if (at != SLOTS)
		put_back(at, 0);
}
