/* SPDX-License-Identifier: Apache-2.0 */
/* A bar of colours with the numbers that they stand for. */
#ifndef OMNIO_OPERATION_DRAW_SCALE_H
#define OMNIO_OPERATION_DRAW_SCALE_H

#include "canvas.h"

typedef struct scale {
    double top, bottom;       /* numbers at its ends */
    double top_colour;        /* 0..1 of colour_of_number; the other end is 1 minus that */
    const char *unit;
    double font;
    uint32_t left, height;    /* of the sheet: where its strip begins, how high it is */
} scale;

/* How wide the strip is, and how high it is at least, in pixels. [run] */
omn_status scale_measure(const scale *s, uint32_t *width, uint32_t *least, omn_error *err);
/* The bar onto the paper, and its numbers onto the canvas over it. [run] */
void scale_paint(const scale *s, const omn_pixels *px);
void scale_write(const scale *s, canvas *to);

#endif
