/*
 * An open-addressed table: an entry's function is set once, by whoever comes first, and its choice before that. Where only
 * tiny functions are left out, what is not in it is measured; where names matter, each function is decided at its first call.
 */
#include "choice.h"

#include <dlfcn.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdatomic.h>
#include <string.h>

#include "names.h"

enum { BITS = 15, PROBES = 64, PATTERNS = 32, TEXT = 1024, NAME = 512 };

static struct {
	_Atomic uintptr_t function;
	_Atomic uint32_t choice; /* 0: not decided yet, else 1 more than enum choice */
} table[1 << BITS];

_Atomic bool choice_any;
static bool by_name, by_module;

struct patterns {
	const char *pattern[PATTERNS];
	unsigned count;
	char text[TEXT];
};
static struct patterns only, skip, only_in, skip_in;

/* ---- patterns ---- */

/* Splits "a+b". Where everything matches, or nothing is given, there are none. */
static int split(const struct assay_host *h, const char *option, struct patterns *p)
{
	const char *given = h->option(option);
	char *at = p->text;

	p->count = 0;
	if (!given || strlen(given) >= TEXT)
		return -EINVAL;
	strcpy(p->text, given);
	while (*at) {
		char *end = at + strcspn(at, "+");

		if (p->count == PATTERNS)
			return -E2BIG;
		if (end > at)
			p->pattern[p->count++] = at;
		at = end + (*end != 0);
		*end = 0;
	}
	if (p->count == 1 && strcmp(p->pattern[0], "*") == 0)
		p->count = 0;
	return 0;
}

static bool matches(const struct patterns *p, const char *name)
{
	for (unsigned i = 0; i < p->count; i++)
		if (fnmatch(p->pattern[i], name, 0) == 0)
			return true;
	return false;
}

int choice_start(const struct assay_host *h)
{
	if (split(h, "only", &only) < 0 || split(h, "skip", &skip) < 0 || split(h, "only-in", &only_in) < 0 ||
	    split(h, "skip-in", &skip_in) < 0) {
		h->say("functions: there are too many patterns");
		return -E2BIG;
	}
	by_name = only.count || skip.count;
	by_module = only_in.count || skip_in.count;
	atomic_store(&choice_any, by_name || by_module);
	return 0;
}

/* ---- decisions ---- */

static enum choice decide(const void *function)
{
	char name[NAME];
	Dl_info info;

	if (!dladdr(function, &info) || !info.dli_fname)
		return only.count || only_in.count ? CHOICE_NO : CHOICE_YES; /* made while the program runs */
	if (by_module) {
		const char *slash = strrchr(info.dli_fname, '/'), *file = slash ? slash + 1 : info.dli_fname;

		if ((only_in.count && !matches(&only_in, file)) || matches(&skip_in, file))
			return CHOICE_NO;
	}
	if (!by_name)
		return CHOICE_YES;
	if (!names_find(function, name, sizeof name))
		return only.count ? CHOICE_NO : CHOICE_YES; /* no name, nothing that matches */
	return (only.count && !matches(&only, name)) || matches(&skip, name) ? CHOICE_NO : CHOICE_YES;
}

/* The place of a function, made where it is new and `make`; -1: there is none. */
static int place_of(uintptr_t function, bool make)
{
	uint32_t at = (uint32_t)(function * 0x9e3779b97f4a7c15u >> (64 - BITS));

	for (uint32_t i = 0; i < PROBES; i++, at = (at + 1) % (1 << BITS)) {
		uintptr_t there = atomic_load_explicit(&table[at].function, memory_order_acquire);

		if (there == function)
			return (int)at;
		if (there)
			continue;
		if (!make)
			return -1;
		if (atomic_compare_exchange_strong(&table[at].function, &there, function) || there == function)
			return (int)at;
	}
	return -1;
}

enum choice choice_look_up(const void *function)
{
	int at = place_of((uintptr_t)function, by_name || by_module);
	uint32_t choice = at < 0 ? 0 : atomic_load_explicit(&table[at].choice, memory_order_relaxed);
	int saved;

	if (choice)
		return (enum choice)(choice - 1);
	if (!by_name && !by_module)
		return CHOICE_YES;
	saved = errno;
	choice = decide(function); /* of two threads, both decide alike */
	errno = saved;
	if (at >= 0)
		atomic_store_explicit(&table[at].choice, choice + 1, memory_order_relaxed);
	return (enum choice)choice;
}

void choice_tiny(const void *function)
{
	int at = place_of((uintptr_t)function, true);

	if (at < 0)
		return; /* it goes on being measured */
	atomic_store_explicit(&table[at].choice, CHOICE_TINY + 1, memory_order_relaxed);
	atomic_store(&choice_any, true);
}
