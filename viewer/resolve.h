/*
 * resolve.h: addresses in a module to functions, inlined frames, files and lines, by libdw.
 *
 * Owns the ELF and DWARF sides of one module at a time. Never touches a profile, a spool or the
 * terminal. Used by the digest only; single-threaded.
 */
#ifndef ASSAY_VIEWER_RESOLVE_H
#define ASSAY_VIEWER_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct assay_resolver assay_resolver;

/* What a module's symbols allow, best first. */
enum assay_symbols {
	ASSAY_SYMBOLS_LINES,     /* DWARF: functions, inlined frames, lines */
	ASSAY_SYMBOLS_FUNCTIONS, /* a full symbol table, no DWARF */
	ASSAY_SYMBOLS_EXPORTS,   /* stripped: exported names, function bounds from the unwind tables */
	ASSAY_SYMBOLS_NONE,      /* nothing to be had: see the note */
};

/* One frame at an address. Strings live until the resolver is closed. */
struct assay_frame {
	const char *name;    /* demangled, NULL where no symbol covers the address */
	const char *linkage; /* mangled name: from DWARF, else as in the symbol table but for its version (so
	                      * "foo.cold", of which name is "foo"); NULL where there is none or it equals name */
	const char *file;    /* absolute source path as DWARF gives it (relative where it was built so), or NULL */
	int line;            /* the line executing here; for an enclosing frame, that of the inlined call; 0 = unknown,
	                      * or code that the compiler says is of no line */
	const char *decl_file; /* where the function is defined, or NULL */
	int decl_line;       /* 0 = unknown */
	uint64_t start;      /* start of the function that holds the address (ELF virtual address; the same in
	                      * all of its frames): from DWARF, from its symbol, else from its unwind table entry; the
	                      * address itself where none is known */
	bool data;           /* no code: name is that of a variable, start where that lies, and all else is nothing */
	bool inlined;        /* this frame is inlined into the next one */
	bool bounded;        /* start is known from DWARF, a symbol, an unwind table or a linkage table (.plt) */
};

/* What was asked for, and where. */
struct assay_resolve_request {
	const char *path;          /* of the module */
	const uint8_t *build_id;   /* as it was loaded; length 0 = it has none */
	size_t build_id_length;
	bool vdso;                 /* resolve against this process's own vdso if its build-id is the same */
	const uint64_t *addresses; /* ELF virtual addresses, ascending */
	size_t count;
};

/*
 * Called once an address, in order. frames[0] is innermost, frames[count - 1] is the function that
 * physically holds the address; count is at least 1 and at most 64. Entries of a linkage table are
 * named "puts@plt".
 */
typedef void assay_resolve_fn(void *context, size_t index, const struct assay_frame *frames, size_t count);

/* Never NULL but for want of memory. To be closed with assay_resolver_close. */
assay_resolver *assay_resolver_open(void);
void assay_resolver_close(assay_resolver *resolver);

/*
 * Resolves all addresses of one module. Always calls `found` for each address, even when the file
 * is gone, is another build, is no ELF file, or is corrupt (then with an unnamed, unbounded frame).
 * *note is set to NULL or to words that say why the module is not resolved better ("replaced since
 * the run (build-id differs)", "file is gone", ...); it lives until the resolver is closed.
 * Debug information is looked for where libdw looks (next to the file, /usr/lib/debug, build-id
 * links) and by debuginfod only if DEBUGINFOD_URLS is set in the environment.
 */
enum assay_symbols assay_resolver_module(assay_resolver *resolver, const struct assay_resolve_request *request,
                                         assay_resolve_fn *found, void *context, const char **note);

/*
 * Demangles a C++ (Itanium), Rust (legacy and v0; its hash left out) or D name. Returns a
 * malloc'ed string, or NULL when it is not a mangled name.
 */
char *assay_demangle(const char *linkage);

#endif
