/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions in bf16 where the processor has AMX: 16 neighbouring pixels of a line by 32 channels
 * are a tile as they lie, once the line is rounded. A task rounds each line that it needs once,
 * with its border of zeros, into a ring of lines that stays in the cache, and walks down the
 * picture; strips of 32 outputs go past a few lines at a time. Channels come in the outer loop and
 * taps in the inner one, so that a tile of pixels serves all taps while it is near.
 *
 * Weights are packed [O / 32][C / 32][taps][2] into tiles of 16 pairs of channels by 16 outputs.
 * Included by conv.c only.
 */
#ifndef OMN_CPU_CONV_AMX_H
#define OMN_CPU_CONV_AMX_H

#include "amx.h"
#include "conv_direct.h"

/* Ring: bytes of rounded lines. MOST_LINES: of outputs at a time. SQUARE: floats of two tiles of
 * weights. */
enum { RING = 928 << 10, MOST_TAPS = 64, MOST_LINES = 16, SQUARE = 512,
       MOST_STRIDE = 32, MOST_SLOTS = (MOST_LINES - 1) * MOST_STRIDE + MOST_TAPS };

typedef struct conv_state {
    float ring[RING / 4];
    float sum[32 * 32], turned[MOST_TAPS * 32 * 16];
    tiles t;
} conv_state;
_Static_assert(sizeof(conv_state) <= CPU_SCRATCH, "a block of scratch holds a ring of lines");

/* What a task does: `tall` lines of a block `wide` tiles of outputs broad, `lines` at a time. pixel
 * and line are distances in the ring (units of two channels), `slots` its lines. */
typedef struct amx_job {
    const direct *d;
    const cpu_par *par;
    size_t pixel, line, slots, lines, tall, wide, columns, bands;
} amx_job;

static size_t amx_pixels(const direct *d, size_t wide)
{
    return (16 * wide - 1) * d->sw + (d->kw - 1) * d->gw + 1;
}

/* lines below one output, gaps included */
static size_t amx_high(const direct *d) { return (d->kh - 1) * d->gh + 1; }

/* how broad and how high; false: not a convolution for tiles */
static bool amx_shape(const direct *d, amx_job *j)
{
    const size_t blocks = (d->C + 31) / 32, across = (d->OW + 15) / 16;
    if (d->C < 16 || d->OW < 8 || d->kh * d->kw > MOST_TAPS || !d->kh) return false;
    if (d->sw > MOST_STRIDE || d->sh > MOST_STRIDE || blocks > RING / 64) return false;
    if (d->gh > MOST_TAPS || d->gw > RING / 64 || amx_high(d) > MOST_TAPS) return false;
    /* an odd number of cache lines apart, neighbours fall into different sets */
    j->pixel = 16 * (blocks | 1);
    for (j->wide = across; j->wide; j->wide = j->wide == 1 ? 0 : (j->wide + 1) / 2) {
        j->line = amx_pixels(d, j->wide) * j->pixel;
        if (j->line * amx_high(d) <= RING / 4) break;
    }
    if (!j->wide) return false;
    j->lines = 1;
    while (j->lines < MOST_LINES && j->lines < d->OH &&
           j->line * (j->lines * d->sh + amx_high(d)) <= RING / 4)
        j->lines++;
    j->slots = (j->lines - 1) * d->sh + amx_high(d);
    j->columns = (across + j->wide - 1) / j->wide;
    return true;
}

/* n pixels of line y from x0 on, rounded; zeros outside the picture */
static void amx_line(const direct *d, const amx_job *j, size_t b, ptrdiff_t y, ptrdiff_t x0,
                     size_t n, float *out)
{
    if (y < 0 || y >= (ptrdiff_t)d->H) {
        memset(out, 0, n * j->pixel * 4);
        return;
    }
    const float *line = d->x + (b * d->H + (size_t)y) * d->W * d->C;
    for (size_t i = 0; i < n; i++, out += j->pixel) {
        const ptrdiff_t x = x0 + (ptrdiff_t)i;
        if (x < 0 || x >= (ptrdiff_t)d->W) {
            memset(out, 0, j->pixel * 4);
            continue;
        }
        const float *p = line + (size_t)x * d->C;
        for (size_t c = 0; c < d->C; c += 32) vst(out + c / 2, units(p, OMN_F32, c, d->C - c));
    }
}

/* 16 pixels (a tile of them): those below the first column of taps begin `from` floats after
 * lines[ky]; `m` of them lie in the picture, at out. */
typedef struct amx_pixel_tile {
    const float *const *lines;
    size_t from, m;
    float *out;
} amx_pixel_tile;

/* sum[32][32]: two tiles of pixels (or one) by two of outputs. With each step `ahead` cache lines
 * from `next` on are asked for, the weights of the next strip. */
static __attribute__((noinline)) void amx_square(tiles *t, const direct *d, size_t pixel,
                                                 const amx_pixel_tile *p, bool two, const float *w,
                                                 const float *next, size_t ahead, float *sum)
{
    (void)t;                            /* the processor holds the tiles */
    const size_t step = d->sw * pixel * 4, tap = d->gw * pixel;
    amx_zero(t, 0);
    amx_zero(t, 1);
    amx_zero(t, 2);
    amx_zero(t, 3);
    for (size_t c = 0; c < (d->C + 31) / 32 * 16; c += 16)
        for (size_t ky = 0; ky < d->kh; ky++) {
            const float *a = p[0].lines[ky * d->gh] + p[0].from + c;
            const float *b = p[1].lines[ky * d->gh] + p[1].from + c;
            for (size_t kx = 0; kx < d->kw; kx++, w += SQUARE, a += tap, b += tap) {
                for (size_t i = 0; i < ahead; i++, next += 16) __builtin_prefetch(next, 0, 2);
                amx_load(t, 6, w, 64);
                amx_load(t, 4, a, step);
                amx_dot(t, 0, 4, 6);
                amx_load(t, 7, w + 256, 64);
                amx_dot(t, 1, 4, 7);
                if (!two) continue;
                amx_load(t, 5, b, step);
                amx_dot(t, 2, 5, 6);
                amx_dot(t, 3, 5, 7);
            }
        }
    amx_store(t, 0, sum, 128);
    amx_store(t, 1, sum + 16, 128);
    if (!two) return;
    amx_store(t, 2, sum + 16 * 32, 128);
    amx_store(t, 3, sum + 16 * 32 + 16, 128);
}

/* sums of m pixels to outputs n0 on */
static void amx_put(const direct *d, const float *sum, size_t m, size_t n0, float *out)
{
    const size_t n = d->O - n0 < 32 ? d->O - n0 : 32;
    for (size_t v = 0; v < n; v += VW) {
        const vf b = d->e.bias ? vrow(at(d->e.bias, d->e.bias_type, (ptrdiff_t)n0),
                                      d->e.bias_type, v, n) : vset(0);
        for (size_t i = 0; i < m; i++)
            frow_set(out + i * d->out_pixel + n0, v, n,
                     vactivate(d->e.act, vld(sum + i * 32 + v) + b));
    }
}

/* Results are written to memory that was far away until now: it is asked for before the products
 * begin. */
static void amx_expect(const direct *d, const amx_pixel_tile *p, size_t n0)
{
    for (size_t i = 0; i < p->m; i++) {
        const char *q = (const char *)(p->out + i * d->out_pixel + n0);
        __builtin_prefetch(q, 1);
        if (d->O - n0 > 16) __builtin_prefetch(q + 64, 1);
    }
}

/* `lines` lines of outputs from oy on (their inputs lie in the ring), of the block of columns from
 * tile x0 on */
static void amx_lines(const amx_job *j, conv_state *s, size_t b, size_t oy, size_t lines,
                      size_t x0, size_t wide)
{
    const direct *d = j->d;
    const size_t deep = (d->C + 31) / 32 * d->kh * d->kw * SQUARE;
    const float *slot[MOST_SLOTS];
    for (size_t i = 0; i < j->slots; i++)
        slot[i] = s->ring + (oy * d->sh + i) % j->slots * j->line;
    /* a strip has 32 cache lines for each step, which the squares before it share */
    const size_t squares = (lines * wide + 1) / 2, ahead = (32 + squares - 1) / squares;
    for (size_t n = 0; n < d->O; n += 32) {
        const float *w = d->packed + n / 32 * deep;
        for (size_t i = 0, y = 0, x = 0; i < lines * wide; i += 2) {
            const size_t count = i + 1 < lines * wide ? 2 : 1;
            amx_pixel_tile p[2];
            for (size_t h = 0; h < 2; h++) {
                const size_t ox = (x0 + x) * 16, m = d->OW - ox < 16 ? d->OW - ox : 16;
                p[h] = h < count
                    ? (amx_pixel_tile){ slot + y * d->sh, x * 16 * d->sw * j->pixel, m,
                                        d->out + b * d->out_picture + (oy + y) * d->out_line +
                                            ox * d->out_pixel }
                    : p[0];
                if (h < count) amx_expect(d, &p[h], n);
                if (++x < wide) continue;
                x = 0;
                y++;
            }
            const size_t from = i / 2 * ahead * (deep / 32);
            const bool more = n + 32 < d->O && from + ahead * (deep / 32) <= deep;
            amx_square(&s->t, d, j->pixel, p, count == 2, w, w + deep + (more ? from : 0),
                       more ? ahead : 0, s->sum);
            for (size_t h = 0; h < count; h++)
                amx_put(d, s->sum + h * 16 * 32, p[h].m, n, p[h].out);
        }
    }
}

static void amx_bands(void *user, size_t from, size_t to)
{
    const amx_job *j = user;
    const direct *d = j->d;
    const size_t across = (d->OW + 15) / 16;
    conv_state *s = j->par->take(j->par->scratch);
    amx_begin(&s->t);
    for (size_t i = from; i < to; i++) {
        const size_t x0 = i % j->columns * j->wide, band = i / j->columns % j->bands;
        const size_t b = i / j->columns / j->bands;
        const size_t wide = across - x0 < j->wide ? across - x0 : j->wide;
        const size_t first = band * j->tall;
        const size_t last = d->OH - first < j->tall ? d->OH : first + j->tall;
        size_t have = first * d->sh;            /* lines before this one are in the ring */
        for (size_t oy = first; oy < last; oy += j->lines) {
            const size_t lines = last - oy < j->lines ? last - oy : j->lines;
            if (have < oy * d->sh) have = oy * d->sh;
            for (; have < (oy + lines - 1) * d->sh + amx_high(d); have++)
                amx_line(d, j, b, (ptrdiff_t)have - d->top,
                         (ptrdiff_t)(x0 * 16 * d->sw) - d->left, amx_pixels(d, wide),
                         s->ring + have % j->slots * j->line);
            amx_lines(j, s, b, oy, lines, x0, wide);
        }
    }
    amx_end(&s->t);
    j->par->give(j->par->scratch, s);
}

/* blocks of 32 outputs by 32 channels */
static void amx_pack(void *user, size_t from, size_t to)
{
    const amx_job *j = user;
    const direct *d = j->d;
    const size_t blocks = (d->C + 31) / 32, T = d->kh * d->kw;
    conv_state *s = j->par->take(j->par->scratch);
    for (size_t i = from; i < to; i++) {
        const size_t o = i / blocks * 32, c = i % blocks * 32, n = d->C - c < 32 ? d->C - c : 32;
        for (size_t h = 0; h < 2; h++) {
            float *out = d->packed + i * T * SQUARE + h * 256;
            turn_weights(d, o + h * 16, c, n, s->turned, 16, T * 16);
            for (size_t k = n; k < 32; k++) memset(s->turned + k * T * 16, 0, T * 64);
            for (size_t t = 0; t < T; t++)
                for (size_t u = 0; u < 16; u++) {
                    const float *p = s->turned + (2 * u * T + t) * 16;
                    vst(out + t * SQUARE + u * 16, pair(vld(p), vld(p + T * 16)));
                }
        }
    }
    j->par->give(j->par->scratch, s);
}

/* false: not a convolution for tiles, nothing was done */
static bool amx_direct(const direct *d, const cpu_par *par)
{
    amx_job j = { .d = d, .par = par };
    if (!amx_shape(d, &j)) return false;
    par_run(par, (d->O + 31) / 32 * ((d->C + 31) / 32), 1, amx_pack, &j);
    /* tall bands round few lines twice; each thread finds work */
    j.tall = d->OH;
    if (par->split && par->threads != 1) {
        const size_t want = 3 * (par->threads ? par->threads : 8), have = d->B * j.columns;
        const size_t bands = have ? (want + have - 1) / have : 1;
        j.tall = (d->OH + bands - 1) / bands;
        j.tall = (j.tall + j.lines - 1) / j.lines * j.lines;
    }
    j.bands = (d->OH + j.tall - 1) / j.tall;
    par_run(par, d->B * j.columns * j.bands, 1, amx_bands, &j);
    return true;
}

#endif
