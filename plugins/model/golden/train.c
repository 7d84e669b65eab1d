/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of a case's losses, and steps of an optimiser on one batch. */
#include "golden.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- gradients ------------------------------------------------------------------------------- */

/* Which weight output i is the gradient of; -1: none. */
static long gradient_of(const golden_run *r, size_t i)
{
    const char *name = omn_graph_output_name(r->graph, i);
    return strncmp(name, "grad:", 5) ? -1 : omn_store_find(r->store, name + 5);
}

omn_status golden_sum_add(golden_run *r, golden_sum *s, omn_error *err)
{
    omn_tensor t;
    const size_t count = omn_store_count(r->store);
    if (!s->of || count > s->n) {       /* a graph brings the weights that it is the first to use */
        double **of = realloc(s->of, (count + 1) * sizeof *of);
        if (!of) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->g->name);
        for (size_t i = s->n; i < count; i++) of[i] = NULL;
        s->of = of;
        s->n = count;
    }
    if (golden_output(r, "loss", &t)) s->loss += (double)*(const float *)t.data;
    for (size_t i = 0; i < omn_graph_outputs(r->graph); i++) {
        const long at = gradient_of(r, i);
        if (at < 0) continue;
        const omn_status st = omn_exec_output(r->exec, r->graph,
                                              omn_graph_output_name(r->graph, i), &t, err);
        if (st != OMN_OK) return st;
        const size_t n = t.bytes / sizeof(float);
        if (!s->of[at]) s->of[at] = calloc(n + 1, sizeof **s->of);
        if (!s->of[at]) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->g->name);
        for (size_t k = 0; k < n; k++) s->of[at][k] += (double)((const float *)t.data)[k];
    }
    return OMN_OK;
}

static omn_status put_gradient(golden_run *r, const golden_sum *s, const char *stage,
                               const omn_tensor *want, omn_error *err)
{
    const bool norm = golden_starts(stage, "gradnorm.");
    const long at = omn_store_find(r->store, stage + (norm ? 9 : 5));
    const double *x = at >= 0 && (size_t)at < s->n ? s->of[at] : NULL;
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

omn_status golden_sum_put(golden_run *r, const golden_sum *s, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_weights *w = r->g->file;
    double squares = 0;
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        const char *name = omn_weights_name(w, i);
        if (!golden_starts(name, "grad.") && !golden_starts(name, "gradnorm.")) continue;
        OMN_TRY(put_gradient(r, s, name, omn_weights_at(w, i), err));
    }
    for (size_t i = 0; i < s->n; i++) {
        const size_t n = omn_store_tensor(r->store, i).bytes / sizeof(float);
        for (size_t k = 0; s->of[i] && k < n; k++) squares += s->of[i][k] * s->of[i][k];
    }
    const float norm = (float)sqrt(squares), loss = (float)s->loss;
    OMN_TRY(golden_put(r, "grad_norm", omn_dim1(1), &norm, err));
    OMN_TRY(golden_put(r, "loss", omn_dim1(1), &loss, err));
done:
    return st;
}

void golden_sum_end(golden_sum *s)
{
    for (size_t i = 0; s->of && i < s->n; i++) free(s->of[i]);
    free(s->of);
    *s = (golden_sum){ 0 };
}

/* ---- training -------------------------------------------------------------------------------- */

typedef struct course {
    const golden_training *t;
    omn_opt *opt;
    const float **gradient;               /* by the store's order */
    float *loss, *norm;
} course;

static omn_status one_step(golden_run *r, course *c, int64_t i, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor t;
    double norm = 0;
    bool finite = false;
    const double rate = c->t->rate ? c->t->rate(c->t->user, i) : 1;
    OMN_TRY(omn_exec_run(r->exec, r->graph, r->feed, r->g->call, err));
    OMN_TRY(omn_exec_output(r->exec, r->graph, "loss", &t, err));
    c->loss[i] = *(const float *)t.data;
    for (size_t k = 0; k < omn_graph_outputs(r->graph); k++) {
        const long at = gradient_of(r, k);
        if (at < 0) continue;
        OMN_TRY(omn_exec_output(r->exec, r->graph, omn_graph_output_name(r->graph, k), &t, err));
        c->gradient[at] = t.data;
    }
    OMN_TRY(omn_opt_step(c->opt, c->gradient, rate, omn_call_pool(r->g->call), &norm, &finite,
                         err));
    c->norm[i] = (float)norm;
    if (!finite)
        st = omn_fail(err, OMN_ERR_FAILED, "%s: step %d has a gradient that is not finite",
                      r->g->name, (int)i + 1);
done:
    return st;
}

static omn_status check_device(const golden_run *r, omn_error *err)
{
    omn_memory memory = { OMN_FILL(omn_memory) };
    omn_program_memory(omn_model_program(r->model), &memory);
    if (!memory.uploaded) return OMN_OK;
    return omn_fail(err, OMN_ERR_UNSUPPORTED,
                    "%s: not supported on this device, which keeps copies of the weights; training "
                    "runs on the cpu", r->g->name);
}

omn_status golden_train(golden_run *r, const golden_training *t, omn_error *err)
{
    omn_status st = OMN_OK;
    course c = { .t = t };
    if (t->steps < 1 || t->steps > GOLDEN_MOST_STEPS)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: 1 to %d steps are wanted", r->g->name,
                         GOLDEN_MOST_STEPS));
    OMN_TRY(check_device(r, err));
    c.gradient = calloc(omn_store_count(r->store) + 1, sizeof *c.gradient);
    c.loss = calloc(2 * (size_t)t->steps, sizeof *c.loss);
    if (!c.gradient || !c.loss)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", r->g->name));
    c.norm = c.loss + t->steps;
    OMN_TRY(omn_opt_new(r->store, t->setup, &c.opt, err));
    for (int64_t i = 0; i < t->steps; i++) OMN_TRY(one_step(r, &c, i, err));
    if (t->losses) OMN_TRY(golden_put(r, t->losses, omn_dim1(t->steps), c.loss, err));
    if (t->norms) OMN_TRY(golden_put(r, t->norms, omn_dim1(t->steps), c.norm, err));
done:
    omn_opt_free(c.opt);
    free(c.loss);
    free(c.gradient);
    return st;
}

omn_status golden_put_final(golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_weights *w = r->g->file;
    for (size_t i = 0; st == OMN_OK && i < omn_weights_count(w); i++) {
        const char *stage = omn_weights_name(w, i);
        if (golden_starts(stage, "out.")) stage += 4;
        if (!golden_starts(stage, "final.")) continue;
        const long at = omn_store_find(r->store, stage + 6);
        const omn_tensor now = at >= 0 ? omn_store_tensor(r->store, (size_t)at) : (omn_tensor){ 0 };
        /* what no graph holds is not learnt: it is as it was */
        const omn_tensor *t = at >= 0 ? &now : omn_weights_get(r->file, stage + 6);
        if (t) st = omn_feed_copy(r->made, stage, t, err);
    }
    return st;
}
