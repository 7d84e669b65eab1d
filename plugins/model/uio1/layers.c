/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of a Unified-IO 1 layer (Lu et al. 2022, arXiv 2206.08916) by the names of the
 * published files: RMS norms, attention whose scores are not scaled, a gated feed-forward. Nothing
 * has a bias, and kernels are [in, out]. */
#include "uio1.h"

#include <stdio.h>

#define EPS 1e-6

/* Scopes are joined by dots, the files' paths by strokes: what stands below a scope whose name has
 * strokes is named by its whole path. */
omn_node *uio1_weight(omn_scope *s, const char *path, omn_shape want, omn_init_kind init, double a)
{
    char name[256];
    snprintf(name, sizeof name, "/%s/%s", omn_scope_name(s), path);
    return omn_weight(s, name, want, init, a);
}

omn_node *uio1_norm(omn_scope *s, const char *path, omn_node *x)
{
    char name[96];
    snprintf(name, sizeof name, "%s/scale", path);
    return omn_rms_norm(
        s, x, uio1_weight(s, name, omn_dim1(omn_node_dim(x, -1)), OMN_INIT_ONE, 0), EPS);
}

omn_node *uio1_linear(omn_scope *s, const char *path, omn_node *x, int64_t out)
{
    char name[96];
    const int64_t in = omn_node_dim(x, -1);
    snprintf(name, sizeof name, "%s/kernel", path);
    omn_node *w =
        uio1_weight(s, name, omn_dim2(in, out), OMN_INIT_NORMAL, 1 / __builtin_sqrt((double)in));
    return omn_linear_in_out(s, x, w, NULL, OMN_ACT_NONE);
}

/* [B,T,H K] -> [B,T,H,K] */
static omn_node *heads(const uio1 *u, omn_scope *s, const char *path, omn_node *x)
{
    const omn_shape shape = omn_dim4(omn_node_dim(x, 0), omn_node_dim(x, 1), u->H, u->K);
    x = omn_reshape(s, uio1_linear(s, path, x, u->H * u->K), shape);
    return omn_node_tag(s, x, "%s", path);
}

void uio1_keys(const uio1 *u, omn_scope *s, omn_node *y, omn_node **k, omn_node **v)
{
    *k = heads(u, s, "key", y);
    *v = heads(u, s, "value", y);
}

omn_node *uio1_attend(const uio1 *u, omn_scope *s, omn_node *x, omn_node *k, omn_node *v,
                      const omn_attend *how)
{
    omn_node *o = omn_attend_build(s, heads(u, s, "query", x), k, v, how);
    o = omn_reshape(s, o, omn_dim3(omn_node_dim(x, 0), omn_node_dim(x, 1), u->H * u->K));
    return omn_node_tag(s, uio1_linear(s, "out", o, u->D), "out");
}

omn_node *uio1_feed_forward(const uio1 *u, omn_scope *s, omn_node *x)
{
    omn_node *y = omn_node_tag(s, uio1_norm(s, "pre_mlp_layer_norm", x), "pre_mlp_layer_norm");
    omn_node *a = omn_node_tag(s, uio1_linear(s, "mlp/wi_0", y, u->mlp), "mlp.wi_0");
    omn_node *b = omn_node_tag(s, uio1_linear(s, "mlp/wi_1", y, u->mlp), "mlp.wi_1");
    y = uio1_linear(s, "mlp/wo", omn_glu(s, a, b, OMN_ACT_GELU_TANH), u->D);
    return omn_add(s, x, omn_node_tag(s, y, "mlp.wo"));
}
