/*
 * test_waits.c: the functions that the plugin `waits` interposes, as this program's own: what they tell a host, and when
 * they tell it nothing. That results and errno are the program's is e2e/waits.sh's to show.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* The module itself, for its tables; the interposed functions and the rest are linked in. */
#include "plugins/waits/waits.c"

/* ---- a host that writes down what it is told ---- */

enum { WAITS = 1, HELD = 2, FRAMES = 64, THRESHOLD = 20000 };

struct told {
	bool open, refuse;
	uint32_t frame, flags, end_frame;
	unsigned begins, ends;
};
static _Thread_local struct told told; /* to this thread */
static _Atomic uint64_t clock_ns;
static _Atomic bool waits_now; /* some thread has begun to wait */
static uint64_t takes;         /* what waits take */
static char names[FRAMES][128];
static _Atomic uint32_t names_used;
static struct {
	unsigned times;
	uint32_t metric, frame;
	uint64_t ns;
} span;

static uint64_t now(void) { return clock_ns; }
static uint64_t option_ns(const char *name) { return strcmp(name, "threshold") == 0 ? THRESHOLD : 0; }
static uint32_t metric(const char *name) { return strcmp(name, "waits") == 0 ? WAITS : strcmp(name, "held") == 0 ? HELD : 0; }

static uint32_t frame(const char *kind, const char *name)
{
	uint32_t n = atomic_fetch_add(&names_used, 1) + 1;

	assert_true(n < FRAMES);
	snprintf(names[n], sizeof names[n], "%s: %s", kind, name);
	return n;
}

static uint32_t frame_at(const char *kind, const char *prefix, const void *address)
{
	char text[64];

	snprintf(text, sizeof text, "%s%p", prefix, address);
	return frame(kind, text);
}

static bool wait_begin(uint32_t metric_number, uint32_t frame_number, const void *sp, uint32_t flags)
{
	if (told.open || told.refuse)
		return false;
	assert_int_equal(metric_number, WAITS);
	assert_true((const char *)sp > (const char *)__builtin_frame_address(0));
	told.open = true;
	told.frame = frame_number;
	told.flags = flags;
	told.begins++;
	atomic_store(&waits_now, true);
	return true;
}

/* A wait for an object begins when it is asked for, before its name is looked for. */
static bool wait_begun(uint32_t metric_number, uint32_t frame_number, const void *sp, uint32_t flags, uint64_t since)
{
	assert_true(since > 0 && since <= now());
	return wait_begin(metric_number, frame_number, sp, flags);
}

static uint64_t wait_end(uint32_t frame_number)
{
	assert_true(told.open);
	told.open = false;
	told.end_frame = frame_number;
	told.ends++;
	return takes;
}

static void put_span(uint32_t metric_number, uint32_t frame_number, uint64_t ns)
{
	span.times++;
	span.metric = metric_number;
	span.frame = frame_number;
	span.ns = ns;
}

static const struct assay_host host = { .abi = ASSAY_PLUGIN_ABI, .size = sizeof host, .now = now, .option_ns = option_ns,
	.metric = metric, .frame = frame, .frame_at = frame_at, .span = put_span, .wait_begin = wait_begin,
	.wait_end = wait_end, .wait_begun = wait_begun };

static int setup(void **state)
{
	(void)state;
	assert_int_equal(assay_plugin_waits.start(&host), 0);
	memset(sites, 0, sizeof sites); /* what other tests' places have left where ours may fall */
	memset(&told, 0, sizeof told);
	memset(&span, 0, sizeof span);
	takes = 0;
	waits_now = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assay_plugin_waits.stop();
	return 0;
}

/* ---- threads ---- */

struct other {
	pthread_t id;
	_Atomic pid_t tid;
	void *(*does)(void *);
	void *with;
	struct told was_told;
};

static void note(void *p)
{
	((struct other *)p)->was_told = told;
}

static void *begin_other(void *p)
{
	struct other *o = p;
	void *result;

	pthread_cleanup_push(note, o);
	o->tid = gettid();
	result = o->does(o->with);
	pthread_cleanup_pop(1);
	return result;
}

static void start_other(struct other *o, void *(*does)(void *), void *with)
{
	memset(o, 0, sizeof *o);
	o->does = does;
	o->with = with;
	waits_now = false;
	assert_int_equal(pthread_create(&o->id, NULL, begin_other, o), 0);
}

/* Until it has begun to wait, and sleeps in the kernel. */
static void until_waiting(struct other *o)
{
	char path[64], text[512], *end = NULL;

	while (!waits_now)
		sched_yield();
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", o->tid);
	while (!end || end[2] != 'S') {
		FILE *f = fopen(path, "r");

		assert_non_null(f);
		assert_non_null(fgets(text, sizeof text, f));
		fclose(f);
		end = strrchr(text, ')');
	}
}

static void *end_other(struct other *o)
{
	void *result;
	struct told mine = told;

	pthread_join(o->id, &result);
	told = mine; /* joining is a wait too */
	return result;
}

/* ---- free: nobody is told ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void free_ones(void **state)
{
	pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
	struct timespec until = { 1, 0 };
	pthread_spinlock_t spin;
	sem_t sem;
	mtx_t c11;

	(void)state;
	assert_int_equal(pthread_mutex_lock(&mutex), 0);
	assert_int_equal(pthread_mutex_unlock(&mutex), 0);
	assert_int_equal(pthread_mutex_timedlock(&mutex, &until), 0);
	assert_int_equal(pthread_mutex_unlock(&mutex), 0);
	assert_int_equal(pthread_rwlock_rdlock(&rw), 0);
	assert_int_equal(pthread_rwlock_rdlock(&rw), 0);
	assert_int_equal(pthread_rwlock_unlock(&rw), 0);
	assert_int_equal(pthread_rwlock_unlock(&rw), 0);
	assert_int_equal(pthread_rwlock_timedwrlock(&rw, &until), 0);
	assert_int_equal(pthread_rwlock_unlock(&rw), 0);
	pthread_spin_init(&spin, 0);
	assert_int_equal(pthread_spin_lock(&spin), 0);
	assert_int_equal(pthread_spin_unlock(&spin), 0);
	sem_init(&sem, 0, 2);
	assert_int_equal(sem_wait(&sem), 0);
	assert_int_equal(sem_timedwait(&sem, &until), 0);
	mtx_init(&c11, mtx_plain);
	assert_int_equal(mtx_lock(&c11), thrd_success);
	assert_int_equal(mtx_unlock(&c11), thrd_success);
	assert_int_equal(told.begins, 0);
}

/* What cannot wait by what it is asked is none either. */
static void not_to_wait(void **state)
{
	char c;

	(void)state;
	assert_int_equal(poll(NULL, 0, 0), 0);
	assert_int_equal(recv(-1, &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(told.begins, 0);
}

/* ---- a mutex that is held ---- */

static void *lock_it(void *unused)
{
	(void)unused;
	assert_int_equal(pthread_mutex_lock(&mutex), 0);
	return NULL;
}

static void *lock_and_unlock(void *unused)
{
	lock_it(unused);
	assert_int_equal(pthread_mutex_unlock(&mutex), 0);
	return NULL;
}

static void held_mutex(void **state)
{
	struct other o;

	(void)state;
	clock_ns = 1000;
	takes = 5000000;
	pthread_mutex_lock(&mutex);
	start_other(&o, lock_and_unlock, NULL);
	until_waiting(&o);
	clock_ns = 41000;
	assert_int_equal(span.times, 0);
	pthread_mutex_unlock(&mutex);
	assert_int_equal(span.times, 1);
	assert_int_equal(span.metric, HELD);
	assert_int_equal(span.ns, 40000); /* to the nanosecond, by this clock */
	end_other(&o);
	assert_int_equal(o.was_told.begins, 1);
	assert_int_equal(o.was_told.ends, 1);
	assert_memory_equal(names[o.was_told.frame], "mutex: 0x", 9);
	assert_int_equal(o.was_told.frame, span.frame);
	assert_int_equal(o.was_told.flags, ASSAY_PLUGIN_WAIT_SPINS); /* it was not known to last */
	assert_int_equal(span.times, 1); /* the other held nobody up */
	/* now it is */
	pthread_mutex_lock(&mutex);
	start_other(&o, lock_and_unlock, NULL);
	until_waiting(&o);
	pthread_mutex_unlock(&mutex);
	end_other(&o);
	assert_int_equal(o.was_told.flags, ASSAY_PLUGIN_WAIT_SPINS | ASSAY_PLUGIN_WAIT_LONG);
	assert_int_equal(span.times, 1); /* no time has passed */
}

/* A thread that gets past another that waits is to blame from then on, not for what was before. */
static void barging(void **state)
{
	struct assay_waits_lock *lock;

	(void)state;
	clock_ns = 1000;
	lock = assay_waits_lock_get(&host, &mutex);
	assay_waits_lock_wait(lock, 1000);
	clock_ns = 3000;
	pthread_mutex_lock(&mutex);
	clock_ns = 3700;
	pthread_mutex_unlock(&mutex);
	assert_int_equal(span.ns, 700);
	assay_waits_lock_done(lock, 3700);
}

/* Only what lets a mutex go puts blame down: not the inner unlock of a recursive one. */
static void recursive(void **state)
{
	pthread_mutex_t m = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	struct assay_waits_lock *lock = assay_waits_lock_get(&host, &m);

	(void)state;
	clock_ns = 1000;
	pthread_mutex_lock(&m);
	pthread_mutex_lock(&m);
	assay_waits_lock_wait(lock, 1000);
	clock_ns = 2000;
	pthread_mutex_unlock(&m);
	assert_int_equal(span.times, 0);
	pthread_mutex_unlock(&m);
	assert_int_equal(span.times, 1);
	assert_int_equal(span.ns, 1000);
	assay_waits_lock_done(lock, 2000);
}

/* Nor does an inner lock begin it anew: others have waited since the outer one. */
static void recursive_again(void **state)
{
	pthread_mutex_t m = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	struct assay_waits_lock *lock = assay_waits_lock_get(&host, &m);
	struct timespec past = { 1, 0 };

	(void)state;
	clock_ns = 1000;
	pthread_mutex_lock(&m);
	assay_waits_lock_wait(lock, 1000);
	clock_ns = 2000;
	pthread_mutex_lock(&m);
	assert_int_equal(pthread_mutex_trylock(&m), 0);
	/* a condition's wait lets it go by one, and so not at all */
	assert_int_equal(pthread_cond_timedwait(&cond, &m, &past), ETIMEDOUT);
	clock_ns = 2500;
	pthread_mutex_unlock(&m);
	pthread_mutex_unlock(&m);
	assert_int_equal(span.times, 0);
	pthread_mutex_unlock(&m);
	assert_int_equal(span.times, 1);
	assert_int_equal(span.ns, 1500);
	assay_waits_lock_done(lock, 2500);
}

/* Waiting for a condition lets the mutex go. */
static void condition(void **state)
{
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	struct assay_waits_lock *lock = assay_waits_lock_get(&host, &mutex);
	struct timespec past = { 1, 0 };

	(void)state;
	clock_ns = 1000;
	takes = 0;
	pthread_mutex_lock(&mutex);
	assay_waits_lock_wait(lock, 1500);
	clock_ns = 2000;
	assert_int_equal(pthread_cond_timedwait(&cond, &mutex, &past), ETIMEDOUT);
	assert_int_equal(span.ns, 500);
	assert_int_equal(told.begins, 1);
	assert_memory_equal(names[told.frame], "condition: 0x", 13);
	assert_int_equal(told.flags, ASSAY_PLUGIN_WAIT_LONG);
	clock_ns = 2100;
	pthread_mutex_unlock(&mutex);
	assert_int_equal(span.ns, 100);
	assay_waits_lock_done(lock, 2100);
}

/* A wait that the host does not take: all goes on without it. */
static void refused(void **state)
{
	struct timespec past = { 1, 0 };
	sem_t sem;
	char c;
	int fds[2];

	(void)state;
	told.refuse = true;
	sem_init(&sem, 0, 0);
	assert_int_equal(sem_timedwait(&sem, &past), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(read(fds[0], &c, 1), 1);
	assert_int_equal(usleep(1), 0);
	assert_int_equal(told.ends, 0);
	close(fds[0]);
	close(fds[1]);
}

/* ---- what is expected ---- */

/* One place of the program, however loops are unrolled. */
__attribute__((noinline)) static void nap(void)
{
	struct timespec t = { 0, 1 };

	nanosleep(&t, NULL);
	__asm__ volatile("");
}

__attribute__((noinline)) static void read_one(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), 1);
}

__attribute__((noinline)) static void write_one(int fd)
{
	assert_int_equal(write(fd, "x", 1), 1);
}

static void naps(int n, uint64_t ns, uint32_t *first, uint32_t *last)
{
	takes = ns;
	for (int i = 0; i < n; i++) {
		nap();
		*last = told.flags;
		if (i == 0)
			*first = told.flags;
	}
}

static void expectations(void **state)
{
	uint32_t first, last;
	uint32_t frame_number;

	(void)state;
	naps(3, THRESHOLD - 1, &first, &last);
	assert_int_equal(first, ASSAY_PLUGIN_WAIT_LONG);
	assert_int_equal(last, 0); /* it was short the last time, here */
	frame_number = told.frame;
	assert_string_equal(names[frame_number], "sleep: nanosleep");
	naps(2, THRESHOLD, &first, &last);
	assert_int_equal(first, 0);
	assert_int_equal(last, ASSAY_PLUGIN_WAIT_LONG);
	assert_int_equal(told.frame, frame_number); /* asked for once */
}

/* ---- descriptors ---- */

static void descriptors(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	clock_ns = 0;
	takes = 0;
	/* this program has had threads, so a new place is looked at */
	assert_false(__libc_single_threaded);
	write_one(fds[1]);
	assert_string_equal(names[told.frame], "write: pipe");
	assert_true(told.flags & ASSAY_PLUGIN_WAIT_LONG);
	assay_waits_forget((unsigned)fds[1], (unsigned)fds[1]);
	write_one(fds[1]);
	assert_string_equal(names[told.frame], "write: write"); /* too short to ask what it is */
	assert_int_equal(told.flags, 0);
	assert_int_equal(told.end_frame, 0);
	takes = THRESHOLD;
	write_one(fds[1]); /* so the next one is expected to be long */
	assert_string_equal(names[told.frame], "write: write");
	write_one(fds[1]);
	assert_string_equal(names[told.frame], "write: pipe");
	for (int i = 0; i < 2; i++)
		write_one(fds[1]);
	read_one(fds[0]);
	read_one(fds[0]);
	assert_string_equal(names[told.frame], "read: pipe");
	assert_true(told.flags & ASSAY_PLUGIN_WAIT_LONG);
	close(fds[0]);
	close(fds[1]);
}

static void named_at(int fd, int wanted_fd, const char *wanted)
{
	assert_int_equal(fd, wanted_fd); /* it is the one before's */
	write_one(fd);
	assert_string_equal(names[told.frame], wanted);
}

static void read_one_named(int fd, const char *wanted)
{
	read_one(fd);
	assert_string_equal(names[told.frame], wanted);
}

/* What closes a descriptor, and what makes one, inside the C library. */
static void streams(void **state)
{
	FILE *f = fopen("/dev/null", "w");
	char memory[8];
	int fd = fileno(f);

	(void)state;
	takes = THRESHOLD;
	named_at(fd, fd, "write: /dev/null");
	fclose(f);
	f = fopen("/dev/zero", "w");
	named_at(fileno(f), fd, "write: /dev/zero");
	f = freopen("/dev/null", "w", f);
	named_at(fileno(f), fd, "write: /dev/null");
	f = freopen64("/dev/zero", "w", f);
	named_at(fileno(f), fd, "write: /dev/zero");
	fclose(f);
	f = popen("echo", "r");
	assert_int_equal(fileno(f), fd);
	read_one_named(fd, "read: pipe");
	assert_int_equal(pclose(f), 0);
	f = fopen("/dev/zero", "r");
	assert_int_equal(fileno(f), fd);
	read_one_named(fd, "read: /dev/zero");
	fclose(f);
	/* one that has none */
	f = fmemopen(memory, sizeof memory, "w");
	errno = 77;
	assert_int_equal(fclose(f), 0);
	assert_int_equal(errno, 77);
}

static void folder_at(DIR *folder, int wanted_fd, const char *wanted)
{
	assert_non_null(folder);
	assert_int_equal(dirfd(folder), wanted_fd);
	assert_int_equal(flock(wanted_fd, LOCK_SH), 0);
	assert_string_equal(names[told.frame], wanted);
	closedir(folder);
}

static void folders(void **state)
{
	DIR *folder = opendir("/");
	int fd = dirfd(folder);
	DIR *volatile none = NULL;

	(void)state;
	takes = THRESHOLD;
	folder_at(folder, fd, "file lock: /");
	folder_at(opendir("/dev"), fd, "file lock: /dev");
	errno = 77;
	assert_int_equal(closedir(none), -1);
	assert_int_equal(errno, EINVAL);
}

static void queue_at(const char *name, int wanted_fd)
{
	struct timespec past = { 1, 0 };
	mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_NONBLOCK, 0600, NULL);
	char message[8192], wanted[128];
	int result;

	mq_unlink(name);
	if (queue == (mqd_t)-1)
		skip(); /* this machine has none */
	assert_true(wanted_fd < 0 || queue == wanted_fd);
	result = (int)mq_timedreceive(queue, message, sizeof message, NULL, &past);
	assert_int_equal(result, -1);
	snprintf(wanted, sizeof wanted, "message queue: %s (deleted)", name);
	assert_string_equal(names[told.frame], wanted);
	assert_int_equal(mq_close(queue), 0);
	if (wanted_fd < 0)
		queue_at("/assay-unit-other", queue);
}

static void queues(void **state)
{
	(void)state;
	takes = THRESHOLD;
	queue_at("/assay-unit-one", -1);
}

/* ---- cancellation ---- */

static void *sleep_long(void *unused)
{
	struct timespec hour = { 3600, 0 };

	(void)unused;
	nanosleep(&hour, NULL);
	return NULL;
}

static void let_go(void *m)
{
	pthread_mutex_unlock(m);
}

static void *await(void *cond)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(let_go, &mutex);
	pthread_cond_wait(cond, &mutex);
	pthread_cleanup_pop(1);
	return NULL;
}

/* A wait that is cancelled ends, as far as the host is concerned. */
static void cancelled(void **state)
{
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	struct other o;

	(void)state;
	start_other(&o, sleep_long, NULL);
	until_waiting(&o);
	pthread_cancel(o.id);
	assert_ptr_equal(end_other(&o), PTHREAD_CANCELED);
	assert_int_equal(o.was_told.begins, 1);
	assert_int_equal(o.was_told.ends, 1);
	assert_int_equal(o.was_told.end_frame, ASSAY_PLUGIN_UNWOUND);
	start_other(&o, await, &cond);
	until_waiting(&o);
	pthread_cancel(o.id);
	assert_ptr_equal(end_other(&o), PTHREAD_CANCELED);
	assert_int_equal(o.was_told.begins, 1);
	assert_int_equal(o.was_told.ends, 1);
	assert_int_equal(o.was_told.end_frame, ASSAY_PLUGIN_UNWOUND);
}

/* A thread that is thrown out of waiting for a mutex waits for it no more. */
static void end_thread(int signal)
{
	(void)signal;
	pthread_exit((void *)3);
}

static void left(void **state)
{
	struct sigaction action = { .sa_handler = end_thread };
	struct other o;

	(void)state;
	sigaction(SIGUSR1, &action, NULL);
	pthread_mutex_lock(&mutex);
	start_other(&o, lock_it, NULL);
	until_waiting(&o);
	assert_false(assay_waits_lock_is_quiet(assay_waits_lock_find(&mutex)));
	pthread_kill(o.id, SIGUSR1);
	assert_ptr_equal(end_other(&o), 3);
	assert_int_equal(o.was_told.ends, 1);
	assert_int_equal(o.was_told.end_frame, ASSAY_PLUGIN_UNWOUND);
	pthread_mutex_unlock(&mutex);
	assert_true(assay_waits_lock_is_quiet(assay_waits_lock_find(&mutex)));
}

/* One that jumped out of waiting for it is among its waiters until it waits again or ends. */
static sigjmp_buf out;

static void jump(int signal)
{
	(void)signal;
	siglongjmp(out, 1);
}

static void *jump_out(void *with)
{
	if (!sigsetjmp(out, 1))
		lock_it(with);
	told.open = false; /* as the host sees it */
	assay_plugin_waits.thread_stop();
	return with;
}

static void jumped(void **state)
{
	struct sigaction action = { .sa_handler = jump };
	struct other o;

	(void)state;
	sigaction(SIGUSR1, &action, NULL);
	pthread_mutex_lock(&mutex);
	start_other(&o, jump_out, NULL);
	until_waiting(&o);
	pthread_kill(o.id, SIGUSR1);
	end_other(&o);
	assert_int_equal(o.was_told.begins, 1);
	pthread_mutex_unlock(&mutex);
	pthread_mutex_lock(&mutex);
	assert_true(assay_waits_lock_is_quiet(assay_waits_lock_find(&mutex)));
	pthread_mutex_unlock(&mutex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(free_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(not_to_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(held_mutex, setup, teardown),
		cmocka_unit_test_setup_teardown(barging, setup, teardown),
		cmocka_unit_test_setup_teardown(recursive, setup, teardown),
		cmocka_unit_test_setup_teardown(recursive_again, setup, teardown),
		cmocka_unit_test_setup_teardown(condition, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
		cmocka_unit_test_setup_teardown(expectations, setup, teardown),
		cmocka_unit_test_setup_teardown(descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(streams, setup, teardown),
		cmocka_unit_test_setup_teardown(folders, setup, teardown),
		cmocka_unit_test_setup_teardown(queues, setup, teardown),
		cmocka_unit_test_setup_teardown(cancelled, setup, teardown),
		cmocka_unit_test_setup_teardown(left, setup, teardown),
		cmocka_unit_test_setup_teardown(jumped, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
