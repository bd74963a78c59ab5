/* Has interval timers of all three kinds, a POSIX timer, and their signals for itself. */
#include "torture.h"

HOT(wait_busily)

static volatile sig_atomic_t seen[65];

static void count(int signal) { seen[signal]++; }

int main(void)
{
	struct itimerval each = { { 0, 2000 }, { 0, 2000 } }, now;
	struct itimerspec spec = { { 0, 2000000 }, { 0, 2000000 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 3 };
	static const int kinds[] = { ITIMER_PROF, ITIMER_VIRTUAL, ITIMER_REAL };
	static const int signals[] = { SIGPROF, SIGVTALRM, SIGALRM };
	struct sigaction action;
	timer_t timer;

	on(SIGRTMIN + 3, count, SA_RESTART);
	NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	NEED(timer_settime(timer, 0, &spec, NULL) == 0);
	for (int i = 0; i < 3; i++) {
		on(signals[i], count, SA_RESTART);
		NEED(setitimer(kinds[i], &each, NULL) == 0);
	}
	hot(PLANTED);
	/* the kernel looks at the first two by its ticks only, which on a crowded machine are few */
	for (int ms = 0; ms < 10000 && (seen[SIGPROF] < 6 || seen[SIGVTALRM] < 6 || seen[SIGALRM] < 6); ms += 10)
		wait_busily(10);
	for (int i = 0; i < 3; i++) {
		NEED(getitimer(kinds[i], &now) == 0);
		NEED(sigaction(signals[i], NULL, &action) == 0);
		printf("timer %d: interval %ld us, %s, handler %s\n", i, (long)now.it_interval.tv_usec,
		       seen[signals[i]] > 5 ? "came" : "did not come", action.sa_handler == count ? "kept" : "lost");
	}
	printf("POSIX timer %s\n", seen[SIGRTMIN + 3] > 5 ? "came" : "did not come");
	return 0;
}
