/*
 * calltree.h: a tree of functions for showing, made from the calling-context tree: calls from several lines
 * of one function are one call, and a function that calls itself directly is one entry, marked as recursive.
 *
 * Both the call tree and (upside down) the callers of a function are such trees. Never changes the model.
 */
#ifndef ASSAY_VIEWER_CALLTREE_H
#define ASSAY_VIEWER_CALLTREE_H

#include "view.h"

#include <stdbool.h>
#include <stddef.h>

struct assay_calltree_node {
	int parent, function;    /* -1 = a root; index into the model's functions */
	int first_child, next;   /* -1 = none; by inclusive time, the most first */
	int recursion;           /* how many calls of itself deep it was seen, 0 = none */
	bool inlined;            /* everywhere */
	struct assay_weight exclusive, inclusive;
};

struct assay_calltree {
	struct assay_calltree_node *nodes;
	size_t count, room;
	int first_root;
	int *slots;              /* hash of (parent, function), -1 = free */
	size_t slot_count;
	const struct assay_view_context *context;
};

struct assay_calltree *assay_calltree_new(const struct assay_view_context *c);
/* The child of `parent` (-1: a root) for this function, made if there is none. */
int assay_calltree_child(struct assay_calltree *tree, int parent, int function);
/* Sorts and links the children. To be called once, when all is there. */
void assay_calltree_link(struct assay_calltree *tree);

/*
 * Prints it, without nodes below `min` percent (inclusive), nor deeper than `depth` (0 = any). A caller whose
 * time is all in one callee stands on the same line with it. `exclusive`: with that column (a call tree); else
 * it is a tree of callers.
 */
void assay_calltree_print(const struct assay_calltree *tree, double min, int depth, bool exclusive);
/* Parents before children, as a flat array; a new reference. */
json_t *assay_calltree_json(const struct assay_calltree *tree, double min, int depth);

#endif
