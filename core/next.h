/*
 * next.h: the functions behind those that this library interposes, its own and its built-in plugins' (which use no more of
 * the core than this).
 *
 * Owns how often libraries may have been unloaded. dlsym(RTLD_NEXT, ...) would do, were it not that it waits for the loader's lock, which another thread may
 * hold while it waits for this one (a library's constructor that joins a thread), and that it forgets what dlerror() was
 * to tell the program. So the tables of the objects behind this one are read as the loader reads them.
 */
#ifndef ASSAY_CORE_NEXT_H
#define ASSAY_CORE_NEXT_H

#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The first definition of function `name` in the objects that were loaded behind this one, in its standard version, as
 * RTLD_NEXT finds it; NULL: there is none. Any thread, handlers too. Some 100 ns.
 */
void *assay_next_find(const char *name);

/* The same, kept in *cache from the first time on; a name that is not found is looked for again. */
static inline void *assay_next(void *_Atomic *cache, const char *name)
{
	void *found = atomic_load_explicit(cache, memory_order_relaxed);

	if (__builtin_expect(!found, 0)) {
		found = assay_next_find(name);
		atomic_store_explicit(cache, found, memory_order_relaxed);
	}
	return found;
}

/*
 * The definition of function `name` in one object, whose dynamic section this is and which lies `bias` above its own
 * addresses; NULL: it has none, or one that the loader chooses at run time. The object stays loaded meanwhile.
 */
void *assay_next_find_in(ElfW(Addr) bias, const ElfW(Dyn) *dynamic, const char *name);

/* The words of an object, by what its dynamic section says of them: DT_SONAME, DT_NEEDED and so on. */
const char *assay_next_strings(ElfW(Addr) bias, const ElfW(Dyn) *dynamic);

/*
 * One more before and after each dlclose of the program's: what was known of an address before may be of another object
 * now, and so may a link map.
 */
extern _Atomic uint32_t assay_next_closes;

#endif
