/* Becomes nobody at run time; threads, forks and executions come after. */
#include <grp.h>

#include "torture.h"

static void *thread(void *p) { hot(PLANTED / 4); return p; }

int main(void)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"id -u; exit 5", NULL };
	pthread_t id;
	pid_t pid;

	hot(PLANTED / 4);
	NEED(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
	NEED(pthread_create(&id, NULL, thread, NULL) == 0);
	pthread_join(id, NULL);
	printf("%d %d\n", (int)getuid(), (int)geteuid());
	fflush(stdout);
	for (int i = 0; i < 3; i++) {
		pid = fork();
		if (pid == 0) {
			if (i == 2)
				execv("/bin/sh", argv);
			_exit(3 + i);
		}
		printf("%d\n", ended(pid));
		fflush(stdout);
	}
	hot(PLANTED / 2);
	return 0;
}
