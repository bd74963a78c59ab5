/* Filters its system calls: `few` kills whoever calls more than a handful, `most` forbids only what nobody needs. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "torture.h"

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, what)
#define IF(call, what) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), ANSWER(what)

HOT_ROUNDS(locked_in)

static struct sock_filter few[] = {
	LOAD(nr),
	IF(SYS_read, SECCOMP_RET_ALLOW), IF(SYS_write, SECCOMP_RET_ALLOW), IF(SYS_exit, SECCOMP_RET_ALLOW),
	IF(SYS_exit_group, SECCOMP_RET_ALLOW), IF(SYS_rt_sigreturn, SECCOMP_RET_ALLOW),
	IF(SYS_futex, SECCOMP_RET_ALLOW), IF(SYS_munmap, SECCOMP_RET_ALLOW), IF(SYS_newfstatat, SECCOMP_RET_ALLOW),
	IF(SYS_fork, SECCOMP_RET_ALLOW), IF(SYS_clone, SECCOMP_RET_ALLOW), IF(SYS_wait4, SECCOMP_RET_ALLOW),
	IF(SYS_set_robust_list, SECCOMP_RET_ALLOW), IF(SYS_rt_sigprocmask, SECCOMP_RET_ALLOW),
	IF(SYS_execve, SECCOMP_RET_ALLOW), IF(SYS_gettid, SECCOMP_RET_ALLOW), IF(SYS_madvise, SECCOMP_RET_ERRNO | EPERM),
	ANSWER(SECCOMP_RET_KILL_PROCESS),
};
static struct sock_filter most[] = {
	LOAD(nr), IF(SYS_swapon, SECCOMP_RET_KILL_PROCESS), IF(SYS_reboot, SECCOMP_RET_ERRNO | EPERM),
	ANSWER(SECCOMP_RET_ALLOW),
};

static void *other(void *p)
{
	volatile int *go = p;

	hot(PLANTED / 4);
	*go = 1;
	while (*go == 1)
		;
	locked_in(1000);
	return p;
}

int main(int argc, char **argv)
{
	struct sock_fprog filter = { sizeof few / sizeof *few, few };
	bool kind = argc > 1 && strcmp(argv[1], "most") == 0;
	static volatile int go;
	pthread_t id;

	if (kind)
		filter = (struct sock_fprog){ sizeof most / sizeof *most, most };
	NEED(pthread_create(&id, NULL, other, (void *)&go) == 0);
	hot(PLANTED / 4);
	while (!go)
		sched_yield();
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (argc > 2)
		NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
	else
		NEED(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0);
	go = 2;
	locked_in(3000);
	if (kind)
		hot(PLANTED / 2);
	pthread_join(id, NULL);
	printf("filtered\n");
	fflush(stdout);
	if (fork() == 0) {
		locked_in(1000);
		_exit(3);
	}
	wait4(-1, NULL, 0, NULL);
	return 4;
}
