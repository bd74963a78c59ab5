/* jumps: setjmp and longjmp over many frames, sigsetjmp out of a handler, and __builtin_longjmp. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf back;
static sigjmp_buf out;
static volatile long total;

__attribute__((noinline)) static long fib(int n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

__attribute__((noinline)) static long down(int depth)
{
	if (depth == 0 && total >= 0) {
		total += fib(9);
		longjmp(back, 3);
	}
	return depth < 0 ? 0 : down(depth - 1) + 1;
}

static void handler(int signal)
{
	total += fib(8);
	siglongjmp(out, signal);
}

__attribute__((noinline)) static long one(int i)
{
	int from = setjmp(back);

	if (!from)
		total += down(i % 40);
	if (!sigsetjmp(out, 1))
		raise(SIGUSR1);
	return from + fib(7);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 1000;

	signal(SIGUSR1, handler);
	for (long i = 0; i < rounds; i++)
		total += one((int)i);
	printf("%ld\n", total);
	return 0;
}
