/* SPDX-License-Identifier: Apache-2.0 */
/* Resizing learned position tables: each axis is one matrix, so that the resize is two products and
 * needs no gradient of its own. Half-pixel centres; the antialiased form drops taps outside and
 * divides by their sum, the other repeats the border. */
#include <omnio/nn.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Keys' cubic kernel; a = -0.5 or -0.75 by taste of the original program. */
static double cubic(double t, double a)
{
    t = fabs(t);
    if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
    if (t < 2) return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
    return 0;
}

static double kernel(double t, omn_interp how, double a)
{
    if (how == OMN_INTERP_BICUBIC) return cubic(t, a);
    t = fabs(t);
    return t < 1 ? 1 - t : 0;
}

static void row_antialiased(size_t from, double scale, size_t i, omn_interp how, double a,
                            float *row)
{
    const double wide = scale > 1 ? scale : 1;
    const double support = (how == OMN_INTERP_BICUBIC ? 2 : 1) * wide;
    const double centre = scale * ((double)i + 0.5);
    long lo = (long)floor(centre - support + 0.5), hi = (long)floor(centre + support + 0.5);
    double sum = 0;
    if (lo < 0) lo = 0;
    if (hi > (long)from) hi = (long)from;
    for (long j = lo; j < hi; j++) sum += kernel(((double)j - centre + 0.5) / wide, how, a);
    for (long j = lo; j < hi; j++)
        row[j] = (float)(kernel(((double)j - centre + 0.5) / wide, how, a) / sum);
}

static void row_plain(size_t from, double scale, size_t i, omn_interp how, double a, float *row)
{
    const double x = scale * ((double)i + 0.5) - 0.5, first = floor(x);
    const int taps = how == OMN_INTERP_BICUBIC ? 4 : 2, before = taps / 2 - 1;
    for (int t = 0; t < taps; t++) {
        const double at = first - before + t;
        double j = at;
        if (j < 0) j = 0;
        if (j > (double)from - 1) j = (double)from - 1;
        row[(size_t)j] += (float)kernel(x - at, how, a);
    }
}

void omn_interp_matrix(size_t from, size_t to, omn_interp how, double a, bool antialias, float *out)
{
    const double scale = (double)from / (double)to;
    memset(out, 0, to * from * sizeof *out);
    for (size_t i = 0; i < to; i++) {
        if (antialias) row_antialiased(from, scale, i, how, a, out + i * from);
        else row_plain(from, scale, i, how, a, out + i * from);
    }
}

static omn_node *axis_matrix(omn_scope *s, int64_t from, int64_t to, omn_interp how, double a,
                             bool antialias)
{
    if (from < 1 || to < 1 || from > 65536 || to > 65536)
        return omn_scope_fail(s, OMN_ERR_SHAPE, "positions: cannot resize %lld to %lld",
                              (long long)from, (long long)to);
    float *m = calloc((size_t)from * (size_t)to, sizeof *m);
    if (!m) return omn_scope_fail(s, OMN_ERR_MEMORY, "positions: out of memory");
    omn_interp_matrix((size_t)from, (size_t)to, how, a, antialias, m);
    omn_node *c = omn_const(s, OMN_F32, omn_dim2(to, from), m);
    free(m);
    return c;
}

omn_node *omn_positions_resize(omn_scope *s, omn_node *table, int64_t h0, int64_t w0, int64_t h,
                               int64_t w, omn_interp how, double a, bool antialias)
{
    if (omn_scope_failed(s)) return NULL;
    const int64_t width = omn_node_dim(table, -1);
    if (h0 == h && w0 == w) return table;
    /* rows: [h, h0] x [h0, w0 D]; columns: [w, w0] x [h, w0, D] for each row */
    omn_node *x = omn_reshape(s, omn_cast(s, table, OMN_F32), omn_dim2(h0, w0 * width));
    x = omn_matmul(s, axis_matrix(s, h0, h, how, a, antialias), x, false, false, 1);
    x = omn_reshape(s, x, omn_dim3(h, w0, width));
    const int swap[3] = { 0, 2, 1 };
    x = omn_permute(s, x, swap);                                     /* [h, D, w0] */
    x = omn_matmul(s, omn_reshape(s, x, omn_dim2(h * width, w0)),
                   axis_matrix(s, w0, w, how, a, antialias), false, true, 1);
    x = omn_permute(s, omn_reshape(s, x, omn_dim3(h, width, w)), swap);
    return omn_reshape(s, x, omn_dim2(h * w, width));
}
