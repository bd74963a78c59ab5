/*
 * plugins.h: the plugins that there are, and which of them a run is to have.
 *
 * Owns the search for them: those that are built into the preloaded library, the folders of ASSAY_PLUGIN_PATH, then those that belong to this command. Loads them, to ask
 * what they are; starts none.
 */
#ifndef ASSAY_VIEWER_PLUGINS_H
#define ASSAY_VIEWER_PLUGINS_H

#include <stdbool.h>
#include <stddef.h>

#include "assay/plugin.h"

struct assay_plugin_found {
	char *name, *path;             /* path: absolute, links resolved */
	const struct assay_plugin *is; /* NULL: it cannot be used */
	char *why;                     /* why not, in words */
	bool built_in;                 /* part of the preloaded library */
};

/* All that are found, by name, each name once. 0 or -ENOMEM. They stay loaded, and the list as it is. */
int assay_plugins_find(struct assay_plugin_found **found, size_t *count);

/*
 * What --plugins=`list` means: "auto", "none", or names with options, "auto" among them. Stores what the library is to
 * be told (profile/environment.h, ASSAY_ENV_PLUGINS; NULL: none) and the paths to preload, ended by a NULL; both
 * malloc'ed, the paths' texts not. 0; -EINVAL after an error message; -ENOMEM.
 */
int assay_plugins_choose(const char *list, char **words, char ***paths);

#endif
