/* resolve_debug.c: see resolve_internal.h */
#include "resolve_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool servers_configured(void)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	return urls && *urls;
}

/* Whether a file `name` lies where libdwfl looks for one that belongs to `module`. */
static bool is_beside(const char *module, const char *name)
{
	const char *slash = strrchr(module, '/');
	int folder = slash ? (int)(slash - module) : 0;
	static const char *const places[] = { "", "/.debug", NULL };
	char *path = NULL;
	bool found = false;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places) && !found; i++) {
		int length = places[i] ? asprintf(&path, "%.*s%s/%s", folder, module, places[i], name) :
					 asprintf(&path, "/usr/lib/debug%.*s/%s", folder, module, name);

		if (length < 0)
			return true; /* let libdwfl say so */
		found = access(path, F_OK) == 0;
		free(path);
	}
	return found;
}

static bool may_be_beside(const char *module, const char *link)
{
	const char *slash = strrchr(module, '/');
	char *made = NULL, *real;
	bool found;

	if (!link && asprintf(&made, "%s.debug", slash ? slash + 1 : module) < 0)
		return true;
	if (!link)
		link = made;
	found = link[0] == '/' || is_beside(module, link);
	real = found ? NULL : realpath(module, NULL);
	if (real)
		found = is_beside(real, link);
	free(real);
	free(made);
	return found;
}

int assay_resolve_find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
	const char *file, const char *link, GElf_Word crc, char **path)
{
	const unsigned char *bits;
	GElf_Addr address;

	if (!file || file[0] != '/' || servers_configured())
		return dwfl_standard_find_debuginfo(module, userdata, name, base, file, link, crc, path);
	if (dwfl_module_build_id(module, &bits, &address) > 0) {
		int fd = dwfl_build_id_find_debuginfo(module, NULL, NULL, 0, NULL, NULL, 0, path);

		if (fd >= 0)
			return fd;
	}
	if (may_be_beside(file, link))
		return dwfl_standard_find_debuginfo(module, userdata, name, base, file, link, crc, path);
	errno = 0;
	return -1;
}
