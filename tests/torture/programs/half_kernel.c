/*
 * Half of its CPU time is in the kernel, in reads too long for one sampling period at any rate and in short ones: no
 * function gets time that was spent there, and what is the kernel's is not hot()'s.
 */
#include "torture.h"

static char buffer[1 << 20];

int main(void)
{
	int zero = open("/dev/zero", O_RDONLY);
	long end;

	NEED(zero >= 0);
	for (int i = 0; i < 40; i++) {
		hot(PLANTED / 40);
		end = burn_clock() + PLANTED / 40;
		while (burn_clock() < end)
			NEED(read(zero, buffer, i % 2 ? sizeof buffer : 4096) > 0);
	}
	puts("half in the kernel");
	return 0;
}
