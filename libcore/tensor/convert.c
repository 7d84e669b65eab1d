/* SPDX-License-Identifier: Apache-2.0 */
/* Element conversions. 16-bit floats are made with integer arithmetic alone, round to nearest even,
 * so that they do not depend on the rounding mode or on a processor that drops tiny numbers. */
#include "libcore/tensor/blocks.h"

#include <math.h>
#include <string.h>

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

uint16_t omn_bf16_of(float x)
{
    uint32_t u = bits_of(x);
    if ((u & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)((u >> 16) | 0x40u);
    return (uint16_t)((u + 0x7FFFu + ((u >> 16) & 1u)) >> 16);
}

float omn_bf16_to(uint16_t x)
{
    return float_of((uint32_t)x << 16);
}

uint16_t omn_f16_of(float x)
{
    uint32_t u = bits_of(x), sign = (u >> 16) & 0x8000u, a = u & 0x7FFFFFFFu, h;
    if (a > 0x7F800000u) {
        h = 0x7E00u | ((a >> 13) & 0x3FFu);
    } else if (a >= 0x477FF000u) { /* from 65520 on: infinity */
        h = 0x7C00u;
    } else if (a >= 0x38800000u) { /* normal: 2^-14 and above */
        h = (a - 0x38000000u + 0xFFFu + ((a >> 13) & 1u)) >> 13;
    } else if (a >= 0x33000000u) { /* subnormal: units of 2^-24, from half a unit on */
        uint32_t shift = 126u - (a >> 23), m = (a & 0x7FFFFFu) | 0x800000u;
        uint32_t rest = m & ((1u << shift) - 1u), half = 1u << (shift - 1u);
        h = m >> shift;
        if (rest > half || (rest == half && (h & 1u))) h++;
    } else {
        h = 0;
    }
    return (uint16_t)(sign | h);
}

float omn_f16_to(uint16_t x)
{
    uint32_t sign = (uint32_t)(x & 0x8000u) << 16, a = x & 0x7FFFu;
    if (a > 0x7C00u) return float_of(sign | 0x7FC00000u | ((a & 0x3FFu) << 13));
    if (a == 0x7C00u) return float_of(sign | 0x7F800000u);
    if (a >= 0x0400u) return float_of(sign | ((a << 13) + 0x38000000u));
    float tiny = (float)a * 0x1p-24f;
    return sign ? -tiny : tiny;
}

/* Eight bits: sign, 4 of exponent with bias 7, 3 of fraction; no infinity, all ones: no number. */
static float e4m3_to(uint8_t x)
{
    uint32_t sign = (uint32_t)(x & 0x80u) << 24, a = x & 0x7Fu;
    if (a == 0x7F) return float_of(sign | 0x7FC00000u);
    if (a >= 0x08) return float_of(sign | ((a << 20) + 0x3C000000u));
    float tiny = (float)a * 0x1p-9f;
    return sign ? -tiny : tiny;
}

/* Eight bits of exponent alone, a power of two. */
static float e8m0_to(uint8_t x)
{
    if (x == 0xFF) return float_of(0x7FC00000u);
    return float_of(x > 0 ? (uint32_t)x << 23 : 0x00400000u);
}

/* One element of type T at a time, through memcpy because src has any alignment. */
#define TO(T, expr)                                                                              \
    for (size_t i = 0; i < n; i++) {                                                             \
        T x;                                                                                     \
        memcpy(&x, from + i * sizeof x, sizeof x);                                               \
        dst[i] = (expr);                                                                         \
    }                                                                                            \
    return true

bool omn_to_f32(omn_type t, const void *src, size_t n, float *dst)
{
    const unsigned char *from = src;
    switch (t) {
    case OMN_F32:
        if (n > 0) memmove(dst, src, n * sizeof *dst);
        return true;
    case OMN_F16: TO(uint16_t, omn_f16_to(x));
    case OMN_BF16: TO(uint16_t, float_of((uint32_t)x << 16));
    case OMN_I64: TO(int64_t, (float)x);
    case OMN_I32: TO(int32_t, (float)x);
    case OMN_I8: TO(int8_t, (float)x);
    case OMN_U8: TO(uint8_t, (float)x);
    case OMN_BOOL: TO(uint8_t, x ? 1.0f : 0.0f);
    case OMN_F64: TO(double, (float)x);
    case OMN_I16: TO(int16_t, (float)x);
    case OMN_U16: TO(uint16_t, (float)x);
    case OMN_U32: TO(uint32_t, (float)x);
    case OMN_U64: TO(uint64_t, (float)x);
    case OMN_F8_E4M3: TO(uint8_t, e4m3_to(x));
    case OMN_F8_E5M2: TO(uint8_t, omn_f16_to((uint16_t)(x << 8)));
    case OMN_F8_E8M0: TO(uint8_t, e8m0_to(x));
    case OMN_Q8_0:
    case OMN_Q4_0:
    case OMN_Q4_K:
    case OMN_Q6_K: return blocks_to_f32(t, src, n, dst);
    case OMN_C64:
    case OMN_F6_E2M3:
    case OMN_F6_E3M2:
    case OMN_F4:
    case OMN_TYPE_NONE:
    case OMN_STRING:
    case OMN_ANY_VALUE: break;
    }
    return false;
}

/* The nearest whole number that lies within [low, high]; not a number becomes 0. */
static int64_t whole(float x, double low, double high)
{
    double y = nearbyint((double)x);
    if (isnan(y)) return 0;
    if (y <= low) return (int64_t)low;
    if (y >= high) return high >= 0x1p63 ? INT64_MAX : (int64_t)high;
    return (int64_t)y;
}

static uint64_t whole_u64(float x)
{
    double y = nearbyint((double)x);
    if (!(y > 0)) return 0;
    return y >= 0x1p64 ? UINT64_MAX : (uint64_t)y;
}

#define FROM(T, expr)                                                                            \
    for (size_t i = 0; i < n; i++) {                                                             \
        float x = src[i];                                                                        \
        T y = (expr);                                                                            \
        memcpy(to + i * sizeof y, &y, sizeof y);                                                 \
    }                                                                                            \
    return true

bool omn_from_f32(omn_type t, const float *src, size_t n, void *dst)
{
    unsigned char *to = dst;
    switch (t) {
    case OMN_F32:
        if (n > 0) memmove(dst, src, n * sizeof *src);
        return true;
    case OMN_F16: FROM(uint16_t, omn_f16_of(x));
    case OMN_BF16: FROM(uint16_t, omn_bf16_of(x));
    case OMN_I64: FROM(int64_t, whole(x, -0x1p63, 0x1p63));
    case OMN_I32: FROM(int32_t, (int32_t)whole(x, INT32_MIN, INT32_MAX));
    case OMN_I8: FROM(int8_t, (int8_t)whole(x, INT8_MIN, INT8_MAX));
    case OMN_U8: FROM(uint8_t, (uint8_t)whole(x, 0, UINT8_MAX));
    case OMN_BOOL: FROM(uint8_t, x != 0.0f);
    case OMN_F64: FROM(double, (double)x);
    case OMN_I16: FROM(int16_t, (int16_t)whole(x, INT16_MIN, INT16_MAX));
    case OMN_U16: FROM(uint16_t, (uint16_t)whole(x, 0, UINT16_MAX));
    case OMN_U32: FROM(uint32_t, (uint32_t)whole(x, 0, UINT32_MAX));
    case OMN_U64: FROM(uint64_t, whole_u64(x));
    case OMN_Q8_0:
    case OMN_Q4_0:
    case OMN_Q4_K:
    case OMN_Q6_K: return omn_blocks_of_rows(t, src, 1, n, NULL, dst);
    case OMN_F8_E4M3:
    case OMN_F8_E5M2:
    case OMN_F8_E8M0:
    case OMN_C64:
    case OMN_F6_E2M3:
    case OMN_F6_E3M2:
    case OMN_F4:
    case OMN_TYPE_NONE:
    case OMN_STRING:
    case OMN_ANY_VALUE: break;
    }
    return false;
}
