/* SPDX-License-Identifier: Apache-2.0 */
/* Optimisers over the weights of a store. A step is a few passes over chunks of about sixteen
 * thousand numbers, cut the same way for every number of threads; what a pass sums is kept for each
 * chunk and added up in order, so a step gives the same bits on one thread and on many. AdamW is
 * here (Loshchilov and Hutter, 2019); Adafactor and Muon have files of their own. */
#include "stages.h"

#include "../graph/adapt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)16384)
#define TINY  1e-6 /* beside the norm that AdamW's clipping divides by */

/* The last two parts of a name, "text_token_embedder.weight", tell what a matrix is. */
bool opt_is_muon(const char *name, const omn_shape *shape)
{
    static const char *const not_here[] = { "embedding", "embedder", "positional", "latents",
                                            "position", "modality" };
    if (shape->rank != 2 || shape->dim[0] < 2 || shape->dim[1] < 2) return false;
    if (!strncmp(name, AUX_PREFIX, strlen(AUX_PREFIX))) return false;
    const char *last = strrchr(name, '.'), *from = name;
    if (last)
        for (const char *p = name; p < last; p++)
            if (*p == '.') from = p + 1;
    for (size_t i = 0; i < sizeof(not_here) / sizeof(*not_here); i++) {
        const char *hit = strstr(from, not_here[i]);
        /* "input_embedders.x" is a folder of weights, not a table */
        if (hit && strncmp(hit, "embedders", 9)) return false;
    }
    return true;
}

static double or_else(double x, double usual) { return x > 0 ? x : usual; }

static omn_status check(const omn_train_setup *s, omn_error *err)
{
    if (s->optimizer > OMN_MUON)
        return omn_fail(err, OMN_ERR_ARGUMENT, "optimiser %d is none of AdamW, Adafactor, Muon",
                        (int)s->optimizer);
    if (!(s->rate > 0) || !isfinite(s->rate))
        return omn_fail(err, OMN_ERR_ARGUMENT, "learning rate %g: above 0 is wanted", s->rate);
    const struct { const char *name; double x, below; } list[] = {
        { "rate_muon", s->rate_muon, HUGE_VAL }, { "beta1", s->beta1, 1 },
        { "beta2", s->beta2, 1 }, { "eps", s->eps, HUGE_VAL }, { "decay", s->decay, HUGE_VAL },
        { "momentum", s->momentum, 1 }, { "clip", s->clip, HUGE_VAL },
        { "average", s->average, 1 },
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
        if (!(list[i].x >= 0 && list[i].x < list[i].below))
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s %g: 0 or more, below %g, is wanted",
                            list[i].name, list[i].x, list[i].below);
    return OMN_OK;
}

static void slot_open(omn_opt *o, size_t i)
{
    slot *s = &o->slots[i];
    const omn_tensor t = omn_store_tensor(o->store, i);
    s->name = omn_store_name(o->store, i);
    s->w = omn_store_data(o->store, i);
    if (!omn_shape_count(&t.shape, &s->count)) s->count = 0;
    s->cols = t.shape.rank ? (size_t)t.shape.dim[t.shape.rank - 1] : 1;
    s->rows = s->cols ? s->count / s->cols : 0;
    s->muon = o->kind == OMN_MUON && opt_is_muon(s->name, &t.shape);
    s->factored = o->kind == OMN_ADAFACTOR && t.shape.rank == 2 && s->rows >= o->factor_from &&
                  s->cols >= o->factor_from;
}

omn_status omn_opt_new(omn_store *store, const omn_train_setup *setup, omn_opt **out,
                       omn_error *err)
{
    omn_status st = OMN_OK;
    omn_opt *o = NULL;
    omn_train_setup own = { 0 }; /* what an older caller's does not have is not there */
    memcpy(&own, setup, setup->size < sizeof own ? setup->size : sizeof own);
    setup = &own;
    OMN_TRY(check(setup, err));
    OMN_TRY(groups_check(setup, err));
    o = calloc(1, sizeof(*o));
    if (!o) return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for an optimiser");
    o->store = store;
    o->kind = setup->optimizer;
    o->rate = setup->rate;
    o->rate_muon = or_else(setup->rate_muon, 0.02);
    o->beta1 = or_else(setup->beta1, 0.9);
    o->beta2 = or_else(setup->beta2, 0.999);
    o->eps = or_else(setup->eps, 1e-8);
    o->decay = setup->decay;
    o->momentum = or_else(setup->momentum, 0.95);
    o->clip = setup->clip;
    o->average = setup->average;
    o->bf16 = setup->precision == OMN_PRECISION_BF16;
    o->factor_from = setup->factor_from ? setup->factor_from : 128;
    o->n_slots = omn_store_count(store);
    o->slots = calloc(o->n_slots ? o->n_slots : 1, sizeof(slot));
    o->matrices = calloc(o->n_slots ? o->n_slots : 1, sizeof(uint32_t));
    if (o->slots && o->matrices && o->n_slots <= UINT32_MAX)
        st = stages_open(&o->stages, setup, store, err);
    if (st != OMN_OK) goto done;
    if (!o->slots || !o->matrices || o->n_slots > UINT32_MAX) {
        st = omn_fail(err, OMN_ERR_MEMORY, "not enough memory for an optimiser");
        goto done;
    }
    for (size_t i = 0; i < o->n_slots; i++) {
        slot_open(o, i);
        if (!o->slots[i].w) {
            st = omn_fail(err, OMN_ERR_ARGUMENT,
                          "%s: the store is not writable, so it cannot be trained",
                          o->slots[i].name);
            goto done;
        }
    }
    *out = o;
    return OMN_OK;
done:
    omn_opt_free(o);
    return st;
}

void opt_leave_tables(omn_opt *o, omn_program *p)
{
    for (size_t i = 0; i < o->n_slots; i++)
        if (o->slots[i].muon && program_looks_up(p, o->slots[i].name)) o->slots[i].muon = false;
}

void omn_opt_free(omn_opt *o)
{
    if (!o) return;
    for (uint32_t i = 0; i < o->n_desks; i++) free(o->desks[i]);
    free(o->desks);
    free(o->desk_taken);
    stages_close(&o->stages);
    slabs_free(&o->slabs);
    free(o->matrices);
    free(o->slots);
    free(o->chunks);
    free(o->partial);
    free(o->columns);
    free(o);
}

static bool zeros(omn_opt *o, float **out, size_t n)
{
    /* a first try may have come so far */
    if (!*out) *out = slabs_take(&o->slabs, n * sizeof(float));
    if (*out) memset(*out, 0, n * sizeof(float));
    return *out != NULL;
}

uint64_t opt_moments(const slot *s)
{
    uint64_t n = s->count;
    if (s->factored) n += 2 * ((uint64_t)s->rows + s->cols);
    else if (!s->muon) n += s->count;
    return n * sizeof(float);
}

omn_status opt_ready(omn_opt *o, slot *s, omn_error *err)
{
    if (s->ready) return OMN_OK;
    bool ok = zeros(o, &s->m, s->count);
    if (ok && s->factored)
        ok = zeros(o, &s->r, s->rows) && zeros(o, &s->c, s->cols) && zeros(o, &s->fr, s->rows) &&
             zeros(o, &s->fc, s->cols);
    else if (ok && !s->muon)
        ok = zeros(o, &s->v, s->count);
    if (ok && o->average > 0) {
        ok = zeros(o, &s->average, s->count);
        if (ok) memcpy(s->average, s->w, s->count * sizeof(float));
    }
    if (!ok) return omn_fail(err, OMN_ERR_MEMORY, "%s: not enough memory for its moments", s->name);
    s->ready = true;
    return OMN_OK;
}

/* Cuts every weight that has a gradient; factored ones and matrices between rows. */
static omn_status cut(omn_opt *o, omn_error *err)
{
    o->n_chunks = 0;
    for (size_t i = 0; i < o->n_slots; i++) {
        const slot *s = &o->slots[i];
        if (!s->g || !s->count) continue;
        size_t each = CHUNK;
        if (s->factored) each = (CHUNK / s->cols ? CHUNK / s->cols : 1) * s->cols;
        for (size_t from = 0; from < s->count; from += each) {
            if (o->n_chunks == o->room_chunks) {
                const size_t room = o->room_chunks ? 2 * o->room_chunks : 512;
                chunk *more = realloc(o->chunks, room * sizeof(chunk));
                if (more) o->chunks = more;
                double *sums = realloc(o->partial, room * sizeof(double));
                if (sums) o->partial = sums;
                if (!more || !sums)
                    return omn_fail(err, OMN_ERR_MEMORY,
                                    "not enough memory for an optimiser's step");
                o->room_chunks = room;
            }
            const size_t left = s->count - from;
            o->chunks[o->n_chunks++] = (chunk){ (uint32_t)i, from, left < each ? left : each };
        }
    }
    return OMN_OK;
}

static void sum_chunks(void *user, size_t from, size_t to)
{
    omn_opt *o = user;
    for (size_t i = from; i < to; i++) {
        const chunk *c = &o->chunks[i];
        o->partial[i] = steps_sum_squares(o->slots[c->slot].g + c->from, c->count);
    }
}

void opt_average(const omn_opt *o, const slot *s, size_t from, size_t n)
{
    /* Early on a long average would remember the first weights: it starts short. */
    const double k = (double)s->done;
    if (s->average)
        steps_average(s->average + from, s->w + from, n,
                      (float)(1 - fmin(o->average, (1 + k) / (10 + k))));
}

/* A slot's corrections are those of its own steps: one that is asked now and then would start with
 * far too large ones otherwise. */
static void correct(const omn_opt *o, const slot *s, double rate, adamw_now *p)
{
    const double k = (double)(s->done + 1);
    p->rate = (float)(rate / (1 - pow(o->beta1, k)));
    p->root_correction = (float)(1 / sqrt(1 - pow(o->beta2, k)));
}

static void adamw_chunks(void *user, size_t from, size_t to)
{
    omn_opt *o = user;
    const double rate = o->rate * o->factor_now;
    adamw_now p = {
        .scale = (float)o->scale_now, .beta1 = (float)o->beta1, .beta2 = (float)o->beta2,
        .rest1 = (float)(1 - o->beta1), .rest2 = (float)(1 - o->beta2),
        .eps = (float)o->eps,
    };
    for (size_t i = from; i < to; i++) {
        const chunk *c = &o->chunks[i];
        const slot *s = &o->slots[c->slot];
        if (s->muon) continue;
        const size_t at = c->from;
        p.keep = (float)(1 - rate * s->rate * o->decay * s->decay);
        correct(o, s, rate * s->rate, &p);
        steps_adamw(s->w + at, s->m + at, s->v + at, s->g + at, c->count, &p);
        opt_average(o, s, at, c->count);
    }
}

omn_status omn_opt_step(omn_opt *o, const float *const *gradients, double rate_factor,
                        omn_pool *pool, double *norm, bool *finite, omn_error *err)
{
    omn_status st = OMN_OK;
    double sum = 0;
    const pace *paces = stages_paces(&o->stages, o->done);
    for (size_t i = 0; i < o->n_slots; i++) {
        slot *s = &o->slots[i];
        s->rate = paces[i].rate;
        s->decay = paces[i].decay;
        s->g = s->rate > 0 ? gradients[i] : NULL;
        if (s->g) OMN_TRY(opt_ready(o, s, err));
    }
    OMN_TRY(cut(o, err));
    if (o->kind == OMN_ADAFACTOR) OMN_TRY(opt_adafactor_ready(o, err));
    if (o->kind == OMN_MUON)
        OMN_TRY(opt_muon_ready(o, pool ? omn_pool_threads(pool) : 1, err));
    omn_pool_split(pool, o->n_chunks, 4, sum_chunks, o);
    for (size_t i = 0; i < o->n_chunks; i++) sum += o->partial[i];
    const double size = sqrt(sum);
    if (norm) *norm = size;
    if (finite) *finite = isfinite(size);
    if (!isfinite(size)) goto done;
    /* AdamW clips as clip_grad_norm_ does, which the original program calls; the published recipe
     * of Adafactor divides by the norm alone (spec uio2-model, section 13). */
    const double by = size + (o->kind == OMN_ADAMW ? TINY : 0);
    o->scale_now = o->clip > 0 && by > o->clip ? o->clip / by : 1;
    o->factor_now = rate_factor;
    if (o->kind == OMN_MUON) opt_muon(o, pool);
    if (o->kind == OMN_ADAFACTOR) opt_adafactor(o, pool);
    else omn_pool_split(pool, o->n_chunks, 4, adamw_chunks, o);
    o->done++;
    for (size_t i = 0; i < o->n_slots; i++) o->slots[i].done += o->slots[i].g != NULL;
done:
    return st;
}
