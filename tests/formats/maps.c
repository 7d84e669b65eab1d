/* SPDX-License-Identifier: Apache-2.0 */
/* Masks and depth as PNG: what is written reads back equal, in the layout that other programs know;
 * files of others are read as what they are wanted as; what does not fit is refused. */
#include "tests/formats/open.h"
#include "tests/testing.h"

#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

static omn_value *made(omn_context *ctx, const char *kind, const char *json)
{
    const omn_kind *k = NULL;
    omn_value *v = NULL;
    omn_error err = OMN_ERROR_INIT;
    OK(omn_kind_find_in(ctx, kind, &k, NULL));
    const omn_status st = omn_call_json(NULL, k, json, strlen(json), &v, &err);
    ck_assert_msg(st == OMN_OK, "%s", err.text);
    return v;
}

static const char *place(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", testing_folder(), name);
    return path;
}

/* The file without conversion: its bits, its colour, its numbers. */
static void raw(const char *path, int *bits, int *colour, unsigned *at, size_t n)
{
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, f);
    png_read_png(png, info, PNG_TRANSFORM_PACKING, NULL);
    *bits = png_get_bit_depth(png, info);
    *colour = png_get_color_type(png, info);
    const size_t w = png_get_image_width(png, info);
    png_bytepp rows = png_get_rows(png, info);
    for (size_t i = 0; i < n; i++) {
        const png_byte *p = rows[i / w] + i % w * (*bits == 16 ? 2 : 1);
        at[i] = *bits == 16 ? p[0] * 256u + p[1] : p[0];
    }
    png_destroy_read_struct(&png, &info, NULL);
    fclose(f);
}

/* One channel of w x h numbers, as other programs write it. */
static const char *foreign(const char *name, int bits, int colour, unsigned w, unsigned h,
                           const unsigned *at)
{
    const char *path = place(name);
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    static const png_color palette[256] = { { 0, 0, 0 }, { 128, 0, 0 } };
    const int n = bits < 8 ? 1 << bits : 256;
    png_init_io(png, f);
    png_set_IHDR(png, info, w, h, bits, colour, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, n);
    png_write_info(png, info);
    png_set_packing(png);
    for (unsigned y = 0; y < h; y++) {
        png_byte row[64] = { 0 };
        for (unsigned x = 0; x < w; x++) {
            const unsigned v = at[y * w + x];
            if (bits == 16) {
                row[2 * x] = (png_byte)(v >> 8);
                row[2 * x + 1] = (png_byte)v;
            } else {
                row[x] = (png_byte)v;
            }
        }
        png_write_row(png, row);
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(f);
    return path;
}

START_TEST(what_is_written_comes_back_equal)
{
    static const struct {
        const char *kind, *json, *file;
        int bits, colour;
        unsigned at[4];
    } list[] = {
        { "depth", "{\"depth\":[[0.001,1.5],[null,65.535]]}", "d.png", 16, PNG_COLOR_TYPE_GRAY,
          { 1, 1500, 0, 65535 } },
        { "depth", "{\"depth\":[[0.25,1.5],[255.5,null]]}", "d.png?scale=256", 16,
          PNG_COLOR_TYPE_GRAY, { 64, 384, 65408, 0 } },
        { "mask", "{\"labels\":[[0,1],[-1,254]]}", "m.png", 8, PNG_COLOR_TYPE_PALETTE,
          { 0, 1, 255, 254 } },
        { "mask", "{\"labels\":[[0,1],[-1,255]]}", "m.png", 16, PNG_COLOR_TYPE_GRAY,
          { 0, 1, 65535, 255 } },
        { "mask", "{\"labels\":[[0,65534],[1,2]]}", "m.png", 16, PNG_COLOR_TYPE_GRAY,
          { 0, 65534, 1, 2 } },
        { "mask",
          "{\"labels\":[[0,1],[2,0]],\"legend\":[\"caf\\u00e9 \\\"x\\\"\",null,\"a\\nb: c\"]}",
          "m.png?compression=0", 8, PNG_COLOR_TYPE_PALETTE, { 0, 1, 2, 0 } },
        { "mask", "{\"soft\":[[0,1],[0.2,0.6]]}", "s.png", 16, PNG_COLOR_TYPE_GRAY,
          { 0, 65535, 13107, 39321 } },
    };
    opened f = formats_open("png.mask");
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_value *v = made(f.ctx, list[i].kind, list[i].json), *back = NULL, *seen = NULL;
        omn_error err = OMN_ERROR_INIT;
        char file[64];
        unsigned at[4];
        int bits = 0, colour = 0;
        omn_status st = omn_value_save(f.ctx, place(list[i].file), v, OMN_OVERWRITE, &err);
        ck_assert_msg(st == OMN_OK, "%s: %s", list[i].json, err.text);
        snprintf(file, sizeof file, "%.*s", (int)strcspn(list[i].file, "?"), list[i].file);
        raw(place(file), &bits, &colour, at, 4);
        ck_assert_int_eq(bits, list[i].bits);
        ck_assert_int_eq(colour, list[i].colour);
        for (int k = 0; k < 4; k++) ck_assert_uint_eq(at[k], list[i].at[k]);
        st = omn_value_load(f.ctx, place(file), list[i].kind, &back, &err);
        ck_assert_msg(st == OMN_OK, "%s: %s", list[i].json, err.text);
        ck_assert_msg(omn_value_equal(v, back), "%s", list[i].json);
        OK(omn_value_load(f.ctx, place(file), NULL, &seen, NULL)); /* to look at: a picture */
        ck_assert_ptr_nonnull(omn_value_image(seen));
        omn_value_unref(seen);
        omn_value_unref(back);
        omn_value_unref(v);
    }
    formats_close(&f);
}
END_TEST

/* Steps are the nearest, what is known is never 0, soft ones are rounded to 1/65535. */
START_TEST(numbers_are_rounded_to_steps)
{
    opened f = formats_open("png.depth");
    omn_value *v = made(f.ctx, "depth", "{\"depth\":[[0,0.0004],[1.0004,1.0006]]}"), *back = NULL;
    OK(omn_value_save(f.ctx, place("d.png"), v, OMN_OVERWRITE, NULL));
    OK(omn_value_load(f.ctx, place("d.png"), "depth", &back, NULL));
    const float *x = omn_value_column(back, "depth")->data;
    static const double want[4] = { 0.001, 0.001, 1, 1.001 };
    for (int i = 0; i < 4; i++) ck_assert_double_eq_tol((double)x[i], want[i], 1e-7);
    omn_value_unref(back);
    omn_value_unref(v);
    v = made(f.ctx, "mask", "{\"soft\":[[0.33333,0.00001]]}");
    OK(omn_value_save(f.ctx, place("s.png"), v, OMN_OVERWRITE, NULL));
    OK(omn_value_load(f.ctx, place("s.png"), "mask", &back, NULL));
    x = omn_value_column(back, "soft")->data;
    ck_assert_double_eq_tol((double)x[0], 0.33333, 0.5 / 65535);
    ck_assert_double_eq_tol((double)x[1], 1.0 / 65535, 1e-9);
    omn_value_unref(back);
    omn_value_unref(v);
    formats_close(&f);
}
END_TEST

START_TEST(files_of_others_are_read)
{
    static const struct {
        const char *kind;
        int bits, colour;
        unsigned at[6];
        const char *json; /* NULL: refused */
    } list[] = {
        { "mask", 8, PNG_COLOR_TYPE_PALETTE, { 0, 1, 15, 255, 20, 0 },
          "{\"labels\":[[0,1,15],[-1,20,0]]}" },
        { "mask", 2, PNG_COLOR_TYPE_PALETTE, { 0, 1, 2, 3, 1, 0 },
          "{\"labels\":[[0,1,2],[3,1,0]]}" },
        { "mask", 8, PNG_COLOR_TYPE_GRAY, { 0, 1, 15, 255, 20, 0 },
          "{\"labels\":[[0,1,15],[255,20,0]]}" },
        { "mask", 1, PNG_COLOR_TYPE_GRAY, { 0, 1, 1, 0, 1, 0 }, "{\"labels\":[[0,1,1],[0,1,0]]}" },
        { "mask", 16, PNG_COLOR_TYPE_GRAY, { 0, 1000, 65535, 3, 2, 1 },
          "{\"labels\":[[0,1000,65535],[3,2,1]]}" },
        { "depth", 16, PNG_COLOR_TYPE_GRAY, { 0, 1000, 1, 3, 2, 500 },
          "{\"depth\":[[null,1,0.001],[0.003,0.002,0.5]]}" },
        { "depth", 8, PNG_COLOR_TYPE_GRAY, { 0, 1, 1, 3, 2, 5 }, NULL },
        { "depth", 8, PNG_COLOR_TYPE_PALETTE, { 0, 1, 1, 3, 2, 5 }, NULL },
    };
    opened f = formats_open("png.mask");
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_value *v = NULL;
        omn_error err = OMN_ERROR_INIT;
        const char *path = foreign("f.png", list[i].bits, list[i].colour, 3, 2, list[i].at);
        const omn_status st = omn_value_load(f.ctx, path, list[i].kind, &v, &err);
        if (!list[i].json) {
            ck_assert_int_eq(st, OMN_ERR_DATA);
            ck_assert_ptr_null(v);
            continue;
        }
        ck_assert_msg(st == OMN_OK, "%zu: %s", i, err.text);
        omn_value *want = made(f.ctx, list[i].kind, list[i].json);
        ck_assert_msg(omn_value_equal(v, want), "%zu", i);
        omn_value_unref(want);
        omn_value_unref(v);
    }
    formats_close(&f);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    static const struct { const char *kind, *json, *file, *says; } list[] = {
        { "depth", "{\"depth\":[[65.6]]}", "d.png", "a smaller scale does, or .safetensors" },
        { "depth", "{\"depth\":[[1]]}", "d.png?scale=0", "scale" },
        { "mask", "{\"labels\":[[65535]]}", "m.png", "labels up to 65534" },
    };
    opened f = formats_open("png.mask");
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_value *v = made(f.ctx, list[i].kind, list[i].json);
        omn_error err = OMN_ERROR_INIT;
        ck_assert_int_ne(omn_value_save(f.ctx, place(list[i].file), v, OMN_OVERWRITE, &err),
                         OMN_OK);
        ck_assert_msg(strstr(err.text, list[i].says) != NULL, "%s", err.text);
        omn_value_unref(v);
    }
    formats_close(&f);
}
END_TEST

/* A number and what becomes of it take 6 bytes: the bound of the context is asked before. */
START_TEST(what_takes_more_room_than_allowed_is_refused)
{
    static const char *const kinds[] = { "mask", "depth" };
    const unsigned at[64] = { 0 };
    for (size_t i = 0; i < 4; i++) {
        const bool fits = i % 2;
        const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                        .value_bytes = 64 * 6 - (fits ? 0 : 1) };
        omn_context *ctx = NULL;
        omn_value *v = NULL;
        omn_error err = OMN_ERROR_INIT;
        OK(omn_context_new(&how, &ctx, NULL));
        const char *path = foreign("b.png", 16, PNG_COLOR_TYPE_GRAY, 8, 8, at);
        const omn_status st = omn_value_load(ctx, path, kinds[i / 2], &v, &err);
        if (fits) {
            ck_assert_msg(st == OMN_OK, "%s", err.text);
        } else {
            ck_assert_int_eq(st, OMN_ERR_DATA);
            ck_assert_msg(strstr(err.text, "it takes more room than is allowed") != NULL, "%s",
                          err.text);
        }
        omn_value_unref(v);
        omn_context_free(ctx);
    }
}
END_TEST

START_TEST(damage_does_no_harm)
{
    static const char *const names[] = { "png.mask", "png.depth" };
    for (size_t i = 0; i < 2; i++) {
        opened f = formats_open(names[i]);
        omn_value *v = i ? made(f.ctx, "depth", "{\"depth\":[[0.001,1.5],[null,65.535]]}")
                         : made(f.ctx, "mask", "{\"labels\":[[0,1],[2,0]],\"legend\":[\"a\",null,"
                                               "\"b\"]}");
        uint8_t *bytes = NULL;
        size_t size = 0;
        OK(formats_write(&f, v, NULL, 0, &bytes, &size, NULL));
        ck_assert_uint_gt(formats_damage(&f, bytes, size, 300), 100);
        free(bytes);
        omn_value_unref(v);
        formats_close(&f);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        what_is_written_comes_back_equal,
        numbers_are_rounded_to_steps,
        files_of_others_are_read,
        what_does_not_fit_is_refused,
        what_takes_more_room_than_allowed_is_refused,
        damage_does_no_harm,
    };
    return TESTING_RUN("formats/maps", all, 30);
}
