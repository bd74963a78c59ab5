/*
 * reload: two libraries, alike but for the frames of their functions, are loaded in turn, by chance at the same addresses;
 * each is bound lazily anew. What was learnt of the one must not be taken for the other.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	static const char *const names[] = { "./linkage_1.so", "./linkage_2.so" };
	long rounds = argc > 1 ? atol(argv[1]) : 100, total = 0;

	for (long i = 0; i < rounds; i++) {
		void *library = dlopen(names[i % 2], RTLD_LAZY);
		long (*deep)(long) = library ? (long (*)(long))dlsym(library, "linkage_deep") : NULL;

		if (!deep)
			return 1;
		for (int k = 0; k < 200; k++)
			total += deep(k % 30);
		dlclose(library);
	}
	printf("%ld\n", total);
	return 0;
}
