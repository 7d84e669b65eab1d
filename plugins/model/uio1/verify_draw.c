/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures by Unified-IO 1: one place of a text, then the codes, the likeliest ones or drawn from
 * the smallest set of ids that holds nine tenths, with the noise that the original program had. */
#include "verify.h"

#include "uio1.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUT   (-1e7f)
#define MASS  0.9f
#define HEAT  (1 + 1e-7)

typedef struct drawing {
    golden_run *r;
    int64_t B, n, V, C, places;           /* pictures, codes of each, of the memory */
    const omn_tensor *noise, *first;      /* [B,n,C], [B,V]; NULL: the likeliest */
    int32_t *codes, *texts, *kept, *kept_text, *ids;
    float *step_logits, *margin, *sorted;
    double *score;
} drawing;

static int falling(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Everything below the id at which the mass is reached becomes unlikely. Returns what is left. */
static int32_t cut(const drawing *d, float *x, int64_t n)
{
    const double sum = golden_log_sum(x, n);
    float mass = 0;
    int64_t c = 0;
    int32_t left = 0;
    memcpy(d->sorted, x, (size_t)n * sizeof *x);
    qsort(d->sorted, (size_t)n, sizeof *x, falling);
    for (int64_t i = 0; i < n; i++) {
        mass += (float)exp((double)d->sorted[i] - sum);
        c += mass < MASS;
    }
    const float least = d->sorted[c < n ? c : n - 1];
    for (int64_t i = 0; i < n; i++) {
        if (x[i] < least) x[i] = CUT;
        else left++;
    }
    return left;
}

/* The id of one row; step 0 is the text's. */
static int32_t choose(const drawing *d, int64_t b, int64_t step, float *x, int64_t n)
{
    const omn_tensor *noise = step ? d->noise : d->first;
    int32_t left = 0, best = 0;
    double top = -HUGE_VAL, second = -HUGE_VAL;
    if (noise) left = cut(d, x, n);
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = step ? (b * d->n + step - 1) * n + i : b * n + i;
        const double y = noise ? (double)x[i] / HEAT + (double)verify_real(noise, at)
                               : (double)x[i];
        if (y > top) {
            second = top;
            top = y;
            best = (int32_t)i;
        } else if (y > second) {
            second = y;
        }
    }
    d->score[b] += (double)x[best] - golden_log_sum(x, n);
    d->margin[b * (d->n + 1) + step] = (float)(top - second);
    if (noise && step) d->kept[b * d->n + step - 1] = left;
    if (noise && !step) d->kept_text[b] = left;
    return best;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static omn_status step(drawing *d, const char *role, int64_t length, int64_t start,
                       omn_tensor *logits, omn_error *err)
{
    const golden_step s = { .role = role, .rows = d->B, .length = length, .capacity = d->n + 1,
                            .memory_rows = d->B, .memory_length = d->places, .ids = d->ids,
                            .start = (int32_t)start };
    return golden_step_run(d->r, &s, logits, err);
}

/* What the place of a text would say; it is not read by the picture. */
static omn_status write_text(drawing *d, omn_error *err)
{
    omn_tensor t;
    for (int64_t b = 0; b < d->B; b++) d->ids[b] = 0;
    omn_status st = step(d, "text", 1, 0, &t, err);
    if (st == OMN_OK) st = golden_put(d->r, "text_step_logits", omn_dim2(d->B, d->V), t.data, err);
    float *x = omn_call_scratch(d->r->g->call, (size_t)d->V, sizeof *x);
    if (st == OMN_OK && !x) st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", d->r->g->name);
    for (int64_t b = 0; st == OMN_OK && b < d->B; b++) {
        memcpy(x, (const float *)t.data + b * d->V, (size_t)d->V * sizeof *x);
        d->texts[b] = choose(d, b, 0, x, d->V);
    }
    return st;
}

static omn_status write_codes(drawing *d, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor t;
    const int64_t all = d->C + UIO1_IMAGE_CODES;
    float *x = omn_call_scratch(d->r->g->call, (size_t)d->C, sizeof *x);
    if (!x) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", d->r->g->name);
    for (int64_t b = 0; b < d->B; b++) {
        d->ids[2 * b] = UIO1_IMAGE_FRONT;
        d->ids[2 * b + 1] = UIO1_IMAGE_START;
    }
    for (int64_t i = 0; i < d->n; i++) {
        const int64_t length = i ? 1 : 2;
        OMN_TRY(step(d, "image", length, i ? i + 1 : 0, &t, err));
        for (int64_t b = 0; b < d->B; b++) {
            memcpy(x, (const float *)t.data + ((b + 1) * length - 1) * all + UIO1_IMAGE_CODES,
                   (size_t)d->C * sizeof *x);
            memcpy(d->step_logits + (b * d->n + i) * d->C, x, (size_t)d->C * sizeof *x);
            d->codes[b * d->n + i] = choose(d, b, i + 1, x, d->C);
        }
        for (int64_t b = 0; b < d->B; b++)
            d->ids[b] = d->codes[b * d->n + i] + UIO1_IMAGE_CODES;
    }
done:
    return st;
}

/* ---- stages ---------------------------------------------------------------------------------- */

/* Pictures [B,1,h,w,3] from 0 to 1, as many lines as the file has, and their means. */
static omn_status put_pictures(drawing *d, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor t;
    void *to = NULL, *mean = NULL;
    const omn_tensor *want = omn_weights_get(d->r->g->file, "out.image");
    if (!want || want->shape.rank != 5) return OMN_OK;
    OMN_TRY(verify_pixels(d->r, d->codes, omn_dim2(d->B, d->n), &t, err));
    const int64_t H = t.shape.dim[1], W = t.shape.dim[2], h = want->shape.dim[2];
    const int64_t every = h > 0 && H % h == 0 ? H / h : 1, w = W / every;
    const omn_shape shape = { .rank = 5, .dim = { d->B, 1, H / every, w, 3 } };
    OMN_TRY(golden_put_new(d->r, "image", OMN_F32, shape, &to, err));
    OMN_TRY(golden_put_new(d->r, "image_mean", OMN_F32, omn_dim3(d->B, 1, 3), &mean, err));
    for (int64_t b = 0; b < d->B; b++) {
        double sum[3] = { 0 };
        for (int64_t i = 0; i < H * W * 3; i++) {
            const int64_t y = i / 3 / W, x = i / 3 % W, k = i % 3;
            const float v = (((const float *)t.data)[b * H * W * 3 + i] + 1) / 2;
            const float in = v > 0 ? v < 1 ? v : 1 : 0;
            sum[k] += (double)in;
            if (y % every || x % every) continue;
            ((float *)to)[((b * (H / every) + y / every) * w + x / every) * 3 + k] = in;
        }
        for (int k = 0; k < 3; k++) ((float *)mean)[b * 3 + k] = (float)(sum[k] / (double)(H * W));
    }
done:
    return st;
}

static omn_status stages(drawing *d, omn_error *err)
{
    omn_status st = OMN_OK;
    void *to[6] = { NULL };
    golden_run *r = d->r;
    OMN_TRY(golden_put_new(r, "codes", OMN_I32, omn_dim3(d->B, 1, d->n), &to[0], err));
    OMN_TRY(golden_put_new(r, "text_tokens", OMN_I32, omn_dim3(d->B, 1, 1), &to[1], err));
    OMN_TRY(golden_put_new(r, "kept", OMN_I32, omn_dim2(d->B, d->n), &to[2], err));
    OMN_TRY(golden_put_new(r, "kept_text", OMN_I32, omn_dim1(d->B), &to[3], err));
    OMN_TRY(golden_put_new(r, "step_logits", OMN_F32, omn_dim3(d->B, d->n, d->C), &to[4], err));
    OMN_TRY(golden_put_new(r, "margin", OMN_F32, omn_dim2(d->B, d->n + 1), &to[5], err));
    d->codes = to[0];
    d->texts = to[1];
    d->kept = to[2];
    d->kept_text = to[3];
    d->step_logits = to[4];
    d->margin = to[5];
    d->ids = omn_call_scratch(r->g->call, 2 * (size_t)d->B, sizeof *d->ids);
    d->score = omn_call_scratch(r->g->call, (size_t)d->B, sizeof *d->score);
    d->sorted = omn_call_scratch(r->g->call, (size_t)(d->V > d->C ? d->V : d->C),
                                 sizeof *d->sorted);
    if (!d->ids || !d->score || !d->sorted)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->g->name));
    memset(d->score, 0, (size_t)d->B * sizeof *d->score);
done:
    return st;
}

static omn_status begin(drawing *d, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_sizes z;
    omn_tensor memory;
    const golden *g = d->r->g;
    const golden own = { .name = g->name, .in = g->file };
    const omn_tensor *t;
    OMN_TRY(golden_input(&own, "out.codes", OMN_I32, 3, &t, err));
    d->B = t->shape.dim[0];
    d->n = t->shape.dim[2];
    d->V = uio1_of(d->r)->V;
    d->C = uio1_of(d->r)->C;
    if (omn_weights_get(g->file, "in.noise")) {
        OMN_TRY(golden_input(g, "in.noise", OMN_F32, 3, &d->noise, err));
        OMN_TRY(golden_input(g, "in.noise_text", OMN_F32, 2, &d->first, err));
        if (d->noise->bytes != (size_t)(d->B * d->n * d->C) * sizeof(float) ||
            d->first->bytes != (size_t)(d->B * d->V) * sizeof(float))
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: its noise is of other steps", g->name));
    }
    OMN_TRY(stages(d, err));
    OMN_TRY(verify_inputs(d->r, 1, &z, err));
    OMN_TRY(verify_run(d->r, OMN_ENCODE, &z, false, false, err));
    OMN_TRY(omn_exec_output(d->r->exec, d->r->graph, "memory", &memory, err));
    d->places = memory.shape.dim[1];
    if (memory.shape.dim[0] != d->B)
        st = omn_fail(err, OMN_ERR_DATA, "%s: out.codes is of other requests", g->name);
done:
    return st;
}

omn_status verify_pictures(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    drawing d = { .r = &r };
    void *scores = NULL;
    OMN_TRY(verify_open(v, false, &r, err));
    OMN_TRY(begin(&d, err));
    OMN_TRY(write_text(&d, err));
    OMN_TRY(write_codes(&d, err));
    OMN_TRY(golden_put_new(&r, "scores", OMN_F32, omn_dim2(d.B, 1), &scores, err));
    for (int64_t b = 0; b < d.B; b++) ((float *)scores)[b] = (float)d.score[b];
    OMN_TRY(put_pictures(&d, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
