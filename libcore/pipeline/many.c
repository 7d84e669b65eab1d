/* SPDX-License-Identifier: Apache-2.0 */
/* Many items through a pipeline side by side: each has its own slots, all share the runner, and a
 * step of the outermost level that asks the model asks for all items in one batch. A batch that
 * fails is asked again item by item, so that one bad item does not take the others with it. */
#include "run.h"

#include <stdlib.h>
#include <string.h>

typedef struct lane {
    omn_pipeline_run run;
    omn_call *call;
    omn_request rq;
    omn_answer answer;
    omn_result result;
    bool asked;
} lane;

static bool alive(const omn_pipeline_item *it) { return it->err.status == OMN_OK; }

static bool same_form(const omn_request *a, const omn_request *b)
{
    return a->n_inputs == b->n_inputs && !a->prompt == !b->prompt &&
           a->max_tokens == b->max_tokens && a->temperature == b->temperature &&
           a->top_k == b->top_k && a->top_p == b->top_p;
}

/* Drawing depends on the place in a batch: only what is decided without chance is asked
 * together. */
static bool joins(const omn_request *rq) { return rq->temperature <= 0; }

static int forward_cancel(void *user, const omn_event *e)
{
    const omn_pipeline_run *r = user;
    (void)e;
    return r->cancel && omn_cancel_get(r->cancel);
}

/* One batch for all living items whose requests have the form of the first. */
static void ask_together(lane *lanes, omn_pipeline_item *items, size_t n, const plan_step *s,
                         omn_arena *a)
{
    omn_request *rq = omn_arena_alloc(a, n, sizeof *rq);
    omn_result *results = omn_arena_alloc(a, n, sizeof *results);
    size_t *who = omn_arena_alloc(a, n, sizeof *who), m = 0;
    if (!rq || !results || !who) return;
    for (size_t i = 0; i < n; i++) {
        if (!alive(&items[i])) continue;
        omn_error err = OMN_ERROR_INIT;
        if (run_request(&lanes[i].run, lanes[i].call, s, a, &lanes[i].rq, &lanes[i].answer, &err) !=
            OMN_OK) {
            items[i].err = err;
            continue;
        }
        if (!joins(&lanes[i].rq) || (m && !same_form(&rq[0], &lanes[i].rq))) continue;
        lanes[i].rq.watch = forward_cancel;
        lanes[i].rq.user = &lanes[i].run;
        rq[m] = lanes[i].rq;
        who[m++] = i;
    }
    omn_error err = OMN_ERROR_INIT;
    if (m < 2 || omn_generate_batch(lanes[who[0]].run.runner, rq, m, results, &err) != OMN_OK)
        return;
    for (size_t k = 0; k < m; k++) {
        run_put(&lanes[who[k]].run, s->out[0], omn_value_ref(results[k].value));
        omn_result_fini(&results[k]);
        lanes[who[k]].asked = true;
    }
}

static omn_status step_of_all(lane *lanes, omn_pipeline_item *items, size_t n, const plan_step *s,
                              omn_error *err)
{
    const bool model = s->verb == VERB_GENERATE || s->verb == VERB_SCORE;
    for (size_t i = 0; i < n; i++) lanes[i].asked = false;
    if (model && n > 1) {
        omn_arena *a = omn_arena_new(0);
        if (!a) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", s->name);
        ask_together(lanes, items, n, s, a);
        omn_arena_free(a);
    }
    for (size_t i = 0; i < n; i++) {
        if (!alive(&items[i]) || lanes[i].asked) continue;
        if (run_step(&lanes[i].run, lanes[i].call, s, &items[i].err) == OMN_ERR_CANCELLED)
            return omn_fail(err, OMN_ERR_CANCELLED, "stopped");
    }
    const omn_cancel *cancel = lanes[0].run.cancel;
    return cancel && omn_cancel_get(cancel) ? omn_fail(err, OMN_ERR_CANCELLED, "stopped") : OMN_OK;
}

static omn_status begin(omn_pipeline_run *r, lane *l, omn_pipeline_item *it, omn_error *err)
{
    l->run = (omn_pipeline_run){ .p = r->p, .model = r->model, .runner = r->runner, .how = r->how,
                                 .cancel = r->cancel, .needed = r->needed, .borrowed = true };
    l->run.how.watch = NULL;
    it->out = NULL;
    it->err = (omn_error)OMN_ERROR_INIT;
    run_inputs(&l->run, it->inputs, it->n, &it->err);
    return omn_context_call(r->p->ctx, r->how.seed, it->item, r->cancel, &l->call, err);
}

omn_status omn_pipeline_run_many(omn_pipeline_run *r, omn_pipeline_item *items, size_t n,
                                 omn_error *err)
{
    omn_status st = OMN_OK;
    if (!n) return OMN_OK;
    lane *lanes = calloc(n, sizeof *lanes);
    if (!lanes) return omn_fail(err, OMN_ERR_MEMORY, "%zu items: out of memory", n);
    for (size_t i = 0; i < n; i++) OMN_TRY(begin(r, &lanes[i], &items[i], err));
    for (size_t k = 0; k < r->p->n_steps; k++)
        if (r->needed[k]) OMN_TRY(step_of_all(lanes, items, n, &r->p->steps[k], err));
    for (size_t i = 0; i < n; i++)
        if (alive(&items[i])) run_outputs(&lanes[i].run, &items[i].out, &items[i].err);
done:
    for (size_t i = 0; i < n; i++) {
        run_clear(&lanes[i].run);
        omn_call_free(lanes[i].call);
    }
    free(lanes);
    return st;
}
