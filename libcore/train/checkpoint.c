/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: everything that the next step needs in one safetensors file that is written aside
 * and renamed, so that a run which is killed at any moment and resumed ends in the same bits. The
 * weights stand under their own names, which makes a checkpoint a weights file as well; moments,
 * averages, counters and the pool of lessons begin with "train.". What a setup must agree on is
 * written down as text and compared when the file is read. What is usual is left out: steps of a
 * weight that had a gradient in all of them, outputs of lessons where there is one, "text". */
#include "trainer.h"

#include "entries.h"

#include "../tensor/finite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "train.omnio"
#define OUTPUTS "train.outputs"           /* names, commas between them */
#define TASKS "train.tasks"               /* names, a line each; only while lessons wait */
#define MODALITIES "train.modalities"     /* the same */
#define USUAL "text"
#define N_COUNTERS 8
#define ENTRY_NUMBERS 4 /* of a lesson in the pool: task, modality, n_out, texts */

/* ---- what must agree ------------------------------------------------------------------------ */

typedef struct facts {
    const char *pair[2 * 16];
    size_t n;
} facts;

static void fact(facts *f, omn_arena *a, const char *name, double x)
{
    f->pair[f->n++] = name;
    f->pair[f->n++] = omn_arena_printf(a, "%.17g", x);
}

static bool find_facts(const omn_trainer *t, omn_arena *a, facts *f)
{
    static const char *const names[] = { "adamw", "adafactor", "muon" };
    const omn_train_setup *u = &t->setup;
    *f = (facts){ .n = 0 };
    f->pair[f->n++] = MARK;
    f->pair[f->n++] = "2";
    f->pair[f->n++] = "train.optimizer";
    f->pair[f->n++] = names[u->optimizer];
    fact(f, a, "train.factor_from", u->optimizer == OMN_ADAFACTOR ? t->opt->factor_from : 0);
    fact(f, a, "train.inputs", u->inputs);
    fact(f, a, "train.targets", u->targets);
    fact(f, a, "train.seed.high", (double)(u->seed >> 32));
    fact(f, a, "train.seed.low", (double)(u->seed & UINT32_MAX));
    for (size_t i = 0; i < f->n; i++)
        if (!f->pair[i]) return false;
    return true;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void add_moments(const omn_trainer *t, entries *l)
{
    const omn_opt *o = t->opt;
    for (size_t i = 0; i < o->n_slots; i++) {
        const slot *s = &o->slots[i];
        const omn_tensor w = omn_store_tensor(t->store, i);
        entries_add(l, "", s->name, OMN_F32, w.shape, s->w);
        if (!s->ready) continue;
        entries_add(l, "train.m.", s->name, OMN_F32, w.shape, s->m);
        if (s->v) entries_add(l, "train.v.", s->name, OMN_F32, w.shape, s->v);
        if (s->r) entries_add(l, "train.r.", s->name, OMN_F32, omn_dim1((int64_t)s->rows), s->r);
        if (s->c) entries_add(l, "train.c.", s->name, OMN_F32, omn_dim1((int64_t)s->cols), s->c);
        if (s->average) entries_add(l, "train.average.", s->name, OMN_F32, w.shape, s->average);
        if (s->done != o->done)
            entries_add(l, "train.done.", s->name, OMN_I64, omn_dim1(1), &s->done);
    }
}

/* A lesson is its numbers, the length of each text, the ids, and the bits of the weights; where
 * inputs stand in rows, also how many places do in front of its answer, and these. */
static size_t entry_size(const omn_trainer *t, const item *it)
{
    return ENTRY_NUMBERS + (size_t)it->n_texts + it->n_in + 2 * (size_t)it->n_out +
           (t->row ? 1 + (size_t)it->n_front : 0);
}

static void entry_put(const omn_trainer *t, const item *it, int32_t *x)
{
    const int32_t head[ENTRY_NUMBERS] = { (int32_t)it->task, (int32_t)it->modality,
                                          (int32_t)it->n_out, (int32_t)it->n_texts };
    memcpy(x, head, sizeof(head));
    x += ENTRY_NUMBERS;
    for (uint32_t k = 0; k < it->n_texts; k++) *x++ = (int32_t)it->text[k];
    memcpy(x, it->in, it->n_in * sizeof(int32_t));
    memcpy(x + it->n_in, it->out, it->n_out * sizeof(int32_t));
    memcpy(x + it->n_in + it->n_out, it->weights, it->n_out * sizeof(float));
    if (!t->row) return;
    x += it->n_in + 2 * (size_t)it->n_out;
    *x++ = (int32_t)it->n_front;
    if (it->n_front) memcpy(x, it->front, it->n_front * sizeof(int32_t));
}

/* Weights of what stands in front of the pool's lessons, one lesson's behind the other's; nothing
 * when none of it is learnt. */
static void add_fronts(const omn_trainer *t, entries *l)
{
    size_t total = 0, at = 0;
    bool any = false;
    for (size_t i = 0; i < t->n_pool; i++) {
        total += t->pool[i].item.n_front;
        any = any || t->pool[i].item.front_weights;
    }
    if (!any) return;
    float *x = omn_arena_alloc(l->arena, total, sizeof(float));
    if (!x) {
        l->failed = true;
        return;
    }
    for (size_t i = 0; i < t->n_pool; at += t->pool[i++].item.n_front)
        for (uint32_t k = 0; k < t->pool[i].item.n_front; k++)
            x[at + k] = t->pool[i].item.front_weights ? t->pool[i].item.front_weights[k] : 0;
    entries_add(l, "train.", "pool.front", OMN_F32, omn_dim1((int64_t)total), x);
}

static void add_pool(const omn_trainer *t, entries *l)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; i < t->n_pool; i++) total += entry_size(t, &t->pool[i].item);
    int32_t *x = omn_arena_alloc(l->arena, total ? total : 1, sizeof(int32_t));
    if (!x) {
        l->failed = true;
        return;
    }
    for (size_t i = 0; i < t->n_pool; at += entry_size(t, &t->pool[i++].item))
        entry_put(t, &t->pool[i].item, x + at);
    if (total) entries_add(l, "train.", "pool", OMN_I32, omn_dim1((int64_t)total), x);
    add_fronts(t, l);
    if (!total || t->n_outputs < 2) return;
    int32_t *outputs = omn_arena_alloc(l->arena, t->n_pool, sizeof(int32_t));
    l->failed = l->failed || !outputs;
    for (size_t i = 0; outputs && i < t->n_pool; i++)
        outputs[i] = (int32_t)t->pool[i].item.output;
    if (outputs)
        entries_add(l, "train.", "pool.outputs", OMN_I32, omn_dim1((int64_t)t->n_pool), outputs);
}

static bool add_list(omn_arena *a, facts *f, const char *name, const char *const *of, uint32_t n)
{
    const char *all = n ? of[0] : NULL;
    if (!n) return true;
    for (uint32_t i = 1; all && i < n; i++) all = omn_arena_printf(a, "%s\n%s", all, of[i]);
    f->pair[f->n++] = name;
    f->pair[f->n++] = all;
    return all;
}

/* What the numbers of tasks and modalities in the pool mean. */
static bool add_names(const omn_trainer *t, omn_arena *a, facts *f)
{
    const omn_train_setup *u = &t->setup;
    return !t->n_pool || (add_list(a, f, TASKS, u->tasks, u->n_tasks) &&
                          add_list(a, f, MODALITIES, u->modalities, u->n_modalities));
}

/* What the numbers of outputs mean; nothing for the usual one alone. */
static bool add_outputs(const omn_trainer *t, omn_arena *a, facts *f)
{
    const char *all = t->outputs[0].name;
    if (t->n_outputs == 1 && !strcmp(all, USUAL)) return true;
    for (uint32_t i = 1; all && i < t->n_outputs; i++)
        all = omn_arena_printf(a, "%s,%s", all, t->outputs[i].name);
    f->pair[f->n++] = OUTPUTS;
    f->pair[f->n++] = all;
    return all;
}

omn_status omn_trainer_save(omn_trainer *t, const char *path, omn_error *err)
{
    omn_status st = OMN_OK;
    facts f;
    const int64_t counters[N_COUNTERS] = { (int64_t)t->step,    (int64_t)t->next_page,
                                           (int64_t)t->pages,   (int64_t)t->lessons,
                                           (int64_t)t->tokens,  (int64_t)t->dropped,
                                           (int64_t)t->skipped, (int64_t)t->skipped_in_row };
    entries l = { .arena = omn_arena_new(0) };
    if (!l.arena || !find_facts(t, l.arena, &f) || !add_outputs(t, l.arena, &f) ||
        !add_names(t, l.arena, &f)) {
        st = omn_fail(err, OMN_ERR_MEMORY, "not enough memory to write a checkpoint");
        goto done;
    }
    entries_add(&l, "train.", "counters", OMN_I64, omn_dim1(N_COUNTERS), counters);
    const int64_t bad = (int64_t)t->bad;
    if (bad) entries_add(&l, "train.", "bad", OMN_I64, omn_dim1(1), &bad);
    add_moments(t, &l);
    add_pool(t, &l);
    if (l.failed) st = omn_fail(err, OMN_ERR_MEMORY, "not enough memory to write a checkpoint");
    else st = omn_weights_write(path, OMN_OVERWRITE, l.row, l.n, f.pair, f.n / 2, err);
done:
    free(l.row);
    omn_arena_free(l.arena);
    return st;
}

/* ---- reading -------------------------------------------------------------------------------- */

static const omn_tensor *get(const omn_weights *w, const char *prefix, const char *name,
                             omn_type type, const omn_shape *shape, omn_status *st, omn_error *err)
{
    char full[1024], want[80];
    const int n = snprintf(full, sizeof(full), "%s%s", prefix, name);
    const omn_tensor *t = n < 0 || (size_t)n >= sizeof(full) ? NULL : omn_weights_get(w, full);
    if (t && t->type == type && omn_shape_equal(&t->shape, shape)) return t;
    *st = omn_fail(err, OMN_ERR_CONFIG,
                   "%s: no tensor %s %s of type %s is in it, so this training cannot "
                   "go on from there",
                   omn_weights_path(w), full, omn_shape_text(shape, want, sizeof(want)),
                   omn_type_get(type)->name);
    return NULL;
}

static omn_status read_into(const omn_weights *w, const char *prefix, const char *name, float *to,
                            const omn_shape *shape, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *t = get(w, prefix, name, OMN_F32, shape, &st, err);
    if (!t) return st;
    memcpy(to, t->data, t->bytes);
    const size_t n = t->bytes / sizeof(*to), good = finite_until(to, n);
    if (good < n)
        st = omn_fail(err, OMN_ERR_DATA,
                      "%s: value %zu of %zu in %s%s is %g, so this training cannot go on from "
                      "there",
                      omn_weights_path(w), good + 1, n, prefix, name, (double)to[good]);
    return st;
}

static bool there(const omn_weights *w, const char *prefix, const char *name)
{
    char full[1024];
    const int n = snprintf(full, sizeof(full), "%s%s", prefix, name);
    return n > 0 && (size_t)n < sizeof(full) && omn_weights_get(w, full);
}

static omn_status read_slot(omn_trainer *t, const omn_weights *w, size_t i, uint64_t step,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    slot *s = &t->opt->slots[i];
    const omn_shape one = omn_dim1(1);
    const omn_shape shape = omn_store_tensor(t->store, i).shape;
    const omn_shape rows = omn_dim1((int64_t)s->rows), cols = omn_dim1((int64_t)s->cols);
    OMN_TRY(read_into(w, "", s->name, s->w, &shape, err));
    s->done = 0;
    if (!there(w, "train.m.", s->name)) {
        if (!s->ready) goto done;
        st = omn_fail(err, OMN_ERR_CONFIG, "%s: %s was not trained there", omn_weights_path(w),
                      s->name);
        goto done;
    }
    s->done = step;
    OMN_TRY(opt_ready(t->opt, s, err));
    OMN_TRY(read_into(w, "train.m.", s->name, s->m, &shape, err));
    if (s->v) OMN_TRY(read_into(w, "train.v.", s->name, s->v, &shape, err));
    if (s->r) OMN_TRY(read_into(w, "train.r.", s->name, s->r, &rows, err));
    if (s->c) OMN_TRY(read_into(w, "train.c.", s->name, s->c, &cols, err));
    if (s->average) OMN_TRY(read_into(w, "train.average.", s->name, s->average, &shape, err));
    if (!there(w, "train.done.", s->name)) goto done;
    const omn_tensor *x = get(w, "train.done.", s->name, OMN_I64, &one, &st, err);
    if (x) memcpy(&s->done, x->data, sizeof(s->done));
    if (x && s->done > step)
        st = omn_fail(err, OMN_ERR_DATA, "%s: train.done.%s is more than all steps, %llu",
                      omn_weights_path(w), s->name, (unsigned long long)step);
done:
    return st;
}

/* The numbers of one lesson at x, n left there; false: they cannot be. */
static bool entry_head(const omn_trainer *t, const int32_t *x, size_t n, item *it)
{
    *it = (item){ .alone = true };
    if (n < ENTRY_NUMBERS || x[2] <= 0 || (uint32_t)x[2] > t->setup.targets || x[3] <= 0 ||
        (uint32_t)x[3] > t->n_texts || n - ENTRY_NUMBERS < (uint32_t)x[3])
        return false;
    it->task = (uint32_t)x[0];
    it->modality = (uint32_t)x[1];
    it->n_out = (uint32_t)x[2];
    it->n_texts = (uint32_t)x[3];
    for (uint32_t k = 0; k < it->n_texts; k++) {
        it->text[k] = (uint32_t)x[ENTRY_NUMBERS + k];
        if (!it->text[k] || it->text[k] > t->setup.inputs) return false;
        it->n_in += it->text[k];
    }
    if (entry_size(t, it) > n) return false;
    if (!t->row) return true;
    const int32_t front = x[entry_size(t, it) - 1];
    if (front < 0 || (uint32_t)front > t->setup.targets - it->n_out) return false;
    it->n_front = (uint32_t)front;
    return entry_size(t, it) <= n;
}

/* Does each place in front of a lesson stand for an id or for a vector of one of its texts? */
static bool entry_front(const omn_trainer *t, const item *it)
{
    const bool begins = t->row && t->outputs[it->output].start < 0;   /* the last of them */
    if (begins && (!it->n_front || it->front[it->n_front - 1] < 0)) return false;
    for (uint32_t i = 0; i < it->n_front; i++) {
        const int32_t id = it->front[i];
        const uint32_t k = row_mark_input(id);
        if (id < 0 && it->front_weights && it->front_weights[i] > 0) return false;
        if (id >= 0 ? id >= t->outputs[it->output].rows
                    : k >= t->n_roles || !t->roles[k].is_text ||
                          t->roles[k].number >= it->n_texts ||
                          row_mark_vector(id) >= it->text[t->roles[k].number])
            return false;
    }
    return true;
}

/* Which of this training's outputs is number k of those that the checkpoint has. */
static omn_status find_output(const omn_trainer *t, const omn_weights *w, int32_t k, uint32_t *out,
                              omn_error *err)
{
    const char *all = omn_weights_meta(w, OUTPUTS), *name = all ? all : USUAL;
    *out = 0;
    if (!all && t->n_outputs == 1) return OMN_OK; /* of a time when none were written down */
    for (int32_t i = 0; i < k && name; i++) name = (name = strchr(name, ',')) ? name + 1 : NULL;
    const int n = name && k >= 0 ? (int)strcspn(name, ",") : 0;
    for (; n && *out < t->n_outputs; ++*out) {
        const char *is = t->outputs[*out].name;
        if (strlen(is) == (size_t)n && !strncmp(is, name, (size_t)n)) return OMN_OK;
    }
    if (!n)
        return omn_fail(err, OMN_ERR_DATA, "%s: train.pool.outputs is broken: an output %d",
                        omn_weights_path(w), (int)k);
    return omn_fail(err, OMN_ERR_CONFIG,
                    "%s: lessons wait there that want \"%.*s\", which this training does not ask",
                    omn_weights_path(w), n, name);
}

/* Which of `of` is number k of those that the checkpoint names under `key`; none of them when
 * this training knows it no more. Checkpoints of a time when names were not written: k. */
static uint32_t find_name(const omn_weights *w, const char *key, const char *const *of, uint32_t n,
                          uint32_t k)
{
    const char *name = omn_weights_meta(w, key);
    if (!name || k >= NO_TASK - 1) return k;
    for (uint32_t i = 0; i < k && name; i++) name = (name = strchr(name, '\n')) ? name + 1 : NULL;
    const size_t length = name ? strcspn(name, "\n") : 0;
    for (uint32_t i = 0; name && i < n; i++)
        if (strlen(of[i]) == length && !strncmp(of[i], name, length)) return i;
    return NO_TASK - 1;
}

/* Does it fit into a row of its output, and are all ids that are wanted some of its words? */
static bool entry_known(const omn_trainer *t, const item *it)
{
    if (it->n_front + it->n_out > t->outputs[it->output].targets) return false;
    for (uint32_t i = 0; i < it->n_out; i++)
        if (it->out[i] < 0 || it->out[i] >= t->outputs[it->output].rows) return false;
    return true;
}

/* The outputs of the pool's lessons, so many as there are; NULL: all have the first one. */
static omn_status pool_outputs(const omn_weights *w, int32_t **out, size_t *n, omn_error *err)
{
    const omn_tensor *x = omn_weights_get(w, "train.pool.outputs");
    *n = x ? x->bytes / sizeof(int32_t) : 0;
    *out = NULL;
    if (!x) return OMN_OK;
    if (x->type != OMN_I32)
        return omn_fail(err, OMN_ERR_DATA, "%s: train.pool.outputs is broken", omn_weights_path(w));
    int32_t *own = malloc(x->bytes + 1);                 /* what is mapped may lie anywhere */
    if (!own) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for the pool of lessons");
    memcpy(own, x->data, x->bytes);
    *out = own;
    return OMN_OK;
}

/* What is learnt in front of the pool's lessons; nothing where the checkpoint does not say. */
static omn_status pool_fronts(const omn_weights *w, float **out, size_t *n, omn_error *err)
{
    const omn_tensor *x = omn_weights_get(w, "train.pool.front");
    *n = x ? x->bytes / sizeof(float) : 0;
    if (!x) return OMN_OK;
    float *own = *out = malloc(x->bytes + 1);
    if (!own) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for the pool of lessons");
    memcpy(own, x->data, x->bytes);
    bool good = x->type == OMN_F32;
    for (size_t i = 0; good && i < *n; i++) good = own[i] >= 0 && isfinite(own[i]);
    if (good) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "%s: train.pool.front is broken", omn_weights_path(w));
}

static omn_status read_pool(omn_trainer *t, const omn_weights *w, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *x = omn_weights_get(w, "train.pool");
    int32_t *outputs = NULL;
    float *fronts = NULL;
    size_t n_outputs = 0, n_fronts = 0, front = 0, at = 0;
    for (size_t i = 0; i < t->n_pool; i++) free(t->pool[i].item.in);
    t->n_pool = 0;
    const size_t n = x && x->type == OMN_I32 ? x->bytes / sizeof(int32_t) : 0;
    int32_t *all = malloc(n * sizeof(int32_t) + 1);      /* what is mapped may lie at any address */
    if (!all) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for the pool of lessons");
    if (n) memcpy(all, x->data, n * sizeof(int32_t));
    OMN_TRY(pool_outputs(w, &outputs, &n_outputs, err));
    OMN_TRY(pool_fronts(w, &fronts, &n_fronts, err));
    while (at < n) {
        item it;
        bool good = entry_head(t, all + at, n - at, &it) && (!outputs || t->n_pool < n_outputs);
        if (good) {
            it.in = all + at + ENTRY_NUMBERS + it.n_texts;
            it.out = it.in + it.n_in;
            it.weights = (float *)(it.out + it.n_out);
            OMN_TRY(find_output(t, w, outputs ? outputs[t->n_pool] : 0, &it.output, err));
            it.task = find_name(w, TASKS, t->setup.tasks, t->setup.n_tasks, it.task);
            it.modality = find_name(w, MODALITIES, t->setup.modalities, t->setup.n_modalities,
                                    it.modality);
            if (t->row) it.front = it.out + 2 * (size_t)it.n_out + 1;
            if (fronts) it.front_weights = fronts + front;
            good = entry_known(t, &it) && (!fronts || it.n_front <= n_fronts - front) &&
                   entry_front(t, &it);
            front += it.n_front;
        }
        if (!good) {
            st = omn_fail(err, OMN_ERR_DATA, "%s: train.pool is broken at number %zu",
                          omn_weights_path(w), at);
            break;
        }
        OMN_TRY(pool_put(t, &it, err));
        at += entry_size(t, &it);
    }
done:
    free(fronts);
    free(outputs);
    free(all);
    return st;
}

static omn_status compare(const omn_trainer *t, const omn_weights *w, omn_error *err)
{
    omn_status st = OMN_OK;
    facts f;
    omn_arena *a = omn_arena_new(0);
    if (!a || !find_facts(t, a, &f))
        st = omn_fail(err, OMN_ERR_MEMORY, "not enough memory to read a checkpoint");
    for (size_t i = 0; st == OMN_OK && i < f.n; i += 2) {
        const char *has = omn_weights_meta(w, f.pair[i]);
        if (has && !strcmp(has, f.pair[i + 1])) continue;
        if (!i)
            st = omn_fail(err, OMN_ERR_DATA, "%s is no checkpoint of a training",
                          omn_weights_path(w));
        else
            st = omn_fail(err, OMN_ERR_CONFIG, "%s was made with %s %s, this training has %s",
                          omn_weights_path(w), f.pair[i] + strlen(TRAIN_PREFIX),
                          has ? has : "unknown", f.pair[i + 1]);
    }
    omn_arena_free(a);
    return st;
}

omn_status omn_trainer_load(omn_trainer *t, const char *path, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_weights *w = NULL;
    int64_t k[N_COUNTERS];
    const omn_shape shape = omn_dim1(N_COUNTERS);
    OMN_TRY(omn_weights_open(path, &w, err));
    OMN_TRY(compare(t, w, err));
    OMN_TRY(omn_weights_check(w, NULL, err));
    const omn_tensor *x = get(w, "train.", "counters", OMN_I64, &shape, &st, err);
    if (!x) goto done;
    memcpy(k, x->data, sizeof(k));
    for (size_t i = 0; i < N_COUNTERS; i++)
        if (k[i] < 0) {
            st = omn_fail(err, OMN_ERR_DATA, "%s: counter %zu is %lld", path, i, (long long)k[i]);
            goto done;
        }
    for (size_t i = 0; i < t->opt->n_slots; i++) OMN_TRY(read_slot(t, w, i, (uint64_t)k[0], err));
    OMN_TRY(read_pool(t, w, err));
    t->n_kept = t->n_pool;
    t->step = t->opt->done = (uint64_t)k[0];
    t->next_page = (uint64_t)k[1];
    t->pages = (uint64_t)k[2];
    t->lessons = (uint64_t)k[3];
    t->tokens = (uint64_t)k[4];
    t->dropped = (uint64_t)k[5];
    t->skipped = (uint64_t)k[6];
    t->skipped_in_row = (uint32_t)k[7];
    t->bad = 0;
    const omn_tensor *bad = omn_weights_get(w, "train.bad"); /* only when there were any */
    if (bad && bad->type == OMN_I64 && bad->bytes == sizeof(t->bad))
        memcpy(&t->bad, bad->data, sizeof(t->bad));
done:
    omn_weights_close(w);
    return st;
}

/* ---- weights for use ------------------------------------------------------------------------ */
