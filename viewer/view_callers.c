/* view_callers.c: who calls a function: its inclusive time, split by the call paths that led to it. */
#include "calltree.h"

#include "text.h"

enum { PATH_MAX_DEPTH = 1024 }; /* callers of one call that are followed */

static const double usual_min = 1;

/* No caller of this node is one of the chosen functions: a recursive call counts once, at its outermost. */
static bool outermost(const struct assay_model *m, int node, const bool *chosen)
{
	int depth = 0;

	for (node = m->nodes[node].parent; node >= 0 && depth < PATH_MAX_DEPTH; node = m->nodes[node].parent, depth++) {
		if (chosen[m->nodes[node].function])
			return false;
	}
	return true;
}

static void add_path(struct assay_calltree *tree, const struct assay_model *m, int from, int function)
{
	const struct assay_weight *weight = &m->nodes[from].inclusive;
	int at = assay_calltree_child(tree, -1, function), recursion = 0, depth = 0;

	tree->nodes[at].inlined &= m->nodes[from].kind == ASSAY_NODE_INLINED;
	assay_weight_add(&tree->nodes[at].inclusive, weight);
	for (int n = m->nodes[from].parent; n >= 0 && depth < PATH_MAX_DEPTH; n = m->nodes[n].parent, depth++) {
		if (depth > 0 && m->nodes[n].function == tree->nodes[at].function) {
			recursion++;
		} else {
			at = assay_calltree_child(tree, at, m->nodes[n].function);
			assay_weight_add(&tree->nodes[at].inclusive, weight);
			recursion = 0;
		}
		tree->nodes[at].inlined &= m->nodes[n].kind == ASSAY_NODE_INLINED;
		if (recursion > tree->nodes[at].recursion)
			tree->nodes[at].recursion = recursion;
	}
}

/* A tree with the function as its root and callers as children; *exclusive is set to its own time. */
static struct assay_calltree *make(const struct assay_view_context *c, const bool *chosen,
	struct assay_weight *exclusive)
{
	const struct assay_model *m = c->model;
	struct assay_calltree *tree = assay_calltree_new(c);
	int function = -1;

	*exclusive = (struct assay_weight){.sum = 0};
	for (size_t i = 0; i < m->node_count; i++) {
		const struct assay_model_node *n = &m->nodes[i];

		if (!chosen[n->function])
			continue;
		if (function < 0)
			function = n->function;
		assay_weight_add(exclusive, &n->exclusive);
		if (outermost(m, (int)i, chosen))
			add_path(tree, m, (int)i, function);
	}
	assay_calltree_link(tree);
	if (tree->first_root >= 0)
		tree->nodes[tree->first_root].exclusive = *exclusive;
	return tree;
}

static int print(const struct assay_view_context *c)
{
	double min = assay_view_min(c, usual_min);
	struct assay_weight exclusive;
	struct assay_share inside;
	struct assay_calltree *tree;
	const char *name;
	bool *chosen;
	int rc = assay_view_pick(c, c->options.callers, &chosen, &name);

	if (rc)
		return rc;
	tree = make(c, chosen, &exclusive);
	inside = assay_view_share(c, &exclusive);
	assay_view_title(c, "Callers of %s", assay_text_fit_name(c->pool, &c->term, assay_view_text(c, name),
		c->term.width - 11));
	if (tree->first_root >= 0) {
		const struct assay_weight *inclusive = &tree->nodes[tree->first_root].inclusive;

		assay_view_say(c, "  ",
			"It and what it calls: %s %% of the CPU time (%s), by the paths below. In itself: %s %%.",
			assay_text_percent(c->pool, assay_view_share(c, inclusive).percent),
			assay_text_seconds(c->pool, &c->term, inclusive->sum / 1e9),
			assay_text_percent(c->pool, inside.percent));
	}
	assay_calltree_print(tree, min, c->options.depth, false);
	if (min > 0)
		assay_view_say(
			c, "  ", "Paths below %s %% are left out (--min=PERCENT).", assay_text_percent(c->pool, min));
	return 0;
}

static int json(const struct assay_view_context *c, json_t *document)
{
	struct assay_weight exclusive;
	const char *name;
	bool *chosen;
	int rc = assay_view_pick(c, c->options.callers, &chosen, &name);

	if (rc)
		return rc;
	return assay_view_put(document, assay_view_callers.name,
		json_pack("{s:o, s:o}", "function", assay_json_text(c->pool, name), "tree",
			assay_calltree_json(make(c, chosen, &exclusive), assay_view_min(c, 0), c->options.depth)));
}

const struct assay_view assay_view_callers = {
	.name = "callers",
	.print = print,
	.json = json,
};
