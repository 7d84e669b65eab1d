/* SPDX-License-Identifier: Apache-2.0 */
/* Optimisers against the same formulas in double: 40 steps down a quadratic whose curvature couples
 * neighbours. f32 weights and moments differ from that by rounding alone, some 1e-6 of the distance
 * walked; 1e-4 is allowed. */
#include <omnio/train.h>

#include "libcore/graph/inside.h"
#include "tests/testing.h"
#include "tests/train/reference.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 40
#define LATER 17

typedef struct world {
    omn_store *store;
    omn_pool *pool;
    size_t n;
    size_t count[8], rows[8], cols[8], rank[8];
    const char *names[8];
    float *g[8];
    double *w[8], *m[8], *v[8], *target[8];
} world;

static double noise(uint64_t i)
{
    return (double)(omn_random_at(7, 1, i) >> 11) / (double)(1ull << 53) * 2 - 1;
}

static void add(world *k, const char *name, omn_shape shape)
{
    long number = 0;
    omn_tensor t;
    ck_assert_int_eq(store_declare(k->store, name, &shape, OMN_INIT_NORMAL, 1, &number, &t, NULL),
                     OMN_OK);
    const size_t i = k->n++;
    ck_assert(omn_shape_count(&shape, &k->count[i]));
    k->names[i] = name;
    k->rank[i] = shape.rank;
    k->cols[i] = (size_t)shape.dim[shape.rank - 1];
    k->rows[i] = k->count[i] / k->cols[i];
    k->g[i] = calloc(k->count[i], sizeof(float));
    k->w[i] = calloc(4 * k->count[i], sizeof(double));
    k->m[i] = k->w[i] + k->count[i];
    k->v[i] = k->m[i] + k->count[i];
    k->target[i] = k->v[i] + k->count[i];
    for (size_t e = 0; e < k->count[i]; e++) {
        k->w[i][e] = (double)omn_store_data(k->store, i)[e];
        k->target[i][e] = 2 * noise(1000 * i + e);
    }
}

static world small_world(uint32_t threads)
{
    world k = { 0 };
    ck_assert_int_eq(omn_store_new(3, NULL, true, &k.store, NULL), OMN_OK);
    ck_assert_int_eq(omn_pool_new(threads, &k.pool, NULL), OMN_OK);
    add(&k, "encoder.layers_0.mlp.wo.weight", omn_dim2(24, 17));
    add(&k, "encoder.layers_0.mlp.wi.weight", omn_dim2(9, 40));
    add(&k, "text_token_embedder.weight", omn_dim2(12, 8));
    add(&k, "encoder.norm.scale", omn_dim1(7));
    add(&k, "stem.0.weight", omn_dim4(5, 3, 3, 3));
    return k;
}

static void end(world *k)
{
    for (size_t i = 0; i < k->n; i++) {
        free(k->g[i]);
        free(k->w[i]);
    }
    omn_store_free(k->store);
    omn_pool_free(k->pool);
}

/* The gradient at w: curvature 0.1..2 and a pull between neighbours. */
static double slope(const double *w, const double *to, size_t n, size_t e)
{
    const double here = w[e] - to[e], next = w[(e + 1) % n] - to[(e + 1) % n];
    return (1.05 + 0.95 * noise(e)) * here + 0.3 * next;
}

static const float *const *gradients(world *k, const float **list)
{
    for (size_t i = 0; i < k->n; i++) {
        const float *w = omn_store_data(k->store, i);
        double *now = malloc(k->count[i] * sizeof(double));
        for (size_t e = 0; e < k->count[i]; e++) now[e] = (double)w[e];
        for (size_t e = 0; e < k->count[i]; e++)
            k->g[i][e] = (float)slope(now, k->target[i], k->count[i], e);
        free(now);
        list[i] = k->g[i];
    }
    return list;
}

/* Gradients of the reference, clipped; returns the norm before. */
/* pace: what does not move does not count. */
static double reference_gradients(world *k, double **g, double clip, const double (*pace)[2])
{
    double sum = 0;
    for (size_t i = 0; i < k->n; i++)
        for (size_t e = 0; e < k->count[i]; e++) {
            g[i][e] = slope(k->w[i], k->target[i], k->count[i], e);
            if (!pace || pace[i][0] > 0) sum += g[i][e] * g[i][e];
        }
    const double norm = sqrt(sum), by = norm > clip ? clip / norm : 1;
    for (size_t i = 0; i < k->n; i++)
        for (size_t e = 0; e < k->count[i]; e++) g[i][e] *= by;
    return norm;
}

static void adamw_step(world *k, size_t i, const double *g, int turn, const omn_train_setup *s)
{
    const double c1 = 1 - pow(s->beta1, turn + 1), c2 = 1 - pow(s->beta2, turn + 1);
    for (size_t e = 0; e < k->count[i]; e++) {
        k->m[i][e] = s->beta1 * k->m[i][e] + (1 - s->beta1) * g[e];
        k->v[i][e] = s->beta2 * k->v[i][e] + (1 - s->beta2) * g[e] * g[e];
        k->w[i][e] *= 1 - s->rate * s->decay;
        k->w[i][e] -= s->rate * (k->m[i][e] / c1) / (sqrt(k->v[i][e] / c2) + s->eps);
    }
}

/* Spec uio2-model section 13. v holds the moments, or rows and columns of a factored matrix. */
static void adafactor_step(world *k, size_t i, const double *g, int turn, const omn_train_setup *s)
{
    const size_t n = k->count[i], R = k->rows[i], C = k->cols[i];
    const double b2 = 1 - pow(turn + 1, -0.8);
    double *y = malloc(n * sizeof(double)), size = 0, param = 0;
    if (k->rank[i] == 2 && R >= s->factor_from && C >= s->factor_from) {
        double *r = k->v[i], *c = r + R, mean = 0;
        for (size_t a = 0; a < R; a++) {
            double sum = 0;
            for (size_t b = 0; b < C; b++) sum += g[a * C + b] * g[a * C + b] + 1e-30;
            r[a] = b2 * r[a] + (1 - b2) * sum / (double)C;
            mean += r[a] / (double)R;
        }
        for (size_t b = 0; b < C; b++) {
            double sum = 0;
            for (size_t a = 0; a < R; a++) sum += g[a * C + b] * g[a * C + b] + 1e-30;
            c[b] = b2 * c[b] + (1 - b2) * sum / (double)R;
        }
        for (size_t e = 0; e < n; e++) y[e] = g[e] / sqrt(r[e / C] / mean) / sqrt(c[e % C]);
    } else {
        for (size_t e = 0; e < n; e++) {
            k->v[i][e] = b2 * k->v[i][e] + (1 - b2) * (g[e] * g[e] + 1e-30);
            y[e] = g[e] / sqrt(k->v[i][e]);
        }
    }
    for (size_t e = 0; e < n; e++) {
        size += y[e] * y[e] / (double)n;
        param += k->w[i][e] * k->w[i][e] / (double)n;
    }
    const double by = s->rate * fmax(sqrt(param), 1e-3) / fmax(1, sqrt(size));
    for (size_t e = 0; e < n; e++) {
        k->m[i][e] = 0.9 * k->m[i][e] + 0.1 * by * y[e];
        k->w[i][e] -= k->m[i][e];
    }
    free(y);
}

static void muon_step(world *k, size_t i, const double *g, const omn_train_setup *s)
{
    const size_t n = k->count[i], R = k->rows[i], C = k->cols[i];
    double *u = malloc(n * sizeof(double));
    for (size_t e = 0; e < n; e++) {
        k->m[i][e] = s->momentum * k->m[i][e] + g[e];
        u[e] = g[e] + s->momentum * k->m[i][e];
    }
    reference_newton(u, R, C);
    const double by = s->rate_muon * sqrt(fmax(1, (double)R / (double)C));
    for (size_t e = 0; e < n; e++)
        k->w[i][e] = k->w[i][e] * (1 - s->rate_muon * s->decay) - by * u[e];
    free(u);
}

/* by: factors of rate and decay of each weight, NULL: 1; later: those from step LATER on. */
static void walk_by(const omn_train_setup *s, const double (*by)[2], const double (*later)[2])
{
    int moved[8] = { 0 };
    world k = small_world(2);
    const float *list[8];
    double *g[8], worst = 0;
    omn_opt *o = NULL;
    ck_assert_int_eq(omn_opt_new(k.store, s, &o, NULL), OMN_OK);
    for (size_t i = 0; i < k.n; i++) g[i] = malloc(k.count[i] * sizeof(double));
    for (int turn = 0; turn < STEPS; turn++) {
        double norm = 0;
        bool finite = false;
        if (turn == LATER) by = later;
        const double want = reference_gradients(&k, g, s->clip, by);
        ck_assert_int_eq(omn_opt_step(o, gradients(&k, list), 1, k.pool, &norm, &finite, NULL),
                         OMN_OK);
        ck_assert(finite);
        ck_assert_double_eq_tol(norm, want, 1e-4 * want);
        for (size_t i = 0; i < k.n; i++) {
            omn_train_setup own = *s;
            own.rate *= by ? by[i][0] : 1;
            own.rate_muon *= by ? by[i][0] : 1;
            own.decay *= by ? by[i][1] : 1;
            if (!(own.rate > 0)) continue;
            if (s->optimizer == OMN_ADAFACTOR) adafactor_step(&k, i, g[i], moved[i], s);
            else if (s->optimizer == OMN_MUON && i < 2) muon_step(&k, i, g[i], &own);
            else adamw_step(&k, i, g[i], moved[i], &own);
            moved[i]++;
        }
    }
    for (size_t i = 0; i < k.n; i++) {
        for (size_t e = 0; e < k.count[i]; e++)
            worst = fmax(worst, fabs(k.w[i][e] - (double)omn_store_data(k.store, i)[e]));
        free(g[i]);
    }
    ck_assert_double_lt(worst, 1e-4);
    omn_opt_free(o);
    end(&k);
}

static void walk(const omn_train_setup *s)
{
    walk_by(s, NULL, NULL);
}

/* Of several groups that a weight is in the first counts. */
START_TEST(groups_of_weights_walk_on_their_own)
{
    const omn_train_group groups[] = { { "encoder.layers_?.**", 0.25, 1 },
                                       { "**.scale", 1, 0 },
                                       { "encoder.layers_0.mlp.wi.weight", 9, 9 },
                                       { "stem.*", 7, 7 },
                                       { "stem.0.weight", 0, 1 } };
    const double by[5][2] = { { 0.25, 1 }, { 0.25, 1 }, { 1, 1 }, { 1, 0 }, { 0, 1 } };
    const omn_train_setup s = { OMN_FILL(omn_train_setup), .optimizer = OMN_ADAMW, .rate = 0.03,
                                .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .decay = 0.1, .clip = 5,
                                .groups = groups, .n_groups = 5 };
    walk_by(&s, by, by);
    omn_train_setup muon = s;
    muon.optimizer = OMN_MUON;
    muon.rate_muon = 0.02;
    muon.momentum = 0.95;
    muon.beta2 = 0.98;
    walk_by(&muon, by, by);
}
END_TEST

/* A stage's groups come before the setup's and end with it; what rested starts as if new. */
START_TEST(groups_of_stages_come_and_go)
{
    const omn_train_group usual[] = { { "encoder.**", 0.5, 1 } },
                          first[] = { { "stem.**", 0, 1 }, { "encoder.layers_?.**", 0, 1 } },
                          then[] = { { "encoder.norm.*", 2, 0 } };
    const omn_train_stage stages[] = { { 0, NULL, first, 2 }, { LATER, NULL, then, 1 } };
    const double by[5][2] = { { 0, 1 }, { 0, 1 }, { 1, 1 }, { 0.5, 1 }, { 0, 1 } },
                 later[5][2] = { { 0.5, 1 }, { 0.5, 1 }, { 1, 1 }, { 2, 0 }, { 1, 1 } };
    omn_train_setup s = { OMN_FILL(omn_train_setup), .optimizer = OMN_ADAMW, .rate = 0.03,
                          .rate_muon = 0.02, .momentum = 0.95, .beta1 = 0.9, .beta2 = 0.95,
                          .eps = 1e-8, .decay = 0.1, .clip = 5, .groups = usual, .n_groups = 1,
                          .stages = stages, .n_stages = 2 };
    walk_by(&s, by, later);
    s.optimizer = OMN_MUON;
    walk_by(&s, by, later);
}
END_TEST

START_TEST(adamw_walks_as_in_double)
{
    const omn_train_setup s = { OMN_FILL(omn_train_setup), .optimizer = OMN_ADAMW, .rate = 0.03,
                                .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .decay = 0.1, .clip = 5 };
    walk(&s);
}
END_TEST

/* A gradient as small as the 1e-6 that clip_grad_norm_ puts beside the norm is halved; with an
 * epsilon of its size the first step shows by how much it was scaled. */
START_TEST(adamw_clips_by_norm_plus_1e_6)
{
    const omn_train_setup s = { OMN_FILL(omn_train_setup), .optimizer = OMN_ADAMW, .rate = 1,
                                .eps = 1e-6, .clip = 1e-6 };
    world k = small_world(1);
    omn_opt *o = NULL;
    bool finite = false;
    double norm = 0;
    float one[24 * 17] = { [5] = 1e-6f };
    const float *list[8] = { one };
    const double before = (double)omn_store_data(k.store, 0)[5];
    ck_assert_int_eq(omn_opt_new(k.store, &s, &o, NULL), OMN_OK);
    ck_assert_int_eq(omn_opt_step(o, list, 1, k.pool, &norm, &finite, NULL), OMN_OK);
    ck_assert_double_eq_tol(norm, 1e-6, 1e-12);
    ck_assert_double_eq_tol(before - (double)omn_store_data(k.store, 0)[5], 0.5 / (0.5 + 1), 1e-5);
    omn_opt_free(o);
    end(&k);
}
END_TEST

START_TEST(adafactor_walks_as_in_double)
{
    const omn_train_setup s = { OMN_FILL(omn_train_setup), .optimizer = OMN_ADAFACTOR, .rate = 0.05,
                                .factor_from = 8, .clip = 5 };
    walk(&s);
}
END_TEST

START_TEST(muon_walks_as_in_double)
{
    const omn_train_setup s = { OMN_FILL(omn_train_setup), .optimizer = OMN_MUON, .rate = 0.03,
                                .rate_muon = 0.02, .momentum = 0.95, .beta1 = 0.9, .beta2 = 0.98,
                                .eps = 1e-8, .decay = 0.05, .clip = 5 };
    walk(&s);
}
END_TEST

/* Weights large enough for many chunks; one thread and four must agree to the bit. */
START_TEST(threads_change_nothing)
{
    for (int kind = OMN_ADAMW; kind <= OMN_MUON; kind++) {
        const omn_train_setup s = { OMN_FILL(omn_train_setup), .optimizer = (omn_optimizer)kind,
                                    .rate = 0.01, .clip = 1, .average = 0.9,
                                    .precision = OMN_PRECISION_BF16 };
        world k[2];
        for (int t = 0; t < 2; t++) {
            omn_opt *o = NULL;
            const float *list[8];
            bool finite = false;
            k[t] = small_world(t ? 4 : 1);
            add(&k[t], "a.big.weight", omn_dim2(300, 200));
            add(&k[t], "b.big.weight", omn_dim2(130, 390));
            add(&k[t], "c.table", omn_dim1(70001));
            ck_assert_int_eq(omn_opt_new(k[t].store, &s, &o, NULL), OMN_OK);
            for (int i = 0; i < 3; i++)
                ck_assert_int_eq(
                    omn_opt_step(o, gradients(&k[t], list), 1, k[t].pool, NULL, &finite, NULL),
                    OMN_OK);
            omn_opt_free(o);
        }
        for (size_t i = 0; i < k[0].n; i++)
            ck_assert_mem_eq(omn_store_data(k[0].store, i), omn_store_data(k[1].store, i),
                             k[0].count[i] * sizeof(float));
        end(&k[0]);
        end(&k[1]);
    }
}
END_TEST

START_TEST(a_step_that_is_not_finite_changes_nothing)
{
    for (int kind = OMN_ADAMW; kind <= OMN_MUON; kind++) {
        const omn_train_setup s = { OMN_FILL(omn_train_setup), .optimizer = (omn_optimizer)kind,
                                    .rate = 0.01 };
        world k = small_world(2);
        omn_opt *o = NULL;
        const float *list[8];
        bool finite = true;
        float before[24 * 17], first[24 * 17];
        ck_assert_int_eq(omn_opt_new(k.store, &s, &o, NULL), OMN_OK);
        memcpy(before, omn_store_data(k.store, 0), sizeof(before));
        gradients(&k, list);
        memcpy(first, k.g[0], sizeof(first));
        k.g[3][2] = kind == OMN_MUON ? INFINITY : NAN;
        ck_assert_int_eq(omn_opt_step(o, list, 1, k.pool, NULL, &finite, NULL), OMN_OK);
        ck_assert(!finite);
        ck_assert_mem_eq(before, omn_store_data(k.store, 0), sizeof(before));
        /* and the next one walks, also without a gradient for one weight */
        k.g[3][2] = 0;
        list[1] = NULL;
        ck_assert_int_eq(omn_opt_step(o, list, 1, k.pool, NULL, &finite, NULL), OMN_OK);
        ck_assert(finite);
        ck_assert_mem_ne(before, omn_store_data(k.store, 0), sizeof(before));
        ck_assert_double_eq((double)omn_store_data(k.store, 1)[5], k.w[1][5]);
        omn_opt_free(o);
        end(&k);
    }
}
END_TEST

START_TEST(settings_without_sense_are_refused)
{
    const omn_train_group none = { NULL, 1, 1 }, back = { "**", -1, 1 }, odd = { "**", 1, NAN },
                          fine = { "**", 1, 1 };
    const omn_train_setup bad[] = {
        { OMN_FILL(omn_train_setup), .rate = 1, .groups = &none, .n_groups = 1 },
        { OMN_FILL(omn_train_setup), .rate = 1, .groups = &back, .n_groups = 1 },
        { OMN_FILL(omn_train_setup), .rate = 1, .groups = &odd, .n_groups = 1 },
        { OMN_FILL(omn_train_setup), .rate = 1, .groups = &fine, .n_groups = 1,
          .optimizer = OMN_ADAFACTOR },
        { OMN_FILL(omn_train_setup), .rate = 0 },
        { OMN_FILL(omn_train_setup), .rate = NAN },
        { OMN_FILL(omn_train_setup), .rate = 1, .beta1 = 1 },
        { OMN_FILL(omn_train_setup), .rate = 1, .clip = -1 },
        { OMN_FILL(omn_train_setup), .rate = 1, .average = 1 },
        { OMN_FILL(omn_train_setup), .rate = 1, .beta2 = 1 },
        { OMN_FILL(omn_train_setup), .rate = 1, .momentum = 1 },
        { OMN_FILL(omn_train_setup), .rate = 1, .eps = -1e-9 },
        { OMN_FILL(omn_train_setup), .rate = 1, .decay = NAN },
        { OMN_FILL(omn_train_setup), .rate = INFINITY },
        { OMN_FILL(omn_train_setup), .rate = 1, .optimizer = (omn_optimizer)3 },
    };
    world k = small_world(1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        omn_opt *o = NULL;
        omn_error err = OMN_ERROR_INIT;
        ck_assert_int_eq(omn_opt_new(k.store, &bad[i], &o, &err), OMN_ERR_ARGUMENT);
        ck_assert_ptr_null(o);
        ck_assert_uint_gt(strlen(err.text), 10);
    }
    end(&k);
}
END_TEST

/* Three steps with gradients so small that eps counts; the weights' bits. */
static void bits(const omn_train_setup *s, float *out)
{
    world k = small_world(1);
    omn_opt *o = NULL;
    const float *list[8];
    bool finite = false;
    ck_assert_int_eq(omn_opt_new(k.store, s, &o, NULL), OMN_OK);
    for (int turn = 0; turn < 3; turn++) {
        gradients(&k, list);
        for (size_t i = 0; i < k.n; i++)
            for (size_t e = 0; e < k.count[i]; e++) k.g[i][e] *= turn ? 3e-8f : 1e-8f;
        ck_assert_int_eq(omn_opt_step(o, list, 1, k.pool, NULL, &finite, NULL), OMN_OK);
    }
    for (size_t i = 0; i < k.n; i++) {
        memcpy(out, omn_store_data(k.store, i), k.count[i] * sizeof(float));
        out += k.count[i];
    }
    omn_opt_free(o);
    end(&k);
}

/* omnio/train.h says what a 0 stands for: the same bits as the number itself, and others than its
 * neighbour's. */
START_TEST(a_0_is_the_documented_default)
{
    enum { N = 24 * 17 + 9 * 40 + 12 * 8 + 7 + 5 * 27 };
    static const struct { omn_optimizer kind; size_t at; double usual, other; } list[] = {
        { OMN_ADAMW, offsetof(omn_train_setup, beta1), 0.9, 0.95 },
        { OMN_ADAMW, offsetof(omn_train_setup, beta2), 0.999, 0.99 },
        { OMN_ADAMW, offsetof(omn_train_setup, eps), 1e-8, 1e-6 },
        { OMN_MUON, offsetof(omn_train_setup, momentum), 0.95, 0.9 },
        { OMN_MUON, offsetof(omn_train_setup, rate_muon), 0.02, 0.01 },
        { OMN_MUON, offsetof(omn_train_setup, eps), 1e-8, 1e-6 },
        { OMN_ADAFACTOR, offsetof(omn_train_setup, beta1), 0.9, 0.95 },
    };
    float *none = malloc(N * sizeof(float)), *said = malloc(N * sizeof(float)),
          *other = malloc(N * sizeof(float));
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        omn_train_setup s = { OMN_FILL(omn_train_setup), .optimizer = list[i].kind, .rate = 0.03 };
        bits(&s, none);
        *(double *)(void *)((char *)&s + list[i].at) = list[i].usual;
        bits(&s, said);
        *(double *)(void *)((char *)&s + list[i].at) = list[i].other;
        bits(&s, other);
        ck_assert_msg(!memcmp(none, said, N * sizeof(float)), "default %zu", i);
        ck_assert_msg(memcmp(none, other, N * sizeof(float)) != 0, "default %zu shows nothing", i);
    }
    free(none);
    free(said);
    free(other);
}
END_TEST

/* 128 x 128 is factored, a row or a column less is not: told by the bits. */
START_TEST(matrices_are_factored_from_128)
{
    static const struct { int64_t rows, cols; bool factored; } list[] = {
        { 128, 128, true }, { 127, 128, false }, { 128, 127, false },
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        static const uint32_t from[] = { 0, 128, 1000 };
        float *after[3];
        for (size_t f = 0; f < 3; f++) {
            const omn_train_setup s = { OMN_FILL(omn_train_setup), .optimizer = OMN_ADAFACTOR,
                                        .rate = 1, .factor_from = from[f] };
            world k = small_world(1);
            omn_opt *o = NULL;
            bool finite = false;
            const float *g[8];
            add(&k, "a.weight", omn_dim2(list[i].rows, list[i].cols));
            ck_assert_int_eq(omn_opt_new(k.store, &s, &o, NULL), OMN_OK);
            ck_assert_int_eq(omn_opt_step(o, gradients(&k, g), 1, k.pool, NULL, &finite, NULL),
                             OMN_OK);
            after[f] = malloc(k.count[5] * sizeof(float));
            memcpy(after[f], omn_store_data(k.store, 5), k.count[5] * sizeof(float));
            omn_opt_free(o);
            end(&k);
        }
        const size_t bytes = (size_t)(list[i].rows * list[i].cols) * sizeof(float);
        ck_assert_mem_eq(after[0], after[1], bytes);
        ck_assert((memcmp(after[0], after[2], bytes) != 0) == list[i].factored);
        for (size_t f = 0; f < 3; f++) free(after[f]);
    }
}
END_TEST

/* A weight that is nothing yet moves as one of size 1e-3 would: by rate * 1e-3, a tenth of it in
 * the first step. */
START_TEST(adafactor_moves_weights_of_0)
{
    const omn_train_setup s = { OMN_FILL(omn_train_setup), .optimizer = OMN_ADAFACTOR,
                                .rate = 0.05 };
    world k = small_world(1);
    omn_opt *o = NULL;
    bool finite = false;
    float ones[7], *w = omn_store_data(k.store, 3);
    const float *list[8] = { [3] = ones };
    for (size_t e = 0; e < 7; e++) ones[e] = 1, w[e] = 0;
    ck_assert_int_eq(omn_opt_new(k.store, &s, &o, NULL), OMN_OK);
    ck_assert_int_eq(omn_opt_step(o, list, 1, k.pool, NULL, &finite, NULL), OMN_OK);
    for (size_t e = 0; e < 7; e++) ck_assert_double_eq_tol((double)w[e], -0.05 * 1e-4, 1e-10);
    omn_opt_free(o);
    end(&k);
}
END_TEST

/* Weights 0 and 3 walk four steps by gradients of their own, after `late` steps of others. */
static void walk_late(world *k, omn_optimizer kind, int late)
{
    const omn_train_setup s = { OMN_FILL(omn_train_setup), .optimizer = kind, .rate = 0.05,
                                .decay = 0.1, .factor_from = 8 };
    omn_opt *o = NULL;
    bool finite = false;
    ck_assert_int_eq(omn_opt_new(k->store, &s, &o, NULL), OMN_OK);
    for (int at = 0; at < late + 4; at++) {
        const float *list[8] = { [1] = k->g[1] };
        for (size_t i = 0; i < 4; i += 3) {
            for (size_t e = 0; e < k->count[i]; e++)
                k->g[i][e] = (float)noise(100 * (uint64_t)(at - late) + e);
            if (at >= late) list[i] = k->g[i];
        }
        for (size_t e = 0; e < k->count[1]; e++) k->g[1][e] = 1;
        ck_assert_int_eq(omn_opt_step(o, list, 1, k->pool, NULL, &finite, NULL), OMN_OK);
        ck_assert(finite);
    }
    omn_opt_free(o);
}

/* A weight without a gradient stays, whatever decays; when it gets one, it begins as others did. */
START_TEST(a_late_weight_begins_like_an_early_one)
{
    static const omn_optimizer kinds[] = { OMN_ADAMW, OMN_ADAFACTOR, OMN_MUON };
    for (size_t n = 0; n < 3; n++) {
        world early = small_world(2), late = small_world(2);
        walk_late(&early, kinds[n], 0);
        walk_late(&late, kinds[n], 300);
        for (size_t i = 0; i < 5; i++) {
            const bool walked = i == 0 || i == 3;
            const float *a = omn_store_data(early.store, i), *b = omn_store_data(late.store, i);
            if (i == 1) continue;
            ck_assert_msg(!memcmp(a, b, early.count[i] * sizeof(float)), "%zu, weight %zu", n, i);
            for (size_t e = 0; e < early.count[i]; e++)
                ck_assert((a[e] != (float)early.w[i][e]) == walked);
        }
        end(&early);
        end(&late);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        adamw_walks_as_in_double, groups_of_weights_walk_on_their_own,
        groups_of_stages_come_and_go,
        groups_of_stages_come_and_go,
        adamw_clips_by_norm_plus_1e_6,
        adafactor_walks_as_in_double, muon_walks_as_in_double,
        threads_change_nothing, a_step_that_is_not_finite_changes_nothing,
        settings_without_sense_are_refused, a_0_is_the_documented_default,
        matrices_are_factored_from_128, adafactor_moves_weights_of_0,
        a_late_weight_begins_like_an_early_one,
    };
    return TESTING_RUN("train/opt", all, 20);
}
