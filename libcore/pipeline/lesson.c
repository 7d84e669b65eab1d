/* SPDX-License-Identifier: Apache-2.0 */
/* A task as a lesson: what the pipeline's one step that asks the model would send for these inputs,
 * and the ids that the model should have written, by the very answer that will read them. The steps
 * in front of it run as they would for people, so that a pipeline which crops a picture first
 * teaches the crop. */
#include "read.h"
#include "run.h"

#include "../generate/answer.h"
#include "../generate/codes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TEXT ((size_t)1 << 24)
#define MOST_IDS ((size_t)1 << 20)

struct omn_teacher {
    omn_pipeline *p;
    omn_model *model;
    const plan_step *step;
    omn_answer *answer;               /* the same for every example; NULL: each opens its own */
    const omn_part *decoder;          /* whose codes are wanted; NULL: the answer writes all */
    codes_maker *codes, *own_codes;   /* NULL: no codes; own: nobody shares theirs */
};

static bool generates(const plan_step *s)
{
    return s->verb == VERB_GENERATE || s->verb == VERB_SCORE;
}

/* What asks another model than the pipeline's own teaches that one nothing. */
static bool asks(const plan_step *s) { return generates(s) && !s->by; }

/* Whose inputs alone are learnt from, by the recipe's loss. */
static bool embeds(const plan_step *s) { return s->verb == VERB_EMBED && !s->by; }

/* The one outermost step of that sort; NULL when there is none, or more. */
static const plan_step *only(const omn_pipeline *p, bool (*sort)(const plan_step *))
{
    const plan_step *found = NULL;
    for (size_t i = 0; i < p->n_steps; i++)
        if (sort(&p->steps[i])) {
            if (found) return NULL;
            found = &p->steps[i];
        }
    return found;
}

/* The step that is taught: it asks the model, or where none does it embeds. */
static const plan_step *model_step(const omn_pipeline *p)
{
    for (size_t i = 0; i < p->n_steps; i++)
        if (asks(&p->steps[i])) return only(p, asks);
    return only(p, embeds);
}

static bool asks_inside(const plan_step *s)
{
    if (generates(s)) return true;
    for (size_t i = 0; i < s->n_steps; i++)
        if (asks_inside(&s->steps[i])) return true;
    return false;
}

static void mark(void *user, int slot)
{
    bool *wanted = user;
    if (slot >= 0) wanted[slot] = true;
}

/* Runs what the step `s` needs of the steps in front of it. */
static omn_status run_before(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_error *err)
{
    bool wanted[MOST_SLOTS] = { false }, needed[MOST_STEPS] = { false };
    const size_t n = (size_t)(s - r->p->steps);
    plan_reads(r->p, s, mark, wanted);
    for (size_t i = n; i-- > 0;) {
        const plan_step *b = &r->p->steps[i];
        for (size_t k = 0; k < b->n_out; k++)
            needed[i] = needed[i] || (b->out[k] >= 0 && wanted[b->out[k]]);
        if (!needed[i]) continue;
        if (asks_inside(b))
            return yml_fail(b->at, err, "%s: a task asks the model once, in its last step",
                            b->name);
        plan_reads(r->p, b, mark, wanted);
    }
    for (size_t i = 0; i < n; i++) {
        const omn_status st = needed[i] ? run_step(r, c, &r->p->steps[i], err) : OMN_OK;
        if (st != OMN_OK) return st;
    }
    bool go = false;
    const omn_status st = run_ready(r, s, &go, err);
    if (st != OMN_OK || go) return st;
    return omn_fail(err, OMN_ERR_DATA, "%s:%d: %s is left out for this example: it teaches nothing",
                    s->at->file, (int)s->at->line, s->name);
}

/* ---- texts ---------------------------------------------------------------------------------- */

static omn_status only_text(const omn_teacher *t, const int32_t *ids, size_t n, const char *what,
                            omn_error *err)
{
    const omn_vocab *v = omn_part_vocabulary(omn_model_decoder(t->model, "text"));
    for (size_t i = 0; i < n; i++) {
        const omn_range *r = vocab_stands_for(v, ids[i]);
        if (r)
            return omn_fail(err, OMN_ERR_DATA,
                            "%s: the tokenizer cuts this text through a token of \"%s\" (id %d), "
                            "which stands for something else than text",
                            what, r->name, (int)ids[i]);
    }
    return OMN_OK;
}

/* A text that an example brings may not speak in tokens of another modality: the model would be
 * shown a place, say, that nobody meant. */
static omn_status plain(const omn_teacher *t, const omn_value *v, const char *what, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; omn_value_is(v, "list") && st == OMN_OK && i < omn_list_count(v); i++)
        st = plain(t, omn_list_at(v, i), what, err);
    for (size_t i = 0; omn_value_is(v, "record") && st == OMN_OK && i < omn_record_count(v); i++)
        st = plain(t, omn_record_at(v, i, NULL), what, err);
    if (st != OMN_OK || !omn_value_is(v, "text")) return st;
    int32_t *ids = NULL;
    size_t n = 0;
    st = omn_model_all_tokens(t->model, omn_text_get(v, NULL), &ids, &n, err);
    if (st == OMN_OK) st = only_text(t, ids, n, what, err);
    free(ids);
    return st;
}

static omn_status plain_slot(const omn_teacher *t, const omn_pipeline_run *r, int slot,
                             omn_error *err)
{
    char what[160];
    if (!r->slots[slot]) return OMN_OK;
    snprintf(what, sizeof what, "$%s", r->p->slots[slot].name);
    return plain(t, r->slots[slot], what, err);
}

/* A text that steps made may name tokens that the pipeline's author put there: it is made of texts
 * of the example, and those are looked at. */
static omn_status plain_texts(const omn_teacher *t, const omn_pipeline_run *r, omn_error *err)
{
    const plan_step *s = t->step;
    omn_status st = OMN_OK;
    bool made = false;
    for (size_t i = 0; i < s->n_from + s->n_words && st == OMN_OK; i++) {
        const int slot = i < s->n_from ? s->from[i].slot : s->words[i - s->n_from].slot;
        bool given = false;
        for (size_t k = 0; k < r->p->n_inputs; k++) given = given || r->p->inputs[k].slot == slot;
        if (given) st = plain_slot(t, r, slot, err);
        else made = true;
    }
    for (size_t k = 0; made && k < r->p->n_inputs && st == OMN_OK; k++)
        st = plain_slot(t, r, r->p->inputs[k].slot, err);
    return st;
}

/* ---- inputs --------------------------------------------------------------------------------- */

/* A text as the model gets it: the first of a request with the prefix in front. */
static omn_status prefixed(const omn_teacher *t, const char *text, bool first, omn_value **out,
                           omn_error *err)
{
    omn_buf b;
    const char *prefix =
        first && !embeds(t->step) ? omn_model_prefix(t->model, t->step->output) : "";
    if (strlen(prefix) + strlen(text) > MOST_TEXT)
        return omn_fail(err, OMN_ERR_DATA, "the prompt is longer than %zu MiB", MOST_TEXT >> 20);
    omn_buf_init(&b, MOST_TEXT + 1);
    omn_buf_puts(&b, prefix);
    omn_buf_puts(&b, text);
    const omn_status st = b.failed ? omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory")
                                   : omn_text_new(b.data ? b.data : "", b.length, out, err);
    omn_buf_fini(&b);
    return st;
}

/* Inputs in the request's order, the prompt behind them, each with a reference of its own. */
static omn_status take_inputs(const omn_teacher *t, const omn_request *rq, omn_pipeline_taught *out,
                              omn_error *err)
{
    omn_status st = OMN_OK;
    bool first = true;
    out->inputs = calloc(rq->n_inputs + 2u, sizeof *out->inputs);
    if (!out->inputs) return omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        const omn_named *in = &rq->inputs[i];
        omn_value *v = NULL;
        omn_buf text;
        if (!in->value)
            return omn_fail(err, OMN_ERR_DATA, "the input \"%s\" is not there", in->name);
        if (strcmp(in->name, "text")) {
            out->inputs[out->n_inputs++] = (omn_named){ in->name, omn_value_ref(in->value) };
            continue;
        }
        omn_buf_init(&text, MOST_TEXT + 1);
        omn_value_text(in->value, &text);
        st = omn_buf_check(&text, "the input \"text\"", err);
        if (st == OMN_OK) st = prefixed(t, text.data, first, &v, err);
        omn_buf_fini(&text);
        if (st != OMN_OK) return st;
        out->inputs[out->n_inputs++] = (omn_named){ in->name, v };
        first = false;
    }
    if (!rq->prompt) return OMN_OK;
    omn_named *last = &out->inputs[out->n_inputs];
    st = prefixed(t, rq->prompt, first, &last->value, err);
    last->name = "text";
    out->n_inputs += st == OMN_OK;
    return st;
}

/* ---- what is wanted ------------------------------------------------------------------------- */

const char *teacher_takes(const omn_teacher *t)
{
    return codes_of(t->decoder);
}

const char *teacher_makes(const omn_teacher *t)
{
    const char *takes = teacher_takes(t);
    if (embeds(t->step)) return NULL;
    return takes ? takes : t->step->answer.makes;
}

bool teacher_wants_codes(const omn_teacher *t, const omn_value *wanted)
{
    const char *takes = teacher_takes(t);
    return takes && omn_value_is(wanted, takes);
}

omn_status teacher_view(omn_teacher *t, omn_call *c, const omn_named *inputs, size_t n,
                        omn_frame *out, bool *has, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_pipeline_run r = { .p = t->p, .main.model = t->model,
                           .how = { .temperature = NAN, .top_p = NAN } };
    *has = false;
    if (!t->step->n_from) return OMN_OK;
    OMN_TRY(run_inputs(&r, inputs, n, err));
    OMN_TRY(run_before(&r, c, t->step, err));
    OMN_TRY(run_frame(&r, c, t->step, t->step->answer.of, out, has, err));
done:
    run_clear(&r);
    return st;
}

omn_status teacher_codes(omn_teacher *t, omn_call *c, const codes_want *want, size_t n,
                         omn_value **out, omn_error *err)
{
    return codes_get(t->codes, c, want, n, out, err);
}

/* A picture, say, as the codes that its decoder makes of it. */
static omn_status take_codes(const omn_teacher *t, omn_pipeline_run *r, omn_call *c,
                             const omn_value *wanted, omn_value **out, omn_error *err)
{
    omn_frame frame = { 0 };
    bool has = false;
    const omn_status st = run_frame(r, c, t->step, t->step->answer.of, &frame, &has, err);
    const codes_want want = { wanted, has ? &frame : NULL };
    return st == OMN_OK ? codes_get(t->codes, c, &want, 1, out, err) : st;
}

/* The wanted value as ids, by the step's own answer. */
static omn_status take_want(const omn_teacher *t, omn_pipeline_run *r, omn_call *c,
                            const omn_value *wanted, omn_pipeline_taught *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const plan_step *s = t->step;
    omn_answer *mine = NULL;
    omn_value *other = NULL;          /* what is written instead of the value */
    omn_frame frame = { 0 };
    omn_buf b;
    bool has = false;
    omn_buf_init(&b, 1 << 16);
    if (!t->answer) OMN_TRY(answer_open(r, c, s, &mine, err));
    const omn_answer *a = mine ? mine : t->answer;
    if (type_lies_in_picture(r->p, s->answer.makes))
        OMN_TRY(run_frame(r, c, s, s->answer.of, &frame, &has, err));
    if (omn_value_is(wanted, "number") && !strcmp(omn_answer_makes(a), "text")) {
        omn_value_text(wanted, &b); /* a number is a fine text */
        OMN_TRY(omn_buf_check(&b, "the text", err));
        OMN_TRY(omn_text_new(b.data, b.length, &other, err));
    }
    if (teacher_wants_codes(t, wanted)) OMN_TRY(take_codes(t, r, c, wanted, &other, err));
    OMN_TRY(omn_answer_write(a, c, other ? other : wanted, has ? &frame : NULL, &out->want, err));
    if (!strcmp(omn_answer_object(a), "text")) /* no rules that could refuse it */
        OMN_TRY(only_text(t, out->want.ids, out->want.count, "the text", err));
    OMN_TRY(answer_feed(a, c, &out->want, &out->fed, err));
    out->output = s->output;
    out->modality = teacher_makes(t);
done:
    if (st != OMN_OK) omn_error_prefix(err, "the wanted answer");
    omn_value_unref(other);
    omn_buf_fini(&b);
    omn_answer_close(mine);
    return st;
}

omn_status omn_teacher_lesson(omn_teacher *t, omn_call *c, const omn_named *inputs, size_t n,
                              const omn_value *wanted, omn_pipeline_taught *out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_pipeline_run r = { .p = t->p, .main.model = t->model,
                           .how = { .temperature = NAN, .top_p = NAN } };
    omn_request rq;
    omn_arena *a = omn_arena_new(0);
    *out = (omn_pipeline_taught){ OMN_FILL(omn_pipeline_taught) };
    omn_ids_init(&out->want, MOST_IDS);
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
    OMN_TRY(run_inputs(&r, inputs, n, err));
    OMN_TRY(run_before(&r, c, t->step, err));
    OMN_TRY(run_request(&r, c, t->step, a, &rq, err));
    if (!embeds(t->step)) OMN_TRY(plain_texts(t, &r, err));
    OMN_TRY(take_inputs(t, &rq, out, err));
    if (embeds(t->step)) out->output = "";
    else OMN_TRY(take_want(t, &r, c, wanted, out, err));
done:
    if (st != OMN_OK) omn_pipeline_taught_fini(out);
    run_clear(&r);
    omn_arena_free(a);
    return st;
}

void omn_pipeline_taught_fini(omn_pipeline_taught *t)
{
    for (uint32_t i = 0; i < t->n_inputs; i++) omn_value_unref(t->inputs[i].value);
    free(t->inputs);
    omn_ids_fini(&t->want);
    free(t->fed);
    *t = (omn_pipeline_taught){ OMN_FILL(omn_pipeline_taught) };
}

/* ---- the teacher ---------------------------------------------------------------------------- */

/* An answer that is the same for every example. */
static omn_status open_answer(omn_teacher *t, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_answer_setup any = { OMN_FILL(omn_answer_setup), .output = t->step->output };
    const omn_pipeline_run r = { .p = t->p, .main.model = t->model };
    omn_call *c = NULL;
    OMN_TRY(omn_context_call(omn_model_context(t->model), 0, 0, NULL, &c, err));
    if (t->step->answer.entry) OMN_TRY(answer_open(&r, c, t->step, &t->answer, err));
    else OMN_TRY(omn_answer_open(t->model, c, &any, &t->answer, err));
done:
    omn_call_free(c);
    return st;
}

omn_status omn_teacher_new(omn_pipeline *p, omn_model *m, omn_teacher **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_teacher *t = NULL;
    if (!omn_pipeline_teaches(p))
        return omn_fail(err, OMN_ERR_CONFIG,
                        "%s: a task is a pipeline with exactly one step that generates or scores, "
                        "or embeds where none does",
                        p->path);
    t = calloc(1, sizeof *t);
    if (!t) return omn_fail(err, OMN_ERR_MEMORY, "a task: out of memory");
    *t = (omn_teacher){ .p = p, .model = m, .step = model_step(p) };
    if (!embeds(t->step) && answer_fixed(&t->step->answer)) OMN_TRY(open_answer(t, err));
    if (t->step->answer.coded) {
        const codes_keep keep = { .memory = CODES_MEMORY };
        const omn_part *d = omn_model_decoder(m, t->step->output);
        if (codes_of(d)) OMN_TRY(codes_new(m, d, &keep, &t->own_codes, err));
        if (codes_of(d)) t->decoder = d;
        t->codes = t->own_codes;
    }
    *out = t;
    return OMN_OK;
done:
    omn_teacher_free(t);
    return st;
}

omn_status teacher_of_codes(omn_pipeline *p, omn_model *m, omn_teacher **out, omn_error *err)
{
    const plan_step *s = model_step(p);
    *out = NULL;
    if (!s || !s->answer.coded || !codes_of(omn_model_decoder(m, s->output)))
        return OMN_OK;
    return omn_teacher_new(p, m, out, err);
}

const omn_part *teacher_decoder(const omn_teacher *t)
{
    return t->decoder;
}

void teacher_share(omn_teacher *t, codes_maker *codes)
{
    codes_free(t->own_codes);
    t->own_codes = NULL;
    t->codes = codes;
}

void omn_teacher_free(omn_teacher *t)
{
    if (!t) return;
    omn_answer_close(t->answer);
    codes_free(t->own_codes);
    free(t);
}

size_t omn_pipeline_roles(const omn_pipeline *p, const char **roles, size_t most)
{
    const plan_step *s = model_step(p);
    size_t n = 0;
    for (size_t i = 0; s && i < s->n_from && n < most; i++) roles[n++] = s->from[i].name;
    if (s && s->prompt && n < most) roles[n++] = "text";
    return n;
}

const char *omn_pipeline_asks(const omn_pipeline *p)
{
    const plan_step *s = model_step(p);
    return !s ? NULL : embeds(s) ? "" : s->output;
}

bool omn_pipeline_teaches(const omn_pipeline *p)
{
    return model_step(p) != NULL;
}
