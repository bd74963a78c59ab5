/* Closes every descriptor, in four ways, and counts on the numbers that it then gets; threads end in between. */
#include "torture.h"

static void *thread(void *p) { hot(PLANTED / 16); return p; }

static void lowest(const char *after)
{
	int a = open("/dev/null", O_RDONLY), b = open("/dev/zero", O_RDONLY);
	pthread_t id;
	char byte = 1;

	NEED(pthread_create(&id, NULL, thread, NULL) == 0);
	pthread_join(id, NULL);
	hot(PLANTED / 16);
	printf("%s: %d %d, %d\n", after, a, b, (int)read(b, &byte, 1) + byte);
	fflush(stdout);
}

/* A descriptor of the program's own where others keep theirs: whoever has kept a number closes it. */
static void own_everywhere(void)
{
	int fd = open("/dev/null", O_RDONLY), left = 0;
	struct rlimit limit;
	pthread_t id;

	getrlimit(RLIMIT_NOFILE, &limit);
	while (dup(fd) >= 0)
		;
	NEED(pthread_create(&id, NULL, thread, NULL) == 0);
	pthread_join(id, NULL);
	for (rlim_t i = 3; i < limit.rlim_cur; i++)
		left += fcntl((int)i, F_GETFD) == 0;
	printf("all but %d are ours\n", (int)limit.rlim_cur - 3 - left);
	hot(PLANTED / 8);
}

int main(int argc, char **argv)
{
	struct rlimit limit;

	(void)argv;
	hot(PLANTED / 8);
	close_range(3, ~0u, 0);
	lowest("close_range");
	closefrom(3);
	lowest("closefrom");
	syscall(SYS_close_range, 3, ~0u, 0);
	lowest("the system call");
	getrlimit(RLIMIT_NOFILE, &limit);
	for (rlim_t i = 3; i < limit.rlim_cur; i++)
		close((int)i);
	lowest("close");
	if (argc > 1)
		own_everywhere();
	else
		hot(PLANTED / 8);
	hot(PLANTED / 4);
	return 0;
}
