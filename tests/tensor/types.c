/* SPDX-License-Identifier: Apache-2.0 */
/* Types, shapes, conversions. Every f16 and bf16 is tried; roundings are compared with arithmetic
 * in double, which holds all values involved exactly, so the comparison is for equality. */
#include <omnio/tensor.h>

#include "tests/testing.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

START_TEST(types_are_found_by_both_spellings)
{
    const struct {
        const char *ours, *theirs;
        omn_type t;
        uint32_t bytes;
    } want[] = {
        { "f32", "F32", OMN_F32, 4 }, { "f16", "F16", OMN_F16, 2 }, { "bf16", "BF16", OMN_BF16, 2 },
        { "i64", "I64", OMN_I64, 8 }, { "i32", "I32", OMN_I32, 4 }, { "i8", "I8", OMN_I8, 1 },
        { "u8", "U8", OMN_U8, 1 },    { "bool", "BOOL", OMN_BOOL, 1 },
        { "f64", "F64", OMN_F64, 8 }, { "f8_e4m3", "F8_E4M3", OMN_F8_E4M3, 1 },
        { "u32", "U32", OMN_U32, 4 }, { "f4", "F4", OMN_F4, 0 },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        ck_assert_int_eq(omn_type_parse(want[i].ours), want[i].t);
        ck_assert_int_eq(omn_type_parse(want[i].theirs), want[i].t);
        ck_assert_uint_eq(omn_type_get(want[i].t)->bytes, want[i].bytes);
        ck_assert_int_eq(omn_type_get(want[i].t)->is_float, want[i].theirs[0] == 'F' || i == 2);
    }
    ck_assert_int_eq(omn_type_parse("f128"), OMN_TYPE_NONE);
    ck_assert_int_eq(omn_type_parse(""), OMN_TYPE_NONE);
    ck_assert_ptr_null(omn_type_get(OMN_TYPE_NONE));
    ck_assert_ptr_null(omn_type_get((omn_type)27));
    ck_assert_ptr_null(omn_type_get((omn_type)-1));
}
END_TEST

START_TEST(shapes_count_and_refuse_what_is_too_large)
{
    size_t n = 9;
    char text[64];
    omn_shape s = omn_dim0(), big = omn_dim3(INT64_MAX, INT64_MAX, 2);
    ck_assert(omn_shape_count(&s, &n) && n == 1);
    ck_assert_str_eq(omn_shape_text(&s, text, sizeof text), "[]");
    s = omn_dim3(2, 576, 768);
    ck_assert(omn_shape_count(&s, &n) && n == 884736);
    ck_assert_str_eq(omn_shape_text(&s, text, sizeof text), "[2, 576, 768]");
    ck_assert_str_eq(omn_shape_text(&s, text, 4), "[2,");
    ck_assert(!omn_shape_count(&big, &n));
    big.dim[2] = 0;
    ck_assert(omn_shape_count(&big, &n) && n == 0);
    s.dim[1] = -1;
    ck_assert(!omn_shape_count(&s, &n));
    s = omn_dim1(3);
    s.rank = 7;
    ck_assert(!omn_shape_count(&s, &n));
    omn_shape a = omn_dim2(3, 4), b = omn_dim2(3, 4), c = omn_dim2(4, 3), d = omn_dim3(3, 4, 1);
    b.dim[2] = 99; /* beyond the rank: not looked at */
    ck_assert(omn_shape_equal(&a, &b));
    ck_assert(!omn_shape_equal(&a, &c));
    ck_assert(!omn_shape_equal(&a, &d));
}
END_TEST

/* Value of a half, from its definition. */
static double half_value(unsigned h)
{
    double sign = h & 0x8000 ? -1.0 : 1.0;
    int exponent = (h >> 10) & 31, mantissa = h & 1023;
    if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24));
}

START_TEST(every_f16_is_what_its_bits_say)
{
    for (unsigned h = 0; h < 65536; h++) {
        double want = half_value(h);
        float got = omn_f16_to((uint16_t)h);
        if (isnan(want)) {
            ck_assert(isnan(got) && isnan(omn_f16_to(omn_f16_of(got))));
            continue;
        }
        if ((double)got != want) ck_abort_msg("f16 %04x", h);
        if (omn_f16_of(got) != h) ck_abort_msg("back to f16 %04x", h);
    }
}
END_TEST

START_TEST(f16_rounds_to_nearest_even)
{
    /* Between neighbours a and b: the middle goes to the even one, its float neighbours to a and
     * b. */
    for (unsigned h = 0; h < 0x7BFF; h++) {
        float middle = (float)((half_value(h) + half_value(h + 1)) / 2);
        unsigned even = h & 1 ? h + 1 : h;
        if (omn_f16_of(middle) != even || omn_f16_of(-middle) != (even | 0x8000) ||
            omn_f16_of(nextafterf(middle, 0.0f)) != h ||
            omn_f16_of(nextafterf(middle, INFINITY)) != h + 1)
            ck_abort_msg("around the middle of %04x and the next", h);
    }
    ck_assert_uint_eq(omn_f16_of(65519.996f), 0x7BFF);
    ck_assert_uint_eq(omn_f16_of(65520.0f), 0x7C00);
    ck_assert_uint_eq(omn_f16_of(3e38f), 0x7C00);
    ck_assert_uint_eq(omn_f16_of(-INFINITY), 0xFC00);
    ck_assert_uint_eq(omn_f16_of(1e-45f), 0);
    ck_assert_uint_eq(omn_f16_of(-0.0f), 0x8000);
}
END_TEST

START_TEST(bf16_rounds_to_nearest_even)
{
    for (uint32_t b = 0; b < 0x7F7F; b++) {
        uint32_t u = b << 16 | 0x8000;
        float middle, below, above;
        memcpy(&middle, &u, 4);
        u--;
        memcpy(&below, &u, 4);
        u += 2;
        memcpy(&above, &u, 4);
        if (omn_bf16_of(middle) != (b & 1 ? b + 1 : b) || omn_bf16_of(below) != b ||
            omn_bf16_of(above) != b + 1 || bits_of(omn_bf16_to((uint16_t)b)) != b << 16)
            ck_abort_msg("around bf16 %04x", (unsigned)b);
    }
    ck_assert_uint_eq(omn_bf16_of(3.4028235e38f), 0x7F80);
    ck_assert(isnan(omn_bf16_to(omn_bf16_of(NAN))));
    /* A NaN whose upper half alone would read as infinity. */
    uint32_t u = 0x7F800001;
    float x;
    memcpy(&x, &u, 4);
    ck_assert(isnan(omn_bf16_to(omn_bf16_of(x))));
    ck_assert(isnan(omn_f16_to(omn_f16_of(x))));
}
END_TEST

START_TEST(all_types_convert_from_any_alignment)
{
    const float want[] = { 0.0f, 1.0f, 2.0f, 100.0f, 1.0f };
    unsigned char room[64];
    float got[5];
    for (omn_type t = OMN_F32; t <= OMN_BOOL; t = (omn_type)(t + 1)) {
        ck_assert(omn_from_f32(t, want, 5, room + 1));
        ck_assert(omn_to_f32(t, room + 1, 5, got));
        for (int i = 0; i < 5; i++)
            ck_assert(got[i] == (t == OMN_BOOL ? (want[i] != 0.0f) : want[i]));
    }
    ck_assert(!omn_to_f32(OMN_TYPE_NONE, room, 1, got));
    ck_assert(!omn_from_f32((omn_type)77, want, 1, room));
}
END_TEST

/* Value of an 8-bit float, from its definition. */
static double small_value(unsigned h, int fraction, int bias)
{
    const double sign = h & 0x80 ? -1.0 : 1.0;
    const int exponent = (int)(h & 0x7F) >> fraction, mantissa = (int)h & ((1 << fraction) - 1);
    if (!exponent) return sign * ldexp(mantissa, 1 - bias - fraction);
    return sign * ldexp(mantissa + (1 << fraction), exponent - bias - fraction);
}

START_TEST(every_float_of_eight_bits_is_what_its_bits_say)
{
    for (unsigned h = 0; h < 256; h++) {
        const uint8_t byte = (uint8_t)h;
        float e4m3, e5m2, e8m0;
        ck_assert(omn_to_f32(OMN_F8_E4M3, &byte, 1, &e4m3));
        ck_assert(omn_to_f32(OMN_F8_E5M2, &byte, 1, &e5m2));
        ck_assert(omn_to_f32(OMN_F8_E8M0, &byte, 1, &e8m0));
        ck_assert((h & 0x7F) == 0x7F ? isnan(e4m3) : (double)e4m3 == small_value(h, 3, 7));
        if ((h & 0x7C) == 0x7C)
            ck_assert(h & 3 ? isnan(e5m2) : isinf(e5m2) && (e5m2 < 0) == (h > 127));
        else
            ck_assert((double)e5m2 == small_value(h, 2, 15));
        ck_assert(h == 255 ? isnan(e8m0) : (double)e8m0 == ldexp(1, (int)h - 127));
        ck_assert_int_eq(signbit(e4m3) != 0, h > 127);
        ck_assert(!omn_from_f32(OMN_F8_E4M3, &e4m3, 1, &e8m0));
    }
}
END_TEST

START_TEST(types_of_files_convert_and_are_no_types_of_graphs)
{
    static const omn_type whole[] = { OMN_F64, OMN_I16, OMN_U16, OMN_U32, OMN_U64 };
    const float want[] = { 0.0f, 1.0f, 2.0f, 32767.0f };
    unsigned char room[64];
    float got[4];
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        ck_assert(omn_from_f32(whole[i], want, 4, room + 1));
        ck_assert(omn_to_f32(whole[i], room + 1, 4, got));
        ck_assert_mem_eq(got, want, sizeof want);
        ck_assert(!omn_type_get(whole[i])->computes);
    }
    const double far[] = { 1e300, -1e300, 0.1, 1e-300 };
    ck_assert(omn_to_f32(OMN_F64, far, 4, got));
    ck_assert(got[0] == INFINITY && got[1] == -INFINITY && got[2] == 0.1f && got[3] == 0);
    const int16_t low = -32768;
    ck_assert(omn_to_f32(OMN_I16, &low, 1, got) && got[0] == -32768.0f);
    const float x[] = { -1e30f, 1e30f, NAN, 2.5f };
    uint64_t u64[4];
    uint32_t u32[4];
    uint16_t u16[4];
    int16_t i16[4];
    ck_assert(omn_from_f32(OMN_U64, x, 4, u64) && omn_from_f32(OMN_U32, x, 4, u32) &&
              omn_from_f32(OMN_U16, x, 4, u16) && omn_from_f32(OMN_I16, x, 4, i16));
    ck_assert(u64[0] == 0 && u64[1] == UINT64_MAX && u64[2] == 0 && u64[3] == 2);
    ck_assert(u32[0] == 0 && u32[1] == UINT32_MAX && u32[2] == 0 && u32[3] == 2);
    ck_assert(u16[0] == 0 && u16[1] == UINT16_MAX && u16[2] == 0 && u16[3] == 2);
    ck_assert(i16[0] == INT16_MIN && i16[1] == INT16_MAX && i16[2] == 0 && i16[3] == 2);
    for (omn_type t = OMN_F32; t <= OMN_BOOL; t = (omn_type)(t + 1))
        ck_assert(omn_type_get(t)->computes);
    for (omn_type t = OMN_C64; t <= OMN_F4; t = (omn_type)(t + 1))
        ck_assert(!omn_to_f32(t, room, 1, got) && !omn_from_f32(t, want, 1, room));
}
END_TEST

START_TEST(bytes_of_a_shape_count_parts_of_a_byte)
{
    static const struct {
        omn_type type;
        int64_t n;
        size_t bytes;
    } rows[] = {
        { OMN_F64, 3, 24 }, { OMN_C64, 3, 24 },  { OMN_F4, 2, 1 },       { OMN_F4, 30, 15 },
        { OMN_F4, 0, 0 },   { OMN_F6_E2M3, 4, 3 }, { OMN_F6_E3M2, 12, 9 }, { OMN_BOOL, 3, 3 },
    };
    size_t bytes;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const omn_shape s = omn_dim1(rows[i].n);
        ck_assert(omn_shape_bytes(&s, rows[i].type, &bytes));
        ck_assert_uint_eq(bytes, rows[i].bytes);
    }
    const omn_shape three = omn_dim1(3), large = omn_dim1(INT64_MAX);
    ck_assert(!omn_shape_bytes(&three, OMN_F4, &bytes));
    ck_assert(!omn_shape_bytes(&three, OMN_F6_E3M2, &bytes));
    ck_assert(!omn_shape_bytes(&large, OMN_F64, &bytes));
    ck_assert(!omn_shape_bytes(&three, OMN_TYPE_NONE, &bytes));
}
END_TEST

START_TEST(whole_numbers_saturate_and_round)
{
    const float x[] = { -1e30f, 1e30f, NAN, 2.5f, 3.5f, -0.6f, 300.0f, -INFINITY };
    int64_t i64[8];
    int32_t i32[8];
    int8_t i8[8];
    uint8_t u8[8];
    ck_assert(omn_from_f32(OMN_I64, x, 8, i64) && omn_from_f32(OMN_I32, x, 8, i32) &&
              omn_from_f32(OMN_I8, x, 8, i8) && omn_from_f32(OMN_U8, x, 8, u8));
    const int64_t w64[] = { INT64_MIN, INT64_MAX, 0, 2, 4, -1, 300, INT64_MIN };
    const int32_t w32[] = { INT32_MIN, INT32_MAX, 0, 2, 4, -1, 300, INT32_MIN };
    const int8_t w8[] = { -128, 127, 0, 2, 4, -1, 127, -128 };
    const uint8_t wu[] = { 0, 255, 0, 2, 4, 0, 255, 0 };
    for (int i = 0; i < 8; i++) {
        ck_assert(i64[i] == w64[i]);
        ck_assert(i32[i] == w32[i]);
        ck_assert(i8[i] == w8[i]);
        ck_assert(u8[i] == wu[i]);
    }
}
END_TEST

START_TEST(a_feed_holds_named_tensors)
{
    omn_feed *f = NULL;
    void *data = NULL;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(omn_feed_make(&f, &err), OMN_OK);
    ck_assert_int_eq(omn_feed_new(f, "ids", OMN_I32, omn_dim2(2, 3), &data, &err), OMN_OK);
    int32_t *ids = data;
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(ids[i], 0);
        ids[i] = i;
    }
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        ck_assert_int_eq(omn_feed_copy(f, name, omn_feed_get(f, "ids"), &err), OMN_OK);
    }
    ck_assert_uint_eq(omn_feed_count(f), 101);
    ck_assert_str_eq(omn_feed_name(f, 0), "ids");
    ck_assert_str_eq(omn_feed_name(f, 100), "t99");
    ck_assert_ptr_null(omn_feed_name(f, 101));
    const omn_tensor *t = omn_feed_get(f, "t42");
    ck_assert_int_eq(t->type, OMN_I32);
    ck_assert_uint_eq(t->bytes, 24);
    ck_assert_int_eq(memcmp(t->data, ids, 24), 0);
    ck_assert_ptr_eq(omn_feed_data(f, "ids"), ids);
    ck_assert_ptr_null(omn_feed_get(f, "none"));
    ck_assert_ptr_null(omn_feed_data(f, "none"));
    ck_assert_int_eq(omn_feed_new(f, "empty", OMN_F32, omn_dim2(0, 3), &data, &err), OMN_OK);
    ck_assert_ptr_nonnull(data);
    omn_feed_clear(f);
    ck_assert_uint_eq(omn_feed_count(f), 0);
    ck_assert_int_eq(omn_feed_new(f, "ids", OMN_I32, omn_dim0(), NULL, &err), OMN_OK);
    omn_feed_free(f);
    omn_feed_free(NULL);
}
END_TEST

START_TEST(a_feed_refuses_what_makes_no_sense)
{
    omn_feed *f = NULL;
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(omn_feed_make(&f, &err), OMN_OK);
    ck_assert_int_eq(omn_feed_new(f, "a", OMN_F32, omn_dim1(4), NULL, &err), OMN_OK);
    ck_assert_int_eq(omn_feed_new(f, "a", OMN_F32, omn_dim1(4), NULL, &err), OMN_ERR_ARGUMENT);
    ck_assert_str_eq(err.text, "tensor a: is in this feed already");
    ck_assert_int_eq(omn_feed_new(f, "b", OMN_TYPE_NONE, omn_dim1(4), NULL, NULL),
                     OMN_ERR_ARGUMENT);
    ck_assert_int_eq(omn_feed_new(f, "b", OMN_F32, omn_dim1(-4), NULL, NULL), OMN_ERR_SHAPE);
    ck_assert_int_eq(omn_feed_new(f, "b", OMN_F32, omn_dim2(INT64_MAX, 9), NULL, NULL),
                     OMN_ERR_SHAPE);
    ck_assert_int_eq(omn_feed_new(f, "b", OMN_U8, omn_dim1((int64_t)65 << 30), NULL, NULL),
                     OMN_ERR_SHAPE);
    const float x = 1.0f;
    const omn_tensor lying = { OMN_F32, omn_dim1(2), &x, sizeof x };
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_feed_copy(f, "b", &lying, &err), OMN_ERR_SHAPE);
    ck_assert_str_eq(err.text, "tensor b: 4 bytes are not f32 [2]");
    for (int i = 1; i < 4096; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        ck_assert_int_eq(omn_feed_new(f, name, OMN_U8, omn_dim0(), NULL, NULL), OMN_OK);
    }
    ck_assert_int_eq(omn_feed_new(f, "b", OMN_U8, omn_dim0(), NULL, NULL), OMN_ERR_ARGUMENT);
    omn_feed_free(f);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        types_are_found_by_both_spellings,
        shapes_count_and_refuse_what_is_too_large,
        every_f16_is_what_its_bits_say,
        f16_rounds_to_nearest_even,
        bf16_rounds_to_nearest_even,
        all_types_convert_from_any_alignment,
        every_float_of_eight_bits_is_what_its_bits_say,
        types_of_files_convert_and_are_no_types_of_graphs,
        bytes_of_a_shape_count_parts_of_a_byte,
        whole_numbers_saturate_and_round,
        a_feed_holds_named_tensors,
        a_feed_refuses_what_makes_no_sense,
    };
    return TESTING_RUN("tensor/types", all, 10);
}
