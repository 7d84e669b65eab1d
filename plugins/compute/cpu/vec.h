/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors of floats, as wide as the level that a file is built for (CPU_LEVEL, see level.h).
 *
 * The kernels are written once over these types: GCC's and clang's vector extension covers
 * arithmetic on every machine, and the few things it cannot say (masked loads, maxima, conversions)
 * are named here, with instructions where the level has them and plain loops where it has not.
 */
#ifndef OMN_CPU_VEC_H
#define OMN_CPU_VEC_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "level.h"

#if CPU_LEVEL >= 1
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#if CPU_LEVEL >= 2
#define VW 16
#define SPLAT(s) { s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s }
#elif CPU_LEVEL == 1
#define VW 8
#define SPLAT(s) { s, s, s, s, s, s, s, s }
#else
#define VW 4
#define SPLAT(s) { s, s, s, s }
#endif

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef float vf __attribute__((vector_size(4 * VW)));
typedef int32_t vi __attribute__((vector_size(4 * VW)));
typedef uint32_t vu __attribute__((vector_size(4 * VW)));
typedef float vf_any __attribute__((vector_size(4 * VW), aligned(1), may_alias));
typedef int32_t vi_any __attribute__((vector_size(4 * VW), aligned(1), may_alias));
typedef float f32_any __attribute__((aligned(1), may_alias));
typedef uint16_t u16_any __attribute__((aligned(1), may_alias));
typedef uint32_t u32_any __attribute__((aligned(1), may_alias));

INLINE vf vset(float s) { return (vf)SPLAT(s); }
INLINE vi viset(int32_t s) { return (vi)SPLAT(s); }
INLINE vf vld(const void *p) { return *(const vf_any *)p; }
INLINE void vst(void *p, vf v) { *(vf_any *)p = v; }

/* the first n lanes; the others are 0 */
INLINE vf vld_n(const void *p, size_t n)
{
#if CPU_LEVEL >= 2
    return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
    vf v = vset(0);
    memcpy(&v, p, n * 4);
    return v;
#endif
}

INLINE void vst_n(void *p, vf v, size_t n)
{
#if CPU_LEVEL >= 2
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#else
    memcpy(p, &v, n * 4);
#endif
}

/* a b + c, fused where the level has the instruction, and c - a b. Kernels are compiled without
 * contraction: left to the compiler, which product is fused differs from one block to the next, and
 * a row alone from the same row in company. */
INLINE vf vfma(vf a, vf b, vf c)
{
#if CPU_LEVEL >= 2
    return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif CPU_LEVEL == 1
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__ARM_NEON) && defined(__ARM_FEATURE_FMA)
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

INLINE vf vfnma(vf a, vf b, vf c)
{
#if CPU_LEVEL >= 2
    return (vf)_mm512_fnmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif CPU_LEVEL == 1
    return (vf)_mm256_fnmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__ARM_NEON) && defined(__ARM_FEATURE_FMA)
    return (vf)vfmsq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return c - a * b;
#endif
}

/* m has all bits of a lane set or none */
INLINE vf vsel(vi m, vf yes, vf no) { return (vf)(((vi)yes & m) | ((vi)no & ~m)); }

INLINE vf vmax(vf a, vf b)
{
#if CPU_LEVEL >= 2
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif CPU_LEVEL == 1
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return vsel(a > b, a, b);
#endif
}

INLINE vf vmin(vf a, vf b)
{
#if CPU_LEVEL >= 2
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
#elif CPU_LEVEL == 1
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
#else
    return vsel(a < b, a, b);
#endif
}

/* Sum and maximum of all lanes: halves are folded until one lane is left. */
#if CPU_LEVEL >= 2
#define FOLD(v, op)                                                                                \
    const __m256 h =                                                                               \
        op##256(_mm512_castps512_ps256((__m512)v), _mm512_extractf32x8_ps((__m512)v, 1));          \
    FOLD_8(h, op)
#elif CPU_LEVEL == 1
#define FOLD(v, op) FOLD_8((__m256)v, op)
#endif
#if CPU_LEVEL >= 1
#define FOLD_8(h, op)                                                                              \
    __m128 q = op(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));                         \
    q = op(q, _mm_movehl_ps(q, q));                                                                \
    return _mm_cvtss_f32(op(q, _mm_movehdup_ps(q)));
#define sum256 _mm256_add_ps
#define sum _mm_add_ps
#define most256 _mm256_max_ps
#define most _mm_max_ps
INLINE float vsum(vf v) { FOLD(v, sum) }
INLINE float vmaximum(vf v) { FOLD(v, most) }
#undef sum256
#undef sum
#undef most256
#undef most
#else
INLINE float vsum(vf v) { return (v[0] + v[2]) + (v[1] + v[3]); }
INLINE float vmaximum(vf v)
{
    const float a = v[0] > v[2] ? v[0] : v[2], b = v[1] > v[3] ? v[1] : v[3];
    return a > b ? a : b;
}
#endif

INLINE vf vsqrt(vf v)
{
#if CPU_LEVEL >= 2
    return (vf)_mm512_sqrt_ps((__m512)v);
#elif CPU_LEVEL == 1
    return (vf)_mm256_sqrt_ps((__m256)v);
#else
    UNROLL
    for (int i = 0; i < VW; i++) v[i] = sqrtf(v[i]);
    return v;
#endif
}

/* ---- half floats ---- */

static inline float f32_of_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, 4);
    return f;
}

static inline uint32_t bits_of_f32(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

static inline float bf16_get(const void *p)
{
    return f32_of_bits((uint32_t) * (const u16_any *)p << 16);
}

static inline uint16_t bf16_of(float f)
{
    const uint32_t u = bits_of_f32(f);
    if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)(u >> 16 | 64);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static inline float f16_get(const void *p)
{
    const uint32_t h = *(const u16_any *)p, sign = (h & 0x8000) << 16, body = h & 0x7fff;
    if (body >= 0x7c00) return f32_of_bits(sign | 0x7f800000 | (body & 0x3ff) << 13);
    /* moving the exponent by a product also makes subnormals right */
    return f32_of_bits(sign | bits_of_f32(f32_of_bits(body << 13) * 0x1p112f));
}

static inline uint16_t f16_of(float f)
{
    const uint32_t u = bits_of_f32(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
    if (a > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
    if (a >= 0x477ff000) return (uint16_t)(sign | 0x7c00);
    if (a < 0x38800000) {
        /* adding 0.5 leaves the subnormal's bits at the bottom, rounded to nearest even */
        const float s = f32_of_bits(a) + 0.5f;
        return (uint16_t)(sign | (bits_of_f32(s) - 0x3f000000));
    }
    return (uint16_t)(sign | (a - 0x38000000 + 0xfff + (a >> 13 & 1)) >> 13);
}

/* f32 rounded to the nearest bf16 (even on ties), still as f32 */
INLINE vf vround_bf16(vf v)
{
    const vu u = (vu)v;
    return (vf)((u + 0x7fff + (u >> 16 & 1)) & 0xffff0000u);
}

INLINE vf vld_bf16(const void *p)
{
#if CPU_LEVEL >= 2
    return (vf)_mm512_castsi512_ps(_mm512_slli_epi32(
        _mm512_cvtepu16_epi32(_mm256_loadu_si256(p)), 16));
#elif CPU_LEVEL == 1
    return (vf)_mm256_castsi256_ps(_mm256_slli_epi32(
        _mm256_cvtepu16_epi32(_mm_loadu_si128(p)), 16));
#else
    vf v;
    UNROLL
    for (int i = 0; i < VW; i++) v[i] = bf16_get((const char *)p + 2 * i);
    return v;
#endif
}

INLINE vf vld_f16(const void *p)
{
#if CPU_LEVEL >= 2
    return (vf)_mm512_cvtph_ps(_mm256_loadu_si256(p));
#elif CPU_LEVEL == 1
    return (vf)_mm256_cvtph_ps(_mm_loadu_si128(p));
#else
    vf v;
    UNROLL
    for (int i = 0; i < VW; i++) v[i] = f16_get((const char *)p + 2 * i);
    return v;
#endif
}

INLINE void vst_bf16(void *p, vf v)
{
#if CPU_LEVEL >= 2
    const __mmask16 nan = _mm512_cmp_ps_mask((__m512)v, (__m512)v, _CMP_UNORD_Q);
    const __m512i r = (__m512i)((vu)vround_bf16(v) >> 16), q = (__m512i)((vu)v >> 16 | 64);
    _mm256_storeu_si256(p, _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(r, nan, q)));
#else
    UNROLL
    for (int i = 0; i < VW; i++) ((u16_any *)p)[i] = bf16_of(v[i]);
#endif
}

INLINE void vst_f16(void *p, vf v)
{
#if CPU_LEVEL >= 2
    _mm256_storeu_si256(p, _mm512_cvtps_ph((__m512)v, 0));
#elif CPU_LEVEL == 1
    _mm_storeu_si128(p, _mm256_cvtps_ph((__m256)v, 0));
#else
    UNROLL
    for (int i = 0; i < VW; i++) ((u16_any *)p)[i] = f16_of(v[i]);
#endif
}

/* ---- elements of any float type: i counts elements ---- */

INLINE size_t type_bytes(omn_type t) { return t == OMN_F32 ? 4 : 2; }
INLINE const void *at(const void *p, omn_type t, ptrdiff_t i)
{
    return (const char *)p + i * (ptrdiff_t)type_bytes(t);
}

INLINE float get1(const void *p, omn_type t, size_t i)
{
    const void *q = at(p, t, (ptrdiff_t)i);
    return t == OMN_F32 ? *(const f32_any *)q : t == OMN_BF16 ? bf16_get(q) : f16_get(q);
}

INLINE vf vget(const void *p, omn_type t, size_t i)
{
    const void *q = at(p, t, (ptrdiff_t)i);
    return t == OMN_F32 ? vld(q) : t == OMN_BF16 ? vld_bf16(q) : vld_f16(q);
}

INLINE vf vget_n(const void *p, omn_type t, size_t i, size_t n)
{
    const void *q = at(p, t, (ptrdiff_t)i);
    if (t == OMN_F32) return vld_n(q, n);
    char half[2 * VW] = { 0 };
    memcpy(half, q, 2 * n);
    return t == OMN_BF16 ? vld_bf16(half) : vld_f16(half);
}

/* lanes i to i + VW of a row of n elements; those beyond are 0 */
INLINE vf vrow(const void *p, omn_type t, size_t i, size_t n)
{
    return i + VW <= n ? vget(p, t, i) : vget_n(p, t, i, n - i);
}
INLINE vf frow(const float *p, size_t i, size_t n)
{
    return i + VW <= n ? vld((const char *)p + 4 * i) : vld_n((const char *)p + 4 * i, n - i);
}
INLINE void frow_set(float *p, size_t i, size_t n, vf v)
{
    if (i + VW <= n) vst((char *)p + 4 * i, v);
    else vst_n((char *)p + 4 * i, v, n - i);
}

#endif
