#include "quote.h"

#include <stdio.h>
#include <string.h>

static int plain(const char *word)
{
	return *word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
					   "_@%+=:,./-")];
}

static void quote(FILE *out, const char *word)
{
	if (plain(word)) {
		fputs(word, out);
		return;
	}
	putc('\'', out);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", out);
		else
			putc(*word, out);
	putc('\'', out);
}

char *assay_quote_words(const char *const *words, size_t count)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (i)
			putc(' ', out);
		quote(out, words[i]);
	}
	fclose(out);
	return text;
}
