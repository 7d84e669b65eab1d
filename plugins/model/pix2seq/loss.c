/* SPDX-License-Identifier: Apache-2.0 */
/* objective weighted-mean: the cross-entropy of what is wanted, with labels softened if asked
 * (Szegedy et al. 2016), as the mean by the tokens' weights, however small all of them are: sum of
 * weight * cost over sum of weights + 1e-9. */
#include "pix2seq.h"

#include <stdio.h>
#include <stdlib.h>

#define NEVER_ZERO 1e-9

static omn_status open_loss(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)o;
    struct p2s_loss *p = malloc(sizeof *p);
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "weighted-mean: out of memory");
    *p = *(const struct p2s_loss *)params;
    *self = p;
    return OMN_OK;
}

/* omn_cross_entropy divides by max(sum of weights, 1): that is taken back. */
static omn_node *mean(omn_scope *s, omn_node *loss, omn_node *weight)
{
    const uint32_t all = (1u << omn_node_shape(weight).rank) - 1;
    omn_node *sum = omn_reshape(s, omn_sum(s, weight, all, true, false), omn_dim1(1));
    omn_node *most = omn_scale(s, omn_activate(s, omn_scale(s, sum, 1, -1), OMN_ACT_RELU), 1, 1);
    omn_node *root = omn_activate(s, omn_scale(s, sum, 1, NEVER_ZERO), OMN_ACT_RSQRT);
    return omn_mul(s, omn_mul(s, loss, most), omn_mul(s, root, root));
}

static omn_node *loss(const void *self, omn_scope *s, const omn_bundle *outputs,
                      const omn_target *const *targets, uint32_t n_targets, omn_bundle *out)
{
    const struct p2s_loss *p = self;
    omn_node *sum = NULL;
    for (uint32_t i = 0; i < n_targets; i++) {
        const omn_target *t = targets[i];
        const char *role = omn_part_role(t->part);
        const omn_ce ce = { OMN_FILL(omn_ce), .smoothing = p->smoothing };
        omn_node *each = NULL;
        char name[96];
        snprintf(name, sizeof name, "logits.%s", role);
        omn_node *one = omn_cross_entropy(s, omn_bundle_get(outputs, s, name), t->labels, t->weight,
                                          &ce, &each);
        one = mean(s, one, t->weight);
        snprintf(name, sizeof name, "loss.%s", role);
        omn_bundle_put(out, s, name, one);
        snprintf(name, sizeof name, "nll.%s", role);
        omn_bundle_put(out, s, name, each);
        sum = sum ? omn_add(s, sum, one) : one;
    }
    return sum;
}

const omn_objective_impl p2s_loss_impl = { NULL, open_loss, free, loss };
