/* Becomes a daemon as the books say: fork, setsid, fork, chdir, umask, close everything, /dev/null. The first process
 * stays, as the one that adopts it. */
#include <sys/prctl.h>

#include "torture.h"

static void become_daemon(void)
{
	NEED(setsid() > 0);
	if (fork() != 0)
		_exit(0);
	NEED(chdir("/") == 0);
	umask(0);
	for (int fd = 0; fd < 20000; fd++)
		close(fd);
	if (open("/dev/null", O_RDWR) != 0 || dup(0) != 1 || dup(0) != 2)
		_exit(97);
	/* a new descriptor is the lowest: nobody else holds one down there */
	if (open("/dev/null", O_RDWR) != 3)
		_exit(96);
	hot(PLANTED / 2);
	if (open("/dev/null", O_RDWR) != 4)
		_exit(95);
	_exit(7);
}

int main(void)
{
	pid_t pid;
	int status, first;

	NEED(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	pid = fork();
	if (pid == 0)
		become_daemon();
	hot(PLANTED / 2);
	first = ended(pid);
	NEED(wait(&status) > 0);
	printf("%d %d\n", first, WEXITSTATUS(status));
	return 0;
}
