/* Assembly without sizes: one function with an unwind table entry, one label without. */
__asm__(".text\n"
	".balign 64\n"
	".globl with_table\n"
	".type with_table, %function\n"
	"with_table:\n"
	".cfi_startproc\n"
	".skip 32\n"
	".cfi_endproc\n"
	".globl without_table\n"
	"without_table:\n"
	".skip 32\n");

int main(void)
{
	return 0;
}
