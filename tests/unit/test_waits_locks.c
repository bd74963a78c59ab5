/* test_waits_locks.c: what the plugin `waits` knows of locks: names, expectations, and who is to blame for waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The module itself, for its table. */
#include "plugins/waits/locks.c"
#include "plugins/waits/names.c"

const char *assay_waits_word(enum assay_waits_kind kind)
{
	return kind == WAIT_MUTEX ? "mutex" : "rwlock";
}

/* ---- a host ---- */

static uint64_t clock_ns;
static char asked[256]; /* the last name */
static const void *symbol_low, *symbol_high; /* addresses of which the host knows symbols */
static struct {
	char name[64];
} given[4096];
static uint32_t frames; /* how many of these there are */

static uint64_t now(void) { return clock_ns; }

static uint32_t frame(const char *kind, const char *name)
{
	snprintf(asked, sizeof asked, "%s: %s", kind, name);
	return 7;
}

static uint32_t frame_at(const char *kind, const char *prefix, const void *address)
{
	if ((const char *)address < (const char *)symbol_low || (const char *)address >= (const char *)symbol_high)
		return 0;
	snprintf(asked, sizeof asked, "%s: %s%d", kind, prefix, (int)((const char *)address - (const char *)symbol_low));
	for (uint32_t i = 0; i < frames; i++)
		if (strcmp(given[i].name, asked) == 0)
			return 100 + i;
	snprintf(given[frames].name, sizeof given[frames].name, "%.60s", asked);
	return 100 + frames++;
}

static const struct assay_host host = { .abi = ASSAY_PLUGIN_ABI, .size = sizeof host, .now = now, .frame = frame,
	.frame_at = frame_at };

static char module[1 << 20]; /* stands for one that the host knows */

static int setup(void **state)
{
	(void)state;
	memset(locks, 0, sizeof locks);
	memset(made, 0, sizeof made);
	atomic_store(&assay_waits_contended, false);
	atomic_store(&any_made, false);
	memset(&named, 0, sizeof named);
	clock_ns = 1000;
	frames = 0;
	symbol_low = module;
	symbol_high = module + sizeof module;
	return 0;
}

static struct assay_waits_lock *get(const void *address)
{
	struct assay_waits_lock *l = assay_waits_lock_get(&host, address);

	assert_non_null(l);
	return l;
}

/* ---- blame ---- */

/* The holder is to blame for all that others wait while it has the lock. */
static void one_waiter(void **state)
{
	struct assay_waits_lock *l = get(module);

	(void)state;
	assay_waits_lock_taken(l, 1000);
	assay_waits_lock_wait(l, 2000);
	assert_false(assay_waits_lock_is_quiet(l));
	assert_int_equal(assay_waits_lock_blame(l, 5000), 3000);
	assert_false(assay_waits_lock_is_quiet(l));
	assay_waits_lock_done(l, 5100);
	assert_false(assay_waits_lock_is_quiet(l)); /* nobody waits, but the hand-over is in the sum */
	assay_waits_lock_taken(l, 5100);
	assert_true(assay_waits_lock_is_quiet(l));
	/* the hand-over is on nobody's account, and the next holder begins with nothing */
	assert_int_equal(assay_waits_lock_blame(l, 9000), 0);
}

/* Two that wait at once count twice; one that gives up counts until then. */
static void several_waiters(void **state)
{
	struct assay_waits_lock *l = get(module);

	(void)state;
	assay_waits_lock_wait(l, 100); /* its holder is not known yet: it has it since before */
	assay_waits_lock_wait(l, 300);
	assay_waits_lock_done(l, 400); /* one of them, whichever */
	assert_int_equal(assay_waits_lock_blame(l, 1000), 1000 - 100 + 400 - 300);
	assert_int_equal(assay_waits_lock_blame(l, 1000), 0);
	/* the next holder, from 1200 on, with one that waits still */
	assay_waits_lock_taken(l, 1200);
	assert_int_equal(assay_waits_lock_blame(l, 1500), 300);
}

/* One that gave up before the lock was let go is no longer there, but was. */
static void gave_up(void **state)
{
	struct assay_waits_lock *l = get(module);

	(void)state;
	assay_waits_lock_taken(l, 1000);
	assert_true(assay_waits_lock_is_quiet(l));
	assay_waits_lock_wait(l, 2000);
	assay_waits_lock_done(l, 2500);
	assert_false(assay_waits_lock_is_quiet(l));
	assert_int_equal(assay_waits_lock_blame(l, 9000), 500);
	assert_true(assay_waits_lock_is_quiet(l));
}

/* Sums go round after 2^48 ns, and differences do not care. */
static void wraps(void **state)
{
	struct assay_waits_lock *l = get(module);
	uint64_t t = 5;

	(void)state;
	for (int i = 0; i < 100; i++) {
		assay_waits_lock_taken(l, t);
		for (int n = 0; n < 3; n++)
			assay_waits_lock_wait(l, t);
		t += 30000000000000; /* over eight hours */
		assert_int_equal(assay_waits_lock_blame(l, t), 90000000000000);
		for (int n = 0; n < 3; n++)
			assay_waits_lock_done(l, t);
	}
	assert_true(assay_waits_lock_is_quiet(l));
}

/* One that began to wait a moment after the holder looked at the clock. */
static void a_moment_late(void **state)
{
	struct assay_waits_lock *l = get(module);

	(void)state;
	assay_waits_lock_taken(l, 1000);
	assay_waits_lock_wait(l, 2010);
	assert_int_equal(assay_waits_lock_blame(l, 2000), 0);
	assert_int_equal(assay_waits_lock_blame(l, 2110), 110); /* nothing is lost */
}

static void many_waiters(void **state)
{
	struct assay_waits_lock *l = get(module);

	(void)state;
	for (int i = 0; i < 60000; i++)
		assay_waits_lock_wait(l, 100);
	assert_int_equal(assay_waits_lock_blame(l, 101), 60000);
	for (int i = 0; i < 60000; i++)
		assay_waits_lock_done(l, 101);
	assert_true(assay_waits_lock_is_quiet(l));
}

static void forked(void **state)
{
	struct assay_waits_lock *l = get(module);

	(void)state;
	assay_waits_lock_wait(l, 100);
	assay_waits_locks_forked();
	assert_true(assay_waits_lock_is_quiet(l));
	assay_waits_lock_taken(l, 500);
	assert_int_equal(assay_waits_lock_blame(l, 1000), 0);
}

/* ---- the table ---- */

static void find_and_get(void **state)
{
	(void)state;
	assert_null(assay_waits_lock_find(module));
	assert_false(assay_waits_contended);
	get(module);
	assert_ptr_equal(assay_waits_lock_find(module), get(module));
	assert_ptr_not_equal(get(module), get(module + 8));
	assert_true(assay_waits_contended);
}

/* More locks than there is room for: the old ones that nobody waits for make way, and those with waiters stay. */
static void full(void **state)
{
	struct assay_waits_lock *awaited = get(module);

	(void)state;
	assay_waits_lock_wait(awaited, 1000);
	for (int i = 1; i < 20 * LOCKS; i++) {
		struct assay_waits_lock *l = get(module + 40 * i);

		assert_ptr_equal(assay_waits_lock_find(module + 40 * i), l);
		assert_ptr_not_equal(l, awaited);
		/* what the one before left is no blame of this one's */
		clock_ns += 1000;
		assert_int_equal(assay_waits_lock_blame(l, clock_ns), 0);
		assay_waits_lock_wait(l, clock_ns);
		assert_int_equal(assay_waits_lock_blame(l, clock_ns + 10), 10);
		assay_waits_lock_done(l, clock_ns + 10);
	}
	assert_ptr_equal(assay_waits_lock_find(module), awaited);
	assert_int_equal(assay_waits_lock_blame(awaited, 1500), 500);
}

/* With waiters at each of them there is no room. */
static void all_awaited(void **state)
{
	int none = 0;

	(void)state;
	for (int i = 0; i < 4 * LOCKS; i++) {
		struct assay_waits_lock *l = assay_waits_lock_get(&host, module + 40 * i);

		if (l)
			assay_waits_lock_wait(l, 1000);
		else
			none++;
	}
	assert_int_equal(none, 3 * LOCKS);
}

/* ---- names ---- */

static uint32_t name_it(const void *address, enum assay_waits_kind kind, const void *site)
{
	asked[0] = 0;
	return assay_waits_lock_frame(&host, get(address), address, kind, site, true);
}

static void by_what_is_known(void **state)
{
	char heap[64];
	uint32_t first;

	(void)state;
	first = name_it(module + 8, WAIT_MUTEX, module + 500);
	assert_string_equal(asked, "mutex: 8");
	assert_int_equal(name_it(module + 8, WAIT_MUTEX, module + 600), first);
	assert_string_equal(asked, ""); /* kept */
	name_it(heap, WAIT_RWLOCK, module + 500);
	assert_string_equal(asked, "rwlock: waited for in 500");
	assay_waits_lock_made(heap + 16, module + 700);
	name_it(heap + 16, WAIT_MUTEX, module + 500);
	assert_string_equal(asked, "mutex: made in 700");
	/* made anew, elsewhere */
	assay_waits_lock_made(heap + 16, module + 800);
	name_it(heap + 16, WAIT_MUTEX, module + 500);
	assert_string_equal(asked, "mutex: made in 800");
	/* gone: another that comes to lie there was not made there */
	assay_waits_lock_made(heap + 16, NULL);
	name_it(heap + 16, WAIT_MUTEX, module + 500);
	assert_string_equal(asked, "mutex: waited for in 500");
	/* another kind of lock where there was one */
	name_it(module + 8, WAIT_RWLOCK, module + 500);
	assert_string_equal(asked, "rwlock: 8");
	/* nothing is known: code that no module has */
	name_it(heap + 32, WAIT_MUTEX, heap);
	assert_string_equal(asked, "mutex: other locks");
}

/*
 * One that has neither a symbol nor a maker may be another one the next time, at the same address: it is named by where it is
 * waited for, each time; and who had it has the name that the last waiter gave.
 */
static void by_place(void **state)
{
	char heap[8] = "";
	struct assay_waits_lock *l = get(heap);
	uint32_t first, second;

	(void)state;
	first = name_it(heap, WAIT_MUTEX, module + 500);
	assert_string_equal(asked, "mutex: waited for in 500");
	assert_int_equal(assay_waits_lock_frame(&host, l, heap, WAIT_MUTEX, module + 900, false), first);
	asked[0] = 0;
	assert_int_equal(name_it(heap, WAIT_MUTEX, module + 500), first);
	assert_string_equal(asked, ""); /* kept */
	second = name_it(heap, WAIT_MUTEX, module + 700);
	assert_string_equal(asked, "mutex: waited for in 700");
	assert_int_not_equal(second, first);
	assert_int_equal(assay_waits_lock_frame(&host, l, heap, WAIT_MUTEX, module + 900, false), second);
	assert_int_equal(name_it(heap, WAIT_MUTEX, module + 500), first);
	/* places that no module has are one place */
	name_it(heap, WAIT_MUTEX, heap + 4);
	assert_string_equal(asked, "mutex: other locks");
}

/*
 * A table of locks has a name for each of them, up to a limit; from there on they are told by where they are waited for. Those
 * that were named before have their names still, when others have had their entries meanwhile.
 */
static void too_many_names(void **state)
{
	static uint32_t had[ASSAY_WAITS_NAMES_MAX];

	(void)state;
	for (int i = 0; i < ASSAY_WAITS_NAMES_MAX; i++) {
		had[i] = name_it(module + 40 * i, WAIT_MUTEX, module + 500000);
		assert_null(strstr(asked, "waited"));
	}
	for (int i = 0; i < 4 * LOCKS; i++) {
		name_it(module + 40 * (ASSAY_WAITS_NAMES_MAX + i), WAIT_MUTEX, module + 500000);
		assert_string_equal(asked, "mutex: waited for in 500000");
	}
	for (int i = 0; i < ASSAY_WAITS_NAMES_MAX; i++)
		assert_int_equal(name_it(module + 40 * i, WAIT_MUTEX, module + 500000), had[i]);
}

static void expectations(void **state)
{
	struct assay_waits_lock *l = get(module);

	(void)state;
	assert_false(assay_waits_lock_lasts(l));
	assay_waits_lock_lasted(l, true);
	assert_true(assay_waits_lock_lasts(l));
	assay_waits_lock_lasted(l, false);
	assert_false(assay_waits_lock_lasts(l));
	assay_waits_lock_lasted(l, true);
	assay_waits_lock_made(module, module + 8);
	assert_false(assay_waits_lock_lasts(l));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_waiter, setup),
		cmocka_unit_test_setup(several_waiters, setup),
		cmocka_unit_test_setup(gave_up, setup),
		cmocka_unit_test_setup(wraps, setup),
		cmocka_unit_test_setup(a_moment_late, setup),
		cmocka_unit_test_setup(many_waiters, setup),
		cmocka_unit_test_setup(forked, setup),
		cmocka_unit_test_setup(find_and_get, setup),
		cmocka_unit_test_setup(full, setup),
		cmocka_unit_test_setup(all_awaited, setup),
		cmocka_unit_test_setup(by_what_is_known, setup),
		cmocka_unit_test_setup(by_place, setup),
		cmocka_unit_test_setup(too_many_names, setup),
		cmocka_unit_test_setup(expectations, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
