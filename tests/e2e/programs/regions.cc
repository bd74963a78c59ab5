/*
 * regions.cc: marks parts of itself by assay/region.h, and times them by its own clocks. The file that the argument names
 * gets a line a region: its name, how often it was open, and its wall and CPU time without the regions inside it, in ns.
 *
 *   solve (10 times) with step (30) inside it, in functions of their own; a recursion; two threads; what an exception, a
 *   jump and a return leave open; an end too many; more regions in each other than Assay keeps; a fork inside a region.
 */
#include <assay/region.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdexcept>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "burn.h"

HOT(in_step)
HOT(in_solve)
HOT(in_work)
HOT(outside)

struct times {
	const char *name;
	long count, wall, cpu;
};
static struct times solve = { "solve", 0, 0, 0 }, step_ = { "step", 0, 0, 0 }, work[2] = { { "work", 0, 0, 0 }, { "work", 0, 0, 0 } };

static long now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000l + t.tv_nsec;
}

/* Adds what has passed since it was made. */
struct timing {
	struct times *of;
	long wall, cpu;

	explicit timing(struct times *t) : of(t), wall(now(CLOCK_MONOTONIC)), cpu(now(CLOCK_THREAD_CPUTIME_ID)) {}
	~timing()
	{
		of->wall += now(CLOCK_MONOTONIC) - wall;
		of->cpu += now(CLOCK_THREAD_CPUTIME_ID) - cpu;
		of->count++;
	}
};

/* Its region ends by a call that is the last thing the function does. */
__attribute__((noinline)) static void step(int ms)
{
	ASSAY_REGION("step");
	timing t(&step_);

	in_step(ms);
}

__attribute__((noinline)) static void solve_it(int ms)
{
	timing t(&solve);

	assay_region_begin("solve");
	in_solve(ms);
	for (int i = 0; i < 3; i++)
		step(ms);
	assay_message("solved");
	assay_region_end("solve");
}

__attribute__((noinline)) static void recurse(int depth)
{
	assay::region r("recursion");

	if (depth > 1)
		recurse(depth - 1);
	assay_counter_add("calls", 1);
}

__attribute__((noinline)) static void throw_it(int depth)
{
	assay::region r(depth % 2 ? "odd" : "even");

	if (!depth)
		throw std::runtime_error("thrown");
	throw_it(depth - 1);
}

static jmp_buf home;

__attribute__((noinline)) static void jump(void)
{
	assay_region_begin("jumped out of");
	longjmp(home, 1);
}

__attribute__((noinline)) static void forget(void)
{
	assay_region_begin("forgotten");
	burn_sink = 1;
}

__attribute__((noinline)) static void deep(int depth)
{
	assay_region_begin("deep");
	if (depth > 1)
		deep(depth - 1);
	assay_region_end("deep");
}

static void *thread(void *p)
{
	struct times *t = (struct times *)p;

	assay_region_begin("work");
	{
		timing here(t);
		in_work(200);
	}
	assay_region_end("work");
	assay_region_end("work"); /* one too many, and of this thread */
	return NULL;
}

static void report(FILE *out, const struct times *t, long inner_wall, long inner_cpu)
{
	fprintf(out, "%s %ld %ld %ld\n", t->name, t->count, t->wall - inner_wall, t->cpu - inner_cpu);
}

int main(int argc, char **argv)
{
	FILE *out = argc > 1 ? fopen(argv[1], "w") : NULL;
	pthread_t threads[2];
	char name[32];

	for (int i = 0; i < 10; i++)
		solve_it(10);
	outside(100);
	assay_message("solved"); /* in no region */
	recurse(50);
	for (int i = 0; i < 3; i++) {
		try {
			throw_it(9);
		} catch (const std::runtime_error &e) {
			puts(e.what());
		}
	}
	if (!setjmp(home))
		jump();
	forget();
	assay_region_begin("after"); /* from here it is known that the two have been left */
	assay_region_end("after");
	assay_region_end("never begun");
	deep(200);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, thread, &work[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "named %d", i % 2);
		assay_region_begin_named(name);
		assay_region_end_named(name);
	}
	assay_region_begin("forked");
	fflush(stdout);
	if (fork() == 0) {
		puts("the child");
		assay_region_end("forked");
		return 0;
	}
	wait(NULL);
	assay_region_end("forked");
	if (out) {
		work[0].count += work[1].count;
		work[0].wall += work[1].wall;
		work[0].cpu += work[1].cpu;
		report(out, &solve, step_.wall, step_.cpu);
		report(out, &step_, 0, 0);
		report(out, &work[0], 0, 0);
		fclose(out);
	}
	puts("done");
	return 0;
}
