/* Computes at the bottom of a hundred thousand calls, and on the way. */
#include "torture.h"

__attribute__((noinline)) static long down(long n)
{
	volatile long here = n;

	if (n % 10000 == 0)
		hot(PLANTED / 10);
	return n == 0 ? 0 : down(n - 1) + (here == n);
}

int main(void)
{
	printf("%ld\n", down(90000));
	return 0;
}
