/* view_pick.c: which functions a user means by what was typed. */
#include "view.h"

#include "cmd.h"
#include "text.h"

#include <errno.h>
#include <string.h>

enum {
	LISTED = 8,     /* candidates named where several are meant */
	SUGGESTED = 3,
};

/* How well a pattern says a name, best first. */
enum match {
	MATCH_WHOLE,
	MATCH_BASE,
	MATCH_PART,
	MATCH_PART_ANY_CASE,
	MATCH_NOT,
};

/* The qualified name without template arguments, parameters and what follows them. */
static const char *base_of(assay_pool *pool, const char *name)
{
	char *base = assay_pool_copy(pool, name), *to = base;
	int depth = 0;

	if (strstr(name, "operator"))
		return name; /* its brackets are the name */
	for (const char *c = name; *c; c++) {
		if (*c == '(' && depth == 0 && strncmp(c, "(anonymous namespace)", 21) != 0)
			break;
		if (*c == '<' && c > name) {
			depth++;
			continue;
		}
		if (*c == '>' && depth > 0) {
			depth--;
			continue;
		}
		if (depth > 0)
			continue;
		/* A template's name begins with what it returns: "void fill<int>(int)". */
		if (*c == ' ' && strncmp(c, " namespace)", 11) != 0)
			to = base;
		else
			*to++ = *c;
	}
	*to = '\0';
	return *base ? base : name;
}

static bool is_base(const char *base, const char *pattern)
{
	size_t length = strlen(base), wanted = strlen(pattern);

	if (length < wanted || strcmp(base + length - wanted, pattern) != 0)
		return false;
	return length == wanted || (length >= wanted + 2 && strncmp(base + length - wanted - 2, "::", 2) == 0);
}

static enum match match_of(assay_pool *pool, const struct assay_model_function *f, const char *pattern)
{
	const char *last = pattern, *next;

	while ((next = strstr(last, "::")))
		last = next + 2;
	if (strcmp(f->name, pattern) == 0 || (f->linkage && strcmp(f->linkage, pattern) == 0))
		return MATCH_WHOLE;
	/* Template arguments may stand between the pattern's parts, but not within its last one. */
	if (strstr(f->name, last) && is_base(base_of(pool, f->name), pattern))
		return MATCH_BASE;
	if (strstr(f->name, pattern))
		return MATCH_PART;
	return strcasestr(f->name, pattern) ? MATCH_PART_ANY_CASE : MATCH_NOT;
}

static int report_several(const struct assay_view_context *c, const char *pattern,
	struct assay_model_function **candidates, size_t count, const enum match *matches, enum match best)
{
	const char *last = NULL;
	size_t listed = 0, more = 0;

	assay_error("several functions match '%s'; name one of them:", pattern);
	for (size_t i = 0; i < count; i++) {
		const char *name = candidates[i]->name;

		if (matches[i] != best || (last && strcmp(last, name) == 0))
			continue;
		last = name;
		if (listed++ < LISTED)
			fprintf(stderr, "  %s\n", assay_view_text(c, name));
		else
			more++;
	}
	if (more)
		fprintf(stderr, "  and %zu more\n", more);
	return -ECANCELED;
}

static int report_none(const struct assay_view_context *c, const char *pattern,
	struct assay_model_function **candidates, size_t count)
{
	const char **names = assay_pool_alloc(c->pool, count + 1, sizeof(*names));
	char text[512] = "";
	size_t used = 0, kept = count;
	const char *near;

	for (size_t i = 0; i < count; i++)
		names[i] = base_of(c->pool, candidates[i]->name);
	for (int n = 0; n < SUGGESTED && (near = assay_suggest(pattern, names)); n++) {
		if (used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s'%s'", used ? ", " : "", near);
		for (size_t i = 0; i < kept; i++) {
			if (strcmp(names[i], near) == 0) {
				memmove(names + i, names + i + 1, (kept - i) * sizeof(*names));
				kept--;
				i--;
			}
		}
	}
	if (used)
		assay_error("no function of the profile is named '%s' (near it: %s)", pattern, text);
	else
		assay_error("no function of the profile is named '%s' (--functions lists them)", pattern);
	return -ECANCELED;
}

int assay_view_pick(const struct assay_view_context *c, const char *pattern, bool **chosen, const char **name)
{
	size_t count;
	struct assay_model_function **candidates = assay_model_functions(c->model, true, &count);
	enum match *matches = assay_pool_alloc(c->pool, count + 1, sizeof(*matches)), best = MATCH_NOT;

	*name = NULL;
	*chosen = assay_pool_alloc(c->pool, c->model->function_count, sizeof(**chosen));
	for (size_t i = 0; i < count; i++) {
		matches[i] = *pattern ? match_of(c->pool, candidates[i], pattern) : MATCH_NOT;
		if (matches[i] < best)
			best = matches[i];
	}
	if (best == MATCH_NOT)
		return report_none(c, pattern, candidates, count);
	for (size_t i = 0; i < count; i++) {
		if (matches[i] != best)
			continue;
		if (*name && strcmp(*name, candidates[i]->name) != 0)
			return report_several(c, pattern, candidates, count, matches, best);
		*name = candidates[i]->name;
		(*chosen)[candidates[i] - c->model->functions] = true;
	}
	return 0;
}

/* The same name everywhere it is meant, or not: static functions of one name are meant together. */
static bool means_only(const struct assay_view_context *c, const char *pattern, const char *name)
{
	for (size_t i = 0; i < c->model->function_count; i++) {
		const struct assay_model_function *f = &c->model->functions[i];

		if (f->program || f->inclusive.sum <= 0 || strcmp(f->name, name) == 0)
			continue;
		if (match_of(c->pool, f, pattern) <= MATCH_BASE)
			return false;
	}
	return true;
}

const char *assay_view_pattern(const struct assay_view_context *c, const struct assay_model_function *f)
{
	const char *base = base_of(c->pool, f->name), *last = base, *next;

	while ((next = strstr(last, "::")))
		last = next + 2;
	if (*last && last != base && means_only(c, last, f->name))
		return last;
	return means_only(c, base, f->name) ? base : f->name;
}
