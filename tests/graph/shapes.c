/* SPDX-License-Identifier: Apache-2.0 */
/* Shape and type rules: what fits gives the right shape, what does not gives one useful sentence,
 * which stays, while later builders return NULL. */
#include "rig.h"

#include <stdio.h>
#include <string.h>

static omn_node *in(omn_scope *s, const char *name, omn_shape shape)
{
    return omn_input(s, name, OMN_F32, shape);
}

/* ---- sentences
 * ------------------------------------------------------------------------------------ */

typedef struct wrong {
    omn_node *(*fn)(omn_scope *s);
    const char *text;
} wrong;

#define BAD(name, ...) static omn_node *name(omn_scope *s) __VA_ARGS__
#define X              in(s, "x", omn_dim3(2, 5, 7))
BAD(bad_linear, {
    s = omn_scope_at(s, "decoder.layers_%d", 3);
    return omn_linear(s, X, omn_weight(s, "query.weight", omn_dim2(4, 8), OMN_INIT_ZERO, 0), NULL,
                      OMN_ACT_NONE);
})
BAD(bad_bias, {
    return omn_linear(s, X, omn_weight(s, "w", omn_dim2(4, 7), OMN_INIT_ZERO, 0),
                      omn_weight(s, "b", omn_dim1(5), OMN_INIT_ZERO, 0), OMN_ACT_NONE);
})
BAD(bad_matmul, { return omn_matmul(s, X, in(s, "y", omn_dim3(3, 7, 2)), false, false, 1); })
BAD(bad_add, { return omn_add(s, X, in(s, "y", omn_dim2(4, 7))); })
BAD(bad_glu, { return omn_glu(s, X, in(s, "y", omn_dim2(5, 7)), OMN_ACT_SILU); })
BAD(bad_act, { return omn_activate(s, X, (omn_act)77); })
BAD(bad_norm,
    { return omn_rms_norm(s, X, omn_weight(s, "w", omn_dim1(5), OMN_INIT_ONE, 0), 1e-6); })
BAD(bad_eps, { return omn_rms_norm(s, X, NULL, -1); })
BAD(bad_groups,
    { return omn_group_norm(s, in(s, "p", omn_dim4(1, 2, 2, 6)), NULL, NULL, 4, 1e-6); })
BAD(bad_ids, { return omn_embedding(s, omn_weight(s, "t", omn_dim2(9, 4), OMN_INIT_ONE, 0), X); })
BAD(bad_gather, { return omn_gather(s, X, omn_input(s, "m", OMN_I32, omn_dim1(3))); })
BAD(bad_rope, {
    return omn_rope(s, in(s, "q", omn_dim4(1, 4, 2, 6)), in(s, "r", omn_dim3(1, 4, 8)),
                    OMN_ROT_HALF);
})
BAD(bad_reshape, { return omn_reshape(s, X, omn_dim2(-1, 3)); })
BAD(bad_permute, { return omn_permute(s, X, (const int[]){ 0, 2, 2 }); })
BAD(bad_concat, { return omn_concat(s, (omn_node *[]){ X, in(s, "y", omn_dim3(2, 4, 6)) }, 2, 1); })
BAD(bad_slice, { return omn_slice(s, X, 1, 3, 3); })
BAD(bad_axis, { return omn_slice(s, X, 3, 0, 1); })
BAD(bad_expand, { return omn_expand(s, X, omn_dim3(2, 10, 7)); })
BAD(bad_sum, { return omn_sum(s, X, 1u << 3, false, false); })
BAD(bad_cast, { return omn_cast(s, X, OMN_BF16); })
BAD(bad_conv, {
    return omn_conv2d(s, in(s, "p", omn_dim4(1, 8, 8, 3)),
                      omn_weight(s, "w", omn_dim4(4, 2, 3, 3), OMN_INIT_ZERO, 0), NULL, NULL,
                      OMN_ACT_NONE);
})
BAD(bad_gap, {
    return omn_conv2d_dilated(s, in(s, "p", omn_dim4(1, 8, 8, 3)),
                              omn_weight(s, "w", omn_dim4(4, 3, 3, 3), OMN_INIT_ZERO, 0), NULL,
                              NULL, 1, 0, OMN_ACT_NONE);
})
BAD(bad_gap_window, {
    return omn_conv2d_dilated(s, in(s, "p", omn_dim4(1, 8, 8, 3)),
                              omn_weight(s, "w", omn_dim4(4, 3, 3, 3), OMN_INIT_ZERO, 0), NULL,
                              NULL, 1, 4, OMN_ACT_NONE);
})
BAD(bad_transpose, {
    return omn_conv_transpose2d(s, in(s, "p", omn_dim4(1, 8, 8, 3)),
                                omn_weight(s, "w", omn_dim4(4, 3, 3, 3), OMN_INIT_ZERO, 0), NULL,
                                NULL, OMN_ACT_NONE);
})
BAD(bad_transpose_padding, {
    const omn_conv how = { 2, 2, 0, 2, 0, 3 };
    return omn_conv_transpose2d(s, in(s, "p", omn_dim4(1, 8, 2, 3)),
                                omn_weight(s, "w", omn_dim4(3, 4, 3, 3), OMN_INIT_ZERO, 0), NULL,
                                &how, OMN_ACT_NONE);
})
BAD(bad_transpose_bias, {
    return omn_conv_transpose2d(s, in(s, "p", omn_dim4(1, 8, 8, 3)),
                                omn_weight(s, "w", omn_dim4(3, 4, 3, 3), OMN_INIT_ZERO, 0),
                                omn_weight(s, "b", omn_dim1(3), OMN_INIT_ZERO, 0), NULL,
                                OMN_ACT_NONE);
})
BAD(bad_window,
    { return omn_pool2d(s, in(s, "p", omn_dim4(1, 2, 8, 3)), OMN_POOL_MAX, 3, 3, NULL); })
BAD(bad_heads, {
    return omn_attend_build(s, in(s, "q", omn_dim4(1, 4, 3, 6)), in(s, "k", omn_dim4(1, 5, 2, 6)),
                            in(s, "v", omn_dim4(1, 5, 2, 6)), NULL);
})
BAD(bad_segments, {
    const omn_attend how = { OMN_FILL(omn_attend),
                             .q_seg = omn_input(s, "qs", OMN_I32, omn_dim2(1, 4)) };
    return omn_attend_build(s, in(s, "q", omn_dim4(1, 4, 2, 6)), in(s, "k", omn_dim4(1, 5, 2, 6)),
                            in(s, "v", omn_dim4(1, 5, 2, 6)), &how);
})
BAD(bad_count, {
    const omn_attend how = { OMN_FILL(omn_attend),
                             .k_count = omn_input(s, "n", OMN_I32, omn_dim1(2)) };
    return omn_attend_build(s, in(s, "q", omn_dim4(1, 4, 2, 6)), in(s, "k", omn_dim4(1, 5, 2, 6)),
                            in(s, "v", omn_dim4(1, 5, 2, 6)), &how);
})
BAD(bad_extra, {
    const omn_attend how = { OMN_FILL(omn_attend), .extra = in(s, "e", omn_dim4(1, 2, 5, 4)) };
    return omn_attend_build(s, in(s, "q", omn_dim4(1, 4, 2, 6)), in(s, "k", omn_dim4(1, 5, 2, 6)),
                            in(s, "v", omn_dim4(1, 5, 2, 6)), &how);
})
BAD(bad_parts, {
    const omn_attend how = { OMN_FILL(omn_attend),
                             .q_part = omn_input(s, "qp", OMN_I32, omn_dim2(1, 4)) };
    return omn_attend_build(s, in(s, "q", omn_dim4(1, 4, 2, 6)), in(s, "k", omn_dim4(1, 5, 2, 6)),
                            in(s, "v", omn_dim4(1, 5, 2, 6)), &how);
})
BAD(bad_extra_rows, {
    const omn_attend how = { OMN_FILL(omn_attend), .extra = in(s, "e", omn_dim4(3, 1, 4, 5)) };
    return omn_attend_build(s, in(s, "q", omn_dim4(2, 4, 2, 6)), in(s, "k", omn_dim4(2, 5, 2, 6)),
                            in(s, "v", omn_dim4(2, 5, 2, 6)), &how);
})
BAD(bad_extra_heads, {
    const omn_attend how = { OMN_FILL(omn_attend), .extra = in(s, "e", omn_dim4(1, 3, 4, 5)) };
    return omn_attend_build(s, in(s, "q", omn_dim4(2, 4, 2, 6)), in(s, "k", omn_dim4(2, 5, 2, 6)),
                            in(s, "v", omn_dim4(2, 5, 2, 6)), &how);
})
BAD(bad_slopes, {
    const omn_attend how = { OMN_FILL(omn_attend), .slopes = in(s, "e", omn_dim1(3)) };
    return omn_attend_build(s, in(s, "q", omn_dim4(2, 4, 2, 6)), in(s, "k", omn_dim4(2, 5, 2, 6)),
                            in(s, "v", omn_dim4(2, 5, 2, 6)), &how);
})
BAD(bad_width, {
    const omn_attend how = { OMN_FILL(omn_attend), .window = -1 };
    return omn_attend_build(s, in(s, "q", omn_dim4(2, 4, 2, 6)), in(s, "k", omn_dim4(2, 5, 2, 6)),
                            in(s, "v", omn_dim4(2, 5, 2, 6)), &how);
})
BAD(bad_empty, { return omn_weight(s, "w", omn_dim2(4, 0), OMN_INIT_ZERO, 0); })
BAD(bad_entropy, {
    return omn_cross_entropy(s, X, omn_input(s, "l", OMN_I32, omn_dim2(2, 4)),
                             in(s, "w", omn_dim2(2, 5)), NULL, NULL);
})
BAD(bad_soft, {
    const omn_ce how = { OMN_FILL(omn_ce), .soft_first = 5, .soft_count = 3, .soft_sigma = 1 };
    return omn_cross_entropy(s, X, omn_input(s, "l", OMN_I32, omn_dim2(2, 5)),
                             in(s, "w", omn_dim2(2, 5)), &how, NULL);
})
BAD(bad_input, {
    in(s, "x", omn_dim1(3));
    return in(s, "x", omn_dim1(4));
})
BAD(bad_weight, {
    omn_weight(s, "a.b", omn_dim1(3), OMN_INIT_ZERO, 0);
    return omn_weight(omn_scope_at(s, "a"), "b", omn_dim1(4), OMN_INIT_ZERO, 0);
})
BAD(bad_size, { return in(s, "x", omn_dim2(4, 0)); })
BAD(bad_huge, { return in(s, "x", omn_dim3(INT64_MAX / 2, 4, 4)); })
BAD(bad_null, { return omn_add(s, X, NULL); })
BAD(bad_append, {
    omn_state *st = omn_state_at(s, "cache", OMN_F32, omn_dim3(2, 8, 4));
    return omn_state_append(s, st, X, omn_input(s, "at", OMN_I32, omn_dim1(2)));
})
BAD(bad_at, {
    omn_state *st = omn_state_at(s, "cache", OMN_F32, omn_dim3(2, 8, 7));
    return omn_state_append(s, st, X, omn_input(s, "at", OMN_I32, omn_dim1(3)));
})
BAD(bad_cache, {
    return omn_state_write(s, omn_cache_at(s, "cache", 2, 8, 3, 4),
                           in(s, "k", omn_dim4(2, 7, 3, 4)));
})
BAD(bad_cached_heads, {
    return omn_state_append(s, omn_cache_at(s, "cache", 2, 8, 3, 4),
                            in(s, "k", omn_dim4(2, 1, 4, 3)),
                            omn_input(s, "at", OMN_I32, omn_dim1(2)));
})
BAD(bad_half_cached, {
    omn_node *k = omn_state_read(s, omn_cache_at(s, "cache", 2, 5, 3, 4));
    return omn_attend_build(s, in(s, "q", omn_dim4(2, 1, 3, 4)), k,
                            in(s, "v", omn_dim4(2, 3, 5, 4)), NULL);
})
BAD(bad_bundle, {
    omn_bundle *b = omn_bundle_new(s);
    omn_bundle_put(b, s, "left", X);
    return omn_bundle_get(b, s, "right");
})
BAD(bad_model,
    { return omn_scope_fail(omn_scope_at(s, "head"), OMN_ERR_CONFIG, "%d heads, 12 wanted", 7); })

static const wrong all_wrong[] = {
    { bad_linear, "decoder.layers_3: linear: x is [2, 5, 7] f32, the weight is [4, 8] f32 "
                  "decoder.layers_3.query.weight; the last size of x must be the weight's last" },
    { bad_bias, "linear: the bias is [5] f32, [4] is wanted" },
    { bad_matmul, "matmul: a is [2, 5, 7] f32, b is [3, 7, 2] f32; equal leading sizes" },
    { bad_add, "add: a is [2, 5, 7] f32, b is [4, 7] f32; aligned at the end" },
    { bad_glu, "glu: a is [2, 5, 7] f32, b is [5, 7] f32; equal shapes are wanted" },
    { bad_act, "act: 77 is not an activation" },
    { bad_norm, "rms_norm: the weight is [5] f32, [7] is wanted" },
    { bad_eps, "rms_norm: eps is -1, 0 or more is wanted" },
    { bad_groups, "group_norm: x is [1, 2, 2, 6] f32, groups 4" },
    { bad_ids, "embedding: ids is [2, 5, 7] f32, i32 is wanted" },
    { bad_gather, "gather: x is [2, 5, 7] f32, map is [3] i32" },
    { bad_rope, "rope: x is [1, 4, 2, 6] f32, rows are [1, 4, 8] f32" },
    { bad_reshape, "reshape: x is [2, 5, 7] f32, it cannot become [-1, 3]" },
    { bad_permute, "permute: x is [2, 5, 7] f32, axis 2 of the order is 2" },
    { bad_concat,
      "concat: tensor 1 is [2, 5, 7] f32, tensor 2 is [2, 4, 6] f32; only axis 1 may differ" },
    { bad_slice, "slice: x is [2, 5, 7] f32, 3 places from 3 of axis 1 are not all there" },
    { bad_axis, "slice: x is [2, 5, 7] f32, it has no axis 3" },
    { bad_expand, "expand: x is [2, 5, 7] f32, it cannot be stretched to [2, 10, 7]" },
    { bad_sum, "sum: x is [2, 5, 7] f32, bit 3 of the axes has no axis" },
    { bad_cast, "cast: x is [2, 5, 7] f32; f32 or i32 can be made" },
    { bad_conv, "conv2d: x is [1, 8, 8, 3] f32, the weight is [4, 2, 3, 3] f32" },
    { bad_gap, "conv2d: taps 1 x 0 apart; 1 to 65535 is wanted" },
    { bad_gap_window, "conv2d: x is [1, 8, 8, 3] f32, window 3 x 9" },
    { bad_transpose, "conv_transpose2d: x is [1, 8, 8, 3] f32, the weight is [4, 3, 3, 3] f32" },
    { bad_transpose_padding, "strides above 0 and padding that leaves a picture are wanted" },
    { bad_transpose_bias, "conv_transpose2d: the bias is [3] f32, [4] is wanted" },
    { bad_window, "pool2d: x is [1, 2, 8, 3] f32, window 3 x 3" },
    { bad_heads, "attention: q is [1, 4, 3, 6] f32, k is [1, 5, 2, 6] f32" },
    { bad_segments, "attention: q_seg and k_seg, q_part and k_part: both or none" },
    { bad_count, "attention: k_count is [2] i32, [1] i32 is wanted" },
    { bad_extra, "attention: extra is [1, 2, 5, 4] f32, [1 or 1, 1 or 2, 4, 5] is wanted" },
    { bad_parts, "attention: q_seg and k_seg, q_part and k_part: both or none" },
    { bad_extra_rows, "attention: extra is [3, 1, 4, 5] f32, [1 or 2, 1 or 2, 4, 5] is wanted" },
    { bad_extra_heads, "attention: extra is [1, 3, 4, 5] f32, [1 or 2, 1 or 2, 4, 5] is wanted" },
    { bad_slopes, "attention: slopes are [3] f32, [2] is wanted" },
    { bad_width, "attention: window is -1, 0 or more is wanted" },
    { bad_empty, "w: size 0 of axis 1, 1 or more is wanted" },
    { bad_entropy,
      "cross_entropy: logits are [2, 5, 7] f32, labels [2, 4] i32, weights [2, 5] f32" },
    { bad_soft, "a range inside 0..6" },
    { bad_input, "input 'x' is [3] f32 already, it cannot be [4] f32 too" },
    { bad_weight, "a.b: [3] before, [4] wanted now" },
    { bad_size, "a size of [4, 0] is below 1" },
    { bad_huge, "is too large to address" },
    { bad_null, "add: argument 2 is missing (NULL), a node is wanted" },
    { bad_append, "state_append: x is [2, 5, 7] f32, the state 'cache' holds [2, 8, 4] f32" },
    { bad_at, "state_append: at is [3] i32, [2] i32 is wanted" },
    { bad_cache, "cache: x is [2, 7, 3, 4] f32, the cache 'cache' takes [2, 8, 3, 4]" },
    { bad_cached_heads, "cache: x is [2, 1, 4, 3] f32, the cache 'cache' takes [2, 8, 3, 4]; "
                        "only axis 1 may be shorter" },
    { bad_half_cached, "k [B, G, Tk, K], v like k" },
    { bad_bundle, "there is no 'right'; there is: left" },
    { bad_model, "head: 7 heads, 12 wanted" },
};

static void build_wrong(void *user, omn_scope *s, omn_bundle *out)
{
    const wrong *w = user;
    omn_node *y = w->fn(s);
    ck_assert_ptr_null(y);
    ck_assert(omn_scope_failed(s));
    /* Later failures and builders change nothing. */
    ck_assert_ptr_null(omn_scope_fail(s, OMN_ERR_DATA, "later"));
    ck_assert_ptr_null(omn_add(s, y, y));
    ck_assert_ptr_null(omn_weight(s, "later", omn_dim1(1), OMN_INIT_ONE, 0));
    ck_assert_int_eq(omn_node_dim(y, 0), 1);
    omn_bundle_put(out, s, "y", y);
}

START_TEST(what_does_not_fit_is_told_in_one_sentence)
{
    for (size_t i = 0; i < sizeof(all_wrong) / sizeof(*all_wrong); i++) {
        rig own = rig_open(&reference_compute, false), *r = &own;
        const char *text = rig_failure(r, build_wrong, (void *)(uintptr_t)&all_wrong[i]);
        ck_assert_msg(strstr(text, all_wrong[i].text), "'%s' lacks '%s'", text, all_wrong[i].text);
        rig_close(r);
    }
}
END_TEST

/* ---- shapes
 * ---------------------------------------------------------------------------------------- */

static void is(omn_node *x, const char *want)
{
    char text[80];
    const omn_shape shape = omn_node_shape(x);
    ck_assert_ptr_nonnull(x);
    ck_assert_str_eq(omn_shape_text(&shape, text, sizeof(text)), want);
}

static void build_right(void *user, omn_scope *s, omn_bundle *out)
{
    omn_node *x = X, *p = in(s, "p", omn_dim4(1, 9, 8, 3)), *m;
    const omn_conv how = { 2, 3, 1, 0, 1, 0 };
    (void)user;
    is(omn_linear(s, x, omn_weight(s, "w", omn_dim2(4, 7), OMN_INIT_ZERO, 0), NULL, OMN_ACT_NONE),
       "[2, 5, 4]");
    is(omn_linear_in_out(s, x, omn_weight(s, "v", omn_dim2(7, 4), OMN_INIT_ZERO, 0), NULL,
                         OMN_ACT_RELU),
       "[2, 5, 4]");
    is(omn_matmul(s, x, x, false, true, 1), "[2, 5, 5]");
    is(omn_add(s, in(s, "a", omn_dim3(4, 1, 3)), in(s, "b", omn_dim2(5, 1))), "[4, 5, 3]");
    is(omn_reshape(s, x, omn_dim3(-1, 7, 2)), "[5, 7, 2]");
    ck_assert_ptr_eq(omn_reshape(s, x, omn_dim3(2, -1, 7)), x);
    is(omn_permute(s, x, (const int[]){ 2, 0, 1 }), "[7, 2, 5]");
    is(omn_concat(s, (omn_node *[]){ x, x, x }, 3, -1), "[2, 5, 21]");
    is(omn_slice(s, x, -2, 1, 3), "[2, 3, 7]");
    is(omn_pad(s, x, 0, 1, 2), "[5, 5, 7]");
    is(omn_sum(s, x, 3, false, false), "[7]");
    is(omn_sum(s, x, 7, true, true), "[1, 1, 1]");
    is(omn_conv2d(s, p, omn_weight(s, "c", omn_dim4(6, 3, 3, 2), OMN_INIT_ZERO, 0), NULL, &how,
                  OMN_ACT_NONE),
       "[1, 5, 3, 6]");
    is(omn_conv2d_dilated(s, p, omn_weight(s, "c", omn_dim4(6, 3, 3, 2), OMN_INIT_ZERO, 0), NULL,
                          &how, 3, 4, OMN_ACT_NONE),
       "[1, 3, 2, 6]");
    is(omn_conv_transpose2d(s, p, omn_weight(s, "ct", omn_dim4(3, 6, 3, 2), OMN_INIT_ZERO, 0), NULL,
                            &how, OMN_ACT_NONE),
       "[1, 17, 23, 6]");
    is(omn_pool2d(s, p, OMN_POOL_AVG, 2, 2, NULL), "[1, 4, 4, 3]");
    is(omn_upsample(s, p, 2), "[1, 18, 16, 3]");
    is(omn_argmax(s, x), "[2, 5]");
    m = omn_input(s, "m", OMN_I32, omn_dim2(3, 4));
    is(omn_gather(s, x, m), "[3, 4, 7]");
    is(omn_embedding(s, omn_weight(s, "t", omn_dim3(9, 2, 6), OMN_INIT_ZERO, 0), m),
       "[3, 4, 2, 6]");
    ck_assert_int_eq(omn_node_type(omn_gather(s, m, m)), OMN_I32);
    is(omn_vector_quantise(s, x, omn_weight(s, "q", omn_dim2(9, 7), OMN_INIT_ZERO, 0)), "[2, 5]");
    ck_assert_int_eq(omn_node_dim(x, -1), 7);
    ck_assert_str_eq(omn_scope_name(omn_scope_at(omn_scope_at(s, "a.b"), "c_%d", 2)), "a.b.c_2");
    ck_assert_str_eq(omn_scope_name(omn_scope_at(omn_scope_at(s, "a.b"), "/c")), "c");
    ck_assert_ptr_eq(omn_weight(omn_scope_at(s, "deep"), "/w", omn_dim2(4, 7), OMN_INIT_ZERO, 0),
                     omn_weight(s, "w", omn_dim2(4, 7), OMN_INIT_ZERO, 0));
    ck_assert(omn_weight_exists(omn_scope_at(s, "deep"), "/w") && !omn_weight_exists(s, "deep.w"));
    ck_assert(!omn_scope_failed(s));
    omn_bundle_put(out, s, "y", x);
}

START_TEST(what_fits_has_the_right_shape)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    omn_graph *g = rig_graph(r, "right", build_right, NULL);
    ck_assert_uint_eq(omn_graph_nodes(g), 0); /* nothing that an output needs */
    rig_close(r);
}
END_TEST

static void build_pair(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_bundle_put(out, s, "y", omn_add(s, in(s, "a", omn_dim1(2)), in(s, "b", omn_dim1(2))));
}

START_TEST(runs_say_what_is_wrong_with_inputs_and_outputs)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    omn_graph *g = rig_graph(r, "pair", build_pair, NULL);
    omn_tensor t;
    omn_error e = OMN_ERROR_INIT;
    rig_feed(r, "a", omn_dim1(2), NULL);
    ck_assert_int_eq(omn_exec_run(r->exec, g, r->feed, NULL, &e), OMN_ERR_MISSING);
    ck_assert_str_eq(e.text, "input 'b' was not given, [2] f32 is wanted");
    rig_feed(r, "b", omn_dim1(3), NULL);
    e = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_exec_run(r->exec, g, r->feed, NULL, &e), OMN_ERR_SHAPE);
    ck_assert_str_eq(e.text, "input 'b' is [3] f32, [2] f32 is wanted");
    e = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_exec_output(r->exec, g, "z", &t, &e), OMN_ERR_MISSING);
    e = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_exec_output(r->exec, g, "y", &t, &e), OMN_ERR_ARGUMENT);
    rig_close(r);
}
END_TEST

static void build_nothing(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user, (void)s, (void)out;
}

static void build_flat(void *user, omn_scope *s, omn_bundle *out)
{
    (void)user;
    omn_bundle_put(out, s, "loss", omn_sum(s, in(s, "a", omn_dim1(2)), 1, false, false));
}

START_TEST(graphs_without_output_or_gradient_are_refused)
{
    rig own = rig_open(&reference_compute, false), *r = &own;
    omn_graph *g;
    ck_assert_str_eq(rig_failure(r, build_nothing, NULL),
                     "graph 'bad' has no output and writes no state");
    r->err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_program_graph_gradient(r->program, "flat", build_flat, NULL, "loss", NULL,
                                                0, &g, &r->err),
                     OMN_ERR_ARGUMENT);
    ck_assert_str_eq(r->err.text, "gradient: the loss 'loss' depends on no weight that may change");
    r->err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_program_graph_gradient(r->program, "flat", build_flat, NULL, "lots", NULL,
                                                0, &g, &r->err),
                     OMN_ERR_ARGUMENT);
    ck_assert_str_eq(r->err.text, "there is no 'lots'; there is: loss");
    rig_close(r);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        what_does_not_fit_is_told_in_one_sentence,
        what_fits_has_the_right_shape,
        runs_say_what_is_wrong_with_inputs_and_outputs,
        graphs_without_output_or_gradient_are_refused,
    };
    return TESTING_RUN("graph/shapes", all, 10);
}
