/* SPDX-License-Identifier: Apache-2.0 */
/* Loss masks of maps. A map of depth has holes, a mask was drawn for one corner, and a picture that
 * is no square is padded to one: the codes of such places stand in the answer and say nothing that
 * a model should learn. As Unified-IO 2 does it (its specification, the target "image"), a code
 * counts when the picture's mask, resized to the grid of codes by the nearest pixel, is true there.
 * The decoder itself lays the mask into its square, exactly as it lays what is wanted. */
#include "known.h"
#include "run.h"

#include <math.h>
#include <string.h>

omn_status known_read(recipe_task *t, const yml *y, omn_error *err)
{
    const char *field = NULL;
    if (!y) return OMN_OK;
    const omn_status st = yml_text(y, &field, NULL, err);
    if (st != OMN_OK) return st;
    t->mask_at = y;
    t->mask = strcmp(field, "true") ? field : NULL;
    return OMN_OK;
}

/* [side, side, ...] of pixels for each of the decoder's codes. */
static const omn_port *port_of(const omn_part *d)
{
    const omn_decoder_impl *impl = d->impl;
    const omn_port *in = NULL, *out = NULL;
    uint32_t n_out = 0;
    const uint32_t n = impl->ports ? impl->ports(d->self, &in, &n_out, &out) : 0;
    return n == 1 && in->type == OMN_F32 && in->most.rank == 3 ? in : NULL;
}

omn_status known_prove(recipe_task *t, omn_error *err)
{
    if (!t->mask_at) return OMN_OK;
    const omn_part *d = t->teacher ? teacher_decoder(t->teacher) : NULL;
    const omn_codes *k = d ? omn_part_codes(d) : NULL;
    if (!d || strcmp(omn_decoder_makes(d), "image") || !port_of(d))
        return yml_fail(t->mask_at, err, "mask: the pipeline %s writes no codes of a picture, of "
                        "which some could count and others not", t->file);
    if (!k || k->count < 1 || (int64_t)k->grid_h * k->grid_w != k->count)
        return yml_fail(t->mask_at, err, "mask: %s has no grid of codes", omn_part_object(d));
    return OMN_OK;
}

/* ---- what is known, pixel by pixel ----------------------------------------------------------- */

/* [h,w] or [h,w,n] of a column. */
static bool says(const omn_tensor *t, size_t i, bool soft)
{
    const size_t each = t->shape.rank > 2 ? (size_t)t->shape.dim[2] : 1;
    if (t->type == OMN_I32) return ((const int32_t *)t->data)[i] > 0;
    const float *x = (const float *)t->data + i * each;
    return soft ? x[0] > 0.5f : !isnan(x[0]);
}

static omn_status of_column(const omn_tensor *t, bool soft, omn_image **out, omn_error *err)
{
    omn_pixels px;
    const size_t n = (size_t)t->shape.dim[0] * (size_t)t->shape.dim[1];
    const omn_status st = omn_image_new(OMN_U8, (uint32_t)t->shape.dim[1],
                                        (uint32_t)t->shape.dim[0], 3, NULL, out, &px, err);
    for (size_t i = 0; st == OMN_OK && i < n; i++)
        memset((uint8_t *)px.data + 3 * i, says(t, i, soft) ? 255 : 0, 3);
    return st;
}

/* `all`: of the picture its size alone. */
static omn_status of_picture(const omn_image *in, bool all, omn_image **out, omn_error *err)
{
    omn_pixels to;
    const omn_pixels px = omn_image_pixels(in);
    const size_t n = (size_t)px.width * px.height;
    const uint32_t colours = px.channels < 3 ? 1 : 3;     /* what is beside them is how opaque */
    const omn_status st = omn_image_new(OMN_U8, px.width, px.height, 3, omn_image_frame(in), out,
                                        &to, err);
    for (size_t i = 0; st == OMN_OK && i < n; i++) {
        bool some = all;
        for (uint32_t k = 0; k < colours && !some; k++)
            some = px.type == OMN_U8 ? ((const uint8_t *)px.data)[i * px.channels + k] > 0
                                     : ((const float *)px.data)[i * px.channels + k] > 0;
        memset((uint8_t *)to.data + 3 * i, some ? 255 : 0, 3);
    }
    return st;
}

omn_status known_picture(const omn_value *v, omn_image **out, omn_error *err)
{
    static const char *const columns[] = { "labels", "soft", "depth", "normals" };
    const omn_image *image = omn_value_image(v);
    if (image) return of_picture(image, false, out, err);
    for (int k = 0; k < 4; k++) {
        const omn_tensor *t = omn_value_column(v, columns[k]);
        if (t && t->shape.rank >= 2) return of_column(t, k == 1, out, err);
    }
    return omn_fail(err, OMN_ERR_TYPE, "%s says nothing of pixels: a mask, depth, normals or a "
                    "picture is wanted", omn_value_kind_name(v));
}

/* ---- a lesson -------------------------------------------------------------------------------- */

static omn_status picture_of(const example *e, const recipe_task *t, const omn_value *item,
                             const omn_value *want, omn_image **out, omn_error *err)
{
    omn_value *own = NULL;
    if (!t->mask && !omn_value_image(want))
        return omn_fail(err, OMN_ERR_DATA, "what is wanted is %s, and only a picture has padding",
                        omn_value_kind_name(want));
    if (!t->mask) return of_picture(omn_value_image(want), true, out, err);
    const omn_value *field = recipe_get(e->record, item, t->mask);
    if (!field) return omn_fail(err, OMN_ERR_DATA, "the example has no such field");
    omn_status st = OMN_OK;
    if (omn_value_is(field, "text")) st = example_load(e, "image", field, &own, err);
    if (st == OMN_OK) st = known_picture(own ? own : field, out, err);
    omn_value_unref(own);
    return st;
}

/* The middle pixel of each code's square. white [H,W,n]: the mask as the decoder sees it. */
static size_t weigh(const float *white, const omn_shape *shape, const omn_codes *k, omn_ids *ids)
{
    const size_t H = (size_t)shape->dim[0], W = (size_t)shape->dim[1], n = (size_t)shape->dim[2];
    size_t known = 0;
    for (size_t i = 0; i < ids->count; i++) {
        const size_t gy = i / (size_t)k->grid_w, gx = i % (size_t)k->grid_w;
        const size_t y = (2 * gy + 1) * H / (2 * (size_t)k->grid_h);
        const size_t x = (2 * gx + 1) * W / (2 * (size_t)k->grid_w);
        if (white[(y * W + x) * n] > 0) known++;
        else ids->weights[i] = 0;
    }
    return known;
}

static omn_status apply(const example *e, const recipe_task *t, const omn_value *item,
                        const task_item *in, omn_pipeline_taught *l, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_part *d = teacher_decoder(t->teacher);
    const omn_decoder_impl *impl = d->impl;
    const omn_codes *k = omn_part_codes(d);
    const omn_port *in_port = port_of(d);
    omn_image *white = NULL;
    omn_value *laid = NULL;
    omn_feed *f = NULL;
    omn_frame view = { 0 };
    bool has = false;
    if (l->want.count != (size_t)k->count)
        return omn_fail(err, OMN_ERR_DATA, "%zu codes are wanted, the grid has %d", l->want.count,
                        (int)k->count);
    OMN_TRY(picture_of(e, t, item, in->want, &white, err));
    laid = omn_image_give(white);
    white = NULL;
    if (!laid) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory"));
    OMN_TRY(teacher_view(t->teacher, e->c, in->give, in->n_give, &view, &has, err));
    OMN_TRY(omn_feed_make(&f, err));
    OMN_TRY(impl->prepare(d->self, e->c, laid, has ? &view : NULL, f, err));
    const omn_tensor *x = omn_feed_get(f, in_port->name);
    if (!x || x->shape.rank != 3)
        OMN_TRY(omn_fail(err, OMN_ERR_PLUGIN, "%s prepares no \"%s\"", d->object,
                         in_port->name));
    if (!l->want.weights) omn_ids_weigh(&l->want, 0, 1);
    if (!l->want.weights) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory"));
    if (!weigh(x->data, &x->shape, k, &l->want))
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "nothing of what is wanted is known"));
done:
    omn_image_free(white);
    omn_value_unref(laid);
    omn_feed_free(f);
    return st;
}

omn_status known_apply(const example *e, const recipe_task *t, const omn_value *item,
                       const task_item *in, omn_pipeline_taught *l, omn_error *err)
{
    if (!t->mask_at) return OMN_OK;
    const omn_status st = apply(e, t, item, in, l, err);
    if (st != OMN_OK && t->mask) omn_error_prefix(err, "mask: field \"%s\"", t->mask);
    else if (st != OMN_OK) omn_error_prefix(err, "mask");
    return st;
}
