/* Handlers that raise the next signal, eight deep, computing at each level, with and without their own stack. */
#include "torture.h"

static const int chain[] = { SIGUSR1, SIGUSR2, SIGTERM, SIGHUP, SIGINT, SIGALRM, SIGPROF, SIGVTALRM };
enum { LEVELS = sizeof chain / sizeof *chain };
static volatile int depth, deepest, calls; /* raise is declared to come back without a call of ours in between */

static void handler(int signal)
{
	(void)signal;
	calls++;
	depth++;
	if (depth > deepest)
		deepest = depth;
	hot(PLANTED / 40);
	if (depth < LEVELS)
		raise(chain[depth]);
	depth--;
}

int main(void)
{
	stack_t stack = { .ss_size = 256 * 1024 };

	stack.ss_sp = malloc(stack.ss_size);
	NEED(sigaltstack(&stack, NULL) == 0);
	for (int i = 0; i < LEVELS; i++)
		on(chain[i], handler, i % 2 ? SA_ONSTACK : 0);
	for (int i = 0; i < 5; i++)
		raise(chain[0]);
	printf("%d calls, %d deep\n", calls, deepest);
	return 0;
}
