/* uses_preloaded: which preloaded library was first, here and in a child. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *list = getenv("LD_PRELOAD");

	printf("getppid is that of %d, LD_PRELOAD is %s\n", (int)getppid(), list ? list : "not set");
	fflush(stdout);
	if (argc > 1)
		return system("echo \"$LD_PRELOAD\"; ./uses_preloaded");
	return (void)argv, 0;
}
