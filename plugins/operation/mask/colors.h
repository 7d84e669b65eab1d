/* SPDX-License-Identifier: Apache-2.0 */
/* Colours that stand for labels. */
#ifndef OMNIO_MASK_COLORS_H
#define OMNIO_MASK_COLORS_H

#include <omnio/plugin.h>

#define COLORS_MOST 256u

/* Label i has this name (NULL: none) and colour. */
typedef struct colors {
    const char *name[COLORS_MOST];
    uint8_t rgb[COLORS_MOST][3];
    size_t n;
} colors;

/* "sky: blue, grass: #00ff00", or colours alone; names and text in scratch memory of the call. */
omn_status colors_read(omn_call *c, const char *text, colors *out, omn_error *err);
/* The label whose colour is nearest; -1: all are farther than that. */
int32_t colors_nearest(const colors *k, const uint8_t rgb[3], double far);
/* Colours that a picture (RGB, w x h) is made of: black, then from the most common on those that
 * are more than `near` apart and each at least `least` of all pixels. */
omn_status colors_found(const uint8_t *rgb, size_t w, size_t h, double near, double least,
                        colors *out, omn_error *err);

#endif
