/*
 * target_digest.c: the input is the spools of one run, each beginning with its magic on a multiple of 16, and a last byte
 * of options. They become files of a run directory and go through the digest as `assay digest` would do it, except that
 * symbols are made up here from the addresses (no module is read), and that only some inputs write the profile.
 */
#include "input.h"

#include "profile/environment.h"
#include "viewer/digest_model.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The last byte: ALWAYS writes the profile; others write it for one input in 16, as that takes ten times as long. */
enum { SPOOLS_MAX = 6, ALWAYS = 0x5a };

static char *dir;

/* ---- stands for viewer/resolve.c ---- */

enum assay_symbols assay_resolver_module(assay_resolver *resolver, const struct assay_resolve_request *request,
					 assay_resolve_fn *found, void *context, const char **note)
{
	static const char *const names[] = { "main", "work(int)", NULL, "a\x1b[31mb", "" };
	(void)resolver;

	for (size_t i = 0; i < request->count; i++) {
		uint64_t a = request->addresses[i];
		struct assay_frame frames[3];
		size_t n = a % 7 == 6 ? 1 : a % 3 + 1;

		for (size_t k = 0; k < n; k++)
			frames[k] = (struct assay_frame){ .name = names[(a + k) % 5], .file = a & 8 ? "/src/a.c" : NULL,
				.line = (int)(a % 100), .decl_file = a & 16 ? "/src/b.c" : NULL, .decl_line = (int)(a % 50),
				.inlined = k + 1 < n, .start = a & ~15ull, .bounded = a & 32 };
		found(context, i, frames, n);
	}
	*note = request->count % 2 ? "not there" : NULL;
	return (enum assay_symbols)(request->count % 4);
}

/* ---- the run directory ---- */

static void end(void)
{
	assay_run_dir_remove(dir);
}

static void write_file(const char *name, const void *bytes, size_t size)
{
	char path[512];
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void set_up(void)
{
	static const char run[] = "command=./work\0argv0=./work\0cwd=/tmp\0host=lab7\0cpus=2\0library=/lib/libassay.so\0"
				  "start_ns=1000000000\0root_pid=100\0rate_hz=200\0clock=cpu\0end_ns=3000000000\0"
				  "wait_status=0\0kernel_cpu_ns=100000000";

	dir = input_scratch();
	if (!dir || !mkdtemp(dir))
		abort();
	atexit(end);
	write_file(ASSAY_RUN_FILE, run, sizeof run);
}

/* Writes the spools; removes those of the input before. */
static void write_spools(const uint8_t *data, size_t size)
{
	static unsigned had;
	unsigned n = 0;
	char name[32];

	while (size && n < SPOOLS_MAX) {
		size_t end_ = 16;

		while (end_ + 8 <= size && (memcmp(data + end_, ASSAY_SPOOL_MAGIC, 8) != 0 || n + 1 == SPOOLS_MAX))
			end_ += 16;
		if (end_ + 8 > size)
			end_ = size;
		snprintf(name, sizeof name, "%u.spool", n++);
		write_file(name, data, end_);
		data += end_;
		size -= end_;
	}
	for (unsigned i = n; i < had; i++) {
		char path[512];

		snprintf(path, sizeof path, "%s/%u.spool", dir, i);
		unlink(path);
	}
	had = n;
}

/* What later stages rely on. */
static void check(const struct assay_digest *d)
{
	for (size_t i = 0; i < d->nodes.count; i++) {
		const struct d_node *n = &d->nodes.at[i];

		if (n->parent > i || n->row < 1 || n->row > d->nodes.count || n->last < n->row || !n->function)
			__builtin_trap();
	}
	for (size_t i = 0; i < d->images.count; i++) {
		size_t steps = 0;

		/* a process is not its own ancestor */
		for (assay_id up = (assay_id)i + 1; up; up = d->images.at[up - 1].parent)
			if (steps++ > d->images.count)
				__builtin_trap();
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	return input_mutate(data, size, max, seed, (uint32_t)(size / ASSAY_SPOOL_SLOT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct assay_digest d = { 0 };
	char path[512], *written = NULL;
	uint8_t options;

	if (size < 17)
		return 0;
	options = data[size - 1];
	if (!dir)
		set_up();
	write_spools(data, size - 1);
	d.dir = dir;
	if (assay_run_file_open(dir, &d.run) < 0)
		abort();
	d.run_start = (uint64_t)assay_run_file_number(&d.run, "start_ns", 0);
	if (assay_digest_images(&d) == 0) {
		assay_digest_account(&d);
		assay_digest_symbols(&d, NULL);
		assay_digest_merge(&d);
		check(&d);
		snprintf(path, sizeof path, "%s/out.assay", dir);
		/* whatever one spool holds, the others' profile is made */
		if (options == ALWAYS || assay_map_hash(data, size) % 16 == 0) {
			if (assay_digest_write(&d, path, true, false, &written) < 0)
				__builtin_trap();
			unlink(path);
		}
	}
	free(written);
	assay_digest_free(&d);
	assay_run_file_close(&d.run);
	return 0;
}
