/*
 * Interposed: what starts programs, what ends the process without exit, and what limits
 * or locks memory. Programs are started with
 * Assay's variables put back into their environment, which the program itself does not see. fork is
 * not interposed: pthread_atfork serves it (start.c), but for _Fork, which runs no such handlers.
 *
 * Some of these run in a vfork child, in the parent's memory: there nothing of the parent's is
 * changed and nothing allocated.
 */
#include <alloca.h>
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "profile/environment.h"
#include "program.h"
#include "real.h"
#include "sig/state.h"
#include "spool.h"
#include "wrap.h"

/* An environment with Assay's variables, on this function's stack. */
#define WITH_ASSAY(envp, relation) assay_environment_give((envp), (relation), alloca(assay_environment_size(envp)))

/* What a program that this process turns into by exec is to it: a vfork child's is the parent's child. */
static char relation(void)
{
	return assay_process_is_own() ? ASSAY_FROM_EXEC : ASSAY_FROM_CHILD;
}

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

	if (!assay_process.active || !assay_program_takes_preload(path))
		return ASSAY_REAL(execve)(path, argv, envp);
	envp = WITH_ASSAY(envp, relation());
	left = leave();
	return come_back(left, ASSAY_REAL(execve)(path, argv, envp));
}

ASSAY_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	bool left;

	if (!assay_process.active || !assay_program_found_takes_preload(file))
		return ASSAY_REAL(execvpe)(file, argv, envp);
	envp = WITH_ASSAY(envp, relation());
	left = leave();
	return come_back(left, ASSAY_REAL(execvpe)(file, argv, envp));
}

ASSAY_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	bool left;

	if (!assay_process.active || !assay_program_open_takes_preload(fd))
		return ASSAY_REAL(fexecve)(fd, argv, envp);
	envp = WITH_ASSAY(envp, relation());
	left = leave();
	return come_back(left, ASSAY_REAL(fexecve)(fd, argv, envp));
}

ASSAY_EXPORT int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	bool left;

	if (!assay_process.active)
		return ASSAY_REAL(execveat)(fd, path, argv, envp, flags);
	envp = WITH_ASSAY(envp, relation());
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
	if (assay_process.active && assay_program_takes_preload(path))
		envp = WITH_ASSAY(envp, ASSAY_FROM_CHILD);
	return ASSAY_REAL(posix_spawn)(pid, path, actions, attributes, argv, envp);
}

ASSAY_EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			      const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	if (assay_process.active && assay_program_found_takes_preload(file))
		envp = WITH_ASSAY(envp, ASSAY_FROM_CHILD);
	return ASSAY_REAL(posix_spawnp)(pid, file, actions, attributes, argv, envp);
}

/*
 * system and popen take the environment from `environ` inside the C library, so it is lent ours while any thread is
 * in one of them: the first to come installs it, the last to go takes it back. Its memory is never freed, for a
 * thread that calls setenv or forks meanwhile may keep pointers to it. What setenv made of it is kept, without
 * what was lent.
 */
static struct {
	pthread_mutex_t lock;
	unsigned borrowers;
	char **before, **lent;
	size_t size; /* of the memory behind `lent` */
} loan = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void lend(void)
{
	size_t size;

	pthread_mutex_lock(&loan.lock);
	if (loan.borrowers++ == 0) {
		size = (assay_environment_size(environ) + 4095) & ~(size_t)4095;
		if (size > loan.size) {
			void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			loan.lent = memory == MAP_FAILED ? NULL : memory;
			loan.size = loan.lent ? size : 0;
		}
		loan.before = environ;
		if (loan.lent)
			environ = assay_environment_give(environ, ASSAY_FROM_CHILD, loan.lent);
	}
	pthread_mutex_unlock(&loan.lock);
}

/* Also the handler for a thread that is cancelled in system. */
static void take_back(void *unused)
{
	int saved = errno;

	(void)unused;
	pthread_mutex_lock(&loan.lock);
	if (--loan.borrowers == 0 && loan.lent) {
		if (environ == loan.lent)
			environ = loan.before;
		else if (environ != loan.before)
			assay_environment_clean(environ, loan.before);
	}
	pthread_mutex_unlock(&loan.lock);
	errno = saved;
}

/* In a forked child: the other threads' calls are not made here. */
void assay_wrap_process_forked(void)
{
	if (loan.borrowers && environ == loan.lent)
		environ = loan.before;
	loan.borrowers = 0;
	pthread_mutex_init(&loan.lock, NULL);
}

ASSAY_EXPORT int system(const char *command)
{
	int result;

	if (!assay_process.active || !command)
		return ASSAY_REAL(system)(command);
	lend();
	pthread_cleanup_push(take_back, NULL);
	result = ASSAY_WAITING(system, command);
	pthread_cleanup_pop(1);
	return result;
}

ASSAY_EXPORT FILE *popen(const char *command, const char *mode)
{
	FILE *result;

	if (!assay_process.active)
		return ASSAY_REAL(popen)(command, mode);
	lend();
	pthread_cleanup_push(take_back, NULL);
	result = ASSAY_REAL(popen)(command, mode);
	pthread_cleanup_pop(1);
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

/* The program is about to have little address space: the mapping that it did not ask for must not be in its way. */
static void before_limit(int resource, const struct rlimit64 *limit)
{
	if (resource != RLIMIT_AS || !limit || limit->rlim_cur == RLIM64_INFINITY)
		return;
	if (assay_process_is_own() && assay_guard_enter()) {
		assay_spool_freeze();
		assay_guard_leave();
	}
}

ASSAY_EXPORT int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
	before_limit((int)resource, limit);
	return ASSAY_REAL(setrlimit64)(resource, limit);
}

/* On these architectures rlimit and rlimit64 are the same. */
_Static_assert(sizeof(struct rlimit) == sizeof(struct rlimit64), "rlimit");

ASSAY_EXPORT int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	before_limit((int)resource, (const struct rlimit64 *)limit);
	return ASSAY_REAL(setrlimit)(resource, limit);
}

ASSAY_EXPORT int prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64 *limit, struct rlimit64 *old)
{
	if (pid == 0 || pid == assay_process.pid)
		before_limit((int)resource, limit);
	return ASSAY_REAL(prlimit64)(pid, resource, limit, old);
}

ASSAY_EXPORT int prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit *limit, struct rlimit *old)
{
	if (pid == 0 || pid == assay_process.pid)
		before_limit((int)resource, (const struct rlimit64 *)limit);
	return ASSAY_REAL(prlimit)(pid, resource, limit, old);
}

ASSAY_EXPORT int mlockall(int flags)
{
	if (assay_process_is_own() && assay_guard_enter()) {
		assay_spool_freeze();
		assay_guard_leave();
	}
	return ASSAY_REAL(mlockall)(flags);
}
