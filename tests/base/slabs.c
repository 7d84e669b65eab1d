/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks side by side: each at its line, none over another, whatever their sizes. */
#include "libcore/base/slabs.h"

#include "tests/testing.h"

#include <stdint.h>
#include <string.h>

START_TEST(blocks_do_not_touch)
{
    static const size_t sizes[] = { 1,       64,      65,          4096,          65536,
                                    65537,   700000,  1 << 20,     (2 << 20) - 1, 2 << 20,
                                    3 << 20, 9 << 20, (9 << 20) + 3 };
    enum { KINDS = sizeof sizes / sizeof *sizes, N = 10 * KINDS };
    slabs s = { 0 };
    unsigned char *list[N];
    for (size_t i = 0; i < N; i++) {
        const size_t n = sizes[i * 7 % KINDS];
        ck_assert_ptr_nonnull(list[i] = slabs_take(&s, n));
        ck_assert_uint_eq((uintptr_t)list[i] % 64, 0);
        memset(list[i], (int)(i + 1), n);
    }
    for (size_t i = 0; i < N; i++) {
        const size_t n = sizes[i * 7 % KINDS];
        for (size_t k = 0; k < n; k += 61) ck_assert_uint_eq(list[i][k], i + 1);
        ck_assert_uint_eq(list[i][n - 1], i + 1);
    }
    slabs_free(&s);
    ck_assert_uint_eq(s.n, 0);
    ck_assert_ptr_nonnull(slabs_take(&s, 10)); /* and it may begin again */
    slabs_free(&s);
}
END_TEST

START_TEST(what_cannot_be_is_nothing)
{
    slabs s = { 0 };
    ck_assert_ptr_null(slabs_take(&s, SIZE_MAX));
    ck_assert_ptr_nonnull(slabs_take(&s, 0));
    slabs_free(&s);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { blocks_do_not_touch, what_cannot_be_is_nothing };
    return TESTING_RUN("base/slabs", all, 20);
}
