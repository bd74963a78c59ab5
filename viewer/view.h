/*
 * view.h: a way of looking at a profile. One view_NAME.c each, ending in one const struct assay_view.
 *
 * A view takes all from the context, writes text to its `out` or adds one value to a JSON document, and
 * keeps nothing. Views never open files and never read options of the command line.
 */
#ifndef ASSAY_VIEWER_VIEW_H
#define ASSAY_VIEWER_VIEW_H

#include "model.h"
#include "query.h"
#include "share.h"
#include "table.h"
#include "term.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct assay_view_options {
	double min;           /* percent of all CPU time below which rows are left out; NAN = the view's own choice */
	int64_t limit;        /* rows; 0 = the view's own choice, -1 = all */
	int depth;            /* of the tree; 0 = any */
	bool brief;           /* the first screen */
	bool whole;           /* nothing left out, however long */
	const char *callers;  /* --callers=FN */
	const char *lines_of; /* --lines=FN, or NULL */
	const char *file;     /* the profile, as commands that we suggest must name it; NULL = they need not */
};

struct assay_view_context {
	assay_query *query;
	const struct assay_model *model;
	struct assay_account account;
	const struct assay_run_value *run;
	size_t run_count;
	struct assay_term term;
	struct assay_view_options options;
	assay_pool *pool;
	FILE *out;
};

struct assay_view {
	const char *name; /* the key in JSON */
	/* 0 or a negative code. -ECANCELED: the user's mistake, already reported by assay_error. */
	int (*print)(const struct assay_view_context *c);
	int (*json)(const struct assay_view_context *c, json_t *document);
};

extern const struct assay_view assay_view_run;
extern const struct assay_view assay_view_account;
extern const struct assay_view assay_view_functions;
extern const struct assay_view assay_view_lines;
extern const struct assay_view assay_view_trust;
extern const struct assay_view assay_view_next;
extern const struct assay_view assay_view_tree;
extern const struct assay_view assay_view_callers;
extern const struct assay_view assay_view_threads;
extern const struct assay_view assay_view_processes;
extern const struct assay_view assay_view_modules;
extern const struct assay_view assay_view_metrics;
extern const struct assay_view assay_view_waits;
extern const struct assay_view assay_view_teams;

/* Fills the context from the profile: account, run and model. `query` must be open. */
int assay_view_prepare(struct assay_view_context *c, assay_query *query);

/* A blank line and a heading. */
void assay_view_title(const struct assay_view_context *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Words, wrapped to the terminal's width: the first line begins with `first`, the others with blanks. */
void assay_view_say(const struct assay_view_context *c, const char *first, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "Showing 10 of 1,521: --limit=N shows more." where rows were left out. */
void assay_view_left_out(const struct assay_view_context *c, size_t shown, size_t total, const char *option);

/* Foreign text, inert. */
const char *assay_view_text(const struct assay_view_context *c, const char *foreign);

/* How many rows to show, when the view's own choice would be `usual` (-1 = all). JSON is never cut unasked. */
size_t assay_view_limit(const struct assay_view_context *c, int64_t usual, size_t count);
double assay_view_min(const struct assay_view_context *c, double usual);

/* Cells for a share of all CPU time and its error. */
struct assay_share assay_view_share(const struct assay_view_context *c, const struct assay_weight *weight);
struct assay_cell assay_view_error_cell(const struct assay_share *share);

/* document[name] = value (which is taken over, NULL included). 0 or -ENOMEM. */
int assay_view_put(json_t *document, const char *name, json_t *value);

/*
 * The functions that `pattern` means: the whole name, else the name without parameters and template arguments
 * (or its end after "::"), else a part of it. chosen[f] is set for each (they all have one name), and *name
 * to that name. -ECANCELED, reported, when none or several different ones are meant.
 */
int assay_view_pick(const struct assay_view_context *c, const char *pattern, bool **chosen, const char **name);
/* The shortest pattern that assay_view_pick understands as the function `f`. */
const char *assay_view_pattern(const struct assay_view_context *c, const struct assay_model_function *f);

#endif
