/*
 * A library to be opened at run time. Its threads ask for their numbers, by a function that nobody interposes: of another
 * runtime than the one that made them they would all be 0. With INIT a constructor starts a thread that does so, and waits
 * for it: the loader's lock is held meanwhile.
 */
#include <omp.h>
#include <pthread.h>
#include <stdio.h>

int numbers(void);
int numbers(void)
{
	int seen = 0, threads = 0;

#pragma omp parallel num_threads(2)
	{
#pragma omp critical
		{
			seen |= 1 << omp_get_thread_num();
			threads++;
		}
	}
	return seen * 10 + threads; /* 32 */
}

#ifdef INIT
static void *work(void *result)
{
	*(int *)result = numbers();
	return NULL;
}

__attribute__((constructor)) static void init(void)
{
	pthread_t id;
	int result = 0;

	pthread_create(&id, NULL, work, &result);
	pthread_join(id, NULL);
	printf("constructor: %d\n", result);
}
#endif
