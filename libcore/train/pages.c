/* SPDX-License-Identifier: Apache-2.0 */
/* Pages for one batch, made by all threads of the pool: ask for the page, turn its texts into ids
 * and its other inputs into tensors. A page depends on its number and the step alone, so the
 * threads may take them in any order. */
#include "trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM 0x6f6e65 /* of random numbers */

typedef struct making {
    omn_trainer *t;
    omn_call *outer;
    uint64_t first;
    uint32_t from;                        /* number of that page in the batch */
} making;

static omn_status no_memory(omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a page of lessons");
}

/* As its encoder reads it, less the end token, where something stands in front of a text: a start
 * token, of a tokenizer that may be another than that of answers. Else as the tokenizer cuts it. */
static omn_status text_tokens(const omn_model *m, const omn_value *v, const char *text,
                              int32_t **ids, size_t *n, omn_error *err)
{
    size_t front = 0;
    int32_t end = -1;
    omn_status st = model_text_end(m, -1, &end, &front, err);
    if (st != OMN_OK || !front)
        return st == OMN_OK ? omn_model_all_tokens(m, text, ids, n, err) : st;
    st = model_text_ids(m, v, ids, n, err);
    if (*n && (*ids)[*n - 1] == end) --*n;
    return st;
}

omn_status trainer_tokens(const omn_model *m, const omn_value *v, int32_t **ids, size_t *n,
                          omn_error *err)
{
    const int32_t *from = NULL;
    if (!omn_value_is(v, "tokens")) {
        size_t bytes = 0;
        const char *text = omn_text_get(v, &bytes);
        if (bytes > 1 << 24)
            return omn_fail(err, OMN_ERR_DATA, "a lesson's text is %zu bytes long", bytes);
        return text_tokens(m, v, text, ids, n, err);
    }
    *n = omn_tokens_get(v, &from, NULL);
    *ids = malloc((*n + 1) * sizeof(**ids));
    if (!*ids) return no_memory(err);
    if (*n) memcpy(*ids, from, *n * sizeof(**ids));
    return OMN_OK;
}

/* ids of a text with the end token behind them. */
static omn_status ids_of(const omn_trainer *t, omn_arena *a, const omn_value *text, int32_t **ids,
                         uint32_t *n, omn_error *err)
{
    size_t count = 0;
    int32_t *list = NULL;
    const omn_status st = trainer_tokens(t->model, text, &list, &count, err);
    if (st != OMN_OK) return st;
    *ids = omn_arena_alloc(a, count + 1, sizeof(int32_t));
    if (*ids) {
        if (count) memcpy(*ids, list, count * sizeof(int32_t));
        (*ids)[count] = t->text_end;
        *n = (uint32_t)count + 1;
    }
    free(list);
    return *ids ? OMN_OK : no_memory(err);
}

/* With the end token, where there is one, and what is wanted behind it. */
static uint32_t wanted_ids(const output *o, const omn_lesson *l)
{
    return l->n_ids + (o->stop >= 0) + (o->behind >= 0);
}

/* The ids that were wanted, the end token behind them and what follows it, with their weights. */
static omn_status read_want(const omn_trainer *t, made *m, const omn_lesson *l, item *it,
                            omn_error *err)
{
    const output *o = &t->outputs[t->now];
    it->n_out = wanted_ids(o, l);
    it->out = omn_arena_alloc(m->arena, it->n_out, sizeof(int32_t));
    it->weights = omn_arena_alloc(m->arena, it->n_out, sizeof(float));
    if (!it->out || !it->weights) return no_memory(err);
    for (uint32_t i = 0; i < l->n_ids; i++) {
        const double w = l->weights ? (double)l->weights[i] : 1;
        if (l->ids[i] < 0 || l->ids[i] >= o->rows || !(w >= 0) || !isfinite(w))
            return omn_fail(err, OMN_ERR_DATA,
                            "id %u of what is wanted is %d with weight %g: 0 to %d and 0 or more "
                            "are wanted",
                            i + 1, (int)l->ids[i], w, (int)o->rows - 1);
        it->out[i] = l->ids[i];
        it->weights[i] = (float)(l->weight * w);
    }
    if (o->stop < 0) return OMN_OK;
    it->out[l->n_ids] = o->stop;
    it->weights[l->n_ids] = (float)(l->weight * l->end_weight);
    if (o->behind < 0) return OMN_OK;
    it->out[l->n_ids + 1] = o->behind;
    it->weights[l->n_ids + 1] = it->weights[l->n_ids];
    return OMN_OK;
}

/* Which of the wanted ids were taken from the inputs; the end never was. */
static omn_status read_noised(const omn_trainer *t, made *m, const omn_lesson *l, item *it,
                              omn_error *err)
{
    const omn_page *p = &m->page;
    const uint8_t *from = p->noised ? p->noised[l - p->lessons] : NULL;
    if (!from) return OMN_OK;
    if (!(t->setup.noised >> t->now & 1))
        return omn_fail(err, OMN_ERR_ARGUMENT, "\"%s\" has ids to find, and the setup does not "
                        "say so", t->outputs[t->now].name);
    uint8_t *own = omn_arena_alloc(m->arena, it->n_out + 1u, sizeof *own);
    if (!own) return no_memory(err);
    memcpy(own, from, l->n_ids);
    it->noised = own;
    return OMN_OK;
}

/* What stands among what was said already in place of the wanted ids. */
static omn_status read_fed(const omn_trainer *t, made *m, const omn_lesson *l, item *it,
                           omn_error *err)
{
    const omn_page *p = &m->page;
    const int32_t *fed = p->fed ? p->fed[l - p->lessons] : NULL;
    if (!fed) return OMN_OK;
    if (it->alone)
        return omn_fail(err, OMN_ERR_ARGUMENT, "a lesson of texts alone is fed what it wants, and "
                        "this one something else");
    for (uint32_t i = 0; i <= l->n_ids; i++)
        if (fed[i] < (i ? 0 : -1) || fed[i] >= t->outputs[t->now].rows)
            return omn_fail(err, OMN_ERR_DATA, "id %u of what is fed is %d: 0 to %d are wanted",
                            i, (int)fed[i], (int)t->outputs[t->now].rows - 1);
    int32_t *own = omn_arena_alloc(m->arena, it->n_out + 1u, sizeof *own);
    if (!own) return no_memory(err);
    for (uint32_t i = 0; i < it->n_out; i++) own[i] = i <= l->n_ids ? fed[i] : -1;
    it->fed = own;
    return OMN_OK;
}

/* Would an empty row hold this text? */
static omn_status has_room(const char *what, uint32_t n, uint32_t room, int32_t most,
                           omn_error *err)
{
    if (n > room)
        return omn_fail(err, OMN_ERR_DATA,
                        "the %s is %u tokens long, a row has room for %u (pack: %s)", what, n, room,
                        strcmp(what, "answer") ? "inputs" : "targets");
    if ((int64_t)n > most)
        return omn_fail(err, OMN_ERR_DATA,
                        "the %s is %u tokens long, the model knows no more than %d", what, n,
                        (int)most);
    return OMN_OK;
}

/* The texts of a lesson, one behind the other. */
static omn_status read_texts(const omn_trainer *t, made *m, const omn_lesson *l, item *it,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    int32_t *ids[MOST_ROLES], *at;
    for (uint32_t i = 0; i < l->n_inputs; i++) {
        const omn_named *in = &l->inputs[i];
        const uint32_t k = it->n_texts;
        if (strcmp(in->name, "text")) {
            it->alone = false;
            continue;
        }
        if (!omn_value_is(in->value, "text") && !omn_value_is(in->value, "tokens"))
            return omn_fail(err, OMN_ERR_TYPE, "the input \"text\" is %s",
                            in->value ? omn_value_kind_name(in->value) : "not there");
        if (k == t->n_texts)
            return omn_fail(err, OMN_ERR_DATA, "%u texts, this training has %u in a lesson", k + 1,
                            t->n_texts);
        OMN_TRY(ids_of(t, m->arena, in->value, &ids[k], &it->text[k], err));
        OMN_TRY(has_room("question", it->text[k], t->setup.inputs,
                         model_most_tokens(t->model, false), err));
        it->n_in += it->text[k];
        it->n_texts++;
    }
    it->in = at = omn_arena_alloc(m->arena, it->n_in + 1u, sizeof(int32_t));
    if (!at) return no_memory(err);
    for (uint32_t k = 0; k < it->n_texts; at += it->text[k++])
        memcpy(at, ids[k], it->text[k] * sizeof(int32_t));
done:
    return st;
}

static uint32_t modality_of(const omn_trainer *t, const char *name)
{
    for (uint32_t i = 0; name && i < t->setup.n_modalities; i++)
        if (!strcmp(t->setup.modalities[i], name)) return i;
    return NO_TASK - 1;
}

static omn_status read_lesson(const omn_trainer *t, made *m, const omn_lesson *l, item *it,
                              omn_error *err)
{
    omn_status st = OMN_OK;
    const output *o = &t->outputs[t->now];
    if (!l->n_inputs || (l->n_ids && !l->ids) || !wanted_ids(o, l) != t->unasked ||
        l->n_ids >= UINT32_MAX / 2 || !(l->weight >= 0) || !isfinite(l->weight) ||
        !(l->end_weight >= 0) || !isfinite(l->end_weight))
        return omn_fail(err, OMN_ERR_DATA,
                        "an input, %s and weights of 0 or more are wanted",
                        t->unasked ? "no answer" : "an answer");
    *it = (item){ .task = l->task < t->setup.n_tasks ? l->task : NO_TASK - 1,
                  .modality = modality_of(t, l->modality),
                  .output = t->now,
                  .alone = true,
                  .lesson = l };
    if (t->setup.n_modalities && it->modality >= t->setup.n_modalities)
        return omn_fail(err, OMN_ERR_DATA, "what is wanted is %s, which is no modality of this "
                        "training", l->modality ? l->modality : "of no modality");
    if (t->unasked) {
        it->alone = false;
        goto done;
    }
    OMN_TRY(read_texts(t, m, l, it, err));
    OMN_TRY(has_room("answer", wanted_ids(o, l), o->targets,
                     model_most_answer(t->model, omn_model_decoder(t->model, o->name)), err));
    OMN_TRY(read_want(t, m, l, it, err));
    OMN_TRY(read_noised(t, m, l, it, err));
    OMN_TRY(read_fed(t, m, l, it, err));
done:
    return st;
}

/* Do two lessons see the same things beside their texts? */
static bool same_inputs(const omn_lesson *a, const omn_lesson *b)
{
    uint32_t i = 0, k = 0;
    for (;; i++, k++) {
        while (i < a->n_inputs && !strcmp(a->inputs[i].name, "text")) i++;
        while (k < b->n_inputs && !strcmp(b->inputs[k].name, "text")) k++;
        if (i == a->n_inputs || k == b->n_inputs) return i == a->n_inputs && k == b->n_inputs;
        if (strcmp(a->inputs[i].name, b->inputs[k].name) ||
            !omn_value_equal(a->inputs[i].value, b->inputs[k].value))
            return false;
    }
}

/* One lesson as ids; those of a page see the same things. */
static omn_status add_lesson(const omn_trainer *t, made *m, const omn_lesson *l, omn_error *err)
{
    item *it = &m->items[m->n_items];
    const omn_status st = read_lesson(t, m, l, it, err);
    if (st != OMN_OK) return st;
    if (!it->alone && m->first && !same_inputs(m->first, l))
        return omn_fail(err, OMN_ERR_DATA,
                        "it sees other inputs than the lessons before it on its page");
    if (!it->alone && !m->first) m->first = l;
    m->n_items++;
    return OMN_OK;
}

/* A bad lesson is named with its task and place; it ends the run, or is counted. */
static omn_status bad_lesson(const omn_trainer *t, made *m, omn_call *c, const omn_lesson *l,
                             omn_status st, omn_error *why, omn_error *err)
{
    const omn_page *p = &m->page;
    char text[1200];
    if (l->task < t->setup.n_tasks) omn_error_prefix(why, "task %s", t->setup.tasks[l->task]);
    else omn_error_prefix(why, "lesson %u", (unsigned)(l - p->lessons) + 1);
    if (p->file && !why->file[0]) {
        snprintf(why->file, sizeof(why->file), "%s", p->file);
        why->line = p->line;
    }
    if (st != OMN_ERR_DATA || !t->setup.skip_bad) {
        if (err && err->status == OMN_OK) *err = *why;
        return st;
    }
    omn_call_log(c, OMN_LOG_WARN, "left out: %s", omn_error_line(why, text, sizeof(text)));
    m->n_bad++;
    return OMN_OK;
}

/* Where nothing is asked, one of the page's lessons: two captions of one picture in a batch would
 * both have to be the one that belongs to it. */
static void choose(const omn_trainer *t, made *m, uint64_t index)
{
    if (!m->n_items) return;
    m->items[0] = m->items[omn_random_at(t->setup.seed, STREAM, index) % m->n_items];
    m->first = m->items[0].lesson;
    m->n_items = 1;
}

/* The page's lessons as ids. */
static omn_status read_lessons(const omn_trainer *t, made *m, omn_call *c, uint64_t index,
                               omn_error *err)
{
    const omn_page *p = &m->page;
    m->items = omn_arena_alloc(m->arena, p->n_lessons ? p->n_lessons : 1, sizeof(item));
    if (!m->items) return no_memory(err);
    for (uint32_t i = 0; i < p->n_lessons; i++) {
        omn_error why = OMN_ERROR_INIT;
        const omn_lesson *l = &p->lessons[i];
        omn_status st = add_lesson(t, m, l, &why);
        if (st == OMN_OK) continue;
        st = bad_lesson(t, m, c, l, st, &why, err);
        if (st != OMN_OK) return st;
    }
    if (t->unasked) choose(t, m, index);
    return OMN_OK;
}

/* Which of the trainer's inputs input i of a lesson is; n_roles: none. */
static uint32_t role_of(const omn_trainer *t, const omn_lesson *l, uint32_t i, uint32_t *number)
{
    uint32_t r = 0;
    *number = 0;
    for (uint32_t k = 0; k < i; k++) *number += !strcmp(l->inputs[k].name, l->inputs[i].name);
    while (r < t->n_roles &&
           (t->roles[r].number != *number || strcmp(t->roles[r].name, l->inputs[i].name)))
        r++;
    return r;
}

/* What the lessons see beside texts, through the encoders. */
static omn_status read_inputs(const omn_trainer *t, made *m, omn_call *c, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_lesson *l = m->first;
    for (uint32_t i = 0; l && i < l->n_inputs; i++) {
        const omn_named *in = &l->inputs[i];
        uint32_t number = 0;
        if (!t->unasked && !strcmp(in->name, "text")) continue;
        const uint32_t r = role_of(t, l, i, &number);
        if (r == t->n_roles)
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "input %u \"%s\": not among the inputs of this training", number + 1,
                            in->name);
        if (!in->value)
            return omn_fail(err, OMN_ERR_DATA, "the input \"%s\" is not there", in->name);
        OMN_TRY(omn_model_prepare(t->model, c, in->name, in->value, m->feeds[r], NULL, err));
        m->has[r] = true;
    }
done:
    return st;
}

/* What stands in front of a lesson's answer. */
static omn_status read_front(const omn_trainer *t, made *m, omn_call *c, item *it, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_lesson *l = it->lesson;
    row_given given[MOST_ROLES];
    uint32_t n_texts = 0;
    for (uint32_t i = 0; i < l->n_inputs; i++) {
        uint32_t number = 0;
        const uint32_t r = role_of(t, l, i, &number);
        if (i == MOST_ROLES || r == t->n_roles)
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "input %u \"%s\": not among the inputs of this training", number + 1,
                            l->inputs[i].name);
        given[i] = (row_given){ .part = omn_model_encoder(t->model, l->inputs[i].name),
                                .value = l->inputs[i].value, .number = number, .input = r };
        if (t->roles[r].is_text) given[i].vectors = it->text[n_texts++];
        else row_count(&given[i], m->feeds[r], 0, t->lengths[r]);
    }
    OMN_TRY(row_front(t->model, c, t->outputs[t->now].name, given, l->n_inputs, m->arena,
                      &it->front, &it->front_weights, &it->n_front, err));
    for (uint32_t i = 0; it->front_weights && i < it->n_front; i++)
        it->front_weights[i] = (float)(l->weight * (double)it->front_weights[i]);
    const uint64_t n = (uint64_t)it->n_front + it->n_out;
    if (n > t->outputs[t->now].targets)
        st = omn_fail(err, OMN_ERR_DATA,
                      "what is given takes %u places and the answer %u, a row has room for %u "
                      "(pack: targets)",
                      it->n_front, it->n_out, t->outputs[t->now].targets);
    else if ((int64_t)n > t->row->most(t->model->self))
        st = omn_fail(err, OMN_ERR_DATA,
                      "what is given takes %u places and the answer %u, the model knows no more "
                      "than %d",
                      it->n_front, it->n_out, (int)t->row->most(t->model->self));
done:
    return st;
}

/* Of all lessons; the bad ones go. */
static omn_status read_fronts(const omn_trainer *t, made *m, omn_call *c, omn_error *err)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n_items; i++) {
        omn_error why = OMN_ERROR_INIT;
        item *it = &m->items[i];
        omn_status st = read_front(t, m, c, it, &why);
        if (st == OMN_OK) {
            m->items[n++] = *it;
            continue;
        }
        st = bad_lesson(t, m, c, it->lesson, st, &why, err);
        if (st != OMN_OK) return st;
    }
    m->n_items = n;
    return OMN_OK;
}

/* Is it a page of the output that this step asks? */
static omn_status of_this_step(const omn_trainer *t, const omn_page *p, omn_error *err)
{
    const char *asked = t->outputs[t->now].name;
    if (!p->output || !strcmp(p->output, asked)) return OMN_OK;
    return omn_fail(err, OMN_ERR_ARGUMENT,
                    "its lessons want \"%s\", step %llu asks \"%s\" (omn_train_output)", p->output,
                    (unsigned long long)t->step, asked);
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
    m->first = NULL;
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
    if (!m->page.skip) st = of_this_step(t, &m->page, &m->err);
    if (st == OMN_OK && !m->page.skip) st = read_lessons(t, m, c, index, &m->err);
    if (st == OMN_OK && !m->page.skip) st = read_inputs(t, m, c, &m->err);
    if (st == OMN_OK && !m->page.skip) st = patches_choose(t, m, index, &m->err);
    if (st == OMN_OK && !m->page.skip && t->row) st = read_fronts(t, m, c, &m->err);
    for (uint32_t i = 0; i < m->page.n_values; i++) omn_value_unref(m->page.values[i]);
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
    for (size_t i = from; i < to; i++) make_one(k, &k->t->made[k->from + i], k->first + i);
}

omn_status pages_make(omn_trainer *t, omn_call *c, uint32_t n, uint64_t first, omn_error *err)
{
    omn_status st = OMN_OK;
    const uint32_t each = t->ahead ? AHEAD : n;
    for (uint32_t from = 0; from < n; from += each) {
        const uint32_t some = n - from < each ? n - from : each;
        making k = { t, c, first + from, from };
        if (t->ahead) OMN_TRY(t->ahead(t->setup.page_user, c, k.first, some, t->step, err));
        omn_pool_split(omn_call_pool(c), some, 1, make_range, &k);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (t->made[i].st == OMN_OK) continue;
        if (err && err->status == OMN_OK) *err = t->made[i].err;
        return t->made[i].st;
    }
done:
    return st;
}

void made_fini(made *m)
{
    omn_arena_free(m->arena);
    for (uint32_t r = 0; r < MOST_ROLES; r++) omn_feed_free(m->feeds[r]);
}
