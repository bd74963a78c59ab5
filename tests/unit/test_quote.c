/* test_quote.c: words as a shell takes them: a shell is asked. */
#include "viewer/quote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_quoted(const char *word, const char *wanted)
{
	char *text = assay_quote_words(&word, 1);

	assert_string_equal(text, wanted);
	free(text);
}

static void what_needs_quotes(void **state)
{
	(void)state;
	assert_quoted("plain", "plain");
	assert_quoted("/usr/bin/a-b_c.d", "/usr/bin/a-b_c.d");
	assert_quoted("--name=a,b:c%d+e@f", "--name=a,b:c%d+e@f");
	assert_quoted("", "''");
	assert_quoted("two words", "'two words'");
	assert_quoted("it's", "'it'\\''s'");
	assert_quoted("$HOME", "'$HOME'");
	assert_quoted("a\nb", "'a\nb'");
	assert_quoted("~", "'~'");
	assert_quoted("\xc3\xa9", "'\xc3\xa9'");
}

static void words_are_joined(void **state)
{
	const char *const words[] = { "sh", "-c", "echo a", "" };
	char *text = assay_quote_words(words, 4);

	(void)state;
	assert_string_equal(text, "sh -c 'echo a' ''");
	free(text);
	text = assay_quote_words(words, 0);
	assert_string_equal(text, "");
	free(text);
}

/* Every byte, and every pair of hostile ones: the shell gives back what went in. */
static void a_shell_reads_them_back(void **state)
{
	static const char hostile[] = "'\"\\$`!*?[]{}()<>|&;#~ \t\n=%^-";
	const char *words[300];
	char *command = NULL, *text, got[8];
	size_t n = 0;
	FILE *shell;

	(void)state;
	for (int c = 1; c < 256; c++) {
		char *word = calloc(1, 4);

		word[0] = (char)c;
		words[n++] = word;
	}
	for (size_t i = 0; i < sizeof hostile - 1; i++) {
		char *word = calloc(1, 4);

		word[0] = hostile[i];
		word[1] = hostile[(i * 7 + 3) % (sizeof hostile - 1)];
		word[2] = hostile[(i * 5 + 1) % (sizeof hostile - 1)];
		words[n++] = word;
	}
	text = assay_quote_words(words, n);
	assert_true(asprintf(&command, "LC_ALL=C printf '%%s\\0' %s", text) > 0);
	shell = popen(command, "r");
	assert_non_null(shell);
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(words[i]) + 1;

		assert_int_equal(fread(got, 1, length, shell), length);
		assert_memory_equal(got, words[i], length);
		free((char *)words[i]);
	}
	assert_int_equal(fgetc(shell), EOF);
	assert_int_equal(pclose(shell), 0);
	free(command);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_needs_quotes),
		cmocka_unit_test(words_are_joined),
		cmocka_unit_test(a_shell_reads_them_back),
	};

	return cmocka_run_group_tests_name("quote", tests, NULL, NULL);
}
