/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of CLIP's golden files: pictures as they are prepared, each tower alone, a tower with
 * replaced weights, pairs with their loss and its gradients, and a classifier made of texts. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- pictures -------------------------------------------------------------------------------- */

/* The prepared pixels, plane by plane, as the stage pixels_NUMBER. */
static omn_status prepared(golden_run *r, const omn_tensor *t, int number, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *in = NULL;
    void *data = NULL;
    char name[32];
    omn_feed_clear(r->feed);
    OMN_TRY(golden_picture(r->g, t, &in, err));
    OMN_TRY(omn_model_prepare(r->model, r->g->call, "image", in, r->feed, NULL, err));
    const omn_tensor *px = omn_feed_get(r->feed, "pixels");
    if (!px) OMN_TRY(omn_fail(err, OMN_ERR_INTERNAL, "%s: no pixels were prepared", r->g->name));
    const int64_t n = px->shape.dim[0], plane = n * n;
    snprintf(name, sizeof name, "pixels_%d", number);
    OMN_TRY(omn_feed_new(r->made, name, OMN_F32, omn_dim3(3, n, n), &data, err));
    for (int64_t i = 0; i < 3 * plane; i++)
        ((float *)data)[i] = ((const float *)px->data)[i % plane * 3 + i / plane];
done:
    omn_value_unref(in);
    return st;
}

omn_status verify_preprocess(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    OMN_TRY(verify_open(v, &(golden_how){ 0 }, &r, err));
    for (int i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "in.picture_%d", i);
        const omn_tensor *t = omn_weights_get(v->g.file, name);
        if (!t) break;
        OMN_TRY(prepared(&r, t, i, err));
    }
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- towers ---------------------------------------------------------------------------------- */

omn_status verify_towers(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    OMN_TRY(verify_open(v, &(golden_how){ 0 }, &r, err));
    OMN_TRY(verify_graph(&r, omn_weights_get(v->g.file, "in.image"),
                         omn_weights_get(v->g.file, "in.text_ids"), false, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

omn_status verify_replaced(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    OMN_TRY(verify_open(v, &(golden_how){ .writable = true }, &r, err));
    OMN_TRY(golden_override(&r, err));
    OMN_TRY(verify_graph(&r, omn_weights_get(v->g.in, "in.image"), NULL, false, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static omn_status put(golden_run *r, const char *stage, omn_shape shape, float **out,
                      omn_error *err)
{
    void *data = NULL;
    const omn_status st = omn_feed_new(r->made, stage, OMN_F32, shape, &data, err);
    *out = data;
    return st;
}

/* Scores both ways and, of each picture, how likely each text is. */
static omn_status told(golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor t;
    float *by_text = NULL, *probs = NULL;
    if (!golden_output(r, "contrastive.scores", &t))
        return omn_fail(err, OMN_ERR_INTERNAL, "%s: the objective told no scores", r->g->name);
    const int64_t n = t.shape.dim[0];
    const float *x = t.data;
    OMN_TRY(omn_feed_copy(r->made, "logits_per_image", &t, err));
    OMN_TRY(put(r, "logits_per_text", t.shape, &by_text, err));
    OMN_TRY(put(r, "probs", t.shape, &probs, err));
    for (int64_t i = 0; i < n; i++) {
        double sum = 0, most = -HUGE_VAL;
        for (int64_t k = 0; k < n; k++) most = fmax(most, (double)x[i * n + k]);
        for (int64_t k = 0; k < n; k++) sum += exp((double)x[i * n + k] - most);
        for (int64_t k = 0; k < n; k++) {
            by_text[k * n + i] = x[i * n + k];
            probs[i * n + k] = (float)(exp((double)x[i * n + k] - most) / sum);
        }
    }
    if (golden_output(r, "embedding.image", &t))
        OMN_TRY(omn_feed_copy(r->made, "image_embed", &t, err));
    if (golden_output(r, "embedding.text", &t))
        OMN_TRY(omn_feed_copy(r->made, "text_embed", &t, err));
done:
    return st;
}

omn_status verify_pairs(verify *v, bool gradients, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    golden_sum sum = { 0 };
    OMN_TRY(verify_open(v, &(golden_how){ .training = gradients }, &r, err));
    OMN_TRY(verify_graph(&r, omn_weights_get(v->g.in, "in.image"),
                         omn_weights_get(v->g.in, "in.text_ids"),
                         true, err));
    OMN_TRY(told(&r, err));
    if (gradients) OMN_TRY(golden_sum_add(&r, &sum, err));
    if (gradients) OMN_TRY(golden_sum_put(&r, &sum, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_sum_end(&sum);
    golden_close(&r);
    return st;
}

/* ---- classes --------------------------------------------------------------------------------- */

static void unit(double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * x[i];
    for (int64_t i = 0; i < n && sum > 0; i++) x[i] /= sqrt(sum);
}

/* The mean direction of the texts [T,E] of each class, [C,E]; compared as columns. */
static omn_status classifier(golden_run *r, const omn_tensor *ids, double **at, omn_error *err)
{
    omn_tensor t;
    float *out = NULL;
    if (!golden_output(r, "embedding.text", &t))
        return omn_fail(err, OMN_ERR_INTERNAL, "%s: no texts were embedded", r->g->name);
    const int64_t C = ids->shape.dim[0], T = ids->shape.dim[1], E = t.shape.dim[1];
    *at = calloc((size_t)C * (size_t)E, sizeof **at);
    if (!*at) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->g->name);
    const omn_status st = put(r, "classifier", omn_dim2(E, C), &out, err);
    for (int64_t c = 0; st == OMN_OK && c < C; c++) {
        double *mean = *at + c * E;
        for (int64_t k = 0; k < T * E; k++)
            mean[k % E] += (double)((const float *)t.data)[c * T * E + k];
        unit(mean, E);
        for (int64_t e = 0; e < E; e++) out[e * C + c] = (float)mean[e];
    }
    return st;
}

/* 100 x cosine of each picture and class, and the best of them. */
static omn_status scores(golden_run *r, int64_t C, const double *at, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor t;
    float *out = NULL;
    void *best = NULL;
    if (!golden_output(r, "embedding.image", &t))
        return omn_fail(err, OMN_ERR_INTERNAL, "%s: no pictures were embedded", r->g->name);
    const int64_t B = t.shape.dim[0], E = t.shape.dim[1];
    OMN_TRY(put(r, "logits", omn_dim2(B, C), &out, err));
    OMN_TRY(omn_feed_new(r->made, "top1", OMN_I32, omn_dim1(B), &best, err));
    for (int64_t b = 0; b < B; b++)
        for (int64_t c = 0; c < C; c++) {
            int32_t *top = (int32_t *)best + b;
            double sum = 0;
            for (int64_t e = 0; e < E; e++)
                sum += (double)((const float *)t.data)[b * E + e] * at[c * E + e];
            out[b * C + c] = (float)(100 * sum);
            if (out[b * C + c] > out[b * C + *top]) *top = (int32_t)c;
        }
done:
    return st;
}

omn_status verify_classes(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    double *at = NULL;
    const omn_tensor *ids = omn_weights_get(v->g.file, "in.text_ids");
    OMN_TRY(verify_open(v, &(golden_how){ 0 }, &r, err));
    if (!ids || ids->shape.rank != 3)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: texts [class,template,L] are wanted", v->g.name));
    OMN_TRY(verify_graph(&r, NULL, ids, false, err));
    OMN_TRY(classifier(&r, ids, &at, err));
    OMN_TRY(verify_graph(&r, omn_weights_get(v->g.in, "in.image"), NULL, false, err));
    OMN_TRY(scores(&r, ids->shape.dim[0], at, err));
    OMN_TRY(verify_compare(&r, err));
done:
    free(at);
    golden_close(&r);
    return st;
}
