/* SPDX-License-Identifier: Apache-2.0 */
/* Where this copy of libomnio lies, and what lies beside it: the helper that scans plugins and the
 * folder of installed plugins and data, or the same inside the build tree. */
#ifndef LIBCORE_PLUGIN_BESIDE_H
#define LIBCORE_PLUGIN_BESIDE_H

#include <omnio/base.h>

typedef struct beside {
    char *library; /* the shared library itself, absolute */
    char *helper;  /* omnio-scan */
    char *plugins; /* folder of installed plugins, or of the build tree */
    char *data;    /* folder that holds models/ and pipelines/: installed, or the source tree */
    bool built;    /* the library runs from its build tree */
} beside;

/* Finds all of it; strings are owned by it (beside_fini). [any] */
omn_status beside_find(beside *out, omn_error *err);
void beside_fini(beside *p);

#endif
