/* SPDX-License-Identifier: Apache-2.0 */
/* Values: what goes in comes out, what makes no sense is refused, counts are kept. Run under the
 * address sanitizer, every forgotten reference is a leak and every early one a use after free. */
#include <omnio/value.h>

#include "tests/testing.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

static omn_value *text(const char *s)
{
    omn_value *v = NULL;
    OK(omn_text_new(s, strlen(s), &v, NULL));
    return v;
}

START_TEST(text_is_checked_utf8)
{
    static const struct {
        const char *s;
        size_t n;
        int bad;
    } rows[] = {
        { "", 0, -1 },
        { "plain", 5, -1 },
        { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8d\x8f", 9, -1 },
        { "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", 10, -1 },
        { "a\0b", 3, 1 },
        { "ab\x80", 3, 2 },
        { "\xc0\xaf", 2, 0 }, /* overlong */
        { "\xe0\x9f\xbf", 3, 0 },
        { "x\xf0\x8f\xbf\xbf", 5, 1 },
        { "\xed\xa0\x80", 3, 0 },     /* a surrogate */
        { "\xf4\x90\x80\x80", 4, 0 }, /* above U+10FFFF */
        { "\xf5\x80\x80\x80", 4, 0 },
        { "ab\xe2\x82", 4, 2 }, /* cut off */
        { "\xc3", 1, 0 },
        { "\xc3(", 2, 0 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t bad = 99, n = 0;
        omn_value *v = NULL;
        ck_assert_msg(omn_utf8_check(rows[i].s, rows[i].n, &bad) == (rows[i].bad < 0), "row %zu",
                      i);
        omn_status st = omn_text_new(rows[i].s, rows[i].n, &v, NULL);
        if (rows[i].bad < 0) {
            OK(st);
            ck_assert_mem_eq(omn_text_get(v, &n), rows[i].s, rows[i].n + 1);
            ck_assert_uint_eq(n, rows[i].n);
            omn_value_unref(v);
        } else {
            ck_assert_int_eq(st, OMN_ERR_DATA);
            ck_assert_uint_eq(bad, (size_t)rows[i].bad);
            ck_assert_ptr_null(v);
        }
    }
}
END_TEST

START_TEST(getters_of_another_kind_give_nothing)
{
    omn_value *t = text("x");
    const omn_region *r;
    const omn_point *p;
    ck_assert_uint_eq(omn_regions_get(t, &r), 0);
    ck_assert_ptr_null(r);
    ck_assert_uint_eq(omn_points_get(t, &p), 0);
    ck_assert_uint_eq(omn_tokens_get(t, NULL, NULL), 0);
    ck_assert_ptr_null(omn_value_image(t));
    ck_assert_ptr_null(omn_value_tensor(t));
    ck_assert_ptr_null(omn_value_frame(t));
    ck_assert_uint_eq(omn_list_count(t), 0);
    ck_assert_ptr_null(omn_list_at(t, 0));
    ck_assert_ptr_null(omn_record_get(t, "x"));
    ck_assert_ptr_null(omn_text_get(NULL, NULL));
    ck_assert_double_eq(omn_number_get(t), 0);
    ck_assert_str_eq(omn_value_kind_name(t), "text");
    ck_assert_str_eq(omn_kind_name(omn_value_kind(t)), "text");
    ck_assert_str_eq(omn_value_kind_name(NULL), "nothing");
    ck_assert(omn_value_is(t, "text"));
    ck_assert(!omn_value_is(t, "texts"));
    ck_assert(!omn_value_is(NULL, "text"));
    omn_value_unref(t);
    ck_assert_ptr_null(omn_value_ref(NULL));
    omn_value_unref(NULL);
}
END_TEST

START_TEST(regions_copy_what_they_are_given)
{
    char label[] = "cat";
    omn_region in[2] = { { 1, 2, 3.5, 4, NAN, label }, { 0, 0, 1, 1, 0.25, NULL } };
    omn_frame f = omn_frame_identity(7, 10, 20);
    omn_value *v = NULL;
    const omn_region *r;
    OK(omn_regions_new(in, 2, &f, &v, NULL));
    label[0] = 'b';
    in[0].x0 = 9;
    ck_assert_uint_eq(omn_regions_get(v, &r), 2);
    ck_assert_double_eq(r[0].x0, 1);
    ck_assert_str_eq(r[0].label, "cat");
    ck_assert(isnan(r[0].score));
    ck_assert_ptr_null(r[1].label);
    ck_assert_uint_eq(omn_value_frame(v)->height, 20);
    omn_value_unref(v);

    in[1].x1 = INFINITY;
    ck_assert_int_eq(omn_regions_new(in, 2, NULL, &v, NULL), OMN_ERR_DATA);
    in[1].x1 = 1;
    in[1].score = 1.5;
    ck_assert_int_eq(omn_regions_new(in, 2, NULL, &v, NULL), OMN_ERR_DATA);
    in[1].score = 1;
    in[1].label = "\xff";
    ck_assert_int_eq(omn_regions_new(in, 2, NULL, &v, NULL), OMN_ERR_DATA);
    ck_assert_int_eq(omn_regions_new(in, OMN_REGIONS_MOST + 1, NULL, &v, NULL), OMN_ERR_DATA);
    OK(omn_regions_new(NULL, 0, NULL, &v, NULL));
    ck_assert_ptr_null(omn_value_frame(v));
    omn_value_unref(v);
}
END_TEST

START_TEST(points_tokens_tensors_come_back)
{
    omn_point p = { 3, 4, 2, "nose" };
    const omn_point *pp;
    const int32_t ids[3] = { 5, -1, 2000000000 }, *id;
    const char *vocabulary;
    float x[6] = { 1, 2, 3, 4, 5, 6 };
    omn_value *v = NULL;
    OK(omn_points_new(&p, 1, NULL, &v, NULL));
    ck_assert_uint_eq(omn_points_get(v, &pp), 1);
    ck_assert_str_eq(pp->label, "nose");
    omn_value_unref(v);
    p.visible = 3;
    ck_assert_int_eq(omn_points_new(&p, 1, NULL, &v, NULL), OMN_ERR_DATA);

    OK(omn_tokens_new(ids, 3, "uio2", &v, NULL));
    ck_assert_uint_eq(omn_tokens_get(v, &id, &vocabulary), 3);
    ck_assert_mem_eq(id, ids, sizeof(ids));
    ck_assert_str_eq(vocabulary, "uio2");
    omn_value_unref(v);

    OK(omn_embeddings_new(x, 2, 3, &v, NULL));
    const omn_tensor *t = omn_value_tensor(v);
    ck_assert_int_eq(t->shape.dim[1], 3);
    ck_assert_mem_eq(t->data, x, sizeof(x));
    ck_assert_uint_eq((uintptr_t)t->data % 64, 0);
    omn_value_unref(v);

    omn_tensor in = { OMN_F32, omn_dim2(2, 3), x, sizeof(x) };
    OK(omn_tensor_value_new(&in, &v, NULL));
    ck_assert_mem_eq(omn_value_tensor(v)->data, x, sizeof(x));
    omn_value_unref(v);
    in.bytes = 20;
    ck_assert_int_eq(omn_tensor_value_new(&in, &v, NULL), OMN_ERR_SHAPE);
    in.shape.dim[0] = -1;
    ck_assert_int_eq(omn_tensor_value_new(&in, &v, NULL), OMN_ERR_SHAPE);
    in.type = (omn_type)99;
    ck_assert_int_eq(omn_tensor_value_new(&in, &v, NULL), OMN_ERR_TYPE);
}
END_TEST

/* Names and labels as long as they may be, and a byte longer. */
START_TEST(names_and_labels_have_a_most)
{
    char *text = testing_memory(65538);
    omn_value *v = NULL;
    memset(text, 'a', 65537);
    omn_region r = { 0, 0, 1, 1, 1, text };
    omn_point p = { 0, 0, 2, text };
    for (int most = 0; most < 2; most++) {
        text[most ? 65536 : 65537] = '\0';
        ck_assert_int_eq(omn_regions_new(&r, 1, NULL, &v, NULL), most ? OMN_OK : OMN_ERR_DATA);
        if (most) omn_value_unref(v);
        ck_assert_int_eq(omn_points_new(&p, 1, NULL, &v, NULL), most ? OMN_OK : OMN_ERR_DATA);
        if (most) omn_value_unref(v);
    }
    text[4096] = '\0';
    ck_assert_int_eq(omn_tokens_new(NULL, 0, text, &v, NULL), OMN_ERR_DATA);
    OK(omn_tokens_new(NULL, 0, text + 1, &v, NULL));
    omn_value_unref(v);
}
END_TEST

START_TEST(lists_and_records_hold_their_items)
{
    omn_value *a = text("a"), *b = text("b"), *list = NULL, *record = NULL;
    omn_value *both[2] = { a, b };
    OK(omn_list_new(both, 2, &list, NULL));
    omn_named fields[3] = { { "one", a }, { "many", list }, { "one", b } };
    ck_assert_int_eq(omn_record_new(fields, 3, &record, NULL), OMN_ERR_ARGUMENT); /* twice */
    OK(omn_record_new(fields, 2, &record, NULL));
    omn_value_unref(a);
    omn_value_unref(b);
    omn_value_unref(list);
    ck_assert_str_eq(omn_text_get(omn_record_get(record, "one"), NULL), "a");
    const char *name = NULL;
    const omn_value *many = omn_record_at(record, 1, &name);
    ck_assert_str_eq(name, "many");
    ck_assert_str_eq(omn_text_get(omn_list_at(many, 1), NULL), "b");
    ck_assert_ptr_null(omn_list_at(many, 2));
    ck_assert_ptr_null(omn_record_get(record, "two"));
    omn_value_unref(record);
    omn_value *none = NULL;
    ck_assert_int_eq(omn_list_new(&none, 1, &list, NULL), OMN_ERR_ARGUMENT);
}
END_TEST

START_TEST(nesting_has_a_bottom)
{
    omn_value *v = text("x");
    unsigned depth = 0;
    for (;;) {
        omn_value *up = NULL;
        omn_status st = omn_list_new(&v, 1, &up, NULL);
        if (st != OMN_OK) {
            ck_assert_int_eq(st, OMN_ERR_DATA);
            break;
        }
        omn_value_unref(v);
        v = up;
        ck_assert_uint_lt(++depth, 1000);
    }
    ck_assert_uint_eq(depth, 63);
    omn_value_unref(v);
}
END_TEST

START_TEST(images_have_limits_and_sources_of_their_own)
{
    static const struct {
        omn_type t;
        uint32_t w, h, c;
        omn_status st;
    } rows[] = {
        { OMN_U8, 0, 4, 3, OMN_ERR_SHAPE },
        { OMN_U8, 4, 65536, 3, OMN_ERR_SHAPE },
        { OMN_U8, 65536, 4, 3, OMN_ERR_SHAPE },
        { OMN_U8, 4, 4, 2, OMN_ERR_SHAPE },
        { OMN_U8, 4, 4, 5, OMN_ERR_SHAPE },
        { OMN_BF16, 4, 4, 3, OMN_ERR_TYPE },
        { OMN_U8, 65535, 65535, 1, OMN_ERR_SHAPE },
        { OMN_U8, 16385, 16384, 1, OMN_ERR_SHAPE },
        { OMN_F32, 1, 1, 4, OMN_OK },
        { OMN_U8, 65535, 1, 1, OMN_OK },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        omn_image *img = NULL;
        omn_pixels px;
        omn_status st =
            omn_image_new(rows[i].t, rows[i].w, rows[i].h, rows[i].c, NULL, &img, &px, NULL);
        ck_assert_int_eq(st, rows[i].st);
        if (st == OMN_OK) ck_assert_uint_eq((uintptr_t)px.data % 64, 0);
        omn_image_free(img);
    }
    uint64_t seen[2000];
    for (size_t i = 0; i < 2000; i++) { /* the same memory again and again */
        omn_image *img = NULL;
        omn_pixels px;
        OK(omn_image_new(OMN_U8, 3, 2, 1, NULL, &img, &px, NULL));
        const omn_frame *f = omn_value_frame((const omn_value *)img);
        ck_assert_uint_eq(f->width, 3);
        ck_assert_uint_eq(f->height, 2);
        seen[i] = f->source;
        ck_assert(seen[i] != 0);
        size_t same = 0;
        for (size_t k = 0; k < i; k++) same += seen[k] == seen[i];
        ck_assert_uint_eq(same, 0);
        omn_value *v = omn_image_give(img);
        ck_assert_ptr_eq(omn_value_image(v), img);
        omn_value_unref(v);
    }
}
END_TEST

static void *ref_and_unref(void *v)
{
    for (int i = 0; i < 20000; i++) omn_value_unref(omn_value_ref(v));
    return NULL;
}

START_TEST(counts_hold_across_threads)
{
    pthread_t threads[4];
    omn_value *v = text("shared");
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ref_and_unref, v), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    ck_assert_str_eq(omn_text_get(v, NULL), "shared");
    omn_value_unref(v);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        text_is_checked_utf8,
        getters_of_another_kind_give_nothing,
        regions_copy_what_they_are_given,
        points_tokens_tensors_come_back,
        names_and_labels_have_a_most,
        lists_and_records_hold_their_items,
        nesting_has_a_bottom,
        images_have_limits_and_sources_of_their_own,
        counts_hold_across_threads,
    };
    return TESTING_RUN("value/values", all, 10);
}
