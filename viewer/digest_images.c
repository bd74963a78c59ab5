/*
 * The first stage: every spool of the run, its threads, trees and loaded modules, and the places
 * (module and address) that need symbols.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "digest_model.h"
#include "quote.h"

bool assay_digest_grow(struct assay_digest *d, void **at, size_t *room, size_t count, size_t size)
{
	if (count == *room) {
		size_t more = *room ? *room * 2 : 64;
		void *grown = more < UINT32_MAX ? realloc(*at, more * size) : NULL;

		if (!grown) {
			d->no_memory = true;
			return false;
		}
		*at = grown;
		*room = more;
	}
	memset((char *)*at + count * size, 0, size);
	return true;
}

assay_id assay_digest_text(struct assay_digest *d, const char *bytes, size_t length)
{
	uint64_t hash = assay_map_hash(bytes, length);

	for (uint64_t twin = 0;; twin++) {
		uint32_t *number = assay_map_at(&d->text_map, hash, (uint64_t)length << 8 | twin);
		assay_id id;

		if (!number) {
			d->no_memory = true;
			return 0;
		}
		if (*number) {
			const char *have = d->texts.at[*number - 1];

			if (memcmp(have, bytes, length) == 0)
				return *number;
			continue; /* two texts with one hash */
		}
		id = ASSAY_ARRAY_ADD(d, d->texts);
		if (id)
			d->texts.at[id - 1] = calloc(1, length + 1);
		if (!id || !d->texts.at[id - 1]) {
			d->no_memory = true;
			return 0;
		}
		memcpy(d->texts.at[id - 1], bytes, length);
		return *number = id;
	}
}

assay_id assay_digest_text_of(struct assay_digest *d, const char *text)
{
	return assay_digest_text(d, text, strlen(text));
}

const char *assay_digest_string(const struct assay_digest *d, assay_id text)
{
	return text ? d->texts.at[text - 1] : "";
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* A text out of a spool, cut at its first NUL (a path has none). */
static assay_id spool_text(struct assay_digest *d, struct assay_spool *spool, assay_ref ref)
{
	size_t length = 0;
	const char *bytes = assay_spool_string(spool, ref, &length);

	return assay_digest_text(d, bytes ? bytes : "", bytes ? strnlen(bytes, length) : 0);
}

/* Arguments, each ended by a NUL, as a shell would take them. */
static assay_id command_text(struct assay_digest *d, struct assay_spool *spool, assay_ref ref)
{
	size_t length = 0, count = 0;
	const char *bytes = assay_spool_string(spool, ref, &length), **words;
	char *copy = calloc(1, length + 1), *text = NULL;
	assay_id id;

	words = calloc(length + 1, sizeof *words);
	if (bytes && copy && words) {
		memcpy(copy, bytes, length);
		for (size_t at = 0; at < length; at += strlen(copy + at) + 1)
			words[count++] = copy + at;
		text = assay_quote_words(words, count);
	}
	id = assay_digest_text_of(d, text ? text : "");
	free(text);
	free(words);
	free(copy);
	return id;
}

/* ---- modules and places ---- */

/* Whether a path is in a list with colons. */
static bool is_in(const char *list, const char *path)
{
	size_t n = strlen(path);

	for (; *list; list += strcspn(list, ":"), list += *list == ':')
		if (strcspn(list, ":") == n && memcmp(list, path, n) == 0)
			return true;
	return false;
}

/* Whether a path is that of a plugin in NAME[@PATH][:OPTION=VALUE...],... as profile/environment.h says. */
static bool is_on_demand(const char *list, const char *path)
{
	while ((list = strchr(list, '@'))) {
		const char *at = path;

		for (list++; *list && !strchr(":,", *list); list++) {
			unsigned code = (unsigned char)*list;

			if (*list == '%' && sscanf(list + 1, "%2x", &code) == 1)
				list += 2;
			if (!*at || (unsigned char)*at != code)
				break;
			at++;
		}
		if (!*at && (!*list || strchr(":,", *list)))
			return true;
	}
	return false;
}

static assay_id module_of(struct assay_digest *d, assay_id path, const struct assay_spool_module *m)
{
	size_t length = m->build_id_length <= ASSAY_BUILD_ID_MAX ? m->build_id_length : 0;
	const char *library = assay_run_file_get(&d->run, "library"), *plugins = assay_run_file_get(&d->run, "plugins");
	uint32_t *number = assay_map_at(&d->module_map, path, assay_map_hash(m->build_id, length) ^ m->flags);
	struct d_module *module;

	if (!number) {
		d->no_memory = true;
		return 0;
	}
	if (*number)
		return *number;
	*number = ASSAY_ARRAY_ADD(d, d->modules);
	if (!*number)
		return 0;
	module = &d->modules.at[*number - 1];
	module->path = path;
	module->name = last_part(assay_digest_string(d, path));
	module->build_id_length = length;
	memcpy(module->build_id, m->build_id, length);
	module->vdso = m->flags & 1;
	if (module->vdso) {
		module->name = "[vdso]";
		module->path = assay_digest_text_of(d, "[vdso]");
	}
	module->own = (library && is_in(library, assay_digest_string(d, path))) ||
		      (plugins && is_on_demand(plugins, assay_digest_string(d, path)));
	module->openmp = strncmp(module->name, "libomp.so", 9) == 0 || strncmp(module->name, "libiomp5.so", 11) == 0 ||
			 strncmp(module->name, "libgomp", 7) == 0;
	module->libc = strncmp(module->name, "libc.so", 7) == 0 || strncmp(module->name, "libc-", 5) == 0;
	return *number;
}

static assay_id place_of(struct assay_digest *d, assay_id module, uint64_t address)
{
	uint32_t *number = assay_map_at(&d->place_map, module, address);

	if (!number) {
		d->no_memory = true;
		return 0;
	}
	if (!*number) {
		*number = ASSAY_ARRAY_ADD(d, d->places);
		if (*number) {
			d->places.at[*number - 1].module = module;
			d->places.at[*number - 1].address = address;
		}
	}
	return *number;
}

/* Loads of one image by the reference that its nodes use. */
struct loads {
	assay_ref *refs;
	size_t count;
	size_t first;
};

/* The place for a node's module and address: an absolute one may lie in a module that was seen later. */
static assay_id node_place(struct assay_digest *d, const struct loads *loads, uint32_t module, uint64_t address)
{
	for (size_t i = 0; i < loads->count; i++) {
		const struct d_load *load = &d->loads.at[loads->first + i];

		if (module >= ASSAY_PLACES && loads->refs[i] == module)
			return place_of(d, load->module, address);
		if (module == ASSAY_PLACE_ABSOLUTE && address >= load->start && address < load->end)
			return place_of(d, load->module, address - load->bias);
	}
	return place_of(d, 0, 0);
}

/* The place for the symbol at an address: not for code that ran there. */
static assay_id label_place(struct assay_digest *d, const struct loads *loads, uint32_t module, uint64_t address)
{
	assay_id at = node_place(d, loads, module, address), place;
	struct d_place of;

	if (!at || !d->places.at[at - 1].module)
		return 0;
	of = d->places.at[at - 1];
	place = place_of(d, (assay_id)1 << 31 | of.module, of.address);
	if (place)
		d->places.at[place - 1] = (struct d_place){ .module = of.module, .address = of.address, .label = true };
	return place;
}

/* The place for a plugin's frame. */
static assay_id frame_place(struct assay_digest *d, struct assay_spool *spool, const struct loads *loads, uint64_t ref)
{
	const struct assay_spool_frame *f = ref <= UINT32_MAX ? assay_spool_frame(spool, (assay_ref)ref) : NULL;
	assay_id kind = assay_digest_text_of(d, "frame"), name = assay_digest_text_of(d, "(unknown)"), at = 0, place;

	if (f && f->kind && f->name) {
		kind = spool_text(d, spool, f->kind);
		name = spool_text(d, spool, f->name);
		at = f->module ? label_place(d, loads, f->module, f->address) : 0;
	}
	/* no module has so high a number */
	place = place_of(d, (assay_id)3 << 30 | at, (uint64_t)kind << 32 | name);
	if (place)
		d->places.at[place - 1] = (struct d_place){ .kind = kind, .name = name, .at = at };
	return place;
}

static void take_loads(struct assay_digest *d, assay_id image, struct loads *loads)
{
	struct d_image *im = &d->images.at[image - 1];

	loads->first = d->loads.count;
	loads->count = assay_spool_list(&im->spool, im->header->modules, sizeof(struct assay_spool_module), &loads->refs);
	for (size_t i = 0; i < loads->count; i++) {
		const struct assay_spool_module *m = assay_spool_module(&im->spool, loads->refs[i]);
		assay_id path = m->path ? spool_text(d, &im->spool, m->path) : im->exe;
		assay_id module = module_of(d, path, m), id = ASSAY_ARRAY_ADD(d, d->loads);

		if (!id)
			return;
		d->loads.at[id - 1] = (struct d_load){ image, module, m->start, m->end, m->bias, m->load_ns, m->unload_ns };
	}
	im->first_load = loads->first;
	im->loads = loads->count;
}

static void take_thread(struct assay_digest *d, assay_id image, assay_ref ref, const struct loads *loads)
{
	struct assay_spool *spool = &d->images.at[image - 1].spool;
	assay_id id = ASSAY_ARRAY_ADD(d, d->threads);
	struct d_thread *t;

	if (!id)
		return;
	t = &d->threads.at[id - 1];
	t->image = image;
	t->record = assay_spool_thread(spool, ref);
	t->visit_count = assay_spool_tree(spool, t->record->root, &t->visits);
	t->places = calloc(t->visit_count + 1, sizeof *t->places);
	t->leaf = calloc(t->visit_count + 1, sizeof *t->leaf);
	if (t->record->live_wait_frame)
		t->live_frame = frame_place(d, spool, loads, t->record->live_wait_frame);
	if (!t->places || !t->leaf) {
		d->no_memory = true;
		t->visit_count = 0;
		return;
	}
	if (t->record->entry)
		t->entry = node_place(d, loads, t->record->entry_module, t->record->entry);
	for (size_t i = 1; i < t->visit_count; i++) {
		const struct assay_spool_node *n = t->visits[i].node;

		if (n->module == ASSAY_PLACE_FRAME)
			t->places[i] = frame_place(d, spool, loads, n->address);
		else if (n->module == ASSAY_PLACE_LINK)
			d->images.at[image - 1].linked = true;
		else if (n->module != ASSAY_PLACE_SPECIAL)
			t->places[i] = node_place(d, loads, n->module, n->address);
	}
}

/* The number of a metric in the profile: spools may give it different ones. Equal names are one metric. */
static uint32_t metric_number(struct assay_digest *d, struct d_image *im, const struct assay_spool_metric *m)
{
	assay_id name = spool_text(d, &im->spool, m->name), id;
	bool cpu = strcmp(assay_digest_string(d, name), "cpu") == 0;
	uint32_t number = cpu ? 0 : 1;

	for (size_t k = 0; k < d->metrics.count; k++) {
		if (d->metrics.at[k].name == name)
			return d->metrics.at[k].id;
		if (!cpu && d->metrics.at[k].id >= number)
			number = d->metrics.at[k].id + 1;
	}
	id = ASSAY_ARRAY_ADD(d, d->metrics);
	if (id)
		d->metrics.at[id - 1] = (struct d_metric){ number, (int)m->kind, name, spool_text(d, &im->spool, m->unit),
			spool_text(d, &im->spool, m->obtained), spool_text(d, &im->spool, m->help) };
	return number;
}

enum { METRICS_MAX = 256 };

static void take_metrics(struct assay_digest *d, struct d_image *im)
{
	assay_ref *refs;
	size_t n = assay_spool_list(&im->spool, im->header->metrics, sizeof(struct assay_spool_metric), &refs);
	size_t skip = n > METRICS_MAX ? n - METRICS_MAX : 0; /* no writer of ours has so many */

	im->metrics = calloc(n + 1, sizeof *im->metrics);
	if (!im->metrics)
		d->no_memory = true;
	/* the newest comes first */
	for (size_t i = n; i-- > skip && im->metrics && !d->no_memory;) {
		const struct assay_spool_metric *m = assay_spool_metric(&im->spool, refs[i]);

		im->metrics[im->metric_count++] = (struct d_metric_number){ m->id, metric_number(d, im, m) };
	}
	free(refs);
}

static void take_plugins(struct assay_digest *d, struct d_image *im)
{
	assay_ref *refs;
	size_t n = assay_spool_list(&im->spool, im->header->plugins, sizeof(struct assay_spool_plugin), &refs);

	im->first_plugin = d->plugins.count;
	for (size_t i = n; i-- > 0;) {
		const struct assay_spool_plugin *p = assay_spool_plugin(&im->spool, refs[i]);
		assay_id id = ASSAY_ARRAY_ADD(d, d->plugins);

		if (!id)
			break;
		d->plugins.at[id - 1] = (struct d_plugin){ spool_text(d, &im->spool, p->name),
			spool_text(d, &im->spool, p->summary), spool_text(d, &im->spool, p->left_out) };
		im->plugins++;
	}
	free(refs);
}

static void take_image(struct assay_digest *d, assay_id image)
{
	struct d_image *im = &d->images.at[image - 1];
	struct loads loads;
	assay_id invoked;
	assay_ref *refs;
	size_t n;

	/* named as it was called: "as", not what that is a link to */
	invoked = spool_text(d, &im->spool, im->header->invoked);
	im->exe = im->header->exe ? spool_text(d, &im->spool, im->header->exe) : invoked;
	if (!*assay_digest_string(d, invoked))
		invoked = im->exe;
	im->name = assay_digest_text_of(d, last_part(assay_digest_string(d, invoked)));
	im->from = spool_text(d, &im->spool, im->header->from);
	im->command = command_text(d, &im->spool, im->header->command);
	im->note = spool_text(d, &im->spool, im->header->note);
	im->ranks = atomic_load_explicit(&im->header->ranks, memory_order_acquire);
	im->rank = im->header->rank;
	im->job = spool_text(d, &im->spool, im->header->job);
	im->start = im->header->start_ns;
	take_metrics(d, im);
	take_plugins(d, im);
	take_loads(d, image, &loads);
	im->first_thread = d->threads.count;
	n = assay_spool_list(&im->spool, im->header->threads, sizeof(struct assay_spool_thread), &refs);
	for (size_t i = n; i-- > 0;)
		take_thread(d, image, refs[i], &loads);
	im->threads = d->threads.count - im->first_thread;
	free(refs);
	free(loads.refs);
}

/* ---- the run's spools ---- */

static void open_spool(struct assay_digest *d, const char *name)
{
	struct assay_spool spool;
	const char *why = NULL;
	char *path = NULL;
	assay_id id;
	int error;

	if (asprintf(&path, "%s/%s", d->dir, name) < 0) {
		d->no_memory = true;
		return;
	}
	error = assay_spool_open(path, &spool, &why);
	if (error == -ENODATA) { /* of a process that was killed at once */
		free(path);
		return;
	}
	if (error < 0) {
		assay_error("%s: %s; it is left out", path, why);
		d->unreadable++;
		free(path);
		return;
	}
	if (spool.cut_off)
		assay_error("%s: cut off; what is there is used", path);
	id = ASSAY_ARRAY_ADD(d, d->images);
	if (!id) {
		assay_spool_close(&spool);
		free(path);
		return;
	}
	d->images.at[id - 1].spool = spool;
	d->images.at[id - 1].header = spool.header;
	d->images.at[id - 1].file = path;
	d->spool_bytes += spool.size;
}

/* In order of time; a forked child and the image it turns into may start in the same tick: then by name. */
static int by_start(const void *a, const void *b)
{
	const struct d_image *x = a, *y = b;

	if (x->header->start_ns != y->header->start_ns)
		return x->header->start_ns < y->header->start_ns ? -1 : 1;
	return strcmp(x->file, y->file);
}

int assay_digest_images(struct assay_digest *d)
{
	DIR *dir = opendir(d->dir);
	struct dirent *e;

	if (!dir) {
		assay_error("%s: %s", d->dir, strerror(errno));
		return -errno;
	}
	while ((e = readdir(dir))) {
		size_t n = strlen(e->d_name), suffix = strlen(ASSAY_SPOOL_SUFFIX);

		if (n > suffix && strcmp(e->d_name + n - suffix, ASSAY_SPOOL_SUFFIX) == 0)
			open_spool(d, e->d_name);
	}
	closedir(dir);
	if (d->images.count)
		qsort(d->images.at, d->images.count, sizeof *d->images.at, by_start);
	for (assay_id i = 1; i <= d->images.count && !d->no_memory; i++)
		take_image(d, i);
	return 0;
}

void assay_digest_free(struct assay_digest *d)
{
	struct assay_map *maps[] = { &d->text_map, &d->module_map, &d->place_map, &d->function_map, &d->node_map,
		&d->value_map };
	void *arrays[] = { d->texts.at, d->images.at, d->threads.at, d->modules.at, d->loads.at, d->places.at, d->frames.at,
		d->functions.at, d->nodes.at, d->values.at, d->metrics.at, d->plugins.at };

	for (size_t i = 0; i < d->texts.count; i++)
		free(d->texts.at[i]);
	for (size_t i = 0; i < d->threads.count; i++) {
		free(d->threads.at[i].visits);
		free(d->threads.at[i].places);
		free(d->threads.at[i].leaf);
	}
	for (size_t i = 0; i < d->images.count; i++) {
		assay_spool_close(&d->images.at[i].spool);
		free(d->images.at[i].file);
		free(d->images.at[i].metrics);
	}
	for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
		assay_map_free(maps[i]);
	for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
		free(arrays[i]);
}
