/* SPDX-License-Identifier: Apache-2.0 */
/* Whole graphs on the device opencl, what it lacks on the cpu beside it, against the reference in
 * doubles: a small encoder-decoder with its gradients, twice, with other weights the second time.
 */
#include "driver.h"

#include "tests/graph/rig.h"
#include "tests/graph/small.h"
#include "tests/plugin/shelf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void feed_small(rig *r, const small *m)
{
    const omn_shape words = omn_dim2(m->batch, m->tokens);
    const int64_t n = m->batch * m->tokens;
    int32_t ids[64], seg[64];
    float weight[64];
    ck_assert(n <= 64);
    for (int64_t i = 0; i < n; i++) {
        ids[i] = (int32_t)(i * 7 % m->vocabulary);
        seg[i] = i % m->tokens < 3 ? 1 : 2;
        weight[i] = i % 4 ? 1 : 0;
    }
    rig_feed(r, "image", omn_dim4(m->batch, m->size, m->size, 3), NULL);
    rig_feed_ids(r, "tokens", words, ids);
    rig_feed_ids(r, "seg", words, seg);
    rig_feed_ids(r, "labels", words, ids);
    rig_feed(r, "weight", words, weight);
}

static void change_weights(rig *r)
{
    for (size_t i = 0; i < omn_store_count(r->store); i++) {
        const omn_tensor t = omn_store_tensor(r->store, i);
        size_t n;
        ck_assert(omn_shape_count(&t.shape, &n));
        for (size_t k = 0; k < n; k++) omn_store_data(r->store, i)[k] *= 1.25f;
    }
}

/* The length of what differs in all outputs, of the length of all. */
static double difference(rig *a, omn_graph *ga, rig *b, omn_graph *gb)
{
    double length = 0, off = 0;
    for (size_t o = 0; o < omn_graph_outputs(ga); o++) {
        const char *name = omn_graph_output_name(ga, o);
        size_t n;
        const float *x = rig_output(a, ga, name, &n), *y = rig_output(b, gb, name, NULL);
        for (size_t i = 0; i < n; i++) {
            ck_assert_msg(isfinite(x[i]), "%s[%zu] is %g", name, i, (double)x[i]);
            length += (double)y[i] * (double)y[i];
            off += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        }
    }
    return sqrt(off / length);
}

static omn_context *context(void)
{
    omn_context *ctx;
    const omn_context_setup where = { OMN_FILL(omn_context_setup), .threads = 2, .cache_dir = "",
                                      .plugin_path = testing_build("plugins/.libs"),
                                      .only_plugin_path = true };
    ck_assert(omn_context_new(&where, &ctx, NULL) == OMN_OK);
    return ctx;
}

static rig rig_on_opencl(omn_context *ctx)
{
    rig own = { .err = OMN_ERROR_INIT }, *r = &own;
    char device[32];
    snprintf(device, sizeof device, "opencl:%u", driver_number());
    OK(omn_store_new(7, NULL, false, &r->store, &r->err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .ctx = ctx, .store = r->store,
                                    .device = device };
    OK(omn_program_new(&how, &r->program, &r->err));
    OK(omn_exec_new(r->program, &r->exec, &r->err));
    OK(omn_feed_make(&r->feed, &r->err));
    return own;
}

/* Some 200 steps of f32, each good to about 1e-6 of its own length. */
static void run_both(bool gradient)
{
    small m = { 3, 7, 24, 24, 3, 20, 37, 2, 2, false };
    omn_context *ctx = context();
    rig one = rig_on_opencl(ctx), *r = &one, two = rig_open(&reference_compute, false), *k = &two;
    feed_small(r, &m);
    feed_small(k, &m);
    omn_graph *g =
        gradient ? rig_gradient(r, "g", small_build, &m) : rig_graph(r, "g", small_build, &m);
    omn_graph *h =
        gradient ? rig_gradient(k, "g", small_build, &m) : rig_graph(k, "g", small_build, &m);
    for (int run = 0; run < 3; run++) {
        omn_exec_profile(r->exec, run == 1);
        rig_run(r, g);
        rig_run(k, h);
        const double off = difference(r, g, k, h);
        printf("# run %d: %g of its length off\n", run, off);
        ck_assert_double_le(off, 3e-6);
        if (run == 1) {
            const omn_profile_row *row;
            const size_t n = omn_exec_profile_rows(r->exec, &row);
            uint64_t here = 0;
            for (size_t i = 0; i < n; i++) {
                printf("# %s on %s: %llu calls, %llu us\n", row[i].op, row[i].device,
                       (unsigned long long)row[i].calls, (unsigned long long)row[i].ns / 1000);
                if (row[i].device[0] == 'o') here += row[i].calls;
            }
            ck_assert_uint_gt(here, 50);
            change_weights(r);
            change_weights(k);
        }
    }
    rig_close(r);
    rig_close(k);
    omn_context_free(ctx);
}

START_TEST(a_forward_pass_is_that_of_the_reference)
{
    run_both(false);
}
END_TEST

START_TEST(gradients_are_those_of_the_reference)
{
    run_both(true);
}
END_TEST

static void build_island(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_node *x = omn_scale(s, omn_input(s, "x", OMN_F32, omn_dim2(7, 13)), 2, 0);
    omn_node *y = omn_op(s, "act.snake", &x, 1, NULL, 0, NULL, 0);
    omn_bundle_put(out, s, "y", omn_scale(s, y, 1, 3));
}

START_TEST(an_op_of_a_plugin_is_an_island)
{
    char path[8192];
    const char *folder = shelf_folder("plugins");
    shelf_put(folder, "snake", "snake");
    snprintf(path, sizeof path, "%s:%s", folder, testing_build("plugins/.libs"));
    omn_context *ctx = shelf_open(path, "");
    rig own = rig_on_opencl(ctx), *r = &own;
    omn_graph *g = rig_graph(r, "g", build_island, NULL);
    rig_feed(r, "x", omn_dim2(7, 13), NULL);
    omn_exec_profile(r->exec, true);
    rig_run(r, g);
    const float *y = rig_output(r, g, "y", NULL);
    for (uint64_t i = 0; i < 7 * 13; i++) {
        const double x = 2 * (double)rig_number('x', i), want = x + sin(x) * sin(x) + 3;
        ck_assert_double_eq_tol((double)y[i], want, 1e-6);
    }
    const omn_profile_row *row;
    uint64_t there = 0, here = 0;
    for (size_t n = omn_exec_profile_rows(r->exec, &row); n-- > 0;) {
        if (!strcmp(row[n].op, "act.snake") && !strcmp(row[n].device, "cpu")) there++;
        if (!strcmp(row[n].op, "scale") && row[n].device[0] == 'o') here += row[n].calls;
    }
    ck_assert(there == 1 && here == 2);
    rig_close(r);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { a_forward_pass_is_that_of_the_reference,
                                 gradients_are_those_of_the_reference,
                                 an_op_of_a_plugin_is_an_island };
    if (!driver_is_there()) {
        printf("1..0 # SKIP there is no OpenCL device\n");
        return 0;
    }
    return TESTING_RUN("opencl/graph", all, 240); /* kernels are built first, on a busy machine */
}
