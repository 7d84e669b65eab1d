/* SPDX-License-Identifier: Apache-2.0 */
/* Codes that are drawn among the likeliest (of each draw the first stands for chance, so that every
 * step can be compared), and answers of a trie that are scored whole. */
#include "search.h"

#include <math.h>
#include <string.h>

#define MOST_TOP 64

/* The n likeliest, the best first. */
static void top_of(const double *lp, int64_t V, int64_t n, int32_t *ids, float *probs)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t best = -1;
        for (int64_t v = 0; v < V; v++) {
            bool taken = false;
            for (int64_t k = 0; k < i && !taken; k++) taken = ids[k] == v;
            if (!taken && (best < 0 || lp[v] > lp[best])) best = v;
        }
        ids[i] = (int32_t)best;
        probs[i] = (float)exp(lp[best]);
    }
}

typedef struct drawing {
    search_how h;
    int64_t n;                            /* of the likeliest */
    double *lp;
    int32_t *row, *fed;                   /* rows [S*K,most+1] of ids; the newest [S*K] */
    int32_t *first, *top;                 /* stages */
    float *first_p, *p;
} drawing;

static omn_status begin(verify *v, golden_run *r, drawing *d, omn_error *err)
{
    omn_status st = OMN_OK;
    void *to[4] = { NULL };
    OMN_TRY(search_begin(v, r, &d->h, err));
    const search_how *h = &d->h;
    d->n = (int64_t)json_integer_value(
        json_object_get(json_object_get(v->g.config, "generation"), "sampling_topk"));
    if (d->n < 1 || d->n > MOST_TOP || d->n > h->V || h->most < 2)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: sampling_topk of 1 to %d is wanted", v->g.name,
                         MOST_TOP));
    const size_t rows = (size_t)(h->S * h->K);
    d->lp = omn_call_scratch(r->g->call, (size_t)h->V, sizeof *d->lp);
    d->row = omn_call_scratch(r->g->call, rows * (size_t)(h->most + 2), sizeof *d->row);
    d->fed = omn_call_scratch(r->g->call, rows, sizeof *d->fed);
    if (!d->lp || !d->row || !d->fed)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name));
    const omn_shape one = omn_dim2(h->S, d->n), all = omn_dim4(h->most - 1, h->S, h->K, d->n);
    OMN_TRY(golden_put_new(r, "top_first", OMN_I32, one, &to[0], err));
    OMN_TRY(golden_put_new(r, "probs_first", OMN_F32, one, &to[1], err));
    OMN_TRY(golden_put_new(r, "top", OMN_I32, all, &to[2], err));
    OMN_TRY(golden_put_new(r, "probs", OMN_F32, all, &to[3], err));
    d->first = to[0];
    d->first_p = to[1];
    d->top = to[2];
    d->p = to[3];
done:
    return st;
}

/* Ids of a row behind the start token as stages, the end behind them. */
static omn_status put_drawn(const drawing *d, omn_error *err)
{
    omn_status st = OMN_OK;
    const search_how *h = &d->h;
    void *to[2] = { NULL };
    OMN_TRY(golden_put_new(h->r, "tokens", OMN_I32, omn_dim3(h->S, h->K, h->most + 1), &to[0],
                           err));
    OMN_TRY(golden_put_new(h->r, "codes", OMN_I32, omn_dim3(h->S, h->K, h->most), &to[1], err));
    for (int64_t i = 0; i < h->S * h->K; i++)
        for (int64_t t = 0; t <= h->most; t++) {
            const int32_t id = t < h->most ? d->row[i * (h->most + 2) + t + 1] : OFA_STOP;
            ((int32_t *)to[0])[i * (h->most + 1) + t] = id;
            if (t < h->most)
                ((int32_t *)to[1])[i * h->most + t] = id - (int32_t)h->v->code_first;
        }
done:
    return st;
}

omn_status verify_drawn(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    drawing d = { 0 };
    OMN_TRY(begin(v, &r, &d, err));
    const search_how *h = &d.h;
    for (int64_t t = 0; t < h->most; t++) {
        omn_tensor logits;
        OMN_TRY(search_step(h, t, d.fed, &logits, err));
        for (int64_t i = 0; i < h->S * h->K; i++) {
            int32_t ids[MOST_TOP];
            float p[MOST_TOP];
            int32_t *row = d.row + i * (h->most + 2);
            search_among(h, i / h->K, row, t, (const float *)logits.data + i * h->V, d.lp);
            for (int32_t k = 0; k < OFA_MARKS; k++) d.lp[k] = -INFINITY;
            top_of(d.lp, h->V, d.n, ids, p);
            const int64_t at = t ? ((t - 1) * h->S * h->K + i) * d.n : i / h->K * d.n;
            memcpy((t ? d.top : d.first) + at, ids, (size_t)d.n * sizeof *ids);
            memcpy((t ? d.p : d.first_p) + at, p, (size_t)d.n * sizeof *p);
            row[t + 1] = d.fed[i] = ids[0];
        }
    }
    OMN_TRY(put_drawn(&d, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- whole answers --------------------------------------------------------------------------- */

/* Scores [S,n] of all answers, behind what is given or alone: one step of all rows. */
static omn_status score(search_how *h, const char *stage, bool front, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *prefix = h->prefix;
    const int64_t n = h->trie->shape.dim[0], L = h->trie->shape.dim[1];
    const int64_t T = (front ? prefix->shape.dim[1] : 0) + L, rows = h->S * n;
    void *to = NULL;
    omn_tensor logits;
    int32_t *ids = omn_call_scratch(h->r->g->call, (size_t)(rows * (T + 1)), sizeof *ids);
    double *lp = omn_call_scratch(h->r->g->call, (size_t)h->V, sizeof *lp);
    if (!ids || !lp) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", h->r->g->name);
    h->prefix = front ? prefix : NULL;
    for (int64_t i = 0; i < rows; i++) {
        int32_t *row = ids + i * T;
        const int64_t before = search_front(h, i / n);
        for (int64_t t = 0; t < T; t++) {
            const int64_t at = t - before - 1;
            row[t] = !t              ? OFA_START
                     : at < 0        ? search_id(prefix, i / n, t - 1)
                     : at < L        ? search_id(h->trie, i % n, at)
                                     : OFA_PAD;
        }
    }
    const golden_step s = { .role = "text", .rows = rows, .length = T, .capacity = T,
                            .memory_rows = h->S, .memory_length = h->length, .ids = ids };
    OMN_TRY(golden_step_run(h->r, &s, &logits, err));
    OMN_TRY(golden_put_new(h->r, stage, OMN_F32, omn_dim2(h->S, n), &to, err));
    for (int64_t i = 0; i < rows; i++) {
        const int64_t before = search_front(h, i / n);
        double sum = 0;
        for (int64_t k = 0; k < L; k++) {
            const int32_t id = search_id(h->trie, i % n, k);
            if (id == OFA_PAD) break;
            search_among(h, i / n, ids + i * T, before + k,
                         (const float *)logits.data + (i * T + before + k) * h->V, lp);
            sum += lp[id];
        }
        ((float *)to)[i] = (float)sum;
    }
done:
    h->prefix = prefix;
    return st;
}

omn_status verify_candidates(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    search_how h;
    OMN_TRY(search_begin(v, &r, &h, err));
    if (!h.trie || !h.prefix)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: answers and beginnings are wanted", v->g.name));
    OMN_TRY(score(&h, "scores.plain", false, err));
    OMN_TRY(score(&h, "scores.prompt", true, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
