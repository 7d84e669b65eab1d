/* SPDX-License-Identifier: Apache-2.0 */
/* Packing: the lessons of a page share one row, each a segment of its own with positions from 0,
 * all of them beside the one picture that they ask about; where the encoder does not say that many
 * may see it (OMN_SEG_SHARED), each has a row of its own. Lessons of pages without inputs share
 * rows too: they wait in a pool until enough are there, then the oldest goes first and the longest
 * that still fit follow; those of an output that the step does not ask go on waiting. The pool is
 * part of the trainer's state; what a batch takes is final only when its step is done. */
#include "trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_EMPTY 100000u                /* pages in a row with nothing usable, unless said */

static bool fits(const omn_trainer *t, const row *r, const item *it)
{
    for (uint32_t k = 0; k < it->n_texts; k++)
        if (it->text[k] > t->setup.inputs - r->inputs[k]) return false;
    return it->n_front + it->n_out <= t->fed - r->targets;
}

/* The id beside a vector, whose row of the table counts nothing. */
static int32_t vector_id(const omn_trainer *t)
{
    const int32_t start = t->outputs[t->now].start;
    return start < 0 ? 0 : start;
}

/* Place number i in front, as what is wanted at `at`, if it is learnt. */
static void want_front(omn_trainer *t, size_t at, const item *it, uint32_t i)
{
    if (!it->front_weights || !(it->front_weights[i] > 0)) return;
    t->t_labels[at] = it->front[i];
    t->t_weight[at] = it->front_weights[i];
    t->token_task[at] = it->task;
    t->token_modality[at] = it->modality;
}

/* What stands in front of a lesson's answer, before its texts are written. What is learnt of
 * it is wanted at the place in front of it. */
static void place_front(omn_trainer *t, uint32_t b, const item *it, uint32_t n_front)
{
    row *r = &t->rows[b];
    const size_t out = (size_t)b * t->fed + r->targets;
    const int32_t seg = (int32_t)r->lessons + 1;
    for (uint32_t i = 0; i < n_front; i++) {
        const int32_t id = it->front[i];
        t->t_ids[out + i] = id < 0 ? vector_id(t) : id;
        t->t_pos[out + i] = (int32_t)i;
        t->t_seg[out + i] = t->t_part[out + i] = seg;
        if (i) want_front(t, out + i - 1, it, i);
        if (id >= 0) continue;
        const uint32_t k = row_mark_input(id);
        int64_t at = b * t->length + row_mark_vector(id);
        if (t->roles[k].is_text) at += r->inputs[t->roles[k].number];
        for (uint32_t j = 0; j < k; j++) at += t->lengths[j];
        t->t_from[out + i] = (int32_t)at;
    }
    r->targets += n_front;
}

/* Writes a lesson behind the others of row b. */
static void place(omn_trainer *t, uint32_t b, const item *it)
{
    row *r = &t->rows[b];
    const int32_t token = t->outputs[t->now].start;
    const uint32_t n_front = it->n_front - (token < 0);       /* its last id begins the answer */
    const int32_t first = token < 0 ? it->front[n_front] : token;
    place_front(t, b, it, n_front);
    const size_t out = (size_t)b * t->fed + r->targets;
    if (token < 0 && n_front) want_front(t, out - 1, it, n_front);
    const int32_t seg = (int32_t)++r->lessons, *from = it->in;
    for (uint32_t k = 0; k < it->n_texts; k++) {
        const size_t in = (size_t)b * t->setup.inputs + r->inputs[k];
        for (uint32_t i = 0; i < it->text[k]; i++) {
            t->texts[k].ids[in + i] = from[i];
            t->texts[k].seg[in + i] = seg;
            t->texts[k].pos[in + i] = (int32_t)i;
        }
        from += it->text[k];
        r->inputs[k] += it->text[k];
    }
    for (uint32_t i = 0; i < it->n_out; i++) {
        const int32_t fed = it->fed ? it->fed[i] : -1;
        t->t_ids[out + i] = fed >= 0 ? fed : i ? it->out[i - 1] : first;
        t->t_labels[out + i] = it->out[i];
        t->t_pos[out + i] = (int32_t)(n_front + i);
        t->t_seg[out + i] = t->t_part[out + i] = seg;
        t->t_weight[out + i] = it->weights[i];
        if (t->t_noised && it->noised && i) t->t_noised[out + i] = it->noised[i - 1];
        t->token_task[out + i] = it->task;
        t->token_modality[out + i] = it->modality;
    }
    r->targets += it->n_out;
    t->now_lessons++;
    t->now_tokens += it->n_out;
    if (it->task < t->setup.n_tasks) t->task_lessons[it->task]++;
}

/* ---- the pool ------------------------------------------------------------------------------- */

omn_status pool_put(omn_trainer *t, const item *it, omn_error *err)
{
    if (t->n_pool == t->room_pool) {
        const size_t room = t->room_pool ? 2 * t->room_pool : 64;
        waiting *more = realloc(t->pool, room * sizeof(*more));
        if (!more)
            return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for the pool of lessons");
        t->pool = more;
        t->room_pool = room;
    }
    int32_t *ids = malloc(((size_t)it->n_in + 2 * (size_t)it->n_out +
                           2 * (size_t)it->n_front) * sizeof(int32_t));
    if (!ids) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for the pool of lessons");
    memcpy(ids, it->in, it->n_in * sizeof(int32_t));
    memcpy(ids + it->n_in, it->out, it->n_out * sizeof(int32_t));
    memcpy(ids + it->n_in + it->n_out, it->weights, it->n_out * sizeof(float));
    waiting *w = &t->pool[t->n_pool++];
    *w = (waiting){ .item = *it };
    w->item.in = ids;
    w->item.out = ids + it->n_in;
    w->item.weights = (float *)(ids + it->n_in + it->n_out);
    w->item.front = ids + it->n_in + 2 * (size_t)it->n_out;
    if (it->n_front) memcpy(w->item.front, it->front, it->n_front * sizeof(int32_t));
    if (it->front_weights) {
        w->item.front_weights = (float *)(w->item.front + it->n_front);
        memcpy(w->item.front_weights, it->front_weights, it->n_front * sizeof(float));
    }
    w->item.lesson = NULL;
    w->item.noised = NULL;
    w->item.fed = NULL;
    return OMN_OK;
}

/* Places that a lesson takes, of all kinds. */
static uint64_t size_of(const item *it)
{
    return (uint64_t)it->n_in + it->n_out + it->n_front;
}

/* May it go into a row of this step? */
static bool waits(const omn_trainer *t, const waiting *w)
{
    return !w->used && w->item.output == t->now;
}

/* Fills row b from the pool when there is plenty to choose from. */
static bool row_from_pool(omn_trainer *t, uint32_t b)
{
    uint64_t in = 0, out = 0;
    size_t oldest = t->n_pool;
    for (size_t i = t->n_pool; i-- > 0;) {
        if (!waits(t, &t->pool[i])) continue;
        in += t->pool[i].item.n_in;
        out += (uint64_t)t->pool[i].item.n_out + t->pool[i].item.n_front;
        oldest = i;
    }
    if (in < 2ull * t->setup.inputs && out < 2ull * t->fed) return false;
    for (size_t take = oldest; take < t->n_pool;) {
        place(t, b, &t->pool[take].item);
        t->pool[take].used = true;
        take = t->n_pool;
        for (size_t i = 0; i < t->n_pool; i++) {
            const waiting *w = &t->pool[i];
            if (!waits(t, w) || !fits(t, &t->rows[b], &w->item)) continue;
            if (take == t->n_pool || size_of(&w->item) > size_of(&t->pool[take].item)) take = i;
        }
    }
    return true;
}

/* Forgets the lessons in the pool that are used, or that came after the first `kept`. */
static void pool_sweep(omn_trainer *t, size_t kept)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_pool; i++) {
        if (t->pool[i].used || i >= kept) free(t->pool[i].item.in);
        else t->pool[n++] = t->pool[i];
    }
    t->n_pool = t->n_kept = n;
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* The tensors of a value's encoder into row b; what prepare made shorter leaves zeros. */
static omn_status place_input(omn_trainer *t, uint32_t b, uint32_t r, const omn_feed *from,
                              omn_error *err)
{
    const role *e = &t->roles[r];
    for (uint32_t i = 0; i < e->n_ports; i++) {
        char name[160];
        role_port(e, e->ports[i].name, name, sizeof(name));
        const omn_tensor *whole = omn_feed_get(t->feed, name);
        const omn_tensor *one = omn_feed_get(from, e->ports[i].name);
        const size_t bytes = whole->bytes / t->setup.batch;
        bool same = one && one->type == whole->type && one->shape.rank + 1 == whole->shape.rank;
        for (uint32_t d = 0; same && d < one->shape.rank; d++)
            same = d ? one->shape.dim[d] == whole->shape.dim[d + 1]
                     : one->shape.dim[d] <= whole->shape.dim[d + 1];
        if (!same || one->bytes > bytes)
            return omn_fail(err, OMN_ERR_SHAPE,
                            "the encoder of \"%s\" made no tensor \"%s\" of the "
                            "wanted shape",
                            e->name, e->ports[i].name);
        memcpy((char *)omn_feed_data(t->feed, name) + (size_t)b * bytes, one->data, one->bytes);
    }
    return OMN_OK;
}

/* May lessons of several segments see the page's inputs? */
static bool shared(const omn_trainer *t, const made *m)
{
    for (uint32_t r = 0; r < t->n_roles; r++) {
        const omn_tensor *seg = m->has[r] ? omn_feed_get(m->feeds[r], "seg") : NULL;
        if (!seg || seg->type != OMN_I32) continue;
        const int32_t *at = seg->data;
        for (size_t i = 0; i < seg->bytes / sizeof *at; i++)
            if (at[i] && at[i] != OMN_SEG_SHARED) return false;
    }
    return true;
}

/* Rows that a page takes, at most a whole batch. */
static uint32_t rows_of(const omn_trainer *t, const made *m)
{
    bool has = false;
    uint32_t n = 0;
    for (uint32_t r = 0; r < t->n_roles; r++) has |= m->has[r];
    for (uint32_t i = 0; has && i < m->n_items; i++) n += !m->items[i].alone;
    if (n > 1 && shared(t, m)) n = 1;
    return n < t->setup.batch ? n : t->setup.batch;
}

/* A row of all its lessons, or of one. */
static omn_status row_of_page(omn_trainer *t, uint32_t b, const made *m, const item *only,
                              omn_error *err)
{
    omn_status st = OMN_OK;
    for (uint32_t r = 0; r < t->n_roles; r++)
        if (m->has[r]) OMN_TRY(place_input(t, b, r, m->feeds[r], err));
    if (t->cells) OMN_TRY(aux_fill(t, &m->page, b, err));
    for (uint32_t i = 0; i < m->n_items; i++) {
        if (m->items[i].alone || (only && only != &m->items[i])) continue;
        if (fits(t, &t->rows[b], &m->items[i])) place(t, b, &m->items[i]);
        else t->now_dropped++;
    }
done:
    return st;
}

/* One page: rows for those that see its inputs, the pool for the others. */
static omn_status take_page(omn_trainer *t, const made *m, uint32_t *b, omn_error *err)
{
    omn_status st = OMN_OK;
    const uint32_t rows = rows_of(t, m), end = *b + rows;
    for (uint32_t k = 0; k < m->n_items; k++)
        if (!rows || m->items[k].alone) OMN_TRY(pool_put(t, &m->items[k], err));
    if (rows == 1 && shared(t, m)) {
        OMN_TRY(row_of_page(t, (*b)++, m, NULL, err));
        goto done;
    }
    for (uint32_t k = 0; rows && k < m->n_items; k++) {
        if (m->items[k].alone) continue;
        if (*b < end) OMN_TRY(row_of_page(t, (*b)++, m, &m->items[k], err));
        else t->now_dropped++;
    }
done:
    return st;
}

static omn_status clear(omn_trainer *t, omn_error *err)
{
    t->now = omn_train_output(&t->setup, t->step);
    if (t->fed != t->outputs[t->now].targets) {
        const omn_status st = trainer_feed(t, t->outputs[t->now].targets, err);
        if (st != OMN_OK) return st;
    }
    for (size_t i = 0; i < omn_feed_count(t->feed); i++) {
        const char *name = omn_feed_name(t->feed, i);
        memset(omn_feed_data(t->feed, name), 0, omn_feed_get(t->feed, name)->bytes);
    }
    if (t->t_from) /* all -1 */
        memset(t->t_from, 0xff, (size_t)t->setup.batch * t->fed * sizeof *t->t_from);
    memset(t->rows, 0, t->setup.batch * sizeof(row));
    for (size_t i = 0; i < (size_t)t->setup.batch * t->fed; i++)
        t->token_task[i] = t->token_modality[i] = NO_TASK;
    for (uint32_t i = 0; i < t->setup.n_tasks; i++) t->task_lessons[i] = 0;
    t->now_next = t->next_page;
    t->now_pages = t->now_lessons = t->now_tokens = t->now_dropped = t->now_bad = 0;
    t->n_kept = t->n_pool;
    return OMN_OK;
}

/* The weights of each modality add up to the same, all of them to what they did. */
static void batch_balance(omn_trainer *t)
{
    const uint32_t n = t->setup.n_modalities;
    const size_t tokens = (size_t)t->setup.batch * t->fed;
    double all = 0;
    uint32_t there = 0;
    for (uint32_t k = 0; k < n; k++) t->sums[k] = 0;
    for (size_t i = 0; i < tokens; i++)
        if (t->token_modality[i] < n) t->sums[t->token_modality[i]] += (double)t->t_weight[i];
    for (uint32_t k = 0; k < n; k++) {
        all += t->sums[k];
        there += t->sums[k] > 0;
    }
    for (size_t i = 0; i < tokens; i++) {
        const uint32_t k = t->token_modality[i];
        if (k < n && t->sums[k] > 0)
            t->t_weight[i] = (float)((double)t->t_weight[i] * all / (there * t->sums[k]));
    }
}

omn_status batch_fill(omn_trainer *t, omn_call *c, omn_error *err)
{
    omn_status st = OMN_OK;
    uint32_t b = 0;
    uint64_t empty = 0;
    const uint64_t most = t->setup.most_empty ? t->setup.most_empty : MOST_EMPTY;
    OMN_TRY(clear(t, err));
    for (;;) {
        while (b < t->setup.batch && row_from_pool(t, b)) b++;
        if (b == t->setup.batch) break;
        const uint32_t n = t->setup.batch - b;
        OMN_TRY(pages_make(t, c, n, t->now_next, err));
        t->now_next += n;
        for (uint32_t i = 0; i < n; i++) {
            const made *m = &t->made[i];
            if (rows_of(t, m) > t->setup.batch - b) { /* the next batch begins with it */
                t->now_next -= n - i;
                goto full;
            }
            t->now_bad += m->n_bad;
            if (m->page.skip || !m->n_items) {
                if (++empty < most) continue;
                st = omn_fail(err, OMN_ERR_DATA,
                              "there is nothing to learn from: %llu pages in a row had no lesson "
                              "of \"%s\" that can be used, %llu bad ones were left out",
                              (unsigned long long)empty, t->outputs[t->now].name,
                              (unsigned long long)t->now_bad);
                goto done;
            }
            empty = 0;
            t->now_pages++;
            OMN_TRY(take_page(t, m, &b, err));
        }
    }
full:
    if (t->cells) aux_finish(t);
    if (t->setup.balance == OMN_BALANCE_MODALITIES) batch_balance(t);
done:
    return st;
}

void batch_commit(omn_trainer *t)
{
    pool_sweep(t, t->n_pool);
    t->next_page = t->now_next;
    t->pages += t->now_pages;
    t->lessons += t->now_lessons;
    t->tokens += t->now_tokens;
    t->dropped += t->now_dropped;
    t->bad += t->now_bad;
}

void batch_rollback(omn_trainer *t)
{
    for (size_t i = 0; i < t->n_kept; i++) t->pool[i].used = false;
    pool_sweep(t, t->n_kept);
}
