/* Threads on the smallest stacks there may be, made by the C library and by the program itself. */
#include <limits.h>
#include <sys/mman.h>

#include "torture.h"

static void *thread(void *p)
{
	hot(PLANTED / 8);
	return p;
}

int main(void)
{
	size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN);
	pthread_attr_t small;
	pthread_t id;

	pthread_attr_init(&small);
	NEED(pthread_attr_setstacksize(&small, least) == 0);
	for (int i = 0; i < 4; i++) {
		NEED(pthread_create(&id, &small, thread, NULL) == 0);
		NEED(pthread_join(id, NULL) == 0);
	}
	for (int i = 0; i < 4; i++) {
		void *stack = mmap(NULL, least, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		NEED(stack != MAP_FAILED);
		NEED(pthread_attr_setstack(&small, stack, least) == 0);
		NEED(pthread_create(&id, &small, thread, NULL) == 0);
		NEED(pthread_join(id, NULL) == 0);
		munmap(stack, least);
	}
	printf("%zu bytes were enough\n", least);
	return 0;
}
