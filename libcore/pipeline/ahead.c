/* SPDX-License-Identifier: Apache-2.0 */
/* Codes of what the next pages want, made before the pages are: many at once and with all threads,
 * where each page would make its own alone. The pages find them in memory, and the examples that
 * were read for it. What goes wrong here is left to the page, which names it. */
#include "run.h"
#include "shown.h"

#include <stdlib.h>

#define MOST_WANTS 64 /* of one page; it makes the others itself */

typedef struct wanted {
    const omn_value *field;               /* as it stands in the example, a file's name say */
    omn_value *value;                     /* owned */
    omn_frame view;
    bool has_view;
} wanted;

/* What is known of a page before it is made. */
struct sheet {
    size_t stage;
    int source;
    uint64_t index;
    omn_value *record;                    /* owned; NULL: nobody read it */
    wanted list[MOST_WANTS];
    size_t n;
    omn_status st;                        /* what no page will tell: memory, cancelled */
    omn_error err;
};

typedef struct looking {
    omn_recipe *r;
    omn_call *outer;
    uint64_t first, step;
    uint32_t output;                      /* that the step asks */
    sheet *sheets;
} looking;

static void drop(sheet *sheets, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sheets[i].n; k++) omn_value_unref(sheets[i].list[k].value);
        omn_value_unref(sheets[i].record);
    }
    free(sheets);
}

void ahead_forget(omn_recipe *r)
{
    drop(r->sheets, r->n_sheets);
    r->sheets = NULL;
    r->n_sheets = 0;
}

const omn_value *ahead_example(const omn_recipe *r, size_t stage, int source, uint64_t index)
{
    for (uint32_t i = 0; i < r->n_sheets; i++) {
        const sheet *s = &r->sheets[i];
        if (s->record && s->stage == stage && s->source == source && s->index == index)
            return s->record;
    }
    return NULL;
}

const omn_value *ahead_loaded(const omn_recipe *r, const char *kind, const omn_value *field)
{
    for (uint32_t i = 0; i < r->n_sheets; i++)
        for (size_t k = 0; k < r->sheets[i].n; k++) {
            const wanted *w = &r->sheets[i].list[k];
            if (w->field == field && omn_value_is(w->value, kind)) return w->value;
        }
    return NULL;
}

static bool tells_nobody(omn_status st)
{
    return st == OMN_ERR_MEMORY || st == OMN_ERR_CANCELLED;
}

static omn_status look_item(const example *e, const recipe_task *t, const omn_value *item,
                            sheet *s, omn_error *err)
{
    task_item in;
    wanted w = { .value = NULL };
    if (s->n == MOST_WANTS) return OMN_OK;
    omn_status st = item_open(e, t, item, &in, err);
    if (st == OMN_OK && teacher_wants_codes(t->teacher, in.want)) {
        st = teacher_view(t->teacher, e->c, in.give, in.n_give, &w.view, &w.has_view, err);
        if (st == OMN_OK) {
            w.value = omn_value_ref(in.want);
            w.field = recipe_get(e->record, item, t->want);
            s->list[s->n++] = w;
        }
    }
    item_close(&in);
    return st;
}

static omn_status look_task(const example *e, const recipe_task *t, sheet *s, omn_error *err)
{
    const omn_value *list = NULL;
    omn_status st = item_list(e, t, &list, err);
    if (st != OMN_OK || !list) return st == OMN_OK ? look_item(e, t, e->record, s, err) : st;
    for (size_t i = 0; i < omn_list_count(list) && !tells_nobody(st); i++)
        st = look_item(e, t, omn_list_at(list, i), s, err);
    return st;
}

static bool looked_at(const looking *l, const recipe_task *t, int source)
{
    return page_teaches(t, source, l->output) && teacher_takes(t->teacher);
}

static bool wants_codes(const looking *l, int source)
{
    for (size_t i = 0; i < l->r->n_tasks; i++)
        if (looked_at(l, &l->r->tasks[i], source)) return true;
    return false;
}

/* One page, with a call like its own. */
static void look_page(const looking *l, uint32_t i)
{
    omn_recipe *r = l->r;
    const uint64_t index = l->first + i;
    sheet *s = &l->sheets[i];
    example e = { .record = NULL };
    omn_call *c = NULL;
    omn_error why = OMN_ERROR_INIT;
    const omn_call_setup how = { OMN_FILL(omn_call_setup), .seed = r->setup.seed, .item = index,
                                 .host = omn_call_host(l->outer) };
    page_place(r, index, l->step, &s->stage, &s->source);
    s->index = index;
    if (!wants_codes(l, s->source)) return;
    omn_status st = omn_call_new(&how, &c, &why);
    if (st == OMN_OK)
        st = example_open(r, s->stage, s->source, OMN_SPLIT_TRAIN, index, c, &e, &why);
    const bool one = r->sources[s->source].one;
    const uint32_t only = one ? shown_task(r, s->source, l->output, index) : 0;
    for (size_t k = 0; k < r->n_tasks && e.record && !tells_nobody(st); k++) {
        const recipe_task *t = &r->tasks[k];
        if (one && k != only) continue;
        if (looked_at(l, t, s->source)) st = look_task(&e, t, s, &why);
    }
    if (tells_nobody(st)) {
        s->st = st;
        s->err = why;
    }
    s->record = e.record;
    omn_call_free(c);
}

static void look_range(void *user, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) look_page(user, (uint32_t)i);
}

/* All codes that the sheets want; a value that its decoder refuses spoils those beside it, which
 * the pages make then. */
static omn_status make(codes_maker *codes, omn_call *c, const sheet *sheets, uint32_t n,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    codes_want want[AHEAD];
    omn_value *made[AHEAD];
    size_t m = 0;
    for (uint32_t i = 0; i <= n && !tells_nobody(st); i++)
        for (size_t k = 0; k < (i < n ? sheets[i].n : 1) && !tells_nobody(st); k++) {
            if (m == AHEAD || (i == n && m)) {
                omn_error why = OMN_ERROR_INIT;
                st = codes_get(codes, c, want, m, made, &why);
                for (size_t j = 0; st == OMN_OK && j < m; j++) omn_value_unref(made[j]);
                if (tells_nobody(st) && err) *err = why;
                m = 0;
            }
            if (i == n) break;
            const wanted *w = &sheets[i].list[k];
            want[m++] = (codes_want){ w->value, w->has_view ? &w->view : NULL };
        }
    return tells_nobody(st) ? st : OMN_OK;
}

omn_status recipe_ahead(void *user, omn_call *c, uint64_t first, uint32_t n, uint64_t step,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    omn_recipe *r = user;
    looking l = { r, c, first, step, omn_train_output(&r->setup, step), NULL };
    codes_maker *codes = r->codes[l.output];
    ahead_forget(r);
    if (!codes) return OMN_OK;
    l.sheets = calloc(n, sizeof *l.sheets);
    if (!l.sheets) return omn_fail(err, OMN_ERR_MEMORY, "pages: out of memory");
    omn_pool_split(omn_call_pool(c), n, 1, look_range, &l);
    for (uint32_t i = 0; i < n && st == OMN_OK; i++) {
        st = l.sheets[i].st;
        if (st != OMN_OK && err && err->status == OMN_OK) *err = l.sheets[i].err;
    }
    if (st == OMN_OK) st = make(codes, c, l.sheets, n, err);
    r->sheets = l.sheets;
    r->n_sheets = n;
    return st;
}
