/*
 * harmless: does what a profiler might disturb, and prints what came of it: the same in every run, profiled or not.
 * `harmless WHAT`; hot is where the time goes meanwhile. A test that fails prints why.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "burn.h"

extern char **environ;

HOT(hot)
HOT(hot_handler)
HOT(hot_after)

/* ---- what the program sees of itself ---- */

static int see_environment(void)
{
	for (char **e = environ; *e; e++)
		if (strncmp(*e, "_=", 2) != 0)
			puts(*e);
	printf("LD_PRELOAD %s\n", getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "none");
	return 0;
}

static int see_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;

	hot(20);
	while (dir && (e = readdir(dir))) {
		char target[256];
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof target - 1);

		if (n < 0 || atoi(e->d_name) == dirfd(dir))
			continue;
		target[n] = 0;
		/* outputs and pipes have other names in each run */
		fprintf(stderr, "%s %s\n", e->d_name, target[0] == '/' && !strstr(target, "see_") ? target : "-");
	}
	fprintf(stderr, "next %d\n", dup(0));
	return 0;
}

/* Handlers, flags and masks of all signals, by the C library. */
static int see_signals(void)
{
	sigset_t blocked, pending;

	sigprocmask(SIG_SETMASK, NULL, &blocked);
	sigpending(&pending);
	for (int s = 1; s <= SIGRTMAX; s++) {
		struct sigaction a;
		unsigned long long mask = 0;

		if (s == 32 || s == 33 || sigaction(s, NULL, &a) < 0)
			continue;
		for (int i = 1; i <= 64; i++)
			mask |= (unsigned long long)(sigismember(&a.sa_mask, i) == 1) << (i - 1);
		printf("%d %s %x %llx %d %d\n", s, a.sa_handler == SIG_DFL ? "default" : a.sa_handler == SIG_IGN ? "ignore" : "handler",
		       (unsigned)a.sa_flags, mask, sigismember(&blocked, s), sigismember(&pending, s));
	}
	return 0;
}

/* The same by the kernel. */
static int see_kernel_signals(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "Sig", 3) == 0 || strncmp(line, "ShdPnd", 6) == 0)
			fputs(line, stdout);
	return 0;
}

/* ---- signals ---- */

static volatile sig_atomic_t handled;

static void count(int s) { (void)s; handled++; }
static void burn_in_handler(int s) { (void)s; hot_handler(30); handled++; }

static int block_all(void)
{
	sigset_t all, now, before;
	int n = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	hot(200);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	for (int i = 1; i <= 64; i++)
		n += sigismember(&now, i) == 1;
	printf("%d blocked\n", n);
	pthread_sigmask(SIG_SETMASK, &before, &now);
	for (int i = 1; i <= 64; i++)
		n += sigismember(&now, i) == 1;
	printf("%d blocked twice\n", n);
	return 0;
}

static void *block_all_thread(void *unused)
{
	block_all();
	return unused;
}

static int block_all_in_thread(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, block_all_thread, NULL) || pthread_join(t, NULL);
}

/* Waits for any signal, in each way; only those that were sent may come. */
static void *wait_for_all(void *unused)
{
	sigset_t all;
	siginfo_t info;
	struct timespec minute = { 60, 0 };
	int s;

	sigfillset(&all);
	sigdelset(&all, SIGINT);
	sigdelset(&all, SIGTERM);
	for (int i = 0; i < 30; i++) {
		s = 0;
		if (i % 3 == 0)
			sigwait(&all, &s);
		else if (i % 3 == 1)
			s = sigwaitinfo(&all, &info);
		else
			s = sigtimedwait(&all, &info, &minute);
		if (s != SIGUSR1)
			printf("%d came (%s)\n", s, s < 0 ? strerror(errno) : strsignal(s));
		hot_after(3);
	}
	return unused;
}

static int wait_all(void)
{
	sigset_t all;
	pthread_t t;

	sigfillset(&all);
	sigdelset(&all, SIGINT);
	sigdelset(&all, SIGTERM);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	if (pthread_create(&t, NULL, wait_for_all, NULL))
		return 1;
	/* each is sent once the last is no longer pending */
	for (int i = 0; i < 30; i++) {
		sigset_t pending;

		hot(5);
		kill(getpid(), SIGUSR1);
		do
			sigpending(&pending);
		while (sigismember(&pending, SIGUSR1) == 1);
	}
	pthread_join(t, NULL);
	puts("waited");
	return 0;
}

static int read_all(void)
{
	struct signalfd_siginfo info;
	sigset_t all;
	int fd, others = 0, sent = 0;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	for (int i = 0; i < 50; i++) {
		hot(4);
		raise(SIGUSR2);
		while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
			*(info.ssi_signo == SIGUSR2 ? &sent : &others) += 1;
	}
	printf("%d sent, %d others\n", sent, others);
	return 0;
}

static int reset_all(void)
{
	for (int s = 1; s <= SIGRTMAX; s++)
		if (s != SIGKILL && s != SIGSTOP && s != 32 && s != 33 && signal(s, SIG_DFL) == SIG_ERR)
			printf("%d cannot be reset\n", s);
	hot(200);
	return see_signals();
}

static int ignore_all(void)
{
	struct sigaction a = { .sa_handler = SIG_IGN };

	for (int s = 1; s <= SIGRTMAX; s++)
		if (s != SIGKILL && s != SIGSTOP && s != 32 && s != 33 && sigaction(s, &a, NULL))
			printf("%d cannot be ignored\n", s);
	hot(200);
	return see_signals();
}

/* A handler of the program's own for each signal, called once by each, all others blocked in it. */
static int handle_all(void)
{
	struct sigaction a = { .sa_handler = count };

	sigfillset(&a.sa_mask);
	for (int s = 1; s <= SIGRTMAX; s++)
		if (s != SIGKILL && s != SIGSTOP && s != 32 && s != 33) {
			sigaction(s, &a, NULL);
			hot(2);
			raise(s);
		}
	printf("%d handled\n", (int)handled);
	a.sa_handler = burn_in_handler;
	sigaction(SIGUSR1, &a, NULL);
	for (int i = 0; i < 5; i++)
		raise(SIGUSR1);
	hot(50);
	printf("%d handled\n", (int)handled);
	return see_signals();
}

/* ---- calls that a signal could cut short ---- */

static struct { const char *name; long calls, wrong; int error; } results[10];

static void note(int i, const char *name, int right)
{
	results[i].name = name;
	results[i].calls++;
	if (!right && results[i].wrong++ == 0)
		results[i].error = errno;
}

/* Writes a byte a round, whenever it is asked to. */
static int question[2], answer[2];

static void *answerer(void *unused)
{
	char byte;

	while (read(question[0], &byte, 1) == 1)
		if (hot(1), write(answer[1], &byte, 1) != 1)
			break;
	return unused;
}

static void *sleepers(void *unused)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), pair[2];
	struct timeval brief = { 0, 300 };
	struct epoll_event event;
	sem_t never;

	sem_init(&never, 0, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return unused;
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof brief);
	for (int i = 0; i < 400; i++) {
		struct timespec t = { 0, 20000 }, left = { 7, 7 }, until;
		struct timeval v = { 0, 100 };
		char byte = 'x';

		/* some time of this thread's own before each, so that its clock may run out at any moment of the call */
		hot(0), errno = 0;
		note(0, "nanosleep", nanosleep(&t, &left) == 0 && left.tv_sec == 7);
		hot(0), errno = 0;
		note(1, "clock_nanosleep", clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL) == 0);
		hot(0), errno = 0;
		note(2, "poll", poll(NULL, 0, 1) == 0);
		hot(0), errno = 0;
		note(3, "select", select(0, NULL, NULL, NULL, &v) == 0);
		hot(0), errno = 0;
		note(4, "epoll_wait", epoll_wait(epoll, &event, 1, 1) == 0);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 100000;
		if (until.tv_nsec >= 1000000000)
			until.tv_nsec -= 1000000000, until.tv_sec++;
		hot(0), errno = 0;
		note(5, "sem_timedwait", sem_timedwait(&never, &until) == -1 && errno == ETIMEDOUT);
		hot(0), errno = 0;
		note(6, "recv", recv(pair[0], &byte, 1, 0) == -1 && errno == EAGAIN);
		hot(0), errno = 0;
		note(7, "read", write(question[1], &byte, 1) == 1 && read(answer[0], &byte, 1) == 1);
		hot(0), errno = 0;
		note(8, "usleep", usleep(30) == 0);
	}
	return unused;
}

static int sleep_all(void)
{
	pthread_t a, b;

	if (pipe(question) || pipe(answer) || pthread_create(&a, NULL, answerer, NULL) ||
	    pthread_create(&b, NULL, sleepers, NULL))
		return 1;
	pthread_join(b, NULL);
	close(question[1]);
	pthread_join(a, NULL);
	for (int i = 0; results[i].name; i++)
		printf("%s %ld calls, %ld cut short%s%s\n", results[i].name, results[i].calls, results[i].wrong,
		       results[i].wrong ? ": " : "", results[i].wrong ? strerror(results[i].error) : "");
	return 0;
}

/* ---- the program's own timers, stacks and jumps ---- */

static int own_timer(void)
{
	struct itimerval each = { { 0, 10000 }, { 0, 10000 } }, none = { { 0, 0 }, { 0, 0 } }, got;
	struct sigaction a = { .sa_handler = count, .sa_flags = SA_RESTART };
	int ms = 300;

	sigaction(SIGPROF, &a, NULL);
	setitimer(ITIMER_PROF, &each, NULL);
	hot(300);
	/* the kernel charges by its ticks, which on a crowded machine are few, or find this thread more often than is its due */
	for (; handled <= 10 && ms < 10000; ms += 10)
		hot(10);
	getitimer(ITIMER_PROF, &got);
	setitimer(ITIMER_PROF, &none, NULL);
	printf("ticks %s, interval %ld\n", handled > 10 && handled <= 2 * ms / 10 ? "came" : "did not come",
	       (long)got.it_interval.tv_usec);
	return 0;
}

/* A signal stack of 16 KiB with a page below that must not be touched. */
static int small_stack(void)
{
	size_t size = 16384;
	char *memory = mmap(NULL, size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_size = size }, now;
	struct sigaction a = { .sa_handler = burn_in_handler, .sa_flags = SA_ONSTACK };

	if (memory == MAP_FAILED || mprotect(memory, 4096, PROT_NONE))
		return 1;
	stack.ss_sp = memory + 4096;
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &a, NULL);
	for (int i = 0; i < 8; i++) {
		hot(5);
		raise(SIGUSR1);
	}
	sigaltstack(NULL, &now);
	printf("%d handled, %zu bytes, %s\n", (int)handled, now.ss_size, now.ss_sp == stack.ss_sp ? "the same" : "another");
	return 0;
}

static sigjmp_buf back;
static volatile sig_atomic_t jumping;

static void jump(int s)
{
	(void)s;
	handled++;
	if (jumping)
		siglongjmp(back, 1);
}

/* Jumps out of handlers that come at any moment, a sample's handler included. */
static int jump_out(void)
{
	struct itimerval each = { { 0, 4000 }, { 0, 4000 } }, none = { { 0, 0 }, { 0, 0 } };
	struct sigaction a = { .sa_handler = jump };
	volatile int jumps = 0;

	sigaction(SIGVTALRM, &a, NULL);
	setitimer(ITIMER_VIRTUAL, &each, NULL);
	if (sigsetjmp(back, 1))
		jumps++;
	if (jumps < 60) {
		jumping = 1;
		for (;;)
			hot(10);
	}
	jumping = 0;
	setitimer(ITIMER_VIRTUAL, &none, NULL);
	hot_after(200);
	printf("%d jumps\n", jumps);
	return 0;
}

static ucontext_t contexts[3];
static long turns;

static void coroutine(int self)
{
	for (int i = 0; i < 3000; i++) {
		hot(0);
		turns++;
		swapcontext(&contexts[self], &contexts[self == 1 ? 2 : 1]);
	}
}

static int coroutines(void)
{
	for (int i = 1; i <= 2; i++) {
		getcontext(&contexts[i]);
		contexts[i].uc_stack.ss_size = 65536;
		contexts[i].uc_stack.ss_sp = malloc(65536);
		contexts[i].uc_link = &contexts[0];
		makecontext(&contexts[i], (void (*)(void))coroutine, 1, i);
	}
	swapcontext(&contexts[0], &contexts[1]);
	printf("%ld turns\n", turns);
	return 0;
}

__attribute__((noinline)) static long deep(int n)
{
	volatile char space[64] = { (char)n };

	if (n % 500 == 0)
		hot(1);
	return n ? deep(n - 1) + space[0] - (char)n + 1 : 0;
}

static int recursion(void)
{
	printf("%ld deep\n", deep(40000));
	return 0;
}

static void *nothing(void *p) { return p; }
static void *a_little(void *p) { hot(0); return p; }

static int many_threads(void)
{
	long right = 0;

	for (int i = 0; i < 10000; i++) {
		pthread_t t;
		void *result;

		if (pthread_create(&t, NULL, i % 4 ? nothing : a_little, &right) == 0 && pthread_join(t, &result) == 0)
			right += result == &right;
	}
	printf("%ld threads\n", right);
	return 0;
}

/* Closes whatever it did not open itself, as a daemon does, and takes the numbers for its own files. */
static int close_all(void)
{
	int fds[8];
	pthread_t t;

	hot(50);
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	for (int i = 0; i < 8; i++)
		fds[i] = open("/dev/null", O_WRONLY);
	hot(100);
	if (pthread_create(&t, NULL, a_little, NULL) || pthread_join(t, NULL))
		return 1;
	for (int i = 0; i < 8; i++)
		printf("%d %s\n", fds[i], write(fds[i], "x", 1) == 1 ? "written" : strerror(errno));
	return 0;
}

HOT_ROUNDS(hot_rounds)

/* In the strict sandbox only read, write, _exit and sigreturn are allowed; the time-stamp counter is not. */
static int sandboxed(void)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		puts("no sandbox here");
	hot_rounds(4000);
	if (write(1, "done\n", 5) == 5)
		syscall(SYS_exit, 0);
	return 1;
}

static const struct {
	const char *name;
	int (*go)(void);
} whats[] = {
	{ "see_environment", see_environment }, { "see_descriptors", see_descriptors }, { "see_signals", see_signals },
	{ "see_kernel_signals", see_kernel_signals }, { "block_all", block_all },
	{ "block_all_in_thread", block_all_in_thread }, { "wait_all", wait_all }, { "read_all", read_all },
	{ "reset_all", reset_all }, { "ignore_all", ignore_all }, { "handle_all", handle_all },
	{ "sleep_all", sleep_all }, { "own_timer", own_timer }, { "small_stack", small_stack },
	{ "jump_out", jump_out }, { "coroutines", coroutines }, { "recursion", recursion },
	{ "many_threads", many_threads }, { "close_all", close_all },
	{ "sandboxed", sandboxed },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof whats / sizeof *whats; i++)
		if (strcmp(argv[1], whats[i].name) == 0)
			return whats[i].go();
	return 97;
}
