/* SPDX-License-Identifier: Apache-2.0 */
/* Where omnio's own files lie: in the installed folders, or, for a library that runs from where it
 * was built, in that build's tree. Nothing has to be set for either. */
#ifndef OMNIO_BASE_PLACE_H
#define OMNIO_BASE_PLACE_H

#include <omnio/base.h>

typedef enum place_kind {
    PLACE_PLUGINS, /* folder that holds the plugins, NAME.so */
    PLACE_HELPERS, /* folder that holds helper programs */
    PLACE_DATA     /* folder that holds pipelines/, models/, examples/ */
} place_kind;

/* Writes the folder's path into room bytes. OMN_ERR_ARGUMENT when it does not fit. [any] */
omn_status place_find(place_kind kind, char *path, size_t room, omn_error *err);
/* Does this library run from its build tree? [any] */
bool place_is_build_tree(void);

#endif
