/* SPDX-License-Identifier: Apache-2.0 */
/* What Unified-IO 2 is given, on its way to numbers: sound as patches beside recorded ones,
 * histories from lists and streams, two pictures that are not one; and the weights of the released
 * sizes by name and shape. */
#include "tests/testing.h"

#include "libcore/graph/inside.h"

#include <omnio/generate.h>
#include <omnio/kinds_of_values.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Small widths, real geometry. */
#define TINY                                                                                       \
    "{\"omnio\":{\"model\":\"uio2\"},"                                                             \
    "\"t5_config\":{\"emb_dim\":16,\"num_heads\":2,\"head_dim\":8,\"num_encoder_layers\":1,"       \
    "\"num_decoder_layers\":1,\"mlp_dim\":16},"                                                    \
    "\"image_vit_cfg\":{\"emb_dim\":16,\"num_heads\":2,\"head_dim\":8,\"num_layers\":2,"           \
    "\"mlp_dim\":16},"                                                                             \
    "\"audio_vit_cfg\":{\"emb_dim\":16,\"num_heads\":2,\"head_dim\":8,\"num_layers\":2,"           \
    "\"mlp_dim\":16},"                                                                             \
    "\"image_history_cfg\":{\"emb_dim\":16,\"num_heads\":2,\"head_dim\":8,\"mlp_dim\":16},"        \
    "\"audio_history_cfg\":{\"emb_dim\":16,\"num_heads\":2,\"head_dim\":8,\"mlp_dim\":16},"        \
    "\"image_vqgan\":{},\"audio_vqgan\":{}}"

/* The released sizes, as the official configurations write them. */
#define SIZE(D, H, K, MLP, E, N, F, COSINE)                                                        \
    "{\"omnio\":{\"model\":\"uio2\"},"                                                             \
    "\"t5_config\":{\"emb_dim\":" D ",\"num_heads\":" H ",\"head_dim\":" K                         \
    ",\"num_encoder_layers\":24,\"num_decoder_layers\":24,\"mlp_dim\":" MLP "},"                   \
    "\"image_history_cfg\":{\"emb_dim\":" E ",\"num_heads\":" N ",\"mlp_dim\":" F COSINE "},"      \
    "\"audio_history_cfg\":{\"emb_dim\":" E ",\"num_heads\":" N ",\"mlp_dim\":" F COSINE "},"      \
    "\"input_modalities\":[\"text\",\"image\",\"image_history\",\"audio\",\"audio_history\"],"     \
    "\"target_modalities\":[\"text\",\"image\",\"audio\"]}"
#define BY_ANGLE ",\"xattn_qk_norm\":false,\"xattn_scaled_cosine\":true"

typedef struct bench {
    omn_context *ctx;
    omn_call *call;
    omn_store *store;
    omn_model *model;
} bench;

static bench open_bench(const char *json, bool hollow)
{
    omn_error err = OMN_ERROR_INIT;
    bench b = { 0 };
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .only_plugin_path = true };
    ck_assert_msg(omn_context_new(&how, &b.ctx, &err) == OMN_OK, "%s", err.text);
    ck_assert_int_eq(omn_context_call(b.ctx, 0, 0, NULL, &b.call, &err), OMN_OK);
    ck_assert_int_eq(omn_store_new(7, NULL, true, &b.store, &err), OMN_OK);
    if (hollow) store_hollow(b.store);
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .store = b.store,
                                    .precision = OMN_PRECISION_F32 };
    ck_assert_msg(omn_model_open_text(b.ctx, json, "config", &setup, &b.model, &err) == OMN_OK,
                  "%s", err.text);
    return b;
}

static void close_bench(bench *b)
{
    omn_model_close(b->model);
    omn_store_free(b->store);
    omn_call_free(b->call);
    omn_context_free(b->ctx);
}

static omn_value *sound_of(const float *x, size_t n)
{
    omn_value *v = NULL;
    const omn_kind *kind = NULL;
    const double start = 0, rate = 16000;
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2((int64_t)n, 1), x),
        omn_fill("rate", OMN_F64, omn_dim0(), &rate),
        omn_fill("start", OMN_F64, omn_dim0(), &start),
    };
    ck_assert_int_eq(omn_kind_find(NULL, "audio", &kind, NULL), OMN_OK);
    ck_assert_int_eq(omn_value_make(kind, columns, 3, NULL, &v, NULL), OMN_OK);
    return v;
}

static omn_value *picture_of(uint8_t grey)
{
    omn_image *img = NULL;
    omn_pixels px;
    ck_assert_int_eq(omn_image_new(OMN_U8, 256, 256, 3, NULL, &img, &px, NULL), OMN_OK);
    memset((void *)(uintptr_t)px.data, grey, (size_t)256 * 256 * 3);
    return omn_image_give(img);
}

static omn_feed *prepared(bench *b, const char *role, const omn_value *v)
{
    omn_error err = OMN_ERROR_INIT;
    omn_feed *f = NULL;
    ck_assert_int_eq(omn_feed_make(&f, &err), OMN_OK);
    ck_assert_msg(omn_model_prepare(b->model, b->call, role, v, f, NULL, &err) == OMN_OK, "%s: %s",
                  role, err.text);
    return f;
}

static const omn_tensor *tensor(const omn_weights *w, const char *wave, const char *what)
{
    char name[96];
    snprintf(name, sizeof name, "%s.%s", wave, what);
    const omn_tensor *t = omn_weights_get(w, name);
    ck_assert_msg(t != NULL, "no %s", name);
    return t;
}

/* The recorded patches are those of the first segment, the mask is there for all. */
START_TEST(sound_becomes_the_recorded_patches)
{
    static const char *const waves[] = { "chirp", "noise_short", "speech", "tone_silence" };
    omn_weights *w = NULL;
    bench b = open_bench(TINY, false);
    ck_assert_int_eq(
        omn_weights_open(testing_source("tests/golden/codecs/mel.safetensors"), &w, NULL), OMN_OK);
    for (size_t i = 0; i < 4; i++) {
        const omn_tensor *wave = tensor(w, waves[i], "waveform");
        omn_value *v = sound_of(wave->data, (size_t)wave->shape.dim[0]);
        omn_feed *f = prepared(&b, "audio", v);
        const omn_tensor *patches = omn_feed_get(f, "patches"), *seg = omn_feed_get(f, "seg");
        const omn_tensor *mask = tensor(w, waves[i], "patch_mask");
        const size_t segments = (size_t)mask->shape.dim[0];
        const float *want = tensor(w, waves[i], "ast_input_first_patches")->data;
        const omn_shape shape = omn_dim2(128, 256);
        ck_assert(omn_shape_equal(&patches->shape, &shape));
        for (size_t k = 0; segments == 1 && k < 8 * 256; k++)
            ck_assert(fabsf(((const float *)patches->data)[k] - want[k]) < 1e-3f);
        ck_assert_int_eq(memcmp(seg->data, (const int32_t *)mask->data + (segments - 1) * 128,
                                128 * sizeof(int32_t)), 0);
        omn_feed_free(f);
        omn_value_unref(v);
    }
    omn_weights_close(w);
    close_bench(&b);
}
END_TEST

/* ---- histories ------------------------------------------------------------------------------ */

static omn_status give(void *self, uint64_t i, omn_value **out, omn_error *err)
{
    (void)err;
    ck_assert(i < 64);
    ((int *)self)[i]++;
    *out = picture_of((uint8_t)(i * 16));
    return OMN_OK;
}

/* The first number of each frame's first patch. */
static void first_of_frames(const omn_feed *f, size_t n, float *out)
{
    const omn_tensor *t = omn_feed_get(f, "item.patches");
    const omn_shape shape = omn_dim3((int64_t)n, 256, 768);
    ck_assert(omn_shape_equal(&t->shape, &shape));
    for (size_t i = 0; i < n; i++) out[i] = ((const float *)t->data)[i * 256 * 768];
}

/* Of eight pictures four are looked at, spread over them, and no other one is ever made. */
START_TEST(a_stream_of_pictures_is_looked_at_here_and_there)
{
    static const omn_stream_source from = { give, NULL };
    static const int want[8] = { 0, 1, 0, 1, 0, 1, 0, 1 };
    const uint64_t hash[2] = { 1, 2 };
    int asked[64] = { 0 };
    float x[4], y[4];
    omn_value *v = NULL, *list = NULL, *some[4];
    bench b = open_bench(TINY, false);
    ck_assert_int_eq(omn_stream_new(&from, asked, "image", 8, hash, 2, 0, &v, NULL), OMN_OK);
    omn_feed *f = prepared(&b, "image_history", v);
    ck_assert_int_eq(memcmp(asked, want, sizeof want), 0);
    first_of_frames(f, 4, x);
    const omn_tensor *seg = omn_feed_get(f, "seg");
    const omn_shape shape = omn_dim2(4, 32);
    ck_assert(omn_shape_equal(&seg->shape, &shape));
    for (int i = 0; i < 4 * 32; i++) ck_assert_int_eq(((const int32_t *)seg->data)[i], 1);
    omn_feed_free(f);
    omn_value_unref(v);
    for (int i = 0; i < 4; i++) some[i] = picture_of((uint8_t)((2 * i + 1) * 16));
    ck_assert_int_eq(omn_list_new(some, 4, &list, NULL), OMN_OK);
    f = prepared(&b, "image_history", list);
    first_of_frames(f, 4, y);
    ck_assert_int_eq(memcmp(x, y, sizeof x), 0);
    for (int i = 1; i < 4; i++) ck_assert(x[i] > x[i - 1]);
    omn_feed_free(f);
    f = prepared(&b, "image_history", some[2]);            /* one picture is a history of one */
    first_of_frames(f, 1, y);
    ck_assert(memcmp(&x[2], y, sizeof *x) == 0);
    omn_feed_free(f);
    for (int i = 0; i < 4; i++) omn_value_unref(some[i]);
    omn_value_unref(list);
    close_bench(&b);
}
END_TEST

/* Silence is a segment whose vectors are not real; a sound that is none is told. */
START_TEST(segments_of_sound_are_a_history)
{
    static float quiet[65280], loud[65280];
    omn_error err = OMN_ERROR_INIT;
    omn_value *v[2], *list = NULL, *none = NULL;
    bench b = open_bench(TINY, false);
    for (size_t i = 0; i < 65280; i++) loud[i] = (float)sin((double)i * 0.2) * 0.5f;
    v[0] = sound_of(loud, 65280);
    v[1] = sound_of(quiet, 65280);
    ck_assert_int_eq(omn_list_new(v, 2, &list, NULL), OMN_OK);
    omn_feed *f = prepared(&b, "audio_history", list);
    const int32_t *seg = omn_feed_get(f, "seg")->data;
    ck_assert_uint_eq(omn_feed_get(f, "seg")->bytes, 2 * 16 * sizeof *seg);
    for (int i = 0; i < 32; i++) ck_assert_int_eq(seg[i], i < 16);
    omn_feed_free(f);
    ck_assert_int_eq(omn_list_new(v, 0, &none, NULL), OMN_OK);
    ck_assert_int_eq(omn_feed_make(&f, NULL), OMN_OK);
    ck_assert_int_eq(omn_model_prepare(b.model, b.call, "audio_history", none, f, NULL, &err),
                     OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "nothing in it") != NULL, "%s", err.text);
    omn_value *picture = picture_of(9);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_model_prepare(b.model, b.call, "audio_history", picture, f, NULL, &err),
                     OMN_ERR_TYPE);
    ck_assert_msg(strstr(err.text, "item 0") != NULL, "%s", err.text);
    omn_feed_free(f);
    omn_value_unref(picture);
    omn_value_unref(none);
    omn_value_unref(list);
    omn_value_unref(v[0]);
    omn_value_unref(v[1]);
    close_bench(&b);
}
END_TEST

/* ---- several inputs of one role ------------------------------------------------------------- */

/* The memory of two pictures, of grey a and b; owned. */
static float *memory_of(bench *b, uint8_t a, uint8_t second, size_t *bytes)
{
    static const char *const roles[] = { "image", "image" };
    static const char *const ports[] = { "patches", "seg", "pos" };
    omn_error err = OMN_ERROR_INIT;
    const int64_t lengths[] = { 0, 0 };
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .phase = OMN_ENCODE, .rows = 1,
                                .roles = roles, .lengths = lengths, .n_roles = 2 };
    omn_graph *g = NULL;
    omn_exec *x = NULL;
    omn_feed *all = NULL;
    omn_tensor out;
    ck_assert_int_eq(omn_feed_make(&all, NULL), OMN_OK);
    for (int k = 0; k < 2; k++) {
        omn_value *v = picture_of(k ? second : a);
        omn_feed *f = prepared(b, "image", v);
        for (int i = 0; i < 3; i++) {
            char name[32];
            void *data = NULL;
            const omn_tensor *t = omn_feed_get(f, ports[i]);
            omn_shape shape = { .rank = t->shape.rank + 1, .dim = { 1 } };
            memcpy(shape.dim + 1, t->shape.dim, t->shape.rank * sizeof *shape.dim);
            snprintf(name, sizeof name, "image%s.%s", k ? "#2" : "", ports[i]);
            ck_assert_int_eq(omn_feed_new(all, name, t->type, shape, &data, NULL), OMN_OK);
            memcpy(data, t->data, t->bytes);
        }
        omn_feed_free(f);
        omn_value_unref(v);
    }
    ck_assert_msg(omn_model_graph(b->model, &z, &g, &err) == OMN_OK, "%s", err.text);
    ck_assert_int_eq(omn_exec_new(omn_model_program(b->model), &x, &err), OMN_OK);
    ck_assert_msg(omn_exec_run(x, g, all, b->call, &err) == OMN_OK, "%s", err.text);
    ck_assert_int_eq(omn_exec_output(x, g, "memory", &out, &err), OMN_OK);
    float *copy = testing_memory(out.bytes);
    memcpy(copy, out.data, out.bytes);
    *bytes = out.bytes;
    omn_exec_free(x);
    omn_feed_free(all);
    return copy;
}

START_TEST(a_second_picture_is_seen)
{
    size_t n = 0;
    bench b = open_bench(TINY, false);
    float *same = memory_of(&b, 20, 200, &n), *other = memory_of(&b, 20, 90, &n);
    double most = 0;
    for (size_t i = 0; i < n / sizeof *same; i++)
        most = fmax(most, fabs((double)same[i] - (double)other[i]));
    ck_assert_msg(most > 1e-3, "the memories differ by %g", most);
    close_bench(&b);
}
END_TEST

/* ---- released sizes ------------------------------------------------------------------------- */

/* How often a line with "{i}" stands for a layer. */
static int layers_of(const char *name)
{
    if (!strstr(name, "{i}")) return 1;
    if (!strncmp(name, "encoder.", 8) || !strncmp(name, "decoder.", 8)) return 24;
    return strstr(name, "resblocks") ? 11 : 2;
}

/* The weight of a line in layer i is in the store, of this shape ("1024x768"). */
static void is_there(const omn_store *s, const char *line, int i, const char *shape)
{
    char name[256], have[96] = "";
    const char *at = strstr(line, "{i}");
    if (at) snprintf(name, sizeof name, "%.*s%d%s", (int)(at - line), line, i, at + 3);
    else snprintf(name, sizeof name, "%s", line);
    const long number = omn_store_find(s, name);
    ck_assert_msg(number >= 0, "%s is not there", name);
    const omn_tensor t = omn_store_tensor(s, (size_t)number);
    size_t used = 0;
    for (uint32_t d = 0; d < t.shape.rank; d++)
        used += (size_t)snprintf(have + used, sizeof have - used, "%s%lld", d ? "x" : "",
                                 (long long)t.shape.dim[d]);
    ck_assert_msg(!strcmp(have, shape), "%s is %s, not %s", name, have, shape);
}

/* All lines of column 1, 2 or 3 against the weights that a configuration declares, without those of
 * the decoders of pictures and sound, which only training reads. */
static void declares(const char *json, int column, size_t tensors, uint64_t parameters)
{
    omn_error err = OMN_ERROR_INIT;
    uint64_t all = 0;
    char line[256], shape[3][32];
    bench b = open_bench(json, true);
    ck_assert_msg(omn_model_declare(b.model, &err) == OMN_OK, "%s", err.text);
    FILE *f = fopen(testing_source("tests/models/uio2-weights.txt"), "r");
    ck_assert(f != NULL);
    while (fscanf(f, "%255s %31s %31s %31s", line, shape[0], shape[1], shape[2]) == 4)
        for (int i = 0; i < layers_of(line) && strcmp(shape[column], "-"); i++)
            is_there(b.store, line, i, shape[column]);
    fclose(f);
    for (size_t i = 0; i < omn_store_count(b.store); i++) {
        size_t n = 0;
        const omn_tensor t = omn_store_tensor(b.store, i);
        ck_assert(omn_shape_count(&t.shape, &n));
        all += n;
    }
    ck_assert_uint_eq(omn_store_count(b.store), tensors);
    ck_assert_uint_eq(all, parameters);
    close_bench(&b);
}

START_TEST(weights_of_the_released_sizes)
{
    declares(SIZE("1024", "16", "64", "2816", "768", "12", "2048", ""), 0, 1123, 962110208);
    declares(SIZE("2048", "16", "128", "5120", "1024", "16", "4096", ""), 1, 1123, 3056929536);
    declares(SIZE("3072", "24", "128", "8192", "1024", "16", "4096", BY_ANGLE), 2, 1119,
             6745690432);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        sound_becomes_the_recorded_patches,
        a_stream_of_pictures_is_looked_at_here_and_there,
        segments_of_sound_are_a_history,
        a_second_picture_is_seen,
        weights_of_the_released_sizes,
    };
    return TESTING_RUN("models/inputs", all, 30);
}
