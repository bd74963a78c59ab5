/* Asks whether it is being traced, as programs do that will not be: a child attaches, and so might a debugger. */
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "torture.h"

static int tracer(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	int pid = -1;

	while (fgets(line, sizeof line, f))
		sscanf(line, "TracerPid: %d", &pid);
	fclose(f);
	return pid;
}

int main(void)
{
	pid_t parent = getpid(), pid;
	int status;

	hot(PLANTED / 2);
	printf("tracer %d\n", tracer());
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_ATTACH, parent, NULL, NULL) < 0)
			_exit(2);
		if (waitpid(parent, &status, 0) != parent || !WIFSTOPPED(status))
			_exit(3);
		_exit(ptrace(PTRACE_DETACH, parent, NULL, NULL) < 0 ? 4 : 0);
	}
	printf("attached: %d\n", ended(pid));
	pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		hot(PLANTED / 4);
		raise(SIGUSR1);
		_exit(7);
	}
	/* every stop but the one that it raises would be another's doing; those go on */
	for (int stops = 0;; stops++) {
		NEED(waitpid(pid, &status, 0) == pid);
		if (!WIFSTOPPED(status))
			break;
		if (WSTOPSIG(status) == SIGUSR1)
			printf("SIGUSR1\n");
		ptrace(PTRACE_CONT, pid, NULL, WSTOPSIG(status) == SIGUSR1 ? 0 : WSTOPSIG(status));
	}
	printf("%d\n", WEXITSTATUS(status));
	hot(PLANTED / 2);
	return 0;
}
