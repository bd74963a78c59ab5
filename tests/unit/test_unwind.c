/*
 * test_unwind.c: the walk up the stack, against libunwind's, at every instruction of many shapes of code: the
 * processor's trap flag gives a signal after each one, prologues and epilogues included. Then walks from contexts and
 * stacks that are nonsense, which must end with a reason.
 * (Longer than most: a shape of code is a function of its own, and there are many.)
 */
#include "core/sig/unwind.h"

#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#ifdef HAVE_LIBUNWIND
#define UNW_LOCAL_ONLY
#include <libunwind.h>
#endif

#include <cmocka.h>

#if ASSAY_UNWIND_HAVE_OWN && defined HAVE_LIBUNWIND

#include "core/sig/module.h"
#include "core_process.h"

extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

enum { TRAP_FLAG = 0x100, PAGE = 4096, SHOWN = 40 };

static struct assay_thread *ours, theirs;
static volatile sig_atomic_t stepping, steps, differences, incomplete, shared;
static bool outermost_entered; /* the outermost frame is a function's first byte for us, the byte before it for libunwind */
static volatile uint32_t deepest;

/* The first difference, kept for the message. */
static struct {
	uint32_t ours, theirs;
	enum assay_spool_walk our_end, their_end;
	uintptr_t our_pc[SHOWN], their_pc[SHOWN];
} seen;

static uintptr_t absolute(const struct assay_frame_ref *f)
{
	return f->address + (f->module ? ((const struct assay_spool_module *)assay_at(f->module))->bias : 0);
}

static bool same_frames(uint32_t n, uint32_t m)
{
	if (n != m)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (ours->frames[i].module != theirs.frames[i].module ||
		    (ours->frames[i].address != theirs.frames[i].address &&
		     !(outermost_entered && i == n - 1 && ours->frames[i].address == theirs.frames[i].address + 1)))
			return false;
	return true;
}

static void compare(void *context)
{
	enum assay_spool_walk our_end, their_end;
	uint32_t n = assay_unwind_own(ours, context, &our_end), m = assay_unwind_libunwind(&theirs, context, &their_end);

	shared += ours->shared > 0;
	n = assay_unwind_whole(ours, n);
	assay_unwind_keep(ours); /* so the next one may share, though here no tree is kept */
	steps++;
	deepest = n > deepest ? n : deepest;
	incomplete += our_end != ASSAY_WALK_COMPLETE;
	if (same_frames(n, m) && our_end == their_end)
		return;
	if (differences++)
		return;
	seen.ours = n;
	seen.theirs = m;
	seen.our_end = our_end;
	seen.their_end = their_end;
	for (uint32_t i = 0; i < SHOWN; i++) {
		seen.our_pc[i] = i < n ? absolute(&ours->frames[i]) : 0;
		seen.their_pc[i] = i < m ? absolute(&theirs.frames[i]) : 0;
	}
}

static void on_signal(int signal, siginfo_t *info, void *p)
{
	ucontext_t *context = p;
	int saved = errno;

	(void)info;
	if (signal == SIGTRAP || signal == SIGPROF)
		compare(context);
	if (stepping)
		context->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
	else
		context->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
	errno = saved;
}

/* From here on, a walk after every instruction of this thread, until stop(). Not in signal handlers of `on_signal`. */
static void start(void)
{
	stepping = 1;
	raise(SIGUSR1);
}

static void stop(void)
{
	stepping = 0;
}

static const char *name_of(uintptr_t pc)
{
	Dl_info info;

	return pc && dladdr((void *)pc, &info) && info.dli_sname ? info.dli_sname : "?";
}

static void show(const char *whose, uint32_t n, enum assay_spool_walk end, const uintptr_t *pc)
{
	print_error("# %s: %u frames, end %d\n", whose, n, end);
	for (uint32_t i = 0; i < n && i < SHOWN; i++)
		print_error("#   %#lx %s\n", pc[i], name_of(pc[i]));
}

/* Runs a shape of code stepwise: at each instruction the walk was libunwind's, and whole. */
static void same_as_libunwind(void (*shape)(void), int least)
{
	steps = differences = incomplete = shared = 0;
	deepest = 0;
	start();
	shape();
	stop();
	if (differences) {
		show("ours", seen.ours, seen.our_end, seen.our_pc);
		show("libunwind's", seen.theirs, seen.their_end, seen.their_pc);
		fail_msg("%d of %d walks differ from libunwind's", (int)differences, (int)steps);
	}
	if (steps < least)
		fail_msg("only %d instructions were seen", (int)steps);
	/* most walks arrive at a frame of the one before: those check what the others only would have found anew */
	if (!outermost_entered && shared < steps / 2)
		fail_msg("only %d of %d walks shared the outer part of the one before", (int)shared, (int)steps);
	if (incomplete)
		fail_msg("%d of %d walks were not whole", (int)incomplete, (int)steps);
}

/* ---- shapes of code ---- */

static volatile int sink;

__attribute__((noinline)) static int fib(int n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static void shape_recursion(void)
{
	sink = fib(10);
}

__attribute__((noinline)) static int deep(int n)
{
	volatile int local[4] = { n, n, n, n };

	return n ? deep(n - 1) + local[n & 3] : 0;
}

static void shape_deep(void)
{
	sink = deep(300);
}

#ifdef __clang__
#define WITH_FRAME_POINTER __attribute__((noinline))
#else
#define WITH_FRAME_POINTER __attribute__((noinline, optimize("no-omit-frame-pointer")))
#endif

WITH_FRAME_POINTER static int framed(int n, int m)
{
	int x = n ? framed(n - 1, m) : m;

	return x + fib(n & 3);
}

static void shape_frame_pointers(void)
{
	sink = framed(12, 3);
}

__attribute__((noinline)) static int compare_ints(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* By way of the linkage table and the loader's resolver into libc, and back out into a callback. */
static void shape_callbacks(void)
{
	int numbers[40], key = 17;

	for (int i = 0; i < 40; i++)
		numbers[i] = i * 7 % 40;
	qsort(numbers, 40, sizeof *numbers, compare_ints);
	sink = bsearch(&key, numbers, 40, sizeof *numbers, compare_ints) != NULL;
}

static void shape_library(void)
{
	char text[200];
	double x = 0;
	time_t now = 86400 * 365;
	struct tm tm;

	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof text, "%d %.17g %s %08lx", i, 1.0 / (i + 3), "words", (long)i * 12345);
		x += strtod(text + 2, NULL);
		gmtime_r(&now, &tm);
		strftime(text, sizeof text, "%F %T", &tm);
		free(strdup(text));
	}
	sink = (int)x;
}

__attribute__((noinline, cold)) static int unlikely(int n)
{
	char text[32];

	return snprintf(text, sizeof text, "%d", n);
}

/* Code that the compiler puts apart from its function, with a frame set up elsewhere. */
__attribute__((noinline)) static int with_cold_part(int n, int *p)
{
	int a = fib(n & 3), b = p[0] * 3;

	if (__builtin_expect(n > 5, 0)) {
		a += unlikely(a + b);
		b += unlikely(b) + unlikely(n);
		p[1] = a ^ b;
	}
	return a + b + p[2];
}

static void shape_cold(void)
{
	int p[3] = { 1, 2, 3 };

	for (int i = 0; i < 9; i++)
		sink = with_cold_part(i, p);
}

__attribute__((noinline)) static int fill_and_sum(char *p, size_t n)
{
	int sum = 0;

	memset(p, 3, n);
	for (size_t i = 0; i < n; i += 16)
		sum += p[i];
	return sum;
}

__attribute__((noinline)) static int with_alloca(int n)
{
	char *p = alloca((size_t)n * 24 + 1);

	return fill_and_sum(p, (size_t)n * 24 + 1) + fib(n & 3);
}

/* The stack pointer is rounded down and the CFA kept in a register, then in memory: an expression finds it. */
__attribute__((noinline)) static int realigned(int n, int a, int b, int c, int d, int e, int f, int g)
{
	_Alignas(64) char aligned[256];
	char *p = alloca((size_t)n + 1);

	fill_and_sum(aligned, sizeof aligned);
	fill_and_sum(p, (size_t)n + 1);
	return aligned[64] + p[0] + a + b + c + d + e + f + g + (n ? realigned(n - 1, g, f, e, d, c, b, a) : fib(3));
}

static void shape_stack_games(void)
{
	for (int i = 0; i < 6; i++)
		sink = with_alloca(i);
	sink = realigned(5, 1, 2, 3, 4, 5, 6, 7);
}

static ucontext_t outside, inside;

static void coroutine(void)
{
	start();
	sink = fib(8);
	stop();
	swapcontext(&inside, &outside);
	start();
	sink = fib(6);
	stop();
}

static void on_nested(int signal)
{
	(void)signal;
	/* delivery took the trap flag away */
	start();
	sink = fib(8);
	stop();
}

/* A vfork child goes back into its parent's frame on its parent's stack; vfork keeps its return address in a register. */
__attribute__((noinline)) static void shape_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(7);
	sink = (int)waitpid(pid, NULL, 0);
}

/* ---- tests ---- */

static int note_module(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	assay_module_add(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, info->dlpi_name, NULL);
	return 0;
}

static int setup(void **state)
{
	static const int signals[] = { SIGTRAP, SIGUSR1, SIGPROF };
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

	(void)state;
	core_process_begin(64 << 20);
	ours = core_process_thread();
	theirs = *ours;
	assay_module_find_object = _dl_find_object;
	dl_iterate_phdr(note_module, NULL);
	assay_libunwind.init_local2 = (int (*)(void *, void *, int))unw_init_local2;
	assay_libunwind.step = (int (*)(void *))unw_step;
	assay_libunwind.get_reg = (int (*)(void *, int, uintptr_t *))unw_get_reg;
	assay_libunwind.is_signal_frame = (int (*)(void *))unw_is_signal_frame;
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &action, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	core_process_end();
	return 0;
}

static void recursion(void **state)
{
	(void)state;
	same_as_libunwind(shape_recursion, 1000);
	same_as_libunwind(shape_deep, 3000);
	assert_true(deepest > 300);
}

static void frame_pointers(void **state)
{
	(void)state;
	same_as_libunwind(shape_frame_pointers, 300);
}

static void callbacks_from_libc(void **state)
{
	(void)state;
	same_as_libunwind(shape_callbacks, 1000);
}

static void all_of_the_c_library_that_printf_takes(void **state)
{
	(void)state;
	same_as_libunwind(shape_library, 5000);
}

static void cold_parts(void **state)
{
	(void)state;
	same_as_libunwind(shape_cold, 1000);
}

static void alloca_and_realignment(void **state)
{
	(void)state;
	same_as_libunwind(shape_stack_games, 1000);
}

static void vfork_and_its_child(void **state)
{
	(void)state;
	same_as_libunwind(shape_vfork, 30);
}

static void shape_coroutine(void)
{
	static char stack[128 * 1024];

	stop();
	getcontext(&inside);
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = sizeof stack;
	inside.uc_link = &outside;
	makecontext(&inside, coroutine, 0);
	swapcontext(&outside, &inside);
	sink = fib(3);
	swapcontext(&outside, &inside);
}

/*
 * A stack that is not the thread's own: read by copies of pages. Its outermost frame returns into glibc's
 * __start_context, whose address makecontext laid there: no call is before it.
 */
static void another_stack(void **state)
{
	(void)state;
	outermost_entered = true;
	same_as_libunwind(shape_coroutine, 500);
	outermost_entered = false;
}

static void shape_nested_signal(void)
{
	stop();
	raise(SIGUSR2);
}

/* A handler of the program's on its alternate stack: the walk crosses from there to the stack it interrupted. */
static void a_handler_on_an_alternate_stack(void **state)
{
	static char stack[64 * 1024];
	struct sigaction action = { .sa_handler = on_nested, .sa_flags = SA_ONSTACK };
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack }, none = { .ss_flags = SS_DISABLE };

	(void)state;
	assert_int_equal(sigaltstack(&alternate, NULL), 0);
	assert_int_equal(sigaction(SIGUSR2, &action, NULL), 0);
	same_as_libunwind(shape_nested_signal, 300);
	action.sa_flags = 0;
	assert_int_equal(sigaction(SIGUSR2, &action, NULL), 0);
	same_as_libunwind(shape_nested_signal, 300);
	sigaltstack(&none, NULL);
}

/* Not instruction by instruction but as in life: by a CPU timer, 100 times. */
static void at_the_ticks_of_a_timer(void **state)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGPROF };
	struct itimerspec often = { { 0, 1000000 }, { 0, 1000000 } };
	timer_t timer;

	(void)state;
	steps = differences = incomplete = shared = 0;
	assert_int_equal(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &often, NULL), 0);
	while (steps < 100) {
		shape_recursion();
		shape_callbacks();
		shape_library();
		shape_stack_games();
	}
	timer_delete(timer);
	assert_int_equal(differences, 0);
	assert_int_equal(incomplete, 0);
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

static uint8_t *fence;
enum { STACK = 4 * PAGE };

/* A stack between two forbidden pages. */
static uint8_t *fenced_stack(void)
{
	if (!fence) {
		fence = mmap(NULL, STACK + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(fence != MAP_FAILED);
		assert_int_equal(mprotect(fence + PAGE, STACK, PROT_READ | PROT_WRITE), 0);
	}
	return fence + PAGE;
}

/* An address somewhere in code that has unwind tables. */
static uint64_t some_code(void)
{
	static const void *const places[] = { (void *)fib, (void *)realigned, (void *)with_alloca, (void *)with_cold_part };
	const struct assay_module *m = assay_module_at((int)(draw() % (unsigned)assay_module_count()));

	if (draw() % 2)
		return (uint64_t)places[draw() % 4] + draw() % 200;
	return m->start + draw() % (m->end - m->start);
}

/* A word as a smashed stack may hold: into the stack, into code, an edge, or anything. */
static uint64_t some_word(const uint8_t *stack)
{
	static const uint64_t edges[] = { 0, 1, 8, PAGE, 0x7fffffffffff, 0x800000000000, 0xffffffffffffffff, 0xfffffffffffffff8,
		0xffffffffff600000 };

	switch (draw() % 6) {
	case 0: return (uint64_t)stack + draw() % (STACK + 16);
	case 1: return (uint64_t)stack + draw() % (STACK / 8) * 8;
	case 2:
	case 3: return some_code();
	case 4: return edges[draw() % (sizeof edges / sizeof *edges)];
	default: return draw();
	}
}

/* 100,000 contexts and stacks of nonsense: each walk comes back, within its bounds, and reads nothing forbidden. */
static void smashed_stacks(void **state)
{
	uint32_t ends[ASSAY_WALKS] = { 0 };
	uint8_t *stack = fenced_stack();
	ucontext_t context;

	(void)state;
	getcontext(&context);
	ours->stack_low = (uintptr_t)stack;
	ours->stack_high = (uintptr_t)stack + STACK;
	for (int i = 0; i < 100000; i++) {
		enum assay_spool_walk end = ASSAY_WALKS;
		uint32_t n;

		for (int k = 0; k < 64; k++)
			((uint64_t *)(void *)stack)[draw() % (STACK / 8)] = some_word(stack);
		for (int k = 0; k < NGREG; k++)
			context.uc_mcontext.gregs[k] = (greg_t)some_word(stack);
		if (draw() % 4)
			context.uc_mcontext.gregs[REG_RSP] = (greg_t)(stack + draw() % (STACK / 8) * 8);
		if (draw() % 4)
			context.uc_mcontext.gregs[REG_RIP] = (greg_t)some_code();
		n = assay_unwind_own(ours, &context, &end);
		assert_in_range(n, 1, ASSAY_FRAMES_MAX);
		assert_in_range(end, 0, ASSAY_WALK_BAD_RULE);
		ends[end]++;
	}
	/* the ways to end that nonsense must lead to */
	assert_true(ends[ASSAY_WALK_NO_RULE] > 0);
	assert_true(ends[ASSAY_WALK_BAD_READ] > 0);
}

/* Walks from a context that is all zeros but for pc, sp and bp. */
static uint32_t walk(uint64_t pc, const void *sp, const void *bp, enum assay_spool_walk *end)
{
	static ucontext_t context;

	memset(&context, 0, sizeof context);
	context.uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
	context.uc_mcontext.gregs[REG_RSP] = (greg_t)sp;
	context.uc_mcontext.gregs[REG_RBP] = (greg_t)bp;
	return assay_unwind_own(ours, &context, end);
}

static void wild_contexts(void **state)
{
	uint64_t *stack = (void *)fenced_stack(), *top = stack + STACK / 8;
	enum assay_spool_walk end;

	(void)state;
	memset(stack, 0, STACK);
	ours->stack_low = (uintptr_t)stack;
	ours->stack_high = (uintptr_t)stack + STACK;
	/* a call through a null pointer: the caller is found by what lies on top of the stack */
	top[-8] = (uint64_t)fib + 1;
	assert_true(walk(0, &top[-8], NULL, &end) >= 2);
	assert_int_equal(absolute(&ours->frames[0]), 0);
	assert_int_equal(absolute(&ours->frames[1]), (uintptr_t)fib);
	/* a pc in no module, with no frame pointer */
	assert_int_equal(walk(0xdead0000beef, &top[-8], NULL, &end), 1);
	assert_int_equal(end, ASSAY_WALK_NO_RULE);
	assert_int_equal(ours->frames[0].module, ASSAY_PLACE_ABSOLUTE);
	assert_int_equal(ours->frames[0].address, 0xdead0000beef);
	/* with one that bites its tail */
	top[-16] = (uint64_t)&top[-16];
	top[-15] = 0xdead0000beef;
	walk(0xdead0000beef, &top[-20], &top[-16], &end);
	assert_int_not_equal(end, ASSAY_WALK_COMPLETE);
	/* a stack pointer in no memory, outside the thread's stack and inside a forbidden page */
	walk((uint64_t)fib, (void *)0x1000, NULL, &end);
	assert_int_equal(end, ASSAY_WALK_BAD_READ);
	walk((uint64_t)fib, fence, NULL, &end);
	assert_int_equal(end, ASSAY_WALK_BAD_READ);
	walk((uint64_t)fib, (void *)-8, NULL, &end);
	assert_int_not_equal(end, ASSAY_WALK_COMPLETE);
	/* the last word of the stack, and the first */
	top[-1] = stack[0] = 0xdead0000beef;
	walk((uint64_t)fib, &top[-1], NULL, &end);
	assert_int_not_equal(end, ASSAY_WALK_COMPLETE);
	walk((uint64_t)fib, &stack[0], NULL, &end);
	assert_int_not_equal(end, ASSAY_WALK_COMPLETE);
}

/* A stack that is deeper than a walk goes: the inner part, and the reason. */
static void too_deep(void **state)
{
	enum assay_spool_walk end;
	ucontext_t context;
	uint64_t *stack = (void *)fenced_stack();

	(void)state;
	/* fib's first instruction again and again: each word of the stack is a return address */
	for (int i = 0; i < STACK / 8; i++)
		stack[i] = (uint64_t)fib + 1;
	memset(&context, 0, sizeof context);
	ours->stack_low = (uintptr_t)stack;
	ours->stack_high = (uintptr_t)stack + STACK;
	context.uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)fib;
	context.uc_mcontext.gregs[REG_RSP] = (greg_t)(uintptr_t)stack;
	assert_int_equal(assay_unwind_own(ours, &context, &end), ASSAY_FRAMES_MAX);
	assert_int_equal(end, ASSAY_WALK_TOO_DEEP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recursion),
		cmocka_unit_test(frame_pointers),
		cmocka_unit_test(callbacks_from_libc),
		cmocka_unit_test(all_of_the_c_library_that_printf_takes),
		cmocka_unit_test(cold_parts),
		cmocka_unit_test(alloca_and_realignment),
		cmocka_unit_test(vfork_and_its_child),
		cmocka_unit_test(another_stack),
		cmocka_unit_test(a_handler_on_an_alternate_stack),
		cmocka_unit_test(at_the_ticks_of_a_timer),
		cmocka_unit_test(smashed_stacks),
		cmocka_unit_test(wild_contexts),
		cmocka_unit_test(too_deep),
	};

	return cmocka_run_group_tests_name("unwind", tests, setup, teardown);
}

#else

int main(void)
{
#if ASSAY_UNWIND_HAVE_OWN
	printf("1..1\nnot ok 1 - unwind # libunwind's header was not found by configure: install libunwind-dev, the oracle\n");
	return 1;
#else
	printf("1..0 # SKIP this architecture has no unwinder of Assay's own\n");
	return 0;
#endif
}

#endif
