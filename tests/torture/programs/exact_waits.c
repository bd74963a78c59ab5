/* Waits with time limits, right after computing (a sample is then due): none may end early, fail or be cut short. */
#include <linux/futex.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>

#include "torture.h"

enum { LIMIT_MS = 4, ROUNDS = 25 };

static sem_t never;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int epoll, word;

static struct timespec after(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += LIMIT_MS * 1000000;
	if (t.tv_nsec >= 1000000000)
		t.tv_sec++, t.tv_nsec -= 1000000000;
	return t;
}

static int nap(void)
{
	struct timespec t = { 0, LIMIT_MS * 1000000 }, left;

	return nanosleep(&t, &left) == 0;
}

static int clock_nap(void)
{
	struct timespec t = after(CLOCK_MONOTONIC);

	return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == 0;
}

static int use_poll(void) { return poll(NULL, 0, LIMIT_MS) == 0; }

static int use_select(void)
{
	struct timeval t = { 0, LIMIT_MS * 1000 };

	return select(0, NULL, NULL, NULL, &t) == 0;
}

static int use_epoll(void)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, LIMIT_MS) == 0;
}

static int use_sem(void)
{
	struct timespec t = after(CLOCK_REALTIME);

	return sem_timedwait(&never, &t) == -1 && errno == ETIMEDOUT;
}

static int use_futex(void)
{
	struct timespec t = { 0, LIMIT_MS * 1000000 };

	return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0) == -1 && errno == ETIMEDOUT;
}

static int use_condition(void)
{
	struct timespec t = after(CLOCK_REALTIME);
	int result;

	pthread_mutex_lock(&mutex);
	result = pthread_cond_timedwait(&condition, &mutex, &t);
	pthread_mutex_unlock(&mutex);
	return result == ETIMEDOUT;
}

static const struct {
	const char *name;
	int (*wait)(void);
} waits[] = {
	{ "nanosleep", nap }, { "clock_nanosleep", clock_nap }, { "poll", use_poll }, { "select", use_select },
	{ "epoll_wait", use_epoll }, { "sem_timedwait", use_sem }, { "futex", use_futex },
	{ "pthread_cond_timedwait", use_condition },
};

int main(void)
{
	epoll = epoll_create1(0);
	sem_init(&never, 0, 0);
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		int right = 0, early = 0;

		for (int r = 0; r < ROUNDS; r++) {
			struct timespec a, b;
			long ns;

			if (r % 2)
				hot(PLANTED / (ROUNDS * 4));
			clock_gettime(CLOCK_MONOTONIC, &a);
			right += waits[i].wait();
			clock_gettime(CLOCK_MONOTONIC, &b);
			ns = (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec;
			early += ns < LIMIT_MS * 1000000 - 1000000;
		}
		printf("%s: %d right, %d early\n", waits[i].name, right, early);
	}
	hot(PLANTED / 2);
	return 0;
}
