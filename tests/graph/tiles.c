/* SPDX-License-Identifier: Apache-2.0 */
/* Weights that the store has in tiles: a device that knows them gets them for products and for
 * nothing else; every other device and op, gradients and training get rows. */
#include "rig.h"

#include "libcore/tensor/weights_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 33, K = 40, ROWS = 3 };

static uint16_t half[N * K];

static void fill(void)
{
    for (size_t i = 0; i < N * K; i++) half[i] = omn_bf16_of(rig_number(7, i));
}

/* Two matrices, "w" and "table", in tiles or in rows. */
static omn_weights *matrices(bool tiled)
{
    char path[512];
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    omn_tensor t = { OMN_BF16, omn_dim2(N, K), half, sizeof half };
    void *tiles = NULL;
    if (tiled) {
        t.shape = omn_tiles_shape(N, K);
        ck_assert(omn_shape_bytes(&t.shape, t.type, &t.bytes));
        t.data = tiles = malloc(t.bytes);
        omn_tiles_of_rows(half, N, K, tiles);
    }
    const omn_shape of = tiled ? omn_dim2(N, K) : omn_dim0();
    const writing list[] = { { "w", t, of }, { "table", t, of } };
    snprintf(path, sizeof path, "%s/%d.safetensors", testing_folder(), tiled);
    ck_assert_msg(weights_write(path, OMN_OVERWRITE, list, 2, NULL, 0, NULL, NULL, NULL, &err) ==
                      OMN_OK, "%s", err.text);
    ck_assert_msg(omn_weights_open(path, &w, &err) == OMN_OK, "%s", err.text);
    free(tiles);
    return w;
}

static rig open_over(omn_store *store, const omn_compute_impl *compute)
{
    rig own = { .store = store, .err = OMN_ERROR_INIT }, *r = &own;
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .store = store,
                                    .compute = compute, .cpu = &reference_compute };
    OK(omn_program_new(&how, &r->program, &r->err));
    OK(omn_exec_new(r->program, &r->exec, &r->err));
    OK(omn_feed_make(&r->feed, &r->err));
    return own;
}

/* w is multiplied by; the table as well, and rows of it are taken; w is an output when asked. */
static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const bool *shown = user;
    omn_node *w = omn_weight(s, "w", omn_dim2(N, K), OMN_INIT_NORMAL, 1);
    omn_node *table = omn_weight(s, "table", omn_dim2(N, K), OMN_INIT_NORMAL, 1);
    omn_node *ids = omn_input(s, "ids", OMN_I32, omn_dim1(ROWS));
    omn_node *x = omn_embedding(s, table, ids);
    omn_node *y = omn_add(s, omn_linear(s, x, w, NULL, OMN_ACT_NONE),
                          omn_linear(s, x, table, NULL, OMN_ACT_NONE));
    omn_bundle_put(out, s, "y", y);
    omn_bundle_put(out, s, "loss", omn_sum(s, omn_mul(s, y, y), 3, false, false));
    if (*shown) omn_bundle_put(out, s, "w", w);
}

static void same_output(rig *a, omn_graph *ga, rig *b, omn_graph *gb, const char *name)
{
    omn_tensor x, y;
    ck_assert_msg(omn_exec_output(a->exec, ga, name, &x, &a->err) == OMN_OK, "%s", a->err.text);
    ck_assert_msg(omn_exec_output(b->exec, gb, name, &y, &b->err) == OMN_OK, "%s", b->err.text);
    ck_assert(omn_shape_equal(&x.shape, &y.shape) && x.type == y.type && x.bytes == y.bytes);
    ck_assert_mem_eq(x.data, y.data, x.bytes);
}

START_TEST(a_device_without_tiles_gets_rows)
{
    static const int32_t ids[ROWS] = { 0, 32, 7 };
    fill();
    for (int trained = 0; trained < 2; trained++)
        for (int shown = 0; shown < 2; shown++) {
            omn_weights *w[2];
            rig own[2];
            omn_graph *g[2], *dg[2];
            bool output = shown;
            for (int i = 0; i < 2; i++) {
                omn_store *store;
                w[i] = matrices(i);
                ck_assert((trained ? omn_store_new(1, w[i], false, &store, NULL)
                                   : omn_store_open(w[i], &store, NULL)) == OMN_OK);
                own[i] = open_over(store, &reference_compute);
                rig_feed_ids(&own[i], "ids", omn_dim1(ROWS), ids);
                g[i] = rig_graph(&own[i], "g", build, &output);
                rig_run(&own[i], g[i]);
            }
            same_output(&own[0], g[0], &own[1], g[1], "y");
            if (shown) same_output(&own[0], g[0], &own[1], g[1], "w");
            for (int i = 0; i < 2; i++) {
                dg[i] = rig_gradient(&own[i], "g", build, &output);
                rig_run(&own[i], dg[i]);
            }
            same_output(&own[0], dg[0], &own[1], dg[1], "grad:w");
            same_output(&own[0], dg[0], &own[1], dg[1], "grad:table");
            for (int i = 0; i < 2; i++) {
                rig_close(&own[i]);
                omn_weights_close(w[i]);
            }
        }
}
END_TEST

/* The reference device, which says that it takes tiles, and looks at what it is given. */
static uint32_t seen_products, seen_tiles, seen_rows;

static omn_status say_tiles(uint32_t i, omn_device_info *info, omn_error *err)
{
    const omn_status st = reference_compute.describe(i, info, err);
    if (st == OMN_OK) snprintf(info->features, sizeof info->features, "slow tiles");
    return st;
}

static double look(const void *dev, const omn_op_call *op)
{
    for (uint32_t i = 0; i < op->n_in; i++) {
        const omn_view *v = &op->in[i];
        const omn_shape tiles = omn_tiles_shape(N, K);
        if (v->type != OMN_BF16) continue;
        seen_products += !strcmp(op->op, "linear");
        if (omn_shape_equal(&v->shape, &tiles)) {
            ck_assert_str_eq(op->op, "linear");
            ck_assert_uint_eq(i, 1);
            seen_tiles++;
        } else {
            ck_assert_uint_eq(v->shape.rank, 2);
            seen_rows++;
        }
    }
    return reference_compute.cost(dev, op);
}

static omn_status never(void *queue, const omn_op_call *const *ops, uint32_t n, void **steps,
                        omn_error *err)
{
    (void)queue;
    (void)ops;
    (void)n;
    (void)steps;
    return omn_fail(err, OMN_ERR_UNSUPPORTED, "only looked at");
}

START_TEST(a_device_with_tiles_gets_them_for_products)
{
    static const int32_t ids[ROWS] = { 0, 32, 7 };
    omn_compute_impl device = reference_compute;
    device.describe = say_tiles;
    device.cost = look;
    device.prepare = never;
    fill();
    for (int shown = 0; shown < 2; shown++) {
        bool output = shown;
        omn_weights *w = matrices(true);
        omn_store *store;
        omn_memory m = { OMN_FILL(omn_memory) };
        ck_assert(omn_store_open(w, &store, NULL) == OMN_OK);
        rig own = open_over(store, &device), *r = &own;
        rig_feed_ids(r, "ids", omn_dim1(ROWS), ids);
        omn_graph *g = rig_graph(r, "g", build, &output);
        seen_products = seen_tiles = seen_rows = 0;
        ck_assert_int_eq(omn_exec_run(r->exec, g, r->feed, NULL, &r->err), OMN_ERR_UNSUPPORTED);
        ck_assert_uint_eq(seen_products, 2);
        ck_assert_uint_eq(seen_tiles, output ? 0 : 1); /* w, unless its rows are an output */
        ck_assert_uint_eq(seen_rows, output ? 3 : 2);  /* the table, for both that read it */
        omn_program_memory(r->program, &m);
        ck_assert_uint_eq(m.uploaded, (output ? 2 : 1) * sizeof half);
        r->err = (omn_error)OMN_ERROR_INIT;
        rig_close(r);
        omn_weights_close(w);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_device_without_tiles_gets_rows,
        a_device_with_tiles_gets_them_for_products,
    };
    return TESTING_RUN("graph/tiles", all, 20);
}
