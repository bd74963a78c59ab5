/*
 * choice.h: which functions are measured.
 *
 * Owns the plugin's options for that, and what was decided for each function, by its address. Lock-free; any thread.
 */
#ifndef ASSAY_PLUGINS_FUNCTIONS_CHOICE_H
#define ASSAY_PLUGINS_FUNCTIONS_CHOICE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <assay/plugin.h>

#include <stddef.h>

enum choice {
	CHOICE_YES,
	CHOICE_NO,
	CHOICE_TINY, /* it is counted, no more */
};

/* Takes the options. 0, or a negative errno. */
int choice_start(const struct assay_host *h);

extern _Atomic bool choice_any; /* some functions are not measured, or it is to be asked of each */
enum choice choice_look_up(const void *function);

static inline enum choice choice_of(const void *function)
{
	return __builtin_expect(choice_any, 0) ? choice_look_up(function) : CHOICE_YES;
}

/* From now on it is CHOICE_TINY. */
void choice_tiny(const void *function);

#endif
