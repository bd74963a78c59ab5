/* resolve_name.c: see resolve_internal.h */
#include "resolve_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LIBIBERTY_DEMANGLE_H
#include <libiberty/demangle.h>
#else
#include <demangle.h>
#endif

enum {
	CHUNK_SIZE = 64 * 1024,
};

struct assay_strings_chunk {
	struct assay_strings_chunk *next;
	size_t used, size;
	char bytes[];
};

void assay_strings_free(struct assay_strings *strings)
{
	struct assay_strings_chunk *chunk = strings->chunks;

	while (chunk) {
		struct assay_strings_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	free(strings->slots);
	memset(strings, 0, sizeof(*strings));
}

static size_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return (size_t)(hash ^ hash >> 32);
}

/* The slot that holds the text, or the empty one where it belongs. */
static const char **find_slot(const char **slots, size_t capacity, const char *text)
{
	size_t at = hash_text(text) & (capacity - 1);

	while (slots[at] && strcmp(slots[at], text) != 0)
		at = (at + 1) & (capacity - 1);
	return &slots[at];
}

static int grow_slots(struct assay_strings *strings)
{
	size_t capacity = strings->capacity ? 2 * strings->capacity : 1024;
	const char **slots = calloc(capacity, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < strings->capacity; i++) {
		if (strings->slots[i])
			*find_slot(slots, capacity, strings->slots[i]) = strings->slots[i];
	}
	free(strings->slots);
	strings->slots = slots;
	strings->capacity = capacity;
	return 0;
}

static char *store(struct assay_strings *strings, const char *text)
{
	struct assay_strings_chunk *chunk = strings->chunks;
	size_t size = strlen(text) + 1;
	char *copy;

	if (!chunk || chunk->size - chunk->used < size) {
		size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;

		chunk = malloc(sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		*chunk = (struct assay_strings_chunk){ .next = strings->chunks, .size = room };
		strings->chunks = chunk;
	}
	copy = memcpy(chunk->bytes + chunk->used, text, size);
	chunk->used += size;
	return copy;
}

const char *assay_strings_add(struct assay_strings *strings, const char *text)
{
	const char **slot;

	if (!text)
		return NULL;
	if (strings->count >= strings->capacity / 2 && grow_slots(strings))
		return NULL;
	slot = find_slot(strings->slots, strings->capacity, text);
	if (!*slot) {
		*slot = store(strings, text);
		strings->count += *slot != NULL;
	}
	return *slot;
}

char *assay_demangle(const char *linkage)
{
	/* D's names begin with _D and a length: what else begins so is somebody's C. */
	if (linkage[0] == '_' && linkage[1] == 'D')
		return isdigit((unsigned char)linkage[2]) ? dlang_demangle(linkage, DMGL_PARAMS | DMGL_ANSI) : NULL;
	if (linkage[0] != '_')
		return NULL;
	return cplus_demangle(linkage, DMGL_PARAMS | DMGL_ANSI | DMGL_AUTO);
}

/*
 * What gcc and clang append to the parts and the specialised copies of a function. With a number
 * behind it or without: .cold, .cold.3, .part.0, .constprop.0.isra.0, .llvm.123456
 */
static const char *const made_suffixes[] = {
	".cold", ".part", ".isra", ".constprop", ".lto_priv", ".llvm", ".clone",
};

/* Length of `symbol` without its version (@VER, @@VER). */
static size_t length_unversioned(const char *symbol)
{
	/* A symbol may begin with @ (assembly): that is no version. */
	return *symbol ? 1 + strcspn(symbol + 1, "@") : 0;
}

/* Length of the first `length` bytes of `symbol` without the last suffix of the compiler's, if it has one. */
static size_t length_unsuffixed(const char *symbol, size_t length)
{
	size_t end = length;

	while (end > 0 && isdigit((unsigned char)symbol[end - 1]))
		end--;
	if (end == length || end == 0 || symbol[end - 1] != '.')
		end = length + 1; /* no number */
	for (size_t i = 0; i < sizeof(made_suffixes) / sizeof(*made_suffixes); i++) {
		size_t suffix = strlen(made_suffixes[i]);

		/* symbol[end - 1] is the dot before the number, or the end */
		if (end - 1 > suffix && memcmp(symbol + end - 1 - suffix, made_suffixes[i], suffix) == 0)
			return end - 1 - suffix;
	}
	return length;
}

const char *assay_resolve_symbol_plain(struct assay_strings *strings, const char *symbol)
{
	size_t length = length_unversioned(symbol), shorter;
	const char *plain;
	char *copy;

	while ((shorter = length_unsuffixed(symbol, length)) < length)
		length = shorter;
	copy = strndup(symbol, length);
	plain = assay_strings_add(strings, copy);
	free(copy);
	return plain;
}

const char *assay_resolve_symbol_name(struct assay_strings *strings, const char *symbol, const char *suffix)
{
	const char *plain = assay_resolve_symbol_plain(strings, symbol), *name = NULL;
	char *demangled, *whole = NULL;

	if (!plain)
		return NULL;
	demangled = assay_demangle(plain);
	if (asprintf(&whole, "%s%s", demangled ? demangled : plain, suffix) >= 0)
		name = assay_strings_add(strings, whole);
	free(whole);
	free(demangled);
	return name;
}

const char *assay_resolve_symbol_linkage(struct assay_strings *strings, const char *symbol, const char *suffix,
	const char *name)
{
	const char *linkage = NULL;
	char *whole = NULL;

	if (asprintf(&whole, "%.*s%s", (int)length_unversioned(symbol), symbol, suffix) < 0)
		return NULL;
	if (!name || strcmp(whole, name) != 0)
		linkage = assay_strings_add(strings, whole);
	free(whole);
	return linkage;
}

const char *assay_resolve_source_path(struct assay_strings *strings, const char *directory, const char *path)
{
	const char *clean = NULL;
	char *whole = NULL, *to;

	if (!path || !*path)
		return NULL;
	if (*path == '/' || !directory || !*directory)
		whole = strdup(path);
	else if (asprintf(&whole, "%s/%s", directory, path) < 0)
		whole = NULL;
	if (!whole)
		return NULL;
	to = whole;
	for (const char *from = whole; *from;) {
		bool part_starts = to == whole || to[-1] == '/';

		if (*from == '/' && to > whole && to[-1] == '/')
			from++;
		else if (part_starts && from[0] == '.' && from[1] == '/')
			from += 2;
		else
			*to++ = *from++;
	}
	*to = '\0';
	clean = assay_strings_add(strings, whole);
	free(whole);
	return clean;
}
