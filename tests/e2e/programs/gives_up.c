/* gives_up.c: reads and writes a pipe until an alarm jumps out of that, 500 times; then computes for half a second. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static sigjmp_buf back;

static void give_up(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Deeper on the stack than any wait was. */
__attribute__((noinline)) static void compute(double seconds)
{
	volatile char room[4096];
	double end = cpu() + seconds;

	room[0] = 1;
	while (cpu() < end)
		for (volatile int i = 0; i < 10000; i++)
			room[i % 4096]++;
}

int main(void)
{
	const struct itimerval soon = { { 0, 0 }, { 0, 1000 } };
	volatile int times = 0;
	int fds[2];
	char c;

	signal(SIGALRM, give_up);
	if (pipe(fds) < 0)
		return 1;
	if (sigsetjmp(back, 1))
		times++;
	if (times < 500) {
		setitimer(ITIMER_REAL, &soon, NULL);
		for (;;)
			if (write(fds[1], "x", 1) != 1 || read(fds[0], &c, 1) != 1)
				return 2;
	}
	compute(0.5);
	printf("gave up %d times\n", times);
	return 0;
}
