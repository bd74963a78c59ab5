#include "cfi.h"

/* A reader over the module's table segment; running out or bad data sets `bad` and yields zeros. */
struct cursor {
	uintptr_t at, end;
	bool bad;
};

static uint64_t take(struct cursor *c, size_t size)
{
	uint64_t value = 0;

	if (c->bad || c->at > c->end || c->end - c->at < size) {
		c->bad = true;
		return 0;
	}
	memcpy(&value, (const void *)c->at, size);
	c->at += size;
	return value;
}

static int64_t take_signed(struct cursor *c, size_t size)
{
	uint64_t value = take(c, size);
	unsigned shift = 64 - 8 * (unsigned)size;

	return (int64_t)(value << shift) >> shift;
}

static uint64_t take_uleb(struct cursor *c)
{
	uint64_t value = 0;
	unsigned shift = 0;

	for (;;) {
		uint64_t byte = take(c, 1);

		if (c->bad)
			return 0;
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
		if (!(byte & 0x80))
			return value;
	}
}

static int64_t take_sleb(struct cursor *c)
{
	uint64_t value = 0, byte;
	unsigned shift = 0;

	do {
		byte = take(c, 1);
		if (c->bad)
			return 0;
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (shift < 64 && byte & 0x40)
		value |= ~(uint64_t)0 << shift;
	return (int64_t)value;
}

/* A pointer in one of the DW_EH_PE encodings. `data` is the base for datarel. */
static uint64_t take_encoded(struct cursor *c, unsigned encoding, uintptr_t data)
{
	uintptr_t here = c->at;
	uint64_t value;

	switch (encoding & 0x0f) {
	case 0x00: value = take(c, 8); break;
	case 0x01: value = take_uleb(c); break;
	case 0x02: value = take(c, 2); break;
	case 0x03: value = take(c, 4); break;
	case 0x04: value = take(c, 8); break;
	case 0x09: value = (uint64_t)take_sleb(c); break;
	case 0x0a: value = (uint64_t)take_signed(c, 2); break;
	case 0x0b: value = (uint64_t)take_signed(c, 4); break;
	case 0x0c: value = take(c, 8); break;
	default: c->bad = true; return 0;
	}
	switch (encoding & 0x70) {
	case 0x00: break;
	case 0x10: value += here; break;
	case 0x30: value += data; break;
	default: c->bad = true; return 0;
	}
	if (encoding & 0x80) /* indirect: only personality routines use it, and those are not followed */
		c->bad = true;
	return value;
}

static void skip_encoded(struct cursor *c, unsigned encoding)
{
	if (encoding != 0xff)
		take_encoded(c, encoding & 0x0f, 0);
}

/* What one FDE is for by the table: from its own entry to the next one's. */
struct entry {
	uintptr_t fde, low, high;
};

/* The entry for `address` in the sorted table of .eh_frame_hdr. False: there is none. */
static bool find_entry(const struct assay_module *m, uintptr_t address, struct entry *entry)
{
	struct cursor c = { m->header, m->table_high, false };
	unsigned version, frame_encoding, count_encoding, table_encoding;
	uint64_t count, low = 0, high;
	const int32_t *table;
	int64_t wanted = (int64_t)(address - m->header);

	version = (unsigned)take(&c, 1);
	frame_encoding = (unsigned)take(&c, 1);
	count_encoding = (unsigned)take(&c, 1);
	table_encoding = (unsigned)take(&c, 1);
	if (c.bad || version != 1 || count_encoding == 0xff || table_encoding != 0x3b)
		return false;
	take_encoded(&c, frame_encoding, m->header);
	count = take_encoded(&c, count_encoding, m->header);
	if (c.bad || !count || c.at % 4 != 0 || count > (m->table_high - c.at) / 8)
		return false;
	table = (const void *)c.at;
	if (wanted < table[0])
		return false;
	high = count;
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (table[middle * 2] <= wanted)
			low = middle;
		else
			high = middle;
	}
	entry->fde = (uintptr_t)((int64_t)m->header + table[low * 2 + 1]);
	entry->low = (uintptr_t)((int64_t)m->header + table[low * 2]);
	entry->high = high < count ? (uintptr_t)((int64_t)m->header + table[high * 2]) : UINTPTR_MAX;
	return true;
}

struct fde {
	uintptr_t start, end;             /* the code that it covers */
	struct cursor initial, program;   /* the CIE's instructions and its own */
	uint64_t code_align;
	int64_t data_align;
	bool signal;
};

/* Header of a CIE or FDE: a cursor over its contents. */
static struct cursor entry_at(const struct assay_module *m, uintptr_t at)
{
	struct cursor c = { at, m->table_high, at < m->table_low || at >= m->table_high };
	uint64_t length = take(&c, 4);

	if (length == 0xffffffff)
		length = take(&c, 8);
	if (!length || length > c.end - c.at)
		c.bad = true;
	else
		c.end = c.at + length;
	return c;
}

/* The CIE at `at`. Its pointer encoding, or -1: not understood. */
static int read_cie(const struct assay_module *m, uintptr_t at, struct fde *fde, bool *sized)
{
	struct cursor c = entry_at(m, at);
	char augmentation[8];
	unsigned version, encoding = 0, n = 0;
	uint64_t return_register, size;

	if (take(&c, 4) != 0)
		return -1;
	version = (unsigned)take(&c, 1);
	do {
		augmentation[n] = (char)take(&c, 1);
	} while (augmentation[n] && ++n < sizeof augmentation);
	if (c.bad || n == sizeof augmentation || (version != 1 && version != 3))
		return -1;
	fde->code_align = take_uleb(&c);
	fde->data_align = take_sleb(&c);
	return_register = version == 1 ? take(&c, 1) : take_uleb(&c);
	if (return_register != ASSAY_CFI_RA)
		return -1;
	*sized = augmentation[0] == 'z';
	if (augmentation[0] && !*sized)
		return -1;
	size = *sized ? take_uleb(&c) : 0;
	if (c.bad || size > c.end - c.at)
		return -1;
	fde->initial = (struct cursor){ c.at + size, c.end, false };
	for (unsigned i = 1; i < n; i++) {
		switch (augmentation[i]) {
		case 'R': encoding = (unsigned)take(&c, 1); break;
		case 'P': skip_encoded(&c, (unsigned)take(&c, 1)); break;
		case 'L': take(&c, 1); break;
		case 'S': fde->signal = true; break;
		case 'B': break; /* aarch64: return addresses are signed with the other key */
		default: return -1;
		}
	}
	return c.bad ? -1 : (int)encoding;
}

static int read_fde(const struct assay_module *m, uintptr_t at, struct fde *fde)
{
	struct cursor c = entry_at(m, at);
	uintptr_t here = c.at;
	uint64_t back = take(&c, 4), size;
	bool sized = false;
	int encoding;

	if (c.bad || !back)
		return -EINVAL;
	encoding = read_cie(m, here - back, fde, &sized);
	if (encoding < 0)
		return -EINVAL;
	fde->start = take_encoded(&c, (unsigned)encoding, 0);
	fde->end = fde->start + take_encoded(&c, (unsigned)encoding & 0x0f, 0);
	size = sized ? take_uleb(&c) : 0;
	if (c.bad || size > c.end - c.at)
		return -EINVAL;
	c.at += size;
	fde->program = c;
	return 0;
}

static void set_rule(struct assay_cfi_row *row, uint64_t number, uint64_t kind, int64_t value)
{
	/* vector and other registers do not matter to a walk */
	if (number < ASSAY_CFI_REGISTERS)
		row->rules[number] = (struct assay_cfi_rule){ value, kind };
}

static void set_block(struct assay_cfi_row *row, uint64_t number, uint64_t kind, struct cursor *c)
{
	uintptr_t at = c->at;
	uint64_t length = take_uleb(c);

	if (c->bad || length > c->end - c->at) {
		c->bad = true;
		return;
	}
	c->at += length;
	if (number == UINT64_MAX)
		row->cfa = (struct assay_cfi_rule){ (int64_t)at, kind };
	else
		set_rule(row, number, kind, (int64_t)at);
}

/* A factored offset. Tables may be bad: what does not fit wraps round, and leads to a read that is refused. */
static int64_t scaled(const struct fde *fde, uint64_t factor)
{
	return (int64_t)(factor * (uint64_t)fde->data_align);
}

static void restore(struct assay_cfi_row *row, const struct assay_cfi_memory *memory, uint64_t number)
{
	if (number < ASSAY_CFI_REGISTERS)
		row->rules[number] = memory->initial.rules[number];
}

struct run {
	struct assay_cfi_row *row;
	struct assay_cfi_memory *memory;
	const struct fde *fde;
	uintptr_t location, target;
	uintptr_t low; /* the last location up to the target */
	unsigned depth;
};

static void set_cfa(struct run *r, struct cursor *c, uint64_t number, int64_t offset)
{
	if (number >= ASSAY_CFI_REGISTERS)
		c->bad = true;
	r->row->cfa_register = (uint32_t)number;
	r->row->cfa = (struct assay_cfi_rule){ offset, ASSAY_CFI_REGISTER };
}

/* The instructions with an operand in the low bits are handled by the caller; these are the rest. */
static void extended(struct run *r, struct cursor *c, unsigned op)
{
	struct assay_cfi_row *row = r->row;
	const struct fde *fde = r->fde;
	uint64_t number;

	switch (op) {
	case 0x00: break;                                                  /* nop */
	case 0x01: r->location = take(c, 8); break;                        /* set_loc */
	case 0x02: r->location += take(c, 1) * r->fde->code_align; break;  /* advance_loc1 */
	case 0x03: r->location += take(c, 2) * r->fde->code_align; break;
	case 0x04: r->location += take(c, 4) * r->fde->code_align; break;
	case 0x05: /* offset_extended */
		number = take_uleb(c);
		set_rule(row, number, ASSAY_CFI_OFFSET, scaled(fde, take_uleb(c)));
		break;
	case 0x06: restore(row, r->memory, take_uleb(c)); break;           /* restore_extended */
	case 0x07: set_rule(row, take_uleb(c), ASSAY_CFI_UNDEFINED, 0); break;
	case 0x08: set_rule(row, take_uleb(c), ASSAY_CFI_SAME, 0); break;
	case 0x09: /* register */
		number = take_uleb(c);
		set_rule(row, number, ASSAY_CFI_REGISTER, (int64_t)take_uleb(c));
		break;
	case 0x0a: /* remember_state */
		if (r->depth < ASSAY_CFI_DEPTH)
			r->memory->saved[r->depth++] = *row;
		else
			c->bad = true;
		break;
	case 0x0b: /* restore_state */
		if (r->depth > 0)
			*row = r->memory->saved[--r->depth];
		else
			c->bad = true;
		break;
	case 0x0c: /* def_cfa */
		number = take_uleb(c);
		set_cfa(r, c, number, (int64_t)take_uleb(c));
		break;
	case 0x0d: set_cfa(r, c, take_uleb(c), row->cfa.value); break;     /* def_cfa_register */
	case 0x0e: set_cfa(r, c, row->cfa_register, (int64_t)take_uleb(c)); break; /* def_cfa_offset */
	case 0x0f: set_block(row, UINT64_MAX, ASSAY_CFI_VAL_EXPRESSION, c); break; /* def_cfa_expression */
	case 0x10: set_block(row, take_uleb(c), ASSAY_CFI_EXPRESSION, c); break;
	case 0x11: /* offset_extended_sf */
		number = take_uleb(c);
		set_rule(row, number, ASSAY_CFI_OFFSET, scaled(fde, (uint64_t)take_sleb(c)));
		break;
	case 0x12: /* def_cfa_sf */
		number = take_uleb(c);
		set_cfa(r, c, number, scaled(fde, (uint64_t)take_sleb(c)));
		break;
	case 0x13: set_cfa(r, c, row->cfa_register, scaled(fde, (uint64_t)take_sleb(c))); break;
	case 0x14: /* val_offset */
		number = take_uleb(c);
		set_rule(row, number, ASSAY_CFI_VAL_OFFSET, scaled(fde, take_uleb(c)));
		break;
	case 0x15: /* val_offset_sf */
		number = take_uleb(c);
		set_rule(row, number, ASSAY_CFI_VAL_OFFSET, scaled(fde, (uint64_t)take_sleb(c)));
		break;
	case 0x16: set_block(row, take_uleb(c), ASSAY_CFI_VAL_EXPRESSION, c); break;
#ifdef __aarch64__
	case 0x2d: break; /* AARCH64_negate_ra_state: a signature is stripped whether it is there or not */
#endif
	case 0x2e: take_uleb(c); break; /* GNU_args_size: of no matter to a walk */
	case 0x2f: /* GNU_negative_offset_extended */
		number = take_uleb(c);
		set_rule(row, number, ASSAY_CFI_OFFSET, scaled(fde, -take_uleb(c)));
		break;
	default: c->bad = true;
	}
}

/* Runs instructions until the row for r->target is complete. */
static int run(struct run *r, struct cursor c)
{
	while (!c.bad && c.at < c.end && r->location <= r->target) {
		unsigned op = (unsigned)take(&c, 1), low = op & 0x3f;

		r->low = r->location;
		switch (op >> 6) {
		case 1: r->location += low * r->fde->code_align; break; /* advance_loc */
		case 2: set_rule(r->row, low, ASSAY_CFI_OFFSET, scaled(r->fde, take_uleb(&c))); break;
		case 3: restore(r->row, r->memory, low); break;
		default: extended(r, &c, op);
		}
		if (r->location < r->low) /* rows come in order of their code; else none could be told from another */
			c.bad = true;
	}
	return c.bad ? -EINVAL : 0;
}

int assay_cfi_find(const struct assay_module *m, uintptr_t address, struct assay_cfi_memory *memory,
		   struct assay_cfi_row *row)
{
	struct fde fde = { 0 };
	struct run r = { .row = row, .memory = memory, .fde = &fde, .target = UINTPTR_MAX };
	struct entry entry;
	int error;

	if (!m->header || !m->table_high)
		return -ENOENT;
	if (!find_entry(m, address, &entry))
		return -ENOENT;
	error = read_fde(m, entry.fde, &fde);
	if (error < 0)
		return error;
	if (address < fde.start || address >= fde.end)
		return -ENOENT;
	memset(row, 0, sizeof *row);
	row->signal = fde.signal;
	error = run(&r, fde.initial);
	if (error < 0)
		return error;
	memory->initial = *row;
	r.location = r.low = fde.start;
	r.target = address;
	error = run(&r, fde.program);
	row->low = r.location <= address ? r.location : r.low;
	row->high = r.location <= address || r.location > fde.end ? fde.end : r.location;
	/* a table that covers more than its entry says does not stand for the others' code */
	if (row->low < entry.low)
		row->low = entry.low;
	if (row->high > entry.high && entry.high > address)
		row->high = entry.high;
	return error;
}

struct machine {
	uint64_t stack[16];
	unsigned depth;
	bool bad;
};

static void push(struct machine *s, uint64_t value)
{
	if (s->depth < 16)
		s->stack[s->depth++] = value;
	else
		s->bad = true;
}

static uint64_t pop(struct machine *s)
{
	if (s->depth)
		return s->stack[--s->depth];
	s->bad = true;
	return 0;
}

static uint64_t pick(struct machine *s, uint64_t index)
{
	if (index < s->depth)
		return s->stack[s->depth - 1 - index];
	s->bad = true;
	return 0;
}

static void binary(struct machine *s, unsigned op)
{
	uint64_t b = pop(s), a = pop(s);
	int64_t sa = (int64_t)a, sb = (int64_t)b;

	switch (op) {
	case 0x1a: push(s, a & b); break;
	case 0x1c: push(s, a - b); break;
	case 0x1e: push(s, a * b); break;
	case 0x21: push(s, a | b); break;
	case 0x22: push(s, a + b); break;
	case 0x24: push(s, b < 64 ? a << b : 0); break;
	case 0x25: push(s, b < 64 ? a >> b : 0); break;
	case 0x26: push(s, (uint64_t)(sa >> (b < 64 ? b : 63))); break;
	case 0x27: push(s, a ^ b); break;
	case 0x29: push(s, a == b); break;
	case 0x2a: push(s, sa >= sb); break;
	case 0x2b: push(s, sa > sb); break;
	case 0x2c: push(s, sa <= sb); break;
	case 0x2d: push(s, sa < sb); break;
	case 0x2e: push(s, a != b); break;
	default: s->bad = true;
	}
}

/* Operations on constants and the stack alone. */
static void simple(struct machine *s, struct cursor *c, unsigned op)
{
	uint64_t a, b;

	switch (op) {
	case 0x08: push(s, take(c, 1)); break;
	case 0x09: push(s, (uint64_t)take_signed(c, 1)); break;
	case 0x0a: push(s, take(c, 2)); break;
	case 0x0b: push(s, (uint64_t)take_signed(c, 2)); break;
	case 0x0c: push(s, take(c, 4)); break;
	case 0x0d: push(s, (uint64_t)take_signed(c, 4)); break;
	case 0x0e:
	case 0x0f: push(s, take(c, 8)); break;
	case 0x10: push(s, take_uleb(c)); break;
	case 0x11: push(s, (uint64_t)take_sleb(c)); break;
	case 0x12: push(s, pick(s, 0)); break;
	case 0x13: pop(s); break;
	case 0x14: push(s, pick(s, 1)); break;
	case 0x15: push(s, pick(s, take(c, 1))); break;
	case 0x16: b = pop(s); a = pop(s); push(s, b); push(s, a); break;
	case 0x1f: push(s, -pop(s)); break;
	case 0x20: push(s, ~pop(s)); break;
	case 0x23: a = pop(s); push(s, a + take_uleb(c)); break;
	case 0x96: break;
	default: binary(s, op);
	}
}

int assay_cfi_evaluate(const struct assay_module *m, uintptr_t expression, const uint64_t *registers, uint32_t known,
		       const uint64_t *first, assay_cfi_read_fn *read, void *context, uint64_t *value)
{
	struct cursor c = { expression, m->table_high, expression < m->table_low };
	struct machine s = { .depth = 0 };
	uint64_t length = take_uleb(&c), number, word;
	unsigned steps = 0;
	uintptr_t start;

	if (c.bad || length > c.end - c.at)
		return -EINVAL;
	start = c.at;
	c.end = c.at + length;
	if (first)
		push(&s, *first);
	while (!c.bad && !s.bad && c.at < c.end && ++steps < 256) {
		unsigned op = (unsigned)take(&c, 1);
		int error;

		if (op >= 0x30 && op <= 0x4f) { /* lit0..31 */
			push(&s, op - 0x30);
		} else if ((op >= 0x70 && op <= 0x8f) || op == 0x92) { /* breg0..31, bregx */
			number = op == 0x92 ? take_uleb(&c) : op - 0x70;
			if (number >= ASSAY_CFI_REGISTERS)
				return -EINVAL;
			if (!(known >> number & 1))
				return -ENODATA;
			push(&s, registers[number] + (uint64_t)take_sleb(&c));
		} else if (op == 0x06 || op == 0x94) { /* deref, deref_size */
			uint64_t size = op == 0x94 ? take(&c, 1) : 8;

			if (size != 1 && size != 2 && size != 4 && size != 8)
				return -EINVAL;
			error = read(context, pop(&s), &word);
			if (error < 0)
				return error;
			push(&s, size == 8 ? word : word & ((1ull << 8 * size) - 1));
		} else if (op == 0x28 || op == 0x2f) { /* bra, skip */
			int64_t by = take_signed(&c, 2);

			if (op == 0x2f || pop(&s)) {
				c.at += (uintptr_t)by;
				if (c.at < start || c.at > c.end)
					return -EINVAL;
			}
		} else {
			simple(&s, &c, op);
		}
	}
	if (c.bad || s.bad || !s.depth || c.at < c.end)
		return -EINVAL;
	*value = s.stack[s.depth - 1];
	return 0;
}
