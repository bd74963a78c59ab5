/*
 * functions: calls and time of the functions of programs built with -finstrument-functions, by call path. The library has
 * what the compiler calls (core/wrap_function.c); this decides which are measured (choice.c), and hands them on.
 */
#include "choice.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

void assay_function_enter(const void *function, const void *sp);
void assay_function_leave(const void *function, const void *sp);

static const struct assay_host *_Atomic host;
static uint32_t calls, unmeasured; /* the metrics */
static uint32_t deepest;           /* 0: no limit */

/*
 * The function that lies as deep as any is measured: all that it calls is not. How many of those the thread is in is
 * counted, for one that ends by a jump to its last call has the same stack pointer as this one; what a jump out of them
 * leaves of the count is void as soon as a stack pointer further out is seen.
 */
static __thread struct {
	uintptr_t sp;
	uint32_t below;
} limit;

/* Whether a function at `sp` lies too deep. */
static bool is_too_deep(uintptr_t sp)
{
	if (sp > limit.sp)
		limit.sp = limit.below = 0;
	return limit.sp && sp < limit.sp;
}

/* The same of one that ends. */
static bool was_too_deep(uintptr_t sp)
{
	if (sp > limit.sp)
		limit.sp = limit.below = 0;
	if (!limit.below) {
		limit.sp = 0; /* it is the one that lies deepest, or one further out */
		return false;
	}
	limit.below--;
	return true;
}

EXPORT void assay_function_enter(const void *function, const void *sp)
{
	const struct assay_host *h = atomic_load_explicit(&host, memory_order_acquire);
	enum choice choice;
	uint32_t depth;

	if (!h)
		return;
	choice = choice_of(function);
	if (__builtin_expect(choice == CHOICE_YES && !deepest, 1)) {
		h->enter_function(function, calls, sp);
		return;
	}
	if (choice == CHOICE_NO)
		return;
	if (deepest && is_too_deep((uintptr_t)sp)) {
		limit.below++;
		return;
	}
	if (choice == CHOICE_TINY) {
		h->count_function(function, unmeasured);
		return;
	}
	depth = h->enter_function(function, calls, sp);
	if (deepest && depth >= deepest)
		limit.sp = (uintptr_t)sp;
}

EXPORT void assay_function_leave(const void *function, const void *sp)
{
	const struct assay_host *h = atomic_load_explicit(&host, memory_order_acquire);
	enum choice choice = h ? choice_of(function) : CHOICE_NO;

	if (choice == CHOICE_NO || (deepest && was_too_deep((uintptr_t)sp)))
		return;
	if (choice == CHOICE_TINY)
		h->leave_if_entered(function, calls, sp);
	else if (h->leave_function(function, calls, sp))
		choice_tiny(function);
}

/* A number from 0 on; -1: it is none. */
static int64_t number(const char *text)
{
	char *end;
	long long n;

	if (!text || *text < '0' || *text > '9')
		return -1;
	n = strtoll(text, &end, 10);
	return *end ? -1 : n;
}

static int start(const struct assay_host *h)
{
	int64_t often = number(h->option("often")), depth = number(h->option("depth"));
	uint64_t tiny = h->option_ns("tiny");
	int error;

	if (often < 0 || depth < 0 || depth > INT32_MAX || tiny == UINT64_MAX) {
		h->say("functions: depth= and often= are numbers, and tiny= is a length of time, such as 500ns or 1us");
		return -EINVAL;
	}
	error = choice_start(h);
	if (error < 0)
		return error;
	deepest = (uint32_t)depth;
	h->tiny((uint64_t)often, tiny);
	calls = h->metric("calls");
	unmeasured = h->metric("unmeasured");
	atomic_store_explicit(&host, h, memory_order_release);
	return 0;
}

static void stop(void)
{
	atomic_store_explicit(&host, NULL, memory_order_release);
}

static const struct assay_plugin_option options[] = {
	{ "only", "*", "functions whose names match one of these shell patterns, with + between them" },
	{ "skip", "", "... but not these: skip=std*+operator*" },
	{ "only-in", "*", "functions of programs and libraries whose file names match" },
	{ "skip-in", "", "... but not of these: skip-in=libm*" },
	{ "depth", "0", "functions in more than so many others are left out; 0: there is no limit" },
	{ "often", "100000", "a tiny function called so often from one place is only counted from then on; 0: never" },
	{ "tiny", "1us", "... tiny: its calls take less than this" },
	{ NULL, NULL, NULL },
};

static const struct assay_plugin_metric metrics[] = {
	{ "calls", "ns", ASSAY_PLUGIN_EXACT_TIME,
		"wall time in functions built with -finstrument-functions, without those that they call; times: calls" },
	{ "unmeasured", "count", ASSAY_PLUGIN_COUNT,
		"calls of functions that were too tiny and too many to be measured any more (often=, tiny=): their time is in their "
		"callers'" },
	{ NULL, NULL, 0, NULL },
};

ASSAY_PLUGIN(functions) = {
	.abi = ASSAY_PLUGIN_ABI,
	.size = sizeof(struct assay_plugin),
	.name = "functions",
	.summary = "every call of programs built with -finstrument-functions",
	.flags = ASSAY_PLUGIN_ON_DEMAND,
	.options = options,
	.metrics = metrics,
	.start = start,
	.stop = stop,
};
