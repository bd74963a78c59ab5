/* spool_builder.c: see spool_builder.h. */
#include "spool_builder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROOM = 1 << 20 };

void builder_begin(struct spool_builder *b, int pid, uint64_t start_ns)
{
	struct assay_spool_header *h;

	b->bytes = aligned_alloc(4096, ROOM);
	assert_non_null(b->bytes);
	memset(b->bytes, 0, ROOM);
	b->used = (size_t)ASSAY_PLACES * ASSAY_SPOOL_SLOT;
	b->header = h = (void *)b->bytes;
	memcpy(h->magic, ASSAY_SPOOL_MAGIC, sizeof h->magic);
	h->version = ASSAY_SPOOL_VERSION;
	h->byte_order = ASSAY_SPOOL_BYTE_ORDER;
	h->header_size = sizeof *h;
	h->slot_size = ASSAY_SPOOL_SLOT;
	h->limit = ROOM;
	h->next = b->used;
	h->pid = pid;
	h->ppid = 1;
	h->rate_hz = 200;
	h->start_ns = start_ns;
}

void builder_end(struct spool_builder *b)
{
	free(b->bytes);
	*b = (struct spool_builder){ 0 };
}

void builder_save(const struct spool_builder *b, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, b->bytes, b->used), b->used);
	assert_int_equal(ftruncate(fd, ROOM), 0);
	close(fd);
}

assay_ref builder_alloc(struct spool_builder *b, size_t size)
{
	assay_ref ref = (assay_ref)(b->used / ASSAY_SPOOL_SLOT);

	b->used += (size + ASSAY_SPOOL_SLOT - 1) / ASSAY_SPOOL_SLOT * ASSAY_SPOOL_SLOT;
	assert_true(b->used <= ROOM);
	b->header->next = b->used;
	return ref;
}

void *builder_at(const struct spool_builder *b, assay_ref ref)
{
	return b->bytes + (size_t)ref * ASSAY_SPOOL_SLOT;
}

assay_ref builder_bytes(struct spool_builder *b, const char *bytes, size_t length)
{
	assay_ref ref = builder_alloc(b, sizeof(struct assay_spool_string) + length + 1);
	struct assay_spool_string *s = builder_at(b, ref);

	s->length = (uint32_t)length;
	memcpy(s->bytes, bytes, length);
	return ref;
}

assay_ref builder_string(struct spool_builder *b, const char *text)
{
	return builder_bytes(b, text, strlen(text));
}

assay_ref builder_metric(struct spool_builder *b, uint32_t id, const char *name)
{
	assay_ref ref = builder_alloc(b, sizeof(struct assay_spool_metric));
	struct assay_spool_metric *m = builder_at(b, ref);

	m->id = id;
	m->name = builder_string(b, name);
	m->unit = builder_string(b, "ns");
	m->obtained = builder_string(b, "sampled");
	m->help = builder_string(b, "help");
	m->next = b->header->metrics;
	b->header->metrics = ref;
	return ref;
}

assay_ref builder_module(struct spool_builder *b, const char *path, uint64_t start, uint64_t size, uint64_t bias)
{
	assay_ref ref = builder_alloc(b, sizeof(struct assay_spool_module));
	struct assay_spool_module *m = builder_at(b, ref);

	m->path = builder_string(b, path);
	m->start = start;
	m->end = start + size;
	m->bias = bias;
	m->load_ns = b->header->start_ns;
	m->next = b->header->modules;
	b->header->modules = ref;
	return ref;
}

assay_ref builder_thread(struct spool_builder *b, int tid, uint32_t flags)
{
	assay_ref ref = builder_alloc(b, sizeof(struct assay_spool_thread));
	struct assay_spool_thread *t = builder_at(b, ref);

	t->tid = tid;
	t->flags = flags;
	t->threads = 1;
	t->first_ns = t->live_born_ns = b->header->start_ns;
	t->live_start_ns = b->header->start_ns;
	t->live_seen_ns = b->header->start_ns;
	strcpy(t->name, "work");
	t->next = b->header->threads;
	b->header->threads = ref;
	return ref;
}

assay_ref builder_root(struct spool_builder *b, assay_ref thread)
{
	struct assay_spool_thread *t = builder_at(b, thread);

	if (!t->root) {
		assay_ref ref = builder_alloc(b, sizeof(struct assay_spool_node));

		((struct assay_spool_node *)builder_at(b, ref))->module = ASSAY_PLACE_SPECIAL;
		t->root = ref;
	}
	return t->root;
}

assay_ref builder_node(struct spool_builder *b, assay_ref parent, uint32_t module, uint64_t address)
{
	_Atomic assay_ref *link = &((struct assay_spool_node *)builder_at(b, parent))->child;
	assay_ref ref;
	struct assay_spool_node *n;

	/* any search tree will do for a reader: this one leans left and right by turns */
	for (int turn = 0; *link; turn++) {
		n = builder_at(b, *link);
		if (n->module == module && n->address == address)
			return *link;
		link = turn % 2 ? &n->left : &n->right;
	}
	ref = builder_alloc(b, sizeof *n);
	n = builder_at(b, ref);
	n->module = module;
	n->address = address;
	n->parent = parent;
	*link = ref;
	return ref;
}

void builder_samples(struct spool_builder *b, assay_ref thread, assay_ref node, uint64_t count, uint64_t weight)
{
	struct assay_spool_thread *t = builder_at(b, thread);
	struct assay_spool_node *n = builder_at(b, node);
	struct assay_spool_value *v;

	if (!n->values) {
		n->values = builder_alloc(b, sizeof *v);
		v = builder_at(b, n->values);
		v->min = v->max = weight;
	}
	v = builder_at(b, n->values);
	v->count += count;
	v->sum += count * weight;
	v->sum_of_squares += (double)count * (double)weight * (double)weight;
	v->min = weight < v->min ? weight : v->min;
	v->max = weight > v->max ? weight : v->max;
	t->samples += count;
	t->weight_ns += count * weight;
	t->walks[ASSAY_WALK_COMPLETE] += count;
}
