/*
 * cfi.h: unwind rules for an address, from a module's .eh_frame.
 *
 * Owns the DWARF call-frame interpreter. Reads only the segment that holds the module's tables, each
 * read checked. No allocation, no recursion, bounded time. Safe in handlers.
 *
 * Sources: DWARF 5, section 6.4; Linux Standard Base 5.0, "Exception Frames" (.eh_frame,
 * .eh_frame_hdr, pointer encodings); GCC's augmentation 'S' for signal frames.
 */
#ifndef ASSAY_CORE_SIG_CFI_H
#define ASSAY_CORE_SIG_CFI_H

#include "module.h"

/*
 * Registers by DWARF number: frame pointer, stack pointer, and the column of the return address. On x86-64 that
 * column is a register of its own (System V ABI, AMD64 supplement, figure 3.36), on aarch64 it is x30 (DWARF for
 * the Arm 64-bit Architecture, section 4.1).
 */
#if defined __aarch64__
enum { ASSAY_CFI_REGISTERS = 32, ASSAY_CFI_FP = 29, ASSAY_CFI_SP = 31, ASSAY_CFI_RA = 30 };
#else
enum { ASSAY_CFI_REGISTERS = 17, ASSAY_CFI_FP = 6, ASSAY_CFI_SP = 7, ASSAY_CFI_RA = 16 };
#endif
enum { ASSAY_CFI_DEPTH = 6 }; /* of remembered states */

enum assay_cfi_kind {
	ASSAY_CFI_SAME = 0,
	ASSAY_CFI_UNDEFINED,
	ASSAY_CFI_OFFSET,         /* saved at CFA + value */
	ASSAY_CFI_VAL_OFFSET,     /* is CFA + value */
	ASSAY_CFI_REGISTER,       /* is in register `value` */
	ASSAY_CFI_EXPRESSION,     /* saved at the address that the expression gives */
	ASSAY_CFI_VAL_EXPRESSION, /* is what the expression gives */
};

struct assay_cfi_rule {
	int64_t value;  /* or the address of the expression, a ULEB128 length and its bytes */
	uint64_t kind;
};

struct assay_cfi_row {
	struct assay_cfi_rule cfa; /* kind REGISTER: register `cfa_register` + value; or VAL_EXPRESSION */
	uint32_t cfa_register;
	bool signal;               /* the frame of a signal handler's return */
	uintptr_t low, high;       /* the run-time addresses for which these rules hold */
	struct assay_cfi_rule rules[ASSAY_CFI_REGISTERS];
};

/* Room for the interpreter, so that it needs little of a handler's stack. */
struct assay_cfi_memory {
	struct assay_cfi_row initial, saved[ASSAY_CFI_DEPTH];
};

/*
 * The row of rules for `address` (a run-time address in `module`). 0; -ENOENT: no table covers it;
 * -EINVAL: a table that is malformed or uses what is not supported.
 */
ASSAY_RARE int assay_cfi_find(const struct assay_module *module, uintptr_t address, struct assay_cfi_memory *memory,
		   struct assay_cfi_row *row);

/* Reads a word for an expression: 0, or a negative errno. */
typedef int assay_cfi_read_fn(void *context, uintptr_t address, uint64_t *value);

/*
 * Evaluates the expression at `expression` (in `module`'s tables) over the registers; `first`, where
 * given, is pushed before. `known` has a bit for each register that has its value. 0, -EINVAL,
 * -ENODATA: needs a register that is not known, or the error of `read`.
 */
int assay_cfi_evaluate(const struct assay_module *module, uintptr_t expression, const uint64_t *registers,
		       uint32_t known, const uint64_t *first, assay_cfi_read_fn *read, void *context,
		       uint64_t *value);

#endif
