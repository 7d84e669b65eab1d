/* SPDX-License-Identifier: Apache-2.0 */
/* COCO's JSON, for the door of this plugin. What parameters mean stands in main.c. */
#ifndef OMNIO_OPERATION_COCO_COCO_H
#define OMNIO_OPERATION_COCO_COCO_H

#include "rle.h"

typedef struct coco_writing {
    const char *file, *categories;
    int64_t image_id;
    bool results, compressed;
    int from;
    const omn_image *image;   /* or NULL */
} coco_writing;
omn_status coco_write(omn_call *c, const omn_value *in, const coco_writing *how, omn_value **out,
                      omn_error *err);

typedef struct coco_reading {
    const char *file, *categories;
    int64_t image_id;         /* below 0: the first picture, or that of the file */
    const omn_image *image;   /* or NULL */
} coco_reading;
typedef struct coco_found {
    omn_value *regions, *mask, *keypoints, *polygons;
} coco_found;
omn_status coco_read(omn_call *c, const omn_value *in, const coco_reading *how, coco_found *out,
                     omn_error *err);

/* Every field that is read is of its type, scores are 0 to 1: OMN_ERR_DATA names the one that is
 * not; check.c */
omn_status coco_check(const omn_value *in, omn_error *err);

/* The mask over the source picture, pixel for pixel, as labels: a soft one is 1 from a half on.
 * *owned: to be freed; NULL: the labels are those of the mask. */
typedef struct flat {
    const int32_t *labels;
    int32_t *owned;
    int64_t width, height;
    bool soft;
} flat;
omn_status flat_of(const omn_value *mask, flat *out, omn_error *err);

#endif
