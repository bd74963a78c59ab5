/* text.c: see text.h. */
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

enum {
	TAB = 8,
	NOT_UTF8 = -1,
	NAME_TAIL_THIRDS = 2, /* of a name cut in its middle, how much of what fits is its end */
};

static const char replacement_utf8[] = "\xef\xbf\xbd"; /* U+FFFD */

/* Decodes one character at `text`; *length is set to its bytes (1 when it is not UTF-8). */
static int32_t decode(const char *text, size_t *length)
{
	const unsigned char *c = (const unsigned char *)text;
	static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = c[0] < 0x80 ? 1 : c[0] >= 0xf0 && c[0] < 0xf5 ? 4 : c[0] >= 0xe0 ? 3 : c[0] >= 0xc2 ? 2 : 0;
	int32_t value;

	*length = 1;
	if (n == 1)
		return c[0];
	if (n == 0 || c[0] >= 0xf5)
		return NOT_UTF8;
	value = c[0] & (0xff >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return NOT_UTF8;
		value = value << 6 | (c[i] & 0x3f);
	}
	if (value < least[n] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return NOT_UTF8;
	*length = n;
	return value;
}

/* Controls (C0, DEL, C1), line separators, and marks that turn the direction of writing. */
static bool is_active(int32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2066 && c <= 0x2069) || c == 0x61c || c == 0xfeff;
}

static int width_of(int32_t c)
{
	int width = c < 0x80 ? 1 : wcwidth((wchar_t)c);

	return width < 0 ? 1 : width; /* the locale does not know it: most take one column */
}

const char *assay_text_inert(assay_pool *pool, const struct assay_term *term, const char *text)
{
	const char *bad = term->utf8 ? replacement_utf8 : "?";
	size_t used = 0, length;
	int column = 0;
	char *inert;

	if (!text)
		return "";
	/* The worst byte is a tab (eight columns), or a bad one (three bytes). */
	inert = assay_pool_alloc(pool, strlen(text) + 1, TAB);
	for (; *text; text += length) {
		int32_t c = decode(text, &length);

		if (c == '\t') {
			do
				inert[used++] = ' ';
			while (++column % TAB != 0);
		} else if (c == NOT_UTF8 || is_active(c) || (c >= 0x80 && !term->utf8)) {
			memcpy(inert + used, bad, strlen(bad));
			used += strlen(bad);
			column++;
		} else {
			memcpy(inert + used, text, length);
			used += length;
			column += width_of(c);
		}
	}
	inert[used] = '\0';
	return inert;
}

const char *assay_text_utf8(assay_pool *pool, const char *text)
{
	size_t used = 0, length;
	char *valid;

	if (!text)
		return "";
	valid = assay_pool_alloc(pool, strlen(text) + 1, sizeof(replacement_utf8));
	for (; *text; text += length) {
		bool bad = decode(text, &length) == NOT_UTF8;
		size_t bytes = bad ? strlen(replacement_utf8) : length;

		memcpy(valid + used, bad ? replacement_utf8 : text, bytes);
		used += bytes;
	}
	valid[used] = '\0';
	return valid;
}

int assay_text_width(const char *text)
{
	size_t length;
	int width = 0;

	for (; *text; text += length)
		width += width_of(decode(text, &length));
	return width;
}

/* Bytes at the front of `text` that fit into `width` columns. */
static size_t front(const char *text, int width)
{
	const char *at = text;
	size_t length;

	for (; *at; at += length) {
		width -= width_of(decode(at, &length));
		if (width < 0)
			break;
	}
	return (size_t)(at - text);
}

/* Where the end of `text` that fits into `width` columns begins. */
static const char *back(const char *text, int width)
{
	int excess = assay_text_width(text) - width;
	size_t length;

	for (; *text && excess > 0; text += length)
		excess -= width_of(decode(text, &length));
	return text;
}

static const char *cut_middle(assay_pool *pool, const struct assay_term *term, const char *text, int width, int tail)
{
	const char *dots = assay_term_sign(term, ASSAY_SIGN_ELLIPSIS);
	int room = width - assay_text_width(dots);

	if (assay_text_width(text) <= width)
		return text;
	if (room < 1)
		return assay_pool_print(pool, "%.*s", (int)front(text, width), text);
	if (tail > room)
		tail = room;
	return assay_pool_print(pool, "%.*s%s%s", (int)front(text, room - tail), text, dots, back(text, tail));
}

const char *assay_text_cut(assay_pool *pool, const struct assay_term *term, const char *text, int width)
{
	return cut_middle(pool, term, text, width, 0);
}

/* "operator" ends just before `at`: the < or > that follows belongs to the name. */
static bool after_operator(const char *name, const char *at)
{
	static const char word[] = "operator";
	size_t length = sizeof(word) - 1;

	while (at > name && (at[-1] == '<' || at[-1] == '-' || at[-1] == '>'))
		at--;
	return (size_t)(at - name) >= length && strncmp(at - length, word, length) == 0;
}

/* The closing partner of the bracket at `open`, or NULL. */
static const char *partner(const char *name, const char *open, char closing)
{
	int depth = 0;

	for (const char *c = open; *c; c++) {
		if (*c == *open && !(*open == '<' && after_operator(name, c)))
			depth++;
		else if (*c == closing && !(closing == '>' && (after_operator(name, c) || c[-1] == '-')) &&
			 --depth == 0)
			return c;
	}
	return NULL;
}

/* `name` with what stands between each outermost pair of brackets replaced by dots. */
static const char *drop_inside(assay_pool *pool, const struct assay_term *term, const char *name, const char *pair)
{
	const char *dots = assay_term_sign(term, ASSAY_SIGN_ELLIPSIS);
	char *to = assay_pool_alloc(pool, strlen(name) + 1, 3); /* dots may be longer than what they replace */
	char *end = to;

	for (const char *c = name; *c; c++) {
		const char *close = NULL;

		if (*c == pair[0] && c > name && !(*c == '<' && after_operator(name, c)))
			close = partner(name, c, pair[1]);
		/* "(anonymous namespace)::" and "()" say more than dots would. */
		if (close && *c == '(' && (close == c + 1 || strncmp(close, ")::", 3) == 0))
			close = NULL;
		*end++ = *c;
		if (close && close > c + 1) {
			end = stpcpy(end, dots);
			*end++ = *close;
			c = close;
		}
	}
	*end = '\0';
	return to;
}

static const char *without_parameters(assay_pool *pool, const char *name)
{
	const char *open = name;

	while ((open = strchr(open + 1, '('))) {
		const char *close = partner(name, open, ')');

		if (!after_operator(name, open) && close && strncmp(close, ")::", 3) != 0)
			return assay_pool_print(pool, "%.*s", (int)(open - name), name);
	}
	return name;
}

/* Leading scopes give way until the rest fits; when not even the last name does, its middle goes too. */
static const char *without_scopes(assay_pool *pool, const struct assay_term *term, const char *name, int width)
{
	const char *dots = assay_term_sign(term, ASSAY_SIGN_ELLIPSIS);
	const char *rest = name, *next;

	while ((next = strstr(rest + 1, "::"))) {
		rest = next;
		if (assay_text_width(rest) + assay_text_width(dots) <= width)
			break;
	}
	if (rest == name || assay_text_width(rest) + assay_text_width(dots) > width)
		return cut_middle(pool, term, rest == name ? name : rest + 2, width, width * NAME_TAIL_THIRDS / 3);
	return assay_pool_print(pool, "%s%s", dots, rest);
}

const char *assay_text_fit_name(assay_pool *pool, const struct assay_term *term, const char *name, int width)
{
	if (assay_text_width(name) <= width)
		return name;
	/* "[words]": not a function. */
	if (name[0] == '[')
		return assay_text_cut(pool, term, name, width);
	name = drop_inside(pool, term, name, "<>");
	if (assay_text_width(name) <= width)
		return name;
	name = drop_inside(pool, term, name, "()");
	if (assay_text_width(name) <= width)
		return name;
	name = without_parameters(pool, name);
	if (assay_text_width(name) <= width)
		return name;
	return without_scopes(pool, term, name, width);
}

const char *assay_text_fit_path(assay_pool *pool, const struct assay_term *term, const char *path, int width)
{
	const char *dots = assay_term_sign(term, ASSAY_SIGN_ELLIPSIS);
	const char *slash = path;

	if (assay_text_width(path) <= width)
		return path;
	while ((slash = strchr(slash + 1, '/'))) {
		if (assay_text_width(slash) + assay_text_width(dots) <= width)
			return assay_pool_print(pool, "%s%s", dots, slash);
	}
	slash = strrchr(path, '/');
	return cut_middle(pool, term, slash ? slash + 1 : path, width, width * NAME_TAIL_THIRDS / 3);
}

/* Three digits, but never an exponent; thousands are set apart. */
static const char *three_digits(assay_pool *pool, double value)
{
	double size = fabs(value);

	if (!isfinite(value) || size >= 1e15)
		return assay_pool_print(pool, "%.3g", value);
	if (size >= 999.5)
		return assay_text_count(pool, (int64_t)llround(value));
	return assay_pool_print(pool, "%.*f", size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2, value);
}

const char *assay_text_seconds(assay_pool *pool, const struct assay_term *term, double seconds)
{
	double size = fabs(seconds);

	if (size >= 0.9995 || !isfinite(seconds))
		return assay_pool_print(pool, "%s s", three_digits(pool, seconds));
	if (size >= 0.9995e-3)
		return assay_pool_print(pool, "%s ms", three_digits(pool, seconds * 1e3));
	if (size < 0.5e-9)
		return "0 s";
	if (size < 0.9995e-6)
		return assay_pool_print(pool, "%.0f ns", seconds * 1e9);
	return assay_pool_print(pool, "%.0f %ss", seconds * 1e6, assay_term_sign(term, ASSAY_SIGN_MICRO));
}

const char *assay_text_duration(assay_pool *pool, const struct assay_term *term, double seconds)
{
	long long whole;

	if (!(seconds >= 120 && seconds < 1e9))
		return assay_text_seconds(pool, term, seconds);
	whole = llround(seconds);
	if (whole < 3600)
		return assay_pool_print(pool, "%lld min %lld s", whole / 60, whole % 60);
	whole = llround(seconds / 60);
	return assay_pool_print(pool, "%lld h %lld min", whole / 60, whole % 60);
}

const char *assay_text_percent(assay_pool *pool, double percent)
{
	return assay_pool_print(pool, "%.1f", fabs(percent) < 0.05 ? 0.0 : percent);
}

const char *assay_text_error(assay_pool *pool, double percent)
{
	return percent > 0 && percent < 0.05 ? "<0.1" : assay_text_percent(pool, percent);
}

const char *assay_text_count(assay_pool *pool, int64_t count)
{
	char digits[32], grouped[48];
	int length = snprintf(digits, sizeof(digits), "%lld", (long long)count), used = 0;

	for (int i = 0; i < length; i++) {
		if (i > 0 && digits[i - 1] != '-' && (length - i) % 3 == 0)
			grouped[used++] = ',';
		grouped[used++] = digits[i];
	}
	grouped[used] = '\0';
	return assay_pool_copy(pool, grouped);
}

const char *assay_text_plural(assay_pool *pool, int64_t count, const char *noun, const char *plural)
{
	const char *figure = assay_text_count(pool, count);

	if (count == 1)
		return assay_pool_print(pool, "%s %s", figure, noun);
	return plural ? assay_pool_print(pool, "%s %s", figure, plural)
		      : assay_pool_print(pool, "%s %ss", figure, noun);
}

const char *assay_text_quote(assay_pool *pool, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
	char *quoted, *end;

	if (*text && strspn(text, plain) == strlen(text))
		return text;
	quoted = assay_pool_alloc(pool, strlen(text) + 1, 4);
	end = quoted;
	*end++ = '\'';
	for (; *text; text++) {
		if (*text == '\'')
			end = stpcpy(end, "'\\''");
		else
			*end++ = *text;
	}
	*end++ = '\'';
	*end = '\0';
	return quoted;
}
