/*
 * calls: recursion, calls through pointers, callbacks from libc, alloca, arrays of variable size, aligned stacks,
 * functions that never return to their caller, cold parts.
 */
#include <alloca.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

NOINLINE static long fib(int n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

NOINLINE static long deep(int n)
{
	volatile long local[3] = { n, n, n };

	return n ? deep(n - 1) + local[n % 3] : fib(8);
}

NOINLINE static long add(long a, long b) { return a + b + fib(4); }
NOINLINE static long mix(long a, long b) { return (a ^ b) + fib(5); }
static long (*volatile table[])(long, long) = { add, mix };

NOINLINE static int by_value(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

NOINLINE static long sorted(int n)
{
	int numbers[300];

	for (int i = 0; i < 300; i++)
		numbers[i] = i * 7919 % 300 + n;
	qsort(numbers, 300, sizeof *numbers, by_value);
	return numbers[n % 300];
}

NOINLINE static long sum(const char *p, size_t n)
{
	long s = 0;

	for (size_t i = 0; i < n; i++)
		s += p[i];
	return s;
}

NOINLINE static long on_stack(int n)
{
	char *p = alloca((size_t)n * 16 + 1), array[n + 1];

	memset(p, 1, (size_t)n * 16 + 1);
	memset(array, 2, (size_t)n + 1);
	return sum(p, (size_t)n * 16 + 1) + sum(array, (size_t)n + 1);
}

/* The stack pointer is rounded down, and the CFA kept in a register and then on the stack. */
NOINLINE static long aligned(int n, long a, long b, long c, long d, long e, long f, long g)
{
	_Alignas(64) char block[128];
	char *p = alloca((size_t)n + 1);

	memset(block, n, sizeof block);
	memset(p, n, (size_t)n + 1);
	return sum(block, sizeof block) + p[0] + a + b + c + d + e + f + g + (n ? aligned(n - 1, g, f, e, d, c, b, a) : fib(6));
}

static jmp_buf back;

/* The call of it is the last instruction of its caller: the return address is behind that function. */
NOINLINE __attribute__((noreturn)) static void away(long n)
{
	longjmp(back, (int)(fib(7) + n % 2));
}

NOINLINE __attribute__((noreturn)) static void by_way_of(long n)
{
	away(n + 1);
}

NOINLINE static long not_back(long n)
{
	int value = setjmp(back);

	if (!value)
		by_way_of(n);
	return value;
}

NOINLINE __attribute__((cold)) static long seldom(long n) { return fib(6) + n; }

NOINLINE static long with_cold_part(long n)
{
	long a = fib((int)(n & 3));

	if (__builtin_expect(n % 3 == 0, 0))
		a += seldom(a) + seldom(n);
	return a;
}

int main(int argc, char **argv)
{
	long total = 0, rounds = argc > 1 ? atol(argv[1]) : 1000;

	for (long i = 0; i < rounds; i++) {
		total += fib(12) + deep((int)(i % 60)) + table[i % 2](i, total) + sorted((int)(i % 100));
		total += on_stack((int)(i % 50)) + aligned(4, 1, 2, 3, 4, 5, 6, i) + not_back(i) + with_cold_part(i);
	}
	printf("%ld\n", total);
	return 0;
}
