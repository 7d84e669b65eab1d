/* SPDX-License-Identifier: Apache-2.0 */
/* What products multiply: the mean squares of columns are those of the values that came in, over
 * all runs; what runs while it is watched says the same as unwatched. */
#include "rig.h"

#include <string.h>

enum { ROWS = 3, IN = 5, MID = 4, OUT = 2, RUNS = 2 };

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim2(ROWS, IN));
    omn_node *w = omn_weight(s, "w", omn_dim2(MID, IN), OMN_INIT_NORMAL, 1);
    omn_node *v = omn_weight(s, "v", omn_dim2(OUT, MID), OMN_INIT_NORMAL, 1);
    omn_node *turned = omn_weight(s, "turned", omn_dim2(MID, OUT), OMN_INIT_NORMAL, 1);
    omn_node *h = omn_linear(s, x, w, NULL, OMN_ACT_RELU);
    omn_bundle_put(out, s, "h", h);
    omn_bundle_put(out, s, "y", omn_add(s, omn_linear(s, h, v, NULL, OMN_ACT_NONE),
                                        omn_linear_in_out(s, h, turned, NULL, OMN_ACT_NONE)));
}

/* y of all runs; sums of squares of x and h. */
static void run_all(omn_importance *to, float y[RUNS][ROWS * OUT], double *x2, double *h2)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    float *x;
    omn_program_watch(r->program, to);
    omn_graph *g = rig_graph(r, "g", build, NULL);
    OK(omn_feed_new(r->feed, "x", OMN_F32, omn_dim2(ROWS, IN), (void **)&x, &r->err));
    for (int run = 0; run < RUNS; run++) {
        for (int i = 0; i < ROWS * IN; i++) {
            x[i] = rig_number((uint64_t)run, (uint64_t)i);
            x2[i % IN] += (double)x[i] * (double)x[i];
        }
        rig_run(r, g);
        const float *h = rig_output(r, g, "h", NULL);
        for (int i = 0; i < ROWS * MID; i++) h2[i % MID] += (double)h[i] * (double)h[i];
        memcpy(y[run], rig_output(r, g, "y", NULL), sizeof y[run]);
    }
    rig_close(r);
}

START_TEST(mean_squares_of_columns)
{
    omn_importance *m = NULL;
    omn_error err = OMN_ERROR_INIT;
    float plain[RUNS][ROWS * OUT], watched[RUNS][ROWS * OUT];
    double x2[IN] = { 0 }, h2[MID] = { 0 }, again[IN] = { 0 }, more[MID] = { 0 };
    ck_assert_int_eq(omn_importance_new(&m, &err), OMN_OK);
    run_all(NULL, plain, again, more);
    ck_assert_uint_eq(omn_importance_count(m), 0);
    run_all(m, watched, x2, h2);
    ck_assert_mem_eq(plain, watched, sizeof plain);
    ck_assert_uint_eq(omn_importance_count(m), 2);
    const float *w = omn_importance_get(m, "w", IN), *v = omn_importance_get(m, "v", MID);
    ck_assert(w && v);
    for (int i = 0; i < IN; i++)
        ck_assert_double_eq_tol((double)w[i], x2[i] / (RUNS * ROWS), 1e-6);
    for (int i = 0; i < MID; i++)
        ck_assert_double_eq_tol((double)v[i], h2[i] / (RUNS * ROWS), 1e-6);
    /* of other columns, of rows of inputs, of nobody */
    ck_assert_ptr_null(omn_importance_get(m, "w", MID));
    ck_assert_ptr_null(omn_importance_get(m, "turned", MID));
    ck_assert_ptr_null(omn_importance_get(m, "x", IN));
    omn_importance_free(m);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { mean_squares_of_columns };
    return TESTING_RUN("graph/importance", all, 20);
}
