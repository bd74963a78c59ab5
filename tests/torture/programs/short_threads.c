/* Ten thousand threads, one after the other and eight at a time. */
#include "torture.h"

enum { THREADS = 10000, AT_ONCE = 8 };

static void *thread(void *p) { return (void *)((uintptr_t)p * 2); }

int main(void)
{
	pthread_t id[AT_ONCE];
	uintptr_t sum = 0;

	hot(PLANTED / 2);
	for (uintptr_t i = 0; i < THREADS; i += AT_ONCE) {
		for (int k = 0; k < AT_ONCE; k++)
			NEED(pthread_create(&id[k], NULL, thread, (void *)(i + k)) == 0);
		for (int k = 0; k < AT_ONCE; k++) {
			void *result;

			NEED(pthread_join(id[k], &result) == 0);
			sum += (uintptr_t)result;
		}
	}
	hot(PLANTED / 2);
	printf("%lu\n", (unsigned long)sum);
	return 0;
}
