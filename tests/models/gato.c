/* SPDX-License-Identifier: Apache-2.0 */
/* Gato against two independent implementations of its description: numbers as ids, whole episodes
 * from what was seen to logits and losses, gradients, an episode that is played, on every path of
 * kernels. And what holds of any episode: a window forgets whole steps, what a step holds likely is
 * what teaching says, and what makes no sense is refused. */
#include "verified.h"

#include <omnio/generate.h>
#include <omnio/kinds.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static const char *golden(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/gato/%.80s.safetensors", name);
    return testing_source(path);
}

START_TEST(numbers_as_ids)
{
    verified_passes("gato", "quantise", golden("quantise"), 12);
}
END_TEST

START_TEST(whole_episodes)
{
    verified_passes("tiny_a", "forward", golden("tiny_a.forward"), 18);
    verified_passes("tiny_b", "forward", golden("tiny_b.forward"), 13);
}
END_TEST

START_TEST(gradients)
{
    verified_passes("tiny_a", "grads", golden("tiny_a.grads"), 136);
    verified_passes("tiny_b", "grads", golden("tiny_b.grads"), 61);
}
END_TEST

START_TEST(an_episode_that_is_played)
{
    verified_passes("tiny_a", "act", golden("tiny_a.act"), 4);
    verified_passes("tiny_b", "act", golden("tiny_b.act"), 4);
}
END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *stage; change c; } list[] = {
        { "tiny_a.forward", "block.0.q",
          { .tensor = "out.block.0.q", .element = 9, .times = 1, .plus = 1e-3 } },
        { "tiny_a.forward", "patch.unit.1",
          { .tensor = "out.patch.unit.1", .element = 70, .times = 1, .plus = 1e-3 } },
        { "tiny_a.forward", "loss_mean",
          { .tensor = "out.loss_mean", .times = 1, .plus = 2e-3 } },
        { "tiny_b.act", "actions", { .tensor = "out.actions", .element = 4, .plus = 1 } },
        { "tiny_b.act", "window", { .tensor = "out.window", .element = 11, .plus = 1 } },
        { "quantise", "value_tokens",
          { .tensor = "out.value_tokens", .element = 3, .plus = 1 } },
    };
    static const change ids = { .tensor = "in.ids", .element = 8, .plus = 1 };
    const char *folder = testing_folder();
    omn_error err = OMN_ERROR_INIT;
    seen s = { 0 };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char weights[4096];
        snprintf(weights, sizeof weights, "%.6s.weights", list[i].name);
        if (strchr(list[i].name, '.')) verified_changed(folder, golden(weights), NULL);
        verified_finds(folder, golden(list[i].name), &list[i].c, list[i].stage);
    }
    verified_changed(folder, golden("tiny_a.weights"), NULL);
    ck_assert_int_eq(verified_run("avx2", verified_changed(folder, golden("tiny_a.forward"), &ids),
                                  &s, &err), OMN_ERR_FAILED);
    ck_assert_msg(strstr(err.text, "in.ids at place 8"), "%s", err.text);
}
END_TEST

/* ---- models in folders ----------------------------------------------------------------------- */

typedef struct folder {
    omn_context *ctx;
    omn_model *model;
    omn_runner *runner;
    omn_call *call;
} folder;

/* tiny_b without the keys that it repeats. */
static const char sizes[] =
    "\"width\": 24, \"blocks\": 2, \"heads\": 2, \"kv\": 12, \"ffn_hidden\": 40, \"ffn_gate\": "
    "\"none\", \"text_vocab\": 80, \"bins\": 48, \"discrete\": 30, \"layout\": \"disjoint\", "
    "\"patch\": \"linear\", \"local_positions\": 30, \"action_pos\": \"none\"";

static omn_status open_as(folder *f, const char *more, omn_error *err)
{
    char text[1024];
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .precision = OMN_PRECISION_F32,
                                    .weights = golden("tiny_b.weights") };
    *f = (folder){ 0 };
    snprintf(text, sizeof text, "{\"omnio\": {\"model\": \"gato\"}, %s%s}", sizes, more);
    omn_status st = omn_context_new(&how, &f->ctx, err);
    if (st == OMN_OK) st = omn_model_open_text(f->ctx, text, "tiny_b", &setup, &f->model, err);
    if (st == OMN_OK) st = omn_model_keys(f->model, err);
    if (st == OMN_OK) st = omn_runner_new(f->model, &f->runner, err);
    if (st == OMN_OK) st = omn_context_call(f->ctx, 0, 0, NULL, &f->call, err);
    return st;
}

static void close_all(folder *f)
{
    omn_call_free(f->call);
    omn_runner_free(f->runner);
    omn_model_close(f->model);
    omn_context_free(f->ctx);
}

static omn_value *from_json(const char *text)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    ck_assert_msg(omn_value_from_json(text, strlen(text), &v, &err) == OMN_OK, "%s in %s",
                  err.text, text);
    return v;
}

/* A number and a choice of 2..5 for each time step from `first` on, so many. */
static omn_value *episode(int first, int n)
{
    static const char empty[] = "{\"type\": \"f32\", \"shape\": [0, 2], \"base64\": \"\"}";
    char shown[2048] = "", done[1024] = "", time[512] = "", text[5000];
    for (int i = 0; i < n; i++) {
        char one[128];
        snprintf(one, sizeof one, "%s{\"v\": [%g, %g], \"u\": %g}", i ? ", " : "",
                 0.1 * (first + i), -1.5 * (first + i), 3.0);
        strcat(shown, one);
        if (i + 1 == n) break;
        snprintf(one, sizeof one, "%s[%g, %d]", i ? ", " : "", 0.2 * ((first + i) % 9) - 0.8,
                 2 + (first + i) % 4);
        strcat(done, one);
        snprintf(one, sizeof one, "%s%d", i ? ", " : "", i);
        strcat(time, one);
    }
    snprintf(text, sizeof text,
             "{\"observations\": [%s], \"actions\": {\"$kind\": \"actions\", \"action\": %s%s%s, "
             "\"time\": [%s], \"name\": [\"push\", \"pick\"], \"unit\": [\"N\", \"index\"], "
             "\"least\": [-1, 2], \"most\": [1, 5]}}", shown, n > 1 ? "[" : empty,
             done, n > 1 ? "]" : "", time);
    return from_json(text);
}

/* The log-probabilities of an action's ids as it is followed step by step. */
typedef struct followed {
    double logprob[8];
    size_t n, count;
    const int32_t *ids;
} followed;

static omn_status follow(void *user, size_t place, const float *logprob, size_t width,
                         omn_error *err)
{
    followed *f = user;
    (void)width;
    (void)err;
    if (place < f->count) f->logprob[place] = (double)logprob[f->ids[place]];
    f->n++;
    return OMN_OK;
}

typedef struct asked {
    omn_value *episode;
    omn_answer *answer;
    omn_named in;
    omn_request rq;
} asked;

static omn_status ask(folder *f, asked *a, omn_value *episode, omn_error *err)
{
    const omn_value *actions = omn_record_get(episode, "actions");
    const omn_named like = { "control", (omn_value *)(uintptr_t)actions };
    const omn_answer_setup how = { OMN_FILL(omn_answer_setup), .object = "control",
                                   .output = "action", .values = &like, .n_values = 1 };
    *a = (asked){ .episode = episode, .in = { "episode", episode } };
    const omn_status st = omn_answer_open(f->model, f->call, &how, &a->answer, err);
    a->rq = (omn_request){ OMN_FILL(omn_request), .inputs = &a->in, .n_inputs = 1,
                           .output = "action", .answer = a->answer };
    return st;
}

static void asked_fini(asked *a)
{
    omn_answer_close(a->answer);
    omn_value_unref(a->episode);
}

/* What is generated lies within what can be done, is read back to the same ids, and is held likely
 * as it was when it was drawn. */
START_TEST(actions_through_a_runner)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    WORKS(open_as(&f, ", \"context\": 40", &err));
    for (int n = 1; n < 9; n++) {
        asked a;
        omn_result out = { OMN_FILL(omn_result) };
        omn_ids again;
        WORKS(ask(&f, &a, episode(0, n), &err));
        a.rq.temperature = n % 2 ? 0 : 2;
        a.rq.seed = (uint64_t)n;
        WORKS(omn_generate(f.runner, &a.rq, &out, &err));
        ck_assert_uint_eq(out.tokens, 2);
        const float *x = omn_value_column(out.value, "action")->data;
        ck_assert(x[0] > -1 && x[0] < 1 && x[1] >= 2 && x[1] <= 5);
        ck_assert(out.ids[0] >= 80 && out.ids[0] < 128 && out.ids[1] == 128 + (int)x[1]);
        omn_ids_init(&again, 8);
        WORKS(omn_answer_write(a.answer, f.call, out.value, NULL, &again, &err));
        ck_assert_uint_eq(again.count, 2);
        ck_assert_mem_eq(again.ids, out.ids, 2 * sizeof *out.ids);
        followed k = { .ids = out.ids, .count = out.tokens };
        WORKS(omn_runner_follow(f.runner, &a.rq, out.ids, out.tokens, follow, &k, &err));
        for (size_t i = 0; i < out.tokens; i++)
            ck_assert_double_eq_tol(k.logprob[i], (double)out.logprob[i], 1e-4);
        omn_ids_fini(&again);
        omn_result_fini(&out);
        asked_fini(&a);
    }
    close_all(&f);
}
END_TEST

/* A step takes 3 tokens seen, the separator and 2 done; of 40 places six are left after six: the
 * same is said as when the steps before had never been. */
START_TEST(a_window_forgets_whole_steps)
{
    omn_error err = OMN_ERROR_INIT;
    folder f;
    static const int32_t ids[2] = { 91, 131 };
    WORKS(open_as(&f, ", \"context\": 40", &err));
    for (int n = 5; n < 10; n++) {
        followed k[3];
        for (int way = 0; way < 3; way++) {
            asked a;
            const int left = way == 2 ? 5 : n < 6 ? n : 6;
            k[way] = (followed){ .ids = ids, .count = 2 };
            WORKS(ask(&f, &a, way ? episode(n - left, left) : episode(0, n), &err));
            WORKS(omn_runner_follow(f.runner, &a.rq, ids, 2, follow, &k[way], &err));
            asked_fini(&a);
        }
        for (int i = 0; i < 2; i++)
            ck_assert_double_eq_tol(k[0].logprob[i], k[1].logprob[i], 1e-5);
        if (n > 5) ck_assert_double_gt(fabs(k[0].logprob[0] - k[2].logprob[0]), 1e-4);
    }
    close_all(&f);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
    static const struct { const char *episode; const char *says; } list[] = {
        { "{\"observations\": 3}", "a record of observations" },
        { "{\"observations\": []}", "0 observations and 0 actions" },
        { "{\"observations\": [1, 2]}", "2 observations and 0 actions" },
        { "{\"observations\": [{\"a\": []}]}", "shows nothing" },
        { "{\"observations\": [\"go\"]}", "no tokenizer.model" },
        { "{\"observations\": [{\"$kind\": \"tensor\", \"data\": {\"type\": \"i32\", \"shape\": "
          "[1], \"base64\": \"HgAAAA==\"}}]}", "choice 30 of an observation is outside 0..29" },
        { "{\"observations\": [[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, "
          "1, 1, 1, 1, 1, 1, 1, 1, 1]]}", "more tokens than the 30" },
        { "{\"observations\": [1, 2], \"actions\": {\"$kind\": \"actions\", \"action\": [[0.5]], "
          "\"time\": [0], \"name\": [\"a\"], \"unit\": [\"index\"]}}", "is the choice 0.5" },
    };
    omn_error err = OMN_ERROR_INIT;
    folder f;
    WORKS(open_as(&f, ", \"context\": 40", &err));
    omn_value *like = episode(0, 2);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        asked a;
        omn_result out = { OMN_FILL(omn_result) };
        err = (omn_error)OMN_ERROR_INIT;
        WORKS(ask(&f, &a, omn_value_ref(like), &err));
        omn_value *v = from_json(list[i].episode);
        a.in.value = v;
        ck_assert_int_ne(omn_generate(f.runner, &a.rq, &out, &err), OMN_OK);
        ck_assert_msg(strstr(err.text, list[i].says), "%zu: %s", i, err.text);
        omn_result_fini(&out);
        omn_value_unref(v);
        asked_fini(&a);
    }
    omn_value_unref(like);
    close_all(&f);
}
END_TEST

START_TEST(configurations_that_cannot_be)
{
    static const struct { const char *more, *says; } list[] = {
        { ", \"position\": \"rope\"", "position is \"rope\"" },
        { ", \"pos_bins\": 64", "pos_bins 64" },
        { ", \"patch_size\": 8", "patch_size 8" },
        { ", \"mu\": 0", "mu" },
        { ", \"contxt\": 64", "contxt" },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        folder f;
        ck_assert_int_eq(open_as(&f, list[i].more, &err), OMN_ERR_CONFIG);
        ck_assert_msg(strstr(err.text, list[i].says), "%zu: %s", i, err.text);
        close_all(&f);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        numbers_as_ids,
        whole_episodes,
        gradients,
        an_episode_that_is_played,
        a_wrong_number_is_found,
        actions_through_a_runner,
        a_window_forgets_whole_steps,
        what_makes_no_sense_is_refused,
        configurations_that_cannot_be,
    };
    return TESTING_RUN("models/gato", all, 60);
}
