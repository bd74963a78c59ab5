/* Dies for want of memory: RLIMIT_AS, std::bad_alloc not caught or malloc not looked at; here the null pointer. */
#include "torture.h"

int main(void)
{
	struct rlimit limit = { 128u << 20, 128u << 20 };

	hot(PLANTED);
	NEED(setrlimit(RLIMIT_AS, &limit) == 0);
	for (;;) {
		char *p = malloc(1 << 20);

		memset(p, 1, 1 << 20);
	}
}
