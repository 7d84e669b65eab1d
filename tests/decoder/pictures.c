/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures before they become codes and after: sizes, padding and its undoing as the original
 * programs have them, targets in the geometry of the picture that they belong to, and pictures of
 * hostile sizes. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- what is made --------------------------------------------------------------------------- */

static omn_value *picture(const uint8_t *data, uint32_t w, uint32_t h, uint32_t channels)
{
    omn_image *img = NULL;
    omn_pixels px;
    ck_assert(omn_image_new(OMN_U8, w, h, channels, NULL, &img, &px, NULL) == OMN_OK);
    if (data) memcpy(px.data, data, (size_t)w * h * channels);
    else memset(px.data, 0, (size_t)w * h * channels);
    return omn_image_give(img);
}

/* The formulas of the golden files. */
static omn_value *formula(uint32_t h, uint32_t w, uint32_t seed)
{
    uint8_t *data = testing_memory((size_t)h * w * 3);
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            for (uint32_t c = 0; c < 3; c++)
                data[((size_t)y * w + x) * 3 + c] =
                    (uint8_t)(7 * x + 13 * y + 29 * c + 31 * seed + x * y % 251 +
                              90 * ((x / 9 + y / 7) % 2));
    return picture(data, w, h, 3);
}

static omn_value *formula_uio1(uint32_t h, uint32_t w)
{
    uint8_t *data = testing_memory((size_t)h * w * 3);
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            for (uint32_t c = 0; c < 3; c++)
                data[((size_t)y * w + x) * 3 + c] =
                    (uint8_t)(7 * y * (c + 1) + 13 * x + x * y / (c + 3) + 5 * c);
    return picture(data, w, h, 3);
}

/* What the model sees of a picture of w x h: its frame. */
static omn_frame seen(uint32_t w, uint32_t h, uint32_t view)
{
    omn_value *v = picture(NULL, w, h, 3);
    omn_image *fit = NULL;
    ck_assert(omn_image_fit(NULL, omn_value_image(v), view, view, 0, &fit, NULL, NULL) == OMN_OK);
    const omn_frame f = *omn_image_frame(fit);
    omn_image_free(fit);
    omn_value_unref(v);
    return f;
}

static const float *prepared(bench *b, omn_value *v, const omn_frame *like)
{
    omn_feed_clear(b->feed);
    WORKS(b, b->impl->prepare(b->part->self, b->call, v, like, b->feed, &b->err));
    omn_value_unref(v);
    return omn_feed_get(b->feed, "pixels")->data;
}

static omn_value *finished(bench *b, const float *pixels, const omn_frame *like)
{
    const omn_codes *k = b->impl->codes(b->part->self);
    const omn_port *in = NULL, *out = NULL;
    uint32_t n_out = 0;
    omn_value *v = NULL;
    b->impl->ports(b->part->self, &in, &n_out, &out);
    ck_assert(k != NULL && n_out == 1);
    omn_feed_clear(b->feed);
    bench_feed(b, "pixels", OMN_F32, out->most, pixels);
    WORKS(b, b->impl->finish(b->part->self, b->call, b->feed, like, &v, &b->err));
    return v;
}

static const void *tensor(omn_weights *w, const char *name, const omn_tensor **t)
{
    *t = omn_weights_get(w, name);
    ck_assert_msg(*t != NULL, "there is no golden %s", name);
    return (*t)->data;
}

static omn_weights *golden(const char *path)
{
    omn_weights *w = NULL;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_msg(omn_weights_open(testing_source(path), &w, &err) == OMN_OK, "%s", err.text);
    return w;
}

static void near(const char *what, size_t i, float got, float want, double room)
{
    ck_assert_msg(fabs((double)got - (double)want) <= room, "%s: %zu is %.9g, %.9g wanted", what, i,
                  (double)got, (double)want);
}

/* ---- targets that stand alone --------------------------------------------------------------- */

START_TEST(targets_of_uio2_are_the_originals)
{
    static const uint32_t rows[6] = { 0, 5, 127, 128, 250, 255 };
    const omn_tensor *t;
    omn_weights *w = golden("tests/golden/preprocess.safetensors");
    bench b;
    bench_open(&b, "image.vqgan", "", NULL, NULL);
    for (uint32_t k = 0; k < 6; k++) {
        char name[64];
        snprintf(name, sizeof name, "img%u.size_hw", k);
        const int32_t *hw = tensor(w, name, &t);
        snprintf(name, sizeof name, "img%u.target_rows", k);
        const float *want = tensor(w, name, &t);
        const float *got = prepared(&b, formula((uint32_t)hw[0], (uint32_t)hw[1], k), NULL);
        for (size_t i = 0; i < 6 * 256 * 3; i++)
            near(name, i, got[rows[i / 768] * 768 + i % 768], want[i], 4e-4);
    }
    omn_weights_close(w);
    bench_close(&b);
}
END_TEST

START_TEST(targets_of_uio1_are_the_originals)
{
    static const char *const sizes[] = { "big", "small" };
    static const char *const small[] = { "up", "down", "tall", "short" };
    const omn_tensor *t;
    omn_weights *w = golden("tests/golden/codecs/uio1_preprocess.safetensors");
    bench b;
    char name[64];
    bench_open(&b, "image.vqgan", "fit=uio1", NULL, NULL);
    for (size_t k = 0; k < 2; k++) {
        snprintf(name, sizeof name, "in.hw.%s", sizes[k]);
        const int32_t *hw = tensor(w, name, &t);
        const float *got = prepared(&b, formula_uio1((uint32_t)hw[0], (uint32_t)hw[1]), NULL);
        snprintf(name, sizeof name, "out.target.%s", sizes[k]);
        const float *want = tensor(w, name, &t);
        for (size_t i = 0; i < 24 * 24 * 3; i++)
            near(name, i, got[i / 72 * 11 * 768 + i / 3 % 24 * 33 + i % 3], want[i], 1e-5);
        snprintf(name, sizeof name, "out.target_mean.%s", sizes[k]);
        want = tensor(w, name, &t);
        for (size_t c = 0; c < 3; c++) {
            double sum = 0;
            for (size_t i = c; i < 256 * 256 * 3; i += 3) sum += (double)got[i];
            near(name, c, (float)(sum / 65536), want[c], 1e-5);
        }
    }
    bench_close(&b);
    bench_open(&b, "image.vqgan", "fit=uio1 height=32 width=32", NULL, NULL);
    for (size_t k = 0; k < 4; k++) {
        snprintf(name, sizeof name, "in.small.%s", small[k]);
        const int32_t *in = tensor(w, name, &t);
        const uint32_t h = (uint32_t)t->shape.dim[0], wide = (uint32_t)t->shape.dim[1];
        uint8_t *bytes = testing_memory((size_t)h * wide * 3);
        for (size_t i = 0; i < (size_t)h * wide * 3; i++) bytes[i] = (uint8_t)in[i];
        const float *got = prepared(&b, picture(bytes, wide, h, 3), NULL);
        snprintf(name, sizeof name, "out.small.%s", small[k]);
        const float *want = tensor(w, name, &t);
        for (size_t i = 0; i < 32 * 32 * 3; i++) near(name, i, got[i], 2 * want[i] - 1, 4e-6);
    }
    omn_weights_close(w);
    bench_close(&b);
}
END_TEST

/* The middle of the longer side. */
START_TEST(a_picture_that_covers_is_cut_in_the_middle)
{
    uint8_t data[8 * 24 * 3];
    bench b;
    bench_open(&b, "image.vqgan", "fit=cover height=8 width=8 resolution=256", NULL, NULL);
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i / 3 % 24 * 10);
    const float *got = prepared(&b, picture(data, 24, 8, 3), NULL);
    for (size_t i = 0; i < 8 * 8 * 3; i++)
        near("middle", i, got[i], (float)(2 * (double)((i / 3 % 8 + 8) * 10) / 255 - 1), 1e-6);
    bench_close(&b);
}
END_TEST

/* Grey, alpha over white. */
START_TEST(every_kind_of_picture_is_taken)
{
    static const char *const fits[] = { "fit=uio2", "fit=uio1", "fit=cover" };
    for (size_t k = 0; k < 3; k++) {
        bench b;
        bench_open(&b, "image.vqgan", fits[k], NULL, NULL);
        const float *got = prepared(&b, picture((const uint8_t *)"\x33", 1, 1, 1), NULL);
        for (size_t i = 0; i < 256 * 256 * 3; i++) near(fits[k], i, got[i], -0.6f, 1e-6);
        got = prepared(&b, picture((const uint8_t *)"\xff\x00\x00\x33", 1, 1, 4), NULL);
        for (size_t i = 0; i < 256 * 256 * 3; i++)
            near(fits[k], i, got[i], i % 3 ? 0.6f : 1, 1e-6);
        bench_close(&b);
    }
}
END_TEST

/* ---- targets that are views ----------------------------------------------------------------- */

/* The rule in two steps of whole pictures: by the nearest pixel into the square of the model, then
 * into that of the codes. */
static void two_steps(const omn_value *target, uint32_t w, uint32_t h, float *out)
{
    static const double black[4] = { 0, 0, 0, 1 };
    omn_fit f;
    omn_image *small = NULL, *square = NULL, *last = NULL;
    ck_assert(omn_fit_compute(w, h, 384, 384, &f, NULL) == OMN_OK);
    ck_assert(omn_image_resize(NULL, omn_value_image(target), f.width, f.height,
                               OMN_FILTER_NEAREST, false, &small, NULL) == OMN_OK);
    ck_assert(omn_image_crop(small, -(int64_t)f.left, -(int64_t)f.top, 384, 384, black, &square,
                             NULL) == OMN_OK);
    ck_assert(omn_image_resize(NULL, square, 256, 256, OMN_FILTER_NEAREST, false, &last, NULL) ==
              OMN_OK);
    const uint8_t *px = omn_image_pixels(last).data;
    for (size_t i = 0; i < 256 * 256 * 3; i++) out[i] = (float)px[i] / 255 * 2 - 1;
    omn_image_free(small);
    omn_image_free(square);
    omn_image_free(last);
}

START_TEST(a_view_lies_where_its_picture_lies)
{
    /* of the picture, of the target */
    static const uint32_t sizes[][4] = { { 640, 480, 640, 480 }, { 333, 500, 333, 500 },
                                         { 100, 7, 100, 7 }, { 640, 480, 320, 240 },
                                         { 47, 31, 94, 61 }, { 384, 384, 384, 384 } };
    float *want = testing_memory(256 * 256 * 3 * sizeof *want);
    bench b;
    bench_open(&b, "image.vqgan", "", NULL, NULL);
    for (size_t k = 0; k < 6; k++) {
        const omn_frame like = seen(sizes[k][0], sizes[k][1], 384);
        omn_value *target = formula(sizes[k][3], sizes[k][2], 3);
        two_steps(target, sizes[k][0], sizes[k][1], want);
        const float *got = prepared(&b, target, &like);
        for (size_t i = 0; i < 256 * 256 * 3; i++) near("view", i, got[i], want[i], 1e-6);
    }
    bench_close(&b);
}
END_TEST

/* A piece of the picture, a map cut with it, and a frame that no rule made: each pixel of the
 * target that is seen is that of its place. */
START_TEST(a_view_of_a_piece_is_looked_up)
{
    omn_value *whole = formula(200, 300, 1), *map = NULL;
    static const double none[4] = { 0 };
    omn_image *piece = NULL, *map_piece = NULL, *fit = NULL;
    const omn_frame *from = omn_image_frame(omn_value_image(whole));
    bench b;
    bench_open(&b, "image.vqgan", "", NULL, NULL);
    ck_assert(omn_image_crop(omn_value_image(whole), 100, 50, 192, 96, none, &piece, NULL) ==
              OMN_OK);
    ck_assert(omn_image_fit(NULL, piece, 384, 384, 0, &fit, NULL, NULL) == OMN_OK);
    const omn_frame like = *omn_image_frame(fit);
    ck_assert(like.source == from->source);
    /* the whole map, of another file; then the same piece of the same source */
    const uint8_t *px = omn_image_pixels(omn_value_image(whole)).data;
    for (int same = 0; same < 2; same++) {
        if (same) {
            ck_assert(omn_image_crop(omn_value_image(whole), 90, 40, 210, 160, none, &map_piece,
                                     NULL) == OMN_OK);
            map = omn_image_give(map_piece);
        } else {
            map = picture(px, 300, 200, 3);
        }
        const float *got = prepared(&b, map, &like);
        for (size_t y = 0; y < 256; y++)
            for (size_t x = 0; x < 256; x++)
                for (size_t c = 0; c < 3; c++) {
                    /* the piece is drawn twice its size, then by 2/3 */
                    const double sx = 100 + ((double)x + 0.5) * 0.75;
                    const double sy = 50 + (((double)y + 0.5) * 1.5 - 96) / 2;
                    const bool in = sy >= 50 - 48 && sy < 200;
                    const size_t at = ((size_t)sy * 300 + (size_t)sx) * 3 + c;
                    const bool there = in && (!same || sy >= 40);
                    near("piece", (y * 256 + x) * 3 + c, got[(y * 256 + x) * 3 + c],
                         there ? (float)px[at] / 255 * 2 - 1 : -1, 1e-6);
                }
    }
    omn_image_free(piece);
    omn_image_free(fit);
    omn_value_unref(whole);
    bench_close(&b);
}
END_TEST

/* ---- pictures that were made ---------------------------------------------------------------- */

START_TEST(numbers_become_pixels)
{
    static const float in[6] = { -1, 1, -7, 7, NAN, 0.004f };
    static const float want[6] = { 0, 1, 0, 1, 0, 0.502f };
    static const uint8_t bytes[6] = { 0, 255, 0, 255, 0, 128 };
    static const char *const kinds[] = { "pixels=f32", "pixels=u8", "pixels=auto" };
    float *x = testing_memory(8 * 8 * 3 * sizeof *x);
    memcpy(x, in, sizeof in);
    for (size_t k = 0; k < 3; k++) {
        bench b;
        char text[64];
        snprintf(text, sizeof text, "height=8 width=8 %s", kinds[k]);
        bench_open(&b, "image.vqgan", text, NULL, NULL);
        omn_value *v = finished(&b, x, NULL);
        const omn_pixels px = omn_image_pixels(omn_value_image(v));
        ck_assert(px.width == 8 && px.height == 8 && px.channels == 3);
        ck_assert_int_eq(px.type, k ? OMN_U8 : OMN_F32);
        for (size_t i = 0; i < 6; i++)
            if (k) ck_assert_int_eq(((const uint8_t *)px.data)[i], bytes[i]);
            else near("pixel", i, ((const float *)px.data)[i], want[i], 1e-6);
        omn_value_unref(v);
        bench_close(&b);
    }
}
END_TEST

static const float *of_bytes(bench *b, size_t side)
{
    float *x = testing_memory(side * side * 3 * sizeof *x);
    (void)b;
    for (size_t i = 0; i < side * side * 3; i++) {
        const size_t y = i / 3 / side, at = i / 3 % side, c = i % 3;
        const float v = (float)((37 * y + 11 * at + 101 * c + 3) % 256) / 255.0f;
        x[i] = 2 * v - 1;
    }
    return x;
}

START_TEST(padding_is_undone_as_uio2_does_it)
{
    const omn_tensor *t;
    omn_weights *w = golden("tests/golden/codecs/tasks.safetensors");
    bench b;
    bench_open(&b, "image.vqgan", "", NULL, NULL);
    const float *x = of_bytes(&b, 256);
    for (int k = 0; k < 4; k++) {
        char name[64];
        snprintf(name, sizeof name, "dense%d.size_hw", k);
        const int32_t *hw = tensor(w, name, &t);
        const uint32_t h = (uint32_t)hw[0], wide = (uint32_t)hw[1];
        const size_t rows[] = { 0, h / 3, h - 1 };
        snprintf(name, sizeof name, "dense%d.rgb_u8_rows", k);
        const int32_t *want = tensor(w, name, &t);
        snprintf(name, sizeof name, "dense%d.mask_count", k);
        const int32_t *count = tensor(w, name, &t);
        const omn_frame like = seen(wide, h, 384);
        omn_value *v = finished(&b, x, &like);
        const omn_pixels px = omn_image_pixels(omn_value_image(v));
        const omn_frame *f = omn_image_frame(omn_value_image(v));
        ck_assert(px.type == OMN_F32 && px.width == wide && px.height == h);
        ck_assert(f->source == like.source && f->m[0] == 1 && f->m[2] == 0 && f->m[5] == 0);
        const float *got = px.data;
        for (size_t i = 0; i < 3 * (size_t)wide * 3; i++) {
            const float u = got[rows[i / (wide * 3)] * wide * 3 + i % (wide * 3)];
            ck_assert_msg((int32_t)(u * 255.5f + 1e-4f) == want[i], "%s: %zu is %.9g, %d wanted",
                          name, i, (double)u * 255.5, want[i]);
        }
        int32_t bright = 0;
        for (size_t i = 0; i < (size_t)wide * h; i++)
            bright += (double)got[3 * i] + (double)got[3 * i + 1] + (double)got[3 * i + 2] > 1.5;
        ck_assert_int_eq(bright, count[0]);
        omn_value_unref(v);
    }
    omn_weights_close(w);
    bench_close(&b);
}
END_TEST

START_TEST(padding_is_undone_as_uio1_does_it)
{
    const omn_tensor *t;
    omn_weights *w = golden("tests/golden/codecs/uio1_preprocess.safetensors");
    bench b;
    bench_open(&b, "image.vqgan", "fit=uio1 height=32 width=32", NULL, NULL);
    const float *made = tensor(w, "in.generated", &t);
    float *x = testing_memory(32 * 32 * 3 * sizeof *x);
    for (size_t i = 0; i < 32 * 32 * 3; i++) x[i] = 2 * made[i] - 1;
    for (int k = 0; k < 3; k++) {
        char name[64];
        snprintf(name, sizeof name, "in.undo_hw.%d", k);
        const int32_t *hw = tensor(w, name, &t);
        const omn_frame like = seen((uint32_t)hw[1], (uint32_t)hw[0], 384);
        omn_value *v = finished(&b, x, &like);
        const omn_pixels px = omn_image_pixels(omn_value_image(v));
        snprintf(name, sizeof name, "out.undo.%d", k);
        const float *want = tensor(w, name, &t);
        ck_assert(px.width == (uint32_t)hw[1] && px.height == (uint32_t)hw[0]);
        ck_assert_uint_eq(t->bytes, (size_t)px.width * px.height * 12);
        for (size_t i = 0; i < (size_t)px.width * px.height * 3; i++)
            near(name, i, ((const float *)px.data)[i], want[i], 1e-6);
        omn_value_unref(v);
    }
    omn_weights_close(w);
    bench_close(&b);
}
END_TEST

/* A view of a piece stays as it is, and says where it lies. */
START_TEST(a_view_of_a_piece_says_where_it_lies)
{
    bench b;
    bench_open(&b, "image.vqgan", "", NULL, NULL);
    const float *x = of_bytes(&b, 256);
    omn_frame like = omn_frame_identity(77, 300, 200);
    like = omn_frame_then(&like, 0.5, 0.5, 100, 2);
    omn_value *v = finished(&b, x, &like);
    const omn_pixels px = omn_image_pixels(omn_value_image(v));
    const omn_frame *f = omn_image_frame(omn_value_image(v));
    double sx, sy;
    ck_assert(px.width == 256 && px.height == 256 && f->source == 77 && f->width == 300);
    omn_frame_to_source(f, 128, 256, &sx, &sy);
    ck_assert_double_eq_tol(sx, 100 + 96, 1e-9);
    ck_assert_double_eq_tol(sy, 2 + 192, 1e-9);
    omn_value_unref(v);
    bench_close(&b);
}
END_TEST

/* ---- what must not work --------------------------------------------------------------------- */

START_TEST(pictures_that_cannot_be_seen_are_refused)
{
    static const struct { const char *settings; uint32_t w, h; const char *says; } all[] = {
        { "", 1, 300, "too narrow" },
        { "", 60000, 1, "too narrow" },
        { "fit=uio1", 1, 300, "1 x 300 pixels is too narrow to be seen in 256 x 256" },
        { "fit=cover", 1, 300, "1 x 300 pixels is too narrow to be covered by 256 x 256" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bench b;
        bench_open(&b, "image.vqgan", all[i].settings, NULL, NULL);
        omn_value *v = picture(NULL, all[i].w, all[i].h, 3);
        ck_assert_int_eq(b.impl->prepare(b.part->self, b.call, v, NULL, b.feed, &b.err),
                         OMN_ERR_SHAPE);
        ck_assert_msg(strstr(b.err.text, all[i].says) != NULL, "%s", b.err.text);
        omn_value_unref(v);
        bench_close(&b);
    }
}
END_TEST

START_TEST(what_is_no_picture_is_refused)
{
    const int32_t ids[] = { 1 };
    omn_value *v = NULL, *out = NULL;
    bench b;
    bench_open(&b, "image.vqgan", "", NULL, NULL);
    ck_assert(omn_tokens_new(ids, 1, "codes", &v, NULL) == OMN_OK);
    ck_assert_int_eq(b.impl->prepare(b.part->self, b.call, v, NULL, b.feed, &b.err), OMN_ERR_TYPE);
    ck_assert_msg(strstr(b.err.text, "takes pictures, not tokens") != NULL, "%s", b.err.text);
    omn_value_unref(v);
    b.err = (omn_error)OMN_ERROR_INIT;
    omn_feed_clear(b.feed);
    ck_assert_int_eq(b.impl->finish(b.part->self, b.call, b.feed, NULL, &out, &b.err),
                     OMN_ERR_SHAPE);
    ck_assert_msg(strstr(b.err.text, "pixels [256, 256, 3] f32") != NULL, "%s", b.err.text);
    bench_close(&b);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { targets_of_uio2_are_the_originals,
                                 targets_of_uio1_are_the_originals,
                                 a_picture_that_covers_is_cut_in_the_middle,
                                 every_kind_of_picture_is_taken,
                                 a_view_lies_where_its_picture_lies,
                                 a_view_of_a_piece_is_looked_up,
                                 numbers_become_pixels,
                                 padding_is_undone_as_uio2_does_it,
                                 padding_is_undone_as_uio1_does_it,
                                 a_view_of_a_piece_says_where_it_lies,
                                 pictures_that_cannot_be_seen_are_refused,
                                 what_is_no_picture_is_refused };
    return TESTING_RUN("decoder/pictures", all, 60);
}
