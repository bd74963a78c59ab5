/*
 * test_mpi.c: the plugin mpi against a library and a host of the test's own: what is known of requests, communicators and
 * call sites. What real libraries do is in e2e/mpi.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The modules themselves, for their tables. */
#include "plugins/mpi/request.c"
#undef BUSY
#include "plugins/mpi/comm.c"
#undef BUSY
#define begin call_begin
#include "plugins/mpi/call.c"
#undef begin

/* ---- a library: MPICH's interface; communicator 0x44000000 + n has n + 1 members, this process is rank n ---- */

struct assay_mpi_library assay_mpi_library;
_Atomic bool assay_mpi_ready;
static const struct assay_mpi_abi abi = { .name = "test", .handle_size = 4, .status_size = 20, .source_at = 8, .tag_at = 12,
	.proc_null = -1, .any_source = -2, .root = -3, .undefined = -32766, .cart = 2, .dist_graph = 3, .in_place = UINTPTR_MAX,
	.status_ignore = 1 };
enum { WORLD = 0x44000000, NONE = 0x04000000, NO_REQUEST = 0x2c000000 };
static int asked;
static bool fortran;

bool assay_mpi_is_fortran(const void *code)
{
	(void)code;
	return fortran;
}

uint64_t assay_mpi_status_bytes(const void *status)
{
	uint32_t low;

	memcpy(&low, status, sizeof low);
	return low;
}

static int yes(int *flag) { return *flag = 1, 0; }
static int get_rank(MPI_Comm comm, int *rank) { return asked++, *rank = (int)(comm & 0xff), 0; }
static int get_size(MPI_Comm comm, int *size) { return *size = (int)(comm & 0xff) + 1, 0; }
static int is_inter(MPI_Comm comm, int *flag) { return *flag = comm >> 8 & 1, 0; }
static int get_remote(MPI_Comm comm, int *size) { return (void)comm, *size = 7, 0; }
static int get_group(MPI_Comm comm, void *group) { return memcpy(group, &(uint32_t){ (uint32_t)comm }, 4), 0; }
static int get_name(MPI_Comm comm, char *name, int *length) { return (void)comm, *name = 0, *length = 0, 0; }
static int free_group(void *group) { return (void)group, 0; }
static int no_topology(MPI_Comm comm, int *kind) { return (void)comm, *kind = abi.undefined, 0; }

/* In reverse, and of the last there is nothing known. */
static int translate_ranks(MPI_Group from, int n, const int *ranks, MPI_Group to, int *result)
{
	(void)from, (void)to;
	for (int i = 0; i < n; i++)
		result[i] = i == n - 1 ? abi.undefined : n - 1 - ranks[i];
	return 0;
}

/* ---- a host ---- */

static uint64_t clock_ns;
static char names[512][256];
static uint32_t frames;
static struct put {
	uint32_t metric, frame;
	uint64_t n;
} put_down[64];
static int puts_made;
static bool waiting, no_symbols;
static uint32_t wait_frame, wait_flags;
static uint64_t wait_began;

static uint64_t host_now(void) { return clock_ns; }

static uint32_t host_frame(const char *kind, const char *name)
{
	char text[sizeof names[0]];

	snprintf(text, sizeof text, "%s: %s", kind, name);
	for (uint32_t i = 1; i <= frames; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	strcpy(names[++frames], text);
	return frames;
}

static uint32_t host_frame_at(const char *kind, const char *prefix, const void *address)
{
	char text[200];

	snprintf(text, sizeof text, "%s%d", prefix, (int)(intptr_t)address);
	return no_symbols ? 0 : host_frame(kind, text);
}

static bool host_wait_begin(uint32_t metric, uint32_t f, const void *sp, uint32_t flags)
{
	(void)metric, (void)sp;
	if (waiting)
		return false;
	waiting = true;
	wait_frame = f;
	wait_flags = flags;
	wait_began = clock_ns;
	return true;
}

static uint64_t host_wait_end(uint32_t f)
{
	assert_true(waiting);
	assert_int_equal(f, 0);
	waiting = false;
	return clock_ns - wait_began;
}

static void host_add(uint32_t metric, uint32_t f, uint64_t n)
{
	put_down[puts_made++ % 64] = (struct put){ metric, f, n };
}

static const struct assay_host host = { .abi = ASSAY_PLUGIN_ABI, .size = sizeof host, .now = host_now, .frame = host_frame,
	.frame_at = host_frame_at, .wait_begin = host_wait_begin, .wait_end = host_wait_end, .add = host_add };

static int setup(void **state)
{
	(void)state;
	memset(used, 0, sizeof used);
	memset(entries, 0, sizeof entries);
	memset(assay_mpi_comms, 0, sizeof assay_mpi_comms);
	memset(sites, 0, sizeof sites);
	memset(frames_to, 0, sizeof frames_to);
	memset(frames_from, 0, sizeof frames_from);
	assay_mpi_library = (struct assay_mpi_library){ .abi = &abi, .comm_world = WORLD, .comm_null = NONE,
		.request_null = NO_REQUEST, .initialized = yes, .comm_rank = get_rank, .comm_size = get_size,
		.comm_test_inter = is_inter, .comm_remote_size = get_remote, .comm_group = get_group, .comm_remote_group = get_group,
		.comm_get_name = get_name, .group_free = free_group, .group_translate = translate_ranks, .topo_test = no_topology };
	assay_mpi_metric = (struct assay_mpi_metrics){ .calls = 1, .sent = 2, .received = 3, .to = 4, .from = 5, .flight = 6,
		.hidden = 7, .lost = 8, .written = 9, .read = 10 };
	assay_mpi_threshold_ns = 20000;
	assay_mpi_world_size = 8;
	assay_mpi_host = &host;
	assay_mpi_ready = true;
	assay_mpi_paused = false;
	inside = 0;
	clock_ns = 1000;
	frames = 0;
	asked = puts_made = 0;
	waiting = fortran = no_symbols = false;
	return 0;
}

static void assert_put(int i, uint32_t metric, const char *name, uint64_t n)
{
	assert_true(i < puts_made);
	assert_int_equal(put_down[i].metric, metric);
	assert_string_equal(names[put_down[i].frame], name);
	assert_int_equal(put_down[i].n, n);
}

static const struct assay_mpi_function mpi_send = { .name = "MPI_Send", .kind = ASSAY_MPI_SEND };
static const struct assay_mpi_function pmpi_send = { .name = "PMPI_Send", .kind = ASSAY_MPI_SEND };
static const struct assay_mpi_function mpi_wait = { .name = "MPI_Wait", .kind = ASSAY_MPI_WAIT };

/* A call of `ns`. */
static bool make_call(struct assay_mpi_call *c, const struct assay_mpi_function *f, MPI_Comm comm, intptr_t site, uint64_t ns)
{
	if (!assay_mpi_begin(c, f, comm, 0, (const void *)site, (const void *)0x7000))
		return false;
	clock_ns += ns;
	assay_mpi_end(c);
	return true;
}

/* ---- requests ---- */

static void one_request(void **state)
{
	struct assay_mpi_request r = { .began_ns = 5, .sent = 7 }, got;

	(void)state;
	assert_false(assay_mpi_request_end(77, &got));
	assert_true(assay_mpi_request_add(77, &r));
	assert_true(assay_mpi_request_find(77, &got));
	assert_true(assay_mpi_request_end(77, &got));
	assert_int_equal(got.sent, 7);
	assert_false(assay_mpi_request_end(77, &got));
	assert_false(assay_mpi_request_end(0, &got));
}

/* The same handle several times; as many as there is room for near each other, and no more. */
static void equal_requests(void **state)
{
	struct assay_mpi_request r = { .began_ns = 5 }, got;
	int n = 0;

	(void)state;
	while (assay_mpi_request_add(77, &r))
		n++;
	assert_int_equal(n, 32);
	while (assay_mpi_request_end(77, &got))
		n--;
	assert_int_equal(n, 0);
	assert_true(assay_mpi_request_add(77, &r));
	assay_mpi_request_forget(77);
	assert_false(assay_mpi_request_end(77, &got));
}

static void a_persistent_request(void **state)
{
	struct assay_mpi_request r = { .persistent = true }, got;

	(void)state;
	assert_true(assay_mpi_request_add(5, &r));
	assert_false(assay_mpi_request_end(5, &got)); /* it is not started */
	for (uint64_t i = 1; i < 4; i++) {
		assert_true(assay_mpi_request_start(5, i, &got));
		assert_true(assay_mpi_request_end(5, &got));
		assert_int_equal(got.began_ns, i);
	}
	assay_mpi_request_forget(5);
	assert_false(assay_mpi_request_start(5, 1, &got));
}

static void *add_and_end(void *argument)
{
	uint64_t key = (uintptr_t)argument, lost = 0;
	struct assay_mpi_request r = { .began_ns = key, .sent = key }, got;

	for (int i = 0; i < 20000; i++) {
		lost += !assay_mpi_request_add(key, &r);
		lost += !assay_mpi_request_end(key, &got) || got.sent != key || got.began_ns != key;
	}
	return (void *)(uintptr_t)lost;
}

/* Threads with keys that lie near each other: none loses or mixes up its own. */
static void threads_of_requests(void **state)
{
	pthread_t threads[4];
	void *lost;

	(void)state;
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_and_end, (void *)(i + 1)), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &lost), 0);
		assert_null(lost);
	}
}

/* ---- communicators ---- */

static void members(void **state)
{
	const struct assay_mpi_comm *c;

	(void)state;
	c = assay_mpi_comm_find(&host, WORLD);
	assert_int_equal(c->label, 0);
	assert_int_equal(assay_mpi_comm_world_rank(c, 0), 0);
	c = assay_mpi_comm_find(&host, WORLD + 3);
	assert_int_equal(c->size, 4);
	assert_int_equal(c->rank, 3);
	assert_int_equal(assay_mpi_comm_world_rank(c, 0), 3);
	assert_int_equal(assay_mpi_comm_world_rank(c, 3), ASSAY_MPI_NOBODY); /* of another world */
	assert_int_equal(assay_mpi_comm_world_rank(c, 4), ASSAY_MPI_NOBODY);
	assert_int_equal(assay_mpi_comm_world_rank(c, -1), ASSAY_MPI_NOBODY);
	assert_int_equal(asked, 2);
	assert_ptr_equal(assay_mpi_comm_find(&host, WORLD + 3), c);
	assert_int_equal(asked, 2); /* nothing is asked twice */
	assert_ptr_equal(assay_mpi_comm_find(&host, NONE), &assay_mpi_comm_none);
	c = assay_mpi_comm_find(&host, WORLD + 0x102);
	assert_true(c->inter);
	assert_int_equal(c->peers, 7);
	assert_string_equal(c->ranks, " (3 and 7 ranks)");
}

/* A handle that comes back is another communicator. */
static void made_and_gone(void **state)
{
	const struct assay_mpi_comm *world = assay_mpi_comm_find(&host, WORLD), *c;

	(void)state;
	assay_mpi_comm_made(&host, WORLD + 1, "MPI_Comm_split", world);
	c = assay_mpi_comm_find(&host, WORLD + 1);
	assert_string_equal(c->name, "MPI_Comm_split of MPI_COMM_WORLD");
	assay_mpi_comm_made(&host, WORLD + 2, "MPI_Comm_dup", c);
	assert_string_equal(assay_mpi_comm_find(&host, WORLD + 2)->name, "MPI_Comm_dup of MPI_Comm_split of MPI_COMM_WORLD");
	assay_mpi_comm_gone(WORLD + 1);
	assert_string_equal(assay_mpi_comm_find(&host, WORLD + 1)->name, "a communicator");
	assay_mpi_comm_made(&host, NONE, "MPI_Comm_split", world); /* it is in none of them */
	for (uint32_t i = 0; i < 5000; i++) /* more than there is room for */
		assert_non_null(assay_mpi_comm_find(&host, 0x50000000 + (i << 16)));
}

/* ---- calls ---- */

static void sites_have_names(void **state)
{
	struct assay_mpi_call c;

	(void)state;
	assert_true(make_call(&c, &mpi_send, WORLD, 40, 10));
	assert_string_equal(names[wait_frame], "mpi send: MPI_Send, in 40");
	assert_true(make_call(&c, &pmpi_send, WORLD, 50, 10));
	assert_string_equal(names[wait_frame], "mpi send: MPI_Send, in 50");
	assert_true(make_call(&c, &mpi_send, WORLD + 1, 40, 10));
	assert_string_equal(names[wait_frame], "mpi send: MPI_Send on a communicator (2 ranks), in 40");
	no_symbols = true;
	assert_true(make_call(&c, &mpi_send, WORLD, 60, 10));
	assert_string_equal(names[wait_frame], "mpi send: MPI_Send");
	no_symbols = false;
	fortran = true;
	assert_true(make_call(&c, &mpi_send, WORLD, 70, 10));
	assert_string_equal(names[wait_frame], "mpi send: MPI_Send");
}

static void long_ones_are_expected(void **state)
{
	struct assay_mpi_call c;

	(void)state;
	make_call(&c, &mpi_send, WORLD, 40, 50000);
	assert_int_equal(wait_flags, ASSAY_PLUGIN_WAIT_SPINS);
	make_call(&c, &mpi_send, WORLD, 50, 10);
	assert_int_equal(wait_flags, ASSAY_PLUGIN_WAIT_SPINS);
	make_call(&c, &mpi_send, WORLD, 40, 10);
	assert_int_equal(wait_flags, ASSAY_PLUGIN_WAIT_SPINS | ASSAY_PLUGIN_WAIT_LONG);
	make_call(&c, &mpi_send, WORLD, 40, 10);
	assert_int_equal(wait_flags, ASSAY_PLUGIN_WAIT_SPINS);
}

static void what_is_no_call(void **state)
{
	struct assay_mpi_call c, inner;

	(void)state;
	assert_true(assay_mpi_begin(&c, &mpi_send, WORLD, 0, (void *)40, (void *)0x7000));
	assert_false(assay_mpi_begin(&inner, &mpi_wait, 0, 0, (void *)50, (void *)0x6000));
	assay_mpi_end(&c);
	/* one that was left by a jump: the next is further out */
	assert_true(assay_mpi_begin(&c, &mpi_send, WORLD, 0, (void *)40, (void *)0x6000));
	waiting = false;
	assert_true(assay_mpi_begin(&c, &mpi_send, WORLD, 0, (void *)40, (void *)0x7000));
	assay_mpi_end(&c);
	assay_mpi_paused = true;
	assert_false(make_call(&c, &mpi_send, WORLD, 40, 1));
	assay_mpi_paused = false;
	assay_mpi_ready = false;
	assert_false(make_call(&c, &mpi_send, WORLD, 40, 1));
	assert_true(assay_mpi_begin_early(&c, &mpi_send, (void *)40, (void *)0x7000));
	assay_mpi_end(&c);
	assay_mpi_ready = true;
	assay_mpi_host = NULL;
	assert_false(make_call(&c, &mpi_send, WORLD, 40, 1));
}

static void what_is_moved(void **state)
{
	uint32_t status[5] = { 77, 0, 2, 9, 0 };
	struct assay_mpi_call c;

	(void)state;
	make_call(&c, &mpi_send, WORLD + 3, 40, 1);
	assay_mpi_sent(&c, 0, 100);
	assert_put(0, 2, "mpi send: MPI_Send on a communicator (4 ranks), in 40", 100);
	assert_put(1, 4, "mpi rank: rank 3", 100);
	assay_mpi_sent(&c, abi.proc_null, 100);
	assay_mpi_received(&c, ASSAY_MPI_ALL, 0);
	assert_int_equal(puts_made, 2);
	assay_mpi_received_by_status(&c, status);
	assert_put(2, 3, "mpi send: MPI_Send on a communicator (4 ranks), in 40", 77);
	assert_put(3, 5, "mpi rank: rank 1", 77);
	assay_mpi_received(&c, 3, 1);
	assert_put(5, 5, "mpi rank: a process of another MPI_COMM_WORLD, or of one that is not known", 1);
	assay_mpi_received(&c, ASSAY_MPI_FILES, 0);
	assert_put(6, 10, "mpi send: MPI_Send on a communicator (4 ranks), in 40", 0);
}

/* Frames are for kinds of things: of a large job, neighbours share one. */
static void many_ranks(void **state)
{
	(void)state;
	assay_mpi_world_size = 100000;
	assert_string_equal(names[peer_frame(&host, frames_to, 0)], "mpi rank: ranks 0 to 97");
	assert_string_equal(names[peer_frame(&host, frames_to, 97)], "mpi rank: ranks 0 to 97");
	assert_string_equal(names[peer_frame(&host, frames_to, 99999)], "mpi rank: ranks 99960 to 100057");
}

static void under_way(void **state)
{
	uint32_t status[5] = { 64, 0, 5, 0, 0 };
	struct assay_mpi_call c;

	(void)state;
	make_call(&c, &mpi_send, WORLD, 40, 10);
	assay_mpi_started(&c, 600, &(struct assay_mpi_start){ .by_status = true, .to = ASSAY_MPI_ALL, .from = ASSAY_MPI_ALL });
	assert_int_equal(puts_made, 0);
	clock_ns += 1000; /* the program computes */
	make_call(&c, &mpi_wait, 0, 50, 250);
	assay_mpi_completed(&c, 600, status);
	assert_put(0, 6, "mpi send: MPI_Send, in 40", 1250);
	assert_put(1, 7, "mpi send: MPI_Send, in 40", 1000);
	assert_put(2, 3, "mpi send: MPI_Send, in 40", 64);
	assert_put(3, 5, "mpi rank: a process of another MPI_COMM_WORLD, or of one that is not known", 64); /* the world has one */
	assert_int_equal(puts_made, 4);
	assay_mpi_completed(&c, 600, status);
	assert_int_equal(puts_made, 4);
}

/* Those of a call that has many; statuses of ours where the program wants none, but only where they tell something. */
static void many_under_way(void **state)
{
	enum { MANY = 3000 };
	static uint32_t handles[MANY];
	void *ignored = (void *)abi.status_ignore, *statuses = ignored;
	struct assay_mpi_requests r;
	struct assay_mpi_call c;
	int completed;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		handles[i] = i % 3 ? 0x98000000 + i : NO_REQUEST;
	make_call(&c, &mpi_send, WORLD, 40, 1);
	for (int i = 0; i < MANY; i++)
		assay_mpi_started(&c, handles[i], &(struct assay_mpi_start){ .to = ASSAY_MPI_ALL, .from = ASSAY_MPI_ALL });
	assert_int_equal(puts_made, 0);
	assay_mpi_take(&r, handles, MANY, &statuses);
	assert_int_equal(r.n, MANY);
	assert_ptr_equal(statuses, ignored);
	assay_mpi_started(&c, 1234, &(struct assay_mpi_start){ .by_status = true, .to = ASSAY_MPI_ALL, .from = ASSAY_MPI_ALL });
	handles[0] = 1234;
	assay_mpi_take(&r, handles, MANY, &statuses);
	assert_ptr_not_equal(statuses, ignored);
	memset(statuses, 0, MANY * abi.status_size);
	for (int i = 0; i < MANY; i++)
		handles[i] = i < 10 ? NO_REQUEST : handles[i]; /* in error: these are complete */
	assay_mpi_completed_some(&c, &r, handles);
	completed = puts_made / 2;
	assert_int_equal(completed, 7); /* 1234, 1, 2, 4, 5, 7, 8 */
	assay_mpi_take(&r, handles, 0, &statuses);
	assert_int_equal(r.n, 0);
	assay_mpi_completed_of(&c, &r, -32766, statuses, 0); /* of none: MPI_UNDEFINED */
	assert_int_equal(puts_made / 2, completed);
	assay_mpi_call_thread_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_request, setup),
		cmocka_unit_test_setup(equal_requests, setup),
		cmocka_unit_test_setup(a_persistent_request, setup),
		cmocka_unit_test_setup(threads_of_requests, setup),
		cmocka_unit_test_setup(members, setup),
		cmocka_unit_test_setup(made_and_gone, setup),
		cmocka_unit_test_setup(sites_have_names, setup),
		cmocka_unit_test_setup(long_ones_are_expected, setup),
		cmocka_unit_test_setup(what_is_no_call, setup),
		cmocka_unit_test_setup(what_is_moved, setup),
		cmocka_unit_test_setup(many_ranks, setup),
		cmocka_unit_test_setup(under_way, setup),
		cmocka_unit_test_setup(many_under_way, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
