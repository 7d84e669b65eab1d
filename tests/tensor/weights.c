/* SPDX-License-Identifier: Apache-2.0 */
/* Weights files that are right: written and read back, sharded, in a folder, written by others, and
 * as many tensors as a model of seven billion weights has. */
#include <omnio/tensor.h>

#include "tests/testing.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static omn_weights *open_good(const char *path)
{
    omn_weights *w = NULL;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_msg(omn_weights_open(path, &w, &err) == OMN_OK, "%s", err.text);
    return w;
}

static const char *in(const char *name)
{
    static char kept[8][4200];
    static unsigned next;
    char *path = kept[next++ % 8];
    snprintf(path, sizeof kept[0], "%s/%s", testing_folder(), name);
    return path;
}

/* A file with this header and `size` bytes of data, byte i being i. */
static const char *write_file(const char *name, const char *header, size_t size)
{
    uint64_t n = strlen(header);
    unsigned char *all = malloc(8 + n + size);
    for (int i = 0; i < 8; i++) all[i] = (unsigned char)(n >> (8 * i));
    memcpy(all + 8, header, n);
    for (size_t i = 0; i < size; i++) all[8 + n + i] = (unsigned char)i;
    const char *path = testing_write(testing_folder(), name, all, 8 + n + size);
    free(all);
    return path;
}

START_TEST(what_was_written_is_read)
{
    const float a[6] = { 1, 2, 3, 4, 5, 6 };
    const uint8_t b[3] = { 7, 8, 9 };
    const int64_t c = -5;
    const omn_weights_entry entries[] = {
        { "z.weight", { OMN_F32, omn_dim2(2, 3), a, sizeof a } },
        { "a \"quoted\"\n\xc3\xa9", { OMN_U8, omn_dim1(3), b, sizeof b } },
        { "m", { OMN_I64, omn_dim0(), &c, sizeof c } },
        { "nothing", { OMN_BF16, omn_dim2(0, 4), NULL, 0 } },
    };
    const char *const meta[] = { "format", "pt", "config", "{\"x\": \"\\u0001\"}" };
    const char *path = in("a.safetensors");
    omn_error err = OMN_ERROR_INIT;
    ck_assert_msg(omn_weights_write(path, OMN_KEEP_EXISTING, entries, 4, meta, 2, &err) == OMN_OK,
                  "%s", err.text);
    omn_weights *w = open_good(path);
    ck_assert_uint_eq(omn_weights_count(w), 4);
    ck_assert_str_eq(omn_weights_name(w, 0), entries[1].name);
    ck_assert_str_eq(omn_weights_name(w, 3), "z.weight");
    ck_assert_ptr_null(omn_weights_name(w, 4));
    ck_assert_ptr_null(omn_weights_at(w, 4));
    for (size_t i = 0; i < 4; i++) {
        const omn_tensor *t = omn_weights_get(w, entries[i].name);
        ck_assert_ptr_nonnull(t);
        ck_assert_int_eq(t->type, entries[i].tensor.type);
        ck_assert(omn_shape_equal(&t->shape, &entries[i].tensor.shape));
        ck_assert_uint_eq(t->bytes, entries[i].tensor.bytes);
        ck_assert(t->bytes == 0 || memcmp(t->data, entries[i].tensor.data, t->bytes) == 0);
    }
    ck_assert_ptr_null(omn_weights_get(w, "z"));
    ck_assert_str_eq(omn_weights_meta(w, "format"), "pt");
    ck_assert_str_eq(omn_weights_meta(w, "config"), meta[3]);
    ck_assert_ptr_null(omn_weights_meta(w, "none"));
    ck_assert_uint_eq(omn_weights_meta_count(w), 2);
    ck_assert_str_eq(omn_weights_meta_key(w, 0), "config");
    ck_assert_ptr_null(omn_weights_meta_key(w, 2));
    ck_assert_uint_eq(omn_weights_maps(w), 1);
    /* The data begin at a multiple of 64 of the mapping. */
    const omn_map *map = omn_weights_map(w, 0);
    const char *first = omn_weights_at(w, 0)->data, *base = omn_map_data(map);
    ck_assert_uint_eq((size_t)(first - base) % 64, 0);
    ck_assert_ptr_null(omn_weights_map(w, 1));
    ck_assert_str_eq(omn_weights_path(w), path);
    omn_weights_close(w);
    omn_weights_close(NULL);
}
END_TEST

START_TEST(the_same_tensors_make_the_same_bytes)
{
    const uint8_t x[2] = { 1, 2 };
    const omn_weights_entry ab[] = { { "a", { OMN_U8, omn_dim1(1), x, 1 } },
                                     { "b", { OMN_U8, omn_dim1(1), x + 1, 1 } } };
    const omn_weights_entry ba[] = { ab[1], ab[0] };
    char *one = NULL, *two = NULL;
    size_t n_one, n_two;
    ck_assert_int_eq(omn_weights_write(in("1"), OMN_OVERWRITE, ab, 2, NULL, 0, NULL), OMN_OK);
    ck_assert_int_eq(omn_weights_write(in("2"), OMN_OVERWRITE, ba, 2, NULL, 0, NULL), OMN_OK);
    ck_assert_int_eq(omn_file_read(in("1"), 4096, &one, &n_one, NULL), OMN_OK);
    ck_assert_int_eq(omn_file_read(in("2"), 4096, &two, &n_two, NULL), OMN_OK);
    ck_assert(n_one == n_two && memcmp(one, two, n_one) == 0);
    free(one);
    free(two);
}
END_TEST

START_TEST(what_cannot_be_written_is_refused_and_leaves_nothing)
{
    const float x = 1.0f;
    const omn_tensor good = { OMN_F32, omn_dim1(1), &x, 4 };
    const omn_weights_entry twice[] = { { "a", good }, { "b", good }, { "a", good } };
    const omn_weights_entry lying[] = { { "a", { OMN_F32, omn_dim1(2), &x, 4 } } };
    const omn_weights_entry typeless[] = { { "a", { OMN_TYPE_NONE, omn_dim1(1), &x, 4 } } };
    const omn_weights_entry reserved[] = { { "__metadata__", good } };
    const omn_weights_entry latin1[] = { { "caf\xe9", good } };
    const char *const meta[] = { "k", "1", "k", "2" };
    const char *path = in("bad");
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(omn_weights_write(path, OMN_OVERWRITE, twice, 3, NULL, 0, &err),
                     OMN_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "/bad: tensor a is there twice"));
    ck_assert_int_eq(omn_weights_write(path, OMN_OVERWRITE, lying, 1, NULL, 0, NULL),
                     OMN_ERR_SHAPE);
    ck_assert_int_eq(omn_weights_write(path, OMN_OVERWRITE, typeless, 1, NULL, 0, NULL),
                     OMN_ERR_ARGUMENT);
    ck_assert_int_eq(omn_weights_write(path, OMN_OVERWRITE, reserved, 1, NULL, 0, NULL),
                     OMN_ERR_ARGUMENT);
    ck_assert_int_eq(omn_weights_write(path, OMN_OVERWRITE, latin1, 1, NULL, 0, NULL),
                     OMN_ERR_ARGUMENT);
    ck_assert_int_eq(omn_weights_write(path, OMN_OVERWRITE, twice, 2, meta, 2, NULL),
                     OMN_ERR_ARGUMENT);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(omn_weights_write(path, OMN_KEEP_EXISTING, twice, 2, meta, 1, NULL), OMN_OK);
    ck_assert_int_eq(omn_weights_write(path, OMN_KEEP_EXISTING, twice, 2, meta, 1, NULL),
                     OMN_ERR_IO);
}
END_TEST

START_TEST(an_empty_file_of_tensors_is_a_file)
{
    const char *path = in("none");
    ck_assert_int_eq(omn_weights_write(path, OMN_OVERWRITE, NULL, 0, NULL, 0, NULL), OMN_OK);
    omn_weights *w = open_good(path);
    ck_assert_uint_eq(omn_weights_count(w), 0);
    ck_assert_ptr_null(omn_weights_get(w, "a"));
    ck_assert_ptr_null(omn_weights_meta(w, "a"));
    omn_weights_close(w);
}
END_TEST

START_TEST(headers_of_other_writers_are_understood)
{
    /* Spaces, line ends, escapes, any order of members, any alignment, a scalar, an empty
     * tensor. */
    omn_weights *w = open_good(write_file(
        "x.safetensors",
        "{ \"__metadata__\" : { } ,\r\n\t\"\\u0061\\/\\ud83d\\ude00\":{\"data_offsets\":[1, 5],"
        "\"dtype\":\"F32\",\"shape\":[]},\"b\":{\"dtype\":\"U8\",\"shape\":[1],"
        "\"data_offsets\":[0,1]},\"e\":{\"dtype\":\"I64\",\"shape\":[3,0],\"data_offsets\":[5,5]}} "
        "  ",
        5));
    ck_assert_uint_eq(omn_weights_count(w), 3);
    const omn_tensor *t = omn_weights_get(w, "a/\xf0\x9f\x98\x80");
    ck_assert_ptr_nonnull(t);
    ck_assert_uint_eq(t->shape.rank, 0);
    ck_assert_int_eq(memcmp(t->data, "\1\2\3\4", 4), 0);
    ck_assert_uint_eq(omn_weights_get(w, "e")->bytes, 0);
    omn_weights_close(w);
}
END_TEST

#define ONE(name, at) "\"" name "\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[" at "]}"

START_TEST(an_index_joins_its_shards)
{
    static const char index[] =
        "{\"metadata\":{\"total_size\":6,\"made\":\"by hand\",\"more\":[1,{\"x\":[-1.5e3]}]},"
        "\"weight_map\":{\"c\":\"m-2.safetensors\",\"a\":\"m-1.safetensors\","
        "\"b\":\"m-1.safetensors\"},\"extra\":null}";
    write_file("m-1.safetensors", "{" ONE("b", "0,2") "," ONE("a", "2,4") "," ONE("z", "4,6") "}",
               6);
    write_file("m-2.safetensors", "{\"__metadata__\":{\"format\":\"pt\"}," ONE("c", "0,2") "}", 2);
    const char *path =
        testing_write(testing_folder(), "model.safetensors.index.json", index, sizeof index - 1);
    for (int round = 0; round < 2; round++) {
        omn_weights *w = open_good(round == 0 ? path : testing_folder());
        ck_assert_uint_eq(omn_weights_count(w), 3); /* z is in a shard and not in the index */
        ck_assert_str_eq(omn_weights_name(w, 0), "a");
        ck_assert_str_eq(omn_weights_name(w, 2), "c");
        ck_assert_int_eq(memcmp(omn_weights_get(w, "a")->data, "\2\3", 2), 0);
        ck_assert_int_eq(memcmp(omn_weights_get(w, "c")->data, "\0\1", 2), 0);
        ck_assert_uint_eq(omn_weights_maps(w), 2);
        ck_assert_str_eq(omn_weights_meta(w, "made"), "by hand");
        ck_assert_str_eq(omn_weights_meta(w, "format"), "pt");
        ck_assert_str_eq(omn_weights_path(w), path);
        omn_weights_close(w);
    }
    /* A folder with the whole file prefers it. */
    write_file("model.safetensors", "{" ONE("only", "0,2") "}", 2);
    omn_weights *w = open_good(testing_folder());
    ck_assert_uint_eq(omn_weights_count(w), 1);
    omn_weights_close(w);
}
END_TEST

START_TEST(as_many_tensors_as_seven_billion_weights_open_in_milliseconds)
{
    /* 2,000 tensors of 7 MiB each in a file with holes: 14 GB that take no room on the disk. */
    enum { TENSORS = 2000 };
    const size_t each = 7340032;
    char *header = malloc(TENSORS * 160);
    size_t n = 8;
    header[n++] = '{';
    for (size_t i = 0; i < TENSORS; i++)
        n += (size_t)sprintf(header + n,
                             "%s\"decoder.layers_%zu.self_attention.query.weight\":{\"dtype\":"
                             "\"BF16\",\"shape\":[1024,3584],\"data_offsets\":[%zu,%zu]}",
                             i ? "," : "", i, i * each, (i + 1) * each);
    header[n++] = '}';
    for (int i = 0; i < 8; i++) header[i] = (char)(unsigned char)((n - 8) >> (8 * i));
    const char *path = testing_write(testing_folder(), "big.safetensors", header, n);
    ck_assert_int_eq(truncate(path, (off_t)(n + TENSORS * each)), 0);
    struct timespec from, to;
    double best = 1e9;
    for (int round = 0; round < 5; round++) {
        clock_gettime(CLOCK_MONOTONIC, &from);
        omn_weights *w = open_good(path);
        clock_gettime(CLOCK_MONOTONIC, &to);
        ck_assert_uint_eq(omn_weights_count(w), TENSORS);
        omn_weights_close(w);
        double ms = (double)(to.tv_sec - from.tv_sec) * 1e3 +
                    (double)(to.tv_nsec - from.tv_nsec) / 1e6;
        if (ms < best) best = ms;
    }
    /* Some 3 ms; the bound leaves room for sanitizers and a busy machine, not for reading 14 GB. */
    printf("# opened %d tensors in %.2f ms\n", TENSORS, best);
    ck_assert_msg(best < 200.0, "opening took %.1f ms", best);
    free(header);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        what_was_written_is_read,
        the_same_tensors_make_the_same_bytes,
        what_cannot_be_written_is_refused_and_leaves_nothing,
        an_empty_file_of_tensors_is_a_file,
        headers_of_other_writers_are_understood,
        an_index_joins_its_shards,
        as_many_tensors_as_seven_billion_weights_open_in_milliseconds,
    };
    return TESTING_RUN("tensor/weights", all, 10);
}
