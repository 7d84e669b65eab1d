/* SPDX-License-Identifier: Apache-2.0 */
/* Running a pipeline: slots are filled step by step; what fails says which step of which file. */
#include "run.h"

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
    r->model = r->how.model;
    r->cancel = r->how.cancel;
    r->told = told_new();
    if (!r->told) {
        st = omn_fail(err, OMN_ERR_MEMORY, "running %s: out of memory", p->path);
        goto done;
    }
    if (p->model && !r->model) {
        OMN_TRY(omn_model_open(p->ctx, p->model, NULL, &r->own_model, err));
        r->model = r->own_model;
    }
    if (p->model) OMN_TRY(omn_runner_new(r->model, &r->runner, err));
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
    }
}

void omn_pipeline_run_free(omn_pipeline_run *r)
{
    if (!r) return;
    run_clear(r);
    if (!r->borrowed) told_free(r->told);
    if (!r->borrowed) omn_runner_free(r->runner);
    omn_model_close(r->own_model);
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
}

static omn_status split_list(const char *text, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *items[4096] = { 0 };
    size_t n = 0;
    for (const char *p = text; n < 4096;) {
        size_t len = strcspn(p, ",");
        const char *next = p + len;
        while (len && *p == ' ') {
            p++;
            len--;
        }
        while (len && p[len - 1] == ' ') len--;
        OMN_TRY(omn_text_new(p, len, &items[n], err));
        n++;
        if (!*next) break;
        p = next + 1;
    }
    OMN_TRY(omn_list_new(items, n, out, err));
done:
    for (size_t i = 0; i < n; i++) omn_value_unref(items[i]);
    return st;
}

static omn_status parse_boxes(const char *text, omn_value **out, omn_error *err)
{
    omn_region boxes[256];
    size_t n = 0;
    for (const char *p = text; n < 256;) {
        omn_region *b = &boxes[n];
        int used = 0;
        if (sscanf(p, " %lf , %lf , %lf , %lf %n", &b->x0, &b->y0, &b->x1, &b->y1, &used) != 4 ||
            !used || !(b->x1 > b->x0) || !(b->y1 > b->y0) ||
            !isfinite(b->x0 + b->y0 + b->x1 + b->y1))
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "\"%s\": a box is x0,y0,x1,y1 in pixels with x1 > x0 and "
                            "y1 > y0; several are separated by ;",
                            text);
        b->score = NAN;
        b->label = NULL;
        n++;
        p += used;
        if (!*p) return omn_regions_new(boxes, n, NULL, out, err);
        if (*p++ != ';')
            return omn_fail(err, OMN_ERR_ARGUMENT, "\"%s\": boxes are separated by ;", text);
    }
    return omn_fail(err, OMN_ERR_ARGUMENT, "more than 256 boxes");
}

/* Text given where another type is declared, as from a command line. */
static omn_status convert(const char *type, const omn_value *v, omn_value **out, omn_error *err)
{
    const char *text = omn_value_get_kind(v) == OMN_VALUE_TEXT ? omn_text_get(v, NULL) : NULL;
    if (text && !strcmp(type, "list")) return split_list(text, out, err);
    if (text && !strcmp(type, "regions")) return parse_boxes(text, out, err);
    if (text && !strcmp(type, "number")) {
        char *end = NULL;
        const double x = strtod(text, &end);
        if (end == text || *end)
            return omn_fail(err, OMN_ERR_ARGUMENT, "\"%s\" is no number", text);
        return omn_number_new(x, out, err);
    }
    if (strcmp(type, "any") && strcmp(type, omn_value_kind_name(omn_value_get_kind(v))))
        return omn_fail(err, OMN_ERR_TYPE, "%s given, %s wanted",
                        omn_value_kind_name(omn_value_get_kind(v)), type);
    *out = omn_value_ref(v);
    return OMN_OK;
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
        st = convert(r->p->inputs[k].p.type, inputs[i].value, &v, err);
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
        if (!q->p.deflt)
            return omn_fail(err, OMN_ERR_ARGUMENT, "input \"%s\" (%s) is missing: %s", q->p.name,
                            q->p.type, q->p.help);
        st = omn_text_new(q->p.deflt, strlen(q->p.deflt), &text, err);
        if (st == OMN_OK) st = convert(q->p.type, text, &v, err);
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
done:
    omn_call_free(c);
    run_clear(r);
    return st;
}

omn_status omn_pipeline_run_told(const omn_pipeline_run *r, omn_value **out, omn_error *err)
{
    return told_value(r->told, out, err);
}
