/* functions.c: functions that are called a known number of times, for -finstrument-functions. */
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((noinline)) static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

__attribute__((noinline)) static int small(int n) { return 3 * n; }

__attribute__((noinline)) static int caller(int n)
{
	int sum = 0;

	for (int i = 0; i < n; i++)
		sum += small(i);
	return sum;
}

/* Its end is the last thing it does, so that the call which says so has its caller's stack frame. */
static int walked;
__attribute__((noinline)) static void walk(int n)
{
	walked++;
	if (n > 0)
		walk(n - 1);
}

static jmp_buf home;

__attribute__((noinline)) static void jump(void) { longjmp(home, 1); }

__attribute__((noinline)) static int in_thread(int n) { return n + 1; }

__attribute__((noinline)) static int in_child(int n) { return n + 1; }

static void *thread(void *p)
{
	for (int i = 0; i < 500; i++)
		in_thread(i);
	return p;
}

int main(void)
{
	pthread_t threads[4];
	int sum = fib(20);

	for (int i = 0; i < 10; i++)
		sum += caller(1000);
	for (int i = 0; i < 5; i++)
		walk(30);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, thread, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	if (fork() == 0) {
		for (int i = 0; i < 7; i++)
			in_child(i);
		_exit(0);
	}
	wait(NULL);
	if (!setjmp(home))
		jump();
	printf("%d %d\n", sum, walked);
	return 0;
}
