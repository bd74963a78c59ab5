/*
 * term.h: what the output goes to: how wide it is, whether it may be coloured, and whether its
 * characters are UTF-8 or plain ASCII; and the few signs and colours that the views use.
 *
 * Never writes anything: it only answers.
 */
#ifndef ASSAY_VIEWER_TERM_H
#define ASSAY_VIEWER_TERM_H

#include <stdbool.h>

enum assay_term_colour {
	ASSAY_COLOUR_AUTO, /* on a terminal that is not dumb, unless NO_COLOR is set */
	ASSAY_COLOUR_ALWAYS,
	ASSAY_COLOUR_NEVER,
};

struct assay_term {
	int width;   /* columns */
	bool colour;
	bool utf8;
};

enum {
	ASSAY_TERM_WIDTH_MIN = 40, /* narrower ones are treated as this wide */
	ASSAY_TERM_WIDTH_MAX = 10000,
	ASSAY_TERM_WIDTH_DEFAULT = 100, /* where there is no terminal */
};

enum assay_sign {
	ASSAY_SIGN_ELLIPSIS,
	ASSAY_SIGN_PLUS_MINUS,
	ASSAY_SIGN_MICRO,
	ASSAY_SIGN_CALLS,  /* between a caller and the only function that it calls */
	ASSAY_SIGN_CALLED_BY, /* between a function and its only caller */
	ASSAY_SIGN_BRANCH, /* tree: a child that is not the last */
	ASSAY_SIGN_CORNER, /* tree: the last child */
	ASSAY_SIGN_TRUNK,  /* tree: beside the children of one that is not the last */
	ASSAY_SIGN_GAP,    /* tree: beside the children of the last */
	ASSAY_SIGN_BAR_CPU,
	ASSAY_SIGN_BAR_CORE_WAIT,
	ASSAY_SIGN_BAR_SPIN,
	ASSAY_SIGN_BAR_WAIT,
	ASSAY_SIGN_BAR_UNKNOWN,
	ASSAY_SIGN_BAR_REST,
	ASSAY_SIGNS,
};

enum assay_style {
	ASSAY_STYLE_NONE, /* back to normal */
	ASSAY_STYLE_TITLE,
	ASSAY_STYLE_DIM,
	ASSAY_STYLE_HOT,
	ASSAY_STYLE_CPU,
	ASSAY_STYLE_CORE_WAIT,
	ASSAY_STYLE_WAIT,
	ASSAY_STYLE_WARNING,
	ASSAY_STYLES,
};

/*
 * Finds out about file descriptor `fd`. A width of 0 means: $COLUMNS, else the terminal's, else
 * ASSAY_TERM_WIDTH_DEFAULT. The character set is the locale's (LC_CTYPE must have been set).
 */
void assay_term_detect(struct assay_term *term, int fd, enum assay_term_colour colour, int width);

/* Never NULL. A style is "" where there is no colour. */
const char *assay_term_sign(const struct assay_term *term, enum assay_sign sign);
const char *assay_term_style(const struct assay_term *term, enum assay_style style);

#endif
