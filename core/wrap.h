/*
 * wrap.h: between start.c and the files of interposed functions.
 *
 * Owns nothing. In a process that is not measured (no run in the environment, or Assay switched
 * itself off) every interposed function does what the one behind it does and no more.
 */
#ifndef ASSAY_CORE_WRAP_H
#define ASSAY_CORE_WRAP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* Installs the sampling signal's handler and lets it through in this thread. 0, or a negative errno. */
int assay_wrap_signal_start(void);

/* Whether some alternate signal stack is too small for the sampling signal beside the program's own. wrap_jump.c. */
extern bool assay_wrap_small_stacks;

/* Finds the function behind getenv, which may not be looked for when it is called. In the library's constructor. */
void assay_wrap_environment_start(void);

/* Environment for programs that this one executes: environment.c. */

/*
 * Takes Assay's variables out of `envp` (in place), remembering them. False: there is no run in it.
 * Start-up only.
 */
bool assay_environment_take(char **envp);

/* The value of one of Assay's variables as it was at start-up, or NULL. */
const char *assay_environment_get(const char *name);

/* Bytes that assay_environment_give needs to put Assay's variables into `envp`. */
size_t assay_environment_size(char *const *envp);

/*
 * Writes `envp` with Assay's variables to `memory` (aligned for pointers) and returns it; an `envp` that
 * names a run of its own is returned as it is. `relation` is how the program to come follows on this image,
 * ASSAY_FROM_EXEC or ASSAY_FROM_CHILD. Allocates nothing.
 */
char **assay_environment_give(char *const *envp, char relation, void *memory);

/* Takes Assay's variables out of an environment that was made from one with them; `before` is without. */
void assay_environment_clean(char **envp, char *const *before);

/* The process is about to be replaced or to end: its account as of now. start.c. */
void assay_process_leave(bool exec, int status);

/* The exec failed: it goes on. */
void assay_process_return(void);

/* In a forked child: what other threads of the parent were at. wrap_process.c. */
void assay_wrap_process_forked(void);

/* In a forked child, under the guard: its own spool, clock and records. */
void assay_process_forked(void);

/* Whether the caller is the process that the spool belongs to: not a vfork child, nor a raw clone. */
bool assay_process_is_own(void);

/*
 * Ends measuring and following for good, with no word but in the profile; nothing of Assay's makes a system call in
 * this process afterwards. Under the guard.
 */
void assay_process_seal(const char *why);

/* Switches measuring off for good, and says so once on standard error. */
void assay_process_off(const char *why, int error);

/*
 * Of the plugin `waits`, where it is linked in (unit tests do without): where what it wants to know passes through what
 * the core interposes. Each of the last five does what the function behind does, and measures how long it waits: `site` is
 * the address of the program's call, `sp` its stack pointer there.
 */
#define ASSAY_WAITS __attribute__((weak, visibility("hidden")))
ASSAY_WAITS void assay_waits_forget(unsigned first, unsigned last); /* these descriptors are closed or replaced */
ASSAY_WAITS void assay_waits_locked_in(bool sealed); /* system calls may be forbidden from here on; measuring has ended */
ASSAY_WAITS long assay_waits_futex(long (*real)(long, ...), long number, unsigned long address, unsigned long operation,
				   unsigned long value, unsigned long timeout, unsigned long address2,
				   unsigned long value3, const void *site, const void *sp);
ASSAY_WAITS int assay_waits_sigwait(const sigset_t *set, int *number, const void *site, const void *sp);
ASSAY_WAITS int assay_waits_sigwaitinfo(const sigset_t *set, siginfo_t *info, const void *site, const void *sp);
ASSAY_WAITS int assay_waits_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout,
					 const void *site, const void *sp);
ASSAY_WAITS int assay_waits_system(const char *command, const void *site, const void *sp);

/* Of the interposed function that this stands in. */
#define ASSAY_SITE ((const char *)__builtin_return_address(0) - 1)
#define ASSAY_SP __builtin_dwarf_cfa()

/* Calls the function behind, measured where it can be. In the interposed function itself. */
#define ASSAY_WAITING(name, ...) \
	(assay_waits_##name ? assay_waits_##name(__VA_ARGS__, ASSAY_SITE, ASSAY_SP) : ASSAY_REAL(name)(__VA_ARGS__))

#endif
