/* calltree.c: see calltree.h. */
#include "calltree.h"

#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_ROOM = 256,
	SIGN_WIDTH = 3,   /* of a branch */
	TREE_WIDTH_MIN = 16, /* names keep as much, however deep the tree */
	FIGURES_WIDTH = 28,
	CHAIN_NAME_WIDTH = 40, /* of one name among several on a line */
};

/* A caller and its only callee share a line when so much of its time is the callee's. */
static const double whole = 0.995;

struct assay_calltree *assay_calltree_new(const struct assay_view_context *c)
{
	struct assay_calltree *tree = assay_pool_alloc(c->pool, 1, sizeof(*tree));

	tree->context = c;
	tree->first_root = -1;
	return tree;
}

static size_t hash(int parent, int function)
{
	uint64_t key = ((uint64_t)(uint32_t)parent << 32 | (uint32_t)function) * 0x9e3779b97f4a7c15u;

	return (size_t)(key ^ key >> 29);
}

static size_t find_slot(const struct assay_calltree *tree, int parent, int function)
{
	size_t slot = hash(parent, function) & (tree->slot_count - 1);

	while (tree->slots[slot] >= 0) {
		const struct assay_calltree_node *node = &tree->nodes[tree->slots[slot]];

		if (node->parent == parent && node->function == function)
			break;
		slot = (slot + 1) & (tree->slot_count - 1);
	}
	return slot;
}

static void grow(struct assay_calltree *tree)
{
	assay_pool *pool = tree->context->pool;
	struct assay_calltree_node *nodes;

	tree->room = tree->room ? 2 * tree->room : FIRST_ROOM;
	nodes = assay_pool_alloc(pool, tree->room, sizeof(*nodes));
	if (tree->count)
		memcpy(nodes, tree->nodes, tree->count * sizeof(*nodes));
	tree->nodes = nodes;
	tree->slot_count = 2 * tree->room;
	tree->slots = assay_pool_alloc(pool, tree->slot_count, sizeof(*tree->slots));
	memset(tree->slots, 0xff, tree->slot_count * sizeof(*tree->slots));
	for (size_t i = 0; i < tree->count; i++)
		tree->slots[find_slot(tree, nodes[i].parent, nodes[i].function)] = (int)i;
}

int assay_calltree_child(struct assay_calltree *tree, int parent, int function)
{
	size_t slot;

	if (tree->count == tree->room)
		grow(tree);
	slot = find_slot(tree, parent, function);
	if (tree->slots[slot] < 0) {
		tree->nodes[tree->count] = (struct assay_calltree_node){
			.parent = parent, .function = function, .first_child = -1, .next = -1, .inlined = true};
		tree->slots[slot] = (int)tree->count++;
	}
	return tree->slots[slot];
}

struct ranked {
	double sum;
	int node;
};

/* Least first, for linking at the front leaves the most in front. */
static int by_sum(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->sum != y->sum)
		return x->sum < y->sum ? -1 : 1;
	return (x->node < y->node) - (x->node > y->node);
}

void assay_calltree_link(struct assay_calltree *tree)
{
	struct ranked *ranked = assay_pool_alloc(tree->context->pool, tree->count + 1, sizeof(*ranked));

	for (size_t i = 0; i < tree->count; i++)
		ranked[i] = (struct ranked){.sum = tree->nodes[i].inclusive.sum, .node = (int)i};
	qsort(ranked, tree->count, sizeof(*ranked), by_sum);
	for (size_t i = 0; i < tree->count; i++) {
		struct assay_calltree_node *node = &tree->nodes[ranked[i].node];
		int *first = node->parent < 0 ? &tree->first_root : &tree->nodes[node->parent].first_child;

		node->next = *first;
		*first = ranked[i].node;
	}
}

/* What the printing of one tree needs at every level. */
struct printing {
	const struct assay_calltree *tree;
	struct assay_table *table;
	double least;   /* ns */
	int depth;
	int columns;    /* room for branches and names */
	const char *calls; /* between the names of a line */
};

static bool shown(const struct printing *p, int node)
{
	return node >= 0 && p->tree->nodes[node].inclusive.sum >= p->least && p->tree->nodes[node].inclusive.sum > 0;
}

/* The callee that has all of this node's time, or -1. */
static int only_callee(const struct printing *p, int node)
{
	const struct assay_calltree_node *n = &p->tree->nodes[node];
	int child = n->first_child;

	if (!shown(p, child) || n->parent < 0 || p->tree->nodes[child].inclusive.sum < whole * n->inclusive.sum)
		return -1;
	return shown(p, p->tree->nodes[child].next) ? -1 : child;
}

static const char *label(const struct printing *p, int node, int width)
{
	const struct assay_view_context *c = p->tree->context;
	const struct assay_calltree_node *n = &p->tree->nodes[node];
	const char *name = assay_view_text(c, c->model->functions[n->function].name), *mark = "";

	if (n->recursion)
		mark = assay_pool_print(c->pool, " (recursive, %d deep)", n->recursion + 1);
	else if (n->inlined)
		mark = " [inlined]";
	name = assay_text_fit_name(c->pool, &c->term, name, width - assay_text_width(mark));
	return assay_pool_print(c->pool, "%s%s", name, mark);
}

/* Nodes from `first` down to `last`, in one line; the middle gives way. */
static const char *chain(const struct printing *p, int first, int last, int width)
{
	const struct assay_view_context *c = p->tree->context;
	const char *calls = p->calls;
	const char *text = label(p, last, width), *longer, *head;
	int left = 0, node;

	for (node = last; node != first; node = p->tree->nodes[node].parent)
		left++;
	if (left == 0)
		return text;
	text = label(p, last, CHAIN_NAME_WIDTH < width ? CHAIN_NAME_WIDTH : width);
	head = label(p, first, CHAIN_NAME_WIDTH / 2);
	for (node = p->tree->nodes[last].parent; left > 0; node = p->tree->nodes[node].parent, left--) {
		const char *before = label(p, node, CHAIN_NAME_WIDTH);

		longer = assay_pool_print(c->pool, "%s%s%s", before, calls, text);
		/* What is before this one will need its own note, unless there is none. */
		if (assay_text_width(longer) + (left > 1 ? assay_text_width(head) + 16 : 0) > width)
			break;
		text = longer;
	}
	if (left == 0)
		return text;
	longer = left == 1 ? assay_pool_print(c->pool, "%s%s%s", head, calls, text)
		: assay_pool_print(c->pool, "%s%s(%d more)%s%s", head, calls, left - 1, calls, text);
	if (assay_text_width(longer) > width)
		longer = assay_pool_print(c->pool, "(%d more)%s%s", left, calls, text);
	return assay_text_width(longer) > width ? label(p, last, width) : longer;
}

static int last_of_chain(const struct printing *p, int node)
{
	int next;

	while ((next = only_callee(p, node)) >= 0)
		node = next;
	return node;
}

static void add_row(struct printing *p, int first, int last, const char *lead)
{
	const struct assay_view_context *c = p->tree->context;
	const struct assay_calltree_node *n = &p->tree->nodes[first];
	struct assay_share inclusive = assay_view_share(c, &n->inclusive);
	struct assay_share exclusive = assay_view_share(c, &p->tree->nodes[last].exclusive);
	int width = p->columns - assay_text_width(lead);
	struct assay_cell cells[] = {
		ASSAY_NUMBER(inclusive.percent),
		assay_view_error_cell(&inclusive),
		ASSAY_NUMBER(exclusive.percent),
		{.text = chain(p, first, last, width), .number = NAN, .lead = lead},
	};

	assay_table_add(p->table, cells);
}

/* Recursive, but no deeper than fits the terminal's width. */
static void add_level(struct printing *p, int node, const char *trunk, int level)
{
	const struct assay_view_context *c = p->tree->context;
	bool root = level == 0;

	for (; shown(p, node); node = p->tree->nodes[node].next) {
		bool last_child = !shown(p, p->tree->nodes[node].next);
		int end = last_of_chain(p, node), child = p->tree->nodes[end].first_child;
		const char *branch = assay_term_sign(&c->term, last_child ? ASSAY_SIGN_CORNER : ASSAY_SIGN_BRANCH);
		const char *gap = assay_term_sign(&c->term, last_child ? ASSAY_SIGN_GAP : ASSAY_SIGN_TRUNK);
		const char *below = root ? "" : assay_pool_print(c->pool, "%s%s", trunk, gap);

		add_row(p, node, end, root ? "" : assay_pool_print(c->pool, "%s%s", trunk, branch));
		if (!shown(p, child) || (p->depth > 0 && level + 1 >= p->depth))
			continue;
		if ((level + 2) * SIGN_WIDTH + TREE_WIDTH_MIN > p->columns) {
			struct assay_cell cells[] = {ASSAY_NOTHING, ASSAY_NOTHING, ASSAY_NOTHING,
				{.text = "(deeper: a larger --width)", .number = NAN, .lead = below}};

			assay_table_add(p->table, cells);
			continue;
		}
		add_level(p, child, below, level + 1);
	}
}

void assay_calltree_print(const struct assay_calltree *tree, double min, int depth, bool exclusive)
{
	static const struct assay_column columns[] = {
		{.title = "incl. %", .kind = ASSAY_CELL_PERCENT},
		{.title = "", .kind = ASSAY_CELL_ERROR},
		{.title = "excl. %", .kind = ASSAY_CELL_PERCENT},
		{.title = "function", .kind = ASSAY_CELL_TEXT, .least = TREE_WIDTH_MIN},
	};
	static const struct assay_column without[] = {
		{.title = "% of all", .kind = ASSAY_CELL_PERCENT},
		{.title = "", .kind = ASSAY_CELL_ERROR},
		{.kind = ASSAY_CELL_PERCENT},
		{.title = "function, below it its callers", .kind = ASSAY_CELL_TEXT, .least = TREE_WIDTH_MIN},
	};
	const struct assay_view_context *c = tree->context;
	struct printing p = {
		.tree = tree,
		.table = assay_table_new(c->pool, exclusive ? columns : without, 4),
		.least = min / 100 * c->model->all.sum,
		.depth = depth,
		.columns = c->term.width - FIGURES_WIDTH,
		.calls = assay_term_sign(&c->term, exclusive ? ASSAY_SIGN_CALLS : ASSAY_SIGN_CALLED_BY),
	};

	if (p.columns < TREE_WIDTH_MIN)
		p.columns = TREE_WIDTH_MIN;
	add_level(&p, tree->first_root, "", 0);
	assay_table_print(p.table, &c->term, c->out);
}

static const char *kind_name(const struct assay_model_function *f, bool inlined)
{
	return f->program ? "program" : f->special ? "special" : inlined ? "inlined" : "native";
}

static void add_json_row(const struct assay_calltree *tree, struct assay_table *table, int node, int level)
{
	const struct assay_view_context *c = tree->context;
	const struct assay_calltree_node *n = &tree->nodes[node];
	const struct assay_model_function *f = &c->model->functions[n->function];
	struct assay_share inclusive = assay_view_share(c, &n->inclusive);
	struct assay_share exclusive = assay_view_share(c, &n->exclusive);
	struct assay_cell cells[] = {
		ASSAY_NUMBER(node),
		n->parent < 0 ? ASSAY_NOTHING : ASSAY_NUMBER(n->parent),
		ASSAY_NUMBER(level),
		ASSAY_TEXT(kind_name(f, n->inlined)),
		ASSAY_TEXT(f->name),
		f->module ? ASSAY_TEXT(c->model->modules[f->module].name) : ASSAY_NOTHING,
		ASSAY_NUMBER(n->recursion),
		ASSAY_NUMBER(n->inclusive.sum / 1e9),
		ASSAY_NUMBER(inclusive.percent),
		assay_view_error_cell(&inclusive),
		ASSAY_NUMBER(n->inclusive.count),
		ASSAY_NUMBER(n->exclusive.sum / 1e9),
		ASSAY_NUMBER(exclusive.percent),
		assay_view_error_cell(&exclusive),
		ASSAY_NUMBER(n->exclusive.count),
	};

	assay_table_add(table, cells);
}

json_t *assay_calltree_json(const struct assay_calltree *tree, double min, int depth)
{
	static const struct assay_column columns[] = {
		{.key = "id", .kind = ASSAY_CELL_COUNT},
		{.key = "parent", .kind = ASSAY_CELL_COUNT},
		{.key = "depth", .kind = ASSAY_CELL_COUNT},
		{.key = "kind", .kind = ASSAY_CELL_TEXT},
		{.key = "function", .kind = ASSAY_CELL_NAME},
		{.key = "module", .kind = ASSAY_CELL_TEXT},
		{.key = "recursion", .kind = ASSAY_CELL_COUNT},
		{.key = "inclusive_s", .kind = ASSAY_CELL_SECONDS},
		{.key = "inclusive_percent", .kind = ASSAY_CELL_PERCENT},
		{.key = "inclusive_error", .kind = ASSAY_CELL_ERROR},
		{.key = "inclusive_samples", .kind = ASSAY_CELL_COUNT},
		{.key = "exclusive_s", .kind = ASSAY_CELL_SECONDS},
		{.key = "exclusive_percent", .kind = ASSAY_CELL_PERCENT},
		{.key = "exclusive_error", .kind = ASSAY_CELL_ERROR},
		{.key = "exclusive_samples", .kind = ASSAY_CELL_COUNT},
	};
	const struct assay_view_context *c = tree->context;
	struct printing p = {.tree = tree, .least = min / 100 * c->model->all.sum};
	struct assay_table *table = assay_table_new(c->pool, columns, sizeof(columns) / sizeof(columns[0]));
	int node = tree->first_root, level = 0;

	/* In pre-order, without a stack: foreign trees may be deep. Siblings go by time, so one that is not
	 * shown ends its row of siblings. */
	while (node >= 0) {
		if (shown(&p, node)) {
			add_json_row(tree, table, node, level);
			if (shown(&p, tree->nodes[node].first_child) && (depth <= 0 || level + 1 < depth)) {
				node = tree->nodes[node].first_child;
				level++;
				continue;
			}
		}
		while (node >= 0 && !shown(&p, tree->nodes[node].next)) {
			node = tree->nodes[node].parent;
			level--;
		}
		if (node >= 0)
			node = tree->nodes[node].next;
	}
	return assay_table_json(table);
}
