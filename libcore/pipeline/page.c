/* SPDX-License-Identifier: Apache-2.0 */
/* Pages for the trainer: example number so-and-so of a source, and every task's lessons about it.
 * Which source a page draws from follows from its number, so a resumed run sees the same pages. */
#include "recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LESSONS 512

const omn_value *recipe_get(const omn_value *example, const omn_value *item, const char *path)
{
    if (path[0] == '/') return omn_record_get(example, path + 1);
    const omn_value *v = omn_record_get(item, path);
    return v ? v : omn_record_get(example, path);
}

/* Which stage the step belongs to. */
static size_t stage_of(const omn_recipe *r, uint64_t step)
{
    size_t i = 0;
    for (uint64_t end = r->stages[0].steps; i + 1 < r->n_stages && step >= end;)
        end += r->stages[++i].steps;
    return i;
}

static int source_of(const omn_recipe *r, uint64_t index)
{
    double all = 0, at = 0;
    for (size_t i = 0; i < r->n_sources; i++) all += r->sources[i].share;
    const double u =
        (double)(omn_random_at(r->setup.seed, 0x70616765, index) >> 11) * 0x1p-53 * all;
    for (size_t i = 0; i < r->n_sources; i++) {
        at += r->sources[i].share;
        if (u < at) return (int)i;
    }
    return (int)r->n_sources - 1;
}

/* A finite source: every epoch of training in its own order, by a walk with a stride that shares no
 * factor with n. A source without end: the number itself. */
static uint64_t number_in(const omn_recipe *r, const omn_part *p, omn_split split, uint64_t index)
{
    const omn_source_impl *impl = p->impl;
    const uint64_t n = impl->count(p->self, split);
    if (!n) return index;
    const uint64_t epoch = index / n, place = index % n;
    uint64_t stride =
        split == OMN_SPLIT_TRAIN ? 1 + omn_random_at(r->setup.seed, 0x65706f, epoch) % n : 1;
    for (;; stride++) {
        uint64_t a = stride, b = n;
        while (b) {
            const uint64_t t = a % b;
            a = b;
            b = t;
        }
        if (a == 1) break;
    }
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)place * stride + (split == OMN_SPLIT_TRAIN ? epoch : 0)) % n);
}

omn_status recipe_example(const omn_recipe *r, size_t stage, int source, omn_split split,
                          uint64_t index, omn_call *c, omn_value **out, omn_error *err)
{
    const omn_part *p = r->stages[stage].parts[source];
    const omn_source_impl *impl = p->impl;
    return impl->get(p->self, c, split, number_in(r, p, split, index), out, err);
}

typedef struct maker {
    const omn_recipe *r;
    omn_call *c;
    omn_arena *a;
    omn_lesson *lessons;
    uint32_t n;
    omn_page *page;
    const omn_value *example;
} maker;

/* One lesson of a task about an item. */
static omn_status lesson(maker *m, const recipe_task *t, uint32_t number, const omn_value *item,
                         omn_error *err)
{
    omn_status st = OMN_OK;
    omn_named in[MOST_FIELDS];
    char *prompt = NULL, *answer = NULL;
    const omn_value *want = recipe_get(m->example, item, t->want);
    for (size_t i = 0; i < t->n_give; i++) {
        const omn_value *v = recipe_get(m->example, item, t->give[i].path);
        if (!v)
            return yml_fail(t->at, err, "task %s: the examples of %s have no field \"%s\"", t->name,
                            m->r->sources[t->source].name, t->give[i].path);
        in[i] = (omn_named){ t->give[i].name, (omn_value *)(uintptr_t)v };
    }
    if (!want)
        return yml_fail(t->at, err, "task %s: the examples of %s have no field \"%s\"", t->name,
                        m->r->sources[t->source].name, t->want);
    if (m->n == MOST_LESSONS) return OMN_OK;
    OMN_TRY(omn_pipeline_lesson(t->pipeline, m->r->teacher, m->c, in, t->n_give, want, &prompt,
                                &answer, err));
    omn_lesson *l = &m->lessons[m->n];
    *l = (omn_lesson){ .prompt = omn_arena_strdup(m->a, prompt),
                       .answer = omn_arena_strdup(m->a, answer),
                       .weight = t->weight,
                       .end_weight = t->end,
                       .task = number };
    if (!l->prompt || !l->answer) st = omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
    else m->n++;
done:
    free(prompt);
    free(answer);
    return st;
}

static omn_status task_lessons(maker *m, uint32_t number, omn_error *err)
{
    const recipe_task *t = &m->r->tasks[number];
    if (t->weight <= 0) return OMN_OK;
    if (!t->each) return lesson(m, t, number, m->example, err);
    const omn_value *list = omn_record_get(m->example, t->each);
    if (!list || omn_value_get_kind(list) != OMN_VALUE_LIST)
        return yml_fail(t->at, err, "task %s: the examples of %s have no list \"%s\"", t->name,
                        m->r->sources[t->source].name, t->each);
    omn_status st = OMN_OK;
    for (size_t i = 0; i < omn_list_count(list) && st == OMN_OK; i++)
        st = lesson(m, t, number, omn_list_at(list, i), err);
    return st;
}

/* Pictures of the page: what the tasks of this source give to the roles of their pipelines. */
static omn_status page_inputs(maker *m, int source, omn_error *err)
{
    omn_named *in = omn_arena_alloc(m->a, MOST_FIELDS, sizeof *in);
    uint32_t n = 0;
    if (!in) return omn_fail(err, OMN_ERR_MEMORY, "a page: out of memory");
    for (size_t i = 0; i < m->r->n_tasks; i++) {
        const recipe_task *t = &m->r->tasks[i];
        if (t->source != source) continue;
        for (size_t k = 0; k < t->n_give; k++) {
            const omn_value *v = recipe_get(m->example, m->example, t->give[k].path);
            uint32_t j = 0;
            if (!v || !omn_value_image(v)) continue;
            while (j < n && strcmp(in[j].name, t->give[k].name)) j++;
            if (j < n || n == MOST_FIELDS) continue;
            if (!omn_model_encoder(m->r->teacher, t->give[k].name)) continue;
            in[n++] = (omn_named){ t->give[k].name, omn_value_ref(v) };
        }
    }
    m->page->inputs = in;
    m->page->n_inputs = n;
    return OMN_OK;
}

static omn_status page_cells(maker *m, size_t stage, uint64_t index, omn_error *err)
{
    const omn_recipe *r = m->r;
    if (!r->cells) return OMN_OK;
    const size_t n = (size_t)r->rows * r->columns;
    int32_t *labels = omn_arena_alloc(m->a, n * r->cells->n_groups, sizeof *labels);
    float *edges = omn_arena_alloc(m->a, n * r->cells->n_edges + 1, sizeof *edges);
    if (!labels || !edges) return omn_fail(err, OMN_ERR_MEMORY, "a page: out of memory");
    const omn_part *p = r->stages[stage].parts[0];
    const omn_status st =
        r->cells->cells(p->self, m->c, OMN_SPLIT_TRAIN, number_in(r, p, OMN_SPLIT_TRAIN, index),
                        r->rows, r->columns, labels, edges, err);
    m->page->n_cells = (uint32_t)n;
    m->page->cell_labels = labels;
    m->page->cell_edges = edges;
    return st;
}

omn_status recipe_page(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                       omn_page *out, omn_error *err)
{
    const omn_recipe *r = user;
    const size_t stage = stage_of(r, step);
    const int source = source_of(r, index);
    omn_value *example = NULL;
    maker m = { .r = r, .c = c, .a = a, .page = out };
    *out = (omn_page){ OMN_FILL(omn_page) };
    m.lessons = omn_arena_alloc(a, MOST_LESSONS, sizeof *m.lessons);
    if (!m.lessons) return omn_fail(err, OMN_ERR_MEMORY, "a page: out of memory");
    omn_status st = recipe_example(r, stage, source, OMN_SPLIT_TRAIN, index, c, &example, err);
    if (st == OMN_ERR_DATA && r->skip_bad) {
        omn_call_log(c, OMN_LOG_WARN, "skipped: %s", err ? err->text : "a bad example");
        if (err) *err = (omn_error)OMN_ERROR_INIT;
        out->skip = true;
        return OMN_OK;
    }
    OMN_TRY(st);
    m.example = example;
    OMN_TRY(page_inputs(&m, source, err));
    for (uint32_t i = 0; i < r->n_tasks; i++)
        if (r->tasks[i].source == source) OMN_TRY(task_lessons(&m, i, err));
    if (source == 0) OMN_TRY(page_cells(&m, stage, index, err));
    out->lessons = m.lessons;
    out->n_lessons = m.n;
    out->skip = m.n == 0;
done:
    omn_value_unref(example);
    return st;
}
