/* SPDX-License-Identifier: Apache-2.0 */
/* Newton-Schulz in bf16 for processors with AMX: squares of 32 by 32 in four tiles. The squares
 * below the diagonal of a symmetric product cost less than copying them would. The instructions are
 * written out, with memory clobbers: the intrinsics of some compilers declare too little of what
 * they read. */
#define WIDE ((size_t)32)
#include "newton_bf16.h"

#define TILE_LOAD(i, p, stride)                                                                  \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #i                                             \
                     :                                                                           \
                     : "r"(p), "r"((size_t)(stride))                                             \
                     : "memory")
#define TILE_STORE(i, p, stride)                                                                 \
    __asm__ volatile("tilestored %%tmm" #i ", (%0,%1,1)"                                         \
                     :                                                                           \
                     : "r"(p), "r"((size_t)(stride))                                             \
                     : "memory")
#define TILE_DOT(c, a, b)                                                                        \
    __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #c : : : "memory")
#define TILE_ZERO(i) __asm__ volatile("tilezero %%tmm" #i : : : "memory")

/* Eight tiles of sixteen rows by 64 bytes. */
static void tiles_begin(void)
{
    struct { uint8_t palette, start, zero[14]; uint16_t bytes[16]; uint8_t rows[16]; } c;
    memset(&c, 0, sizeof(c));
    c.palette = 1;
    for (int i = 0; i < 8; i++) {
        c.bytes[i] = 64;
        c.rows[i] = 16;
    }
    __asm__ volatile("ldtilecfg (%0)" : : "r"(&c) : "memory");
}

/* c = alpha a b + beta d for one square; k2 pairs, a multiple of sixteen. */
static void square(const uint32_t *a, size_t k2, const uint32_t *b, uint16_t *c, const uint16_t *d,
                   size_t ldc, __m512 alpha, __m512 beta)
{
    float sum[WIDE * WIDE] __attribute__((aligned(64)));
    TILE_ZERO(0);
    TILE_ZERO(1);
    TILE_ZERO(2);
    TILE_ZERO(3);
    for (size_t i = 0; i < k2; i += 16) {
        TILE_LOAD(4, a + i, k2 * 4);
        TILE_LOAD(5, a + i + 16 * k2, k2 * 4);
        TILE_LOAD(6, b + i * WIDE, WIDE * 4);
        TILE_LOAD(7, b + i * WIDE + 16, WIDE * 4);
        TILE_DOT(0, 4, 6);
        TILE_DOT(1, 4, 7);
        TILE_DOT(2, 5, 6);
        TILE_DOT(3, 5, 7);
    }
    TILE_STORE(0, sum, WIDE * 4);
    TILE_STORE(1, sum + 16, WIDE * 4);
    TILE_STORE(2, sum + 16 * WIDE, WIDE * 4);
    TILE_STORE(3, sum + 16 * WIDE + 16, WIDE * 4);
    for (size_t r = 0; r < WIDE; r++)
        for (size_t j = 0; j < WIDE; j += 16)
            keep(c + r * ldc + j, d + r * ldc + j, _mm512_load_ps(sum + r * WIDE + j), alpha, beta);
}

static void product(const uint16_t *a, const uint32_t *packed, size_t m, size_t n, size_t k,
                    uint16_t *c, const uint16_t *d, float alpha, float beta, bool symmetric)
{
    const uint32_t *a2 = (const uint32_t *)(const void *)a;
    const size_t k2 = k / 2;
    const __m512 al = _mm512_set1_ps(alpha), be = _mm512_set1_ps(beta);
    (void)symmetric;
    for (size_t j = 0; j < n; j += WIDE)
        for (size_t i = 0; i < m; i += WIDE)
            square(a2 + i * k2, k2, packed + j * k2, c + i * n + j, d + i * n + j, n, al, be);
}

/* Sixteen rows of sixteen become columns, `to` WIDE apart. */
static void turn(const uint32_t *from, size_t row, uint32_t *to)
{
    __m512i r[16], t[16];
    for (int i = 0; i < 16; i++) r[i] = _mm512_loadu_si512(from + (size_t)i * row);
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++)
        for (int h = 0; h < 16; h += 8) {
            t[h + i] = _mm512_shuffle_i32x4(r[h + i], r[h + i + 4], 0x88);
            t[h + i + 4] = _mm512_shuffle_i32x4(r[h + i], r[h + i + 4], 0xdd);
        }
    for (int i = 0; i < 8; i++) {
        _mm512_storeu_si512(to + (size_t)i * WIDE, _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88));
        _mm512_storeu_si512(to + (size_t)(i + 8) * WIDE,
                            _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd));
    }
}

static void pack_transposed(const uint16_t *x, size_t n, size_t k, uint32_t *to)
{
    const uint32_t *pairs = (const uint32_t *)(const void *)x;
    const size_t k2 = k / 2;
    for (size_t j = 0; j < n; j += WIDE, to += WIDE * k2)
        for (size_t i = 0; i < k2; i += 16)
            for (size_t l = 0; l < WIDE; l += 16)
                turn(pairs + (j + l) * k2 + i, k2, to + i * WIDE + l);
}

static void run_on_tiles(float *g, size_t rows, size_t cols, void *scratch)
{
    tiles_begin();
    run(g, rows, cols, scratch);
    __asm__ volatile("tilerelease" : : : "memory");
}

const newton newton_amx = { "amx", room, run_on_tiles };
