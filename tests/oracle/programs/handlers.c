/* handlers: a program that computes in signal handlers, on the thread's stack and on an alternate one, also nested. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile long total;

__attribute__((noinline)) static long fib(int n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static void inner(int signal)
{
	total += fib(13) + signal % 2;
}

static void outer(int signal, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	total += fib(12) + signal % 2;
	raise(SIGUSR2);
	total += fib(11);
}

__attribute__((noinline)) static long work(int depth)
{
	if (depth)
		return work(depth - 1) + 1;
	raise(SIGUSR1);
	return fib(10);
}

/* Of a trap in the middle of a function: no call leads to the handler. */
static void trapped(int signal)
{
	total += fib(12) + signal % 2;
}

__attribute__((noinline)) static long trap(long n)
{
	__asm__ volatile("int3" : "+r"(n));
	return n + fib(9);
}

int main(int argc, char **argv)
{
	static char stack[64 * 1024];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction a = { .sa_sigaction = outer, .sa_flags = SA_SIGINFO }, b = { .sa_handler = inner },
			 c = { .sa_handler = trapped };
	long rounds = argc > 1 ? atol(argv[1]) : 1000;

	sigaltstack(&alternate, NULL);
	sigaction(SIGTRAP, &c, NULL);
	for (long i = 0; i < rounds; i++) {
		a.sa_flags = i % 2 ? SA_SIGINFO | SA_ONSTACK : SA_SIGINFO;
		b.sa_flags = i % 4 / 2 ? SA_ONSTACK : 0;
		sigaction(SIGUSR1, &a, NULL);
		sigaction(SIGUSR2, &b, NULL);
		total += work((int)(i % 20)) + trap(i);
	}
	printf("%ld\n", total);
	return 0;
}
