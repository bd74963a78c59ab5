/*
 * sample.h: what the samples in waits/ and openmp/ share: their arguments, a unit of work, and a clock of their own.
 *
 * What a sample prints on standard output, its answer, depends on its arguments alone, never on time, and is the same
 * for its slow and its improved form. What it measured of itself goes to standard error, with --truth: a line each of
 * thread, what, nanoseconds, how often. So a profiler can be held to it on a machine that is never quite the same.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FUNCTION __attribute__((noinline, unused)) static

struct sample {
	bool improved;
	bool truth;
	double amount;
};

static inline int sample_usage(const char *name, int status)
{
	fprintf(status ? stderr : stdout,
	        "Usage: %s [slow|improved] [-s AMOUNT] [--truth]\n"
	        "  slow, improved  which form to run (slow); both find the same answer\n"
	        "  -s AMOUNT       how much to do, in usual runs (1)\n"
	        "  --truth         say on standard error what it measured of itself:\n"
	        "                  thread, what, nanoseconds, how often\n",
	        name);
	return status;
}

/* Does not return where the arguments are not those of a sample, or ask for help. */
static inline struct sample sample_arguments(int argc, char **argv, const char *name)
{
	struct sample s = { .amount = 1 };

	for (int i = 1; i < argc; i++) {
		char *end = NULL;

		if (strcmp(argv[i], "improved") == 0 || strcmp(argv[i], "slow") == 0) {
			s.improved = argv[i][0] == 'i';
		} else if (strcmp(argv[i], "--truth") == 0) {
			s.truth = true;
		} else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc) {
			s.amount = strtod(argv[++i], &end);
			if (*end || end == argv[i] || !(s.amount > 0 && s.amount <= 1e4))
				exit(sample_usage(name, 2));
		} else {
			bool help = strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;

			exit(sample_usage(name, help ? 0 : 2));
		}
	}
	return s;
}

/* `n` in a usual run, as many more or fewer as were asked for, but at least one. */
static inline int sample_times(const struct sample *s, int n)
{
	double times = n * s->amount;

	return times < 1 ? 1 : (int)times;
}

/*
 * So many units of work, of about 0.1 ms each. Every step of it (xorshift) needs the last one's result, and none
 * touches memory: a unit costs the same wherever and whenever it is done. The result looks like chance, but depends on
 * x alone.
 */
__attribute__((noinline, aligned(64), unused)) static uint64_t work(uint64_t x, int units)
{
	x |= 1;
	for (int i = 0; i < units * 50000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x;
}

/* What a thread has measured of one thing that it does or waits for. Cache lines of their own: each is one thread's. */
struct truth {
	_Alignas(64) uint64_t ns;
	uint64_t times;
};

static inline uint64_t truth_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* What began at `begin` has just ended. Returns how long it took. */
static inline uint64_t truth_add(struct truth *truth, uint64_t begin)
{
	uint64_t took = truth_now() - begin;

	truth->ns += took;
	truth->times++;
	return took;
}

static inline void truth_say(const struct sample *s, const char *thread, const char *what, const struct truth *truth)
{
	if (s->truth)
		fprintf(stderr, "%s %s %llu %llu\n", thread, what, (unsigned long long)truth->ns,
		        (unsigned long long)truth->times);
}

/* The exit status: 0 if the answer is right and was printed. */
static inline int sample_status(const char *name, bool right)
{
	if (!right)
		fprintf(stderr, "%s: the answer is wrong\n", name);
	return !right || fflush(stdout) || ferror(stdout);
}

#endif
