/* SPDX-License-Identifier: Apache-2.0 */
/* Values for examples; every function of fields passes over when something failed before. */
#include "values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void put(fields *f, const char *name, omn_value *taken)
{
    if (taken && f->n < VALUES_MOST_FIELDS)
        f->list[f->n++] = (omn_named){name, taken};
    else
        omn_value_unref(taken);
}

void put_text(fields *f, const char *name, const char *text)
{
    omn_value *v = NULL;
    if (f->st == OMN_OK)
        f->st = omn_text_new(text, strlen(text), &v, f->err);
    put(f, name, v);
}

void put_number(fields *f, const char *name, double x)
{
    omn_value *v = NULL;
    if (f->st == OMN_OK)
        f->st = omn_number_new(x, &v, f->err);
    put(f, name, v);
}

/* A new picture of the frame's size; NULL after a failure. */
static omn_image *picture(fields *f, omn_pixels *px)
{
    omn_image *img = NULL;
    if (f->st == OMN_OK)
        f->st = omn_image_new(OMN_U8, f->frame->width, f->frame->height, 3, f->frame, &img, px,
                              f->err);
    return f->st == OMN_OK ? img : NULL;
}

void put_picture(fields *f, const char *name, const uint8_t *rgb)
{
    omn_pixels px;
    omn_image *img = picture(f, &px);
    if (!img)
        return;
    memcpy(px.data, rgb, (size_t)px.width * px.height * 3);
    put(f, name, omn_image_give(img));
}

/* A value of a kind from one column in the frame. */
static void put_column(fields *f, const char *name, const char *kind, const omn_filled *column)
{
    const omn_kind *k = NULL;
    omn_value *v = NULL;
    if (f->st == OMN_OK)
        f->st = omn_kind_find(f->call, kind, &k, f->err);
    if (f->st == OMN_OK)
        f->st = omn_value_make(k, column, 1, f->frame, &v, f->err);
    put(f, name, v);
}

void put_mask(fields *f, const char *name, const char *shown, const uint8_t *number,
              uint32_t objects)
{
    const size_t n = (size_t)f->frame->width * f->frame->height;
    omn_pixels px;
    omn_image *img = picture(f, &px);
    int32_t *labels = malloc(n * sizeof *labels);
    if (!labels && f->st == OMN_OK)
        f->st = omn_fail(f->err, OMN_ERR_MEMORY, "tabletop: no memory for a mask");
    for (size_t k = 0; img && labels && k < n; k++) {
        labels[k] = number[k] && (objects >> (number[k] - 1) & 1);
        memset((uint8_t *)px.data + 3 * k, labels[k] ? 255 : 0, 3);
    }
    put(f, shown, img ? omn_image_give(img) : NULL);
    if (labels) {
        const omn_filled column = omn_fill("labels", OMN_I32,
                                           omn_dim2(f->frame->height, f->frame->width), labels);
        put_column(f, name, "mask", &column);
    }
    free(labels);
}

void put_instances(fields *f, const char *name, const uint8_t *number, uint32_t objects)
{
    const size_t n = (size_t)f->frame->width * f->frame->height;
    int32_t *labels = malloc(n * sizeof *labels);
    if (!labels && f->st == OMN_OK)
        f->st = omn_fail(f->err, OMN_ERR_MEMORY, "tabletop: no memory for a mask");
    for (size_t k = 0; labels && k < n; k++)
        labels[k] = number[k] && (objects >> (number[k] - 1) & 1) ? number[k] : 0;
    if (labels) {
        const omn_filled column = omn_fill("labels", OMN_I32,
                                           omn_dim2(f->frame->height, f->frame->width), labels);
        put_column(f, name, "mask", &column);
    }
    free(labels);
}

void put_dense(fields *f, const char *name, const char *kind, omn_shape shape, const float *data)
{
    const omn_filled column = omn_fill(kind, OMN_F32, shape, data);
    put_column(f, name, kind, &column);
}

void put_box(fields *f, const char *name, const int32_t box[4], const char *label)
{
    const omn_region r = {box[0], box[1], box[2], box[3], (double)NAN, label};
    omn_value *v = NULL;
    if (f->st == OMN_OK)
        f->st = omn_regions_new(&r, 1, f->frame, &v, f->err);
    put(f, name, v);
}

void put_list(fields *f, const char *name, omn_value **list, size_t n)
{
    omn_value *v = NULL;
    if (f->st == OMN_OK)
        f->st = omn_list_new(list, n, &v, f->err);
    put(f, name, v);
    for (size_t i = 0; i < n; i++)
        omn_value_unref(list[i]);
}

omn_status fields_record(fields *f, omn_value **out)
{
    if (f->st == OMN_OK)
        f->st = omn_record_new(f->list, f->n, out, f->err);
    for (size_t i = 0; i < f->n; i++)
        omn_value_unref(f->list[i].value);
    f->n = 0;
    return f->st;
}

omn_status fields_item(fields *f, omn_value **list, size_t *n)
{
    const omn_status st = fields_record(f, &list[*n]);
    *n += st == OMN_OK;
    return st;
}

omn_status world_split_of(omn_split split, world_split *out, omn_error *err)
{
    static const world_split SPLITS[] = {WORLD_TRAIN, WORLD_HELD_OUT, WORLD_FOREIGN};
    if ((unsigned)split >= sizeof SPLITS / sizeof SPLITS[0])
        return omn_fail(err, OMN_ERR_ARGUMENT, "tabletop: there is no split %d", (int)split);
    *out = SPLITS[split];
    return OMN_OK;
}

omn_status world_canvas_get(int width, int height, world_canvas **out, omn_error *err)
{
    *out = world_canvas_new(width, height);
    return *out ? OMN_OK
                : omn_fail(err, OMN_ERR_MEMORY, "tabletop: no memory for a picture of %d x %d",
                           width, height);
}

uint64_t world_source_id(uint64_t seed, omn_split split, uint64_t index)
{
    return world_mix64(seed ^ world_mix64(index * 4 + (uint64_t)split));
}
