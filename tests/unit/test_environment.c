/* test_environment.c: what the program sees of Assay in its environment (nothing), and what its children get (all). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The module itself: it keeps what it took for good, and each test begins without. */
#include "core/environment.c"

static int forget(void **state)
{
	(void)state;
	memset(kept, 0, sizeof kept);
	stored = 0;
	return 0;
}

enum { ROOM = 64 };

/* A copy that may be changed, as the kernel gives it to a program. */
struct environment {
	char *at[ROOM];
	char *copies[ROOM];
};

static char **make(struct environment *e, const char *const *entries)
{
	size_t n = 0;

	for (; entries[n]; n++)
		e->at[n] = e->copies[n] = strdup(entries[n]);
	e->at[n] = e->copies[n] = NULL;
	return e->at;
}

static void drop(struct environment *e)
{
	for (size_t n = 0; e->copies[n]; n++)
		free(e->copies[n]);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NOTHING ((const char *const[]){ NULL })

static void assert_entries(char *const *envp, const char *const *wanted)
{
	size_t n = 0;

	for (; wanted[n]; n++) {
		assert_non_null(envp[n]);
		assert_string_equal(envp[n], wanted[n]);
	}
	assert_null(envp[n]);
}

/* Gives `envp` with Assay's variables in memory that is exactly as large as was asked for. */
static char **give(char *const *envp, void **memory)
{
	size_t size = assay_environment_size(envp);
	uint8_t *room = malloc(size + 8);
	char **given;

	memset(room + size, 0x5a, 8);
	given = assay_environment_give(envp, 'c', room);
	for (int i = 0; i < 8; i++)
		assert_int_equal(room[size + (size_t)i], 0x5a);
	*memory = room;
	return given;
}

static void taken_and_given_back(void **state)
{
	static const char *const whole[] = { "HOME=/root", "ASSAY_RUN=/tmp/r", "LD_PRELOAD=/a/libassay.so", "ASSAY_RATE=200",
		"ASSAY_PRELOAD=/a/libassay.so", "ASSAY_CLOCK=cpu", "TERM=x", "ASSAY_LIMIT=99", NULL };
	struct environment e, child;
	char **envp = make(&e, whole), **given;
	void *memory;

	(void)state;
	assert_true(assay_environment_take(envp));
	assert_entries(envp, LIST("HOME=/root", "TERM=x"));
	assert_string_equal(assay_environment_get("ASSAY_RUN"), "/tmp/r");
	assert_string_equal(assay_environment_get("ASSAY_RATE"), "200");
	assert_string_equal(assay_environment_get("ASSAY_LIMIT"), "99");
	assert_null(assay_environment_get("ASSAY_TIMELINE"));
	assert_null(assay_environment_get("HOME"));
	drop(&e); /* what was kept does not live in the program's memory */
	envp = make(&e, LIST("HOME=/root", "TERM=x"));
	given = give(envp, &memory);
	assert_entries(given, LIST("HOME=/root", "TERM=x", "ASSAY_RUN=/tmp/r", "ASSAY_PRELOAD=/a/libassay.so", "ASSAY_RATE=200",
		"ASSAY_CLOCK=cpu", "ASSAY_LIMIT=99", "LD_PRELOAD=/a/libassay.so"));
	assert_entries(envp, LIST("HOME=/root", "TERM=x"));
	/* and the next program takes it just so */
	envp = make(&child, (const char *const *)given);
	forget(NULL);
	assert_true(assay_environment_take(envp));
	assert_entries(envp, LIST("HOME=/root", "TERM=x"));
	drop(&child);
	free(memory);
	drop(&e);
}

/* The user's own preloads keep their order, wherever ours stands among them. */
static void preload_orders(void **state)
{
	static const char *const lists[][3] = {
		/* before, as the program sees it, as its children get it */
		{ "/a/libassay.so", NULL, "/a/libassay.so" },
		{ "/a/libassay.so:/b.so:/c.so", "/b.so:/c.so", "/a/libassay.so:/b.so:/c.so" },
		{ "/b.so:/a/libassay.so:/c.so", "/b.so:/c.so", "/a/libassay.so:/b.so:/c.so" },
		{ "/b.so:/c.so:/a/libassay.so", "/b.so:/c.so", "/a/libassay.so:/b.so:/c.so" },
		{ "/a/libassay.so /b.so", "/b.so", "/a/libassay.so:/b.so" },
		{ "/b.so /a/libassay.so", "/b.so", "/a/libassay.so:/b.so" },
		{ "/a/libassay.so.1:/a/libassay.so", "/a/libassay.so.1", "/a/libassay.so:/a/libassay.so.1" },
		{ "/b.so::/a/libassay.so", "/b.so:", "/a/libassay.so:/b.so:" },
		{ "/b.so", "/b.so", "/a/libassay.so:/b.so" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		char before[100] = "LD_PRELOAD=", seen[100] = "LD_PRELOAD=", after[100] = "LD_PRELOAD=";
		struct environment e;
		char **envp, **given;
		void *memory;

		forget(NULL);
		strcat(before, lists[i][0]);
		strcat(after, lists[i][2]);
		envp = make(&e, LIST("ASSAY_RUN=/r", before, "ASSAY_PRELOAD=/a/libassay.so", "X=1"));
		assert_true(assay_environment_take(envp));
		if (lists[i][1]) {
			strcat(seen, lists[i][1]);
			assert_entries(envp, LIST(seen, "X=1"));
		} else {
			assert_entries(envp, LIST("X=1"));
		}
		given = give(envp, &memory);
		assert_entries(given, LIST("X=1", "ASSAY_RUN=/r", "ASSAY_PRELOAD=/a/libassay.so", after));
		free(memory);
		drop(&e);
	}
}

/* Without a run, nothing is touched: a library that is preloaded by hand leaves the program as it is. */
static void no_run(void **state)
{
	struct environment e;
	char **envp = make(&e, LIST("A=1", "LD_PRELOAD=/a/libassay.so", "ASSAY_RATE=100", "ASSAY_RUNNER=x"));

	(void)state;
	assert_false(assay_environment_take(envp));
	assert_entries(envp, LIST("A=1", "LD_PRELOAD=/a/libassay.so", "ASSAY_RATE=100", "ASSAY_RUNNER=x"));
	drop(&e);
	forget(NULL);
	envp = make(&e, NOTHING);
	assert_false(assay_environment_take(envp));
	assert_entries(envp, NOTHING);
	forget(NULL);
	/* a run without the library's own name: whose entry would be taken out? */
	drop(&e);
	envp = make(&e, LIST("ASSAY_RUN=/r"));
	assert_false(assay_environment_take(envp));
	assert_entries(envp, LIST("ASSAY_RUN=/r"));
	drop(&e);
}

static void entries_that_are_none(void **state)
{
	struct environment e;
	char **envp = make(&e, LIST("NOEQUALS", "", "=x", "ASSAY_RUN=/r", "ASSAY_RUN", "ASSAY_PRELOAD=/l.so", "LD_PRELOAD",
		"LD_PRELOADX=/l.so", "ASSAY_RATEX=7", "ASSAY_=1", "A=B=C"));
	char **given;
	void *memory;

	(void)state;
	assert_true(assay_environment_take(envp));
	assert_entries(envp, LIST("NOEQUALS", "", "=x", "ASSAY_RUN", "LD_PRELOAD", "LD_PRELOADX=/l.so", "ASSAY_RATEX=7",
		"ASSAY_=1", "A=B=C"));
	given = give(envp, &memory);
	assert_string_equal(given[8], "A=B=C");
	assert_string_equal(given[9], "ASSAY_RUN=/r");
	assert_string_equal(given[11], "LD_PRELOAD=/l.so");
	assert_null(given[12]);
	free(memory);
	drop(&e);
}

/* The first of two entries counts, as getenv has it; no second one is left for the program to see. */
static void entries_that_come_twice(void **state)
{
	struct environment e;
	char **envp = make(&e, LIST("ASSAY_RUN=/r", "ASSAY_RUN=/s", "ASSAY_PRELOAD=/l.so", "LD_PRELOAD=/l.so",
		"LD_PRELOAD=/b.so:/l.so"));

	(void)state;
	assert_true(assay_environment_take(envp));
	assert_string_equal(assay_environment_get("ASSAY_RUN"), "/r");
	assert_entries(envp, LIST("LD_PRELOAD=/b.so"));
	drop(&e);
}

static void empty_environments(void **state)
{
	struct environment e;
	char **envp = make(&e, LIST("ASSAY_RUN=/r", "ASSAY_PRELOAD=/l.so", "LD_PRELOAD=/l.so")), *none[] = { NULL };
	char **given;
	void *memory;

	(void)state;
	assert_true(assay_environment_take(envp));
	assert_entries(envp, NOTHING);
	drop(&e);
	given = give(none, &memory);
	assert_entries(given, LIST("ASSAY_RUN=/r", "ASSAY_PRELOAD=/l.so", "LD_PRELOAD=/l.so"));
	free(memory);
	/* exec with a NULL environment is Linux's own extension */
	given = give(NULL, &memory);
	assert_entries(given, LIST("ASSAY_RUN=/r", "ASSAY_PRELOAD=/l.so", "LD_PRELOAD=/l.so"));
	free(memory);
}

static void huge_environments(void **state)
{
	enum { MANY = 20000, LONG = 100000 };
	char **envp = calloc(MANY + 4, sizeof *envp), *text = calloc(1, LONG + 64), **given;
	char run[] = "ASSAY_RUN=/r", preload[] = "ASSAY_PRELOAD=/l.so";
	size_t n = 0;
	void *memory;

	(void)state;
	strcpy(text, "LD_PRELOAD=/l.so:/");
	memset(text + strlen(text), 'x', LONG);
	for (; n < MANY; n++)
		envp[n] = (char *)"VARIABLE=value";
	envp[n++] = run;
	envp[n++] = preload;
	envp[n++] = text;
	assert_true(assay_environment_take(envp));
	assert_null(envp[MANY + 1]);
	assert_int_equal(strlen(text), strlen("LD_PRELOAD=/") + LONG);
	given = give(envp, &memory);
	assert_null(given[MANY + 3]);
	assert_int_equal(strlen(given[MANY + 2]), strlen("LD_PRELOAD=/l.so:/") + LONG);
	assert_memory_equal(given[MANY + 2], "LD_PRELOAD=/l.so:/xxx", 21);
	free(memory);
	free(text);
	free(envp);
	/* values that cannot be kept: not measured, rather than half of it; what the program sees is as it was */
	forget(NULL);
	text = calloc(1, LONG + 64);
	strcpy(text, "ASSAY_RUN=/");
	memset(text + strlen(text), 'x', LONG);
	{
		char *few[] = { text, (char *)"ASSAY_PRELOAD=/l.so", (char *)"A=1", NULL };

		assert_false(assay_environment_take(few));
		assert_string_equal(few[2], "A=1");
	}
	free(text);
}

/* A program that is a launcher itself has said what it wants: its own run goes on to what it starts. */
static void a_run_in_a_run(void **state)
{
	struct environment e;
	char **envp = make(&e, LIST("ASSAY_RUN=/r", "ASSAY_PRELOAD=/l.so", "LD_PRELOAD=/l.so")), **given;
	void *memory;

	(void)state;
	assert_true(assay_environment_take(envp));
	drop(&e);
	envp = make(&e, LIST("ASSAY_RUN=/inner", "ASSAY_PRELOAD=/l.so", "ASSAY_RATE=7", "LD_PRELOAD=/l.so"));
	given = give(envp, &memory);
	assert_entries(given, LIST("ASSAY_RUN=/inner", "ASSAY_PRELOAD=/l.so", "ASSAY_RATE=7", "LD_PRELOAD=/l.so"));
	free(memory);
	drop(&e);
}

/* What the program did to its environment while it was lent ours stays, without ours. */
static void cleaned(void **state)
{
	struct environment e, user;
	char **envp = make(&e, LIST("ASSAY_RUN=/r", "ASSAY_PRELOAD=/l.so", "ASSAY_CLOCK=perf")), **before, **given;
	void *memory;

	(void)state;
	assert_true(assay_environment_take(envp));
	drop(&e);
	before = make(&user, LIST("A=1", "LD_PRELOAD=/b.so", "B=2"));
	given = give(before, &memory);
	given[0] = (char *)"A=changed";
	assay_environment_clean(given, before);
	assert_entries(given, LIST("A=changed", "B=2", "LD_PRELOAD=/b.so"));
	free(memory);
	drop(&user);
	before = make(&user, LIST("A=1"));
	given = give(before, &memory);
	assay_environment_clean(given, before);
	assert_entries(given, LIST("A=1"));
	assay_environment_clean(NULL, before);
	free(memory);
	drop(&user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(taken_and_given_back, forget),
		cmocka_unit_test_setup(preload_orders, forget),
		cmocka_unit_test_setup(no_run, forget),
		cmocka_unit_test_setup(entries_that_are_none, forget),
		cmocka_unit_test_setup(entries_that_come_twice, forget),
		cmocka_unit_test_setup(empty_environments, forget),
		cmocka_unit_test_setup(huge_environments, forget),
		cmocka_unit_test_setup(a_run_in_a_run, forget),
		cmocka_unit_test_setup(cleaned, forget),
	};

	return cmocka_run_group_tests_name("environment", tests, NULL, NULL);
}
