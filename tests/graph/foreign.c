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
    shelf_put(folder, "badops", "badops");
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
    return omn_op(s, "act.snake", &x, 1, &set, 1, NULL, 0);
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
    uint64_t calls[2] = { 0 };
    for (size_t n = omn_exec_profile_rows(r->exec, &rows); n-- > 0;) {
        ck_assert_str_ne(rows[n].op, "plugin");
        if (!strcmp(rows[n].op, "act.snake")) calls[0] += rows[n].calls;
        if (!strcmp(rows[n].op, "act.snake_grad")) calls[1] += rows[n].calls;
    }
    ck_assert(calls[0] == 1 && calls[1] == 1);
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
    omn_bundle_put(out, s, "sum", omn_op(s, "sum.both", x, 2, NULL, 0, &difference, 1));
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
    uint32_t n_more;
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
    omn_node *more[8];
    omn_bundle_put(out, s, "y", omn_op(s, m->op, x, m->n_in, &m->set, m->set.name != NULL, more,
                                       m->n_more));
}

START_TEST(mistakes_are_one_message)
{
    static const mistake list[] = {
        { "act.snake", 1, OMN_I32, { 0 }, "here: act.snake: x is [3, 5] i32, f32 is wanted", 0 },
        { "act.snake", 2, OMN_F32, { 0 }, "act.snake: 2 inputs, 1 are wanted", 0 },
        { "act.snake", 1, OMN_F32, { "a", "0", 0, 0 }, "outside 0.001..1000", 0 },
        { "act.snake", 1, OMN_F32, { "b", "1", 0, 0 }, "act.snake", 0 },
        { "act.snail", 1, OMN_F32, { 0 }, "act.snake", 0 },
        { "sum.both", 2, OMN_F32, { 0 }, "sum.both: two equal shapes are wanted", 1 },
        { "sum.both", 2, OMN_F32, { 0 }, "sum.both: it has 2 outputs, 3 are asked for", 2 },
        { "bad.wild", 1, OMN_F32, { 0 }, "bad.wild: its rule gives output 0 no shape or type", 0 },
        { "bad.lazy", 1, OMN_F32, { 0 }, "bad.lazy: its rule gives output 0 no shape or type", 0 },
        { "bad.none", 1, OMN_F32, { 0 }, "here: bad.none: a size of [3, 0] is below 1", 0 },
        { "bad.huge", 1, OMN_F32, { 0 }, "4294967296] f32 is too large to address", 0 },
        { "bad.odd", 1, OMN_F32, { 0 }, "bad.odd: returned -5, which is no status", 0 },
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
    omn_bundle_put(out, s, "y", omn_op(s, user, &x, 1, NULL, 0, NULL, 0));
}

START_TEST(a_run_that_fails_says_which_op)
{
    static const struct {
        char op[16];
        const char *says;
    } list[] = { { "bad.fails", "bad.fails: the moon is in the wrong house" },
                 { "bad.mute", "bad.mute: failed without saying why" },
                 { "bad.strange", "bad.strange: returned 1000, which is no status" } };
    omn_context *ctx = context();
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        rig own = open_rig(ctx, NULL), *r = &own;
        char op[16];
        memcpy(op, list[i].op, sizeof op);
        omn_graph *g = rig_graph(r, "g", run_fails, op);
        rig_feed(r, "x", omn_dim1(4), NULL);
        ck_assert_int_ne(omn_exec_run(r->exec, g, r->feed, NULL, &r->err), OMN_OK);
        ck_assert_msg(strstr(r->err.text, list[i].says) != NULL, "%s", r->err.text);
        rig_close(r);
    }
    omn_context_free(ctx);
}
END_TEST

static void bad_gradient(void *user, omn_scope *s, omn_bundle *out)
{
    const mistake *m = user;
    omn_node *w = omn_weight(s, "w", omn_dim1(4), OMN_INIT_NORMAL, 1);
    omn_node *y = omn_op(s, m->op, (omn_node *[]){ w, w }, m->n_in, NULL, 0, NULL, 0);
    omn_bundle_put(out, s, "loss", omn_sum(s, y, 1, false, false));
}

START_TEST(a_gradient_that_is_missing_or_wrong_is_named)
{
    static const mistake list[] = {
        { "sum.both", 2, .says = "sum.both: it has no gradient" },
        { "bad.narrow", 1, .says = "bad.narrow: its gradient of input 0 is [] f32, [4] f32 is" },
        { "bad.whole", 1, .says = "bad.whole: its gradient of input 0 is [4] i32, [4] f32 is" },
    };
    omn_context *ctx = context();
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        rig own = open_rig(ctx, NULL), *r = &own;
        omn_graph *g;
        mistake m = list[i];
        ck_assert(omn_program_graph_gradient(r->program, "g", bad_gradient, &m, "loss", NULL, 0, &g,
                                             &r->err) != OMN_OK);
        ck_assert_msg(strstr(r->err.text, m.says) != NULL, "\"%s\" lacks \"%s\"", r->err.text,
                      m.says);
        rig_close(r);
    }
    omn_context_free(ctx);
}
END_TEST

static void takes_twice(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim1(4));
    omn_bundle_put(out, s, "first", omn_op(s, "good.takes", &x, 1, NULL, 0, NULL, 0));
    omn_bundle_put(out, s, "second", omn_op(s, "good.takes", &x, 1, NULL, 0, NULL, 0));
}

/* Two steps and two runs find their scratch memory at one place: what was taken was given back. */
START_TEST(scratch_memory_is_given_back)
{
    omn_context *ctx = context();
    rig own = open_rig(ctx, NULL), *r = &own;
    omn_graph *g = rig_graph(r, "g", takes_twice, NULL);
    omn_call *c = NULL;
    int64_t at[4];
    rig_feed(r, "x", omn_dim1(4), NULL);
    OK(omn_call_new(NULL, &c, &r->err));
    ck_assert_ptr_nonnull(omn_call_scratch(c, 1, 1)); /* so that the arena has its first block */
    for (int i = 0; i < 4; i++) {
        omn_tensor t;
        if (i % 2 == 0) OK(omn_exec_run(r->exec, g, r->feed, c, &r->err));
        OK(omn_exec_output(r->exec, g, i % 2 ? "second" : "first", &t, &r->err));
        memcpy(&at[i], t.data, sizeof at[i]);
        ck_assert(at[i] != 0 && at[i] == at[0]);
    }
    omn_call_free(c);
    rig_close(r);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        the_processor_runs_ops_of_plugins, devices_that_lack_them_leave_them_to_the_processor,
        an_op_may_have_two_outputs,        mistakes_are_one_message,
        a_run_that_fails_says_which_op,    a_gradient_that_is_missing_or_wrong_is_named,
        scratch_memory_is_given_back,
    };
    return TESTING_RUN("graph/foreign", all, 60);
}
