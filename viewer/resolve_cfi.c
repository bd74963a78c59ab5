/* resolve_cfi.c: see resolve_internal.h */
#include "resolve_internal.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

/* One section of call-frame information. */
struct frame_section {
	const unsigned char *ident;
	Elf_Data *data;
	uint64_t address;
	bool eh_frame;
	unsigned int address_size;
	/* How the entries of the last few CIEs write their addresses: most files have a handful of CIEs. */
	struct {
		bool known;
		Dwarf_Off cie;
		int encoding;
	} encodings[64];
};

/* How the FDEs of this CIE write addresses (DW_EH_PE_*), or -1 when it cannot be told. */
static int cie_encoding(struct frame_section *section, const Dwarf_CIE *cie)
{
	const uint8_t *data = cie->augmentation_data;
	size_t left = cie->augmentation_data_size;

	if (!section->eh_frame || !cie->augmentation || cie->augmentation[0] != 'z')
		return DW_EH_PE_absptr;
	for (const char *letter = cie->augmentation + 1; data && *letter; letter++) {
		size_t skip = 0;

		if (*letter == 'R')
			return left ? *data : -1;
		if (*letter == 'L')
			skip = 1;
		else if (*letter == 'P' && left && (*data & 0x70) != DW_EH_PE_aligned) {
			static const unsigned char sizes[8] = { 8, 0, 2, 4, 8, 0, 0, 0 };

			skip = sizes[*data & 7];
			skip = skip ? 1 + ((*data & 15) == DW_EH_PE_absptr ? section->address_size : skip) : 0;
			if (!skip)
				return -1;
		} else if (*letter != 'S' && *letter != 'B')
			return -1;
		if (skip > left)
			return -1;
		data += skip;
		left -= skip;
	}
	return DW_EH_PE_absptr;
}

static int encoding_of(struct frame_section *section, Dwarf_Off cie_offset)
{
	size_t slot = (size_t)(cie_offset / 4) % (sizeof(section->encodings) / sizeof(*section->encodings));
	Dwarf_CFI_Entry entry;
	Dwarf_Off next;
	int encoding = -1;

	if (section->encodings[slot].known && section->encodings[slot].cie == cie_offset)
		return section->encodings[slot].encoding;
	if (cie_offset < section->data->d_size &&
	    dwarf_next_cfi(section->ident, section->data, section->eh_frame, cie_offset, &next, &entry) == 0 &&
	    dwarf_cfi_cie_p(&entry))
		encoding = cie_encoding(section, &entry.cie);
	section->encodings[slot].known = true;
	section->encodings[slot].cie = cie_offset;
	section->encodings[slot].encoding = encoding;
	return encoding;
}

/* Reads one number of the given format. Returns 0 or -EINVAL. Byte order is this machine's. */
static int read_number(int format, unsigned int address_size, const uint8_t **at, const uint8_t *end, uint64_t *number)
{
	union {
		int16_t s2;
		uint16_t u2;
		int32_t s4;
		uint32_t u4;
		uint64_t u8;
	} raw;
	size_t size;

	switch (format) {
	case DW_EH_PE_absptr: size = address_size; break;
	case DW_EH_PE_udata2:
	case DW_EH_PE_sdata2: size = 2; break;
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4: size = 4; break;
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8: size = 8; break;
	default: return -EINVAL;
	}
	if ((size_t)(end - *at) < size)
		return -EINVAL;
	memcpy(&raw, *at, size);
	*at += size;
	if (size == 2)
		*number = format == DW_EH_PE_sdata2 ? (uint64_t)(int64_t)raw.s2 : raw.u2;
	else if (size == 4)
		*number = format == DW_EH_PE_sdata4 ? (uint64_t)(int64_t)raw.s4 : raw.u4;
	else
		*number = raw.u8;
	return 0;
}

/* The range of one FDE. Returns 0, or -EINVAL when it is damaged or of a kind that is not handled. */
static int fde_range(struct frame_section *section, const Dwarf_FDE *fde, struct assay_range *range)
{
	int encoding = encoding_of(section, fde->CIE_pointer);
	const uint8_t *at = fde->start;
	uint64_t base = 0, length;

	if (encoding < 0 || encoding & DW_EH_PE_indirect)
		return -EINVAL;
	if ((encoding & 0x70) == DW_EH_PE_pcrel)
		base = section->address + (uint64_t)(at - (const uint8_t *)section->data->d_buf);
	else if ((encoding & 0x70) != DW_EH_PE_absptr)
		return -EINVAL;
	if (read_number(encoding & 15, section->address_size, &at, fde->end, &range->start) ||
	    read_number(encoding & 7, section->address_size, &at, fde->end, &length))
		return -EINVAL;
	range->start += base;
	range->end = range->start + length;
	/* Entries of functions that the linker threw away start at 0. */
	return range->start && range->end > range->start ? 0 : -EINVAL;
}

static int load_section(struct assay_cfi *cfi, struct frame_section *section)
{
	Dwarf_Off offset = 0, next = 0;
	int found;

	for (; offset < section->data->d_size; offset = next) {
		Dwarf_CFI_Entry entry;
		struct assay_range range;

		next = offset;
		found = dwarf_next_cfi(section->ident, section->data, section->eh_frame, offset, &next, &entry);
		if (found > 0 || next <= offset)
			break; /* the end, or damage that leaves no way on */
		if (found < 0 || dwarf_cfi_cie_p(&entry) || fde_range(section, &entry.fde, &range))
			continue;
		if (assay_resolve_reserve(&cfi->entries, &cfi->capacity, cfi->count + 1, sizeof(range)))
			return -ENOMEM;
		cfi->entries[cfi->count++] = range;
	}
	return 0;
}

/* A file without section headers: .eh_frame is where the header that PT_GNU_EH_FRAME names points to. */
static Elf_Data *data_from_segments(Elf *elf, uint64_t *address)
{
	GElf_Phdr header = { 0 }, segment;
	size_t count = 0, i;
	uint64_t offset;
	Elf_Data *data;
	int32_t relative;

	if (elf_getphdrnum(elf, &count))
		return NULL;
	for (i = 0; i < count; i++) {
		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_GNU_EH_FRAME)
			break;
	}
	if (i == count || header.p_filesz < 8)
		return NULL;
	data = elf_getdata_rawchunk(elf, (int64_t)header.p_offset, 8, ELF_T_BYTE);
	if (!data || data->d_size < 8 || ((uint8_t *)data->d_buf)[1] != (DW_EH_PE_pcrel | DW_EH_PE_sdata4))
		return NULL;
	memcpy(&relative, (uint8_t *)data->d_buf + 4, sizeof(relative));
	*address = header.p_vaddr + 4 + (uint64_t)(int64_t)relative;
	for (i = 0; i < count; i++) {
		if (!gelf_getphdr(elf, (int)i, &segment) || segment.p_type != PT_LOAD ||
		    *address < segment.p_vaddr || *address - segment.p_vaddr >= segment.p_filesz)
			continue;
		offset = *address - segment.p_vaddr;
		return elf_getdata_rawchunk(elf, (int64_t)(segment.p_offset + offset), segment.p_filesz - offset,
			ELF_T_BYTE);
	}
	return NULL;
}

static Elf_Data *data_from_section(Elf *elf, const char *wanted, uint64_t *address)
{
	size_t names;
	Elf_Scn *section = NULL;

	if (!elf || elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if (!name || strcmp(name, wanted) != 0)
			continue;
		/* libdw has done this when it opened the file, where it took the file for DWARF. */
		if (header.sh_flags & SHF_COMPRESSED && elf_compress(section, 0, 0) < 0)
			return NULL;
		*address = header.sh_addr;
		return elf_getdata(section, NULL);
	}
	return NULL;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct assay_range *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->end < b->end ? -1 : a->end > b->end;
}

int assay_cfi_load(struct assay_cfi *cfi, Elf *elf, Elf *debug)
{
	struct frame_section section;
	size_t ident_size = 0;
	const char *ident = elf_getident(elf, &ident_size);
	int status = 0;

	if (!ident || ident_size < EI_NIDENT)
		return 0;
	for (int pass = 0; !status && pass < 3; pass++) {
		memset(&section, 0, sizeof(section));
		section.ident = (const unsigned char *)ident;
		section.address_size = ident[EI_CLASS] == ELFCLASS64 ? 8 : 4;
		section.eh_frame = pass == 0;
		if (pass == 0) {
			section.data = data_from_section(elf, ".eh_frame", &section.address);
			if (!section.data)
				section.data = data_from_segments(elf, &section.address);
		} else {
			section.data = data_from_section(pass == 1 ? elf : debug, ".debug_frame", &section.address);
		}
		if (section.data && section.data->d_buf && !(pass == 2 && debug == elf))
			status = load_section(cfi, &section);
	}
	if (cfi->count)
		qsort(cfi->entries, cfi->count, sizeof(*cfi->entries), compare_ranges);
	return status;
}

void assay_cfi_free(struct assay_cfi *cfi)
{
	free(cfi->entries);
	memset(cfi, 0, sizeof(*cfi));
}

const struct assay_range *assay_cfi_find(const struct assay_cfi *cfi, uint64_t address)
{
	size_t low = 0, high = cfi->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (cfi->entries[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < cfi->entries[low - 1].end ? &cfi->entries[low - 1] : NULL;
}
