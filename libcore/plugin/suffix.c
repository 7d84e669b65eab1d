/* SPDX-License-Identifier: Apache-2.0 */
/* Suffixes: what stands behind the last dot of the last part of a path, unless that part begins
 * with it. */
#include "suffix.h"

#include <string.h>

bool suffix_of(const char *path, char buf[SUFFIX_ROOM])
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t n = dot ? strlen(dot + 1) : 0;
    if (!dot || dot == name || n == 0 || n >= SUFFIX_ROOM) return false;
    for (size_t i = 0; i <= n; i++) {
        char c = dot[1 + i];
        buf[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return true;
}
