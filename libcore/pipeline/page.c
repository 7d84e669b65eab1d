/* SPDX-License-Identifier: Apache-2.0 */
/* Pages for the trainer: example number so-and-so of a source, and every task's lessons about it.
 * Which source a page draws from follows from its number, so a resumed run sees the same pages. The
 * lessons of a page share its inputs: a task whose inputs differ from those of another is told, for
 * a model that saw the wrong picture would learn something else than what is written down. */
#include "recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LESSONS 512

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

typedef struct maker {
    const example *e;
    omn_arena *a;
    omn_lesson *lessons;
    omn_named *inputs;
    uint32_t n, n_inputs;
    omn_page *page;
    bool prove; /* wanted answers are held against their own rules */
} maker;

/* The inputs of one more lesson join those of the page. */
static omn_status join(maker *m, const omn_pipeline_taught *t, omn_error *err)
{
    for (uint32_t i = 0; i < t->n_inputs; i++) {
        uint32_t k = 0;
        while (k < m->n_inputs && strcmp(m->inputs[k].name, t->inputs[i].name)) k++;
        if (k < m->n_inputs && m->inputs[k].value == t->inputs[i].value) continue;
        if (k < m->n_inputs)
            return omn_fail(err, OMN_ERR_DATA,
                            "its \"%s\" is another one than that of the lessons before it; the "
                            "lessons of one example share their inputs",
                            t->inputs[i].name);
        if (m->n_inputs == MOST_FIELDS)
            return omn_fail(err, OMN_ERR_DATA, "more than %d inputs", MOST_FIELDS);
        const char *name = omn_arena_strdup(m->a, t->inputs[i].name);
        if (!name) return omn_fail(err, OMN_ERR_MEMORY, "a page: out of memory");
        m->inputs[m->n_inputs++] = (omn_named){ name, omn_value_ref(t->inputs[i].value) };
    }
    return OMN_OK;
}

static omn_status add(maker *m, const recipe_task *t, uint32_t number,
                      const omn_pipeline_taught *taught, omn_error *err)
{
    omn_lesson *l = &m->lessons[m->n];
    *l = (omn_lesson){ .prompt = omn_arena_strdup(m->a, taught->prompt),
                       .answer = omn_arena_strdup(m->a, taught->answer),
                       .weight = t->weight,
                       .end_weight = t->end,
                       .task = number,
                       .alone = taught->n_inputs == 0 };
    if (!l->prompt || !l->answer) return omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
    const omn_status st = join(m, taught, err);
    if (st == OMN_OK) m->n++;
    return st;
}

/* One lesson of a task about an item. */
static omn_status lesson(maker *m, const recipe_task *t, uint32_t number, const omn_value *item,
                         omn_error *err)
{
    omn_status st = OMN_OK;
    task_item in;
    omn_pipeline_taught taught = { OMN_FILL(omn_pipeline_taught) };
    if (m->n == MOST_LESSONS) return OMN_OK;
    st = item_open(m->e, t, item, &in, err);
    if (st == OMN_OK) {
        if (m->prove)
            st = omn_pipeline_allowed(t->pipeline, m->e->r->teacher, m->e->c, in.give, in.n_give,
                                      in.want, err);
        if (st == OMN_OK)
            st = omn_pipeline_lesson(t->pipeline, m->e->r->teacher, m->e->c, in.give, in.n_give,
                                     in.want, &taught, err);
        if (st == OMN_OK) st = add(m, t, number, &taught, err);
        if (st != OMN_OK) example_failed(m->e, t, st, err);
    }
    omn_pipeline_taught_fini(&taught);
    item_close(&in);
    return st;
}

/* What can be the fault of an example. */
static bool bad(omn_status st)
{
    return st == OMN_ERR_DATA || st == OMN_ERR_TYPE || st == OMN_ERR_SHAPE ||
           st == OMN_ERR_MISSING || st == OMN_ERR_ARGUMENT;
}

/* A bad lesson is left out when the recipe says so. */
static omn_status judge(maker *m, omn_status st, omn_error *err)
{
    char text[1200];
    if (st == OMN_OK || !bad(st) || !m->e->r->skip_bad) return st;
    omn_call_log(m->e->c, OMN_LOG_WARN, "left out: %s",
                 err ? omn_error_line(err, text, sizeof text) : "a bad lesson");
    if (err) *err = (omn_error)OMN_ERROR_INIT;
    m->page->n_bad++;
    return OMN_OK;
}

static omn_status task_lessons(maker *m, uint32_t number, omn_error *err)
{
    const recipe_task *t = &m->e->r->tasks[number];
    const omn_value *list = NULL;
    if (t->weight <= 0) return OMN_OK;
    omn_status st = item_list(m->e, t, &list, err);
    if (st != OMN_OK) return judge(m, st, err);
    if (!list) return judge(m, lesson(m, t, number, m->e->record, err), err);
    for (size_t i = 0; i < omn_list_count(list) && st == OMN_OK; i++)
        st = judge(m, lesson(m, t, number, omn_list_at(list, i), err), err);
    return st;
}

static omn_status page_cells(const maker *m, size_t stage, uint64_t index, omn_error *err)
{
    const omn_recipe *r = m->e->r;
    if (!r->cells) return OMN_OK;
    const size_t n = (size_t)r->rows * r->columns;
    int32_t *labels = omn_arena_alloc(m->a, n * r->cells->n_groups, sizeof *labels);
    float *edges = omn_arena_alloc(m->a, n * r->cells->n_edges + 1, sizeof *edges);
    if (!labels || !edges) return omn_fail(err, OMN_ERR_MEMORY, "a page: out of memory");
    const omn_status st = r->cells->cells(r->stages[stage].parts[0]->self, m->e->c, OMN_SPLIT_TRAIN,
                                          example_number(r, stage, 0, OMN_SPLIT_TRAIN, index),
                                          r->rows, r->columns, labels, edges, err);
    m->page->n_cells = (uint32_t)n;
    m->page->cell_labels = labels;
    m->page->cell_edges = edges;
    return st;
}

static omn_status begin(maker *m, const example *e, omn_arena *a, omn_page *out, omn_error *err)
{
    *m = (maker){ .e = e, .a = a, .page = out, .prove = m->prove };
    m->lessons = omn_arena_alloc(a, MOST_LESSONS, sizeof *m->lessons);
    m->inputs = omn_arena_alloc(a, MOST_FIELDS, sizeof *m->inputs);
    out->file = e->file ? omn_arena_strdup(a, e->file) : NULL;
    out->line = e->line;
    return m->lessons && m->inputs ? OMN_OK
                                   : omn_fail(err, OMN_ERR_MEMORY, "a page: out of memory");
}

/* Hands over what was made, or after a failure nothing. */
static void finish(maker *m, omn_status st, omn_page *out)
{
    for (uint32_t i = 0; st != OMN_OK && i < m->n_inputs; i++) omn_value_unref(m->inputs[i].value);
    out->inputs = m->inputs;
    out->n_inputs = st == OMN_OK ? m->n_inputs : 0;
    out->lessons = m->lessons;
    out->n_lessons = st == OMN_OK ? m->n : 0;
    out->skip = out->n_lessons == 0;
}

/* The lessons of all tasks of a source, or of one alone, about one of its examples. */
static omn_status make(const omn_recipe *r, size_t stage, int source, const uint32_t *task,
                       uint64_t index, omn_call *c, omn_arena *a, omn_page *out, omn_error *err)
{
    example e;
    maker m = { .e = &e, .page = out, .prove = task != NULL };
    *out = (omn_page){ OMN_FILL(omn_page) };
    omn_status st = example_open(r, stage, source, OMN_SPLIT_TRAIN, index, c, &e, err);
    if (st != OMN_OK) {
        out->skip = true;
        st = judge(&m, st, err);
        goto done;
    }
    OMN_TRY(begin(&m, &e, a, out, err));
    for (uint32_t i = 0; st == OMN_OK && i < r->n_tasks; i++)
        if (task ? i == *task : r->tasks[i].source == source) st = task_lessons(&m, i, err);
    if (st == OMN_OK && source == 0 && !task) st = page_cells(&m, stage, index, err);
    finish(&m, st, out);
done:
    example_close(&e);
    return st;
}

omn_status recipe_page(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                       omn_page *out, omn_error *err)
{
    const omn_recipe *r = user;
    return make(r, stage_of(r, step), source_of(r, index), NULL, index, c, a, out, err);
}

omn_status recipe_lessons(const omn_recipe *r, uint32_t task, uint64_t index, omn_call *c,
                          omn_arena *a, omn_page *out, omn_error *err)
{
    return make(r, 0, r->tasks[task].source, &task, index, c, a, out, err);
}
