/* term.c: asks the environment and the terminal; see term.h. */
#include "term.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const struct {
	const char *utf8, *ascii;
} signs[ASSAY_SIGNS] = {
	[ASSAY_SIGN_ELLIPSIS] = {"…", ".."},
	[ASSAY_SIGN_PLUS_MINUS] = {"±", "+-"},
	[ASSAY_SIGN_MICRO] = {"µ", "u"},
	[ASSAY_SIGN_CALLS] = {" › ", " > "},
	[ASSAY_SIGN_CALLED_BY] = {" ‹ ", " < "},
	[ASSAY_SIGN_BRANCH] = {"├─ ", "|- "},
	[ASSAY_SIGN_CORNER] = {"└─ ", "`- "},
	[ASSAY_SIGN_TRUNK] = {"│  ", "|  "},
	[ASSAY_SIGN_GAP] = {"   ", "   "},
	[ASSAY_SIGN_BAR_CPU] = {"█", "#"},
	[ASSAY_SIGN_BAR_CORE_WAIT] = {"▒", "="},
	[ASSAY_SIGN_BAR_SPIN] = {"▓", "%"},
	[ASSAY_SIGN_BAR_WAIT] = {"░", "."},
	[ASSAY_SIGN_BAR_UNKNOWN] = {"·", ":"},
	[ASSAY_SIGN_BAR_REST] = {"?", "?"},
};

static const char *const styles[ASSAY_STYLES] = {
	[ASSAY_STYLE_NONE] = "\033[0m",
	[ASSAY_STYLE_TITLE] = "\033[1m",
	[ASSAY_STYLE_DIM] = "\033[2m",
	[ASSAY_STYLE_HOT] = "\033[1;31m",
	[ASSAY_STYLE_CPU] = "\033[32m",
	[ASSAY_STYLE_CORE_WAIT] = "\033[33m",
	[ASSAY_STYLE_WAIT] = "\033[36m",
	[ASSAY_STYLE_WARNING] = "\033[33m",
};

static int width_of(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	char *end;
	long width;

	if (columns && *columns) {
		width = strtol(columns, &end, 10);
		if (*end == '\0' && width > 0 && width <= ASSAY_TERM_WIDTH_MAX)
			return (int)width;
	}
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return ASSAY_TERM_WIDTH_DEFAULT;
}

/* https://no-color.org: set and not empty means no colour, whatever its value. */
static bool wants_colour(int fd)
{
	const char *no_color = getenv("NO_COLOR");
	const char *name = getenv("TERM");

	if (no_color && *no_color)
		return false;
	return isatty(fd) && name && *name && strcmp(name, "dumb") != 0;
}

void assay_term_detect(struct assay_term *term, int fd, enum assay_term_colour colour, int width)
{
	term->width = width > 0 ? width : width_of(fd);
	if (term->width < ASSAY_TERM_WIDTH_MIN)
		term->width = ASSAY_TERM_WIDTH_MIN;
	if (term->width > ASSAY_TERM_WIDTH_MAX)
		term->width = ASSAY_TERM_WIDTH_MAX;
	term->colour = colour == ASSAY_COLOUR_ALWAYS || (colour == ASSAY_COLOUR_AUTO && wants_colour(fd));
	term->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

const char *assay_term_sign(const struct assay_term *term, enum assay_sign sign)
{
	return term->utf8 ? signs[sign].utf8 : signs[sign].ascii;
}

const char *assay_term_style(const struct assay_term *term, enum assay_style style)
{
	return term->colour ? styles[style] : "";
}
