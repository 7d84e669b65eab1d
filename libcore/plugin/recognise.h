/* SPDX-License-Identifier: Apache-2.0 */
/* Names of kinds of files, whether or not they can be read. */
#ifndef OMNIO_PLUGIN_RECOGNISE_H
#define OMNIO_PLUGIN_RECOGNISE_H

#include <omnio/base.h>

/* "HEIC", "a zip archive"; NULL for bytes that look like nothing in particular. [any] */
const char *recognise(const void *bytes, size_t n);

#endif
