/* A thread that waits for every signal there is, by each of the three calls, while the others compute. */
#include "torture.h"

enum { ROUNDS = 60 };

static pthread_t waiter;
static volatile int turn;

static void *burner(void *unused)
{
	hot(PLANTED / 2);
	return unused;
}

static void *wait_for_all(void *unused)
{
	struct timespec long_time = { 20, 0 };
	sigset_t all;
	siginfo_t info;
	int got[65] = { 0 };

	sigfillset(&all);
	for (int i = 0; i < ROUNDS; i++) {
		int signal = -1;

		if (i % 3 == 0)
			NEED(sigwait(&all, &signal) == 0);
		else
			signal = i % 3 == 1 ? sigwaitinfo(&all, &info) : sigtimedwait(&all, &info, &long_time);
		NEED(signal > 0);
		got[signal]++;
		turn = i + 1;
	}
	for (int s = 1; s < 65; s++)
		if (got[s])
			printf("signal %d: %d\n", s, got[s]);
	return unused;
}

int main(void)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, SIGTERM, SIGHUP };
	pthread_t other;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	NEED(pthread_create(&waiter, NULL, wait_for_all, NULL) == 0);
	NEED(pthread_create(&other, NULL, burner, NULL) == 0);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_kill(waiter, signals[i % 4]);
		while (turn <= i)
			sched_yield();
	}
	hot(PLANTED / 2);
	pthread_join(waiter, NULL);
	pthread_join(other, NULL);
	return 0;
}
