/*
 * markers.c: marks parts of itself by another tool's markers, and times them by its own clock. The file that the argument
 * names gets a line each: what kind ("region", "range"), how often, its wall time without what lies inside it (ns), and its
 * name. Compiled with -DNVTX, -DITT or -DLIKWID; with -DREAL, with the tool's own headers.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined NVTX && defined REAL
#include <nvtx3/nvToolsExt.h>
#elif defined NVTX
#include "nvtx_standin.h"
#elif defined ITT && defined REAL
#include <ittnotify.h>
#elif defined ITT
#include "itt_standin.h"
#else
int likwid_markerStartRegion(const char *name);
int likwid_markerStopRegion(const char *name);
#endif

#include "burn.h"

HOT(in_outer)
HOT(in_inner)
HOT(outside)

static FILE *out;

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000l + t.tv_nsec;
}

static void say(const char *kind, int times, long ns, const char *name)
{
	if (out)
		fprintf(out, "%s %d %ld %s\n", kind, times, ns, name);
}

#if defined NVTX

/* Pushed here, popped elsewhere. */
__attribute__((noinline)) static int push(const char *name) { return nvtxRangePushA(name); }
__attribute__((noinline)) static int pop(void) { return nvtxRangePop(); }

static void *ends(void *range)
{
	nvtxRangeEnd(*(nvtxRangeId_t *)range);
	return NULL;
}

static void mark(void)
{
	nvtxDomainHandle_t domain = nvtxDomainCreateA("library"), again = nvtxDomainCreateA("library");
	nvtxEventAttributes_t event = { .version = NVTX_VERSION, .size = sizeof event, .messageType = NVTX_MESSAGE_TYPE_REGISTERED,
		.message.registered = nvtxDomainRegisterStringA(domain, "registered") };
	long inner = 0, begin, end, a, b;
	nvtxRangeId_t range;
	pthread_t thread;
	int levels;

	begin = now();
	levels = push("outer");
	in_outer(100);
	for (int i = 0; i < 5; i++) {
		a = now();
		levels += nvtxRangePushW(L"inn\u00e9r \u20ac");
		in_inner(20);
		nvtxMarkA("a mark");
		levels += pop();
		inner += now() - a;
	}
	levels += nvtxRangePop();
	end = now();
	printf("what push and pop return: %d\n", levels);
	say("region", 1, end - begin - inner, "outer");
	say("region", 5, inner, "inn\u00e9r \u20ac");
	outside(50);

	/* two domains are two stacks: the one that was pushed first may be popped first */
	a = now();
	nvtxDomainRangePushEx(domain, &event);
	in_inner(30);
	begin = now();
	push("other stack");
	in_inner(30);
	nvtxDomainRangePop(again);
	b = now();
	nvtxDomainMarkEx(domain, &event);
	in_inner(30);
	pop();
	end = now();
	say("region", 1, begin - a, "library: registered");
	say("region", 1, end - begin, "other stack");

	begin = now();
	range = nvtxRangeStartA("a range");
	outside(40);
	pthread_create(&thread, NULL, ends, &range);
	pthread_join(thread, NULL);
	say("range", 1, now() - begin, "a range");
	(void)nvtxRangeStartA("never ended");
	(void)b;

	pop();               /* two that are not open */
	nvtxRangeEnd(12345);

	levels = push(NULL); /* names that are none */
	event.size = 4;
	nvtxDomainRangePushEx(domain, &event);
	nvtxDomainRangePushEx(domain, NULL);
	nvtxDomainRangePop(domain);
	nvtxDomainRangePop(domain);
	pop();
}

#elif defined ITT

static void mark(void)
{
	__itt_domain *domain = __itt_domain_create("library"), *other = __itt_domain_create("other");
	__itt_string_handle *outer = __itt_string_handle_create("outer"), *inner = __itt_string_handle_create("inner");
	long inner_ns = 0, begin, end, a;
	__itt_id id = __itt_id_make(domain, 7);
	int event;

	begin = now();
	__itt_task_begin(domain, __itt_null, __itt_null, outer);
	in_outer(100);
	for (int i = 0; i < 5; i++) {
		a = now();
		__itt_task_begin(other, __itt_null, __itt_null, inner);
		in_inner(20);
		__itt_marker(other, __itt_null, inner, __itt_scope_task);
		__itt_task_end(other);
		inner_ns += now() - a;
	}
	__itt_task_end(domain);
	end = now();
	say("region", 1, end - begin - inner_ns, "library: outer");
	say("region", 5, inner_ns, "other: inner");
	outside(50);

	begin = now();
	__itt_region_begin(domain, id, __itt_null, inner);
	outside(40);
	__itt_region_end(domain, id);
	say("range", 1, now() - begin, "library: inner");

	event = __itt_event_create("an event", 8);
	begin = now();
	__itt_event_start(event);
	in_inner(30);
	__itt_event_end(event);
	say("region", 1, now() - begin, "an event");
	__itt_counter_inc_delta_v3(domain, outer, 40);
	__itt_counter_inc_delta_v3(domain, outer, 2);

	__itt_task_end(domain); /* two that are not open */
	__itt_region_end(domain, id);
}

#else

static int start(const char *name) { return likwid_markerStartRegion(name); }

/* Regions of LIKWID's may overlap. */
static void mark(void)
{
	int results = start("outer");
	long begin = now(), a, b, end;

	in_outer(100);
	a = now();
	results += start("inner");
	in_inner(100);
	b = now();
	results += likwid_markerStopRegion("outer");
	in_inner(50);
	end = now();
	results += likwid_markerStopRegion("inner");
	say("region", 1, a - begin, "outer");
	say("region", 1, end - a, "inner");
	outside(50);
	results += likwid_markerStopRegion("not open");
	printf("what LIKWID returns: %d\n", results);
	(void)b;
}

#endif

int main(int argc, char **argv)
{
	out = argc > 1 ? fopen(argv[1], "w") : NULL;
	mark();
	if (out)
		fclose(out);
	fflush(stdout);
	return system("env | grep -E '^(NVTX_INJ|INTEL)' || echo none in the environment") != 0;
}
