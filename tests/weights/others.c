/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of NumPy, flax and TensorFlow: files that those programs wrote equal the tensors that
 * they hold; what is cut off, damaged or made to mislead is refused. The .npz files come from NumPy
 * 2.4.6, their values were written beside them as safetensors. */
#include "tests/testing.h"
#include "tests/weights/made.h"

#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN(name) testing_source("tests/golden/loaders/" name)

/* ---- NumPy ---------------------------------------------------------------------------------- */

START_TEST(arrays_of_numpy_equal_what_was_written)
{
    omn_context *ctx = made_context();
    ck_assert_uint_eq(made_compare(ctx, GOLDEN("stored.npz"), GOLDEN("numpy.safetensors"), ""), 10);
    omn_weights *w = made_open(ctx, GOLDEN("stored.npz")), *one = made_open(ctx, GOLDEN("one.npy"));
    const omn_tensor *x = omn_weights_get(one, "array"), *y = omn_weights_get(w, "turned");
    ck_assert(x && y && omn_shape_equal(&x->shape, &y->shape));
    ck_assert_int_eq(memcmp(x->data, y->data, x->bytes), 0);
    omn_weights_close(one);
    omn_weights_close(w);
    omn_context_free(ctx);
}
END_TEST

#ifdef HAVE_ZLIB
/* All but the one in Fortran order. */
START_TEST(packed_arrays_equal_what_was_written)
{
    omn_context *ctx = made_context();
    omn_weights *want = NULL, *have = made_open(ctx, GOLDEN("packed.npz"));
    ck_assert_int_eq(omn_weights_open(GOLDEN("numpy.safetensors"), &want, NULL), OMN_OK);
    ck_assert_uint_eq(omn_weights_count(have), 9);
    for (size_t i = 0; i < omn_weights_count(have); i++) {
        const omn_tensor *x = omn_weights_at(have, i),
                         *y = omn_weights_get(want, omn_weights_name(have, i));
        ck_assert(y && x->type == y->type && omn_shape_equal(&x->shape, &y->shape));
        if (x->bytes) ck_assert_int_eq(memcmp(x->data, y->data, x->bytes), 0);
    }
    omn_weights_close(want);
    omn_weights_close(have);
    omn_context_free(ctx);
}
END_TEST
#endif

static void put_npy(made *m, const char *dict)
{
    made_put(m, "\x93NUMPY\1\0", 8);
    made_number(m, strlen(dict), 2);
    pickle_op(m, dict);
}

#define DICT(descr, order, shape)                                                                  \
    "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }"
static const struct {
    const char *dict, *text;
    omn_status status;
} arrays[] = {
    { DICT("|O", "False", "(1,)"), "holds objects, which are pickles and refused", OMN_ERR_DATA },
    { DICT(">f4", "False", "(1,)"), "not in little-endian order", OMN_ERR_DATA },
    { DICT("<V2", "False", "(2,)"), "of a type that is not known", OMN_ERR_DATA },
    { DICT("<f4", "False", "(2,)"), "not of as many bytes", OMN_ERR_DATA },
    { DICT("<f4", "False", "(4611686018427387904, 4)"), "not of as many bytes", OMN_ERR_DATA },
    { DICT("<f4", "False", "(99999999999999999999,)"), "what is no size", OMN_ERR_DATA },
    { DICT("<f4", "False", "(-1,)"), "what is no size", OMN_ERR_DATA },
    { DICT("<f4", "False", "(1, 1, 1, 1, 1, 1, 1)"), "more than 6 axes", OMN_ERR_DATA },
    { DICT("<f4", "Maybe", "(1,)"), "neither True nor False", OMN_ERR_DATA },
    { "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "no plain array",
      OMN_ERR_DATA },
    { "{'descr': '<f4', 'descr': '<f4'}", "an entry twice", OMN_ERR_DATA },
    { "{'descr': '<f4'}", "lacks descr", OMN_ERR_DATA },
    { "{'descr': '<f4', 'x': 1}", "another entry", OMN_ERR_DATA },
    { "__import__('os').system('true')", "its header is no dict", OMN_ERR_DATA },
    { DICT("<f4", "False", "(1,)") "+ 1", "goes on behind its end", OMN_ERR_DATA },
    { "{'descr': '<f4", "no plain array", OMN_ERR_DATA },
};

START_TEST(arrays_that_are_wrong_are_refused)
{
    omn_context *ctx = made_context();
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        made m = { NULL, 0, 0 };
        archive z = { .n = 0 };
        put_npy(&m, arrays[i].dict);
        made_put(&m, "abcd", 4);
        archive_add(&z, "x.npy", 0, m.p, m.n, m.n, 0);
        archive_end(&z, false);
        const char *path = testing_write(testing_folder(), "a.npz", z.file.p, z.file.n);
        made_refused(ctx, path, arrays[i].status, arrays[i].text);
        made_free(&z.file);
        made_free(&m);
    }
    omn_context_free(ctx);
}
END_TEST

#ifdef HAVE_ZLIB
static uint32_t crc_of(const made *m)
{
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < m->n; i++) {
        c ^= m->p[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
    }
    return ~c;
}

/* An array that is deflated (in one plain block), what the directory says of it bent. */
static const char *packed(const made *npy, size_t size, uint32_t crc)
{
    made m = { NULL, 0, 0 };
    archive z = { .n = 0 };
    made_put(&m, "\1", 1);
    made_number(&m, npy->n, 2);
    made_number(&m, ~npy->n, 2);
    made_put(&m, npy->p, npy->n);
    archive_add(&z, "x.npy", 8, m.p, m.n, size, crc);
    archive_end(&z, false);
    const char *path = testing_write(testing_folder(), "a.npz", z.file.p, z.file.n);
    made_free(&z.file);
    made_free(&m);
    return path;
}

START_TEST(packed_arrays_that_lie_are_refused)
{
    omn_context *ctx = made_context();
    made m = { NULL, 0, 0 };
    put_npy(&m, DICT("<f4", "False", "(1,)"));
    made_put(&m, "abcd", 4);
    omn_weights *w = made_open(ctx, packed(&m, m.n, crc_of(&m)));
    ck_assert_int_eq(memcmp(omn_weights_at(w, 0)->data, "abcd", 4), 0);
    omn_weights_close(w);
    made_refused(ctx, packed(&m, m.n, 7), OMN_ERR_DATA, "not those of its checksum");
    made_refused(ctx, packed(&m, m.n + 4, crc_of(&m)), OMN_ERR_DATA, "fewer bytes");
    made_refused(ctx, packed(&m, m.n - 4, crc_of(&m)), OMN_ERR_DATA, "not ");
    made_free(&m);
    /* A few bytes that say a gigabyte. */
    put_npy(&m, DICT("<f4", "False", "(268435456,)"));
    const size_t most = 100000;
    made body = { NULL, 0, 0 };
    made_put(&body, m.p, m.n);
    while (body.n < most / 2) made_put(&body, "\0\0\0\0\0\0\0\0", 8);
    made_refused(ctx, packed(&body, m.n + ((size_t)1 << 30), 7), OMN_ERR_DATA,
                 "its tensors say more than");
    made_free(&body);
    made_free(&m);
    omn_context_free(ctx);
}
END_TEST
#endif

/* ---- flax ----------------------------------------------------------------------------------- */

START_TEST(a_file_of_flax_equals_what_flax_reads)
{
    omn_context *ctx = made_context();
    ck_assert_uint_eq(made_compare(ctx, GOLDEN("native_variants.bin"),
                                   GOLDEN("native_variants.safetensors"), "out."), 31);
    omn_weights *w = made_open(ctx, GOLDEN("native_variants.bin"));
    ck_assert_uint_eq(omn_weights_count(w), 31);
    ck_assert_int_eq((int)omn_weights_get(w, "a/bf16")->type, (int)OMN_BF16);
    ck_assert_int_eq((int)omn_weights_get(w, "b/f64")->type, (int)OMN_F64);
    omn_weights_close(w);
    omn_context_free(ctx);
}
END_TEST

/* {"x": an array [1] of float32} and what may stand in its place. */
#define ARRAY "\xc7\x11\x01\x93\x91\x01\xa7" "float32\xc4\x04" "abcd"
#define OPS(s) s, sizeof(s) - 1
static const struct {
    const char *ops;
    size_t n;
    const char *text;
} flax[] = {
    { OPS("\x81\xa1x\xc7\x11\x01\x93\x91\x02\xa7" "float32\xc4\x04" "abcd"), "as many bytes" },
    { OPS("\x81\xa1x\xc7\x11\x01\x93\x91\xff\xa7" "float32\xc4\x04" "abcd"), "what is no size" },
    { OPS("\x81\xa1x\xc7\x11\x01\x93\x91\x01\xa7" "string1\xc4\x04" "abcd"), "not known here" },
    { OPS("\x81\xa1x\xc7\xff\x01\x93\x91\x01\xa7" "float32\xc4\x04" "abcd"), "is cut off" },
    { OPS("\x81\xa1x" ARRAY "\xc0"), "bytes behind its end" },
    { OPS("\x82\xa1x" ARRAY "\xa1x" ARRAY), "tensor x is there twice" },
    { OPS("\x81\xa0" ARRAY), "a key is empty" },
    { OPS("\x82\xa1y" ARRAY "\xc0" ARRAY), "a key is no text" },
    { OPS("\x81\xa1x\xc1"), "is cut off, or no MessagePack" },
    { OPS("\x81\xa1x\xa1y"), "it holds no arrays" },
    { OPS("\x81\xa1x\xdf\xff\xff\xff\xff\xa1y\xc0"), "is cut off" },
    { OPS("\x81\xa1x\x83\xb9__msgpack_chunked_array__\xc3\xa5shape\x81\xa1" "0\x02\xa6" "chunks\x81"
          "\xa1" "0" ARRAY), "not of as many bytes as its shape" },
    { OPS("\x81\xa1x\x83\xb9__msgpack_chunked_array__\xc3\xa5shape\x81\xa1" "1\x01\xa6" "chunks\x81"
          "\xa1" "0" ARRAY), "what is no size" },
    { OPS("\x81\xa1x\x82\xb9__msgpack_chunked_array__\xc3\xa5shape\x81\xa1" "0\x01"),
      "not of as many bytes as its shape" },
};

START_TEST(files_of_flax_that_are_wrong_are_refused)
{
    omn_context *ctx = made_context();
    for (size_t i = 0; i < sizeof flax / sizeof *flax; i++)
        made_refused(ctx, testing_write(testing_folder(), "a.msgpack", flax[i].ops, flax[i].n),
                     OMN_ERR_DATA, flax[i].text);
    made m = { NULL, 0, 0 };
    for (int i = 0; i < 100; i++) made_put(&m, "\x81\xa1x", 3);
    made_put(&m, ARRAY, sizeof ARRAY - 1);
    made_refused(ctx, testing_write(testing_folder(), "a.msgpack", m.p, m.n), OMN_ERR_DATA,
                 "maps within maps, deeper than 32");
    made_free(&m);
    omn_context_free(ctx);
}
END_TEST

START_TEST(params_of_a_training_are_taken_alone)
{
    char path[512];
    static const char file[] = "\x83\xa9opt_state\x81\xa1m" ARRAY "\xa6params\x81\xa1x" ARRAY
                               "\xa4step\x07";
    omn_context *ctx = made_context();
    const char *plain = testing_write(testing_folder(), "a.msgpack", file, sizeof file - 1);
    omn_weights *w = made_open(ctx, plain);
    ck_assert_uint_eq(omn_weights_count(w), 1);
    ck_assert_str_eq(omn_weights_name(w, 0), "x");
    ck_assert_str_eq(omn_weights_meta(w, "tree"), "params");
    omn_weights_close(w);
    snprintf(path, sizeof path, "%s?tree=opt_state", plain);
    w = made_open(ctx, path);
    ck_assert_uint_eq(omn_weights_count(w), 1);
    ck_assert_str_eq(omn_weights_name(w, 0), "m");
    omn_weights_close(w);
    snprintf(path, sizeof path, "%s?tree=other", plain);
    made_refused(ctx, path, OMN_ERR_ARGUMENT, "no arrays under other");
    omn_context_free(ctx);
}
END_TEST

/* ---- TensorFlow ----------------------------------------------------------------------------- */

static const char *checkpoint(const char *index, size_t n)
{
    const char *folder = testing_folder();
    testing_copy("tests/golden/loaders/pix2seq.data-00000-of-00001", folder,
                 "a.data-00000-of-00001");
    return testing_write(folder, "a.index", index, n);
}

START_TEST(a_checkpoint_of_tensorflow_equals_the_golden_tensors)
{
    omn_context *ctx = made_context();
    const char *golden = testing_source("tests/golden/pix2seq/tiny_a.weights.safetensors");
    ck_assert_uint_eq(made_compare(ctx, GOLDEN("pix2seq.index"), golden, ""), 131);
    omn_weights *w = made_open(ctx, GOLDEN("pix2seq.index"));
    ck_assert_uint_eq(omn_weights_count(w), 131);
    omn_weights_close(w);
    omn_context_free(ctx);
}
END_TEST

START_TEST(a_checkpoint_without_its_data_says_which_file_it_lacks)
{
    char *bytes = NULL;
    size_t n = 0;
    omn_context *ctx = made_context();
    ck_assert_int_eq(omn_file_read(GOLDEN("pix2seq.index"), 1 << 20, &bytes, &n, NULL), OMN_OK);
    made_refused(ctx, testing_write(testing_folder(), "b.index", bytes, n), OMN_ERR_MISSING,
                 "b.data-00000-of-00001");
    const char *path = checkpoint(bytes, n);
    testing_write(testing_folder(), "a.data-00000-of-00001", bytes, 100);
    made_refused(ctx, path, OMN_ERR_DATA, "the file is cut off or wrong");
    free(bytes);
    omn_context_free(ctx);
}
END_TEST

/* ---- all ------------------------------------------------------------------------------------ */

/* Each shorter file is an error; damaged ones do no harm. */
static void damage(const char *from, const char *name, size_t step)
{
    char *bytes = NULL;
    size_t n = 0;
    omn_context *ctx = made_context();
    ck_assert_int_eq(omn_file_read(from, 1 << 22, &bytes, &n, NULL), OMN_OK);
    for (size_t k = 1; k < n; k += step)
        ck_assert_msg(made_try(ctx, testing_write(testing_folder(), name, bytes, k)) != OMN_OK,
                      "%zu of %zu bytes pass for a file", k, n);
    for (uint64_t i = 0; i < 400; i++) {
        unsigned char *copy = malloc(n);
        memcpy(copy, bytes, n);
        for (uint64_t k = 0; k <= i % 4; k++) {
            const uint64_t x = omn_random_at(22, i, k);
            copy[x % n] = (unsigned char)(x >> 40);
        }
        (void)made_try(ctx, testing_write(testing_folder(), name, copy, n));
        free(copy);
    }
    free(bytes);
    omn_context_free(ctx);
}

START_TEST(files_that_are_cut_off_or_damaged_do_no_harm)
{
    damage(GOLDEN("stored.npz"), "a.npz", 13);
    damage(GOLDEN("packed.npz"), "b.npz", 11);
    damage(GOLDEN("native_variants.bin"), "c.bin", 3);
    checkpoint("", 0);
    damage(GOLDEN("pix2seq.index"), "a.index", 61);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("weights/others");
    TCase *t = tcase_create("others");
    tcase_set_timeout(t, 60); /* some thousand files */
    tcase_add_test(t, arrays_of_numpy_equal_what_was_written);
    tcase_add_test(t, arrays_that_are_wrong_are_refused);
#ifdef HAVE_ZLIB
    tcase_add_test(t, packed_arrays_equal_what_was_written);
    tcase_add_test(t, packed_arrays_that_lie_are_refused);
#endif
    tcase_add_test(t, a_file_of_flax_equals_what_flax_reads);
    tcase_add_test(t, files_of_flax_that_are_wrong_are_refused);
    tcase_add_test(t, params_of_a_training_are_taken_alone);
    tcase_add_test(t, a_checkpoint_of_tensorflow_equals_the_golden_tensors);
    tcase_add_test(t, a_checkpoint_without_its_data_says_which_file_it_lacks);
    tcase_add_test(t, files_that_are_cut_off_or_damaged_do_no_harm);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    if (!getenv("CK_TAP_LOG_FILE_NAME")) srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
