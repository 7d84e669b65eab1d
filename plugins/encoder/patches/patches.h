/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of the encoder image.patches. */
#ifndef PATCHES_H
#define PATCHES_H

#include <omnio/kinds.h>

#define PATCHES(PAR, S)                                                                          \
    PAR(S, int, side, "224", "1..16384", "px", "side of the square that is seen")                \
    PAR(S, int, patch, "16", "1..256", "px", "side of a patch")                                  \
    PAR(S, int, width, "768", "1..65536", NULL, "width of a vector")                             \
    PAR(S, string, weight, "proj", NULL, NULL, "name of the convolution below the prefix")       \
    PAR(S, bool, bias, "true", NULL, NULL, "the convolution has a bias")                         \
    PAR(S, choice, fit, "squash", "squash|crop", NULL,                                           \
        "squash: the whole picture, whatever its shape; crop: the middle, the short side fills") \
    PAR(S, choice, normalise, "half", "half|imagenet|clip", NULL,                                \
        "mean and deviation of the colours; half: 0..1 to -1..1")
struct patches { PATCHES(OMN_S_PAR, patches) };

typedef struct patches_self {
    const struct patches *p;
    omn_port ports[2];
} patches_self;

#endif
