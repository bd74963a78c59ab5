/*
 * The list of loaded objects is read without its lock. What is looked for is in the C library at the latest, so only
 * objects that were loaded at the program's start are looked at, and these stay. The hash table is GNU's, as in
 * https://flapenguin.me/elf-dt-gnu-hash; where an object has none, and for functions that the loader chooses at run time,
 * dlsym is asked all the same.
 */
#include "next.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>

extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

enum { VERSION_HIDDEN = 0x8000, WORD = 8 * sizeof(ElfW(Addr)) };

_Atomic uint32_t assay_next_closes;

struct object {
	const ElfW(Sym) *symbols;
	const char *strings;
	const ElfW(Half) *versions;  /* or NULL */
	const uint32_t *hash, *sysv; /* GNU's and the old one, or NULL */
};

/* The loader makes addresses of what is in the dynamic section, but not where it is read-only (the vDSO). */
static const void *address(ElfW(Addr) bias, const ElfW(Dyn) *d)
{
	return (const void *)(d->d_un.d_ptr < bias ? d->d_un.d_ptr + bias : d->d_un.d_ptr);
}

static struct object read_object(ElfW(Addr) bias, const ElfW(Dyn) *dynamic)
{
	struct object o = { 0 };

	for (const ElfW(Dyn) *d = dynamic; d && d->d_tag != DT_NULL; d++) {
		switch (d->d_tag) {
		case DT_SYMTAB: o.symbols = address(bias, d); break;
		case DT_STRTAB: o.strings = address(bias, d); break;
		case DT_VERSYM: o.versions = address(bias, d); break;
		case DT_GNU_HASH: o.hash = address(bias, d); break;
		case DT_HASH: o.sysv = address(bias, d); break;
		}
	}
	return o;
}

static uint32_t hash_of(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (uint8_t)*name;
	return h;
}

/* Not strcmp: a sanitizer's stands before the C library's, and wants a function that is being looked for here. */
static bool same(const char *a, const char *b)
{
	for (; *a == *b; a++, b++)
		if (!*a)
			return true;
	return false;
}

static bool is(const struct object *o, uint32_t n, const char *name)
{
	const ElfW(Sym) *s = &o->symbols[n];

	return s->st_shndx != SHN_UNDEF && s->st_value && !(o->versions && o->versions[n] & VERSION_HIDDEN) &&
	       same(o->strings + s->st_name, name);
}

/* The object's definition, or NULL. */
static const ElfW(Sym) *find(const struct object *o, const char *name, uint32_t h)
{
	uint32_t buckets = o->hash[0], first = o->hash[1], filters = o->hash[2], shift = o->hash[3];
	const ElfW(Addr) *filter = (const ElfW(Addr) *)(o->hash + 4);
	const uint32_t *bucket = (const uint32_t *)(filter + filters), *chain = bucket + buckets;
	ElfW(Addr) word = filters ? filter[h / WORD % filters] : 0;

	if (!(word >> h % WORD & 1) || !(word >> (h >> shift) % WORD & 1))
		return NULL;
	for (uint32_t n = bucket[h % buckets]; n >= first && n; n++) {
		if ((chain[n - first] | 1) == (h | 1) && is(o, n, name))
			return &o->symbols[n];
		if (chain[n - first] & 1)
			break;
	}
	return NULL;
}

void *assay_next_find_in(ElfW(Addr) bias, const ElfW(Dyn) *dynamic, const char *name)
{
	struct object o = read_object(bias, dynamic);
	const ElfW(Sym) *s = NULL;

	if (!o.symbols || !o.strings)
		return NULL;
	if (o.hash)
		s = find(&o, name, hash_of(name));
	for (uint32_t n = 1; !o.hash && o.sysv && n < o.sysv[1] && !s; n++)
		if (is(&o, n, name))
			s = &o.symbols[n];
	return s && ELF64_ST_TYPE(s->st_info) == STT_FUNC ? (void *)(bias + s->st_value) : NULL;
}

const char *assay_next_strings(ElfW(Addr) bias, const ElfW(Dyn) *dynamic)
{
	return read_object(bias, dynamic).strings;
}

void *assay_next_find(const char *name)
{
	const struct link_map *map = _r_debug.r_map;
	uint32_t h = hash_of(name);

	while (map && map->l_ld != _DYNAMIC)
		map = map->l_next;
	for (map = map ? map->l_next : NULL; map; map = map->l_next) {
		struct object o = read_object(map->l_addr, map->l_ld);
		const ElfW(Sym) *s;

		if (!o.hash || !o.symbols || !o.strings)
			break;
		s = find(&o, name, h);
		if (s && ELF64_ST_TYPE(s->st_info) == STT_GNU_IFUNC)
			break;
		if (s)
			return (void *)(map->l_addr + s->st_value);
	}
	return dlsym(RTLD_NEXT, name);
}
