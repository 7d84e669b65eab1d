/* SPDX-License-Identifier: Apache-2.0 */
/* What this plugin draws, for its door. What parameters mean stands in main.c. */
#ifndef OMNIO_OPERATION_DRAW_DRAW_H
#define OMNIO_OPERATION_DRAW_DRAW_H

#include "canvas.h"

/* On a canvas. [run] */
omn_status marks_regions(omn_call *c, canvas *s, const omn_value *regions, bool labels, bool scores,
                         omn_error *err);
void marks_points(canvas *s, const omn_value *points, bool labels, bool bones);
omn_status marks_keypoints(canvas *s, const omn_value *in, bool names, bool bones, bool scores,
                           omn_error *err);

/* A list, a video or a stream of pictures on one sheet, row by row. columns 0: as square as it
 * goes; labels: the moment of each, or its number. [run] */
omn_status contact_draw(omn_call *c, const omn_value *in, int columns, int width, bool labels,
                        omn_image **out, omn_value **drawing, omn_error *err);

typedef struct mask_setup {
    double opacity, font;
    bool legend;
    int from;
} mask_setup;
omn_status mask_draw(omn_call *c, const omn_image *in, const omn_value *mask,
                     const mask_setup *how, omn_image **out, omn_value **drawing, omn_error *err);

typedef struct depth_setup {
    double near, far, font;         /* near, far 0: the least and the most that is there */
    bool near_bright, bar;
} depth_setup;
omn_status depth_draw(omn_call *c, const omn_value *depth, const depth_setup *how, omn_image **out,
                      omn_value **drawing, omn_error *err);

typedef struct spectrogram_setup {
    int side;
    double range, font;
} spectrogram_setup;
omn_status spectrogram_draw(omn_call *c, const omn_value *in, const spectrogram_setup *how,
                            omn_image **out, omn_value **drawing, omn_error *err);

#endif
