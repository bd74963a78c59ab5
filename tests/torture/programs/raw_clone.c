/* Children made by clone without CLONE_VM, which no C library knows of: they compute, start threads, load and unload,
 * execute and end. */
#include <dlfcn.h>
#include <sched.h>

#include "torture.h"

static void *nothing(void *p) { hot(1); return p; }

static int child(void *p)
{
	for (int i = 0; i < 20; i++) {
		pthread_t id;
		void *library = dlopen("./plugin.so", RTLD_NOW);

		NEED(library != NULL);
		dlclose(library);
		NEED(pthread_create(&id, NULL, nothing, NULL) == 0);
		NEED(pthread_join(id, NULL) == 0);
	}
	return p ? 5 : 6;
}

int main(void)
{
	char *stack = malloc(256 * 1024), *argv[] = { (char *)"sh", (char *)"-c", (char *)"exit 7", NULL };
	pthread_t id;
	int one, two, three;
	pid_t pid;

	hot(PLANTED / 4);
	NEED(pthread_create(&id, NULL, nothing, NULL) == 0);
	pthread_join(id, NULL);
	pid = clone(child, stack + 256 * 1024, SIGCHLD, stack);
	NEED(pid > 0);
	hot(PLANTED / 4);
	one = ended(pid);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(child(NULL));
	hot(PLANTED / 4);
	two = ended(pid);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		execv("/bin/sh", argv);
		_exit(98);
	}
	hot(PLANTED / 4);
	three = ended(pid);
	printf("%d %d %d\n", one, two, three);
	return 0;
}
