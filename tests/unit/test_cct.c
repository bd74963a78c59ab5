/* test_cct.c: the calling-context tree, against a model of it made of nothing but sorted paths. */
#include "core/sig/cct.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core_process.h"
#include "core/sig/arena.h"
#include "profile/spool_reader.h"

enum { MB = 1 << 20, MODULE = 100 };

static struct assay_thread *thread;

static int setup(void **state)
{
	(void)state;
	core_process_begin(200 * MB);
	thread = core_process_thread();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	core_process_end();
	return 0;
}

static struct assay_spool_node *node_at(assay_ref ref)
{
	return assay_at(ref);
}

/* The node for a path of addresses in one module, outermost first. */
static assay_ref path_of(const uint64_t *addresses, uint32_t count, bool complete)
{
	for (uint32_t i = 0; i < count; i++)
		thread->frames[i] = (struct assay_frame_ref){ .address = addresses[count - 1 - i], .module = MODULE };
	return assay_cct_path(thread, count, complete);
}

#define PATH(complete, ...)                                                                         \
	path_of((const uint64_t[]){ __VA_ARGS__ }, sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8, complete)

static void same_path_same_node(void **state)
{
	assay_ref a = PATH(true, 1, 2, 3), b;

	(void)state;
	assert_int_not_equal(a, 0);
	assert_int_equal(PATH(true, 1, 2, 3), a);
	b = PATH(true, 1, 2, 4);
	assert_int_not_equal(b, a);
	assert_int_equal(PATH(true, 1, 2, 3), a);
	assert_int_equal(PATH(true, 1, 2, 4), b);
	assert_int_equal(node_at(a)->address, 3);
	assert_int_equal(node_at(a)->module, MODULE);
}

static void prefixes_are_shared(void **state)
{
	assay_ref a = PATH(true, 1, 2, 3), b = PATH(true, 1, 2, 4), c = PATH(true, 1, 2), d = PATH(true, 9);
	assay_ref root = atomic_load(&thread->record->root);

	(void)state;
	assert_int_equal(node_at(a)->parent, node_at(b)->parent);
	assert_int_equal(node_at(a)->parent, c);
	assert_int_equal(node_at(node_at(c)->parent)->parent, root);
	assert_int_equal(node_at(d)->parent, root);
	assert_int_equal(node_at(root)->module, ASSAY_PLACE_SPECIAL);
	assert_int_equal(node_at(root)->address, ASSAY_SPECIAL_ROOT);
	assert_int_equal(node_at(root)->parent, 0);
}

/* Same address, another module; and recursion: the same frame below itself is another node. */
static void what_makes_a_node(void **state)
{
	assay_ref a, b, c;

	(void)state;
	thread->frames[0] = (struct assay_frame_ref){ .address = 5, .module = MODULE };
	a = assay_cct_path(thread, 1, true);
	thread->frames[0].module = MODULE + 1;
	b = assay_cct_path(thread, 1, true);
	thread->frames[0].module = ASSAY_PLACE_ABSOLUTE;
	c = assay_cct_path(thread, 1, true);
	assert_true(a != b && b != c && a != c);
	a = PATH(true, 7);
	b = PATH(true, 7, 7);
	c = PATH(true, 7, 7, 7);
	assert_int_equal(node_at(b)->parent, a);
	assert_int_equal(node_at(c)->parent, b);
	assert_int_equal(PATH(true, 7), a);
}

/* A path whose outer part is missing hangs below one node that says so, and is another than the whole one. */
static void truncated_paths_have_their_parent(void **state)
{
	assay_ref whole = PATH(true, 1, 2), part = PATH(false, 1, 2), other = PATH(false, 3), truncated;

	(void)state;
	assert_int_not_equal(whole, part);
	assert_int_equal(node_at(part)->address, 2);
	truncated = node_at(node_at(part)->parent)->parent;
	assert_int_equal(node_at(truncated)->module, ASSAY_PLACE_SPECIAL);
	assert_int_equal(node_at(truncated)->address, ASSAY_SPECIAL_TRUNCATED);
	assert_int_equal(node_at(truncated)->parent, atomic_load(&thread->record->root));
	assert_int_equal(node_at(other)->parent, truncated);
	assert_int_equal(PATH(false, 1, 2), part);
}

static void the_deepest_path_there_is(void **state)
{
	uint64_t addresses[ASSAY_FRAMES_MAX];
	assay_ref whole, part, at;
	uint32_t depth = 0;

	(void)state;
	for (uint32_t i = 0; i < ASSAY_FRAMES_MAX; i++)
		addresses[i] = i % 3;
	whole = path_of(addresses, ASSAY_FRAMES_MAX, true);
	part = path_of(addresses, ASSAY_FRAMES_MAX, false);
	assert_true(whole && part && whole != part);
	assert_int_equal(path_of(addresses, ASSAY_FRAMES_MAX, true), whole);
	for (at = part; at; at = node_at(at)->parent)
		depth++;
	assert_int_equal(depth, ASSAY_FRAMES_MAX + 2);
}

static void values(void **state)
{
	assay_ref a = PATH(true, 1), b = PATH(true, 2);
	const struct assay_spool_value *v;

	(void)state;
	assert_int_equal(node_at(a)->values, 0);
	assert_int_equal(assay_cct_add(thread, a, 0, 5000000), 0);
	assert_int_equal(assay_cct_add(thread, a, 0, 3), 0);
	assert_int_equal(assay_cct_add(thread, a, 0, 7000000000), 0);
	assert_int_equal(assay_cct_add(thread, a, 4, 11), 0);
	assert_int_equal(assay_cct_add(thread, b, 0, 0), 0);
	v = assay_at(node_at(a)->values);
	assert_int_equal(v->metric, 4);
	assert_int_equal(v->count, 1);
	assert_int_equal(v->min, 11);
	assert_int_equal(v->max, 11);
	v = assay_at(v->next);
	assert_int_equal(v->metric, 0);
	assert_int_equal(v->count, 3);
	assert_int_equal(v->sum, 7005000003);
	assert_int_equal(v->min, 3);
	assert_int_equal(v->max, 7000000000);
	assert_true(v->sum_of_squares == 5e6 * 5e6 + 9 + 7e9 * 7e9);
	assert_int_equal(v->next, 0);
	v = assay_at(node_at(b)->values);
	assert_int_equal(v->count, 1);
	assert_int_equal(v->sum, 0);
	assert_int_equal(v->min, 0);
}

/* ---- many random paths, against a model ---- */

enum { PATHS = 100000, DEPTH = 12 };

struct model {
	uint8_t frames[DEPTH]; /* outermost first */
	uint8_t count;
	bool complete;
	uint32_t weight;
	assay_ref node;
};
static struct model paths[PATHS];

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 33) % below;
}

static int by_path(const void *a, const void *b)
{
	const struct model *x = a, *y = b;

	if (x->complete != y->complete)
		return x->complete ? -1 : 1;
	if (x->count != y->count)
		return x->count < y->count ? -1 : 1;
	return memcmp(x->frames, y->frames, x->count);
}

/* Paths of up to DEPTH frames, most of them a variation of the one before, as samples are. */
static void draw_path(struct model *m, const struct model *before)
{
	m->count = (uint8_t)(1 + draw(DEPTH));
	m->complete = draw(50) != 0;
	m->weight = 1 + draw(10000000);
	for (int i = 0; i < m->count; i++)
		m->frames[i] = before && i < before->count && draw(8) ? before->frames[i] : (uint8_t)draw(6);
}

static void a_hundred_thousand_paths(void **state)
{
	uint64_t addresses[DEPTH], total = 0, sum = 0;
	struct assay_spool_visit *visits;
	struct assay_spool spool;
	const char *why;
	size_t n, nodes = 0;

	(void)state;
	random_state = 20240607;
	for (int i = 0; i < PATHS; i++) {
		draw_path(&paths[i], i ? &paths[i - 1] : NULL);
		for (int k = 0; k < paths[i].count; k++)
			addresses[k] = 0x1000 + paths[i].frames[k] * 0x10ull;
		paths[i].node = path_of(addresses, paths[i].count, paths[i].complete);
		assert_int_not_equal(paths[i].node, 0);
		assert_int_equal(assay_cct_add(thread, paths[i].node, 0, paths[i].weight), 0);
		total += paths[i].weight;
	}
	/* equal paths one after the other: each group is one node, with what its members add up to */
	qsort(paths, PATHS, sizeof *paths, by_path);
	for (int i = 0, end; i < PATHS; i = end) {
		uint64_t weight = 0, least = UINT64_MAX, most = 0;
		const struct assay_spool_value *v;
		double squares = 0;
		assay_ref at = paths[i].node;

		for (end = i; end < PATHS && by_path(&paths[i], &paths[end]) == 0; end++) {
			uint64_t w = paths[end].weight;

			assert_int_equal(paths[end].node, at);
			weight += w;
			least = w < least ? w : least;
			most = w > most ? w : most;
			squares += (double)w * (double)w;
		}
		assert_true(!end || end == PATHS || paths[end].node != at);
		v = assay_at(node_at(at)->values);
		assert_int_equal(v->count, end - i);
		assert_int_equal(v->sum, weight);
		assert_int_equal(v->min, least);
		assert_int_equal(v->max, most);
		assert_true(fabs(v->sum_of_squares - squares) <= 1e-9 * squares);
		for (int k = paths[i].count; k-- > 0; at = node_at(at)->parent)
			assert_int_equal(node_at(at)->address, 0x1000 + paths[i].frames[k] * 0x10ull);
		if (!paths[i].complete) {
			assert_int_equal(node_at(at)->address, ASSAY_SPECIAL_TRUNCATED);
			at = node_at(at)->parent;
		}
		assert_int_equal(at, atomic_load(&thread->record->root));
	}
	/* and the reader finds the same sum, and no node twice */
	assert_int_equal(assay_spool_open_memory(assay_process.base, assay_process.limit, &spool, &why), 0);
	n = assay_spool_tree(&spool, atomic_load(&thread->record->root), &visits);
	for (size_t i = 0; i < n; i++) {
		const struct assay_spool_value *v = assay_spool_value(&spool, visits[i].node->values);

		assert_true(i == 0 || visits[i].node->parent == visits[visits[i].parent].ref);
		sum += v ? v->sum : 0;
		nodes += v != NULL;
	}
	assert_int_equal(sum, total);
	assert_true(nodes > 1000 && n >= nodes);
	free(visits);
	free(spool.visited);
}

/* ---- how a child is found ---- */

/* Steps that a look-up of this child takes: down the search tree from the parent's link. */
static uint32_t steps_to(assay_ref parent, assay_ref child)
{
	assay_ref stack[4096];
	uint32_t depth[4096], n = 0;

	stack[n] = node_at(parent)->child;
	depth[n++] = 1;
	while (n) {
		assay_ref at = stack[--n];
		uint32_t d = depth[n];

		if (at == child)
			return d;
		for (int side = 0; side < 2; side++) {
			assay_ref next = side ? node_at(at)->right : node_at(at)->left;

			assert_true(n < 4096);
			if (next) {
				stack[n] = next;
				depth[n++] = d + 1;
			}
		}
	}
	fail_msg("child %u is not below %u", child, parent);
	return 0;
}

/* Steps of all look-ups: a walk of the tree that knows each node's depth. */
static void count_steps(assay_ref parent, uint32_t *nodes, double *mean, uint32_t *most)
{
	static assay_ref stack[20000];
	static uint32_t depth[20000];
	uint32_t n = 0;
	double sum = 0;

	*nodes = *most = 0;
	if (node_at(parent)->child) {
		stack[n] = node_at(parent)->child;
		depth[n++] = 1;
	}
	while (n) {
		struct assay_spool_node *at = node_at(stack[--n]);
		uint32_t d = depth[n];

		(*nodes)++;
		sum += d;
		*most = d > *most ? d : *most;
		if (at->left) {
			stack[n] = at->left;
			depth[n++] = d + 1;
		}
		if (at->right) {
			stack[n] = at->right;
			depth[n++] = d + 1;
		}
	}
	*mean = *nodes ? sum / *nodes : 0;
}

/*
 * A random search tree of n nodes needs 2 ln n steps in the mean (Knuth, The Art of Computer Programming 3, 6.2.2)
 * and about 4.31 ln n at most (Devroye 1986): for 10,000 that is 18.4 - 2.8 = 15.6 and 40. Keys come in the worst
 * order for a plain tree: ascending, as call sites in a function do.
 */
static void ten_thousand_children(void **state)
{
	uint32_t nodes, most;
	assay_ref parent, last = 0;
	double mean;

	(void)state;
	parent = PATH(true, 1);
	for (uint64_t i = 0; i < 10000; i++)
		last = PATH(true, 1, 0x400000 + i * 5);
	count_steps(parent, &nodes, &mean, &most);
	assert_int_equal(nodes, 10000);
	assert_true(steps_to(parent, last) <= most);
	if (mean > 22 || most > 48)
		fail_msg("%.1f steps in the mean, %u at most: not logarithmic", mean, most);
	/* the root's children are kept the same way: one under each of 10,000 modules */
	for (uint32_t i = 0; i < 10000; i++) {
		thread->frames[0] = (struct assay_frame_ref){ .address = 0x1234, .module = MODULE + i * 6 };
		assert_int_not_equal(assay_cct_path(thread, 1, true), 0);
	}
	count_steps(atomic_load(&thread->record->root), &nodes, &mean, &most);
	assert_int_equal(nodes, 10001);
	if (mean > 22 || most > 48)
		fail_msg("%.1f steps in the mean, %u at most: not logarithmic", mean, most);
}

/* ---- no more room ---- */

/* What is there stays right and goes on counting; what is new is refused. */
static void a_full_spool(void **state)
{
	struct assay_spool_thread record;
	assay_ref first, last = 0, before;
	uint64_t i;

	(void)state;
	core_process_end();
	core_process_begin(MB);
	thread = core_process_thread();
	first = PATH(true, 1, 2, 3);
	assert_int_equal(assay_cct_add(thread, first, 0, 10), 0);
	for (i = 0; (before = PATH(true, 1, 2, 3, 1000 + i)); i++)
		last = before;
	assert_true(i > 10000);
	assert_int_equal(PATH(true, 1, 2, 3), first);
	assert_int_equal(PATH(true, 1, 2, 3, 1000 + i - 1), last);
	assert_int_equal(PATH(true, 77, 78), 0);
	assert_int_equal(assay_cct_add(thread, first, 0, 20), 0);
	assert_int_equal(((struct assay_spool_value *)assay_at(node_at(first)->values))->sum, 30);
	assert_int_equal(assay_cct_add(thread, last, 0, 20), -ENOSPC);
	assert_int_equal(node_at(last)->values, 0);
	/* with the last page gone, and what all threads share, a thread that has no node yet cannot get even a root */
	do
		thread->arena = (struct assay_arena){ 0 };
	while (assay_arena_alloc(&thread->arena, 4096));
	while (assay_arena_alloc_common(16))
		;
	thread->arena = (struct assay_arena){ 0 };
	memset(&record, 0, sizeof record);
	thread->record = &record;
	assert_int_equal(PATH(true, 1), 0);
	assert_int_equal(record.root, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(same_path_same_node, setup, teardown),
		cmocka_unit_test_setup_teardown(prefixes_are_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(what_makes_a_node, setup, teardown),
		cmocka_unit_test_setup_teardown(truncated_paths_have_their_parent, setup, teardown),
		cmocka_unit_test_setup_teardown(the_deepest_path_there_is, setup, teardown),
		cmocka_unit_test_setup_teardown(values, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hundred_thousand_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(ten_thousand_children, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_spool, setup, teardown),
	};

	return cmocka_run_group_tests_name("cct", tests, NULL, NULL);
}
