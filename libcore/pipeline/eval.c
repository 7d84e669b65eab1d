/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation: every task of a recipe on held-out examples, through the same pipelines that people
 * run, beside the score of the answer that is right most often. Examples are shared among the
 * threads, each with a runner of its own; the sums are of whole numbers and ordered by example, so
 * the result does not depend on the threads. Between rounds of examples answers are told and a
 * wish to stop is heard, so that memory does not grow with their number. */
#include "measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 8                   /* examples that one runner takes */
#define ROUND 8                   /* pieces for each thread before answers are told */
#define MOST_KINDS 24
#define MOST_ANSWERS 128

/* One kind of question: what was right, and how often each answer was wanted. */
typedef struct tally {
    char kind[48];
    uint64_t n, right;
    uint64_t found, wanted, hit;          /* as in judged, summed */
    char *answers[MOST_ANSWERS];
    uint64_t counts[MOST_ANSWERS];
    size_t n_answers;
} tally;

typedef struct scores { tally kinds[MOST_KINDS]; size_t n; } scores;

/* An answer that waits to be told. */
typedef struct kept {
    char kind[48];
    uint64_t example;
    omn_value *inputs, *answer, *wanted;  /* inputs: a record; all owned */
    char *file;                           /* owned; NULL: nowhere */
    int32_t line;
    bool right;
} kept;

typedef struct piece {
    scores scores;
    kept *kept;
    size_t n, room;
    uint64_t bad;                         /* examples that were left out */
    omn_error err;
} piece;

typedef struct job {
    const omn_recipe *r;
    omn_model *model;
    const recipe_task *task;
    const omn_eval_setup *how;
    uint64_t examples;                    /* to ask: no more than there are */
    uint64_t bad;
    uint64_t first;                       /* example of the round's first piece */
    piece *pieces;
} job;

static void count_answer(tally *k, const char *answer)
{
    for (size_t i = 0; i < k->n_answers; i++)
        if (!strcmp(k->answers[i], answer)) {
            k->counts[i]++;
            return;
        }
    if (k->n_answers == MOST_ANSWERS) return;
    k->answers[k->n_answers] = strdup(answer);
    if (k->answers[k->n_answers]) k->counts[k->n_answers++] = 1;
}

static tally *kind_of(scores *s, const char *kind)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->kinds[i].kind, kind)) return &s->kinds[i];
    if (s->n == MOST_KINDS) return &s->kinds[MOST_KINDS - 1];
    snprintf(s->kinds[s->n].kind, sizeof s->kinds[0].kind, "%s", kind);
    return &s->kinds[s->n++];
}

/* ---- running -------------------------------------------------------------------------------- */

/* What was asked, but for pictures, of which the number of the example tells enough. */
static omn_status asked(const omn_named *in, size_t n, omn_value **out, omn_error *err)
{
    omn_named some[MOST_FIELDS];
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (omn_value_get_kind(in[i].value) != OMN_VALUE_IMAGE) some[m++] = in[i];
    return omn_record_new(some, m, out, err);
}

static omn_status keep(piece *p, const char *kind, uint64_t number, const example *e,
                       const task_item *in, const omn_value *answer, bool right, omn_error *err)
{
    if (p->n == p->room) {
        const size_t room = p->room ? 2 * p->room : 64;
        kept *more = realloc(p->kept, room * sizeof *more);
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "%zu answers: out of memory", room);
        p->kept = more;
        p->room = room;
    }
    kept *k = &p->kept[p->n];
    *k = (kept){ .example = number, .line = e->line, .right = right };
    snprintf(k->kind, sizeof k->kind, "%s", kind);
    k->file = e->file ? strdup(e->file) : NULL;
    if (e->file && !k->file) return omn_fail(err, OMN_ERR_MEMORY, "an answer: out of memory");
    const omn_status st = asked(in->give, in->n_give, &k->inputs, err);
    if (st != OMN_OK) {
        free(k->file);
        return st;
    }
    k->answer = omn_value_ref(answer);
    k->wanted = omn_value_ref(in->want);
    p->n++;
    return OMN_OK;
}

static omn_status one_item(const job *j, omn_pipeline_run *run, uint64_t index, const example *e,
                           const omn_value *item, piece *p, omn_error *err)
{
    omn_status st = OMN_OK;
    const recipe_task *t = j->task;
    task_item in;
    omn_value *out = NULL;
    char want[1024], kind[48] = "all";
    OMN_TRY(item_open(e, t, item, &in, err));
    st = omn_pipeline_run_one(run, in.give, in.n_give, 0, &out, err);
    if (st != OMN_OK) {
        if (st != OMN_ERR_CANCELLED) example_failed(e, t, st, err);
        goto done;
    }
    const omn_value *answer = omn_record_get(out, t->want_output);
    if (!answer) {
        st = yml_fail(t->at, err, "task %s: the pipeline has no output \"%s\"", t->name,
                      t->want_output);
        goto done;
    }
    const omn_value *k = t->kind ? recipe_get(e->record, item, t->kind) : NULL;
    if (k) measure_plain(k, kind, sizeof kind);
    const judged is = measure_judge(t, answer, in.want);
    tally *y = kind_of(&p->scores, kind);
    y->n++;
    y->right += is.right;
    y->found += is.found;
    y->wanted += is.wanted;
    y->hit += is.hit;
    if (t->measure == MEASURE_EXACT) {
        measure_plain(in.want, want, sizeof want);
        count_answer(y, want);
    }
    if (j->how->answer) OMN_TRY(keep(p, kind, index, e, &in, answer, is.right, err));
done:
    item_close(&in);
    omn_value_unref(out);
    return st;
}

static omn_status one_example(const job *j, omn_pipeline_run *run, uint64_t index, piece *p,
                              omn_error *err)
{
    omn_status st = OMN_OK;
    omn_call *c = NULL;
    example e = { 0 };
    const omn_value *list = NULL;
    const recipe_task *t = j->task;
    OMN_TRY(omn_context_call(j->r->ctx, j->r->setup.seed, index, j->how->cancel, &c, err));
    OMN_TRY(example_open(j->r, 0, t->source, OMN_SPLIT_HELD_OUT, index, c, &e, err));
    OMN_TRY(item_list(&e, t, &list, err));
    if (!t->each) OMN_TRY(one_item(j, run, index, &e, e.record, p, err));
    for (size_t i = 0; list && i < omn_list_count(list); i++)
        OMN_TRY(one_item(j, run, index, &e, omn_list_at(list, i), p, err));
done:
    if (st == OMN_ERR_DATA && j->r->skip_bad) {
        char text[1200];
        if (c)
            omn_call_log(c, OMN_LOG_WARN, "left out: %s", omn_error_line(err, text, sizeof text));
        *err = (omn_error)OMN_ERROR_INIT;
        p->bad++;
        st = OMN_OK;
    }
    example_close(&e);
    omn_call_free(c);
    return st;
}

static void work(void *user, size_t from, size_t to)
{
    const job *j = user;
    for (size_t i = from; i < to; i++) {
        piece *p = &j->pieces[i];
        omn_pipeline_run *run = NULL;
        const uint64_t first = j->first + i * PIECE;
        const omn_pipeline_setup how = {
            OMN_FILL(omn_pipeline_setup),    .model = j->model, .temperature = NAN, .top_p = NAN,
            .wanted = &j->task->want_output, .n_wanted = 1,     .cancel = j->how->cancel
        };
        omn_status st = omn_pipeline_run_new(j->task->pipeline, &how, &run, &p->err);
        for (uint64_t k = first; st == OMN_OK && k < first + PIECE && k < j->examples; k++) {
            if (j->how->cancel && omn_cancel_get(j->how->cancel))
                st = omn_fail(&p->err, OMN_ERR_CANCELLED, "stopped");
            else
                st = one_example(j, run, k, p, &p->err);
        }
        omn_pipeline_run_free(run);
    }
}

/* ---- results -------------------------------------------------------------------------------- */

static void merge(scores *into, scores *from)
{
    for (size_t i = 0; i < from->n; i++) {
        tally *f = &from->kinds[i], *t = kind_of(into, f->kind);
        t->n += f->n;
        t->right += f->right;
        t->found += f->found;
        t->wanted += f->wanted;
        t->hit += f->hit;
        for (size_t k = 0; k < f->n_answers; k++) {
            count_answer(t, f->answers[k]);
            for (size_t m = 0; m < t->n_answers; m++)
                if (!strcmp(t->answers[m], f->answers[k])) t->counts[m] += f->counts[k] - 1;
            free(f->answers[k]);
        }
    }
}

static double baseline(const tally *k)
{
    uint64_t top = 0;
    for (size_t i = 0; i < k->n_answers; i++)
        if (k->counts[i] > top) top = k->counts[i];
    return k->n_answers && k->n ? (double)top / (double)k->n : NAN;
}

/* A piece's answers are told, its sums added, and it is empty again. */
static void collect(const job *j, piece *p, scores *all)
{
    const omn_eval_setup *how = j->how;
    for (size_t i = 0; i < p->n; i++) {
        kept *k = &p->kept[i];
        const omn_score_answer a = {
            OMN_FILL(omn_score_answer), .task = j->task->name, .kind = k->kind,
            .example = k->example,      .inputs = k->inputs,   .answer = k->answer,
            .wanted = k->wanted,        .right = k->right,     .file = k->file,
            .line = k->line
        };
        how->answer(how->user, &a);
        omn_value_unref(k->inputs);
        omn_value_unref(k->answer);
        omn_value_unref(k->wanted);
        free(k->file);
    }
    merge(all, &p->scores);
    free(p->kept);
    *p = (piece){ .err = OMN_ERROR_INIT };
}

static void report(const recipe_task *t, const scores *s, const omn_eval_setup *how)
{
    double mean = 0, blind = 0;
    uint64_t n = 0;
    const char *by = measure_name(t->measure);
    for (size_t i = 0; i < s->n; i++) {
        const tally *k = &s->kinds[i];
        const double share = k->n ? (double)k->right / (double)k->n : 0;
        omn_score_row row = { t->name, k->kind, by, share, baseline(k), k->n };
        if (t->measure == MEASURE_DETECT)
            row.value =
                k->found + k->wanted ? 2.0 * (double)k->hit / (double)(k->found + k->wanted) : 1;
        how->row(how->user, &row);
        mean += row.value;
        blind += row.baseline;
        n += k->n;
    }
    if (s->n > 1) {
        const omn_score_row row = {
            t->name, "mean of kinds", by, mean / (double)s->n, blind / (double)s->n, n
        };
        how->row(how->user, &row);
    }
}

static int by_kind(const void *a, const void *b)
{
    return strcmp(((const tally *)a)->kind, ((const tally *)b)->kind);
}

/* One round of examples from j->first on: at most n pieces. */
static omn_status a_round(job *j, size_t n, scores *all, omn_error *err)
{
    omn_status st = OMN_OK;
    const uint64_t left = (j->examples - j->first + PIECE - 1) / PIECE;
    if (left < n) n = (size_t)left;
    omn_pool_split(omn_context_pool(j->r->ctx), n, 1, work, j);
    for (size_t i = 0; i < n; i++) {
        if (j->pieces[i].err.status && st == OMN_OK) {
            st = (omn_status)j->pieces[i].err.status;
            if (err && !err->status) *err = j->pieces[i].err;
        }
        j->bad += j->pieces[i].bad;
        collect(j, &j->pieces[i], all);
    }
    j->first += n * PIECE;
    return st;
}

static void note(const omn_eval_setup *how, const char *fmt, ...) OMN_PRINTF(2, 3);
static void note(const omn_eval_setup *how, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    if (!how->note) return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    how->note(how->user, text);
}

static omn_status eval_task(omn_recipe *r, omn_model *m, const recipe_task *t,
                            const omn_eval_setup *how, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t n = (size_t)ROUND * omn_pool_threads(omn_context_pool(r->ctx));
    scores all = { 0 };
    job j = { .r = r, .model = m, .task = t, .how = how, .examples = how->examples };
    const uint64_t there = example_count(r, 0, t->source, OMN_SPLIT_HELD_OUT);
    OMN_TRY(example_some(r, 0, t->source, OMN_SPLIT_HELD_OUT, "evaluation", err));
    if (there < j.examples) {
        note(how, "task %s: source %s has %llu held-out examples, each is asked once", t->name,
             r->sources[t->source].name, (unsigned long long)there);
        j.examples = there;
    }
    j.pieces = calloc(n, sizeof(piece));
    if (!j.pieces) return omn_fail(err, OMN_ERR_MEMORY, "evaluation: out of memory");
    for (size_t i = 0; i < n; i++) j.pieces[i].err = (omn_error)OMN_ERROR_INIT;
    while (st == OMN_OK && j.first < j.examples) st = a_round(&j, n, &all, err);
    qsort(all.kinds, all.n, sizeof all.kinds[0], by_kind);
    if (st == OMN_OK) report(t, &all, how);
    if (st == OMN_OK && j.bad)
        note(how, "task %s: left out %llu bad examples (bad_examples: skip)", t->name,
             (unsigned long long)j.bad);
    for (size_t i = 0; i < all.n; i++)
        for (size_t k = 0; k < all.kinds[i].n_answers; k++) free(all.kinds[i].answers[k]);
    free(j.pieces);
done:
    return st;
}

omn_status omn_recipe_eval(omn_recipe *r, omn_model *m, const omn_eval_setup *setup, omn_error *err)
{
    omn_eval_setup how = { OMN_FILL(omn_eval_setup) };
    memcpy(&how, setup, setup->size < sizeof how ? setup->size : sizeof how);
    if (!how.row) return omn_fail(err, OMN_ERR_ARGUMENT, "eval: nobody takes the rows");
    if (!how.examples || how.examples > 10000000)
        return omn_fail(err, OMN_ERR_ARGUMENT, "1 to 10000000 examples are wanted");
    for (size_t i = 0; i < how.n_tasks; i++) {
        size_t k = 0;
        while (k < r->n_tasks && strcmp(r->tasks[k].name, how.tasks[i])) k++;
        if (k == r->n_tasks)
            return omn_fail(err, OMN_ERR_MISSING, "%s has no task \"%s\"", r->path, how.tasks[i]);
    }
    for (size_t k = 0; k < r->n_tasks; k++) {
        bool chosen = how.n_tasks == 0 && r->tasks[k].measure != MEASURE_NONE;
        for (size_t i = 0; i < how.n_tasks; i++)
            chosen = chosen || !strcmp(r->tasks[k].name, how.tasks[i]);
        if (!chosen) continue;
        const omn_status st = eval_task(r, m, &r->tasks[k], &how, err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}
