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
	CHAIN_NAME_WIDTH = 48, /* of one name among several on a line */
	NARROW = 40,
	CHAIN_WHOLE = 12,      /* a longer chain shows only as many of its calls, half of them at each end */
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

/* `whole_label`: with the mark of inlined code, which would only be noise inside a chain. */
static const char *label(const struct printing *p, int node, int width, bool whole_label)
{
	const struct assay_view_context *c = p->tree->context;
	const struct assay_calltree_node *n = &p->tree->nodes[node];
	const char *name = assay_view_text(c, c->model->functions[n->function].name), *mark = "";

	if (n->recursion)
		mark = width < NARROW ? " (recursive)"
			: assay_pool_print(c->pool, " (recursive, %d deep)", n->recursion + 1);
	else if (n->inlined && whole_label)
		mark = " [inlined]";
	name = assay_text_fit_name(c->pool, &c->term, name, width - assay_text_width(mark));
	return assay_pool_print(c->pool, "%s%s", name, mark);
}

static int last_of_chain(const struct printing *p, int node)
{
	int next;

	while ((next = only_callee(p, node)) >= 0)
		node = next;
	return node;
}

/* One line of a branch. Only its first has the figures. */
static void add_line(struct printing *p, const struct assay_calltree_node *first,
	const struct assay_calltree_node *last, const char *lead, const char *text)
{
	const struct assay_view_context *c = p->tree->context;
	struct assay_cell cells[] = {ASSAY_NOTHING, ASSAY_NOTHING, ASSAY_NOTHING,
		{.text = text, .number = NAN, .lead = lead}};

	if (first) {
		struct assay_share inclusive = assay_view_share(c, &first->inclusive);

		cells[0] = ASSAY_NUMBER(inclusive.percent);
		/* The only program has all the time: that is no estimate. */
		if (first->parent >= 0 || first->next >= 0 || !c->model->functions[first->function].program)
			cells[1] = assay_view_error_cell(&inclusive);
		cells[2] = ASSAY_NUMBER(assay_view_share(c, &last->exclusive).percent);
	}
	assay_table_add(p->table, cells);
}

/* The text of the i-th of `count` nodes of a chain; "" for one that is left out. */
static const char *link_text(const struct printing *p, int node, int i, int count, int width)
{
	int half = CHAIN_WHOLE / 2;

	if (count <= CHAIN_WHOLE || p->tree->context->options.whole || i < half || i >= count - half)
		return label(p, node, count > 1 && width > CHAIN_NAME_WIDTH ? CHAIN_NAME_WIDTH : width, i + 1 == count);
	return i > half ? "" : assay_pool_print(p->tree->context->pool, "(%d more)", count - 2 * half);
}

/* The nodes from `first` down to `last`, as many to a line as fit. */
static void add_chain(struct printing *p, int first, int last, const char *lead, const char *below)
{
	const struct assay_view_context *c = p->tree->context;
	int width = p->columns - assay_text_width(lead), calls = assay_text_width(p->calls), count = 1, i = 0;
	const struct assay_calltree_node *head = &p->tree->nodes[first];
	const char *line = NULL;

	for (int node = last; node != first; node = p->tree->nodes[node].parent)
		count++;
	for (int node = first; i < count; node = p->tree->nodes[node].first_child, i++) {
		bool more = i + 1 < count;
		const char *text = link_text(p, node, i, count, more ? width - calls + 1 : width);

		if (*text == '\0')
			continue;
		/* A line that goes on ends with the sign of a call, less the blank after it. */
		if (line && assay_text_width(line) + assay_text_width(text) + (more ? calls - 1 : 0) > width) {
			add_line(p, head, &p->tree->nodes[last], lead, line);
			head = NULL;
			lead = below;
			line = NULL;
		}
		line = assay_pool_print(c->pool, "%s%s%s", line ? line : "", text, more ? p->calls : "");
	}
	add_line(p, head, &p->tree->nodes[last], lead, line);
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

		add_chain(p, node, end, root ? "" : assay_pool_print(c->pool, "%s%s", trunk, branch), below);
		if (!shown(p, child) || (p->depth > 0 && level + 1 >= p->depth))
			continue;
		if ((level + 2) * SIGN_WIDTH + TREE_WIDTH_MIN > p->columns) {
			add_line(p, NULL, NULL, below, "(deeper: a larger --width)");
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
