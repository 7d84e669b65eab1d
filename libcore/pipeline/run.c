/* SPDX-License-Identifier: Apache-2.0 */
/* Running a pipeline: slots are filled step by step; what fails says which step of which file. */
#include "run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    r->model = r->how.model;
    r->cancel = r->how.cancel;
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

/* ---- steps ---------------------------------------------------------------------------------- */

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
    for (; n < s->n_params; n++) {
        const param *p = &s->params[n];
        omn_buf_init(&texts[n], (size_t)1 << 20);
        if (p->slot >= 0) omn_value_text(r->slots[p->slot], &texts[n]);
        set[n] =
            (omn_setting){ p->name, p->slot >= 0 ? (texts[n].data ? texts[n].data : "") : p->text,
                           p->at->line, p->at->column };
    }
    OMN_TRY(omn_operation_call(s->entry, c, in, set, n, out, err));
    for (size_t i = 0; i < s->n_out; i++) run_put(r, s->out[i], out[i]);
done:
    for (size_t i = 0; i < n; i++) omn_buf_fini(&texts[i]);
    return st;
}

static int forward(void *user, const omn_event *e)
{
    omn_pipeline_run *r = user;
    if (r->cancel && omn_cancel_get(r->cancel)) return 1;
    return r->how.watch && r->watching ? r->how.watch(r->how.user, r->watching, e) : 0;
}

static omn_status run_model(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_arena *a = omn_arena_new(0);
    omn_request rq;
    omn_answer answer;
    omn_result result = { OMN_FILL(omn_result) };
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", s->name);
    OMN_TRY(run_request(r, c, s, a, &rq, &answer, err));
    r->watching = answer.kind == OMN_ANSWER_TEXT ? r->p->slots[s->out[0]].name : NULL;
    rq.watch = forward;
    rq.user = r;
    OMN_TRY(omn_generate(r->runner, &rq, &result, err));
    run_put(r, s->out[0], omn_value_ref(result.value));
done:
    omn_result_fini(&result);
    omn_arena_free(a);
    return st;
}

static omn_status run_tokens(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_value *v = r->slots[s->in[0]];
    const omn_part *d = omn_model_decoder(r->model, "text");
    const omn_decoder_impl *impl = NULL;
    const void *self = d ? omn_part_self(d, "omnio.decoder/1", (const void **)&impl) : NULL;
    omn_value *out = NULL;
    int32_t *ids = NULL;
    size_t n = 0;
    if (!self) return yml_fail(s->at, err, "%s: this model has no text tokens", s->name);
    if (s->verb == VERB_TOKENIZE) {
        size_t length = 0;
        omn_text_get(v, &length);
        ids = calloc(length + 16, sizeof *ids);
        if (!ids) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", s->name);
        OMN_TRY(impl->encode(self, c, v, ids, length + 16, &n, err));
        OMN_TRY(omn_tokens_new(ids, n, omn_model_object(r->model), &out, err));
    } else {
        const int32_t *list = NULL;
        n = omn_tokens_get(v, &list, NULL);
        OMN_TRY(impl->decode(self, c, list, n, &out, err));
    }
    run_put(r, s->out[0], out);
done:
    free(ids);
    return st;
}

static bool empty(const omn_value *v)
{
    switch (omn_value_get_kind(v)) {
    case OMN_VALUE_LIST: return omn_list_count(v) == 0;
    case OMN_VALUE_REGIONS: return omn_regions_get(v, NULL) == 0;
    case OMN_VALUE_TEXT: return omn_text_get(v, NULL)[0] == 0;
    default: return false;
    }
}

/* Item i of a list, or box i of regions as regions of one. */
static omn_status item_of(const omn_value *v, size_t i, omn_value **out, omn_error *err)
{
    if (omn_value_get_kind(v) == OMN_VALUE_LIST) {
        *out = omn_value_ref(omn_list_at(v, i));
        return OMN_OK;
    }
    const omn_region *list = NULL;
    omn_regions_get(v, &list);
    return omn_regions_new(&list[i], 1, NULL, out, err);
}

static omn_status run_map(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *over = omn_value_ref(r->slots[s->in[0]]), *out = NULL;
    const omn_region *boxes;
    const omn_value_kind k = omn_value_get_kind(over);
    const size_t n = k == OMN_VALUE_LIST ? omn_list_count(over)
                     : k == OMN_VALUE_REGIONS ? omn_regions_get(over, &boxes) : 0;
    omn_value **kept = calloc(n + 1, sizeof(omn_value *));
    size_t m = 0;
    if (!kept) {
        omn_value_unref(over);
        return omn_fail(err, OMN_ERR_MEMORY, "map: out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        omn_value *item = NULL;
        OMN_TRY(item_of(over, i, &item, err));
        run_put(r, s->each, item);
        OMN_TRY(run_steps(r, c, s->steps, s->n_steps, err));
        if (!s->drop_empty || !empty(r->slots[s->keep]))
            kept[m++] = omn_value_ref(r->slots[s->keep]);
    }
    OMN_TRY(omn_list_new(kept, m, &out, err));
    run_put(r, s->out[0], out);
done:
    for (size_t i = 0; i < m; i++) omn_value_unref(kept[i]);
    free(kept);
    omn_value_unref(over);
    return st;
}

omn_status run_step(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err)
{
    omn_status st;
    if (r->cancel && omn_cancel_get(r->cancel)) return omn_fail(err, OMN_ERR_CANCELLED, "stopped");
    switch (s->verb) {
    case VERB_APPLY: st = run_apply(r, c, s, err); break;
    case VERB_GENERATE:
    case VERB_SCORE: st = run_model(r, c, s, err); break;
    case VERB_MAP: st = run_map(r, c, s, err); break;
    default: st = run_tokens(r, c, s, err);
    }
    if (st != OMN_OK && st != OMN_ERR_CANCELLED && err && !err->file[0]) {
        snprintf(err->file, sizeof err->file, "%s", s->at->file);
        err->line = s->at->line;
        err->column = s->at->column;
    }
    return st;
}

omn_status run_steps(omn_pipeline_run *r, omn_call *c, const plan_step *steps, size_t n,
                     omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < n && st == OMN_OK; i++)
        if (steps != r->p->steps || r->needed[i]) st = run_step(r, c, &steps[i], err);
    return st;
}

omn_status run_outputs(const omn_pipeline_run *r, omn_value **out, omn_error *err)
{
    size_t n = 0;
    omn_named *fields = calloc(r->p->n_outputs + 1, sizeof *fields);
    if (!fields) return omn_fail(err, OMN_ERR_MEMORY, "running %s: out of memory", r->p->path);
    for (size_t i = 0; i < r->p->n_outputs; i++) {
        omn_value *v = r->slots[r->p->outputs[i].slot];
        if (v) fields[n++] = (omn_named){ r->p->outputs[i].p.name, v };
    }
    const omn_status st = omn_record_new(fields, n, out, err);
    free(fields);
    return st;
}

omn_status omn_pipeline_run_one(omn_pipeline_run *r, const omn_named *inputs, size_t n,
                                uint64_t item, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_call *c = NULL;
    OMN_TRY(run_inputs(r, inputs, n, err));
    OMN_TRY(omn_context_call(r->p->ctx, r->how.seed, item, r->cancel, &c, err));
    OMN_TRY(run_steps(r, c, r->p->steps, r->p->n_steps, err));
    OMN_TRY(run_outputs(r, out, err));
done:
    omn_call_free(c);
    run_clear(r);
    return st;
}
