/*
 * convoy: four threads and one lock. Two writers enter numbers into a table, two readers look whether it is in order.
 *
 * To enter a number is 10 units of work: 1 to make it, 9 to find out where it belongs, and next to nothing to put it
 * there. The slow form does the 9 under the table's lock, where only one thread can be at a time; the improved form
 * before it takes the lock.
 */
#include "../sample.h"

#include <pthread.h>

enum { WRITERS = 2, READERS = 2, THREADS = WRITERS + READERS, ROUNDS = 500, SLOTS = 64 };
enum { MAKE_UNITS = 1, PLACE_UNITS = 9 };

/* When a thread asked for the lock, got it, and gave it back. */
struct turn {
	uint64_t asked, got, gave;
};

struct worker {
	pthread_t thread;
	char name[16];
	const struct sample *sample;
	int number, rounds, turns, in_order;
	uint64_t sum; /* of what it has made */
	struct turn *turn;
};

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t table[SLOTS], entries; /* under table_lock */

static struct worker workers[THREADS];

static void lock_table(struct worker *w)
{
	struct turn *turn = &w->turn[w->turns];

	turn->asked = truth_now();
	pthread_mutex_lock(&table_lock);
	turn->got = truth_now();
}

static void unlock_table(struct worker *w)
{
	w->turn[w->turns++].gave = truth_now();
	pthread_mutex_unlock(&table_lock);
}

static void put(uint64_t place)
{
	table[place % SLOTS]++;
	entries++;
}

/* Where it has been put. */
FUNCTION uint64_t enter_slow(struct worker *w, uint64_t number)
{
	uint64_t place;

	lock_table(w);
	place = work(number, PLACE_UNITS);
	put(place);
	unlock_table(w);
	return place;
}

FUNCTION uint64_t enter_improved(struct worker *w, uint64_t number)
{
	uint64_t place = work(number, PLACE_UNITS);

	lock_table(w);
	put(place);
	unlock_table(w);
	return place;
}

FUNCTION bool look(struct worker *w)
{
	uint64_t sum = 0;
	bool in_order;

	lock_table(w);
	for (int i = 0; i < SLOTS; i++)
		sum += table[i];
	in_order = sum == entries;
	unlock_table(w);
	return in_order;
}

static void *writer(void *argument)
{
	struct worker *w = argument;

	pthread_setname_np(pthread_self(), w->name);
	for (int i = 0; i < w->rounds; i++) {
		uint64_t number = work((uint64_t)(w->number * w->rounds + i), MAKE_UNITS);

		w->sum += number ^ (w->sample->improved ? enter_improved(w, number) : enter_slow(w, number));
	}
	return NULL;
}

static void *reader(void *argument)
{
	struct worker *w = argument;

	pthread_setname_np(pthread_self(), w->name);
	for (int i = 0; i < w->rounds; i++) {
		w->sum = work(w->sum + (uint64_t)w->number, MAKE_UNITS);
		w->in_order += look(w);
	}
	return NULL;
}

/* How long `one` had the lock while `other` waited for it. */
static uint64_t made_wait(const struct worker *one, const struct worker *other)
{
	uint64_t ns = 0;

	for (int i = 0, j = 0; i < one->turns && j < other->turns;) {
		const struct turn *had = &one->turn[i], *waited = &other->turn[j];
		uint64_t from = had->got > waited->asked ? had->got : waited->asked;
		uint64_t to = had->gave < waited->got ? had->gave : waited->got;

		if (from < to)
			ns += to - from;
		if (had->gave < waited->got)
			i++;
		else
			j++;
	}
	return ns;
}

static void say_truth(const struct sample *s, const struct truth *joined)
{
	for (int i = 0; i < THREADS; i++) {
		const struct worker *w = &workers[i];
		struct truth waited = { .times = (uint64_t)w->turns }, blamed = waited;

		for (int j = 0; j < w->turns; j++)
			waited.ns += w->turn[j].got - w->turn[j].asked;
		for (int j = 0; j < THREADS; j++) {
			if (j != i)
				blamed.ns += made_wait(w, &workers[j]);
		}
		truth_say(s, w->name, "waited-for-lock", &waited);
		truth_say(s, w->name, "had-it-while-others-waited", &blamed);
	}
	truth_say(s, "main", "waited-for-threads", joined);
}

int main(int argc, char **argv)
{
	struct sample s = sample_arguments(argc, argv, "convoy");
	struct truth joined = { 0 };
	int rounds = sample_times(&s, ROUNDS), in_order = 0;
	uint64_t checksum = 0;

	for (int i = 0; i < THREADS; i++) {
		struct worker *w = &workers[i];
		bool writes = i < WRITERS;

		w->sample = &s;
		w->number = i;
		w->rounds = writes ? rounds : (rounds + 1) / 2;
		snprintf(w->name, sizeof(w->name), "%s-%d", writes ? "writer" : "reader", writes ? i : i - WRITERS);
		w->turn = calloc((size_t)w->rounds, sizeof(*w->turn));
		if (!w->turn || pthread_create(&w->thread, NULL, writes ? writer : reader, w) != 0) {
			fprintf(stderr, "convoy: cannot start a thread\n");
			exit(1);
		}
	}
	for (int i = 0; i < THREADS; i++) {
		uint64_t begin = truth_now();

		pthread_join(workers[i].thread, NULL);
		truth_add(&joined, begin);
		in_order += workers[i].in_order;
		checksum += workers[i].sum;
	}
	printf("%llu entries, found in order %d times, checksum %016llx\n", (unsigned long long)entries, in_order,
	       (unsigned long long)checksum);
	say_truth(&s, &joined);
	return sample_status("convoy",
	                     entries == (uint64_t)(WRITERS * rounds) && in_order == READERS * ((rounds + 1) / 2));
}
