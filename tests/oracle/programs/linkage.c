/* linkage: calls of small functions of a library by way of the procedure linkage table, again and again. */
#include <stdio.h>
#include <stdlib.h>

long linkage_add(long a, long b);
long linkage_back(long a, long (*f)(long, long));

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 1000, total = 0;

	for (long i = 0; i < rounds; i++)
		for (long k = 0; k < 1000; k++)
			total = linkage_add(total, k) ^ linkage_back(k, linkage_add);
	printf("%ld\n", total);
	return 0;
}
