/* SPDX-License-Identifier: Apache-2.0 */
/* Passes and plans: the workspace is near its bound, nothing is overwritten too early, fused and
 * unfused graphs give the same bits, what nobody needs costs nothing. */
#include "rig.h"
#include "small.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const small tiny = { 2, 5, 16, 8, 2, 12, 11, 2, 2, false };

static void feed_small(rig *r, const small *m)
{
    int32_t ids[64], seg[64];
    float weight[64];
    const omn_shape words = omn_dim2(m->batch, m->tokens);
    for (int i = 0; i < m->batch * m->tokens; i++) {
        ids[i] = i * 7 % (int32_t)m->vocabulary;
        seg[i] = i % m->tokens < 3 ? 1 : 2;
        weight[i] = i % 4 ? 1 : 0;
    }
    rig_feed(r, "image", omn_dim4(m->batch, m->size, m->size, 3), NULL);
    rig_feed_ids(r, "tokens", words, ids);
    rig_feed_ids(r, "seg", words, seg);
    rig_feed_ids(r, "labels", words, ids);
    rig_feed(r, "weight", words, weight);
}

/* most: largest difference, of the larger of 1 and the value; 0: the same bits. */
static void same_outputs(rig *a, omn_graph *ga, rig *b, omn_graph *gb, double most)
{
    for (size_t i = 0; i < omn_graph_outputs(ga); i++) {
        const char *name = omn_graph_output_name(ga, i);
        size_t n, m;
        const float *x = rig_output(a, ga, name, &n), *y = rig_output(b, gb, name, &m);
        ck_assert_uint_eq(n, m);
        if (most == 0) ck_assert_msg(!memcmp(x, y, n * sizeof(*x)), "%s differs", name);
        for (size_t k = 0; k < n; k++)
            ck_assert_msg(fabs((double)x[k] - (double)y[k]) <= most * fmax(1, fabs((double)x[k])),
                          "%s[%zu]: %g and %g", name, k, (double)x[k], (double)y[k]);
    }
}

/* The plain graph shares memory, works in place and is fused, on memory that is NaN at first; the
 * other one keeps every node as an output, so none of that happens. */
START_TEST(sharing_memory_and_fusing_change_no_bit)
{
    rig own = rig_open(&reference_poisoned, false), *r = &own;
    rig other = rig_open(&reference_compute, true), *k = &other;
    small m = tiny, tagged = tiny;
    tagged.tag_all = true;
    for (int gradient = 0; gradient < 2; gradient++) {
        omn_graph *g =
            gradient ? rig_gradient(r, "g", small_build, &m) : rig_graph(r, "g", small_build, &m);
        omn_graph *h = gradient ? rig_gradient(k, "h", small_build, &tagged)
                                : rig_graph(k, "h", small_build, &tagged);
        ck_assert_uint_lt(omn_graph_nodes(g), omn_graph_nodes(h));
        ck_assert_uint_lt(omn_graph_workspace(g), omn_graph_workspace(h));
        if (!gradient) {
            feed_small(r, &m);
            feed_small(k, &m);
        }
        rig_run(k, h);
        for (int run = 0; run < 2; run++) { /* the second on what the first left */
            rig_run(r, g);
            same_outputs(r, g, k, h, 0);
        }
    }
    rig_close(r);
    rig_close(k);
}
END_TEST

START_TEST(the_workspace_is_within_a_tenth_of_its_bound)
{
    const small sizes[] = {
        tiny,
        { 4, 16, 32, 64, 4, 176, 200, 3, 3, false },
        { 32, 96, 128, 192, 6, 512, 138, 3, 3, false },
        { 1, 128, 64, 256, 8, 704, 4000, 12, 12, false },
    };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        rig own = rig_open(&reference_compute, false), *r = &own;
        small m = sizes[i];
        for (int gradient = 0; gradient < 2; gradient++) {
            omn_graph *g = gradient ? rig_gradient(r, "g", small_build, &m)
                                    : rig_graph(r, "g", small_build, &m);
            const double ratio = (double)omn_graph_workspace(g) / (double)omn_graph_live_bound(g);
            printf("# size %zu%s: %zu steps, %.3f MB, %.4f of the bound, %.3f GFLOP\n", i,
                   gradient ? " gradient" : "", omn_graph_nodes(g),
                   (double)omn_graph_workspace(g) / 1e6, ratio, (double)omn_graph_flops(g) / 1e9);
            ck_assert_double_ge(ratio, 1);
            ck_assert_double_le(ratio, 1.1);
        }
        rig_close(r);
    }
}
END_TEST

/* Counted by hand, since the bound comes from the same lives as the plan: in a chain of products
 * only what goes in and what comes out is alive. */
static void build_chain(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim2(64, 64));
    for (int i = 0; i < 8; i++) {
        char name[16];
        snprintf(name, sizeof name, "w%d", i);
        x = omn_linear(s, x, omn_weight(s, name, omn_dim2(64, 64), OMN_INIT_NORMAL, 1), NULL,
                       OMN_ACT_NONE);
    }
    omn_bundle_put(out, s, "y", x);
}

START_TEST(a_chain_needs_two_places)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    omn_graph *g = rig_graph(r, "g", build_chain, NULL);
    ck_assert_uint_eq(omn_graph_nodes(g), 8);
    ck_assert_uint_eq(omn_graph_live_bound(g), 2 * 64 * 64 * sizeof(float));
    ck_assert_uint_eq(omn_graph_workspace(g), 2 * 64 * 64 * sizeof(float));
    rig_close(r);
}
END_TEST

/* An island sees f32 where the other device keeps doubles, hence 1e-5. */
START_TEST(ops_that_a_device_lacks_run_on_the_cpu)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    rig other = rig_open(&reference_partial, false), *k = &other;
    small m = tiny;
    omn_graph *g = rig_gradient(r, "g", small_build, &m),
              *h = rig_gradient(k, "g", small_build, &m);
    const omn_profile_row *rows;
    omn_memory memory = { OMN_FILL(omn_memory) };
    size_t islands = 0;
    feed_small(r, &m);
    feed_small(k, &m);
    omn_exec_profile(k->exec, true);
    rig_run(r, g);
    rig_run(k, h);
    same_outputs(r, g, k, h, 1e-5);
    const size_t n = omn_exec_profile_rows(k->exec, &rows);
    for (size_t i = 0; i < n; i++) {
        const bool lacks = !strcmp(rows[i].op, "add") || !strcmp(rows[i].op, "rms_norm") ||
                           !strcmp(rows[i].op, "cross_entropy");
        ck_assert_str_eq(rows[i].device, lacks ? "cpu" : "given");
        ck_assert(rows[i].calls > 0 && rows[i].flops > 0 && rows[i].bytes > 0);
        islands += lacks;
    }
    ck_assert_uint_eq(islands, 3);
    omn_program_memory(k->program, &memory);
    ck_assert(memory.mapped == 0 && memory.uploaded > 0);
    /* What a trainer writes arrives, although the device keeps a copy. */
    omn_store_data(r->store, 0)[0] += 0.5f;
    omn_store_data(k->store, 0)[0] += 0.5f;
    rig_run(r, g);
    rig_run(k, h);
    same_outputs(r, g, k, h, 1e-5);
    rig_close(r);
    rig_close(k);
}
END_TEST

/* ---- passes
 * ---------------------------------------------------------------------------------------- */

static size_t calls_of(rig *r, omn_graph *g, const char *op)
{
    const omn_profile_row *rows;
    omn_exec_profile(r->exec, true);
    rig_run(r, g);
    const size_t n = omn_exec_profile_rows(r->exec, &rows);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(rows[i].op, op)) return (size_t)rows[i].calls;
    return 0;
}

static void build_fusing(void *user, omn_scope *s, omn_bundle *out)
{
    const int how = *(int *)user;
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim2(3, 4)), *later;
    omn_node *w = omn_weight(s, "w", omn_dim2(4, 4), OMN_INIT_NORMAL, 1), *y;
    omn_node *b = omn_weight(s, "b", omn_dim1(4), OMN_INIT_NORMAL, 1);
    y = omn_linear(s, x, w, b, OMN_ACT_GELU_ERF);
    later = omn_softmax(s, x);
    if (how == 1) omn_bundle_put(out, s, "between", y);
    if (how == 2) later = omn_rms_norm(s, omn_add(s, later, y), NULL, 1e-6);
    omn_bundle_put(out, s, "y", omn_add(s, y, later));
}

START_TEST(products_take_what_follows_when_nobody_else_reads_it)
{
    for (int how = 0; how < 3; how++) {
        rig own = rig_open(&reference_compute, false), *r = &own;
        omn_graph *g = rig_graph(r, "g", build_fusing, &how);
        rig_feed(r, "x", omn_dim2(3, 4), NULL);
        ck_assert_uint_eq(calls_of(r, g, "act"), 0);
        ck_assert_uint_eq(calls_of(r, g, "add"), how == 0 ? 0 : how == 1 ? 1 : 2);
        rig_close(r);
    }
}
END_TEST

static void build_dead(void *user, omn_scope *s, omn_bundle *out)
{
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim2(3, 4));
    (void)user;
    omn_linear(s, x, omn_weight(s, "dead", omn_dim2(900, 4), OMN_INIT_ZERO, 0), NULL, OMN_ACT_NONE);
    omn_softmax(s, omn_input(s, "unused", OMN_F32, omn_dim2(300, 400)));
    omn_bundle_put(out, s, "y", omn_scale(s, x, 2, 0));
    omn_bundle_put(out, s, "x", omn_reshape(s, x, omn_dim1(12)));
    omn_bundle_put(out, s, "c", omn_const(s, OMN_I32, omn_dim1(2), (const int32_t[]){ 5, 6 }));
    omn_bundle_put(out, s, "w", omn_weight(s, "live", omn_dim1(2), OMN_INIT_CONST, 0.5));
}

START_TEST(what_no_output_needs_costs_nothing)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    omn_graph *g = rig_graph(r, "g", build_dead, NULL);
    omn_memory memory = { OMN_FILL(omn_memory) };
    const float *x;
    ck_assert_uint_eq(omn_graph_nodes(g), 1);
    ck_assert_uint_eq(omn_graph_workspace(g), 128);
    omn_program_memory(r->program, &memory);
    ck_assert_uint_eq(memory.mapped, 8);
    rig_feed(r, "x", omn_dim2(3, 4), NULL);
    rig_run(r, g);
    x = omn_feed_get(r->feed, "x")->data;
    for (int i = 0; i < 12; i++) {
        ck_assert_float_eq(rig_output(r, g, "y", NULL)[i], 2 * x[i]);
        ck_assert_float_eq(rig_output(r, g, "x", NULL)[i], x[i]);
    }
    ck_assert_int_eq(((const int32_t *)(const void *)rig_output(r, g, "c", NULL))[1], 6);
    ck_assert_float_eq(rig_output(r, g, "w", NULL)[1], 0.5f);
    rig_close(r);
}
END_TEST

static bool has_output(const omn_graph *g, const char *name)
{
    for (size_t i = 0; i < omn_graph_outputs(g); i++)
        if (!strcmp(omn_graph_output_name(g, i), name)) return true;
    return false;
}

START_TEST(frozen_weights_get_no_gradient_and_no_nodes)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    static const char *const frozen[] = { "stem.**", "encoder.layers_*.*", "encoder.layers_*.*.*",
                                          "encoder_norm", "modality" };
    small m = tiny;
    omn_graph *all = rig_gradient(r, "all", small_build, &m), *g;
    OK(omn_program_graph_gradient(r->program, "some", small_build, &m, "loss", frozen, 5, &g,
                                  &r->err));
    ck_assert(has_output(all, "grad:stem.conv_0.weight") && has_output(all, "grad:table"));
    ck_assert(!has_output(g, "grad:stem.conv_0.weight") &&
              !has_output(g, "grad:encoder.layers_1.wo"));
    ck_assert(has_output(g, "grad:table") && has_output(g, "grad:decoder.layers_1.wo"));
    ck_assert_uint_lt(omn_graph_nodes(g) + 40, omn_graph_nodes(all));
    feed_small(r, &m);
    ck_assert_uint_eq(calls_of(r, g, "conv2d_dw"), 0);
    ck_assert_uint_eq(calls_of(r, all, "conv2d_dw"), 3);
    ck_assert_uint_eq(calls_of(r, all, "conv2d_dx"), 2); /* none for the picture */
    rig_close(r);
}
END_TEST

static void build_stopped(void *user, omn_scope *s, omn_bundle *out)
{
    omn_node *a = omn_weight(s, "a", omn_dim1(3), OMN_INIT_NORMAL, 1);
    omn_node *b = omn_weight(s, "b", omn_dim1(3), OMN_INIT_NORMAL, 1);
    (void)user;
    ck_assert(omn_scope_training(s));
    omn_bundle_put(
        out, s, "loss",
        omn_sum(s, omn_mul(s, omn_stop_gradient(s, omn_mul(s, a, b)), b), 1, false, false));
}

START_TEST(stop_gradient_stops)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    omn_graph *g = rig_gradient(r, "g", build_stopped, NULL);
    ck_assert(!has_output(g, "grad:a") && has_output(g, "grad:b"));
    rig_run(r, g);
    for (int i = 0; i < 3; i++) /* d/db of stop(a b) b is a b */
        ck_assert_float_eq_tol(rig_output(r, g, "grad:b", NULL)[i],
                               omn_store_data(r->store, 0)[i] * omn_store_data(r->store, 1)[i],
                               1e-6f);
    rig_close(r);
}
END_TEST

/* ---- programs
 * ---------------------------------------------------------------------------------------- */

START_TEST(a_key_is_built_once_and_drawn)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    small m = tiny;
    omn_buf b;
    omn_graph *g = rig_graph(r, "g", small_build, &m);
    ck_assert_ptr_eq(rig_graph(r, "g", small_build, &m), g);
    ck_assert_ptr_ne(rig_gradient(r, "g", small_build, &m), g);
    omn_buf_init(&b, 1 << 20);
    omn_graph_dot(g, &b);
    ck_assert(!b.failed && strstr(b.data, "digraph \"g\"") && strstr(b.data, "attention") &&
              strstr(b.data, "weight decoder.layers_1.cross.query"));
    omn_buf_fini(&b);
    rig_close(r);
}
END_TEST

typedef struct job {
    rig *r;
    float loss[8];
} job;

static void *run_job(void *user)
{
    job *j = user;
    small m = tiny;
    for (int i = 0; i < 8; i++) {
        char key[16];
        omn_exec *x;
        omn_graph *g;
        omn_tensor t;
        snprintf(key, sizeof(key), "g%d", i);
        m.tokens = 5 - i % 2;
        if (omn_program_graph(j->r->program, key, small_build, &m, &g, NULL) != OMN_OK) return NULL;
        m.tokens = 5;
        if (i % 2 || omn_exec_new(j->r->program, &x, NULL) != OMN_OK) continue;
        if (omn_exec_run(x, g, j->r->feed, NULL, NULL) == OMN_OK &&
            omn_exec_output(x, g, "loss", &t, NULL) == OMN_OK)
            j->loss[i] = *(const float *)t.data;
        omn_exec_free(x);
    }
    return NULL;
}

START_TEST(threads_share_a_program)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    job jobs[4];
    pthread_t threads[4];
    feed_small(r, &tiny);
    for (int i = 0; i < 4; i++) {
        jobs[i] = (job){ r, { 0 } };
        ck_assert(!pthread_create(&threads[i], NULL, run_job, &jobs[i]));
    }
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 8; k += 2) {
            ck_assert_float_gt(jobs[i].loss[k], 0);
            ck_assert_float_eq(jobs[i].loss[k], jobs[0].loss[0]);
        }
    rig_close(r);
}
END_TEST

static void build_one(void *user, omn_scope *s, omn_bundle *out)
{
    omn_node *a = NULL, *b = NULL;
    for (int i = 0; i < 2; i++) {
        const bool first = (i == 0) == (user == NULL);
        omn_node **x = first ? &a : &b;
        *x = omn_weight(s, first ? "a" : "b", omn_dim2(2000, 5), OMN_INIT_FAN_IN, 2);
    }
    omn_bundle_put(out, s, "y", omn_add(s, a, b));
}

START_TEST(initial_values_follow_from_seed_and_name)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    rig other = rig_open(&reference_compute, false), *k = &other;
    const omn_graph *g = rig_graph(r, "g", build_one, NULL), *h = rig_graph(k, "g", build_one, r);
    double sum = 0, squares = 0;
    ck_assert(g && h);
    ck_assert_str_eq(omn_store_name(r->store, 0), "a");
    ck_assert_str_eq(omn_store_name(k->store, 0), "b");
    const long n = omn_store_find(k->store, "a");
    const float *x = omn_store_data(r->store, 0);
    ck_assert(!memcmp(x, omn_store_data(k->store, (size_t)n), 40000));
    ck_assert(memcmp(x, omn_store_data(k->store, 0), 40000));
    for (int i = 0; i < 10000; i++) {
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
    }
    /* 10000 draws of deviation 2 / sqrt(5): four standard errors of mean and variance. */
    ck_assert_double_eq_tol(sum / 10000, 0, 4 * 0.894 / 100);
    ck_assert_double_eq_tol(squares / 10000, 0.8, 4 * 0.8 * 1.415 / 100);
    ck_assert_int_eq(omn_store_find(k->store, "c"), -1);
    rig_close(r);
    rig_close(k);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        sharing_memory_and_fusing_change_no_bit,
        the_workspace_is_within_a_tenth_of_its_bound,
        a_chain_needs_two_places,
        ops_that_a_device_lacks_run_on_the_cpu,
        products_take_what_follows_when_nobody_else_reads_it,
        what_no_output_needs_costs_nothing,
        frozen_weights_get_no_gradient_and_no_nodes,
        stop_gradient_stops,
        a_key_is_built_once_and_drawn,
        threads_share_a_program,
        initial_values_follow_from_seed_and_name,
    };
    return TESTING_RUN("graph/plan", all, 20);
}
