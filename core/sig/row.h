/*
 * row.h: unwind rules for a pc, packed into one word, and the process's cache of them.
 *
 * Owns the packing and the cache. A row holds for a range of code, so that a leaf's pc, which is new in nearly
 * every sample, is found too. Safe in handlers; no locks.
 */
#ifndef ASSAY_CORE_SIG_ROW_H
#define ASSAY_CORE_SIG_ROW_H

#include "cfi.h"

/*
 * From bit 0 on: 3 bits of kind, 3 flags, 12 bits of the module's index, an offset in words (16 bits, signed),
 * where the frame pointer is saved below the CFA in words (14 bits), and the first and last byte (6 bits each) of
 * the granule of code for which it holds. The return address: on x86-64 the word below the CFA; on aarch64, by
 * flag, the word above the frame pointer's (or in its place, where that one was not saved), or in its register.
 */
enum assay_row_kind {
	ASSAY_ROW_NONE = 0,      /* not in the cache */
	ASSAY_ROW_BY_SP = 1,     /* CFA = stack pointer + offset */
	ASSAY_ROW_BY_FP = 2,     /* CFA = frame pointer + offset */
	ASSAY_ROW_REALIGNED = 3, /* CFA = the word at frame pointer + offset; the caller's frame pointer is the word at it */
	ASSAY_ROW_END = 4,       /* the outermost frame */
	ASSAY_ROW_COMPLEX = 5,   /* does not fit: see the tables */
};
enum {
	ASSAY_ROW_FP_SAVED = 8,
	ASSAY_ROW_OTHERS = 16, /* other registers have rules too: they are not what they were */
	ASSAY_ROW_RA_SAVED = 32,
};
enum { ASSAY_ROW_AT_MODULE = 6, ASSAY_ROW_AT_OFFSET = 18, ASSAY_ROW_AT_SAVED = 34, ASSAY_ROW_AT_FIRST = 48,
	ASSAY_ROW_AT_LAST = 54 };
_Static_assert(ASSAY_MODULES_MAX <= 1 << 12, "a module's index fits a row");

static inline enum assay_row_kind assay_row_kind(uint64_t row)
{
	return (enum assay_row_kind)(row & 7);
}

static inline int assay_row_module(uint64_t row)
{
	return (int)(row >> ASSAY_ROW_AT_MODULE & 0xfff);
}

/* In bytes. */
static inline int64_t assay_row_offset(uint64_t row)
{
	return (int64_t)(int16_t)(row >> ASSAY_ROW_AT_OFFSET & 0xffff) * 8;
}

static inline uint64_t assay_row_saved(uint64_t row)
{
	return (row >> ASSAY_ROW_AT_SAVED & 0x3fff) * 8;
}

/* The row for a pc, ASSAY_ROW_NONE where the cache has none. */
uint64_t assay_row_get(uintptr_t pc);

/* Packs the rules that assay_cfi_find gave for `pc` in a module, and puts them into the cache. */
uint64_t assay_row_put(uintptr_t pc, const struct assay_cfi_row *rules, int module);

#endif
