/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors of several axes: broadcasting add and mul, sums over any axes, and copies that reorder
 * (permute, concat, slice, pad, expand). The caller joins axes where it can; the last axis is the
 * inner loop, all others are counted through. Conversions between types live here too.
 */
#include "vec.h"

enum { GRAIN = 16384 };

typedef struct nd_job {
    const cpu_nd *nd, *gone;
    const void *a, *b;
    void *y;
    size_t bytes, inner, outer, gone_outer, gone_inner;
    cpu_binary op;
    omn_type from, to;
    float scale;
} nd_job;

/* offsets of outer item i: all axes but the last */
INLINE void offsets(const cpu_nd *n, size_t i, ptrdiff_t *out, ptrdiff_t *a, ptrdiff_t *b)
{
    *out = *a = *b = 0;
    for (size_t r = n->rank - 1; r-- > 0;) {
        const ptrdiff_t at = (ptrdiff_t)(i % n->dim[r]);
        i /= n->dim[r];
        *out += at * n->out[r];
        *a += at * n->a[r];
        *b += at * n->b[r];
    }
}

static size_t outer_count(const cpu_nd *n)
{
    size_t c = 1;
    for (size_t r = 0; r + 1 < n->rank; r++) c *= n->dim[r];
    return c;
}

#define INNER(load_a, load_b)                                                                      \
    for (size_t i = 0; i < n; i += VW) {                                                           \
        const vf x = load_a, z = load_b;                                                           \
        frow_set(y, i, n, op == CPU_ADD ? x + z : x * z);                                          \
    }

static void binary_range(void *user, size_t from, size_t to)
{
    const nd_job *j = user;
    const cpu_nd *d = j->nd;
    const size_t last = d->rank - 1, pieces = (d->dim[last] + GRAIN - 1) / GRAIN;
    const ptrdiff_t sa = d->a[last], sb = d->b[last];
    const cpu_binary op = j->op;
    for (size_t k = from; k < to; k++) {
        ptrdiff_t oy, oa, ob;
        const size_t i0 = k % pieces * GRAIN;
        const size_t n = d->dim[last] - i0 < GRAIN ? d->dim[last] - i0 : GRAIN;
        offsets(d, k / pieces, &oy, &oa, &ob);
        float *y = (float *)j->y + oy + i0;
        const float *a = (const float *)j->a + oa + (ptrdiff_t)i0 * sa;
        const float *b = (const float *)j->b + ob + (ptrdiff_t)i0 * sb;
        if (sa == 1 && sb == 1) INNER(frow(a, i, n), frow(b, i, n))
        else if (sa == 1 && sb == 0) INNER(frow(a, i, n), vset(*b))
        else if (sa == 0 && sb == 1) INNER(vset(*a), frow(b, i, n))
        else
            for (size_t i = 0; i < n; i++) {
                const float x = a[(ptrdiff_t)i * sa], z = b[(ptrdiff_t)i * sb];
                y[i] = op == CPU_ADD ? x + z : x * z;
            }
    }
}

void L(binary)(const cpu_nd *nd, cpu_binary op, const float *a, const float *b, float *y,
               const cpu_par *par)
{
    nd_job j = { .nd = nd, .a = a, .b = b, .y = y, .op = op };
    const size_t inner = nd->dim[nd->rank - 1], pieces = (inner + GRAIN - 1) / GRAIN;
    par_run(par, outer_count(nd) * pieces, inner ? 1 + GRAIN / inner : 1, binary_range, &j);
}

/* ---- sums ---- */

typedef struct sum_job {
    size_t rows, D, parts;
    float scale;
    const float *x;
    float *y, *part;
} sum_job;

static void sum_rows_range(void *user, size_t from, size_t to)
{
    const sum_job *j = user;
    for (size_t p = from; p < to; p++) {
        float *s = j->part + p * j->D;
        memset(s, 0, j->D * sizeof *s);
        for (size_t r = j->rows * p / j->parts; r < j->rows * (p + 1) / j->parts; r++)
            for (size_t i = 0; i < j->D; i += VW)
                frow_set(s, i, j->D, frow(s, i, j->D) + frow(j->x + r * j->D, i, j->D));
    }
}

void L(sum_rows)(size_t rows, size_t D, float scale, const float *x, float *y, float *part,
                 const cpu_par *par)
{
    sum_job j = { rows, D, cpu_parts(rows), scale, x, y, part };
    par_run(par, j.parts, 1, sum_rows_range, &j);
    for (size_t i = 0; i < D; i++) {
        float s = 0;
        for (size_t p = 0; p < j.parts; p++) s += part[p * D + i];
        y[i] = s * scale;
    }
}

static void sum_last_range(void *user, size_t from, size_t to)
{
    const sum_job *j = user;
    for (size_t r = from; r < to; r++) {
        const float *x = j->x + r * j->D;
        double total = 0;               /* long rows would lose digits in float */
        for (size_t k = 0; k < j->D; k += 4096) {
            const size_t n = j->D - k < 4096 ? j->D - k : 4096;
            vf s = vset(0);
            for (size_t i = 0; i < n; i += VW) s += frow(x + k, i, n);
            total += vsum(s);
        }
        j->y[r] = (float)(total * j->scale);
    }
}

void L(sum_last)(size_t rows, size_t D, float scale, const float *x, float *y, const cpu_par *par)
{
    sum_job j = { rows, D, 0, scale, x, y, NULL };
    par_run(par, rows, D ? 1 + GRAIN / D : 1, sum_last_range, &j);
}

static void sum_nd_range(void *user, size_t from, size_t to)
{
    const nd_job *j = user;
    const cpu_nd *kept = j->nd, *gone = j->gone;
    const size_t last = kept->rank - 1, n = kept->dim[last];
    const size_t gone_all = j->gone_outer * gone->dim[gone->rank - 1];
    const ptrdiff_t step = kept->a[last];
    for (size_t k = from; k < to; k++) {
        ptrdiff_t oy, oa, none, og, unused;
        offsets(kept, k, &oy, &oa, &none);
        float *y = (float *)j->y + oy;
        memset(y, 0, n * sizeof *y);
        for (size_t g = 0; g < gone_all; g++) {
            const size_t w = gone->dim[gone->rank - 1];
            offsets(gone, g / w, &none, &og, &unused);
            const float *x =
                (const float *)j->a + oa + og + (ptrdiff_t)(g % w) * gone->a[gone->rank - 1];
            if (step == 1)
                for (size_t i = 0; i < n; i += VW) frow_set(y, i, n, frow(y, i, n) + frow(x, i, n));
            else
                for (size_t i = 0; i < n; i++) y[i] += x[(ptrdiff_t)i * step];
        }
        for (size_t i = 0; i < n; i++) y[i] *= j->scale;
    }
}

void L(sum_nd)(const cpu_nd *kept, const cpu_nd *gone, float scale, const float *x, float *y,
               const cpu_par *par)
{
    nd_job j = { .nd = kept, .gone = gone, .a = x, .y = y, .scale = scale,
                 .gone_outer = outer_count(gone) };
    par_run(par, outer_count(kept), 1, sum_nd_range, &j);
}

/* ---- copies and conversions ---- */

#define STRIDED(type)                                                                              \
    for (size_t i = 0; i < n; i++)                                                                 \
        memcpy(y + (ptrdiff_t)(i * sizeof(type)) * sy, x + (ptrdiff_t)(i * sizeof(type)) * sx,     \
               sizeof(type))

static void copy_range(void *user, size_t from, size_t to)
{
    const nd_job *j = user;
    const cpu_nd *d = j->nd;
    const size_t last = d->rank - 1, n = d->dim[last], bytes = j->bytes;
    const ptrdiff_t sx = d->a[last], sy = d->out[last];
    for (size_t k = from; k < to; k++) {
        ptrdiff_t oy, oa, none;
        offsets(d, k, &oy, &oa, &none);
        char *y = (char *)j->y + oy * (ptrdiff_t)bytes;
        const char *x = (const char *)j->a + oa * (ptrdiff_t)bytes;
        if (sx == 1 && sy == 1) memcpy(y, x, n * bytes);
        else if (bytes == 4) STRIDED(uint32_t);
        else if (bytes == 2) STRIDED(uint16_t);
        else if (bytes == 8) STRIDED(uint64_t);
        else STRIDED(uint8_t);
    }
}

void L(copy)(const cpu_nd *nd, size_t bytes, const void *x, void *y, const cpu_par *par)
{
    nd_job j = { .nd = nd, .bytes = bytes, .a = x, .y = y };
    const size_t inner = nd->dim[nd->rank - 1];
    par_run(par, outer_count(nd), inner ? 1 + GRAIN / inner : 1, copy_range, &j);
}

static void cast_range(void *user, size_t from, size_t to)
{
    const nd_job *j = user;
    for (size_t i = from; i < to; i += VW) {
        const size_t n = to - i < VW ? to - i : VW;
        const vf v = n == VW ? vget(j->a, j->from, i) : vget_n(j->a, j->from, i, n);
        char *y = (char *)j->y + i * type_bytes(j->to);
        if (j->to == OMN_F32) {
            if (n == VW) vst(y, v);
            else vst_n(y, v, n);
        } else {
            char half[2 * VW];
            if (j->to == OMN_BF16) vst_bf16(half, v);
            else vst_f16(half, v);
            memcpy(y, half, 2 * n);
        }
    }
}

void L(cast)(size_t n, const void *x, omn_type from, void *y, omn_type to, const cpu_par *par)
{
    nd_job j = { .a = x, .y = y, .from = from, .to = to };
    par_run(par, n, GRAIN, cast_range, &j);
}
