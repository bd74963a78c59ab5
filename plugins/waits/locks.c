/*
 * What is known of each lock and other object that threads wait for, by address.
 *
 * Blame. Of each lock the time that threads have waited for it so far, all together, is known at any moment, from one
 * atomic word: n threads are waiting, and A is the sum of the times at which waits began, less those at which they ended.
 * Then n * now - A is the time waited, those that wait included. A is kept modulo 2^48 (three days of it, ns), which is
 * enough for differences. n has the lower bits, so that nothing is carried into it. The thread that has the lock keeps
 * what that time was when it got it; when it lets go, the difference is what others waited for it. `taken` is thus
 * guarded by the lock that it is about.
 *
 * An entry is never taken out, but another lock may take its place where nobody waits: then what was waited for the old
 * one stays in the sum, where it does no harm, for only differences count.
 */
#include "waits.h"

enum { LOCKS = 1024, WINDOW = 8, MADE = 2048 };
#define N_BITS 16
#define N_MASK ((1u << N_BITS) - 1)

struct assay_waits_lock {
	_Atomic uintptr_t address;
	_Atomic uint64_t waiting; /* A << N_BITS | n */
	_Atomic uint64_t taken;
	_Atomic uint64_t frame;   /* with what it is of: see keep */
	_Atomic bool lasted;
};
static struct assay_waits_lock locks[LOCKS] ASSAY_WAITS_COLD;

/* Where locks were made: the last that fell into each entry. */
static struct {
	_Atomic uintptr_t address, site;
} made[MADE] ASSAY_WAITS_COLD;
static _Atomic bool any_made;

/* Those that symbols have given: a table of locks has a name for each of them. */
static struct assay_waits_names named ASSAY_WAITS_COLD;

_Atomic bool assay_waits_contended;

static uint32_t hash(const void *address)
{
	return (uint32_t)((uint64_t)(uintptr_t)address * 0x9e3779b97f4a7c15u >> 40);
}

struct assay_waits_lock *assay_waits_lock_find(const void *address)
{
	uint32_t h = hash(address);

	for (uint32_t i = 0; i < WINDOW; i++) {
		struct assay_waits_lock *l = &locks[(h + i) % LOCKS];
		uintptr_t there = atomic_load_explicit(&l->address, memory_order_acquire);

		if (there == (uintptr_t)address)
			return l;
		if (!there)
			break;
	}
	return NULL;
}

/* One of those that may be where `address` belongs, and that nobody waits for: it is forgotten. */
static struct assay_waits_lock *replace(const void *address, uint64_t now)
{
	static _Atomic uint32_t turn;
	uint32_t h = hash(address), first = atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed);

	for (uint32_t i = 0; i < WINDOW; i++) {
		struct assay_waits_lock *l = &locks[(h + (first + i) % WINDOW) % LOCKS];
		uintptr_t there = atomic_load(&l->address);

		if (atomic_load(&l->waiting) & N_MASK)
			continue;
		if (atomic_compare_exchange_strong(&l->address, &there, (uintptr_t)address)) {
			atomic_store_explicit(&l->frame, 0, memory_order_relaxed);
			atomic_store_explicit(&l->lasted, false, memory_order_relaxed);
			assay_waits_lock_taken(l, now);
			return l;
		}
	}
	return NULL;
}

struct assay_waits_lock *assay_waits_lock_get(const struct assay_host *host, const void *address)
{
	struct assay_waits_lock *found = assay_waits_lock_find(address);
	uint32_t h = hash(address);

	if (found)
		return found;
	atomic_store_explicit(&assay_waits_contended, true, memory_order_relaxed);
	for (uint32_t i = 0; i < WINDOW; i++) {
		struct assay_waits_lock *l = &locks[(h + i) % LOCKS];
		uintptr_t there = 0;

		if (atomic_compare_exchange_strong(&l->address, &there, (uintptr_t)address) ||
		    there == (uintptr_t)address)
			return l;
	}
	return replace(address, host->now());
}

/* ---- names ---- */

/*
 * Frame, kind, and parts of the address and of the place that it is named by (0: not by a place) in one word: what lies there
 * now may be another lock, and another thread may be giving the entry to another address.
 */
enum { FRAME_BITS = 24 };

static uint64_t part_of(const void *address)
{
	return (uint64_t)(uintptr_t)address * 0x9e3779b97f4a7c15u >> 24 & 0xffff;
}

static uint64_t keep(uint32_t frame, enum assay_waits_kind kind, const void *address)
{
	return (uint64_t)frame << 40 | (uint64_t)kind << 32 | part_of(address) << 16;
}

static uint64_t place(const void *site)
{
	uint64_t part = part_of(site);

	return part ? part : 1;
}

static const void *site_made(const void *address)
{
	uint32_t h = hash(address) % MADE;
	uintptr_t site;

	if (atomic_load_explicit(&made[h].address, memory_order_acquire) != (uintptr_t)address)
		return NULL;
	site = atomic_load_explicit(&made[h].site, memory_order_acquire);
	return atomic_load_explicit(&made[h].address, memory_order_acquire) == (uintptr_t)address ? (const void *)site : NULL;
}

static uint32_t by_symbol(const struct assay_host *host, enum assay_waits_kind kind, const void *address)
{
	uint64_t key = ((uint64_t)(uintptr_t)address << 8) + kind;
	uint32_t frame;

	if (!assay_waits_names_allow(&named, key))
		return 0;
	frame = host->frame_at(assay_waits_word(kind), "", address);
	assay_waits_names_note(&named, key, frame);
	return frame;
}

/* Its frame by what stays the same as long as it is there; 0: there is nothing. */
static uint32_t own_name(const struct assay_host *host, const void *address, enum assay_waits_kind kind)
{
	uint32_t frame = by_symbol(host, kind, address);
	const void *where = frame ? NULL : site_made(address);

	return where ? host->frame_at(assay_waits_word(kind), "made in ", where) : frame;
}

static uint32_t place_name(const struct assay_host *host, enum assay_waits_kind kind, const void *site)
{
	const char *word = assay_waits_word(kind);
	uint32_t frame = host->frame_at(word, "waited for in ", site);

	return frame ? frame : host->frame(word, "other locks");
}

uint32_t assay_waits_lock_frame(const struct assay_host *host, struct assay_waits_lock *lock, const void *address,
				enum assay_waits_kind kind, const void *site, bool waits)
{
	uint64_t kept = atomic_load_explicit(&lock->frame, memory_order_relaxed), by = kept & 0xffff;
	uint32_t frame = (uint32_t)(kept >> 40);
	bool is_its = frame && kept - by == keep(frame, kind, address);

	if (is_its && (!by || !waits || by == place(site)))
		return frame;
	frame = is_its ? 0 : own_name(host, address, kind); /* by a place: it had no other name */
	by = frame ? 0 : place(site);
	if (!frame)
		frame = place_name(host, kind, site);
	if (frame < 1u << FRAME_BITS)
		atomic_store_explicit(&lock->frame, keep(frame, kind, address) | by, memory_order_relaxed);
	return frame;
}

void assay_waits_lock_made(const void *address, const void *site)
{
	uint32_t h = hash(address) % MADE;
	struct assay_waits_lock *lock;

	if (site) {
		atomic_store_explicit(&made[h].address, 0, memory_order_relaxed);
		atomic_store_explicit(&made[h].site, (uintptr_t)site, memory_order_release);
		atomic_store_explicit(&made[h].address, (uintptr_t)address, memory_order_release);
		atomic_store_explicit(&any_made, true, memory_order_relaxed);
	} else if (atomic_load_explicit(&any_made, memory_order_relaxed) && made[h].address == (uintptr_t)address) {
		atomic_store_explicit(&made[h].address, 0, memory_order_relaxed);
	}
	lock = atomic_load_explicit(&assay_waits_contended, memory_order_relaxed) ? assay_waits_lock_find(address) : NULL;
	if (lock) { /* the one before */
		atomic_store_explicit(&lock->frame, 0, memory_order_relaxed);
		atomic_store_explicit(&lock->lasted, false, memory_order_relaxed);
	}
}

/* ---- what to expect ---- */

bool assay_waits_lock_lasts(const struct assay_waits_lock *lock)
{
	return atomic_load_explicit(&lock->lasted, memory_order_relaxed);
}

void assay_waits_lock_lasted(struct assay_waits_lock *lock, bool lasted)
{
	if (assay_waits_lock_lasts(lock) != lasted)
		atomic_store_explicit(&lock->lasted, lasted, memory_order_relaxed);
}

/* ---- blame ---- */

/* What threads have waited so far, in the upper bits: so differences are modulo 2^48. */
static uint64_t waited(const struct assay_waits_lock *lock, uint64_t now)
{
	uint64_t w = atomic_load(&lock->waiting);

	return (w & N_MASK) * (now << N_BITS) - (w & ~(uint64_t)N_MASK);
}

void assay_waits_lock_wait(struct assay_waits_lock *lock, uint64_t now)
{
	atomic_fetch_add(&lock->waiting, (now << N_BITS) + 1);
}

void assay_waits_lock_done(struct assay_waits_lock *lock, uint64_t now)
{
	atomic_fetch_sub(&lock->waiting, (now << N_BITS) + 1);
}

bool assay_waits_lock_is_quiet(const struct assay_waits_lock *lock)
{
	uint64_t w = atomic_load_explicit(&lock->waiting, memory_order_relaxed);

	return !(w & N_MASK) && 0 - w == atomic_load_explicit(&lock->taken, memory_order_relaxed);
}

void assay_waits_lock_taken(struct assay_waits_lock *lock, uint64_t now)
{
	atomic_store_explicit(&lock->taken, waited(lock, now), memory_order_relaxed);
}

uint64_t assay_waits_lock_blame(struct assay_waits_lock *lock, uint64_t now)
{
	uint64_t all = waited(lock, now);
	int64_t since = (int64_t)(all - atomic_load_explicit(&lock->taken, memory_order_relaxed)) >> N_BITS;

	atomic_store_explicit(&lock->taken, all, memory_order_relaxed);
	/* one that began to wait a moment after `now` counts as less than nothing */
	return since > 0 ? (uint64_t)since : 0;
}

void assay_waits_locks_forked(void)
{
	if (!atomic_load(&assay_waits_contended))
		return;
	for (uint32_t i = 0; i < LOCKS; i++) {
		if (!(atomic_load_explicit(&locks[i].waiting, memory_order_relaxed) & N_MASK))
			continue;
		atomic_store(&locks[i].waiting, 0);
		atomic_store(&locks[i].taken, 0);
	}
}
