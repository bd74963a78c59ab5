/* split: built with -fsplit-stack, so that its recursion runs over many small pieces of stack. */
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) static long deep(int n)
{
	volatile char block[700];

	for (int i = 0; i < 700; i += 7)
		block[i] = (char)(n + i);
	return n ? deep(n - 1) + block[n % 100 * 7] : 1;
}

static void *run(void *rounds)
{
	long total = 0;

	for (long i = 0; i < *(long *)rounds; i++)
		total += deep((int)(i % 100));
	*(long *)rounds = total;
	return NULL;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 1000;

	run(&rounds);
	printf("%ld\n", rounds);
	return 0;
}
