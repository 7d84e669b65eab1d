/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of the model that ships: the workspace of each of its graphs is within a tenth of the
 * most bytes that are alive at once, below which no plan can go. */
#include "tests/testing.h"

#include <omnio/generate.h>

#include <stdio.h>
#include <string.h>

static const char *const roles[] = { "image", "text" };

static omn_model *open_nano(omn_context **ctx, bool training)
{
    omn_error err = OMN_ERROR_INIT;
    omn_model *m = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .only_plugin_path = true, .cache_dir = "" };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .training = training };
    ck_assert_msg(omn_context_new(&how, ctx, &err) == OMN_OK, "%s", err.text);
    ck_assert_msg(omn_model_open(*ctx, testing_source("models/nano"), &setup, &m, &err) == OMN_OK,
                  "%s", err.text);
    return m;
}

static void near_its_bound(omn_model *m, const char *what, const omn_graph_sizes *z)
{
    omn_error err = OMN_ERROR_INIT;
    omn_graph *g = NULL;
    ck_assert_msg(omn_model_graph(m, z, &g, &err) == OMN_OK, "%s: %s", what, err.text);
    const double have = (double)omn_graph_workspace(g), least = (double)omn_graph_live_bound(g);
    printf("# %s: %.2f MB, %.3f times the bound\n", what, have * 1e-6, have / least);
    ck_assert_msg(have <= 1.1 * least, "%s: %.0f bytes, at least %.0f are alive", what, have,
                  least);
}

START_TEST(encoding_and_steps)
{
    omn_context *ctx = NULL;
    omn_model *m = open_nano(&ctx, false);
    for (int64_t rows = 1; rows <= 8; rows += 7)
        for (int64_t length = 9; length <= 63; length += 27) {
            const int64_t lengths[] = { 0, length };
            omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_ENCODE, .rows = rows,
                                  .roles = roles, .lengths = lengths, .n_roles = 2,
                                  .output = "text" };
            near_its_bound(m, "encode", &z);
            z.phase = OMN_STEP;
            z.n_roles = 0;
            z.target_length = 1;
            z.capacity = 64;
            z.memory_rows = rows;
            z.memory_length = 64 + length;
            near_its_bound(m, "step", &z);
        }
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

START_TEST(teaching)
{
    omn_context *ctx = NULL;
    omn_model *m = open_nano(&ctx, true);
    const omn_ce loss = { OMN_FILL(omn_ce) };
    for (int64_t rows = 2; rows <= 24; rows += 22) {
        const int64_t lengths[] = { 0, 160 };
        const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = rows,
                                    .roles = roles, .lengths = lengths, .n_roles = 2,
                                    .output = "text", .target_length = 112, .labels = true,
                                    .loss = &loss };
        near_its_bound(m, "teach", &z);
    }
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

/* Weights in tiles are multiplied as they lie in the file: opened, none of them is copied, however
 * many graphs there are; where they train, all are. */
START_TEST(tiles_stay_where_they_are)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    omn_call *c = NULL;
    omn_memory is = { OMN_FILL(omn_memory) };
    char folder[4300];
    const omn_convert_setup how = { OMN_FILL(omn_convert_setup), .layout = OMN_LAYOUT_TILES };
    omn_converted done = { OMN_FILL(omn_converted) };
    omn_model *m = open_nano(&ctx, false);
    snprintf(folder, sizeof folder, "%s/tiles", testing_folder());
    ck_assert(omn_context_call(ctx, 0, 0, NULL, &c, &err) == OMN_OK);
    ck_assert_msg(omn_model_convert(ctx, c, testing_source("models/nano"), folder, &how, &done,
                                    &err) == OMN_OK, "%s", err.text);
    ck_assert_uint_gt(done.tiles, 50);
    omn_model_close(m);
    ck_assert_msg(omn_model_open(ctx, folder, NULL, &m, &err) == OMN_OK, "%s", err.text);
    ck_assert_msg(omn_model_declare(m, &err) == OMN_OK, "%s", err.text);
    for (int phase = 0; phase < 2; phase++) {
        const int64_t lengths[] = { 0, 9 };
        omn_graph *g = NULL;
        const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes),
                                    .phase = phase ? OMN_STEP : OMN_ENCODE, .rows = 1,
                                    .roles = roles, .lengths = lengths, .n_roles = phase ? 0 : 2,
                                    .output = "text", .target_length = 1, .capacity = 64,
                                    .memory_rows = 1, .memory_length = 73 };
        ck_assert_msg(omn_model_graph(m, &z, &g, &err) == OMN_OK, "%s", err.text);
    }
    omn_program_memory(omn_model_program(m), &is);
    ck_assert_uint_eq(is.uploaded, 0);
    ck_assert_uint_gt(is.mapped, done.bytes);
    omn_model_close(m);
    omn_call_free(c);
    omn_context_free(ctx);
}
END_TEST

/* A graph is built once for each loss, to the last bit of its numbers. */
START_TEST(losses_that_differ_have_graphs_of_their_own)
{
    omn_context *ctx = NULL;
    omn_model *m = open_nano(&ctx, false);
    static const omn_ce losses[] = {
        { OMN_FILL(omn_ce), .z_loss = 1e-4 },
        { OMN_FILL(omn_ce), .z_loss = 1.0000001e-4 },
        { OMN_FILL(omn_ce), .smoothing = 0.1 },
        { OMN_FILL(omn_ce), .smoothing = 0.10000001 },
    };
    const int64_t lengths[] = { 0, 9 };
    omn_graph *g[4] = { NULL };
    for (size_t i = 0; i < 8; i++) {
        omn_graph *one = NULL;
        const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = 1,
                                    .roles = roles, .lengths = lengths, .n_roles = 2,
                                    .output = "text", .target_length = 4, .labels = true,
                                    .loss = &losses[i % 4] };
        ck_assert_int_eq(omn_model_graph(m, &z, &one, NULL), OMN_OK);
        if (i < 4) g[i] = one;
        else ck_assert_ptr_eq(g[i % 4], one);
    }
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < i; k++) ck_assert_ptr_ne(g[i], g[k]);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

START_TEST(names_that_fit_no_key_are_refused)
{
    omn_context *ctx = NULL;
    omn_model *m = open_nano(&ctx, false);
    omn_graph *one = NULL;
    omn_error err = OMN_ERROR_INIT;
    char name[2000];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    const char *const list[] = { name };
    const int64_t lengths[] = { 9 };
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_ENCODE, .rows = 1,
                                .roles = list, .lengths = lengths, .n_roles = 1 };
    ck_assert_int_eq(omn_model_graph(m, &z, &one, &err), OMN_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "too long") != NULL, "%s", err.text);
    omn_model_close(m);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { encoding_and_steps, teaching, tiles_stay_where_they_are,
                                 losses_that_differ_have_graphs_of_their_own,
                                 names_that_fit_no_key_are_refused };
    return TESTING_RUN("models/memory", all, 60);
}
