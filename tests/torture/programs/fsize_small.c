/* May write files of no more than a page, then of nothing at all: the signal comes as often as it must. */
#include "torture.h"

static volatile sig_atomic_t came;

static void count(int signal) { came += signal == SIGXFSZ; }

int main(int argc, char **argv)
{
	struct rlimit limit = { 4096, 4096 };
	char page[4096] = { 0 }, name[] = "fsize.XXXXXX";
	int fd = mkstemp(name);

	NEED(fd >= 0);
	unlink(name);
	if (argc == 1) {
		hot(PLANTED / 4);
		NEED(setrlimit(RLIMIT_FSIZE, &limit) == 0);
		execl("/proc/self/exe", argv[0], "again", (char *)NULL);
		return 98;
	}
	on(SIGXFSZ, count, 0);
	printf("%d", (int)write(fd, page, sizeof page));
	printf(" %d", (int)write(fd, page, sizeof page));
	printf(" %s\n", strerror(errno));
	hot(PLANTED / 4);
	limit.rlim_cur = limit.rlim_max = 0;
	NEED(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	hot(PLANTED / 2);
	printf("SIGXFSZ came %d times\n", (int)came);
	return 0;
}
