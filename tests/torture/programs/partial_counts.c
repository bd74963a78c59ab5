/* Large writes and reads through pipes and sockets, between a thread that computes and one that does not: every call
 * moves what it would without a profiler. */
#include <sys/socket.h>

#include "torture.h"

enum { BLOCK = 1 << 20, BLOCKS = 24 };

static void *reader(void *p)
{
	static char buffer[BLOCK];
	unsigned long sum = 0;
	int fd = *(int *)p;
	ssize_t n;

	while ((n = read(fd, buffer, sizeof buffer)) > 0)
		for (ssize_t i = 0; i < n; i += 4096)
			sum += (unsigned char)buffer[i];
	printf("%s\n", n == 0 ? "end" : strerror(errno));
	return (void *)sum;
}

static void send_through(const char *what, int from, int to)
{
	static char block[BLOCK];
	int whole = 0;
	pthread_t id;

	NEED(pthread_create(&id, NULL, reader, &from) == 0);
	for (int i = 0; i < BLOCKS; i++) {
		hot(PLANTED / (BLOCKS * 4));
		whole += write(to, block, sizeof block) == sizeof block;
	}
	close(to);
	pthread_join(id, NULL);
	close(from);
	printf("%s: %d of %d whole\n", what, whole, BLOCKS);
}

int main(void)
{
	int ends[2];

	NEED(pipe(ends) == 0);
	send_through("pipe", ends[0], ends[1]);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	send_through("socket", ends[0], ends[1]);
	hot(PLANTED / 2);
	return 0;
}
