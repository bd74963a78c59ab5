/*
 * plugins/openmp with a host of the test's own: the pool of teams, the table of callers, the arithmetic of tasks' arguments,
 * and what a region, its members and their tasks tell the host, by its own clock.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/next.h"
#include "plugins/openmp/callers.h"
#include "plugins/openmp/openmp.h"
#include "plugins/openmp/region.h"
#include "plugins/openmp/task.h"
#include "plugins/openmp/team.h"

extern const struct assay_plugin assay_plugin_openmp;

/* ---- the host ---- */

static uint64_t clock_ns, waited_ns;
static char said[4096]; /* what the plugin called, a word each */
static unsigned frames_asked;
static bool refuses; /* the thread is not measured */
static uint64_t until;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
	size_t n = strlen(said);
	va_list list;

	va_start(list, format);
	vsnprintf(said + n, sizeof said - n, format, list);
	va_end(list);
}

static void assert_said(const char *words)
{
	assert_string_equal(said, words);
	*said = 0;
}

static uint64_t now(void)
{
	return clock_ns;
}

static const char *option(const char *name)
{
	(void)name;
	return "own";
}

static uint32_t metric(const char *name)
{
	const struct assay_plugin_metric *m = assay_plugin_openmp.metrics;

	for (uint32_t i = 0; m[i].name; i++)
		if (strcmp(m[i].name, name) == 0)
			return i + 1;
	return UINT32_MAX;
}

static const char *name_of(uint32_t number)
{
	return assay_plugin_openmp.metrics[(number & ~ASSAY_PLUGIN_MORE) - 1].name;
}

static uint32_t frame(const char *kind, const char *name)
{
	(void)name;
	return strcmp(kind, "omp barrier") == 0 ? 101 : strcmp(kind, "omp critical") == 0 ? 103 : 102;
}

static uint32_t frame_at(const char *kind, const char *prefix, const void *address)
{
	(void)kind;
	(void)prefix;
	frames_asked++;
	return address == (const void *)&until ? 55 : (uint32_t)((uintptr_t)address % 1000) + 1000;
}

static void span(uint32_t number, uint32_t frame_number, uint64_t ns)
{
	note("span %s %u %lu; ", name_of(number), frame_number, (unsigned long)ns);
}

static bool wait_begin(uint32_t number, uint32_t frame_number, const void *sp, uint32_t flags)
{
	assert_true(flags & ASSAY_PLUGIN_WAIT_SPINS);
	assert_non_null(sp);
	note("wait %s %u; ", name_of(number), frame_number);
	return !refuses;
}

static uint64_t wait_end(uint32_t frame_number)
{
	note("waited %u; ", frame_number);
	return 0;
}

static uint64_t waited(void)
{
	return waited_ns;
}

static uint32_t here(uint32_t frame_number)
{
	note("here; ");
	return refuses ? 0 : frame_number + 7;
}

static bool adopt(uint32_t place, const void *sp)
{
	(void)place;
	assert_non_null(sp);
	note("adopt; ");
	return !refuses;
}

static void unadopt(const void *sp)
{
	assert_non_null(sp);
	note("unadopt; ");
}

static void add_at(uint32_t number, uint32_t place, uint64_t n)
{
	if (!place && !refuses) /* it would do nothing */
		return;
	note("%s %s%lu; ", name_of(number), number & ASSAY_PLUGIN_MORE ? "+" : "", (unsigned long)n);
}

static void begin_at(uint32_t number, uint32_t place)
{
	(void)place;
	note("begin %s; ", name_of(number));
}

static void end_at(void)
{
	note("end; ");
}

static assay_plugin_dock *dock(uint32_t number, uint32_t frame_number, uint32_t place, uint32_t after)
{
	(void)place;
	assert_string_equal(name_of(number), "omp_waits");
	assert_int_equal(frame_number, 101);
	assert_int_equal(after, 102);
	note("dock; ");
	return refuses ? NULL : (assay_plugin_dock *)&until;
}

static void dock_over(assay_plugin_dock *docked, uint64_t when)
{
	*(uint64_t *)docked = when;
}

static uint64_t undock(void)
{
	note("undock; ");
	return clock_ns;
}

static const struct assay_host host = { .abi = ASSAY_PLUGIN_ABI, .size = sizeof host, .now = now, .option = option,
	.metric = metric, .frame = frame, .frame_at = frame_at, .span = span, .wait_begin = wait_begin, .wait_end = wait_end,
	.waited = waited, .here = here, .adopt = adopt, .unadopt = unadopt, .add_at = add_at, .begin_at = begin_at,
	.end_at = end_at, .dock = dock, .dock_over = dock_over, .undock = undock };

static int set_up(void **state)
{
	(void)state;
	assay_openmp_team_give_spare();
	memset(&assay_openmp_self, 0, sizeof assay_openmp_self);
	*said = 0;
	clock_ns = 1000;
	waited_ns = 0;
	refuses = false;
	until = 0;
	return assay_plugin_openmp.start(&host);
}

static int tear_down(void **state)
{
	(void)state;
	assay_plugin_openmp.stop();
	return 0;
}

/* ---- the pool ---- */

static void test_pool_gives_each_once_and_all_back(void **state)
{
	struct assay_openmp_team *taken[ASSAY_OPENMP_TEAMS + 1];

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i <= ASSAY_OPENMP_TEAMS; i++) {
			taken[i] = assay_openmp_team_take();
			assert_true(i == ASSAY_OPENMP_TEAMS ? !taken[i] : taken[i] != NULL);
			for (int k = 0; k < i; k++)
				assert_ptr_not_equal(taken[k], taken[i]);
		}
		for (int i = 0; i < ASSAY_OPENMP_TEAMS; i++)
			assay_openmp_team_give(taken[i]);
	}
}

static void test_the_next_region_has_the_team_of_the_last(void **state)
{
	struct assay_openmp_team *a = assay_openmp_team_take(), *b;
	uint32_t generation = a->block.generation;

	(void)state;
	assay_openmp_team_give(a);
	b = assay_openmp_team_take();
	assert_ptr_equal(a, b);
	assert_int_equal(b->block.generation, generation + 1);
	assay_openmp_team_give(b);
}

static void test_members_lie_apart(void **state)
{
	struct assay_openmp_team *team = assay_openmp_team_take();
	struct assay_openmp_member *last = NULL;

	(void)state;
	assert_int_equal(sizeof(struct assay_openmp_member) % 64, 0);
	for (uint32_t i = 0; i < 3 * ASSAY_OPENMP_CHUNK; i++) {
		struct assay_openmp_member *m = assay_openmp_team_member(team, i);

		assert_non_null(m);
		assert_int_equal((uintptr_t)m % 64, 0);
		assert_ptr_not_equal(m, last);
		assert_ptr_equal(m, assay_openmp_team_member(team, i));
		last = m;
	}
	assert_null(assay_openmp_team_member(team, ASSAY_OPENMP_CHUNK * ASSAY_OPENMP_TEAM_CHUNKS));
	assay_openmp_team_give(team);
}

enum { TAKERS = 4, TURNS = 20000 };
static _Atomic int owners[ASSAY_OPENMP_TEAMS * 2];
static struct assay_openmp_team *lowest;
static _Atomic int twice;

static void *taker(void *p)
{
	(void)p;
	for (int i = 0; i < TURNS; i++) {
		struct assay_openmp_team *a = assay_openmp_team_take(), *b = assay_openmp_team_take();

		if (a && atomic_fetch_add(&owners[a - lowest + ASSAY_OPENMP_TEAMS], 1))
			twice++;
		if (b && atomic_fetch_add(&owners[b - lowest + ASSAY_OPENMP_TEAMS], 1))
			twice++;
		if (a)
			atomic_fetch_sub(&owners[a - lowest + ASSAY_OPENMP_TEAMS], 1);
		if (b)
			atomic_fetch_sub(&owners[b - lowest + ASSAY_OPENMP_TEAMS], 1);
		if (a)
			assay_openmp_team_give(a);
		if (b)
			assay_openmp_team_give(b);
	}
	assay_openmp_team_give_spare();
	return NULL;
}

static void test_pool_of_many_threads(void **state)
{
	pthread_t id[TAKERS];

	(void)state;
	lowest = assay_openmp_team_take();
	assay_openmp_team_give(lowest);
	for (int i = 0; i < TAKERS; i++)
		assert_int_equal(pthread_create(&id[i], NULL, taker, NULL), 0);
	for (int i = 0; i < TAKERS; i++)
		pthread_join(id[i], NULL);
	assert_int_equal(twice, 0);
}

/* ---- callers ---- */

static void test_callers_are_asked_for_once(void **state)
{
	uint32_t first;

	(void)state;
	assay_openmp_callers_forget();
	frames_asked = 0;
	first = assay_openmp_call(&host, "omp barrier", (void *)0x5001);
	assert_int_equal(first, 0x5000 % 1000 + 1000); /* the line of the call, not the one behind it */
	assert_int_equal(assay_openmp_call(&host, "omp barrier", (void *)0x5001), first);
	assert_int_equal(frames_asked, 1);
	assert_int_equal(assay_openmp_call(&host, "omp barrier", NULL), 0);
}

/* Another library may lie there now. */
static void test_callers_are_asked_for_again_when_a_library_was_unloaded(void **state)
{
	(void)state;
	assay_openmp_callers_forget();
	frames_asked = 0;
	assert_int_not_equal(assay_openmp_call(&host, "omp barrier", (void *)0x5001), 0);
	assay_next_closes++;
	assert_int_not_equal(assay_openmp_call(&host, "omp barrier", (void *)0x5001), 0);
	assert_int_not_equal(assay_openmp_call(&host, "omp barrier", (void *)0x5001), 0);
	assert_int_equal(frames_asked, 2);
}

static void test_objects_or_their_callers(void **state)
{
	void *heap = malloc(64);

	(void)state;
	assay_openmp_callers_forget();
	assert_int_equal(assay_openmp_object(&host, "omp lock", &until, (void *)0x6001), 55);
	assert_int_equal(assay_openmp_object(&host, "omp lock", heap, (void *)0x6001), 0x6000 % 1000 + 1000);
	free(heap);
}

static void test_a_full_table_still_answers(void **state)
{
	(void)state;
	assay_openmp_callers_forget();
	for (uintptr_t i = 1; i <= 3 * ASSAY_OPENMP_CALLERS; i++)
		assert_int_equal(assay_openmp_call(&host, "omp barrier", (void *)(i * 16 + 1)), i * 16 % 1000 + 1000);
	frames_asked = 0;
	for (uintptr_t i = 1; i <= 3 * ASSAY_OPENMP_CALLERS; i++)
		assert_int_equal(assay_openmp_call(&host, "omp barrier", (void *)(i * 16 + 1)), i * 16 % 1000 + 1000);
	assert_in_range(frames_asked, 2 * ASSAY_OPENMP_CALLERS, 3 * ASSAY_OPENMP_CALLERS - 1);
	assay_openmp_callers_forget();
}

/* ---- tasks' arguments ---- */

static const unsigned char *got;
static unsigned copies;

static void task_of_bytes(void *arguments)
{
	got = arguments;
}

static void copy_bytes(void *to, void *from)
{
	memcpy(to, from, 40);
	copies++;
}

static void test_layouts(void **state)
{
	struct assay_openmp_task_layout l;

	(void)state;
	for (long align = 1; align <= 256; align *= 2) {
		for (long size = 0; size < 300; size += 7) {
			assert_true(assay_openmp_task_layout(size, align, &l));
			assert_true(l.offset >= sizeof(struct assay_openmp_task_header));
			assert_int_equal(l.offset % (size_t)align, 0);
			assert_true(l.align >= (size_t)align && l.align >= _Alignof(struct assay_openmp_task_header));
			assert_true(l.size >= l.offset + (size_t)size);
			assert_int_equal(l.size % l.align, 0); /* a taskloop lays one behind the other */
		}
	}
	assert_false(assay_openmp_task_layout(ASSAY_OPENMP_TASK_MAX + 1, 8, &l));
	assert_false(assay_openmp_task_layout(-1, 8, &l));
	assert_false(assay_openmp_task_layout(8, 24, &l)); /* no power of two: this is not what we think it is */
}

/* As libgomp makes and runs a task: of `words` it writes the first ones of what it was given. */
static void make_and_run(unsigned copied, void (*copy)(void *, void *), unsigned words)
{
	struct assay_openmp_task_layout l;
	unsigned char data[40], *memory, *place;

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (unsigned char)i;
	assert_true(assay_openmp_task_layout(sizeof data, 32, &l));
	memory = aligned_alloc(64, (l.size + 63) & ~63ul);
	place = aligned_alloc(64, (l.size + 63) & ~63ul);
	assay_openmp_task_fill(memory, &l, copied, NULL, task_of_bytes, data, copy, sizeof data);
	if (copied == ASSAY_OPENMP_TASK_DETACH)
		memset(memory, 0xee, words * 8); /* the event, before the copy */
	if (copy)
		assay_openmp_task_copy(place, memory);
	else
		memcpy(place, memory, l.size);
	if (copied == ASSAY_OPENMP_TASK_LOOP)
		memset(place, 0xdd, words * 8); /* the bounds, after it */
	memset(memory, 0, l.size);
	got = NULL;
	assay_openmp_task_run(place);
	assert_ptr_equal(got, place + l.offset);
	assert_int_equal((uintptr_t)got % 32, 0);
	for (size_t i = 0; i < sizeof data; i++)
		assert_int_equal(got[i], i < words * 8 ? copied == ASSAY_OPENMP_TASK_LOOP ? 0xdd : 0xee : (unsigned char)i);
	free(memory);
	free(place);
}

static void test_arguments_arrive(void **state)
{
	(void)state;
	copies = 0;
	make_and_run(ASSAY_OPENMP_TASK_PLAIN, NULL, 0);
	make_and_run(ASSAY_OPENMP_TASK_DETACH, NULL, 1);
	make_and_run(ASSAY_OPENMP_TASK_LOOP, NULL, 2);
	assert_int_equal(copies, 0);
	make_and_run(ASSAY_OPENMP_TASK_PLAIN, copy_bytes, 0);
	make_and_run(ASSAY_OPENMP_TASK_DETACH, copy_bytes, 1);
	make_and_run(ASSAY_OPENMP_TASK_LOOP, copy_bytes, 2);
	assert_int_equal(copies, 3);
}

static void test_no_words_where_there_are_no_arguments(void **state)
{
	struct assay_openmp_task_layout l;
	_Alignas(64) unsigned char memory[256];

	(void)state;
	assert_true(assay_openmp_task_layout(0, 1, &l));
	memset(memory, 0x55, sizeof memory);
	assay_openmp_task_fill(memory, &l, ASSAY_OPENMP_TASK_DETACH, NULL, task_of_bytes, NULL, NULL, 0);
	assay_openmp_task_run(memory);
	assert_int_equal(memory[l.offset], 0x55);
}

static void test_reductions_of_a_loop_lie_behind_its_bounds(void **state)
{
	struct assay_openmp_task_layout l;
	_Alignas(64) unsigned char memory[256];
	void *data[4] = { (void *)1, (void *)2, (void *)0x1234, (void *)4 }, *found;

	(void)state;
	assert_true(assay_openmp_task_layout(sizeof data, 8, &l));
	assay_openmp_task_fill(memory, &l, ASSAY_OPENMP_TASK_LOOP, NULL, task_of_bytes, data, copy_bytes, sizeof data);
	memcpy(&found, memory + 16, sizeof found);
	assert_ptr_equal(found, data[2]);
}

/* ---- regions ---- */

static void test_a_region_of_two(void **state)
{
	struct assay_openmp_team *team = assay_openmp_region_open(&host, (void *)0x7001, NULL);
	struct assay_openmp_member *master, *worker;
	struct assay_openmp_self opener;

	(void)state;
	assert_said("here; begin omp_region; ");
	master = assay_openmp_member_begin(&host, team, 0, 2, &clock_ns, NULL);
	assert_said("adopt; ");
	clock_ns += 300; /* of which it waits 100 */
	waited_ns += 100;
	assay_openmp_master_end(&host, master, true);
	assert_said("unadopt; dock; ");

	/* the other thread */
	opener = assay_openmp_self;
	memset(&assay_openmp_self, 0, sizeof assay_openmp_self);
	worker = assay_openmp_member_begin(&host, team, 1, 0, &clock_ns, NULL);
	clock_ns += 5000;
	assay_openmp_member_end(&host, worker);
	assert_said("adopt; omp_work 5000; unadopt; dock; ");
	assert_null(assay_openmp_self.member);
	assert_ptr_equal(assay_openmp_self.docked, worker);

	/* back again: it waited all that time */
	assay_openmp_self = opener;
	waited_ns += 5000;
	until = 0;
	assay_openmp_region_close(&host, team);
	assert_said("undock; omp_work 200; omp_longest 5000; end; ");
	assert_int_equal(until, clock_ns); /* the worker learns when it was over */
	assert_null(assay_openmp_self.member);
	assert_null(assay_openmp_self.docked);
}

static void test_a_worker_is_undocked_by_its_next_part_or_its_end(void **state)
{
	struct assay_openmp_team *team = assay_openmp_region_open(&host, (void *)0x7001, NULL);
	struct assay_openmp_member *worker = assay_openmp_member_begin(&host, team, 1, 0, &clock_ns, NULL);

	(void)state;
	assay_openmp_member_end(&host, worker);
	*said = 0;
	worker = assay_openmp_member_begin(&host, team, 1, 0, &clock_ns, NULL);
	assert_said("undock; adopt; ");
	assay_openmp_member_end(&host, worker);
	*said = 0;
	assay_plugin_openmp.thread_stop();
	assert_said("undock; ");
	assay_openmp_region_close(&host, team);
}

static void test_tasks_at_the_end_are_more_work_and_no_wait(void **state)
{
	struct assay_openmp_team *team = assay_openmp_region_open(&host, (void *)0x7001, NULL);
	struct assay_openmp_member *worker = assay_openmp_member_begin(&host, team, 1, 0, &clock_ns, NULL);
	struct assay_openmp_away away;

	(void)state;
	clock_ns += 10;
	assay_openmp_member_end(&host, worker);
	*said = 0;
	assay_openmp_task_begin(&host, &away, &clock_ns);
	assert_said("undock; tasks 1; adopt; ");
	assert_ptr_equal(assay_openmp_self.member, worker);
	clock_ns += 700;
	assay_openmp_task_end(&host, &away);
	assert_said("unadopt; omp_work +700; dock; ");
	assert_int_equal(worker->work_ns, 710);
	assert_null(assay_openmp_self.member);
	assay_openmp_region_close(&host, team);
}

static void test_tasks_of_the_opener_at_the_end(void **state)
{
	struct assay_openmp_team *team = assay_openmp_region_open(&host, (void *)0x7001, NULL);
	struct assay_openmp_member *master = assay_openmp_member_begin(&host, team, 0, 2, &clock_ns, NULL);
	struct assay_openmp_away away;

	(void)state;
	clock_ns += 50;
	assay_openmp_master_end(&host, master, true);
	assay_openmp_task_begin(&host, &away, &clock_ns);
	clock_ns += 700;
	assay_openmp_task_end(&host, &away);
	*said = 0;
	assay_openmp_region_close(&host, team);
	assert_said("undock; omp_work 750; omp_longest 750; end; ");
}

/* Outside regions nothing makes a wait stand still: it is over, for the thread computes. */
static void test_tasks_at_a_wait_outside_regions(void **state)
{
	struct assay_openmp_away away;

	(void)state;
	assert_null(assay_openmp_self.member);
	assert_true(assay_openmp_wait_begin(&host, 9, &clock_ns));
	assay_openmp_task_begin(&host, &away, &clock_ns);
	assert_said("wait omp_waits 9; waited 0; ");
	assay_openmp_task_end(&host, &away);
	assay_openmp_wait_end(&host);
	assert_said("");
}

/* What the child goes on in has no place in its own tree, and no other threads. */
static void test_a_child_made_in_a_region(void **state)
{
	struct assay_openmp_team *team = assay_openmp_region_open(&host, (void *)0x7001, &clock_ns);
	struct assay_openmp_member *master, *worker;

	(void)state;
	master = assay_openmp_member_begin(&host, team, 0, 2, &clock_ns, NULL);
	worker = assay_openmp_team_member(team, 1);
	worker->generation = team->block.generation;
	worker->end = (assay_plugin_dock *)&until;
	until = 0;
	*said = 0;
	assay_plugin_openmp.after_fork();
	assay_openmp_master_end(&host, master, true);
	assert_said("");
	assay_openmp_region_close(&host, team);
	assert_said("");
	assert_int_equal(until, 0);
	assert_null(assay_openmp_self.member);
}

static void test_tasks_at_a_wait(void **state)
{
	struct assay_openmp_team *team = assay_openmp_region_open(&host, (void *)0x7001, NULL);
	struct assay_openmp_member *worker = assay_openmp_member_begin(&host, team, 1, 0, &clock_ns, NULL);
	struct assay_openmp_away outer, inner;

	(void)state;
	*said = 0;
	assert_true(assay_openmp_wait_begin(&host, 9, &clock_ns));
	assert_false(assay_openmp_wait_begin(&host, 9, &clock_ns)); /* a part of it */
	assay_openmp_task_begin(&host, &outer, NULL);
	assert_said("wait omp_waits 9; tasks 1; adopt; ");
	/* one made and run within it at once is a part of it */
	assay_openmp_task_begin(&host, &inner, &clock_ns);
	assay_openmp_task_end(&host, &inner);
	assert_said("tasks 1; ");
	assay_openmp_task_end(&host, &outer);
	assay_openmp_wait_end(&host);
	assert_said("unadopt; waited 0; ");
	assay_openmp_wait_end(&host); /* there is none */
	assert_said("");
	assay_openmp_member_end(&host, worker);
	assay_openmp_region_close(&host, team);
}

static void test_a_thread_that_is_not_measured(void **state)
{
	struct assay_openmp_team *team;
	struct assay_openmp_member *m;
	struct assay_openmp_away away;

	(void)state;
	refuses = true;
	team = assay_openmp_region_open(&host, (void *)0x7001, NULL);
	m = assay_openmp_member_begin(&host, team, 0, 1, &clock_ns, NULL);
	assert_false(assay_openmp_wait_begin(&host, 9, &clock_ns));
	assay_openmp_task_begin(&host, &away, NULL);
	assay_openmp_task_end(&host, &away);
	assay_openmp_master_end(&host, m, true);
	assay_openmp_region_close(&host, team);
	assert_null(strstr(said, "undock"));
	assert_null(strstr(said, "unadopt"));
	assert_null(strstr(said, "waited"));
	assert_null(strstr(said, "end;"));
}

/* Teams so large that there is no room for a member are measured all the same, but for the wait at the end. */
static void test_a_member_without_room(void **state)
{
	struct assay_openmp_team *team = assay_openmp_region_open(&host, (void *)0x7001, NULL);
	struct assay_openmp_member own, *m;

	(void)state;
	*said = 0;
	m = assay_openmp_member_begin(&host, team, 5000, 0, &clock_ns, &own);
	assert_ptr_equal(m, &own);
	clock_ns += 40;
	assay_openmp_member_end(&host, m);
	assert_said("adopt; omp_work 40; unadopt; ");
	assert_null(assay_openmp_self.docked);
	assay_openmp_region_close(&host, team);
}

/* ---- locks ---- */

static void test_holds(void **state)
{
	int a = 0, b = 0;

	(void)state;
	assay_openmp_hold(&host, NULL, &a, 1, false);
	clock_ns += 10;
	assay_openmp_hold(&host, NULL, &b, 2, true);
	clock_ns += 10;
	assay_openmp_hold(&host, NULL, &b, 2, true);
	assay_openmp_release(&host, &a, clock_ns); /* not in the order in which they were taken */
	assert_said("span critical 1 20; ");
	assay_openmp_release(&host, &b, clock_ns);
	assert_said("");
	clock_ns += 10;
	assay_openmp_release(&host, &b, clock_ns);
	assert_said("span critical 2 20; ");
	assay_openmp_release(&host, &b, clock_ns); /* not held */
	assert_said("");
}

static void test_holds_that_never_end(void **state)
{
	char many[3 * ASSAY_OPENMP_HELD] = "";

	(void)state;
	for (size_t i = 0; i < sizeof many; i++)
		assay_openmp_hold(&host, NULL, &many[i], (uint32_t)i + 1, false);
	clock_ns += 7;
	assay_openmp_release(&host, &many[0], clock_ns); /* forgotten */
	assert_said("");
	assay_openmp_release(&host, &many[sizeof many - 1], clock_ns);
	assert_said("span critical 24 7; ");
	/* taken again, though nobody saw it given back: from then on */
	assay_openmp_hold(&host, NULL, &many[20], 99, false);
	clock_ns += 3;
	assay_openmp_release(&host, &many[20], clock_ns);
	assert_said("span critical 99 3; ");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_pool_gives_each_once_and_all_back),
		TEST(test_the_next_region_has_the_team_of_the_last),
		TEST(test_members_lie_apart),
		TEST(test_pool_of_many_threads),
		TEST(test_callers_are_asked_for_once),
		TEST(test_callers_are_asked_for_again_when_a_library_was_unloaded),
		TEST(test_objects_or_their_callers),
		TEST(test_a_full_table_still_answers),
		TEST(test_layouts),
		TEST(test_arguments_arrive),
		TEST(test_no_words_where_there_are_no_arguments),
		TEST(test_reductions_of_a_loop_lie_behind_its_bounds),
		TEST(test_a_region_of_two),
		TEST(test_a_worker_is_undocked_by_its_next_part_or_its_end),
		TEST(test_tasks_at_the_end_are_more_work_and_no_wait),
		TEST(test_tasks_of_the_opener_at_the_end),
		TEST(test_tasks_at_a_wait),
		TEST(test_tasks_at_a_wait_outside_regions),
		TEST(test_a_child_made_in_a_region),
		TEST(test_a_thread_that_is_not_measured),
		TEST(test_a_member_without_room),
		TEST(test_holds),
		TEST(test_holds_that_never_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
