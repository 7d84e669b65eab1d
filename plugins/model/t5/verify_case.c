/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of T5's and VL-T5's golden files but for what is searched. */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

static verify_ask usual(const verify *v, omn_phase phase)
{
    return (verify_ask){ .phase = phase, .feats = v->visual ? "in.feats" : NULL,
                         .boxes = "in.boxes", .labels = "in.labels" };
}

/* ---- every stage ----------------------------------------------------------------------------- */

/* An output [B,T,H,K] as [B,T,H*K]. */
static omn_status put_joined(golden_run *r, const char *stage, const char *output, omn_error *err)
{
    omn_tensor t;
    if (!golden_output(r, output, &t) || t.shape.rank != 4) return OMN_OK;
    const int64_t *d = t.shape.dim;
    return golden_put(r, stage, omn_dim3(d[0], d[1], d[2] * d[3]), t.data, err);
}

static omn_status put_stages(golden_run *r, omn_error *err)
{
    static const char *const own[][2] = {
        { "vis.feat_linear", "encoder.visual_embedding.feat_embedding.linear" },
        { "vis.feat", "encoder.visual_embedding.feat" },
        { "vis.pos", "encoder.visual_embedding.pos" },
        { "logits", "logits.text" },
    };
    static const char *const joined[][2] = {
        { "enc.0.q", "encoder.block.0.layer.0.SelfAttention.q_norm" },
        { "enc.0.k", "encoder.block.0.layer.0.SelfAttention.k_norm" },
        { "dec.0.q", "decoder.block.0.layer.0.SelfAttention.q_norm" },
        { "dec.0.k", "decoder.block.0.layer.0.SelfAttention.k_norm" },
        { "enc.0.v", "enc.0.heads" }, { "dec.0.v", "dec.0.heads" },
    };
    omn_status st = OMN_OK;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        OMN_TRY(golden_put_output(r, own[i][0], own[i][1], err));
    for (size_t i = 0; i < sizeof joined / sizeof *joined; i++)
        OMN_TRY(put_joined(r, joined[i][0], joined[i][1], err));
done:
    return st;
}

/* Losses of single tokens; those that are ignored have none. */
static omn_status put_tokens(golden_run *r, omn_error *err)
{
    omn_tensor t;
    void *data = NULL;
    const omn_tensor *labels;
    omn_status st = golden_input(r->g, "in.labels", OMN_I32, 2, &labels, err);
    if (st != OMN_OK || !golden_output(r, "nll.text", &t)) return st;
    st = golden_put_new(r, "token_loss", OMN_F32, t.shape, &data, err);
    for (size_t i = 0; st == OMN_OK && i < t.bytes / sizeof(float); i++) {
        int32_t id;
        memcpy(&id, (const char *)labels->data + i * sizeof id, sizeof id);
        ((float *)data)[i] = id < 0 ? 0 : ((const float *)t.data)[i];
    }
    return st;
}

omn_status verify_forward(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    const verify_how how = { .per = "token" };
    verify_ask a = usual(v, OMN_TEACH);
    a.loss = true;
    OMN_TRY(verify_open(v, &how, &r, err));
    OMN_TRY(verify_run(&r, &a, err));
    OMN_TRY(put_stages(&r, err));
    OMN_TRY(put_tokens(&r, err));
    OMN_TRY(golden_collect(&r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- other inputs, other norms --------------------------------------------------------------- */

/* One norm for all parts of a region, which the file took from one of them: a store of its own has
 * it. */
static omn_status open_joint(verify *v, golden_run *r, omn_error *err)
{
    static const char front[] = "encoder.visual_embedding.";
    omn_status st = OMN_OK;
    char *config = NULL, name[96];
    const verify_how how = { .joint = true };
    r->g = &v->g;
    OMN_TRY(verify_spell(v, &how, &config, err));
    OMN_TRY(omn_weights_open(v->g.weights, &r->file, err));
    OMN_TRY(omn_store_new(0, r->file, true, &r->store, err));
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .store = r->store,
                                    .precision = OMN_PRECISION_F32, .weights = v->g.weights };
    OMN_TRY(omn_model_open_text(omn_verification_context(v->g.host), config, v->g.name, &setup,
                                &r->model, err));
    OMN_TRY(omn_model_declare(r->model, err));
    OMN_TRY(omn_feed_make(&r->feed, err));
    OMN_TRY(omn_feed_make(&r->made, err));
    OMN_TRY(omn_exec_new(omn_model_program(r->model), &r->exec, err));
    omn_format(name, sizeof name, "%slayer_norm.weight", front);
    const long at = omn_store_find(r->store, name);
    omn_format(name, sizeof name, "%sfeat_embedding.1.weight", front);
    const omn_tensor *from = omn_weights_get(r->file, name);
    if (at < 0 || !from || from->bytes != omn_store_tensor(r->store, (size_t)at).bytes)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: no norm to take", v->g.name));
    memcpy(omn_store_data(r->store, (size_t)at), from->data, from->bytes);
done:
    free(config);
    return st;
}

static omn_status put_logits(golden_run *r, golden_run *from, const char *stage, omn_error *err)
{
    omn_tensor t;
    return golden_output(from, "logits.text", &t) ? golden_put(r, stage, t.shape, t.data, err)
                                                  : OMN_OK;
}

omn_status verify_variants(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 }, joint = { 0 };
    const verify_how how = { 0 };
    verify_ask a = usual(v, OMN_TEACH);
    OMN_TRY(verify_open(v, &how, &r, err));
    a.mask = "in.vis_mask";
    OMN_TRY(verify_run(&r, &a, err));
    OMN_TRY(put_logits(&r, &r, "logits_masked", err));
    a = (verify_ask){ .phase = OMN_TEACH, .feats = "in.feats2", .boxes = "in.boxes2",
                      .pictures = 2, .labels = "in.labels" };
    OMN_TRY(verify_run(&r, &a, err));
    OMN_TRY(put_logits(&r, &r, "logits_two_images", err));
    a = usual(v, OMN_TEACH);
    OMN_TRY(open_joint(v, &joint, err));
    OMN_TRY(verify_run(&joint, &a, err));
    OMN_TRY(put_logits(&r, &joint, "logits_joint_norm", err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&joint);
    golden_close(&r);
    return st;
}

/* ---- losses ---------------------------------------------------------------------------------- */

/* Each token counts as the number of its row does; NULL: 1. skip: the rows from this one on have no
 * target. */
static omn_status weigh(golden_run *r, const char *rows, int64_t skip, omn_error *err)
{
    const omn_tensor *t = NULL, *w = omn_feed_get(r->feed, "target.text.weight");
    float *x = omn_feed_data(r->feed, "target.text.weight");
    omn_status st = rows ? golden_input(r->g, rows, OMN_F32, 1, &t, err) : OMN_OK;
    if (st == OMN_OK && t && t->shape.dim[0] != w->shape.dim[0])
        st = omn_fail(err, OMN_ERR_DATA, "%s: \"%s\": a number for each row is wanted", r->g->name,
                      rows);
    for (int64_t i = 0; st == OMN_OK && i < w->shape.dim[0] * w->shape.dim[1]; i++) {
        const int64_t b = i / w->shape.dim[1];
        float of_row = 1;
        if (t) memcpy(&of_row, (const char *)t->data + (size_t)b * sizeof of_row, sizeof of_row);
        x[i] *= b >= skip ? 0 : of_row;
    }
    return st;
}

/* One loss: the graph run again with other weights. */
static omn_status put_loss(golden_run *r, golden_run *with, const verify_ask *a, const char *stage,
                           const char *rows, int64_t skip, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor t;
    char name[64];
    omn_format(name, sizeof name, "out.%s", stage);
    if (!omn_weights_get(r->g->file, name)) return OMN_OK;
    OMN_TRY(verify_run(with, a, err));    /* feeds what there is */
    OMN_TRY(weigh(with, rows, skip, err));
    OMN_TRY(omn_exec_run(with->exec, with->graph, with->feed, with->g->call, err));
    if (golden_output(with, "loss", &t)) OMN_TRY(golden_put(r, stage, omn_dim1(1), t.data, err));
done:
    return st;
}

/* Of the table's gradient five rows are recorded: 0, 5, and the last, the last but one and the one
 * 200 before the last. */
static omn_status put_rows(golden_run *r, const golden_sum *sum, omn_error *err)
{
    const char *stage = "grad_rows.shared.weight";
    const omn_tensor *want = omn_weights_get(r->g->file, stage);
    const long at = omn_store_find(r->store, "shared.weight");
    void *data = NULL;
    if (!want || at < 0 || (size_t)at >= sum->n || !sum->of[at]) return OMN_OK;
    const omn_shape shape = omn_store_tensor(r->store, (size_t)at).shape;
    const int64_t V = shape.dim[0], D = shape.dim[1];
    const int64_t rows[5] = { 0, 5, V - 1, V - 2, V - 201 };
    const omn_status st = golden_put_new(r, stage, OMN_F32, omn_dim2(5, D), &data, err);
    for (int64_t i = 0; st == OMN_OK && i < 5 * D; i++)
        if (rows[i / D] >= 0 && rows[i / D] < V)
            ((float *)data)[i] = (float)sum->of[at][rows[i / D] * D + i % D];
    return st;
}

omn_status verify_loss(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 }, tokens = { 0 };
    golden_sum sum = { 0 };
    const int64_t all = INT64_MAX;
    const verify_how answers = { .per = "answer", .training = true }, each = { .per = "token" };
    const verify_how plain = { .per = "token", .training = true };
    verify_ask a = usual(v, OMN_TEACH);
    a.loss = true;
    OMN_TRY(verify_open(v, v->visual ? &answers : &plain, &r, err));
    if (v->visual) {
        verify_ask masked = a;
        masked.mask = "in.vis_mask";
        OMN_TRY(verify_open(v, &each, &tokens, err));
        OMN_TRY(put_loss(&r, &tokens, &a, "loss_caption", NULL, all, err));
        OMN_TRY(put_loss(&r, &r, &masked, "loss_refcoco", NULL, 1, err));
        OMN_TRY(put_loss(&r, &r, &a, "loss_pretrain", "in.loss_weights", all, err));
        OMN_TRY(put_loss(&r, &r, &a, "loss_vqa", "in.scores", all, err)); /* gradients are its */
    } else {
        OMN_TRY(verify_run(&r, &a, err));
    }
    OMN_TRY(golden_sum_add(&r, &sum, err));
    OMN_TRY(golden_sum_put(&r, &sum, err));
    OMN_TRY(put_rows(&r, &sum, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_sum_end(&sum);
    golden_close(&tokens);
    golden_close(&r);
    return st;
}
