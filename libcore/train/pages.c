/* SPDX-License-Identifier: Apache-2.0 */
/* Pages for one batch, made by all threads of the pool: ask for the page, turn its texts into ids
 * and its pictures into tensors. A page depends on its number and the step alone, so the threads
 * may take them in any order. */
#include "trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct making {
    omn_trainer *t;
    omn_call *outer;
    uint64_t first;
} making;

static omn_status no_memory(omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a page of lessons");
}

/* ids of a text with the end token behind them. */
static omn_status ids_of(const omn_trainer *t, omn_arena *a, const char *text, int32_t **ids,
                         uint32_t *n, omn_error *err)
{
    const size_t bytes = strlen(text);
    size_t count = 0;
    int32_t *list = NULL;
    if (bytes > 1 << 24)
        return omn_fail(err, OMN_ERR_DATA, "a lesson's text is %zu bytes long", bytes);
    const omn_status st = omn_model_all_tokens(t->model, text, &list, &count, err);
    if (st != OMN_OK) return st;
    *ids = omn_arena_alloc(a, count + 1, sizeof(int32_t));
    if (*ids) {
        if (count) memcpy(*ids, list, count * sizeof(int32_t));
        (*ids)[count] = t->stop;
        *n = (uint32_t)count + 1;
    }
    free(list);
    return *ids ? OMN_OK : no_memory(err);
}

/* Would an empty row hold this text? */
static omn_status has_room(const char *what, uint32_t n, uint32_t room, omn_error *err)
{
    if (n <= room) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "the %s is %u tokens long, a row has room for %u (pack: %s)",
                    what, n, room, strcmp(what, "answer") ? "inputs" : "targets");
}

static omn_status read_lesson(const omn_trainer *t, made *m, const omn_lesson *l, item *it,
                              omn_error *err)
{
    omn_status st = OMN_OK;
    if (!l->prompt || !l->answer || !(l->weight >= 0) || !isfinite(l->weight) ||
        !(l->end_weight >= 0) || !isfinite(l->end_weight))
        return omn_fail(err, OMN_ERR_DATA,
                        "a prompt, an answer and weights of 0 or more are wanted");
    *it = (item){ .weight = (float)l->weight,
                  .end_weight = (float)(l->weight * l->end_weight),
                  .task = l->task < t->setup.n_tasks ? l->task : NO_TASK - 1,
                  .alone = l->alone };
    OMN_TRY(ids_of(t, m->arena, l->prompt, &it->in, &it->n_in, err));
    OMN_TRY(ids_of(t, m->arena, l->answer, &it->out, &it->n_out, err));
    OMN_TRY(has_room("question", it->n_in, t->setup.inputs, err));
    OMN_TRY(has_room("answer", it->n_out, t->setup.targets, err));
done:
    return st;
}

/* The page's lessons as ids. A bad one is named with its task and place; it ends the run, or is
 * counted. */
static omn_status read_lessons(const omn_trainer *t, made *m, omn_call *c, omn_error *err)
{
    const omn_page *p = &m->page;
    m->items = omn_arena_alloc(m->arena, p->n_lessons ? p->n_lessons : 1, sizeof(item));
    if (!m->items) return no_memory(err);
    for (uint32_t i = 0; i < p->n_lessons; i++) {
        omn_error why = OMN_ERROR_INIT;
        const omn_lesson *l = &p->lessons[i];
        const omn_status st = read_lesson(t, m, l, &m->items[m->n_items], &why);
        if (st == OMN_OK) {
            m->n_items++;
            continue;
        }
        if (l->task < t->setup.n_tasks) omn_error_prefix(&why, "task %s", t->setup.tasks[l->task]);
        else omn_error_prefix(&why, "lesson %u", i + 1);
        if (p->file && !why.file[0]) {
            snprintf(why.file, sizeof(why.file), "%s", p->file);
            why.line = p->line;
        }
        if (st != OMN_ERR_DATA || !t->setup.skip_bad) {
            if (err && err->status == OMN_OK) *err = why;
            return st;
        }
        char text[1200];
        omn_call_log(c, OMN_LOG_WARN, "left out: %s", omn_error_line(&why, text, sizeof(text)));
        m->n_bad++;
    }
    return OMN_OK;
}

static omn_status read_inputs(const omn_trainer *t, made *m, omn_call *c, omn_error *err)
{
    omn_status st = OMN_OK;
    for (uint32_t i = 0; i < m->page.n_inputs; i++) {
        const omn_named *in = &m->page.inputs[i];
        uint32_t r = 0;
        while (r < t->n_roles && (t->roles[r].is_text || strcmp(t->roles[r].name, in->name))) r++;
        if (r == t->n_roles || m->has[r])
            return omn_fail(err, OMN_ERR_ARGUMENT, r == t->n_roles ?
                            "input \"%s\": not among the inputs of this training" :
                            "input \"%s\" is there twice", in->name);
        OMN_TRY(omn_model_prepare(t->model, c, in->name, in->value, m->feeds[r], NULL, err));
        m->has[r] = true;
    }
done:
    return st;
}

static void make_one(const making *k, made *m, uint64_t index)
{
    const omn_trainer *t = k->t;
    const omn_call_setup how = { OMN_FILL(omn_call_setup), .seed = t->setup.seed, .item = index,
                                 .host = omn_call_host(k->outer) };
    omn_call *c = NULL;
    omn_status st = OMN_OK;
    m->err = (omn_error)OMN_ERROR_INIT;
    m->n_items = m->n_bad = 0;
    memset(m->has, 0, sizeof(m->has));
    omn_arena_release(m->arena, 0);
    for (uint32_t r = 0; r < t->n_roles; r++)
        if (m->feeds[r]) omn_feed_clear(m->feeds[r]);
    m->page = (omn_page){ OMN_FILL(omn_page) };
    if (omn_call_cancelled(k->outer)) {
        m->st = omn_fail(&m->err, OMN_ERR_CANCELLED, "stopped");
        return;
    }
    OMN_TRY(omn_call_new(&how, &c, &m->err));
    OMN_TRY(t->setup.page(t->setup.page_user, c, index, t->step, m->arena, &m->page, &m->err));
    m->n_bad = m->page.n_bad;
    if (!m->page.skip) st = read_lessons(t, m, c, &m->err);
    if (st == OMN_OK && !m->page.skip) st = read_inputs(t, m, c, &m->err);
    for (uint32_t i = 0; i < m->page.n_inputs; i++) omn_value_unref(m->page.inputs[i].value);
done:
    if (st != OMN_OK && !m->err.file[0] && m->page.file) {
        snprintf(m->err.file, sizeof(m->err.file), "%s", m->page.file);
        m->err.line = m->page.line;
    }
    if (st != OMN_OK && !m->err.file[0])
        omn_error_prefix(&m->err, "page %llu", (unsigned long long)index);
    m->st = st;
    omn_call_free(c);
}

static void make_range(void *user, size_t from, size_t to)
{
    const making *k = user;
    for (size_t i = from; i < to; i++) make_one(k, &k->t->made[i], k->first + i);
}

omn_status pages_make(omn_trainer *t, omn_call *c, uint32_t n, uint64_t first, omn_error *err)
{
    making k = { t, c, first };
    omn_pool_split(omn_call_pool(c), n, 1, make_range, &k);
    for (uint32_t i = 0; i < n; i++) {
        if (t->made[i].st == OMN_OK) continue;
        if (err && err->status == OMN_OK) *err = t->made[i].err;
        return t->made[i].st;
    }
    return OMN_OK;
}

void made_fini(made *m)
{
    omn_arena_free(m->arena);
    for (uint32_t r = 0; r < MOST_ROLES; r++) omn_feed_free(m->feeds[r]);
}
