/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pooling of pictures [B,H,W,C] and upsampling by repetition, with gradients. An average divides by
 * the whole window, also where that reaches over the border. The gradient of a maximum goes to the
 * first pixel that has it.
 */
#include "vec.h"

typedef struct pool_job {
    const cpu_pool2d *p;
    size_t H, W, C, fh, fw;
    const float *x;
    float *y;
} pool_job;

/* the part of a window that lies inside 0..n */
INLINE void window(size_t o, size_t stride, size_t pad, size_t k, size_t n, size_t *from,
                   size_t *to)
{
    const ptrdiff_t a = (ptrdiff_t)(o * stride) - (ptrdiff_t)pad, b = a + (ptrdiff_t)k;
    *from = a < 0 ? 0 : (size_t)a;
    *to = b < 0 ? 0 : (size_t)b > n ? n : (size_t)b;
}

static void pool_range(void *user, size_t from, size_t to)
{
    const cpu_pool2d *p = user;
    const size_t C = p->C;
    for (size_t m = from; m < to; m++) {
        const size_t oy = m % p->OH, b = m / p->OH;
        size_t y0, y1, x0, x1;
        window(oy, p->stride_h, p->pad_top, p->kh, p->H, &y0, &y1);
        for (size_t ox = 0; ox < p->OW; ox++) {
            float *out = p->out + (m * p->OW + ox) * C;
            window(ox, p->stride_w, p->pad_left, p->kw, p->W, &x0, &x1);
            for (size_t c = 0; c < C; c += VW) {
                vf s = vset(p->max ? -INFINITY : 0);
                for (size_t y = y0; y < y1; y++)
                    for (size_t x = x0; x < x1; x++) {
                        const vf v = frow(p->x + ((b * p->H + y) * p->W + x) * C, c, C);
                        s = p->max ? vmax(s, v) : s + v;
                    }
                frow_set(out, c, C, p->max ? s : s * vset(1 / (float)(p->kh * p->kw)));
            }
        }
    }
}

void L(pool2d)(const cpu_pool2d *p, const cpu_par *par)
{
    cpu_pool2d c = *p;
    par_run(par, p->B * p->OH, 1, pool_range, &c);
}

static void pool_grad_range(void *user, size_t from, size_t to)
{
    const cpu_pool2d *p = user;
    const size_t C = p->C, picture = p->H * p->W * C;
    const float part = 1 / (float)(p->kh * p->kw);
    for (size_t b = from; b < to; b++) {
        float *dx = p->dx + b * picture;
        const float *px = p->max ? p->x + b * picture : NULL;
        memset(dx, 0, picture * sizeof *dx);
        for (size_t m = 0; m < p->OH * p->OW; m++) {
            const float *d = p->d_out + (b * p->OH * p->OW + m) * C;
            size_t y0, y1, x0, x1;
            window(m / p->OW, p->stride_h, p->pad_top, p->kh, p->H, &y0, &y1);
            window(m % p->OW, p->stride_w, p->pad_left, p->kw, p->W, &x0, &x1);
            for (size_t c = 0; c < C; c++) {
                size_t best = (y0 * p->W + x0) * C + c;
                for (size_t y = y0; y < y1; y++)
                    for (size_t x = x0; x < x1; x++) {
                        const size_t i = (y * p->W + x) * C + c;
                        if (!p->max) dx[i] += d[c] * part;
                        else if (px[i] > px[best]) best = i;
                    }
                if (p->max && y0 < y1 && x0 < x1) dx[best] += d[c];
            }
        }
    }
}

void L(pool2d_grad)(const cpu_pool2d *p, const cpu_par *par)
{
    cpu_pool2d c = *p;
    par_run(par, p->B, 1, pool_grad_range, &c);
}

static void up_range(void *user, size_t from, size_t to)
{
    const pool_job *j = user;
    const size_t C = j->C, OW = j->W * j->fw;
    for (size_t r = from; r < to; r++) {
        const float *x = j->x + r / j->fh * j->W * C;
        for (size_t o = 0; o < OW; o++)
            memcpy(j->y + (r * OW + o) * C, x + o / j->fw * C, C * sizeof *x);
    }
}

void L(upsample)(size_t B, size_t H, size_t W, size_t C, size_t fh, size_t fw, const float *x,
                 float *y, const cpu_par *par)
{
    pool_job j = { NULL, H, W, C, fh, fw, x, y };
    par_run(par, B * H * fh, 4, up_range, &j);
}

static void up_grad_range(void *user, size_t from, size_t to)
{
    const pool_job *j = user;
    const size_t C = j->C, OW = j->W * j->fw;
    for (size_t r = from; r < to; r++)
        for (size_t w = 0; w < j->W; w++) {
            float *d = j->y + (r * j->W + w) * C;
            for (size_t c = 0; c < C; c += VW) {
                vf s = vset(0);
                for (size_t y = 0; y < j->fh; y++)
                    for (size_t x = 0; x < j->fw; x++)
                        s += frow(j->x + ((r * j->fh + y) * OW + w * j->fw + x) * C, c, C);
                frow_set(d, c, C, s);
            }
        }
}

void L(upsample_grad)(size_t B, size_t H, size_t W, size_t C, size_t fh, size_t fw, const float *dy,
                      float *dx, const cpu_par *par)
{
    pool_job j = { NULL, H, W, C, fh, fw, dy, dx };
    par_run(par, B * H, 4, up_grad_range, &j);
}
