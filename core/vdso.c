#include "vdso.h"

#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#if defined __aarch64__
#define NAME "__kernel_clock_gettime"
#else
#define NAME "__vdso_clock_gettime"
#endif

struct tables {
	const ElfW(Sym) *symbols;
	const char *strings;
	const uint32_t *hash, *gnu_hash;
};

/* How many symbols there are: the old hash table says it; the new one's last chain ends with the last symbol. */
static uint32_t count(const struct tables *t)
{
	const uint32_t *buckets, *chains;
	uint32_t last = 0;

	if (t->hash)
		return t->hash[1];
	if (!t->gnu_hash)
		return 0;
	buckets = t->gnu_hash + 4 + t->gnu_hash[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
	chains = buckets + t->gnu_hash[0];
	for (uint32_t i = 0; i < t->gnu_hash[0]; i++)
		if (buckets[i] > last)
			last = buckets[i];
	if (last < t->gnu_hash[1])
		return 0;
	while (!(chains[last - t->gnu_hash[1]] & 1))
		last++;
	return last + 1;
}

static void *find(const struct tables *t, uintptr_t bias)
{
	uint32_t n = t->symbols && t->strings ? count(t) : 0;

	for (uint32_t i = 0; i < n; i++)
		if (t->symbols[i].st_value && strcmp(t->strings + t->symbols[i].st_name, NAME) == 0)
			return (void *)(bias + t->symbols[i].st_value);
	return NULL;
}

int (*assay_vdso_clock(void))(clockid_t, struct timespec *)
{
	const ElfW(Ehdr) *header = (const void *)getauxval(AT_SYSINFO_EHDR);
	const ElfW(Dyn) *dynamic = NULL;
	uintptr_t at = (uintptr_t)header, bias = 0;
	struct tables t = { 0 };

	if (!header)
		return NULL;
	for (int i = 0; i < header->e_phnum; i++) {
		const ElfW(Phdr) *p = (const ElfW(Phdr) *)(at + header->e_phoff) + i;

		if (p->p_type == PT_LOAD && !bias)
			bias = at + p->p_offset - p->p_vaddr;
		else if (p->p_type == PT_DYNAMIC)
			dynamic = (const void *)(at + p->p_offset);
	}
	for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
		const void *table = (const void *)(bias + dynamic->d_un.d_ptr);

		switch (dynamic->d_tag) {
		case DT_SYMTAB: t.symbols = table; break;
		case DT_STRTAB: t.strings = table; break;
		case DT_HASH: t.hash = table; break;
		case DT_GNU_HASH: t.gnu_hash = table; break;
		default: break;
		}
	}
	return (int (*)(clockid_t, struct timespec *))find(&t, bias);
}
