/* SPDX-License-Identifier: Apache-2.0 */
/* objective/binary: each id on its own, is it right or not: for questions that have several
 * answers, each more or less right. The places of a row say which ids are right, their weights how
 * much (0..1); the scores are those of the first place, for all of a row have the same. What a row
 * costs is the sum over all ids of the cross-entropy of their sigmoid (softplus(l) - y l), the loss
 * is the mean over rows: as VQA is learnt, the mean over ids times how many they are. */
#include <omnio/learn.h>

#include <stdio.h>
#include <stdlib.h>

static omn_status open_loss(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)params;
    (void)o;
    (void)self;
    (void)err;
    return OMN_OK;
}

static void close_loss(void *self)
{
    (void)self;
}

/* ln(1 + exp(x)) = max(x, 0) + ln(1 + exp(-|x|)) */
static omn_node *softplus(omn_scope *s, omn_node *x)
{
    omn_node *far = omn_activate(s, omn_scale(s, omn_activate(s, x, OMN_ACT_ABS), -1, 0),
                                 OMN_ACT_EXP);
    return omn_add(s, omn_activate(s, x, OMN_ACT_RELU),
                   omn_activate(s, omn_scale(s, far, 1, 1), OMN_ACT_LOG));
}

/* sum over all places of weight * logit of the label: ln p of the labels, and what p is taken
 * of. */
static omn_node *wanted(omn_scope *s, const omn_target *t, omn_node *logits, omn_node *first)
{
    const omn_shape bt = omn_node_shape(t->weight);
    const int64_t B = bt.dim[0], T = bt.dim[1];
    const omn_ce plain = { OMN_FILL(omn_ce) };
    omn_node *each = NULL, *w = omn_reshape(s, t->weight, omn_dim2(1, B * T));
    omn_node *nll = omn_cross_entropy(s, logits, t->labels, t->weight, &plain, &each);
    omn_node *all = omn_reshape(s, omn_sum(s, w, 1u << 1, true, false), omn_dim1(1));
    /* the op divides by the sum of the weights, and by 1 where that is less */
    omn_node *by = omn_scale(s, omn_activate(s, omn_scale(s, all, 1, -1), OMN_ACT_RELU), 1, 1);
    omn_node *one = omn_slice(s, first, 1, 0, 1);
    omn_node *lse = omn_add(s, one,
                            omn_scale(s, omn_slice(s, omn_log_softmax(s, first), 1, 0, 1), -1, 0));
    omn_node *sums = omn_sum(s, t->weight, 1u << 1, true, false);             /* [B,1] */
    omn_node *base = omn_sum(s, omn_mul(s, lse, sums), 3, true, false);
    return omn_add(s, omn_reshape(s, base, omn_dim1(1)),
                   omn_scale(s, omn_mul(s, nll, by), -1, 0));
}

static omn_node *one(omn_scope *s, const omn_bundle *outputs, const omn_target *t, omn_bundle *out)
{
    const char *role = omn_part_role(t->part);
    char name[96];
    snprintf(name, sizeof name, "logits.%s", role);
    omn_node *logits = omn_bundle_get(outputs, s, name);
    const int64_t B = omn_node_dim(logits, 0), V = omn_node_dim(logits, -1);
    omn_node *first = omn_reshape(s, omn_slice(s, logits, 1, 0, 1), omn_dim2(B, V));
    omn_node *all = omn_reshape(s, omn_sum(s, softplus(s, first), 3, true, false), omn_dim1(1));
    omn_node *x = omn_add(s, all, omn_scale(s, wanted(s, t, logits, first), -1, 0));
    x = omn_scale(s, x, 1 / (double)B, 0);
    snprintf(name, sizeof name, "loss.%s", role);
    omn_bundle_put(out, s, name, x);
    return x;
}

static omn_node *loss(const void *self, omn_scope *s, const omn_bundle *outputs,
                      const omn_target *const *targets, uint32_t n_targets, omn_bundle *out)
{
    omn_node *sum = NULL;
    (void)self;
    for (uint32_t i = 0; i < n_targets; i++) {
        omn_node *x = one(s, outputs, targets[i], out);
        sum = sum ? omn_add(s, sum, x) : x;
    }
    return sum;
}

static const omn_objective_impl impl = { NULL, open_loss, close_loss, loss };
static const omn_object objects[] = {
    { "omnio.objective/1", "binary", "each id right or not on its own", &impl, NULL, 0, 0 },
};
OMN_PLUGIN("objective-binary", "0.1.0", "Apache-2.0", "answers more or less right as objective",
           objects);
