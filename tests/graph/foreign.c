/* SPDX-License-Identifier: Apache-2.0 */
/* Ops of plugins in graphs: values against float64, the gradient against differences, on the
 * processor and as islands of a device that lacks them; what a careless plugin does is one
 * message. */
#include "rig.h"

#include "tests/plugin/shelf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static omn_context *context(void)
{
    char path[8192];
    const char *folder = shelf_folder("plugins");
    shelf_put(folder, "snake", "snake");
    snprintf(path, sizeof path, "%s:%s", folder, testing_build("plugins/.libs"));
    return shelf_open(path, "");
}

/* The rig over a context; compute NULL: its processor. */
static rig open_rig(omn_context *ctx, const omn_compute_impl *compute)
{
    rig own = { .err = OMN_ERROR_INIT }, *r = &own;
    OK(omn_store_new(7, NULL, false, &r->store, &r->err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .ctx = ctx, .store = r->store,
                                    .compute = compute };
    OK(omn_program_new(&how, &r->program, &r->err));
    OK(omn_exec_new(r->program, &r->exec, &r->err));
    OK(omn_feed_make(&r->feed, &r->err));
    return own;
}

enum { ROWS = 7, WIDTH = 13 };
static const double A = 1.7;

static omn_node *snake(omn_scope *s, omn_node *x)
{
    const omn_setting set = { "a", "1.7", 0, 0 };
    return omn_op(s, "act.snake", &x, 1, &set, 1, NULL);
}

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_node *w = omn_weight(s, "w", omn_dim2(ROWS, WIDTH), OMN_INIT_NORMAL, 0.7);
    omn_node *y = snake(s, omn_scale(s, w, 1.5, 0));
    omn_bundle_put(out, s, "y", y);
    omn_bundle_put(out, s, "loss", omn_sum(s, omn_mul(s, y, y), 3, false, false));
}

static double loss_of(const float *w)
{
    double sum = 0;
    for (int i = 0; i < ROWS * WIDTH; i++) {
        const double x = 1.5 * (double)w[i], v = sin(A * x), y = x + v * v / A;
        sum += y * y;
    }
    return sum;
}

static void check_on(const omn_compute_impl *compute, bool exact)
{
    omn_context *ctx = context();
    rig own = open_rig(ctx, compute), *r = &own;
    omn_graph *g = rig_gradient(r, "g", build, NULL);
    omn_buf dot;
    omn_exec_profile(r->exec, true);
    rig_run(r, g);
    float *w = omn_store_data(r->store, 0);
    const float *y = rig_output(r, g, "y", NULL);
    for (int i = 0; i < ROWS * WIDTH; i++) {
        const double x = 1.5 * (double)w[i], v = sin(A * x), want = x + v * v / A;
        const double got = exact ? reference_exact(y, (size_t)i) : (double)y[i];
        ck_assert_msg(fabs(got - want) <= 4e-7 * fmax(1, fabs(want)), "y[%d]: %.9g, %.9g wanted", i,
                      got, want);
    }
    float grad[ROWS * WIDTH];
    memcpy(grad, rig_output(r, g, "grad:w", NULL), sizeof grad);
    for (int i = 0; i < ROWS * WIDTH; i++) {
        float moved[ROWS * WIDTH];
        memcpy(moved, w, sizeof moved);
        const float up = moved[i] + 0x1p-10f, down = moved[i] - 0x1p-10f;
        moved[i] = up;
        const double high = loss_of(moved);
        moved[i] = down;
        const double want = (high - loss_of(moved)) / ((double)up - (double)down);
        /* differences leave f''' 2^-20 / 6, some 1e-5; sums of f32 much less */
        ck_assert_msg(fabs((double)grad[i] - want) <= 5e-5 * fmax(1, fabs(want)),
                      "grad[%d]: %.9g, by differences %.9g", i, (double)grad[i], want);
    }
    const omn_profile_row *rows;
    uint64_t calls = 0;
    for (size_t n = omn_exec_profile_rows(r->exec, &rows); n-- > 0;)
        if (!strcmp(rows[n].op, "plugin")) calls += rows[n].calls;
    ck_assert_uint_eq(calls, 2);
    omn_buf_init(&dot, 1 << 20);
    omn_graph_dot(g, &dot);
    ck_assert(!dot.failed && strstr(dot.data, "act.snake ") && strstr(dot.data, "act.snake_grad "));
    omn_buf_fini(&dot);
    rig_close(r);
    omn_context_free(ctx);
}

START_TEST(the_processor_runs_ops_of_plugins)
{
    check_on(NULL, false);
}
END_TEST

START_TEST(devices_that_lack_them_leave_them_to_the_processor)
{
    check_on(&reference_compute, false);
}
END_TEST

static void both(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_node *x[2] = { omn_input(s, "a", OMN_F32, omn_dim2(3, 5)),
                       omn_input(s, "b", OMN_F32, omn_dim2(3, 5)) };
    omn_node *difference = NULL;
    omn_bundle_put(out, s, "sum", omn_op(s, "bad.both", x, 2, NULL, 0, &difference));
    omn_bundle_put(out, s, "difference", difference);
}

START_TEST(an_op_may_have_two_outputs)
{
    omn_context *ctx = context();
    rig own = open_rig(ctx, NULL), *r = &own;
    omn_graph *g = rig_graph(r, "g", both, NULL);
    rig_feed(r, "a", omn_dim2(3, 5), NULL);
    rig_feed(r, "b", omn_dim2(3, 5), NULL);
    rig_run(r, g);
    const float *sum = rig_output(r, g, "sum", NULL), *rest = rig_output(r, g, "difference", NULL);
    for (uint64_t i = 0; i < 15; i++) {
        ck_assert_float_eq(sum[i], rig_number('a', i) + rig_number('b', i));
        ck_assert_float_eq(rest[i], rig_number('a', i) - rig_number('b', i));
    }
    rig_close(r);
    omn_context_free(ctx);
}
END_TEST

typedef struct mistake {
    const char *op;
    uint32_t n_in;
    omn_type type;
    omn_setting set;
    const char *says;
} mistake;

static void wrong(void *user, omn_scope *s, omn_bundle *out)
{
    const mistake *m = user;
    omn_node *x[9];
    s = omn_scope_at(s, "here");
    for (uint32_t i = 0; i < m->n_in; i++) {
        char name[8];
        snprintf(name, sizeof name, "x%u", i);
        x[i] = omn_input(s, name, m->type, omn_dim2(3, (int64_t)5 + i));
    }
    omn_bundle_put(out, s, "y", omn_op(s, m->op, x, m->n_in, &m->set, m->set.name != NULL, NULL));
}

START_TEST(mistakes_are_one_message)
{
    static const mistake list[] = {
        { "act.snake", 1, OMN_I32, { 0 }, "here: act.snake: x is [3, 5] i32, f32 is wanted" },
        { "act.snake", 2, OMN_F32, { 0 }, "act.snake: 2 inputs, 1 are wanted" },
        { "act.snake", 1, OMN_F32, { "a", "0", 0, 0 }, "outside 0.001..1000" },
        { "act.snake", 1, OMN_F32, { "b", "1", 0, 0 }, "act.snake" },
        { "act.snail", 1, OMN_F32, { 0 }, "act.snake" },
        { "bad.both", 2, OMN_F32, { 0 }, "bad.both: two equal shapes are wanted" },
        { "bad.wild", 1, OMN_F32, { 0 }, "its rule gives output 0 no shape or type" },
        { "bad.lazy", 1, OMN_F32, { 0 }, "its rule gives output 0 no shape or type" },
        { "bad.hollow", 1, OMN_F32, { 0 }, "an op needs rule, run and 1 to 8 inputs" },
        { "bad.many", 9, OMN_F32, { 0 }, "an op needs rule, run and 1 to 8 inputs" },
    };
    omn_context *ctx = context();
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        rig own = open_rig(ctx, NULL), *r = &own;
        mistake m = list[i];
        const char *text = rig_failure(r, wrong, &m);
        ck_assert_msg(strstr(text, m.says) != NULL, "\"%s\" lacks \"%s\"", text, m.says);
        rig_close(r);
    }
    omn_context_free(ctx);
}
END_TEST

static void run_fails(void *user, omn_scope *s, omn_bundle *out)
{
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim1(4));
    omn_bundle_put(out, s, "y", omn_op(s, user, &x, 1, NULL, 0, NULL));
}

START_TEST(a_run_that_fails_says_which_op)
{
    static const struct {
        char op[16];
        const char *says;
    } list[] = { { "bad.fails", "bad.fails: the moon is in the wrong house" },
                 { "bad.mute", "bad.mute: failed without saying why" } };
    omn_context *ctx = context();
    for (size_t i = 0; i < 2; i++) {
        rig own = open_rig(ctx, NULL), *r = &own;
        char op[16];
        memcpy(op, list[i].op, sizeof op);
        omn_graph *g = rig_graph(r, "g", run_fails, op);
        rig_feed(r, "x", omn_dim1(4), NULL);
        ck_assert_int_eq(omn_exec_run(r->exec, g, r->feed, NULL, &r->err), OMN_ERR_FAILED);
        ck_assert_msg(strstr(r->err.text, list[i].says) != NULL, "%s", r->err.text);
        rig_close(r);
    }
    omn_context_free(ctx);
}
END_TEST

static void no_gradient(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_node *w = omn_weight(s, "w", omn_dim1(4), OMN_INIT_NORMAL, 1);
    omn_node *y = omn_op(s, "bad.both", (omn_node *[]){ w, w }, 2, NULL, 0, NULL);
    omn_bundle_put(out, s, "loss", omn_sum(s, y, 1, false, false));
}

START_TEST(a_gradient_that_is_missing_is_named)
{
    omn_context *ctx = context();
    rig own = open_rig(ctx, NULL), *r = &own;
    omn_graph *g;
    ck_assert(omn_program_graph_gradient(r->program, "g", no_gradient, NULL, "loss", NULL, 0, &g,
                                         &r->err) == OMN_ERR_UNSUPPORTED);
    ck_assert_msg(strstr(r->err.text, "bad.both: it has no gradient") != NULL, "%s", r->err.text);
    rig_close(r);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        the_processor_runs_ops_of_plugins, devices_that_lack_them_leave_them_to_the_processor,
        an_op_may_have_two_outputs,        mistakes_are_one_message,
        a_run_that_fails_says_which_op,    a_gradient_that_is_missing_is_named,
    };
    return TESTING_RUN("graph/foreign", all, 60);
}
