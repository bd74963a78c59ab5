/*
 * serial: rounds of two steps. First a table of 8 numbers is made, 1 unit of work each; then 32 results are computed
 * from it, 1 unit each.
 *
 * In the slow form the table is made by one thread, while the others have nothing to do: 8 of 40 units, a fifth, are
 * serial. In the improved form all threads make it.
 */
#include "../sample.h"

#include <omp.h>

enum { TABLE = 8, RESULTS = 32, ROUNDS = 250, UNITS = 1, THREADS_MAX = 1024 };

static uint64_t table[TABLE], results[RESULTS];
static struct truth alone;               /* the table, made by one thread */
static struct truth made;                /* the table, made by all */
static struct truth computed;            /* the results */
static struct truth worked[THREADS_MAX]; /* on the results */

FUNCTION void make_serial(int round)
{
	for (int i = 0; i < TABLE; i++)
		table[i] = work((uint64_t)(round * TABLE + i), UNITS);
}

FUNCTION void make_parallel(int round)
{
#pragma omp parallel for schedule(static)
	for (int i = 0; i < TABLE; i++)
		table[i] = work((uint64_t)(round * TABLE + i), UNITS);
}

FUNCTION void compute(int round)
{
#pragma omp parallel
	{
		uint64_t begin = truth_now();

#pragma omp for schedule(static) nowait
		for (int i = 0; i < RESULTS; i++)
			results[i] += work(table[i % TABLE] + (uint64_t)(round + i), UNITS);
		truth_add(&worked[omp_get_thread_num()], begin);
	}
}

int main(int argc, char **argv)
{
	struct sample s = sample_arguments(argc, argv, "serial");
	int rounds = sample_times(&s, ROUNDS), threads = omp_get_max_threads();
	uint64_t sum = 0;

	threads = threads < THREADS_MAX ? threads : THREADS_MAX;
	omp_set_num_threads(threads);
	for (int round = 0; round < rounds; round++) {
		uint64_t begin = truth_now();

		if (s.improved) {
			make_parallel(round);
			truth_add(&made, begin);
		} else {
			make_serial(round);
			truth_add(&alone, begin);
		}
		begin = truth_now();
		compute(round);
		truth_add(&computed, begin);
	}
	for (int i = 0; i < RESULTS; i++)
		sum += results[i];
	printf("%d rounds, checksum %016llx\n", rounds, (unsigned long long)sum);
	for (int t = 0; t < threads; t++) {
		char name[24];

		snprintf(name, sizeof(name), "thread-%d", t);
		truth_say(&s, name, "worked", &worked[t]);
	}
	truth_say(&s, "main", "alone", &alone);
	truth_say(&s, "team", "made", &made);
	truth_say(&s, "team", "computed", &computed);
	return sample_status("serial", true);
}
