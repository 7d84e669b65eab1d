/* SPDX-License-Identifier: Apache-2.0 */
/* Unified-IO 1 against the original program: whole answers as they are taught, with everything
 * inside the first layers, packed ones and parts of a picture, gradients, options, texts by one
 * beam and by several, behind ends as well, pictures drawn and likeliest, the network of the codes,
 * on every path of kernels. And what its encoder makes of pictures, and its own files. */
#include "verified.h"

#include <omnio/generate.h>
#include <omnio/kinds.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)
#define GOLDEN      "tests/golden/uio1/"

static const char *golden(const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, GOLDEN "%s.%s.safetensors", model, name);
    return testing_source(path);
}

/* The second size on the best path alone, unless all is asked for. */
static void passes(const char *name, size_t least)
{
    omn_error err = OMN_ERROR_INIT;
    seen s = { 0 };
    verified_passes("tiny_a", name, golden("tiny_a", name), least);
    if (testing_all()) verified_passes("tiny_b", name, golden("tiny_b", name), least);
    else WORKS(verified_run("amx", golden("tiny_b", name), &s, &err));
    ck_assert_msg(!s.wrong, "tiny_b %s: %s", name, s.first);
}

START_TEST(whole_answers)
{
    passes("forward", 15);
    passes("batch2", 14);
    verified_passes("tiny_a", "full", golden("tiny_a", "full"), 3);
}
END_TEST

START_TEST(packed_answers_and_parts_of_a_picture)
{
    passes("packed", 11);
    passes("subsampled", 12);
}
END_TEST

START_TEST(pictures_of_other_sizes)
{
    verified_passes("tiny_b", "pos_resize_5", golden("tiny_b", "pos_resize_5"), 3);
    verified_passes("tiny_b", "pos_resize_8", golden("tiny_b", "pos_resize_8"), 3);
    passes("tables", 3);
}
END_TEST

START_TEST(gradients)
{
    passes("grads", 80);
}
END_TEST

START_TEST(options)
{
    passes("answer_options", 4);
}
END_TEST

START_TEST(texts)
{
    passes("generate_text", 5);
    passes("generate_eos", 5);
    passes("generate_beam", 3);
    verified_passes("tiny_a", "generate_locations", golden("tiny_a", "generate_locations"), 9);
}
END_TEST

START_TEST(pictures)
{
    passes("generate_image", 8);
    passes("sample_image", 6);
    passes("vqgan", 10);
}
END_TEST

START_TEST(a_wrong_number_is_found)
{
    static const struct { const char *name, *stage; change c; } list[] = {
        { "forward", "enc.rel_bias",
          { .tensor = "out.enc.rel_bias", .element = 7, .times = 1, .plus = 2e-4 } },
        { "forward", "dec.layer_2",
          { .tensor = "out.dec.layer_2", .element = 40, .times = 1, .plus = 2e-4 } },
        { "generate_eos", "tokens", { .tensor = "out.tokens", .element = 6, .plus = 1 } },
        { "generate_beam", "scores", { .tensor = "out.scores", .times = 1, .plus = 1e-3 } },
        { "sample_image", "codes", { .tensor = "out.codes", .element = 3, .plus = 1 } },
        { "sample_image", "kept", { .tensor = "out.kept", .element = 5, .plus = 1 } },
        { "generate_locations", "boxes.1",
          { .tensor = "out.boxes.1", .element = 2, .times = 1, .plus = 0.1 } },
    };
    const char *folder = testing_folder();
    verified_changed(folder, golden("tiny_a", "weights"), NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        verified_finds(folder, golden("tiny_a", list[i].name), &list[i].c, list[i].stage);
    }
}
END_TEST

/* ---- pictures as the encoder sees them ------------------------------------------------------- */

typedef struct opened {
    omn_context *ctx;
    omn_model *model;
    omn_call *call;
} opened;

static void open_hollow(opened *o, const char *config)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 2,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .hollow = true };
    WORKS(omn_context_new(&how, &o->ctx, &err));
    WORKS(omn_model_open_text(o->ctx, config, "pictures", &setup, &o->model, &err));
    WORKS(omn_context_call(o->ctx, 0, 0, NULL, &o->call, &err));
}

static void close_opened(opened *o)
{
    omn_call_free(o->call);
    omn_model_close(o->model);
    omn_context_free(o->ctx);
}

static omn_value *image_of(omn_type type, uint32_t w, uint32_t h, uint32_t channels,
                           omn_pixels *px)
{
    omn_error err = OMN_ERROR_INIT;
    omn_image *img = NULL;
    WORKS(omn_image_new(type, w, h, channels, NULL, &img, px, &err));
    return omn_image_give(img);
}

/* The picture of that size that the file gives by a formula, with an opaque alpha or none. */
static omn_value *formula(uint32_t w, uint32_t h, uint32_t channels, omn_pixels *px)
{
    omn_value *v = image_of(OMN_U8, w, h, channels, px);
    for (uint32_t i = 0; i < w * h * channels; i++) {
        const uint32_t y = i / channels / w, x = i / channels % w, c = i % channels;
        ((uint8_t *)px->data)[i] =
            c == 3 ? 255 : (uint8_t)(7 * y * (c + 1) + 13 * x + x * y / (c + 3) + 5 * c);
    }
    return v;
}

static const omn_tensor *tensor(const omn_weights *w, const char *name, const char *of)
{
    char full[64];
    snprintf(full, sizeof full, "%s.%s", name, of);
    const omn_tensor *t = omn_weights_get(w, full);
    ck_assert_msg(t != NULL, "no %s", full);
    return t;
}

static float real(const omn_tensor *t, size_t i)
{
    float x;
    memcpy(&x, (const char *)t->data + i * sizeof x, sizeof x);
    return x;
}

static int32_t whole(const omn_tensor *t, size_t i)
{
    int32_t x;
    memcpy(&x, (const char *)t->data + i * sizeof x, sizeof x);
    return x;
}

/* What stands at pixel (y, x) of the patches; false: it was left out. */
static bool seen_at(const omn_feed *f, int64_t columns, int64_t P, int64_t y, int64_t x,
                    const float **out)
{
    const omn_tensor *pos = omn_feed_get(f, "pos"), *seg = omn_feed_get(f, "seg");
    const float *data = omn_feed_get(f, "patches")->data;
    const int64_t patch = y / P * columns + x / P;
    for (int64_t i = 0; i < pos->shape.dim[0]; i++)
        if (((const int32_t *)pos->data)[i] == patch && ((const int32_t *)seg->data)[i]) {
            *out = data + (i * P * P + y % P * P + x % P) * 3;
            return true;
        }
    return false;
}

/* The mask of patches of the file is who is there. */
static void same_mask(const omn_feed *f, const omn_tensor *want, int64_t columns, int64_t P)
{
    const float *x = NULL;
    const size_t n = want->bytes / 4;
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(seen_at(f, columns, P, (int64_t)i / columns * P, (int64_t)i % columns * P,
                              &x) == (whole(want, i) != 0), "patch %zu", i);
}

static const float means[3] = { 0.485f, 0.456f, 0.406f }, devs[3] = { 0.229f, 0.224f, 0.225f };

/* Pictures of 32 pixels before colours are shifted: 2e-6 (spec uio1), times what shifting divides
 * by, and its rounding. */
static void small(const opened *o, const omn_weights *w, const char *name, bool bytes)
{
    omn_error err = OMN_ERROR_INIT;
    omn_feed *f = NULL;
    omn_pixels px;
    omn_frame frame;
    const omn_tensor *in = tensor(w, bytes ? "in.small" : "in.small_float", name);
    const omn_tensor *want = tensor(w, "out.small", name);
    const omn_tensor *size = tensor(w, "out.small_size", name);
    omn_value *v = image_of(bytes ? OMN_U8 : OMN_F32, (uint32_t)in->shape.dim[1],
                            (uint32_t)in->shape.dim[0], 3, &px);
    for (size_t i = 0; i < in->bytes / 4; i++) {
        if (bytes) ((uint8_t *)px.data)[i] = (uint8_t)whole(in, i);
        else ((float *)px.data)[i] = real(in, i);
    }
    WORKS(omn_feed_make(&f, &err));
    WORKS(omn_model_prepare(o->model, o->call, "image", v, f, &frame, &err));
    ck_assert_uint_eq(frame.width, (uint32_t)in->shape.dim[1]);
    for (int64_t i = 0; i < 32 * 32; i++) {
        const int64_t y = i / 32, x = i % 32;
        const float *got = NULL;
        const bool inside = y < whole(size, 0) && x < whole(size, 1);
        const bool there = seen_at(f, 8, 4, y, x, &got);
        ck_assert_msg(there || !inside, "%s: pixel %d %d is left out", name, (int)x, (int)y);
        for (size_t k = 0; there && k < 3; k++)
            ck_assert_float_eq_tol(got[k] * devs[k] + means[k], real(want, (size_t)i * 3 + k),
                                   3e-6f);
    }
    omn_feed_free(f);
    omn_value_unref(v);
}

START_TEST(small_pictures)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    opened o;
    open_hollow(&o, "{\"omnio\": {\"model\": \"uio1\", \"size\": \"small\", \"image_size\": "
                    "[32, 32]}, \"image_patch_size\": 4}");
    WORKS(omn_weights_open(testing_source(GOLDEN "preprocess.safetensors"), &w, &err));
    small(&o, w, "up", true);
    small(&o, w, "down", true);
    small(&o, w, "tall", true);
    small(&o, w, "short", true);
    small(&o, w, "same", false);
    omn_weights_close(w);
    close_opened(&o);
}
END_TEST

/* Every twelfth pixel of 384: 1e-5 behind the shift of colours. What is padded is the file's black,
 * and left out where a whole patch of it would stand. */
static void published(const opened *o, const omn_weights *w, const char *name)
{
    omn_error err = OMN_ERROR_INIT;
    omn_feed *f = NULL;
    omn_pixels px;
    const omn_tensor *hw = tensor(w, "in.hw", name), *want = tensor(w, "out.image", name);
    omn_value *v = formula((uint32_t)whole(hw, 1), (uint32_t)whole(hw, 0), 3, &px);
    WORKS(omn_feed_make(&f, &err));
    WORKS(omn_model_prepare(o->model, o->call, "image", v, f, NULL, &err));
    same_mask(f, tensor(w, "out.patch_mask", name), 24, 16);
    for (int64_t i = 0; i < 32 * 32; i++) {
        const float *got = NULL;
        if (!seen_at(f, 24, 16, i / 32 * 12, i % 32 * 12, &got)) continue;
        for (size_t k = 0; k < 3; k++)
            ck_assert_float_eq_tol(got[k], real(want, (size_t)i * 3 + k), 1e-5f);
    }
    omn_feed_free(f);
    omn_value_unref(v);
}

/* A part that nobody looks at shows its own colours in the patches beside it. */
static void with_a_hole(const opened *o, const omn_weights *w)
{
    omn_error err = OMN_ERROR_INIT;
    omn_feed *f[2] = { NULL };
    omn_pixels px;
    const omn_tensor *hw = tensor(w, "in.hw", "small"), *box = omn_weights_get(w, "in.mask_region");
    const float *a = NULL, *b = NULL;
    omn_value *plain = formula((uint32_t)whole(hw, 1), (uint32_t)whole(hw, 0), 3, &px);
    omn_value *holed = formula((uint32_t)whole(hw, 1), (uint32_t)whole(hw, 0), 4, &px);
    ck_assert_ptr_nonnull(box);
    for (uint32_t y = (uint32_t)real(box, 1); (float)y < real(box, 3); y++)
        for (uint32_t x = (uint32_t)real(box, 0); (float)x < real(box, 2); x++)
            ((uint8_t *)px.data)[(y * px.width + x) * 4 + 3] = 0;
    WORKS(omn_feed_make(&f[0], &err));
    WORKS(omn_feed_make(&f[1], &err));
    WORKS(omn_model_prepare(o->model, o->call, "image", plain, f[0], NULL, &err));
    WORKS(omn_model_prepare(o->model, o->call, "holes", holed, f[1], NULL, &err));
    same_mask(f[1], tensor(w, "out.patch_mask", "region"), 24, 16);
    for (int64_t i = 0; i < 384 * 384; i++) {
        if (!seen_at(f[1], 24, 16, i / 384, i % 384, &b)) continue;
        ck_assert(seen_at(f[0], 24, 16, i / 384, i % 384, &a));
        ck_assert_mem_eq(a, b, 3 * sizeof *a);
    }
    for (int i = 0; i < 2; i++) omn_feed_free(f[i]);
    omn_value_unref(plain);
    omn_value_unref(holed);
}

START_TEST(pictures_of_the_published_size)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    opened o;
    open_hollow(&o, "{\"omnio\": {\"model\": \"uio1\", \"size\": \"small\"}}");
    WORKS(omn_weights_open(testing_source(GOLDEN "preprocess.safetensors"), &w, &err));
    published(&o, w, "big");
    published(&o, w, "small");
    with_a_hole(&o, w);
    omn_weights_close(w);
    close_opened(&o);
}
END_TEST

/* ---- the tables at their sizes --------------------------------------------------------------- */

static void same_line(const omn_weights *w, const char *name, bool both)
{
    const omn_tensor *t = omn_weights_get(w, name);
    ck_assert_ptr_nonnull(t);
    for (size_t i = 0; i < t->bytes / 4; i++)    /* query - key from -255 */
        ck_assert_int_eq(omn_bucket_t5(255 - (int64_t)i, both, 32, 128), whole(t, i));
}

static void same_grid(const omn_weights *w, const char *name, int64_t reach)
{
    const omn_tensor *t = omn_weights_get(w, name);
    const int64_t side = 2 * reach + 1;
    ck_assert_ptr_nonnull(t);
    ck_assert_uint_eq(t->bytes, (size_t)(side * side) * 4);
    for (int64_t i = 0; i < side * side; i++)
        ck_assert_int_eq(omn_bucket_uio1_2d(i / side - reach, i % side - reach, 8, 20),
                         whole(t, (size_t)i));
}

/* A grid of 24 resized: 4e-6 is what float64 differs by (spec uio1), 2e-5 is allowed. */
static void same_resized(const omn_weights *w, size_t n)
{
    char name[32];
    static float m[32 * 24];
    const omn_tensor *in = omn_weights_get(w, "in.pos");
    snprintf(name, sizeof name, "pos_resize_%zu", n);
    const omn_tensor *want = tensor(w, "out", name);
    omn_interp_matrix(24, n, OMN_INTERP_BICUBIC, -0.5, true, m);
    for (size_t i = 0; i < n * n; i++) {
        double sum = 0;
        for (size_t a = 0; a < 24 * 24; a++)
            sum += (double)m[i / n * 24 + a / 24] * (double)m[i % n * 24 + a % 24] *
                   (double)real(in, a);
        ck_assert_double_eq_tol(sum, (double)real(want, i), 2e-5);
    }
}

START_TEST(tables_at_the_published_sizes)
{
    static const size_t sides[] = { 16, 20, 23, 25, 32 };
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    WORKS(omn_weights_open(testing_source(GOLDEN "real_sizes.tables.safetensors"), &w, &err));
    same_line(w, "enc.text_bucket", true);
    same_line(w, "dec.text_bucket", false);
    same_grid(w, "enc.image_bucket", 23);
    same_grid(w, "dec.image_bucket", 15);
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) same_resized(w, sides[i]);
    omn_weights_close(w);
}
END_TEST

/* ---- its own file ---------------------------------------------------------------------------- */

START_TEST(the_published_file_holds_the_same)
{
    omn_error err = OMN_ERROR_INIT;
    opened o;
    omn_weights *a = NULL, *b = NULL;
    open_hollow(&o, "{\"omnio\": {\"model\": \"uio1\", \"size\": \"small\"}}");
    WORKS(omn_weights_load(o.ctx, testing_source(GOLDEN "tiny_a.bin"), NULL, &a, &err));
    WORKS(omn_weights_open(golden("tiny_a", "weights"), &b, &err));
    ck_assert_uint_eq(omn_weights_count(a), omn_weights_count(b));
    for (size_t i = 0; i < omn_weights_count(b); i++) {
        const omn_tensor *want = omn_weights_at(b, i);
        const omn_tensor *got = omn_weights_get(a, omn_weights_name(b, i));
        ck_assert_msg(got != NULL, "no %s", omn_weights_name(b, i));
        ck_assert(omn_shape_equal(&got->shape, &want->shape));
        ck_assert_mem_eq(got->data, want->data, want->bytes);
    }
    omn_weights_close(a);
    omn_weights_close(b);
    close_opened(&o);
}
END_TEST

/* Which configurations are refused, and where. */
START_TEST(other_models_are_refused)
{
    static const struct { const char *config, *says; } list[] = {
        { "\"omnio\": {\"model\": \"uio1\", \"size\": \"huge\"}", "small, base, large or xl" },
        { "\"omnio\": {\"model\": \"uio1\"}", "emb_dim" },
        { "\"omnio\": {\"model\": \"uio1\", \"size\": \"small\"}, "
          "\"mlp_activations\": [\"silu\", \"linear\"]", "mlp_activations" },
        { "\"omnio\": {\"model\": \"uio1\", \"size\": \"small\"}, \"dropout_rate\": 0.1",
          "dropout_rate" },
        { "\"omnio\": {\"model\": \"uio1\", \"size\": \"small\"}, "
          "\"logits_via_embedding\": false", "logits_via_embedding" },
        { "\"omnio\": {\"model\": \"uio1\", \"size\": \"small\"}, \"double_z\": true", "double_z" },
        { "\"omnio\": {\"model\": \"uio1\", \"size\": \"small\"}, \"dtype\": \"bfloat16\"",
          "dtype" },
        { "\"omnio\": {\"model\": \"uio1\", \"size\": \"small\"}, "
          "\"visual_backbone_type\": \"resnet\"", "visual_backbone_type" },
        { "\"omnio\": {\"model\": \"uio1\", \"size\": \"small\"}, \"image_patch_size\": 7",
          "patches of 7" },
        { "\"omnio\": {\"model\": \"uio1\", \"size\": \"small\"}, "
          "\"decoder_max_image_length\": 100", "decoder_max_image_length" },
        { "\"omnio\": {\"model\": \"uio1\", \"size\": \"small\"}, \"n_embed\": 100", "n_embed" },
    };
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .hollow = true };
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    WORKS(omn_context_new(&how, &ctx, &err));
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error why = OMN_ERROR_INIT;
        omn_model *m = NULL;
        char text[512];
        snprintf(text, sizeof text, "{%s}", list[i].config);
        ck_assert_int_eq(omn_model_open_text(ctx, text, "other", &setup, &m, &why),
                         OMN_ERR_CONFIG);
        ck_assert_msg(strstr(why.text, list[i].says), "%zu: %s", i, why.text);
    }
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        whole_answers,
        packed_answers_and_parts_of_a_picture,
        pictures_of_other_sizes,
        gradients,
        options,
        texts,
        pictures,
        a_wrong_number_is_found,
        small_pictures,
        pictures_of_the_published_size,
        tables_at_the_published_sizes,
        the_published_file_holds_the_same,
        other_models_are_refused,
    };
    return TESTING_RUN("models/uio1", all, 30);
}
