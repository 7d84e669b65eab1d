/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in which vectors of the inputs stand between ids (omnio.row/1), in generation: what is fed
 * is what training packed, alone and in company, whatever the search. */
#include "tests/train/reader.h"

#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

typedef struct told {
    const int32_t *want;
    double nll[128];
} told;

static omn_status note(void *user, size_t place, const float *logprob, size_t width,
                       omn_error *err)
{
    told *k = user;
    (void)width;
    (void)err;
    k->nll[place] = -(double)logprob[k->want[place]];
    return OMN_OK;
}

START_TEST(generation_reads_what_training_read)
{
    static const ask list[] = {
        { "look:", 7, "what is it?", "a red cube" },
        { NULL, 4, "where is it?", "left" },
        { reader_lengthy, 3, reader_lengthy, "two" },        /* more than one pass feeds */
        { NULL, (double)NAN, "how many?", "two" },
    };
    for (size_t i = 0; i < 4; i++) {
        lab k;
        speaker s;
        omn_error err = OMN_ERROR_INIT;
        omn_tensor x;
        const char *folder = reader_folder(reader_config);
        omn_named in[3];
        omn_value *own[3];
        told heard = { .want = NULL };
        uint32_t from = 0, n = 0;
        reader_open(&k, folder, reader_setup(1), &list[i], 1);
        reader_write(&k, folder);
        reader_fill(&k);
        reader_forward(&k);
        WORKS(omn_exec_output(k.t->exec, k.t->outputs[0].graph, "nll.text", &x, &err));
        while (!(k.t->t_weight[from] > 0)) from++;
        n = reader_tokens(&k, list[i].says);
        if (list[i].first == reader_lengthy) ck_assert_uint_gt(from, 64);
        heard.want = k.t->t_labels + from;
        reader_speaks(&s, folder);
        const omn_request rq = reader_request(&list[i], in, own);
        WORKS(omn_runner_follow(s.runner, &rq, heard.want, n - 1, note, &heard, &err));
        for (uint32_t p = 0; p < n; p++)
            ck_assert_double_eq_tol(heard.nll[p], (double)((const float *)x.data)[from + p], 1e-4);
        for (int v = 0; v < 3; v++) omn_value_unref(own[v]);
        reader_falls_silent(&s);
        reader_close(&k);
    }
}
END_TEST

static void same_answer(const omn_result *a, const omn_result *b)
{
    ck_assert_uint_eq(a->tokens, b->tokens);
    ck_assert_mem_eq(a->ids, b->ids, a->tokens * sizeof *a->ids);
    for (uint32_t i = 0; i < a->tokens; i++)
        ck_assert_double_eq_tol((double)a->logprob[i], (double)b->logprob[i], 1e-5);
}

/* Rows of a batch have more and fewer places in front; every way to search stands behind them. */
START_TEST(answers_are_the_same_in_company)
{
    static const ask list[] = { { NULL, 7, "what is it?", "-" },
                                { NULL, 4, "how many red cubes and blue balls are there?", "-" } };
    lab k;
    speaker s;
    omn_error err = OMN_ERROR_INIT;
    const char *folder = reader_folder(reader_config);
    omn_named in[2][3];
    omn_value *own[2][3];
    omn_request rq[2];
    reader_open(&k, folder, reader_setup(1), reader_usual, 3);
    reader_write(&k, folder);
    reader_speaks(&s, folder);
    for (int i = 0; i < 2; i++) rq[i] = reader_request(&list[i], in[i], own[i]);
    for (int way = 0; way < 4; way++) {
        omn_result alone[2], both[2];
        const omn_condition away = { -0.5, NULL, 0, "anything" };
        for (int i = 0; i < 2; i++) {
            rq[i].beams.count = way == 1 ? 3 : 0;
            rq[i].scheme = way == 2 ? OMN_SCHEME_JACOBI : OMN_SCHEME_LEFT_TO_RIGHT;
            rq[i].conditions = way == 3 ? &away : NULL;
            rq[i].n_conditions = way == 3;
            WORKS(omn_generate(s.runner, &rq[i], &alone[i], &err));
        }
        WORKS(omn_generate_batch(s.runner, rq, 2, both, &err));
        for (int i = 0; i < 2; i++) same_answer(&alone[i], &both[i]);
        if (way == 2) { /* guesses change nothing */
            rq[0].scheme = OMN_SCHEME_LEFT_TO_RIGHT;
            omn_result_fini(&alone[0]);
            WORKS(omn_generate(s.runner, &rq[0], &alone[0], &err));
            same_answer(&alone[0], &both[0]);
        }
        for (int i = 0; i < 2; i++) {
            omn_result_fini(&alone[i]);
            omn_result_fini(&both[i]);
        }
    }
    for (int i = 0; i < 6; i++) omn_value_unref(own[i / 3][i % 3]);
    reader_falls_silent(&s);
    reader_close(&k);
}
END_TEST

/* Options cost what their lessons would. */
START_TEST(options_are_scored_behind_what_is_given)
{
    static const ask list[] = { { NULL, 7, "what is it?", "a red cube" },
                                { NULL, 7, "what is it?", "left" } };
    lab k;
    speaker s;
    omn_error err = OMN_ERROR_INIT;
    omn_tensor x;
    const char *folder = reader_folder(reader_config);
    omn_named in[3];
    omn_value *own[3];
    omn_result out;
    const char *const says[2] = { list[0].says, list[1].says };
    reader_open(&k, folder, reader_setup(1), list, 2);
    reader_write(&k, folder);
    reader_fill(&k);
    reader_forward(&k);
    WORKS(omn_exec_output(k.t->exec, k.t->outputs[0].graph, "nll.text", &x, &err));
    reader_speaks(&s, folder);
    reader_scores(&s, reader_request(&list[0], in, own), says, 2, &out);
    for (uint32_t i = 0; i < 2; i++) {
        double nll = 0;
        for (uint32_t t = 0; t < k.t->setup.targets; t++)
            if (k.t->token_task[t] == i) nll += (double)((const float *)x.data)[t];
        ck_assert_double_gt(nll, 1);
        ck_assert_double_eq_tol(out.scores[i], nll, 1e-4);
    }
    omn_result_fini(&out);
    for (int v = 0; v < 3; v++) omn_value_unref(own[v]);
    reader_falls_silent(&s);
    reader_close(&k);
}
END_TEST

/* Passes of the decoder since the profile was switched on: it looks back once in each. */
static uint64_t passes(const speaker *s)
{
    const omn_profile_row *list = NULL;
    uint64_t n = 0;
    const size_t rows = omn_exec_profile_rows(omn_runner_exec(s->runner), &list);
    for (size_t i = 0; i < rows; i++)
        if (!strncmp(list[i].op, "attention", 9)) n += list[i].calls;
    return n;
}

/* The scores of options "from", "from + 1", ... */
static void numbers(const speaker *s, const omn_request *rq, uint32_t from, uint32_t n,
                    omn_result *out)
{
    char words[128][16];
    const char *says[128];
    for (uint32_t i = 0; i < n; i++) {
        snprintf(words[i], sizeof words[i], "%u", from + i);
        says[i] = words[i];
    }
    reader_scores(s, *rq, says, n, out);
}

/* Fifty at a time, for which what is given is fed once; fewer in the end, with a cache of their
 * own. Each costs what it costs alone. */
START_TEST(many_options_share_what_is_given)
{
    lab k;
    speaker s;
    const char *folder = reader_folder(reader_config);
    omn_named in[3];
    omn_value *own[3];
    omn_result all, one;
    reader_open(&k, folder, reader_setup(1), reader_usual, 3);
    reader_write(&k, folder);
    reader_speaks(&s, folder);
    const omn_request rq = reader_request(&reader_usual[0], in, own);
    omn_exec_profile(omn_runner_exec(s.runner), true);
    numbers(&s, &rq, 100, 120, &all);
    ck_assert_uint_eq(passes(&s), 5);
    for (uint32_t i = 0; i < 120; i += 17) {
        numbers(&s, &rq, 100 + i, 1, &one);
        ck_assert_double_eq_tol(one.scores[0], all.scores[i], 1e-4);
        omn_result_fini(&one);
    }
    omn_result_fini(&all);
    for (int v = 0; v < 3; v++) omn_value_unref(own[v]);
    reader_falls_silent(&s);
    reader_close(&k);
}
END_TEST

/* An answer ends where the row does; the longest of what is compared says where. */
START_TEST(an_answer_ends_with_its_row)
{
    static const ask q = { NULL, 7, reader_lengthy, "-" };
    lab k;
    speaker s;
    omn_error err = OMN_ERROR_INIT;
    const char *folder = reader_folder(reader_config);
    omn_named in[3], more[2];
    omn_value *own[3];
    omn_result out = { OMN_FILL(omn_result) };
    reader_open(&k, folder, reader_setup(1), &q, 1);
    reader_write(&k, folder);
    reader_speaks(&s, folder);
    omn_request rq = reader_request(&q, in, own);
    rq.max_tokens = 0;
    rq.min_tokens = 200;
    WORKS(omn_generate(s.runner, &rq, &out, &err));
    ck_assert_uint_eq(out.tokens, 80); /* the model's most */
    omn_result_fini(&out);
    const uint32_t n = reader_tokens(&k, reader_lengthy);
    omn_value *text = NULL;
    WORKS(omn_text_new(reader_lengthy, strlen(reader_lengthy), &text, &err));
    more[0] = (omn_named){ "text", text };
    const omn_condition longer = { -0.5, more, 1, reader_lengthy };
    rq.conditions = &longer;
    rq.n_conditions = 1;
    WORKS(omn_generate(s.runner, &rq, &out, &err));
    ck_assert_uint_eq(out.tokens, 200 - 2 * n); /* id 2 stands for the end of each */
    ck_assert_uint_lt(out.tokens, 80);
    omn_result_fini(&out);
    for (int v = 0; v < 3; v++) omn_value_unref(own[v]);
    omn_value_unref(text);
    reader_falls_silent(&s);
    reader_close(&k);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        generation_reads_what_training_read,
        answers_are_the_same_in_company,
        options_are_scored_behind_what_is_given,
        many_options_share_what_is_given,
        an_answer_ends_with_its_row,
    };
    return TESTING_RUN("train/said", all, 60); /* each opens models of its own */
}
