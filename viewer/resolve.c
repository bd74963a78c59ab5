/* resolve.c: see resolve.h */
#include "resolve_internal.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BUILD_ID_MAX = 32, /* a spool keeps no more of a build-id */
	SEGMENTS_MAX = 512,
};

struct assay_resolver {
	struct assay_strings strings;
};

/* One module while it is being resolved. */
struct module {
	struct assay_resolver *resolver;
	Dwfl *dwfl;
	Elf *main;
	struct assay_cfi cfi;
	struct assay_elf *elf;
	struct assay_dwarf *dwarf;
};

static ssize_t read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
	return offset > INT64_MAX ? -1 : pread(fd, buffer, size, (off_t)offset);
}

assay_resolver *assay_resolver_open(void)
{
	assay_resolver *resolver = calloc(1, sizeof(*resolver));

	if (!resolver)
		return NULL;
	elf_version(EV_CURRENT);
	return resolver;
}

void assay_resolver_close(assay_resolver *resolver)
{
	if (!resolver)
		return;
	assay_strings_free(&resolver->strings);
	free(resolver);
}

/* Whether all that the file's headers speak of lies within its size. */
static bool is_whole(int fd, const Elf64_Ehdr *header, uint64_t size)
{
	Elf64_Phdr segments[SEGMENTS_MAX];
	uint64_t sections_size = (uint64_t)header->e_shnum * header->e_shentsize;
	size_t count = header->e_phnum;

	if (header->e_shoff && (header->e_shoff > size || size - header->e_shoff < sections_size))
		return false;
	if (count == 0 || count > SEGMENTS_MAX || header->e_phentsize != sizeof(*segments))
		return false;
	if (read_at(fd, segments, count * sizeof(*segments), header->e_phoff) != (ssize_t)(count * sizeof(*segments)))
		return false;
	for (size_t i = 0; i < count; i++) {
		const Elf64_Phdr *segment = &segments[i];

		if (segment->p_type != PT_LOAD)
			continue;
		if (segment->p_offset > size || segment->p_filesz > size - segment->p_offset ||
		    segment->p_vaddr + segment->p_memsz < segment->p_vaddr)
			return false;
	}
	return true;
}

/* NULL for a file that libelf may be let loose on, else why not. */
static const char *check_file(int fd)
{
	const unsigned int one = 1;
	const int byte_order = *(const unsigned char *)&one ? ELFDATA2LSB : ELFDATA2MSB;
	Elf64_Ehdr header;
	struct stat status;
	ssize_t got;

	if (fstat(fd, &status))
		return "file cannot be read";
	if (!S_ISREG(status.st_mode))
		return "not a regular file";
	got = read_at(fd, &header, sizeof(header), 0);
	if (got < 0)
		return "file cannot be read";
	if (got < SELFMAG || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return "not an ELF file";
	if (got > EI_CLASS && header.e_ident[EI_CLASS] == ELFCLASS32)
		return "a 32-bit ELF file";
	if ((size_t)got < sizeof(header))
		return "file is truncated";
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_VERSION] != EV_CURRENT)
		return "file is damaged: its ELF header makes no sense";
	/* the machines that Assay is made for; an emulator may have run one's programs on the other */
	if (header.e_ident[EI_DATA] != byte_order || (header.e_machine != EM_X86_64 && header.e_machine != EM_AARCH64))
		return "an ELF file for another kind of machine";
	if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
		return "not a program or shared library";
	return is_whole(fd, &header, (uint64_t)status.st_size) ? NULL : "file is truncated or damaged";
}

/* The vdso of this process as a file. Returns a descriptor or -1. */
static int open_vdso(void)
{
	const unsigned char *image = (const unsigned char *)getauxval(AT_SYSINFO_EHDR); /* NOLINT: an address */
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	uint64_t size;
	int fd;

	if (!image)
		return -1;
	memcpy(&header, image, sizeof(header));
	size = header.e_shoff + (uint64_t)header.e_shnum * header.e_shentsize;
	for (size_t i = 0; i < header.e_phnum; i++) {
		memcpy(&segment, image + header.e_phoff + i * sizeof(segment), sizeof(segment));
		if (segment.p_type == PT_LOAD && segment.p_offset + segment.p_filesz > size)
			size = segment.p_offset + segment.p_filesz;
	}
	fd = memfd_create("vdso", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, image, size) != (ssize_t)size) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* A descriptor of the module's file, checked; or -1 and why not. */
static int open_file(struct assay_resolver *resolver, const struct assay_resolve_request *request, const char **note)
{
	char text[128];
	int fd = request->vdso ? open_vdso() : open(request->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0) {
		*note = check_file(fd);
		if (!*note)
			return fd;
		close(fd);
	} else if (request->vdso) {
		*note = "the kernel's own code (vdso) is not there to be read";
	} else if (errno == ENOENT || errno == ENOTDIR) {
		*note = "file is gone";
	} else {
		snprintf(text, sizeof(text), "file cannot be read: %s", strerror(errno));
		*note = assay_strings_add(&resolver->strings, text);
	}
	return -1;
}

static bool same_build_id(Dwfl_Module *module, const struct assay_resolve_request *request)
{
	const unsigned char *bits = NULL;
	GElf_Addr address;
	int length = dwfl_module_build_id(module, &bits, &address);
	size_t have = length > 0 && bits ? (size_t)length : 0;

	if (have > BUILD_ID_MAX && request->build_id_length == BUILD_ID_MAX)
		have = BUILD_ID_MAX;
	return have == request->build_id_length && (have == 0 || memcmp(bits, request->build_id, have) == 0);
}

static void close_module(struct module *module)
{
	assay_dwarf_close(module->dwarf);
	assay_elf_close(module->elf);
	assay_cfi_free(&module->cfi);
	if (module->dwfl)
		dwfl_end(module->dwfl);
}

/* Opens all that the module offers. Returns NULL, or why it offers nothing. */
static const char *open_module(struct module *module, const struct assay_resolve_request *request)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_build_id_find_elf, /* never asked: the file is given */
		.find_debuginfo = assay_resolve_find_debuginfo,
		.section_address = dwfl_offline_section_address,
	};
	const char *note = NULL;
	Dwfl_Module *handle = NULL;
	Dwarf *dwarf;
	GElf_Addr bias;
	int fd = open_file(module->resolver, request, &note);

	if (fd < 0)
		return note;
	module->dwfl = dwfl_begin(&callbacks);
	if (module->dwfl) {
		dwfl_report_begin(module->dwfl);
		handle = dwfl_report_elf(module->dwfl, "module", request->path, fd, 0, true);
		if (!handle)
			close(fd);
		dwfl_report_end(module->dwfl, NULL, NULL);
	} else {
		close(fd);
	}
	module->main = handle ? dwfl_module_getelf(handle, &bias) : NULL;
	if (!module->main)
		return "file is damaged: its ELF structure cannot be read";
	if (!same_build_id(handle, request))
		return "replaced since the run (build-id differs)";
	assay_resolve_leave_out(handle, module->main);
	dwarf = dwfl_module_getdwarf(handle, &bias);
	if (assay_cfi_load(&module->cfi, module->main, dwarf ? dwarf_getelf(dwarf) : NULL))
		return "not enough memory to resolve it";
	module->elf = assay_elf_open(handle, module->main, &module->cfi);
	if (!module->elf ||
	    (dwarf && assay_dwarf_open(&module->dwarf, dwarf, bias, module->elf, &module->resolver->strings)))
		return "not enough memory to resolve it";
	return NULL;
}

/* What is known of the function at the address without DWARF: into `frame`, but for file and line. */
static void describe_by_elf(struct module *module, uint64_t address, struct assay_frame *frame)
{
	struct assay_strings *strings = &module->resolver->strings;
	const struct assay_range *range;
	const char *symbol, *suffix = "";

	symbol = module->elf ? assay_elf_symbol(module->elf, address, &frame->start) : NULL;
	if (symbol) {
		frame->bounded = true;
	} else if (module->elf && assay_elf_plt(module->elf, address, &symbol, &frame->start)) {
		frame->bounded = true;
		suffix = "@plt";
	} else if ((range = assay_cfi_find(&module->cfi, address))) {
		frame->start = range->start;
		frame->bounded = true;
	} else {
		frame->start = address;
	}
	if (!symbol)
		return;
	frame->name = assay_resolve_symbol_name(strings, symbol, suffix);
	frame->linkage = assay_resolve_symbol_linkage(strings, symbol, suffix, frame->name);
}

/*
 * A C library's functions have inner names (__libc_malloc) beside those that programs call (malloc). DWARF
 * tells the inner one; where the symbol table has the other for the same code, that is shown.
 */
static void prefer_public_name(struct module *module, struct assay_frame *function)
{
	uint64_t start = 0;
	const char *symbol;

	if (function->name[0] != '_' || !module->elf)
		return;
	symbol = assay_elf_symbol(module->elf, function->start, &start);
	if (!symbol || start != function->start || symbol[0] == '_')
		return;
	if (!function->linkage)
		function->linkage = function->name;
	function->name = assay_resolve_symbol_name(&module->resolver->strings, symbol, "");
}

/* A variable. */
static void describe_data(struct module *module, uint64_t address, struct assay_frame *frame)
{
	Dwfl_Module *handle = dwfl_addrmodule(module->dwfl, address);
	GElf_Off offset = 0;
	GElf_Sym symbol;
	const char *name = handle ? dwfl_module_addrinfo(handle, address, &offset, &symbol, NULL, NULL, NULL) : NULL;

	frame->data = true;
	frame->start = address;
	if (!name || offset >= (symbol.st_size ? symbol.st_size : 1))
		return;
	frame->start = address - offset;
	frame->name = assay_resolve_symbol_name(&module->resolver->strings, name, "");
}

static size_t resolve_address(struct module *module, uint64_t address, struct assay_frame *frames)
{
	struct assay_frame *function;
	size_t count = 0;

	memset(&frames[0], 0, sizeof(frames[0]));
	if (module->elf && !assay_elf_is_code(module->elf, address)) {
		describe_data(module, address, &frames[0]);
		return 1;
	}
	if (module->dwarf)
		count = assay_dwarf_frames(module->dwarf, address, frames);
	if (count == 0) {
		describe_by_elf(module, address, &frames[0]);
		return 1;
	}
	function = &frames[count - 1];
	if (!function->name)
		describe_by_elf(module, address, function);
	else
		prefer_public_name(module, function);
	/* Unlikely, but DWARF may tell a function's ranges and not its start. */
	for (size_t i = 0; i < count; i++) {
		if (!frames[i].start)
			frames[i].start = frames[i].bounded ? address : function->start;
	}
	return count;
}

static enum assay_symbols judge(const struct module *module, bool vdso, const char **note)
{
	const char *problem = module->dwarf ? assay_dwarf_problem(module->dwarf) : NULL;

	*note = problem;
	if (module->dwarf)
		return ASSAY_SYMBOLS_LINES;
	if (assay_elf_has_symtab(module->elf) && assay_elf_symbols(module->elf)) {
		*note = "no debug information, so no lines";
		return ASSAY_SYMBOLS_FUNCTIONS;
	}
	if (assay_elf_symbols(module->elf) || module->cfi.count) {
		*note = vdso ? "the kernel's own code (vdso): only its exported functions have names" :
			       "stripped: only exported functions have names";
		return ASSAY_SYMBOLS_EXPORTS;
	}
	*note = "stripped: it has neither names nor unwind tables";
	return ASSAY_SYMBOLS_NONE;
}

enum assay_symbols assay_resolver_module(assay_resolver *resolver, const struct assay_resolve_request *request,
	assay_resolve_fn *found, void *context, const char **note)
{
	struct module module = { .resolver = resolver };
	struct assay_frame frames[ASSAY_FRAMES_MAX];
	enum assay_symbols symbols = ASSAY_SYMBOLS_NONE;
	const char *trouble = open_module(&module, request);

	for (size_t i = 0; i < request->count; i++) {
		size_t count = 1;

		if (trouble)
			frames[0] = (struct assay_frame){ .start = request->addresses[i] };
		else
			count = resolve_address(&module, request->addresses[i], frames);
		found(context, i, frames, count);
	}
	/* Damage shows only as it is read. */
	if (trouble)
		*note = trouble;
	else
		symbols = judge(&module, request->vdso, note);
	close_module(&module);
	return symbols;
}
