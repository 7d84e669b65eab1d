/* SPDX-License-Identifier: Apache-2.0 */
/* Losses of OFA's golden files on logits that are given: the objective of the model over them, with
 * the settings of each variant. What a trie allows at a place is cut out of its logits before. */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

#define PAD 1

static int32_t whole(const omn_tensor *t, int64_t i)
{
    int32_t x;
    memcpy(&x, (const char *)t->data + (size_t)i * sizeof x, sizeof x);
    return x;
}

omn_status verify_plain_loss(golden_run *r, const omn_tensor *logits, const char *role, float *out,
                             omn_error *err)
{
    char name[64];
    double sum = 0;
    int64_t count = 0;
    omn_format(name, sizeof name, "target.%s.labels", role);
    const omn_tensor *labels = omn_feed_get(r->feed, name);
    omn_format(name, sizeof name, "target.%s.weight", role);
    const omn_tensor *weight = omn_feed_get(r->feed, name);
    const int64_t V = logits->shape.dim[2];
    if (!labels || !weight)
        return omn_fail(err, OMN_ERR_INTERNAL, "%s: no labels were fed", r->g->name);
    for (int64_t i = 0; i < logits->shape.dim[0] * logits->shape.dim[1]; i++) {
        const float *x = (const float *)logits->data + i * V;
        if (((const float *)weight->data)[i] <= 0) continue;
        sum += golden_log_sum(x, V) - (double)x[((const int32_t *)labels->data)[i]];
        count++;
    }
    *out = (float)(sum / (count ? (double)count : 1));
    return OMN_OK;
}

/* ---- one variant ----------------------------------------------------------------------------- */

typedef struct variant {
    const char *name;
    verify_how how;
    const omn_tensor *target;             /* [B,T] */
    const omn_tensor *conf;               /* [B]; NULL: 1 */
    const omn_tensor *allowed;            /* [B,T,V]; NULL: all */
    int64_t skip;                         /* places in front that do not count */
    bool rows;                            /* the sample's size is that of its rows */
    double loss, nll;
    int64_t count;
} variant;

/* What the objective is asked: logits [1,n,V] that are fed. */
typedef struct place { const omn_part *objective, *decoder; int64_t n, V; } place;

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const place *p = user;
    const void *impl = NULL, *self = omn_part_self(p->objective, "omnio.objective/1", &impl);
    const omn_shape shape = omn_dim2(1, p->n);
    omn_bundle *outputs = omn_bundle_new(s);
    const omn_target t = { OMN_FILL(omn_target), .part = p->decoder,
                           .labels = omn_input(s, "labels", OMN_I32, shape),
                           .weight = omn_input(s, "weight", OMN_F32, shape) };
    const omn_target *const list[1] = { &t };
    omn_bundle_put(outputs, s, "logits.text",
                   omn_input(s, "logits", OMN_F32, omn_dim3(1, p->n, p->V)));
    omn_bundle_put(out, s, "loss",
                   ((const omn_objective_impl *)impl)->loss(self, s, outputs, list, 1, out));
}

/* Of logits x [n,V], what is wanted and what it weighs; the sum, and each place's cost. */
static omn_status ask(golden_run *r, const float *x, int64_t n, int64_t V, const int32_t *labels,
                      const float *weight, double *sum, float *each, omn_error *err)
{
    omn_status st = OMN_OK;
    place p = { golden_objective(r->model), omn_model_decoder(r->model, "text"), n, V };
    void *to[3] = { NULL };
    omn_tensor t;
    char key[64];
    if (!p.objective)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "%s: not supported, the plugin of its objective is not installed",
                        r->g->name);
    omn_feed_clear(r->feed);
    omn_format(key, sizeof key, "loss %lld %lld", (long long)n, (long long)V);
    OMN_TRY(omn_program_graph(omn_model_program(r->model), key, build, &p, &r->graph, err));
    OMN_TRY(omn_feed_new(r->feed, "logits", OMN_F32, omn_dim3(1, n, V), &to[0], err));
    OMN_TRY(omn_feed_new(r->feed, "labels", OMN_I32, omn_dim2(1, n), &to[1], err));
    OMN_TRY(omn_feed_new(r->feed, "weight", OMN_F32, omn_dim2(1, n), &to[2], err));
    memcpy(to[0], x, (size_t)(n * V) * sizeof *x);
    memcpy(to[1], labels, (size_t)n * sizeof *labels);
    memcpy(to[2], weight, (size_t)n * sizeof *weight);
    OMN_TRY(omn_exec_run(r->exec, r->graph, r->feed, r->g->call, err));
    OMN_TRY(omn_exec_output(r->exec, r->graph, "loss", &t, err));
    *sum = (double)*(const float *)t.data;
    OMN_TRY(omn_exec_output(r->exec, r->graph, "nll.text", &t, err));
    memcpy(each, t.data, (size_t)n * sizeof *each);
done:
    return st;
}

/* Numbers of the places that count, with their logits, labels and weights. */
typedef struct places {
    int64_t n;
    float *x, *weight, *cost;
    double *nll;
    int32_t *labels, *set;                /* set: ids that are allowed at one place */
    int64_t *at;
} places;

static omn_status gather(golden_run *r, const variant *a, const omn_tensor *logits, places *p,
                         omn_error *err)
{
    const int64_t B = logits->shape.dim[0], T = logits->shape.dim[1], V = logits->shape.dim[2];
    const size_t n = (size_t)(B * T);
    *p = (places){ .x = omn_call_scratch(r->g->call, n * (size_t)V, sizeof(float)),
                   .weight = omn_call_scratch(r->g->call, n, sizeof(float)),
                   .cost = omn_call_scratch(r->g->call, n, sizeof(float)),
                   .nll = omn_call_scratch(r->g->call, n, sizeof(double)),
                   .labels = omn_call_scratch(r->g->call, n, sizeof(int32_t)),
                   .set = omn_call_scratch(r->g->call, (size_t)V, sizeof(int32_t)),
                   .at = omn_call_scratch(r->g->call, n, sizeof(int64_t)) };
    if (!p->x || !p->weight || !p->cost || !p->nll || !p->labels || !p->set || !p->at)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->g->name);
    for (int64_t i = 0; i < B * T; i++) {
        float w = 1;
        if (whole(a->target, i) == PAD || i % T < a->skip) continue;
        if (a->conf) memcpy(&w, (const char *)a->conf->data + (size_t)(i / T) * 4, sizeof w);
        memcpy(p->x + p->n * V, (const char *)logits->data + (size_t)(i * V) * 4, (size_t)V * 4);
        p->labels[p->n] = whole(a->target, i);
        p->weight[p->n] = w;
        p->at[p->n++] = i;
    }
    return OMN_OK;
}

/* The ids allowed at place i, their logits in front of the others'; how many. */
static int64_t cut_out(const variant *a, const places *p, int64_t i, int64_t V, float *x,
                       int32_t *label)
{
    int64_t n = 0;
    for (int64_t v = 0; v < V; v++) {
        const bool range = a->how.to && v > 3 && (v < a->how.from || v >= a->how.to);
        if (range || (a->allowed && !whole(a->allowed, p->at[i] * V + v))) continue;
        if (v == p->labels[i]) *label = (int32_t)n;
        x[n++] = p->x[i * V + v];
    }
    return n;
}

/* The costs of nothing softened, for those that are kept. */
static void count(variant *a, const places *p)
{
    const int64_t kept = (int64_t)((double)p->n * (1 - a->how.drop));
    for (int64_t i = 0; i < p->n; i++) {
        int64_t better = 0;
        for (int64_t k = 0; k < p->n; k++)
            better += p->cost[k] < p->cost[i] || (p->cost[k] == p->cost[i] && k < i);
        if (better < kept) a->nll += p->nll[i] * (double)p->weight[i];
    }
    a->count = kept;
}

static omn_status run_variant(golden_run *r, variant *a, const omn_tensor *logits, omn_error *err)
{
    omn_status st = OMN_OK;
    places p;
    const int64_t V = logits->shape.dim[2];
    double mean = 0, weights = 0;
    OMN_TRY(gather(r, a, logits, &p, err));
    float *one = omn_call_scratch(r->g->call, (size_t)V, sizeof *one);
    if (!one) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->g->name));
    for (int64_t i = 0; i < p.n; i++) {
        int32_t label = 0;
        const int64_t n = cut_out(a, &p, i, V, one, &label);
        p.nll[i] = golden_log_sum(one, n) - (double)one[label];
        weights += (double)p.weight[i];
        if (!a->allowed) continue;
        OMN_TRY(ask(r, one, 1, n, &label, &p.weight[i], &mean, &p.cost[i], err));
        a->loss += mean;
    }
    if (!a->allowed) {
        OMN_TRY(ask(r, p.x, p.n, V, p.labels, p.weight, &mean, p.cost, err));
        if (weights < 1) weights = 1;
        a->loss = mean * (a->how.drop > 0 ? (double)(int64_t)((double)p.n * (1 - a->how.drop))
                                          : weights);
    }
    count(a, &p);
done:
    return st;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool uses(const json_t *v, const char *what)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(v, "uses"), i, one)
        if (!strcmp(json_string_value(one) ? json_string_value(one) : "", what)) return true;
    return false;
}

static omn_status read_variant(const golden *g, const char *name, const json_t *j, variant *a,
                               omn_error *err)
{
    omn_status st = OMN_OK;
    const char *range = json_string_value(json_object_get(j, "constraint_range"));
    *a = (variant){ .name = name,
                    .how = { .smoothing = json_number_value(json_object_get(j, "label_smoothing")),
                             .drop = json_number_value(json_object_get(j, "drop_worst_ratio")) },
                    .skip = (int64_t)json_integer_value(json_object_get(j, "ignore_prefix_size")),
                    .rows = json_is_true(json_object_get(j, "sentence_avg")) };
    OMN_TRY(golden_input(g, uses(j, "target") ? "in.target_range" : "in.target", OMN_I32, 2,
                         &a->target, err));
    if (uses(j, "conf")) OMN_TRY(golden_input(g, "in.conf", OMN_F32, 1, &a->conf, err));
    if (uses(j, "constraint_masks"))
        OMN_TRY(golden_input(g, "in.constraint_masks", OMN_I32, 3, &a->allowed, err));
    if (range) {
        char *end = NULL;
        a->how.from = strtol(range, &end, 10);
        a->how.to = *end == ',' ? strtol(end + 1, NULL, 10) : 0;
    }
done:
    return st;
}

static omn_status put_variant(golden_run *r, const variant *a, omn_error *err)
{
    omn_status st = OMN_OK;
    char stage[64];
    void *size = NULL;
    const float loss = (float)a->loss, nll = (float)a->nll;
    omn_format(stage, sizeof stage, "loss.%s", a->name);
    OMN_TRY(golden_put(r, stage, omn_dim1(1), &loss, err));
    omn_format(stage, sizeof stage, "nll.%s", a->name);
    OMN_TRY(golden_put(r, stage, omn_dim1(1), &nll, err));
    omn_format(stage, sizeof stage, "sample_size.%s", a->name);
    OMN_TRY(golden_put_new(r, stage, OMN_I32, omn_dim1(1), &size, err));
    *(int32_t *)size = (int32_t)(a->rows ? a->target->shape.dim[0] : a->count);
done:
    return st;
}

omn_status verify_losses(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run all = { 0 };
    const omn_tensor *logits = NULL;
    const char *text = omn_weights_meta(v->g.file, "variants"), *name;
    json_t *list = text ? json_loads(text, 0, NULL) : NULL, *one;
    const verify_how hollow = { .model = { .hollow = true } };
    OMN_TRY(golden_input(&v->g, "in.logits", OMN_F32, 3, &logits, err));
    OMN_TRY(verify_open(v, &hollow, &all, err));
    json_object_foreach(list, name, one)
    {
        variant a;
        golden_run r = { 0 };
        OMN_TRY(read_variant(&v->g, name, one, &a, err));
        a.how.model.hollow = true;
        st = verify_open(v, &a.how, &r, err);
        if (st == OMN_OK) st = run_variant(&r, &a, logits, err);
        if (st == OMN_OK) st = put_variant(&all, &a, err);
        golden_close(&r);
        if (st != OMN_OK) goto done;
    }
    OMN_TRY(verify_compare(&all, err));
done:
    json_decref(list);
    golden_close(&all);
    return st;
}
