/*
 * digest.h: from the spools of a run to one profile.
 *
 * Owns the pipeline: images (what each spool holds), symbols, the merged tree, the SQLite file. Reads
 * spools and modules; the only other thing it touches is the profile, which appears whole or not at all.
 */
#ifndef ASSAY_VIEWER_DIGEST_H
#define ASSAY_VIEWER_DIGEST_H

#include <stdbool.h>

struct assay_digest_options {
	const char *dir;    /* the run directory */
	const char *output; /* profile to write, or NULL: what the run file says */
	bool force;         /* may replace an existing file */
};

/* The profile was made, but some spools could not be read: they should be kept, for another Assay may. */
#define ASSAY_DIGEST_PARTLY 1

/*
 * Makes the profile and stores its path in *written (malloc'ed). 0 or ASSAY_DIGEST_PARTLY, or a negative errno
 * after an error message; then nothing was written. The spools are left as they were in any case.
 */
int assay_digest(const struct assay_digest_options *options, char **written);

#endif
