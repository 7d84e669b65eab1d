/* SPDX-License-Identifier: Apache-2.0 */
/* The file of any value: written and read it is equal, to the last bit; damage, and files that say
 * what is not there, are refused. */
#include <omnio/plugin.h>

#include "tests/testing.h"
#include "tests/value/samples.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

static omn_context *open_context(void)
{
    omn_context *ctx = NULL;
    omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1 };
    OK(omn_context_new(&how, &ctx, NULL));
    return ctx;
}

static const char *place(void)
{
    static char path[4096];
    snprintf(path, sizeof(path), "%s/v.safetensors", testing_folder());
    return path;
}

static void comes_back(omn_context *ctx, const char *path, const omn_value *v)
{
    omn_value *back = NULL, *same = NULL;
    omn_error err = OMN_ERROR_INIT;
    omn_status st = omn_value_save(ctx, path, v, OMN_OVERWRITE, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", omn_value_kind_name(v), err.text);
    st = omn_value_load(ctx, path, NULL, &back, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", omn_value_kind_name(v), err.text);
    ck_assert_msg(omn_value_equal(v, back), "%s", omn_value_kind_name(v));
    OK(omn_value_load(ctx, path, omn_value_kind_name(v), &same, NULL));
    omn_value_unref(same);
    omn_value_unref(back);
    ck_assert_int_eq(omn_value_load(ctx, path, omn_value_is(v, "mask") ? "depth" : "mask", &back,
                                    NULL),
                     OMN_ERR_TYPE);
}

START_TEST(every_kind_comes_back_equal)
{
    omn_context *ctx = open_context();
    const char *path = place();
    for (size_t i = 0; i < n_samples; i++) {
        const omn_kind *k = NULL;
        omn_value *v = NULL;
        OK(omn_kind_find_in(ctx, samples[i].kind, &k, NULL));
        OK(omn_call_json(NULL, k, samples[i].json, strlen(samples[i].json), &v, NULL));
        comes_back(ctx, path, v);
        omn_value_unref(v);
    }
    omn_context_free(ctx);
}
END_TEST

static omn_value *long_text(void)
{
    omn_value *v = NULL;
    char *s = malloc(200001);
    for (size_t i = 0; i < 200000; i++) s[i] = (char)(i % 251 == 0 ? '"' : 1 + i % 126);
    OK(omn_text_new(s, 200000, &v, NULL));
    free(s);
    return v;
}

START_TEST(full_precision_long_texts_and_nests_come_back)
{
    omn_context *ctx = open_context();
    const char *path = place();
    const omn_frame f = { 0xfedcba9876543210, { 1.0 / 3, 0, 1e-300, 0, 7, -2 }, 640, 480 };
    omn_region r[200];
    double x = 1.0 / 3;
    for (size_t i = 0; i < 200; i++)
        r[i] = (omn_region){ x * (double)i, x, 1e3 + x, 99 + x, i % 2 ? x : NAN,
                             i % 3 ? "l\xc3\xa4" : NULL };
    const int32_t ids[40] = { -1, 2 };
    const float e[6] = { NAN, INFINITY, -0.0f, 1e-45f, 3, 4 };
    omn_value *v[9] = { NULL };
    size_t n = 0;
    omn_image *img;
    omn_pixels px;
    v[n++] = long_text();
    OK(omn_number_new(-INFINITY, &v[n++], NULL));
    OK(omn_regions_new(r, 200, &f, &v[n++], NULL));
    OK(omn_tokens_new(ids, 40, "nano", &v[n++], NULL));
    OK(omn_embeddings_new(e, 2, 3, &v[n++], NULL));
    OK(omn_image_new(OMN_F32, 33, 7, 3, &f, &img, &px, NULL));
    for (size_t i = 0; i < 693; i++) ((float *)px.data)[i] = (float)sin((double)i);
    v[n++] = omn_image_give(img);
    OK(omn_list_new(v, n, &v[n], NULL));
    n++;
    const omn_named fields[3] = { { "$kind", v[2] }, { "a.b", v[6] }, { "tensor", v[0] } };
    OK(omn_record_new(fields, 3, &v[n++], NULL));
    for (size_t i = 0; i < n; i++) comes_back(ctx, path, v[i]);
    for (size_t i = 0; i < n; i++) omn_value_unref(v[i]);
    omn_context_free(ctx);
}
END_TEST

/* A file of these tensors whose metadata says this. */
static void put(const char *path, const char *json, const omn_weights_entry *e, size_t n)
{
    const char *const meta[2] = { "omnio.value", json };
    OK(omn_weights_write(path, OMN_OVERWRITE, e, n, meta, json ? 1 : 0, NULL));
}

START_TEST(what_is_not_there_is_refused)
{
    static const float x[4] = { 1, 2, 3, 4 };
    static const uint8_t texts[7] = { 1, 'a', 0, 0, 1, 'b', 'c' };
    static const uint8_t odd[3] = { 2, 1, 0 };
    const omn_weights_entry e[3] = {
        { "x", { OMN_F32, omn_dim2(2, 2), x, sizeof(x) } },
        { "t", { OMN_U8, omn_dim1(7), texts, sizeof(texts) } },
        { "u", { OMN_U8, omn_dim1(3), odd, sizeof(odd) } },
    };
    static const struct {
        const char *json, *why;
    } rows[] = {
        { "{\"$kind\":\"depth\",\"depth\":{\"tensor\":\"y\"}}", "tensor \"y\" of column depth is" },
        { "{\"$kind\":\"depth\",\"depth\":{\"tensor\":7}}", "is missing" },
        { "{\"$kind\":\"normals\",\"normals\":{\"tensor\":\"x\"}}", "axes [h,w,3]" },
        { "{\"$kind\":\"depth\",\"depth\":{\"tensor\":\"t\"}}", "of type u8" },
        { "{\"$kind\":\"dept\",\"depth\":{\"tensor\":\"x\"}}", "did you mean \"depth\"?" },
        { "{\"$kind\":\"options\",\"text\":{\"tensor\":\"t\",\"shape\":[3]}}", "has no end" },
        { "{\"$kind\":\"options\",\"text\":{\"tensor\":\"t\",\"shape\":[2]}}", "left over" },
        { "{\"$kind\":\"options\",\"text\":{\"tensor\":\"t\",\"shape\":[1e15]}}", "not its texts" },
        { "{\"$kind\":\"options\",\"text\":{\"tensor\":\"t\"}}", "shape" },
        { "{\"$kind\":\"options\",\"text\":{\"tensor\":\"u\",\"shape\":[2]}}", "has no end" },
        { "{\"$kind\":\"options\",\"text\":{\"tensor\":\"x\",\"shape\":[1]}}", "not its texts" },
        { "{\"$kind\":\"list\",\"items\":{\"tensor\":\"x\"}}", "column items" },
        { "{\"$kind\":", "line 1 column" },
    };
    omn_context *ctx = open_context();
    const char *path = place();
    omn_value *v = NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        put(path, rows[i].json, e, 3);
        const omn_status st = omn_value_load(ctx, path, NULL, &v, &err);
        ck_assert_msg(st == OMN_ERR_DATA && strstr(err.text, rows[i].why), "%s: %d %s",
                      rows[i].json, st, err.text);
        ck_assert_ptr_null(v);
    }
    /* tensors alone */
    put(path, NULL, e, 1);
    OK(omn_value_load(ctx, path, "tensor", &v, NULL));
    ck_assert_mem_eq(omn_value_tensor(v)->data, x, sizeof(x));
    omn_value_unref(v);
    put(path, NULL, e, 2);
    OK(omn_value_load(ctx, path, NULL, &v, NULL));
    ck_assert_ptr_nonnull(omn_value_tensor(omn_record_get(v, "t")));
    omn_value_unref(v);
    omn_context_free(ctx);
}
END_TEST

START_TEST(damage_is_noticed)
{
    omn_context *ctx = open_context();
    const char *path = place();
    omn_value *v = NULL, *back = NULL;
    const omn_kind *k = NULL;
    const sample *s = &samples[0];
    char *data = NULL;
    size_t n = 0, refused = 0;
    OK(omn_kind_find_in(ctx, "audio", &k, NULL));
    OK(omn_call_json(NULL, k, s->json, strlen(s->json), &v, NULL));
    OK(omn_value_save(ctx, path, v, OMN_OVERWRITE, NULL));
    OK(omn_file_read(path, 1 << 20, &data, &n, NULL));
    for (size_t i = 0; i < n; i += 3) { /* one bit in each third byte, and a file cut there */
        for (int cut = 0; cut < 2; cut++) {
            omn_file *f = NULL;
            char was = data[i];
            data[i] = (char)(was ^ 1 << i % 8);
            OK(omn_file_create(path, OMN_OVERWRITE, &f, NULL));
            OK(omn_file_write(f, data, cut ? i : n, NULL));
            OK(omn_file_commit(f, NULL));
            omn_file_free(f);
            data[i] = was;
            if (omn_value_load(ctx, path, "audio", &back, NULL) != OMN_OK) {
                refused++;
                continue;
            }
            omn_value_unref(back);
        }
    }
    ck_assert_uint_gt(refused, n / 3); /* every cut one, and more */
    free(data);
    omn_value_unref(v);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        every_kind_comes_back_equal,
        full_precision_long_texts_and_nests_come_back,
        what_is_not_there_is_refused,
        damage_is_noticed,
    };
    return TESTING_RUN("formats/values", all, 60);
}
