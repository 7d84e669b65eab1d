/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of quantised weights times bytes, in registers of the level: what a piece of a row of w,
 * as it lies, is past a few rows of x that were rounded to bytes (blocks_few.h). Only the sums of a
 * scale's products become floats; a register of sums holds four products a lane. The parts that
 * take blocks asunder also serve blocks_amx.h, blocks_lanes.h and blocks_half.h.
 */
#ifndef OMN_CPU_BLOCKS_DOT_H
#define OMN_CPU_BLOCKS_DOT_H

#include "blocks.h"

enum {
    DOT_ROWS = 8,                 /* most rows of x */
    DOT_FAR = 8,                  /* rows of w past a single one of x, and past several */
    DOT_NEAR = 4,
    DOT_DEPTH = 16384,            /* of x at a time, so that its bytes fit a block of scratch */
    DOT_UNIT = 32 * VW,           /* of q8_0 and q4_0, whose scales fill a register */
    DOT_FETCH = 2048              /* bytes ahead of what is read */
};

/* Rows of x, from one depth on: bytes; what the sum of each four begins with; and 16 floats for
 * each 256, of which blocks of 32 use eight. x_row: from one row to the next, in bytes of any. */
typedef struct dot_x {
    const int8_t *q;
    const int32_t *start;
    const float *s;
    size_t row;
} dot_x;

INLINE size_t dot_floats(omn_type t) { return t == OMN_Q8_0 || t == OMN_Q4_0 ? 8 : 16; }

INLINE dot_x dot_at(dot_x x, omn_type t, size_t m, size_t k)
{
    x.q += m * x.row + k;
    x.start += (m * x.row + k) / 4;
    x.s += (m * x.row + k) / 256 * dot_floats(t);
    return x;
}

/* ---- registers of bytes ---------------------------------------------------------------------- */

#if CPU_LEVEL >= 2
#define EIGHTHS { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1 }
#define QUARTERS { 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3 }
#else
#define EIGHTHS { 0, 0, 0, 0, 0, 0, 0, 0 }
#define QUARTERS { 0, 0, 0, 0, 1, 1, 1, 1 }
#endif

INLINE vi ild(const void *p) { return *(const vi_any *)p; }
INLINE vi bytes_of(int b) { return viset((int32_t)((uint32_t)b * 0x01010101u)); }
/* four bits of each byte */
INLINE vi nibbles_low(vi v) { return v & bytes_of(15); }
INLINE vi nibbles_high(vi v) { return (vi)((vu)v >> 4) & bytes_of(15); }
INLINE vf int_f32(vi v) { return __builtin_convertvector(v, vf); }

/* lane i of the result: lane place[i] of v */
INLINE vf spread(vf v, vi place)
{
#if CPU_LEVEL >= 2
    return (vf)_mm512_permutexvar_ps((__m512i)place, (__m512)v);
#else
    return (vf)_mm256_permutevar8x32_ps((__m256)v, (__m256i)place);
#endif
}

/* sum, and four products a lane: bytes of u, 0 to 255, by those of s. Where pairs of them are added
 * in 16 bits u is at most 63. */
INLINE vi dot4(vi sum, vi u, vi s)
{
#if CPU_LEVEL >= 3
    return (vi)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)u, (__m512i)s);
#elif CPU_LEVEL == 2
    return sum + (vi)_mm512_madd_epi16(_mm512_maddubs_epi16((__m512i)u, (__m512i)s),
                                       _mm512_set1_epi16(1));
#else
    return sum + (vi)_mm256_madd_epi16(_mm256_maddubs_epi16((__m256i)u, (__m256i)s),
                                       _mm256_set1_epi16(1));
#endif
}

/* Products of signed bytes: made positive by 128, which the start of sums takes back, or by the
 * sign. */
typedef struct signed_bytes {
    vi u, w;
} signed_bytes;

INLINE signed_bytes signed_of(vi w)
{
#if CPU_LEVEL >= 3
    return (signed_bytes){ w ^ bytes_of(128), w };
#elif CPU_LEVEL == 2
    return (signed_bytes){ (vi)_mm512_abs_epi8((__m512i)w), w };
#else
    return (signed_bytes){ (vi)_mm256_abs_epi8((__m256i)w), w };
#endif
}

INLINE vi dot4_signed(vi sum, signed_bytes b, vi s)
{
#if CPU_LEVEL >= 3
    return dot4(sum, b.u, s);
#elif CPU_LEVEL == 2
    const __m512i x = (__m512i)s, zero = _mm512_setzero_si512();
    const __mmask64 below = _mm512_movepi8_mask((__m512i)b.w);
    return dot4(sum, b.u, (vi)_mm512_mask_sub_epi8(x, below, zero, x));
#else
    return dot4(sum, b.u, (vi)_mm256_sign_epi8((__m256i)s, (__m256i)b.w));
#endif
}

/* what products of bytes of x with weights of form t lack of those with whole numbers */
INLINE int dot_offset(omn_type t)
{
    switch (t) {
    case OMN_Q8_0: return CPU_LEVEL >= 3 ? 128 : 0;
    case OMN_Q4_0: return 8;
    case OMN_Q6_K: return 32;
    default: return 0;
    }
}

/* the scales of eight blocks, `step` bytes apart; those from the n-th on are the first one's */
INLINE __m128i dot_eight(const uint8_t *b, size_t step, size_t n)
{
#define SCALE(i)                                                                                   \
    _mm_insert_epi16(v, *(const u16_any *)(const void *)(b + (i < n ? i * step : 0)), i)
    __m128i v = _mm_setzero_si128();
    v = SCALE(0), v = SCALE(1), v = SCALE(2), v = SCALE(3);
    v = SCALE(4), v = SCALE(5), v = SCALE(6), v = SCALE(7);
    return v;
#undef SCALE
}

/* The scales of n blocks, at most a register of them; those beyond meet zeros. */
INLINE vf dot_scales(const uint8_t *b, size_t step, size_t n)
{
#if CPU_LEVEL >= 2
    const __m128i low = n >= 8 ? dot_eight(b, step, 8) : dot_eight(b, step, n);
    __m128i high = _mm_setzero_si128();
    if (n >= 16) high = dot_eight(b + 8 * step, step, 8);
    else if (n > 8) high = dot_eight(b + 8 * step, step, n - 8);
    return (vf)_mm512_cvtph_ps(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1));
#else
    return (vf)_mm256_cvtph_ps(n >= 8 ? dot_eight(b, step, 8) : dot_eight(b, step, n));
#endif
}

/* ---- a unit of a row of w past mr rows of x: a[m] += ----------------------------------------- */

INLINE void q8_0_step(const int mr, const uint8_t *b, dot_x x, size_t i, const vf *s, vi place,
                      vf *a)
{
#if CPU_LEVEL >= 2
    const vi w = (vi)_mm512_inserti64x4(
        _mm512_castsi256_si512(_mm256_loadu_si256((const void *)(b + 2))),
        _mm256_loadu_si256((const void *)(b + Q8_0 + 2)), 1);
#else
    const vi w = ild(b + 2);
#endif
    const signed_bytes v = signed_of(w);
    UNROLL
    for (int m = 0; m < mr; m++) {
        const size_t at = (size_t)m * x.row + i;
        const vi start = CPU_LEVEL >= 3 ? ild(x.start + at / 4) : viset(0);
        const vi sum = dot4_signed(start, v, ild(x.q + at));
        a[m] = vfma(int_f32(sum), spread(s[m], place), a[m]);
    }
}

/* n: blocks, of a whole register of scales or fewer */
INLINE void q8_0_unit(const int mr, const uint8_t *b, size_t n, dot_x x, vf *a)
{
    enum { STEP = VW / 8 };
    const vf d = dot_scales(b, Q8_0, n);
    vf s[4];
    UNROLL
    for (int m = 0; m < mr; m++) s[m] = d * vld(x.s + (size_t)m * x.row / 32);
    vi place = EIGHTHS;
    size_t i = 0;
    for (; i + STEP <= n; i += STEP, place += STEP)
        q8_0_step(mr, b + i * Q8_0, x, i * BLOCK, s, place, a);
    if (i == n) return;
    uint8_t edge[STEP * Q8_0] = { 0 };
    memcpy(edge, b + i * Q8_0, (n - i) * Q8_0);
    q8_0_step(mr, edge, x, i * BLOCK, s, place, a);
}

/* VW / 4 blocks: their first halves are one register, their second ones the other, of x too */
INLINE void q4_0_step(const int mr, const uint8_t *b, dot_x x, size_t i, const vf *s, vi place,
                      vf *a)
{
#define HALF(i) _mm_loadu_si128((const void *)(b + (i) * Q4_0 + 2))
    __m256i v = _mm256_inserti128_si256(_mm256_castsi128_si256(HALF(0)), HALF(1), 1);
#if CPU_LEVEL >= 2
    const __m256i u = _mm256_inserti128_si256(_mm256_castsi128_si256(HALF(2)), HALF(3), 1);
    const vi w = (vi)_mm512_inserti64x4(_mm512_castsi256_si512(v), u, 1);
#else
    const vi w = (vi)v;
#endif
#undef HALF
    const vi low = nibbles_low(w), high = nibbles_high(w);
    UNROLL
    for (int m = 0; m < mr; m++) {
        const size_t at = (size_t)m * x.row + i;
        vi sum = dot4(ild(x.start + at / 4), low, ild(x.q + at));
        sum = dot4(sum, high, ild(x.q + at + 4 * VW));
        a[m] = vfma(int_f32(sum), spread(s[m], place), a[m]);
    }
}

INLINE void q4_0_unit(const int mr, const uint8_t *b, size_t n, dot_x x, vf *a)
{
    enum { STEP = VW / 4 };
    const vf d = dot_scales(b, Q4_0, n);
    vf s[4];
    UNROLL
    for (int m = 0; m < mr; m++) s[m] = d * vld(x.s + (size_t)m * x.row / 32);
    vi place = QUARTERS;
    size_t i = 0;
    for (; i + STEP <= n; i += STEP, place += STEP)
        q4_0_step(mr, b + i * Q4_0, x, i * BLOCK, s, place, a);
    if (i == n) return;
    uint8_t edge[STEP * Q4_0] = { 0 };
    memcpy(edge, b + i * Q4_0, (n - i) * Q4_0);
    q4_0_step(mr, edge, x, i * BLOCK, s, place, a);
}

/* The eight scales and then the eight offsets of a block that begins with v, as bytes: see
 * q4_k_scales. */
INLINE __m128i q4_k_six_bits(__m128i v)
{
    const __m128i six = _mm_shuffle_epi8(v, _mm_setr_epi8(4, 5, 6, 7, 12, 13, 14, 15, 8, 9, 10, 11,
                                                          12, 13, 14, 15));
    const __m128i two = _mm_shuffle_epi8(v, _mm_setr_epi8(-1, -1, -1, -1, 4, 5, 6, 7, -1, -1, -1,
                                                          -1, 8, 9, 10, 11));
    const __m128i low = _mm_and_si128(_mm_srlv_epi32(six, _mm_setr_epi32(0, 0, 0, 4)),
                                      _mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f,
                                                     0x0f0f0f0f));
    return _mm_or_si128(low, _mm_and_si128(_mm_srli_epi32(two, 2), _mm_set1_epi32(0x30303030)));
}

#if CPU_LEVEL >= 2
/* the eight scales and then the eight offsets of a block; crossed: in the order 0 2 1 3 4 6 5 7 */
INLINE vf q4_k_factors(const uint8_t *b, const bool crossed)
{
    const __m128i v = _mm_loadu_si128((const void *)b);
    __m128i six = q4_k_six_bits(v);
    if (crossed)
        six = _mm_shuffle_epi8(six, _mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13,
                                                  15));
    const __m512i by = _mm512_set_epi32(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m512 both = _mm512_permutexvar_ps(by, _mm512_castps128_ps512(_mm_cvtph_ps(v)));
    return (vf)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(six)) * (vf)both;
}
#endif

/* x.s: scales of eight parts, and what each offset counts, below 0 */
INLINE void q4_k_unit(const int mr, const uint8_t *b, size_t n, dot_x x, vf *a)
{
    (void)n;
    vf s[4];
#if CPU_LEVEL >= 2
    const vf w = q4_k_factors(b, false);
    const vi near = { 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2 };
#else
    const __m128i head = _mm_loadu_si128((const void *)b), six = q4_k_six_bits(head);
    const __m128 both = _mm_cvtph_ps(head);
    const vf w = (vf)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(six)) *
                 (vf)_mm256_broadcastss_ps(both);
    const vf off = (vf)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(six, 8))) *
                   (vf)_mm256_broadcastss_ps(_mm_movehdup_ps(both));
    const vi near = EIGHTHS;
#endif
    UNROLL
    for (int m = 0; m < mr; m++) {
        const float *xs = x.s + (size_t)m * x.row / 16;
#if CPU_LEVEL >= 2
        s[m] = w * vld(xs);
        a[m] = (vf)_mm512_mask_add_ps((__m512)a[m], 0xff00, (__m512)a[m], (__m512)s[m]);
#else
        s[m] = w * vld(xs);
        a[m] = vfma(off, vld(xs + 8), a[m]);
#endif
    }
    UNROLL
    for (int i = 0; i < 32 / VW; i++) {
        const vi v = ild(b + 16 + i * 4 * VW), first = near + viset(i * VW / 4);
        const vi left = nibbles_low(v), right = nibbles_high(v);
        UNROLL
        for (int m = 0; m < mr; m++) {
            const int8_t *q = x.q + (size_t)m * x.row + i * 8 * VW;
            const vi p = dot4(viset(0), left, ild(q)), r = dot4(viset(0), right, ild(q + 4 * VW));
            a[m] = vfma(int_f32(p), spread(s[m], first), a[m]);
            a[m] = vfma(int_f32(r), spread(s[m], first + viset(1)), a[m]);
        }
    }
}

/* 4 * VW weights from `low` bits and the two bits at `up` and above of `high`, with one more shift
 * for the upper half of a wide register */
INLINE vi q6_k_bytes(vi low, const uint8_t *high, int up)
{
#if CPU_LEVEL >= 2
    const __m512i h = _mm512_broadcast_i64x4(_mm256_loadu_si256((const void *)high));
    const __m512i turned = _mm512_rolv_epi32(
        h, _mm512_inserti64x4(_mm512_set1_epi32((36 - up) % 32),
                              _mm256_set1_epi32((34 - up) % 32), 1));
    /* bits of `low` where the mask has ones, else those of `turned` */
    const __m512i both = _mm512_ternarylogic_epi32((__m512i)low, turned, (__m512i)bytes_of(15),
                                                   0xe4);
    return (vi)both & bytes_of(63);
#else
    const __m256i h = _mm256_loadu_si256((const void *)high);
    const __m256i t = up < 4 ? _mm256_slli_epi32(h, 4 - up) : _mm256_srli_epi32(h, up - 4);
    return nibbles_low(low) | ((vi)t & bytes_of(48));
#endif
}

/* x.s: scales of the sixteen parts */
INLINE void q6_k_unit(const int mr, const uint8_t *b, size_t n, dot_x x, vf *a)
{
    (void)n;
    const __m128i scales = _mm_loadu_si128((const void *)(b + 192));
    const vf d = vset(half_read(b + 208));
    vf s[4][16 / VW];
#if CPU_LEVEL >= 2
    const vf w[1] = { (vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(scales)) * d };
#else
    const vf w[2] = {
        (vf)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(scales)) * d,
        (vf)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(scales, 8))) * d,
    };
#endif
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int i = 0; i < 16 / VW; i++)
            s[m][i] = w[i] * vld(x.s + (size_t)m * x.row / 16 + i * VW);
    const vi near = QUARTERS;
    UNROLL
    for (int half = 0; half < 2; half++)
        UNROLL
        for (int i = 0; i < 16 / VW; i++) {
            const vi v = ild(b + half * 64 + i * 4 * VW);
            const uint8_t *high = b + 128 + half * 32;
            const vi w0 = q6_k_bytes(v, high, i * 2);
            const vi w1 = q6_k_bytes((vi)((vu)v >> 4), high, i * 2 + 4);
            /* the first of their parts, in the register of scales that has them */
            const int part = (half * 8 + i * 2) % VW, with = half * 8 / VW;
            UNROLL
            for (int m = 0; m < mr; m++) {
                const size_t at = (size_t)m * x.row + (size_t)(half * 128 + i * 4 * VW);
                const vi p = dot4(ild(x.start + at / 4), w0, ild(x.q + at));
                const vi r = dot4(ild(x.start + at / 4 + 16), w1, ild(x.q + at + 64));
                a[m] = vfma(int_f32(p), spread(s[m][with], near + viset(part)), a[m]);
                a[m] = vfma(int_f32(r), spread(s[m][with], near + viset(part + 4)), a[m]);
            }
        }
}

#endif
