/* Detached threads, some made so, some that detach themselves, some that end after main has. */
#include <stdatomic.h>

#include "torture.h"

static atomic_int done;

static void *thread(void *p)
{
	if (p)
		pthread_detach(pthread_self());
	hot(1);
	done++;
	return NULL;
}

static void *last(void *unused)
{
	while (done < 80)
		sched_yield();
	hot(PLANTED - 80);
	printf("%d ran\n", (int)done);
	exit(3);
	return unused;
}

int main(void)
{
	pthread_attr_t detached;
	pthread_t id;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 80; i++)
		NEED(pthread_create(&id, i % 2 ? &detached : NULL, thread, i % 2 ? NULL : &id) == 0);
	NEED(pthread_create(&id, &detached, last, NULL) == 0);
	pthread_exit(NULL);
}
