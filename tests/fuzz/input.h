/*
 * input.h: bytes of a fuzz input, taken from the front; past the end come zeros. And the mutation that the targets with
 * binary records share. No target depends on another.
 */
#ifndef ASSAY_TESTS_FUZZ_INPUT_H
#define ASSAY_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's side: see https://llvm.org/docs/LibFuzzer.html */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint64_t input_take(struct input *in, size_t size)
{
	uint64_t value = 0;
	size_t n = size < in->left ? size : in->left;

	if (n)
		memcpy(&value, in->at, n);
	in->at += n;
	in->left -= n;
	return value;
}

/* A template for mkostemp or mkdtemp in $FUZZ_SCRATCH, memory that fuzz.sh clears away; else in /dev/shm. */
static inline char *input_scratch(void)
{
	const char *folder = getenv("FUZZ_SCRATCH");
	char *path = NULL;

	return asprintf(&path, "%s/assay-fuzz-XXXXXX", folder ? folder : "/dev/shm") < 0 ? NULL : path;
}

static inline uint32_t input_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

/*
 * Changes fields of a file of records in place, where libFuzzer's own mutations would mostly shift everything: half the
 * time one of those, else a few fields of 1, 2, 4 or 8 bytes become a small number, a number from elsewhere in the file, a
 * neighbour of what they were, or an extreme. `small` bounds the small numbers.
 */
static inline size_t input_mutate(uint8_t *data, size_t size, size_t max, unsigned seed, uint32_t small)
{
	static const uint64_t extreme[] = { 0, UINT64_MAX, INT64_MAX, (uint64_t)INT64_MIN, INT32_MAX, UINT32_MAX, 1 };
	uint64_t state = seed;

	if (size < 16 || input_random(&state) % 2)
		return LLVMFuzzerMutate(data, size, max);
	for (unsigned n = 1 + input_random(&state) % 4; n--;) {
		size_t width = (size_t)1 << input_random(&state) % 4, fields = size / width;
		size_t to = input_random(&state) % fields * width, from = input_random(&state) % fields * width;
		uint64_t value = 0;

		memcpy(&value, data + to, width);
		switch (input_random(&state) % 4) {
		case 0: value = input_random(&state) % (small + 1); break;
		case 1: memcpy(&value, data + from, width); break;
		case 2: value += input_random(&state) % 9 - 4u; break;
		default: value = extreme[input_random(&state) % 7]; break;
		}
		memcpy(data + to, &value, width);
	}
	return size;
}

#endif
