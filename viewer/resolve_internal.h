/*
 * resolve_internal.h: between the resolver's own files; nobody else includes it.
 *
 *   resolve.c       opens a module's file, refuses what it must, composes the frames
 *   resolve_debug.c finds a module's separate debug file
 *   resolve_dwarf.c functions, inlined frames and lines from DWARF
 *   resolve_scope.c what DWARF says about one function or inlined call: names and places
 *   resolve_elf.c   names from symbol tables and from linkage tables
 *   resolve_cfi.c   bounds of functions from the unwind tables
 *   resolve_name.c  demangling, compiler-made suffixes, the strings that frames point to
 *   resolve_spans.c address ranges to numbers, by binary search
 *
 * Addresses are ELF virtual addresses of the module throughout.
 */
#ifndef ASSAY_VIEWER_RESOLVE_INTERNAL_H
#define ASSAY_VIEWER_RESOLVE_INTERNAL_H

#include "resolve.h"

#include <elfutils/libdwfl.h>

/*
 * Makes room for `need` elements of `size` bytes in the array at *list, of *capacity elements, which
 * may be NULL and 0. Returns 0 or -ENOMEM, and then leaves the array as it was.
 */
int assay_resolve_reserve(void *list, size_t *capacity, size_t need, size_t size);

/* Strings that live until the resolver is closed, each kept once: equal text is the same pointer. */
struct assay_strings {
	const char **slots; /* a hash table, a power of two long */
	size_t capacity, count;
	struct assay_strings_chunk *chunks;
};

void assay_strings_free(struct assay_strings *strings);
/* NULL for NULL, and for want of memory. */
const char *assay_strings_add(struct assay_strings *strings, const char *text);

/*
 * The name to show for a symbol: its version and what compilers append to the parts and copies of a
 * function taken off, demangled. `suffix` ("@plt" or "") is put after it.
 */
const char *assay_resolve_symbol_name(struct assay_strings *strings, const char *symbol, const char *suffix);
/* The symbol as the symbol table has it, without its version, or NULL when that equals `name`. */
const char *assay_resolve_symbol_linkage(struct assay_strings *strings, const char *symbol, const char *suffix,
                                         const char *name);
/* The symbol without its version and the compiler's suffixes, but mangled. */
const char *assay_resolve_symbol_plain(struct assay_strings *strings, const char *symbol);
/* A source path made absolute by `directory` (may be NULL) and cleaned of "./" and "//". NULL for NULL. */
const char *assay_resolve_source_path(struct assay_strings *strings, const char *directory, const char *path);

/*
 * Spans: address ranges, each with a number. Where several cover an address the deepest counts, then
 * the one that starts last, then the one that ends first, then the one with the lowest number.
 */
#define ASSAY_NO_SPAN UINT32_MAX

struct assay_span {
	uint64_t start, end; /* [start, end) */
	uint32_t depth, id;
};

struct assay_spans {
	struct assay_span *list; /* as added; gone once settled */
	size_t count, capacity;
	struct assay_segment *segments; /* sorted and disjoint, once settled */
	size_t segment_count, segment_capacity;
};

void assay_spans_free(struct assay_spans *spans);
/* Empty ranges are left out. Returns 0 or -ENOMEM. */
int assay_spans_add(struct assay_spans *spans, uint64_t start, uint64_t end, uint32_t depth, uint32_t id);
/* To be called once, after the last add and before the first find. Returns 0 or -ENOMEM. */
int assay_spans_settle(struct assay_spans *spans);
uint32_t assay_spans_find(const struct assay_spans *spans, uint64_t address);

/* Function bounds from .eh_frame and .debug_frame. */
struct assay_cfi {
	struct assay_range {
		uint64_t start, end;
	} *entries; /* sorted by start */
	size_t count, capacity;
};

/* `debug` is the ELF file with the debug information, or NULL. Whatever is damaged is left out. */
int assay_cfi_load(struct assay_cfi *cfi, Elf *elf, Elf *debug);
void assay_cfi_free(struct assay_cfi *cfi);
/* The entry that covers the address, or NULL. */
const struct assay_range *assay_cfi_find(const struct assay_cfi *cfi, uint64_t address);

/*
 * libdwfl's callback to find a module's separate debug file. As dwfl_standard_find_debuginfo, which asks debuginfod
 * last, and for that loads its client with some thirty libraries, even where no server is configured: 8 ms each run.
 * This one asks it only where a server is configured, or a file lies there that it may judge.
 */
int assay_resolve_find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
                                 const char *file, const char *link, GElf_Word crc, char **path);

/*
 * Makes libdw pass over compressed sections that nothing here asks for: it unpacks all that it knows when it opens
 * the DWARF, and these are a sixth of the C library's. To be called before dwfl_module_getdwarf.
 */
void assay_resolve_leave_out(Dwfl_Module *module, Elf *main);

/* A module's symbol table and linkage tables. */
struct assay_elf;

/* Returns NULL for want of memory. `cfi` gives bounds to symbols without a size. */
struct assay_elf *assay_elf_open(Dwfl_Module *module, Elf *elf, const struct assay_cfi *cfi);
void assay_elf_close(struct assay_elf *elf);
/* True where there is a full symbol table, in the file, beside it, or compressed in it. */
bool assay_elf_has_symtab(const struct assay_elf *elf);
size_t assay_elf_symbols(const struct assay_elf *elf);
/* True where the address lies in a section (or segment) that is executed. */
bool assay_elf_is_code(const struct assay_elf *elf, uint64_t address);
/* The name of the symbol that covers the address, with its start, or NULL. Lives as long as `elf`. */
const char *assay_elf_symbol(const struct assay_elf *elf, uint64_t address, uint64_t *start);
/*
 * Whether the address is in a linkage table (.plt and its kin). *name is the function that the entry
 * jumps to, or NULL; *start the entry's start, or without a name the table's.
 */
bool assay_elf_plt(struct assay_elf *elf, uint64_t address, const char **name, uint64_t *start);

/* A module's DWARF. */
struct assay_dwarf;

#define ASSAY_FRAMES_MAX 64 /* of a deeper chain of inlined calls the outermost are left out */

/*
 * Opens the DWARF of a module; `bias` is what must be added to its addresses. *result becomes NULL
 * when no unit of it covers any code. Returns 0 or -ENOMEM.
 */
int assay_dwarf_open(struct assay_dwarf **result, Dwarf *dwarf, uint64_t bias, const struct assay_elf *elf,
                     struct assay_strings *strings);
void assay_dwarf_close(struct assay_dwarf *dwarf);
/* What was found wrong with the DWARF read so far, in words, or NULL. */
const char *assay_dwarf_problem(const struct assay_dwarf *dwarf);
/*
 * Fills frames[0 .. ASSAY_FRAMES_MAX), innermost first, and returns how many. Returns 0 where no
 * function of the DWARF covers the address; frames[0].file and .line may be set all the same, for
 * code that has lines but no functions (assembly). The last frame's name may be NULL.
 */
size_t assay_dwarf_frames(struct assay_dwarf *dwarf, uint64_t address, struct assay_frame *frames);

/* Inside the DWARF side: one compilation unit, indexed when an address first falls into it. */

/* A function, or an inlined call in one. */
struct assay_scope {
	uint64_t offset;       /* of its entry, within the unit's `dwarf` */
	uint32_t parent;       /* the scope around it, or ASSAY_NO_SPAN */
	uint32_t info : 31;    /* 1 + index of what has been read of it, 0 = nothing yet */
	uint32_t inlined : 1;
};

struct assay_scope_info {
	const char *name, *linkage;
	const char *decl_file, *call_file;
	int decl_line, call_line;
	uint64_t start; /* of a function; 0 for an inlined call */
};

/* For languages whose functions may lack a linkage name: what is around a function's declaration. */
struct assay_container {
	const char *name;
	uint32_t parent;
};

struct assay_place {
	uint64_t offset; /* of the entry that declares a function */
	uint32_t id;     /* the container around it; or its scope */
};

struct assay_unit {
	Dwarf_Die die;   /* in the module's own file: it has the line table */
	Dwarf_Die root;  /* the same, or in a .dwo file: it has the functions */
	uint64_t offset; /* of `die` */
	Dwarf *dwarf;    /* that `root` is in */
	const char *directory; /* that relative paths start from */
	bool indexed;
	bool qualified;  /* names of functions are within namespaces and classes */
	struct assay_spans by_address; /* to indices of scopes */
	struct assay_scope *scopes;
	struct assay_scope_info *infos;
	struct assay_container *containers;
	struct assay_place *declared; /* to containers, sorted by offset */
	struct assay_place *defined;  /* out-of-line functions by what they are an instance of, sorted */
	size_t scope_count, scope_capacity, info_count, info_capacity, container_count, container_capacity;
	size_t declared_count, declared_capacity, defined_count, defined_capacity;
};

struct assay_dwarf {
	Dwarf *dwarf;
	uint64_t bias;
	const struct assay_elf *elf;
	struct assay_strings *strings;
	struct assay_unit *units; /* by offset */
	size_t unit_count, unit_capacity;
	struct assay_spans by_address; /* to indices of units */
	bool damaged, split_missing;
};

/* Reads the functions of a unit, once. Returns 0 or -ENOMEM. */
int assay_dwarf_index(struct assay_dwarf *dwarf, struct assay_unit *unit);
/* The unit that the entry is in, NULL for one of another file. */
struct assay_unit *assay_dwarf_unit_of(struct assay_dwarf *dwarf, Dwarf_Die *die);
/* What is to be known of a scope; read once. NULL for want of memory, or when its entry is damaged. */
const struct assay_scope_info *assay_scope_read(struct assay_dwarf *dwarf, struct assay_unit *unit, uint32_t scope);

#endif
