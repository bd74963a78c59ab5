/* table.c: measures all cells, lets columns give way until a row fits, then writes. */
#include "table.h"

#include "text.h"

#include <math.h>
#include <string.h>

enum {
	INDENT = 2,
	GAP = 2,
	COLUMNS_MAX = 32,
};

/* A table made ready for one terminal. */
struct layout {
	const struct assay_table *table;
	const struct assay_term *term;
	const char **texts;      /* of all cells, inert, at full length */
	int width[COLUMNS_MAX];  /* -1 = not shown */
};

struct assay_table *assay_table_new(assay_pool *pool, const struct assay_column *columns, size_t column_count)
{
	struct assay_table *table = assay_pool_alloc(pool, 1, sizeof(*table));

	table->pool = pool;
	table->columns = columns;
	table->column_count = column_count < COLUMNS_MAX ? column_count : COLUMNS_MAX;
	return table;
}

void assay_table_add(struct assay_table *table, const struct assay_cell *cells)
{
	size_t n = table->column_count;
	struct assay_cell *larger;

	if (table->row_count == table->room) {
		table->room = table->room ? 2 * table->room : 16;
		larger = assay_pool_alloc(table->pool, table->room * n, sizeof(*larger));
		if (table->row_count)
			memcpy(larger, table->cells, table->row_count * n * sizeof(*larger));
		table->cells = larger;
	}
	memcpy(table->cells + table->row_count++ * n, cells, n * sizeof(*cells));
}

static bool is_text(enum assay_cell_kind kind)
{
	return kind == ASSAY_CELL_TEXT || kind == ASSAY_CELL_NAME || kind == ASSAY_CELL_PATH;
}

static const char *cell_text(assay_pool *pool, const struct assay_term *term, enum assay_cell_kind kind,
	const struct assay_cell *cell)
{
	const char *text;

	if (is_text(kind)) {
		text = assay_text_inert(pool, term, cell->text);
		if (kind == ASSAY_CELL_PATH && *text && cell->number >= 1 && cell->number < 1e12)
			text = assay_pool_print(pool, "%s:%.0f", text, cell->number);
		return text;
	}
	if (isnan(cell->number))
		return "";
	switch (kind) {
	case ASSAY_CELL_SECONDS:
		return assay_text_seconds(pool, term, cell->number);
	case ASSAY_CELL_PERCENT:
		return assay_text_percent(pool, cell->number);
	case ASSAY_CELL_ERROR:
		return assay_text_error(pool, cell->number);
	case ASSAY_CELL_YES:
		return cell->number != 0 ? "yes" : "";
	default:
		return fabs(cell->number) < 9e18 ? assay_text_count(pool, (int64_t)cell->number) : "?";
	}
}

static int lead_width(const struct assay_cell *cell)
{
	return cell->lead ? assay_text_width(cell->lead) : 0;
}

static const char *title_of(const struct layout *l, size_t column)
{
	if (l->table->columns[column].kind == ASSAY_CELL_ERROR)
		return assay_term_sign(l->term, ASSAY_SIGN_PLUS_MINUS);
	return l->table->columns[column].title;
}

static void measure(struct layout *l)
{
	const struct assay_table *t = l->table;

	l->texts = assay_pool_alloc(t->pool, t->row_count * t->column_count, sizeof(*l->texts));
	for (size_t c = 0; c < t->column_count; c++) {
		bool filled = false;

		if (!t->columns[c].title) {
			l->width[c] = -1;
			continue;
		}
		l->width[c] = assay_text_width(title_of(l, c));
		for (size_t r = 0; r < t->row_count; r++) {
			const struct assay_cell *cell = &t->cells[r * t->column_count + c];
			const char *text = cell_text(t->pool, l->term, t->columns[c].kind, cell);
			int width = lead_width(cell) + assay_text_width(text);

			l->texts[r * t->column_count + c] = text;
			filled |= width > 0;
			if (width > l->width[c])
				l->width[c] = width;
		}
		/* A column in which no row has anything only takes room. */
		if (!filled)
			l->width[c] = -1;
	}
}

static int row_width(const struct layout *l)
{
	int width = INDENT - GAP;

	for (size_t c = 0; c < l->table->column_count; c++) {
		if (l->width[c] >= 0)
			width += l->width[c] + GAP;
	}
	return width;
}

/* The widest column that may still shrink, or the column_count. */
static size_t widest(const struct layout *l)
{
	size_t n = l->table->column_count, best = n;

	for (size_t c = 0; c < n; c++) {
		int least = l->table->columns[c].least;

		if (least > 0 && l->width[c] > least && (best == n || l->width[c] > l->width[best]))
			best = c;
	}
	return best;
}

/* The first column to be left out, or the column_count. */
static size_t least_needed(const struct layout *l)
{
	size_t n = l->table->column_count, best = n;

	for (size_t c = 0; c < n; c++) {
		int leave = l->table->columns[c].leave;

		if (leave > 0 && l->width[c] >= 0 && (best == n || leave > l->table->columns[best].leave))
			best = c;
	}
	return best;
}

/* One name of many lines would push what follows it out of sight. */
static void cap(struct layout *l)
{
	for (size_t c = 0; c + 1 < l->table->column_count; c++) {
		if (l->table->columns[c].least > 0 && l->width[c] > l->term->width / 2)
			l->width[c] = l->term->width / 2;
	}
}

/* Columns shrink, the widest first; when none can, one is left out and the rest spread out again. */
static void fit(struct layout *l)
{
	size_t n = l->table->column_count, c;
	int whole[COLUMNS_MAX];

	memcpy(whole, l->width, sizeof(whole));
	while (row_width(l) > l->term->width) {
		c = widest(l);
		if (c < n) {
			l->width[c]--;
			continue;
		}
		c = least_needed(l);
		if (c == n)
			return;
		for (size_t i = 0; i < n; i++) {
			if (l->width[i] >= 0)
				l->width[i] = whole[i];
		}
		l->width[c] = -1;
	}
}

static const char *fit_text(const struct layout *l, enum assay_cell_kind kind, const char *text, int width)
{
	assay_pool *pool = l->table->pool;

	if (width < 1)
		return "";
	if (kind == ASSAY_CELL_NAME)
		return assay_text_fit_name(pool, l->term, text, width);
	if (kind == ASSAY_CELL_PATH)
		return assay_text_fit_path(pool, l->term, text, width);
	return assay_text_cut(pool, l->term, text, width);
}

/* The line grows in `line`; blanks that would end it are held back in *owed. */
static void put(FILE *out, int *owed, int before, const char *style, const char *text, const char *normal, int after)
{
	size_t length = strlen(text), blanks = 0;

	while (blanks < length && text[length - blanks - 1] == ' ')
		blanks++;
	*owed += before;
	if (blanks < length) {
		fprintf(out, "%*s%s%.*s%s", *owed, "", style, (int)(length - blanks), text, normal);
		*owed = 0;
	}
	*owed += (int)blanks + after;
}

static void print_row(const struct layout *l, size_t row, FILE *out)
{
	const struct assay_table *t = l->table;
	const char *normal = assay_term_style(l->term, ASSAY_STYLE_NONE);
	int owed = INDENT;

	for (size_t c = 0; c < t->column_count; c++) {
		const struct assay_cell *cell = &t->cells[row * t->column_count + c];
		enum assay_cell_kind kind = t->columns[c].kind;
		const char *style = "", *text;
		int room;

		if (l->width[c] < 0)
			continue;
		if (kind == ASSAY_CELL_ERROR || kind == ASSAY_CELL_PATH)
			style = assay_term_style(l->term, ASSAY_STYLE_DIM);
		else if (kind == ASSAY_CELL_PERCENT && cell->number >= 10)
			style = assay_term_style(l->term, ASSAY_STYLE_HOT);
		text = fit_text(l, kind, l->texts[row * t->column_count + c], l->width[c] - lead_width(cell));
		if (cell->lead)
			put(out, &owed, 0, "", cell->lead, "", 0);
		room = l->width[c] - lead_width(cell) - assay_text_width(text);
		put(out, &owed, is_text(kind) ? 0 : room, style, text, *style ? normal : "", is_text(kind) ? room : 0);
		owed += GAP;
	}
	fputc('\n', out);
}

static void print_heading(const struct layout *l, FILE *out)
{
	const char *style = assay_term_style(l->term, ASSAY_STYLE_DIM);
	const char *normal = assay_term_style(l->term, ASSAY_STYLE_NONE);
	int owed = INDENT;

	for (size_t c = 0; c < l->table->column_count; c++) {
		const char *title;
		int room;

		if (l->width[c] < 0)
			continue;
		title = assay_text_cut(l->table->pool, l->term, title_of(l, c), l->width[c]);
		room = l->width[c] - assay_text_width(title);
		if (is_text(l->table->columns[c].kind))
			put(out, &owed, 0, style, title, normal, room);
		else
			put(out, &owed, room, style, title, normal, 0);
		owed += GAP;
	}
	fputc('\n', out);
}

void assay_table_print(const struct assay_table *table, const struct assay_term *term, FILE *out)
{
	struct layout layout = {.table = table, .term = term};

	if (table->row_count == 0)
		return;
	measure(&layout);
	cap(&layout);
	fit(&layout);
	print_heading(&layout, out);
	for (size_t r = 0; r < table->row_count; r++)
		print_row(&layout, r, out);
}

json_t *assay_json_text(assay_pool *pool, const char *text)
{
	return text ? json_string(assay_text_utf8(pool, text)) : json_null();
}

json_t *assay_json_number(double number)
{
	if (!isfinite(number))
		return json_null();
	return json_real(number);
}

static json_t *cell_json(assay_pool *pool, enum assay_cell_kind kind, const struct assay_cell *cell)
{
	if (is_text(kind))
		return assay_json_text(pool, cell->text);
	if (!isfinite(cell->number))
		return json_null();
	if (kind == ASSAY_CELL_YES)
		return json_boolean(cell->number != 0);
	if (kind == ASSAY_CELL_COUNT && fabs(cell->number) < 9e18)
		return json_integer((json_int_t)cell->number);
	return json_real(cell->number);
}

static json_t *row_json(const struct assay_table *table, size_t row)
{
	const struct assay_cell *cells = table->cells + row * table->column_count;
	json_t *object = json_object();

	for (size_t c = 0; object && c < table->column_count; c++) {
		const struct assay_column *column = &table->columns[c];

		if (!column->key)
			continue;
		if (json_object_set_new_nocheck(object, column->key, cell_json(table->pool, column->kind, &cells[c])) !=
			0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

json_t *assay_table_json(const struct assay_table *table)
{
	json_t *rows = json_array();

	for (size_t r = 0; rows && r < table->row_count; r++) {
		if (json_array_append_new(rows, row_json(table, r)) != 0) {
			json_decref(rows);
			return NULL;
		}
	}
	return rows;
}
