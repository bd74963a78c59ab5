/*
 * The cache takes no lock: an entry is two words, the second being the row and the first the key xor the row (Hyatt
 * and Mann's lockless hashing, ICGA Journal 25/1, 2002), so an entry torn by two writers does not match any key.
 */
#include "row.h"

#include "unwind.h"

#if ASSAY_UNWIND_HAVE_OWN

enum { GRANULE_BITS = 6, GRANULE = 1 << GRANULE_BITS, REGION_BITS = 16 };
enum { PART_BITS = 4, PART_ENTRIES_BITS = 8 }; /* a page each */
enum { OP_BREG_FP = 0x70 + ASSAY_CFI_FP, OP_DEREF = 0x06 };

struct entry {
	_Atomic uint64_t check, row;
};
static struct entry cache[1 << PART_BITS][1 << PART_ENTRIES_BITS] ASSAY_COLD;

/* Multiplicative hashing (Knuth, The Art of Computer Programming, volume 3, 6.4). */
static uint64_t hash(uintptr_t n, unsigned bits)
{
	return n * 0x9e3779b97f4a7c15u >> (64 - bits);
}

/* A region of code has a part to itself or nearly so: few walks touch more than two or three of these pages. */
static struct entry *entry_of(uintptr_t pc)
{
	return &cache[hash(pc >> REGION_BITS, PART_BITS)][hash(pc >> GRANULE_BITS, PART_ENTRIES_BITS)];
}

static uint64_t key_of(uintptr_t pc)
{
	return (pc & ~(uintptr_t)(GRANULE - 1)) ^ (uint64_t)assay_module_generation() << 48;
}

uint64_t assay_row_get(uintptr_t pc)
{
	struct entry *e = entry_of(pc);
	uint64_t row = atomic_load_explicit(&e->row, memory_order_relaxed);
	uint64_t check = atomic_load_explicit(&e->check, memory_order_relaxed);
	uintptr_t at = pc & (GRANULE - 1);

	if ((check ^ row) != key_of(pc) || at < (row >> ASSAY_ROW_AT_FIRST & (GRANULE - 1)) ||
	    at > (row >> ASSAY_ROW_AT_LAST & (GRANULE - 1)))
		return ASSAY_ROW_NONE;
	return row;
}

static bool fits(int64_t offset, int64_t low, int64_t high)
{
	return offset % 8 == 0 && offset / 8 >= low && offset / 8 <= high;
}

#ifdef __aarch64__
/* There the return address would be elsewhere. */
static bool realigned(const struct assay_cfi_row *rules, int64_t *offset)
{
	(void)rules;
	(void)offset;
	return false;
}
#else
/*
 * The offset from the frame pointer in an expression of it alone, read from memory or not, as compilers write for
 * functions that align their stack. The bytes were checked to be there, as far as the length says.
 */
static bool frame_expression(uintptr_t at, bool deref, int64_t *offset)
{
	const uint8_t *e = (const void *)at;

	/* length, register, an offset of one byte (signed, 7 bits), and the read */
	if (e[0] != (deref ? 3 : 2) || e[1] != OP_BREG_FP || e[2] & 0x80 || (deref && e[3] != OP_DEREF))
		return false;
	*offset = (int64_t)((e[2] ^ 0x40) - 0x40);
	return true;
}

static bool realigned(const struct assay_cfi_row *rules, int64_t *offset)
{
	const struct assay_cfi_rule *fp = &rules->rules[ASSAY_CFI_FP];
	int64_t at;

	return rules->cfa.kind == ASSAY_CFI_VAL_EXPRESSION && fp->kind == ASSAY_CFI_EXPRESSION &&
	       frame_expression((uintptr_t)rules->cfa.value, true, offset) &&
	       frame_expression((uintptr_t)fp->value, false, &at) && at == 0;
}
#endif

/* What the CFA is, as kind and offset. */
static uint64_t pack_cfa(const struct assay_cfi_row *rules)
{
	int64_t offset = rules->cfa.value;
	uint64_t kind = ASSAY_ROW_COMPLEX;

	if (rules->cfa.kind == ASSAY_CFI_REGISTER && rules->cfa_register == ASSAY_CFI_SP)
		kind = ASSAY_ROW_BY_SP;
	else if (rules->cfa.kind == ASSAY_CFI_REGISTER && rules->cfa_register == ASSAY_CFI_FP)
		kind = ASSAY_ROW_BY_FP;
	else if (realigned(rules, &offset))
		kind = ASSAY_ROW_REALIGNED;
	if (kind == ASSAY_ROW_COMPLEX || !fits(offset, INT16_MIN, INT16_MAX))
		return ASSAY_ROW_COMPLEX;
	return kind | ((uint64_t)(offset / 8) & 0xffff) << ASSAY_ROW_AT_OFFSET;
}

/* Where frame pointer and return address are, or ASSAY_ROW_COMPLEX. */
static uint64_t pack_saved(const struct assay_cfi_rule *fp, const struct assay_cfi_rule *ra)
{
	int64_t at = fp->value;
	uint64_t flags = fp->kind == ASSAY_CFI_OFFSET ? ASSAY_ROW_FP_SAVED : 0;

	if (fp->kind != ASSAY_CFI_OFFSET && fp->kind != ASSAY_CFI_SAME)
		return ASSAY_ROW_COMPLEX;
#ifdef __aarch64__
	if (ra->kind == ASSAY_CFI_OFFSET) {
		if (flags && ra->value != fp->value + 8)
			return ASSAY_ROW_COMPLEX;
		if (!flags)
			at = ra->value;
		flags |= ASSAY_ROW_RA_SAVED;
	} else if (ra->kind != ASSAY_CFI_SAME || flags) {
		return ASSAY_ROW_COMPLEX;
	}
#else
	(void)ra;
#endif
	if (!flags)
		return 0;
	return fits(at, -0x3fff, -1) ? flags | (uint64_t)(-at / 8) << ASSAY_ROW_AT_SAVED : ASSAY_ROW_COMPLEX;
}

static uint64_t pack(const struct assay_cfi_row *rules)
{
	const struct assay_cfi_rule *ra = &rules->rules[ASSAY_CFI_RA];
	uint64_t packed = 0, saved = 0;

	if (rules->signal)
		return ASSAY_ROW_COMPLEX;
	if (ra->kind == ASSAY_CFI_UNDEFINED)
		return ASSAY_ROW_END;
	if (rules->rules[ASSAY_CFI_SP].kind != ASSAY_CFI_SAME)
		return ASSAY_ROW_COMPLEX;
	for (int i = 0; i < ASSAY_CFI_REGISTERS; i++)
		if (i != ASSAY_CFI_FP && i != ASSAY_CFI_SP && i != ASSAY_CFI_RA &&
		    rules->rules[i].kind != ASSAY_CFI_SAME)
			packed |= ASSAY_ROW_OTHERS;
	packed |= pack_cfa(rules);
#ifndef __aarch64__
	if (ra->kind != ASSAY_CFI_OFFSET || ra->value != -8)
		return ASSAY_ROW_COMPLEX;
#endif
	if (assay_row_kind(packed) != ASSAY_ROW_REALIGNED)
		saved = pack_saved(&rules->rules[ASSAY_CFI_FP], ra);
	if (assay_row_kind(packed) == ASSAY_ROW_COMPLEX || saved == ASSAY_ROW_COMPLEX)
		return ASSAY_ROW_COMPLEX;
	return packed | saved;
}

uint64_t assay_row_put(uintptr_t pc, const struct assay_cfi_row *rules, int module)
{
	struct entry *e = entry_of(pc);
	uintptr_t begin = pc & ~(uintptr_t)(GRANULE - 1);
	uint64_t first = rules->low > begin ? rules->low - begin : 0;
	uint64_t last = rules->high - begin < GRANULE ? rules->high - begin - 1 : GRANULE - 1;
	uint64_t row = pack(rules) | (uint64_t)module << ASSAY_ROW_AT_MODULE | first << ASSAY_ROW_AT_FIRST |
		       last << ASSAY_ROW_AT_LAST;

	atomic_store_explicit(&e->row, row, memory_order_relaxed);
	atomic_store_explicit(&e->check, key_of(pc) ^ row, memory_order_relaxed);
	return row;
}

#endif
