/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas and growing buffers: zeroed, aligned, limited, and given back by marks. */
#include <omnio/base.h>

#include "tests/testing.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool all_are(const unsigned char *p, size_t n, size_t value)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != value) return false;
    return true;
}

START_TEST(sizes_that_overflow_are_refused)
{
    size_t out = 7;
    ck_assert(omn_size_mul(0, SIZE_MAX, &out) && out == 0);
    ck_assert(omn_size_mul(SIZE_MAX, 1, &out) && out == SIZE_MAX);
    ck_assert(!omn_size_mul(SIZE_MAX / 2 + 1, 2, &out));
    ck_assert(!omn_size_mul((size_t)1 << 32, (size_t)1 << 32, &out));
    ck_assert(omn_size_add(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
    ck_assert(!omn_size_add(SIZE_MAX, 1, &out));
}
END_TEST

START_TEST(allocations_are_zeroed_aligned_and_apart)
{
    omn_arena *a = omn_arena_new(0);
    unsigned char *kept[500];
    size_t size[500];
    for (size_t i = 0; i < 500; i++) {
        size[i] = omn_random_at(1, 0, i) % (i % 50 == 0 ? 3000000 : 700);
        kept[i] = omn_arena_alloc(a, size[i], 1);
        ck_assert_ptr_nonnull(kept[i]);
        ck_assert_uint_eq((uintptr_t)kept[i] % 16, 0);
        ck_assert(all_are(kept[i], size[i], 0));
        memset(kept[i], (int)(i % 255) + 1, size[i]);
    }
    for (size_t i = 0; i < 500; i++) ck_assert(all_are(kept[i], size[i], i % 255 + 1));
    omn_arena_free(a);
    omn_arena_free(NULL);
}
END_TEST

START_TEST(marks_give_back_and_memory_is_zero_again)
{
    omn_arena *a = omn_arena_new(0);
    char *first = omn_arena_strdup(a, "stays");
    size_t mark = omn_arena_mark(a);
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < 40; i++) {
            size_t n = omn_random_at(2, (uint64_t)round, i) % 20000;
            unsigned char *p = omn_arena_alloc(a, n, 1);
            ck_assert_ptr_nonnull(p);
            ck_assert(all_are(p, n, 0));
            memset(p, 0xEE, n);
        }
        omn_arena_release(a, mark);
        ck_assert_uint_eq(omn_arena_mark(a), mark);
        ck_assert_str_eq(first, "stays");
    }
    omn_arena_release(a, 0);
    ck_assert_uint_eq(omn_arena_mark(a), 0);
    omn_arena_free(a);
}
END_TEST

START_TEST(limits_and_overflows_are_refused)
{
    omn_arena *a = omn_arena_new(1024);
    ck_assert_ptr_null(omn_arena_alloc(a, SIZE_MAX, 2));
    ck_assert_ptr_null(omn_arena_alloc(a, SIZE_MAX, 1));
    ck_assert_ptr_nonnull(omn_arena_alloc(a, 1, 1000));
    ck_assert_ptr_null(omn_arena_alloc(a, 1, 100));
    ck_assert_ptr_nonnull(omn_arena_alloc(a, 1, 16));
    ck_assert_ptr_null(omn_arena_alloc(a, 1, 1));
    omn_arena_release(a, 0);
    ck_assert_ptr_nonnull(omn_arena_alloc(a, 1024, 1));
    omn_arena_free(a);
}
END_TEST

START_TEST(strings_are_copied)
{
    omn_arena *a = omn_arena_new(0);
    const char open_end[3] = { 'a', 'b', 'c' };
    ck_assert_str_eq(omn_arena_strndup(a, open_end, 3), "abc");
    ck_assert_str_eq(omn_arena_strndup(a, "abc", 10), "abc");
    ck_assert_str_eq(omn_arena_strndup(a, "abc", 0), "");
    ck_assert_str_eq(omn_arena_printf(a, "%s %d", "x", 4), "x 4");
    omn_arena_free(a);
}
END_TEST

START_TEST(a_buffer_grows_to_its_most_and_no_further)
{
    omn_buf b;
    omn_buf_init(&b, 1000);
    ck_assert_str_eq(b.data, "");
    for (int i = 0; i < 100; i++) {
        omn_buf_puts(&b, "0123456789");
        ck_assert_uint_eq(strlen(b.data), b.length);
    }
    ck_assert(!b.failed);
    ck_assert_uint_eq(b.length, 1000);
    omn_buf_put(&b, "x", 1);
    ck_assert(b.failed);
    omn_buf_put(&b, "", 0);
    omn_buf_printf(&b, "%s", "");
    ck_assert_uint_eq(b.length, 1000);
    ck_assert_ptr_null(omn_buf_take(&b));
    ck_assert_uint_eq(b.length, 0);
    omn_buf_puts(&b, "fresh");
    char *s = omn_buf_take(&b);
    ck_assert_str_eq(s, "fresh");
    free(s);
    s = omn_buf_take(&b);
    ck_assert_str_eq(s, "");
    free(s);
    omn_buf_fini(&b);
    omn_buf_fini(&b);
}
END_TEST

START_TEST(a_buffer_formats_short_and_long_texts)
{
    omn_buf b;
    char want[5001];
    memset(want, 'y', 5000);
    want[5000] = '\0';
    omn_buf_init(&b, SIZE_MAX);
    omn_buf_printf(&b, "%d-", 12);
    omn_buf_printf(&b, "%s", want);
    omn_buf_put(&b, "\0z", 2);
    ck_assert(!b.failed);
    ck_assert_uint_eq(b.length, 5005);
    ck_assert_int_eq(memcmp(b.data, "12-", 3), 0);
    ck_assert_str_eq(b.data + 3, want);
    ck_assert_str_eq(b.data + 5004, "z");
    omn_buf_fini(&b);
}
END_TEST

START_TEST(random_numbers_are_splitmix64_by_position)
{
    /* The first outputs of SplitMix64 for seed 1234567, as its authors' program prints them. */
    const uint64_t want[] = { UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                              UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
                              UINT64_C(16408922859458223821) };
    for (uint64_t i = 0; i < 5; i++) ck_assert(omn_random_at(1234567, 0, i) == want[i]);
    /* Streams differ, and a bit is set half of the time: 64,000 bits, 6 standard deviations. */
    size_t ones = 0, same = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t x = omn_random_at(7, i, 3);
        same += x == omn_random_at(7, i + 1, 3);
        for (; x; x &= x - 1) ones++;
    }
    ck_assert_uint_eq(same, 0);
    ck_assert_uint_ge(ones, 32000 - 760);
    ck_assert_uint_le(ones, 32000 + 760);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        sizes_that_overflow_are_refused,
        allocations_are_zeroed_aligned_and_apart,
        marks_give_back_and_memory_is_zero_again,
        limits_and_overflows_are_refused,
        strings_are_copied,
        a_buffer_grows_to_its_most_and_no_further,
        a_buffer_formats_short_and_long_texts,
        random_numbers_are_splitmix64_by_position,
    };
    return TESTING_RUN("base/arena", all, 4);
}
