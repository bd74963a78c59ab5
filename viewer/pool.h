/*
 * pool.h: memory for what lives as long as one look at a profile: strings and rows, freed all at once.
 *
 * For commands that only read. It never returns NULL: for want of memory the command ends with one line
 * on standard error, for there is nothing half done that could be lost. The digest, which writes, and the
 * preload library must not use it.
 */
#ifndef ASSAY_VIEWER_POOL_H
#define ASSAY_VIEWER_POOL_H

#include <stddef.h>

typedef struct assay_pool assay_pool;

assay_pool *assay_pool_open(void);
/* Frees all that came from the pool. NULL is allowed. */
void assay_pool_close(assay_pool *pool);

/* `count` zeroed elements of `size` bytes, aligned for any type. */
void *assay_pool_alloc(assay_pool *pool, size_t count, size_t size);
/* A copy of `text`; NULL gives NULL. */
char *assay_pool_copy(assay_pool *pool, const char *text);
char *assay_pool_print(assay_pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
