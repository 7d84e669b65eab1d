/* SPDX-License-Identifier: Apache-2.0 */
/* A residual network whose last stage does not halve the picture (DC5): with the same weights every
 * second of its places sees what those of the usual network see, and says the same. */
#include "plugins/encoder/resnet/resnet.h"

#include "tests/testing.h"

#include <omnio/generate.h>

#include <math.h>

enum { H = 64, W = 96, C = 32 };

typedef struct nets { resnet_self usual, wide; } nets;

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const nets *n = user;
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim4(1, H, W, 3));
    omn_bundle_put(out, s, "usual", resnet_trunk(&n->usual, s, x));
    omn_bundle_put(out, s, "wide", resnet_trunk(&n->wide, s, x));
}

/* Sums of at most 200 products, twelve layers: 1e-4 of the largest. */
START_TEST(every_second_place_is_the_usual_one)
{
    static const struct resnet usual = { .stem = 4, .eps = 1e-5, .statistics = RESNET_STORED };
    struct resnet wide = usual;
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    omn_store *store = NULL;
    omn_program *program = NULL;
    omn_graph *g = NULL;
    omn_exec *exec = NULL;
    omn_feed *feed = NULL;
    omn_call *c = NULL;
    omn_tensor a, b;
    void *data = NULL;
    const omn_context_setup here = { OMN_FILL(omn_context_setup), .threads = 1,
                                     .plugin_path = testing_build("plugins/.libs"),
                                     .only_plugin_path = true, .cache_dir = "" };
    wide.dilated = true;
    ck_assert_msg(omn_context_new(&here, &ctx, &err) == OMN_OK, "%s", err.text);
    nets n = { .usual = { .p = &usual, .stages = 4, .blocks = { 1, 1, 1, 3 },
                          .planes = { 4, 4, 4, 8 } } };
    n.wide = n.usual;
    n.wide.p = &wide;
    ck_assert_msg(omn_store_new(7, NULL, false, &store, &err) == OMN_OK, "%s", err.text);
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .ctx = ctx, .store = store };
    ck_assert_msg(omn_program_new(&how, &program, &err) == OMN_OK, "%s", err.text);
    ck_assert_msg(omn_program_graph(program, "g", build, &n, &g, &err) == OMN_OK, "%s", err.text);
    ck_assert_msg(omn_exec_new(program, &exec, &err) == OMN_OK, "%s", err.text);
    ck_assert_int_eq(omn_feed_make(&feed, &err), OMN_OK);
    ck_assert_int_eq(omn_context_call(ctx, 1, 0, NULL, &c, &err), OMN_OK);
    ck_assert_int_eq(omn_feed_new(feed, "x", OMN_F32, omn_dim4(1, H, W, 3), &data, &err), OMN_OK);
    for (int i = 0; i < H * W * 3; i++)
        ((float *)data)[i] = (float)(omn_random_at(3, 1, (uint64_t)i) % 1000) / 500 - 1;
    ck_assert_msg(omn_exec_run(exec, g, feed, c, &err) == OMN_OK, "%s", err.text);
    ck_assert_int_eq(omn_exec_output(exec, g, "usual", &a, &err), OMN_OK);
    ck_assert_int_eq(omn_exec_output(exec, g, "wide", &b, &err), OMN_OK);
    ck_assert(a.shape.dim[1] == 2 && a.shape.dim[2] == 3 && a.shape.dim[3] == C);
    ck_assert(b.shape.dim[1] == 4 && b.shape.dim[2] == 6 && b.shape.dim[3] == C);
    const float *x = a.data, *y = b.data;
    double most = 0, apart = 0, other = 0;
    for (int r = 0; r < 2; r++)
        for (int k = 0; k < 3 * C; k++) {
            const float one = x[r * 3 * C + k];
            const float *there = y + (2 * r * 6 + 2 * (k / C)) * C + k % C;
            most = fmax(most, fabs((double)one));
            apart = fmax(apart, fabs((double)(one - *there)));
            other = fmax(other, fabs((double)(one - there[C])));
        }
    ck_assert_double_gt(most, 0.1);
    ck_assert_double_lt(apart, 1e-4 * most);
    ck_assert_double_gt(other, 0.01 * most);             /* the places between are others */
    omn_feed_free(feed);
    omn_exec_free(exec);
    omn_program_free(program);
    omn_store_free(store);
    omn_call_free(c);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { every_second_place_is_the_usual_one };
    return TESTING_RUN("encoder/dilated", all, 20);
}
