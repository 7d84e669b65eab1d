/* SPDX-License-Identifier: Apache-2.0 */
/* Training by several processes: each runs its rows of the batch, and the gradients are added up.
 * All of them fill the whole batch, which depends on the step alone, so that pages, packing, pool
 * and counters are those of one process, whatever their number: a checkpoint of two goes on with
 * one. Weights of places are divided by those of the whole batch before the rows are shared out;
 * losses and gradients of the parts then simply add up, where a place's loss depends on its row
 * alone.
 *
 * Gradients come in the backward pass from the last layer to the first. They are copied into
 * buckets as they are made, and a bucket that is full is on its way to the other ranks while the
 * rest is computed (Li et al. 2020, "PyTorch Distributed", section 3.2). */
#include "numbers.h"
#include "trainer.h"

#include "../graph/watch.h"

#include <omnio/learn.h>

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

enum { BUCKET = 1 << 19 };                /* numbers: 2 MiB */

typedef struct piece {
    uint32_t weight;                      /* by number in the store */
    long step;                            /* of the graph, that makes its gradient; -1: none */
    size_t at;                            /* in `all` */
} piece;

typedef struct bucket {
    uint32_t first, end;                  /* pieces */
    void *pending;
} bucket;

/* Of one output's graph. */
typedef struct reducer {
    omn_trainer *t;
    const output *o;
    piece *pieces;
    bucket *buckets;
    uint32_t *cuts;
    uint32_t n_pieces, n_buckets;
    exec_watch watch;
} reducer;

struct ranks {
    reducer of[MOST_OUTPUTS];
    float *all;                           /* gradients of the graph with the most of them */
    omn_feed *share;                      /* this process's rows of the trainer's feed */
    uint32_t fed;                         /* places of its rows; 0: it has to be made */
    double *sums;                         /* what reports need of all ranks */
};

static omn_status no_memory(omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "not enough memory to train together");
}

uint32_t ranks_first(const omn_trainer *t)
{
    return omn_company_rank(t->setup.company) * t->own;
}

/* ---- may it be done? ------------------------------------------------------------------------ */

omn_status ranks_allowed(omn_trainer *t, omn_error *err)
{
    const omn_train_setup *u = &t->setup;
    const uint32_t size = omn_company_size(u->company);
    t->own = u->batch / size;
    if (size == 1) return OMN_OK;
    if (u->batch % size)
        return omn_fail(err, OMN_ERR_ARGUMENT,
                        "a batch of %u pages cannot be shared evenly among %u processes: a "
                        "multiple of %u is wanted (batch)", u->batch, size, size);
    const omn_part *p = u->objective;
    const omn_objective_impl *impl = p ? p->impl : NULL;
    const omn_additive_impl *ability =
        impl && impl->extension ? impl->extension("omnio.additive/1") : NULL;
    if (t->unasked || (p && (!ability || !ability->additive(p->self))))
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "the loss %s looks at the whole batch at once; %u processes see a part "
                        "each: train it with one", p ? p->object : "", size);
    return OMN_OK;
}

/* ---- buckets -------------------------------------------------------------------------------- */

static int by_step(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    if (x->step != y->step) return x->step < y->step ? -1 : 1;
    return x->weight < y->weight ? -1 : x->weight > y->weight;
}

/* What is full, or the last, goes; gradients that no step makes stand in the last. */
static omn_status passed(void *user, uint32_t i, omn_error *err)
{
    omn_status st = OMN_OK;
    reducer *r = user;
    const omn_trainer *t = r->t;
    bucket *b = &r->buckets[i];
    const size_t from = r->pieces[b->first].at;
    size_t end = from;
    for (uint32_t k = b->first; k < b->end; k++) {
        const piece *p = &r->pieces[k];
        const size_t n = t->opt->slots[p->weight].count;
        OMN_TRY(exec_copy(t->exec, r->o->graph, r->o->gradient_names[p->weight],
                          t->ranks->all + p->at, n * sizeof(float), err));
        end = p->at + n;
    }
    OMN_TRY(omn_company_sum_begin(t->setup.company, t->ranks->all + from, end - from, &b->pending,
                                  err));
    OMN_TRY(omn_company_sum_poll(t->setup.company, err));
done:
    return st;
}

static omn_status make_reducer(omn_trainer *t, uint32_t k, size_t *most, omn_error *err)
{
    reducer *r = &t->ranks->of[k];
    const output *o = &t->outputs[k];
    size_t at = 0, from = 0;
    r->t = t;
    r->o = o;
    r->pieces = omn_arena_alloc(t->arena, t->n_weights + 1, sizeof *r->pieces);
    r->buckets = omn_arena_alloc(t->arena, t->n_weights + 1, sizeof *r->buckets);
    r->cuts = omn_arena_alloc(t->arena, t->n_weights + 1, sizeof *r->cuts);
    if (!r->pieces || !r->buckets || !r->cuts) return no_memory(err);
    for (uint32_t i = 0; i < t->n_weights; i++) {
        if (o->after_names[i])
            return omn_fail(err, OMN_ERR_UNSUPPORTED,
                            "%s is measured over the whole batch, of which each process sees a "
                            "part: train it with one, or freeze it", omn_store_name(t->store, i));
        if (!o->gradient_names[i]) continue;
        const long step = graph_made_at(o->graph, o->gradient_names[i]);
        if (step < 0)
            return omn_fail(err, OMN_ERR_UNSUPPORTED,
                            "%s moves by the same in every step, whatever is learnt: train it "
                            "with one process", omn_store_name(t->store, i));
        r->pieces[r->n_pieces++] = (piece){ i, step, 0 };
    }
    qsort(r->pieces, r->n_pieces, sizeof *r->pieces, by_step);
    for (uint32_t i = 0; i < r->n_pieces; i++) {
        piece *p = &r->pieces[i];
        p->at = at;
        at += t->opt->slots[p->weight].count;
        const bool last = i + 1 == r->n_pieces;
        /* one step may make several */
        if (!last && (at - from < BUCKET || r->pieces[i + 1].step == p->step)) continue;
        const uint32_t b = r->n_buckets++;
        r->buckets[b] = (bucket){ b ? r->buckets[b - 1].end : 0, i + 1, NULL };
        r->cuts[b] = (uint32_t)p->step;
        from = at;
    }
    if (at > *most) *most = at;
    r->watch = (exec_watch){ o->graph, r->cuts, r->n_buckets, passed, r,
                             k ? &t->ranks->of[k - 1].watch : NULL };
    return OMN_OK;
}

omn_status ranks_open(omn_trainer *t, omn_error *err)
{
    omn_status st = OMN_OK;
    size_t most = 0;
    if (omn_company_size(t->setup.company) == 1) return OMN_OK;
    struct ranks *r = t->ranks = calloc(1, sizeof *r);
    if (!r) return no_memory(err);
    for (uint32_t k = 0; k < t->n_outputs; k++) OMN_TRY(make_reducer(t, k, &most, err));
    r->all = malloc((most + 1) * sizeof *r->all);
    r->sums = calloc(4 + 2 * ((size_t)t->setup.n_tasks + t->setup.n_modalities), sizeof *r->sums);
    if (!r->all || !r->sums) OMN_TRY(no_memory(err));
    OMN_TRY(omn_feed_make(&r->share, err));
    exec_watched(t->exec, &r->of[t->n_outputs - 1].watch);
done:
    return st;
}

void ranks_close(omn_trainer *t)
{
    struct ranks *r = t->ranks;
    if (!r) return;
    omn_feed_free(r->share);
    free(r->all);
    free(r->sums);
    free(r);
    t->ranks = NULL;
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* Divides weights by their sum, or by 1 if that is more, as the loss of all would. */
static void divide(float *w, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)w[i];
    for (size_t i = 0; i < n && sum > 1; i++) w[i] = (float)((double)w[i] / sum);
}

/* One for each row of the batch; else it is the same for all of them. */
static bool has_rows(const omn_trainer *t, const char *name, const omn_tensor *x)
{
    return x->data != t->aux_scale && !number_is(name);
}

static omn_status make_share(omn_trainer *t, omn_error *err)
{
    struct ranks *r = t->ranks;
    omn_feed_clear(r->share);
    r->fed = 0;
    for (size_t i = 0; i < omn_feed_count(t->feed); i++) {
        const char *name = omn_feed_name(t->feed, i);
        const omn_tensor *x = omn_feed_get(t->feed, name);
        omn_shape shape = x->shape;
        void *data = NULL;
        if (has_rows(t, name, x)) shape.dim[0] = t->own;
        const omn_status st = omn_feed_new(r->share, name, x->type, shape, &data, err);
        if (st != OMN_OK) return st;
    }
    r->fed = t->fed;
    return OMN_OK;
}

omn_status ranks_share(omn_trainer *t, const omn_feed **feed, omn_error *err)
{
    struct ranks *r = t->ranks;
    const size_t first = ranks_first(t), places = (size_t)t->setup.batch * t->fed;
    *feed = t->feed;
    if (!r) return OMN_OK;
    if (r->fed != t->fed) {
        const omn_status st = make_share(t, err);
        if (st != OMN_OK) return st;
    }
    divide(t->t_weight, places);
    for (uint32_t g = 0; t->cells && g < t->setup.aux_groups; g++)
        divide(t->aux_weights[g], (size_t)t->setup.batch * t->cells);
    for (size_t i = 0; i < omn_feed_count(t->feed); i++) {
        const char *name = omn_feed_name(t->feed, i);
        const omn_tensor *x = omn_feed_get(t->feed, name), *own = omn_feed_get(r->share, name);
        const size_t from = has_rows(t, name, x) ? first * (x->bytes / t->setup.batch) : 0;
        memcpy(omn_feed_data(r->share, name), (const char *)x->data + from, own->bytes);
    }
    if (t->t_from) { /* places of inputs are counted from the first row */
        int32_t *at = omn_feed_data(r->share, "target.from");
        for (size_t i = 0; i < (size_t)t->own * t->fed; i++)
            if (at[i] >= 0) at[i] -= (int32_t)((int64_t)first * t->length);
    }
    *feed = r->share;
    return OMN_OK;
}

/* ---- sums ----------------------------------------------------------------------------------- */

omn_status ranks_gradients(omn_trainer *t, omn_error *err)
{
    omn_status st = OMN_OK;
    reducer *r = &t->ranks->of[t->now];
    for (uint32_t i = 0; i < r->n_buckets; i++) {
        const omn_status s = omn_company_sum_end(t->setup.company, r->buckets[i].pending, err);
        r->buckets[i].pending = NULL;
        if (st == OMN_OK) st = s;
    }
    for (size_t i = 0; i < t->n_weights; i++) t->gradients[i] = NULL;
    for (uint32_t i = 0; i < r->n_pieces; i++)
        t->gradients[r->pieces[i].weight] = t->ranks->all + r->pieces[i].at;
    return st;
}

omn_status ranks_report(omn_trainer *t, double *loss, double *text, double *aux, double *sums,
                        size_t n, omn_error *err)
{
    double *x = t->ranks ? t->ranks->sums : NULL;
    if (!x) return OMN_OK;
    x[0] = *loss;
    x[1] = *text;
    x[2] = *aux;
    memcpy(x + 3, sums, n * sizeof *x);
    const omn_status st = omn_company_sum(t->setup.company, OMN_F64, x, n + 3, err);
    *loss = x[0];
    *text = x[1];
    *aux = x[2];
    memcpy(sums, x + 3, n * sizeof *x);
    return st;
}

omn_status trainer_same(omn_trainer *t, omn_error *err)
{
    uint64_t mine = 0;
    const uint32_t size = omn_company_size(t->setup.company);
    if (size == 1) return OMN_OK;
    for (size_t i = 0; i < t->opt->n_slots; i++)
        mine = XXH3_64bits_withSeed(t->opt->slots[i].w, t->opt->slots[i].count * sizeof(float),
                                    mine);
    uint64_t all = mine;
    const omn_status st = omn_company_sum(t->setup.company, OMN_I64, &all, 1, err);
    if (st != OMN_OK || all == mine * size) return st;
    return omn_fail(err, OMN_ERR_FAILED,
                    "step %llu: rank %u has other weights than the others, which must not be: do "
                    "all machines run the same build on the same kind of processor?",
                    (unsigned long long)t->step, omn_company_rank(t->setup.company));
}
