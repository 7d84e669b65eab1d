/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of PyTorch: files that torch wrote hold what their models' goldens hold, exactly;
 * what no torch writes, and what only an attacker would, is refused by name. */
#include "tests/testing.h"
#include "tests/weights/made.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN(name) testing_source("tests/golden/" name)

/* ---- files of torch ------------------------------------------------------------------------- */

static const struct {
    const char *path, *golden;
    size_t tensors, extra;
} natives[] = {
    { "loaders/beit3.pth", "beit3/tiny_a.pretrain.weights.safetensors", 135, 0 },
    { "loaders/beit3_f16.pth", "beit3/tiny_a.pretrain.weights.safetensors", 135, 0 },
    { "loaders/clip.pt", "clip/tiny_a.weights.safetensors", 74, 3 },
    { "loaders/unitab.pth", "unitab/tiny_a.weights.safetensors", 212, 2 },
    { "ofa/tiny_a.fp16_legacy.pt", "ofa/tiny_a.weights.safetensors", 238, 25 },
};

START_TEST(what_torch_wrote_equals_the_golden_tensors)
{
    char path[256], golden[256];
    omn_context *ctx = made_context();
    snprintf(path, sizeof path, "tests/golden/%s", natives[_i].path);
    snprintf(golden, sizeof golden, "tests/golden/%s", natives[_i].golden);
    ck_assert_uint_eq(made_compare(ctx, testing_source(path), testing_source(golden), ""),
                      natives[_i].tensors);
    omn_weights *w = made_open(ctx, testing_source(path));
    ck_assert_uint_eq(omn_weights_count(w), natives[_i].tensors + natives[_i].extra);
    omn_weights_close(w);
    omn_context_free(ctx);
}
END_TEST

/* The golden word: model_ema is the golden model, model differs and must not be used. */
START_TEST(the_mean_of_the_weights_comes_first_and_a_setting_takes_another)
{
    char path[512];
    omn_context *ctx = made_context();
    omn_weights *w = made_open(ctx, GOLDEN("loaders/unitab.pth"));
    ck_assert_str_eq(omn_weights_meta(w, "tree"), "model_ema");
    ck_assert_str_eq(omn_weights_meta(w, "trees"), "model, model_ema");
    ck_assert_ptr_nonnull(strstr(omn_weights_meta(w, "data"), "\"hidden_dim\":24"));
    snprintf(path, sizeof path, "%s?tree=model", GOLDEN("loaders/unitab.pth"));
    omn_weights *other = made_open(ctx, path);
    size_t differ = 0;
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        const omn_tensor *x = omn_weights_at(w, i),
                         *y = omn_weights_get(other, omn_weights_name(w, i));
        ck_assert_ptr_nonnull(y);
        differ += memcmp(x->data, y->data, x->bytes) != 0;
    }
    ck_assert_uint_gt(differ, 100);
    omn_weights_close(other);
    omn_weights_close(w);
    snprintf(path, sizeof path, "%s?tree=optimizer", GOLDEN("loaders/unitab.pth"));
    made_refused(ctx, path, OMN_ERR_ARGUMENT, "tree=optimizer: there are no tensors; they are "
                                              "under model, model_ema");
    snprintf(path, sizeof path, "%s?forest=model", GOLDEN("loaders/unitab.pth"));
    made_refused(ctx, path, OMN_ERR_CONFIG, "forest");
    omn_context_free(ctx);
}
END_TEST

/* Every part of the file, without reading all of it each time. */
static void cut(const char *from, const char *name, size_t step)
{
    char *bytes = NULL;
    size_t n = 0;
    omn_context *ctx = made_context();
    ck_assert_int_eq(omn_file_read(from, 1 << 22, &bytes, &n, NULL), OMN_OK);
    for (size_t k = 1; k < n; k += k < 400 ? 7 : step) {
        const char *path = testing_write(testing_folder(), name, bytes, k);
        ck_assert_msg(made_try(ctx, path) != OMN_OK, "%zu of %zu bytes pass for a file", k, n);
    }
    for (uint64_t i = 0; i < 300; i++) {
        unsigned char *copy = malloc(n);
        memcpy(copy, bytes, n);
        for (uint64_t k = 0; k <= i % 4; k++) {
            const uint64_t x = omn_random_at(21, i, k);
            copy[i % 2 ? x % n : n - 1 - x % (n / 8)] = (unsigned char)(x >> 40);
        }
        (void)made_try(ctx, testing_write(testing_folder(), name, copy, n));
        free(copy);
    }
    free(bytes);
    omn_context_free(ctx);
}

START_TEST(files_that_are_cut_off_or_damaged_do_no_harm)
{
    cut(GOLDEN("loaders/beit3_f16.pth"), "a.pth", 1511);
    cut(GOLDEN("loaders/clip.pt"), "b.pt", 3001);
    cut(GOLDEN("ofa/tiny_a.fp16_legacy.pt"), "c.pt", 2503);
}
END_TEST

/* ---- views ---------------------------------------------------------------------------------- */

/* An archive of one pickle and storages "0" to "3": 0..11 as floats of 32 and 64 bits, of 16 bits
 * cut off, and as whole numbers. */
static const char *archive_of(const made *pickle)
{
    archive z = { .n = 0 };
    made s[4] = { { NULL, 0, 0 } };
    char name[32];
    for (int i = 0; i < 12; i++) {
        const float f = (float)i;
        const double d = i + 0.25;
        const uint16_t b = omn_bf16_of(f);
        const int64_t x = i - 3;
        made_put(&s[0], &f, sizeof f);
        made_put(&s[1], &d, sizeof d);
        made_put(&s[2], &b, sizeof b);
        made_put(&s[3], &x, sizeof x);
    }
    archive_add(&z, "any/data.pkl", 0, pickle->p, pickle->n, pickle->n, 0);
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "any/data/%d", i);
        archive_add(&z, name, 0, s[i].p, s[i].n, s[i].n, 0);
        made_free(&s[i]);
    }
    archive_end(&z, pickle->n % 2);
    const char *path = testing_write(testing_folder(), "made.pt", z.file.p, z.file.n);
    made_free(&z.file);
    return path;
}

static void put_named(made *m, const char *name, const char *type, const char *key, int64_t first,
                      size_t n, const int64_t *shape, const int64_t *strides)
{
    pickle_text(m, name);
    pickle_tensor(m, type, key, 12, first, n, shape, strides);
}

#define AXES(...) (const int64_t[]){ __VA_ARGS__ }

static void check_values(const omn_weights *w, const char *name, omn_type type, size_t n,
                         const float *want)
{
    float have[64];
    size_t count = 0;
    const omn_tensor *t = omn_weights_get(w, name);
    ck_assert_msg(t != NULL, "%s is not there", name);
    ck_assert_int_eq((int)t->type, (int)type);
    ck_assert(omn_shape_count(&t->shape, &count));
    ck_assert_uint_eq(count, n);
    ck_assert(omn_to_f32(t->type, t->data, n, have));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabsf(have[i] - want[i]) == 0, "%s[%zu]: %g, not %g", name, i,
                      (double)have[i], (double)want[i]);
}

START_TEST(views_of_shared_storages_become_dense)
{
    made m = { NULL, 0, 0 };
    omn_context *ctx = made_context();
    pickle_begin(&m);
    pickle_op(&m, "}(");
    put_named(&m, "rows", "FloatStorage", "0", 0, 2, AXES(3, 4), AXES(4, 1));
    put_named(&m, "turned", "FloatStorage", "0", 0, 2, AXES(4, 3), AXES(1, 4));
    put_named(&m, "part", "FloatStorage", "0", 5, 2, AXES(2, 2), AXES(4, 2));
    put_named(&m, "tail", "FloatStorage", "0", 9, 1, AXES(3), AXES(1));
    put_named(&m, "wide", "FloatStorage", "0", 2, 2, AXES(3, 2), AXES(0, 1));
    put_named(&m, "one", "FloatStorage", "0", 7, 0, AXES(0), AXES(0));
    put_named(&m, "none", "FloatStorage", "0", 12, 2, AXES(0, 3), AXES(3, 1));
    put_named(&m, "deep", "FloatStorage", "0", 0, 3, AXES(2, 3, 2), AXES(2, 4, 1));
    put_named(&m, "double", "DoubleStorage", "1", 4, 2, AXES(2, 2), AXES(1, 2));
    put_named(&m, "half", "BFloat16Storage", "2", 1, 1, AXES(3), AXES(4));
    put_named(&m, "whole", "LongStorage", "3", 0, 1, AXES(4), AXES(3));
    pickle_op(&m, "u.");
    const char *path = archive_of(&m);
    omn_weights *w = made_open(ctx, path);
    check_values(w, "rows", OMN_F32, 12, (float[]){ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 });
    check_values(w, "turned", OMN_F32, 12, (float[]){ 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11 });
    check_values(w, "part", OMN_F32, 4, (float[]){ 5, 7, 9, 11 });
    check_values(w, "tail", OMN_F32, 3, (float[]){ 9, 10, 11 });
    check_values(w, "wide", OMN_F32, 6, (float[]){ 2, 3, 2, 3, 2, 3 });
    check_values(w, "one", OMN_F32, 1, (float[]){ 7 });
    check_values(w, "none", OMN_F32, 0, NULL);
    check_values(w, "deep", OMN_F32, 12, (float[]){ 0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11 });
    check_values(w, "double", OMN_F64, 4, (float[]){ 4.25f, 6.25f, 5.25f, 7.25f });
    check_values(w, "half", OMN_BF16, 3, (float[]){ 1, 5, 9 });
    check_values(w, "whole", OMN_I64, 4, (float[]){ -3, 0, 3, 6 });
    const char *out = testing_write(testing_folder(), "x", "", 0);
    char to[512];
    snprintf(to, sizeof to, "%s.safetensors", out);
    omn_error err = OMN_ERROR_INIT;
    omn_weights_copied done = { OMN_FILL(omn_weights_copied) };
    ck_assert_msg(omn_weights_copy(ctx, NULL, path, to, OMN_KEEP_EXISTING, &done, &err) == OMN_OK,
                  "%s", err.text);
    ck_assert_uint_eq(done.tensors, 11);
    ck_assert_uint_eq(made_compare(ctx, path, to, ""), 11);
    omn_weights *copy = made_open(ctx, to);
    size_t checked = 0;
    ck_assert_int_eq(omn_weights_check(copy, &checked, NULL), OMN_OK);
    ck_assert_uint_eq(checked, 11);
    omn_weights_close(copy);
    omn_weights_close(w);
    made_free(&m);
    omn_context_free(ctx);
}
END_TEST

/* ---- what is refused ------------------------------------------------------------------------ */

static const struct {
    const char *module, *name;
} classes[] = {
    { "os", "system" },      { "posix", "system" },    { "builtins", "eval" },
    { "builtins", "exec" },  { "__builtin__", "getattr" }, { "subprocess", "Popen" },
    { "torch", "load" },     { "torch.nn.modules.linear", "Linear" },
    { "numpy.core.multiarray", "_reconstruct" }, { "collections", "OrderedDictX" },
    { "argparse", "ArgumentParser" }, { "torch._utils", "_rebuild_wrapper_subclass" },
    { "__torch__", "Module" }, /* no TorchScript here */
};

START_TEST(classes_are_refused_by_their_names)
{
    char text[256];
    omn_context *ctx = made_context();
    for (int stacked = 0; stacked < 2; stacked++) {
        made m = { NULL, 0, 0 };
        pickle_begin(&m);
        if (stacked) {
            pickle_text(&m, classes[_i].module);
            pickle_text(&m, classes[_i].name);
            pickle_op(&m, "\x93");
        } else {
            pickle_class(&m, classes[_i].module, classes[_i].name);
        }
        pickle_op(&m, "(");
        pickle_text(&m, "touch /tmp/omnio-was-here");
        pickle_op(&m, "tR.");
        snprintf(text, sizeof text, "names %s.%s, which is refused", classes[_i].module,
                 classes[_i].name);
        made_refused(ctx, archive_of(&m), OMN_ERR_DATA, text);
        made_free(&m);
    }
    omn_context_free(ctx);
}
END_TEST

/* Pickles that no program writes; NULL-terminated bytes would not do, so lengths stand beside. */
#define OPS(s) s, sizeof(s) - 1
static const struct {
    const char *ops;
    size_t n;
    const char *text;
} pickles[] = {
    { OPS("\x80\x06."), "protocol beyond 5" },
    { OPS("\x80\x02"), "the file ends inside of it" },
    { OPS("\x80\x02X\xff\xff\xff\x7f."), "the file ends inside" },
    { OPS("\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), "the file ends inside" },
    { OPS("\x80\x02\x8b\xff\xff\xff\x7f."), "the file ends inside" },
    { OPS("\x80\x02\x8b\xff\xff\xff\xff."), "a length below 0" },
    { OPS("\x80\x02}r\xff\xff\xff\x7f."), "a number beyond all values" },
    { OPS("\x80\x02j\x05\0\0\0."), "recalls a value that was not kept" },
    { OPS("\x80\x02q\0."), "nothing to remember" },
    { OPS("\x80\x02."), "leaves no single value" },
    { OPS("\x80\x02NN."), "leaves no single value" },
    { OPS("\x80\x02N(."), "leaves no single value" },
    { OPS("\x80\x02t."), "there is no mark" },
    { OPS("\x80\x02N\x87."), "a tuple of more than there is" },
    { OPS("\x80\x02}(NNNu."), "a key without a value" },
    { OPS("\x80\x02NNNs."), "no dict takes these items" },
    { OPS("\x80\x02NNa."), "no list takes these items" },
    { OPS("\x80\x02N)R."), "calls what is no class" },
    { OPS("\x80\x02N)\x81."), "calls what is no class" },
    { OPS("\x80\x02""N(Q."), "has no persistent id" },
    { OPS("\x80\x02NQ."), "a persistent id is no storage" },
    { OPS("\x80\x02\x90."), "operation 0x90 ADDITEMS is refused" },
    { OPS("\x80\x02\x8f."), "operation 0x8f EMPTY_SET is refused" },
    { OPS("\x80\x02i__builtin__\neval\n."), "operation 0x69 INST is refused" },
    { OPS("\x80\x02Pid\n."), "operation 0x50 PERSID is refused" },
    { OPS("\x80\x02\x82\x01."), "operation 0x82 EXT1 is refused" },
    { OPS("\x80\x02\xfe."), "operation 0xfe is refused" },
    { OPS("\x80\x02}b."), "gives a state to nothing" },
    { OPS("\x80\x02N}b."), "gives a state to what has none" },
    { OPS("\x80\x02""ccollections\nOrderedDict\n."), "it holds no tensors" },
    { OPS("\x80\x02}."), "it holds no tensors" },
    { OPS("\x80\x02""ctorch._utils\n_rebuild_tensor_v2\n)R."), "other arguments than it should" },
    { OPS("\x80\x02""ctorch\nFloatStorage\n)R."), "a type is called" },
    { OPS("\x80\x02""ccollections"), "the file ends inside" },
};

START_TEST(pickles_that_are_wrong_are_refused)
{
    omn_context *ctx = made_context();
    for (size_t i = 0; i < sizeof pickles / sizeof *pickles; i++) {
        made m = { NULL, 0, 0 };
        made_put(&m, pickles[i].ops, pickles[i].n);
        made_refused(ctx, archive_of(&m), OMN_ERR_DATA, pickles[i].text);
        made_free(&m);
    }
    omn_context_free(ctx);
}
END_TEST

/* Few bytes that would be many values to whoever follows them all. */
START_TEST(pickles_that_grow_have_an_end)
{
    omn_context *ctx = made_context();
    made m = { NULL, 0, 0 };
    pickle_begin(&m); /* a list of ten times the list before it, forty times over */
    pickle_op(&m, "]q");
    made_number(&m, 0, 1);
    for (int i = 1; i < 40; i++) {
        pickle_op(&m, "](");
        for (int k = 0; k < 10; k++) {
            pickle_op(&m, "h");
            made_number(&m, (uint64_t)i - 1, 1);
        }
        pickle_op(&m, "eq");
        made_number(&m, (uint64_t)i, 1);
    }
    for (int i = 0; i < 39; i++) made_put(&m, "\x86", 1);
    pickle_op(&m, ".");
    ck_assert_int_ne(made_try(ctx, archive_of(&m)), OMN_OK);
    made_free(&m);
    pickle_begin(&m); /* a dict that holds itself */
    pickle_op(&m, "}q");
    made_number(&m, 0, 1);
    pickle_text(&m, "self");
    pickle_op(&m, "h");
    made_number(&m, 0, 1);
    pickle_op(&m, "s");
    put_named(&m, "x", "FloatStorage", "0", 0, 1, AXES(12), AXES(1));
    pickle_op(&m, "s.");
    made_refused(ctx, archive_of(&m), OMN_ERR_DATA, "values within values deeper than 32");
    made_free(&m);
    pickle_begin(&m); /* marks and lists without end */
    for (int i = 0; i < 70000; i++) pickle_op(&m, "(");
    pickle_op(&m, ".");
    made_refused(ctx, archive_of(&m), OMN_ERR_DATA, "nests more than 65536 deep");
    made_free(&m);
    pickle_begin(&m);
    for (int i = 0; i < 100000; i++) pickle_op(&m, "]");
    for (int i = 0; i < 99999; i++) pickle_op(&m, "a");
    pickle_op(&m, ".");
    made_refused(ctx, archive_of(&m), OMN_ERR_DATA, "values within values deeper than 32");
    made_free(&m);
    omn_context_free(ctx);
}
END_TEST

#define BIG INT64_MAX
static const struct {
    const char *type, *key;
    int64_t count, first;
    size_t n;
    int64_t shape[8], strides[8];
    const char *text;
} tensors[] = {
    { "FloatStorage", "0", 12, 0, 1, { 13 }, { 1 }, "its data end at byte" },
    { "FloatStorage", "0", 12, 10, 1, { 3 }, { 1 }, "its data end at byte" },
    { "FloatStorage", "0", 12, 13, 1, { 1 }, { 1 }, "begins behind its storage" },
    { "FloatStorage", "0", 12, BIG, 1, { 1 }, { 1 }, "begins behind its storage" },
    { "FloatStorage", "0", 12, 0, 2, { 3, 4 }, { 5, 1 }, "its data end at byte" },
    { "FloatStorage", "0", 12, 0, 2, { 2, 4 }, { BIG, 1 }, "its strides lead out of any memory" },
    { "FloatStorage", "0", 12, 0, 2, { BIG, BIG }, { 0, 0 }, "too large for any memory" },
    { "FloatStorage", "0", 12, 0, 1, { 1000000000 }, { 0 }, "says more than the 48 bytes" },
    { "FloatStorage", "0", 13, 0, 1, { 12 }, { 1 }, "48 bytes, which are not 13 elements" },
    { "FloatStorage", "0", BIG, 0, 1, { 12 }, { 1 }, "48 bytes, which are not" },
    { "DoubleStorage", "0", 12, 0, 1, { 12 }, { 1 }, "48 bytes, which are not 12 elements" },
    { "FloatStorage", "9", 12, 0, 1, { 12 }, { 1 }, "data/9 is not in the archive" },
    { "FloatStorage", "../0", 12, 0, 1, { 12 }, { 1 }, "data/../0 is not in the archive" },
    { "FloatStorage", "0", -1, 0, 1, { 12 }, { 1 }, "a persistent id is no storage" },
    { "FloatStorage", "0", 12, -1, 1, { 12 }, { 1 }, "the offset of a tensor is no count" },
    { "FloatStorage", "0", 12, 0, 1, { -1 }, { 1 }, "the shape of a tensor is no shape" },
    { "FloatStorage", "0", 12, 0, 1, { 2 }, { -1 }, "the strides of a tensor are none" },
    { "FloatStorage", "0", 12, 0, 7, { 1, 1, 1, 1, 1, 1, 1 }, { 1, 1, 1, 1, 1, 1, 1 },
      "more than 6 axes" },
    { "UntypedStorage", "0", 48, 0, 1, { 12 }, { 1 }, "a storage without a type" },
    { "QInt8Storage", "0", 12, 0, 1, { 12 }, { 1 }, "names torch.QInt8Storage" },
};

START_TEST(tensors_that_lie_are_refused)
{
    omn_context *ctx = made_context();
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        made m = { NULL, 0, 0 };
        pickle_begin(&m);
        pickle_op(&m, "}");
        pickle_text(&m, "x");
        pickle_tensor(&m, tensors[i].type, tensors[i].key, tensors[i].count, tensors[i].first,
                      tensors[i].n, tensors[i].shape, tensors[i].strides);
        pickle_op(&m, "s.");
        made_refused(ctx, archive_of(&m), OMN_ERR_DATA, tensors[i].text);
        made_free(&m);
    }
    omn_context_free(ctx);
}
END_TEST

/* Names become keys of files: each once, without a 0, UTF-8. */
START_TEST(names_that_no_file_can_have_are_refused)
{
    omn_context *ctx = made_context();
    static const char *const names[] = { "", "\xff", "__metadata__" };
    static const char *const texts[] = { "a key of its dicts is empty", "a text is not UTF-8",
                                         "no tensor can be called so" };
    for (size_t i = 0; i < 3; i++) {
        made m = { NULL, 0, 0 };
        pickle_begin(&m);
        pickle_op(&m, "}");
        put_named(&m, names[i], "FloatStorage", "0", 0, 1, AXES(12), AXES(1));
        pickle_op(&m, "s.");
        made_refused(ctx, archive_of(&m), OMN_ERR_DATA, texts[i]);
        made_free(&m);
    }
    made m = { NULL, 0, 0 };
    pickle_begin(&m); /* a text of Python 2 */
    pickle_op(&m, "}U\x01\xff");
    pickle_tensor(&m, "FloatStorage", "0", 12, 0, 1, AXES(12), AXES(1));
    pickle_op(&m, "s.");
    made_refused(ctx, archive_of(&m), OMN_ERR_DATA, "its name is not UTF-8");
    made_free(&m);
    pickle_begin(&m);
    pickle_op(&m, "}(");
    put_named(&m, "x", "FloatStorage", "0", 0, 1, AXES(12), AXES(1));
    put_named(&m, "x", "FloatStorage", "0", 0, 1, AXES(12), AXES(1));
    pickle_op(&m, "u.");
    made_refused(ctx, archive_of(&m), OMN_ERR_DATA, "tensor x is there twice");
    made_free(&m);
    omn_context_free(ctx);
}
END_TEST

/* Beside tensors texts are told as JSON, which is UTF-8: halves of surrogate pairs, as Python has
 * them in names of files, and bytes of Python 2 are none, what is damaged is refused. */
START_TEST(texts_beside_tensors)
{
    static const struct { const char *op, *text, *data; } texts[] = {
        { "X", "a\xc3\xa9", "\"args\":\"a\xc3\xa9\"" },
        { "X", "a\xed\xb3\xa9", NULL },
        { "U", "a\xe9", NULL },
        { "X", "a\xe9", "" },
        { "X", "a\xed\xb3", "" },
        { "X", "a\xed\x9f", "" },
    };
    omn_context *ctx = made_context();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        made m = { NULL, 0, 0 };
        const char *data = texts[i].data;
        pickle_begin(&m);
        pickle_op(&m, "}(");
        put_named(&m, "x", "FloatStorage", "0", 0, 1, AXES(12), AXES(1));
        pickle_text(&m, "args");
        pickle_op(&m, texts[i].op);
        made_number(&m, strlen(texts[i].text), *texts[i].op == 'X' ? 4 : 1);
        pickle_op(&m, texts[i].text);
        pickle_op(&m, "u.");
        if (data && !*data) {
            made_refused(ctx, archive_of(&m), OMN_ERR_DATA, "a text is not UTF-8");
        } else {
            omn_weights *w = made_open(ctx, archive_of(&m));
            const char *note = omn_weights_meta(w, "data");
            ck_assert_ptr_nonnull(omn_weights_get(w, "x"));
            ck_assert_msg(data ? note && strstr(note, data) : !note, "%zu: %s", i,
                          note ? note : "none");
            omn_weights_close(w);
        }
        made_free(&m);
    }
    omn_context_free(ctx);
}
END_TEST

/* ---- archives ------------------------------------------------------------------------------- */

/* One float in storage "0". */
static void put_pickle(made *m)
{
    pickle_begin(m);
    pickle_op(m, "}");
    pickle_text(m, "x");
    pickle_tensor(m, "FloatStorage", "0", 1, 0, 1, AXES(1), AXES(1));
    pickle_op(m, "s.");
}

/* Where something stands in the file; the last one. */
static unsigned char *last(archive *z, const char *what, size_t n)
{
    unsigned char *found = NULL;
    for (size_t i = 0; i + n <= z->file.n; i++)
        if (memcmp(z->file.p + i, what, n) == 0) found = z->file.p + i;
    ck_assert_ptr_nonnull(found);
    return found;
}

static void damage(archive *z, int how)
{
    unsigned char *end = last(z, "PK\5\6", 4), *entry = last(z, "PK\1\2", 4);
    switch (how) {
    case 0: entry[42] = 0; break;                /* at the header of the first entry */
    case 1: entry[8] |= 1; break;                /* encrypted */
    case 2: entry[20] = entry[24] = 255; break;  /* longer than the file */
    case 3: entry[24] = 5; break;                /* stored, and two sizes */
    case 4: last(z, "PK\3\4", 4)[30] ^= 1; break; /* another name in its own header */
    case 5: end[10] = 1; break;                  /* fewer entries than the directory has */
    case 6: end[10] = 9; break;
    case 7: end[16] = 255; end[17] = 255; break; /* a directory behind the end */
    case 8: end[4] = 1; break;                   /* of several disks */
    case 9: entry[28] = 255; break;              /* a name behind the end */
    case 10: entry[46] = 0; break;               /* a 0 in a name */
    default: entry[20] = entry[21] = entry[22] = entry[23] = 255; break; /* 64 bits, not there */
    }
}

static const char *const damages[] = {
    "its header is not what the directory says", "is encrypted", "end behind the end of the file",
    "is stored and has two sizes", "its header is not what the directory says",
    "more bytes than entries", "says more entries", "lies outside of the file",
    "is one part of several", "is cut off", "has no name or a 0 in it",
    "its 64-bit sizes are not there",
};

START_TEST(archives_that_lie_are_refused)
{
    omn_context *ctx = made_context();
    for (int i = 0; i < (int)(sizeof damages / sizeof *damages); i++) {
        archive z = { .n = 0 };
        made m = { NULL, 0, 0 };
        put_pickle(&m);
        archive_add(&z, "r/data.pkl", 0, m.p, m.n, m.n, 0);
        archive_add(&z, "r/data/0", 0, "abcd", 4, 4, 0);
        archive_end(&z, false);
        damage(&z, i);
        made_refused(ctx, testing_write(testing_folder(), "z.pt", z.file.p, z.file.n), OMN_ERR_DATA,
                     damages[i]);
        made_free(&z.file);
        made_free(&m);
    }
    omn_context_free(ctx);
}
END_TEST

static const struct {
    const char *names[4];
    unsigned method;
    const char *text;
} folders[] = {
    { { "r/other.pkl", "r/data/0" }, 0, "without data.pkl" },
    { { "r/data.pkl", "s/data.pkl" }, 0, "holds two files data.pkl" },
    { { "r/data.pkl", "r/data/0", "r/data/0" }, 0, "is there twice" },
    { { "r/data.pkl", "s/data/0" }, 0, "data/0 is not in the archive" },
    { { "r/data.pkl", "r/data/0", "r/byteorder" }, 0, "not in little-endian order" },
    { { "r/data.pkl", "r/data/0" }, 8, "is compressed" },
};

START_TEST(archives_of_others_are_refused)
{
    omn_context *ctx = made_context();
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        archive z = { .n = 0 };
        made m = { NULL, 0, 0 };
        put_pickle(&m);
        for (size_t k = 0; k < 4 && folders[i].names[k]; k++) {
            const bool pickle = strstr(folders[i].names[k], ".pkl") != NULL;
            const unsigned method = pickle ? 0 : folders[i].method;
            archive_add(&z, folders[i].names[k], method, pickle ? (void *)m.p : (void *)"abcd",
                        pickle ? m.n : 4, pickle ? m.n : 4, 0);
        }
        archive_end(&z, i % 2);
        made_refused(ctx, testing_write(testing_folder(), "z.pt", z.file.p, z.file.n),
                     i == 4 ? OMN_ERR_UNSUPPORTED : OMN_ERR_DATA, folders[i].text);
        made_free(&z.file);
        made_free(&m);
    }
    omn_context_free(ctx);
}
END_TEST

/* ---- folders -------------------------------------------------------------------------------- */

START_TEST(a_folder_and_an_index_find_their_files)
{
    omn_context *ctx = made_context();
    const char *folder = testing_folder();
    testing_copy("tests/golden/loaders/beit3_f16.pth", folder, "any.pth");
    omn_weights *w = made_open(ctx, folder);
    ck_assert_uint_eq(omn_weights_count(w), 135);
    omn_weights_close(w);
    testing_copy("tests/golden/loaders/clip.pt", folder, "other.pt");
    made_refused(ctx, folder, OMN_ERR_DATA, "several files of weights (");
    static const char index[] = "{\"metadata\":{},\"weight_map\":{\"a\":\"any.pth\",\"b\":"
                                "\"other.pt\",\"c\":\"any.pth\"}}";
    testing_write(folder, "pytorch_model.bin.index.json", index, sizeof index - 1);
    w = made_open(ctx, folder);
    ck_assert_uint_eq(omn_weights_count(w), 135 + 77);
    omn_weights_close(w);
    testing_copy("tests/golden/loaders/beit3.pth", folder, "pytorch_model.bin");
    w = made_open(ctx, folder);
    ck_assert_uint_eq(omn_weights_count(w), 135);
    ck_assert_ptr_nonnull(strstr(omn_weights_path(w), "pytorch_model.bin"));
    omn_weights_close(w);
    testing_copy("tests/golden/clip/tiny_a.weights.safetensors", folder, "model.safetensors");
    w = made_open(ctx, folder);
    ck_assert_uint_eq(omn_weights_count(w), 74);
    omn_weights_close(w);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("weights/torch");
    TCase *t = tcase_create("torch");
    tcase_set_timeout(t, 60); /* a few hundred files each */
    tcase_add_loop_test(t, what_torch_wrote_equals_the_golden_tensors, 0,
                        sizeof natives / sizeof *natives);
    tcase_add_test(t, the_mean_of_the_weights_comes_first_and_a_setting_takes_another);
    tcase_add_test(t, files_that_are_cut_off_or_damaged_do_no_harm);
    tcase_add_test(t, views_of_shared_storages_become_dense);
    tcase_add_loop_test(t, classes_are_refused_by_their_names, 0,
                        sizeof classes / sizeof *classes);
    tcase_add_test(t, pickles_that_are_wrong_are_refused);
    tcase_add_test(t, pickles_that_grow_have_an_end);
    tcase_add_test(t, tensors_that_lie_are_refused);
    tcase_add_test(t, names_that_no_file_can_have_are_refused);
    tcase_add_test(t, texts_beside_tensors);
    tcase_add_test(t, archives_that_lie_are_refused);
    tcase_add_test(t, archives_of_others_are_refused);
    tcase_add_test(t, a_folder_and_an_index_find_their_files);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    if (!getenv("CK_TAP_LOG_FILE_NAME")) srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
