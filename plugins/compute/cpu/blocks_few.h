/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear by quantised weights for up to eight rows of x in whole numbers: each row of x is rounded
 * to bytes, 32 neighbours by their largest, and bytes are multiplied by the weights as they lie
 * (blocks_dot.h). Reading w is then what binds, in every form of it: brought into floats, four bits
 * take longer than their bytes to read.
 *
 * Registers of a row of w are summed in order, each row by itself, so a row of x has the same bits
 * whichever others are there. A single row of x goes past eight rows of w far apart, as in few.c.
 * Included by linear_blocks.c only.
 */
#ifndef OMN_CPU_BLOCKS_FEW_H
#define OMN_CPU_BLOCKS_FEW_H

#include "blocks_dot.h"
#include "epilogue.h"

/* ---- rows of w ------------------------------------------------------------------------------- */

typedef struct dot_job {
    const cpu_linear *l;
    dot_x x;
    size_t w_row, k, depth;       /* bytes of a row of w; the piece of the depth */
} dot_job;

INLINE void dot_unit(const omn_type t, const int mr, const uint8_t *b, size_t n, dot_x x, vf *acc)
{
    vf a[4];
    UNROLL
    for (int m = 0; m < mr; m++) a[m] = acc[m];
    const size_t bytes = blocks_bytes(t, t == OMN_Q8_0 || t == OMN_Q4_0 ? DOT_UNIT : BLOCK_K);
    for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(b + DOT_FETCH + i, 0, 3);
    if (t == OMN_Q8_0) q8_0_unit(mr, b, n, x, a);
    else if (t == OMN_Q4_0) q4_0_unit(mr, b, n, x, a);
    else if (t == OMN_Q4_K) q4_k_unit(mr, b, n, x, a);
    else q6_k_unit(mr, b, n, x, a);
    UNROLL
    for (int m = 0; m < mr; m++) acc[m] = a[m];
}

/* out[m][i * out_step] (+)= sums, for nr rows of w, `step` bytes apart, and M of x */
INLINE void dot_rows(const omn_type t, const dot_job *j, const size_t M, const uint8_t *w,
                     size_t step, size_t nr, float *out, size_t out_step)
{
    const bool small = t == OMN_Q8_0 || t == OMN_Q4_0;
    const size_t unit = small ? DOT_UNIT : BLOCK_K, block = small ? BLOCK : BLOCK_K;
    vf acc[DOT_FAR][DOT_ROWS];
    for (size_t i = 0; i < nr; i++)
        for (size_t m = 0; m < M; m++) acc[i][m] = vset(0);
    for (size_t k = 0; k < j->depth; k += unit) {
        const size_t n = (j->depth - k < unit ? j->depth - k : unit) / block;
        const uint8_t *b = w + blocks_bytes(t, k);
        for (size_t i = 0; i < nr; i++, b += step) {
            if (M == 1) {
                dot_unit(t, 1, b, n, dot_at(j->x, t, 0, k), acc[i]);
                continue;
            }
            size_t m = 0;
            for (; m + 4 <= M; m += 4) dot_unit(t, 4, b, n, dot_at(j->x, t, m, k), acc[i] + m);
            for (; m + 2 <= M; m += 2) dot_unit(t, 2, b, n, dot_at(j->x, t, m, k), acc[i] + m);
            if (m < M) dot_unit(t, 1, b, n, dot_at(j->x, t, m, k), acc[i] + m);
        }
    }
    for (size_t m = 0; m < M; m++)
        for (size_t i = 0; i < nr; i++) {
            float *o = out + m * j->l->out_row + i * out_step;
            const float y = vsum(acc[i][m]);
            *o = j->k ? *o + y : y;
        }
}

INLINE void dot_walk(const omn_type t, const dot_job *j, size_t from, size_t to)
{
    const uint8_t *w = (const uint8_t *)j->l->w + blocks_bytes(t, j->k);
    const size_t row = j->w_row, n = to - from;
    float *out = j->l->out;
    size_t i = from;
    if (j->l->M == 1) {
        const size_t far = n < 2 * DOT_FAR ? n / DOT_FAR : (n / DOT_FAR - 1) | 1;
        for (; i < from + far; i++)
            dot_rows(t, j, 1, w + i * row, far * row, DOT_FAR, out + i, far);
        i = from + DOT_FAR * far;
    }
    for (; i < to; i += DOT_NEAR)
        dot_rows(t, j, j->l->M, w + i * row, row, to - i < DOT_NEAR ? to - i : DOT_NEAR, out + i,
                 1);
}

#define DOT_WALK(name, type)                                                                       \
    static __attribute__((noinline)) void name(const dot_job *j, size_t from, size_t to)           \
    {                                                                                              \
        dot_walk(type, j, from, to);                                                               \
    }
DOT_WALK(dot_q8_0, OMN_Q8_0)
DOT_WALK(dot_q4_0, OMN_Q4_0)
DOT_WALK(dot_q4_k, OMN_Q4_K)
DOT_WALK(dot_q6_k, OMN_Q6_K)

static void dot_range(void *user, size_t from, size_t to)
{
    const dot_job *j = user;
    const cpu_linear *l = j->l;
    switch (l->w_type) {
    case OMN_Q8_0: dot_q8_0(j, from, to); break;
    case OMN_Q4_0: dot_q4_0(j, from, to); break;
    case OMN_Q4_K: dot_q4_k(j, from, to); break;
    default: dot_q6_k(j, from, to);
    }
    const epilogue e = { l->bias, l->bias_type, l->act, l->alpha };
    if (j->k + j->depth < l->K || epilogue_none(&e, l->residual)) return;
    for (size_t m = 0; m < l->M; m++)
        epilogue_row(&e, l->out + m * l->out_row + from, from, to - from,
                     l->residual ? l->residual + m * l->residual_row + from : NULL);
}

/* ---- rows of x as bytes ---------------------------------------------------------------------- */

/* 32 numbers as bytes; returns their scale, which is no number where one of them is none, or is
 * beyond all. *total: the sum of the bytes. */
static float dot_round(const void *x, omn_type t, size_t i, int8_t q[BLOCK], int *total)
{
    vf v[BLOCK / VW], far = vset(0), odd = vset(0);
    const vi sign = viset(INT32_MIN);
    UNROLL
    for (size_t h = 0; h < BLOCK / VW; h++) {
        v[h] = vget(x, t, i + h * VW);
        far = vmax((vf)((vi)v[h] & ~sign), far);
        odd += v[h] * vset(0);
    }
    const float most = vmaximum(far), up = most > 1e-30f ? 127 / most : 0;
    *total = 0;
    UNROLL
    for (size_t h = 0; h < BLOCK / VW; h++) {
#if CPU_LEVEL >= 2
        /* what is no number becomes the least integer, whose sum would overflow */
        const __m512i r = _mm512_max_epi32(_mm512_cvtps_epi32((__m512)(v[h] * vset(up))),
                                           _mm512_set1_epi32(-127));
        _mm_storeu_si128((void *)(q + h * VW), _mm512_cvtepi32_epi8(r));
        *total += _mm512_reduce_add_epi32(r);
#else
        int32_t r[VW];
        _mm256_storeu_si256((void *)r, _mm256_cvtps_epi32((__m256)(v[h] * vset(up))));
        for (size_t k = 0; k < VW; k++) {
            q[h * VW + k] = (int8_t)r[k];
            *total += q[h * VW + k];
        }
#endif
    }
    return (up > 0 ? most / 127 : 0) + vsum(odd);
}

/* where the 16 bytes lie that are number `piece` of x: in the order of the weights' registers */
INLINE size_t dot_place(omn_type t, size_t piece)
{
    const size_t side = VW / 4;                      /* 16 bytes that a register holds */
    if (t == OMN_Q4_0) return piece / (2 * side) * 2 * side + piece % 2 * side + piece / 2 % side;
    if (t == OMN_Q4_K && CPU_LEVEL >= 2) {
        static const uint8_t place[8] = { 0, 1, 4, 5, 2, 3, 6, 7 };
        return piece / 8 * 8 + place[piece % 8];
    }
    return piece;
}

static void dot_pack_row(omn_type t, const void *x, omn_type x_type, size_t depth, int8_t *q,
                         int32_t *start, float *s, size_t room)
{
    const int offset = dot_offset(t);
    memset(q, 0, room);
    memset(start, 0, room);
    memset(s, 0, room / 256 * dot_floats(t) * sizeof *s);
    for (size_t k = 0; k < depth; k += BLOCK) {
        int8_t b[BLOCK];
        int total;
        const float scale = dot_round(x, x_type, k, b, &total);
        for (size_t h = 0; h < 2; h++) {
            const size_t at = dot_place(t, k / 16 + h) * 16;
            /* both halves of a block of q4_0 are added to the same sums */
            int32_t *sums = start + (t == OMN_Q4_0 && h ? dot_place(t, k / 16) * 16 : at) / 4;
            memcpy(q + at, b + 16 * h, 16);
            for (size_t i = 0; i < 4; i++) {
                const int8_t *c = b + 16 * h + 4 * i;
                sums[i] -= offset * (c[0] + c[1] + c[2] + c[3]);
            }
        }
        float *f = s + k / 256 * dot_floats(t);
        if (t == OMN_Q4_K) {
            f[k / BLOCK % 8] = scale;
            f[k / BLOCK % 8 + 8] = -scale * (float)total;
        } else if (t == OMN_Q6_K) {
            f[k / BLOCK % 8 * 2] = f[k / BLOCK % 8 * 2 + 1] = scale;
        } else {
            f[k / BLOCK % 8] = scale;
        }
    }
}

/* l's distances are given; M at most DOT_ROWS. */
static void blocks_dot(const cpu_linear *l, const cpu_par *par)
{
    const omn_type t = l->w_type;
    const size_t most = l->K < DOT_DEPTH ? (l->K + DOT_UNIT - 1) / DOT_UNIT * DOT_UNIT : DOT_DEPTH;
    char *block = par->take(par->scratch);
    int8_t *q = (int8_t *)block;
    int32_t *start = (int32_t *)(void *)(block + l->M * most);
    float *s = (float *)(void *)(block + 2 * l->M * most);
    dot_job j = { l, { q, start, s, most }, blocks_bytes(t, l->K), 0, 0 };
    for (; j.k < l->K; j.k += j.depth) {
        j.depth = l->K - j.k < DOT_DEPTH ? l->K - j.k : DOT_DEPTH;
        for (size_t m = 0; m < l->M; m++)
            dot_pack_row(t, at(l->x, l->x_type, (ptrdiff_t)(m * l->x_row + j.k)), l->x_type,
                         j.depth, q + m * most, start + m * most / 4,
                         s + m * most / 256 * dot_floats(t), most);
        par_run(par, l->N, 64, dot_range, &j);
    }
    par->give(par->scratch, block);
}

#endif
