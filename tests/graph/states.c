/* SPDX-License-Identifier: Apache-2.0 */
/* States: written by one graph, read by another, appended step by step, reordered, one set for each
 * run state; cached attention equals attention over the whole sequence. */
#include "rig.h"

#include <stdio.h>
#include <string.h>

enum { B = 2, T = 5, H = 2, K = 3 };

static void build_write(void *user, omn_scope *s, omn_bundle *out)
{
    omn_state *st = omn_state_at(s, "m", OMN_F32, omn_dim2(2, 3));
    (void)user, (void)out;
    omn_state_write(s, st, omn_input(s, "x", OMN_F32, omn_dim2(2, 3)));
}

static void build_read(void *user, omn_scope *s, omn_bundle *out)
{
    omn_state *st = omn_state_at(s, "m", OMN_F32, omn_dim2(2, 3));
    (void)user;
    omn_bundle_put(out, s, "twice", omn_scale(s, omn_state_read(s, st), 2, 0));
    omn_bundle_put(out, s, "plain", omn_state_read(s, st));
}

START_TEST(one_graph_writes_another_reads)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    const float x[] = { 1, 2, 3, 4, 5, 6 };
    const int32_t swap[] = { 1, 0 };
    omn_graph *write = rig_graph(r, "write", build_write, NULL);
    omn_graph *read = rig_graph(r, "read", build_read, NULL);
    omn_exec *other;
    rig_feed(r, "x", omn_dim2(2, 3), x);
    rig_run(r, read);
    for (int i = 0; i < 6; i++) ck_assert_float_eq(rig_output(r, read, "plain", NULL)[i], 0);
    rig_run(r, write);
    rig_run(r, read);
    for (int i = 0; i < 6; i++) {
        ck_assert_float_eq(rig_output(r, read, "plain", NULL)[i], x[i]);
        ck_assert_float_eq(rig_output(r, read, "twice", NULL)[i], 2 * x[i]);
    }
    OK(omn_exec_reorder(r->exec, swap, 2, &r->err));
    rig_run(r, read);
    for (int i = 0; i < 6; i++)
        ck_assert_float_eq(rig_output(r, read, "plain", NULL)[i], x[(i + 3) % 6]);
    ck_assert_int_eq(omn_exec_reorder(r->exec, (const int32_t[]){ 0, 2 }, 2, NULL),
                     OMN_ERR_ARGUMENT);
    OK(omn_exec_new(r->program, &other, &r->err));
    omn_exec *first = r->exec;
    r->exec = other;
    rig_run(r, read);
    ck_assert_float_eq(rig_output(r, read, "plain", NULL)[0], 0);
    omn_exec_free(first);
    omn_memory m = { OMN_FILL(omn_memory) };
    omn_program_memory(r->program, &m);
    ck_assert_uint_eq(m.states, 24);
    rig_close(r);
}
END_TEST

enum kept { NOT, STATES, CACHES };

typedef struct sizes {
    int64_t T;
    enum kept kept;
} sizes;

static void build_attention(void *user, omn_scope *s, omn_bundle *out)
{
    const sizes *z = user;
    omn_node *q = omn_input(s, "q", OMN_F32, omn_dim4(B, z->T, H, K));
    omn_node *k = omn_input(s, "k", OMN_F32, omn_dim4(B, z->T, H, K));
    omn_node *v = omn_input(s, "v", OMN_F32, omn_dim4(B, z->T, H, K));
    omn_attend how = { OMN_FILL(omn_attend), .causal = true };
    if (z->kept) {
        const omn_shape full = omn_dim4(B, T + 2, H, K);
        const bool caches = z->kept == CACHES;
        how.q_start = omn_input(s, "at", OMN_I32, omn_dim1(B));
        omn_state *keys = caches ? omn_cache_at(s, "k", B, T + 2, H, K)
                                 : omn_state_at(s, "k", OMN_F32, full);
        omn_state *values = caches ? omn_cache_at(s, "v", B, T + 2, H, K)
                                   : omn_state_at(s, "v", OMN_F32, full);
        k = omn_state_append(s, keys, k, how.q_start);
        v = omn_state_append(s, values, v, how.q_start);
    }
    omn_bundle_put(out, s, "y", omn_attend_build(s, q, k, v, &how));
}

/* tol: of what is kept, how it was rounded */
static void steps_equal_the_whole(rig *r, enum kept kept, float tol)
{
    sizes whole = { T, NOT }, one = { 1, kept };
    float y[B * T * H * K], x[3][B * T * H * K];
    omn_graph *g = rig_graph(r, "whole", build_attention, &whole);
    omn_graph *step = rig_graph(r, "step", build_attention, &one);
    for (int n = 0; n < 3; n++)
        for (int i = 0; i < B * T * H * K; i++) x[n][i] = rig_number((uint64_t)n, (uint64_t)i);
    rig_feed(r, "q", omn_dim4(B, T, H, K), x[0]);
    rig_feed(r, "k", omn_dim4(B, T, H, K), x[1]);
    rig_feed(r, "v", omn_dim4(B, T, H, K), x[2]);
    rig_run(r, g);
    memcpy(y, rig_output(r, g, "y", NULL), sizeof(y));
    for (int32_t t = 0; t < T; t++) {
        float part[3][B * H * K];
        for (int n = 0; n < 3; n++)
            for (int b = 0; b < B; b++)
                memcpy(part[n] + b * H * K, x[n] + (b * T + t) * H * K, H * K * sizeof(float));
        omn_feed_free(r->feed);
        OK(omn_feed_make(&r->feed, &r->err));
        rig_feed(r, "q", omn_dim4(B, 1, H, K), part[0]);
        rig_feed(r, "k", omn_dim4(B, 1, H, K), part[1]);
        rig_feed(r, "v", omn_dim4(B, 1, H, K), part[2]);
        rig_feed_ids(r, "at", omn_dim1(B), (const int32_t[]){ t, t });
        rig_run(r, step);
        const float *got = rig_output(r, step, "y", NULL);
        for (int b = 0; b < B; b++) /* the same sums in the same order */
            for (int i = 0; i < H * K; i++)
                ck_assert_float_eq_tol(got[b * H * K + i], y[(b * T + t) * H * K + i], tol);
    }
    omn_error e = OMN_ERROR_INIT;
    omn_feed_free(r->feed);
    OK(omn_feed_make(&r->feed, &r->err));
    rig_feed(r, "q", omn_dim4(B, 1, H, K), NULL);
    rig_feed(r, "k", omn_dim4(B, 1, H, K), NULL);
    rig_feed(r, "v", omn_dim4(B, 1, H, K), NULL);
    rig_feed_ids(r, "at", omn_dim1(B), (const int32_t[]){ 0, T + 2 });
    ck_assert_int_eq(omn_exec_run(r->exec, step, r->feed, NULL, &e), OMN_ERR_ARGUMENT);
    ck_assert_msg(strstr(e.text, "row 1: place 7"), "%s", e.text);
}

START_TEST(steps_over_a_cache_equal_the_whole)
{
    for (enum kept kept = STATES; kept <= CACHES; kept++) {
        rig own = rig_open(&reference_compute, false);
        steps_equal_the_whole(&own, kept, 1e-6f);
        rig_close(&own);
    }
}
END_TEST

/* Caches of bf16 take half the memory, and round what is kept once. */
START_TEST(caches_may_be_bf16)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .store = r->store,
                                    .compute = &reference_compute, .cache = OMN_BF16 };
    omn_memory m = { OMN_FILL(omn_memory) };
    omn_exec_free(r->exec);
    omn_program_free(r->program);
    OK(omn_program_new(&how, &r->program, &r->err));
    OK(omn_exec_new(r->program, &r->exec, &r->err));
    ck_assert_int_eq(omn_program_cache(r->program), OMN_BF16);
    steps_equal_the_whole(r, CACHES, 8e-3f);
    omn_program_memory(r->program, &m);
    ck_assert_uint_eq(m.states, 2 * 2 * B * (T + 2) * H * K);
    rig_close(r);
}
END_TEST

static void build_kept(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim4(2, 3, 2, 4));
    omn_bundle_put(out, s, "y", omn_state_write(s, omn_cache_at(s, "c", 2, 3, 2, 4), x));
}

/* A cache is written as [rows, places, heads, width] and lies as [rows, heads, places, width]. */
START_TEST(a_cache_lies_head_by_head)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    float x[48];
    for (int i = 0; i < 48; i++) x[i] = (float)i;
    rig_feed(r, "x", omn_dim4(2, 3, 2, 4), x);
    omn_graph *g = rig_graph(r, "kept", build_kept, NULL);
    rig_run(r, g);
    const omn_shape lies = omn_dim4(2, 2, 3, 4);
    const float *y = rig_output(r, g, "y", NULL);
    omn_shape is = omn_graph_output_shape(g, 0);
    ck_assert(omn_shape_equal(&is, &lies));
    for (int i = 0; i < 48; i++) {
        const int b = i / 24, h = i / 12 % 2, t = i / 4 % 3;
        ck_assert_float_eq(y[i], x[((b * 3 + t) * 2 + h) * 4 + i % 4]);
    }
    rig_close(r);
}
END_TEST

static void build_order(void *user, omn_scope *s, omn_bundle *out)
{
    omn_state *st = omn_state_at(s, "m", OMN_F32, omn_dim2(2, 3));
    omn_node *old = omn_state_read(s, st);
    if (user) omn_bundle_put(out, s, "before", omn_scale(s, old, 1, 1));
    omn_state_write(s, st, omn_input(s, "x", OMN_F32, omn_dim2(2, 3)));
    if (!user) omn_bundle_put(out, s, "before", omn_scale(s, old, 1, 1));
}

START_TEST(reading_what_was_overwritten_is_refused)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    ck_assert_msg(strstr(rig_failure(r, build_order, NULL),
                         "scale: reads the state 'm' as it was before a write"),
                  "%s", r->err.text);
    r->err = (omn_error)OMN_ERROR_INIT;
    rig_graph(r, "right order", build_order, r);
    rig_close(r);
}
END_TEST

/* Requests of many lengths: the storage of the oldest length goes, the newest keep their values. */
static void build_length(void *user, omn_scope *s, omn_bundle *out)
{
    const int64_t L = 3 + *(const int *)user / 2;
    omn_state *st = omn_state_at(s, "memory", OMN_F32, omn_dim2(1, L));
    if (*(const int *)user % 2)
        omn_bundle_put(out, s, "y", omn_scale(s, omn_state_read(s, st), 1, 1));
    else
        omn_state_write(s, st, omn_const(s, OMN_F32, omn_dim2(1, L), (const float[9]){ 7, 7, 7 }));
}

START_TEST(capacities_do_not_pile_up)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    omn_graph *g[12];
    for (int i = 0; i < 12; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i);
        g[i] = rig_graph(r, key, build_length, &i);
    }
    for (int i = 0; i < 12; i += 2) {
        rig_run(r, g[i]);
        rig_run(r, g[i + 1]);
        ck_assert_float_eq(rig_output(r, g[i + 1], "y", NULL)[2], 8);
    }
    rig_run(r, g[11]);
    ck_assert_float_eq(rig_output(r, g[11], "y", NULL)[2], 8);
    rig_run(r, g[1]); /* was dropped: zeros again */
    ck_assert_float_eq(rig_output(r, g[1], "y", NULL)[2], 1);
    rig_close(r);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { one_graph_writes_another_reads, steps_over_a_cache_equal_the_whole,
                                 caches_may_be_bf16, a_cache_lies_head_by_head,
                                 reading_what_was_overwritten_is_refused,
                                 capacities_do_not_pile_up };
    return TESTING_RUN("graph/states", all, 10);
}
