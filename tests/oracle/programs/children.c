/* children: processes forked in the middle of recursion, each of which computes and exits. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((noinline)) static long fib(int n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

__attribute__((noinline)) static long at_depth(int depth, int n)
{
	int status = 0;
	pid_t pid;

	if (depth)
		return at_depth(depth - 1, n) + 1;
	pid = fork();
	if (pid == 0)
		_exit((int)(fib(n) % 100));
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 10, total = 0;

	for (long i = 0; i < rounds; i++)
		total += at_depth((int)i % 20, 30) + fib(24);
	printf("%ld\n", total);
	return 0;
}
