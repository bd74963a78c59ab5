/* coroutines: contexts made by makecontext that pass control round by swapcontext, on stacks from malloc. */
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

enum { COUNT = 8, STACK = 64 * 1024 };

static ucontext_t home, contexts[COUNT];
static volatile long total;
static long rounds;

__attribute__((noinline)) static long fib(int n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

__attribute__((noinline)) static void deeper(int depth, int me)
{
	if (depth) {
		deeper(depth - 1, me);
		total++;
		return;
	}
	total += fib(10);
	swapcontext(&contexts[me], &contexts[(me + 1) % COUNT]);
}

static void routine(int me)
{
	for (long i = 0; i < rounds; i++) {
		total += fib(9);
		deeper((int)(i % 10), me);
	}
}

int main(int argc, char **argv)
{
	rounds = argc > 1 ? atol(argv[1]) : 1000;
	for (int i = 0; i < COUNT; i++) {
		getcontext(&contexts[i]);
		contexts[i].uc_stack.ss_sp = malloc(STACK);
		contexts[i].uc_stack.ss_size = STACK;
		contexts[i].uc_link = &home;
		makecontext(&contexts[i], (void (*)(void))(void *)routine, 1, i);
	}
	swapcontext(&home, &contexts[0]);
	printf("%ld\n", total);
	return 0;
}
