/* resolve_dwarf.c: see resolve_internal.h */
#include "resolve_internal.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	NESTING_MAX = 256, /* entries nested deeper than any compiler's are damage */
};

/* The walk over one unit's entries. */
struct walk {
	struct assay_dwarf *dwarf;
	struct assay_unit *unit;
	uint64_t furthest; /* entries are visited in ascending order only: damaged links make no loops */
};

struct position {
	uint32_t scope, container;
	unsigned int nesting;
};

static void free_unit(struct assay_unit *unit)
{
	assay_spans_free(&unit->by_address);
	free(unit->scopes);
	free(unit->infos);
	free(unit->containers);
	free(unit->declared);
	free(unit->defined);
}

void assay_dwarf_close(struct assay_dwarf *dwarf)
{
	if (!dwarf)
		return;
	for (size_t i = 0; i < dwarf->unit_count; i++)
		free_unit(&dwarf->units[i]);
	free(dwarf->units);
	assay_spans_free(&dwarf->by_address);
	free(dwarf);
}

const char *assay_dwarf_problem(const struct assay_dwarf *dwarf)
{
	if (dwarf->damaged)
		return "its debug information is damaged";
	if (dwarf->split_missing)
		return "part of its debug information is in .dwo files that are not found";
	return NULL;
}

/*
 * Adds the entry's address ranges to `spans`. What the linker threw away was left with addresses at
 * which there is no code. Returns how many were added, or -ENOMEM.
 */
static int add_ranges(struct assay_dwarf *dwarf, Dwarf_Die *die, struct assay_spans *spans, uint32_t depth, uint32_t id)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;
	int added = 0;

	while (added < INT32_MAX && (at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
		if (!assay_elf_is_code(dwarf->elf, start + dwarf->bias))
			continue;
		if (assay_spans_add(spans, start + dwarf->bias, end + dwarf->bias, depth, id))
			return -ENOMEM;
		added++;
	}
	return added;
}

static int load_units(struct assay_dwarf *dwarf)
{
	Dwarf_CU *cu = NULL;
	uint8_t type;
	Dwarf_Die die;
	int more, status = 0;

	while (!status && (more = dwarf_get_units(dwarf->dwarf, cu, &cu, NULL, &type, &die, NULL)) == 0) {
		struct assay_unit *unit;

		if (!die.addr) {
			dwarf->damaged = true;
			continue;
		}
		if (type == DW_UT_type || type == DW_UT_split_type || dwarf->unit_count == ASSAY_NO_SPAN)
			continue;
		if (assay_resolve_reserve(&dwarf->units, &dwarf->unit_capacity, dwarf->unit_count + 1, sizeof(*unit)))
			return -ENOMEM;
		unit = &dwarf->units[dwarf->unit_count++];
		memset(unit, 0, sizeof(*unit));
		unit->die = unit->root = die;
		unit->offset = dwarf_dieoffset(&die);
		status = add_ranges(dwarf, &die, &dwarf->by_address, 0, (uint32_t)(dwarf->unit_count - 1));
		status = status < 0 ? status : 0;
	}
	if (!status && more < 0)
		dwarf->damaged = true;
	return status;
}

int assay_dwarf_open(struct assay_dwarf **result, Dwarf *handle, uint64_t bias, const struct assay_elf *elf,
	struct assay_strings *strings)
{
	struct assay_dwarf *dwarf = calloc(1, sizeof(*dwarf));
	int status;

	*result = NULL;
	if (!dwarf)
		return -ENOMEM;
	dwarf->dwarf = handle;
	dwarf->bias = bias;
	dwarf->elf = elf;
	dwarf->strings = strings;
	status = load_units(dwarf);
	if (!status && dwarf->by_address.count) {
		status = assay_spans_settle(&dwarf->by_address);
		*result = dwarf;
	}
	if (status || !*result) {
		assay_dwarf_close(dwarf);
		*result = NULL;
	}
	return status;
}

struct assay_unit *assay_dwarf_unit_of(struct assay_dwarf *dwarf, Dwarf_Die *die)
{
	size_t low = 0, high = dwarf->unit_count;
	Dwarf_Die unit_die;
	uint64_t offset;

	if (!dwarf_diecu(die, &unit_die, NULL, NULL) || dwarf_cu_getdwarf(unit_die.cu) != dwarf->dwarf)
		return NULL;
	offset = dwarf_dieoffset(&unit_die);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (dwarf->units[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < dwarf->unit_count && dwarf->units[low].offset == offset ? &dwarf->units[low] : NULL;
}

static bool language_is_qualified(int language)
{
	switch (language) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case DW_LANG_ObjC_plus_plus:
	case DW_LANG_Rust:
	case DW_LANG_D:
		return true;
	default:
		return false;
	}
}

/* Adds a function or inlined call that has code; *scope becomes it. */
static int add_scope(struct walk *walk, Dwarf_Die *die, bool inlined, uint64_t offset, struct position *here)
{
	struct assay_unit *unit = walk->unit;
	uint32_t id = (uint32_t)unit->scope_count;
	int added;

	if (unit->scope_count == ASSAY_NO_SPAN)
		return 0;
	added = add_ranges(walk->dwarf, die, &unit->by_address, here->nesting, id);
	if (added <= 0) {
		if (!inlined)
			here->scope = ASSAY_NO_SPAN;
		return added;
	}
	if (assay_resolve_reserve(&unit->scopes, &unit->scope_capacity, unit->scope_count + 1, sizeof(*unit->scopes)))
		return -ENOMEM;
	unit->scopes[unit->scope_count++] =
		(struct assay_scope){ .offset = offset, .parent = here->scope, .inlined = inlined };
	here->scope = id;
	return 0;
}

static int add_place(struct assay_place **list, size_t *count, size_t *capacity, uint64_t offset, uint32_t id)
{
	if (assay_resolve_reserve(list, capacity, *count + 1, sizeof(**list)))
		return -ENOMEM;
	(*list)[(*count)++] = (struct assay_place){ .offset = offset, .id = id };
	return 0;
}

static int add_container(struct assay_unit *unit, const char *name, struct position *here)
{
	if (assay_resolve_reserve(&unit->containers, &unit->container_capacity, unit->container_count + 1,
		    sizeof(*unit->containers)))
		return -ENOMEM;
	unit->containers[unit->container_count] = (struct assay_container){ .name = name, .parent = here->container };
	here->container = (uint32_t)unit->container_count++;
	return 0;
}

/*
 * Remembers where functions without a linkage name are declared, and which out-of-line function is an
 * instance of which declaration: names are made from it, when wanted.
 */
static int note_function(struct walk *walk, Dwarf_Die *die, uint64_t offset, uint32_t scope, struct position *here)
{
	struct assay_unit *unit = walk->unit;
	Dwarf_Attribute attribute;
	Dwarf_Die origin;
	int status = 0;

	if (dwarf_hasattr(die, DW_AT_linkage_name) || dwarf_hasattr(die, DW_AT_MIPS_linkage_name))
		return 0;
	if (scope != ASSAY_NO_SPAN && dwarf_attr(die, DW_AT_abstract_origin, &attribute) &&
	    dwarf_formref_die(&attribute, &origin))
		status = add_place(&unit->defined, &unit->defined_count, &unit->defined_capacity,
			dwarf_dieoffset(&origin), scope);
	if (!status && dwarf_hasattr(die, DW_AT_name)) {
		status = add_place(&unit->declared, &unit->declared_count, &unit->declared_capacity, offset,
			here->container);
		if (!status)
			status = add_container(unit, dwarf_diename(die), here);
	}
	return status;
}

/* Takes in one entry. *descend: there may be functions below it, at the position made from *here. */
static int visit(struct walk *walk, Dwarf_Die *die, uint64_t offset, struct position *here, bool *descend)
{
	uint32_t around = here->scope;
	int status, tag = dwarf_tag(die);
	const char *name;

	*descend = true;
	switch (tag) {
	case DW_TAG_subprogram:
		if (dwarf_hasattr(die, DW_AT_declaration))
			*descend = false;
		here->scope = ASSAY_NO_SPAN;
		status = *descend ? add_scope(walk, die, false, offset, here) : 0;
		if (!status && walk->unit->qualified)
			status = note_function(walk, die, offset, here->scope, here);
		return status;
	case DW_TAG_inlined_subroutine:
		return around == ASSAY_NO_SPAN ? 0 : add_scope(walk, die, true, offset, here);
	case DW_TAG_namespace:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
		if (!walk->unit->qualified)
			return 0;
		name = dwarf_diename(die);
		if (!name && tag == DW_TAG_namespace)
			name = "(anonymous namespace)"; /* as the demangler writes it */
		return name ? add_container(walk->unit, name, here) : 0;
	case DW_TAG_lexical_block:
	case DW_TAG_module:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
	case DW_TAG_interface_type:
		return 0;
	default:
		*descend = false;
		return 0;
	}
}

/* Visits an entry's children and theirs. */
static int walk_children(struct walk *walk, Dwarf_Die *parent, const struct position *around)
{
	Dwarf_Die die;
	int more, status = 0;

	if (around->nesting > NESTING_MAX) {
		walk->dwarf->damaged = true;
		return 0;
	}
	if (!dwarf_haschildren(parent))
		return 0;
	for (more = dwarf_child(parent, &die); more == 0 && !status; more = dwarf_siblingof(&die, &die)) {
		struct position here = { around->scope, around->container, around->nesting + 1 };
		uint64_t offset = dwarf_dieoffset(&die);
		bool descend;

		if (offset <= walk->furthest) {
			more = -1;
			break;
		}
		walk->furthest = offset;
		status = visit(walk, &die, offset, &here, &descend);
		if (!status && descend)
			status = walk_children(walk, &die, &here);
	}
	if (more < 0)
		walk->dwarf->damaged = true;
	return status;
}

/* By offset; where one declaration has several instances, the first. */
static int compare_places(const void *left, const void *right)
{
	const struct assay_place *a = left, *b = right;

	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* The functions of a unit may be in a .dwo file, of which the module has the skeleton. */
static void find_split_unit(struct assay_dwarf *dwarf, struct assay_unit *unit)
{
	uint8_t type = 0;
	Dwarf_Die split = { 0 };

	if (dwarf_cu_info(unit->die.cu, NULL, &type, NULL, &split, NULL, NULL, NULL)) {
		dwarf->damaged = true;
		return;
	}
	if (type != DW_UT_skeleton)
		return;
	if (split.addr)
		unit->root = split;
	else
		dwarf->split_missing = true;
}

int assay_dwarf_index(struct assay_dwarf *dwarf, struct assay_unit *unit)
{
	struct walk walk = { .dwarf = dwarf, .unit = unit };
	struct position top = { .scope = ASSAY_NO_SPAN, .container = ASSAY_NO_SPAN };
	Dwarf_Attribute attribute;
	int status;

	if (unit->indexed)
		return 0;
	unit->indexed = true;
	find_split_unit(dwarf, unit);
	unit->dwarf = dwarf_cu_getdwarf(unit->root.cu);
	if (dwarf_attr(&unit->die, DW_AT_comp_dir, &attribute) || dwarf_attr(&unit->root, DW_AT_comp_dir, &attribute))
		unit->directory = dwarf_formstring(&attribute);
	unit->qualified = language_is_qualified(dwarf_srclang(&unit->root));
	walk.furthest = dwarf_dieoffset(&unit->root);
	status = walk_children(&walk, &unit->root, &top);
	if (unit->defined_count)
		qsort(unit->defined, unit->defined_count, sizeof(*unit->defined), compare_places);
	return status ? status : assay_spans_settle(&unit->by_address);
}

/* File and line of the code at the address, from the line table. */
static void find_line(struct assay_dwarf *dwarf, struct assay_unit *unit, uint64_t address, struct assay_frame *frame)
{
	Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address - dwarf->bias);
	int number = 0;

	frame->file = NULL;
	frame->line = 0;
	if (!line)
		return;
	frame->file = assay_resolve_source_path(dwarf->strings, unit->directory, dwarf_linesrc(line, NULL, NULL));
	if (frame->file && dwarf_lineno(line, &number) == 0 && number > 0)
		frame->line = number;
}

size_t assay_dwarf_frames(struct assay_dwarf *dwarf, uint64_t address, struct assay_frame *frames)
{
	uint32_t id = assay_spans_find(&dwarf->by_address, address), scope;
	struct assay_frame next = { 0 };
	struct assay_unit *unit;
	bool whole = false;
	size_t count = 0;

	memset(&frames[0], 0, sizeof(frames[0]));
	if (id == ASSAY_NO_SPAN)
		return 0;
	unit = &dwarf->units[id];
	if (assay_dwarf_index(dwarf, unit))
		return 0;
	find_line(dwarf, unit, address, &next);
	frames[0].file = next.file;
	frames[0].line = next.line;
	for (scope = assay_spans_find(&unit->by_address, address); scope != ASSAY_NO_SPAN && !whole;
		scope = unit->scopes[scope].parent) {
		const struct assay_scope_info *info = assay_scope_read(dwarf, unit, scope);
		bool inlined = unit->scopes[scope].inlined;

		if (!info)
			break;
		whole = !inlined;
		if (whole || (info->name && count + 1 < ASSAY_FRAMES_MAX)) {
			frames[count] = next;
			frames[count].name = info->name;
			frames[count].linkage = info->linkage;
			frames[count].decl_file = info->decl_file;
			frames[count].decl_line = info->decl_line;
			frames[count].inlined = inlined;
			count++;
		}
		/* Without a name a call is no use, but the one around it goes on at its line. */
		next = (struct assay_frame){ .file = info->call_file, .line = info->call_line };
		for (size_t i = 0; whole && i < count; i++) {
			frames[i].start = info->start;
			frames[i].bounded = true;
		}
	}
	return whole ? count : 0;
}
