/*
 * names.h: the names of functions by their addresses, static ones too.
 *
 * Owns the symbol tables of the program's files that it was asked for, read once each. No locks, no allocator of the
 * program's; milliseconds at the first function of a file.
 */
#ifndef ASSAY_PLUGINS_FUNCTIONS_NAMES_H
#define ASSAY_PLUGINS_FUNCTIONS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* "sort", "std::vector::push_back": C++ names without arguments. False: its file does not say. */
bool names_find(const void *function, char *name, size_t size);

#endif
