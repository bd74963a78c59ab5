/* A library with OpenMP inside, to be opened at run time: NAME is what its function is called. With INIT it has a region in
 * a constructor, so while the loader works. */
#include <omp.h>

long NAME(long n);
long NAME(long n)
{
	static omp_lock_t lock;
	static int ready;
	long s = 0, m = 0, done = 0;

#pragma omp critical(ready)
	if (!ready) {
		omp_init_lock(&lock);
		ready = 1;
	}
	for (int i = 0; i < 20; i++) {
#pragma omp parallel num_threads(2) reduction(+ : s)
		{
#pragma omp for schedule(dynamic)
			for (long k = 0; k < n; k++)
				s += k;
			omp_set_lock(&lock);
			m++;
			omp_unset_lock(&lock);
#pragma omp single
			for (int t = 0; t < 3; t++) {
#pragma omp task
#pragma omp atomic
				done++;
			}
		}
	}
	return s * 1000 + m * 10 + done;
}

#ifdef INIT
long initial;

__attribute__((constructor)) static void init(void)
{
#pragma omp parallel num_threads(2) reduction(+ : initial)
	{
#pragma omp barrier
#pragma omp critical(init)
		initial++;
#pragma omp single
		initial += 10;
	}
}
#endif
