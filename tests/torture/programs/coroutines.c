/* Coroutines by swapcontext, on stacks of the program's own, also handed from thread to thread. */
#include <ucontext.h>

#include "torture.h"

enum { COROUTINES = 8, ROUNDS = 10 };

static ucontext_t home, routine[COROUTINES];
static int steps;

static void run(int n)
{
	for (int i = 0; i < ROUNDS; i++) {
		hot(PLANTED / (COROUTINES * ROUNDS));
		steps++;
		swapcontext(&routine[n], &home);
	}
}

static void *turn(void *unused)
{
	for (int i = 0; i < ROUNDS / 2; i++)
		for (int n = 0; n < COROUTINES; n++)
			swapcontext(&home, &routine[n]);
	return unused;
}

int main(void)
{
	pthread_t id;

	for (int n = 0; n < COROUTINES; n++) {
		getcontext(&routine[n]);
		routine[n].uc_stack.ss_size = 64 * 1024;
		routine[n].uc_stack.ss_sp = malloc(64 * 1024);
		routine[n].uc_link = &home;
		makecontext(&routine[n], (void (*)(void))run, 1, n);
	}
	turn(NULL);
	NEED(pthread_create(&id, NULL, turn, NULL) == 0);
	pthread_join(id, NULL);
	printf("%d steps\n", steps);
	return 0;
}
