/* SPDX-License-Identifier: Apache-2.0 */
/* What products may not take in: each graph is built twice, once with the product as an output
 * besides, so that nothing can be fused with it, and both say the same. */
#include "rig.h"

#include <math.h>
#include <string.h>

typedef struct trial {
    omn_node *(*fn)(omn_scope *s, omn_node *product, omn_node *rest);
    bool bias, keep;
} trial;

enum { ROWS = 3, IN = 5, OUT = 4 };

static void build_trial(void *user, omn_scope *s, omn_bundle *out)
{
    const trial *t = user;
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim2(ROWS, IN));
    omn_node *w = omn_weight(s, "w", omn_dim2(OUT, IN), OMN_INIT_NORMAL, 1);
    omn_node *b = omn_weight(s, "b", omn_dim1(OUT), OMN_INIT_NORMAL, 1);
    omn_node *p = omn_linear(s, x, w, t->bias ? b : NULL, OMN_ACT_NONE);
    omn_bundle_put(out, s, "y", t->fn(s, p, omn_input(s, "r", OMN_F32, omn_dim2(ROWS, OUT))));
    if (t->keep) omn_bundle_put(out, s, "product", p);
}

static void same_fused(omn_node *(*fn)(omn_scope *, omn_node *, omn_node *), bool bias)
{
    trial free_one = { fn, bias, false }, kept = { fn, bias, true };
    rig own = rig_open(&reference_compute, false), *r = &own;
    float want[ROWS * OUT];
    omn_graph *g = rig_graph(r, "kept", build_trial, &kept);
    rig_feed(r, "x", omn_dim2(ROWS, IN), NULL);
    rig_feed(r, "r", omn_dim2(ROWS, OUT), NULL);
    rig_run(r, g);
    memcpy(want, rig_output(r, g, "y", NULL), sizeof want);
    g = rig_graph(r, "free", build_trial, &free_one);
    rig_run(r, g);
    const float *got = rig_output(r, g, "y", NULL);
    for (int i = 0; i < ROWS * OUT; i++)
        ck_assert_double_eq_tol((double)got[i], (double)want[i], 1e-5);
    rig_close(r);
}

static omn_node *scaled(omn_scope *s, omn_node *p, omn_node *rest)
{
    (void)rest;
    return omn_scale(s, p, 3, 0);
}

static omn_node *shifted(omn_scope *s, omn_node *p, omn_node *rest)
{
    (void)rest;
    return omn_scale(s, p, 3, 0.5);
}

static omn_node *activated(omn_scope *s, omn_node *p, omn_node *rest)
{
    return omn_activate(s, omn_add(s, p, rest), OMN_ACT_RELU);
}

static omn_node *activated_before(omn_scope *s, omn_node *p, omn_node *rest)
{
    return omn_add(s, omn_activate(s, p, OMN_ACT_RELU), rest);
}

static omn_node *activated_twice(omn_scope *s, omn_node *p, omn_node *rest)
{
    (void)rest;
    return omn_activate(s, omn_activate(s, p, OMN_ACT_TANH), OMN_ACT_SQUARE);
}

static omn_node *two_sums(omn_scope *s, omn_node *p, omn_node *rest)
{
    return omn_add(s, omn_add(s, p, rest), omn_scale(s, rest, 2, 1));
}

static omn_node *doubled(omn_scope *s, omn_node *p, omn_node *rest)
{
    (void)rest;
    return omn_add(s, p, p);
}

START_TEST(what_follows_a_product_means_the_same_fused)
{
    static omn_node *(*const all[])(omn_scope *, omn_node *, omn_node *) = {
        scaled, shifted, activated, activated_before, activated_twice, two_sums, doubled,
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (int bias = 0; bias < 2; bias++) same_fused(all[i], bias);
}
END_TEST

/* The product reads the state as it was; the other summand is made from the state after a write, so
 * the product may not move to where the sum is. */
static void build_state(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    const omn_shape shape = omn_dim2(ROWS, ROWS);
    omn_state *st = omn_state_at(s, "cache", OMN_F32, shape);
    omn_node *w = omn_weight(s, "one", omn_dim2(ROWS, ROWS), OMN_INIT_ONE, 0);
    omn_node *before = omn_linear(s, omn_state_read(s, st), w, NULL, OMN_ACT_NONE);
    omn_node *after = omn_state_write(s, st, omn_input(s, "x", OMN_F32, shape));
    omn_bundle_put(out, s, "y", omn_add(s, before, omn_scale(s, after, 2, 0)));
}

START_TEST(a_product_of_a_state_stays_before_what_writes_it)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    omn_graph *g = rig_graph(r, "g", build_state, NULL);
    float old[ROWS * ROWS] = { 0 }, *x;
    OK(omn_feed_new(r->feed, "x", OMN_F32, omn_dim2(ROWS, ROWS), (void **)&x, &r->err));
    for (int run = 0; run < 3; run++) {
        for (int i = 0; i < ROWS * ROWS; i++) x[i] = (float)(i + 1 + 10 * run);
        rig_run(r, g);
        const float *y = rig_output(r, g, "y", NULL);
        for (int i = 0; i < ROWS * ROWS; i++) {
            const int row = i / ROWS * ROWS;
            ck_assert_double_eq_tol((double)y[i], (double)(old[row] + old[row + 1] + old[row + 2] +
                                                           2 * x[i]), 1e-6);
        }
        memcpy(old, x, sizeof old);
    }
    rig_close(r);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { what_follows_a_product_means_the_same_fused,
                                 a_product_of_a_state_stays_before_what_writes_it };
    return TESTING_RUN("graph/fusing", all, 20);
}
