/* SPDX-License-Identifier: Apache-2.0 */
/* A generating or scoring step as a request to the model: the prompt from its template, inputs from
 * slots, the shape of the answer. */
#include "run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the words of a prompt stand for. */
typedef struct looker { const omn_pipeline_run *r; const plan_step *s; } looker;

static const omn_value *look_up(void *user, const char *name)
{
    const looker *l = user;
    for (size_t i = 0; i < l->s->n_words; i++)
        if (!strcmp(l->s->words[i].name, name)) return l->r->slots[l->s->words[i].slot];
    return NULL;
}

static omn_status place_error(const plan_step *s, omn_status st, omn_error *err)
{
    if (err && !err->line && !err->file[0]) {
        snprintf(err->file, sizeof err->file, "%s", s->at->file);
        err->line = s->at->line;
        err->column = s->at->column;
    }
    omn_error_prefix(err, "%s", s->name);
    return st;
}

/* A numeric parameter: written, or from a slot; deflt when absent. */
static omn_status number(const omn_pipeline_run *r, const param *p, double lo, double hi,
                         double deflt, double *out, omn_error *err)
{
    *out = deflt;
    if (p->text) *out = omn_number_read(p->text, NULL);
    if (p->text || p->slot < 0 || !p->name) return OMN_OK;
    const omn_value *v = r->slots[p->slot];
    if (omn_value_is(v, "number")) *out = omn_number_get(v);
    else if (omn_value_is(v, "text")) {
        char *end = NULL;
        const char *t = omn_text_get(v, NULL);
        *out = omn_number_read(t, &end);
        if (end == t || *end) return yml_fail(p->at, err, "%s: \"%s\" is no number", p->name, t);
    }
    if (!(*out >= lo && *out <= hi))
        return yml_fail(p->at, err, "%s: %g is outside %g..%g", p->name, *out, lo, hi);
    return OMN_OK;
}

/* The options written in the pipeline, as a list. */
static omn_status texts_list(const plan_answer *w, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value **items = calloc(w->n_texts + 1, sizeof(omn_value *));
    if (!items) return omn_fail(err, OMN_ERR_MEMORY, "options: out of memory");
    for (size_t i = 0; i < w->n_texts; i++)
        OMN_TRY(omn_text_new(w->texts[i], strlen(w->texts[i]), &items[i], err));
    st = omn_list_new(items, w->n_texts, out, err);
done:
    for (size_t i = 0; i < w->n_texts; i++) omn_value_unref(items[i]);
    free(items);
    return st;
}

omn_status run_answer(const omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_answer **out,
                      omn_error *err)
{
    omn_status st = OMN_OK;
    const plan_answer *w = &s->answer;
    char count[48], force[48];
    omn_value *options = NULL;
    omn_setting set[3];
    omn_named named;
    omn_answer_setup how = { OMN_FILL(omn_answer_setup), .output = s->output, .of = w->of_role,
                             .set = set };
    *out = NULL;
    if (w->kind == FORM_BOXES) {
        if (w->most) snprintf(count, sizeof count, "%d..%d", (int)w->least, (int)w->most);
        else snprintf(count, sizeof count, "%d..", (int)w->least);
        omn_format(force, sizeof force, "%.17g", w->force);
        set[how.n_set++] = (omn_setting){ .name = "boxes", .text = count };
        set[how.n_set++] = (omn_setting){ .name = "labels", .text = w->labels ? "true" : "false" };
        set[how.n_set++] = (omn_setting){ .name = "force", .text = force };
        how.object = "boxes";
    } else if (w->kind == FORM_OPTIONS) {
        if (w->options < 0) OMN_TRY(texts_list(w, &options, err));
        named = (omn_named){ "options", w->options < 0 ? options : r->slots[w->options] };
        set[how.n_set++] = (omn_setting){ .name = "score", .text = w->sum ? "sum" : "mean" };
        how.object = "options";
        how.values = &named;
        how.n_values = 1;
    } else {
        return OMN_OK;
    }
    OMN_TRY(omn_answer_open(r->model, c, &how, out, err));
done:
    omn_value_unref(options);
    return st == OMN_OK ? st : place_error(s, st, err);
}

/* The frame in which a box in the prompt is written: that of the picture the model sees. */
omn_status run_frame(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_frame *out,
                     bool *has, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_feed *f = NULL;
    *has = false;
    for (size_t i = 0; i < s->n_from && !*has; i++) {
        const omn_value *v = r->slots[s->from[i].slot];
        if (!v || !omn_value_image(v)) continue;
        OMN_TRY(omn_feed_make(&f, err));
        OMN_TRY(omn_model_prepare(r->model, c, s->from[i].name, v, f, out, err));
        *has = true;
    }
done:
    omn_feed_free(f);
    return st;
}

static bool writes_boxes(const omn_pipeline_run *r, const plan_step *s)
{
    for (size_t i = 0; i < s->n_words; i++) {
        const omn_value *v = r->slots[s->words[i].slot];
        if (v && template_is_place(v)) return true;
    }
    return false;
}

omn_status run_request(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_arena *a,
                       omn_request *rq, omn_error *err)
{
    omn_status st = OMN_OK;
    double temperature, top_p, top_k, most, seed;
    omn_buf text;
    omn_frame frame = { 0 };
    bool has_frame = false;
    omn_named *inputs = omn_arena_alloc(a, s->n_from + 1, sizeof *inputs);
    omn_buf_init(&text, (size_t)1 << 24);
    if (!inputs) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a request: out of memory");
        goto done;
    }
    for (size_t i = 0; i < s->n_from; i++)
        inputs[i] = (omn_named){ s->from[i].name, r->slots[s->from[i].slot] };
    if (s->prompt) {
        looker l = { r, s };
        if (writes_boxes(r, s)) OMN_TRY(run_frame(r, c, s, &frame, &has_frame, err));
        OMN_TRY(template_fill(s->prompt, r->model, c, has_frame ? &frame : NULL, look_up, &l, &text,
                              err));
    }
    OMN_TRY(number(r, &s->temperature, 0, 100, 0, &temperature, err));
    OMN_TRY(number(r, &s->top_p, 0, 1, 1, &top_p, err));
    OMN_TRY(number(r, &s->top_k, 0, 1e6, 0, &top_k, err));
    OMN_TRY(number(r, &s->max_tokens, 1, 65536, 0, &most, err));
    OMN_TRY(number(r, &s->seed, 0, 9e15, 0, &seed, err));
    const omn_pipeline_setup *h = &r->how;
    *rq =
        (omn_request){ OMN_FILL(omn_request),
                       .inputs = inputs,
                       .n_inputs = (uint32_t)s->n_from,
                       .prompt = s->prompt ? omn_arena_strdup(a, text.data ? text.data : "") : NULL,
                       .output = s->output,
                       .temperature = h->temperature >= 0 ? h->temperature : temperature,
                       .top_p = h->top_p >= 0 ? h->top_p : top_p,
                       .top_k = h->top_k > 0 ? h->top_k : (int32_t)top_k,
                       .max_tokens = h->max_tokens > 0 ? h->max_tokens : (int32_t)most,
                       .seed = h->seed ? h->seed : (uint64_t)seed };
    if (s->prompt && !rq->prompt) st = omn_fail(err, OMN_ERR_MEMORY, "a request: out of memory");
done:
    omn_buf_fini(&text);
    return st == OMN_OK ? st : place_error(s, st, err);
}
