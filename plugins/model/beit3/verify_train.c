/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of BEiT-3's losses, and twelve steps of AdamW on one batch as the original program made
 * them: the learning rate falls from layer to layer towards the input, what has one axis does not
 * decay, the first step of the warm-up has rate 0. */
#include "verify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The graphs whose losses add up to a case's. */
static size_t asks_of(const verify *v, const char **task, verify_ask *a)
{
    const verify_ask words = { .phase = OMN_TEACH, .words = true, .labels = true };
    const verify_ask picture = { .phase = OMN_TEACH, .image = true, .codes = true, .labels = true };
    const verify_ask head = { .phase = OMN_TEACH, .image = true, .text = true, .labels = true };
    const char *kind = v->g.kind;
    const bool caption = golden_starts(kind, "captioning"), masked = golden_starts(kind, "mdm");
    if (!caption && !masked) {
        *task = golden_starts(kind, "vqa_")        ? "vqa"
                : golden_starts(kind, "nlvr2_")    ? "nlvr2"
                : golden_starts(kind, "imagenet_") ? "imagenet"
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
    golden_run r = { 0 };
    golden_sum sum = { 0 };
    verify_ask asks[3];
    verify_how how = { .model = { .training = true } };
    const size_t n = asks_of(v, &how.task, asks);
    OMN_TRY(verify_open(v, &how, &r, err));
    for (size_t i = 0; i < n; i++) {
        OMN_TRY(verify_ask_run(&r, &asks[i], err));
        OMN_TRY(golden_sum_add(&r, &sum, err));
    }
    OMN_TRY(golden_sum_put(&r, &sum, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_sum_end(&sum);
    golden_close(&r);
    return st;
}

/* ---- twelve steps ---------------------------------------------------------------------------- */

typedef struct settings {
    double lr, min_lr, layer_decay, decay, beta1, beta2, eps, clip;
    int64_t warmup, steps;
} settings;

static double real(const verify *v, const char *key)
{
    return json_number_value(json_object_get(v->g.config, key));
}

static omn_status read_settings(const verify *v, settings *s, omn_error *err)
{
    const json_t *betas = json_object_get(v->g.config, "betas");
    *s = (settings){ .lr = real(v, "lr"), .min_lr = real(v, "min_lr"),
                     .layer_decay = real(v, "layer_decay"), .decay = real(v, "weight_decay"),
                     .beta1 = json_number_value(json_array_get(betas, 0)),
                     .beta2 = json_number_value(json_array_get(betas, 1)),
                     .eps = real(v, "eps"), .clip = real(v, "clip"),
                     .warmup = golden_int(&v->g, "warmup_steps"),
                     .steps = golden_int(&v->g, "steps") };
    if (s->lr > 0 && s->steps > s->warmup && s->warmup >= 2 && s->steps <= GOLDEN_MOST_STEPS)
        return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "%s: lr, warmup_steps (2 or more) and steps (more than "
                    "those) are wanted", v->g.name);
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
static omn_status groups_of(golden_run *r, const settings *s, omn_train_group *g, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < omn_weights_count(r->file); i++) {
        char stage[300];
        const char *name = omn_weights_name(r->file, i);
        const omn_tensor *t = omn_weights_at(r->file, i);
        g[i] = (omn_train_group){ name, pow(s->layer_decay, (double)above(beit3_of(r), name)),
                                  decays(name, &t->shape) };
        const float rate = (float)g[i].rate, decay = (float)(g[i].decay * s->decay);
        omn_format(stage, sizeof stage, "lr_scale.%s", name);
        OMN_TRY(golden_put(r, stage, omn_dim1(1), &rate, err));
        omn_format(stage, sizeof stage, "decay.%s", name);
        OMN_TRY(golden_put(r, stage, omn_dim1(1), &decay, err));
    }
done:
    return st;
}

static double share_at(void *user, int64_t step)
{
    const settings *s = user;
    return rate_at(s, step) / s->lr;
}

static omn_status put_rates(golden_run *r, const settings *s, omn_error *err)
{
    void *lr = NULL;
    const omn_status st = golden_put_new(r, "lr", OMN_F32, omn_dim1(s->steps), &lr, err);
    for (int64_t i = 0; st == OMN_OK && i < s->steps; i++) ((float *)lr)[i] = (float)rate_at(s, i);
    return st;
}

omn_status verify_training(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    settings s;
    omn_train_group *groups = NULL;
    const verify_how how = { .task = "captioning", .model = { .training = true } };
    const verify_ask a = { .phase = OMN_TEACH, .image = true, .words = true, .labels = true };
    OMN_TRY(read_settings(v, &s, err));
    OMN_TRY(verify_open(v, &how, &r, err));
    OMN_TRY(verify_graph(&r, &a, err));
    groups = calloc(omn_weights_count(r.file) + 1, sizeof *groups);
    if (!groups) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name));
    OMN_TRY(groups_of(&r, &s, groups, err));
    const omn_train_setup setup = { OMN_FILL(omn_train_setup), .rate = s.lr, .beta1 = s.beta1,
                                    .beta2 = s.beta2, .eps = s.eps, .decay = s.decay,
                                    .clip = s.clip, .groups = groups,
                                    .n_groups = omn_weights_count(r.file) };
    const golden_training t = { .setup = &setup, .steps = s.steps, .rate = share_at, .user = &s,
                                .losses = "loss", .norms = "grad_norm" };
    OMN_TRY(golden_train(&r, &t, err));
    OMN_TRY(put_rates(&r, &s, err));
    OMN_TRY(golden_put_final(&r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    free(groups);
    golden_close(&r);
    return st;
}
