/* Comes to hot() by a new chain of calls each time, so that the profile's tree grows without end. */
#include "torture.h"

static unsigned long random_state = 88172645463325252ul;

__attribute__((noinline)) static int left(int n);
__attribute__((noinline)) static int right(int n);

__attribute__((noinline)) static int step(int n)
{
	volatile int below; /* so that every call has a frame */

	random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
	if (n == 0) {
		hot(2);
		return 0;
	}
	below = random_state >> 60 & 1 ? left(n - 1) : right(n - 1);
	return below + 1;
}

static int left(int n)
{
	volatile int below = step(n);

	return below;
}

static int right(int n)
{
	volatile int below = step(n);

	return below + !n;
}

int main(void)
{
	int sum = 0;

	for (int i = 0; i < 200; i++)
		sum += step(100);
	printf("%d\n", sum);
	return 0;
}
