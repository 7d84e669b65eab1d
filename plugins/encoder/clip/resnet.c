/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures through CLIP's residual network (He et al. 2016, changed): three convolutions as a stem,
 * every stride an average of neighbours instead (so that nothing aliases), and at the end attention
 * of the mean place over all places instead of their mean. Batch norms (Ioffe and Szegedy 2015)
 * take the statistics that they have learnt; in training those of the batch, and say what the
 * learnt ones become: outputs "after.NAME". */
#include "clip.h"

#include <stdio.h>

static omn_node *vector(omn_scope *s, const char *name, int64_t n, omn_init_kind init)
{
    return omn_weight(s, name, omn_dim1(n), init, 0);
}

/* What a learnt statistic is after a batch that has `now`; kept at 0.9. */
static void learn(omn_scope *s, const char *name, omn_node *learnt, omn_node *now, double factor)
{
    omn_node *x = omn_add(s, omn_scale(s, learnt, 0.9, 0), omn_scale(s, now, 0.1 * factor, 0));
    omn_node_tag(omn_scope_at(s, "/"), x, "after.%s.%s", omn_scope_name(s), name);
}

/* (x - mean) / sqrt(variance + eps) * weight + bias of a convolution x w; its bias is the first
 * term, so that the mean costs no pass of its own. */
static omn_node *conv_norm(omn_scope *s, const char *conv, const char *norm, omn_node *x,
                           int64_t out, int64_t size, int stride, omn_act act)
{
    const int32_t stride32 = stride, edge = (int32_t)(size / 2);
    const omn_conv how = { stride32, stride32, edge, edge, edge, edge };
    omn_scope *cs = omn_scope_at(s, "%s", conv), *ns = omn_scope_at(s, "%s", norm);
    omn_node *w = omn_weight(cs, "weight", omn_dim4(out, omn_node_dim(x, -1), size, size),
                             OMN_INIT_FAN_IN, 1.4);
    omn_node *scale = vector(ns, "weight", out, OMN_INIT_ONE);
    omn_node *bias = vector(ns, "bias", out, OMN_INIT_ZERO);
    omn_node *mean = vector(ns, "running_mean", out, OMN_INIT_ZERO);
    omn_node *var = vector(ns, "running_var", out, OMN_INIT_ONE), *y;
    if (omn_scope_training(s)) {
        const uint32_t all = 1 | 2 | 4;               /* rows, lines, columns */
        y = omn_conv2d(cs, x, w, NULL, &how, OMN_ACT_NONE);
        const double n = (double)(omn_node_dim(y, 0) * omn_node_dim(y, 1) * omn_node_dim(y, 2));
        omn_node *now = omn_sum(ns, y, all, false, true);
        y = omn_add(ns, y, omn_scale(ns, now, -1, 0));
        omn_node *spread = omn_sum(ns, omn_mul(ns, y, y), all, false, true);
        learn(ns, "running_mean", mean, now, 1);
        learn(ns, "running_var", var, spread, n > 1 ? n / (n - 1) : 1);
        var = spread;
    } else {
        y = omn_conv2d(cs, x, w, omn_scale(ns, mean, -1, 0), &how, OMN_ACT_NONE);
    }
    var = omn_activate(ns, omn_scale(ns, var, 1, CLIP_EPS), OMN_ACT_RSQRT);
    y = omn_add(ns, omn_mul(ns, y, omn_mul(ns, var, scale)), bias);
    return act == OMN_ACT_NONE ? y : omn_activate(ns, y, act);
}

static omn_node *average(omn_scope *s, omn_node *x, int stride)
{
    const omn_conv how = { .stride_y = stride, .stride_x = stride };
    return stride > 1 ? omn_pool2d(s, x, OMN_POOL_AVG, stride, stride, &how) : x;
}

/* A bottleneck: to `planes` channels, there 3 x 3, and back to four times as many; beside it what
 * came in, brought to the same form where that differs. */
static omn_node *bottleneck(omn_scope *s, const char *stage, omn_node *x, int64_t planes,
                            int stride)
{
    omn_scope *top = omn_scope_at(s, "/");
    omn_node *beside = x;
    omn_node *y = conv_norm(s, "conv1", "bn1", x, planes, 1, 1, OMN_ACT_RELU);
    omn_node_tag(top, y, "%s.relu1", stage);
    y = conv_norm(s, "conv2", "bn2", y, planes, 3, 1, OMN_ACT_RELU);
    omn_node_tag(top, y, "%s.relu2", stage);
    y = omn_node_tag(top, average(s, y, stride), "%s.avgpool", stage);
    y = conv_norm(s, "conv3", "bn3", y, 4 * planes, 1, 1, OMN_ACT_NONE);
    omn_node_tag(top, y, "%s.bn3", stage);
    if (stride > 1 || omn_node_dim(x, -1) != 4 * planes) {
        beside = conv_norm(s, "downsample.0", "downsample.1", average(s, x, stride), 4 * planes, 1,
                           1, OMN_ACT_NONE);
        omn_node_tag(top, beside, "%s.downsample", stage);
    }
    y = omn_activate(s, omn_add(s, y, beside), OMN_ACT_RELU);
    return omn_node_tag(top, y, "%s", stage);
}

/* One query, the mean of all places, over them and itself: [B,h,w,C] -> [B,1,embed]. */
static omn_node *pool(const struct clip_image *p, omn_scope *s, omn_node *x)
{
    static const char *const names[] = { "q_proj", "k_proj", "v_proj", "c_proj" };
    const int64_t B = omn_node_dim(x, 0), C = omn_node_dim(x, -1);
    const int64_t N = omn_node_dim(x, 1) * omn_node_dim(x, 2);
    omn_attn a = { OMN_FILL(omn_attn), .heads = (uint32_t)p->heads,
                   .head_width = (uint32_t)(C / p->heads) };
    omn_node **w[] = { &a.wq, &a.wk, &a.wv, &a.wo }, **bias[] = { &a.bq, &a.bk, &a.bv, &a.bo };
    if (C % p->heads)
        return omn_scope_fail(s, OMN_ERR_CONFIG, "%d channels are not divided by %d heads", (int)C,
                              p->heads);
    for (int i = 0; i < 4; i++) {
        omn_scope *l = omn_scope_at(s, "%s", names[i]);
        const int64_t out = i < 3 ? C : p->embed;
        *w[i] = omn_weight(l, "weight", omn_dim2(out, C), OMN_INIT_FAN_IN, 1);
        *bias[i] = omn_weight(l, "bias", omn_dim1(out), OMN_INIT_ZERO, 0);
    }
    x = omn_reshape(s, x, omn_dim3(B, N, C));
    x = omn_concat(s, (omn_node *[]){ omn_sum(s, x, 2, true, true), x }, 2, 1);
    x = omn_add(s, x, omn_weight(s, "positional_embedding", omn_dim2(N + 1, C), OMN_INIT_NORMAL,
                                 0.02));
    return omn_attention(s, &a, omn_slice(s, x, 1, 0, 1), x);
}

omn_node *clip_resnet(const clip_images *t, omn_scope *s, omn_node *x)
{
    const struct clip_image *p = t->p;
    omn_scope *top = omn_scope_at(s, "/");
    const int64_t W = p->width;
    for (int i = 1; i <= 3; i++) {
        char conv[8], norm[8];
        snprintf(conv, sizeof conv, "conv%d", i);
        snprintf(norm, sizeof norm, "bn%d", i);
        x = conv_norm(s, conv, norm, x, i < 3 ? W / 2 : W, 3, i == 1 ? 2 : 1, OMN_ACT_RELU);
        omn_node_tag(top, x, "%s.stem%d", p->stage, i);
    }
    x = omn_node_tag(top, average(s, x, 2), "%s.stem", p->stage);
    for (int k = 0; k < CLIP_STAGES; k++)
        for (int i = 0; i < t->blocks[k]; i++) {
            char stage[300];
            snprintf(stage, sizeof stage, "%s.layer%d.%d", p->stage, k + 1, i);
            x = bottleneck(omn_scope_at(s, "layer%d.%d", k + 1, i), stage, x, W << k,
                           k > 0 && i == 0 ? 2 : 1);
        }
    if (p->give == CLIP_EMBEDDING) {
        x = pool(p, omn_scope_at(s, "attnpool"), x);
        omn_node *flat = omn_reshape(s, x, omn_dim2(omn_node_dim(x, 0), p->embed));
        omn_node_tag(top, flat, "%s.embed", p->stage);
        return x;
    }
    const int64_t N = omn_node_dim(x, 1) * omn_node_dim(x, 2);
    return omn_reshape(s, x, omn_dim3(omn_node_dim(x, 0), N, omn_node_dim(x, -1)));
}
