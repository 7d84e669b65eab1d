/* SPDX-License-Identifier: Apache-2.0 */
/* Where this copy of libomnio lies, and what lies beside it: the helper that scans plugins and the folder
 * of installed plugins, or the same two inside the build tree. */
#ifndef LIBCORE_PLUGIN_PLACE_H
#define LIBCORE_PLUGIN_PLACE_H

#include <omnio/base.h>

typedef struct place {
    char *library;      /* the shared library itself, absolute */
    char *helper;       /* omnio-scan */
    char *plugins;      /* folder of installed plugins, or of the build tree */
    bool built;         /* the library runs from its build tree */
} place;

/* Finds all three; strings are owned by the place (place_fini). [any] */
omn_status place_find(place *out, omn_error *err);
void place_fini(place *p);

#endif
