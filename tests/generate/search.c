/* SPDX-License-Identifier: Apache-2.0 */
/* Searches without a model: on logits that original programs recorded (beams of BEiT-3, guidance of
 * Unified-IO 2, truncation of Pix2Seq; recorded.c has more), and on small made-up models whose
 * every answer can be counted. */
#include "tests/testing.h"

#include "libcore/generate/decode.h"
#include "tests/codec/golden.h"
#include "tests/generate/made.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct recorded {
    const float *logits;          /* [steps, rows, V] */
    const int32_t *ids;           /* [steps, rows, T] that were fed; NULL: unknown */
    const int32_t *active;        /* [steps, sentences] */
    size_t rows, each, V, step, T, steps;
    float *made;                  /* [rows, T, V] */
} recorded;

static omn_status replay(void *user, const int32_t *ids, size_t rows, size_t T,
                         const int32_t *start, const float **out, omn_error *err)
{
    recorded *r = user;
    (void)err;
    ck_assert_uint_eq(rows, r->rows);
    ck_assert_uint_eq(T, r->T);
    ck_assert_uint_lt(r->step, r->steps);
    for (size_t i = 0; i < rows; i++) {
        const bool open = !r->active || r->active[r->step * (rows / r->each) + i / r->each];
        ck_assert_int_eq(start[i], (int32_t)r->step);
        for (size_t k = 0; r->ids && open && k < T; k++)
            ck_assert_int_eq(ids[i * T + k], r->ids[(r->step * rows + i) * T + k]);
        memcpy(r->made + (i * T + T - 1) * r->V, r->logits + (r->step * rows + i) * r->V,
               r->V * sizeof *r->made);
    }
    r->step++;
    *out = r->made;
    return OMN_OK;
}

static omn_status nothing(void *user, const int32_t *from, size_t rows, omn_error *err)
{
    (void)user;
    (void)from;
    (void)rows;
    (void)err;
    return OMN_OK;
}

static void captions(const char *file, int32_t beams, int32_t mask, int32_t most)
{
    char where[128], name[64];
    size_t n = 0, n_ids = 0, n_active = 0, n_tokens = 0, n_scores = 0, n_lengths = 0;
    snprintf(where, sizeof where, "tests/golden/search/%s.safetensors", file);
#define GET(what, count)                                                                           \
    (snprintf(name, sizeof name, "out.beam%d." what, (int)beams),                                  \
     golden_tensor(where, name, &(count)))
    float *logits = GET("step_logits", n), *scores = GET("score", n_scores);
    int32_t *ids = GET("step_ids", n_ids), *active = GET("active", n_active);
    int32_t *tokens = GET("tokens", n_tokens), *lengths = GET("length", n_lengths);
    const size_t S = n_scores, rows = S * (size_t)beams, steps = n_active / S;
    recorded r = { .logits = logits, .ids = ids, .active = active, .rows = rows,
                   .each = (size_t)beams, .V = n / steps / rows, .T = 2, .steps = steps };
    r.made = calloc(rows * 2 * r.V, sizeof *r.made);
    omn_request rq = { OMN_FILL(omn_request),
                       .beams = { .count = beams, .alpha = 0.6, .length_extra = 1,
                                  .stop = OMN_BEAM_BEST } };
    search_model m = { .user = &r, .logits = replay, .reorder = nothing, .V = r.V, .start = 0,
                       .stop = 2, .n_also = 1, .also = mask, .drop = 1, .name = file };
    chooser c[4];
    beam_result out[4];
    omn_error err = OMN_ERROR_INIT;
    for (size_t i = 0; i < S; i++)
        c[i] = (chooser){ .rq = &rq, .V = r.V, .row = i, .stop = 2, .most = most, .name = file };
    ck_assert_msg(decode_beam(&m, c, S, out, &err) == OMN_OK, "%s", err.text);
    for (size_t i = 0; i < S; i++) {
        const path *p = &out[i].list[0].p;
        const int32_t *want = tokens + i * (n_tokens / S) + 1;
        int32_t words = 0;
        while (want[words] != mask) words++;
        ck_assert_uint_eq(out[i].n, 1);
        ck_assert_int_eq(p->n, words);
        ck_assert_int_eq(words + 2, lengths[i]);
        ck_assert_mem_eq(p->ids, want, (size_t)words * sizeof *want);
        ck_assert_double_eq_tol(out[i].list[0].score, (double)scores[i], 2e-5);
        beam_result_free(&out[i]);
    }
    free(logits), free(scores), free(ids), free(active), free(tokens), free(lengths), free(r.made);
}

/* Most words: places less those of the first, the mask and what ends it. */
START_TEST(captions_of_beit3)
{
    captions("beit3_a", 3, 151, 7);
    captions("beit3_a", 1, 151, 7);
    captions("beit3_b", 3, 121, 6);
    captions("beit3_b", 1, 121, 6);
}
END_TEST

/* ---- guidance ------------------------------------------------------------------------------- */

static void guided(const char *file, double alpha)
{
    size_t n = 0, n_tokens = 0;
    float *logits = golden_tensor(file, "out.step_logits", &n);
    int32_t *tokens = golden_tensor(file, "out.tokens", &n_tokens);
    const size_t steps = n_tokens - 1, V = n / 2 / steps;
    float *turned = calloc(n, sizeof *turned);  /* [steps, 2, V] of [2, steps, V] */
    for (size_t b = 0; b < 2; b++)
        for (size_t t = 0; t < steps; t++)
            memcpy(turned + (t * 2 + b) * V, logits + (b * steps + t) * V, V * sizeof *turned);
    recorded r = { .logits = turned, .rows = 2, .each = 1, .V = V, .T = 1, .steps = steps,
                   .made = calloc(2 * V, sizeof(float)) };
    omn_request rq = { OMN_FILL(omn_request) };
    search_model m = { .user = &r, .logits = replay, .reorder = nothing, .V = V,
                       .start = tokens[0], .stop = -1, .name = file };
    lane l = { .how = { .rq = &rq, .V = V, .stop = -1, .most = (int32_t)steps, .name = file } };
    const double weight = -alpha;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(path_new(&l.p, &l.how, NULL), OMN_OK);
    ck_assert_msg(decode_left(&m, &l, 1, 1, &weight, &err) == OMN_OK, "%s", err.text);
    ck_assert_int_eq(l.p.n, (int32_t)steps);
    for (size_t t = 0; t < steps; t++) ck_assert_int_eq(l.p.ids[t], tokens[t + 1]);
    path_free(&l.p);
    free(logits), free(tokens), free(turned), free(r.made);
}

START_TEST(guidance_of_unified_io_2)
{
    guided("tests/golden/uio2/tiny_a.generate_image_cfg.safetensors", 10);
}
END_TEST

/* ---- what truncation keeps ------------------------------------------------------------------ */

START_TEST(truncation_of_pix2seq)
{
    static const struct { const char *name; double p; int32_t k; } list[] = {
        { "out.keep_p0.1", 0.1, 0 },  { "out.keep_p0.4", 0.4, 0 }, { "out.keep_p0.8", 0.8, 0 },
        { "out.keep_p0.95", 0.95, 0 }, { "out.keep_p1.0", 1, 0 },  { "out.keep_k3", 1, 3 },
        { "out.keep_k5_p0.6", 0.6, 5 },
    };
    const char *file = "tests/golden/search/pix2seq_top_p.safetensors";
    size_t n = 0, m = 0;
    float *logits = golden_tensor(file, "in.logits", &n);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        int32_t *keep = golden_tensor(file, list[i].name, &m);
        const omn_request rq = { OMN_FILL(omn_request), .temperature = 1, .top_p = list[i].p,
                                 .top_k = list[i].k, .top_p_rule = OMN_TOP_P_WITHIN };
        ck_assert_uint_eq(n, m);
        for (size_t row = 0; row < n / 17; row++) {
            float x[17];
            memcpy(x, logits + row * 17, sizeof x);
            ck_assert_double_gt(pick_weights(&rq, x, 17, NULL), 0);
            for (size_t v = 0; v < 17; v++)
                ck_assert_msg((x[v] > 0) == (keep[row * 17 + v] != 0), "%s row %zu id %zu",
                              list[i].name, row, v);
        }
        free(keep);
    }
    free(logits);
}
END_TEST

/* ---- a made-up model: what comes next depends on all that came ------------------------------ */

#define IDS 5
#define STOP 4

static lane made_lane(search_model *s, made_up *m, omn_request *rq, int32_t most)
{
    m->V = IDS;
    *s = made_model(m, STOP);
    lane l = { .how = { .rq = rq, .V = IDS, .stop = STOP, .most = most, .name = "made up" } };
    ck_assert_int_eq(path_new(&l.p, &l.how, NULL), OMN_OK);
    return l;
}

START_TEST(a_window_says_what_left_to_right_says)
{
    uint32_t fewer = 0;
    for (uint64_t seed = 0; seed < 40; seed++)
        for (int32_t W = 2; W <= 9; W++) {
            made_up m = { .seed = seed };
            omn_request rq = { OMN_FILL(omn_request) };
            search_model s, j;
            lane a = made_lane(&s, &m, &rq, 12), b = made_lane(&j, &m, &rq, 12);
            ck_assert_int_eq(decode_left(&s, &a, 1, 0, NULL, NULL), OMN_OK);
            ck_assert_int_eq(decode_jacobi(&j, &b, 1, W, NULL), OMN_OK);
            ck_assert_int_eq(a.p.n, b.p.n);
            ck_assert_mem_eq(a.p.ids, b.p.ids, (size_t)a.p.n * sizeof *a.p.ids);
            ck_assert(a.stopped == b.stopped);
            ck_assert_double_eq_tol(a.p.score, b.p.score, 1e-6);
            ck_assert_uint_le(j.passes, s.passes);
            fewer += j.passes < s.passes;
            path_free(&a.p);
            path_free(&b.p);
        }
    ck_assert_uint_gt(fewer, 0);
}
END_TEST

/* Probability of each answer of up to three ids, by what it is drawn from. */
static void count_all(uint64_t seed, double temperature, double *p)
{
    const made_up m = { .seed = seed, .V = IDS };
    for (int32_t a = 0; a < IDS; a++)
        for (int32_t b = 0; b < IDS; b++)
            for (int32_t c = 0; c < IDS; c++) {
                const int32_t ids[3] = { a, b, c };
                double all = 1;
                int32_t n = 0;
                for (; n < 3 && (n == 0 || ids[n - 1] != STOP); n++) {
                    float x[IDS];
                    double sum = 0;
                    made_next(&m, 0, ids, n, x);
                    for (int v = 0; v < IDS; v++) sum += exp((double)x[v] / temperature);
                    all *= exp((double)x[ids[n]] / temperature) / sum;
                }
                const bool first = (n > 1 || b == 0) && (n > 2 || c == 0);
                p[(a * IDS + b) * IDS + c] = first ? all : 0;
            }
}

START_TEST(a_window_draws_with_the_same_probabilities)
{
    enum { DRAWS = 20000 };
    double p[IDS * IDS * IDS], chi = 0;
    int hits[IDS * IDS * IDS] = { 0 }, cells = 0;
    count_all(11, 0.8, p);
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        made_up m = { .seed = 11 };
        omn_request rq = { OMN_FILL(omn_request), .temperature = 0.8, .top_p = 1, .seed = seed };
        search_model s;
        lane l = made_lane(&s, &m, &rq, 3);
        ck_assert_int_eq(decode_jacobi(&s, &l, 1, 3, NULL), OMN_OK);
        int32_t ids[3] = { 0, 0, 0 };
        for (int32_t i = 0; i < l.p.n; i++) ids[i] = l.p.ids[i];
        if (l.stopped) ids[l.p.n] = STOP;
        hits[(ids[0] * IDS + ids[1]) * IDS + ids[2]]++;
        path_free(&l.p);
    }
    for (int i = 0; i < IDS * IDS * IDS; i++) {
        const double want = p[i] * DRAWS;
        if (p[i] == 0) ck_assert_int_eq(hits[i], 0);
        if (want < 5) continue;
        chi += (hits[i] - want) * (hits[i] - want) / want;
        cells++;
    }
    /* mean cells, deviation sqrt(2 cells): five of those are no chance */
    ck_assert_int_gt(cells, 30);
    ck_assert_msg(chi < cells + 5 * sqrt(2.0 * cells), "chi square %g of %d cells", chi, cells);
}
END_TEST

/* As many beams as there are answers find the best of all, whatever the penalty. */
START_TEST(enough_beams_find_the_best_answer)
{
    for (uint64_t seed = 0; seed < 12; seed++)
        for (int sixths = 0; sixths < 2; sixths++) {
            const double alpha = 0.25 * (double)(seed % 5);
            made_up m = { .seed = seed, .V = IDS };
            double best = -INFINITY;
            int32_t want[4] = { 0 }, n_want = 0;
            for (int code = 0; code < 256; code++)
                for (int32_t n = 0; n <= 3; n++) {
                    int32_t ids[4] = { code % 4, code / 4 % 4, code / 16 % 4, code / 64 };
                    double sum = 0;
                    ids[n] = STOP;
                    for (int32_t i = 0; i <= n; i++) {
                        float x[IDS];
                        made_next(&m, 0, ids, i, x);
                        sum += (double)x[ids[i]] - pick_logsum(x, IDS);
                    }
                    const double score =
                        sum / pow(sixths ? (5.0 + n + 1) / 6 : n + 1.0, alpha);
                    if (score <= best + 1e-12) continue;
                    best = score;
                    n_want = n;
                    memcpy(want, ids, sizeof want);
                }
            omn_request rq = { OMN_FILL(omn_request),
                               .beams = { .count = 64, .alpha = alpha,
                                          .penalty = sixths ? OMN_PENALTY_SIXTHS
                                                            : OMN_PENALTY_POWER,
                                          .stop = OMN_BEAM_FULL } };
            search_model s;
            lane l = made_lane(&s, &m, &rq, 3);
            beam_result out;
            ck_assert_int_eq(decode_beam(&s, &l.how, 1, &out, NULL), OMN_OK);
            ck_assert_double_eq_tol(out.list[0].score, best, 1e-5);
            ck_assert_int_eq(out.list[0].p.n, n_want);
            ck_assert_mem_eq(out.list[0].p.ids, want, (size_t)n_want * sizeof *want);
            for (size_t k = 1; k < out.n; k++)
                ck_assert_double_ge(out.list[k - 1].score, out.list[k].score);
            beam_result_free(&out);
            path_free(&l.p);
        }
}
END_TEST

/* What comes first ends with 0.25, which is the third of them; what comes second mostly ends. */
static omn_status late_end(void *user, const int32_t *ids, size_t rows, size_t T,
                           const int32_t *start, const float **out, omn_error *err)
{
    static const double p[2][IDS] = { { 0.4, 0.34, 0.005, 0.005, 0.25 },
                                      { 0.04, 0.03, 0.02, 0.01, 0.9 } };
    float *logits = user;
    (void)ids;
    (void)err;
    ck_assert_uint_eq(T, 1);
    for (size_t i = 0; i < rows * IDS; i++)
        logits[i] = (float)log(p[start[i / IDS] > 0][i % IDS]);
    *out = logits;
    return OMN_OK;
}

/* An end that is not among the best so many is no answer, where a search counts only those. */
START_TEST(an_end_behind_the_beams_is_no_answer)
{
    for (int k = 0; k < 2; k++) {
        float logits[2 * IDS];
        omn_request rq = { OMN_FILL(omn_request),
                           .beams = { .count = 2, .stop = k ? OMN_BEAM_FULL : OMN_BEAM_BOUND },
                           .n_best = 2 };
        search_model s = { .user = logits, .logits = late_end, .reorder = nothing, .V = IDS,
                           .stop = STOP, .name = "late" };
        chooser c = { .rq = &rq, .V = IDS, .stop = STOP, .most = 3, .name = "late" };
        beam_result out;
        ck_assert_int_eq(decode_beam(&s, &c, 1, &out, NULL), OMN_OK);
        ck_assert_uint_eq(out.n, 2);
        for (int32_t i = 0; i < 2; i++) {
            ck_assert_int_eq(out.list[i].p.n, 1);
            ck_assert_int_eq(out.list[i].p.ids[0], i);
            ck_assert_double_eq_tol(out.list[i].p.score, log((i ? 0.34 : 0.4) * 0.9), 1e-6);
        }
        beam_result_free(&out);
    }
}
END_TEST

START_TEST(limits_and_repeats)
{
    made_up m = { .seed = 3 };
    omn_request rq = { OMN_FILL(omn_request), .min_tokens = 9, .no_repeat = 2 };
    search_model s;
    lane l = made_lane(&s, &m, &rq, 12);
    ck_assert_int_eq(decode_left(&s, &l, 1, 0, NULL, NULL), OMN_OK);
    ck_assert_int_ge(l.p.n, 9);
    for (int32_t i = 1; i < l.p.n; i++)
        for (int32_t k = 1; k < i; k++)
            ck_assert(l.p.ids[i] != l.p.ids[k] || l.p.ids[i - 1] != l.p.ids[k - 1]);
    path_free(&l.p);
}
END_TEST

static int given(void *user, size_t row, int32_t step, size_t n, double *u, float *gumbel)
{
    ck_assert_uint_eq(row, 0);
    ck_assert_uint_eq(n, IDS);
    if (!user) {
        *u = 0.999999;
        return 0;
    }
    for (size_t v = 0; v < n; v++) gumbel[v] = v == (size_t)step % 4 ? 100 : 0;
    return 1;
}

START_TEST(noise_may_be_given)
{
    made_up m = { .seed = 5 };
    omn_request rq = { OMN_FILL(omn_request), .temperature = 1, .top_p = 1, .noise = given,
                       .noise_user = &m };
    search_model s;
    lane l = made_lane(&s, &m, &rq, 6);
    ck_assert_int_eq(decode_left(&s, &l, 1, 0, NULL, NULL), OMN_OK);
    for (int32_t i = 0; i < 6; i++) ck_assert_int_eq(l.p.ids[i], i % 4);
    path_free(&l.p);
    rq.noise_user = NULL;         /* the top end of u: the least likely of all */
    l = made_lane(&s, &m, &rq, 1);
    float x[IDS];
    made_next(&m, 0, NULL, 0, x);
    int32_t least = 0;
    for (int32_t v = 1; v < IDS; v++)
        if (x[v] < x[least]) least = v;
    ck_assert_int_eq(decode_left(&s, &l, 1, 0, NULL, NULL), OMN_OK);
    ck_assert_int_eq(l.p.n ? l.p.ids[0] : STOP, least);
    path_free(&l.p);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        captions_of_beit3,
        guidance_of_unified_io_2,
        truncation_of_pix2seq,
        a_window_says_what_left_to_right_says,
        a_window_draws_with_the_same_probabilities,
        enough_beams_find_the_best_answer,
        an_end_behind_the_beams_is_no_answer,
        limits_and_repeats,
        noise_may_be_given,
    };
    return TESTING_RUN("generate/search", all, 60); /* thousands of draws */
}
