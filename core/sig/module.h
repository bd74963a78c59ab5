/*
 * module.h: which module holds an address, without the loader's locks.
 *
 * Owns the table of loaded modules: private look-up data here, the history in the spool. Look-ups
 * and additions are safe in handlers: glibc's _dl_find_object (2.35+) is lock-free, and the ELF
 * header of a module in use is mapped memory. Where the C library has no such function, modules
 * are only found once core/modules.c has listed them.
 */
#ifndef ASSAY_CORE_SIG_MODULE_H
#define ASSAY_CORE_SIG_MODULE_H

#include <link.h>

#include "state.h"

enum { ASSAY_MODULES_MAX = 2048 };

enum assay_module_state { ASSAY_MODULE_EMPTY = 0, ASSAY_MODULE_LIVE = 1, ASSAY_MODULE_GONE = 2 };

struct assay_module {
	_Atomic uint32_t state;
	assay_ref ref;             /* its record in the spool; 0: the spool was full */
	uintptr_t start, end, bias;
	uintptr_t table_low, table_high; /* the loaded segment that holds the unwind tables; 0 = none */
	uintptr_t header;          /* .eh_frame_hdr */
	const void *map;           /* struct link_map, where known */
	const char *name;          /* the loader's; valid while the module is loaded */
	const ElfW(Phdr) *headers;
	uint16_t headers_count;
	bool vdso;
};

/* The module's index, or -1. */
int assay_module_find(uintptr_t address);

/* The module behind an index that assay_module_find returned. */
const struct assay_module *assay_module_at(int index);

/* How many entries there are: indices below it may be asked for. */
int assay_module_count(void);

/*
 * Notes a module by its program headers. `name` is the loader's ("" = the program itself: its record has no
 * path, the header's `exe` is its), `map`
 * its struct link_map or NULL. Returns its index (an old one, if it is known and live), or -1: the
 * table is full.
 */
int assay_module_add(uintptr_t bias, const ElfW(Phdr) *headers, int count, const char *name, const void *map);

/* Outside handlers: marks an entry as unloaded now. */
void assay_module_gone(int index);

/* In a forked child: writes all live modules into its own spool. */
void assay_module_rewrite(void);

/* Changes whenever a module was seen to go: cached addresses of before are void. */
uint32_t assay_module_generation(void);

/* glibc's _dl_find_object where it exists, else NULL. Set once at start-up. */
struct dl_find_object;
extern int (*assay_module_find_object)(void *, struct dl_find_object *);

/*
 * Notes the path of the program's executable in the header, if that has not been done. Only for processes with
 * samples: it costs more than most of the set-up, and one that ends at once can do without.
 */
void assay_module_note_program(void);

#endif
