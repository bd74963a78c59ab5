/*
 * text.h: strings and numbers as people read them: made inert, measured in columns, shortened with
 * sense, and figures with no more digits than they deserve.
 *
 * What comes from a profile is foreign: every string of it that reaches a terminal passes
 * assay_text_inert first (the table does that by itself). Results live as long as the pool.
 */
#ifndef ASSAY_VIEWER_TEXT_H
#define ASSAY_VIEWER_TEXT_H

#include "pool.h"
#include "term.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * `text` without anything that a terminal would obey or a reader be fooled by: control characters,
 * escapes, marks that turn the direction of writing, and bytes that are not UTF-8 each become one sign
 * (U+FFFD, or '?' in ASCII, where every character that is not ASCII does so too). Tabs become spaces up to
 * the next multiple of eight columns. NULL is "".
 */
const char *assay_text_inert(assay_pool *pool, const struct assay_term *term, const char *text);

/* Valid UTF-8 for JSON: bytes that are not UTF-8 become U+FFFD; all else stays. NULL is "". */
const char *assay_text_utf8(assay_pool *pool, const char *text);

/* Columns that inert text takes. */
int assay_text_width(const char *text);

/* Each fits inert text into `width` columns. The end is cut: */
const char *assay_text_cut(assay_pool *pool, const struct assay_term *term, const char *text, int width);
/* a function's name: template arguments go first, then parameters, then leading scopes, then the middle; */
const char *assay_text_fit_name(assay_pool *pool, const struct assay_term *term, const char *name, int width);
/* a path, perhaps with ":LINE": folders go from the left, then the middle of what remains. */
const char *assay_text_fit_path(assay_pool *pool, const struct assay_term *term, const char *path, int width);

/* "12.4 s", "3.10 ms", "250 us": three digits. */
const char *assay_text_seconds(assay_pool *pool, const struct assay_term *term, double seconds);
/* Wall-clock time, from two minutes on in "2 min 5 s", "1 h 3 min". */
const char *assay_text_duration(assay_pool *pool, const struct assay_term *term, double seconds);
/* One decimal. */
const char *assay_text_percent(assay_pool *pool, double percent);
/* One decimal; "<0.1" for what is not nothing but would read so. */
const char *assay_text_error(assay_pool *pool, double percent);
/* "12,345". */
const char *assay_text_count(assay_pool *pool, int64_t count);
/* "1 thread", "12,345 threads": the plural of `noun` is made by an s, or is `plural`. */
const char *assay_text_plural(assay_pool *pool, int64_t count, const char *noun, const char *plural);
/* Quoted for a shell where it must be. */
const char *assay_text_quote(assay_pool *pool, const char *text);

#endif
