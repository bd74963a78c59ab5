/* model.c: see model.h. */
#include "model.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* One table being read, ascending by id. Every element begins with its int64_t id. */
struct reader {
	struct assay_model *model;
	char *rows;
	size_t size, count, room;
	const char *cwd;
	size_t at; /* the node that the next total is looked for at */
};

static void *next_row(struct reader *r)
{
	if (r->count == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		char *larger = assay_pool_alloc(assay_query_pool(r->model->query), room, r->size);

		if (r->count)
			memcpy(larger, r->rows, r->count * r->size);
		r->rows = larger;
		r->room = room;
	}
	return r->rows + r->count++ * r->size;
}

static int64_t id_at(const void *rows, size_t size, size_t index)
{
	int64_t id;

	memcpy(&id, (const char *)rows + index * size, sizeof(id));
	return id;
}

/* The index of the row with this id, or `none`. Ids ascend; mostly they have no gaps. */
static int index_of(const void *rows, size_t size, size_t first, size_t count, int64_t id, int none)
{
	size_t low = first, high = count;

	if (id > 0 && (uint64_t)id <= count - first && id_at(rows, size, first + (size_t)id - 1) == id)
		return (int)(first + (size_t)id - 1);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int64_t found = id_at(rows, size, middle);

		if (found == id)
			return (int)middle;
		if (found < id)
			low = middle + 1;
		else
			high = middle;
	}
	return none;
}

static const char *text_or(struct reader *r, sqlite3_stmt *row, int column, const char *otherwise)
{
	const char *text = assay_query_text(r->model->query, row, column);

	return text && *text ? text : otherwise;
}

static int read_module(void *context, sqlite3_stmt *row)
{
	struct reader *r = context;
	struct assay_model_module *module = next_row(r);

	module->id = sqlite3_column_int64(row, 0);
	module->path = text_or(r, row, 1, "");
	module->name = text_or(r, row, 2, "(unknown)");
	module->build_id = text_or(r, row, 3, "");
	module->symbols = text_or(r, row, 4, "none");
	module->note = text_or(r, row, 5, NULL);
	return 0;
}

/* "/a/b/../c" as "/a/c": compilers put together paths like that. For showing only, so links do not matter. */
static const char *without_dots(assay_pool *pool, const char *path)
{
	char *plain = assay_pool_copy(pool, path), *to = plain;

	for (const char *from = path; *from;) {
		size_t length = strcspn(from + 1, "/") + 1; /* of a part, with the slash before it */

		if (length == 2 && strncmp(from, "/.", 2) == 0) {
			from += length;
			continue;
		}
		if (length == 3 && strncmp(from, "/..", 3) == 0 && to > plain) {
			char *slash = to;

			while (slash > plain && *--slash != '/')
				;
			/* ".." that is left from before, and a relative path's first part, stay. */
			if (*slash == '/' && strncmp(slash, "/..", 3) != 0) {
				to = slash;
				from += length;
				continue;
			}
		}
		memmove(to, from, length);
		to += length;
		from += length;
	}
	*to = '\0';
	return plain;
}

static int read_file(void *context, sqlite3_stmt *row)
{
	struct reader *r = context;
	struct assay_model_file *file = next_row(r);
	size_t length = r->cwd ? strlen(r->cwd) : 0;

	file->id = sqlite3_column_int64(row, 0);
	file->path = text_or(r, row, 1, "");
	file->shown =
		strstr(file->path, "/.") ? without_dots(assay_query_pool(r->model->query), file->path) : file->path;
	if (length > 1 && strncmp(file->shown, r->cwd, length) == 0 && file->shown[length] == '/')
		file->shown += length + 1;
	return 0;
}

static int read_function(void *context, sqlite3_stmt *row)
{
	struct reader *r = context;
	const struct assay_model *m = r->model;
	struct assay_model_function *function = next_row(r);

	function->id = sqlite3_column_int64(row, 0);
	function->name = text_or(r, row, 1, "(unknown)");
	function->linkage = text_or(r, row, 2, NULL);
	function->module =
		index_of(m->modules, sizeof(*m->modules), 1, m->module_count, sqlite3_column_int64(row, 3), 0);
	function->file = index_of(m->files, sizeof(*m->files), 1, m->file_count, sqlite3_column_int64(row, 4), 0);
	function->line = sqlite3_column_int64(row, 5);
	function->named = sqlite3_column_int(row, 6) != 0;
	return 0;
}

static enum assay_node_kind kind_of(const char *kind)
{
	if (!kind || strcmp(kind, "native") == 0)
		return ASSAY_NODE_NATIVE;
	if (strcmp(kind, "inlined") == 0)
		return ASSAY_NODE_INLINED;
	if (strcmp(kind, "special") == 0)
		return ASSAY_NODE_SPECIAL;
	return strcmp(kind, "program") == 0 ? ASSAY_NODE_PROGRAM : ASSAY_NODE_FRAME;
}

static int read_node(void *context, sqlite3_stmt *row)
{
	struct reader *r = context;
	struct assay_model *m = r->model;
	size_t before = r->count;
	struct assay_model_node *node = next_row(r);
	struct assay_model_function *function;

	node->id = sqlite3_column_int64(row, 0);
	/* Only among the nodes before it, so that no foreign tree runs in a circle. */
	node->parent = before ? index_of(r->rows, r->size, 0, before, sqlite3_column_int64(row, 1), -1) : -1;
	node->kind = (uint8_t)kind_of((const char *)sqlite3_column_text(row, 2));
	node->function =
		index_of(m->functions, sizeof(*m->functions), 1, m->function_count, sqlite3_column_int64(row, 3), 0);
	node->file = index_of(m->files, sizeof(*m->files), 1, m->file_count, sqlite3_column_int64(row, 4), 0);
	node->line = sqlite3_column_int64(row, 5);
	node->outer_function = sqlite3_column_int(row, 6) != 0;
	node->outer_line = sqlite3_column_int(row, 7) != 0;
	node->outer_module = sqlite3_column_int(row, 8) != 0;
	function = &m->functions[node->function];
	function->special |= node->kind != ASSAY_NODE_NATIVE && node->kind != ASSAY_NODE_INLINED;
	function->program |= node->kind == ASSAY_NODE_PROGRAM;
	function->recursive |= !node->outer_function;
	return 0;
}

static void read_weight(struct assay_weight *weight, sqlite3_stmt *row, int column)
{
	weight->sum = sqlite3_column_double(row, column);
	weight->count = sqlite3_column_int64(row, column + 1);
	weight->sumsq = sqlite3_column_double(row, column + 2);
}

static int read_total(void *context, sqlite3_stmt *row)
{
	struct reader *r = context;
	struct assay_model *m = r->model;
	int64_t id = sqlite3_column_int64(row, 0);
	struct assay_model_node *node;
	struct assay_model_function *function;
	struct assay_model_module *module;

	/* Both tables ascend by node. */
	while (r->at < m->node_count && m->nodes[r->at].id < id)
		r->at++;
	if (r->at == m->node_count || m->nodes[r->at].id != id)
		return 0;
	node = &m->nodes[r->at];
	read_weight(&node->exclusive, row, 1);
	read_weight(&node->inclusive, row, 4);
	function = &m->functions[node->function];
	module = &m->modules[function->module];
	assay_weight_add(&m->all, &node->exclusive);
	assay_weight_add(&function->exclusive, &node->exclusive);
	assay_weight_add(&module->exclusive, &node->exclusive);
	if (node->outer_function)
		assay_weight_add(&function->inclusive, &node->inclusive);
	if (node->outer_module)
		assay_weight_add(&module->inclusive, &node->inclusive);
	return 0;
}

static int read_table(struct assay_model *m, const char *sql, assay_query_row_fn *row, size_t size, const void *zero,
	const char *cwd, void *rows, size_t *count)
{
	struct reader r = {.model = m, .size = size, .cwd = cwd};
	int rc;

	if (zero)
		memcpy(next_row(&r), zero, size);
	rc = assay_query_each(m->query, sql, -1, row, &r);
	memcpy(rows, &r.rows, sizeof(r.rows));
	*count = r.count;
	return rc;
}

static int read_tables(struct assay_model *m, const char *cwd)
{
	static const struct assay_model_module no_module = {
		.path = "", .name = "(none)", .build_id = "", .symbols = "none"};
	static const struct assay_model_file no_file = {.path = "", .shown = ""};
	static const struct assay_model_function no_function = {.name = "(unknown)"};
	struct reader totals = {.model = m};
	int rc;

	rc = read_table(m, "SELECT id, path, name, build_id, symbols, note FROM module ORDER BY id", read_module,
		sizeof(*m->modules), &no_module, cwd, &m->modules, &m->module_count);
	if (rc)
		return rc;
	rc = read_table(m, "SELECT id, path FROM file ORDER BY id", read_file, sizeof(*m->files), &no_file, cwd,
		&m->files, &m->file_count);
	if (rc)
		return rc;
	rc = read_table(m, "SELECT id, name, linkage, module, file, line, named FROM function ORDER BY id",
		read_function, sizeof(*m->functions), &no_function, cwd, &m->functions, &m->function_count);
	if (rc)
		return rc;
	rc = read_table(m,
		"SELECT id, parent, kind, function, file, line, outer_function, outer_line, outer_module"
		" FROM node ORDER BY id",
		read_node, sizeof(*m->nodes), NULL, cwd, &m->nodes, &m->node_count);
	if (rc)
		return rc;
	return assay_query_each(m->query,
		"SELECT node, exclusive, exclusive_count, exclusive_sumsq, inclusive, inclusive_count, inclusive_sumsq"
		" FROM total WHERE metric = (SELECT id FROM metric WHERE name = 'cpu') ORDER BY node",
		-1, read_total, &totals);
}

int assay_model_read(assay_query *query, struct assay_model **model)
{
	struct assay_model *m = assay_pool_alloc(assay_query_pool(query), 1, sizeof(*m));
	const struct assay_run_value *run;
	size_t run_count;
	int rc;

	m->query = query;
	*model = m;
	rc = assay_query_run(query, &run, &run_count);
	return rc ? rc : read_tables(m, assay_run_text(run, run_count, "cwd"));
}

static int by_number(double a, double b)
{
	return a > b ? -1 : a < b;
}

static int compare_weights(const struct assay_weight *a, const struct assay_weight *b)
{
	int order = by_number(a->sum, b->sum);

	return order ? order : (a->count < b->count) - (a->count > b->count);
}

static int by_exclusive(const void *a, const void *b)
{
	const struct assay_model_function *f = *(struct assay_model_function *const *)a;
	const struct assay_model_function *g = *(struct assay_model_function *const *)b;
	int order = compare_weights(&f->exclusive, &g->exclusive);

	order = order ? order : compare_weights(&f->inclusive, &g->inclusive);
	return order ? order : strcmp(f->name, g->name);
}

static int by_inclusive_first(const void *a, const void *b)
{
	const struct assay_model_function *f = *(struct assay_model_function *const *)a;
	const struct assay_model_function *g = *(struct assay_model_function *const *)b;
	int order = compare_weights(&f->inclusive, &g->inclusive);

	return order ? order : by_exclusive(a, b);
}

struct assay_model_function **assay_model_functions(const struct assay_model *model, bool by_inclusive, size_t *count)
{
	struct assay_model_function **functions = assay_pool_alloc(
		assay_query_pool(model->query), model->function_count, sizeof(struct assay_model_function *));

	*count = 0;
	for (size_t i = 0; i < model->function_count; i++) {
		struct assay_model_function *f = &model->functions[i];

		if (!f->program && (f->exclusive.sum > 0 || f->inclusive.sum > 0))
			functions[(*count)++] = f;
	}
	qsort(functions, *count, sizeof(struct assay_model_function *),
		by_inclusive ? by_inclusive_first : by_exclusive);
	return functions;
}

static int by_exclusive_module(const void *a, const void *b)
{
	const struct assay_model_module *m = *(struct assay_model_module *const *)a;
	const struct assay_model_module *n = *(struct assay_model_module *const *)b;
	int order = compare_weights(&m->exclusive, &n->exclusive);

	order = order ? order : compare_weights(&m->inclusive, &n->inclusive);
	return order ? order : strcmp(m->path, n->path);
}

struct assay_model_module **assay_model_modules(const struct assay_model *model, size_t *count)
{
	struct assay_model_module **modules = assay_pool_alloc(
		assay_query_pool(model->query), model->module_count, sizeof(struct assay_model_module *));

	*count = 0;
	for (size_t i = 0; i < model->module_count; i++) {
		if (model->modules[i].exclusive.sum > 0 || model->modules[i].inclusive.sum > 0)
			modules[(*count)++] = &model->modules[i];
	}
	qsort(modules, *count, sizeof(struct assay_model_module *), by_exclusive_module);
	return modules;
}

static int by_place(const void *a, const void *b)
{
	const struct assay_model_line *l = a, *m = b;

	if (l->file != m->file)
		return l->file < m->file ? -1 : 1;
	if (l->line != m->line)
		return l->line < m->line ? -1 : 1;
	return (l->function > m->function) - (l->function < m->function);
}

static int by_heat(const void *a, const void *b)
{
	const struct assay_model_line *l = a, *m = b;
	int order = compare_weights(&l->exclusive, &m->exclusive);

	order = order ? order : compare_weights(&l->inclusive, &m->inclusive);
	return order ? order : by_place(a, b);
}

struct assay_model_line *assay_model_lines(const struct assay_model *model, const bool *chosen, size_t *count)
{
	struct assay_model_line *lines =
		assay_pool_alloc(assay_query_pool(model->query), model->node_count + 1, sizeof(*lines));
	size_t found = 0, merged = 0;

	for (size_t i = 0; i < model->node_count; i++) {
		const struct assay_model_node *node = &model->nodes[i];
		struct assay_model_line *line = &lines[found];

		if (node->file == 0 || node->line <= 0 || (chosen && !chosen[node->function]))
			continue;
		line->file = node->file;
		line->function = node->function;
		line->line = node->line;
		line->exclusive = node->exclusive;
		if (node->outer_line)
			line->inclusive = node->inclusive;
		found++;
	}
	qsort(lines, found, sizeof(*lines), by_place);
	for (size_t i = 0; i < found; i++) {
		if (merged > 0 && by_place(&lines[merged - 1], &lines[i]) == 0) {
			assay_weight_add(&lines[merged - 1].exclusive, &lines[i].exclusive);
			assay_weight_add(&lines[merged - 1].inclusive, &lines[i].inclusive);
		} else {
			lines[merged++] = lines[i];
		}
	}
	qsort(lines, merged, sizeof(*lines), by_heat);
	*count = merged;
	while (*count > 0 && lines[*count - 1].exclusive.sum <= 0)
		--*count;
	return lines;
}

int assay_model_node(const struct assay_model *model, int64_t id)
{
	size_t low = 0, high = model->node_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (model->nodes[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < model->node_count && model->nodes[low].id == id ? (int)low : -1;
}
