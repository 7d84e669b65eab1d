/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of OFA's loss, with the statistics that the norms of the picture's network have learnt
 * and with those of the batch, and what the learnt ones become. */
#include "verify.h"

#include <math.h>
#include <string.h>

/* "grad_norms" in the order of the file's "params"; largest: for the tolerance. */
static omn_status put_norms(golden_run *r, const golden_sum *s, omn_error *err)
{
    omn_status st = OMN_OK;
    void *data = NULL;
    const char *text = omn_weights_meta(r->g->file, "params");
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    const size_t n = json_array_size(list);
    if (!n) OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: it names no params", r->g->name));
    OMN_TRY(golden_put_new(r, "grad_norms", OMN_F32, omn_dim1((int64_t)n), &data, err));
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        const long at = name ? omn_store_find(r->store, name) : -1;
        const double *x = at >= 0 && (size_t)at < s->n ? s->of[at] : NULL;
        const size_t count = x ? omn_store_tensor(r->store, (size_t)at).bytes / sizeof(float) : 0;
        double squares = 0;
        for (size_t k = 0; k < count; k++) squares += x[k] * x[k];
        ((float *)data)[i] = (float)sqrt(squares);
        if (sqrt(squares) > r->g->largest) r->g->largest = sqrt(squares);
    }
done:
    json_decref(list);
    return st;
}

/* "grad.NAME"; of some tables the first rows alone were recorded. */
static omn_status put_gradients(golden_run *r, const golden_sum *s, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_weights *w = r->g->file;
    for (size_t i = 0; st == OMN_OK && i < omn_weights_count(w); i++) {
        const char *stage = omn_weights_name(w, i);
        const omn_tensor *want = omn_weights_at(w, i);
        void *data = NULL;
        if (!golden_starts(stage, "grad.")) continue;
        const long at = omn_store_find(r->store, stage + 5);
        const double *x = at >= 0 && (size_t)at < s->n ? s->of[at] : NULL;
        const size_t n = want->bytes / sizeof(float);
        if (!x || omn_store_tensor(r->store, (size_t)at).bytes < want->bytes) continue;
        st = golden_put_new(r, stage, OMN_F32, want->shape, &data, err);
        for (size_t k = 0; st == OMN_OK && k < n; k++) ((float *)data)[k] = (float)x[k];
    }
    return st;
}

/* What the norms have learnt behind the batch. */
static omn_status put_learnt(golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_weights *w = r->g->file;
    for (size_t i = 0; st == OMN_OK && i < omn_weights_count(w); i++) {
        char name[200];
        const char *stage = omn_weights_name(w, i);
        if (!golden_starts(stage, "out.encoder.embed_images.")) continue;
        omn_format(name, sizeof name, "after:%s", stage + 4);
        st = golden_put_output(r, stage + 4, name, err);
    }
    return st;
}

omn_status verify_gradients(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    golden_sum s = { 0 };
    const verify_how how = { .model = { .writable = true, .training = true }, .smoothing = 0.1,
                             .batch = !strcmp(v->g.kind, "train_bn") };
    const verify_ask a = { .phase = OMN_TEACH, .text = true, .labels = true };
    OMN_TRY(verify_open(v, &how, &r, err));
    OMN_TRY(verify_ask_run(&r, &a, err));
    OMN_TRY(golden_sum_add(&r, &s, err));
    const float loss = (float)s.loss;
    OMN_TRY(golden_put(&r, "loss", omn_dim1(1), &loss, err));
    OMN_TRY(put_gradients(&r, &s, err));
    OMN_TRY(put_norms(&r, &s, err));
    OMN_TRY(put_learnt(&r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_sum_end(&s);
    golden_close(&r);
    return st;
}
