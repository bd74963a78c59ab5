/*
 * The third stage: the trees of all threads become one, with a root a program and a node a function
 * and line; values keep the thread they came from. Then sums, order and inclusive values.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest_model.h"

static assay_id child(struct assay_digest *d, assay_id parent, const struct d_node *like)
{
	uint32_t *number = assay_map_at(&d->node_map, (uint64_t)parent << 32 | like->function,
		(uint64_t)like->file << 32 | (uint64_t)like->kind << 28 | (uint64_t)(unsigned)like->line);

	if (!number) {
		d->no_memory = true;
		return 0;
	}
	if (!*number) {
		*number = ASSAY_ARRAY_ADD(d, d->nodes);
		if (*number) {
			d->nodes.at[*number - 1] = *like;
			d->nodes.at[*number - 1].parent = parent;
		}
	}
	return *number;
}

/*
 * A function that stands for no code: a program's root, time that is known without samples, a frame of a plugin's,
 * whose `label` says what it is.
 */
static assay_id labelled_node(struct assay_digest *d, assay_id parent, enum d_kind kind, assay_id name, assay_id label)
{
	struct d_node like = { .kind = kind, .label = label };
	uint32_t *number = assay_map_at(&d->function_map, (uint64_t)name << 32 | label, ~(uint64_t)kind);

	if (!number) {
		d->no_memory = true;
		return 0;
	}
	if (!*number) {
		*number = ASSAY_ARRAY_ADD(d, d->functions);
		if (*number)
			d->functions.at[*number - 1] = (struct d_function){ .name = name, .named = true };
	}
	like.function = *number;
	return child(d, parent, &like);
}

static assay_id named_node(struct assay_digest *d, assay_id parent, enum d_kind kind, assay_id name)
{
	return labelled_node(d, parent, kind, name, 0);
}

static void add_value(struct assay_digest *d, assay_id node, assay_id thread, uint32_t metric, uint64_t count,
		      uint64_t sum, double sumsq)
{
	uint32_t *number = assay_map_at(&d->value_map, (uint64_t)node << 32 | thread, metric);
	struct d_value *value;

	if (!number || !node) {
		d->no_memory |= !number;
		return;
	}
	if (!*number) {
		*number = ASSAY_ARRAY_ADD(d, d->values);
		if (!*number)
			return;
		d->values.at[*number - 1] = (struct d_value){ .node = node, .thread = thread, .metric = metric };
	}
	value = &d->values.at[*number - 1];
	value->count += count;
	value->sum += sum;
	value->sumsq += sumsq;
}

/* The frames of a place below `parent`, outermost first; the innermost is the result. */
static assay_id expand(struct assay_digest *d, assay_id parent, const struct d_place *place)
{
	for (uint32_t i = place->frames; i-- > 0;) {
		const struct d_frame *f = &d->frames.at[place->first_frame + i];
		struct d_node like = { .function = f->function, .file = f->file, .line = f->line,
			.kind = f->inlined ? D_INLINED : D_NATIVE };

		parent = child(d, parent, &like);
		if (!parent)
			return 0;
	}
	return parent;
}

/* The function alone that begins at a place, though code inlined into it may be what is there. */
static assay_id expand_function(struct assay_digest *d, assay_id parent, const struct d_place *place)
{
	struct d_place whole = *place;

	if (whole.frames) {
		whole.first_frame += whole.frames - 1;
		whole.frames = 1;
	}
	return expand(d, parent, &whole);
}

/* Where a path is among the frames that start a thread. */
struct d_bootstrap {
	uint8_t depth, most;
	bool over;
	bool regions; /* it is among the regions, where functions are entries and not places in them */
};

static const struct d_module *module_at(const struct assay_digest *d, assay_id place)
{
	return place && d->places.at[place - 1].module ? &d->modules.at[d->places.at[place - 1].module - 1] : NULL;
}

/*
 * Whether a frame is part of how every thread starts: the program's _start and the C library's two frames
 * before main, or the C library's two before a start routine. They are the same for all, so a tree begins
 * below them.
 */
static bool is_bootstrap(const struct d_module *m, struct d_bootstrap *b)
{
	if (b->depth == 0)
		b->most = m && m->libc ? 2 : 3;
	if (!m || b->depth >= b->most || (b->depth > 0 && !m->libc))
		b->over = true;
	if (b->over)
		return false;
	b->depth++;
	return true;
}

/* Whether the library's own frame is the one that calls the C library's two before main: those are still to come. */
static bool is_before_main(const struct d_bootstrap *b)
{
	return b->depth == 1 && b->most == 3;
}

static const char *special_name(uint64_t special)
{
	switch (special) {
	case ASSAY_SPECIAL_SHORT: return "[short: no call path taken]";
	case ASSAY_SPECIAL_REGIONS: return "[regions, by nesting]";
	default: return "[outer part of the call path is missing]";
	}
}

/* What is no sum of squares would make the profile's column NULL, which it may not be. */
static double sound(double squares)
{
	return squares >= 0 && squares < 1e60 ? squares : 0;
}

/* The profile's number for a metric of an image's; UINT32_MAX: the spool does not say what it is. */
static uint32_t metric_of(const struct d_image *im, uint32_t metric)
{
	for (size_t i = 0; i < im->metric_count; i++)
		if (im->metrics[i].spool == metric)
			return im->metrics[i].profile;
	return UINT32_MAX;
}

static void merge_values(struct assay_digest *d, assay_id thread, struct assay_spool *spool,
			 const struct assay_spool_node *n, assay_id node)
{
	const struct d_image *im = &d->images.at[d->threads.at[thread - 1].image - 1];
	const struct assay_spool_value *v;
	int bound = 64; /* a list that bites its tail ends */

	for (assay_ref ref = n->values; (v = assay_spool_value(spool, ref)) && bound--; ref = v->next) {
		uint32_t metric = metric_of(im, v->metric);

		if (metric != UINT32_MAX)
			add_value(d, node, thread, metric, v->count, v->sum, sound(v->sum_of_squares));
	}
}

/* A plugin's frame below a node, with the symbol that belongs to its name. */
static assay_id frame_node(struct assay_digest *d, assay_id under, assay_id number)
{
	const struct d_place *place = &d->places.at[number - 1];
	assay_id name = place->name, symbol = place->at ? d->places.at[place->at - 1].name : 0;
	char *made = NULL;

	if (symbol && asprintf(&made, "%s%s", assay_digest_string(d, name), assay_digest_string(d, symbol)) < 0) {
		d->no_memory = true;
		return 0;
	}
	if (made)
		name = assay_digest_text_of(d, made);
	free(made);
	return labelled_node(d, under, D_FRAME, name, place->kind);
}

/* One image's threads, whose trees may hang on each other's. */
struct merge {
	struct assay_digest *d;
	const struct d_image *im;
	assay_id root;
	struct assay_map visits; /* a node's reference: which of the image's visits it is, all threads', from 1 on */
	unsigned depth;
};

enum { LINKS_MAX = 64 };

static void merge_visit(struct merge *m, struct d_thread *t, size_t i);

/* Merges what a visit hangs on, from the outermost on. */
static void merge_up_to(struct merge *m, struct d_thread *t, size_t i)
{
	size_t count = 0, *way;

	for (size_t at = i; at && !t->base[at]; at = t->visits[at].parent)
		count++;
	way = malloc((count + 1) * sizeof *way);
	m->d->no_memory |= !way;
	if (way && !t->base[0])
		merge_visit(m, t, 0);
	for (size_t n = 0, at = i; way && n < count; n++, at = t->visits[at].parent)
		way[n] = at;
	for (; way && count && !m->d->no_memory; count--)
		if (!t->base[way[count - 1]])
			merge_visit(m, t, way[count - 1]);
	free(way);
}

/* The merged node that a link leads to; of one that leads nowhere or in a circle, the root. */
static assay_id linked(struct merge *m, uint64_t ref)
{
	struct assay_digest *d = m->d;
	uint32_t *number = assay_map_at(&m->visits, ref, 0);
	size_t flat;

	d->no_memory |= !number;
	if (!number || !*number || m->depth >= LINKS_MAX)
		return m->root;
	flat = *number - 1;
	for (size_t k = 0; k < m->im->threads; k++) {
		struct d_thread *t = &d->threads.at[m->im->first_thread + k];

		if (flat < t->visit_count) {
			m->depth++;
			merge_up_to(m, t, flat);
			m->depth--;
			return t->base[flat] ? t->base[flat] : m->root;
		}
		flat -= t->visit_count;
	}
	return m->root;
}

/*
 * What a visit hangs under. Where the program's code was called by a runtime of OpenMP, whose frames say nothing about it
 * (and half of them have no names), by that which called the runtime; likewise what a plugin says of such a call.
 */
static assay_id around_runtime(const struct merge *m, const struct d_thread *t, size_t i)
{
	const struct d_module *module = module_at(m->d, t->places[i]), *above;
	bool frame = t->visits[i].node->module == ASSAY_PLACE_FRAME;
	size_t out = t->visits[i].parent;

	if (!frame && (!module || module->openmp || module->own))
		return t->base[out];
	for (; out && t->visits[out].node->module >= ASSAY_PLACES; out = t->visits[out].parent) {
		above = module_at(m->d, t->places[out]);
		if (!above || !(above->openmp || above->own))
			break;
	}
	return t->base[out];
}

/* t->leaf: a visit's own node; base: what its children hang under. Those of its parent are there. */
static void merge_visit(struct merge *m, struct d_thread *t, size_t i)
{
	struct assay_digest *d = m->d;
	const struct assay_spool_visit *v = &t->visits[i];
	struct d_bootstrap *boot = &t->boot[i];
	const struct d_module *module = module_at(d, t->places[i]);
	assay_id under = i ? around_runtime(m, t, i) : m->root, leaf, base = 0;

	*boot = i ? t->boot[v->parent] : (struct d_bootstrap){ 0 };
	if (!i || (module && module->own)) {
		boot->over |= i != 0 && !is_before_main(boot);
		leaf = under;
	} else if (v->node->module == ASSAY_PLACE_FRAME) {
		boot->over |= boot->depth > 0; /* regions of no function's come before what starts a thread */
		leaf = frame_node(d, under, t->places[i]);
	} else if (v->node->module == ASSAY_PLACE_LINK) {
		boot->over = true;
		leaf = linked(m, v->node->address);
	} else if (v->node->module == ASSAY_PLACE_SPECIAL) {
		boot->over = true;
		boot->regions |= v->node->address == ASSAY_SPECIAL_REGIONS;
		leaf = named_node(d, under, D_SPECIAL, assay_digest_text_of(d, special_name(v->node->address)));
	} else if (boot->regions) {
		leaf = expand_function(d, under, &d->places.at[t->places[i] - 1]);
	} else if (is_bootstrap(module, boot) && !v->node->values) {
		leaf = under;
	} else {
		leaf = expand(d, under, &d->places.at[t->places[i] - 1]);
		if (!boot->over)
			base = under;
	}
	t->leaf[i] = leaf;
	t->base[i] = base ? base : leaf;
}

/* The wait that a thread was in when its image ended. */
static void merge_open_wait(struct merge *m, assay_id id)
{
	struct assay_digest *d = m->d;
	struct d_thread *t = &d->threads.at[id - 1];
	const struct assay_spool_thread *r = t->record;
	uint32_t metric = metric_of(m->im, r->live_wait_metric);
	assay_id node = 0, after = 0;
	uint64_t first = t->open_wait - t->open_wait_after;

	if (!t->open_wait || metric == UINT32_MAX)
		return;
	for (size_t i = 0; i < t->visit_count; i++) {
		node = t->visits[i].ref == r->live_wait_node ? t->leaf[i] : node;
		after = t->visits[i].ref == r->live_wait_after ? t->leaf[i] : after;
	}
	if (!node)
		node = named_node(d, m->root, D_SPECIAL, assay_digest_text_of(d, special_name(ASSAY_SPECIAL_SHORT)));
	if (t->live_frame && node)
		node = frame_node(d, node, t->live_frame);
	add_value(d, node, id, metric, 1, first, (double)first * (double)first);
	if (t->open_wait_after)
		add_value(d, after ? after : node, id, metric, 1, t->open_wait_after, 0);
}

/*
 * Regions that were open when the process ended, or was killed, or is looked at: what each took until then, or until the
 * one inside it began, is not in its node yet. A reader may come while the writer is at it: what makes no sense is nothing.
 */
static void merge_open(struct assay_digest *d, assay_id thread)
{
	struct d_thread *t = &d->threads.at[thread - 1];
	const struct d_image *im = &d->images.at[t->image - 1];
	const struct assay_spool_opens *opens = assay_spool_opens(&im->spool, t->record->open);
	uint32_t count = opens ? opens->count : 0;

	for (uint32_t k = 0; k < count && count <= ASSAY_OPENS; k++) {
		const struct assay_spool_open *open = &opens->regions[k];
		uint64_t end = k + 1 < count ? open[1].begin_ns : im->end, ns = end > open->begin_ns ? end - open->begin_ns : 0;
		uint32_t metric = metric_of(im, open->metric);
		size_t i = 0;

		while (i < t->visit_count && t->visits[i].ref != open->node)
			i++;
		if (i == t->visit_count || metric == UINT32_MAX || ns < open->inner_ns || ns >> 58)
			continue;
		ns -= open->inner_ns;
		add_value(d, t->leaf[i], thread, metric, 1, ns, (double)ns * (double)ns);
		t->open++;
	}
}

/* What went on at a place when the image ended. */
static void merge_open_at(struct merge *m, assay_id id)
{
	const struct d_thread *t = &m->d->threads.at[id - 1];
	const struct assay_spool_thread *r = t->record;
	uint32_t metric = metric_of(m->im, r->live_at_metric);
	uint64_t since = r->live_at_ns;

	if (!(r->flags & ASSAY_THREAD_LIVE) || !since || since >= m->im->end || metric == UINT32_MAX)
		return;
	for (size_t i = 0; i < t->visit_count; i++)
		if (t->visits[i].ref == r->live_at_node)
			add_value(m->d, t->leaf[i], id, metric, 1, m->im->end - since, 0);
}

/*
 * What samples found in code of Assay's: regions, counted functions, what plugins interpose. Those that came while such code
 * could not be interrupted are taken as it ends, in the C library: the thread's record has their sum.
 */
static uint64_t own_time(const struct assay_digest *d, const struct d_image *im, const struct d_thread *t, size_t i)
{
	const struct d_module *module = module_at(d, t->places[i]);
	const struct assay_spool_value *v;
	uint64_t sum = i ? 0 : t->record->busy_ns;
	int bound = 64;

	if (!module || !module->own)
		return sum;
	for (assay_ref ref = t->visits[i].node->values; (v = assay_spool_value(&im->spool, ref)) && bound--; ref = v->next)
		sum += v->metric == 0 ? v->sum : 0;
	return sum;
}

static bool prepare(struct merge *m)
{
	uint32_t flat = 0;

	for (size_t k = 0; k < m->im->threads; k++) {
		struct d_thread *t = &m->d->threads.at[m->im->first_thread + k];

		t->base = calloc(t->visit_count + 1, sizeof *t->base);
		t->boot = calloc(t->visit_count + 1, sizeof *t->boot);
		if (!t->base || !t->boot)
			return false;
		for (size_t i = 0; i < t->visit_count && m->im->linked; i++, flat++) {
			uint32_t *number = assay_map_at(&m->visits, t->visits[i].ref, 0);

			if (!number)
				return false;
			*number = flat + 1;
		}
	}
	return true;
}

/* Merges the trees of an image's threads below its root. */
static void merge_image(struct assay_digest *d, const struct d_image *im, assay_id root)
{
	struct merge m = { .d = d, .im = im, .root = root };

	d->no_memory |= !prepare(&m);
	for (size_t k = 0; k < im->threads && !d->no_memory; k++) {
		struct d_thread *t = &d->threads.at[im->first_thread + k];
		assay_id id = (assay_id)(im->first_thread + k) + 1;

		for (size_t i = 0; i < t->visit_count && !d->no_memory; i++) {
			if (!t->base[i])
				merge_visit(&m, t, i);
			t->instrumented += own_time(d, im, t, i);
			merge_values(d, id, &d->images.at[t->image - 1].spool, t->visits[i].node, t->leaf[i]);
		}
		merge_open_wait(&m, id);
		merge_open_at(&m, id);
		merge_open(d, id);
	}
	for (size_t k = 0; k < im->threads; k++) {
		struct d_thread *t = &d->threads.at[im->first_thread + k];

		free(t->base);
		free(t->boot);
		t->base = NULL;
		t->boot = NULL;
	}
	assay_map_free(&m.visits);
}

/* CPU time that is known exactly and has no samples: before measuring began, and after the last sample. */
static void add_exact(struct assay_digest *d, assay_id thread, assay_id root)
{
	struct d_thread *t = &d->threads.at[thread - 1];
	assay_id under = root;

	if (t->startup > 0)
		add_value(d, named_node(d, root, D_SPECIAL, assay_digest_text_of(d, "[start-up: exec and dynamic loader]")),
			thread, 0, 0, (uint64_t)t->startup, 0);
	if (t->unsampled <= 0)
		return;
	if (t->entry)
		under = expand(d, root, &d->places.at[t->entry - 1]);
	add_value(d, named_node(d, under, D_SPECIAL, assay_digest_text_of(d, "[not sampled]")), thread, 0, 0,
		(uint64_t)t->unsampled, 0);
}

/* ---- order and sums ---- */

static void sum_up(struct assay_digest *d)
{
	for (size_t i = 0; i < d->values.count; i++) {
		const struct d_value *v = &d->values.at[i];
		struct d_node *n = &d->nodes.at[v->node - 1];

		if (v->metric != 0)
			continue;
		n->exclusive += v->sum;
		n->exclusive_count += v->count;
		n->exclusive_sumsq += v->sumsq;
	}
	/* children come after their parents */
	for (size_t i = 0; i < d->nodes.count; i++) {
		struct d_node *n = &d->nodes.at[i];

		n->inclusive = n->exclusive;
		n->inclusive_count = n->exclusive_count;
		n->inclusive_sumsq = n->exclusive_sumsq;
	}
	for (size_t i = d->nodes.count; i-- > 0;) {
		struct d_node *n = &d->nodes.at[i], *p;

		if (!n->parent)
			continue;
		p = &d->nodes.at[n->parent - 1];
		p->inclusive += n->inclusive;
		p->inclusive_count += n->inclusive_count;
		p->inclusive_sumsq += n->inclusive_sumsq;
	}
}

static const struct d_node *sort_nodes;

/* Heaviest first, then as they were met: the same input gives the same profile. */
static int by_weight(const void *a, const void *b)
{
	assay_id x = *(const assay_id *)a, y = *(const assay_id *)b;
	const struct d_node *m = &sort_nodes[x - 1], *n = &sort_nodes[y - 1];

	if (m->inclusive != n->inclusive)
		return m->inclusive > n->inclusive ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Links every node to its children, heaviest first. The roots' list is returned. */
static assay_id link_children(struct assay_digest *d)
{
	assay_id *order = malloc((d->nodes.count + 1) * sizeof *order), roots = 0;

	if (!order) {
		d->no_memory = true;
		return 0;
	}
	for (size_t i = 0; i < d->nodes.count; i++)
		order[i] = (assay_id)i + 1;
	sort_nodes = d->nodes.at;
	if (d->nodes.count)
		qsort(order, d->nodes.count, sizeof *order, by_weight);
	for (size_t i = d->nodes.count; i-- > 0;) {
		struct d_node *n = &d->nodes.at[order[i] - 1];
		assay_id *list = n->parent ? &d->nodes.at[n->parent - 1].child : &roots;

		n->sibling = *list;
		*list = order[i];
	}
	free(order);
	return roots;
}

/* What the path above a node has already: open functions, lines and modules, counted. */
struct open {
	uint32_t *function, *module;
	struct assay_map lines;
};

static uint32_t *open_line(struct assay_digest *d, struct open *o, const struct d_node *n)
{
	uint32_t *number = assay_map_at(&o->lines, n->file, (uint64_t)(unsigned)n->line);

	if (!number)
		d->no_memory = true;
	else if (!*number)
		*number = 1; /* 0 would be an empty slot */
	return number;
}

static void enter(struct assay_digest *d, struct open *o, struct d_node *n)
{
	uint32_t *line = n->file ? open_line(d, o, n) : NULL;
	assay_id module = d->functions.at[n->function - 1].module;

	n->outer_function = o->function[n->function - 1]++ == 0;
	n->outer_module = o->module[module]++ == 0;
	n->outer_line = line && (*line)++ == 1;
}

static void leave(struct assay_digest *d, struct open *o, const struct d_node *n)
{
	uint32_t *line = n->file ? open_line(d, o, n) : NULL;

	o->function[n->function - 1]--;
	o->module[d->functions.at[n->function - 1].module]--;
	if (line)
		(*line)--;
}

/* Numbers the nodes in pre-order, without recursion: trees may be thousands deep. */
static void number(struct assay_digest *d, assay_id roots)
{
	struct open o = { calloc(d->functions.count + 1, sizeof(uint32_t)),
		calloc(d->modules.count + 1, sizeof(uint32_t)), { 0 } };
	uint32_t row = 0;
	assay_id at = roots;

	if (!o.function || !o.module) {
		d->no_memory = true;
		at = 0;
	}
	while (at && !d->no_memory) {
		struct d_node *n = &d->nodes.at[at - 1];

		n->row = ++row;
		enter(d, &o, n);
		if (n->child) {
			at = n->child;
			continue;
		}
		for (;;) {
			n->last = row;
			leave(d, &o, n);
			if (n->sibling || !n->parent)
				break;
			n = &d->nodes.at[n->parent - 1];
		}
		at = n->sibling;
	}
	free(o.function);
	free(o.module);
	assay_map_free(&o.lines);
}

int assay_digest_merge(struct assay_digest *d)
{
	for (size_t k = 0; k < d->images.count && !d->no_memory; k++) {
		const struct d_image *im = &d->images.at[k];
		assay_id root;

		if (im->folded)
			continue;
		root = named_node(d, 0, D_PROGRAM, im->name);
		merge_image(d, im, root);
		for (size_t i = 0; i < im->threads && !d->no_memory; i++) {
			struct d_thread *t = &d->threads.at[im->first_thread + i];
			const struct d_place *place = t->entry ? &d->places.at[t->entry - 1] : NULL;

			add_exact(d, (assay_id)(im->first_thread + i) + 1, root);
			if (place && place->frames)
				t->entry_function = d->frames.at[place->first_frame + place->frames - 1].function;
		}
	}
	if (!d->no_memory) {
		sum_up(d);
		number(d, link_children(d));
	}
	return 0;
}
