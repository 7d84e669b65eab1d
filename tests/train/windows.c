/* SPDX-License-Identifier: Apache-2.0 */
/* A window over rows with inputs in them: what a step sees is what the same model without a window
 * sees in a row that holds just the places that are left; and writing, following and scoring agree,
 * alone and in company. */
#include "tests/train/reader.h"

#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)
#define WINDOW 16
#define STRIDE 3
#define LONG   30                 /* ids of an answer */

static const char windowed[] =
    "{\"omnio\": {\"model\": \"reader\"}, \"window\": 16, \"stride\": 3}";
static const ask asks[2] = { { NULL, 7, "what is it here?", "-" },
                             { NULL, 4, "how many red cubes and blue balls are there?", "-" } };

typedef struct told {
    const int32_t *want;
    size_t n;
    double logprob[128], sum;
} told;

static omn_status note(void *user, size_t place, const float *logprob, size_t width,
                       omn_error *err)
{
    told *k = user;
    (void)width;
    (void)err;
    if (place >= k->n) return OMN_OK;
    k->logprob[place] = (double)logprob[k->want[place]];
    k->sum += k->logprob[place];
    return OMN_OK;
}

/* What each of these ids is held likely for. */
static told follow(speaker *s, const ask *q, const int32_t *ids, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_named in[3];
    omn_value *own[3];
    told k = { .want = ids, .n = n };
    const omn_request rq = reader_request(q, in, own);
    WORKS(omn_runner_follow(s->runner, &rq, ids, n, note, &k, &err));
    for (int v = 0; v < 3; v++) omn_value_unref(own[v]);
    return k;
}

/* A model of this configuration with the weights of another training. */
static void speaks(speaker *s, lab *k, const char *config)
{
    const char *folder = reader_folder(config);
    reader_write(k, folder);
    reader_speaks(s, folder);
}

/* Places in front of an answer to this. */
static uint32_t front_of(const ask *q)
{
    ask with = *q;
    lab k;
    uint32_t from = 0;
    with.says = "red";
    reader_open(&k, reader_folder(reader_config), reader_setup(1), &with, 1);
    reader_fill(&k);
    while (!(k.t->t_weight[from] > 0)) from++;
    reader_close(&k);
    return from;
}

START_TEST(each_step_sees_the_places_that_are_left)
{
    lab k;
    int whole = 0;
    int32_t ids[LONG];
    reader_open(&k, reader_folder(reader_config), reader_setup(1), reader_usual, 3);
    for (int32_t i = 0; i < LONG; i++) ids[i] = 10 + 31 * i % 900;
    for (int a = 0; a < 2; a++) {
        speaker slides, plain = { 0 };
        const uint32_t front = front_of(&asks[a]);
        uint32_t gone = 0, dropped = 0, shown = UINT32_MAX;
        speaks(&slides, &k, windowed);
        const told heard = follow(&slides, &asks[a], ids, LONG);
        whole += front % STRIDE == 0;
        for (uint32_t n = 0; n < LONG; n++) {
            while (front - gone + 1 + n - dropped > WINDOW) {
                if (gone == front) dropped += STRIDE;
                else gone = gone + STRIDE > front ? front : gone + STRIDE;
            }
            if (shown != gone) {
                char config[160];
                snprintf(config, sizeof config,
                         "{\"omnio\": {\"model\": \"reader\"}, \"skip\": %u}", gone);
                if (shown != UINT32_MAX) reader_falls_silent(&plain);
                speaks(&plain, &k, config);
                shown = gone;
            }
            const told left = follow(&plain, &asks[a], ids + dropped, n - dropped + 1);
            ck_assert_double_eq_tol(heard.logprob[n], left.logprob[n - dropped], 1e-4);
        }
        ck_assert(gone == front && dropped > 0); /* nothing is left of what was given */
        reader_falls_silent(&plain);
        reader_falls_silent(&slides);
    }
    ck_assert_int_lt(whole, 2); /* the last of it may be no whole stride */
    reader_close(&k);
}
END_TEST

/* Rows of a batch slide at different steps; what each says is what it says alone, and what the
 * model holds likely when it is read along. */
START_TEST(answers_slide_in_company)
{
    lab k;
    speaker s;
    omn_error err = OMN_ERROR_INIT;
    omn_named in[2][3];
    omn_value *own[2][3];
    omn_request rq[2];
    ck_assert_uint_ne(front_of(&asks[0]), front_of(&asks[1]));
    reader_open(&k, reader_folder(reader_config), reader_setup(1), reader_usual, 3);
    speaks(&s, &k, windowed);
    for (int i = 0; i < 2; i++) rq[i] = reader_request(&asks[i], in[i], own[i]);
    for (int way = 0; way < 4; way++) {
        omn_result alone, both[2];
        const omn_condition away = { -0.5, NULL, 0, "anything" };
        for (int i = 0; i < 2; i++) {
            rq[i].max_tokens = rq[i].min_tokens = LONG;
            rq[i].beams = (omn_beams){ .count = way == 1 ? 3 : 0, .stop = OMN_BEAM_NEVER };
            rq[i].conditions = way == 2 ? &away : NULL;
            rq[i].n_conditions = way == 2;
            rq[i].temperature = way == 3 ? 1.5 : 0;
        }
        WORKS(omn_generate_batch(s.runner, rq, 2, both, &err));
        for (int i = 0; i < 2; i++) {
            ck_assert_uint_eq(both[i].tokens, LONG);
            const told heard = follow(&s, &asks[i], both[i].ids, both[i].tokens);
            if (way != 2) ck_assert_double_eq_tol(heard.sum, both[i].score, 2e-3);
            if (way != 3) { /* a row draws its own numbers */
                WORKS(omn_generate(s.runner, &rq[i], &alone, &err));
                ck_assert_uint_eq(alone.tokens, LONG);
                ck_assert_mem_eq(alone.ids, both[i].ids, LONG * sizeof *alone.ids);
                omn_result_fini(&alone);
            }
        }
        for (int i = 0; i < 2; i++) omn_result_fini(&both[i]);
    }
    rq[0].scheme = OMN_SCHEME_JACOBI;
    rq[0].temperature = 0;
    omn_result out = { OMN_FILL(omn_result) };
    ck_assert_int_eq(omn_generate(s.runner, &rq[0], &out, &err), OMN_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.text, "no window of guesses can be verified"));
    for (int i = 0; i < 6; i++) omn_value_unref(own[i / 3][i % 3]);
    reader_falls_silent(&s);
    reader_close(&k);
}
END_TEST

/* Candidates longer than what is left of the window. */
START_TEST(options_slide)
{
    static const char *const says[2] = { "a small red cube and a large blue ball and a green cone "
                                         "and a small red cube",
                                         "left" };
    lab k;
    speaker s;
    omn_error err = OMN_ERROR_INIT;
    omn_named in[3];
    omn_value *own[3];
    omn_result out;
    reader_open(&k, reader_folder(reader_config), reader_setup(1), reader_usual, 3);
    speaks(&s, &k, windowed);
    reader_scores(&s, reader_request(&asks[0], in, own), says, 2, &out);
    for (int i = 0; i < 2; i++) {
        int32_t ids[128];
        size_t n = 0;
        WORKS(omn_model_tokens(s.model, says[i], ids, 127, &n, &err));
        ids[n++] = 1;
        if (!i) ck_assert_uint_gt(n, WINDOW);
        ck_assert_double_eq_tol(out.scores[i], -follow(&s, &asks[0], ids, n).sum, 1e-3);
    }
    omn_result_fini(&out);
    for (int v = 0; v < 3; v++) omn_value_unref(own[v]);
    reader_falls_silent(&s);
    reader_close(&k);
}
END_TEST

START_TEST(a_window_is_no_longer_than_a_row)
{
    lab k;
    speaker s;
    omn_error err = OMN_ERROR_INIT;
    omn_named in[3];
    omn_value *own[3];
    omn_result out = { OMN_FILL(omn_result) };
    reader_open(&k, reader_folder(reader_config), reader_setup(1), reader_usual, 3);
    speaks(&s, &k, "{\"omnio\": {\"model\": \"reader\"}, \"window\": 201}");
    const omn_request rq = reader_request(&asks[0], in, own);
    ck_assert_int_eq(omn_generate(s.runner, &rq, &out, &err), OMN_ERR_PLUGIN);
    ck_assert_ptr_nonnull(strstr(err.text, "a window of 201 places, and rows of 200"));
    for (int v = 0; v < 3; v++) omn_value_unref(own[v]);
    reader_falls_silent(&s);
    reader_close(&k);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        each_step_sees_the_places_that_are_left,
        answers_slide_in_company,
        options_slide,
        a_window_is_no_longer_than_a_row,
    };
    return TESTING_RUN("train/windows", all, 60); /* each opens models of its own */
}
