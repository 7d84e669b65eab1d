/* SPDX-License-Identifier: Apache-2.0 */
/* Newton-Schulz in bf16 for processors with AVX512-BF16: tiles of eight rows by three vectors of
 * sixteen stay in registers. */
#define WIDE ((size_t)48)
#define HIGH ((size_t)8)
#include "newton_bf16.h"

static inline __m512bh pairs(const uint32_t *p) { return (__m512bh)_mm512_loadu_si512(p); }

#define ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

/* c = alpha a b + beta d for one tile; k2 pairs. */
static void tile(const uint32_t *a, size_t lda, const uint32_t *b, size_t k2, uint16_t *c,
                 const uint16_t *d, size_t ldc, float alpha, float beta)
{
#define ZERO(r) __m512 x##r = _mm512_setzero_ps(), y##r = x##r, z##r = x##r;
#define STEP(r)                                                                                  \
    {                                                                                            \
        const __m512bh s = (__m512bh)_mm512_set1_epi32((int)a[r * lda + i]);                     \
        x##r = _mm512_dpbf16_ps(x##r, s, b0);                                                    \
        y##r = _mm512_dpbf16_ps(y##r, s, b1);                                                    \
        z##r = _mm512_dpbf16_ps(z##r, s, b2);                                                    \
    }
#define KEEP(r)                                                                                  \
    keep(c + r * ldc, d + r * ldc, x##r, al, be);                                                \
    keep(c + r * ldc + 16, d + r * ldc + 16, y##r, al, be);                                      \
    keep(c + r * ldc + 32, d + r * ldc + 32, z##r, al, be);
    const __m512 al = _mm512_set1_ps(alpha), be = _mm512_set1_ps(beta);
    ROWS(ZERO)
    for (size_t i = 0; i < k2; i++, b += WIDE) {
        const __m512bh b0 = pairs(b), b1 = pairs(b + 16), b2 = pairs(b + 32);
        ROWS(STEP)
    }
    ROWS(KEEP)
}

static void product(const uint16_t *a, const uint32_t *packed, size_t m, size_t n, size_t k,
                    uint16_t *c, const uint16_t *d, float alpha, float beta, bool symmetric)
{
    const uint32_t *a2 = (const uint32_t *)(const void *)a;
    const size_t k2 = k / 2;
    for (size_t j = 0; j < n; j += WIDE)
        for (size_t i = 0; i < m && !(symmetric && i >= j + WIDE); i += HIGH)
            tile(a2 + i * k2, k2, packed + j * k2, k2, c + i * n + j, d + i * n + j, n, alpha,
                 beta);
    if (!symmetric) return;
    for (size_t i = 1; i < m; i++)
        for (size_t j = 0; j < i; j++) c[i * n + j] = c[j * n + i];
}

static void pack_transposed(const uint16_t *x, size_t n, size_t k, uint32_t *to)
{
    const size_t k2 = k / 2;
    const __m512i step = _mm512_mullo_epi32(
        _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
        _mm512_set1_epi32((int)k2));
    for (size_t j = 0; j < n; j += WIDE)
        for (size_t i = 0; i < k2; i++)
            for (size_t l = 0; l < WIDE; l += 16, to += 16) {
                const uint16_t *from = x + (j + l) * k + 2 * i;
                _mm512_storeu_si512(to, _mm512_i32gather_epi32(step, from, 4));
            }
}

const newton newton_avx512bf16 = { "avx512bf16", room, run };
