/*
 * measured.h: a metric's values as rows: how much, how often, at what frame, called from where.
 *
 * Owns the reading and the joining of them, for the views that show metrics. Knows no metric by name. All lives until
 * the profile is closed.
 */
#ifndef ASSAY_VIEWER_MEASURED_H
#define ASSAY_VIEWER_MEASURED_H

#include "view.h"

enum { ASSAY_CALLERS = 2 };

struct assay_measured_at {
	double amount, inclusive;   /* inclusive: 0 inside itself, where it is counted already */
	int64_t times;
	const char *kind, *name;    /* of the frame */
	int node;                   /* in the model, -1: unknown; of rows that were joined, that of the largest */
	double largest;             /* what that one has */
	int callers[ASSAY_CALLERS]; /* functions or frames around it, the nearest first; -1 = none */
	bool no_path;
};

struct assay_measured {
	const struct assay_metric_row *is;
	bool time;
	double amount;
	int64_t times;
	bool nested; /* some lie in others */
	struct assay_measured_at *rows;
	size_t count;
};

/* What has a value of a metric, a row a node. 0 or a negative code. */
int assay_measured_read(const struct assay_view_context *c, const struct assay_metric_row *is, struct assay_measured *m);

/* Rows that would look alike become one, and the largest comes first. `callers`: whether these tell them apart. */
void assay_measured_join(struct assay_measured *m, bool callers);

/* The metrics of one kind (as the profile calls it: 'wait'), their rows in one; m->is is the first of them. */
int assay_measured_kind(const struct assay_view_context *c, const char *kind, struct assay_measured *m);

/* "f, in g", or NULL: it is not known. */
const char *assay_measured_where(const struct assay_view_context *c, const struct assay_measured_at *row);

#endif
