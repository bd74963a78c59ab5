/* Nothing special: computes, opens a file, starts a thread, runs a program. For surroundings that are special. */
#include "torture.h"

static void *thread(void *p) { hot(PLANTED / 4); return p; }

int main(void)
{
	pthread_t id;

	NEED(open("/dev/null", O_RDONLY) >= 0);
	NEED(pthread_create(&id, NULL, thread, NULL) == 0);
	hot(PLANTED / 4);
	pthread_join(id, NULL);
	hot(PLANTED / 2);
	printf("done\n");
	fflush(stdout);
	return system("exit 3") == 3 << 8 ? 5 : 6;
}
