/*
 * Interposed: what starts programs, what ends the process without exit, and mlockall. Programs are started with
 * Assay's variables put back into their environment, which the program itself does not see. fork is
 * not interposed: pthread_atfork serves it (start.c), but for _Fork, which runs no such handlers.
 *
 * Some of these run in a vfork child, in the parent's memory: there nothing of the parent's is
 * changed and nothing allocated.
 */
#include <alloca.h>
#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "real.h"
#include "sig/state.h"
#include "spool.h"
#include "wrap.h"

/* An environment with Assay's variables, on this function's stack. */
#define WITH_ASSAY(envp) assay_environment_give((envp), alloca(assay_environment_size(envp)))

/* Before and after an exec, which returns only when it failed. */
static bool leave(void)
{
	if (!assay_process_is_own() || !assay_guard_enter())
		return false;
	assay_process_leave(true, 0);
	return true;
}

static int come_back(bool left, int result)
{
	int saved = errno;

	if (left) {
		assay_process_return();
		assay_guard_leave();
	}
	errno = saved;
	return result;
}

ASSAY_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	bool left;

	if (!assay_process.active)
		return ASSAY_REAL(execve)(path, argv, envp);
	envp = WITH_ASSAY(envp);
	left = leave();
	return come_back(left, ASSAY_REAL(execve)(path, argv, envp));
}

ASSAY_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	bool left;

	if (!assay_process.active)
		return ASSAY_REAL(execvpe)(file, argv, envp);
	envp = WITH_ASSAY(envp);
	left = leave();
	return come_back(left, ASSAY_REAL(execvpe)(file, argv, envp));
}

ASSAY_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	bool left;

	if (!assay_process.active)
		return ASSAY_REAL(fexecve)(fd, argv, envp);
	envp = WITH_ASSAY(envp);
	left = leave();
	return come_back(left, ASSAY_REAL(fexecve)(fd, argv, envp));
}

ASSAY_EXPORT int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	bool left;

	if (!assay_process.active)
		return ASSAY_REAL(execveat)(fd, path, argv, envp, flags);
	envp = WITH_ASSAY(envp);
	left = leave();
	return come_back(left, ASSAY_REAL(execveat)(fd, path, argv, envp, flags));
}

ASSAY_EXPORT int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

ASSAY_EXPORT int execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

/* How many arguments, the first included and the closing NULL not. */
static size_t count_arguments(const char *first, va_list list)
{
	size_t n = 0;

	for (const char *a = first; a; a = va_arg(list, const char *))
		n++;
	return n;
}

static void take_arguments(char **argv, size_t n, const char *first, va_list list)
{
	argv[0] = (char *)first;
	for (size_t i = 1; i <= n; i++)
		argv[i] = va_arg(list, char *);
}

ASSAY_EXPORT int execl(const char *path, const char *first, ...)
{
	va_list list;
	char **argv;
	size_t n;

	va_start(list, first);
	n = count_arguments(first, list);
	va_end(list);
	argv = alloca((n + 2) * sizeof *argv);
	argv[0] = NULL;
	va_start(list, first);
	if (n)
		take_arguments(argv, n, first, list);
	va_end(list);
	return execve(path, argv, environ);
}

ASSAY_EXPORT int execlp(const char *file, const char *first, ...)
{
	va_list list;
	char **argv;
	size_t n;

	va_start(list, first);
	n = count_arguments(first, list);
	va_end(list);
	argv = alloca((n + 2) * sizeof *argv);
	argv[0] = NULL;
	va_start(list, first);
	if (n)
		take_arguments(argv, n, first, list);
	va_end(list);
	return execvpe(file, argv, environ);
}

ASSAY_EXPORT int execle(const char *path, const char *first, ...)
{
	va_list list;
	char **argv, **envp;
	size_t n;

	va_start(list, first);
	n = count_arguments(first, list);
	va_end(list);
	argv = alloca((n + 2) * sizeof *argv);
	argv[0] = NULL;
	va_start(list, first);
	if (n)
		take_arguments(argv, n, first, list);
	envp = va_arg(list, char **);
	va_end(list);
	return execve(path, argv, envp);
}

ASSAY_EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
			     const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	if (assay_process.active)
		envp = WITH_ASSAY(envp);
	return ASSAY_REAL(posix_spawn)(pid, path, actions, attributes, argv, envp);
}

ASSAY_EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			      const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	if (assay_process.active)
		envp = WITH_ASSAY(envp);
	return ASSAY_REAL(posix_spawnp)(pid, file, actions, attributes, argv, envp);
}

/*
 * system and popen take the environment from `environ` inside the C library, so it is lent ours for
 * the call. A thread that calls setenv meanwhile races with system by the C library's own rules; what
 * it made of the environment is kept all the same, without what was lent.
 */
static char **lend(void *memory)
{
	char **before = environ;

	environ = assay_environment_give(before, memory);
	return before;
}

static void take_back(char **before, const void *lent)
{
	if ((const void *)environ == lent)
		environ = before;
	else
		assay_environment_clean(environ, before);
}

ASSAY_EXPORT int system(const char *command)
{
	char **before;
	void *memory;
	int result, saved;

	if (!assay_process.active)
		return ASSAY_REAL(system)(command);
	memory = alloca(assay_environment_size(environ));
	before = lend(memory);
	result = ASSAY_REAL(system)(command);
	saved = errno;
	take_back(before, memory);
	errno = saved;
	return result;
}

ASSAY_EXPORT FILE *popen(const char *command, const char *mode)
{
	char **before;
	void *memory;
	FILE *result;
	int saved;

	if (!assay_process.active)
		return ASSAY_REAL(popen)(command, mode);
	memory = alloca(assay_environment_size(environ));
	before = lend(memory);
	result = ASSAY_REAL(popen)(command, mode);
	saved = errno;
	take_back(before, memory);
	errno = saved;
	return result;
}

/* ---- ends ---- */

static void last_words(int status)
{
	if (assay_process_is_own() && assay_guard_enter()) {
		assay_process_leave(false, status);
		assay_guard_leave();
	}
}

ASSAY_EXPORT void _exit(int status)
{
	last_words(status);
	ASSAY_REAL(_exit)(status);
	__builtin_unreachable();
}

ASSAY_EXPORT void _Exit(int status)
{
	last_words(status);
	ASSAY_REAL(_Exit)(status);
	__builtin_unreachable();
}

ASSAY_EXPORT void quick_exit(int status)
{
	last_words(status);
	ASSAY_REAL(quick_exit)(status);
	__builtin_unreachable();
}

ASSAY_EXPORT pid_t _Fork(void)
{
	bool guarded = assay_process.active && assay_guard_enter();
	pid_t pid = ASSAY_REAL(_Fork)();

	if (guarded) {
		if (pid == 0)
			assay_process_forked();
		assay_guard_leave();
	}
	return pid;
}

/* ---- memory ---- */

ASSAY_EXPORT int mlockall(int flags)
{
	if (assay_process_is_own() && assay_guard_enter()) {
		assay_spool_freeze();
		assay_guard_leave();
	}
	return ASSAY_REAL(mlockall)(flags);
}
