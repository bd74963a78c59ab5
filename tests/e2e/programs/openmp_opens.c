/*
 * openmp_opens [HOW=]LIBRARY ...: opens libraries one after the other, for itself alone; calls `numbers` in each, and closes
 * it. With keep= it is only opened, and stays; with global= it stays, for all to see.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *open_one(const char *path, int flags)
{
	void *handle = dlopen(path, RTLD_NOW | flags);

	if (!handle) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	return handle;
}

int main(int argc, char **argv)
{
	void *last = NULL;

	for (int i = 1; i < argc; i++) {
		const char *path = strchr(argv[i], '=');

		if (path) {
			open_one(path + 1, *argv[i] == 'g' ? RTLD_GLOBAL : RTLD_LOCAL);
			continue;
		}
		void *handle = open_one(argv[i], RTLD_LOCAL);
		int (*numbers)(void) = (int (*)(void))dlsym(handle, "numbers");

		printf("%s: %d%s\n", argv[i], numbers ? numbers() : -1,
			last && (void *)numbers == last ? ", where the last one was" : "");
		last = (void *)numbers;
		dlclose(handle);
	}
	return 0;
}
