/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a whole model: seeds, batches, streams, limits, boxes, and requests that make no
 * sense; options.c has options. */
#include "tests/generate/toy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static toy t;

static void open_toy(void)
{
    const char *folder = testing_folder();
    toy_write(folder, 21);
    toy_open(&t, folder, 2);
}

static void fails(const omn_request *rq, omn_status want, const char *text)
{
    omn_error err = OMN_ERROR_INIT;
    omn_result r = { OMN_FILL(omn_result) };
    const omn_status st = omn_generate(t.runner, rq, &r, &err);
    ck_assert_msg(st == want, "%s: %s", omn_status_name(st), err.text);
    ck_assert_msg(strstr(err.text, text) != NULL, "\"%s\" lacks \"%s\"", err.text, text);
    ck_assert_ptr_null(r.value);
    ck_assert_ptr_null(r.text);
}

static char *answer(const omn_request *rq)
{
    omn_result r = { OMN_FILL(omn_result) };
    toy_answer(&t, rq, &r);
    char *copy = strdup(toy_text(&r));
    omn_result_fini(&r);
    return copy;
}

static void same_answer(const omn_request *a, const omn_request *b, bool want)
{
    char *x = answer(a), *y = answer(b);
    ck_assert_msg((strcmp(x, y) == 0) == want, "\"%s\" and \"%s\"", x, y);
    free(x);
    free(y);
}

START_TEST(the_same_seed_says_the_same)
{
    open_toy();
    omn_request a = { OMN_FILL(omn_request), .prompt = "what is this?", .temperature = 1,
                      .top_p = 1, .max_tokens = 12, .seed = 5 };
    omn_request b = a;
    same_answer(&a, &b, true);
    b.seed = 6;
    same_answer(&a, &b, false);
    a.temperature = b.temperature = 0; /* greedy: the seed does not matter */
    same_answer(&a, &b, true);
    a.temperature = b.temperature = 1;
    a.seed = b.seed;
    b.prompt = "what colour is the small ball?";
    same_answer(&a, &b, false);
    toy_close(&t);
}
END_TEST

START_TEST(threads_do_not_change_an_answer)
{
    open_toy();
    toy one;
    toy_open(&one, testing_folder(), 1);
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "one red cube", .temperature = 1,
                             .top_p = 1, .max_tokens = 20, .seed = 3 };
    omn_result a = { OMN_FILL(omn_result) }, b = a;
    toy_answer(&t, &rq, &a);
    toy_answer(&one, &rq, &b);
    ck_assert_str_eq(toy_text(&a), toy_text(&b));
    omn_result_fini(&a);
    omn_result_fini(&b);
    toy_close(&one);
    toy_close(&t);
}
END_TEST

/* Rows of a batch are padded to the longest: nobody may see the padding. */
START_TEST(a_batch_says_what_single_requests_say)
{
    open_toy();
    static const char *const prompts[4] = {
        "cube",
        "what colour is the large matte sphere to the left of the cone?",
        "how many red things are there?",
        "is there a cylinder?",
    };
    for (int pictures = 0; pictures < 2; pictures++) {
        omn_error err = OMN_ERROR_INIT;
        omn_request rq[4];
        omn_named in[4];
        omn_result batch[4], one = { OMN_FILL(omn_result) };
        for (int i = 0; i < 4; i++) {
            in[i] = (omn_named){ "image",
                                 pictures ? toy_picture(&t, 40 + 8 * (uint32_t)i, 32, (uint64_t)i)
                                          : NULL };
            rq[i] =
                (omn_request){ OMN_FILL(omn_request), .prompt = prompts[i], .max_tokens = 10 + i,
                               .inputs = &in[i], .n_inputs = (uint32_t)pictures };
        }
        ck_assert_msg(omn_generate_batch(t.runner, rq, 4, batch, &err) == OMN_OK, "%s", err.text);
        for (int i = 0; i < 4; i++) {
            toy_answer(&t, &rq[i], &one);
            ck_assert_str_eq(toy_text(&one), toy_text(&batch[i]));
            ck_assert_uint_eq(one.tokens, batch[i].tokens);
            ck_assert_uint_le(one.tokens, 10 + (uint32_t)i);
            omn_result_fini(&one);
            omn_result_fini(&batch[i]);
            omn_value_unref(in[i].value);
        }
    }
    toy_close(&t);
}
END_TEST

/* Drawn answers depend on the seed alone where that is asked for, and else on the place too. */
START_TEST(drawn_apart_a_batch_says_what_single_requests_say)
{
    open_toy();
    for (int apart = 0; apart < 2; apart++)
        for (int n_best = 1; n_best <= 2; n_best++) {
            omn_error err = OMN_ERROR_INIT;
            omn_request rq[4];
            omn_result batch[4], one = { OMN_FILL(omn_result) };
            int same = 0;
            for (int i = 0; i < 4; i++)
                rq[i] = (omn_request){ OMN_FILL(omn_request), .prompt = i % 2 ? "cube" : "cone",
                                       .max_tokens = 12, .temperature = 1.5, .top_p = 1,
                                       .seed = 5, .n_best = n_best, .apart = apart };
            ck_assert_msg(omn_generate_batch(t.runner, rq, 4, batch, &err) == OMN_OK, "%s",
                          err.text);
            for (int i = 0; i < 4; i++) {
                toy_answer(&t, &rq[i], &one);
                same += one.tokens == batch[i].tokens &&
                        !memcmp(one.ids, batch[i].ids, one.tokens * sizeof *one.ids);
                omn_result_fini(&one);
                omn_result_fini(&batch[i]);
            }
            ck_assert_int_eq(same, apart ? 4 : 1); /* the first of a batch stands where one does */
        }
    toy_close(&t);
}
END_TEST

/* Limits and weights of length are each request's own, whoever it shares a batch with. */
START_TEST(a_batch_of_beams_says_what_single_requests_say)
{
    open_toy();
    static const char *const prompts[3] = { "cube", "is there a cylinder?", "what is red?" };
    static const int32_t most[3] = { 3, 17, 9 };
    static const double alphas[3] = { 0, 1.5, 0.6 };
    for (omn_beam_stop stop = OMN_BEAM_BOUND; stop <= OMN_BEAM_NEVER; stop++) {
        omn_error err = OMN_ERROR_INIT;
        omn_request rq[3];
        omn_result batch[3], one = { OMN_FILL(omn_result) };
        for (int i = 0; i < 3; i++)
            rq[i] = (omn_request){ OMN_FILL(omn_request), .prompt = prompts[i],
                                   .max_tokens = most[i],
                                   .beams = { .count = 3, .alpha = alphas[i], .stop = stop,
                                              .penalty = i == 2 ? OMN_PENALTY_SIXTHS
                                                                : OMN_PENALTY_POWER } };
        ck_assert_msg(omn_generate_batch(t.runner, rq, 3, batch, &err) == OMN_OK, "%s", err.text);
        for (int i = 0; i < 3; i++) {
            toy_answer(&t, &rq[i], &one);
            ck_assert_uint_le(batch[i].tokens, (uint32_t)most[i]);
            ck_assert_uint_eq(one.tokens, batch[i].tokens);
            ck_assert_mem_eq(one.ids, batch[i].ids, one.tokens * sizeof *one.ids);
            /* padding of the batch may move a sum by its rounding */
            ck_assert_double_eq_tol(one.score, batch[i].score, 1e-4 * (1 + fabs(one.score)));
            omn_result_fini(&one);
            omn_result_fini(&batch[i]);
        }
    }
    toy_close(&t);
}
END_TEST

/* ---- streams --------------------------------------------------------------------------------- */

typedef struct heard {
    char text[4096];
    int calls, stop_after;
    omn_runner *cancel;
} heard;

static int listen(void *user, const omn_event *e)
{
    heard *h = user;
    ck_assert_str_eq(e->type, "token");
    ck_assert_uint_le(e->done, e->total);
    ck_assert_uint_lt(strlen(h->text) + strlen(e->text), sizeof h->text);
    memcpy(h->text + strlen(h->text), e->text, strlen(e->text) + 1);
    h->calls++;
    if (h->cancel && h->calls == h->stop_after) omn_runner_cancel(h->cancel);
    return !h->cancel && h->calls == h->stop_after;
}

START_TEST(a_stream_is_the_whole_text)
{
    open_toy();
    for (uint64_t seed = 0; seed < 12; seed++) {
        heard h = { 0 };
        const omn_request rq = {
            OMN_FILL(omn_request), .prompt = "tell me", .temperature = 1.5, .max_tokens = 48,
            .seed = seed,          .watch = listen,     .user = &h,          .top_p = 1
        };
        omn_result r = { OMN_FILL(omn_result) };
        toy_answer(&t, &rq, &r);
        ck_assert_str_eq(h.text, toy_text(&r));
        ck_assert_int_gt(h.calls, 1);
        omn_result_fini(&r);
    }
    toy_close(&t);
}
END_TEST

START_TEST(a_watcher_may_stop_and_keeps_what_there_is)
{
    open_toy();
    heard h = { .stop_after = 3 };
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "tell me", .max_tokens = 40,
                             .temperature = 1,      .watch = listen,     .user = &h,
                             .top_p = 1 };
    omn_result r = { OMN_FILL(omn_result) };
    toy_answer(&t, &rq, &r);
    ck_assert_int_eq(h.calls, 3);
    ck_assert_uint_lt(r.tokens, 40);
    ck_assert(!r.stopped);
    ck_assert_str_eq(h.text, toy_text(&r));
    omn_result_fini(&r);
    toy_close(&t);
}
END_TEST

START_TEST(cancel_stops_and_keeps_what_there_is)
{
    open_toy();
    heard h = { .stop_after = 3, .cancel = t.runner };
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "tell me", .max_tokens = 40,
                             .temperature = 1,      .watch = listen,     .user = &h,
                             .top_p = 1 };
    omn_error err = OMN_ERROR_INIT;
    omn_result r = { OMN_FILL(omn_result) };
    ck_assert_int_eq(omn_generate(t.runner, &rq, &r, &err), OMN_ERR_CANCELLED);
    ck_assert_int_eq(h.calls, 3);
    ck_assert_str_eq(h.text, toy_text(&r));
    ck_assert_uint_lt(r.tokens, 40);
    omn_result_fini(&r);
    toy_close(&t);
}
END_TEST

/* What the runner holds while it answers, and after it was told to stop. */
typedef struct holding {
    omn_runner *runner;
    uint64_t bytes;
    int calls;
} holding;

static int hold(void *user, const omn_event *e)
{
    holding *h = user;
    (void)e;
    h->bytes = omn_exec_bytes(omn_runner_exec(h->runner));
    if (++h->calls == 3) omn_runner_cancel(h->runner);
    return 0;
}

START_TEST(cancelling_gives_the_memory_back_at_once)
{
    open_toy();
    for (int i = 0; i < 4; i++) {
        omn_error err = OMN_ERROR_INIT;
        holding h = { 0 };
        ck_assert_int_eq(omn_runner_new(t.model, &h.runner, &err), OMN_OK);
        ck_assert_uint_eq(omn_exec_bytes(omn_runner_exec(h.runner)), 0);
        const omn_request one = { OMN_FILL(omn_request), .prompt = "tell me", .max_tokens = 40,
                                  .temperature = 1, .top_p = 1, .watch = hold, .user = &h,
                                  .n_best = i == 1 ? 2 : 0,
                                  .scheme = i == 2 ? OMN_SCHEME_JACOBI : OMN_SCHEME_LEFT_TO_RIGHT };
        const omn_request rq[2] = { one, one };
        omn_result r[2] = { { OMN_FILL(omn_result) }, { OMN_FILL(omn_result) } };
        const size_t n = i == 3 ? 2 : 1;
        ck_assert_int_eq(omn_generate_batch(h.runner, rq, n, r, &err), OMN_ERR_CANCELLED);
        ck_assert_uint_gt(h.bytes, 1000); /* caches and workspace */
        ck_assert_uint_eq(omn_exec_bytes(omn_runner_exec(h.runner)), 0);
        for (size_t k = 0; k < n; k++) omn_result_fini(&r[k]);
        omn_runner_free(h.runner);
    }
    omn_result r = { OMN_FILL(omn_result) }; /* others of the model are not touched */
    toy_answer(&t, &(omn_request){ OMN_FILL(omn_request), .prompt = "tell me", .max_tokens = 4 },
               &r);
    ck_assert_uint_gt(omn_exec_bytes(omn_runner_exec(t.runner)), 1000);
    omn_result_fini(&r);
    omn_exec_forget(omn_runner_exec(t.runner)); /* and what was given back is taken anew */
    toy_answer(&t, &(omn_request){ OMN_FILL(omn_request), .prompt = "tell me", .max_tokens = 4 },
               &r);
    omn_result_fini(&r);
    toy_close(&t);
}
END_TEST

/* ---- values so far --------------------------------------------------------------------------- */

typedef struct so_far {
    omn_value *last, *first;
    size_t told, tokens, stop_after;
    const char *kind;             /* NULL: any */
} so_far;

static int follow_value(void *user, const omn_event *e)
{
    so_far *s = user;
    if (strcmp(e->type, "partial")) {
        s->tokens++;
        return 0;
    }
    ck_assert_ptr_nonnull(e->value);
    ck_assert(!s->kind || omn_value_is(e->value, s->kind));
    ck_assert(!s->last || !omn_value_equal(s->last, e->value));     /* only what has changed */
    ck_assert(e->done <= e->total);
    omn_value_unref(s->last);
    s->last = omn_value_ref(e->value);
    if (!s->first) s->first = omn_value_ref(e->value);
    return ++s->told == s->stop_after;
}

static void so_far_fini(so_far *s)
{
    omn_value_unref(s->last);
    omn_value_unref(s->first);
}

/* The last value told is the answer's; each grows out of the one before. */
START_TEST(every_answer_tells_its_value_so_far)
{
    static const struct {
        const char *object, *set, *kind;
        size_t least;             /* values told at least */
    } list[] = {
        { "boxes", "boxes=3", "regions", 3 },
        { "boxes", "boxes=2 labels=true", "regions", 2 },
        { "points", "points=4", "points", 4 },
        { "number", "number=100000..999999", "number", 2 },
        { "json", "json={\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":"
                  "{\"a\":{\"type\":\"boolean\"},\"b\":{\"enum\":[\"red\",\"green\"]}},"
                  "\"required\":[\"a\",\"b\"]},\"minItems\":2,\"maxItems\":2}",
          NULL, 4 },
        { "codes", "codes=location count=5", "tokens", 5 },
        { "grammar", "grammar=root::=\"one\"\",\"\"two\"", "text", 2 },
    };
    open_toy();
    omn_value *picture = toy_picture(&t, 60, 40, 1);
    const omn_named inputs[1] = { { "image", picture } };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        for (uint64_t seed = 0; seed < 3; seed++) {
            so_far s = { .kind = list[i].kind };
            omn_answer *a = toy_open_answer(&t, list[i].object, list[i].set);
            omn_request rq = { OMN_FILL(omn_request), .inputs = inputs, .n_inputs = 1,
                               .prompt = "tell me", .answer = a, .temperature = 1, .top_p = 1,
                               .seed = seed, .watch = follow_value, .user = &s, .partial = true };
            omn_result r = { OMN_FILL(omn_result) };
            toy_answer(&t, &rq, &r);
            ck_assert_msg(s.told >= list[i].least, "%s %s: %zu", list[i].object, list[i].set,
                          s.told);
            ck_assert_msg(omn_value_equal(s.last, r.value), "%s %s", list[i].object, list[i].set);
            if (omn_kind_items(omn_value_kind(r.value)))
                ck_assert_uint_le(omn_value_count(s.first), omn_value_count(s.last));
            so_far_fini(&s);
            omn_result_fini(&r);
            /* nobody who did not ask is told, and the answer is the same */
            s = (so_far){ 0 };
            rq.partial = false;
            toy_answer(&t, &rq, &r);
            ck_assert_uint_eq(s.told, 0);
            omn_result_fini(&r);
            /* who stops at the second value keeps what there is, or is told why it is nothing */
            s = (so_far){ .stop_after = 2 };
            rq.partial = true;
            omn_error err = OMN_ERROR_INIT;
            const omn_status st = omn_generate(t.runner, &rq, &r, &err);
            ck_assert(st == OMN_OK || st == OMN_ERR_DATA);
            ck_assert_uint_eq(s.told, 2);
            so_far_fini(&s);
            omn_result_fini(&r);
            omn_answer_close(a);
        }
    omn_value_unref(picture);
    toy_close(&t);
}
END_TEST

/* ---- limits ---------------------------------------------------------------------------------- */

START_TEST(long_prompts_are_refused)
{
    open_toy();
    char longest[2048];
    memset(longest, 0, sizeof longest);
    for (int i = 0; i < 200; i++) memcpy(longest + strlen(longest), "cube ", 6);
    const omn_request rq = { OMN_FILL(omn_request), .prompt = longest, .max_tokens = 4 };
    fails(&rq, OMN_ERR_DATA, "63");
    /* what just fits is answered: the end token takes the last place */
    int32_t ids[64];
    size_t n = 0;
    omn_error err = OMN_ERROR_INIT;
    char text[2048] = "";
    for (int i = 0; i < 60; i++) {
        char more[2048];
        memcpy(more, text, sizeof more);
        memcpy(more + strlen(more), "cube ", 6);
        char whole[2100];
        snprintf(whole, sizeof whole, "%s%s", omn_model_prefix(t.model, "text"), more);
        if (omn_model_tokens(t.model, whole, ids, 63, &n, &err) != OMN_OK) break;
        memcpy(text, more, sizeof text);
    }
    const omn_request fits = { OMN_FILL(omn_request), .prompt = text, .max_tokens = 2 };
    free(answer(&fits));
    toy_close(&t);
}
END_TEST

START_TEST(no_more_tokens_than_asked_for_or_possible)
{
    open_toy();
    for (int most = 0; most < 3; most++) {
        const omn_request rq = { OMN_FILL(omn_request), .prompt = "say much", .temperature = 2,
                                 .top_p = 1, .max_tokens = most == 2 ? 1000000 : most };
        omn_result r = { OMN_FILL(omn_result) };
        omn_request longest = rq;
        longest.min_tokens = 1000; /* no end before the limit */
        toy_answer(&t, &rq, &r);
        ck_assert_uint_le(r.tokens, most == 1 ? 1 : 48);
        omn_result_fini(&r);
        toy_answer(&t, &longest, &r);
        ck_assert_uint_eq(r.tokens, most == 1 ? 1 : 48);
        ck_assert(!r.stopped);
        omn_result_fini(&r);
    }
    toy_close(&t);
}
END_TEST

START_TEST(a_batch_draws_for_each_row_anew)
{
    open_toy();
    omn_error err = OMN_ERROR_INIT;
    omn_request rq[4];
    omn_result out[4];
    for (int i = 0; i < 4; i++)
        rq[i] = (omn_request){ OMN_FILL(omn_request), .prompt = "say much", .temperature = 2,
                               .top_p = 1, .max_tokens = 12, .min_tokens = 12, .seed = 9 };
    ck_assert_msg(omn_generate_batch(t.runner, rq, 4, out, &err) == OMN_OK, "%s", err.text);
    for (int i = 1; i < 4; i++) ck_assert_str_ne(toy_text(&out[0]), toy_text(&out[i]));
    for (int i = 0; i < 4; i++) omn_result_fini(&out[i]);
    rq[2].output = "image";       /* one batch makes one thing */
    ck_assert_int_eq(omn_generate_batch(t.runner, rq, 4, out, &err), OMN_ERR_ARGUMENT);
    toy_close(&t);
}
END_TEST

START_TEST(a_list_of_boxes_may_be_empty_when_none_is_wanted)
{
    open_toy();
    omn_error err = OMN_ERROR_INIT;
    omn_value *none = NULL;
    omn_ids ids;
    ck_assert_int_eq(omn_regions_new(NULL, 0, NULL, &none, &err), OMN_OK);
    omn_ids_init(&ids, 100);
    omn_answer *any = toy_open_answer(&t, "boxes", "boxes=0.. labels=true");
    omn_answer *some = toy_open_answer(&t, "boxes", "boxes=1.. labels=true");
    ck_assert_int_eq(omn_answer_write(any, t.call, none, NULL, &ids, &err), OMN_OK);
    ck_assert_uint_eq(ids.count, 0);
    ck_assert_int_eq(omn_answer_write(some, t.call, none, NULL, &ids, &err), OMN_ERR_DATA);
    omn_answer_close(any);
    omn_answer_close(some);
    omn_ids_fini(&ids);
    omn_value_unref(none);
    toy_close(&t);
}
END_TEST

/* Every search through a whole model: beams that are one, several answers, conditions. */
START_TEST(searches_of_a_whole_model)
{
    open_toy();
    omn_request rq = { OMN_FILL(omn_request), .prompt = "what is it?", .max_tokens = 9,
                       .beams = { .count = 4, .alpha = 1 }, .n_best = 3 };
    omn_result a = { OMN_FILL(omn_result) }, b = a;
    toy_answer(&t, &rq, &a);
    ck_assert_uint_eq(a.n_best, 3);
    ck_assert_str_eq(toy_text(&a), omn_text_get(a.best[0].text, NULL));
    for (int k = 1; k < 3; k++) {
        ck_assert_double_le(a.best[k].score, a.best[k - 1].score);
        ck_assert_str_ne(omn_text_get(a.best[k].text, NULL), toy_text(&a));
    }
    ck_assert_double_eq(a.score, a.best[0].score);
    if (!a.stopped) {             /* the score is what its ids cost one by one, over their number */
        double sum = 0;
        for (uint32_t i = 0; i < a.tokens; i++) sum += (double)a.logprob[i];
        ck_assert_double_eq_tol(a.score, sum / a.tokens, 1e-4);
    }
    rq.beams.count = 0;
    rq.n_best = 0;
    toy_answer(&t, &rq, &b);
    omn_result_fini(&a);
    /* a condition equal to the request changes nothing, whatever its weight */
    const omn_condition same = { -3, NULL, 0, "what is it?" }, other = { -3, NULL, 0, "cube" };
    rq.conditions = &same;
    rq.n_conditions = 1;
    toy_answer(&t, &rq, &a);
    ck_assert_str_eq(toy_text(&a), toy_text(&b));
    omn_result_fini(&a);
    rq.conditions = &other;
    toy_answer(&t, &rq, &a);
    ck_assert_str_ne(toy_text(&a), toy_text(&b));
    omn_result_fini(&a);
    rq.n_conditions = 0;
    rq.scheme = OMN_SCHEME_JACOBI;
    for (rq.window = 2; rq.window < 12; rq.window += 3) {
        toy_answer(&t, &rq, &a);
        ck_assert_str_eq(toy_text(&a), toy_text(&b));
        ck_assert_uint_le(a.passes, b.passes);
        omn_result_fini(&a);
    }
    rq.beams.count = 2;
    fails(&rq, OMN_ERR_ARGUMENT, "left to right");
    omn_result_fini(&b);
    toy_close(&t);
}
END_TEST

/* The receipt says what each medium was and how much of the input it takes. */
START_TEST(a_result_says_what_was_seen)
{
    open_toy();
    omn_value *picture = toy_picture(&t, 100, 60, 4), *again = toy_picture(&t, 100, 60, 4);
    omn_named in = { "image", picture };
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "cube", .inputs = &in, .n_inputs = 1,
                             .max_tokens = 1 };
    omn_result a = { OMN_FILL(omn_result) }, b = a;
    toy_answer(&t, &rq, &a);
    ck_assert_uint_eq(a.n_seen, 2);
    for (size_t i = 0; i < 2; i++) {
        const omn_seen *s = &a.seen[i];
        const bool text = !strcmp(s->role, "text");
        ck_assert_str_eq(s->kind, s->role);
        ck_assert_uint_gt(s->tokens, text ? 1 : 4);
        ck_assert_uint_eq(s->cut, 0);
        ck_assert_uint_eq(s->width, text ? 0 : 100);
        ck_assert_uint_eq(s->height, text ? 0 : 60);
        ck_assert_uint_eq(s->frame.width, text ? 0 : 100);
        if (text) ck_assert_uint_eq(s->bytes, strlen(omn_model_prefix(t.model, "text")) + 4);
    }
    in.value = again;
    toy_answer(&t, &rq, &b);
    ck_assert_mem_eq(a.seen[0].hash, b.seen[0].hash, sizeof a.seen[0].hash);
    ck_assert_mem_eq(a.seen[1].hash, b.seen[1].hash, sizeof a.seen[1].hash);
    omn_result_fini(&a);
    omn_result_fini(&b);
    omn_value_unref(picture);
    omn_value_unref(again);
    toy_close(&t);
}
END_TEST

static int no_noise(void *user, size_t row, int32_t step, size_t n, double *u, float *gumbel)
{
    (void)user;
    (void)row;
    (void)step;
    (void)n;
    (void)gumbel;
    *u = 0.5;
    return 0;
}

START_TEST(requests_that_make_no_sense)
{
    open_toy();
    omn_error err = OMN_ERROR_INIT;
    omn_value *text = NULL;
    ck_assert_int_eq(omn_text_new("no picture", 10, &text, &err), OMN_OK);
    const omn_named sound = { "sound", text }, image = { "image", text };
    omn_request rq = { OMN_FILL(omn_request) };
    fails(&rq, OMN_ERR_ARGUMENT, "without prompt");
    rq.prompt = "hello";
    rq.output = "image";
    fails(&rq, OMN_ERR_UNSUPPORTED, "\"image\"");
    rq.output = NULL;
    rq.n_inputs = 1;
    rq.inputs = &sound;
    fails(&rq, OMN_ERR_UNSUPPORTED, "\"sound\"");
    rq.inputs = &image;
    fails(&rq, OMN_ERR_TYPE, "text");
    rq.n_inputs = 0;
    omn_answer *boxes = toy_open_answer(&t, "boxes", "boxes=1");
    rq.answer = boxes;
    fails(&rq, OMN_ERR_ARGUMENT, "picture");
    omn_answer_close(boxes);
    rq.answer = NULL;
    omn_request two[2] = { { OMN_FILL(omn_request), .prompt = "a" }, { OMN_FILL(omn_request) } };
    omn_result out[2];
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_generate_batch(t.runner, two, 2, out, &err), OMN_ERR_ARGUMENT);
    ck_assert_int_eq(omn_generate_batch(t.runner, two, 0, out, NULL), OMN_ERR_ARGUMENT);
    omn_value_unref(text);
    toy_close(&t);
}
END_TEST

/* Searches that do not go together, and one more of each thing than is possible. */
START_TEST(searches_that_make_no_sense)
{
    static const omn_condition conditions[16] = { { .weight = 0.1, .prompt = "b" } };
    const struct { omn_request rq; const char *says; } rows[] = {
        { { .beams = { .count = 257 } }, "1 to 256 beams" },
        { { .beams = { .count = -1 } }, "1 to 256 beams" },
        { { .beams = { .count = 2, .alpha = 10.5 } }, "alpha is -10 to 10" },
        { { .n_best = 1025, .temperature = 1 }, "1 to 1024 answers" },
        { { .n_best = 3, .beams = { .count = 2 } }, "no more answers" },
        { { .n_best = 2 }, "beams or a temperature" },
        { { .scheme = OMN_SCHEME_JACOBI, .beams = { .count = 2 } }, "left to right" },
        { { .scheme = OMN_SCHEME_JACOBI, .n_best = 2, .temperature = 1 }, "one answer" },
        { { .scheme = OMN_SCHEME_JACOBI, .temperature = 1, .noise = no_noise }, "given noise" },
        { { .conditions = conditions, .n_conditions = 1, .beams = { .count = 2 } },
          "neither beams" },
        { { .conditions = conditions, .n_conditions = 16 }, "at most 15 conditions" },
    };
    open_toy();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        omn_request rq = rows[i].rq;
        rq.size = sizeof rq;
        rq.prompt = "a";
        fails(&rq, OMN_ERR_ARGUMENT, rows[i].says);
    }
    omn_request many[65];
    omn_result out[65];
    omn_error err = OMN_ERROR_INIT;
    for (size_t i = 0; i < 65; i++)
        many[i] = (omn_request){ OMN_FILL(omn_request), .prompt = "a", .n_best = 64,
                                 .temperature = 1, .top_p = 1, .max_tokens = 1 };
    ck_assert_int_eq(omn_generate_batch(t.runner, many, 65, out, &err), OMN_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "4160 rows at once") != NULL, "%s", err.text);
    toy_close(&t);
}
END_TEST

/* ---- boxes ----------------------------------------------------------------------------------- */

START_TEST(one_box_is_four_locations)
{
    open_toy();
    omn_value *picture = toy_picture(&t, 100, 60, 4);
    const omn_named in = { "image", picture };
    omn_answer *a = toy_open_answer(&t, "boxes", "boxes=1");
    for (uint64_t seed = 0; seed < 4; seed++) {
        const omn_request rq = { OMN_FILL(omn_request), .prompt = "where?",
                                 .inputs = &in,         .n_inputs = 1,
                                 .answer = a,           .temperature = seed ? 1 : 0,
                                 .top_p = 1,            .seed = seed };
        omn_result r = { OMN_FILL(omn_result) };
        toy_answer(&t, &rq, &r);
        ck_assert_uint_eq(r.tokens, 4);
        ck_assert(r.stopped);
        ck_assert(omn_value_is(r.value, "regions"));
        int words = 0;
        for (const char *at = toy_text(&r); (at = strstr(at, "<extra_id_")); at++) words++;
        ck_assert_int_eq(words, 4);
        omn_result_fini(&r);
    }
    omn_answer_close(a);
    omn_value_unref(picture);
    toy_close(&t);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        the_same_seed_says_the_same,
        threads_do_not_change_an_answer,
        a_batch_says_what_single_requests_say,
        drawn_apart_a_batch_says_what_single_requests_say,
        a_batch_of_beams_says_what_single_requests_say,
        a_stream_is_the_whole_text,
        every_answer_tells_its_value_so_far,
        a_watcher_may_stop_and_keeps_what_there_is,
        cancel_stops_and_keeps_what_there_is,
        cancelling_gives_the_memory_back_at_once,
        long_prompts_are_refused,
        no_more_tokens_than_asked_for_or_possible,
        a_batch_draws_for_each_row_anew,
        a_list_of_boxes_may_be_empty_when_none_is_wanted,
        searches_of_a_whole_model,
        a_result_says_what_was_seen,
        requests_that_make_no_sense,
        searches_that_make_no_sense,
        one_box_is_four_locations,
    };
    return TESTING_RUN("generate/answers", all, 30); /* each opens a model of its own */
}
