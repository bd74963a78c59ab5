#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "comm.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

/* Lists of ranks are laid one after the other, and never given back: what was read of one stays true. */
enum { LISTS_MAX = 64 << 20, LISTS_CHUNK = 1 << 20 };
#define BUSY UINT64_MAX

struct assay_mpi_comm assay_mpi_comms[ASSAY_MPI_COMMS] ASSAY_MPI_COLD;
const struct assay_mpi_comm assay_mpi_comm_none = { .size = 1, .peers = 0, .unknown = true, .name = "" };
static const struct assay_mpi_comm too_many = { .unknown = true, .name = "a communicator" };

static struct {
	char *at;    /* the chunk */
	size_t size; /* its size */
	size_t used; /* of it */
	size_t all;  /* bytes taken so far */
	_Atomic bool taken;
} lists;

/* Memory for ranks; NULL: none, or another thread is at it. Not to be given back. */
static int *take_list(size_t n)
{
	size_t bytes = (n * sizeof(int) + 15) / 16 * 16, size = bytes > LISTS_CHUNK ? bytes : LISTS_CHUNK;
	int *list = NULL;

	if (atomic_exchange(&lists.taken, true))
		return NULL;
	if (lists.used + bytes > lists.size && lists.all + size <= LISTS_MAX) {
		void *chunk = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (chunk != MAP_FAILED) {
			lists.at = chunk;
			lists.size = size;
			lists.used = 0;
			lists.all += size;
		}
	}
	if (lists.used + bytes <= lists.size) {
		list = (int *)(void *)(lists.at + lists.used);
		lists.used += bytes;
	}
	atomic_store(&lists.taken, false);
	return list;
}

/* ---- what the library says ---- */

/* The group's ranks in MPI_COMM_WORLD: `ranks` has n before (0, 1, 2 ...) and `world` n after. */
static bool translate(const void *group, int n, int *ranks, int *world)
{
	const struct assay_mpi_library *l = &assay_mpi_library;
	uint64_t all[2] = { 0, 0 };
	int yes = 0;
	bool done;

	for (int i = 0; i < n; i++)
		ranks[i] = i;
	if (l->initialized(&yes) != 0 || !yes) /* sessions only: there is no MPI_COMM_WORLD */
		return false;
	if (l->comm_group(l->comm_world, all) != 0)
		return false;
	done = l->group_translate((uintptr_t)assay_mpi_handle_at(group, 0), n, ranks,
		(uintptr_t)assay_mpi_handle_at(all, 0), world) == 0;
	l->group_free(all);
	return done;
}

static void find_world_ranks(struct assay_mpi_comm *comm, const void *group)
{
	size_t bytes = (size_t)comm->peers * sizeof(int);
	int *ranks = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int *world = ranks == MAP_FAILED ? NULL : take_list((size_t)comm->peers);
	bool same = true;

	comm->unknown = !world || !translate(group, comm->peers, ranks, world);
	for (int i = 0; world && !comm->unknown && i < comm->peers; i++) {
		if (world[i] == assay_mpi_library.abi->undefined)
			world[i] = ASSAY_MPI_NOBODY;
		same &= world[i] == i;
	}
	if (!comm->unknown && !same)
		comm->world = world;
	if (ranks != MAP_FAILED)
		munmap(ranks, bytes);
}

static void find_neighbours(struct assay_mpi_comm *comm, MPI_Comm handle)
{
	const struct assay_mpi_library *l = &assay_mpi_library;
	int kind = 0, n = 0, weighted;

	if (l->topo_test(handle, &kind) != 0 || kind == l->abi->undefined)
		return;
	if (kind == l->abi->dist_graph) {
		if (l->dist_graph_count(handle, &comm->indegree, &comm->outdegree, &weighted) != 0)
			comm->indegree = comm->outdegree = 0;
		return;
	}
	if (kind == l->abi->cart)
		n = l->cartdim_get(handle, &n) == 0 ? 2 * n : 0;
	else if (l->graph_count(handle, comm->rank, &n) != 0)
		n = 0;
	comm->indegree = comm->outdegree = n;
}

static bool learn_comm(struct assay_mpi_comm *comm, MPI_Comm handle)
{
	const struct assay_mpi_library *l = &assay_mpi_library;
	uint64_t group[2] = { 0, 0 };
	int inter = 0;

	if (l->comm_rank(handle, &comm->rank) != 0 || l->comm_size(handle, &comm->size) != 0 ||
		l->comm_test_inter(handle, &inter) != 0)
		return false;
	comm->peers = comm->size;
	comm->inter = inter;
	if (inter && l->comm_remote_size(handle, &comm->peers) != 0)
		return false;
	if (!inter)
		find_neighbours(comm, handle);
	if (handle == l->comm_world)
		return true;
	comm->unknown = true;
	if ((inter ? l->comm_remote_group : l->comm_group)(handle, group) != 0)
		return true;
	find_world_ranks(comm, group);
	l->group_free(group);
	return true;
}

static bool learn_window(struct assay_mpi_comm *comm, MPI_Win handle)
{
	const struct assay_mpi_library *l = &assay_mpi_library;
	uint64_t group[2] = { 0, 0 };

	if (l->win_get_group(handle, group) != 0)
		return false;
	if (l->group_size((uintptr_t)assay_mpi_handle_at(group, 0), &comm->size) != 0)
		comm->size = 0;
	comm->peers = comm->size;
	find_world_ranks(comm, group);
	l->group_free(group);
	return true;
}

/* The program's own name for it, else how it was made. "": nothing is worth saying. */
static void name(struct assay_mpi_comm *comm, MPI_Comm handle, const char *function, const struct assay_mpi_comm *parent)
{
	char given[256] = "";
	int length = 0;

	if (handle == assay_mpi_library.comm_world ||
		assay_mpi_library.comm_get_name(handle, given, &length) != 0)
		*given = 0;
	given[sizeof given - 1] = 0;
	if (handle == assay_mpi_library.comm_world)
		*comm->name = 0;
	else if (*given && strncmp(given, "MPI COMMUNICATOR", 16) != 0) /* Open MPI's words for one without a name */
		snprintf(comm->name, sizeof comm->name, "%.64s", given);
	else if (function)
		snprintf(comm->name, sizeof comm->name, "%s of %.64s", function,
			parent && *parent->name ? parent->name : "MPI_COMM_WORLD");
	else
		strcpy(comm->name, "a communicator");
}

static uint32_t label(const struct assay_host *host, struct assay_mpi_comm *comm)
{
	char text[sizeof comm->name + sizeof comm->ranks];

	if (comm->inter)
		snprintf(comm->ranks, sizeof comm->ranks, " (%d and %d ranks)", comm->size, comm->peers);
	else
		snprintf(comm->ranks, sizeof comm->ranks, " (%d rank%s)", comm->size, comm->size == 1 ? "" : "s");
	snprintf(text, sizeof text, "%s%s", comm->name, comm->ranks);
	return host->frame("communicator", text);
}

/* ---- the table ---- */

static struct assay_mpi_comm *look_up(uint64_t key)
{
	for (unsigned i = 0; i < ASSAY_MPI_COMMS_NEAR; i++) {
		struct assay_mpi_comm *comm = &assay_mpi_comms[(assay_mpi_comm_slot(key) + i) % ASSAY_MPI_COMMS];

		if (atomic_load_explicit(&comm->key, memory_order_acquire) == key)
			return comm;
	}
	return NULL;
}

static struct assay_mpi_comm *claim(uint64_t key)
{
	for (unsigned i = 0; i < ASSAY_MPI_COMMS_NEAR; i++) {
		struct assay_mpi_comm *comm = &assay_mpi_comms[(assay_mpi_comm_slot(key) + i) % ASSAY_MPI_COMMS];
		uint64_t none = 0;

		if (atomic_compare_exchange_strong(&comm->key, &none, BUSY))
			return comm;
	}
	return NULL;
}

static const struct assay_mpi_comm *add(const struct assay_host *host, uint64_t key, const char *function,
	const struct assay_mpi_comm *parent)
{
	struct assay_mpi_comm *comm = claim(key), learnt = { .size = 0 };
	int saved = errno;
	bool known, window = key & ASSAY_MPI_WINDOW;
	uintptr_t handle = (uintptr_t)(key & ~ASSAY_MPI_WINDOW);

	if (!comm)
		return &too_many;
	known = window ? learn_window(&learnt, handle) : learn_comm(&learnt, handle);
	if (known && !window)
		name(&learnt, handle, function, parent);
	learnt.label = *learnt.name ? label(host, &learnt) : 0;
	if (known)
		memcpy((char *)comm + sizeof comm->key, (char *)&learnt + sizeof comm->key, sizeof *comm - sizeof comm->key);
	atomic_store_explicit(&comm->key, known ? key : 0, memory_order_release);
	errno = saved;
	return known ? comm : &too_many;
}

const struct assay_mpi_comm *assay_mpi_comm_look(const struct assay_host *host, uint64_t key)
{
	struct assay_mpi_comm *comm = look_up(key);

	if (comm)
		return comm;
	if (!key || key == assay_mpi_handle(assay_mpi_library.comm_null)) /* the program's mistake, and its to be told */
		return &assay_mpi_comm_none;
	return add(host, key, NULL, NULL);
}

void assay_mpi_comm_made(const struct assay_host *host, uint64_t key, const char *function,
	const struct assay_mpi_comm *parent)
{
	if (key == assay_mpi_handle(assay_mpi_library.comm_null))
		return;
	assay_mpi_comm_gone(key); /* one that went unseen */
	add(host, key, function, parent);
}

void assay_mpi_comm_gone(uint64_t key)
{
	struct assay_mpi_comm *comm = look_up(key);

	if (comm)
		atomic_store_explicit(&comm->key, 0, memory_order_release);
}

bool assay_mpi_comm_self(int *rank, int *size)
{
	const struct assay_mpi_library *l = &assay_mpi_library;

	int yes = 0;

	return l->initialized(&yes) == 0 && yes && l->comm_rank(l->comm_world, rank) == 0 && l->comm_size(l->comm_world, size) == 0;
}
