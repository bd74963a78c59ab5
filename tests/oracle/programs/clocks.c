/* clocks: calls into the kernel's vdso without end. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

int main(int argc, char **argv)
{
	static const clockid_t ids[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME };
	long rounds = argc > 1 ? atol(argv[1]) : 1000, ahead = 0;
	struct timespec last = { 0 }, now;
	struct timeval tv;

	for (long i = 0; i < rounds; i++) {
		for (int k = 0; k < 4; k++)
			clock_gettime(ids[k], &now);
		clock_gettime(CLOCK_MONOTONIC, &now);
		ahead += now.tv_sec < last.tv_sec;
		last = now;
		gettimeofday(&tv, NULL);
		ahead += time(NULL) < 0 || sched_getcpu() < 0;
	}
	printf("%ld\n", ahead);
	return 0;
}
