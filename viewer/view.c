/* view.c: what the views share; see view.h. */
#include "view.h"

#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

enum { SAY_MAX = 4096 };

int assay_view_prepare(struct assay_view_context *c, assay_query *query)
{
	struct assay_model *model;
	int rc;

	c->query = query;
	c->pool = assay_query_pool(query);
	rc = assay_query_run(query, &c->run, &c->run_count);
	if (rc == 0)
		rc = assay_query_account(query, &c->account);
	if (rc == 0)
		rc = assay_model_read(query, &model);
	if (rc == 0)
		c->model = model;
	return rc;
}

void assay_view_title(const struct assay_view_context *c, const char *format, ...)
{
	char text[SAY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(c->out, "\n%s%s%s\n", assay_term_style(&c->term, ASSAY_STYLE_TITLE),
		assay_text_cut(c->pool, &c->term, text, c->term.width), assay_term_style(&c->term, ASSAY_STYLE_NONE));
}

void assay_view_say(const struct assay_view_context *c, const char *first, const char *format, ...)
{
	char text[SAY_MAX];
	int margin = assay_text_width(first), column = margin;
	char *rest = text, *word;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fputs(first, c->out);
	while ((word = strsep(&rest, " "))) {
		int width = assay_text_width(word);

		if (*word == '\0')
			continue;
		if (column > margin && column + 1 + width > c->term.width) {
			fprintf(c->out, "\n%*s", margin, "");
			column = margin;
		}
		column += fprintf(c->out, "%s", column > margin ? " " : "");
		fputs(word, c->out);
		column += width;
	}
	fputc('\n', c->out);
}

void assay_view_left_out(const struct assay_view_context *c, size_t shown, size_t total, const char *option)
{
	if (shown >= total)
		return;
	fprintf(c->out, "  %s%s of %s shown; %s%s\n", assay_term_style(&c->term, ASSAY_STYLE_DIM),
		assay_text_count(c->pool, (int64_t)shown), assay_text_count(c->pool, (int64_t)total), option,
		assay_term_style(&c->term, ASSAY_STYLE_NONE));
}

const char *assay_view_text(const struct assay_view_context *c, const char *foreign)
{
	return assay_text_inert(c->pool, &c->term, foreign);
}

size_t assay_view_limit(const struct assay_view_context *c, int64_t usual, size_t count)
{
	int64_t limit = c->options.limit ? c->options.limit : usual;

	return limit < 0 || (uint64_t)limit > count ? count : (size_t)limit;
}

double assay_view_min(const struct assay_view_context *c, double usual)
{
	return isnan(c->options.min) ? usual : c->options.min;
}

struct assay_share assay_view_share(const struct assay_view_context *c, const struct assay_weight *weight)
{
	return assay_share_of(weight, &c->model->all);
}

struct assay_cell assay_view_error_cell(const struct assay_share *share)
{
	return share->exact ? ASSAY_NOTHING : ASSAY_NUMBER(share->error);
}

int assay_view_put(json_t *document, const char *name, json_t *value)
{
	return json_object_set_new_nocheck(document, name, value) == 0 ? 0 : -ENOMEM;
}
