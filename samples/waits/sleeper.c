/*
 * sleeper: three threads that hand work on: one computes, one collects what it has computed and writes it into a pipe,
 * one reads from the pipe and adds up.
 *
 * In the slow form the collector looks whether there is a result, sleeps for 20 ms if there is none, and looks again,
 * while the computer waits with its result. In the improved form it waits for the result itself, by a semaphore.
 */
#include "../sample.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

enum { STEPS = 60, COMPUTE_UNITS = 80 };

static sem_t slot_free, slot_filled; /* the one place for a result */
static atomic_bool slot_full;        /* the same, for one who only looks */
static uint64_t slot;
static int pipe_in, pipe_out;
static uint64_t sum;
static struct sample sample;
static struct truth computed, waited_for_room, slept, waited_for_result, waited_for_data;

static void wait_for(sem_t *semaphore, struct truth *waited)
{
	uint64_t begin = truth_now();

	while (sem_wait(semaphore) != 0 && errno == EINTR)
		;
	truth_add(waited, begin);
}

static void *compute(void *argument)
{
	uint64_t x = 1;

	pthread_setname_np(pthread_self(), "computer");
	for (int i = 0; i < sample_times(&sample, STEPS); i++) {
		uint64_t begin = truth_now();

		x = work(x, COMPUTE_UNITS);
		truth_add(&computed, begin);
		wait_for(&slot_free, &waited_for_room);
		slot = x;
		atomic_store(&slot_full, true);
		sem_post(&slot_filled);
	}
	return argument;
}

FUNCTION void sleep_until_filled(void)
{
	while (!atomic_load(&slot_full)) {
		const struct timespec nap = { .tv_nsec = 20000000 };
		uint64_t begin = truth_now();

		nanosleep(&nap, NULL);
		truth_add(&slept, begin);
	}
}

static void *collect(void *argument)
{
	pthread_setname_np(pthread_self(), "collector");
	for (int i = 0; i < sample_times(&sample, STEPS); i++) {
		uint64_t result;

		if (!sample.improved)
			sleep_until_filled();
		wait_for(&slot_filled, &waited_for_result);
		result = slot;
		atomic_store(&slot_full, false);
		sem_post(&slot_free);
		if (write(pipe_in, &result, sizeof(result)) != (ssize_t)sizeof(result))
			exit(1);
	}
	close(pipe_in);
	return argument;
}

FUNCTION bool next_result(uint64_t *result)
{
	uint64_t begin = truth_now();
	ssize_t got = read(pipe_out, result, sizeof(*result));

	truth_add(&waited_for_data, begin);
	return got == (ssize_t)sizeof(*result);
}

static void *add_up(void *argument)
{
	uint64_t result;
	int *results = argument;

	pthread_setname_np(pthread_self(), "reader");
	for (; next_result(&result); ++*results)
		sum += result;
	return argument;
}

int main(int argc, char **argv)
{
	pthread_t threads[3];
	int ends[2], results = 0;

	sample = sample_arguments(argc, argv, "sleeper");
	sem_init(&slot_free, 0, 1);
	sem_init(&slot_filled, 0, 0);
	if (pipe(ends) != 0) {
		perror("sleeper: pipe");
		return 1;
	}
	pipe_out = ends[0];
	pipe_in = ends[1];
	if (pthread_create(&threads[0], NULL, compute, NULL) != 0 ||
	    pthread_create(&threads[1], NULL, collect, NULL) != 0 ||
	    pthread_create(&threads[2], NULL, add_up, &results) != 0) {
		fprintf(stderr, "sleeper: cannot start a thread\n");
		exit(1);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	printf("%d results, checksum %016llx\n", results, (unsigned long long)sum);
	truth_say(&sample, "computer", "computed", &computed);
	truth_say(&sample, "computer", "waited-for-room", &waited_for_room);
	truth_say(&sample, "collector", "slept", &slept);
	truth_say(&sample, "collector", "waited-for-result", &waited_for_result);
	truth_say(&sample, "reader", "waited-for-data", &waited_for_data);
	return sample_status("sleeper", results == sample_times(&sample, STEPS));
}
