/*
 * test_cfi.c: the call-frame interpreter: every instruction and expression on tables made by hand, every row of the
 * C library and of this program against libdw, and a hundred thousand damaged tables between two forbidden pages.
 *
 * Longer than other files: most of it is the tables of what each instruction and operation has to give.
 */
#include "core/sig/cfi.h"

#include <elfutils/libdw.h>
#include <dwarf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGE = 4096 };

static struct assay_cfi_memory memory;

/* ---- tables made by hand: [eh_frame_hdr][CIE][FDE], ending where a forbidden page begins ---- */

enum { CODE = 0x100000, CODE_SIZE = 0x100 }; /* where the code is said to be, from the header */

struct bytes {
	uint8_t at[1024];
	size_t n;
};

static void put(struct bytes *b, uint64_t value, size_t size)
{
	memcpy(b->at + b->n, &value, size);
	b->n += size;
}

static void put_all(struct bytes *b, const void *from, size_t size)
{
	memcpy(b->at + b->n, from, size);
	b->n += size;
}

/* Pads an entry whose length stands at `start` to a multiple of 8 and fills the length in. */
static void close_entry(struct bytes *b, size_t start)
{
	uint32_t length;

	while ((b->n - start) % 8 != 4)
		put(b, DW_CFA_nop, 1);
	length = (uint32_t)(b->n - start - 4);
	memcpy(b->at + start, &length, 4);
	while (b->n % 8)
		put(b, 0, 1);
}

static const uint8_t plain_cie[] = { DW_CFA_def_cfa, 7, 8, DW_CFA_offset + 16, 1 };

struct layout {
	size_t table, cie, fde;
};

/* Offsets are those of the finished bytes from the header. */
static struct layout build(struct bytes *b, const char *augmentation, const uint8_t *cie, size_t cie_size,
			   const uint8_t *fde, size_t fde_size)
{
	struct layout at;

	b->n = 0;
	put(b, 1 | 0x1b << 8 | 0x03 << 16 | 0x3bu << 24, 4); /* version and encodings */
	put(b, 24 - 4, 4);                                      /* eh_frame, pc-relative */
	put(b, 1, 4);                                           /* entries */
	at.table = b->n;
	put(b, CODE, 4);
	put(b, 0, 4);
	while (b->n % 8)
		put(b, 0, 1);
	at.cie = b->n;
	put(b, 0, 4);
	put(b, 0, 4);
	put(b, 1, 1);
	put_all(b, augmentation, strlen(augmentation) + 1);
	put(b, 1, 1);    /* code alignment */
	put(b, 0x78, 1); /* data alignment: -8 */
	put(b, 16, 1);   /* return address */
	put(b, 1, 1);    /* augmentation data: */
	put(b, DW_EH_PE_pcrel | DW_EH_PE_sdata4, 1);
	put_all(b, cie, cie_size);
	close_entry(b, at.cie);
	at.fde = b->n;
	put(b, 0, 4);
	put(b, b->n - at.cie, 4);
	put(b, (uint64_t)CODE - b->n, 4);
	put(b, CODE_SIZE, 4);
	put(b, 0, 1);
	put_all(b, fde, fde_size);
	close_entry(b, at.fde);
	memcpy(b->at + at.table + 4, &(uint32_t){ (uint32_t)at.fde }, 4);
	return at;
}

/* Memory of whole pages between two pages that must not be touched. */
static uint8_t *fenced(size_t size)
{
	size_t inner = (size + PAGE - 1) / PAGE * PAGE;
	uint8_t *p = mmap(NULL, inner + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p + PAGE, inner, PROT_READ | PROT_WRITE), 0);
	return p + PAGE;
}

/* The bytes as a module's tables, the last one just before a forbidden page. */
static struct assay_module module_of(const struct bytes *b)
{
	static uint8_t *page;
	struct assay_module m = { 0 };
	uintptr_t start;

	if (!page)
		page = fenced(PAGE);
	start = (uintptr_t)page + PAGE - (b->n + 7) / 8 * 8;
	memset(page, 0xa5, PAGE);
	memcpy((void *)start, b->at, b->n);
	m.header = m.table_low = start;
	m.table_high = start + b->n;
	return m;
}

static int find(const struct assay_module *m, uintptr_t offset, struct assay_cfi_row *row)
{
	return assay_cfi_find(m, m->header + CODE + offset, &memory, row);
}

/* The row at `offset` of code whose FDE has these instructions. */
static int row_of(const uint8_t *program, size_t size, uintptr_t offset, struct assay_cfi_row *row)
{
	struct bytes b;
	struct assay_module m;

	build(&b, "zR", plain_cie, sizeof plain_cie, program, size);
	m = module_of(&b);
	return find(&m, offset, row);
}

/* ---- instructions ---- */

enum { CFA = -1 };

struct instruction {
	const char *name;
	uint8_t program[16];
	size_t size;
	int number; /* register that it is about, or CFA */
	uint64_t kind;
	int64_t value;
	uint32_t cfa_register;
};

#define P(...) { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })
static const struct instruction instructions[] = {
	{ "nop", P(DW_CFA_nop), CFA, ASSAY_CFI_REGISTER, 8, 7 },
	{ "offset", P(DW_CFA_offset + 6, 2), 6, ASSAY_CFI_OFFSET, -16, 0 },
	{ "offset_extended", P(DW_CFA_offset_extended, 3, 0x81, 1), 3, ASSAY_CFI_OFFSET, -129 * 8, 0 },
	{ "offset_extended_sf", P(DW_CFA_offset_extended_sf, 3, 0x7f), 3, ASSAY_CFI_OFFSET, 8, 0 },
	{ "GNU_negative_offset_extended", P(DW_CFA_GNU_negative_offset_extended, 3, 2), 3, ASSAY_CFI_OFFSET, 16, 0 },
	{ "val_offset", P(DW_CFA_val_offset, 7, 1), 7, ASSAY_CFI_VAL_OFFSET, -8, 0 },
	{ "val_offset_sf", P(DW_CFA_val_offset_sf, 7, 0x7e), 7, ASSAY_CFI_VAL_OFFSET, 16, 0 },
	{ "undefined", P(DW_CFA_undefined, 16), 16, ASSAY_CFI_UNDEFINED, 0, 0 },
	{ "same_value", P(DW_CFA_offset + 6, 2, DW_CFA_same_value, 6), 6, ASSAY_CFI_SAME, 0, 0 },
	{ "register", P(DW_CFA_register, 16, 1), 16, ASSAY_CFI_REGISTER, 1, 0 },
	{ "restore", P(DW_CFA_offset + 16, 5, DW_CFA_restore + 16), 16, ASSAY_CFI_OFFSET, -8, 0 },
	{ "restore_extended", P(DW_CFA_offset + 16, 5, DW_CFA_restore_extended, 16), 16, ASSAY_CFI_OFFSET, -8, 0 },
	{ "restore of what the CIE left alone", P(DW_CFA_offset + 6, 5, DW_CFA_restore + 6), 6, ASSAY_CFI_SAME, 0, 0 },
	{ "def_cfa", P(DW_CFA_def_cfa, 6, 0x90, 1), CFA, ASSAY_CFI_REGISTER, 144, 6 },
	{ "def_cfa_sf", P(DW_CFA_def_cfa_sf, 6, 0x7e), CFA, ASSAY_CFI_REGISTER, 16, 6 },
	{ "def_cfa_register", P(DW_CFA_def_cfa_register, 6), CFA, ASSAY_CFI_REGISTER, 8, 6 },
	{ "def_cfa_offset", P(DW_CFA_def_cfa_offset, 0x80, 2), CFA, ASSAY_CFI_REGISTER, 256, 7 },
	{ "def_cfa_offset_sf", P(DW_CFA_def_cfa_offset_sf, 0x7d), CFA, ASSAY_CFI_REGISTER, 24, 7 },
	{ "GNU_args_size", P(DW_CFA_GNU_args_size, 0x90, 1, DW_CFA_offset + 6, 2), 6, ASSAY_CFI_OFFSET, -16, 0 },
	{ "remember and restore_state", P(DW_CFA_remember_state, DW_CFA_def_cfa, 6, 99, DW_CFA_offset + 6, 7,
		DW_CFA_restore_state), CFA, ASSAY_CFI_REGISTER, 8, 7 },
	{ "states nest", P(DW_CFA_offset + 6, 2, DW_CFA_remember_state, DW_CFA_offset + 6, 3, DW_CFA_remember_state,
		DW_CFA_offset + 6, 4, DW_CFA_restore_state, DW_CFA_restore_state), 6, ASSAY_CFI_OFFSET, -16, 0 },
	{ "a register of no matter", P(DW_CFA_offset + 17 + 16, 9, DW_CFA_offset_extended, 0xc0, 1, 2), 6, ASSAY_CFI_SAME,
		0, 0 },
};

static void each_instruction(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof instructions / sizeof *instructions; i++) {
		const struct instruction *in = &instructions[i];
		const struct assay_cfi_rule *rule;
		struct assay_cfi_row row;
		int error = row_of(in->program, in->size, 4, &row);

		if (error)
			fail_msg("%s: %s", in->name, strerror(-error));
		rule = in->number == CFA ? &row.cfa : &row.rules[in->number];
		if (rule->kind != in->kind || rule->value != in->value ||
		    (in->number == CFA && row.cfa_register != in->cfa_register))
			fail_msg("%s: rule %d of kind %d, value %lld, CFA register %u", in->name, in->number,
				(int)rule->kind, (long long)rule->value, row.cfa_register);
		assert_false(row.signal);
	}
}

/* Each way to advance, to the byte: the row changes at the address named and not one before. */
static void each_advance(void **state)
{
	static const struct {
		uint8_t program[16];
		size_t size;
		uintptr_t by;
	} advances[] = {
		{ P(DW_CFA_advance_loc + 5, DW_CFA_def_cfa_offset, 16), 5 },
		{ P(DW_CFA_advance_loc + 63, DW_CFA_def_cfa_offset, 16), 63 },
		{ P(DW_CFA_advance_loc1, 0x90, DW_CFA_def_cfa_offset, 16), 0x90 },
		{ P(DW_CFA_advance_loc2, 0x91, 0, DW_CFA_def_cfa_offset, 16), 0x91 },
		{ P(DW_CFA_advance_loc4, 0x92, 0, 0, 0, DW_CFA_def_cfa_offset, 16), 0x92 },
		{ P(DW_CFA_advance_loc + 1, DW_CFA_advance_loc + 2, DW_CFA_def_cfa_offset, 16), 3 },
	};
	struct assay_cfi_row row;

	(void)state;
	for (size_t i = 0; i < sizeof advances / sizeof *advances; i++) {
		assert_int_equal(row_of(advances[i].program, advances[i].size, advances[i].by - 1, &row), 0);
		assert_int_equal(row.cfa.value, 8);
		assert_int_equal(row_of(advances[i].program, advances[i].size, advances[i].by, &row), 0);
		assert_int_equal(row.cfa.value, 16);
		assert_int_equal(row_of(advances[i].program, advances[i].size, CODE_SIZE - 1, &row), 0);
		assert_int_equal(row.cfa.value, 16);
	}
}

/* Malformed or not supported: an error, in the row that it concerns and in no row before it. */
static void instructions_that_are_refused(void **state)
{
	static const struct {
		uint8_t program[16];
		size_t size;
	} bad[] = {
		{ P(DW_CFA_restore_state) },
		{ P(DW_CFA_remember_state, DW_CFA_remember_state, DW_CFA_remember_state, DW_CFA_remember_state,
			DW_CFA_remember_state, DW_CFA_remember_state, DW_CFA_remember_state) },
		{ P(0x3f) },
		{ P(0x17) },
		{ P(DW_CFA_def_cfa, 17, 8) },
		{ P(DW_CFA_def_cfa_expression, 0x80, 2, 1) },
		{ P(DW_CFA_expression, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1) },
	};
	struct assay_cfi_row row;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint8_t later[20] = { DW_CFA_advance_loc + 8 };

		assert_int_equal(row_of(bad[i].program, bad[i].size, 0, &row), -EINVAL);
		memcpy(later + 1, bad[i].program, bad[i].size);
		assert_int_equal(row_of(later, bad[i].size + 1, 7, &row), 0);
		assert_int_equal(row_of(later, bad[i].size + 1, 8, &row), -EINVAL);
	}
}

static void which_table_covers_what(void **state)
{
	struct assay_cfi_row row;
	struct assay_module m;
	struct layout at;
	struct bytes b;

	(void)state;
	build(&b, "zR", plain_cie, sizeof plain_cie, plain_cie, sizeof plain_cie);
	m = module_of(&b);
	assert_int_equal(find(&m, 0, &row), 0);
	assert_int_equal(find(&m, CODE_SIZE - 1, &row), 0);
	assert_int_equal(find(&m, CODE_SIZE, &row), -ENOENT);
	assert_int_equal(find(&m, (uintptr_t)-1, &row), -ENOENT);
	m.header = 0;
	assert_int_equal(assay_cfi_find(&m, CODE, &memory, &row), -ENOENT);

	build(&b, "zRS", plain_cie, sizeof plain_cie, plain_cie, sizeof plain_cie);
	m = module_of(&b);
	assert_int_equal(find(&m, 0, &row), 0);
	assert_true(row.signal);

	/* things that Assay does not read: not one of them may be taken for something else */
	at = build(&b, "zQ", plain_cie, sizeof plain_cie, plain_cie, sizeof plain_cie);
	m = module_of(&b);
	assert_int_equal(find(&m, 0, &row), -EINVAL);
	at = build(&b, "zR", plain_cie, sizeof plain_cie, plain_cie, sizeof plain_cie);
	b.at[at.cie + 8] = 4; /* version */
	m = module_of(&b);
	assert_int_equal(find(&m, 0, &row), -EINVAL);
	b.at[at.cie + 8] = 1;
	b.at[at.cie + 14] = 15; /* return address register */
	m = module_of(&b);
	assert_int_equal(find(&m, 0, &row), -EINVAL);
	b.at[at.cie + 14] = 16;
	m = module_of(&b);
	assert_int_equal(find(&m, 0, &row), 0);
	b.at[3] = 0x0b; /* another kind of search table */
	m = module_of(&b);
	assert_int_equal(find(&m, 0, &row), -ENOENT);
}

/* ---- expressions ---- */

static uint64_t registers[ASSAY_CFI_REGISTERS];

/* Memory for expressions: the word at an address is three times the address; odd pages are not there. */
static int read_memory(void *context, uintptr_t address, uint64_t *value)
{
	(void)context;
	if (address & PAGE)
		return -EFAULT;
	*value = address * 3;
	return 0;
}

static int evaluate(const uint8_t *program, size_t size, const uint64_t *first, uint32_t known, uint64_t *value)
{
	struct bytes b = { .n = 0 };
	struct assay_module m;

	put(&b, size, 1);
	put_all(&b, program, size);
	while (b.n % 8) /* up to the forbidden page */
		put(&b, DW_OP_nop, 1);
	m = module_of(&b);
	return assay_cfi_evaluate(&m, m.table_low, registers, known, first, read_memory, NULL, value);
}

static const struct {
	const char *name;
	uint8_t program[16];
	size_t size;
	uint64_t value;
} expressions[] = {
	{ "lit", P(DW_OP_lit31), 31 },
	{ "const1u", P(DW_OP_const1u, 0xf0), 0xf0 },
	{ "const1s", P(DW_OP_const1s, 0xf0), (uint64_t)-16 },
	{ "const2u", P(DW_OP_const2u, 1, 0xf0), 0xf001 },
	{ "const2s", P(DW_OP_const2s, 0xfe, 0xff), (uint64_t)-2 },
	{ "const4u", P(DW_OP_const4u, 1, 2, 3, 0xf4), 0xf4030201 },
	{ "const4s", P(DW_OP_const4s, 0xfd, 0xff, 0xff, 0xff), (uint64_t)-3 },
	{ "const8u", P(DW_OP_const8u, 1, 2, 3, 4, 5, 6, 7, 0xf8), 0xf807060504030201 },
	{ "const8s", P(DW_OP_const8s, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), (uint64_t)-4 },
	{ "constu", P(DW_OP_constu, 0x80, 0x81, 2), 0x8080 },
	{ "consts", P(DW_OP_consts, 0x80, 0x7f), (uint64_t)-128 },
	{ "dup", P(DW_OP_lit3, DW_OP_dup, DW_OP_mul), 9 },
	{ "drop", P(DW_OP_lit3, DW_OP_lit4, DW_OP_drop), 3 },
	{ "over", P(DW_OP_lit3, DW_OP_lit4, DW_OP_over), 3 },
	{ "pick", P(DW_OP_lit3, DW_OP_lit4, DW_OP_lit5, DW_OP_pick, 2), 3 },
	{ "swap", P(DW_OP_lit3, DW_OP_lit4, DW_OP_swap), 3 },
	{ "neg", P(DW_OP_lit3, DW_OP_neg), (uint64_t)-3 },
	{ "not", P(DW_OP_lit3, DW_OP_not), ~(uint64_t)3 },
	{ "and", P(DW_OP_lit14, DW_OP_lit7, DW_OP_and), 6 },
	{ "or", P(DW_OP_lit12, DW_OP_lit3, DW_OP_or), 15 },
	{ "xor", P(DW_OP_lit12, DW_OP_lit5, DW_OP_xor), 9 },
	{ "plus", P(DW_OP_lit12, DW_OP_lit5, DW_OP_plus), 17 },
	{ "minus", P(DW_OP_lit12, DW_OP_lit5, DW_OP_minus), 7 },
	{ "mul", P(DW_OP_lit12, DW_OP_lit5, DW_OP_mul), 60 },
	{ "plus_uconst", P(DW_OP_lit12, DW_OP_plus_uconst, 0x80, 1), 140 },
	{ "shl", P(DW_OP_lit3, DW_OP_lit4, DW_OP_shl), 48 },
	{ "shl by too much", P(DW_OP_lit3, DW_OP_const1u, 64, DW_OP_shl), 0 },
	{ "shr", P(DW_OP_const1s, 0xf0, DW_OP_const1u, 60, DW_OP_shr), 15 },
	{ "shra", P(DW_OP_const1s, 0xf0, DW_OP_lit2, DW_OP_shra), (uint64_t)-4 },
	{ "shra by too much", P(DW_OP_const1s, 0xf0, DW_OP_const1u, 200, DW_OP_shra), (uint64_t)-1 },
	{ "eq", P(DW_OP_lit3, DW_OP_lit3, DW_OP_eq), 1 },
	{ "ne", P(DW_OP_lit3, DW_OP_lit3, DW_OP_ne), 0 },
	{ "ge, signed", P(DW_OP_lit3, DW_OP_const1s, 0xff, DW_OP_ge), 1 },
	{ "gt, signed", P(DW_OP_const1s, 0xff, DW_OP_lit3, DW_OP_gt), 0 },
	{ "le, signed", P(DW_OP_const1s, 0xff, DW_OP_lit3, DW_OP_le), 1 },
	{ "lt, signed", P(DW_OP_const1s, 0xff, DW_OP_lit3, DW_OP_lt), 1 },
	{ "nop", P(DW_OP_lit3, DW_OP_nop), 3 },
	{ "breg", P(DW_OP_breg7, 0x78), 0x7000 - 8 },
	{ "bregx", P(DW_OP_bregx, 7, 0x10), 0x7010 },
	{ "deref", P(DW_OP_const2u, 0x10, 0x20, DW_OP_deref), 0x6030 },
	{ "deref_size 8", P(DW_OP_const2u, 0x10, 0x20, DW_OP_deref_size, 8), 0x6030 },
	{ "deref_size 1", P(DW_OP_const2u, 0x10, 0x20, DW_OP_deref_size, 1), 0x30 },
	{ "deref_size 2", P(DW_OP_const4u, 0x10, 0x20, 0x10, 0, DW_OP_deref_size, 2), 0x6030 },
	{ "skip", P(DW_OP_lit3, DW_OP_skip, 1, 0, DW_OP_lit4), 3 },
	{ "bra, taken", P(DW_OP_lit3, DW_OP_lit1, DW_OP_bra, 1, 0, DW_OP_lit4), 3 },
	{ "bra, not taken", P(DW_OP_lit3, DW_OP_lit0, DW_OP_bra, 1, 0, DW_OP_lit4), 4 },
	{ "bra backwards", P(DW_OP_lit0, DW_OP_lit1, DW_OP_plus, DW_OP_dup, DW_OP_lit5, DW_OP_lt, DW_OP_bra, 0xf8, 0xff), 5 },
	/* of procedure linkage tables: rsp + 8 + 8 * ((rip & 15) >= 11) */
	{ "a linkage table's", P(DW_OP_breg7, 8, DW_OP_breg16, 0, DW_OP_lit15, DW_OP_and, DW_OP_lit11, DW_OP_ge,
		DW_OP_lit3, DW_OP_shl, DW_OP_plus), 0x7000 + 16 },
};

static void each_expression(void **state)
{
	uint64_t value, first = 40;

	(void)state;
	for (unsigned i = 0; i < ASSAY_CFI_REGISTERS; i++)
		registers[i] = 0x1000 * i;
	registers[16] = 0x123b;
	for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
		int error = evaluate(expressions[i].program, expressions[i].size, NULL, ~0u, &value);

		if (error || value != expressions[i].value)
			fail_msg("%s: %d, %#llx", expressions[i].name, error, (unsigned long long)value);
	}
	/* the CFA is pushed first where there is one */
	assert_int_equal(evaluate((const uint8_t[]){ DW_OP_plus_uconst, 2 }, 2, &first, ~0u, &value), 0);
	assert_int_equal(value, 42);
	/* a register whose value was not followed is an error of its own kind, not a wrong number */
	assert_int_equal(evaluate((const uint8_t[]){ DW_OP_breg3, 0 }, 2, NULL, ~(1u << 3), &value), -ENODATA);
	assert_int_equal(evaluate((const uint8_t[]){ DW_OP_breg3, 0 }, 2, NULL, 1u << 3, &value), 0);
	/* memory that is not there: the reader's error */
	assert_int_equal(evaluate((const uint8_t[]){ DW_OP_const2u, 0, 0x10, DW_OP_deref }, 4, NULL, 0, &value), -EFAULT);
}

static void expressions_that_are_refused(void **state)
{
	static const struct {
		uint8_t program[24];
		size_t size;
	} bad[] = {
		{ P(DW_OP_nop) },                         /* nothing left on the stack */
		{ P(DW_OP_drop) },
		{ P(DW_OP_lit1, DW_OP_plus) },
		{ P(DW_OP_lit1, DW_OP_pick, 1) },
		{ P(DW_OP_const8u, 1, 2) },               /* cut off */
		{ P(DW_OP_lit1, DW_OP_skip, 0xfd, 0xff) },  /* for ever */
		{ P(DW_OP_lit1, DW_OP_skip, 0xf0, 0xff) },  /* before the start */
		{ P(DW_OP_lit1, DW_OP_skip, 0xff, 0x7f) },  /* behind the end */
		{ P(DW_OP_lit1, DW_OP_deref_size, 3) },
		{ P(DW_OP_bregx, 17, 0) },
		{ P(DW_OP_breg31, 0) },
		{ P(DW_OP_lit1, DW_OP_call4, 0, 0, 0, 0) },
		{ P(DW_OP_lit1, DW_OP_lit0, DW_OP_div) },
		{ P(DW_OP_lit1, DW_OP_dup, DW_OP_dup, DW_OP_dup, DW_OP_dup, DW_OP_dup, DW_OP_dup, DW_OP_dup, DW_OP_dup,
			DW_OP_dup, DW_OP_dup, DW_OP_dup, DW_OP_dup, DW_OP_dup, DW_OP_dup, DW_OP_dup, DW_OP_dup) },
	};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (evaluate(bad[i].program, bad[i].size, NULL, ~0u, &value) != -EINVAL)
			fail_msg("expression %zu was taken", i);
}

/* Expression rules: where the block is, by which it is evaluated later. */
static void expression_rules(void **state)
{
	static const uint8_t program[] = { DW_CFA_def_cfa_expression, 2, DW_OP_breg6, 8,
		DW_CFA_expression, 3, 2, DW_OP_plus_uconst, 4, DW_CFA_val_expression, 7, 1, DW_OP_lit9 };
	struct assay_cfi_row row;
	struct assay_module m;
	uint64_t value, cfa = 100;
	struct bytes b;

	(void)state;
	registers[6] = 0x6000;
	build(&b, "zR", plain_cie, sizeof plain_cie, program, sizeof program);
	m = module_of(&b);
	assert_int_equal(find(&m, 0, &row), 0);
	assert_int_equal(row.cfa.kind, ASSAY_CFI_VAL_EXPRESSION);
	assert_int_equal(assay_cfi_evaluate(&m, (uintptr_t)row.cfa.value, registers, ~0u, NULL, read_memory, NULL, &value), 0);
	assert_int_equal(value, 0x6008);
	assert_int_equal(row.rules[3].kind, ASSAY_CFI_EXPRESSION);
	assert_int_equal(assay_cfi_evaluate(&m, (uintptr_t)row.rules[3].value, registers, ~0u, &cfa, read_memory, NULL,
		&value), 0);
	assert_int_equal(value, 104);
	assert_int_equal(row.rules[7].kind, ASSAY_CFI_VAL_EXPRESSION);
}

/* ---- real tables ---- */

/* A loaded module as the core sees it: from its program headers. */
struct real {
	const char *name; /* part of the path; "" = this program */
	char path[4096];
	struct assay_module m;
	size_t size;      /* of the segment with the tables */
};

static int take_real(struct dl_phdr_info *info, size_t size, void *context)
{
	struct real *r = context;
	struct assay_module *m = &r->m;

	(void)size;
	if (m->header || (*r->name ? !strstr(info->dlpi_name, r->name) : *info->dlpi_name))
		return 0;
	strcpy(r->path, *info->dlpi_name ? info->dlpi_name : "/proc/self/exe");
	m->bias = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
			m->header = m->bias + info->dlpi_phdr[i].p_vaddr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && m->header >= m->bias + p->p_vaddr && m->header < m->bias + p->p_vaddr + p->p_filesz) {
			m->table_low = m->bias + p->p_vaddr;
			m->table_high = m->table_low + p->p_filesz;
			r->size = p->p_filesz;
		}
	}
	return 0;
}

static struct real real(const char *name)
{
	struct real r = { .name = name };

	dl_iterate_phdr(take_real, &r);
	assert_true(r.m.header && r.m.table_high);
	return r;
}

/* The sorted table in a module's .eh_frame_hdr: pairs of (code, FDE), from the header. */
static const int32_t *sorted(const struct assay_module *m, uint32_t *count)
{
	memcpy(count, (const void *)(m->header + 8), 4);
	return (const void *)(m->header + 12);
}

/* How far the code of an FDE reaches: by its second word pair, for the encodings that linkers write. */
static uint32_t extent(const struct assay_module *m, const int32_t *entry)
{
	uint32_t size;

	memcpy(&size, (const void *)(m->header + (uintptr_t)(intptr_t)entry[1] + 12), 4);
	return size;
}

/* Evaluates libdw's decoded operations, as far as unwind tables have them. */
static uint64_t evaluate_ops(const Dwarf_Op *ops, size_t n, const uint64_t *cfa)
{
	uint64_t stack[16] = { 0 }, b;
	int d = 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t a = ops[i].atom;

		if (a >= DW_OP_lit0 && a <= DW_OP_lit31) {
			stack[d++] = a - DW_OP_lit0;
			continue;
		}
		if (a >= DW_OP_breg0 && a <= DW_OP_breg31) {
			stack[d++] = registers[a - DW_OP_breg0] + ops[i].number;
			continue;
		}
		switch (a) {
		case DW_OP_bregx: stack[d++] = registers[ops[i].number] + ops[i].number2; break;
		case DW_OP_call_frame_cfa: stack[d++] = *cfa; break;
		case DW_OP_plus_uconst: stack[d - 1] += ops[i].number; break;
		case DW_OP_deref: stack[d - 1] *= 3; break; /* as read_memory */
		case DW_OP_const1u: case DW_OP_const1s: case DW_OP_const2u: case DW_OP_const2s: stack[d++] = ops[i].number; break;
		case DW_OP_stack_value: break;
		case DW_OP_plus: b = stack[--d]; stack[d - 1] += b; break;
		case DW_OP_and: b = stack[--d]; stack[d - 1] &= b; break;
		case DW_OP_shl: b = stack[--d]; stack[d - 1] <<= b; break;
		case DW_OP_ge: b = stack[--d]; stack[d - 1] = (int64_t)stack[d - 1] >= (int64_t)b; break;
		default: fail_msg("libdw's operation %#x is not known to this test", a);
		}
	}
	return stack[d - 1];
}

static int read_any(void *context, uintptr_t address, uint64_t *value)
{
	(void)context;
	*value = address * 3;
	return 0;
}

static uint64_t our_expression(const struct assay_module *m, int64_t at, const uint64_t *cfa)
{
	uint64_t value = 0;

	assert_int_equal(assay_cfi_evaluate(m, (uintptr_t)at, registers, ~0u, cfa, read_any, NULL, &value), 0);
	return value;
}

/* The CFA by both, given the same registers. */
static uint64_t compare_cfa(const struct assay_module *m, const struct assay_cfi_row *row, Dwarf_Frame *frame, uint64_t at)
{
	uint64_t ours, theirs;
	Dwarf_Op *ops;
	size_t n;

	assert_int_equal(dwarf_frame_cfa(frame, &ops, &n), 0);
	theirs = evaluate_ops(ops, n, NULL);
	if (row->cfa.kind == ASSAY_CFI_REGISTER)
		ours = registers[row->cfa_register] + (uint64_t)row->cfa.value;
	else
		ours = our_expression(m, row->cfa.value, NULL);
	if (ours != theirs)
		fail_msg("at %#lx: the CFA is %#lx, by libdw %#lx", at, ours, theirs);
	return ours;
}

enum answer { SAME, UNDEFINED, SAVED, VALUE, REGISTER };

static enum answer theirs_of(Dwarf_Frame *frame, int number, const uint64_t *cfa, uint64_t *value)
{
	Dwarf_Op room[3], *ops;
	size_t n;

	if (dwarf_frame_register(frame, number, room, &ops, &n) < 0)
		return UNDEFINED;
	if (!n)
		return ops ? UNDEFINED : SAME;
	if (n == 1 && ops->atom == DW_OP_regx) {
		*value = ops->number;
		return REGISTER;
	}
	*value = evaluate_ops(ops, n, cfa);
	return ops[n - 1].atom == DW_OP_stack_value ? VALUE : SAVED;
}

static enum answer ours_of(const struct assay_module *m, const struct assay_cfi_rule *rule, const uint64_t *cfa,
			   uint64_t *value)
{
	switch (rule->kind) {
	case ASSAY_CFI_SAME: return SAME;
	case ASSAY_CFI_UNDEFINED: return UNDEFINED;
	case ASSAY_CFI_OFFSET: *value = *cfa + (uint64_t)rule->value; return SAVED;
	case ASSAY_CFI_VAL_OFFSET: *value = *cfa + (uint64_t)rule->value; return VALUE;
	case ASSAY_CFI_REGISTER: *value = (uint64_t)rule->value; return REGISTER;
	case ASSAY_CFI_EXPRESSION: *value = our_expression(m, rule->value, cfa); return SAVED;
	default: *value = our_expression(m, rule->value, cfa); return VALUE;
	}
}

static void compare_rows(const struct real *r, Dwarf_CFI *cfi, uint64_t address)
{
	struct assay_cfi_row row;
	Dwarf_Frame *frame;
	bool signal;
	uint64_t cfa;
	int error = assay_cfi_find(&r->m, r->m.bias + address, &memory, &row);

	if (dwarf_cfi_addrframe(cfi, address, &frame) != 0)
		fail_msg("libdw has no row at %#lx: %s", address, dwarf_errmsg(-1));
	if (error)
		fail_msg("no row at %#lx: %s", address, strerror(-error));
	dwarf_frame_info(frame, NULL, NULL, &signal);
	assert_int_equal(row.signal, signal);
	cfa = compare_cfa(&r->m, &row, frame, address);
	for (int i = 0; i < ASSAY_CFI_REGISTERS; i++) {
		uint64_t x = 0, y = 0;
		enum answer ours = ours_of(&r->m, &row.rules[i], &cfa, &x), theirs = theirs_of(frame, i, &cfa, &y);

		/* by the ABI, rsp is the CFA; registers that a call may change have no value in the caller */
		if (i == ASSAY_CFI_SP && ours == SAME) {
			ours = VALUE;
			x = cfa;
		}
		if (i == ASSAY_CFI_SP && theirs == SAME) {
			theirs = VALUE;
			y = cfa;
		}
		if (ours == SAME && theirs == UNDEFINED && i != ASSAY_CFI_RA)
			theirs = SAME;
		if (ours != theirs || x != y)
			fail_msg("at %#lx: register %d is %d (%#lx), by libdw %d (%#lx)", address, i, ours, x, theirs, y);
	}
	free(frame);
}

/* All FDEs: at their first byte, their last, and every `step` bytes between. */
static size_t compare_all(const char *name, uint32_t step)
{
	struct real r = real(name);
	int fd = open(r.path, O_RDONLY);
	uint32_t count;
	const int32_t *table = sorted(&r.m, &count);
	Dwarf_CFI *cfi;
	Elf *elf;
	size_t n = 0;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	cfi = dwarf_getcfi_elf(elf);
	assert_non_null(cfi);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t start = r.m.header - r.m.bias + (uint64_t)table[2 * i], size = extent(&r.m, table + 2 * i);

		for (uint64_t at = 0; at < size; at += step, n++)
			compare_rows(&r, cfi, start + at);
		if (size)
			compare_rows(&r, cfi, start + size - 1);
	}
	dwarf_cfi_end(cfi);
	elf_end(elf);
	close(fd);
	return n;
}

static void rows_are_those_of_libdw(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ASSAY_CFI_REGISTERS; i++)
		registers[i] = 0x7f0000100000 + 0x12340 * i;
	assert_true(compare_all("", 1) > 1000);
	assert_true(compare_all("/libc.so", 3) > 100000);
}

/* ---- damaged tables ---- */

static sigjmp_buf crashed;

static void on_crash(int signal)
{
	siglongjmp(crashed, signal);
}

static uint64_t random_state = 88172645463325252;

static uint32_t draw(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return below ? (uint32_t)(random_state >> 32) % below : 0;
}

/* A copy of a module's table segment, up against the forbidden page, as a module elsewhere. */
static struct assay_module copy_fenced(const struct real *r)
{
	struct assay_module m = r->m;
	size_t room = (r->size + PAGE - 1) / PAGE * PAGE;
	uint8_t *to = fenced(r->size) + room - (r->size + 15) / 16 * 16;
	uintptr_t by = (uintptr_t)to - m.table_low;

	assert_int_equal(by % 16, 0);
	memcpy(to, (const void *)m.table_low, r->size);
	m.table_low += by;
	m.header += by;
	m.bias += by;
	m.table_high = (m.table_high + by + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
	return m;
}

/* A look-up, and all that follows from its row. */
static void use(const struct assay_module *m, uintptr_t address)
{
	struct assay_cfi_row row;
	uint64_t value, cfa = 0x7ffe00001000;

	if (assay_cfi_find(m, address, &memory, &row) != 0)
		return;
	if (row.cfa.kind == ASSAY_CFI_VAL_EXPRESSION)
		assay_cfi_evaluate(m, (uintptr_t)row.cfa.value, registers, ~0u, NULL, read_memory, NULL, &value);
	for (int i = 0; i < ASSAY_CFI_REGISTERS; i++)
		if (row.rules[i].kind == ASSAY_CFI_EXPRESSION || row.rules[i].kind == ASSAY_CFI_VAL_EXPRESSION)
			assay_cfi_evaluate(m, (uintptr_t)row.rules[i].value, registers, ~0u, &cfa, read_memory, NULL, &value);
}

static struct sigaction before_segv, before_bus;

/* In the test itself: cmocka has handlers of its own around it. */
static void catch_crashes(void)
{
	struct sigaction action = { .sa_handler = on_crash };

	sigaction(SIGSEGV, &action, &before_segv);
	sigaction(SIGBUS, &action, &before_bus);
}

static void let_crash(void)
{
	sigaction(SIGSEGV, &before_segv, NULL);
	sigaction(SIGBUS, &before_bus, NULL);
}

static bool crashes(const struct assay_module *m, uintptr_t address)
{
	if (sigsetjmp(crashed, 1))
		return true;
	use(m, address);
	return false;
}

enum { SPOTS = 4 };

/* Where to damage: the FDE of `entry`, its CIE, its row of the sorted table, the header, or the values around them. */
static uintptr_t spot(const struct assay_module *m, uintptr_t fde, uintptr_t entry)
{
	uint32_t back;
	uintptr_t cie;

	memcpy(&back, (const void *)(fde + 4), 4);
	cie = fde + 4 - back;
	switch (draw(8)) {
	case 0: return entry + draw(8);
	case 1: return m->header + draw(12);
	case 2: return cie + draw(24);
	case 3: return fde + draw(8);
	case 4: return cie + 8 + draw(16);
	default: return fde + 8 + draw(32);
	}
}

static const uint8_t favourites[] = { 0, 1, 0x7f, 0x80, 0xff, 0x0f, 0x10, 0x16, 0x0a, 0x0b, 0x40, 0xc0, 0x9b, 0x1b };

/* Damages the tables in up to SPOTS bytes, looks an address up, and puts all back. */
static bool damage(const struct assay_module *m, const int32_t *table, uint32_t count)
{
	uint32_t i = draw(count), n = 1 + draw(SPOTS);
	uintptr_t fde = m->header + (uintptr_t)(intptr_t)table[2 * i + 1], at[SPOTS];
	uintptr_t address = m->header + (uintptr_t)(intptr_t)table[2 * i] + draw(extent(m, table + 2 * i));
	uint8_t before[SPOTS];
	bool bad;

	for (uint32_t k = 0; k < n; k++) {
		at[k] = spot(m, fde, (uintptr_t)(table + 2 * i));
		if (at[k] < m->table_low || at[k] >= m->table_high)
			at[k] = fde;
	}
	for (uint32_t k = 0; k < n; k++) {
		before[k] = *(uint8_t *)at[k];
		*(uint8_t *)at[k] = draw(3) ? (uint8_t)draw(256) : favourites[draw(sizeof favourites)];
	}
	bad = crashes(m, address);
	for (uint32_t k = n; k-- > 0;)
		*(uint8_t *)at[k] = before[k];
	return bad;
}

static void damage_many(const char *name, int times)
{
	struct real r = real(name);
	struct assay_module m = copy_fenced(&r);
	uint32_t count;
	const int32_t *table = sorted(&m, &count);
	int bad = 0;

	catch_crashes();
	for (int i = 0; i < times; i++)
		bad += damage(&m, table, count);
	let_crash();
	if (bad)
		fail_msg("%s: %d of %d damaged tables led to a read outside", *name ? name : "this program", bad, times);
}

static void damaged_tables_are_not_left(void **state)
{
	(void)state;
	damage_many("/libc.so", 70000);
	damage_many("", 30000);
}

/* Tables that end too early, at every byte; and every byte of a small table in turn set to what may hurt most. */
static void small_tables_cut_and_damaged(void **state)
{
	static const uint8_t program[] = { DW_CFA_advance_loc + 1, DW_CFA_def_cfa_offset, 16, DW_CFA_offset + 6, 2,
		DW_CFA_remember_state, DW_CFA_expression, 3, 2, DW_OP_plus_uconst, 4, DW_CFA_advance_loc2, 4, 0,
		DW_CFA_def_cfa_expression, 3, DW_OP_breg7, 0xf8, 0x7f, DW_CFA_restore_state };
	struct bytes whole, b;
	struct assay_module m;
	int bad = 0;

	(void)state;
	build(&whole, "zRS", plain_cie, sizeof plain_cie, program, sizeof program);
	catch_crashes();
	for (size_t n = 1; n <= whole.n; n++) {
		b = whole;
		b.n = n;
		m = module_of(&b);
		/* the copy is aligned at its start; what is beyond it up to the page's end may not be read either */
		m.table_high = m.table_low + n;
		bad += crashes(&m, m.header + CODE + 8);
		if (n < whole.n - 8) {
			struct assay_cfi_row row;

			assert_int_not_equal(assay_cfi_find(&m, m.header + CODE + 8, &memory, &row), 0);
		}
	}
	for (size_t i = 0; i < whole.n; i++)
		for (size_t k = 0; k < sizeof favourites; k++) {
			b = whole;
			b.at[i] = favourites[k];
			m = module_of(&b);
			bad += crashes(&m, m.header + CODE + 8);
		}
	let_crash();
	if (bad)
		fail_msg("%d damaged tables led to a read outside", bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_instruction),
		cmocka_unit_test(each_advance),
		cmocka_unit_test(instructions_that_are_refused),
		cmocka_unit_test(which_table_covers_what),
		cmocka_unit_test(each_expression),
		cmocka_unit_test(expressions_that_are_refused),
		cmocka_unit_test(expression_rules),
		cmocka_unit_test(rows_are_those_of_libdw),
		cmocka_unit_test(damaged_tables_are_not_left),
		cmocka_unit_test(small_tables_cut_and_damaged),
	};

	return cmocka_run_group_tests_name("cfi", tests, NULL, NULL);
}
