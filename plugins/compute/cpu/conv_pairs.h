/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures and weights in bf16 for conv_runs.h: two neighbouring channels are one number of 32
 * bits. A task packs the part of the picture that its block of outputs meets; where that ends, the
 * picture ends, or nothing of the block looks further. Included by conv_runs.h only.
 */
#ifndef OMN_CPU_CONV_PAIRS_H
#define OMN_CPU_CONV_PAIRS_H

#if HAVE_DOT

/* Weights are turned so many channels at a time. */
enum { PAIRS_DEPTH = 32, PAIRS_TAPS = 64 };
_Static_assert(PAIRS_TAPS * PAIRS_DEPTH * VW * 4 <= CPU_SCRATCH, "turned weights fit");

/* Inputs [from, to) of one axis that the outputs o0 to o1 meet. */
static void pairs_span(const run_axis *a, size_t o0, size_t o1, size_t *from, size_t *to)
{
    const ptrdiff_t first = (ptrdiff_t)(o0 * a->stride) - a->pad;
    const ptrdiff_t end = (ptrdiff_t)((o1 - 1) * a->stride + (a->k - 1) * a->gap + 1) - a->pad;
    *from = first < 0 ? 0 : (size_t)first;
    *to = end < 0 ? 0 : end > (ptrdiff_t)a->n ? a->n : (size_t)end;
    if (*from > *to) *from = *to;
}

/* n channels of `pixels` pixels -> pairs; an odd last one beside a zero. Up to VW - 1 numbers
 * behind the end are written too. */
static void pairs_line(const float *x, size_t n, size_t pixels, float *out)
{
    if (n % 2 == 0) {
        n *= pixels;
        for (size_t i = 0; i < n; i += 2 * VW) vst(out + i / 2, units(x, OMN_F32, i, n - i));
        return;
    }
    for (size_t p = 0; p < pixels; p++, x += n, out += (n + 1) / 2)
        for (size_t c = 0; c < n; c += 2 * VW) vst(out + c / 2, units(x, OMN_F32, c, n - c));
}

/* the convolution that makes that block alone, from pairs packed at `to` */
static direct pairs_of(const direct *d, size_t b, size_t y0, size_t y1, size_t x0, size_t x1,
                       float *to)
{
    const run_axis high = { d->sh, d->gh, d->H, d->kh, d->top };
    const run_axis wide = { d->sw, d->gw, d->W, d->kw, d->left };
    size_t top, bottom, left, right;
    direct p = *d;
    pairs_span(&high, y0, y1, &top, &bottom);
    pairs_span(&wide, x0, x1, &left, &right);
    p.B = 1;
    p.H = bottom - top;
    p.W = right - left;
    p.C = (d->C + 1) / 2;
    p.OH = y1 - y0;
    p.OW = x1 - x0;
    p.top = d->top - (ptrdiff_t)(y0 * d->sh) + (ptrdiff_t)top;
    p.left = d->left - (ptrdiff_t)(x0 * d->sw) + (ptrdiff_t)left;
    p.x = to;
    p.out = d->out + b * d->out_picture + y0 * d->out_line + x0 * d->out_pixel;
    for (size_t y = 0; y < p.H && p.W; y++)
        pairs_line(d->x + ((b * d->H + top + y) * d->W + left) * d->C, d->C, p.W,
                   to + y * p.W * p.C);
    return p;
}

static size_t pairs_bytes(const run_job *j)
{
    const direct *d = j->d;
    const size_t high = (j->lines - 1) * d->sh + (d->kh - 1) * d->gh + 1;
    const size_t wide = (j->wide - 1) * d->sw + (d->kw - 1) * d->gw + 1;
    return ((high < d->H ? high : d->H) * (wide < d->W ? wide : d->W) * ((d->C + 1) / 2) + VW) * 4;
}

/* makes blocks small enough for scratch; false: that cannot be */
static bool pairs_fit(run_job *j)
{
    const direct *d = j->d;
    if (!d->kh || !d->kw || d->kh * d->kw > PAIRS_TAPS) return false;
    while (j->lines > 1 && pairs_bytes(j) > CPU_SCRATCH) j->lines--;
    while (j->wide > MR && pairs_bytes(j) > CPU_SCRATCH) j->wide = (j->wide + 1) / 2;
    return pairs_bytes(j) <= CPU_SCRATCH;
}

static void pairs_pack(void *user, size_t from, size_t to)
{
    const run_job *j = user;
    const direct *d = j->d;
    const size_t taps = d->kh * d->kw, deep = (d->C + 1) / 2;
    float *turned = j->par->take(j->par->scratch);
    for (size_t s = from; s < to; s++)
        for (size_t h = 0; h < NR; h += VW)
            for (size_t c0 = 0; c0 < d->C; c0 += PAIRS_DEPTH) {
                const size_t n = d->C - c0 < PAIRS_DEPTH ? d->C - c0 : PAIRS_DEPTH;
                float *out = d->packed + s * taps * deep * NR + c0 / 2 * NR + h;
                turn_weights(d, s * NR + h, c0, n, turned, PAIRS_DEPTH * VW, VW);
                for (size_t t = 0; t < taps; t++, out += deep * NR) {
                    const float *w = turned + t * PAIRS_DEPTH * VW;
                    for (size_t c = 0; c < n; c += 2)
                        vst(out + c / 2 * NR,
                            pair(vld(w + c * VW), c + 1 < n ? vld(w + (c + 1) * VW) : vset(0)));
                }
            }
    j->par->give(j->par->scratch, turned);
}

#else

INLINE direct pairs_of(const direct *d, size_t b, size_t y0, size_t y1, size_t x0, size_t x1,
                       float *to)
{
    return (void)b, (void)y0, (void)y1, (void)x0, (void)x1, (void)to, *d;
}
INLINE bool pairs_fit(const run_job *j) { return (void)j, false; }
INLINE void pairs_pack(void *user, size_t from, size_t to) { (void)user, (void)from, (void)to; }

#endif

#endif
