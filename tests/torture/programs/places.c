/* Changes its folder, deletes it, lets nobody read what it makes, and forks there. */
#include "torture.h"

static int child(int status)
{
	pid_t pid = fork();

	if (pid == 0) {
		hot(PLANTED / 8);
		_exit(status);
	}
	return ended(pid);
}

int main(void)
{
	char name[] = "/tmp/assay-places.XXXXXX", here[4096];
	struct stat st;
	int fd;

	NEED(mkdtemp(name) && chdir(name) == 0);
	hot(PLANTED / 8);
	printf("%d\n", child(3));
	umask(0777);
	printf("%d\n", child(4));
	fd = open("file", O_CREAT | O_WRONLY, 0666);
	NEED(fstat(fd, &st) == 0 && unlink("file") == 0);
	printf("file mode %o\n", (unsigned)st.st_mode & 0777);
	NEED(rmdir(name) == 0);
	printf("%s\n", getcwd(here, sizeof here) ? "still there" : strerror(errno));
	printf("%d\n", child(5));
	printf("umask %o\n", (unsigned)umask(0));
	hot(PLANTED / 2);
	return 0;
}
