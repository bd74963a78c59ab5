/*
 * nvtx.c: programs that mark themselves by NVTX 3. Its headers look for a library at a program's first call
 * (NVTX_INJECTION64_PATH; core/wrap_environment.c answers that), which is this one: they call InitializeInjectionNvtx2 with a
 * function by which the tables of their function pointers can be had, and those that are filled in are called from then on.
 * What is not filled in does nothing. Layouts and numbers are those of NVTX 3's nvToolsExt.h and nvtxDetail/nvtxTypes.h
 * (NVIDIA, github.com/NVIDIA/NVTX).
 *
 * Push and pop may be in different functions, so a pushed range is a region of no function's, in a stack for each domain;
 * ranges from start to end may end in any thread (ranges.h); marks are messages.
 */
#include <dlfcn.h>
#include <string.h>

#include "names.h"
#include "ranges.h"

enum { TABLE_CALLBACKS = 1, MODULE_CORE = 1, MODULE_CORE2 = 5 };

/* Places in the tables. */
enum {
	MARK_EX = 1, MARK_A, MARK_W, RANGE_START_EX, RANGE_START_A, RANGE_START_W, RANGE_END, RANGE_PUSH_EX, RANGE_PUSH_A,
	RANGE_PUSH_W, RANGE_POP, CORE_USED
};
enum {
	DOMAIN_MARK_EX = 1, DOMAIN_RANGE_START_EX, DOMAIN_RANGE_END, DOMAIN_RANGE_PUSH_EX, DOMAIN_RANGE_POP,
	DOMAIN_REGISTER_A = 10, DOMAIN_REGISTER_W, DOMAIN_CREATE_A, DOMAIN_CREATE_W, CORE2_USED
};

typedef void call(void);

struct callbacks {
	size_t size;
	int (*get_table)(int module, call ****table, unsigned *size); /* an array of pointers to function pointers */
};

/* Names that do not change are registered: a handle is one of these. */
struct registered {
	const char *text;
	_Atomic uint32_t region, message; /* its frames; 0: not made yet */
};

struct domain {
	const char *name;
	uintptr_t tag; /* which stack of pushed ranges */
};

/* nvtxEventAttributes_t, of which versions 2 and 3 have all this. */
struct attributes {
	uint16_t version, size;
	uint32_t category;
	int32_t color_type;
	uint32_t color;
	int32_t payload_type, reserved;
	uint64_t payload;
	int32_t message_type;
	union {
		const char *narrow;
		const wchar_t *wide;
		struct registered *registered;
	} message;
};
enum { MESSAGE_NARROW = 1, MESSAGE_WIDE = 2, MESSAGE_REGISTERED = 3 };

enum { NO_TRACKING = -2 }; /* what push and pop return without a tool; levels are of no use to programs */

static char nameless[] = "(no name)";

/* ---- what lasts: domains, registered names ---- */

enum { DOMAINS = 1000, REGISTERED = 4096, TEXT = 256 * 1024 };
static struct domain domains[DOMAINS];
static struct registered names[REGISTERED];
static char texts[TEXT];
static _Atomic uint32_t domains_used, names_used, text_used;

/* A copy that stays; NULL: no more room. */
static const char *keep(const char *text)
{
	uint32_t size = (uint32_t)strnlen(text, REGIONS_NAME_MAX) + 1, at = atomic_load(&text_used);

	do {
		if (size > TEXT - at)
			return NULL;
	} while (!atomic_compare_exchange_weak(&text_used, &at, at + size));
	memcpy(texts + at, text, size - 1);
	return texts + at;
}

/* One more of so many; -1: there are too many. */
static int64_t next(_Atomic uint32_t *used, uint32_t most)
{
	uint32_t n = atomic_load(used);

	do {
		if (n >= most)
			return -1;
	} while (!atomic_compare_exchange_weak(used, &n, n + 1));
	return n;
}

/* Domains of one name are one: each part of a program may make it. A domain that there is no room for: the standard one. */
static struct domain *domain_create(const char *name)
{
	int64_t n;

	if (!name)
		return NULL;
	for (uint32_t i = 0; i < atomic_load(&domains_used); i++) {
		const char *has = __atomic_load_n(&domains[i].name, __ATOMIC_ACQUIRE);

		if (has && strcmp(has, name) == 0)
			return &domains[i];
	}
	n = next(&domains_used, DOMAINS);
	if (n < 0)
		return NULL;
	domains[n].tag = REGIONS_NVTX_DOMAIN + (uintptr_t)n;
	__atomic_store_n(&domains[n].name, keep(name), __ATOMIC_RELEASE);
	return &domains[n];
}

static struct domain *domain_create_wide(const wchar_t *name)
{
	struct regions_name narrow;

	return domain_create(regions_narrow(&narrow, name));
}

/* NULL: there is no room; a range of that name is nameless then. */
static struct registered *register_name(struct domain *domain, const char *name)
{
	struct regions_name joined;
	const char *text = name ? keep(regions_join(&joined, domain ? domain->name : NULL, name)) : NULL;
	int64_t n = text ? next(&names_used, REGISTERED) : -1;

	if (n < 0)
		return NULL;
	names[n].text = text;
	return &names[n];
}

static struct registered *register_wide(struct domain *domain, const wchar_t *name)
{
	struct regions_name narrow;

	return register_name(domain, regions_narrow(&narrow, name));
}

/* ---- frames ---- */

static uint32_t frame_of_registered(const struct assay_host *h, struct registered *r, bool message)
{
	_Atomic uint32_t *kept;
	uint32_t number;

	if (!r || r < names || r >= names + REGISTERED || !r->text)
		return h->frame(message ? "message" : "region", nameless);
	kept = message ? &r->message : &r->region;
	number = atomic_load_explicit(kept, memory_order_relaxed);
	if (!number) {
		number = h->frame(message ? "message" : "region", r->text);
		atomic_store_explicit(kept, number, memory_order_relaxed);
	}
	return number;
}

static uint32_t frame_of(const struct assay_host *h, const struct domain *domain, const char *name, bool message)
{
	struct regions_name joined;

	return h->frame(message ? "message" : "region",
			regions_join(&joined, domain ? domain->name : NULL, name ? name : nameless));
}

static uint32_t frame_of_wide(const struct assay_host *h, const wchar_t *name, bool message)
{
	struct regions_name narrow;

	return frame_of(h, NULL, regions_narrow(&narrow, name), message);
}

static uint32_t frame_of_event(const struct assay_host *h, const struct domain *domain, const struct attributes *event,
			       bool message)
{
	struct regions_name narrow;

	if (!event || event->size < sizeof *event)
		return frame_of(h, domain, NULL, message);
	switch (event->message_type) {
	case MESSAGE_NARROW: return frame_of(h, domain, event->message.narrow, message);
	case MESSAGE_WIDE: return frame_of(h, domain, regions_narrow(&narrow, event->message.wide), message);
	case MESSAGE_REGISTERED: return frame_of_registered(h, event->message.registered, message);
	default: return frame_of(h, domain, NULL, message);
	}
}

/* ---- what is called ---- */

static const void *tag_of(const struct domain *domain)
{
	return (const void *)(domain ? domain->tag : REGIONS_NVTX);
}

static int push(const struct assay_host *h, const struct domain *domain, uint32_t frame)
{
	h->open(frame, regions_metric.regions, tag_of(domain));
	return NO_TRACKING;
}

static int range_push(const char *name)
{
	const struct assay_host *h = regions_host();

	return h ? push(h, NULL, frame_of(h, NULL, name, false)) : NO_TRACKING;
}

static int range_push_wide(const wchar_t *name)
{
	const struct assay_host *h = regions_host();

	return h ? push(h, NULL, frame_of_wide(h, name, false)) : NO_TRACKING;
}

static int domain_range_push(struct domain *domain, const struct attributes *event)
{
	const struct assay_host *h = regions_host();

	return h ? push(h, domain, frame_of_event(h, domain, event, false)) : NO_TRACKING;
}

static int range_push_event(const struct attributes *event)
{
	return domain_range_push(NULL, event);
}

static int domain_range_pop(struct domain *domain)
{
	const struct assay_host *h = regions_host();

	if (h)
		h->close(0, regions_metric.regions, tag_of(domain));
	return NO_TRACKING;
}

static int range_pop(void)
{
	return domain_range_pop(NULL);
}

/* The number that a range is ended by. */
static uint64_t start(const struct assay_host *h, uint32_t frame)
{
	static _Atomic uint64_t ids = 1;
	uint64_t id = atomic_fetch_add_explicit(&ids, 1, memory_order_relaxed);

	regions_range_start(h, REGIONS_NVTX, id, frame);
	return id;
}

static uint64_t range_start(const char *name)
{
	const struct assay_host *h = regions_host();

	return h ? start(h, frame_of(h, NULL, name, false)) : 0;
}

static uint64_t range_start_wide(const wchar_t *name)
{
	const struct assay_host *h = regions_host();

	return h ? start(h, frame_of_wide(h, name, false)) : 0;
}

static uint64_t domain_range_start(struct domain *domain, const struct attributes *event)
{
	const struct assay_host *h = regions_host();

	return h ? start(h, frame_of_event(h, domain, event, false)) : 0;
}

static uint64_t range_start_event(const struct attributes *event)
{
	return domain_range_start(NULL, event);
}

static void range_end(uint64_t id)
{
	const struct assay_host *h = regions_host();

	if (h && id)
		regions_range_end(h, REGIONS_NVTX, id);
}

static void domain_range_end(struct domain *domain, uint64_t id)
{
	(void)domain;
	range_end(id);
}

static void mark(const char *text)
{
	const struct assay_host *h = regions_host();

	if (h)
		h->add_in_region(regions_metric.messages, frame_of(h, NULL, text, true), 1);
}

static void mark_wide(const wchar_t *text)
{
	const struct assay_host *h = regions_host();

	if (h)
		h->add_in_region(regions_metric.messages, frame_of_wide(h, text, true), 1);
}

static void domain_mark(struct domain *domain, const struct attributes *event)
{
	const struct assay_host *h = regions_host();

	if (h)
		h->add_in_region(regions_metric.messages, frame_of_event(h, domain, event, true), 1);
}

static void mark_event(const struct attributes *event)
{
	domain_mark(NULL, event);
}

/* ---- the beginning ---- */

static call *const core[CORE_USED] = {
	[MARK_EX] = (call *)mark_event, [MARK_A] = (call *)mark, [MARK_W] = (call *)mark_wide,
	[RANGE_START_EX] = (call *)range_start_event, [RANGE_START_A] = (call *)range_start,
	[RANGE_START_W] = (call *)range_start_wide, [RANGE_END] = (call *)range_end,
	[RANGE_PUSH_EX] = (call *)range_push_event, [RANGE_PUSH_A] = (call *)range_push,
	[RANGE_PUSH_W] = (call *)range_push_wide, [RANGE_POP] = (call *)range_pop,
};

static call *const core2[CORE2_USED] = {
	[DOMAIN_MARK_EX] = (call *)domain_mark, [DOMAIN_RANGE_START_EX] = (call *)domain_range_start,
	[DOMAIN_RANGE_END] = (call *)domain_range_end, [DOMAIN_RANGE_PUSH_EX] = (call *)domain_range_push,
	[DOMAIN_RANGE_POP] = (call *)domain_range_pop, [DOMAIN_REGISTER_A] = (call *)register_name,
	[DOMAIN_REGISTER_W] = (call *)register_wide, [DOMAIN_CREATE_A] = (call *)domain_create,
	[DOMAIN_CREATE_W] = (call *)domain_create_wide,
};

static bool fill(const struct callbacks *callbacks, int module, call *const *ours, unsigned count)
{
	call ***table = NULL;
	unsigned size = 0;

	if (!callbacks->get_table(module, &table, &size) || !table)
		return false;
	for (unsigned i = 1; i < count && i < size; i++)
		if (ours[i] && table[i])
			*table[i] = ours[i];
	return true;
}

EXPORT int InitializeInjectionNvtx2(const void *(*get_export_table)(uint32_t id));

/* Each library of a program that has NVTX in it calls this for itself. 0: everything is left as it is without a tool. */
EXPORT int InitializeInjectionNvtx2(const void *(*get_export_table)(uint32_t id))
{
	const struct callbacks *callbacks = get_export_table(TABLE_CALLBACKS);

	if (!regions_wake() || !callbacks || callbacks->size < sizeof *callbacks)
		return 0;
	fill(callbacks, MODULE_CORE2, core2, CORE2_USED);
	return fill(callbacks, MODULE_CORE, core, CORE_USED);
}
