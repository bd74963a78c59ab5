/*
 * convoy: four threads and one lock. Two writers enter numbers into a table, two readers look whether it is in order.
 *
 * To enter a number is 10 units of work: 1 to make it, 9 to find out where it belongs, and next to nothing to put it
 * there. The slow form does the 9 under the table's lock, where only one thread can be at a time; the improved form
 * before it takes the lock.
 */
#include "../sample.h"

#include <pthread.h>
#include <stdatomic.h>

enum { WRITERS = 2, READERS = 2, THREADS = WRITERS + READERS, ROUNDS = 500, SLOTS = 64 };
enum { MAKE_UNITS = 1, PLACE_UNITS = 9 };

struct worker {
	pthread_t thread;
	char name[16];
	const struct sample *sample;
	int number, rounds, in_order;
	uint64_t read;
	struct truth waited;              /* for the lock */
	struct truth waited_for[THREADS]; /* the same, by who had the lock as the wait began */
};

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t table[SLOTS], entries, checksum; /* under table_lock */
static atomic_int holder = -1;                   /* who has it: for the truth only */

static struct worker workers[THREADS];

static void lock_table(struct worker *w)
{
	int whose = atomic_load_explicit(&holder, memory_order_relaxed);
	uint64_t begin = truth_now(), took;

	pthread_mutex_lock(&table_lock);
	took = truth_add(&w->waited, begin);
	atomic_store_explicit(&holder, w->number, memory_order_relaxed);
	if (whose >= 0) {
		w->waited_for[whose].ns += took;
		w->waited_for[whose].times++;
	}
}

static void unlock_table(void)
{
	atomic_store_explicit(&holder, -1, memory_order_relaxed);
	pthread_mutex_unlock(&table_lock);
}

static void put(uint64_t number, uint64_t place)
{
	table[place % SLOTS]++;
	entries++;
	checksum += number ^ place;
}

FUNCTION void enter_slow(struct worker *w, uint64_t number)
{
	lock_table(w);
	put(number, work(number, PLACE_UNITS));
	unlock_table();
}

FUNCTION void enter_improved(struct worker *w, uint64_t number)
{
	uint64_t place = work(number, PLACE_UNITS);

	lock_table(w);
	put(number, place);
	unlock_table();
}

FUNCTION bool look(struct worker *w)
{
	uint64_t sum = 0;
	bool in_order;

	lock_table(w);
	for (int i = 0; i < SLOTS; i++)
		sum += table[i];
	in_order = sum == entries;
	unlock_table();
	return in_order;
}

static void *writer(void *argument)
{
	struct worker *w = argument;

	pthread_setname_np(pthread_self(), w->name);
	for (int i = 0; i < w->rounds; i++) {
		uint64_t number = work((uint64_t)(w->number * w->rounds + i), MAKE_UNITS);

		if (w->sample->improved)
			enter_improved(w, number);
		else
			enter_slow(w, number);
	}
	return NULL;
}

static void *reader(void *argument)
{
	struct worker *w = argument;

	pthread_setname_np(pthread_self(), w->name);
	for (int i = 0; i < w->rounds; i++) {
		w->read = work(w->read + (uint64_t)w->number, MAKE_UNITS);
		w->in_order += look(w);
	}
	return NULL;
}

static void say_truth(const struct sample *s, const struct truth *joined)
{
	for (int i = 0; i < THREADS; i++) {
		struct truth blamed = { 0 };

		for (int j = 0; j < THREADS; j++) {
			blamed.ns += workers[j].waited_for[i].ns;
			blamed.times += workers[j].waited_for[i].times;
		}
		truth_say(s, workers[i].name, "waited-for-lock", &workers[i].waited);
		truth_say(s, workers[i].name, "held-while-others-waited", &blamed);
	}
	truth_say(s, "main", "waited-for-threads", joined);
}

int main(int argc, char **argv)
{
	struct sample s = sample_arguments(argc, argv, "convoy");
	struct truth joined = { 0 };
	int rounds = sample_times(&s, ROUNDS), in_order = 0;

	for (int i = 0; i < THREADS; i++) {
		struct worker *w = &workers[i];
		bool writes = i < WRITERS;

		w->sample = &s;
		w->number = i;
		w->rounds = writes ? rounds : (rounds + 1) / 2;
		snprintf(w->name, sizeof(w->name), "%s-%d", writes ? "writer" : "reader", writes ? i : i - WRITERS);
		if (pthread_create(&w->thread, NULL, writes ? writer : reader, w) != 0) {
			fprintf(stderr, "convoy: cannot start a thread\n");
			exit(1);
		}
	}
	for (int i = 0; i < THREADS; i++) {
		uint64_t begin = truth_now();

		pthread_join(workers[i].thread, NULL);
		truth_add(&joined, begin);
		in_order += workers[i].in_order;
		checksum += workers[i].read;
	}
	printf("%llu entries, found in order %d times, checksum %016llx\n", (unsigned long long)entries, in_order,
	       (unsigned long long)checksum);
	say_truth(&s, &joined);
	return sample_status("convoy",
	                     entries == (uint64_t)(WRITERS * rounds) && in_order == READERS * ((rounds + 1) / 2));
}
