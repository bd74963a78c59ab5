/* test_wait.c: waits and adoptions by a clock of the test's own: what is a part of what, what a jump leaves, and docks. */
#include "core/sig/wait.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/sig/arena.h"
#include "core/sig/cct.h"
#include "core/sig/handler.h"
#include "core_process.h"

enum { METRIC = 7, LONG = 1000 };

static struct assay_thread *thread;
static assay_ref lock, pipe_, after; /* frames */

/* A walk for these tests: one frame. */
static uint32_t walk(struct assay_thread *t, void *context, enum assay_spool_walk *end)
{
	(void)context;
	t->shared = 0;
	t->frames[0] = (struct assay_frame_ref){ .module = ASSAY_PLACE_ABSOLUTE, .address = 0x1234 };
	*assay_fresh_step(t, 0) = (struct assay_walk_step){ .sp = t->stack_low + 10 };
	*end = ASSAY_WALK_COMPLETE;
	return 1;
}

static assay_ref frame(const char *kind, const char *name)
{
	struct assay_spool_frame *f = assay_arena_alloc_common(sizeof *f);

	assert_non_null(f);
	f->kind = assay_arena_string(kind, 4);
	f->name = assay_arena_string(name, 4);
	return assay_ref_of(f);
}

static int setup(void **state)
{
	(void)state;
	core_process_begin(1 << 20);
	thread = core_process_thread();
	assay_handler_unwind = walk;
	lock = frame("lock", "that");
	pipe_ = frame("pipe", "that");
	after = frame("idle", "that");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	core_process_end();
	return 0;
}

static uintptr_t on_stack(uintptr_t sp)
{
	return thread->stack_low + sp;
}

static bool begin(assay_ref what, uintptr_t sp, uint64_t now, bool with_path)
{
	struct assay_wait w = { .metric = METRIC, .frame = what, .sp = on_stack(sp), .begin_ns = now };

	return assay_wait_begin(thread, &w, with_path);
}

static uint64_t end(assay_ref what, uint64_t now)
{
	uint64_t took;

	assert_int_equal(assay_wait_end(thread, what, now, LONG, &took), 0);
	return took;
}

static const struct assay_spool_value *value(assay_ref node)
{
	const struct assay_spool_node *n = assay_at(node);

	return n->values ? assay_at(n->values) : NULL;
}

static const struct assay_spool_value *without_path(assay_ref what)
{
	return value(assay_cct_below(thread, assay_cct_below(thread, 0, ASSAY_PLACE_SPECIAL, ASSAY_SPECIAL_SHORT), ASSAY_PLACE_FRAME, what));
}

static assay_ref path(void)
{
	return assay_cct_below(thread, 0, ASSAY_PLACE_ABSOLUTE, 0x1234);
}

static const struct assay_spool_value *with_path(assay_ref what)
{
	return value(assay_cct_below(thread, path(), ASSAY_PLACE_FRAME, what));
}

static void has(const struct assay_spool_value *v, uint64_t count, uint64_t sum)
{
	assert_non_null(v);
	assert_int_equal(v->metric, METRIC);
	assert_int_equal(v->count, count);
	assert_int_equal(v->sum, sum);
}

static void short_and_long(void **state)
{
	(void)state;
	assert_true(begin(lock, 100, 50, false));
	assert_int_equal(end(0, 60), 10);
	assert_true(begin(lock, 100, 100, false));
	assert_int_equal(end(0, 100 + LONG), LONG);
	/* said to be long: has its path, though it was not */
	assert_true(begin(lock, 100, 5000, true));
	assert_int_equal(end(0, 5001), 1);
	has(without_path(lock), 1, 10);
	has(with_path(lock), 2, LONG + 1);
	assert_int_equal(thread->waited_ns, 10 + LONG + 1);
}

static void what_it_was_is_known_at_the_end(void **state)
{
	(void)state;
	assert_true(begin(0, 100, 50, false));
	end(pipe_, 60);
	has(without_path(pipe_), 1, 10);
	assert_true(begin(lock, 100, 50, false));
	end(pipe_, 61);
	has(without_path(pipe_), 2, 21);
	assert_null(without_path(lock));
}

static void a_part_of_another(void **state)
{
	uint64_t took;

	(void)state;
	assert_true(begin(lock, 100, 50, false));
	/* further in: a handler that came meanwhile waits too */
	assert_false(begin(pipe_, 90, 60, false));
	assert_int_equal(end(0, 80), 30);
	has(without_path(lock), 1, 30);
	assert_null(without_path(pipe_));
	assert_int_equal(assay_wait_end(thread, 0, 90, LONG, &took), -ENOENT);
}

static void left_by_a_jump(void **state)
{
	(void)state;
	assert_true(begin(lock, 100, 50, false));
	/* further out, and at the same place */
	assert_true(begin(pipe_, 110, 60, false));
	assert_true(begin(pipe_, 110, 70, false));
	end(0, 80);
	has(without_path(pipe_), 1, 10);
	assert_null(without_path(lock));
	assert_int_equal(thread->waited_ns, 10);
}

static void what_a_reader_sees(void **state)
{
	const struct assay_spool_thread *r = thread->record;

	(void)state;
	assert_int_equal(r->live_wait_ns, 0);
	assert_true(begin(lock, 100, 50, true));
	assert_int_equal(r->live_wait_ns, 50);
	assert_int_equal(r->live_wait_node, path());
	assert_int_equal(r->live_wait_frame, lock);
	assert_int_equal(r->live_wait_metric, METRIC);
	end(0, 60);
	assert_int_equal(r->live_wait_ns, 0);
}

static assay_ref link_to(assay_ref place)
{
	return assay_cct_below(thread, 0, ASSAY_PLACE_LINK, place);
}

static void adopted(void **state)
{
	assay_ref place = assay_cct_below(thread, path(), ASSAY_PLACE_FRAME, lock), task;

	(void)state;
	assert_int_equal(assay_wait_adopt(thread, place, on_stack(200), 0), 0);
	assert_true(begin(pipe_, 100, 50, true));
	/* it runs a task while it waits: that is not waiting */
	assert_int_equal(assay_wait_adopt(thread, lock, on_stack(90), 60), 0);
	assert_int_equal(thread->record->live_wait_ns, 0);
	assert_true(begin(after, 80, 70, true));
	assert_int_equal(end(0, 75), 5);
	assay_wait_unadopt(thread, on_stack(90), 160);
	assert_int_equal(end(0, 200), 50);
	assay_wait_unadopt(thread, on_stack(200), 210);
	assert_int_equal(thread->adopted_count, 0);
	has(value(assay_cct_below(thread, assay_cct_below(thread, link_to(place), ASSAY_PLACE_ABSOLUTE, 0x1234), ASSAY_PLACE_FRAME, pipe_)), 1, 50);
	task = assay_cct_below(thread, link_to(lock), ASSAY_PLACE_ABSOLUTE, 0x1234);
	has(value(assay_cct_below(thread, task, ASSAY_PLACE_FRAME, after)), 1, 5);
	/* not in it any more */
	assert_true(begin(lock, 100, 300, true));
	end(0, 310);
	has(with_path(lock), 1, 10);
}

static void adoptions_that_were_left(void **state)
{
	(void)state;
	assert_int_equal(assay_wait_adopt(thread, lock, on_stack(100), 0), 0);
	assert_int_equal(assay_wait_adopt(thread, pipe_, on_stack(80), 0), 0);
	/* both have been left by a jump when one begins further out */
	assert_int_equal(assay_wait_adopt(thread, after, on_stack(120), 0), 0);
	assert_int_equal(thread->adopted_count, 1);
	assay_wait_unadopt(thread, on_stack(70), 0); /* none such */
	assert_int_equal(thread->adopted_count, 1);
	assert_int_equal(assay_wait_adopt(thread, lock, on_stack(90), 0), 0);
	assay_wait_unadopt(thread, on_stack(120), 0); /* the outer one: the inner one with it */
	assert_int_equal(thread->adopted_count, 0);
}

static void deeper_than_there_is_room(void **state)
{
	(void)state;
	for (uintptr_t i = 0; i < ASSAY_ADOPTED_MAX + 3; i++)
		assert_int_equal(assay_wait_adopt(thread, lock, on_stack(1000 - i), 0), 0);
	assert_int_equal(thread->adopted_count, ASSAY_ADOPTED_MAX);
	for (uintptr_t i = ASSAY_ADOPTED_MAX + 3; i--;)
		assay_wait_unadopt(thread, on_stack(1000 - i), 0);
	assert_int_equal(thread->adopted_count, 0);
}

static void docked(void **state)
{
	assay_ref place = assay_cct_below(thread, path(), ASSAY_PLACE_FRAME, lock);
	struct assay_wait w = { .metric = METRIC, .frame = pipe_, .begin_ns = 100 };

	(void)state;
	assert_int_equal(assay_wait_dock(thread, &w, place, after), 0);
	assert_false(begin(lock, 100, 120, false));
	assert_int_equal(assay_wait_docked_at(thread, 150), assay_cct_below(thread, link_to(place), ASSAY_PLACE_FRAME, pipe_));
	thread->dock_until = 160;
	assert_int_equal(assay_wait_docked_at(thread, 170), assay_cct_below(thread, 0, ASSAY_PLACE_FRAME, after));
	assay_wait_sampled(thread, 0, 5);
	assert_int_equal(thread->record->spin_ns, 5);
	assert_int_equal(assay_wait_undock(thread, 200), 0);
	assert_int_equal(assay_wait_docked_at(thread, 210), 0);
	has(value(assay_cct_below(thread, link_to(place), ASSAY_PLACE_FRAME, pipe_)), 1, 60);
	has(value(assay_cct_below(thread, 0, ASSAY_PLACE_FRAME, after)), 1, 40);
	assert_int_equal(thread->waited_ns, 100);
	/* a time from before is of another wait; and one that nobody sets */
	w.begin_ns = 300;
	assert_int_equal(assay_wait_dock(thread, &w, place, after), 0);
	thread->dock_until = 160;
	assert_int_equal(assay_wait_undock(thread, 310), 0);
	has(value(assay_cct_below(thread, link_to(place), ASSAY_PLACE_FRAME, pipe_)), 2, 70);
	assert_int_equal(assay_wait_undock(thread, 320), 0);
	assert_int_equal(thread->waited_ns, 110);
}

static void what_goes_on_at_a_place(void **state)
{
	assay_ref place = assay_cct_below(thread, path(), ASSAY_PLACE_FRAME, lock);

	(void)state;
	assert_int_equal(assay_wait_end_at(thread, 5), 0); /* none */
	assert_int_equal(assay_wait_begin_at(thread, METRIC, place, 10), 0);
	assert_int_equal(thread->record->live_at_ns, 10);
	assert_int_equal(thread->record->live_at_node, link_to(place));
	assert_int_equal(assay_wait_begin_at(thread, METRIC, lock, 20), 0);
	assert_int_equal(thread->record->live_at_ns, 10);
	assert_int_equal(assay_wait_end_at(thread, 25), 0);
	assert_int_equal(thread->record->live_at_ns, 10);
	assert_int_equal(assay_wait_end_at(thread, 50), 0);
	assert_int_equal(thread->record->live_at_ns, 0);
	has(value(link_to(lock)), 1, 5);
	has(value(link_to(place)), 1, 40);
	for (uint32_t i = 0; i < ASSAY_ADOPTED_MAX + 3; i++)
		assert_int_equal(assay_wait_begin_at(thread, METRIC, lock, 60), 0);
	for (uint32_t i = 0; i < ASSAY_ADOPTED_MAX + 3; i++)
		assert_int_equal(assay_wait_end_at(thread, 61), 0);
	assert_int_equal(thread->at_count, 0);
	has(value(link_to(lock)), 1 + ASSAY_ADOPTED_MAX, 5 + ASSAY_ADOPTED_MAX);
}

static void cpu_time_in_a_wait(void **state)
{
	struct assay_wait w = { .metric = METRIC, .frame = lock, .sp = on_stack(100), .begin_ns = 5, .spins = true };

	(void)state;
	assay_wait_sampled(thread, on_stack(50), 1000);
	assert_int_equal(thread->record->wait_cpu_ns, 0);
	assert_true(assay_wait_begin(thread, &w, false));
	assay_wait_sampled(thread, on_stack(50), 1000);
	assert_int_equal(thread->record->wait_cpu_ns, 1000);
	assert_int_equal(thread->record->spin_ns, 1000);
	/* further out: the wait was left by a jump */
	assay_wait_sampled(thread, on_stack(120), 1000);
	assert_int_equal(thread->record->wait_cpu_ns, 1000);
	assert_false(thread->wait.active);
	w.spins = false;
	assert_true(assay_wait_begin(thread, &w, false));
	assay_wait_sampled(thread, on_stack(50), 10);
	assert_int_equal(thread->record->wait_cpu_ns, 1010);
	assert_int_equal(thread->record->spin_ns, 1000);
}

/* A sample while it spins has what it waits for above the function that waits; and of an adopted thread, no more than that. */
static void in_samples(void **state)
{
	struct assay_wait w = { .metric = METRIC, .frame = lock, .sp = on_stack(100), .begin_ns = 5, .spins = true };
	static const uintptr_t sp[] = { 40, 95, 110, 200 };
	assay_ref node;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		thread->frames[i] = (struct assay_frame_ref){ .module = ASSAY_PLACE_ABSOLUTE, .address = 10 + i };
		*assay_fresh_step(thread, i) = (struct assay_walk_step){ .sp = on_stack(sp[i]) };
	}
	thread->shared = 0;
	assert_true(assay_wait_begin(thread, &w, false));
	node = assay_cct_below(thread, assay_cct_below(thread, 0, ASSAY_PLACE_ABSOLUTE, 13), ASSAY_PLACE_ABSOLUTE, 12);
	node = assay_cct_below(thread, node, ASSAY_PLACE_FRAME, lock);
	node = assay_cct_below(thread, assay_cct_below(thread, node, ASSAY_PLACE_ABSOLUTE, 11), ASSAY_PLACE_ABSOLUTE, 10);
	assert_int_equal(assay_cct_path(thread, 4, true), node);
	end(0, 10);
	assert_int_equal(assay_wait_adopt(thread, pipe_, on_stack(100), 20), 0);
	node = assay_cct_below(thread, assay_cct_below(thread, link_to(pipe_), ASSAY_PLACE_ABSOLUTE, 11), ASSAY_PLACE_ABSOLUTE, 10);
	assert_int_equal(assay_cct_path(thread, 4, false), node);
	assert_int_equal(assay_cct_path(thread, 4, true), node);
	/* in a function further out, it is not */
	thread->frames[0] = thread->frames[2];
	*assay_fresh_step(thread, 0) = (struct assay_walk_step){ .sp = on_stack(110) };
	thread->frames[1] = thread->frames[3];
	*assay_fresh_step(thread, 1) = (struct assay_walk_step){ .sp = on_stack(200) };
	node = assay_cct_below(thread, assay_cct_below(thread, 0, ASSAY_PLACE_ABSOLUTE, 13), ASSAY_PLACE_ABSOLUTE, 12);
	assert_int_equal(assay_cct_path(thread, 2, true), node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(short_and_long, setup, teardown),
		cmocka_unit_test_setup_teardown(what_it_was_is_known_at_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(a_part_of_another, setup, teardown),
		cmocka_unit_test_setup_teardown(left_by_a_jump, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_reader_sees, setup, teardown),
		cmocka_unit_test_setup_teardown(adopted, setup, teardown),
		cmocka_unit_test_setup_teardown(adoptions_that_were_left, setup, teardown),
		cmocka_unit_test_setup_teardown(deeper_than_there_is_room, setup, teardown),
		cmocka_unit_test_setup_teardown(docked, setup, teardown),
		cmocka_unit_test_setup_teardown(what_goes_on_at_a_place, setup, teardown),
		cmocka_unit_test_setup_teardown(cpu_time_in_a_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(in_samples, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
