/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures through a residual network (He et al. 2016) as Pix2Seq has it in front of its layers:
 * the stride sits on the 3 x 3 convolution of a bottleneck, every convolution is padded the same
 * before and after, the pool behind the stem as TensorFlow pads. Batch norms (Ioffe and Szegedy
 * 2015) take the statistics that they have learnt; in training those of the batch, of which the
 * learnt ones learn, unless these are frozen. */
#include "pix2seq.h"

#include <omnio/running.h>

#include <math.h>
#include <stdio.h>

#define EPS 1e-5
#define KEPT 0.9                    /* of a learnt statistic, each step */

const int *p2s_blocks(int depth)
{
    static const int blocks[][P2S_STAGES] = { { 3, 4, 6, 3 }, { 3, 4, 23, 3 }, { 3, 8, 36, 3 } };
    return depth == 50 ? blocks[0] : depth == 101 ? blocks[1] : depth == 152 ? blocks[2] : NULL;
}

int64_t p2s_cells(const struct p2s_image *p, int side)
{
    const int stride = 2 << p->stages;
    return p->stem == P2S_PATCHES ? side / p->patch : (side + stride - 1) / stride;
}

/* A learnt statistic behind a batch that has `now`. */
static void learn(omn_scope *s, omn_node *learnt, omn_node *now)
{
    omn_node *x = omn_scale(s, omn_weight_later(learnt), KEPT, 0);
    omn_weight_after(s, learnt, omn_add(s, x, omn_scale(s, now, 1 - KEPT, 0)));
}

/* A convolution without bias, its kernel [y, x, in, out]. */
static omn_node *convolve(omn_scope *s, const char *path, omn_node *x, int64_t out, int64_t size,
                          int stride)
{
    static const int turn[] = { 3, 2, 0, 1 };
    char name[224];
    const int64_t in = omn_node_dim(x, -1);
    const int32_t edge = (int32_t)((size - 1) / 2);
    const omn_conv how = { stride, stride, edge, edge, edge, edge };
    snprintf(name, sizeof name, "%.180s/conv2d", path);
    omn_node *w = p2s_weight(s, name, "kernel", omn_dim4(size, size, in, out), OMN_INIT_NORMAL,
                             1.4 / sqrt((double)(size * size * in)));
    return omn_conv2d(s, x, omn_permute(s, w, turn), NULL, &how, OMN_ACT_NONE);
}

static omn_node *normed(const struct p2s_image *p, omn_scope *s, const char *path, omn_node *x,
                        bool relu)
{
    char name[224];
    const omn_shape d = omn_dim1(omn_node_dim(x, -1));
    const uint32_t all = 1 | 2 | 4; /* pictures, lines, columns */
    snprintf(name, sizeof name, "%.180s/bn", path);
    omn_node *scale = p2s_weight(s, name, "gamma", d, OMN_INIT_ONE, 0);
    omn_node *bias = p2s_weight(s, name, "beta", d, OMN_INIT_ZERO, 0);
    omn_node *mean = p2s_weight(s, name, "moving_mean", d, OMN_INIT_ZERO, 0);
    omn_node *var = p2s_weight(s, name, "moving_variance", d, OMN_INIT_ONE, 0);
    if (omn_weight_moves(mean) && !p->still) {
        omn_node *now = omn_sum(s, x, all, false, true);
        learn(s, mean, now);
        x = omn_add(s, x, omn_scale(s, now, -1, 0));
        now = omn_sum(s, omn_mul(s, x, x), all, false, true);
        learn(s, var, now);
        var = now;
    } else {
        /* what is measured is not learnt by descent */
        var = omn_stop_gradient(s, var);
        x = omn_add(s, x, omn_scale(s, omn_stop_gradient(s, mean), -1, 0));
    }
    var = omn_activate(s, omn_scale(s, var, 1, EPS), OMN_ACT_RSQRT);
    x = omn_add(s, omn_mul(s, x, omn_mul(s, var, scale)), bias);
    return relu ? omn_activate(s, x, OMN_ACT_RELU) : x;
}

/* To `filters` channels, there 3 x 3, and back to four times as many, joined by what came in. */
static omn_node *bottleneck(const struct p2s_image *p, omn_scope *s, const char *path, omn_node *x,
                            int64_t filters, int stride, bool first)
{
    static const struct {
        int conv, norm, size;
    } parts[] = { { 0, 1, 1 }, { 3, 4, 3 }, { 6, 7, 1 } };
    char name[224];
    omn_node *beside = x, *y = x;
    if (first) {
        snprintf(name, sizeof name, "%.150s/projection_layers/0", path);
        beside = convolve(s, name, x, 4 * filters, 1, stride);
        snprintf(name, sizeof name, "%.150s/projection_layers/1", path);
        beside = normed(p, s, name, beside, false);
    }
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%.150s/conv_relu_dropblock_layers/%d", path, parts[i].conv);
        y = convolve(s, name, y, i < 2 ? filters : 4 * filters, parts[i].size,
                     i == 1 ? stride : 1);
        snprintf(name, sizeof name, "%.150s/conv_relu_dropblock_layers/%d", path, parts[i].norm);
        y = normed(p, s, name, y, i < 2);
    }
    return omn_activate(s, omn_add(s, y, beside), OMN_ACT_RELU);
}

/* Pixels that a pool of 3 with stride 2 pads, as TensorFlow does: as few as cover the side, the odd
 * one behind. */
static int32_t padding(int64_t side, bool before)
{
    const int64_t out = (side + 1) / 2, all = (out - 1) * 2 + 3 - side;
    return (int32_t)(before ? all / 2 : all - all / 2);
}

omn_node *p2s_resnet(const struct p2s_image *p, omn_scope *s, omn_node *x)
{
    static const char stem[] = "encoder/resnet/initial_conv_relu_max_pool";
    omn_scope *top = omn_scope_at(s, "/");
    const int *blocks = p2s_blocks(p->depth);
    char name[160];
    snprintf(name, sizeof name, "%s/0", stem);
    x = convolve(s, name, x, p->base, 7, 2);
    snprintf(name, sizeof name, "%s/2", stem);
    x = normed(p, s, name, x, true);
    const int64_t h = omn_node_dim(x, 1), w = omn_node_dim(x, 2);
    const omn_conv how = { 2, 2, padding(h, true), padding(w, true), padding(h, false),
                           padding(w, false) };
    x = omn_node_tag(top, omn_pool2d(s, x, OMN_POOL_MAX, 3, 3, &how), "resnet.stem");
    for (int g = 0; blocks && g < p->stages; g++) {
        for (int b = 0; b < blocks[g]; b++) {
            omn_scope *at = omn_scope_at(s, "/resnet.group.%d.%d", g, b);
            snprintf(name, sizeof name, "encoder/resnet/block_groups/%d/layers/%d", g, b);
            x = bottleneck(p, at, name, x, (int64_t)p->base << g, g > 0 && b == 0 ? 2 : 1,
                           b == 0);
        }
        omn_node_tag(top, x, "resnet.group.%d", g);
    }
    return x;
}
