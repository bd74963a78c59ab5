/* For another C library. */
#include <stdio.h>

int main(void)
{
	puts("musl");
	return 3;
}
