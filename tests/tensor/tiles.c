/* SPDX-License-Identifier: Apache-2.0 */
/* Matrices in tiles: where each element lies, files that hold them, files that lie about them, and
 * the way there and back for a file that somebody else wrote. */
#include <omnio/tensor.h>

#include "libcore/tensor/relay.h"
#include "libcore/tensor/tiles.h"
#include "libcore/tensor/weights_write.h"
#include "tests/testing.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t sizes[][2] = { { 1, 1 }, { 31, 33 }, { 32, 32 }, { 33, 31 }, { 64, 7 },
                                    { 5, 96 }, { 70, 65 } };

static const char *in(const char *name)
{
    static char kept[4][4200];
    static unsigned next;
    char *path = kept[next++ % 4];
    snprintf(path, sizeof kept[0], "%s/%s", testing_folder(), name);
    return path;
}

static uint16_t *matrix(int64_t N, int64_t K)
{
    const size_t n = (size_t)(N * K);
    uint16_t *m = malloc(n * sizeof *m);
    for (size_t i = 0; i < n; i++) m[i] = (uint16_t)(i * 40503u + 1);
    return m;
}

static uint16_t *in_tiles(const uint16_t *m, int64_t N, int64_t K, omn_tensor *t)
{
    *t = (omn_tensor){ .type = OMN_BF16, .shape = omn_tiles_shape(N, K) };
    ck_assert(omn_shape_bytes(&t->shape, t->type, &t->bytes));
    uint16_t *tiles = malloc(t->bytes);
    memset(tiles, 0xFF, t->bytes);
    omn_tiles_of_rows(m, N, K, tiles);
    t->data = tiles;
    return tiles;
}

START_TEST(each_element_has_its_place)
{
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const int64_t N = sizes[s][0], K = sizes[s][1], across = (K + 31) / 32;
        omn_tensor t;
        uint16_t *m = matrix(N, K), *tiles = in_tiles(m, N, K, &t);
        for (int64_t n = 0; n < (N + 31) / 32 * 32; n++)
            for (int64_t k = 0; k < across * 32; k++) {
                const int64_t at = ((n / 32 * across + k / 32) * 2 + n / 16 % 2) * 512 +
                                   k % 32 / 2 * 32 + n % 16 * 2 + k % 2;
                ck_assert_uint_eq(tiles[at], n < N && k < K ? m[n * K + k] : 0);
            }
        /* and back, both at odd addresses */
        char *a = malloc(t.bytes + 1), *b = malloc((size_t)(N * K) * 2 + 1);
        memcpy(a + 1, tiles, t.bytes);
        omn_tiles_to_rows(a + 1, N, K, b + 1);
        ck_assert_mem_eq(b + 1, m, (size_t)(N * K) * 2);
        const omn_shape of = omn_dim2(N, K);
        ck_assert(tiles_clean(tiles, &of));
        for (int64_t i = 0; i < (int64_t)t.bytes / 2; i++) {
            const uint16_t was = tiles[i];
            tiles[i] = 0x7FC0;
            omn_tiles_to_rows(tiles, N, K, b + 1);
            ck_assert(tiles_clean(tiles, &of) == (memcmp(b + 1, m, (size_t)(N * K) * 2) != 0));
            tiles[i] = was;
            if (t.bytes > 4096) i += 36; /* a few of many */
        }
        free(a);
        free(b);
        free(m);
        free(tiles);
    }
}
END_TEST

static omn_weights *open_good(const char *path)
{
    omn_weights *w = NULL;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_msg(omn_weights_open(path, &w, &err) == OMN_OK, "%s", err.text);
    return w;
}

START_TEST(a_file_holds_them_where_they_can_be_multiplied)
{
    const uint8_t odd[3] = { 1, 2, 3 };
    uint16_t *m[2] = { matrix(33, 31), matrix(5, 96) };
    omn_tensor t[2];
    uint16_t *tiles[2] = { in_tiles(m[0], 33, 31, &t[0]), in_tiles(m[1], 5, 96, &t[1]) };
    const writing list[] = {
        { "a", { OMN_U8, omn_dim1(3), odd, 3 }, { 0, { 0 } } },
        { "b\"", t[0], omn_dim2(33, 31) },
        { "c", { OMN_U8, omn_dim1(3), odd, 3 }, { 0, { 0 } } },
        { "d", t[1], omn_dim2(5, 96) },
    };
    const char *path = in("tiles.safetensors");
    omn_error err = OMN_ERROR_INIT;
    omn_shape of;
    size_t checked = 0;
    ck_assert_msg(weights_write(path, OMN_OVERWRITE, list, 4, NULL, 0, NULL, NULL, NULL, &err) ==
                      OMN_OK, "%s", err.text);
    omn_weights *w = open_good(path);
    ck_assert(omn_weights_check(w, &checked, &err) == OMN_OK);
    ck_assert_uint_eq(checked, 4);
    ck_assert_uint_eq(omn_weights_meta_count(w), 0);
    ck_assert(!omn_weights_tiles(w, "a", &of) && !omn_weights_tiles(w, "none", &of));
    for (size_t i = 1; i < 4; i += 2) {
        const omn_tensor *have = omn_weights_get(w, list[i].name);
        ck_assert(omn_weights_tiles(w, list[i].name, &of) &&
                  omn_shape_equal(&of, &list[i].matrix));
        ck_assert_uint_eq((uintptr_t)have->data % 2048, 0);
        ck_assert(omn_shape_equal(&have->shape, &list[i].tensor.shape));
        ck_assert_mem_eq(have->data, list[i].tensor.data, have->bytes);
    }
    omn_weights_close(w);

    /* what is beyond the matrix is looked at when all is */
    tiles[0][t[0].bytes / 2 - 1] = 1;
    ck_assert(weights_write(path, OMN_OVERWRITE, list, 4, NULL, 0, NULL, NULL, NULL, &err) ==
              OMN_OK);
    w = open_good(path);
    ck_assert_int_eq(omn_weights_check(w, &checked, &err), OMN_ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err.text, "beyond the 33 rows and 31 columns"));
    omn_weights_close(w);
    for (int i = 0; i < 2; i++) {
        free(m[i]);
        free(tiles[i]);
    }
}
END_TEST

#define HEAD(entry, dtype, shape, size)                                                            \
    "{\"__metadata__\":{\"omnio.tiles\":\"" entry "\"},\"a\":{\"dtype\":\"" dtype                  \
    "\",\"shape\":[" shape "],\"data_offsets\":[0," size "]}"

static const struct lie {
    const char *header;
    size_t data;
    const char *text;
} lies[] = {
    { HEAD("{\\\"a\\\":[33,31]}", "BF16", "2,1,2,16,16,2", "4096"), 4096, NULL }, /* the truth */
    { HEAD("{\\\"a\\\":[31,33]}", "BF16", "2,1,2,16,16,2", "4096"), 4096,
      "tensor a: a matrix [31, 33] in tiles is [1, 2, 2, 16, 16, 2], not [2, 1, 2, 16, 16, 2]" },
    { HEAD("{\\\"a\\\":[65,31]}", "BF16", "2,1,2,16,16,2", "4096"), 4096, "[3, 1, 2, 16, 16, 2]" },
    { HEAD("{\\\"a\\\":[33,31]}", "BF16", "33,31", "2046"), 2046, "not [33, 31]" },
    { HEAD("{\\\"a\\\":[33,31]}", "F16", "2,1,2,16,16,2", "4096"), 4096,
      "tensor a: is F16, and only BF16 lies in tiles" },
    { HEAD("{\\\"a\\\":[33,31]}", "F32", "2,1,2,16,16,2", "8192"), 8192, "is F32" },
    { HEAD("{\\\"a\\\":[9223372036854775807,9223372036854775807]}", "BF16", "2,1,2,16,16,2",
           "4096"), 4096, "a matrix [9223372036854775807, 9223372036854775807] in tiles is" },
    { HEAD("{\\\"a\\\":[0,31]}", "BF16", "0,1,2,16,16,2", "0"), 0, "a matrix [0, 31]" },
    { HEAD("{\\\"a\\\":[-1,31]}", "BF16", "2,1,2,16,16,2", "4096"), 4096, "not negative" },
    { HEAD("{\\\"a\\\":[33]}", "BF16", "2,1,2,16,16,2", "4096"), 4096,
      "the two sizes of a matrix" },
    { HEAD("{\\\"a\\\":[33,31,1]}", "BF16", "2,1,2,16,16,2", "4096"), 4096, "the two sizes" },
    { HEAD("{\\\"a\\\":33}", "BF16", "2,1,2,16,16,2", "4096"), 4096,
      "omnio.tiles of __metadata__, byte 5: " },
    { HEAD("{\\\"a\\\":[33,31],\\\"a\\\":[33,31]}", "BF16", "2,1,2,16,16,2", "4096"), 4096,
      "tensor a: is in omnio.tiles twice" },
    { HEAD("{\\\"b\\\":[33,31]}", "BF16", "2,1,2,16,16,2", "4096"), 4096,
      "tensor b: is in omnio.tiles and nowhere else" },
    { HEAD("", "BF16", "2,1,2,16,16,2", "4096"), 4096, "omnio.tiles of __metadata__, byte 0" },
    { HEAD("{} {}", "BF16", "2,1,2,16,16,2", "4096"), 4096, "omnio.tiles of __metadata__" },
    { "{\"__metadata__\":{\"omnio.tiles\":\"{\\\"a\\\":[1,1]}\"}", 0, "and nowhere else" },
    { "{\"__metadata__\":{\"omnio.tiles\":\"{}\",\"omnio.tiles\":\"{}\"}", 0, "twice" },
};

/* The header padded so that its data begin `off` bytes behind a multiple of 64. */
static const char *write_padded(const struct lie *l, size_t off)
{
    size_t n = strlen(l->header) + 1, end = (8 + n + 63) / 64 * 64 + off;
    unsigned char *all = calloc(end + l->data, 1);
    for (int i = 0; i < 8; i++) all[i] = (unsigned char)((uint64_t)(end - 8) >> (8 * i));
    memset(all + 8, ' ', end - 8);
    memcpy(all + 8, l->header, n - 1);
    all[8 + n - 1] = '}';
    const char *path = testing_write(testing_folder(), "lie.safetensors", all, end + l->data);
    free(all);
    return path;
}

static void refuse(const char *path, const char *text)
{
    omn_weights *w = NULL;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(omn_weights_open(path, &w, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, text) != NULL, "\"%s\" is not in \"%s\"", text, err.text);
}

START_TEST(a_file_that_lies_is_refused)
{
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        const char *path = write_padded(&lies[i], 0);
        if (lies[i].text)
            refuse(path, lies[i].text);
        else
            omn_weights_close(open_good(path));
    }
    refuse(write_padded(&lies[0], 2), "which is no multiple of 64");
}
END_TEST

static bool most(void *user, const char *name)
{
    (void)user;
    return strcmp(name, "not") != 0;
}

static void relay(const char *from, const char *to, bool tiles, bool round, relay_sums *sums)
{
    omn_error err = OMN_ERROR_INIT;
    relay_how how = { .tiles = tiles, .round = round, .wanted = most, .overwrite = OMN_OVERWRITE };
    memset(sums, 0, sizeof *sums);
    ck_assert_msg(relay_file(from, to, &how, sums, &err) == OMN_OK, "%s", err.text);
}

static bool same_files(const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    ck_assert(omn_file_read(a, 1 << 24, &x, &n, NULL) == OMN_OK);
    ck_assert(omn_file_read(b, 1 << 24, &y, &m, NULL) == OMN_OK);
    const bool same = n == m && memcmp(x, y, n) == 0;
    free(x);
    free(y);
    return same;
}

/* In an order, with spaces and a header length that are not ours. */
static const char foreign[] =
    "{ \"z\": {\"shape\": [3, 2], \"dtype\": \"BF16\", \"data_offsets\": [0, 12]},\n"
    "\"f\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[12,28]},"
    "\"not\":{\"dtype\":\"BF16\",\"shape\":[1,2],\"data_offsets\":[28,32]},"
    "\"none\":{\"dtype\":\"BF16\",\"shape\":[0,2],\"data_offsets\":[32,32]},"
    "\"__metadata__\":{\"format\":\"p\\u0074\"}}  ";

static const char *write_foreign(void)
{
    unsigned char bytes[8 + sizeof foreign - 1 + 32] = { (sizeof foreign - 1) & 255,
                                                         (sizeof foreign - 1) >> 8 };
    memcpy(bytes + 8, foreign, sizeof foreign - 1);
    for (unsigned i = 0; i < 32; i++) bytes[8 + sizeof foreign - 1 + i] = (unsigned char)(i + 1);
    return testing_write(testing_folder(), "foreign.safetensors", bytes, sizeof bytes);
}

START_TEST(there_and_back)
{
    const char *from = write_foreign(), *to = in("to.safetensors"), *back = in("back.safetensors");
    relay_sums sums;
    omn_shape of;
    relay(from, to, true, false, &sums);
    ck_assert_uint_eq(sums.tiles, 1);
    ck_assert_uint_eq(sums.other_type, 1);
    ck_assert_uint_eq(sums.left, 2);
    ck_assert_uint_eq(sums.bytes, 2048 + 20);
    omn_weights *w = open_good(to);
    ck_assert(omn_weights_tiles(w, "z", &of) && !omn_weights_tiles(w, "not", &of));
    ck_assert_str_eq(omn_weights_meta(w, "format"), "pt");
    omn_weights_close(w);
    relay(to, back, false, false, &sums);
    ck_assert_uint_eq(sums.rows, 1);
    ck_assert(same_files(from, back));

    /* nothing to do: the same bytes */
    relay(from, back, false, false, &sums);
    ck_assert(same_files(from, back));
    relay(to, back, true, false, &sums);
    ck_assert(same_files(to, back));

    /* rounded, there is no way back to the file, but one to the numbers */
    relay(from, to, true, true, &sums);
    ck_assert_uint_eq(sums.tiles, 2);
    ck_assert_uint_eq(sums.rounded, 1);
    relay(to, back, false, false, &sums);
    ck_assert_uint_eq(sums.rows, 2);
    w = open_good(back);
    omn_weights *was = open_good(from);
    const omn_tensor *f = omn_weights_get(w, "f"), *f32 = omn_weights_get(was, "f");
    ck_assert_int_eq(f->type, OMN_BF16);
    for (size_t i = 0; i < 4; i++) {
        float x;
        uint16_t half;
        memcpy(&x, (const char *)f32->data + 4 * i, 4);
        memcpy(&half, (const char *)f->data + 2 * i, 2);
        ck_assert_uint_eq(half, omn_bf16_of(x));
    }
    ck_assert_mem_eq(omn_weights_get(w, "z")->data, omn_weights_get(was, "z")->data, 12);
    omn_weights_close(w);
    omn_weights_close(was);
}
END_TEST

/* A header in rows that is not of this file: nothing is written under it. */
START_TEST(a_header_of_another_file)
{
    static const char *const headers[] = {
        "{\"z\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]}}",
        "{\"y\":{\"dtype\":\"BF16\",\"shape\":[3,2],\"data_offsets\":[0,12]}}",
        "{\"z\":{\"dtype\":\"F16\",\"shape\":[3,2],\"data_offsets\":[0,12]}}",
        "{\"z\":{\"dtype\":\"BF16\",\"shape\":[3,2],\"data_offsets\":[0,12]}",
        "{}",
        "",
        ("{\"__metadata__\":{\"omnio.xxh3\":\"0123456789abcdef\"},"
         "\"z\":{\"dtype\":\"BF16\",\"shape\":[3,2],\"data_offsets\":[0,12]}}"),
    };
    uint16_t *m = matrix(3, 2);
    omn_tensor t;
    uint16_t *tiles = in_tiles(m, 3, 2, &t);
    const writing one = { "z", t, omn_dim2(3, 2) };
    const char *path = in("odd.safetensors"), *to = in("gone.safetensors");
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        omn_error err = OMN_ERROR_INIT;
        relay_sums sums = { 0 };
        relay_how how = { .wanted = most, .overwrite = OMN_OVERWRITE };
        ck_assert(weights_write(path, OMN_OVERWRITE, &one, 1, NULL, 0, headers[i], NULL, NULL,
                                &err) == OMN_OK);
        ck_assert_int_eq(relay_file(path, to, &how, &sums, &err), OMN_ERR_DATA);
        ck_assert_msg(strstr(err.text, "omnio.rows") || strstr(err.text, "not those"), "%s",
                      err.text);
        FILE *f = fopen(to, "rb");
        ck_assert_ptr_null(f);
    }
    free(m);
    free(tiles);
}
END_TEST

int main(void)
{
    const TTest *const all_tests[] = {
        each_element_has_its_place,
        a_file_holds_them_where_they_can_be_multiplied,
        a_file_that_lies_is_refused,
        there_and_back,
        a_header_of_another_file,
    };
    return TESTING_RUN("tensor/tiles", all_tests, 20);
}
