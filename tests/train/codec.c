/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs that are learnt, a VQGAN of pictures and a ViT-VQGAN of sounds: their codebooks begin as a
 * grid, the loss is that of what they put out, in double precision, gradients of the way back are
 * those of finite differences, and they pass the choice of an entry as if it were not there; what
 * is taught are the codes that the decoder makes. */
#include "libcore/generate/open.h"

#include "tests/testing.h"

#include <omnio/train.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One of the two. height, width, channels: of what comes back, of which there are B. */
enum { B = 2, MOST = 2048 };
typedef struct family {
    const char *config, *role, *port;
    omn_shape shape;
    int height, width, channels, places, embed;
    const char *smooth[2];                /* weights behind the codebook */
    const char *first;                    /* one before it */
} family;

static const family pictures = {
    "{\"omnio\": {\"model\": \"vqgan\", \"groups\": 4, \"grid\": 3}, \"embed_dim\": 2, "
    "\"n_embed\": 9, \"ddconfig\": {\"ch\": 8, \"ch_mult\": [1, 2, 2], \"num_res_blocks\": 1, "
    "\"attn_resolutions\": [4], \"resolution\": 16, \"z_channels\": 8}}",
    "image", "image.pixels", { 4, { B, 16, 16, 3 } }, 16, 16, 3, 16, 2,
    { "decoder.conv_out.bias", "post_quant_conv.weight" }, "encoder.conv_in.weight" };

static const family sounds = {
    "{\"omnio\": {\"model\": \"vitvqgan\", \"book\": \"corners\", \"silent\": \"least\"}, "
    "\"vocab_size\": 16, \"proj_dim\": 4, \"default_input_size\": [12, 16], "
    "\"patch_size\": [4, 4], \"encoder_hidden_size\": 16, \"encoder_num_layers\": 1, "
    "\"encoder_mlp_dim\": 24, \"encoder_num_heads\": 2, \"encoder_head_dim\": 8, "
    "\"decoder_num_layers\": 1, \"decoder_mlp_dim\": 24, \"decoder_num_heads\": 2, "
    "\"decoder_head_dim\": 8}",
    "audio", "audio.spectrogram", { 3, { B, 16, 12 } }, 16, 12, 1, 12, 4,
    { "decoder.conv_transpose.weight", "decoder.decoder_proj.weight" },
    "encoder.embedding.weight" };

typedef struct rig {
    const family *f;
    omn_context *ctx;
    omn_call *call;
    omn_store *store;
    omn_model *model;
    omn_exec *exec;
    omn_graph *graph;
    omn_feed *feed;
} rig;

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static void rig_open(rig *r, const family *f, const char *const *frozen, size_t n_frozen)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .only_plugin_path = true };
    *r = (rig){ .f = f };
    WORKS(omn_context_new(&how, &r->ctx, &err));
    WORKS(omn_context_call(r->ctx, 0, 0, NULL, &r->call, &err));
    WORKS(omn_store_new(7, NULL, true, &r->store, &err));
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .store = r->store, .training = true,
                                    .precision = OMN_PRECISION_F32 };
    WORKS(omn_model_open_text(r->ctx, f->config, "config", &setup, &r->model, &err));
    WORKS(omn_feed_make(&r->feed, &err));
    WORKS(omn_exec_new(omn_model_program(r->model), &r->exec, &err));
    omn_part *const *list = NULL;
    const omn_part *loss = NULL;
    const size_t n = omn_model_parts(r->model, &list);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(omn_part_role(list[i]), "loss")) loss = list[i];
    ck_assert_ptr_nonnull(loss);
    const int64_t length = 0;
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_TEACH, .rows = B,
                                .roles = &f->role, .lengths = &length, .n_roles = 1, .output = "",
                                .labels = true, .objective = loss, .frozen = frozen,
                                .n_frozen = n_frozen };
    WORKS(omn_model_graph(r->model, &z, &r->graph, &err));
    const int all = B * f->height * f->width * f->channels;
    void *data = NULL;
    WORKS(omn_feed_new(r->feed, f->port, OMN_F32, f->shape, &data, &err));
    for (int i = 0; i < all; i++)
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

/* name: "%s" of it is the role. */
static const float *output(rig *r, const char *name, size_t *n)
{
    char full[64];
    omn_error err = OMN_ERROR_INIT;
    omn_tensor t;
    const char *cut = strstr(name, "%s");
    omn_format(full, sizeof full, "%.*s%s", cut ? (int)(cut - name) : 60, name,
               cut ? r->f->role : "");
    WORKS(omn_exec_output(r->exec, r->graph, full, &t, &err));
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

static const float *book(rig *r)
{
    const long at = omn_store_find(r->store, "quantize.embedding.weight");
    ck_assert_int_ge(at, 0);
    return omn_store_data(r->store, (size_t)at);
}

START_TEST(a_codebook_begins_as_a_grid)
{
    rig r;
    rig_open(&r, &pictures, NULL, 0);
    for (int row = 0; row < 9; row++) {
        ck_assert_float_eq(book(&r)[2 * row], (float)(row / 3 - 1));
        ck_assert_float_eq(book(&r)[2 * row + 1], (float)(row % 3 - 1));
    }
    rig_close(&r);
    rig_open(&r, &sounds, NULL, 0);
    for (int i = 0; i < 64; i++)
        ck_assert_float_eq(book(&r)[i], i / 4 >> (3 - i % 4) & 1 ? 1.0f : -1.0f);
    rig_close(&r);
}
END_TEST

/* Mean |d|, mean d^2, mean differences of neighbours both ways, a quarter of what vectors lie off:
 * float32 sums of at most 1,536 numbers of size 1 stay within 1e-5. */
static void loss_of(const family *f)
{
    rig r;
    double sum[5] = { 0 };
    size_t n_off = 0;
    const int C = f->channels, W = f->width, H = f->height, all = B * H * W * C;
    rig_open(&r, f, NULL, 0);
    const double loss = loss_now(&r);
    const float *a = output(&r, "wanted.%s", NULL), *b = output(&r, "made.%s", NULL);
    const float *off = output(&r, "off.%s", &n_off);
    for (int i = 0; i < all; i++) {
        const int x = i / C % W, y = i / C / W % H;
        const double d = (double)b[i] - (double)a[i];
        sum[0] += fabs(d) / all;
        sum[1] += d * d / all;
        if (y)
            sum[2] += fabs(d - ((double)b[i - C * W] - (double)a[i - C * W])) / (all / H * (H - 1));
        if (x) sum[3] += fabs(d - ((double)b[i - C] - (double)a[i - C])) / (all / W * (W - 1));
    }
    for (size_t i = 0; i < n_off; i++)
        sum[4] += 0.25 * (double)off[i] * (double)off[i] / (double)n_off;
    ck_assert_uint_eq(n_off, (size_t)(B * f->places * f->embed));
    ck_assert_double_eq_tol(loss, sum[0] + sum[1] + sum[2] + sum[3] + sum[4], 1e-5);
    ck_assert_double_gt(sum[4], 0);
    rig_close(&r);
}

START_TEST(the_loss_is_that_of_what_comes_back)
{
    loss_of(&pictures);
    loss_of(&sounds);
}
END_TEST

/* Behind the codebook the loss is smooth but for the corners of |d|: a step of 1e-3, gradients
 * within 2 %. */
static void gradients_of(const family *f)
{
    rig r;
    rig_open(&r, f, NULL, 0);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < 3; i++) {
            char name[64];
            omn_format(name, sizeof name, "grad:%s", f->smooth[k]);
            const long at = omn_store_find(r.store, f->smooth[k]);
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

START_TEST(gradients_are_those_of_differences)
{
    gradients_of(&pictures);
    gradients_of(&sounds);
}
END_TEST

/* The choice of an entry has no slope; the vector's stands for it. */
static void passes(const family *f)
{
    static const char *const stays[] = { "quantize.**" };
    rig r;
    size_t n = 0;
    double sum = 0;
    char name[64];
    omn_format(name, sizeof name, "grad:%s", f->first);
    rig_open(&r, f, stays, 1);
    loss_now(&r);
    const float *g = output(&r, name, &n);
    for (size_t i = 0; i < n; i++) sum += fabs((double)g[i]);
    ck_assert_double_gt(sum, 1e-4);
    ck_assert(!has(&r, "grad:quantize.embedding.weight"));
    rig_close(&r);
    rig_open(&r, f, NULL, 0);
    ck_assert(has(&r, "grad:quantize.embedding.weight"));
    rig_close(&r);
}

START_TEST(gradients_pass_the_choice_of_an_entry)
{
    passes(&pictures);
    passes(&sounds);
}
END_TEST

/* What the model's decoder makes of the same values, by its own graph. */
static void build_codes(void *user, omn_scope *s, omn_bundle *out)
{
    rig *r = user;
    omn_part *const *list = NULL;
    const size_t n = omn_model_parts(r->model, &list);
    for (size_t i = 0; i < n; i++) {
        const void *impl = NULL;
        const void *self = omn_part_self(list[i], "omnio.decoder/1", &impl);
        if (!impl) continue;
        const omn_decoder_impl *d = impl;
        omn_bundle *in = omn_bundle_new(s);
        omn_bundle_put(in, s, strchr(r->f->port, '.') + 1,
                       omn_input(s, r->f->port, OMN_F32, r->f->shape));
        omn_bundle_put(out, s, "codes", d->tokenize(self, omn_part_scope(list[i], s), in));
    }
}

/* The entries that stand for vectors are those of the decoder's codes. */
static void codes_of(const family *f)
{
    rig r;
    omn_error err = OMN_ERROR_INIT;
    omn_graph *own = NULL, *seen = NULL;
    omn_tensor t;
    const int n = B * f->places;
    float entries[MOST];
    int other = 0;
    rig_open(&r, f, NULL, 0);
    const int64_t length = 0;
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_EMBED, .rows = B,
                                .roles = &f->role, .lengths = &length, .n_roles = 1,
                                .output = "" };
    char name[64];
    omn_format(name, sizeof name, "tokens.%s", f->role);
    WORKS(omn_model_graph(r.model, &z, &seen, &err));
    WORKS(omn_exec_run(r.exec, seen, r.feed, r.call, &err));
    WORKS(omn_exec_output(r.exec, seen, name, &t, &err));
    ck_assert_uint_eq(t.bytes, (size_t)(n * f->embed) * sizeof(float));
    memcpy(entries, t.data, t.bytes);
    WORKS(omn_program_graph(omn_model_program(r.model), "codes", build_codes, &r, &own, &err));
    WORKS(omn_exec_run(r.exec, own, r.feed, r.call, &err));
    WORKS(omn_exec_output(r.exec, own, "codes", &t, &err));
    const int32_t *codes = t.data;
    ck_assert_uint_eq(t.bytes, (size_t)n * sizeof *codes);
    for (int i = 0; i < n; i++) {
        const float *e = book(&r) + codes[i] * f->embed;
        double length_of = 0;
        for (int d = 0; d < f->embed; d++) length_of += (double)e[d] * (double)e[d];
        if (f == &pictures) length_of = 1; /* these are taken as they are */
        for (int d = 0; d < f->embed; d++)
            ck_assert_double_eq_tol((double)entries[i * f->embed + d],
                                    (double)e[d] / sqrt(length_of), 1e-6);
        other += codes[i] != codes[0];
    }
    ck_assert_int_gt(other, 0);
    rig_close(&r);
}

START_TEST(codes_are_those_of_the_decoder)
{
    codes_of(&pictures);
    codes_of(&sounds);
}
END_TEST

START_TEST(configurations_that_cannot_be)
{
    static const struct { const family *f; const char *was, *is, *why; } wrong[] = {
        { &pictures, "\"n_embed\": 9", "\"n_embed\": 10", "grid" },
        { &pictures, "\"grid\": 3", "\"grid\": 1", "grid" },
        { &pictures, "[1, 2, 2]", "[1, 0, 2]", "ch_mult" },
        { &pictures, "\"embed_dim\": 2, ", "", "embed_dim" },
        { &pictures, "\"attn_resolutions\": [4]", "\"attn_resolutions\": [5]", "attention" },
        { &sounds, "\"vocab_size\": 16", "\"vocab_size\": 18", "corners" },
        { &sounds, "corners", "round", "free" },
        { &sounds, "\"patch_size\": [4, 4]", "\"patch_size\": [4, 2]", "patch_size" },
        { &sounds, "[12, 16]", "[14, 16]", "squares" },
        { &sounds, "\"decoder_num_layers\"", "\"decoder_hidden_size\": 8, \"decoder_num_layers\"",
          "decoder_hidden_size" },
    };
    rig r;
    rig_open(&r, &pictures, NULL, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[600];
        omn_error err = OMN_ERROR_INIT;
        omn_model *m = NULL;
        const char *config = wrong[i].f->config, *at = strstr(config, wrong[i].was);
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
        the_loss_is_that_of_what_comes_back,
        gradients_are_those_of_differences,
        gradients_pass_the_choice_of_an_entry,
        codes_are_those_of_the_decoder,
        configurations_that_cannot_be,
    };
    return TESTING_RUN("train/codec", all, 60);
}
