/*
 * walk.h: where the walk target's memory lies, so that seeds can hold addresses. Addresses below 2^31 are free in a
 * position-independent program, with ASan as well.
 */
#ifndef ASSAY_TESTS_FUZZ_WALK_H
#define ASSAY_TESTS_FUZZ_WALK_H

#define WALK_CODE 0x10000000u   /* a module with tables; nothing is mapped there */
#define WALK_BARE 0x18000000u   /* a module without */
#define WALK_CODE_SIZE 0x10000u /* of either */
#define WALK_STACK 0x20000000u  /* the thread's; its lowest quarter has not been grown into */
#define WALK_STACK_SIZE 0x10000u
#define WALK_GROWN (WALK_STACK + WALK_STACK_SIZE / 4)
#define WALK_TABLE 0x30000000u  /* .eh_frame_hdr, and .eh_frame behind it */
#define WALK_TABLE_SIZE 0x10000u

/* An input: a word that says how many bytes of stack there are, the registers by DWARF number, stack, tables. */
#define WALK_REGISTERS 17u

#endif
