/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions in f32, and in bf16 by dot products of pairs: a tile of up to MR pixels by NR
 * outputs stays in registers while all taps and channels run, pixels are read from the picture
 * itself. Channels of neighbouring taps lie together there, so that each line of the kernel is one
 * run of products. At the border a tile has fewer taps: outputs that meet the same taps form
 * rectangles, wide ones are cut into tiles along lines, narrow ones along columns, and zeros are
 * neither stored nor multiplied.
 *
 * Every sum is made upwards through lines, columns and channels, whatever tile it is in: a picture
 * has the same bits in any company. Weights are packed [O / NR][kh][kw][C][NR].
 *
 * In bf16 a number is a pair of neighbouring channels. What a task needs of the picture it rounds
 * and packs once (conv_pairs.h); all else is the same. Included by conv.c only.
 */
#ifndef OMN_CPU_CONV_RUNS_H
#define OMN_CPU_CONV_RUNS_H

#include "conv_direct.h"

/* NEAR: bytes of a picture that shall stay in the cache while strips of weights pass. */
enum { NEAR = 768 << 10 };

#if defined(__clang__)
#define FOUR_TIMES _Pragma("clang loop unroll_count(4)")
#else
#define FOUR_TIMES _Pragma("GCC unroll 4")
#endif

/* outputs from..to along one axis meet the taps lo..hi of their kernel */
typedef struct span {
    size_t from, to, lo, hi;
} span;

typedef struct run_job {
    const direct *d;
    const cpu_par *par;
    size_t lines, wide, bands, columns;
} run_job;

/* A tile: its first input pixel (line lo, column lo of the kernel), how far apart pixels are, and
 * how many lines of `run` products each. Where columns of the kernel lie apart, it has one line,
 * and each column of it is one here. */
typedef struct run_tile {
    const float *x, *w, *bias;    /* bias: NR numbers, or NULL */
    float *out;
    size_t x_step, out_step, lines, run, x_line, w_line;
} run_tile;

/* One axis: n inputs, k taps `gap` apart. */
typedef struct run_axis {
    size_t stride, gap, n, k;
    ptrdiff_t pad;
} run_axis;

static void taps_of(size_t o, const run_axis *a, size_t *lo, size_t *hi)
{
    const ptrdiff_t at = (ptrdiff_t)(o * a->stride) - a->pad, left = (ptrdiff_t)a->n - at;
    *lo = at >= 0 ? 0 : ((size_t)-at + a->gap - 1) / a->gap;
    *hi = left <= 0 ? 0 : ((size_t)left + a->gap - 1) / a->gap;
    if (*hi > a->k) *hi = a->k;
    if (*lo >= *hi) *lo = *hi = 0;
}

/* the outputs from `from` on, at most up to `end`, that meet the same taps */
static span span_of(size_t from, size_t end, const run_axis *a)
{
    span s = { from, from + 1, 0, 0 };
    taps_of(from, a, &s.lo, &s.hi);
    for (; s.to < end; s.to++) {
        size_t lo, hi;
        taps_of(s.to, a, &lo, &hi);
        if (lo != s.lo || hi != s.hi) break;
    }
    return s;
}

/* c + b times the number at p. The front of the processor is what a tile waits for: where one
 * instruction can read, spread and multiply, every second row does so, which takes an instruction
 * less and a read more. */
#if CPU_LEVEL >= 2
enum { SPREADS = 1 };
INLINE vf vfma_spread(const f32_any *p, vf b, vf c)
{
    __asm__("vfmadd231ps %1%{1to16%}, %2, %0" : "+v"(c) : "m"(*p), "v"(b));
    return c;
}
#else
enum { SPREADS = 0 };
INLINE vf vfma_spread(const f32_any *p, vf b, vf c) { return vfma(vset(*p), b, c); }
#endif

/* The same of pairs in bf16. */
#if HAVE_DOT
INLINE vf vdot(vf a, vf b, vf c)
{
    return (vf)_mm512_dpbf16_ps((__m512)c, (__m512bh)a, (__m512bh)b);
}
INLINE vf vdot_spread(const f32_any *p, vf b, vf c)
{
    __asm__("vdpbf16ps %1%{1to16%}, %2, %0" : "+v"(c) : "m"(*p), "v"(b));
    return c;
}
#else
INLINE vf vdot(vf a, vf b, vf c) { return vfma(a, b, c); }
INLINE vf vdot_spread(const f32_any *p, vf b, vf c) { return vfma_spread(p, b, c); }
#endif

INLINE void run_body(const bool pairs, const int mr, const int nv, const run_tile *t, size_t n)
{
    vf s[MR][NV];
    UNROLL
    for (int m = 0; m < mr; m++)
        UNROLL
        for (int v = 0; v < nv; v++) s[m][v] = vset(0);
    const size_t am = t->x_step * 4, am3 = 3 * am;
    for (size_t y = 0; y < t->lines; y++) {
        const char *x = (const char *)t->x + y * t->x_line * 4;
        /* rows in groups of four, so that few registers address them all */
        const char *g[3] = { x, x + 4 * am, x + 8 * am };
        const float *w = t->w + y * t->w_line;
        FOUR_TIMES
        for (size_t k = 0; k < t->run; k++) {
            vf wv[NV];
            UNROLL
            for (int v = 0; v < nv; v++) wv[v] = vld(w + v * VW);
            UNROLL
            for (int m = 0; m < mr; m++) {
                const size_t off = m % 4 == 3 ? am3 : (size_t)(m % 4) * am;
                const f32_any *p = (const f32_any *)(g[m / 4] + off);
                const vf xv = vset(*p);
                UNROLL
                for (int v = 0; v < nv; v++)
                    if (SPREADS && m % 2)
                        s[m][v] = pairs ? vdot_spread(p, wv[v], s[m][v])
                                        : vfma_spread(p, wv[v], s[m][v]);
                    else s[m][v] = pairs ? vdot(xv, wv[v], s[m][v]) : vfma(xv, wv[v], s[m][v]);
            }
            g[0] += 4;
            if (mr > 4) g[1] += 4;
            if (mr > 8) g[2] += 4;
            w += NR;
        }
    }
    UNROLL
    for (int m = 0; m < mr; m++) {
        float *out = t->out + (size_t)m * t->out_step;
        UNROLL
        for (int v = 0; v < nv; v++) {
            if (t->bias) s[m][v] += vld(t->bias + v * VW);
            frow_set(out, (size_t)v * VW, n, s[m][v]);
        }
    }
}

/* mr pixels by n outputs */
INLINE void run_heights(const bool pairs, size_t mr, size_t n, const run_tile *t)
{
#define CASE(i)                                                                                    \
    case i:                                                                                        \
        if (n > VW) run_body(pairs, i, NV, t, n);                                                  \
        else run_body(pairs, i, 1, t, n);                                                          \
        break
    switch (mr) {
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
#if MR == 12
        CASE(7);
        CASE(8);
        CASE(9);
        CASE(10);
        CASE(11);
        CASE(12);
#endif
    default: break;
    }
#undef CASE
}

static __attribute__((noinline)) void run_sums(size_t mr, size_t n, const run_tile *t)
{
    run_heights(false, mr, n, t);
}

#if HAVE_DOT
static __attribute__((noinline)) void run_dots(size_t mr, size_t n, const run_tile *t)
{
    run_heights(true, mr, n, t);
}
#else
#define run_dots run_sums
#endif

/* one line of `count` pixels, or one column; n outputs from n0 on */
static void run_row(const direct *d, run_tile t, size_t count, size_t n0, size_t n)
{
    const size_t parts = (count + MR - 1) / MR;
    const bool plain = t.bias || epilogue_none(&d->e, false);
    for (size_t i = 0; i < parts; i++) {
        const size_t mr = count * (i + 1) / parts - count * i / parts;
        if (d->pairs) run_dots(mr, n, &t);
        else run_sums(mr, n, &t);
        for (size_t m = 0; m < mr && !plain; m++)
            epilogue_row(&d->e, t.out + m * t.out_step, n0, n, NULL);
        t.x += mr * t.x_step;
        t.out += mr * t.out_step;
    }
}

static void run_rectangle(const direct *d, size_t b, span y, span x, size_t n0)
{
    const size_t line = d->W * d->C, n = d->O - n0 < NR ? d->O - n0 : NR;
    const size_t wide = x.to - x.from, high = y.to - y.from;
    const bool some = y.lo < y.hi && x.lo < x.hi, down = wide < MR && high > wide;
    const size_t in_x = d->sw * d->C, in_y = d->sh * line;
    run_tile t = {
        .x = d->x, .w = d->packed + n0 * d->kh * d->kw * d->C + (y.lo * d->kw + x.lo) * d->C * NR,
        .out = d->out + b * d->out_picture + y.from * d->out_line + x.from * d->out_pixel + n0,
        .x_step = down ? in_y : in_x, .out_step = down ? d->out_line : d->out_pixel,
        .lines = some ? y.hi - y.lo : 0, .run = (x.hi - x.lo) * d->C, .x_line = d->gh * line,
        .w_line = d->kw * d->C * NR,
    };
    /* nothing but a bias is added on the way out, as the epilogue would: the same bits */
    float bias[NR];
    if (d->e.bias && d->e.act == OMN_ACT_NONE) {
        for (size_t v = 0; v < NR; v += VW)
            if (v < n) {
                const void *from = at(d->e.bias, d->e.bias_type, (ptrdiff_t)n0);
                vst(bias + v, vrow(from, d->e.bias_type, v, n));
            }
        t.bias = bias;
    }
    if (some)
        t.x += ((b * d->H + (size_t)((ptrdiff_t)(y.from * d->sh + y.lo * d->gh) - d->top)) * d->W +
                (size_t)((ptrdiff_t)(x.from * d->sw + x.lo * d->gw) - d->left)) * d->C;
    if (some && d->gw > 1) {
        t.lines = x.hi - x.lo;
        t.run = d->C;
        t.x_line = d->gw * d->C;
        t.w_line = d->C * NR;
    }
    for (size_t i = 0; i < (down ? wide : high); i++) {
        run_tile row = t;
        if (some) row.x += i * (down ? in_x : in_y);
        row.out += i * (down ? d->out_pixel : d->out_line);
        if (!some) row.x_step = 0;
        run_row(d, row, down ? high : wide, n0, n);
    }
}

/* the block of outputs [y0, y1) x [x0, x1) of picture b */
static void run_block(const direct *d, size_t b, size_t y0, size_t y1, size_t x0, size_t x1)
{
    const run_axis high = { d->sh, d->gh, d->H, d->kh, d->top };
    const run_axis wide = { d->sw, d->gw, d->W, d->kw, d->left };
    for (size_t n = 0; n < d->O; n += NR)
        for (size_t oy = y0; oy < y1;) {
            const span y = span_of(oy, y1, &high);
            for (size_t ox = x0; ox < x1;) {
                const span x = span_of(ox, x1, &wide);
                run_rectangle(d, b, y, x, n);
                ox = x.to;
            }
            oy = y.to;
        }
}

#include "conv_pairs.h"

static void run_bands(void *user, size_t from, size_t to)
{
    const run_job *j = user;
    const direct *d = j->d;
    float *pairs = d->pairs ? j->par->take(j->par->scratch) : NULL;
    for (size_t i = from; i < to; i++) {
        const size_t b = i / j->columns / j->bands;
        const size_t y0 = i / j->columns % j->bands * j->lines, x0 = i % j->columns * j->wide;
        const size_t y1 = d->OH - y0 < j->lines ? d->OH : y0 + j->lines;
        const size_t x1 = d->OW - x0 < j->wide ? d->OW : x0 + j->wide;
        if (pairs) {
            const direct part = pairs_of(d, b, y0, y1, x0, x1, pairs);
            run_block(&part, 0, 0, y1 - y0, 0, x1 - x0);
        } else run_block(d, b, y0, y1, x0, x1);
    }
    if (pairs) j->par->give(j->par->scratch, pairs);
}

static void run_pack(void *user, size_t from, size_t to)
{
    const run_job *j = user;
    const direct *d = j->d;
    const size_t T = d->kh * d->kw;
    for (size_t s = from; s < to; s++)
        for (size_t h = 0; h < NR; h += VW)
            turn_weights(d, s * NR + h, 0, d->C, d->packed + s * T * d->C * NR + h, d->C * NR, NR);
}

/* How broad and high blocks are. pixel: bytes of one. */
static void run_cut(run_job *j, size_t pixel)
{
    const direct *d = j->d;
    const size_t most = NEAR / pixel / (d->kh ? d->kh : 1) / d->sw;
    const size_t deep = d->kh ? (d->kh - 1) * d->gh + 1 : 0;
    /* columns in blocks where even kh lines are too much, then as many lines as stay near */
    if (j->wide > most) j->wide = most > 4 * MR ? most : 4 * MR;
    const size_t line = (j->wide < d->W ? j->wide : d->W) * pixel * d->sw;
    if (NEAR / line > deep) j->lines = 1 + (NEAR / line - deep) / d->sh;
    if (j->lines > d->OH) j->lines = d->OH;
    if (j->par->split && j->par->threads != 1) {
        const size_t want = 3 * (j->par->threads ? j->par->threads : 8);
        const size_t have = d->B * ((d->OW + j->wide - 1) / j->wide);
        const size_t bands = (want + have - 1) / have, fair = (d->OH + bands - 1) / bands;
        if (j->lines > fair) j->lines = fair;
    }
}

/* false: lines and columns of the kernel both count and columns lie apart, or (in bf16) a block is
 * too large or too odd; nothing was done */
static bool run_direct(const direct *d, const cpu_par *par)
{
    run_job j = { .d = d, .par = par, .wide = d->OW, .lines = 1 };
    if (d->gw > 1 && d->kh > 1) return false;
    if (!d->B || !d->O || !d->OH || !d->OW) return !d->pairs;
    run_cut(&j, (d->pairs ? (d->C + 1) / 2 : d->C) * 4 + 1);
    if (d->pairs && !pairs_fit(&j)) return false;
    par_run(par, (d->O + NR - 1) / NR, 1, d->pairs ? pairs_pack : run_pack, &j);
    j.columns = (d->OW + j.wide - 1) / j.wide;
    j.bands = (d->OH + j.lines - 1) / j.lines;
    par_run(par, d->B * j.columns * j.bands, 1, run_bands, &j);
    return true;
}

#endif
