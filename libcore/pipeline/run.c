/* SPDX-License-Identifier: Apache-2.0 */
/* Running a pipeline: slots are filled step by step; what fails says which step of which file. */
#include "run.h"

#include "../value/stream.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who asks for an output that cannot be made here is told so before anything runs. */
static omn_status all_here(const omn_pipeline_run *r, omn_error *err)
{
    for (size_t i = 0; r->how.wanted && i < r->p->n_steps; i++) {
        const plan_step *s = &r->p->steps[i];
        if (r->needed[i] && s->missing)
            return yml_fail(yml_get(s->at, "apply"), err, "%s", s->missing);
    }
    return OMN_OK;
}

omn_status omn_pipeline_run_new(omn_pipeline *p, const omn_pipeline_setup *how,
                                omn_pipeline_run **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_pipeline_run *r = calloc(1, sizeof *r);
    if (!r) return omn_fail(err, OMN_ERR_MEMORY, "running %s: out of memory", p->path);
    r->p = p;
    r->how = (omn_pipeline_setup){ OMN_FILL(omn_pipeline_setup), .temperature = NAN, .top_p = NAN };
    if (how) memcpy(&r->how, how, how->size < sizeof r->how ? how->size : sizeof r->how);
    r->needed = calloc(p->n_steps + 1, sizeof *r->needed);
    if (!r->needed) {
        st = omn_fail(err, OMN_ERR_MEMORY, "running %s: out of memory", p->path);
        goto done;
    }
    OMN_TRY(plan_needed(p, r->how.wanted, r->how.n_wanted, r->needed, err));
    OMN_TRY(all_here(r, err));
    r->main.model = r->how.model;
    r->cancel = r->how.cancel;
    r->told = told_new();
    if (!r->told) {
        st = omn_fail(err, OMN_ERR_MEMORY, "running %s: out of memory", p->path);
        goto done;
    }
    if (p->model && !r->main.model) {
        OMN_TRY(omn_model_open(p->ctx, p->model, NULL, &r->main.own, err));
        r->main.model = r->main.own;
    }
    if (p->model) OMN_TRY(run_model_start(&r->main, err));
    OMN_TRY(run_models_new(p, &r->others, err));
    if (p->n_parts) OMN_TRY(run_parts_new(p, &r->parts, err));
    r->answers = calloc(p->n_asks + 1, sizeof(omn_answer *));
    if (!r->answers) {
        st = omn_fail(err, OMN_ERR_MEMORY, "running %s: out of memory", p->path);
        goto done;
    }
    *out = r;
    return OMN_OK;
done:
    omn_pipeline_run_free(r);
    return st;
}

void run_clear(omn_pipeline_run *r)
{
    for (int i = 0; i < MOST_SLOTS; i++) {
        omn_value_unref(r->slots[i]);
        r->slots[i] = NULL;
        r->waits[i] = false;
    }
}

void omn_pipeline_run_free(omn_pipeline_run *r)
{
    if (!r) return;
    run_clear(r);
    told_free(r->told);
    for (size_t i = 0; r->answers && i < r->p->n_asks; i++) omn_answer_close(r->answers[i]);
    free(r->answers);
    run_parts_free(r->parts);
    run_model_stop(&r->main);
    run_models_free(r->p, r->others);
    free(r->needed);
    free(r);
}

/* ---- inputs --------------------------------------------------------------------------------- */

void run_put(omn_pipeline_run *r, int slot, omn_value *taken)
{
    if (slot < 0) {
        omn_value_unref(taken);
        return;
    }
    omn_value_unref(r->slots[slot]);
    r->slots[slot] = taken;
    r->waits[slot] = false;
}

/* A stream of one kind: one that is, or a value of that kind as a stream of one. */
static omn_status as_stream(omn_call *c, const omn_value *v, const char *of, omn_value **out,
                            omn_error *err)
{
    const omn_kind *kind = NULL;
    omn_value *one = NULL;
    if (omn_value_is(v, "stream") && !strcmp(stream_items(v), of)) {
        *out = omn_value_ref(v);
        return OMN_OK;
    }
    omn_status st = omn_kind_find(c, of, &kind, err);
    if (st == OMN_OK) st = omn_value_convert(c, v, kind, &one, err);
    if (st == OMN_OK) st = stream_of_one(one, out, err);
    omn_value_unref(one);
    return st;
}

/* What is given, as what is declared: words from a command line, plain JSON of a batch. */
static omn_status convert(omn_context *ctx, const omn_pipeline_port *to, const omn_value *v,
                          omn_value **out, omn_error *err)
{
    omn_call *c = NULL;
    const char *of = to->kind ? stream_type_items(to->type) : NULL;
    if (!to->kind || omn_value_is(v, to->type)) {
        *out = omn_value_ref(v);
        return OMN_OK;
    }
    omn_status st = omn_context_call(ctx, 0, 0, NULL, &c, err);
    if (st == OMN_OK)
        st = of ? as_stream(c, v, of, out, err) : omn_value_convert(c, v, to->kind, out, err);
    omn_call_free(c);
    return st;
}

omn_status run_inputs(omn_pipeline_run *r, const omn_named *inputs, size_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    run_clear(r);
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < r->p->n_inputs && strcmp(r->p->inputs[k].p.name, inputs[i].name)) k++;
        if (k == r->p->n_inputs)
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s has no input \"%s\"", r->p->path,
                            inputs[i].name);
        omn_value *v = NULL;
        st = convert(r->p->ctx, &r->p->inputs[k].p, inputs[i].value, &v, err);
        if (st != OMN_OK) {
            omn_error_prefix(err, "input %s", inputs[i].name);
            return st;
        }
        run_put(r, r->p->inputs[k].slot, v);
    }
    for (size_t k = 0; k < r->p->n_inputs; k++) {
        const port *q = &r->p->inputs[k];
        omn_value *text = NULL, *v = NULL;
        if (r->slots[q->slot]) continue;
        if (q->same >= 0) {
            st = convert(r->p->ctx, &q->p, r->slots[q->same], &v, err);
            if (st != OMN_OK)
                omn_error_prefix(err, "input %s, which is not given and so that of %s", q->p.name,
                                 q->p.deflt);
            if (st != OMN_OK) return st;
            run_put(r, q->slot, v);
            continue;
        }
        if (!q->p.deflt)
            return omn_fail(err, OMN_ERR_ARGUMENT, "input \"%s\" (%s) is missing: %s", q->p.name,
                            q->p.type, q->p.help);
        st = omn_text_new(q->p.deflt, strlen(q->p.deflt), &text, err);
        if (st == OMN_OK) st = convert(r->p->ctx, &q->p, text, &v, err);
        omn_value_unref(text);
        if (st != OMN_OK) return st;
        run_put(r, q->slot, v);
    }
    return OMN_OK;
}

/* ---- results -------------------------------------------------------------------------------- */

omn_status run_outputs(omn_pipeline_run *r, omn_value **out, omn_error *err)
{
    size_t n = 0;
    omn_status st = OMN_OK;
    omn_named *fields = calloc(r->p->n_outputs + 1, sizeof *fields);
    if (!fields) return omn_fail(err, OMN_ERR_MEMORY, "running %s: out of memory", r->p->path);
    for (size_t i = 0; i < r->p->n_outputs; i++) {
        const int slot = r->p->outputs[i].slot;
        OMN_TRY(run_part(r, slot, err));
        if (r->slots[slot]) fields[n++] = (omn_named){ r->p->outputs[i].p.name, r->slots[slot] };
    }
    OMN_TRY(omn_record_new(fields, n, out, err));
done:
    free(fields);
    return st;
}

omn_status run_sure(const omn_pipeline_run *r, omn_value **out, omn_error *err)
{
    const double sure = told_confidence(r->told);
    if (!(sure < r->how.least_confidence)) return OMN_OK;
    omn_value_unref(*out);
    *out = NULL;
    return omn_fail(err, OMN_ERR_FAILED,
                    "the model is not sure of its answer: its confidence is %.6g, and %.6g is "
                    "wanted", sure, r->how.least_confidence);
}

omn_status omn_pipeline_run_one(omn_pipeline_run *r, const omn_named *inputs, size_t n,
                                uint64_t item, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_call *c = NULL;
    told_clear(r->told);
    OMN_TRY(run_inputs(r, inputs, n, err));
    OMN_TRY(omn_context_call(r->p->ctx, r->how.seed, item, r->cancel, &c, err));
    OMN_TRY(run_steps(r, c, r->p->steps, r->p->n_steps, err));
    OMN_TRY(run_outputs(r, out, err));
    st = run_sure(r, out, err);
done:
    omn_call_free(c);
    run_clear(r);
    run_leave(r);
    return st;
}

omn_status omn_pipeline_run_told(const omn_pipeline_run *r, omn_value **out, omn_error *err)
{
    return told_value(r->told, out, err);
}

double omn_pipeline_run_confidence(const omn_pipeline_run *r)
{
    return told_confidence(r->told);
}
