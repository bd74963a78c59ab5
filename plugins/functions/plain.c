#include "plain.h"

#include <stdbool.h>
#include <string.h>

struct out {
	char *name;
	size_t size, used;
	size_t last, last_length; /* the last word, for constructors */
};

static void put(struct out *o, const char *text, size_t n)
{
	if (n > o->size - 1 - o->used)
		n = o->size - 1 - o->used;
	memcpy(o->name + o->used, text, n);
	o->used += n;
	o->name[o->used] = 0;
}

static void put_word(struct out *o, const char *text, size_t n)
{
	if (o->used)
		put(o, "::", 2);
	o->last = o->used;
	put(o, text, n);
	o->last_length = o->used - o->last;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "6circle": behind it; NULL: it is none. */
static const char *word(const char *at, const char **text, size_t *n)
{
	*n = 0;
	if (!is_digit(*at))
		return NULL;
	for (; is_digit(*at) && *n < 10000; at++)
		*n = *n * 10 + (size_t)(*at - '0');
	*text = at;
	return strnlen(at, *n) == *n ? at + *n : NULL;
}

/* "IiSaIiEE": behind it. What it nests by is counted; of expressions it may lose its way, and then gives up. */
static const char *skip_template(const char *at)
{
	int depth = 0;

	while (*at) {
		const char *text;
		size_t n;

		if (is_digit(*at)) {
			at = word(at, &text, &n);
			if (!at)
				return NULL;
			continue;
		}
		if (*at == 'L') { /* a literal: its type, its value, E */
			at++;
			at += *at != 0;
			while (is_digit(*at) || *at == 'n')
				at++;
			if (*at != 'E')
				return NULL;
			at++;
			continue;
		}
		if (*at == 'S' && at[1]) { /* St, Sa, S_, S0_: what was there before */
			at += 2;
			continue;
		}
		if (*at == 'I' || *at == 'N' || *at == 'J' || *at == 'F' || *at == 'X')
			depth++;
		else if (*at == 'E' && --depth == 0)
			return at + 1;
		at++;
	}
	return NULL;
}

/* One part of a name; behind it, or NULL: it is not understood. */
static const char *piece(struct out *o, const char *at)
{
	static const char *const known[] = { "a", "allocator", "b", "basic_string", "s", "string", "i", "istream", "o", "ostream",
		"d", "iostream" };
	const char *text, *end;
	size_t n;

	if (*at == 'S' && at[1] == 't') {
		put_word(o, "std", 3);
		return at + 2;
	}
	for (size_t i = 0; *at == 'S' && i < sizeof known / sizeof known[0]; i += 2) {
		if (at[1] != known[i][0])
			continue;
		put_word(o, "std", 3);
		put_word(o, known[i + 1], strlen(known[i + 1]));
		return at + 2;
	}
	if ((*at == 'C' || *at == 'D') && is_digit(at[1])) { /* a constructor or destructor is called as its class */
		char class[256];

		n = o->last_length < sizeof class - 1 ? o->last_length : sizeof class - 1;
		memcpy(class + 1, o->name + o->last, n);
		class[0] = '~';
		put_word(o, *at == 'D' ? class : class + 1, *at == 'D' ? n + 1 : n);
		return at + 2;
	}
	if (*at == 'I')
		return skip_template(at);
	if (*at == 'L')
		at++; /* a static function */
	if (*at >= 'a' && *at <= 'z' && at[1]) {
		put_word(o, "operator", 8);
		return at + 2;
	}
	end = word(at, &text, &n);
	if (!end)
		return NULL;
	if (n >= 10 && memcmp(text, "_GLOBAL__N", 10) == 0)
		put_word(o, "(anonymous namespace)", 21);
	else
		put_word(o, text, n);
	return end;
}

void plain_name(const char *symbol, char *name, size_t size)
{
	struct out o = { .name = name, .size = size };
	const char *at = symbol + 2;

	name[0] = 0;
	if (strncmp(symbol, "_Z", 2) == 0 && *at == 'N') {
		at++;
		while (*at == 'r' || *at == 'V' || *at == 'K' || *at == 'R' || *at == 'O')
			at++;
		while (at && *at && *at != 'E')
			at = piece(&o, at);
		if (at && *at == 'E')
			return;
	} else if (strncmp(symbol, "_Z", 2) == 0) {
		if (*at == 'S' && at[1] == 't')
			at = piece(&o, at);
		if (at && piece(&o, at))
			return;
	}
	o.used = 0;
	put(&o, symbol, strlen(symbol));
}
