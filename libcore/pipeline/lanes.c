/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of many items side by side. A batch that fails is asked again item by item, so that one bad
 * item does not take the others with it. */
#include "lanes.h"

#include "../generate/answer.h"
#include "../generate/runner.h"

#include <stdint.h>
#include <string.h>

static bool alive(const lane *l)
{
    return l->err->status == OMN_OK;
}

/* Items that are encoded at once, at most. */
static size_t rows_of(const lane *l)
{
    return l->run.how.rows ? l->run.how.rows : SIZE_MAX;
}

/* Answers that are written at once. Options are told one by one what they are worth; nothing is
 * kept of them. */
static size_t at_once(const lane *l, const omn_model *m, const plan_step *s, const omn_request *rq)
{
    if (rq->answer && rq->answer->candidates) return rows_of(l);
    const int32_t limit = model_most_answer(m, omn_model_decoder(m, s->output));
    const int64_t own = rq->beams.count > 1 ? rq->beams.count : rq->n_best > 1 ? rq->n_best : 1;
    const size_t most = run_at_once(rq->max_tokens > 0 && rq->max_tokens < limit ? rq->max_tokens
                                                                                 : limit,
                                    own * ((int64_t)rq->n_conditions + 1));
    return most < rows_of(l) ? most : rows_of(l);
}

static bool same_form(const omn_request *a, const omn_request *b)
{
    return a->n_inputs == b->n_inputs && !a->prompt == !b->prompt &&
           a->max_tokens == b->max_tokens && a->temperature == b->temperature &&
           a->top_k == b->top_k && a->top_p == b->top_p && a->n_conditions == b->n_conditions;
}

static int forward_cancel(void *user, const omn_event *e)
{
    const omn_pipeline_run *r = user;
    (void)e;
    return r->cancel && omn_cancel_get(r->cancel);
}

/* The lanes' requests of a step, in the arena; what is drawn is the same in any company. */
static void make_requests(lane *lanes, size_t n, const plan_step *s, omn_arena *a)
{
    for (size_t i = 0; i < n; i++) {
        lane *l = &lanes[i];
        bool go = false;
        if (!alive(l) || run_ready(&l->run, s, &go, l->err) != OMN_OK) continue;
        l->asked = !go;
        if (!go || run_request(&l->run, l->call, s, a, &l->rq, l->err) != OMN_OK ||
            run_answer(&l->run, l->call, s, &l->rq.answer, &l->mine, l->err) != OMN_OK)
            continue;
        l->rq.apart = true;
        l->rq.watch = forward_cancel;
        l->rq.user = &l->run;
        l->joins = true;
    }
}

/* The first lane that joins and those behind it whose requests have its form; their number. */
static size_t gather(lane *lanes, size_t n, size_t *who, omn_request *rq)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        lane *l = &lanes[i];
        if (!l->joins || (m && !same_form(&rq[0], &l->rq))) continue;
        rq[m] = l->rq;
        who[m++] = i;
        l->joins = false;
    }
    return m;
}

/* Requests of one form, `most` of them at once. Where that fails, fewer are asked together; those
 * of the smallest company that fails are left to be asked one by one. */
static void ask_some(lane *lanes, const plan_step *s, const size_t *who, const omn_request *rq,
                     omn_result *results, size_t m, size_t most)
{
    omn_error err = OMN_ERROR_INIT;
    omn_runner *runner = run_by(&lanes[0].run, s)->runner;
    if (m < 2) return;
    if (omn_generate_many(runner, rq, m, most, results, &err) != OMN_OK) {
        for (size_t i = 0, k; i < m && m > most; i += k) {
            k = m - i < most ? m - i : most;
            ask_some(lanes, s, who + i, rq + i, results, k, most);
        }
        return;
    }
    for (size_t k = 0; k < m; k++) {
        lane *l = &lanes[who[k]];
        const omn_pipeline_setup *how = &l->run.how;
        if (!how->asked || how->asked(how->user, s->name, &l->rq, &results[k], l->err) == OMN_OK)
            run_result(&l->run, s, &results[k], runner_familiar(runner, k), l->err);
        omn_result_fini(&results[k]);
        l->asked = true;
    }
}

/* All living items whose requests have one form share forward passes; those of another form are the
 * next. */
static void ask_together(lane *lanes, size_t n, const plan_step *s, omn_arena *a)
{
    omn_request *rq = omn_arena_alloc(a, n, sizeof *rq);
    omn_result *results = omn_arena_alloc(a, n, sizeof *results);
    size_t *who = omn_arena_alloc(a, n, sizeof *who), m;
    if (!rq || !results || !who) return;
    make_requests(lanes, n, s, a);
    while ((m = gather(lanes, n, who, rq)) > 0)
        ask_some(lanes, s, who, rq, results, m,
                 at_once(&lanes[0], run_by(&lanes[0].run, s)->model, s, &rq[0]));
}

/* The same for what the model makes without writing. */
static void embed_together(lane *lanes, size_t n, const plan_step *s, omn_arena *a)
{
    omn_embed_request *rq = omn_arena_alloc(a, n, sizeof *rq);
    omn_result *receipts = omn_arena_alloc(a, n, sizeof *receipts);
    omn_value **made = omn_arena_alloc(a, n, sizeof(omn_value *));
    size_t *who = omn_arena_alloc(a, n, sizeof *who), m = 0;
    if (!rq || !receipts || !made || !who) return;
    for (size_t i = 0; i < n; i++) {
        lane *l = &lanes[i];
        bool go = false;
        if (!alive(l) || run_ready(&l->run, s, &go, l->err) != OMN_OK) continue;
        l->asked = !go;
        if (!go || run_request(&l->run, l->call, s, a, &l->rq, l->err) != OMN_OK) continue;
        receipts[m] = (omn_result){ OMN_FILL(omn_result) };
        embed_request(s, &l->rq, &receipts[m], &rq[m]);
        who[m++] = i;
    }
    omn_runner *runner = run_by(&lanes[0].run, s)->runner;
    for (size_t from = 0, some; from < m && m > 1; from += some) {
        omn_error err = OMN_ERROR_INIT;
        some = m - from < rows_of(&lanes[0]) ? m - from : rows_of(&lanes[0]);
        if (omn_embed(runner, rq + from, some, made + from, &err) != OMN_OK) continue;
        for (size_t k = from; k < from + some; k++) {
            lane *l = &lanes[who[k]];
            embed_put(&l->run, l->call, s, made[k], &receipts[k], l->err);
            omn_result_fini(&receipts[k]);
            omn_value_unref(made[k]);
            l->asked = true;
        }
    }
}

static omn_status step_of_all(lane *lanes, size_t n, const plan_step *s, omn_error *err)
{
    const bool model = s->verb == VERB_GENERATE || s->verb == VERB_SCORE;
    const bool embed = s->verb == VERB_EMBED && run_by(&lanes[0].run, s)->runner;
    for (size_t i = 0; i < n; i++) lanes[i].asked = lanes[i].joins = false;
    if ((model || embed) && n > 1 && !lanes[0].run.how.asking) {
        omn_arena *a = omn_arena_new(0);
        if (!a) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", s->name);
        if (embed) embed_together(lanes, n, s, a);
        else ask_together(lanes, n, s, a);
        for (size_t i = 0; i < n; i++) {
            omn_answer_close(lanes[i].mine);
            lanes[i].mine = NULL;
        }
        omn_arena_free(a);
        omn_prepared *kept = run_by(&lanes[0].run, s)->prepared;
        if (kept && omn_prepared_full(kept)) omn_prepared_clear(kept);
    }
    for (size_t i = 0; i < n; i++) {
        if (!alive(&lanes[i]) || lanes[i].asked) continue;
        if (run_step(&lanes[i].run, lanes[i].call, s, lanes[i].err) == OMN_ERR_CANCELLED)
            return omn_fail(err, OMN_ERR_CANCELLED, "stopped");
    }
    const omn_cancel *cancel = lanes[0].run.cancel;
    return cancel && omn_cancel_get(cancel) ? omn_fail(err, OMN_ERR_CANCELLED, "stopped") : OMN_OK;
}

void lane_copy(lane *l, const omn_pipeline_run *from, omn_call *c, omn_error *err)
{
    *l = (lane){ .run = *from, .call = c, .err = err };
    l->run.how.watch = NULL;
    for (int i = 0; i < MOST_SLOTS; i++) l->run.slots[i] = omn_value_ref(from->slots[i]);
}

omn_status lanes_run(lane *lanes, size_t n, const plan_step *steps, size_t n_steps, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t k = 0; k < n_steps && st == OMN_OK; k++)
        if (steps != lanes[0].run.p->steps || lanes[0].run.needed[k])
            st = step_of_all(lanes, n, &steps[k], err);
    return st;
}
