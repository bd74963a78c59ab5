/*
 * names.h: names as other tools' markers have them, made into those of frames.
 *
 * Owns no memory: the caller gives it.
 */
#ifndef ASSAY_PLUGINS_REGIONS_NAMES_H
#define ASSAY_PLUGINS_REGIONS_NAMES_H

#include <wchar.h>

#include "regions.h"

struct regions_name {
	char text[REGIONS_NAME_MAX + 1];
};

/* UTF-8 of a wide string (UTF-32), cut off where it is too long; NULL for NULL. */
const char *regions_narrow(struct regions_name *to, const wchar_t *wide);

/* "DOMAIN: NAME"; NAME itself where there is no domain, or it has no name. */
const char *regions_join(struct regions_name *to, const char *domain, const char *name);

#endif
