/*
 * model.h: a profile's calling-context tree in memory, with functions, source lines and modules added up.
 *
 * Read once a look, in two passes over the tables: for a tree of 50,000 nodes that is several times quicker
 * than the SQL views hot_functions, hot_lines and hot_modules, which are for notebooks and give the same
 * figures (tests/unit/test_query.c compares them). Holds the metric 'cpu'. Knows nothing of terminals.
 *
 * References in a profile are foreign: what refers to nothing refers to entry 0 of its table, "(unknown)".
 * All lives until the profile is closed.
 */
#ifndef ASSAY_VIEWER_MODEL_H
#define ASSAY_VIEWER_MODEL_H

#include "query.h"
#include "share.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct assay_model_module {
	int64_t id;
	const char *path, *name, *build_id, *symbols;
	const char *note; /* or NULL */
	struct assay_weight exclusive, inclusive;
};

struct assay_model_file {
	int64_t id;
	const char *path;
	const char *shown; /* the path, less its ".." and the folder in which the program was started */
};

struct assay_model_function {
	int64_t id;
	const char *name;
	const char *linkage; /* or NULL */
	int module, file;    /* 0 = none */
	int64_t line;        /* where it is defined, 0 = unknown */
	bool named;          /* false: the name stands for an address range */
	bool special;        /* the name of a program, or of time that no function used */
	bool program;
	bool recursive;      /* it occurs below itself */
	struct assay_weight exclusive, inclusive;
};

enum assay_node_kind {
	ASSAY_NODE_PROGRAM,
	ASSAY_NODE_NATIVE,
	ASSAY_NODE_INLINED,
	ASSAY_NODE_SPECIAL,
	ASSAY_NODE_FRAME, /* a plugin's: a region, a wait */
};

struct assay_model_node {
	int64_t id;
	int parent;          /* index, always smaller than the node's own; -1 = a root */
	int function, file;  /* indices */
	int64_t line;        /* the line executing, 0 = unknown */
	uint8_t kind;        /* enum assay_node_kind */
	bool outer_function, outer_line, outer_module;
	struct assay_weight exclusive, inclusive;
};

struct assay_model_line {
	int file, function;
	int64_t line;
	struct assay_weight exclusive, inclusive;
};

struct assay_model {
	assay_query *query;
	struct assay_weight all;  /* all CPU time of the profile, start-up and the unsampled included */
	struct assay_model_module *modules;     /* [0] is "(none)" */
	struct assay_model_file *files;         /* [0] is "" */
	struct assay_model_function *functions; /* [0] is "(unknown)" */
	struct assay_model_node *nodes;         /* by id; parents come before children */
	size_t module_count, file_count, function_count, node_count;
};

/* 0 or a negative code; assay_query_error has the words. */
int assay_model_read(assay_query *query, struct assay_model **model);

/*
 * Functions that used time, hottest first by exclusive (or by inclusive) time; programs are left out.
 * The array and the functions belong to the model.
 */
struct assay_model_function **assay_model_functions(const struct assay_model *model, bool by_inclusive, size_t *count);

/* Source lines that used time themselves, hottest first; where `chosen` is not NULL, of the functions f with
 * chosen[f] set. A line that belongs to several functions (inlined code) counts once for each. */
struct assay_model_line *assay_model_lines(const struct assay_model *model, const bool *chosen, size_t *count);

/* Modules that used time, hottest first. */
struct assay_model_module **assay_model_modules(const struct assay_model *model, size_t *count);

/* Where the node with this id is in model->nodes; -1: there is none. */
int assay_model_node(const struct assay_model *model, int64_t id);

#endif
