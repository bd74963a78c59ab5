/* Leaves for an empty root folder, forks there, starts threads. */
#include "torture.h"

static void *thread(void *p) { hot(PLANTED / 4); return p; }

int main(void)
{
	char name[] = "chroot.XXXXXX";
	pthread_t id;
	pid_t pid;

	hot(PLANTED / 4);
	NEED(mkdtemp(name) && chroot(name) == 0 && chdir("/") == 0);
	NEED(pthread_create(&id, NULL, thread, NULL) == 0);
	pthread_join(id, NULL);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(open("/proc/self/maps", O_RDONLY) < 0 ? 3 : 4);
	printf("%d\n", ended(pid));
	hot(PLANTED / 2);
	return 0;
}
