/*
 * blocking: calls all that blocks, in all the ways in which it may end: had, refused, in vain, interrupted, timed out,
 * cancelled, jumped out of. Prints what each call returned and what it made of errno (77 before each), and nothing that
 * depends on time; so two runs must agree to the byte. Each group by its name, or all of them.
 */
#undef _FORTIFY_SOURCE
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* What the compiler makes of calls with -D_FORTIFY_SOURCE. */
ssize_t __read_chk(int, void *, size_t, size_t);
ssize_t __pread_chk(int, void *, size_t, off_t, size_t);
ssize_t __pread64_chk(int, void *, size_t, off64_t, size_t);
ssize_t __recv_chk(int, void *, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
int __poll_chk(struct pollfd *, nfds_t, int, size_t);
int __ppoll_chk(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);
int __open_2(const char *, int);
int __open64_2(const char *, int);
int __openat_2(int, const char *, int);
int __openat64_2(int, const char *, int);

static void tell(const char *what, long result)
{
	int error = errno;
	const char *name = error == 77 ? "-" : strerrorname_np(error);

	printf("%-70s %ld %s\n", what, result, name ? name : "?");
}

/* A call, its result, errno. */
#define TRY(call) (errno = 77, tell(#call, (long)(call)))
/* The same for a value that differs from run to run. */
#define TRY_IF(call) (errno = 77, tell(#call, !!(call)))
/* The same with a signal every 5 ms until it returns. */
#define CUT(call) (interrupt(true), errno = 77, tell(#call " (cut)", (long)(call)), interrupt(false))
#define NEED(call) ((call) ? (void)0 : (perror(#call), exit(1)))

static void on_alarm(int signal) { (void)signal; }

static void handle(int signal, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(signal, &action, NULL);
}

static void interrupt(bool on)
{
	struct itimerval every = { { 0, on ? 5000 : 0 }, { 0, on ? 5000 : 0 } };

	if (on)
		handle(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &every, NULL);
}

static const struct timespec past = { 1, 0 }, wrong = { 1, 1000000000 }, negative = { 1, -1 }, soon = { 0, 2000000 },
	none = { 0, 0 }, hour = { 3600, 0 }, far = { 1l << 40, 0 };

/* ---- other threads ---- */

struct other {
	pthread_t id;
	_Atomic pid_t tid;
	void *(*does)(void *);
	void *with;
};

static void *begin_other(void *p)
{
	struct other *o = p;

	o->tid = gettid();
	return o->does(o->with);
}

static void start(struct other *o, void *(*does)(void *), void *with)
{
	o->tid = 0;
	o->does = does;
	o->with = with;
	NEED(pthread_create(&o->id, NULL, begin_other, o) == 0);
}

/* Until it sleeps in the kernel. */
static void until_asleep(struct other *o)
{
	char path[64], text[512];

	while (!o->tid)
		sched_yield();
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", o->tid);
	for (;;) {
		FILE *f = fopen(path, "r");
		char *end = NULL;

		if (f && fgets(text, sizeof text, f))
			end = strrchr(text, ')');
		if (f)
			fclose(f);
		if (end && end[2] == 'S')
			return;
		sched_yield();
	}
}

static long end(struct other *o)
{
	void *result;

	pthread_join(o->id, &result);
	return (long)result;
}

/* ---- mutexes ---- */

static pthread_mutex_t mutex_of(int type, int robust, int protocol)
{
	pthread_mutex_t m;
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, type);
	pthread_mutexattr_setrobust(&a, robust);
	pthread_mutexattr_setprotocol(&a, protocol);
	if (protocol == PTHREAD_PRIO_PROTECT)
		pthread_mutexattr_setprioceiling(&a, sched_get_priority_min(SCHED_FIFO));
	pthread_mutex_init(&m, &a);
	pthread_mutexattr_destroy(&a);
	return m;
}

static pthread_mutex_t lock;

static void *lock_it(void *unused)
{
	(void)unused;
	return (void *)(long)pthread_mutex_lock(&lock);
}

static void *lock_and_unlock(void *unused)
{
	int result = pthread_mutex_lock(&lock);

	(void)unused;
	pthread_mutex_unlock(&lock);
	return (void *)(long)result;
}

static void *try_it(void *unused)
{
	int result = pthread_mutex_trylock(&lock);

	(void)unused;
	if (result == 0)
		pthread_mutex_unlock(&lock);
	return (void *)(long)result;
}

static void *unlock_it(void *unused)
{
	(void)unused;
	return (void *)(long)pthread_mutex_unlock(&lock);
}

static void *late(void *unused)
{
	(void)unused;
	TRY(pthread_mutex_timedlock(&lock, &past));
	TRY(pthread_mutex_timedlock(&lock, &wrong));
	TRY(pthread_mutex_timedlock(&lock, &negative));
	TRY(pthread_mutex_clocklock(&lock, CLOCK_MONOTONIC, &past));
	TRY(pthread_mutex_clocklock(&lock, CLOCK_MONOTONIC, &wrong));
	TRY(pthread_mutex_clocklock(&lock, CLOCK_PROCESS_CPUTIME_ID, &past));
	return NULL;
}

static void one_mutex(const char *what, int type, int robust, int protocol)
{
	struct other o;

	printf("-- %s\n", what);
	lock = mutex_of(type, robust, protocol);
	TRY(pthread_mutex_lock(&lock));
	start(&o, try_it, NULL);
	TRY(end(&o));
	start(&o, late, NULL);
	end(&o);
	start(&o, lock_and_unlock, NULL);
	until_asleep(&o);
	if (type == PTHREAD_MUTEX_RECURSIVE || type == PTHREAD_MUTEX_ERRORCHECK) {
		TRY(pthread_mutex_lock(&lock));
		TRY(pthread_mutex_trylock(&lock));
		TRY(pthread_mutex_timedlock(&lock, &past));
	}
	if (type == PTHREAD_MUTEX_RECURSIVE) {
		TRY(pthread_mutex_unlock(&lock));
		TRY(pthread_mutex_unlock(&lock));
		TRY(pthread_mutex_unlock(&lock));
	}
	TRY(pthread_mutex_unlock(&lock));
	TRY(end(&o));
	TRY(pthread_mutex_timedlock(&lock, &wrong)); /* free */
	TRY(pthread_mutex_unlock(&lock));
	TRY(pthread_mutex_clocklock(&lock, CLOCK_PROCESS_CPUTIME_ID, &past));
	if (type == PTHREAD_MUTEX_RECURSIVE || type == PTHREAD_MUTEX_ERRORCHECK) {
		TRY(pthread_mutex_unlock(&lock));
		TRY(pthread_mutex_lock(&lock));
		start(&o, unlock_it, NULL);
		TRY(end(&o));
		TRY(pthread_mutex_unlock(&lock));
	}
	if (robust == PTHREAD_MUTEX_ROBUST) {
		start(&o, lock_it, NULL); /* and ends with it */
		TRY(end(&o));
		TRY(pthread_mutex_lock(&lock));
		TRY(pthread_mutex_consistent(&lock));
		TRY(pthread_mutex_unlock(&lock));
		start(&o, lock_it, NULL);
		TRY(end(&o));
		TRY(pthread_mutex_timedlock(&lock, &past));
		TRY(pthread_mutex_unlock(&lock)); /* inconsistent */
		TRY(pthread_mutex_lock(&lock));
	}
	TRY(pthread_mutex_destroy(&lock));
}

static void mutexes(void)
{
	one_mutex("normal", PTHREAD_MUTEX_NORMAL, 0, 0);
	one_mutex("adaptive", PTHREAD_MUTEX_ADAPTIVE_NP, 0, 0);
	one_mutex("recursive", PTHREAD_MUTEX_RECURSIVE, 0, 0);
	one_mutex("errorcheck", PTHREAD_MUTEX_ERRORCHECK, 0, 0);
	one_mutex("robust", PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, 0);
	one_mutex("robust, recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ROBUST, 0);
	one_mutex("robust, errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ROBUST, 0);
	one_mutex("inherits", PTHREAD_MUTEX_NORMAL, 0, PTHREAD_PRIO_INHERIT);
	one_mutex("inherits, errorcheck", PTHREAD_MUTEX_ERRORCHECK, 0, PTHREAD_PRIO_INHERIT);
	one_mutex("inherits, robust", PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_INHERIT);
	lock = mutex_of(PTHREAD_MUTEX_NORMAL, 0, PTHREAD_PRIO_PROTECT); /* threads of ordinary priority may not */
	TRY(pthread_mutex_lock(&lock));
	TRY(pthread_mutex_unlock(&lock));
	lock = mutex_of(PTHREAD_MUTEX_RECURSIVE, 0, 0);
	for (int i = 0; i < 3; i++)
		TRY(pthread_mutex_lock(&lock));
	lock.__data.__count = UINT32_MAX; /* as deep as it gets */
	TRY(pthread_mutex_lock(&lock));
}

/* ---- mutexes of C11 ---- */

static mtx_t c11;
static cnd_t c11_changed;

static int c11_lock(void *unused)
{
	int result = mtx_lock(&c11);

	(void)unused;
	mtx_unlock(&c11);
	return 40 + result;
}

static void *c11_late(void *unused)
{
	(void)unused;
	TRY(mtx_trylock(&c11));
	TRY(mtx_timedlock(&c11, &past));
	TRY(mtx_timedlock(&c11, &wrong));
	return NULL;
}

static void c11_threads(void)
{
	struct other o;
	thrd_t t;
	int result = 0;

	TRY(mtx_init(&c11, mtx_timed | mtx_recursive));
	TRY(mtx_lock(&c11));
	TRY(mtx_lock(&c11));
	TRY(mtx_unlock(&c11));
	start(&o, c11_late, NULL);
	end(&o);
	TRY(thrd_create(&t, c11_lock, NULL));
	TRY(mtx_unlock(&c11));
	TRY(thrd_join(t, &result));
	TRY(result);
	TRY(mtx_timedlock(&c11, &wrong));
	TRY(cnd_init(&c11_changed));
	TRY(cnd_timedwait(&c11_changed, &c11, &past));
	TRY(cnd_timedwait(&c11_changed, &c11, &wrong));
	TRY(mtx_unlock(&c11));
	cnd_destroy(&c11_changed);
	mtx_destroy(&c11);
	TRY(thrd_sleep(&soon, NULL));
	TRY(thrd_sleep(&wrong, NULL));
	CUT(thrd_sleep(&hour, NULL));
}

/* ---- read-write locks, spin locks, barriers ---- */

static pthread_rwlock_t rw;

static void *write_lock(void *unused)
{
	int result = pthread_rwlock_wrlock(&rw);

	(void)unused;
	pthread_rwlock_unlock(&rw);
	return (void *)(long)result;
}

static void *read_lock(void *unused)
{
	int result = pthread_rwlock_rdlock(&rw);

	(void)unused;
	pthread_rwlock_unlock(&rw);
	return (void *)(long)result;
}

static void *rw_late(void *unused)
{
	(void)unused;
	TRY(pthread_rwlock_tryrdlock(&rw));
	TRY(pthread_rwlock_trywrlock(&rw));
	TRY(pthread_rwlock_timedrdlock(&rw, &past));
	TRY(pthread_rwlock_timedwrlock(&rw, &past));
	TRY(pthread_rwlock_timedrdlock(&rw, &wrong));
	TRY(pthread_rwlock_timedwrlock(&rw, &negative));
	TRY(pthread_rwlock_clockrdlock(&rw, CLOCK_MONOTONIC, &past));
	TRY(pthread_rwlock_clockwrlock(&rw, CLOCK_MONOTONIC, &past));
	TRY(pthread_rwlock_clockrdlock(&rw, CLOCK_THREAD_CPUTIME_ID, &past));
	TRY(pthread_rwlock_clockwrlock(&rw, CLOCK_THREAD_CPUTIME_ID, &past));
	return NULL;
}

/* Readers pass by a writer that waits, or queue behind it. */
static void *pass_by(void *unused)
{
	int result;

	(void)unused;
	TRY(result = pthread_rwlock_tryrdlock(&rw));
	if (result == 0)
		pthread_rwlock_unlock(&rw);
	TRY(result = pthread_rwlock_timedrdlock(&rw, &past));
	if (result == 0)
		pthread_rwlock_unlock(&rw);
	TRY(pthread_rwlock_timedwrlock(&rw, &past));
	return NULL;
}

static void one_rwlock(const char *what, int prefers)
{
	struct other o, p;
	pthread_rwlockattr_t a;

	printf("-- %s\n", what);
	pthread_rwlockattr_init(&a);
	pthread_rwlockattr_setkind_np(&a, prefers);
	pthread_rwlock_init(&rw, &a);
	TRY(pthread_rwlock_wrlock(&rw));
	TRY(pthread_rwlock_wrlock(&rw));
	TRY(pthread_rwlock_rdlock(&rw));
	TRY(pthread_rwlock_timedwrlock(&rw, &past));
	start(&o, rw_late, NULL);
	end(&o);
	start(&o, read_lock, NULL);
	until_asleep(&o);
	TRY(pthread_rwlock_unlock(&rw));
	TRY(end(&o));
	TRY(pthread_rwlock_rdlock(&rw));
	start(&o, write_lock, NULL);
	until_asleep(&o);
	start(&p, pass_by, NULL);
	end(&p);
	TRY(pthread_rwlock_unlock(&rw));
	TRY(end(&o));
	TRY(pthread_rwlock_timedrdlock(&rw, &wrong)); /* free */
	TRY(pthread_rwlock_timedwrlock(&rw, &wrong));
	TRY(pthread_rwlock_clockrdlock(&rw, 99, &past));
	TRY(pthread_rwlock_timedwrlock(&rw, &past));
	TRY(pthread_rwlock_unlock(&rw));
	TRY(pthread_rwlock_destroy(&rw));
}

static pthread_spinlock_t spin;
static pthread_barrier_t barrier;

static void *spin_lock(void *unused)
{
	int result = pthread_spin_lock(&spin);

	(void)unused;
	pthread_spin_unlock(&spin);
	return (void *)(long)result;
}

static void *meet(void *unused)
{
	(void)unused;
	return (void *)(long)(pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD);
}

static void other_locks(void)
{
	struct other o;
	bool last;

	one_rwlock("prefers readers", PTHREAD_RWLOCK_PREFER_READER_NP);
	one_rwlock("prefers writers", PTHREAD_RWLOCK_PREFER_WRITER_NP);
	one_rwlock("prefers writers, not recursive", PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	TRY(pthread_spin_init(&spin, 0));
	TRY(pthread_spin_lock(&spin));
	TRY(pthread_spin_trylock(&spin));
	start(&o, spin_lock, NULL);
	while (!o.tid)
		sched_yield();
	TRY(pthread_spin_unlock(&spin));
	TRY(end(&o));
	TRY(pthread_spin_destroy(&spin));
	TRY(pthread_barrier_init(&barrier, NULL, 0));
	TRY(pthread_barrier_init(&barrier, NULL, 2));
	start(&o, meet, NULL);
	last = pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
	TRY(last + end(&o));
	TRY(pthread_barrier_destroy(&barrier));
}

/* ---- semaphores, conditions, joins ---- */

static sem_t sem;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static bool ready;

static void *await_sem(void *unused)
{
	(void)unused;
	return (void *)(long)sem_wait(&sem);
}

static void *await_ready(void *unused)
{
	int result = 0;

	(void)unused;
	pthread_mutex_lock(&guard);
	while (!ready && !result)
		result = pthread_cond_wait(&changed, &guard);
	pthread_mutex_unlock(&guard);
	return (void *)(long)result;
}

static void *give_back(void *value) { return value; }

static void conditions(void)
{
	struct other o;
	void *value;

	TRY(sem_init(&sem, 0, 1));
	TRY(sem_wait(&sem));
	TRY(sem_trywait(&sem));
	TRY(sem_timedwait(&sem, &past));
	TRY(sem_timedwait(&sem, &wrong));
	TRY(sem_clockwait(&sem, CLOCK_MONOTONIC, &past));
	TRY(sem_clockwait(&sem, 99, &past));
	CUT(sem_wait(&sem));
	CUT(sem_timedwait(&sem, &far));
	TRY(sem_post(&sem));
	TRY(sem_timedwait(&sem, &wrong)); /* free */
	TRY(sem_clockwait(&sem, 99, &past));
	TRY(sem_timedwait(&sem, &past));
	start(&o, await_sem, NULL);
	until_asleep(&o);
	TRY(sem_post(&sem));
	TRY(end(&o));
	TRY(sem_destroy(&sem));

	TRY(pthread_mutex_lock(&guard));
	TRY(pthread_cond_timedwait(&changed, &guard, &past));
	TRY(pthread_cond_timedwait(&changed, &guard, &wrong));
	TRY(pthread_cond_clockwait(&changed, &guard, CLOCK_MONOTONIC, &past));
	TRY(pthread_cond_clockwait(&changed, &guard, 99, &past));
	TRY(pthread_mutex_unlock(&guard));
	start(&o, await_ready, NULL);
	until_asleep(&o);
	pthread_mutex_lock(&guard);
	ready = true;
	TRY(pthread_cond_signal(&changed));
	pthread_mutex_unlock(&guard);
	TRY(end(&o));
	lock = mutex_of(PTHREAD_MUTEX_ERRORCHECK, 0, 0);
	TRY(pthread_cond_timedwait(&changed, &lock, &past)); /* not locked */

	start(&o, give_back, (void *)17);
	TRY(pthread_join(o.id, &value));
	TRY((long)value);
	TRY(pthread_join(pthread_self(), NULL));
	sem_init(&sem, 0, 0);
	start(&o, await_sem, NULL);
	TRY(pthread_timedjoin_np(o.id, &value, &past));
	TRY(pthread_clockjoin_np(o.id, &value, CLOCK_MONOTONIC, &past));
	sem_post(&sem);
	TRY(pthread_timedjoin_np(o.id, &value, &far));
	TRY((long)value);
}

/* ---- sleeps, signals, children ---- */

static void sleeps(void)
{
	struct timespec left = { 0, 0 };
	siginfo_t info;
	sigset_t set, all_but;
	int number = 0;

	TRY(sleep(0));
	TRY(usleep(1000));
	TRY(nanosleep(&soon, NULL));
	TRY(nanosleep(&wrong, NULL));
	TRY(nanosleep(NULL, NULL));
	TRY(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &past, NULL));
	TRY(clock_nanosleep(CLOCK_MONOTONIC, 0, &wrong, NULL));
	TRY(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &soon, NULL));
	TRY(clock_nanosleep(99, 0, &soon, NULL));
	interrupt(true);
	TRY_IF(sleep(3600) > 0);
	interrupt(false);
	CUT(usleep(999999));
	CUT(nanosleep(&hour, &left));
	TRY_IF(left.tv_sec > 3000);
	CUT(clock_nanosleep(CLOCK_REALTIME, 0, &hour, &left));
	CUT(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &far, NULL));
	CUT(pause());

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	handle(SIGUSR1, on_alarm);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	TRY(sigwait(&set, &number));
	TRY(number);
	raise(SIGUSR1);
	TRY(sigwaitinfo(&set, &info));
	TRY(info.si_signo);
	TRY(sigtimedwait(&set, NULL, &none));
	TRY(sigtimedwait(&set, NULL, &wrong));
	CUT(sigtimedwait(&set, NULL, &hour));
	CUT(sigwaitinfo(&set, NULL));
	raise(SIGUSR1);
	sigfillset(&all_but);
	sigdelset(&all_but, SIGUSR1);
	TRY(sigsuspend(&all_but));
	TRY(sigsuspend(NULL));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static pid_t child(int status)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(status);
	return pid;
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	while (pid == 0)
		pause();
	return pid;
}

static void children(void)
{
	struct rusage usage;
	siginfo_t info;
	int status;
	FILE *f;
	pid_t pid;

	fflush(stdout); /* children have it too */
	TRY(wait(&status));
	TRY(waitpid(-1, &status, 0));
	TRY(waitpid(-1, &status, 0x40000000));
	TRY(waitid(P_ALL, 0, &info, WEXITED));
	TRY(waitid(P_ALL, 0, &info, 0));
	fflush(stdout);
	pid = child(3);
	TRY_IF(wait(&status) == pid);
	TRY(WEXITSTATUS(status));
	fflush(stdout);
	pid = child(4);
	TRY_IF(waitpid(pid, &status, 0) == pid);
	TRY(WEXITSTATUS(status));
	fflush(stdout);
	pid = child(5);
	TRY(waitid(P_PID, (id_t)pid, &info, WEXITED));
	TRY(info.si_status);
	fflush(stdout);
	pid = child(6);
	TRY_IF(wait3(&status, 0, &usage) == pid);
	fflush(stdout);
	pid = child(7);
	TRY_IF(wait4(pid, &status, 0, &usage) == pid);
	fflush(stdout);
	pid = sleeper();
	TRY(waitpid(pid, &status, WNOHANG));
	CUT(waitpid(pid, &status, 0));
	CUT(wait(NULL));
	CUT(waitid(P_ALL, 0, &info, WEXITED));
	kill(pid, SIGTERM);
	TRY_IF(waitpid(pid, &status, 0) == pid);
	TRY(WTERMSIG(status));
	fflush(stdout);
	TRY(WEXITSTATUS(system("exit 9")));
	TRY(system(NULL));
	f = popen("exit 8", "r");
	TRY(WEXITSTATUS(pclose(f)));
}

/* ---- polls ---- */

static void polls(void)
{
	int fds[2], e = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN };
	struct timeval now = { 0, 0 }, hour_too = { 3600, 0 }, millisecond = { 0, 1000 };
	struct aiocb io = { 0 };
	const struct aiocb *list[1] = { &io };
	struct pollfd p;
	sigset_t mask;
	fd_set set;

	NEED(pipe(fds) == 0);
	p = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	epoll_ctl(e, EPOLL_CTL_ADD, fds[0], &event);
	sigemptyset(&mask);
	FD_ZERO(&set);
	TRY(poll(&p, 1, 0));
	TRY(poll(&p, 1, 1));
	TRY(poll((void *)1, 1, 0));
	TRY(poll((void *)1, 1, -1));
	CUT(poll(&p, 1, -1));
	CUT(poll(NULL, 0, 3600000));
	CUT(__poll_chk(&p, 1, -1, sizeof p));
	TRY(__poll_chk(&p, 1, 0, sizeof p));
	TRY(ppoll(&p, 1, &none, NULL));
	TRY(ppoll(&p, 1, &wrong, NULL));
	CUT(ppoll(&p, 1, NULL, &mask));
	CUT(__ppoll_chk(&p, 1, &hour, &mask, sizeof p));
	TRY(select(0, NULL, NULL, NULL, &now));
	TRY(select(-1, NULL, NULL, NULL, &now));
	TRY(select(0, NULL, NULL, NULL, &millisecond));
	CUT(select(0, NULL, NULL, NULL, NULL));
	CUT(select(0, NULL, NULL, NULL, &hour_too));
	TRY_IF(hour_too.tv_sec < 3600); /* Linux says what is left */
	FD_SET(50, &set);
	TRY(select(51, &set, NULL, NULL, NULL));
	TRY(pselect(0, NULL, NULL, NULL, &none, NULL));
	TRY(pselect(0, NULL, NULL, NULL, &wrong, NULL));
	CUT(pselect(0, NULL, NULL, NULL, &hour, &mask));
	TRY(epoll_wait(e, &event, 1, 0));
	TRY(epoll_wait(e, &event, 1, 1));
	TRY(epoll_wait(e, &event, 0, -1));
	TRY(epoll_wait(999, &event, 1, -1));
	CUT(epoll_wait(e, &event, 1, -1));
	CUT(epoll_pwait(e, &event, 1, -1, &mask));
	TRY(epoll_pwait(e, &event, 1, 0, &mask));
	CUT(epoll_pwait2(e, &event, 1, &hour, &mask));
	TRY(epoll_pwait2(e, &event, 1, &none, NULL));
	TRY(epoll_pwait2(e, &event, 1, &wrong, NULL));
	TRY(write(fds[1], "x", 1));
	TRY(poll(&p, 1, -1));
	TRY(ppoll(&p, 1, NULL, NULL));
	TRY(epoll_wait(e, &event, 1, -1));
	TRY(event.events);
	TRY(aio_suspend(list, 0, &soon));
	TRY(aio_suspend64((const struct aiocb64 *const *)list, 0, &soon));
	close(fds[0]);
	close(fds[1]);
	close(e);
}

/* ---- files ---- */

static void reads(void)
{
	char b[16] = { 0 };
	struct iovec v = { b, 4 }, bad = { (void *)1, 4 };
	int fds[2], empty[2], file = open("blocking.data", O_RDWR | O_CREAT | O_TRUNC, 0600), folder = open(".", O_RDONLY);
	off64_t at = 0, from = 0;

	NEED(pipe(fds) == 0 && pipe(empty) == 0);
	TRY(write(file, "0123456789abcdef", 16));
	TRY(read(file, b, 4));
	TRY(lseek(file, 0, SEEK_SET));
	TRY(read(file, b, 4));
	TRY(b[3]);
	TRY(__read_chk(file, b, 4, sizeof b));
	TRY(b[3]);
	TRY(pread(file, b, 4, 8));
	TRY(b[3]);
	TRY(pread64(file, b, 4, 12));
	TRY(b[3]);
	TRY(__pread_chk(file, b, 4, 1, sizeof b));
	TRY(__pread64_chk(file, b, 4, 2, sizeof b));
	TRY(b[3]);
	TRY(readv(file, &v, 1));
	TRY(preadv(file, &v, 1, 3));
	TRY(preadv64(file, &v, 1, 4));
	TRY(preadv2(file, &v, 1, 5, 0));
	TRY(preadv64v2(file, &v, 1, 6, 0));
	TRY(b[3]);
	TRY(preadv2(file, &v, 1, 5, 0x4000));
	TRY(readv(file, &v, -1));
	TRY(readv(file, &bad, 1));
	TRY(read(-1, b, 4));
	TRY(read(file, (void *)1, 4));
	TRY(read(folder, b, 4));
	TRY(pread(fds[0], b, 4, 0));
	CUT(read(empty[0], b, 4));
	CUT(readv(empty[0], &v, 1));
	CUT(__read_chk(empty[0], b, 4, sizeof b));
	fcntl(empty[0], F_SETFL, O_NONBLOCK);
	TRY(read(empty[0], b, 4));
	close(empty[1]);
	TRY(read(empty[0], b, 4));

	TRY(pwrite(file, "xy", 2, 1));
	TRY(pwrite64(file, "xy", 2, 2));
	TRY(writev(file, &v, 1));
	TRY(pwritev(file, &v, 1, 3));
	TRY(pwritev64(file, &v, 1, 4));
	TRY(pwritev2(file, &v, 1, 5, 0));
	TRY(pwritev64v2(file, &v, 1, 6, 0));
	TRY(pwritev2(file, &v, 1, 6, 0x4000));
	TRY(write(-1, b, 1));
	TRY(write(fds[1], (void *)1, 1));
	TRY(writev(fds[1], &v, 1));
	TRY(pwrite(fds[1], b, 1, 0));
	TRY(lseek(file, 0, SEEK_SET));
	TRY(sendfile(fds[1], file, NULL, 4));
	TRY(sendfile64(fds[1], file, &at, 4));
	TRY(at);
	TRY(sendfile(-1, file, NULL, 4));
	at = 0;
	TRY(splice(file, &at, fds[1], NULL, 4, 0));
	TRY(splice(file, &at, file, NULL, 4, 0));
	TRY(copy_file_range(file, &from, file, &at, 2, 0));
	TRY(copy_file_range(file, &from, fds[1], NULL, 2, 0));
	close(fds[0]);
	handle(SIGPIPE, SIG_IGN);
	TRY(write(fds[1], "x", 1));
	TRY(sendfile(fds[1], file, NULL, 4));
	NEED(pipe(fds) == 0);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	while (write(fds[1], b, sizeof b) > 0)
		;
	TRY(write(fds[1], b, sizeof b));
	fcntl(fds[1], F_SETFL, 0);
	CUT(write(fds[1], b, sizeof b));
	CUT(writev(fds[1], &v, 1));

	TRY(fsync(file));
	TRY(fdatasync(file));
	TRY(fsync(fds[0]));
	TRY(fsync(-1));
	TRY(fdatasync(-1));
	TRY(syncfs(-1));
	TRY(sync_file_range(file, 0, 4, SYNC_FILE_RANGE_WRITE));
	TRY(sync_file_range(fds[0], 0, 4, 0));
	TRY(msync((void *)4096, 4096, MS_SYNC));
	TRY(msync((void *)1, 4096, MS_ASYNC));
	TRY(tcdrain(file));
	close(file);
	close(folder);
	close(fds[0]);
	close(fds[1]);
}

/* The permissions of the file that was made; it is removed. */
static long made(int fd)
{
	struct stat s = { 0 };
	int saved = errno;

	fstat(fd, &s);
	close(fd);
	unlink("made");
	errno = saved;
	return fd < 0 ? -1 : (long)s.st_mode;
}

static void opens(void)
{
	char name[] = "madeXXXXXX";

	umask(022);
	TRY(open("nonexistent", O_RDONLY));
	TRY(open64("nonexistent", O_RDONLY));
	TRY(openat(AT_FDCWD, "nonexistent", O_RDONLY));
	TRY(openat(999, "nonexistent", O_RDONLY));
	TRY(open((char *)1, O_RDONLY));
	TRY(made(open("made", O_CREAT | O_EXCL | O_RDWR, 0751)));
	TRY(made(open64("made", O_CREAT | O_RDWR, 0640)));
	TRY(made(openat(AT_FDCWD, "made", O_CREAT | O_RDWR, 0604)));
	TRY(made(openat64(AT_FDCWD, "made", O_CREAT | O_RDWR, 0666)));
	TRY(made(open(".", O_TMPFILE | O_RDWR, 0620)));
	TRY(made(creat("made", 0700)));
	TRY(made(creat64("made", 0070)));
	TRY(open("blocking.data", O_CREAT | O_EXCL, 0600));
	TRY(made(__open_2("blocking.data", O_RDONLY)));
	TRY(made(__open64_2("blocking.data", O_RDONLY)));
	TRY(made(__openat_2(AT_FDCWD, "blocking.data", O_RDONLY)));
	TRY(made(__openat64_2(AT_FDCWD, "blocking.data", O_RDONLY)));
	TRY(made(mkstemp(name)));
	unlink(name);
	NEED(mkfifo("fifo", 0600) == 0);
	TRY(open("fifo", O_WRONLY | O_NONBLOCK));
	CUT(open("fifo", O_RDONLY));
	CUT(openat64(AT_FDCWD, "fifo", O_WRONLY));
	unlink("fifo");
}

/* ---- sockets and queues ---- */

static void sockets(void)
{
	int pair[2], udp = socket(AF_INET, SOCK_DGRAM, 0), listener = socket(AF_INET, SOCK_STREAM, 0),
	    client = socket(AF_INET, SOCK_STREAM, 0), server;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } }, closed;
	socklen_t length = sizeof address;
	struct timeval limit = { 0, 1000 };
	char b[16];
	struct iovec v = { b, 4 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct mmsghdr mm = { .msg_hdr = m };
	struct timespec t = { 0, 1000 };

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	NEED(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 4) == 0);
	NEED(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	TRY(socket(999, 0, 0));
	TRY(recv(0, b, 4, 0));
	TRY(recv(-1, b, 4, 0));
	TRY(recv(client, b, 4, 0));
	TRY(recv(pair[0], b, 4, MSG_DONTWAIT));
	TRY(send(pair[0], "abcd", 4, 0));
	TRY(sendto(pair[0], "abcd", 4, 0, NULL, 0));
	TRY(sendmsg(pair[0], &m, 0));
	TRY(sendmmsg(pair[0], &mm, 1, 0));
	TRY(recv(pair[1], b, 4, 0));
	TRY(b[3]);
	TRY(recvfrom(pair[1], b, 4, 0, NULL, NULL));
	TRY(__recv_chk(pair[1], b, 4, sizeof b, 0));
	TRY(recvmsg(pair[1], &m, MSG_PEEK));
	TRY(recvmmsg(pair[1], &mm, 1, 0, &t));
	TRY(recvmsg(pair[1], (void *)1, 0));
	CUT(recv(pair[1], b, 4, 0));
	CUT(recvfrom(pair[1], b, 4, 0, NULL, NULL));
	CUT(__recvfrom_chk(pair[1], b, 4, sizeof b, 0, NULL, NULL));
	CUT(recvmsg(pair[1], &m, 0));
	CUT(recvmmsg(pair[1], &mm, 1, 0, NULL));
	setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	TRY(recv(pair[1], b, 4, 0));
	TRY(send(client, b, 4, MSG_NOSIGNAL));
	TRY(sendto(udp, b, 4, 0, NULL, 0));
	while (send(pair[0], b, sizeof b, MSG_DONTWAIT) > 0)
		;
	CUT(send(pair[0], b, sizeof b, 0));
	CUT(sendmsg(pair[0], &m, 0));
	TRY(accept(client, NULL, NULL));
	TRY(accept4(listener, NULL, NULL, 0x1234));
	CUT(accept(listener, NULL, NULL));
	CUT(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	TRY(connect(client, (struct sockaddr *)&address, sizeof address));
	TRY(connect(client, (struct sockaddr *)&address, sizeof address));
	TRY_IF((server = accept(listener, NULL, NULL)) > 0);
	TRY(write(server, "hello", 5));
	TRY(read(client, b, sizeof b));
	TRY(connect(-1, (struct sockaddr *)&address, sizeof address));
	close(server);
	close(client);
	client = socket(AF_INET, SOCK_STREAM, 0);
	closed = address;
	close(listener);
	TRY(connect(client, (struct sockaddr *)&closed, sizeof closed));
	TRY(connect(client, NULL, 0));
	close(pair[0]);
	setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 0, 0 }, sizeof limit);
	while (recv(pair[1], b, sizeof b, 0) > 0)
		;
	TRY(recv(pair[1], b, 4, 0));
	TRY(send(pair[1], b, 4, MSG_NOSIGNAL));
	close(pair[1]);
	close(udp);
	close(client);
}

static void names(void)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *found = NULL;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	char name[64], service[16];

	TRY(getaddrinfo("127.0.0.1", "80", &hints, &found));
	freeaddrinfo(found);
	TRY(getaddrinfo("no number", "80", &hints, &found));
	TRY(getnameinfo((struct sockaddr *)&address, sizeof address, name, sizeof name, service, sizeof service,
			NI_NUMERICHOST | NI_NUMERICSERV));
	puts(name);
}

static void queues(void)
{
	struct mq_attr attributes = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	char name[64], b[64];
	struct { long type; char text[8]; } message = { 1, "abc" };
	int id = msgget(IPC_PRIVATE, 0600), set = semget(IPC_PRIVATE, 1, 0600);
	struct sembuf down = { 0, -1, 0 }, try_down = { 0, -1, IPC_NOWAIT }, up = { 0, 1, 0 };
	mqd_t q;

	snprintf(name, sizeof name, "/assay-blocking-%d", getpid());
	q = mq_open(name, O_CREAT | O_RDWR, 0600, &attributes);
	TRY_IF(q >= 0);
	TRY(mq_send(q, "hello", 5, 1));
	TRY(mq_timedsend(q, "hello", 5, 1, &past));
	TRY(mq_timedsend(q, "hello", 5, 1, &wrong));
	CUT(mq_send(q, "hello", 5, 1));
	TRY(mq_receive(q, b, 2, NULL));
	TRY(mq_receive(q, b, sizeof b, NULL));
	TRY(mq_timedreceive(q, b, sizeof b, NULL, &past));
	CUT(mq_receive(q, b, sizeof b, NULL));
	mq_close(q);
	mq_unlink(name);
	TRY(mq_receive(q, b, sizeof b, NULL));

	TRY(msgsnd(id, &message, 4, 0));
	TRY(msgrcv(id, &message, 2, 0, 0));
	TRY(msgrcv(id, &message, 8, 0, 0));
	TRY(msgrcv(id, &message, 8, 0, IPC_NOWAIT));
	CUT(msgrcv(id, &message, 8, 0, 0));
	msgctl(id, IPC_RMID, NULL);
	TRY(msgsnd(id, &message, 4, 0));
	TRY(semop(set, &try_down, 1));
	TRY(semtimedop(set, &down, 1, &soon));
	CUT(semop(set, &down, 1));
	CUT(semtimedop(set, &down, 1, &hour));
	TRY(semop(set, &up, 1));
	TRY(semop(set, &down, 1));
	semctl(set, 0, IPC_RMID);
	TRY(semop(set, &down, 1));
}

static void file_locks(void)
{
	int a = open("locked", O_RDWR | O_CREAT, 0600), b = open("locked", O_RDWR), ready_pipe[2], n;
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char c;
	pid_t pid;

	TRY(flock(a, LOCK_EX));
	TRY(flock(b, LOCK_EX | LOCK_NB));
	CUT(flock(b, LOCK_EX));
	TRY(flock(a, LOCK_UN));
	TRY(flock(b, LOCK_SH));
	TRY(flock(-1, LOCK_EX));
	TRY(flock(a, 99));
	TRY(fcntl(a, F_OFD_SETLK, &all));
	TRY(fcntl(b, F_OFD_SETLK, &all));
	CUT(fcntl(b, F_OFD_SETLKW, &all));
	CUT(fcntl64(b, F_OFD_SETLKW, &all));
	all.l_type = F_UNLCK;
	TRY(fcntl(a, F_OFD_SETLK, &all));
	NEED(pipe(ready_pipe) == 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		all.l_type = F_WRLCK;
		fcntl(a, F_SETLK, &all);
		write(ready_pipe[1], "x", 1);
		for (;;)
			pause();
	}
	TRY(read(ready_pipe[0], &c, 1));
	all.l_type = F_WRLCK;
	TRY(fcntl(a, F_SETLK, &all));
	CUT(fcntl(a, F_SETLKW, &all));
	CUT(lockf(a, F_LOCK, 0));
	CUT(lockf64(a, F_LOCK, 0));
	TRY(lockf(a, F_TLOCK, 0));
	TRY(lockf(a, F_TEST, 0));
	kill(pid, SIGKILL);
	TRY(fcntl(a, F_SETLKW, &all));
	waitpid(pid, NULL, 0);
	TRY(lockf(a, F_ULOCK, 0));
	TRY(lockf64(a, 99, 0));
	TRY(fcntl(a, F_GETFD));
	TRY(fcntl(a, F_SETFD, FD_CLOEXEC));
	TRY(fcntl(a, F_GETFD));
	TRY(fcntl(-1, F_GETFD));
	TRY(fcntl(a, 0x7777));
	TRY_IF((n = fcntl(a, F_DUPFD, 100)) == 100);
	TRY(fcntl64(n, F_GETFL) & O_ACCMODE);
	TRY_IF((n = fcntl64(a, F_DUPFD_CLOEXEC, 200)) == 200);
	TRY(fcntl(n, F_GETFD));
	TRY(fcntl(ready_pipe[0], F_SETPIPE_SZ, 65536));
	unlink("locked");
}

static void futexes(void)
{
	static _Atomic int word = 1;

	TRY(syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, &soon, NULL, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT, 1, &wrong));
	TRY(syscall(SYS_futex, NULL, FUTEX_WAIT, 1, &soon));
	TRY(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 1, NULL, NULL, 0));
	CUT(syscall(SYS_futex, &word, FUTEX_WAIT, 1, NULL, NULL, 0));
	CUT(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, &hour, NULL, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 0)); /* no bits: the last argument arrives */
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 1, &past, NULL, FUTEX_BITSET_MATCH_ANY));
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, &past, NULL, 4));
	TRY(syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 8));
	TRY(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1, &word, 1));
	TRY(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1, &word, 2));
	TRY(syscall(SYS_futex, &word, 99, 1, NULL, NULL, 0));
	word = 0;
	TRY(syscall(SYS_futex, &word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	TRY(syscall(-1));
	TRY_IF(syscall(SYS_getpid) == getpid());
}

/* ---- out of it by other ways ---- */

static sigjmp_buf out;
static void jump_out(int signal) { siglongjmp(out, signal); }

static void *end_thread(void *unused)
{
	(void)unused;
	pause();
	return (void *)1;
}

static void end_by_signal(int signal)
{
	(void)signal;
	pthread_exit((void *)2);
}

static void nested(int signal)
{
	struct timespec t = { 0, 1000 };
	static int times;

	(void)signal;
	nanosleep(&t, NULL);
	if (++times == 3)
		handle(SIGALRM, on_alarm);
}

#define JUMP(call)                                                                          \
	do {                                                                                \
		if (sigsetjmp(out, 1) == 0) {                                               \
			interrupt(true);                                                    \
			handle(SIGALRM, jump_out);                                          \
			tell(#call " (not left)", (long)(call));                            \
		} else {                                                                    \
			interrupt(false);                                                   \
			printf("%-70s left by a jump\n", #call);                           \
		}                                                                           \
	} while (0)

static void jumps(void)
{
	int fds[2];
	char c;
	struct other o;
	struct pollfd p;

	NEED(pipe(fds) == 0);
	p = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	for (int i = 0; i < 3; i++) {
		JUMP(read(fds[0], &c, 1));
		JUMP(pause());
		JUMP(nanosleep(&hour, NULL));
		JUMP(poll(&p, 1, -1));
	}
	TRY(nanosleep(&soon, NULL));
	handle(SIGUSR2, end_by_signal);
	start(&o, end_thread, NULL);
	until_asleep(&o);
	pthread_kill(o.id, SIGUSR2);
	TRY(end(&o));
	interrupt(true); /* a handler that waits itself, in a wait */
	handle(SIGALRM, nested);
	TRY(read(fds[0], &c, 1));
	TRY(nanosleep(&hour, NULL));
	interrupt(false);
	close(fds[0]);
	close(fds[1]);
}

/* ---- cancelled ---- */

static int nothing_comes[2];
static int quiet_socket[2];
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t no_sem;
static struct other waits_long;

static void *forever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

static char b[16];
static int e;
static sigset_t usr1;
static mqd_t queue;
static int message_queue, listener, full[2];

static void cancel_read(void) { read(nothing_comes[0], b, 1); }
static void cancel_read_chk(void) { __read_chk(nothing_comes[0], b, 1, sizeof b); }
static void cancel_readv(void) { readv(nothing_comes[0], &(struct iovec){ b, 1 }, 1); }
static void cancel_write(void) { write(full[1], b, sizeof b); }
static void cancel_writev(void) { writev(full[1], &(struct iovec){ b, 16 }, 1); }
static void cancel_recv(void) { recv(quiet_socket[0], b, 1, 0); }
static void cancel_recvfrom(void) { recvfrom(quiet_socket[0], b, 1, 0, NULL, NULL); }
static void cancel_recvmsg(void) { recvmsg(quiet_socket[0], &(struct msghdr){ .msg_iov = &(struct iovec){ b, 1 }, .msg_iovlen = 1 }, 0); }
static void cancel_accept(void) { accept(listener, NULL, NULL); }
static void cancel_poll(void) { poll(NULL, 0, -1); }
static void cancel_ppoll(void) { ppoll(NULL, 0, NULL, NULL); }
static void cancel_select(void) { select(0, NULL, NULL, NULL, NULL); }
static void cancel_pselect(void) { pselect(0, NULL, NULL, NULL, NULL, NULL); }
static void cancel_epoll_wait(void) { epoll_wait(e, &(struct epoll_event){ 0 }, 1, -1); }
static void cancel_epoll_pwait(void) { epoll_pwait(e, &(struct epoll_event){ 0 }, 1, -1, NULL); }
static void cancel_sleep(void) { sleep(3600); }
static void cancel_usleep(void) { usleep(999999999); }
static void cancel_nanosleep(void) { nanosleep(&hour, NULL); }
static void cancel_clock_nanosleep(void) { clock_nanosleep(CLOCK_MONOTONIC, 0, &hour, NULL); }
static void cancel_thrd_sleep(void) { thrd_sleep(&hour, NULL); }
static void cancel_pause(void) { pause(); }
static void cancel_sigsuspend(void) { sigset_t s; sigemptyset(&s); sigsuspend(&s); }
static void cancel_sigwait(void) { int n; sigwait(&usr1, &n); }
static void cancel_sigwaitinfo(void) { sigwaitinfo(&usr1, NULL); }
static void cancel_sigtimedwait(void) { sigtimedwait(&usr1, NULL, &hour); }
static void cancel_sem_wait(void) { sem_wait(&no_sem); }
static void cancel_sem_timedwait(void) { sem_timedwait(&no_sem, &far); }
static void cancel_cond_wait(void) { pthread_mutex_lock(&held); for (;;) pthread_cond_wait(&never, &held); }
static void cancel_cond_timedwait(void) { pthread_mutex_lock(&held); for (;;) pthread_cond_timedwait(&never, &held, &far); }
static void cancel_join(void) { pthread_join(waits_long.id, NULL); }
static void cancel_waitpid(void) { waitpid(-1, NULL, 0); }
static void cancel_wait4(void) { wait4(-1, NULL, 0, NULL); }
static void cancel_waitid(void) { siginfo_t i; waitid(P_ALL, 0, &i, WEXITED); }
static void cancel_open(void) { open("cancel-fifo", O_RDONLY); }
static void cancel_mq_receive(void) { mq_receive(queue, b, sizeof b, NULL); pause(); }
static void cancel_msgrcv(void) { struct { long t; char c[8]; } m; msgrcv(message_queue, &m, 8, 0, 0); }
static void cancel_system(void) { system("exec sleep 3600"); }
/* one that is due already, before anything is waited for */
static void cancel_sem_free(void) { sem_t s; sem_init(&s, 0, 1); pthread_cancel(pthread_self()); sem_wait(&s); }
static void cancel_sem_timed_free(void) { sem_t s; sem_init(&s, 0, 1); pthread_cancel(pthread_self()); sem_timedwait(&s, &far); }
static void cancel_close(void) { pthread_cancel(pthread_self()); fsync(nothing_comes[0]); }
/* these are no cancellation points */
static void cancel_not_mutex(void) { pthread_cancel(pthread_self()); pthread_mutex_lock(&guard); pthread_mutex_unlock(&guard); sem_trywait(&no_sem); puts("no cancellation point"); pause(); }

static const struct {
	const char *name;
	void (*call)(void);
} cancelled[] = {
#define C(name) { #name, cancel_##name }
	C(read), C(read_chk), C(readv), C(write), C(writev), C(recv), C(recvfrom), C(recvmsg), C(accept), C(poll), C(ppoll),
	C(select), C(pselect), C(epoll_wait), C(epoll_pwait), C(sleep), C(usleep), C(nanosleep), C(clock_nanosleep),
	C(thrd_sleep), C(pause), C(sigsuspend), C(sigwait), C(sigwaitinfo), C(sigtimedwait), C(sem_wait), C(sem_timedwait),
	C(cond_wait), C(cond_timedwait), C(join), C(waitpid), C(wait4), C(waitid), C(open), C(mq_receive), C(msgrcv),
	C(system), C(sem_free), C(sem_timed_free), C(close), C(not_mutex),
};

static void cleaned(void *what)
{
	printf("%s: cleaned up\n", (const char *)what);
	/* as one that waited for a condition has its mutex again */
	if (strncmp(what, "cond", 4) == 0)
		TRY(pthread_mutex_unlock(&held));
}

static void *be_cancelled(void *p)
{
	size_t n = (size_t)(uintptr_t)p;

	pthread_cleanup_push(cleaned, (void *)cancelled[n].name);
	cancelled[n].call();
	printf("%s: not cancelled\n", cancelled[n].name);
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancellations(void)
{
	struct mq_attr attributes = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	char name[64];
	pid_t pid;

	NEED(pipe(nothing_comes) == 0 && pipe(full) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, quiet_socket) == 0);
	fcntl(full[1], F_SETFL, O_NONBLOCK);
	while (write(full[1], b, sizeof b) > 0)
		;
	fcntl(full[1], F_SETFL, 0);
	e = epoll_create1(0);
	sem_init(&no_sem, 0, 0);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	snprintf(name, sizeof name, "/assay-blocking-%d", getpid());
	queue = mq_open(name, O_CREAT | O_RDWR, 0600, &attributes);
	mq_unlink(name);
	message_queue = msgget(IPC_PRIVATE, 0600);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	NEED(listen(listener, 1) == 0);
	NEED(mkfifo("cancel-fifo", 0600) == 0);
	fflush(stdout);
	pid = sleeper();
	start(&waits_long, forever, NULL);
	for (size_t i = 0; i < sizeof cancelled / sizeof *cancelled; i++) {
		struct other o;

		start(&o, be_cancelled, (void *)(uintptr_t)i);
		if (strstr(cancelled[i].name, "free") == NULL && strcmp(cancelled[i].name, "close") != 0 &&
		    strncmp(cancelled[i].name, "not", 3) != 0)
			until_asleep(&o);
		pthread_cancel(o.id);
		printf("%s: ends with %ld\n", cancelled[i].name, end(&o));
	}
	msgctl(message_queue, IPC_RMID, NULL);
	unlink("cancel-fifo");
	kill(pid, SIGKILL);
	TRY_IF(waitpid(pid, NULL, 0) == pid);
	pthread_cancel(waits_long.id);
	TRY(end(&waits_long));
	TRY(nanosleep(&soon, NULL));
}

/* Locks all the threads' way, many times: the sum must be right. */
static struct {
	pthread_mutex_t mutex;
	pthread_rwlock_t rw;
	pthread_spinlock_t spin;
	mtx_t c11;
	long sums[4];
} storm;

static void *count_up(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&storm.mutex);
		storm.sums[0]++;
		pthread_mutex_unlock(&storm.mutex);
		pthread_rwlock_wrlock(&storm.rw);
		storm.sums[1]++;
		pthread_rwlock_unlock(&storm.rw);
		mtx_lock(&storm.c11);
		storm.sums[2]++;
		mtx_unlock(&storm.c11);
		if (i % 16)
			continue;
		pthread_spin_lock(&storm.spin);
		storm.sums[3]++;
		pthread_spin_unlock(&storm.spin);
	}
	return NULL;
}

static void storms(void)
{
	struct other o[4];

	pthread_mutex_init(&storm.mutex, NULL);
	pthread_rwlock_init(&storm.rw, NULL);
	pthread_spin_init(&storm.spin, 0);
	mtx_init(&storm.c11, mtx_plain);
	for (int i = 0; i < 4; i++)
		start(&o[i], count_up, NULL);
	for (int i = 0; i < 4; i++)
		end(&o[i]);
	for (int i = 0; i < 4; i++)
		TRY(storm.sums[i]);
}

static const struct {
	const char *name;
	void (*run)(void);
} groups[] = {
#define G(name) { #name, name }
	G(mutexes), G(c11_threads), G(other_locks), G(conditions), G(sleeps), G(children), G(polls), G(reads), G(opens),
	G(sockets), G(names), G(queues), G(file_locks), G(futexes), G(jumps), G(cancellations), G(storms),
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
		if (argc > 1 && strcmp(argv[1], groups[i].name) != 0)
			continue;
		printf("---- %s\n", groups[i].name);
		groups[i].run();
		fflush(stdout);
	}
	return 0;
}
