/* Has little address space, and runs out of it: at run time, then from its start (executed anew). */
#include "torture.h"

static void *thread(void *p) { hot(PLANTED / 8); return p; }

static long mapped(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	NEED(f && fscanf(f, "%ld", &pages) == 1);
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static void fill(void)
{
	void **list = NULL, **block;
	size_t size = 1 << 20;
	pthread_t id;

	while (size >= 64) {
		block = malloc(size);
		if (!block) {
			size /= 2;
			continue;
		}
		*block = list;
		list = block;
	}
	hot(PLANTED / 4);
	printf("full: %s\n", strerror(errno));
	printf("a thread: %s\n", strerror(pthread_create(&id, NULL, thread, NULL)));
	for (; list; list = block) {
		block = *list;
		free(list);
	}
	printf("a thread: %s\n", strerror(pthread_create(&id, NULL, thread, NULL)));
	pthread_join(id, NULL);
}

int main(int argc, char **argv)
{
	struct rlimit limit;

	limit.rlim_cur = limit.rlim_max = (argc == 1 ? (rlim_t)mapped() : 0) + (48u << 20);
	NEED(setrlimit(RLIMIT_AS, &limit) == 0);
	if (argc == 2) {
		execl("/proc/self/exe", argv[0], "in", "little", (char *)NULL);
		return 98;
	}
	fill();
	fflush(stdout);
	return 0;
}
