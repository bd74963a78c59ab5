/* test_share.c: the sampling error, against cases worked out by hand. */
#include "viewer/share.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void near(double value, double wanted)
{
	if (!(fabs(value - wanted) < 1e-3))
		fail_msg("%g is not %g", value, wanted);
}

/*
 * 100 of 400 samples of 2 ns: p = 1/4, the centre of Wilson's interval c = (100 + 1.9208) / (400 + 3.8416) = 0.252378,
 * standard error sqrt(c (1 - c) / n) = 0.021719.
 */
static void equal_weights_are_binomial(void **state)
{
	const struct assay_weight part = {.sum = 200, .sumsq = 400, .count = 100};
	const struct assay_weight all = {.sum = 800, .sumsq = 1600, .count = 400};
	struct assay_share share = assay_share_of(&part, &all);

	(void)state;
	near(share.percent, 25);
	near(share.error, 4.2569);
	assert_false(share.exact);
}

/*
 * Inside: 8 samples of 3; outside: 10 of 1 and 6 units that were measured exactly. W = 40, p = 0.6:
 * sqrt(0.4^2 * 72 + 0.6^2 * 10) / 40 = sqrt(15.12) / 40 = 0.097211, times 1.96 = 19.0534 %. At Wilson's centre, with
 * n = 40^2 / 82 = 19.512: c = (11.707 + 1.9208) / (19.512 + 3.8416) = 0.583547, 1.96 * sqrt(c (1 - c) / n) = 21.8737 %.
 */
static void unequal_weights(void **state)
{
	const struct assay_weight part = {.sum = 24, .sumsq = 72, .count = 8};
	const struct assay_weight all = {.sum = 40, .sumsq = 82, .count = 18};
	struct assay_share share = assay_share_of(&part, &all);

	(void)state;
	near(share.percent, 60);
	near(share.error, 21.8738);
}

/* 4 of 198 samples of 5 in 1000 units: worked out beside the figure. */
static void few_samples_have_a_floor(void **state)
{
	const struct assay_weight part = {.sum = 20, .sumsq = 100, .count = 4};
	const struct assay_weight all = {.sum = 1000, .sumsq = 4950, .count = 198};
	struct assay_share share = assay_share_of(&part, &all);

	(void)state;
	/* The plain formula gives 1.96 * sqrt(0.98^2 * 100 + 0.02^2 * 4850) / 1000 = 1.9401 %.
	 * n = 1000^2 / 4950 = 202.02; c = (4.0404 + 1.9208) / (n + 3.8416) = 0.028957; 1.96 * sqrt(c (1 - c) / n) = 2.3124 %. */
	near(share.error, 2.3124);
}

static void never_zero_for_what_was_sampled(void **state)
{
	const struct assay_weight all = {.sum = 1000, .sumsq = 5000, .count = 200};
	const struct assay_weight one = {.sum = 5, .sumsq = 25, .count = 1};

	(void)state;
	/* All samples in the set: the plain formula says 0. */
	assert_true(assay_share_of(&all, &all).error > 0.5);
	assert_true(assay_share_of(&one, &all).error > 0.5);
	assert_true(assay_share_of(&one, &one).error > 10);
}

static void exact_has_no_error(void **state)
{
	const struct assay_weight part = {.sum = 10};
	const struct assay_weight all = {.sum = 1000, .sumsq = 4950, .count = 198};
	struct assay_share share = assay_share_of(&part, &all);

	(void)state;
	near(share.percent, 1);
	assert_true(share.exact);
	assert_true(share.error == 0);
}

static void nothing_and_nonsense(void **state)
{
	const struct assay_weight none = {.sum = 0}, part = {.sum = 5, .sumsq = 1e300, .count = 1};
	const struct assay_weight all = {.sum = 10, .sumsq = -4, .count = -7};

	(void)state;
	assert_true(assay_share_of(&none, &none).percent == 0);
	assert_true(assay_share_of(&part, &none).percent == 0);
	near(assay_share_of(&part, &all).percent, 50);
	assert_true(assay_share_of(&part, &all).error == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_weights_are_binomial),
		cmocka_unit_test(unequal_weights),
		cmocka_unit_test(few_samples_have_a_floor),
		cmocka_unit_test(never_zero_for_what_was_sampled),
		cmocka_unit_test(exact_has_no_error),
		cmocka_unit_test(nothing_and_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
