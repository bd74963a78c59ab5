/* Defines malloc and its family itself, with a lock that is no lock of the C library's, and counts the calls. */
#include <stdatomic.h>

#include "torture.h"

static _Alignas(64) char heap[64 << 20];
static atomic_size_t used;
static atomic_flag busy = ATOMIC_FLAG_INIT;
static atomic_long calls, entered_twice;
static __thread int inside;

void *malloc(size_t size)
{
	size_t need = ((size + 63) & ~(size_t)63) + 64, at;

	calls++;
	if (inside)
		entered_twice++;
	inside = 1;
	while (atomic_flag_test_and_set(&busy))
		;
	at = used;
	used += need;
	atomic_flag_clear(&busy);
	inside = 0;
	if (at + need > sizeof heap)
		return NULL;
	*(size_t *)(heap + at) = size;
	return heap + at + 64;
}

void free(void *p) { calls += p != NULL; }

void *calloc(size_t n, size_t size) { return malloc(n * size); }

void *realloc(void *old, size_t size)
{
	void *p = malloc(size);

	if (p && old)
		memcpy(p, old, *(size_t *)((char *)old - 64) < size ? *(size_t *)((char *)old - 64) : size);
	return p;
}

static void *thread(void *p)
{
	for (int i = 0; i < 100000; i++)
		free(malloc(16));
	hot(PLANTED / 4);
	return p;
}

int main(void)
{
	pthread_t id[2];

	for (int i = 0; i < 2; i++)
		NEED(pthread_create(&id[i], NULL, thread, NULL) == 0);
	hot(PLANTED / 2);
	for (int i = 0; i < 2; i++)
		pthread_join(id[i], NULL);
	printf("%ld calls, %ld inside another\n", calls, entered_twice);
	return 0;
}
