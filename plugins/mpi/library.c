#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "library.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>

#include "core/next.h"

const struct assay_mpi_abi assay_mpi_openmpi = {
	.name = "Open MPI",
	.handle_size = sizeof(void *),
	.status_size = 24,
	.source_at = 0,
	.tag_at = 4,
	.proc_null = -2,
	.any_source = -1,
	.root = -4,
	.undefined = -32766,
	.cart = 1,
	.dist_graph = 3,
	.in_place = 1,
	.status_ignore = 0,
};

/* MPICH since 3.1, and those that keep to its binary interface: Intel MPI, MVAPICH, Cray MPICH. */
const struct assay_mpi_abi assay_mpi_mpich = {
	.name = "MPICH",
	.handle_size = sizeof(int),
	.status_size = 20,
	.source_at = 8,
	.tag_at = 12,
	.proc_null = -1,
	.any_source = -2,
	.root = -3,
	.undefined = -32766,
	.cart = 2,
	.dist_graph = 3,
	.in_place = UINTPTR_MAX,
	.status_ignore = 1,
};
enum { MPICH_COMM_WORLD = 0x44000000, MPICH_COMM_NULL = 0x04000000, MPICH_REQUEST_NULL = 0x2c000000 };

struct assay_mpi_library assay_mpi_library;
_Atomic bool assay_mpi_ready;
static _Atomic int looked; /* 1: a thread is about to say which library it is; 2: it is said */

uint64_t assay_mpi_status_bytes(const void *status)
{
	uint32_t low, high;
	size_t all;

	if (assay_mpi_library.abi == &assay_mpi_openmpi) {
		memcpy(&all, (const char *)status + 16, sizeof all);
		return all;
	}
	memcpy(&low, status, sizeof low); /* the lowest bit of the second word says that it was cancelled */
	memcpy(&high, (const char *)status + 4, sizeof high);
	return (uint64_t)(high >> 1) << 32 | low;
}

/* ---- which library ---- */

static const struct link_map *module_of(const void *address)
{
	struct dl_find_object found;

	return _dl_find_object((void *)(uintptr_t)address, &found) == 0 ? found.dlfo_link_map : NULL;
}

static const char *file_of(const struct link_map *module)
{
	const char *slash = module ? strrchr(module->l_name, '/') : NULL;

	return slash ? slash + 1 : module ? module->l_name : "";
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

bool assay_mpi_is_fortran(const void *code)
{
	const char *file = file_of(module_of(code));

	return begins(file, "libmpi_mpifh") || begins(file, "libmpi_usempif") || begins(file, "libmpichf") ||
	       begins(file, "libmpifort");
}

/* A function that is not our own. */
static void *elsewhere(void *function)
{
	return function && module_of(function) != module_of((const void *)assay_mpi_find) ? function : NULL;
}

/* The path of the `skip`-th loaded object that is an MPI library by its name. */
struct search {
	unsigned skip;
	char path[4096]; /* "": there is none */
};

static int look_at(struct dl_phdr_info *info, size_t size, void *data)
{
	struct search *s = data;
	const char *slash = info->dlpi_name ? strrchr(info->dlpi_name, '/') : NULL;

	(void)size;
	if (!slash || !begins(slash + 1, "libmpi") || strlen(info->dlpi_name) >= sizeof s->path || s->skip--)
		return 0;
	strcpy(s->path, info->dlpi_name);
	return 1;
}

/* In an object that is loaded, and what it came with. */
static void *find_in(const char *path, const char *name)
{
	void *handle = dlopen(*path ? path : NULL, RTLD_LAZY | RTLD_NOLOAD);
	void *found = handle ? elsewhere(dlsym(handle, name)) : NULL;

	if (handle)
		dlclose(handle);
	return found;
}

/* As the loader binds: by the libraries that all see, then by those that the caller's module came with. */
static void *bind(const char *name, const void *caller)
{
	const struct link_map *module = module_of(caller);
	void *found = elsewhere(assay_next_find(name)); /* without the loader's lock, and the words of dlerror() */
	struct search search;

	if (!found && module && *module->l_name)
		found = find_in(module->l_name, name);
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

/* NULL: none that is known. */
static const struct assay_mpi_abi *abi_of(void *handle)
{
	static char version[8192] ASSAY_MPI_COLD; /* MPICH's is as long; the one thread that looks uses it */
	static const char *const as_mpich[] = { "MPICH", "Intel(R) MPI", "MVAPICH" };
	int (*get_version)(char *, int *) = (int (*)(char *, int *))dlsym(handle, "PMPI_Get_library_version");
	int length = 0;

	if (dlsym(handle, "MPI_Abi_get_version")) /* the standard's own, of MPI 5: may be either's, but with other handles */
		return NULL;
	if (dlsym(handle, "ompi_mpi_comm_world"))
		return &assay_mpi_openmpi;
	if (!get_version || get_version(version, &length) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof as_mpich / sizeof as_mpich[0]; i++)
		if (strstr(version, as_mpich[i]))
			return &assay_mpi_mpich;
	return NULL;
}

/* Of data the program may have a copy, which is then what all use. */
static uintptr_t data(void *handle, const char *name)
{
	void *found = dlsym(RTLD_DEFAULT, name);

	return (uintptr_t)(found ? found : dlsym(handle, name));
}

static bool take_functions(struct assay_mpi_library *l, void *handle)
{
	const struct { const char *name; void *to; } wanted[] = {
		{ "PMPI_Initialized", &l->initialized }, { "PMPI_Finalized", &l->finalized },
		{ "PMPI_Comm_rank", &l->comm_rank }, { "PMPI_Comm_size", &l->comm_size },
		{ "PMPI_Comm_test_inter", &l->comm_test_inter }, { "PMPI_Comm_remote_size", &l->comm_remote_size },
		{ "PMPI_Comm_group", &l->comm_group }, { "PMPI_Comm_remote_group", &l->comm_remote_group },
		{ "PMPI_Comm_get_name", &l->comm_get_name }, { "PMPI_Group_size", &l->group_size },
		{ "PMPI_Group_free", &l->group_free }, { "PMPI_Group_translate_ranks", &l->group_translate },
		{ "PMPI_Win_get_group", &l->win_get_group }, { "PMPI_Topo_test", &l->topo_test },
		{ "PMPI_Cartdim_get", &l->cartdim_get }, { "PMPI_Graph_neighbors_count", &l->graph_count },
		{ "PMPI_Dist_graph_neighbors_count", &l->dist_graph_count }, { "PMPI_Type_size_x", &l->type_size },
	};

	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		void *found = dlsym(handle, wanted[i].name);

		if (!found)
			return false;
		memcpy(wanted[i].to, &found, sizeof found);
	}
	return true;
}

/* What there is to know of the library that has this function. */
static void look(const void *function)
{
	struct assay_mpi_library *l = &assay_mpi_library;
	const struct link_map *module = module_of(function);
	void *handle = module ? dlopen(*module->l_name ? module->l_name : NULL, RTLD_LAZY | RTLD_NOLOAD) : NULL;
	const struct assay_mpi_abi *abi = handle ? abi_of(handle) : NULL;

	if (!abi || !take_functions(l, handle))
		return;
	if (abi == &assay_mpi_openmpi) {
		l->comm_world = data(handle, "ompi_mpi_comm_world");
		l->comm_null = data(handle, "ompi_mpi_comm_null");
		l->request_null = data(handle, "ompi_request_null");
	} else {
		l->comm_world = MPICH_COMM_WORLD;
		l->comm_null = MPICH_COMM_NULL;
		l->request_null = MPICH_REQUEST_NULL;
	}
	l->abi = abi;
	/* the handle is kept, and with it the library: what was found in it stays */
}

/* What returns when a library does not have the function: MPI_ERR_INTERN, more or less. */
static int missing(void)
{
	return 16;
}

void *assay_mpi_find(struct assay_mpi_function *function, const void *caller)
{
	int saved = errno, expected = 0, yes = 0;
	void *behind = bind(function->name, caller);

	if (behind && atomic_compare_exchange_strong(&looked, &expected, 1)) {
		look(behind);
		atomic_store(&looked, 2);
	}
	/* MPI may have been initialised where we did not see it */
	if (behind && atomic_load(&looked) == 2 && assay_mpi_library.abi && !atomic_load(&assay_mpi_ready) &&
		assay_mpi_library.initialized(&yes) == 0 && yes && assay_mpi_library.finalized(&yes) == 0 && !yes)
		assay_mpi_initialised();
	dlerror(); /* what was not found is no error of the program's */
	errno = saved;
	if (!behind)
		return (void *)missing;
	atomic_store_explicit(&function->behind, behind, memory_order_release);
	return behind;
}
