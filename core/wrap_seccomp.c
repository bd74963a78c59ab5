/*
 * Interposed: the ways into seccomp. A program that locks itself in must not be killed for the system calls that
 * sampling makes. The strict mode forbids them all. A filter is classic BPF that the program hands over: it is run here
 * on each call that Assay makes, as the kernel would run it, and where it would not let them pass, measuring ends
 * before the filter is there: account settled, timers deleted, nothing touched again, programs executed from here on
 * not followed (they inherit the filter). The profile says so. A filter that lets them pass changes nothing.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "real.h"
#include "sig/state.h"
#include "wrap.h"

#if defined __x86_64__
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { THREADS_CLOCK = -6, /* a thread's CPU clock by its number, as the kernel encodes it */ WORK = BPF_MEMWORDS };

/* What Assay calls, with arguments that filters look at. An error is borne where `errors` says so. */
static const struct call {
	int number;
	bool errors;
	uint64_t args[3];
} calls[] = {
	{ SYS_rt_sigreturn, false, { 0 } },
	{ SYS_clock_gettime, false, { CLOCK_MONOTONIC } },
	{ SYS_clock_gettime, false, { CLOCK_THREAD_CPUTIME_ID } },
	{ SYS_clock_gettime, true, { CLOCK_PROCESS_CPUTIME_ID } },
	{ SYS_clock_gettime, true, { (uint32_t)THREADS_CLOCK } },
	{ SYS_timer_create, true, { (uint32_t)THREADS_CLOCK } },
	{ SYS_timer_settime, false, { 0, TIMER_ABSTIME } },
	{ SYS_timer_delete, true, { 0 } },
	{ SYS_getpid, false, { 0 } },
	{ SYS_gettid, false, { 0 } },
	{ SYS_getppid, true, { 0 } },
	{ SYS_getuid, true, { 0 } },
	{ SYS_madvise, true, { 0, 4096, MADV_POPULATE_WRITE } },
	{ SYS_process_vm_readv, true, { 0 } },
	{ SYS_rt_sigprocmask, true, { SIG_BLOCK } },
	{ SYS_rt_sigaction, true, { 0 } },
	{ SYS_mmap, true, { 0, 4096, PROT_READ | PROT_WRITE } },
	{ SYS_munmap, true, { 0 } },
	{ SYS_openat, true, { 0 } },
	{ SYS_read, true, { 0 } },
	{ SYS_close, true, { 0 } },
	{ SYS_ftruncate, true, { 0 } },
	{ SYS_fallocate, true, { 0 } },
	{ SYS_prlimit64, true, { 0 } },
	{ SYS_readlinkat, true, { 0 } },
	{ SYS_prctl, true, { PR_GET_NAME } },
	{ SYS_perf_event_open, true, { 0 } },
	{ SYS_fcntl, true, { 0, 0 } },
	{ SYS_ioctl, true, { 0, PERF_EVENT_IOC_PERIOD } },
	{ SYS_ioctl, true, { 0, PERF_EVENT_IOC_REFRESH } },
	{ SYS_ioctl, true, { 0, PERF_EVENT_IOC_DISABLE } },
	{ SYS_ioctl, true, { 0, PERF_EVENT_IOC_ID } },
#ifdef SYS_readlink
	{ SYS_readlink, true, { 0 } },
	{ SYS_open, true, { 0 } },
#endif
};

/* ---- the filter, as the kernel would run it ---- */

struct machine {
	uint32_t a, x, memory[WORK];
	const struct seccomp_data *data;
};

static uint32_t loaded(const struct machine *m, const struct sock_filter *i)
{
	uint32_t word;

	switch (BPF_MODE(i->code)) {
	case BPF_IMM: return i->k;
	case BPF_MEM: return m->memory[i->k % WORK];
	case BPF_LEN: return sizeof *m->data;
	default: /* BPF_ABS */
		if (i->k > sizeof *m->data - sizeof word)
			return 0;
		memcpy(&word, (const char *)m->data + i->k, sizeof word);
		return word;
	}
}

static void compute(struct machine *m, const struct sock_filter *i)
{
	uint32_t by = BPF_SRC(i->code) == BPF_X ? m->x : i->k;

	switch (BPF_OP(i->code)) {
	case BPF_ADD: m->a += by; break;
	case BPF_SUB: m->a -= by; break;
	case BPF_MUL: m->a *= by; break;
	case BPF_DIV: m->a = by ? m->a / by : 0; break;
	case BPF_AND: m->a &= by; break;
	case BPF_OR: m->a |= by; break;
	case BPF_XOR: m->a ^= by; break;
	case BPF_LSH: m->a = by < 32 ? m->a << by : 0; break;
	case BPF_RSH: m->a = by < 32 ? m->a >> by : 0; break;
	default: m->a = -m->a; /* BPF_NEG */
	}
}

/* How many instructions a jump skips. */
static uint32_t jump(const struct machine *m, const struct sock_filter *i)
{
	uint32_t with = BPF_SRC(i->code) == BPF_X ? m->x : i->k;
	bool yes;

	switch (BPF_OP(i->code)) {
	case BPF_JA: return i->k;
	case BPF_JEQ: yes = m->a == with; break;
	case BPF_JGT: yes = m->a > with; break;
	case BPF_JGE: yes = m->a >= with; break;
	default: yes = m->a & with; /* BPF_JSET */
	}
	return yes ? i->jt : i->jf;
}

/* The filter's verdict. One that the kernel would not take is a deadly one: it will not come to pass. */
static uint32_t verdict(const struct sock_filter *filter, uint32_t length, const struct seccomp_data *data)
{
	struct machine m = { .data = data };

	for (uint32_t at = 0; at < length; at++) {
		const struct sock_filter *i = &filter[at];

		switch (BPF_CLASS(i->code)) {
		case BPF_LD: m.a = loaded(&m, i); break;
		case BPF_LDX: m.x = loaded(&m, i); break;
		case BPF_ST: m.memory[i->k % WORK] = m.a; break;
		case BPF_STX: m.memory[i->k % WORK] = m.x; break;
		case BPF_ALU: compute(&m, i); break;
		case BPF_JMP: at += jump(&m, i); break;
		case BPF_RET: return BPF_RVAL(i->code) == BPF_A ? m.a : i->k;
		default: /* BPF_MISC */
			if (BPF_MISCOP(i->code) == BPF_TAX)
				m.x = m.a;
			else
				m.a = m.x;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

static bool bears(const struct sock_filter *filter, uint32_t length)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		const struct call *c = &calls[i];
		struct seccomp_data data = { .nr = c->number, .arch = OUR_ARCHITECTURE,
			.instruction_pointer = (uintptr_t)&bears, .args = { c->args[0], c->args[1], c->args[2] } };
		uint32_t answer = verdict(filter, length, &data) & SECCOMP_RET_ACTION_FULL;

		if (answer != SECCOMP_RET_ALLOW && answer != SECCOMP_RET_LOG &&
		    !(answer == SECCOMP_RET_ERRNO && c->errors))
			return false;
	}
	return true;
}

/* ---- the ways in ---- */

/* Whether memory of the program's, which may not be there, could be copied. */
static bool copy(void *to, const void *from, size_t size)
{
	struct iovec local = { to, size }, remote = { (void *)from, size };

	return process_vm_readv(assay_process.pid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

static void check_filter(const void *program)
{
	struct sock_fprog given;
	size_t size;
	void *copied;

	if (!copy(&given, program, sizeof given) || !given.len || given.len > BPF_MAXINSNS)
		return; /* the kernel refuses it */
	size = given.len * sizeof(struct sock_filter);
	copied = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (copied == MAP_FAILED || (copy(copied, given.filter, size) && !bears(copied, given.len)))
		assay_process_seal("from here on a seccomp filter of the program's own forbids the system calls that "
				   "sampling makes");
	if (copied != MAP_FAILED)
		munmap(copied, size);
}

static void before_seccomp(unsigned long operation, unsigned long flags, const void *argument)
{
	int saved = errno;

	if (!atomic_load(&assay_process.on) || !assay_process_is_own() || !assay_guard_enter())
		return;
	if (operation == SECCOMP_SET_MODE_STRICT && !flags && !argument)
		assay_process_seal("from here on the program is locked in by seccomp's strict mode, which forbids sampling");
	else if (operation == SECCOMP_SET_MODE_FILTER)
		check_filter(argument);
	if (assay_waits_locked_in)
		assay_waits_locked_in(assay_process.sealed);
	assay_guard_leave();
	errno = saved;
}

static void before_prctl(unsigned long option, unsigned long mode, const void *argument)
{
	if (option != PR_SET_SECCOMP)
		return;
	if (mode == SECCOMP_MODE_STRICT)
		before_seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL);
	else if (mode == SECCOMP_MODE_FILTER)
		before_seccomp(SECCOMP_SET_MODE_FILTER, 0, argument);
}

ASSAY_EXPORT int prctl(int option, ...)
{
	unsigned long a, b, c, d;
	va_list list;

	va_start(list, option);
	a = va_arg(list, unsigned long);
	b = va_arg(list, unsigned long);
	c = va_arg(list, unsigned long);
	d = va_arg(list, unsigned long);
	va_end(list);
	before_prctl((unsigned long)option, a, (const void *)b);
	return ASSAY_REAL(prctl)(option, a, b, c, d);
}

#ifdef __x86_64__
/*
 * syscall(SYS_seccomp, ...) is libseccomp's way, the C library having no function for it; nor has it one for futexes, in
 * which threads wait. Every other call goes straight on, on the caller's own frame: some of them return twice, or on
 * another stack.
 */
typedef long syscall_fn(long, ...);
__attribute__((visibility("hidden"))) syscall_fn *assay_real_syscall;
__attribute__((visibility("hidden"))) long assay_seccomp_call(long number, unsigned long a, unsigned long b, unsigned long c,
							     unsigned long d, unsigned long e);
__attribute__((visibility("hidden"))) long assay_futex_call(long number, unsigned long a, unsigned long b, unsigned long c,
							   unsigned long d, unsigned long e, unsigned long f);
__attribute__((visibility("hidden"))) void assay_seccomp_find(void);

void assay_seccomp_find(void)
{
	assay_real_syscall = ASSAY_REAL(syscall);
}

long assay_seccomp_call(long number, unsigned long a, unsigned long b, unsigned long c, unsigned long d, unsigned long e)
{
	if (number == SYS_seccomp)
		before_seccomp(a, b, (const void *)c);
	else
		before_prctl(a, b, (const void *)c);
	if (!assay_real_syscall)
		assay_seccomp_find();
	return assay_real_syscall(number, a, b, c, d, e);
}

static bool waits(unsigned long operation)
{
	switch ((int)operation & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_WAIT_REQUEUE_PI:
	case FUTEX_LOCK_PI:
	case 13: /* FUTEX_LOCK_PI2 */
		return true;
	}
	return false;
}

/*
 * The last argument is on the stack, and lies there whether it was given or not. (Jumped to: what it returns to is the
 * program.)
 */
long assay_futex_call(long number, unsigned long a, unsigned long b, unsigned long c, unsigned long d, unsigned long e,
		      unsigned long f)
{
	if (!assay_real_syscall)
		assay_seccomp_find();
	if (assay_waits_futex && waits(b))
		return assay_waits_futex(assay_real_syscall, number, a, b, c, d, e, f, ASSAY_SITE, ASSAY_SP);
	return assay_real_syscall(number, a, b, c, d, e, f);
}

/* The numbers are those of SYS_seccomp, SYS_prctl and SYS_futex. A call before the first look-up keeps its arguments over it. */
_Static_assert(SYS_seccomp == 317 && SYS_prctl == 157 && SYS_futex == 202, "numbers below");
__asm__(".text\n"
	".globl syscall\n"
	".type syscall, @function\n"
	"syscall:\n"
	".cfi_startproc\n"
	"	cmpl $202, %edi\n"
	"	je assay_futex_call\n"
	"	cmpl $317, %edi\n"
	"	je assay_seccomp_call\n"
	"	cmpl $157, %edi\n"
	"	je assay_seccomp_call\n"
	"	movq assay_real_syscall(%rip), %rax\n"
	"	testq %rax, %rax\n"
	"	je 1f\n"
	"	jmp *%rax\n"
	"1:	pushq %rdi\n	.cfi_adjust_cfa_offset 8\n"
	"	pushq %rsi\n	.cfi_adjust_cfa_offset 8\n"
	"	pushq %rdx\n	.cfi_adjust_cfa_offset 8\n"
	"	pushq %rcx\n	.cfi_adjust_cfa_offset 8\n"
	"	pushq %r8\n	.cfi_adjust_cfa_offset 8\n"
	"	pushq %r9\n	.cfi_adjust_cfa_offset 8\n"
	"	subq $8, %rsp\n	.cfi_adjust_cfa_offset 8\n"
	"	call assay_seccomp_find\n"
	"	addq $8, %rsp\n	.cfi_adjust_cfa_offset -8\n"
	"	popq %r9\n	.cfi_adjust_cfa_offset -8\n"
	"	popq %r8\n	.cfi_adjust_cfa_offset -8\n"
	"	popq %rcx\n	.cfi_adjust_cfa_offset -8\n"
	"	popq %rdx\n	.cfi_adjust_cfa_offset -8\n"
	"	popq %rsi\n	.cfi_adjust_cfa_offset -8\n"
	"	popq %rdi\n	.cfi_adjust_cfa_offset -8\n"
	"	jmp *assay_real_syscall(%rip)\n"
	".cfi_endproc\n"
	".size syscall, . - syscall\n");
#endif
