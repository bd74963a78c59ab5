/*
 * oracle_read.c: what the two unwinders found, from the files that liboracle.so wrote.
 *
 *   oracle_read [-n N] FILE...   all files are one program's run; N: how many of each kind of difference are shown
 *
 * Prints a line a figure, "NAME VALUE...", and "kind COUNT ID: TEXT" for each kind of agreement or difference among
 * the samples that were looked at; ID is FAULT where no rule of explain.c says that ours is right. The times are those
 * of the walks that went first. Lines of # show examples, which of the three unwinders (o, u, d) has a frame before it.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "explain.h"
#include "judge.h"
#include "oracle.h"
#include "profile/spool.h"

static const char *const ends[ASSAY_WALKS] = { "complete", "no-rule", "bad-read", "no-ascent", "too-deep", "bad-rule", "?", "?" };

struct times {
	uint32_t *ns;
	size_t count, room;
};

static struct {
	uint64_t samples, same, lost, unfinished, files, faults, clock_ns, frames, shared;
	uint64_t own_end[ASSAY_WALKS], lib_end[ASSAY_WALKS];
	struct times own, lib;
} all;

static int shown_at_most = 1;

static void note(struct times *t, uint32_t ns)
{
	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 4096;
		t->ns = realloc(t->ns, t->room * sizeof *t->ns);
		if (!t->ns)
			abort();
	}
	t->ns[t->count++] = ns;
}

/* ---- kinds of differences ---- */

enum { KINDS = 32 };
static struct kind {
	const char *name;
	uint64_t count;
	bool fault;
} kinds[KINDS];

static void show(const struct explain_sample *x)
{
	const struct oracle_sample *s = x->s;
	size_t most = s->own_count > s->lib_count ? s->own_count : s->lib_count;

	most = most > x->judge_count ? most : x->judge_count;
	printf("# ours: %u frames, %s; libunwind's: %u, %s; libdw's: %zu, %s\n", s->own_count, ends[s->own_end & 7],
	       s->lib_count, ends[s->lib_end & 7], x->judge_count, x->judge_whole ? "whole" : "not whole");
	for (size_t i = 0; i < most && i < 40; i++) {
		uint64_t own = i < s->own_count ? x->own[i].pc : 0, lib = i < s->lib_count ? x->lib[i].pc : 0,
			 judge = i < x->judge_count ? x->judge[i] : 0;

		if (own)
			printf("#   %c%c%c %s\n", 'o', own == lib ? 'u' : '-', own == judge ? 'd' : '-', judge_name(own));
		if (lib && lib != own)
			printf("#   -u%c %s\n", lib == judge ? 'd' : '-', judge_name(lib));
		if (judge && judge != own && judge != lib)
			printf("#   --d %s\n", judge_name(judge));
	}
}

/* True: one of those that are to be shown. */
static bool count_kind(const char *name, bool fault)
{
	struct kind *k = kinds;

	while (k < kinds + KINDS - 1 && k->name && strcmp(k->name, name) != 0)
		k++;
	k->name = name;
	k->fault = fault;
	all.faults += fault;
	if (k->count++ >= (uint64_t)shown_at_most)
		return false;
	printf("# -- %s\n", name);
	return true;
}

/* ---- files ---- */

static const struct oracle_module *by_ref[1 << 16];
static size_t refs;

/* The modules of a frame list are those that were loaded when the sample was taken. */
static void bring_modules(const struct oracle_frame *frames, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = refs; frames[i].module && k--;)
			if (by_ref[k]->ref == frames[i].module) {
				judge_add(by_ref[k]);
				break;
			}
}

static void take_details(const struct oracle_sample *s)
{
	struct explain_sample x = { .s = s, .d = (const void *)(s + 1) };
	const char *name;
	bool fault;

	x.own = (const void *)(x.d + 1);
	x.lib = x.own + s->own_count;
	x.stack = x.lib + s->lib_count;
	bring_modules(x.own, s->own_count);
	name = explain(&x, &fault);
	if (count_kind(name, fault) && (fault || !s->same || s->own_end != ASSAY_WALK_COMPLETE))
		show(&x);
}

static void show_ends(const struct oracle_sample *s)
{
	printf("# from %s\n", judge_name(s->pc));
	printf("#   to %s\n", judge_name(s->outermost));
}

static void take_sample(const struct oracle_sample *s)
{
	const char *name;
	bool fault;

	all.samples++;
	all.same += s->same;
	all.frames += s->own_count;
	all.shared += s->shared;
	all.own_end[s->own_end & 7]++;
	all.lib_end[s->lib_end & 7]++;
	note(s->own_first ? &all.own : &all.lib, s->ns > all.clock_ns ? s->ns - (uint32_t)all.clock_ns : 0);
	if (s->details)
		take_details(s);
	name = explain_outermost(s, &fault);
	if (name && count_kind(name, fault))
		show_ends(s);
}

static void each(const struct oracle_header *h, enum oracle_kind kind)
{
	uint64_t at = sizeof *h;

	while (at < h->used && at < h->size) {
		const struct oracle_record *r = (const void *)((const char *)h + at);

		if (r->size < sizeof *r || r->size > h->size - at)
			break;
		if (r->kind == kind && kind == ORACLE_MODULE && refs < sizeof by_ref / sizeof *by_ref) {
			by_ref[refs++] = (const void *)r;
			judge_add((const void *)r);
		}
		if (r->kind == kind && kind == ORACLE_SAMPLE)
			take_sample((const void *)r);
		all.unfinished += r->kind == kind && kind == ORACLE_UNFINISHED;
		at += r->size;
	}
}

static int read_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct oracle_header *h;

	if (fd < 0 || fstat(fd, &st) < 0) {
		perror(path);
		return -1;
	}
	h = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (h == MAP_FAILED || (size_t)st.st_size < sizeof *h || memcmp(h->magic, ORACLE_MAGIC, 8) != 0 ||
	    h->version != ORACLE_VERSION || h->size != (uint64_t)st.st_size) {
		fprintf(stderr, "%s: not a file of liboracle.so\n", path);
		return -1;
	}
	all.files++;
	all.lost += h->lost;
	all.clock_ns = h->clock_ns;
	refs = 0;
	each(h, ORACLE_MODULE);
	each(h, ORACLE_SAMPLE);
	each(h, ORACLE_UNFINISHED);
	judge_end();
	munmap((void *)h, (size_t)st.st_size);
	return 0;
}

/* ---- figures ---- */

static int by_size(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double median(const struct times *t)
{
	if (!t->count)
		return 0;
	qsort(t->ns, t->count, sizeof *t->ns, by_size);
	return (t->ns[(t->count - 1) / 2] + (double)t->ns[t->count / 2]) / 2;
}

static double mean(const struct times *t)
{
	double sum = 0;

	for (size_t i = 0; i < t->count; i++)
		sum += t->ns[i];
	return t->count ? sum / (double)t->count : 0;
}

static void print_ends(const char *whose, const uint64_t *count)
{
	for (int i = 0; i < ASSAY_WALKS; i++)
		if (count[i])
			printf("%s_end_%s %" PRIu64 "\n", whose, ends[i], count[i]);
}

static void print_figures(void)
{
	double own = median(&all.own), lib = median(&all.lib);

	printf("files %" PRIu64 "\nsamples %" PRIu64 "\nsame %" PRIu64 "\ndiffer %" PRIu64 "\nlost %" PRIu64 "\nunfinished %" PRIu64 "\n",
	       all.files, all.samples, all.same, all.samples - all.same, all.lost, all.unfinished);
	printf("frames %" PRIu64 "\nshared %" PRIu64 "\n", all.frames, all.shared);
	printf("faults %" PRIu64 "\n", all.faults);
	print_ends("own", all.own_end);
	print_ends("lib", all.lib_end);
	printf("own_median_ns %.0f\nlib_median_ns %.0f\nown_mean_ns %.0f\nlib_mean_ns %.0f\n", own, lib, mean(&all.own), mean(&all.lib));
	if (all.own.count && all.lib.count)
		printf("ratio_median %.4f\nratio_mean %.4f\n", own / lib, mean(&all.own) / mean(&all.lib));
	for (const struct kind *k = kinds; k < kinds + KINDS && k->name; k++)
		printf("kind %" PRIu64 " %s\n", k->count, k->name);
}

int main(int argc, char **argv)
{
	int option, failed = 0;

	while ((option = getopt(argc, argv, "n:")) != -1) {
		if (option != 'n') {
			fprintf(stderr, "usage: oracle_read [-n N] FILE...\n");
			return 2;
		}
		shown_at_most = atoi(optarg);
	}
	for (int i = optind; i < argc; i++)
		failed |= read_file(argv[i]) < 0;
	print_figures();
	return failed || optind == argc;
}
