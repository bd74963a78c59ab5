/* Computes in a handler on an alternate stack that has room for one signal's frame and little else, and leaves it by
 * return and by siglongjmp. */
#include <setjmp.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "torture.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

static sigjmp_buf back;
static volatile int jump;

HOT(in_handler)

static void handler(int signal)
{
	(void)signal;
	in_handler(1);
	if (jump)
		siglongjmp(back, 1);
}

int main(void)
{
	unsigned long frame = getauxval(AT_MINSIGSTKSZ);
	stack_t stack = { .ss_size = (frame ? frame : 2048) + 1536 }, now;

	char *memory = mmap(NULL, 3 * 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* whoever writes below it is found out */
	NEED(mprotect(memory, 65536, PROT_NONE) == 0);
	stack.ss_sp = memory + 65536;
	on(SIGUSR1, handler, SA_ONSTACK);
	NEED(sigaltstack(&stack, NULL) == 0);
	for (volatile int i = 0; i < 40; i++) {
		jump = i % 2;
		if (!sigsetjmp(back, 1))
			raise(SIGUSR1);
		hot(PLANTED / 40);
	}
	NEED(sigaltstack(NULL, &now) == 0);
	printf("%s\n", now.ss_sp == stack.ss_sp && now.ss_size == stack.ss_size && !now.ss_flags ? "kept" : "changed");
	return 0;
}
