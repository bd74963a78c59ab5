/*
 * shapes.c: code of many shapes, to be stepped through. Compiled several times, with and without frame pointers, with
 * signed return addresses and so on: see tests/long/aarch64.mk.
 */
#include <alloca.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

#include "stepper.h"

#define APART __attribute__((noinline))

static volatile long sink;
uintptr_t stepper_interrupted, stepper_trampoline;

APART static long fib(long n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static APART void recursion(void)
{
	begin();
	sink = fib(9);
	end();
}

APART static long deep(long n)
{
	volatile long local[4] = { n, n, n, n };

	return n ? deep(n - 1) + local[n & 3] : 0;
}

static APART void depth(void)
{
	begin();
	sink = deep(200);
	end();
}

APART static int compare_ints(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* By way of the linkage table into libc, and back out into a callback. */
static APART void callbacks(void)
{
	int numbers[24], key = 17;

	for (int i = 0; i < 24; i++)
		numbers[i] = i * 7 % 24;
	begin();
	qsort(numbers, 24, sizeof *numbers, compare_ints);
	sink = bsearch(&key, numbers, 24, sizeof *numbers, compare_ints) != NULL;
	end();
}

/* The first call of each goes through the loader's resolver. */
static APART void library(void)
{
	time_t now = 86400 * 365;
	char text[200];
	struct tm tm;

	begin();
	snprintf(text, sizeof text, "%d %.17g %s %08lx", 3, 1.0 / 3, "words", 12345678L);
	sink = (long)strtod(text + 2, NULL);
	gmtime_r(&now, &tm);
	strftime(text, sizeof text, "%F %T", &tm);
	free(strdup(text));
	end();
}

APART static int fill_and_sum(char *p, size_t n)
{
	int sum = 0;

	memset(p, 3, n);
	for (size_t i = 0; i < n; i += 16)
		sum += p[i];
	return sum;
}

APART static long with_alloca(long n)
{
	char *p = alloca((size_t)n * 24 + 1);

	return fill_and_sum(p, (size_t)n * 24 + 1) + fib(n & 3);
}

/* Arguments on the stack, and a frame whose alignment is more than the stack's. */
APART static long realigned(long n, long a, long b, long c, long d, long e, long f, long g, long h, long i)
{
	_Alignas(64) char aligned[256];
	char *p = alloca((size_t)n + 1);

	fill_and_sum(aligned, sizeof aligned);
	fill_and_sum(p, (size_t)n + 1);
	return aligned[64] + p[0] + a + b + c + d + e + f + g + h + i +
	       (n ? realigned(n - 1, i, h, g, f, e, d, c, b, a) : fib(3));
}

/* More than an immediate operand reaches: the frame is made in two steps. */
APART static long large_frame(long n)
{
	volatile char room[70000];

	room[n] = 1;
	return fib(n) + room[n];
}

static APART void stack_games(void)
{
	begin();
	for (int i = 0; i < 4; i++)
		sink = with_alloca(i);
	sink = realigned(3, 1, 2, 3, 4, 5, 6, 7, 8, 9);
	sink = large_frame(4);
	end();
}

/* As many values alive over calls as there are registers that a call keeps, and the floating ones. */
APART static double busy(long n, double x)
{
	long a = fib(n & 3), b = fib(a & 3), c = a * n, d = b * n, e = a ^ c, f = b ^ d, g = a + d, h = b + c, i = e * f;
	double y = x * 1.5, z = x + (double)n, w = y * z;

	x += (double)fib((a + b) & 3);
	sink = a + b + c + d + e + f + g + h + i;
	x += (double)fib((e + i) & 3);
	sink += a * b * c * d * e * f * g * h * i;
	return n ? busy(n - 1, x) + y * z + w : x + y + z + w;
}

static APART void many_registers(void)
{
	begin();
	sink = (long)busy(4, 2.5);
	end();
}

/* Ends in jumps to functions, not in calls. */
APART static long tail_three(long n)
{
	return fib(n) + 1;
}

APART static long tail_two(long n)
{
	sink = fib(2);
	return tail_three(n + 1);
}

static long (*volatile tail_pointer)(long) = tail_two;

APART static long tail_one(long n)
{
	sink = n;
	return tail_pointer(n);
}

static APART void tail_calls(void)
{
	begin();
	sink = tail_one(3);
	end();
}

/* Not into longjmp: its tables tell of the frame that it goes to, by words that the C library has scrambled. */
APART __attribute__((noreturn)) static void jump_out(jmp_buf where, long n)
{
	sink = fib(n);
	end();
	longjmp(where, 1);
}

static APART void jumps(void)
{
	jmp_buf where;

	begin();
	if (!setjmp(where))
		jump_out(where, 4);
	begin();
	sink = fib(3);
	end();
}

/* frames.S: each calls fib with its frame below. */
static APART void assembly(void)
{
	begin();
	sink = frames_leaf(fib, 5);
	sink = frames_only_return(fib, 5);
	sink = frames_apart(fib, 5);
	sink = frames_other_register(fib, 5);
	sink = frames_expression(fib, 5);
	sink = frames_remembered(fib, 0);
	sink = frames_remembered(fib, 5);
	sink = frames_wide(fib, 5);
	end();
}

static long apart_within(long x)
{
	return frames_apart(fib, x) + frames_expression(fib, x);
}

static long register_within(long x)
{
	return frames_other_register(apart_within, x);
}

/* One such function above another: what one keeps in a register must be found through the other. */
static APART void assembly_nested(void)
{
	begin();
	sink = frames_other_register(register_within, 3);
	sink = frames_wide(register_within, 3);
	end();
}

static long signed_within(long x)
{
	return frames_signed_b(fib, x) + fib(x);
}

static APART void signed_addresses(void)
{
	begin();
	sink = frames_signed(fib, 5);
	sink = frames_signed_b(fib, 5);
	sink = frames_signed(signed_within, 3);
	end();
}

static ucontext_t outside, inside;

static void coroutine(void)
{
	MARK(MARK_INSIDE);
	sink = fib(7) + frames_apart(fib, 3) + frames_expression(fib, 3);
	end();
	swapcontext(&inside, &outside);
	MARK(MARK_INSIDE);
	sink = frames_other_register(fib, 5) + frames_signed(fib, 5);
	end();
}

static APART void coroutines(void)
{
	static char stack[128 * 1024];

	getcontext(&inside);
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = sizeof stack;
	inside.uc_link = &outside;
	makecontext(&inside, coroutine, 0);
	swapcontext(&outside, &inside);
	begin();
	sink = fib(3);
	end();
	swapcontext(&outside, &inside);
}

static APART void on_signal(int signal, siginfo_t *info, void *p)
{
	const ucontext_t *context = p;

	(void)signal;
	(void)info;
	stepper_interrupted = context->uc_mcontext.pc;
	stepper_trampoline = (uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0));
	MARK(MARK_HANDLER);
	sink = fib(5);
}

static void with_flags(int flags)
{
	static char stack[64 * 1024];
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags };
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack }, none = { .ss_flags = SS_DISABLE };

	sigaction(SIGUSR2, &action, NULL);
	sigaltstack(&alternate, NULL);
	begin();
	raise(SIGUSR2);
	sink = fib(3);
	end();
	sigaltstack(&none, NULL);
}

static APART void handler(void)
{
	with_flags(0);
}

static APART void handler_on_an_alternate_stack(void)
{
	with_flags(SA_ONSTACK);
}

const struct shape shapes[] = {
	{ "recursion", recursion, 700 },
	{ "200 frames", depth, 1500 },
	{ "callbacks from libc", callbacks, 1000 },
	{ "the C library, by way of the resolver", library, 3000 },
	{ "alloca, alignment, a large frame", stack_games, 300 },
	{ "many registers", many_registers, 300 },
	{ "tail calls", tail_calls, 50 },
	{ "setjmp and longjmp", jumps, 100 },
	{ "assembly", assembly, 500 },
	{ "assembly, nested", assembly_nested, 200 },
	{ "signed return addresses", signed_addresses, 200 },
	{ "coroutines", coroutines, 300 },
	{ "a signal handler", handler, 150 },
	{ "a signal handler on an alternate stack", handler_on_an_alternate_stack, 150 },
};
const int shapes_count = sizeof shapes / sizeof *shapes;
