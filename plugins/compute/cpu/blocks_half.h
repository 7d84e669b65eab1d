/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of quantised weights brought into bf16: the numbers of blocks.h, rounded to nearest even.
 * A block of four bits is a table of sixteen numbers in a register, in which its weights are looked
 * up. Included by linear_blocks.c only, behind blocks_lanes.h.
 */
#ifndef OMN_CPU_BLOCKS_HALF_H
#define OMN_CPU_BLOCKS_HALF_H

#if CPU_LEVEL >= 3

/* sixteen bytes as numbers */
INLINE vi wide_unsigned(const void *p)
{
    return (vi)_mm512_cvtepu8_epi32(_mm_loadu_si128(p));
}
INLINE vf wide_signed(__m128i v) { return int_f32((vi)_mm512_cvtepi8_epi32(v)); }

/* 32 numbers */
INLINE void half_store(uint16_t *y, vf a, vf b)
{
    _mm512_storeu_si512(y, (__m512i)_mm512_cvtne2ps_pbh((__m512)b, (__m512)a));
}

INLINE void q8_0_half(const uint8_t *b, uint16_t *y)
{
    const vf d = vset(half_read(b));
    half_store(y, wide_signed(_mm_loadu_si128((const void *)(b + 2))) * d,
               wide_signed(_mm_loadu_si128((const void *)(b + 18))) * d);
}

INLINE void q4_0_half(const uint8_t *b, uint16_t *y)
{
    const vf table = (sixteen() - 8) * vset(half_read(b));
    const vi v = wide_unsigned(b + 2);
    half_store(y, spread(table, v), spread(table, (vi)((vu)v >> 4)));
}

INLINE void q4_k_half(const uint8_t *b, uint16_t *y)
{
    float s[16];
    vst(s, q4_k_factors(b, false));
    for (size_t j = 0; j < 8; j += 2) {
        const vi v = wide_unsigned(b + 16 + j * 16), w = wide_unsigned(b + 32 + j * 16);
        const vf low = sixteen() * vset(s[j]) - vset(s[8 + j]);
        const vf high = sixteen() * vset(s[j + 1]) - vset(s[9 + j]);
        half_store(y + j * BLOCK, spread(low, v), spread(low, w));
        half_store(y + (j + 1) * BLOCK, spread(high, (vi)((vu)v >> 4)),
                   spread(high, (vi)((vu)w >> 4)));
    }
}

INLINE void q6_k_half(const uint8_t *b, uint16_t *y)
{
    float s[16];
    vst(s, wide_signed(_mm_loadu_si128((const void *)(b + 192))) * vset(half_read(b + 208)));
    for (size_t i = 0; i < 4; i++) {
        const vi v = ild(b + i / 2 * 64);
        const vi w = q6_k_bytes(i % 2 ? (vi)((vu)v >> 4) : v, b + 128 + i / 2 * 32, i % 2 * 4);
        const __m512i q = _mm512_sub_epi8((__m512i)w, _mm512_set1_epi8(32));
        half_store(y + i * 64, wide_signed(_mm512_castsi512_si128(q)) * vset(s[4 * i]),
                   wide_signed(_mm512_extracti32x4_epi32(q, 1)) * vset(s[4 * i + 1]));
        half_store(y + i * 64 + 32,
                   wide_signed(_mm512_extracti32x4_epi32(q, 2)) * vset(s[4 * i + 2]),
                   wide_signed(_mm512_extracti32x4_epi32(q, 3)) * vset(s[4 * i + 3]));
    }
}

/* n elements, which are whole blocks */
static void blocks_half(omn_type t, const void *blocks, size_t n, uint16_t *y)
{
    const uint8_t *b = blocks;
    switch (t) {
    case OMN_Q8_0:
        for (size_t i = 0; i < n; i += BLOCK, b += Q8_0) q8_0_half(b, y + i);
        break;
    case OMN_Q4_0:
        for (size_t i = 0; i < n; i += BLOCK, b += Q4_0) q4_0_half(b, y + i);
        break;
    case OMN_Q4_K:
        for (size_t i = 0; i < n; i += BLOCK_K, b += Q4_K) q4_k_half(b, y + i);
        break;
    default:
        for (size_t i = 0; i < n; i += BLOCK_K, b += Q6_K) q6_k_half(b, y + i);
    }
}

#else

static void blocks_half(omn_type t, const void *blocks, size_t n, uint16_t *y)
{
    float piece[BLOCK_K];
    for (size_t k = 0; k < n; k += BLOCK_K) {
        const size_t kc = n - k < BLOCK_K ? n - k : BLOCK_K;
        blocks_read(t, (const char *)blocks + blocks_bytes(t, k), kc, piece);
        for (size_t i = 0; i < kc; i++) y[k + i] = bf16_of(piece[i]);
    }
}

#endif

#endif
