/* A user's own preload: takes over open, counts its calls, says so at the end. */
#include <dlfcn.h>

#include "torture.h"

static int opens;

int open(const char *path, int flags, ...)
{
	static int (*next)(const char *, int, ...);

	if (!next)
		next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	opens += strcmp(path, "/dev/null") == 0;
	return next(path, flags, 0600);
}

__attribute__((destructor)) static void at_end(void)
{
	/* the profiler's own command and the shell between have it too, and say nothing */
	if (strcmp(program_invocation_short_name, "simple") == 0)
		printf("preloaded: %d opens of /dev/null, LD_PRELOAD=%s\n", opens, getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "");
}
