/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The little of AMX that products need: eight tiles of 16 rows by 64 bytes, loaded, multiplied,
 * stored. The instructions are written out, with memory clobbers: the intrinsics of some compilers
 * declare too little of what they read, and then stores that fill the configuration disappear. With
 * AMX_EMULATED the same names work on plain memory, so that the kernel above them is tested on any
 * machine.
 *
 * A thread configures its tiles before the first use and releases them after the last: tiles in use
 * make every switch of threads dearer.
 */
#ifndef OMN_CPU_AMX_H
#define OMN_CPU_AMX_H

#include "vec.h"

#ifdef AMX_EMULATED

typedef struct tiles { uint32_t t[8][16][16]; } tiles;

INLINE void amx_begin(tiles *t) { memset(t, 0, sizeof *t); }
INLINE void amx_end(tiles *t) { memset(t, 0xff, sizeof *t); }
#define amx_zero(t, i) memset((t)->t[i], 0, sizeof (t)->t[i])
#define amx_load(tt, i, p, stride)                                                                 \
    do {                                                                                           \
        for (size_t r_ = 0; r_ < 16; r_++)                                                         \
            memcpy((tt)->t[i][r_], (const char *)(p) + r_ * (stride), 64);                         \
    } while (0)
#define amx_store(tt, i, p, stride)                                                                \
    do {                                                                                           \
        for (size_t r_ = 0; r_ < 16; r_++)                                                         \
            memcpy((char *)(p) + r_ * (stride), (tt)->t[i][r_], 64);                               \
    } while (0)

/* c[m][n] += sum over k of both halves of a[m][k] times those of b[k][n] */
static inline void amx_emulate_dot(tiles *t, int c, int a, int b)
{
    for (int m = 0; m < 16; m++)
        for (int k = 0; k < 16; k++)
            for (int n = 0; n < 16; n++) {
                const uint32_t x = t->t[a][m][k], y = t->t[b][k][n];
                float s = f32_of_bits(t->t[c][m][n]);
                s += f32_of_bits(x << 16) * f32_of_bits(y << 16);
                s += f32_of_bits(x & 0xffff0000u) * f32_of_bits(y & 0xffff0000u);
                t->t[c][m][n] = bits_of_f32(s);
            }
}
#define amx_dot(t, c, a, b) amx_emulate_dot(t, c, a, b)

/* the same with four signed bytes in place of two halves, and sums of whole numbers */
static inline void amx_emulate_dot_bytes(tiles *t, int c, int a, int b)
{
    for (int m = 0; m < 16; m++)
        for (int k = 0; k < 16; k++)
            for (int n = 0; n < 16; n++)
                for (int i = 0; i < 32; i += 8)
                    t->t[c][m][n] += (uint32_t)((int8_t)(t->t[a][m][k] >> i) *
                                                (int8_t)(t->t[b][k][n] >> i));
}
#define amx_dot_bytes(t, c, a, b) amx_emulate_dot_bytes(t, c, a, b)

#else

typedef struct tiles { char none; } tiles;

INLINE void amx_begin(tiles *t)
{
    /* palette 1; bytes in a row of each tile at 16, rows at 48 */
    struct { uint8_t palette, start, zero[14]; uint16_t bytes[16]; uint8_t rows[16]; } c;
    t->none = 0;
    memset(&c, 0, sizeof c);
    c.palette = 1;
    for (int i = 0; i < 8; i++) {
        c.bytes[i] = 64;
        c.rows[i] = 16;
    }
    __asm__ volatile("ldtilecfg (%0)" : : "r"(&c) : "memory");
}
INLINE void amx_end(tiles *t)
{
    (void)t;
    __asm__ volatile("tilerelease" : : : "memory");
}
#define amx_zero(t, i) __asm__ volatile("tilezero %%tmm" #i : : : "memory")
#define amx_load(t, i, p, stride)                                                                  \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #i : : "r"(p), "r"((size_t)(stride)) : "memory")
#define amx_store(t, i, p, stride)                                                                 \
    __asm__ volatile("tilestored %%tmm" #i ", (%0,%1,1)"                                           \
                     :                                                                             \
                     : "r"(p), "r"((size_t)(stride))                                               \
                     : "memory")
#define amx_dot(t, c, a, b)                                                                        \
    __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #c : : : "memory")
#define amx_dot_bytes(t, c, a, b)                                                                  \
    __asm__ volatile("tdpbssd %%tmm" #b ", %%tmm" #a ", %%tmm" #c : : : "memory")

#endif

#endif
