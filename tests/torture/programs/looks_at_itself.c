/* Reads /proc/self: its maps (what of the program is there), its threads, its environment, its limits and timers. */
#include <dirent.h>

#include "torture.h"

extern char **environ;

static void *thread(void *p)
{
	hot(PLANTED / 4);
	pthread_barrier_wait(p);
	pthread_barrier_wait(p);
	return p;
}

static void maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[8192];
	int own = 0, libc = 0, stack = 0, writable_code = 0;

	while (fgets(line, sizeof line, f)) {
		own += strstr(line, "looks_at_itself") != NULL;
		libc += strstr(line, "/libc.so.6") != NULL;
		stack += strstr(line, "[stack]") != NULL;
		writable_code += strstr(line, " rwx") != NULL;
	}
	printf("maps: program %d, libc %d, stack %d, writable code %d\n", own, libc, stack, writable_code);
	fclose(f);
}

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

int main(void)
{
	pthread_barrier_t barrier;
	pthread_t id;

	pthread_barrier_init(&barrier, NULL, 2);
	hot(PLANTED / 2);
	maps();
	NEED(pthread_create(&id, NULL, thread, &barrier) == 0);
	pthread_barrier_wait(&barrier);
	printf("task: %d\n", entries("/proc/self/task"));
	pthread_barrier_wait(&barrier);
	pthread_join(id, NULL);
	printf("task: %d\n", entries("/proc/self/task"));
	for (char **e = environ; *e; e++)
		printf("%s\n", *e);
	hot(PLANTED / 4);
	return 0;
}
