/* SPDX-License-Identifier: Apache-2.0 */
/* Layers by the names that flax gives them: NAME/kernel [in,out], a norm's NAME/scale, attention
 * with its heads apart. */
#include "uvim.h"

#include <math.h>
#include <stdio.h>

#define EPS 1e-6
enum { MOST_NAME = 192 };

omn_node *uvim_weight(omn_scope *s, const char *path, const char *leaf, omn_shape shape,
                      omn_init_kind init, double a)
{
    char name[MOST_NAME];
    const int n = snprintf(name, sizeof name, "/%s/%s", path, leaf);
    if (n < 0 || n >= MOST_NAME)
        return omn_scope_fail(s, OMN_ERR_INTERNAL, "uvim: a weight's name is too long");
    return omn_weight(s, name, shape, init, a);
}

omn_node *uvim_norm(omn_scope *s, const char *path, omn_node *x)
{
    const omn_shape d = omn_dim1(omn_node_dim(x, -1));
    return omn_layer_norm(s, x, uvim_weight(s, path, "scale", d, OMN_INIT_ONE, 0),
                          uvim_weight(s, path, "bias", d, OMN_INIT_ZERO, 0), EPS);
}

/* A kernel sums over its first sizes, so the spread is said as a number. */
static double spread(int64_t in) { return in > 0 ? 1 / sqrt((double)in) : 0; }

omn_node *uvim_dense(omn_scope *s, const char *path, omn_node *x, int64_t out)
{
    const int64_t in = omn_node_dim(x, -1);
    omn_node *w =
        uvim_weight(s, path, "kernel", omn_dim2(in, out), OMN_INIT_NORMAL, spread(in));
    omn_node *b = uvim_weight(s, path, "bias", omn_dim1(out), OMN_INIT_ZERO, 0);
    return omn_linear_in_out(s, x, w, b, OMN_ACT_NONE);
}

omn_node *uvim_mlp(omn_scope *s, const char *path, omn_node *x, int64_t inner)
{
    char in[MOST_NAME], out[MOST_NAME];
    omn_format(in, sizeof in, "%s/Dense_0", path);
    omn_format(out, sizeof out, "%s/Dense_1", path);
    omn_node *y = omn_activate(s, uvim_dense(s, in, x, inner), OMN_ACT_GELU_TANH);
    return uvim_dense(s, out, y, omn_node_dim(x, -1));
}

omn_node *uvim_heads(omn_scope *s, const char *path, const char *name, omn_node *x, int64_t H,
                     bool bias)
{
    char of[MOST_NAME];
    const int64_t in = omn_node_dim(x, -1), D = in, K = D / H;
    omn_format(of, sizeof of, "%s/%s", path, name);
    omn_node *w = uvim_weight(s, of, "kernel", omn_dim3(in, H, K), OMN_INIT_NORMAL, spread(in));
    omn_node *b = NULL;
    if (bias)
        b = omn_reshape(s, uvim_weight(s, of, "bias", omn_dim2(H, K), OMN_INIT_ZERO, 0),
                        omn_dim1(D));
    omn_node *y = omn_linear_in_out(s, x, omn_reshape(s, w, omn_dim2(in, D)), b, OMN_ACT_NONE);
    return omn_reshape(s, y, omn_dim4(omn_node_dim(x, 0), omn_node_dim(x, 1), H, K));
}

omn_node *uvim_join(omn_scope *s, const char *path, omn_node *x, bool bias)
{
    char of[MOST_NAME];
    const int64_t H = omn_node_dim(x, 2), K = omn_node_dim(x, 3), D = H * K;
    omn_format(of, sizeof of, "%s/out", path);
    omn_node *w = uvim_weight(s, of, "kernel", omn_dim3(H, K, D), OMN_INIT_NORMAL, spread(D));
    omn_node *b = bias ? uvim_weight(s, of, "bias", omn_dim1(D), OMN_INIT_ZERO, 0) : NULL;
    x = omn_reshape(s, x, omn_dim3(omn_node_dim(x, 0), omn_node_dim(x, 1), D));
    return omn_linear_in_out(s, x, omn_reshape(s, w, omn_dim2(D, D)), b, OMN_ACT_NONE);
}

omn_node *uvim_layers(omn_scope *s, const char *path, int64_t depth, int64_t H, int64_t mlp,
                      omn_node *x)
{
    const omn_attend how = { OMN_FILL(omn_attend) };
    char at[MOST_NAME];
    for (int64_t i = 0; i < depth; i++) {
        omn_format(at, sizeof at, "%s/encoderblock_%d/LayerNorm_0", path, (int)i);
        omn_node *y = uvim_norm(s, at, x);
        omn_format(at, sizeof at, "%s/encoderblock_%d/MultiHeadDotProductAttention_0", path,
                   (int)i);
        omn_node *q = uvim_heads(s, at, "query", y, H, true);
        omn_node *k = uvim_heads(s, at, "key", y, H, true);
        omn_node *v = uvim_heads(s, at, "value", y, H, true);
        x = omn_add(s, x, uvim_join(s, at, omn_attend_build(s, q, k, v, &how), true));
        omn_format(at, sizeof at, "%s/encoderblock_%d/LayerNorm_1", path, (int)i);
        y = uvim_norm(s, at, x);
        omn_format(at, sizeof at, "%s/encoderblock_%d/MlpBlock_0", path, (int)i);
        x = omn_add(s, x, uvim_mlp(s, at, y, mlp));
    }
    omn_format(at, sizeof at, "%s/encoder_norm", path);
    return uvim_norm(s, at, x);
}

omn_node *uvim_places(omn_scope *s, const char *name, omn_node *x)
{
    char full[MOST_NAME];
    omn_format(full, sizeof full, "/%s", name);
    return omn_add(s, x, omn_weight(s, full, omn_dim3(1, omn_node_dim(x, 1), omn_node_dim(x, 2)),
                                    OMN_INIT_NORMAL, 0.02));
}
