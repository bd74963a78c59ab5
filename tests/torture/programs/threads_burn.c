/* Burns in hot() in three threads until it is killed, or for as many milliseconds as it is told. */
#include "torture.h"

static int ms = 60000;

static void *thread(void *p) { hot(ms); return p; }

int main(int argc, char **argv)
{
	pthread_t id[2];

	if (argc > 1)
		ms = atoi(argv[1]);
	for (int i = 0; i < 2; i++)
		NEED(pthread_create(&id[i], NULL, thread, NULL) == 0);
	hot(ms);
	for (int i = 0; i < 2; i++)
		pthread_join(id[i], NULL);
	return 0;
}
