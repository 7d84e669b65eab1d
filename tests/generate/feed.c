/* SPDX-License-Identifier: Apache-2.0 */
/* What a vocabulary adds to every step: an id behind the newest one that stays or goes again, and a
 * window out of which the oldest ids fall. On made-up models each answer is known by hand from the
 * row that the model should see; on a model with weights, writing, following and scoring agree. */
#include "tests/generate/toy.h"

#include "libcore/generate/decode.h"
#include "libcore/generate/open.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDS   6
#define MASK  5                   /* what is fed along */
#define MOST  40

typedef struct made_up {
    uint64_t seed;
    int32_t window;               /* no place is at or behind this; 0: none */
    int32_t rows[8][2 * MOST];    /* what each row has been fed, by place */
    float logits[8 * 2 * MOST * IDS];
} made_up;

/* What comes behind the row: depends on every id of it. MASK is never likely. */
static void behind(uint64_t seed, const int32_t *row, size_t n, float *x)
{
    uint64_t h = seed;
    for (size_t i = 0; i < n; i++) h = omn_random_at(h, 7, (uint64_t)row[i]);
    for (uint64_t v = 0; v < IDS; v++)
        x[v] = v == MASK ? -20 : (float)(omn_random_at(h, 1, v) >> 40) * (float)(3.0 / (1 << 24));
}

static omn_status logits(void *user, const int32_t *ids, size_t rows, size_t T,
                         const int32_t *start, const float **out, omn_error *err)
{
    made_up *m = user;
    (void)err;
    for (size_t i = 0; i < rows; i++) {
        ck_assert(!m->window || start[i] + (int32_t)T <= m->window);
        for (size_t t = 0; t < T; t++) {
            const size_t at = (size_t)start[i] + t;
            ck_assert_uint_lt(at, 2 * MOST);
            m->rows[i][at] = ids[i * T + t];
            behind(m->seed, m->rows[i], at + 1, m->logits + (i * T + t) * IDS);
        }
    }
    *out = m->logits;
    return OMN_OK;
}

static omn_status reorder(void *user, const int32_t *from, size_t rows, omn_error *err)
{
    made_up *m = user;
    int32_t copy[8][2 * MOST];
    (void)err;
    memcpy(copy, m->rows, sizeof copy);
    for (size_t i = 0; i < rows; i++) memcpy(m->rows[i], copy[from[i]], sizeof *copy);
    return OMN_OK;
}

/* The row that the model should see behind n ids, written down anew each time. */
static size_t row_of(const search_model *s, const int32_t *ids, int32_t n, int32_t *row)
{
    const int32_t stride = s->stride ? s->stride : 1;
    static int32_t gone;          /* grows with n, begins anew with n 0 */
    size_t k = 0;
    if (n == 0) gone = 0;
    for (;;) {
        k = 0;
        row[k++] = 0;
        for (int32_t i = gone; i < n; i++) {
            if (s->n_also && !s->drop) row[k++] = MASK;
            row[k++] = ids[i];
        }
        if (s->n_also) row[k++] = MASK;
        if (!s->window || k <= (size_t)s->window) return k;
        gone += stride;
    }
}

static const struct { int32_t n_also, drop, window, stride; } rules[] = {
    { 0, 0, 0, 0 }, { 1, 1, 0, 0 }, { 1, 0, 0, 0 },  { 0, 0, 8, 0 },  { 0, 0, 8, 3 },
    { 0, 0, 7, 6 }, { 1, 1, 9, 2 }, { 1, 0, 10, 2 }, { 1, 0, 11, 3 }, { 0, 0, 2, 1 },
};

static search_model model_of(made_up *m, size_t rule)
{
    m->window = rules[rule].window;
    return (search_model){ .user = m, .logits = logits, .reorder = reorder, .V = IDS, .start = 0,
                           .stop = -1, .n_also = rules[rule].n_also, .also = MASK,
                           .drop = rules[rule].drop, .window = rules[rule].window,
                           .stride = rules[rule].stride, .name = "made up" };
}

static omn_request plain = { OMN_FILL(omn_request) };

START_TEST(each_step_sees_the_row_that_its_rules_say)
{
    for (size_t rule = 0; rule < sizeof rules / sizeof *rules; rule++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            made_up m = { .seed = seed };
            search_model s = model_of(&m, rule);
            lane l[2];
            for (int i = 0; i < 2; i++) {
                l[i] = (lane){ .how = { .rq = &plain, .V = IDS, .stop = -1, .most = i ? 9 : 30,
                                        .name = "made up" } };
                ck_assert_int_eq(path_new(&l[i].p, &l[i].how, NULL), OMN_OK);
            }
            ck_assert_int_eq(decode_left(&s, l, 2, 0, NULL, NULL), OMN_OK);
            ck_assert_int_eq(l[0].p.n, 30);
            ck_assert_int_eq(l[1].p.n, 9);
            for (int32_t n = 0; n < 30; n++) {
                int32_t row[2 * MOST], best = 0;
                float x[IDS];
                behind(seed, row, row_of(&s, l[0].p.ids, n, row), x);
                for (int32_t v = 1; v < IDS; v++)
                    if (x[v] > x[best]) best = v;
                ck_assert_int_eq(l[0].p.ids[n], best);
                if (n < 9) ck_assert_int_eq(l[1].p.ids[n], best);
            }
            for (int i = 0; i < 2; i++) path_free(&l[i].p);
        }
}
END_TEST

/* Beams: the score of each answer is that of its ids, each behind the row that it saw. */
START_TEST(beams_see_the_same_rows)
{
    for (size_t rule = 0; rule < sizeof rules / sizeof *rules; rule++) {
        made_up m = { .seed = 3 };
        search_model s = model_of(&m, rule);
        omn_request rq = { OMN_FILL(omn_request),
                           .beams = { .count = 3, .stop = OMN_BEAM_NEVER } };
        const chooser c = { .rq = &rq, .V = IDS, .stop = -1, .most = 20, .name = "made up" };
        beam_result out;
        ck_assert_int_eq(decode_beam(&s, &c, 1, &out, NULL), OMN_OK);
        ck_assert_uint_eq(out.n, 3);
        for (size_t k = 0; k < out.n; k++) {
            double sum = 0;
            ck_assert_int_eq(out.list[k].p.n, 20);
            for (int32_t n = 0; n < 20; n++) {
                int32_t row[2 * MOST];
                float x[IDS];
                behind(3, row, row_of(&s, out.list[k].p.ids, n, row), x);
                sum += (double)x[out.list[k].p.ids[n]] - pick_logsum(x, IDS);
            }
            ck_assert_double_eq_tol(out.list[k].score, sum, 1e-4);
        }
        beam_result_free(&out);
    }
}
END_TEST

/* ---- a model with weights -------------------------------------------------------------------- */

typedef struct follow {
    const int32_t *ids;
    size_t n, right;
    double sum;
} follow;

static omn_status look(void *user, size_t place, const float *logprob, size_t width, omn_error *err)
{
    follow *f = user;
    int32_t best = 0;
    (void)err;
    if (place >= f->n) return OMN_OK;
    for (size_t v = 1; v < width; v++)
        if (logprob[v] > logprob[best]) best = (int32_t)v;
    f->right += best == f->ids[place];
    f->sum += (double)logprob[f->ids[place]];
    return OMN_OK;
}

static omn_vocab *vocab_of(toy *t)
{
    omn_part *p = (omn_part *)(uintptr_t)omn_model_decoder(t->model, "text");
    return &p->vocab;
}

/* More ids than the window has places, or as many as the model writes. */
START_TEST(writing_following_and_scoring_agree)
{
    static const char *const texts[2] = { "a red ball", "the small green cube is behind it" };
    const char *folder = testing_folder();
    toy t;
    omn_error err = OMN_ERROR_INIT;
    toy_write(folder, 4);
    toy_open(&t, folder, 1);
    omn_vocab *v = vocab_of(&t);
    const omn_vocab usual = *v;
    static const struct { int32_t n_also, drop, window, stride; } list[] = {
        { 0, 0, 0, 0 }, { 1, 1, 0, 0 }, { 1, 0, 0, 0 }, { 0, 0, 9, 4 }, { 1, 1, 9, 3 },
    };
    double plain_score[2] = { 0 };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        *v = usual;
        v->n_also = list[i].n_also;
        v->also = 100;
        v->drop = list[i].drop;
        v->window = list[i].window;
        v->stride = list[i].stride;
        const omn_request rq = { OMN_FILL(omn_request), .prompt = "tell me", .max_tokens = 20,
                                 .min_tokens = 20 };
        omn_result out = { OMN_FILL(omn_result) };
        toy_answer(&t, &rq, &out);
        ck_assert_uint_eq(out.tokens, 20);
        follow f = { .ids = out.ids, .n = out.tokens };
        ck_assert_int_eq(omn_runner_follow(t.runner, &rq, out.ids, out.tokens, look, &f, &err),
                         OMN_OK);
        ck_assert_double_eq_tol(f.sum, out.score, 1e-3);
        omn_result_fini(&out);
        /* the sum of what an option's ids cost */
        omn_answer *a = toy_open_options(&t, texts, 2, "score=sum");
        omn_request ask = { OMN_FILL(omn_request), .prompt = "tell me", .answer = a };
        toy_answer(&t, &ask, &out);
        for (int k = 0; k < 2; k++) {
            int32_t ids[64];
            size_t n = 0;
            ck_assert_int_eq(omn_model_tokens(t.model, texts[k], ids, 60, &n, &err), OMN_OK);
            ids[n++] = usual.stop;
            f = (follow){ .ids = ids, .n = n };
            ck_assert_int_eq(omn_runner_follow(t.runner, &ask, ids, n, look, &f, &err), OMN_OK);
            ck_assert_double_eq_tol(out.scores[k], -f.sum, 1e-3);
            if (i == 0) plain_score[k] = f.sum;
            else if (list[i].n_also) ck_assert(fabs(f.sum - plain_score[k]) > 1e-4);
        }
        omn_answer_close(a);
        omn_result_fini(&out);
    }
    const omn_request guess = { OMN_FILL(omn_request), .prompt = "a",
                                .scheme = OMN_SCHEME_JACOBI };
    omn_result out = { OMN_FILL(omn_result) };
    ck_assert_int_eq(omn_generate(t.runner, &guess, &out, &err), OMN_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.text, "no window of guesses can be verified"));
    *v = usual;
    toy_close(&t);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        each_step_sees_the_row_that_its_rules_say,
        beams_see_the_same_rows,
        writing_following_and_scoring_agree,
    };
    return TESTING_RUN("generate/feed", all, 30);
}
