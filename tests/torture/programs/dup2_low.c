/* Looks at which descriptors are open, and puts its own over the first hundred and some high ones. */
#include "torture.h"

int main(void)
{
	int zero = open("/dev/zero", O_RDONLY), right = 0;
	struct stat st, want;

	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d is open\n", fd);
	hot(PLANTED / 4);
	fstat(zero, &want);
	for (int fd = 3; fd < 100; fd++)
		NEED(dup2(zero, fd) == fd);
	for (int fd = 10000; fd < 17000; fd++)
		NEED(dup3(zero, fd, O_CLOEXEC) == fd);
	hot(PLANTED / 2);
	for (int fd = 3; fd < 100; fd++)
		right += fstat(fd, &st) == 0 && st.st_rdev == want.st_rdev;
	for (int fd = 10000; fd < 17000; fd++)
		right += fstat(fd, &st) == 0 && st.st_rdev == want.st_rdev;
	printf("%d are zero\n", right);
	for (int fd = 10000; fd < 17000; fd++)
		NEED(close(fd) == 0);
	hot(PLANTED / 4);
	return 0;
}
