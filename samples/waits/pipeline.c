/*
 * pipeline: a producer, a queue with room for a few items, and a consumer who takes three times as long for each.
 *
 * To make an item is 1 unit of work, to use one is 3. In the slow form there is one consumer, so most of the time the
 * queue is full and the producer waits for room in it. In the improved form there are three.
 */
#include "../sample.h"

#include <pthread.h>

enum { ITEMS = 3000, ROOM = 8, CONSUMERS = 3 };
enum { MAKE_UNITS = 1, USE_UNITS = 3 };

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_not_full = PTHREAD_COND_INITIALIZER;
static pthread_cond_t queue_not_empty = PTHREAD_COND_INITIALIZER;
static uint64_t queue[ROOM]; /* this and what follows under queue_lock */
static int queue_first, queue_length;
static bool queue_closed;

struct thread {
	pthread_t thread;
	char name[16];
	int items;
	uint64_t sum;
	struct truth waited, worked;
};

FUNCTION void queue_put(struct thread *t, uint64_t item)
{
	pthread_mutex_lock(&queue_lock);
	while (queue_length == ROOM) {
		uint64_t begin = truth_now();

		pthread_cond_wait(&queue_not_full, &queue_lock);
		truth_add(&t->waited, begin);
	}
	queue[(queue_first + queue_length++) % ROOM] = item;
	pthread_cond_signal(&queue_not_empty);
	pthread_mutex_unlock(&queue_lock);
}

/* False: there are no more. */
FUNCTION bool queue_get(struct thread *t, uint64_t *item)
{
	bool got;

	pthread_mutex_lock(&queue_lock);
	while (!queue_length && !queue_closed) {
		uint64_t begin = truth_now();

		pthread_cond_wait(&queue_not_empty, &queue_lock);
		truth_add(&t->waited, begin);
	}
	got = queue_length > 0;
	if (got) {
		*item = queue[queue_first];
		queue_first = (queue_first + 1) % ROOM;
		queue_length--;
		pthread_cond_signal(&queue_not_full);
	}
	pthread_mutex_unlock(&queue_lock);
	return got;
}

static void queue_close(void)
{
	pthread_mutex_lock(&queue_lock);
	queue_closed = true;
	pthread_cond_broadcast(&queue_not_empty);
	pthread_mutex_unlock(&queue_lock);
}

FUNCTION uint64_t make(struct thread *t, int number)
{
	uint64_t begin = truth_now(), item = work((uint64_t)number, MAKE_UNITS);

	truth_add(&t->worked, begin);
	return item;
}

FUNCTION uint64_t use(struct thread *t, uint64_t item)
{
	uint64_t begin = truth_now(), result = work(item, USE_UNITS);

	truth_add(&t->worked, begin);
	return result;
}

static void *produce(void *argument)
{
	struct thread *t = argument;

	pthread_setname_np(pthread_self(), t->name);
	for (int i = 0; i < t->items; i++)
		queue_put(t, make(t, i));
	queue_close();
	return NULL;
}

static void *consume(void *argument)
{
	struct thread *t = argument;
	uint64_t item;

	pthread_setname_np(pthread_self(), t->name);
	for (; queue_get(t, &item); t->items++)
		t->sum += use(t, item);
	return NULL;
}

static void start(struct thread *t, void *(*routine)(void *))
{
	if (pthread_create(&t->thread, NULL, routine, t) != 0) {
		fprintf(stderr, "pipeline: cannot start a thread\n");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct sample s = sample_arguments(argc, argv, "pipeline");
	int consumers = s.improved ? CONSUMERS : 1, items = 0;
	static struct thread producer = { .name = "producer" }, consumer[CONSUMERS];
	uint64_t sum = 0;

	producer.items = sample_times(&s, ITEMS);
	start(&producer, produce);
	for (int i = 0; i < consumers; i++) {
		snprintf(consumer[i].name, sizeof(consumer[i].name), "consumer-%d", i);
		start(&consumer[i], consume);
	}
	pthread_join(producer.thread, NULL);
	for (int i = 0; i < consumers; i++) {
		pthread_join(consumer[i].thread, NULL);
		items += consumer[i].items;
		sum += consumer[i].sum;
	}
	printf("%d items, checksum %016llx\n", items, (unsigned long long)sum);
	truth_say(&s, producer.name, "waited-queue-full", &producer.waited);
	truth_say(&s, producer.name, "worked", &producer.worked);
	for (int i = 0; i < consumers; i++) {
		truth_say(&s, consumer[i].name, "waited-queue-empty", &consumer[i].waited);
		truth_say(&s, consumer[i].name, "worked", &consumer[i].worked);
	}
	return sample_status("pipeline", items == producer.items);
}
