#include "launch.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cmd.h"
#include "profile/environment.h"

#if __SIZEOF_POINTER__ == 8
#define OUR_CLASS ELFCLASS64
#else
#define OUR_CLASS ELFCLASS32
#endif
#if defined __x86_64__
#define OUR_MACHINE EM_X86_64
#elif defined __aarch64__
#define OUR_MACHINE EM_AARCH64
#else
#define OUR_MACHINE EM_NONE
#endif

enum { SCRIPT_DEPTH = 4, HEAD = 4096 };

/* ---- finding ---- */

static int try_path(const char *path, int *error)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			*error = errno;
		return -1;
	}
	if (S_ISDIR(st.st_mode)) {
		*error = EISDIR;
		return -1;
	}
	if (access(path, X_OK) < 0) {
		*error = errno;
		return -1;
	}
	return 0;
}

static char *find(const char *name, int *error)
{
	const char *list = getenv("PATH");
	char *path = NULL;

	*error = ENOENT;
	if (strchr(name, '/'))
		return try_path(name, error) == 0 ? strdup(name) : NULL;
	for (const char *at = list ? list : "/usr/local/bin:/usr/bin:/bin"; *name;) {
		size_t n = strcspn(at, ":");

		if (asprintf(&path, "%.*s%s%s", (int)n, at, n ? "/" : "./", name) < 0)
			return NULL;
		if (try_path(path, error) == 0)
			return path;
		free(path);
		if (!at[n])
			break;
		at += n + 1;
	}
	return NULL;
}

/* ---- checking ---- */

static int refuse(const char *path, const char *why)
{
	assay_error("%s %s", path, why);
	return ASSAY_EXIT_NOT_EXECUTABLE;
}

/* The loader ignores LD_PRELOAD in programs that change who runs them. */
static bool changes_user(const struct stat *st, const char *path)
{
	if (st->st_mode & S_ISUID && st->st_uid != geteuid())
		return true;
	if (st->st_mode & S_ISGID && st->st_mode & S_IXGRP && st->st_gid != getegid())
		return true;
	return geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

/* Reads the interpreter's path; false: there is none. */
static bool interpreter(int fd, const Elf64_Ehdr *h, char *name, size_t size)
{
	for (unsigned i = 0; i < h->e_phnum && h->e_phentsize == sizeof(Elf64_Phdr); i++) {
		Elf64_Phdr p;
		ssize_t n;

		if (pread(fd, &p, sizeof p, (off_t)(h->e_phoff + i * sizeof p)) != (ssize_t)sizeof p)
			return false;
		if (p.p_type != PT_INTERP)
			continue;
		n = pread(fd, name, p.p_filesz < size ? p.p_filesz : size - 1, (off_t)p.p_offset);
		name[n > 0 ? n : 0] = 0;
		return n > 0;
	}
	return false;
}

static int check_elf(int fd, const Elf64_Ehdr *h, const char *path, const struct stat *st)
{
	char name[256] = "";

	if (h->e_ident[EI_CLASS] != OUR_CLASS)
		return refuse(path, "is a 32-bit program; this Assay measures 64-bit ones");
	if (h->e_machine != OUR_MACHINE)
		return refuse(path, "is a program for another kind of processor");
	if (changes_user(st, path))
		return refuse(path, "runs as another user or with capabilities (setuid, setgid); the system preloads nothing "
				    "into such programs, so Assay cannot measure it");
	if (!interpreter(fd, h, name, sizeof name))
		return refuse(path, "is statically linked; nothing can be preloaded into it, so Assay cannot measure it");
	if (strstr(name, "ld-musl"))
		return refuse(path, "uses the musl C library; Assay measures programs that use glibc");
	return ASSAY_EXIT_OK;
}

static int check_file(const char *path, int depth);

/* "#!INTERPRETER ARGUMENT": what runs is the interpreter. "#!/usr/bin/env NAME" runs NAME in the end. */
static int check_script(const char *head, int depth)
{
	char *line = strndup(head + 2, strcspn(head + 2, "\n")), *save = NULL;
	char *program = line ? strtok_r(line, " \t\r", &save) : NULL;
	int status = program ? check_file(program, depth + 1) : ASSAY_EXIT_OK;

	free(line);
	return status;
}

static int check_file(const char *path, int depth)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), status = ASSAY_EXIT_OK;
	union {
		char bytes[HEAD + 1];
		Elf64_Ehdr elf;
	} head = { { 0 } };
	struct stat st;
	ssize_t n;

	if (fd < 0) /* executable and not readable: the loader can run it, so let it */
		return ASSAY_EXIT_OK;
	n = read(fd, head.bytes, HEAD);
	if (fstat(fd, &st) < 0 || n < 0)
		status = ASSAY_EXIT_OK;
	else if (n >= (ssize_t)sizeof head.elf && memcmp(head.bytes, ELFMAG, SELFMAG) == 0)
		status = check_elf(fd, &head.elf, path, &st);
	else if (n > 2 && head.bytes[0] == '#' && head.bytes[1] == '!' && depth < SCRIPT_DEPTH)
		status = check_script(head.bytes, depth);
	close(fd);
	return status;
}

int assay_launch_check(const char *name, char **path)
{
	int error, status;

	*path = find(name, &error);
	if (!*path) {
		if (error == ENOENT) {
			assay_error("%s: no such program", name);
			return ASSAY_EXIT_NOT_FOUND;
		}
		assay_error("%s: cannot be executed: %s", name, strerror(error));
		return ASSAY_EXIT_NOT_EXECUTABLE;
	}
	status = check_file(*path, 0);
	if (status != ASSAY_EXIT_OK) {
		free(*path);
		*path = NULL;
	}
	return status;
}

/* ---- the library ---- */

static int real_path(const char *from, char *path, size_t size)
{
	char *real = realpath(from, NULL);
	int error = real ? 0 : -errno;

	if (real && strlen(real) >= size)
		error = -ENAMETOOLONG;
	else if (real)
		strcpy(path, real);
	free(real);
	return error;
}

int assay_launch_library(char *path, size_t size)
{
	/* beside the build tree's viewer/assay; relative to an installed bin/assay; where it was configured to be */
	static const char *const places[] = { "/../core/.libs/libassay.so", "/../lib/assay/libassay.so",
		"/../lib64/assay/libassay.so" };
	const char *named = getenv(ASSAY_ENV_LIBRARY);
	char self[PATH_MAX], *end;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 64);

	if (named && *named)
		return real_path(named, path, size);
	self[n > 0 ? n : 0] = 0;
	end = strrchr(self, '/');
	for (size_t i = 0; i < sizeof places / sizeof *places && end; i++) {
		strcpy(end, places[i]);
		if (real_path(self, path, size) == 0)
			return 0;
	}
	return real_path(ASSAY_PKGLIBDIR "/libassay.so", path, size);
}

/* ---- starting ---- */

static void set_number(const char *name, long long value)
{
	char text[32];

	snprintf(text, sizeof text, "%lld", value);
	setenv(name, text, 1);
}

static void set_environment(const struct assay_launch *l)
{
	const char *before = getenv("LD_PRELOAD");
	char *list = NULL;

	setenv(ASSAY_ENV_RUN, l->run, 1);
	setenv(ASSAY_ENV_PRELOAD, l->library, 1);
	set_number(ASSAY_ENV_RATE, l->rate);
	setenv(ASSAY_ENV_CLOCK, l->clock, 1);
	setenv(ASSAY_ENV_UNWINDER, l->unwinder, 1);
	set_number(ASSAY_ENV_TIMELINE, l->timeline);
	set_number(ASSAY_ENV_LIMIT, l->limit);
	if (l->plugins)
		setenv(ASSAY_ENV_PLUGINS, l->plugins, 1);
	else
		unsetenv(ASSAY_ENV_PLUGINS);
	if (before && *before && asprintf(&list, "%s:%s", l->library, before) > 0)
		setenv("LD_PRELOAD", list, 1);
	else
		setenv("LD_PRELOAD", l->library, 1);
}

pid_t assay_launch_start(const struct assay_launch *l)
{
	int ends[2], error = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		set_environment(l);
		sigprocmask(SIG_SETMASK, l->mask, NULL);
		execv(l->path, l->argv);
		if (errno == ENOEXEC) { /* a script without #!, as a shell would run it */
			size_t n = 0;
			char **argv;

			while (l->argv[n])
				n++;
			argv = calloc(n + 2, sizeof *argv);
			if (argv) {
				argv[0] = (char *)"sh";
				argv[1] = (char *)l->path;
				if (n > 1)
					memcpy(argv + 2, l->argv + 1, (n - 1) * sizeof *argv);
				execv("/bin/sh", argv);
			}
		}
		error = errno;
		if (write(ends[1], &error, sizeof error) < 0)
			_exit(ASSAY_EXIT_NOT_EXECUTABLE);
		_exit(ASSAY_EXIT_NOT_EXECUTABLE);
	}
	close(ends[1]);
	if (pid < 0)
		error = errno;
	else if (read(ends[0], &error, sizeof error) != (ssize_t)sizeof error)
		error = 0;
	close(ends[0]);
	if (pid > 0 && error)
		waitpid(pid, NULL, 0);
	return error ? -error : pid;
}
