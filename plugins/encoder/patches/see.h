/* SPDX-License-Identifier: Apache-2.0 */
/* How a picture is brought to the sides that an encoder sees, for those whose models were trained
 * behind torchvision on Pillow: image.patches and image.resnet. */
#ifndef SEE_H
#define SEE_H

#include <omnio/kinds.h>

/* The whole picture, whatever its shape; or the middle, its short side fills (squares alone). */
enum { SEE_SQUASH, SEE_CROP };
/* Mean and deviation of the colours; half: 0..1 to -1..1. */
enum { SEE_HALF, SEE_IMAGENET, SEE_CLIP };

typedef struct see_how {
    const char *object;                   /* the encoder, for messages */
    uint32_t width, height;
    int fit, normalise;
    bool hides;                           /* what is transparent is 0, not white; squashed alone */
} see_how;

/* A picture as "pixels" f32 [height,width,3]; frame: what of it is seen. */
omn_status see_picture(const see_how *how, omn_call *c, const omn_value *v, omn_feed *out,
                       omn_frame *frame, omn_error *err);
/* "seg" i32 [n]: 1, a picture is there. */
omn_status see_mark(omn_feed *out, int64_t n, omn_error *err);

#endif
