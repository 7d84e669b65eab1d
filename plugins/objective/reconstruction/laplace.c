/* SPDX-License-Identifier: Apache-2.0 */
/* The loss of a discrete VAE (Ramesh et al. 2021, appendix A.2 and A.3). Numbers of a picture lie
 * between 0 and 1, so that their logits are Laplace-distributed about a mean mu with a spread b:
 *
 *   -log f(x) = log(2 b x (1 - x)) + |logit(x) - mu| / b
 *
 * and the codes cost what their distribution differs from all being as likely,
 *
 *   KL = sum_k q_k (log q_k + log V)
 *
 * Both are sums over the picture, divided by its numbers; the second has a weight that follows the
 * step, the number "kl" of the recipe's schedules. */
#include "reconstruction.h"

#include <math.h>
#include <stdlib.h>

enum { ALL_FOUR = 15 };                   /* axes of a sum */

static omn_status open_loss(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)o;
    struct laplace *p = malloc(sizeof *p);
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "logit-laplace: out of memory");
    *p = *(const struct laplace *)params;
    *self = p;
    return OMN_OK;
}

static omn_node *minus(omn_scope *s, omn_node *a, omn_node *b)
{
    return omn_add(s, a, omn_scale(s, b, -1, 0));
}

/* The mean over all numbers of -log f(x), [1]. */
static omn_node *surprise(omn_scope *s, omn_node *x, omn_node *made)
{
    const int64_t C = omn_node_dim(x, -1);
    omn_node *mu = omn_slice(s, made, -1, 0, C), *spread = omn_slice(s, made, -1, C, C);
    omn_node *yes = omn_activate(s, x, OMN_ACT_LOG);
    omn_node *no = omn_activate(s, omn_scale(s, x, -1, 1), OMN_ACT_LOG);
    omn_node *off = omn_activate(s, minus(s, minus(s, yes, no), mu), OMN_ACT_ABS);
    omn_node *sharp = omn_activate(s, omn_scale(s, spread, -1, 0), OMN_ACT_EXP);
    omn_node *all = omn_add(s, omn_add(s, yes, no), omn_add(s, spread, omn_mul(s, off, sharp)));
    all = omn_reshape(s, omn_sum(s, all, ALL_FOUR, false, true), omn_dim1(1));
    return omn_scale(s, all, 1, log(2));
}

/* The mean over places of KL, [1]. */
static omn_node *divergence(omn_scope *s, omn_node *scores)
{
    omn_node *share = omn_softmax(s, scores), *log_share = omn_log_softmax(s, scores);
    const double V = (double)omn_node_dim(scores, -1);
    omn_node *all = omn_mul(s, share, omn_scale(s, log_share, 1, log(V)));
    return omn_scale(s, omn_reshape(s, omn_sum(s, all, ALL_FOUR, false, true), omn_dim1(1)), V, 0);
}

static omn_node *loss(const void *self, omn_scope *s, const omn_bundle *outputs,
                      const omn_target *const *targets, uint32_t n_targets, omn_bundle *out)
{
    const struct laplace *p = self;
    (void)targets;
    (void)n_targets;
    omn_node *x = omn_bundle_find(outputs, p->wanted), *made = omn_bundle_find(outputs, p->made);
    omn_node *scores = omn_bundle_find(outputs, p->scores);
    if (!x || !made || !scores)
        return omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                              "logit-laplace: the model has no output \"%s\"",
                              !x ? p->wanted : !made ? p->made : p->scores);
    const omn_shape a = omn_node_shape(x), b = omn_node_shape(made), c = omn_node_shape(scores);
    if (a.rank != 4 || b.rank != 4 || c.rank != 4 || a.dim[0] != b.dim[0] || a.dim[1] != b.dim[1] ||
        a.dim[2] != b.dim[2] || 2 * a.dim[3] != b.dim[3] || c.dim[0] != a.dim[0])
        return omn_scope_fail(s, OMN_ERR_SHAPE,
                              "logit-laplace: \"%s\" [B,H,W,C], \"%s\" [B,H,W,2C] and \"%s\" "
                              "[B,h,w,V] do not fit", p->wanted, p->made, p->scores);
    /* of each picture the sum over places, divided by its numbers */
    const double share = (double)(c.dim[1] * c.dim[2]) / (double)(a.dim[1] * a.dim[2] * a.dim[3]);
    omn_node *again = surprise(s, x, made), *codes = divergence(s, scores);
    omn_bundle_put(out, s, "surprise.image", again);
    omn_bundle_put(out, s, "divergence.image", codes);
    omn_node *weight = omn_input(s, "schedule.kl", OMN_F32, omn_dim1(1));
    return omn_add(s, again, omn_scale(s, omn_mul(s, codes, weight), share, 0));
}

const omn_objective_impl laplace_impl = { NULL, open_loss, free, loss };
