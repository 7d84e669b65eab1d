/* SPDX-License-Identifier: Apache-2.0 */
/* Hidden pieces of the graph floor: globs, names, the op table, the placing of pieces of memory. */
#include "libcore/graph/inside.h"
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>

START_TEST(globs_stop_at_dots_unless_doubled)
{
    static const struct {
        const char *glob, *name;
        bool fits;
    } all[] = {
        { "a.b", "a.b", true },
        { "a.b", "a.bc", false },
        { "a.*", "a.b", true },
        { "a.*", "a.b.c", false },
        { "a.**", "a.b.c", true },
        { "**.w", "a.b.w", true },
        { "**.w", "w", false },
        { "*", "ab", true },
        { "*", "a.b", false },
        { "**", "a.b", true },
        { "a.*.w", "a.b.w", true },
        { "a.l_?.w", "a.l_3.w", true },
        { "a.l_?.w", "a.l_33.w", false },
        { "**attention**", "dec.l_1.self_attention.query", true },
        { "", "", true },
        { "", "a", false },
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        ck_assert_msg(glob_match(all[i].glob, all[i].name) == all[i].fits, "%s and %s", all[i].glob,
                      all[i].name);
}
END_TEST

START_TEST(names_are_found_again)
{
    static char keys[1000][12];
    names n = { NULL, 0, 0 };
    ck_assert_int_eq(names_get(&n, "none"), -1);
    for (uint32_t i = 0; i < 1000; i++) {
        snprintf(keys[i], sizeof(keys[i]), "key_%u", i);
        ck_assert(names_put(&n, keys[i], i));
    }
    for (uint32_t i = 0; i < 1000; i++) ck_assert_int_eq(names_get(&n, keys[i]), i);
    ck_assert(names_put(&n, "key_7", 70));
    ck_assert_int_eq(names_get(&n, keys[7]), 70);
    ck_assert_int_eq(names_get(&n, "key_1000"), -1);
    ck_assert_uint_eq(n.count, 1000);
    names_fini(&n);
}
END_TEST

START_TEST(every_op_has_its_row)
{
    static const char *const ops[] = {
#define OMN_OP(name, attrs, in, out) #name,
        OMN_OPS(OMN_OP)
#undef OMN_OP
    };
    for (int i = 0; i < OP_COUNT; i++) {
        ck_assert_ptr_nonnull(op_rule_get((op_id)i)->name);
        ck_assert_str_eq(op_rule_get((op_id)i)->name, ops[i]);
        ck_assert_uint_ge(op_rule_get((op_id)i)->attrs_size, 4);
    }
}
END_TEST

/* Random lives and sizes: nothing that lives at the same time overlaps, and the end is near the
 * bound. */
START_TEST(pieces_never_overlap)
{
    static group g[400];
    for (uint64_t seed = 0; seed < 8; seed++) {
        const uint32_t n = 10 + (uint32_t)(omn_random_at(seed, 0, 0) % 390);
        for (uint32_t i = 0; i < n; i++) {
            g[i].bytes = 64 * (1 + omn_random_at(seed, 1, i) % (i % 3 ? 20 : 300));
            g[i].first = (long)(omn_random_at(seed, 2, i) % 200);
            g[i].last = g[i].first + (long)(omn_random_at(seed, 3, i) % (i % 5 ? 8 : 150));
        }
        const uint64_t bound = place_bound(g, n), end = place_groups(g, n, bound);
        ck_assert_uint_ge(end, bound);
        ck_assert_msg((double)end <= 1.1 * (double)bound, "%u pieces: %.3f of the bound", n,
                      (double)end / (double)bound);
        for (uint32_t i = 0; i < n; i++) {
            ck_assert_uint_le(g[i].offset + g[i].bytes, end);
            ck_assert_uint_eq(g[i].offset % 64, 0);
            for (uint32_t k = 0; k < i; k++)
                if (g[i].first <= g[k].last && g[k].first <= g[i].last)
                    ck_assert(g[i].offset + g[i].bytes <= g[k].offset ||
                              g[k].offset + g[k].bytes <= g[i].offset);
        }
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = { globs_stop_at_dots_unless_doubled, names_are_found_again,
                                 every_op_has_its_row, pieces_never_overlap };
    return TESTING_RUN("graph/inner", all, 10);
}
