/* SPDX-License-Identifier: Apache-2.0 */
/* COCO's JSON and run lengths: against those of pycocotools, there and back for masks of noise, and
 * what is wrong with them told in one line. */
#include "tests/operation/apply.h"

#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

static omn_value *mask_of(const int32_t *labels, int64_t w, int64_t h, const char *const *names,
                          int64_t n)
{
    const omn_kind *kind = NULL;
    omn_value *out = NULL;
    OK(omn_kind_find(NULL, "mask", &kind, NULL));
    const omn_filled f[2] = { omn_fill("labels", OMN_I32, omn_dim2(h, w), labels),
                              omn_fill("legend", OMN_STRING, omn_dim1(n), names) };
    OK(omn_value_make(kind, f, names != NULL ? 2 : 1, NULL, &out, NULL));
    return out;
}

static double number(const omn_value *record, const char *name)
{
    const omn_value *v = omn_record_get(record, name);
    ck_assert_msg(omn_value_is(v, "number"), "%s", name);
    return omn_number_get(v);
}

static bool same_json(const omn_value *a, const omn_value *b)
{
    char *text = strdup(as_json(omn_value_ref(a)));
    const bool same = !strcmp(text, as_json(omn_value_ref(b)));
    free(text);
    return same;
}

static omn_value *goldens(void)
{
    char *text = NULL;
    size_t n = 0;
    omn_value *cases = NULL;
    OK(omn_file_read(testing_source("tests/golden/coco/rle.json"), 1 << 20, &text, &n, NULL));
    OK(omn_value_from_json(text, n, &cases, NULL));
    free(text);
    ck_assert_uint_eq(omn_list_count(cases), 14);
    return cases;
}

/* Both forms of run lengths give the mask, and the mask gives both. */
static void check_rows(const omn_value *one, const omn_value *rle, size_t i)
{
    const omn_value *rows = omn_record_get(one, "rows");
    const int64_t h = (int64_t)omn_list_count(rows);
    size_t w = 0;
    omn_text_get(omn_list_at(rows, 0), &w);
    int32_t *labels = calloc((size_t)h * w, sizeof(*labels));
    for (int64_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++)
            labels[(size_t)y * w + x] =
                omn_text_get(omn_list_at(rows, (size_t)y), NULL)[x] == '1';
    omn_value *want = mask_of(labels, (int64_t)w, h, NULL, 0);
    const omn_value *const in[4] = { want, NULL, NULL, NULL };
    const omn_value *const back[4] = { rle, NULL, NULL, NULL };
    omn_value *mask = apply(NULL, "mask.from_rle", back, NULL);
    ck_assert_msg(omn_value_equal(mask, want), "golden %zu", i);
    omn_value *text = apply(NULL, "mask.rle", in, NULL),
              *list = apply(NULL, "mask.rle", in, "counts", "list", NULL);
    ck_assert_msg(same_json(omn_record_get(text, "counts"), omn_record_get(one, "counts")),
                  "golden %zu: %s", i, as_json(omn_value_ref(text)));
    ck_assert_msg(same_json(omn_record_get(text, "size"), omn_record_get(one, "size")),
                  "golden %zu", i);
    ck_assert_msg(same_json(omn_record_get(list, "counts"), omn_record_get(one, "list")),
                  "golden %zu: %s", i, as_json(omn_value_ref(list)));
    const omn_value *const from_list[4] = { list, NULL, NULL, NULL };
    omn_value *again = apply(NULL, "mask.from_rle", from_list, NULL);
    ck_assert(omn_value_equal(again, want));
    omn_value_unref(again);
    omn_value_unref(text);
    omn_value_unref(list);
    omn_value_unref(mask);
    omn_value_unref(want);
    free(labels);
}

START_TEST(run_lengths_are_those_of_pycocotools)
{
    omn_value *cases = goldens();
    for (size_t i = 0; i < omn_list_count(cases); i++) {
        const omn_value *one = omn_list_at(cases, i);
        const omn_named fields[2] = {
            { "size", omn_value_ref(omn_record_get(one, "size")) },
            { "counts", omn_value_ref(omn_record_get(one, "counts")) },
        };
        omn_value *rle = NULL;
        OK(omn_record_new(fields, 2, &rle, NULL));
        omn_value_unref(fields[0].value);
        omn_value_unref(fields[1].value);
        if (omn_record_get(one, "rows") != NULL) check_rows(one, rle, i);
        const omn_value *const in[4] = { rle, NULL, NULL, NULL };
        omn_value *mask = apply(NULL, "mask.from_rle", in, NULL);
        const omn_value *const mask_in[4] = { mask, NULL, NULL, NULL };
        omn_value *coco = apply(NULL, "coco.write", mask_in, NULL);
        const omn_value *list = omn_record_get(coco, "annotations"), *a = omn_list_at(list, 0);
        ck_assert_uint_eq(omn_list_count(list), number(one, "area") > 0);
        if (a != NULL) {
            ck_assert_double_eq(number(a, "area"), number(one, "area"));
            ck_assert_msg(same_json(omn_record_get(a, "bbox"), omn_record_get(one, "bbox")),
                          "golden %zu: %s", i, as_json(omn_value_ref(a)));
            ck_assert(same_json(omn_record_get(a, "segmentation"), rle));
        }
        omn_value_unref(coco);
        omn_value_unref(mask);
        omn_value_unref(rle);
    }
    omn_value_unref(cases);
    apply_end();
}
END_TEST

/* Label maps of noise, of any density, come back from a data set and from results. */
START_TEST(masks_of_noise_come_back)
{
    enum { MOST = 40 };
    static const char *const names[4] = { NULL, "cat", "dog", "traffic light" };
    int32_t labels[MOST * MOST];
    for (uint64_t seed = 0; seed < 60; seed++) {
        const uint32_t w = 1 + (uint32_t)(omn_random_at(seed, 1, 0) % MOST),
                       h = 1 + (uint32_t)(omn_random_at(seed, 1, 1) % MOST);
        const uint64_t dense = 1 + seed % 9;
        int32_t present[4] = { 1, 0, 0, 0 }, next = 1;
        for (size_t i = 0; i < (size_t)w * h; i++) {
            const uint64_t r = omn_random_at(seed, 2, i);
            labels[i] = r % 10 < dense ? (int32_t)(1 + r / 16 % 3) : 0;
            present[labels[i]] = 1;
        }
        omn_value *mask = mask_of(labels, w, h, names, 4);
        const omn_value *const in[4] = { mask, NULL, NULL, NULL };
        omn_value *coco = apply(NULL, "coco.write", in, "form", seed % 2 ? "results" : "dataset",
                                "categories", "coco", "counts", seed % 3 ? "text" : "list", NULL);
        const omn_value *const back_in[4] = { coco, NULL, NULL, NULL };
        omn_value *back = apply_nth(1, "coco.read", back_in, "categories", "coco", NULL);
        const omn_tensor *t = omn_value_column(back, "labels");
        const omn_tensor *legend = omn_value_column(back, "legend"); /* none where nothing is */
        for (int k = 1; k < 4; k++) present[k] = present[k] ? next++ : 0;
        if (next > 1) {
            ck_assert_int_eq(t->shape.dim[0], h);
            for (size_t i = 0; i < (size_t)w * h; i++)
                ck_assert_int_eq(((const int32_t *)t->data)[i],
                                 labels[i] == 0 ? 0 : present[labels[i]]);
        }
        for (int k = 1; k < 4; k++)
            if (present[k])
                ck_assert_str_eq(((const char *const *)legend->data)[present[k]], names[k]);
        omn_value_unref(back);
        omn_value_unref(coco);
        omn_value_unref(mask);
    }
    apply_end();
}
END_TEST

START_TEST(wrong_run_lengths_are_refused)
{
    static const struct {
        const char *json, *why;
    } rows[] = {
        { "{\"size\":[2,2],\"counts\":\"\"}", "0 pixels, the mask of 2 x 2 has 4" },
        { "{\"size\":[2,2],\"counts\":\"3\"}", "make up 3 pixels" },
        { "{\"size\":[2,2],\"counts\":\"5\"}", "a run of 5 pixels" },
        { "{\"size\":[2,2],\"counts\":\"0N\"}", "a run of -2 pixels" },
        { "{\"size\":[2,2],\"counts\":\"111K\"}", "a run of -4 pixels" },
        { "{\"size\":[2,2],\"counts\":\"oooooooooo0\"}", "more than 35 bits" },
        { "{\"size\":[2,2],\"counts\":\"ooooooo\"}", "ends within a number" },
        { "{\"size\":[2,2],\"counts\":\"0o\"}", "ends within a number" },
        { "{\"size\":[2,2],\"counts\":\"0 4\"}", "other letters" },
        { "{\"size\":[2,2],\"counts\":\"0\xc3\xa4\"}", "other letters" },
        { "{\"size\":[2,2],\"counts\":[4,0,0]}", NULL },
        { "{\"size\":[2,2],\"counts\":[3,2]}", "make up 5 pixels" },
        { "{\"size\":[2,2],\"counts\":[-1,5]}", "item 0" },
        { "{\"size\":[2,2],\"counts\":[1.5,2.5]}", "item 0" },
        { "{\"size\":[2,2],\"counts\":[1e300]}", "item 0" },
        { "{\"size\":[2,2],\"counts\":[\"4\"]}", "item 0" },
        { "{\"size\":[2,2],\"counts\":4}", "not number" },
        { "{\"size\":[2,2]}", "not nothing" },
        { "{\"counts\":\"4\"}", "\"size\": [height, width]" },
        { "{\"size\":[2],\"counts\":\"4\"}", "\"size\": [height, width]" },
        { "{\"size\":\"2\",\"counts\":\"4\"}", "\"size\": [height, width]" },
        { "{\"size\":[0,2],\"counts\":\"\"}", "sides are 1..65535" },
        { "{\"size\":[2.5,2],\"counts\":\"5\"}", "sides are 1..65535" },
        { "{\"size\":[65536,1],\"counts\":\"4\"}", "sides are 1..65535" },
        { "{\"size\":[65535,65535],\"counts\":\"4\"}", "268435456 pixels in all" },
        { "{\"size\":[1e300,-1],\"counts\":\"4\"}", "sides are 1..65535" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_value *in = from_json(rows[i].json);
        const omn_value *const given[4] = { in, NULL, NULL, NULL };
        omn_value *out = apply(&err, "mask.from_rle", given, NULL);
        if (rows[i].why == NULL)
            ck_assert_msg(out != NULL, "%s: %s", rows[i].json, err.text);
        else
            ck_assert_msg(out == NULL && err.status == OMN_ERR_DATA &&
                              strstr(err.text, rows[i].why) != NULL && !strchr(err.text, '\n'),
                          "%s: %s", rows[i].json, err.text);
        omn_value_unref(out);
        omn_value_unref(in);
    }
    apply_end();
}
END_TEST

/* What the host allows of one value holds for a text of few letters as well. */
START_TEST(a_mask_is_no_larger_than_the_host_allows)
{
    omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                              .value_bytes = 1000000 };
    omn_context *ctx = NULL;
    omn_call *c = NULL;
    omn_error err = OMN_ERROR_INIT;
    omn_value *in = from_json("{\"size\":[1000,1000],\"counts\":[1000000]}"), *out = NULL;
    const omn_value *const given[1] = { in };
    OK(omn_context_new(&how, &ctx, NULL));
    OK(omn_context_call(ctx, 0, 0, NULL, &c, NULL));
    ck_assert_int_eq(omn_call_operation(c, "mask.from_rle", given, NULL, 0, &out, &err),
                     OMN_ERR_DATA);
    ck_assert_ptr_null(out);
    omn_call_free(c);
    omn_context_free(ctx);
    omn_value_unref(in);
}
END_TEST

#define BODY \
    "{\"id\":5,\"image_id\":7,\"category_id\":1,\"keypoints\":[1,2,2,3,4,1,0,0,0]," \
    "\"num_keypoints\":2,\"bbox\":[1,2,2,2],\"area\":4,\"iscrowd\":0,\"score\":0.5}"
#define SET \
    "{\"images\":[{\"id\":3,\"width\":9,\"height\":9,\"file_name\":\"x.jpg\"}," \
    "{\"id\":7,\"width\":8,\"height\":6,\"file_name\":\"d/a.jpg\"}],\"annotations\":[" BODY \
    ",{\"id\":6,\"image_id\":7,\"category_id\":4,\"bbox\":[2,1,3,4],\"area\":12,\"iscrowd\":0," \
    "\"segmentation\":[[2,1,5,1,5,5,2,5]]}," \
    "{\"id\":8,\"image_id\":3,\"category_id\":4,\"bbox\":[0,0,1,1]}],\"categories\":[" \
    "{\"id\":1,\"name\":\"man\",\"keypoints\":[\"a\",\"b\",\"c\"],\"skeleton\":[[1,2],[2,3]]}," \
    "{\"id\":4,\"name\":\"cat\"}]}"

START_TEST(a_data_set_is_read_picture_by_picture)
{
    omn_value *set = from_json(SET);
    const omn_value *const in[4] = { set, NULL, NULL, NULL };
    ck_assert_str_eq(as_json(apply(NULL, "coco.read", in, "image_id", "3", NULL)),
                     "[{\"box\":[0,0,1,1],\"label\":\"cat\"}]");
    const char *const ways[2][2] = { { "image_id", "7" }, { "file", "e/a.jpg" } };
    for (int i = 0; i < 2; i++) {
        const char *key = ways[i][0], *value = ways[i][1];
        ck_assert_str_eq(as_json(apply(NULL, "coco.read", in, key, value, NULL)),
                         "[{\"box\":[1,2,3,4],\"label\":\"man\",\"score\":0.5},"
                         "{\"box\":[2,1,5,5],\"label\":\"cat\"}]");
        omn_value *mask = apply_nth(1, "coco.read", in, key, value, NULL);
        const omn_tensor *t = omn_value_column(mask, "labels");
        ck_assert_int_eq(t->shape.dim[0], 6);
        ck_assert_int_eq(t->shape.dim[1], 8);
        for (int y = 0; y < 6; y++)
            for (int x = 0; x < 8; x++)
                ck_assert_int_eq(((const int32_t *)t->data)[y * 8 + x],
                                 x >= 2 && x < 5 && y >= 1 && y < 5 ? 2 : 0);
        omn_value_unref(mask);
        omn_value *bodies = apply_nth(2, "coco.read", in, key, value, NULL);
        omn_buf text;
        omn_buf_init(&text, 1000);
        omn_value_text(bodies, &text);
        ck_assert_str_eq(text.data, "man: a 1 2, b 3 4 (hidden)");
        omn_buf_fini(&text);
        ck_assert_int_eq(((const int32_t *)omn_value_column(bodies, "skeleton")->data)[3], 2);
        /* and written again it says the same */
        const omn_value *const again[4] = { bodies, NULL, NULL, NULL };
        omn_value *back = apply(NULL, "coco.write", again, "image_id", "7", NULL);
        const omn_value *one = omn_list_at(omn_record_get(back, "annotations"), 0);
        const char *const fields[] = { "keypoints", "num_keypoints", "bbox", "area", "score" };
        omn_value *body = from_json(BODY);
        for (int k = 0; k < 5; k++)
            ck_assert_msg(
                same_json(omn_record_get(one, fields[k]), omn_record_get(body, fields[k])), "%s",
                fields[k]);
        ck_assert(same_json(
            omn_record_get(omn_list_at(omn_record_get(back, "categories"), 0), "skeleton"),
            omn_record_get(omn_list_at(omn_record_get(set, "categories"), 0), "skeleton")));
        omn_value_unref(body);
        omn_value_unref(back);
        omn_value_unref(bodies);
        omn_value *rings = apply_nth(3, "coco.read", in, key, value, NULL);
        const omn_value *const rings_in[4] = { rings, NULL, NULL, NULL };
        back = apply(NULL, "coco.write", rings_in, NULL);
        one = omn_list_at(omn_record_get(back, "annotations"), 0);
        const omn_value *was = omn_list_at(omn_record_get(set, "annotations"), 1);
        ck_assert(same_json(omn_record_get(one, "segmentation"),
                            omn_record_get(was, "segmentation")));
        ck_assert(same_json(omn_record_get(one, "bbox"), omn_record_get(was, "bbox")));
        ck_assert_double_eq(number(one, "area"), 12);
        omn_value_unref(back);
        omn_value_unref(rings);
    }
    omn_value_unref(set);
    apply_end();
}
END_TEST

START_TEST(boxes_are_written_with_the_numbers_of_coco)
{
    omn_value *boxes = from_json("[{\"box\":[1,2,11,22],\"label\":\"toothbrush\",\"score\":0.25},"
                                 "{\"box\":[0,0,3,4],\"label\":\"stop sign\"}]");
    const omn_value *const in[4] = { boxes, NULL, NULL, NULL };
    ck_assert_str_eq(
        as_json(apply(NULL, "coco.write", in, "form", "results", "categories", "coco", NULL)),
        "[{\"image_id\":1,\"category_id\":90,\"bbox\":[1,2,10,20],\"score\":0.25},"
        "{\"image_id\":1,\"category_id\":13,\"bbox\":[0,0,3,4],\"score\":1}]");
    ck_assert_str_eq(
        as_json(apply(NULL, "coco.write", in, "file", "a \"b\".png", "image_id", "9", NULL)),
        "{\"images\":[{\"id\":9,\"file_name\":\"a \\\"b\\\".png\"}],\"annotations\":["
        "{\"id\":1,\"image_id\":9,\"category_id\":1,\"bbox\":[1,2,10,20],\"area\":200,"
        "\"iscrowd\":0,\"score\":0.25},{\"id\":2,\"image_id\":9,\"category_id\":2,"
        "\"bbox\":[0,0,3,4],\"area\":12,\"iscrowd\":0}],\"categories\":["
        "{\"id\":1,\"name\":\"toothbrush\"},{\"id\":2,\"name\":\"stop sign\"}]}");
    omn_value *marks = from_json("[{\"point\":[3,4],\"visible\":2,\"label\":\"left eye\"},"
                                 "{\"point\":[5,6],\"visible\":1,\"label\":\"nose\"}]");
    const omn_value *const points[4] = { marks, NULL, NULL, NULL };
    ck_assert_str_eq(
        as_json(apply(NULL, "coco.write", points, "form", "results", "categories", "coco", NULL)),
        "[{\"image_id\":1,\"category_id\":1,"
        "\"keypoints\":[5,6,1,3,4,2,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
        "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],\"num_keypoints\":2,"
        "\"bbox\":[3,4,2,2],\"score\":1}]");
    omn_value_unref(marks);
    omn_error err = OMN_ERROR_INIT;
    ck_assert_ptr_null(apply(&err, "coco.write", in, "categories", "cat, dog", NULL));
    ck_assert_msg(strstr(err.text, "\"toothbrush\" is none of the categories"), "%s", err.text);
    omn_value_unref(boxes);
    apply_end();
}
END_TEST

START_TEST(wrong_annotations_are_refused)
{
    static const struct {
        const char *json, *why;
    } rows[] = {
        { "{}", "no JSON of COCO" },
        { "7", "no JSON of COCO" },
        { "{\"annotations\":7}", "\"annotations\" is number; a list is wanted" },
        { "{\"annotations\":[],\"categories\":{}}", "\"categories\" is record; a list" },
        { "{\"annotations\":[],\"images\":7}", "\"images\" is number; a list" },
        { "{\"annotations\":[],\"images\":[{\"id\":1,\"width\":\"8\"}]}",
          "picture 0: \"width\" is text; a number" },
        { "{\"annotations\":[],\"categories\":[{\"id\":1,\"name\":7}]}",
          "category 0: \"name\" is number; a text" },
        { "[{\"bbox\":[1,2,3,4],\"score\":\"0.5\"}]", "annotation 0: \"score\" is text; a number" },
        { "[{\"bbox\":[1,2,3,4],\"score\":1.5}]", "annotation 0: a score of 1.5; 0 to 1" },
        { "[{\"bbox\":[1,2,3,4],\"category_id\":\"1\"}]", "\"category_id\" is text; a number" },
        { "[{\"segmentation\":\"4\"}]", "\"segmentation\" is text; a list or a record" },
        { "{\"annotations\":[{\"bbox\":[1,2,3,4],\"category_id\":3}],"
          "\"categories\":[{\"id\":7,\"name\":\"x\"}]}",
          "annotation 0: category_id 3 is none of the file's categories" },
        { "{\"annotations\":[{\"category_id\":1,\"keypoints\":[1,2,2]},"
          "{\"category_id\":2,\"keypoints\":[1,2,2]}],"
          "\"categories\":[{\"id\":1,\"keypoints\":[\"a\"]},"
          "{\"id\":2,\"keypoints\":[\"b\"]}]}",
          "annotation 1: its category has other joints" },
        { "[7]", "annotation 0 is number" },
        { "[{\"bbox\":[1,2,3]}]", "\"bbox\" is [x, y, width, height]" },
        { "[{\"bbox\":[1,2,-3,4]}]", "\"bbox\" is [x, y, width, height]" },
        { "[{\"bbox\":[1,2,\"3\",4]}]", "\"bbox\" is [x, y, width, height]" },
        { "[{\"keypoints\":[1,2,2]}]", "17 times x, y and visibility" },
        { "[{\"segmentation\":[[1,2,3,4]]}]", "a polygon of 4 numbers" },
        { "[{\"segmentation\":[[1,2,3,4,5,6,7]]}]", "a polygon of 7 numbers" },
        { "[{\"segmentation\":[7]}]", "a polygon of 0 numbers" },
        { "[{\"segmentation\":[[1,2,3,4,5,\"6\"]]}]", "a list of numbers" },
        { "[{\"segmentation\":{\"size\":[1e9,1],\"counts\":\"\"}}]",
          "a mask of [1e+09, 1] pixels" },
        { "[{\"segmentation\":{\"size\":[2,2],\"counts\":\"4\"}},"
          "{\"segmentation\":{\"size\":[2,3],\"counts\":\"6\"}}]",
          "annotation 1: a mask of 3 x 2 pixels in a picture of 2 x 2" },
        { "{\"images\":[{\"id\":1,\"width\":1e9,\"height\":2}],\"annotations\":[]}",
          "sides are at most 65535" },
        { "[{\"image_id\":1,\"bbox\":[1,2,3,4]},{\"image_id\":2,\"bbox\":[1,2,3,4]}]",
          "image_id says which" },
        { "[{\"image_id\":\"1\",\"bbox\":[1,2,3,4]}]", "\"image_id\" is text; a number" },
        { "{\"images\":[{\"id\":\"a\"}],\"annotations\":[]}",
          "picture 0: \"id\" is text; a number" },
        { "{\"annotations\":[{\"image_id\":1,\"category_id\":1,\"keypoints\":[1,2,2]}],"
          "\"categories\":[{\"id\":1,\"keypoints\":[\"a\"],\"skeleton\":[[1,2]]}]}",
          "bone 0 of a skeleton joins two of 1..1" },
        { "{\"annotations\":[{\"image_id\":1,\"category_id\":1,\"keypoints\":[1,2,3]}],"
          "\"categories\":[{\"id\":1,\"keypoints\":[\"a\"],\"skeleton\":[]}]}",
          "visibility 3 of joint 0" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_value *in = from_json(rows[i].json);
        const omn_value *const given[4] = { in, NULL, NULL, NULL };
        omn_value *out = apply(&err, "coco.read", given, NULL);
        ck_assert_msg(out == NULL && strstr(err.text, rows[i].why) != NULL, "%s: %s", rows[i].json,
                      err.text);
        omn_value_unref(in);
    }
    omn_error err = OMN_ERROR_INIT;
    omn_value *unknown = from_json("[{\"bbox\":[1,2,3,4],\"category_id\":12}]");
    const omn_value *const results[4] = { unknown, NULL, NULL, NULL };
    ck_assert_ptr_null(apply(&err, "coco.read", results, "categories", "coco", NULL));
    ck_assert_msg(strstr(err.text, "category_id 12 is none of the categories that are set"), "%s",
                  err.text);
    omn_value_unref(unknown);
    err = (omn_error)OMN_ERROR_INIT;
    omn_value *set = from_json(SET);
    const omn_value *const in[4] = { set, NULL, NULL, NULL };
    ck_assert_ptr_null(apply(&err, "coco.read", in, "image_id", "8", NULL));
    ck_assert_msg(strstr(err.text, "no picture of id 8 among the 2"), "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_ptr_null(apply(&err, "coco.read", in, "file", "b.jpg", NULL));
    ck_assert_msg(strstr(err.text, "no picture b.jpg among the 2"), "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_ptr_null(apply(&err, "coco.read", in, NULL)); /* the first is not meant by chance */
    ck_assert_msg(strstr(err.text, "image_id or file says which"), "%s", err.text);
    omn_value_unref(set);
    apply_end();
}
END_TEST

/* Three labels that nobody named are three categories, by their numbers. */
START_TEST(labels_without_a_legend_stay_apart)
{
    static const int32_t labels[4] = { 0, 3, 5, 3 };
    omn_error err = OMN_ERROR_INIT;
    omn_value *mask = mask_of(labels, 2, 2, NULL, 0);
    const omn_value *const in[4] = { mask, NULL, NULL, NULL };
    omn_value *out = apply(NULL, "coco.write", in, NULL);
    const omn_value *names = omn_record_get(out, "categories");
    ck_assert_uint_eq(omn_list_count(names), 2);
    ck_assert_str_eq(omn_text_get(omn_record_get(omn_list_at(names, 0), "name"), NULL), "3");
    ck_assert_str_eq(omn_text_get(omn_record_get(omn_list_at(names, 1), "name"), NULL), "5");
    omn_value_unref(out);
    out = apply(NULL, "coco.write", in, "form", "results", "categories", "a, b, c, d, e", NULL);
    ck_assert_double_eq(number(omn_list_at(out, 0), "category_id"), 3);
    ck_assert_double_eq(number(omn_list_at(out, 1), "category_id"), 5);
    omn_value_unref(out);
    ck_assert_ptr_null(apply(&err, "coco.write", in, "categories", "a, b, c", NULL));
    omn_value_unref(mask);
    apply_end();
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        run_lengths_are_those_of_pycocotools,
        masks_of_noise_come_back,
        wrong_run_lengths_are_refused,
        a_mask_is_no_larger_than_the_host_allows,
        a_data_set_is_read_picture_by_picture,
        boxes_are_written_with_the_numbers_of_coco,
        labels_without_a_legend_stay_apart,
        wrong_annotations_are_refused,
    };
    return TESTING_RUN("operation/coco", all, 20);
}
