/*
 * sharing: counts how often each of the four letters A, C, G and T is in a long row of them, again and again. Each
 * thread does its part of the passes, with four counters of its own: so the threads share nothing, or so it seems.
 *
 * Four counters are 32 bytes, and memory goes to a core in lines of 64. In the slow form the counters of two threads
 * are in one line, and each time that one thread counts, the line is taken from the other's core: false sharing. In the
 * improved form every thread's counters have a line of their own.
 */
#include "../sample.h"

#include <omp.h>

enum { LETTERS = 4, ROW = 1 << 16, PASSES = 12000, THREADS_MAX = 1024 };

struct packed {
	uint64_t of[LETTERS];
};

struct padded {
	_Alignas(64) uint64_t of[LETTERS];
};

static uint8_t row[ROW];
static _Alignas(64) struct packed packed[THREADS_MAX];
static struct padded padded[THREADS_MAX];
static struct truth worked[THREADS_MAX], counted;

FUNCTION void count_packed(int passes)
{
#pragma omp parallel
	{
		int me = omp_get_thread_num();
		uint64_t begin = truth_now();

#pragma omp for schedule(static) nowait
		for (int pass = 0; pass < passes; pass++) {
			for (int i = 0; i < ROW; i++)
				packed[me].of[row[i]]++;
		}
		truth_add(&worked[me], begin);
	}
}

FUNCTION void count_padded(int passes)
{
#pragma omp parallel
	{
		int me = omp_get_thread_num();
		uint64_t begin = truth_now();

#pragma omp for schedule(static) nowait
		for (int pass = 0; pass < passes; pass++) {
			for (int i = 0; i < ROW; i++)
				padded[me].of[row[i]]++;
		}
		truth_add(&worked[me], begin);
	}
}

int main(int argc, char **argv)
{
	struct sample s = sample_arguments(argc, argv, "sharing");
	int passes = sample_times(&s, PASSES), threads = omp_get_max_threads();
	uint64_t sums[LETTERS] = { 0 }, all = 0, begin, x = 1;

	threads = threads < THREADS_MAX ? threads : THREADS_MAX;
	omp_set_num_threads(threads);
	for (int i = 0; i < ROW; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		row[i] = (uint8_t)(x >> 62);
	}
	begin = truth_now();
	if (s.improved)
		count_padded(passes);
	else
		count_packed(passes);
	truth_add(&counted, begin);
	for (int l = 0; l < LETTERS; l++) {
		for (int t = 0; t < threads; t++)
			sums[l] += packed[t].of[l] + padded[t].of[l];
		printf("%c: %llu\n", "ACGT"[l], (unsigned long long)sums[l]);
		all += sums[l];
	}
	for (int t = 0; t < threads; t++) {
		char name[24];

		snprintf(name, sizeof(name), "thread-%d", t);
		truth_say(&s, name, "worked", &worked[t]);
	}
	truth_say(&s, "team", "counted", &counted);
	return sample_status("sharing", all == (uint64_t)passes * ROW);
}
