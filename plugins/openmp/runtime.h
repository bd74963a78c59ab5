/*
 * runtime.h: the OpenMP runtimes in the process.
 *
 * Owns which runtime a caller's functions are in. A process may have several (a wheel of Python's brings its own libgomp,
 * under a name of its own and for its own modules only), so that is asked for the module of the caller; answers are kept
 * without locks until a library is unloaded.
 *
 * Nothing here asks for what the loader holds while it runs constructors: one of them may wait for the thread that calls.
 * So not dlsym, but the tables of the objects themselves; the list of these is read under the lock of dl_iterate_phdr,
 * which is only held while the list changes. What dlerror() has to tell the program stays.
 */
#ifndef ASSAY_OPENMP_RUNTIME_H
#define ASSAY_OPENMP_RUNTIME_H

#include "core/next.h"
#include "openmp.h"

enum { ASSAY_OPENMP_FUNCTIONS = 96, ASSAY_OPENMP_RUNTIMES = 32, ASSAY_OPENMP_PAGES = 256 };

struct assay_openmp_runtime {
	_Atomic uint32_t state; /* 0: never used; 1: being filled; 2: it is one */
	const void *module;     /* its link map */
	bool ompt;              /* tells of itself (ompt.c), or is none: its functions are passed on to and nothing more */
	int (*thread_num)(void), (*num_threads)(void);
	void *_Atomic functions[ASSAY_OPENMP_FUNCTIONS];
};
extern struct assay_openmp_runtime assay_openmp_runtimes[ASSAY_OPENMP_RUNTIMES];

/* The functions' names, by their numbers in the table; what each means where there is no runtime at all: gomp.in.c. */
extern const char *const assay_openmp_names[];
extern void *const assay_openmp_serial[];
extern const unsigned assay_openmp_names_count;

/*
 * Pages of code that have called. A word is the page's number, below it 22 bits of how often libraries had been unloaded,
 * and 6 that say which runtime, + 1.
 */
extern _Atomic uint64_t assay_openmp_pages[ASSAY_OPENMP_PAGES];

static inline uint64_t assay_openmp_page_word(uint64_t page, uint32_t closes, uint32_t runtime)
{
	return page << 28 | (uint64_t)(closes & 0x3fffff) << 6 | runtime;
}

/*
 * What the inline one below does not know. Never return NULL: a function that the runtime does not have ends the process, as
 * the loader would; without any runtime each does what it means for a single thread.
 */
struct assay_openmp_runtime *assay_openmp_runtime_find(const void *code, const char *name);
void *assay_openmp_function_find(struct assay_openmp_runtime *runtime, unsigned index, const char *name);

/*
 * The runtime that the module with `code` means by `name`, as it would be bound without us. `code` is best the address of
 * what the runtime is to call; a return address may be another module's, for a function may end by jumping to ours.
 */
static inline struct assay_openmp_runtime *assay_openmp_runtime(const void *code, const char *name)
{
	uint64_t page = (uintptr_t)code >> 12;
	uint64_t known = atomic_load_explicit(&assay_openmp_pages[page % ASSAY_OPENMP_PAGES], memory_order_acquire);
	uint32_t closes = atomic_load_explicit(&assay_next_closes, memory_order_relaxed), runtime = known & 63;

	if (runtime && known == assay_openmp_page_word(page, closes, runtime) && page >> 36 == 0)
		return assay_openmp_self.last = &assay_openmp_runtimes[runtime - 1];
	return assay_openmp_self.last = assay_openmp_runtime_find(code, name);
}

/* Its function `name`, whose number in the table is `index`. */
static inline void *assay_openmp_function(struct assay_openmp_runtime *runtime, unsigned index, const char *name)
{
	void *function = atomic_load_explicit(&runtime->functions[index], memory_order_relaxed);

	return function ? function : assay_openmp_function_find(runtime, index, name);
}

/* Whether gcc's programs run on LLVM's runtime here: it stands before their own. True as well if they have none. */
bool assay_openmp_runtime_is_llvm(void);

/* Whether any object in the process defines that function. */
bool assay_openmp_is_defined(const char *name);

#endif
