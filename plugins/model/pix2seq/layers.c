/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of Pix2Seq (Chen et al. 2022, "A Unified Sequence Interface for Vision Tasks") under
 * the keys of its checkpoints, in TensorFlow's layouts: dense kernels [in, out], those of attention
 * [in, heads, width] and [heads, width, out]. Pre-norm, biases everywhere. */
#include "pix2seq.h"

#include <math.h>
#include <stdio.h>

#define EPS 1e-6
#define BASE 1e4                    /* of the frequencies of positions */
#define TURN 6.2831852              /* from the first to the last of them */

omn_node *p2s_weight(omn_scope *s, const char *path, const char *leaf, omn_shape want,
                     omn_init_kind init, double a)
{
    char name[256];
    const int n = snprintf(name, sizeof name, "/model/%s/%s", path, leaf);
    if (n < 0 || (size_t)n >= sizeof name)
        return omn_scope_fail(s, OMN_ERR_INTERNAL, "pix2seq: a weight's name is too long");
    return omn_weight(s, name, want, init, a);
}

omn_node *p2s_norm(omn_scope *s, const char *path, omn_node *x)
{
    const omn_shape d = omn_dim1(omn_node_dim(x, -1));
    return omn_layer_norm(s, x, p2s_weight(s, path, "gamma", d, OMN_INIT_ONE, 0),
                          p2s_weight(s, path, "beta", d, OMN_INIT_ZERO, 0), EPS);
}

/* A kernel sums over its first sizes, not its last ones, so the spread is said as a number. */
static double spread(int64_t in)
{
    return in > 0 ? 1 / sqrt((double)in) : 0;
}

omn_node *p2s_dense(omn_scope *s, const char *path, omn_node *x, int64_t out)
{
    const int64_t in = omn_node_dim(x, -1);
    omn_node *w = p2s_weight(s, path, "kernel", omn_dim2(in, out), OMN_INIT_NORMAL, spread(in));
    return omn_linear_in_out(s, x, w, p2s_weight(s, path, "bias", omn_dim1(out), OMN_INIT_ZERO, 0),
                             OMN_ACT_NONE);
}

omn_node *p2s_heads(omn_scope *s, const p2s_attention *a, const char *which, omn_node *x)
{
    char path[224];
    const int64_t in = omn_node_dim(x, -1), H = a->heads, K = a->width;
    snprintf(path, sizeof path, "%.160s/%s", a->path, which);
    omn_node *w = p2s_weight(s, path, "kernel", omn_dim3(in, H, K), OMN_INIT_NORMAL, spread(in));
    omn_node *b = p2s_weight(s, path, "bias", omn_dim2(H, K), OMN_INIT_ZERO, 0);
    omn_node *y = omn_linear_in_out(s, x, omn_reshape(s, w, omn_dim2(in, H * K)),
                                    omn_reshape(s, b, omn_dim1(H * K)), OMN_ACT_NONE);
    return omn_reshape(s, y, omn_dim4(omn_node_dim(x, 0), omn_node_dim(x, 1), H, K));
}

omn_node *p2s_output(omn_scope *s, const p2s_attention *a, omn_node *x, int64_t out)
{
    char path[224];
    const int64_t H = a->heads, K = a->width;
    snprintf(path, sizeof path, "%.160s/_output_dense", a->path);
    omn_node *w = p2s_weight(s, path, "kernel", omn_dim3(H, K, out), OMN_INIT_NORMAL,
                             spread(H * K));
    x = omn_reshape(s, x, omn_dim3(omn_node_dim(x, 0), omn_node_dim(x, 1), H * K));
    return omn_linear_in_out(s, x, omn_reshape(s, w, omn_dim2(H * K, out)),
                             p2s_weight(s, path, "bias", omn_dim1(out), OMN_INIT_ZERO, 0),
                             OMN_ACT_NONE);
}

omn_node *p2s_mlp(omn_scope *s, const char *path, omn_node *x, int64_t inner)
{
    char name[224];
    const int64_t out = omn_node_dim(x, -1);
    snprintf(name, sizeof name, "%.180s/layernorms/0", path);
    omn_node *y = p2s_norm(s, name, x);
    snprintf(name, sizeof name, "%.180s/mlp_layers/0/dense1", path);
    y = omn_activate(s, p2s_dense(s, name, y, inner), OMN_ACT_GELU_ERF);
    snprintf(name, sizeof name, "%.180s/mlp_layers/0/dense2", path);
    return p2s_dense(s, name, y, out);
}

void p2s_sine_rows(size_t h, size_t w, size_t width, float *out)
{
    const size_t n = h * w;
    if (h > 1 && w > 1) {
        omn_sine_table_2d(h, w, width, BASE, true, OMN_SINE_HALVES, out);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const double at = n > 1 ? (double)i / (double)(n - 1) * TURN : 0;
        omn_sine_table(&at, 1, width, BASE, OMN_SINE_HALVES, out + i * width);
    }
}

omn_node *p2s_sines(omn_scope *s, int64_t h, int64_t w, int64_t width)
{
    float *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(h * w * width), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "pix2seq: out of memory");
    p2s_sine_rows((size_t)h, (size_t)w, (size_t)width, x);
    return omn_const(s, OMN_F32, omn_dim3(1, h * w, width), x);
}
