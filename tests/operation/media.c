/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on masks, depth, boxes in space, sound, keypoints, options, grounded text, interleaved
 * media and actions: results as JSON, and what must hold of them whatever the numbers are. */
#include "tests/operation/apply.h"

#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct row {
    const char *name, *in[4], *set[6], *out, *refusal;
} row;

#define MASK                                                                                       \
    "{\"$kind\":\"mask\",\"labels\":[[0,1,1],[0,1,1],[2,0,0]],\"legend\":[null,\"a\",\"b\"]}"
#define GREY                                                                                       \
    "{\"$kind\":\"image\",\"pixels\":{\"type\":\"u8\",\"shape\":[1,4,1],\"base64\":\"AH+A/w==\"}}"
#define COLOURS                                                                                    \
    "{\"$kind\":\"image\",\"pixels\":{\"type\":\"u8\",\"shape\":[1,4,3],"                        \
    "\"base64\":\"VVWqqlVVVapVVVVV\"}}"
/* red, black, lime, grey, none of them exactly */
#define PAINTED                                                                                    \
    "{\"$kind\":\"image\",\"pixels\":{\"type\":\"u8\",\"shape\":[1,4,3],"                        \
    "\"base64\":\"+gUAAAAKAPoUgICA\"}}"
#define CAMERA                                                                                     \
    "{\"$kind\":\"camera\",\"focal\":[100,100],\"center\":[50,40],\"size\":[100,80]}"
#define ACTIONS                                                                                    \
    "{\"$kind\":\"actions\",\"action\":[[3,-3]],\"time\":[0],\"name\":[\"x\",\"y\"]}"

static const row rows[] = {
    { "mask.regions", { MASK }, { 0 },
      "[{\"box\":[1,0,3,2],\"label\":\"a\"},{\"box\":[0,2,1,3],\"label\":\"b\"}]", NULL },
    { "mask.polygons", { MASK }, { "from", "2" },
      "{\"$kind\":\"polygons\",\"rings\":[1],\"points\":[4],"
      "\"point\":[[0,2],[1,2],[1,3],[0,3]],\"label\":[\"b\"]}", NULL },
    { "mask.regions", { "{\"$kind\":\"mask\",\"soft\":[[1]]}" }, { 0 }, NULL, "no labels" },
    { "normals.from_image", { COLOURS }, { "middle", "85" },
      "{\"$kind\":\"normals\",\"normals\":[[[0,0,-1],[1,0,0],[0,-1,0],[null,null,null]]]}", NULL },
    { "normals.from_image", { COLOURS }, { "middle", "85", "axes", "right-down-away" },
      "{\"$kind\":\"normals\",\"normals\":[[[0,0,1],[1,0,0],[0,1,0],[null,null,null]]]}", NULL },
    { "normals.from_image", { GREY }, { 0 }, NULL, "in colours" },
    { "mask.from_colors", { PAINTED }, { "colors", "black, a: red,b : #00ff00", "far", "100" },
      "{\"$kind\":\"mask\",\"labels\":[[1,0,2,-1]],\"legend\":[null,\"a\",\"b\"]}", NULL },
    { "mask.from_colors", { PAINTED }, { "colors", "black, red" },
      "{\"$kind\":\"mask\",\"labels\":[[1,0,0,1]]}", NULL },
    { "mask.from_colors", { PAINTED }, { "colors", "black, a: crimson" }, NULL,
      "\"crimson\" is no colour" },
    { "mask.from_colors", { PAINTED }, { "colors", "red, a: #ff0000" }, NULL, "two labels" },
    { "mask.colors", { MASK }, { "colors", "b: red, a: blue" }, NULL, "label 0 has no colour" },
    { "mask.colors", { MASK }, { 0 }, NULL, "label 2, b has no colour" },
    { "mask.colors", { "{\"$kind\":\"mask\",\"soft\":[[1]]}" }, { 0 }, NULL, "no labels" },
    { "options.best", { "{\"$kind\":\"options\",\"text\":[\"a\",\"b\",\"c\"],"
                        "\"score\":[1,2,null]}" }, { 0 }, "\"b\"", NULL },
    { "options.best", { "{\"$kind\":\"options\",\"text\":[\"a\",\"b\"]}" }, { 0 }, "\"a\"", NULL },
    { "options.best", { "{\"$kind\":\"options\",\"text\":[]}" }, { 0 }, NULL, "no option" },
    /* odds of 1 and 3: a quarter and three quarters */
    { "options.rank", { "[{\"$kind\":\"options\",\"text\":[\"no\",\"yes\"],\"score\":[-1,-1]},"
                        "{\"$kind\":\"options\",\"text\":[\"yes\",\"no\"],"
                        "\"score\":[1.0986122886681098,0]}]", "[\"a\",\"b\"]" }, { 0 }, "\"b\"",
      NULL },
    { "options.rank", { "[{\"$kind\":\"options\",\"text\":[\"no\"],\"score\":[-1]}]", "[\"a\"]" },
      { 0 }, NULL, "no scores of \"yes\" and \"no\"" },
    { "options.rank", { "[]", "[]" }, { 0 }, NULL, "one thing at least" },
    { "text.tagged",
      { "[\"Why\",\"is\",[1,0],\"'s\",\"dog\",\",\",[2],\"?\"]",
        "[\"man\",\"woman\",\"red  hat\"]" },
      { 0 }, "\"Why is woman <vis_extra_id_1> and man <vis_extra_id_0>'s dog, red hat "
             "<vis_extra_id_2>?\"", NULL },
    { "text.tagged", { "[\"Is\",[0],\"?\"]", "[\"man\"]" }, { "mark", "" }, "\"Is man?\"", NULL },
    { "text.tagged", { "[[1]]", "[\"man\"]" }, { 0 }, NULL, "one of the 1 names" },
    { "text.tagged", { "[[0.5]]", "[\"man\"]" }, { 0 }, NULL, "a whole number" },
    { "text.tagged", { "[7]", "[]" }, { 0 }, NULL, "a text or a list of numbers" },
    { "list.last", { "[1,2,\"c\"]" }, { "count", "2" }, "[2,\"c\"]", NULL },
    { "list.last", { "[1,2]" }, { "count", "6" }, "[1,2]", NULL },
    { "list.last", { "[]" }, { 0 }, "[]", NULL },
    { "grounded.text", { "{\"$kind\":\"grounded\",\"text\":\"a dog\",\"span\":[[2,5]],"
                         "\"box\":[[1,2,3,4]]}" }, { 0 }, "\"a dog\"", NULL },
    { "grounded.regions", { "{\"$kind\":\"grounded\",\"text\":\"a dog\",\"span\":[[2,5]],"
                            "\"box\":[[1,2,3,4]],\"score\":[0.5]}" }, { 0 },
      "[{\"box\":[1,2,3,4],\"label\":\"dog\",\"score\":0.5}]", NULL },
    { "keypoints.regions", { "{\"$kind\":\"keypoints\",\"point\":[[[1,2],[5,10],[null,null]],"
                             "[[0,0],[0,0],[0,0]]],\"visible\":[[2,1,0],[0,0,0]],"
                             "\"joints\":[\"a\",\"b\",\"c\"],\"label\":[\"x\",\"y\"]}" },
      { "margin", "0.5" }, "[{\"box\":[-1,-2,7,14],\"label\":\"x\"}]", NULL },
    { "audio.mono", { "{\"$kind\":\"audio\",\"samples\":[[0,1],[-1,-0.5]],\"rate\":2,"
                      "\"start\":3}" }, { 0 },
      "{\"$kind\":\"audio\",\"samples\":[[0.5],[-0.75]],\"rate\":2,\"start\":3}", NULL },
    { "value.window", { "{\"$kind\":\"audio\",\"samples\":[[0],[1],[2],[3]],\"rate\":2,"
                        "\"start\":1}" }, { "from", "1.5", "until", "2.5" },
      "{\"$kind\":\"audio\",\"samples\":[[1],[2]],\"rate\":2,\"start\":1.5}", NULL },
    { "value.window", { "\"a\"" }, { "until", "1" }, NULL, "does not lie in time" },
    { "interleaved.join", { "\"a\"", GREY, "[\"b\",\"c\"]" }, { 0 },
      "{\"$kind\":\"interleaved\",\"items\":[\"a\",", NULL },
    { "interleaved.join",
      { "[\"a\",{\"$kind\":\"interleaved\",\"items\":[\"b\",\"c\"]}]", "\"d\"" }, { 0 },
      "{\"$kind\":\"interleaved\",\"items\":[\"a\",\"b\",\"c\",\"d\"]}", NULL },
    { "interleaved.join", { "[[\"a\"]]" }, { 0 }, NULL, "texts and media" },
    { "actions.clip", { ACTIONS, "{\"$kind\":\"tensor\",\"data\":{\"type\":\"i8\",\"shape\":[2,2],"
                                 "\"base64\":\"//8BAg==\"}}" }, { 0 },
      "{\"$kind\":\"actions\",\"action\":[[1,-1]],\"time\":[0],\"name\":[\"x\",\"y\"],"
      "\"least\":[-1,-1],\"most\":[1,2]}", NULL },
    { "actions.clip", { ACTIONS, "{\"$kind\":\"tensor\",\"data\":{\"type\":\"i8\",\"shape\":[4],"
                                 "\"base64\":\"//8BAg==\"}}" }, { 0 }, NULL, "are [2, 2]" },
    { "box3d.project", { "{\"$kind\":\"box3d\",\"center\":[[0,0,10],[0,0,-10],[0,0,0]],"
                         "\"size\":[[2,2,2],[2,2,2],[2,2,2]],\"rotation\":["
                         "[[1,0,0],[0,1,0],[0,0,1]],[[1,0,0],[0,1,0],[0,0,1]],"
                         "[[1,0,0],[0,1,0],[0,0,1]]],\"label\":[\"far\",\"behind\",\"around\"]}",
                         CAMERA }, { 0 },
      "[{\"box\":[38.89,28.89,61.11,51.11],\"label\":\"far\"},"
      "{\"box\":[0,0,100,80],\"label\":\"around\"}]", NULL },
};

START_TEST(every_row_gives_its_result)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const row *r = &rows[i];
        omn_error err = OMN_ERROR_INIT;
        omn_value *in[4] = { NULL, NULL, NULL, NULL };
        for (int k = 0; k < 4; k++)
            if (r->in[k] != NULL) in[k] = from_json(r->in[k]);
        const omn_value *const given[4] = { in[0], in[1], in[2], in[3] };
        omn_value *out = apply(&err, r->name, given, r->set[0], r->set[1], r->set[2], r->set[3],
                               r->set[4], r->set[5], NULL);
        if (r->out != NULL) {
            ck_assert_msg(out != NULL, "row %zu, %s: %s", i, r->name, err.text);
            const char *got = as_json(out);
            /* the frame of a picture stands first, and is its own */
            const char *frame = strstr(got, "\"$frame\":{");
            const char *end = frame ? strstr(frame, "},") : NULL;
            const size_t front = end ? (size_t)(frame - got) : 0;
            const bool same = strncmp(got, r->out, strlen(r->out)) == 0 ||
                              (end && !strncmp(got, r->out, front) &&
                               !strncmp(end + 2, r->out + front, strlen(r->out + front)));
            ck_assert_msg(same, "row %zu, %s: %s", i, r->name, got);
        } else {
            ck_assert_msg(out == NULL && strstr(err.text, r->refusal) != NULL, "row %zu, %s: %s", i,
                          r->name, err.text);
        }
        for (int k = 0; k < 4; k++) omn_value_unref(in[k]);
    }
    apply_end();
}
END_TEST

static omn_value *apply1(const char *name, const omn_value *a, const omn_value *b)
{
    const omn_value *const in[4] = { a, b, NULL, NULL };
    return apply(NULL, name, in, "from", "0", NULL);
}

/* A picture of noise with few levels, a crop of a larger one now and then. */
static omn_value *noise(uint64_t seed, uint32_t w, uint32_t h, uint8_t levels)
{
    omn_image *img;
    omn_pixels px;
    const omn_frame crop = { 5, { 0.5, 0, 3, 0, 0.25, -7 }, 640, 480 };
    ck_assert_int_eq(omn_image_new(OMN_U8, w, h, 1, seed % 2 ? &crop : NULL, &img, &px, NULL),
                     OMN_OK);
    for (size_t i = 0; i < (size_t)w * h; i++)
        ((uint8_t *)px.data)[i] = (uint8_t)(omn_random_at(seed, 1, i) % levels);
    return omn_image_give(img);
}

START_TEST(outlines_give_the_mask_again)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        const uint32_t w = 1 + (uint32_t)(seed % 9), h = 1 + (uint32_t)(seed / 7 % 8);
        const uint8_t levels = (uint8_t)(2 + seed % 3);
        omn_value *img = noise(seed, w, h, levels);
        const omn_value *const in[4] = { img, NULL, NULL, NULL };
        omn_value *mask = apply(NULL, "mask.from_image", in, "form", "labels", "legend",
                                "zero, one, two, three", NULL);
        omn_value *rings = apply1("mask.polygons", mask, NULL);
        const omn_value *const back_in[4] = { rings, img, NULL, NULL };
        omn_value *back = apply(NULL, "mask.from_polygons", back_in, NULL);
        const int32_t *a = omn_value_column(mask, "labels")->data,
                      *b = omn_value_column(back, "labels")->data;
        const char *const *before = omn_value_column(mask, "legend")->data,
                          *const *after = omn_value_column(back, "legend")->data;
        for (size_t i = 0; i < (size_t)w * h; i++)
            ck_assert_msg(b[i] > 0 && !strcmp(before[a[i]], after[b[i]]), "seed %d, pixel %zu: %s",
                          (int)seed, i, b[i] > 0 ? after[b[i]] : "none");
        omn_value_unref(img);
        omn_value_unref(mask);
        omn_value_unref(rings);
        omn_value_unref(back);
    }
    apply_end();
}
END_TEST

START_TEST(masks_and_pictures)
{
    omn_value *img = noise(2, 5, 4, 200);
    const omn_value *const in[4] = { img, NULL, NULL, NULL };
    omn_value *mask = apply(NULL, "mask.from_image", in, "form", "labels", NULL);
    const omn_value *const back_in[4] = { mask, NULL, NULL, NULL };
    omn_value *back = apply(NULL, "mask.image", back_in, NULL);
    ck_assert(omn_value_equal(img, back));
    omn_value_unref(back);
    omn_value_unref(mask);
    mask = apply(NULL, "mask.from_image", in, NULL);
    const float *soft = omn_value_column(mask, "soft")->data;
    const uint8_t *bytes = omn_image_pixels(omn_value_image(img)).data;
    for (int i = 0; i < 20; i++) ck_assert(fabs((double)soft[i] - bytes[i] / 255.0) < 1e-6);
    omn_value_unref(mask);
    mask = apply(NULL, "mask.from_image", in, "form", "above", "limit", "0.25", NULL);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(((const int32_t *)omn_value_column(mask, "labels")->data)[i],
                         bytes[i] / 255.0 > 0.25);
    omn_value_unref(mask);
    omn_value_unref(img);
    apply_end();
}
END_TEST

/* Three blots on black, soft at their edges and never of one colour, as a model draws them. */
START_TEST(colours_are_found)
{
    static const double middle[3][2] = { { 20, 20 }, { 60, 30 }, { 40, 70 } };
    static const uint8_t colour[3][3] = { { 250, 40, 30 }, { 40, 90, 240 }, { 240, 230, 60 } };
    static const double radius[3] = { 18, 14, 10 };
    omn_pixels px;
    omn_image *img = NULL;
    ck_assert_int_eq(omn_image_new(OMN_U8, 96, 96, 3, NULL, &img, &px, NULL), OMN_OK);
    for (int i = 0; i < 96 * 96; i++)
        for (int c = 0; c < 3; c++) {
            double x = 0;
            for (int k = 0; k < 3; k++) {
                const double far = hypot(i % 96 - middle[k][0], i / 96 - middle[k][1]);
                x += colour[k][c] * fmin(1, fmax(0, radius[k] + 0.5 - far));
            }
            x += (double)(omn_random_at(5, 1, (uint64_t)(3 * i + c)) % 17) - 8;
            ((uint8_t *)px.data)[3 * i + c] = (uint8_t)fmin(255, fmax(0, x));
        }
    omn_value *in = omn_image_give(img);
    const omn_value *const list[4] = { in, NULL, NULL, NULL };
    omn_value *mask = apply(NULL, "mask.from_colors", list, NULL);
    const int32_t *label = omn_value_column(mask, "labels")->data;
    int most = 0;
    for (int i = 0; i < 96 * 96; i++) most = label[i] > most ? label[i] : most;
    ck_assert_int_eq(most, 3); /* the largest first, black 0; edges are no things of their own */
    for (int i = 0; i < 96 * 96; i++)
        for (int k = 0; k < 3; k++) {
            const double far = hypot(i % 96 - middle[k][0], i / 96 - middle[k][1]);
            if (far < radius[k] - 1) ck_assert_int_eq(label[i], k + 1);
        }
    ck_assert_int_eq(label[95], 0);
    omn_value_unref(mask);
    omn_value_unref(in);
    apply_end();
}
END_TEST

START_TEST(a_mask_in_colours_comes_back)
{
    static const char *const all[2] = {
        "black, white, red, lime, blue, yellow, aqua, fuchsia, gray",
        "sky: blue, #123456, road: gray, car: #00FF7f"
    };
    for (int k = 0; k < 2; k++) {
        omn_value *img = noise(21, 13, 7, k ? 4 : 9);
        const omn_value *const in[4] = { img, NULL, NULL, NULL };
        omn_value *mask = apply(NULL, "mask.from_image", in, "form", "labels", "legend",
                                k ? "sky,,road,car" : "", NULL);
        const omn_value *const list[4] = { mask, NULL, NULL, NULL };
        omn_value *picture = apply(NULL, "mask.colors", list, "colors", all[k], NULL);
        const omn_value *const next[4] = { picture, NULL, NULL, NULL };
        omn_value *back = apply(NULL, "mask.from_colors", next, "colors", all[k], NULL);
        ck_assert(omn_value_equal(mask, back));
        omn_value_unref(img);
        omn_value_unref(mask);
        omn_value_unref(picture);
        omn_value_unref(back);
    }
    apply_end();
}
END_TEST

/* Bright is far; what is unknown is black and stays unknown. */
START_TEST(depth_as_a_picture_comes_back)
{
    omn_value *depth = from_json("{\"$kind\":\"depth\",\"depth\":[[0.5,10,2.5],[null,12,9.75]]}");
    const omn_value *const in[4] = { depth, NULL, NULL, NULL };
    omn_value *picture = apply(NULL, "depth.image", in, "scale", "10", NULL);
    const float *grey = omn_image_pixels(omn_value_image(picture)).data;
    static const double want[6] = { 0.05, 1, 0.25, 0, 1, 0.975 };
    for (int i = 0; i < 6; i++) ck_assert_double_eq_tol((double)grey[i], want[i], 1e-6);
    const omn_value *const next[4] = { picture, NULL, NULL, NULL };
    omn_value *back = apply(NULL, "depth.from_image", next, "scale", "10", NULL);
    const float *x = omn_value_column(depth, "depth")->data,
                *y = omn_value_column(back, "depth")->data;
    for (int i = 0; i < 6; i++) {
        if (i == 3) ck_assert(isnan((double)y[i]));
        else ck_assert_double_eq_tol((double)y[i], fmin(10, (double)x[i]), 1e-5);
    }
    omn_value_unref(depth);
    omn_value_unref(picture);
    omn_value_unref(back);
    apply_end();
}
END_TEST

/* Within half a step of 8 bits, which is 1/255 of the way from -1 to 1, and what making the length
 * 1 again adds; the published way back, 122.5, is off by 2.5 steps of its own. */
START_TEST(normals_as_a_picture_come_back)
{
    float n[3 * 200];
    omn_error err = OMN_ERROR_INIT;
    const omn_kind *kind = NULL;
    omn_value *v = NULL;
    for (uint64_t i = 0; i < 200; i++) {
        double x[3], square = 0;
        for (uint64_t k = 0; k < 3; k++) {
            x[k] = (double)(omn_random_at(9, 2, 3 * i + k) % 2001) / 1000 - 1;
            square += x[k] * x[k];
        }
        for (uint64_t k = 0; k < 3; k++) n[3 * i + k] = (float)(x[k] / sqrt(square));
    }
    const omn_filled column = omn_fill("normals", OMN_F32, omn_dim3(10, 20, 3), n);
    ck_assert_int_eq(omn_kind_find(NULL, "normals", &kind, &err), OMN_OK);
    ck_assert_int_eq(omn_value_make(kind, &column, 1, NULL, &v, &err), OMN_OK);
    const omn_value *const in[4] = { v, NULL, NULL, NULL };
    static const char *const middle[2] = { "127.5", "122.5" };
    for (int way = 0; way < 4; way++) {
        const char *axes = way % 2 ? "right-down-away" : "right-up-toward";
        omn_value *picture = apply(NULL, "normals.image", in, "axes", axes, NULL);
        const omn_value *const next[4] = { picture, NULL, NULL, NULL };
        omn_value *back = apply(NULL, "normals.from_image", next, "axes", axes, "middle",
                                middle[way / 2], NULL);
        const float *y = omn_value_column(back, "normals")->data;
        for (size_t i = 0; i < 600; i++)
            ck_assert_double_eq_tol((double)y[i], (double)n[i], way / 2 ? 0.08 : 0.01);
        omn_value_unref(picture);
        omn_value_unref(back);
    }
    omn_value_unref(v);
    apply_end();
}
END_TEST

/* What faces the camera is blue, what is unknown black. */
START_TEST(normals_have_colours)
{
    static const uint8_t wanted[] = { 128, 128, 255, 255, 128, 128, 128, 255, 128, 0, 0, 0 };
    omn_value *normals = from_json("{\"$kind\":\"normals\",\"normals\":[[[0,0,-1],[1,0,0],[0,-1,0],"
                                   "[null,null,null]]]}");
    const omn_value *const in[4] = { normals, NULL, NULL, NULL };
    omn_value *picture = apply(NULL, "normals.image", in, NULL);
    const omn_pixels px = omn_image_pixels(omn_value_image(picture));
    ck_assert(px.width == 4 && px.height == 1 && px.channels == 3 && px.type == OMN_U8);
    ck_assert(!memcmp(px.data, wanted, sizeof wanted));
    omn_value_unref(picture);
    omn_value_unref(normals);
    apply_end();
}
END_TEST

/* A plane before the camera: n . p = d. Its normals are n wherever it is seen. */
START_TEST(the_normals_of_a_plane_are_its_own)
{
    const double n[3] = { 0.36, -0.48, -0.8 }, d = -2, f = 40, cx = 16, cy = 12;
    omn_image *img;
    omn_pixels px;
    const omn_frame half = { 3, { 2, 0, 0, 0, 2, 0 }, 32, 24 }; /* a picture of half the size */
    ck_assert_int_eq(omn_image_new(OMN_F32, 16, 12, 1, &half, &img, &px, NULL), OMN_OK);
    for (int i = 0; i < 16 * 12; i++) {
        const double x = (2 * (i % 16 + 0.5) - cx) / f, y = (2 * (i / 16 + 0.5) - cy) / f;
        ((float *)px.data)[i] = (float)(d / (n[0] * x + n[1] * y + n[2]) / 100);
    }
    ((float *)px.data)[50] = 0; /* unknown */
    omn_value *in = omn_image_give(img);
    const omn_value *const first[4] = { in, NULL, NULL, NULL };
    omn_value *depth = apply(NULL, "depth.from_image", first, "scale", "100", NULL);
    ck_assert(isnan((double)((const float *)omn_value_column(depth, "depth")->data)[50]));
    /* the same lens, told in pixels of the picture and of one of another size */
    static const char *const cameras[2] = {
        "{\"$kind\":\"camera\",\"focal\":[40,40],\"center\":[16,12],\"size\":[32,24]}",
        "{\"$kind\":\"camera\",\"focal\":[10,10],\"center\":[4,3],\"size\":[8,6]}"
    };
    for (int way = 0; way < 2; way++) {
        omn_value *camera = from_json(cameras[way]);
        const omn_value *const second[4] = { depth, camera, NULL, NULL };
        omn_value *normals = apply(NULL, "normals.from_depth", second, NULL);
        const float *x = omn_value_column(normals, "normals")->data;
        for (int i = 0; i < 16 * 12; i++)
            for (int k = 0; k < 3; k++) {
                if (i == 50)
                    ck_assert(isnan((double)x[3 * i + k]));
                else
                    ck_assert_msg(fabs((double)x[3 * i + k] - n[k]) < 1e-3, "%d: %g", i,
                                  (double)x[3 * i + k]);
            }
        omn_value_unref(camera);
        omn_value_unref(normals);
    }
    omn_error err = OMN_ERROR_INIT;
    omn_value *other = from_json("{\"$kind\":\"camera\",\"focal\":[40,40],\"center\":[16,12],"
                                 "\"size\":[32,32]}");
    const omn_value *const wrong[4] = { depth, other, NULL, NULL };
    ck_assert_ptr_null(apply(&err, "normals.from_depth", wrong, NULL));
    ck_assert_msg(strstr(err.text, "their shapes differ") != NULL, "%s", err.text);
    omn_value_unref(other);
    omn_value_unref(in);
    omn_value_unref(depth);
    apply_end();
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        every_row_gives_its_result,
        outlines_give_the_mask_again,
        masks_and_pictures,
        colours_are_found,
        a_mask_in_colours_comes_back,
        depth_as_a_picture_comes_back,
        normals_have_colours,
        normals_as_a_picture_come_back,
        the_normals_of_a_plane_are_its_own,
    };
    return TESTING_RUN("operation/media", all, 30);
}
