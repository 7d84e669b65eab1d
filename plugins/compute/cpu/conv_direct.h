/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A convolution that reads pictures where they lie, and how its weights are packed. In a line of a
 * picture [B,H,W,C] the pixels below one tap of neighbouring outputs are a constant distance apart:
 * they are the rows of a product as they stand, and no patch is ever gathered.
 *
 * The gradient of the input is such a convolution too: of the gradient of the output, with the taps
 * in reverse. Where the stride is not one, pixels that meet the same taps (stride_h * stride_w
 * groups of them) have a convolution of their own, whose results lie apart. Included by conv.c
 * only.
 */
#ifndef OMN_CPU_CONV_DIRECT_H
#define OMN_CPU_CONV_DIRECT_H

#include "epilogue.h"
#include "tile_dot.h"

/* out[b, oy, ox, o] = act(bias[o] + sum of x[b, oy * sh + ky * gh - top, ox * sw + kx * gw - left,
 * c] * w(o, c, ky, kx)); what lies outside the picture is zero, and so may pads be below it. */
typedef struct direct {
    size_t B, H, W, C, O, OH, OW, kh, kw, sh, sw, gh, gw;
    ptrdiff_t top, left;
    const float *x;
    float *out;
    size_t out_pixel, out_line, out_picture;            /* distances in floats */
    epilogue e;
    /* Weights: element (o, c, tap) at o * w_o + c * w_c + tap, taps [w_kh][w_kw]. Of these every
     * step_y-th and step_x-th from tap_y, tap_x on count, in reverse where `reverse`. */
    const void *w;
    omn_type w_type;
    size_t w_o, w_c, w_kh, w_kw, tap_y, tap_x, step_y, step_x;
    bool reverse, pairs;                                /* pairs: products in bf16 (conv_runs.h) */
    float *packed;                                      /* at a multiple of 64 */
} direct;

/* taps of n from `first` on, every step-th */
INLINE size_t taps_met(size_t n, size_t first, size_t step)
{
    return first < n ? (n - first + step - 1) / step : 0;
}

/* which tap of the kernel the tap (y, x) of the weights is; false: none */
INLINE bool tap_place(const direct *d, size_t y, size_t x, size_t *tap)
{
    if (d->step_y == 1 && d->step_x == 1) {
        *tap = y * d->kw + x;
        if (d->reverse) *tap = d->kh * d->kw - 1 - *tap;
        return true;
    }
    if (y < d->tap_y || x < d->tap_x || (y - d->tap_y) % d->step_y || (x - d->tap_x) % d->step_x)
        return false;
    const size_t ky = (y - d->tap_y) / d->step_y, kx = (x - d->tap_x) / d->step_x;
    *tap = d->reverse ? (d->kh - 1 - ky) * d->kw + d->kw - 1 - kx : ky * d->kw + kx;
    return true;
}

/* Weights of the VW outputs from o on and of n channels from c0 on: those of tap t and channel c0 +
 * c to out + t * tap_step + c * c_step; outputs from O on are zero. Where taps of neighbouring
 * channels lie together, all run through one row of squares that are turned. */
static void turn_weights(const direct *d, size_t o, size_t c0, size_t n, float *out,
                         size_t tap_step, size_t c_step)
{
    const size_t taps = d->w_kh * d->w_kw, run = d->w_c == taps ? n : 1;
    const size_t all = d->O * d->C * taps;
    for (size_t c = 0; c < n; c += run) {
        size_t in = c, y = 0, x = 0;
        for (size_t j = 0; j < run * taps; j += VW) {
            vf r[VW];
            UNROLL
            for (size_t i = 0; i < VW; i++) {
                const size_t from = (o + i) * d->w_o + (c0 + c) * d->w_c + j;
                r[i] = o + i >= d->O ? vset(0)
                    : from + VW <= all ? vget(d->w, d->w_type, from)
                    : vget_n(d->w, d->w_type, from, all - from);
            }
            transpose(r);
            for (size_t i = 0; i < VW && j + i < run * taps; i++) {
                size_t tap;
                if (tap_place(d, y, x, &tap)) vst(out + tap * tap_step + in * c_step, r[i]);
                if (++x < d->w_kw) continue;
                x = 0;
                if (++y < d->w_kh) continue;
                y = 0;
                in++;
            }
        }
    }
}

/* n channels (at most VW) of one output, tap t of them at sums + t * tap_step -> dw[n][taps] */
static inline void turn_back(float *dw, size_t n, size_t taps, const float *sums, size_t tap_step)
{
    for (size_t t = 0; t < taps; t += VW) {
        const size_t w = taps - t < VW ? taps - t : VW;
        vf r[VW];
        UNROLL
        for (size_t i = 0; i < VW; i++)
            r[i] = i < w ? frow(sums + (t + i) * tap_step, 0, n) : vset(0);
        transpose(r);
        for (size_t i = 0; i < n; i++) frow_set(dw + i * taps + t, 0, w, r[i]);
    }
}

/* The forward convolution, and the group of the gradient whose first pixel is (py, px). */
static direct direct_forward(const cpu_conv *c)
{
    const size_t taps = c->kh * c->kw;
    const direct d = {
        .B = c->B, .H = c->H, .W = c->W, .C = c->C, .O = c->O, .OH = c->OH, .OW = c->OW,
        .kh = c->kh, .kw = c->kw, .sh = c->stride_h, .sw = c->stride_w, .gh = c->dilate_h,
        .gw = c->dilate_w, .top = (ptrdiff_t)c->pad_top,
        .left = (ptrdiff_t)c->pad_left, .x = c->x, .out = c->out,
        .out_pixel = c->O, .out_line = c->OW * c->O, .out_picture = c->OH * c->OW * c->O,
        .e = { c->bias, c->bias_type, c->act, 1 }, .w = c->w, .w_type = c->w_type,
        .w_o = c->C * taps, .w_c = taps, .w_kh = c->kh, .w_kw = c->kw, .step_y = 1, .step_x = 1,
    };
    return d;
}

/* Gaps between taps and a stride along one axis make groups of another form. */
INLINE bool direct_goes_back(const cpu_conv *c)
{
    return (c->dilate_h == 1 || c->stride_h == 1) && (c->dilate_w == 1 || c->stride_w == 1);
}

/* Pixel y of the group, py + y * stride_h, meets taps ty + stride_h * a; the line of d_out below
 * tap a is y + (py + pad_top - ty) / stride_h - a. Taps reversed, that is a convolution whose first
 * line lies n - 1 before. With gaps (and no stride) it is y + pad_top - a * dilate_h. */
static direct direct_back(const cpu_conv *c, size_t py, size_t px)
{
    const size_t taps = c->kh * c->kw, sh = c->stride_h, sw = c->stride_w;
    const size_t ty = (py + c->pad_top) % sh, tx = (px + c->pad_left) % sw;
    const size_t kh = taps_met(c->kh, ty, sh), kw = taps_met(c->kw, tx, sw);
    const direct d = {
        .B = c->B, .H = c->OH, .W = c->OW, .C = c->O, .O = c->C, .OH = (c->H - py - 1) / sh + 1,
        .OW = (c->W - px - 1) / sw + 1, .kh = kw ? kh : 0, .kw = kh ? kw : 0, .sh = 1, .sw = 1,
        .gh = c->dilate_h, .gw = c->dilate_w,
        .top = ((ptrdiff_t)kh - 1) * (ptrdiff_t)c->dilate_h - (ptrdiff_t)((py + c->pad_top) / sh),
        .left = ((ptrdiff_t)kw - 1) * (ptrdiff_t)c->dilate_w - (ptrdiff_t)((px + c->pad_left) / sw),
        .x = c->d_out,
        .out = c->dx + (py * c->W + px) * c->C, .out_pixel = sw * c->C,
        .out_line = sh * c->W * c->C, .out_picture = c->H * c->W * c->C,
        .e = { NULL, OMN_F32, OMN_ACT_NONE, 1 }, .w = c->w, .w_type = c->w_type, .w_o = taps,
        .w_c = c->C * taps, .w_kh = c->kh, .w_kw = c->kw, .tap_y = ty, .tap_x = tx, .step_y = sh,
        .step_x = sw, .reverse = true,
    };
    return d;
}

/* Most pixels of d_out that are packed at a time for the gradient of the weights with AMX. */
enum { GRAD_PIXELS = 4096 };

/* Whether that way is worth it: lines that fill tiles of 32 pixels, enough of them for a depth. */
INLINE bool grad_in_tiles(const cpu_conv *c)
{
    return c->stride_w == 1 && c->stride_h <= 8 && c->C >= 16 && c->O >= 16 &&
        c->dilate_h == 1 && c->dilate_w == 1 &&
        c->OW * 4 >= (c->OW + 31) / 32 * 96 && c->OH * c->OW >= 512 && c->kh * c->kw <= 64;
}

/* Working memory of one: strips of at most 32 outputs, channels to whole tiles of AMX. */
INLINE size_t direct_floats(size_t O, size_t C, size_t taps)
{
    return (O + 31) / 32 * 32 * ((C + 31) / 32 * 32) * taps + 16;
}
INLINE float *direct_packed(float *work)
{
    return work + (64 - (uintptr_t)work % 64) % 64 / sizeof *work;
}

#endif
