/* A child that is made in a region goes on in it, and then has one of its own. */
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void burn(double s)
{
	struct timespec t;
	double end;

	clock_gettime(CLOCK_MONOTONIC, &t);
	end = t.tv_sec + t.tv_nsec * 1e-9 + s;
	do
		clock_gettime(CLOCK_MONOTONIC, &t);
	while (t.tv_sec + t.tv_nsec * 1e-9 < end);
}

__attribute__((noinline)) static int forks(void)
{
	int child = -1;

#pragma omp parallel num_threads(1)
	{
		child = fork();
		burn(child ? 0.2 : 0.1);
	}
	return child;
}

__attribute__((noinline)) static int childs_own(void)
{
	int status = 0;

#pragma omp parallel num_threads(1)
	{
		burn(0.1);
		status = 3;
	}
	return status;
}

int main(void)
{
	int child = forks(), status = 1;

	if (child == 0)
		_exit(childs_own());
	waitpid(child, &status, 0);
	printf("%d\n", WEXITSTATUS(status));
	return 0;
}
