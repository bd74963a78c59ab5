/* Takes all signals out of a descriptor, in a poll loop. */
#include <poll.h>
#include <sys/signalfd.h>

#include "torture.h"

int main(void)
{
	struct signalfd_siginfo info;
	int got[65] = { 0 }, fd;
	sigset_t all;

	sigfillset(&all);
	NEED(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	NEED(fd >= 0);
	for (int i = 0; i < 40; i++) {
		struct pollfd p = { fd, POLLIN, 0 };

		hot(PLANTED / 40);
		NEED(poll(&p, 1, 0) == 0);
		kill(getpid(), i % 2 ? SIGUSR1 : SIGTERM);
		NEED(poll(&p, 1, 20000) == 1);
		NEED(read(fd, &info, sizeof info) == sizeof info);
		got[info.ssi_signo]++;
		NEED(read(fd, &info, sizeof info) == -1 && errno == EAGAIN);
	}
	printf("descriptor %d: %d SIGUSR1, %d SIGTERM\n", fd, got[SIGUSR1], got[SIGTERM]);
	return 0;
}
