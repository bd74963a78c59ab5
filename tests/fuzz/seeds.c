/*
 * seeds.c: makes the fuzz targets' first inputs: seeds FOLDER ELF-FILE...
 *
 * FOLDER/cfi and FOLDER/walk from unwind tables of the ELF files, a few entries at a time; FOLDER/spool and FOLDER/digest
 * from spools made up here, dense, where real ones are mostly zeros (fuzz.sh adds some real ones). FOLDER/once-digest:
 * spools that once made the digest fail, made here because bytes would not outlive a change of their layout. The same
 * arguments give the same seeds.
 */
#include "input.h"
#include "walk.h"

#include "profile/spool.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t state = 1;

static uint32_t below(uint32_t n)
{
	return input_random(&state) % n;
}

static void save_as(const char *folder, const char *target, const char *name, const void *bytes, size_t size)
{
	char path[4096];
	FILE *out;

	snprintf(path, sizeof path, "%s/%s/%s", folder, target, name);
	out = fopen(path, "wb");
	if (!out || fwrite(bytes, 1, size, out) != size || fclose(out) != 0) {
		perror(path);
		exit(1);
	}
}

static void save(const char *folder, const char *target, const void *bytes, size_t size)
{
	static unsigned number;
	char name[32];

	snprintf(name, sizeof name, "made-%04u", number++);
	save_as(folder, target, name, bytes, size);
}

/* ---- unwind tables ---- */

enum { ENTRIES = 8, TABLE_MAX = 8192, FDES_MAX = 4096 };

/* A CIE or FDE with its length field, in a mapped ELF file. */
struct entry {
	const uint8_t *at;
	uint32_t size;
};

struct fde {
	struct entry cie, fde;
	uint32_t range;
};

static struct fde fdes[FDES_MAX];
static size_t fde_count;
static size_t signals[FDES_MAX], signal_count; /* indices of those of signal frames */

static struct entry entry_at(const uint8_t *file, size_t size, uint64_t offset)
{
	struct entry e = { file + offset, 0 };
	uint32_t length;

	if (offset > size || size - offset < 8)
		return e;
	memcpy(&length, e.at, 4);
	if (length >= 8 && length < 1024 && length <= size - offset - 4)
		e.size = length + 4;
	return e;
}

/* Takes every `step`th FDE of an ELF file whose pointers are the usual pc-relative 4 bytes, and those of signal frames. */
static void take_fdes(const uint8_t *file, size_t size, uint64_t hdr, unsigned step)
{
	uint32_t count;

	if (size < hdr + 12 || file[hdr] != 1 || file[hdr + 2] != 3 || file[hdr + 3] != 0x3b)
		return;
	memcpy(&count, file + hdr + 8, 4);
	for (uint32_t i = 0; i < count && fde_count < FDES_MAX; i++) {
		struct fde *f = &fdes[fde_count];
		uint32_t back;
		int32_t at;

		memcpy(&at, file + hdr + 12 + 8 * i + 4, 4);
		f->fde = entry_at(file, size, hdr + (uint64_t)(int64_t)at);
		if (!f->fde.size)
			continue;
		memcpy(&back, f->fde.at + 4, 4);
		memcpy(&f->range, f->fde.at + 12, 4);
		f->cie = entry_at(file, size, (uint64_t)(f->fde.at + 4 - file) - back);
		if (f->cie.size < 16 || !memchr(f->cie.at + 9, 'R', 5) || !memchr(f->cie.at + 12, 0x1b, f->cie.size - 12))
			continue;
		if (memchr(f->cie.at + 9, 'S', 5))
			signals[signal_count++] = fde_count++;
		else if (i % step == 0)
			fde_count++;
	}
}

static void take_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	const uint8_t *file;
	const Elf64_Ehdr *elf;

	if (fd < 0 || fstat(fd, &st) < 0 || (size_t)st.st_size < sizeof *elf) {
		perror(path);
		exit(1);
	}
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0); /* for good: the entries point into it */
	close(fd);
	elf = (const void *)file;
	if (file == MAP_FAILED || memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0)
		return;
	for (int i = 0; i < elf->e_phnum; i++) {
		const Elf64_Phdr *p = (const void *)(file + elf->e_phoff + (size_t)i * sizeof *p);

		if (p->p_type == PT_GNU_EH_FRAME)
			take_fdes(file, (size_t)st.st_size, p->p_offset, p->p_filesz > 4096 ? 61 : 3);
	}
}

struct table {
	uint8_t bytes[TABLE_MAX];
	size_t size;
	uint32_t range[ENTRIES];
};

/* A table of some of the FDEs, the code of the i-th at `code` + i * 4096 from the table's header. */
static void make_table(struct table *t, int32_t code, unsigned entries)
{
	static const uint8_t start[] = { 1, 0x1b, 3, 0x3b, 0, 0, 0, 0 };

	memset(t, 0, sizeof *t);
	memcpy(t->bytes, start, sizeof start);
	memcpy(t->bytes + 8, &entries, 4);
	t->size = 16 + 8 * ENTRIES;
	for (unsigned i = 0; i < entries; i++) {
		bool signal = signal_count && below(8) == 0;
		const struct fde *f = &fdes[signal ? signals[below((uint32_t)signal_count)] : below((uint32_t)fde_count)];
		size_t cie = t->size, fde = cie + f->cie.size;
		int32_t at = code + (int32_t)i * 4096, where = (int32_t)fde, here = at - (int32_t)(fde + 8);
		uint32_t back = (uint32_t)(fde + 4 - cie);

		memcpy(t->bytes + cie, f->cie.at, f->cie.size);
		memcpy(t->bytes + fde, f->fde.at, f->fde.size);
		memcpy(t->bytes + fde + 4, &back, 4);
		memcpy(t->bytes + fde + 8, &here, 4);
		memcpy(t->bytes + 12 + 8 * i, &at, 4);
		memcpy(t->bytes + 16 + 8 * i, &where, 4);
		t->range[i] = f->range;
		t->size = fde + f->fde.size;
	}
}

static void make_cfi(const char *folder)
{
	static struct table t;
	uint8_t input[16 + TABLE_MAX];
	unsigned entries = 1 + below(3), i = below(entries);
	int32_t pc;

	make_table(&t, 0x100000, entries);
	pc = 0x100000 + (int32_t)(i * 4096 + below(t.range[i] % 4096 + 1));
	memset(input, 0, 16);
	memset(input + 4, 0xff, 4);
	memcpy(input + 8, &pc, 4);
	memcpy(input + 12, &(uint32_t){ (uint32_t)t.size - 1 }, 4);
	memcpy(input + 16, t.bytes, t.size);
	save(folder, "cfi", input, 16 + t.size);
}

static uint64_t stack_word(const struct table *t, uint64_t sp, unsigned entries)
{
	uint32_t i = below(entries);

	switch (below(7)) {
	case 0:
	case 1:
	case 2: return WALK_CODE + i * 4096 + below(t->range[i] % 4096 + 1) + 1;
	case 3: return WALK_BARE + below(WALK_CODE_SIZE);
	case 4: return sp + 8 * below(64);
	case 5: return WALK_STACK + 8 * below(WALK_STACK_SIZE / 8);
	default: return below(16);
	}
}

static void make_walk(const char *folder)
{
	static struct table t;
	uint8_t input[16384];
	uint64_t registers[WALK_REGISTERS], sp = WALK_GROWN + 0x1000 + 16 * below(1024);
	uint32_t stack = 8 * (16 + below(96));
	size_t n = 0;

	make_table(&t, (int32_t)(WALK_CODE - WALK_TABLE), ENTRIES);
	for (unsigned i = 0; i < WALK_REGISTERS; i++)
		registers[i] = stack_word(&t, sp, ENTRIES);
	registers[7] = sp;
	registers[6] = sp + 16 * below(16);
	registers[16] = below(8) ? WALK_CODE + below(ENTRIES) * 4096 + below(64) : WALK_BARE + below(64);
	memcpy(input + n, &stack, 4), n += 4;
	memcpy(input + n, registers, sizeof registers), n += sizeof registers;
	for (uint32_t i = 0; i < stack; i += 8) {
		uint64_t word = stack_word(&t, sp, ENTRIES);

		memcpy(input + n, &word, 8), n += 8;
	}
	memcpy(input + n, t.bytes, t.size);
	save(folder, "walk", input, n + t.size);
}

/* ---- spools ---- */

enum { SPOOL_MAX = 64 * 1024 };

struct spool {
	_Alignas(16) uint8_t bytes[SPOOL_MAX];
	size_t size;
};

static void *add(struct spool *s, size_t size, assay_ref *ref)
{
	void *at = s->bytes + s->size;

	*ref = (assay_ref)(s->size / ASSAY_SPOOL_SLOT);
	s->size += (size + ASSAY_SPOOL_SLOT - 1) / ASSAY_SPOOL_SLOT * ASSAY_SPOOL_SLOT;
	return at;
}

static assay_ref add_text(struct spool *s, const char *text, size_t length)
{
	assay_ref ref;
	struct assay_spool_string *string = add(s, sizeof *string + length + 1, &ref);

	string->length = (uint32_t)length;
	memcpy(string->bytes, text, length);
	return ref;
}

static assay_ref add_value(struct spool *s, assay_ref next)
{
	assay_ref ref;
	struct assay_spool_value *v = add(s, sizeof *v, &ref);

	v->next = next;
	v->metric = next ? 1 : 0;
	v->count = 1 + below(4);
	v->sum = v->count * 5000000;
	v->min = v->max = 5000000;
	v->sum_of_squares = 25e12 * (double)v->count;
	return ref;
}

/* A random tree: each new node becomes the first child, or a sibling, of one that is there. */
static assay_ref add_tree(struct spool *s, const assay_ref *modules, unsigned module_count, unsigned nodes)
{
	assay_ref refs[32];

	for (unsigned i = 0; i < nodes; i++) {
		struct assay_spool_node *n = add(s, sizeof *n, &refs[i]), *up;

		n->address = below(4096);
		n->module = below(8) ? modules[below(module_count)] : below(2);
		if (!i) {
			n->module = ASSAY_PLACE_SPECIAL;
			n->address = ASSAY_SPECIAL_ROOT;
			continue;
		}
		n->values = below(3) ? add_value(s, below(4) ? 0 : add_value(s, 0)) : 0;
		up = (void *)(s->bytes + (size_t)refs[below(i)] * ASSAY_SPOOL_SLOT);
		n->parent = (assay_ref)(((uint8_t *)up - s->bytes) / ASSAY_SPOOL_SLOT);
		if (!up->child)
			up->child = refs[i];
		else if (!up->left)
			up->left = refs[i];
		else if (!up->right)
			up->right = refs[i];
	}
	return refs[0];
}

static assay_ref add_timeline(struct spool *s, assay_ref node)
{
	assay_ref ref;
	struct assay_spool_timeline *t = add(s, sizeof *t + 4 * sizeof t->entries[0], &ref);

	t->capacity = 4;
	t->count = 1 + below(4);
	for (unsigned i = 0; i < t->count; i++)
		t->entries[i] = (struct assay_spool_timeline_entry){ 1100000000 + i * 5000000, node + 2 * below(4), 5000 };
	return ref;
}

static assay_ref add_thread(struct spool *s, assay_ref next, const assay_ref *modules, unsigned module_count, bool first)
{
	assay_ref ref;
	struct assay_spool_thread *t = add(s, sizeof *t, &ref);

	t->next = next;
	t->flags = (first ? ASSAY_THREAD_MAIN : 0) | (below(2) ? ASSAY_THREAD_LIVE : 0);
	t->threads = 1;
	t->tid = 100;
	t->entry_module = modules[0];
	t->entry = below(4096);
	t->wall_ns = 500000000;
	t->cpu_ns = 100000000;
	t->core_wait_ns = 1000000;
	t->core_wait_wall_ns = below(2) ? 500000000 : 0;
	t->first_ns = 1000000000;
	t->live_start_ns = 1000000000;
	t->live_start_cpu_ns = 1000000;
	t->live_seen_ns = 1500000000;
	t->live_seen_cpu_ns = 90000000;
	t->samples = 20;
	t->weight_ns = 95000000;
	t->walks[below(6)] = 20;
	t->dropped[below(4)] = below(3);
	memcpy(t->name, "worker-thread-16", sizeof t->name); /* no room for a NUL */
	t->root = add_tree(s, modules, module_count, 2 + below(24));
	if (below(2))
		t->timeline = add_timeline(s, t->root);
	return ref;
}

static void make_spool(struct spool *s, int pid, int ppid, unsigned state_, bool forked, uint64_t start)
{
	static const char *const paths[] = { "/nowhere/work", "/nowhere/libc.so.6", "/lib/libassay.so", "/nowhere/libx.so" };
	struct assay_spool_header *h = (void *)s->bytes;
	assay_ref modules[4];
	unsigned threads = 1 + below(3);

	memset(s, 0, sizeof *s);
	s->size = ASSAY_PLACES * ASSAY_SPOOL_SLOT;
	memcpy(h->magic, ASSAY_SPOOL_MAGIC, sizeof h->magic);
	*h = (struct assay_spool_header){ .version = ASSAY_SPOOL_VERSION, .byte_order = ASSAY_SPOOL_BYTE_ORDER,
		.header_size = sizeof *h, .slot_size = ASSAY_SPOOL_SLOT, .limit = SPOOL_MAX, .pid = pid, .ppid = ppid,
		.rate_hz = 200, .state = state_, .start_ns = start, .end_ns = state_ ? start + 500000000 : 0,
		.startup_cpu_ns = 1000000, .cpu_ns = 100000000, .fork_ns = forked ? start : 0 };
	memcpy(h->magic, ASSAY_SPOOL_MAGIC, sizeof h->magic);
	h->exe = add_text(s, paths[0], strlen(paths[0]));
	h->invoked = below(2) ? h->exe : 0;
	h->command = add_text(s, "./work\0a b\0", 11);
	h->note = below(2) ? add_text(s, "no room", 7) : 0;
	for (unsigned i = 0; i < 4; i++) {
		struct assay_spool_module *m = add(s, sizeof *m, &modules[i]);

		m->next = h->modules;
		m->path = add_text(s, paths[i], strlen(paths[i]));
		m->bias = m->start = 0x400000 + i * 0x100000;
		m->end = m->start + 0x10000;
		m->load_ns = start;
		m->build_id_length = 20;
		h->modules = modules[i];
	}
	for (unsigned i = 0; i < 2; i++) {
		assay_ref ref;
		struct assay_spool_metric *m = add(s, sizeof *m, &ref);

		*m = (struct assay_spool_metric){ h->metrics, i, i ? ASSAY_METRIC_COUNT : ASSAY_METRIC_SAMPLED_TIME,
			add_text(s, i ? "calls" : "cpu", i ? 5 : 3), add_text(s, "ns", 2), add_text(s, "sampled", 7), 0 };
		h->metrics = ref;
	}
	for (unsigned i = 0; i < threads; i++)
		h->threads = add_thread(s, h->threads, modules, 4, i == 0);
	h->next = s->size;
}

/* Runs of one to three processes: a lone one; a fork; a chain of execs. */
static void make_run(const char *folder)
{
	static struct spool s[3];
	static uint8_t input[3 * SPOOL_MAX + 1];
	unsigned spools = 1 + below(3);
	bool execs = below(2);
	size_t n = 0;

	for (unsigned i = 0; i < spools; i++) {
		bool last = i + 1 == spools;
		int pid = 100 + (execs ? 0 : (int)i);
		unsigned end = execs && !last ? ASSAY_STATE_EXECED : below(2) ? ASSAY_STATE_EXITED : ASSAY_STATE_RUNNING;

		make_spool(&s[i], pid, i && !execs ? pid - 1 : 99, end, i && !execs, 1000000000u + i * 500000000u);
		memcpy(input + n, s[i].bytes, s[i].size);
		n += s[i].size;
	}
	save(folder, "spool", s[0].bytes, s[0].size);
	input[n++] = 0;
	save(folder, "digest", input, n);
}

/* ---- spools that once failed ---- */

static void *record(struct spool *s, assay_ref ref)
{
	return s->bytes + (size_t)ref * ASSAY_SPOOL_SLOT;
}

/* Times beyond any clock: the account's sums overflowed. */
static void huge_times(struct spool *s)
{
	struct assay_spool_thread *t = record(s, ((struct assay_spool_header *)s->bytes)->threads);

	t->flags = ASSAY_THREAD_MAIN;
	t->wall_ns = INT64_MAX;
	t->cpu_ns = 1ull << 63;
	t->core_wait_ns = t->core_wait_wall_ns = UINT64_MAX;
	t->weight_ns = INT64_MAX;
	t->first_ns = 1ull << 62;
}

/* A sum of squares that is no number: the profile was refused. */
static void no_number(struct spool *s)
{
	struct assay_spool_header *h = (void *)s->bytes;
	struct assay_spool_thread *t = record(s, h->threads);
	struct assay_spool_node *root = record(s, t->root), *child = record(s, root->child);
	struct assay_spool_value *v;

	child->values = (assay_ref)(s->size / ASSAY_SPOOL_SLOT);
	v = record(s, child->values);
	v->count = v->sum = 1;
	v->sum_of_squares = __builtin_nan("");
	s->size += sizeof *v;
	h->next = s->size;
}

/* Two metrics with one name: likewise. */
static void name_twice(struct spool *s)
{
	struct assay_spool_metric *m = record(s, ((struct assay_spool_header *)s->bytes)->metrics);

	m->name = ((struct assay_spool_metric *)record(s, m->next))->name;
}

static void make_once(const char *folder)
{
	static const struct {
		const char *name;
		void (*damage)(struct spool *s);
	} once[] = { { "huge-times", huge_times }, { "no-number", no_number }, { "name-twice", name_twice } };
	static struct spool s;
	static uint8_t input[SPOOL_MAX + 1];

	for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
		make_spool(&s, 100, 99, ASSAY_STATE_EXITED, false, 1000000000);
		once[i].damage(&s);
		memcpy(input, s.bytes, s.size);
		input[s.size] = 0x5a; /* written as well: see target_digest.c */
		save_as(folder, "once-digest", once[i].name, input, s.size + 1);
	}
}

int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		take_file(argv[i]);
	if (argc < 3 || fde_count < 16) {
		fprintf(stderr, "Usage: seeds FOLDER ELF-FILE... (found %zu unwind table entries)\n", fde_count);
		return 1;
	}
	for (int i = 0; i < 200; i++)
		make_cfi(argv[1]);
	for (int i = 0; i < 200; i++)
		make_walk(argv[1]);
	for (int i = 0; i < 24; i++)
		make_run(argv[1]);
	make_once(argv[1]);
	return 0;
}
