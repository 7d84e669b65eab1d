/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear in f32 by quantised weights for up to eight rows of x, with AVX-512: weights become floats
 * in registers, eight neighbours of two rows in each, and are summed in the order of lanes.h; their
 * roundings are those of blocks.h. A block of four bits is a table in which its weights are looked
 * up. Included by linear_blocks.c only.
 */
#ifndef OMN_CPU_BLOCKS_LANES_H
#define OMN_CPU_BLOCKS_LANES_H

#include "blocks_dot.h"
#include "lanes.h"

enum { LANE_GROUP = 8, LANE_SIDE = 4 };      /* rows of w: at a time, and side by side */

/* Four rows of w: registers of the first two and of the last two. */
typedef struct lane_walk {
    const uint8_t *w[LANE_SIDE];
    const float *x;
    size_t x_row;
} lane_walk;

/* element i of a eight times, and of b */
INLINE vf lane_pair(vf a, vf b, int i)
{
    const vi place = (vi)EIGHTHS * 16 + viset(i);
    return (vf)_mm512_permutex2var_ps((__m512)a, (__m512i)place, (__m512)b);
}

/* sixteen bytes at p and at q: the first eight of each, and the last */
INLINE __m128i lane_first(const uint8_t *p, const uint8_t *q)
{
    return _mm_unpacklo_epi64(_mm_loadl_epi64((const void *)p), _mm_loadl_epi64((const void *)q));
}

/* s[m][side] += eight neighbours, from depth k on, of two rows of w */
INLINE void lane_add(const int mr, const lane_walk *l, size_t k, int side, vf w, vf s[4][2])
{
    UNROLL
    for (int m = 0; m < mr; m++)
        s[m][side] = vfma(lane_spread(l->x + (size_t)m * l->x_row + k), w, s[m][side]);
}

INLINE void q8_0_lanes(const int mr, const lane_walk *l, size_t n, vf s[4][2])
{
    vf d[LANE_SIDE];
    UNROLL
    for (int r = 0; r < LANE_SIDE; r++) d[r] = dot_scales(l->w[r], Q8_0, n / BLOCK);
    for (size_t k = 0, at = 2; k < n; k += BLOCK, at += Q8_0)
        UNROLL
        for (int side = 0; side < 2; side++) {
            const uint8_t *a = l->w[2 * side] + at, *b = l->w[2 * side + 1] + at;
            const vf scale = lane_pair(d[2 * side], d[2 * side + 1], (int)(k / BLOCK));
            UNROLL
            for (size_t i = 0; i < BLOCK; i += LANES) {
                const vi w = (vi)_mm512_cvtepi8_epi32(lane_first(a + i, b + i));
                lane_add(mr, l, k + i, side, int_f32(w) * scale, s);
            }
        }
}

/* Sixteen bytes of two rows as places in a table of 32: four bits, and which table. */
INLINE void lane_places(const uint8_t *a, const uint8_t *b, vi low[2], vi high[2])
{
    const vi second = (vi)EIGHTHS * 16;
    UNROLL
    for (int i = 0; i < 2; i++) {
        const vi v = (vi)_mm512_cvtepu8_epi32(lane_first(a + 8 * i, b + 8 * i));
        low[i] = (v & viset(15)) | second;
        high[i] = (vi)((vu)v >> 4) | second;
    }
}

INLINE vf lane_look(vf a, vf b, vi place)
{
    return (vf)_mm512_permutex2var_ps((__m512)a, (__m512i)place, (__m512)b);
}

INLINE vf sixteen(void)
{
    return (vf){ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
}

INLINE void q4_0_lanes(const int mr, const lane_walk *l, size_t n, vf s[4][2])
{
    vf d[LANE_SIDE];
    UNROLL
    for (int r = 0; r < LANE_SIDE; r++) d[r] = dot_scales(l->w[r], Q4_0, n / BLOCK);
    for (size_t k = 0, at = 2; k < n; k += BLOCK, at += Q4_0)
        UNROLL
        for (int side = 0; side < 2; side++) {
            const vi i = viset((int)(k / BLOCK));
            const vf a = (sixteen() - 8) * spread(d[2 * side], i);
            const vf b = (sixteen() - 8) * spread(d[2 * side + 1], i);
            vi low[2], high[2];
            lane_places(l->w[2 * side] + at, l->w[2 * side + 1] + at, low, high);
            lane_add(mr, l, k, side, lane_look(a, b, low[0]), s);
            lane_add(mr, l, k + 8, side, lane_look(a, b, low[1]), s);
            lane_add(mr, l, k + 16, side, lane_look(a, b, high[0]), s);
            lane_add(mr, l, k + 24, side, lane_look(a, b, high[1]), s);
        }
}

/* the table of part i of a block whose factors are f */
INLINE vf q4_k_table(vf f, int i)
{
    return (vf)_mm512_fmsub_ps((__m512)sixteen(), (__m512)spread(f, viset(i)),
                               (__m512)spread(f, viset(8 + i)));
}

INLINE void q4_k_lanes(const int mr, const lane_walk *l, size_t n, vf s[4][2])
{
    for (size_t k0 = 0, at = 0; k0 < n; k0 += BLOCK_K, at += Q4_K) {
        vf f[LANE_SIDE];
        UNROLL
        for (int r = 0; r < LANE_SIDE; r++) f[r] = q4_k_factors(l->w[r] + at, false);
        for (int j = 0; j < 8; j += 2)
            UNROLL
            for (int side = 0; side < 2; side++) {
                const uint8_t *p = l->w[2 * side] + at + 16 + j * 16;
                const uint8_t *q = l->w[2 * side + 1] + at + 16 + j * 16;
                const vf f0 = f[2 * side], f1 = f[2 * side + 1];
                const size_t k = k0 + (size_t)j * BLOCK;
                vi low[4], high[4];
                lane_places(p, q, low, high);
                lane_places(p + 16, q + 16, low + 2, high + 2);
                vf a = q4_k_table(f0, j), b = q4_k_table(f1, j);
                UNROLL
                for (size_t i = 0; i < 4; i++)
                    lane_add(mr, l, k + 8 * i, side, lane_look(a, b, low[i]), s);
                a = q4_k_table(f0, j + 1);
                b = q4_k_table(f1, j + 1);
                UNROLL
                for (size_t i = 0; i < 4; i++)
                    lane_add(mr, l, k + BLOCK + 8 * i, side, lane_look(a, b, high[i]), s);
            }
    }
}

/* weights 64 i to 64 i + 63 of a block, as signed bytes */
INLINE __m512i q6_k_signed(const uint8_t *b, size_t i)
{
    const vi v = ild(b + i / 2 * 64);
    const uint8_t *high = b + 128 + i / 2 * 32;
    const vi w = i % 2 ? q6_k_bytes((vi)((vu)v >> 4), high, 4) : q6_k_bytes(v, high, 0);
    return _mm512_sub_epi8((__m512i)w, _mm512_set1_epi8(32));
}

INLINE void q6_k_lanes(const int mr, const lane_walk *l, size_t n, vf s[4][2])
{
    for (size_t k0 = 0, at = 0; k0 < n; k0 += BLOCK_K, at += Q6_K) {
        vf f[LANE_SIDE];
        UNROLL
        for (int r = 0; r < LANE_SIDE; r++) {
            const uint8_t *b = l->w[r] + at;
            f[r] = (vf)_mm512_cvtepi32_ps(
                       _mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)(b + 192)))) *
                   vset(half_read(b + 208));
        }
        for (size_t i = 0; i < 4; i++)
            UNROLL
            for (int side = 0; side < 2; side++) {
                const __m512i a = q6_k_signed(l->w[2 * side] + at, i);
                const __m512i b = q6_k_signed(l->w[2 * side + 1] + at, i);
                const __m512i first = _mm512_unpacklo_epi64(a, b);
                const __m512i last = _mm512_unpackhi_epi64(a, b);
#define PART(j)                                                                                    \
    do {                                                                                           \
        const vf scale = lane_pair(f[2 * side], f[2 * side + 1], (int)(4 * i) + (j));              \
        const size_t k = k0 + i * 64 + (j) * 16;                                                   \
        lane_add(mr, l, k, side,                                                                   \
                 int_f32((vi)_mm512_cvtepi8_epi32(_mm512_extracti32x4_epi32(first, j))) * scale,   \
                 s);                                                                               \
        lane_add(mr, l, k + 8, side,                                                               \
                 int_f32((vi)_mm512_cvtepi8_epi32(_mm512_extracti32x4_epi32(last, j))) * scale,    \
                 s);                                                                               \
    } while (0)
                PART(0);
                PART(1);
                PART(2);
                PART(3);
#undef PART
            }
    }
}

/* out[m][r * step] (+)= the piece of depth n of `rows` rows of w past mr rows of x */
INLINE void lane_piece(const omn_type t, const int mr, const lane_walk *l, size_t n, float *out,
                       size_t out_row, size_t step, size_t rows, bool add)
{
    vf s[4][2];
    UNROLL
    for (int m = 0; m < mr; m++) s[m][0] = s[m][1] = vset(0);
    if (t == OMN_Q8_0) q8_0_lanes(mr, l, n, s);
    else if (t == OMN_Q4_0) q4_0_lanes(mr, l, n, s);
    else if (t == OMN_Q4_K) q4_k_lanes(mr, l, n, s);
    else q6_k_lanes(mr, l, n, s);
    UNROLL
    for (int m = 0; m < mr; m++) {
        float y[LANE_SIDE], *o = out + (size_t)m * out_row;
        lane_sums(s[m][0], y);
        lane_sums(s[m][1], y + 2);
        for (size_t r = 0; r < rows; r++, o += step) *o = add ? *o + y[r] : y[r];
    }
}

/* rows n0, n0 + step... of w, `rows` of them, past all rows of x */
INLINE void lane_rows_of(const omn_type t, const cpu_linear *l, size_t n0, size_t step, size_t rows)
{
    const size_t row = blocks_bytes(t, l->K), bytes = blocks_bytes(t, LANE_DEPTH);
    for (size_t k = 0; k < l->K; k += LANE_DEPTH) {
        const size_t n = l->K - k < LANE_DEPTH ? l->K - k : LANE_DEPTH;
        for (size_t i = 0; i < rows; i += LANE_SIDE) {
            const size_t here = rows - i < LANE_SIDE ? rows - i : LANE_SIDE;
            lane_walk w = { .x_row = l->x_row };
            for (size_t r = 0; r < LANE_SIDE; r++) {
                const size_t at = n0 + (i + (r < here ? r : here - 1)) * step;
                w.w[r] = (const uint8_t *)l->w + at * row + blocks_bytes(t, k);
                for (size_t b = 0; b < bytes; b += 64)
                    __builtin_prefetch(w.w[r] + DOT_FETCH + b, 0, 3);
            }
            for (size_t m = 0; m < l->M;) {
                const size_t mr = l->M - m >= 4 ? 4 : l->M - m >= 2 ? 2 : 1;
                float *out = l->out + m * l->out_row + n0 + i * step;
                w.x = (const float *)l->x + m * l->x_row + k;
                if (mr == 4) lane_piece(t, 4, &w, n, out, l->out_row, step, here, k);
                else if (mr == 2) lane_piece(t, 2, &w, n, out, l->out_row, step, here, k);
                else lane_piece(t, 1, &w, n, out, l->out_row, step, here, k);
                m += mr;
            }
        }
    }
}

#define LANE_RANGE(name, type)                                                                     \
    static __attribute__((noinline)) void name(const cpu_linear *l, size_t from, size_t to)        \
    {                                                                                              \
        const size_t all = (to - from) / LANE_GROUP, far = all < 2 ? all : (all - 1) | 1;          \
        for (size_t i = 0; i < far; i++) lane_rows_of(type, l, from + i, far, LANE_GROUP);         \
        for (from += far * LANE_GROUP; from < to; from += LANE_GROUP)                              \
            lane_rows_of(type, l, from, 1, to - from < LANE_GROUP ? to - from : LANE_GROUP);       \
    }
LANE_RANGE(lanes_q8_0, OMN_Q8_0)
LANE_RANGE(lanes_q4_0, OMN_Q4_0)
LANE_RANGE(lanes_q4_k, OMN_Q4_K)
LANE_RANGE(lanes_q6_k, OMN_Q6_K)

static void lanes_of(const cpu_linear *l, size_t from, size_t to)
{
    switch (l->w_type) {
    case OMN_Q8_0: lanes_q8_0(l, from, to); break;
    case OMN_Q4_0: lanes_q4_0(l, from, to); break;
    case OMN_Q4_K: lanes_q4_k(l, from, to); break;
    default: lanes_q6_k(l, from, to);
    }
}

#endif
