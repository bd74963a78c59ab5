/* Loads libraries into namespaces of their own, with another C library each, and computes between. */
#include <dlfcn.h>

#include "torture.h"

int main(void)
{
	int sum = 0;

	for (int i = 0; i < 5; i++) {
		void *library = dlmopen(LM_ID_NEWLM, "./plugin.so", RTLD_NOW);
		int (*twice)(int);

		NEED(library != NULL);
		twice = (int (*)(int))dlsym(library, "twice");
		hot(PLANTED / 5);
		sum += twice(i);
		NEED(dlclose(library) == 0);
	}
	printf("%d\n", sum);
	return 0;
}
