/* A shared library whose static function lies between two exported ones. */
#include <stdlib.h>

volatile long exports_sink;
long exported_first(long n);
long exported_last(const char *name);

__attribute__((noinline)) long exported_first(long n)
{
	exports_sink += n;
	return exports_sink * n;
}

static __attribute__((noinline)) long unexported(long n)
{
	for (long i = 0; i < n; i++)
		exports_sink ^= i * n;
	return exports_sink;
}

__attribute__((noinline)) long exported_last(const char *name)
{
	return getenv(name) ? unexported(exports_sink) : exported_first(exports_sink);
}
