/* SPDX-License-Identifier: Apache-2.0 */
/* The suffix of a file's name. */
#ifndef LIBCORE_PLUGIN_SUFFIX_H
#define LIBCORE_PLUGIN_SUFFIX_H

#include <omnio/base.h>

#define SUFFIX_ROOM 16

/* "JPG" of "a/b.JPG", in lower case, into buf; false when there is none or it is too long to be
 * one. */
bool suffix_of(const char *path, char buf[SUFFIX_ROOM]);

#endif
