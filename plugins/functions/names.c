/*
 * Functions of a program are mostly in no dynamic symbol table, so the file's own is read (.symtab; of a stripped file,
 * .dynsym). Where a file has neither, its functions have no names. ELF: System V ABI, chapter 4.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "names.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plain.h"

/* The symbols of a file: those of functions, in the order of their addresses. */
struct symbol {
	uint64_t address;
	uint32_t name; /* in `text` */
};
struct file {
	_Atomic uintptr_t base; /* where it is loaded: 0, none yet */
	const struct symbol *symbols;
	size_t count;
	const char *text;
	size_t text_size;
	void *mapped[2];
	size_t mapped_size[2];
	_Atomic bool ready;
};
enum { FILES = 128 };
static struct file files[FILES];

struct image {
	const uint8_t *bytes;
	size_t size;
};

static const void *part(const struct image *im, uint64_t offset, uint64_t size)
{
	return offset <= im->size && size <= im->size - offset ? im->bytes + offset : NULL;
}

/* The best symbol table's section, or NULL. */
static const ElfW(Shdr) *find_table(const struct image *im, const ElfW(Shdr) **sections, size_t *count)
{
	const ElfW(Ehdr) *head = part(im, 0, sizeof *head);
	const ElfW(Shdr) *best = NULL;

	if (!head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_shentsize != sizeof **sections)
		return NULL;
	*count = head->e_shnum;
	*sections = part(im, head->e_shoff, *count * sizeof **sections);
	for (size_t i = 0; *sections && i < *count; i++)
		if ((*sections)[i].sh_type == SHT_SYMTAB || ((*sections)[i].sh_type == SHT_DYNSYM && !best))
			best = &(*sections)[i];
	return best;
}

static void sift(struct symbol *s, size_t root, size_t n)
{
	struct symbol value = s[root];

	for (size_t child; (child = 2 * root + 1) < n; root = child) {
		if (child + 1 < n && s[child].address < s[child + 1].address)
			child++;
		if (value.address >= s[child].address)
			break;
		s[root] = s[child];
	}
	s[root] = value;
}

/* By heap sort: qsort may allocate. */
static void sort(struct symbol *s, size_t n)
{
	for (size_t i = n / 2; i--;)
		sift(s, i, n);
	for (size_t i = n; i-- > 1;) {
		struct symbol top = s[0];

		s[0] = s[i];
		s[i] = top;
		sift(s, 0, i);
	}
}

static void take_symbols(struct file *f, const struct image *im)
{
	const ElfW(Shdr) *sections = NULL, *table, *strings;
	size_t count = 0, n, used = 0;
	const ElfW(Sym) *symbols;
	struct symbol *sorted;

	table = find_table(im, &sections, &count);
	if (!table || table->sh_link >= count || table->sh_entsize != sizeof *symbols)
		return;
	strings = &sections[table->sh_link];
	symbols = part(im, table->sh_offset, table->sh_size);
	f->text = part(im, strings->sh_offset, strings->sh_size);
	f->text_size = strings->sh_size;
	n = table->sh_size / sizeof *symbols;
	if (!symbols || !f->text || !f->text_size || f->text[f->text_size - 1] || !n)
		return;
	sorted = mmap(NULL, n * sizeof *sorted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sorted == MAP_FAILED)
		return;
	for (size_t i = 0; i < n; i++)
		if (ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC && symbols[i].st_value && symbols[i].st_name < f->text_size)
			sorted[used++] = (struct symbol){ symbols[i].st_value, (uint32_t)symbols[i].st_name };
	sort(sorted, used);
	f->symbols = f->mapped[1] = sorted;
	f->mapped_size[1] = n * sizeof *sorted;
	f->count = used;
}

/* The mapping stays: names are read in it. */
static void read_file(struct file *f, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct image im;
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		im.size = (size_t)st.st_size;
		im.bytes = mmap(NULL, im.size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (im.bytes != MAP_FAILED) {
			f->mapped[0] = (void *)(uintptr_t)im.bytes;
			f->mapped_size[0] = im.size;
			take_symbols(f, &im);
		}
	}
	close(fd);
}

static void forget(const struct file *f)
{
	for (int i = 0; i < 2; i++)
		if (f->mapped[i])
			munmap(f->mapped[i], f->mapped_size[i]);
}

/* NULL: there are too many files, or another thread is reading it: nobody waits. */
static const struct file *file_at(uintptr_t base, const char *path)
{
	for (size_t i = 0; i < FILES; i++) {
		uintptr_t none = 0;

		if (atomic_load_explicit(&files[i].base, memory_order_relaxed) == 0 &&
		    atomic_compare_exchange_strong(&files[i].base, &none, base)) {
			read_file(&files[i], path);
			atomic_store_explicit(&files[i].ready, true, memory_order_release);
			return &files[i];
		}
		if (atomic_load_explicit(&files[i].base, memory_order_relaxed) == base)
			return atomic_load_explicit(&files[i].ready, memory_order_acquire) ? &files[i] : NULL;
	}
	return NULL;
}

static const char *symbol_at(const struct file *f, uint64_t address)
{
	size_t low = 0, high = f->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->symbols[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < f->count && f->symbols[low].address == address ? f->text + f->symbols[low].name : NULL;
}

bool names_find(const void *function, char *name, size_t size)
{
	struct link_map *map = NULL;
	struct file own = { 0 };
	const char *symbol = NULL, *path;
	const struct file *f;
	Dl_info info;

	if (!dladdr1(function, &info, (void **)&map, RTLD_DL_LINKMAP) || !map)
		return false;
	path = map->l_name && *map->l_name ? map->l_name : "/proc/self/exe";
	f = file_at((uintptr_t)info.dli_fbase, path);
	if (!f)
		read_file(&own, path);
	symbol = symbol_at(f ? f : &own, (uintptr_t)function - map->l_addr);
	if (!symbol && info.dli_saddr == function)
		symbol = info.dli_sname;
	if (symbol)
		plain_name(symbol, name, size);
	forget(&own);
	return symbol;
}
