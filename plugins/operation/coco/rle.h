/* SPDX-License-Identifier: Apache-2.0 */
/* Masks as run lengths, as COCO has them: column after column, how many pixels are outside, then
 * how many inside, in turn. */
#ifndef OMNIO_OPERATION_COCO_RLE_H
#define OMNIO_OPERATION_COCO_RLE_H

#include <omnio/plugin.h>

typedef struct rle {
    uint32_t width, height;
    uint32_t *counts;         /* owned */
    size_t n, room;
} rle;

/* Pixels of a label map; the box around them may be known, else it is all. */
typedef struct rle_box {
    int64_t x0, y0, x1, y1;
} rle_box;
/* The pixels that have this label. OMN_ERR_MEMORY, OMN_ERR_SHAPE. [any] */
omn_status rle_of(const int32_t *labels, int64_t width, int64_t height, int32_t label, rle_box box,
                  rle *out, omn_error *err);
void rle_fini(rle *r);
/* "size" and "counts" as members of a JSON object, without its braces. [any] */
void rle_put(const rle *r, bool compressed, omn_buf *out);
/* From {"size":[height,width],"counts":..}, a text or a list of numbers: everything is checked, the
 * lengths make up the whole picture. OMN_ERR_DATA. [run] */
omn_status rle_read(omn_call *c, const omn_value *segmentation, rle *out, omn_error *err);
/* The pixels inside get the label; labels is [height, width]. [any] */
void rle_fill(const rle *r, int32_t label, int32_t *labels);
/* How many pixels are inside, and the box around them; false: none. [any] */
bool rle_measure(const rle *r, uint64_t *area, rle_box *box);

#endif
