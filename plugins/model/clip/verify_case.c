/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of CLIP's golden files: pictures as they are prepared, each tower alone, a tower with
 * replaced weights, pairs with their loss and its gradients, and a classifier made of texts. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- pictures -------------------------------------------------------------------------------- */

/* Whole numbers [h,w] or [h,w,channels] as a picture. */
static omn_status picture(const verify *v, const omn_tensor *t, omn_value **out, omn_error *err)
{
    omn_image *img = NULL;
    omn_pixels px;
    const int64_t *d = t->shape.dim, channels = t->shape.rank == 3 ? d[2] : 1;
    if (t->type != OMN_I32 || t->shape.rank < 2 || t->shape.rank > 3 || d[0] < 1 || d[1] < 1 ||
        d[0] > 4096 || d[1] > 4096)
        return omn_fail(err, OMN_ERR_DATA, "%s: a picture is i32 [h,w] or [h,w,channels]", v->name);
    const omn_status st = omn_image_new(OMN_U8, (uint32_t)d[1], (uint32_t)d[0], (uint32_t)channels,
                                        NULL, &img, &px, err);
    if (st != OMN_OK) return st;
    for (int64_t i = 0; i < d[0] * d[1] * channels; i++)
        ((uint8_t *)px.data)[i] = (uint8_t)((const int32_t *)t->data)[i];
    *out = omn_image_give(img);
    return *out ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->name);
}

/* The prepared pixels, plane by plane, as the stage pixels_NUMBER. */
static omn_status prepared(verify_run *r, const omn_tensor *t, int number, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *in = NULL;
    void *data = NULL;
    char name[32];
    omn_feed_clear(r->feed);
    OMN_TRY(picture(r->v, t, &in, err));
    OMN_TRY(omn_model_prepare(r->model, r->v->call, "image", in, r->feed, NULL, err));
    const omn_tensor *px = omn_feed_get(r->feed, "pixels");
    if (!px) OMN_TRY(omn_fail(err, OMN_ERR_INTERNAL, "%s: no pixels were prepared", r->v->name));
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
    verify_run r;
    OMN_TRY(verify_open(v, false, false, &r, err));
    for (int i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "in.picture_%d", i);
        const omn_tensor *t = omn_weights_get(v->golden, name);
        if (!t) break;
        OMN_TRY(prepared(&r, t, i, err));
    }
    OMN_TRY(verify_compare(&r, err));
done:
    verify_end(&r);
    return st;
}

/* ---- towers ---------------------------------------------------------------------------------- */

omn_status verify_towers(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_run r;
    OMN_TRY(verify_open(v, false, false, &r, err));
    OMN_TRY(verify_graph(&r, omn_weights_get(v->golden, "in.image"),
                         omn_weights_get(v->golden, "in.text_ids"), false, err));
    OMN_TRY(verify_compare(&r, err));
done:
    verify_end(&r);
    return st;
}

/* Each "override.NAME" is the stage and the weight at once: it is put in place and compared with
 * what lies there. */
static omn_status replace(verify_run *r, omn_error *err)
{
    const omn_weights *g = r->v->golden;
    for (size_t i = 0; i < omn_weights_count(g); i++) {
        const char *name = omn_weights_name(g, i);
        const omn_tensor *t = omn_weights_at(g, i);
        if (strncmp(name, "override.", 9)) continue;
        const long at = omn_store_find(r->store, name + 9);
        const omn_tensor old = at >= 0 ? omn_store_tensor(r->store, (size_t)at) : (omn_tensor){ 0 };
        if (at < 0 || t->type != OMN_F32 || !omn_shape_equal(&old.shape, &t->shape))
            return omn_fail(err, OMN_ERR_DATA, "%s: the model has no such weight \"%s\"",
                            r->v->name, name + 9);
        memcpy(omn_store_data(r->store, (size_t)at), t->data, t->bytes);
        const omn_status st = omn_feed_copy(r->made, name, t, err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

omn_status verify_replaced(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_run r;
    OMN_TRY(verify_open(v, true, false, &r, err));
    OMN_TRY(omn_model_declare(r.model, err));
    OMN_TRY(replace(&r, err));
    OMN_TRY(verify_graph(&r, omn_weights_get(v->other, "in.image"), NULL, false, err));
    OMN_TRY(verify_compare(&r, err));
done:
    verify_end(&r);
    return st;
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static omn_status put(verify_run *r, const char *stage, omn_shape shape, float **out,
                      omn_error *err)
{
    void *data = NULL;
    const omn_status st = omn_feed_new(r->made, stage, OMN_F32, shape, &data, err);
    *out = data;
    return st;
}

/* Scores both ways and, of each picture, how likely each text is. */
static omn_status told(verify_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor t;
    float *by_text = NULL, *probs = NULL;
    if (!verify_output(r, "contrastive.scores", &t))
        return omn_fail(err, OMN_ERR_INTERNAL, "%s: the objective told no scores", r->v->name);
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
    if (verify_output(r, "embedding.image", &t))
        OMN_TRY(omn_feed_copy(r->made, "image_embed", &t, err));
    if (verify_output(r, "embedding.text", &t))
        OMN_TRY(omn_feed_copy(r->made, "text_embed", &t, err));
done:
    return st;
}

static double squares(const omn_tensor *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->bytes / sizeof(float); i++)
        sum += (double)((const float *)t->data)[i] * (double)((const float *)t->data)[i];
    return sum;
}

/* "grad:NAME" as grad.NAME and its length as gradnorm.NAME, and that of all. */
static omn_status lengths(verify_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    double all = 0;
    float *one = NULL;
    for (size_t i = 0; i < omn_graph_outputs(r->graph); i++) {
        char stage[600];
        omn_tensor t;
        const char *name = omn_graph_output_name(r->graph, i);
        if (strncmp(name, "grad:", 5) || strlen(name) > 500) continue;
        OMN_TRY(omn_exec_output(r->exec, r->graph, name, &t, err));
        snprintf(stage, sizeof stage, "grad.%s", name + 5);
        OMN_TRY(omn_feed_copy(r->made, stage, &t, err));
        snprintf(stage, sizeof stage, "gradnorm.%s", name + 5);
        OMN_TRY(put(r, stage, omn_dim1(1), &one, err));
        all += squares(&t);
        *one = (float)sqrt(squares(&t));
    }
    OMN_TRY(put(r, "grad_norm", omn_dim1(1), &one, err));
    *one = (float)sqrt(all);
done:
    return st;
}

omn_status verify_pairs(verify *v, bool gradients, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_run r;
    const omn_weights *in = v->other ? v->other : v->golden;
    OMN_TRY(verify_open(v, gradients, gradients, &r, err));
    OMN_TRY(verify_graph(&r, omn_weights_get(in, "in.image"), omn_weights_get(in, "in.text_ids"),
                         true, err));
    OMN_TRY(told(&r, err));
    if (gradients) OMN_TRY(lengths(&r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    verify_end(&r);
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
static omn_status classifier(verify_run *r, const omn_tensor *ids, double **at, omn_error *err)
{
    omn_tensor t;
    float *out = NULL;
    if (!verify_output(r, "embedding.text", &t))
        return omn_fail(err, OMN_ERR_INTERNAL, "%s: no texts were embedded", r->v->name);
    const int64_t C = ids->shape.dim[0], T = ids->shape.dim[1], E = t.shape.dim[1];
    *at = calloc((size_t)C * (size_t)E, sizeof **at);
    if (!*at) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->v->name);
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
static omn_status scores(verify_run *r, int64_t C, const double *at, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor t;
    float *out = NULL;
    void *best = NULL;
    if (!verify_output(r, "embedding.image", &t))
        return omn_fail(err, OMN_ERR_INTERNAL, "%s: no pictures were embedded", r->v->name);
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
    verify_run r;
    double *at = NULL;
    const omn_tensor *ids = omn_weights_get(v->golden, "in.text_ids");
    OMN_TRY(verify_open(v, false, false, &r, err));
    if (!ids || ids->shape.rank != 3)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: texts [class,template,L] are wanted", v->name));
    OMN_TRY(verify_graph(&r, NULL, ids, false, err));
    OMN_TRY(classifier(&r, ids, &at, err));
    OMN_TRY(verify_graph(&r, omn_weights_get(v->other, "in.image"), NULL, false, err));
    OMN_TRY(scores(&r, ids->shape.dim[0], at, err));
    OMN_TRY(verify_compare(&r, err));
done:
    free(at);
    verify_end(&r);
    return st;
}
