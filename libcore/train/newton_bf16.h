/* SPDX-License-Identifier: Apache-2.0 */
/* Newton-Schulz with bf16 products and f32 sums, laid out as newton_f32.h, included once for each
 * kind of processor that has such products, with WIDE (columns of a panel) set. A product takes
 * pairs of neighbours along k: the right factor is packed as pairs, in panels. The includer defines
 * product() and pack_transposed(). */
#include "newton.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

static size_t whole(size_t n) { return (n + WIDE - 1) / WIDE * WIDE; }

/* c [m,n] = alpha a [m,k] b + beta d; b: panels. symmetric: c and d are. */
static void product(const uint16_t *a, const uint32_t *packed, size_t m, size_t n, size_t k,
                    uint16_t *c, const uint16_t *d, float alpha, float beta, bool symmetric);
/* Panels of the transpose of x [n,k]: its own pairs, columns next to each other. */
static void pack_transposed(const uint16_t *x, size_t n, size_t k, uint32_t *to);

static inline __m512 widened(const uint16_t *p)
{
    const __m256i half = _mm256_loadu_si256((const __m256i *)(const void *)p);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

static inline void keep(uint16_t *c, const uint16_t *d, __m512 sum, __m512 alpha, __m512 beta)
{
    const __m512 y = _mm512_fmadd_ps(beta, widened(d), _mm512_mul_ps(alpha, sum));
    _mm256_storeu_si256((__m256i *)(void *)c, (__m256i)_mm512_cvtneps_pbh(y));
}

/* Panels of x [k,n] as pairs of rows. */
static void pack(const uint16_t *x, size_t k, size_t n, uint32_t *to)
{
    for (size_t j = 0; j < n; j += WIDE)
        for (size_t i = 0; i < k; i += 2, to += WIDE) {
            const uint16_t *p = x + i * n + j, *q = p + n;
            for (size_t l = 0; l < WIDE; l++) to[l] = (uint32_t)p[l] | (uint32_t)q[l] << 16;
        }
}

/* Round to nearest even; the values here are finite. */
static inline uint16_t narrow(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof(u));
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static inline float wide(uint16_t x)
{
    const uint32_t u = (uint32_t)x << 16;
    float y;
    memcpy(&y, &u, sizeof(y));
    return y;
}

typedef uint16_t cell;
typedef uint32_t packed_cell;           /* a pair of them */
#include "newton_run.h"
