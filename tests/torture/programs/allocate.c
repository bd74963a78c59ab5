/* Allocates and frees a great deal in four threads and checks what it wrote: for allocators and sanitisers. */
#include "torture.h"

static void *thread(void *p)
{
	unsigned char *kept[256] = { 0 };
	unsigned seed = (unsigned)(uintptr_t)p;
	long wrong = 0;

	for (int i = 0; i < 30000; i++) {
		unsigned at = (seed = seed * 1103515245 + 12345) >> 16 & 255, size = 16 + (seed >> 8 & 1023);

		if (kept[at])
			wrong += kept[at][0] != at || kept[at][15] != at;
		free(kept[at]);
		kept[at] = malloc(size);
		memset(kept[at], (int)at, size);
	}
	for (int i = 0; i < 256; i++)
		free(kept[i]);
	hot(PLANTED / 8);
	return (void *)wrong;
}

int main(void)
{
	pthread_t id[4];
	long wrong = 0;
	void *result;

	for (uintptr_t i = 0; i < 4; i++)
		NEED(pthread_create(&id[i], NULL, thread, (void *)i) == 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(id[i], &result);
		wrong += (long)(uintptr_t)result;
	}
	hot(PLANTED / 2);
	printf("%ld wrong\n", wrong);
	return 0;
}
