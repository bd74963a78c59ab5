/* library: the C library's hand-written string functions, its allocator, its formatted output, and mathematics. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char from[70000], to[70000];
static volatile size_t total;

__attribute__((noinline)) static void strings(size_t n)
{
	memset(from, 'a' + (int)(n % 20), n);
	from[n] = 0;
	memcpy(to, from, n + 1);
	total += strlen(to) + (size_t)(strchr(to, 'z') != NULL) + (size_t)(strcmp(from, to) == 0);
	memmove(to + 3, to, n / 2);
	total += (size_t)(memchr(to, 0, n + 1) != NULL) + (size_t)(memcmp(from, to, n) == 0) + (size_t)(strstr(to, "ab") != NULL);
	total += strspn(to, "abc") + strcspn(to, "z");
}

__attribute__((noinline)) static void memory(size_t n)
{
	void *blocks[60];

	for (size_t i = 0; i < 60; i++)
		blocks[i] = malloc(i * n % 3000 + 1);
	for (size_t i = 0; i < 60; i += 2)
		blocks[i] = realloc(blocks[i], i * 90 + 1);
	for (size_t i = 0; i < 60; i++)
		free(blocks[i]);
}

__attribute__((noinline)) static void words(size_t n)
{
	char text[300];

	snprintf(text, sizeof text, "%zu %.15g %-20s %Lf", n, (double)n / 7, "word", (long double)n / 3);
	total += strtoul(text, NULL, 10) + (size_t)strtod(text, NULL);
	total += (size_t)(fabs(sin((double)n) * pow((double)(n % 9), 1.5) + exp((double)(n % 5))) * 100);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 1000;

	for (long i = 0; i < rounds; i++) {
		strings((size_t)(i * 37 % 900));
		if (i % 50 == 0)
			strings(60000);
		memory((size_t)i % 100);
		words((size_t)i);
	}
	printf("%zu\n", total);
	return 0;
}
