#include "digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "digest_model.h"

static int prepare(struct assay_digest *d, const char *dir)
{
	int error = assay_run_file_open(dir, &d->run);

	d->dir = dir;
	if (error == -ENOENT || error == -ENOTDIR)
		assay_error("%s: not a run directory of Assay (it has no file '%s')", dir, "run");
	else if (error)
		assay_error("%s: %s", dir, strerror(-error));
	if (!error && !assay_run_dir_is_mine(dir)) {
		assay_error("%s: belongs to another user, who alone can digest it", dir);
		error = -EPERM;
	}
	if (!error)
		d->run_start = (uint64_t)assay_run_file_number(&d->run, "start_ns", 0);
	return error;
}

int assay_digest(const struct assay_digest_options *options, char **written)
{
	struct assay_digest d = { 0 };
	const char *output = options->output;
	assay_resolver *resolver = assay_resolver_open();
	int error = resolver ? prepare(&d, options->dir) : -ENOMEM;
	bool numbered = false;

	*written = NULL;
	if (error)
		goto out;
	if (!output) {
		output = assay_run_file_get(&d.run, "output");
		numbered = assay_run_file_number(&d.run, "output_numbered", 0);
	}
	if (!output) {
		assay_error("%s: says nothing of where the profile goes: use -o FILE", options->dir);
		error = -EINVAL;
		goto out;
	}
	error = assay_digest_images(&d);
	if (error)
		goto out;
	if (!d.images.count && d.unreadable) {
		assay_error("%s: none of its spools can be read", options->dir);
		error = -EINVAL;
		goto out;
	}
	assay_digest_account(&d);
	assay_digest_symbols(&d, resolver);
	assay_digest_merge(&d);
	error = d.no_memory ? -ENOMEM
			    : assay_digest_write(&d, output, options->force, numbered, written);
	if (!error && d.unreadable)
		error = ASSAY_DIGEST_PARTLY;
out:
	if (d.no_memory)
		assay_error("not enough memory for the profile");
	assay_digest_free(&d);
	assay_run_file_close(&d.run);
	assay_resolver_close(resolver);
	return error;
}
