/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures through CLIP's residual network (He et al. 2016, changed): three convolutions as a stem,
 * every stride an average of neighbours instead (so that nothing aliases), and at the end attention
 * of the mean place over all places instead of their mean. */
#include "clip.h"

#include "conv_norm.h"

#include <stdio.h>

static omn_node *unit(omn_scope *s, const char *conv, const char *norm, omn_node *x, int64_t out,
                      int64_t size, int stride, omn_act act)
{
    const conv_norm n = { .conv = conv, .norm = norm, .out = out, .size = size, .stride = stride,
                          .act = act, .eps = CLIP_EPS };
    return conv_norm_build(s, &n, x);
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
    omn_node *y = unit(s, "conv1", "bn1", x, planes, 1, 1, OMN_ACT_RELU);
    omn_node_tag(top, y, "%s.relu1", stage);
    y = unit(s, "conv2", "bn2", y, planes, 3, 1, OMN_ACT_RELU);
    omn_node_tag(top, y, "%s.relu2", stage);
    y = omn_node_tag(top, average(s, y, stride), "%s.avgpool", stage);
    y = unit(s, "conv3", "bn3", y, 4 * planes, 1, 1, OMN_ACT_NONE);
    omn_node_tag(top, y, "%s.bn3", stage);
    if (stride > 1 || omn_node_dim(x, -1) != 4 * planes) {
        beside = unit(s, "downsample.0", "downsample.1", average(s, x, stride), 4 * planes, 1, 1,
                      OMN_ACT_NONE);
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
        x = unit(s, conv, norm, x, i < 3 ? W / 2 : W, 3, i == 1 ? 2 : 1, OMN_ACT_RELU);
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
