/* test_plain.c: C++ symbols as the names that people write in a pattern. */
#include "plugins/functions/plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *symbol, *name;
} cases[] = {
	{ "main", "main" },
	{ "_ZL3fibi", "fib" },
	{ "_Z4loopv", "loop" },
	{ "_ZN5shape6circle4areaEv", "shape::circle::area" },
	{ "_ZNK5shape6circle4areaEv", "shape::circle::area" },
	{ "_ZN5shape6circleC2Ei", "shape::circle::circle" },
	{ "_ZN5shape6circleD0Ev", "shape::circle::~circle" },
	{ "_ZSt4sortIPiEvT_S1_", "std::sort" },
	{ "_ZNSt6vectorIiSaIiEE9push_backEOi", "std::vector::push_back" },
	{ "_ZNKSt8__detail15_Mod_range_hashclEmm", "std::__detail::_Mod_range_hash::operator" },
	{ "_ZNSt3mapINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEiSt4lessIS5_ESaISt4pairIKS5_iEEEixERS9_", "std::map::operator" },
	{ "_ZN12_GLOBAL__N_16hiddenEi", "(anonymous namespace)::hidden" },
	{ "_ZN5array3getILi3EEEiv", "array::get" },
	{ "_ZNSs6appendEPKc", "std::string::append" },
	/* what is none, or is cut off, stays as it is */
	{ "_Z", "_Z" },
	{ "_ZN", "_ZN" },
	{ "_ZN5shap", "_ZN5shap" },
	{ "_ZN99999999999999shape", "_ZN99999999999999shape" },
	{ "_ZN5shapeI", "_ZN5shapeI" },
	{ "", "" },
};

static void names(void **state)
{
	char name[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		plain_name(cases[i].symbol, name, sizeof name);
		assert_string_equal(name, cases[i].name);
	}
}

/* Whatever room there is, it is kept to. */
static void little_room(void **state)
{
	char name[300];

	(void)state;
	for (size_t size = 1; size < 80; size++) {
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			memset(name, 'x', sizeof name);
			plain_name(cases[i].symbol, name, size);
			assert_true(strnlen(name, size) < size);
			assert_int_equal(name[size], 'x');
		}
	}
}

/* Any part of any of them, and any of them with a byte changed, ends. */
static void what_is_damaged(void **state)
{
	char symbol[300], name[64];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t n = strlen(cases[i].symbol);

		for (size_t at = 0; at < n; at++) {
			memcpy(symbol, cases[i].symbol, n + 1);
			symbol[at] = 0;
			plain_name(symbol, name, sizeof name);
			for (int c = 1; c < 256; c++) {
				memcpy(symbol, cases[i].symbol, n + 1);
				symbol[at] = (char)c;
				plain_name(symbol, name, sizeof name);
				assert_true(strnlen(name, sizeof name) < sizeof name);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(little_room),
		cmocka_unit_test(what_is_damaged),
	};

	return cmocka_run_group_tests_name("plain", tests, NULL, NULL);
}
