/*
 * target_cfi.c: the input is where the header is, which pc is asked for, registers, and a segment with unwind tables.
 * The segment is a block of memory of just its size, so a read outside it is found. What comes out is used as a walk
 * would use it: every expression is evaluated.
 */
#include "input.h"

#include "core/sig/cfi.h"

#include <errno.h>
#include <stdlib.h>

static struct assay_cfi_memory memory;

/* Words that depend on the address alone; a page in four is not there. */
static int read_memory(void *context, uintptr_t address, uint64_t *value)
{
	(void)context;
	*value = address * 0x9e3779b97f4a7c15u;
	return address >> 12 & 3 ? 0 : -EFAULT;
}

static void evaluate(const struct assay_module *m, uintptr_t expression, const uint64_t *registers, uint32_t known)
{
	uint64_t first = 0x1000, value;

	assay_cfi_evaluate(m, expression, registers, known, NULL, read_memory, NULL, &value);
	assay_cfi_evaluate(m, expression, registers, known, &first, read_memory, NULL, &value);
}

static void look_up(const struct assay_module *m, uintptr_t address, const uint64_t *registers, uint32_t known)
{
	struct assay_cfi_row row;

	memset(&row, 0xa5, sizeof row);
	if (assay_cfi_find(m, address, &memory, &row) < 0)
		return;
	if (address < row.low || address >= row.high)
		__builtin_trap(); /* walks keep the row for that range */
	if (row.cfa.kind == ASSAY_CFI_VAL_EXPRESSION)
		evaluate(m, (uintptr_t)row.cfa.value, registers, known);
	else if (row.cfa.kind == ASSAY_CFI_REGISTER && row.cfa_register >= ASSAY_CFI_REGISTERS)
		__builtin_trap(); /* walks index registers by it */
	for (int i = 0; i < ASSAY_CFI_REGISTERS; i++) {
		const struct assay_cfi_rule *rule = &row.rules[i];

		if (rule->kind > ASSAY_CFI_VAL_EXPRESSION)
			__builtin_trap();
		if (rule->kind >= ASSAY_CFI_EXPRESSION)
			evaluate(m, (uintptr_t)rule->value, registers, known);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint32_t header = (uint32_t)input_take(&in, 4), known = (uint32_t)input_take(&in, 4);
	int32_t pc = (int32_t)input_take(&in, 4);
	uint32_t expression = (uint32_t)input_take(&in, 4);
	uint64_t registers[ASSAY_CFI_REGISTERS];
	struct assay_module m = { .state = ASSAY_MODULE_LIVE };
	uint8_t *tables;

	if (!in.left)
		return 0;
	tables = malloc(in.left);
	if (!tables)
		return 0;
	memcpy(tables, in.at, in.left);
	for (unsigned i = 0; i < ASSAY_CFI_REGISTERS; i++)
		registers[i] = i == ASSAY_CFI_SP ? 0x7fff0000 : i * 0x101010101010101u;
	m.table_low = (uintptr_t)tables;
	m.table_high = m.table_low + in.left;
	m.header = m.table_low + header % in.left; /* a module's header lies in its segment */
	look_up(&m, m.header + (uintptr_t)(intptr_t)pc, registers, known);
	for (unsigned i = 0; i < 8 && 16 + 8 * i <= m.table_high - m.header; i++) {
		int32_t start; /* where the first entries of a usual table say that their code begins */

		memcpy(&start, (const void *)(m.header + 12 + 8 * i), sizeof start);
		look_up(&m, m.header + (uintptr_t)(intptr_t)start + (pc & 0xff), registers, known);
	}
	evaluate(&m, m.table_low + expression % in.left, registers, known);
	free(tables);
	return 0;
}
