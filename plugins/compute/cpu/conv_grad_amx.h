/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gradient of a convolution's weights in bf16 where the processor has AMX: for each tap a
 * product of d_out, turned, with the picture below that tap, whose depth are the pixels. Pairs of
 * neighbouring pixels are the units of depth; the picture is packed in pairs twice, from an even
 * pixel and from an odd one on, and then every tap of a line finds its tiles as they lie.
 *
 * The picture goes by a few lines at a time: d_out of these is packed for all outputs, then each
 * block of 32 channels is packed once and meets all outputs and taps. Sums stay in working memory
 * as tiles [O / 32][C / 32][taps][2][2] and are turned to the order of the weights at the end. All
 * parts follow from the shape. Included by conv.c only.
 */
#ifndef OMN_CPU_CONV_GRAD_AMX_H
#define OMN_CPU_CONV_GRAD_AMX_H

#include "amx.h"
#include "conv_direct.h"

/* PAIRS: floats of packed lines of 32 channels */
enum { PAIRS = 224 << 10 };

typedef struct grad_state {
    float pairs[PAIRS];
    tiles t;
} grad_state;
_Static_assert(sizeof(grad_state) <= CPU_SCRATCH, "a block of scratch holds the packed lines");

/* steps: of 32 pixels in a line of d_out; rows: pairs of one packed line of the picture, which has
 * `line` floats; lines: of outputs at a time, b, oy and n the present ones. */
typedef struct grad_job {
    const cpu_conv *c;
    const cpu_par *par;
    size_t steps, rows, line, lines, o_blocks, c_blocks, o_groups;
    size_t b, oy, n;
    bool first;
    float *sums, *turned;
} grad_job;

static bool grad_shape(const cpu_conv *c, grad_job *j)
{
    j->steps = (c->OW + 31) / 32;
    j->o_blocks = (c->O + 31) / 32;
    j->c_blocks = (c->C + 31) / 32;
    j->rows = 16 * j->steps + c->kw / 2;
    j->line = 2 * j->rows * 32;
    if (!grad_in_tiles(c)) return false;
    if (j->steps * 32 > GRAD_PIXELS || j->line > PAIRS / c->kh) return false;
    j->lines = 1;
    while (j->lines < c->OH && (j->lines + 1) * j->steps * 32 <= GRAD_PIXELS &&
           (j->lines * c->stride_h + c->kh) * j->line <= PAIRS)
        j->lines++;
    j->turned = direct_packed(c->work);
    j->sums = j->turned + j->o_blocks * 16 * GRAD_PIXELS;
    return true;
}

/* line i / o_blocks of d_out, its block of outputs: [2][16 outputs][16 pairs] for each step */
static void grad_turn(void *user, size_t from, size_t to)
{
    const grad_job *j = user;
    const cpu_conv *c = j->c;
    for (size_t i = from; i < to; i++) {
        const size_t l = i / j->o_blocks, block = i % j->o_blocks;
        const float *line = c->d_out + (j->b * c->OH + j->oy + l) * c->OW * c->O;
        float *out = j->turned + (block * j->lines + l) * j->steps * SQUARE;
        for (size_t s = 0; s < j->steps * 2; s++, out += 256) {
            const size_t x = s / 2 * 32, o = block * 32 + s % 2 * 16;
            vf r[VW];
            UNROLL
            for (size_t u = 0; u < VW; u++) {
                const size_t p = x + 2 * u;
                const bool here = o < c->O;
                const vf a = here && p < c->OW ? frow(line + p * c->O, o, c->O) : vset(0);
                r[u] = pair(a, here && p + 1 < c->OW ? frow(line + (p + 1) * c->O, o, c->O)
                                   : vset(0));
            }
            transpose(r);
            UNROLL
            for (size_t u = 0; u < VW; u++) vst(out + u * 16, r[u]);
        }
    }
}

/* 32 channels from `from` on of the lines below the present ones, in pairs from even pixels and
 * from odd ones on */
static void grad_pairs(const grad_job *j, size_t from, float *out)
{
    const cpu_conv *c = j->c;
    const size_t lines = (j->n - 1) * c->stride_h + c->kh;
    for (size_t l = 0; l < lines; l++, out += j->line) {
        const ptrdiff_t y = (ptrdiff_t)(j->oy * c->stride_h + l) - (ptrdiff_t)c->pad_top;
        if (y < 0 || y >= (ptrdiff_t)c->H) {
            memset(out, 0, j->line * sizeof *out);
            continue;
        }
        const float *line = c->x + (j->b * c->H + (size_t)y) * c->W * c->C;
        for (size_t h = 0; h < 32; h += VW) {
            const bool here = from + h < c->C;
            vf last = vset(0);
            for (size_t p = 0; p <= 2 * j->rows; p++) {
                const ptrdiff_t x = (ptrdiff_t)p - (ptrdiff_t)c->pad_left;
                const vf v = here && x >= 0 && x < (ptrdiff_t)c->W
                    ? frow(line + (size_t)x * c->C, from + h, c->C) : vset(0);
                /* pixels p - 1 and p */
                if (p) vst(out + ((p - 1) % 2 * j->rows + (p - 1) / 2) * 32 + h, pair(last, v));
                last = v;
            }
        }
    }
}

/* one block of outputs, one of channels, one tap */
static void grad_tap(tiles *t, const grad_job *j, const float *a, const float *pairs, size_t ky,
                     size_t kx, float *sum)
{
    (void)t;                            /* the processor holds the tiles */
    if (j->first) {
        amx_zero(t, 0);
        amx_zero(t, 1);
        amx_zero(t, 2);
        amx_zero(t, 3);
    } else {
        amx_load(t, 0, sum, 64);
        amx_load(t, 1, sum + 256, 64);
        amx_load(t, 2, sum + 512, 64);
        amx_load(t, 3, sum + 768, 64);
    }
    for (size_t l = 0; l < j->n; l++) {
        const float *b = pairs + (l * j->c->stride_h + ky) * j->line +
            (kx % 2 * j->rows + kx / 2) * 32;
        for (size_t s = 0; s < j->steps; s++, a += SQUARE, b += SQUARE) {
            amx_load(t, 6, b, 128);
            amx_load(t, 4, a, 64);
            amx_dot(t, 0, 4, 6);
            amx_load(t, 7, b + 16, 128);
            amx_dot(t, 1, 4, 7);
            amx_load(t, 5, a + 256, 64);
            amx_dot(t, 2, 5, 6);
            amx_dot(t, 3, 5, 7);
        }
    }
    amx_store(t, 0, sum, 64);
    amx_store(t, 1, sum + 256, 64);
    amx_store(t, 2, sum + 512, 64);
    amx_store(t, 3, sum + 768, 64);
}

static void grad_blocks(void *user, size_t from, size_t to)
{
    const grad_job *j = user;
    const size_t T = j->c->kh * j->c->kw;
    grad_state *s = j->par->take(j->par->scratch);
    amx_begin(&s->t);
    for (size_t i = from; i < to; i++) {
        const size_t cb = i / j->o_groups, g = i % j->o_groups;
        grad_pairs(j, cb * 32, s->pairs);
        for (size_t o = j->o_blocks * g / j->o_groups; o < j->o_blocks * (g + 1) / j->o_groups; o++)
            for (size_t t = 0; t < T; t++) {
                float *sum = j->sums + ((o * j->c_blocks + cb) * T + t) * 1024;
                grad_tap(&s->t, j, j->turned + o * j->lines * j->steps * SQUARE, s->pairs,
                         t / j->c->kw, t % j->c->kw, sum);
            }
    }
    amx_end(&s->t);
    j->par->give(j->par->scratch, s);
}

static void grad_write(void *user, size_t from, size_t to)
{
    const grad_job *j = user;
    const cpu_conv *c = j->c;
    const size_t T = c->kh * c->kw;
    for (size_t o = from; o < to; o++)
        for (size_t i = 0; i < c->C; i += VW)
            turn_back(c->dw + (o * c->C + i) * T, c->C - i < VW ? c->C - i : VW, T,
                      j->sums + (o / 32 * j->c_blocks + i / 32) * T * 1024 + o % 32 / 16 * 512 +
                          i % 32 / 16 * 256 + o % 16 * 16, 1024);
}

/* false: not a gradient for tiles, nothing was done */
static bool amx_grad_weight(const cpu_conv *c, const cpu_par *par)
{
    grad_job j = { .c = c, .par = par, .first = true, .o_groups = 1 };
    if (!grad_shape(c, &j) || !c->B) return false;
    if (par->split && par->threads != 1) {
        const size_t want = 3 * (par->threads ? par->threads : 8);
        j.o_groups = (want + j.c_blocks - 1) / j.c_blocks;
        if (j.o_groups > j.o_blocks) j.o_groups = j.o_blocks;
    }
    for (j.b = 0; j.b < c->B; j.b++)
        for (j.oy = 0; j.oy < c->OH; j.oy += j.n) {
            j.n = c->OH - j.oy < j.lines ? c->OH - j.oy : j.lines;
            par_run(par, j.n * j.o_blocks, 4, grad_turn, &j);
            par_run(par, j.c_blocks * j.o_groups, 1, grad_blocks, &j);
            j.first = false;
        }
    par_run(par, c->O, 4, grad_write, &j);
    return true;
}

#endif
