/* SPDX-License-Identifier: Apache-2.0 */
/* A VQGAN that is learnt: its codebook begins as a grid, the loss is that of the pictures it puts
 * out, in double precision, gradients of the way back are those of finite differences, and they
 * pass the choice of an entry as if it were not there. */
#include "libcore/generate/open.h"

#include "tests/testing.h"

#include <omnio/train.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 16, B = 2, PIXELS = B * SIDE * SIDE * 3 };

static const char *const config =
    "{\"omnio\": {\"model\": \"vqgan\", \"groups\": 4, \"grid\": 3}, \"embed_dim\": 2, "
    "\"n_embed\": 9, \"ddconfig\": {\"ch\": 8, \"ch_mult\": [1, 2, 2], \"num_res_blocks\": 1, "
    "\"attn_resolutions\": [4], \"resolution\": 16, \"z_channels\": 8}}";

typedef struct rig {
    omn_context *ctx;
    omn_call *call;
    omn_store *store;
    omn_model *model;
    omn_exec *exec;
    omn_graph *graph;
    omn_feed *feed;
} rig;

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static void rig_open(rig *r, const char *const *frozen, size_t n_frozen)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .only_plugin_path = true };
    *r = (rig){ 0 };
    WORKS(omn_context_new(&how, &r->ctx, &err));
    WORKS(omn_context_call(r->ctx, 0, 0, NULL, &r->call, &err));
    WORKS(omn_store_new(7, NULL, true, &r->store, &err));
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .store = r->store, .training = true,
                                    .precision = OMN_PRECISION_F32 };
    WORKS(omn_model_open_text(r->ctx, config, "config", &setup, &r->model, &err));
    WORKS(omn_feed_make(&r->feed, &err));
    WORKS(omn_exec_new(omn_model_program(r->model), &r->exec, &err));
    omn_part *const *list = NULL;
    const omn_part *loss = NULL;
    const size_t n = omn_model_parts(r->model, &list);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(omn_part_role(list[i]), "loss")) loss = list[i];
    ck_assert_ptr_nonnull(loss);
    const char *role = "image";
    const int64_t length = 0;
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = B,
                                .roles = &role, .lengths = &length, .n_roles = 1, .output = "",
                                .labels = true, .objective = loss, .frozen = frozen,
                                .n_frozen = n_frozen };
    WORKS(omn_model_graph(r->model, &z, &r->graph, &err));
    void *data = NULL;
    WORKS(omn_feed_new(r->feed, "image.pixels", OMN_F32, omn_dim4(B, SIDE, SIDE, 3), &data, &err));
    for (int i = 0; i < PIXELS; i++)
        ((float *)data)[i] = (float)(omn_random_at(1, 2, (uint64_t)i) >> 40) * 0x1p-23f - 1;
}

static void rig_close(rig *r)
{
    omn_exec_free(r->exec);
    omn_feed_free(r->feed);
    omn_model_close(r->model);
    omn_store_free(r->store);
    omn_call_free(r->call);
    omn_context_free(r->ctx);
}

static const float *output(rig *r, const char *name, size_t *n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_tensor t;
    WORKS(omn_exec_output(r->exec, r->graph, name, &t, &err));
    if (n) *n = t.bytes / sizeof(float);
    return t.data;
}

static double loss_now(rig *r)
{
    omn_error err = OMN_ERROR_INIT;
    WORKS(omn_exec_run(r->exec, r->graph, r->feed, r->call, &err));
    return (double)*output(r, "loss", NULL);
}

static bool has(const rig *r, const char *name)
{
    for (size_t i = 0; i < omn_graph_outputs(r->graph); i++)
        if (!strcmp(omn_graph_output_name(r->graph, i), name)) return true;
    return false;
}

START_TEST(a_codebook_begins_as_a_grid)
{
    rig r;
    rig_open(&r, NULL, 0);
    const long at = omn_store_find(r.store, "quantize.embedding.weight");
    ck_assert_int_ge(at, 0);
    const float *book = omn_store_data(r.store, (size_t)at);
    for (int row = 0; row < 9; row++) {
        ck_assert_float_eq(book[2 * row], (float)(row / 3 - 1));
        ck_assert_float_eq(book[2 * row + 1], (float)(row % 3 - 1));
    }
    rig_close(&r);
}
END_TEST

/* Mean |d|, mean d^2, mean differences of neighbours both ways, a quarter of what vectors lie off:
 * float32 sums of 1,536 numbers of size 1 stay within 1e-5. */
START_TEST(the_loss_is_that_of_its_pictures)
{
    rig r;
    double sum[5] = { 0 };
    size_t n_off = 0;
    rig_open(&r, NULL, 0);
    const double loss = loss_now(&r);
    const float *a = output(&r, "wanted.image", NULL), *b = output(&r, "made.image", NULL);
    const float *off = output(&r, "off.image", &n_off);
    for (int i = 0; i < PIXELS; i++) {
        const int x = i / 3 % SIDE, y = i / 3 / SIDE % SIDE;
        const double d = (double)b[i] - (double)a[i];
        sum[0] += fabs(d) / PIXELS;
        sum[1] += d * d / PIXELS;
        if (y)
            sum[2] += fabs(d - ((double)b[i - 3 * SIDE] - (double)a[i - 3 * SIDE])) /
                (PIXELS / SIDE * (SIDE - 1));
        if (x) sum[3] += fabs(d - ((double)b[i - 3] - (double)a[i - 3])) /
            (PIXELS / SIDE * (SIDE - 1));
    }
    for (size_t i = 0; i < n_off; i++)
        sum[4] += 0.25 * (double)off[i] * (double)off[i] / (double)n_off;
    ck_assert_uint_eq(n_off, B * 4 * 4 * 2);
    ck_assert_double_eq_tol(loss, sum[0] + sum[1] + sum[2] + sum[3] + sum[4], 1e-5);
    ck_assert_double_gt(sum[4], 0);
    rig_close(&r);
}
END_TEST

/* Behind the codebook the loss is smooth but for the corners of |d|: a step of 1e-3 in a bias of
 * the last convolution, gradients within 2 %. */
START_TEST(gradients_are_those_of_differences)
{
    static const char *const names[] = { "decoder.conv_out.bias", "post_quant_conv.weight" };
    rig r;
    rig_open(&r, NULL, 0);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < 3; i++) {
            char name[64];
            omn_format(name, sizeof name, "grad:%s", names[k]);
            const long at = omn_store_find(r.store, names[k]);
            ck_assert_int_ge(at, 0);
            float *w = omn_store_data(r.store, (size_t)at) + i;
            const float was = *w, step = 1e-3f;
            loss_now(&r);
            const double slope = (double)output(&r, name, NULL)[i];
            *w = was + step;
            const double up = loss_now(&r);
            *w = was - step;
            const double down = loss_now(&r);
            *w = was;
            const double want = (up - down) / (2 * (double)step);
            ck_assert_msg(fabs(slope - want) <= 0.02 * fabs(want) + 2e-3, "%s %zu: %g, not %g",
                          name, i, slope, want);
        }
    rig_close(&r);
}
END_TEST

/* The choice of an entry has no slope; the vector's stands for it. */
START_TEST(gradients_pass_the_choice_of_an_entry)
{
    static const char *const book[] = { "quantize.**" };
    rig r;
    size_t n = 0;
    double sum = 0;
    rig_open(&r, book, 1);
    loss_now(&r);
    const float *g = output(&r, "grad:encoder.conv_in.weight", &n);
    for (size_t i = 0; i < n; i++) sum += fabs((double)g[i]);
    ck_assert_double_gt(sum, 1e-4);
    ck_assert(!has(&r, "grad:quantize.embedding.weight"));
    rig_close(&r);
    rig_open(&r, NULL, 0);
    ck_assert(has(&r, "grad:quantize.embedding.weight"));
    rig_close(&r);
}
END_TEST

START_TEST(configurations_that_cannot_be)
{
    static const struct { const char *was, *is, *why; } wrong[] = {
        { "\"n_embed\": 9", "\"n_embed\": 10", "grid" },
        { "\"grid\": 3", "\"grid\": 1", "grid" },
        { "[1, 2, 2]", "[1, 0, 2]", "ch_mult" },
        { "\"embed_dim\": 2, ", "", "embed_dim" },
        { "\"attn_resolutions\": [4]", "\"attn_resolutions\": [5]", "attention" },
    };
    rig r;
    rig_open(&r, NULL, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[600];
        omn_error err = OMN_ERROR_INIT;
        omn_model *m = NULL;
        const char *at = strstr(config, wrong[i].was);
        ck_assert_ptr_nonnull(at);
        omn_format(text, sizeof text, "%.*s%s%s", (int)(at - config), config, wrong[i].is,
                   at + strlen(wrong[i].was));
        const omn_model_setup how = { OMN_FILL(omn_model_setup), .hollow = true };
        ck_assert_int_ne(omn_model_open_text(r.ctx, text, "config", &how, &m, &err), OMN_OK);
        ck_assert_msg(strstr(err.text, wrong[i].why) != NULL, "%s", err.text);
    }
    rig_close(&r);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_codebook_begins_as_a_grid,
        the_loss_is_that_of_its_pictures,
        gradients_are_those_of_differences,
        gradients_pass_the_choice_of_an_entry,
        configurations_that_cannot_be,
    };
    return TESTING_RUN("train/codec", all, 60);
}
