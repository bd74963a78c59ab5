/* The first call of OpenMP while an error of the loader's waits to be asked for. */
#include <dlfcn.h>
#include <stdio.h>

int main(void)
{
	int n = 0;
	const char *error;

	dlopen("/no/such/thing.so", RTLD_NOW);
#pragma omp critical
	n++;
	error = dlerror();
	printf("%d %s\n", n, error ? error : "no error");
	return 0;
}
