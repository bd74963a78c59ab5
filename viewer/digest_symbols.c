/*
 * The second stage: every place to its frames, a module at a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest_model.h"

/* Places in the order of their modules and addresses, for the resolver wants them so. */
static const struct d_place *sort_places;

static int by_address(const void *a, const void *b)
{
	const struct d_place *x = &sort_places[*(const assay_id *)a - 1], *y = &sort_places[*(const assay_id *)b - 1];

	if (x->module != y->module)
		return x->module < y->module ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

static assay_id intern_function(struct assay_digest *d, const struct d_function *f, uint64_t identity)
{
	uint32_t *number = assay_map_at(&d->function_map, (uint64_t)f->name << 32 | f->module, identity);

	if (!number) {
		d->no_memory = true;
		return 0;
	}
	if (!*number) {
		*number = ASSAY_ARRAY_ADD(d, d->functions);
		if (*number)
			d->functions.at[*number - 1] = *f;
	}
	return *number;
}

static assay_id optional_text(struct assay_digest *d, const char *text)
{
	return text ? assay_digest_text_of(d, text) : 0;
}

static assay_id function_of(struct assay_digest *d, assay_id module, const struct assay_frame *frame)
{
	const char *name = d->modules.at[module - 1].name;
	struct d_function f = { .module = module, .named = frame->name != NULL };
	char *made = NULL;
	uint64_t identity;
	assay_id id;

	if (frame->name) {
		f.name = assay_digest_text_of(d, frame->name);
		f.linkage = optional_text(d, frame->linkage);
		f.file = optional_text(d, frame->decl_file);
		f.line = frame->decl_line;
		identity = ((uint64_t)f.linkage << 40) ^ ((uint64_t)f.file << 20) ^ (uint64_t)(unsigned)f.line;
		return intern_function(d, &f, identity);
	}
	if (frame->bounded ? asprintf(&made, "%s+0x%llx", name, (unsigned long long)frame->start) < 0
			   : asprintf(&made, "[%s, no symbol]", name) < 0) {
		d->no_memory = true;
		return 0;
	}
	f.name = assay_digest_text_of(d, made);
	free(made);
	id = intern_function(d, &f, 0);
	return id;
}

struct request {
	struct assay_digest *d;
	const assay_id *order;
};

/* "queue_lock", "table_new (table.c:40)": what a plugin's frame says of an address. */
static assay_id label_of(struct assay_digest *d, const struct d_place *place, const struct assay_frame *frame)
{
	const char *slash = frame->file ? strrchr(frame->file, '/') : NULL, *file = slash ? slash + 1 : frame->file;
	const char *module = d->modules.at[place->module - 1].name;
	char *made = NULL;
	assay_id id;

	if (!frame->name ? asprintf(&made, "%s+0x%llx", module, (unsigned long long)place->address) < 0
	    : file && frame->line > 0 ? asprintf(&made, "%s (%s:%d)", frame->name, file, frame->line) < 0
	    : frame->data && place->address > frame->start ? asprintf(&made, "%s+0x%llx", frame->name,
			(unsigned long long)(place->address - frame->start)) < 0
	    : asprintf(&made, "%s", frame->name) < 0) {
		d->no_memory = true;
		return 0;
	}
	id = assay_digest_text_of(d, made);
	free(made);
	return id;
}

static void found(void *context, size_t index, const struct assay_frame *frames, size_t count)
{
	struct request *r = context;
	struct assay_digest *d = r->d;
	struct d_place *place = &d->places.at[r->order[index] - 1];

	if (place->label) {
		place->name = label_of(d, place, &frames[0]);
		return;
	}
	place->first_frame = (uint32_t)d->frames.count;
	for (size_t i = 0; i < count; i++) {
		assay_id function = function_of(d, place->module, &frames[i]), id = ASSAY_ARRAY_ADD(d, d->frames);

		if (!id)
			return;
		d->frames.at[id - 1] = (struct d_frame){ function, optional_text(d, frames[i].file), frames[i].line,
			frames[i].inlined };
		place->frames++;
	}
}

static int resolve_module(struct assay_digest *d, assay_resolver *resolver, const assay_id *order, size_t count)
{
	struct d_module *m = &d->modules.at[d->places.at[order[0] - 1].module - 1];
	struct request context = { d, order };
	struct assay_resolve_request request = {
		.path = assay_digest_string(d, m->path),
		.build_id = m->build_id,
		.build_id_length = m->build_id_length,
		.vdso = m->vdso,
		.count = count,
	};
	uint64_t *addresses = malloc(count * sizeof *addresses);

	if (!addresses)
		return -1;
	for (size_t i = 0; i < count; i++)
		addresses[i] = d->places.at[order[i] - 1].address;
	request.addresses = addresses;
	m->symbols = assay_resolver_module(resolver, &request, found, &context, &m->note);
	m->used = true;
	free(addresses);
	return 0;
}

/* Code that lies in no module. */
static void nowhere(struct assay_digest *d, assay_id place)
{
	struct d_function f = { .name = assay_digest_text_of(d, "[code outside any module]") };
	assay_id function, id;

	if (d->places.at[place - 1].kind) /* a plugin's: no code at all */
		return;
	function = intern_function(d, &f, 0);
	id = ASSAY_ARRAY_ADD(d, d->frames);
	if (!id)
		return;
	d->frames.at[id - 1] = (struct d_frame){ .function = function };
	d->places.at[place - 1].first_frame = id - 1;
	d->places.at[place - 1].frames = 1;
}

int assay_digest_symbols(struct assay_digest *d, assay_resolver *resolver)
{
	size_t count = d->places.count, begin = 0, end;
	assay_id *order = malloc((count + 1) * sizeof *order);

	if (!order) {
		d->no_memory = true;
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		order[i] = (assay_id)i + 1;
	sort_places = d->places.at;
	if (count)
		qsort(order, count, sizeof *order, by_address);
	for (; begin < count && !d->no_memory; begin = end) {
		assay_id module = d->places.at[order[begin] - 1].module;

		for (end = begin + 1; end < count && d->places.at[order[end] - 1].module == module;)
			end++;
		if (!module)
			for (size_t i = begin; i < end; i++)
				nowhere(d, order[i]);
		else if (resolve_module(d, resolver, order + begin, end - begin) < 0)
			d->no_memory = true;
	}
	free(order);
	return 0;
}
