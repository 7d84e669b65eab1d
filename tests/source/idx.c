/* SPDX-License-Identifier: Apache-2.0 */
/* The idx source: pictures and classes as they stand in the files, plain and packed; variants of
 * training; and every file that is not what it says. */
#include "tests/testing.h"

#include <omnio/kinds.h>

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)
enum { SIDE = 8, PICTURES = 5 };

static omn_context *context(void)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .plugin_path = testing_build("plugins/.libs"),
                                    .only_plugin_path = true };
    WORKS(omn_context_new(&how, &ctx, &err));
    return ctx;
}

/* Pixel (x, y) of picture i: none is 0 and none stands twice in a picture. */
static uint8_t pixel(int split, int i, int x, int y)
{
    return (uint8_t)(1 + (x + SIDE * y + 67 * i + 29 * split) % 255);
}

static void put_files(const char *folder, int split, const char *prefix, int n)
{
    uint8_t b[16 + PICTURES * SIDE * SIDE] = { 0, 0, 8, 3, 0, 0, 0, (uint8_t)n,
                                               0, 0, 0, SIDE, 0, 0, 0, SIDE };
    uint8_t labels[8 + PICTURES] = { 0, 0, 8, 1, 0, 0, 0, (uint8_t)n };
    char name[64];
    for (int i = 0; i < n; i++) {
        labels[8 + i] = (uint8_t)(i % 3);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                b[16 + (i * SIDE + y) * SIDE + x] = pixel(split, i, x, y);
    }
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", prefix);
    testing_write(folder, name, b, 16 + (size_t)n * SIDE * SIDE);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", prefix);
    testing_write(folder, name, labels, 8 + (size_t)n);
}

static omn_status open_idx(omn_context *ctx, const char *folder, const omn_setting *more, size_t n,
                           omn_source **out, omn_error *err)
{
    omn_setting set[8] = { { "path", folder, 0, 0 }, { "names", "top, red boot ,bag", 0, 0 } };
    for (size_t i = 0; i < n; i++) set[2 + i] = more[i];
    return omn_source_open(ctx, "idx", set, 2 + n, out, err);
}

static const char *text_of(const omn_value *v, const char *field)
{
    return omn_text_get(omn_record_get(v, field), NULL);
}

static const uint8_t *bytes_of(const omn_value *v)
{
    const omn_pixels px = omn_image_pixels(omn_value_image(omn_record_get(v, "image")));
    ck_assert_int_eq(px.type, OMN_U8);
    ck_assert_uint_eq(px.width, SIDE);
    ck_assert_uint_eq(px.height, SIDE);
    ck_assert_uint_eq(px.channels, 1);
    return px.data;
}

START_TEST(pictures_and_names_are_those_of_the_files)
{
    static const char *const names[] = { "top", "red boot", "bag" };
    const char *folder = testing_folder();
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = context();
    omn_source *s = NULL;
    put_files(folder, 0, "train", PICTURES);
    put_files(folder, 1, "t10k", 3);
    WORKS(open_idx(ctx, folder, NULL, 0, &s, &err));
    ck_assert_uint_eq(omn_source_count(s, OMN_SPLIT_TRAIN), PICTURES);
    ck_assert_uint_eq(omn_source_count(s, OMN_SPLIT_HELD_OUT), 3);
    for (int split = 0; split < 2; split++)
        for (int i = 0; i < (split ? 3 : PICTURES); i++) {
            omn_value *v = NULL;
            char number[8];
            WORKS(omn_source_get(s, split ? OMN_SPLIT_HELD_OUT : OMN_SPLIT_TRAIN, (uint64_t)i, &v,
                                 &err));
            const uint8_t *px = bytes_of(v);
            for (int k = 0; k < SIDE * SIDE; k++)
                ck_assert_uint_eq(px[k], pixel(split, i, k % SIDE, k / SIDE));
            snprintf(number, sizeof number, "%d", i % 3);
            ck_assert_str_eq(text_of(v, "class"), number);
            ck_assert_str_eq(text_of(v, "answer"), names[i % 3]);
            omn_value_unref(v);
        }
    omn_source_close(s);
    omn_context_free(ctx);
}
END_TEST

/* As many examples in a row as there are pictures are each of them once; a variant is its picture
 * moved by at most `shift`, perhaps mirrored, perhaps with a hole; the held-out ones stay. */
START_TEST(variants_are_their_picture_changed)
{
    const char *folder = testing_folder();
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = context();
    omn_source *s = NULL;
    const omn_setting set[] = { { "variants", "40", 0, 0 }, { "shift", "2", 0, 0 },
                                { "mirror", "0.5", 0, 0 }, { "hole", "0.25", 0, 0 } };
    int mirrored = 0, moved = 0, holes = 0;
    put_files(folder, 0, "train", PICTURES);
    put_files(folder, 1, "t10k", 3);
    WORKS(open_idx(ctx, folder, set, 4, &s, &err));
    ck_assert_uint_eq(omn_source_count(s, OMN_SPLIT_TRAIN), 40 * PICTURES);
    for (int i = 0; i < 40 * PICTURES; i++) {
        omn_value *v = NULL;
        bool found = false;
        WORKS(omn_source_get(s, OMN_SPLIT_TRAIN, (uint64_t)i, &v, &err));
        const uint8_t *px = bytes_of(v);
        /* the one change of the picture that has all of its pixels, or all but a hole's */
        for (int k = 0; k < 2 * 25 && !found; k++) {
            const int m = k / 25, dx = k % 5 - 2, dy = k / 5 % 5 - 2;
            int wrong = 0, black = 0;
            for (int j = 0; j < SIDE * SIDE; j++) {
                const int x = j % SIDE, sx = (m ? SIDE - 1 - x : x) - dx, sy = j / SIDE - dy;
                const bool inside = sx >= 0 && sx < SIDE && sy >= 0 && sy < SIDE;
                const int want = inside ? pixel(0, i % PICTURES, sx, sy) : 0;
                if (px[j] != want && px[j]) wrong++;
                if (px[j] != want && !px[j]) black++;
            }
            found = !wrong;
            if (!found) continue;
            ck_assert_int_le(black, SIDE / 2 * SIDE / 2);
            mirrored += m;
            moved += dx || dy;
            holes += black > 0;
        }
        ck_assert_msg(found, "example %d is no change of its picture", i);
        omn_value_unref(v);
    }
    /* of 200: 100, 192 and 50 are expected, six deviations are 42, 17 and 37 */
    ck_assert_int_ge(mirrored, 58);
    ck_assert_int_le(mirrored, 142);
    ck_assert_int_ge(moved, 175);
    ck_assert_int_ge(holes, 13);
    ck_assert_int_le(holes, 87);
    omn_value *v = NULL;
    WORKS(omn_source_get(s, OMN_SPLIT_HELD_OUT, 1, &v, &err));
    for (int k = 0; k < SIDE * SIDE; k++)
        ck_assert_uint_eq(bytes_of(v)[k], pixel(1, 1, k % SIDE, k / SIDE));
    omn_value_unref(v);
    omn_source_close(s);
    omn_context_free(ctx);
}
END_TEST

START_TEST(what_is_no_array_of_pictures_is_told)
{
    static const struct { const char *name; size_t n; uint8_t bytes[24]; const char *says;
    } bad[] = {
        { "train-images-idx3-ubyte", 3, { 0, 0, 8 }, "no IDX file" },
        { "train-images-idx3-ubyte", 4, { 1, 0, 8, 3 }, "no IDX file" },
        { "train-images-idx3-ubyte", 16, { 0, 0, 13, 3, 0, 0, 0, 1 }, "type 13" },
        { "train-images-idx3-ubyte", 16, { 0, 0, 8, 1, 0, 0, 0, 1 }, "3 dimensions" },
        { "train-images-idx3-ubyte", 10, { 0, 0, 8, 3, 0, 0, 0, 1 }, "ends early" },
        { "train-images-idx3-ubyte", 16,
          { 0, 0, 8, 3, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1, 0, 0, 0, 1 }, "dimension 1" },
        { "train-images-idx3-ubyte", 16, { 0, 0, 8, 3, 0, 0, 0, 5, 0, 1, 0, 0, 0, 1, 0, 0 },
          "dimension 3" },
        { "train-images-idx3-ubyte", 16, { 0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 8 },
          "dimension 2" },
        { "train-images-idx3-ubyte", 24, { 0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0, 8 },
          "320 bytes" },
        { "train-images-idx3-ubyte", 21, { 0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1 },
          "4 bytes" },                                              /* it goes on */
        { "train-images-idx3-ubyte", 20, { 0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1 },
          "4 pictures and 5 labels" },
        { "train-labels-idx1-ubyte", 13, { 0, 0, 8, 1, 0, 0, 0, 5, 0, 1, 3 }, "label 3" },
        { "t10k-labels-idx1-ubyte", 8, { 0, 0, 8, 1, 0, 0, 0, 0 }, "dimension 1" },
    };
    omn_context *ctx = context();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *folder = testing_folder();
        omn_error err = OMN_ERROR_INIT;
        omn_source *s = NULL;
        put_files(folder, 0, "train", PICTURES);
        put_files(folder, 1, "t10k", 3);
        testing_write(folder, bad[i].name, bad[i].bytes, bad[i].n);
        ck_assert_int_eq(open_idx(ctx, folder, NULL, 0, &s, &err), OMN_ERR_DATA);
        char said[1200];
        ck_assert_msg(strstr(omn_error_line(&err, said, sizeof said), bad[i].says), "%zu: %s", i,
                      said);
    }
    omn_error err = OMN_ERROR_INIT;
    omn_source *s = NULL;
    ck_assert_int_eq(open_idx(ctx, "/nowhere/at/all", NULL, 0, &s, &err), OMN_ERR_MISSING);
    ck_assert_ptr_nonnull(strstr(err.text, "train-images-idx3-ubyte"));
    omn_context_free(ctx);
}
END_TEST

#ifdef HAVE_ZLIB
#include <zlib.h>

/* Packed files give the same; a damaged one is told. */
START_TEST(packed_files_are_read)
{
    const char *folder = testing_folder();
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = context();
    omn_source *s = NULL;
    omn_value *v = NULL;
    char plain[4200], packed[4300];
    uint8_t b[4096];
    put_files(folder, 0, "train", PICTURES);
    put_files(folder, 1, "t10k", 3);
    snprintf(plain, sizeof plain, "%s/train-images-idx3-ubyte", folder);
    snprintf(packed, sizeof packed, "%s.gz", plain);
    FILE *f = fopen(plain, "rbe");
    const size_t n = fread(b, 1, sizeof b, f);
    fclose(f);
    gzFile z = gzopen(packed, "wb");
    ck_assert_int_eq(gzwrite(z, b, (unsigned)n), (int)n);
    gzclose(z);
    remove(plain);
    WORKS(open_idx(ctx, folder, NULL, 0, &s, &err));
    WORKS(omn_source_get(s, OMN_SPLIT_TRAIN, 4, &v, &err));
    for (int k = 0; k < SIDE * SIDE; k++)
        ck_assert_uint_eq(bytes_of(v)[k], pixel(0, 4, k % SIDE, k / SIDE));
    omn_value_unref(v);
    omn_source_close(s);
    s = NULL;
    f = fopen(packed, "r+be");                    /* the checksum at its end */
    fseek(f, -6, SEEK_END);
    const int was = fgetc(f);
    fseek(f, -6, SEEK_END);
    fputc(was ^ 1, f);
    fclose(f);
    ck_assert_int_eq(open_idx(ctx, folder, NULL, 0, &s, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "damaged"), "%s", err.text);
    omn_context_free(ctx);
}
END_TEST
#endif

int main(void)
{
    const TTest *const all[] = {
        pictures_and_names_are_those_of_the_files,
        variants_are_their_picture_changed,
        what_is_no_array_of_pictures_is_told,
#ifdef HAVE_ZLIB
        packed_files_are_read,
#endif
    };
    return TESTING_RUN("source/idx", all, 30);
}
