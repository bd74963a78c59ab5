/* resolve_scope.c: see resolve_internal.h */
#include "resolve_internal.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ORIGINS_MAX = 8,     /* links from an instance to its declaration; two is usual */
	CONTAINERS_MAX = 32, /* namespaces and classes around a function; further ones are left out */
};

static const struct assay_place *find_place(const struct assay_place *list, size_t count, uint64_t offset)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && list[low].offset == offset ? &list[low] : NULL;
}

/* Goes one step towards the declaration that the entry is an instance of. False at the end. */
static bool step_to_origin(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	Dwarf_Die origin;

	if (!dwarf_attr(die, DW_AT_abstract_origin, &attribute) && !dwarf_attr(die, DW_AT_specification, &attribute))
		return false;
	if (!dwarf_formref_die(&attribute, &origin))
		return false;
	*die = origin;
	return true;
}

/* Path of the file that a DW_AT_call_file or DW_AT_decl_file attribute means. */
static const char *attribute_file(struct assay_dwarf *dwarf, Dwarf_Attribute *attribute)
{
	Dwarf_Attribute directory;
	Dwarf_Files *files;
	Dwarf_Word index;
	Dwarf_Die unit_die;
	size_t count;

	/* The file's number means something in the unit that the attribute is in, which need not be the caller's. */
	if (dwarf_formudata(attribute, &index) ||
	    !dwarf_cu_die(attribute->cu, &unit_die, NULL, NULL, NULL, NULL, NULL, NULL) ||
	    dwarf_getsrcfiles(&unit_die, &files, &count) || index >= count)
		return NULL;
	return assay_resolve_source_path(dwarf->strings,
		dwarf_attr_integrate(&unit_die, DW_AT_comp_dir, &directory) ? dwarf_formstring(&directory) : NULL,
		dwarf_filesrc(files, index, NULL, NULL));
}

static int attribute_number(Dwarf_Attribute *attribute)
{
	Dwarf_Word number;

	return attribute && dwarf_formudata(attribute, &number) == 0 && number <= INT_MAX ? (int)number : 0;
}

static uint64_t function_start(struct assay_dwarf *dwarf, Dwarf_Die *die)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	if (dwarf_entrypc(die, &start) == 0 && assay_elf_is_code(dwarf->elf, start + dwarf->bias))
		return start + dwarf->bias;
	while ((at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
		if (assay_elf_is_code(dwarf->elf, start + dwarf->bias))
			return start + dwarf->bias;
	}
	return 0;
}

/* "outer::inner::name" from the namespaces and classes around the declaration. */
static const char *qualified_name(struct assay_dwarf *dwarf, Dwarf_Die *declaration, const char *name)
{
	struct assay_unit *unit = assay_dwarf_unit_of(dwarf, declaration);
	const struct assay_place *place;
	const char *around[CONTAINERS_MAX], *result = NULL;
	size_t count = 0, length = strlen(name) + 1;
	char *text, *to;

	if (!unit || assay_dwarf_index(dwarf, unit))
		return assay_strings_add(dwarf->strings, name);
	place = find_place(unit->declared, unit->declared_count, dwarf_dieoffset(declaration));
	for (uint32_t id = place ? place->id : ASSAY_NO_SPAN; id != ASSAY_NO_SPAN && count < CONTAINERS_MAX;
		id = unit->containers[id].parent) {
		if (unit->containers[id].name) {
			around[count++] = unit->containers[id].name;
			length += strlen(around[count - 1]) + 2;
		}
	}
	text = to = malloc(length);
	if (!text)
		return NULL;
	while (count > 0)
		to += sprintf(to, "%s::", around[--count]);
	strcpy(to, name);
	result = assay_strings_add(dwarf->strings, text);
	free(text);
	return result;
}

/* The symbol of the function that the scope is, or is an inlined copy of; NULL where there is none. */
static const char *symbol_of(struct assay_dwarf *dwarf, struct assay_unit *unit, const struct assay_scope *scope,
	Dwarf_Die *die)
{
	const struct assay_place *place;
	const char *symbol;
	uint64_t start, symbol_start;
	Dwarf_Attribute attribute;
	Dwarf_Die function = *die, origin;

	if (scope->inlined) {
		if (!dwarf_attr(die, DW_AT_abstract_origin, &attribute) || !dwarf_formref_die(&attribute, &origin))
			return NULL;
		place = find_place(unit->defined, unit->defined_count, dwarf_dieoffset(&origin));
		if (!place || !dwarf_offdie(unit->dwarf, unit->scopes[place->id].offset, &function))
			return NULL;
	}
	start = function_start(dwarf, &function);
	symbol = start ? assay_elf_symbol(dwarf->elf, start, &symbol_start) : NULL;
	return symbol && symbol_start == start ? assay_resolve_symbol_plain(dwarf->strings, symbol) : NULL;
}

/*
 * The name as the demangler writes it, where there is a linkage name: so it reads the same whether it
 * comes from here or from a symbol table. gcc gives none to functions with internal linkage: theirs
 * is found by the symbol of the out-of-line copy, else put together from what is around it.
 */
static void read_name(struct assay_dwarf *dwarf, struct assay_unit *unit, const struct assay_scope *scope,
	Dwarf_Die *die, struct assay_scope_info *info)
{
	Dwarf_Attribute attribute;
	Dwarf_Die declaration = *die;
	const char *linkage = NULL, *name = dwarf_diename(die);
	bool external = dwarf_attr_integrate(die, DW_AT_external, &attribute) != NULL;
	char *demangled;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		linkage = dwarf_formstring(&attribute);
	if (!linkage && unit->qualified)
		linkage = symbol_of(dwarf, unit, scope, die);
	if (linkage) {
		demangled = assay_demangle(linkage);
		info->name = assay_strings_add(dwarf->strings, demangled ? demangled : name ? name : linkage);
		free(demangled);
		if (info->name && strcmp(info->name, linkage) != 0)
			info->linkage = assay_strings_add(dwarf->strings, linkage);
		return;
	}
	/* An external function without a linkage name has C's: it is in no namespace. */
	if (!name || !unit->qualified || external) {
		info->name = assay_strings_add(dwarf->strings, name);
		return;
	}
	for (int i = 0; i < ORIGINS_MAX && step_to_origin(&declaration); i++)
		;
	info->name = qualified_name(dwarf, &declaration, name);
}

const struct assay_scope_info *assay_scope_read(struct assay_dwarf *dwarf, struct assay_unit *unit, uint32_t id)
{
	struct assay_scope *scope = &unit->scopes[id];
	struct assay_scope_info *info;
	Dwarf_Attribute attribute;
	Dwarf_Die die;

	if (scope->info)
		return &unit->infos[scope->info - 1];
	if (!dwarf_offdie(unit->dwarf, scope->offset, &die) ||
	    assay_resolve_reserve(&unit->infos, &unit->info_capacity, unit->info_count + 1, sizeof(*unit->infos)))
		return NULL;
	info = &unit->infos[unit->info_count];
	memset(info, 0, sizeof(*info));
	read_name(dwarf, unit, scope, &die, info);
	info->decl_line = attribute_number(dwarf_attr_integrate(&die, DW_AT_decl_line, &attribute));
	if (dwarf_attr_integrate(&die, DW_AT_decl_file, &attribute))
		info->decl_file = attribute_file(dwarf, &attribute);
	if (scope->inlined) {
		info->call_line = attribute_number(dwarf_attr(&die, DW_AT_call_line, &attribute));
		if (dwarf_attr(&die, DW_AT_call_file, &attribute))
			info->call_file = attribute_file(dwarf, &attribute);
	} else {
		info->start = function_start(dwarf, &die);
	}
	scope->info = (uint32_t)++unit->info_count & 0x7fffffff;
	return info;
}
