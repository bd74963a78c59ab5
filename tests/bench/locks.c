/*
 * locks: what a mutex costs: prints ns.
 *
 *   locks alone            for a lock and an unlock, in a program of one thread: the best of 20 rounds
 *   locks free             the same where there is another thread, which wants something else
 *   locks wanted STEPS     two threads that fight for one: for one of them to hold it for STEPS steps of work, and as many
 *                          without it
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 20, PAIRS = 50000, THREADS = 2, STEPS_IN_ALL = 100000000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;
static int steps, turns;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t work(uint64_t x)
{
	for (int i = 0; i < steps; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x;
}

static void *wait_for_other(void *p)
{
	pthread_mutex_lock(&other);
	pthread_mutex_unlock(&other);
	return p;
}

static double pairs(void)
{
	double best = 1e18;

	for (int r = 0; r < ROUNDS; r++) {
		double begin = now(), took;

		for (int i = 0; i < PAIRS; i++) {
			pthread_mutex_lock(&lock);
			pthread_mutex_unlock(&lock);
		}
		took = (now() - begin) / PAIRS;
		best = took < best ? took : best;
	}
	return best;
}

static void *fight(void *p)
{
	uint64_t x = (uintptr_t)p;

	for (int i = 0; i < turns; i++) {
		pthread_mutex_lock(&lock);
		x = work(x);
		pthread_mutex_unlock(&lock);
		x = work(x);
	}
	return (void *)(uintptr_t)x;
}

static double fights(void)
{
	double begin = now();
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, fight, (void *)(uintptr_t)(i + 1)) != 0)
			exit(1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return (now() - begin) / (THREADS * turns);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 2 && strcmp(what, "alone") == 0) {
		printf("%.2f\n", pairs());
	} else if (argc == 2 && strcmp(what, "free") == 0) {
		pthread_t thread;

		pthread_mutex_lock(&other);
		if (pthread_create(&thread, NULL, wait_for_other, NULL) != 0)
			return 1;
		printf("%.2f\n", pairs());
		pthread_mutex_unlock(&other);
		pthread_join(thread, NULL);
	} else if (argc == 3 && strcmp(what, "wanted") == 0 && (steps = atoi(argv[2])) > 0) {
		turns = STEPS_IN_ALL / steps / THREADS / 2;
		printf("%.1f\n", fights());
	} else {
		fprintf(stderr, "usage: locks alone | locks free | locks wanted STEPS\n");
		return 2;
	}
	return 0;
}
