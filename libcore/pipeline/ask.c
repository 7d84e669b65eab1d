/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of a question to the model: its answer's form, opened once for all items if it does
 * not depend on them, and what came back: values, and what the model was given to see. */
#include "read.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the form of the answer ----------------------------------------------------------------- */

static bool has_slot(const literal *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (has_slot(&l->items[i])) return true;
    return l->kind == LIT_SLOT;
}

/* The same for every item? */
bool answer_fixed(const plan_answer *a)
{
    for (size_t i = 0; i < a->n_set; i++)
        if (a->set[i].slot >= 0) return false;
    for (size_t i = 0; i < a->n_values; i++)
        if (has_slot(&a->values[i].value)) return false;
    return true;
}

/* The parameters as they are now; what a value gives has no column, for the file does not write it
 * down. texts: room for one buffer each. */
static omn_status settings(const omn_pipeline_run *r, const plan_answer *w, omn_setting *set,
                           omn_buf *texts, omn_named *values, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < w->n_set; i++) {
        const param *q = &w->set[i];
        if (q->slot >= 0) omn_value_text(r->slots[q->slot], &texts[i]);
        OMN_TRY(omn_buf_check(&texts[i], q->name, err));
        set[i] = (omn_setting){ q->name, q->slot >= 0 ? texts[i].data : q->text, q->at->line,
                                q->slot >= 0 ? 0 : q->at->column };
    }
    for (size_t i = 0; i < w->n_values; i++) {
        values[i].name = w->values[i].name;
        OMN_TRY(literal_make(r, &w->values[i].value, &values[i].value, err));
    }
done:
    return st;
}

omn_status answer_open(const omn_pipeline_run *r, omn_call *c, const plan_step *s, omn_answer **out,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    const plan_answer *w = &s->answer;
    omn_setting *set = calloc(w->n_set + 1, sizeof *set);
    omn_buf *texts = calloc(w->n_set + 1, sizeof *texts);
    omn_named *values = calloc(w->n_values + 1, sizeof *values);
    if (!set || !texts || !values) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", s->name);
        goto done;
    }
    for (size_t i = 0; i < w->n_set; i++) omn_buf_init(&texts[i], (size_t)1 << 20);
    OMN_TRY(settings(r, w, set, texts, values, err));
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup),
                                   .object = omn_entry_object(w->entry)->name,
                                   .output = s->output,
                                   .of = w->of_role,
                                   .of_number = w->of_number,
                                   .set = set,
                                   .n_set = w->n_set,
                                   .values = values,
                                   .n_values = w->n_values,
                                   .file = s->at->file };
    OMN_TRY(omn_answer_open(run_by(r, s)->model, c, &how, out, err));
    if (strcmp(w->makes, "any") && strcmp(w->makes, omn_answer_makes(*out))) {
        st = omn_fail(err, OMN_ERR_TYPE, "this model's \"%s\" is %s, not %s: name the answer's "
                      "form (answer: value)", s->output, omn_answer_makes(*out), w->makes);
        omn_answer_close(*out);
        *out = NULL;
    }
done:
    for (size_t i = 0; texts && i < w->n_set; i++) omn_buf_fini(&texts[i]);
    for (size_t i = 0; values && i < w->n_values; i++) omn_value_unref(values[i].value);
    free(set);
    free(texts);
    free(values);
    return st;
}

omn_status run_answer(omn_pipeline_run *r, omn_call *c, const plan_step *s, const omn_answer **out,
                      omn_answer **mine, omn_error *err)
{
    omn_answer *a = NULL;
    const bool keep = r->answers && answer_fixed(&s->answer);
    *out = *mine = NULL;
    if (!s->answer.entry) return OMN_OK;
    if (keep && r->answers[s->ask]) {
        *out = r->answers[s->ask];
        return OMN_OK;
    }
    const omn_status st = answer_open(r, c, s, &a, err);
    if (st != OMN_OK) {
        omn_error_prefix(err, "%s", s->name);
        return st;
    }
    if (keep)
        r->answers[s->ask] = a;
    else
        *mine = a;
    *out = a;
    return OMN_OK;
}

omn_status run_asking(omn_pipeline_run *r, const plan_step *s, const omn_request *rq, bool *done,
                      omn_error *err)
{
    omn_value *instead = NULL;
    bool ask = true;
    *done = false;
    if (!r->how.asking) return OMN_OK;
    const omn_status st = r->how.asking(r->how.user, s->name, rq, &ask, &instead, err);
    const char *makes = r->p->slots[s->out[0]].type;
    if (st != OMN_OK || ask) {
        omn_value_unref(instead);
        return st;
    }
    if (instead && strcmp(makes, "any") && !omn_value_is(instead, makes)) {
        const omn_status wrong = omn_fail(err, OMN_ERR_TYPE, "%s makes %s, %s was given instead",
                                          s->name, makes, omn_value_kind_name(instead));
        omn_value_unref(instead);
        return wrong;
    }
    const bool waits = !instead;
    if (waits) r->unanswered = true;
    run_put(r, s->out[0], instead);
    if (s->n_out > 1) run_put(r, s->out[1], NULL);
    for (size_t i = 0; i < s->n_out && waits; i++)
        if (s->out[i] >= 0) r->waits[s->out[i]] = true;
    *done = true;
    return OMN_OK;
}

/* ---- what came back ------------------------------------------------------------------------- */

static omn_status add_number(omn_named *f, size_t *n, const char *name, double x, omn_error *err)
{
    f[*n].name = name;
    return omn_number_new(x, &f[(*n)++].value, err);
}

static omn_status add_text(omn_named *f, size_t *n, const char *name, const char *text,
                           omn_error *err)
{
    f[*n].name = name;
    return omn_text_new(text, strlen(text), &f[(*n)++].value, err);
}

/* Of a picture: its size as decoded, and where the model's pixels lie in it, as omn_frame says. */
static omn_status add_picture(omn_named *f, size_t *n, const omn_seen *s, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *list[6] = { NULL };
    OMN_TRY(add_number(f, n, "width", s->width, err));
    OMN_TRY(add_number(f, n, "height", s->height, err));
    for (size_t i = 0; i < 6; i++) OMN_TRY(omn_number_new(s->frame.m[i], &list[i], err));
    f[*n].name = "frame";
    OMN_TRY(omn_list_new(list, 6, &f[(*n)++].value, err));
done:
    for (size_t i = 0; i < 6; i++) omn_value_unref(list[i]);
    return st;
}

static omn_status tell_one(omn_pipeline_run *r, const plan_step *s, const omn_seen *seen,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    omn_named f[16] = { { 0 } };
    omn_value *record = NULL;
    char hash[40];
    size_t n = 0;
    snprintf(hash, sizeof hash, "%016llx%016llx", (unsigned long long)seen->hash[0],
             (unsigned long long)seen->hash[1]);
    OMN_TRY(add_text(f, &n, "step", r->p->slots[s->out[0]].name, err));
    OMN_TRY(add_text(f, &n, "role", seen->role, err));
    OMN_TRY(add_text(f, &n, "kind", seen->kind, err));
    if (seen->hash[0] || seen->hash[1]) OMN_TRY(add_text(f, &n, "hash", hash, err));
    if (seen->width) OMN_TRY(add_picture(f, &n, seen, err));
    if (seen->bytes) OMN_TRY(add_number(f, &n, "bytes", (double)seen->bytes, err));
    OMN_TRY(add_number(f, &n, "tokens", seen->tokens, err));
    OMN_TRY(add_number(f, &n, "cut", seen->cut, err));
    OMN_TRY(omn_record_new(f, n, &record, err));
    OMN_TRY(told_seen(r->told, record, err));
done:
    for (size_t i = 0; i < n; i++) omn_value_unref(f[i].value);
    omn_value_unref(record);
    return st;
}

static omn_status best_list(const omn_result *res, omn_value **out, omn_error *err)
{
    omn_value **list = calloc(res->n_best + 1, sizeof(omn_value *));
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "%zu answers: out of memory", res->n_best);
    for (size_t i = 0; i < res->n_best; i++) list[i] = res->best[i].value;
    const omn_status st = omn_list_new(list, res->n_best, out, err);
    free(list);
    return st;
}

omn_status run_seen(omn_pipeline_run *r, const plan_step *s, const omn_result *res, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < res->n_seen && st == OMN_OK; i++)
        st = tell_one(r, s, &res->seen[i], err);
    return st;
}

omn_status run_result(omn_pipeline_run *r, const plan_step *s, const omn_result *res,
                      double familiar, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *v = NULL;
    OMN_TRY(run_seen(r, s, res, err));
    told_sure(r->told, omn_result_confidence(res), familiar);
    if (s->search.n_best > 1)
        OMN_TRY(best_list(res, &v, err));
    else
        v = omn_value_ref(res->value);
    run_put(r, s->out[0], v);
    if (s->n_out > 1) run_put(r, s->out[1], omn_value_ref(res->options));
done:
    return st;
}
