/* Has room for few descriptors: from its start (executed anew) and then for none. Threads, files, forks. */
#include "torture.h"

static void *thread(void *p) { hot(PLANTED / 8); return p; }

int main(int argc, char **argv)
{
	struct rlimit limit = { 6, 6 };
	pthread_t id;

	if (argc == 1) {
		hot(PLANTED / 4);
		NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		execl("/proc/self/exe", argv[0], "again", (char *)NULL);
		return 98;
	}
	printf("%d %d %d %d\n", open("/dev/null", O_RDONLY), open("/dev/null", O_RDONLY), open("/dev/null", O_RDONLY),
	       open("/dev/null", O_RDONLY));
	NEED(pthread_create(&id, NULL, thread, NULL) == 0);
	pthread_join(id, NULL);
	limit.rlim_cur = limit.rlim_max = 0;
	NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	NEED(pthread_create(&id, NULL, thread, NULL) == 0);
	pthread_join(id, NULL);
	hot(PLANTED / 2);
	return 0;
}
