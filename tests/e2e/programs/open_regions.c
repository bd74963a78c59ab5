/*
 * open_regions.c: ends while regions are open. The file that the second argument names gets a line a region: its name, and
 * the ns for which it was open by the program's own clock, without the regions inside it, up to the end.
 *
 *   killed   by SIGKILL, in a region in a region; another thread is in one too
 *   exit     by exit() in a region, while another thread is in one
 */
#include <assay/region.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "burn.h"

HOT(in_inner)

static pthread_barrier_t both;
static long thread_begin;

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000l + t.tv_nsec;
}

static void *thread(void *p)
{
	assay_region_begin("thread");
	thread_begin = now();
	pthread_barrier_wait(&both);
	for (;;)
		pause();
	return p;
}

__attribute__((noinline)) static void inner(const char *how, const char *file, long outer_begin)
{
	FILE *out = fopen(file, "w");
	long begin, end;

	assay_region_begin("inner");
	begin = now();
	in_inner(300);
	end = now();
	if (!out)
		abort();
	fprintf(out, "outer %ld\ninner %ld\nthread %ld\n", begin - outer_begin, end - begin, end - thread_begin);
	fclose(out);
	if (strcmp(how, "killed") == 0)
		raise(SIGKILL);
	exit(3);
}

int main(int argc, char **argv)
{
	pthread_t id;
	long begin;

	if (argc < 3)
		return 2;
	pthread_barrier_init(&both, NULL, 2);
	pthread_create(&id, NULL, thread, NULL);
	pthread_barrier_wait(&both);
	begin = now();
	assay_region_begin("outer");
	in_inner(50);
	inner(argv[1], argv[2], begin);
	return 0;
}
