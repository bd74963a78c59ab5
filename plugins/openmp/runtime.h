/*
 * runtime.h: the OpenMP runtimes in the process.
 *
 * Owns which runtime a caller's functions are in. A process may have several (a wheel of Python's brings its own libgomp,
 * under a name of its own and for its own modules only), so that is asked for the module of the caller; answers are kept
 * without locks. The first call out of a module takes the loader's lock, as binding a function does.
 */
#ifndef ASSAY_OPENMP_RUNTIME_H
#define ASSAY_OPENMP_RUNTIME_H

#include "openmp.h"

enum { ASSAY_OPENMP_FUNCTIONS = 96, ASSAY_OPENMP_RUNTIMES = 32, ASSAY_OPENMP_PAGES = 256 };

struct assay_openmp_runtime {
	const void *module;    /* its link map */
	void *handle;          /* keeps it loaded */
	const char *soname;    /* or NULL */
	bool ompt;             /* tells of itself (ompt.c): its functions are passed on to and nothing more */
	int (*thread_num)(void), (*num_threads)(void);
	void *_Atomic functions[ASSAY_OPENMP_FUNCTIONS];
};
extern struct assay_openmp_runtime assay_openmp_runtimes[ASSAY_OPENMP_RUNTIMES];

/* The functions' names, by their numbers in the table: gomp.in.c. */
extern const char *const assay_openmp_names[];
extern const unsigned assay_openmp_names_count;

/* Pages of code that have called: the page's number, and below it 1 byte that says which runtime, + 1. */
extern _Atomic uint64_t assay_openmp_pages[ASSAY_OPENMP_PAGES];

/* What the inline one below does not know. Never returns NULL: without a runtime that has it, the process ends. */
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

	if (known >> 8 == page && (known & 255))
		return assay_openmp_self.last = &assay_openmp_runtimes[(known & 255) - 1];
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

/* For tests: all is looked up anew. */
void assay_openmp_runtimes_forget(void);

#endif
