/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "outlines": the parts of one thing as polygons, corner by corner, two separators
 * between them, padding behind the last. */
#include "answers.h"

#include <stdlib.h>

typedef struct self {
    p2s_known k;
    int32_t corners;
} self;

static omn_status open_outlines(omn_call *c, const void *params, omn_open *o, void **out,
                                omn_error *err)
{
    (void)c;
    self *a = calloc(1, sizeof *a);
    *out = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "outlines: out of memory");
    a->corners = ((const struct p2s_outlines *)params)->outlines;
    return p2s_know(o, "outlines", &a->k, err);
}

static omn_status rules(const void *in, omn_rules *r, omn_error *err)
{
    const self *a = in;
    (void)err;
    return p2s_any_rules(r, 2 * a->corners, 2 * a->corners);
}

/* Corners x y of outlines as a value; an outline of less than three is none. */
static omn_status make(const self *a, omn_call *c, const float *corner, const int32_t *counts,
                       size_t n, const omn_frame *frame, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_kind *kind = NULL;
    size_t all = 0, kept = 0, at = 0;
    for (size_t i = 0; i < n; i++) all += (size_t)counts[i];
    double *point = calloc(all + 1, 2 * sizeof *point);
    int32_t *rings = calloc(n + 1, sizeof *rings), *points = calloc(n + 1, sizeof *points);
    if (!point || !rings || !points)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "outlines: out of memory"));
    for (size_t i = 0; i < n; corner += 2 * counts[i++]) {
        if (counts[i] < 3) continue;
        for (int32_t k = 0; k < counts[i]; k++) {
            const float yx[2] = { corner[2 * k + 1], corner[2 * k] };
            p2s_to_source(&a->k, frame, yx, point + 2 * at++);
        }
        rings[kept] = 1;
        points[kept++] = counts[i];
    }
    OMN_TRY(omn_kind_find(c, "polygons", &kind, err));
    const omn_shape each = omn_dim1((int64_t)kept);
    const omn_filled columns[] = { omn_fill("rings", OMN_I32, each, rings),
                                   omn_fill("points", OMN_I32, each, points),
                                   omn_fill("point", OMN_F64, omn_dim2((int64_t)at, 2), point) };
    OMN_TRY(omn_value_make(kind, columns, 3, frame, out, err));
done:
    free(point);
    free(rings);
    free(points);
    return st;
}

static omn_status read(const void *in, omn_call *c, const omn_heard *h, const omn_frame *frame,
                       omn_value **out, omn_error *err)
{
    const self *a = in;
    omn_status st = p2s_need_frame(frame, "outlines", err);
    if (st != OMN_OK) return st;
    float *yx = calloc(h->n + 1, sizeof *yx), *corner = calloc(h->n + 2, sizeof *corner);
    int32_t *counts = calloc(h->n + 1, sizeof *counts);
    if (!yx || !corner || !counts)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "outlines: out of memory"));
    p2s_points_read(&a->k.ids, h->ids, h->n, yx);
    const size_t n = p2s_outlines(yx, h->n, corner, counts);
    OMN_TRY(make(a, c, corner, counts, n, frame, out, err));
done:
    free(yx);
    free(corner);
    free(counts);
    return st;
}

/* Corners that there is no room for are left out, as the original cuts its lessons. */
static omn_status write(const void *in, omn_call *c, const omn_value *v, const omn_frame *frame,
                        omn_ids *out, omn_error *err)
{
    const self *a = in;
    const size_t most = 2 * (size_t)a->corners, from = out->count;
    (void)c;
    const omn_status st = p2s_need_frame(frame, "outlines", err);
    if (st != OMN_OK) return st;
    if (!omn_value_is(v, "polygons"))
        return omn_fail(err, OMN_ERR_TYPE, "the wanted answer is %s, polygons are wanted",
                        omn_value_kind_name(v));
    const omn_tensor *points = omn_value_column(v, "points");
    const int32_t *count = points->data;
    const double *at = omn_value_column(v, "point")->data;
    for (int64_t r = 0; r < points->shape.dim[0]; r++) {
        for (int k = 0; r && k < 2 && out->count - from < most; k++) omn_ids_put(out, P2S_BETWEEN);
        for (int32_t k = 0; k < count[r]; k++, at += 2) {
            float yx[2];
            p2s_from_source(&a->k, frame, at, yx);
            for (int i = 0; i < 2 && out->count - from < most; i++)
                omn_ids_put(out, a->k.ids.coords + p2s_bin(&a->k.ids, yx[i]));
        }
    }
    while (!out->failed && out->count - from < most) omn_ids_put(out, P2S_END);
    return OMN_OK;
}

const omn_answer_impl p2s_outlines_impl = { NULL, "polygons", open_outlines, free,
                                            rules, write, read };
