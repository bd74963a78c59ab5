/*
 * Every construct of OpenMP that a runtime is called for, with results that do not depend on who ran what when. What it
 * prints must be the same with and without Assay.
 */
#include <omp.h>
#include <pthread.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <vector>

static long checks;

static void say(const char *what, long n)
{
	std::printf("%s %ld\n", what, n);
	checks += n;
}

/* ---- loops ---- */

static long loop_static(long n)
{
	long s = 0;
#pragma omp parallel for schedule(static, 3) reduction(+ : s)
	for (long i = 0; i < n; i++)
		s += i * i % 7;
	return s;
}

static long loop_dynamic(long n)
{
	long s = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : s)
	for (long i = 0; i < n; i++)
		s += i * i % 7;
	return s;
}

static long loop_guided(long n)
{
	long s = 0;
#pragma omp parallel for schedule(guided) reduction(+ : s)
	for (long i = 0; i < n; i++)
		s += i * i % 7;
	return s;
}

static long loop_runtime(long n)
{
	long s = 0;
#pragma omp parallel for schedule(runtime) reduction(+ : s)
	for (long i = 0; i < n; i++)
		s += i * i % 7;
	return s;
}

static long loop_monotonic(long n)
{
	long s = 0;
#pragma omp parallel for schedule(monotonic : dynamic, 2) reduction(+ : s)
	for (long i = 0; i < n; i++)
		s += i * i % 7;
	return s;
}

/* Inside a region: the runtime is called for the loop and for the region each. */
static long loops_inside(long n)
{
	long s = 0;
#pragma omp parallel reduction(+ : s)
	{
#pragma omp for schedule(static)
		for (long i = 0; i < n; i++)
			s += i % 3;
#pragma omp for schedule(dynamic, 4)
		for (unsigned long long i = 0; i < (unsigned long long)n; i++)
			s += (long)(i % 5);
#pragma omp for schedule(guided) nowait
		for (long i = n; i > 0; i--)
			s += i % 11;
#pragma omp for schedule(runtime) collapse(2)
		for (long i = 0; i < 10; i++)
			for (long j = 0; j < 10; j++)
				s += i * j;
	}
	return s;
}

static long ordered(long n)
{
	std::vector<long> order;
#pragma omp parallel for ordered schedule(dynamic)
	for (long i = 0; i < n; i++) {
#pragma omp ordered
		order.push_back(i);
	}
	long wrong = 0;
	for (long i = 0; i < n; i++)
		wrong += order[(size_t)i] != i;
	return wrong;
}

static long doacross()
{
	static long a[40][30];
#pragma omp parallel for ordered(2)
	for (long i = 1; i < 40; i++)
		for (long j = 1; j < 30; j++) {
#pragma omp ordered depend(sink : i - 1, j) depend(sink : i, j - 1)
			a[i][j] = a[i - 1][j] + a[i][j - 1] + 1 < 1000003 ? a[i - 1][j] + a[i][j - 1] + 1 : 7;
#pragma omp ordered depend(source)
		}
	return a[39][29];
}

static long doacross_unsigned()
{
	static long a[20][6][6];
#pragma omp parallel for ordered(3)
	for (unsigned long long i = 1; i < 20; i++)
		for (unsigned long long j = 1; j < 6; j++)
			for (unsigned long long k = 1; k < 6; k++) {
#pragma omp ordered depend(sink : i - 1, j, k) depend(sink : i, j - 1, k)
				a[i][j][k] = (a[i - 1][j][k] + a[i][j - 1][k] + (long)k) % 1009;
#pragma omp ordered depend(source)
			}
	return a[19][5][5];
}

/* ---- one for all ---- */

static long sections()
{
	long a = 0, b = 0, c = 0;
#pragma omp parallel sections
	{
#pragma omp section
		a = 1;
#pragma omp section
		b = 20;
	}
#pragma omp parallel
#pragma omp sections lastprivate(c)
	{
#pragma omp section
		c = 3;
#pragma omp section
		c = 300;
	}
	return a + b + c;
}

static long single_copy()
{
	long s = 0, threads = 0;
#pragma omp parallel reduction(+ : s) reduction(+ : threads)
	{
		long mine = -1;
#pragma omp single copyprivate(mine)
		mine = 42;
		s += mine;
		threads++;
#pragma omp single
		s += 0;
	}
	return s - 42 * threads;
}

static long critical()
{
	long a = 0, b = 0, c = 0;
	_Complex double z = 0;
#pragma omp parallel num_threads(4)
	for (int i = 0; i < 500; i++) {
#pragma omp critical
		a++;
#pragma omp critical(name)
		b++;
#pragma omp atomic
		c++;
#pragma omp critical(other)
		z += 1;
	}
	return a + b + c + (long)__real__ z;
}

static long locks()
{
	static omp_lock_t fixed;
	omp_lock_t *heap = new omp_lock_t;
	omp_nest_lock_t nest;
	long n = 0, m = 0, k = 0, got = 0;
	omp_init_lock(&fixed);
	omp_init_lock(heap);
	omp_init_nest_lock(&nest);
#pragma omp parallel num_threads(4) reduction(+ : got)
	for (int i = 0; i < 300; i++) {
		omp_set_lock(&fixed);
		n++;
		omp_unset_lock(&fixed);
		omp_set_lock(heap);
		m++;
		omp_unset_lock(heap);
		omp_set_nest_lock(&nest);
		omp_set_nest_lock(&nest);
		got += omp_test_nest_lock(&nest) == 3;
		k++;
		omp_unset_nest_lock(&nest);
		omp_unset_nest_lock(&nest);
		omp_unset_nest_lock(&nest);
		while (!omp_test_lock(&fixed))
			;
		n++;
		omp_unset_lock(&fixed);
	}
	omp_destroy_lock(&fixed);
	omp_destroy_lock(heap);
	omp_destroy_nest_lock(&nest);
	delete heap;
	return n + m + k + got;
}

/* ---- tasks ---- */

/* Counts how many there are: a copy too many or too few of a task's argument shows. */
struct counted {
	static std::atomic<long> alive, copies;
	long value[5];
	explicit counted(long v)
	{
		for (long &x : value)
			x = v;
		alive++;
	}
	counted(const counted &other)
	{
		std::memcpy(value, other.value, sizeof value);
		alive++;
		copies++;
	}
	counted &operator=(const counted &) = delete;
	~counted() { alive--; }
};
std::atomic<long> counted::alive, counted::copies;

static long fib(long n)
{
	long a, b;
	if (n < 2)
		return n;
#pragma omp task shared(a)
	a = fib(n - 1);
#pragma omp task shared(b) if (n > 5)
	b = fib(n - 2);
#pragma omp taskwait
	return a + b;
}

static long tasks_recursive()
{
	long result = 0;
#pragma omp parallel
#pragma omp single
	result = fib(17);
	return result;
}

static long tasks_objects()
{
	std::atomic<long> sum(0);
	{
		counted object(3);
#pragma omp parallel
#pragma omp single nowait
		for (long i = 0; i < 200; i++) {
			long here = i;
			char many[200];
			std::memset(many, (int)(i % 100), sizeof many);
#pragma omp task firstprivate(object, here, many)
			sum += object.value[4] * here + many[199];
#pragma omp task firstprivate(object) if (i % 2)
			sum += object.value[0];
		}
	}
	return sum + 1000000 * counted::alive + 0 * counted::copies;
}

struct alignas(128) wide {
	long value;
};

static long tasks_aligned()
{
	std::atomic<long> sum(0), wrong(0);
#pragma omp parallel
#pragma omp single
	for (long i = 0; i < 100; i++) {
		wide w;
		w.value = i;
#pragma omp task firstprivate(w)
		{
			sum += w.value;
#ifndef __clang__ /* 14 does not align them */
			wrong += (long)((unsigned long)&w % 128 != 0);
#endif
		}
	}
	return sum + 1000000 * wrong;
}

static long tasks_large()
{
	std::atomic<long> sum(0);
	struct {
		char bytes[100000];
	} large;
	std::memset(&large, 1, sizeof large);
#pragma omp parallel
#pragma omp single
	for (int i = 0; i < 5; i++) {
		large.bytes[99999] = (char)i;
#pragma omp task firstprivate(large)
		sum += large.bytes[99999] + large.bytes[50000];
	}
	return sum;
}

static long tasks_dependent()
{
	long a = 0, b = 0, c = 0;
#pragma omp parallel
#pragma omp single
	for (int i = 0; i < 100; i++) {
#pragma omp task depend(out : a)
		a = i;
#pragma omp task depend(in : a) depend(out : b)
		b += a;
#pragma omp task depend(in : b) depend(inout : c)
		c += b % 17;
#pragma omp task depend(inout : c) if (0)
		c++;
	}
#pragma omp parallel
#pragma omp single
	{
#pragma omp task depend(inout : c)
		c += 5;
#pragma omp taskwait depend(in : c)
		c += 1;
	}
	return a + b + c;
}

static long tasks_grouped()
{
	std::atomic<long> done(0);
	long seen = 0;
#pragma omp parallel
#pragma omp single
	{
#pragma omp taskgroup
		for (int i = 0; i < 50; i++) {
#pragma omp task untied
			{
#pragma omp task
				done++;
#pragma omp taskyield
				done++;
			}
		}
		seen = done;
#pragma omp task final(1) mergeable priority(3)
		{
#pragma omp task
			done++;
		}
	}
	return seen * 1000 + done;
}

static long tasks_loop()
{
	std::atomic<long> sum(0);
	counted object(2);
	long last = 0;
#pragma omp parallel
#pragma omp single
	{
#pragma omp taskloop grainsize(7) firstprivate(object)
		for (long i = 0; i < 100; i++)
			sum += i * object.value[1];
#pragma omp taskloop num_tasks(5) lastprivate(last)
		for (unsigned long long i = 10; i < 90; i++) {
			sum += (long)i;
			last = (long)i;
		}
#pragma omp taskloop nogroup
		for (long i = 50; i > 0; i -= 3)
			sum += i;
#pragma omp taskloop if (0)
		for (long i = 0; i < 20; i++)
			sum += i;
	}
	return sum + last * 100000;
}

static long tasks_reduced()
{
	long a = 0, b = 0, c = 0, d = 0;
#pragma omp parallel
#pragma omp single
	{
#pragma omp taskgroup task_reduction(+ : a)
		for (long i = 0; i < 60; i++) {
#pragma omp task in_reduction(+ : a)
			a += i;
		}
#pragma omp taskloop reduction(+ : b)
		for (long i = 0; i < 60; i++)
			b += i;
	}
#pragma omp parallel reduction(task, + : c)
	{
#pragma omp task in_reduction(+ : c)
		c += 0;
#pragma omp master
		for (int i = 0; i < 40; i++) {
#pragma omp task in_reduction(+ : c)
			c += i;
		}
	}
#pragma omp parallel
#pragma omp for reduction(task, + : d)
	for (long i = 0; i < 30; i++) {
#pragma omp task in_reduction(+ : d)
		d += i;
	}
	return a + b * 10 + c * 100 + d * 1000;
}

#if _OPENMP >= 201811 || __GNUC__ >= 11
#define DETACH
static long tasks_detached()
{
	std::atomic<long> sum(0);
#pragma omp parallel
#pragma omp single
	for (int i = 0; i < 20; i++) {
		omp_event_handle_t event;
		int flag = i;
#pragma omp task detach(event) firstprivate(flag)
		{
			sum += flag;
			omp_fulfill_event(event);
		}
	}
	return sum;
}
#endif

static void deep(int n, std::atomic<long> *sum)
{
	++*sum;
	if (n == 0)
		return;
#pragma omp task
	deep(n - 1, sum);
#pragma omp taskwait
}

static long tasks_deep()
{
	std::atomic<long> sum(0);
#pragma omp parallel
	{
#pragma omp single nowait
		deep(60, &sum);
#pragma omp barrier
	}
	return sum;
}

/* Left in the runtime's hands at the end of the region. */
static long tasks_at_end()
{
	std::atomic<long> sum(0);
#pragma omp parallel
#pragma omp master
	for (int i = 0; i < 300; i++) {
#pragma omp task
		{
			volatile long spin = 0;
			for (int k = 0; k < 2000; k++)
				spin = spin + k;
			sum++;
		}
	}
	return sum;
}

/* ---- cancellation, nesting, teams of all sizes ---- */

static long cancelled()
{
	std::atomic<long> ran(0), ok(1);
#pragma omp parallel
	{
#pragma omp for
		for (int i = 0; i < 1000; i++) {
			if (i == 0) {
#pragma omp cancel for
			}
#pragma omp cancellation point for
			ran++;
		}
	}
	if (ran > 1000)
		ok = 0;
#pragma omp parallel
	{
		if (omp_get_thread_num() == 0) {
#pragma omp cancel parallel
		}
#pragma omp cancellation point parallel
#pragma omp barrier
	}
	std::atomic<long> tasks(0);
	bool can = omp_get_cancellation();
#pragma omp parallel num_threads(1)
#pragma omp single
#pragma omp taskgroup
	for (int i = 0; i < 100; i++) {
#pragma omp task
		{
			tasks++;
			if (i >= 9) {
#pragma omp cancel taskgroup
			}
		}
	}
	/* with one thread tasks run in the order in which they were made, or at once: the number is known */
	if (can && tasks > 100)
		ok = 0;
#pragma omp parallel sections
	{
#pragma omp section
		{
#pragma omp cancel sections if (ran >= 0)
		}
#pragma omp section
		{
			ran++;
		}
	}
	return ok + (can ? 10 : 0);
}

static long nested(int level)
{
	long s = 1;
	if (level == 0)
		return 1;
#pragma omp parallel num_threads(2) reduction(+ : s)
	{
		s += nested(level - 1);
#pragma omp barrier
#pragma omp critical(nest)
		s += 0;
	}
	return s;
}

static long sizes()
{
	long s = 0;
	for (int n : { 1, 4, 2, 7, 1, 3, 2, 40, 2 }) {
		omp_set_num_threads(n);
#pragma omp parallel reduction(+ : s)
		s++;
	}
#pragma omp parallel num_threads(3) if (s < 0) reduction(+ : s)
	s += 100;
#pragma omp parallel num_threads(1) reduction(+ : s)
	s += 1000;
	return s;
}

static long many(int n)
{
	long s = 0;
	for (int i = 0; i < n; i++) {
#pragma omp parallel num_threads(2) reduction(+ : s)
		s++;
	}
	return s;
}

static void *with_teams(void *p)
{
	long *out = (long *)p, s = 0;
	for (int i = 0; i < 200; i++) {
#pragma omp parallel num_threads(2) reduction(+ : s)
		{
			s++;
#pragma omp barrier
			s++;
		}
	}
	*out = s;
	return nullptr;
}

static long from_threads()
{
	pthread_t id[3];
	long got[3], s = 0;
	for (int i = 0; i < 3; i++)
		pthread_create(&id[i], nullptr, with_teams, &got[i]);
	for (int i = 0; i < 3; i++) {
		pthread_join(id[i], nullptr);
		s += got[i];
	}
	return s;
}

static long caught()
{
	std::atomic<long> s(0);
#pragma omp parallel num_threads(3)
	{
		try {
#pragma omp critical(throws)
			{
				s++;
			}
			throw 5;
		} catch (int n) {
			s += n;
		}
	}
	return s;
}

static long teams()
{
	std::atomic<long> s(0);
#if _OPENMP >= 201811 || __GNUC__ >= 9
#pragma omp teams num_teams(2)
	{
#pragma omp parallel
#pragma omp master
		s++;
	}
#else
	s = 2;
#endif
	return s > 0;
}

int main(int argc, char **argv)
{
	long n = 1000;
	omp_set_max_active_levels(4);
	say("static", loop_static(n));
	say("dynamic", loop_dynamic(n));
	say("guided", loop_guided(n));
	say("runtime", loop_runtime(n));
	say("monotonic", loop_monotonic(n));
	say("inside", loops_inside(n));
	say("ordered", ordered(300));
	say("doacross", doacross());
	say("doacross unsigned", doacross_unsigned());
	say("sections", sections());
	say("single", single_copy());
	say("critical", critical());
	say("locks", locks());
	say("recursive tasks", tasks_recursive());
	say("tasks with objects", tasks_objects());
	say("aligned tasks", tasks_aligned());
	say("large tasks", tasks_large());
	say("dependent tasks", tasks_dependent());
	say("grouped tasks", tasks_grouped());
	say("taskloop", tasks_loop());
	say("task reductions", tasks_reduced());
#ifdef DETACH
#ifdef __clang__ /* whose runtime 14 fails of itself with them in a team of one */
	if (omp_get_max_threads() > 1)
#endif
		say("detached tasks", tasks_detached());
#endif
	say("deep tasks", tasks_deep());
	say("tasks at the end", tasks_at_end());
	say("cancelled", cancelled());
	say("nested", nested(3));
	say("sizes", sizes());
	say("many", many(argc > 1 && std::strcmp(argv[1], "short") == 0 ? 500 : 10000));
	say("from threads", from_threads());
	say("caught", caught());
	say("teams", teams());
	say("alive", counted::alive);
	say("all", checks);
	return 0;
}
