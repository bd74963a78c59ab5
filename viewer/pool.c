/* pool.c: blocks handed out front to back. */
#include "pool.h"

#include "cmd.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 64 * 1024 };

struct block {
	struct block *next;
	size_t used, size;
	max_align_t bytes[];
};

struct assay_pool {
	struct block *blocks; /* the one in use is first */
};

static void out_of_memory(void)
{
	assay_error("out of memory");
	exit(ASSAY_EXIT_FAILURE);
}

assay_pool *assay_pool_open(void)
{
	assay_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		out_of_memory();
	return pool;
}

void assay_pool_close(assay_pool *pool)
{
	if (!pool)
		return;
	for (struct block *block = pool->blocks, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	free(pool);
}

void *assay_pool_alloc(assay_pool *pool, size_t count, size_t size)
{
	struct block *block = pool->blocks;
	size_t bytes, room;
	void *start;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
		out_of_memory();
	bytes = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if (!block || block->size - block->used < bytes) {
		room = bytes > BLOCK_SIZE ? bytes : BLOCK_SIZE;
		block = calloc(1, sizeof(*block) + room);
		if (!block)
			out_of_memory();
		block->size = room;
		block->next = pool->blocks;
		pool->blocks = block;
	}
	start = (char *)block->bytes + block->used;
	block->used += bytes;
	return start;
}

char *assay_pool_copy(assay_pool *pool, const char *text)
{
	size_t size;
	char *copy;

	if (!text)
		return NULL;
	size = strlen(text) + 1;
	copy = assay_pool_alloc(pool, 1, size);
	memcpy(copy, text, size);
	return copy;
}

char *assay_pool_print(assay_pool *pool, const char *format, ...)
{
	va_list args, again;
	char *text;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		out_of_memory();
	text = assay_pool_alloc(pool, 1, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}
