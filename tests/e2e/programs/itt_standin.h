/*
 * itt_standin.h: stands for Intel's ITT API, which is no package of Debian's. It follows what the part that is linked into
 * programs does: at the first call it asks the environment for INTEL_LIBITTNOTIFY64, opens that library, and calls its
 * __itt_api_init with a list of function pointers by name; without one, all do nothing. Layouts are those of ittnotify.h and
 * ittnotify_config.h (github.com/intel/ittapi); the tests were also run with those.
 */
#ifndef ITT_STANDIN_H
#define ITT_STANDIN_H

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct ___itt_domain {
	volatile int flags;
	const char *nameA;
	void *nameW;
	int extra1;
	void *extra2;
	struct ___itt_domain *next;
} __itt_domain;

typedef struct ___itt_string_handle {
	const char *strA;
	void *strW;
	int extra1;
	void *extra2;
	struct ___itt_string_handle *next;
} __itt_string_handle;

typedef struct {
	unsigned long long d1, d2, d3;
} __itt_id;
static const __itt_id __itt_null = { 0, 0, 0 };

static struct {
	void (*task_begin)(const __itt_domain *, __itt_id, __itt_id, __itt_string_handle *);
	void (*task_end)(const __itt_domain *);
	void (*region_begin)(const __itt_domain *, __itt_id, __itt_id, __itt_string_handle *);
	void (*region_end)(const __itt_domain *, __itt_id);
	void (*marker)(const __itt_domain *, __itt_id, __itt_string_handle *, int);
	void (*counter)(const __itt_domain *, __itt_string_handle *, unsigned long long);
	int (*event_create)(const char *, int);
	int (*event_start)(int);
	int (*event_end)(int);
	void (*other)(void); /* one that no tool need have */
} itt;

struct itt_function {
	const char *name;
	void **pointer;
	void *first, *without;
	int group;
};

static struct itt_function itt_functions[] = {
	{ "__itt_task_begin", (void **)&itt.task_begin, NULL, NULL, 0 },
	{ "__itt_task_end", (void **)&itt.task_end, NULL, NULL, 0 },
	{ "__itt_region_begin", (void **)&itt.region_begin, NULL, NULL, 0 },
	{ "__itt_region_end", (void **)&itt.region_end, NULL, NULL, 0 },
	{ "__itt_marker", (void **)&itt.marker, NULL, NULL, 0 },
	{ "__itt_counter_inc_delta_v3", (void **)&itt.counter, NULL, NULL, 0 },
	{ "__itt_event_create", (void **)&itt.event_create, NULL, NULL, 0 },
	{ "__itt_event_start", (void **)&itt.event_start, NULL, NULL, 0 },
	{ "__itt_event_end", (void **)&itt.event_end, NULL, NULL, 0 },
	{ "__itt_of_another_time", (void **)&itt.other, NULL, NULL, 0 },
	{ NULL, NULL, NULL, NULL, 0 },
};

static struct {
	unsigned char magic[8];
	unsigned long version[3];
	volatile long initialized, mutex_initialized, counter;
	pthread_mutex_t mutex;
	void *lib, *error_handler;
	const char **path;
	struct itt_function *functions;
	void *next, *threads, *domains, *strings;
	int state;
} itt_global = { .magic = { 0xed, 0xab, 0xab, 0xec, 0x0d, 0xee, 0xda, 0x30 }, .mutex = PTHREAD_MUTEX_INITIALIZER,
	.functions = itt_functions };

static void itt_initialise(void)
{
	const char *path = getenv("INTEL_LIBITTNOTIFY64");
	void (*init)(void *, int) = NULL;

	itt_global.lib = path ? dlopen(path, RTLD_LAZY) : NULL;
	*(void **)&init = itt_global.lib ? dlsym(itt_global.lib, "__itt_api_init") : NULL;
	if (init)
		init(&itt_global, -1);
	if (itt.other)
		abort();
}

/* Made by the program's own part, as with ITT's. */
static inline __itt_domain *__itt_domain_create(const char *name)
{
	__itt_domain *d = calloc(1, sizeof *d);

	if (!itt_global.initialized++)
		itt_initialise();
	if (!d)
		abort();
	d->flags = 1;
	d->nameA = strdup(name);
	return d;
}

static inline __itt_string_handle *__itt_string_handle_create(const char *text)
{
	__itt_string_handle *s = calloc(1, sizeof *s);

	if (!s)
		abort();
	s->strA = strdup(text);
	return s;
}

static inline __itt_id __itt_id_make(void *address, unsigned long long extra)
{
	__itt_id id = { (unsigned long long)(size_t)address, extra, 0 };

	return id;
}

#define ITT_CALL(pointer, ...) (itt.pointer ? (void)itt.pointer(__VA_ARGS__) : (void)0)
#define __itt_task_begin(d, id, parent, name) ITT_CALL(task_begin, d, id, parent, name)
#define __itt_task_end(d) ITT_CALL(task_end, d)
#define __itt_region_begin(d, id, parent, name) ITT_CALL(region_begin, d, id, parent, name)
#define __itt_region_end(d, id) ITT_CALL(region_end, d, id)
#define __itt_marker(d, id, name, scope) ITT_CALL(marker, d, id, name, scope)
#define __itt_counter_inc_delta_v3(d, name, n) ITT_CALL(counter, d, name, n)
#define __itt_event_create(name, n) (itt.event_create ? itt.event_create(name, n) : 0)
#define __itt_event_start(e) ITT_CALL(event_start, e)
#define __itt_event_end(e) ITT_CALL(event_end, e)
enum { __itt_scope_task = 4 };

#endif
