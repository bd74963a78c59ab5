/* share.c: see share.h for the formula and its sources. */
#include "share.h"

#include <math.h>

static const double z = 1.96; /* 95 % of a normal distribution lies within z standard deviations */

void assay_weight_add(struct assay_weight *to, const struct assay_weight *from)
{
	to->sum += from->sum;
	to->sumsq += from->sumsq;
	/* A profile is foreign: its counts may be absurd. */
	if (__builtin_add_overflow(to->count, from->count, &to->count))
		to->count = from->count > 0 ? INT64_MAX : INT64_MIN;
}

/* z standard deviations of a share of n samples, taken at the centre of Wilson's interval and not at the share itself. */
static double at_wilsons_centre(double p, double n)
{
	double centre = (p * n + z * z / 2) / (n + z * z);

	return z * sqrt(centre * (1 - centre) / n);
}

struct assay_share assay_share_of(const struct assay_weight *part, const struct assay_weight *all)
{
	struct assay_share share = {.exact = part->count <= 0};
	double p, rest, error;

	if (!(all->sum > 0))
		return share;
	p = part->sum / all->sum;
	share.percent = 100 * p;
	if (share.exact || !(all->sumsq > 0))
		return share;
	rest = fmax(all->sumsq - part->sumsq, 0);
	error = z * sqrt((1 - p) * (1 - p) * fmax(part->sumsq, 0) + p * p * rest) / all->sum;
	share.error = 100 * fmax(error, at_wilsons_centre(fmin(fmax(p, 0), 1), all->sum * all->sum / all->sumsq));
	return share;
}
