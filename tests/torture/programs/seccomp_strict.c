/* Locks itself in: after prctl(PR_SET_SECCOMP) only read, write, _exit and sigreturn are left, everything else kills. */
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "torture.h"

HOT_ROUNDS(locked_in)

int main(int argc, char **argv)
{
	(void)argv;
	hot(PLANTED);
	if (argc == 2)
		NEED(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL) == 0);
	else
		NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	locked_in(3000);
	if (write(1, "locked in\n", 10) != 10)
		return 1;
	syscall(SYS_exit, 4);
	return 98;
}
