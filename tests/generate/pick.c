/* SPDX-License-Identifier: Apache-2.0 */
/* One step of an answer, number by number: what is ruled out before its time, what is preferred,
 * what top-k and top-p leave when they meet equals; and the sizes of windows. */
#include "libcore/generate/decode.h"
#include "libcore/generate/sample.h"

#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define IDS 5
#define STOP 4

static size_t left_of(const float *x)
{
    size_t n = 0;
    for (size_t v = 0; v < IDS; v++) n += x[v] > -INFINITY;
    return n;
}

/* The mask behind these ids; x in and out. */
static omn_status masked(const omn_request *rq, const rules_program *p, int32_t *ids, int32_t n,
                         float *x)
{
    const chooser c = { .rq = rq, .program = p, .V = IDS, .stop = STOP, .most = 9,
                        .name = "made up" };
    const path at = { .ids = ids, .n = n };
    return pick_mask(&c, &at, x, pick_logsum(x, IDS), NULL);
}

START_TEST(an_end_before_its_time_waits)
{
    int32_t ids[3] = { 0, 1, 2 };
    const omn_request rq = { OMN_FILL(omn_request), .min_tokens = 3 };
    for (int32_t n = 0; n <= 3; n++) {
        float x[IDS] = { 1, 2, 3, 4, 5 };
        ck_assert_int_eq(masked(&rq, NULL, ids, n, x), OMN_OK);
        ck_assert((x[STOP] > -INFINITY) == (n == 3));
        ck_assert_uint_eq(left_of(x), n == 3 ? IDS : IDS - 1);
    }
}
END_TEST

/* ... unless the rules leave nothing else. */
START_TEST(an_end_waits_for_nothing)
{
    static const omn_vocab vocab = { OMN_FILL(omn_vocab), .rows = IDS, .start = 0, .stop = STOP };
    const omn_request rq = { OMN_FILL(omn_request), .min_tokens = 3 };
    const int32_t one[] = { 1 }, *said = one;
    omn_rules *r = NULL;
    rules_program *p = NULL;
    rules_walk *w = NULL;
    ck_assert_int_eq(rules_new(&vocab, NULL, &r, NULL), OMN_OK);
    omn_rules_root(r, omn_rules_ids(r, one, 1));
    ck_assert_int_eq(rules_compile(r, &p, NULL), OMN_OK);
    rules_free(r);
    ck_assert_int_eq(rules_walk_new(p, NULL, IDS, &w, NULL), OMN_OK);
    const chooser c = { .rq = &rq, .program = p, .walk = w, .V = IDS, .stop = STOP, .most = 9,
                        .name = "made up" };
    path at = { .ids = (int32_t *)(uintptr_t)said, .state = rules_walk_start(w) };
    float x[IDS] = { 0 }, y[IDS] = { 0 };
    ck_assert_int_eq(pick_mask(&c, &at, x, 0, NULL), OMN_OK);
    ck_assert(left_of(x) == 1 && x[1] > -INFINITY);
    ck_assert_int_eq(rules_walk_step(w, at.state, 1, &at.state, NULL), OMN_OK);
    at.n = 1;
    ck_assert_int_eq(pick_mask(&c, &at, y, 0, NULL), OMN_OK);
    ck_assert(left_of(y) == 1 && y[STOP] > -INFINITY);
    rules_walk_free(w);
    rules_program_free(p);
}
END_TEST

START_TEST(what_was_said_is_not_said_again)
{
    static const struct { int32_t said[4], n, gram; bool left[IDS]; } rows[] = {
        { { 1 }, 1, 1, { true, false, true, true, true } },
        { { 1, 3 }, 2, 1, { true, false, true, false, true } },
        { { 0, 1, 0 }, 3, 2, { true, false, true, true, true } },
        { { 0, 1 }, 2, 2, { true, true, true, true, true } },
        { { 1, 1 }, 2, 2, { true, false, true, true, true } },
        { { 1, 1, 1 }, 3, 3, { true, false, true, true, true } },
        { { 0, 1, 2, 0 }, 4, 3, { true, true, true, true, true } },
        { { 0, 1, 0 }, 3, 0, { true, true, true, true, true } },
        { { 0, 1 }, 2, 3, { true, true, true, true, true } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const omn_request rq = { OMN_FILL(omn_request), .no_repeat = rows[i].gram };
        int32_t ids[4];
        float x[IDS] = { 0 };
        memcpy(ids, rows[i].said, sizeof ids);
        ck_assert_int_eq(masked(&rq, NULL, ids, rows[i].n, x), OMN_OK);
        for (size_t v = 0; v < IDS; v++)
            ck_assert_msg((x[v] > -INFINITY) == rows[i].left[v], "row %zu id %zu", i, v);
    }
}
END_TEST

/* Mass above the threshold, not at it; nothing is preferred that may not come. */
START_TEST(a_range_is_preferred_above_its_mass)
{
    static const struct { double mass; int32_t said, gram; bool left[IDS]; } rows[] = {
        { 0.25, 0, 0, { false, true, true, false, false } },
        { 0.5, 0, 0, { true, true, true, true, false } },
        { 0.75, 0, 0, { true, true, true, true, false } },
        { 1, 0, 0, { true, true, true, true, false } },
        { 0, 0, 0, { false, true, true, false, false } },
        { 0.25, 2, 1, { true, false, false, true, false } }, /* both of it are said already */
    };
    const omn_request plain = { OMN_FILL(omn_request) };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const rules_program p = { .prefer = { { 1, 2, rows[i].mass } }, .n_prefer = 1 };
        omn_request rq = plain;
        int32_t ids[2] = { 1, 2 };
        float x[IDS] = { 0, 0, 0, 0, -INFINITY };
        rq.no_repeat = rows[i].gram;
        ck_assert_int_eq(masked(&rq, &p, ids, rows[i].said, x), OMN_OK);
        for (size_t v = 0; v < IDS; v++)
            ck_assert_msg((x[v] > -INFINITY) == rows[i].left[v], "row %zu id %zu", i, v);
    }
}
END_TEST

START_TEST(top_p_0_is_the_likeliest_alone)
{
    for (int rule = 0; rule < 2; rule++) {
        const omn_request rq = { OMN_FILL(omn_request), .temperature = 1, .top_p = 0,
                                 .top_p_rule = rule ? OMN_TOP_P_WITHIN : OMN_TOP_P_CROSS };
        float x[IDS] = { 1, 3, 3, 3, 0 };
        ck_assert_double_eq(pick_weights(&rq, x, IDS, NULL), 1);
        for (size_t v = 0; v < IDS; v++) ck_assert_float_eq(x[v], v == 1);
    }
}
END_TEST

/* Equals: the rule of crossing takes no more than it needs, the other takes all or none of them. */
START_TEST(equals_at_the_edge)
{
    static const float x[IDS] = { 0, 0, 0, 0, -INFINITY };
    static const struct { int32_t k; double p; omn_top_p_rule rule; size_t kept; } rows[] = {
        { 0, 1, OMN_TOP_P_CROSS, 4 },    { 0, 0.5, OMN_TOP_P_CROSS, 2 },
        { 0, 0.51, OMN_TOP_P_CROSS, 3 }, { 0, 0.25, OMN_TOP_P_CROSS, 1 },
        { 2, 1, OMN_TOP_P_CROSS, 2 },    { 2, 1, OMN_TOP_P_WITHIN, 4 },
        { 4, 1, OMN_TOP_P_CROSS, 4 },    { 5, 1, OMN_TOP_P_CROSS, 4 },
        { 3, 1, OMN_TOP_P_CROSS, 3 },    { 0, 0.5, OMN_TOP_P_WITHIN, 4 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cut k;
        ck_assert_int_eq(sample_cut(x, IDS, 1, rows[i].k, rows[i].p, rows[i].rule, &k, NULL),
                         OMN_OK);
        ck_assert_msg(k.kept == rows[i].kept, "row %zu keeps %zu", i, k.kept);
        free(k.c);
    }
}
END_TEST

/* The sum of two is just what may be kept: it is. */
START_TEST(what_is_exactly_within_is_kept)
{
    static const float x[3] = { 0, -1, -2 };
    const double two = 1 + exp(-1), all = two + exp(-2);
    for (double p = two / all; p * all <= two; p = nextafter(p, 2)) {
        cut k;
        if (p * all < two) continue;
        ck_assert_int_eq(sample_cut(x, 3, 1, 0, p, OMN_TOP_P_WITHIN, &k, NULL), OMN_OK);
        ck_assert_uint_eq(k.kept, 2);
        free(k.c);
    }
}
END_TEST

static int equal_sums(void *user, size_t row, int32_t step, size_t n, double *u, float *gumbel)
{
    (void)user;
    (void)row;
    (void)step;
    (void)u;
    for (size_t v = 0; v < n; v++) gumbel[v] = v == 0 ? 1 : v == 3 ? 0 : -9;
    return 1;
}

START_TEST(equal_sums_with_noise_are_the_smaller_id)
{
    const omn_request rq = { OMN_FILL(omn_request), .temperature = 1, .top_p = 1,
                             .noise = equal_sums };
    const chooser c = { .rq = &rq, .V = IDS, .stop = STOP, .most = 9, .name = "made up" };
    float x[IDS] = { 1, 0, 0, 2, 0 };
    ck_assert_int_eq(pick_one(&c, x, 0, NULL), 0);
}
END_TEST

/* Rows of one batch draw numbers of their own, the same ones each time. */
START_TEST(rows_draw_for_themselves)
{
    const omn_request rq = { OMN_FILL(omn_request), .temperature = 1, .top_p = 1, .seed = 3 };
    int32_t said[2][40];
    size_t apart = 0;
    for (size_t row = 0; row < 2; row++)
        for (int32_t step = 0; step < 40; step++) {
            const chooser c = { .rq = &rq, .V = IDS, .row = row, .stop = STOP, .most = 99,
                                .name = "made up" };
            float x[IDS] = { 0 }, y[IDS] = { 0 };
            said[row][step] = pick_one(&c, x, step, NULL);
            ck_assert_int_eq(pick_one(&c, y, step, NULL), said[row][step]);
        }
    for (int32_t step = 0; step < 40; step++) apart += said[0][step] != said[1][step];
    ck_assert_uint_gt(apart, 10);
}
END_TEST

START_TEST(scores_that_are_no_numbers_are_told)
{
    static const struct { float x[IDS]; omn_status st; } rows[] = {
        { { 0, 1, -INFINITY, 3, 4 }, OMN_OK },
        { { 0, 1, NAN, 3, 4 }, OMN_ERR_DATA },
        { { NAN, NAN, NAN, NAN, NAN }, OMN_ERR_DATA },
        { { 0, 1, INFINITY, 3, 4 }, OMN_ERR_DATA },
        { { -INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY }, OMN_ERR_DATA },
    };
    const chooser c = { .V = IDS, .stop = STOP, .name = "made up" };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(pick_finite(&c, rows[i].x, NULL) == rows[i].st, "row %zu", i);
}
END_TEST

/* ---- windows --------------------------------------------------------------------------------- */

/* The likeliest is id 1 until place 6, then the end. */
static omn_status counted(void *user, const int32_t *ids, size_t rows, size_t T,
                          const int32_t *start, const float **out, omn_error *err)
{
    float *x = user;
    (void)ids;
    (void)err;
    memset(x, 0, rows * T * IDS * sizeof *x);
    for (size_t t = 0; t < rows * T; t++)
        x[t * IDS + ((size_t)start[t / T] + t % T < 6 ? 1 : STOP)] = 9;
    *out = x;
    return OMN_OK;
}

START_TEST(windows_have_2_to_256_ids)
{
    static const struct { int32_t window, most; omn_status st; int32_t n; } rows[] = {
        { 1, 9, OMN_ERR_ARGUMENT, 0 },   { 2, 9, OMN_OK, 6 },   { 256, 9, OMN_OK, 6 },
        { 257, 9, OMN_ERR_ARGUMENT, 0 }, { 0, 9, OMN_OK, 6 },   { 4, 5, OMN_OK, 5 },
        { 4, 1, OMN_OK, 1 },             { 16, 6, OMN_OK, 6 },
    };
    float *x = testing_memory((size_t)257 * IDS * sizeof *x);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const omn_request rq = { OMN_FILL(omn_request) };
        search_model s = { .user = x, .logits = counted, .V = IDS, .start = 0, .stop = STOP,
                           .name = "made up" };
        lane l = { .how = { .rq = &rq, .V = IDS, .stop = STOP, .most = rows[i].most,
                            .name = "made up" } };
        ck_assert_int_eq(path_new(&l.p, &l.how, NULL), OMN_OK);
        ck_assert_msg(decode_jacobi(&s, &l, 1, rows[i].window, NULL) == rows[i].st, "row %zu", i);
        ck_assert_msg(l.p.n == rows[i].n, "row %zu: %d ids", i, (int)l.p.n);
        path_free(&l.p);
    }
}
END_TEST

/* ---- beams ----------------------------------------------------------------------------------- */

static omn_status in_order(void *user, const int32_t *from, size_t rows, omn_error *err)
{
    (void)user;
    (void)from;
    (void)rows;
    (void)err;
    return OMN_OK;
}

static beam_result beams(const omn_request *rq, void *user,
                         omn_status (*logits)(void *, const int32_t *, size_t, size_t,
                                              const int32_t *, const float **, omn_error *),
                         int32_t most)
{
    search_model s = { .user = user, .logits = logits, .reorder = in_order, .V = IDS, .start = 0,
                       .stop = STOP, .name = "made up" };
    const chooser c = { .rq = rq, .V = IDS, .stop = STOP, .most = most, .name = "made up" };
    beam_result out = { 0 };
    ck_assert_int_eq(decode_beam(&s, &c, 1, &out, NULL), OMN_OK);
    return out;
}

/* Every id is as likely as any other, wherever. */
static omn_status even(void *user, const int32_t *ids, size_t rows, size_t T, const int32_t *start,
                       const float **out, omn_error *err)
{
    (void)ids;
    (void)start;
    (void)err;
    memset(user, 0, rows * T * IDS * sizeof(float));
    *out = user;
    return OMN_OK;
}

/* Equals are told apart by beam and id alone; what is not allowed takes its share along or not. */
START_TEST(equal_beams_keep_their_order)
{
    for (int again = 0; again < 2; again++) {
        const omn_request rq = { OMN_FILL(omn_request), .min_tokens = 9,
                                 .beams = { .count = 3, .renormalise = again,
                                            .stop = OMN_BEAM_BOUND } };
        float x[3 * IDS];
        beam_result r = beams(&rq, x, even, 2);
        ck_assert_uint_eq(r.n, 3);
        for (size_t k = 0; k < 3; k++) {
            ck_assert_int_eq(r.list[k].p.n, 2);
            ck_assert_int_eq(r.list[k].p.ids[0], 0);
            ck_assert_int_eq(r.list[k].p.ids[1], (int32_t)k);
            ck_assert_double_eq_tol(r.list[k].score, -2 * log(again ? 4 : 5), 1e-6);
            ck_assert(!r.list[k].stopped);
        }
        beam_result_free(&r);
    }
}
END_TEST

/* By place alone: an end or id 1, an end that is unlikely, an end. */
static omn_status late(void *user, const int32_t *ids, size_t rows, size_t T, const int32_t *start,
                       const float **out, omn_error *err)
{
    /* of id 1, of the end */
    static const double p[3][2] = { { 0.4, 0.6 }, { 0.9, 0.1 }, { 1e-9, 1 } };
    float *x = user;
    (void)ids;
    (void)err;
    for (size_t t = 0; t < rows * T; t++) {
        const size_t at = (size_t)start[t / T] + t % T, k = at < 2 ? at : 2;
        for (size_t v = 0; v < IDS; v++)
            x[t * IDS + v] = v == 1 || v == STOP ? (float)log(p[k][v == STOP]) : -20;
    }
    *out = x;
    return OMN_OK;
}

/* The last of the answers wanted has to be out of reach, not the first. */
START_TEST(beams_end_when_the_last_cannot_be_beaten)
{
    const omn_request rq = { OMN_FILL(omn_request),
                             .beams = { .count = 2, .stop = OMN_BEAM_BOUND } };
    float x[2 * IDS];
    beam_result r = beams(&rq, x, late, 9);
    ck_assert_uint_eq(r.n, 2);
    ck_assert_int_eq(r.list[0].p.n, 0);
    ck_assert_double_eq_tol(r.list[0].score, log(0.6), 1e-6);
    ck_assert_int_eq(r.list[1].p.n, 2);
    ck_assert_double_eq_tol(r.list[1].score, log(0.4 * 0.9), 1e-6);
    beam_result_free(&r);
}
END_TEST

/* The length that the penalty counts: of what has ended with its end, of what the limit cuts off
 * without, each with its extra. */
START_TEST(lengths_have_their_extras)
{
    static const struct { int32_t most, ended, open; double by; } rows[] = {
        { 9, 0, 5, 7 }, { 9, 2, 5, 9 },  /* six ids and the end */
        { 4, 7, 0, 4 }, { 4, 7, 3, 7 },  /* four ids, cut off */
    };
    float *x = testing_memory((size_t)4 * IDS * sizeof *x);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const omn_request rq = { OMN_FILL(omn_request),
                                 .beams = { .count = 2, .alpha = 1, .penalty = OMN_PENALTY_POWER,
                                            .length_extra = rows[i].ended,
                                            .open_extra = rows[i].open, .stop = OMN_BEAM_BOUND } };
        beam_result r = beams(&rq, x, counted, rows[i].most);
        const hypothesis *best = &r.list[0];
        for (size_t k = 0; k < r.n; k++)
            if (r.list[k].p.n == (rows[i].most < 6 ? rows[i].most : 6) &&
                r.list[k].p.score > best->p.score)
                best = &r.list[k];
        const double each = 9 - log(exp(9) + 4);
        ck_assert_double_eq_tol(best->p.score, each * (rows[i].most < 6 ? rows[i].most : 7), 1e-5);
        ck_assert_double_eq_tol(best->score, best->p.score / rows[i].by, 1e-6);
        beam_result_free(&r);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        an_end_before_its_time_waits,
        an_end_waits_for_nothing,
        what_was_said_is_not_said_again,
        a_range_is_preferred_above_its_mass,
        top_p_0_is_the_likeliest_alone,
        equals_at_the_edge,
        what_is_exactly_within_is_kept,
        equal_sums_with_noise_are_the_smaller_id,
        rows_draw_for_themselves,
        scores_that_are_no_numbers_are_told,
        windows_have_2_to_256_ids,
        equal_beams_keep_their_order,
        beams_end_when_the_last_cannot_be_beaten,
        lengths_have_their_extras,
    };
    return TESTING_RUN("generate/pick", all, 4);
}
