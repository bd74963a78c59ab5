/* view_tree.c: the call tree from the top: who calls what, and how much of the time that is. */
#include "calltree.h"

#include "text.h"

static const double usual_min = 1;

static struct assay_calltree *make(const struct assay_view_context *c)
{
	const struct assay_model *m = c->model;
	struct assay_calltree *tree = assay_calltree_new(c);
	struct place {
		int node;      /* in the new tree */
		int recursion; /* direct calls of itself that led here */
	} *places = assay_pool_alloc(c->pool, m->node_count + 1, sizeof(*places));

	for (size_t i = 0; i < m->node_count; i++) {
		const struct assay_model_node *n = &m->nodes[i];
		int parent = n->parent < 0 ? -1 : places[n->parent].node;
		struct assay_calltree_node *node;

		if (n->parent >= 0 && m->nodes[n->parent].function == n->function) {
			/* A direct call of itself: its time is in the outer call's inclusive time already. */
			places[i] = places[n->parent];
			places[i].recursion++;
			node = &tree->nodes[parent];
		} else {
			places[i].node = assay_calltree_child(tree, parent, n->function);
			node = &tree->nodes[places[i].node];
			assay_weight_add(&node->inclusive, &n->inclusive);
		}
		assay_weight_add(&node->exclusive, &n->exclusive);
		node->inlined &= n->kind == ASSAY_NODE_INLINED;
		if (places[i].recursion > node->recursion)
			node->recursion = places[i].recursion;
	}
	assay_calltree_link(tree);
	return tree;
}

static int print(const struct assay_view_context *c)
{
	double min = assay_view_min(c, usual_min);

	assay_view_title(c, "Call tree");
	assay_view_say(c, "  ",
		"Shares of the CPU time: incl. (inclusive) with all that is called below, excl. (exclusive) in the "
		"function itself. Where several stand on a line, each calls the next and little else.");
	if (c->model->node_count == 0)
		assay_view_say(c, "  ", "It is empty.");
	assay_calltree_print(make(c), min, c->options.depth, true);
	if (min > 0)
		assay_view_say(
			c, "  ", "Calls below %s %% are left out (--min=PERCENT).", assay_text_percent(c->pool, min));
	return 0;
}

static int json(const struct assay_view_context *c, json_t *document)
{
	return assay_view_put(document, assay_view_tree.name,
		assay_calltree_json(make(c), assay_view_min(c, 0), c->options.depth));
}

const struct assay_view assay_view_tree = {
	.name = "tree",
	.print = print,
	.json = json,
};
