/* SPDX-License-Identifier: Apache-2.0 */
/* Contrastive alignment (Kamath et al. 2021, section 2.2.2): a thing is near to the words that it
 * is called by, and they to it. Words of padding count for nothing: the program of the paper lets
 * them stand among the words that a thing is far from. */
#include "detection.h"

#define LEAST 1e-6                        /* added to how many belong, as the program has it */
#define HIDDEN 1e9

/* log of the sum of exp along the last axis of [B,N,M]: [B,N,1]. */
static omn_node *log_sum(omn_scope *s, omn_node *x)
{
    omn_node *one = omn_slice(s, x, 2, 0, 1);
    omn_node *p = omn_slice(s, omn_log_softmax(s, x), 2, 0, 1);
    return omn_add(s, one, omn_scale(s, p, -1, 0));
}

/* Of each row of scores [B,N,M] that something belongs to: how unlikely those are among all that
 * `among` leaves. */
static omn_node *half(omn_scope *s, omn_node *scores, omn_node *among, omn_node *belongs)
{
    omn_node *count = omn_sum(s, belongs, 1u << 2, true, false);
    /* 1 where there is one at least */
    omn_node *any = omn_scale(s, omn_activate(s, omn_scale(s, count, -1, 1), OMN_ACT_RELU), -1, 1);
    omn_node *near = omn_sum(s, omn_mul(s, scores, belongs), 1u << 2, true, false);
    near = omn_mul(s, near, detection_inverse(s, omn_scale(s, count, 1, LEAST)));
    omn_node *each = omn_add(s, log_sum(s, among), omn_scale(s, near, -1, 0));
    return omn_sum(s, omn_mul(s, each, any), 7, true, false);
}

omn_node *detection_align(omn_scope *s, omn_node *rows, omn_node *words, omn_node *real,
                          omn_node *belongs, double temperature)
{
    static const int turned[] = { 0, 2, 1 };
    const int64_t B = omn_node_dim(rows, 0), L = omn_node_dim(words, 1);
    omn_node *scores = omn_matmul(s, rows, words, false, true, 1 / temperature);
    omn_node *hide = omn_scale(s, omn_reshape(s, real, omn_dim3(B, 1, L)), HIDDEN, -HIDDEN);
    omn_node *back = omn_permute(s, scores, turned);
    omn_node *sum = omn_add(s, half(s, scores, omn_add(s, scores, hide), belongs),
                            half(s, back, back, omn_permute(s, belongs, turned)));
    return omn_reshape(s, omn_scale(s, sum, 0.5, 0), omn_dim1(1));
}
