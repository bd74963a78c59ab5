/* resolve_spans.c: see resolve_internal.h */
#include "resolve_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* From its start to the next segment's start the address belongs to `id`, or to nothing. */
struct assay_segment {
	uint64_t start;
	uint32_t id;
};

int assay_resolve_reserve(void *list, size_t *capacity, size_t need, size_t size)
{
	size_t room = *capacity ? *capacity : 64;
	void *old, *grown;

	if (need <= *capacity)
		return 0;
	while (room < need) {
		if (room > SIZE_MAX / 2)
			return -ENOMEM;
		room *= 2;
	}
	if (room > SIZE_MAX / size)
		return -ENOMEM;
	memcpy(&old, list, sizeof(old)); /* list is the address of a pointer of any type */
	grown = realloc(old, room * size);
	if (!grown)
		return -ENOMEM;
	memcpy(list, &grown, sizeof(grown));
	*capacity = room;
	return 0;
}

void assay_spans_free(struct assay_spans *spans)
{
	free(spans->list);
	free(spans->segments);
	memset(spans, 0, sizeof(*spans));
}

int assay_spans_add(struct assay_spans *spans, uint64_t start, uint64_t end, uint32_t depth, uint32_t id)
{
	if (start >= end)
		return 0;
	if (assay_resolve_reserve(&spans->list, &spans->capacity, spans->count + 1, sizeof(*spans->list)))
		return -ENOMEM;
	spans->list[spans->count++] = (struct assay_span){ .start = start, .end = end, .depth = depth, .id = id };
	return 0;
}

/* What comes later covers what came before. */
static int compare_spans(const void *left, const void *right)
{
	const struct assay_span *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->depth != b->depth)
		return a->depth < b->depth ? -1 : 1;
	if (a->end != b->end)
		return a->end > b->end ? -1 : 1;
	return a->id > b->id ? -1 : a->id < b->id;
}

static int emit(struct assay_spans *spans, uint64_t start, uint32_t id)
{
	struct assay_segment *last = spans->segment_count ? &spans->segments[spans->segment_count - 1] : NULL;

	if (last && last->start == start) {
		last->id = id;
		return 0;
	}
	if (last && last->id == id)
		return 0;
	if (assay_resolve_reserve(&spans->segments, &spans->segment_capacity, spans->segment_count + 1,
		    sizeof(*spans->segments)))
		return -ENOMEM;
	spans->segments[spans->segment_count++] = (struct assay_segment){ .start = start, .id = id };
	return 0;
}

/* Ends all open spans that end at or before `limit`, each time going on with the one it had covered. */
static int close_spans(struct assay_spans *spans, const struct assay_span **open, size_t *depth, uint64_t limit)
{
	int status = 0;

	while (!status && *depth && open[*depth - 1]->end <= limit) {
		uint64_t end = open[*depth - 1]->end;

		while (*depth && open[*depth - 1]->end <= end)
			--*depth;
		status = emit(spans, end, *depth ? open[*depth - 1]->id : ASSAY_NO_SPAN);
	}
	return status;
}

/*
 * Puts a span on top of the open ones, but below those that are deeper: a block in several ranges may
 * begin one of them in the middle of a block inside it.
 */
static int open_span(struct assay_spans *spans, const struct assay_span **open, size_t *depth,
		const struct assay_span *span)
{
	size_t at = (*depth)++;

	for (; at > 0 && open[at - 1]->depth > span->depth; at--)
		open[at] = open[at - 1];
	open[at] = span;
	return emit(spans, span->start, open[*depth - 1]->id);
}

int assay_spans_settle(struct assay_spans *spans)
{
	const struct assay_span **open = NULL;
	size_t depth = 0, capacity = 0, i;
	int status = 0;

	if (spans->count)
		qsort(spans->list, spans->count, sizeof(*spans->list), compare_spans);
	for (i = 0; !status && i < spans->count; i++) {
		status = close_spans(spans, open, &depth, spans->list[i].start);
		if (!status)
			status = assay_resolve_reserve(&open, &capacity, depth + 1, sizeof(*open));
		if (status)
			break;
		status = open_span(spans, open, &depth, &spans->list[i]);
	}
	if (!status)
		status = close_spans(spans, open, &depth, UINT64_MAX);
	free(open);
	free(spans->list);
	spans->list = NULL;
	spans->count = spans->capacity = 0;
	return status;
}

uint32_t assay_spans_find(const struct assay_spans *spans, uint64_t address)
{
	size_t low = 0, high = spans->segment_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (spans->segments[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? spans->segments[low - 1].id : ASSAY_NO_SPAN;
}
