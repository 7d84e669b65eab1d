/* SPDX-License-Identifier: Apache-2.0 */
/* A picture in the middle of another, whose rest has the colours of its edges. */
#ifndef OPERATION_IMAGE_LETTERBOX_H
#define OPERATION_IMAGE_LETTERBOX_H

#include <omnio/value.h>

typedef struct letterbox {
    uint32_t width, height;               /* of the whole */
    uint32_t least;                       /* side of the scaled picture, as far as there is room */
    omn_filter filter;                    /* not nearest */
} letterbox;

/* *out is u8 with the channels of `in`, owned by the caller; boxes in it are boxes of `in`.
 * [run] */
omn_status image_letterbox(omn_call *c, const omn_image *in, const letterbox *how, omn_image **out,
                           omn_error *err);

#endif
