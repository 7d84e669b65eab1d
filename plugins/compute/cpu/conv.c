/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions of pictures [B,H,W,C] and their gradients. In f32, and where the processor
 * multiplies bf16, pictures are read where they lie (conv_runs.h, conv_amx.h). Everything else is a
 * product whose left side is never stored: a row of it is the patch below one pixel, gathered while
 * packing. In a row of a picture the patch is contiguous, so one copy serves all kw columns, or one
 * column where columns lie apart. Weights [O,C,kh,kw] are turned to the patch's order (kh, kw, C)
 * first.
 *
 * Gradient of the input: pixels are taken in stride_h * stride_w groups that meet the same taps;
 * each group is one convolution, or one product over (tap, O), without a single wasted zero inside
 * the picture. Gradient of the weights: dOut^T times patches, summed in a number of parts that
 * follows from the shape; with AMX in bf16 the picture is the other side as it lies
 * (conv_grad_amx.h).
 */
#include "conv_runs.h"
#if CPU_LEVEL >= 4
#include "conv_amx.h"
#include "conv_grad_amx.h"
#endif

typedef struct patch {
    const cpu_conv *c;
    size_t py, px, gh, gw;              /* group of input pixels: first, count */
    size_t n_taps, tap_y[64], tap_x[64];
} patch;

/* elements k0 to k0 + n of the patch below output pixel m */
static void patch_row(const void *ctx, size_t m, size_t k0, size_t n, float *out)
{
    const cpu_conv *c = ctx;
    const size_t ox = m % c->OW, oy = m / c->OW % c->OH, b = m / c->OW / c->OH;
    const size_t across = c->dilate_w == 1 ? 1 : c->kw, line = c->kw / across * c->C;
    size_t k = k0;
    while (k < k0 + n) {
        const size_t ky = k / line / across, kx = k / line % across, in = k % line;
        const size_t w = line - in < k0 + n - k ? line - in : k0 + n - k;
        const ptrdiff_t y =
            (ptrdiff_t)(oy * c->stride_h + ky * c->dilate_h) - (ptrdiff_t)c->pad_top;
        const ptrdiff_t x0 =
            (ptrdiff_t)(ox * c->stride_w + kx * c->dilate_w) - (ptrdiff_t)c->pad_left;
        const ptrdiff_t left = x0 < 0 ? -x0 * (ptrdiff_t)c->C : 0;
        ptrdiff_t right = ((ptrdiff_t)c->W - x0) * (ptrdiff_t)c->C;
        if (right > (ptrdiff_t)line) right = (ptrdiff_t)line;
        ptrdiff_t from = (ptrdiff_t)in, to = (ptrdiff_t)(in + w);
        if (from < left) from = left < to ? left : to;
        if (to > right) to = right > from ? right : from;
        if (y < 0 || y >= (ptrdiff_t)c->H || from >= to) {
            memset(out, 0, w * sizeof *out);
        } else {
            const float *src =
                c->x +
                (((ptrdiff_t)b * (ptrdiff_t)c->H + y) * (ptrdiff_t)c->W + x0) * (ptrdiff_t)c->C;
            const size_t skip = (size_t)from - in, have = (size_t)(to - from);
            memset(out, 0, skip * sizeof *out);
            memcpy(out + skip, src + from, have * sizeof *out);
            memset(out + skip + have, 0, (w - skip - have) * sizeof *out);
        }
        out += w;
        k += w;
    }
}

static void patch_columns(const void *ctx, size_t k, size_t n, size_t count, float *out)
{
    const patch *p = ctx;
    patch_row(p->c, p->py + k, n, count, out);
}

/* w[O][C][taps] -> out[O][taps][C] */
static void turn(const cpu_conv *c, float *out)
{
    const size_t taps = c->kh * c->kw;
    for (size_t o = 0; o < c->O; o++)
        for (size_t i = 0; i < c->C; i++)
            for (size_t t = 0; t < taps; t++)
                out[(o * taps + t) * c->C + i] = get1(c->w, c->w_type, (o * c->C + i) * taps + t);
}

/* false: it takes a product over patches */
static bool straight(direct *d, bool bf16, const cpu_par *par)
{
#if CPU_LEVEL >= 4
    if (bf16 && amx_direct(d, par)) return true;
#endif
    d->pairs = bf16;
    return (!bf16 || HAVE_DOT) && run_direct(d, par);
}

/* pixels are the rows as they lie */
static bool plain_product(const cpu_conv *c)
{
    return c->kh * c->kw == 1 && c->stride_h == 1 && c->stride_w == 1 && c->OH == c->H &&
        c->OW == c->W && !c->pad_top && !c->pad_left;
}

void L(conv2d)(const cpu_conv *c, const cpu_par *par)
{
    if (!plain_product(c)) {
        direct d = direct_forward(c);
        d.packed = direct_packed(c->work);
        if (straight(&d, c->bf16, par)) return;
    }
    const size_t K = c->kh * c->kw * c->C;
    cpu_gemm g = {
        .M = c->B * c->OH * c->OW, .N = c->O, .K = K, .a_row = patch_row, .a_ctx = c, .b = c->w,
        .b_k = 1, .b_n = (ptrdiff_t)K, .c = c->out, .c_m = c->O, .bias = c->bias, .alpha = 1,
        .a_type = OMN_F32, .b_type = c->w_type, .bias_type = c->bias_type, .act = c->act,
        .bf16 = c->bf16,
    };
    if (c->kh * c->kw > 1) {
        turn(c, c->work);
        g.b = c->work;
        g.b_type = OMN_F32;
    } else if (plain_product(c)) {
        g.a_row = NULL;
        g.a = c->x;
        g.a_m = (ptrdiff_t)c->C;
        g.a_k = 1;
    }
    L(gemm)(&g, par);
}

/* input pixel m of a group -> where it lies in dx */
INLINE void group_pixel(const patch *p, size_t m, size_t *b, size_t *y, size_t *x)
{
    *x = p->px + m % p->gw * p->c->stride_w;
    *y = p->py + m / p->gw % p->gh * p->c->stride_h;
    *b = m / p->gw / p->gh;
}

static size_t group_row(const void *ctx, size_t m)
{
    const patch *p = ctx;
    size_t b, y, x;
    group_pixel(p, m, &b, &y, &x);
    return ((b * p->c->H + y) * p->c->W + x) * p->c->C;
}

static void group_taps(const void *ctx, size_t m, size_t k0, size_t n, float *out)
{
    const patch *p = ctx;
    const cpu_conv *c = p->c;
    size_t b, y, x;
    group_pixel(p, m, &b, &y, &x);
    for (size_t k = k0; k < k0 + n;) {
        const size_t t = k / c->O, o = k % c->O, w = c->O - o < k0 + n - k ? c->O - o : k0 + n - k;
        const ptrdiff_t sy = (ptrdiff_t)(y + c->pad_top) - (ptrdiff_t)(p->tap_y[t] * c->dilate_h);
        const ptrdiff_t sx = (ptrdiff_t)(x + c->pad_left) - (ptrdiff_t)(p->tap_x[t] * c->dilate_w);
        const size_t oy = sy < 0 ? c->OH : (size_t)sy / c->stride_h;
        const size_t ox = sx < 0 ? c->OW : (size_t)sx / c->stride_w;
        if (oy >= c->OH || ox >= c->OW) memset(out, 0, w * sizeof *out);
        else memcpy(out, c->d_out + ((b * c->OH + oy) * c->OW + ox) * c->O + o, w * sizeof *out);
        out += w;
        k += w;
    }
}

/* whether the tap t, `gap` apart, lies above an output for the pixel `at` (padding included) */
static bool tap_meets(size_t at, size_t t, size_t gap, size_t stride)
{
    return (at + t * (stride - gap % stride)) % stride == 0;
}

/* The product of one group. When more taps meet it than fit in one patch, several products are
 * added up. */
static void group_grad(const cpu_conv *c, patch *p, const cpu_par *par)
{
    const size_t taps = c->kh * c->kw;
    size_t t = 0;
    bool first = true;
    do {
        float *w = c->work;
        p->n_taps = 0;
        for (; t < taps && p->n_taps < sizeof p->tap_y / sizeof *p->tap_y; t++) {
            const size_t y = t / c->kw, x = t % c->kw;
            if (!tap_meets(p->py + c->pad_top, y, c->dilate_h, c->stride_h) ||
                !tap_meets(p->px + c->pad_left, x, c->dilate_w, c->stride_w))
                continue;
            p->tap_y[p->n_taps] = y;
            p->tap_x[p->n_taps++] = x;
            for (size_t o = 0; o < c->O; o++)
                for (size_t i = 0; i < c->C; i++)
                    *w++ = get1(c->w, c->w_type, (o * c->C + i) * taps + t);
        }
        if (!first && !p->n_taps) break;
        const cpu_gemm g = {
            .M = c->B * p->gh * p->gw, .N = c->C, .K = p->n_taps * c->O, .a_row = group_taps,
            .a_ctx = p, .b = c->work, .b_k = (ptrdiff_t)c->C, .b_n = 1, .c = c->dx,
            .c_row = group_row, .c_ctx = p, .alpha = 1, .a_type = OMN_F32, .b_type = OMN_F32,
            .bf16 = c->bf16, .accumulate = !first,
        };
        L(gemm)(&g, par);
        first = false;
    } while (t < taps);
}

void L(conv2d_grad_input)(const cpu_conv *c, const cpu_par *par)
{
    for (size_t py = 0; py < c->stride_h && py < c->H; py++)
        for (size_t px = 0; px < c->stride_w && px < c->W; px++) {
            /* packing looks at all weights for each group: many groups leave little to gain */
            const bool few = c->stride_h * c->stride_w <= 4 && !plain_product(c) &&
                direct_goes_back(c);
            direct d = direct_back(c, py, px);
            d.packed = direct_packed(c->work);
            if (few && straight(&d, c->bf16, par)) continue;
            patch p = { .c = c, .py = py, .px = px, .gh = (c->H - py - 1) / c->stride_h + 1,
                        .gw = (c->W - px - 1) / c->stride_w + 1 };
            group_grad(c, &p, par);
        }
}

typedef struct weight_job {
    const cpu_conv *c;
    const cpu_par *par;
    size_t parts;
} weight_job;

static size_t weight_parts(const cpu_conv *c)
{
    const size_t pixels = c->B * c->OH * c->OW, size = c->O * c->kh * c->kw * c->C;
    size_t parts = pixels / 256;
    parts = parts < 1 ? 1 : parts > CPU_PARTS ? CPU_PARTS : parts;
    while (parts > 1 && parts * size > ((size_t)4 << 20)) parts /= 2;
    return parts;
}

static void weight_part(const weight_job *j, size_t part, const cpu_par *par)
{
    const cpu_conv *c = j->c;
    const size_t pixels = c->B * c->OH * c->OW, N = c->kh * c->kw * c->C;
    const size_t from = pixels * part / j->parts, to = pixels * (part + 1) / j->parts;
    const patch p = { .c = c, .py = from };
    const cpu_gemm g = {
        .M = c->O, .N = N, .K = to - from, .a = c->d_out + from * c->O, .a_m = 1,
        .a_k = (ptrdiff_t)c->O, .b_row = patch_columns, .b_ctx = &p, .c = c->work + part * c->O * N,
        .c_m = N, .alpha = 1, .a_type = OMN_F32, .b_type = OMN_F32, .bf16 = c->bf16,
    };
    L(gemm)(&g, par);
}

static void weight_range(void *user, size_t from, size_t to)
{
    const weight_job *j = user;
    const cpu_par here = par_here(j->par);
    for (size_t p = from; p < to; p++) weight_part(j, p, &here);
}

/* outputs from..to: parts are added and turned */
static void weight_sums(void *user, size_t from, size_t to)
{
    const weight_job *j = user;
    const cpu_conv *c = j->c;
    const size_t taps = c->kh * c->kw, size = c->O * taps * c->C;
    for (size_t o = from; o < to; o++) {
        float *sum = c->work + o * taps * c->C;
        for (size_t i = 0; i < taps * c->C; i += VW) {
            vf s = frow(sum, i, taps * c->C);
            for (size_t p = 1; p < j->parts; p++) s += frow(sum + p * size, i, taps * c->C);
            frow_set(sum, i, taps * c->C, s);
        }
        for (size_t i = 0; i < c->C; i += VW)
            turn_back(c->dw + (o * c->C + i) * taps, c->C - i < VW ? c->C - i : VW, taps, sum + i,
                      c->C);
    }
}

void L(conv2d_grad_weight)(const cpu_conv *c, const cpu_par *par)
{
#if CPU_LEVEL >= 4
    if (c->bf16 && amx_grad_weight(c, par)) return;
#endif
    weight_job j = { c, par, weight_parts(c) };
    if (j.parts == 1) weight_part(&j, 0, par);
    else par_run(par, j.parts, 1, weight_range, &j);
    par_run(par, c->O, 4, weight_sums, &j);
}

size_t L(conv_work)(const cpu_conv *c)
{
    const size_t packed = direct_floats(c->O, c->C, c->kh * c->kw);
    const size_t parts = weight_parts(c) * c->O * c->kh * c->kw * c->C;
    const size_t grad = packed + (grad_in_tiles(c) ? (c->O + 31) / 32 * 16 * GRAD_PIXELS : 0);
    return parts > grad ? parts : grad;
}
