/*
 * oracle.h: what liboracle.so writes of each sample, and oracle_read reads.
 *
 * Owns the layout of the file: a header, then records one behind the other, each 8-byte aligned. A file a process,
 * FILE.PID, where FILE is what the variable ASSAY_ORACLE says. A record's `kind` is written last: 0 is one that its
 * process did not finish. A record is written by one thread; `used` in the header is taken by atomic addition.
 *
 * A SAMPLE has its frames, registers and a copy of the stack behind it only where the two walks differ or ours was
 * not complete, and else one in 16: `details` says so.
 */
#ifndef ASSAY_TESTS_ORACLE_H
#define ASSAY_TESTS_ORACLE_H

#include <stdint.h>

#define ORACLE_ENV "ASSAY_ORACLE"
#define ORACLE_MAGIC "ASSAYORA"

enum { ORACLE_VERSION = 3, ORACLE_REGISTERS = 17 };

struct oracle_header {
	char magic[8];
	uint32_t version, pid;
	uint64_t size;              /* of the file */
	_Atomic uint64_t used;      /* offset behind the last record; may be beyond size: then records were lost */
	_Atomic uint64_t lost;      /* samples that found no room, or all working memory in use */
	uint64_t clock_ns;          /* what two readings of the clock cost, best of many; not taken out of `ns` */
};

enum oracle_kind { ORACLE_UNFINISHED = 0, ORACLE_MODULE = 1, ORACLE_SAMPLE = 2 };

struct oracle_record {
	uint32_t size;              /* of the whole record, a multiple of 8 */
	_Atomic uint32_t kind;
};

/* A module, before the first sample that has its outermost frame in it, or that has details and any. */
struct oracle_module {
	struct oracle_record record;
	uint32_t ref, vdso;         /* ref: what frames name it by */
	uint64_t bias, start, end;
	char path[];                /* with its NUL */
};

struct oracle_frame {
	uint64_t pc;                /* run-time address; a caller's is that of its call, as in a spool */
	uint32_t module, reserved;  /* ref of a module, 0 = in none */
};

struct oracle_sample {
	struct oracle_record record;
	uint32_t ns;                /* how long the walk took that went first */
	uint8_t own_first;          /* it was ours, else libunwind's. They take turns */
	uint8_t same;               /* same frames; how they ended is not looked at */
	uint8_t details;
	uint8_t own_end, lib_end;   /* enum assay_spool_walk */
	uint8_t reserved;
	uint16_t own_count, lib_count;
	uint16_t shared;            /* of own_count, those that were taken over from the thread's last walk */
	uint64_t pc;                /* where the thread was */
	uint64_t outermost;         /* our last frame's */
};

/* Behind a sample with details; then own_count + lib_count frames, innermost first, then the stack's bytes. */
struct oracle_details {
	uint64_t registers[ORACLE_REGISTERS]; /* by DWARF number; the last is the pc */
	uint64_t stack, stack_size;           /* the copied part: its address and its size in bytes */
};

#endif
