/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation: every task of a recipe on held-out examples, through the same pipelines that people
 * run, beside the score of the answer that is right most often. Examples are shared among the
 * threads, each with a runner of its own; the sums are of whole numbers and ordered by example, so
 * the result does not depend on the threads. Between rounds of examples answers are told and a
 * wish to stop is heard, so that memory does not grow with their number. */
#include "eval.h"
#include "run.h"

#include "../value/kind.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 8                   /* examples that one runner takes */
#define CODES 16                  /* the same where codes of them are made: at once */
#define ROUND 8                   /* pieces for each thread before answers are told */
#define MOST_KINDS 4096

/* One kind of question and the count of its measure; and the same for somebody who looks at nothing
 * and says what was right the last time. */
typedef struct tally {
    char *kind;
    uint64_t n, n_blind;
    void *state, *blind;
    omn_value *last;                  /* what was wanted of the example before; NULL: none is */
} tally;

typedef struct scores { tally *kinds; size_t n, room; } scores;

static const omn_measure_impl *measure_of(const recipe_task *t) { return t->measure->impl; }

char *kind_name(const omn_value *v)
{
    omn_buf b;
    size_t n = 0;
    omn_buf_init(&b, 1 << 20);
    omn_value_text(v, &b);
    if (b.failed && !b.full) {      /* half of a name would be another one */
        omn_buf_fini(&b);
        return NULL;
    }
    for (size_t i = 0; i < b.length; i++) {
        char ch = b.data[i];
        if (ch >= 'A' && ch <= 'Z') ch = (char)(ch - 'A' + 'a');
        if (ch == '\n' || ch == '\t') ch = ' ';
        if (ch == ' ' && (n == 0 || b.data[n - 1] == ' ')) continue;
        b.data[n++] = ch;
    }
    while (n && strchr(" .!?", b.data[n - 1])) n--;
    char *out = strndup(b.data, n);
    omn_buf_fini(&b);
    return out;
}

static omn_status kind_of(scores *s, const recipe_task *t, const char *kind, tally **out,
                          omn_error *err)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->kinds[i].kind, kind)) {
            *out = &s->kinds[i];
            return OMN_OK;
        }
    if (s->n == MOST_KINDS)
        return yml_fail(t->at, err, "task %s: more than %d kinds", t->name, MOST_KINDS);
    if (s->n == s->room) {
        const size_t room = s->room ? 2 * s->room : 16;
        tally *more = realloc(s->kinds, room * sizeof *more);
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "evaluation: out of memory");
        s->kinds = more;
        s->room = room;
    }
    tally *k = &s->kinds[s->n];
    *k = (tally){ .kind = strdup(kind) };
    if (!k->kind) return omn_fail(err, OMN_ERR_MEMORY, "evaluation: out of memory");
    omn_status st = measure_of(t)->begin(t->measure->self, &k->state, err);
    if (st == OMN_OK) st = measure_of(t)->begin(t->measure->self, &k->blind, err);
    if (st != OMN_OK) {
        measure_of(t)->end(t->measure->self, k->state);
        free(k->kind);
        return st;
    }
    s->n++;
    *out = k;
    return OMN_OK;
}

static void scores_end(scores *s, const recipe_task *t)
{
    for (size_t i = 0; i < s->n; i++) {
        measure_of(t)->end(t->measure->self, s->kinds[i].state);
        measure_of(t)->end(t->measure->self, s->kinds[i].blind);
        omn_value_unref(s->kinds[i].last);
        free(s->kinds[i].kind);
    }
    free(s->kinds);
}

/* ---- running -------------------------------------------------------------------------------- */

/* Pixels, samples: too much for a line, and the number of the example tells enough. */
static bool is_large(const omn_value *v)
{
    const omn_kind *k = omn_value_kind(v);
    return kind_has_axis(k, "h") || (kind_has_axis(k, "t") && !omn_kind_items(k));
}

/* What was asked, but for what is large. */
static omn_status asked(const task_item *in, kept *k, omn_error *err)
{
    omn_named some[2 * MOST_FIELDS];
    size_t m = 0;
    for (size_t i = 0; i < in->n_give; i++)
        if (!is_large(in->give[i].value)) some[m++] = in->give[i];
    const omn_status st = omn_record_new(some, m, &k->inputs, err);
    if (st != OMN_OK || !in->n_beside) return st;
    for (size_t i = 0; i < in->n_beside; i++) some[m++] = in->beside[i];
    return omn_record_new(some, m, &k->beside, err);
}

void kept_end(kept *k)
{
    omn_value_unref(k->inputs);
    omn_value_unref(k->answer);
    omn_value_unref(k->wanted);
    omn_value_unref(k->about);
    omn_value_unref(k->beside);
    free(k->file);
    free(k->kind);
}

/* The mean of the scores of an answer's boxes; else how sure the model was. */
static double confidence_of(const omn_value *answer, const omn_pipeline_run *run)
{
    const omn_result as = { OMN_FILL(omn_result), .value = (omn_value *)answer };
    const double boxes = omn_result_confidence(&as) * told_familiar(run->told);
    return isnan(boxes) ? omn_pipeline_run_confidence(run) : boxes;
}

static omn_status keep(piece *p, const omn_value *kind, uint64_t number, const example *e,
                       const task_item *in, const omn_value *answer, const kept *view,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    if (p->n == p->room) {
        const size_t room = p->room ? 2 * p->room : 64;
        kept *more = realloc(p->kept, room * sizeof *more);
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "%zu answers: out of memory", room);
        p->kept = more;
        p->room = room;
    }
    kept *k = &p->kept[p->n];
    *k = (kept){ .example = number, .line = e->line, .codes = view->codes, .view = view->view,
                 .has_view = view->has_view, .confidence = view->confidence };
    k->kind = kind ? kind_name(kind) : strdup("all");
    k->file = e->file ? strdup(e->file) : NULL;
    if (!k->kind || (e->file && !k->file))
        st = omn_fail(err, OMN_ERR_MEMORY, "an answer: out of memory");
    if (st == OMN_OK) st = asked(in, k, err);
    if (st != OMN_OK) {
        kept_end(k);
        return st;
    }
    k->answer = omn_value_ref(answer);
    k->wanted = omn_value_ref(in->want);
    k->about = omn_value_ref(view->about);
    p->n++;
    return OMN_OK;
}

/* Where the answer is codes and a picture, say, was wanted: the view in which that has codes. */
static omn_status view_of(const job *j, const example *e, const task_item *in,
                          const omn_value *answer, kept *out, omn_error *err)
{
    omn_teacher *t = j->task->teacher;
    *out = (kept){ .codes = t && omn_value_is(answer, "tokens") &&
                            teacher_wants_codes(t, in->want) };
    if (!out->codes) return OMN_OK;
    const omn_status st = teacher_view(t, e->c, in->give, in->n_give, &out->view, &out->has_view,
                                       err);
    if (st != OMN_OK && st != OMN_ERR_CANCELLED) example_failed(e, j->task, st, err);
    return st;
}

/* Whoever wants to see what the pipeline is given, or to change it, does it now. */
static omn_status hand_over(const job *j, const example *e, uint64_t index, task_item *in,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; j->how->given && st == OMN_OK && i < in->n_give; i++)
        st = j->how->given(j->how->user, e->c, index, in->give[i].name, &in->give[i].value, err);
    return st;
}

static omn_status one_item(const job *j, omn_pipeline_run *run, uint64_t index, const example *e,
                           const omn_value *item, piece *p, omn_error *err)
{
    omn_status st = OMN_OK;
    const recipe_task *t = j->task;
    task_item in;
    omn_value *out = NULL;
    kept view;
    OMN_TRY(item_judged(e, t, item, &in, err));
    OMN_TRY(hand_over(j, e, index, &in, err));
    if (t->through) OMN_TRY(eval_through(j, e->c, &in, err));
    st = omn_pipeline_run_one(run, in.give, in.n_give, 0, &out, err);
    if (st != OMN_OK) {
        if (st != OMN_ERR_CANCELLED) example_failed(e, t, st, err);
        goto done;
    }
    const omn_value *answer = omn_record_get(out, t->judge_output);
    if (!answer) {
        st = yml_fail(t->at, err, "task %s: the pipeline has no output \"%s\"", t->name,
                      t->judge_output);
        goto done;
    }
    OMN_TRY(view_of(j, e, &in, answer, &view, err));
    view.confidence = confidence_of(answer, run);
    view.about = t->about ? (omn_value *)recipe_get(e->record, item, t->about) : NULL;
    OMN_TRY(keep(p, t->kind ? recipe_get(e->record, item, t->kind) : NULL, index, e, &in, answer,
                 &view, err));
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
        const uint64_t first = j->first + i * j->each;
        const omn_pipeline_setup how = {
            OMN_FILL(omn_pipeline_setup),    .model = j->model, .temperature = NAN, .top_p = NAN,
            .wanted = &j->task->judge_output, .n_wanted = 1,     .cancel = j->how->cancel
        };
        omn_status st = omn_pipeline_run_new(j->task->pipeline, &how, &run, &p->err);
        for (uint64_t k = first; st == OMN_OK && k < first + j->each && k < j->examples; k++) {
            if (j->how->cancel && omn_cancel_get(j->how->cancel))
                st = omn_fail(&p->err, OMN_ERR_CANCELLED, "stopped");
            else
                st = one_example(j, run, k, p, &p->err);
        }
        omn_pipeline_run_free(run);
        eval_codes(j, p);
    }
}

/* ---- results -------------------------------------------------------------------------------- */

/* What was right for the example before, as the answer to this one. */
static omn_status judge_blind(const job *j, tally *y, omn_call *c, const kept *k, omn_error *err)
{
    omn_status st = OMN_OK;
    bool right = false;
    if (y->last) {
        st = measure_of(j->task)->add(j->task->measure->self, y->blind, c, y->last, k->wanted,
                                      k->beside ? k->beside : k->inputs, &right, err);
        y->n_blind++;
    }
    omn_value_unref(y->last);
    y->last = omn_value_ref(k->wanted);
    return st;
}

/* worth: 0..1. */
static omn_status judge(const job *j, const kept *k, scores *all, bool *right, double *worth,
                        omn_error *err)
{
    const omn_measure_impl *m = measure_of(j->task);
    const omn_graded_impl *graded = m->extension ? m->extension("omnio.graded/1") : NULL;
    omn_status st = OMN_OK;
    tally *y = NULL;
    omn_call *c = NULL;
    OMN_TRY(omn_context_call(j->r->ctx, j->r->setup.seed, k->example, NULL, &c, err));
    OMN_TRY(kind_of(all, j->task, k->kind, &y, err));
    OMN_TRY(measure_of(j->task)->add(j->task->measure->self, y->state, c, k->answer, k->wanted,
                                     k->beside ? k->beside : k->inputs, right, err));
    *worth = graded ? graded->last(j->task->measure->self, y->state) : *right;
    y->n++;
    OMN_TRY(judge_blind(j, y, c, k, err));
done:
    if (st != OMN_OK && err && !err->file[0] && k->file) {
        snprintf(err->file, sizeof err->file, "%s", k->file);
        err->line = k->line;
    }
    omn_call_free(c);
    return st;
}

/* A piece's answers are judged and told, and it is empty again. */
static omn_status collect(const job *j, piece *p, scores *all, omn_error *err)
{
    const omn_eval_setup *how = j->how;
    omn_status st = OMN_OK;
    for (size_t i = 0; i < p->n; i++) {
        kept *k = &p->kept[i];
        bool right = false;
        double worth = 0;
        if (st == OMN_OK) st = judge(j, k, all, &right, &worth, err);
        const omn_score_answer a = {
            OMN_FILL(omn_score_answer), .task = j->task->name, .kind = k->kind,
            .example = k->example,      .inputs = k->inputs,   .answer = k->answer,
            .wanted = k->wanted,        .right = right,        .file = k->file,
            .line = k->line,            .worth = worth,        .confidence = k->confidence,
            .about = k->about
        };
        if (st == OMN_OK && how->answer) how->answer(how->user, &a);
        kept_end(k);
    }
    free(p->kept);
    *p = (piece){ .err = OMN_ERROR_INIT };
    return st;
}

/* Means over the kinds, row by row. */
typedef struct means {
    const recipe_task *task;
    const omn_eval_setup *how;
    const tally *now;
    size_t at, n;
    double blind[16];                 /* rows of who looks at nothing; NAN: there are none */
    struct mean {
        omn_score_row row;
        double value, baseline, trivial;
    } rows[16];
} means;

static void on_blind_row(void *user, const omn_measure_row *from)
{
    means *m = user;
    if (m->at < sizeof m->blind / sizeof *m->blind)
        m->blind[m->at++] = m->now->n_blind ? from->value : (double)NAN;
}


static void on_row(void *user, const omn_measure_row *from)
{
    means *m = user;
    const omn_score_row row = { .task = m->task->name, .kind = m->now->kind, .measure = from->name,
                                .value = from->value,  .baseline = from->baseline,
                                .n = m->now->n,        .unit = from->unit,
                                .lo = from->lo,        .hi = from->hi,
                                .less = from->less,
                                .trivial = !isnan(from->baseline) ? from->baseline
                                           : m->at < sizeof m->blind / sizeof *m->blind
                                               ? m->blind[m->at]
                                               : (double)NAN };
    m->how->row(m->how->user, &row);
    if (m->at < sizeof m->rows / sizeof *m->rows) {
        struct mean *k = &m->rows[m->at++];
        k->row = row;
        k->value += row.value;
        k->baseline += row.baseline;
        k->trivial += row.trivial;
        if (m->at > m->n) m->n = m->at;
    }
}

static omn_status report(const recipe_task *t, const scores *s, const omn_eval_setup *how,
                         omn_error *err)
{
    means m = { .task = t, .how = how };
    uint64_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        m.now = &s->kinds[i];
        m.at = 0;
        n += s->kinds[i].n;
        omn_status st = measure_of(t)->rows(t->measure->self, m.now->blind, on_blind_row, &m, err);
        m.at = 0;
        if (st == OMN_OK)
            st = measure_of(t)->rows(t->measure->self, m.now->state, on_row, &m, err);
        if (st != OMN_OK) return st;
    }
    for (size_t i = 0; s->n > 1 && i < m.n; i++) {
        omn_score_row *row = &m.rows[i].row;
        row->kind = "mean of kinds";
        row->value = m.rows[i].value / (double)s->n;
        row->baseline = m.rows[i].baseline / (double)s->n;
        row->trivial = m.rows[i].trivial / (double)s->n;
        row->n = n;
        how->row(how->user, row);
    }
    return OMN_OK;
}

static int by_kind(const void *a, const void *b)
{
    return strcmp(((const tally *)a)->kind, ((const tally *)b)->kind);
}

/* One round of examples from j->first on: at most n pieces. */
static omn_status a_round(job *j, size_t n, scores *all, omn_error *err)
{
    omn_status st = OMN_OK;
    const uint64_t left = (j->examples - j->first + j->each - 1) / j->each;
    if (left < n) n = (size_t)left;
    omn_pool_split(omn_context_pool(j->r->ctx), n, 1, work, j);
    for (size_t i = 0; i < n; i++) {
        if (j->pieces[i].err.status && st == OMN_OK) {
            st = (omn_status)j->pieces[i].err.status;
            if (err && !err->status) *err = j->pieces[i].err;
        }
        j->bad += j->pieces[i].bad;
        const omn_status judged = collect(j, &j->pieces[i], all, err);
        if (st == OMN_OK) st = judged;
    }
    j->first += n * j->each;
    return st;
}

static void note(const omn_eval_setup *how, const char *fmt, ...) OMN_PRINTF(2, 3);
static void note(const omn_eval_setup *how, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    if (!how->note) return;
    va_start(ap, fmt);
    omn_vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    how->note(how->user, omn_text_clean(text));
}

static omn_status eval_task(omn_recipe *r, omn_model *m, const recipe_task *t,
                            const omn_eval_setup *how, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t n = (size_t)ROUND * omn_pool_threads(omn_context_pool(r->ctx));
    scores all = { 0 };
    job j = { .r = r, .model = m, .task = t, .how = how, .examples = how->examples,
              .each = t->teacher && teacher_takes(t->teacher) ? CODES : PIECE };
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
    if (all.n) qsort(all.kinds, all.n, sizeof all.kinds[0], by_kind);
    if (st == OMN_OK) st = report(t, &all, how, err);
    if (st == OMN_OK && j.bad)
        note(how, "task %s: left out %llu bad examples (bad_examples: skip)", t->name,
             (unsigned long long)j.bad);
    scores_end(&all, t);
    free(j.pieces);
done:
    return st;
}

/* With somebody who makes codes of what is wanted, and keeps them as the recipe says; a training
 * that asks for scores has its own. */
static omn_status eval_taught(omn_recipe *r, omn_model *m, recipe_task *t,
                              const omn_eval_setup *how, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_teacher *mine = NULL;
    codes_maker *codes = NULL;
    if (t->teacher) return eval_task(r, m, t, how, err);
    OMN_TRY(teacher_of_codes(t->pipeline, m, &mine, err));
    if (mine) {
        OMN_TRY(codes_new(m, teacher_decoder(mine), &r->keep, &codes, err));
        teacher_share(mine, codes);
    }
    t->teacher = mine;
    st = eval_task(r, m, t, how, err);
done:
    t->teacher = NULL;
    omn_teacher_free(mine);
    codes_free(codes);
    return st;
}

bool omn_recipe_teaches(const omn_recipe *r, const char *pipeline)
{
    for (size_t i = 0; i < r->n_tasks; i++)
        if (!strcmp(r->tasks[i].file, pipeline)) return true;
    return false;
}

/* Why a model cannot do a task at all; false: it can, or nobody wants to know. */
static bool is_unable(omn_model *m, const recipe_task *t, const omn_eval_setup *how)
{
    omn_error why = OMN_ERROR_INIT;
    char text[1200] = "the model never learnt it: no task of its recipe asks this pipeline";
    if (!how->unable) return false;
    const bool learnt = !how->learnt || omn_recipe_teaches(how->learnt, t->file);
    if (learnt && omn_pipeline_check(t->pipeline, m, NULL, &why) == OMN_OK) return false;
    if (learnt) omn_error_line(&why, text, sizeof text);
    how->unable(how->user, t->name, t->file, text);
    return true;
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
    bool measured = how.n_tasks > 0;
    for (size_t k = 0; k < r->n_tasks; k++) measured = measured || r->tasks[k].measure;
    if (!measured)
        return omn_fail(err, OMN_ERR_CONFIG, "%s: no task has a measure, there is nothing to score",
                        r->path);
    for (size_t k = 0; k < r->n_tasks; k++) {
        bool chosen = how.n_tasks == 0 && r->tasks[k].measure;
        for (size_t i = 0; i < how.n_tasks; i++)
            chosen = chosen || !strcmp(r->tasks[k].name, how.tasks[i]);
        if (!how.n_tasks && !chosen && how.unable)
            how.unable(how.user, r->tasks[k].name, r->tasks[k].file,
                       "the recipe gives it no measure");
        if (!chosen) continue;
        if (is_unable(m, &r->tasks[k], &how)) continue;
        if (!r->tasks[k].measure)
            return yml_fail(r->tasks[k].at, err, "task %s has no measure", r->tasks[k].name);
        const omn_status st = eval_taught(r, m, &r->tasks[k], &how, err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}
