#include "map.h"

#include <stdlib.h>

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t x = a * 0x9e3779b97f4a7c15u ^ b;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static struct assay_map_entry *find(struct assay_map_entry *entries, size_t room, uint64_t a, uint64_t b)
{
	size_t i = mix(a, b) & (room - 1);

	while (entries[i].number && (entries[i].a != a || entries[i].b != b))
		i = (i + 1) & (room - 1);
	return &entries[i];
}

static int grow(struct assay_map *map)
{
	size_t room = map->room ? map->room * 2 : 256;
	struct assay_map_entry *entries = calloc(room, sizeof *entries);

	if (!entries)
		return -1;
	for (size_t i = 0; i < map->room; i++)
		if (map->entries[i].number)
			*find(entries, room, map->entries[i].a, map->entries[i].b) = map->entries[i];
	free(map->entries);
	map->entries = entries;
	map->room = room;
	return 0;
}

uint32_t *assay_map_at(struct assay_map *map, uint64_t a, uint64_t b)
{
	struct assay_map_entry *entry;

	/* a slot that was offered and not set is still empty */
	if (map->offered && !map->offered->number)
		map->count--;
	map->offered = NULL;
	if ((map->count + 1) * 4 > map->room * 3 && grow(map) < 0)
		return NULL;
	entry = find(map->entries, map->room, a, b);
	if (!entry->number) {
		entry->a = a;
		entry->b = b;
		map->count++;
		map->offered = entry;
	}
	return &entry->number;
}

void assay_map_free(struct assay_map *map)
{
	free(map->entries);
	*map = (struct assay_map){ 0 };
}

uint64_t assay_map_hash(const void *bytes, size_t length)
{
	const unsigned char *p = bytes;
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ p[i]) * 0x100000001b3u;
	return hash;
}
