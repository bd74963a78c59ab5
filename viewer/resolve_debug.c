/* resolve_debug.c: see resolve_internal.h */
#include "resolve_internal.h"

#include <errno.h>
#include <gelf.h>
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

/* Sections of DWARF that say where variables are, what macros are, and which names there are: not asked here. */
static bool is_needless(const char *name)
{
	static const char *const names[] = { ".debug_loc", ".debug_loclists", ".debug_macro", ".debug_macinfo",
		".debug_pubnames", ".debug_pubtypes", ".debug_gnu_pubnames", ".debug_gnu_pubtypes", ".debug_names" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static void hide_needless(Elf *elf)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(section, &header) || !(header.sh_flags & SHF_COMPRESSED))
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if (!name || !is_needless(name))
			continue;
		header.sh_type = SHT_NOBITS;
		gelf_update_shdr(section, &header); /* in memory only */
	}
}

void assay_resolve_leave_out(Dwfl_Module *module, Elf *main)
{
	int count = dwfl_module_getsymtab(module);

	hide_needless(main);
	for (int i = 1; i < count; i++) {
		GElf_Word index;
		GElf_Addr address;
		GElf_Sym symbol;
		Elf *from = NULL;

		dwfl_module_getsym_info(module, i, &symbol, &address, &index, &from, NULL);
		if (!from)
			continue;
		if (from != main)
			hide_needless(from);
		break;
	}
}
