/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of BEiT-3's losses, and twelve steps of AdamW on one batch as the original program made
 * them: the learning rate falls from layer to layer towards the input, what has one axis does not
 * decay, the first step of the warm-up has rate 0. */
#include "verify.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_STEPS 10000

/* Sums over the runs of a case, by the store's order. */
typedef struct gradients {
    double **sum;
    size_t n;
    double loss;
} gradients;

static void gradients_fini(gradients *g)
{
    for (size_t i = 0; g->sum && i < g->n; i++) free(g->sum[i]);
    free(g->sum);
}

static omn_status add(verify_run *r, gradients *g, omn_error *err)
{
    omn_tensor t;
    if (verify_output(r, "loss", &t)) g->loss += (double)*(const float *)t.data;
    for (size_t i = 0; i < omn_graph_outputs(r->graph); i++) {
        const char *name = omn_graph_output_name(r->graph, i);
        const long at = strncmp(name, "grad:", 5) ? -1 : omn_store_find(r->store, name + 5);
        if (at < 0) continue;
        const omn_status st = omn_exec_output(r->exec, r->graph, name, &t, err);
        if (st != OMN_OK) return st;
        const size_t n = t.bytes / sizeof(float);
        if (!g->sum[at]) g->sum[at] = calloc(n + 1, sizeof **g->sum);
        if (!g->sum[at]) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->v->name);
        for (size_t k = 0; k < n; k++) g->sum[at][k] += (double)((const float *)t.data)[k];
    }
    return OMN_OK;
}

/* The stage "grad.NAME" or "gradnorm.NAME"; a weight that no loss reaches has zeros. */
static omn_status put_gradient(verify_run *r, const gradients *g, const char *stage,
                               const omn_tensor *want, omn_error *err)
{
    const bool norm = !strncmp(stage, "gradnorm.", 9);
    const long at = omn_store_find(r->store, stage + (norm ? 9 : 5));
    const double *x = at >= 0 && (size_t)at < g->n ? g->sum[at] : NULL;
    const omn_tensor t = at >= 0 ? omn_store_tensor(r->store, (size_t)at) : *want;
    const size_t n = t.bytes / sizeof(float);
    void *data = NULL;
    double squares = 0;
    const omn_status st =
        omn_feed_new(r->made, stage, OMN_F32, norm ? omn_dim1(1) : t.shape, &data, err);
    for (size_t k = 0; st == OMN_OK && x && k < n; k++) {
        squares += x[k] * x[k];
        if (!norm) ((float *)data)[k] = (float)x[k];
    }
    if (st == OMN_OK && norm) *(float *)data = (float)sqrt(squares);
    return st;
}

static omn_status put_gradients(verify_run *r, const gradients *g, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_weights *w = r->v->golden;
    double squares = 0;
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        const char *name = omn_weights_name(w, i);
        if (strncmp(name, "grad.", 5) && strncmp(name, "gradnorm.", 9)) continue;
        OMN_TRY(put_gradient(r, g, name, omn_weights_at(w, i), err));
    }
    for (size_t i = 0; i < g->n; i++) {
        const size_t n = omn_store_tensor(r->store, i).bytes / sizeof(float);
        for (size_t k = 0; g->sum[i] && k < n; k++) squares += g->sum[i][k] * g->sum[i][k];
    }
    const float norm = (float)sqrt(squares), loss = (float)g->loss;
    OMN_TRY(verify_put(r, "grad_norm", omn_dim1(1), &norm, err));
    OMN_TRY(verify_put(r, "loss", omn_dim1(1), &loss, err));
done:
    return st;
}

/* The graphs whose losses add up to a case's. */
static size_t asks_of(const verify *v, const char **task, verify_ask *a)
{
    const verify_ask words = { .phase = OMN_TEACH, .words = true, .labels = true };
    const verify_ask picture = { .phase = OMN_TEACH, .image = true, .codes = true, .labels = true };
    const verify_ask head = { .phase = OMN_TEACH, .image = true, .text = true, .labels = true };
    const bool caption = !strncmp(v->kind, "captioning", 10), masked = !strncmp(v->kind, "mdm", 3);
    if (!caption && !masked) {
        *task = !strncmp(v->kind, "vqa_", 4)        ? "vqa"
                : !strncmp(v->kind, "nlvr2_", 6)    ? "nlvr2"
                : !strncmp(v->kind, "imagenet_", 9) ? "imagenet"
                                                    : "retrieval";
        a[0] = head;
        a[0].label = strcmp(*task, "retrieval") != 0;
        a[0].image2 = !strcmp(*task, "nlvr2");
        a[0].text = strcmp(*task, "imagenet") != 0;
        return 1;
    }
    *task = caption ? "captioning" : "pretrain";
    a[0] = words;
    a[0].image = caption;
    a[1] = picture;
    a[2] = picture;
    a[2].words = true;
    return caption ? 1 : 3;
}

omn_status verify_gradients(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_run r = { 0 };
    gradients g = { 0 };
    verify_ask asks[3];
    const char *task;
    const size_t n = asks_of(v, &task, asks);
    OMN_TRY(verify_open_store(v, task, true, &r, err));
    for (size_t i = 0; i < n; i++) OMN_TRY(verify_graph(&r, &asks[i], err));
    g.n = omn_store_count(r.store);
    g.sum = calloc(g.n + 1, sizeof(double *));
    if (!g.sum) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->name));
    for (size_t i = 0; i < n; i++) {
        OMN_TRY(verify_ask_run(&r, &asks[i], err));
        OMN_TRY(add(&r, &g, err));
    }
    OMN_TRY(put_gradients(&r, &g, err));
    OMN_TRY(verify_compare(&r, err));
done:
    gradients_fini(&g);
    verify_end(&r);
    return st;
}

/* ---- twelve steps ---------------------------------------------------------------------------- */

typedef struct settings {
    double lr, min_lr, layer_decay, decay, beta1, beta2, eps, clip;
    int64_t warmup, steps;
} settings;

static omn_status read_settings(const verify *v, settings *s, omn_error *err)
{
    json_error_t why;
    const char *text = omn_weights_meta(v->golden, "config");
    json_t *j = text ? json_loads(text, 0, &why) : NULL;
    const json_t *betas = json_object_get(j, "betas");
    *s = (settings){
        .lr = json_number_value(json_object_get(j, "lr")),
        .min_lr = json_number_value(json_object_get(j, "min_lr")),
        .layer_decay = json_number_value(json_object_get(j, "layer_decay")),
        .decay = json_number_value(json_object_get(j, "weight_decay")),
        .beta1 = json_number_value(json_array_get(betas, 0)),
        .beta2 = json_number_value(json_array_get(betas, 1)),
        .eps = json_number_value(json_object_get(j, "eps")),
        .clip = json_number_value(json_object_get(j, "clip")),
        .warmup = (int64_t)json_integer_value(json_object_get(j, "warmup_steps")),
        .steps = (int64_t)json_integer_value(json_object_get(j, "steps")),
    };
    json_decref(j);
    if (s->lr > 0 && s->steps > s->warmup && s->warmup >= 2 && s->steps <= MOST_STEPS)
        return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "%s: lr, warmup_steps (2 or more) and steps (more than "
                    "those) are wanted", v->name);
}

/* linspace(0, lr, warmup), then a cosine down to min_lr. */
static double rate_at(const settings *s, int64_t step)
{
    if (step < s->warmup) return s->lr * (double)step / (double)(s->warmup - 1);
    const double part = (double)(step - s->warmup) / (double)(s->steps - s->warmup);
    return s->min_lr + (s->lr - s->min_lr) / 2 * (1 + cos(acos(-1.0) * part));
}

/* How many layers lie above a weight: what is embedded and where has all of them above it. */
static int64_t above(const verify *v, const char *name)
{
    const char *at = strstr(name, "layers.");
    if (strstr(name, "embed")) return v->layers + 1;
    return at ? v->layers - (int64_t)omn_number_read(at + 7, NULL) : 0;
}

static bool decays(const char *name, const omn_shape *shape)
{
    const size_t n = strlen(name);
    return shape->rank > 1 && !(n > 5 && !strcmp(name + n - 5, ".bias")) &&
           strcmp(name, "beit3.encoder.embed_positions.A.weight") != 0 &&
           strcmp(name, "beit3.vision_embed.cls_token") != 0;
}

/* A group for each weight, told as stages too. */
static omn_status groups_of(verify_run *r, const settings *s, omn_train_group *g, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < omn_weights_count(r->file); i++) {
        char stage[300];
        const char *name = omn_weights_name(r->file, i);
        const omn_tensor *t = omn_weights_at(r->file, i);
        g[i] = (omn_train_group){ name, pow(s->layer_decay, (double)above(r->v, name)),
                                  decays(name, &t->shape) };
        const float rate = (float)g[i].rate, decay = (float)(g[i].decay * s->decay);
        omn_format(stage, sizeof stage, "lr_scale.%s", name);
        OMN_TRY(verify_put(r, stage, omn_dim1(1), &rate, err));
        omn_format(stage, sizeof stage, "decay.%s", name);
        OMN_TRY(verify_put(r, stage, omn_dim1(1), &decay, err));
    }
done:
    return st;
}

/* Losses, norms and rates of all steps. */
typedef struct curve {
    float *loss, *norm, *lr;
    const float **gradient;               /* by the store's order */
    omn_opt *opt;
} curve;

static omn_status one_step(verify_run *r, const settings *s, int64_t i, curve *c, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor t;
    double norm = 0;
    bool finite = false;
    OMN_TRY(omn_exec_run(r->exec, r->graph, r->feed, r->v->call, err));
    OMN_TRY(omn_exec_output(r->exec, r->graph, "loss", &t, err));
    c->loss[i] = *(const float *)t.data;
    for (size_t k = 0; k < omn_graph_outputs(r->graph); k++) {
        const char *name = omn_graph_output_name(r->graph, k);
        const long at = strncmp(name, "grad:", 5) ? -1 : omn_store_find(r->store, name + 5);
        if (at < 0) continue;
        OMN_TRY(omn_exec_output(r->exec, r->graph, name, &t, err));
        c->gradient[at] = t.data;
    }
    c->lr[i] = (float)rate_at(s, i);
    OMN_TRY(omn_opt_step(c->opt, c->gradient, rate_at(s, i) / s->lr, omn_call_pool(r->v->call),
                         &norm, &finite, err));
    c->norm[i] = (float)norm;
    if (!finite)
        st = omn_fail(err, OMN_ERR_FAILED, "%s: step %d has a gradient that is not finite",
                      r->v->name, (int)i + 1);
done:
    return st;
}

/* "final.NAME": as it is now; what is not learnt is as it was. */
static omn_status put_final(verify_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < omn_weights_count(r->file); i++) {
        char stage[300];
        const char *name = omn_weights_name(r->file, i);
        const long at = omn_store_find(r->store, name);
        const omn_tensor t =
            at >= 0 ? omn_store_tensor(r->store, (size_t)at) : *omn_weights_at(r->file, i);
        omn_format(stage, sizeof stage, "final.%s", name);
        OMN_TRY(omn_feed_copy(r->made, stage, &t, err));
    }
done:
    return st;
}

omn_status verify_training(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_run r = { 0 };
    settings s;
    curve c = { 0 };
    omn_train_group *groups = NULL;
    omn_memory memory = { OMN_FILL(omn_memory) };
    const verify_ask a = { .phase = OMN_TEACH, .image = true, .words = true, .labels = true };
    OMN_TRY(read_settings(v, &s, err));
    OMN_TRY(verify_open_store(v, "captioning", true, &r, err));
    OMN_TRY(verify_graph(&r, &a, err));
    omn_program_memory(omn_model_program(r.model), &memory);
    if (memory.uploaded)
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED,
                         "%s: not supported on this device, which keeps copies of the weights; "
                         "training runs on the cpu", v->name));
    groups = calloc(omn_weights_count(r.file) + 1, sizeof *groups);
    c.gradient = calloc(omn_store_count(r.store) + 1, sizeof *c.gradient);
    c.loss = calloc(3 * (size_t)s.steps, sizeof *c.loss);
    if (!groups || !c.gradient || !c.loss)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->name));
    c.norm = c.loss + s.steps;
    c.lr = c.norm + s.steps;
    OMN_TRY(groups_of(&r, &s, groups, err));
    const omn_train_setup setup = { OMN_FILL(omn_train_setup), .rate = s.lr, .beta1 = s.beta1,
                                    .beta2 = s.beta2, .eps = s.eps, .decay = s.decay,
                                    .clip = s.clip, .groups = groups,
                                    .n_groups = omn_weights_count(r.file) };
    OMN_TRY(omn_opt_new(r.store, &setup, &c.opt, err));
    for (int64_t i = 0; i < s.steps; i++) OMN_TRY(one_step(&r, &s, i, &c, err));
    OMN_TRY(verify_put(&r, "loss", omn_dim1(s.steps), c.loss, err));
    OMN_TRY(verify_put(&r, "grad_norm", omn_dim1(s.steps), c.norm, err));
    OMN_TRY(verify_put(&r, "lr", omn_dim1(s.steps), c.lr, err));
    OMN_TRY(put_final(&r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    omn_opt_free(c.opt);
    free(c.loss);
    free(c.gradient);
    free(groups);
    verify_end(&r);
    return st;
}
