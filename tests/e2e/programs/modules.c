/*
 * modules: opens and closes libraries whose functions burn CPU time. `modules LIBRARY...`: each is opened, its
 * function called and it is closed again, so that a later one may get the addresses of one before; prints where each
 * function was. `modules -k LIBRARY...` keeps them open. `modules -t N LIBRARY`: from a thread, N times.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int keep;

/* "dir/libNAME.so" has the function NAME. */
static int once(const char *path, int print)
{
	const char *slash = strrchr(path, '/');
	char name[64];
	void *library = dlopen(path, RTLD_NOW), *symbol;
	void (*function)(int);

	if (!library || sscanf(slash ? slash + 1 : path, "lib%63[^.]", name) != 1)
		return fprintf(stderr, "%s\n", dlerror()), 1;
	symbol = dlsym(library, name);
	if (!symbol)
		return fprintf(stderr, "%s\n", dlerror()), 1;
	memcpy(&function, &symbol, sizeof function);
	function(100);
	if (print)
		printf("%p\n", symbol);
	if (!keep)
		dlclose(library);
	return 0;
}

static void *thread(void *path)
{
	return once(path, 0) ? path : NULL;
}

int main(int argc, char **argv)
{
	int first = 1;

	if (argc == 4 && strcmp(argv[1], "-t") == 0) {
		for (int i = atoi(argv[2]); i > 0; i--) {
			pthread_t t;
			void *failed;

			if (pthread_create(&t, NULL, thread, argv[3]) || pthread_join(t, &failed) || failed)
				return 1;
		}
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "-k") == 0)
		keep = first++;
	for (int i = first; i < argc; i++)
		if (once(argv[i], !keep))
			return 1;
	return 0;
}
