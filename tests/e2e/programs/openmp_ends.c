/* Ends in the middle of a parallel region: openmp_ends exit|quick|kill|pthread. */
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void burn(double seconds)
{
	double until = omp_get_wtime() + seconds;

	while (omp_get_wtime() < until)
		;
}

static const char *how;

static void *run(void *p)
{
	(void)p;
#pragma omp parallel num_threads(2)
	{
		burn(0.05);
#pragma omp barrier
		if (omp_get_thread_num() == 0) {
			burn(0.3);
			printf("in the region\n");
			fflush(stdout);
			if (strcmp(how, "exit") == 0)
				exit(3);
			if (strcmp(how, "quick") == 0)
				_exit(4);
			if (strcmp(how, "kill") == 0)
				kill(getpid(), SIGKILL);
		}
#pragma omp barrier
	}
	printf("after it\n");
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t id;

	how = argc > 1 ? argv[1] : "";
	if (strcmp(how, "pthread") != 0) {
		run(NULL);
		return 0;
	}
	for (int i = 0; i < 3; i++) { /* threads that have teams come and go */
		pthread_create(&id, NULL, run, NULL);
		pthread_join(id, NULL);
	}
	return 0;
}
