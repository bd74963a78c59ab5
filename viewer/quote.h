/*
 * quote.h: words as a shell would take them. Owns the one rule of what needs quotes.
 */
#ifndef ASSAY_VIEWER_QUOTE_H
#define ASSAY_VIEWER_QUOTE_H

#include <stddef.h>

/* The words, quoted where they must be, with a space between, as malloc'ed text. NULL: no memory. */
char *assay_quote_words(const char *const *words, size_t count);

#endif
