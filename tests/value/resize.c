/* SPDX-License-Identifier: Apache-2.0 */
/* Scaling against the formula written out in double, one output pixel at a time; properties that
 * hold for every filter; frames that lead back to the source; crops that keep its pixels. */
#include <omnio/value.h>

#include "tests/testing.h"

#include <math.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

static double uniform(uint64_t stream, uint64_t i)
{
    return (double)(omn_random_at(11, stream, i) >> 11) * 0x1p-53;
}

static omn_image *noise(omn_type t, uint32_t w, uint32_t h, uint32_t c, uint64_t stream)
{
    omn_image *img = NULL;
    omn_pixels px;
    OK(omn_image_new(t, w, h, c, NULL, &img, &px, NULL));
    for (size_t i = 0; i < (size_t)w * h * c; i++) {
        double x = uniform(stream, i);
        if (t == OMN_U8)
            ((uint8_t *)px.data)[i] = (uint8_t)(x * 256);
        else
            ((float *)px.data)[i] = (float)x;
    }
    return img;
}

static double pixel(const omn_pixels *px, int64_t x, int64_t y, uint32_t c)
{
    size_t i = ((size_t)y * px->width + (size_t)x) * px->channels + c;
    return px->type == OMN_U8 ? ((const uint8_t *)px->data)[i] / 255.0
                              : (double)((const float *)px->data)[i];
}

static double filter_at(omn_filter f, double x)
{
    double a = fabs(x), pi = acos(-1);
    switch (f) {
    case OMN_FILTER_BOX:
        return x > -0.5 && x <= 0.5;
    case OMN_FILTER_TRIANGLE:
        return a < 1 ? 1 - a : 0;
    case OMN_FILTER_CUBIC:
        return a < 1   ? 1.5 * a * a * a - 2.5 * a * a + 1
               : a < 2 ? -0.5 * a * a * a + 2.5 * a * a - 4 * a + 2
                       : 0;
    default:
        return a == 0 ? 1 : a < 3 ? 3 * sin(pi * a) * sin(pi * a / 3) / (pi * pi * a * a) : 0;
    }
}

/* The weight of every input position for one output position, without any thought of speed. */
static void weights(omn_filter f, uint32_t from, uint32_t to, uint32_t i, bool antialias, double *w)
{
    double inv = (double)from / to, stretch = antialias && inv > 1 ? inv : 1, sum = 0;
    for (uint32_t k = 0; k < from; k++)
        sum += w[k] = filter_at(f, (k + 0.5 - (i + 0.5) * inv) / stretch);
    for (uint32_t k = 0; k < from; k++) w[k] /= sum;
}

static double reference(const omn_pixels *in, omn_filter f, bool antialias, uint32_t w, uint32_t h,
                        uint32_t x, uint32_t y, uint32_t c)
{
    double wx[256], wy[256], sum = 0, alpha = 0;
    weights(f, in->width, w, x, antialias, wx);
    weights(f, in->height, h, y, antialias, wy);
    for (uint32_t j = 0; j < in->height; j++)
        for (uint32_t i = 0; i < in->width; i++) {
            double a = in->channels == 4 ? pixel(in, i, j, 3) : 1;
            sum += wx[i] * wy[j] * pixel(in, i, j, c) * (c < 3 ? a : 1);
            alpha += wx[i] * wy[j] * a;
        }
    if (in->channels == 4 && c < 3) sum = alpha > 1e-6 ? sum / alpha : 0;
    return sum < 0 ? 0 : sum > 1 ? 1 : sum;
}

/* 2e-6 for floats: sums of at most some hundred float products of numbers up to 1; for bytes, half
 * a step and that, since they are rounded. With alpha the colours are a quotient, so the bound is
 * wider. */
START_TEST(resize_agrees_with_the_formula)
{
    static const struct {
        uint32_t w, h, w2, h2, c;
        omn_type t;
    } sizes[] = {
        { 17, 13, 5, 4, 3, OMN_F32 },  { 17, 13, 5, 4, 1, OMN_U8 },    { 7, 9, 31, 20, 3, OMN_U8 },
        { 7, 9, 31, 20, 4, OMN_F32 },  { 100, 3, 1, 7, 1, OMN_F32 },   { 1, 1, 5, 3, 3, OMN_F32 },
        { 40, 30, 39, 31, 4, OMN_U8 }, { 64, 48, 16, 48, 3, OMN_F32 },
    };
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        omn_image *in = noise(sizes[s].t, sizes[s].w, sizes[s].h, sizes[s].c, s);
        omn_pixels a = omn_image_pixels(in);
        for (int f = OMN_FILTER_BOX; f <= OMN_FILTER_LANCZOS3; f++)
            for (int antialias = 0; antialias < 2; antialias++) {
                omn_image *out = NULL;
                OK(omn_image_resize(NULL, in, sizes[s].w2, sizes[s].h2, (omn_filter)f,
                                    antialias != 0, &out, NULL));
                omn_pixels b = omn_image_pixels(out);
                ck_assert_uint_eq(b.width, sizes[s].w2);
                ck_assert_uint_eq(b.height, sizes[s].h2);
                ck_assert_int_eq(b.type, a.type);
                double most = (a.channels == 4 ? 2e-5 : 2e-6) + (a.type == OMN_U8 ? 0.5 / 255 : 0);
                for (uint32_t y = 0; y < b.height; y++)
                    for (uint32_t x = 0; x < b.width; x++)
                        for (uint32_t c = 0; c < b.channels; c++) {
                            double r = reference(&a, (omn_filter)f, antialias != 0, b.width,
                                                 b.height, x, y, c);
                            double got = pixel(&b, x, y, c);
                            if (a.channels == 4 && c < 3 && pixel(&b, x, y, 3) < 0.2) continue;
                            ck_assert_msg(
                                fabs(got - r) <=
                                    most * (a.channels == 4 && a.type == OMN_U8 ? 1.01 : 1),
                                "size %zu filter %d antialias %d at %u %u %u: %.9g, not %.9g", s, f,
                                antialias, x, y, c, got, r);
                        }
                omn_image_free(out);
            }
        omn_image_free(in);
    }
}
END_TEST

START_TEST(nearest_takes_the_pixel_below_the_centre)
{
    omn_image *in = noise(OMN_U8, 13, 7, 3, 3), *out = NULL;
    omn_pixels a = omn_image_pixels(in);
    OK(omn_image_resize(NULL, in, 29, 3, OMN_FILTER_NEAREST, true, &out, NULL));
    omn_pixels b = omn_image_pixels(out);
    for (uint32_t y = 0; y < 3; y++)
        for (uint32_t x = 0; x < 29; x++)
            for (uint32_t c = 0; c < 3; c++)
                ck_assert_double_eq(pixel(&b, x, y, c),
                                    pixel(&a, (int64_t)floor((x + 0.5) * 13 / 29),
                                          (int64_t)floor((y + 0.5) * 7 / 3), c));
    omn_image_free(in);
    omn_image_free(out);
}
END_TEST

START_TEST(the_same_size_is_the_same_picture)
{
    for (int f = OMN_FILTER_NEAREST; f <= OMN_FILTER_LANCZOS3; f++) {
        omn_image *in = noise(OMN_F32, 19, 11, 4, 4), *out = NULL;
        OK(omn_image_resize(NULL, in, 19, 11, (omn_filter)f, true, &out, NULL));
        ck_assert_mem_eq(omn_image_pixels(out).data, omn_image_pixels(in).data, 19 * 11 * 4 * 4);
        omn_image_free(in);
        omn_image_free(out);
    }
}
END_TEST

START_TEST(one_colour_stays_one_colour)
{
    for (int f = OMN_FILTER_NEAREST; f <= OMN_FILTER_LANCZOS3; f++)
        for (uint32_t w = 1; w < 60; w += 7) {
            omn_image *in = NULL, *out = NULL;
            omn_pixels px;
            OK(omn_image_new(OMN_U8, 23, 31, 4, NULL, &in, &px, NULL));
            memset(px.data, 200, 23 * 31 * 4);
            OK(omn_image_resize(NULL, in, w, 60 - w, (omn_filter)f, true, &out, NULL));
            px = omn_image_pixels(out);
            for (size_t i = 0; i < (size_t)w * (60 - w) * 4; i++)
                ck_assert_uint_eq(((const uint8_t *)px.data)[i], 200);
            omn_image_free(in);
            omn_image_free(out);
        }
}
END_TEST

START_TEST(hidden_colours_do_not_bleed)
{
    omn_image *in = NULL, *out = NULL;
    omn_pixels px;
    OK(omn_image_new(OMN_U8, 2, 1, 4, NULL, &in, &px, NULL));
    static const uint8_t two[8] = { 255, 0, 0, 255, 0, 255, 0, 0 }; /* red, and a green not seen */
    memcpy(px.data, two, 8);
    OK(omn_image_resize(NULL, in, 1, 1, OMN_FILTER_BOX, true, &out, NULL));
    const uint8_t *p = omn_image_pixels(out).data;
    ck_assert_uint_eq(p[0], 255);
    ck_assert_uint_eq(p[1], 0);
    ck_assert_uint_eq(p[3], 128);
    omn_image_free(in);
    omn_image_free(out);
}
END_TEST

/* As long as there is something to be seen of a pixel its colour is its own. */
START_TEST(nearly_hidden_colours_stay)
{
    static const struct { float alpha, left; } rows[] = {
        { 0.005f, 0.75f }, { 2e-6f, 0.75f }, { 5e-7f, 0 }, { 0, 0 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_image *in = NULL, *out = NULL;
        omn_pixels px;
        OK(omn_image_new(OMN_F32, 2, 1, 4, NULL, &in, &px, NULL));
        for (size_t k = 0; k < 2; k++) {
            float *p = (float *)px.data + 4 * k;
            p[0] = p[1] = p[2] = 0.75f;
            p[3] = rows[i].alpha;
        }
        OK(omn_image_resize(NULL, in, 1, 1, OMN_FILTER_BOX, true, &out, NULL));
        const float *p = omn_image_pixels(out).data;
        ck_assert_double_eq_tol((double)p[1], (double)rows[i].left, 1e-5);
        omn_image_free(in);
        omn_image_free(out);
    }
}
END_TEST

/* A step behind a frame that turns and shears is that step, then the frame. */
START_TEST(frames_are_joined_in_order)
{
    const omn_frame f = { 1, { 0.5, -0.25, 30, 1.5, 2, -7 }, 30, 40 };
    const omn_frame g = omn_frame_then(&f, 3, 5, -2, 4);
    static const double points[][2] = { { 0, 0 }, { 1, 0 }, { 0, 1 }, { -3, 8 } };
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        const double px = points[i][0], py = points[i][1];
        double x, y, want_x, want_y;
        omn_frame_to_source(&g, px, py, &x, &y);
        omn_frame_to_source(&f, 3 * px - 2, 5 * py + 4, &want_x, &want_y);
        ck_assert_double_eq_tol(x, want_x, 1e-12);
        ck_assert_double_eq_tol(y, want_y, 1e-12);
    }
    ck_assert_uint_eq(g.source, 1);
    ck_assert_uint_eq(g.width, 30);
}
END_TEST

START_TEST(resize_refuses_what_makes_no_sense)
{
    omn_image *in = noise(OMN_U8, 4, 4, 3, 1), *out = NULL;
    ck_assert_int_eq(omn_image_resize(NULL, in, 0, 4, OMN_FILTER_BOX, true, &out, NULL),
                     OMN_ERR_ARGUMENT);
    ck_assert_int_eq(omn_image_resize(NULL, in, 4, 4, (omn_filter)9, true, &out, NULL),
                     OMN_ERR_ARGUMENT);
    ck_assert_int_eq(omn_image_resize(NULL, in, 70000, 4, OMN_FILTER_BOX, true, &out, NULL),
                     OMN_ERR_SHAPE);
    ck_assert_ptr_null(out);
    omn_image_free(in);
}
END_TEST

START_TEST(threads_do_not_change_a_bit)
{
    omn_pool *pool = NULL;
    omn_call *call = NULL;
    omn_image *in = noise(OMN_U8, 301, 203, 3, 5), *a = NULL, *b = NULL;
    OK(omn_pool_new(3, &pool, NULL));
    omn_call_setup how = { OMN_FILL(omn_call_setup), .pool = pool };
    OK(omn_call_new(&how, &call, NULL));
    OK(omn_image_resize(NULL, in, 77, 99, OMN_FILTER_CUBIC, true, &a, NULL));
    OK(omn_image_resize(call, in, 77, 99, OMN_FILTER_CUBIC, true, &b, NULL));
    ck_assert_mem_eq(omn_image_pixels(a).data, omn_image_pixels(b).data, 77 * 99 * 3);
    omn_image_free(in);
    omn_image_free(a);
    omn_image_free(b);
    omn_call_free(call);
    omn_pool_free(pool);
}
END_TEST

START_TEST(crop_keeps_pixels_and_fills_outside)
{
    static const struct {
        int64_t l, t;
        uint32_t w, h;
    } cuts[] = {
        { 0, 0, 9, 7 }, { 2, 3, 4, 2 },  { -3, -2, 20, 20 }, { 8, 6, 5, 5 },
        { 9, 7, 3, 3 }, { -5, 2, 3, 2 }, { 4, -9, 2, 4 },    { 1000000, -1000000, 2, 2 },
    };
    const double fill[4] = { 0.2, 0.4, 0.6, 1 };
    for (int t = 0; t < 2; t++)
        for (uint32_t ch = 1; ch <= 4; ch += ch == 1 ? 2 : 1)
            for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
                omn_image *in = noise(t ? OMN_F32 : OMN_U8, 9, 7, ch, i), *out = NULL;
                OK(omn_image_crop(in, cuts[i].l, cuts[i].t, cuts[i].w, cuts[i].h, fill, &out,
                                  NULL));
                omn_pixels a = omn_image_pixels(in), b = omn_image_pixels(out);
                ck_assert_uint_eq(omn_image_frame(out)->source, omn_image_frame(in)->source);
                for (uint32_t y = 0; y < b.height; y++)
                    for (uint32_t x = 0; x < b.width; x++)
                        for (uint32_t c = 0; c < ch; c++) {
                            int64_t sx = x + cuts[i].l, sy = y + cuts[i].t;
                            bool inside = sx >= 0 && sy >= 0 && sx < 9 && sy < 7;
                            double want = inside ? pixel(&a, sx, sy, c) : fill[c];
                            ck_assert_double_eq_tol(pixel(&b, x, y, c), want, 1e-7);
                        }
                omn_image_free(in);
                omn_image_free(out);
            }
    omn_image *in = noise(OMN_U8, 2, 2, 1, 0), *out = NULL;
    ck_assert_int_eq(omn_image_crop(in, INT64_MIN, 0, 1, 1, fill, &out, NULL), OMN_ERR_ARGUMENT);
    ck_assert_int_eq(omn_image_crop(in, 0, 0, 0, 1, fill, &out, NULL), OMN_ERR_SHAPE);
    omn_image_free(in);
}
END_TEST

/* The centre of a pixel of the last picture, sent to the source, lies in the pixel it was made of.
 */
START_TEST(frames_lead_back_to_the_source)
{
    omn_image *a = noise(OMN_U8, 40, 30, 3, 1), *b = NULL, *c = NULL, *d = NULL;
    const double fill[4] = { 0 };
    OK(omn_image_crop(a, 7, 5, 12, 10, fill, &b, NULL));
    OK(omn_image_resize(NULL, b, 36, 50, OMN_FILTER_NEAREST, false, &c, NULL)); /* x3, x5 */
    OK(omn_image_crop(c, -4, -6, 60, 60, fill, &d, NULL));
    omn_pixels pa = omn_image_pixels(a), pd = omn_image_pixels(d);
    const omn_frame *f = omn_image_frame(d);
    ck_assert_uint_eq(f->source, omn_image_frame(a)->source);
    ck_assert_uint_eq(f->width, 40);
    ck_assert_uint_eq(f->height, 30);
    for (uint32_t y = 6; y < 56; y++)
        for (uint32_t x = 4; x < 40; x++) {
            double sx, sy, bx, by;
            omn_frame_to_source(f, x + 0.5, y + 0.5, &sx, &sy);
            for (uint32_t ch = 0; ch < 3; ch++)
                ck_assert_double_eq(pixel(&pd, x, y, ch), pixel(&pa, (int64_t)sx, (int64_t)sy, ch));
            ck_assert(omn_frame_from_source(f, sx, sy, &bx, &by));
            ck_assert_double_eq_tol(bx, x + 0.5, 1e-12);
            ck_assert_double_eq_tol(by, y + 0.5, 1e-12);
        }
    omn_image_free(a);
    omn_image_free(b);
    omn_image_free(c);
    omn_image_free(d);

    omn_frame turned = { 1, { 0, -1, 30, 1, 0, 0 }, 30, 40 },
              flat = { 1, { 1, 2, 0, 2, 4, 0 }, 1, 1 };
    double x, y, sx, sy;
    omn_frame_to_source(&turned, 3, 4, &sx, &sy);
    ck_assert(omn_frame_from_source(&turned, sx, sy, &x, &y));
    ck_assert_double_eq_tol(x, 3, 1e-12);
    ck_assert_double_eq_tol(y, 4, 1e-12);
    ck_assert(!omn_frame_from_source(&flat, 1, 1, &x, &y));
}
END_TEST

START_TEST(iou_is_that_of_continuous_boxes)
{
    static const struct {
        omn_region a, b;
        double iou;
    } rows[] = {
        { { 0, 0, 2, 2, 0, 0 }, { 0, 0, 2, 2, 0, 0 }, 1 },
        { { 0, 0, 2, 2, 0, 0 }, { 1, 1, 3, 3, 0, 0 }, 1.0 / 7 },
        { { 0, 0, 2, 2, 0, 0 }, { 2, 0, 4, 2, 0, 0 }, 0 },
        { { 0, 0, 4, 4, 0, 0 }, { 1, 1, 2, 2, 0, 0 }, 1.0 / 16 },
        { { 0, 0, 0, 4, 0, 0 }, { 0, 0, 4, 4, 0, 0 }, 0 },
        { { 2, 2, 0, 0, 0, 0 }, { 0, 0, 4, 4, 0, 0 }, 0 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_double_eq_tol(omn_region_iou(&rows[i].a, &rows[i].b), rows[i].iou, 1e-15);
        ck_assert_double_eq_tol(omn_region_iou(&rows[i].b, &rows[i].a), rows[i].iou, 1e-15);
    }
}
END_TEST

/* Bytes in whole numbers: what follows from the rule by hand; rows are rounded before columns. */
START_TEST(bytes_are_scaled_in_whole_numbers)
{
    static const uint8_t two[] = { 0, 255 }, grid[] = { 0, 1, 1, 1 };
    static const uint8_t clear[] = { 200, 100, 50, 0, 10, 20, 30, 255 };
    static const struct {
        const uint8_t *from;
        uint32_t w, h, channels, to_w, to_h;
        omn_filter filter;
        uint8_t wanted[8];
    } rows[] = {
        { two, 2, 1, 1, 1, 1, OMN_FILTER_TRIANGLE, { 128 } },
        { two, 1, 2, 1, 1, 1, OMN_FILTER_CUBIC, { 128 } },
        { two, 2, 1, 1, 2, 1, OMN_FILTER_CUBIC, { 0, 255 } },
        /* 0.5 becomes 1, 1 stays; their mean is 1: at once it would have been 0.75 */
        { grid, 2, 2, 1, 1, 1, OMN_FILTER_BOX, { 1 } },
        /* what cannot be seen has no colour to give; alpha 128 holds half of what can be seen */
        { clear, 2, 1, 4, 1, 1, OMN_FILTER_BOX, { 9, 19, 29, 128 } },
        { clear, 2, 1, 4, 2, 1, OMN_FILTER_BOX, { 200, 100, 50, 0, 10, 20, 30, 255 } },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_image *in = NULL, *out = NULL;
        omn_pixels px;
        const size_t n = (size_t)rows[i].to_w * rows[i].to_h * rows[i].channels;
        ck_assert(omn_image_new(OMN_U8, rows[i].w, rows[i].h, rows[i].channels, NULL, &in, &px,
                                &err) == OMN_OK);
        memcpy(px.data, rows[i].from, (size_t)rows[i].w * rows[i].h * rows[i].channels);
        ck_assert_msg(omn_image_resize_bytes(NULL, in, rows[i].to_w, rows[i].to_h, rows[i].filter,
                                             &out, &err) == OMN_OK, "%s", err.text);
        px = omn_image_pixels(out);
        for (size_t k = 0; k < n; k++)
            ck_assert_msg(((const uint8_t *)px.data)[k] == rows[i].wanted[k],
                          "row %zu: byte %zu is %d", i, k, ((const uint8_t *)px.data)[k]);
        omn_image_free(out);
        out = NULL;
        ck_assert(omn_image_resize_bytes(NULL, in, 1, 1, OMN_FILTER_NEAREST, &out, &err) ==
                  OMN_ERR_ARGUMENT);
        ck_assert(omn_image_resize_bytes(NULL, in, 0, 1, OMN_FILTER_BOX, &out, NULL) ==
                  OMN_ERR_ARGUMENT);
        ck_assert_ptr_null(out);
        omn_image_free(in);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        resize_agrees_with_the_formula,    nearest_takes_the_pixel_below_the_centre,
        the_same_size_is_the_same_picture, one_colour_stays_one_colour,
        hidden_colours_do_not_bleed,
        nearly_hidden_colours_stay, frames_are_joined_in_order,
        resize_refuses_what_makes_no_sense,
        threads_do_not_change_a_bit,       crop_keeps_pixels_and_fills_outside,
        bytes_are_scaled_in_whole_numbers,
        frames_lead_back_to_the_source,    iou_is_that_of_continuous_boxes,
    };
    return TESTING_RUN("value/resize", all, 20);
}
