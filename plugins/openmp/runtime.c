#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "runtime.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ompt.h"

enum { MODULES = 256 };
enum { UNUSED = 0, FILLING = 1, READY = 2 };

struct assay_openmp_runtime assay_openmp_runtimes[ASSAY_OPENMP_RUNTIMES];
_Atomic uint64_t assay_openmp_pages[ASSAY_OPENMP_PAGES];

/* Modules that have called, by their link maps. */
static struct {
	const void *_Atomic module;
	_Atomic uint64_t runtime; /* + 1 (0: it has none), and above it how often libraries had been unloaded, + 1 */
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

/* ---- the objects of the process ---- */

/* Not by our own dl_iterate_phdr, which has to do with other matters. */
static int for_each_object(int (*call)(struct dl_phdr_info *, size_t, void *), void *data)
{
	static void *_Atomic next;
	int (*iterate)(int (*)(struct dl_phdr_info *, size_t, void *), void *) =
		(int (*)(int (*)(struct dl_phdr_info *, size_t, void *), void *))assay_next(&next, "dl_iterate_phdr");

	return iterate ? iterate(call, data) : 0;
}

static const ElfW(Dyn) *dynamic_of(const struct dl_phdr_info *info)
{
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			return (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	return NULL;
}

/* How many objects came with the program. They are the first of the list, and stay. */
static unsigned at_start;

__attribute__((constructor)) static void count_at_start(void)
{
	for (const struct link_map *m = _r_debug.r_map; m; m = m->l_next)
		at_start++;
}

/* ---- which object ---- */

/* A search for what the loader would bind a module's call to, and what is known so far. */
struct search {
	const char *name;
	const struct link_map *asker;    /* the module; NULL: code that is in none */
	const struct link_map *evidence; /* where its other calls go to, or NULL */
	unsigned seen, found;            /* objects; and how many of them have it */
	bool behind;                     /* us: the objects before have it for those who do not come to us */
	void *all, *first;                   /* what all modules see; the first one there is */
	void *by_evidence, *own, *by_need;   /* those for this module, in their order */
};

static const char *soname_of(ElfW(Addr) bias, const ElfW(Dyn) *dynamic)
{
	const char *strings = assay_next_strings(bias, dynamic);

	for (const ElfW(Dyn) *d = strings ? dynamic : NULL; d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_SONAME)
			return strings + d->d_un.d_val;
	return NULL;
}

static bool needs(const struct link_map *module, const char *soname)
{
	const char *strings = module && soname ? assay_next_strings(module->l_addr, module->l_ld) : NULL;

	for (const ElfW(Dyn) *d = strings ? module->l_ld : NULL; d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_NEEDED && strcmp(strings + d->d_un.d_val, soname) == 0)
			return true;
	return false;
}

static int look_at(struct dl_phdr_info *info, size_t size, void *data)
{
	struct search *s = data;
	const ElfW(Dyn) *dynamic = dynamic_of(info);
	const struct link_map *ours = module_of((const void *)missing);
	void *found;

	(void)size;
	s->seen++;
	if (ours && dynamic == ours->l_ld) {
		s->behind = true;
		return 0;
	}
	found = s->behind && dynamic ? assay_next_find_in(info->dlpi_addr, dynamic, s->name) : NULL;
	if (!found)
		return 0;
	s->found++;
	if (!s->first)
		s->first = found;
	if (s->seen <= at_start) {
		s->all = found;
		return 1;
	}
	if (s->evidence && module_of(found) == s->evidence)
		s->by_evidence = found;
	if (s->asker && s->asker->l_ld == dynamic)
		s->own = found;
	if (!s->by_need && needs(s->asker, soname_of(info->dlpi_addr, dynamic)))
		s->by_need = found;
	return 0;
}

/* What a table of relocations says of calls to OpenMP that are not interposed: the module they were bound to, or NULL. */
static const struct link_map *bound_to(const struct link_map *m, const ElfW(Sym) *symbols, const char *strings,
	const ElfW(Rela) *rows, size_t count_of_rows)
{
	for (size_t i = 0; i < count_of_rows; i++) {
		const ElfW(Sym) *s = &symbols[ELF64_R_SYM(rows[i].r_info)];
		const char *name = strings + s->st_name;
		const struct link_map *to;

		if (s->st_shndx != SHN_UNDEF || (strncmp(name, "omp_", 4) != 0 && strncmp(name, "GOMP_", 5) != 0))
			continue;
		to = module_of(*(void *const *)(m->l_addr + rows[i].r_offset));
		if (to && to != m && to != module_of((const void *)missing)) /* not bound yet it leads back to the module */
			return to;
	}
	return NULL;
}

/*
 * A library opened with RTLD_GLOBAL comes before one that the module brought, and what was opened so is known to the loader
 * alone. But the loader has written into the module where its other calls go.
 */
static const struct link_map *evidence_of(const struct link_map *m)
{
	const struct link_map *found = NULL;
	const char *strings = m ? assay_next_strings(m->l_addr, m->l_ld) : NULL;
	const ElfW(Rela) *calls = NULL, *others = NULL;
	size_t calls_size = 0, others_size = 0;
	const ElfW(Sym) *symbols = NULL;

	for (const ElfW(Dyn) *d = strings ? m->l_ld : NULL; d && d->d_tag != DT_NULL; d++) {
		const void *at = (const void *)(d->d_un.d_ptr < m->l_addr ? d->d_un.d_ptr + m->l_addr : d->d_un.d_ptr);

		switch (d->d_tag) {
		case DT_SYMTAB: symbols = at; break;
		case DT_JMPREL: calls = at; break;
		case DT_RELA: others = at; break;
		case DT_PLTRELSZ: calls_size = d->d_un.d_val; break;
		case DT_RELASZ: others_size = d->d_un.d_val; break;
		}
	}
	if (symbols && calls)
		found = bound_to(m, symbols, strings, calls, calls_size / sizeof *calls);
	if (symbols && others && !found)
		found = bound_to(m, symbols, strings, others, others_size / sizeof *others);
	return found;
}

/* As the loader binds: by the libraries that all see, then by those that the module came with. */
static void *bind(const struct link_map *module, const char *name, void **any)
{
	struct search s = { .name = name, .asker = module };

	for_each_object(look_at, &s);
	if (!s.all && s.found > 1 && (s.evidence = evidence_of(module))) {
		s.seen = s.found = 0;
		s.behind = false;
		for_each_object(look_at, &s);
	}
	*any = s.first;
	if (!s.all && !s.by_evidence && !s.own && !s.by_need)
		return s.found == 1 ? s.first : NULL;
	return s.all ? s.all : s.by_evidence ? s.by_evidence : s.own ? s.own : s.by_need;
}

static int look_for(struct dl_phdr_info *info, size_t size, void *data)
{
	const ElfW(Dyn) *dynamic = dynamic_of(info);

	(void)size;
	return dynamic && assay_next_find_in(info->dlpi_addr, dynamic, data);
}

bool assay_openmp_is_defined(const char *name)
{
	return for_each_object(look_for, (void *)(uintptr_t)name);
}

/* ---- the runtimes ---- */

/* What is there in place of one: functions for a single thread. */
static struct assay_openmp_runtime *serial(void)
{
	static struct assay_openmp_runtime none = { .ompt = true };

	for (unsigned i = 0; i < assay_openmp_names_count; i++)
		atomic_store_explicit(&none.functions[i], assay_openmp_serial[i], memory_order_relaxed);
	return &none;
}

/* In the runtime itself; or it has not all, and stands before another one that has. */
static void *function_of(const struct link_map *module, const char *name)
{
	void *any, *found = assay_next_find_in(module->l_addr, module->l_ld, name);

	return found ? found : bind(module, name, &any);
}

static bool is_filled_from(const struct assay_openmp_runtime *r, const struct link_map *module)
{
	if (r->module != module)
		return false;
	for (unsigned i = 0; i < assay_openmp_names_count; i++) {
		void *function = assay_next_find_in(module->l_addr, module->l_ld, assay_openmp_names[i]);

		if (function && function != atomic_load_explicit(&r->functions[i], memory_order_relaxed))
			return false;
	}
	return true;
}

static void fill(struct assay_openmp_runtime *r, const struct link_map *module)
{
	r->module = module;
	for (unsigned i = 0; i < assay_openmp_names_count; i++)
		atomic_store_explicit(&r->functions[i], assay_next_find_in(module->l_addr, module->l_ld, assay_openmp_names[i]),
			memory_order_relaxed);
	r->thread_num = (int (*)(void))function_of(module, "omp_get_thread_num");
	r->num_threads = (int (*)(void))function_of(module, "omp_get_num_threads");
	r->ompt = !r->thread_num || !r->num_threads ||
		  (assay_next_find_in(module->l_addr, module->l_ld, "__kmpc_fork_call") &&
			  assay_next_find_in(module->l_addr, module->l_ld, "ompt_start_tool") && assay_openmp_ompt_is_used());
}

/* It was unloaded: nobody is in it. */
static bool is_gone(const struct assay_openmp_runtime *r)
{
	for (unsigned i = 0; i < assay_openmp_names_count; i++) {
		void *function = atomic_load_explicit(&r->functions[i], memory_order_relaxed);

		if (function)
			return module_of(function) != r->module;
	}
	return true;
}

/* The number + 1 of the one that has the function. Two threads may make two entries for one runtime, which does no harm. */
static uint32_t runtime_of(const void *function)
{
	const struct link_map *module = module_of(function);

	for (uint32_t i = 0; module && i < ASSAY_OPENMP_RUNTIMES; i++)
		if (atomic_load(&assay_openmp_runtimes[i].state) == READY && is_filled_from(&assay_openmp_runtimes[i], module))
			return i + 1;
	for (uint32_t i = 0; module && i < ASSAY_OPENMP_RUNTIMES; i++) {
		struct assay_openmp_runtime *r = &assay_openmp_runtimes[i];
		uint32_t state = atomic_load(&r->state);

		if (state == FILLING || (state == READY && !is_gone(r)))
			continue;
		if (!atomic_compare_exchange_strong(&r->state, &state, FILLING))
			continue;
		fill(r, module);
		atomic_store(&r->state, READY);
		return i + 1;
	}
	return 1; /* more than anybody has */
}

/* ---- who means which ---- */

/* The module's entry; NULL: too many. */
static _Atomic uint64_t *entry_of(const void *module)
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

/*
 * A module that has no runtime has not called: a function of another one jumped here. That is most likely the one which
 * called before.
 */
static struct assay_openmp_runtime *likely(const void *any)
{
	struct assay_openmp_runtime *last = assay_openmp_self.last;

	if (last && atomic_load(&last->state) == READY && !is_gone(last))
		return last;
	return any ? &assay_openmp_runtimes[runtime_of(any) - 1] : serial();
}

struct assay_openmp_runtime *assay_openmp_runtime_find(const void *code, const char *name)
{
	static const char unknown; /* code that is in no module */
	uint32_t closes = atomic_load(&assay_next_closes), runtime;
	uint64_t page = (uintptr_t)code >> 12, known;
	const struct link_map *module;
	_Atomic uint64_t *entry;
	void *found, *any;

	if (assay_openmp_is_ours(code) && assay_openmp_self.runtime)
		return assay_openmp_self.runtime;
	module = module_of(code);
	entry = entry_of(module ? (const void *)module : (const void *)&unknown);
	known = entry ? atomic_load(entry) : 0;
	runtime = known >> 32 == (uint64_t)closes + 1 ? (uint32_t)known : 0;
	if (!runtime) {
		found = bind(module, name, &any);
		if (!found)
			return likely(any);
		runtime = runtime_of(found);
		if (entry)
			atomic_store(entry, ((uint64_t)closes + 1) << 32 | runtime);
	}
	if (page >> 36 == 0)
		atomic_store_explicit(&assay_openmp_pages[page % ASSAY_OPENMP_PAGES],
			assay_openmp_page_word(page, closes, runtime), memory_order_release);
	return &assay_openmp_runtimes[runtime - 1];
}

void *assay_openmp_function_find(struct assay_openmp_runtime *runtime, unsigned index, const char *name)
{
	void *any, *function = bind(runtime->module, name, &any);

	if (!function)
		function = any;
	if (!function)
		missing(name);
	atomic_store_explicit(&runtime->functions[index], function, memory_order_relaxed);
	return function;
}

bool assay_openmp_runtime_is_llvm(void)
{
	void *any, *gcc = bind(NULL, "GOMP_parallel", &any), *llvm = bind(NULL, "__kmpc_fork_call", &any);

	return !gcc || (llvm && module_of(gcc) == module_of(llvm));
}
