/*
 * region.h: says to Assay what a part of a program is about. For C and C++; there is no library to link.
 *
 *	assay_region_begin("solve");
 *	...
 *	assay_region_end("solve");
 *
 *	ASSAY_REGION("solve");          // to the end of the block, whatever ends it
 *	assay::region r("solve");       // the same in C++
 *	assay_counter_add("cells", n);  // adds up
 *	assay_message("restarted");     // how often, and in which region
 *
 * Under `assay run` the report has the exact time and the count of each region, by how they lie in each other, and
 * samples taken inside a region have it in their call path, above the function that opened it. Without Assay a call
 * costs a load and a branch.
 *
 * A region belongs to the thread that begins it and ends in the function that begins it; regions may lie in each other,
 * and the same may be open several times (recursion). Names are copied, and compared as text. A name of one place in
 * the code may not change there: assay_region_begin_named and assay_region_end_named take one that does, at some 50 ns
 * more. May be called from any thread, not from signal handlers. Nothing here sets errno or fails. Not for `inline`
 * functions without `static` in C, whose statics the language forbids.
 */
#ifndef ASSAY_REGION_H
#define ASSAY_REGION_H

#include <dlfcn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the plugin `regions` exports. `site`: a place in the program, 0 at first; NULL: the name may change. */
typedef void assay_region_call(unsigned *site, const char *name, const void *frame);
typedef void assay_counter_call(unsigned *site, const char *name, unsigned long n);

enum assay_region_calls {
	ASSAY_REGION_ENTER,
	ASSAY_REGION_LEAVE,
	ASSAY_REGION_COUNT,
	ASSAY_REGION_MESSAGE,
	ASSAY_REGION_CALLS
};

union assay_region_function {
	void *object;
	void *(*demand)(const char *plugin, const char *name);
	assay_region_call *region;
	assay_counter_call *counter;
};

/* Assay's, or NULL: looked for once in each source file, before main, where it disturbs nobody's dlerror. */
static union assay_region_function assay_region_assay;

__attribute__((constructor, unused)) static void assay_region_look(void)
{
	assay_region_assay.object = dlsym((void *)0, "assay_demand");
	if (!assay_region_assay.object) {
		(void)dlerror();
		return;
	}
	/* asked for before main, they are looked up before main */
	(void)assay_region_assay.demand("regions", "assay_region_enter");
	(void)assay_region_assay.demand("regions", "assay_region_leave");
	(void)assay_region_assay.demand("regions", "assay_region_count");
	(void)assay_region_assay.demand("regions", "assay_region_message");
}

/* The plugin's function, or NULL. While it is looked for it is not there: an allocator may have regions too. */
__attribute__((always_inline, unused)) static __inline__ union assay_region_function
assay_region_find(enum assay_region_calls which)
{
	static const char *const names[ASSAY_REGION_CALLS] = { "assay_region_enter", "assay_region_leave",
		"assay_region_count", "assay_region_message" };
	static void *found[ASSAY_REGION_CALLS]; /* its own address: not there */
	union assay_region_function f;

	f.object = __atomic_load_n(&found[which], __ATOMIC_RELAXED);
	if (__builtin_expect(!f.object, 0) && assay_region_assay.object) {
		__atomic_store_n(&found[which], (void *)found, __ATOMIC_RELAXED);
		f.object = assay_region_assay.demand("regions", names[which]);
		if (f.object == (void *)-1) /* not known yet: before main */
			f.object = (void *)0;
		else if (!f.object)
			f.object = (void *)found;
		__atomic_store_n(&found[which], f.object, __ATOMIC_RELAXED);
	}
	if (f.object == (void *)found)
		f.object = (void *)0;
	return f;
}

/* These are inlined even where nothing else is: the region is to belong to the function that calls them. */
__attribute__((always_inline, unused)) static __inline__ void assay_region_at(enum assay_region_calls which,
									       unsigned *site, const char *name)
{
	union assay_region_function f = assay_region_find(which);

	if (__builtin_expect(f.object != (void *)0, 0))
		f.region(site, name, __builtin_frame_address(0));
}

__attribute__((always_inline, unused)) static __inline__ void assay_counter_at(enum assay_region_calls which,
										unsigned *site, const char *name,
										unsigned long n)
{
	union assay_region_function f = assay_region_find(which);

	if (__builtin_expect(f.object != (void *)0, 0))
		f.counter(site, name, n);
}

#define assay_region_begin_named(name) assay_region_at(ASSAY_REGION_ENTER, (unsigned *)0, (name))
#define assay_region_end_named(name) assay_region_at(ASSAY_REGION_LEAVE, (unsigned *)0, (name))

#define assay_region_begin(name)                                              \
	do {                                                                  \
		static unsigned assay_site_;                                  \
		assay_region_at(ASSAY_REGION_ENTER, &assay_site_, (name));    \
	} while (0)

#define assay_region_end(name)                                                \
	do {                                                                  \
		static unsigned assay_site_;                                  \
		assay_region_at(ASSAY_REGION_LEAVE, &assay_site_, (name));    \
	} while (0)

/* `n` more, of what `name` says. */
#define assay_counter_add(name, n)                                            \
	do {                                                                  \
		static unsigned assay_site_;                                  \
		assay_counter_at(ASSAY_REGION_COUNT, &assay_site_, (name), (unsigned long)(n)); \
	} while (0)

/* Something happened that the profile is to tell: the text, how often, and in which region. */
#define assay_message(text)                                                   \
	do {                                                                  \
		static unsigned assay_site_;                                  \
		assay_counter_at(ASSAY_REGION_MESSAGE, &assay_site_, (text), 1); \
	} while (0)
#define assay_message_named(text) assay_counter_at(ASSAY_REGION_MESSAGE, (unsigned *)0, (text), 1)

struct assay_region_open {
	unsigned *site;
	const char *name;
};

__attribute__((always_inline, unused)) static __inline__ void assay_region_close_open(struct assay_region_open *region)
{
	assay_region_at(ASSAY_REGION_LEAVE, region->site, region->name);
}

#define ASSAY_REGION_JOIN_(a, b) a##b
#define ASSAY_REGION_JOIN(a, b) ASSAY_REGION_JOIN_(a, b)
#define ASSAY_REGION_AS(name, number)                                                                           \
	static unsigned ASSAY_REGION_JOIN(assay_site_, number);                                                 \
	struct assay_region_open ASSAY_REGION_JOIN(assay_open_, number)                                         \
		__attribute__((cleanup(assay_region_close_open), unused)) = {                                   \
			&ASSAY_REGION_JOIN(assay_site_, number), (name) };                                      \
	assay_region_at(ASSAY_REGION_ENTER, &ASSAY_REGION_JOIN(assay_site_, number), (name))

/* From here to the end of the block. */
#define ASSAY_REGION(name) ASSAY_REGION_AS(name, __COUNTER__)

#ifdef __cplusplus
}

namespace assay
{
/* From its construction to the end of its scope. The name must live as long. */
class region
{
	const char *name_;

    public:
	__attribute__((always_inline)) explicit region(const char *name) : name_(name)
	{
		assay_region_begin_named(name_);
	}
	__attribute__((always_inline)) ~region()
	{
		assay_region_end_named(name_);
	}

    private: /* one that is copied would end twice */
	region(const region &);
	region &operator=(const region &);
};
}
#endif

#endif
