/*
 * table.h: rows and columns as data, shown as text that fits the terminal or as JSON with every name whole.
 *
 * A view declares its columns once and adds rows; how a figure looks, what gives way when the terminal is
 * narrow, and what the JSON keys are is decided here. Foreign strings are made inert here.
 */
#ifndef ASSAY_VIEWER_TABLE_H
#define ASSAY_VIEWER_TABLE_H

#include "pool.h"
#include "term.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum assay_cell_kind {
	ASSAY_CELL_TEXT,    /* cut at its end when too long */
	ASSAY_CELL_NAME,    /* of a function */
	ASSAY_CELL_PATH,    /* of a file; with number > 0, ":LINE" follows */
	ASSAY_CELL_COUNT,
	ASSAY_CELL_SECONDS,
	ASSAY_CELL_PERCENT,
	ASSAY_CELL_ERROR,   /* of the percentage before it */
	ASSAY_CELL_YES,     /* JSON: true or false */
};

struct assay_column {
	const char *key;   /* in JSON; NULL = not there */
	const char *title; /* in text; NULL = not there */
	enum assay_cell_kind kind;
	int least;         /* columns to which it may shrink; 0 = it does not */
	int leave;         /* > 0: may be left out where there is no room, the highest number first */
};

struct assay_cell {
	const char *text; /* NULL = nothing */
	double number;    /* NAN = nothing */
	const char *lead; /* stands before the text and is never shortened: a tree's branches. Ours, not foreign. */
};

struct assay_table {
	const struct assay_column *columns;
	size_t column_count;
	struct assay_cell *cells; /* row after row */
	size_t row_count, room;
	assay_pool *pool;
};

/* `columns` must outlive the table; so must the strings of the cells. Freed with the pool. */
struct assay_table *assay_table_new(assay_pool *pool, const struct assay_column *columns, size_t column_count);

/* Copies `cells`, one per column. */
void assay_table_add(struct assay_table *table, const struct assay_cell *cells);

#define ASSAY_TEXT(string) ((struct assay_cell){.text = (string), .number = NAN})
#define ASSAY_NUMBER(value) ((struct assay_cell){.number = (double)(value)})
#define ASSAY_PLACE(path, line) ((struct assay_cell){.text = (path), .number = (double)(line)})
#define ASSAY_NOTHING ((struct assay_cell){.number = NAN})

/* Heading and rows, two spaces in, no line longer than the terminal is wide. Nothing without rows. */
void assay_table_print(const struct assay_table *table, const struct assay_term *term, FILE *out);

/* An array of one object a row; a new reference, NULL for want of memory. */
json_t *assay_table_json(const struct assay_table *table);

/* JSON values that cannot fail on foreign data: a string made valid UTF-8 (NULL gives null), and a number
 * (null where it is not finite). */
json_t *assay_json_text(assay_pool *pool, const char *text);
json_t *assay_json_number(double number);

#endif
