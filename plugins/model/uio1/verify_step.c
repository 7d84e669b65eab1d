/* SPDX-License-Identifier: Apache-2.0 */
/* Texts by Unified-IO 1 as the published program searches: beams whose scores are plain sums (one
 * of them: the likeliest id each time), through as many places as are asked for and one of a
 * picture behind them, whatever ends. What stands behind an end is seen by nobody, itself included:
 * such places, which this library never writes, are asked of the graph that teaches; all others are
 * steps. */
#include "verify.h"

#include "uio1.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST_BEAMS 16
#define END        1
#define FORBIDDEN  (-1e10f)
#define FAR        (-1e7)

typedef struct choice { double score; int32_t beam, id; } choice;

typedef struct writing {
    golden_run *r;
    int64_t B, K, T, rows, places;        /* requests, beams, text places, both, of the memory */
    int64_t V, C;
    const omn_tensor *mask, *range;       /* what each step may say; NULL: anything */
    int32_t *said, *was, *from, *newest;  /* [rows,T + 1], the same before, [rows], [rows] */
    double *score;                        /* [rows] */
    float *stepped, *logits;              /* [rows,V]: of the step; what counts */
    int32_t *fed;                         /* stages */
    float *margin, *step_logits, *image_logits;
    int64_t first, n_steps;               /* which of the steps' logits are kept */
} writing;

static bool has_ended(const writing *w, int64_t row, int64_t step)
{
    for (int64_t i = 0; i < step; i++)
        if (w->said[row * (w->T + 1) + i] == END) return true;
    return false;
}

/* ---- logits ---------------------------------------------------------------------------------- */

static omn_status step(writing *w, int64_t i, omn_error *err)
{
    omn_tensor t;
    for (int64_t k = 0; k < w->rows; k++)
        w->newest[k] = i ? w->said[k * (w->T + 1) + i - 1] : 0;
    const golden_step s = { .role = "text", .rows = w->rows, .length = 1, .capacity = w->T,
                            .memory_rows = w->B, .memory_length = w->places, .ids = w->newest,
                            .start = (int32_t)i };
    const omn_status st = golden_step_run(w->r, &s, &t, err);
    if (st == OMN_OK) memcpy(w->stepped, t.data, t.bytes);
    return st;
}

static omn_status noised(golden_run *r, const char *role, int64_t rows, int64_t T, float **out,
                         omn_error *err)
{
    char name[64];
    void *data = NULL;
    snprintf(name, sizeof name, "target.%s.noised", role);
    const omn_status st = omn_feed_new(r->feed, name, OMN_F32, omn_dim2(rows, T), &data, err);
    if (st == OMN_OK) memset(data, 0, (size_t)(rows * T) * sizeof(float));
    *out = data;
    return st;
}

/* All places at once, those behind an end hidden. */
static omn_status teach(writing *w, int64_t i, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_sizes z;
    verify_target t, p;
    float *hide = NULL, *none = NULL;
    OMN_TRY(verify_inputs(w->r, w->K, &z, err));
    OMN_TRY(verify_target_new(w->r, "text", w->rows, w->T, false, &t, err));
    OMN_TRY(verify_target_new(w->r, "image", w->rows, 1, false, &p, err));
    OMN_TRY(noised(w->r, "text", w->rows, w->T, &hide, err));
    OMN_TRY(noised(w->r, "image", w->rows, 1, &none, err));
    for (int64_t k = 0; k < w->rows * w->T; k++) {
        const int64_t row = k / w->T, at = k % w->T;
        t.ids[k] = at && at <= i ? w->said[row * (w->T + 1) + at - 1] : 0;
        t.pos[k] = (int32_t)at;
        t.seg[k] = t.part[k] = 1;
        hide[k] = at <= i && has_ended(w, row, at);
    }
    for (int64_t k = 0; k < w->rows; k++) {
        p.ids[k] = UIO1_IMAGE_START;
        p.pos[k] = p.seg[k] = p.part[k] = 1;
    }
    z.outputs[0] = "text";
    z.outputs[1] = "image";
    z.targets[0] = w->T;
    z.targets[1] = 1;
    z.n_outputs = 2;
    st = verify_run(w->r, OMN_TEACH, &z, false, true, err);
done:
    return st;
}

/* Logits [rows,V] of step i; the last one's are a picture's. */
static omn_status ask(writing *w, int64_t i, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_tensor t;
    bool ended = i == w->T;
    if (i < w->T) OMN_TRY(step(w, i, err));
    memcpy(w->logits, w->stepped, (size_t)(w->rows * w->V) * sizeof *w->logits);
    for (int64_t k = 0; k < w->rows; k++) ended = ended || has_ended(w, k, i);
    if (!ended) goto done;
    OMN_TRY(teach(w, i, err));
    OMN_TRY(omn_exec_output(w->r->exec, w->r->graph, i < w->T ? "logits.text" : "logits.image", &t,
                            err));
    for (int64_t k = 0; k < w->rows; k++) {
        const float *x = t.data;
        if (i == w->T)
            memcpy(w->logits + k * w->V, x + k * (w->C + UIO1_IMAGE_CODES) + UIO1_IMAGE_CODES,
                   (size_t)w->C * sizeof *x);
        else if (has_ended(w, k, i))
            memcpy(w->logits + k * w->V, x + (k * w->T + i) * w->V, (size_t)w->V * sizeof *x);
    }
done:
    return st;
}

/* ---- the search ------------------------------------------------------------------------------ */

static bool forbidden(const writing *w, int64_t i, int64_t id)
{
    if (w->mask && i < w->mask->shape.dim[0])
        return verify_int(w->mask, i * w->mask->shape.dim[1] + id) != 0;
    if (w->range && i < w->range->shape.dim[0])
        return id < verify_int(w->range, 2 * i) || id >= verify_int(w->range, 2 * i + 1);
    return false;
}

static void keep(writing *w, int64_t i)
{
    const int64_t n = w->n_steps;
    for (int64_t k = 0; k < w->rows; k++) {
        float *x = w->logits + k * w->V;
        for (int64_t id = 0; id < w->V && i < w->T; id++)
            if (forbidden(w, i, id)) x[id] = FORBIDDEN;
        if (w->step_logits && i < w->T && i >= w->first && i - w->first < n)
            memcpy(w->step_logits + (k * n + i - w->first) * w->V, x, (size_t)w->V * sizeof *x);
        if (w->image_logits && i == w->T)
            memcpy(w->image_logits + k * w->C, x, (size_t)w->C * sizeof *x);
        w->fed[k * (w->T + 1) + i] = i ? w->said[k * (w->T + 1) + i - 1] : 0;
    }
}

/* The best of all beams of a request, the worst of them first. */
static void rank(writing *w, int64_t b, int64_t i, choice *best)
{
    int64_t have = 0;
    const int64_t n = i < w->T ? w->V : w->C;
    for (int64_t k = b * w->K; k < (b + 1) * w->K; k++) {
        const float *x = w->logits + k * w->V;
        const double sum = golden_log_sum(x, n);
        const int32_t top = golden_likeliest(x, n);
        float second = FORBIDDEN;
        for (int64_t id = 0; id < n; id++) {
            if (id != top && x[id] > second) second = x[id];
            const choice c = { w->score[k] + (double)x[id] - sum, (int32_t)k, (int32_t)id };
            if (have == w->K && c.score <= best[have - 1].score) continue;
            int64_t at = have < w->K ? have++ : have - 1;
            for (; at > 0 && c.score > best[at - 1].score; at--) best[at] = best[at - 1];
            best[at] = c;
        }
        /* 1 is what the file says where there is no second */
        w->margin[k * (w->T + 1) + i] = second > FORBIDDEN ? x[top] - second : 1;
    }
}

static omn_status advance(writing *w, int64_t i, omn_error *err)
{
    const int64_t n = w->T + 1;
    const int32_t first = i < w->T ? 0 : (int32_t)w->V;
    choice best[MOST_BEAMS];
    memcpy(w->was, w->said, (size_t)(w->rows * n) * sizeof *w->was);
    for (int64_t b = 0; b < w->B; b++) {
        rank(w, b, i, best);
        for (int64_t k = 0; k < w->K; k++) {
            const choice *c = &best[w->K - 1 - k];
            const int64_t row = b * w->K + k;
            memcpy(w->said + row * n, w->was + c->beam * n, (size_t)n * sizeof *w->was);
            w->said[row * n + i] = first + c->id;
            w->from[row] = c->beam;
            w->score[row] = c->score;
        }
    }
    return w->K > 1 ? omn_exec_reorder(w->r->exec, w->from, (size_t)w->rows, err) : OMN_OK;
}

/* ---- stages ---------------------------------------------------------------------------------- */

static omn_status room(writing *w, omn_error *err)
{
    omn_call *c = w->r->g->call;
    const size_t n = (size_t)(w->rows * (w->T + 1));
    w->said = omn_call_scratch(c, 2 * n + 2 * (size_t)w->rows, sizeof *w->said);
    w->score = omn_call_scratch(c, (size_t)w->rows, sizeof *w->score);
    w->stepped = omn_call_scratch(c, 2 * (size_t)(w->rows * (w->V > w->C ? w->V : w->C)),
                                  sizeof *w->stepped);
    if (!w->said || !w->score || !w->stepped)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", w->r->g->name);
    memset(w->said, 0, n * sizeof *w->said);
    w->was = w->said + n;
    w->from = w->was + n;
    w->newest = w->from + w->rows;
    w->logits = w->stepped + w->rows * w->V;
    for (int64_t k = 0; k < w->rows; k++) w->score[k] = k % w->K ? FAR : 0;
    return OMN_OK;
}

/* Room for the stages that the file has. */
static omn_status stages(writing *w, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_weights *file = w->r->g->file;
    const omn_tensor *steps = omn_weights_get(file, "out.step_logits");
    void *to = NULL;
    if (steps && steps->shape.rank == 3 && steps->shape.dim[1] <= w->T) {
        w->n_steps = steps->shape.dim[1];
        w->first = w->n_steps < w->T && w->mask ? w->mask->shape.dim[0] : 0;
        OMN_TRY(golden_put_new(w->r, "step_logits", OMN_F32,
                               omn_dim3(w->rows, w->n_steps, w->V), &to, err));
        w->step_logits = to;
    }
    if (omn_weights_get(file, "out.image_step_logits")) {
        OMN_TRY(golden_put_new(w->r, "image_step_logits", OMN_F32, omn_dim2(w->rows, w->C), &to,
                               err));
        w->image_logits = to;
    }
    OMN_TRY(golden_put_new(w->r, "margin", OMN_F32, omn_dim2(w->rows, w->T + 1), &to, err));
    w->margin = to;
    OMN_TRY(golden_put_new(w->r, "fed", OMN_I32, omn_dim2(w->rows, w->T + 1), &to, err));
    w->fed = to;
done:
    return st;
}

static omn_status tell(writing *w, omn_error *err)
{
    omn_status st = OMN_OK;
    void *tokens = NULL, *scores = NULL;
    const size_t n = (size_t)(w->rows * (w->T + 1));
    OMN_TRY(golden_put_new(w->r, "tokens", OMN_I32, omn_dim3(w->B, w->K, w->T + 1), &tokens, err));
    OMN_TRY(golden_put_new(w->r, "scores", OMN_F32, omn_dim2(w->B, w->K), &scores, err));
    memcpy(tokens, w->said, n * sizeof *w->said);
    for (int64_t k = 0; k < w->rows; k++) ((float *)scores)[k] = (float)w->score[k];
done:
    return st;
}

static omn_status begin(writing *w, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_sizes z;
    omn_tensor memory;
    const golden *g = w->r->g;
    const omn_tensor *t;
    OMN_TRY(golden_input(&(golden){ .name = g->name, .in = g->file }, "out.tokens", OMN_I32, 3, &t,
                         err));
    w->B = t->shape.dim[0];
    w->K = t->shape.dim[1];
    w->T = t->shape.dim[2] - 1;
    w->rows = w->B * w->K;
    w->V = uio1_of(w->r)->V;
    w->C = uio1_of(w->r)->C;
    w->mask = omn_weights_get(g->file, "in.logit_mask");
    w->range = omn_weights_get(g->file, "in.allowed_range");
    if (w->K > MOST_BEAMS || w->T < 1 || w->rows > 4096 || w->T > 8192)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: out.tokens [requests,beams,steps] has at most %d "
                         "beams", g->name, MOST_BEAMS));
    if (w->mask) OMN_TRY(golden_input(g, "in.logit_mask", OMN_I32, 2, &w->mask, err));
    if (w->range) OMN_TRY(golden_input(g, "in.allowed_range", OMN_I32, 2, &w->range, err));
    if ((w->mask && w->mask->shape.dim[1] < w->V) || (w->range && w->range->shape.dim[1] != 2))
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: what a step may say has another size", g->name));
    OMN_TRY(room(w, err));
    OMN_TRY(stages(w, err));
    OMN_TRY(verify_inputs(w->r, 1, &z, err));
    OMN_TRY(verify_run(w->r, OMN_ENCODE, &z, false, false, err));
    OMN_TRY(omn_exec_output(w->r->exec, w->r->graph, "memory", &memory, err));
    w->places = memory.shape.dim[1];
    if (memory.shape.dim[0] != w->B)
        st = omn_fail(err, OMN_ERR_DATA, "%s: out.tokens is of other requests", g->name);
done:
    return st;
}

omn_status verify_texts(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    writing w = { .r = &r };
    OMN_TRY(verify_open(v, false, &r, err));
    OMN_TRY(begin(&w, err));
    for (int64_t i = 0; i <= w.T; i++) {
        OMN_TRY(ask(&w, i, err));
        keep(&w, i);
        OMN_TRY(advance(&w, i, err));
    }
    OMN_TRY(tell(&w, err));
    OMN_TRY(verify_places(&r, w.said, w.B, w.T + 1, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
