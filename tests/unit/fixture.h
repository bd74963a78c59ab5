/*
 * fixture.h: a small profile with known figures, for the tests of what reads profiles; and ways to catch what
 * is printed. It is made by viewer/schema.sql ($top_srcdir) and by inserts.
 *
 * The program "work" ran two threads (2 thread-seconds: 1.0 computing, 0.2 waiting for a core, 0.8 waiting).
 * Of its 1.0 s of CPU time 10 ms are start-up, the rest 198 samples of 5 ms:
 *
 *   work                                  (program)
 *   +- [start-up: exec and dynamic loader]             10 ms, exact
 *   +- main               work.c:40 calls all of these
 *      +- fib             work.c:12      20 samples
 *      |  +- fib          work.c:12      40
 *      |     +- add       work.c:5       20, inlined
 *      +- fill            work.c:20     100
 *      +- ns::Grid<double>::step(int)  work.c:30  10
 *      |  +- libx.so+0x1000               4, no symbol
 *      +- memcpy          (libc)          4
 */
#ifndef ASSAY_TESTS_FIXTURE_H
#define ASSAY_TESTS_FIXTURE_H

#include "viewer/view.h"

#include <stddef.h>

/* A new folder, removed with all in it by fixture_end. The path is good until then. */
const char *fixture_folder(void);
/* A path in that folder. */
const char *fixture_path(const char *name);
/* Makes the profile there, with `sql` run last (NULL = nothing), and returns its path. */
const char *fixture_make(const char *name, const char *sql);
void fixture_sql(const char *path, const char *sql);
void fixture_end(void);

/* A context for a view of this profile, without colour; its output is caught. To be ended by fixture_close. */
struct fixture_look {
	struct assay_view_context c;
	char *text;
	size_t size;
};
void fixture_open(struct fixture_look *look, const char *path, int width, bool utf8);
/* What the view prints: good until the look is closed. */
const char *fixture_print(struct fixture_look *look, const struct assay_view *view);
/* What it adds to a JSON document. */
json_t *fixture_json(struct fixture_look *look, const struct assay_view *view);
void fixture_close(struct fixture_look *look);

/* From here on, standard output and standard error are caught, until fixture_caught gives both as one string
 * (to be freed by the caller). */
void fixture_catch(void);
char *fixture_caught(void);

/* Fails, showing the text, unless `line` is a whole line of it. */
void assert_line(const char *text, const char *line);
void assert_no_part(const char *text, const char *part);
void assert_part(const char *text, const char *part);

#endif
