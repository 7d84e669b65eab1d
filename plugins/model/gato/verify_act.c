/* SPDX-License-Identifier: Apache-2.0 */
/* An episode as it is played: after every observation the model is asked through a runner, with the
 * answer that a pipeline would name, and what it did stands in the next row. And numbers as ids. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACTS = 3, MOST_STEPS = 64 };       /* two numbers without bounds, one choice */

typedef struct play {
    verify *v;
    golden_run *r;
    omn_runner *runner;
    const omn_kind *kind;
    omn_value *seen[MOST_STEPS];
    float done[MOST_STEPS * ACTS];
    size_t n;                             /* observations so far */
    int32_t *actions, *window;            /* stages */
    float *logits, *values;
} play;

/* What was done so far, with no row at first. */
static omn_status done_so_far(const play *p, size_t n, omn_value **out, omn_error *err)
{
    static const char *const names[ACTS] = { "first", "second", "choice" };
    static const char *const units[ACTS] = { NULL, NULL, "index" };
    double time[MOST_STEPS];
    for (size_t i = 0; i < n; i++) time[i] = (double)i;
    const omn_filled columns[] = {
        omn_fill("action", OMN_F32, omn_dim2((int64_t)n, ACTS), p->done),
        omn_fill("time", OMN_F64, omn_dim1((int64_t)n), time),
        omn_fill("name", OMN_STRING, omn_dim1(ACTS), names),
        omn_fill("unit", OMN_STRING, omn_dim1(ACTS), units),
    };
    return omn_value_make(p->kind, columns, 4, NULL, out, err);
}

static omn_status episode_of(play *p, omn_value **actions, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *list = NULL;
    OMN_TRY(done_so_far(p, p->n - 1, actions, err));
    OMN_TRY(omn_list_new(p->seen, p->n, &list, err));
    const omn_named f[] = { { "observations", list }, { "actions", *actions } };
    OMN_TRY(omn_record_new(f, 2, out, err));
done:
    omn_value_unref(list);
    return st;
}

/* Logits of the actions at the end of the row, from the graph that teaches. */
static omn_status look(play *p, omn_value *episode, const int32_t *ids, omn_error *err)
{
    static const char *const role = "episode", *const out = "action";
    omn_status st = OMN_OK;
    verify *v = p->v;
    golden_run *r = p->r;
    omn_tensor t;
    gato_steps s = { 0 };
    omn_feed *one = NULL;
    char name[64];
    OMN_TRY(omn_feed_make(&one, err));
    OMN_TRY(omn_model_prepare(r->model, v->g.call, role, episode, one, NULL, err));
    const int64_t L = omn_feed_get(one, "ids")->shape.dim[0];
    omn_feed_clear(r->feed);
    for (size_t i = 0; i < omn_feed_count(one); i++) {
        omn_tensor port = *omn_feed_get(one, omn_feed_name(one, i));
        const uint32_t rank = port.shape.rank;
        for (uint32_t d = rank; d > 0; d--) port.shape.dim[d] = port.shape.dim[d - 1];
        port.shape.dim[0] = 1;
        port.shape.rank = rank + 1;
        omn_format(name, sizeof name, "episode.%s", omn_feed_name(one, i));
        OMN_TRY(omn_feed_copy(r->feed, name, &port, err));
    }
    OMN_TRY(gato_model_steps(r->model, episode, &s, err));
    const int64_t T = (int64_t)s.total - 1;
    OMN_TRY(golden_feed_filled(r, out, "ids", OMN_I32, 1, T, gato_separator(&v->ids), err));
    OMN_TRY(golden_feed_filled(r, out, "from", OMN_I32, 1, T, -1, err));
    OMN_TRY(golden_feed_filled(r, out, "seg", OMN_I32, 1, T, 1, err));
    OMN_TRY(golden_feed_filled(r, out, "pos", OMN_I32, 1, T, 0, err));
    OMN_TRY(golden_feed_filled(r, out, "part", OMN_I32, 1, T, 1, err));
    int32_t *to = omn_feed_data(r->feed, "target.action.ids");
    int32_t *from = omn_feed_data(r->feed, "target.action.from");
    int64_t at = 0, k = 0;
    for (size_t i = 0; i < s.kept; i++) {
        while (k < (int64_t)s.ends[i]) from[at++] = (int32_t)k++;
        at++;
        const size_t step = s.first + i;
        const int32_t *own = step + 1 < p->n ? p->actions + step * ACTS : ids;
        for (int a = 0; a < ACTS && at < T; a++) to[at++] = own[a];
    }
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = 1,
                                .roles = &role, .lengths = &L, .n_roles = 1, .outputs = &out,
                                .target_lengths = &T, .n_outputs = 1 };
    OMN_TRY(golden_run_graph(r, &z, err));
    OMN_TRY(omn_exec_output(r->exec, r->graph, "logits.action", &t, err));
    const size_t V = (size_t)t.shape.dim[2];
    memcpy(p->logits + (p->n - 1) * ACTS * V, (const float *)t.data + ((size_t)T - ACTS) * V,
           ACTS * V * sizeof(float));
    p->window[2 * (p->n - 1)] = (int32_t)s.kept;
    p->window[2 * (p->n - 1) + 1] = (int32_t)s.total;
done:
    gato_steps_fini(&s);
    omn_feed_free(one);
    return st;
}

static omn_status act(play *p, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t i = p->n - 1;
    omn_value *actions = NULL, *episode = NULL;
    omn_answer *answer = NULL;
    omn_result out = { OMN_FILL(omn_result) };
    OMN_TRY(episode_of(p, &actions, &episode, err));
    const omn_named like = { "control", actions }, in = { "episode", episode };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = "control",
                                   .output = "action", .values = &like, .n_values = 1 };
    OMN_TRY(omn_answer_open(p->r->model, p->v->g.call, &how, &answer, err));
    const omn_request rq = { OMN_FILL(omn_request), .inputs = &in, .n_inputs = 1,
                             .output = "action", .answer = answer };
    OMN_TRY(omn_generate(p->runner, &rq, &out, err));
    const omn_tensor *t = omn_value_column(out.value, "action");
    if (out.tokens != ACTS || !t || t->bytes != ACTS * sizeof(float))
        OMN_TRY(omn_fail(err, OMN_ERR_FAILED, "%s: step %zu has %u tokens, %d are wanted",
                         p->v->g.name, i, out.tokens, ACTS));
    memcpy(p->actions + i * ACTS, out.ids, ACTS * sizeof *out.ids);
    memcpy(p->values + i * ACTS, t->data, t->bytes);
    memcpy(p->done + i * ACTS, t->data, t->bytes);
    OMN_TRY(look(p, episode, out.ids, err));
done:
    omn_result_fini(&out);
    omn_answer_close(answer);
    omn_value_unref(episode);
    omn_value_unref(actions);
    return st;
}

static omn_status stages(play *p, int64_t steps, omn_error *err)
{
    omn_status st = OMN_OK;
    const int64_t V = gato_separator(&p->v->ids) + 1;
    void *to[4] = { NULL };
    OMN_TRY(golden_put_new(p->r, "actions", OMN_I32, omn_dim2(steps, ACTS), &to[0], err));
    OMN_TRY(golden_put_new(p->r, "window", OMN_I32, omn_dim2(steps, 2), &to[1], err));
    OMN_TRY(golden_put_new(p->r, "values", OMN_F32, omn_dim2(steps, ACTS), &to[2], err));
    OMN_TRY(golden_put_new(p->r, "step_logits", OMN_F32, omn_dim3(steps, ACTS, V), &to[3], err));
    p->actions = to[0];
    p->window = to[1];
    p->values = to[2];
    p->logits = to[3];
done:
    return st;
}

omn_status verify_act(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    play p = { .v = v, .r = &r };
    char step[64], dotted[72];
    size_t steps = 0;
    for (; steps < MOST_STEPS; steps++) {
        omn_format(dotted, sizeof dotted, "in.step.%zu.", steps);
        if (!golden_has(&v->g, dotted)) break;
    }
    if (!steps) OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: it has no step", v->g.name));
    OMN_TRY(verify_open(v, false, &r, err));
    OMN_TRY(omn_kind_find(v->g.call, "actions", &p.kind, err));
    OMN_TRY(omn_runner_new(r.model, &p.runner, err));
    OMN_TRY(stages(&p, (int64_t)steps, err));
    while (p.n < steps) {
        omn_format(step, sizeof step, "in.step.%zu", p.n);
        OMN_TRY(verify_observation(v, step, &p.seen[p.n], err));
        p.n++;
        OMN_TRY(act(&p, err));
    }
    OMN_TRY(verify_compare(v, &r, err));
done:
    omn_runner_free(p.runner);
    for (size_t i = 0; i < p.n; i++) omn_value_unref(p.seen[i]);
    golden_close(&r);
    return st;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static omn_status put_values(const verify *v, golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *x = NULL, *a = NULL;
    void *F = NULL, *seen = NULL, *done = NULL;
    OMN_TRY(golden_input(&v->g, "in.values", OMN_F32, 1, &x, err));
    OMN_TRY(golden_input(&v->g, "in.actions", OMN_F32, 1, &a, err));
    OMN_TRY(golden_put_new(r, "F", OMN_F32, x->shape, &F, err));
    OMN_TRY(golden_put_new(r, "value_tokens", OMN_I32, x->shape, &seen, err));
    OMN_TRY(golden_put_new(r, "action_tokens", OMN_I32, a->shape, &done, err));
    for (int64_t i = 0; i < x->shape.dim[0]; i++) {
        float f;
        memcpy(&f, (const char *)x->data + i * 4, sizeof f);
        ((float *)F)[i] = (float)gato_mu_law(&v->ids, (double)f);
        ((int32_t *)seen)[i] =
            v->ids.text + gato_bin(v->ids.bins, gato_mu_law(&v->ids, (double)f));
    }
    for (int64_t i = 0; i < a->shape.dim[0]; i++) {
        float f;
        memcpy(&f, (const char *)a->data + i * 4, sizeof f);
        ((int32_t *)done)[i] = v->ids.text + gato_bin(v->ids.bins, (double)f);
    }
done:
    return st;
}

/* Patches of a side: from, to, and the row of their table. */
static omn_status put_intervals(golden_run *r, int32_t n, omn_error *err)
{
    char name[32];
    void *data = NULL;
    omn_format(name, sizeof name, "interval_%d", (int)n);
    const omn_status st = golden_put_new(r, name, OMN_I32, omn_dim2(n, 3), &data, err);
    for (int32_t i = 0; st == OMN_OK && i < n; i++) {
        int32_t *row = (int32_t *)data + 3 * (size_t)i;
        const double from = (double)i / n, to = (double)(i + 1) / n;
        row[0] = (int32_t)nearbyint(from * GATO_INTERVALS);
        row[1] = (int32_t)nearbyint(to * GATO_INTERVALS);
        row[2] = omn_bucket_interval(from, to, GATO_INTERVALS);
    }
    return st;
}

omn_status verify_quantise(verify *v, omn_error *err)
{
    static const int32_t sides[] = { 1, 2, 3, 5, 7, 12, 20 };
    omn_status st = OMN_OK;
    golden_run r = { .g = &v->g };
    void *seen = NULL, *done = NULL;
    const int32_t bins = v->ids.bins;
    OMN_TRY(omn_feed_make(&r.made, err));
    OMN_TRY(put_values(v, &r, err));
    OMN_TRY(golden_put_new(&r, "value_of_bin", OMN_F32, omn_dim1(bins), &seen, err));
    OMN_TRY(golden_put_new(&r, "action_of_bin", OMN_F32, omn_dim1(bins), &done, err));
    for (int32_t i = 0; i < bins; i++) {
        ((float *)done)[i] = (float)gato_middle(bins, i);
        ((float *)seen)[i] = (float)gato_mu_law_back(&v->ids, gato_middle(bins, i));
    }
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        OMN_TRY(put_intervals(&r, sides[i], err));
    OMN_TRY(verify_compare(v, &r, err));
done:
    golden_close(&r);
    return st;
}
