/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on pictures: sizes, pixels and frames of what comes out; drawing touches the pixels
 * that it should and no other. */
#include "tests/operation/apply.h"

#include "tests/testing.h"

#include <omnio/tensor.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

/* Pixel (x, y): x, y, x + y, and 200 as alpha. */
static omn_value *picture(uint32_t w, uint32_t h, uint32_t channels)
{
    omn_image *img = NULL;
    omn_pixels px;
    OK(omn_image_new(OMN_U8, w, h, channels, NULL, &img, &px, NULL));
    uint8_t *p = px.data;
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            for (uint32_t c = 0; c < channels; c++)
                *p++ = (uint8_t)(c == 0 ? x : c == 1 ? y : c == 2 ? x + y : 200);
    return omn_image_give(img);
}

static omn_pixels pixels(const omn_value *v)
{
    ck_assert_ptr_nonnull(omn_value_image(v));
    return omn_image_pixels(omn_value_image(v));
}

static int at(const omn_pixels *px, uint32_t x, uint32_t y, uint32_t c)
{
    return ((const uint8_t *)px->data)[(y * px->width + x) * px->channels + c];
}

static const char *size_of(omn_value *v)
{
    static char text[64];
    omn_pixels px = pixels(v);
    snprintf(text, sizeof(text), "%u x %u x %u %s", px.width, px.height, px.channels,
             px.type == OMN_U8 ? "u8" : "f32");
    omn_value_unref(v);
    return text;
}

START_TEST(sizes_are_those_asked_for)
{
    omn_value *in = picture(60, 40, 3);
    const omn_value *const given[4] = { in, NULL, NULL, NULL };
    static const struct {
        const char *name, *set[8], *size;
    } rows[] = {
        { "image.resize", { "width", "30", "height", "50" }, "30 x 50 x 3 u8" },
        { "image.resize", { "width", "30", "height", "50", "keep", "aspect" }, "30 x 20 x 3 u8" },
        { "image.resize", { "width", "65535", "height", "1", "keep", "aspect" }, "2 x 1 x 3 u8" },
        { "image.fit", { 0 }, "384 x 384 x 3 f32" },
        { "image.crop", { "left", "-5", "width", "70", "height", "2" }, "70 x 2 x 3 u8" },
        { "image.pad", { "width", "64", "height", "64" }, "64 x 64 x 3 u8" },
        { "image.convert", { "to", "grey" }, "60 x 40 x 1 u8" },
        { "image.convert", { "to", "rgba", "type", "float" }, "60 x 40 x 4 f32" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const *s = rows[i].set;
        omn_value *out = apply(NULL, rows[i].name, given, s[0], s[1], s[2], s[3], s[4], s[5], NULL);
        ck_assert_uint_eq(omn_value_frame(out)->source, omn_value_frame(in)->source);
        ck_assert_str_eq(size_of(out), rows[i].size);
    }
    omn_error err = OMN_ERROR_INIT;
    ck_assert_ptr_null(apply(&err, "image.pad", given, "width", "59", "height", "64", NULL));
    ck_assert_msg(strstr(err.text, "60 x 40") != NULL, "%s", err.text);
    omn_value_unref(in);
    apply_end();
}
END_TEST

START_TEST(colours_convert_and_come_back)
{
    omn_value *in = picture(20, 10, 4);
    const omn_value *const given[4] = { in, NULL, NULL, NULL };
    omn_value *rgb = apply(NULL, "image.convert", given, "to", "rgb", NULL);
    omn_value *grey = apply(NULL, "image.convert", given, "to", "grey", NULL);
    omn_pixels a = pixels(in), b = pixels(rgb), g = pixels(grey);
    for (uint32_t y = 0; y < 10; y++)
        for (uint32_t x = 0; x < 20; x++) {
            double p[3];
            for (uint32_t c = 0; c < 3; c++) {
                p[c] = at(&a, x, y, c) * 200 / 255.0 + 55;
                ck_assert_double_le(fabs(p[c] - at(&b, x, y, c)), 0.51);
            }
            ck_assert_double_le(fabs(0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2] - at(&g, x, y, 0)),
                                0.51);
        }
    const omn_value *const first[4] = { rgb, NULL, NULL, NULL };
    omn_value *f = apply(NULL, "image.convert", first, "type", "float", NULL);
    const omn_value *const second[4] = { f, NULL, NULL, NULL };
    omn_value *back = apply(NULL, "image.convert", second, "type", "bytes", NULL);
    ck_assert_mem_eq(pixels(back).data, b.data, 20 * 10 * 3);
    omn_value_unref(in);
    omn_value_unref(rgb);
    omn_value_unref(grey);
    omn_value_unref(f);
    omn_value_unref(back);
    apply_end();
}
END_TEST

/* A pixel is hidden whose middle is inside; grey becomes three colours, an alpha that was there
 * stays beside the boxes. */
START_TEST(boxes_are_hidden)
{
    omn_value *in = picture(60, 40, 3);
    omn_value *boxes = from_json("[{\"box\":[10,5,20,25]},{\"box\":[50.6,30.4,99,99]}]");
    const omn_value *const given[4] = { in, boxes, NULL, NULL };
    omn_value *out = apply(NULL, "image.hide", given, NULL);
    const omn_pixels was = pixels(in), px = pixels(out);
    ck_assert_uint_eq(px.channels, 4);
    for (uint32_t y = 0; y < 40; y++)
        for (uint32_t x = 0; x < 60; x++) {
            const bool hidden = (x >= 10 && x < 20 && y >= 5 && y < 25) || (x >= 51 && y >= 30);
            ck_assert_int_eq(at(&px, x, y, 3), hidden ? 0 : 255);
            for (uint32_t k = 0; k < 3; k++)
                ck_assert_int_eq(at(&px, x, y, k), at(&was, x, y, k));
        }
    const omn_value *const again[4] = { out, boxes, NULL, NULL };
    omn_value *twice = apply(NULL, "image.hide", again, NULL);
    ck_assert_mem_eq(pixels(twice).data, px.data, 60 * 40 * 4);
    const omn_value *const one[4] = { in, NULL, NULL, NULL };
    omn_value *f = apply(NULL, "image.convert", one, "type", "float", NULL);
    const omn_value *const second[4] = { f, boxes, NULL, NULL };
    omn_value *soft = apply(NULL, "image.hide", second, NULL);
    const float *x = (const float *)pixels(soft).data;
    ck_assert_float_eq(x[3], 1);
    ck_assert_float_eq(x[(5 * 60 + 10) * 4 + 3], 0);
    omn_value_unref(in);
    omn_value_unref(boxes);
    omn_value_unref(out);
    omn_value_unref(twice);
    omn_value_unref(f);
    omn_value_unref(soft);
    apply_end();
}
END_TEST

/* A picture pasted into one of twice its size by a mask of half that, hard and soft. */
START_TEST(pictures_are_pasted_where_a_mask_says)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *in = picture(60, 40, 3), *other = picture(30, 20, 4), *grey = picture(60, 40, 1);
    omn_value *wide = picture(60, 30, 3);
    omn_image *img = NULL;
    omn_pixels m;
    OK(omn_image_new(OMN_U8, 30, 20, 1, NULL, &img, &m, NULL));
    for (int i = 0; i < 30 * 20; i++)
        ((uint8_t *)m.data)[i] = i % 30 < 10 ? 0 : i % 30 < 20 ? 255 : 51;
    omn_value *white = omn_image_give(img);
    const omn_value *const one[4] = { white, NULL, NULL, NULL };
    const omn_value *const alone[4] = { other, NULL, NULL, NULL };
    omn_value *twice = apply(NULL, "image.resize", alone, "width", "60", "height", "40", NULL);
    const omn_pixels a = pixels(in), b = pixels(twice);
    for (int soft = 0; soft < 2; soft++) {
        const char *form = soft ? "soft" : "above";
        omn_value *half = apply(NULL, "mask.from_image", one, "form", form, NULL);
        const omn_value *const laid[4] = { half, in, NULL, NULL };
        omn_value *mask = apply(NULL, "mask.fit", laid, NULL);
        ck_assert(omn_value_frame(mask)->source == omn_value_frame(in)->source);
        const omn_value *const given[4] = { in, other, mask, NULL };
        omn_value *out = apply(NULL, "image.paste", given, NULL);
        const omn_pixels px = pixels(out);
        ck_assert_uint_eq(px.channels, 3);
        for (uint32_t i = 0; i < 60 * 40; i++) {
            const uint32_t x = i % 60, y = i / 60;
            const double w = (x < 20 ? 0 : x < 40 ? 1 : soft ? 0.2 : 0) *
                at(&b, x, y, 3) / 255.0;
            for (uint32_t k = 0; k < 3; k++) {
                const double was = at(&a, x, y, k), is = at(&b, x, y, k);
                ck_assert_double_eq_tol(at(&px, x, y, k), was + w * (is - was), 0.502);
            }
        }
        const omn_value *const plain[4] = { grey, grey, mask, NULL };
        const omn_value *const coloured[4] = { grey, in, mask, NULL };
        omn_value *same = apply(NULL, "image.paste", plain, NULL);
        omn_value *rgb = apply(NULL, "image.paste", coloured, NULL);
        ck_assert_mem_eq(pixels(same).data, pixels(grey).data, 60 * 40);
        ck_assert_uint_eq(pixels(rgb).channels, 3);
        const omn_value *const small[4] = { in, other, half, NULL };
        const omn_value *const shape[4] = { half, wide, NULL, NULL };
        ck_assert_ptr_null(apply(&err, "image.paste", small, NULL));
        ck_assert_msg(strstr(err.text, "a mask of 30 x 20 for a picture of 60 x 40") != NULL, "%s",
                      err.text);
        err = (omn_error)OMN_ERROR_INIT;
        ck_assert_ptr_null(apply(&err, "mask.fit", shape, NULL));
        ck_assert_msg(strstr(err.text, "it is of another shape") != NULL, "%s", err.text);
        err = (omn_error)OMN_ERROR_INIT;
        omn_value_unref(half);
        omn_value_unref(mask);
        omn_value_unref(out);
        omn_value_unref(same);
        omn_value_unref(rgb);
    }
    omn_value_unref(in);
    omn_value_unref(other);
    omn_value_unref(twice);
    omn_value_unref(grey);
    omn_value_unref(wide);
    omn_value_unref(white);
    apply_end();
}
END_TEST

/* The recorded picture, and the masks of the original program: integers, to the pixel; and what is
 * bright, as uio1-segment takes it. */
START_TEST(things_of_a_drawn_segmentation)
{
    omn_weights *w = NULL;
    omn_image *img = NULL;
    omn_pixels px;
    OK(omn_weights_open(testing_source("tests/golden/uio1/locations.safetensors"), &w, NULL));
    const omn_tensor *in = omn_weights_get(w, "in.seg");
    const omn_tensor *want = omn_weights_get(w, "out.seg_coarse");
    const omn_tensor *bright = omn_weights_get(w, "out.seg_any");
    ck_assert(in && want && bright && want->shape.dim[0] == 4);
    const size_t n = in->bytes / 12;
    OK(omn_image_new(OMN_F32, (uint32_t)in->shape.dim[1], (uint32_t)in->shape.dim[0], 3, NULL, &img,
                     &px, NULL));
    memcpy(px.data, in->data, in->bytes);
    omn_value *v = omn_image_give(img);
    const omn_value *const given[4] = { v, NULL, NULL, NULL };
    omn_value *masks = apply(NULL, "mask.from_hues", given, "rows", "true", NULL);
    ck_assert_uint_eq(omn_list_count(masks), 4);
    for (size_t k = 0; k < 4; k++)
        ck_assert_mem_eq(omn_value_column(omn_list_at(masks, k), "labels")->data,
                         (const char *)want->data + k * n * 4, n * 4);
    omn_value *mask = apply(NULL, "mask.from_image", given, "form", "above", "limit", "0.118",
                            "cut", "true", NULL);
    ck_assert_mem_eq(omn_value_column(mask, "labels")->data, bright->data, n * 4);
    omn_value_unref(masks);
    omn_value_unref(mask);
    omn_value_unref(v);
    omn_weights_close(w);
    apply_end();
}
END_TEST

/* uio1-segment's limit, spec uio1 section 9: bytes are cut, not rounded, and their mean is above
 * 30, so of bytes as they stand and of floats that are cut to them it takes the same. */
START_TEST(what_is_bright_is_so_by_its_bytes)
{
    static const struct { float rgb[3]; int bytes[3], bright; } list[] = {
        { { 30.f, 30.f, 30.f }, { 30, 30, 30 }, 0 },
        { { 31.f, 30.f, 30.f }, { 31, 30, 30 }, 1 },
        { { 30.9f, 30.9f, 30.9f }, { 30, 30, 30 }, 0 },
        { { 91.f, 0.9f, 0.f }, { 91, 0, 0 }, 1 },
        { { 90.9f, 0.9f, 0.9f }, { 90, 0, 0 }, 0 },
    };
    enum { N = sizeof list / sizeof *list };
    for (int floats = 0; floats < 2; floats++) {
        omn_image *img = NULL;
        omn_pixels px;
        const omn_type type = floats ? OMN_F32 : OMN_U8;
        OK(omn_image_new(type, N, 1, 3, NULL, &img, &px, NULL));
        for (size_t i = 0; i < 3 * (size_t)N; i++) {
            if (floats) ((float *)px.data)[i] = (list[i / 3].rgb[i % 3] + 0.01f) / 255;
            else ((uint8_t *)px.data)[i] = (uint8_t)list[i / 3].bytes[i % 3];
        }
        omn_value *v = omn_image_give(img);
        const omn_value *const given[4] = { v, NULL, NULL, NULL };
        omn_value *mask = apply(NULL, "mask.from_image", given, "form", "above", "limit", "0.118",
                                "cut", "true", NULL);
        for (size_t i = 0; i < N; i++)
            ck_assert_int_eq(((const int32_t *)omn_value_column(mask, "labels")->data)[i],
                             list[i].bright);
        omn_value_unref(mask);
        omn_value_unref(v);
    }
    apply_end();
}
END_TEST

/* Pieces are what touches: an upright line of eleven stays, ten in a corner go, what is not there
 * is no mask. */
START_TEST(crumbs_are_left_out)
{
    omn_image *img = NULL;
    omn_pixels px;
    OK(omn_image_new(OMN_U8, 20, 20, 3, NULL, &img, &px, NULL));
    memset(px.data, 0, 20 * 20 * 3);
    for (uint32_t i = 0; i < 11; i++) ((uint8_t *)px.data)[((3 + i) * 20 + 4) * 3] = 255;
    for (uint32_t i = 0; i < 10; i++)
        ((uint8_t *)px.data)[((15 + i / 5) * 20 + 10 + i % 5) * 3] = 255;
    omn_value *v = omn_image_give(img);
    const omn_value *const given[4] = { v, NULL, NULL, NULL };
    omn_value *masks = apply(NULL, "mask.from_hues", given, NULL);
    ck_assert_uint_eq(omn_list_count(masks), 1);
    const int32_t *x = omn_value_column(omn_list_at(masks, 0), "labels")->data;
    for (int i = 0; i < 400; i++) ck_assert_int_eq(x[i], i % 20 == 4 && i / 20 >= 3 && i / 20 < 14);
    omn_value_unref(masks);
    omn_value_unref(v);
    apply_end();
}
END_TEST

START_TEST(boxes_are_cut_out)
{
    omn_value *in = picture(60, 40, 3);
    omn_value *boxes =
        from_json("[{\"box\":[10,5,20,25]},{\"box\":[50.5,30.2,99,99]},{\"box\":[0,0,10,10]}]");
    const omn_value *const given[4] = { in, boxes, NULL, NULL };
    omn_value *out = apply(NULL, "image.cut", given, NULL);
    ck_assert_uint_eq(omn_list_count(out), 3);
    omn_pixels a = pixels(omn_list_at(out, 0)), b = pixels(omn_list_at(out, 1));
    ck_assert_uint_eq(a.width, 10);
    ck_assert_uint_eq(a.height, 20);
    ck_assert_int_eq(at(&a, 0, 0, 0), 10);
    ck_assert_int_eq(at(&a, 9, 19, 1), 24);
    ck_assert_uint_eq(b.width, 10);
    ck_assert_uint_eq(b.height, 10);
    double x, y;
    omn_frame_to_source(omn_value_frame(omn_list_at(out, 1)), 1, 2, &x, &y);
    ck_assert_double_eq(x, 51);
    ck_assert_double_eq(y, 32);
    omn_value_unref(out);
    out = apply(NULL, "image.cut", given, "margin", "0.5", NULL);
    ck_assert_uint_eq(pixels(omn_list_at(out, 0)).width, 20);
    ck_assert_uint_eq(pixels(omn_list_at(out, 0)).height, 35);
    omn_value_unref(out);
    omn_value_unref(boxes);
    boxes = from_json("[{\"box\":[70,5,80,25]}]");
    const omn_value *const outside[4] = { in, boxes, NULL, NULL };
    omn_error err = OMN_ERROR_INIT;
    ck_assert_ptr_null(apply(&err, "image.cut", outside, NULL));
    ck_assert_uint_eq(err.status, OMN_ERR_DATA);
    omn_value_unref(boxes);
    omn_value_unref(in);
    apply_end();
}
END_TEST

START_TEST(clipping_ends_at_the_edges)
{
    omn_value *in = picture(60, 40, 1);
    omn_value *boxes = from_json(
        "[{\"box\":[-5,5,20,99],\"label\":\"a\"},{\"box\":[60,0,70,10]},{\"box\":[1,2,3,4]}]");
    const omn_value *const given[4] = { boxes, in, NULL, NULL };
    ck_assert_str_eq(as_json(apply(NULL, "box.clip", given, NULL)),
                     "[{\"box\":[0,5,20,40],\"label\":\"a\"},{\"box\":[1,2,3,4]}]");
    omn_value_unref(in);
    omn_value_unref(boxes);
    apply_end();
}
END_TEST

static bool has_drawing(void)
{
    const omn_entry *e = NULL;
    return omn_registry_find(apply_context(), "omnio.operation/1", "draw.regions", &e, NULL) ==
           OMN_OK;
}

START_TEST(boxes_are_drawn_on_their_edges_only)
{
    if (!has_drawing()) return; /* a build without cairo */
    for (uint32_t channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1) {
        omn_value *in = picture(120, 90, channels);
        omn_value *boxes = from_json("[{\"box\":[20,10,60,50],\"label\":\"cat\"}]");
        const omn_value *const given[4] = { in, boxes, NULL, NULL };
        omn_value *out = apply(NULL, "draw.regions", given, "labels", "false", "line", "2", NULL);
        omn_pixels a = pixels(in), b = pixels(out);
        ck_assert_uint_eq(b.channels, channels == 4 ? 4 : 3);
        int r = at(&b, 20, 30, 0), g = at(&b, 20, 30, 1), bl = at(&b, 20, 30, 2), painted = 0;
        ck_assert_int_gt(abs(r - g) + abs(g - bl), 60); /* a colour, not the grey of the ground */
        for (uint32_t y = 0; y < 90; y++)
            for (uint32_t x = 0; x < 120; x++) {
                /* lines are two pixels wide and centred on the edges, which lie between pixels */
                bool outer = x >= 19 && x < 61 && y >= 9 && y < 51;
                bool inner = x >= 21 && x < 59 && y >= 11 && y < 49;
                if (outer && !inner) {
                    ck_assert_int_eq(at(&b, x, y, 0), r);
                    ck_assert_int_eq(at(&b, x, y, 1), g);
                    ck_assert_int_eq(at(&b, x, y, 2), bl);
                    if (channels == 4) ck_assert_int_eq(at(&b, x, y, 3), 255);
                    painted++;
                } else {
                    for (uint32_t c = 0; c < b.channels; c++)
                        ck_assert_int_eq(at(&b, x, y, c), at(&a, x, y, channels == 1 ? 0 : c));
                }
            }
        ck_assert_int_eq(painted, 42 * 42 - 38 * 38);
        omn_value_unref(out);
        omn_value_unref(boxes);
        omn_value_unref(in);
    }
    apply_end();
}
END_TEST

START_TEST(labels_are_written_and_keep_their_colour)
{
    if (!has_drawing()) return;
    omn_value *in = picture(200, 150, 3);
    omn_value *boxes = from_json("[{\"box\":[50,60,90,100],\"label\":\"cat\",\"score\":0.87},"
                                 "{\"box\":[120,60,160,100],\"label\":\"cat\"}]");
    const omn_value *const given[4] = { in, boxes, NULL, NULL };
    omn_value *out =
        apply(NULL, "draw.regions", given, "line", "2", "font", "12", "scores", "true", NULL);
    omn_pixels a = pixels(in), b = pixels(out);
    for (uint32_t c = 0; c < 3; c++) ck_assert_int_eq(at(&b, 50, 80, c), at(&b, 120, 80, c));
    size_t ground = 0, letters = 0; /* above the first box: the label's ground, and letters on it */
    for (uint32_t y = 45; y < 59; y++)
        for (uint32_t x = 50; x < 100; x++) {
            bool changed = false, same = true;
            for (uint32_t c = 0; c < 3; c++) {
                changed = changed || at(&b, x, y, c) != at(&a, x, y, c);
                same = same && at(&b, x, y, c) == at(&b, 50, 80, c);
            }
            ground += changed && same;
            letters += changed && !same;
        }
    ck_assert_uint_gt(ground, 100);
    ck_assert_uint_gt(letters, 20);
    omn_value_unref(out);
    omn_value_unref(boxes);
    omn_value_unref(in);
    apply_end();
}
END_TEST

/* A box of the source picture, drawn on a crop scaled by two, lies where the crop shows it. */
START_TEST(drawing_goes_through_the_frame)
{
    if (!has_drawing()) return;
    omn_value *in = picture(100, 100, 3);
    const omn_value *const one[4] = { in, NULL, NULL, NULL };
    omn_value *cut = apply(NULL, "image.crop", one, "left", "20", "top", "30", "width", "40",
                           "height", "40", NULL);
    const omn_value *const two[4] = { cut, NULL, NULL, NULL };
    omn_value *big =
        apply(NULL, "image.resize", two, "width", "80", "height", "80", "filter", "nearest", NULL);
    omn_region r = { 30, 40, 50, 60, NAN, NULL };
    omn_value *boxes = NULL;
    OK(omn_regions_new(&r, 1, omn_value_frame(in), &boxes, NULL));
    const omn_value *const three[4] = { big, boxes, NULL, NULL };
    omn_value *out = apply(NULL, "draw.regions", three, "line", "2", NULL);
    omn_pixels a = pixels(big), b = pixels(out);
    ck_assert_mem_eq((uint8_t *)a.data + (30 * 80 + 30) * 3, (uint8_t *)b.data + (30 * 80 + 30) * 3,
                     3);
    ck_assert_mem_ne((uint8_t *)a.data + (40 * 80 + 20) * 3, (uint8_t *)b.data + (40 * 80 + 20) * 3,
                     3);
    ck_assert_mem_ne((uint8_t *)a.data + (59 * 80 + 59) * 3, (uint8_t *)b.data + (59 * 80 + 59) * 3,
                     3);
    omn_value_unref(out);

    omn_value *other = picture(64, 64, 3);
    const omn_value *const wrong[4] = { other, boxes, NULL, NULL };
    omn_error err = OMN_ERROR_INIT;
    ck_assert_ptr_null(apply(&err, "draw.regions", wrong, NULL));
    ck_assert_msg(strstr(err.text, "100 x 100") != NULL, "%s", err.text);
    omn_value_unref(other);
    omn_value_unref(boxes);
    omn_value_unref(big);
    omn_value_unref(cut);
    omn_value_unref(in);
    apply_end();
}
END_TEST

START_TEST(points_are_drawn_where_they_are_seen)
{
    if (!has_drawing()) return;
    omn_value *in = picture(100, 100, 3);
    omn_value *marks =
        from_json("[{\"point\":[30.5,40.5],\"visible\":2,\"label\":\"left hip\"},"
                  "{\"point\":[70.5,40.5],\"visible\":2,\"label\":\"right hip\"},"
                  "{\"point\":[10.5,90.5],\"visible\":0},{\"point\":[80.5,80.5],\"visible\":1}]");
    const omn_value *const given[4] = { in, marks, NULL, NULL };
    omn_value *out = apply(NULL, "draw.points", given, "line", "4", NULL);
    omn_pixels a = pixels(in), b = pixels(out);
#define CHANGED(x, y)                                                                              \
    (memcmp((uint8_t *)a.data + ((y)*100 + (x)) * 3, (uint8_t *)b.data + ((y)*100 + (x)) * 3,      \
            3) != 0)
    ck_assert(CHANGED(30, 40));
    ck_assert(CHANGED(70, 40));
    ck_assert(!CHANGED(10, 90));
    ck_assert(!CHANGED(80, 80)); /* hidden: a ring around it */
    ck_assert(CHANGED(86, 80));
    ck_assert_int_eq(at(&b, 50, 40, 0), 255); /* the bone */
    omn_value_unref(out);
    out = apply(NULL, "draw.points", given, "line", "4", "bones", "false", NULL);
    b = pixels(out);
    ck_assert(!CHANGED(50, 40));
    omn_value_unref(out);
    omn_value_unref(marks);
    omn_value_unref(in);
    apply_end();
}
END_TEST

/* As Pillow scales and NumPy pads by edges: tests/golden/ofa/letterbox.py. */
START_TEST(letterboxes_are_those_of_the_library)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    OK(omn_weights_open(testing_source("tests/golden/ofa/letterbox.safetensors"), &w, &err));
    for (int i = 0; i < 8; i++) {
        char name[16];
        omn_image *img = NULL;
        omn_pixels px;
        snprintf(name, sizeof(name), "in.%d", i);
        const omn_tensor *in = omn_weights_get(w, name);
        snprintf(name, sizeof(name), "out.%d", i);
        const omn_tensor *want = omn_weights_get(w, name);
        ck_assert(in && want && want->bytes == (size_t)32 * 32 * 3);
        OK(omn_image_new(OMN_U8, (uint32_t)in->shape.dim[1], (uint32_t)in->shape.dim[0], 3, NULL,
                         &img, &px, NULL));
        memcpy(px.data, in->data, in->bytes);
        omn_value *v = omn_image_give(img);
        const omn_value *const given[4] = { v, NULL, NULL, NULL };
        omn_value *got = apply(NULL, "image.letterbox", given, "width", "32", "height", "32",
                               "least", "7", NULL);
        const omn_pixels is = pixels(got);
        ck_assert(is.type == OMN_U8 && is.width == 32 && is.height == 32 && is.channels == 3);
        ck_assert_msg(!memcmp(is.data, want->data, want->bytes), "picture %d", i);
        omn_value_unref(got);
        omn_value_unref(v);
    }
    omn_weights_close(w);
    apply_end();
}
END_TEST

/* What lies around a picture has no say in where its boxes are; a least side has the room there
 * is. */
START_TEST(letterboxes_keep_the_frame)
{
    omn_value *in = picture(60, 3, 4);
    const omn_value *const given[4] = { in, NULL, NULL, NULL };
    omn_value *got = apply(NULL, "image.letterbox", given, "width", "40", "height", "20", "least",
                           "900", "filter", "triangle", NULL);
    omn_pixels px = pixels(got);
    ck_assert(px.width == 40 && px.height == 20 && px.channels == 4);
    ck_assert_int_eq(at(&px, 0, 0, 3), 200);
    omn_value_unref(got);
    got = apply(NULL, "image.letterbox", given, "width", "40", "height", "20", NULL);
    px = pixels(got);
    const omn_frame *f = omn_image_frame(omn_value_image(got));
    /* 60 x 3 becomes 40 x 2, nine rows below the top */
    ck_assert_double_eq_tol(f->m[0], 1.5, 1e-9);
    ck_assert_double_eq_tol(f->m[4], 1.5, 1e-9);
    ck_assert_double_eq_tol(f->m[5], -13.5, 1e-9);
    for (uint32_t y = 0; y < 9; y++)
        for (uint32_t c = 0; c < 4; c++) ck_assert_int_eq(at(&px, 7, y, c), at(&px, 7, 9, c));
    omn_value_unref(got);
    omn_value_unref(in);
    apply_end();
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        sizes_are_those_asked_for,
        colours_convert_and_come_back,
        boxes_are_hidden, pictures_are_pasted_where_a_mask_says,
        things_of_a_drawn_segmentation,
        what_is_bright_is_so_by_its_bytes,
        crumbs_are_left_out,
        boxes_are_cut_out,
        clipping_ends_at_the_edges,
        boxes_are_drawn_on_their_edges_only,
        labels_are_written_and_keep_their_colour,
        drawing_goes_through_the_frame,
        points_are_drawn_where_they_are_seen,
        letterboxes_are_those_of_the_library,
        letterboxes_keep_the_frame,
    };
    return TESTING_RUN("operation/pictures", all, 20);
}
