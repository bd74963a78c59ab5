/* gcc moves the unlikely part of `work` to .text.unlikely, as work.cold. */
#include <stdlib.h>

volatile long cold_sink;
long work(long n);

__attribute__((noinline, cold, noreturn)) static void give_up(long n)
{
	exit((int)n);
}

__attribute__((noinline)) long work(long n)
{
	for (long i = 0; i < n; i++) {
		cold_sink += i;
		if (cold_sink == 1234567)
			give_up(cold_sink + n);
	}
	return cold_sink;
}

int main(int argc, char **argv)
{
	(void)argv;
	return work(argc) == 0;
}
