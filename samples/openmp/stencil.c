/*
 * stencil: a triangle of cells. In each sweep every cell gets a new value from its own last one and its neighbours'.
 *
 * Row i has i cells, so what a row costs grows with i. schedule(static), the slow form, gives each thread as many rows
 * as any other: the thread with the last rows has the most to do, and the rest wait for it at the end of each sweep.
 * schedule(dynamic), the improved form, gives a thread the next rows when it has done its last ones.
 */
#include "../sample.h"

#include <omp.h>

enum { ROWS = 480, SWEEPS = 200, STEPS = 24, CHUNK = 4, THREADS_MAX = 1024 };

typedef double triangle[ROWS + 2][ROWS + 2]; /* with a border all around */

static triangle triangles[2];
static struct truth worked[THREADS_MAX]; /* in the sweeps, */
static struct truth waited[THREADS_MAX]; /* and from then on to the sweep's end */
static struct truth swept;               /* from one end of a sweep to the other */
static struct truth mean, longest;       /* of what the threads worked in each sweep */
static struct {
	_Alignas(64) uint64_t at;
} done[THREADS_MAX]; /* when the thread had done its part of the last sweep */

/* The square root of the mean of five squares, in steps that cost the same whatever the numbers are. */
static double settle(double a, double b, double c, double d, double e)
{
	double square = (a * a + b * b + c * c + d * d + e * e) / 5, x = a;

	for (int i = 0; i < STEPS; i++)
		x += (square - x * x) / 4;
	return x;
}

FUNCTION void new_row(int i, triangle from, triangle to)
{
	for (int j = 1; j <= i; j++)
		to[i][j] = settle(from[i][j], from[i - 1][j], from[i + 1][j], from[i][j - 1], from[i][j + 1]);
}

static void add_worked(int thread, uint64_t begin)
{
	done[thread].at = begin + truth_add(&worked[thread], begin);
}

FUNCTION void sweep_static(triangle from, triangle to)
{
#pragma omp parallel
	{
		uint64_t begin = truth_now();

#pragma omp for schedule(static) nowait
		for (int i = 1; i <= ROWS; i++)
			new_row(i, from, to);
		add_worked(omp_get_thread_num(), begin);
	}
}

FUNCTION void sweep_dynamic(triangle from, triangle to)
{
#pragma omp parallel
	{
		uint64_t begin = truth_now();

#pragma omp for schedule(dynamic, CHUNK) nowait
		for (int i = 1; i <= ROWS; i++)
			new_row(i, from, to);
		add_worked(omp_get_thread_num(), begin);
	}
}

/* A sweep has just ended: what each thread worked in it, the mean and the longest of them, and how long each waited. */
static void add_to_truth(uint64_t begin, int threads)
{
	static uint64_t before[THREADS_MAX];
	uint64_t end = begin + truth_add(&swept, begin), sum = 0, most = 0;

	for (int t = 0; t < threads; t++) {
		uint64_t ns = worked[t].ns - before[t];

		waited[t].ns += end - done[t].at;
		waited[t].times++;
		before[t] = worked[t].ns;
		sum += ns;
		most = ns > most ? ns : most;
	}
	mean.ns += sum / (uint64_t)threads;
	mean.times++;
	longest.ns += most;
	longest.times++;
}

static void fill(triangle t)
{
	for (int i = 0; i <= ROWS + 1; i++) {
		for (int j = 0; j <= ROWS + 1; j++)
			t[i][j] = 0.5 + (i * 37 + j * 91) % 100 / 100.0;
	}
}

int main(int argc, char **argv)
{
	struct sample s = sample_arguments(argc, argv, "stencil");
	int sweeps = sample_times(&s, SWEEPS), threads = omp_get_max_threads();
	double sum = 0, least = 1e9, most = 0;

	threads = threads < THREADS_MAX ? threads : THREADS_MAX;
	omp_set_num_threads(threads);
	fill(triangles[0]);
	fill(triangles[1]);
	for (int n = 0; n < sweeps; n++) {
		uint64_t begin = truth_now();

		if (s.improved)
			sweep_dynamic(triangles[n % 2], triangles[(n + 1) % 2]);
		else
			sweep_static(triangles[n % 2], triangles[(n + 1) % 2]);
		add_to_truth(begin, threads);
	}
	for (int i = 1; i <= ROWS; i++) {
		for (int j = 1; j <= i; j++) {
			double x = triangles[sweeps % 2][i][j];

			sum += x;
			least = x < least ? x : least;
			most = x > most ? x : most;
		}
	}
	printf("%d sweeps: sum %.9f, from %.9f to %.9f\n", sweeps, sum, least, most);
	for (int t = 0; t < threads; t++) {
		char name[24];

		snprintf(name, sizeof(name), "thread-%d", t);
		truth_say(&s, name, "worked", &worked[t]);
		truth_say(&s, name, "waited", &waited[t]);
	}
	truth_say(&s, "team", "sweeps", &swept);
	truth_say(&s, "team", "mean", &mean);
	truth_say(&s, "team", "longest", &longest);
	return sample_status("stencil", least >= 0.49 && most <= 1.5);
}
