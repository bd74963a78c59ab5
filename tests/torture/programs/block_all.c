/* Blocks all signals, in all threads and in handlers, reads the masks back, and looks at what is pending. */
#include "torture.h"

static void show(const char *what, const sigset_t *set)
{
	printf("%s:", what);
	for (int s = 1; s <= SIGRTMAX; s++)
		if (sigismember(set, s) == 1)
			printf(" %d", s);
	printf("\n");
}

static void in_handler(int signal)
{
	sigset_t now;

	(void)signal;
	hot(PLANTED / 4);
	sigprocmask(SIG_BLOCK, NULL, &now);
	/* known: inside a handler whose mask has all signals, the profiler's is not shown as blocked */
	for (int s = SIGRTMIN; s <= SIGRTMAX; s++)
		sigdelset(&now, s);
	show("handler", &now);
}

static void *thread(void *unused)
{
	sigset_t now;

	hot(PLANTED / 4);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	show("thread", &now);
	return unused;
}

int main(void)
{
	struct sigaction action = { .sa_handler = in_handler };
	sigset_t all, now;
	pthread_t id;

	sigfillset(&all);
	sigfillset(&action.sa_mask);
	NEED(sigaction(SIGUSR2, &action, NULL) == 0);
	raise(SIGUSR2);
	NEED(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	NEED(pthread_create(&id, NULL, thread, NULL) == 0);
	pthread_join(id, NULL);
	raise(SIGUSR1);
	hot(PLANTED / 2);
	sigprocmask(SIG_BLOCK, NULL, &now);
	show("main", &now);
	sigpending(&now);
	show("pending", &now);
	return 0;
}
