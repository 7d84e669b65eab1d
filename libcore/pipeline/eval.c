/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation: every task of a recipe on held-out examples, through the same pipelines that people
 * run, beside the score of the answer that is right most often. Examples are shared among the
 * threads, each with a runner of its own; the sums are of whole numbers and ordered by example, so
 * the result does not depend on the threads. */
#include "recipe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 8                   /* examples that one runner takes */
#define MOST_KINDS 24
#define MOST_ANSWERS 128

/* One kind of question: what was right, and how often each answer was wanted. */
typedef struct tally {
    char kind[48];
    uint64_t n, right;
    uint64_t found, wanted, hit;          /* detection: boxes given, boxes wanted, matched */
    double iou;
    char *answers[MOST_ANSWERS];
    uint64_t counts[MOST_ANSWERS];
    size_t n_answers;
} tally;

typedef struct scores { tally kinds[MOST_KINDS]; size_t n; } scores;

typedef struct job {
    const omn_recipe *r;
    omn_model *model;
    const recipe_task *task;
    uint64_t examples;
    scores *pieces;
    omn_error *errors;
} job;

/* ---- measures ------------------------------------------------------------------------------- */

/* Lower case, single spaces, no punctuation at the end. */
static void plain(const char *s, char *out, size_t room)
{
    size_t n = 0;
    for (; *s && n + 1 < room; s++) {
        char ch = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;
        if (ch == '\n' || ch == '\t') ch = ' ';
        if (ch == ' ' && (n == 0 || out[n - 1] == ' ')) continue;
        out[n++] = ch;
    }
    while (n && strchr(" .!?", out[n - 1])) n--;
    out[n] = 0;
}

static void value_plain(const omn_value *v, char *out, size_t room)
{
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 20);
    omn_value_text(v, &b);
    plain(b.data ? b.data : "", out, room);
    omn_buf_fini(&b);
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

/* The words that count, phrase by phrase; phrases sorted. Two captions agree when they say the same
 * things in any order of the things. */
static size_t phrases(const recipe_task *t, const char *text, char out[][128], size_t most)
{
    char word[64], now[128] = "";
    size_t n = 0, w = 0;
    for (const char *p = text;; p++) {
        const bool letter = (*p >= 'a' && *p <= 'z') || *p == '-';
        if (letter && w + 1 < sizeof word) word[w++] = *p;
        if (!letter && w) {
            word[w] = 0;
            w = 0;
            for (size_t i = 0; i < t->n_words; i++) {
                const size_t len = strlen(t->words[i]);
                /* "cubes" counts as "cube" */
                if (strncmp(word, t->words[i], len) || (word[len] && strcmp(word + len, "s")))
                    continue;
                snprintf(now + strlen(now), sizeof now - strlen(now), " %s", t->words[i]);
                break;
            }
        }
        if (!*p || strchr(",:;.", *p) || !strncmp(p, " and ", 5)) {
            if (now[0] && n < most) snprintf(out[n++], 128, "%s", now);
            now[0] = 0;
        }
        if (!*p) break;
    }
    qsort(out, n, sizeof out[0], by_text);
    return n;
}

static bool same_phrases(const recipe_task *t, const char *a, const char *b)
{
    char pa[32][128], pb[32][128];
    const size_t na = phrases(t, a, pa, 32), nb = phrases(t, b, pb, 32);
    if (na != nb) return false;
    for (size_t i = 0; i < na; i++)
        if (strcmp(pa[i], pb[i])) return false;
    return true;
}

/* Labels agree when every word of the wanted one is in the other ("red cube" in "large red cube");
 * a missing label on either side agrees. */
static bool same_label(const char *got, const char *want)
{
    char buf[256], *save = NULL;
    if (!want || !want[0] || !got || !got[0]) return true;
    snprintf(buf, sizeof buf, "%s", want);
    for (char *w = strtok_r(buf, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        const char *at = strstr(got, w);
        if (!at) return false;
    }
    return true;
}

static void measure_boxes(tally *k, const omn_value *got, const omn_value *want, bool one)
{
    const omn_region *g = NULL, *w = NULL;
    const size_t ng =
        got && omn_value_get_kind(got) == OMN_VALUE_REGIONS ? omn_regions_get(got, &g) : 0;
    const size_t nw = omn_value_get_kind(want) == OMN_VALUE_REGIONS ? omn_regions_get(want, &w) : 0;
    bool taken[64] = { false };
    size_t hits = 0;
    if (one) {
        const double iou = ng && nw ? omn_region_iou(&g[0], &w[0]) : 0;
        k->iou += iou;
        k->right += iou > 0.5;
        return;
    }
    for (size_t i = 0; i < ng; i++) {
        size_t best = nw;
        double top = 0.5;
        for (size_t j = 0; j < nw && j < 64; j++) {
            const double iou = omn_region_iou(&g[i], &w[j]);
            if (taken[j] || iou <= top || !same_label(g[i].label, w[j].label)) continue;
            best = j;
            top = iou;
        }
        if (best == nw) continue;
        taken[best] = true;
        hits++;
    }
    k->found += ng;
    k->wanted += nw;
    k->hit += hits;
    k->right += hits == ng && hits == nw;
}

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

static omn_status one_item(const job *j, omn_pipeline_run *run, const omn_value *example,
                           const omn_value *item, scores *s, omn_error *err)
{
    omn_status st = OMN_OK;
    const recipe_task *t = j->task;
    omn_named in[MOST_FIELDS];
    omn_value *out = NULL;
    char got[1024], want[1024], kind[48] = "all";
    const omn_value *wanted = recipe_get(example, item, t->want);
    for (size_t i = 0; i < t->n_give; i++) {
        const omn_value *v = recipe_get(example, item, t->give[i].path);
        if (!v)
            return yml_fail(t->at, err, "task %s: the examples have no field \"%s\"", t->name,
                            t->give[i].path);
        in[i] = (omn_named){ t->give[i].name, (omn_value *)(uintptr_t)v };
    }
    if (!wanted)
        return yml_fail(t->at, err, "task %s: the examples have no field \"%s\"", t->name, t->want);
    OMN_TRY(omn_pipeline_run_one(run, in, t->n_give, 0, &out, err));
    const omn_value *answer = omn_record_get(out, t->want_output);
    if (!answer) {
        st = yml_fail(t->at, err, "task %s: the pipeline has no output \"%s\"", t->name,
                      t->want_output);
        goto done;
    }
    const omn_value *k = t->kind ? recipe_get(example, item, t->kind) : NULL;
    if (k) value_plain(k, kind, sizeof kind);
    tally *y = kind_of(s, kind);
    y->n++;
    if (t->measure == MEASURE_BOX || t->measure == MEASURE_DETECT) {
        measure_boxes(y, answer, wanted, t->measure == MEASURE_BOX);
        goto done;
    }
    value_plain(answer, got, sizeof got);
    value_plain(wanted, want, sizeof want);
    y->right += t->measure == MEASURE_PHRASES ? same_phrases(t, got, want) : !strcmp(got, want);
    if (t->measure == MEASURE_EXACT) count_answer(y, want);
done:
    omn_value_unref(out);
    return st;
}

static omn_status one_example(const job *j, omn_pipeline_run *run, uint64_t index, scores *s,
                              omn_error *err)
{
    omn_status st = OMN_OK;
    omn_call *c = NULL;
    omn_value *example = NULL;
    const recipe_task *t = j->task;
    OMN_TRY(omn_context_call(j->r->ctx, j->r->setup.seed, index, NULL, &c, err));
    OMN_TRY(recipe_example(j->r, 0, t->source, OMN_SPLIT_HELD_OUT, index, c, &example, err));
    const omn_value *list = t->each ? omn_record_get(example, t->each) : NULL;
    if (!t->each) OMN_TRY(one_item(j, run, example, example, s, err));
    for (size_t i = 0; list && i < omn_list_count(list); i++)
        OMN_TRY(one_item(j, run, example, omn_list_at(list, i), s, err));
done:
    omn_value_unref(example);
    omn_call_free(c);
    return st;
}

static void work(void *user, size_t from, size_t to)
{
    const job *j = user;
    for (size_t piece = from; piece < to; piece++) {
        omn_error *err = &j->errors[piece];
        omn_pipeline_run *run = NULL;
        const omn_pipeline_setup how = {
            OMN_FILL(omn_pipeline_setup),    .model = j->model, .temperature = NAN, .top_p = NAN,
            .wanted = &j->task->want_output, .n_wanted = 1
        };
        omn_status st = omn_pipeline_run_new(j->task->pipeline, &how, &run, err);
        for (uint64_t i = piece * PIECE; st == OMN_OK && i < (piece + 1) * PIECE && i < j->examples;
             i++)
            st = one_example(j, run, i, &j->pieces[piece], err);
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
        t->iou += f->iou;
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

static void report(const recipe_task *t, const scores *s,
                   void (*on_row)(void *, const omn_score_row *), void *user)
{
    double mean = 0, blind = 0;
    uint64_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const tally *k = &s->kinds[i];
        const double share = k->n ? (double)k->right / (double)k->n : 0;
        omn_score_row row = { t->name, k->kind, "exact", share, baseline(k), k->n };
        if (t->measure == MEASURE_BOX) row.measure = "iou > 0.5";
        if (t->measure == MEASURE_PHRASES) row.measure = "all facts";
        if (t->measure == MEASURE_DETECT) {
            row.measure = "f1 at iou 0.5";
            row.value =
                k->found + k->wanted ? 2.0 * (double)k->hit / (double)(k->found + k->wanted) : 1;
        }
        on_row(user, &row);
        mean += row.value;
        blind += row.baseline;
        n += k->n;
    }
    if (s->n > 1) {
        const omn_score_row row = {
            t->name, "mean of kinds", "exact", mean / (double)s->n, blind / (double)s->n, n
        };
        on_row(user, &row);
    }
}

static int by_kind(const void *a, const void *b)
{
    return strcmp(((const tally *)a)->kind, ((const tally *)b)->kind);
}

static omn_status eval_task(omn_recipe *r, omn_model *m, const recipe_task *t, uint64_t examples,
                            void (*on_row)(void *, const omn_score_row *), void *user,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t n = (size_t)((examples + PIECE - 1) / PIECE);
    scores all = { 0 };
    job j = { .r = r, .model = m, .task = t, .examples = examples };
    j.pieces = calloc(n, sizeof *j.pieces);
    j.errors = calloc(n, sizeof *j.errors);
    if (!j.pieces || !j.errors) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%llu examples: out of memory",
                      (unsigned long long)examples);
        goto done;
    }
    for (size_t i = 0; i < n; i++) j.errors[i] = (omn_error)OMN_ERROR_INIT;
    omn_pool_split(omn_context_pool(r->ctx), n, 1, work, &j);
    for (size_t i = 0; i < n; i++) {
        if (j.errors[i].status && st == OMN_OK) {
            st = (omn_status)j.errors[i].status;
            if (err && !err->status) *err = j.errors[i];
        }
        merge(&all, &j.pieces[i]);
    }
    qsort(all.kinds, all.n, sizeof all.kinds[0], by_kind);
    if (st == OMN_OK) report(t, &all, on_row, user);
    for (size_t i = 0; i < all.n; i++)
        for (size_t k = 0; k < all.kinds[i].n_answers; k++) free(all.kinds[i].answers[k]);
done:
    free(j.pieces);
    free(j.errors);
    return st;
}

omn_status omn_recipe_eval(omn_recipe *r, omn_model *m, uint64_t examples, const char *const *tasks,
                           size_t n_tasks, void (*on_row)(void *user, const omn_score_row *row),
                           void *user, omn_error *err)
{
    if (!examples || examples > 10000000)
        return omn_fail(err, OMN_ERR_ARGUMENT, "1 to 10000000 examples are wanted");
    for (size_t i = 0; i < n_tasks; i++) {
        size_t k = 0;
        while (k < r->n_tasks && strcmp(r->tasks[k].name, tasks[i])) k++;
        if (k == r->n_tasks)
            return omn_fail(err, OMN_ERR_MISSING, "%s has no task \"%s\"", r->path, tasks[i]);
    }
    for (size_t k = 0; k < r->n_tasks; k++) {
        bool chosen = n_tasks == 0 && r->tasks[k].measure != MEASURE_NONE;
        for (size_t i = 0; i < n_tasks; i++) chosen = chosen || !strcmp(r->tasks[k].name, tasks[i]);
        if (!chosen) continue;
        const omn_status st = eval_task(r, m, &r->tasks[k], examples, on_row, user, err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}
