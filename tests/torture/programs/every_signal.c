/* Takes every signal that can be taken, the profiler's own number too, whichever that may be. */
#include "torture.h"

static volatile sig_atomic_t seen[65], value[65];

static void handler(int signal, siginfo_t *info, void *context)
{
	(void)context;
	seen[signal]++;
	value[signal] = info->si_value.sival_int;
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART }, old;
	union sigval number;

	for (int s = 1; s <= SIGRTMAX; s++) {
		if (s == SIGKILL || s == SIGSTOP || (s > 31 && s < SIGRTMIN))
			continue;
		NEED(sigaction(s, &action, &old) == 0);
		printf("%d was %s\n", s, old.sa_handler == SIG_DFL ? "default" : "something else");
		NEED(sigaction(s, NULL, &old) == 0);
		NEED(old.sa_sigaction == handler && old.sa_flags & SA_SIGINFO);
	}
	hot(PLANTED / 2);
	for (int s = SIGRTMIN; s <= SIGRTMAX; s++) {
		number.sival_int = s * 3;
		NEED(sigqueue(getpid(), s, number) == 0);
	}
	hot(PLANTED / 2);
	for (int s = 1; s <= SIGRTMAX; s++)
		if (seen[s])
			printf("%d came %d times, with %d\n", s, (int)seen[s], (int)value[s]);
	return 0;
}
