/* resolve_elf.c: see resolve_internal.h */
#include "resolve_internal.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

struct symbol {
	uint64_t start, end; /* end == start: names its exact address only */
	const char *name;
	unsigned char binding, type;
};

/* A linkage table: small jumps to functions of other modules, an entry each. */
struct plt {
	uint64_t start, end;
	unsigned int entry_size;
	Elf_Data *data;
};

/* Where the loader puts the address of which function. */
struct slot {
	uint64_t address;
	const char *name;
};

struct assay_elf {
	Elf *elf;
	unsigned int machine;
	bool full; /* there is a symbol table, not only the dynamic one */
	struct symbol *symbols;
	size_t symbol_count, symbol_capacity;
	struct assay_spans by_address; /* to indices of symbols */
	struct assay_spans code;
	struct plt *plts;
	size_t plt_count, plt_capacity;
	bool slots_loaded;
	struct slot *slots; /* sorted by address */
	size_t slot_count, slot_capacity;
};

/* Code is what sections say it is, else what segments say. Remembers linkage tables on the way. */
static int load_code(struct assay_elf *elf)
{
	Elf_Scn *section = NULL;
	size_t names = 0, count = 0;
	int status = 0;

	if (elf_getshdrstrndx(elf->elf, &names))
		names = 0;
	while (!status && (section = elf_nextscn(elf->elf, section))) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(section, &header) || !(header.sh_flags & SHF_EXECINSTR))
			continue;
		status = assay_spans_add(&elf->code, header.sh_addr, header.sh_addr + header.sh_size, 0, 0);
		name = names ? elf_strptr(elf->elf, names, header.sh_name) : NULL;
		if (status || !name || strncmp(name, ".plt", 4) != 0)
			continue;
		status = assay_resolve_reserve(&elf->plts, &elf->plt_capacity, elf->plt_count + 1, sizeof(*elf->plts));
		if (!status)
			elf->plts[elf->plt_count++] = (struct plt){
				.start = header.sh_addr,
				.end = header.sh_addr + header.sh_size,
				.entry_size = header.sh_entsize == 8 ? 8 : 16,
				.data = elf_getdata(section, NULL),
			};
	}
	if (!status && !elf->code.count && elf_getphdrnum(elf->elf, &count) == 0) {
		for (size_t i = 0; !status && i < count; i++) {
			GElf_Phdr segment;

			if (gelf_getphdr(elf->elf, (int)i, &segment) && segment.p_type == PT_LOAD &&
			    segment.p_flags & PF_X)
				status = assay_spans_add(&elf->code, segment.p_vaddr, segment.p_vaddr + segment.p_memsz,
					0, 0);
		}
	}
	return status ? status : assay_spans_settle(&elf->code);
}

static bool has_symtab_section(Elf *elf)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) && header.sh_type == SHT_SYMTAB)
			return true;
	}
	return false;
}

static int binding_order(unsigned char binding)
{
	return binding == STB_WEAK ? 1 : binding == STB_LOCAL ? 2 : 0;
}

static int type_order(unsigned char type)
{
	return type == STT_FUNC ? 0 : type == STT_GNU_IFUNC ? 1 : 2;
}

/* By address; of several names of one address the one to show comes first. */
static int compare_symbols(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;
	size_t under_a = strspn(a->name, "_"), under_b = strspn(b->name, "_");
	size_t length_a, length_b;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if ((a->binding == STB_LOCAL) != (b->binding == STB_LOCAL))
		return a->binding == STB_LOCAL ? 1 : -1;
	if (type_order(a->type) != type_order(b->type))
		return type_order(a->type) - type_order(b->type);
	/* the name that programs call it by: write, not __write, though only the latter binds strongly */
	if (under_a != under_b)
		return under_a < under_b ? -1 : 1;
	if (binding_order(a->binding) != binding_order(b->binding))
		return binding_order(a->binding) - binding_order(b->binding);
	length_a = strlen(a->name);
	length_b = strlen(b->name);
	if (length_a != length_b)
		return length_a < length_b ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int add_symbol(struct assay_elf *elf, const struct symbol *symbol)
{
	if (assay_resolve_reserve(&elf->symbols, &elf->symbol_capacity, elf->symbol_count + 1, sizeof(*symbol)))
		return -1;
	elf->symbols[elf->symbol_count++] = *symbol;
	return 0;
}

static int load_symbols(struct assay_elf *elf, Dwfl_Module *module, const struct assay_cfi *cfi)
{
	int count = dwfl_module_getsymtab(module);

	elf->full = has_symtab_section(elf->elf);
	for (int i = 0; i < count; i++) {
		const struct assay_range *range;
		struct symbol symbol;
		GElf_Sym raw;
		GElf_Addr address;
		GElf_Word index;
		Elf *from = NULL;

		symbol.name = dwfl_module_getsym_info(module, i, &raw, &address, &index, &from, NULL);
		if (from && from != elf->elf)
			elf->full = true; /* the table is that of a debug file, or a compressed one */
		/* ARM's $x and $d mark up the code, they name nothing. */
		if (!symbol.name || !*symbol.name || *symbol.name == '$' || raw.st_shndx == SHN_UNDEF)
			continue;
		symbol.type = GELF_ST_TYPE(raw.st_info);
		symbol.binding = GELF_ST_BIND(raw.st_info);
		if (symbol.type != STT_FUNC && symbol.type != STT_GNU_IFUNC && symbol.type != STT_NOTYPE)
			continue;
		if (!assay_elf_is_code(elf, address))
			continue;
		symbol.start = symbol.end = address;
		range = raw.st_size ? NULL : assay_cfi_find(cfi, address);
		if (range && range->start == address)
			symbol.end = range->end;
		else if (raw.st_size <= UINT64_MAX - address)
			symbol.end = address + raw.st_size;
		if (add_symbol(elf, &symbol))
			return -1;
	}
	if (elf->symbol_count)
		qsort(elf->symbols, elf->symbol_count, sizeof(*elf->symbols), compare_symbols);
	return 0;
}

/* A symbol that names one address only yields to any that covers it. */
static int index_symbols(struct assay_elf *elf)
{
	for (size_t i = 0; i < elf->symbol_count && i < ASSAY_NO_SPAN; i++) {
		const struct symbol *symbol = &elf->symbols[i];
		bool sized = symbol->end > symbol->start;

		if (assay_spans_add(&elf->by_address, symbol->start, sized ? symbol->end : symbol->start + 1, sized,
			    (uint32_t)i))
			return -1;
	}
	return assay_spans_settle(&elf->by_address);
}

struct assay_elf *assay_elf_open(Dwfl_Module *module, Elf *handle, const struct assay_cfi *cfi)
{
	struct assay_elf *elf = calloc(1, sizeof(*elf));
	GElf_Ehdr header;

	if (!elf)
		return NULL;
	elf->elf = handle;
	if (gelf_getehdr(handle, &header))
		elf->machine = header.e_machine;
	if (load_code(elf) || load_symbols(elf, module, cfi) || index_symbols(elf)) {
		assay_elf_close(elf);
		return NULL;
	}
	return elf;
}

void assay_elf_close(struct assay_elf *elf)
{
	if (!elf)
		return;
	assay_spans_free(&elf->by_address);
	assay_spans_free(&elf->code);
	free(elf->symbols);
	free(elf->plts);
	free(elf->slots);
	free(elf);
}

bool assay_elf_has_symtab(const struct assay_elf *elf)
{
	return elf->full;
}

size_t assay_elf_symbols(const struct assay_elf *elf)
{
	return elf->symbol_count;
}

bool assay_elf_is_code(const struct assay_elf *elf, uint64_t address)
{
	return assay_spans_find(&elf->code, address) != ASSAY_NO_SPAN;
}

const char *assay_elf_symbol(const struct assay_elf *elf, uint64_t address, uint64_t *start)
{
	uint32_t id = assay_spans_find(&elf->by_address, address);

	if (id == ASSAY_NO_SPAN)
		return NULL;
	*start = elf->symbols[id].start;
	return elf->symbols[id].name;
}

static int compare_slots(const void *left, const void *right)
{
	const struct slot *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

/* The relocations of one section that name a symbol. */
static int load_relocations(struct assay_elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Scn *symbols_section = elf_getscn(elf->elf, header->sh_link);
	Elf_Data *data = elf_getdata(section, NULL), *symbols;
	GElf_Shdr symbols_header;

	if (!data || !symbols_section || !header->sh_entsize || !gelf_getshdr(symbols_section, &symbols_header))
		return 0;
	symbols = elf_getdata(symbols_section, NULL);
	for (size_t i = 0; symbols && i < data->d_size / header->sh_entsize && i < INT32_MAX; i++) {
		GElf_Rela relocation;
		GElf_Sym symbol;
		const char *name;

		if (!gelf_getrela(data, (int)i, &relocation) || GELF_R_SYM(relocation.r_info) == 0 ||
		    !gelf_getsym(symbols, (int)GELF_R_SYM(relocation.r_info), &symbol))
			continue;
		name = elf_strptr(elf->elf, symbols_header.sh_link, symbol.st_name);
		if (!name || !*name)
			continue;
		if (assay_resolve_reserve(&elf->slots, &elf->slot_capacity, elf->slot_count + 1, sizeof(*elf->slots)))
			return -1;
		elf->slots[elf->slot_count++] = (struct slot){ .address = relocation.r_offset, .name = name };
	}
	return 0;
}

static void load_slots(struct assay_elf *elf)
{
	Elf_Scn *section = NULL;
	int status = 0;

	elf->slots_loaded = true;
	while (!status && (section = elf_nextscn(elf->elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) && header.sh_type == SHT_RELA && header.sh_flags & SHF_ALLOC)
			status = load_relocations(elf, section, &header);
	}
	if (elf->slot_count)
		qsort(elf->slots, elf->slot_count, sizeof(*elf->slots), compare_slots);
}

/*
 * The address of the pointer that an entry jumps through, 0 when the instructions are not understood.
 * x86-64: [endbr64] [bnd] jmp *offset(%rip). aarch64: adrp x16, page; ldr x17, [x16, offset].
 */
static uint64_t slot_address(unsigned int machine, const unsigned char *code, size_t size, uint64_t address)
{
	size_t at = 0;
	int32_t offset;
	uint32_t page, load;

	if (machine == EM_AARCH64) {
		for (; at + 8 <= size; at += 4) {
			memcpy(&page, code + at, 4);
			memcpy(&load, code + at + 4, 4);
			if ((page & 0x9f000000) != 0x90000000 || (load & 0xffc00000) != 0xf9400000)
				continue;
			/* 21 bits of pages, sign-extended: the upper 19 in bits 5 to 23, the lower 2 in 29 and 30 */
			page = (page >> 5 & 0x7ffff) << 2 | (page >> 29 & 3);
			offset = (int32_t)(page << 11) >> 11;
			return ((address + at) & ~UINT64_C(0xfff)) + ((uint64_t)(int64_t)offset << 12) +
				(load >> 10 & 0xfff) * 8;
		}
		return 0;
	}
	if (machine != EM_X86_64)
		return 0;
	if (size >= 4 && memcmp(code, "\xf3\x0f\x1e\xfa", 4) == 0)
		at = 4;
	if (at < size && code[at] == 0xf2)
		at++;
	if (at + 6 > size || code[at] != 0xff || code[at + 1] != 0x25)
		return 0;
	memcpy(&offset, code + at + 2, 4);
	return address + at + 6 + (uint64_t)(int64_t)offset;
}

/* The name of the function that the entry jumps to, or NULL. */
static const char *entry_name(struct assay_elf *elf, const struct plt *plt, uint64_t entry)
{
	size_t offset = (size_t)(entry - plt->start), low = 0, high;
	uint64_t slot;

	if (!plt->data || !plt->data->d_buf || offset + plt->entry_size > plt->data->d_size)
		return NULL;
	slot = slot_address(elf->machine, (const unsigned char *)plt->data->d_buf + offset, plt->entry_size, entry);
	if (!slot)
		return NULL;
	if (!elf->slots_loaded)
		load_slots(elf);
	for (high = elf->slot_count; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (elf->slots[middle].address < slot)
			low = middle + 1;
		else
			high = middle;
	}
	return low < elf->slot_count && elf->slots[low].address == slot ? elf->slots[low].name : NULL;
}

bool assay_elf_plt(struct assay_elf *elf, uint64_t address, const char **name, uint64_t *start)
{
	for (size_t i = 0; i < elf->plt_count; i++) {
		const struct plt *plt = &elf->plts[i];
		uint64_t entry;

		if (address < plt->start || address >= plt->end)
			continue;
		entry = address - (address - plt->start) % plt->entry_size;
		*name = entry_name(elf, plt, entry);
		*start = *name ? entry : plt->start;
		return true;
	}
	return false;
}
