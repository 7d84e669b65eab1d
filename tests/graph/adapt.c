/* SPDX-License-Identifier: Apache-2.0 */
/* Low-rank adapters: a product whose matrix has one gives what the summed matrix would; gradients
 * of the factors agree with central differences; a matrix that something else reads can have none,
 * and a file of adapters is believed only where it fits. The reference device keeps doubles. */
#include "rig.h"

#include "libcore/graph/adapt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 3, IN = 7, OUT = 5, RANK = 2 };

/* [3, 7] through a matrix [5, 7], then one [5, 7] the other way round; all elements weighted. */
static void build(void *user, omn_scope *s, omn_bundle *out)
{
    float r[ROWS * IN];
    (void)user;
    for (size_t i = 0; i < ROWS * IN; i++) r[i] = rig_number(99, i);
    omn_node *x = omn_input(s, "x", OMN_F32, omn_dim2(ROWS, IN));
    omn_scope *l = omn_scope_at(s, "layer");
    omn_node *y = omn_linear(s, x,
                             omn_weight(l, "in", omn_dim2(OUT, IN), OMN_INIT_NORMAL, 0.7),
                             omn_weight(l, "bias", omn_dim1(OUT), OMN_INIT_NORMAL, 0.5),
                             OMN_ACT_GELU_TANH);
    y = omn_linear_in_out(s, y, omn_weight(l, "out", omn_dim2(OUT, IN), OMN_INIT_NORMAL, 0.7), NULL,
                          OMN_ACT_NONE);
    omn_bundle_put(out, s, "y", y);
    y = omn_mul(s, y, omn_const(s, OMN_F32, omn_dim2(ROWS, IN), r));
    omn_bundle_put(out, s, "loss", omn_sum(s, y, 3, false, false));
}

static const char *const frozen[] = { "layer.in", "layer.out", "layer.bias" };

/* Both matrices with adapters whose factors are not zero. */
static void adapt_both(rig *r)
{
    for (int i = 0; i < 2; i++)
        OK(store_adapt(r->store, i ? "layer.out" : "layer.in", RANK, 1.5, &r->err));
    for (size_t k = 0; k < omn_store_count(r->store); k++) {
        size_t n;
        const omn_tensor t = omn_store_tensor(r->store, k);
        if (!adapt_is_factor(omn_store_name(r->store, k))) continue;
        ck_assert(omn_shape_count(&t.shape, &n));
        for (size_t i = 0; i < n; i++) omn_store_data(r->store, k)[i] = rig_number(k, i);
    }
}

START_TEST(a_new_adapter_changes_nothing)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    size_t n;
    double before[ROWS * IN];
    omn_graph *plain = rig_graph(r, "plain", build, NULL);
    rig_feed(r, "x", omn_dim2(ROWS, IN), NULL);
    rig_run(r, plain);
    for (size_t i = 0; i < ROWS * IN; i++)
        before[i] = reference_exact(rig_output(r, plain, "y", &n), i);
    OK(store_adapt(r->store, "layer.in", RANK, 2, &r->err));
    ck_assert_int_eq(store_adapt(r->store, "layer.in", RANK, 2, NULL), OMN_ERR_ARGUMENT);
    ck_assert_int_eq(store_adapt(r->store, "layer.bias", RANK, 2, NULL), OMN_ERR_ARGUMENT);
    ck_assert_int_eq(store_adapt(r->store, "layer.none", RANK, 2, NULL), OMN_ERR_ARGUMENT);
    omn_graph *g = rig_graph(r, "adapted", build, NULL);
    ck_assert_uint_gt(omn_graph_nodes(g), omn_graph_nodes(plain));
    rig_run(r, g);
    for (size_t i = 0; i < ROWS * IN; i++)
        ck_assert(reference_exact(rig_output(r, g, "y", &n), i) == before[i]);
    rig_close(r);
}
END_TEST

/* The factors beside the matrix, and their sum in its place: one is done in doubles, the other
 * rounded to f32 once, so 1e-6 of the values, which are near 1. */
START_TEST(a_merged_adapter_is_the_same_product)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    rig other = rig_open(&reference_compute, false), *k = &other;
    omn_graph *plain = rig_graph(k, "plain", build, NULL);
    (void)rig_graph(r, "plain", build, NULL);
    adapt_both(r);
    omn_graph *g = rig_graph(r, "adapted", build, NULL);
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "layer.out" : "layer.in";
        adapter a;
        ck_assert(store_adapter(r->store, name, &a));
        ck_assert_int_eq(a.rank, RANK);
        adapter_merge(&a, omn_store_data(k->store, (size_t)omn_store_find(k->store, name)), OUT,
                      IN);
    }
    rig_feed(r, "x", omn_dim2(ROWS, IN), NULL);
    rig_feed(k, "x", omn_dim2(ROWS, IN), NULL);
    rig_run(r, g);
    rig_run(k, plain);
    for (size_t i = 0; i < ROWS * IN; i++) {
        const double x = reference_exact(rig_output(r, g, "y", NULL), i),
                     y = reference_exact(rig_output(k, plain, "y", NULL), i);
        ck_assert_msg(fabs(x - y) <= 1e-6 * fmax(1, fabs(x)), "%zu: %.9g and %.9g", i, x, y);
    }
    rig_close(r);
    rig_close(k);
}
END_TEST

static double loss(rig *r, omn_graph *g)
{
    rig_run(r, g);
    return reference_exact(rig_output(r, g, "loss", NULL), 0);
}

/* Steps of 2^-13 in doubles: 2e-6 of the larger of 1 and the gradient, as for every op. */
START_TEST(factors_learn_and_frozen_matrices_do_not)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    omn_graph *g;
    size_t checked = 0, n;
    (void)rig_graph(r, "plain", build, NULL);
    adapt_both(r);
    OK(omn_program_graph_gradient(r->program, "g", build, NULL, "loss", frozen, 3, &g, &r->err));
    rig_feed(r, "x", omn_dim2(ROWS, IN), NULL);
    for (size_t i = 0; i < omn_graph_outputs(g); i++) {
        const char *name = omn_graph_output_name(g, i);
        double grad[64];
        if (strncmp(name, "grad:", 5) != 0) continue;
        ck_assert_msg(adapt_is_factor(name + 5), "%s", name);
        rig_run(r, g);
        const float *found = rig_output(r, g, name, &n);
        for (size_t e = 0; e < n; e++) grad[e] = reference_exact(found, e);
        float *data = omn_store_data(r->store, (size_t)omn_store_find(r->store, name + 5));
        for (size_t e = 0; e < n; e++, checked++) {
            const float old = data[e], up = old + 0x1p-13f, down = old - 0x1p-13f;
            data[e] = up;
            const double high = loss(r, g);
            data[e] = down;
            const double low = loss(r, g);
            data[e] = old;
            const double want = (high - low) / ((double)up - (double)down);
            ck_assert_msg(fabs(want - grad[e]) <= 2e-6 * fmax(1, fabs(want)),
                          "%s[%zu]: %.9g, by differences %.9g", name, e, grad[e], want);
        }
    }
    ck_assert_uint_eq(checked, 2 * RANK * (IN + OUT));
    rig_close(r);
}
END_TEST

static void build_tied(void *user, omn_scope *s, omn_bundle *out)
{
    static const int32_t ids[] = { 1, 0, 3 };
    (void)user;
    omn_node *table = omn_weight(s, "table", omn_dim2(OUT, IN), OMN_INIT_NORMAL, 1);
    omn_node *x = omn_embedding(s, table, omn_const(s, OMN_I32, omn_dim1(3), ids));
    omn_bundle_put(out, s, "y", omn_linear(s, x, table, NULL, OMN_ACT_NONE));
}

START_TEST(a_table_has_no_adapter)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    (void)rig_graph(r, "tied", build_tied, NULL);
    (void)rig_graph(r, "plain", build, NULL);
    ck_assert(!program_adapts(r->program, "table"));
    ck_assert(program_adapts(r->program, "layer.in"));
    ck_assert(program_adapts(r->program, "layer.out"));
    ck_assert(!program_adapts(r->program, "layer.none"));
    OK(store_adapt(r->store, "table", RANK, 1, &r->err));
    const char *why = rig_failure(r, build_tied, NULL);
    ck_assert_msg(strstr(why, "table has an adapter, but embedding reads it too"), "%s", why);
    rig_close(r);
}
END_TEST

/* ---- files ---------------------------------------------------------------------------------- */

static const float numbers[64] = { 0.5f, -1, 2, 0.25f, 3, -0.125f, 1, 0.75f };

static omn_weights_entry tensor(const char *name, int64_t a, int64_t b)
{
    return (omn_weights_entry){ name, { OMN_F32, omn_dim2(a, b), numbers,
                                        (size_t)(a * b) * sizeof(float) } };
}

static omn_weights *file(const char *folder, const char *name, const omn_weights_entry *e, size_t n,
                         const char *scale)
{
    char path[4400];
    const char *const meta[] = { ADAPT_MARK, "1", ADAPT_SCALE, scale };
    omn_weights *w = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert(omn_weights_write(path, OMN_OVERWRITE, e, n, meta, scale ? 2 : 0, NULL) == OMN_OK);
    ck_assert_int_eq(omn_weights_open(path, &w, NULL), OMN_OK);
    return w;
}

START_TEST(a_file_of_adapters_has_to_fit)
{
    const char *folder = testing_folder();
    const omn_weights_entry base = tensor("m", 5, 7);
    omn_weights *w = file(folder, "base.safetensors", &base, 1, NULL);
    const struct { omn_weights_entry e[3]; size_t n; const char *scale, *says; } cases[] = {
        { { tensor("m.lora_A", 2, 7), tensor("m.lora_B", 5, 2) }, 2, "0.5", NULL },
        { { tensor("m.lora_A", 2, 7), tensor("m.lora_B", 5, 2) }, 2, NULL, "no file of adapters" },
        { { tensor("m.lora_A", 2, 7), tensor("m.lora_B", 5, 2) }, 2, "half",
          "a number of at most 1e+06" },
        { { tensor("m.lora_A", 2, 7), tensor("m.lora_B", 5, 2) }, 2, "nan",
          "a number of at most 1e+06" },
        { { tensor("m.lora_A", 2, 6), tensor("m.lora_B", 5, 2) }, 2, "1", "m.lora_A: [2, 6]" },
        { { tensor("m.lora_A", 2, 7), tensor("m.lora_B", 5, 3) }, 2, "1", "m.lora_B: [5, 3]" },
        { { tensor("m.lora_A", 2, 7) }, 1, "1", "m.lora_B: not in" },
        { { tensor("m.lora_B", 5, 2) }, 1, "1", "m.lora_B has no .lora_A beside it" },
        { { tensor("n.lora_A", 2, 7), tensor("n.lora_B", 5, 2) }, 2, "1", "that" },
        { { tensor("m", 5, 7) }, 1, "1", "is no factor" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_store *st = NULL;
        adapter a;
        omn_weights *f = file(folder, "a.safetensors", cases[i].e, cases[i].n, cases[i].scale);
        ck_assert_int_eq(omn_store_open(w, &st, NULL), OMN_OK);
        const omn_status got = store_adapters(st, w, f, &err);
        if (cases[i].says) {
            ck_assert_msg(got != OMN_OK && strstr(err.text, cases[i].says), "%zu: %s", i, err.text);
        } else {
            ck_assert_msg(got == OMN_OK, "%s", err.text);
            ck_assert(store_adapter(st, "m", &a) && a.rank == 2 && a.scale == 0.5);
            ck_assert(!memcmp(a.a, numbers, 14 * sizeof(float)));
            ck_assert(!memcmp(a.b, numbers, 10 * sizeof(float)));
        }
        omn_store_free(st);
        omn_weights_close(f);
    }
    omn_weights_close(w);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_new_adapter_changes_nothing,
        a_merged_adapter_is_the_same_product,
        factors_learn_and_frozen_matrices_do_not,
        a_table_has_no_adapter,
        a_file_of_adapters_has_to_fit,
    };
    return TESTING_RUN("graph/adapt", all, 10);
}
