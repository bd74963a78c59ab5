/*
 * First the functions that the host hands to plugins, a group for each kind of thing that they measure; then how plugins are
 * chosen, loaded and started; then their hooks. (Longer than other files: the host is one table, and its functions share the
 * metrics and the page that says whose the spool is.)
 */
#include "plugins.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "assay/plugin.h"
#include "frames.h"
#include "places.h"
#include "profile/environment.h"
#include "real.h"
#include "sig/arena.h"
#include "sig/cct.h"
#include "sig/handler.h"
#include "sig/region.h"
#include "sig/span.h"
#include "sig/wait.h"
#include "ticks.h"
#include "wrap.h"

enum { METRICS = 64, FIRST_METRIC = 1 /* 0 is CPU time */ };
#define THRESHOLD_STANDARD "20us"

_Static_assert((int)ASSAY_PLUGIN_EXACT_TIME == (int)ASSAY_METRIC_EXACT_TIME, "kinds are the spool's");
_Static_assert((int)ASSAY_PLUGIN_COUNT == (int)ASSAY_METRIC_COUNT, "kinds are the spool's");
_Static_assert((int)ASSAY_PLUGIN_BYTES == (int)ASSAY_METRIC_BYTES, "kinds are the spool's");
_Static_assert((int)ASSAY_PLUGIN_WAIT == (int)ASSAY_METRIC_WAIT, "kinds are the spool's");
_Static_assert((int)ASSAY_PLUGIN_BLAME == (int)ASSAY_METRIC_BLAME, "kinds are the spool's");
_Static_assert((int)ASSAY_PLUGIN_TEAM_TIME == (int)ASSAY_METRIC_TEAM_TIME, "kinds are the spool's");
_Static_assert((int)ASSAY_PLUGIN_TEAM_WORK == (int)ASSAY_METRIC_TEAM_WORK, "kinds are the spool's");
_Static_assert((int)ASSAY_PLUGIN_TEAM_LONGEST == (int)ASSAY_METRIC_TEAM_LONGEST, "kinds are the spool's");

struct plugin {
	const struct assay_plugin *is; /* NULL: it could not be had */
	const char *name, *options;    /* as the run gives them: "NAME=VALUE:..." or "" */
	const char *path;              /* of one that is loaded on demand, else NULL */
	void *handle;                  /* by which it was loaded */
	_Atomic bool started;          /* or tried */
	const char *left_out;          /* why, or NULL: it works */
	uint64_t threshold_ns;
	uint32_t first_metric;
};

static struct plugin plugins[ASSAY_PLUGINS_MAX];
static unsigned count;
static struct plugin *current; /* whose probe or start is being called */
static _Atomic bool starting;  /* one that is loaded on demand */
static bool chosen;
static struct {
	const struct assay_plugin_metric *is;
	const struct plugin *of;
} metrics[METRICS];
static uint32_t metrics_used = FIRST_METRIC;
static char words[ASSAY_PLUGINS_TEXT_MAX]; /* the run's list, cut into pieces */

/* ---- options ---- */

/* The value given for an option, or NULL; *length without what follows. */
static const char *given(const struct plugin *p, const char *name, size_t *length)
{
	size_t n = strlen(name);

	for (const char *at = p->options; *at; at += strcspn(at, ":"), at += *at == ':') {
		if (strncmp(at, name, n) == 0 && at[n] == '=') {
			*length = strcspn(at + n + 1, ":");
			return at + n + 1;
		}
	}
	return NULL;
}

static const char *host_option(const char *name)
{
	static char value[256];
	const struct assay_plugin_option *o = current && current->is ? current->is->options : NULL;
	size_t length = 0;
	const char *text = current ? given(current, name, &length) : NULL;

	if (text) {
		if (length >= sizeof value)
			return NULL;
		memcpy(value, text, length);
		value[length] = 0;
		return value;
	}
	for (; o && o->name; o++)
		if (strcmp(o->name, name) == 0)
			return o->standard;
	return strcmp(name, "threshold") == 0 ? THRESHOLD_STANDARD : NULL;
}

static uint64_t host_option_ns(const char *name)
{
	static const struct { const char *unit; uint64_t ns; } units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
	const char *text = host_option(name);
	char *end;
	double value = text && *text >= '0' && *text <= '9' ? strtod(text, &end) : -1;

	if (value < 0)
		return UINT64_MAX;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strcmp(end, units[i].unit) == 0 && value * (double)units[i].ns < 1e18)
			return (uint64_t)(value * (double)units[i].ns);
	return UINT64_MAX;
}

/* ---- what a plugin may call at any time ---- */

static uint64_t host_now(void)
{
	return assay_ticks_ns();
}

/*
 * A page that the kernel empties in the child of a fork, by whatever call: a child that Assay did not see made has its
 * parent's spool, and must not write to it.
 */
static volatile unsigned char *mine;

static void make_mine(void)
{
	void *page = mine ? (void *)(uintptr_t)mine :
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || madvise(page, 4096, MADV_WIPEONFORK) < 0)
		return; /* nothing is recorded */
	mine = page;
	*mine = 1;
}

static inline bool is_measured(void)
{
	return assay_tls.thread && atomic_load_explicit(&assay_process.on, memory_order_relaxed) && mine && *mine;
}

/* For a function of the host's: always inlined, for the guard is known by the stack frame of whoever took it. */
__attribute__((always_inline)) static inline bool enter_host(void)
{
	return is_measured() && assay_guard_enter();
}

/* For a plugin, which keeps the guard when this returns. */
static bool host_enter(void)
{
	if (!enter_host())
		return false;
	assay_tls.inside = ASSAY_GUARD_KEPT;
	return true;
}

static void host_leave(void)
{
	assay_guard_leave();
	if (assay_tls.thread && assay_tls.thread->missed)
		assay_handler_catch_up();
}

static uint32_t host_metric(const char *name)
{
	for (uint32_t i = current ? current->first_metric : METRICS; i < metrics_used && metrics[i].of == current; i++)
		if (strcmp(metrics[i].is->name, name) == 0)
			return i;
	return UINT32_MAX;
}

static uint32_t frame(const char *kind, const char *name, uintptr_t address)
{
	static const char *const ours[] = { "program", "native", "inlined", "special" };
	uint32_t number = 0;
	int saved = errno;

	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (strcmp(kind, ours[i]) == 0)
			return 0;
	if (assay_process.header && atomic_load(&assay_process.on))
		number = assay_frames_number(kind, name, address);
	errno = saved;
	return number;
}

static uint32_t host_frame(const char *kind, const char *name)
{
	return frame(kind, name, 0);
}

static uint32_t host_frame_at(const char *kind, const char *prefix, const void *address)
{
	return address ? frame(kind, prefix, (uintptr_t)address) : 0;
}

static bool is_metric(uint32_t metric)
{
	return metric >= FIRST_METRIC && metric < metrics_used;
}

/* Assay's own time: what a look for a path took. */
static void note_cost(struct assay_thread *thread, uint64_t begin)
{
	atomic_store_explicit(&thread->record->self_ns, atomic_load_explicit(&thread->record->self_ns,
		memory_order_relaxed) + assay_ticks_ns() - begin, memory_order_relaxed);
}

static void note_loss(struct assay_thread *thread, int error)
{
	if (error == -ENOSPC)
		assay_handler_drop(thread, ASSAY_DROP_EVENT);
}

static void record(uint32_t metric, uint32_t frame, uint64_t n, bool with_path)
{
	assay_ref ref = assay_frames_ref(frame);
	struct assay_thread *thread = assay_tls.thread;
	uint64_t begin = with_path ? assay_ticks_ns() : 0;
	int saved = errno;

	if (!is_metric(metric) || !thread)
		return;
	if (!enter_host()) /* it is Assay itself that called what the plugin interposes */
		return;
	if (!ref || assay_span_add(thread, metric, ref, n, with_path) < 0)
		assay_handler_drop(thread, ASSAY_DROP_EVENT);
	if (with_path) /* the others cost no more than it takes to ask */
		note_cost(thread, begin);
	host_leave();
	errno = saved;
}

static void host_span(uint32_t metric, uint32_t frame, uint64_t ns)
{
	record(metric, frame, ns, is_metric(metric) && ns >= metrics[metric].of->threshold_ns);
}

/* What went to the same place lately has no more to be checked, and nothing to be made. */
static void host_add(uint32_t metric, uint32_t frame, uint64_t n)
{
	struct assay_thread *thread = assay_tls.thread;
	assay_ref ref = assay_frames_ref(frame);
	struct assay_spool_value *value = thread && ref ?
		assay_span_found(assay_span_recent(thread, metric, ref), metric, ref) : NULL;

	if (!value) {
		record(metric, frame, n, false);
		return;
	}
	if (!enter_host())
		return;
	assay_cct_put(value, n);
	assay_guard_leave();
	if (thread->missed)
		assay_handler_catch_up();
}

static void host_add_in_region(uint32_t metric, uint32_t frame, uint64_t n)
{
	assay_ref ref = assay_frames_ref(frame);
	struct assay_thread *thread = assay_tls.thread;

	if (!is_metric(metric) || !enter_host())
		return;
	if (!ref || assay_region_add(thread, metric, ref, n) < 0)
		assay_handler_drop(thread, ASSAY_DROP_EVENT);
	host_leave();
}

/* Whether a region may be opened or closed now: then host_leave must follow. */
__attribute__((always_inline)) static inline bool enter_region(uint32_t metric)
{
	return is_metric(metric) && is_measured() && assay_guard_enter();
}

static inline void leave_region(struct assay_thread *thread, int error)
{
	if (__builtin_expect(error < 0, 0))
		assay_handler_drop(thread, ASSAY_DROP_EVENT);
	assay_guard_leave();
	if (__builtin_expect(thread->missed, 0))
		assay_handler_catch_up();
}

static int open_frame(struct assay_thread *thread, uint32_t frame, uint32_t metric, uintptr_t sp, uint64_t now)
{
	if (assay_region_open_again(thread, sp, frame, metric, false, now))
		return 0;
	return assay_region_open(thread, sp, frame, assay_region_is(assay_frames_ref(frame), ASSAY_PLACE_FRAME, metric, false), now);
}

static void host_open(uint32_t frame, uint32_t metric, const void *sp)
{
	uint64_t now = assay_ticks_ns();

	if (enter_region(metric))
		leave_region(assay_tls.thread, open_frame(assay_tls.thread, frame, metric, (uintptr_t)sp, now));
}

static void host_close(uint32_t frame, uint32_t metric, const void *sp)
{
	uint64_t now = assay_ticks_ns();

	if (enter_region(metric))
		leave_region(assay_tls.thread, assay_region_close(assay_tls.thread, (uintptr_t)sp, frame, now));
}

static struct assay_region_is place_of(uintptr_t function, uint32_t metric)
{
	uint64_t address;
	uint32_t module;

	assay_places_find(function, &module, &address);
	return assay_region_is(address, module, metric, true);
}

static uint32_t host_enter_function(const void *function, uint32_t metric, const void *sp)
{
	uint64_t now = assay_ticks_ns();
	struct assay_thread *thread = assay_tls.thread;
	uint32_t depth;
	int error = 0;

	if (!enter_region(metric))
		return 0;
	if (!assay_region_open_again(thread, (uintptr_t)sp, (uintptr_t)function, metric, true, now))
		error = assay_region_open(thread, (uintptr_t)sp, (uintptr_t)function, place_of((uintptr_t)function, metric), now);
	depth = thread->region_count;
	leave_region(thread, error);
	return error < 0 ? 0 : depth;
}

/* Which functions are not worth measuring. often: a power of two, 0 for none. */
static uint64_t tiny_often, tiny_ns;

static void host_tiny(uint64_t often, uint64_t ns)
{
	tiny_ns = ns;
	for (tiny_often = often != 0; tiny_often < often && tiny_often < 1ull << 62; tiny_often *= 2)
		;
}

static bool host_leave_function(const void *function, uint32_t metric, const void *sp)
{
	uint64_t now = assay_ticks_ns();
	bool tiny;
	int error;

	if (!enter_region(metric))
		return false;
	error = assay_region_close(assay_tls.thread, (uintptr_t)sp | 1, (uintptr_t)function, now);
	tiny = tiny_often && error == 0 && assay_region_was_tiny(assay_tls.thread, (uintptr_t)function, now, tiny_often,
		tiny_ns);
	leave_region(assay_tls.thread, error);
	return tiny;
}

static void host_count_function(const void *function, uint32_t metric)
{
	/* what is added to is no handler's: without the guard */
	if (is_measured() && assay_region_count(assay_tls.thread, (uintptr_t)function))
		return;
	if (!enter_region(metric))
		return;
	leave_region(assay_tls.thread, assay_region_unmeasured(assay_tls.thread, (uintptr_t)function,
		place_of((uintptr_t)function, metric)));
}

static void host_leave_if_entered(const void *function, uint32_t metric, const void *sp)
{
	if (assay_tls.thread && assay_region_is_innermost(assay_tls.thread, (uintptr_t)sp, (uintptr_t)function))
		host_leave_function(function, metric, sp);
}

/* ---- waits and places ---- */

/* Room in the spool is asked of the kernel, now and then. */
__attribute__((always_inline)) static inline bool enter(int *saved)
{
	*saved = errno;
	return enter_host();
}

static void leave(int saved)
{
	host_leave();
	errno = saved;
}

static bool host_wait_begun(uint32_t metric, uint32_t frame_number, const void *sp, uint32_t flags, uint64_t since)
{
	int saved;
	struct assay_wait wait = { .metric = metric, .spins = flags & ASSAY_PLUGIN_WAIT_SPINS, .sp = (uintptr_t)sp,
		.frame = assay_frames_ref(frame_number), .begin_ns = since };
	bool begun;

	if (!is_metric(metric) || !enter(&saved))
		return false;
	begun = assay_wait_begin(assay_tls.thread, &wait, flags & ASSAY_PLUGIN_WAIT_LONG);
	leave(saved);
	return begun;
}

static bool host_wait_begin(uint32_t metric, uint32_t frame_number, const void *sp, uint32_t flags)
{
	return host_wait_begun(metric, frame_number, sp, flags, assay_ticks_ns());
}

static uint64_t host_wait_end(uint32_t frame_number)
{
	int saved;
	uint64_t now = assay_ticks_ns(), took = 0, threshold_ns;
	struct assay_thread *thread = assay_tls.thread;
	uint32_t metric;
	bool looks;

	if (!enter(&saved))
		return 0;
	metric = thread->wait.metric;
	looks = !thread->wait.path;
	if (is_metric(metric)) {
		threshold_ns = frame_number & ASSAY_PLUGIN_UNWOUND ? UINT64_MAX : metrics[metric].of->threshold_ns;
		note_loss(thread, assay_wait_end(thread, assay_frames_ref(frame_number & ~ASSAY_PLUGIN_UNWOUND), now,
			threshold_ns, &took));
		if (looks && took >= threshold_ns)
			note_cost(thread, now);
	}
	leave(saved);
	return took;
}

static uint64_t host_waited(void)
{
	return assay_tls.thread ? assay_tls.thread->waited_ns : 0;
}

/* A place is a node of this process's spool. */
static uint32_t host_here(uint32_t frame_number)
{
	int saved;
	assay_ref frame_ref = assay_frames_ref(frame_number), node = 0;

	if (!enter(&saved))
		return 0;
	if (frame_ref)
		node = assay_span_path(assay_tls.thread);
	if (node)
		node = assay_cct_below(assay_tls.thread, node, ASSAY_PLACE_FRAME, frame_ref);
	if (!node)
		note_loss(assay_tls.thread, -ENOSPC);
	leave(saved);
	return node;
}

/* The time, where that is asked for: by a wait that stands still, or has. */
static uint64_t now_for(const struct assay_thread *thread)
{
	bool asked = thread->wait.active;

	for (uint32_t i = thread->adopted_count; i-- && !asked;)
		asked = thread->adopted[i].wait.active;
	return asked ? assay_ticks_ns() : 0;
}

static bool host_adopt(uint32_t place, const void *sp)
{
	int saved;
	int error;

	if (!place || !enter(&saved))
		return false;
	error = assay_wait_adopt(assay_tls.thread, place, (uintptr_t)sp, now_for(assay_tls.thread));
	note_loss(assay_tls.thread, error);
	leave(saved);
	return error == 0;
}

static void host_unadopt(const void *sp)
{
	int saved;
	if (!enter(&saved))
		return;
	assay_wait_unadopt(assay_tls.thread, (uintptr_t)sp, now_for(assay_tls.thread));
	leave(saved);
}

static void host_add_at(uint32_t metric, uint32_t place, uint64_t n)
{
	bool more = metric & ASSAY_PLUGIN_MORE;
	int saved;

	metric &= ~ASSAY_PLUGIN_MORE;
	if (!is_metric(metric) || !place || !enter(&saved))
		return;
	note_loss(assay_tls.thread, assay_wait_add_at(assay_tls.thread, metric, place, n, more));
	leave(saved);
}

static void host_begin_at(uint32_t metric, uint32_t place)
{
	int saved;

	if (!is_metric(metric) || !place || !enter(&saved))
		return;
	note_loss(assay_tls.thread, assay_wait_begin_at(assay_tls.thread, metric, place, assay_ticks_ns()));
	leave(saved);
}

static void host_end_at(void)
{
	uint64_t now = assay_ticks_ns();
	int saved;

	if (!enter(&saved))
		return;
	note_loss(assay_tls.thread, assay_wait_end_at(assay_tls.thread, now));
	leave(saved);
}

static assay_plugin_dock *host_dock(uint32_t metric, uint32_t frame_number, uint32_t place, uint32_t frame_after)
{
	int saved;
	struct assay_wait wait = { .metric = metric, .frame = assay_frames_ref(frame_number), .begin_ns = assay_ticks_ns() };
	struct assay_thread *thread = assay_tls.thread;
	int error;

	if (!is_metric(metric) || !enter(&saved))
		return NULL;
	error = thread->wait.active ? -EBUSY : assay_wait_dock(thread, &wait, place, assay_frames_ref(frame_after));
	note_loss(thread, error);
	leave(saved);
	return error < 0 ? NULL : (assay_plugin_dock *)thread;
}

/* Slots of threads are never given back to the system, so it is one, if perhaps of another thread by now. */
static void host_dock_over(assay_plugin_dock *dock, uint64_t when)
{
	if (is_measured())
		assay_wait_dock_over((struct assay_thread *)dock, when);
}

static uint64_t host_undock(void)
{
	uint64_t now = assay_ticks_ns();
	int saved;

	if (!enter(&saved))
		return 0;
	note_loss(assay_tls.thread, assay_wait_undock(assay_tls.thread, now));
	leave(saved);
	return now;
}

static assay_ref string(const char *text)
{
	return text ? assay_arena_string(text, strlen(text)) : 0;
}

static void host_rank(uint32_t rank, uint32_t ranks, const char *job)
{
	struct assay_spool_header *header = assay_process.header;
	int saved;

	if (!enter(&saved))
		return;
	header->job = string(job);
	header->rank = rank;
	atomic_store_explicit(&header->ranks, ranks, memory_order_release);
	leave(saved);
}

static void host_say(const char *text)
{
	struct iovec line[] = { { (char *)"assay: ", 7 }, { (char *)text, strlen(text) }, { (char *)"\n", 1 } };
	int saved = errno;

	if (writev(STDERR_FILENO, line, 3) < 0)
		errno = saved; /* there is nobody else to tell */
}

static const struct assay_host host = {
	.abi = ASSAY_PLUGIN_ABI,
	.size = sizeof host,
	.now = host_now,
	.enter = host_enter,
	.leave = host_leave,
	.option = host_option,
	.option_ns = host_option_ns,
	.metric = host_metric,
	.frame = host_frame,
	.span = host_span,
	.open = host_open,
	.close = host_close,
	.enter_function = host_enter_function,
	.leave_function = host_leave_function,
	.add = host_add,
	.add_in_region = host_add_in_region,
	.tiny = host_tiny,
	.count_function = host_count_function,
	.leave_if_entered = host_leave_if_entered,
	.say = host_say,
	.frame_at = host_frame_at,
	.wait_begin = host_wait_begin,
	.wait_end = host_wait_end,
	.waited = host_waited,
	.here = host_here,
	.adopt = host_adopt,
	.unadopt = host_unadopt,
	.add_at = host_add_at,
	.begin_at = host_begin_at,
	.end_at = host_end_at,
	.dock = host_dock,
	.dock_over = host_dock_over,
	.undock = host_undock,
	.rank = host_rank,
	.wait_begun = host_wait_begun,
};

assay_demand_fn assay_demand;

/* ---- beginning ---- */

static void publish_metric(uint32_t id)
{
	struct assay_spool_metric *m = assay_arena_alloc_common(sizeof *m);
	const struct assay_plugin_metric *is = metrics[id].is;
	_Atomic assay_ref *list = &assay_process.header->metrics;

	if (!m)
		return;
	m->id = id;
	m->kind = is->kind;
	m->name = string(is->name);
	m->unit = string(is->unit);
	m->obtained = string("counted");
	m->help = string(is->help);
	m->next = atomic_load(list);
	atomic_store(list, assay_ref_of(m));
}

static void publish_plugin(const struct plugin *p)
{
	struct assay_spool_plugin *record = assay_arena_alloc_common(sizeof *record);
	_Atomic assay_ref *list = &assay_process.header->plugins;

	if (!record)
		return;
	record->name = string(p->name);
	record->summary = string(p->is ? p->is->summary : NULL);
	record->left_out = string(p->left_out);
	record->next = atomic_load(list);
	atomic_store(list, assay_ref_of(record));
}

void assay_plugins_rewrite(void)
{
	if (mine)
		make_mine();
	assay_frames_rewrite();
	for (uint32_t i = FIRST_METRIC; i < metrics_used; i++)
		publish_metric(i);
	for (unsigned i = 0; i < count; i++)
		if (plugins[i].started)
			publish_plugin(&plugins[i]);
	atomic_store(&starting, false); /* the thread that was at it is not in this process */
}

/* NULL, or why the plugin cannot be part of this process. */
static const char *look_at(struct plugin *p)
{
	char symbol[128] = "assay_plugin_";

	if (strlen(p->name) > sizeof symbol - 32)
		return "its name is too long";
	strcat(symbol, p->name);
	if (p->path)
		p->handle = dlopen(p->path, RTLD_NOW | RTLD_LOCAL);
	p->is = p->path && !p->handle ? NULL : dlsym(p->path ? p->handle : RTLD_DEFAULT, symbol);
	if (!p->is)
		return p->path && !p->handle ? "its shared object cannot be loaded" :
			"its shared object is not loaded, or has no plugin of that name";
	if (p->is->abi != ASSAY_PLUGIN_ABI || p->is->size < sizeof *p->is) {
		p->is = NULL;
		return "it was built for another version of Assay";
	}
	p->threshold_ns = host_option_ns("threshold");
	if (p->threshold_ns == UINT64_MAX)
		return "threshold= is no length of time (20us, 1ms)";
	return p->is->probe ? p->is->probe(&host) : NULL;
}

static const char *take_metrics(struct plugin *p)
{
	const struct assay_plugin_metric *m = p->is->metrics;

	p->first_metric = metrics_used;
	for (; m && m->name; m++) {
		if (metrics_used == METRICS) {
			metrics_used = p->first_metric;
			return "there are too many metrics";
		}
		metrics[metrics_used].is = m;
		metrics[metrics_used++].of = p;
	}
	return NULL;
}

static const char *start(struct plugin *p)
{
	const char *why = look_at(p);
	int error;

	if (!mine)
		make_mine();
	if (!why)
		why = take_metrics(p);
	if (why)
		return why;
	for (uint32_t i = p->first_metric; i < metrics_used; i++)
		publish_metric(i);
	error = p->is->start ? p->is->start(&host) : 0;
	return error < 0 ? strerrordesc_np(-error) : NULL;
}

static void start_now(struct plugin *p)
{
	current = p;
	p->left_out = start(p);
	current = NULL;
	publish_plugin(p);
	atomic_store_explicit(&p->started, true, memory_order_release);
}

static unsigned digit(char c)
{
	return c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* %3a and the like, in place. */
static void decode(char *path)
{
	char *to = path;

	for (; *path; path++) {
		if (*path == '%' && digit(path[1]) < 16 && digit(path[2]) < 16) {
			*to++ = (char)(digit(path[1]) << 4 | digit(path[2]));
			path += 2;
		} else {
			*to++ = *path;
		}
	}
	*to = 0;
}

/* As profile/environment.h says. */
static void choose(const char *list)
{
	strcpy(words, list);
	for (char *at = words; *at && count < ASSAY_PLUGINS_MAX;) {
		struct plugin *p = &plugins[count++];
		char *end = at + strcspn(at, ","), *options = at + strcspn(at, ":,"), *path = at + strcspn(at, "@:,");

		p->name = at;
		p->path = *path == '@' ? path + 1 : NULL;
		at = end + (*end != 0);
		p->options = options < end ? options + 1 : "";
		*end = *options = *path = 0;
		if (p->path)
			decode(path + 1);
		else
			start_now(p);
	}
}

/* Nobody waits: neither a thread while another loads, nor one whose own loading calls (an allocator with regions). */
static bool start_on_demand(struct plugin *p)
{
	int saved = errno;

	if (!p->started) {
		if (atomic_exchange(&starting, true))
			return false;
		if (!p->started)
			start_now(p);
		atomic_store(&starting, false);
	}
	errno = saved;
	return true;
}

static void *look_up(const char *plugin, const char *name)
{
	for (unsigned i = 0; i < count; i++) {
		struct plugin *p = &plugins[i];

		if (strcmp(p->name, plugin) != 0)
			continue;
		if (p->path && !start_on_demand(p))
			return ASSAY_DEMAND_LATER;
		return p->is && !p->left_out ? dlsym(p->path ? p->handle : RTLD_DEFAULT, name) : NULL;
	}
	return NULL;
}

/*
 * What was asked for, and the answer: a look-up in the middle of the program would take away what dlerror was to say. So
 * a program asks when it is loaded; before plugins are chosen, it is told later.
 */
enum { ASKED = 32, ASKED_TEXT = 64 };
static struct {
	char plugin[ASKED_TEXT], name[ASKED_TEXT];
	void *_Atomic found; /* NULL: nothing is known yet */
} asked[ASKED];
static _Atomic unsigned asked_count;

static void remember(const char *plugin, const char *name, void *found)
{
	unsigned n;

	if (strlen(plugin) >= ASKED_TEXT || strlen(name) >= ASKED_TEXT || (n = atomic_fetch_add(&asked_count, 1)) >= ASKED)
		return;
	strcpy(asked[n].plugin, plugin);
	strcpy(asked[n].name, name);
	atomic_store_explicit(&asked[n].found, found, memory_order_release);
}

static void *recall(const char *plugin, const char *name)
{
	for (unsigned i = 0; i < atomic_load(&asked_count) && i < ASKED; i++) {
		void *found = atomic_load_explicit(&asked[i].found, memory_order_acquire);

		if (found && strcmp(asked[i].plugin, plugin) == 0 && strcmp(asked[i].name, name) == 0)
			return found;
	}
	return NULL;
}

static void answer_early(void)
{
	for (unsigned i = 0; i < atomic_load(&asked_count) && i < ASKED; i++)
		if (asked[i].found == ASSAY_DEMAND_LATER)
			asked[i].found = look_up(asked[i].plugin, asked[i].name);
}

ASSAY_EXPORT void *assay_demand(const char *plugin, const char *name)
{
	void *found;

	if (!assay_process.active || !atomic_load(&assay_process.on))
		return NULL;
	found = recall(plugin, name);
	if (found)
		return found;
	if (assay_tls.inside)
		return ASSAY_DEMAND_LATER;
	found = chosen ? look_up(plugin, name) : ASSAY_DEMAND_LATER;
	if (found && (found != ASSAY_DEMAND_LATER || !chosen))
		remember(plugin, name, found);
	return found;
}

/* As the run's list has it, before that was taken. */
static const char *path_in_list(const char *name)
{
	static char path[ASSAY_PLUGINS_TEXT_MAX];
	static _Atomic bool known;
	const char *at = assay_environment_get(ASSAY_ENV_PLUGINS);
	size_t n = strlen(name);

	for (; at && *at; at += strcspn(at, ","), at += *at != 0) {
		char copy[sizeof path] = "";

		if (strncmp(at, name, n) != 0 || at[n] != '@' || strcspn(at, ":,") >= sizeof copy)
			continue;
		if (atomic_load_explicit(&known, memory_order_acquire))
			return path;
		strncpy(copy, at + n + 1, strcspn(at + n + 1, ":,"));
		decode(copy);
		strcpy(path, copy); /* of two threads, both write the same */
		atomic_store_explicit(&known, true, memory_order_release);
		return path;
	}
	return NULL;
}

const char *assay_plugins_path(const char *name)
{
	if (!atomic_load(&assay_process.on))
		return NULL;
	for (unsigned i = 0; i < count; i++)
		if (strcmp(plugins[i].name, name) == 0)
			return plugins[i].started && plugins[i].left_out ? NULL : plugins[i].path;
	return chosen ? NULL : path_in_list(name);
}

void assay_plugins_start(void)
{
	const char *list = assay_environment_get(ASSAY_ENV_PLUGINS);

	if (list && atomic_load(&assay_process.on) && strlen(list) < sizeof words)
		choose(list);
	answer_early();
	chosen = true;
}

void assay_plugins_reopen(struct assay_thread *thread)
{
	uint64_t now = assay_ticks_ns();

	for (uint32_t i = 0; i < thread->region_count; i++) {
		const struct assay_region *r = &thread->regions[i];
		uint32_t module = ASSAY_PLACE_FRAME;
		uint64_t address = assay_region_is_function(r->is) ? 0 : assay_frames_ref((uint32_t)r->key);

		if (assay_region_is_function(r->is))
			assay_places_find(r->key, &module, &address);
		assay_region_again(thread, i, module, address, now);
	}
}

/* ---- hooks ---- */

static bool works(const struct plugin *p)
{
	return p->started && p->is && !p->left_out && atomic_load_explicit(&assay_process.on, memory_order_relaxed);
}

#define CALL(hook)                                                     \
	do                                                             \
		for (unsigned i = 0; i < count; i++)                   \
			if (works(&plugins[i]) && plugins[i].is->hook) \
				plugins[i].is->hook();                 \
	while (0)

void assay_plugins_stop(void)
{
	CALL(stop);
}

void assay_plugins_thread_start(void)
{
	CALL(thread_start);
}

void assay_plugins_thread_stop(void)
{
	CALL(thread_stop);
}

void assay_plugins_after_fork(void)
{
	CALL(after_fork);
}
