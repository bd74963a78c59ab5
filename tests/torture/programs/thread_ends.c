/* Threads that end in each way while samples come: return, pthread_exit far down, with destructors and clean-ups that
 * compute too. */
#include <stdatomic.h>

#include "torture.h"

static pthread_key_t key;
static atomic_int destroyed, cleaned;

static void destroy(void *p)
{
	hot(0);
	destroyed += p == &key;
}

static void clean(void *p)
{
	hot(0);
	cleaned += p == &key;
}

static void *thread(void *p)
{
	pthread_setspecific(key, &key);
	pthread_cleanup_push(clean, &key);
	hot(1);
	if (p)
		pthread_exit(&key);
	pthread_cleanup_pop(1);
	return &key;
}

int main(void)
{
	pthread_t id[4];
	int right = 0;

	pthread_key_create(&key, destroy);
	for (int i = 0; i < 160; i += 4) {
		for (int k = 0; k < 4; k++)
			NEED(pthread_create(&id[k], NULL, thread, k % 2 ? &key : NULL) == 0);
		for (int k = 0; k < 4; k++) {
			void *result;

			NEED(pthread_join(id[k], &result) == 0);
			right += result == &key;
		}
	}
	printf("%d right, %d destroyed, %d cleaned\n", right, (int)destroyed, (int)cleaned);
	return 0;
}
