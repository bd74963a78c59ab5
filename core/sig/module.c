#include "module.h"

#include <elf.h>
#include <sys/auxv.h>

#include "arena.h"
#include "sys.h"

int (*assay_module_find_object)(void *, struct dl_find_object *);

static struct assay_module modules[ASSAY_MODULES_MAX] ASSAY_COLD;
static _Atomic int count;
static _Atomic uint32_t generation;
static _Atomic int last_found;

const struct assay_module *assay_module_at(int index)
{
	return &modules[index];
}

int assay_module_count(void)
{
	int n = atomic_load_explicit(&count, memory_order_acquire);

	return n < ASSAY_MODULES_MAX ? n : ASSAY_MODULES_MAX;
}

uint32_t assay_module_generation(void)
{
	return atomic_load_explicit(&generation, memory_order_acquire);
}

static bool is_live(const struct assay_module *m)
{
	return atomic_load_explicit(&m->state, memory_order_acquire) == ASSAY_MODULE_LIVE;
}

/* The GNU build-id among the notes, copied to `to`; its length or 0. */
static uint32_t build_id(uintptr_t bias, const ElfW(Phdr) *headers, int n, uint8_t *to)
{
	for (int i = 0; i < n; i++) {
		const uint8_t *at = (const uint8_t *)(bias + headers[i].p_vaddr), *end = at + headers[i].p_memsz;

		if (headers[i].p_type != PT_NOTE)
			continue;
		while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
			const ElfW(Nhdr) *note = (const void *)at;
			size_t name = (note->n_namesz + 3u) & ~(size_t)3, desc = (note->n_descsz + 3u) & ~(size_t)3;

			at += sizeof *note;
			if (name + desc > (size_t)(end - at))
				break;
			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(at, "GNU", 4) == 0 &&
			    note->n_descsz <= ASSAY_BUILD_ID_MAX) {
				memcpy(to, at + name, note->n_descsz);
				return note->n_descsz;
			}
			at += name + desc;
		}
	}
	return 0;
}

static void publish(struct assay_module *m)
{
	struct assay_spool_module *record = assay_arena_alloc_common(sizeof *record);
	_Atomic assay_ref *list = &assay_process.header->modules;

	m->ref = 0;
	if (!record)
		return;
	if (m->name && m->name[0])
		record->path = assay_arena_string(m->name, strlen(m->name));
	record->bias = m->bias;
	record->start = m->start;
	record->end = m->end;
	record->load_ns = assay_now_ns();
	record->flags = m->vdso;
	record->build_id_length = build_id(m->bias, m->headers, m->headers_count, record->build_id);
	record->next = atomic_load_explicit(list, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(list, &record->next, assay_ref_of(record)))
		;
	m->ref = assay_ref_of(record);
}

/* Where the loaded segments lie, and the one with the unwind tables. */
static void take_segments(struct assay_module *m, uintptr_t bias, const ElfW(Phdr) *headers, int n)
{
	m->bias = bias;
	m->start = UINTPTR_MAX;
	m->end = m->header = m->table_low = m->table_high = 0;
	for (int i = 0; i < n; i++) {
		uintptr_t at = bias + headers[i].p_vaddr;

		if (headers[i].p_type == PT_GNU_EH_FRAME)
			m->header = at;
		if (headers[i].p_type != PT_LOAD)
			continue;
		if (at < m->start)
			m->start = at & ~(uintptr_t)4095;
		if (at + headers[i].p_memsz > m->end)
			m->end = at + headers[i].p_memsz;
	}
	for (int i = 0; i < n && m->header; i++) {
		uintptr_t at = bias + headers[i].p_vaddr;

		if (headers[i].p_type == PT_LOAD && headers[i].p_flags & PF_R && m->header >= at &&
		    m->header < at + headers[i].p_filesz) {
			m->table_low = at;
			m->table_high = at + headers[i].p_filesz;
		}
	}
}

static const void *map_at(uintptr_t start)
{
	struct dl_find_object object;

	if (assay_module_find_object && assay_module_find_object((void *)start, &object) == 0)
		return object.dlfo_link_map;
	return NULL;
}

/* A module that comes back where it was is the same row of the history. */
static int revive(uintptr_t bias, const ElfW(Phdr) *headers, const char *name, const void *map)
{
	uint8_t id[ASSAY_BUILD_ID_MAX];
	struct assay_module probe = { 0 };
	uint32_t length;

	for (int i = 0; i < assay_module_count(); i++) {
		struct assay_module *m = &modules[i];
		struct assay_spool_module *record;

		if (atomic_load_explicit(&m->state, memory_order_acquire) != ASSAY_MODULE_GONE || m->bias != bias ||
		    !m->ref)
			continue;
		record = assay_at(m->ref);
		length = build_id(bias, headers, m->headers_count, id);
		if (!length || length != record->build_id_length || memcmp(id, record->build_id, length) != 0)
			continue;
		take_segments(&probe, bias, headers, m->headers_count);
		if (probe.start != m->start || probe.end != m->end || probe.header != m->header)
			continue;
		m->map = map ? map : map_at(m->start);
		m->name = name;
		m->headers = headers;
		atomic_store_explicit(&record->unload_ns, 0, memory_order_relaxed);
		atomic_store_explicit(&m->state, ASSAY_MODULE_LIVE, memory_order_release);
		return i;
	}
	return -1;
}

int assay_module_add(uintptr_t bias, const ElfW(Phdr) *headers, int n, const char *name, const void *map)
{
	struct assay_module *m;
	int index;

	for (int i = 0; i < assay_module_count(); i++)
		if (is_live(&modules[i]) && modules[i].bias == bias && modules[i].headers == headers)
			return i;
	index = revive(bias, headers, name, map);
	if (index >= 0)
		return index;
	if (assay_module_count() >= ASSAY_MODULES_MAX)
		return -1;
	index = atomic_fetch_add(&count, 1);
	if (index >= ASSAY_MODULES_MAX)
		return -1;
	m = &modules[index];
	take_segments(m, bias, headers, n);
	m->headers = headers;
	m->headers_count = (uint16_t)n;
	m->name = name;
	m->map = map ? map : map_at(m->start);
	m->vdso = m->start == getauxval(AT_SYSINFO_EHDR) && m->start;
	publish(m);
	atomic_store_explicit(&m->state, ASSAY_MODULE_LIVE, memory_order_release);
	return index;
}

/* A module that the loader knows and we do not yet: loaded since, by a dlopen that we did not see. */
static int add_object(const struct dl_find_object *object)
{
	const struct link_map *map = object->dlfo_link_map;
	const ElfW(Ehdr) *header = object->dlfo_map_start;

	if (!map || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_phentsize != sizeof(ElfW(Phdr)) ||
	    header->e_phoff > 4096 - sizeof *header ||
	    header->e_phoff + (size_t)header->e_phnum * sizeof(ElfW(Phdr)) > 4096)
		return -1;
	return assay_module_add(map->l_addr, (const void *)((const uint8_t *)header + header->e_phoff),
				header->e_phnum, map->l_name, map);
}

static bool holds(const struct assay_module *m, uintptr_t address)
{
	return is_live(m) && address >= m->start && address < m->end;
}

/* Whether the table's entry is what the loader has there now: it may have been unloaded and another loaded since. */
static bool is_object(const struct assay_module *m, const struct dl_find_object *object)
{
	return is_live(m) && m->map == object->dlfo_link_map && m->start == (uintptr_t)object->dlfo_map_start &&
	       m->header == (uintptr_t)object->dlfo_eh_frame;
}

static int find_object(const struct dl_find_object *object)
{
	int n = assay_module_count(), last = atomic_load_explicit(&last_found, memory_order_relaxed);

	if (last < n && is_object(&modules[last], object))
		return last;
	for (int i = 0; i < n; i++)
		if (is_object(&modules[i], object)) {
			atomic_store_explicit(&last_found, i, memory_order_relaxed);
			return i;
		}
	return add_object(object);
}

/*
 * Where the loader can be asked without a lock, it is: tables of what was unloaded a moment ago must not
 * be read. It does not know the vdso in all versions; that one never goes.
 */
int assay_module_find(uintptr_t address)
{
	struct dl_find_object object;
	int n = assay_module_count();

	if (assay_module_find_object && assay_module_find_object((void *)address, &object) == 0)
		return find_object(&object);
	for (int i = 0; i < n; i++)
		if (holds(&modules[i], address) && (modules[i].vdso || !assay_module_find_object))
			return i;
	return -1;
}

void assay_module_gone(int index)
{
	struct assay_module *m = &modules[index];

	atomic_store_explicit(&m->state, ASSAY_MODULE_GONE, memory_order_release);
	atomic_fetch_add(&generation, 1);
	if (m->ref) {
		struct assay_spool_module *record = assay_at(m->ref);

		atomic_store_explicit(&record->unload_ns, assay_now_ns(), memory_order_relaxed);
	}
}

void assay_module_rewrite(void)
{
	for (int i = 0; i < assay_module_count(); i++)
		if (is_live(&modules[i]))
			publish(&modules[i]);
		else
			modules[i].ref = 0;
	atomic_fetch_add(&generation, 1);
}

void assay_module_note_program(void)
{
	static char path[4096] ASSAY_COLD; /* threads that come here at once write the same */
	ssize_t n;

	if (assay_process.header->exe)
		return;
	n = path[0] ? (ssize_t)strlen(path) : assay_sys_readlink("/proc/self/exe", path, sizeof path - 1);

	if (n > 0)
		assay_process.header->exe = assay_arena_string(path, (size_t)n);
}
