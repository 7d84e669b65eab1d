/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures fitted as Unified-IO 2 does it, against numbers from the original program: sizes,
 * padding and scale of 312 shapes exactly, pixels of six pictures within 1e-6 of the antialiased
 * triangle in double (float sums of up to some hundred products). The pictures are made by the
 * formula in the file. */
#include <omnio/tensor.h>
#include <omnio/value.h>

#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

static omn_weights *golden(const char *path)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    omn_status st = omn_weights_open(testing_source(path), &w, &err);
    ck_assert_msg(st == OMN_OK, "%s", err.text);
    return w;
}

/* Copies, since what is mapped may have any alignment. */
static void *kept[128];
static size_t n_kept;

static const void *data(const omn_weights *w, const char *name, int64_t count)
{
    const omn_tensor *t = omn_weights_get(w, name);
    size_t n = 0;
    ck_assert_msg(t != NULL, "%s is missing", name);
    ck_assert(omn_shape_count(&t->shape, &n));
    ck_assert_msg(count < 0 || n == (size_t)count, "%s has %zu numbers", name, n);
    ck_assert(n_kept < sizeof(kept) / sizeof(kept[0]));
    void *copy = kept[n_kept++] = malloc(t->bytes);
    memcpy(copy, t->data, t->bytes);
    return copy;
}

/* info: top, left, 1/scale, height, width, five crop entries that are 0 here, scaled height, width.
 */
static void check_geometry(const float *info, uint32_t side)
{
    uint32_t h = (uint32_t)info[3], w = (uint32_t)info[4];
    omn_fit f;
    if (info[9] < 1 || info[10] < 1) { /* there the original fails later */
        ck_assert_int_eq(omn_fit_compute(w, h, side, side, &f, NULL), OMN_ERR_SHAPE);
        return;
    }
    OK(omn_fit_compute(w, h, side, side, &f, NULL));
    ck_assert_msg(f.top == (uint32_t)info[0] && f.left == (uint32_t)info[1] &&
                      f.height == (uint32_t)info[9] && f.width == (uint32_t)info[10],
                  "%u x %u into %u: %u %u %u %u, not %g %g %g %g", w, h, side, f.top, f.left,
                  f.height, f.width, (double)info[0], (double)info[1], (double)info[9],
                  (double)info[10]);
    double back = 1.0 / (double)f.scale;
    ck_assert_msg((float)back == info[2], "%u x %u: 1/scale %.9g, not %.9g", w, h,
                  (double)(float)back, (double)info[2]);
    ck_assert((float)(1.0 / back) == f.scale);
}

START_TEST(geometry_of_312_shapes_is_exact)
{
    omn_weights *w = golden("tests/golden/resize_geometry.safetensors");
    const float *a = data(w, "image_info_384", 312 * 11), *b = data(w, "image_info_256", 312 * 11);
    const int32_t *hw = data(w, "sizes_hw", 312 * 2);
    size_t short_sides = 0;
    for (size_t i = 0; i < 312; i++) {
        ck_assert_int_eq(hw[2 * i], (int32_t)a[11 * i + 3]);
        check_geometry(a + 11 * i, 384);
        check_geometry(b + 11 * i, 256);
        short_sides += a[11 * i + 9] == 383 || a[11 * i + 10] == 383;
    }
    ck_assert_uint_gt(short_sides, 0); /* the trap is among them */
    omn_weights_close(w);
}
END_TEST

START_TEST(too_narrow_pictures_are_refused)
{
    omn_fit f;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(omn_fit_compute(2, 1000, 384, 384, &f, &err), OMN_ERR_SHAPE);
    ck_assert_msg(strstr(err.text, "2 x 1000") != NULL, "%s", err.text);
    ck_assert_int_eq(omn_fit_compute(0, 10, 384, 384, &f, NULL), OMN_ERR_SHAPE);
    ck_assert_int_eq(omn_fit_compute(10, 70000, 384, 384, &f, NULL), OMN_ERR_SHAPE);
    OK(omn_fit_compute(3, 1000, 384, 384, &f, NULL));
    ck_assert_uint_eq(f.width, 1);
}
END_TEST

static omn_image *formula(uint32_t h, uint32_t w, uint32_t seed, uint32_t channels)
{
    omn_image *img = NULL;
    omn_pixels px;
    OK(omn_image_new(OMN_U8, w, h, channels, NULL, &img, &px, NULL));
    uint8_t *p = px.data;
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++, p += channels) {
            for (uint32_t c = 0; c < 3; c++)
                p[c] = (uint8_t)(7 * x + 13 * y + 29 * c + 31 * seed + (x * y) % 251 +
                                 90 * ((x / 9 + y / 7) % 2));
            if (channels == 4) p[3] = 255;
        }
    return img;
}

static void check_rows(const omn_pixels *px, const uint32_t *rows, size_t n, const float *want,
                       double scale, double shift)
{
    size_t row = 3 * (size_t)px->width;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < row; k++) {
            double got = (double)((const float *)px->data)[rows[i] * row + k] * scale + shift;
            ck_assert_msg(fabs(got - (double)want[i * row + k]) <= 1e-6 * scale,
                          "row %u at %zu: %.9g, not %.9g", rows[i], k, got,
                          (double)want[i * row + k]);
        }
}

START_TEST(pixels_agree_with_the_original)
{
    static const uint32_t rows[8] = { 0, 1, 95, 191, 192, 300, 382, 383 };
    static const uint32_t target_rows[6] = { 0, 5, 127, 128, 250, 255 };
    omn_weights *w = golden("tests/golden/preprocess.safetensors");
    for (uint32_t k = 0; k < 6; k++) {
        char name[64];
#define NAME(s) (snprintf(name, sizeof(name), "img%u." s, k), name)
        const int32_t *hw = data(w, NAME("size_hw"), 2);
        const int32_t *row_sums = data(w, NAME("mask_row_sums"), 384);
        const int32_t *patch_mask = data(w, NAME("patch_mask"), 576);
        const int32_t *target_mask = data(w, NAME("target_patch_mask"), 1024);
        const float *info = data(w, NAME("image_info"), 11);
        const float *box = data(w, NAME("box_xyxy"), 4),
                    *fitted = data(w, NAME("box_yxyx_resized"), 4);
        omn_image *in = formula((uint32_t)hw[0], (uint32_t)hw[1], k, k % 2 ? 4 : 3), *out = NULL;
        uint8_t *valid = NULL;
        OK(omn_image_fit(NULL, in, 384, 384, 0, &out, &valid, NULL));
        omn_pixels px = omn_image_pixels(out);
        check_rows(&px, rows, 8, data(w, NAME("resized_rows"), 8 * 384 * 3), 1, 0);
        for (uint32_t y = 0; y < 384; y++) {
            int32_t sum = 0;
            for (uint32_t x = 0; x < 384; x++) sum += valid[y * 384 + x];
            ck_assert_int_eq(sum, row_sums[y]);
        }
        for (uint32_t i = 0; i < 576; i++)
            ck_assert_int_eq(valid[(16 * (i / 24) + 8) * 384 + 16 * (i % 24) + 8], patch_mask[i]);
        free(valid);

        /* The frame alone carries the geometry that boxes need, bit for bit. */
        const omn_frame *f = omn_image_frame(out);
        float scale = (float)(1.0 / f->m[0]);
        ck_assert((float)f->m[0] == info[2]);
        ck_assert_double_eq(rint(-f->m[2] / f->m[0]), (double)info[1]);
        ck_assert_double_eq(rint(-f->m[5] / f->m[4]), (double)info[0]);
        ck_assert_uint_eq(f->height, (uint32_t)info[3]);
        for (int i = 0; i < 4; i++) {
            volatile float scaled = box[i ^ 1] * scale;
            float at = scaled + (i % 2 ? info[1] : info[0]);
            at = at < 0 ? 0 : at > 384 ? 384 : at;
            ck_assert_msg(at == fitted[i], "box %d: %.9g, not %.9g", i, (double)at,
                          (double)fitted[i]);
            double x, y;
            ck_assert(omn_frame_from_source(f, (double)box[i ^ 1], (double)box[i ^ 1], &x, &y));
            if (at > 0 && at < 384) ck_assert_double_eq_tol(i % 2 ? x : y, (double)at, 5e-5);
        }
        omn_image_free(out);

        OK(omn_image_fit(NULL, in, 256, 256, 0, &out, &valid, NULL));
        px = omn_image_pixels(out);
        check_rows(&px, target_rows, 6, data(w, NAME("target_rows"), 6 * 256 * 3), 2, -1);
        for (uint32_t i = 0; i < 1024; i++)
            ck_assert_int_eq(valid[(8 * (i / 32) + 4) * 256 + 8 * (i % 32) + 4], target_mask[i]);
        free(valid);
        omn_image_free(out);
        omn_image_free(in);
    }
    omn_weights_close(w);
}
END_TEST

START_TEST(grey_and_alpha_become_rgb_over_white)
{
    omn_image *in = NULL, *out = NULL;
    omn_pixels px;
    OK(omn_image_new(OMN_U8, 1, 1, 4, NULL, &in, &px, NULL));
    memcpy(px.data, "\xff\x00\x00\x33", 4); /* red at 51/255 = 0.2 */
    OK(omn_image_fit(NULL, in, 2, 4, 0.5, &out, NULL, NULL));
    const float *p = omn_image_pixels(out).data;
    static const float want[3] = { 1, 0.8f, 0.8f };
    for (size_t i = 0; i < 24; i++) {
        bool inside = i / 6 == 1 || i / 6 == 2; /* two rows of padding, above and below */
        ck_assert_float_eq_tol(p[i], inside ? want[i % 3] : 0.5f, 1e-6f);
    }
    omn_image_free(in);
    omn_image_free(out);
    OK(omn_image_new(OMN_F32, 1, 1, 1, NULL, &in, &px, NULL));
    *(float *)px.data = 0.25f;
    OK(omn_image_fit(NULL, in, 1, 1, 0, &out, NULL, NULL));
    p = omn_image_pixels(out).data;
    for (int i = 0; i < 3; i++) ck_assert(p[i] == 0.25f);
    omn_image_free(in);
    omn_image_free(out);
}
END_TEST

/* A crop of a picture, fitted: boxes still come back in pixels of the first picture. */
START_TEST(fit_of_a_crop_leads_back_to_the_first_picture)
{
    omn_image *a = formula(200, 300, 1, 3), *b = NULL, *c = NULL;
    const double fill[4] = { 0 };
    OK(omn_image_crop(a, 50, 20, 100, 150, fill, &b, NULL));
    OK(omn_image_fit(NULL, b, 384, 384, 0, &c, NULL, NULL));
    const omn_frame *f = omn_image_frame(c);
    double x, y;
    omn_frame_to_source(f, 64, 0, &x, &y); /* scale 2.56, left (384 - 256) / 2 */
    ck_assert_double_eq_tol(x, 50, 1e-4);
    ck_assert_double_eq_tol(y, 20, 1e-4);
    omn_frame_to_source(f, 320, 384, &x, &y);
    ck_assert_double_eq_tol(x, 150, 1e-4);
    ck_assert_double_eq_tol(y, 170, 1e-4);
    ck_assert_uint_eq(f->source, omn_image_frame(a)->source);
    omn_image_free(a);
    omn_image_free(b);
    omn_image_free(c);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        geometry_of_312_shapes_is_exact,
        too_narrow_pictures_are_refused,
        pixels_agree_with_the_original,
        grey_and_alpha_become_rgb_over_white,
        fit_of_a_crop_leads_back_to_the_first_picture,
    };
    return TESTING_RUN("value/fit", all, 20);
}
