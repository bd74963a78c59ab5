/* threads: four at a time that start, compute for some milliseconds, and end, by return and by pthread_exit. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) static long fib(int n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static void *compute(void *argument)
{
	long n = (long)(intptr_t)argument, sum = 0;

	for (int i = 0; i < 120; i++)
		sum += fib(15 + (int)(n % 3));
	if (n % 2)
		pthread_exit((void *)(intptr_t)sum);
	return (void *)(intptr_t)sum;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 10, total = 0;

	for (long i = 0; i < rounds; i++) {
		pthread_t threads[4];

		for (long k = 0; k < 4; k++)
			pthread_create(&threads[k], NULL, compute, (void *)(intptr_t)(i + k));
		for (int k = 0; k < 4; k++) {
			void *sum;

			pthread_join(threads[k], &sum);
			total += (long)(intptr_t)sum;
		}
	}
	printf("%ld\n", total);
	return 0;
}
