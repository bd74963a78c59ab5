/*
 * The functions on memory that compilers call for copies and initialisers, for this library alone (they are hidden). The
 * C library's may be another's: a sanitizer's look into every copy, and its own locks and tables are not to be reached
 * from a signal handler (ThreadSanitizer reported races in ours, and hung).
 *
 * They are short, not fast: what is copied here is short too.
 */
#include <stddef.h>

#define OURS __attribute__((visibility("hidden")))

OURS void *memcpy(void *restrict to, const void *restrict from, size_t n);
OURS void *memmove(void *to, const void *from, size_t n);
OURS void *memset(void *to, int value, size_t n);
OURS int memcmp(const void *a, const void *b, size_t n);
OURS size_t strlen(const char *s);

/* Keeps the compiler from making a call of the function itself out of its loop. */
#define NO_IDIOM() __asm__ volatile("" : : : "memory")

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	char *t = to;
	const char *f = from;

	for (; n >= sizeof(long); n -= sizeof(long), t += sizeof(long), f += sizeof(long)) {
		long word;

		__builtin_memcpy(&word, f, sizeof word);
		__builtin_memcpy(t, &word, sizeof word);
		NO_IDIOM();
	}
	for (; n; n--) {
		*t++ = *f++;
		NO_IDIOM();
	}
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	char *t = to;
	const char *f = from;

	if (t <= f || t >= f + n) {
		for (size_t i = 0; i < n; i++) {
			t[i] = f[i];
			NO_IDIOM();
		}
		return to;
	}
	while (n--) {
		t[n] = f[n];
		NO_IDIOM();
	}
	return to;
}

void *memset(void *to, int value, size_t n)
{
	char *t = to;

#ifdef __x86_64__
	__asm__ volatile("rep stosb" : "+D"(t), "+c"(n) : "a"(value) : "memory");
#else
	for (; n; n--) {
		*t++ = (char)value;
		NO_IDIOM();
	}
#endif
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n; n--, x++, y++) {
		if (*x != *y)
			return *x - *y;
		NO_IDIOM();
	}
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n]) {
		n++;
		NO_IDIOM();
	}
	return n;
}
