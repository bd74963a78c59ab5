/*
 * phases: three functions with planted shares of the CPU time, 60, 30 and 10 percent.
 *
 * The shares are exact by construction: every slice runs the same kernel on data of the same size, and of
 * every ten slices six are phase_sixty's, three phase_thirty's and one phase_ten's, in an order shuffled anew
 * each time. A slice takes well under a millisecond, so a change of the machine's speed meets all three alike.
 *
 * The output depends on the options alone, never on time, so that a bare run and a profiled run can be compared.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Steps of the kernel in one slice: about 0.2 ms at 3 GHz. */
#define SLICE_STEPS 100000
#define SLICES_PER_UNIT 4000
#define THREADS_MAX 1024

struct worker {
	pthread_t thread;
	uint64_t seed;
	long rounds;   /* of ten slices */
	uint64_t sum;  /* the result */
};

/* The kernel's step (xorshift): each depends on the last and none touches memory, so that a slice's cost never varies. */
#define STEP(x) ((x) ^= (x) << 13, (x) ^= (x) >> 7, (x) ^= (x) << 17)

/*
 * The three phases do the same. They are kept apart by noinline and by their constants (equal functions would be merged
 * into one), and aligned alike so that none is faster.
 */
#define PHASE __attribute__((noinline, aligned(64)))

static PHASE uint64_t phase_sixty(uint64_t x)
{
	for (int i = 0; i < SLICE_STEPS; i++)
		STEP(x);
	return x ^ 60;
}

static PHASE uint64_t phase_thirty(uint64_t x)
{
	for (int i = 0; i < SLICE_STEPS; i++)
		STEP(x);
	return x ^ 30;
}

static PHASE uint64_t phase_ten(uint64_t x)
{
	for (int i = 0; i < SLICE_STEPS; i++)
		STEP(x);
	return x ^ 10;
}

/* A small generator (splitmix64) for the order of the slices. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	uint64_t random = worker->seed, x = worker->seed | 1;

	for (long round = 0; round < worker->rounds; round++) {
		char order[] = "6666663331";

		for (int i = 9; i > 0; i--) {
			int j = (int)(next_random(&random) % (uint64_t)(i + 1));
			char swap = order[i];

			order[i] = order[j];
			order[j] = swap;
		}
		for (int i = 0; i < 10; i++) {
			if (order[i] == '6')
				x = phase_sixty(x);
			else if (order[i] == '3')
				x = phase_thirty(x);
			else
				x = phase_ten(x);
		}
	}
	worker->sum = x;
	return NULL;
}

static int run(int threads, long rounds)
{
	struct worker *workers = calloc((size_t)threads, sizeof(*workers));
	uint64_t sum = 0;

	if (!workers) {
		fprintf(stderr, "phases: out of memory\n");
		return 1;
	}
	for (int i = 0; i < threads; i++) {
		workers[i].seed = (uint64_t)i + 1;
		workers[i].rounds = rounds;
	}
	/* The first worker is the main thread itself. */
	for (int i = 1; i < threads; i++) {
		int error = pthread_create(&workers[i].thread, NULL, work, &workers[i]);

		if (error) {
			fprintf(stderr, "phases: cannot start a thread: %s\n", strerror(error));
			exit(1);
		}
	}
	work(&workers[0]);
	for (int i = 1; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	for (int i = 0; i < threads; i++)
		sum ^= workers[i].sum;
	printf("threads %d, slices %ld each, checksum %016llx\n", threads, rounds * 10, (unsigned long long)sum);
	free(workers);
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}

static int usage(int status)
{
	fprintf(status ? stderr : stdout,
	        "Usage: phases [-t THREADS] [-s AMOUNT]\n"
	        "  -t THREADS  how many threads work, 1 to %d (default 1)\n"
	        "  -s AMOUNT   work for each thread, about a second of CPU time per unit (default 2)\n",
	        THREADS_MAX);
	return status;
}

int main(int argc, char **argv)
{
	double amount = 2;
	long threads = 1;
	char *end;
	int option;

	while ((option = getopt(argc, argv, "s:t:h")) != -1) {
		end = "";
		if (option == 's')
			amount = strtod(optarg, &end);
		else if (option == 't')
			threads = strtol(optarg, &end, 10);
		else
			return usage(option == 'h' ? 0 : 2);
		if (*end || end == optarg)
			return usage(2);
	}
	if (optind < argc || threads < 1 || threads > THREADS_MAX || !(amount > 0 && amount <= 1e6))
		return usage(2);

	long rounds = (long)(amount * SLICES_PER_UNIT / 10);

	return run((int)threads, rounds > 0 ? rounds : 1);
}
