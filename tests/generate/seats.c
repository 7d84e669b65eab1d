/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait until others are answered: each says what it says when it is asked alone, to
 * the last bit of what its ids are worth, whatever the others are and however long. */
#include "tests/generate/toy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

enum { MOST = 14 };

static toy t;

static const char *const prompts[MOST] = {
    "cube",
    "what colour is the large matte sphere to the left of the cone?",
    "a",
    "how many red things are there?",
    "is there a cylinder?",
    "which shape has the thing that is behind the small green metal cube and in front of the ball?",
    "one",
    "what is this?",
    "how many?",
    "the cone",
    "is the red ball in front of the cube that is to the right of the small cylinder?",
    "tell me",
    "which is larger, the cube or the cone?",
    "name it",
};

/* Answers of very different lengths; pictures: of a few sizes. */
static void make(omn_request *rq, omn_named *in, size_t n, bool pictures)
{
    static const int32_t most[] = { 1, 12, 3, 2, 7, 1, 12, 5 };
    for (size_t i = 0; i < n; i++) {
        in[i] = (omn_named){ "image", NULL };
        if (pictures) in[i].value = toy_picture(&t, 40 + 8 * (uint32_t)(i % 3), 32, i % 4);
        rq[i] = (omn_request){ OMN_FILL(omn_request), .prompt = prompts[i % MOST],
                               .max_tokens = most[i % 8], .inputs = &in[i],
                               .n_inputs = pictures };
    }
}

static void drop(omn_named *in, size_t n)
{
    for (size_t i = 0; i < n; i++) omn_value_unref(in[i].value);
}

static void same_bits(const omn_result *a, const omn_result *b, size_t i)
{
    ck_assert_msg(a->tokens == b->tokens, "%zu: %u and %u tokens", i, a->tokens, b->tokens);
    ck_assert_int_eq(a->stopped, b->stopped);
    if (a->tokens) ck_assert_mem_eq(a->ids, b->ids, a->tokens * sizeof *a->ids);
    if (a->tokens) ck_assert_mem_eq(a->logprob, b->logprob, a->tokens * sizeof *a->logprob);
    ck_assert_mem_eq(&a->score, &b->score, sizeof a->score);
    ck_assert_uint_eq(a->n_best, b->n_best);
    ck_assert_uint_eq(a->n_seen, b->n_seen);
    ck_assert(!a->value == !b->value);
    if (a->value) ck_assert(omn_value_equal(a->value, b->value));
    for (size_t k = 0; k < a->n_seen; k++)
        ck_assert_mem_eq(&a->seen[k], &b->seen[k], sizeof a->seen[k]);
}

/* n requests, so many at once, against each alone. */
static void compare(const omn_request *rq, size_t n, size_t at_once)
{
    omn_error err = OMN_ERROR_INIT;
    omn_result many[MOST], one = { OMN_FILL(omn_result) };
    WORKS(omn_generate_many(t.runner, rq, n, at_once, many, &err));
    for (size_t i = 0; i < n; i++) {
        toy_answer(&t, &rq[i], &one);
        same_bits(&one, &many[i], i);
        omn_result_fini(&one);
        omn_result_fini(&many[i]);
    }
}

START_TEST(who_waits_says_what_it_says_alone)
{
    static const size_t at_once[] = { 1, 2, 3, 5, 8, 14, 0 };
    static const uint32_t threads[] = { 1, 3 };
    const char *folder = testing_folder();
    toy_write(folder, 31);
    for (size_t k = 0; k < 2; k++) {
        toy_open(&t, folder, threads[k]);
        for (int pictures = 0; pictures < 2; pictures++) {
            omn_request rq[MOST];
            omn_named in[MOST];
            make(rq, in, MOST, pictures);
            for (size_t i = k; i < sizeof at_once / sizeof *at_once; i += 2)
                compare(rq, MOST, at_once[i]);
            drop(in, MOST);
        }
        toy_close(&t);
    }
}
END_TEST

/* Steps of the decoder and rows of them, so that nobody waits for the longest. */
START_TEST(seats_are_taken_as_they_are_free)
{
    omn_error err = OMN_ERROR_INIT;
    omn_request rq[MOST];
    omn_result out[MOST];
    const char *folder = testing_folder();
    uint64_t few, all;
    toy_write(folder, 31);
    toy_open(&t, folder, 1);
    for (size_t i = 0; i < MOST; i++)
        rq[i] = (omn_request){ OMN_FILL(omn_request), .prompt = prompts[i],
                               .min_tokens = i ? 2 : 30, .max_tokens = i ? 2 : 30 };
    WORKS(omn_generate_many(t.runner, rq, MOST, 2, out, &err));
    few = omn_exec_bytes(omn_runner_exec(t.runner));
    for (size_t i = 0; i < MOST; i++) {
        ck_assert_uint_eq(out[i].tokens, i ? 2 : 30); /* ... of which it took part in so many */
        ck_assert_uint_ge(out[i].passes, out[i].tokens);
        ck_assert_uint_le(out[i].passes, out[i].tokens + 1);
        omn_result_fini(&out[i]);
    }
    omn_exec_forget(omn_runner_exec(t.runner));
    WORKS(omn_generate_batch(t.runner, rq, MOST, out, &err));
    all = omn_exec_bytes(omn_runner_exec(t.runner));
    for (size_t i = 0; i < MOST; i++) {
        ck_assert_uint_ge(out[i].passes, 30);
        omn_result_fini(&out[i]);
    }
    ck_assert_msg(2 * few < all, "%llu bytes for 2 at once, %llu for all", (unsigned long long)few,
                  (unsigned long long)all);
    toy_close(&t);
}
END_TEST

START_TEST(what_is_drawn_is_the_same_in_any_company)
{
    omn_error err = OMN_ERROR_INIT;
    omn_request rq[MOST];
    omn_named in[MOST];
    omn_result many[MOST], all[MOST];
    toy_write(testing_folder(), 32);
    toy_open(&t, testing_folder(), 2);
    make(rq, in, MOST, true);
    for (size_t i = 0; i < MOST; i++) {
        rq[i].temperature = 1.5;
        rq[i].top_p = i % 2 ? 1 : 0.9;
        rq[i].seed = 5 + i / 3;
        rq[i].apart = true;
    }
    compare(rq, MOST, 3);
    /* by their places in the whole batch otherwise, whoever may wait */
    for (int pairs = 0; pairs < 2; pairs++) {
        for (size_t i = 0; i < MOST; i++) rq[i].apart = false;
        for (size_t i = 0; i < MOST; i++) rq[i].n_best = pairs ? 2 : 0;
        WORKS(omn_generate_batch(t.runner, rq, MOST, all, &err));
        WORKS(omn_generate_many(t.runner, rq, MOST, 4, many, &err));
        for (size_t i = 0; i < MOST; i++) {
            same_bits(&all[i], &many[i], i);
            omn_result_fini(&all[i]);
            omn_result_fini(&many[i]);
        }
    }
    drop(in, MOST);
    toy_close(&t);
}
END_TEST

START_TEST(each_keeps_to_its_own_rules)
{
    static const char *const list[][2] = {
        { "number", "number=0..99999" }, { "boxes", "boxes=0..3 labels=true" }, { "text", NULL }
    };
    toy_write(testing_folder(), 33);
    toy_open(&t, testing_folder(), 1);
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
        omn_request rq[MOST];
        omn_named in[MOST];
        omn_answer *a = toy_open_answer(&t, list[k][0], list[k][1]);
        make(rq, in, MOST, true);
        for (size_t i = 0; i < MOST; i++) rq[i].answer = a;
        for (size_t i = 0; i < MOST; i++) rq[i].max_tokens = 4 + 6 * (int32_t)(i % 4);
        compare(rq, MOST, 4);
        drop(in, MOST);
        omn_answer_close(a);
    }
    toy_close(&t);
}
END_TEST

/* Beams, windows, conditions, options, and a batch of different inputs: nobody comes in later. */
START_TEST(who_may_not_wait_is_answered_in_smaller_batches)
{
    static const char *const texts[] = { "red", "green", "a very large blue one" };
    omn_request rq[MOST];
    omn_named in[MOST];
    toy_write(testing_folder(), 34);
    toy_open(&t, testing_folder(), 1);
    omn_answer *options = toy_open_options(&t, texts, 3, NULL);
    const omn_condition not = { .prompt = "nothing", .weight = -0.5 };
    for (int how = 0; how < 5; how++) {
        make(rq, in, 7, true);
        for (size_t i = 0; i < 7; i++) {
            if (how == 0) rq[i].beams = (omn_beams){ .count = 3 };
            if (how == 1) rq[i].scheme = OMN_SCHEME_JACOBI;
            if (how == 2) rq[i].conditions = &not;
            if (how == 2) rq[i].n_conditions = 1;
            if (how == 3) rq[i].answer = options;
        }
        if (how == 4) drop(&in[5], 1);
        if (how == 4) in[5].value = NULL;
        compare(rq, 7, 3);
        drop(in, 7);
    }
    omn_answer_close(options);
    toy_close(&t);
}
END_TEST

/* ---- who listens ----------------------------------------------------------------------------- */

typedef struct listener {
    char text[512];
    int ids, enough;              /* stops at so many; 0: never */
    omn_runner *cancels;          /* then; NULL: nobody */
} listener;

static int listen(void *user, const omn_event *e)
{
    listener *l = user;
    if (strcmp(e->type, "token")) return 0;
    strncat(l->text, e->text, sizeof l->text - strlen(l->text) - 1);
    if (++l->ids != l->enough) return 0;
    if (l->cancels) omn_runner_cancel(l->cancels);
    return !l->cancels;
}

START_TEST(each_is_told_its_own_text)
{
    omn_error err = OMN_ERROR_INIT;
    omn_request rq[MOST];
    omn_named in[MOST];
    omn_result out[MOST];
    listener ears[MOST] = { { .ids = 0 } };
    toy_write(testing_folder(), 35);
    toy_open(&t, testing_folder(), 1);
    make(rq, in, MOST, false);
    for (size_t i = 0; i < MOST; i++) rq[i].watch = listen;
    for (size_t i = 0; i < MOST; i++) rq[i].user = &ears[i];
    ears[6].enough = 2;
    WORKS(omn_generate_many(t.runner, rq, MOST, 3, out, &err));
    for (size_t i = 0; i < MOST; i++) {
        ck_assert_str_eq(ears[i].text, toy_text(&out[i]));
        omn_result_fini(&out[i]);
    }
    ck_assert_int_eq(ears[6].ids, 2);
    toy_close(&t);
}
END_TEST

START_TEST(cancelling_ends_those_who_wait_too)
{
    omn_error err = OMN_ERROR_INIT;
    omn_request rq[MOST];
    omn_named in[MOST];
    omn_result out[MOST];
    listener ears[MOST] = { { .ids = 0 } };
    toy_write(testing_folder(), 36);
    toy_open(&t, testing_folder(), 1);
    make(rq, in, MOST, false);
    ears[4].cancels = t.runner;
    ears[4].enough = 1;
    for (size_t i = 0; i < MOST; i++) rq[i].watch = listen;
    for (size_t i = 0; i < MOST; i++) rq[i].user = &ears[i];
    ck_assert_int_eq(omn_generate_many(t.runner, rq, MOST, 2, out, &err), OMN_ERR_CANCELLED);
    ck_assert_ptr_nonnull(out[0].value);
    ck_assert_ptr_null(out[MOST - 1].value);
    ck_assert_uint_eq(omn_exec_bytes(omn_runner_exec(t.runner)), 0);
    for (size_t i = 0; i < MOST; i++) omn_result_fini(&out[i]);
    toy_close(&t);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        who_waits_says_what_it_says_alone,
        seats_are_taken_as_they_are_free,
        what_is_drawn_is_the_same_in_any_company,
        each_keeps_to_its_own_rules,
        who_may_not_wait_is_answered_in_smaller_batches,
        each_is_told_its_own_text,
        cancelling_ends_those_who_wait_too,
    };
    return TESTING_RUN("generate/seats", all, 30); /* each opens models of its own */
}
