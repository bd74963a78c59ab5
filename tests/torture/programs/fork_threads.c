/* Forks while other threads compute, allocate, load libraries and start threads; the children start threads too. (dlopen in such a
 * child fails in glibc itself.) */
#include <dlfcn.h>
#include <stdatomic.h>

#include "torture.h"

static atomic_int stop;

static void *nothing(void *p) { return p; }

static void *busy(void *kind)
{
	pthread_t id;

	while (!stop) {
		switch ((uintptr_t)kind) {
		case 0: free(malloc(1000)); break;
		case 1: dlclose(dlopen("./plugin.so", RTLD_NOW)); break;
		default:
			NEED(pthread_create(&id, NULL, nothing, NULL) == 0);
			pthread_join(id, NULL);
		}
	}
	return NULL;
}

static int child(int i)
{
	pthread_t id;

	NEED(pthread_create(&id, NULL, nothing, NULL) == 0);
	pthread_join(id, NULL);
	hot(PLANTED / 40);
	return i % 5;
}

int main(void)
{
	pthread_t id[3];
	int sum = 0;

	for (uintptr_t i = 0; i < 3; i++)
		NEED(pthread_create(&id[i], NULL, busy, (void *)i) == 0);
	for (int i = 0; i < 40; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			int status = child(i);

			fflush(stdout);
			_exit(status);
		}
		sum += ended(pid);
	}
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(id[i], NULL);
	printf("%d\n", sum);
	return 0;
}
