/*
 * itt.c: programs that mark themselves by Intel's ITT API. The part of it that is linked into them loads a collector at the
 * first call (INTEL_LIBITTNOTIFY64; core/wrap_environment.c answers that), which is this library, and calls its
 * __itt_api_init with a list of function pointers by name. Those that are filled in are called from then on; the others do
 * nothing. Layouts are those of ittnotify.h and ittnotify_config.h (Intel, github.com/intel/ittapi).
 *
 * Tasks begin and end in one thread, in a stack for each domain, in any function: regions of no function's. Tasks that
 * overlap, regions and frames may end in another thread: ranges. Markers are messages. Names and domains are made by the
 * program's own part, which leaves a number in each for the collector's use.
 */
#include <pthread.h>
#include <string.h>

#include "names.h"
#include "ranges.h"

struct domain {
	volatile int flags;
	const char *name;
	void *wide;
	int tag; /* ours: which stack of tasks; 0: none yet */
	void *extra;
	struct domain *next;
};

struct string {
	const char *text;
	void *wide;
	int extra;
	void *extra2;
	struct string *next;
};

struct id {
	unsigned long long d1, d2, d3;
};

struct function {
	const char *name;
	void **pointer;
	void *first, *without; /* what it points to at first, and where there is no collector */
	int group;
};

struct global {
	unsigned char magic[8];
	unsigned long major, minor, build;
	volatile long initialized, mutex_initialized, counter;
	pthread_mutex_t mutex;
	void *library, *error_handler;
	const char **path;
	struct function *functions; /* ended by one without a name */
};
static const unsigned char magic[8] = { 0xed, 0xab, 0xab, 0xec, 0x0d, 0xee, 0xda, 0x30 };

enum { DOMAINS = 1000 };

static const void *tag_of(const struct domain *domain)
{
	static _Atomic int tags;
	int *tag = (int *)&domain->tag, now = __atomic_load_n(tag, __ATOMIC_RELAXED), none = 0;

	if (!now) {
		now = atomic_fetch_add(&tags, 1) % DOMAINS + 1; /* of more than there are, some share a stack */
		if (!__atomic_compare_exchange_n(tag, &none, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			now = none;
	}
	return (const void *)(REGIONS_ITT + (uintptr_t)now);
}

static uint32_t frame_of(const struct assay_host *h, const char *kind, const struct domain *domain,
			 const struct string *name)
{
	struct regions_name joined;

	return h->frame(kind, regions_join(&joined, domain->name, name && name->text ? name->text : "(no name)"));
}

static uint64_t number_of(const struct id *id)
{
	return id ? id->d1 ^ id->d2 * 0x9e3779b97f4a7c15u ^ id->d3 * 0xbf58476d1ce4e5b9u : 0;
}

/* ---- what is called ---- */

static void task_begin(const struct domain *domain, struct id id, struct id parent, struct string *name)
{
	const struct assay_host *h = regions_host();

	(void)id;
	(void)parent;
	if (h && domain)
		h->open(frame_of(h, "region", domain, name), regions_metric.regions, tag_of(domain));
}

static void task_begin_function(const struct domain *domain, struct id id, struct id parent, void *function)
{
	const struct assay_host *h = regions_host();

	(void)id;
	(void)parent;
	if (h && domain)
		h->open(h->frame_at("region", "", function), regions_metric.regions, tag_of(domain));
}

static void task_end(const struct domain *domain)
{
	const struct assay_host *h = regions_host();

	if (h && domain)
		h->close(0, regions_metric.regions, tag_of(domain));
}

static void start(const struct domain *domain, const struct id *id, struct string *name)
{
	const struct assay_host *h = regions_host();

	if (h && domain)
		regions_range_start(h, (uintptr_t)domain, number_of(id), frame_of(h, "region", domain, name));
}

static void end(const struct domain *domain, const struct id *id)
{
	const struct assay_host *h = regions_host();

	if (h && domain)
		regions_range_end(h, (uintptr_t)domain, number_of(id));
}

static void range_begin(const struct domain *domain, struct id id, struct id parent, struct string *name)
{
	(void)parent;
	start(domain, &id, name);
}

static void range_end(const struct domain *domain, struct id id)
{
	end(domain, &id);
}

static void frame_begin(const struct domain *domain, struct id *id)
{
	struct string name = { .text = "frame" };

	start(domain, id, &name);
}

static void frame_end(const struct domain *domain, struct id *id)
{
	end(domain, id);
}

static void marker(const struct domain *domain, struct id id, struct string *name, int scope)
{
	const struct assay_host *h = regions_host();

	(void)id;
	(void)scope;
	if (h && domain)
		h->add_in_region(regions_metric.messages, frame_of(h, "message", domain, name), 1);
}

static void count(const struct domain *domain, struct string *name, unsigned long long n)
{
	const struct assay_host *h = regions_host();

	if (h && domain)
		h->add(regions_metric.counters, frame_of(h, "counter", domain, name), n);
}

static void count_one(const struct domain *domain, struct string *name)
{
	count(domain, name, 1);
}

/* An event's number is its frame's. */
static int event_create(const char *name, int length)
{
	const struct assay_host *h = regions_host();
	struct regions_name text;
	size_t most = length <= 0 ? 0 : (size_t)length < REGIONS_NAME_MAX ? (size_t)length : REGIONS_NAME_MAX;
	size_t n = name ? strnlen(name, most) : 0;

	if (n)
		memcpy(text.text, name, n);
	text.text[n] = 0;
	return h ? (int)h->frame("region", text.text) : 0;
}

static int event_start(int event)
{
	const struct assay_host *h = regions_host();

	if (h && event)
		h->open((uint32_t)event, regions_metric.regions, (const void *)REGIONS_ITT);
	return 0;
}

static int event_end(int event)
{
	const struct assay_host *h = regions_host();

	if (h && event)
		h->close((uint32_t)event, regions_metric.regions, (const void *)REGIONS_ITT);
	return 0;
}

/* ---- the beginning ---- */

typedef void call(void);
static const struct {
	const char *name;
	call *function;
} ours[] = {
	{ "__itt_task_begin", (call *)task_begin },
	{ "__itt_task_begin_fn", (call *)task_begin_function },
	{ "__itt_task_end", (call *)task_end },
	{ "__itt_task_begin_overlapped", (call *)range_begin },
	{ "__itt_task_end_overlapped", (call *)range_end },
	{ "__itt_region_begin", (call *)range_begin },
	{ "__itt_region_end", (call *)range_end },
	{ "__itt_frame_begin_v3", (call *)frame_begin },
	{ "__itt_frame_end_v3", (call *)frame_end },
	{ "__itt_marker", (call *)marker },
	{ "__itt_counter_inc_v3", (call *)count_one },
	{ "__itt_counter_inc_delta_v3", (call *)count },
	{ "__itt_event_create", (call *)event_create },
	{ "__itt_event_createA", (call *)event_create },
	{ "__itt_event_start", (call *)event_start },
	{ "__itt_event_end", (call *)event_end },
};

EXPORT void __itt_api_init(struct global *global, int groups);

/* Each library of a program that has the API in it calls this for itself. */
EXPORT void __itt_api_init(struct global *global, int groups)
{
	bool works;

	(void)groups;
	if (!global || memcmp(global->magic, magic, sizeof magic) != 0)
		return;
	works = regions_wake();
	for (struct function *f = global->functions; f && f->name; f++) {
		call *to = NULL;

		for (size_t i = 0; works && i < sizeof ours / sizeof ours[0]; i++)
			if (strcmp(f->name, ours[i].name) == 0)
				to = ours[i].function;
		*f->pointer = to ? (void *)to : f->without;
	}
}
