/* SPDX-License-Identifier: Apache-2.0 */
/* Stores: over a checkpoint as it lies on disk (16-bit weights, wrong shapes, missing names), and
 * writable ones that begin from a checkpoint. */
#include "rig.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const float table[] = { 1, -2, 0.5f, 3, 4, -0.25f, 8, 16 }; /* exact in bf16 */

static omn_weights *checkpoint(void)
{
    uint16_t half[8];
    float f[8];
    int32_t whole[2] = { 1, 2 };
    omn_weights *w;
    omn_error err = OMN_ERROR_INIT;
    for (int i = 0; i < 8; i++) half[i] = omn_bf16_of(table[i]);
    for (int i = 0; i < 8; i++) f[i] = table[i] / 2;
    const omn_weights_entry entries[] = {
        { "a.table", { OMN_BF16, omn_dim2(4, 2), half, sizeof(half) } },
        { "a.bias", { OMN_F32, omn_dim1(8), f, sizeof(f) } },
        { "a.ids", { OMN_I32, omn_dim1(2), whole, sizeof(whole) } },
    };
    char path[512];
    snprintf(path, sizeof(path), "%s/big.safetensors", testing_folder());
    ck_assert_msg(omn_weights_write(path, OMN_OVERWRITE, entries, 3, NULL, 0, &err) == OMN_OK, "%s",
                  err.text);
    ck_assert_msg(omn_weights_open(path, &w, &err) == OMN_OK, "%s", err.text);
    return w;
}

static rig open_over(omn_store *store, const omn_compute_impl *compute)
{
    rig own = { .store = store, .err = OMN_ERROR_INIT }, *r = &own;
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .store = store, .compute = compute,
                                    .cpu = &reference_compute };
    OK(omn_program_new(&how, &r->program, &r->err));
    OK(omn_exec_new(r->program, &r->exec, &r->err));
    OK(omn_feed_make(&r->feed, &r->err));
    return own;
}

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    omn_scope *a = omn_scope_at(s, "a");
    omn_node *t = omn_weight(a, "table", omn_dim2(4, 2), OMN_INIT_NORMAL, 1);
    omn_node *b = omn_weight(a, "bias", omn_dim1(8), OMN_INIT_ZERO, 0);
    omn_node *ids = omn_const(s, OMN_I32, omn_dim1(2), (const int32_t[]){ 3, 0 });
    if (user) ck_assert_int_eq(omn_node_type(t), *(const omn_type *)user);
    ck_assert(omn_weight_exists(a, "bias") && !omn_weight_exists(a, "table.x"));
    omn_bundle_put(out, s, "rows", omn_embedding(s, t, ids));
    omn_bundle_put(out, s, "sum", omn_add(s, omn_reshape(s, t, omn_dim1(8)), b));
}

static void check_outputs(rig *r, omn_graph *g)
{
    const float rows[] = { 8, 16, 1, -2 };
    rig_run(r, g);
    for (int i = 0; i < 4; i++) ck_assert_float_eq(rig_output(r, g, "rows", NULL)[i], rows[i]);
    for (int i = 0; i < 8; i++)
        ck_assert_float_eq(rig_output(r, g, "sum", NULL)[i], 1.5f * table[i]);
}

START_TEST(weights_are_used_as_they_lie_in_the_file)
{
    omn_weights *w = checkpoint();
    omn_type stored = OMN_BF16;
    for (int partial = 0; partial < 2; partial++) {
        omn_store *store;
        omn_memory m = { OMN_FILL(omn_memory) };
        ck_assert(omn_store_open(w, &store, NULL) == OMN_OK);
        rig own = open_over(store, partial ? &reference_partial : &reference_compute), *r = &own;
        omn_graph *g = rig_graph(r, "g", build, &stored);
        check_outputs(r, g);
        omn_program_memory(r->program, &m);
        if (partial)
            ck_assert(m.mapped == 0 && m.uploaded == 48);
        else
            ck_assert(m.mapped > 0 && m.uploaded == 0);
        ck_assert_uint_eq(omn_store_count(store), 2);
        ck_assert_ptr_null(omn_store_data(store, 0));
        rig_close(r);
    }
    omn_weights_close(w);
}
END_TEST

static omn_weights *spoiled(double at_3)
{
    float f[8];
    double d[8];
    omn_weights *w = NULL;
    omn_error err = OMN_ERROR_INIT;
    char path[512];
    for (int i = 0; i < 8; i++) f[i] = (float)(d[i] = i == 3 ? at_3 : i);
    const omn_weights_entry entries[] = {
        { "a.table", { OMN_F64, omn_dim2(4, 2), d, sizeof(d) } },
        { "a.bias", { OMN_F32, omn_dim1(8), f, sizeof(f) } },
    };
    snprintf(path, sizeof(path), "%s/spoiled.safetensors", testing_folder());
    ck_assert_msg(omn_weights_write(path, OMN_OVERWRITE, entries, 2, NULL, 0, &err) == OMN_OK, "%s",
                  err.text);
    ck_assert_msg(omn_weights_open(path, &w, &err) == OMN_OK, "%s", err.text);
    return w;
}

static void build_one(void *user, omn_scope *s, omn_bundle *out)
{
    const bool bias = user != NULL;
    omn_bundle_put(out, s, "y",
                   omn_weight(omn_scope_at(s, "a"), bias ? "bias" : "table",
                              bias ? omn_dim1(8) : omn_dim2(4, 2), OMN_INIT_ONE, 0));
}

/* Where weights are copied they are looked at: what a training begins with, and types that graphs
 * do not compute with. What lies in the file as graphs want it is not gone through. */
START_TEST(weights_that_are_not_numbers_are_named)
{
    static const struct { double x; const char *says; } all[] = {
        { NAN, "value 4 of 8 in " }, { INFINITY, "is inf" }, { -INFINITY, "is -inf" },
        { 1e300, "is inf" },              /* no f32 */
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        for (int k = 0; k < 4; k++) {
            omn_weights *w = spoiled(all[i].x);
            omn_store *store;
            const bool train = k & 1, bias = k & 2;
            if (train) ck_assert(omn_store_new(1, w, false, &store, NULL) == OMN_OK);
            else ck_assert(omn_store_open(w, &store, NULL) == OMN_OK);
            rig own = open_over(store, &reference_compute), *r = &own;
            if (!train && bias) {
                rig_graph(r, "g", build_one, r);
            } else {
                const char *text = rig_failure(r, build_one, bias ? r : NULL);
                ck_assert_msg(strstr(text, all[i].says) && strstr(text, "spoiled.safetensors") &&
                                  strstr(text, bias ? "a.bias: " : "a.table: "),
                              "'%s' lacks '%s'", text, all[i].says);
            }
            rig_close(r);
            omn_weights_close(w);
        }
}
END_TEST

typedef struct wrong {
    const char *name;
    omn_shape shape;
    const char *text;
} wrong;

static void build_wrong(void *user, omn_scope *s, omn_bundle *out)
{
    const wrong *x = user;
    omn_bundle_put(out, s, "y",
                   omn_weight(omn_scope_at(s, "a"), x->name, x->shape, OMN_INIT_ONE, 0));
}

START_TEST(what_the_file_lacks_is_told_by_name)
{
    const wrong all[] = {
        { "table", omn_dim2(5, 2), "a.table: [4, 2] in " },
        { "table", omn_dim2(5, 2), "big.safetensors, [5, 2] wanted" },
        { "tables", omn_dim2(4, 2), "a.tables: not in " },
        { "ids", omn_dim1(2), "a.ids: i32 in " },
    };
    omn_weights *w = checkpoint();
    omn_store *store;
    ck_assert(omn_store_open(w, &store, NULL) == OMN_OK);
    rig own = open_over(store, &reference_compute), *r = &own;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        const char *text = rig_failure(r, build_wrong, (void *)(uintptr_t)&all[i]);
        ck_assert_msg(strstr(text, all[i].text), "'%s' lacks '%s'", text, all[i].text);
    }
    rig_close(r);
    omn_weights_close(w);
}
END_TEST

START_TEST(a_writable_store_begins_from_a_file)
{
    const wrong more = { "more", omn_dim1(3), NULL };
    omn_weights *w = checkpoint();
    omn_type f32 = OMN_F32;
    for (int partial = 0; partial < 2; partial++) {
        omn_store *store;
        omn_graph *g;
        ck_assert(omn_store_new(1, w, partial, &store, NULL) == OMN_OK);
        rig own = open_over(store, &reference_compute), *r = &own;
        g = rig_graph(r, "g", build, &f32);
        check_outputs(r, g);
        const long at = omn_store_find(store, "a.table");
        ck_assert_int_ge(at, 0);
        omn_store_data(store, (size_t)at)[0] = 5;
        rig_run(r, g);
        ck_assert_float_eq(rig_output(r, g, "rows", NULL)[2], 5);
        if (partial) {
            rig_graph(r, "more", build_wrong, (void *)(uintptr_t)&more);
            ck_assert_float_eq(omn_store_data(store, 2)[2], 1);
        } else {
            ck_assert(
                strstr(rig_failure(r, build_wrong, (void *)(uintptr_t)&more), "a.more: not in "));
        }
        rig_close(r);
    }
    omn_weights_close(w);
}
END_TEST

static void build_sum(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_node *x = omn_weight(s, "x", omn_dim1(4), OMN_INIT_NORMAL, 1);
    omn_bundle_put(out, s, "loss", omn_sum(s, omn_mul(s, x, x), 1, false, false));
}

static void build_small(void *user, omn_scope *s, omn_bundle *out)
{
    const omn_type *want = user;
    omn_node *x = omn_weight(s, "a.small", omn_dim1(4), OMN_INIT_ZERO, 0);
    ck_assert_int_eq(omn_node_type(x), *want);
    omn_bundle_put(out, s, "y", omn_add(s, x, x));
}

START_TEST(types_that_graphs_lack_become_f32_or_are_named)
{
    const wrong bad[] = { { "four", omn_dim1(4), "a.four: f4 in " },
                          { "four", omn_dim1(4), "cannot be converted to f32" },
                          { "wave", omn_dim1(1), "a.wave: c64 in " } };
    double d[8], half[8];
    uint8_t small[4] = { 0x38, 0x40, 0xB8, 0 }, four[2] = { 0 };
    omn_type f32 = OMN_F32;
    omn_weights *w = NULL;
    omn_store *store = NULL;
    for (int i = 0; i < 8; i++) d[i] = (double)table[i];
    for (int i = 0; i < 8; i++) half[i] = (double)table[i] / 2;
    const omn_weights_entry entries[] = {
        { "a.table", { OMN_F64, omn_dim2(4, 2), d, sizeof(d) } },
        { "a.bias", { OMN_F64, omn_dim1(8), half, sizeof(half) } },
        { "a.small", { OMN_F8_E4M3, omn_dim1(4), small, sizeof(small) } },
        { "a.four", { OMN_F4, omn_dim1(4), four, sizeof(four) } },
        { "a.wave", { OMN_C64, omn_dim1(1), d, 8 } },
    };
    char path[512];
    snprintf(path, sizeof(path), "%s/double.safetensors", testing_folder());
    ck_assert(omn_weights_write(path, OMN_OVERWRITE, entries, 5, NULL, 0, NULL) == OMN_OK);
    ck_assert(omn_weights_open(path, &w, NULL) == OMN_OK);
    ck_assert(omn_store_open(w, &store, NULL) == OMN_OK);
    rig own = open_over(store, &reference_compute), *r = &own;
    check_outputs(r, rig_graph(r, "g", build, &f32));
    omn_graph *g = rig_graph(r, "small", build_small, &f32);
    rig_run(r, g);
    ck_assert_mem_eq(rig_output(r, g, "y", NULL), ((const float[]){ 2, 4, -2, 0 }), 16);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const char *text = rig_failure(r, build_wrong, (void *)(uintptr_t)&bad[i]);
        ck_assert_msg(strstr(text, bad[i].text), "'%s' lacks '%s'", text, bad[i].text);
    }
    rig_close(r);
    omn_weights_close(w);
}
END_TEST

/* Under both couples of names, of any float type: a.b has rows (3, 4) and (0, 0). */
static omn_weights *in_parts(omn_type lengths, int64_t n, bool newer)
{
    const float v[] = { 3, 4, 0, 0 }, g[] = { 10, 7, 1 };
    const double gd[] = { 10, 7, 1 };
    const int32_t gi[] = { 10, 7, 1 };
    omn_weights *w = NULL;
    char path[512];
    const void *data = lengths == OMN_F64 ? (const void *)gd : lengths == OMN_I32 ? gi : (void *)g;
    const omn_weights_entry entries[] = {
        { newer ? "a.parametrizations.b.original1" : "a.b_v",
          { OMN_F32, omn_dim2(2, 2), v, sizeof v } },
        { newer ? "a.parametrizations.b.original0" : "a.b_g",
          { lengths, omn_dim2(n, 1), data, (size_t)n * (lengths == OMN_F64 ? 8 : 4) } },
    };
    snprintf(path, sizeof path, "%s/parts.safetensors", testing_folder());
    ck_assert(omn_weights_write(path, OMN_OVERWRITE, entries, 2, NULL, 0, NULL) == OMN_OK);
    ck_assert(omn_weights_open(path, &w, NULL) == OMN_OK);
    return w;
}

START_TEST(weight_norm_is_folded_when_a_weight_is_loaded)
{
    const wrong whole = { "b", omn_dim2(2, 2), NULL };
    const float want[] = { 6, 8, 0, 0 };
    for (int i = 0; i < 8; i++) {
        const bool train = i & 1;
        omn_weights *w = in_parts(i & 2 ? OMN_F64 : OMN_F32, 2, i & 4);
        omn_store *store = NULL;
        ck_assert((train ? omn_store_new(1, w, false, &store, NULL)
                         : omn_store_open(w, &store, NULL)) == OMN_OK);
        rig own = open_over(store, &reference_compute), *r = &own;
        omn_graph *g = rig_graph(r, "g", build_wrong, (void *)(uintptr_t)&whole);
        ck_assert_uint_eq(omn_graph_nodes(g), 0);
        rig_run(r, g);
        ck_assert_mem_eq(rig_output(r, g, "y", NULL), want, sizeof want);
        ck_assert_str_eq(omn_store_name(store, 0), "a.b");
        rig_close(r);
        omn_weights_close(w);
    }
}
END_TEST

START_TEST(weight_norm_with_another_shape_is_named)
{
    const struct { omn_type type; int64_t n; wrong want; } all[] = {
        { OMN_F32, 3, { "b", omn_dim2(2, 2), "a.b_g: [3, 1] in " } },
        { OMN_F32, 3, { "b", omn_dim2(2, 2), "parts.safetensors, [2, 1] wanted" } },
        { OMN_F32, 2, { "b", omn_dim2(2, 3), "a.b_v: [2, 2] in " } },
        { OMN_F32, 2, { "b", omn_dim0(), "a.b: a number in " } },
        { OMN_I32, 2, { "b", omn_dim2(2, 2), "a.b_g: i32 in " } },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        omn_weights *w = in_parts(all[i].type, all[i].n, false);
        omn_store *store = NULL;
        ck_assert(omn_store_open(w, &store, NULL) == OMN_OK);
        rig own = open_over(store, &reference_compute), *r = &own;
        const char *text = rig_failure(r, build_wrong, (void *)(uintptr_t)&all[i].want);
        ck_assert_msg(strstr(text, all[i].want.text), "'%s' lacks '%s'", text, all[i].want.text);
        rig_close(r);
        omn_weights_close(w);
    }
}
END_TEST

START_TEST(a_run_stops_when_cancelled)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    omn_graph *g = rig_gradient(r, "g", build_sum, NULL);
    omn_cancel *cancel = omn_cancel_new();
    const omn_call_setup how = { OMN_FILL(omn_call_setup), .cancel = cancel };
    omn_call *c;
    omn_tensor t;
    omn_error e = OMN_ERROR_INIT;
    OK(omn_call_new(&how, &c, &r->err));
    OK(omn_exec_run(r->exec, g, r->feed, c, &r->err));
    omn_cancel_set(cancel);
    ck_assert_int_eq(omn_exec_run(r->exec, g, r->feed, c, &e), OMN_ERR_CANCELLED);
    ck_assert_int_eq(omn_exec_output(r->exec, g, "loss", &t, NULL), OMN_ERR_ARGUMENT);
    omn_call_free(c);
    rig_run(r, g); /* and the run state is still good */
    const float *x = omn_store_data(r->store, 0);
    for (int i = 0; i < 4; i++) ck_assert_float_eq(rig_output(r, g, "grad:x", NULL)[i], 2 * x[i]);
    omn_cancel_free(cancel);
    rig_close(r);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { weights_are_used_as_they_lie_in_the_file,
                                 weights_that_are_not_numbers_are_named,
                                 what_the_file_lacks_is_told_by_name,
                                 a_writable_store_begins_from_a_file,
                                 types_that_graphs_lack_become_f32_or_are_named,
                                 weight_norm_is_folded_when_a_weight_is_loaded,
                                 weight_norm_with_another_shape_is_named,
                                 a_run_stops_when_cancelled };
    return TESTING_RUN("graph/store", all, 10);
}
