/* SPDX-License-Identifier: Apache-2.0 */
/* Beams over the encode and step graphs as the published program searches (generate.h has the same
 * as omn_beam_stop FULL; here it is written out, so that the candidates of each step can be
 * compared). Of a sentence that is over no more candidates are recorded. */
#include "search.h"

#include <math.h>
#include <string.h>

#define NONE (-1e30)

typedef struct beam {
    double score;
    int32_t *row;                         /* start token first */
    double *each;                         /* the score behind each id */
} beam;

typedef struct choice { double score; int32_t beam, id; } choice;

typedef struct ended { double score; int64_t n; int32_t *row; double *each; } ended;

typedef struct sentence {
    beam *beams, *next;                   /* [K] */
    ended *list;                          /* [K] */
    int64_t n;
    bool over;
} sentence;

typedef struct searching {
    search_how h;
    sentence *s;
    int32_t *fed, *from;                  /* [S*K] */
    choice *best;                         /* [2K] */
    double *lp;
    float *scores;                        /* stages [steps,S,2K] */
    int32_t *ids, *beams;
} searching;

/* No n ids twice, the start token among them. */
static void block_repeats(const search_how *h, const int32_t *row, int64_t t, double *lp)
{
    const int64_t n = h->no_repeat, length = t + 1;
    if (n < 1 || length < n) return;
    for (int64_t i = 0; i + n <= length; i++)
        if (!memcmp(row + i, row + length - n + 1, (size_t)(n - 1) * sizeof *row))
            lp[row[i + n - 1]] = -INFINITY;
}

/* What may come behind t ids of a beam, as log-probabilities. */
static void weigh(searching *w, int64_t number, const int32_t *row, int64_t t, const float *x)
{
    const search_how *h = &w->h;
    double *lp = w->lp;
    const bool front = h->prefix && t < h->prefix->shape.dim[1] && t < h->most;
    search_among(h, number, row, t, x, lp);
    if (front) {
        const int32_t want = search_id(h->prefix, number, t);
        for (int64_t v = 0; v < h->V && want != OFA_PAD; v++)
            if (v != want) lp[v] = -INFINITY;
    } else if (t < h->least) {
        lp[OFA_STOP] = -INFINITY;
    }
    lp[OFA_PAD] = -INFINITY;
    for (int64_t v = 0; v < h->V; v++) {
        const bool mark = h->codes && t < h->most && v < OFA_MARKS;
        if (mark || (t == h->most && v != OFA_STOP) || isnan(lp[v])) lp[v] = -INFINITY;
    }
    block_repeats(h, row, t, lp);
}

/* The best 2K of a sentence. */
static void rank(searching *w, int64_t b, int64_t t, const float *logits)
{
    const search_how *h = &w->h;
    const int64_t n = 2 * h->K;
    sentence *s = &w->s[b];
    for (int64_t i = 0; i < n; i++) w->best[i] = (choice){ NONE, -1, -1 };
    for (int64_t k = 0; k < (t ? h->K : 1); k++) {
        if (!(s->beams[k].score > NONE / 2)) continue;
        weigh(w, b, s->beams[k].row, t, logits + (b * h->K + k) * h->V);
        for (int64_t v = 0; v < h->V; v++) {
            const choice c = { s->beams[k].score + w->lp[v], (int32_t)k, (int32_t)v };
            int64_t i = n;
            if (!(c.score > NONE / 2)) continue;
            while (i > 0 && c.score > w->best[i - 1].score) i--;
            if (i == n) continue;
            memmove(w->best + i + 1, w->best + i, (size_t)(n - 1 - i) * sizeof *w->best);
            w->best[i] = c;
        }
    }
}

/* A beam of t ids ends by candidate c. */
static void file_away(const search_how *h, sentence *s, const choice *c, int64_t t)
{
    const double score = h->raw ? c->score : c->score / pow((double)(t + 1), h->alpha);
    int64_t at = s->n;
    if (s->n == h->K) return;
    const ended room = s->list[s->n++];
    while (at > 0 && score > s->list[at - 1].score) {
        s->list[at] = s->list[at - 1];
        at--;
    }
    s->list[at] = (ended){ score, t + 1, room.row, room.each };
    memcpy(room.row, s->beams[c->beam].row + 1, (size_t)t * sizeof *room.row);
    memcpy(room.each, s->beams[c->beam].each, (size_t)t * sizeof *room.each);
    room.row[t] = OFA_STOP;
    room.each[t] = c->score;
}

static void settle(searching *w, int64_t b, int64_t t)
{
    const search_how *h = &w->h;
    sentence *s = &w->s[b];
    int64_t alive = 0;
    for (int64_t i = 0; i < 2 * h->K; i++) {
        const choice *c = &w->best[i];
        if (c->id < 0) continue;
        if (c->id == OFA_STOP) {
            if (i < h->K) file_away(h, s, c, t);
            continue;
        }
        if (alive == h->K) continue;
        beam *to = &s->next[alive];
        to->score = c->score;
        memcpy(to->row, s->beams[c->beam].row, (size_t)(t + 1) * sizeof *to->row);
        memcpy(to->each, s->beams[c->beam].each, (size_t)t * sizeof *to->each);
        to->row[t + 1] = c->id;
        to->each[t] = c->score;
        w->from[b * h->K + alive] = (int32_t)(b * h->K + c->beam);
        w->fed[b * h->K + alive++] = c->id;
    }
    s->over = s->n == h->K || t == h->most || !alive;
    for (int64_t k = alive; k < h->K; k++) {
        s->next[k].score = NONE;
        w->from[b * h->K + k] = (int32_t)(b * h->K + k);
        w->fed[b * h->K + k] = OFA_PAD;
    }
    beam *was = s->beams;
    s->beams = s->next;
    s->next = was;
}

static void record(searching *w, int64_t b, int64_t t)
{
    const int64_t n = 2 * w->h.K, at = (t * w->h.S + b) * n;
    for (int64_t i = 0; i < n; i++) {
        const choice none = { NONE, -1, -1 }, *c = w->s[b].over ? &none : &w->best[i];
        w->scores[at + i] = (float)c->score;
        w->ids[at + i] = c->id;
        w->beams[at + i] = c->beam;
    }
}

/* ---- room and results ------------------------------------------------------------------------ */

static omn_status make_room(searching *w, omn_error *err)
{
    const search_how *h = &w->h;
    omn_call *c = h->r->g->call;
    const size_t K = (size_t)h->K, S = (size_t)h->S, each = (size_t)h->most + 2;
    beam *beams = omn_call_scratch(c, S * K * 2, sizeof *beams);
    ended *list = omn_call_scratch(c, S * K, sizeof *list);
    int32_t *rows = omn_call_scratch(c, S * K * 3 * each, sizeof *rows);
    double *steps = omn_call_scratch(c, S * K * 3 * each, sizeof *steps);
    w->s = omn_call_scratch(c, S, sizeof *w->s);
    w->fed = omn_call_scratch(c, S * K, sizeof *w->fed);
    w->from = omn_call_scratch(c, S * K, sizeof *w->from);
    w->best = omn_call_scratch(c, 2 * K, sizeof *w->best);
    w->lp = omn_call_scratch(c, (size_t)h->V, sizeof *w->lp);
    if (!beams || !list || !rows || !steps || !w->s || !w->fed || !w->from || !w->best || !w->lp)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", h->r->g->name);
    for (size_t i = 0; i < S * K * 2; i++, rows += each, steps += each)
        beams[i] = (beam){ i % K || i >= S * K ? NONE : 0, rows, steps };
    for (size_t i = 0; i < S * K; i++, rows += each, steps += each)
        list[i] = (ended){ 0, 0, rows, steps };
    for (size_t i = 0; i < S; i++)
        w->s[i] = (sentence){ .beams = beams + i * K, .next = beams + (S + i) * K,
                              .list = list + i * K };
    for (size_t i = 0; i < S * K; i++) {
        w->fed[i] = OFA_START;
        beams[i].row[0] = OFA_START;
    }
    return OMN_OK;
}

static omn_status put_stages(searching *w, int64_t steps, omn_error *err)
{
    omn_status st = OMN_OK;
    void *to[3] = { NULL };
    const omn_shape shape = omn_dim3(steps, w->h.S, 2 * w->h.K);
    OMN_TRY(golden_put_new(w->h.r, "cand_scores", OMN_F32, shape, &to[0], err));
    OMN_TRY(golden_put_new(w->h.r, "cand_ids", OMN_I32, shape, &to[1], err));
    OMN_TRY(golden_put_new(w->h.r, "cand_beams", OMN_I32, shape, &to[2], err));
    w->scores = to[0];
    w->ids = to[1];
    w->beams = to[2];
done:
    return st;
}

/* Padded to the longest of all. */
static omn_status put_found(const searching *w, omn_error *err)
{
    omn_status st = OMN_OK;
    const search_how *h = &w->h;
    void *to[4] = { NULL };
    int64_t most = 1;
    for (int64_t b = 0; b < h->S; b++)
        for (int64_t k = 0; k < w->s[b].n; k++)
            if (w->s[b].list[k].n > most) most = w->s[b].list[k].n;
    const omn_shape two = omn_dim2(h->S, h->K), three = omn_dim3(h->S, h->K, most);
    OMN_TRY(golden_put_new(h->r, "hypo_tokens", OMN_I32, three, &to[0], err));
    OMN_TRY(golden_put_new(h->r, "hypo_pos_scores", OMN_F32, three, &to[1], err));
    OMN_TRY(golden_put_new(h->r, "hypo_len", OMN_I32, two, &to[2], err));
    OMN_TRY(golden_put_new(h->r, "hypo_scores", OMN_F32, two, &to[3], err));
    for (int64_t i = 0; i < h->S * h->K; i++) {
        const sentence *s = &w->s[i / h->K];
        const ended *e = i % h->K < s->n ? &s->list[i % h->K] : NULL;
        ((int32_t *)to[2])[i] = e ? (int32_t)e->n : 0;
        ((float *)to[3])[i] = e ? (float)e->score : 0;
        for (int64_t k = 0; k < most; k++) {
            const bool in = e && k < e->n;
            ((int32_t *)to[0])[i * most + k] = in ? e->row[k] : OFA_PAD;
            ((float *)to[1])[i * most + k] =
                in ? (float)(e->each[k] - (k ? e->each[k - 1] : 0)) : 0;
        }
    }
done:
    return st;
}

omn_status verify_search(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    searching w = { 0 };
    const omn_tensor *want = omn_weights_get(v->g.file, "out.cand_scores");
    if (!want || want->shape.rank != 3 || want->shape.dim[0] < 1 || want->shape.dim[0] > 128)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: out.cand_scores [steps,sentences,2 beams] is "
                         "wanted", v->g.name));
    OMN_TRY(search_begin(v, &r, &w.h, err));
    OMN_TRY(make_room(&w, err));
    OMN_TRY(put_stages(&w, want->shape.dim[0], err));
    for (int64_t t = 0; t < want->shape.dim[0] && t <= w.h.most; t++) {
        omn_tensor logits;
        if (t) OMN_TRY(omn_exec_reorder(r.exec, w.from, (size_t)(w.h.S * w.h.K), err));
        OMN_TRY(search_step(&w.h, t, w.fed, &logits, err));
        for (int64_t b = 0; b < w.h.S; b++) {
            if (!w.s[b].over) rank(&w, b, t, logits.data);
            record(&w, b, t);
            if (!w.s[b].over) settle(&w, b, t);
        }
    }
    OMN_TRY(put_found(&w, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
