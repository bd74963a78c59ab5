/* test_row.c: which rules fit a packed row and which do not, and the cache: ranges, granules, modules that went. */
#include "core/sig/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/sig/unwind.h"

#if ASSAY_UNWIND_HAVE_OWN

#include "core_process.h"

static struct assay_cfi_row plain(uintptr_t low, uintptr_t high)
{
	struct assay_cfi_row r = { .cfa = { 48, ASSAY_CFI_REGISTER }, .cfa_register = ASSAY_CFI_SP, .low = low, .high = high };

	r.rules[ASSAY_CFI_RA] = (struct assay_cfi_rule){ -8, ASSAY_CFI_OFFSET };
	return r;
}

static uint64_t put(uintptr_t pc, const struct assay_cfi_row *rules)
{
	uint64_t row = assay_row_put(pc, rules, 5);

	assert_true(assay_row_get(pc) == row);
	assert_int_equal(assay_row_module(row), 5);
	return row;
}

static void by_stack_pointer(void **state)
{
	struct assay_cfi_row r = plain(0x1000, 0x1100);
	uint64_t row = put(0x1010, &r);

	(void)state;
	assert_int_equal(assay_row_kind(row), ASSAY_ROW_BY_SP);
	assert_int_equal(assay_row_offset(row), 48);
	assert_int_equal(row & (ASSAY_ROW_FP_SAVED | ASSAY_ROW_OTHERS), 0);
#ifdef __x86_64__
	r.rules[ASSAY_CFI_FP] = (struct assay_cfi_rule){ -16, ASSAY_CFI_OFFSET };
	r.rules[3] = (struct assay_cfi_rule){ -24, ASSAY_CFI_OFFSET };
	row = put(0x1010, &r);
	assert_true(row & ASSAY_ROW_FP_SAVED);
	assert_true(row & ASSAY_ROW_OTHERS);
	assert_int_equal(assay_row_saved(row), 16);
#endif
}

static void by_frame_pointer(void **state)
{
	struct assay_cfi_row r = plain(0x1000, 0x1100);
	uint64_t row;

	(void)state;
	r.cfa_register = ASSAY_CFI_FP;
	r.cfa.value = -32768 * 8;
	row = put(0x1010, &r);
	assert_int_equal(assay_row_kind(row), ASSAY_ROW_BY_FP);
	assert_int_equal(assay_row_offset(row), -32768 * 8);
}

#ifdef __x86_64__
/* As gcc writes it for a function that aligns its stack: CFA = *(rbp - 8), rbp at rbp + 0. */
static void realigned(void **state)
{
	static const uint8_t cfa[] = { 3, 0x76, 0x78, 0x06 }, fp[] = { 2, 0x76, 0x00 }, other[] = { 2, 0x76, 0x70 };
	struct assay_cfi_row r = plain(0x1000, 0x1100);
	uint64_t row;

	(void)state;
	r.cfa = (struct assay_cfi_rule){ (int64_t)(uintptr_t)cfa, ASSAY_CFI_VAL_EXPRESSION };
	r.rules[ASSAY_CFI_FP] = (struct assay_cfi_rule){ (int64_t)(uintptr_t)fp, ASSAY_CFI_EXPRESSION };
	row = put(0x1010, &r);
	assert_int_equal(assay_row_kind(row), ASSAY_ROW_REALIGNED);
	assert_int_equal(assay_row_offset(row), -8);
	r.rules[ASSAY_CFI_FP].value = (int64_t)(uintptr_t)other;
	assert_int_equal(assay_row_kind(put(0x1010, &r)), ASSAY_ROW_COMPLEX);
}
#endif

static void outermost(void **state)
{
	struct assay_cfi_row r = plain(0x1000, 0x1100);

	(void)state;
	r.rules[ASSAY_CFI_RA].kind = ASSAY_CFI_UNDEFINED;
	assert_int_equal(assay_row_kind(put(0x1010, &r)), ASSAY_ROW_END);
}

static void what_does_not_fit(void **state)
{
	struct assay_cfi_row r = plain(0x1000, 0x1100);

	(void)state;
	r.signal = true;
	assert_int_equal(assay_row_kind(put(0x1010, &r)), ASSAY_ROW_COMPLEX);
	r = plain(0x1000, 0x1100);
	r.cfa_register = 3;
	assert_int_equal(assay_row_kind(put(0x1010, &r)), ASSAY_ROW_COMPLEX);
	r = plain(0x1000, 0x1100);
	r.cfa.value = 12;
	assert_int_equal(assay_row_kind(put(0x1010, &r)), ASSAY_ROW_COMPLEX);
	r = plain(0x1000, 0x1100);
	r.cfa.value = 32768 * 8;
	assert_int_equal(assay_row_kind(put(0x1010, &r)), ASSAY_ROW_COMPLEX);
#ifdef __x86_64__ /* elsewhere it may be anywhere */
	r = plain(0x1000, 0x1100);
	r.rules[ASSAY_CFI_RA].value = -24;
	assert_int_equal(assay_row_kind(put(0x1010, &r)), ASSAY_ROW_COMPLEX);
#endif
	r = plain(0x1000, 0x1100);
	r.rules[ASSAY_CFI_FP] = (struct assay_cfi_rule){ -0x4000 * 8, ASSAY_CFI_OFFSET };
	assert_int_equal(assay_row_kind(put(0x1010, &r)), ASSAY_ROW_COMPLEX);
}

/* An entry stands for a granule of 64 bytes, and for the part of it that its row covers. */
static void ranges(void **state)
{
	struct assay_cfi_row first = plain(0x1000, 0x1013), second = plain(0x1013, 0x10f0);
	uint64_t row = put(0x1012, &first);

	(void)state;
	assert_true(assay_row_get(0x1000) == row);
	assert_true(assay_row_get(0x1013) == ASSAY_ROW_NONE);
	assert_true(assay_row_get(0xfff) == ASSAY_ROW_NONE);
	second.cfa.value = 96;
	row = put(0x1050, &second);
	assert_true(assay_row_get(0x1040) == row && assay_row_get(0x107f) == row);
	assert_true(assay_row_get(0x1080) == ASSAY_ROW_NONE);
	row = put(0x10e0, &second);
	assert_true(assay_row_get(0x10ef) == row);
	assert_true(assay_row_get(0x10f0) == ASSAY_ROW_NONE);
}

/* Far more granules than there are entries: each answers for itself or not at all. */
static void crowded(void **state)
{
	uint64_t kept = 0;

	(void)state;
	for (uintptr_t pc = 0x7f0000000000; pc < 0x7f0000000000 + 64 * 20000; pc += 64) {
		struct assay_cfi_row r = plain(pc, pc + 64);

		r.cfa.value = (int64_t)(pc / 64 % 30000) * 8;
		put(pc, &r);
	}
	for (uintptr_t pc = 0x7f0000000000; pc < 0x7f0000000000 + 64 * 20000; pc += 64) {
		uint64_t row = assay_row_get(pc);

		if (row == ASSAY_ROW_NONE)
			continue;
		kept++;
		assert_int_equal(assay_row_offset(row), (int64_t)(pc / 64 % 30000) * 8);
	}
	assert_in_range(kept, 2000, 4096);
}

/* Any module that goes makes all rows void: its addresses may be another's now. */
static void modules_that_go(void **state)
{
	struct assay_cfi_row r = plain(0x1000, 0x1100);
	int module;

	(void)state;
	core_process_begin(1 << 20);
	put(0x1010, &r);
	module = assay_module_add(0x10000, NULL, 0, "gone.so", NULL);
	assert_true(module >= 0);
	assay_module_gone(module);
	assert_true(assay_row_get(0x1010) == ASSAY_ROW_NONE);
	core_process_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_stack_pointer),
		cmocka_unit_test(by_frame_pointer),
#ifdef __x86_64__
		cmocka_unit_test(realigned),
#endif
		cmocka_unit_test(outermost),
		cmocka_unit_test(what_does_not_fit),
		cmocka_unit_test(ranges),
		cmocka_unit_test(crowded),
		cmocka_unit_test(modules_that_go),
	};

	return cmocka_run_group_tests_name("row", tests, NULL, NULL);
}

#else

int main(void)
{
	return 77; /* no unwinder of our own here */
}

#endif
