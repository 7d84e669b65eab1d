/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution and batch norm as one: where the statistics are known the mean is the convolution's
 * bias, so that it costs no pass of its own. */
#include "conv_norm.h"

#include <omnio/running.h>

#define EVERYWHERE (1u | 2u | 4u)         /* rows, lines, columns */

static omn_node *vector(omn_scope *s, const char *name, int64_t n, omn_init_kind init)
{
    return omn_weight(s, name, omn_dim1(n), init, 0);
}

/* A learnt statistic behind a batch that has `now`: 0.9 of it are kept. */
static void learn(omn_scope *s, omn_node *learnt, omn_node *now, double factor)
{
    omn_node *x = omn_scale(s, omn_weight_later(learnt), 0.9, 0);
    omn_weight_after(s, learnt, omn_add(s, x, omn_scale(s, now, 0.1 * factor, 0)));
}

/* y less its mean over the batch; *var: that of the batch instead of the learnt one. */
static omn_node *centre(omn_scope *ns, omn_node *y, omn_node *mean, omn_node **var)
{
    const double n = (double)(omn_node_dim(y, 0) * omn_node_dim(y, 1) * omn_node_dim(y, 2));
    omn_node *now = omn_sum(ns, y, EVERYWHERE, false, true);
    y = omn_add(ns, y, omn_scale(ns, now, -1, 0));
    omn_node *spread = omn_sum(ns, omn_mul(ns, y, y), EVERYWHERE, false, true);
    learn(ns, mean, now, 1);
    learn(ns, *var, spread, n > 1 ? n / (n - 1) : 1);
    *var = spread;
    return y;
}

omn_node *conv_norm_build(omn_scope *s, const conv_norm *n, omn_node *x)
{
    const int32_t apart = n->apart ? n->apart : 1, edge = (int32_t)(n->size / 2) * apart;
    const omn_conv how = { n->stride, n->stride, edge, edge, edge, edge };
    omn_scope *cs = omn_scope_at(s, "%s", n->conv), *ns = omn_scope_at(s, "%s", n->norm);
    omn_node *w = omn_weight(cs, "weight",
                             omn_dim4(n->out, omn_node_dim(x, -1), n->size, n->size),
                             OMN_INIT_FAN_IN, 1.4);
    omn_node *scale = vector(ns, "weight", n->out, OMN_INIT_ONE);
    omn_node *bias = vector(ns, "bias", n->out, OMN_INIT_ZERO);
    omn_node *mean = vector(ns, "running_mean", n->out, OMN_INIT_ZERO);
    omn_node *var = vector(ns, "running_var", n->out, OMN_INIT_ONE), *y;
    if (omn_weight_moves(mean) && !n->stored) {
        y = centre(ns, omn_conv2d_dilated(cs, x, w, NULL, &how, apart, apart, OMN_ACT_NONE), mean,
                   &var);
    } else {
        /* what is measured is not learnt by descent */
        mean = omn_stop_gradient(ns, mean);
        var = omn_stop_gradient(ns, var);
        y = omn_conv2d_dilated(cs, x, w, omn_scale(ns, mean, -1, 0), &how, apart, apart,
                               OMN_ACT_NONE);
    }
    var = omn_activate(ns, omn_scale(ns, var, 1, n->eps), OMN_ACT_RSQRT);
    y = omn_add(ns, omn_mul(ns, y, omn_mul(ns, var, scale)), bias);
    return n->act == OMN_ACT_NONE ? y : omn_activate(ns, y, n->act);
}
