/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of UniTAB that run its graphs: a batch of pictures of different size with texts and
 * wanted answers, the gradients of its loss, and greedy decoding. */
#include "../golden/golden.h"

#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PICTURES 64
#define ROLE "text"

/* ---- inputs ---------------------------------------------------------------------------------- */

typedef struct batch {
    const omn_tensor *of[MOST_PICTURES];  /* [3,h,w] */
    int64_t n;
} batch;

/* The pictures of the rows, and the canvas that all lie on. */
static omn_status read_pictures(verify *v, batch *b, omn_error *err)
{
    *b = (batch){ .n = 0 };
    for (char name[32]; b->n < MOST_PICTURES; b->n++) {
        snprintf(name, sizeof name, "in.image%d", (int)b->n);
        const omn_tensor *t = omn_weights_get(v->g.in, name);
        if (!t) break;
        const omn_status st = golden_input(&v->g, name, OMN_F32, 3, &b->of[b->n], err);
        if (st != OMN_OK) return st;
        const int64_t *d = t->shape.dim;
        if (d[0] != 3 || d[1] > 4096 || d[2] > 4096)
            return omn_fail(err, OMN_ERR_DATA, "%s: %s is f32 [3,h,w]", v->g.name, name);
        if (d[1] > v->height) v->height = d[1];
        if (d[2] > v->width) v->width = d[2];
    }
    return b->n ? OMN_OK : omn_fail(err, OMN_ERR_DATA, "%s: it has no in.image0", v->g.name);
}

static omn_status feed_pictures(const verify *v, const batch *b, golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    void *pixels = NULL, *seg = NULL, *places = NULL;
    const int64_t H = v->height, W = v->width, D = v->width_of;
    const int64_t rows = unitab_cells(H, false), columns = unitab_cells(W, false);
    const int64_t N = rows * columns;
    OMN_TRY(omn_feed_new(r->feed, "image.pixels", OMN_F32, omn_dim4(b->n, H, W, 3), &pixels, err));
    OMN_TRY(omn_feed_new(r->feed, "image.seg", OMN_I32, omn_dim2(b->n, N), &seg, err));
    OMN_TRY(omn_feed_new(r->feed, "image.places", OMN_F32, omn_dim3(b->n, N, D), &places, err));
    for (int64_t i = 0; i < b->n; i++) {
        const int64_t h = b->of[i]->shape.dim[1], w = b->of[i]->shape.dim[2];
        const char *from = b->of[i]->data;
        float *to = (float *)pixels + i * H * W * 3;
        int32_t *mark = (int32_t *)seg + i * N;
        for (int64_t k = 0; k < 3 * h * w; k++) {
            const int64_t c = k / (h * w), y = k / w % h, x = k % w;
            memcpy(&to[(y * W + x) * 3 + c], from + k * 4, 4);
        }
        unitab_mark(H, W, rows, columns, h, w, mark);
        unitab_places(mark, rows, columns, D, (float *)places + i * N * D);
    }
done:
    return st;
}

/* A text ends behind its first id 2; what is behind is padding. */
static omn_status feed_texts(golden_run *r, int64_t rows, int64_t *length, omn_error *err)
{
    const omn_tensor *t;
    omn_status st = OMN_OK;
    void *ids = NULL, *seg = NULL, *pos = NULL;
    OMN_TRY(golden_input(r->g, "in.text_ids", OMN_I32, 2, &t, err));
    *length = t->shape.dim[1];
    if (t->shape.dim[0] != rows)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: %lld texts and %lld pictures", r->g->name,
                         (long long)t->shape.dim[0], (long long)rows));
    OMN_TRY(omn_feed_new(r->feed, "text.ids", OMN_I32, t->shape, &ids, err));
    OMN_TRY(omn_feed_new(r->feed, "text.seg", OMN_I32, t->shape, &seg, err));
    OMN_TRY(omn_feed_new(r->feed, "text.pos", OMN_I32, t->shape, &pos, err));
    memcpy(ids, t->data, t->bytes);
    for (int64_t i = 0; i < rows * *length; i++) {
        ((int32_t *)seg)[i] = ((const int32_t *)ids)[i] != 1;
        ((int32_t *)pos)[i] = (int32_t)(i % *length);
    }
done:
    return st;
}

static const char *const roles[] = { "image", "text" };

/* ---- forward, gradients ---------------------------------------------------------------------- */

/* What the released models were trained without. */
static const char *const frozen[] = { "backbone.0.body.conv1.**", "backbone.0.body.bn1.**",
                                      "backbone.0.body.layer1.**",
                                      "backbone.0.body.layer*.*.bn*.**",
                                      "backbone.0.body.layer*.*.downsample.1.**" };

/* [B,N,C] or [B,h,w,C] of the grid as [B,C,h,w]. */
static omn_status put_turned(golden_run *r, const char *stage, const char *output, int64_t h,
                             int64_t w, omn_error *err)
{
    omn_tensor t;
    void *data = NULL;
    if (!golden_output(r, output, &t)) return OMN_OK;
    const int64_t B = t.shape.dim[0], C = t.shape.dim[t.shape.rank - 1];
    if (t.shape.rank == 4) {
        h = t.shape.dim[1];
        w = t.shape.dim[2];
    }
    const omn_status st =
        omn_feed_new(r->made, stage, OMN_F32, omn_dim4(B, C, h, w), &data, err);
    const int64_t plane = h * w;
    for (int64_t i = 0; st == OMN_OK && i < B * C * plane; i++)
        ((float *)data)[i] =
            ((const float *)t.data)[(i / (C * plane) * plane + i % plane) * C + i / plane % C];
    return st;
}

/* 1 where nothing stands: of pixels, of what is looked at. */
static omn_status put_masks(const verify *v, const batch *b, golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor t;
    void *mask = NULL, *keys = NULL;
    const int64_t H = v->height, W = v->width;
    OMN_TRY(omn_feed_new(r->made, "image_mask", OMN_I32, omn_dim3(b->n, H, W), &mask, err));
    for (int64_t i = 0; i < b->n * H * W; i++) {
        const int64_t *d = b->of[i / (H * W)]->shape.dim;
        ((int32_t *)mask)[i] = i / W % H >= d[1] || i % W >= d[2];
    }
    if (!golden_output(r, "enc.seg", &t)) return st;
    OMN_TRY(omn_feed_new(r->made, "enc.mask", OMN_I32, t.shape, &keys, err));
    for (size_t i = 0; i < t.bytes / 4; i++)
        ((int32_t *)keys)[i] = !((const int32_t *)t.data)[i];
done:
    return st;
}

static omn_status put_stages(const verify *v, const batch *b, golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    const int64_t h = unitab_cells(v->height, false), w = unitab_cells(v->width, false);
    OMN_TRY(put_masks(v, b, r, err));
    OMN_TRY(put_turned(r, "trunk.stem", "backbone.0.body.stem", 0, 0, err));
    for (int i = 1; i <= RESNET_STAGES; i++) {
        char stage[32], output[64];
        snprintf(stage, sizeof stage, "trunk.layer%d", i);
        snprintf(output, sizeof output, "backbone.0.body.layer%d", i);
        OMN_TRY(put_turned(r, stage, output, 0, 0, err));
    }
    OMN_TRY(put_turned(r, "input_proj", "input_proj", h, w, err));
    OMN_TRY(golden_put_output(r, "logits", "logits." ROLE, err));
done:
    return st;
}

/* The norm of each gradient, in the order that the file names them; 0: none. */
static omn_status put_norms(golden_run *r, const golden_sum *s, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *text = omn_weights_meta(r->g->file, "params");
    json_t *names = text ? json_loads(text, 0, NULL) : NULL, *one;
    const size_t n = json_array_size(names);
    void *data = NULL;
    size_t i;
    if (!n || n > 100000)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: \"params\" names no weights", r->g->name));
    OMN_TRY(omn_feed_new(r->made, "grad_norms", OMN_F32, omn_dim1((int64_t)n), &data, err));
    json_array_foreach(names, i, one)
    {
        const char *name = json_string_value(one);
        const long at = name ? omn_store_find(r->store, name) : -1;
        const double *x = at >= 0 && (size_t)at < s->n ? s->of[at] : NULL;
        double sum = 0;
        const size_t count = x ? omn_store_tensor(r->store, (size_t)at).bytes / 4 : 0;
        for (size_t k = 0; k < count; k++) sum += x[k] * x[k];
        ((float *)data)[i] = (float)sqrt(sum);
    }
done:
    json_decref(names);
    return st;
}

omn_status verify_forward(verify *v, bool gradients, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    golden_sum sum = { 0 };
    batch b;
    int64_t rows = 0, lengths[2] = { 0, 0 }, T = 0;
    const golden_taught taught = { .role = ROLE, .ids = "in.prev", .labels = "in.target",
                                   .ignored = 1 };
    OMN_TRY(read_pictures(v, &b, err));
    OMN_TRY(verify_open(v, &(golden_how){ .training = gradients }, &r, err));
    OMN_TRY(feed_pictures(v, &b, &r, err));
    OMN_TRY(feed_texts(&r, b.n, &lengths[1], err));
    OMN_TRY(golden_feed_taught(&r, &taught, &rows, &T, err));
    const char *const outputs[] = { ROLE };
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = b.n,
                                .roles = roles, .lengths = lengths, .n_roles = 2,
                                .outputs = outputs, .target_lengths = &T, .n_outputs = 1,
                                .labels = true, .frozen = frozen,
                                .n_frozen = sizeof frozen / sizeof *frozen };
    if (rows != b.n)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: %lld answers to %lld pictures", v->g.name,
                         (long long)rows, (long long)b.n));
    OMN_TRY(golden_run_graph(&r, &z, err));
    OMN_TRY(put_stages(v, &b, &r, err));
    if (gradients) {
        OMN_TRY(golden_sum_add(&r, &sum, err));
        OMN_TRY(golden_sum_put(&r, &sum, err));
        OMN_TRY(put_norms(&r, &sum, err));
    }
    OMN_TRY(verify_compare(&r, err));
done:
    golden_sum_end(&sum);
    golden_close(&r);
    return st;
}

/* ---- greedy decoding ------------------------------------------------------------------------- */

typedef struct said { void *tokens, *logits, *length; } said;

/* Rows go on behind their end, as the original's do until all have one. */
static omn_status decode(golden_run *r, const golden_step *first, int64_t T, int64_t V, said *to,
                         omn_error *err)
{
    omn_status st = OMN_OK;
    const int64_t B = first->rows;
    golden_step step = *first;
    int32_t *ids = omn_call_scratch(r->g->call, (size_t)B, sizeof *ids);
    if (!ids) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->g->name);
    memset(ids, 0, (size_t)B * sizeof *ids);
    for (int64_t b = 0; b < B; b++) ((int32_t *)to->length)[b] = (int32_t)T;
    step.ids = ids;
    for (int64_t t = 0; t < T; t++) {
        omn_tensor x;
        step.start = (int32_t)t;
        OMN_TRY(golden_step_run(r, &step, &x, err));
        for (int64_t b = 0; b < B; b++) {
            const float *row = (const float *)x.data + b * V;
            int32_t *length = (int32_t *)to->length + b;
            memcpy((float *)to->logits + (b * T + t) * V, row, (size_t)V * sizeof(float));
            ids[b] = ((int32_t *)to->tokens)[b * T + t] = golden_likeliest(row, V);
            if (ids[b] == 2 && *length == T) *length = (int32_t)(t + 1);
        }
    }
done:
    return st;
}

/* What the loop of the original did behind the last end is nobody's. */
static void forget(const omn_tensor *want, const int32_t *length, int64_t B, int64_t T,
                   void *to)
{
    const size_t place = want->bytes / (size_t)(B * T);
    for (int64_t b = 0; b < B; b++)
        for (int64_t t = length[b]; t < T; t++) {
            const size_t at = (size_t)(b * T + t) * place;
            memcpy((char *)to + at, (const char *)want->data + at, place);
        }
}

omn_status verify_generate(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    batch b;
    said to;
    const omn_tensor *want, *logits;
    int64_t lengths[2] = { 0, 0 };
    const int64_t T = v->most;
    OMN_TRY(read_pictures(v, &b, err));
    OMN_TRY(golden_input(&v->g, "out.tokens", OMN_I32, 2, &want, err));
    OMN_TRY(golden_input(&v->g, "out.step_logits", OMN_F32, 3, &logits, err));
    OMN_TRY(verify_open(v, &(golden_how){ 0 }, &r, err));
    OMN_TRY(feed_pictures(v, &b, &r, err));
    OMN_TRY(feed_texts(&r, b.n, &lengths[1], err));
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_ENCODE, .rows = b.n,
                                .roles = roles, .lengths = lengths, .n_roles = 2 };
    const int64_t V = logits->shape.dim[2];
    if (!omn_shape_equal(&want->shape, &(omn_shape){ .rank = 2, .dim = { b.n, T } }) ||
        !omn_shape_equal(&logits->shape, &(omn_shape){ .rank = 3, .dim = { b.n, T, V } }) ||
        V != v->words + 2 + golden_int(&v->g, "num_bins"))
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: tokens and logits are not of %lld steps",
                         v->g.name, (long long)T));
    OMN_TRY(golden_run_graph(&r, &z, err));
    omn_tensor memory;
    OMN_TRY(omn_exec_output(r.exec, r.graph, "memory", &memory, err));
    const golden_step first = { .role = ROLE, .rows = b.n, .length = 1, .capacity = T,
                                .memory_rows = b.n, .memory_length = memory.shape.dim[1] };
    OMN_TRY(omn_feed_new(r.made, "tokens", OMN_I32, want->shape, &to.tokens, err));
    OMN_TRY(omn_feed_new(r.made, "step_logits", OMN_F32, logits->shape, &to.logits, err));
    OMN_TRY(omn_feed_new(r.made, "len", OMN_I32, omn_dim1(b.n), &to.length, err));
    OMN_TRY(decode(&r, &first, T, V, &to, err));
    forget(want, to.length, b.n, T, to.tokens);
    forget(logits, to.length, b.n, T, to.logits);
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
