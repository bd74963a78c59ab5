/*
 * frames.h: the frames that plugins give to the calling-context tree, by number.
 *
 * Owns the table of their words. A number is the same in a process and its forked children, whose spools each have the
 * words. Lock-free; not for handlers.
 */
#ifndef ASSAY_CORE_FRAMES_H
#define ASSAY_CORE_FRAMES_H

#include "sig/state.h"

/*
 * The number for these words, and the symbol at an address if it is not 0. 0: no more room, or there is no module with
 * that address. Any thread.
 */
uint32_t assay_frames_number(const char *kind, const char *name, uintptr_t address);

/* Where a frame's words are in the spool; 0: there was no room, or there is no such frame. Any thread. */
assay_ref assay_frames_ref(uint32_t number);

/* In a forked child: into its own spool. */
void assay_frames_rewrite(void);

#endif
