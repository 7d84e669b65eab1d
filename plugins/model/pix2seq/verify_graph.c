/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases that run graphs: whole sequences with every stage, decoding from a cache, losses and
 * their gradients. */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

static const char *const role[] = { "image" }, *const output[] = { "text" };
static const int64_t whole[] = { 0 };

/* Pictures f32 [B,H,W,3], each `times` in a row; *rows: of them all. */
static omn_status feed_pictures(golden_run *r, int64_t times, int64_t *rows, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *t = NULL;
    void *pixels = NULL, *seg = NULL;
    const omn_part *image = omn_model_encoder(r->model, "image");
    const void *impl = NULL;
    const omn_port *ports = NULL;
    OMN_TRY(golden_input(r->g, "in.images", OMN_F32, 4, &t, err));
    const void *self = omn_part_self(image, "omnio.encoder/1", &impl);
    ((const omn_encoder_impl *)impl)->ports(self, &ports);
    const omn_shape one = ports[0].most;
    const int64_t N = ports[1].most.dim[0], *d = t->shape.dim;
    if (d[1] != one.dim[0] || d[2] != one.dim[1] || d[3] != 3)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: \"in.images\" are no pictures of %lld x %lld",
                         r->g->name, (long long)one.dim[1], (long long)one.dim[0]));
    *rows = d[0] * times;
    const size_t each = t->bytes / (size_t)d[0];
    OMN_TRY(omn_feed_new(r->feed, "image.pixels", OMN_F32, omn_dim4(*rows, d[1], d[2], 3), &pixels,
                         err));
    OMN_TRY(omn_feed_new(r->feed, "image.seg", OMN_I32, omn_dim2(*rows, N), &seg, err));
    for (int64_t i = 0; i < *rows; i++)
        memcpy((char *)pixels + (size_t)i * each,
               (const char *)t->data + (size_t)(i / times) * each, each);
    for (int64_t i = 0; i < *rows * N; i++) ((int32_t *)seg)[i] = OMN_SEG_SHARED;
done:
    return st;
}

/* Sequences [B,S] or [B,instances,S] as a teacher's target, without labels. */
static omn_status feed_sequences(golden_run *r, int64_t *times, int64_t *rows, int64_t *length,
                                 omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *t = omn_weights_get(r->g->in, "in.seq");
    const uint32_t rank = t && t->shape.rank == 3 ? 3 : 2;
    void *pos = NULL;
    OMN_TRY(golden_input(r->g, "in.seq", OMN_I32, rank, &t, err));
    *times = rank == 3 ? t->shape.dim[1] : 1;
    *length = t->shape.dim[rank - 1];
    const int64_t B = *rows = t->shape.dim[0] * *times, T = *length;
    OMN_TRY(golden_feed_target(r, "text", "ids", OMN_I32, B, T, "in.seq", err));
    OMN_TRY(golden_feed_filled(r, "text", "seg", OMN_I32, B, T, 1, err));
    OMN_TRY(golden_feed_filled(r, "text", "part", OMN_I32, B, T, 1, err));
    OMN_TRY(omn_feed_new(r->feed, "target.text.pos", OMN_I32, omn_dim2(B, T), &pos, err));
    for (int64_t i = 0; i < B * T; i++) ((int32_t *)pos)[i] = (int32_t)(i % T);
done:
    return st;
}

/* A teacher's graph over the pictures and sequences of the case. */
static omn_status teach(golden_run *r, bool labels, omn_error *err)
{
    omn_status st = OMN_OK;
    int64_t times = 0, rows = 0, pictures = 0, T = 0;
    omn_feed_clear(r->feed);
    OMN_TRY(feed_sequences(r, &times, &rows, &T, err));
    OMN_TRY(feed_pictures(r, times, &pictures, err));
    if (pictures != rows)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: %lld pictures and %lld sequences", r->g->name,
                         (long long)pictures, (long long)rows));
    if (labels) {
        OMN_TRY(golden_feed_target(r, "text", "labels", OMN_I32, rows, T, "in.target", err));
        OMN_TRY(golden_feed_target(r, "text", "weight", OMN_F32, rows, T, "in.weights", err));
    }
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = rows,
                                .roles = role, .lengths = whole, .n_roles = 1, .outputs = output,
                                .target_lengths = &T, .n_outputs = 1, .labels = labels };
    OMN_TRY(golden_run_graph(r, &z, err));
done:
    return st;
}

omn_status verify_forward(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    OMN_TRY(verify_open(v, &(verify_how){ 0 }, &r, err));
    OMN_TRY(teach(&r, false, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- decoding -------------------------------------------------------------------------------- */

/* The likeliest ids behind a prompt: tokens [rows,n], and the logits that each came from. */
typedef struct decoding {
    const char *tokens, *logits;      /* stages */
    const int32_t *prompt;            /* [rows / each, length] */
    int64_t rows, each, length, n;
    int64_t memory_rows, memory_length;
} decoding;

static omn_status decode(golden_run *r, const decoding *d, omn_error *err)
{
    omn_status st = OMN_OK;
    void *tokens = NULL, *all = NULL;
    const int64_t B = d->rows, P = d->length;
    int32_t *ids = calloc((size_t)(B * P), sizeof *ids), start = 0;
    if (!ids) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->g->name);
    for (int64_t i = 0; i < B * P; i++) ids[i] = d->prompt[i / P / d->each * P + i % P];
    OMN_TRY(golden_put_new(r, d->tokens, OMN_I32, omn_dim2(B, d->n), &tokens, err));
    for (int64_t k = 0; k < d->n; k++) {
        omn_tensor t;
        const int64_t T = k ? 1 : P;
        const golden_step s = { .role = "text", .rows = B, .length = T, .capacity = P + d->n,
                                .memory_rows = d->memory_rows, .memory_length = d->memory_length,
                                .ids = ids, .start = start };
        OMN_TRY(golden_step_run(r, &s, &t, err));
        const int64_t V = t.shape.dim[2];
        if (!all) OMN_TRY(golden_put_new(r, d->logits, OMN_F32, omn_dim3(B, d->n, V), &all, err));
        for (int64_t b = 0; b < B; b++) {
            const float *x = (const float *)t.data + (b * T + T - 1) * V;
            memcpy((float *)all + (b * d->n + k) * V, x, (size_t)V * sizeof *x);
            ids[b] = ((int32_t *)tokens)[b * d->n + k] = golden_likeliest(x, V);
        }
        start += (int32_t)T;
    }
done:
    free(ids);
    return st;
}

omn_status verify_infer(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    omn_tensor memory;
    const omn_tensor *prompt = NULL, *boxes = NULL, *labels = NULL, *tokens = NULL, *of_one = NULL;
    int64_t B = 0;
    int32_t *ids = NULL;
    OMN_TRY(verify_open(v, &(verify_how){ 0 }, &r, err));
    OMN_TRY(golden_input(&v->g, "in.prompt", OMN_I32, 2, &prompt, err));
    OMN_TRY(golden_input(&v->g, "out.tokens", OMN_I32, 2, &tokens, err));
    OMN_TRY(golden_input(&v->g, "in.instance_boxes", OMN_F32, 3, &boxes, err));
    OMN_TRY(golden_input(&v->g, "in.instance_labels", OMN_I32, 2, &labels, err));
    OMN_TRY(golden_input(&v->g, "out.instance_tokens", OMN_I32, 2, &of_one, err));
    OMN_TRY(feed_pictures(&r, 1, &B, err));
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_ENCODE, .rows = B,
                                .roles = role, .lengths = whole, .n_roles = 1 };
    OMN_TRY(golden_run_graph(&r, &z, err));
    OMN_TRY(omn_exec_output(r.exec, r.graph, "memory", &memory, err));
    decoding d = { .tokens = "tokens", .logits = "step_logits", .rows = B, .each = 1,
                   .length = prompt->shape.dim[1], .n = tokens->shape.dim[1], .memory_rows = B,
                   .memory_length = memory.shape.dim[1] };
    ids = omn_call_scratch(v->g.call, prompt->bytes, 1);
    if (!ids) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name));
    memcpy(ids, prompt->data, prompt->bytes);
    d.prompt = ids;
    if (prompt->shape.dim[0] != B || labels->shape.dim[0] != B ||
        of_one->shape.dim[0] % (B * labels->shape.dim[1]))
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: its prompts are not of its %lld pictures",
                         v->g.name, (long long)B));
    OMN_TRY(decode(&r, &d, err));
    OMN_TRY(verify_detections(v, &r, err));
    const int64_t n = labels->shape.dim[1];
    d.tokens = "instance_tokens";
    d.logits = "instance_logits";
    d.rows = of_one->shape.dim[0];
    d.each = d.rows / (B * n);
    d.length = P2S_MOST_PROMPT;
    d.n = of_one->shape.dim[1];
    OMN_TRY(verify_prompts(v, &r, "instance_prompt", P2S_SEGMENT, "in.instance_boxes",
                           "in.instance_labels", &d.prompt, err));
    OMN_TRY(decode(&r, &d, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- losses ---------------------------------------------------------------------------------- */

static omn_status put(golden_run *r, const char *stage, const char *from, omn_error *err)
{
    return golden_put_output(r, stage, from, err);
}

/* The case once more, its model opened otherwise; stages of before stay. */
static omn_status again(verify *v, const verify_how *how, golden_run *r, omn_error *err)
{
    omn_feed *made = r->made;
    r->made = NULL;
    golden_close(r);
    r->made = made;
    const omn_status st = verify_open(v, how, r, err);
    return st == OMN_OK ? teach(r, true, err) : st;
}

/* Weights of 0 where the target is padding. */
static omn_status without_padding(verify *v, golden_run *r, omn_error *err)
{
    const omn_tensor *weight = omn_feed_get(r->feed, "target.text.weight");
    const omn_tensor *labels = omn_feed_get(r->feed, "target.text.labels");
    for (size_t i = 0; i < weight->bytes / sizeof(float); i++)
        if (((const int32_t *)labels->data)[i] == P2S_END) ((float *)weight->data)[i] = 0;
    return omn_exec_run(r->exec, r->graph, r->feed, v->g.call, err);
}

omn_status verify_loss(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    golden_sum sum = { 0 };
    const bool residual = golden_has(&v->g, "out.loss_batch_stats");
    const verify_how gradients = { .model = { .training = true }, .still = true };
    OMN_TRY(again(v, &gradients, &r, err));
    OMN_TRY(golden_sum_add(&r, &sum, err));
    OMN_TRY(golden_sum_put(&r, &sum, err));
    OMN_TRY(put(&r, "token_loss", "nll.text", err));
    OMN_TRY(without_padding(v, &r, err));
    OMN_TRY(put(&r, "loss_notpad", "loss", err));
    OMN_TRY(again(v, &(verify_how){ .smoothing = 0.1 }, &r, err));
    OMN_TRY(put(&r, "loss_smooth", "loss", err));
    if (residual) {
        static const char stem[] = "after:model/encoder/resnet/initial_conv_relu_max_pool/2/bn";
        char name[128];
        OMN_TRY(again(v, &(verify_how){ .model = { .training = true } }, &r, err));
        OMN_TRY(put(&r, "loss_batch_stats", "loss", err));
        omn_format(name, sizeof name, "%s/moving_mean", stem);
        OMN_TRY(put(&r, "moving_mean", name, err));
        omn_format(name, sizeof name, "%s/moving_variance", stem);
        OMN_TRY(put(&r, "moving_variance", name, err));
    }
    OMN_TRY(verify_compare(&r, err));
done:
    golden_sum_end(&sum);
    golden_close(&r);
    return st;
}
