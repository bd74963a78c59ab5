/* Five hundred threads alive at once, each of which computes. */
#include "torture.h"

enum { THREADS = 500 };

static pthread_barrier_t all;

static void *thread(void *p)
{
	pthread_barrier_wait(&all);
	hot(0);
	pthread_barrier_wait(&all);
	return p;
}

int main(void)
{
	static pthread_t id[THREADS];
	int back = 0;

	pthread_barrier_init(&all, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		NEED(pthread_create(&id[i], NULL, thread, &back + i) == 0);
	pthread_barrier_wait(&all);
	hot(PLANTED);
	pthread_barrier_wait(&all);
	for (int i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(id[i], &result);
		back += result == &back + i;
	}
	printf("%d back\n", back);
	return 0;
}
