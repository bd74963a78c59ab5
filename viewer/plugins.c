#include "plugins.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "launch.h"
#include "profile/environment.h"

static const char SUFFIX[] = ".so";

struct list {
	struct assay_plugin_found *at;
	size_t count;
	bool no_memory;
};

/* ---- finding ---- */

static void look_at(struct assay_plugin_found *f)
{
	void *handle = dlopen(f->path, RTLD_NOW | RTLD_LOCAL); /* the library too: it does nothing where there is no run */
	char symbol[NAME_MAX + 32];
	const char *why = NULL;

	snprintf(symbol, sizeof symbol, "assay_plugin_%s", f->name);
	if (!handle) {
		size_t n = strlen(f->path);

		why = dlerror(); /* begins with the path, mostly */
		if (why && strncmp(why, f->path, n) == 0 && strncmp(why + n, ": ", 2) == 0)
			why += n + 2;
	}
	if (handle && !(f->is = dlsym(handle, symbol)))
		why = "it is no plugin: it does not export assay_plugin_NAME";
	else if (handle && (f->is->abi != ASSAY_PLUGIN_ABI || f->is->size < sizeof *f->is))
		why = "it was built for another version of Assay";
	if (!why)
		return;
	f->is = NULL;
	f->why = strdup(why);
}

static void add(struct list *list, const char *path, const char *name, size_t length, bool built_in)
{
	struct assay_plugin_found *more, found = { .built_in = built_in };

	for (size_t i = 0; i < list->count; i++)
		if (strlen(list->at[i].name) == length && strncmp(list->at[i].name, name, length) == 0)
			return;
	found.name = strndup(name, length);
	found.path = path ? realpath(path, NULL) : NULL;
	more = realloc(list->at, (list->count + 1) * sizeof *more);
	if (more)
		list->at = more;
	if (!found.name || !path || !more) {
		list->no_memory = true;
	} else if (found.path) {
		look_at(&found);
		list->at[list->count++] = found;
		found.name = NULL;
	}
	free(found.name);
}

static void add_built_in(struct list *list)
{
	char path[PATH_MAX];
	void *handle = assay_launch_library(path, sizeof path) < 0 ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const char *const *names = handle ? dlsym(handle, "assay_plugins_built_in") : NULL;

	for (; names && *names; names++)
		add(list, path, *names, strlen(*names), true);
}

static void search(struct list *list, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);

		char *path = NULL;

		if (n <= sizeof SUFFIX - 1 || strcmp(entry->d_name + n - (sizeof SUFFIX - 1), SUFFIX) != 0)
			continue;
		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0)
			path = NULL;
		add(list, path, entry->d_name, n - (sizeof SUFFIX - 1), false);
		free(path);
	}
	if (dir)
		closedir(dir);
}

static void search_path(struct list *list, const char *path)
{
	while (path && *path) {
		size_t n = strcspn(path, ":");
		char *folder = strndup(path, n);

		if (folder && *folder)
			search(list, folder);
		free(folder);
		path += n + (path[n] == ':');
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct assay_plugin_found *)a)->name, ((const struct assay_plugin_found *)b)->name);
}

int assay_plugins_find(struct assay_plugin_found **found, size_t *count)
{
	/* beside the build tree's viewer/assay; relative to an installed bin/assay; where it was configured to be */
	static const char *const places[] = { "/../plugins/.libs", "/../lib/assay/plugins", "/../lib64/assay/plugins" };
	static struct list list; /* searched once */
	char self[PATH_MAX], *end;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 64);

	*found = list.at;
	*count = list.count;
	if (list.at)
		return 0;
	add_built_in(&list);
	search_path(&list, getenv(ASSAY_ENV_PLUGIN_PATH));
	self[n > 0 ? n : 0] = 0;
	end = strrchr(self, '/');
	for (size_t i = 0; i < sizeof places / sizeof *places && end; i++) {
		strcpy(end, places[i]);
		search(&list, self);
	}
	search(&list, ASSAY_PKGLIBDIR "/plugins");
	if (list.count)
		qsort(list.at, list.count, sizeof *list.at, by_name);
	*found = list.at;
	*count = list.count;
	return list.no_memory ? -ENOMEM : 0;
}

/* ---- choosing ---- */

struct taken {
	const struct assay_plugin_found *found;
	const char *options; /* as they go to the library, with the colon before them, or "" */
};

struct choice {
	struct assay_plugin_found *found;
	size_t count;
	struct taken *taken;
	size_t taken_count;
};

static int unknown(const struct choice *c, const char *name)
{
	const char **names = calloc(c->count + 3, sizeof *names), *near;

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < c->count; i++)
		names[i] = c->found[i].name;
	names[c->count] = "auto";
	names[c->count + 1] = "none";
	near = assay_suggest(name, names);
	if (strcmp(name, "auto") == 0)
		assay_error("run: --plugins=auto takes no options; a plugin's own do: auto,NAME:OPTION=VALUE");
	else if (strcmp(name, "none") == 0)
		assay_error("run: --plugins=none stands alone");
	else if (near)
		assay_error("run: there is no plugin '%s' (did you mean '%s'?)", name, near);
	else
		assay_error("run: there is no plugin '%s' ('assay plugins' lists them)", name);
	free(names);
	return -EINVAL;
}

/* An option is NAME=VALUE and one that the plugin has. `options` is cut into pieces. */
static int check_options(const struct assay_plugin_found *f, char *options)
{
	char *save = NULL;

	for (char *o = strtok_r(options, ":", &save); o; o = strtok_r(NULL, ":", &save)) {
		const struct assay_plugin_option *known = f->is->options;
		const char *names[66] = { "threshold" }, *near;
		size_t n = 1;
		char *equals = strchr(o, '=');

		if (equals)
			*equals = 0;
		for (; known && known->name && n < 64; known++)
			names[n++] = known->name;
		near = assay_suggest(o, names);
		for (size_t i = 0; i < n; i++)
			if (strcmp(names[i], o) == 0 && equals)
				near = o;
		if (near == o)
			continue;
		if (near && strcmp(near, o) == 0)
			assay_error("run: plugin %s: option %s wants a value: %s=VALUE", f->name, o, o);
		else if (near)
			assay_error("run: plugin %s has no option '%s' (did you mean '%s'?)", f->name, o, near);
		else
			assay_error("run: plugin %s has no option '%s' ('assay plugins' lists them)", f->name, o);
		return -EINVAL;
	}
	return 0;
}

/* One that was taken before, by "auto" say, gets the options that are given now. */
static int take(struct choice *c, const struct assay_plugin_found *f, const char *options)
{
	size_t i = 0;

	while (i < c->taken_count && c->taken[i].found != f)
		i++;
	if (i == c->taken_count)
		c->taken[c->taken_count++] = (struct taken){ f, "" };
	if (*options)
		c->taken[i].options = options;
	return 0;
}

static int take_auto(struct choice *c)
{
	int error = 0;

	for (size_t i = 0; i < c->count && !error; i++) {
		const struct assay_plugin_found *f = &c->found[i];

		if (f->is && f->is->flags & ASSAY_PLUGIN_AUTO && !(f->is->probe && f->is->probe(NULL)))
			error = take(c, f, "");
	}
	return error;
}

static int take_word(struct choice *c, const char *word)
{
	size_t n = strcspn(word, ":");
	char *options;
	int error;

	if (strcmp(word, "auto") == 0)
		return take_auto(c);
	for (size_t i = 0; i < c->count; i++) {
		const struct assay_plugin_found *f = &c->found[i];

		if (strlen(f->name) != n || strncmp(f->name, word, n) != 0)
			continue;
		if (!f->is) {
			assay_error("plugin %s is left out: %s: %s", f->name, f->path, f->why ? f->why : "cannot be used");
			return take(c, f, ""); /* so that the profile says it too */
		}
		options = strdup(word + n);
		error = options ? check_options(f, options) : -ENOMEM;
		free(options);
		return error ? error : take(c, f, word + n);
	}
	options = strndup(word, n);
	error = options ? unknown(c, options) : -ENOMEM;
	free(options);
	return error;
}

static void write_path(const char *path, FILE *words)
{
	for (; *path; path++)
		if (strchr(":,@%", *path))
			fprintf(words, "%%%02x", (unsigned char)*path);
		else
			fputc(*path, words);
}

/* What the library is to be told, and what is to be preloaded. What is loaded on demand is told by its path. */
/* Another library that the plugin wants preloaded, or NULL. */
static char *preloads(const struct assay_plugin_found *f, const char *options)
{
	void *handle = dlopen(f->path, RTLD_NOW | RTLD_LOCAL);
	char symbol[NAME_MAX + 32];
	assay_plugin_preload_fn *preload;

	snprintf(symbol, sizeof symbol, "assay_preload_%s", f->name);
	preload = handle ? (assay_plugin_preload_fn *)dlsym(handle, symbol) : NULL;
	return preload ? (char *)preload(options + (*options == ':')) : NULL;
}

static int write_choice(const struct choice *c, FILE *words, char **paths)
{
	for (size_t i = 0; i < c->taken_count; i++) {
		const struct assay_plugin_found *f = c->taken[i].found;
		bool on_demand = f->is && f->is->flags & ASSAY_PLUGIN_ON_DEMAND;

		fprintf(words, "%s%s%s", i ? "," : "", f->name, on_demand ? "@" : "");
		if (on_demand)
			write_path(f->path, words);
		fputs(c->taken[i].options, words);
		if (f->is && !on_demand && !f->built_in)
			*paths++ = f->path;
		if (f->is && *c->taken[i].options && (*paths = preloads(f, c->taken[i].options)))
			paths++;
	}
	return ferror(words) ? -ENOMEM : 0;
}

int assay_plugins_choose(const char *list, char **words, char ***paths)
{
	char *copy = strdup(list), *save = NULL, *text = NULL;
	struct choice c = { 0 };
	size_t length = 0;
	FILE *out = NULL;
	int error = -ENOMEM;

	*words = NULL;
	*paths = NULL;
	if (!copy || assay_plugins_find(&c.found, &c.count) < 0)
		goto out;
	*paths = calloc(2 * c.count + 1, sizeof **paths);
	c.taken = calloc(c.count + 1, sizeof *c.taken);
	out = open_memstream(&text, &length);
	if (!*paths || !c.taken || !out)
		goto out;
	error = 0;
	if (strcmp(copy, "none") != 0)
		for (char *w = strtok_r(copy, ",", &save); w && !error; w = strtok_r(NULL, ",", &save))
			error = take_word(&c, w);
	if (!error)
		error = write_choice(&c, out, *paths);
out:
	if (out && fclose(out) != 0 && !error)
		error = -ENOMEM;
	if (!error && (c.taken_count > ASSAY_PLUGINS_MAX || length >= ASSAY_PLUGINS_TEXT_MAX)) {
		assay_error("run: --plugins: too many, or too long: %d plugins and %d characters at most", ASSAY_PLUGINS_MAX,
			ASSAY_PLUGINS_TEXT_MAX - 1);
		error = -EINVAL;
	}
	if (!error && c.taken_count) {
		*words = text;
		text = NULL;
	}
	if (error) {
		free(*paths);
		*paths = NULL;
	}
	free(c.taken);
	free(text);
	free(copy);
	return error;
}
