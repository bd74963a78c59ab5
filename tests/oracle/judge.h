/*
 * judge.h: the third opinion on a walk: libdw's unwinder, from the registers and the stack that a sample brought.
 *
 * Owns the modules of the process that the samples are of, and with them the names of functions. Knows nothing of who
 * is right.
 */
#ifndef ASSAY_TESTS_JUDGE_H
#define ASSAY_TESTS_JUDGE_H

#include <stddef.h>
#include <stdint.h>

#include "oracle.h"

enum { JUDGE_FRAMES = 512 };

/* Begins a process; modules are added before the first question. */
int judge_begin(void);
void judge_add(const struct oracle_module *module);
void judge_end(void);

/*
 * libdw's walk: pcs as in a spool (a caller's is that of its call), innermost first. How many; *whole says whether it
 * came to an end by itself.
 */
size_t judge_walk(const struct oracle_details *details, const void *stack, uint64_t *pcs, int *whole);

/* "module+0x1234 function+0x56", in a buffer that the next call overwrites. */
const char *judge_name(uint64_t pc);

/* The function's name alone, "" = none. */
const char *judge_function(uint64_t pc);

/* Whether an address is just behind the entry point of its module (where the kernel or the loader begins it). */
int judge_is_entry(uint64_t pc);

/* The code at an address, from the module's file: bytes copied, 0 = not in a file. */
size_t judge_code(uint64_t pc, uint8_t *to, size_t size);

#endif
