/*
 * matmul: one matrix product, C = A B, three ways: same answer, very different time.
 *
 * naive (i j k) walks down a column of B in its inner loop, a new cache line each step; interchanged (i k j)
 * walks along rows only; blocked does the same in blocks that stay in the cache. The entries are small whole
 * numbers, so the sums are exact in any order and the three answers must be equal to the last bit.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 64
#define N_MAX 8192

#define VARIANT __attribute__((noinline))

static VARIANT void matmul_naive(int n, const double *a, const double *b, double *c)
{
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < n; j++) {
			double sum = 0;

			for (int k = 0; k < n; k++)
				sum += a[(size_t)i * n + k] * b[(size_t)k * n + j];
			c[(size_t)i * n + j] = sum;
		}
	}
}

static VARIANT void matmul_interchanged(int n, const double *a, const double *b, double *c)
{
	memset(c, 0, sizeof(*c) * (size_t)n * (size_t)n);
	for (int i = 0; i < n; i++) {
		for (int k = 0; k < n; k++) {
			double factor = a[(size_t)i * n + k];

			for (int j = 0; j < n; j++)
				c[(size_t)i * n + j] += factor * b[(size_t)k * n + j];
		}
	}
}

static inline int smaller(int x, int y)
{
	return x < y ? x : y;
}

static VARIANT void matmul_blocked(int n, const double *a, const double *b, double *c)
{
	memset(c, 0, sizeof(*c) * (size_t)n * (size_t)n);
	for (int kk = 0; kk < n; kk += BLOCK) {
		for (int jj = 0; jj < n; jj += BLOCK) {
			int k_end = smaller(kk + BLOCK, n), j_end = smaller(jj + BLOCK, n);

			for (int i = 0; i < n; i++) {
				for (int k = kk; k < k_end; k++) {
					double factor = a[(size_t)i * n + k];

					for (int j = jj; j < j_end; j++)
						c[(size_t)i * n + j] += factor * b[(size_t)k * n + j];
				}
			}
		}
	}
}

static const struct variant {
	const char *name;
	void (*multiply)(int n, const double *a, const double *b, double *c);
} variants[] = {
	{ "naive", matmul_naive },
	{ "interchanged", matmul_interchanged },
	{ "blocked", matmul_blocked },
};

#define VARIANTS (sizeof(variants) / sizeof(variants[0]))

static void fill(int n, double *matrix, uint32_t seed)
{
	for (size_t i = 0; i < (size_t)n * (size_t)n; i++) {
		seed = seed * 1664525 + 1013904223;
		matrix[i] = (double)((int)(seed >> 28) - 8);
	}
}

/*
 * Freivalds' check of C = A B in n * n steps: (A (B x)) must equal C x for a vector x. All values are whole
 * numbers that a double holds exactly, so equal means equal. Returns 1 when it holds, 0 when not, -1 without memory.
 */
static int product_holds(int n, const double *a, const double *b, const double *c)
{
	double *x = calloc((size_t)n * 2, sizeof(*x)), *bx = x + n;
	int holds = 1;

	if (!x)
		return -1;
	for (int i = 0; i < n; i++)
		x[i] = (double)(i * 7 % 13 - 6);
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < n; j++)
			bx[i] += b[(size_t)i * n + j] * x[j];
	}
	for (int i = 0; i < n; i++) {
		double abx = 0, cx = 0;

		for (int j = 0; j < n; j++) {
			abx += a[(size_t)i * n + j] * bx[j];
			cx += c[(size_t)i * n + j] * x[j];
		}
		if (abx != cx)
			holds = 0;
	}
	free(x);
	return holds;
}

static double checksum(int n, const double *matrix)
{
	double sum = 0;

	for (size_t i = 0; i < (size_t)n * (size_t)n; i++)
		sum += matrix[i] * (double)(i % 101);
	return sum;
}

/* Runs the chosen variants (NULL = all) and checks each one's answer. Returns the exit status. */
static int run(int n, const char *chosen)
{
	size_t size = sizeof(double) * (size_t)n * (size_t)n;
	double *a = malloc(size), *b = malloc(size), *c = malloc(size), *first = malloc(size);
	int have_first = 0, status = 1;

	if (!a || !b || !c || !first) {
		fprintf(stderr, "matmul: out of memory\n");
		goto out;
	}
	fill(n, a, 1);
	fill(n, b, 2);
	for (size_t i = 0; i < VARIANTS; i++) {
		if (chosen && strcmp(chosen, variants[i].name) != 0)
			continue;
		variants[i].multiply(n, a, b, c);
		printf("%-12s  n = %d, checksum %.0f\n", variants[i].name, n, checksum(n, c));
		if (product_holds(n, a, b, c) != 1 || (have_first && memcmp(first, c, size) != 0)) {
			fprintf(stderr, "matmul: %s computes another product\n", variants[i].name);
			goto out;
		}
		memcpy(first, c, size);
		have_first = 1;
	}
	status = fflush(stdout) || ferror(stdout) ? 1 : 0;
out:
	free(a);
	free(b);
	free(c);
	free(first);
	return status;
}

static int usage(int status)
{
	fprintf(status ? stderr : stdout,
	        "Usage: matmul [N] [naive|interchanged|blocked|all]\n"
	        "  N  rows and columns of the matrices, 1 to %d (default 512)\n",
	        N_MAX);
	return status;
}

int main(int argc, char **argv)
{
	const char *chosen = NULL;
	long n = 512;
	int next = 1;

	if (next < argc && (strcmp(argv[next], "--help") == 0 || strcmp(argv[next], "-h") == 0))
		return usage(0);
	if (next < argc && argv[next][0] >= '0' && argv[next][0] <= '9') {
		char *end;

		n = strtol(argv[next++], &end, 10);
		if (*end || n < 1 || n > N_MAX)
			return usage(2);
	}
	if (next < argc)
		chosen = argv[next++];
	if (next < argc)
		return usage(2);
	if (chosen && strcmp(chosen, "all") == 0)
		chosen = NULL;
	for (size_t i = 0; chosen; i++) {
		if (i == VARIANTS)
			return usage(2);
		if (strcmp(chosen, variants[i].name) == 0)
			break;
	}
	return run((int)n, chosen);
}
