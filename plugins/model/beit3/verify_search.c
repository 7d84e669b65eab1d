/* SPDX-License-Identifier: Apache-2.0 */
/* Captions by beams over the encode and step graphs, as the published program searches
 * (generate.h has the same as omn_beam_stop BEST; here it is written out, so that each step's ids
 * and logits can be compared). Of a picture whose caption is found nothing more is compared. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BEAMS 16
#define FAR        (-1e9)

typedef struct beam {
    double score;
    int32_t *words;                       /* [steps] */
} beam;

typedef struct choice { double score; int32_t beam, id; } choice;

/* One picture's search. */
typedef struct search {
    beam beams[MOST_BEAMS];
    bool done, found;
    double best;                          /* of the caption that is kept */
    int32_t length;                       /* that divided it */
    int32_t *caption;                     /* [M], as the program returns it */
} search;

typedef struct writing {
    golden_run *r;
    search *s;
    int64_t B, K, M, V, places;           /* pictures, beams, most tokens, words, of a picture */
    double alpha;
    int32_t *ids, *from;    /* of a step */
    float *logits;                        /* stages, by step */
    int32_t *fed, *active;
    choice *best;
} writing;

static omn_status encode(writing *w, omn_error *err)
{
    omn_tensor memory;
    const verify_ask a = { .phase = OMN_ENCODE, .image = true };
    omn_status st = verify_ask_run(w->r, &a, err);
    if (st == OMN_OK) st = omn_exec_output(w->r->exec, w->r->graph, "memory", &memory, err);
    if (st != OMN_OK) return st;
    w->B = memory.shape.dim[0];
    w->places = memory.shape.dim[1];
    return OMN_OK;
}

/* Logits [B*K,2,V] of all beams at place `start`. */
static omn_status step(writing *w, int32_t start, omn_tensor *logits, omn_error *err)
{
    const golden_step s = { .role = "text", .rows = w->B * w->K, .length = 2,
                            .capacity = w->M + 2, .memory_rows = w->B, .memory_length = w->places,
                            .ids = w->ids, .start = start };
    return golden_step_run(w->r, &s, logits, err);
}

/* The 3 * beams best continuations of a picture, the best first. */
static void rank(const writing *w, const search *s, const float *logits, int64_t n)
{
    int64_t have = 0;
    for (int64_t k = 0; k < w->K; k++) {
        const float *x = logits + (2 * k + 1) * w->V;
        const double sum = golden_log_sum(x, w->V);
        for (int64_t v = 0; v < w->V; v++) {
            const choice c = { s->beams[k].score + (double)x[v] - sum, (int32_t)k, (int32_t)v };
            if (have == n && c.score <= w->best[n - 1].score) continue;
            int64_t i = have < n ? have++ : n - 1;
            for (; i > 0 && c.score > w->best[i - 1].score; i--) w->best[i] = w->best[i - 1];
            w->best[i] = c;
        }
    }
}

/* A caption of t words ends. */
static void file_away(const writing *w, search *s, const choice *c, int32_t t)
{
    const int32_t cur = t + 2, mask = (int32_t)beit3_of(w->r)->mask;
    const double value = c->score / pow((double)cur, w->alpha);
    if (s->found && value <= s->best) return;
    s->found = true;
    s->best = value;
    s->length = cur;
    for (int64_t i = 0; i < w->M; i++) s->caption[i] = 1;
    s->caption[0] = 0;
    for (int32_t i = 0; i < t; i++) s->caption[i + 1] = s->beams[c->beam].words[i];
    s->caption[t + 1] = mask;
    if (t + 2 < w->M) s->caption[t + 2] = 2;
}

/* The step behind t words. next: room for the beams. */
static void settle(writing *w, search *s, int64_t b, int32_t t, beam *next)
{
    const int64_t n = 3 * w->K;
    const int32_t cur = t + 2;
    int64_t alive = 0;
    for (int64_t i = 0; i < n && !s->done && alive < w->K; i++) {
        const choice *c = &w->best[i];
        if (c->id == 2 || cur + 1 == w->M) {
            file_away(w, s, c, t);
            continue;
        }
        beam *to = &next[alive];
        to->score = c->score;
        memcpy(to->words, s->beams[c->beam].words, (size_t)t * sizeof *to->words);
        to->words[t] = c->id;
        w->from[b * w->K + alive] = (int32_t)(b * w->K + c->beam);
        w->ids[(b * w->K + alive++) * 2] = c->id;
    }
    if (cur + 1 == w->M) s->done = true;
    for (int64_t k = 0; k < w->K; k++) {
        if (s->done || k >= alive) {      /* padding work */
            w->from[b * w->K + k] = (int32_t)(b * w->K + k);
            w->ids[(b * w->K + k) * 2] = 1;
            continue;
        }
        const beam was = s->beams[k];
        s->beams[k] = next[k];
        next[k] = was;
    }
}

/* What picture b was fed and what came of it; rows of closed ones are those of the golden file. */
static void record(writing *w, int64_t t, int64_t b, const float *logits, const omn_tensor *want,
                   const omn_tensor *want_ids)
{
    const int64_t rows = w->B * w->K;
    const bool open = !w->s[b].done;
    w->active[t * w->B + b] = open;
    for (int64_t i = b * w->K; i < (b + 1) * w->K; i++) {
        const size_t at = (size_t)(t * rows + i), V = (size_t)w->V;
        const float *x = logits + (2 * i + 1) * w->V;
        const char *other = (const char *)want->data + at * V * sizeof *x;
        const char *ids = (const char *)want_ids->data + at * 2 * sizeof *w->fed;
        memcpy(w->logits + at * V, open ? (const void *)x : other, V * sizeof *x);
        memcpy(w->fed + at * 2, open ? (const void *)(w->ids + 2 * i) : ids, 2 * sizeof *w->fed);
    }
}

/* Step t of picture b, with the logits of all. A caption that is kept and that no other can better
 * closes the picture before the step counts. */
static void advance(writing *w, int64_t t, int64_t b, const float *logits, const omn_tensor *want,
                    const omn_tensor *want_ids)
{
    search *s = &w->s[b];
    if (!s->done) {
        rank(w, s, logits + b * w->K * 2 * w->V, 3 * w->K);
        s->done = s->found && s->best >= w->best[0].score / pow((double)(w->M - 1), w->alpha);
    }
    record(w, t, b, logits, want, want_ids);
    settle(w, s, b, (int32_t)t, w->s[w->B].beams);
}

static omn_status tell(writing *w, const char *of, omn_error *err)
{
    omn_status st = OMN_OK;
    char stage[64];
    void *tokens = NULL, *score = NULL, *length = NULL;
    omn_format(stage, sizeof stage, "%s.tokens", of);
    OMN_TRY(omn_feed_new(w->r->made, stage, OMN_I32, omn_dim2(w->B, w->M), &tokens, err));
    omn_format(stage, sizeof stage, "%s.score", of);
    OMN_TRY(omn_feed_new(w->r->made, stage, OMN_F32, omn_dim1(w->B), &score, err));
    omn_format(stage, sizeof stage, "%s.length", of);
    OMN_TRY(omn_feed_new(w->r->made, stage, OMN_I32, omn_dim1(w->B), &length, err));
    for (int64_t b = 0; b < w->B; b++) {
        memcpy((int32_t *)tokens + b * w->M, w->s[b].caption, (size_t)w->M * sizeof(int32_t));
        ((float *)score)[b] = (float)w->s[b].best;
        ((int32_t *)length)[b] = w->s[b].length;
    }
done:
    return st;
}

static omn_status begin(writing *w, int64_t steps, const char *of, omn_error *err)
{
    omn_status st = OMN_OK;
    char stage[64];
    void *p[3] = { NULL };
    const int64_t rows = w->B * w->K;
    const size_t each = (size_t)w->M + 2;
    int32_t *room = omn_call_scratch(w->r->g->call, (size_t)(w->B + 1) * MOST_BEAMS * each +
                                     (size_t)w->B * each, sizeof *room);
    w->s = omn_call_scratch(w->r->g->call, (size_t)w->B + 1, sizeof *w->s);
    w->ids = omn_call_scratch(w->r->g->call, (size_t)rows * 4, sizeof *w->ids);
    w->best = omn_call_scratch(w->r->g->call, (size_t)(3 * w->K), sizeof *w->best);
    if (!room || !w->s || !w->ids || !w->best)
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", w->r->g->name));
    w->from = w->ids + 2 * rows;
    for (int64_t b = 0; b <= w->B; b++)
        for (int k = 0; k < MOST_BEAMS; k++, room += each)
            w->s[b].beams[k] = (beam){ k ? FAR : 0, room };
    for (int64_t b = 0; b < w->B; b++, room += each) w->s[b].caption = room;
    for (int64_t i = 0; i < rows; i++) {
        w->ids[2 * i] = 0;
        w->ids[2 * i + 1] = (int32_t)beit3_of(w->r)->mask;
    }
    omn_format(stage, sizeof stage, "%s.step_logits", of);
    OMN_TRY(omn_feed_new(w->r->made, stage, OMN_F32, omn_dim3(steps, rows, w->V), &p[0], err));
    omn_format(stage, sizeof stage, "%s.step_ids", of);
    OMN_TRY(omn_feed_new(w->r->made, stage, OMN_I32, omn_dim3(steps, rows, 2), &p[1], err));
    omn_format(stage, sizeof stage, "%s.active", of);
    OMN_TRY(omn_feed_new(w->r->made, stage, OMN_I32, omn_dim2(steps, w->B), &p[2], err));
    w->logits = p[0];
    w->fed = p[1];
    w->active = p[2];
done:
    return st;
}

/* One search, by so many beams, through as many steps as the file has. */
static omn_status write_all(writing *w, const char *of, omn_error *err)
{
    omn_status st = OMN_OK;
    char name[64];
    omn_tensor logits;
    omn_format(name, sizeof name, "out.%s.step_logits", of);
    const omn_tensor *want = omn_weights_get(w->r->g->file, name), *ids;
    OMN_TRY(encode(w, err));
    const int64_t rows = w->B * w->K;
    omn_format(name, sizeof name, "out.%s.step_ids", of);
    OMN_TRY(golden_input(w->r->g, name, OMN_I32, 3, &ids, err));
    if (want->type != OMN_F32 || want->shape.rank != 3 || want->shape.dim[1] != rows ||
        want->shape.dim[2] != w->V || ids->shape.dim[0] != want->shape.dim[0] ||
        ids->shape.dim[1] != rows || ids->shape.dim[2] != 2 || want->shape.dim[0] > w->M)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: step_logits [steps,%lld,%lld] and step_ids of "
                         "as many steps are wanted", w->r->g->name, (long long)rows,
                         (long long)w->V));
    const int64_t steps = want->shape.dim[0];
    OMN_TRY(begin(w, steps, of, err));
    for (int64_t t = 0; t < steps; t++) {
        if (t) OMN_TRY(omn_exec_reorder(w->r->exec, w->from, (size_t)rows, err));
        OMN_TRY(step(w, (int32_t)t, &logits, err));
        for (int64_t b = 0; b < w->B; b++) advance(w, t, b, logits.data, want, ids);
    }
    OMN_TRY(tell(w, of, err));
done:
    return st;
}

omn_status verify_search(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    const verify_how how = { .task = "captioning" };
    OMN_TRY(verify_open(v, &how, &r, err));
    for (int64_t K = 1; K <= MOST_BEAMS; K++) {
        char of[32], name[64];
        writing w = { .r = &r, .K = K, .M = v->max_len, .V = v->vocab, .alpha = 0.6 };
        omn_format(of, sizeof of, "beam%d", (int)K);
        omn_format(name, sizeof name, "out.%s.step_logits", of);
        if (omn_weights_get(v->g.file, name)) OMN_TRY(write_all(&w, of, err));
    }
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
