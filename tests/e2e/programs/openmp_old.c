/*
 * Calls libgomp as gcc before 4.9 did: the team is started, the caller does its part itself, and ends it. Nested too. Built
 * without -fopenmp, so what is declared here is all that is known of the runtime.
 */
#include <stdio.h>

void GOMP_parallel_start(void (*fn)(void *), void *data, unsigned threads);
void GOMP_parallel_loop_dynamic_start(void (*fn)(void *), void *data, unsigned threads, long start, long end, long incr,
	long chunk);
void GOMP_parallel_end(void);
_Bool GOMP_loop_dynamic_next(long *start, long *end);
void GOMP_loop_end_nowait(void);
void GOMP_barrier(void);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
void omp_set_nested(int);

struct shared {
	long sum;
	volatile double spun;
};

static void spin(struct shared *s, long n)
{
	double x = 0;

	for (volatile long i = 0; i < n; i++)
		x += (double)i * 0.5;
	s->spun = x;
}

__attribute__((noinline)) static void inner(void *p)
{
	struct shared *s = p;

	__atomic_add_fetch(&s->sum, 1, __ATOMIC_RELAXED);
	GOMP_barrier();
}

__attribute__((noinline)) static void region(void *p)
{
	struct shared *s = p;

	spin(s, 1000000L * (1 + omp_get_thread_num()));
	__atomic_add_fetch(&s->sum, omp_get_thread_num() + 10L * omp_get_num_threads(), __ATOMIC_RELAXED);
	GOMP_barrier();
	GOMP_parallel_start(inner, p, 2);
	inner(p);
	GOMP_parallel_end();
}

__attribute__((noinline)) static void loop(void *p)
{
	struct shared *s = p;
	long from, to;

	while (GOMP_loop_dynamic_next(&from, &to))
		for (long i = from; i < to; i++)
			__atomic_add_fetch(&s->sum, i, __ATOMIC_RELAXED);
	GOMP_loop_end_nowait();
}

int main(void)
{
	struct shared s = { 0, 0 };

	omp_set_nested(1);
	for (int i = 0; i < 5; i++) {
		GOMP_parallel_start(region, &s, 2);
		region(&s);
		GOMP_parallel_end();
		GOMP_parallel_loop_dynamic_start(loop, &s, 2, 0, 100, 1, 3);
		loop(&s);
		GOMP_parallel_end();
	}
	printf("%ld\n", s.sum);
	return 0;
}
