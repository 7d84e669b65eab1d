/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases of the encode and step graphs: greedy decoding over cached states, and the scores of
 * options. */
#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_STEPS    65536
#define CAPACITY_STEP 16

typedef struct decoding {
    omn_model *model;
    omn_exec *exec;
    omn_feed *feed, *made;
    const char *role; /* what is written */
    int64_t rows, memory_rows, memory_length;
} decoding;

static bool find(void *user, const char *stage, omn_tensor *out)
{
    const omn_tensor *t = omn_feed_get(((const decoding *)user)->made, stage);
    if (t) *out = *t;
    return t != NULL;
}

static void end(decoding *d)
{
    omn_feed_free(d->made);
    omn_feed_free(d->feed);
    omn_exec_free(d->exec);
    omn_model_close(d->model);
}

/* Inputs into the states of a fresh run. */
static omn_status begin(decoding *d, verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    verify_sizes z;
    omn_graph *g = NULL;
    omn_tensor memory;
    OMN_TRY(verify_model(v, NULL, &d->model, err));
    OMN_TRY(omn_exec_new(omn_model_program(d->model), &d->exec, err));
    OMN_TRY(omn_feed_make(&d->feed, err));
    OMN_TRY(omn_feed_make(&d->made, err));
    OMN_TRY(verify_inputs(v, d->model, d->feed, &z, err));
    const omn_graph_sizes sizes = {
        OMN_FILL(omn_graph_sizes), .phase = OMN_ENCODE,  .rows = z.rows,
        .roles = z.roles,          .lengths = z.lengths, .n_roles = z.n_roles
    };
    OMN_TRY(omn_model_graph(d->model, &sizes, &g, err));
    OMN_TRY(omn_exec_run(d->exec, g, d->feed, v->call, err));
    OMN_TRY(omn_exec_output(d->exec, g, "memory", &memory, err));
    d->rows = z.rows;
    d->memory_rows = memory.shape.dim[0];
    d->memory_length = memory.shape.dim[1];
done:
    return st;
}

/* Logits [rows, T, V] for ids [rows, T] from place `start` on, reading memory_row; borrowed until
 * the next run. */
static omn_status step(decoding *d, omn_call *c, int64_t rows, int64_t T, int64_t capacity,
                       const int32_t *ids, int32_t start, const int32_t *memory_row,
                       omn_tensor *logits, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_graph *g = NULL;
    omn_feed *f = NULL;
    char name[96];
    void *p[5] = { 0 };
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes),
                                .phase = OMN_STEP,
                                .rows = rows,
                                .output = d->role,
                                .target_length = T,
                                .capacity = capacity,
                                .memory_rows = d->memory_rows,
                                .memory_length = d->memory_length };
    OMN_TRY(omn_model_graph(d->model, &z, &g, err));
    OMN_TRY(omn_feed_make(&f, err));
    OMN_TRY(omn_feed_new(f, "target.ids", OMN_I32, omn_dim2(rows, T), &p[0], err));
    OMN_TRY(omn_feed_new(f, "target.pos", OMN_I32, omn_dim2(rows, T), &p[1], err));
    OMN_TRY(omn_feed_new(f, "target.seg", OMN_I32, omn_dim2(rows, T), &p[2], err));
    OMN_TRY(omn_feed_new(f, "start", OMN_I32, omn_dim1(rows), &p[3], err));
    OMN_TRY(omn_feed_new(f, "memory_row", OMN_I32, omn_dim1(rows), &p[4], err));
    memcpy(p[0], ids, (size_t)(rows * T) * sizeof *ids);
    memcpy(p[4], memory_row, (size_t)rows * sizeof *memory_row);
    for (int64_t i = 0; i < rows * T; i++) {
        ((int32_t *)p[1])[i] = start + (int32_t)(i % T);
        ((int32_t *)p[2])[i] = 1;
    }
    for (int64_t i = 0; i < rows; i++) ((int32_t *)p[3])[i] = start;
    OMN_TRY(omn_exec_run(d->exec, g, f, c, err));
    snprintf(name, sizeof name, "logits.%s", d->role);
    OMN_TRY(omn_exec_output(d->exec, g, name, logits, err));
done:
    omn_feed_free(f);
    return st;
}

/* The largest, the smaller id on ties. */
static int32_t likeliest(const float *logits, int64_t V)
{
    int32_t best = 0;
    for (int64_t i = 1; i < V; i++)
        if (logits[i] > logits[best]) best = (int32_t)i;
    return best;
}

/* The vocabulary of what is written; NULL: the model does not write it. */
static const omn_vocab *vocabulary(const decoding *d)
{
    const omn_part *part = omn_model_decoder(d->model, d->role);
    return part ? omn_part_vocabulary(part) : NULL;
}

/* log softmax of logits [V]. */
static void log_softmax(const float *logits, int64_t V, double *out)
{
    double top = logits[0], sum = 0;
    for (int64_t i = 1; i < V; i++)
        if (logits[i] > top) top = logits[i];
    for (int64_t i = 0; i < V; i++) sum += exp((double)logits[i] - top);
    for (int64_t i = 0; i < V; i++) out[i] = (double)logits[i] - top - log(sum);
}

/* Guidance by alpha: (1 + alpha) log p(first row) - alpha log p(second row), with which an answer
 * is chosen (omn_condition: the weight of the second is -alpha). */
static omn_status guided(const verify *v, const float *logits, int64_t V, double alpha,
                         float *out, omn_error *err)
{
    double *p = calloc(2 * (size_t)V, sizeof *p);
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->name);
    log_softmax(logits, V, p);
    log_softmax(logits + V, V, p + V);
    for (int64_t i = 0; i < V; i++) out[i] = (float)((1 + alpha) * p[i] - alpha * p[V + i]);
    free(p);
    return OMN_OK;
}

typedef struct writing {
    int64_t answers, steps, V; /* rows that write; those of guidance read what the first writes */
    double alpha;              /* of guidance; 0: none */
    int32_t *tokens, *ids, *rows;
    float *logits, *scores;
} writing;

static omn_status begin_writing(decoding *d, verify *v, writing *w, omn_error *err)
{
    omn_status st = OMN_OK;
    const int64_t B = d->rows;
    void *tokens = NULL, *logits = NULL, *scores = NULL;
    w->ids = calloc((size_t)B, sizeof *w->ids);
    w->rows = calloc((size_t)B, sizeof *w->rows);
    if (!w->ids || !w->rows) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->name);
        goto done;
    }
    OMN_TRY(omn_feed_new(d->made, "tokens", OMN_I32, omn_dim2(w->answers, w->steps + 1), &tokens,
                         err));
    OMN_TRY(omn_feed_new(d->made, "step_logits", OMN_F32, omn_dim3(B, w->steps, w->V), &logits,
                         err));
    OMN_TRY(omn_feed_new(d->made, "step_scores", OMN_F32, omn_dim3(w->answers, w->steps, w->V),
                         &scores, err));
    w->tokens = tokens;
    w->logits = logits;
    w->scores = scores;
    for (int64_t b = 0; b < B; b++) w->rows[b] = (int32_t)b;
done:
    return st;
}

/* Every row writes its likeliest tokens, whatever they are; the end token stops nothing. */
static omn_status greedy(decoding *d, verify *v, int64_t steps, double alpha, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_vocab *vocab = vocabulary(d);
    const int64_t B = d->rows, V = vocab->rows;
    const int64_t capacity = (steps + CAPACITY_STEP - 1) / CAPACITY_STEP * CAPACITY_STEP;
    writing w = { .answers = alpha > 0 ? 1 : B, .steps = steps, .V = V, .alpha = alpha };
    omn_tensor logits;
    OMN_TRY(begin_writing(d, v, &w, err));
    for (int64_t b = 0; b < B; b++) w.ids[b] = vocab->start;
    for (int64_t b = 0; b < w.answers; b++) w.tokens[b * (steps + 1)] = vocab->start;
    for (int64_t t = 0; t < steps; t++) {
        OMN_TRY(step(d, v->call, B, 1, capacity, w.ids, (int32_t)t, w.rows, &logits, err));
        const float *all = logits.data;
        for (int64_t b = 0; b < B; b++)
            memcpy(w.logits + (b * steps + t) * V, all + b * V, (size_t)V * sizeof *all);
        for (int64_t b = 0; b < w.answers; b++) {
            float *score = w.scores + (b * steps + t) * V;
            memcpy(score, all + b * V, (size_t)V * sizeof *score);
            if (alpha > 0) OMN_TRY(guided(v, all, V, alpha, score, err));
            w.ids[b] = w.tokens[b * (steps + 1) + t + 1] = likeliest(score, V);
        }
        for (int64_t b = w.answers; b < B; b++) w.ids[b] = w.ids[0];
    }
done:
    free(w.rows);
    free(w.ids);
    return st;
}

omn_status verify_generation(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    decoding d = { 0 };
    const char *modality = omn_weights_meta(v->golden, "modality");
    const char *scale = omn_weights_meta(v->golden, "guidance_scale");
    const omn_tensor *want = omn_weights_get(v->golden, "out.step_logits");
    char *end_of = NULL;
    const double alpha = v->alpha = scale ? omn_number_read(scale, &end_of) : 0;
    d.role = modality ? modality : "image"; /* what is guided, unless it is said */
    if (scale && (*end_of || !(alpha > 0))) {
        st = omn_fail(err, OMN_ERR_DATA, "%s: guidance_scale is \"%s\", a number above 0 is wanted",
                      v->name, scale);
        goto done;
    }
    if (want->shape.rank != 3 || want->shape.dim[1] < 1 || want->shape.dim[1] > MOST_STEPS) {
        st = omn_fail(err, OMN_ERR_DATA, "%s: step_logits wants [rows, steps, ids]", v->name);
        goto done;
    }
    OMN_TRY(begin(&d, v, err));
    if (!vocabulary(&d)) {
        st = omn_fail(err, OMN_ERR_UNSUPPORTED,
                      "%s: not supported, no part of this build writes %s", v->name, d.role);
        goto done;
    }
    if (alpha > 0 && d.rows != 2) {
        st = omn_fail(err, OMN_ERR_DATA, "%s: guidance wants one row and its own", v->name);
        goto done;
    }
    OMN_TRY(greedy(&d, v, want->shape.dim[1], alpha, err));
    OMN_TRY(verify_compare(v, find, &d, err));
done:
    end(&d);
    return st;
}

/* -log softmax(logits)[id], in double precision. */
static double nll(const float *logits, int64_t V, int32_t id)
{
    double top = logits[0], sum = 0;
    for (int64_t i = 1; i < V; i++)
        if (logits[i] > top) top = logits[i];
    for (int64_t i = 0; i < V; i++) sum += exp((double)logits[i] - top);
    return log(sum) + top - (double)logits[id];
}

/* What option i (ids up to the first 0) costs, summed; n: its tokens. */
static omn_status cost(decoding *d, verify *v, const omn_tensor *options, size_t i, double *sum,
                       size_t *n, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t L = (size_t)options->shape.dim[1];
    const int32_t *want = (const int32_t *)options->data + i * L, row = 0;
    const omn_vocab *vocab = omn_part_vocabulary(omn_model_decoder(d->model, "text"));
    omn_tensor logits;
    int32_t *in = calloc(L, sizeof *in);
    *sum = 0;
    *n = 0;
    while (*n < L && want[*n] > 0) ++*n;
    if (!*n)
        st = omn_fail(err, OMN_ERR_DATA, "%s: option %zu has no tokens", v->name, i);
    else if (!in)
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->name);
    if (st != OMN_OK) goto done;
    in[0] = vocab->start;
    memcpy(in + 1, want, (L - 1) * sizeof *in);
    OMN_TRY(step(d, v->call, 1, (int64_t)L, (int64_t)L, in, 0, &row, &logits, err));
    const int64_t V = logits.shape.dim[2];
    for (size_t t = 0; t < *n; t++)
        *sum += nll((const float *)logits.data + (int64_t)t * V, V, want[t]);
done:
    free(in);
    return st;
}

/* Both kinds of score and the best option. */
static omn_status score(decoding *d, verify *v, const omn_tensor *options, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t n = (size_t)options->shape.dim[0];
    void *out[3] = { 0 };
    double best = 0;
    OMN_TRY(omn_feed_new(d->made, "scores_sum", OMN_F32, omn_dim1((int64_t)n), &out[0], err));
    OMN_TRY(omn_feed_new(d->made, "scores_average", OMN_F32, omn_dim1((int64_t)n), &out[1], err));
    OMN_TRY(omn_feed_new(d->made, "best", OMN_I32, omn_dim1(1), &out[2], err));
    for (size_t i = 0; i < n; i++) {
        double sum;
        size_t tokens;
        OMN_TRY(cost(d, v, options, i, &sum, &tokens, err));
        const double mean = sum / (double)tokens;
        ((float *)out[0])[i] = (float)sum;
        ((float *)out[1])[i] = (float)mean;
        if (i && mean >= best) continue;
        best = mean;
        *(int32_t *)out[2] = (int32_t)i;
    }
done:
    return st;
}

omn_status verify_scores(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    decoding d = { .role = "text" };
    const omn_tensor *options;
    OMN_TRY(verify_input(v, "in.options", OMN_I32, 2, &options, err));
    OMN_TRY(begin(&d, v, err));
    OMN_TRY(score(&d, v, options, err));
    OMN_TRY(verify_compare(v, find, &d, err));
done:
    end(&d);
    return st;
}
