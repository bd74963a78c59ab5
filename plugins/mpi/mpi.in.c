/*
 * The functions of MPI that the plugin interposes: a part of this template for each class of them, the functions themselves
 * in mpi.tab. build-aux/interpose.awk makes interposed.c of the two.
 *
 * Each calls the function behind it once, with the same arguments, but for statuses: where the program wants none and they
 * tell what was received, ours is filled in its place. Around that are a begin and an end (call.h). Each is there under two
 * names, MPI_X and PMPI_X, and each name has its own function behind it: so the calls that a library's part for Fortran
 * makes by PMPI_X are seen, tools before and behind this one work, and what comes by both names is recorded once.
 */
#include "call.h"
#include "request.h"

#define EXPORT __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))

/* Where the program calls, and its stack pointer then. */
#define SITE ((const char *)__builtin_return_address(0) - 1)
#define SP __builtin_dwarf_cfa()

/* For what has to hold what a status is in any library. */
struct status {
	uint64_t words[8];
};

/* ---- what expressions in mpi.tab are made of ---- */

INLINE uint64_t size_of(MPI_Datatype datatype)
{
	MPI_Count size = 0;

	return assay_mpi_library.type_size(datatype, &size) == 0 && size > 0 ? (uint64_t)size : 0;
}

INLINE uint64_t size_at(const MPI_Datatype *datatypes, int i)
{
	return size_of((MPI_Datatype)assay_mpi_handle_at(datatypes, (size_t)i));
}

INLINE bool in_place(const void *buffer)
{
	return (uintptr_t)buffer == assay_mpi_library.abi->in_place;
}

INLINE int comm_rank(const struct assay_mpi_call *c)
{
	return c->comm->rank;
}

INLINE uint64_t peers(const struct assay_mpi_call *c)
{
	return (uint64_t)c->comm->peers;
}

INLINE uint64_t members(const struct assay_mpi_call *c)
{
	return (uint64_t)c->comm->size;
}

INLINE uint64_t indegree(const struct assay_mpi_call *c)
{
	return (uint64_t)c->comm->indegree;
}

INLINE uint64_t outdegree(const struct assay_mpi_call *c)
{
	return (uint64_t)c->comm->outdegree;
}

/* In an intercommunicator `root` is MPI_ROOT at the root, MPI_PROC_NULL at the others of its side. */
INLINE bool is_inter(const struct assay_mpi_call *c, int root)
{
	return root < 0 || c->comm->inter;
}

INLINE bool at_root(const struct assay_mpi_call *c, int root)
{
	return is_inter(c, root) ? root == assay_mpi_library.abi->root : root == c->comm->rank;
}

/* Whether this process hands something to the root, which may be itself; or gets it. */
INLINE bool to_root(const struct assay_mpi_call *c, int root)
{
	return !is_inter(c, root) || root >= 0;
}

INLINE bool from_root(const struct assay_mpi_call *c, int root)
{
	return to_root(c, root) && !at_root(c, root);
}

static uint64_t sum_of_ints(const int *counts, uint64_t n)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		sum += (uint64_t)counts[i];
	return sum;
}

static uint64_t sum_of_counts(const MPI_Count *counts, uint64_t n)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		sum += (uint64_t)counts[i];
	return sum;
}
#define sum(counts, n) _Generic((counts), const int *: sum_of_ints, const MPI_Count *: sum_of_counts)(counts, n)

static uint64_t weigh_ints(const int *counts, const MPI_Datatype *datatypes, uint64_t n)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		sum += (uint64_t)counts[i] * size_at(datatypes, (int)i);
	return sum;
}

static uint64_t weigh_counts(const MPI_Count *counts, const MPI_Datatype *datatypes, uint64_t n)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		sum += (uint64_t)counts[i] * size_at(datatypes, (int)i);
	return sum;
}
#define weigh(counts, datatypes, n) \
	_Generic((counts), const int *: weigh_ints, const MPI_Count *: weigh_counts)(counts, datatypes, n)

/* This process's entry. */
#define own(c, counts) ((uint64_t)(counts)[(c)->comm->rank])

/* ---- statuses ---- */

INLINE MPI_Status *status_for(MPI_Status *wanted, struct status *ours)
{
	return (uintptr_t)wanted == assay_mpi_library.abi->status_ignore ? (MPI_Status *)(void *)ours : wanted;
}

/* Whether what a call tests is over; one that waits says nothing of that. */
INLINE bool is_over(const int *flag)
{
	return !flag || *flag;
}

/* ---- the functions ---- */

@@# What all are given before the arguments: itself, and where the program calls it.

@@for CALL
INLINE int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	int result;

	if (!assay_mpi_begin(&c, f, @COMM:0@, @WIN:0@, site, sp))
		return behind(@ARGUMENTS@);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	return result;
}
@@end

/* It finds a message, which another call receives by its handle. */
@@for FIND
INLINE int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	int result;

	if (!assay_mpi_begin(&c, f, @COMM:0@, @WIN:0@, site, sp))
		return behind(@ARGUMENTS@);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	if (result == 0 && is_over(@FLAG:NULL@))
		assay_mpi_found(&c, message);
	return result;
}
@@end

/* What it moves is known when it returns. */
@@for MOVE
INLINE int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	int result;

	if (!assay_mpi_begin(&c, f, @COMM:0@, @WIN:0@, site, sp))
		return behind(@ARGUMENTS@);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	if (result != 0)
		return result;
@?SENT@	assay_mpi_sent(&c, @TO:ASSAY_MPI_ALL@, (uint64_t)(@SENT@));
@?RECEIVED@	assay_mpi_received(&c, @FROM:ASSAY_MPI_ALL@, (uint64_t)(@RECEIVED@));
	return result;
}
@@end

/* What it gets is in the status. */
@@for RECEIVE
INLINE int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	struct status ours;
	int result;

	if (!assay_mpi_begin(&c, f, @COMM:0@, @WIN:0@, site, sp))
		return behind(@ARGUMENTS@);
@?MESSAGE@	assay_mpi_take_message(&c, assay_mpi_handle_at(@MESSAGE@, 0));
	status = status_for(status, &ours);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	if (result != 0)
		return result;
@?SENT@	assay_mpi_sent(&c, @TO@, (uint64_t)(@SENT@));
	assay_mpi_received_by_status(&c, status);
	return result;
}
@@end

@@for FILE_READ
static int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	struct status ours;
	int result;

	if (!assay_mpi_begin(&c, f, 0, 0, site, sp))
		return behind(@ARGUMENTS@);
	status = status_for(status, &ours);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	if (result == 0)
		assay_mpi_received(&c, ASSAY_MPI_FILES, assay_mpi_status_bytes(status));
	return result;
}
@@end

/* It starts an operation that goes on. */
@@for START
INLINE int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	int result;

	if (!assay_mpi_begin(&c, f, @COMM:0@, @WIN:0@, site, sp))
		return behind(@ARGUMENTS@);
@?MESSAGE@	assay_mpi_take_message(&c, assay_mpi_handle_at(@MESSAGE@, 0));
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	if (result != 0)
		return result;
	assay_mpi_started(&c, assay_mpi_handle_at(request, 0), &(struct assay_mpi_start){
@?SENT@		.sent = (uint64_t)(@SENT@),
@?RECEIVED@		.received = (uint64_t)(@RECEIVED@),
@?BY_STATUS@		.by_status = @BY_STATUS@,
		.to = @TO:ASSAY_MPI_ALL@,
		.from = @FROM:ASSAY_MPI_ALL@,
	});
	return result;
}
@@end

@@for PERSIST
static int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	int result;

	if (!assay_mpi_begin(&c, f, @COMM:0@, @WIN:0@, site, sp))
		return behind(@ARGUMENTS@);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	if (result != 0)
		return result;
	assay_mpi_started(&c, assay_mpi_handle_at(request, 0), &(struct assay_mpi_start){
@?SENT@		.sent = (uint64_t)(@SENT@),
@?RECEIVED@		.received = (uint64_t)(@RECEIVED@),
@?BY_STATUS@		.by_status = @BY_STATUS@,
		.persistent = true,
		.to = @TO:ASSAY_MPI_ALL@,
		.from = ASSAY_MPI_ALL,
	});
	return result;
}
@@end

@@for START_ONE
static int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	int result;

	if (!assay_mpi_begin(&c, f, 0, 0, site, sp))
		return behind(@ARGUMENTS@);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	if (result == 0)
		assay_mpi_restarted(&c, assay_mpi_handle_at(request, 0));
	return result;
}
@@end

@@for START_ALL
static int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	int result;

	if (!assay_mpi_begin(&c, f, 0, 0, site, sp))
		return behind(@ARGUMENTS@);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	for (int i = 0; result == 0 && i < count; i++)
		assay_mpi_restarted(&c, assay_mpi_handle_at(array_of_requests, (size_t)i));
	return result;
}
@@end

/* Completion. The handles are looked at before the call, which overwrites them. */
@@for WAIT_ONE
INLINE int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	struct status ours;
	uint64_t key;
	int result;

	if (!assay_mpi_begin(&c, f, 0, 0, site, sp))
		return behind(@ARGUMENTS@);
	key = assay_mpi_handle_at(request, 0);
	status = status_for(status, &ours);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	assay_mpi_completed(&c, key, result == 0 ? status : NULL);
	return result;
}
@@end

@@for TEST_ONE
INLINE int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	struct status ours;
	uint64_t key;
	int result;

	if (!assay_mpi_begin(&c, f, 0, 0, site, sp))
		return behind(@ARGUMENTS@);
	key = assay_mpi_handle_at(request, 0);
	status = status_for(status, &ours);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	if (result != 0 || *flag)
		assay_mpi_completed(&c, key, result == 0 ? status : NULL);
	return result;
}
@@end

@@for WAIT_ALL TEST_ALL
INLINE int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	struct assay_mpi_requests r;
	int result;

	if (!assay_mpi_begin(&c, f, 0, 0, site, sp))
		return behind(@ARGUMENTS@);
	assay_mpi_take(&r, array_of_requests, count, (void **)(void *)&array_of_statuses);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	if (result != 0)
		assay_mpi_completed_some(&c, &r, array_of_requests);
	for (int i = 0; result == 0 && is_over(@FLAG:NULL@) && i < r.n; i++)
		assay_mpi_completed_of(&c, &r, i, array_of_statuses, i);
	return result;
}
@@end

@@for WAIT_ANY TEST_ANY
INLINE int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	struct assay_mpi_requests r;
	struct status ours;
	int result;

	if (!assay_mpi_begin(&c, f, 0, 0, site, sp))
		return behind(@ARGUMENTS@);
	status = status_for(status, &ours);
	assay_mpi_take(&r, array_of_requests, count, (void **)(void *)&status);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	if (result != 0)
		assay_mpi_completed_some(&c, &r, array_of_requests);
	else if (is_over(@FLAG:NULL@)) /* of none that is active: *indx is MPI_UNDEFINED, below 0 */
		assay_mpi_completed_of(&c, &r, *indx, status, 0);
	return result;
}
@@end

@@for WAIT_SOME
INLINE int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	struct assay_mpi_requests r;
	int result;

	if (!assay_mpi_begin(&c, f, 0, 0, site, sp))
		return behind(@ARGUMENTS@);
	assay_mpi_take(&r, array_of_requests, incount, (void **)(void *)&array_of_statuses);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	if (result != 0)
		assay_mpi_completed_some(&c, &r, array_of_requests);
	for (int i = 0; result == 0 && i < *outcount; i++)
		assay_mpi_completed_of(&c, &r, array_of_indices[i], array_of_statuses, i);
	return result;
}
@@end

/* It ends without us: whether it is complete will not be seen. */
@@for REQUEST_FREE
static int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);

	(void)sp;
	if (atomic_load_explicit(&assay_mpi_ready, memory_order_acquire))
		assay_mpi_request_forget(assay_mpi_handle_at(request, 0));
	return behind(@ARGUMENTS@);
}
@@end

/* Communicators and windows: made, named, gone. */
@@for NEW_COMM
static int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	int result;

	if (!assay_mpi_begin(&c, f, @COMM:0@, @WIN:0@, site, sp))
		return behind(@ARGUMENTS@);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	if (result == 0)
		assay_mpi_comm_made(c.host, assay_mpi_handle_at(@NEW@, 0), "@NAME@", c.comm);
	return result;
}
@@end

@@for COMM_FREE
static int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	int result;
	uint64_t key = 0;

	if (atomic_load_explicit(&assay_mpi_ready, memory_order_acquire))
		key = assay_mpi_handle_at(comm, 0);
	if (!assay_mpi_begin(&c, f, 0, 0, site, sp)) {
		result = behind(@ARGUMENTS@);
	} else {
		result = behind(@ARGUMENTS@);
		assay_mpi_end(&c);
	}
	if (key && result == 0)
		assay_mpi_comm_gone(key);
	return result;
}
@@end

@@for WIN_FREE
static int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	int result;
	uint64_t key = 0;

	if (atomic_load_explicit(&assay_mpi_ready, memory_order_acquire))
		key = assay_mpi_handle_at(win, 0) | ASSAY_MPI_WINDOW;
	if (!assay_mpi_begin(&c, f, 0, 0, site, sp)) {
		result = behind(@ARGUMENTS@);
	} else {
		result = behind(@ARGUMENTS@);
		assay_mpi_end(&c);
	}
	if (key && result == 0)
		assay_mpi_comm_gone(key);
	return result;
}
@@end

@@for COMM_NAME
static int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	int result;
	uint64_t key = 0;

	if (atomic_load_explicit(&assay_mpi_ready, memory_order_acquire))
		key = assay_mpi_handle(comm);
	if (!assay_mpi_begin(&c, f, 0, 0, site, sp)) {
		result = behind(@ARGUMENTS@);
	} else {
		result = behind(@ARGUMENTS@);
		assay_mpi_end(&c);
	}
	if (key && result == 0)
		assay_mpi_comm_gone(key);
	return result;
}
@@end

/* The beginning and the end. */
@@for INIT
static int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp, @PARAMETERS@)
{
	int (*behind)(@PARAMETERS@) = (int (*)(@PARAMETERS@))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	int result;

	if (!assay_mpi_begin_early(&c, f, site, sp))
		return behind(@ARGUMENTS@);
	result = behind(@ARGUMENTS@);
	assay_mpi_end(&c);
	if (result == 0)
		assay_mpi_initialised();
	return result;
}
@@end

@@for FINALIZE
static int do_@NAME@(struct assay_mpi_function *f, const void *site, const void *sp)
{
	int (*behind)(void) = (int (*)(void))assay_mpi_behind(f, site);
	struct assay_mpi_call c;
	int result;

	if (!assay_mpi_begin(&c, f, 0, 0, site, sp))
		return behind();
	atomic_store_explicit(&assay_mpi_ready, false, memory_order_release);
	result = behind();
	assay_mpi_end(&c);
	return result;
}
@@end

/* Both names of each. */
@@for CALL FIND MOVE RECEIVE FILE_READ START PERSIST START_ONE START_ALL WAIT_ONE TEST_ONE WAIT_ALL TEST_ALL WAIT_ANY TEST_ANY WAIT_SOME REQUEST_FREE NEW_COMM COMM_FREE WIN_FREE COMM_NAME INIT FINALIZE
EXPORT int @NAME@(@PARAMETERS@);
EXPORT int @NAME@(@PARAMETERS@)
{
	static struct assay_mpi_function f ASSAY_MPI_COLD_DATA = { .name = "@NAME@", .kind = ASSAY_MPI_@KIND:OTHER@ };

	return do_@NAME@(&f, SITE, SP@COMMA_ARGUMENTS@);
}

EXPORT int P@NAME@(@PARAMETERS@);
EXPORT int P@NAME@(@PARAMETERS@)
{
	static struct assay_mpi_function f ASSAY_MPI_COLD_DATA = { .name = "P@NAME@", .kind = ASSAY_MPI_@KIND:OTHER@ };

	return do_@NAME@(&f, SITE, SP@COMMA_ARGUMENTS@);
}
@@end

/* 0: record nothing; 1, 2: record. Libraries ignore what else there may be, and other levels are nobody's. */
@@for PCONTROL
EXPORT int @NAME@(@PARAMETERS@);
EXPORT int @NAME@(@PARAMETERS@)
{
	static struct assay_mpi_function f ASSAY_MPI_COLD_DATA = { .name = "@NAME@" };

	if (level >= 0 && level <= 2)
		atomic_store_explicit(&assay_mpi_paused, level == 0, memory_order_relaxed);
	return ((int (*)(int, ...))assay_mpi_behind(&f, SITE))(@ARGUMENTS@);
}

EXPORT int P@NAME@(@PARAMETERS@);
EXPORT int P@NAME@(@PARAMETERS@)
{
	static struct assay_mpi_function f ASSAY_MPI_COLD_DATA = { .name = "P@NAME@" };

	if (level >= 0 && level <= 2)
		atomic_store_explicit(&assay_mpi_paused, level == 0, memory_order_relaxed);
	return ((int (*)(int, ...))assay_mpi_behind(&f, SITE))(@ARGUMENTS@);
}
@@end
