#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "runtime.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ompt.h"

enum { MODULES = 256 };

struct assay_openmp_runtime assay_openmp_runtimes[ASSAY_OPENMP_RUNTIMES];
_Atomic uint64_t assay_openmp_pages[ASSAY_OPENMP_PAGES];
static _Atomic uint32_t runtimes_used;
static _Atomic bool ready[ASSAY_OPENMP_RUNTIMES];
static _Atomic uint32_t seen_by_all; /* the runtime (+ 1) that modules see which came with none: the first one's */

/* Modules that have called, by their link maps. */
static struct {
	const void *_Atomic module;
	_Atomic uint32_t runtime; /* + 1; 0: not known yet */
} modules[MODULES];

/* As the loader ends a process that calls what is not there. */
static _Noreturn void missing(const char *name)
{
	static const char words[] = "assay: symbol lookup error: undefined symbol: ";
	struct iovec line[] = { { (char *)words, sizeof words - 1 }, { (char *)name, strlen(name) }, { (char *)"\n", 1 } };

	if (writev(STDERR_FILENO, line, 3) < 0)
		_exit(127);
	_exit(127);
}

static const struct link_map *module_of(const void *address)
{
	struct dl_find_object found;

	return _dl_find_object((void *)(uintptr_t)address, &found) == 0 ? found.dlfo_link_map : NULL;
}

/* A function that is not this library's own. */
static void *elsewhere(void *function)
{
	return function && module_of(function) != module_of((const void *)missing) ? function : NULL;
}

/* ---- which library ---- */

/* The path of the `skip`-th library that is an OpenMP runtime by its name. */
struct search {
	unsigned skip;
	char path[4096]; /* "": there is none */
};

static int look_at(struct dl_phdr_info *info, size_t size, void *data)
{
	static const char *const known[] = { "libgomp", "libomp", "libiomp5" };
	struct search *s = data;
	const char *slash = info->dlpi_name ? strrchr(info->dlpi_name, '/') : NULL;
	const char *file = slash ? slash + 1 : info->dlpi_name ? info->dlpi_name : "";

	(void)size;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strncmp(file, known[i], strlen(known[i])) != 0 || strlen(info->dlpi_name) >= sizeof s->path)
			continue;
		if (s->skip--)
			continue;
		strcpy(s->path, info->dlpi_name);
		return 1;
	}
	return 0;
}

/* In a library that is loaded already. */
static void *find_in(const char *path, const char *name)
{
	void *handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
	void *found = handle ? elsewhere(dlsym(handle, name)) : NULL;

	if (handle)
		dlclose(handle);
	return found;
}

/* As the loader binds: by the libraries that all see, then by those that the module came with. */
static void *bind(const struct link_map *module, const char *name, bool *by_all)
{
	void *found = elsewhere(dlsym(RTLD_NEXT, name));

	*by_all = found;
	if (!found && module && *module->l_name)
		found = find_in(module->l_name, name);
	return found;
}

/* Where that finds nothing, for the module that brought both knew of the runtime: by the runtimes' names. */
static void *bind_by_name(const char *name)
{
	struct search search;
	void *found = NULL;

	for (unsigned i = 0; !found; i++) {
		search.skip = i;
		*search.path = 0;
		dl_iterate_phdr(look_at, &search); /* under its lock nothing may be opened */
		if (!*search.path)
			break;
		found = find_in(search.path, name);
	}
	return found;
}

/* ---- what is known of it ---- */

/* The loader makes addresses of what is in the dynamic section, but not where that is read-only. */
static const char *strings_of(const struct link_map *module)
{
	for (const ElfW(Dyn) *d = module->l_ld; d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_STRTAB)
			return (const char *)(d->d_un.d_ptr < module->l_addr ? d->d_un.d_ptr + module->l_addr : d->d_un.d_ptr);
	return NULL;
}

static const char *soname_of(const struct link_map *module)
{
	const char *strings = module ? strings_of(module) : NULL;

	for (const ElfW(Dyn) *d = strings ? module->l_ld : NULL; d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_SONAME)
			return strings + d->d_un.d_val;
	return NULL;
}

/* Of the runtimes that are known, the one (+ 1) that the module says it needs; 0: none. Asks the loader for nothing. */
static uint32_t needed_by(const struct link_map *module)
{
	const char *strings = module ? strings_of(module) : NULL;

	for (const ElfW(Dyn) *d = strings ? module->l_ld : NULL; d && d->d_tag != DT_NULL; d++) {
		if (d->d_tag != DT_NEEDED)
			continue;
		for (uint32_t i = 0; i < ASSAY_OPENMP_RUNTIMES && i < atomic_load(&runtimes_used); i++)
			if (atomic_load(&ready[i]) && assay_openmp_runtimes[i].soname &&
			    strcmp(assay_openmp_runtimes[i].soname, strings + d->d_un.d_val) == 0)
				return i + 1;
	}
	return 0;
}

/* Its number + 1. Two threads may make two entries for one runtime, which does no harm. */
static uint32_t runtime_of(const void *function)
{
	const struct link_map *module = module_of(function);
	uint32_t used = atomic_load(&runtimes_used), at;
	struct assay_openmp_runtime *r;

	for (at = 0; at < used && at < ASSAY_OPENMP_RUNTIMES; at++)
		if (atomic_load(&ready[at]) && assay_openmp_runtimes[at].module == module)
			return at + 1;
	at = atomic_fetch_add(&runtimes_used, 1);
	if (at >= ASSAY_OPENMP_RUNTIMES) {
		atomic_store(&runtimes_used, ASSAY_OPENMP_RUNTIMES);
		return 1; /* more than anybody has */
	}
	r = &assay_openmp_runtimes[at];
	r->module = module;
	r->soname = soname_of(module);
	r->handle = module && *module->l_name ? dlopen(module->l_name, RTLD_LAZY | RTLD_NOLOAD) : dlopen(NULL, RTLD_LAZY);
	/*
	 * All of them now: the threads of a team must not wait for the loader's lock, which the one that opened the region may
	 * hold (in a constructor of a library).
	 */
	for (unsigned i = 0; i < assay_openmp_names_count; i++)
		atomic_store_explicit(&r->functions[i], elsewhere(dlsym(r->handle, assay_openmp_names[i])), memory_order_relaxed);
	r->thread_num = (int (*)(void))dlsym(r->handle, "omp_get_thread_num");
	r->num_threads = (int (*)(void))dlsym(r->handle, "omp_get_num_threads");
	r->ompt = assay_openmp_ompt_is_for(r->handle);
	dlerror();
	atomic_store(&ready[at], true);
	return at + 1;
}

/* The module's entry; NULL: too many. */
static _Atomic uint32_t *entry_of(const void *module)
{
	for (unsigned i = 0; i < MODULES; i++) {
		const void *known = atomic_load(&modules[i].module);

		if (!known && atomic_compare_exchange_strong(&modules[i].module, &known, module))
			known = module;
		if (known == module)
			return &modules[i].runtime;
	}
	return NULL;
}

enum { NONE = UINT32_MAX }; /* of a module: it has none of its own */

/* What the module means (+ 1); NONE; or 0: not known yet. */
static uint32_t of_module(const struct link_map *module, const char *name)
{
	uint32_t runtime = atomic_load(&seen_by_all);
	void *function;
	bool by_all;

	if (!runtime)
		runtime = needed_by(module);
	if (runtime)
		return runtime;
	function = bind(module, name, &by_all);
	dlerror(); /* what was not found is no error of the program's */
	if (!function)
		return NONE;
	runtime = runtime_of(function);
	if (by_all)
		atomic_store(&seen_by_all, runtime);
	return runtime;
}

/*
 * A module that has no runtime has not called: a function of another one jumped here. That is most likely the one which
 * called before.
 */
static struct assay_openmp_runtime *likely(const char *name)
{
	void *function;

	if (assay_openmp_self.last)
		return assay_openmp_self.last;
	function = bind_by_name(name);
	dlerror();
	if (!function)
		missing(name);
	return &assay_openmp_runtimes[runtime_of(function) - 1];
}

struct assay_openmp_runtime *assay_openmp_runtime_find(const void *code, const char *name)
{
	static const char unknown; /* code that is in no module */
	uint64_t page = (uintptr_t)code >> 12;
	const struct link_map *module;
	_Atomic uint32_t *entry;
	int saved = errno;
	uint32_t runtime;

	if (assay_openmp_is_ours(code) && assay_openmp_self.runtime)
		return assay_openmp_self.runtime;
	module = module_of(code);
	entry = entry_of(module ? (const void *)module : (const void *)&unknown);
	runtime = entry ? atomic_load(entry) : 0;
	if (!runtime)
		runtime = of_module(module, name);
	if (entry)
		atomic_store(entry, runtime);
	errno = saved;
	if (runtime == NONE)
		return likely(name);
	atomic_store_explicit(&assay_openmp_pages[page % ASSAY_OPENMP_PAGES], page << 8 | runtime, memory_order_release);
	return &assay_openmp_runtimes[runtime - 1];
}

void *assay_openmp_function_find(struct assay_openmp_runtime *runtime, unsigned index, const char *name)
{
	int saved = errno;
	void *function = elsewhere(dlsym(runtime->handle, name));

	if (!function)
		function = elsewhere(dlsym(RTLD_NEXT, name));
	if (!function)
		missing(name);
	atomic_store_explicit(&runtime->functions[index], function, memory_order_relaxed);
	errno = saved;
	return function;
}

bool assay_openmp_runtime_is_llvm(void)
{
	void *gcc = dlsym(RTLD_NEXT, "GOMP_parallel"), *llvm = dlsym(RTLD_NEXT, "__kmpc_fork_call");

	dlerror();
	return !gcc || (llvm && module_of(gcc) == module_of(llvm));
}

void assay_openmp_runtimes_forget(void)
{
	for (unsigned i = 0; i < ASSAY_OPENMP_PAGES; i++)
		atomic_store(&assay_openmp_pages[i], 0);
	atomic_store(&seen_by_all, 0);
	for (unsigned i = 0; i < MODULES; i++) {
		atomic_store(&modules[i].module, NULL);
		atomic_store(&modules[i].runtime, 0);
	}
}
