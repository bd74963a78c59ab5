/*
 * test_host.c: the plugin host of core/plugins.c, with plugins that this program exports itself: what they are told, what
 * becomes of what they record, and who is left out.
 */
#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core_process.h"

/* The module itself: each test begins as a process does. */
#include "core/plugins.c"

#include "core/sig/cct.h"
#include "core/sig/module.h"

/* ---- what stands for the rest of the core ---- */

static const char *list; /* the run's plugins */
static struct assay_thread *thread;

const char *assay_environment_get(const char *name)
{
	return strcmp(name, ASSAY_ENV_PLUGINS) == 0 ? list : NULL;
}

static int setup(void **state)
{
	(void)state;
	memset(plugins, 0, sizeof plugins);
	count = 0;
	metrics_used = FIRST_METRIC;
	core_process_begin(4 << 20);
	thread = core_process_thread();
	assay_tls.thread = thread;
	assay_process.active = true;
	atomic_store(&assay_process.on, true);
	assay_handler_unwind = ASSAY_UNWIND_HAVE_OWN ? assay_unwind_own : assay_unwind_none;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assay_tls.thread = NULL;
	core_process_end();
	return 0;
}

/* ---- plugins ---- */

static const struct assay_host *host_given;
static uint32_t naps, bytes, none;
static char heard[512]; /* the hooks that were called, in order */
static uint64_t lengths[2];

static void hear(const char *word)
{
	assert_true(strlen(heard) + strlen(word) + 2 < sizeof heard);
	strcat(strcat(heard, word), " ");
}

static const char *fake_probe(const struct assay_host *h)
{
	assert_non_null(h);
	hear("probe");
	return NULL;
}

static int fake_start(const struct assay_host *h)
{
	hear("start");
	hear(h->option("word") ? h->option("word") : "(none)");
	assert_null(h->option("unheard"));
	lengths[0] = h->option_ns("length");
	lengths[1] = h->option_ns("threshold");
	host_given = h;
	naps = h->metric("naps");
	bytes = h->metric("bytes");
	none = h->metric("others");
	return 0;
}

static void fake_stop(void) { hear("stop"); }
static void fake_thread_start(void) { hear("thread_start"); }
static void fake_thread_stop(void) { hear("thread_stop"); }
static void fake_after_fork(void) { hear("after_fork"); }

static const struct assay_plugin_option fake_options[] = {
	{ "word", "standard", "a word" },
	{ "length", "3ms", "a length of time" },
	{ NULL, NULL, NULL },
};
static const struct assay_plugin_metric fake_metrics[] = {
	{ "naps", "ns", ASSAY_PLUGIN_EXACT_TIME, "time asleep" },
	{ "bytes", "bytes", ASSAY_PLUGIN_BYTES, "what was written" },
	{ NULL, NULL, 0, NULL },
};

ASSAY_PLUGIN(fake) = {
	.abi = ASSAY_PLUGIN_ABI, .size = sizeof(struct assay_plugin), .name = "fake", .summary = "one for tests",
	.options = fake_options, .metrics = fake_metrics, .probe = fake_probe, .start = fake_start, .stop = fake_stop,
	.thread_start = fake_thread_start, .thread_stop = fake_thread_stop, .after_fork = fake_after_fork,
};

static uint32_t others, others_naps;

static int other_start(const struct assay_host *h)
{
	hear("other");
	others = h->metric("others");
	others_naps = h->metric("naps");
	return 0;
}

static const struct assay_plugin_metric other_metrics[] = {
	{ "others", "count", ASSAY_PLUGIN_COUNT, "other things" },
	{ NULL, NULL, 0, NULL },
};

ASSAY_PLUGIN(other) = {
	.abi = ASSAY_PLUGIN_ABI, .size = sizeof(struct assay_plugin) + 8 /* newer */, .name = "other",
	.summary = "another one", .metrics = other_metrics, .start = other_start, .stop = fake_stop,
};

static int failing_start(const struct assay_host *h)
{
	(void)h;
	return -ENOSYS;
}

ASSAY_PLUGIN(failing) = {
	.abi = ASSAY_PLUGIN_ABI, .size = sizeof(struct assay_plugin), .name = "failing", .summary = "fails",
	.start = failing_start, .stop = fake_stop, .thread_start = fake_thread_start,
};

static const char *refusing_probe(const struct assay_host *h)
{
	(void)h;
	return "nothing of it in this program";
}

ASSAY_PLUGIN(refusing) = {
	.abi = ASSAY_PLUGIN_ABI, .size = sizeof(struct assay_plugin), .name = "refusing", .summary = "has nothing to do",
	.probe = refusing_probe, .start = fake_start, .stop = fake_stop,
};
ASSAY_PLUGIN(newer) = { .abi = ASSAY_PLUGIN_ABI + 1, .size = sizeof(struct assay_plugin), .start = fake_start, .stop = fake_stop };
ASSAY_PLUGIN(smaller) = { .abi = ASSAY_PLUGIN_ABI, .size = sizeof(struct assay_plugin) - 1, .start = fake_start };
ASSAY_PLUGIN(bare) = { .abi = ASSAY_PLUGIN_ABI, .size = sizeof(struct assay_plugin), .name = "bare", .summary = "no hooks" };

static void begin(const char *of_the_run)
{
	heard[0] = 0;
	host_given = NULL;
	naps = bytes = none = others = others_naps = 0;
	list = of_the_run;
	assay_plugins_start();
}

/* ---- what is in the spool ---- */

static const char *string_at(assay_ref ref)
{
	return ref ? ((const struct assay_spool_string *)assay_at(ref))->bytes : NULL; /* one NUL is stored behind it */
}

static const struct assay_spool_plugin *spool_plugin(const char *name)
{
	for (assay_ref at = assay_process.header->plugins; at;) {
		const struct assay_spool_plugin *p = assay_at(at);

		if (strcmp(string_at(p->name), name) == 0)
			return p;
		at = p->next;
	}
	return NULL;
}

static const struct assay_spool_metric *spool_metric(const char *name)
{
	for (assay_ref at = assay_process.header->metrics; at;) {
		const struct assay_spool_metric *m = assay_at(at);

		if (strcmp(string_at(m->name), name) == 0)
			return m;
		at = m->next;
	}
	return NULL;
}

static void assert_left_out(const char *name, const char *why)
{
	const struct assay_spool_plugin *p = spool_plugin(name);

	assert_non_null(p);
	if (!why) {
		assert_int_equal(p->left_out, 0);
		return;
	}
	assert_int_not_equal(p->left_out, 0);
	assert_string_equal(string_at(p->left_out), why);
}

/* What a metric has at a node, or NULL. */
static const struct assay_spool_value *value_at(assay_ref node, uint32_t metric)
{
	const struct assay_spool_node *n = assay_at(node);

	for (assay_ref at = n->values; at;) {
		const struct assay_spool_value *v = assay_at(at);

		if (v->metric == metric)
			return v;
		at = v->next;
	}
	return NULL;
}

static const struct assay_spool_value *short_value(uint32_t metric, uint32_t frame)
{
	assay_ref node = assay_cct_below(thread, 0, ASSAY_PLACE_SPECIAL, ASSAY_SPECIAL_SHORT);

	return value_at(assay_cct_below(thread, node, ASSAY_PLACE_FRAME, assay_frames_ref(frame)), metric);
}

static void assert_value(const struct assay_spool_value *v, uint64_t times, uint64_t sum)
{
	assert_non_null(v);
	assert_int_equal(v->count, times);
	assert_int_equal(v->sum, sum);
}

static uint64_t lost(void)
{
	return thread->record->dropped[ASSAY_DROP_EVENT];
}

/* ---- beginning ---- */

static void nothing_asked_for(void **state)
{
	(void)state;
	begin(NULL);
	assert_int_equal(count, 0);
	begin("");
	assert_int_equal(count, 0);
	assert_int_equal(assay_process.header->plugins, 0);
	atomic_store(&assay_process.on, false);
	begin("fake");
	assert_string_equal(heard, "");
}

static void one_that_works(void **state)
{
	const struct assay_spool_metric *m;

	(void)state;
	begin("fake");
	assert_string_equal(heard, "probe start standard ");
	assert_left_out("fake", NULL);
	assert_string_equal(string_at(spool_plugin("fake")->summary), "one for tests");
	m = spool_metric("naps");
	assert_non_null(m);
	assert_int_equal(m->id, naps);
	assert_int_equal(m->kind, ASSAY_METRIC_EXACT_TIME);
	assert_string_equal(string_at(m->unit), "ns");
	assert_string_equal(string_at(m->obtained), "counted");
	assert_string_equal(string_at(m->help), "time asleep");
	assert_int_equal(spool_metric("bytes")->id, bytes);
	assert_int_equal(none, UINT32_MAX);
	assert_true(naps != 0 && bytes != 0 && naps != bytes);
	assert_int_equal(host_given->abi, ASSAY_PLUGIN_ABI);
	assert_int_equal(host_given->size, sizeof(struct assay_host));
}

static void options_given(void **state)
{
	(void)state;
	begin("fake:length=2us:word=other");
	assert_string_equal(heard, "probe start other ");
	assert_int_equal(lengths[0], 2000);
	assert_int_equal(lengths[1], 20000);
	teardown(state);
	setup(state);
	begin("fake:word=:threshold=0ns");
	assert_string_equal(heard, "probe start  ");
	assert_int_equal(lengths[0], 3000000);
	assert_int_equal(lengths[1], 0);
	/* only while it is probed and started */
	assert_null(host_given->option("word"));
	assert_int_equal(host_given->option_ns("length"), UINT64_MAX);
	assert_int_equal(host_given->metric("naps"), UINT32_MAX);
}

static void lengths_of_time(void **state)
{
	static const struct { const char *text; uint64_t ns; } of[] = {
		{ "0ns", 0 }, { "1ns", 1 }, { "20us", 20000 }, { "1.5us", 1500 }, { "1ms", 1000000 }, { "2s", 2000000000 },
		{ "0s", 0 }, { "100000s", 100000000000000 }, { "", UINT64_MAX }, { "5", UINT64_MAX }, { "us", UINT64_MAX },
		{ "-1us", UINT64_MAX }, { "5 us", UINT64_MAX }, { "5m", UINT64_MAX }, { "5usx", UINT64_MAX },
		{ "1e400s", UINT64_MAX }, { "9999999999s", UINT64_MAX }, { "nan", UINT64_MAX }, { " 5us", UINT64_MAX },
		{ "infs", UINT64_MAX } };

	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		char text[64] = "fake:length=";

		teardown(NULL);
		setup(NULL);
		begin(strcat(text, of[i].text));
		if (lengths[0] != of[i].ns)
			fail_msg("%s: %lu ns, not %lu", of[i].text, (unsigned long)lengths[0], (unsigned long)of[i].ns);
	}
}

/* One option's name is the beginning of another's, or of its value: neither is taken for it. */
static void names_alike(void **state)
{
	(void)state;
	begin("fake:wor=a:words=b:x=word=c");
	assert_string_equal(heard, "probe start standard ");
	teardown(state);
	setup(state);
	begin("fake:word=length=9s");
	assert_string_equal(heard, "probe start length=9s ");
	assert_int_equal(lengths[0], 3000000);
}

static void several(void **state)
{
	(void)state;
	begin("fake:word=a,other,bare");
	assert_string_equal(heard, "probe start a other ");
	assert_left_out("fake", NULL);
	assert_left_out("other", NULL);
	assert_left_out("bare", NULL);
	/* each finds its own metrics only */
	assert_int_equal(none, UINT32_MAX);
	assert_int_equal(others_naps, UINT32_MAX);
	assert_int_equal(spool_metric("others")->id, others);
	assert_true(others != naps && others != bytes);
}

static void those_left_out(void **state)
{
	(void)state;
	begin("failing,refusing,newer,smaller,absent,fake:threshold=soon,other");
	assert_string_equal(heard, "other ");
	assert_left_out("failing", "Function not implemented");
	assert_left_out("refusing", "nothing of it in this program");
	assert_left_out("newer", "it was built for another version of Assay");
	assert_left_out("smaller", "it was built for another version of Assay");
	assert_left_out("absent", "its shared object is not loaded, or has no plugin of that name");
	assert_left_out("fake", "threshold= is no length of time (20us, 1ms)");
	assert_left_out("other", NULL);
	assert_int_equal(spool_plugin("absent")->summary, 0);
	/* none of them is called again */
	heard[0] = 0;
	assay_plugins_thread_start();
	assay_plugins_thread_stop();
	assay_plugins_after_fork();
	assay_plugins_stop();
	assert_string_equal(heard, "stop ");
}

static void a_name_that_is_too_long(void **state)
{
	char text[400];

	(void)state;
	memset(text, 'x', 300);
	strcpy(text + 300, ",fake");
	begin(text);
	assert_string_equal(heard, "probe start standard ");
	assert_left_out("fake", NULL);
}

static void hooks(void **state)
{
	(void)state;
	begin("fake,bare,other");
	heard[0] = 0;
	assay_plugins_thread_start();
	assay_plugins_thread_stop();
	assay_plugins_after_fork();
	assay_plugins_stop();
	assert_string_equal(heard, "thread_start thread_stop after_fork stop stop ");
	atomic_store(&assay_process.on, false);
	assay_plugins_thread_start();
	assert_string_equal(heard, "thread_start thread_stop after_fork stop stop ");
}

/* ---- recording ---- */

static void short_spans_and_counts(void **state)
{
	uint32_t frame;

	(void)state;
	begin("fake,other");
	frame = host_given->frame("nap", "usleep");
	assert_int_equal(host_given->frame("nap", "usleep"), frame);
	for (int i = 0; i < 1000; i++) {
		errno = 77;
		host_given->span(naps, frame, 19999);
		host_given->add(bytes, frame, 4096);
		host_given->add(others, frame, 1);
		assert_int_equal(errno, 77);
	}
	host_given->add(bytes, frame, 0);
	assert_value(short_value(naps, frame), 1000, 19999000);
	assert_int_equal(short_value(naps, frame)->min, 19999);
	assert_value(short_value(bytes, frame), 1001, 4096000);
	assert_value(short_value(others, frame), 1000, 1000);
	assert_int_equal(lost(), 0);
}

/* More of them than there are recent values: each comes to its own. */
static void many_without_a_path(void **state)
{
	uint32_t frames[200];
	char name[16];

	(void)state;
	begin("fake");
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof name, "frame %d", i);
		frames[i] = host_given->frame("nap", name);
	}
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 200; i++) {
			host_given->add(bytes, frames[i], (uint64_t)i);
			host_given->span(naps, frames[199 - i], 1);
		}
	for (int i = 0; i < 200; i++) {
		assert_value(short_value(bytes, frames[i]), 3, 3 * i);
		assert_value(short_value(naps, frames[i]), 3, 3);
	}
	assert_int_equal(lost(), 0);
}

static void a_rank(void **state)
{
	(void)state;
	begin("fake");
	assert_int_equal(assay_process.header->ranks, 0);
	host_given->rank(3, 16, "job 5");
	assert_int_equal(assay_process.header->rank, 3);
	assert_int_equal(assay_process.header->ranks, 16);
	assert_string_equal(((struct assay_spool_string *)assay_at(assay_process.header->job))->bytes, "job 5");
	host_given->rank(0, 1, NULL);
	assert_int_equal(assay_process.header->job, 0);
}

/* The tree's node for a value of `metric` that is not among the short ones; how deep it lies. */
static assay_ref find(assay_ref node, uint32_t metric, int depth, int *found_depth)
{
	const struct assay_spool_node *n = node ? assay_at(node) : NULL;
	assay_ref found;

	if (!n || (n->module == ASSAY_PLACE_SPECIAL && n->address == ASSAY_SPECIAL_SHORT))
		return n ? find(n->left, metric, depth, found_depth) + find(n->right, metric, depth, found_depth) : 0;
	if (value_at(node, metric)) {
		*found_depth = depth;
		return node;
	}
	found = find(n->child, metric, depth + 1, found_depth);
	found = found ? found : find(n->left, metric, depth, found_depth);
	return found ? found : find(n->right, metric, depth, found_depth);
}

static int note_module(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	assay_module_add(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, info->dlpi_name, NULL);
	return 0;
}

__attribute__((noinline)) static void sleeper(uint32_t frame, uint64_t ns)
{
	host_given->span(naps, frame, ns);
	__asm__ volatile("");
}

static void long_spans_have_a_path(void **state)
{
	const struct assay_spool_node *n;
	uint32_t frame;
	int depth = 0;
	assay_ref at;

	(void)state;
	dl_iterate_phdr(note_module, NULL); /* a walk needs their tables */
	assay_module_find_object = _dl_find_object;
	begin("fake:threshold=1us");
	frame = host_given->frame("nap", "usleep");
	errno = 77;
	for (int i = 0; i < 10; i++) { /* from one place */
		sleeper(frame, 999);
		sleeper(frame, 1000);
	}
	assert_int_equal(errno, 77);
	assert_value(short_value(naps, frame), 10, 9990);
	at = find(atomic_load(&thread->record->root), naps, 0, &depth);
	assert_int_not_equal(at, 0);
	assert_value(value_at(at, naps), 10, 10000);
	n = assay_at(at);
	assert_int_equal(n->module, ASSAY_PLACE_FRAME);
	assert_int_equal(n->address, assay_frames_ref(frame));
	n = assay_at(n->parent);
	if (ASSAY_UNWIND_HAVE_OWN) {
		assert_true(n->module >= ASSAY_PLACES);
		/* the span's own functions, sleeper, this one and what called it */
		assert_true(depth > 5);
	}
	assert_int_equal(lost(), 0);
}

/* Numbers that are none: a metric's is the plugin's mistake; a frame's, that there was no room for it. */
static void numbers_that_are_none(void **state)
{
	uint32_t frame;

	(void)state;
	begin("fake");
	frame = host_given->frame("nap", "usleep");
	host_given->span(UINT32_MAX, frame, 1);
	host_given->span(0, frame, 1); /* that is CPU time */
	host_given->add(metrics_used, frame, 1);
	host_given->open(frame, UINT32_MAX, __builtin_frame_address(0));
	assert_int_equal(lost(), 0);
	host_given->span(naps, 0, 1);
	host_given->span(naps, 0, 1000000);
	host_given->add(bytes, UINT32_MAX, 1);
	assert_int_equal(lost(), 3);
	assert_null(short_value(0, frame));
	assert_null(short_value(naps, frame));
	/* the guard is free again */
	assert_true(host_given->enter());
	host_given->leave();
}

/* From within Assay itself, in a thread that is not known, where measuring is over: nothing, and no harm. */
static void where_nothing_is_recorded(void **state)
{
	uint32_t frame;

	(void)state;
	begin("fake");
	frame = host_given->frame("nap", "usleep");
	assert_true(host_given->enter());
	assert_false(host_given->enter());
	host_given->span(naps, frame, 1);
	host_given->span(naps, frame, 1000000);
	host_given->add(bytes, frame, 1);
	host_given->leave();
	assay_tls.thread = NULL;
	assert_false(host_given->enter());
	host_given->span(naps, frame, 1);
	host_given->add(bytes, frame, 1);
	assay_tls.thread = thread;
	atomic_store(&assay_process.on, false);
	assert_false(host_given->enter());
	host_given->span(naps, frame, 1);
	host_given->add(bytes, frame, 1);
	assert_int_equal(host_given->frame("nap", "after the end"), 0);
	atomic_store(&assay_process.on, true);
	assert_null(short_value(naps, frame));
	assert_null(short_value(bytes, frame));
	assert_int_equal(lost(), 0);
	host_given->span(naps, frame, 5);
	assert_value(short_value(naps, frame), 1, 5);
}

static void the_clock(void **state)
{
	uint64_t before = assay_now_ns(), between;

	(void)state;
	begin("fake");
	between = host_given->now();
	/* by another counter it may be a little off: see ticks.h */
	assert_true(between + 1000000 > before && between < assay_now_ns() + 1000000);
}

/* A forked child: another spool has all that was registered, under the same numbers. */
static void in_another_spool(void **state)
{
	uint32_t frame;

	(void)state;
	begin("fake,failing,other");
	frame = host_given->frame("nap", "usleep");
	host_given->span(naps, frame, 7);
	core_process_end();
	core_process_begin(4 << 20);
	thread = core_process_thread();
	assay_tls.thread = thread;
	assay_plugins_rewrite();
	atomic_store(&assay_process.on, true);
	assert_left_out("fake", NULL);
	assert_left_out("failing", "Function not implemented");
	assert_left_out("other", NULL);
	assert_int_equal(spool_metric("naps")->id, naps);
	assert_int_equal(spool_metric("bytes")->id, bytes);
	assert_int_equal(spool_metric("others")->id, others);
	host_given->span(naps, frame, 11);
	assert_value(short_value(naps, frame), 1, 11);
	assert_int_equal(lost(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_works, setup, teardown),
		cmocka_unit_test_setup_teardown(options_given, setup, teardown),
		cmocka_unit_test_setup_teardown(lengths_of_time, setup, teardown),
		cmocka_unit_test_setup_teardown(names_alike, setup, teardown),
		cmocka_unit_test_setup_teardown(several, setup, teardown),
		cmocka_unit_test_setup_teardown(those_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_that_is_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(hooks, setup, teardown),
		cmocka_unit_test_setup_teardown(short_spans_and_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(many_without_a_path, setup, teardown),
		cmocka_unit_test_setup_teardown(a_rank, setup, teardown),
		cmocka_unit_test_setup_teardown(long_spans_have_a_path, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_that_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(where_nothing_is_recorded, setup, teardown),
		cmocka_unit_test_setup_teardown(the_clock, setup, teardown),
		cmocka_unit_test_setup_teardown(in_another_spool, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
