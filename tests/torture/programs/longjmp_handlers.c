/* Handlers that never return: out of a timer's signal in the middle of computing, and out of a fault. */
#include <setjmp.h>

#include "torture.h"

static sigjmp_buf saved;
static jmp_buf plain;

static void jump(int signal) { (void)signal; siglongjmp(saved, 1); }
static void jump_plain(int signal) { (void)signal; longjmp(plain, 1); }

int main(void)
{
	struct itimerval soon = { { 0, 0 }, { 0, 1500 } };
	volatile int jumps = 0, faults = 0, plains = 0;
	sigset_t now;

	on(SIGALRM, jump, 0);
	on(SIGSEGV, jump, 0);
	on(SIGUSR1, jump_plain, SA_NODEFER);
	for (volatile int i = 0; i < 40; i++) {
		if (sigsetjmp(saved, 1)) {
			jumps++;
			continue;
		}
		setitimer(ITIMER_REAL, &soon, NULL);
		hot(1000);
	}
	for (volatile int i = 0; i < 1000; i++) {
		if (sigsetjmp(saved, 1))
			faults++;
		else
			*(volatile char *)16 = 1;
		if (setjmp(plain))
			plains++;
		else
			raise(SIGUSR1);
	}
	sigprocmask(SIG_BLOCK, NULL, &now);
	hot(PLANTED);
	printf("%d jumps, %d faults, %d plain jumps, SIGALRM %s\n", jumps, faults, plains,
	       sigismember(&now, SIGALRM) ? "blocked" : "not blocked");
	return 0;
}
