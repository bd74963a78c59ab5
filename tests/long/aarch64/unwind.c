/*
 * unwind.c: the aarch64 walk up the stack against known answers, at every instruction of many shapes of code.
 *
 * The processor cannot be asked here to trap after each instruction. So a breakpoint is set on the next one, or on both
 * that may be the next, which means to read every branch: and that gives the answer too. A call notes where it returns
 * to, a return takes the last note away, and what is noted is the call path, whatever the frames look like. Each walk is
 * made twice, by the row that a first sample reads and by the one that is kept.
 *
 * (Longer than most: it decodes the branches, and then has the shapes.)
 *
 * Source: Arm Architecture Reference Manual for A-profile, DDI 0487, section C4.1.65, branches and system instructions.
 */
#include "core/sig/unwind.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/sig/module.h"
#include "stepper.h"
#include "tests/unit/core_process.h"

enum { PAGE = 4096, LINKS = 1024, SHOWN = 30, STEPS_MAX = 400000 };

static struct assay_thread *thread;

/* ---- what an emulator may lack ---- */

/*
 * process_vm_readv, where the emulator has none: for the one use that the walk makes of it, reading this process's own
 * memory a page at a time. The kernel says whether the page is there by reading a signal set from it.
 */
static long copy_page(const struct iovec *to, const struct iovec *from)
{
	static long (*real)(long, ...);

	if (!real)
		real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	if (real(SYS_rt_sigprocmask, 99, from->iov_base, NULL, 8) < 0 && errno == EFAULT)
		return -1;
	memcpy(to->iov_base, from->iov_base, from->iov_len);
	return (long)from->iov_len;
}

/* In the place of the C library's. */
long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long a[6], got;
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (!real)
		real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	got = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (got < 0 && errno == ENOSYS && number == SYS_process_vm_readv)
		return copy_page((const struct iovec *)a[1], (const struct iovec *)a[3]);
	return got;
}

/*
 * Where the emulator maps no vdso: what a signal handler returns to, as the kernel has it there (Linux,
 * arch/arm64/kernel/vdso/sigreturn.S), a nop and two instructions without tables, on a page of its own.
 */
static uint32_t *stand_in;

/* In the place of the C library's. */
unsigned long getauxval(unsigned long type)
{
	static unsigned long (*real)(unsigned long);
	unsigned long value;

	if (!real)
		real = (unsigned long (*)(unsigned long))dlsym(RTLD_NEXT, "getauxval");
	value = real(type);
	return type == AT_SYSINFO_EHDR && !value ? (unsigned long)stand_in : value;
}

static void stand_in_for_the_vdso(void)
{
	static const uint32_t code[] = { 0xd503201f /* nop */, 0xd2801168 /* mov x8, #139 */, 0xd4000001 /* svc #0 */ };
	static ElfW(Phdr) segment = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = PAGE, .p_memsz = PAGE };

	if (getauxval(AT_SYSINFO_EHDR))
		return;
	stand_in = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(stand_in != MAP_FAILED);
	memcpy(stand_in, code, sizeof code);
	__builtin___clear_cache((char *)stand_in, (char *)stand_in + sizeof code);
	assay_module_add((uintptr_t)stand_in, &segment, 1, "", NULL);
}

/* The kernel's own way to say what a handler returns to; the C library's sigaction leaves it to the kernel. */
static void return_by(int signal, const void *trampoline)
{
	struct {
		void *handler;
		unsigned long flags;
		const void *restorer;
		uint64_t mask;
	} action;

	assert_int_equal(syscall(SYS_rt_sigaction, signal, NULL, &action, 8), 0);
	action.flags |= 0x04000000; /* SA_RESTORER */
	action.restorer = trampoline;
	assert_int_equal(syscall(SYS_rt_sigaction, signal, &action, NULL, 8), 0);
}

/* In the place of the C library's. */
int sigaction(int signal, const struct sigaction *new, struct sigaction *old)
{
	static int (*real)(int, const struct sigaction *, struct sigaction *);
	int error;

	if (!real)
		real = (int (*)(int, const struct sigaction *, struct sigaction *))dlsym(RTLD_NEXT, "sigaction");
	error = real(signal, new, old);
	/* the stepper's own: it steps through the others' */
	if (!error && new && signal == SIGTRAP)
		return_by(signal, (const void *)frames_return_from_trap);
	else if (!error && new && stand_in)
		return_by(signal, stand_in + 1);
	return error;
}

/* ---- the answer ---- */

/* A frame that waits for its callee: what a walk tells of it, and where the callee returns to. */
struct link {
	uintptr_t address, back;
};

static struct link links[LINKS];
static int depth;
static bool open_end; /* what is further out than the links is not looked at */

static void call(uintptr_t back)
{
	if (depth < LINKS)
		links[depth] = (struct link){ back - 1, back };
	depth++;
}

static uintptr_t callers[64];
static int callers_count;

/* The innermost are this function and the one that asks. */
__attribute__((noinline)) int stepper_note_callers(void)
{
	callers_count = backtrace((void **)callers, 64);
	return callers_count;
}

static void take_callers(bool inside)
{
	depth = 0;
	open_end = inside;
	for (int i = callers_count - 1; !inside && i >= 2; i--)
		call(callers[i]);
}

/* ---- comparing ---- */

static uint32_t mark_code(uint32_t number)
{
	return 0xd4200000u | number << 5;
}

static struct {
	int walks, shared, wrong;
	/* of the first that was wrong */
	uint32_t count;
	enum assay_spool_walk end;
	uintptr_t got[SHOWN], wanted[SHOWN];
} seen;

static uintptr_t absolute(const struct assay_frame_ref *f)
{
	return f->address + (f->module ? ((const struct assay_spool_module *)assay_at(f->module))->bias : 0);
}

static uintptr_t wanted_at(uintptr_t pc, uint32_t i)
{
	return i == 0 ? pc : (int)i <= depth ? links[depth - (int)i].address : 0;
}

static bool right(uintptr_t pc, uint32_t n, enum assay_spool_walk how)
{
	uint32_t wanted = (uint32_t)depth + 1;

	if (open_end ? n < wanted : n != wanted || how != ASSAY_WALK_COMPLETE)
		return false;
	for (uint32_t i = 0; i < wanted; i++)
		if (absolute(&thread->frames[i]) != wanted_at(pc, i))
			return false;
	return true;
}

/* Code without tables: only at its marks is a walk sure. */
static uintptr_t muted, muted_end;

/*
 * glibc's _dl_runtime_resolve, to which the linkage table's first entry leads: at its first instruction and at its last
 * (br x16) its tables are wrong.
 */
static uintptr_t resolver;
enum { RESOLVER_SIZE = 128 };

static void compare(ucontext_t *context)
{
	uintptr_t pc = context->uc_mcontext.pc;

	if (pc >= muted && pc < muted_end && *(const uint32_t *)pc != mark_code(MARK_HERE))
		return;
	if (pc == resolver || (pc > resolver && pc < resolver + RESOLVER_SIZE && *(const uint32_t *)pc == 0xd61f0200))
		return;
	/* first as it follows on the walk before, then by itself */
	for (int i = 0; i < 2; i++) {
		enum assay_spool_walk how;
		uint32_t n;

		if (i)
			thread->steps_count = 0;
		n = assay_unwind_own(thread, context, &how);
		seen.shared += thread->shared > 0;
		n = assay_unwind_whole(thread, n);
		seen.walks++;
		if (right(pc, n, how) || seen.wrong++)
			continue;
		seen.count = n;
		seen.end = how;
		for (uint32_t k = 0; k < SHOWN; k++) {
			seen.got[k] = k < n ? absolute(&thread->frames[k]) : 0;
			seen.wanted[k] = wanted_at(pc, k);
		}
	}
	assay_unwind_keep(thread);
}

/* ---- stepping ---- */

static struct {
	uint32_t *at, was;
} set[2];
static int set_count;
static bool stepping;
static const char *lost; /* why stepping was given up */
static uintptr_t lost_at;

static void write_code(uint32_t *at, uint32_t instruction)
{
	*(volatile uint32_t *)at = instruction;
	__builtin___clear_cache((char *)at, (char *)(at + 1));
}

static bool is_mark(uint32_t instruction)
{
	return (instruction & ~(0xffu << 5)) == mark_code(MARK_BEGIN & 0xff00);
}

static void break_at(uintptr_t address)
{
	uint32_t *at = (uint32_t *)address;

	if (is_mark(*at) || (set_count && set[0].at == at))
		return;
	set[set_count].at = at;
	set[set_count++].was = *at;
	write_code(at, mark_code(MARK_STEP));
}

static void clear_breaks(void)
{
	for (int i = 0; i < set_count; i++)
		write_code(set[i].at, set[i].was);
	set_count = 0;
}

static int64_t signed_field(uint32_t instruction, int low, int bits)
{
	return (int64_t)((uint64_t)(instruction >> low) << (64 - bits)) >> (64 - bits);
}

static uintptr_t without_signature(uintptr_t address)
{
	register uintptr_t x30 __asm__("x30") = address;

	__asm__("hint #7" : "+r"(x30)); /* xpaclri */
	return x30;
}

static void goes_back(uintptr_t to)
{
	if (depth && links[depth - 1].back == to) {
		depth--;
	} else if (depth || !open_end) {
		lost = "a return to where nothing was called";
		lost_at = to;
	}
}

static void by_register(uint32_t instruction, uintptr_t pc, const ucontext_t *context)
{
	unsigned kind = instruction >> 21 & 7, number = instruction >> 5 & 31;
	uintptr_t to;

	if (kind == 2 && number == 31) /* retaa, retab */
		number = 30;
	to = without_signature(number == 31 ? 0 : context->uc_mcontext.regs[number]);
	if (kind == 1)
		call(pc + 4);
	else if (kind == 2)
		goes_back(to);
	break_at(to);
}

/* rt_sigreturn: to what the handler's ucontext says, which was noted as a frame of its own. */
static void from_handler(const ucontext_t *context)
{
	const ucontext_t *saved = (const void *)(context->uc_mcontext.sp + sizeof(siginfo_t));

	if (depth)
		depth--;
	break_at(saved->uc_mcontext.pc);
}

static void set_next(ucontext_t *context)
{
	uintptr_t pc = context->uc_mcontext.pc;
	uint32_t instruction = *(const uint32_t *)pc;

	if (is_mark(instruction))
		return;
	if ((instruction & 0x7c000000) == 0x14000000) { /* b, bl */
		if (instruction >> 31)
			call(pc + 4);
		break_at(pc + (uintptr_t)(signed_field(instruction, 0, 26) * 4));
	} else if ((instruction & 0xff000000) == 0x54000000 || (instruction & 0x7e000000) == 0x34000000) { /* b.cond, cbz */
		break_at(pc + 4);
		break_at(pc + (uintptr_t)(signed_field(instruction, 5, 19) * 4));
	} else if ((instruction & 0x7e000000) == 0x36000000) { /* tbz */
		break_at(pc + 4);
		break_at(pc + (uintptr_t)(signed_field(instruction, 5, 14) * 4));
	} else if ((instruction & 0xfe000000) == 0xd6000000) {
		by_register(instruction, pc, context);
	} else if (instruction == 0xd4000001 && context->uc_mcontext.regs[8] == SYS_rt_sigreturn) {
		from_handler(context);
	} else {
		break_at(pc + 4);
	}
}

/* The walk from a handler: itself, what it returns to, and the place that was interrupted, as it is. */
static void enter_handler(void)
{
	if (depth + 2 > LINKS)
		return;
	links[depth++] = (struct link){ stepper_interrupted, 0 };
	links[depth++] = (struct link){ stepper_trampoline - 1, stepper_trampoline };
}

static void on_trap(int signal, siginfo_t *info, void *p)
{
	ucontext_t *context = p;
	uint32_t number;

	(void)signal;
	(void)info;
	clear_breaks();
	for (;;) {
		uint32_t instruction = *(const uint32_t *)context->uc_mcontext.pc;

		number = is_mark(instruction) ? instruction >> 5 & 0xffff : 0;
		if (!number)
			break;
		if (number == MARK_BEGIN || number == MARK_INSIDE)
			take_callers(number == MARK_INSIDE);
		else if (number == MARK_HANDLER)
			enter_handler();
		if (stepping)
			compare(context);
		stepping = number == MARK_HERE ? stepping : number != MARK_END;
		context->uc_mcontext.pc += 4;
		if (!stepping)
			return;
	}
	compare(context);
	if (depth >= LINKS || seen.walks > STEPS_MAX)
		lost = "too far";
	if (!lost)
		set_next(context);
	stepping = !lost;
}

/* ---- tests ---- */

static const char *name_of(uintptr_t pc)
{
	Dl_info info;

	return pc && dladdr((void *)pc, &info) ? info.dli_sname ? info.dli_sname : info.dli_fname : "?";
}

static void expect_right(const char *what, int least)
{
	if (lost)
		fail_msg("%s: lost its way: %s, %#lx %s", what, lost, lost_at, name_of(lost_at));
	if (seen.wrong) {
		print_error("# %u frames, end %d\n", seen.count, seen.end);
		for (int i = 0; i < SHOWN && (seen.got[i] || seen.wanted[i]); i++)
			print_error("#   %c %#lx %s, wanted %#lx %s\n", seen.got[i] == seen.wanted[i] ? ' ' : '*', seen.got[i],
				name_of(seen.got[i]), seen.wanted[i], name_of(seen.wanted[i]));
		fail_msg("%s: %d of %d walks are wrong", what, seen.wrong, seen.walks);
	}
	if (seen.walks < 2 * least)
		fail_msg("%s: only %d walks", what, seen.walks);
	print_message("# %s: %d walks, of which %d shared the outer part of the one before\n", what, seen.walks, seen.shared);
}

static void start_anew(void)
{
	memset(&seen, 0, sizeof seen);
	lost = NULL;
	stepping = false;
}

/* The tests of the shapes, in their order. */
static void next_shape(void **state)
{
	static int next;
	const struct shape *shape = &shapes[next++];

	(void)state;
	start_anew();
	shape->run();
	clear_breaks();
	expect_right(shape->name, shape->least);
}

static long (*unknown)(long (*)(long), long);

__attribute__((noinline)) static long twice(long x)
{
	volatile long y = x;

	return y ? y + twice(y - 1) : 0;
}

static long unknown_within(long x)
{
	return unknown(twice, x) + twice(x);
}

__attribute__((noinline)) static void walk_unknown(void)
{
	begin();
	unknown(unknown_within, 4);
	end();
}

/* Code in no module, as of a run-time compiler, and code in one without tables: by the frame record. */
static void code_without_tables(void **state)
{
	enum { SIZE = 64 };
	char *copy = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(copy != MAP_FAILED);
	memcpy(copy, (const void *)frames_unknown, SIZE);
	__builtin___clear_cache(copy, copy + SIZE);
	for (int i = 0; i < 2; i++) {
		start_anew();
		unknown = i ? (long (*)(long (*)(long), long))copy : frames_unknown;
		muted = (uintptr_t)unknown;
		muted_end = muted + SIZE;
		walk_unknown();
		clear_breaks();
		muted = muted_end = 0;
		expect_right(i ? "in no module" : "without tables", 50);
	}
	munmap(copy, PAGE);
}

static void on_wild(int signal, siginfo_t *info, void *p)
{
	ucontext_t *context = p;

	(void)signal;
	(void)info;
	take_callers(false);
	call(context->uc_mcontext.regs[30]);
	compare(context);
	context->uc_mcontext.pc = context->uc_mcontext.regs[30];
}

/* The caller is what x30 tells. */
static void a_call_through_a_null_pointer(void **state)
{
	struct sigaction action = { .sa_sigaction = on_wild, .sa_flags = SA_SIGINFO }, before;
	void (*volatile nowhere)(void) = NULL;

	(void)state;
	start_anew();
	sigaction(SIGSEGV, &action, &before);
	stepper_note_callers();
	nowhere();
	sigaction(SIGSEGV, &before, NULL);
	expect_right("a null pointer", 1);
}

/* Else the shapes with signed return addresses would show nothing. */
static void signatures_are_real(void **state)
{
	static int place;
	uintptr_t got, wanted = (uintptr_t)&place;

	(void)state;
	/* paciasp works on x30; the signature of one address may be zero by chance, but not of eight */
	for (uintptr_t i = 0; i < 8; i++) {
		register uintptr_t x30 __asm__("x30") = wanted + i;

		__asm__ volatile("hint #25" : "+r"(x30));
		got = x30;
		if (got != wanted + i) {
			assert_true(without_signature(got) == wanted + i);
			return;
		}
	}
	fail_msg("this processor does not sign");
}

/* ---- at random moments, in several threads ---- */

enum { THREADS = 3, TICKS = 60, TIMED_FRAMES = 40 };

struct timed {
	struct assay_thread *thread;
	uintptr_t callers[8];
	int callers_count;
	volatile int walks, wrong;
	enum assay_spool_walk end;
};
static __thread struct timed *timed;

/* All that is further out than the thread's work is known, and the path leads there. */
static void on_tick(int signal, siginfo_t *info, void *context)
{
	enum assay_spool_walk how;
	int saved = errno;
	uint32_t n = assay_unwind_own(timed->thread, context, &how), m = (uint32_t)timed->callers_count;

	n = assay_unwind_whole(timed->thread, n);
	assay_unwind_keep(timed->thread);

	(void)signal;
	(void)info;
	timed->walks++;
	for (uint32_t i = 0; how == ASSAY_WALK_COMPLETE && n >= m && i < m; i++)
		if (absolute(&timed->thread->frames[n - m + i]) != timed->callers[i] - 1)
			how = ASSAY_WALKS;
	if (how != ASSAY_WALK_COMPLETE || n < m || n > TIMED_FRAMES + m) {
		timed->wrong++;
		timed->end = how;
	}
	errno = saved;
}

static int compare_longs(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void work_a_little(void)
{
	long numbers[50];
	char text[80];

	for (int i = 0; i < 50; i++)
		numbers[i] = i * 31 % 50;
	qsort(numbers, 50, sizeof *numbers, compare_longs);
	snprintf(text, sizeof text, "%ld %g", numbers[7] + twice(20), 1.5);
	frames_apart(twice, 10);
	frames_expression(twice, 10);
	frames_signed(twice, 10);
}

__attribute__((noinline)) static void work_timed(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF };
	struct itimerspec often = { { 0, 2000000 }, { 0, 2000000 } };
	void *found[16];
	timer_t timer;
	int n = backtrace(found, 16);

	/* from this function's caller on */
	for (int i = 1; i < n && i < 9; i++)
		timed->callers[timed->callers_count++] = (uintptr_t)found[i];
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || timer_settime(timer, 0, &often, NULL) != 0)
		return;
	while (timed->walks < TICKS)
		work_a_little();
	timer_delete(timer);
}

static void *run_timed(void *argument)
{
	pthread_attr_t attributes;
	size_t size;
	void *low;

	timed = argument;
	if (pthread_getattr_np(pthread_self(), &attributes) == 0 &&
	    pthread_attr_getstack(&attributes, &low, &size) == 0) {
		timed->thread->stack_low = (uintptr_t)low;
		timed->thread->stack_high = (uintptr_t)low + size;
		pthread_attr_destroy(&attributes);
	}
	work_timed();
	return NULL;
}

static void at_the_ticks_of_timers_in_threads(void **state)
{
	struct sigaction action = { .sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct timed all[THREADS] = { 0 };
	pthread_t threads[THREADS];

	(void)state;
	assert_int_equal(sigaction(SIGPROF, &action, NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		all[i].thread = malloc(sizeof *all[i].thread);
		assert_non_null(all[i].thread);
		*all[i].thread = *thread;
		assert_int_equal(pthread_create(&threads[i], NULL, run_timed, &all[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		free(all[i].thread);
	}
	for (int i = 0; i < THREADS; i++) {
		if (all[i].wrong)
			fail_msg("thread %d: %d of %d walks are wrong, one ended with %d", i, all[i].wrong, all[i].walks,
				 all[i].end);
		assert_true(all[i].walks >= TICKS);
	}
}

/* ---- nonsense ---- */

static uint64_t random_state = 88172645463325252;

static uint64_t draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

enum { STACK = 4 * PAGE };

/* A word as a smashed stack may hold: into the stack, into code, an edge, or anything. */
static uint64_t some_word(const uint8_t *stack)
{
	static const uint64_t edges[] = { 0, 1, 8, PAGE, 0xffffffffffff, 0x1000000000000, 0xffffffffffffffff,
		0xfffffffffffffff8, 0x00ff000000000000 };
	const struct assay_module *m = assay_module_at((int)(draw() % (unsigned)assay_module_count()));

	switch (draw() % 6) {
	case 0: return (uint64_t)stack + draw() % (STACK + 16);
	case 1: return (uint64_t)stack + draw() % (STACK / 8) * 8;
	case 2:
	case 3: return m->start + draw() % (m->end - m->start);
	case 4: return edges[draw() % (sizeof edges / sizeof *edges)];
	default: return draw();
	}
}

/* Each walk comes back, within its bounds, and reads nothing forbidden. */
static void smashed_stacks(void **state)
{
	uint8_t *fence = mmap(NULL, STACK + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *stack = fence + PAGE;
	uintptr_t low = thread->stack_low, high = thread->stack_high;
	uint32_t ends[ASSAY_WALKS] = { 0 };
	ucontext_t context;

	(void)state;
	assert_true(fence != MAP_FAILED);
	assert_int_equal(mprotect(stack, STACK, PROT_READ | PROT_WRITE), 0);
	memset(&context, 0, sizeof context);
	thread->stack_low = (uintptr_t)stack;
	thread->stack_high = (uintptr_t)stack + STACK;
	for (int i = 0; i < 30000; i++) {
		enum assay_spool_walk how = ASSAY_WALKS;
		uint32_t n;

		for (int k = 0; k < 64; k++)
			((uint64_t *)(void *)stack)[draw() % (STACK / 8)] = some_word(stack);
		for (int k = 0; k < 31; k++)
			context.uc_mcontext.regs[k] = some_word(stack);
		context.uc_mcontext.sp = draw() % 4 ? (uint64_t)stack + draw() % (STACK / 16) * 16 : some_word(stack);
		context.uc_mcontext.pc = some_word(stack);
		n = assay_unwind_own(thread, &context, &how);
		n = assay_unwind_whole(thread, n);
		assay_unwind_keep(thread);
		assert_in_range(n, 1, ASSAY_FRAMES_MAX);
		assert_in_range(how, 0, ASSAY_WALK_BAD_RULE);
		ends[how]++;
	}
	thread->stack_low = low;
	thread->stack_high = high;
	munmap(fence, STACK + 2 * PAGE);
	/* the ways to end that nonsense must lead to */
	assert_true(ends[ASSAY_WALK_NO_RULE] > 0);
	assert_true(ends[ASSAY_WALK_BAD_READ] > 0);
	assert_true(ends[ASSAY_WALK_NO_ASCENT] > 0);
}

/* ---- set-up ---- */

static int note_module(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	assay_module_add(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, info->dlpi_name, NULL);
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = (info->dlpi_addr + p->p_vaddr) & ~(uintptr_t)(PAGE - 1);

		/* breakpoints are written there */
		if (p->p_type == PT_LOAD && p->p_flags & PF_X)
			mprotect((void *)start, info->dlpi_addr + p->p_vaddr + p->p_memsz - start,
				 PROT_READ | PROT_WRITE | PROT_EXEC);
	}
	return 0;
}

/* It is the third word of the linkage table's data. */
static uintptr_t find_resolver(void)
{
	for (const ElfW(Dyn) *d = _DYNAMIC; d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_PLTGOT)
			return ((const uintptr_t *)d->d_un.d_ptr)[2];
	return 0;
}

static int setup(void **state)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	(void)state;
	resolver = find_resolver();
	core_process_begin(64 << 20);
	thread = core_process_thread();
	assay_module_find_object = _dl_find_object;
	dl_iterate_phdr(note_module, NULL);
	stand_in_for_the_vdso();
	/* libgcc is loaded by the first call */
	stepper_note_callers();
	return sigaction(SIGTRAP, &action, NULL);
}

static int teardown(void **state)
{
	(void)state;
	core_process_end();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(code_without_tables),
		cmocka_unit_test(a_call_through_a_null_pointer),
		cmocka_unit_test(signatures_are_real),
		cmocka_unit_test(at_the_ticks_of_timers_in_threads),
		cmocka_unit_test(smashed_stacks),
	};
	struct CMUnitTest tests[32];
	int n = 0;

	while (n < shapes_count) {
		tests[n] = (struct CMUnitTest){ shapes[n].name, next_shape, NULL, NULL };
		n++;
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		tests[n++] = others[i];
	return shim_run_all(tests, n, setup, teardown);
}
