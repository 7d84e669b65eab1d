/* SPDX-License-Identifier: Apache-2.0 */
/* GGUF: files that the package of ggml-org/llama.cpp wrote say what it says they say, public names
 * of language models are understood, what is damaged or made to mislead is refused, and what is
 * written says the same again. tests/golden/loaders/make_gguf.py made the files. */
#include "tests/testing.h"
#include "tests/weights/made.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GOLDEN(name) testing_source("tests/golden/" name)

START_TEST(every_type_says_what_it_says_elsewhere)
{
    static const struct { const char *name; omn_type type; } list[] = {
        { "f32", OMN_F32 },   { "f16", OMN_F16 },   { "bf16", OMN_BF16 }, { "q8_0", OMN_Q8_0 },
        { "q4_0", OMN_Q4_0 }, { "q4_K", OMN_Q4_K }, { "q6_K", OMN_Q6_K }, { "i32", OMN_I32 },
    };
    omn_context *ctx = made_context();
    ck_assert_uint_eq(made_compare(ctx, GOLDEN("loaders/types.gguf"),
                                   GOLDEN("loaders/types_gguf.safetensors"), ""), 8);
    omn_weights *w = made_open(ctx, GOLDEN("loaders/types.gguf"));
    ck_assert_uint_eq(omn_weights_count(w), 8);
    const omn_map *map = omn_weights_map(w, 0);
    const char *from = omn_map_data(map), *end = from + omn_map_size(map);
    for (size_t i = 0; i < 8; i++) {
        const omn_tensor *t = omn_weights_get(w, list[i].name);
        ck_assert(t && t->type == list[i].type);
        /* used where it lies */
        ck_assert((const char *)t->data >= from && (const char *)t->data + t->bytes <= end);
    }
    omn_weights_close(w);
    omn_context_free(ctx);
}
END_TEST

START_TEST(metadata_of_every_kind)
{
    static const char *const list[][2] = {
        { "a.u8", "200" }, { "a.i8", "-100" }, { "a.u16", "60000" }, { "a.i16", "-30000" },
        { "a.u32", "4000000000" }, { "a.i32", "-2000000000" }, { "a.f32", "0.100000001" },
        { "a.bool", "true" }, { "a.string", "ein Text \xe2\x80\x93 \"mit\" Zeichen" },
        { "a.u64", "9223372036854775809" }, { "a.i64", "-4611686018427387904" },
        { "a.f64", "0.333333333" }, { "a.numbers", "(3 i32)" }, { "a.texts", "(3 texts)" },
        { "general.architecture", "none" }, { "general.alignment", "64" },
    };
    omn_context *ctx = made_context();
    omn_weights *w = made_open(ctx, GOLDEN("loaders/types.gguf"));
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const char *have = omn_weights_meta(w, list[i][0]);
        ck_assert_msg(have && !strcmp(have, list[i][1]), "%s: %s", list[i][0], have ? have : "-");
    }
    omn_weights_close(w);
    omn_context_free(ctx);
}
END_TEST

START_TEST(public_names_and_orders_of_rows)
{
    char path[512];
    omn_context *ctx = made_context();
    ck_assert_uint_eq(made_compare(ctx, GOLDEN("llama/llama.gguf"),
                                   GOLDEN("llama/llama.weights.safetensors"), ""), 21);
    ck_assert_uint_eq(made_compare(ctx, GOLDEN("llama/qwen2.gguf"),
                                   GOLDEN("llama/qwen2.weights.safetensors"), ""), 26);
    snprintf(path, sizeof path, "%s?names=file", GOLDEN("llama/llama.gguf"));
    omn_weights *w = made_open(ctx, path);
    ck_assert_ptr_nonnull(omn_weights_get(w, "blk.1.attn_q.weight"));
    ck_assert_ptr_null(omn_weights_get(w, "lm_head.weight"));
    omn_weights_close(w);
    omn_context_free(ctx);
}
END_TEST

/* ---- files made by hand ---------------------------------------------------------------------- */

enum { U8 = 0, U32 = 4, F32 = 6, BOOL = 7, TEXT = 8, LIST = 9 };

static void text(made *m, const char *s)
{
    made_number(m, strlen(s), 8);
    made_put(m, s, strlen(s));
}

static void key(made *m, const char *s, uint64_t kind)
{
    text(m, s);
    made_number(m, kind, 4);
}

static void begin(made *m, uint64_t version, uint64_t tensors, uint64_t pairs)
{
    made_put(m, "GGUF", 4);
    made_number(m, version, 4);
    made_number(m, tensors, 8);
    made_number(m, pairs, 8);
}

static void tensor(made *m, const char *name, uint64_t a, uint64_t b, uint64_t type, uint64_t at)
{
    text(m, name);
    made_number(m, b ? 2 : 1, 4);
    made_number(m, a, 8);
    if (b) made_number(m, b, 8);
    made_number(m, type, 4);
    made_number(m, at, 8);
}

/* Up to the data, which begin at a multiple of 32. */
static void end(made *m, size_t bytes)
{
    while (m->n % 32) made_put(m, "", 1);
    for (size_t i = 0; i < bytes; i++) made_number(m, i & 127, 1);
}

static const char *written(made *m)
{
    const char *path = testing_write(testing_folder(), "a.gguf", m->p, m->n);
    made_free(m);
    *m = (made){ .p = NULL };
    return path;
}

/* Rows of blocks are turned whole: of two heads of four rows, halves lie in pairs. */
START_TEST(turned_rows_of_blocks)
{
    omn_context *ctx = made_context();
    made m = { .p = NULL };
    begin(&m, 2, 1, 3);
    key(&m, "general.architecture", TEXT);
    text(&m, "llama");
    key(&m, "llama.attention.head_count", U32);
    made_number(&m, 9, 4);
    key(&m, "llama.attention.head_count_kv", U32);
    made_number(&m, 2, 4);
    tensor(&m, "blk.0.attn_k.weight", 32, 8, 8, 0);
    end(&m, 0);
    for (unsigned row = 0; row < 8; row++)
        for (unsigned i = 0; i < 34; i++) made_number(&m, row * 16 + i % 16, 1);
    omn_weights *w = made_open(ctx, written(&m));
    const omn_tensor *t = omn_weights_get(w, "model.layers.0.self_attn.k_proj.weight");
    static const unsigned from[] = { 0, 2, 1, 3, 4, 6, 5, 7 };
    ck_assert(t && t->type == OMN_Q8_0 && t->bytes == 8 * 34);
    for (unsigned row = 0; row < 8; row++)
        for (unsigned i = 0; i < 34; i++)
            ck_assert_uint_eq(((const uint8_t *)t->data)[row * 34 + i], from[row] * 16 + i % 16);
    omn_weights_close(w);
    omn_context_free(ctx);
}
END_TEST

static void one(omn_context *ctx, made *m, omn_status want, const char *says)
{
    end(m, 256);
    made_refused(ctx, written(m), want, says);
}

/* A file with one pair, whose key and value come from the caller. */
static void pair(made *m, const char *name, uint64_t kind)
{
    begin(m, 3, 0, 1);
    key(m, name, kind);
}

static void one_tensor(omn_context *ctx, uint64_t a, uint64_t b, uint64_t type, uint64_t at,
                       omn_status want, const char *says)
{
    made m = { .p = NULL };
    begin(&m, 3, 1, 0);
    tensor(&m, "x", a, b, type, at);
    one(ctx, &m, want, says);
}

START_TEST(headers_that_lie_are_refused)
{
    omn_context *ctx = made_context();
    made m = { .p = NULL };
    begin(&m, 1, 0, 0);
    one(ctx, &m, OMN_ERR_UNSUPPORTED, "version 1");
    begin(&m, 3u << 24, 0, 0);
    one(ctx, &m, OMN_ERR_UNSUPPORTED, "big-endian");
    begin(&m, 3, 0, UINT64_MAX);
    one(ctx, &m, OMN_ERR_DATA, "cut off");
    begin(&m, 3, UINT64_MAX / 25, 0);
    one(ctx, &m, OMN_ERR_DATA, "cut off");
    pair(&m, "", U8);
    one(ctx, &m, OMN_ERR_DATA, "a key of metadata is empty");
    pair(&m, "\xff", U8);
    one(ctx, &m, OMN_ERR_DATA, "no UTF-8");
    pair(&m, "omnio.xxh3", U8);
    made_number(&m, 0, 1);
    one(ctx, &m, OMN_ERR_DATA, "omnio's own");
    pair(&m, "a", 13);
    one(ctx, &m, OMN_ERR_DATA, "a kind that GGUF does not know");
    pair(&m, "a", BOOL);
    made_number(&m, 2, 1);
    one(ctx, &m, OMN_ERR_DATA, "neither 0 nor 1");
    pair(&m, "a", TEXT);
    made_number(&m, UINT64_MAX - 7, 8);
    one(ctx, &m, OMN_ERR_DATA, "cut off");
    pair(&m, "a", LIST);
    made_number(&m, F32, 4);
    made_number(&m, UINT64_MAX / 4 + 2, 8);
    one(ctx, &m, OMN_ERR_DATA, "cut off");
    pair(&m, "a", LIST);
    for (int i = 0; i < 6; i++) {
        made_number(&m, LIST, 4);
        made_number(&m, 1, 8);
    }
    one(ctx, &m, OMN_ERR_DATA, "too deep");
    begin(&m, 3, 0, 2);
    for (int i = 0; i < 2; i++) {
        key(&m, "a", U8);
        made_number(&m, 0, 1);
    }
    one(ctx, &m, OMN_ERR_DATA, "is there twice");
    pair(&m, "general.alignment", U32);
    made_number(&m, 48, 4);
    one(ctx, &m, OMN_ERR_DATA, "no power of 2");
    pair(&m, "general.alignment", TEXT);
    text(&m, "32");
    one(ctx, &m, OMN_ERR_DATA, "no power of 2");
    omn_context_free(ctx);
}
END_TEST

START_TEST(tensors_that_lie_are_refused)
{
    omn_context *ctx = made_context();
    made m = { .p = NULL };
    one_tensor(ctx, 8, 9, 0, 0, OMN_ERR_DATA, "beyond the end"); /* 256 bytes are there */
    one_tensor(ctx, 8, 8, 0, 32, OMN_ERR_DATA, "beyond the end");
    one_tensor(ctx, 8, 1, 0, UINT64_MAX - 31, OMN_ERR_DATA, "beyond the end");
    one_tensor(ctx, 8, 1, 0, 8, OMN_ERR_DATA, "no multiple of the alignment");
    one_tensor(ctx, UINT64_MAX, 1, 0, 0, OMN_ERR_DATA, "beyond all memory");
    one_tensor(ctx, INT64_MAX, 16, 0, 0, OMN_ERR_DATA, "larger than any memory");
    one_tensor(ctx, 33, 1, 8, 0, OMN_ERR_DATA, "no whole blocks of Q8_0");
    one_tensor(ctx, 32, 8, 12, 0, OMN_ERR_DATA, "no whole blocks of Q4_K");
    one_tensor(ctx, 256, 1, 13, 0, OMN_ERR_UNSUPPORTED, "tensor x is of type Q5_K");
    one_tensor(ctx, 256, 1, 4, 0, OMN_ERR_DATA, "of type 4, which ggml does not have");
    begin(&m, 3, 2, 0);
    tensor(&m, "x", 12, 0, 0, 0);
    tensor(&m, "y", 8, 0, 0, 32);
    one(ctx, &m, OMN_ERR_DATA, "lies over another");
    begin(&m, 3, 2, 0);
    tensor(&m, "x", 8, 0, 0, 0);
    tensor(&m, "x", 8, 0, 0, 32);
    one(ctx, &m, OMN_ERR_DATA, "is there twice");
    begin(&m, 3, 1, 0);
    text(&m, "x");
    made_number(&m, 5, 4);
    for (int i = 0; i < 5; i++) made_number(&m, 1, 8);
    one(ctx, &m, OMN_ERR_DATA, "more than 4 axes");
    begin(&m, 3, 1, 1);
    key(&m, "omnio.shape.x", LIST);
    made_number(&m, 11, 4);
    made_number(&m, 1, 8);
    made_number(&m, 7, 8);
    tensor(&m, "x", 8, 0, 0, 0);
    one(ctx, &m, OMN_ERR_DATA, "is no shape of that tensor");
    begin(&m, 3, 1, 2);
    key(&m, "general.architecture", TEXT);
    text(&m, "llama");
    key(&m, "llama.attention.head_count", U32);
    made_number(&m, 3, 4);
    tensor(&m, "blk.0.attn_q.weight", 8, 8, 0, 0);
    one(ctx, &m, OMN_ERR_DATA, "no whole pairs of 3 heads");
    omn_context_free(ctx);
}
END_TEST

START_TEST(cut_and_changed_files_never_mislead)
{
    omn_context *ctx = made_context();
    size_t n = 0;
    char *whole = NULL;
    ck_assert_int_eq(omn_file_read(GOLDEN("loaders/types.gguf"), 1 << 20, &whole, &n, NULL),
                     OMN_OK);
    const char *folder = testing_folder();
    for (size_t cut = 0; cut < n; cut += cut < 1000 ? 13 : 97)
        ck_assert_int_ne(made_try(ctx, testing_write(folder, "cut.gguf", whole, cut)), OMN_OK);
    for (uint64_t i = 0; i < 400; i++) {
        const size_t at = 4 + omn_random_at(3, 0, i) % 1400;
        const char was = whole[at];
        whole[at] = (char)(was ^ (1 << omn_random_at(3, 1, i) % 8));
        (void)made_try(ctx, testing_write(folder, "changed.gguf", whole, n));
        whole[at] = was;
    }
    free(whole);
    omn_context_free(ctx);
}
END_TEST

/* ---- writing --------------------------------------------------------------------------------- */

static void copied(omn_context *ctx, const char *from, const char *to)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights_copied done = { OMN_FILL(omn_weights_copied) };
    ck_assert_msg(omn_weights_copy(ctx, NULL, from, to, OMN_OVERWRITE, &done, &err) == OMN_OK,
                  "%s", err.text);
    ck_assert_uint_gt(done.tensors, 0);
}

START_TEST(what_is_written_says_the_same)
{
    char a[512], b[512], c[512];
    const char *folder = testing_folder();
    omn_context *ctx = made_context();
    snprintf(a, sizeof a, "%s/a.gguf", folder);
    snprintf(b, sizeof b, "%s/b.safetensors", folder);
    snprintf(c, sizeof c, "%s/c.gguf", folder);
    copied(ctx, GOLDEN("loaders/types.gguf"), a);
    copied(ctx, a, b);
    copied(ctx, b, c);
    ck_assert_uint_eq(made_compare(ctx, a, GOLDEN("loaders/types_gguf.safetensors"), ""), 8);
    ck_assert_uint_eq(made_compare(ctx, c, GOLDEN("loaders/types_gguf.safetensors"), ""), 8);
    omn_weights *w = made_open(ctx, c);
    ck_assert_int_eq(omn_weights_get(w, "q4_K")->type, OMN_Q4_K);
    ck_assert_str_eq(omn_weights_meta(w, "a.i64"), "-4611686018427387904");
    ck_assert_str_eq(omn_weights_meta(w, "general.architecture"), "omnio");
    omn_weights_close(w);
    omn_context_free(ctx);
}
END_TEST

START_TEST(axes_that_ggml_lacks)
{
    float x[12];
    char from[512], to[512];
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = made_context();
    for (int i = 0; i < 12; i++) x[i] = (float)i;
    omn_shape five = { 5, { 2, 1, 3, 1, 2 } };
    const char *const meta[] = { "made", "here" };
    const omn_weights_entry list[] = {
        { "five", { OMN_F32, five, x, 48 } },
        { "none", { OMN_F32, { 0, { 0 } }, x + 3, 4 } },
        { "empty", { OMN_F32, { 2, { 3, 0 } }, x, 0 } },
    };
    snprintf(from, sizeof from, "%s/a.safetensors", testing_folder());
    snprintf(to, sizeof to, "%s/a.gguf", testing_folder());
    ck_assert_int_eq(omn_weights_write(from, OMN_OVERWRITE, list, 3, meta, 1, &err), OMN_OK);
    copied(ctx, from, to);
    omn_weights *w = made_open(ctx, to);
    for (size_t i = 0; i < 3; i++) {
        const omn_tensor *t = omn_weights_get(w, list[i].name);
        ck_assert_msg(t && omn_shape_equal(&t->shape, &list[i].tensor.shape), "%s", list[i].name);
        ck_assert_int_eq(memcmp(t->data, list[i].tensor.data, t->bytes), 0);
    }
    ck_assert_str_eq(omn_weights_meta(w, "made"), "here");
    omn_weights_close(w);
    omn_context_free(ctx);
}
END_TEST

START_TEST(types_that_ggml_lacks_are_refused)
{
    const uint8_t x[4] = { 1, 2, 3, 4 };
    char from[512], to[512];
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = made_context();
    const omn_weights_entry list[] = { { "bytes", { OMN_U8, omn_dim1(4), x, 4 } } };
    snprintf(from, sizeof from, "%s/u8.safetensors", testing_folder());
    snprintf(to, sizeof to, "%s/u8.gguf", testing_folder());
    ck_assert_int_eq(omn_weights_write(from, OMN_OVERWRITE, list, 1, NULL, 0, &err), OMN_OK);
    ck_assert_int_eq(omn_weights_copy(ctx, NULL, from, to, OMN_KEEP_EXISTING, NULL, &err),
                     OMN_ERR_UNSUPPORTED);
    ck_assert_msg(strstr(err.text, "bytes (u8)") != NULL, "%s", err.text);
    ck_assert_int_ne(access(to, F_OK), 0);
    ck_assert(omn_weights_writes(ctx, to) && !omn_weights_writes(ctx, from) &&
              !omn_weights_writes(ctx, "x.pt"));
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        every_type_says_what_it_says_elsewhere,
        metadata_of_every_kind,
        public_names_and_orders_of_rows,
        turned_rows_of_blocks,
        headers_that_lie_are_refused,
        tensors_that_lie_are_refused,
        cut_and_changed_files_never_mislead,
        what_is_written_says_the_same,
        axes_that_ggml_lacks,
        types_that_ggml_lacks_are_refused,
    };
    return TESTING_RUN("weights/gguf", all, 60);
}
