/*
 * cmocka.h: as much of cmocka's interface as the core's unit tests use, for a machine for which Debian's cross packages
 * have no cmocka. Only tests/long/aarch64.mk has this folder on its path.
 *
 * A failed assertion says where, and ends its test by longjmp. Speaks TAP. The tests that SHIM_SKIP names, a word each, are
 * skipped.
 */
#ifndef ASSAY_TESTS_AARCH64_CMOCKA_H
#define ASSAY_TESTS_AARCH64_CMOCKA_H

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*test)(void **state);
	int (*setup)(void **state);
	int (*teardown)(void **state);
};

/* One of each in a program, whichever file they come from. */
__attribute__((weak)) jmp_buf shim_end;
__attribute__((weak)) int shim_skipped;

#define cmocka_unit_test(f) { #f, f, NULL, NULL }
#define cmocka_unit_test_setup(f, s) { #f, f, s, NULL }
#define cmocka_unit_test_setup_teardown(f, s, t) { #f, f, s, t }

#define print_message(...) printf(__VA_ARGS__)
#define print_error(...) printf(__VA_ARGS__)
#define skip() (shim_skipped = 1, longjmp(shim_end, 1))
#define fail_msg(...) (printf("# %s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), printf("\n"), longjmp(shim_end, 1))
#define shim_require(holds, ...) do { if (!(holds)) fail_msg(__VA_ARGS__); } while (0)

#define assert_true(x) shim_require(x, "not true: %s", #x)
#define assert_false(x) shim_require(!(x), "not false: %s", #x)
#define assert_null(x) shim_require((x) == NULL, "not NULL: %s", #x)
#define assert_non_null(x) shim_require((x) != NULL, "NULL: %s", #x)
#define assert_ptr_equal(a, b) shim_require((const void *)(a) == (const void *)(b), "differ: %s, %s", #a, #b)
#define assert_ptr_not_equal(a, b) shim_require((const void *)(a) != (const void *)(b), "the same: %s, %s", #a, #b)
#define assert_int_equal(a, b) shim_compare((uintmax_t)(a), (uintmax_t)(b), ==, #a, #b)
#define assert_int_not_equal(a, b) shim_compare((uintmax_t)(a), (uintmax_t)(b), !=, #a, #b)
#define shim_compare(a, b, how, a_text, b_text) do { \
	uintmax_t a_ = (a), b_ = (b); \
	shim_require(a_ how b_, "%s is %#jx, %s is %#jx", a_text, a_, b_text, b_); \
} while (0)
#define assert_in_range(x, low, high) do { \
	uintmax_t x_ = (uintmax_t)(x), low_ = (uintmax_t)(low), high_ = (uintmax_t)(high); \
	shim_require(x_ - low_ <= high_ - low_, "%s is %#jx", #x, x_); \
} while (0)
#define assert_memory_equal(a, b, size) shim_require(memcmp(a, b, size) == 0, "differ: %s, %s", #a, #b)
#define assert_string_equal(a, b) do { \
	const char *a_ = (a), *b_ = (b); \
	shim_require(strcmp(a_, b_) == 0, "%s is '%s', not '%s'", #a, a_, b_); \
} while (0)
#define assert_string_not_equal(a, b) shim_require(strcmp(a, b) != 0, "the same: %s, %s", #a, #b)

/* Whether f came to its end, and no assertion ended it. */
static inline int shim_comes_through(int (*f)(void **), void **state)
{
	return setjmp(shim_end) == 0 && f(state) == 0;
}

static inline int shim_test(const struct CMUnitTest *test, void **state)
{
	if (setjmp(shim_end))
		return 0;
	test->test(state);
	return 1;
}

static inline int shim_is_named(const char *list, const char *name)
{
	size_t length = strlen(name);
	const char *at = list;

	while (at && (at = strstr(at, name)) != NULL) {
		if ((at == list || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return 1;
		at += length;
	}
	return 0;
}

/* A test that cannot be set up has failed. */
static inline int shim_run(const struct CMUnitTest *test, int number, void **state)
{
	int passed;

	shim_skipped = shim_is_named(getenv("SHIM_SKIP"), test->name);
	passed = shim_skipped ||
		 ((!test->setup || shim_comes_through(test->setup, state)) && shim_test(test, state));
	if (test->teardown && !shim_is_named(getenv("SHIM_SKIP"), test->name))
		shim_comes_through(test->teardown, state);
	printf("%s %d - %s%s\n", passed || shim_skipped ? "ok" : "not ok", number, test->name,
	       shim_skipped ? " # SKIP" : "");
	return !passed && !shim_skipped;
}

static inline int shim_run_all(const struct CMUnitTest *tests, int n, int (*setup)(void **), int (*teardown)(void **))
{
	void *state = NULL;
	int failed = 0;

	setbuf(stdout, NULL);
	printf("1..%d\n", n);
	if (setup && !shim_comes_through(setup, &state)) {
		printf("Bail out! the tests could not be set up\n");
		return 1;
	}
	for (int i = 0; i < n; i++)
		failed += shim_run(&tests[i], i + 1, &state);
	if (teardown)
		shim_comes_through(teardown, &state);
	return failed;
}

#define cmocka_run_group_tests_name(name, tests, setup, teardown) \
	((void)(name), shim_run_all(tests, (int)(sizeof(tests) / sizeof(tests)[0]), setup, teardown))

#endif
