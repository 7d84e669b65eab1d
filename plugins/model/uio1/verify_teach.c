/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of Unified-IO 1's golden files that are taught: whole answers with their losses and
 * gradients, and options that are scored. */
#include "verify.h"

#include "uio1.h"

#include <stdio.h>
#include <string.h>

/* ---- answers --------------------------------------------------------------------------------- */

/* What each place costs, 0 where nothing stands; *sum: of all. */
static omn_status put_costs(golden_run *r, const char *role, double *sum, omn_error *err)
{
    char name[64], stage[64];
    omn_tensor nll;
    void *data = NULL;
    snprintf(name, sizeof name, "nll.%s", role);
    if (!golden_output(r, name, &nll)) return OMN_OK;
    snprintf(name, sizeof name, "target.%s.weight", role);
    snprintf(stage, sizeof stage, "loss.%s_ce", role);
    const float *weight = omn_feed_data(r->feed, name);
    const omn_status st = golden_put_new(r, stage, OMN_F32, nll.shape, &data, err);
    for (size_t i = 0; st == OMN_OK && i < nll.bytes / sizeof(float); i++) {
        ((float *)data)[i] = ((const float *)nll.data)[i] * weight[i];
        *sum += (double)((float *)data)[i];
    }
    return st;
}

static omn_status put_losses(golden_run *r, const verify_sizes *z, omn_error *err)
{
    omn_status st = OMN_OK;
    double sum[2] = { 0, 0 };
    void *counts = NULL;
    OMN_TRY(put_costs(r, "text", &sum[0], err));
    OMN_TRY(put_costs(r, "image", &sum[1], err));
    const float text = (float)sum[0], image = (float)sum[1];
    OMN_TRY(golden_put(r, "loss.text_sum", omn_dim1(1), &text, err));
    OMN_TRY(golden_put(r, "loss.image_sum", omn_dim1(1), &image, err));
    OMN_TRY(golden_put_new(r, "loss.counts", OMN_I32, omn_dim1(2), &counts, err));
    for (int i = 0; i < 2; i++) ((int32_t *)counts)[i] = (int32_t)z->n[i];
    OMN_TRY(golden_put_output(r, "loss.total", "loss", err));
done:
    return st;
}

/* "enc.layer_0.attention.query" has the name of its weights in our graphs. */
static omn_status put_inside(golden_run *r, const char *stage, omn_error *err)
{
    static const struct { const char *of, *ours; } parts[] = {
        { "enc.layer_0.attention.", "encoder/layers_0/attention." },
        { "enc.layer_0.", "encoder/layers_0." },
        { "dec.layer_0.self_attention.", "decoder/layers_0/self_attention." },
        { "dec.layer_0.cross_attention.", "decoder/layers_0/encoder_decoder_attention." },
        { "dec.layer_0.", "decoder/layers_0." },
    };
    char name[128];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!golden_starts(stage, parts[i].of)) continue;
        snprintf(name, sizeof name, "%s%s", parts[i].ours, stage + strlen(parts[i].of));
        return golden_put_output(r, stage, name, err);
    }
    return OMN_OK;
}

static omn_status put_stages(golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor t;
    const omn_weights *w = r->g->file;
    if (golden_output(r, "logits.image", &t))
        OMN_TRY(verify_put_codes(r, "logits.image", t.data, t.shape.dim[0], t.shape.dim[1], err));
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        const char *name = omn_weights_name(w, i);
        if (golden_starts(name, "out.")) OMN_TRY(put_inside(r, name + 4, err));
    }
    st = golden_collect(r, err);
done:
    return st;
}

/* Of a picture that is taught from its pixels the codes come first. */
static omn_status put_image_codes(golden_run *r, omn_error *err)
{
    omn_tensor codes;
    if (!omn_weights_get(r->g->file, "in.target_image")) return OMN_OK;
    const omn_status st = verify_codes(r, "in.target_image", &codes, err);
    return st == OMN_OK ? omn_feed_copy(r->made, "codes", &codes, err) : st;
}

omn_status verify_taught(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    verify_sizes z;
    const omn_tensor *seen = omn_weights_get(v->g.file, "in.image_encoder_inputs");
    if (seen && seen->shape.rank == 4) {
        v->seen_h = seen->shape.dim[1];
        v->seen_w = seen->shape.dim[2];
    }
    OMN_TRY(verify_open(v, false, &r, err));
    OMN_TRY(put_image_codes(&r, err));
    OMN_TRY(verify_inputs(&r, 1, &z, err));
    OMN_TRY(verify_targets(&r, &z, true, err));
    OMN_TRY(verify_run(&r, OMN_TEACH, &z, true, false, err));
    OMN_TRY(put_losses(&r, &z, err));
    OMN_TRY(put_stages(&r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- gradients ------------------------------------------------------------------------------- */

/* Of a table the file has the rows that anything reaches, and their numbers. */
static omn_status put_rows(golden_run *r, const golden_sum *sum, const char *stage, omn_error *err)
{
    char name[160];
    const char *weight = stage + strlen("grad_rows.");
    const omn_tensor *rows;
    void *data = NULL;
    snprintf(name, sizeof name, "rows.%s", weight);
    omn_status st = golden_input(r->g->in == r->g->file ? r->g : &(golden){ .name = r->g->name,
                                                                            .in = r->g->file },
                                 name, OMN_I32, 1, &rows, err);
    if (st == OMN_OK) st = omn_feed_copy(r->made, name, rows, err);
    const long at = omn_store_find(r->store, weight);
    const double *x = at >= 0 && (size_t)at < sum->n ? sum->of[at] : NULL;
    if (st != OMN_OK || !x) return st;
    const omn_tensor t = omn_store_tensor(r->store, (size_t)at);
    const int64_t n = rows->shape.dim[0], D = t.shape.dim[1];
    st = golden_put_new(r, stage, OMN_F32, omn_dim2(n, D), &data, err);
    for (int64_t i = 0; st == OMN_OK && i < n * D; i++) {
        const int32_t row = verify_int(rows, i / D);
        ((float *)data)[i] = row >= 0 && row < t.shape.dim[0] ? (float)x[row * D + i % D] : 0;
    }
    return st;
}

omn_status verify_gradients(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    golden_sum sum = { 0 };
    verify_sizes z;
    OMN_TRY(golden_inputs_of(&v->g, "batch2", err));
    OMN_TRY(verify_open(v, true, &r, err));
    OMN_TRY(verify_inputs(&r, 1, &z, err));
    OMN_TRY(verify_targets(&r, &z, true, err));
    OMN_TRY(verify_run(&r, OMN_TEACH, &z, true, false, err));
    OMN_TRY(golden_put_output(&r, "loss.total", "loss", err));
    OMN_TRY(golden_sum_add(&r, &sum, err));
    OMN_TRY(golden_sum_put(&r, &sum, err));
    for (size_t i = 0; i < omn_weights_count(v->g.file); i++)
        if (golden_starts(omn_weights_name(v->g.file, i), "grad_rows."))
            OMN_TRY(put_rows(&r, &sum, omn_weights_name(v->g.file, i), err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_sum_end(&sum);
    golden_close(&r);
    return st;
}

/* ---- options --------------------------------------------------------------------------------- */

/* Sums [b,n] and means over the places that count; the least of each row. */
static omn_status put_scores(golden_run *r, const char *role, int64_t n,
                             const char *const stages[2], omn_error *err)
{
    omn_status st = OMN_OK;
    char name[64];
    omn_tensor nll;
    void *to[2] = { NULL }, *least[2] = { NULL };
    snprintf(name, sizeof name, "nll.%s", role);
    if (!golden_output(r, name, &nll)) return OMN_OK;
    snprintf(name, sizeof name, "target.%s.weight", role);
    const float *weight = omn_feed_data(r->feed, name), *x = nll.data;
    const int64_t rows = nll.shape.dim[0], T = nll.shape.dim[1], B = rows / n;
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s%s", stages[0], i ? "_average" : "");
        OMN_TRY(golden_put_new(r, name, OMN_F32, omn_dim2(B, n), &to[i], err));
        snprintf(name, sizeof name, "%s%s", stages[1], i ? "_average" : "");
        OMN_TRY(golden_put_new(r, name, OMN_I32, omn_dim1(B), &least[i], err));
        for (int64_t b = 0; b < B; b++) ((int32_t *)least[i])[b] = 0;
    }
    for (int64_t k = 0; k < rows; k++) {
        double sum = 0, count = 0;
        for (int64_t t = 0; t < T; t++) {
            sum += (double)(x[k * T + t] * weight[k * T + t]);
            count += (double)weight[k * T + t];
        }
        for (int i = 0; i < 2; i++) {
            float *score = (float *)to[i] + k / n * n;
            int32_t *best = (int32_t *)least[i] + k / n;
            score[k % n] = (float)(i ? sum / count : sum);
            if (score[k % n] < score[*best]) *best = (int32_t)(k % n);
        }
    }
done:
    return st;
}

/* Each option has its end, and gets one more. */
static omn_status score_texts(golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_sizes z;
    verify_target t;
    const omn_tensor *o;
    const char *const stages[2] = { "all_scores", "selected" };
    OMN_TRY(golden_input(r->g, "in.options", OMN_I32, 2, &o, err));
    const int64_t n = o->shape.dim[0], L = o->shape.dim[1], T = L + 1;
    OMN_TRY(verify_inputs(r, n, &z, err));
    OMN_TRY(verify_target_new(r, "text", z.rows, T, true, &t, err));
    for (int64_t i = 0; i < z.rows * T; i++) {
        const int64_t option = i / T % n * L, at = i % T;
        const int32_t before = at ? verify_int(o, option + at - 1) : 0;
        const int32_t now = at < L ? verify_int(o, option + at) : 0;
        t.seg[i] = at == 0 || before != 0;
        t.ids[i] = before;
        t.pos[i] = (int32_t)at;
        t.part[i] = 1;
        t.labels[i] = now ? now : 1;
        t.weight[i] = (float)t.seg[i];
    }
    z.outputs[0] = "text";
    z.targets[0] = T;
    z.n_outputs = 1;
    OMN_TRY(verify_run(r, OMN_TEACH, &z, true, false, err));
    OMN_TRY(put_scores(r, "text", n, stages, err));
done:
    return st;
}

static void fill_pictures(verify_target *t, const omn_tensor *codes, const omn_tensor *mask,
                          int64_t rows)
{
    const int64_t n = codes->shape.dim[0], T = codes->shape.dim[1];
    for (int64_t i = 0; i < rows * T; i++) {
        const int64_t at = i / T % n * T + i % T;
        const int32_t *code = codes->data;
        t->ids[i] = i % T ? code[at - 1] + UIO1_IMAGE_CODES : UIO1_IMAGE_START;
        t->pos[i] = (int32_t)(i % T) + 1;
        t->seg[i] = verify_int(mask, at) != 0;
        t->part[i] = 1;
        t->labels[i] = code[at] + UIO1_IMAGE_CODES;
        t->weight[i] = (float)t->seg[i];
    }
}

/* Pictures stand behind a text that is empty. */
static omn_status score_pictures(golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_sizes z;
    verify_target text, t;
    omn_tensor codes;
    const omn_tensor *mask;
    const char *const correct[2] = { "image_scores_correct", "image_selected" };
    const char *const original[2] = { "image_scores_original", "image_selected_original" };
    OMN_TRY(golden_input(r->g, "in.image_option_masks", OMN_I32, 2, &mask, err));
    OMN_TRY(verify_codes(r, "in.image_options", &codes, err));
    if (!omn_shape_equal(&codes.shape, &mask->shape))
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: options and their masks differ in shape",
                         r->g->name));
    OMN_TRY(omn_feed_copy(r->made, "image_codes", &codes, err));
    codes = *omn_feed_get(r->made, "image_codes");
    OMN_TRY(verify_inputs(r, codes.shape.dim[0], &z, err));
    OMN_TRY(verify_target_new(r, "text", z.rows, 1, true, &text, err));
    OMN_TRY(verify_target_new(r, "image", z.rows, codes.shape.dim[1], true, &t, err));
    for (int64_t i = 0; i < z.rows; i++) text.seg[i] = text.part[i] = text.labels[i] = 1;
    fill_pictures(&t, &codes, mask, z.rows);
    z.outputs[0] = "text";
    z.outputs[1] = "image";
    z.targets[0] = 1;
    z.targets[1] = codes.shape.dim[1];
    z.n_outputs = 2;
    OMN_TRY(verify_run(r, OMN_TEACH, &z, true, false, err));
    OMN_TRY(put_scores(r, "image", codes.shape.dim[0], correct, err));
    OMN_TRY(put_scores(r, "image", codes.shape.dim[0], original, err));
done:
    return st;
}

omn_status verify_options(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    OMN_TRY(verify_open(v, false, &r, err));
    OMN_TRY(score_texts(&r, err));
    if (omn_weights_get(v->g.file, "in.image_options")) OMN_TRY(score_pictures(&r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
