/* SPDX-License-Identifier: Apache-2.0 */
/* Pages for the trainer: example number so-and-so of a source, and every task's lessons about it.
 * Which source a page draws from follows from its number, so a resumed run sees the same pages;
 * where the tasks ask several decoders, from its step too: from those that have lessons for it. The
 * lessons of a page share its inputs: a task whose inputs differ from those of another is told, for
 * a model that saw the wrong picture would learn something else than what is written down. */
#include "corrupt.h"
#include "gaps.h"
#include "known.h"
#include "masked.h"
#include "shown.h"
#include "slips.h"

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

bool page_teaches(const recipe_task *t, int source, uint32_t output)
{
    return t->weight > 0 && t->source == source && t->output == output;
}

/* How often a source is drawn from when this output is asked. */
static double share_of(const omn_recipe *r, size_t stage, size_t source, uint32_t output)
{
    bool asks = r->n_outputs < 2;
    for (size_t i = 0; i < r->n_tasks && !asks; i++)
        asks = page_teaches(&r->tasks[i], (int)source, output);
    return asks ? r->stages[stage].share[source] : 0;
}

static int source_of(const omn_recipe *r, size_t stage, uint64_t index, uint32_t output)
{
    double all = 0, at = 0;
    size_t last = r->n_sources - 1;
    for (size_t i = 0; i < r->n_sources; i++) all += share_of(r, stage, i, output);
    const double u =
        (double)(omn_random_at(r->setup.seed, 0x70616765, index) >> 11) * 0x1p-53 * all;
    for (size_t i = 0; i < r->n_sources; i++) {
        const double share = share_of(r, stage, i, output);
        at += share;
        if (u < at) return (int)i;
        if (share > 0) last = i;
    }
    return (int)last;
}

void page_place(const omn_recipe *r, uint64_t index, uint64_t step, size_t *stage, int *source)
{
    *stage = stage_of(r, step);
    *source = source_of(r, *stage, index, omn_train_output(&r->setup, step));
}

typedef struct maker {
    const example *e;
    omn_arena *a;
    omn_lesson *lessons;
    omn_value **values;           /* of the lessons' inputs, references of its own */
    const omn_lesson *first;      /* the first that has more than texts; NULL: none yet */
    const uint8_t **noised;       /* of each lesson; NULL: no lesson has any */
    const int32_t **fed;          /* the same */
    uint32_t n, n_values, room_values;
    omn_page *page;
    uint64_t index;               /* of the page */
} maker;

static bool is_text(const omn_named *in) { return !strcmp(in->name, "text"); }

/* The next input from number `i` on that is no text; n_inputs when there is none. */
static uint32_t next_medium(const omn_lesson *l, uint32_t i)
{
    while (i < l->n_inputs && is_text(&l->inputs[i])) i++;
    return i;
}

/* Lessons of one page see the same things: the next one beside the first that saw some. */
static omn_status join(maker *m, const omn_lesson *l, omn_error *err)
{
    uint32_t i = next_medium(l, 0), k;
    if (i == l->n_inputs) return OMN_OK; /* texts alone */
    if (!m->first) {
        m->first = l;
        return OMN_OK;
    }
    for (k = next_medium(m->first, 0); i < l->n_inputs && k < m->first->n_inputs;
         i = next_medium(l, i + 1), k = next_medium(m->first, k + 1))
        if (strcmp(l->inputs[i].name, m->first->inputs[k].name) ||
            !omn_value_equal(l->inputs[i].value, m->first->inputs[k].value))
            break;
    const omn_named *in = i < l->n_inputs ? &l->inputs[i] : NULL;
    if (!in && k == m->first->n_inputs) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA,
                    "its %s%s%s the lessons before it; the lessons of one example share their "
                    "inputs: tasks that see others want a source of their own",
                    in ? "\"" : "inputs are fewer than those of", in ? in->name : "",
                    in ? "\" is another one than that of" : "");
}

/* The values of a lesson become the page's; its inputs borrow them. */
static omn_status take_values(maker *m, omn_pipeline_taught *t, omn_lesson *l, omn_error *err)
{
    omn_named *inputs = omn_arena_alloc(m->a, t->n_inputs + 1u, sizeof *inputs);
    if (m->n_values + t->n_inputs > m->room_values) {
        const uint32_t room = 2 * m->room_values + 64 + t->n_inputs;
        omn_value **more = omn_arena_alloc(m->a, room, sizeof *more);
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "a page: out of memory");
        if (m->n_values) memcpy(more, m->values, m->n_values * sizeof(*more));
        m->values = more;
        m->room_values = room;
    }
    for (uint32_t i = 0; inputs && i < t->n_inputs; i++) {
        inputs[i] = (omn_named){ omn_arena_strdup(m->a, t->inputs[i].name), t->inputs[i].value };
        if (!inputs[i].name) inputs = NULL;
    }
    if (!inputs) return omn_fail(err, OMN_ERR_MEMORY, "a page: out of memory");
    for (uint32_t i = 0; i < t->n_inputs; i++) m->values[m->n_values++] = t->inputs[i].value;
    l->inputs = inputs;
    l->n_inputs = t->n_inputs;
    t->n_inputs = 0;
    return OMN_OK;
}

static omn_status take_want(const maker *m, const omn_ids *want, omn_lesson *l, omn_error *err)
{
    int32_t *ids = omn_arena_alloc(m->a, want->count + 1, sizeof *ids);
    float *weights =
        want->weights ? omn_arena_alloc(m->a, want->count + 1, sizeof *weights) : NULL;
    if (!ids || (want->weights && !weights))
        return omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
    if (want->count) memcpy(ids, want->ids, want->count * sizeof(*ids));
    if (weights) memcpy(weights, want->weights, want->count * sizeof(*weights));
    l->ids = ids;
    l->weights = weights;
    l->n_ids = (uint32_t)want->count;
    return OMN_OK;
}

/* What is said to have been said instead of the ids of the lesson that is made next. */
static omn_status take_fed(maker *m, const omn_pipeline_taught *t, omn_error *err)
{
    if (!t->fed) return OMN_OK;
    int32_t *own = omn_arena_alloc(m->a, t->want.count + 1, sizeof *own);
    if (!m->fed) m->fed = omn_arena_alloc(m->a, MOST_LESSONS, sizeof *m->fed);
    if (!own || !m->fed) return omn_fail(err, OMN_ERR_MEMORY, "a lesson: out of memory");
    memcpy(own, t->fed, (t->want.count + 1) * sizeof *own);
    m->fed[m->n] = own;
    return OMN_OK;
}

static omn_status add(maker *m, const recipe_task *t, uint32_t number, omn_pipeline_taught *taught,
                      omn_error *err)
{
    omn_lesson *l = &m->lessons[m->n];
    const bool one = m->e->r->sources[t->source].one;    /* then it was drawn by its weight */
    *l = (omn_lesson){ .weight = one ? 1 : t->weight, .end_weight = t->end, .task = number,
                       .modality = taught->modality };
    omn_status st = take_values(m, taught, l, err);
    if (st == OMN_OK) st = take_want(m, &taught->want, l, err);
    if (st == OMN_OK) st = take_fed(m, taught, err);
    if (st == OMN_OK) st = join(m, l, err);
    if (st == OMN_OK) m->n++;
    return st;
}

/* What a masked lesson has beside inputs and ids; it is the page's last. All lessons of a page hide
 * the same. */
static omn_status hide(maker *m, const masked_lesson *x, omn_error *err)
{
    if (x->found) m->lessons[m->n - 1].end_weight = 0;
    if (x->hidden.n && !m->page->n_hidden) {
        omn_hidden *own = omn_arena_alloc(m->a, 1, sizeof *own);
        if (!own) return omn_fail(err, OMN_ERR_MEMORY, "a page: out of memory");
        *own = x->hidden;
        m->page->hidden = own;
        m->page->n_hidden = 1;
    }
    if (!x->noised) return OMN_OK;
    if (!m->noised) m->noised = omn_arena_alloc(m->a, MOST_LESSONS, sizeof *m->noised);
    if (!m->noised) return omn_fail(err, OMN_ERR_MEMORY, "a page: out of memory");
    m->noised[m->n - 1] = x->noised;
    return OMN_OK;
}

/* One lesson of a task about an item. */
static omn_status lesson(maker *m, const recipe_task *t, uint32_t number, const omn_value *item,
                         omn_error *err)
{
    omn_status st = OMN_OK;
    task_item in;
    omn_pipeline_taught taught = { OMN_FILL(omn_pipeline_taught) };
    masked_lesson masked = { .found = false };
    if (m->n == MOST_LESSONS) return OMN_OK;
    st = item_open(m->e, t, item, &in, err);
    if (st == OMN_OK) {
        st = gaps_item(m->e->r, t, m->index * MOST_LESSONS + m->n, &in, err);
        if (st == OMN_OK)
            st = omn_teacher_lesson(t->teacher, m->e->c, in.give, in.n_give, in.want, &taught, err);
        if (st == OMN_OK && t->denoise)
            st = corrupt_lesson(m->e->r, t, m->index * MOST_LESSONS + m->n, &taught, err);
        if (st == OMN_OK) st = known_apply(m->e, t, item, &in, &taught, err);
        if (st == OMN_OK && t->masked)
            st = masked_make(m->e->r, t, m->index, m->a, &taught, &masked, err);
        if (st == OMN_OK)
            st = slips_make(m->e->r, t, m->index * MOST_LESSONS + m->n, &taught, err);
        if (st == OMN_OK) st = chance_apply(m->e->r, t, m->index, &taught, err);
        if (st == OMN_OK) st = add(m, t, number, &taught, err);
        if (st == OMN_OK) st = hide(m, &masked, err);
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
    recipe_hush *hush = m->e->r->hush;
    const char *line = err ? omn_error_line(err, text, sizeof text) : "a bad lesson";
    if (!hush) omn_call_log(m->e->c, OMN_LOG_WARN, "left out: %s", line);
    else if (!hush->n++) snprintf(hush->first, sizeof hush->first, "%s", line);
    if (err) *err = (omn_error)OMN_ERROR_INIT;
    m->page->n_bad++;
    return OMN_OK;
}

static omn_status task_lessons(maker *m, uint32_t number, omn_error *err)
{
    const recipe_task *t = &m->e->r->tasks[number];
    const omn_value *list = NULL;
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
    *m = (maker){ .e = e, .a = a, .page = out };
    m->lessons = omn_arena_alloc(a, MOST_LESSONS, sizeof *m->lessons);
    out->file = e->file ? omn_arena_strdup(a, e->file) : NULL;
    out->line = e->line;
    return m->lessons ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "a page: out of memory");
}

/* Hands over what was made, or after a failure nothing. */
static void finish(maker *m, omn_status st, omn_page *out)
{
    for (uint32_t i = 0; st != OMN_OK && i < m->n_values; i++) omn_value_unref(m->values[i]);
    out->values = m->values;
    out->n_values = st == OMN_OK ? m->n_values : 0;
    out->lessons = m->lessons;
    out->noised = m->noised;
    out->fed = m->fed;
    out->n_lessons = st == OMN_OK ? m->n : 0;
    out->skip = out->n_lessons == 0;
}

/* What a page is about. */
typedef struct about {
    size_t stage;
    int source;
    uint32_t output;
    const uint32_t *task;                 /* this one alone; NULL: all that teach about it */
} about;

static omn_status make(const omn_recipe *r, const about *w, uint64_t index, omn_call *c,
                       omn_arena *a, omn_page *out, omn_error *err)
{
    example e;
    maker m = { .e = &e, .page = out };
    *out = (omn_page){ OMN_FILL(omn_page) };
    omn_status st = example_open(r, w->stage, w->source, OMN_SPLIT_TRAIN, index, c, &e, err);
    if (st != OMN_OK) {
        out->skip = true;
        st = judge(&m, st, err);
        goto done;
    }
    OMN_TRY(begin(&m, &e, a, out, err));
    m.index = index;
    const bool one = r->sources[w->source].one && !w->task;
    const uint32_t only = w->task ? *w->task : one ? shown_task(r, w->source, w->output, index) : 0;
    for (uint32_t i = 0; st == OMN_OK && i < r->n_tasks; i++)
        if (w->task || one ? i == only : page_teaches(&r->tasks[i], w->source, w->output))
            st = task_lessons(&m, i, err);
    if (st == OMN_OK && w->source == 0 && !w->task) st = page_cells(&m, w->stage, index, err);
    finish(&m, st, out);
    out->output = r->outputs[w->output];
done:
    example_close(&e);
    return st;
}

omn_status recipe_page(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                       omn_page *out, omn_error *err)
{
    const omn_recipe *r = user;
    about w = { .output = omn_train_output(&r->setup, step) };
    page_place(r, index, step, &w.stage, &w.source);
    return make(r, &w, index, c, a, out, err);
}

omn_status recipe_lessons(const omn_recipe *r, uint32_t task, uint64_t index, omn_call *c,
                          omn_arena *a, omn_page *out, omn_error *err)
{
    const recipe_task *t = &r->tasks[task];
    const about w = { .source = t->source, .output = t->output, .task = &task };
    return make(r, &w, index, c, a, out, err);
}
