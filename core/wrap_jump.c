/*
 * Interposed: sigaltstack, and the jumps out of handlers.
 *
 * A program's alternate stack may have room for one signal's frame and little else (a frame is 3.6 kB with AVX-512,
 * 11 kB with AMX). The sampling signal has no stack of its own, so in a handler there it would write below the stack.
 * From the first small one on, handlers that run on alternate stacks have the sampling signal blocked: the sample is
 * taken when they return. Where one jumps away instead, what is pending is taken back first, for the jump restores the
 * mask before it leaves the stack.
 */
#include <setjmp.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "real.h"
#include "sig/clock.h"
#include "sig/handler.h"
#include "sig/wait.h"
#include "wrap.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum { HANDLER_STACK = 16 * 1024 }; /* ample for ours beside the frame */

extern int __sigaction(int, const struct sigaction *, struct sigaction *);

bool assay_wrap_small_stacks;

/* The C library's names for one function, and the one with a check. */
extern void _longjmp(jmp_buf, int) __attribute__((noreturn));
extern void __longjmp_chk(jmp_buf, int) __attribute__((noreturn));

static void block_in_handlers(void)
{
	struct sigaction action;

	for (int s = 1; s <= SIGRTMAX; s++) {
		if (s == assay_process.signal || __sigaction(s, NULL, &action) < 0 ||
		    action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN || !(action.sa_flags & SA_ONSTACK))
			continue;
		sigaddset(&action.sa_mask, assay_process.signal);
		__sigaction(s, &action, NULL);
	}
}

ASSAY_EXPORT int sigaltstack(const stack_t *stack, stack_t *old)
{
	if (stack && assay_process.signal && !(stack->ss_flags & SS_DISABLE) && !assay_wrap_small_stacks &&
	    stack->ss_size < 2 * getauxval(AT_MINSIGSTKSZ) + HANDLER_STACK) {
		assay_wrap_small_stacks = true;
		block_in_handlers();
	}
	return ASSAY_REAL(sigaltstack)(stack, old);
}

/*
 * The stack pointer that a jump goes to; 0: not known. The C library keeps it with a secret mixed in, which is part of its
 * binary interface to the code that checks stacks: the thread's word at %fs:0x30, and a rotation (glibc, PTR_MANGLE).
 */
static uintptr_t target(struct __jmp_buf_tag *to)
{
#if defined __x86_64__
	enum { RSP = 6 };
	uintptr_t sp = (uintptr_t)to[0].__jmpbuf[RSP];

	__asm__("rorq $17, %0\n\txorq %%fs:0x30, %0" : "+r"(sp));
	return sp;
#else
	(void)to;
	return 0;
#endif
}

/*
 * A handler of the program's that jumps may leave the wait that it came in, and Assay's own code that it interrupted,
 * which had the guard.
 */
static void leave_behind(struct assay_thread *thread, uintptr_t sp)
{
	if (sp < thread->stack_low || sp >= thread->stack_high)
		return;
	if (assay_tls.inside && assay_guard_take_over(sp))
		assay_guard_leave();
	if (thread->wait.active && !thread->wait.docked && sp > thread->wait.sp && assay_guard_enter()) {
		assay_wait_forget(thread);
		assay_guard_leave();
	}
}

/* Before a jump that may leave an alternate stack: nothing may come until it has. */
static void before_jump(struct __jmp_buf_tag *to)
{
	struct timespec none = { 0, 0 };
	sigset_t ours;
	stack_t now;

	if (assay_tls.thread && (assay_tls.inside || assay_tls.thread->wait.active))
		leave_behind(assay_tls.thread, target(to));
	if (!assay_wrap_small_stacks || !assay_tls.thread || !atomic_load(&assay_process.on) ||
	    syscall(SYS_sigaltstack, NULL, &now) < 0 || !(now.ss_flags & SS_ONSTACK))
		return;
	sigemptyset(&ours);
	sigaddset(&ours, assay_process.signal);
	assay_clock_defer(assay_tls.thread);
	syscall(SYS_rt_sigtimedwait, &ours, NULL, &none, _NSIG / 8);
	/* a jump that restores no mask would leave it blocked for good */
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &ours, NULL, _NSIG / 8);
}

ASSAY_EXPORT void longjmp(jmp_buf to, int value)
{
	before_jump(to);
	ASSAY_REAL(longjmp)(to, value);
	__builtin_unreachable();
}

ASSAY_EXPORT void _longjmp(jmp_buf to, int value)
{
	before_jump(to);
	ASSAY_REAL(_longjmp)(to, value);
	__builtin_unreachable();
}

ASSAY_EXPORT void siglongjmp(sigjmp_buf to, int value)
{
	before_jump(to);
	ASSAY_REAL(siglongjmp)(to, value);
	__builtin_unreachable();
}

ASSAY_EXPORT void __longjmp_chk(jmp_buf to, int value)
{
	before_jump(to);
	ASSAY_REAL(__longjmp_chk)(to, value);
	__builtin_unreachable();
}
