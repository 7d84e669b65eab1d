/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of quantised weights brought into f32 with the roundings that omnio/tensor.h tells at
 * omn_blocks_of_rows, whatever the level. Plain loops of fixed length, which the compiler turns
 * into vectors. */
#ifndef OMN_CPU_BLOCKS_H
#define OMN_CPU_BLOCKS_H

#include "vec.h"

enum { BLOCK = 32, BLOCK_K = 256, Q8_0 = 34, Q4_0 = 18, Q4_K = 144, Q6_K = 210 };

/* bytes of n elements */
INLINE size_t blocks_bytes(omn_type t, size_t n)
{
    switch (t) {
    case OMN_Q8_0: return n / BLOCK * Q8_0;
    case OMN_Q4_0: return n / BLOCK * Q4_0;
    case OMN_Q4_K: return n / BLOCK_K * Q4_K;
    default: return n / BLOCK_K * Q6_K;
    }
}

INLINE float half_read(const uint8_t *p)
{
#if CPU_LEVEL >= 1
    return _cvtsh_ss(*(const u16_any *)(const void *)p);
#else
    return f16_get(p);
#endif
}

INLINE void q8_0_read(const uint8_t *restrict b, float *restrict y)
{
    const float d = half_read(b);
    for (int i = 0; i < BLOCK; i++) y[i] = d * (float)(int8_t)b[2 + i];
}

INLINE void q4_0_read(const uint8_t *restrict b, float *restrict y)
{
    const float d = half_read(b);
    for (int i = 0; i < BLOCK / 2; i++) y[i] = d * (float)((b[2 + i] & 15) - 8);
    for (int i = 0; i < BLOCK / 2; i++) y[i + BLOCK / 2] = d * (float)((b[2 + i] >> 4) - 8);
}

/* The scales and offsets of the eight parts of a block of q4_K, 0 to 63. */
INLINE void q4_k_scales(const uint8_t *s, uint8_t scale[8], uint8_t offset[8])
{
    for (int j = 0; j < 4; j++) {
        scale[j] = s[j] & 63;
        offset[j] = s[j + 4] & 63;
        scale[j + 4] = (uint8_t)((s[j + 8] & 15) | s[j] >> 6 << 4);
        offset[j + 4] = (uint8_t)(s[j + 8] >> 4 | s[j + 4] >> 6 << 4);
    }
}

INLINE void q4_k_read(const uint8_t *restrict b, float *restrict y)
{
    const float d = half_read(b), low = half_read(b + 2);
    uint8_t scale[8], offset[8];
    q4_k_scales(b + 4, scale, offset);
    for (int j = 0; j < 8; j += 2) {
        const uint8_t *q = b + 16 + j * 16;
        const float s = d * (float)scale[j], m = low * (float)offset[j];
        const float t = d * (float)scale[j + 1], n = low * (float)offset[j + 1];
        for (int i = 0; i < BLOCK; i++) y[j * BLOCK + i] = s * (float)(q[i] & 15) - m;
        for (int i = 0; i < BLOCK; i++) y[(j + 1) * BLOCK + i] = t * (float)(q[i] >> 4) - n;
    }
}

INLINE void q6_k_read(const uint8_t *restrict b, float *restrict y)
{
    const float d = half_read(b + 208);
    for (int half = 0; half < 2; half++)
        for (int part = 0; part < 8; part++) {
            const uint8_t *low = b + half * 64 + part % 4 * 16;
            const uint8_t *high = b + 128 + half * 32 + part % 2 * 16;
            const int shift = part / 4 * 4, up = part / 2 * 2;
            const float s = d * (float)(int8_t)b[192 + half * 8 + part];
            for (int i = 0; i < 16; i++)
                y[half * 128 + part * 16 + i] =
                    s * (float)(((low[i] >> shift & 15) | (high[i] >> up & 3) << 4) - 32);
        }
}

/* n elements, which are whole blocks */
INLINE void blocks_read(omn_type t, const void *blocks, size_t n, float *y)
{
    const uint8_t *b = blocks;
    switch (t) {
    case OMN_Q8_0:
        for (size_t i = 0; i < n; i += BLOCK, b += Q8_0) q8_0_read(b, y + i);
        break;
    case OMN_Q4_0:
        for (size_t i = 0; i < n; i += BLOCK, b += Q4_0) q4_0_read(b, y + i);
        break;
    case OMN_Q4_K:
        for (size_t i = 0; i < n; i += BLOCK_K, b += Q4_K) q4_k_read(b, y + i);
        break;
    default:
        for (size_t i = 0; i < n; i += BLOCK_K, b += Q6_K) q6_k_read(b, y + i);
    }
}

#endif
