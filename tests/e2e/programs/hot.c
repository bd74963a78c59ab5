/* hot: burns CPU time in two functions (`hot MS`, half each), says that it ran by making the file `ran`, and ends with 5. */
#include <stdio.h>
#include <stdlib.h>

#include "burn.h"

HOT(hot_one)
HOT(hot_two)

int main(int argc, char **argv)
{
	FILE *f = fopen("ran", "w");
	int ms = argc > 1 ? atoi(argv[1]) : 0;

	if (f)
		fclose(f);
	puts("output");
	fputs("error\n", stderr);
	if (ms > 0) {
		hot_one(ms / 2);
		hot_two(ms / 2);
	}
	return 5;
}
