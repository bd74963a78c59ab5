/*
 * test_digest.c: spools of known figures in, the figures in the profile out. The program in them is this test itself
 * (its functions resolve to their names), with libraries that are nowhere (their code has no names).
 */
#include "viewer/digest.h"

#include <dirent.h>
#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "spool_builder.h"
#include "viewer/run_file.h"

#define MS UINT64_C(1000000)
enum { LIBC = 0x10000, LIBX = 0x20000, LIBY = 0x30000 };

/* ---- functions to be found by name ---- */

static volatile int sink;

__attribute__((noinline)) static void entry_point(void)
{
	sink += 1;
}

__attribute__((noinline)) static void alpha(void)
{
	sink += 2;
}

__attribute__((noinline)) static void beta(void)
{
	sink += 3;
}

__attribute__((noinline)) static void routine(void)
{
	sink += 4;
}

static uintptr_t own_bias;
static uint8_t own_id[ASSAY_BUILD_ID_MAX];
static uint32_t own_id_length;

/* Where this program lies, and its build-id: without it, its symbols would not be believed. */
static int take_self(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	own_bias = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		const uint8_t *at = (const uint8_t *)(own_bias + p->p_vaddr), *end = at + p->p_memsz;

		while (p->p_type == PT_NOTE && at < end) {
			const ElfW(Nhdr) *note = (const void *)at;

			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && note->n_descsz <= sizeof own_id) {
				own_id_length = note->n_descsz;
				memcpy(own_id, at + sizeof *note + 4, own_id_length);
			}
			at += sizeof *note + (note->n_namesz + 3u) / 4 * 4 + (note->n_descsz + 3u) / 4 * 4;
		}
	}
	return 1;
}

static uint64_t address_of(void (*function)(void))
{
	return (uint64_t)(uintptr_t)function - own_bias;
}

/* ---- a run ---- */

static char dir[128], profile[160];
static sqlite3 *db;

static void write_run_file(uint64_t start_ns, uint64_t end_ns, int status)
{
	assert_int_equal(assay_run_file_put(dir, "command", "work 1"), 0);
	assay_run_file_put(dir, "argv0", "work");
	assay_run_file_put(dir, "host", "lab7");
	assay_run_file_put(dir, "output", profile);
	assay_run_file_put_number(dir, "rate_hz", 200);
	assay_run_file_put_number(dir, "start_ns", (int64_t)start_ns);
	if (!end_ns)
		return;
	assay_run_file_put_number(dir, "end_ns", (int64_t)end_ns);
	assay_run_file_put_number(dir, "wait_status", status);
	assay_run_file_put_number(dir, "root_pid", 100);
}

static int setup(void **state)
{
	(void)state;
	dl_iterate_phdr(take_self, NULL);
	snprintf(dir, sizeof dir, "%s", fixture_path("run"));
	snprintf(profile, sizeof profile, "%s", fixture_path("work.assay"));
	return mkdir(dir, 0700);
}

static int teardown(void **state)
{
	(void)state;
	sqlite3_close(db);
	db = NULL;
	fixture_end();
	return 0;
}

static void save(struct spool_builder *b, const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s.spool", dir, name);
	builder_save(b, path);
	builder_end(b);
}

static int64_t number_of(const char *sql)
{
	sqlite3_stmt *statement;
	int64_t value;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(statement) != SQLITE_ROW)
		fail_msg("%s: no row", sql);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

/* All rows, columns by "|", rows by a newline: good until the next call. */
static const char *rows_of(const char *sql)
{
	static char text[8192];
	sqlite3_stmt *statement;

	*text = 0;
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	while (sqlite3_step(statement) == SQLITE_ROW)
		for (int i = 0, n = sqlite3_column_count(statement); i < n; i++) {
			const unsigned char *cell = sqlite3_column_text(statement, i);

			snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", cell ? (const char *)cell : "NULL",
				i + 1 < n ? "|" : "\n");
		}
	sqlite3_finalize(statement);
	return text;
}

#define assert_rows(sql, ...) assert_string_equal(rows_of(sql), __VA_ARGS__)
#define assert_number(sql, n) assert_int_equal(number_of(sql), (n))

/* What must hold of every profile, whatever is in it. */
static void check_invariants(void)
{
	assert_rows("PRAGMA integrity_check", "ok\n");
	assert_rows("PRAGMA foreign_key_check", "");
	/* the account of each thread */
	assert_rows("SELECT id FROM thread WHERE wall_ns <> cpu_ns + core_wait_ns + wait_ns", "");
	assert_rows("SELECT id FROM thread WHERE cpu_ns <> sampled_ns + startup_ns + unsampled_ns", "");
	assert_rows("SELECT id FROM thread WHERE core_wait_ns < 0 OR wait_ns < 0 OR unread_ns < 0 OR unread_ns > wait_ns", "");
	assert_rows("SELECT remainder_s FROM account WHERE remainder_s <> 0", "");
	/* ids in pre-order: descendants are (id, last] */
	assert_rows("SELECT n.id FROM node n JOIN node p ON p.id = n.parent WHERE n.id <= p.id OR n.last > p.last", "");
	assert_rows("SELECT n.id FROM node n WHERE n.last <> (SELECT max(d.id) FROM node d WHERE d.id = n.id OR EXISTS ("
		    "WITH RECURSIVE up(id) AS (SELECT d.parent UNION SELECT parent FROM node, up WHERE node.id = up.id) "
		    "SELECT 1 FROM up WHERE up.id = n.id))", "");
	/* totals are what the values add up to */
	assert_rows("SELECT t.node FROM total t WHERE exclusive <> (SELECT coalesce(sum(sum), 0) FROM value v"
		    " WHERE v.node = t.node AND v.metric = t.metric) OR exclusive_count <> (SELECT coalesce(sum(count), 0) FROM value v"
		    " WHERE v.node = t.node AND v.metric = t.metric) OR (t.metric = 0 AND exclusive_sumsq <>"
		    " (SELECT coalesce(sum(sumsq), 0) FROM value v WHERE v.node = t.node AND v.metric = 0))", "");
	assert_rows("SELECT t.node FROM total t JOIN node n ON n.id = t.node WHERE inclusive <> (SELECT sum(o.exclusive)"
		    " FROM total o WHERE o.metric = t.metric AND o.node BETWEEN n.id AND n.last) OR inclusive_count <>"
		    " (SELECT sum(o.exclusive_count) FROM total o WHERE o.metric = t.metric AND o.node BETWEEN n.id AND n.last)", "");
	/* a thread's time is all in the tree: nothing is lost and nothing is made up */
	assert_rows("SELECT t.id FROM thread t WHERE sampled_ns + startup_ns + max(unsampled_ns, 0) <>"
		    " (SELECT coalesce(sum(sum), 0) FROM value WHERE thread = t.id AND metric = 0)", "");
	assert_rows("SELECT id FROM process WHERE wall_ns < 0 OR start_ns < 0", "");
}

static int digest(const struct assay_digest_options *options)
{
	char *written = NULL;
	int error = assay_digest(options, &written);

	if (error >= 0) {
		snprintf(profile, sizeof profile, "%s", written);
		assert_int_equal(sqlite3_open_v2(profile, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
		check_invariants();
	}
	free(written);
	return error;
}

static void digest_all(void)
{
	assert_int_equal(digest(&(struct assay_digest_options){ .dir = dir }), 0);
}

/* ---- parts of spools ---- */

static assay_ref program, libc, libx;

/* A process image of this program with its modules. */
static void begin_image(struct spool_builder *b, int pid, int ppid, uint64_t start_ns, const char *name)
{
	struct assay_spool_module *own_module;
	char own[4096], exe[128];
	ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);

	assert_true(n > 0);
	own[n] = 0;
	builder_begin(b, pid, start_ns);
	b->header->ppid = ppid;
	snprintf(exe, sizeof exe, "/bin/%s", name);
	b->header->exe = builder_string(b, exe);
	b->header->command = builder_bytes(b, name, strlen(name) + 1);
	builder_metric(b, 0, "cpu");
	program = builder_module(b, own, 0x555500000000, 0x1000000, 0x555500000000);
	own_module = builder_at(b, program);
	own_module->build_id_length = own_id_length;
	memcpy(own_module->build_id, own_id, own_id_length);
	libc = builder_module(b, "/nowhere/libc.so.6", LIBC, 0x1000, LIBC);
	libx = builder_module(b, "/nowhere/libx.so", LIBX, 0x1000, LIBX);
}

/* The node under which main's callees hang: as every first thread starts, by three frames that are not shown. */
static assay_ref main_base(struct spool_builder *b, assay_ref thread)
{
	assay_ref node = builder_node(b, builder_root(b, thread), program, address_of(entry_point));

	return builder_node(b, builder_node(b, node, libc, 0x100), libc, 0x200);
}

static assay_ref thread_base(struct spool_builder *b, assay_ref thread)
{
	return builder_node(b, builder_node(b, builder_root(b, thread), libc, 0x300), libc, 0x400);
}

/* A thread that ended: its totals. */
static struct assay_spool_thread *totals(struct spool_builder *b, assay_ref ref, uint64_t wall, uint64_t cpu, uint64_t core_wait)
{
	struct assay_spool_thread *t = builder_at(b, ref);

	t->wall_ns = wall;
	t->cpu_ns = cpu;
	t->core_wait_ns = core_wait;
	t->core_wait_wall_ns = core_wait ? wall : 0;
	t->last_ns = t->first_ns + wall;
	t->live_start_ns = t->last_ns;
	t->live_start_cpu_ns = cpu;
	t->live_seen_cpu_ns = cpu;
	t->live_seen_ns = t->last_ns;
	return t;
}

static void finish(struct spool_builder *b, uint32_t state, int status, uint64_t end_ns)
{
	b->header->state = state;
	b->header->status = status;
	b->header->end_ns = end_ns;
}

/* ---- tests ---- */

/* One program, two threads: the same path is one node, and each thread's part of it is kept. */
static void threads_are_merged(void **state)
{
	struct spool_builder b;
	assay_ref first, second, node;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 0);
	begin_image(&b, 100, 1, 1010 * MS, "work");
	first = builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	second = builder_thread(&b, 101, 0);
	node = builder_node(&b, main_base(&b, first), program, address_of(alpha));
	builder_samples(&b, first, node, 10, 5 * MS);
	node = builder_node(&b, node, program, address_of(alpha)); /* recursion */
	builder_samples(&b, first, node, 4, 5 * MS);
	builder_samples(&b, first, builder_node(&b, node, program, address_of(beta)), 2, 10 * MS);
	node = builder_node(&b, thread_base(&b, second), program, address_of(alpha));
	builder_samples(&b, second, node, 3, 1 * MS);
	builder_samples(&b, second, builder_node(&b, node, libx, 0x10), 1, 7 * MS);
	builder_samples(&b, second, builder_node(&b, node, libx, 0x20), 1, 8 * MS);
	totals(&b, first, 500 * MS, 90 * MS, 0);
	totals(&b, second, 100 * MS, 18 * MS, 0);
	((struct assay_spool_thread *)builder_at(&b, second))->entry_module = program;
	((struct assay_spool_thread *)builder_at(&b, second))->entry = address_of(routine);
	strcpy(((struct assay_spool_thread *)builder_at(&b, second))->name, "helper");
	finish(&b, ASSAY_STATE_EXITED, 0, 1510 * MS);
	save(&b, "100-0");
	digest_all();
	assert_rows("SELECT name, round(exclusive_s * 1000), round(inclusive_s * 1000), samples FROM hot_functions",
		"alpha|73.0|108.0|17\nbeta|20.0|20.0|2\n[libx.so, no symbol]|15.0|15.0|2\n");
	assert_rows("SELECT f.name, n.kind, n.outer_function, n.outer_module, t.exclusive / 1000000, t.inclusive / 1000000,"
		    " t.inclusive_count, p.id IS NULL FROM node n JOIN function f ON f.id = n.function JOIN total t ON t.node = n.id"
		    " LEFT JOIN node p ON p.id = n.parent ORDER BY n.id",
		"work|program|1|1|0|108|21|1\n"
		"alpha|native|1|1|53|108|21|0\n"
		"alpha|native|0|0|20|40|6|0\n"
		"beta|native|1|0|20|20|2|0\n"
		"[libx.so, no symbol]|native|1|1|15|15|2|0\n");
	assert_rows("SELECT t.tid, f.name, v.count, v.sum / 1000000, CAST(v.sumsq / 1e12 AS INTEGER) FROM value v JOIN thread t ON"
		    " t.id = v.thread JOIN node n ON n.id = v.node JOIN function f ON f.id = n.function ORDER BY t.tid, n.id",
		"100|alpha|10|50|250\n100|alpha|4|20|100\n100|beta|2|20|200\n"
		"101|alpha|3|3|3\n101|[libx.so, no symbol]|2|15|113\n");
	assert_rows("SELECT tid, name, program, entry, threads FROM threads ORDER BY tid", "100|work|work|NULL|1\n"
		"101|helper|work|routine|1\n");
	assert_rows("SELECT value FROM run WHERE key IN ('command', 'exit_status', 'processes', 'threads', 'wall_ns') ORDER BY key",
		"work 1\n0\n1\n2\n2000000000\n");
	/* the modules whose code was seen are told from those whose was not; the bootstrap's is not */
	assert_rows("SELECT name, symbols FROM module WHERE name LIKE 'lib%' ORDER BY name", "libc.so.6|none\nlibx.so|none\n");
}

/*
 * The library interposes what calls main, and a thread's start routine. Compiled without tail calls it is in the paths:
 * between _start and the C library's two frames, and before the start routine. Neither is shown.
 */
static void the_librarys_own_frames(void **state)
{
	struct spool_builder b;
	assay_ref first, second, own, node;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 0);
	assay_run_file_put(dir, "library", "/nowhere/libassay.so:/nowhere/plugin.so");
	begin_image(&b, 100, 1, 1010 * MS, "work");
	own = builder_module(&b, "/nowhere/libassay.so", LIBX + 0x10000, 0x1000, LIBX + 0x10000);
	first = builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	node = builder_node(&b, builder_root(&b, first), program, address_of(entry_point));
	node = builder_node(&b, builder_node(&b, builder_node(&b, node, own, 0x10), libc, 0x100), libc, 0x200);
	builder_samples(&b, first, builder_node(&b, node, program, address_of(alpha)), 10, 5 * MS);
	second = builder_thread(&b, 101, 0);
	node = builder_node(&b, thread_base(&b, second), own, 0x20);
	builder_samples(&b, second, builder_node(&b, node, libc, 0x500), 3, 5 * MS); /* the start routine */
	totals(&b, first, 500 * MS, 50 * MS, 0);
	totals(&b, second, 100 * MS, 15 * MS, 0);
	finish(&b, ASSAY_STATE_EXITED, 0, 1510 * MS);
	save(&b, "100-0");
	digest_all();
	assert_rows("SELECT f.name, p.kind, t.inclusive / 1000000 FROM node n JOIN function f ON f.id = n.function"
		    " JOIN total t ON t.node = n.id LEFT JOIN node p ON p.id = n.parent ORDER BY n.id",
		"work|NULL|65\nalpha|program|50\n[libc.so.6, no symbol]|program|15\n");
}

/* The part of the samples that found the program in Assay's own code: its leaves, and those that were due in it. */
static void how_much_was_instrumentation(void **state)
{
	struct spool_builder b;
	assay_ref thread, node, own;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 0);
	assay_run_file_put(dir, "library", "/nowhere/libassay.so");
	begin_image(&b, 100, 1, 1010 * MS, "work");
	own = builder_module(&b, "/nowhere/libassay.so", LIBX + 0x10000, 0x1000, LIBX + 0x10000);
	thread = builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	node = builder_node(&b, main_base(&b, thread), program, address_of(alpha));
	builder_samples(&b, thread, node, 10, 5 * MS);
	node = builder_node(&b, node, own, 0x20);
	builder_samples(&b, thread, node, 3, 5 * MS);
	builder_samples(&b, thread, builder_node(&b, node, libc, 0x500), 2, 5 * MS); /* called by a wrapper */
	totals(&b, thread, 500 * MS, 80 * MS, 0)->busy_ns = 7 * MS;
	finish(&b, ASSAY_STATE_EXITED, 0, 1510 * MS);
	save(&b, "100-0");
	digest_all();
	assert_rows("SELECT instrument_ns / 1000000 FROM thread", "22\n");
	assert_rows("SELECT round(instrument_s * 1000) FROM account", "22.0\n");
}

/* Regions in which a process was killed count up to its end, and those that make no sense are nothing. */
static void regions_without_an_end(void **state)
{
	struct assay_spool_opens *opens;
	struct spool_builder b;
	assay_ref thread, regions, outer, inner, ref;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 9);
	begin_image(&b, 100, 1, 1010 * MS, "work");
	builder_metric(&b, 5, "regions");
	thread = builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	regions = builder_node(&b, builder_root(&b, thread), ASSAY_PLACE_SPECIAL, ASSAY_SPECIAL_REGIONS);
	outer = builder_node(&b, regions, program, address_of(alpha));
	inner = builder_node(&b, outer, program, address_of(beta));
	ref = builder_alloc(&b, sizeof *opens);
	opens = builder_at(&b, ref);
	opens->regions[0] = (struct assay_spool_open){ outer, 5, 1100 * MS, 100 * MS };
	opens->regions[1] = (struct assay_spool_open){ inner, 5, 2000 * MS, 0 };
	opens->regions[2] = (struct assay_spool_open){ inner, 99, 2000 * MS, 0 };         /* no such metric */
	opens->regions[3] = (struct assay_spool_open){ 12345, 5, 2000 * MS, 0 };          /* no such node */
	opens->regions[4] = (struct assay_spool_open){ inner, 5, 2000 * MS, 2000 * MS };  /* more inside than there was */
	opens->count = 5;
	((struct assay_spool_thread *)builder_at(&b, thread))->open = ref;
	save(&b, "100-0");
	digest_all();
	assert_rows("SELECT f.name, v.count, v.sum / 1000000 FROM value v JOIN node n ON n.id = v.node"
		    " JOIN function f ON f.id = n.function WHERE v.metric <> 0 ORDER BY f.name",
		"alpha|1|800\nbeta|1|0\n");
	assert_rows("SELECT count FROM loss WHERE kind = 'regions' AND reason LIKE 'still open%'", "2\n");
}

/* ... as many as there can be, and no more. */
static void too_many_regions_without_an_end(void **state)
{
	struct assay_spool_opens *opens;
	struct spool_builder b;
	assay_ref thread, node, ref;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 9);
	begin_image(&b, 100, 1, 1010 * MS, "work");
	builder_metric(&b, 5, "regions");
	thread = builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	node = builder_node(&b, builder_root(&b, thread), program, address_of(alpha));
	ref = builder_alloc(&b, sizeof *opens);
	opens = builder_at(&b, ref);
	for (int i = 0; i < ASSAY_OPENS; i++)
		opens->regions[i] = (struct assay_spool_open){ node, 5, 2000 * MS, 0 };
	opens->count = ASSAY_OPENS + 1;
	((struct assay_spool_thread *)builder_at(&b, thread))->open = ref;
	save(&b, "100-0");
	digest_all();
	assert_rows("SELECT count(*) FROM loss WHERE kind = 'regions'", "0\n");
}

/* wall = cpu + core wait + wait, and cpu = sampled + start-up + not sampled, each figure worked out by hand. */
static void the_account(void **state)
{
	struct spool_builder b;
	assay_ref first, second;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 3 << 8);
	begin_image(&b, 100, 1, 1010 * MS, "work");
	b.header->startup_cpu_ns = 3 * MS;
	b.header->cpu_ns = 900 * MS;
	first = builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	second = builder_thread(&b, 101, 0);
	builder_samples(&b, first, builder_node(&b, main_base(&b, first), program, address_of(alpha)), 139, 5 * MS);
	/* its CPU clock began at exec: 703 ms in all, of which 3 passed before measuring began */
	totals(&b, first, 1000 * MS, 703 * MS, 50 * MS);
	builder_samples(&b, second, builder_node(&b, thread_base(&b, second), program, address_of(beta)), 40, 5 * MS);
	/* more waiting for a core than there was time beside the CPU time: clocks differ by a tick */
	totals(&b, second, 300 * MS, 199 * MS, 102 * MS)->self_ns = 4 * MS;
	finish(&b, ASSAY_STATE_EXITED, 3, 2010 * MS);
	save(&b, "100-0");
	digest_all();
	assert_rows("SELECT tid, start_ns / 1000000, wall_ns / 1000000, cpu_ns / 1000000, core_wait_ns / 1000000,"
		    " wait_ns / 1000000, unread_ns, sampled_ns / 1000000, startup_ns / 1000000, unsampled_ns / 1000000, samples,"
		    " self_ns / 1000000 FROM thread ORDER BY tid",
		"100|7|1003|703|50|250|0|695|3|5|139|0\n"
		"101|10|300|199|101|0|0|200|0|-1|40|4\n");
	assert_rows("SELECT round(wall_s * 1000), round(cpu_s * 1000), round(core_wait_s * 1000), round(unlocated_wait_s * 1000),"
		    " remainder_s, round(sampled_s * 1000), round(startup_s * 1000), round(unsampled_s * 1000) FROM account",
		"1303.0|902.0|151.0|250.0|0.0|895.0|3.0|4.0\n");
	/* time that is exact has no samples, so no sampling error */
	assert_rows("SELECT f.name, n.kind, v.count, v.sum / 1000000, v.sumsq FROM value v JOIN node n ON n.id = v.node"
		    " JOIN function f ON f.id = n.function WHERE n.kind = 'special' ORDER BY f.name",
		"[not sampled]|special|0|5|0.0\n[start-up: exec and dynamic loader]|special|0|3|0.0\n");
	assert_rows("SELECT pid, ended, status, cpu_ns / 1000000, wall_ns / 1000000, start_ns / 1000000 FROM process",
		"100|exit|3|900|1003|7\n");
	assert_rows("SELECT value FROM run WHERE key = 'exit_status'", "3\n");
}

/* This image is what exec made of the one whose spool is named so. */
static void made_of(struct spool_builder *b, const char *name)
{
	assay_ref from = builder_string(b, name); /* may move the header */

	b->header->from = from;
}

/* The thread that called exec: its clocks then. */
static void execs(struct spool_builder *b, uint64_t cpu, uint64_t core_wait, uint64_t when)
{
	b->header->exec_cpu_ns = cpu;
	b->header->exec_core_wait_ns = core_wait;
	finish(b, ASSAY_STATE_EXECED, 0, when);
}

/* A shell forks, the copy execs a program, that execs another: no image for the copy, two for the programs. */
static void exec_chains(void **state)
{
	struct spool_builder b;
	assay_ref t;

	(void)state;
	write_run_file(1000 * MS, 9000 * MS, 0);
	begin_image(&b, 100, 1, 1010 * MS, "sh");
	t = builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	totals(&b, t, 5000 * MS, 10 * MS, 0);
	finish(&b, ASSAY_STATE_EXITED, 0, 6010 * MS);
	save(&b, "100-0");

	/* the forked copy: 20 ms, without a sample */
	begin_image(&b, 200, 100, 2000 * MS, "sh");
	b.header->fork_ns = 2000 * MS;
	t = builder_thread(&b, 200, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	totals(&b, t, 20 * MS, 2 * MS, 0);
	execs(&b, 2 * MS, 0, 2020 * MS);
	save(&b, "200-0");

	/* what it became: the copy's 2 ms and 4 ms of exec and loader before measuring began */
	begin_image(&b, 200, 100, 2030 * MS, "one");
	made_of(&b, "e:200-0.spool");
	b.header->startup_cpu_ns = 6 * MS;
	t = builder_thread(&b, 200, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	builder_samples(&b, t, builder_node(&b, main_base(&b, t), program, address_of(alpha)), 18, 5 * MS);
	totals(&b, t, 500 * MS, 100 * MS, 10 * MS);
	execs(&b, 100 * MS, 10 * MS, 2530 * MS);
	save(&b, "200-1");

	/* a child of the copy's pid, while it was `one` */
	begin_image(&b, 300, 200, 2100 * MS, "child");
	b.header->fork_ns = 2100 * MS;
	t = builder_thread(&b, 300, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	totals(&b, t, 10 * MS, 1 * MS, 0);
	finish(&b, ASSAY_STATE_EXITED, 7, 2110 * MS);
	save(&b, "300-0");

	/* the CPU clock and the run-queue delay of the process go on across exec */
	begin_image(&b, 200, 100, 2540 * MS, "two");
	made_of(&b, "e:200-1.spool");
	b.header->startup_cpu_ns = 105 * MS;
	t = builder_thread(&b, 200, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	builder_samples(&b, t, builder_node(&b, main_base(&b, t), program, address_of(beta)), 28, 5 * MS);
	totals(&b, t, 400 * MS, 250 * MS, 25 * MS);
	execs(&b, 250 * MS, 25 * MS, 2940 * MS);
	save(&b, "200-2");

	begin_image(&b, 200, 100, 2950 * MS, "three");
	made_of(&b, "e:200-2.spool");
	b.header->startup_cpu_ns = 255 * MS;
	t = builder_thread(&b, 200, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	builder_samples(&b, t, builder_node(&b, main_base(&b, t), program, address_of(beta)), 9, 5 * MS);
	totals(&b, t, 300 * MS, 300 * MS, 45 * MS);
	finish(&b, ASSAY_STATE_EXITED, 0, 3250 * MS);
	save(&b, "200-3");

	digest_all();
	assert_rows("SELECT p.pid, p.name, q.name, p.start_ns / 1000000, p.wall_ns / 1000000, p.ended, p.status FROM process p"
		    " LEFT JOIN process q ON q.id = p.parent ORDER BY p.start_ns",
		"100|sh|NULL|10|5000|exit|0\n"
		"200|one|sh|1000|530|exec|NULL\n"
		"300|child|one|1100|10|exit|7\n"
		"200|two|one|1530|410|exec|NULL\n"
		"200|three|two|1940|310|exit|0\n");
	assert_rows("SELECT p.name, t.wall_ns / 1000000, t.cpu_ns / 1000000, t.startup_ns / 1000000, t.sampled_ns / 1000000,"
		    " t.unsampled_ns / 1000000 FROM thread t JOIN process p ON p.id = t.process WHERE p.pid = 200"
		    " ORDER BY p.start_ns",
		"one|530|100|6|90|4\n"
		"two|410|150|5|140|5\n"
		"three|310|50|5|45|0\n");
	assert_rows("SELECT p.name, t.core_wait_ns / 1000000 FROM thread t JOIN process p ON p.id = t.process WHERE p.pid = 200"
		    " ORDER BY p.start_ns", "one|10\ntwo|15\nthree|20\n");
}

/* A copy that computed before it exec'ed is a process image of its own. */
static void a_copy_with_samples_is_not_folded(void **state)
{
	struct spool_builder b;
	assay_ref t;

	(void)state;
	write_run_file(1000 * MS, 9000 * MS, 0);
	begin_image(&b, 100, 1, 1010 * MS, "sh");
	totals(&b, builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE), 5000 * MS, 10 * MS, 0);
	finish(&b, ASSAY_STATE_EXITED, 0, 6010 * MS);
	save(&b, "100-0");
	begin_image(&b, 200, 100, 2000 * MS, "sh");
	b.header->fork_ns = 2000 * MS;
	t = builder_thread(&b, 200, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	builder_samples(&b, t, builder_node(&b, main_base(&b, t), program, address_of(alpha)), 2, 5 * MS);
	totals(&b, t, 20 * MS, 12 * MS, 0);
	execs(&b, 12 * MS, 0, 2020 * MS);
	save(&b, "200-0");
	begin_image(&b, 200, 100, 2030 * MS, "one");
	made_of(&b, "e:200-0.spool");
	b.header->startup_cpu_ns = 15 * MS;
	t = builder_thread(&b, 200, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	totals(&b, t, 500 * MS, 20 * MS, 0);
	finish(&b, ASSAY_STATE_EXITED, 0, 2530 * MS);
	save(&b, "200-1");
	digest_all();
	assert_rows("SELECT p.pid, p.name, p.ended, t.cpu_ns / 1000000, t.startup_ns / 1000000, t.samples FROM process p"
		    " JOIN thread t ON t.process = p.id ORDER BY p.start_ns",
		"100|sh|exit|10|0|0\n200|sh|exec|12|0|2\n200|one|exit|8|3|0\n");
}

/* Pids come again (other namespaces, long runs): images are joined by what they say, not by pid. */
static void strangers_of_one_pid(void **state)
{
	struct spool_builder b;
	assay_ref t;

	(void)state;
	write_run_file(1000 * MS, 9000 * MS, 0);
	for (int i = 0; i < 2; i++) {
		begin_image(&b, 1, 0, (uint64_t)(2000 + i) * MS, i ? "other" : "one");
		t = builder_thread(&b, 1, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
		builder_samples(&b, t, builder_node(&b, main_base(&b, t), program, address_of(alpha)), 2, 450 * MS);
		totals(&b, t, 1000 * MS, 900 * MS, 0);
		execs(&b, 900 * MS, 0, (uint64_t)(3000 + i) * MS);
		save(&b, i ? "1-1" : "1-0");
	}
	for (int i = 0; i < 2; i++) {
		begin_image(&b, 1, 0, (uint64_t)(3010 + i) * MS, i ? "other's" : "one's");
		made_of(&b, i ? "e:1-1.spool" : "e:1-0.spool");
		b.header->startup_cpu_ns = 905 * MS;
		totals(&b, builder_thread(&b, 1, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE), 500 * MS, 1000 * MS, 0);
		finish(&b, ASSAY_STATE_EXITED, 0, (uint64_t)(3510 + i) * MS);
		save(&b, i ? "1-3" : "1-2");
	}
	digest_all();
	assert_rows("SELECT p.name, q.name, t.cpu_ns / 1000000, t.startup_ns / 1000000 FROM process p JOIN thread t"
		    " ON t.process = p.id LEFT JOIN process q ON q.id = p.parent ORDER BY p.start_ns",
		"one|NULL|900|0\nother|NULL|900|0\none's|one|100|5\nother's|other|100|5\n");
}

/* Killed: nothing was settled. What the last sample saw counts, and the launcher's word for the end of the first process. */
static void killed_processes(void **state)
{
	struct spool_builder b;
	struct assay_spool_thread *r;
	assay_ref t;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 9);
	begin_image(&b, 100, 1, 1010 * MS, "work");
	t = builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	builder_samples(&b, t, builder_node(&b, main_base(&b, t), program, address_of(alpha)), 100, 5 * MS);
	r = builder_at(&b, t);
	r->live_seen_ns = 2900 * MS;
	r->live_seen_cpu_ns = 500 * MS;
	save(&b, "100-0");
	/* another process of the run, killed too: nobody saw how it ended */
	begin_image(&b, 200, 100, 1500 * MS, "other");
	b.header->fork_ns = 1500 * MS;
	t = builder_thread(&b, 200, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	builder_samples(&b, t, builder_node(&b, main_base(&b, t), program, address_of(beta)), 20, 5 * MS);
	r = builder_at(&b, t);
	r->live_seen_ns = 1700 * MS;
	r->live_seen_cpu_ns = 100 * MS;
	save(&b, "200-0");
	digest_all();
	assert_rows("SELECT pid, ended, status, start_ns / 1000000, wall_ns / 1000000, cpu_ns FROM process ORDER BY pid",
		"100|signal|9|10|1990|NULL\n200|unseen|NULL|500|200|NULL\n");
	assert_rows("SELECT tid, wall_ns / 1000000, cpu_ns / 1000000, core_wait_ns, wait_ns / 1000000, unread_ns = wait_ns,"
		    " sampled_ns / 1000000, unsampled_ns FROM thread ORDER BY tid",
		"100|1990|500|0|1490|1|500|0\n200|200|100|0|100|1|100|0\n");
	assert_rows("SELECT value FROM run WHERE key IN ('exit_signal', 'exit_status')", "9\n");
}

/* The launcher died with the run: the profile is made all the same, and says so. */
static void without_the_launchers_word(void **state)
{
	struct spool_builder b;
	struct assay_spool_thread *r;
	assay_ref t;

	(void)state;
	write_run_file(1000 * MS, 0, 0);
	begin_image(&b, 100, 1, 1010 * MS, "work");
	t = builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	builder_samples(&b, t, builder_node(&b, main_base(&b, t), program, address_of(alpha)), 10, 5 * MS);
	r = builder_at(&b, t);
	r->live_seen_ns = 1400 * MS;
	r->live_seen_cpu_ns = 50 * MS;
	save(&b, "100-0");
	digest_all();
	assert_rows("SELECT key, value FROM run WHERE key IN ('recovered', 'wall_ns', 'exit_status', 'exit_signal') ORDER BY key",
		"recovered|1\nwall_ns|400000000\n");
	assert_rows("SELECT ended, status, wall_ns / 1000000 FROM process", "unseen|NULL|390\n");
}

/* A thousand short threads under one record, one thread of its own, and one that still ran at the end. */
static void pooled_threads(void **state)
{
	struct spool_builder b;
	struct assay_spool_thread *r;
	assay_ref t;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 0);
	begin_image(&b, 100, 1, 1010 * MS, "work");
	t = builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	totals(&b, t, 1500 * MS, 100 * MS, 0);
	t = builder_thread(&b, 1199, 0);
	builder_samples(&b, t, builder_node(&b, thread_base(&b, t), program, address_of(beta)), 30, 3 * MS);
	r = totals(&b, t, 700 * MS, 100 * MS, 20 * MS);
	r->threads = 1000;
	r->core_wait_wall_ns = 200 * MS; /* most were too short to have it read */
	r->last_ns = 2400 * MS;
	r->entry_module = program;
	r->entry = address_of(routine);
	t = builder_thread(&b, 1300, ASSAY_THREAD_LIVE);
	builder_samples(&b, t, builder_node(&b, thread_base(&b, t), program, address_of(beta)), 10, 5 * MS);
	r = builder_at(&b, t);
	r->first_ns = r->live_born_ns = 2000 * MS;
	r->live_start_ns = 2000 * MS;
	r->live_seen_ns = 2480 * MS;
	r->live_seen_cpu_ns = 50 * MS;
	finish(&b, ASSAY_STATE_RUNNING, 0, 0);
	save(&b, "100-0");
	digest_all();
	assert_rows("SELECT tid, threads, start_ns / 1000000, wall_ns / 1000000, cpu_ns / 1000000, core_wait_ns / 1000000,"
		    " wait_ns / 1000000, unread_ns / 1000000, unsampled_ns / 1000000 FROM thread WHERE tid > 1000 ORDER BY tid",
		"1199|1000|10|700|100|20|580|500|10\n1300|1|1000|1000|50|0|950|950|0\n");
	assert_number("SELECT threads FROM account", 1002);
	assert_number("SELECT threads FROM processes", 1002);
	assert_number("SELECT value FROM run WHERE key = 'threads'", 1002);
	/* what was not sampled of it hangs under its start routine */
	assert_rows("SELECT f.name, g.name, t.exclusive / 1000000 FROM node n JOIN function f ON f.id = n.function JOIN node p ON"
		    " p.id = n.parent JOIN function g ON g.id = p.function JOIN total t ON t.node = n.id"
		    " WHERE f.name = '[not sampled]' ORDER BY t.exclusive DESC",
		"[not sampled]|work|100\n[not sampled]|routine|10\n");
}

static void losses_and_truncated_paths(void **state)
{
	struct spool_builder b;
	struct assay_spool_thread *r;
	assay_ref t, part;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 0);
	begin_image(&b, 100, 1, 1010 * MS, "work");
	t = builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	builder_samples(&b, t, builder_node(&b, main_base(&b, t), program, address_of(alpha)), 6, 5 * MS);
	part = builder_node(&b, builder_root(&b, t), ASSAY_PLACE_SPECIAL, ASSAY_SPECIAL_TRUNCATED);
	part = builder_node(&b, part, program, address_of(alpha));
	builder_samples(&b, t, builder_node(&b, part, ASSAY_PLACE_ABSOLUTE, 0x123456789), 2, 5 * MS);
	/* an address that lies in a module which was met later */
	builder_samples(&b, t, builder_node(&b, part, ASSAY_PLACE_ABSOLUTE, LIBX + 0x88), 3, 5 * MS);
	r = totals(&b, t, 1500 * MS, 55 * MS, 0);
	r->walks[ASSAY_WALK_COMPLETE] = 6;
	r->walks[ASSAY_WALK_NO_RULE] = 3;
	r->walks[ASSAY_WALK_TOO_DEEP] = 2;
	r->dropped[ASSAY_DROP_BUSY] = 4;
	r->dropped[ASSAY_DROP_FULL] = 1;
	b.header->dropped[ASSAY_DROP_UNREADY] = 6;
	b.header->unseen_threads = 2;
	b.header->note = builder_string(&b, "the disk was full");
	finish(&b, ASSAY_STATE_EXITED, 0, 2510 * MS);
	save(&b, "100-0");
	digest_all();
	assert_rows("SELECT f.name, n.kind, n.last - n.id, t.exclusive / 1000000, t.inclusive / 1000000, f.named FROM node n JOIN"
		    " function f ON f.id = n.function JOIN total t ON t.node = n.id ORDER BY n.id",
		"work|program|5|0|55|1\n"
		"alpha|native|0|30|30|1\n"
		"[outer part of the call path is missing]|special|3|0|25|1\n"
		"alpha|native|2|0|25|1\n"
		"[libx.so, no symbol]|native|0|15|15|0\n"
		"[code outside any module]|native|0|10|10|0\n");
	assert_rows("SELECT kind, count, thread IS NULL FROM loss ORDER BY kind, count",
		"dropped|4|0\nfailed|1|0\nfailed|2|1\nfailed|6|1\ntruncated|2|0\ntruncated|3|0\n");
	assert_rows("SELECT note FROM process", "the disk was full\n");
	assert_rows("SELECT round(inclusive_s * 1000) FROM hot_functions WHERE name = 'alpha'", "55.0\n");
}

/* A note that runs up to the end of what is in use: its length counts, not a NUL that may be missing. */
static void a_note_without_an_end(void **state)
{
	struct spool_builder b;
	struct assay_spool_string *s;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 0);
	begin_image(&b, 100, 1, 1010 * MS, "work");
	totals(&b, builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE), 100 * MS, 1 * MS, 0);
	b.header->note = builder_bytes(&b, "full and more", 13);
	s = builder_at(&b, b.header->note);
	s->length = 4;
	finish(&b, ASSAY_STATE_EXITED, 0, 2510 * MS);
	save(&b, "100-0");
	digest_all();
	assert_rows("SELECT note FROM process", "full\n");
}

/* Two ranks of a job, and one of another whose launcher has no name for it; the launcher is none. */
static void ranks(void **state)
{
	struct spool_builder b;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 0);
	for (int i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof name, "%d-0", 100 + i);
		begin_image(&b, 100 + i, 1, (uint64_t)(1010 + i) * MS, i ? "work" : "launch");
		totals(&b, builder_thread(&b, 100 + i, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE), 100 * MS, 1 * MS, 0);
		if (i == 1 || i == 2)
			b.header->job = builder_string(&b, "pmix 7");
		b.header->rank = i == 0 ? 9 : i == 3 ? 0 : (uint32_t)i - 1;
		atomic_store(&b.header->ranks, i == 0 ? 0 : i == 3 ? 1 : 2);
		finish(&b, ASSAY_STATE_EXITED, 0, 2510 * MS);
		save(&b, name);
	}
	digest_all();
	assert_rows("SELECT pid, rank, ranks, job FROM process ORDER BY pid",
		"100|NULL|NULL|NULL\n101|0|2|pmix 7\n102|1|2|pmix 7\n103|0|1|NULL\n");
}

static void the_time_line(void **state)
{
	struct spool_builder b;
	assay_ref t, a, c, chunks[2];

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 0);
	begin_image(&b, 100, 1, 1010 * MS, "work");
	t = builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	a = builder_node(&b, main_base(&b, t), program, address_of(alpha));
	c = builder_node(&b, a, program, address_of(beta));
	builder_samples(&b, t, a, 2, 5 * MS);
	builder_samples(&b, t, c, 3, 5 * MS);
	for (int i = 0; i < 2; i++) {
		struct assay_spool_timeline *chunk;

		chunks[i] = builder_alloc(&b, sizeof *chunk + 3 * sizeof chunk->entries[0]);
		chunk = builder_at(&b, chunks[i]);
		chunk->capacity = 3;
		chunk->count = i ? 2 : 3;
		chunk->next = i ? chunks[0] : 0;
		for (uint32_t k = 0; k < chunk->count; k++)
			chunk->entries[k] = (struct assay_spool_timeline_entry){ (1100 + 100 * (unsigned)i + 10 * k) * MS,
				k % 2 ? c : a, 5000 + k };
	}
	/* an entry that leads nowhere is left out */
	((struct assay_spool_timeline *)builder_at(&b, chunks[0]))->entries[2].node = 3;
	((struct assay_spool_thread *)builder_at(&b, t))->timeline = chunks[1];
	totals(&b, t, 1500 * MS, 25 * MS, 0);
	finish(&b, ASSAY_STATE_EXITED, 0, 2510 * MS);
	save(&b, "100-0");
	digest_all();
	assert_rows("SELECT t.time_ns / 1000000, f.name, t.weight_ns FROM timeline t JOIN node n ON n.id = t.node JOIN function f ON"
		    " f.id = n.function ORDER BY t.rowid",
		"100|alpha|5000000\n110|beta|5001000\n200|alpha|5000000\n210|beta|5001000\n");
}

/* One library is unloaded and another takes its address: samples stay with the one that was there. */
static void two_modules_at_one_address(void **state)
{
	struct spool_builder b;
	struct assay_spool_module *m;
	assay_ref t, old, new, base;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 0);
	begin_image(&b, 100, 1, 1010 * MS, "work");
	old = builder_module(&b, "/nowhere/libold.so", LIBY, 0x1000, LIBY);
	new = builder_module(&b, "/nowhere/libnew.so", LIBY, 0x1000, LIBY);
	m = builder_at(&b, old);
	m->unload_ns = 1500 * MS;
	m->build_id_length = 2;
	memcpy(m->build_id, "\x12\xab", 2);
	m = builder_at(&b, new);
	m->load_ns = 1600 * MS;
	t = builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	base = builder_node(&b, main_base(&b, t), program, address_of(alpha));
	builder_samples(&b, t, builder_node(&b, base, old, 0x40), 6, 5 * MS);
	builder_samples(&b, t, builder_node(&b, base, new, 0x40), 4, 5 * MS);
	totals(&b, t, 1500 * MS, 50 * MS, 0);
	finish(&b, ASSAY_STATE_EXITED, 0, 2510 * MS);
	save(&b, "100-0");
	digest_all();
	assert_rows("SELECT name, round(exclusive_s * 1000) FROM hot_functions WHERE exclusive_s > 0",
		"[libold.so, no symbol]|30.0\n[libnew.so, no symbol]|20.0\n");
	assert_rows("SELECT m.name, m.build_id, l.start, l.end, l.bias, l.loaded_ns / 1000000, l.unloaded_ns / 1000000 FROM load l"
		    " JOIN module m ON m.id = l.module WHERE m.name IN ('libold.so', 'libnew.so') ORDER BY l.loaded_ns",
		"libold.so|12ab|196608|200704|196608|10|500\nlibnew.so||196608|200704|196608|600|NULL\n");
	assert_rows("SELECT module, round(inclusive_s * 1000) FROM hot_modules WHERE module LIKE 'lib%' ORDER BY module",
		"libnew.so|20.0\nlibold.so|30.0\n");
}

/* The same program twice, and the library twice in it: one tree, one module. */
static void processes_of_one_program_are_merged(void **state)
{
	static const char *const names[] = { "100-0", "200-0" };
	struct spool_builder b;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 0);
	for (int i = 0; i < 2; i++) {
		assay_ref t;

		begin_image(&b, 100 * (i + 1), 1, (1010 + (unsigned)i) * MS, "work");
		t = builder_thread(&b, 100 * (i + 1), ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
		builder_samples(&b, t, builder_node(&b, main_base(&b, t), libx, 0x40), 6, 5 * MS);
		totals(&b, t, 1500 * MS, 30 * MS, 0);
		finish(&b, ASSAY_STATE_EXITED, 0, 2520 * MS);
		save(&b, names[i]);
	}
	digest_all();
	assert_number("SELECT count(*) FROM node", 2);
	assert_number("SELECT count(*) FROM value", 2);
	assert_number("SELECT count(*) FROM module WHERE name = 'libx.so'", 1);
	assert_number("SELECT count(*) FROM load l JOIN module m ON m.id = l.module WHERE m.name = 'libx.so'", 2);
	assert_number("SELECT inclusive / 1000000 FROM total WHERE node = 1", 60);
}

/* ---- what is written, and what is not ---- */

static void one_sample(const char *name)
{
	struct spool_builder b;
	assay_ref t;

	begin_image(&b, 100, 1, 1010 * MS, "work");
	t = builder_thread(&b, 100, ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
	builder_samples(&b, t, builder_node(&b, main_base(&b, t), program, address_of(alpha)), 1, 5 * MS);
	totals(&b, t, 1500 * MS, 5 * MS, 0);
	finish(&b, ASSAY_STATE_EXITED, 0, 2510 * MS);
	save(&b, name);
}

static void put_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static int digest_caught(const struct assay_digest_options *options, char **said)
{
	int error;

	fixture_catch();
	error = digest(options);
	*said = fixture_caught();
	return error;
}

static void no_file_is_left_half_made(void)
{
	DIR *folder = opendir(fixture_folder());
	struct dirent *e;

	while ((e = readdir(folder)))
		if (strncmp(e->d_name, ".assay-", 7) == 0)
			fail_msg("%s is left", e->d_name);
	closedir(folder);
}

static void an_existing_profile_is_kept(void **state)
{
	struct assay_digest_options o = { .dir = dir };
	char output[160], *said, line[64];
	FILE *in;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 0);
	one_sample("100-0");
	strcpy(output, profile);
	put_file(output, "mine");
	assert_int_equal(digest_caught(&o, &said), -EEXIST);
	assert_part(said, "--force");
	free(said);
	in = fopen(output, "r");
	assert_non_null(fgets(line, sizeof line, in));
	fclose(in);
	assert_string_equal(line, "mine");
	/* a name that nobody chose gets a number */
	assay_run_file_put_number(dir, "output_numbered", 1);
	assert_int_equal(digest(&o), 0);
	assert_string_equal(strrchr(profile, '/'), "/work.2.assay");
	sqlite3_close(db);
	assert_int_equal(digest(&o), 0);
	assert_string_equal(strrchr(profile, '/'), "/work.3.assay");
	sqlite3_close(db);
	o.force = true;
	assert_int_equal(digest(&o), 0);
	assert_string_equal(profile, output);
	sqlite3_close(db);
	db = NULL;
	no_file_is_left_half_made();
}

static void spools_that_cannot_be_read(void **state)
{
	struct assay_digest_options o = { .dir = dir };
	char path[256], *said;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 0);
	snprintf(path, sizeof path, "%s/9-0.spool", dir);
	put_file(path, "nonsense");
	assert_true(digest_caught(&o, &said) < 0); /* nothing but that: no profile */
	assert_part(said, "9-0.spool: not a spool");
	free(said);
	assert_int_equal(access(profile, F_OK), -1);
	one_sample("100-0");
	assert_int_equal(digest_caught(&o, &said), ASSAY_DIGEST_PARTLY);
	assert_part(said, "9-0.spool: not a spool");
	free(said);
	assert_number("SELECT value FROM run WHERE key = 'unreadable_spools'", 1);
	assert_number("SELECT count(*) FROM process", 1);
}

static void directories_that_are_no_runs(void **state)
{
	struct assay_digest_options o = { .dir = dir };
	char *said;

	(void)state;
	assert_int_equal(digest_caught(&o, &said), -ENOENT);
	assert_part(said, "not a run directory of Assay");
	free(said);
	o.dir = "/nowhere/at/all";
	assert_int_equal(digest_caught(&o, &said), -ENOENT);
	free(said);
	o.dir = dir;
	assay_run_file_put(dir, "command", "x");
	assert_int_equal(digest_caught(&o, &said), -EINVAL);
	assert_part(said, "-o FILE");
	free(said);
	o.output = "/nowhere/at/all/x.assay";
	assert_int_equal(digest_caught(&o, &said), -ENOENT);
	assert_part(said, "/nowhere/at/all/x.assay");
	free(said);
}

/* A run of which no process was measured has a profile too: empty, and sound. */
static void a_run_without_spools(void **state)
{
	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 0);
	digest_all();
	assert_number("SELECT count(*) FROM process", 0);
	assert_number("SELECT count(*) FROM node", 0);
	assert_rows("SELECT name FROM metric", "cpu\n");
}

/* Damaged spools: whatever is in them, a sound profile or an error, and no crash. */
static void damaged_spools(void **state)
{
	uint64_t random_state = 88172645463325252;
	struct spool_builder b;
	char path[256], *said;
	uint8_t *sound;

	(void)state;
	write_run_file(1000 * MS, 3000 * MS, 0);
	snprintf(path, sizeof path, "%s/100-0.spool", dir);
	begin_image(&b, 100, 1, 1010 * MS, "work");
	for (int k = 0; k < 3; k++) {
		assay_ref t = builder_thread(&b, 100 + k, k ? 0 : ASSAY_THREAD_MAIN | ASSAY_THREAD_LIVE);
		assay_ref base = builder_node(&b, main_base(&b, t), program, address_of(alpha));

		builder_samples(&b, t, base, 6, 5 * MS);
		builder_samples(&b, t, builder_node(&b, base, libx, 0x40), 6, 5 * MS);
		builder_samples(&b, t, builder_node(&b, base, program, address_of(beta)), 6, 5 * MS);
		totals(&b, t, 1500 * MS, 100 * MS, 0);
	}
	b.header->note = builder_string(&b, "note");
	sound = malloc(b.used);
	memcpy(sound, b.bytes, b.used);
	fixture_catch();
	for (int i = 0; i < 400; i++) {
		struct assay_digest_options o = { .dir = dir, .force = true };
		char *written = NULL;

		memcpy(b.bytes, sound, b.used);
		for (int k = 0; k < 4; k++) {
			random_state ^= random_state << 13;
			random_state ^= random_state >> 7;
			random_state ^= random_state << 17;
			/* beyond the parts of the header by which a spool is known at all */
			memcpy(b.bytes + 48 + random_state % ((b.used - 52) / 4) * 4, &(uint32_t){ k % 2 ?
				(uint32_t)(random_state >> 40) % (uint32_t)(b.used / 16) : (uint32_t)(random_state >> 32) }, 4);
		}
		builder_save(&b, path);
		if (assay_digest(&o, &written) >= 0)
			assert_int_equal(access(written, R_OK), 0);
		free(written);
	}
	said = fixture_caught();
	free(said);
	free(sound);
	builder_end(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(threads_are_merged),
		TEST(the_librarys_own_frames),
		TEST(how_much_was_instrumentation),
		TEST(regions_without_an_end),
		TEST(too_many_regions_without_an_end),
		TEST(the_account),
		TEST(exec_chains),
		TEST(a_copy_with_samples_is_not_folded),
		TEST(strangers_of_one_pid),
		TEST(killed_processes),
		TEST(without_the_launchers_word),
		TEST(pooled_threads),
		TEST(losses_and_truncated_paths),
		TEST(a_note_without_an_end),
		TEST(ranks),
		TEST(the_time_line),
		TEST(two_modules_at_one_address),
		TEST(processes_of_one_program_are_merged),
		TEST(an_existing_profile_is_kept),
		TEST(spools_that_cannot_be_read),
		TEST(directories_that_are_no_runs),
		TEST(a_run_without_spools),
		TEST(damaged_spools),
	};

	entry_point(); /* or they would not be there */
	alpha();
	beta();
	routine();
	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
