/* SPDX-License-Identifier: Apache-2.0 */
/* Muon (Jordan and others, 2024): the momentum of a matrix is replaced by the orthogonal matrix
 * nearest to it before it moves the weight, so that every direction learns at one speed. One thread
 * does one matrix from gradient to weight while it lies in its cache; the costly ones are handed
 * out first. */
#include "inside.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static size_t update_bytes(const slot *s) { return (s->count * sizeof(float) + 63) / 64 * 64; }

static double costs(const slot *s)
{
    const double a = (double)s->rows, b = (double)s->cols;
    return a * b * fmin(a, b);
}

size_t opt_desk(const omn_opt *o, const slot *s)
{
    const newton *n = o->newton ? o->newton : newton_choose(o->bf16);
    return update_bytes(s) + n->room(s->rows, s->cols);
}

omn_status opt_muon_ready(omn_opt *o, uint32_t threads, omn_error *err)
{
    size_t need = 0, n = 0;
    if (!o->newton) o->newton = newton_choose(o->bf16);
    for (size_t i = 0; i < o->n_slots; i++) {
        const slot *s = &o->slots[i];
        if (!s->muon || !s->g) continue;
        const size_t bytes = opt_desk(o, s);
        if (bytes > need) need = bytes;
        size_t at = n++;
        while (at && costs(&o->slots[o->matrices[at - 1]]) < costs(s)) {
            o->matrices[at] = o->matrices[at - 1];
            at--;
        }
        o->matrices[at] = (uint32_t)i;
    }
    o->n_matrices = n;
    if (o->n_desks >= threads && o->desk_bytes >= need) return OMN_OK;
    for (uint32_t i = 0; i < o->n_desks; i++) free(o->desks[i]);
    free(o->desks);
    free(o->desk_taken);
    o->n_desks = 0;
    o->desks = calloc(threads, sizeof(void *));
    o->desk_taken = calloc(threads, sizeof(*o->desk_taken));
    if (!o->desks || !o->desk_taken) goto no_memory;
    for (; o->n_desks < threads; o->n_desks++) {
        o->desks[o->n_desks] = aligned_alloc(64, (need + 4095) / 64 * 64);
        if (!o->desks[o->n_desks]) goto no_memory;
    }
    o->desk_bytes = need;
    return OMN_OK;
no_memory:
    return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for Muon: %zu bytes a thread", need);
}

static void move(omn_opt *o, slot *s, char *desk)
{
    float *u = (float *)(void *)desk;
    const double a = (double)s->rows, b = (double)s->cols,
                 rate = o->rate_muon * o->factor_now * s->rate;
    steps_nesterov(s->m, u, s->g, s->count, (float)o->scale_now, (float)o->momentum);
    o->newton->run(u, s->rows, s->cols, desk + update_bytes(s));
    steps_move(s->w, u, s->count, (float)(1 - rate * o->decay * s->decay),
               (float)(rate * sqrt(fmax(1, a / b))));
    opt_average(o, s, 0, s->count);
}

static void matrices(void *user, size_t from, size_t to)
{
    omn_opt *o = user;
    uint32_t d = 0;
    for (int zero = 0; !atomic_compare_exchange_strong(&o->desk_taken[d], &zero, 1); zero = 0)
        d = (d + 1) % o->n_desks;
    for (size_t i = from; i < to; i++) move(o, &o->slots[o->matrices[i]], o->desks[d]);
    atomic_store(&o->desk_taken[d], 0);
}

void opt_muon(omn_opt *o, omn_pool *pool)
{
    omn_pool_split(pool, o->n_matrices, 1, matrices, o);
}
