/*
 * target_walk.c: the input is registers, a stack and a module's unwind tables; the whole walk runs over them. The tables
 * are fenced to the byte, the stack by pages, part of it as a main thread's stack is before it has grown. The walk's own
 * answers are checked against each other, and a walk that may share the last one's frames against one that may not: over
 * the same stack, and over one of which a word has changed.
 */
#include "input.h"
#include "walk.h"

#include "core/sig/cfi.h"
#include "core/sig/unwind.h"

#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

struct assay_process assay_process;

/* Stands for core/sig/module.c. */
static struct assay_module modules[2];
static uint32_t generation;

int assay_module_find(uintptr_t address)
{
	for (int i = 0; i < 2; i++)
		if (address >= modules[i].start && address < modules[i].end)
			return i;
	return -1;
}

const struct assay_module *assay_module_at(int index)
{
	return &modules[index];
}

uint32_t assay_module_generation(void)
{
	return generation;
}

static void map(uintptr_t at, size_t size)
{
	if (mmap((void *)at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) !=
	    (void *)at) {
		perror("mmap");
		abort();
	}
}

static void set_up(void)
{
	map(WALK_STACK, WALK_STACK_SIZE);
	mprotect((void *)(uintptr_t)WALK_STACK, WALK_GROWN - WALK_STACK, PROT_NONE);
	map(WALK_TABLE, WALK_TABLE_SIZE);
	modules[0] = (struct assay_module){ .ref = 16, .start = WALK_CODE, .end = WALK_CODE + WALK_CODE_SIZE,
		.bias = WALK_CODE, .header = WALK_TABLE, .table_low = WALK_TABLE };
	modules[1] = (struct assay_module){ .ref = 32, .start = WALK_BARE, .end = WALK_BARE + WALK_CODE_SIZE,
		.bias = WALK_BARE };
	assay_process.pid = getpid();
}

static void set_registers(ucontext_t *context, struct input *in)
{
	static const uint8_t order[WALK_REGISTERS] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP,
		REG_RSP, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP };
	uintptr_t sp;

	for (unsigned i = 0; i < WALK_REGISTERS; i++)
		context->uc_mcontext.gregs[order[i]] = (greg_t)input_take(in, 8);
	/* a thread that runs has grown its stack down to its stack pointer, and the red zone has room */
	sp = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
	if (sp >= WALK_STACK && sp < WALK_GROWN + 128)
		context->uc_mcontext.gregs[REG_RSP] = WALK_GROWN + 128;
}

static void fill_stack(struct input *in, size_t size, uintptr_t sp)
{
	uintptr_t at = sp >= WALK_GROWN && sp < WALK_STACK + WALK_STACK_SIZE ? sp : WALK_GROWN;

	memset((void *)(uintptr_t)WALK_GROWN, 0, WALK_STACK + WALK_STACK_SIZE - WALK_GROWN);
	size = size < in->left ? size : in->left;
	if (size > WALK_STACK + WALK_STACK_SIZE - at)
		size = WALK_STACK + WALK_STACK_SIZE - at;
	if (size)
		memcpy((void *)at, in->at, size);
	in->at += size;
	in->left -= size;
}

static size_t fill_table(const struct input *in)
{
	size_t size = in->left < WALK_TABLE_SIZE ? in->left : WALK_TABLE_SIZE;

	ASAN_UNPOISON_MEMORY_REGION((void *)(uintptr_t)WALK_TABLE, WALK_TABLE_SIZE);
	if (size)
		memcpy((void *)(uintptr_t)WALK_TABLE, in->at, size);
	ASAN_POISON_MEMORY_REGION((void *)(WALK_TABLE + size), WALK_TABLE_SIZE - size);
	return size;
}

static int by_start(const void *a, const void *b)
{
	int32_t x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x < y ? -1 : x > y;
}

/*
 * Linkers sort the header's entries. In a table that is not sorted it is chance which one is found, and so two walks may
 * differ: one after which the cache has other rows.
 */
static void sort_table(size_t size)
{
	uint8_t *table = (void *)(uintptr_t)WALK_TABLE;
	uint32_t count;

	/* version, encodings, .eh_frame's place (4 bytes), how many there are (4 bytes) */
	if (size < 12 || table[2] != 0x03)
		return;
	memcpy(&count, table + 8, sizeof count);
	if (count <= (size - 12) / 8)
		qsort(table + 12, count, 8, by_start);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	return input_mutate(data, size, max, seed, 64);
}

struct answer {
	enum assay_spool_walk end;
	uint32_t count;
	struct assay_frame_ref frames[ASSAY_FRAMES_MAX];
};

static void walk(struct assay_thread *thread, ucontext_t *context, struct answer *answer)
{
	answer->end = ASSAY_WALKS;
	answer->count = assay_unwind_whole(thread, assay_unwind_own(thread, context, &answer->end));
	if (answer->count < 1 || answer->count > ASSAY_FRAMES_MAX || answer->end >= ASSAY_WALKS)
		__builtin_trap();
	memcpy(answer->frames, thread->frames, answer->count * sizeof answer->frames[0]);
	for (uint32_t i = 0; i < answer->count; i++)
		if (answer->frames[i].module >= ASSAY_PLACES && answer->frames[i].address >= WALK_CODE_SIZE)
			__builtin_trap();
}

static void same(const struct answer *a, const struct answer *b)
{
	if (a->end != b->end || a->count != b->count)
		__builtin_trap();
	for (uint32_t i = 0; i < a->count; i++)
		if (a->frames[i].module != b->frames[i].module || a->frames[i].address != b->frames[i].address)
			__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct assay_thread thread;
	static ucontext_t context;
	static struct answer answers[4];
	struct input in = { data, size };
	uint64_t first = input_take(&in, 4);
	size_t stack_size = first % WALK_STACK_SIZE, table_size;
	bool sorted = !(first & 1u << 31);
	size_t words = (WALK_STACK + WALK_STACK_SIZE - WALK_GROWN) / sizeof(uint64_t);
	uint64_t *stack = (void *)(uintptr_t)WALK_GROWN, sp;

	if (!assay_process.pid)
		set_up();
	set_registers(&context, &in);
	sp = (uint64_t)context.uc_mcontext.gregs[REG_RSP];
	fill_stack(&in, stack_size, sp);
	table_size = fill_table(&in);
	if (sorted)
		sort_table(table_size);
	modules[0].table_high = WALK_TABLE + table_size;
	generation++; /* no row is left from the input before */
	thread.stack_low = WALK_STACK;
	thread.stack_high = WALK_STACK + WALK_STACK_SIZE;
	walk(&thread, &context, &answers[0]);
	assay_unwind_keep(&thread);
	walk(&thread, &context, &answers[1]);
	if (sorted)
		same(&answers[0], &answers[1]);
	assay_unwind_keep(&thread);
	/* a word near the stack pointer; which one, the mutator chooses by the input's size */
	if (sp >= WALK_GROWN && sp - WALK_GROWN < (words - 16) * sizeof *stack)
		stack[(sp - WALK_GROWN) / sizeof *stack + size % 16] ^= 1 + size % 64;
	walk(&thread, &context, &answers[2]);
	thread.steps_count = 0;
	walk(&thread, &context, &answers[3]);
	if (sorted)
		same(&answers[2], &answers[3]);
	return 0;
}
