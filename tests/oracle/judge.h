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

/*
 * The modules that are loaded at one moment. A module that lies where another one did takes its place: so samples are
 * to be looked at in the order in which they were taken.
 */
void judge_add(const struct oracle_module *module);
void judge_end(void); /* forgets all */

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

/* Whether there are unwind rules for it; whether they are of a function that ends by __builtin_eh_return. */
int judge_has_table(uint64_t pc);
/* Whether its rules say that the return address is undefined: nothing called it. */
int judge_has_no_caller(uint64_t pc);
int judge_is_eh_return(uint64_t pc);

/* Whether a pc, as in a spool or not, is in what signal handlers return to: mov $SYS_rt_sigreturn, %rax; syscall. */
int judge_is_signal_return(uint64_t pc);

/* The code at an address, from the module's file: bytes copied, 0 = not in a file. */
size_t judge_code(uint64_t pc, uint8_t *to, size_t size);

#endif
