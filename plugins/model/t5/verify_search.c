/* SPDX-License-Identifier: Apache-2.0 */
/* Texts over the encode and step graphs, the likeliest token each time, and by beams as the
 * published programs search (the Transformers library, version 4.2.1): the length that divides the
 * score of an answer counts the start token and not the end token. Written out here, so that it is
 * another program than the search of the library, which the tests hold against this one. */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

#define MOST_BEAMS 16
#define FAR        (-1e9)

typedef struct choice { double score; int64_t beam; int32_t id; } choice;
typedef struct answer { double score; int32_t *ids; int64_t n; } answer;

typedef struct sentence {
    double score[MOST_BEAMS];             /* of the beams that live */
    int32_t *ids[MOST_BEAMS];             /* [most], the start token first */
    answer ended[MOST_BEAMS];             /* the best first */
    int64_t n_ended;
    bool done;
} sentence;

typedef struct search {
    golden_run *r;
    sentence *s;
    int64_t B, K, V, most, memory;        /* most: ids of an answer, start included */
    int32_t *fed, *from, *next;
    choice *best;
    int64_t n_best;
} search;

static omn_status step(search *w, int64_t at, const float **logits, omn_error *err)
{
    omn_tensor t;
    const golden_step s = { .role = "text", .rows = w->B * w->K, .length = 1,
                            .capacity = w->most, .memory_rows = w->B, .memory_length = w->memory,
                            .ids = w->fed, .start = (int32_t)at };
    const omn_status st = golden_step_run(w->r, &s, &t, err);
    if (st == OMN_OK) *logits = t.data;
    return st;
}

/* The 2 * beams best continuations of a sentence, the best first. */
static void rank(search *w, int64_t b, const float *logits)
{
    const int64_t n = 2 * w->K;
    w->n_best = 0;
    for (int64_t k = 0; k < w->K; k++) {
        const float *x = logits + (b * w->K + k) * w->V;
        const double sum = golden_log_sum(x, w->V);
        for (int64_t v = 0; v < w->V; v++) {
            const choice c = { w->s[b].score[k] + (double)x[v] - sum, k, (int32_t)v };
            if (w->n_best == n && c.score <= w->best[n - 1].score) continue;
            int64_t i = w->n_best < n ? w->n_best++ : n - 1;
            for (; i > 0 && c.score > w->best[i - 1].score; i--) w->best[i] = w->best[i - 1];
            w->best[i] = c;
        }
    }
}

/* An answer of n ids, the start token among them. */
static void file_away(search *w, sentence *s, const int32_t *ids, int64_t n, double sum)
{
    const double score = sum / (double)n;
    if (s->n_ended == w->K && score <= s->ended[w->K - 1].score) return;
    int64_t i = s->n_ended < w->K ? s->n_ended++ : w->K - 1;
    int32_t *room = s->ended[i].ids;
    for (; i > 0 && score > s->ended[i - 1].score; i--) s->ended[i] = s->ended[i - 1];
    s->ended[i] = (answer){ score, room, n };
    memcpy(room, ids, (size_t)n * sizeof *ids);
}

/* The step behind n ids, the start token among them. */
static void settle(search *w, int64_t b, int64_t n)
{
    sentence *s = &w->s[b];
    int64_t alive = 0;
    for (int64_t r = 0; r < w->n_best && alive < w->K; r++) {
        const choice *c = &w->best[r];
        if (c->id == 1) {
            if (r < w->K) file_away(w, s, s->ids[c->beam], n, c->score);
            continue;
        }
        memcpy(w->next + alive * w->most, s->ids[c->beam], (size_t)n * sizeof *w->next);
        w->next[alive * w->most + n] = c->id;
        w->from[b * w->K + alive++] = (int32_t)(b * w->K + c->beam);
    }
    s->done = s->n_ended == w->K &&
              s->ended[w->K - 1].score >= w->best[0].score / (double)n;
    for (int64_t r = 0, k = 0; r < w->n_best && k < alive; r++)
        if (w->best[r].id != 1) s->score[k++] = w->best[r].score;
    for (int64_t k = 0; k < alive; k++)
        memcpy(s->ids[k], w->next + k * w->most, (size_t)(n + 1) * sizeof *w->next);
}

static omn_status begin(search *w, omn_error *err)
{
    const size_t rows = (size_t)(w->B * w->K), most = (size_t)w->most;
    omn_call *c = w->r->g->call;
    w->s = omn_call_scratch(c, (size_t)w->B, sizeof *w->s);
    w->fed = omn_call_scratch(c, rows * 2, sizeof *w->fed);
    w->next = omn_call_scratch(c, (size_t)w->K * most, sizeof *w->next);
    w->best = omn_call_scratch(c, (size_t)w->K * 2, sizeof *w->best);
    int32_t *room = omn_call_scratch(c, rows * 2 * most, sizeof *room);
    if (!w->s || !w->fed || !w->next || !w->best || !room)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", w->r->g->name);
    w->from = w->fed + rows;
    for (int64_t b = 0; b < w->B; b++) {
        w->s[b] = (sentence){ 0 };
        for (int64_t k = 0; k < w->K; k++, room += 2 * most) {
            w->s[b].score[k] = k ? FAR : 0;
            w->s[b].ids[k] = room;
            w->s[b].ended[k].ids = room + most;
            room[0] = 0;
        }
    }
    return OMN_OK;
}

static omn_status encode(search *w, omn_error *err)
{
    omn_tensor memory;
    const bool visual = ((const verify *)(const void *)w->r->g)->visual;
    const verify_ask a = { .phase = OMN_ENCODE, .feats = visual ? "in.feats" : NULL,
                           .boxes = "in.boxes" };
    omn_status st = verify_run(w->r, &a, err);
    if (st == OMN_OK) st = omn_exec_output(w->r->exec, w->r->graph, "memory", &memory, err);
    if (st != OMN_OK) return st;
    w->B = memory.shape.dim[0];
    w->memory = memory.shape.dim[1];
    return OMN_OK;
}

/* All sentences by K beams: what lives at the end is an answer as it is. */
static omn_status write_all(search *w, omn_error *err)
{
    omn_status st = OMN_OK;
    const float *logits = NULL;
    bool all = false;
    OMN_TRY(encode(w, err));
    OMN_TRY(begin(w, err));
    for (int64_t n = 1; n < w->most && !all; n++) {
        for (int64_t i = 0; i < w->B * w->K; i++) w->fed[i] = w->s[i / w->K].ids[i % w->K][n - 1];
        if (n > 1) OMN_TRY(omn_exec_reorder(w->r->exec, w->from, (size_t)(w->B * w->K), err));
        OMN_TRY(step(w, n - 1, &logits, err));
        all = true;
        for (int64_t i = 0; i < w->B * w->K; i++) w->from[i] = (int32_t)i;
        for (int64_t b = 0; b < w->B; b++) {
            if (w->s[b].done) continue;
            rank(w, b, logits);
            settle(w, b, n);
            all = all && w->s[b].done;
        }
    }
    for (int64_t b = 0; b < w->B; b++)
        for (int64_t k = 0; k < w->K && !w->s[b].done; k++)
            file_away(w, &w->s[b], w->s[b].ids[k], w->most, w->s[b].score[k]);
done:
    return st;
}

/* ---- the likeliest --------------------------------------------------------------------------- */

/* Of each sentence the likeliest token each time, 0 behind its end; and, where they are wanted, the
 * logits of every step behind the recorded ids. */
static omn_status put_greedy(search *w, const omn_tensor *want, omn_error *err)
{
    omn_status st = OMN_OK;
    void *ids = NULL, *all = NULL;
    const float *logits = NULL;
    const int64_t T = want->shape.dim[1];
    const int32_t *recorded = NULL;
    int32_t *copy = omn_call_scratch(w->r->g->call, want->bytes / 4, sizeof *copy);
    bool over[64] = { false };
    w->K = 1;
    w->most = T;
    OMN_TRY(encode(w, err));
    OMN_TRY(begin(w, err));
    if (!copy || w->B > 64 || w->B != want->shape.dim[0])
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: \"out.greedy\": as many rows as texts are wanted",
                         w->r->g->name));
    memcpy(copy, want->data, want->bytes);
    recorded = copy;
    OMN_TRY(golden_put_new(w->r, "greedy", OMN_I32, want->shape, &ids, err));
    OMN_TRY(golden_put_new(w->r, "step_logits", OMN_F32, omn_dim3(w->B, T - 1, w->V), &all, err));
    for (int64_t n = 1; n < T; n++) {
        for (int64_t b = 0; b < w->B; b++) w->fed[b] = recorded[b * T + n - 1];
        OMN_TRY(step(w, n - 1, &logits, err));
        for (int64_t b = 0; b < w->B; b++) {
            const float *x = logits + b * w->V;
            int32_t *to = (int32_t *)ids + b * T + n;
            memcpy((float *)all + (b * (T - 1) + n - 1) * w->V, x, (size_t)w->V * sizeof *x);
            *to = over[b] ? 0 : golden_likeliest(x, w->V);
            over[b] = over[b] || *to == 1;
        }
    }
done:
    return st;
}

/* ---- beams ----------------------------------------------------------------------------------- */

static omn_status put_beams(search *w, const omn_tensor *want, omn_error *err)
{
    omn_status st = OMN_OK;
    void *ids = NULL, *scores = NULL;
    const int64_t T = want->shape.dim[2];
    char stage[32];
    w->K = want->shape.dim[1];
    if (w->K > MOST_BEAMS)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: more than %d beams", w->r->g->name, MOST_BEAMS));
    w->most = strtol(omn_weights_meta(w->r->g->file, "max_length"), NULL, 10);
    if (w->most < 2 || w->most > 1000 || w->most < T)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: max_length is no length of these answers",
                         w->r->g->name));
    OMN_TRY(write_all(w, err));
    if (w->B != want->shape.dim[0])
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: other answers than texts", w->r->g->name));
    omn_format(stage, sizeof stage, "beam%d", (int)w->K);
    OMN_TRY(golden_put_new(w->r, stage, OMN_I32, want->shape, &ids, err));
    omn_format(stage, sizeof stage, "beam%d_scores", (int)w->K);
    OMN_TRY(golden_put_new(w->r, stage, OMN_F32, omn_dim2(w->B, w->K), &scores, err));
    for (int64_t i = 0; i < w->B * w->K; i++) {
        const answer *a = &w->s[i / w->K].ended[i % w->K];
        int32_t *to = (int32_t *)ids + i * T;
        ((float *)scores)[i] = (float)a->score;
        for (int64_t t = 0; t < T; t++) to[t] = t < a->n ? a->ids[t] : 0;
        if (a->n < T) to[a->n] = 1;
    }
done:
    return st;
}

omn_status verify_generate(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    const verify_how how = { 0 };
    const omn_tensor *greedy, *beams = NULL;
    OMN_TRY(verify_open(v, &how, &r, err));
    search w = { .r = &r, .V = golden_int(&v->g, "vocab_size") };
    OMN_TRY(golden_input(&v->g, "out.greedy", OMN_I32, 2, &greedy, err));
    if (omn_weights_get(v->g.file, "out.beam5"))
        OMN_TRY(golden_input(&v->g, "out.beam5", OMN_I32, 3, &beams, err));
    if (!omn_weights_meta(v->g.file, "max_length") || greedy->shape.dim[1] < 2)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: no \"max_length\", or nothing was written",
                         v->g.name));
    OMN_TRY(put_greedy(&w, greedy, err));
    if (beams) OMN_TRY(put_beams(&w, beams, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
