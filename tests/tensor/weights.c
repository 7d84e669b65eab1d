/* SPDX-License-Identifier: Apache-2.0 */
/* Weights files that are right: written and read back, sharded, in a folder, written by others, and
 * as many tensors as a model of seven billion weights has. */
#include <omnio/tensor.h>

#include "libcore/tensor/weights_write.h"
#include "tests/testing.h"

#include <fcntl.h>
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

START_TEST(a_tensor_that_nobody_asks_for_may_have_any_type)
{
    omn_weights *w = open_good(write_file(
        "types.safetensors",
        "{\"f4\":{\"dtype\":\"F4\",\"shape\":[3,2],\"data_offsets\":[0,3]},"
        "\"f6\":{\"dtype\":\"F6_E3M2\",\"shape\":[4],\"data_offsets\":[3,6]},"
        "\"f64\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[6,22]},"
        "\"u16\":{\"dtype\":\"U16\",\"shape\":[1],\"data_offsets\":[22,24]}}",
        24));
    ck_assert_uint_eq(omn_weights_count(w), 4);
    ck_assert_int_eq(omn_weights_get(w, "f64")->type, OMN_F64);
    ck_assert_uint_eq(omn_weights_get(w, "f64")->bytes, 16);
    ck_assert_int_eq(omn_weights_get(w, "f4")->type, OMN_F4);
    ck_assert_int_eq(omn_weights_get(w, "f6")->type, OMN_F6_E3M2);
    ck_assert_int_eq(omn_weights_get(w, "u16")->type, OMN_U16);
    omn_weights_close(w);
}
END_TEST

/* Turns one bit of byte `at`, counted from the end. */
static void flip(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    ck_assert(f && fseek(f, -at, SEEK_END) == 0);
    const int byte = fgetc(f);
    ck_assert(byte != EOF && fseek(f, -at, SEEK_END) == 0 && fputc(byte ^ 4, f) != EOF);
    ck_assert_int_eq(fclose(f), 0);
}

START_TEST(a_flipped_bit_is_noticed)
{
    const float x[3] = { 1, 2, 3 };
    const omn_weights_entry two[] = { { "b", { OMN_F32, omn_dim1(2), x, 8 } },
                                      { "a", { OMN_F32, omn_dim1(1), x + 2, 4 } } };
    const char *path = in("sums.safetensors");
    size_t n = 0;
    for (int round = 0; round < 3; round++) {
        omn_error err = OMN_ERROR_INIT;
        ck_assert_int_eq(omn_weights_write(path, OMN_OVERWRITE, two, 2, NULL, 0, NULL), OMN_OK);
        /* The data end with those of b, before them lies a. */
        if (round) flip(path, round == 1 ? 12 : 1);
        omn_weights *w = open_good(path);
        const omn_status st = omn_weights_check(w, &n, &err);
        ck_assert_uint_eq(omn_weights_meta_count(w), 0);
        if (!round) {
            ck_assert_msg(st == OMN_OK, "%s", err.text);
            ck_assert_uint_eq(n, 2);
        } else {
            ck_assert_int_eq(st, OMN_ERR_DATA);
            const char *says = round == 1 ? "sums.safetensors: tensor a is damaged"
                                          : "sums.safetensors: tensor b is damaged";
            ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
        }
        omn_weights_close(w);
    }
}
END_TEST

START_TEST(checksums_are_those_that_are_documented)
{
    /* XXH3 of "abc", and of nothing, as the reference gives them. */
    omn_weights *w = open_good(write_file(
        "given.safetensors",
        "{\"__metadata__\":{\"omnio.xxh3\":\"78af5f94892f39502d06800538d394c2\"},"
        "\"x\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
        "\"y\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[3,3]}}",
        3));
    size_t n = 0;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(omn_weights_check(w, &n, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "tensor x is damaged"), "%s", err.text); /* 0 1 2, not "abc" */
    omn_weights_close(w);
    char abc[512];
    const char *const head =
        "{\"__metadata__\":{\"omnio.xxh3\":\"78af5f94892f39502d06800538d394c2\"},"
        "\"x\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
        "\"y\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[3,3]}}";
    memset(abc, 0, 8);
    abc[0] = (char)strlen(head);
    snprintf(abc + 8, sizeof abc - 8, "%sabc", head);
    w = open_good(testing_write(testing_folder(), "abc", abc, 8 + strlen(head) + 3));
    ck_assert_int_eq(omn_weights_check(w, &n, NULL), OMN_OK);
    ck_assert_uint_eq(n, 2);
    omn_weights_close(w);
}
END_TEST

static omn_status make(void *user, size_t i, const void **bytes, omn_error *err)
{
    static const uint8_t all[3][4] = { { 1, 2, 3, 4 }, { 5, 6, 7, 8 }, { 9, 10, 11, 12 } };
    unsigned *made = user;
    if (++made[i] > 1) return omn_fail(err, OMN_ERR_INTERNAL, "made before");
    *bytes = all[i];
    return OMN_OK;
}

static omn_status make_first(void *user, size_t i, const void **bytes, omn_error *err)
{
    return i ? omn_fail(err, OMN_ERR_DATA, "cannot be made") : make(user, i, bytes, err);
}

START_TEST(what_is_made_is_made_once)
{
    const omn_tensor t = { OMN_U8, omn_dim1(4), NULL, 4 };
    const writing list[] = { { .name = "c", .tensor = t }, { .name = "a", .tensor = t },
                             { .name = "b", .tensor = t } };
    unsigned made[3] = { 0 };
    size_t n = 0;
    omn_error err = OMN_ERROR_INIT;
    const char *path = in("made.safetensors"), *none = in("none.safetensors");
    ck_assert_msg(weights_write(path, OMN_OVERWRITE, list, 3, NULL, 0, NULL, make, made, &err) ==
                      OMN_OK, "%s", err.text);
    for (int i = 0; i < 3; i++) ck_assert_uint_eq(made[i], 1);
    omn_weights *w = open_good(path);
    ck_assert_msg(omn_weights_check(w, &n, &err) == OMN_OK, "%s", err.text);
    ck_assert_uint_eq(n, 3);
    omn_weights_close(w);
    made[0] = 0;
    ck_assert_int_eq(weights_write(none, OMN_OVERWRITE, list, 3, NULL, 0, NULL, make_first, made,
                                   &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "/none.safetensors: cannot be made"), "%s", err.text);
    ck_assert_int_ne(access(none, F_OK), 0);
}
END_TEST

START_TEST(checksums_of_other_tensors_are_no_checksums)
{
    static const char *const sums[] = { "", "78af5f94892f3950",
                                        "78af5f94892f39502d06800538d394c2ff",
                                        "78AF5F94892F39502D06800538D394C2" };
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        char head[512];
        omn_error err = OMN_ERROR_INIT;
        snprintf(head, sizeof head, "{\"__metadata__\":{\"omnio.xxh3\":\"%s\"}," ONE("a", "0,2")
                 "," ONE("b", "2,4") "}", sums[i]);
        omn_weights *w = open_good(write_file("x", head, 4));
        ck_assert_int_eq(omn_weights_check(w, NULL, &err), OMN_ERR_DATA);
        ck_assert_msg(strstr(err.text, "are not those of its tensors"), "%s", err.text);
        omn_weights_close(w);
    }
    /* A file of somebody else has none, which is no error. */
    size_t n = 9;
    omn_weights *w = open_good(write_file("y", "{" ONE("a", "0,2") "}", 2));
    ck_assert_int_eq(omn_weights_check(w, &n, NULL), OMN_OK);
    ck_assert_uint_eq(n, 0);
    omn_weights_close(w);
}
END_TEST

START_TEST(a_file_that_changes_in_its_place_is_noticed)
{
    const char *path = write_file("change", "{" ONE("a", "0,2") "}", 2), *other = in("other");
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = open_good(path);
    ck_assert_int_eq(omn_weights_unchanged(w, NULL), OMN_OK);
    ck_assert_int_eq(truncate(path, 3), 0);
    ck_assert_int_eq(omn_weights_unchanged(w, &err), OMN_ERR_IO);
    ck_assert_msg(strstr(err.text, "change: has changed while it was used"), "%s", err.text);
    omn_weights_close(w);
    /* The same bytes written anew have another time. */
    path = write_file("again", "{" ONE("a", "0,2") "}", 2);
    const struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
    ck_assert_int_eq(utimensat(AT_FDCWD, path, old, 0), 0);
    w = open_good(path);
    flip(path, 1);
    ck_assert_int_eq(omn_weights_unchanged(w, NULL), OMN_ERR_IO);
    omn_weights_close(w);
    /* A new file that is renamed over it, or no file, leaves the old one whole. */
    path = write_file("kept", "{" ONE("a", "0,2") "}", 2);
    w = open_good(path);
    ck_assert_int_eq(rename(write_file("other", "{}", 0), path), 0);
    ck_assert_int_eq(omn_weights_unchanged(w, NULL), OMN_OK);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(omn_weights_unchanged(w, NULL), OMN_OK);
    ck_assert_mem_eq(omn_weights_get(w, "a")->data, "\0\1", 2);
    ck_assert_int_ne(access(other, F_OK), 0);
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
        a_tensor_that_nobody_asks_for_may_have_any_type,
        a_flipped_bit_is_noticed,
        checksums_are_those_that_are_documented,
        what_is_made_is_made_once,
        checksums_of_other_tensors_are_no_checksums,
        a_file_that_changes_in_its_place_is_noticed,
        as_many_tensors_as_seven_billion_weights_open_in_milliseconds,
    };
    return TESTING_RUN("tensor/weights", all, 10);
}
