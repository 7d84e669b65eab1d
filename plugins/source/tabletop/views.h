/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures as measures look at them. */
#ifndef TABLETOP_VIEWS_H
#define TABLETOP_VIEWS_H

#include <omnio/learn.h>

typedef struct view {
    int width, height;
    uint8_t *rgb; /* owned */
} view;

/* The size at which a picture is looked at: its own, or the shorter side 128. False for pictures of
 * a few pixels, and for ribbons. */
bool view_size(const omn_image *in, int *width, int *height);
/* A picture at this size, in three colours of 8 bits. */
omn_status view_at(omn_call *c, const omn_image *in, int width, int height, view *out,
                   omn_error *err);
/* The labels of a mask at this size [height, width], owned, free(). OMN_ERR_CONFIG: it is none. */
omn_status view_labels(const omn_value *mask, int width, int height, int32_t **out, omn_error *err);

#endif
