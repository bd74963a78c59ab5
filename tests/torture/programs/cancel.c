/* pthread_cancel: of a thread that computes, one that reads, one that sleeps, one that waits, one that has not begun. */
#include <semaphore.h>
#include <stdatomic.h>

#include "torture.h"

static atomic_int cleaned, running;
static int ends[2];
static sem_t never;

static void clean(void *p) { cleaned += p == &cleaned; }

static void *compute(void *p)
{
	int old;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	pthread_cleanup_push(clean, &cleaned);
	running++;
	for (;;)
		hot(1000);
	pthread_cleanup_pop(0);
	return p;
}

static void *wait_somewhere(void *p)
{
	char byte;

	pthread_cleanup_push(clean, &cleaned);
	running++;
	switch (*(int *)p) {
	case 0: NEED(read(ends[0], &byte, 1) == 99); break;
	case 1: sleep(1000); break;
	default: sem_wait(&never); break;
	}
	pthread_cleanup_pop(0);
	return p;
}

int main(void)
{
	static int kinds[3] = { 0, 1, 2 };
	int cancelled = 0;
	void *result;

	NEED(pipe(ends) == 0);
	sem_init(&never, 0, 0);
	hot(PLANTED);
	for (int i = 0; i < 60; i++) {
		pthread_t id[4];

		running = 0;
		for (int k = 0; k < 3; k++)
			NEED(pthread_create(&id[k], NULL, wait_somewhere, &kinds[k]) == 0);
		NEED(pthread_create(&id[3], NULL, compute, NULL) == 0);
		while (running < (i % 3 ? 4 : 0))
			sched_yield();
		for (int k = 0; k < 4; k++)
			pthread_cancel(id[k]);
		for (int k = 0; k < 4; k++) {
			pthread_join(id[k], &result);
			cancelled += result == PTHREAD_CANCELED;
		}
	}
	printf("%d cancelled, %s\n", cancelled, cleaned >= 160 ? "cleaned" : "not cleaned");
	return 0;
}
