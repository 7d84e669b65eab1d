/* SPDX-License-Identifier: Apache-2.0 */
/* Operations around Pix2Seq's tasks: what surrounds a box, in which joints are looked for, and the
 * mask that several drawings of one thing agree on. */
#include "operations.h"

#include <stdlib.h>
#include <string.h>

omn_status p2s_surround_op(omn_call *c, const omn_image *in, const omn_value *boxes, double grow,
                           omn_image **out, omn_error *err)
{
    static const double black[4] = { 0, 0, 0, 1 };
    const omn_pixels px = omn_image_pixels(in);
    const omn_region *r = NULL;
    const omn_frame *f = omn_image_frame(in);
    double x[2], y[2];
    int32_t at[4];
    (void)c;
    if (omn_regions_get(boxes, &r) < 1)
        return omn_fail(err, OMN_ERR_DATA, "a box is wanted, there is none");
    if (!omn_frame_from_source(f, r->x0, r->y0, &x[0], &y[0]) ||
        !omn_frame_from_source(f, r->x1, r->y1, &x[1], &y[1]))
        return omn_fail(err, OMN_ERR_DATA, "the picture's frame has no inverse");
    float box[4] = { (float)(y[0] / px.height), (float)(x[0] / px.width),
                     (float)(y[1] / px.height), (float)(x[1] / px.width) };
    for (int i = 0; i < 4; i++) box[i] = !(box[i] > 0) ? 0 : box[i] > 1 ? 1 : box[i];
    p2s_surround(box, (int32_t)px.height, (int32_t)px.width, grow, at);
    return omn_image_crop(in, at[1], at[0], (uint32_t)at[3], (uint32_t)at[2], black, out, err);
}

/* One drawing's mask, added to the votes. */
static omn_status add_votes(omn_call *c, const omn_value *drawing, const omn_image *like,
                            const omn_value *picture, uint32_t *votes, omn_error *err)
{
    omn_value *mask = NULL;
    const omn_value *in[2] = { drawing, picture };
    const omn_pixels px = omn_image_pixels(like);
    omn_status st = omn_call_operation(c, "mask.from_polygons", in, NULL, 0, &mask, err);
    if (st != OMN_OK) return st;
    const omn_tensor *labels = omn_value_column(mask, "labels");
    const size_t n = (size_t)px.width * px.height;
    if (!labels || labels->bytes != n * sizeof(int32_t))
        st = omn_fail(err, OMN_ERR_INTERNAL, "a mask has another size than its picture");
    for (size_t i = 0; st == OMN_OK && i < n; i++) votes[i] += ((int32_t *)labels->data)[i] > 0;
    omn_value_unref(mask);
    return st;
}

omn_status p2s_vote_op(omn_call *c, const omn_value *in, const omn_value *like, double share,
                       omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_kind *kind = NULL;
    const omn_image *picture = omn_value_image(like);
    const size_t n = omn_list_count(in);
    uint32_t *votes = NULL;
    int32_t *labels = NULL;
    if (!picture || n < 1)
        return omn_fail(err, OMN_ERR_TYPE, "a list of outlines and a picture are wanted");
    const omn_pixels px = omn_image_pixels(picture);
    const size_t pixels = (size_t)px.width * px.height;
    votes = calloc(pixels, sizeof *votes);
    labels = calloc(pixels, sizeof *labels);
    if (!votes || !labels) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "no memory for a mask"));
    for (size_t i = 0; i < n; i++) {
        if (!omn_value_is(omn_list_at(in, i), "polygons"))
            OMN_TRY(omn_fail(err, OMN_ERR_TYPE, "drawing %zu is %s, polygons are wanted", i + 1,
                             omn_value_kind_name(omn_list_at(in, i))));
        OMN_TRY(add_votes(c, omn_list_at(in, i), picture, like, votes, err));
    }
    for (size_t i = 0; i < pixels; i++) labels[i] = (double)votes[i] >= share * (double)n;
    OMN_TRY(omn_kind_find(c, "mask", &kind, err));
    const omn_filled column = omn_fill("labels", OMN_I32, omn_dim2(px.height, px.width), labels);
    OMN_TRY(omn_value_make(kind, &column, 1, omn_image_frame(picture), out, err));
done:
    free(votes);
    free(labels);
    return st;
}
