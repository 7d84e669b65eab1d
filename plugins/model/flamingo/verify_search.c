/* SPDX-License-Identifier: Apache-2.0 */
/* Answers by steps over cached pictures: the likeliest ids, beams, and classes that are ranked.
 * generate.h has the same search as omn_beam_stop BOUND; here it is written out over the graphs,
 * since the golden files hold ids and no texts. */
#include "verify.h"

#include <math.h>
#include <string.h>

#define MOST_BEAMS 8
#define FAR        (-1e9)

typedef struct writing {
    verify *v;
    golden_run r;
    int64_t B, S, N, V, length;           /* rows, places of prompts, new ids, ids, of the memory */
    const int32_t *ids, *mask;            /* [B,S] */
    int32_t *prompt;                      /* of the row that is asked, without padding */
    int64_t n;
} writing;

static omn_status begin(writing *w, verify *v, int64_t new_ids, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *ids, *mask;
    omn_tensor memory;
    const verify_how how = { .clip = 0 };
    *w = (writing){ .v = v, .N = new_ids, .V = v->vocab };
    OMN_TRY(verify_open(v, &how, &w->r, err));
    OMN_TRY(golden_input(&v->g, "in.ids", OMN_I32, 2, &ids, err));
    OMN_TRY(golden_input(&v->g, "in.mask", OMN_I32, 2, &mask, err));
    w->B = ids->shape.dim[0];
    w->S = ids->shape.dim[1];
    int32_t *room = omn_call_scratch(v->g.call, (size_t)(2 * w->B * w->S) + (size_t)w->S,
                                     sizeof *room);
    if (!room) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name));
    if (!omn_shape_equal(&ids->shape, &mask->shape))
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: in.ids and in.mask differ in shape", v->g.name));
    memcpy(room, ids->data, ids->bytes);
    memcpy(room + w->B * w->S, mask->data, mask->bytes);
    w->ids = room;
    w->mask = room + w->B * w->S;
    w->prompt = room + 2 * w->B * w->S;
    w->length = 1;
    if (v->alone) goto done;              /* there is nothing to look at */
    OMN_TRY(verify_ask(v, &w->r, OMN_ENCODE, false, err));
    OMN_TRY(omn_exec_output(w->r.exec, w->r.graph, "memory", &memory, err));
    w->length = memory.shape.dim[1];
done:
    return st;
}

/* Row b's prompt, what is padding left out. */
static omn_status take(writing *w, int64_t b, omn_error *err)
{
    w->n = 0;
    for (int64_t i = 0; i < w->S; i++)
        if (w->mask[b * w->S + i]) w->prompt[w->n++] = w->ids[b * w->S + i];
    return w->n ? OMN_OK : omn_fail(err, OMN_ERR_DATA, "%s: a prompt is empty", w->v->g.name);
}

/* K rows of T ids from place `start` on, all of the memory's row b. */
static omn_status step(writing *w, int64_t b, int64_t K, int64_t T, int64_t start,
                       const int32_t *ids, omn_tensor *logits, omn_error *err)
{
    int32_t rows[64];
    for (int64_t k = 0; k < K; k++) rows[k] = (int32_t)b;
    const golden_step s = { .role = "text", .rows = K, .length = T, .capacity = w->S + w->N + 1,
                            .memory_rows = w->B, .memory_length = w->length, .ids = ids,
                            .start = (int32_t)start, .memory_row = rows };
    return golden_step_run(&w->r, &s, logits, err);
}

/* ---- the likeliest -------------------------------------------------------------------------- */

static omn_status greedy(writing *w, int32_t *out, float *logits, omn_error *err)
{
    omn_status st = OMN_OK;
    for (int64_t b = 0; b < w->B; b++) {
        bool over = false;
        int32_t last = 0;
        int32_t *row = out + b * (w->S + w->N);
        OMN_TRY(take(w, b, err));
        memcpy(row, w->ids + b * w->S, (size_t)w->S * sizeof *row);
        for (int64_t t = 0; t < w->N; t++) {
            omn_tensor x;
            const int64_t T = t ? 1 : w->n;
            OMN_TRY(step(w, b, 1, T, t ? w->n + t - 1 : 0, t ? &last : w->prompt, &x, err));
            float *at = logits + (b * w->N + t) * w->V;
            memcpy(at, (const float *)x.data + (T - 1) * w->V, (size_t)w->V * sizeof *at);
            last = over ? w->v->ids.chunk_end : golden_likeliest(at, w->V);
            over = last == w->v->ids.chunk_end;
            row[w->S + t] = last;
        }
    }
done:
    return st;
}

/* ---- beams ---------------------------------------------------------------------------------- */

typedef struct beam { double score; int64_t n; int32_t ids[64]; } beam;
typedef struct choice { double score; int64_t beam; int32_t id; } choice;

typedef struct search {
    writing *w;
    double penalty;
    int64_t K, n_ended;
    beam live[MOST_BEAMS], next[MOST_BEAMS], ended[MOST_BEAMS];
    choice best[2 * MOST_BEAMS];
    int32_t from[MOST_BEAMS];
} search;

static void file_away(search *s, const beam *b, double sum, int64_t n)
{
    beam h = *b;
    h.score = sum / pow((double)n, s->penalty);
    if (s->n_ended == s->K && h.score <= s->ended[s->K - 1].score) return;
    if (s->n_ended < s->K) s->n_ended++;
    int64_t i = s->n_ended - 1;
    for (; i > 0 && h.score > s->ended[i - 1].score; i--) s->ended[i] = s->ended[i - 1];
    s->ended[i] = h;
}

/* The 2 K best continuations, logits [K,T,V]. */
static void rank(search *s, const float *logits, int64_t T)
{
    const int64_t V = s->w->V, most = 2 * s->K;
    int64_t have = 0;
    for (int64_t k = 0; k < s->K; k++) {
        const float *x = logits + ((k + 1) * T - 1) * V;
        const double sum = golden_log_sum(x, V);
        for (int64_t id = 0; id < V; id++) {
            const choice c = { s->live[k].score + (double)x[id] - sum, k, (int32_t)id };
            if (have == most && c.score <= s->best[most - 1].score) continue;
            int64_t i = have < most ? have++ : most - 1;
            for (; i > 0 && c.score > s->best[i - 1].score; i--) s->best[i] = s->best[i - 1];
            s->best[i] = c;
        }
    }
}

/* What ends and what lives; true: the search is over. */
static bool settle(search *s, int64_t t)
{
    const int32_t end = s->w->v->ids.chunk_end;
    int64_t alive = 0;
    for (int64_t i = 0; i < 2 * s->K && alive < s->K; i++) {
        const choice *c = &s->best[i];
        beam b = s->live[c->beam];
        b.ids[b.n++] = c->id;
        b.score = c->score;
        if (c->id == end && i < s->K) file_away(s, &b, c->score, t + 1);
        if (c->id == end) continue;
        s->from[alive] = (int32_t)c->beam;
        s->next[alive++] = b;
    }
    memcpy(s->live, s->next, sizeof s->live);
    return s->n_ended == s->K &&
           s->ended[s->K - 1].score >= s->best[0].score / pow((double)t + 1, s->penalty);
}

static omn_status beams(search *s, int64_t b, omn_error *err)
{
    omn_status st = OMN_OK;
    writing *w = s->w;
    const int64_t K = s->K;
    bool over = false;
    omn_tensor x;
    int32_t *ids = omn_call_scratch(w->v->g.call, (size_t)(K * w->S), sizeof *ids);
    if (!ids) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", w->v->g.name);
    OMN_TRY(take(w, b, err));
    s->n_ended = 0;
    for (int64_t k = 0; k < K; k++) {
        s->live[k] = (beam){ .score = k ? FAR : 0 };
        memcpy(ids + k * w->n, w->prompt, (size_t)w->n * sizeof *ids);
    }
    for (int64_t t = 0; t < w->N && !over; t++) {
        const int64_t T = t ? 1 : w->n;
        OMN_TRY(step(w, b, K, T, t ? w->n + t - 1 : 0, ids, &x, err));
        rank(s, x.data, T);
        over = settle(s, t);
        OMN_TRY(omn_exec_reorder(w->r.exec, s->from, (size_t)K, err));
        for (int64_t k = 0; k < K; k++) ids[k] = s->live[k].ids[t];
    }
    for (int64_t k = 0; k < K && !over; k++)
        file_away(s, &s->live[k], s->live[k].score, s->live[k].n);
done:
    return st;
}

static omn_status search_all(writing *w, const char *stage, double penalty, omn_error *err)
{
    omn_status st = OMN_OK;
    char name[64];
    void *to[2] = { NULL };
    omn_format(name, sizeof name, "out.%s", stage);
    const omn_tensor *want = omn_weights_get(w->v->g.file, name);
    if (!want || want->shape.rank != 3 || want->shape.dim[1] > MOST_BEAMS ||
        want->shape.dim[2] != w->S + w->N || want->shape.dim[0] != w->B || w->N > 63)
        return OMN_OK;
    search s = { .w = w, .penalty = penalty, .K = want->shape.dim[1] };
    OMN_TRY(golden_put_new(&w->r, stage, OMN_I32, want->shape, &to[0], err));
    omn_format(name, sizeof name, "%s_scores", stage);
    OMN_TRY(golden_put_new(&w->r, name, OMN_F32, omn_dim2(w->B, s.K), &to[1], err));
    for (int64_t b = 0; b < w->B; b++) {
        OMN_TRY(beams(&s, b, err));
        for (int64_t k = 0; k < s.K; k++) {
            int32_t *row = (int32_t *)to[0] + (b * s.K + k) * (w->S + w->N);
            memcpy(row, w->ids + b * w->S, (size_t)w->S * sizeof *row);
            for (int64_t i = 0; i < w->N; i++)
                row[w->S + i] = i < s.ended[k].n ? s.ended[k].ids[i] : w->v->ids.chunk_end;
            ((float *)to[1])[b * s.K + k] = (float)s.ended[k].score;
        }
    }
done:
    return st;
}

omn_status verify_generate(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    writing w = { .v = NULL };
    const omn_tensor *want;
    void *ids = NULL, *logits = NULL;
    OMN_TRY(golden_input(&v->g, "out.step_logits", OMN_F32, 3, &want, err));
    OMN_TRY(begin(&w, v, want->shape.dim[1], err));
    const omn_shape rows = omn_dim2(w.B, w.S + w.N), steps = omn_dim3(w.B, w.N, w.V);
    OMN_TRY(golden_put_new(&w.r, "greedy", OMN_I32, rows, &ids, err));
    OMN_TRY(golden_put_new(&w.r, "step_logits", OMN_F32, steps, &logits, err));
    OMN_TRY(greedy(&w, ids, logits, err));
    OMN_TRY(search_all(&w, "beam_lp0", 0, err));
    OMN_TRY(search_all(&w, "beam_lp1", 1, err));
    OMN_TRY(verify_compare(v, &w.r, err));
done:
    golden_close(&w.r);
    return st;
}

/* ---- classes -------------------------------------------------------------------------------- */

/* Class c behind the prompt that is cached but for its last id. */
static omn_status score(writing *w, int64_t b, const int32_t *ids, int64_t n, double *sum,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    int32_t fed[64];
    omn_tensor x;
    fed[0] = w->prompt[w->n - 1];
    memcpy(fed + 1, ids, (size_t)(n - 1) * sizeof *fed);
    OMN_TRY(step(w, b, 1, n, w->n - 1, fed, &x, err));
    *sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const float *at = (const float *)x.data + i * w->V;
        if (ids[i] < 0 || ids[i] >= w->V)
            OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: a class has the id %d", w->v->g.name,
                             (int)ids[i]));
        *sum += (double)at[ids[i]] - golden_log_sum(at, w->V);
    }
done:
    return st;
}

omn_status verify_rank(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    writing w = { .v = NULL };
    const omn_tensor *classes;
    omn_tensor x;
    void *to[2] = { NULL };
    OMN_TRY(golden_input(&v->g, "in.classes", OMN_I32, 2, &classes, err));
    const int64_t C = classes->shape.dim[0], L = classes->shape.dim[1];
    if (L > 63) OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: classes are too long", v->g.name));
    OMN_TRY(begin(&w, v, L, err));
    OMN_TRY(golden_put_new(&w.r, "sum", OMN_F32, omn_dim2(w.B, C), &to[0], err));
    OMN_TRY(golden_put_new(&w.r, "mean", OMN_F32, omn_dim2(w.B, C), &to[1], err));
    for (int64_t b = 0; b < w.B; b++) {
        OMN_TRY(take(&w, b, err));
        if (w.n > 1) OMN_TRY(step(&w, b, 1, w.n - 1, 0, w.prompt, &x, err));
        for (int64_t c = 0; c < C; c++) {
            int32_t ids[64];
            int64_t n = 0;
            double sum = 0;
            memcpy(ids, (const char *)classes->data + (size_t)(c * L) * 4, (size_t)L * 4);
            while (n < L && ids[n] >= 0) n++;
            if (n) OMN_TRY(score(&w, b, ids, n, &sum, err));
            ((float *)to[0])[b * C + c] = (float)sum;
            ((float *)to[1])[b * C + c] = (float)(sum / (double)(n ? n : 1));
        }
    }
    OMN_TRY(verify_compare(v, &w.r, err));
done:
    golden_close(&w.r);
    return st;
}
