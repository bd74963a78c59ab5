/*
 * threads: COUNT threads that end at once, WIDTH of them at a time.
 *
 *   threads COUNT WIDTH
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH_MAX = 64 };

static void *nothing(void *p)
{
	return p;
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[1]) : 0, width = argc == 3 ? atoi(argv[2]) : 0;
	pthread_t threads[WIDTH_MAX];

	if (count < 1 || width < 1 || width > WIDTH_MAX) {
		fprintf(stderr, "usage: threads COUNT WIDTH\n");
		return 2;
	}
	for (int done = 0; done < count; done += width) {
		for (int i = 0; i < width; i++)
			if (pthread_create(&threads[i], NULL, nothing, NULL) != 0)
				return 1;
		for (int i = 0; i < width; i++)
			pthread_join(threads[i], NULL);
	}
	return 0;
}
