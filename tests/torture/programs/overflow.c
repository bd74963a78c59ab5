/* Recursion until the stack is full, handled on another stack, again and again, in the first thread and in others. */
#include <setjmp.h>

#include "torture.h"

static __thread sigjmp_buf back;

static void handler(int signal) { (void)signal; siglongjmp(back, 1); }

__attribute__((noinline)) static int deeper(volatile int *above)
{
	volatile int here[200] = { *above };

	return deeper(here) + here[100];
}

static void *overflow(void *p)
{
	stack_t stack = { .ss_size = 64 * 1024 };
	volatile int zero = 0;
	volatile uintptr_t handled = 0;

	stack.ss_sp = malloc(stack.ss_size);
	NEED(sigaltstack(&stack, NULL) == 0);
	for (volatile int i = 0; i < 20; i++) {
		if (sigsetjmp(back, 1))
			handled++;
		else
			deeper(&zero);
		hot(PLANTED / 40);
	}
	return p ? p : (void *)handled;
}

int main(void)
{
	void *result;
	pthread_t id;

	on(SIGSEGV, handler, SA_ONSTACK);
	printf("%lu handled\n", (unsigned long)(uintptr_t)overflow(NULL));
	NEED(pthread_create(&id, NULL, overflow, NULL) == 0);
	pthread_join(id, &result);
	printf("%lu handled\n", (unsigned long)(uintptr_t)result);
	return 0;
}
