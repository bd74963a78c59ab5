/*
 * written: machine code that no unwind table describes. Written to memory at run time (a compiler in the program), one
 * function with a frame pointer and one without, each calling back into C; and assembly without .cfi, with and without
 * a frame pointer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef long back_fn(long);
typedef long code_fn(back_fn *, long);

__attribute__((noinline)) static long fib(long n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

/* f(back, n): calls back(n) 20 times, adding up, and counts down 200 in between. */
static const unsigned char framed[] = {
	0x55, 0x48, 0x89, 0xe5,                         /* push rbp; mov rbp, rsp */
	0x53, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56,       /* push rbx, r12, r13, r14 */
	0x49, 0x89, 0xfc, 0x49, 0x89, 0xf5,             /* mov r12, rdi; mov r13, rsi */
	0xbb, 20, 0, 0, 0, 0x45, 0x31, 0xf6,            /* mov ebx, 20; xor r14d, r14d */
	0x4c, 0x89, 0xef, 0x41, 0xff, 0xd4,             /* again: mov rdi, r13; call r12 */
	0x49, 0x01, 0xc6,                               /* add r14, rax */
	0xb9, 200, 0, 0, 0, 0xff, 0xc9, 0x75, 0xfc,     /* mov ecx, 200; down: dec ecx; jnz down */
	0xff, 0xcb, 0x75, 0xea,                         /* dec ebx; jnz again */
	0x4c, 0x89, 0xf0,                               /* mov rax, r14 */
	0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5b, 0x5d, 0xc3,
};

static const unsigned char frameless[] = {
	0x53, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x50, /* push rbx, r12, r13, r14, rax */
	0x49, 0x89, 0xfc, 0x49, 0x89, 0xf5,
	0xbb, 20, 0, 0, 0, 0x45, 0x31, 0xf6,
	0x4c, 0x89, 0xef, 0x41, 0xff, 0xd4,
	0x49, 0x01, 0xc6,
	0xb9, 200, 0, 0, 0, 0xff, 0xc9, 0x75, 0xfc,
	0xff, 0xcb, 0x75, 0xea,
	0x4c, 0x89, 0xf0,
	0x59, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5b, 0xc3,
};

long asm_framed(back_fn *back, long n);
long asm_frameless(back_fn *back, long n);
__asm__(".text\n"
	".type asm_framed, @function\nasm_framed:\n"
	"push %rbp\nmov %rsp, %rbp\npush %rbx\nsub $8, %rsp\nmov %rdi, %rbx\nmov %rsi, %rdi\ncall *%rbx\n"
	"mov $2000, %ecx\n1: dec %ecx\njnz 1b\nadd $8, %rsp\npop %rbx\npop %rbp\nret\n"
	".size asm_framed, . - asm_framed\n"
	".type asm_frameless, @function\nasm_frameless:\n"
	"push %rbx\nmov %rdi, %rbx\nmov %rsi, %rdi\ncall *%rbx\nmov $2000, %ecx\n1: dec %ecx\njnz 1b\npop %rbx\nret\n"
	".size asm_frameless, . - asm_frameless\n");

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 1000, total = 0;
	unsigned char *code = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	code_fn *with, *without;

	if (code == MAP_FAILED)
		return 1;
	memcpy(code, framed, sizeof framed);
	memcpy(code + 4096, frameless, sizeof frameless);
	mprotect(code, 8192, PROT_READ | PROT_EXEC);
	with = (code_fn *)(void *)code;
	without = (code_fn *)(void *)(code + 4096);
	for (long i = 0; i < rounds; i++)
		total += with(fib, i % 12) + without(fib, i % 12) + asm_framed(fib, i % 12) + asm_frameless(fib, i % 12);
	printf("%ld\n", total);
	return 0;
}
