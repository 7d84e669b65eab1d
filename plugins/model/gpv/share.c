/* SPDX-License-Identifier: Apache-2.0 */
/* op gpv.share: how much of each cell of a picture the mean of a region is made of (RoIAlign, He et
 * al. 2017, its bins averaged): boxes [B,Q,4] f32, centre and size, shares of the picture, and
 * which cells are the picture's, [B,N] i32, in the corner of a grid of rows x columns = N; to
 * [B,Q,N].
 *
 * Along one side the box of length l cells, moved by half a cell, is cut into 7 bins of ceil(l / 7)
 * samples each, so they lie evenly; a sample between two cells is made of both, one beyond the
 * first or the last of that alone, one more than a cell outside of nothing. Sides are independent,
 * and the share of a cell is the product of those of its row and its column. As in the programs
 * that pool so, nothing flows back to the boxes. */
#include "gpv.h"

#include <math.h>

static omn_status rule(const void *params, const omn_shape *in, const omn_type *type,
                       omn_shape *out, omn_type *out_type, omn_error *err)
{
    const struct share *p = params;
    if (in[0].rank != 3 || in[0].dim[2] != 4 || type[0] != OMN_F32 || in[1].rank != 2 ||
        type[1] != OMN_I32 || in[1].dim[0] != in[0].dim[0] ||
        in[1].dim[1] != (int64_t)p->rows * p->columns)
        return omn_fail(err, OMN_ERR_SHAPE, "boxes [B,Q,4] and marks [B,N] of a grid of %d x %d "
                        "cells are wanted", p->rows, p->columns);
    out[0] = omn_dim3(in[0].dim[0], in[0].dim[1], in[1].dim[1]);
    out_type[0] = OMN_F32;
    return OMN_OK;
}

/* Shares of n cells along one side of a box, which lies at centre +- size / 2 of it. */
static void along(double centre, double size, int64_t n, int bins, double *out)
{
    const double length = size * (double)n, from = centre * (double)n - length / 2 - 0.5;
    for (int64_t i = 0; i < n; i++) out[i] = 0;
    if (!(length > 0) || !isfinite(from) || length > 1e6) return;
    const int64_t samples = (int64_t)ceil(length / bins) * bins;
    for (int64_t k = 0; k < samples; k++) {
        double at = from + ((double)k + 0.5) * length / (double)samples;
        if (at < -1 || at > (double)n) continue;
        if (at < 0) at = 0;
        if (at > (double)(n - 1)) at = (double)(n - 1);
        const int64_t low = (int64_t)at, high = low + 1 < n ? low + 1 : low;
        out[low] += (1 - (at - (double)low)) / (double)samples;
        out[high] += (at - (double)low) / (double)samples;
    }
}

static omn_status run(omn_call *c, const void *params, const omn_tensor *in, const omn_tensor *out,
                      void *const *y, omn_error *err)
{
    const struct share *p = params;
    const int64_t B = out->shape.dim[0], Q = out->shape.dim[1], R = p->rows, C = p->columns;
    double *row = omn_call_scratch(c, (size_t)(R + C), sizeof *row);
    if (!row) return omn_fail(err, OMN_ERR_MEMORY, "a grid of %d x %d: out of memory", p->rows,
                              p->columns);
    double *column = row + R;
    for (int64_t b = 0; b < B; b++) {
        const int32_t *seg = (const int32_t *)in[1].data + b * R * C;
        int64_t h = 0, w = 0;
        while (h < R && seg[h * C]) h++;
        while (w < C && seg[w]) w++;
        for (int64_t q = 0; q < Q; q++) {
            const float *box = (const float *)in[0].data + (b * Q + q) * 4;
            float *to = (float *)y[0] + (b * Q + q) * R * C;
            along((double)box[1], (double)box[3], h, p->bins, row);
            along((double)box[0], (double)box[2], w, p->bins, column);
            for (int64_t i = 0; i < R * C; i++)
                to[i] = i / C < h && i % C < w ? (float)(row[i / C] * column[i % C]) : 0;
        }
    }
    return OMN_OK;
}

static void gradient(const void *params, omn_scope *s, omn_node *const *in, omn_node *const *out,
                     omn_node *gy, omn_node **gx)
{
    (void)params;
    (void)s;
    (void)in;
    (void)out;
    (void)gy;
    (void)gx;
}

const omn_op_impl gpv_share = { NULL, 2, 1, rule, run, gradient };
