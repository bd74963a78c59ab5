/*
 * plain.h: C++ names as people write them in a pattern.
 *
 * Owns nothing; allocates nothing.
 */
#ifndef ASSAY_PLUGINS_FUNCTIONS_PLAIN_H
#define ASSAY_PLUGINS_FUNCTIONS_PLAIN_H

#include <stddef.h>

/*
 * "_ZN5shape6circle4areaEv" is "shape::circle::area": scopes and names, without arguments and what templates are made
 * with. Other symbols, and what of one is not understood, as they are. Itanium C++ ABI, 5.1.
 */
void plain_name(const char *symbol, char *name, size_t size);

#endif
