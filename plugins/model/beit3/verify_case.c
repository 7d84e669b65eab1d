/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of BEiT-3's golden files that run forwards: the layers of a pair and of each alone,
 * each head, masked data, captions as they are taught. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const verify_ask pair = { .phase = OMN_TEACH, .image = true, .words = true, .codes = true };
static const verify_ask words = { .phase = OMN_TEACH, .words = true };
static const verify_ask picture = { .phase = OMN_TEACH, .image = true, .codes = true };

static omn_status put_int(golden_run *r, const char *stage, int64_t x, omn_error *err)
{
    void *data = NULL;
    const omn_status st = omn_feed_new(r->made, stage, OMN_I32, omn_dim1(1), &data, err);
    if (st == OMN_OK) *(int32_t *)data = (int32_t)x;
    return st;
}

omn_status verify_trunk(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    const verify_how how = { .task = "pretrain" };
    const int64_t side = v->img / v->patch;
    OMN_TRY(verify_open(v, &how, &r, err));
    if (!strcmp(v->g.kind, "joint")) {
        OMN_TRY(verify_ask_run(&r, &pair, err));
        OMN_TRY(verify_collect(&r, "", err));
        OMN_TRY(put_int(&r, "split", side * side + 1, err));
    } else {
        OMN_TRY(verify_ask_run(&r, &picture, err));
        OMN_TRY(verify_collect(&r, "vision.", err));
        OMN_TRY(verify_ask_run(&r, &words, err));
        OMN_TRY(verify_collect(&r, "text.", err));
    }
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* What of a head's outputs has another name in the files. */
static omn_status put_pairs(golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor t;
    OMN_TRY(golden_put_output(r, "vision_cls", "embedding.image", err));
    OMN_TRY(golden_put_output(r, "language_cls", "embedding.text", err));
    OMN_TRY(golden_put_output(r, "logits_per_image", "contrastive.scores", err));
    if (!golden_output(r, "contrastive.scores", &t)) goto done;
    void *data = NULL;
    OMN_TRY(omn_feed_new(r->made, "logits_per_text", OMN_F32, t.shape, &data, err));
    const int64_t n = t.shape.dim[0];
    for (int64_t i = 0; i < n * n; i++)
        ((float *)data)[i % n * n + i / n] = ((const float *)t.data)[i];
done:
    return st;
}

omn_status verify_heads(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    const verify_how how = { .task = v->g.kind };
    const bool retrieval = !strcmp(v->g.kind, "retrieval");
    const verify_ask a = { .phase = OMN_TEACH, .image = true,
                           .image2 = !strcmp(v->g.kind, "nlvr2"),
                           .text = strcmp(v->g.kind, "imagenet") != 0, .label = !retrieval,
                           .labels = true };
    OMN_TRY(verify_open(v, &how, &r, err));
    OMN_TRY(verify_ask_run(&r, &a, err));
    OMN_TRY(verify_collect(&r, "", err));
    if (retrieval) OMN_TRY(put_pairs(&r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- masked data ----------------------------------------------------------------------------- */

static omn_status put_masked(golden_run *r, const char *of, const verify_ask *a, float *sum,
                             omn_error *err)
{
    static const struct {
        const char *name, *role, *marks;
    } sides[2] = { { "text", "text", "in.language_masked_pos" },
                   { "image", "codes", "in.vision_masked" } };
    omn_status st = OMN_OK;
    for (int i = 0; i < 2; i++) {
        char stage[64], output[64];
        omn_tensor t;
        if (!(i ? a->codes : a->words)) continue;
        snprintf(stage, sizeof stage, "%s.%s_logits", of, sides[i].name);
        snprintf(output, sizeof output, "logits.%s", sides[i].role);
        OMN_TRY(golden_put_rows(r, stage, output, sides[i].marks, err));
        snprintf(stage, sizeof stage, "%s.%s_loss", of, sides[i].name);
        snprintf(output, sizeof output, "loss.%s", sides[i].role);
        OMN_TRY(golden_put_output(r, stage, output, err));
        if (golden_output(r, output, &t)) *sum += *(const float *)t.data;
    }
done:
    return st;
}

omn_status verify_masked(verify *v, omn_error *err)
{
    static const struct {
        const char *name;
        const verify_ask *ask;
    } runs[3] = { { "text", &words }, { "image", &picture }, { "pair", &pair } };
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    const verify_how how = { .task = "pretrain" };
    float sum = 0;
    OMN_TRY(verify_open(v, &how, &r, err));
    for (int i = 0; i < 3; i++) {
        verify_ask a = *runs[i].ask;
        a.labels = true;
        OMN_TRY(verify_ask_run(&r, &a, err));
        OMN_TRY(put_masked(&r, runs[i].name, &a, &sum, err));
    }
    OMN_TRY(golden_put(&r, "loss", omn_dim1(1), &sum, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- captions as they are taught ------------------------------------------------------------- */

/* How many of m tokens are hidden: all but the first may be, one at least is. */
static int32_t hidden_of(int32_t m, double p)
{
    const int32_t n = (int32_t)(m * p + 0.5), most = m - 1;
    return n > most ? most > 1 ? most : 1 : n < 1 ? 1 : n;
}

static omn_status put_counts(golden_run *r, omn_error *err)
{
    const omn_tensor *t = omn_weights_get(r->g->file, "out.mask_counts");
    omn_status st = t ? omn_feed_copy(r->made, "mask_counts", t, err) : OMN_OK;
    int32_t *x = st == OMN_OK && t ? omn_feed_data(r->made, "mask_counts") : NULL;
    for (size_t i = 0; x && i + 2 < t->bytes / sizeof *x; i += 3)
        x[i + 2] = hidden_of(x[i], x[i + 1] / 10.0);
    return st;
}

/* Who does not see whom, n places of a picture in front of T of a text. */
static omn_status put_prefix(golden_run *r, int64_t n, int64_t T, omn_error *err)
{
    void *data = NULL;
    const omn_status st =
        omn_feed_new(r->made, "attn_mask", OMN_I32, omn_dim2(n + T, n + T), &data, err);
    for (int64_t i = 0; st == OMN_OK && i < (n + T) * (n + T); i++) {
        const int64_t q = i / (n + T), k = i % (n + T);
        ((int32_t *)data)[i] = k >= n && (q < n || k > q);
    }
    return st;
}

/* The share of hidden words that are found. */
static omn_status put_share(golden_run *r, omn_error *err)
{
    omn_tensor logits;
    const omn_tensor *marks, *labels;
    float share = 0, all = 0;
    omn_status st = golden_input(r->g, "in.language_masked_pos", OMN_I32, 2, &marks, err);
    if (st == OMN_OK) st = golden_input(r->g, "in.labels", OMN_I32, 2, &labels, err);
    if (st != OMN_OK || !golden_output(r, "logits.text", &logits)) return st;
    const int64_t V = logits.shape.dim[2];
    for (size_t i = 0; i < marks->bytes / 4 && i < labels->bytes / 4; i++) {
        const float *x = (const float *)logits.data + (int64_t)i * V;
        int32_t on, id, best = 0;
        memcpy(&on, (const char *)marks->data + i * 4, 4);
        memcpy(&id, (const char *)labels->data + i * 4, 4);
        for (int32_t k = 1; k < V; k++)
            if (x[k] > x[best]) best = k;
        all += on != 0;
        share += on && best == id;
    }
    share /= all > 0 ? all : 1;
    return golden_put(r, "acc", omn_dim1(1), &share, err);
}

/* The loss without the worst fifth, from a model that drops it. */
static omn_status put_worst(golden_run *r, const verify_ask *a, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run other = { 0 };
    omn_tensor t;
    const verify_how how = { .task = "captioning", .keep = 0.8 };
    OMN_TRY(verify_open(beit3_of(r), &how, &other, err));
    OMN_TRY(verify_ask_run(&other, a, err));
    if (golden_output(&other, "loss", &t))
        OMN_TRY(golden_put(r, "loss_drop_worst", omn_dim1(1), t.data, err));
done:
    golden_close(&other);
    return st;
}

omn_status verify_caption(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    omn_tensor logits;
    const verify_how how = { .task = "captioning" };
    const verify_ask a = { .phase = OMN_TEACH, .image = true, .words = true, .labels = true };
    const int64_t side = v->img / v->patch;
    OMN_TRY(verify_open(v, &how, &r, err));
    OMN_TRY(verify_ask_run(&r, &a, err));
    OMN_TRY(golden_put_output(&r, "logits_all", "logits.text", err));
    OMN_TRY(golden_put_rows(&r, "logits", "logits.text", "in.language_masked_pos", err));
    OMN_TRY(golden_put_rows(&r, "token_losses", "nll.text", "in.language_masked_pos", err));
    OMN_TRY(verify_collect(&r, "", err));
    OMN_TRY(put_counts(&r, err));
    OMN_TRY(put_share(&r, err));
    if (golden_output(&r, "logits.text", &logits))
        OMN_TRY(put_prefix(&r, side * side + 1, logits.shape.dim[1], err));
    OMN_TRY(put_worst(&r, &a, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
