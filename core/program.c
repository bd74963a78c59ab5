#include "program.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sig/sys.h"

#if defined __x86_64__
#define OUR_MACHINE EM_X86_64
#elif defined __aarch64__
#define OUR_MACHINE EM_AARCH64
#endif

static bool is_musl(int fd, const ElfW(Ehdr) *h, const char *head, size_t size)
{
	char name[64] = "";

	for (size_t i = 0; i < h->e_phnum && h->e_phentsize == sizeof(ElfW(Phdr)); i++) {
		ElfW(Phdr) p;
		size_t at = h->e_phoff + i * sizeof p;

		if (at + sizeof p > size)
			return false;
		memcpy(&p, head + at, sizeof p);
		if (p.p_type != PT_INTERP)
			continue;
		if (syscall(SYS_pread64, fd, name, sizeof name - 1, p.p_offset) <= 0)
			return false;
		return strstr(name, "ld-musl") != NULL;
	}
	return false;
}

bool assay_program_open_takes_preload(int fd)
{
	char head[1536];
	ElfW(Ehdr) h;
	ssize_t n = syscall(SYS_pread64, fd, head, sizeof head, 0);

	if (n < (ssize_t)sizeof h || memcmp(head, ELFMAG, SELFMAG) != 0)
		return true;
	memcpy(&h, head, sizeof h);
	if (h.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) || h.e_machine != OUR_MACHINE)
		return false;
	return !is_musl(fd, &h, head, (size_t)n);
}

bool assay_program_takes_preload(const char *path)
{
	int saved = errno, fd = assay_sys_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	bool takes = true;

	if (fd >= 0) {
		takes = assay_program_open_takes_preload(fd);
		assay_sys_close(fd);
	}
	errno = saved;
	return takes;
}

bool assay_program_found_takes_preload(const char *file)
{
	const char *list = getenv("PATH");
	char path[PATH_MAX];

	if (strchr(file, '/'))
		return assay_program_takes_preload(file);
	for (const char *at = list ? list : "/bin:/usr/bin"; file[0]; at++) {
		size_t n = strcspn(at, ":"), length = strlen(file);

		if (n + 1 + length < sizeof path) {
			memcpy(path, at, n);
			path[n] = '/';
			memcpy(path + n + !!n, file, length + 1);
			if (syscall(SYS_faccessat, AT_FDCWD, path, X_OK) == 0)
				return assay_program_takes_preload(path);
		}
		at += n;
		if (!*at)
			break;
	}
	return true;
}
