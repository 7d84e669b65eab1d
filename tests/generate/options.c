/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a whole model: their likelihoods, by another way too, how many end tokens count, and
 * many of them. */
#include "tests/generate/toy.h"

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

/* The likelihood of one option with so many end tokens through the teach graph: another way to the
 * same number. */
static double taught(const char *prompt, const char *option, int ends, size_t *tokens)
{
    omn_error err = OMN_ERROR_INIT;
    char whole[512];
    int32_t in[64], want[48];
    size_t n = 0, m = 0;
    void *p[10];
    omn_feed *f = NULL;
    omn_graph *g = NULL;
    omn_exec *x = NULL;
    omn_tensor each;
    snprintf(whole, sizeof whole, "%s%s", omn_model_prefix(t.model, "text"), prompt);
    ck_assert_int_eq(omn_model_tokens(t.model, whole, in, 63, &n, &err), OMN_OK);
    ck_assert_int_eq(omn_model_tokens(t.model, option, want, 47, &m, &err), OMN_OK);
    in[n++] = 1;
    while (ends-- > 0) want[m++] = 1;
    static const char *const names[] = {
        "text.ids",   "text.seg",   "text.pos",    "target.ids",
        "target.seg", "target.pos", "target.part", "target.labels"
    };
    ck_assert_int_eq(omn_feed_make(&f, &err), OMN_OK);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(
            omn_feed_new(f, names[i], OMN_I32, omn_dim2(1, (int64_t)(i < 3 ? n : m)), &p[i], &err),
            OMN_OK);
    ck_assert_int_eq(
        omn_feed_new(f, "target.weight", OMN_F32, omn_dim2(1, (int64_t)m), &p[8], &err), OMN_OK);
    for (size_t i = 0; i < n; i++) {
        ((int32_t *)p[0])[i] = in[i];
        ((int32_t *)p[1])[i] = 1;
        ((int32_t *)p[2])[i] = (int32_t)i;
    }
    for (size_t i = 0; i < m; i++) {
        ((int32_t *)p[3])[i] = i ? want[i - 1] : 0;
        ((int32_t *)p[4])[i] = 1;
        ((int32_t *)p[5])[i] = (int32_t)i;
        ((int32_t *)p[7])[i] = want[i];
        ((float *)p[8])[i] = 1;
    }
    const char *roles[1] = { "text" };
    const int64_t lengths[1] = { (int64_t)n };
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes),
                                .phase = OMN_TEACH,
                                .rows = 1,
                                .roles = roles,
                                .lengths = lengths,
                                .n_roles = 1,
                                .target_length = (int64_t)m,
                                .labels = true };
    ck_assert_msg(omn_model_graph(t.model, &z, &g, &err) == OMN_OK, "%s", err.text);
    ck_assert_int_eq(omn_exec_new(omn_model_program(t.model), &x, &err), OMN_OK);
    ck_assert_msg(omn_exec_run(x, g, f, t.call, &err) == OMN_OK, "%s", err.text);
    ck_assert_int_eq(omn_exec_output(x, g, "nll.text", &each, &err), OMN_OK);
    double sum = 0;
    for (size_t i = 0; i < m; i++) sum += (double)((const float *)each.data)[i];
    omn_exec_free(x);
    omn_feed_free(f);
    *tokens = m;
    return sum;
}

START_TEST(options_are_scored_by_their_likelihood)
{
    open_toy();
    static const char *const options[5] = { "red", "a small green cube", "blue", "yes",
                                            "seven spheres" };
    omn_answer *a = toy_open_options(&t, options, 5, "score=mean");
    omn_answer *b = toy_open_options(&t, options, 5, "score=sum");
    omn_request rq = { OMN_FILL(omn_request), .prompt = "what is it?", .answer = a };
    omn_result mean = { OMN_FILL(omn_result) }, sum = mean;
    toy_answer(&t, &rq, &mean);
    rq.answer = b;
    toy_answer(&t, &rq, &sum);
    ck_assert_uint_eq(mean.n_scores, 5);
    for (int i = 0; i < 5; i++) {
        size_t n = 0;
        const double want = taught("what is it?", options[i], 1, &n);
        ck_assert_double_eq_tol(sum.scores[i], want, 1e-4);
        ck_assert_double_eq_tol(mean.scores[i], want / (double)n, 1e-4);
        ck_assert_double_ge(mean.scores[i], mean.scores[mean.chosen]);
    }
    size_t n = 0;
    ck_assert_str_eq(omn_text_get(mean.value, &n), options[mean.chosen]);
    /* all of them as a value, the likeliest first */
    ck_assert(omn_value_is(mean.options, "options"));
    const char *const *texts = omn_value_column(mean.options, "text")->data;
    const double *worth = omn_value_column(mean.options, "score")->data;
    ck_assert_uint_eq(omn_value_count(mean.options), 5);
    ck_assert_str_eq(texts[0], options[mean.chosen]);
    for (size_t k = 0; k < 5; k++) {
        size_t i = 0;
        while (i < 5 && strcmp(texts[k], options[i])) i++;
        ck_assert_uint_lt(i, 5);
        ck_assert_double_eq(worth[k], -mean.scores[i]);
        ck_assert(k == 0 || worth[k] <= worth[k - 1]);
    }
    omn_result_fini(&mean);
    omn_result_fini(&sum);
    omn_answer_close(a);
    omn_answer_close(b);
    toy_close(&t);
}
END_TEST

/* The same, of a family whose options end twice. */
START_TEST(as_many_end_tokens_count_as_the_model_says)
{
    static const char *const options[2] = { "red", "seven spheres" };
    const char *folder = testing_folder(), *one = "\"option_ends\": 1";
    toy_write(folder, 21);
    char *config = strdup(toy_config);
    strstr(config, one)[strlen(one) - 1] = '2';
    testing_write(folder, "config.json", config, strlen(config));
    free(config);
    toy_open(&t, folder, 2);
    omn_answer *a = toy_open_options(&t, options, 2, "score=sum");
    const omn_request rq = { OMN_FILL(omn_request), .prompt = "what is it?", .answer = a };
    omn_result r = { OMN_FILL(omn_result) };
    toy_answer(&t, &rq, &r);
    for (int i = 0; i < 2; i++) {
        size_t n = 0;
        const double once = taught("what is it?", options[i], 1, &n);
        const double want = taught("what is it?", options[i], 2, &n);
        ck_assert_double_eq_tol(r.scores[i], want, 1e-4);
        ck_assert_double_gt(want, once + 1e-2);     /* so that it can tell them apart */
    }
    omn_result_fini(&r);
    omn_answer_close(a);
    toy_close(&t);
}
END_TEST

START_TEST(many_options_go_through_in_slices)
{
    open_toy();
    static char words[120][24];
    const char *options[120];
    for (int i = 0; i < 120; i++) {
        snprintf(words[i], sizeof words[i], "%d cubes", i);
        options[i] = words[i];
    }
    omn_answer *a = toy_open_options(&t, options, 120, "score=mean");
    omn_request rq = { OMN_FILL(omn_request), .prompt = "how many?", .answer = a };
    omn_result all = { OMN_FILL(omn_result) }, one = all;
    toy_answer(&t, &rq, &all);
    for (int i = 0; i < 120; i += 37) {
        omn_answer *b = toy_open_options(&t, options + i, 1, "score=mean");
        rq.answer = b;
        toy_answer(&t, &rq, &one);
        omn_answer_close(b);
        ck_assert_double_eq_tol(one.scores[0], all.scores[i], 1e-5);
        omn_result_fini(&one);
    }
    omn_result_fini(&all);
    omn_answer_close(a);
    toy_close(&t);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        options_are_scored_by_their_likelihood,
        as_many_end_tokens_count_as_the_model_says,
        many_options_go_through_in_slices,
    };
    return TESTING_RUN("generate/options", all, 30); /* each opens a model of its own */
}
