/* SPDX-License-Identifier: Apache-2.0 */
/* A task as a lesson: what the pipeline's one step that asks the model would send for these inputs,
 * and what the model should have answered. The steps in front of it run as they would for people,
 * so that a pipeline which crops a picture first teaches the crop. */
#include "read.h"
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TEXT ((size_t)1 << 24)

static bool asks(const plan_step *s)
{
    return s->verb == VERB_GENERATE || s->verb == VERB_SCORE;
}

/* The one outermost step that asks the model; NULL when there is none, or more. */
static const plan_step *model_step(const omn_pipeline *p)
{
    const plan_step *found = NULL;
    for (size_t i = 0; i < p->n_steps; i++)
        if (asks(&p->steps[i])) {
            if (found) return NULL;
            found = &p->steps[i];
        }
    return found;
}

static bool asks_inside(const plan_step *s)
{
    if (asks(s)) return true;
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

/* The wanted value as the step's own answer writes it, as text. Any text: the value's own. */
static omn_status answered_text(omn_pipeline_run *r, omn_call *c, const plan_step *s,
                                const omn_value *v, omn_buf *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_answer *a = NULL;
    omn_answer *mine = NULL;
    omn_value *text = NULL;
    omn_ids ids;
    omn_ids_init(&ids, (size_t)1 << 20);
    if (omn_value_is(v, "number") && !strcmp(s->answer.makes, "text")) {
        omn_value_text(v, out); /* a number is a fine text */
        OMN_TRY(omn_text_new(out->data ? out->data : "", out->length, &text, err));
        v = text;
    }
    OMN_TRY(run_answer(r, c, s, &a, &mine, err));
    if (!a && !omn_value_is(v, "text"))
        OMN_TRY(omn_fail(err, OMN_ERR_TYPE, "the wanted answer is %s, a text is wanted",
                         omn_value_kind_name(v)));
    out->length = 0;
    if (!a) {
        omn_value_text(v, out);
        goto done;
    }
    OMN_TRY(omn_answer_write(a, c, v, NULL, &ids, err));
    st = omn_decoder_text(omn_model_decoder(r->model, s->output), ids.ids, ids.count, out, NULL,
                          err);
done:
    omn_value_unref(text);
    omn_ids_fini(&ids);
    omn_answer_close(mine);
    return st;
}

/* What the model should have written for a wanted value. */
static omn_status wanted_text(omn_pipeline_run *r, omn_call *c, const plan_step *s,
                              const omn_frame *frame, const omn_value *v, omn_buf *out,
                              omn_error *err)
{
    if (!type_lies_in_picture(r->p, s->answer.makes)) return answered_text(r, c, s, v, out, err);
    const omn_part *codec = omn_model_codec(r->model, s->answer.makes);
    if (!codec)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "this model has no words for %s",
                        s->answer.makes);
    if (!omn_value_is(v, s->answer.makes))
        return omn_fail(err, OMN_ERR_TYPE, "the wanted answer is %s, %s is wanted",
                        omn_value_kind_name(v), s->answer.makes);
    return omn_codec_write(codec, c, v, frame, out, err);
}

/* The buffer's text, owned; what does not fit is the data's fault, not the memory's. */
static omn_status take(omn_buf *b, size_t wanted, const char *what, char **out, omn_error *err)
{
    if (wanted > MOST_TEXT)
        return omn_fail(err, OMN_ERR_DATA, "%s is longer than %zu MiB", what, MOST_TEXT >> 20);
    *out = omn_buf_take(b);
    return *out ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
}

/* Inputs by role, each with a reference of its own. */
static omn_status take_inputs(const omn_request *rq, omn_pipeline_taught *out, omn_error *err)
{
    out->inputs = calloc(rq->n_inputs + 1u, sizeof *out->inputs);
    if (!out->inputs) return omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
    for (uint32_t i = 0; i < rq->n_inputs; i++) {
        if (!rq->inputs[i].value)
            return omn_fail(err, OMN_ERR_DATA, "the input \"%s\" is not there", rq->inputs[i].name);
        out->inputs[out->n_inputs++] =
            (omn_named){ rq->inputs[i].name, omn_value_ref(rq->inputs[i].value) };
    }
    return OMN_OK;
}

static omn_status taught(omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_arena *a,
                         const omn_value *wanted, omn_pipeline_taught *out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_request rq;
    omn_buf text, full;
    omn_frame frame = { 0 };
    bool has = false;
    omn_buf_init(&text, MOST_TEXT);
    omn_buf_init(&full, MOST_TEXT);
    OMN_TRY(run_before(r, c, s, err));
    OMN_TRY(run_request(r, c, s, a, &rq, err));
    if (type_lies_in_picture(r->p, s->answer.makes)) OMN_TRY(run_frame(r, c, s, &frame, &has, err));
    OMN_TRY(wanted_text(r, c, s, has ? &frame : NULL, wanted, &text, err));
    const char *prefix = omn_model_prefix(r->model, s->output),
               *prompt = rq.prompt ? rq.prompt : "";
    omn_buf_puts(&full, prefix);
    omn_buf_puts(&full, prompt);
    OMN_TRY(take(&full, strlen(prefix) + strlen(prompt), "the prompt", &out->prompt, err));
    OMN_TRY(take(&text, text.length, "the wanted answer", &out->answer, err));
    OMN_TRY(take_inputs(&rq, out, err));
done:
    omn_buf_fini(&text);
    omn_buf_fini(&full);
    return st;
}

omn_status omn_pipeline_lesson(omn_pipeline *p, omn_model *m, omn_call *c, const omn_named *inputs,
                               size_t n, const omn_value *wanted, omn_pipeline_taught *out,
                               omn_error *err)
{
    omn_status st = OMN_OK;
    omn_pipeline_run r = { .p = p, .model = m, .how = { .temperature = NAN, .top_p = NAN } };
    const plan_step *s = model_step(p);
    omn_arena *a = NULL;
    *out = (omn_pipeline_taught){ OMN_FILL(omn_pipeline_taught) };
    if (!s)
        return omn_fail(err, OMN_ERR_CONFIG,
                        "%s: a task is a pipeline with exactly one step that generates or scores",
                        p->path);
    a = omn_arena_new(0);
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
    OMN_TRY(run_inputs(&r, inputs, n, err));
    OMN_TRY(taught(&r, c, s, a, wanted, out, err));
done:
    if (st != OMN_OK) omn_pipeline_taught_fini(out);
    run_clear(&r);
    omn_arena_free(a);
    return st;
}

/* The wanted value through the rules of the step's own answer. */
static omn_status allowed(omn_pipeline_run *r, omn_call *c, const plan_step *s,
                          const omn_value *wanted, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_answer *a = NULL;
    omn_answer *mine = NULL;
    omn_value *text = NULL;
    omn_frame frame = { 0 };
    omn_ids ids;
    omn_buf plain;
    bool has = false;
    omn_ids_init(&ids, (size_t)1 << 20);
    omn_buf_init(&plain, 1 << 10);
    OMN_TRY(run_before(r, c, s, err));
    OMN_TRY(run_answer(r, c, s, &a, &mine, err));
    if (!a) goto done; /* any text */
    OMN_TRY(run_frame(r, c, s, &frame, &has, err));
    if (omn_value_is(wanted, "number") && !strcmp(omn_answer_makes(a), "text")) {
        omn_value_text(wanted, &plain); /* a number is a fine text */
        OMN_TRY(omn_text_new(plain.data, plain.length, &text, err));
    }
    OMN_TRY(omn_answer_write(a, c, text ? text : wanted, has ? &frame : NULL, &ids, err));
done:
    omn_value_unref(text);
    omn_buf_fini(&plain);
    omn_ids_fini(&ids);
    omn_answer_close(mine);
    return st;
}

omn_status omn_pipeline_allowed(omn_pipeline *p, omn_model *m, omn_call *c, const omn_named *inputs,
                                size_t n, const omn_value *wanted, omn_error *err)
{
    omn_pipeline_run r = { .p = p, .model = m, .how = { .temperature = NAN, .top_p = NAN } };
    const plan_step *s = model_step(p);
    if (!s)
        return omn_fail(err, OMN_ERR_CONFIG,
                        "%s: a task is a pipeline with exactly one step that generates or scores",
                        p->path);
    omn_status st = run_inputs(&r, inputs, n, err);
    if (st == OMN_OK) st = allowed(&r, c, s, wanted, err);
    if (st != OMN_OK) omn_error_prefix(err, "the wanted answer");
    run_clear(&r);
    return st;
}

void omn_pipeline_taught_fini(omn_pipeline_taught *t)
{
    free(t->prompt);
    free(t->answer);
    for (uint32_t i = 0; i < t->n_inputs; i++) omn_value_unref(t->inputs[i].value);
    free(t->inputs);
    *t = (omn_pipeline_taught){ OMN_FILL(omn_pipeline_taught) };
}

size_t omn_pipeline_roles(const omn_pipeline *p, const char **roles, size_t most)
{
    const plan_step *s = model_step(p);
    size_t n = 0;
    for (size_t i = 0; s && i < s->n_from && n < most; i++) roles[n++] = s->from[i].name;
    return n;
}

bool omn_pipeline_teaches(const omn_pipeline *p)
{
    return model_step(p) != NULL;
}
