/*
 * Has no OpenMP itself, and opens libraries that have: openmp_loads LIBRARY FUNCTION ..., each by a thread of its own at the
 * same time, for themselves alone (RTLD_LOCAL), as Python opens its modules.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct job {
	const char *library, *function;
	long result;
};

static void *work(void *p)
{
	struct job *job = p;
	void *handle = dlopen(job->library, RTLD_NOW | RTLD_LOCAL);
	long (*call)(long) = handle ? (long (*)(long))dlsym(handle, job->function) : NULL;

	if (!call) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	for (int i = 0; i < 10; i++)
		job->result += call(100);
	return NULL;
}

int main(int argc, char **argv)
{
	struct job jobs[8] = { { 0 } };
	pthread_t id[8];
	int n = (argc - 1) / 2;

	for (int i = 0; i < n && i < 8; i++) {
		jobs[i].library = argv[1 + 2 * i];
		jobs[i].function = argv[2 + 2 * i];
		pthread_create(&id[i], NULL, work, &jobs[i]);
	}
	for (int i = 0; i < n && i < 8; i++) {
		pthread_join(id[i], NULL);
		printf("%s %ld\n", jobs[i].function, jobs[i].result);
	}
	return 0;
}
