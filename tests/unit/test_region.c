/* test_region.c: regions in pairs and not: exact times, nesting, and what returns, jumps and forgotten ends leave. */
#include "core/sig/region.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/sig/cct.h"
#include "core_process.h"

enum { A = 101, B, C, METRIC = 7 };

static struct assay_thread *thread;
static _Atomic uint64_t *faults;

static int setup(void **state)
{
	(void)state;
	core_process_begin(1 << 20);
	thread = core_process_thread();
	faults = thread->record->region_faults;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	core_process_end();
	return 0;
}

/* Places on the thread's own stack; those with the highest bit are on another, and small numbers are none. */
static uintptr_t on_stack(uintptr_t sp)
{
	return sp < ASSAY_NO_STACK || sp >> 63 ? sp : thread->stack_low + sp;
}

/* Frames are told apart by their reference: the numbers themselves, in slots that no record has. */
static void open(uint32_t number, uintptr_t sp, uint64_t now)
{
	struct assay_region_is is = assay_region_is(number, ASSAY_PLACE_FRAME, METRIC, false);

	if (!assay_region_open_again(thread, on_stack(sp), number, METRIC, false, now))
		assert_int_equal(assay_region_open(thread, on_stack(sp), number, is, now), 0);
}

static void close(uint32_t number, uintptr_t sp, uint64_t now)
{
	assert_int_equal(assay_region_close(thread, on_stack(sp), number, now), 0);
}

/* The value of the node for regions in each other, outermost first, ended by 0. */
static const struct assay_spool_value *value(const uint32_t *path)
{
	assay_ref node = assay_cct_below(thread, 0, ASSAY_PLACE_SPECIAL, ASSAY_SPECIAL_REGIONS);
	const struct assay_spool_node *n;

	for (; *path; path++)
		node = assay_cct_below(thread, node, ASSAY_PLACE_FRAME, *path);
	n = assay_at(node);
	return n->values ? assay_at(n->values) : NULL;
}

#define CHECK(times, ns, ...)                                                            \
	do {                                                                             \
		const struct assay_spool_value *v_ = value((const uint32_t[]){ __VA_ARGS__, 0 }); \
		assert_non_null(v_);                                                     \
		assert_int_equal(v_->metric, METRIC);                                    \
		assert_int_equal(v_->count, times);                                      \
		assert_int_equal(v_->sum, ns);                                           \
	} while (0)

static void no_fault(void)
{
	for (int i = 0; i < ASSAY_REGION_FAULTS; i++)
		assert_int_equal(faults[i], 0);
	assert_int_equal(thread->region_count, 0);
}

static void pairs(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 10; i++) {
		open(A, 0x9000, i * 1000);
		open(B, 0x8000, i * 1000 + 100);
		close(B, 0x8000, i * 1000 + 400);
		open(B, 0x8800, i * 1000 + 500);
		open(C, 0x8800, i * 1000 + 600);
		close(C, 0x8800, i * 1000 + 610);
		close(B, 0x8800, i * 1000 + 700);
		close(A, 0x9000, i * 1000 + 900);
	}
	CHECK(10, 10 * (900 - 300 - 200), A);
	CHECK(20, 10 * (300 + 200 - 10), A, B);
	CHECK(10, 100, A, B, C);
	no_fault();
}

static void recursion(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		open(A, 0x9000 - i * 64, i * 10);
	for (uint64_t i = 0; i < 5; i++)
		close(A, 0x9000 - (4 - i) * 64, 50 + i * 10);
	CHECK(1, 20, A);
	CHECK(1, 20, A, A);
	CHECK(1, 10, A, A, A, A, A);
	no_fault();
}

/* The call that closes may be the last thing its function does: the stack pointer is the caller's then. */
static void closed_by_a_tail_call(void **state)
{
	(void)state;
	open(A, 0x8000, 0);
	close(A, 0x8040, 100);
	CHECK(1, 100, A);
	no_fault();
}

/* ... also in a recursion, where that is the outer call's. */
static void a_recursion_closed_by_tail_calls(void **state)
{
	(void)state;
	open(A, 0x9000, 0);
	open(A, 0x8000, 100);
	open(A, 0x7000, 200);
	close(A, 0x8001, 300);
	close(A, 0x9001, 400);
	close(A, 0xa001, 500);
	CHECK(1, 200, A);
	CHECK(1, 200, A, A);
	CHECK(1, 100, A, A, A);
	no_fault();
}

/* A function that returned, or was jumped out of, without an end: that is seen at the next region further out. */
static void left_open(void **state)
{
	(void)state;
	open(A, 0x9000, 0);
	open(B, 0x8000, 100);
	open(C, 0x7000, 200);
	open(B, 0x9000, 1000);
	assert_int_equal(faults[ASSAY_REGION_NEVER_CLOSED], 2);
	assert_int_equal(thread->region_count, 2);
	close(B, 0x9000, 1100);
	close(A, 0x9000, 1200);
	CHECK(1, 800, A, B, C);
	CHECK(2, 100 + 100, A, B);
	CHECK(1, 1200 - 900 - 100, A);
	assert_int_equal(faults[ASSAY_REGION_NOT_OPEN], 0);
}

/* An outer end closes what is open inside. */
static void ended_by_an_outer_one(void **state)
{
	(void)state;
	open(A, 0x9000, 0);
	open(B, 0x9000, 10);
	close(A, 0x9000, 30);
	CHECK(1, 20, A, B);
	CHECK(1, 10, A);
	assert_int_equal(faults[ASSAY_REGION_NEVER_CLOSED], 1);
	assert_int_equal(thread->region_count, 0);
}

/* The inner call of a recursion has no end: the outer one's is not taken for it. */
static void recursion_without_an_end(void **state)
{
	(void)state;
	open(A, 0x9000, 0);
	open(A, 0x8000, 100);
	open(B, 0x9000, 200); /* the inner one has returned */
	close(B, 0x9000, 300);
	close(A, 0x9000, 400);
	CHECK(1, 100, A, A);
	CHECK(1, 100, A, B);
	CHECK(1, 200, A);
	assert_int_equal(faults[ASSAY_REGION_NEVER_CLOSED], 1);
}

/* Which of two stacks lies higher says nothing of who called whom. */
static void on_other_stacks(void **state)
{
	static const uintptr_t other = (uintptr_t)1 << 63 | 0x5000;

	(void)state;
	open(A, other, 0);
	open(B, 0x9000, 100);
	open(C, other + 0x1000, 200);
	close(C, other + 0x1000, 300);
	close(B, 0x9000, 400);
	close(A, other, 500);
	CHECK(1, 100, A, B, C);
	CHECK(1, 200, A, B);
	CHECK(1, 200, A);
	no_fault();
}

static void an_end_too_many(void **state)
{
	(void)state;
	open(A, 0x9000, 0);
	close(B, 0x9000, 10);
	close(A, 0x9000, 20);
	close(A, 0x9000, 30);
	CHECK(1, 20, A);
	assert_int_equal(faults[ASSAY_REGION_NOT_OPEN], 2);
	assert_null(value((const uint32_t[]){ B, 0 }));
}

static void too_many(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < ASSAY_REGIONS_MAX + 10; i++)
		open(A, 0x90000 - i * 64, i);
	assert_int_equal(faults[ASSAY_REGION_TOO_MANY], 10);
	assert_int_equal(thread->region_count, ASSAY_REGIONS_MAX);
	for (uint64_t i = 0; i < ASSAY_REGIONS_MAX + 10; i++)
		close(A, 0x90000 - (ASSAY_REGIONS_MAX + 9 - i) * 64, 1000);
	assert_int_equal(thread->region_count, 0);
	assert_int_equal(faults[ASSAY_REGION_NEVER_CLOSED] + faults[ASSAY_REGION_NOT_OPEN], 0);
}

static void all_end_with_the_thread(void **state)
{
	(void)state;
	open(A, 0x9000, 0);
	open(B, 0x8000, 10);
	assay_region_close_all(thread, 100);
	CHECK(1, 90, A, B);
	CHECK(1, 10, A);
	assert_int_equal(faults[ASSAY_REGION_NEVER_CLOSED], 2);
}

/* What a killed process leaves: the regions it was in, outermost first, with what each took so far. */
static void open_ones_are_in_the_spool(void **state)
{
	const struct assay_spool_opens *opens;
	const struct assay_spool_node *n;

	(void)state;
	open(A, 0x9000, 10);
	open(B, 0x8000, 100);
	close(B, 0x8000, 140);
	open(C, 0x8000, 200);
	opens = assay_at(thread->record->open);
	assert_int_equal(opens->count, 2);
	assert_int_equal(opens->regions[0].begin_ns, 10);
	assert_int_equal(opens->regions[0].inner_ns, 40);
	assert_int_equal(opens->regions[0].metric, METRIC);
	assert_int_equal(opens->regions[1].begin_ns, 200);
	assert_int_equal(opens->regions[1].inner_ns, 0);
	n = assay_at(opens->regions[1].node);
	assert_int_equal(n->address, C);
	assert_int_equal(n->parent, opens->regions[0].node);
	close(C, 0x8000, 300);
	assert_int_equal(opens->count, 1);
	close(A, 0x9000, 400);
	assert_int_equal(opens->count, 0);
	no_fault();
}

/* A region of no function's goes on when functions return, and may be closed by any. */
static void of_no_function(void **state)
{
	(void)state;
	open(A, 0, 0);
	open(B, 0x7000, 100);
	close(B, 0x7000, 150);
	open(C, 0x9000, 200);
	close(C, 0x9000, 300);
	close(A, 0, 1000);
	CHECK(1, 1000 - 50 - 100, A);
	CHECK(1, 50, A, B);
	CHECK(1, 100, A, C);
	no_fault();
}

/* Of several kinds, each is closed as a stack of its own. */
static void stacks_of_several_kinds(void **state)
{
	(void)state;
	open(A, 1, 0);
	open(B, 2, 100);
	open(C, 1, 200);
	close(0, 1, 300);
	close(0, 1, 400);
	close(0, 2, 600);
	CHECK(1, 100, A);
	CHECK(1, 100, A, B, C);
	CHECK(0, 200, A, B);
	CHECK(1, 200, B);
	no_fault();
	close(0, 2, 700);
	assert_int_equal(faults[ASSAY_REGION_NOT_OPEN], 1);
}

/* It may end before what was opened in it: that goes on in the one around it, and counts once. */
static void overlapping(void **state)
{
	(void)state;
	open(C, 0x9000, 0);
	open(A, 0, 100);
	open(B, 0, 300);
	close(A, 0, 1000);
	close(B, 0, 1500);
	close(C, 0x9000, 2000);
	CHECK(1, 200, C, A);
	CHECK(0, 700, C, A, B);
	CHECK(1, 500, C, B);
	CHECK(1, 2000 - 1400, C);
	no_fault();
}

/* ... and a function's own region inside it too. */
static void ended_from_within(void **state)
{
	(void)state;
	open(A, 0, 0);
	open(B, 0x9000, 100);
	open(C, 0x8000, 200);
	close(A, 0, 300);
	close(C, 0x8000, 400);
	close(B, 0x9000, 600);
	CHECK(1, 100, A);
	CHECK(0, 100, A, B);
	CHECK(0, 100, A, B, C);
	CHECK(1, 100, B, C);
	CHECK(1, 200, B);
	no_fault();
}

/* A function that has returned is seen to have below one of no function's, which goes on. */
static void left_open_below_one_of_no_function(void **state)
{
	(void)state;
	open(B, 0x7000, 0);
	open(A, 0, 100);
	open(C, 0x9000, 500); /* B's function has returned */
	assert_int_equal(faults[ASSAY_REGION_NEVER_CLOSED], 1);
	close(C, 0x9000, 600);
	close(A, 0, 1000);
	CHECK(1, 100, B);
	CHECK(0, 400, B, A);
	CHECK(1, 1000 - 500 - 100, A);
	CHECK(1, 100, A, C);
	assert_int_equal(thread->region_count, 0);
}

/* What is said is put down in the innermost region, or in none. */
static void added_in_a_region(void **state)
{
	(void)state;
	open(A, 0x9000, 0);
	open(B, 0x8000, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(assay_region_add(thread, METRIC, C, 5), 0);
	close(B, 0x8000, 10);
	close(A, 0x9000, 10);
	assert_int_equal(assay_region_add(thread, METRIC, C, 7), 0);
	CHECK(3, 15, A, B, C);
	CHECK(1, 7, C);
}

/* Another thread's slot: nothing is taken for its own that an earlier one left there. */
static void in_another_tree(void **state)
{
	(void)state;
	open(A, 0x9000, 0);
	close(A, 0x9000, 100);
	assay_region_close_all(thread, 100);
	thread->record->open = 0;
	thread->record->root = 0;
	assert_false(assay_region_open_again(thread, on_stack(0x9000), A, METRIC, false, 1000));
	open(A, 0x9000, 1000);
	close(A, 0x9000, 1001);
	CHECK(1, 1, A);
	no_fault();
}

/* What comes and goes in a stack frame makes the last walk's steps void from there on inwards. */
static void changes_are_noted(void **state)
{
	(void)state;
	thread->regions_changed = 0;
	open(A, 0x9000, 0);
	assert_int_equal(thread->regions_changed, on_stack(0x9000));
	thread->regions_changed = 0;
	open(B, 0x8000, 0);
	assert_int_equal(thread->regions_changed, on_stack(0x8000));
	close(B, 0x8000, 1);
	close(A, 0x9000, 2);
	assert_int_equal(thread->regions_changed, on_stack(0x9000));
	open(A, 0, 3);
	assert_int_equal(thread->regions_changed, UINTPTR_MAX);
	close(A, 0, 4);
}

/* A sample's path: each region above the function that opened it, those of no function's above all. */
static void in_the_path_of_a_sample(void **state)
{
	static const uintptr_t sp[] = { 0x7000, 0x8000, 0x9000 }; /* of leaf, middle and main */
	const struct assay_spool_node *n;
	static const struct { uint32_t module; uint64_t address; } wanted[] = {
		{ 64, 0x10 }, { 64, 0x11 }, { ASSAY_PLACE_FRAME, B }, { ASSAY_PLACE_FRAME, A }, { 64, 0x12 },
		{ ASSAY_PLACE_FRAME, 98 }, { ASSAY_PLACE_FRAME, 99 },
	};

	(void)state;
	open(A, 0x8000, 0);
	open(99, 0, 0);
	open(98, 7, 0);
	open(B, 0x8000, 0);
	open(C, 0x6000, 0); /* of a function that has returned */
	for (uint32_t i = 0; i < 3; i++) {
		thread->frames[i] = (struct assay_frame_ref){ .address = 0x10 + i, .module = 64 };
		assay_fresh_step(thread, i)->sp = on_stack(sp[i]);
	}
	n = assay_at(assay_cct_path(thread, 3, true));
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		assert_int_equal(n->module, wanted[i].module);
		assert_int_equal(n->address, wanted[i].address);
		n = assay_at(n->parent);
	}
	assert_int_equal(assay_fresh_step(thread, 2)->path, 3);
	assert_int_equal(assay_fresh_step(thread, 1)->path, 6);
	assert_int_equal(assay_fresh_step(thread, 0)->path, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pairs),
		TEST(recursion),
		TEST(closed_by_a_tail_call),
		TEST(a_recursion_closed_by_tail_calls),
		TEST(left_open),
		TEST(ended_by_an_outer_one),
		TEST(recursion_without_an_end),
		TEST(on_other_stacks),
		TEST(an_end_too_many),
		TEST(too_many),
		TEST(all_end_with_the_thread),
		TEST(open_ones_are_in_the_spool),
		TEST(of_no_function),
		TEST(stacks_of_several_kinds),
		TEST(overlapping),
		TEST(ended_from_within),
		TEST(left_open_below_one_of_no_function),
		TEST(added_in_a_region),
		TEST(in_another_tree),
		TEST(changes_are_noted),
		TEST(in_the_path_of_a_sample),
	};

	return cmocka_run_group_tests_name("region", tests, NULL, NULL);
}
