/*
 * target_spool.c: the input is a spool. Everything that its reader gives out is read to its last byte, and what the
 * reader promises is checked: a parent before its child, no node twice, nothing outside the file.
 */
#include "input.h"

#include "profile/spool_reader.h"

#include <stdlib.h>

static volatile uint64_t sum; /* what is read must be read */

static void read_all(const void *bytes, size_t size)
{
	uint64_t n = 0;

	for (size_t i = 0; i < size; i++)
		n += ((const uint8_t *)bytes)[i];
	sum += n;
}

static void insist(bool true_)
{
	if (!true_)
		__builtin_trap();
}

static void string(const struct assay_spool *spool, assay_ref ref)
{
	size_t length = 0;
	const char *bytes = assay_spool_string(spool, ref, &length);

	if (bytes)
		read_all(bytes, length);
}

static void values(const struct assay_spool *spool, assay_ref ref)
{
	const struct assay_spool_value *v;

	for (int bound = 64; bound-- && (v = assay_spool_value(spool, ref)); ref = v->next)
		read_all(v, sizeof *v);
}

static void tree(struct assay_spool *spool, assay_ref root)
{
	struct assay_spool_visit *visits;
	size_t n = assay_spool_tree(spool, root, &visits);
	uint8_t *seen = calloc(1, spool->size / ASSAY_SPOOL_SLOT + 1);

	insist(seen != NULL);
	for (size_t i = 0; i < n; i++) {
		insist(i == 0 ? visits[i].parent == 0 : visits[i].parent < i);
		insist(!seen[visits[i].ref]++);
		read_all(visits[i].node, sizeof *visits[i].node);
		values(spool, visits[i].node->values);
	}
	free(seen);
	free(visits);
}

static void timeline(struct assay_spool *spool, assay_ref first)
{
	assay_ref *refs;
	size_t n = assay_spool_list(spool, first, sizeof(struct assay_spool_timeline), &refs);

	for (size_t i = 0; i < n; i++) {
		const struct assay_spool_timeline *t = assay_spool_timeline(spool, refs[i]);

		if (t)
			read_all(t, sizeof *t + (size_t)t->capacity * sizeof t->entries[0]);
	}
	free(refs);
}

static void threads(struct assay_spool *spool)
{
	assay_ref *refs;
	size_t n = assay_spool_list(spool, spool->header->threads, sizeof(struct assay_spool_thread), &refs);

	for (size_t i = 0; i < n; i++) {
		const struct assay_spool_thread *t = assay_spool_thread(spool, refs[i]);

		insist(t != NULL);
		read_all(t, sizeof *t);
		/* a few trees of one thread each: a hostile file may share one among a thousand threads */
		if (i < 4) {
			tree(spool, t->root);
			timeline(spool, t->timeline);
		}
	}
	free(refs);
}

static void modules(struct assay_spool *spool)
{
	assay_ref *refs;
	size_t n = assay_spool_list(spool, spool->header->modules, sizeof(struct assay_spool_module), &refs);

	for (size_t i = 0; i < n; i++) {
		const struct assay_spool_module *m = assay_spool_module(spool, refs[i]);

		insist(m != NULL);
		read_all(m, sizeof *m);
		string(spool, m->path);
	}
	free(refs);
	n = assay_spool_list(spool, spool->header->metrics, sizeof(struct assay_spool_metric), &refs);
	for (size_t i = 0; i < n; i++) {
		const struct assay_spool_metric *m = assay_spool_metric(spool, refs[i]);

		insist(m != NULL);
		string(spool, m->name);
		string(spool, m->unit);
		string(spool, m->obtained);
		string(spool, m->help);
	}
	free(refs);
}

/* Every word of the header's neighbourhood as a reference of every kind. */
static void wild(const struct assay_spool *spool)
{
	for (size_t i = 0; i < spool->size / sizeof(assay_ref) && i < 256; i++) {
		assay_ref ref;
		const void *at;

		memcpy(&ref, spool->base + i * sizeof ref, sizeof ref);
		string(spool, ref);
		if ((at = assay_spool_thread(spool, ref)))
			read_all(at, sizeof(struct assay_spool_thread));
		if ((at = assay_spool_module(spool, ref)))
			read_all(at, sizeof(struct assay_spool_module));
		if ((at = assay_spool_metric(spool, ref)))
			read_all(at, sizeof(struct assay_spool_metric));
		values(spool, ref);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	return input_mutate(data, size, max, seed, (uint32_t)(size / ASSAY_SPOOL_SLOT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct assay_spool spool;
	const char *why = NULL;
	uint8_t *copy = malloc(size ? size : 1); /* aligned, and not a byte larger */

	insist(copy != NULL);
	if (size)
		memcpy(copy, data, size);
	if (assay_spool_open_memory(copy, size, &spool, &why) == 0) {
		read_all(spool.header, sizeof *spool.header);
		string(&spool, spool.header->exe);
		string(&spool, spool.header->invoked);
		string(&spool, spool.header->command);
		string(&spool, spool.header->note);
		threads(&spool);
		modules(&spool);
		wild(&spool);
		free(spool.visited); /* assay_spool_close is for mapped files */
	} else {
		insist(why != NULL && !spool.visited);
	}
	free(copy);
	return 0;
}
