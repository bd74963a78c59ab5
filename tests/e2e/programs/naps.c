/* naps.c: sleeps a known number of times, in usleep and nanosleep, from two functions. naps WAY: as below. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

__attribute__((noinline)) void doze(int times)
{
	for (int i = 0; i < times; i++) {
		errno = 77;
		if (usleep(2000) != 0 || errno != 77)
			printf("doze: %s\n", strerror(errno));
	}
}

__attribute__((noinline)) void rest(int times)
{
	const struct timespec nap = { 0, 3000000 };

	for (int i = 0; i < times; i++) {
		errno = 77;
		if (nanosleep(&nap, NULL) != 0 || errno != 77)
			printf("rest: %s\n", strerror(errno));
	}
}

static void *in_thread(void *unused)
{
	doze(3);
	return unused;
}

static void threads(void)
{
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, in_thread, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}

static void child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		rest(3);
		exit(4);
	}
	doze(2);
	waitpid(pid, NULL, 0);
}

static void ring(int number)
{
	(void)number;
}

/* A nap that a timer that rings again and again ends; a thread that is cancelled in one. */
static void cut_short(void)
{
	struct itimerval every = { { 0, 20000 }, { 0, 20000 } }, never = { 0 };
	struct sigaction action = { .sa_handler = ring };
	struct timespec long_nap = { 1000, 0 }, left = { 0 };
	int result;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	result = nanosleep(&long_nap, &left);
	printf("%d %s, %s\n", result, strerrorname_np(errno), left.tv_sec > 900 ? "much left" : "little left");
	setitimer(ITIMER_REAL, &never, NULL);
}

static void *for_ever(void *unused)
{
	for (;;)
		usleep(900000);
	return unused;
}

static void cancelled(void)
{
	pthread_t thread;
	void *result;

	pthread_create(&thread, NULL, for_ever, NULL);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	puts(result == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";

	doze(7);
	rest(5);
	if (strcmp(way, "threads") == 0)
		threads();
	else if (strcmp(way, "child") == 0)
		child();
	else if (strcmp(way, "cut") == 0)
		cut_short();
	else if (strcmp(way, "cancel") == 0)
		cancelled();
	puts("awake");
	return 5;
}
