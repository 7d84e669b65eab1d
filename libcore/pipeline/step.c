/* SPDX-License-Identifier: Apache-2.0 */
/* One step of a pipeline: whether it runs at all, then what its verb does with the values of its
 * slots; what fails says which step of which file. */
#include "run.h"

#include "../generate/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what it needs -------------------------------------------------------------------------- */

omn_status run_part(omn_pipeline_run *r, int slot, omn_error *err)
{
    const plan_slot *part = &r->p->slots[slot];
    omn_value *v = NULL;
    if (part->of < 0) return OMN_OK;
    omn_status st = run_part(r, part->of, err);
    const omn_value *whole = r->slots[part->of];
    if (st == OMN_OK && whole) st = run_part_of(whole, part, &v, err);
    run_put(r, slot, v);
    r->waits[slot] = !whole && r->waits[part->of];
    return st;
}

typedef struct needs {
    omn_pipeline_run *r;
    omn_error *err;
    omn_status st;
    int absent; /* a slot that must be there and is not; -1 */
} needs;

static void look(void *user, int slot, bool soft)
{
    needs *n = user;
    if (n->st == OMN_OK) n->st = run_part(n->r, slot, n->err);
    const bool needed = !soft || n->r->waits[slot];
    if (needed && !n->r->slots[slot] && n->absent < 0) n->absent = slot;
}

static omn_status leave_out(omn_pipeline_run *r, const plan_step *s, int absent, omn_error *err)
{
    omn_status st;
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    omn_buf_printf(&b, "%s:%d: %s is left out: ", s->at->file, (int)s->at->line, s->name);
    if (s->missing) {
        omn_buf_puts(&b, s->missing);
    } else if (absent >= 0) {
        omn_buf_printf(&b, "$%s was not made", r->p->slots[absent].name);
    } else {
        omn_buf_puts(&b, "when ");
        condition_print(r->p, &s->when, &b);
        omn_buf_puts(&b, " does not hold");
    }
    st = omn_buf_check(&b, "a note", err);
    if (st == OMN_OK) st = told_note(r->told, b.data, err);
    omn_buf_fini(&b);
    const bool waits = absent >= 0 && r->waits[absent];
    for (size_t i = 0; i < s->n_out; i++) run_put(r, s->out[i], NULL);
    for (size_t i = 0; i < s->n_out && waits; i++)
        if (s->out[i] >= 0) r->waits[s->out[i]] = true;
    return st;
}

static omn_status at_step(const plan_step *s, omn_status st, omn_error *err)
{
    if (st != OMN_OK && st != OMN_ERR_CANCELLED && err && !err->file[0]) {
        snprintf(err->file, sizeof err->file, "%s", s->at->file);
        err->line = s->at->line;
        err->column = s->at->column;
    }
    return st;
}

omn_status run_ready(omn_pipeline_run *r, const plan_step *s, bool *go, omn_error *err)
{
    needs n = { .r = r, .err = err, .absent = -1 };
    *go = false;
    plan_reads_own(s, look, &n);
    if (n.st == OMN_OK && n.absent < 0 && !s->missing) n.st = condition_holds(r, &s->when, go, err);
    if (n.st == OMN_OK && !*go) n.st = leave_out(r, s, n.absent, err);
    return at_step(s, n.st, err);
}

/* ---- verbs ---------------------------------------------------------------------------------- */

static omn_status run_apply(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_value *in[MOST_FROM] = { 0 };
    omn_value *out[MOST_OUTS] = { 0 };
    omn_setting set[128] = { { 0 } };
    omn_buf texts[128];
    size_t n = 0;
    if (s->n_params > 128) return yml_fail(s->at, err, "%s: more than 128 parameters", s->name);
    for (size_t i = 0; i < s->n_in; i++) in[i] = s->in[i] >= 0 ? r->slots[s->in[i]] : NULL;
    for (size_t i = 0; i < s->n_params; i++) omn_buf_init(&texts[i], (size_t)1 << 20);
    for (; n < s->n_params; n++) {
        const param *p = &s->params[n];
        if (p->slot >= 0) omn_value_text(r->slots[p->slot], &texts[n]);
        OMN_TRY(omn_buf_check(&texts[n], p->name, err));
        set[n] =
            (omn_setting){ p->name, p->slot >= 0 ? texts[n].data : p->text, p->at->line,
                           p->at->column };
    }
    OMN_TRY(omn_operation_call(s->entry, c, in, set, n, out, err));
    for (size_t i = 0; i < s->n_out; i++) run_put(r, s->out[i], out[i]);
done:
    for (size_t i = 0; i < s->n_params; i++) omn_buf_fini(&texts[i]);
    return st;
}

static int forward(void *user, const omn_event *e)
{
    omn_pipeline_run *r = user;
    if (r->cancel && omn_cancel_get(r->cancel)) return 1;
    if (!r->how.watch || !r->watching || (!r->streams && !strcmp(e->type, "token"))) return 0;
    return r->how.watch(r->how.user, r->watching, e);
}

static omn_status ask_model(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_arena *a = omn_arena_new(0);
    omn_request rq;
    omn_answer *mine = NULL;
    omn_result result = { OMN_FILL(omn_result) };
    omn_error why = OMN_ERROR_INIT;
    const run_model *m = run_by(r, s);
    bool done = false;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", s->name);
    OMN_TRY(run_request(r, c, s, a, &rq, err));
    OMN_TRY(run_answer(r, c, s, &rq.answer, &mine, err));
    OMN_TRY(run_asking(r, s, &rq, &done, err));
    if (done) goto done;
    const plan_slot *made = &r->p->slots[s->out[0]];
    r->streams = !strcmp(made->type, "text");
    r->watching = made->hidden ? NULL : made->name;
    rq.partial = r->how.partial && r->watching && !r->streams;
    rq.partial_every = r->how.partial_every;
    rq.watch = forward;
    rq.user = r;
    st = omn_generate(m->runner, &rq, &result, &why);
    /* an answer that was cut because somebody stopped it is none, and what it lacks no fault */
    if (r->cancel && omn_cancel_get(r->cancel)) st = omn_fail(err, OMN_ERR_CANCELLED, "stopped");
    else if (st != OMN_OK && err && !err->status) *err = why;
    if (st != OMN_OK) goto done;
    if (r->how.asked) OMN_TRY(r->how.asked(r->how.user, s->name, &rq, &result, err));
    OMN_TRY(run_result(r, s, &result, runner_familiar(m->runner, 0), err));
done:
    if (m->prepared && omn_prepared_full(m->prepared)) omn_prepared_clear(m->prepared);
    omn_result_fini(&result);
    omn_answer_close(mine);
    omn_arena_free(a);
    return st;
}

omn_status run_step(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err)
{
    omn_status st;
    bool go = false;
    if (r->cancel && omn_cancel_get(r->cancel)) return omn_fail(err, OMN_ERR_CANCELLED, "stopped");
    st = run_ready(r, s, &go, err);
    if (st != OMN_OK || !go) return st;
    switch (s->verb) {
    case VERB_APPLY:
        st = run_apply(r, c, s, err);
        break;
    case VERB_GENERATE:
    case VERB_SCORE:
        st = ask_model(r, c, s, err);
        break;
    case VERB_MAP:
        st = run_map(r, c, s, err);
        break;
    case VERB_RECORD:
        st = run_record(r, s, err);
        break;
    case VERB_REPEAT:
        st = run_repeat(r, c, s, err);
        break;
    case VERB_EMBED:
        st = run_embed(r, c, s, err);
        break;
    case VERB_WINDOW:
        st = run_window(r, s, err);
        break;
    default:
        st = run_tokens(r, c, s, err);
    }
    return at_step(s, st, err);
}

omn_status run_steps(omn_pipeline_run *r, omn_call *c, const plan_step *steps, size_t n,
                     omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < n && st == OMN_OK; i++)
        if (steps != r->p->steps || r->needed[i]) st = run_step(r, c, &steps[i], err);
    return st;
}
