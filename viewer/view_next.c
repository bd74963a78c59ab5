/* view_next.c: where to look next: a few commands, chosen by what the profile holds. */
#include "view.h"

#include "text.h"

#include <errno.h>
#include <string.h>

enum { SUGGESTIONS = 4 };

struct suggestion {
	const char *command, *why;
};

static const char *command(const struct assay_view_context *c, const char *options)
{
	const char *file = c->options.file;

	return file ? assay_pool_print(c->pool, "assay report %s %s",
			      assay_text_quote(c->pool, assay_view_text(c, file)), options)
		    : assay_pool_print(c->pool, "assay report %s", options);
}

/* The hottest real function, or NULL. */
static const struct assay_model_function *hottest(const struct assay_view_context *c)
{
	size_t count;
	struct assay_model_function **functions = assay_model_functions(c->model, false, &count);

	for (size_t i = 0; i < count; i++) {
		if (!functions[i]->special && functions[i]->exclusive.sum > 0)
			return functions[i];
	}
	return NULL;
}

static bool has_lines(const struct assay_view_context *c, const struct assay_model_function *f)
{
	return f->module && strcmp(c->model->modules[f->module].symbols, "lines") == 0 && f->named;
}

static size_t choose(const struct assay_view_context *c, struct suggestion chosen[SUGGESTIONS])
{
	const struct assay_account *a = &c->account;
	const struct assay_model_function *f = hottest(c);
	size_t n = 0;

	if (f) {
		const char *name = assay_text_quote(c->pool, assay_view_text(c, assay_view_pattern(c, f)));

		if (has_lines(c, f))
			chosen[n++] = (struct suggestion){
				command(c, assay_pool_print(c->pool, "--lines=%s", name)), "its hot lines"};
		chosen[n++] = (struct suggestion){
			command(c, assay_pool_print(c->pool, "--callers=%s", name)), "who calls it"};
	}
	if (a->threads > 1 && n < SUGGESTIONS && a->cpu < a->wall / 2)
		chosen[n++] = (struct suggestion){command(c, "--threads"), "which threads compute, and which wait"};
	if (a->processes > 1 && n < SUGGESTIONS)
		chosen[n++] = (struct suggestion){command(c, "--processes"), "what each process used"};
	if (f && n < SUGGESTIONS)
		chosen[n++] = (struct suggestion){command(c, "--tree"), "the whole call tree"};
	return n;
}

static int print(const struct assay_view_context *c)
{
	struct suggestion chosen[SUGGESTIONS];
	size_t count = choose(c, chosen);
	int widest = 0;

	if (count == 0)
		return 0;
	assay_view_title(c, "Where to look next");
	for (size_t i = 0; i < count; i++) {
		int width = assay_text_width(chosen[i].command);

		widest = width > widest ? width : widest;
	}
	for (size_t i = 0; i < count; i++) {
		/* Commands are for copying: never cut, and the words go where there is no room for them. */
		fprintf(c->out, "  %s", chosen[i].command);
		if (widest + 4 + assay_text_width(chosen[i].why) <= c->term.width)
			fprintf(c->out, "%*s  %s%s%s", widest - assay_text_width(chosen[i].command), "",
				assay_term_style(&c->term, ASSAY_STYLE_DIM), chosen[i].why,
				assay_term_style(&c->term, ASSAY_STYLE_NONE));
		fputc('\n', c->out);
	}
	return 0;
}

static int json(const struct assay_view_context *c, json_t *document)
{
	struct suggestion chosen[SUGGESTIONS];
	size_t count = choose(c, chosen);
	json_t *commands = json_array();

	for (size_t i = 0; commands && i < count; i++)
		json_array_append_new(commands, assay_json_text(c->pool, chosen[i].command));
	return assay_view_put(document, assay_view_next.name, commands);
}

const struct assay_view assay_view_next = {
	.name = "next",
	.print = print,
	.json = json,
};
