/* SPDX-License-Identifier: Apache-2.0 */
/* A generating or scoring step as a request to the model: the prompt from its template, inputs from
 * slots, the shape of the answer. */
#include "read.h"
#include "run.h"

#include "../value/kind.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the words of a prompt stand for. */
typedef struct looker {
    const omn_pipeline_run *r;
    const binding *words;
    omn_value **instead; /* of a word; NULL: its slot's value */
    size_t n;
} looker;

static const omn_value *look_up(void *user, const char *name)
{
    const looker *l = user;
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->words[i].name, name))
            return l->instead[i] ? l->instead[i] : l->r->slots[l->words[i].slot];
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
omn_status run_number(const omn_pipeline_run *r, const param *p, double lo, double hi, double deflt,
                      double *out, omn_error *err)
{
    const omn_value *v = p->slot < 0 || !p->name ? NULL : r->slots[p->slot];
    const char *t = p->text;
    char *end = NULL;
    *out = deflt;
    if (!v && !t) return OMN_OK;
    if (omn_value_is(v, "number")) {
        *out = omn_number_get(v);
    } else {
        if (v && !(t = omn_text_get(v, NULL)))
            return yml_fail(p->at, err, "%s: %s is no number", p->name, omn_value_kind_name(v));
        *out = omn_number_read(t, &end);
        if (end == t || *end) return yml_fail(p->at, err, "%s: \"%s\" is no number", p->name, t);
    }
    if (!(*out >= lo && *out <= hi))
        return yml_fail(p->at, err, "%s: %g is outside %g..%g", p->name, *out, lo, hi);
    return OMN_OK;
}

omn_status run_frame(omn_pipeline_run *r, omn_call *c, const plan_step *s, int of, omn_frame *out,
                     bool *has, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_feed *f = NULL;
    const omn_feed *kept = NULL;
    const run_model *m = run_by(r, s);
    *has = false;
    for (size_t i = 0; i < s->n_from && !*has; i++) {
        const omn_value *v = r->slots[s->from[i].slot];
        if (!v || !omn_value_image(v) || (of >= 0 && s->from[i].slot != of)) continue;
        if (m->prepared) {
            OMN_TRY(omn_prepared_get(m->prepared, c, s->from[i].name, v, &kept, out, err));
        } else {
            OMN_TRY(omn_feed_make(&f, err));
            OMN_TRY(omn_model_prepare(m->model, c, s->from[i].name, v, f, out, err));
        }
        *has = true;
    }
done:
    omn_feed_free(f);
    return st;
}

static bool writes_places(const omn_pipeline_run *r, const binding *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const omn_value *v = r->slots[words[i].slot];
        if (v && template_is_place(v)) return true;
    }
    return false;
}

/* What the user gave to be asked about may not be an empty text, unless the pipeline itself says
 * that this is usual: the model would answer something else than was meant. */
static omn_status none_empty(const omn_pipeline_run *r, const binding *words, size_t n,
                             omn_error *err)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < r->p->n_inputs; k++) {
            const port *q = &r->p->inputs[k];
            const omn_value *v = r->slots[q->slot];
            const char *t = v && q->slot == words[i].slot ? omn_text_get(v, NULL) : NULL;
            if (!t || t[strspn(t, " \t\r\n")] || (q->p.deflt && !q->p.deflt[0])) continue;
            return omn_fail(err, OMN_ERR_DATA, "the input \"%s\" is empty: there is nothing to ask",
                            q->p.name);
        }
    return OMN_OK;
}

/* Places that a prompt asks about lie in the picture: what sticks out is cut off, and told. */
static omn_status within(omn_pipeline_run *r, const plan_step *s, looker *l, const omn_frame *frame,
                         omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < l->n; i++) {
        const plan_slot *slot = &r->p->slots[l->words[i].slot];
        const omn_value *v = r->slots[l->words[i].slot];
        char note[512];
        size_t cut = 0;
        if (!v || !template_is_place(v)) continue;
        st = value_within(v, frame, &l->instead[i], &cut, err);
        if (st != OMN_OK) {
            omn_error_prefix(err, "$%s", slot->name);
            return st;
        }
        if (!cut) continue;
        snprintf(note, sizeof note,
                 "%.200s:%d: $%.80s sticks out of the picture (%u x %u pixels) "
                 "and is cut off at its edge",
                 s->at->file, (int)s->at->line, slot->name, (unsigned)frame->width,
                 (unsigned)frame->height);
        st = told_note(r->told, note, err);
        if (st != OMN_OK) return st;
    }
    return st;
}

/* A prompt in the arena; NULL stays NULL. */
static omn_status prompt_of(omn_pipeline_run *r, omn_call *c, const plan_step *s,
                            const char *template, const binding *words, size_t n, omn_arena *a,
                            const char **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_buf text;
    omn_frame frame = { 0 };
    bool has = false;
    looker l = { r, words, NULL, n };
    *out = NULL;
    if (!template) return OMN_OK;
    omn_buf_init(&text, (size_t)1 << 24);
    OMN_TRY(none_empty(r, words, n, err));
    l.instead = omn_arena_alloc(a, n + 1, sizeof *l.instead);
    if (!l.instead) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a request: out of memory");
        goto done;
    }
    /* in the picture that the answer speaks of: both are of the same one */
    const int of = s->verb == VERB_EMBED ? -1 : s->answer.of;
    if (writes_places(r, words, n)) OMN_TRY(run_frame(r, c, s, of, &frame, &has, err));
    if (has) OMN_TRY(within(r, s, &l, &frame, err));
    OMN_TRY(template_fill(template, run_by(r, s)->model, c, has ? &frame : NULL, look_up, &l,
                          &text, err));
    *out = omn_arena_strdup(a, text.data ? text.data : "");
    if (!*out) st = omn_fail(err, OMN_ERR_MEMORY, "a request: out of memory");
done:
    for (size_t i = 0; l.instead && i < n; i++) omn_value_unref(l.instead[i]);
    omn_buf_fini(&text);
    return st;
}

static omn_status inputs_of(const omn_pipeline_run *r, const binding *from, size_t n, omn_arena *a,
                            const omn_named **out, omn_error *err)
{
    omn_named *inputs = omn_arena_alloc(a, n + 1, sizeof *inputs);
    if (!inputs) return omn_fail(err, OMN_ERR_MEMORY, "a request: out of memory");
    for (size_t i = 0; i < n; i++) inputs[i] = (omn_named){ from[i].name, r->slots[from[i].slot] };
    *out = inputs;
    return OMN_OK;
}

/* What is drawn, as the step says and as who runs it says over that. */
static omn_status draw(const omn_pipeline_run *r, const plan_step *s, omn_request *rq,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    double temperature, top_p, top_k, most, seed;
    const omn_pipeline_setup *h = &r->how;
    OMN_TRY(run_number(r, &s->temperature, 0, 100, 0, &temperature, err));
    OMN_TRY(run_number(r, &s->top_p, 0, 1, 1, &top_p, err));
    OMN_TRY(run_number(r, &s->top_k, 0, 1e6, 0, &top_k, err));
    OMN_TRY(run_number(r, &s->max_tokens, 1, 65536, 0, &most, err));
    OMN_TRY(run_number(r, &s->seed, 0, 9e15, 0, &seed, err));
    rq->temperature = h->temperature >= 0 ? h->temperature : temperature;
    rq->top_p = h->top_p >= 0 ? h->top_p : top_p;
    rq->top_p_rule = s->top_p_rule;
    rq->top_k = h->top_k ? h->top_k > 0 ? h->top_k : 0 : (int32_t)top_k;
    rq->max_tokens = h->max_tokens > 0 ? h->max_tokens : (int32_t)most;
    rq->seed = h->seed || h->seeded ? h->seed : (uint64_t)seed;
done:
    return st;
}

static omn_status search(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_arena *a,
                         omn_request *rq, omn_error *err)
{
    omn_status st = OMN_OK;
    const plan_search *h = &s->search;
    omn_condition *list = omn_arena_alloc(a, h->n_guides + 1, sizeof *list);
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "a request: out of memory");
    for (size_t i = 0; i < h->n_guides; i++) {
        const guide *g = &h->guides[i];
        OMN_TRY(run_number(r, &g->weight, -1000, 1000, 0, &list[i].weight, err));
        OMN_TRY(inputs_of(r, g->from, g->n_from, a, &list[i].inputs, err));
        list[i].n_inputs = (uint32_t)g->n_from;
        OMN_TRY(prompt_of(r, c, s, g->prompt, g->words, g->n_words, a, &list[i].prompt, err));
    }
    rq->conditions = list;
    rq->n_conditions = (uint32_t)h->n_guides;
    rq->beams = (omn_beams){ .count = (int32_t)h->beams,
                             .alpha = h->length_penalty,
                             .penalty = h->sixths ? OMN_PENALTY_SIXTHS : OMN_PENALTY_POWER,
                             .length_extra = (int32_t)h->length_extra,
                             .open_extra = (int32_t)h->open_extra,
                             .renormalise = h->among, .stop = h->stop };
    rq->min_tokens = (int32_t)h->least;
    rq->no_repeat = (int32_t)h->no_repeat;
    rq->n_best = (int32_t)h->n_best;
    rq->scheme = h->jacobi ? OMN_SCHEME_JACOBI : OMN_SCHEME_LEFT_TO_RIGHT;
    rq->window = (int32_t)h->window;
done:
    return st;
}

omn_status run_request(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_arena *a,
                       omn_request *rq, omn_error *err)
{
    omn_status st = OMN_OK;
    *rq = (omn_request){ OMN_FILL(omn_request), .n_inputs = (uint32_t)s->n_from,
                         .output = s->output, .prepared = run_by(r, s)->prepared };
    OMN_TRY(inputs_of(r, s->from, s->n_from, a, &rq->inputs, err));
    OMN_TRY(prompt_of(r, c, s, s->prompt, s->words, s->n_words, a, &rq->prompt, err));
    if (s->verb == VERB_EMBED) goto done;  /* nothing is drawn or searched */
    OMN_TRY(draw(r, s, rq, err));
    OMN_TRY(search(r, c, s, a, rq, err));
done:
    return st == OMN_OK ? st : place_error(s, st, err);
}
