/* Has a small stack: executes itself with 64 KiB, computes near its end, starts threads (whose stacks are as small). */
#include "torture.h"

static void *thread(void *p) { hot(PLANTED / 8); return p; }

__attribute__((noinline)) static int down(int n)
{
	volatile char here[1024];

	memset((char *)here, n, sizeof here);
	if (n)
		return down(n - 1) + here[n];
	hot(PLANTED / 2);
	return 0;
}

int main(int argc, char **argv)
{
	struct rlimit limit = { 64 * 1024, 64 * 1024 };
	pthread_t id;

	if (argc == 1) {
		hot(PLANTED / 4);
		NEED(setrlimit(RLIMIT_STACK, &limit) == 0);
		execl("/proc/self/exe", argv[0], "again", (char *)NULL);
		return 98;
	}
	printf("%d\n", down(36));
	for (int i = 0; i < 2; i++) {
		NEED(pthread_create(&id, NULL, thread, NULL) == 0);
		pthread_join(id, NULL);
	}
	return 0;
}
