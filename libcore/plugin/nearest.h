/* SPDX-License-Identifier: Apache-2.0 */
/* How far apart two names are, for "did you mean". */
#ifndef LIBCORE_PLUGIN_NEAREST_H
#define LIBCORE_PLUGIN_NEAREST_H

#include <omnio/plugin.h>

/* Damerau-Levenshtein distance (insert, delete, replace, swap neighbours) in bytes. Names longer
 * than 63 bytes are as far as they are long. */
size_t nearest_distance(const char *a, size_t n, const char *b, size_t m);
/* Close enough to be what was meant, for a name of n bytes. */
bool nearest_close(size_t distance, size_t n);

#endif
