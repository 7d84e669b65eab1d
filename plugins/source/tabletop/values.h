/* SPDX-License-Identifier: Apache-2.0 */
/* Examples in the making: fields of records, and the values of this library from the buffers of the
 * world. */
#ifndef TABLETOP_VALUES_H
#define TABLETOP_VALUES_H

#include <omnio/kinds.h>
#include <omnio/plugin.h>

#include "world.h"

enum { VALUES_MOST_FIELDS = 24 };

/* Fields of a record. After a failure further additions do nothing; values that are put are taken,
 * NULL after a failure only. */
typedef struct fields {
    omn_named list[VALUES_MOST_FIELDS];
    size_t n;
    const omn_frame *frame; /* of boxes, masks and so on */
    omn_call *call;
    omn_status st;
    omn_error *err;
} fields;

void put(fields *f, const char *name, omn_value *taken);
void put_text(fields *f, const char *name, const char *text);
void put_number(fields *f, const char *name, double x);
/* 8-bit pixels [height, width, 3] in the frame. */
void put_picture(fields *f, const char *name, const uint8_t *rgb);
/* The pixels whose number is among `objects` (bit i for object i): a mask of 0 and 1 as `name`, and
 * as a white on black picture `picture`. */
void put_mask(fields *f, const char *name, const char *picture, const uint8_t *number,
              uint32_t objects);
/* The same with the number of each thing as its label. */
void put_instances(fields *f, const char *name, const uint8_t *number, uint32_t objects);
/* A column of a kind in the frame, f32. */
void put_dense(fields *f, const char *name, const char *kind, omn_shape shape, const float *data);
/* Boxes x0 y0 x1 y1; labels may be NULL. */
void put_box(fields *f, const char *name, const int32_t box[4], const char *label);
/* The record of all fields, or what failed first; the fields are gone then. */
omn_status fields_record(fields *f, omn_value **out);
/* The same as an item of a list that grows: *n counts what is there, `most` fit. */
omn_status fields_item(fields *f, omn_value **list, size_t *n);
/* A list of n values, which are taken, whatever happens. */
void put_list(fields *f, const char *name, omn_value **list, size_t n);

/* Splits of the host as those of the world; OMN_ERR_ARGUMENT for another number. */
omn_status world_split_of(omn_split split, world_split *out, omn_error *err);
/* A canvas, or OMN_ERR_MEMORY. */
omn_status world_canvas_get(int width, int height, world_canvas **out, omn_error *err);
/* Tells the pictures of a source apart. */
uint64_t world_source_id(uint64_t seed, omn_split split, uint64_t index);

#endif
