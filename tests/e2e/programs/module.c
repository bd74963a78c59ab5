/* module: a library with one function that burns CPU time, called NAME (given by -DNAME=...). */
#include "burn.h"

void NAME(int ms);

HOT(burn_in_module)

__attribute__((noinline)) void NAME(int ms)
{
	burn_in_module(ms);
	__asm__ volatile("");
}
