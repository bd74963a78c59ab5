#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "profile/environment.h"
#include "sig/state.h"
#include "spool.h"
#include "wrap.h"

/* Assay's variables as given to executed programs: ASSAY_RUN first. LD_PRELOAD is made anew each time. */
static const char *const names[] = {
	ASSAY_ENV_RUN, ASSAY_ENV_PRELOAD, ASSAY_ENV_RATE, ASSAY_ENV_CLOCK, ASSAY_ENV_UNWINDER, ASSAY_ENV_TIMELINE,
	ASSAY_ENV_LIMIT, ASSAY_ENV_PLUGINS, ASSAY_ENV_FROM,
};
enum { NAMES = sizeof names / sizeof names[0], STORE = 12 * 1024 };
static const char PRELOAD[] = "LD_PRELOAD=", FROM[] = ASSAY_ENV_FROM "=x:";

static char store[STORE] ASSAY_COLD; /* "NAME=value" each, with its NUL */
static size_t stored;
static char *kept[NAMES]; /* into store, NULL = not set */

/* The value if `entry` is "NAME=value" for `name`. */
static char *value_of(char *entry, const char *name)
{
	size_t n = strlen(name);

	return strncmp(entry, name, n) == 0 && entry[n] == '=' ? entry + n + 1 : NULL;
}

/* Which of Assay's variables an entry is, or -1. */
static int ours(const char *entry)
{
	if (strncmp(entry, "ASSAY_", 6) != 0)
		return -1;
	for (int i = 0; i < NAMES; i++)
		if (value_of((char *)entry, names[i]))
			return i;
	return -1;
}

static bool keep(int index, const char *entry)
{
	size_t size = strlen(entry) + 1;

	if (stored + size > STORE)
		return false;
	kept[index] = memcpy(store + stored, entry, size);
	stored += size;
	return true;
}

/* Length of the list's first element. */
static size_t element(const char *list)
{
	return strcspn(list, ": ");
}

/* Takes one library out of an LD_PRELOAD list, in place. */
static void take_out(char *list, const char *library, size_t n)
{
	for (char *at = list; *at;) {
		size_t length = element(at);

		if (length == n && memcmp(at, library, n) == 0) {
			char *rest = at + length;

			rest += *rest != 0;
			memmove(at, rest, strlen(rest) + 1);
			if (!*at && at > list)
				at[-1] = 0;
			return;
		}
		at += length;
		at += *at != 0;
	}
}

/* Takes ours, the plugins' too, out of an LD_PRELOAD list, in place. What is left of the list. */
static const char *without(char *list, const char *ours_all)
{
	for (const char *at = ours_all; *at; at += element(at), at += *at != 0)
		take_out(list, at, element(at));
	return list;
}

bool assay_environment_take(char **envp)
{
	const char *library;
	char **to = envp;

	for (char **e = envp; *e; e++) {
		int index = ours(*e);

		if (index >= 0 && !kept[index] && !keep(index, *e))
			return false;
	}
	library = assay_environment_get(ASSAY_ENV_PRELOAD);
	if (!assay_environment_get(ASSAY_ENV_RUN) || !library)
		return false;
	for (char **e = envp; *e; e++) {
		char *list = value_of(*e, "LD_PRELOAD");

		if (ours(*e) >= 0 || (list && !*without(list, library)))
			continue;
		*to++ = *e;
	}
	*to = NULL;
	return true;
}

const char *assay_environment_get(const char *name)
{
	for (int i = 0; i < NAMES; i++)
		if (strcmp(names[i], name) == 0)
			return kept[i] ? kept[i] + strlen(name) + 1 : NULL;
	return NULL;
}

size_t assay_environment_size(char *const *envp)
{
	size_t entries = NAMES + 2, bytes = sizeof PRELOAD + strlen(assay_environment_get(ASSAY_ENV_PRELOAD)) + 2;

	bytes += sizeof FROM + strlen(assay_spool_name());

	for (; envp && *envp; envp++) {
		entries++;
		if (strncmp(*envp, PRELOAD, sizeof PRELOAD - 1) == 0)
			bytes += strlen(*envp);
	}
	return entries * sizeof(char *) + bytes;
}

/* A program that is a launcher itself (assay run under assay run) has said what it wants. */
static bool has_run(char *const *envp)
{
	for (; envp && *envp; envp++)
		if (value_of(*envp, ASSAY_ENV_RUN))
			return true;
	return false;
}

char **assay_environment_give(char *const *envp, char relation, void *memory)
{
	char **out = memory, *text, *end;
	const char *library = assay_environment_get(ASSAY_ENV_PRELOAD), *list = NULL;
	size_t n = 0;

	if (has_run(envp))
		return (char **)envp;

	for (char *const *e = envp; e && *e; e++) {
		if (strncmp(*e, PRELOAD, sizeof PRELOAD - 1) == 0 && !list)
			list = *e + sizeof PRELOAD - 1;
		else if (ours(*e) < 0)
			out[n++] = *e;
	}
	for (int i = 0; i < NAMES - 1; i++) /* but for ASSAY_FROM, which is made anew */
		if (kept[i])
			out[n++] = kept[i];
	text = (char *)(out + n + 3);
	out[n++] = text;
	end = stpcpy(stpcpy(text, PRELOAD), library);
	if (list && *list)
		end = stpcpy(stpcpy(end, ":"), list);
	if (*assay_spool_name()) {
		text = end + 1;
		out[n++] = text;
		stpcpy(stpcpy(text, FROM), assay_spool_name());
		text[sizeof FROM - 3] = relation;
	}
	out[n] = NULL;
	return out;
}

void assay_environment_clean(char **envp, char *const *before)
{
	char **to = envp, *list = NULL;

	for (char *const *e = before; e && *e; e++)
		if (value_of(*e, "LD_PRELOAD"))
			list = *e;
	for (char **e = envp; e && *e; e++) {
		if (value_of(*e, "LD_PRELOAD")) {
			if (list)
				*to++ = list;
		} else if (ours(*e) < 0) {
			*to++ = *e;
		}
	}
	if (to)
		*to = NULL;
}
