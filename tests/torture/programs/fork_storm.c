/* Two thousand forks, up to sixteen at a time. */
#include "torture.h"

int main(void)
{
	int sum = 0, status, running = 0;

	hot(PLANTED / 2);
	for (int i = 0; i < 2000; i++) {
		pid_t pid = fork();

		NEED(pid >= 0);
		if (pid == 0)
			_exit(i % 7);
		if (++running == 16) {
			NEED(wait(&status) > 0 && WIFEXITED(status));
			sum += WEXITSTATUS(status);
			running--;
		}
	}
	for (; running; running--) {
		NEED(wait(&status) > 0 && WIFEXITED(status));
		sum += WEXITSTATUS(status);
	}
	hot(PLANTED / 2);
	printf("%d\n", sum);
	return 0;
}
